/* SPDX-License-Identifier: Apache-2.0 */
/* EV_IPL, under which shim, GRUB, systemd-boot and systemd-stub log. */
#include "decode/uefi_data.h"

/* GRUB hashes what stands behind these; the two without colon are old. */
static const struct {
	const char *prefix;
	enum uefi_ipl_kind kind;
} grub[] = {
    {"grub_cmd: ", IPL_GRUB_COMMAND},
    {"kernel_cmdline: ", IPL_KERNEL_CMDLINE},
    {"module_cmdline: ", IPL_MODULE_CMDLINE},
    {"grub_cmd ", IPL_GRUB_COMMAND},
    {"grub_kernel_cmdline ", IPL_KERNEL_CMDLINE},
};

/* shim hashes the variable and logs its name. */
static const char *const shim[] = {"MokList", "MokListX", "MokListTrusted",
    "MokSBState", "MokDBState", "MokPolicy"};

/* systemd-stub hashes the section's ASCII name with NUL, then its content,
 * and logs the name in UTF-16 for both. */
static const char *const sections[] = {".linux", ".osrel", ".cmdline",
    ".initrd", ".ucode", ".splash", ".dtb", ".dtbauto", ".hwids", ".uname",
    ".sbat", ".pcrsig", ".pcrpkey", ".profile", ".efifw"};

bool
uefi_utf16_is(struct span s, const char *ascii, size_t n)
{
	if (s.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s.p[2 * i] != (uint8_t)ascii[i] || s.p[2 * i + 1] != 0)
			return false;
	return true;
}

static bool
by_grub(struct span data, struct uefi_ipl *out)
{
	for (size_t i = 0; i < sizeof(grub) / sizeof(grub[0]); i++) {
		size_t n = strlen(grub[i].prefix);
		if (data.n < n || memcmp(data.p, grub[i].prefix, n) != 0)
			continue;
		out->kind = grub[i].kind;
		out->text = span_of(data.p + n, data.n - n);
		return true;
	}
	return false;
}

static bool
by_shim(struct span data)
{
	for (size_t i = 0; i < sizeof(shim) / sizeof(shim[0]); i++)
		if (data.n == strlen(shim[i]) + 1 &&
		    memcmp(data.p, shim[i], data.n) == 0)
			return true;
	return false;
}

static bool
by_stub(struct span data, struct uefi_ipl *out)
{
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		size_t n = strlen(sections[i]) + 1;
		if (!uefi_utf16_is(data, sections[i], n))
			continue;
		out->kind = IPL_STUB_SECTION;
		out->text = span_of(sections[i], n);
		return true;
	}
	return false;
}

struct uefi_ipl
uefi_ipl_of(const struct evlog_event *ev)
{
	struct uefi_ipl ipl = {IPL_OTHER, ev->data, false};

	if (by_grub(ev->data, &ipl) || by_stub(ev->data, &ipl))
		return ipl;
	if (by_shim(ev->data))
		ipl.kind = IPL_SHIM_VARIABLE;
	else if (ev->pcr == 9)
		ipl.kind = IPL_FILE;
	ipl.wide = ev->data.n >= 4 && ev->data.p[0] && ev->data.p[1] == 0;
	return ipl;
}

bool
uefi_by_grub(const struct evlog_event *ev)
{
	if (ev->type != EV_IPL)
		return false;
	enum uefi_ipl_kind kind = uefi_ipl_of(ev).kind;
	return kind == IPL_GRUB_COMMAND || kind == IPL_KERNEL_CMDLINE ||
	       kind == IPL_MODULE_CMDLINE || kind == IPL_FILE;
}

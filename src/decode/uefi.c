/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/uefi_data.h"

#include "base/rd.h"

const uint8_t uefi_guid_global[16] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2,
    0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
const uint8_t uefi_guid_security[16] = {0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d,
    0x96, 0x45, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f};
const uint8_t uefi_guid_shim[16] = {0x50, 0xab, 0x5d, 0x60, 0x46, 0xe0, 0x00,
    0x43, 0xab, 0xb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b, 0x23};

/* --- structures ----------------------------------------------------------- */

/* Decode a variable; the number of bytes after it in *extra. */
static bool
variable(struct span data, struct uefi_variable *out, size_t *extra)
{
	struct rd in = rd_over(data);
	const uint8_t *guid = rd_bytes(&in, 16).p;
	uint64_t name_n = rd_u64le(&in);
	uint64_t data_n = rd_u64le(&in);

	if (!rd_ok(&in) || name_n > rd_left(&in) / 2)
		return false;
	struct span name = rd_bytes(&in, (size_t)name_n * 2);
	if (data_n > rd_left(&in))
		return false;
	struct span value = rd_bytes(&in, (size_t)data_n);
	*extra = rd_left(&in);
	*out = (struct uefi_variable){guid, name, value};
	return true;
}

/* The structure is 6 bytes shorter than an old shim's event. */
enum { SHIM_EXTRA = 6 };

bool
uefi_variable_decode(const struct evlog_event *ev, struct uefi_variable *out)
{
	struct uefi_variable v;
	size_t extra;

	if (!variable(ev->data, &v, &extra) ||
	    (extra && !(extra == SHIM_EXTRA &&
			  ev->type == EV_EFI_VARIABLE_AUTHORITY)))
		return false;
	*out = v;
	return true;
}

bool
uefi_is_variable(const struct evlog_event *ev)
{
	return ev->type == EV_EFI_VARIABLE_DRIVER_CONFIG ||
	       ev->type == EV_EFI_VARIABLE_BOOT ||
	       ev->type == EV_EFI_VARIABLE_BOOT2 ||
	       ev->type == EV_EFI_VARIABLE_AUTHORITY ||
	       ev->type == EV_EFI_SPDM_DEVICE_POLICY ||
	       ev->type == EV_EFI_SPDM_DEVICE_AUTHORITY;
}

bool
uefi_variable_is(
    const struct uefi_variable *var, const uint8_t guid[16], const char *name)
{
	return memcmp(var->guid, guid, 16) == 0 &&
	       uefi_utf16_is(var->name, name, strlen(name));
}

bool
uefi_is_image(const struct evlog_event *ev)
{
	return ev->type == EV_EFI_BOOT_SERVICES_APPLICATION ||
	       ev->type == EV_EFI_BOOT_SERVICES_DRIVER ||
	       ev->type == EV_EFI_RUNTIME_SERVICES_DRIVER;
}

bool
uefi_image_decode(const struct evlog_event *ev, struct uefi_image *out)
{
	struct rd in = rd_over(ev->data);
	uint64_t location = rd_u64le(&in);
	uint64_t length = rd_u64le(&in);
	uint64_t link_address = rd_u64le(&in);
	uint64_t path_n = rd_u64le(&in);

	/* Bytes after a path of length 0 are common and mean nothing. */
	if (!rd_ok(&in) || path_n > rd_left(&in))
		return false;
	struct span path = rd_bytes(&in, (size_t)path_n);
	*out = (struct uefi_image){location, length, link_address, path};
	return true;
}

bool
uefi_tagged_decode(const struct evlog_event *ev, struct uefi_tagged *out)
{
	struct rd in = rd_over(ev->data);
	uint32_t id = rd_u32le(&in);
	struct span data = rd_bytes(&in, rd_u32le(&in));

	if (!rd_done(&in))
		return false;
	*out = (struct uefi_tagged){id, data};
	return true;
}

static const uint8_t separator_error[4] = {1, 0, 0, 0};
static const uint8_t separator_ones[4] = {0xff, 0xff, 0xff, 0xff};

/* What a separator may have hashed, in the order of hashed_separator(). */
enum { BOUND_DATA = 1, BOUND_ERROR = 2, BOUND_ONES = 3 };

enum uefi_separator
uefi_separator(const struct evlog_event *ev, unsigned bound)
{
	struct span s = ev->data;

	if (bound == BOUND_ONES)
		return SEPARATOR_NORMAL;
	if (bound == BOUND_ERROR ||
	    span_eq(s, span_of(separator_error, sizeof(separator_error))))
		return SEPARATOR_ERROR;
	/* One legacy firmware measures a single byte. */
	if ((s.n == 4 || s.n == 1) && (span_all(s, 0x00) || span_all(s, 0xff)))
		return SEPARATOR_NORMAL;
	return SEPARATOR_OTHER;
}

bool
uefi_action_is(const struct evlog_event *ev, const char *words)
{
	return (ev->type == EV_EFI_ACTION || ev->type == EV_ACTION) &&
	       span_eq(uefi_chomp(ev->data), span_str(words));
}

/* --- what a digest may cover ---------------------------------------------- */

static struct uefi_hashed
one(struct span s)
{
	return (struct uefi_hashed){1, {s}, 0};
}

static struct uefi_hashed
either(struct span a, struct span b)
{
	return a.n == b.n ? one(a) : (struct uefi_hashed){2, {a, b}, 0};
}

static struct span
without_last(struct span s, size_t n)
{
	return span_of(s.p, s.n < n ? 0 : s.n - n);
}

static bool
ends_in_nul(struct span s)
{
	return s.n && s.p[s.n - 1] == 0;
}

static struct uefi_hashed
hashed_nothing(const struct evlog_event *ev)
{
	(void)ev;
	return (struct uefi_hashed){0};
}

static struct uefi_hashed
hashed_whole(const struct evlog_event *ev)
{
	return one(ev->data);
}

/* The specification wants the variable's data; many firmwares hash all. */
static struct uefi_hashed
hashed_boot_variable(const struct evlog_event *ev)
{
	struct uefi_variable var;

	if (!uefi_variable_decode(ev, &var))
		return one(ev->data);
	return (struct uefi_hashed){2, {var.data, ev->data}, 0};
}

/* An old shim hashes all but the last of the bytes that it logs. */
static struct uefi_hashed
hashed_authority(const struct evlog_event *ev)
{
	struct uefi_variable var;
	size_t extra = 0;

	if (variable(ev->data, &var, &extra) && extra == SHIM_EXTRA)
		return either(without_last(ev->data, 1), ev->data);
	return one(ev->data);
}

/* Strings are hashed without NUL; one vendor's come with it. */
static struct uefi_hashed
hashed_string(const struct evlog_event *ev)
{
	return either(ev->data,
	    ends_in_nul(ev->data) ? without_last(ev->data, 1) : ev->data);
}

/* An error separator extends H(01000000) and may log a text (PFP 10.4.4); the
 * firmware of Power machines extends H(ffffffff) and logs one. */
static struct uefi_hashed
hashed_separator(const struct evlog_event *ev)
{
	struct span error = span_of(separator_error, sizeof(separator_error));

	if (span_eq(ev->data, error))
		return one(ev->data);
	return (struct uefi_hashed){
	    3, {ev->data, error, span_of(separator_ones, 4)}, 0};
}

/* Windows hashes the tagged structure, OS loaders what it contains. */
static struct uefi_hashed
hashed_tagged(const struct evlog_event *ev)
{
	struct uefi_tagged tag;

	if (!uefi_tagged_decode(ev, &tag) || tag.data.n == 0)
		return one(ev->data);
	return (struct uefi_hashed){2, {ev->data, tag.data}, 0};
}

/* Of what a device said of itself, the SPDM measurement block is hashed. */
static struct uefi_hashed
hashed_spdm(const struct evlog_event *ev)
{
	struct uefi_spdm spdm;

	if (!uefi_spdm_decode(ev, &spdm) || spdm.block.n == 0)
		return (struct uefi_hashed){0};
	return one(spdm.block);
}

/* What the boot loaders hash of what they log under EV_IPL. */
static struct uefi_hashed
hashed_ipl(const struct evlog_event *ev)
{
	struct uefi_ipl ipl = uefi_ipl_of(ev);
	struct span text = ipl.text;

	if (ipl.kind == IPL_FILE || ipl.kind == IPL_SHIM_VARIABLE)
		return (struct uefi_hashed){0};
	if (!ends_in_nul(text) || ipl.kind == IPL_STUB_SECTION)
		return one(text);
	/* systemd-boot's command line, logged a byte short of its NUL */
	if (ipl.wide && text.n % 2)
		return (struct uefi_hashed){2, {text, text}, 1};
	return either(without_last(text, ipl.wide ? 2 : 1), text);
}

/* Types that are not listed may have hashed their data, whatever it is. */
static const struct {
	uint32_t type;
	struct uefi_hashed (*hashed)(const struct evlog_event *ev);
} hashed_by_type[] = {
    {EV_IPL, hashed_ipl},
    {EV_SEPARATOR, hashed_separator},
    {EV_ACTION, hashed_string},
    {EV_EFI_ACTION, hashed_string},
    {EV_OMIT_BOOT_DEVICE_EVENTS, hashed_string},
    {EV_EFI_HCRTM_EVENT, hashed_string},
    {EV_EVENT_TAG, hashed_tagged},
    {EV_EFI_VARIABLE_BOOT, hashed_boot_variable},
    {EV_EFI_VARIABLE_AUTHORITY, hashed_authority},
    {EV_NO_ACTION, hashed_nothing},
    {EV_PREBOOT_CERT, hashed_nothing},
    {EV_POST_CODE, hashed_nothing},
    {EV_POST_CODE2, hashed_nothing},
    {EV_S_CRTM_CONTENTS, hashed_nothing},
    {EV_CPU_MICROCODE, hashed_nothing},
    {EV_NONHOST_CODE, hashed_nothing},
    {EV_NONHOST_CONFIG, hashed_nothing},
    {EV_EFI_BOOT_SERVICES_APPLICATION, hashed_nothing},
    {EV_EFI_BOOT_SERVICES_DRIVER, hashed_nothing},
    {EV_EFI_RUNTIME_SERVICES_DRIVER, hashed_nothing},
    {EV_EFI_PLATFORM_FIRMWARE_BLOB, hashed_nothing},
    {EV_EFI_PLATFORM_FIRMWARE_BLOB2, hashed_nothing},
    {EV_EFI_HANDOFF_TABLES, hashed_nothing},
    {EV_EFI_HANDOFF_TABLES2, hashed_nothing},
    {EV_EFI_SPDM_FIRMWARE_BLOB, hashed_spdm},
    {EV_EFI_SPDM_FIRMWARE_CONFIG, hashed_spdm},
};

struct uefi_hashed
uefi_hashed(const struct evlog_event *ev)
{
	size_t n = sizeof(hashed_by_type) / sizeof(hashed_by_type[0]);

	for (size_t i = 0; i < n; i++)
		if (hashed_by_type[i].type == ev->type)
			return hashed_by_type[i].hashed(ev);
	return hashed_whole(ev);
}

/* --- what of the text is covered ------------------------------------------ */

const char *
uefi_cover_name(enum uefi_cover cover)
{
	static const char *const names[] = {"none", "value", "all"};

	return names[cover];
}

/* What is hashed is all of the data, or all but an ending or a beginning that
 * names a kind, as the event's type does, which no digest covers either. */
enum uefi_cover
uefi_cover(const struct evlog_event *ev, unsigned bound)
{
	struct uefi_hashed of = uefi_hashed(ev);

	if (bound == 0 || bound > of.n)
		return COVER_NONE;
	switch (ev->type) {
	case EV_SEPARATOR:
		return bound == BOUND_DATA ? COVER_ALL : COVER_NONE;
	case EV_EFI_VARIABLE_BOOT:
		return of.n == 2 && bound == 1 ? COVER_VALUE : COVER_ALL;
	case EV_EFI_SPDM_FIRMWARE_BLOB:
	case EV_EFI_SPDM_FIRMWARE_CONFIG:
		return COVER_VALUE;
	default:
		return COVER_ALL;
	}
}

/* --- the log as a whole --------------------------------------------------- */

bool
uefi_is_secure_boot(const struct evlog_event *ev)
{
	struct uefi_variable var;

	return ev->pcr == 7 && ev->type == EV_EFI_VARIABLE_DRIVER_CONFIG &&
	       uefi_variable_decode(ev, &var) &&
	       uefi_variable_is(&var, uefi_guid_global, "SecureBoot");
}

enum evlog_profile
uefi_profile(const struct evlog *log)
{
	bool secure_boot = false;

	if (log->format == EVLOG_AGILE && log->events_n &&
	    log->events[0].pcr == 1)
		return EVLOG_CC;
	for (size_t i = 0; i < log->events_n; i++) {
		const struct evlog_event *ev = &log->events[i];
		struct uefi_variable var;
		if (ev->pcr > 4 && evlog_extended(ev))
			return EVLOG_PC;
		secure_boot =
		    secure_boot ||
		    (ev->pcr == 1 &&
			ev->type == EV_EFI_VARIABLE_DRIVER_CONFIG &&
			uefi_variable_decode(ev, &var) &&
			uefi_variable_is(&var, uefi_guid_global, "SecureBoot"));
	}
	return secure_boot ? EVLOG_CC : EVLOG_PC;
}

/* An image in PCR 4 is the kernel or a UKI when an OS loader measured before
 * it, or when nothing but its own stub did after it. GRUB measures its first
 * command before it loads a kernel; stubs start after they were loaded. */
static bool
is_kernel(const struct evlog *log, const struct evlog_event *ev)
{
	size_t from = log->os_loader_from;

	if (ev->index > from)
		return true;
	if (from >= log->events_n)
		return false;
	if (uefi_by_grub(&log->events[from]))
		return false;
	for (size_t i = (size_t)ev->index + 1; i < from; i++)
		if (log->events[i].pcr == 4 && uefi_is_image(&log->events[i]))
			return false;
	return true;
}

const char *
uefi_layer(const struct evlog *log, const struct evlog_event *ev)
{
	static const char *const by_pcr[] = {"firmware", "firmware", "firmware",
	    "firmware", "bootloader", "bootloader", "firmware", "firmware",
	    "os", "os", "os", "os", "os", "os", "bootloader"};
	static const char *const by_register[] = {
	    "firmware", "firmware", "bootloader", "os", "os"};

	if (log->profile == EVLOG_CC)
		return ev->pcr < 5 ? by_register[ev->pcr] : "firmware";
	if (ev->pcr == 4 && uefi_is_image(ev) && is_kernel(log, ev))
		return "os";
	if (ev->pcr == 7 && ev->type == EV_EFI_VARIABLE_AUTHORITY)
		return "bootloader";
	if (ev->pcr == 8 && ev->type == EV_IPL &&
	    uefi_ipl_of(ev).kind == IPL_GRUB_COMMAND)
		return "bootloader";
	if (ev->pcr == UINT32_MAX)
		return "firmware";
	return ev->pcr < sizeof(by_pcr) / sizeof(by_pcr[0]) ? by_pcr[ev->pcr]
							    : "os";
}

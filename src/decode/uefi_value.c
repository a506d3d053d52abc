/* SPDX-License-Identifier: Apache-2.0 */
/* Variables in words. */
#include "base/rd.h"
#include "decode/devpath.h"
#include "decode/uefi_data.h"
#include "decode/uefi_text.h"
#include "decode/x509_name.h"

void
text_certificate(struct span der, struct line *l)
{
	struct x509_names names;

	if (x509_names_decode(der, &names))
		x509_name_short(names.subject, l);
	else
		line_puts(l, "a certificate that is not DER");
}

/* "2 X.509, 77 SHA-256 (CA 1, CA 2)": names of certificates in order. */
static void
value_database(struct span v, struct line *l)
{
	size_t count[SIG_KINDS] = {0};
	struct efi_sigs lists = efi_sigs_over(v);
	struct efi_sig sig;
	const char *between = "";

	while (efi_sigs_next(&lists, &sig))
		count[sig.kind]++;
	if (v.n == 0)
		line_puts(l, "empty");
	for (size_t i = 0; i < SIG_KINDS; i++) {
		if (count[i] == 0)
			continue;
		line_printf(l, "%s%zu %s", between, count[i],
		    efi_sig_kind_name((enum efi_sig_kind)i));
		between = ", ";
	}
	if (lists.malformed)
		line_puts(l, " (malformed signature list)");
	if (count[SIG_X509] == 0)
		return;
	between = " (";
	for (lists = efi_sigs_over(v); efi_sigs_next(&lists, &sig) && !l->cut;)
		if (sig.kind == SIG_X509) {
			line_puts(l, between);
			text_certificate(sig.data, l);
			between = ", ";
		}
	line_puts(l, ")");
}

static void
value_authority(struct span v, struct line *l)
{
	struct uefi_authority by = uefi_authority_of(v);

	if (by.kind == SIG_X509) {
		text_certificate(by.data, l);
	} else if (by.kind == SIG_SHA256) {
		line_puts(l, "SHA-256 ");
		line_hex(l, by.data, 32);
	} else {
		line_hex(l, v, HEX_SHOWN);
	}
}

static void
value_boot_order(struct span v, struct line *l)
{
	struct rd in = rd_over(v);

	for (size_t i = 0; rd_left(&in) >= 2 && !l->cut; i++)
		line_printf(l, "%s%04X", i ? "," : "", rd_u16le(&in));
}

static void
value_boot_option(struct span v, struct line *l)
{
	struct uefi_load_option option;

	if (!uefi_load_option_decode(v, &option)) {
		text_malformed(v, l);
		return;
	}
	line_utf16(l, option.name);
	line_puts(l, ": ");
	if (!devpath_text(option.path, l))
		line_puts(l, " (malformed device path)");
}

static void
value(const struct uefi_variable *var, bool authority, struct line *l)
{
	if (uefi_variable_is(var, uefi_guid_shim, "SbatLevel"))
		text_guess(var->data, l);
	else if (authority)
		value_authority(var->data, l);
	else if (uefi_is_database(var))
		value_database(var->data, l);
	else if (uefi_variable_is(var, uefi_guid_global, "BootOrder"))
		value_boot_order(var->data, l);
	else if (uefi_is_boot_option(var))
		value_boot_option(var->data, l);
	else
		line_hex(l, var->data, HEX_SHOWN);
}

void
text_variable(const struct evlog_event *ev, struct line *l)
{
	struct uefi_variable var;

	if (!uefi_variable_decode(ev, &var)) {
		text_malformed(ev->data, l);
		return;
	}
	line_utf16(l, var.name);
	line_puts(l, " = ");
	value(&var, uefi_is_authority(ev), l);
	if (memcmp(var.guid, uefi_guid_global, 16) == 0 ||
	    memcmp(var.guid, uefi_guid_security, 16) == 0 ||
	    memcmp(var.guid, uefi_guid_shim, 16) == 0)
		return;
	line_puts(l, " (vendor ");
	line_guid(l, var.guid);
	line_puts(l, ")");
}

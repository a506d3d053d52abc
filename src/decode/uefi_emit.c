/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/uefi_emit.h"

#include "base/rd.h"
#include "decode/devpath.h"
#include "decode/sipa.h"
#include "decode/uefi_data.h"
#include "decode/uefi_text.h"
#include "decode/x509_name.h"

/* Bytes of an EFI_TIME. */
enum { EFI_TIME = 16 };

/* --- members -------------------------------------------------------------- */

static void
line_member(struct jw *w, const char *key, const struct line *l)
{
	jw_kspan(w, key, span_of(l->p, l->n));
}

/* 64 bits do not fit into the numbers of every JSON reader. */
static void
wide_number(struct jw *w, const char *key, uint64_t v)
{
	struct line l;

	line_init(&l);
	line_printf(&l, "0x%llx", (unsigned long long)v);
	line_member(w, key, &l);
}

static void
guid_member(struct jw *w, const char *key, const uint8_t *guid)
{
	struct line l;

	line_init(&l);
	line_guid(&l, guid);
	line_member(w, key, &l);
}

static void
wide_member(struct jw *w, const char *key, struct span utf16)
{
	struct line l;

	line_init(&l);
	line_utf16(&l, utf16);
	line_member(w, key, &l);
}

static void
text_member(struct jw *w, const char *key, struct span utf8)
{
	struct line l;

	line_init(&l);
	line_utf8(&l, uefi_chomp(utf8));
	line_member(w, key, &l);
}

/* Text as it is, line ends included; not with NULs inside, which some JSON
 * readers refuse. */
static void
raw_member(struct jw *w, const char *key, struct span utf8)
{
	utf8 = uefi_chomp(utf8);
	if (utf8.n && memchr(utf8.p, 0, utf8.n))
		text_member(w, key, utf8);
	else
		jw_kspan(w, key, utf8);
}

/* A device path as text, null if it is malformed. */
static void
path_member(struct jw *w, const char *key, struct span path)
{
	struct line l;

	line_init(&l);
	if (devpath_text(path, &l)) {
		line_member(w, key, &l);
		return;
	}
	jw_key(w, key);
	jw_null(w);
}

/* Open the event's object. */
static void
kind(struct jw *w, const char *name)
{
	jw_object(w);
	jw_kstr(w, "kind", name);
}

/* --- EV_NO_ACTION and firmware -------------------------------------------- */

static bool
emit_specid(const struct evlog_event *ev, struct jw *w)
{
	struct uefi_specid id;

	if (!uefi_specid_decode(ev, &id))
		return false;
	struct rd in = rd_over(id.alg_list);
	kind(w, "spec_id");
	jw_ku64(w, "form", id.form);
	jw_ku64(w, "major", id.major);
	jw_ku64(w, "minor", id.minor);
	jw_ku64(w, "errata", id.errata);
	jw_key(w, "algorithms");
	jw_array(w);
	while (rd_left(&in) >= 4) {
		jw_object(w);
		jw_ku64(w, "id", rd_u16le(&in));
		jw_ku64(w, "size", rd_u16le(&in));
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_object_end(w);
	return true;
}

/* Where something is said to be: an address as text, anything else as hex. */
static void
emit_locator(struct jw *w, const char *type_key, const char *key, uint32_t type,
    struct span locator)
{
	jw_ku64(w, type_key, type);
	if (type == 1)
		text_member(w, key, locator);
	else
		jw_khex(w, key, locator);
}

static bool
emit_component(const struct evlog_event *ev, struct jw *w)
{
	struct uefi_component c;

	if (!uefi_component_decode(ev, &c))
		return false;
	kind(w, "hcrtm_component");
	text_member(w, "name", c.name);
	jw_ku64(w, "format", c.format);
	jw_khex(w, "measurement", c.measurement);
	jw_object_end(w);
	return true;
}

static bool
emit_platform_id(const struct evlog_event *ev, struct jw *w)
{
	struct uefi_platform_id id;

	if (!uefi_platform_id_decode(ev, &id))
		return false;
	kind(w, "platform_id");
	jw_ku64(w, "form", id.form);
	jw_ku64(w, "vendor", id.vendor);
	guid_member(w, "manifest", id.manifest);
	if (id.form >= 2) {
		text_member(w, "manufacturer", id.manufacturer);
		text_member(w, "model", id.model);
		text_member(w, "version", id.version);
		text_member(
		    w, "firmware_manufacturer", id.firmware_manufacturer);
		jw_ku64(w, "firmware_vendor", id.firmware_vendor);
		text_member(w, "firmware_version", id.firmware_version);
	}
	if (id.form == 3) {
		emit_locator(w, "reference_values_locator", "reference_values",
		    id.rim_type, id.rim);
		emit_locator(w, "platform_certificate_locator",
		    "platform_certificate", id.cert_type, id.cert);
	}
	jw_object_end(w);
	return true;
}

static bool
emit_locality(const struct evlog_event *ev, struct jw *w)
{
	static const char signature[] = "StartupLocality";

	if (ev->data.n != 17 || memcmp(ev->data.p, signature, 16) != 0)
		return false;
	kind(w, "startup_locality");
	jw_ku64(w, "locality", ev->data.p[16]);
	jw_object_end(w);
	return true;
}

static bool
emit_sipa(const struct evlog_event *ev, struct jw *w)
{
	struct sipa s = sipa_over(ev->data);
	struct sipa_record r;
	size_t n = 0;

	kind(w, "windows");
	jw_key(w, "records");
	jw_array(w);
	while (n++ < UEFI_EMIT_LIST && sipa_next(&s, &r)) {
		jw_object(w);
		jw_ku64(w, "type", r.type);
		jw_kstr(w, "name", r.name);
		jw_ku64(w, "depth", r.depth);
		if (!r.container) {
			struct line l;
			line_init(&l);
			sipa_value(&r, &l);
			line_member(w, "value", &l);
		}
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_kbool(w, "malformed", s.malformed);
	jw_kbool(w, "more", n > UEFI_EMIT_LIST);
	jw_object_end(w);
	return true;
}

static bool
emit_no_action(const struct evlog_event *ev, struct jw *w)
{
	return emit_specid(ev, w) || emit_platform_id(ev, w) ||
	       emit_locality(ev, w) || emit_component(ev, w) ||
	       (ev->pcr == UINT32_MAX && emit_sipa(ev, w));
}

static bool
emit_blob(const struct evlog_event *ev, struct jw *w)
{
	struct uefi_blob blob;

	if (!uefi_blob_decode(ev, &blob))
		return false;
	kind(w, "blob");
	if (blob.name.n)
		text_member(w, "name", blob.name);
	wide_number(w, "base", blob.base);
	wide_number(w, "length", blob.length);
	jw_object_end(w);
	return true;
}

static bool
emit_tables(const struct evlog_event *ev, struct jw *w)
{
	struct uefi_tables tables;

	if (!uefi_tables_decode(ev, &tables))
		return false;
	struct rd in = rd_over(tables.entries);
	kind(w, "handoff_tables");
	if (tables.name.n)
		text_member(w, "name", tables.name);
	jw_key(w, "tables");
	jw_array(w);
	for (size_t i = 0; i < tables.n && i < UEFI_EMIT_LIST; i++) {
		jw_object(w);
		guid_member(w, "guid", rd_bytes(&in, 16).p);
		wide_number(w, "address", rd_u64le(&in));
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_kbool(w, "more", tables.n > UEFI_EMIT_LIST);
	jw_object_end(w);
	return true;
}

static bool
emit_spdm(const struct evlog_event *ev, struct jw *w)
{
	struct uefi_spdm spdm;

	if (!uefi_spdm_decode(ev, &spdm))
		return false;
	kind(w, "device_measurement");
	jw_kbool(w, "authenticated", spdm.auth_state == 0);
	jw_ku64(w, "device_type", spdm.device);
	path_member(w, "path", spdm.path);
	jw_kbool(w, "certificates", spdm.certificates);
	if (!spdm.certificates) {
		jw_ku64(w, "index", spdm.index);
		jw_ku64(w, "value_type", spdm.value_type);
		jw_khex(w, "value", spdm.value);
	}
	jw_object_end(w);
	return true;
}

/* --- images and disks ----------------------------------------------------- */

static bool
emit_image(const struct evlog_event *ev, struct jw *w)
{
	struct uefi_image image;

	if (!uefi_image_decode(ev, &image))
		return false;
	kind(w, "image");
	wide_number(w, "location", image.location);
	wide_number(w, "length", image.length);
	path_member(w, "path", image.path);
	jw_object_end(w);
	return true;
}

static bool
emit_gpt(const struct evlog_event *ev, struct jw *w)
{
	struct uefi_gpt gpt;

	if (!uefi_gpt_decode(ev, &gpt))
		return false;
	kind(w, "gpt");
	guid_member(w, "disk", gpt.disk);
	jw_key(w, "partitions");
	jw_array(w);
	for (size_t i = 0; i < gpt.n && i < UEFI_EMIT_LIST; i++) {
		struct uefi_partition part = uefi_gpt_entry(&gpt, i);
		jw_object(w);
		guid_member(w, "type", part.type);
		guid_member(w, "id", part.id);
		wide_member(w, "name", part.name);
		wide_number(w, "first", part.first);
		wide_number(w, "last", part.last);
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_kbool(w, "more", gpt.n > UEFI_EMIT_LIST);
	jw_object_end(w);
	return true;
}

/* --- variables ------------------------------------------------------------ */

static void
name_member(struct jw *w, const char *key, struct span name)
{
	struct line l;

	line_init(&l);
	x509_name_full(name, &l);
	line_member(w, key, &l);
}

/* Members of a certificate, none if its names cannot be read. */
static void
certificate_members(struct jw *w, struct span der)
{
	struct x509_names names;

	if (!x509_names_decode(der, &names))
		return;
	name_member(w, "subject", names.subject);
	name_member(w, "issuer", names.issuer);
	jw_khex(w, "serial", names.serial);
}

/* A certificate that is revoked is named by its digest and, unless that is
 * zero, the time since when (EFI_CERT_X509_SHA256 and its kin). */
static void
emit_entry(const struct efi_sig *sig, struct jw *w)
{
	bool revoked = sig->kind == SIG_X509_SHA256 ||
		       sig->kind == SIG_X509_SHA384 ||
		       sig->kind == SIG_X509_SHA512;
	struct rd in = rd_over(sig->data);

	if (sig->kind == SIG_X509) {
		certificate_members(w, sig->data);
	} else if (revoked && sig->data.n > EFI_TIME) {
		struct line l;
		uint8_t t[5];
		jw_khex(w, "data", rd_bytes(&in, sig->data.n - EFI_TIME));
		unsigned year = rd_u16le(&in);
		rd_copy(&in, t, sizeof(t));
		line_init(&l);
		line_printf(&l, "%04u-%02u-%02uT%02u:%02u:%02uZ", year, t[0],
		    t[1], t[2], t[3], t[4]);
		if (year)
			line_member(w, "revoked_from", &l);
	} else {
		jw_khex(w, "data", sig->data);
	}
}

static void
emit_database(struct span value, struct jw *w)
{
	struct efi_sigs lists = efi_sigs_over(value);
	struct efi_sig sig;
	size_t n = 0;

	jw_key(w, "entries");
	jw_array(w);
	while (n++ < UEFI_EMIT_LIST && efi_sigs_next(&lists, &sig)) {
		jw_object(w);
		jw_kstr(w, "kind", efi_sig_kind_name(sig.kind));
		guid_member(w, "owner", sig.owner);
		emit_entry(&sig, w);
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_kbool(w, "malformed", lists.malformed);
	jw_kbool(w, "more", n > UEFI_EMIT_LIST);
}

static void
emit_authority(struct span value, struct jw *w)
{
	struct uefi_authority by = uefi_authority_of(value);

	jw_key(w, "authority");
	jw_object(w);
	jw_kstr(w, "kind", efi_sig_kind_name(by.kind));
	if (by.owner)
		guid_member(w, "owner", by.owner);
	if (by.kind == SIG_X509)
		certificate_members(w, by.data);
	else
		jw_khex(w, "data", by.data);
	jw_object_end(w);
}

static void
emit_load_option(struct span value, struct jw *w)
{
	struct uefi_load_option option;

	if (!uefi_load_option_decode(value, &option))
		return;
	jw_key(w, "load_option");
	jw_object(w);
	jw_kbool(w, "active", option.attributes & 1);
	wide_member(w, "description", option.name);
	path_member(w, "path", option.path);
	jw_khex(w, "data", option.data);
	jw_object_end(w);
}

static bool
emit_variable(const struct evlog_event *ev, struct jw *w)
{
	struct uefi_variable var;

	if (!uefi_variable_decode(ev, &var))
		return false;
	kind(w, "variable");
	guid_member(w, "vendor", var.guid);
	wide_member(w, "name", var.name);
	jw_ku64(w, "size", var.data.n);
	if (uefi_is_database(&var) && !uefi_is_authority(ev))
		emit_database(var.data, w);
	if (uefi_is_boot_option(&var))
		emit_load_option(var.data, w);
	if (uefi_variable_is(&var, uefi_guid_shim, "SbatLevel"))
		raw_member(w, "text", var.data);
	else if (uefi_is_authority(ev))
		emit_authority(var.data, w);
	jw_object_end(w);
	return true;
}

/* --- loaders -------------------------------------------------------------- */

static bool
emit_tagged(const struct evlog_event *ev, struct jw *w)
{
	struct uefi_tagged tag;

	if (!uefi_tagged_decode(ev, &tag))
		return false;
	const char *name = uefi_tag_name(tag.id);
	if (!name && ev->pcr >= 11 && ev->pcr <= 14)
		return emit_sipa(ev, w);
	kind(w, "tagged");
	jw_ku64(w, "id", tag.id);
	jw_kstr(w, "name", name);
	jw_khex(w, "data", tag.data);
	jw_object_end(w);
	return true;
}

static bool
emit_ipl(const struct evlog_event *ev, struct jw *w)
{
	static const char *const kinds[] = {
	    [IPL_OTHER] = "loader_text",
	    [IPL_GRUB_COMMAND] = "grub_command",
	    [IPL_KERNEL_CMDLINE] = "kernel_cmdline",
	    [IPL_MODULE_CMDLINE] = "module_cmdline",
	    [IPL_FILE] = "file",
	    [IPL_SHIM_VARIABLE] = "shim_variable",
	    [IPL_STUB_SECTION] = "uki_section",
	};
	struct uefi_ipl ipl = uefi_ipl_of(ev);

	kind(w, kinds[ipl.kind]);
	if (ipl.wide)
		wide_member(w, "text", ipl.text);
	else
		raw_member(w, "text", ipl.text);
	jw_object_end(w);
	return true;
}

static void
emit_separator(const struct evlog_event *ev, unsigned bound, struct jw *w)
{
	static const char *const states[] = {"normal", "error", "other"};

	kind(w, "separator");
	jw_kstr(w, "state", states[uefi_separator(ev, bound)]);
	jw_object_end(w);
}

/* --- what is text, or nothing that is known --------------------------------
 */

static bool
emit_version(const struct evlog_event *ev, struct jw *w)
{
	struct line l;

	line_init(&l);
	text_version(ev, &l);
	kind(w, "firmware_version");
	line_member(w, "text", &l);
	jw_object_end(w);
	return true;
}

/* The kinds are names of the specification for what was hashed. */
static bool
emit_text(const struct evlog_event *ev, struct jw *w)
{
	static const struct {
		uint32_t type;
		const char *kind;
	} kinds[] = {
	    {EV_ACTION, "action"},
	    {EV_EFI_ACTION, "action"},
	    {EV_OMIT_BOOT_DEVICE_EVENTS, "action"},
	    {EV_EFI_HCRTM_EVENT, "action"},
	    {EV_POST_CODE, "post_code"},
	    {EV_S_CRTM_CONTENTS, "crtm_contents"},
	    {EV_CPU_MICROCODE, "cpu_microcode"},
	    {EV_PLATFORM_CONFIG_FLAGS, "platform_config"},
	    {EV_TABLE_OF_DEVICES, "table_of_devices"},
	    {EV_COMPACT_HASH, "compact_hash"},
	    {EV_IPL_PARTITION_DATA, "partition_data"},
	    {EV_NONHOST_CODE, "nonhost_code"},
	    {EV_NONHOST_CONFIG, "nonhost_config"},
	    {EV_NONHOST_INFO, "nonhost_info"},
	};
	struct line l;
	size_t i = 0;

	while (
	    i < sizeof(kinds) / sizeof(kinds[0]) && kinds[i].type != ev->type)
		i++;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		return false;
	line_init(&l);
	text_guess(ev->data, &l);
	kind(w, kinds[i].kind);
	line_member(w, "text", &l);
	jw_object_end(w);
	return true;
}

static const struct {
	uint32_t type;
	bool (*emit)(const struct evlog_event *ev, struct jw *w);
} emitters[] = {
    {EV_NO_ACTION, emit_no_action},
    {EV_EVENT_TAG, emit_tagged},
    {EV_IPL, emit_ipl},
    {EV_S_CRTM_VERSION, emit_version},
    {EV_POST_CODE, emit_blob},
    {EV_POST_CODE2, emit_blob},
    {EV_EFI_PLATFORM_FIRMWARE_BLOB, emit_blob},
    {EV_EFI_PLATFORM_FIRMWARE_BLOB2, emit_blob},
    {EV_EFI_HANDOFF_TABLES, emit_tables},
    {EV_EFI_HANDOFF_TABLES2, emit_tables},
    {EV_EFI_BOOT_SERVICES_APPLICATION, emit_image},
    {EV_EFI_BOOT_SERVICES_DRIVER, emit_image},
    {EV_EFI_RUNTIME_SERVICES_DRIVER, emit_image},
    {EV_EFI_GPT_EVENT, emit_gpt},
    {EV_EFI_GPT_EVENT2, emit_gpt},
    {EV_EFI_VARIABLE_DRIVER_CONFIG, emit_variable},
    {EV_EFI_VARIABLE_BOOT, emit_variable},
    {EV_EFI_VARIABLE_BOOT2, emit_variable},
    {EV_EFI_VARIABLE_AUTHORITY, emit_variable},
    {EV_EFI_SPDM_FIRMWARE_BLOB, emit_spdm},
    {EV_EFI_SPDM_FIRMWARE_CONFIG, emit_spdm},
    {EV_EFI_SPDM_DEVICE_POLICY, emit_variable},
    {EV_EFI_SPDM_DEVICE_AUTHORITY, emit_variable},
};

void
uefi_emit(const struct evlog_event *ev, unsigned bound, struct jw *w)
{
	if (ev->type == EV_SEPARATOR) {
		emit_separator(ev, bound, w);
		return;
	}
	for (size_t i = 0; i < sizeof(emitters) / sizeof(emitters[0]); i++)
		if (emitters[i].type == ev->type && emitters[i].emit(ev, w))
			return;
	if (!emit_text(ev, w))
		jw_null(w);
}

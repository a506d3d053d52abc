/* SPDX-License-Identifier: Apache-2.0 */
/* uefi_describe(): one line per event. A structure that does not decode is
 * shown as hex with the word "malformed", never guessed at. */
#include "base/rd.h"
#include "decode/devpath.h"
#include "decode/sipa.h"
#include "decode/uefi_text.h"
#include "decode/uefi_data.h"

void
text_malformed(struct span data, struct line *l)
{
	line_puts(l, "malformed: ");
	line_hex(l, data, HEX_SHOWN);
}

/* --- plain text ----------------------------------------------------------- */

/* Characters of 1 or 2 bytes, mostly printable ASCII: what is not will be
 * escaped. */
static bool
looks_text(struct span s, size_t width)
{
	size_t odd = 0;

	if (s.n < width || s.n % width)
		return false;
	for (size_t i = 0; i < s.n; i += width) {
		if (width == 2 && s.p[i + 1] != 0)
			return false;
		odd += s.p[i] < 0x20 || s.p[i] > 0x7e;
	}
	return odd <= s.n / width / 8;
}

static struct span
without_wide_nul(struct span s)
{
	return s.n >= 2 && s.p[s.n - 1] == 0 && s.p[s.n - 2] == 0
		   ? span_of(s.p, s.n - 2)
		   : s;
}

void
text_guess(struct span s, struct line *l)
{
	if (looks_text(without_wide_nul(s), 2))
		line_utf16(l, s);
	else if (looks_text(uefi_chomp(s), 1))
		line_utf8(l, uefi_chomp(s));
	else
		line_hex(l, s, HEX_SHOWN);
}

/* Windows: "trust_boundary: os_kernel_debug=no, code_integrity=yes, …". */
static void
put_sipa(struct span data, struct line *l)
{
	struct sipa s = sipa_over(data);
	struct sipa_record r;
	const char *between = "";

	while (sipa_next(&s, &r) && !l->cut) {
		line_puts(l, between);
		if (r.name)
			line_puts(l, r.name);
		else
			line_printf(l, "0x%08x", r.type);
		between = r.container ? ": " : ", ";
		if (r.container)
			continue;
		line_puts(l, "=");
		sipa_value(&r, l);
	}
	if (s.malformed && !*between)
		text_malformed(data, l);
	else if (s.malformed)
		line_puts(l, " (malformed)");
}

static void
describe_text(const struct evlog_event *ev, struct line *l)
{
	text_guess(ev->data, l);
}

/* Text of a loader, whatever its language; systemd's is UTF-16. */
static void
describe_ipl(const struct evlog_event *ev, struct line *l)
{
	if (ev->data.n >= 2 && ev->data.p[0] != 0 && ev->data.p[1] == 0)
		line_utf16(l, ev->data);
	else
		line_utf8(l, uefi_chomp(ev->data));
}

void
text_version(const struct evlog_event *ev, struct line *l)
{
	if (ev->data.n == 16 && !looks_text(without_wide_nul(ev->data), 2))
		line_guid(l, ev->data.p);
	else if (ev->data.n > 2 || !span_all(ev->data, 0))
		text_guess(ev->data, l);
}

static void
describe_separator(const struct evlog_event *ev, struct line *l)
{
	enum uefi_separator kind = uefi_separator(ev, 0);

	line_puts(
	    l, kind == SEPARATOR_ERROR ? "error separator " : "separator ");
	if (kind != SEPARATOR_OTHER)
		line_hex(l, ev->data, 4);
	else
		text_guess(ev->data, l);
}

/* --- EV_NO_ACTION --------------------------------------------------------- */

static void
put_alg(uint16_t id, struct line *l)
{
	const struct hash_alg *alg = hash_by_id(id);

	if (alg)
		line_printf(l, " %s", alg->name);
	else
		line_printf(l, " 0x%04x", id);
}

static void
put_specid(const struct uefi_specid *id, struct line *l)
{
	struct rd in = rd_over(id->alg_list);

	line_printf(l, "Spec ID Event%02u, version %u.%u.%u%s", id->form,
	    id->major, id->minor, id->errata, id->form == 3 ? ":" : "");
	while (rd_left(&in) >= 4) {
		put_alg(rd_u16le(&in), l);
		rd_u16le(&in);
	}
}

static void
put_platform_id(const struct uefi_platform_id *id, struct line *l)
{
	const struct span parts[] = {id->manufacturer, id->model, id->version,
	    id->firmware_manufacturer, id->firmware_version};
	const char *between = " ";

	line_printf(l, "SP800-155, vendor %u, manifest ", id->vendor);
	line_guid(l, id->manifest);
	for (size_t i = 0; i < 5; i++) {
		if (parts[i].n == 0)
			continue;
		line_puts(l, between);
		line_utf8(l, parts[i]);
		between = ", ";
	}
	if (id->rim.n == 0)
		return;
	line_puts(l, "; reference values: ");
	if (id->rim_type == 1)
		line_utf8(l, uefi_chomp(id->rim));
	else
		line_printf(
		    l, "%zu bytes, locator type %u", id->rim.n, id->rim_type);
}

static void
put_component(const struct uefi_component *c, struct line *l)
{
	line_puts(l, "H-CRTM measured ");
	line_utf8(l, c->name);
	line_puts(l, " = ");
	line_hex(l, c->measurement, 64);
}

static void
describe_no_action(const struct evlog_event *ev, struct line *l)
{
	static const char locality[] = "StartupLocality";
	struct span d = ev->data;
	struct uefi_specid specid;
	struct uefi_platform_id platform;
	struct uefi_component component;

	if (uefi_specid_decode(ev, &specid)) {
		put_specid(&specid, l);
	} else if (uefi_platform_id_decode(ev, &platform)) {
		put_platform_id(&platform, l);
	} else if (uefi_component_decode(ev, &component)) {
		put_component(&component, l);
	} else if (d.n == 17 && memcmp(d.p, locality, 16) == 0) {
		line_printf(l, "StartupLocality %u", d.p[16]);
	} else if (ev->pcr == UINT32_MAX) {
		put_sipa(d, l);
	} else if (d.n > 16 && looks_text(uefi_chomp(span_of(d.p, 16)), 1)) {
		line_utf8(l, uefi_chomp(span_of(d.p, 16)));
		line_puts(l, ": ");
		line_hex(l, span_of(d.p + 16, d.n - 16), HEX_SHOWN);
	} else {
		text_guess(d, l);
	}
}

/* --- firmware ------------------------------------------------------------- */

static void
describe_blob(const struct evlog_event *ev, struct line *l)
{
	struct uefi_blob blob;

	if (!uefi_blob_decode(ev, &blob)) {
		/* A plain name is common in the first form: "ACPI DATA". */
		if (looks_text(uefi_chomp(ev->data), 1))
			line_utf8(l, uefi_chomp(ev->data));
		else
			text_malformed(ev->data, l);
		return;
	}
	if (blob.name.n) {
		line_utf8(l, blob.name);
		line_puts(l, ": ");
	}
	line_printf(l, "%llu bytes at 0x%llx", (unsigned long long)blob.length,
	    (unsigned long long)blob.base);
}

static void
describe_tables(const struct evlog_event *ev, struct line *l)
{
	struct uefi_tables tables;

	if (!uefi_tables_decode(ev, &tables)) {
		text_malformed(ev->data, l);
		return;
	}
	if (tables.name.n) {
		line_utf8(l, tables.name);
		line_puts(l, ": ");
	}
	line_printf(l, "%zu tables:", tables.n);
	for (size_t i = 0; i < tables.n && !l->cut; i++) {
		line_puts(l, " ");
		line_guid(l, tables.entries.p + 24 * i);
	}
}

static void
describe_spdm(const struct evlog_event *ev, struct line *l)
{
	struct uefi_spdm spdm;

	if (!uefi_spdm_decode(ev, &spdm)) {
		text_malformed(ev->data, l);
		return;
	}
	line_puts(l, spdm.auth_state == 0
			 ? "authenticated device "
			 : "device that is not authenticated ");
	if (!devpath_text(spdm.path, l))
		line_puts(l, " (malformed device path)");
	if (spdm.certificates) {
		line_puts(l, ": certificate chain");
		return;
	}
	line_printf(l, ": measurement %u = ", spdm.index);
	line_hex(l, spdm.value.n ? spdm.value : spdm.block, 64);
}

/* --- images and disks ----------------------------------------------------- */

static void
describe_image(const struct evlog_event *ev, struct line *l)
{
	struct uefi_image image;

	if (!uefi_image_decode(ev, &image)) {
		text_malformed(ev->data, l);
		return;
	}
	if (image.path.n == 0)
		line_printf(l, "image of %llu bytes, no device path",
		    (unsigned long long)image.length);
	else if (!devpath_text(image.path, l))
		line_puts(l, " (malformed device path)");
}

static void
describe_gpt(const struct evlog_event *ev, struct line *l)
{
	struct uefi_gpt gpt;

	if (!uefi_gpt_decode(ev, &gpt)) {
		text_malformed(ev->data, l);
		return;
	}
	line_puts(l, "GPT disk ");
	line_guid(l, gpt.disk);
	line_printf(l, ", %zu partitions:", gpt.n);
	for (size_t i = 0; i < gpt.n && !l->cut; i++) {
		struct uefi_partition part = uefi_gpt_entry(&gpt, i);
		line_puts(l, " ");
		line_guid(l, part.id);
		if (part.name.n) {
			line_puts(l, " \"");
			line_utf16(l, part.name);
			line_puts(l, "\"");
		}
	}
}

/* --- tagged events -------------------------------------------------------- */

static void
describe_tagged(const struct evlog_event *ev, struct line *l)
{
	struct uefi_tagged tag;
	const char *name;

	if (!uefi_tagged_decode(ev, &tag)) {
		text_malformed(ev->data, l);
		return;
	}
	name = uefi_tag_name(tag.id);
	if (!name && ev->pcr >= 11 && ev->pcr <= 14) {
		put_sipa(ev->data, l);
		return;
	}
	if (name)
		line_puts(l, name);
	else
		line_printf(l, "tag 0x%08x", tag.id);
	line_puts(l, ": ");
	text_guess(tag.data, l);
}

static const struct {
	uint32_t type;
	void (*text)(const struct evlog_event *ev, struct line *l);
} texts[] = {
    {EV_NO_ACTION, describe_no_action},
    {EV_SEPARATOR, describe_separator},
    {EV_EVENT_TAG, describe_tagged},
    {EV_IPL, describe_ipl},
    {EV_S_CRTM_VERSION, text_version},
    {EV_POST_CODE, describe_blob},
    {EV_POST_CODE2, describe_blob},
    {EV_EFI_PLATFORM_FIRMWARE_BLOB, describe_blob},
    {EV_EFI_PLATFORM_FIRMWARE_BLOB2, describe_blob},
    {EV_EFI_HANDOFF_TABLES, describe_tables},
    {EV_EFI_HANDOFF_TABLES2, describe_tables},
    {EV_EFI_BOOT_SERVICES_APPLICATION, describe_image},
    {EV_EFI_BOOT_SERVICES_DRIVER, describe_image},
    {EV_EFI_RUNTIME_SERVICES_DRIVER, describe_image},
    {EV_EFI_GPT_EVENT, describe_gpt},
    {EV_EFI_GPT_EVENT2, describe_gpt},
    {EV_EFI_VARIABLE_DRIVER_CONFIG, text_variable},
    {EV_EFI_VARIABLE_BOOT, text_variable},
    {EV_EFI_VARIABLE_BOOT2, text_variable},
    {EV_EFI_VARIABLE_AUTHORITY, text_variable},
    {EV_EFI_SPDM_FIRMWARE_BLOB, describe_spdm},
    {EV_EFI_SPDM_FIRMWARE_CONFIG, describe_spdm},
    {EV_EFI_SPDM_DEVICE_POLICY, text_variable},
    {EV_EFI_SPDM_DEVICE_AUTHORITY, text_variable},
};

const char *
uefi_describe(const struct evlog_event *ev, struct arena *a)
{
	struct line l;

	line_init(&l);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].type == ev->type) {
			texts[i].text(ev, &l);
			return line_done(&l, a);
		}
	describe_text(ev, &l);
	return line_done(&l, a);
}

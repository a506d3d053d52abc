/* SPDX-License-Identifier: Apache-2.0 */
/* uefi_describe(): one line per event. A structure that does not decode is
 * shown as hex with the word "malformed", never guessed at. */
#include "base/rd.h"
#include "decode/devpath.h"
#include "decode/efi_sig.h"
#include "decode/uefi.h"

enum { HEX_SHOWN = 32 };

static void
malformed(struct span data, struct line *l)
{
	line_puts(l, "malformed: ");
	line_hex(l, data, HEX_SHOWN);
}

/* --- plain text ----------------------------------------------------------- */

static struct span
without_nuls(struct span s)
{
	while (s.n && s.p[s.n - 1] == 0)
		s.n--;
	return s;
}

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

static void
text_guess(struct span s, struct line *l)
{
	if (looks_text(without_wide_nul(s), 2))
		line_utf16(l, s);
	else if (looks_text(without_nuls(s), 1))
		line_utf8(l, without_nuls(s));
	else
		line_hex(l, s, HEX_SHOWN);
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
		line_utf8(l, without_nuls(ev->data));
}

static void
describe_version(const struct evlog_event *ev, struct line *l)
{
	if (ev->data.n == 16 && !looks_text(without_wide_nul(ev->data), 2))
		line_guid(l, ev->data.p);
	else if (ev->data.n > 2 || !span_all(ev->data, 0))
		text_guess(ev->data, l);
}

static void
describe_separator(const struct evlog_event *ev, struct line *l)
{
	int kind = uefi_separator(ev);

	line_puts(l, kind == 1 ? "error separator " : "separator ");
	if (kind >= 0)
		line_hex(l, ev->data, 4);
	else
		text_guess(ev->data, l);
}

/* --- EV_NO_ACTION --------------------------------------------------------- */

static void
describe_specid(struct span data, struct line *l)
{
	struct rd in = rd_over(data);

	rd_bytes(&in, 20);
	uint8_t minor = rd_u8(&in);
	uint8_t major = rd_u8(&in);
	uint8_t errata = rd_u8(&in);
	rd_u8(&in);
	line_printf(
	    l, "Spec ID Event03, version %u.%u.%u:", major, minor, errata);
	for (uint32_t n = rd_u32le(&in); n > 0 && rd_ok(&in); n--) {
		uint16_t id = rd_u16le(&in);
		const struct hash_alg *alg = hash_by_id(id);
		rd_u16le(&in);
		if (alg)
			line_printf(l, " %s", alg->name);
		else
			line_printf(l, " 0x%04x", id);
	}
}

static void
describe_no_action(const struct evlog_event *ev, struct line *l)
{
	static const char specid[] = "Spec ID Event03";
	static const char locality[] = "StartupLocality";
	struct span d = ev->data;

	if (d.n > 16 && memcmp(d.p, specid, 16) == 0) {
		describe_specid(d, l);
	} else if (d.n == 17 && memcmp(d.p, locality, 16) == 0) {
		line_printf(l, "StartupLocality %u", d.p[16]);
	} else if (d.n > 16 && looks_text(without_nuls(span_of(d.p, 16)), 1)) {
		line_utf8(l, without_nuls(span_of(d.p, 16)));
		line_puts(l, ": ");
		line_hex(l, span_of(d.p + 16, d.n - 16), HEX_SHOWN);
	} else {
		text_guess(d, l);
	}
}

/* --- firmware ------------------------------------------------------------- */

static void
base_and_length(struct rd *in, struct line *l)
{
	uint64_t base = rd_u64le(in);

	line_printf(l, "%llu bytes at 0x%llx", (unsigned long long)rd_u64le(in),
	    (unsigned long long)base);
}

static void
describe_blob(const struct evlog_event *ev, struct line *l)
{
	struct rd in = rd_over(ev->data);

	if (ev->data.n == 16)
		base_and_length(&in, l);
	else
		text_guess(ev->data, l);
}

/* UEFI_PLATFORM_FIRMWARE_BLOB2: a description, base, length. */
static void
describe_blob2(const struct evlog_event *ev, struct line *l)
{
	struct rd in = rd_over(ev->data);
	struct span name = rd_bytes(&in, rd_u8(&in));

	if (rd_left(&in) != 16) {
		malformed(ev->data, l);
		return;
	}
	line_utf8(l, without_nuls(name));
	line_puts(l, ": ");
	base_and_length(&in, l);
}

static void
tables(struct rd *in, struct line *l)
{
	uint64_t n = rd_u64le(in);

	if (!rd_ok(in) || n > rd_left(in) / 24) {
		line_puts(l, "malformed");
		return;
	}
	line_printf(l, "%llu tables:", (unsigned long long)n);
	for (; n > 0 && !l->cut; n--) {
		line_puts(l, " ");
		line_guid(l, rd_bytes(in, 16).p);
		rd_u64le(in);
	}
}

static void
describe_tables(const struct evlog_event *ev, struct line *l)
{
	struct rd in = rd_over(ev->data);

	tables(&in, l);
}

static void
describe_tables2(const struct evlog_event *ev, struct line *l)
{
	struct rd in = rd_over(ev->data);
	struct span name = rd_bytes(&in, rd_u8(&in));

	line_utf8(l, without_nuls(name));
	line_puts(l, ": ");
	tables(&in, l);
}

/* --- images and disks ----------------------------------------------------- */

static void
describe_image(const struct evlog_event *ev, struct line *l)
{
	struct uefi_image image;

	if (!uefi_image_decode(ev, &image)) {
		malformed(ev->data, l);
		return;
	}
	if (image.path.n == 0)
		line_printf(l, "image of %llu bytes, no device path",
		    (unsigned long long)image.length);
	else if (!devpath_text(image.path, l))
		line_puts(l, " (malformed device path)");
}

/* UEFI_GPT_DATA: the primary header, then the partitions in use. */
static void
describe_gpt(const struct evlog_event *ev, struct line *l)
{
	struct rd in = rd_over(ev->data);
	struct span head = rd_bytes(&in, 92);
	uint64_t n = rd_u64le(&in);
	uint32_t size;

	struct rd h = rd_over(head);
	rd_bytes(&h, 84);
	size = rd_u32le(&h);
	if (!rd_ok(&in) || size < 128 || n > rd_left(&in) / size) {
		malformed(ev->data, l);
		return;
	}
	line_puts(l, "GPT disk ");
	line_guid(l, head.p + 56);
	line_printf(l, ", %llu partitions:", (unsigned long long)n);
	for (; n > 0 && !l->cut; n--) {
		struct span entry = rd_bytes(&in, size);
		struct span name = span_of(entry.p + 56, 72);
		while (name.n && name.p[name.n - 1] == 0 &&
		       name.p[name.n - 2] == 0)
			name.n -= 2;
		line_puts(l, " ");
		line_guid(l, entry.p + 16);
		if (name.n) {
			line_puts(l, " \"");
			line_utf16(l, name);
			line_puts(l, "\"");
		}
	}
}

/* --- variables ------------------------------------------------------------ */

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
}

static void
value_boot_order(struct span v, struct line *l)
{
	struct rd in = rd_over(v);

	for (size_t i = 0; rd_left(&in) >= 2 && !l->cut; i++)
		line_printf(l, "%s%04X", i ? "," : "", rd_u16le(&in));
}

/* EFI_LOAD_OPTION (UEFI 2.10, 3.1.3). */
static void
value_boot_option(struct span v, struct line *l)
{
	struct rd in = rd_over(v);

	rd_u32le(&in);
	uint16_t path_n = rd_u16le(&in);
	const uint8_t *name = in.p;
	size_t n = 0;
	while (rd_left(&in) >= 2 && rd_u16le(&in) != 0)
		n += 2;
	struct span path = rd_bytes(&in, path_n);
	if (!rd_ok(&in)) {
		malformed(v, l);
		return;
	}
	line_utf16(l, span_of(name, n));
	line_puts(l, ": ");
	if (!devpath_text(path, l))
		line_puts(l, " (malformed device path)");
}

static void
value_text(struct span v, struct line *l)
{
	text_guess(v, l);
}

static const struct {
	const uint8_t *guid;
	const char *name;
	void (*text)(struct span value, struct line *l);
} values[] = {
    {uefi_guid_global, "PK", value_database},
    {uefi_guid_global, "KEK", value_database},
    {uefi_guid_security, "db", value_database},
    {uefi_guid_security, "dbx", value_database},
    {uefi_guid_security, "dbt", value_database},
    {uefi_guid_security, "dbr", value_database},
    {uefi_guid_global, "BootOrder", value_boot_order},
    {uefi_guid_shim, "SbatLevel", value_text},
};

/* Boot0001, Driver000A: the name ends in four hexadecimal digits. */
static bool
is_boot_option(const struct uefi_variable *var)
{
	size_t digits = 0;

	if (memcmp(var->guid, uefi_guid_global, 16) != 0 || var->name.n < 16)
		return false;
	for (size_t i = var->name.n - 8; i < var->name.n; i += 2) {
		uint8_t c = var->name.p[i];
		digits += (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
	}
	return digits == 4 && (var->name.p[0] == 'B' || var->name.p[0] == 'D');
}

static void
value(const struct uefi_variable *var, bool authority, struct line *l)
{
	if (authority && !uefi_variable_is(var, uefi_guid_shim, "SbatLevel")) {
		line_hex(l, var->data, HEX_SHOWN);
		return;
	}
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (uefi_variable_is(var, values[i].guid, values[i].name)) {
			values[i].text(var->data, l);
			return;
		}
	if (is_boot_option(var))
		value_boot_option(var->data, l);
	else
		line_hex(l, var->data, HEX_SHOWN);
}

static void
describe_variable(const struct evlog_event *ev, struct line *l)
{
	struct uefi_variable var;

	if (!uefi_variable_decode(ev, &var)) {
		malformed(ev->data, l);
		return;
	}
	line_utf16(l, var.name);
	line_puts(l, " = ");
	value(&var, ev->type == EV_EFI_VARIABLE_AUTHORITY, l);
	if (memcmp(var.guid, uefi_guid_global, 16) == 0 ||
	    memcmp(var.guid, uefi_guid_security, 16) == 0 ||
	    memcmp(var.guid, uefi_guid_shim, 16) == 0)
		return;
	line_puts(l, " (vendor ");
	line_guid(l, var.guid);
	line_puts(l, ")");
}

/* --- tagged events -------------------------------------------------------- */

static const struct {
	uint32_t id;
	const char *name;
} tags[] = {
    {0x8f3b22ec, "Linux EFI stub, initrd"},
    {0x8f3b22ed, "Linux EFI stub, load options"},
    {0xf5bc582a, "systemd-boot, loader.conf"},
    {0x6c46f751, "systemd-stub, device tree"},
    {0x49dffe0f, "systemd-stub, initrd addon"},
    {0xdac08e1a, "systemd-stub, microcode addon"},
    {0xd5cb7cbc, "systemd-stub, SMBIOS type 1"},
    {0xe0d47bc8, "systemd-stub, SMBIOS type 2"},
    {0xc0b3bd23, "systemd-stub, SMBIOS type 11"},
};

static void
describe_tagged(const struct evlog_event *ev, struct line *l)
{
	struct uefi_tagged tag;

	if (!uefi_tagged_decode(ev, &tag)) {
		malformed(ev->data, l);
		return;
	}
	size_t i = 0;
	while (i < sizeof(tags) / sizeof(tags[0]) && tags[i].id != tag.id)
		i++;
	if (i < sizeof(tags) / sizeof(tags[0]))
		line_puts(l, tags[i].name);
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
    {EV_S_CRTM_VERSION, describe_version},
    {EV_POST_CODE, describe_blob},
    {EV_POST_CODE2, describe_blob2},
    {EV_EFI_PLATFORM_FIRMWARE_BLOB, describe_blob},
    {EV_EFI_PLATFORM_FIRMWARE_BLOB2, describe_blob2},
    {EV_EFI_HANDOFF_TABLES, describe_tables},
    {EV_EFI_HANDOFF_TABLES2, describe_tables2},
    {EV_EFI_BOOT_SERVICES_APPLICATION, describe_image},
    {EV_EFI_BOOT_SERVICES_DRIVER, describe_image},
    {EV_EFI_RUNTIME_SERVICES_DRIVER, describe_image},
    {EV_EFI_GPT_EVENT, describe_gpt},
    {EV_EFI_GPT_EVENT2, describe_gpt},
    {EV_EFI_VARIABLE_DRIVER_CONFIG, describe_variable},
    {EV_EFI_VARIABLE_BOOT, describe_variable},
    {EV_EFI_VARIABLE_BOOT2, describe_variable},
    {EV_EFI_VARIABLE_AUTHORITY, describe_variable},
    {EV_EFI_SPDM_DEVICE_POLICY, describe_variable},
    {EV_EFI_SPDM_DEVICE_AUTHORITY, describe_variable},
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

/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/uefi_data.h"

#include "base/rd.h"

enum { GUID = 16, GPT_HEADER = 92, GPT_ENTRY = 128, TABLE = GUID + 8 };

struct span
uefi_chomp(struct span s)
{
	while (s.n && s.p[s.n - 1] == 0)
		s.n--;
	return s;
}

/* A string with its length in one byte before it, with or without NUL. */
static struct span
short_string(struct rd *in)
{
	size_t n = rd_u8(in);

	return uefi_chomp(rd_bytes(in, n));
}

bool
uefi_blob_decode(const struct evlog_event *ev, struct uefi_blob *out)
{
	struct rd in = rd_over(ev->data);
	struct uefi_blob blob = {.name = {NULL, 0}};

	if (ev->type == EV_EFI_PLATFORM_FIRMWARE_BLOB2 ||
	    ev->type == EV_POST_CODE2)
		blob.name = short_string(&in);
	blob.base = rd_u64le(&in);
	blob.length = rd_u64le(&in);
	if (!rd_done(&in))
		return false;
	*out = blob;
	return true;
}

bool
uefi_tables_decode(const struct evlog_event *ev, struct uefi_tables *out)
{
	struct rd in = rd_over(ev->data);
	struct span name = {NULL, 0};

	if (ev->type == EV_EFI_HANDOFF_TABLES2)
		name = short_string(&in);
	uint64_t n = rd_u64le(&in);
	struct span entries = rd_rest(&in);
	if (!rd_ok(&in) || n > entries.n / TABLE || n * TABLE != entries.n)
		return false;
	*out = (struct uefi_tables){name, (size_t)n, entries};
	return true;
}

bool
uefi_gpt_decode(const struct evlog_event *ev, struct uefi_gpt *out)
{
	struct rd in = rd_over(ev->data);
	struct rd head = rd_sub(&in, GPT_HEADER);
	uint64_t n = rd_u64le(&in);
	struct span entries = rd_rest(&in);

	rd_bytes(&head, 56);
	const uint8_t *disk = rd_bytes(&head, GUID).p;
	rd_bytes(&head, 12); /* where the table lies and how long it is */
	uint32_t size = rd_u32le(&head);
	if (!rd_ok(&in) || !rd_ok(&head) || size < GPT_ENTRY ||
	    n > entries.n / size || n * size != entries.n)
		return false;
	*out = (struct uefi_gpt){disk, (size_t)n, size, entries};
	return true;
}

struct uefi_partition
uefi_gpt_entry(const struct uefi_gpt *gpt, size_t i)
{
	struct rd in = rd_over(
	    span_of(gpt->entries.p + i * gpt->entry_size, gpt->entry_size));
	struct uefi_partition part;

	part.type = rd_bytes(&in, GUID).p;
	part.id = rd_bytes(&in, GUID).p;
	part.first = rd_u64le(&in);
	part.last = rd_u64le(&in);
	rd_u64le(&in); /* attributes */
	part.name = rd_bytes(&in, 72);
	while (part.name.n && part.name.p[part.name.n - 1] == 0 &&
	       part.name.p[part.name.n - 2] == 0)
		part.name.n -= 2;
	return part;
}

bool
uefi_load_option_decode(struct span value, struct uefi_load_option *out)
{
	struct rd in = rd_over(value);
	uint32_t attributes = rd_u32le(&in);
	uint16_t path_n = rd_u16le(&in);
	const uint8_t *name = in.p;
	size_t name_n = 0;

	while (rd_left(&in) >= 2 && rd_u16le(&in) != 0)
		name_n += 2;
	struct span path = rd_bytes(&in, path_n);
	struct span data = rd_rest(&in);
	if (!rd_ok(&in))
		return false;
	*out = (struct uefi_load_option){
	    attributes, span_of(name, name_n), path, data};
	return true;
}

bool
uefi_is_authority(const struct evlog_event *ev)
{
	return ev->type == EV_EFI_VARIABLE_AUTHORITY ||
	       ev->type == EV_EFI_SPDM_DEVICE_AUTHORITY;
}

bool
uefi_is_database(const struct uefi_variable *var)
{
	static const uint8_t device_database[GUID] = {0xf4, 0xb4, 0xc2, 0xb9,
	    0x5f, 0xbf, 0x2d, 0x46, 0x8a, 0xdf, 0xc5, 0xc7, 0x0a, 0xc3, 0x5d,
	    0xad};
	const struct {
		const uint8_t *guid;
		const char *name;
	} databases[] = {
	    {uefi_guid_global, "PK"},
	    {uefi_guid_global, "KEK"},
	    {uefi_guid_security, "db"},
	    {uefi_guid_security, "dbx"},
	    {uefi_guid_security, "dbt"},
	    {uefi_guid_security, "dbr"},
	    {device_database, "devdb"},
	};

	for (size_t i = 0; i < sizeof(databases) / sizeof(databases[0]); i++)
		if (uefi_variable_is(var, databases[i].guid, databases[i].name))
			return true;
	return false;
}

bool
uefi_is_boot_option(const struct uefi_variable *var)
{
	struct span name = var->name;

	if (memcmp(var->guid, uefi_guid_global, GUID) != 0 || name.n < 16 ||
	    (name.p[0] != 'B' && name.p[0] != 'D'))
		return false;
	for (size_t i = name.n - 8; i < name.n; i += 2)
		if (!memchr("0123456789ABCDEF", name.p[i], 16))
			return false;
	return true;
}

/* A DER SEQUENCE with a length of two bytes that fills s: as far as a name
 * for the value goes, a certificate. */
static bool
looks_der(struct span s)
{
	return s.n > 4 && s.p[0] == 0x30 && s.p[1] == 0x82 &&
	       (size_t)(s.p[2] << 8 | s.p[3]) == s.n - 4;
}

struct uefi_authority
uefi_authority_of(struct span value)
{
	struct rd in = rd_over(value);
	const uint8_t *owner = rd_bytes(&in, GUID).p;
	struct span rest = rd_rest(&in);

	if (looks_der(value))
		return (struct uefi_authority){NULL, SIG_X509, value};
	if (looks_der(rest))
		return (struct uefi_authority){owner, SIG_X509, rest};
	if (rest.n == 32)
		return (struct uefi_authority){owner, SIG_SHA256, rest};
	return (struct uefi_authority){NULL, SIG_OTHER, value};
}

/* --- EV_NO_ACTION --------------------------------------------------------- */

static bool
signed_as(struct span data, const char *signature)
{
	return data.n >= 16 && strlen(signature) <= 16 &&
	       strncmp((const char *)data.p, signature, 16) == 0;
}

static unsigned
specid_form(struct span data)
{
	static const struct {
		unsigned form;
		const char *signature;
	} forms[] = {{0, "Spec ID Event00"}, {2, "Spec ID Event02"},
	    {3, "Spec ID Event03"}};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (signed_as(data, forms[i].signature))
			return forms[i].form;
	return UINT32_MAX;
}

bool
uefi_specid_decode(const struct evlog_event *ev, struct uefi_specid *out)
{
	struct rd in = rd_over(ev->data);
	struct uefi_specid id = {.form = specid_form(ev->data)};
	uint32_t n = 0;

	rd_bytes(&in, 20);
	id.minor = rd_u8(&in);
	id.major = rd_u8(&in);
	id.errata = rd_u8(&in);
	rd_u8(&in);
	if (id.form == 3)
		n = rd_u32le(&in);
	if (!rd_ok(&in) || n > LIMIT_BANKS || id.form == UINT32_MAX)
		return false;
	id.algs = n;
	id.alg_list = rd_bytes(&in, (size_t)n * 4);
	id.vendor = rd_bytes(&in, rd_u8(&in));
	if (!rd_done(&in))
		return false;
	*out = id;
	return true;
}

bool
uefi_component_decode(const struct evlog_event *ev, struct uefi_component *out)
{
	struct rd in = rd_over(ev->data);
	struct uefi_component c;

	rd_bytes(&in, 16);
	c.name = short_string(&in);
	c.format = rd_u8(&in);
	c.measurement = rd_bytes(&in, rd_u16le(&in));
	if (!signed_as(ev->data, "H-CRTM CompMeas") || !rd_done(&in))
		return false;
	*out = c;
	return true;
}

static struct span
locator(struct rd *in, uint32_t *type)
{
	*type = rd_u32le(in);
	size_t n = rd_u32le(in);

	return rd_bytes(in, n);
}

bool
uefi_platform_id_decode(
    const struct evlog_event *ev, struct uefi_platform_id *out)
{
	static const char *const signatures[] = {
	    "SP800-155 Event", "SP800-155 Event2", "SP800-155 Event3"};
	struct rd in = rd_over(ev->data);
	struct uefi_platform_id id = {.form = 0};

	for (unsigned i = 0; i < 3; i++)
		if (signed_as(ev->data, signatures[i]))
			id.form = i + 1;
	rd_bytes(&in, 16);
	id.vendor = rd_u32le(&in);
	id.manifest = rd_bytes(&in, GUID).p;
	if (id.form >= 2) {
		id.manufacturer = short_string(&in);
		id.model = short_string(&in);
		id.version = short_string(&in);
		id.firmware_manufacturer = short_string(&in);
		id.firmware_vendor = rd_u32le(&in);
		id.firmware_version = short_string(&in);
	}
	if (id.form == 3) {
		id.rim = locator(&in, &id.rim_type);
		id.cert = locator(&in, &id.cert_type);
	}
	/* Google pads the event with zeros. */
	struct span tail = rd_rest(&in);
	if (id.form == 0 || !rd_done(&in) || !span_all(tail, 0))
		return false;
	*out = id;
	return true;
}

/* --- SPDM ----------------------------------------------------------------- */

/* SPDM measurement block: index, specification, size; DMTF's has a type. */
static void
take_block(struct rd *in, struct uefi_spdm *out)
{
	const uint8_t *start = in->p;

	out->index = rd_u8(in);
	uint8_t specification = rd_u8(in);
	struct rd body = rd_sub(in, rd_u16le(in));
	if (!rd_ok(in))
		return;
	out->block = span_of(start, (size_t)(in->p - start));
	if (specification != 1)
		return;
	out->value_type = rd_u8(&body);
	struct span value = rd_bytes(&body, rd_u16le(&body));
	if (rd_done(&body))
		out->value = value;
}

static struct span
take_path(struct rd *in)
{
	uint64_t n = rd_u64le(in);

	if (n > rd_left(in))
		rd_fail(in);
	return rd_bytes(in, (size_t)n);
}

static void
take_form_1(struct rd *in, struct uefi_spdm *out)
{
	rd_u16le(in); /* length */
	rd_u32le(in); /* hash algorithm of SPDM */
	out->auth_state = 0xff;
	out->device = rd_u32le(in);
	take_block(in, out);
	out->path = take_path(in);
}

static void
take_form_2(struct rd *in, struct uefi_spdm *out)
{
	out->auth_state = rd_u8(in);
	rd_bytes(in, 1 + 4); /* reserved, length */
	out->device = rd_u32le(in);
	uint32_t kind = rd_u32le(in);
	uint32_t size = rd_u32le(in);
	rd_u64le(in); /* identifier that binds two events */
	out->path = take_path(in);
	struct rd sub = rd_sub(in, size);
	out->certificates = kind == 1;
	rd_bytes(&sub, 8); /* version, count or slot, algorithm */
	if (kind == 0)
		take_block(&sub, out);
	if (!rd_ok(&sub))
		rd_fail(in);
}

bool
uefi_spdm_decode(const struct evlog_event *ev, struct uefi_spdm *out)
{
	struct rd in = rd_over(ev->data);
	struct uefi_spdm spdm = {.form = 0};

	rd_bytes(&in, 16);
	uint16_t version = rd_u16le(&in);
	if (signed_as(ev->data, "SPDM Device Sec") && version == 1) {
		spdm.form = 1;
		take_form_1(&in, &spdm);
	} else if (signed_as(ev->data, "SPDM Device Sec2") && version == 2) {
		spdm.form = 2;
		take_form_2(&in, &spdm);
	}
	spdm.context = rd_rest(&in);
	if (spdm.form == 0 || !rd_done(&in))
		return false;
	*out = spdm;
	return true;
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

const char *
uefi_tag_name(uint32_t id)
{
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (tags[i].id == id)
			return tags[i].name;
	return NULL;
}

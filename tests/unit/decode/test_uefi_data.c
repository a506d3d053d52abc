/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/explain.h"
#include "decode/sipa.h"
#include "decode/uefi_data.h"
#include "decode/uefi_emit.h"
#include "decode/x509_name.h"
#include "lib/tap.h"
#include "unit/decode/log_builder.h"

#define STR(s) span_of(s, sizeof(s) - 1)

static struct arena arena;
static struct buf bytes;

static void
setup(void)
{
	arena_init(&arena, (size_t)64 << 20);
	bytes = (struct buf){0};
}

static void
teardown(void)
{
	buf_free(&bytes);
	arena_free(&arena);
}

static struct evlog_event
event(uint32_t pcr, uint32_t type)
{
	return (struct evlog_event){
	    .pcr = pcr, .type = type, .data = buf_span(&bytes)};
}

/* The event's facts as a document; fails the test if they are not JSON. */
static json_t *
facts(const struct evlog_event *ev)
{
	struct buf out = {0};
	struct jw w = jw_over(&out);
	json_t *doc = NULL;

	jw_object(&w);
	jw_key(&w, "facts");
	uefi_emit(ev, 0, &w);
	jw_object_end(&w);
	ck_rc_ok(json_decode(buf_span(&out), (size_t)64 << 20, &doc, NULL));
	buf_free(&out);
	return doc;
}

static const char *
described(const struct evlog_event *ev)
{
	return uefi_describe(ev, &arena);
}

/* Every strict prefix of `bytes` is refused by the decoder behind `ok`. */
static void
refuses_prefixes(
    struct evlog_event ev, bool (*ok)(const struct evlog_event *ev))
{
	ck_assert(ok(&ev));
	for (size_t n = ev.data.n; n-- > 0;) {
		ev.data.n = n;
		ck_assert_msg(!ok(&ev), "prefix of %zu bytes", n);
	}
}

/* --- firmware ------------------------------------------------------------- */

static bool
is_blob(const struct evlog_event *ev)
{
	struct uefi_blob blob;

	return uefi_blob_decode(ev, &blob);
}

START_TEST(blobs)
{
	struct uefi_blob blob;

	put_le(&bytes, 3, 1);
	buf_puts(&bytes, "BIO");
	put_le(&bytes, 0x1000, 8);
	put_le(&bytes, 0x20, 8);
	struct evlog_event ev = event(0, EV_EFI_PLATFORM_FIRMWARE_BLOB2);
	refuses_prefixes(ev, is_blob);
	ck_assert(uefi_blob_decode(&ev, &blob));
	ck_assert(span_eq(blob.name, STR("BIO")));
	ck_assert_uint_eq(blob.base, 0x1000);
	ck_assert_uint_eq(blob.length, 0x20);
	ev.type = EV_EFI_PLATFORM_FIRMWARE_BLOB;
	ck_assert(!is_blob(&ev));
}
END_TEST

static bool
is_tables(const struct evlog_event *ev)
{
	struct uefi_tables tables;

	return uefi_tables_decode(ev, &tables);
}

START_TEST(handoff_tables)
{
	static const uint64_t wrong[] = {
	    0, 1, 3, UINT64_MAX, UINT64_MAX / 24 + 3, (uint64_t)1 << 60};

	put_le(&bytes, 2, 8);
	put_fill(&bytes, 0x11, 48);
	struct evlog_event ev = event(1, EV_EFI_HANDOFF_TABLES);
	refuses_prefixes(ev, is_tables);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		bytes.n = 0;
		put_le(&bytes, wrong[i], 8);
		put_fill(&bytes, 0x11, 48);
		ck_assert(!is_tables(&ev));
	}
	bytes.n = 0;
	buf_put(&bytes, "\1t", 2);
	put_le(&bytes, 1, 8);
	put_fill(&bytes, 0x11, 24);
	ev = event(1, EV_EFI_HANDOFF_TABLES2);
	ck_assert_str_eq(described(&ev),
	    "t: 1 tables: 11111111-1111-1111-1111-111111111111");
}
END_TEST

static bool
is_gpt(const struct evlog_event *ev)
{
	struct uefi_gpt gpt;

	return uefi_gpt_decode(ev, &gpt);
}

static void
put_gpt(uint32_t entry_size, uint64_t n, size_t entries)
{
	bytes.n = 0;
	buf_puts(&bytes, "EFI PART");
	put_fill(&bytes, 0, 48);
	put_fill(&bytes, 0x22, 16);
	put_fill(&bytes, 0, 12);
	put_le(&bytes, entry_size, 4);
	put_le(&bytes, 0, 4);
	put_le(&bytes, n, 8);
	put_fill(&bytes, 0, entries);
}

START_TEST(partition_tables)
{
	static const struct {
		uint32_t size;
		uint64_t n;
		size_t bytes;
		bool ok;
	} cases[] = {
	    {128, 2, 256, true},
	    {256, 1, 256, true},
	    {128, 0, 0, true},
	    {128, 1, 256, false},
	    {128, 3, 256, false},
	    {0, 2, 256, false},
	    {127, 2, 254, false},
	    {128, UINT64_MAX, 256, false},
	    {128, (uint64_t)1 << 60, 256, false},
	    {128, ((uint64_t)1 << 57) + 2, 256, false},
	    {UINT32_MAX, 1, 256, false},
	};
	struct uefi_gpt gpt;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_gpt(cases[i].size, cases[i].n, cases[i].bytes);
		struct evlog_event ev = event(5, EV_EFI_GPT_EVENT);
		ck_assert_msg(is_gpt(&ev) == cases[i].ok, "case %zu", i);
	}
	put_gpt(128, 2, 256);
	struct evlog_event ev = event(5, EV_EFI_GPT_EVENT2);
	refuses_prefixes(ev, is_gpt);
	ck_assert(uefi_gpt_decode(&ev, &gpt));
	ck_assert_uint_eq(gpt.disk[0], 0x22);
	ck_assert_uint_eq(uefi_gpt_entry(&gpt, 1).name.n, 0);
}
END_TEST

/* --- EV_NO_ACTION --------------------------------------------------------- */

static bool
is_platform_id(const struct evlog_event *ev)
{
	struct uefi_platform_id id;

	return uefi_platform_id_decode(ev, &id);
}

static void
put_platform_id(const char *uri)
{
	buf_puts(&bytes, "SP800-155 Event3");
	put_le(&bytes, 11129, 4);
	put_fill(&bytes, 0x33, 16);
	buf_put(&bytes, "\5Maker\4Box\0\1", 12);
	put_fill(&bytes, 0, 1);
	buf_put(&bytes, "\2FW", 3);
	put_le(&bytes, 7, 4);
	buf_put(&bytes,
	    "\3"
	    "2.7",
	    4);
	put_le(&bytes, 1, 4);
	put_le(&bytes, strlen(uri), 4);
	buf_puts(&bytes, uri);
	put_le(&bytes, 0, 4);
	put_le(&bytes, 0, 4);
}

START_TEST(platform_ids)
{
	struct uefi_platform_id id;

	put_platform_id("http://169.254.169.254/rim");
	struct evlog_event ev = event(0, EV_NO_ACTION);
	refuses_prefixes(ev, is_platform_id);
	ck_assert(uefi_platform_id_decode(&ev, &id));
	ck_assert_uint_eq(id.form, 3);
	ck_assert_uint_eq(id.vendor, 11129);
	ck_assert(span_eq(id.manufacturer, STR("Maker")));
	ck_assert(span_eq(id.model, STR("Box")));
	ck_assert_uint_eq(id.version.n, 0);
	ck_assert_uint_eq(id.rim_type, 1);
	ck_assert(span_eq(id.rim, STR("http://169.254.169.254/rim")));
	put_fill(&bytes, 0, 5);
	ev = event(0, EV_NO_ACTION);
	ck_assert(is_platform_id(&ev));
	put_fill(&bytes, 1, 1);
	ev = event(0, EV_NO_ACTION);
	ck_assert(!is_platform_id(&ev));
}
END_TEST

/* --- SPDM ----------------------------------------------------------------- */

static bool
is_spdm(const struct evlog_event *ev)
{
	struct uefi_spdm spdm;

	return uefi_spdm_decode(ev, &spdm);
}

static void
put_block(struct buf *b)
{
	put_le(b, 4, 1);     /* index */
	put_le(b, 1, 1);     /* DMTF */
	put_le(b, 3 + 5, 2); /* size */
	put_le(b, 0x81, 1);  /* type */
	put_le(b, 5, 2);     /* size */
	buf_puts(b, "value");
}

static const uint8_t path[] = {1, 1, 6, 0, 0, 3, 0x7f, 0xff, 4, 0};

START_TEST(spdm_form_1)
{
	struct uefi_spdm spdm;

	buf_put(&bytes, "SPDM Device Sec", 16);
	put_le(&bytes, 1, 2);
	put_le(&bytes, 60, 2);
	put_le(&bytes, 2, 4);
	put_le(&bytes, 1, 4);
	put_block(&bytes);
	put_le(&bytes, sizeof(path), 8);
	buf_put(&bytes, path, sizeof(path));
	struct evlog_event ev = event(2, EV_EFI_SPDM_FIRMWARE_BLOB);
	refuses_prefixes(ev, is_spdm);
	ck_assert(uefi_spdm_decode(&ev, &spdm));
	ck_assert_uint_eq(spdm.form, 1);
	ck_assert_uint_eq(spdm.index, 4);
	ck_assert_uint_eq(spdm.value_type, 0x81);
	ck_assert(span_eq(spdm.value, STR("value")));
	ck_assert_uint_eq(uefi_hashed(&ev).n, 1);
	ck_assert(span_eq(uefi_hashed(&ev).try[0], spdm.block));
	ck_assert_uint_eq(spdm.block.n, 12);
	ck_assert_str_eq(described(&ev),
	    "device that is not authenticated Pci(0x3,0x0): measurement 4 = "
	    "76616c7565");
}
END_TEST

static void
put_form_2(uint32_t kind, uint64_t path_n)
{
	bytes.n = 0;
	buf_puts(&bytes, "SPDM Device Sec2");
	put_le(&bytes, 2, 2);
	put_le(&bytes, 0, 2);
	put_le(&bytes, 60, 4);
	put_le(&bytes, 1, 4);
	put_le(&bytes, kind, 4);
	put_le(&bytes, 8 + 12, 4);
	put_le(&bytes, 9, 8);
	put_le(&bytes, path_n, 8);
	buf_put(&bytes, path, sizeof(path));
	put_le(&bytes, 0x12, 8);
	put_block(&bytes);
}

START_TEST(spdm_form_2)
{
	struct uefi_spdm spdm;

	put_form_2(0, sizeof(path));
	struct evlog_event ev = event(2, EV_EFI_SPDM_FIRMWARE_CONFIG);
	refuses_prefixes(ev, is_spdm);
	ck_assert(uefi_spdm_decode(&ev, &spdm));
	ck_assert_uint_eq(spdm.form, 2);
	ck_assert(span_eq(spdm.value, STR("value")));
	ck_assert_ptr_nonnull(
	    strstr(described(&ev), "authenticated device Pci(0x3,0x0)"));
	put_form_2(1, sizeof(path));
	ev = event(2, EV_EFI_SPDM_FIRMWARE_CONFIG);
	ck_assert(uefi_spdm_decode(&ev, &spdm));
	ck_assert(spdm.certificates);
	ck_assert_uint_eq(uefi_hashed(&ev).n, 0);
	put_form_2(0, UINT64_MAX);
	ev = event(2, EV_EFI_SPDM_FIRMWARE_CONFIG);
	ck_assert(!is_spdm(&ev));
}
END_TEST

/* --- Windows -------------------------------------------------------------- */

static void
put_record(struct buf *b, uint32_t type, struct span data)
{
	put_le(b, type, 4);
	put_le(b, data.n, 4);
	buf_put(b, data.p, data.n);
}

START_TEST(windows_records)
{
	struct buf in = {0};

	put_record(&in, 0x00050001, STR("\1"));
	put_record(&in, 0x00020002, STR("\x10\x27\0\0\0\0\0\0"));
	put_record(&in, 0x00050009, STR("\\\0W\0\0\0"));
	put_record(&in, 0x0007ffff, STR("\xaa"));
	put_record(&bytes, 0x40010001, buf_span(&in));
	struct evlog_event ev = event(13, EV_EVENT_TAG);
	ck_assert_str_eq(described(&ev),
	    "trust_boundary: os_kernel_debug=yes, boot_counter=10000, "
	    "system_root=\\W, 0x0007ffff=aa");
	JSON_AUTO doc = facts(&ev);
	ck_assert_uint_eq(json_array_size(json_object_get(
			      json_object_get(doc, "facts"), "records")),
	    5);
	buf_free(&in);
}
END_TEST

static void
put_nested(size_t depth)
{
	bytes.n = 0;
	for (size_t i = depth; i > 0; i--) {
		put_le(&bytes, 0x40010001, 4);
		put_le(&bytes, (i - 1) * 8, 4);
	}
}

START_TEST(windows_records_nest_to_a_limit)
{
	static const size_t depths[] = {1, SIPA_DEPTH - 1, SIPA_DEPTH, 100000};

	for (size_t i = 0; i < 4; i++) {
		struct sipa_record r;
		size_t n = 0;
		put_nested(depths[i]);
		struct sipa s = sipa_over(buf_span(&bytes));
		while (sipa_next(&s, &r))
			n++;
		bool fine = depths[i] < SIPA_DEPTH;
		ck_assert_uint_eq(n, fine ? depths[i] : SIPA_DEPTH - 1);
		ck_assert(s.malformed == !fine);
	}
}
END_TEST

START_TEST(windows_records_stay_inside)
{
	struct sipa_record r;

	put_le(&bytes, 0x40010001, 4);
	put_le(&bytes, 8, 4);
	put_le(&bytes, 0x00050001, 4);
	put_le(&bytes, 1, 4); /* one byte, which is outside the container */
	put_fill(&bytes, 1, 1);
	struct sipa s = sipa_over(buf_span(&bytes));
	ck_assert(sipa_next(&s, &r));
	ck_assert(r.container);
	ck_assert(!sipa_next(&s, &r));
	ck_assert(s.malformed);
	ck_assert(!sipa_next(&s, &r));
}
END_TEST

/* --- variables ------------------------------------------------------------ */

static bool
is_load_option(const struct evlog_event *ev)
{
	struct uefi_load_option option;

	return uefi_load_option_decode(ev->data, &option);
}

START_TEST(load_options)
{
	struct uefi_load_option option;

	put_le(&bytes, 1, 4);
	put_le(&bytes, sizeof(path), 2);
	buf_put(&bytes, "d\0\0\0", 4);
	buf_put(&bytes, path, sizeof(path));
	refuses_prefixes(event(1, EV_EFI_VARIABLE_BOOT), is_load_option);
	buf_puts(&bytes, "rest");
	ck_assert(uefi_load_option_decode(buf_span(&bytes), &option));
	ck_assert_uint_eq(option.name.n, 2);
	ck_assert(span_eq(option.path, span_of(path, sizeof(path))));
	ck_assert(span_eq(option.data, STR("rest")));
}
END_TEST

/* The boot log of a machine whose databases are known. */
static struct evlog
golden(void)
{
	struct evlog log;

	ck_rc_ok(evlog_decode(
	    tap_file(
		&arena, "/tests/vectors/vm/boots/grub-sb-golden/eventlog.bin"),
	    &arena, &log, NULL));
	return log;
}

START_TEST(databases_name_their_certificates)
{
	struct evlog log = golden();

	ck_assert_str_eq(described(&log.events[6]),
	    "KEK = 2 X.509 (Debian UEFI Secure Boot (PK/KEK key), "
	    "Microsoft Corporation KEK CA 2011)");
	ck_assert_str_eq(described(&log.events[8]), "dbx = 1 SHA-256");
	ck_assert_str_eq(described(&log.events[22]),
	    "db = Microsoft Corporation UEFI CA 2011");
	ck_assert_str_eq(
	    described(&log.events[29]), "MokListRT = Debian Secure Boot CA");
	JSON_AUTO doc = facts(&log.events[7]);
	json_t *entry = json_array_get(
	    json_object_get(json_object_get(doc, "facts"), "entries"), 1);
	ck_assert_str_eq(json_string_value(json_object_get(entry, "subject")),
	    "C=US, ST=Washington, L=Redmond, O=Microsoft Corporation, "
	    "CN=Microsoft Corporation UEFI CA 2011");
	ck_assert_str_eq(json_string_value(json_object_get(entry, "owner")),
	    "77fa9abd-0359-4d32-bd60-28f4e78f784b");
	ck_assert_str_eq(json_string_value(json_object_get(entry, "serial")),
	    "6108d3c4000000000004");
}
END_TEST

START_TEST(names_of_damaged_certificates_are_not_read)
{
	struct evlog log = golden();
	struct uefi_variable var;
	struct x509_names names;
	struct line l;

	ck_assert(uefi_variable_decode(&log.events[29], &var));
	struct span der = uefi_authority_of(var.data).data;
	ck_assert(x509_names_decode(der, &names));
	for (size_t n = 0; n < der.n; n++)
		ck_assert(!x509_names_decode(span_of(der.p, n), &names));
	uint8_t *copy = arena_alloc(&arena, der.n + 1);
	for (size_t at = 0; at < 400; at++) {
		memcpy(copy, der.p, der.n);
		copy[at] ^= 0xff;
		if (!x509_names_decode(span_of(copy, der.n), &names))
			continue;
		line_init(&l);
		x509_name_full(names.subject, &l);
		x509_name_short(names.issuer, &l);
		ck_assert_uint_le(l.n, LINE_MAX_BYTES + 3);
	}
	memcpy(copy, der.p, der.n);
	ck_assert(!x509_names_decode(span_of(copy, der.n + 1), &names));
}
END_TEST

START_TEST(facts_of_every_event_are_json)
{
	static const char *const boots[] = {
	    "grub-sb-golden", "uki-golden", "direct-golden", "debian-golden"};

	for (size_t b = 0; b < 4; b++) {
		struct evlog log;
		struct span file = tap_file(&arena,
		    arena_printf(&arena,
			"/tests/vectors/vm/boots/%s/eventlog.bin", boots[b]));
		ck_rc_ok(evlog_decode(file, &arena, &log, NULL));
		for (size_t i = 0; i < log.events_n; i++) {
			struct evlog_event ev = log.events[i];
			json_free(facts(&ev));
			/* the same data under every type, then cut */
			for (uint32_t t = 0; t < 0x14; t++) {
				ev.type = t;
				json_free(facts(&ev));
				(void)described(&ev);
				ev.type = 0x80000000u + t;
				json_free(facts(&ev));
				(void)described(&ev);
				ev.data.n -= ev.data.n / 8;
			}
		}
	}
}
END_TEST

START_TEST(events_have_a_meaning)
{
	static const struct {
		size_t event;
		const char *en, *ja;
	} cases[] = {
	    {0,
		"form of this log: Spec ID Event03, version 2.0.0: sha1 sha256 "
		"sha384",
		"このログの形式: Spec ID Event03, version 2.0.0: sha1 sha256 "
		"sha384"},
	    {2, "firmware of 917504 bytes", "917504 バイトのファームウェア"},
	    {4, "Secure Boot is on", "セキュアブートは有効"},
	    {8, "dbx holds 1 SHA-256", "dbx の内容: 1 SHA-256"},
	    {9, "end of the firmware's part of PCR 7",
		"PCR 7 のファームウェア部分の終わり"},
	    {10, "boot order 0001,0000,0002", "起動順序 0001,0000,0002"},
	    {14, "the firmware starts a boot option",
		"ファームウェアが起動項目を開始"},
	    {22,
		"an image was verified by Microsoft Corporation UEFI CA 2011 "
		"(in db)",
		"イメージが Microsoft Corporation UEFI CA 2011 により検証された"
		"（db 内）"},
	    {25, "shim measured its variable MokList",
		"shim が変数 MokList を測定した"},
	    {30, "shim loaded GRUB from \\EFI\\BOOT\\grubx64.efi",
		"shim が GRUB を \\EFI\\BOOT\\grubx64.efi から読み込んだ"},
	    {40, "GRUB ran: set timeout=0", "GRUB が実行: set timeout=0"},
	    {48, "GRUB read /boot/vmlinuz-6.1.0",
		"GRUB が /boot/vmlinuz-6.1.0 を読み込んだ"},
	    {49, "GRUB loaded the kernel", "GRUB が カーネル を読み込んだ"},
	    {56, "the firmware left: the operating system runs",
		"ファームウェアが終了し、OS が動作"},
	};
	struct evlog log = golden();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t at = cases[i].event;
		ck_assert_str_eq(
		    uefi_explain(&log, at, 0, "en", &arena), cases[i].en);
		ck_assert_str_eq(
		    uefi_explain(&log, at, 0, "ja", &arena), cases[i].ja);
		ck_assert_str_eq(
		    uefi_explain(&log, at, 0, NULL, &arena), cases[i].en);
	}
}
END_TEST

START_TEST(loaders_are_told_apart)
{
	static const struct {
		const char *boot;
		size_t event;
		const char *says;
	} cases[] = {
	    {"grub-sb-golden", 24, "the firmware loaded shim from "},
	    {"uki-golden", 4, "Secure Boot is off"},
	    {"uki-golden", 5, "PK is empty"},
	    {"uki-golden", 23,
		"the firmware loaded a unified kernel image from "},
	    {"uki-golden", 24, "section .linux of a unified kernel image"},
	    {"uki-golden", 32,
		"a unified kernel image loaded the kernel from "},
	    {"uki-golden", 34, "the kernel read its initrd"},
	    {"direct-golden", 10, "the firmware loaded the kernel from "},
	    {"direct-optionrom", 10, "the firmware loaded a driver from "},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct evlog log;
		struct span file = tap_file(
		    &arena, arena_printf(&arena,
				"/tests/vectors/vm/boots/%s/eventlog.bin",
				cases[i].boot));
		ck_rc_ok(evlog_decode(file, &arena, &log, NULL));
		const char *got =
		    uefi_explain(&log, cases[i].event, 0, "en", &arena);
		ck_assert_msg(
		    strncmp(got, cases[i].says, strlen(cases[i].says)) == 0,
		    "%s", got);
	}
}
END_TEST

/* A log of what no recorded boot has, made by hand as a seed of the fuzzer. */
START_TEST(rare_events_say_what_they_are)
{
	static const struct {
		const char *text, *kind;
	} cases[] = {
	    {"Spec ID Event03, version 2.0.0: sha1 sha256", "spec_id"},
	    {"SP800-155, vendor 11129, manifest "
	     "03020100-0504-0706-0809-0a0b0c0d0e0f Maker, Box, 1, Firm, 2.7; "
	     "reference values: http://a/b",
		"platform_id"},
	    {"SP800-155, vendor 11129, manifest "
	     "03020100-0504-0706-0809-0a0b0c0d0e0f Maker, Box, 1, Firm, 2.7; "
	     "reference values: 3 bytes, locator type 0",
		"platform_id"},
	    {"SP800-155, vendor 1, manifest "
	     "00000000-0000-0000-0000-000000000000",
		"platform_id"},
	    {"NvIndexInstance: 0000000000000000", NULL},
	    {"device that is not authenticated Pci(0x3,0x0): measurement 4 = "
	     "76616c7565",
		"device_measurement"},
	    {"authenticated device Pci(0x3,0x0): measurement 4 = 76616c7565",
		"device_measurement"},
	    {"authenticated device Pci(0x3,0x0): certificate chain",
		"device_measurement"},
	    {"trust_boundary: os_kernel_debug=yes, loaded_module: "
	     "file_path=\\a, authenticode_hash=68617368, 0x0007ffff=3f",
		"windows"},
	    {"trust_point: aik_id=key", "windows"},
	    {"separator WBCL", "separator"},
	    {"UEFI Debug Mode", "action"},
	    {"separator error text", "separator"},
	    {"Shim = a certificate that is not DER", "variable"},
	    {"db = SHA-256 00000000000000000000000000000000000000000000000000"
	     "00000000000000",
		"variable"},
	    {"Vendor = 76 (vendor 03020100-0504-0706-0809-0a0b0c0d0e0f)",
		"variable"},
	    {"\xe8\xa8\xbc = 76 (vendor 03020100-0504-0706-0809-0a0b0c0d0e0f)",
		"variable"},
	    {"ro quiet", "loader_text"},
	    {".osrel", "uki_section"},
	};
	const size_t n = sizeof(cases) / sizeof(cases[0]);
	struct evlog log;
	struct span file =
	    tap_file(&arena, "/tests/fuzz/corpus/evlog/devices.bin");

	ck_rc_ok(evlog_decode(file, &arena, &log, NULL));
	ck_assert_uint_eq(log.events_n, n);
	for (size_t i = 0; i < n; i++) {
		JSON_AUTO doc = facts(&log.events[i]);
		const char *kind = json_string_value(
		    json_object_get(json_object_get(doc, "facts"), "kind"));
		ck_assert_str_eq(described(&log.events[i]), cases[i].text);
		ck_assert_pstr_eq(kind, cases[i].kind);
	}
}
END_TEST

START_TEST(authorities)
{
	uint8_t value[48] = {0};
	struct uefi_authority by = uefi_authority_of(span_of(value, 48));

	ck_assert_int_eq(by.kind, SIG_SHA256);
	ck_assert_uint_eq(by.data.n, 32);
	by = uefi_authority_of(span_of(value, 47));
	ck_assert_int_eq(by.kind, SIG_OTHER);
	ck_assert_uint_eq(by.data.n, 47);
	by = uefi_authority_of(span_of(value, 0));
	ck_assert_int_eq(by.kind, SIG_OTHER);
	by = uefi_authority_of(STR("\x30\x82\0\1x"));
	ck_assert_int_eq(by.kind, SIG_X509);
	ck_assert_ptr_null(by.owner);
}
END_TEST

/* --- every other type ----------------------------------------------------- */

struct said {
	uint32_t pcr, type;
	struct span data;
	const char *means, *kind;
	const char *member, *value; /* of the facts; NULL: not asked */
};

/* As STR(), where a constant is needed. */
#define LIT(s)                                                                 \
	{                                                                      \
		(const uint8_t *)(s), sizeof(s) - 1                            \
	}
#define PLAIN(pcr, type, en, kind)                                             \
	{                                                                      \
		pcr, type, LIT("words"), en ": words", kind, "text", "words"   \
	}
#define COMPONENT "H-CRTM CompMeas\0\4core\0\3\0abc"
#define SPECID_2 "Spec ID Event02\0\0\0\0\0\2\1\5\2\0"

static const struct said said[] = {
    PLAIN(1, EV_ACTION, "action of the firmware", "action"),
    PLAIN(5, EV_EFI_ACTION, "action of the firmware", "action"),
    PLAIN(0, EV_POST_CODE, "code of the firmware", "post_code"),
    PLAIN(0, EV_S_CRTM_CONTENTS, "first code of the firmware", "crtm_contents"),
    {0, EV_S_CRTM_VERSION, LIT("words"), "firmware version words",
	"firmware_version", "text", "words"},
    PLAIN(1, EV_CPU_MICROCODE, "microcode of the processor", "cpu_microcode"),
    PLAIN(1, EV_PLATFORM_CONFIG_FLAGS, "settings of the platform",
	"platform_config"),
    PLAIN(1, EV_TABLE_OF_DEVICES, "table of devices", "table_of_devices"),
    PLAIN(6, EV_COMPACT_HASH, "a measurement that its vendor defines",
	"compact_hash"),
    PLAIN(4, EV_IPL, "the boot loader took", "loader_text"),
    PLAIN(5, EV_IPL_PARTITION_DATA, "partition data", "partition_data"),
    PLAIN(2, EV_NONHOST_CODE, "code of another processor", "nonhost_code"),
    PLAIN(3, EV_NONHOST_CONFIG, "settings of another processor",
	"nonhost_config"),
    PLAIN(
	0, EV_NONHOST_INFO, "information on another processor", "nonhost_info"),
    {4, EV_OMIT_BOOT_DEVICE_EVENTS, LIT("BOOT ATTEMPTS OMITTED"),
	"boot attempts are not logged", "action", NULL, NULL},
    {0, EV_EFI_HCRTM_EVENT, LIT("HCRTM"),
	"the H-CRTM measured before the processor started", "action", "text",
	"HCRTM"},
    {0, EV_S_CRTM_VERSION, LIT("\0\0"), "the firmware names no version",
	"firmware_version", "text", ""},
    {13, EV_SEPARATOR, LIT("WBCL"), "end of the boot loader's part of PCR 13",
	"separator", "state", "other"},
    {2, 0x8401, LIT("words"), "an event of a type that is not known: words",
	NULL, NULL, NULL},
    {0, EV_NO_ACTION, LIT(COMPONENT),
	"a remark that no digest binds: H-CRTM measured core = 616263",
	"hcrtm_component", "measurement", "616263"},
    {0, EV_NO_ACTION, LIT(SPECID_2),
	"form of this log: Spec ID Event02, version 1.2.5", "spec_id", NULL,
	NULL},
    {5, EV_EVENT_TAG, LIT("\x2a\x58\xbc\xf5\4\0\0\0conf"),
	"measured by a loader: systemd-boot, loader.conf: conf", "tagged",
	"name", "systemd-boot, loader.conf"},
    {13, EV_EVENT_TAG, LIT("\2\0\5\0\1\0\0\0\1"), "Windows: code_integrity=yes",
	"windows", NULL, NULL},
    {1, EV_EFI_HANDOFF_TABLES, LIT("\0\0\0\0\0\0\0\0"),
	"tables that the firmware hands over: 0 tables:", "handoff_tables",
	NULL, NULL},
};

START_TEST(each_type_has_words_in_two_languages)
{
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		struct evlog_event ev = {.pcr = said[i].pcr,
		    .type = said[i].type,
		    .data = said[i].data};
		struct evlog log = {.events_n = 1, .events = &ev};
		const char *ja = uefi_explain(&log, 0, 0, "ja", &arena);
		ck_assert_str_eq(
		    uefi_explain(&log, 0, 0, "en", &arena), said[i].means);
		ck_assert_msg(*ja && (strcmp(ja, said[i].means) != 0 ||
					 said[i].pcr == 13),
		    "%s", ja);
		JSON_AUTO doc = facts(&ev);
		const json_t *got = json_object_get(doc, "facts");
		ck_assert_pstr_eq(
		    json_string_value(json_object_get(got, "kind")),
		    said[i].kind);
		if (said[i].member)
			ck_assert_pstr_eq(json_string_value(json_object_get(
					      got, said[i].member)),
			    said[i].value);
	}
}
END_TEST

static bool
is_component(const struct evlog_event *ev)
{
	struct uefi_component c;

	return uefi_component_decode(ev, &c);
}

START_TEST(hcrtm_components)
{
	struct uefi_component c;

	buf_put(&bytes, COMPONENT, sizeof(COMPONENT) - 1);
	struct evlog_event ev = event(0, EV_NO_ACTION);
	refuses_prefixes(ev, is_component);
	ck_assert(uefi_component_decode(&ev, &c));
	ck_assert(span_eq(c.name, STR("core")));
	ck_assert(span_eq(c.measurement, STR("abc")));
	put_fill(&bytes, 0, 1);
	ev = event(0, EV_NO_ACTION);
	ck_assert(!is_component(&ev));
}
END_TEST

/* A variable with a name in ASCII. */
static void
put_variable(const char *guid, const char *name, const struct buf *value)
{
	buf_put(&bytes, guid, 16);
	put_le(&bytes, strlen(name), 8);
	put_le(&bytes, value->n, 8);
	for (; *name; name++)
		put_le(&bytes, (uint8_t)*name, 2);
	buf_put(&bytes, value->p, value->n);
}

#define DEVICES                                                                \
	"\xf4\xb4\xc2\xb9\x5f\xbf\x2d\x46\x8a\xdf\xc5\xc7\x0a\xc3\x5d\xad"
#define X509_SHA256                                                            \
	"\x92\xa4\xd2\x3b\xc0\x96\x79\x40\xb4\x20\xfc\xf9\x8e\xf1\x03\xed"

/* The keys of devices are a database as db is, and a revoked certificate says
 * since when. */
START_TEST(databases_of_devices_and_times)
{
	struct buf list = {0};

	buf_put(&list, X509_SHA256, 16);
	put_le(&list, 28 + 2 * 64, 4);
	put_le(&list, 0, 4);
	put_le(&list, 64, 4);
	for (uint8_t i = 0; i < 2; i++) {
		put_fill(&list, 7, 16);
		put_fill(&list, 9, 32);
		put_le(&list, i ? 2026 : 0, 2);
		buf_put(&list, "\3\4\5\6\7", 5);
		put_fill(&list, 0, 9);
	}
	put_variable(DEVICES, "devdb", &list);
	buf_free(&list);
	struct evlog_event ev = event(7, EV_EFI_SPDM_DEVICE_POLICY);
	JSON_AUTO doc = facts(&ev);
	const json_t *entries =
	    json_object_get(json_object_get(doc, "facts"), "entries");
	ck_assert_uint_eq(json_array_size(entries), 2);
	ck_assert_uint_eq(strlen(json_string_value(json_object_get(
			      json_array_get(entries, 0), "data"))),
	    64);
	ck_assert_ptr_null(
	    json_object_get(json_array_get(entries, 0), "revoked_from"));
	ck_assert_str_eq(json_string_value(json_object_get(
			     json_array_get(entries, 1), "revoked_from")),
	    "2026-03-04T05:06:07Z");
	struct evlog log = {.events_n = 1, .events = &ev};
	ck_assert_ptr_nonnull(strstr(uefi_explain(&log, 0, 0, "en", &arena),
	    "devdb holds 2 X.509 SHA-256"));
}
END_TEST

START_TEST(modes_and_settings)
{
	static const struct {
		const char *name, *value, *means;
	} cases[] = {
	    {"DeployedMode", "\1", "DeployedMode is on"},
	    {"SetupMode", "\0", "SetupMode is off"},
	    {"AuditMode", "\2", "setting AuditMode: 02"},
	    {"Other", "\1", "setting Other: 01"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf value = {0};
		buf_put(&value, cases[i].value, 1);
		bytes.n = 0;
		put_variable(
		    (const char *)uefi_guid_global, cases[i].name, &value);
		buf_free(&value);
		struct evlog_event ev = event(7, EV_EFI_VARIABLE_DRIVER_CONFIG);
		struct evlog log = {.events_n = 1, .events = &ev};
		ck_assert_str_eq(
		    uefi_explain(&log, 0, 0, "en", &arena), cases[i].means);
	}
}
END_TEST

START_TEST(shim_trusts_its_list)
{
	struct buf value = {0};

	buf_put(&value, "\1", 1);
	put_variable((const char *)uefi_guid_shim, "MokListTrusted", &value);
	buf_free(&value);
	struct evlog_event ev = event(7, EV_EFI_VARIABLE_AUTHORITY);
	struct evlog log = {.events_n = 1, .events = &ev};
	ck_assert_str_eq(uefi_explain(&log, 0, 0, "en", &arena),
	    "shim takes its own list of keys as trusted: 01");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("uefi_data");
	TCase *t = tcase_create("uefi_data");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, blobs);
	tcase_add_test(t, handoff_tables);
	tcase_add_test(t, partition_tables);
	tcase_add_test(t, platform_ids);
	tcase_add_test(t, spdm_form_1);
	tcase_add_test(t, spdm_form_2);
	tcase_add_test(t, windows_records);
	tcase_add_test(t, windows_records_nest_to_a_limit);
	tcase_add_test(t, windows_records_stay_inside);
	tcase_add_test(t, load_options);
	tcase_add_test(t, events_have_a_meaning);
	tcase_add_test(t, loaders_are_told_apart);
	tcase_add_test(t, rare_events_say_what_they_are);
	tcase_add_test(t, each_type_has_words_in_two_languages);
	tcase_add_test(t, hcrtm_components);
	tcase_add_test(t, databases_of_devices_and_times);
	tcase_add_test(t, modes_and_settings);
	tcase_add_test(t, shim_trusts_its_list);
	tcase_add_test(t, authorities);
	tcase_add_test(t, databases_name_their_certificates);
	tcase_add_test(t, names_of_damaged_certificates_are_not_read);
	tcase_add_test(t, facts_of_every_event_are_json);
	suite_add_tcase(s, t);
	return tap_run(s);
}

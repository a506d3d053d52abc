/* SPDX-License-Identifier: Apache-2.0 */
/* What files under tests/vectors/{cel,userspace} cannot say: limits, memory,
 * words. */
#include "base/json.h"
#include "decode/cbor.h"
#include "decode/cel.h"
#include "decode/explain.h"
#include "lib/tap.h"
#include "unit/decode/log_builder.h"

#define STR(s) span_of(s, sizeof(s) - 1)

static struct arena arena;
static struct buf bytes;

static void
setup(void)
{
	arena_init(&arena, (size_t)256 << 20);
	bytes = (struct buf){0};
}

static void
teardown(void)
{
	buf_free(&bytes);
	arena_free(&arena);
}

/* A TLV with a length of four bytes. */
static void
put_tlv(struct buf *b, uint8_t tag, uint64_t n, struct span value)
{
	put_le(b, tag, 1);
	for (int shift = 24; shift >= 0; shift -= 8)
		put_le(b, n >> shift & 0xff, 1);
	buf_put(b, value.p, value.n);
}

/* A firmware_end, which needs no digest, for an NV index. */
static void
put_nv_record(struct buf *b, uint8_t index)
{
	const uint8_t where[] = {0x01, 0xd1, 0x02, index};

	put_tlv(b, 0, 1, STR("\0"));
	put_tlv(b, 2, 4, span_of(where, 4));
	put_tlv(b, 3, 0, STR(""));
	put_tlv(b, 4, 5, STR("\2\0\0\0\0"));
}

static rc
decode(enum cel_format format, struct cel_log *log, struct err *e)
{
	return cel_decode(buf_span(&bytes), format, &arena, log, e);
}

START_TEST(nv_indexes_are_limited)
{
	struct cel_log log;
	struct err e;
	uint8_t i = 0;

	for (; i < LIMIT_PCRS + LIMIT_CEL_INDEXES; i++)
		put_nv_record(&bytes, i);
	ck_rc_ok(decode(CEL_TLV, &log, &e));
	ck_assert_uint_eq(log.records_n, i);
	put_nv_record(&bytes, i);
	ck_rc_is(decode(CEL_TLV, &log, &e), ERR_CEL_TOO_LARGE);
	ck_assert_str_eq(e.path, "events[88].nv_index");
	ck_assert_uint_eq(log.records_n, i);
}
END_TEST

START_TEST(logs_are_limited)
{
	struct cel_log log;
	struct err e;

	put_fill(&bytes, ' ', LIMIT_EVENTLOG - 2);
	buf_puts(&bytes, "[]");
	ck_rc_ok(decode(CEL_JSON, &log, &e));
	put_fill(&bytes, ' ', 1);
	ck_rc_is(decode(CEL_JSON, &log, &e), ERR_CEL_TOO_LARGE);
}
END_TEST

START_TEST(a_json_record_is_limited)
{
	struct cel_log log;
	struct err e;

	buf_puts(&bytes, "[{\"recnum\":0,\"x\":\"");
	put_fill(&bytes, 'a', LIMIT_JSON);
	buf_puts(&bytes, "\"}]");
	ck_rc_is(decode(CEL_JSON, &log, &e), ERR_JSON_LIMIT);
	ck_assert_str_eq(e.path, "events[0]");
}
END_TEST

START_TEST(a_full_arena_is_ours)
{
	struct span file = tap_file(&arena, "tests/vectors/userspace/good.log");
	size_t needed = 0;
	rc r = {ERR_MEMORY};

	for (; r.code == ERR_MEMORY && needed < 1 << 20; needed += 512) {
		struct cel_log log;
		struct arena small;
		arena_init(&small, needed);
		r = cel_decode(file, CEL_SYSTEMD, &small, &log, NULL);
		arena_free(&small);
	}
	ck_rc_ok(r);
	ck_assert_uint_gt(needed, 1024);
}
END_TEST

START_TEST(boot_logs_are_not_taken_for_others)
{
	static const char *const boots[] = {
	    "tests/vectors/vm/boots/grub-sb-golden/eventlog.bin",
	    "tests/fuzz/corpus/evlog/legacy.bin",
	    "tests/fuzz/corpus/evlog/uki.bin",
	};
	enum cel_format format;

	for (size_t i = 0; i < sizeof(boots) / sizeof(boots[0]); i++)
		ck_assert(!cel_recognise(tap_file(&arena, boots[i]), &format));
	ck_assert(!cel_recognise(STR(""), &format));
	ck_assert(!cel_recognise(STR(" \n"), &format));
	ck_assert(!cel_recognise(STR("\0\0\0\0\1"), &format));
	ck_assert(cel_recognise(STR("\n[]"), &format));
	ck_assert_int_eq(format, CEL_JSON);
}
END_TEST

START_TEST(says_what_a_record_is)
{
	static const struct {
		const char *file;
		size_t record;
		const char *event, *text;
	} rows[] = {
	    {"tests/vectors/cel/good.tlv", 0, "cel_version", "major=1 minor=1"},
	    {"tests/vectors/cel/good.cbor", 2, "EV_IPL",
		"kernel_cmdline: linux root=LABEL=root"},
	    {"tests/vectors/cel/good.json", 4, NULL,
		"template_name=ima-ng template_data=06000000616263646566"},
	    {"tests/vectors/cel/good.json", 6, "state_trans", "state=2"},
	    {"tests/vectors/cel/c02-google.tlv", 2, "Arg", "value=--serve"},
	    {"tests/vectors/userspace/good.log", 2, NULL, "enter-initrd"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span file = tap_file(&arena, rows[i].file);
		enum cel_format format;
		struct cel_log log;
		ck_assert(cel_recognise(file, &format));
		ck_rc_ok(cel_decode(file, format, &arena, &log, NULL));
		const struct cel_record *rec = &log.records[rows[i].record];
		ck_assert_pstr_eq(cel_event_name(rec), rows[i].event);
		ck_assert_str_eq(cel_describe(rec, &arena), rows[i].text);
	}
}
END_TEST

START_TEST(a_late_bank_is_incomplete)
{
	struct cel_log log;
	struct err e;

	buf_puts(&bytes,
	    "{\"pcr\":1,\"digests\":[{\"hashAlg\":\"sha1\",\"digest\":"
	    "\"0000000000000000000000000000000000000000\"}],"
	    "\"content_type\":\"systemd\",\"content\":{\"eventType\":\"a\","
	    "\"bootId\":\"00000000000000000000000000000000\","
	    "\"timestamp\":0}}\n");
	size_t one = bytes.n;
	struct span later =
	    tap_file(&arena, "tests/vectors/userspace/plain.log");
	const uint8_t *end = memchr(later.p, '\n', later.n);
	ck_assert_ptr_nonnull(end);
	buf_put(&bytes, later.p, (size_t)(end + 1 - later.p));
	ck_assert_uint_gt(bytes.n, one);
	ck_rc_ok(decode(CEL_SYSTEMD, &log, &e));
	ck_assert_uint_eq(log.algs_n, 3);
	ck_assert_uint_eq(log.incomplete, 7);
}
END_TEST

/* --- CBOR ----------------------------------------------------------------- */

static rc
read_all(struct span s)
{
	struct cbor c = cbor_over(s);
	struct cbor_item item;

	while (!rd_done(&c.in))
		TRY(cbor_next(&c, &item));
	return RC_OK;
}

START_TEST(cbor_depth_is_limited)
{
	put_fill(&bytes, 0x81, LIMIT_CBOR_DEPTH);
	put_fill(&bytes, 0x00, 1);
	ck_rc_ok(read_all(buf_span(&bytes)));
	bytes.n = 0;
	put_fill(&bytes, 0x81, LIMIT_CBOR_DEPTH + 1);
	put_fill(&bytes, 0x00, 1);
	ck_rc_is(read_all(buf_span(&bytes)), ERR_CEL_TOO_LARGE);
}
END_TEST

START_TEST(cbor_forms)
{
	const struct {
		struct span bytes;
		enum err_code code;
	} rows[] = {
	    {STR("\x17"), ERR_OK},
	    {STR("\x18\x18"), ERR_OK},
	    {STR("\x18\x17"), ERR_CEL_CBOR},
	    {STR("\x19\x01\x00"), ERR_OK},
	    {STR("\x19\x00\xff"), ERR_CEL_CBOR},
	    {STR("\x1a\x00\x01\x00\x00"), ERR_OK},
	    {STR("\x1a\x00\x00\xff\xff"), ERR_CEL_CBOR},
	    {STR("\x1b\0\0\0\1\0\0\0\0"), ERR_OK},
	    {STR("\x1b\0\0\0\0\xff\xff\xff\xff"), ERR_CEL_CBOR},
	    {STR("\x1c"), ERR_CEL_CBOR},
	    {STR("\x20"), ERR_CEL_CBOR},
	    {STR("\x42\1"), ERR_CEL_TRUNCATED},
	    {STR("\x41\1"), ERR_OK},
	    {STR("\x58\x01\1"), ERR_CEL_CBOR},
	    {STR("\x5f\xff"), ERR_CEL_CBOR},
	    {STR("\x61"
		 "a"),
		ERR_OK},
	    {STR("\x82\1"), ERR_CEL_TRUNCATED},
	    {STR("\x9f\xff"), ERR_CEL_CBOR},
	    {STR("\xa2\0\0\1\0"), ERR_OK},
	    {STR("\xa2\0\0\0\0"), ERR_CEL_CBOR},
	    {STR("\xa2\1\0\0\0"), ERR_CEL_CBOR},
	    {STR("\xa2\x00\x00\x61"
		 "a\x00"),
		ERR_OK},
	    {STR("\xa1\x80\0"), ERR_CEL_CBOR},
	    {STR("\xa1\xf6\0"), ERR_CEL_CBOR},
	    {STR("\xc0\0"), ERR_CEL_CBOR},
	    {STR("\xf4"), ERR_CEL_CBOR},
	    {STR("\xf6"), ERR_OK},
	    {STR("\xf7"), ERR_CEL_CBOR},
	    {STR("\xf9\0\0"), ERR_CEL_CBOR},
	    {STR("\xff"), ERR_CEL_CBOR},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rc r = read_all(rows[i].bytes);
		ck_assert_msg(
		    r.code == rows[i].code, "row %zu: %s", i, err_name(r.code));
	}
}
END_TEST

/* Every record of systemd has its words, in both languages. */
START_TEST(records_are_explained)
{
	static const struct {
		const char *type, *string, *en, *ja;
	} rows[] = {
	    {"phase", "enter-initrd", "the initrd begins", "initrd を開始"},
	    {"phase", "mine", "boot phase mine", "ブートフェーズ mine"},
	    {"machine-id", "machine-id:0a", "this system's machine ID is 0a",
		"このシステムの machine-id は 0a"},
	    {"machine-id", "else", "", ""},
	    {"login", "x\x1b[31m", "a user logged in: x\\x1b[31m",
		"利用者がログイン: x\\x1b[31m"},
	    {"future", "text", "", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct cel_field fields[] = {
		    {.name = "eventType",
			.kind = CEL_TEXT,
			.bytes = span_str(rows[i].type)},
		    {.name = "string",
			.kind = CEL_TEXT,
			.bytes = span_str(rows[i].string)}};
		const struct cel_record rec = {
		    .type = CEL_TYPE_SYSTEMD, .fields_n = 2, .fields = fields};
		ck_assert_str_eq(cel_explain(&rec, "en", &arena), rows[i].en);
		ck_assert_str_eq(cel_explain(&rec, "ja", &arena), rows[i].ja);
	}
	const struct cel_record launch = {
	    .type = CEL_TYPE_COS, .event = CEL_COS_LAUNCH_SEPARATOR};
	ck_assert_ptr_nonnull(
	    strstr(cel_explain(&launch, NULL, &arena), "container runs"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cel");
	TCase *t = tcase_create("cel");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, nv_indexes_are_limited);
	tcase_add_test(t, logs_are_limited);
	tcase_add_test(t, a_json_record_is_limited);
	tcase_add_test(t, a_full_arena_is_ours);
	tcase_add_test(t, boot_logs_are_not_taken_for_others);
	tcase_add_test(t, says_what_a_record_is);
	tcase_add_test(t, a_late_bank_is_incomplete);
	tcase_add_test(t, cbor_depth_is_limited);
	tcase_add_test(t, cbor_forms);
	tcase_add_test(t, records_are_explained);
	suite_add_tcase(s, t);
	return tap_run(s);
}

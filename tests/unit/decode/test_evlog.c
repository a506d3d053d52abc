/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/evlog.h"
#include "lib/tap.h"
#include "unit/decode/log_builder.h"

#include <stdlib.h>

#define STR(s) span_of(s, sizeof(s) - 1)
#define LOCALITY_3 STR("StartupLocality\0\3")

static struct arena arena;
static struct buf log_bytes;

static void
setup(void)
{
	arena_init(&arena, (size_t)256 << 20);
	log_bytes = (struct buf){0};
}

static void
teardown(void)
{
	buf_free(&log_bytes);
	arena_free(&arena);
}

static rc
decode(struct evlog *log, struct err *e)
{
	return evlog_decode(buf_span(&log_bytes), &arena, log, e);
}

/* What a case puts into log_bytes, and what must come of it. */
struct refusal {
	void (*build)(struct buf *b);
	enum err_code code;
	const char *path;
	size_t events; /* that were read before the fault */
};

static void
specid_of(struct buf *b, size_t at, uint8_t byte)
{
	put_two_banks(b);
	b->p[32 + at] = (char)byte;
}

static void
specid_version_1(struct buf *b)
{
	specid_of(b, 21, 1);
}

static void
specid_word_3(struct buf *b)
{
	specid_of(b, 23, 3);
}

static void
specid_word_0(struct buf *b)
{
	specid_of(b, 23, 0);
}

static void
specid_no_algs(struct buf *b)
{
	specid_of(b, 24, 0);
}

static void
specid_more_algs(struct buf *b)
{
	specid_of(b, 24, 3);
}

static void
specid_fewer_algs(struct buf *b)
{
	specid_of(b, 24, 1);
}

static void
specid_wrong_size(struct buf *b)
{
	specid_of(b, 34, 20);
}

static void
specid_vendor_beyond(struct buf *b)
{
	specid_of(b, 36, 1);
}

static void
specid_unknown_signature(struct buf *b)
{
	specid_of(b, 13, '4');
}

static void
specid_twice_one_alg(struct buf *b)
{
	static const uint16_t pairs[] = {0x000b, 32, 0x000b, 32};

	put_specid(b, pairs, 2);
}

static void
specid_17_algs(struct buf *b)
{
	uint16_t pairs[34];

	for (uint16_t i = 0; i < 17; i++) {
		pairs[2 * i] = (uint16_t)(0x1000 + i);
		pairs[2 * i + 1] = 8;
	}
	put_specid(b, pairs, 17);
}

static void
specid_size_0(struct buf *b)
{
	static const uint16_t pairs[] = {0x000b, 32, 0x1000, 0};

	put_specid(b, pairs, 2);
}

static void
specid_sm3_size(struct buf *b)
{
	static const uint16_t pairs[] = {0x000b, 32, 0x0012, 20};

	put_specid(b, pairs, 2);
}

static void
pcr_24(struct buf *b)
{
	put_two_banks(b);
	put_agile(b, 24, EV_SEPARATOR, 1, STR("\0\0\0\0"));
}

static void
pcr_24_legacy(struct buf *b)
{
	put_legacy(b, 24, EV_SEPARATOR, 1, STR("\0\0\0\0"));
}

static void
pcr_max(struct buf *b)
{
	put_two_banks(b);
	put_agile(b, 0, EV_SEPARATOR, 1, STR("\0\0\0\0"));
	put_agile(b, UINT32_MAX, EV_SEPARATOR, 1, STR("\0\0\0\0"));
}

static void
digest_count(struct buf *b, uint32_t n)
{
	put_two_banks(b);
	size_t at = b->n + 8;
	put_agile(b, 7, EV_SEPARATOR, 1, STR("\0\0\0\0"));
	for (size_t i = 0; i < 4; i++)
		b->p[at + i] = (char)(n >> 8 * i & 0xff);
}

static void
digest_count_0(struct buf *b)
{
	digest_count(b, 0);
}

static void
digest_count_3(struct buf *b)
{
	digest_count(b, 3);
}

static void
digest_count_max(struct buf *b)
{
	digest_count(b, UINT32_MAX);
}

static void
digest_alg(struct buf *b, size_t at, uint16_t alg)
{
	put_two_banks(b);
	at += b->n + 12;
	put_agile(b, 7, EV_SEPARATOR, 1, STR("\0\0\0\0"));
	b->p[at] = (char)alg;
}

static void
digest_undeclared(struct buf *b)
{
	digest_alg(b, 0, 0x000c);
}

static void
digest_twice(struct buf *b)
{
	put_two_banks(b);
	put_le(b, 7, 4);
	put_le(b, EV_SEPARATOR, 4);
	put_le(b, 2, 4);
	for (size_t i = 0; i < 2; i++) {
		put_le(b, 0x0004, 2);
		put_fill(b, 1, 20);
	}
	put_le(b, 0, 4);
}

static void
data_beyond(struct buf *b)
{
	put_two_banks(b);
	size_t at = b->n + 8 + 4 + 22 + 34;
	put_agile(b, 7, EV_SEPARATOR, 1, STR("\0\0\0\0"));
	b->p[at] = 5;
}

static void
data_beyond_by_4g(struct buf *b)
{
	put_two_banks(b);
	size_t at = b->n + 8 + 4 + 22 + 34;
	put_agile(b, 7, EV_SEPARATOR, 1, STR("\0\0\0\0"));
	for (size_t i = 0; i < 4; i++)
		b->p[at + i] = (char)0xff;
}

static void
garbage(struct buf *b)
{
	put_two_banks(b);
	put_agile(b, 7, EV_SEPARATOR, 1, STR("\0\0\0\0"));
	buf_puts(b, "garbage garbage garbage");
}

static void
padding_then_byte(struct buf *b)
{
	put_two_banks(b);
	put_agile(b, 7, EV_SEPARATOR, 1, STR("\1\1\1\1"));
	put_fill(b, 0, 4096);
	put_fill(b, 1, 1);
}

static void
padding_then_byte_legacy(struct buf *b)
{
	put_legacy(b, 7, EV_SEPARATOR, 1, STR("\1\1\1\1"));
	put_fill(b, 0, 4096);
	put_fill(b, 1, 1);
}

static void
ff_then_byte(struct buf *b)
{
	put_two_banks(b);
	put_agile(b, 7, EV_SEPARATOR, 1, STR("\1\1\1\1"));
	put_fill(b, 0xff, 4096);
	put_fill(b, 1, 1);
}

static void
locality(struct buf *b, uint32_t pcr, struct span data)
{
	put_two_banks(b);
	put_agile(b, pcr, EV_NO_ACTION, 0, data);
}

static void
locality_1(struct buf *b)
{
	locality(b, 0, STR("StartupLocality\0\1"));
}

static void
locality_255(struct buf *b)
{
	locality(b, 0, STR("StartupLocality\0\xff"));
}

static void
locality_16_bytes(struct buf *b)
{
	locality(b, 0, STR("StartupLocality\0"));
}

static void
locality_18_bytes(struct buf *b)
{
	locality(b, 0, STR("StartupLocality\0\3\0"));
}

static void
locality_no_nul(struct buf *b)
{
	locality(b, 0, STR("StartupLocality3\3"));
}

static void
locality_pcr_1(struct buf *b)
{
	locality(b, 1, LOCALITY_3);
}

static void
locality_twice(struct buf *b)
{
	locality(b, 0, LOCALITY_3);
	put_agile(b, 0, EV_NO_ACTION, 0, LOCALITY_3);
}

static void
locality_late(struct buf *b)
{
	put_two_banks(b);
	put_agile(b, 0, EV_S_CRTM_VERSION, 1, STR("v"));
	put_agile(b, 0, EV_NO_ACTION, 0, LOCALITY_3);
}

static void
hcrtm_late(struct buf *b)
{
	put_two_banks(b);
	put_agile(b, 0, EV_S_CRTM_VERSION, 1, STR("v"));
	put_agile(b, 0, EV_EFI_HCRTM_EVENT, 1, STR("HCRTM"));
}

static void
text(struct buf *b)
{
	buf_puts(b, "This is not a measured-boot log, but it is long enough "
		    "to look like the first record of one.");
}

static void
empty(struct buf *b)
{
	buf_put(b, "", 0);
}

static void
zeros(struct buf *b)
{
	put_fill(b, 0, 65536);
}

static const struct refusal refusals[] = {
    {specid_version_1, ERR_LOG_SPECID, "events[0].data", 0},
    {specid_word_3, ERR_LOG_SPECID, "events[0].data", 0},
    {specid_word_0, ERR_LOG_SPECID, "events[0].data", 0},
    {specid_no_algs, ERR_LOG_SPECID, "events[0].data", 0},
    {specid_more_algs, ERR_LOG_SPECID, "events[0].data", 0},
    {specid_fewer_algs, ERR_LOG_SPECID, "events[0].data", 0},
    {specid_wrong_size, ERR_LOG_SPECID, "events[0].data", 0},
    {specid_vendor_beyond, ERR_LOG_SPECID, "events[0].data", 0},
    {specid_unknown_signature, ERR_LOG_SPECID, "events[0].data", 0},
    {specid_twice_one_alg, ERR_LOG_SPECID, "events[0].data", 0},
    {specid_17_algs, ERR_LOG_SPECID, "events[0].data", 0},
    {specid_size_0, ERR_LOG_SPECID, "events[0].data", 0},
    {specid_sm3_size, ERR_LOG_SPECID, "events[0].data", 0},
    {pcr_24, ERR_LOG_PCR, "events[1]", 1},
    {pcr_24_legacy, ERR_LOG_PCR, "events[0]", 0},
    {pcr_max, ERR_LOG_PCR, "events[2]", 2},
    {digest_count_0, ERR_LOG_DIGEST_COUNT, "events[1]", 1},
    {digest_count_3, ERR_LOG_DIGEST_COUNT, "events[1]", 1},
    {digest_count_max, ERR_LOG_DIGEST_COUNT, "events[1]", 1},
    {digest_undeclared, ERR_LOG_DIGEST_ALG, "events[1].digests[0]", 1},
    {digest_twice, ERR_LOG_DIGEST_DUPLICATE, "events[1].digests[1]", 1},
    {data_beyond, ERR_LOG_TRUNCATED, "events[1]", 1},
    {data_beyond_by_4g, ERR_LOG_TRUNCATED, "events[1]", 1},
    {garbage, ERR_LOG_TRAILING, "events[2]", 2},
    {padding_then_byte, ERR_LOG_TRAILING, "events[2]", 2},
    {padding_then_byte_legacy, ERR_LOG_TRAILING, "events[1]", 1},
    {ff_then_byte, ERR_LOG_TRAILING, "events[2]", 2},
    {locality_1, ERR_LOG_LOCALITY, "events[1]", 1},
    {locality_255, ERR_LOG_LOCALITY, "events[1]", 1},
    {locality_16_bytes, ERR_LOG_LOCALITY, "events[1]", 1},
    {locality_18_bytes, ERR_LOG_LOCALITY, "events[1]", 1},
    {locality_no_nul, ERR_LOG_LOCALITY, "events[1]", 1},
    {locality_pcr_1, ERR_LOG_LOCALITY, "events[1]", 1},
    {locality_twice, ERR_LOG_LOCALITY, "events[2]", 2},
    {locality_late, ERR_LOG_LOCALITY, "events[2]", 2},
    {hcrtm_late, ERR_LOG_LOCALITY, "events[2]", 2},
    {text, ERR_LOG_FORMAT, "events[0]", 0},
    {empty, ERR_LOG_NO_EVENTS, "events[0]", 0},
    {zeros, ERR_LOG_FORMAT, "events[0]", 0},
};

enum { REFUSALS = sizeof(refusals) / sizeof(refusals[0]) };

START_TEST(refuses_with_code_and_path)
{
	const struct refusal *r = &refusals[_i];
	struct evlog log;
	struct err e;

	r->build(&log_bytes);
	ck_rc_is(decode(&log, &e), r->code);
	ck_assert_int_eq(e.code, r->code);
	ck_assert_str_eq(e.path, r->path);
	ck_assert_uint_eq(log.events_n, r->events);
}
END_TEST

/* The control of the refusals: the same builders, unchanged. */
START_TEST(accepts_what_they_started_from)
{
	struct evlog log;

	put_two_banks(&log_bytes);
	put_agile(&log_bytes, 0, EV_NO_ACTION, 0, LOCALITY_3);
	put_agile(&log_bytes, 0, EV_S_CRTM_VERSION, 1, STR("v"));
	put_agile(&log_bytes, 7, EV_SEPARATOR, 1, STR("\0\0\0\0"));
	put_agile(&log_bytes, 23, 0x8401, 1, STR("?"));
	put_agile(&log_bytes, 8, EV_IPL, 1, STR("grub_cmd: true"));
	ck_rc_ok(decode(&log, NULL));
	ck_assert_int_eq(log.format, EVLOG_AGILE);
	ck_assert_uint_eq(log.algs_n, 2);
	ck_assert_uint_eq(log.events_n, 6);
	ck_assert_uint_eq(log.measured_n, 4);
	ck_assert_uint_eq(log.os_loader_from, 5);
	ck_assert_uint_eq(log.startup_locality, 3);
	ck_assert_uint_eq(log.quirks, QUIRK_STARTUP_LOCALITY);
	ck_assert_int_eq(log.profile, EVLOG_PC);
	ck_assert_uint_eq(log.incomplete, 0);
	for (uint32_t i = 0; i < 6; i++)
		ck_assert_uint_eq(log.events[i].index, i);
	ck_assert_uint_eq(log.events[4].pcr, 23);
	ck_assert_uint_eq(log.events[4].type, 0x8401);
	ck_assert(span_eq(log.events[4].data, STR("?")));
	ck_assert(span_all(span_of(log.events[4].digests[1], 32), 1));
}
END_TEST

START_TEST(accepts_legacy_logs)
{
	struct evlog log;

	put_legacy(&log_bytes, 0, EV_NO_ACTION, 0, STR("Spec ID Event02\0"));
	put_legacy(&log_bytes, 4, EV_ACTION, 7, STR("x"));
	put_fill(&log_bytes, 0, 100);
	ck_rc_ok(decode(&log, NULL));
	ck_assert_int_eq(log.format, EVLOG_LEGACY);
	ck_assert_uint_eq(log.events_n, 2);
	ck_assert_uint_eq(log.algs[0].id, ALG_SHA1);
	ck_assert_uint_eq(log.quirks, QUIRK_PADDING);
	ck_assert_uint_eq(log.os_loader_from, 2);
}
END_TEST

START_TEST(accepts_padding)
{
	static const uint8_t bytes[] = {0x00, 0xff};
	struct evlog log;

	for (size_t i = 0; i < 2; i++) {
		log_bytes.n = 0;
		put_two_banks(&log_bytes);
		put_agile(&log_bytes, 7, EV_SEPARATOR, 1, STR("\0\0\0\0"));
		put_fill(&log_bytes, bytes[i], 972);
		ck_rc_ok(decode(&log, NULL));
		ck_assert_uint_eq(log.events_n, 2);
		ck_assert_uint_eq(log.quirks, QUIRK_PADDING);
	}
}
END_TEST

START_TEST(accepts_digests_in_any_order)
{
	struct evlog log;

	put_two_banks(&log_bytes);
	put_le(&log_bytes, 7, 4);
	put_le(&log_bytes, EV_SEPARATOR, 4);
	put_le(&log_bytes, 2, 4);
	put_le(&log_bytes, ALG_SHA256, 2);
	put_fill(&log_bytes, 2, 32);
	put_le(&log_bytes, ALG_SHA1, 2);
	put_fill(&log_bytes, 1, 20);
	put_le(&log_bytes, 0, 4);
	ck_rc_ok(decode(&log, NULL));
	ck_assert_uint_eq(log.quirks, QUIRK_DIGEST_ORDER);
	ck_assert_uint_eq(log.events[1].digests[0][0], 1);
	ck_assert_uint_eq(log.events[1].digests[1][0], 2);
}
END_TEST

static void
put_sha1_only(struct buf *b, uint32_t type)
{
	put_le(b, 7, 4);
	put_le(b, type, 4);
	put_le(b, 1, 4);
	put_le(b, ALG_SHA1, 2);
	put_fill(b, 0, 20);
	put_le(b, 0, 4);
}

START_TEST(names_banks_that_lack_digests)
{
	struct evlog log;

	put_two_banks(&log_bytes);
	put_sha1_only(&log_bytes, EV_NO_ACTION);
	ck_rc_ok(decode(&log, NULL));
	ck_assert_uint_eq(log.quirks, 0);
	put_sha1_only(&log_bytes, EV_SEPARATOR);
	ck_rc_ok(decode(&log, NULL));
	ck_assert_uint_eq(log.quirks, QUIRK_FEWER_DIGESTS);
	ck_assert_uint_eq(log.incomplete, 1u << 1);
	ck_assert_ptr_null(log.events[2].digests[1]);
}
END_TEST

START_TEST(skips_algorithms_it_does_not_know)
{
	static const uint16_t pairs[] = {0x0012, 32, 0x7777, 9, 0x000b, 32};
	struct evlog log;

	put_specid(&log_bytes, pairs, 3);
	put_le(&log_bytes, 7, 4);
	put_le(&log_bytes, EV_SEPARATOR, 4);
	put_le(&log_bytes, 3, 4);
	for (size_t i = 0; i < 6; i += 2) {
		put_le(&log_bytes, pairs[i], 2);
		put_fill(&log_bytes, 5, pairs[i + 1]);
	}
	put_le(&log_bytes, 0, 4);
	ck_rc_ok(decode(&log, NULL));
	ck_assert(!log.algs[0].known->bank);
	ck_assert_ptr_null(log.algs[1].known);
	ck_assert(log.algs[2].known->bank);
	ck_assert_uint_eq(log.quirks, QUIRK_FOREIGN_BANK);
	ck_assert_int_eq(evlog_alg_index(&log, ALG_SHA256), 2);
	ck_assert_int_eq(evlog_alg_index(&log, ALG_SHA1), -1);
}
END_TEST

START_TEST(names_quirks_of_no_action)
{
	struct evlog log;

	put_two_banks(&log_bytes);
	log_bytes.p[8] = 1;
	ck_rc_ok(decode(&log, NULL));
	ck_assert_uint_eq(log.quirks, QUIRK_SPECID_DIGEST);
	put_agile(&log_bytes, UINT32_MAX, EV_NO_ACTION, 9, STR("Windows"));
	ck_rc_ok(decode(&log, NULL));
	ck_assert_uint_eq(log.quirks, QUIRK_SPECID_DIGEST);
	put_agile(&log_bytes, 77, EV_NO_ACTION, 9, STR("odd"));
	ck_rc_ok(decode(&log, NULL));
	ck_assert_uint_eq(
	    log.quirks, QUIRK_SPECID_DIGEST | QUIRK_NO_ACTION_DIGEST);
	ck_assert_uint_eq(log.measured_n, 0);
}
END_TEST

START_TEST(hcrtm_first_starts_at_locality_4)
{
	struct evlog log;

	put_two_banks(&log_bytes);
	put_agile(&log_bytes, 0, EV_EFI_HCRTM_EVENT, 1, STR("HCRTM"));
	ck_rc_ok(decode(&log, NULL));
	ck_assert_uint_eq(log.startup_locality, 4);
	ck_assert_uint_eq(log.quirks, QUIRK_HCRTM_LOCALITY);
}
END_TEST

START_TEST(logs_follow_each_other)
{
	struct evlog log;
	struct err e;

	for (uint32_t i = 1; i <= 3; i++) {
		put_two_banks(&log_bytes);
		for (uint32_t n = 0; n < i; n++)
			put_agile(
			    &log_bytes, 7, EV_SEPARATOR, 1, STR("\0\0\0\0"));
	}
	put_fill(&log_bytes, 0, 100);
	ck_rc_is(decode(&log, &e), ERR_LOG_TRAILING);
	ck_assert_str_eq(e.path, "events[2]");
	struct span rest = buf_span(&log_bytes);
	for (size_t i = 1; i <= 3; i++) {
		ck_rc_ok(evlog_decode_next(&rest, &arena, &log, &e));
		ck_assert_uint_eq(log.events_n, i + 1);
		ck_assert_uint_eq(log.quirks, i == 3 ? QUIRK_PADDING : 0);
	}
	ck_assert_uint_eq(rest.n, 0);
}
END_TEST

START_TEST(limits_hold)
{
	struct evlog log;
	uint8_t *big = calloc(1, LIMIT_EVENTLOG + 1);

	ck_assert_ptr_nonnull(big);
	ck_rc_is(
	    evlog_decode(span_of(big, LIMIT_EVENTLOG + 1), &arena, &log, NULL),
	    ERR_LOG_TOO_LARGE);
	ck_assert_uint_eq(log.events_n, 0);
	free(big);
	for (size_t i = 0; i < LIMIT_EVENTS; i++)
		put_legacy(&log_bytes, 4, EV_ACTION, 1, STR(""));
	ck_rc_ok(decode(&log, NULL));
	ck_assert_uint_eq(log.events_n, LIMIT_EVENTS);
	put_legacy(&log_bytes, 4, EV_ACTION, 1, STR(""));
	ck_rc_is(decode(&log, NULL), ERR_LOG_TOO_LARGE);
	ck_assert_uint_eq(log.events_n, LIMIT_EVENTS);
}
END_TEST

START_TEST(a_full_arena_is_no_evidence)
{
	struct arena small;
	struct evlog log;

	put_two_banks(&log_bytes);
	for (size_t i = 0; i < 100; i++)
		put_agile(&log_bytes, 4, EV_ACTION, 1, STR("x"));
	for (size_t cap = 0; cap < 12000; cap += 100) {
		arena_init(&small, cap);
		rc r = evlog_decode(buf_span(&log_bytes), &small, &log, NULL);
		ck_assert(rc_ok(r) || r.code == ERR_MEMORY);
		ck_assert(!rc_ok(r) || log.events_n == 101);
		arena_free(&small);
	}
}
END_TEST

START_TEST(types_have_names_both_ways)
{
	ck_assert_str_eq(evlog_type_name(EV_SEPARATOR), "EV_SEPARATOR");
	ck_assert_str_eq(evlog_type_name(EV_EFI_VARIABLE_AUTHORITY),
	    "EV_EFI_VARIABLE_AUTHORITY");
	ck_assert_ptr_null(evlog_type_name(0x8401));
	ck_assert_uint_eq(
	    evlog_type_by_name(STR("EV_EFI_VARIABLE_DRIVER_CONFIG")),
	    EV_EFI_VARIABLE_DRIVER_CONFIG);
	ck_assert_uint_eq(evlog_type_by_name(STR("EV_SEPARATO")), UINT32_MAX);
	for (unsigned bit = 1; bit <= QUIRK_SEPARATOR_LABEL; bit <<= 1)
		ck_assert_ptr_nonnull(evlog_quirk_name(bit));
	ck_assert_ptr_null(evlog_quirk_name(QUIRK_SEPARATOR_LABEL << 1));
	ck_assert_ptr_null(evlog_quirk_name(0));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("evlog");
	TCase *t = tcase_create("decode");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, refuses_with_code_and_path, 0, REFUSALS);
	tcase_add_test(t, accepts_what_they_started_from);
	tcase_add_test(t, accepts_legacy_logs);
	tcase_add_test(t, accepts_padding);
	tcase_add_test(t, accepts_digests_in_any_order);
	tcase_add_test(t, names_banks_that_lack_digests);
	tcase_add_test(t, skips_algorithms_it_does_not_know);
	tcase_add_test(t, names_quirks_of_no_action);
	tcase_add_test(t, hcrtm_first_starts_at_locality_4);
	tcase_add_test(t, logs_follow_each_other);
	tcase_add_test(t, limits_hold);
	tcase_add_test(t, a_full_arena_is_no_evidence);
	tcase_add_test(t, types_have_names_both_ways);
	suite_add_tcase(s, t);
	return tap_run(s);
}

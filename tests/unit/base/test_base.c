/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/rd.h"
#include "base/text.h"
#include "base/uuid.h"
#include "lib/tap.h"

#include <stdlib.h>
#include <time.h>

START_TEST(reader_is_sticky)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5};
	struct rd in = rd_over(span_of(bytes, sizeof(bytes)));

	ck_assert_uint_eq(rd_u16be(&in), 0x0102);
	ck_assert_uint_eq(rd_u16le(&in), 0x0403);
	ck_assert(!rd_done(&in));
	ck_assert_uint_eq(rd_u32le(&in), 0);
	ck_assert(!rd_ok(&in));
	ck_assert_uint_eq(rd_u8(&in), 0);
	ck_assert_uint_eq(rd_left(&in), 0);
}
END_TEST

START_TEST(reader_window_fails_with_parent)
{
	static const uint8_t bytes[] = {1, 2, 3};
	struct rd in = rd_over(span_of(bytes, sizeof(bytes)));
	struct rd sub = rd_sub(&in, 2);

	ck_assert_uint_eq(rd_u16be(&sub), 0x0102);
	ck_assert(rd_done(&sub));
	sub = rd_sub(&in, SIZE_MAX);
	ck_assert(!rd_ok(&sub));
	ck_assert(!rd_ok(&in));
}
END_TEST

START_TEST(arena_keeps_its_cap)
{
	struct arena a;

	arena_init(&a, 1000);
	ck_assert_ptr_nonnull(arena_alloc(&a, 900));
	ck_assert_ptr_null(arena_alloc(&a, 200));
	ck_assert_ptr_null(arena_array(&a, SIZE_MAX / 2, 4));
	arena_reset(&a);
	ck_assert_ptr_nonnull(arena_alloc(&a, 900));
	arena_free(&a);
}
END_TEST

START_TEST(hex_has_even_length)
{
	uint8_t out[2];

	ck_rc_ok(hex_decode(span_str("0aFf"), out, 2));
	ck_assert_uint_eq(out[1], 0xff);
	ck_rc_is(hex_decode(span_str("0af"), out, 2), ERR_ENCODING);
	ck_rc_is(hex_decode(span_str("0ag0"), out, 2), ERR_ENCODING);
	ck_rc_is(hex_decode(span_str("0a"), out, 2), ERR_ENCODING);
}
END_TEST

START_TEST(base64url_has_one_spelling)
{
	static const char *const bad[] = {
	    "YQ==", "YR", "Y", "Y Q", "YQ+", "YQ\n", "/w"};
	struct arena a;
	struct span out;

	arena_init(&a, 100000);
	for (size_t n = 0; n < 70; n++) {
		uint8_t in[70];
		char text[128];
		ck_rc_ok(random_bytes(in, n));
		base64url_emit(span_of(in, n), text);
		ck_assert_uint_eq(strlen(text) + 1, base64url_size(n));
		ck_rc_ok(base64url_decode(span_str(text), &a, &out));
		ck_assert(span_eq(out, span_of(in, n)));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_rc_is(
		    base64url_decode(span_str(bad[i]), &a, &out), ERR_ENCODING);
	arena_free(&a);
}
END_TEST

START_TEST(glob_stars)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
	    {"/usr/bin/*", "/usr/bin/ls", true},
	    {"/usr/bin/*", "/usr/bin/x/ls", false},
	    {"/usr/**", "/usr/bin/x/ls", true},
	    {"/usr/**/ls", "/usr/bin/x/ls", true},
	    {"/usr/**/l?", "/usr/bin/x/ls", true},
	    {"**", "", true},
	    {"*", "", true},
	    {"", "", true},
	    {"", "a", false},
	    {"a?c", "a/c", false},
	    {"*.so*", "libc.so.6", true},
	    {"/a/**/b/*/c", "/a/x/b/b/y/c", true},
	    {"/a/**/b/*/c", "/a/x/b/b/y/d/c", false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(glob_match(cases[i].pattern,
				  span_str(cases[i].text)) == cases[i].match,
		    "%s on %s", cases[i].pattern, cases[i].text);
}
END_TEST

/* What a glob means, by trying everything. */
static bool
matches(const char *p, const char *s)
{
	if (p[0] == '*' && p[1] == '*')
		return matches(p + 2, s) || (*s && matches(p, s + 1));
	if (*p == '*')
		return matches(p + 1, s) ||
		       (*s && *s != '/' && matches(p, s + 1));
	if (!*p || !*s)
		return !*p && !*s;
	return (*p == *s || (*p == '?' && *s != '/')) && matches(p + 1, s + 1);
}

static void
random_text(unsigned *seed, const char *from, char *out, size_t most)
{
	size_t n = (size_t)rand_r(seed) % most;

	for (size_t i = 0; i < n; i++)
		out[i] = from[(size_t)rand_r(seed) % strlen(from)];
	out[n] = '\0';
}

START_TEST(glob_means_what_it_says)
{
	unsigned seed = (unsigned)time(NULL);
	char pattern[9], text[12];

	tap_note("seed %u", seed);
	for (int i = 0; i < 200000; i++) {
		random_text(&seed, "ab/*?", pattern, sizeof(pattern));
		random_text(&seed, "ab/?", text, sizeof(text));
		ck_assert_msg(glob_match(pattern, span_str(text)) ==
				  matches(pattern, text),
		    "%s on %s", pattern, text);
	}
}
END_TEST

/* Patterns that make a backtracking matcher try for ever. */
START_TEST(glob_has_a_budget)
{
	static const char *const units[] = {
	    "*a", "**a", "a*", "a**", "?*", "*"};
	char pattern[GLOB_MAX + 2], text[4096];

	memset(text, 'a', sizeof(text));
	for (size_t u = 0; u < sizeof(units) / sizeof(units[0]); u++) {
		size_t n = strlen(units[u]);
		for (size_t i = 0; i < GLOB_MAX - 1; i++)
			pattern[i] = units[u][i % n];
		pattern[GLOB_MAX - 1] = 'b';
		pattern[GLOB_MAX] = '\0';
		ck_assert(!glob_match(pattern, span_of(text, sizeof(text))));
	}
	memset(pattern, '*', sizeof(pattern));
	pattern[GLOB_MAX] = '\0';
	ck_assert(glob_match(pattern, span_of(text, sizeof(text))));
	pattern[GLOB_MAX] = '*';
	pattern[GLOB_MAX + 1] = '\0';
	ck_assert(!glob_match(pattern, span_of(text, sizeof(text))));
}
END_TEST

START_TEST(names_and_numbers)
{
	uint64_t v;

	ck_assert(name_valid(span_str("web-7.example_x")));
	ck_assert(!name_valid(span_str("../../etc")));
	ck_assert(!name_valid(span_str("Web")));
	ck_assert(!name_valid(span_str("")));
	ck_assert(!name_valid(span_str("-x")));
	ck_assert(
	    number_parse(span_str("18446744073709551615"), UINT64_MAX, &v));
	ck_assert_uint_eq(v, UINT64_MAX);
	ck_assert(
	    !number_parse(span_str("18446744073709551616"), UINT64_MAX, &v));
	ck_assert(!number_parse(span_str("07"), 100, &v));
	ck_assert(!number_parse(span_str("101"), 100, &v));
	ck_assert(!number_parse(span_str("1x"), 100, &v));
	ck_assert(!number_parse(span_str("9"), 5, &v));
}
END_TEST

START_TEST(hash_known_answers)
{
	struct hasher *h = hasher_new();
	uint8_t out[HASH_MAX];
	char hex[2 * HASH_MAX + 1];
	uint8_t pcr[32] = {0};
	uint8_t sep[32];

	ck_rc_ok(hash_of(h, ALG_SHA256, span_of("\0\0\0", 4), sep));
	ck_rc_ok(hash_extend(h, ALG_SHA256, pcr, sep));
	hex_emit(span_of(pcr, 32), hex);
	/* "PCR with only sep 0", formats.md 1.5 */
	ck_assert_str_eq(hex,
	    "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969");
	ck_rc_ok(hash_of(h, ALG_SHA1, span_str("HCRTM"), out));
	hex_emit(span_of(out, 20), hex);
	ck_assert_str_eq(hex, "a61e3a471c0a5b946adfbfb134bcae898480eaa7");
	ck_rc_is(hash_of(h, 0x0010, span_str(""), out), ERR_CRYPTO);
	hasher_free(h);
}
END_TEST

START_TEST(time_round_trip)
{
	char text[TIME_TEXT];
	int64_t t;

	time_emit(1795165200 * TIME_S, text);
	ck_assert_str_eq(text, "2026-11-20T09:00:00Z");
	time_emit(1795165200 * TIME_S + 1, text);
	ck_assert_str_eq(text, "2026-11-20T09:00:00.000001Z");
	ck_rc_ok(time_parse(span_str(text), &t));
	ck_assert_int_eq(t, 1795165200 * TIME_S + 1);
	ck_rc_ok(time_parse(span_str("2026-11-20T09:00:00.5Z"), &t));
	ck_assert_int_eq(t, 1795165200 * TIME_S + 500000);
	ck_rc_is(
	    time_parse(span_str("2026-02-30T00:00:00Z"), &t), ERR_ENCODING);
	ck_rc_is(time_parse(span_str("2026-11-20T09:00:00"), &t), ERR_ENCODING);
	ck_rc_is(
	    time_parse(span_str("2026-11-20T09:00:00.Z"), &t), ERR_ENCODING);
	ck_rc_is(time_parse(span_str("2026-11-20T09:00:00+00:00"), &t),
	    ERR_ENCODING);
	ck_rc_ok(duration_parse(span_str("10m"), &t));
	ck_assert_int_eq(t, 600 * TIME_S);
	ck_rc_is(duration_parse(span_str("0s"), &t), ERR_ENCODING);
	ck_rc_is(duration_parse(span_str("10"), &t), ERR_ENCODING);
}
END_TEST

/* One bit anywhere makes them differ; that no byte ends it early is read in
 * the source: OpenSSL's CRYPTO_memcmp. */
START_TEST(secrets_compare_whole)
{
	uint8_t x[40] = {1, 2, 3}, y[40] = {1, 2, 3};

	ck_assert(secret_equal(x, y, sizeof(x)));
	for (size_t bit = 0; bit < 8 * sizeof(x); bit++) {
		y[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert(!secret_equal(x, y, sizeof(x)));
		ck_assert(secret_equal(x, y, bit / 8));
		y[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	ck_assert(secret_equal(x, y, 0));
}
END_TEST

START_TEST(uuid_round_trip)
{
	struct uuid u, v;
	char text[UUID_TEXT];

	ck_rc_ok(uuid_v7(1795165200 * TIME_S, &u));
	uuid_emit(&u, text);
	ck_assert_int_eq(text[14], '7');
	ck_rc_ok(uuid_parse(span_str(text), &v));
	ck_assert(uuid_eq(&u, &v));
	text[0] = 'X';
	ck_rc_is(uuid_parse(span_str(text), &v), ERR_ENCODING);
}
END_TEST

START_TEST(json_refuses)
{
	static const struct {
		const char *text;
		enum err_code code;
	} cases[] = {
	    {"{\"a\":1,\"a\":2}", ERR_JSON_DUPLICATE},
	    {"{\"a\":1} x", ERR_JSON},
	    {"{\"a\":NaN}", ERR_JSON},
	    {"{\"a\":\"\\u0000\"}", ERR_JSON},
	    {"{\"a\":1e999}", ERR_JSON},
	    {"{\"a\":\"\xff\"}", ERR_JSON},
	    {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]", ERR_JSON_LIMIT},
	    {"                                             []", ERR_JSON_LIMIT},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *doc = NULL;
		ck_rc_is(json_decode(span_str(cases[i].text), 44, &doc, NULL),
		    cases[i].code);
	}
}
END_TEST

START_TEST(json_getters_name_the_path)
{
	JSON_AUTO doc = NULL;
	struct err e;
	struct span s;
	uint64_t n;
	static const char *const known[] = {"a", "b", NULL};

	ck_rc_ok(json_decode(
	    span_str("{\"a\":\"x\",\"b\":-1,\"c\":0}"), 99, &doc, &e));
	ck_rc_ok(json_get_str(doc, "top", "a", &s, &e));
	ck_rc_is(json_get_u64(doc, "top", "b", 9, &n, &e), ERR_JSON_RANGE);
	ck_assert_str_eq(e.path, "top.b");
	ck_rc_is(json_get_u64(doc, "top", "a", 9, &n, &e), ERR_JSON_TYPE);
	ck_rc_is(json_get_str(doc, "", "z", &s, &e), ERR_JSON_MISSING);
	ck_assert_str_eq(e.path, "z");
	ck_rc_is(json_only(doc, "top", known, &e), ERR_JSON_UNKNOWN);
	ck_assert_str_eq(e.path, "top.c");
}
END_TEST

START_TEST(json_writer_escapes)
{
	struct buf b = {0};
	struct jw w = jw_over(&b);

	jw_object(&w);
	jw_kspan(&w, "s", span_of("a\"\\\n\x7f\xff\xe2\x82\xac\0", 10));
	jw_key(&w, "l");
	jw_array(&w);
	jw_u64(&w, 1);
	jw_bool(&w, false);
	jw_null(&w);
	jw_hex(&w, span_of("\x01\xab", 2));
	jw_array_end(&w);
	jw_key(&w, "o");
	jw_object(&w);
	jw_object_end(&w);
	jw_object_end(&w);
	ck_assert_str_eq(b.p,
	    "{\"s\":\"a\\\"\\\\\\u000a\\u007f\\ufffd\xe2\x82\xac\\u0000\","
	    "\"l\":[1,false,null,\"01ab\"],\"o\":{}}");
	buf_free(&b);
}
END_TEST

START_TEST(codes_are_unique_and_bilingual)
{
	for (int i = 1; i < ERR_COUNT; i++) {
		enum err_code c = (enum err_code)i;
		ck_assert_int_eq(err_by_name(err_name(c)), c);
		ck_assert_ptr_nonnull(strchr(err_sentence(c, "en"), '.'));
		ck_assert_ptr_nonnull(
		    strstr(err_sentence(c, "ja"), "\xe3\x80\x82"));
		ck_assert_int_ge(err_http(c), 200);
	}
	struct err e;
	rc r = err_at(&e, ERR_LOG_PCR, NULL, "events[%d]", 3);
	r = err_prefix(&e, r, "eventlog.");
	ck_assert_str_eq(e.path, "eventlog.events[3]");
	ck_assert(!rc_ok(r));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("base");
	TCase *t = tcase_create("base");

	tcase_add_test(t, reader_is_sticky);
	tcase_add_test(t, reader_window_fails_with_parent);
	tcase_add_test(t, arena_keeps_its_cap);
	tcase_add_test(t, hex_has_even_length);
	tcase_add_test(t, base64url_has_one_spelling);
	tcase_add_test(t, glob_stars);
	tcase_add_test(t, glob_means_what_it_says);
	tcase_add_test(t, glob_has_a_budget);
	tcase_add_test(t, names_and_numbers);
	tcase_add_test(t, hash_known_answers);
	tcase_add_test(t, time_round_trip);
	tcase_add_test(t, secrets_compare_whole);
	tcase_add_test(t, uuid_round_trip);
	tcase_add_test(t, json_refuses);
	tcase_add_test(t, json_getters_name_the_path);
	tcase_add_test(t, json_writer_escapes);
	tcase_add_test(t, codes_are_unique_and_bilingual);
	suite_add_tcase(s, t);
	return tap_run(s);
}

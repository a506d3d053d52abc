/* SPDX-License-Identifier: Apache-2.0 */
/* Reference sets: one file form, one name, shared by count. */
#include "appraise/refset.h"

#include "base/json.h"
#include "base/text.h"
#include "lib/tap.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define D1 "1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "2222222222222222222222222222222222222222222222222222222222222222"
#define DA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define S1 "1111111111111111111111111111111111111111"
#define GOOD                                                                   \
	D1 "\n" D1 "  /a\n" D1 "  /b c\n" D2 "  /a\n" DA                       \
	   "  /q\\x0a\\x5c\xc3\xa9\n"

static struct refset *
load(const char *text)
{
	struct refset *s = NULL;
	struct err e = {0};
	rc r = refset_load(span_str(text), &s, &e);

	ck_assert_msg(rc_ok(r), "%s %s", e.path, e.text);
	return s;
}

static enum refset_found
find(const struct refset *s, int digit, const char *path)
{
	uint8_t digest[32];
	size_t at;

	memset(digest, digit, sizeof(digest));
	return refset_get(s, digest, span_str(path), &at);
}

/* --- the file form ------------------------------------------------------- */

START_TEST(test_load)
{
	struct refset *s = load(GOOD);
	struct hasher *h = hasher_new();
	uint8_t hash[32];

	ck_rc_ok(hash_of(h, ALG_SHA256, span_str(GOOD), hash));
	ck_assert_mem_eq(refset_hash(s), hash, 32);
	ck_assert_uint_eq(refset_count(s), 5);
	ck_assert_str_eq(refset_alg(s)->name, "sha256");
	ck_assert_int_eq(find(s, 0x11, "/a"), REFSET_PAIR);
	ck_assert_int_eq(find(s, 0x11, "/b_c"), REFSET_PAIR);
	ck_assert_int_eq(find(s, 0x22, "/a"), REFSET_PAIR);
	ck_assert_int_eq(find(s, 0x22, "/b c"), REFSET_DIGEST);
	ck_assert_int_eq(find(s, 0xaa, "/q\n\\\xc3\xa9"), REFSET_PAIR);
	ck_assert_int_eq(find(s, 0x33, "/a"), REFSET_PATH);
	ck_assert_int_eq(find(s, 0x33, "/x"), REFSET_NONE);
	refset_unref(s);
	hasher_free(h);
}
END_TEST

START_TEST(test_empty)
{
	struct refset *s = load("");
	uint8_t digest[32] = {0};

	ck_assert_uint_eq(refset_count(s), 0);
	ck_assert(!refset_has(s, digest));
	ck_assert_uint_eq(refset_hash(s)[0], 0xe3);
	refset_unref(s);
}
END_TEST

static const struct {
	const char *text;
	const char *path;
} bad[] = {
    {D1, "lines[1]"},			   /* no newline */
    {D1 "  /a", "lines[1]"},		   /* none */
    {"\n", "lines[1]"},			   /* empty */
    {D1 "  \n", "lines[1]"},		   /* blanks and no path */
    {D1 " /a\n", "lines[1]"},		   /* one blank */
    {D1 " */a\n", "lines[1]"},		   /* binary */
    {D1 "  /a\n" D1 "  /a\n", "lines[2]"}, /* twice */
    {D2 "  /a\n" D1 "  /a\n", "lines[2]"}, /* descends */
    {D1 "  /b\n" D1 "  /a\n", "lines[2]"}, /* paths descend */
    {D1 "  /a\n" D1 "\n", "lines[2]"},	   /* the shorter comes first */
    {D1 "  /a\n" S1 "  /a\n", "lines[2]"}, /* descends */
    {S1 "  /a\n" D2 "  /a\n", "lines[2]"}, /* two algorithms */
    {"AA" DA "\n", "lines[1]"},		   /* 66 digits */
    {"A111111111111111111111111111111111111111111111111111111111111111\n",
	"lines[1]"},			/* upper case */
    {"\\" D1 "  /a\\nb\n", "lines[1]"}, /* escaped as sha256sum does */
    {D1 "  /a\\nb\n", "lines[1]"},	/* no such escape */
    {D1 "  /a\\x41\n", "lines[1]"},	/* need not be escaped */
    {D1 "  /a\\x5C\n", "lines[1]"},	/* upper case */
    {D1 "  /a\\x00\n", "lines[1]"},	/* no path has it */
    {D1 "  /a\\x5\n", "lines[1]"},	/* cut */
    {D1 "  /a\tb\n", "lines[1]"},	/* must be escaped */
    {D1 "  /a\r\n", "lines[1]"},	/* lines of another system */
};

START_TEST(test_refused)
{
	struct refset *s = NULL;
	struct err e = {0};

	ck_rc_is(
	    refset_load(span_str(bad[_i].text), &s, &e), ERR_REFSET_FORMAT);
	ck_assert_ptr_null(s);
	ck_assert_str_eq(e.path, bad[_i].path);
}
END_TEST

/* A list that ends anywhere but after a line is none; the pieces that it comes
 * in make no difference. */
START_TEST(test_pieces)
{
	struct refset *whole = load(GOOD);

	for (size_t n = 0; n < sizeof(GOOD) - 1; n++) {
		struct refset *s = NULL;
		rc r = refset_load(span_of(GOOD, n), &s, NULL);
		ck_assert(rc_ok(r) == (n == 0 || GOOD[n - 1] == '\n'));
		ck_assert(
		    !s || memcmp(refset_hash(s), refset_hash(whole), 32) != 0);
		refset_unref(s);
	}
	for (size_t step = 1; step < 80; step++) {
		struct refset_loader *l = refset_loader_new();
		struct refset *s = NULL;
		for (size_t i = 0; i < sizeof(GOOD) - 1; i += step) {
			size_t left = sizeof(GOOD) - 1 - i;
			ck_rc_ok(refset_loader_feed(l,
			    span_of(&GOOD[i], left < step ? left : step),
			    NULL));
		}
		ck_rc_ok(refset_loader_end(l, &s, NULL));
		ck_assert_mem_eq(refset_hash(s), refset_hash(whole), 32);
		ck_assert_uint_eq(refset_count(s), refset_count(whole));
		refset_unref(s);
		refset_loader_free(l);
	}
	refset_unref(whole);
}
END_TEST

START_TEST(test_long_lines)
{
	enum { ROOM = 40000 };
	char *text = malloc(ROOM);
	struct refset *s = NULL;

	ck_assert_ptr_nonnull(text);
	for (int n = 4090; n < 4100; n++) {
		snprintf(text, ROOM, "%s  %0*d\n", D1, n, 0);
		rc r = refset_load(span_str(text), &s, NULL);
		ck_assert_msg(rc_ok(r) == (n < 4097), "%d", n);
		refset_unref(s);
		s = NULL;
	}
	snprintf(text, ROOM, "%s  %0*d\n", D1, ROOM - 100, 0);
	ck_rc_is(refset_load(span_str(text), &s, NULL), ERR_REFSET_FORMAT);
	text[ROOM - 2000] = '\0'; /* its start alone */
	ck_rc_is(refset_load(span_str(text), &s, NULL), ERR_REFSET_FORMAT);
	free(text);
}
END_TEST

/* What refset_line() writes is what the loader reads. */
START_TEST(test_line)
{
	static const char path[] = "/a\x01\x1f b\\\x7f\xff~";
	struct refset *s = NULL;
	struct buf out = {0};
	uint8_t digest[32];

	memset(digest, 0x11, sizeof(digest));
	refset_line(&out, hash_by_id(ALG_SHA256), digest, span_of("", 0));
	refset_line(&out, hash_by_id(ALG_SHA256), digest, span_str(path));
	ck_assert_str_eq(out.p, D1 "\n" D1 "  /a\\x01\\x1f b\\x5c\\x7f\xff~\n");
	ck_rc_ok(refset_load(buf_span(&out), &s, NULL));
	ck_assert_int_eq(find(s, 0x11, path), REFSET_PAIR);
	refset_unref(s);
	buf_free(&out);
}
END_TEST

/* --- many, by batches ---------------------------------------------------- */

static void
digest_of(uint32_t i, uint8_t out[32])
{
	for (size_t k = 0; k < 32; k++)
		out[k] = (uint8_t)((i * 2654435761u) >> (8 * (k % 4)));
	out[4] = (uint8_t)i;
	out[5] = (uint8_t)(i >> 8);
}

/* A batch finds what single look-ups find, also of digests of no length of
 * this set. */
START_TEST(test_warm)
{
	enum { N = 3000, WINDOW = 16 };
	struct refset *s = refset_new(hash_by_id(ALG_SHA256));
	struct refset_probe probes[WINDOW];
	uint8_t digests[WINDOW][32];
	char path[32];

	for (uint32_t i = 0; i < N; i++) {
		digest_of(i, digests[0]);
		snprintf(path, sizeof(path), "/f/%u", i);
		ck_rc_ok(refset_add(s, digests[0], span_str(path), i));
	}
	ck_rc_ok(refset_seal(s));
	for (uint32_t i = 0; i < N; i += WINDOW) {
		for (uint32_t k = 0; k < WINDOW; k++) {
			digest_of(i + k, digests[k]);
			snprintf(path, sizeof(path), "/f/%u", i + k);
			probes[k] =
			    (struct refset_probe){k == 3 ? NULL : digests[k],
				refset_path_hash(span_str(path))};
		}
		refset_warm(s, probes, WINDOW);
		for (uint32_t k = 0; k < WINDOW; k++) {
			size_t at = 0;
			if (k == 3)
				continue;
			ck_assert_int_eq(refset_find(s, &probes[k], &at),
			    i + k < N ? REFSET_PAIR : REFSET_NONE);
			ck_assert_int_eq(refset_has(s, digests[k]), i + k < N);
		}
	}
	refset_unref(s);
}
END_TEST

/* --- sharing ------------------------------------------------------------- */

static void *
take_and_drop(void *cache)
{
	struct refset *s = load(D1 "\n");

	for (int i = 0; i < 2000; i++) {
		struct refset *got = refset_cache_get(cache, refset_hash(s));
		ck_assert(!got || refset_count(got) == 1);
		refset_unref(got);
		if (i % 16 == 0)
			(void)refset_cache_trim(cache);
		if (i % 8 == 0)
			ck_rc_ok(refset_cache_put(cache, s));
	}
	refset_unref(s);
	return NULL;
}

START_TEST(test_cache)
{
	struct refset_cache *c = refset_cache_new();
	struct refset *a = load(D1 "\n"), *b = load(D2 "\n");
	struct refset *again = load(D1 "\n");

	ck_assert_ptr_null(refset_cache_get(c, refset_hash(a)));
	ck_rc_ok(refset_cache_put(c, a));
	ck_rc_ok(refset_cache_put(c, b));
	ck_rc_ok(refset_cache_put(c, again)); /* there already */
	struct refset *got = refset_cache_get(c, refset_hash(again));
	ck_assert_ptr_eq(got, a);
	refset_unref(got);
	refset_unref(b);
	ck_assert_uint_eq(refset_cache_trim(c), 1); /* b had no other holder */
	uint8_t hash[32];
	memcpy(hash, refset_hash(a), 32);
	refset_unref(a);
	ck_assert_uint_eq(refset_cache_trim(c), 0);
	ck_assert_ptr_null(refset_cache_get(c, hash));
	refset_unref(again);
	refset_cache_free(c);
	refset_cache_free(NULL);
}
END_TEST

START_TEST(test_threads)
{
	struct refset_cache *c = refset_cache_new();
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, take_and_drop, c), 0);
	for (size_t i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	refset_cache_free(c);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("refset");
	TCase *t = tcase_create("refset");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, test_load);
	tcase_add_test(t, test_empty);
	tcase_add_loop_test(
	    t, test_refused, 0, (int)(sizeof(bad) / sizeof(*bad)));
	tcase_add_test(t, test_pieces);
	tcase_add_test(t, test_long_lines);
	tcase_add_test(t, test_line);
	tcase_add_test(t, test_warm);
	tcase_add_test(t, test_cache);
	tcase_add_test(t, test_threads);
	suite_add_tcase(s, t);
	return tap_run(s);
}

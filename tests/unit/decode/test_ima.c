/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/ima.h"
#include "lib/tap.h"

#include <stdio.h>
#include <stdlib.h>

static struct arena arena;

static void
setup(void)
{
	arena_init(&arena, 64u << 20);
}

static void
teardown(void)
{
	arena_free(&arena);
}

/* --- building entries ------------------------------------------------- */

struct list {
	uint8_t b[8192];
	size_t n;
};

static void
put(struct list *l, const void *p, size_t n)
{
	ck_assert(n <= sizeof(l->b) - l->n);
	memcpy(l->b + l->n, p, n);
	l->n += n;
}

static void
put_u32(struct list *l, size_t v)
{
	uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
	    (uint8_t)(v >> 24)};

	put(l, b, 4);
}

/* A field with its length; the string literal's own NUL is not counted. */
static void
put_field(struct list *l, const char *s, size_t n)
{
	put_u32(l, n);
	put(l, s, n);
}
#define FIELD(l, s) put_field(l, s, sizeof(s) - 1)

static void
put_head(struct list *l, uint32_t pcr, const char *name)
{
	put_u32(l, pcr);
	put(l, "HHHHHHHHHHHHHHHHHHHH", 20);
	put_field(l, name, strlen(name));
}

static struct list
entry_with(const char *template, const struct list *data)
{
	struct list l = {.n = 0};

	put_head(&l, 10, template);
	put_u32(&l, data->n);
	put(&l, data->b, data->n);
	return l;
}

static rc
decode_one(const struct list *l, struct ima_entry *out, struct err *e)
{
	struct ima_reader in = ima_over(span_of(l->b, l->n), 0);
	bool more = true;
	rc r = ima_next(&in, out, &more, e);

	if (rc_ok(r)) {
		ck_assert(more);
		r = ima_next(&in, out, &more, e);
		ck_assert(!rc_ok(r) || !more);
	}
	return r;
}

#define D32 "0123456789abcdef0123456789abcdef"
#define D20 "0123456789abcdef0123"

/* --- fields ----------------------------------------------------------- */

static const struct {
	const char *format; /* one template name; its fields below */
	const char *field[6];
	size_t n[6];
	enum err_code want;
} cases[] = {
#define F(s) s, sizeof(s) - 1
#define TWO(d, n)                                                              \
	{d, n},                                                                \
	{                                                                      \
		sizeof(d) - 1, sizeof(n) - 1                                   \
	}
    {"ima-ng", TWO("sha256:\0" D32, "/a\0"), ERR_OK},
    {"ima-ng", TWO("sha1:\0" D20, "/a\0"), ERR_OK},
    {"ima-ng", TWO("sm3:\0" D32, "/a\0"), ERR_OK},
    {"ima-ngv2", TWO("ima:sha256:\0" D32, "/a\0"), ERR_OK},
    {"ima-ngv2", TWO("verity:sha256:\0" D32, "/a\0"), ERR_OK},
    {"ima-ngv2", TWO("sha256:\0" D32, "/a\0"), ERR_IMA_FORMAT},
    {"ima-ngv2", TWO("other:sha256:\0" D32, "/a\0"), ERR_IMA_FORMAT},
    {"ima-ngv2", TWO("ima:\0" D32, "/a\0"), ERR_IMA_FORMAT},
    {"ima-ng", TWO("ima:sha256:\0" D32, "/a\0"), ERR_IMA_FORMAT},
    {"ima-ng", TWO("sha256:\0" D20, "/a\0"), ERR_IMA_FORMAT},
    {"ima-ng", TWO("sha256:\0" D32 "x", "/a\0"), ERR_IMA_FORMAT},
    {"ima-ng", TWO("sha256\0" D32, "/a\0"), ERR_IMA_FORMAT},
    {"ima-ng", TWO("sha256:" D32, "/a\0"), ERR_IMA_FORMAT},
    {"ima-ng", TWO("SHA256:\0" D32, "/a\0"), ERR_IMA_FORMAT},
    {"ima-ng", TWO(":\0" D32, "/a\0"), ERR_IMA_FORMAT},
    {"ima-ng", TWO("\0" D32, "/a\0"), ERR_IMA_FORMAT},
    {"ima-ng", TWO("", "/a\0"), ERR_IMA_FORMAT},
    {"ima-ng", TWO("nonsense:\0" D32, "/a\0"), ERR_IMA_FORMAT},
    {"ima-ng", TWO("sha256:\0" D32, "/a"), ERR_IMA_FORMAT},
    {"ima-ng", TWO("sha256:\0" D32, "/a\0b\0"), ERR_IMA_FORMAT},
    {"ima-ng", TWO("sha256:\0" D32, "/a\0\0"), ERR_IMA_FORMAT},
    {"ima-ng", TWO("sha256:\0" D32, "\0"), ERR_IMA_FORMAT},
    {"ima-ng", TWO("sha256:\0" D32, ""), ERR_IMA_FORMAT},
    /* any bytes but NUL may stand in a path */
    {"ima-ng", TWO("sha256:\0" D32, "/\x1b[31m\n\xff\xe2\x80\xae\0"), ERR_OK},
    {"ima-ng", TWO("/a\0", "sha256:\0" D32), ERR_IMA_FORMAT},
    {"d|n", TWO(D20, "/a\0"), ERR_OK},
    {"d|n", TWO(D32, "/a\0"), ERR_IMA_FORMAT},
    {"n-ng|d-ng", TWO("/a\0", "sha256:\0" D32), ERR_OK},
    {"ima-sig", {"sha256:\0" D32, "/a\0", "\3\2\4"},
	{sizeof("sha256:\0" D32) - 1, 3, 3}, ERR_OK},
    {"d-ng|n-ng|sig|buf", {"sha256:\0" D32, "/a\0", "\3\2\4", "buf"},
	{sizeof("sha256:\0" D32) - 1, 3, 3, 3}, ERR_OK},
    {"ima-sigv2", {"verity:sha256:\0" D32, "/a\0", ""},
	{sizeof("verity:sha256:\0" D32) - 1, 3, 0},
	ERR_IMA_FORMAT}, /* the empty field is not written: one too few */
    {"ima-modsig", {"sha256:\0" D32, "/a\0", "s", "sha1:\0" D20, "m"},
	{sizeof("sha256:\0" D32) - 1, 3, 1, sizeof("sha1:\0" D20) - 1, 1},
	ERR_OK},
    {"ima-modsig", {"sha256:\0" D32, "/a\0", "s", "sha1:\0" D32, "m"},
	{sizeof("sha256:\0" D32) - 1, 3, 1, sizeof("sha1:\0" D32) - 1, 1},
	ERR_IMA_FORMAT},
    {"d-ng|n-ng|iuid|igid|imode",
	{"sha256:\0" D32, "/a\0", "uuuu", "gggg", "mm"},
	{sizeof("sha256:\0" D32) - 1, 3, 4, 4, 2}, ERR_OK},
    {"d-ng|n-ng|imode", {"sha256:\0" D32, "/a\0", "mmm"},
	{sizeof("sha256:\0" D32) - 1, 3, 3}, ERR_IMA_FORMAT},
    {"d-ng|n-ng|iuid", {"sha256:\0" D32, "/a\0", "uu"},
	{sizeof("sha256:\0" D32) - 1, 3, 2}, ERR_IMA_FORMAT},
    /* templates that are not one */
    {"ima-foo", TWO("sha256:\0" D32, "/a\0"), ERR_IMA_TEMPLATE},
    {"d-ng", TWO("sha256:\0" D32, "/a\0"), ERR_IMA_TEMPLATE},
    {"d-ng|sig", TWO("sha256:\0" D32, "/a\0"), ERR_IMA_TEMPLATE},
    {"d-ng|d-ng|n-ng", TWO("sha256:\0" D32, "/a\0"), ERR_IMA_TEMPLATE},
    {"d-ng|d-ngv2|n-ng", TWO("sha256:\0" D32, "/a\0"), ERR_IMA_TEMPLATE},
    {"d-ng|n-ng|", TWO("sha256:\0" D32, "/a\0"), ERR_IMA_TEMPLATE},
    {"|d-ng|n-ng", TWO("sha256:\0" D32, "/a\0"), ERR_IMA_TEMPLATE},
    {"d-ng||n-ng", TWO("sha256:\0" D32, "/a\0"), ERR_IMA_TEMPLATE},
    {"|", TWO("sha256:\0" D32, "/a\0"), ERR_IMA_TEMPLATE},
    {"IMA-NG", TWO("sha256:\0" D32, "/a\0"), ERR_IMA_TEMPLATE},
};

START_TEST(fields)
{
	struct list data = {.n = 0};
	struct ima_entry got = {0};
	struct err e = {0};

	for (size_t i = 0; i < 6 && cases[_i].n[i]; i++)
		put_field(&data, cases[_i].field[i], cases[_i].n[i]);
	struct list l = entry_with(cases[_i].format, &data);
	rc r = decode_one(&l, &got, &e);
	ck_assert_msg(r.code == cases[_i].want, "%s: %s, not %s (%s)",
	    cases[_i].format, err_name(r.code), err_name(cases[_i].want),
	    e.text);
	if (!rc_ok(r))
		ck_assert(strncmp(e.path, "entries[0].", 11) == 0);
}
END_TEST

START_TEST(verity_is_no_file_hash)
{
	struct list data = {.n = 0};
	struct ima_entry got;

	FIELD(&data, "verity:sha256:\0" D32);
	FIELD(&data, "/a\0");
	struct list l = entry_with("ima-ngv2", &data);
	ck_rc_ok(decode_one(&l, &got, NULL));
	ck_assert(span_eq(got.digest_alg, span_str("verity:sha256")));
	ck_assert(span_eq(got.digest, span_str(D32)));

	data.n = 0;
	FIELD(&data, "ima:sha256:\0" D32);
	FIELD(&data, "/a\0");
	l = entry_with("ima-ngv2", &data);
	ck_rc_ok(decode_one(&l, &got, NULL));
	ck_assert(span_eq(got.digest_alg, span_str("sha256")));
}
END_TEST

START_TEST(payload_fields)
{
	struct list data = {.n = 0};
	struct ima_entry got;

	FIELD(&data, "sha256:\0" D32);
	FIELD(&data, "/a\0");
	FIELD(&data, "");
	struct list l = entry_with("ima-buf", &data);
	ck_rc_ok(decode_one(&l, &got, NULL));
	ck_assert_ptr_nonnull(got.buf.p);
	ck_assert_uint_eq(got.buf.n, 0);
	ck_assert_ptr_null(got.sig.p);
	ck_assert(span_eq(got.path, span_str("/a")));
	ck_assert(span_eq(got.template_name, span_str("ima-buf")));
	ck_assert(span_eq(got.template_data, span_of(data.b, data.n)));
	ck_assert(!got.violation && !got.is_ima);
}
END_TEST

/* --- lengths ---------------------------------------------------------- */

START_TEST(path_limit)
{
	static char path[5000];
	struct list data = {.n = 0};
	struct ima_entry got;

	memset(path, 'a', sizeof(path));
	path[LIMIT_IMA_PATH - 1] = '\0';
	FIELD(&data, "sha256:\0" D32);
	put_field(&data, path, LIMIT_IMA_PATH);
	struct list l = entry_with("ima-ng", &data);
	ck_rc_ok(decode_one(&l, &got, NULL));

	path[LIMIT_IMA_PATH - 1] = 'a';
	path[LIMIT_IMA_PATH] = '\0';
	data.n = 0;
	FIELD(&data, "sha256:\0" D32);
	put_field(&data, path, LIMIT_IMA_PATH + 1);
	l = entry_with("ima-ng", &data);
	ck_rc_is(decode_one(&l, &got, NULL), ERR_IMA_FORMAT);
}
END_TEST

START_TEST(lengths)
{
	struct ima_entry got;
	struct list l = {.n = 0};

	put_head(&l, 10, "");
	ck_rc_is(decode_one(&l, &got, NULL), ERR_IMA_FORMAT);
	l.n = 24;
	put_u32(&l, 0xffffffff);
	ck_rc_is(decode_one(&l, &got, NULL), ERR_IMA_FORMAT);
	l.n = 24;
	put_u32(&l, 255);
	ck_rc_is(decode_one(&l, &got, NULL), ERR_IMA_TRUNCATED);
	l.n = 0;
	put_head(&l, 10, "ima-ng");
	put_u32(&l, LIMIT_IMA_FIELD + 1);
	ck_rc_is(decode_one(&l, &got, NULL), ERR_IMA_TOO_LARGE);
	l.n -= 4;
	put_u32(&l, LIMIT_IMA_FIELD);
	ck_rc_is(decode_one(&l, &got, NULL), ERR_IMA_TRUNCATED);
	/* a field longer than the data that holds it */
	l.n -= 4;
	put_u32(&l, 8);
	put_u32(&l, 5);
	put(&l, "abcdefgh", 8);
	ck_rc_is(decode_one(&l, &got, NULL), ERR_IMA_FORMAT);
	/* PCRs end at 23 */
	l.n = 0;
	put_head(&l, 24, "ima-ng");
	ck_rc_is(decode_one(&l, &got, NULL), ERR_IMA_FORMAT);
}
END_TEST

START_TEST(legacy)
{
	struct ima_entry got;
	struct list l = {.n = 0};

	put_head(&l, 10, "ima");
	put(&l, D20, 20);
	FIELD(&l, "boot_aggregate");
	ck_rc_ok(decode_one(&l, &got, NULL));
	ck_assert(got.is_ima && got.pcr == 10);
	ck_assert(span_eq(got.path, span_str("boot_aggregate")));
	ck_assert(span_eq(got.digest, span_str(D20)));
	ck_assert(span_eq(got.digest_alg, span_str("sha1")));

	static const struct {
		const char *name;
		size_t n;
	} bad[] = {{"", 0}, {"a\0", 2}, {D32 D32 D32 D32 D32 D32 D32 D32, 256}};
	for (size_t i = 0; i < 3; i++) {
		l.n = 0;
		put_head(&l, 10, "ima");
		put(&l, D20, 20);
		put_field(&l, bad[i].name, bad[i].n);
		ck_rc_is(decode_one(&l, &got, NULL), ERR_IMA_FORMAT);
	}
}
END_TEST

/* --- whole lists ------------------------------------------------------ */

static uint64_t
count(struct span list, rc *r, struct err *e)
{
	struct ima_reader in = ima_over(list, 0);
	struct ima_entry entry;
	uint64_t n = 0;
	bool more = true;

	for (;; n++) {
		*r = ima_next(&in, &entry, &more, e);
		if (!rc_ok(*r) || !more)
			return n;
		ck_assert_uint_eq(entry.index, n);
	}
}

static const struct {
	const char *file;
	uint64_t entries;
} lists[] = {
    {"grub-sb-golden", 200},
    {"grub-sb-ima-legacy", 200},
    {"grub-sb-ima-buf", 201},
    {"grub-sb-noima", 14},
    {"direct-sha1only", 200},
};

/* Every strict prefix either ends between entries, having fewer of them, or
 * is refused; so is one more byte. */
START_TEST(prefixes)
{
	char path[128];
	rc r;

	snprintf(path, sizeof(path), "tests/vectors/vm/boots/%s/ima.bin",
	    lists[_i].file);
	struct span list = tap_file(&arena, path);
	ck_assert_uint_eq(count(list, &r, NULL), lists[_i].entries);
	ck_rc_ok(r);
	uint64_t ends = 0;
	for (size_t n = 0; n < list.n; n++) {
		struct err e = {0};
		uint64_t got = count(span_of(list.p, n), &r, &e);
		ck_assert_uint_lt(got, lists[_i].entries);
		ck_assert(rc_ok(r) || r.code == ERR_IMA_TRUNCATED);
		ends += rc_ok(r);
	}
	ck_assert_uint_eq(ends, lists[_i].entries);
	uint8_t *more = arena_alloc(&arena, list.n + 1);
	memcpy(more, list.p, list.n);
	for (unsigned b = 0; b < 256; b++) {
		more[list.n] = (uint8_t)b;
		count(span_of(more, list.n + 1), &r, NULL);
		ck_rc_is(r, ERR_IMA_TRUNCATED);
	}
}
END_TEST

START_TEST(empty)
{
	rc r;

	ck_assert_uint_eq(count(span_of("", 0), &r, NULL), 0);
	ck_rc_ok(r);
	ck_assert_uint_eq(count(span_of(NULL, 0), &r, NULL), 0);
	ck_rc_ok(r);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("decode/ima");
	TCase *t = tcase_create("ima");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(
	    t, fields, 0, (int)(sizeof(cases) / sizeof(*cases)));
	tcase_add_test(t, verity_is_no_file_hash);
	tcase_add_test(t, payload_fields);
	tcase_add_test(t, path_limit);
	tcase_add_test(t, lengths);
	tcase_add_test(t, legacy);
	tcase_add_loop_test(
	    t, prefixes, 0, (int)(sizeof(lists) / sizeof(*lists)));
	tcase_add_test(t, empty);
	suite_add_tcase(s, t);
	return tap_run(s);
}

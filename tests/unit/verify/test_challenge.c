/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "lib/tap.h"
#include "verify/challenge.h"

#include <stdio.h>

static struct hasher *h;

static const struct challenge_keys keys = {2, {{7, {1, 2, 3}}, {6, {9, 9, 9}}}};
static const int64_t issued = 1795000000 * TIME_S;
static const int64_t ttl = 90 * TIME_S;

static void
setup(void)
{
	h = hasher_new();
	ck_assert_ptr_nonnull(h);
}

static void
teardown(void)
{
	hasher_free(h);
}

static struct challenge
sample(void)
{
	struct challenge c = {.tenant = {{1}},
	    .node = {{2}},
	    .purpose = CHALLENGE_ATTEST,
	    .epoch = 3,
	    .issued = issued,
	    .ttl = ttl};

	ck_rc_ok(pcr_selections_parse(
	    span_str("sha256:0,1,2,23+sha384:all"), &c.selection, NULL));
	return c;
}

static struct challenge_expect
expectation(void)
{
	return (struct challenge_expect){
	    {{1}}, {{2}}, CHALLENGE_ATTEST, 3, issued + TIME_S};
}

static enum err_code
check(const struct challenge_keys *with, const char *text,
    const struct challenge_expect *expect)
{
	struct challenge out;

	return challenge_check(with, span_str(text), expect, h, &out, NULL)
	    .code;
}

START_TEST(what_was_issued_comes_back)
{
	struct challenge c = sample(), out;
	struct challenge_expect expect = expectation();
	char text[CHALLENGE_TEXT];
	uint8_t digest[32];

	ck_rc_ok(challenge_issue(&keys, &c, h, text, NULL));
	ck_rc_ok(
	    challenge_check(&keys, span_str(text), &expect, h, &out, NULL));
	ck_assert(pcr_selections_eq(&out.selection, &c.selection));
	ck_assert_int_eq(out.issued, issued);
	ck_assert_int_eq(out.ttl, ttl);
	ck_assert_mem_eq(out.random, c.random, 16);
	ck_assert_mem_eq(out.qualifying, c.qualifying, 32);
	ck_rc_ok(hash_of(h, ALG_SHA256, span_str(text), digest));
	ck_assert_mem_eq(out.qualifying, digest, 32);
	ck_assert_mem_eq(out.id, digest, 16);
}
END_TEST

/* N05: two of them never agree. */
START_TEST(challenges_differ)
{
	struct challenge a = sample(), b = sample();
	char one[CHALLENGE_TEXT], two[CHALLENGE_TEXT];

	ck_rc_ok(challenge_issue(&keys, &a, h, one, NULL));
	ck_rc_ok(challenge_issue(&keys, &b, h, two, NULL));
	ck_assert_str_ne(one, two);
	ck_assert_mem_ne(a.random, b.random, 16);
}
END_TEST

START_TEST(binding_and_time)
{
	static const struct {
		struct challenge_expect expect;
		enum err_code code;
	} rows[] = {
	    {{{{1}}, {{2}}, CHALLENGE_ATTEST, 3, 0}, ERR_OK},
	    /* N06, N07 */
	    {{{{9}}, {{2}}, CHALLENGE_ATTEST, 3, 0}, ERR_CHALLENGE_NODE},
	    {{{{1}}, {{9}}, CHALLENGE_ATTEST, 3, 0}, ERR_CHALLENGE_NODE},
	    {{{{1}}, {{2}}, CHALLENGE_ENROL, 3, 0}, ERR_CHALLENGE_PURPOSE},
	    {{{{1}}, {{2}}, CHALLENGE_ATTEST, 4, 0}, ERR_CHALLENGE_EPOCH},
	    /* N04: boundaries of the life, and a clock that stepped back */
	    {{{{1}}, {{2}}, CHALLENGE_ATTEST, 3, 90 * TIME_S}, ERR_OK},
	    {{{{1}}, {{2}}, CHALLENGE_ATTEST, 3, 90 * TIME_S + 1},
		ERR_CHALLENGE_EXPIRED},
	    {{{{1}}, {{2}}, CHALLENGE_ATTEST, 3, -60 * TIME_S}, ERR_OK},
	    {{{{1}}, {{2}}, CHALLENGE_ATTEST, 3, -60 * TIME_S - 1},
		ERR_CHALLENGE_EXPIRED},
	};
	struct challenge c = sample();
	char text[CHALLENGE_TEXT];

	ck_rc_ok(challenge_issue(&keys, &c, h, text, NULL));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct challenge_expect expect = rows[i].expect;
		expect.now += issued;
		enum err_code got = check(&keys, text, &expect);
		ck_assert_msg(
		    got == rows[i].code, "row %zu: %s", i, err_name(got));
	}
}
END_TEST

/* The second key verifies what the first one of before has issued. */
START_TEST(keys_rotate)
{
	const struct challenge_keys old = {1, {keys.key[1]}};
	const struct challenge_keys other = {1, {{6, {9, 9, 8}}}};
	struct challenge c = sample();
	struct challenge_expect expect = expectation();
	char text[CHALLENGE_TEXT];

	ck_rc_ok(challenge_issue(&old, &c, h, text, NULL));
	ck_assert_int_eq(check(&keys, text, &expect), ERR_OK);
	ck_assert_int_eq(check(&other, text, &expect), ERR_CHALLENGE_MAC);
	ck_rc_ok(challenge_issue(&keys, &c, h, text, NULL));
	ck_assert_int_eq(check(&old, text, &expect), ERR_CHALLENGE_MAC);
}
END_TEST

/* N08: the MAC is RFC 2104's, so that another implementation can check it. */
START_TEST(mac_is_hmac)
{
	struct challenge c = sample();
	char text[CHALLENGE_TEXT];
	struct arena a;
	struct span raw;
	uint8_t mac[32];

	arena_init(&a, 4096);
	ck_rc_ok(challenge_issue(&keys, &c, h, text, NULL));
	ck_rc_ok(base64url_decode(span_str(text), &a, &raw));
	ck_rc_ok(hash_hmac(ALG_SHA256, span_of(keys.key[0].key, 32),
	    span_of(raw.p, raw.n - 32), mac));
	ck_assert_mem_eq(mac, raw.p + raw.n - 32, 32);
	arena_free(&a);
}
END_TEST

START_TEST(any_change_is_refused)
{
	struct challenge c = sample();
	struct challenge_expect expect = expectation();
	char text[CHALLENGE_TEXT], bad[CHALLENGE_TEXT + 8];

	ck_rc_ok(challenge_issue(&keys, &c, h, text, NULL));
	for (size_t i = 0; text[i]; i++) {
		snprintf(bad, sizeof(bad), "%s", text);
		bad[i] = text[i] == 'A' ? 'B' : 'A';
		ck_assert_int_ne(check(&keys, bad, &expect), ERR_OK);
		bad[i] = '\0'; /* every prefix, the empty one included */
		ck_assert_int_ne(check(&keys, bad, &expect), ERR_OK);
	}
	snprintf(bad, sizeof(bad), "%sA", text);
	ck_assert_int_ne(check(&keys, bad, &expect), ERR_OK);
	snprintf(bad, sizeof(bad), "%s=", text);
	ck_assert_int_eq(check(&keys, bad, &expect), ERR_CHALLENGE_FORMAT);
	ck_assert_int_eq(check(&keys, "", &expect), ERR_CHALLENGE_FORMAT);
}
END_TEST

START_TEST(long_texts_are_refused)
{
	struct challenge_expect expect = expectation();
	char text[2 * CHALLENGE_TEXT + 1];

	for (size_t n = 1; n < sizeof(text); n++) {
		memset(text, 'A', n);
		text[n] = '\0';
		ck_assert_int_eq(
		    check(&keys, text, &expect), ERR_CHALLENGE_FORMAT);
	}
}
END_TEST

START_TEST(the_largest_selection_fits)
{
	struct challenge c = sample(), out;
	struct challenge_expect expect = expectation();
	char text[CHALLENGE_TEXT];

	c.selection.n = LIMIT_BANKS;
	for (size_t i = 0; i < LIMIT_BANKS; i++)
		c.selection.bank[i] =
		    (struct pcr_selection){(uint16_t)(1 + i), 0xffffff};
	ck_rc_ok(challenge_issue(&keys, &c, h, text, NULL));
	ck_rc_ok(
	    challenge_check(&keys, span_str(text), &expect, h, &out, NULL));
	ck_assert(pcr_selections_eq(&out.selection, &c.selection));
}
END_TEST

START_TEST(issue_refuses_short_lives)
{
	const struct challenge_keys none = {0};
	struct challenge c = sample();
	char text[CHALLENGE_TEXT];

	ck_rc_is(challenge_issue(&none, &c, h, text, NULL), ERR_INTERNAL);
	c.ttl = 60 * TIME_S;
	ck_rc_is(challenge_issue(&keys, &c, h, text, NULL), ERR_INTERNAL);
	c.ttl = 25 * 3600 * TIME_S;
	ck_rc_is(challenge_issue(&keys, &c, h, text, NULL), ERR_INTERNAL);
	c.ttl = 61 * TIME_S;
	ck_rc_ok(challenge_issue(&keys, &c, h, text, NULL));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("challenge");
	TCase *t = tcase_create("challenge");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_was_issued_comes_back);
	tcase_add_test(t, challenges_differ);
	tcase_add_test(t, binding_and_time);
	tcase_add_test(t, keys_rotate);
	tcase_add_test(t, mac_is_hmac);
	tcase_add_test(t, any_change_is_refused);
	tcase_add_test(t, long_texts_are_refused);
	tcase_add_test(t, the_largest_selection_fits);
	tcase_add_test(t, issue_refuses_short_lives);
	suite_add_tcase(s, t);
	return tap_run(s);
}

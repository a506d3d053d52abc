/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures over files, on every signed entry of a recorded list. */
#include "decode/ima.h"
#include "lib/tap.h"
#include "verify/filesig.h"

#include <stdlib.h>

static struct arena arena;
static struct file_key *keys[2];

static void
setup(void)
{
	static const char *const certs[] = {"rsa", "ecc"};

	arena_init(&arena, (size_t)16 << 20);
	for (size_t i = 0; i < 2; i++) {
		struct span der = tap_file(&arena,
		    arena_printf(&arena,
			"/tests/vectors/vm/common/ima-signing-%s-cert.der",
			certs[i]));
		ck_rc_ok(file_key_from_cert(der, &keys[i], NULL));
		ck_assert(span_eq(file_key_der(keys[i]), der));
		ck_assert_ptr_nonnull(strstr(file_key_subject(keys[i]), "CN="));
	}
}

static void
teardown(void)
{
	file_key_free(keys[0]);
	file_key_free(keys[1]);
	arena_free(&arena);
}

static enum filesig
check(const struct ima_entry *e, struct span sig, size_t from, size_t n)
{
	return filesig_check((const struct file_key *const *)keys + from, n,
	    sig, hash_by_name(e->digest_alg), e->digest.p);
}

/* Good as it is; never good with a bit or a byte of difference. */
static void
judge(const struct ima_entry *e)
{
	uint8_t *copy = malloc(e->sig.n + 1);

	ck_assert_ptr_nonnull(copy);
	for (size_t i = 0; i < e->sig.n; i++)
		copy[i] = e->sig.p[i];
	copy[e->sig.n] = 0;
	ck_assert_int_eq(check(e, e->sig, 0, 2), FILESIG_GOOD);
	ck_assert_int_ne(check(e, e->sig, 0, 1), check(e, e->sig, 1, 1));
	ck_assert_int_eq(check(e, e->sig, 0, 0), FILESIG_FOREIGN);
	ck_assert_int_eq(
	    check(e, span_of(copy, e->sig.n + 1), 0, 2), FILESIG_FOREIGN);
	for (size_t i = 1; i < e->sig.n; i++)
		ck_assert_int_eq(
		    check(e, span_of(copy, i), 0, 2), FILESIG_FOREIGN);
	for (size_t i = 0; i < e->sig.n; i++) {
		copy[i] ^= 1;
		ck_assert_int_ne(
		    check(e, span_of(copy, e->sig.n), 0, 2), FILESIG_GOOD);
		copy[i] ^= 1;
	}
	free(copy);
	uint8_t other[HASH_MAX] = {0};
	ck_assert_int_eq(filesig_check((const struct file_key *const *)keys, 2,
			     e->sig, hash_by_name(e->digest_alg), other),
	    FILESIG_BAD);
}

START_TEST(test_recorded)
{
	struct ima_reader in = ima_over(
	    tap_file(&arena, "/tests/vectors/vm/boots/grub-sb-golden/ima.bin"),
	    0);
	struct ima_entry e;
	bool more = true;
	size_t signed_n = 0;

	for (;;) {
		ck_rc_ok(ima_next(&in, &e, &more, NULL));
		if (!more)
			break;
		if (e.sig.n == 0)
			continue;
		/* All bits of two of them: one of each key. */
		if (signed_n == 0 || signed_n == 21)
			judge(&e);
		ck_assert_int_eq(check(&e, e.sig, 0, 2), FILESIG_GOOD);
		signed_n++;
	}
	ck_assert_uint_eq(signed_n, 22);
}
END_TEST

START_TEST(test_no_signature)
{
	static const struct ima_entry e = {
	    .digest_alg = {(const uint8_t *)"sha256", 6},
	    .digest = {(const uint8_t *)"", 0}};

	ck_assert_int_eq(check(&e, span_of("", 0), 0, 2), FILESIG_ABSENT);
}
END_TEST

START_TEST(test_certificates_refused)
{
	struct span der = file_key_der(keys[0]);
	struct file_key *k = NULL;

	ck_rc_is(file_key_from_cert(span_str("x"), &k, NULL), ERR_ENCODING);
	ck_rc_is(file_key_from_cert(span_of("", 0), &k, NULL), ERR_ENCODING);
	for (size_t i = 0; i < der.n; i += 7)
		ck_rc_is(file_key_from_cert(span_of(der.p, i), &k, NULL),
		    ERR_ENCODING);
	ck_assert_ptr_null(k);
	file_key_free(NULL);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("filesig");
	TCase *t = tcase_create("filesig");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_recorded);
	tcase_add_test(t, test_no_signature);
	tcase_add_test(t, test_certificates_refused);
	suite_add_tcase(s, t);
	return tap_run(s);
}

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
	const struct filesig_subject file = {
	    hash_by_name(e->digest_alg), e->digest.p, false};

	return filesig_check(
	    (const struct file_key *const *)keys + from, n, sig, &file);
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
	struct ima_entry changed = *e;
	changed.digest.p = other;
	ck_assert_int_eq(check(&changed, e->sig, 0, 2), FILESIG_BAD);
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

/* --- made for these tests: tests/vectors/ima ------------------------------ */

static struct file_key *signers[2];

static struct span
vector(const char *name)
{
	return tap_file(
	    &arena, arena_printf(&arena, "/tests/vectors/ima/%s", name));
}

static void
vectors(void)
{
	arena_init(&arena, (size_t)16 << 20);
	ck_rc_ok(
	    file_key_from_cert(vector("signer-rsa.der"), &signers[0], NULL));
	ck_rc_ok(
	    file_key_from_cert(vector("signer-ec.der"), &signers[1], NULL));
}

static void
vectors_end(void)
{
	file_key_free(signers[0]);
	file_key_free(signers[1]);
	arena_free(&arena);
}

static const uint8_t *
file_digest(void)
{
	struct hasher *h = hasher_new();
	uint8_t *out = arena_alloc(&arena, HASH_MAX);

	ck_rc_ok(hash_of(h, ALG_SHA256, vector("file"), out));
	hasher_free(h);
	return out;
}

static enum filesig
check_as(struct span sig, const uint8_t *digest, bool verity)
{
	const struct filesig_subject file = {
	    hash_by_id(ALG_SHA256), digest, verity};

	return filesig_check(
	    (const struct file_key *const *)signers, 2, sig, &file);
}

static struct span
copy_of(struct span s, uint8_t **out)
{
	struct span copy = arena_copy(&arena, s);

	*out = (uint8_t *)(uintptr_t)copy.p;
	return copy;
}

/* What holds for the digest of a file does not hold for one of fs-verity, and
 * the other way round; no bit of either may change. */
static const struct {
	const char *name;
	bool verity;
} versions[] = {
    {"v2-rsa.sig", false},
    {"v2-ec.sig", false},
    {"v3-rsa.sig", false},
    {"v3-ec.sig", false},
    {"verity-rsa.sig", true},
    {"verity-ec.sig", true},
};

START_TEST(test_version_3)
{
	const uint8_t *digest = file_digest();
	bool verity = versions[_i].verity;
	uint8_t *b;
	struct span sig = copy_of(vector(versions[_i].name), &b);

	ck_assert_int_eq(check_as(sig, digest, verity), FILESIG_GOOD);
	ck_assert_int_eq(check_as(sig, digest, !verity), FILESIG_BAD);
	for (size_t bit = 0; bit < 8 * sig.n; bit++) {
		b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_msg(check_as(sig, digest, verity) != FILESIG_GOOD,
		    "bit %zu", bit);
		b[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t n = 1; n < sig.n; n++)
		ck_assert_int_eq(check_as(span_of(sig.p, n), digest, verity),
		    FILESIG_FOREIGN);
}
END_TEST

/* Offsets of struct signature_v2_hdr: type, version, algorithm, key, size. */
static const struct {
	const char *name;
	size_t at;
	uint8_t value;
	enum filesig want;
} forged[] = {
    {"v2-rsa.sig", 0, 5, FILESIG_FOREIGN}, /* EVM portable */
    {"v2-rsa.sig", 0, 6, FILESIG_FOREIGN}, /* fs-verity has no version 2 */
    {"v2-rsa.sig", 0, 0, FILESIG_FOREIGN},
    {"v2-rsa.sig", 1, 1, FILESIG_FOREIGN},
    {"v2-rsa.sig", 1, 9, FILESIG_FOREIGN},
    {"v2-rsa.sig", 1, 3, FILESIG_BAD}, /* other bytes are signed then */
    {"v3-rsa.sig", 1, 2, FILESIG_BAD},
    {"v3-rsa.sig", 0, 6, FILESIG_BAD},
    {"verity-rsa.sig", 0, 3, FILESIG_BAD},
    {"v2-rsa.sig", 2, 5, FILESIG_BAD}, /* SHA-384 over this digest */
    {"v2-rsa.sig", 2, 2, FILESIG_BAD}, /* SHA-1 */
    {"v2-rsa.sig", 2, 0xff, FILESIG_BAD},
    {"v2-rsa.sig", 6, 0, FILESIG_FOREIGN}, /* a key that nobody has */
    {"v2-rsa.sig", 7, 0, FILESIG_FOREIGN}, /* sizes that do not fit */
    {"v2-rsa.sig", 8, 1, FILESIG_FOREIGN},
    {"v2-rsa.sig", 8, 0xff, FILESIG_FOREIGN},
};

START_TEST(test_forged_headers)
{
	const uint8_t *digest = file_digest();
	uint8_t *b;
	struct span sig = copy_of(vector(forged[_i].name), &b);

	b[forged[_i].at] = forged[_i].value;
	for (int verity = 0; verity < 2; verity++) {
		enum filesig got = check_as(sig, digest, verity);
		ck_assert_msg(
		    got == forged[_i].want, "as %d: %d", verity, (int)got);
	}
}
END_TEST

static enum filesig
check_modsig(struct span sig, const uint8_t *digest, size_t n)
{
	return filesig_check_modsig((const struct file_key *const *)signers, n,
	    sig, hash_by_id(ALG_SHA256), span_of(digest, 32));
}

static const struct {
	const char *name;
	enum filesig want;
} modsigs[] = {
    {"modsig-rsa.der", FILESIG_GOOD},
    {"modsig-ec.der", FILESIG_GOOD},
    {"modsig-keyid.der", FILESIG_GOOD},
    {"modsig-attributes.der", FILESIG_GOOD},
    {"modsig-pss.der", FILESIG_FOREIGN}, /* not judged */
    {"modsig-other.der", FILESIG_FOREIGN},
};

START_TEST(test_modsig)
{
	const uint8_t *digest = file_digest();
	uint8_t other[32] = {0};
	uint8_t *b;
	struct span sig = copy_of(vector(modsigs[_i].name), &b);
	bool good = modsigs[_i].want == FILESIG_GOOD;

	ck_assert_int_eq(check_modsig(sig, digest, 2), modsigs[_i].want);
	ck_assert_int_eq(check_modsig(sig, digest, 0), FILESIG_FOREIGN);
	ck_assert_int_eq(
	    check_modsig(sig, other, 2), good ? FILESIG_BAD : FILESIG_FOREIGN);
	for (size_t i = 0; i < sig.n; i++)
		ck_assert_int_eq(check_modsig(span_of(sig.p, i), digest, 2),
		    i ? FILESIG_FOREIGN : FILESIG_ABSENT);
	/* the last byte is of the signature */
	b[sig.n - 1] ^= 1;
	ck_assert_int_eq(
	    check_modsig(sig, digest, 2), good ? FILESIG_BAD : FILESIG_FOREIGN);
	ck_assert_int_eq(
	    filesig_check_modsig((const struct file_key *const *)signers, 2,
		sig, hash_by_id(ALG_SHA384), span_of(digest, 32)),
	    FILESIG_FOREIGN);
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
	t = tcase_create("vectors");
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, vectors, vectors_end);
	tcase_add_loop_test(
	    t, test_version_3, 0, (int)(sizeof(versions) / sizeof(*versions)));
	tcase_add_loop_test(
	    t, test_forged_headers, 0, (int)(sizeof(forged) / sizeof(*forged)));
	tcase_add_loop_test(
	    t, test_modsig, 0, (int)(sizeof(modsigs) / sizeof(*modsigs)));
	suite_add_tcase(s, t);
	return tap_run(s);
}

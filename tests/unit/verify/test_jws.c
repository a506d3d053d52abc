/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of policies: each kind of key, and what must not verify. */
#include "verify/jws.h"

#include "base/text.h"
#include "lib/tap.h"
#include "unit/verify/issue.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define STR(s) span_of(s, sizeof(s) - 1)

enum { TIME = 1700000000 };
#define PAYLOAD STR("{\"akashi_policy\":1}")
static struct arena arena;

static void
setup(void)
{
	arena_init(&arena, (size_t)64 << 20);
}

static void
teardown(void)
{
	arena_free(&arena);
}

/* A key pair, as its owner and as the server has it. */
struct author {
	struct sign_key *private, *public;
};

static struct span
taken(BIO *out)
{
	char *p;
	long n = BIO_get_mem_data(out, &p);
	struct span s = arena_copy(&arena, span_of(p, (size_t)n));

	BIO_free(out);
	return s;
}

static struct span
pem_of(EVP_PKEY *pkey, bool private)
{
	BIO *out = BIO_new(BIO_s_mem());

	ck_assert_int_eq(private ? PEM_write_bio_PrivateKey(
				       out, pkey, NULL, NULL, 0, NULL, NULL)
				 : PEM_write_bio_PUBKEY(out, pkey),
	    1);
	return taken(out);
}

static struct author
author(EVP_PKEY *pkey)
{
	struct author a;

	ck_assert_ptr_nonnull(pkey);
	ck_rc_ok(jws_key_private(pem_of(pkey, true), &a.private, NULL));
	ck_rc_ok(jws_key_load(pem_of(pkey, false), &a.public, NULL));
	ck_assert_str_eq(sign_key_id(a.private), sign_key_id(a.public));
	EVP_PKEY_free(pkey);
	return a;
}

static void
author_free(struct author *a)
{
	sign_key_free(a->private);
	sign_key_free(a->public);
}

static EVP_PKEY *
new_key(int kind)
{
	switch (kind) {
	case 0:
		return EVP_EC_gen("P-256");
	case 1:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	default:
		return EVP_RSA_gen(2048);
	}
}

static struct span
sign(const struct author *a)
{
	struct jws_claims claims = {
	    .policy = STR("web"), .signed_at = TIME * TIME_S};
	struct buf out = {0};

	ck_rc_ok(jws_sign(a->private, &claims, PAYLOAD, &out, NULL));
	struct span jws = arena_copy(&arena, buf_span(&out));
	buf_free(&out);
	return jws;
}

static rc
verify(const struct author *a, struct span jws, struct span bytes)
{
	const struct sign_key *keys[] = {a->public};
	struct jws_claims claims;

	return jws_verify(keys, 1, jws, bytes, &arena, &claims, NULL);
}

START_TEST(each_kind_of_key_signs)
{
	struct author a = author(new_key(_i));
	struct author other = author(new_key((_i + 1) % 3));
	const struct sign_key *keys[] = {other.public, a.public};
	struct span jws = sign(&a);
	struct jws_claims claims;

	ck_rc_ok(jws_verify(keys, 2, jws, PAYLOAD, &arena, &claims, NULL));
	ck_assert(span_eq(claims.policy, STR("web")));
	ck_assert_int_eq(claims.signed_at, TIME * TIME_S);
	ck_assert_str_eq(claims.kid, sign_key_id(a.public));
	ck_rc_is(verify(&other, jws, PAYLOAD), ERR_POLICY_SIGNATURE);
	ck_rc_is(verify(&a, jws, STR("{\"akashi_policy\":2}")),
	    ERR_POLICY_SIGNATURE);
	ck_rc_is(jws_verify(NULL, 0, jws, PAYLOAD, &arena, &claims, NULL),
	    ERR_POLICY_SIGNATURE);
	author_free(&a);
	author_free(&other);
}
END_TEST

START_TEST(every_prefix_and_every_change_is_refused)
{
	struct author a = author(new_key(_i));
	struct span jws = sign(&a);
	uint8_t *copy = arena_alloc(&arena, jws.n + 1);

	for (size_t n = 0; n < jws.n; n++)
		ck_rc_is(verify(&a, span_of(jws.p, n), PAYLOAD),
		    ERR_POLICY_SIGNATURE);
	for (size_t i = 0; i <= jws.n; i++) {
		memcpy(copy, jws.p, jws.n);
		copy[jws.n] = 'A'; /* one more byte, where i is the end */
		copy[i] = copy[i] == 'A' ? (i == jws.n ? 'A' : 'B') : 'A';
		ck_rc_is(
		    verify(&a, span_of(copy, jws.n + (i == jws.n)), PAYLOAD),
		    ERR_POLICY_SIGNATURE);
	}
	author_free(&a);
}
END_TEST

/* A header of the attacker's before the signature of the author. */
START_TEST(foreign_headers_are_refused)
{
	static const struct {
		const char *alg, *typ, *more;
	} rows[] = {
	    {"ES256", "akashi-policy+jws", ""},
	    {"none", "akashi-policy+jws", ""},
	    {"HS256", "akashi-policy+jws", ""},
	    {"ES256", "JWT", ""},
	    {"ES256", "akashi-policy+jws", ",\"jwk\":{}"},
	    {"ES256", "akashi-policy+jws", ",\"alg\":\"none\""},
	    {"ES256", "akashi-policy+jws", "}"},
	};
	struct author a = author(new_key(0));
	struct span jws = sign(&a);
	size_t head = strcspn((const char *)jws.p, ".");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *json = arena_printf(&arena,
		    "{\"alg\":\"%s\",\"iat\":1700000001,\"kid\":\"%s\","
		    "\"policy\":\"web\",\"typ\":\"%s\"%s}",
		    rows[i].alg, sign_key_id(a.public), rows[i].typ,
		    rows[i].more);
		const char *forged = arena_printf(&arena, "%s%.*s",
		    base64url_string(&arena, span_str(json)),
		    (int)(jws.n - head), (const char *)jws.p + head);
		ck_rc_is(verify(&a, span_str(forged), PAYLOAD),
		    ERR_POLICY_SIGNATURE);
	}
	author_free(&a);
}
END_TEST

START_TEST(keys_that_are_none)
{
	EVP_PKEY *weak[] = {EVP_EC_gen("P-384"), EVP_RSA_gen(1024),
	    EVP_PKEY_Q_keygen(NULL, NULL, "X25519")};
	struct sign_key *k = NULL;

	for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
		ck_rc_is(jws_key_load(pem_of(weak[i], false), &k, NULL),
		    ERR_ENCODING);
		EVP_PKEY_free(weak[i]);
	}
	ck_rc_is(jws_key_load(STR(""), &k, NULL), ERR_ENCODING);
	ck_rc_is(jws_key_load(STR("-----BEGIN PUBLIC KEY-----\n"), &k, NULL),
	    ERR_ENCODING);
	ck_rc_is(jws_key_private(STR("no key"), &k, NULL), ERR_ENCODING);
	ck_assert_ptr_null(k);
	sign_key_free(NULL);
}
END_TEST

/* One that signs other things. */
START_TEST(a_key_that_signs_no_policy)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-384");
	struct author a = {NULL, NULL};
	struct jws_claims claims = {.policy = STR("web")};
	struct buf out = {0};

	ck_rc_ok(sign_key_private(pem_of(pkey, true), &a.private, NULL));
	ck_rc_ok(sign_key_load(pem_of(pkey, false), &a.public, NULL));
	EVP_PKEY_free(pkey);
	ck_rc_is(jws_sign(a.private, &claims, PAYLOAD, &out, NULL), ERR_CRYPTO);
	ck_assert_ptr_null(out.p);
	struct author good = author(EVP_EC_gen("P-256"));
	struct span jws = sign(&good);
	ck_rc_is(verify(&a, jws, PAYLOAD), ERR_POLICY_SIGNATURE);
	ck_rc_ok(verify(&good, jws, PAYLOAD));
	author_free(&a);
	author_free(&good);
}
END_TEST

START_TEST(the_key_of_a_certificate)
{
	struct issued i = issue(&(struct issue){.name = "author", .ca = true});
	const struct issued *list[] = {&i};
	struct author a;

	ck_rc_ok(jws_key_private(pem_of(i.key, true), &a.private, NULL));
	ck_rc_ok(jws_key_load(issue_pem(&arena, list, 1), &a.public, NULL));
	ck_rc_ok(verify(&a, sign(&a), PAYLOAD));
	author_free(&a);
	issue_free(&i);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("jws");
	TCase *t = tcase_create("jws");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 20);
	tcase_add_loop_test(t, each_kind_of_key_signs, 0, 3);
	tcase_add_loop_test(t, every_prefix_and_every_change_is_refused, 0, 3);
	tcase_add_test(t, foreign_headers_are_refused);
	tcase_add_test(t, keys_that_are_none);
	tcase_add_test(t, a_key_that_signs_no_policy);
	tcase_add_test(t, the_key_of_a_certificate);
	suite_add_tcase(s, t);
	return tap_run(s);
}

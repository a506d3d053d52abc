/* SPDX-License-Identifier: Apache-2.0 */
/* A policy's signature from anywhere. The first byte says whether the rest is a
 * signature as it is sent, or a header that the author's key signs here, since
 * no fuzzer finds a signature that fits. */
#include "base/text.h"
#include "lib/fuzz.h"
#include "verify/jws.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

enum { SIGNED_HERE = 1, ED25519 = 64 };

static const char payload[] = "{\"akashi_policy\":1}";
static EVP_PKEY *pkey;
static struct sign_key *author;

/* A key that never changes, so that seeds may name it. */
static void
start(void)
{
	static const uint8_t secret[32] = {0x61, 0x6b, 0x61, 0x73, 0x68, 0x69};
	BIO *out = BIO_new(BIO_s_mem());
	char *pem;

	pkey = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, secret, sizeof(secret));
	fuzz_check(pkey && out && PEM_write_bio_PUBKEY(out, pkey) == 1);
	long n = BIO_get_mem_data(out, &pem);
	fuzz_check(rc_ok(jws_key_load(span_of(pem, (size_t)n), &author, NULL)));
	BIO_free(out);
}

/* header "." payload "." signature, then without the payload. */
static struct span
sign(struct arena *a, struct span header)
{
	const char *head = base64url_string(a, header);
	const char *body = base64url_string(a, span_str(payload));
	const char *input = arena_printf(a, "%s.%s", head, body);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t raw[ED25519];
	size_t n = sizeof(raw);

	fuzz_check(ctx && input);
	fuzz_check(EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1);
	fuzz_check(EVP_DigestSign(ctx, raw, &n, (const uint8_t *)input,
		       strlen(input)) == 1);
	EVP_MD_CTX_free(ctx);
	const char *tail = base64url_string(a, span_of(raw, n));
	const char *jws = arena_printf(a, "%s..%s", head, tail);
	fuzz_check(tail && jws);
	return span_str(jws);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct sign_key *keys[] = {author};
	struct jws_claims claims = {.signed_at = -1};
	struct arena a;

	if (!author) {
		start();
		keys[0] = author;
	}
	if (size == 0)
		return 0;
	arena_init(&a, ((size_t)1 << 20) + 8 * size);
	bool here = data[0] & SIGNED_HERE;
	struct span given = span_of(data + 1, size - 1);
	struct span jws = here ? sign(&a, given) : given;
	rc r = jws_verify(keys, 1, jws, span_str(payload), &a, &claims, NULL);
	fuzz_check(!rc_ok(r) || here);
	fuzz_check(rc_ok(r) || r.code == ERR_POLICY_SIGNATURE);
	fuzz_check(!rc_ok(r) || strcmp(claims.kid, sign_key_id(author)) == 0);
	fuzz_check(rc_ok(r) == (claims.signed_at >= 0));
	/* Over other bytes it is no signature. */
	fuzz_check(!rc_ok(
	    jws_verify(keys, 1, jws, span_str("{}"), &a, &claims, NULL)));
	arena_free(&a);
	return 0;
}

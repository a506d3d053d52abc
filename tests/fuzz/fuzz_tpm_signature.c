/* SPDX-License-Identifier: Apache-2.0 */
/* A signature from anywhere never verifies under keys that signed nothing. */
#include "lib/fuzz.h"
#include "verify/key.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static struct key *
key_of(EVP_PKEY *pkey)
{
	struct key *k = NULL;
	uint8_t *der = NULL;
	int n = i2d_PUBKEY(pkey, &der);

	fuzz_check(
	    n > 0 && rc_ok(key_from_spki(span_of(der, (size_t)n), &k, NULL)));
	OPENSSL_free(der);
	EVP_PKEY_free(pkey);
	return k;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hasher *h;
	static struct key *keys[3];
	struct tpm_signature sig;
	struct arena a;

	if (!h) {
		h = hasher_new();
		keys[0] = key_of(EVP_RSA_gen(2048));
		keys[1] = key_of(EVP_EC_gen("P-256"));
		keys[2] = key_of(EVP_EC_gen("P-521"));
	}
	fuzz_check(h != NULL);
	arena_init(&a, 64 * 1024);
	rc r = tpm_decode_signature(span_of(data, size), &a, &sig, NULL);
	fuzz_check(r.code != ERR_MEMORY);
	for (size_t i = 0; i < 3 && rc_ok(r); i++) {
		rc v = key_verify(keys[i], &sig, span_of("x", 1), h, NULL);
		fuzz_check(!rc_ok(v) && v.code != ERR_CRYPTO);
	}
	arena_free(&a);
	return 0;
}

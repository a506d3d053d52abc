/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdlib.h>

static const struct hash_alg algs[] = {
    {ALG_SHA1, "sha1", "SHA1", 20, true},
    {ALG_SHA256, "sha256", "SHA256", 32, true},
    {ALG_SHA384, "sha384", "SHA384", 48, true},
    {ALG_SHA512, "sha512", "SHA512", 64, true},
    {ALG_SM3_256, "sm3_256", "SM3", 32, false},
    {ALG_SHA3_256, "sha3_256", "SHA3-256", 32, true},
    {ALG_SHA3_384, "sha3_384", "SHA3-384", 48, true},
    {ALG_SHA3_512, "sha3_512", "SHA3-512", 64, true},
};

enum { ALGS = sizeof(algs) / sizeof(algs[0]) };
_Static_assert((int)ALGS == (int)HASH_ALGS, "the header says how many");

struct hasher {
	EVP_MD *md[ALGS];
	EVP_MD_CTX *ctx[ALGS];
};

const struct hash_alg *
hash_by_id(uint16_t id)
{
	for (size_t i = 0; i < ALGS; i++)
		if (algs[i].id == id)
			return &algs[i];
	return NULL;
}

const struct hash_alg *
hash_by_name(struct span name)
{
	for (size_t i = 0; i < ALGS; i++)
		if (span_eq(name, span_str(algs[i].name)))
			return &algs[i];
	return NULL;
}

struct hasher *
hasher_new(void)
{
	struct hasher *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	for (size_t i = 0; i < ALGS; i++) {
		h->md[i] = EVP_MD_fetch(NULL, algs[i].openssl, NULL);
		h->ctx[i] = h->md[i] ? EVP_MD_CTX_new() : NULL;
		/* An algorithm that this OpenSSL lacks stays NULL and fails
		 * when it is asked for; SHA-256 must be there. */
		if (h->md[i] && (!h->ctx[i] || EVP_DigestInit_ex2(h->ctx[i],
						   h->md[i], NULL) != 1))
			goto fail;
	}
	if (h->md[1])
		return h;
fail:
	hasher_free(h);
	return NULL;
}

void
hasher_free(struct hasher *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < ALGS; i++) {
		EVP_MD_CTX_free(h->ctx[i]);
		EVP_MD_free(h->md[i]);
	}
	free(h);
}

bool
hash_computable(const struct hasher *h, uint16_t alg)
{
	for (size_t i = 0; i < ALGS; i++)
		if (algs[i].id == alg)
			return h->ctx[i] != NULL;
	return false;
}

static EVP_MD_CTX *
context(struct hasher *h, uint16_t alg)
{
	for (size_t i = 0; i < ALGS; i++)
		if (algs[i].id == alg)
			return h->ctx[i];
	return NULL;
}

/* The algorithm is the context's since it was made. */
static bool
begin(EVP_MD_CTX *ctx)
{
	return EVP_DigestInit_ex2(ctx, NULL, NULL) == 1;
}

rc
hash_of2(
    struct hasher *h, uint16_t alg, struct span a, struct span b, uint8_t *out)
{
	EVP_MD_CTX *ctx = context(h, alg);

	if (!ctx || !begin(ctx) ||
	    (a.n && EVP_DigestUpdate(ctx, a.p, a.n) != 1) ||
	    (b.n && EVP_DigestUpdate(ctx, b.p, b.n) != 1) ||
	    EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		return (rc){ERR_CRYPTO};
	return RC_OK;
}

rc
hash_of(struct hasher *h, uint16_t alg, struct span data, uint8_t *out)
{
	return hash_of2(h, alg, data, (struct span){NULL, 0}, out);
}

rc
hash_begin(struct hasher *h, uint16_t alg)
{
	EVP_MD_CTX *ctx = context(h, alg);

	return ctx && begin(ctx) ? RC_OK : (rc){ERR_CRYPTO};
}

rc
hash_add(struct hasher *h, uint16_t alg, struct span data)
{
	EVP_MD_CTX *ctx = context(h, alg);

	if (!ctx || (data.n && EVP_DigestUpdate(ctx, data.p, data.n) != 1))
		return (rc){ERR_CRYPTO};
	return RC_OK;
}

rc
hash_end(struct hasher *h, uint16_t alg, uint8_t *out)
{
	EVP_MD_CTX *ctx = context(h, alg);

	if (!ctx || EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		return (rc){ERR_CRYPTO};
	return RC_OK;
}

/* As one piece: each update costs as much as a block of SHA-256. */
rc
hash_extend(struct hasher *h, uint16_t alg, uint8_t *pcr, const uint8_t *digest)
{
	const struct hash_alg *a = hash_by_id(alg);
	uint8_t both[2 * HASH_MAX];

	if (!a)
		return (rc){ERR_CRYPTO};
	memcpy(both, pcr, a->size);
	memcpy(both + a->size, digest, a->size);
	return hash_of(h, alg, span_of(both, 2 * a->size), pcr);
}

rc
hash_hmac(uint16_t alg, struct span key, struct span data, uint8_t *out)
{
	const struct hash_alg *a = hash_by_id(alg);
	size_t n = 0;

	if (!a ||
	    !EVP_Q_mac(NULL, "HMAC", NULL, a->openssl, NULL, key.p, key.n,
		data.p, data.n, out, a->size, &n) ||
	    n != a->size)
		return (rc){ERR_CRYPTO};
	return RC_OK;
}

bool
secret_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void
secret_cleanse(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}

const char *
hash_library(void)
{
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}

rc
random_bytes(void *out, size_t n)
{
	if (n > INT32_MAX || RAND_bytes(out, (int)n) != 1)
		return (rc){ERR_RANDOM};
	return RC_OK;
}

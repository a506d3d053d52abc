/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hashing behind one door.
 *
 * A `hasher` belongs to one thread. It fetches each algorithm once and reuses
 * one context per algorithm: OpenSSL 3.0 fetches per call otherwise, which is
 * three times slower and makes two threads slower than one.
 */
#ifndef AKASHI_BASE_HASH_H
#define AKASHI_BASE_HASH_H

#include "base/rc.h"
#include "base/span.h"

enum {
	HASH_MAX = 64,
	HASH_ALGS = 8, /* rows of the table: no more banks can be known */
};

/* TPM_ALG_ID values (TCG Algorithm Registry). */
enum {
	ALG_SHA1 = 0x0004,
	ALG_SHA256 = 0x000b,
	ALG_SHA384 = 0x000c,
	ALG_SHA512 = 0x000d,
	ALG_SM3_256 = 0x0012,
	ALG_SHA3_256 = 0x0027,
	ALG_SHA3_384 = 0x0028,
	ALG_SHA3_512 = 0x0029,
};

struct hash_alg {
	uint16_t id;	  /* TPM_ALG_ID */
	const char *name; /* "sha256": TPM tools, IMA and JSON use the same */
	const char *openssl; /* name to fetch */
	size_t size;	     /* digest bytes */
	bool bank;	     /* may be a PCR bank that we judge */
};

/* The row of a TPM_ALG_ID or of a name; NULL for anything else. */
const struct hash_alg *hash_by_id(uint16_t id);
const struct hash_alg *hash_by_name(struct span name);

/* A digest with its algorithm; alg 0 means none. */
struct digest {
	uint16_t alg;
	uint8_t bytes[HASH_MAX];
};

struct hasher;

/* One per thread; NULL when memory or OpenSSL fails. */
struct hasher *hasher_new(void);
void hasher_free(struct hasher *h);

/* Whether the OpenSSL that runs here has it: SM3 may be missing. */
bool hash_computable(const struct hasher *h, uint16_t alg);

/* out[hash size] = H(data). CRYPTO if the algorithm cannot be had here. */
MUST_USE rc hash_of(
    struct hasher *h, uint16_t alg, struct span data, uint8_t *out);

/* out = H(a || b). */
MUST_USE rc hash_of2(
    struct hasher *h, uint16_t alg, struct span a, struct span b, uint8_t *out);

/* Streaming: one stream per algorithm at a time. */
MUST_USE rc hash_begin(struct hasher *h, uint16_t alg);
MUST_USE rc hash_add(struct hasher *h, uint16_t alg, struct span data);
MUST_USE rc hash_end(struct hasher *h, uint16_t alg, uint8_t *out);

/* PCR extend in place: pcr = H(pcr || digest), both of the hash's size
 * (TPM 2.0 Part 1, 17.2). */
MUST_USE rc hash_extend(
    struct hasher *h, uint16_t alg, uint8_t *pcr, const uint8_t *digest);

/* HMAC (RFC 2104); out[hash size]. */
MUST_USE rc hash_hmac(
    uint16_t alg, struct span key, struct span data, uint8_t *out);

/* Constant-time equality of n secret bytes. */
bool secret_equal(const void *a, const void *b, size_t n);

/* Overwrite a secret; never optimised away. */
void secret_cleanse(void *p, size_t n);

/* The version of the library behind this door, for build information. */
const char *hash_library(void);

/* n bytes from the operating system's generator. RANDOM. */
MUST_USE rc random_bytes(void *out, size_t n);

#endif

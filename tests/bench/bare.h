/* SPDX-License-Identifier: Apache-2.0 */
/* Hashing as cheap as OpenSSL's EVP gives it: algorithms fetched once, one
 * context each, used again and again. What the replay rows are held against;
 * it shares no code with base/hash.c. */
#ifndef AKASHI_TESTS_BARE_H
#define AKASHI_TESTS_BARE_H

#include "replay/boot.h"

struct bare;

/* NULL when OpenSSL or memory fails. */
struct bare *bare_new(void);
void bare_free(struct bare *b);

/* out = H(x ‖ y) for SHA-1, SHA-256, SHA-384 and SHA-512. */
bool bare_hash(
    struct bare *b, uint16_t alg, struct span x, struct span y, uint8_t *out);

/* The hashing that a log cannot be judged without: per event and bank one
 * extend, and one hash of the bytes that its digest covers. */
bool bare_boot(
    struct bare *b, const struct evlog *log, const struct boot_replay *replay);

/* The same for an IMA list quoted in one SHA-256 bank: per entry the SHA-1
 * template hash, the SHA-256 one, and an extend. */
bool bare_ima(struct bare *b, const struct span *template_data, size_t n);

/* A signature that is checked again and again with everything prepared. */
struct bare_signature;
struct evp_pkey_st;

/* SHA-256 with RSASSA, or with ECDSA (`sig` in DER), over `data`. NULL on
 * failure. The key stays the caller's. */
struct bare_signature *bare_signature_new(
    struct evp_pkey_st *key, struct span data, struct span sig);
void bare_signature_free(struct bare_signature *s);
bool bare_verify(const struct bare_signature *s);

#endif

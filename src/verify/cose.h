/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COSE_Sign1 (RFC 9052, 4.2) by a key that an operator named.
 *
 * 1. The algorithm is the one that the key signs with (RFC 9053, RFC 8230):
 *    P-256 ES256, P-384 ES384, P-521 ES512, Ed25519 EdDSA, RSA PS256, PS384 or
 *    PS512. The protected header must say the same; MACs, "none" and anything
 *    else are refused.
 * 2. No key, certificate or key identifier of the message is used.
 * 3. What is not protected says nothing: it is kept to be listed.
 */
#ifndef AKASHI_VERIFY_COSE_H
#define AKASHI_VERIFY_COSE_H

#include "decode/cbor_tree.h"
#include "verify/signkey.h"

enum { COSE_TAG_SIGN1 = 18 };

/* Labels of headers (RFC 9052, 3.1; RFC 9597; hash envelopes). */
enum {
	COSE_ALG = 1,
	COSE_CRIT = 2,
	COSE_CONTENT_TYPE = 3,
	COSE_CWT_CLAIMS = 15,
	COSE_HASH_ENVELOPE = 258,
};

struct cose_sign1 {
	struct span protected;		  /* as signed */
	const struct cbor_value *header;  /* the same, a map */
	const struct cbor_value *outside; /* not protected, a map */
	struct span payload;
	struct span signature;
	int64_t alg;
};

/* What tag 18 is of. `understood` are the labels that the caller looks at, for
 * which "crit" may ask; 0 ends it. Everything borrows from the document and the
 * arena. COSE_FORMAT, COSE_ALGORITHM, COSE_CRITICAL; MEMORY. */
MUST_USE rc cose_decode(const struct cbor_value *v, const uint64_t *understood,
    size_t *budget, struct arena *a, struct cose_sign1 *out, struct err *e);

/* One of the keys signed it. COSE_ALGORITHM where none of them signs so,
 * COSE_SIGNATURE, MEMORY. */
MUST_USE rc cose_verify(const struct cose_sign1 *s,
    const struct sign_key *const *keys, size_t n, const struct sign_key **by,
    struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detached signatures of policies by their authors: JWS (RFC 7515) in compact
 * form with an empty payload (appendix F), over the canonical bytes.
 *
 * The protected header has exactly these members: alg, kid (SHA-256 of the
 * key's SubjectPublicKeyInfo, hex), typ ("akashi-policy+jws"), iat (seconds
 * since 1970) and policy (its name): a signature cannot be moved to another
 * name, and of two signatures one is the later.
 *
 * The algorithm follows from the key alone: P-256 ES256, Ed25519 EdDSA, RSA of
 * 2048 to 8192 bits RS256 (RFC 7518, RFC 8037).
 */
#ifndef AKASHI_VERIFY_JWS_H
#define AKASHI_VERIFY_JWS_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "verify/signkey.h"

enum { JWS_MAX = 4096 };

/* An author's key: as sign_key_load() and sign_key_private(), of the kinds
 * above. */
MUST_USE rc jws_key_load(struct span pem, struct sign_key **out, struct err *e);
MUST_USE rc jws_key_private(
    struct span pem, struct sign_key **out, struct err *e);

/* What is signed beside the bytes. */
struct jws_claims {
	struct span policy;
	int64_t signed_at; /* whole seconds, in microseconds */
	char kid[SIGN_ID];
};

/* Sign with a private key; claims->kid is the key's, whatever it says.
 * CRYPTO, MEMORY. */
MUST_USE rc jws_sign(const struct sign_key *k, const struct jws_claims *claims,
    struct span payload, struct buf *out, struct err *e);

/* Signed by one of the keys, and what it says. POLICY_SIGNATURE for anything
 * else; MEMORY, CRYPTO. */
MUST_USE rc jws_verify(const struct sign_key *const *keys, size_t n,
    struct span jws, struct span payload, struct arena *a,
    struct jws_claims *out, struct err *e);

#endif

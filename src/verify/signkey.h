/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of people and makers that sign documents, as an operator names them.
 * What they sign with is said by the form of the signature: jws.h, cose.h.
 */
#ifndef AKASHI_VERIFY_SIGNKEY_H
#define AKASHI_VERIFY_SIGNKEY_H

#include "base/hash.h"
#include "base/rc.h"
#include "base/span.h"

enum sign_kind {
	SIGN_P256,
	SIGN_P384,
	SIGN_P521,
	SIGN_ED25519,
	SIGN_RSA, /* of 2048 to 8192 bits */
};

enum { SIGN_ID = 65, SIGNATURE_ROOM = 1024 };

/* Immutable, so threads may share it. */
struct sign_key;

/* A public key, or the key of a certificate, in PEM; or a private key, to sign
 * with. Nothing but its key is taken from a certificate. The caller owns *out.
 * ENCODING, MEMORY. */
MUST_USE rc sign_key_load(
    struct span pem, struct sign_key **out, struct err *e);
MUST_USE rc sign_key_private(
    struct span pem, struct sign_key **out, struct err *e);
void sign_key_free(struct sign_key *k); /* NULL accepted */

enum sign_kind sign_key_kind(const struct sign_key *k);

/* SHA-256 of the SubjectPublicKeyInfo, in hex. */
const char *sign_key_id(const struct sign_key *k);

/* How a key signs: the hash (0 with Ed25519, which has its own) and, of RSA,
 * PSS with salts as long as the hash instead of PKCS#1 v1.5. */
struct sign_how {
	uint16_t hash;
	bool pss;
};

/* The signature verifies over the input; of elliptic curves it is r and s of
 * full length (RFC 7518, 3.4; RFC 9053, 2.1). */
bool sign_verify(const struct sign_key *k, struct sign_how how,
    struct span signature, struct span input);

/* Sign; *n bytes. False where OpenSSL fails. */
bool sign_make(const struct sign_key *k, struct sign_how how, struct span input,
    uint8_t out[SIGNATURE_ROOM], size_t *n);

#endif

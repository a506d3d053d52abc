/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures over files, as security.ima holds them and the IMA list repeats
 * them: security/integrity/digsig_asymmetric.c, ima_appraise.c (Linux 6.1).
 *
 * Type 3, version 2: the file's digest is signed. Version 3 (type 3 or, for
 * fs-verity, 6): the digest of {type, algorithm, file digest} is signed.
 */
#ifndef AKASHI_VERIFY_FILESIG_H
#define AKASHI_VERIFY_FILESIG_H

#include "base/hash.h"
#include "base/rc.h"

/* The key of one signer; immutable, so threads may share it. */
struct file_key;

/* The key of a certificate in DER or PEM: RSA of 2048 bits at least, P-256,
 * P-384 or P-521. The caller owns *out. ENCODING, MEMORY. */
MUST_USE rc file_key_from_cert(
    struct span cert, struct file_key **out, struct err *e);
void file_key_free(struct file_key *k);

/* The certificate's subject in one line, and its DER. */
const char *file_key_subject(const struct file_key *k);
struct span file_key_der(const struct file_key *k);

enum filesig {
	FILESIG_GOOD,	 /* signed by one of the keys */
	FILESIG_ABSENT,	 /* there is no signature */
	FILESIG_FOREIGN, /* by none of the keys, or of a kind not known here */
	FILESIG_BAD,	 /* names one of the keys and does not verify */
};

/* What the content of a security.ima field says about a file with this digest.
 * Every key with the identifier is tried: four bytes of it may collide. */
enum filesig filesig_check(const struct file_key *const *keys, size_t n,
    struct span sig, const struct hash_alg *alg, const uint8_t *digest);

#endif

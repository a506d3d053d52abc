/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures over files.
 *
 * security.ima, as the IMA list repeats it: digsig_asymmetric.c,
 * ima_appraise.c (Linux 6.1). Type 3, version 2: the file's digest is signed.
 * Version 3 (type 3 or, for an fs-verity digest and only there, 6): the digest
 * of {type, algorithm, digest} is signed.
 *
 * A module's appended signature: PKCS#7 over the file without it
 * (ima_modsig.c, pkcs7_verify.c).
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

/* What is signed. */
struct filesig_subject {
	const struct hash_alg *alg;
	const uint8_t *digest;
	bool verity; /* of fs-verity: not the hash of the file */
};

/* What the content of a security.ima field says about a file.
 * Every key with the identifier is tried: four bytes of it may collide. */
enum filesig filesig_check(const struct file_key *const *keys, size_t n,
    struct span sig, const struct filesig_subject *file);

/* The same for an appended signature, in DER, and the digest of the file
 * without it. It names its signer's certificate. One good signer is enough, as
 * for the kernel. What is not PKCS#7 with PKCS#1 v1.5 or ECDSA over this very
 * digest, direct or in signed attributes, is FILESIG_FOREIGN. */
enum filesig filesig_check_modsig(const struct file_key *const *keys, size_t n,
    struct span sig, const struct hash_alg *alg, struct span digest);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_VERIFY_KEY_H
#define AKASHI_VERIFY_KEY_H

#include "decode/tpm.h"

/* A TPM name: nameAlg ‖ H_nameAlg(TPMT_PUBLIC) (Part 1, 16). */
struct tpm_name {
	size_t n;
	uint8_t b[2 + HASH_MAX];
};

/* Name of a public area. CRYPTO, TPM_ALG. */
MUST_USE rc key_name(const struct tpm_public *pub, struct hasher *h,
    struct tpm_name *out, struct err *e);

/* Qualified name of a child of a primary key in the endorsement hierarchy:
 * QN(EK) = nameAlg ‖ H(0x4000000B ‖ Name(EK)), QN(AK) = nameAlg ‖ H(QN(EK) ‖
 * Name(AK)) (Part 1, 16.5). */
MUST_USE rc key_qualified_name(const struct tpm_name *ek,
    const struct tpm_name *ak, struct hasher *h, struct tpm_name *out,
    struct err *e);

/* The rules for an attestation key (formats.md 4.1): AK_ATTRIBUTES,
 * AK_SCHEME, AK_WEAK, AK_NAME_ALG. */
MUST_USE rc key_check_ak(const struct tpm_public *pub, struct err *e);

/* A verification key, ready to use; immutable, so threads may share it. */
struct key;

/* Make one from a public area (AK_SCHEME, AK_POINT, AK_WEAK, CRYPTO, MEMORY)
 * or from an SPKI in PEM or DER (AK_FORMAT and the same without AK_SCHEME).
 * The attributes are key_check_ak()'s. The caller owns *out. */
MUST_USE rc key_from_public(
    const struct tpm_public *pub, struct key **out, struct err *e);
MUST_USE rc key_from_spki(struct span bytes, struct key **out, struct err *e);
void key_free(struct key *k);

/* Signature algorithm and hash fixed in the key; 0 for one from an SPKI. */
uint16_t key_scheme(const struct key *k);
uint16_t key_scheme_hash(const struct key *k);

/* "rsa-2048", "ecc-p256": for records and the crypto inventory. */
const char *key_alg_name(const struct key *k);
bool key_alg_known(struct span name);

/* Verify over data. QUOTE_SIG_WEAK for SHA-1, QUOTE_SIG_ALG if it is not the
 * key's scheme, QUOTE_SIGNATURE, CRYPTO. PSS with any salt length. Threads may
 * share k, each with a hasher of its own. */
MUST_USE rc key_verify(const struct key *k, const struct tpm_signature *sig,
    struct span data, struct hasher *h, struct err *e);

#endif

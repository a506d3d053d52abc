/* SPDX-License-Identifier: Apache-2.0 */
/* Software keys in the clothes of a TPM's: public areas and signatures. */
#ifndef AKASHI_TESTS_SOFT_KEY_H
#define AKASHI_TESTS_SOFT_KEY_H

#include "base/json.h"

#include <openssl/evp.h>

/* What a public area says of its key; RSA-2048 or P-256 by the key. */
struct soft_area {
	uint16_t name_alg;
	uint32_t attributes;
	struct span policy;
	bool storage;	 /* AES-128 in CFB mode, as an EK has it */
	uint16_t scheme; /* ALG_NULL: none */
	uint16_t hash;	 /* of the scheme */
};

/* fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, restricted, sign */
#define SOFT_AK_ATTRIBUTES 0x00050072

/* The area of a good AK under this key. */
struct soft_area soft_ak_area(const EVP_PKEY *key, struct span policy);

void soft_put_u16(struct buf *b, unsigned v);
void soft_put_u32(struct buf *b, uint32_t v);
void soft_put_u64(struct buf *b, uint64_t v);
void soft_put_sized(struct buf *b, struct span s); /* a TPM2B */

/* A TPMT_PUBLIC; b->failed where the key is of another kind. */
void soft_put_public(
    struct buf *b, const EVP_PKEY *key, const struct soft_area *area);

/* A TPMT_SIGNATURE over data: RSASSA or ECDSA with SHA-256. */
void soft_put_signature(struct buf *b, EVP_PKEY *key, struct span data);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What a public key is made of, wherever it came from: a TPM's public area, a
 * certificate, an SPKI. Equal keys have equal material. */
#ifndef AKASHI_VERIFY_MATERIAL_H
#define AKASHI_VERIFY_MATERIAL_H

#include "decode/tpm.h"

#include <openssl/x509.h>

enum { MATERIAL_RSA = 512, MATERIAL_COORD = 66 };

/* A kind of key that we know; nothing else becomes a key. */
struct key_kind {
	const char *name;  /* "rsa-2048", "ecc-p256" */
	uint16_t type;	   /* ALG_RSA or ALG_ECC */
	uint16_t bits;	   /* RSA: of the modulus; ECC: of a coordinate */
	uint16_t curve;	   /* CURVE_… */
	const char *group; /* OpenSSL's name of the curve */
	size_t size;	   /* bytes of the modulus or of one coordinate */
};

struct material {
	const struct key_kind *kind;
	uint8_t modulus[MATERIAL_RSA]; /* RSA, exponent 65537 */
	uint8_t x[MATERIAL_COORD];     /* ECC, padded to kind->size */
	uint8_t y[MATERIAL_COORD];
};

/* The kind of a public area; NULL for sizes and curves that are not known. */
const struct key_kind *key_kind_of(const struct tpm_public *pub);
const struct key_kind *key_kind_by_name(struct span name);

/* AK_WEAK for a kind or exponent that is not known, AK_POINT for a modulus
 * that is even or not of its size and for coordinates that are too long. */
MUST_USE rc material_from_public(
    const struct tpm_public *pub, struct material *out);

/* The same from OpenSSL's key; AK_WEAK, AK_POINT, CRYPTO. */
MUST_USE rc material_from_pkey(const EVP_PKEY *pkey, struct material *out);

/* The same from a certificate. */
MUST_USE rc material_from_x509(X509 *x509, struct material *out);

/* An RSA modulus with the structure that Infineon's library gave to its keys
 * (CVE-2017-15361): such a key can be factored. One of 2^27 good keys looks so
 * as well. False for ECC. */
bool material_is_roca(const struct material *m);

bool material_eq(const struct material *a, const struct material *b);

/* The caller owns *out. AK_POINT if the point is not on its curve. */
MUST_USE rc material_to_pkey(const struct material *m, EVP_PKEY **out);

#endif

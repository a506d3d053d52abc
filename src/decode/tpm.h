/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TPM 2.0 structures; the only door to tss2-mu.
 *
 * tss2-mu 3.2 accepts wrong magics, trailing bytes and `safe = 2`, so every
 * decoder here also requires: all bytes consumed, re-marshalling yields the
 * same bytes, and magic and type before anything else is believed.
 * Identifiers of ML-DSA are recognised before tss2-mu refuses them.
 */
#ifndef AKASHI_DECODE_TPM_H
#define AKASHI_DECODE_TPM_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/limits.h"

/* TPM_ALG_ID values (TCG Algorithm Registry); hashes are in base/hash.h. */
enum {
	ALG_RSA = 0x0001,
	ALG_AES = 0x0006,
	ALG_NULL = 0x0010,
	ALG_RSASSA = 0x0014,
	ALG_RSAPSS = 0x0016,
	ALG_ECDSA = 0x0018,
	ALG_ECC = 0x0023,
	ALG_CFB = 0x0043,
};

/* TPM_ECC_CURVE values. */
enum { CURVE_P256 = 3, CURVE_P384 = 4, CURVE_P521 = 5 };

/* TPMA_OBJECT bits (Part 2, 8.3). */
enum {
	ATTR_FIXED_TPM = 1 << 1,
	ATTR_ST_CLEAR = 1 << 2,
	ATTR_FIXED_PARENT = 1 << 4,
	ATTR_SENSITIVE_DATA_ORIGIN = 1 << 5,
	ATTR_USER_WITH_AUTH = 1 << 6,
	ATTR_ADMIN_WITH_POLICY = 1 << 7,
	ATTR_FIRMWARE_LIMITED = 1 << 8,
	ATTR_SVN_LIMITED = 1 << 9,
	ATTR_NO_DA = 1 << 10,
	ATTR_ENCRYPTED_DUPLICATION = 1 << 11,
	ATTR_RESTRICTED = 1 << 16,
	ATTR_DECRYPT = 1 << 17,
	ATTR_SIGN = 1 << 18,
	ATTR_X509_SIGN = 1 << 19,
};

/* Banks in the order of the structure, bit i of mask = PCR i. */
struct pcr_selection {
	uint16_t alg;
	uint32_t mask;
};

struct pcr_selections {
	size_t n;
	struct pcr_selection bank[LIMIT_BANKS];
};

/* A TPMS_ATTEST of type TPM_ST_ATTEST_QUOTE (Part 2, 10.12.12). */
struct tpm_quote {
	struct span
	    signed_bytes;   /* the TPMS_ATTEST: what the signature covers */
	struct span signer; /* qualifiedSigner, a TPM2B_NAME's content */
	struct span extra;  /* extraData: the nonce */
	uint64_t clock;	    /* ms of TPM power-on time */
	uint32_t reset_count;
	uint32_t restart_count;
	bool safe;
	uint64_t firmware;
	struct pcr_selections selection;
	struct span pcr_digest;
};

/* A TPMT_SIGNATURE (Part 2, 11.3.4). */
struct tpm_signature {
	uint16_t alg;  /* ALG_RSASSA, ALG_RSAPSS or ALG_ECDSA */
	uint16_t hash; /* TPM_ALG_ID */
	struct span rsa;
	struct span r, s;
};

/* A TPMT_PUBLIC (Part 2, 12.2.4) of an RSA or ECC key. */
struct tpm_public {
	struct span raw; /* the TPMT_PUBLIC as received: the name covers it */
	uint16_t type;	 /* ALG_RSA or ALG_ECC */
	uint16_t name_alg;
	uint32_t attributes;
	struct span policy;
	uint16_t sym_alg, sym_bits, sym_mode; /* sym_alg ALG_NULL: none */
	uint16_t scheme, scheme_hash;	      /* scheme ALG_NULL: none */
	uint16_t rsa_bits;
	uint32_t exponent; /* as it counts: 65537 where the TPM wrote 0 */
	uint16_t curve;	   /* CURVE_… */
	struct span modulus;
	struct span x, y;
};

/* Decode a quote from a TPMS_ATTEST or a TPM2B_ATTEST (TPM2B if the first two
 * bytes equal length - 2). Spans borrow `bytes` or the arena.
 * QUOTE_MAGIC, QUOTE_TYPE, QUOTE_FORMAT, QUOTE_BANK, QUOTE_SELECTION_EMPTY,
 * QUOTE_SELECTION_DUPLICATE; MEMORY. A bank without PCRs beside others is
 * legal: TPMs answer so for a bank that is not allocated. */
MUST_USE rc tpm_decode_quote(
    struct span bytes, struct arena *a, struct tpm_quote *out, struct err *e);

/* QUOTE_SIG_FORMAT, QUOTE_SIG_ALG (HMAC, ECDAA, NULL …), QUOTE_ML_DSA. */
MUST_USE rc tpm_decode_signature(struct span bytes, struct arena *a,
    struct tpm_signature *out, struct err *e);

/* Decode a public area from a TPM2B_PUBLIC or a TPMT_PUBLIC. Judges nothing
 * about the key. TPM_FORMAT, TPM_ALG, QUOTE_ML_DSA; MEMORY. Callers map the
 * first two to ak. or ek. codes and put "ak." or "ek." before the path. */
MUST_USE rc tpm_decode_public(
    struct span bytes, struct arena *a, struct tpm_public *out, struct err *e);

/* "sha256:0,1,2+sha1:10" (tpm2-tools notation; also "sha256:all" and
 * "sha256:none"); white space at the end is ignored. ENCODING;
 * QUOTE_SELECTION_DUPLICATE; QUOTE_BANK for an unknown bank. */
MUST_USE rc pcr_selections_parse(
    struct span text, struct pcr_selections *out, struct err *e);

/* The same notation back, in the arena. NULL when it is full. */
char *pcr_selections_text(struct arena *a, const struct pcr_selections *sel);

/* Same set of (bank, PCR), in any order of banks; a bank without PCRs adds
 * nothing. */
bool pcr_selections_eq(
    const struct pcr_selections *a, const struct pcr_selections *b);

/* The mask of a bank, 0 if it is not selected. */
uint32_t pcr_selections_mask(const struct pcr_selections *sel, uint16_t alg);

#endif

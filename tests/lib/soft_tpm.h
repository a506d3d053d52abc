/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A software TPM for tests inside one process: EK and AK, PCRs of a recorded
 * boot, a clock, quotes with any fault that a test asks for, credentials.
 * Ends the test (Check) on any failure of its own.
 */
#ifndef AKASHI_TESTS_SOFT_TPM_H
#define AKASHI_TESTS_SOFT_TPM_H

#include "lib/soft_key.h"
#include "verify/key.h"

struct soft_tpm {
	struct arena *a;
	struct hasher *h;
	EVP_PKEY *ek, *ak; /* P-256; ek may be another's */
	bool ek_borrowed;
	struct span ek_public, ak_public; /* TPMT_PUBLIC */
	struct tpm_name ek_name, ak_name, qualified;
	uint64_t clock, firmware;
	uint32_t resets, restarts;
	bool unsafe;
	uint8_t pcr[LIMIT_PCRS][32]; /* SHA-256 bank */
	struct span eventlog;
	struct buf ima;
};

/* New keys; `ek` NULL: an EK of its own. */
void soft_tpm_new(
    struct soft_tpm *t, EVP_PKEY *ek, struct arena *a, struct hasher *h);
void soft_tpm_free(struct soft_tpm *t);

/* Another AK in the same TPM. */
void soft_tpm_new_ak(struct soft_tpm *t);

/* Power cycle into tests/vectors/vm/boots/<boot>: logs and PCRs of it. */
void soft_tpm_boot(struct soft_tpm *t, const char *boot);

/* IMA measures a file of this content: an entry of template ima-sig, PCR 10
 * extended by the hash of its data. */
void soft_tpm_measure(
    struct soft_tpm *t, const char *path, const char *content);

/* What may be wrong with a quote; {0} is a good one over PCR 0 to 15. */
struct soft_quote {
	uint32_t magic;	       /* 0: TPM_GENERATED */
	uint16_t type;	       /* 0: TPM_ST_ATTEST_QUOTE */
	struct span selection; /* TPML_PCR_SELECTION; p == NULL: PCR 0–15 */
	struct span digest;    /* p == NULL: of PCR 0–15 */
	struct span signer;    /* p == NULL: the AK's qualified name */
	struct span tail;      /* bytes after it, signed as well */
	EVP_PKEY *key;	       /* NULL: the AK */
	size_t flip;	       /* bit of the signed bytes + 1, after signing */
	size_t flip_signature; /* bit of the signature + 1 */
};

struct soft_signed {
	struct span attest, signature;
};

/* The clock moves on with every quote. */
struct soft_signed soft_tpm_quote(
    struct soft_tpm *t, struct span nonce, const struct soft_quote *how);

/* TPML_PCR_SELECTION of n banks (SHA-256 each) with these masks. */
struct span soft_selection(struct arena *a, const uint32_t *masks, size_t n);

/* TPM2_ActivateCredential: false where the blob is not for this TPM and AK. */
bool soft_tpm_open(const struct soft_tpm *t, struct span blob,
    struct span secret, struct span *out);

#endif

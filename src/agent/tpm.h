/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's TPM; the only door to ESYS.
 *
 * 1. Every transient object and session is flushed before a function returns,
 *    but for the EK and AK, of which at most one each is loaded: a TPM without
 *    a resource manager has three slots.
 * 2. Nothing is made persistent. The EK comes from its template each time, or
 *    from 0x81010001 where the manufacturer or owner left it.
 * 3. The hierarchies and the AK have empty authorisation values.
 */
#ifndef AKASHI_AGENT_TPM_H
#define AKASHI_AGENT_TPM_H

#include "base/arena.h"
#include "decode/tpm.h"

enum tpm_key { TPM_KEY_RSA, TPM_KEY_ECC, TPM_KEYS };

struct tpm_device;

/* "rsa", "ecc"; and back, TPM_KEYS if it is neither. */
const char *tpm_key_name(enum tpm_key key);
enum tpm_key tpm_key_by_name(const char *name);

/* Connect through a TCTI ("device:/dev/tpmrm0", "swtpm:path=…").
 * AGENT_TPM_MISSING with what to do about it. tpm_close accepts NULL and
 * flushes what is loaded. */
MUST_USE rc tpm_open(const char *tcti, struct tpm_device **out, struct err *e);
void tpm_close(struct tpm_device *t);

/* Load the endorsement key of template L-1 (RSA 2048) or L-2 (P-256) of the
 * EK Credential Profile; *public_area is its TPM2B_PUBLIC. AGENT_TPM. */
MUST_USE rc tpm_load_ek(struct tpm_device *t, enum tpm_key key, struct arena *a,
    struct span *public_area, struct err *e);

/* The EK certificate as it stands in NV, padding included; n == 0 where the
 * TPM has none for this template. AGENT_TPM. */
MUST_USE rc tpm_ek_certificate(struct tpm_device *t, enum tpm_key key,
    struct arena *a, struct span *out, struct err *e);

/* An attestation key as it is kept: it works in this TPM alone. */
struct tpm_ak {
	struct span public_area;  /* TPM2B_PUBLIC */
	struct span private_area; /* TPM2B_PRIVATE, encrypted by the TPM */
};

/* Make a restricted signing key under the loaded EK: RSA 2048 with
 * RSASSA/SHA-256, or P-256 with ECDSA/SHA-256. It is not loaded. */
MUST_USE rc tpm_make_ak(struct tpm_device *t, enum tpm_key key, struct arena *a,
    struct tpm_ak *out, struct err *e);

/* Load it under the loaded EK. AGENT_TPM also when it is another TPM's. */
MUST_USE rc tpm_load_ak(
    struct tpm_device *t, const struct tpm_ak *ak, struct err *e);

/* The loaded AK as a context that this TPM takes back until its next reset:
 * making an EK anew takes seconds on a hardware TPM. */
MUST_USE rc tpm_save_ak(
    struct tpm_device *t, struct arena *a, struct span *context, struct err *e);
MUST_USE rc tpm_restore_ak(
    struct tpm_device *t, struct span context, struct err *e);

/* TPM2_ActivateCredential with the loaded EK and AK: blob and secret are a
 * TPM2B_ID_OBJECT and a TPM2B_ENCRYPTED_SECRET. */
MUST_USE rc tpm_activate(struct tpm_device *t, struct span blob,
    struct span secret, struct arena *a, struct span *out, struct err *e);

struct tpm_evidence {
	struct span attest;    /* TPMS_ATTEST */
	struct span signature; /* TPMT_SIGNATURE */
	uint32_t reset_count, restart_count;
	/* The quoted PCR values in the quote's order; n == 0 if some PCR moved
	 * between quoting and reading, every time it was tried. */
	struct span pcrs;
};

/* Quote with the loaded AK, and read the PCRs until they are those of the
 * quote. AGENT_TPM. */
MUST_USE rc tpm_take_quote(struct tpm_device *t,
    const struct pcr_selections *selection, struct span qualifying,
    struct hasher *h, struct arena *a, struct tpm_evidence *out, struct err *e);

/* Extend one PCR in n banks at once. Digests of banks that the TPM does not
 * have are ignored by it. AGENT_TPM. */
MUST_USE rc tpm_extend(struct tpm_device *t, uint32_t pcr,
    const struct digest *digests, size_t n, struct err *e);

#endif

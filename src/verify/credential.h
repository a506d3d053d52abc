/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_VERIFY_CREDENTIAL_H
#define AKASHI_VERIFY_CREDENTIAL_H

#include "verify/key.h"

struct credential {
	struct span blob;   /* TPM2B_ID_OBJECT, size field included */
	struct span secret; /* TPM2B_ENCRYPTED_SECRET, size field included */
};

/* TPM2_MakeCredential in software (Part 1, 24): only the TPM that holds `ek`
 * and a key named `ak` can recover `secret` (at most the EK's name hash).
 * Works for RSA and ECC (P-256, P-384, P-521) endorsement keys.
 * EK_FORMAT, TPM_ALG, CRYPTO, RANDOM, MEMORY; INTERNAL for a secret that is
 * empty or too long. */
MUST_USE rc credential_make(const struct tpm_public *ek,
    const struct tpm_name *ak, struct span secret, struct hasher *h,
    struct arena *a, struct credential *out, struct err *e);

#endif

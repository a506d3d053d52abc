/* SPDX-License-Identifier: Apache-2.0 */
/* The two halves of credential_make(), apart so that known answers can give
 * what is random in it. */
#ifndef AKASHI_VERIFY_CREDENTIAL_STEPS_H
#define AKASHI_VERIFY_CREDENTIAL_STEPS_H

#include "verify/key.h"

#include <openssl/evp.h>

/* The seed that both sides know, as long as the EK's name hash. */
struct credential_seed {
	size_t n;
	uint8_t b[HASH_MAX];
};

/* TPM2B_ENCRYPTED_SECRET for a chosen seed and an RSA EK (Part 1, annex B.10).
 */
MUST_USE rc credential_share_rsa(const struct tpm_public *ek,
    const struct credential_seed *seed, struct arena *a, struct span *secret);

/* The same for an ECC EK and an ephemeral key on its curve, which yields the
 * seed (Part 1, annex C.6). */
MUST_USE rc credential_share_ecc(const struct tpm_public *ek,
    EVP_PKEY *ephemeral, struct hasher *h, struct arena *a,
    struct credential_seed *seed, struct span *secret);

/* TPM2B_ID_OBJECT for a seed (Part 1, 24). */
MUST_USE rc credential_seal(const struct tpm_public *ek,
    const struct tpm_name *ak, const struct credential_seed *seed,
    struct span secret, struct arena *a, struct span *blob);

#endif

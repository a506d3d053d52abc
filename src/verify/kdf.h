/* SPDX-License-Identifier: Apache-2.0 */
/* The key derivations of TPM 2.0 Part 1, 11.4.10: counter mode of SP 800-108
 * and the concatenation KDF of SP 800-56A. One block is all that a TPM's keys
 * need, so that n, the size of `out`, is at most that of the hash. CRYPTO. */
#ifndef AKASHI_VERIFY_KDF_H
#define AKASHI_VERIFY_KDF_H

#include "base/hash.h"

/* KDFa(alg, key, label, context, {}, 8n). */
MUST_USE rc kdf_a(uint16_t alg, struct span key, const char *label,
    struct span context, uint8_t *out, size_t n);

/* KDFe(alg, z, label, u, v, 8n). */
struct kdf_parties {
	struct span z;
	struct span u;
	struct span v;
};

MUST_USE rc kdf_e(struct hasher *h, uint16_t alg, const struct kdf_parties *in,
    const char *label, uint8_t *out, size_t n);

#endif

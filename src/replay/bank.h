/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_REPLAY_BANK_H
#define AKASHI_REPLAY_BANK_H

#include "base/hash.h"
#include "decode/tpm.h"

/* PCR values of one bank. Bit i of `touched`: PCR i was extended. */
struct bank {
	uint16_t alg;
	uint32_t touched;
	uint8_t pcr[LIMIT_PCRS][HASH_MAX];
};

struct banks {
	size_t n;
	struct bank bank[LIMIT_BANKS];
};

/* A bank at TPM reset: PCR 0–16 and 23 zero, 17–22 0xff…ff, and PCR 0 ending
 * in the startup locality (PTP 1.05, 6.1; PFP 10.4.5.3). */
void bank_init(struct bank *b, uint16_t alg, uint8_t startup_locality);

/* The bank of an algorithm; NULL if there is none. */
struct bank *banks_find(struct banks *b, uint16_t alg);
const struct bank *banks_get(const struct banks *b, uint16_t alg);

/* H_hash over the PCR values in selection order, then by index: what a quote's
 * pcrDigest must be (Part 1, 17.6). False if a selected bank is missing. */
bool banks_composite(const struct banks *b, const struct pcr_selections *sel,
    uint16_t hash, struct hasher *h, uint8_t *out);

/* Split the concatenated PCR values that a node sent along, after they were
 * found to hash to quote->pcr_digest, which authenticates them.
 * QUOTE_PCR_DIGEST. */
MUST_USE rc banks_from_values(struct span values, const struct tpm_quote *quote,
    uint16_t hash, struct hasher *h, struct banks *out, struct err *e);

#endif

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
	struct bank bank[HASH_ALGS]; /* algorithms differ, and are known */
};

/* A bank at TPM reset: PCR 0–16 and 23 zero, 17–22 0xff…ff, and PCR 0 ending
 * in the startup locality (PTP 1.05, 6.1; PFP 10.4.5.3). */
void bank_init(struct bank *b, uint16_t alg, uint8_t startup_locality);

/* How the values of a bank relate to its log. */
enum bank_state {
	BANK_REPLAYS,	 /* equal */
	BANK_UNEXTENDED, /* PCR 0 or 7 has its reset value: the firmware never
			    measured into this bank (CVE-2021-42299) */
	BANK_CAPPED,	 /* the log's values, then one unlogged digest of
			    zeros in PCR 0 to 13, by which firmware closes a
			    bank that the system does not use */
	BANK_DIFFERS,
};

/* What a bank becomes when firmware closes it: one digest of zeros into each
 * of PCR 0 to 13. CRYPTO. */
MUST_USE rc bank_cap(
    const struct bank *b, struct hasher *h, struct bank *capped);

/* Compare the PCRs of mask (bits below LIMIT_PCRS) with what the logs lead to
 * without and with the cap. A bank that is anything but BANK_REPLAYS proves
 * nothing; the name says what to tell people. */
enum bank_state bank_compare(const struct bank *replayed,
    const struct bank *capped, const struct bank *values, uint32_t mask);

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

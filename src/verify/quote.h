/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_VERIFY_QUOTE_H
#define AKASHI_VERIFY_QUOTE_H

#include "base/clock.h"
#include "verify/key.h"

/* Each of these judges one thing about a decoded quote; attest/ calls them in
 * this order and lists each in the verdict. */

/* extraData is exactly the nonce. QUOTE_NONCE. */
MUST_USE rc quote_check_nonce(
    const struct tpm_quote *q, struct span nonce, struct err *e);

/* The quoted selection is exactly the one asked for. QUOTE_SELECTION. */
MUST_USE rc quote_check_selection(const struct tpm_quote *q,
    const struct pcr_selections *asked, struct err *e);

/* pcrDigest has the size of the signing hash. QUOTE_PCR_DIGEST. */
MUST_USE rc quote_check_digest_size(
    const struct tpm_quote *q, uint16_t hash, struct err *e);

/* qualifiedSigner follows from EK and AK. AK_QN. */
MUST_USE rc quote_check_signer(
    const struct tpm_quote *q, const struct tpm_name *qualified, struct err *e);

/* What the verifier remembers of a TPM's clock (Part 1, 36). */
struct tpm_clock {
	bool known;
	uint64_t clock;
	uint32_t reset_count;
	uint32_t restart_count;
	uint64_t firmware; /* the highest seen */
	/* Between these moments the clock had this value (verify/pace.h); 0:
	 * nobody knows. */
	int64_t from, to;
	/* A quote of an older state was seen after this one: there are two
	 * copies, and nobody knows whose the next quote is. */
	bool diverged;
};

/* Counters and clock never go back: (resetCount, restartCount, clock) in this
 * order. *rebooted: counters moved, everything must be sent again.
 * QUOTE_CLOCK_BACK. */
MUST_USE rc quote_check_clock(const struct tpm_quote *q,
    const struct tpm_clock *before, bool *rebooted, struct err *e);

#endif

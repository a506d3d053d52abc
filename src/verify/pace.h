/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a TPM's clock says about when a quote was made.
 *
 * The nonce proves that a quote is not older than its challenge. How long it
 * was held back afterwards is only known to a clock that the node does not
 * control: the TPM's, which counts milliseconds within 15 % of the truth (TPM
 * 2.0 Part 1, 36). From the last quote the verifier knows between which two
 * moments that clock had its value; the same follows for the next quote of the
 * same power cycle.
 *
 * 1. from <= the moment of the quote <= to, by the server's clock, as far as
 *    the TPM's clock keeps its tolerance.
 * 2. The bounds only tighten: a quote that was held back leaves `to` in the
 *    past, so that holding back every quote is seen every time, until the
 *    tolerance has made up for it.
 * 3. Nothing is concluded across a reset or restart.
 */
#ifndef AKASHI_VERIFY_PACE_H
#define AKASHI_VERIFY_PACE_H

#include "verify/quote.h"

enum pace_state {
	PACE_UNKNOWN, /* nothing to compare with */
	PACE_GOOD,    /* the clocks agree; `late` says how old it was */
	PACE_AHEAD,   /* the TPM counted more time than has passed */
	PACE_BEHIND,  /* it counted less than has passed since the challenge */
};

struct pace {
	enum pace_state state;
	int64_t from, to; /* microseconds, server time */
	int64_t late;	  /* at least so long before it arrived */
	int64_t off;	  /* AHEAD, BEHIND: by at least so much */
};

/* Server clocks of one installation differ, and steps of time happen. */
#define PACE_SLACK (60 * TIME_S)

/* `before` NULL or unknown, or of another power cycle: PACE_UNKNOWN, and the
 * bounds are issue and arrival. */
void pace_of(const struct tpm_quote *q, const struct tpm_clock *before,
    int64_t issued, int64_t received, struct pace *out);

#endif

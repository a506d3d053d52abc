/* SPDX-License-Identifier: Apache-2.0 */
/* Quotes of the vectors, and the walk over one as a verifier takes it. */
#ifndef AKASHI_TESTS_WALK_H
#define AKASHI_TESTS_WALK_H

#include "verify/quote.h"

/* What arrived and what was asked for; ak_pub may be PEM. */
struct walk {
	struct span msg, sig, ak_pub, nonce;
	struct span asked; /* tpm2-tools notation */
};

/* negatives/NAME (quote.msg …) below tests/vectors/vm. */
struct walk walk_negative(struct arena *a, const char *name);

/* STEM.{msg,sig,nonce,pcrsel,ak} with ak-KEY.pub beside it; STEM is a path in
 * the source tree. A file that is not there ends the test. */
struct walk walk_boot(struct arena *a, const char *stem);

/* Decode, key rules, signature, nonce, selection and digest size, in this
 * order: the first refusal, or ERR_OK. */
enum err_code walk_judge(const struct walk *w, struct hasher *h);

/* The first n bytes of s (zeros beyond it) in memory of exactly that size, so
 * that AddressSanitizer sees a read past the end. The caller frees it. */
uint8_t *walk_copy(struct span s, size_t n);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence recorded on virtual machines (tests/vectors/vm), as the walk takes
 * it; and policies learned from it. */
#ifndef AKASHI_TESTS_RECORDED_H
#define AKASHI_TESTS_RECORDED_H

#include "attest/attest.h"
#include "base/clock.h"

#define VM "tests/vectors/vm/"

/* 2026-12-01T00:00:00Z, some days after the evidence was recorded. */
#define RECORDED_AT (INT64_C(1796083200) * TIME_S)

struct recorded {
	struct evidence ev;
	struct span nonce;
	struct pcr_selections asked;
	struct span ca; /* PEM; p == NULL: none given */
};

/* tests/vectors/vm/negatives/<name>. Files that must be there end the program
 * where they are not. */
struct recorded recorded_negative(struct arena *a, const char *name);

/* One quote ("quote-sha256-0_15-rsassa") of tests/vectors/vm/boots/<boot>. */
struct recorded recorded_boot(
    struct arena *a, const char *boot, const char *quote);

/* The PCR values of a boot or negative (its path below tests/vectors/vm), in
 * the order of the selection, as a node sends them along. */
struct span recorded_values(
    struct arena *a, const char *below, const struct pcr_selections *selection);

/* The same as banks; `touched` says which PCRs have a value. */
struct banks recorded_pcrs(struct arena *a, const char *below);

/* A file that may be absent: p == NULL. */
struct span recorded_optional(struct arena *a, const char *path);

/* The context that an offline appraisal has. */
struct attest_context recorded_context(
    const struct recorded *r, const struct policy *p);

/* A policy learned from one quote of a golden boot with the allow lists of its
 * image. Ends the program on any error. The caller owns it. */
struct policy *recorded_policy(
    struct hasher *h, const char *boot, const char *quote);

#endif

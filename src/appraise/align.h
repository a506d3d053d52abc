/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which measured event answers which rule.
 *
 * 1. Rules are in order; an event that fits no rule is extra, a rule that
 *    nothing answers is missing unless it is optional, a pair that stands in
 *    the same place and does not fit is changed.
 * 2. An alignment with the least deviations is taken, and among equals always
 *    the same one.
 * 3. Of a group of sequences of rules one is answered, or none if the group is
 *    optional. Deviations are those from the sequence that has the fewest, and
 *    among equals from the one that stands first.
 * 4. Work is bounded: equal heads and tails are walked once, and what is left
 *    between them is compared in at most ALIGN_CELLS pairs. Beyond that all
 *    rules are followed at once, each event in at most ALIGN_FITS places over
 *    the whole; only the first event that fits none of them is named
 *    (ALIGN_LOST).
 */
#ifndef AKASHI_APPRAISE_ALIGN_H
#define AKASHI_APPRAISE_ALIGN_H

#include "base/arena.h"
#include "base/rc.h"

enum { ALIGN_CELLS = 64 * 1024, ALIGN_FITS = 4 * ALIGN_CELLS };

enum align_fit {
	FIT_EXACT, /* the event satisfies the rule */
	FIT_NEAR,  /* the same kind of event with other content */
	FIT_FAR,   /* another kind of event */
};

enum align_op {
	ALIGN_MATCH,   /* event answers rule */
	ALIGN_CHANGED, /* event stands where rule was expected */
	ALIGN_EXTRA,   /* event fits no rule; rule: the next one expected */
	ALIGN_MISSING, /* no event answers rule */
	ALIGN_LOST,    /* event deviates, and the rest was not compared */
};

struct align_step {
	enum align_op op;
	size_t event; /* count of events where there is none */
	size_t rule;  /* count of rules where there is none */
};

/* Rules of which one sequence counts: the first sequence begins at rule
 * `first`, each of the n ends before the rule ends[k], where the next begins.
 * None is empty. */
struct align_group {
	size_t first;
	size_t n;
	const size_t *ends;
	bool optional;
};

struct align_input {
	size_t events;
	size_t rules;
	enum align_fit (*fit)(const void *ctx, size_t event, size_t rule);
	bool (*optional)(const void *ctx, size_t rule);
	bool (*repeat)(const void *ctx, size_t rule);
	const void *ctx;
	/* In order of their rules; none overlap. */
	const struct align_group *groups;
	size_t groups_n;
};

/* Steps in order, in the arena. Optional rules that nothing answers take no
 * step. MEMORY. */
MUST_USE rc align(const struct align_input *in, struct arena *a,
    struct align_step **steps, size_t *n);

#endif

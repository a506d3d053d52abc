/* SPDX-License-Identifier: Apache-2.0 */
/* The events of one PCR beside the rules for them: what eval_boot.c judges and
 * learn.c merges. */
#ifndef AKASHI_APPRAISE_LANE_H
#define AKASHI_APPRAISE_LANE_H

#include "appraise/align.h"
#include "appraise/rules.h"

/* Measured events of a log, sorted into PCRs: indexes into log->events. */
struct lanes {
	const struct evlog *log;
	uint32_t *events[LIMIT_PCRS];
	size_t events_n[LIMIT_PCRS];
};

/* Borrows the log; the lists are in the arena. MEMORY. */
MUST_USE rc lanes_sort(
    const struct evlog *log, struct arena *a, struct lanes *out, struct err *e);

struct lane {
	const struct policy *p;
	const struct lanes *all;
	unsigned pcr;
	const struct pcr_rule *rule;
	/* Banks in which this PCR is quoted and logged, SHA-1 last: indexes
	 * into the policy's and the log's. */
	size_t banks_n;
	size_t bank[LIMIT_BANKS];
	size_t alg[LIMIT_BANKS];
};

/* `all` may have no log (log NULL): then no bank needs to be in it. */
struct lane lane_of(const struct policy *p, const struct lanes *all,
    const struct pcr_selections *quoted, unsigned pcr);

/* The event's type is the rule's, or the rule's is any. */
bool lane_type(const struct evlog_event *ev, const struct event_rule *rule);

/* Index in the log of the i-th event, and the event. */
uint32_t lane_at(const struct lane *l, size_t i);
const struct evlog_event *lane_event(const struct lane *l, size_t i);

/* The alternative of a rule that the event's type and digests satisfy in every
 * bank that it has and that is compared; NULL if none, or nothing compared. */
const struct golden_value *lane_accepted(const struct lane *l,
    const struct evlog_event *ev, const struct event_rule *rule);

/* Align the lane's events with its rules (align.h). MEMORY. */
MUST_USE rc lane_align(const struct lane *l, struct arena *a,
    struct align_step **steps, size_t *n, struct err *e);

#endif

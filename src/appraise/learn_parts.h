/* SPDX-License-Identifier: Apache-2.0 */
/* A policy being learned: learn.c chooses what is judged, learn_boot.c takes
 * the events, learn_ima.c the files. Nobody else includes this. */
#ifndef AKASHI_APPRAISE_LEARN_PARTS_H
#define AKASHI_APPRAISE_LEARN_PARTS_H

#include "appraise/lane.h"
#include "appraise/learn.h"

struct draft {
	struct policy p; /* selection, banks, rules; never shared or freed */
	struct arena *a;
	const struct golden *golden;
	size_t n;
	const struct learn_options *o;
	struct learn_note **tail; /* where the next note goes */
	uint32_t ima_pcrs;	  /* PCRs that the IMA lists name */
};

/* Add a note; dropped when the arena is full. */
void draft_note(struct draft *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The member "source": all golden boots. */
void learn_source(const struct draft *d, struct jw *w);

/* Rules for the PCRs of the selection from all golden boots. */
MUST_USE rc learn_boot(struct draft *d, struct err *e);
void learn_boot_emit(const struct draft *d, struct jw *w);

/* The member "log"; nothing where a golden boot has none. */
void learn_log_emit(struct draft *d, struct jw *w);

void learn_values_emit(const struct draft *d, const char *key,
    const struct golden_value *values, size_t n, struct jw *w);

/* The member "secure_boot"; after learn_boot(). MEMORY, CRYPTO. */
MUST_USE rc learn_sb_emit(struct draft *d, struct jw *w, struct err *e);

/* Judge the golden boots by the document that was learned from them: a note
 * for each reason why they do not pass. */
MUST_USE rc learn_sb_check(struct draft *d, struct span json, struct err *e);

/* The "userspace" member, where every golden boot has the log. */
MUST_USE rc learn_phases_emit(struct draft *d, struct jw *w, struct err *e);

/* PCRs that the lists name, and the "ima" member. */
MUST_USE rc learn_ima_pcrs(struct draft *d, struct err *e);
MUST_USE rc learn_ima_emit(struct draft *d, struct jw *w, struct err *e);

#endif

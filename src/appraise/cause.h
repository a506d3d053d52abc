/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The likely cause of a verdict that did not pass.
 *
 * 1. Chosen by the rules of cause.def alone, in their order: the first whose
 *    subject is among those of the gravest reasons. Same inputs, same cause.
 * 2. A guess for people, never an input to a verdict: it also reads labels
 *    that no digest binds.
 */
#ifndef AKASHI_APPRAISE_CAUSE_H
#define AKASHI_APPRAISE_CAUSE_H

#include "appraise/boot_diff.h"
#include "appraise/policy.h"

enum cause_id {
#define C(ID, name, ...) CAUSE_##ID,
#define N(ID, en, ja, command)
#include "appraise/cause.def"
#undef N
#undef C
	CAUSE_COUNT
};

/* What is known; all but the reasons may be NULL. */
struct cause_facts {
	size_t reasons_n;
	const struct reason *reasons;
	const struct evlog *log;      /* it replays to the quote */
	const struct boot_diff *diff; /* from the last good boot to `log` */
	/* Beside each reason: what it finds was the same in the last good
	 * boot. */
	const bool *as_before;
};

struct cause {
	enum cause_id id;
	uint32_t also; /* 1 << id of what else the reasons tell of */
	size_t reason; /* the first of the gravest that is about it, or 0 */
	/* "6.1.0-56-cloud-amd64", "/usr/bin/ls"; one printable line, "" where
	 * there is none. Never NULL. */
	const char *detail;
};

/* Without reasons, or where no rule fits: CAUSE_UNKNOWN. Texts are in the
 * arena. */
struct cause cause_of(const struct cause_facts *f, struct arena *a);

/* The same for a verdict as the walk leaves it, without a boot to compare
 * with. */
struct cause cause_of_verdict(
    const struct verdict *v, const struct boot_facts *f, struct arena *a);

/* Stable: "kernel.update". lang is "en" or "ja", anything else is English. */
const char *cause_name(enum cause_id id);
const char *cause_title(enum cause_id id, const char *lang);
const char *cause_sentence(enum cause_id id, const char *lang);
const char *cause_rule(enum cause_id id, const char *lang);

/* "kernel update (6.1.0-56-cloud-amd64)": by which verdicts may be grouped. */
const char *cause_line(
    const struct cause *c, const char *lang, struct arena *a);

/* Whom the commands are about; NULL: not known here. Names are valid ones, so
 * that no shell takes offence. */
struct cause_names {
	const char *node, *verdict, *policy;
};

struct cause_step {
	const char *text;    /* when and what for */
	const char *command; /* to copy */
};

enum { CAUSE_STEPS = 6 };

/* What to do next, in order; steps that need a name that is not known are left
 * out. Returns how many. */
size_t cause_steps(enum cause_id id, const struct cause_names *names,
    const char *lang, struct arena *a, struct cause_step out[CAUSE_STEPS]);

/* The step that lifts a node's hold; false if the node is not known here. */
bool cause_step_clear(const struct cause_names *names, const char *lang,
    struct arena *a, struct cause_step *out);

#endif

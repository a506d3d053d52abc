/* SPDX-License-Identifier: Apache-2.0 */
/* What no verdict can show, however good the evidence: told with each one. */
#ifndef AKASHI_APPRAISE_LIMITS_H
#define AKASHI_APPRAISE_LIMITS_H

#include "base/json.h"
#include "verify/rot.h"

struct limit {
	const char *name; /* "limit.relay" */
	unsigned classes; /* bits of enum rot_class */
	const char *en, *ja;
};

/* The i-th limit of this class, in their order; NULL after the last. */
const struct limit *limit_of(enum rot_class rot, size_t i);

/* NULL if there is no such limit. */
const struct limit *limit_by_name(const char *name);

/* lang is "en" or "ja", anything else is English. */
const char *limit_sentence(const struct limit *l, const char *lang);

/* "What this verdict cannot show" */
const char *limits_heading(const char *lang);

/* The member "limits": their names. */
void limits_emit(enum rot_class rot, struct jw *w);

#endif

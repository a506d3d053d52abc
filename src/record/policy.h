/* SPDX-License-Identifier: Apache-2.0 */
/* What both stores ask of a policy's life (store.h). */
#ifndef AKASHI_RECORD_POLICY_H
#define AKASHI_RECORD_POLICY_H

#include "record/store.h"

/* Names of enum policy_step as they are stored. */
extern const char *const policy_steps[STEP_RETIRE + 1];

/* May `who` take this step with this version? *approve: the step approves it
 * (as APPROVE does, and without four eyes whatever puts it in force).
 * POLICY_RETIRED, POLICY_CHANGED, POLICY_OWN, POLICY_UNAPPROVED,
 * POLICY_UNKNOWN. */
MUST_USE rc policy_step_allowed(const struct policy_row *p,
    const struct policy_change *c, const struct principal *who, bool *approve,
    struct err *e);

#endif

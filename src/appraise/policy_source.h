/* SPDX-License-Identifier: Apache-2.0 */
/* Where a rule of a policy is from. */
#ifndef AKASHI_APPRAISE_POLICY_SOURCE_H
#define AKASHI_APPRAISE_POLICY_SOURCE_H

#include "appraise/policy.h"

/* The source that the policy names for a rule as reasons name it
 * ("boot.9.events[3]"), or else for itself; NULL where it names none. Either
 * argument may be NULL. */
const char *policy_source(const struct policy *p, const char *rule);

#endif

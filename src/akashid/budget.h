/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many security events of one cause are kept in an hour: a node that is
 * enrolled, or a source that sends what nobody can place, must not fill the
 * table with bad evidence. What is over the budget is counted.
 *
 * The table has a fixed size; causes that find no place in it share one, so
 * that running out of places never lifts the limit.
 */
#ifndef AKASHI_AKASHID_BUDGET_H
#define AKASHI_AKASHID_BUDGET_H

#include "base/span.h"

struct budget;

/* NULL without memory or randomness. */
struct budget *budget_new(void);
void budget_free(struct budget *b);

/* May one more event of this cause (not empty) be kept at `now` (monotonic)?
 * `per_hour` may come at once, and then as they are earned back. One thread at
 * a time. */
bool budget_take(
    struct budget *b, struct span cause, uint64_t per_hour, int64_t now);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_BASE_CLOCK_H
#define AKASHI_BASE_CLOCK_H

#include "base/rc.h"
#include "base/span.h"

/* A time is an int64_t: microseconds since 1970-01-01T00:00:00Z. */
#define TIME_MS ((int64_t)1000)
#define TIME_S ((int64_t)1000000)

/* Where time comes from, so that tests can set it. */
struct clock {
	int64_t (*now)(const struct clock *c);
	int64_t fixed; /* for clock_fixed */
};

/* The system's real-time clock. */
struct clock clock_system(void);

/* A clock that always says t. */
struct clock clock_fixed(int64_t t);

static inline int64_t
clock_now(const struct clock *c)
{
	return c->now(c);
}

/* Monotonic microseconds for deadlines and durations; never for records. */
int64_t clock_monotonic(void);

enum { TIME_TEXT = 28 };

/* RFC 3339 UTC with microseconds, "2026-11-20T09:00:00.000000Z", into
 * out[TIME_TEXT]; the fraction is left out when it is zero. */
void time_emit(int64_t t, char out[TIME_TEXT]);

/* Accepts that form, with 0 to 6 digits of fraction. ENCODING. */
MUST_USE rc time_parse(struct span text, int64_t *out);

/* "90s", "10m", "24h", "7d" to microseconds; positive. ENCODING. */
MUST_USE rc duration_parse(struct span text, int64_t *out);

#endif

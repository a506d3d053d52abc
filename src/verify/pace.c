/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/pace.h"

/* More than any machine runs; sums of times stay far from overflow. */
#define ELAPSED_MAX (INT64_C(100) * 366 * 86400 * TIME_S)

/* 15 % of the true time is up to 18 % of what the clock counted. */
static int64_t
tolerance(int64_t elapsed)
{
	return elapsed / 5;
}

static int64_t
between(int64_t low, int64_t t, int64_t high)
{
	return t < low ? low : t > high ? high : t;
}

static bool
same_cycle(const struct tpm_quote *q, const struct tpm_clock *before)
{
	return before && before->known && before->to > 0 &&
	       q->reset_count == before->reset_count &&
	       q->restart_count == before->restart_count &&
	       q->clock >= before->clock;
}

static int64_t
elapsed(const struct tpm_quote *q, const struct tpm_clock *before)
{
	uint64_t ms = q->clock - before->clock;

	return ms < (uint64_t)(ELAPSED_MAX / TIME_MS) ? (int64_t)ms * TIME_MS
						      : ELAPSED_MAX;
}

void
pace_of(const struct tpm_quote *q, const struct tpm_clock *before,
    int64_t issued, int64_t received, struct pace *out)
{
	/* Another server's clock may have been ahead when it issued. */
	int64_t start = issued < received ? issued : received;
	struct pace p = {PACE_UNKNOWN, start, received, 0, 0};

	*out = p;
	if (!same_cycle(q, before))
		return;
	int64_t d = elapsed(q, before);
	int64_t low = before->from + d - tolerance(d);
	int64_t high = before->to + d + tolerance(d);
	p.state = PACE_GOOD;
	if (low > received + PACE_SLACK) {
		p.state = PACE_AHEAD;
		p.off = low - received;
	} else if (high < start - PACE_SLACK) {
		p.state = PACE_BEHIND;
		p.off = start - high;
	} else {
		p.from = between(start, low, received);
		p.to = between(start, high, received);
		p.late = received - p.to;
	}
	*out = p;
}

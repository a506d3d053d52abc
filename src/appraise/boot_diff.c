/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/boot_diff.h"

#include "appraise/lane.h"

/* One PCR of both logs; the boot then takes the part of the rules. */
struct pair {
	const struct lanes *then, *now;
	unsigned pcr;
};

static const struct evlog_event *
event(const struct lanes *l, unsigned pcr, size_t i)
{
	return &l->log->events[l->events[pcr][i]];
}

static bool
same_digests(const struct pair *p, const struct evlog_event *then,
    const struct evlog_event *now)
{
	size_t compared = 0;

	for (size_t i = 0; i < p->now->log->algs_n; i++) {
		const struct evlog_alg *alg = &p->now->log->algs[i];
		int k = evlog_alg_index(p->then->log, alg->id);
		const uint8_t *old = k < 0 ? NULL : then->digests[k];
		if (!old || !now->digests[i])
			continue;
		if (memcmp(old, now->digests[i], alg->size) != 0)
			return false;
		compared++;
	}
	return compared > 0;
}

static enum align_fit
fit(const void *ctx, size_t at, size_t rule)
{
	const struct pair *p = ctx;
	const struct evlog_event *now = event(p->now, p->pcr, at);
	const struct evlog_event *then = event(p->then, p->pcr, rule);

	if (now->type != then->type)
		return FIT_FAR;
	return same_digests(p, then, now) ? FIT_EXACT : FIT_NEAR;
}

static bool
never(const void *ctx, size_t rule)
{
	(void)ctx;
	(void)rule;
	return false;
}

static void
put(struct boot_diff *d, const struct pair *p, const struct align_step *s)
{
	struct boot_change c = {.pcr = p->pcr};

	if (s->op == ALIGN_MATCH)
		return;
	d->pcrs |= UINT32_C(1) << p->pcr;
	if (s->op != ALIGN_EXTRA && s->rule < p->then->events_n[p->pcr])
		c.then = event(p->then, p->pcr, s->rule);
	if (s->op != ALIGN_MISSING && s->event < p->now->events_n[p->pcr])
		c.now = event(p->now, p->pcr, s->event);
	if (d->n < BOOT_CHANGES)
		d->change[d->n++] = c;
	else
		d->more++;
}

rc
boot_diff(const struct evlog *then, const struct evlog *now, struct arena *a,
    struct boot_diff *out, struct err *e)
{
	struct lanes t, n;
	struct pair p = {&t, &n, 0};
	struct align_input in = {
	    .fit = fit, .optional = never, .repeat = never, .ctx = &p};

	TRY(lanes_sort(then, a, &t, e));
	TRY(lanes_sort(now, a, &n, e));
	*out = (struct boot_diff){.then = then, .now = now};
	for (p.pcr = 0; p.pcr < LIMIT_PCRS; p.pcr++) {
		struct align_step *steps = NULL;
		size_t count = 0;
		in.events = n.events_n[p.pcr];
		in.rules = t.events_n[p.pcr];
		TRY(align(&in, a, &steps, &count));
		for (size_t i = 0; i < count; i++)
			put(out, &p, &steps[i]);
	}
	return RC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/align.h"

/* Costs of deviations: one change is cheaper than an extra and a missing
 * event together, also where the kinds differ. */
enum { COST_NEAR = 2, COST_FAR = 3, COST_EXTRA = 2, COST_MISSING = 2 };

/* How a cell was reached. */
enum from { FROM_PAIR, FROM_REPEAT, FROM_EVENT, FROM_RULE };

struct middle {
	const struct align_input *in;
	size_t event, rule;   /* where it starts */
	size_t events, rules; /* its extent */
	uint8_t *from;	      /* (events + 1) * (rules + 1) */
};

struct steps {
	struct align_step *p;
	size_t n;
};

static bool
plain(const struct align_input *in, size_t rule)
{
	return !in->optional(in->ctx, rule) && !in->repeat(in->ctx, rule);
}

static bool
exact(const struct align_input *in, size_t event, size_t rule)
{
	return in->fit(in->ctx, event, rule) == FIT_EXACT;
}

static void
step(struct steps *to, enum align_op op, size_t event, size_t rule)
{
	to->p[to->n++] = (struct align_step){op, event, rule};
}

/* --- the middle: least cost ----------------------------------------------- */

static uint32_t
pair_cost(enum align_fit fit)
{
	static const uint32_t cost[] = {0, COST_NEAR, COST_FAR};

	return cost[fit];
}

struct cell {
	uint32_t cost;
	enum from from;
};

static void
better(struct cell *best, uint32_t cost, enum from from)
{
	if (cost < best->cost)
		*best = (struct cell){cost, from};
}

/* The best way to have used i events and j rules; `above` is the row of i - 1
 * events, `row` the one being filled. */
static struct cell
cell(const struct middle *m, size_t i, size_t j, const uint32_t *above,
    const uint32_t *row)
{
	const struct align_input *in = m->in;
	struct cell best = {UINT32_MAX, FROM_PAIR};

	if (i > 0 && j > 0) {
		size_t rule = m->rule + j - 1;
		enum align_fit fit = in->fit(in->ctx, m->event + i - 1, rule);
		better(&best, above[j - 1] + pair_cost(fit), FROM_PAIR);
		if (fit == FIT_EXACT && in->repeat(in->ctx, rule))
			better(&best, above[j], FROM_REPEAT);
	}
	if (j > 0)
		better(&best,
		    row[j - 1] + (in->optional(in->ctx, m->rule + j - 1)
					 ? 0
					 : COST_MISSING),
		    FROM_RULE);
	if (i > 0)
		better(&best, above[j] + COST_EXTRA, FROM_EVENT);
	return best;
}

static rc
fill(struct middle *m, struct arena *a)
{
	size_t width = m->rules + 1;
	uint32_t *row = arena_array(a, width, 2 * sizeof(*row));

	m->from = arena_array(a, m->events + 1, width);
	if (!row || !m->from)
		return (rc){ERR_MEMORY};
	uint32_t *above = row + width;
	for (size_t i = 0; i <= m->events; i++) {
		for (size_t j = 0; j <= m->rules; j++) {
			struct cell c = {0, FROM_PAIR};
			if (i > 0 || j > 0)
				c = cell(m, i, j, above, row);
			row[j] = c.cost;
			m->from[i * width + j] = (uint8_t)c.from;
		}
		uint32_t *swap = above;
		above = row;
		row = swap;
	}
	return RC_OK;
}

/* Walk back from the end; steps come out in reverse order. */
static void
trace(const struct middle *m, struct steps *to)
{
	size_t i = m->events;
	size_t j = m->rules;
	size_t start = to->n;

	while (i > 0 || j > 0) {
		enum from from = (enum from)m->from[i * (m->rules + 1) + j];
		size_t event = m->event + i - 1;
		size_t rule = m->rule + j - 1;
		if (from == FROM_PAIR || from == FROM_REPEAT) {
			step(to,
			    exact(m->in, event, rule) ? ALIGN_MATCH
						      : ALIGN_CHANGED,
			    event, rule);
			i--;
			j -= from == FROM_PAIR;
		} else if (from == FROM_EVENT) {
			step(to, ALIGN_EXTRA, event, m->rule + j);
			i--;
		} else {
			if (!m->in->optional(m->in->ctx, rule))
				step(to, ALIGN_MISSING, m->event + i, rule);
			j--;
		}
	}
	for (size_t k = start, l = to->n; k + 1 < l; k++) {
		struct align_step swap = to->p[k];
		to->p[k] = to->p[--l];
		to->p[l] = swap;
	}
}

/* --- too much to compare -------------------------------------------------- */

/* Each rule takes all it can before the next has its turn; the first event
 * that fits none ends the walk. */
static void
walk(const struct middle *m, struct steps *to)
{
	const struct align_input *in = m->in;
	size_t j = m->rule;
	size_t i = m->event;
	size_t rules = m->rule + m->rules;
	bool taken = false;

	while (i < m->event + m->events) {
		if (j < rules && exact(in, i, j)) {
			step(to, ALIGN_MATCH, i++, j);
			taken = in->repeat(in->ctx, j);
			j += !taken;
		} else if (j < rules && (taken || in->optional(in->ctx, j))) {
			taken = false;
			j++;
		} else {
			step(to, ALIGN_LOST, i, j);
			return;
		}
	}
	for (j += taken; j < rules; j++)
		if (!in->optional(in->ctx, j))
			step(to, ALIGN_MISSING, i, j);
}

rc
align(const struct align_input *in, struct arena *a, struct align_step **steps,
    size_t *n)
{
	struct steps to = {0};
	struct middle m = {.in = in};
	size_t tail = 0;

	to.p = arena_array(a, in->events + in->rules + 1, sizeof(*to.p));
	if (!to.p)
		return (rc){ERR_MEMORY};
	while (m.event < in->events && m.rule < in->rules &&
	       plain(in, m.rule) && exact(in, m.event, m.rule))
		step(&to, ALIGN_MATCH, m.event++, m.rule++);
	while (tail < in->events - m.event && tail < in->rules - m.rule &&
	       plain(in, in->rules - 1 - tail) &&
	       exact(in, in->events - 1 - tail, in->rules - 1 - tail))
		tail++;
	m.events = in->events - m.event - tail;
	m.rules = in->rules - m.rule - tail;
	if ((m.events + 1) <= ALIGN_CELLS / (m.rules + 1)) {
		TRY(fill(&m, a));
		trace(&m, &to);
	} else {
		walk(&m, &to);
	}
	for (size_t k = tail; k > 0; k--)
		step(&to, ALIGN_MATCH, in->events - k, in->rules - k);
	*steps = to.p;
	*n = to.n;
	return RC_OK;
}

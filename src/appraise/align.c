/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/align.h"

/* Costs of deviations: one change is cheaper than an extra and a missing
 * event together, also where the kinds differ. */
enum { COST_NEAR = 2, COST_FAR = 3, COST_EXTRA = 2, COST_MISSING = 2 };

/* Of one call: ALIGN_FITS answers, and some words for each rule. */
#define SCRATCH ((size_t)16 << 20)

/* How a cell was reached. */
enum from { FROM_PAIR, FROM_REPEAT, FROM_EVENT, FROM_RULE, FROM_OTHER };

/* A place between rules: behind one rule, which is reached from the place
 * before it, or where two ways meet. Node 0 is the start; the others come after
 * those that they are reached from. */
struct node {
	bool meeting;
	size_t rule; /* of no use where ways meet */
	uint32_t from, other;
};

struct middle {
	const struct align_input *in;
	size_t event, rule;   /* where it starts */
	size_t events, rules; /* its extent */
	struct node *node;
	size_t nodes;
	uint8_t *from; /* (events + 1) * nodes */
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

/* Steps were found from the end. */
static void
reverse(struct steps *s, size_t start)
{
	for (size_t k = start, l = s->n; k + 1 < l; k++) {
		struct align_step swap = s->p[k];
		s->p[k] = s->p[--l];
		s->p[l] = swap;
	}
}

/* --- places --------------------------------------------------------------- */

static uint32_t
add_node(struct middle *m, struct node n)
{
	m->node[m->nodes] = n;
	return (uint32_t)m->nodes++;
}

static uint32_t
add_rules(struct middle *m, size_t rule, size_t end, uint32_t at)
{
	for (; rule < end; rule++)
		at = add_node(m, (struct node){.rule = rule, .from = at});
	return at;
}

static uint32_t
add_group(struct middle *m, const struct align_group *g, uint32_t at)
{
	uint32_t met = at;
	bool open = g->optional;
	size_t rule = g->first;

	for (size_t k = 0; k < g->n; rule = g->ends[k++]) {
		uint32_t end = add_rules(m, rule, g->ends[k], at);
		if (open || k)
			end = add_node(m, (struct node){.meeting = true,
					      .rule = g->ends[g->n - 1] - 1,
					      .from = k ? met : end,
					      .other = k ? end : at});
		met = end;
	}
	return met;
}

/* All groups lie in the middle: heads and tails end before them. */
static rc
add_nodes(struct middle *m, struct arena *a)
{
	const struct align_input *in = m->in;
	size_t most = m->rules + 1;
	size_t rule = m->rule;
	uint32_t at = 0;

	for (size_t k = 0; k < in->groups_n; k++)
		most += in->groups[k].n;
	m->node = arena_array(a, most, sizeof(*m->node));
	if (!m->node)
		return (rc){ERR_MEMORY};
	m->nodes = 1;
	for (size_t k = 0; k < in->groups_n; k++) {
		const struct align_group *g = &in->groups[k];
		at = add_rules(m, rule, g->first, at);
		at = add_group(m, g, at);
		rule = g->ends[g->n - 1];
	}
	add_rules(m, rule, m->rule + m->rules, at);
	return RC_OK;
}

/* The rule behind a place, as the document has them. */
static size_t
next_rule(const struct middle *m, size_t j)
{
	return j ? m->node[j].rule + 1 : m->rule;
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

static uint32_t
missing_cost(const struct middle *m, const struct node *n)
{
	return m->in->optional(m->in->ctx, n->rule) ? 0 : COST_MISSING;
}

/* The best way to have used i events at place j; `above` is the row of i - 1
 * events, `row` the one being filled. */
static struct cell
cell(const struct middle *m, size_t i, size_t j, const uint32_t *above,
    const uint32_t *row)
{
	const struct align_input *in = m->in;
	const struct node *n = &m->node[j];
	struct cell best = {UINT32_MAX, FROM_PAIR};

	if (n->meeting) {
		better(&best, row[n->from], FROM_RULE);
		better(&best, row[n->other], FROM_OTHER);
		return best;
	}
	if (i > 0 && j > 0) {
		enum align_fit fit =
		    in->fit(in->ctx, m->event + i - 1, n->rule);
		better(&best, above[n->from] + pair_cost(fit), FROM_PAIR);
		if (fit == FIT_EXACT && in->repeat(in->ctx, n->rule))
			better(&best, above[j], FROM_REPEAT);
	}
	if (j > 0)
		better(&best, row[n->from] + missing_cost(m, n), FROM_RULE);
	if (i > 0)
		better(&best, above[j] + COST_EXTRA, FROM_EVENT);
	return best;
}

static rc
fill(struct middle *m, struct arena *a)
{
	size_t width = m->nodes;
	uint32_t *row = arena_array(a, width, 2 * sizeof(*row));

	m->from = arena_array(a, m->events + 1, width);
	if (!row || !m->from)
		return (rc){ERR_MEMORY};
	uint32_t *above = row + width;
	for (size_t i = 0; i <= m->events; i++) {
		for (size_t j = 0; j < width; j++) {
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

static void
miss(const struct middle *m, struct steps *to, size_t event, size_t rule)
{
	if (!m->in->optional(m->in->ctx, rule))
		step(to, ALIGN_MISSING, event, rule);
}

/* Walk back from the end; steps come out in reverse order. */
static void
trace(const struct middle *m, struct steps *to)
{
	size_t i = m->events;
	size_t j = m->nodes - 1;
	size_t start = to->n;

	while (i > 0 || j > 0) {
		enum from from = (enum from)m->from[i * m->nodes + j];
		const struct node *n = &m->node[j];
		size_t event = m->event + i - 1;
		if (from == FROM_EVENT) {
			step(to, ALIGN_EXTRA, event, next_rule(m, j));
			i--;
		} else if (from == FROM_RULE || from == FROM_OTHER) {
			if (!n->meeting)
				miss(m, to, m->event + i, n->rule);
			j = from == FROM_RULE ? n->from : n->other;
		} else {
			step(to,
			    exact(m->in, event, n->rule) ? ALIGN_MATCH
							 : ALIGN_CHANGED,
			    event, n->rule);
			i--;
			j = from == FROM_PAIR ? n->from : j;
		}
	}
	reverse(to, start);
}

/* --- too much to compare: all ways at once -------------------------------- */

/* An event that answered a rule, and what was answered before. */
struct answer {
	uint32_t event, rule, before;
};

/* Ways are numbers of answers; START for none yet, 0 where there is no way. */
enum { START = 1, FIRST_ANSWER = 2 };

struct walk {
	const struct middle *m;
	struct answer *answer;
	size_t answers, fits, most;
	/* By place: how it is reached with as many events as were taken, and
	 * with one less. */
	uint32_t *now, *before;
};

static bool
answered(struct walk *w, size_t event, uint32_t way, size_t rule, uint32_t *out)
{
	if (!way || w->fits == w->most)
		return false;
	w->fits++;
	if (!exact(w->m->in, event, rule))
		return false;
	*out = (uint32_t)w->answers + FIRST_ANSWER;
	w->answer[w->answers++] =
	    (struct answer){(uint32_t)event, (uint32_t)rule, way};
	return true;
}

/* How place j is reached after this event; the places before it are known. */
static uint32_t
reach(struct walk *w, size_t event, size_t j)
{
	const struct align_input *in = w->m->in;
	const struct node *n = &w->m->node[j];
	uint32_t way = 0;

	if (n->meeting)
		return w->now[n->from] ? w->now[n->from] : w->now[n->other];
	if (answered(w, event, w->before[n->from], n->rule, &way))
		return way;
	if (in->repeat(in->ctx, n->rule) &&
	    answered(w, event, w->before[j], n->rule, &way))
		return way;
	return in->optional(in->ctx, n->rule) ? w->now[n->from] : 0;
}

/* What is reached before any event. */
static void
reach_start(struct walk *w)
{
	const struct align_input *in = w->m->in;

	w->now[0] = START;
	for (size_t j = 1; j < w->m->nodes; j++) {
		const struct node *n = &w->m->node[j];
		uint32_t from = w->now[n->from];
		if (n->meeting)
			w->now[j] = from ? from : w->now[n->other];
		else
			w->now[j] = in->optional(in->ctx, n->rule) ? from : 0;
	}
}

/* The furthest place that is reached; SIZE_MAX if there is none. */
static size_t
furthest(const uint32_t *way, size_t nodes)
{
	while (nodes > 0 && !way[nodes - 1])
		nodes--;
	return nodes - 1;
}

static void
take(const struct walk *w, uint32_t way, struct steps *to)
{
	size_t start = to->n;

	while (way >= FIRST_ANSWER) {
		const struct answer *x = &w->answer[way - FIRST_ANSWER];
		step(to, ALIGN_MATCH, x->event, x->rule);
		way = x->before;
	}
	reverse(to, start);
}

/* No events are left: the fewest rules from a place that was reached to the
 * end are missing. */
static void
finish(const struct walk *w, uint32_t *cost, uint8_t *from, struct steps *to)
{
	const struct middle *m = w->m;
	size_t at = m->nodes - 1;

	for (size_t j = 0; j < m->nodes; j++) {
		const struct node *n = &m->node[j];
		struct cell best = {UINT32_MAX, FROM_RULE};
		if (w->now[j])
			best = (struct cell){0, FROM_PAIR};
		else if (j && n->meeting)
			best = cell(m, 0, j, cost, cost);
		else if (j && cost[n->from] != UINT32_MAX)
			better(&best, cost[n->from] + missing_cost(m, n),
			    FROM_RULE);
		cost[j] = best.cost;
		from[j] = (uint8_t)best.from;
	}
	size_t start = to->n;
	while (from[at] != FROM_PAIR) {
		const struct node *n = &m->node[at];
		if (!n->meeting)
			miss(m, to, m->event + m->events, n->rule);
		at = from[at] == FROM_OTHER ? n->other : n->from;
	}
	size_t missing = to->n - start;
	take(w, w->now[at], to);
	/* Answers come first. */
	reverse(to, start);
	reverse(&(struct steps){to->p + start, to->n - start - missing}, 0);
}

static rc
walk(const struct middle *m, struct arena *a, struct steps *to)
{
	struct walk w = {.m = m, .most = ALIGN_FITS};
	uint8_t *from = arena_array(a, m->nodes, sizeof(*from));
	uint32_t *cost = arena_array(a, m->nodes, sizeof(*cost));

	if (m->events < w.most / m->nodes)
		w.most = m->events * m->nodes;
	w.answer = arena_array(a, w.most, sizeof(*w.answer));
	w.now = arena_array(a, m->nodes, sizeof(*w.now));
	w.before = arena_array(a, m->nodes, sizeof(*w.before));
	if (!from || !cost || !w.answer || !w.now || !w.before)
		return (rc){ERR_MEMORY};
	reach_start(&w);
	for (size_t i = 0; i < m->events; i++) {
		uint32_t *swap = w.before;
		w.before = w.now;
		w.now = swap;
		w.now[0] = 0;
		for (size_t j = 1; j < m->nodes; j++)
			w.now[j] = reach(&w, m->event + i, j);
		if (furthest(w.now, m->nodes) != SIZE_MAX)
			continue;
		size_t at = furthest(w.before, m->nodes);
		take(&w, w.before[at], to);
		step(to, ALIGN_LOST, m->event + i, next_rule(m, at));
		return RC_OK;
	}
	finish(&w, cost, from, to);
	return RC_OK;
}

/* --- heads, tails and what is between them -------------------------------- */

static rc
align_middle(struct middle *m, struct arena *scratch, struct steps *to)
{
	TRY(add_nodes(m, scratch));
	if (m->events + 1 > ALIGN_CELLS / m->nodes)
		return walk(m, scratch, to);
	TRY(fill(m, scratch));
	trace(m, to);
	return RC_OK;
}

rc
align(const struct align_input *in, struct arena *a, struct align_step **steps,
    size_t *n)
{
	struct steps to = {0};
	struct middle m = {.in = in};
	struct arena scratch;
	size_t tail = 0;
	/* Outside of these rules there are no groups. */
	size_t first = in->rules;
	size_t last = 0;

	to.p = arena_array(a, in->events + in->rules + 1, sizeof(*to.p));
	if (!to.p)
		return (rc){ERR_MEMORY};
	if (in->groups_n) {
		const struct align_group *g = &in->groups[in->groups_n - 1];
		first = in->groups[0].first;
		last = g->ends[g->n - 1];
	}
	while (m.event < in->events && m.rule < first && plain(in, m.rule) &&
	       exact(in, m.event, m.rule))
		step(&to, ALIGN_MATCH, m.event++, m.rule++);
	size_t rest = in->rules - (last > m.rule ? last : m.rule);
	while (tail < in->events - m.event && tail < rest &&
	       plain(in, in->rules - 1 - tail) &&
	       exact(in, in->events - 1 - tail, in->rules - 1 - tail))
		tail++;
	m.events = in->events - m.event - tail;
	m.rules = in->rules - m.rule - tail;
	arena_init(&scratch, SCRATCH);
	rc r = m.events || m.rules ? align_middle(&m, &scratch, &to) : RC_OK;
	arena_free(&scratch);
	for (size_t k = tail; rc_ok(r) && k > 0; k--)
		step(&to, ALIGN_MATCH, in->events - k, in->rules - k);
	if (rc_ok(r)) {
		*steps = to.p;
		*n = to.n;
	}
	return r;
}

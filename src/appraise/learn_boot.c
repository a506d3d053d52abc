/* SPDX-License-Identifier: Apache-2.0 */
/* Rules from the events of golden boots, merged where the boots differ. */
#include "appraise/learn_parts.h"

/* The rules of one PCR while they grow. */
struct rules {
	struct event_rule *p;
	size_t n;
};

static rc
memory(struct err *e, unsigned pcr)
{
	return err_at(e, ERR_MEMORY, NULL, "boot.%u", pcr);
}

/* --- one event -------------------------------------------------------- */

static struct golden_value
value_of(
    struct draft *d, const struct golden *g, const struct lane *l, size_t event)
{
	const struct evlog_event *ev = lane_event(l, event);
	const char *text = uefi_describe(ev, d->a);
	struct golden_value v = {0};

	for (size_t b = 0; b < l->banks_n; b++)
		v.digest[l->bank[b]] = ev->digests[l->alg[b]];
	v.bound = g->boot.replay->events[lane_at(l, event)].bound != 0;
	v.text = *text ? text : NULL;
	v.source = g->source;
	return v;
}

static struct event_rule
rule_of(
    struct draft *d, const struct golden *g, const struct lane *l, size_t event)
{
	const struct evlog_event *ev = lane_event(l, event);
	struct event_rule r = {.type = ev->type, .n = 1};

	r.layer = layer_by_name(uefi_layer(g->boot.log, ev));
	if (r.layer == layer_of_pcr(ev->pcr))
		r.layer = LAYER_NONE;
	r.accept = arena_alloc(d->a, sizeof(*r.accept));
	if (r.accept)
		*r.accept = value_of(d, g, l, event);
	return r;
}

static bool
add_value(struct draft *d, struct event_rule *r, struct golden_value v)
{
	struct golden_value *more = arena_array(d->a, r->n + 1, sizeof(*more));

	for (size_t i = 0; more && i < r->n; i++)
		more[i] = r->accept[i];
	if (!more)
		return false;
	more[r->n++] = v;
	r->accept = more;
	return true;
}

/* --- another boot ----------------------------------------------------- */

static const char *
text_of(const struct event_rule *r)
{
	const char *type = evlog_type_name(r->type);

	if (r->n && r->accept[0].text)
		return r->accept[0].text;
	return type ? type : "an event";
}

/* A golden event matched: its data must hash in every boot to be bound. */
static void
keep_bound(struct draft *d, const struct golden *g, const struct lane *l,
    size_t event, struct event_rule *r)
{
	const struct golden_value *hit =
	    lane_accepted(l, lane_event(l, event), r);

	for (size_t i = 0; i < r->n; i++)
		if (hit == &r->accept[i] && hit->bound &&
		    !g->boot.replay->events[lane_at(l, event)].bound) {
			r->accept[i].bound = false;
			draft_note(d,
			    "PCR %u: the data of \"%.80s\" hashes to its "
			    "digest in some boots only; it is not bound.",
			    l->pcr, text_of(r));
		}
}

static bool
merge_changed(struct draft *d, const struct golden *g, const struct lane *l,
    const struct align_step *step, struct rules *to)
{
	struct event_rule *old = &to->p[to->n++];
	const struct evlog_event *ev = lane_event(l, step->event);

	*old = l->rule->events[step->rule];
	draft_note(d,
	    "PCR %u, event %u of %s differs from the other boots' "
	    "\"%.80s\"; both are accepted.",
	    l->pcr, ev->index, g->source ? g->source : "?", text_of(old));
	struct golden_value v = value_of(d, g, l, step->event);
	v.typed = ev->type != old->type;
	v.type = ev->type;
	return add_value(d, old, v);
}

static bool
merge_step(struct draft *d, const struct golden *g, const struct lane *l,
    const struct align_step *step, struct rules *to)
{
	if (step->op == ALIGN_CHANGED)
		return merge_changed(d, g, l, step, to);
	struct event_rule *r = &to->p[to->n++];
	if (step->op == ALIGN_MATCH) {
		*r = l->rule->events[step->rule];
		keep_bound(d, g, l, step->event, r);
		return true;
	}
	if (step->op == ALIGN_EXTRA)
		*r = rule_of(d, g, l, step->event);
	else
		*r = l->rule->events[step->rule];
	r->optional = true;
	draft_note(d,
	    "PCR %u: \"%.80s\" was measured in some boots only; it "
	    "became optional.",
	    l->pcr, text_of(r));
	return r->accept != NULL;
}

/* Rules that no step names are optional ones that this boot did not need. */
static rc
merge_pcr(struct draft *d, const struct golden *g, const struct lane *l,
    struct err *e)
{
	struct pcr_rule *rule = &d->p.pcr[l->pcr];
	struct align_step *steps = NULL;
	struct rules to = {0};
	size_t n = 0;
	size_t next = 0;

	TRY(lane_align(l, d->a, &steps, &n, e));
	to.p = arena_array(d->a, 2 * (n + rule->n) + 1, sizeof(*to.p));
	if (!to.p)
		return memory(e, l->pcr);
	for (size_t i = 0; i < n; i++) {
		if (steps[i].op == ALIGN_LOST)
			return err_at(e, ERR_POLICY_FORMAT,
			    "The golden boots have too little in common.",
			    "boot.%u", l->pcr);
		bool repeated =
		    steps[i].op == ALIGN_MATCH && steps[i].rule < next;
		while (next < steps[i].rule && next < rule->n)
			to.p[to.n++] = rule->events[next++];
		if (!repeated && !merge_step(d, g, l, &steps[i], &to))
			return memory(e, l->pcr);
		if (steps[i].op != ALIGN_EXTRA)
			next = steps[i].rule + 1;
	}
	while (next < rule->n)
		to.p[to.n++] = rule->events[next++];
	rule->events = to.p;
	rule->n = to.n;
	return RC_OK;
}

static rc
first_boot(struct draft *d, const struct golden *g, const struct lane *l,
    struct err *e)
{
	struct pcr_rule *rule = &d->p.pcr[l->pcr];
	size_t n = l->all->events_n[l->pcr];

	rule->kind = PCR_EVENTS;
	rule->events = arena_array(d->a, n, sizeof(*rule->events));
	if (!rule->events)
		return memory(e, l->pcr);
	for (size_t i = 0; i < n; i++) {
		rule->events[i] = rule_of(d, g, l, i);
		if (!rule->events[i].accept)
			return memory(e, l->pcr);
	}
	rule->n = n;
	return RC_OK;
}

/* --- without a log ---------------------------------------------------- */

static rc
learn_value(struct draft *d, const struct golden *g, const struct lane *l,
    struct err *e)
{
	struct pcr_rule *rule = &d->p.pcr[l->pcr];
	struct event_rule grow = {.n = rule->n, .accept = rule->values};
	struct golden_value v = {.source = g->source};
	bool known = false;

	for (size_t b = 0; b < l->banks_n; b++) {
		const struct bank *have =
		    banks_get(g->boot.values, d->p.banks[l->bank[b]]->id);
		if (have)
			v.digest[l->bank[b]] = have->pcr[l->pcr];
	}
	for (size_t i = 0; i < rule->n && !known; i++) {
		size_t same = 0;
		for (size_t b = 0; b < l->banks_n; b++)
			same += v.digest[l->bank[b]] &&
				memcmp(v.digest[l->bank[b]],
				    rule->values[i].digest[l->bank[b]],
				    d->p.banks[l->bank[b]]->size) == 0;
		known = same == l->banks_n;
	}
	rule->kind = PCR_VALUES;
	if (!known && !add_value(d, &grow, v))
		return memory(e, l->pcr);
	rule->values = grow.accept;
	rule->n = grow.n;
	return RC_OK;
}

/* --- all of it -------------------------------------------------------- */

static rc
learn_one(struct draft *d, size_t i, bool logs, struct err *e)
{
	const struct golden *g = &d->golden[i];
	struct lanes lanes = {0};

	if (logs)
		TRY(lanes_sort(g->boot.log, d->a, &lanes, e));
	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
		if (!(policy_pcrs(&d->p) & ~d->ima_pcrs & 1u << pcr))
			continue;
		struct lane l = lane_of(&d->p, &lanes, &d->p.selection, pcr);
		if (!logs)
			TRY(learn_value(d, g, &l, e));
		else if (i == 0)
			TRY(first_boot(d, g, &l, e));
		else
			TRY(merge_pcr(d, g, &l, e));
	}
	return RC_OK;
}

rc
learn_boot(struct draft *d, struct err *e)
{
	bool logs = true;

	for (size_t i = 0; i < d->n; i++)
		logs = logs && d->golden[i].boot.log;
	if (!logs)
		draft_note(d, "WARNING: without a boot log the PCR values "
			      "themselves are pinned; any update of firmware, "
			      "boot loader or kernel changes them.");
	for (size_t i = 0; i < d->n; i++)
		TRY(learn_one(d, i, logs, e));
	return RC_OK;
}

static void
emit_type(uint32_t type, struct jw *w)
{
	const char *name = evlog_type_name(type);

	if (name)
		jw_kstr(w, "type", name);
	else
		jw_ku64(w, "type", type);
}

/* What all golden boots share has the source of its PCR. */
static void
emit_value(const struct draft *d, const struct golden_value *v, bool shared,
    struct jw *w)
{
	jw_object(w);
	for (size_t b = 0; b < d->p.banks_n; b++)
		if (v->digest[b])
			jw_khex(w, d->p.banks[b]->name,
			    span_of(v->digest[b], d->p.banks[b]->size));
	if (v->typed)
		emit_type(v->type, w);
	if (v->bound)
		jw_kbool(w, "bound", true);
	if (v->text)
		jw_kstr(w, "text", v->text);
	if (v->source && !shared)
		jw_kstr(w, "source", v->source);
	jw_object_end(w);
}

static void
emit_values(const struct draft *d, const char *key,
    const struct golden_value *values, size_t n, bool shared, struct jw *w)
{
	jw_key(w, key);
	jw_array(w);
	for (size_t i = 0; i < n; i++)
		emit_value(d, &values[i], shared, w);
	jw_array_end(w);
}

void
learn_values_emit(const struct draft *d, const char *key,
    const struct golden_value *values, size_t n, struct jw *w)
{
	emit_values(d, key, values, n, false, w);
}

static void
emit_rule(const struct draft *d, const struct event_rule *r, struct jw *w)
{
	jw_object(w);
	emit_type(r->type, w);
	if (r->layer != LAYER_NONE)
		jw_kstr(w, "layer", layer_name(r->layer));
	if (r->optional)
		jw_kbool(w, "optional", true);
	emit_values(d, "accept", r->accept, r->n,
	    d->n == 1 || (r->n == 1 && !r->optional), w);
	jw_object_end(w);
}

void
learn_boot_emit(const struct draft *d, struct jw *w)
{
	jw_key(w, "boot");
	jw_object(w);
	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
		const struct pcr_rule *rule = &d->p.pcr[pcr];
		char key[12];
		if (rule->kind == PCR_UNRULED)
			continue;
		policy_number(key, pcr);
		jw_key(w, key);
		jw_object(w);
		if (rule->kind == PCR_VALUES)
			emit_values(d, "values", rule->values, rule->n,
			    rule->n == 1, w);
		if (rule->kind == PCR_EVENTS) {
			jw_key(w, "events");
			jw_array(w);
			for (size_t i = 0; i < rule->n; i++)
				emit_rule(d, &rule->events[i], w);
			jw_array_end(w);
		}
		learn_source(d, w);
		jw_object_end(w);
	}
	jw_object_end(w);
}

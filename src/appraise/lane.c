/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/lane.h"

rc
lanes_sort(
    const struct evlog *log, struct arena *a, struct lanes *out, struct err *e)
{
	struct lanes got = {.log = log};
	size_t count[LIMIT_PCRS] = {0};

	for (size_t i = 0; i < log->events_n; i++)
		if (evlog_extended(&log->events[i]) &&
		    log->events[i].pcr < LIMIT_PCRS)
			count[log->events[i].pcr]++;
	for (unsigned k = 0; k < LIMIT_PCRS; k++) {
		got.events[k] = arena_array(a, count[k], sizeof(uint32_t));
		if (!got.events[k])
			return err_at(e, ERR_MEMORY, NULL, "eventlog");
	}
	for (size_t i = 0; i < log->events_n; i++) {
		unsigned k = log->events[i].pcr;
		if (evlog_extended(&log->events[i]) && k < LIMIT_PCRS)
			got.events[k][got.events_n[k]++] = (uint32_t)i;
	}
	*out = got;
	return RC_OK;
}

struct lane
lane_of(const struct policy *p, const struct lanes *all,
    const struct pcr_selections *quoted, unsigned pcr)
{
	struct lane l = {.p = p, .all = all, .pcr = pcr, .rule = &p->pcr[pcr]};

	for (int sha1 = 0; sha1 < 2; sha1++)
		for (size_t i = 0; i < p->banks_n; i++) {
			uint16_t alg = p->banks[i]->id;
			int at = all->log ? evlog_alg_index(all->log, alg) : 0;
			if ((sha1 == 1) != (alg == ALG_SHA1) || at < 0 ||
			    !(pcr_selections_mask(quoted, alg) & 1u << pcr))
				continue;
			l.bank[l.banks_n] = i;
			l.alg[l.banks_n++] = (size_t)at;
		}
	return l;
}

uint32_t
lane_at(const struct lane *l, size_t i)
{
	return l->all->events[l->pcr][i];
}

const struct evlog_event *
lane_event(const struct lane *l, size_t i)
{
	return &l->all->log->events[lane_at(l, i)];
}

static bool
satisfies(const struct lane *l, const struct evlog_event *ev,
    const struct golden_value *value)
{
	size_t compared = 0;

	for (size_t b = 0; b < l->banks_n; b++) {
		const uint8_t *want = value->digest[l->bank[b]];
		const uint8_t *got = ev->digests[l->alg[b]];
		size_t n = l->p->banks[l->bank[b]]->size;
		if (!want)
			continue;
		if (!got || memcmp(want, got, n) != 0)
			return false;
		compared++;
	}
	return compared > 0;
}

bool
lane_type(const struct evlog_event *ev, const struct event_rule *rule)
{
	return rule->any_type || ev->type == rule->type;
}

const struct golden_value *
lane_accepted(const struct lane *l, const struct evlog_event *ev,
    const struct event_rule *rule)
{
	for (size_t i = 0; i < rule->n; i++) {
		const struct golden_value *v = &rule->accept[i];
		if ((v->typed ? ev->type == v->type : lane_type(ev, rule)) &&
		    satisfies(l, ev, v))
			return v;
	}
	return NULL;
}

/* Does the event's string or variable begin as the rule's text does, up to the
 * mark that ends its name? Only to tell which of several changed: nothing is
 * accepted by it. */
static bool
same_prefix(const struct evlog_event *ev, const char *text)
{
	const char *colon = strchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) + 1 : 0;

	return n == 0 || (ev->data.n >= n && memcmp(ev->data.p, text, n) == 0);
}

static bool
same_name(const struct evlog_event *ev, const char *text)
{
	const char *end = strstr(text, " = ");
	size_t n = end ? (size_t)(end - text) : 0;
	struct uefi_variable var;

	if (n == 0 || !uefi_variable_decode(ev, &var) || var.name.n != 2 * n)
		return n == 0;
	for (size_t i = 0; i < n; i++)
		if (var.name.p[2 * i] != (uint8_t)text[i] ||
		    var.name.p[2 * i + 1] != 0)
			return false;
	return true;
}

static bool
same_kind(const struct evlog_event *ev, const struct event_rule *r)
{
	const char *text = r->accept[0].text;

	if (!lane_type(ev, r) || r->any_type)
		return false;
	if (!text)
		return true;
	if (ev->type == EV_IPL)
		return same_prefix(ev, text);
	return !uefi_is_variable(ev) || same_name(ev, text);
}

static enum align_fit
fit(const void *ctx, size_t event, size_t rule)
{
	const struct lane *l = ctx;
	const struct evlog_event *ev = lane_event(l, event);
	const struct event_rule *r = &l->rule->events[rule];

	if (lane_accepted(l, ev, r))
		return FIT_EXACT;
	return same_kind(ev, r) ? FIT_NEAR : FIT_FAR;
}

static bool
optional(const void *ctx, size_t rule)
{
	const struct lane *l = ctx;

	return l->rule->events[rule].optional;
}

static bool
repeat(const void *ctx, size_t rule)
{
	const struct lane *l = ctx;

	return l->rule->events[rule].repeat;
}

rc
lane_align(const struct lane *l, struct arena *a, struct align_step **steps,
    size_t *n, struct err *e)
{
	struct align_input in = {
	    .events = l->all->events_n[l->pcr],
	    .rules = l->rule->n,
	    .fit = fit,
	    .optional = optional,
	    .repeat = repeat,
	    .ctx = l,
	    .groups = l->rule->groups,
	    .groups_n = l->rule->groups_n,
	};
	rc r = align(&in, a, steps, n);

	return rc_ok(r) ? r : err_at(e, r.code, NULL, "boot.%u", l->pcr);
}

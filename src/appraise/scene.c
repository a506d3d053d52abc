/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/scene.h"

#include "base/text.h"

void
scene_violate_as(
    struct scene *s, const struct reason *r, enum err_effect effect)
{
	if (effect_fails(verdict_add(s->v, r, effect)))
		s->violated = true;
}

void
scene_violate(struct scene *s, const struct reason *r)
{
	scene_violate_as(s, r, r->effect);
}

const struct banks *
scene_banks(const struct scene *s, unsigned pcr)
{
	return userspace_explains(s, pcr) ? &s->f->userspace.match->pcrs
					  : &s->f->replay->banks;
}

bool
scene_logged(const struct scene *s, unsigned pcr)
{
	static const struct lanes none = {0};
	struct lane l = lane_of(s->p, &none, s->f->quoted, pcr);
	const struct banks *banks = scene_banks(s, pcr);

	for (size_t b = 0; b < l.banks_n; b++) {
		const struct hash_alg *alg = s->p->banks[l.bank[b]];
		const struct bank *quote =
		    s->f->values ? banks_get(s->f->values, alg->id) : NULL;
		const struct bank *log = banks_get(banks, alg->id);
		if (!quote || !log ||
		    memcmp(quote->pcr[pcr], log->pcr[pcr], alg->size) != 0)
			return false;
	}
	return l.banks_n > 0;
}

void
scene_severity(struct reason *r, const struct event_rule *rule)
{
	r->by_rule = rule->severity.given;
	if (r->by_rule)
		r->effect = rule->severity.effect;
}

bool
scene_separator(const struct scene *s, uint32_t at)
{
	const struct evlog_event *ev = &s->f->log->events[at];
	unsigned bound = s->f->replay->events[at].bound;

	return ev->type == EV_SEPARATOR && bound &&
	       uefi_separator(ev, bound) != SEPARATOR_OTHER;
}

bool
scene_full(struct scene *s, enum err_code code)
{
	if (!verdict_full(s->v, code, EFF_NONE))
		return false;
	s->v->reasons_dropped++;
	s->violated = true;
	return true;
}

const char *
text_of_type(struct arena *a, uint32_t type)
{
	const char *name = evlog_type_name(type);

	return name ? name : arena_printf(a, "0x%08x", type);
}

const char *
text_of_rule_type(struct arena *a, const struct event_rule *rule)
{
	return rule->any_type ? "*" : text_of_type(a, rule->type);
}

const char *
text_of_digest(
    struct arena *a, const struct hash_alg *alg, const uint8_t *digest)
{
	char hex[2 * HASH_MAX + 1];

	hex_emit(span_of(digest, alg->size), hex);
	return arena_printf(a, "%s:%s", alg->name, hex);
}

static const char *
or_empty(const char *s)
{
	return s ? s : "";
}

const char *
text_joined(struct arena *a, const char *text, const char *digest)
{
	bool both = *or_empty(text) && *or_empty(digest);

	return arena_printf(
	    a, "%s%s%s", or_empty(text), both ? " " : "", or_empty(digest));
}

const char *
text_of_values(const struct scene *s, const struct golden_value *values,
    size_t n, int bank)
{
	enum { SHOWN = 3 };
	const char *out = NULL;

	for (size_t i = 0; i < n && i < SHOWN; i++) {
		const char *digest = NULL;
		if (bank >= 0 && values[i].digest[bank])
			digest = text_of_digest(
			    s->a, s->p->banks[bank], values[i].digest[bank]);
		const char *one = text_joined(s->a, values[i].text, digest);
		out = out ? arena_printf(s->a, "%s | %s", out, or_empty(one))
			  : one;
	}
	if (n > SHOWN)
		out = arena_printf(
		    s->a, "%s | … (%zu more)", or_empty(out), n - SHOWN);
	return out;
}

/* The digest in the first bank that is quoted, SHA-1 last. A log that is
 * refused is so without any policy, and nothing waives that. */
static void
name_digest(
    const struct scene *s, const struct evlog_event *ev, struct reason *r)
{
	if (!s->p)
		return;
	struct lane l = lane_of(s->p, &s->lanes, s->f->quoted, ev->pcr);
	if (!l.banks_n)
		return;
	r->digest = ev->digests[l.alg[0]];
	r->digest_alg = s->p->banks[l.bank[0]]->id;
}

struct reason
scene_reason(const struct scene *s, enum err_code code,
    const struct evlog_event *ev, const struct event_rule *rule)
{
	struct reason r = REASON(code, LAYER_NONE);

	r.layer = rule && rule->layer != LAYER_NONE
		      ? rule->layer
		      : layer_by_name(uefi_layer(s->f->log, ev));
	if (r.layer == LAYER_NONE)
		r.layer = layer_of_pcr(ev->pcr);
	r.path = arena_printf(s->a, "eventlog.events[%u]", ev->index);
	r.pcr = (int)ev->pcr;
	r.event = ev->index;
	r.event_type = text_of_type(s->a, ev->type);
	if (rule)
		scene_severity(&r, rule);
	name_digest(s, ev, &r);
	return r;
}

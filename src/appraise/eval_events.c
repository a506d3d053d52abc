/* SPDX-License-Identifier: Apache-2.0 */
/* The events of one PCR against its rules: one reason per deviation. */
#include "appraise/scene.h"

static const char *
or_empty(const char *s)
{
	return s ? s : "";
}

static const char *
rule_path(const struct scene *s, const struct lane *l, size_t rule)
{
	return arena_printf(
	    s->a, "boot.%u.%s", l->pcr, l->rule->events[rule].where);
}

/* Two long texts that begin alike are shown from where they part: the prefix
 * up to its colon, "…", the word in which they differ and what follows. */
enum { TEXT_SHOWN = 100, TEXT_BEFORE = 24 };

static const char *
shortened(struct arena *a, const char *text, size_t same)
{
	const char *colon = strstr(text, ": ");
	size_t head = colon ? (size_t)(colon - text) + 2 : 0;
	size_t from = same > TEXT_BEFORE ? same - TEXT_BEFORE : 0;

	while (from > head && text[from - 1] != ' ')
		from--;
	/* Never begin inside a UTF-8 character. */
	while (from > 0 && ((unsigned char)text[from] & 0xc0) == 0x80)
		from--;
	size_t end = strlen(text);
	if (end - from > TEXT_SHOWN) {
		end = from + TEXT_SHOWN;
		while (((unsigned char)text[end] & 0xc0) == 0x80)
			end--;
	}
	if (from <= head || same < head)
		return text;
	return arena_printf(a, "%.*s… %.*s%s", (int)head, text,
	    (int)(end - from), text + from, text[end] ? "…" : "");
}

static void
shorten(struct arena *a, struct reason *r)
{
	size_t same = 0;

	if (!r->expected || !r->found || strlen(r->found) <= TEXT_SHOWN)
		return;
	while (r->expected[same] && r->expected[same] == r->found[same])
		same++;
	const char *expected = shortened(a, r->expected, same);
	const char *found = shortened(a, r->found, same);
	if (expected && found && expected != r->expected && found != r->found) {
		r->expected = expected;
		r->found = found;
	}
}

/* Texts alone where the event's text is bound and differs; with digests where
 * it is only a label or says the same. */
static void
compare_texts(const struct scene *s, const struct lane *l, size_t event,
    const struct event_rule *rule, struct reason *r)
{
	const struct evlog_event *ev = lane_event(l, event);
	bool bound = s->f->replay->events[lane_at(l, event)].bound != 0;
	const char *label = uefi_describe(ev, s->a);
	const char *want = rule && rule->n ? rule->accept[0].text : NULL;
	bool same_type = rule && lane_type(ev, rule);
	bool plain =
	    same_type && bound && *label && want && strcmp(label, want) != 0;
	const uint8_t *digest = l->banks_n ? ev->digests[l->alg[0]] : NULL;
	int bank = l->banks_n ? (int)l->bank[0] : -1;

	if (!plain && digest)
		label = text_joined(s->a, label,
		    text_of_digest(s->a, s->p->banks[bank], digest));
	r->found = label;
	if (!rule)
		return;
	r->expected =
	    text_of_values(s, rule->accept, rule->n, plain ? -1 : bank);
	if (plain && rule->n == 1)
		shorten(s->a, r);
	if (same_type)
		return;
	r->expected = arena_printf(s->a, "%s: %s",
	    or_empty(text_of_rule_type(s->a, rule)), or_empty(r->expected));
	r->found = arena_printf(s->a, "%s: %s",
	    or_empty(text_of_type(s->a, ev->type)), or_empty(r->found));
}

static void
report_event(struct scene *s, const struct lane *l,
    const struct align_step *step, enum err_code code)
{
	const struct evlog_event *ev = lane_event(l, step->event);
	bool there = step->rule < l->rule->n && code != ERR_BOOT_EVENT_UNKNOWN;
	const struct event_rule *er =
	    there ? &l->rule->events[step->rule] : NULL;
	struct reason r = REASON(code, LAYER_NONE);

	if (scene_full(s, code))
		return;
	r = scene_reason(s, code, ev, er);
	if (step->op == ALIGN_LOST)
		r.message = "The PCR's events differ from here on; so many "
			    "follow that they were not compared.";
	r.rule = there ? rule_path(s, l, step->rule)
		       : arena_printf(s->a, "boot.%u", l->pcr);
	compare_texts(s, l, step->event, er, &r);
	scene_violate(s, &r);
}

static void
report_missing(struct scene *s, const struct lane *l, size_t rule)
{
	const struct event_rule *er = &l->rule->events[rule];
	struct reason r = REASON(ERR_BOOT_EVENT_MISSING, layer_of_pcr(l->pcr));

	if (scene_full(s, ERR_BOOT_EVENT_MISSING))
		return;
	if (er->layer != LAYER_NONE)
		r.layer = er->layer;
	scene_severity(&r, er);
	r.path = "eventlog.events";
	r.pcr = (int)l->pcr;
	r.event_type = text_of_rule_type(s->a, er);
	r.rule = rule_path(s, l, rule);
	r.expected = text_of_values(
	    s, er->accept, er->n, l->banks_n ? (int)l->bank[0] : -1);
	scene_violate(s, &r);
}

/* A duplicate or missing separator was reported by its own code. */
static bool
told_already(
    const struct scene *s, const struct lane *l, const struct align_step *step)
{
	if (!(s->bad_separator & 1u << l->pcr))
		return false;
	if (step->op == ALIGN_MISSING)
		return l->rule->events[step->rule].type == EV_SEPARATOR;
	return lane_event(l, step->event)->type == EV_SEPARATOR;
}

/* The digest is golden, but do the words beside it still belong to it? */
static void
check_bound(
    struct scene *s, const struct lane *l, const struct align_step *step)
{
	const struct golden_value *value = lane_accepted(
	    l, lane_event(l, step->event), &l->rule->events[step->rule]);

	if (value && value->bound &&
	    !s->f->replay->events[lane_at(l, step->event)].bound)
		report_event(s, l, step, ERR_LOG_DIGEST_DATA);
}

static void
report_step(
    struct scene *s, const struct lane *l, const struct align_step *step)
{
	if (step->op == ALIGN_MATCH) {
		check_bound(s, l, step);
		return;
	}
	if (told_already(s, l, step))
		return;
	if (step->op == ALIGN_MISSING)
		report_missing(s, l, step->rule);
	else if (step->op == ALIGN_EXTRA || step->rule >= l->rule->n)
		report_event(s, l, step, ERR_BOOT_EVENT_UNKNOWN);
	else
		report_event(s, l, step, ERR_BOOT_EVENT_CHANGED);
}

/* What was extended after the log ended stands in no event: the value must
 * follow from the log alone, or from judged records of the userspace log. */
static void
check_unlogged(struct scene *s, const struct lane *l)
{
	const struct banks *banks = scene_banks(s, l->pcr);

	for (size_t b = 0; b < l->banks_n; b++) {
		const struct hash_alg *alg = s->p->banks[l->bank[b]];
		const struct bank *quote = banks_get(s->f->values, alg->id);
		const struct bank *log = banks_get(banks, alg->id);
		if (quote && log &&
		    memcmp(quote->pcr[l->pcr], log->pcr[l->pcr], alg->size) ==
			0)
			continue;
		struct reason r =
		    REASON(ERR_BOOT_EVENT_UNKNOWN, layer_of_pcr(l->pcr));
		r.message = "The PCR holds more than the boot log says: it was "
			    "extended by something that no log here names.";
		r.pcr = (int)l->pcr;
		r.path = arena_printf(s->a, "pcrs.%s[%u]", alg->name, l->pcr);
		r.rule = arena_printf(s->a, "boot.%u.events", l->pcr);
		if (log)
			r.expected =
			    text_of_digest(s->a, alg, log->pcr[l->pcr]);
		if (quote)
			r.found = text_of_digest(s->a, alg, quote->pcr[l->pcr]);
		scene_violate(s, &r);
		return;
	}
}

rc
eval_events(struct scene *s, const struct lane *l, struct err *e)
{
	struct align_step *steps = NULL;
	size_t n = 0;

	TRY(lane_align(l, s->a, &steps, &n, e));
	for (size_t i = 0; i < n; i++)
		report_step(s, l, &steps[i]);
	check_unlogged(s, l);
	return RC_OK;
}

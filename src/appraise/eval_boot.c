/* SPDX-License-Identifier: Apache-2.0 */
/* The boot rules of a policy, applied to what was measured. */
#include "appraise/lane.h"

#include "base/text.h"

/* One appraisal: who asks, about what, where the answer goes. */
struct scene {
	const struct policy *p;
	const struct boot_facts *f;
	struct verdict *v;
	struct arena *a;
	struct lanes lanes;
	uint32_t bad_separator; /* PCRs whose separators were found wanting */
	bool violated;		/* a boot rule was broken */
};

static uint32_t
quoted(const struct scene *s, uint16_t alg)
{
	return s->f->quoted ? pcr_selections_mask(s->f->quoted, alg) : 0;
}

static void
violate(struct scene *s, const struct reason *r)
{
	verdict_add(s->v, r, EFF_NONE);
	s->violated = true;
}

/* --- texts ---------------------------------------------------------------- */

static const char *
type_text(struct arena *a, uint32_t type)
{
	const char *name = evlog_type_name(type);

	return name ? name : arena_printf(a, "0x%08x", type);
}

static const char *
digest_text(struct arena *a, const struct hash_alg *alg, const uint8_t *digest)
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

/* "text digest", either of which may be missing. */
static const char *
joined(struct arena *a, const char *text, const char *digest)
{
	bool both = *or_empty(text) && *or_empty(digest);

	return arena_printf(
	    a, "%s%s%s", or_empty(text), both ? " " : "", or_empty(digest));
}

/* The first alternatives of a list, as one line. `bank` < 0: no digests. */
static const char *
values_text(const struct scene *s, const struct golden_value *values, size_t n,
    int bank)
{
	enum { SHOWN = 3 };
	const char *out = NULL;

	for (size_t i = 0; i < n && i < SHOWN; i++) {
		const char *digest = NULL;
		if (bank >= 0 && values[i].digest[bank])
			digest = digest_text(
			    s->a, s->p->banks[bank], values[i].digest[bank]);
		const char *one = joined(s->a, values[i].text, digest);
		out = out ? arena_printf(s->a, "%s | %s", out, or_empty(one))
			  : one;
	}
	if (n > SHOWN)
		out = arena_printf(
		    s->a, "%s | … (%zu more)", or_empty(out), n - SHOWN);
	return out;
}

static const char *
event_path(const struct scene *s, const struct evlog_event *ev)
{
	return arena_printf(s->a, "eventlog.events[%u]", ev->index);
}

static struct reason
reason_of_event(const struct scene *s, enum err_code code,
    const struct evlog_event *ev, const struct event_rule *rule)
{
	struct reason r = REASON(code, LAYER_NONE);

	r.layer = rule && rule->layer != LAYER_NONE
		      ? rule->layer
		      : layer_by_name(uefi_layer(s->f->log, ev));
	if (r.layer == LAYER_NONE)
		r.layer = layer_of_pcr(ev->pcr);
	r.path = event_path(s, ev);
	r.pcr = (int)ev->pcr;
	r.event = ev->index;
	r.event_type = type_text(s->a, ev->type);
	return r;
}

static const char *
rule_path(const struct scene *s, const struct lane *l, size_t rule)
{
	return arena_printf(s->a, "boot.%u.events[%zu]", l->pcr, rule);
}

/* --- selection ------------------------------------------------------------ */

static void
eval_selection(struct scene *s)
{
	const struct pcr_selections *need = &s->p->selection;
	static const struct pcr_selections nothing = {0};
	uint32_t strong = 0;
	uint32_t all = 0;
	bool missing = false;

	for (size_t i = 0; i < need->n; i++) {
		uint16_t alg = need->bank[i].alg;
		missing = missing || (need->bank[i].mask & ~quoted(s, alg));
		all |= need->bank[i].mask;
		if (alg != ALG_SHA1)
			strong |= need->bank[i].mask;
	}
	struct reason r = REASON(ERR_POLICY_UNQUOTED, LAYER_NONE);
	r.path = "quote.selection";
	r.rule = "pcrs";
	r.expected = pcr_selections_text(s->a, need);
	r.found =
	    pcr_selections_text(s->a, s->f->quoted ? s->f->quoted : &nothing);
	if (missing)
		verdict_add(s->v, &r, EFF_NONE);
	r.code = ERR_LOG_BANK_SHA1;
	if (all & ~strong)
		verdict_add(s->v, &r, EFF_NONE);
	verdict_check(s->v, CHECK_POLICY_SELECTION,
	    missing || (all & ~strong) ? CHECK_FAILED : CHECK_PASSED);
}

/* --- what every measured boot has ----------------------------------------- */

/* PCR 0 at reset ends in the startup locality. */
static bool
at_reset(const struct bank *b, const struct hash_alg *alg, unsigned pcr)
{
	size_t n = alg->size;

	return span_all(span_of(b->pcr[pcr], n - 1), 0) &&
	       b->pcr[pcr][n - 1] <= (pcr == 0 ? 4 : 0);
}

static void
eval_unmeasured(struct scene *s)
{
	static const unsigned pcrs[] = {0, 7};

	for (size_t i = 0; i < s->f->values->n; i++) {
		const struct bank *b = &s->f->values->bank[i];
		const struct hash_alg *alg = hash_by_id(b->alg);
		for (size_t k = 0; alg && k < 2; k++) {
			if (!(quoted(s, b->alg) & 1u << pcrs[k]) ||
			    !at_reset(b, alg, pcrs[k]))
				continue;
			struct reason r =
			    REASON(ERR_LOG_UNMEASURED, LAYER_FIRMWARE);
			r.pcr = (int)pcrs[k];
			r.path = arena_printf(
			    s->a, "pcrs.%s[%u]", alg->name, pcrs[k]);
			r.found = digest_text(s->a, alg, b->pcr[pcrs[k]]);
			violate(s, &r);
		}
	}
}

/* One legacy firmware measures a single byte. */
static bool
normal_separator(const struct evlog_event *ev)
{
	return uefi_separator(ev) == 0 ||
	       (ev->data.n == 1 &&
		   (ev->data.p[0] == 0 || ev->data.p[0] == 0xff));
}

/* A digest of the error value counts as an error, whatever the data says
 * (PFP 10.4.4); it is the second of what a separator may have hashed. */
static void
eval_separator(struct scene *s, uint32_t at, bool first)
{
	const struct evlog_event *ev = &s->f->log->events[at];
	unsigned bound = s->f->replay->events[at].bound;
	enum err_code code = ERR_OK;

	if (!first)
		code = ERR_LOG_SEPARATOR_DUPLICATE;
	else if (bound == 0)
		code = ERR_LOG_DIGEST_DATA;
	else if (bound != 1 || !normal_separator(ev))
		code = ERR_BOOT_ERROR;
	if (code == ERR_OK)
		return;
	struct reason r = reason_of_event(s, code, ev, NULL);
	r.found = uefi_describe(ev, s->a);
	violate(s, &r);
	s->bad_separator |= 1u << ev->pcr;
}

/* Exactly one separator in each quoted PCR of 0 to 7 (PFP 10.4.4). */
static void
eval_separators(struct scene *s, uint32_t judged)
{
	for (unsigned pcr = 0; pcr < 8; pcr++) {
		size_t seen = 0;
		if (!(judged & 1u << pcr))
			continue;
		for (size_t i = 0; i < s->lanes.events_n[pcr]; i++) {
			uint32_t at = s->lanes.events[pcr][i];
			if (s->f->log->events[at].type == EV_SEPARATOR)
				eval_separator(s, at, seen++ == 0);
		}
		if (seen)
			continue;
		struct reason r =
		    REASON(ERR_LOG_SEPARATOR_MISSING, layer_of_pcr(pcr));
		r.pcr = (int)pcr;
		r.path = "eventlog.events";
		violate(s, &r);
		s->bad_separator |= 1u << pcr;
	}
}

/* The event that says whether Secure Boot is on, for display; NULL if none. */
static const struct evlog_event *
secure_boot_event(const struct scene *s)
{
	for (size_t i = 0; i < s->lanes.events_n[7]; i++) {
		const struct evlog_event *ev =
		    &s->f->log->events[s->lanes.events[7][i]];
		struct uefi_variable var;
		if (ev->type == EV_EFI_VARIABLE_DRIVER_CONFIG &&
		    uefi_variable_decode(ev, &var) &&
		    uefi_variable_is(&var, uefi_guid_global, "SecureBoot"))
			return ev;
	}
	return NULL;
}

/* Configuration variables of PCR 7 say nothing unless their data is what was
 * hashed (PFP 10.4.2). */
static bool
eval_variables_bound(struct scene *s)
{
	bool all = true;

	for (size_t i = 0; i < s->lanes.events_n[7]; i++) {
		uint32_t at = s->lanes.events[7][i];
		const struct evlog_event *ev = &s->f->log->events[at];
		if (ev->type != EV_EFI_VARIABLE_DRIVER_CONFIG ||
		    s->f->replay->events[at].bound)
			continue;
		struct reason r =
		    reason_of_event(s, ERR_LOG_DIGEST_DATA, ev, NULL);
		r.rule = "secure_boot.required";
		r.found = uefi_describe(ev, s->a);
		violate(s, &r);
		all = false;
	}
	return all;
}

static void
eval_secure_boot(struct scene *s)
{
	const struct evlog_event *ev = secure_boot_event(s);
	int state = uefi_secure_boot(s->f->log);
	struct reason r = REASON(ERR_SB_UNKNOWN, LAYER_FIRMWARE);

	if (!eval_variables_bound(s) || state == 1)
		return;
	if (ev) {
		r = reason_of_event(s, ERR_SB_UNKNOWN, ev, NULL);
		r.found = uefi_describe(ev, s->a);
	}
	if (state == 0)
		r.code = ERR_SB_DISABLED;
	r.pcr = 7;
	r.rule = "secure_boot.required";
	r.expected = "SecureBoot = 01";
	violate(s, &r);
}

/* --- events of one PCR ---------------------------------------------------- */

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
	bool same_type = rule && rule->type == ev->type;
	bool plain =
	    same_type && bound && *label && want && strcmp(label, want) != 0;
	const uint8_t *digest = l->banks_n ? ev->digests[l->alg[0]] : NULL;
	int bank = l->banks_n ? (int)l->bank[0] : -1;

	if (!plain && digest)
		label = joined(
		    s->a, label, digest_text(s->a, s->p->banks[bank], digest));
	r->found = label;
	if (!rule)
		return;
	r->expected = values_text(s, rule->accept, rule->n, plain ? -1 : bank);
	if (plain && rule->n == 1)
		shorten(s->a, r);
	if (same_type)
		return;
	r->expected = arena_printf(s->a, "%s: %s",
	    or_empty(type_text(s->a, rule->type)), or_empty(r->expected));
	r->found = arena_printf(s->a, "%s: %s",
	    or_empty(type_text(s->a, ev->type)), or_empty(r->found));
}

static void
report_event(struct scene *s, const struct lane *l, size_t event,
    enum err_code code, size_t rule)
{
	const struct evlog_event *ev = lane_event(l, event);
	bool there = rule < l->rule->n && code != ERR_BOOT_EVENT_UNKNOWN;
	const struct event_rule *er = there ? &l->rule->events[rule] : NULL;
	struct reason r = reason_of_event(s, code, ev, er);

	r.rule = there ? rule_path(s, l, rule)
		       : arena_printf(s->a, "boot.%u", l->pcr);
	compare_texts(s, l, event, er, &r);
	violate(s, &r);
}

static void
report_missing(struct scene *s, const struct lane *l, size_t rule)
{
	const struct event_rule *er = &l->rule->events[rule];
	struct reason r = REASON(ERR_BOOT_EVENT_MISSING, layer_of_pcr(l->pcr));

	if (er->layer != LAYER_NONE)
		r.layer = er->layer;
	r.path = "eventlog.events";
	r.pcr = (int)l->pcr;
	r.event_type = type_text(s->a, er->type);
	r.rule = rule_path(s, l, rule);
	r.expected = values_text(
	    s, er->accept, er->n, l->banks_n ? (int)l->bank[0] : -1);
	violate(s, &r);
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
check_bound(struct scene *s, const struct lane *l, size_t event, size_t rule)
{
	const struct golden_value *value =
	    lane_accepted(l, lane_event(l, event), &l->rule->events[rule]);

	if (value && value->bound &&
	    !s->f->replay->events[lane_at(l, event)].bound)
		report_event(s, l, event, ERR_LOG_DIGEST_DATA, rule);
}

static void
report_step(
    struct scene *s, const struct lane *l, const struct align_step *step)
{
	if (step->op == ALIGN_MATCH) {
		check_bound(s, l, step->event, step->rule);
		return;
	}
	if (told_already(s, l, step))
		return;
	if (step->op == ALIGN_MISSING)
		report_missing(s, l, step->rule);
	else if (step->op == ALIGN_EXTRA || step->rule >= l->rule->n)
		report_event(s, l, step->event, ERR_BOOT_EVENT_UNKNOWN, 0);
	else
		report_event(
		    s, l, step->event, ERR_BOOT_EVENT_CHANGED, step->rule);
}

/* What was extended after the log ended stands in no event: the value must
 * follow from the log alone. */
static void
check_unlogged(struct scene *s, const struct lane *l)
{
	for (size_t b = 0; b < l->banks_n; b++) {
		const struct hash_alg *alg = s->p->banks[l->bank[b]];
		const struct bank *quote = banks_get(s->f->values, alg->id);
		const struct bank *log =
		    banks_get(&s->f->replay->banks, alg->id);
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
			r.expected = digest_text(s->a, alg, log->pcr[l->pcr]);
		if (quote)
			r.found = digest_text(s->a, alg, quote->pcr[l->pcr]);
		violate(s, &r);
		return;
	}
}

static rc
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

/* --- the value of one PCR ------------------------------------------------- */

static bool
value_met(const struct scene *s, const struct lane *l,
    const struct golden_value *value)
{
	size_t compared = 0;

	for (size_t b = 0; b < l->banks_n; b++) {
		const struct hash_alg *alg = s->p->banks[l->bank[b]];
		const struct bank *have = banks_get(s->f->values, alg->id);
		const uint8_t *want = value->digest[l->bank[b]];
		if (!want)
			continue;
		if (!have || memcmp(want, have->pcr[l->pcr], alg->size) != 0)
			return false;
		compared++;
	}
	return compared > 0;
}

static void
eval_values(struct scene *s, const struct lane *l)
{
	for (size_t i = 0; i < l->rule->n; i++)
		if (value_met(s, l, &l->rule->values[i]))
			return;
	const struct hash_alg *alg = s->p->banks[l->bank[0]];
	const struct bank *have = banks_get(s->f->values, alg->id);
	struct reason r = REASON(ERR_BOOT_PCR, layer_of_pcr(l->pcr));
	r.path = arena_printf(s->a, "pcrs.%s[%u]", alg->name, l->pcr);
	r.pcr = (int)l->pcr;
	r.rule = arena_printf(s->a, "boot.%u.values", l->pcr);
	r.expected =
	    values_text(s, l->rule->values, l->rule->n, (int)l->bank[0]);
	r.found = have ? digest_text(s->a, alg, have->pcr[l->pcr]) : NULL;
	violate(s, &r);
}

/* --- all PCRs ------------------------------------------------------------- */

static rc
eval_pcr(struct scene *s, unsigned pcr, struct err *e)
{
	bool events = s->p->pcr[pcr].kind == PCR_EVENTS;
	static const struct lanes without_log = {0};
	const struct lanes *lanes = events ? &s->lanes : &without_log;

	/* Not quoted, or no log: said by other codes already. */
	if (!s->f->quoted || (events && !lanes->log))
		return RC_OK;
	struct lane l = lane_of(s->p, lanes, s->f->quoted, pcr);
	if (l.banks_n && s->p->pcr[pcr].kind == PCR_VALUES)
		eval_values(s, &l);
	return l.banks_n && events ? eval_events(s, &l, e) : RC_OK;
}

/* PCRs that are quoted in some bank of the policy. */
static uint32_t
judged_pcrs(const struct scene *s)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < s->p->selection.n; i++)
		mask |= quoted(s, s->p->selection.bank[i].alg) &
			s->p->selection.bank[i].mask;
	return mask;
}

static rc
eval_log(struct scene *s, struct err *e)
{
	if (!policy_needs_log(s->p))
		return RC_OK;
	if (!s->f->log || !s->f->replay) {
		struct reason r = REASON(ERR_LOG_ABSENT, LAYER_NONE);
		r.path = "eventlog";
		violate(s, &r);
		return RC_OK;
	}
	TRY(lanes_sort(s->f->log, s->a, &s->lanes, e));
	eval_separators(s, judged_pcrs(s));
	if (s->p->secure_boot)
		eval_secure_boot(s);
	return RC_OK;
}

rc
policy_eval_boot(const struct policy *p, const struct boot_facts *f,
    struct verdict *v, struct err *e)
{
	struct scene s = {.p = p, .f = f, .v = v, .a = v->arena};

	v->policy_name = p->name;
	policy_hash(p, v->policy_hash);
	v->observe = p->observe;
	eval_selection(&s);
	TRY(eval_log(&s, e));
	if (f->values) {
		eval_unmeasured(&s);
		for (unsigned k = 0; k < LIMIT_PCRS; k++)
			TRY(eval_pcr(&s, k, e));
	}
	if (s.violated)
		verdict_check(v, CHECK_POLICY_BOOT, CHECK_FAILED);
	else if (f->values)
		verdict_check(v, CHECK_POLICY_BOOT, CHECK_PASSED);
	return RC_OK;
}

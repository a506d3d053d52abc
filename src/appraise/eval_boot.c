/* SPDX-License-Identifier: Apache-2.0 */
/* The boot rules of a policy, applied to what was measured. */
#include "appraise/scene.h"

static uint32_t
quoted(const struct scene *s, uint16_t alg)
{
	return s->f->quoted ? pcr_selections_mask(s->f->quoted, alg) : 0;
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
			r.found = text_of_digest(s->a, alg, b->pcr[pcrs[k]]);
			scene_violate(s, &r);
		}
	}
}

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
	else if (uefi_separator(ev, bound) != SEPARATOR_NORMAL)
		code = ERR_BOOT_ERROR;
	if (code == ERR_OK)
		return;
	s->bad_separator |= 1u << ev->pcr;
	if (scene_full(s, code))
		return;
	struct reason r = scene_reason(s, code, ev, NULL);
	r.found = uefi_describe(ev, s->a);
	scene_violate(s, &r);
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
		scene_violate(s, &r);
		s->bad_separator |= 1u << pcr;
	}
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
	    text_of_values(s, l->rule->values, l->rule->n, (int)l->bank[0]);
	r.found = have ? text_of_digest(s->a, alg, have->pcr[l->pcr]) : NULL;
	r.digest = have ? have->pcr[l->pcr] : NULL;
	r.digest_alg = alg->id;
	scene_violate(s, &r);
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
	uint32_t judged = judged_pcrs(s);

	if (!policy_needs_log(s->p))
		return RC_OK;
	if (!s->f->log || !s->f->replay) {
		struct reason r = REASON(ERR_LOG_ABSENT, LAYER_NONE);
		r.path = "eventlog";
		scene_violate(s, &r);
		return RC_OK;
	}
	TRY(lanes_sort(s->f->log, s->a, &s->lanes, e));
	eval_separators(s, judged);
	eval_log_rules(s, judged);
	if (judged & 1u)
		eval_firmware(s);
	if (s->p->windows.given && judged & 1u << 12 && judged & 1u << 13)
		eval_windows(s);
	if (judged & 1u << 7)
		TRY(eval_secure_boot(s, e));
	if (s->p->uki.present)
		eval_uki(s);
	return s->p->cmdline.present ? eval_cmdline(s, e) : RC_OK;
}

/* Layers that some rule covers; none where events had to be judged and there
 * is no log. PCR 4 and 8 hold what the boot loader does and what it loads. */
static bool
note_layers(const struct scene *s, struct verdict *v)
{
	const struct policy *p = s->p;
	bool judged = s->lanes.log || !policy_needs_log(p);
	bool any = sb_rules_given(p) || p->cmdline.present || p->uki.present;

	for (unsigned k = 0; k < LIMIT_PCRS; k++) {
		if (p->pcr[k].kind != PCR_VALUES &&
		    p->pcr[k].kind != PCR_EVENTS)
			continue;
		any = true;
		v->layer_judged[layer_of_pcr(k)] = judged;
		if (k == 4 || k == 8)
			v->layer_judged[LAYER_OS] = judged;
	}
	if (p->cmdline.present || p->uki.present)
		v->layer_judged[LAYER_OS] = judged;
	v->layer_judged[LAYER_MIDDLEWARE] = p->ima.present;
	return any;
}

static enum check_state
state_of(const struct scene *s, bool any)
{
	if (s->violated)
		return CHECK_FAILED;
	if (!any)
		return CHECK_NOT_REQUIRED;
	return s->f->values ? CHECK_PASSED : CHECK_NOT_RUN;
}

rc
policy_eval_boot(const struct policy *p, const struct boot_facts *f,
    struct verdict *v, struct err *e)
{
	struct scene s = {.p = p, .f = f, .v = v, .a = v->arena};

	v->policy_name = p->name;
	policy_hash(p, v->policy_hash);
	if (!v->weighing)
		v->weighing = p;
	v->policy_mode = policy_mode(p);
	v->observe = policy_observe(p);
	eval_selection(&s);
	TRY(eval_log(&s, e));
	if (f->values) {
		eval_unmeasured(&s);
		for (unsigned k = 0; k < LIMIT_PCRS; k++)
			TRY(eval_pcr(&s, k, e));
	}
	verdict_check(v, CHECK_POLICY_BOOT, state_of(&s, note_layers(&s, v)));
	return RC_OK;
}

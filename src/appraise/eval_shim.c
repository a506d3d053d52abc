/* SPDX-License-Identifier: Apache-2.0 */
/* What shim measured: the SBAT level that it applied, and its MOK variables. */
#include "appraise/eval_sb.h"

#include "decode/sbat.h"

/* --- SBAT ----------------------------------------------------------------- */

/* The first line of the policy's level that the node's is below; NULL: none. */
static const char *
sbat_below(const struct sb_case *c, struct span level)
{
	struct sbat want = sbat_over(c->r->sbat);
	struct sbat_entry entry;

	while (sbat_next(&want, &entry)) {
		bool date = entry.datestamp > sbat_datestamp(level);
		if (!date &&
		    sbat_generation(level, entry.component) >= entry.generation)
			continue;
		return date ? arena_printf(c->s->a, "%.*s %llu or later",
				  (int)entry.component.n, entry.component.p,
				  (unsigned long long)entry.datestamp)
			    : arena_printf(c->s->a, "%.*s %llu or later",
				  (int)entry.component.n, entry.component.p,
				  (unsigned long long)entry.generation);
	}
	return NULL;
}

static void
eval_sbat_level(const struct sb_case *c, const struct sb_authority *by)
{
	if (!sbat_valid(by->var.data)) {
		sb_say(c, ERR_SBAT_FORMAT, by->ev, "sbat", NULL, NULL);
		return;
	}
	const char *below = c->r->sbat.n ? sbat_below(c, by->var.data) : NULL;
	if (below)
		sb_say(c, ERR_SBAT_STALE, by->ev, "sbat", below, NULL);
}

/* shim shows itself by the variables that it logs under their names. */
static bool
shim_in_pcr_14(const struct sb_case *c)
{
	const struct lanes *l = &c->s->lanes;

	if (!(policy_pcrs(c->s->p) & 1u << 14))
		return false;
	for (size_t i = 0; i < l->events_n[14]; i++) {
		const struct evlog_event *ev =
		    &l->log->events[l->events[14][i]];
		if (ev->type == EV_IPL &&
		    uefi_ipl_of(ev).kind == IPL_SHIM_VARIABLE)
			return true;
	}
	return false;
}

/* The worst of several levels counts: shim may run twice. */
static void
eval_sbat(const struct sb_case *c)
{
	bool any = false;

	for (size_t i = 0; i < c->f.authorities_n; i++) {
		const struct sb_authority *by = &c->f.authorities[i];
		if (!uefi_variable_is(&by->var, uefi_guid_shim, "SbatLevel"))
			continue;
		any = true;
		eval_sbat_level(c, by);
	}
	if (any)
		return;
	if (c->r->sbat.n)
		sb_say(c, ERR_SBAT_STALE, NULL, "sbat", "SbatLevel = …", NULL);
	else if (c->r->required && (c->f.shim || shim_in_pcr_14(c)))
		sb_say(c, ERR_SBAT_MISSING, NULL, "required", "SbatLevel = …",
		    NULL);
}

/* --- MOK ------------------------------------------------------------------ */

static void
eval_insecure(const struct sb_case *c)
{
	for (size_t i = 0; i < c->f.authorities_n; i++) {
		const struct sb_authority *by = &c->f.authorities[i];
		if (uefi_variable_is(&by->var, uefi_guid_shim, "MokSBState") &&
		    !(by->var.data.n == 1 && by->var.data.p[0] == 0))
			sb_say(c, ERR_MOK_INSECURE, by->ev, "required",
			    "MokSBState = 00", NULL);
	}
}

/* Row of mok_name(), MOK_VARIABLES if it is none. */
static size_t
mok_row(const struct evlog_event *ev)
{
	struct span name = uefi_chomp(ev->data);
	size_t i = 0;

	while (mok_name(i) && !span_eq(name, span_str(mok_name(i))))
		i++;
	return ev->type == EV_IPL ? i : MOK_VARIABLES;
}

static void
mok_changed(const struct sb_case *c, const struct evlog_event *ev, size_t row,
    const struct lane *l)
{
	const struct mok_rule *rule =
	    row < MOK_VARIABLES ? &c->r->mok[row] : NULL;
	struct scene *s = c->s;
	const char *expected = NULL;
	const char *found = NULL;

	if (rule && rule->n)
		expected = text_joined(s->a, mok_name(row),
		    text_of_values(s, rule->accept, rule->n, (int)l->bank[0]));
	if (ev && ev->digests[l->alg[0]])
		found = text_joined(s->a, uefi_describe(ev, s->a),
		    text_of_digest(
			s->a, s->p->banks[l->bank[0]], ev->digests[l->alg[0]]));
	sb_say(c, ERR_MOK_CHANGED, ev, "mok", expected, found);
}

/* Names are only labels: each variable at most once, in shim's order, and with
 * a digest of its own list. */
static void
eval_mok(const struct sb_case *c)
{
	struct scene *s = c->s;
	struct lane l = lane_of(s->p, &s->lanes, s->f->quoted, 14);
	uint32_t seen = 0;

	if (!l.banks_n)
		return;
	for (size_t i = 0; i < s->lanes.events_n[14]; i++) {
		const struct evlog_event *ev = lane_event(&l, i);
		size_t row = mok_row(ev);
		struct event_rule rule = {.type = EV_IPL};
		if (row < MOK_VARIABLES) {
			rule.n = c->r->mok[row].n;
			rule.accept = c->r->mok[row].accept;
		}
		if (seen >> row || !lane_accepted(&l, ev, &rule))
			mok_changed(c, ev, row, &l);
		seen |= 1u << row;
	}
	for (size_t i = 0; mok_name(i); i++)
		if (c->r->mok[i].n && !(seen & 1u << i))
			mok_changed(c, NULL, i, &l);
	if (!scene_logged(s, 14))
		sb_say(c, ERR_MOK_CHANGED, NULL, "mok",
		    "nothing behind the boot log", NULL);
}

rc
sb_eval_shim(const struct sb_case *c, struct err *e)
{
	(void)e;
	eval_sbat(c);
	if (c->r->required)
		eval_insecure(c);
	if (c->r->mok_given)
		eval_mok(c);
	return RC_OK;
}

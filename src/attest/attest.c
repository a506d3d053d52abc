/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/walk.h"

#include "base/text.h"

static uint32_t
pcrs_of(const struct pcr_selections *sel)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < sel->n; i++)
		mask |= sel->bank[i].mask;
	return mask;
}

uint32_t
walk_quoted(const struct walk *w)
{
	return pcrs_of(&w->f->quote.selection);
}

rc
walk_below(struct err *e, rc r, const char *prefix)
{
	return rc_ok(r) || !*e->path ? r : err_prefix(e, r, prefix);
}

struct reason
walk_wrong_pcr(struct walk *w, enum err_code code, unsigned pcr,
    const struct bank *want, const struct bank *got)
{
	const struct hash_alg *alg = hash_by_id(want->alg);
	struct reason r = REASON(code, layer_of_pcr(pcr));

	r.pcr = (int)pcr;
	r.path = arena_printf(w->a, "pcrs.%s[%u]", alg->name, pcr);
	r.expected = hex_string(w->a, span_of(want->pcr[pcr], alg->size));
	r.found = hex_string(w->a, span_of(got->pcr[pcr], alg->size));
	return r;
}

/* --- policy ----------------------------------------------------------- */

/* Sets the states of policy.selection and policy.boot. */
static rc
step_policy_boot(struct walk *w, enum check_state *state, struct err *e)
{
	const struct boot_facts facts = attest_boot_facts(w->f, w->h);
	const struct err *why = w->ctx->no_policy;

	(void)state;
	if (!w->ctx->policy && why && err_effect(why->code) == EFF_UNKNOWN) {
		*e = *why;
		return (rc){why->code};
	}
	if (!w->ctx->policy)
		return err_at(e, ERR_POLICY_NONE, NULL, "%s", "policy");
	return policy_eval_boot(w->ctx->policy, &facts, w->v, e);
}

static rc
step_policy_userspace(struct walk *w, enum check_state *state, struct err *e)
{
	const struct boot_facts facts = attest_boot_facts(w->f, w->h);

	(void)state;
	return w->ctx->policy
		   ? policy_eval_userspace(w->ctx->policy, &facts, w->v, e)
		   : RC_OK;
}

/* Entries that the quote does not cover: those behind it, and those of PCRs
 * that are not quoted. The replay has read the whole list before. */
static rc
judge_all(struct walk *w, struct ima_judge *j, struct err *e)
{
	const struct ima_state *start = &w->ima_start;
	struct ima_reader in = ima_over_as(
	    w->ev->ima, (uint32_t)start->entries, start->big_endian);
	struct ima_entry entry;
	bool more = true;

	for (;;) {
		TRY(ima_next(&in, &entry, &more, e));
		if (!more)
			return RC_OK;
		if (entry.offset < w->f->ima.bytes &&
		    pcrs_of(&w->f->judged) & 1u << entry.pcr)
			TRY(ima_judge_entry(j, &entry, e));
		else
			ima_judge_unattested(j, &entry);
	}
}

/* The state is set by the judge: it alone knows whether it could judge. */
static rc
step_policy_ima(struct walk *w, enum check_state *state, struct err *e)
{
	const struct policy *p = w->ctx->policy;

	if (p && !policy_needs_ima(p))
		*state = CHECK_NOT_REQUIRED;
	if (!p || !policy_needs_ima(p) || !w->f->ima_ok)
		return RC_OK;
	struct ima_judge *j = ima_judge_new(p, w->v);
	if (!j)
		return err_at(e, ERR_MEMORY, NULL, "ima");
	if (ima_judge_tail(p))
		TRY(judge_all(w, j, e));
	else
		TRY(ima_covered(span_of(w->ev->ima.p, w->f->ima.bytes),
		    &w->ima_start, &w->f->judged, ima_judge_entry, j, e));
	ima_judge_end(j, w->ima_start.entries == 0);
	return RC_OK;
}

/* Where the evidence's own certificate was verified, or enrolment did it. */
static const struct ek_identity *
tpm_identity(const struct walk *w)
{
	if (w->ctx->ek)
		return w->ctx->ek;
	return w->v->checks[CHECK_EK_CHAIN] == CHECK_PASSED ? &w->f->ek : NULL;
}

/* For whoever remembers it; nobody else needs it. */
static rc
hash_log(struct walk *w, struct err *e)
{
	if (!w->ctx->clock || !w->f->log_ok || !w->ev->eventlog.p)
		return RC_OK;
	if (w->ctx->log_sha256)
		memcpy(w->f->log_sha256, w->ctx->log_sha256, 32);
	else if (!rc_ok(hash_of(
		     w->h, ALG_SHA256, w->ev->eventlog, w->f->log_sha256)))
		return err_at(e, ERR_CRYPTO, NULL, "eventlog");
	w->f->log_hashed = true;
	return RC_OK;
}

/* Sets the states of policy.tpm, quote.freshness and log.boot. */
static rc
step_policy_tpm(struct walk *w, enum check_state *state, struct err *e)
{
	const struct ek_identity *ek = tpm_identity(w);

	(void)state;
	TRY(hash_log(w, e));
	const struct tpm_facts facts = {
	    .quote = &w->f->quote,
	    .pace = &w->f->pace,
	    .rot = ek ? ek->rot : ROT_UNKNOWN,
	    .manufacturer = ek && *ek->manufacturer ? ek->manufacturer : NULL,
	    .ak_alg = w->f->ak_alg,
	    .hash = w->f->signature.hash,
	    .signer_proved = w->v->checks[CHECK_QUOTE_SIGNER] == CHECK_PASSED,
	    .before = w->ctx->clock,
	    .log_before = w->ctx->boot_log,
	    .log = w->f->log_hashed ? w->f->log_sha256 : NULL,
	    .values = w->values_known ? &w->f->values : NULL,
	};
	if (w->ctx->policy)
		policy_eval_tpm(w->ctx->policy, &facts, w->v);
	return RC_OK;
}

/* --- the walk --------------------------------------------------------- */

static const struct row {
	enum check_id check;
	enum layer layer; /* of its reasons */
	walk_step *run;
} rows[] = {
    {CHECK_AK_FORMAT, LAYER_NONE, step_ak_format},
    {CHECK_AK_ATTRIBUTES, LAYER_NONE, step_ak_attributes},
    {CHECK_EK_CHAIN, LAYER_NONE, step_ek_chain},
    {CHECK_EK_PUBLIC, LAYER_NONE, step_ek_public},
    {CHECK_QUOTE_FORMAT, LAYER_NONE, step_quote_format},
    {CHECK_QUOTE_SIGNATURE, LAYER_NONE, step_quote_signature},
    {CHECK_QUOTE_SIGNER, LAYER_NONE, step_quote_signer},
    {CHECK_QUOTE_NONCE, LAYER_NONE, step_quote_nonce},
    {CHECK_QUOTE_SELECTION, LAYER_NONE, step_quote_selection},
    {CHECK_QUOTE_CLOCK, LAYER_NONE, step_quote_clock},
    {CHECK_EK_STATUS, LAYER_NONE, step_ek_status},
    {CHECK_QUOTE_PCR_VALUES, LAYER_NONE, step_quote_values},
    {CHECK_LOG_FORMAT, LAYER_FIRMWARE, step_log_format},
    {CHECK_USERSPACE_FORMAT, LAYER_OS, step_userspace_format},
    {CHECK_LOG_BINDING, LAYER_FIRMWARE, step_log_binding},
    {CHECK_LOG_REPLAY, LAYER_FIRMWARE, step_log_replay},
    {CHECK_USERSPACE_REPLAY, LAYER_OS, step_userspace_replay},
    {CHECK_IMA_FORMAT, LAYER_MIDDLEWARE, step_ima_format},
    {CHECK_IMA_REPLAY, LAYER_MIDDLEWARE, step_ima_replay},
    {CHECK_IMA_BOOT_AGGREGATE, LAYER_OS, step_boot_aggregate},
    {CHECK_POLICY_BOOT, LAYER_NONE, step_policy_boot},
    {CHECK_POLICY_USERSPACE, LAYER_OS, step_policy_userspace},
    {CHECK_POLICY_IMA, LAYER_MIDDLEWARE, step_policy_ima},
    {CHECK_POLICY_TPM, LAYER_NONE, step_policy_tpm},
};

/* A check that nothing could decide stays not run; one that ran and did not
 * hold has failed. */
static void
note(struct verdict *v, const struct row *row, const struct err *e)
{
	struct reason r = REASON(e->code, row->layer);

	if (err_effect(e->code) != EFF_UNKNOWN) {
		verdict_fail(v, row->check, row->layer, e);
		return;
	}
	r.path = e->path;
	r.message = e->text;
	verdict_add(v, &r, EFF_NONE);
}

static rc
run(struct walk *w, struct err *e)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		enum check_state state = CHECK_NOT_RUN;
		struct err why = {0};
		rc r = rows[i].run(w, &state, &why);
		if (err_class(r.code) == CLS_OURS && !rc_ok(r)) {
			if (e)
				*e = why;
			return r;
		}
		if (!rc_ok(r))
			note(w->v, &rows[i], &why);
		else if (state != CHECK_NOT_RUN)
			verdict_check(w->v, rows[i].check, state);
		if (w->v->worst == EFF_REJECT)
			break;
	}
	return RC_OK;
}

/* What is shown as `pcrs`: as replayed, or as quoted where no log says. */
static void
show_pcrs(struct walk *w)
{
	const struct banks *ima = &w->f->ima.pcrs;

	if (w->log_decoded || w->userspace_read)
		w->v->pcrs = w->f->explained;
	else if (w->values_known)
		w->v->pcrs = w->f->values;
	for (size_t i = 0; w->log_decoded && w->f->ima_ok && i < ima->n; i++) {
		const struct bank *from = &ima->bank[i];
		struct bank *to = banks_find(&w->v->pcrs, from->alg);
		for (unsigned p = 0; to && p < LIMIT_PCRS; p++)
			if (from->touched & 1u << p)
				memcpy(to->pcr[p], from->pcr[p], HASH_MAX);
		if (to)
			to->touched |= from->touched;
	}
}

struct boot_facts
attest_boot_facts(const struct attest_facts *f, struct hasher *h)
{
	struct boot_facts out = {.quoted = &f->judged, .hasher = h};

	if (f->log_ok) {
		out.log = &f->log;
		out.replay = &f->boot;
	}
	if (f->values.n)
		out.values = &f->values;
	if (f->userspace_ok) {
		out.userspace.log = &f->userspace;
		out.userspace.match = &f->userspace_match;
	}
	return out;
}

rc
attest_evidence(const struct evidence *ev, const struct attest_context *ctx,
    struct hasher *h, struct arena *a, struct verdict *v,
    struct attest_facts *facts, struct err *e)
{
	struct attest_context in = *ctx;
	struct walk w = {
	    .ev = ev, .ctx = &in, .h = h, .a = a, .v = v, .f = facts};
	struct err why = {0};

	*facts = (struct attest_facts){0};
	verdict_init(v, a);
	if (ctx->policy) {
		v->policy_name = policy_name(ctx->policy);
		policy_hash(ctx->policy, v->policy_hash);
		v->policy_mode = policy_mode(ctx->policy);
		v->observe = policy_observe(ctx->policy);
		v->weighing = ctx->policy;
	}
	v->now = ctx->now;
	if (ctx->policy && !rc_ok(policy_applies(ctx->policy, ctx->env_class,
			       ctx->region, &why))) {
		in.policy = NULL;
		in.no_policy = &why;
	}
	w.ima.sent = ev->ima.n > 0 || ctx->ima_resume.p;
	rc r = run(&w, e);
	const struct ek_identity *ek = tpm_identity(&w);
	v->rot = ek ? ek->rot : ROT_UNKNOWN;
	show_pcrs(&w);
	key_free(w.own_ak);
	cert_free(&w.ek_cert);
	if (rc_ok(r))
		verdict_fold(v);
	return r;
}

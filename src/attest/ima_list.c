/* SPDX-License-Identifier: Apache-2.0 */
/* The IMA list: is it well formed, does it lead to the quote, does it belong to
 * this boot? */
#include "attest/walk.h"

/* --- replay, once ----------------------------------------------------- */

static bool
ima_quoted(const struct walk *w)
{
	return w->ima.named & walk_quoted(w);
}

static rc
read_first(struct walk *w, struct err *e)
{
	struct ima_reader in = ima_over_as(w->ev->ima,
	    (uint32_t)w->ima_start.entries, w->ima_start.big_endian);
	bool more;

	return ima_next(&in, &w->ima.first, &more, e);
}

uint32_t
walk_ima_pcrs(const struct walk *w)
{
	enum { IMA_PCR = 1 << 10 };
	const struct policy *p = w->ctx->policy;

	return IMA_PCR | (p ? policy_ima_pcrs(p) : 0);
}

/* An entry may extend a PCR that nobody else explains; beside another log only
 * where the policy gives the PCR to IMA, and the firmware's never. Else a list
 * could make up for what was left out of that log. */
static rc
check_pcrs(const struct walk *w, struct err *e)
{
	uint32_t logged = w->f->userspace_match.named;

	for (size_t i = 0; i < w->start.n; i++)
		logged |= w->start.bank[i].touched;
	logged &= walk_quoted(w) & ~walk_ima_pcrs(w);
	uint32_t wrong = w->ima.named & (FIRMWARE_PCRS | logged);
	return wrong ? err_text(e, ERR_IMA_PCR, "entries",
			   "An entry names PCR %d, which another log explains "
			   "and the policy does not give to IMA.",
			   __builtin_ctz(wrong))
		     : RC_OK;
}

static rc
replay_ima(struct walk *w, struct err *e)
{
	const struct policy *p = w->ctx->policy;
	struct tpm_quote quote = w->f->quote;
	const struct ima_target target = {
	    .quote = &quote,
	    .hash = w->f->signature.hash,
	    .values = w->values_known ? &w->f->values : NULL,
	    .judged = p ? policy_ima_pcrs(p) : 0,
	};

	quote.selection = w->f->judged;
	ima_state_init(&w->ima_start, &w->f->explained, &quote.selection);
	w->ima_start.big_endian = w->ev->ima_big_endian;
	if (w->ctx->ima_resume.p &&
	    !ima_state_resume(&w->ima_start, w->ctx->ima_resume))
		return err_at(e, ERR_IMA_OFFSET, NULL, "%s", "");
	TRY(read_first(w, e));
	rc r = ima_replay(w->ev->ima, &w->ima_start, &target, w->h, NULL, NULL,
	    &w->f->ima_end, &w->f->ima, e);
	if (rc_ok(r) || r.code == ERR_IMA_REPLAY)
		w->ima.named = w->f->ima_end.pcrs;
	return rc_ok(r) ? check_pcrs(w, e) : r;
}

void
walk_ima(struct walk *w)
{
	if (!w->ima.sent)
		return;
	w->ima.walked = true;
	w->ima.result = replay_ima(w, &w->ima.error);
	if (!rc_ok(w->ima.result))
		(void)walk_below(&w->ima.error, w->ima.result, "ima.");
	w->f->ima_ok = rc_ok(w->ima.result) && ima_quoted(w);
}

/* --- ima.format, ima.replay, ima.boot_aggregate ----------------------- */

/* There is nothing of IMA to judge: whether that matters is the policy's. */
static enum check_state
without_ima(const struct walk *w)
{
	const struct policy *p = w->ctx->policy;

	return p && policy_needs_ima(p) ? CHECK_NOT_RUN : CHECK_NOT_APPLICABLE;
}

/* What ima.replay reports; all else that may be wrong with a list is of its
 * format. */
static bool
of_replay(enum err_code code)
{
	return code == ERR_IMA_REPLAY || code == ERR_IMA_TEMPLATE_HASH ||
	       code == ERR_IMA_BUF;
}

rc
step_ima_format(struct walk *w, enum check_state *state, struct err *e)
{
	if (!w->ima.sent && without_ima(w) == CHECK_NOT_RUN)
		return err_at(e, ERR_IMA_ABSENT, NULL, "ima");
	if (!w->ima.sent)
		*state = CHECK_NOT_APPLICABLE;
	if (!w->ima.walked)
		return RC_OK;
	*state = CHECK_PASSED;
	if (rc_ok(w->ima.result) || of_replay(w->ima.result.code))
		return RC_OK;
	*e = w->ima.error;
	return w->ima.result;
}

/* The value is reached in one of the types that the bank may have. */
static bool
reached(const struct ima_state *s, size_t bank, unsigned pcr, const uint8_t *v)
{
	size_t size = hash_by_id(s->bank[bank].type[0].alg)->size;

	for (unsigned k = 0; k < IMA_TYPES; k++)
		if (s->bank[bank].types & 1u << k &&
		    memcmp(v, ima_state_bank(s, bank, 1u << k)->pcr[pcr],
			size) == 0)
			return true;
	return false;
}

/* With values known, show each PCR that the whole list does not lead to;
 * false if every PCR can be reached, but not all in one type. */
static bool
wrong_ima_pcrs(struct walk *w)
{
	const struct pcr_selections *sel = &w->f->judged;
	const struct ima_state *s = &w->f->ima_end;
	bool any = false;

	for (size_t i = 0; i < s->n; i++) {
		const struct bank *got = &s->bank[i].type[0];
		const struct bank *want = banks_get(&w->f->values, got->alg);
		uint32_t mask =
		    w->ima.named & pcr_selections_mask(sel, got->alg);
		for (unsigned p = 0; want && p < LIMIT_PCRS; p++) {
			if (!(mask & 1u << p) || reached(s, i, p, want->pcr[p]))
				continue;
			struct reason r =
			    walk_wrong_pcr(w, ERR_IMA_REPLAY, p, want, got);
			r.layer = LAYER_MIDDLEWARE;
			verdict_add(w->v, &r, EFF_NONE);
			any = true;
		}
	}
	return any;
}

rc
step_ima_replay(struct walk *w, enum check_state *state, struct err *e)
{
	bool ok = w->ima.walked && rc_ok(w->ima.result);

	if (!w->ima.sent || (ok && !ima_quoted(w)))
		*state = without_ima(w);
	else if (ok)
		*state = CHECK_PASSED;
	if (ok && w->f->ima.bytes < w->ev->ima.n)
		verdict_quirk(w->v, "ima_list_ahead");
	if (!w->ima.walked || ok)
		return RC_OK;
	if (w->values_known && w->ima.result.code == ERR_IMA_REPLAY &&
	    wrong_ima_pcrs(w)) {
		*state = CHECK_FAILED;
		return RC_OK;
	}
	*e = w->ima.error;
	return w->ima.result;
}

/* The quote has values of every PCR that the aggregate is made from; at the
 * start of a list they are those of the boot only if userspace has not extended
 * them since. */
static bool
values_cover(const struct walk *w, const struct ima_entry *entry)
{
	const struct hash_alg *alg = hash_by_name(entry->digest_alg);
	uint32_t need = alg && alg->id == ALG_SHA1 ? 0xff : 0x3ff;

	return alg && w->values_known &&
	       (pcr_selections_mask(&w->f->judged, alg->id) & need) == need &&
	       !(entry->index == 0 && w->f->userspace_match.named & need);
}

/* By the boot log, in the quoted banks and those that were needed. */
static const struct banks *
logged_banks(const struct walk *w)
{
	return w->more_banks ? w->more_banks : &w->start;
}

/* A kernel may take boot_aggregate from a bank that is not quoted; then the
 * log is replayed in that one too. The entry itself is bound by the quote. */
static rc
find_bank(struct walk *w, struct span alg_name, struct err *e)
{
	const struct hash_alg *alg = hash_by_name(alg_name);
	const struct evlog *log = &w->f->log;
	struct banks one = {.n = 1};

	if (!alg || !alg->bank || !w->log_decoded ||
	    evlog_alg_index(log, alg->id) < 0 ||
	    banks_get(logged_banks(w), alg->id))
		return RC_OK;
	bank_init(&one.bank[0], alg->id, log->startup_locality);
	TRY(boot_extend(log, 0, log->events_n, w->h, &one, e));
	if (!w->more_banks) {
		w->more_banks = arena_alloc(w->a, sizeof(*w->more_banks));
		if (!w->more_banks)
			return err_at(e, ERR_MEMORY, NULL, "eventlog");
		*w->more_banks = w->start;
	}
	w->more_banks->bank[w->more_banks->n++] = one.bank[0];
	return RC_OK;
}

/* By the boot log, or by the quoted values: between boot and kexec the PCRs may
 * have been extended. Both are authenticated. */
static rc
check_aggregate(struct walk *w, const struct ima_entry *entry, struct err *e)
{
	const struct banks *log = NULL;

	TRY(find_bank(w, entry->digest_alg, e));
	if (w->log_decoded)
		log = logged_banks(w);
	rc r = ima_check_boot_aggregate(entry, log, w->h, e);
	if (rc_ok(r) || err_class(r.code) == CLS_OURS ||
	    !values_cover(w, entry))
		return r;
	return ima_check_boot_aggregate(entry, &w->f->values, w->h, e);
}

static void
add_unverified(struct walk *w, const struct err *e)
{
	const struct policy *p = w->ctx->policy;
	enum err_effect effect = p ? policy_ima_aggregate(p) : EFF_NONE;
	struct reason r = REASON(e->code, LAYER_OS);

	if (!p || !policy_needs_ima(p) || effect == EFF_NONE)
		return;
	r.path = arena_printf(w->a, "ima.%s", e->path);
	r.rule = "ima.boot_aggregate";
	if (effect_fails(verdict_add(w->v, &r, effect)))
		verdict_check(w->v, CHECK_IMA_BOOT_AGGREGATE, CHECK_FAILED);
}

/* What cannot be checked is the policy's to judge at the start of the list;
 * later, where any file may have the name, it must follow. */
static rc
judge_aggregate(void *ctx, const struct ima_entry *entry, struct err *e)
{
	struct walk *w = ctx;
	struct err why = {0};

	if (entry->index != 0 && !ima_is_aggregate(entry))
		return RC_OK;
	rc r = check_aggregate(w, entry, &why);
	if (r.code == ERR_IMA_AGGREGATE_UNVERIFIED && entry->index != 0)
		return err_at(e, ERR_IMA_BOOT_AGGREGATE,
		    "A boot_aggregate within the list cannot be checked.", "%s",
		    why.path);
	if (r.code == ERR_IMA_AGGREGATE_UNVERIFIED) {
		w->ima.unverified = true;
		add_unverified(w, &why);
		return RC_OK;
	}
	if (!rc_ok(r) && e)
		*e = why;
	return r;
}

/* Entry 0, and those of kernels that were started by kexec later, for which
 * the list is read again. */
static rc
judge_aggregates(struct walk *w, struct err *e)
{
	uint64_t n = w->f->ima_end.aggregates - w->ima_start.aggregates;

	if (n == 0 || (n == 1 && ima_is_aggregate(&w->ima.first)))
		return judge_aggregate(w, &w->ima.first, e);
	return ima_covered(span_of(w->ev->ima.p, w->f->ima.bytes),
	    &w->ima_start, &w->f->judged, judge_aggregate, w, e);
}

rc
step_boot_aggregate(struct walk *w, enum check_state *state, struct err *e)
{
	*state = w->f->ima_ok ? CHECK_NOT_APPLICABLE : without_ima(w);
	if (!w->f->ima_ok || w->f->ima.entries == 0)
		return RC_OK;
	TRY(walk_below(e, judge_aggregates(w, e), "ima."));
	if (w->ima_start.entries == 0 && !w->ima.unverified) {
		*state = CHECK_PASSED;
		if (span_eq(w->ima.first.digest_alg, span_str("sha1")))
			verdict_quirk(w->v, "boot_aggregate_sha1");
	}
	return RC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Do the logs lead to the quoted PCR values? */
#include "attest/walk.h"
#include "base/text.h"

/* PCRs 0 to 7 belong to the firmware: its log alone must explain them. */
enum { FIRMWARE_PCRS = 0xff };

/* Put "eventlog." or "ima." before the path of a decoder. */
static rc
below(struct err *e, rc r, const char *prefix)
{
	return *e->path ? err_prefix(e, r, prefix) : r;
}

static const struct banks *
boot_banks(const struct walk *w)
{
	return &w->f->boot.banks; /* without a log: none, all at reset */
}

/* --- log.format ------------------------------------------------------- */

rc
step_log_format(struct walk *w, enum check_state *state, struct err *e)
{
	const struct policy *p = w->ctx->policy;
	struct span log = w->ev->eventlog;
	struct evlog *out = &w->f->log;

	w->log_sent = log.n > 0;
	if (!w->log_sent && p && policy_needs_log(p))
		return err_at(e, ERR_LOG_ABSENT, NULL, "eventlog");
	*state = w->log_sent ? CHECK_PASSED : CHECK_NOT_APPLICABLE;
	if (!w->log_sent)
		return RC_OK;
	TRY(below(e, evlog_decode(log, w->a, out, e), "eventlog."));
	for (unsigned bit = 1; bit && bit <= out->quirks; bit <<= 1)
		if (out->quirks & bit && evlog_quirk_name(bit))
			verdict_quirk(w->v, evlog_quirk_name(bit));
	TRY(boot_replay(out, w->h, w->a, &w->f->boot, e));
	w->log_decoded = true;
	return RC_OK;
}

/* --- log.binding ------------------------------------------------------ */

/* Every quoted bank is in the log, with a digest of every event. */
static rc
check_banks(const struct walk *w, struct err *e)
{
	const struct pcr_selections *sel = &w->f->quote.selection;

	for (size_t i = 0; i < sel->n; i++) {
		const struct hash_alg *alg = hash_by_id(sel->bank[i].alg);
		int at = evlog_alg_index(&w->f->log, sel->bank[i].alg);
		if (sel->bank[i].mask == 0)
			continue;
		if (at < 0 || w->f->log.incomplete & 1u << at)
			return err_text(e, ERR_LOG_BANK_MISSING, "eventlog",
			    at < 0 ? "The log has no digests of bank %s."
				   : "Some events have no digest of bank %s.",
			    alg ? alg->name : "?");
	}
	return RC_OK;
}

static void
split_event(struct walk *w, const struct evlog_event *ev)
{
	struct reason r = REASON(ERR_LOG_BANK_INCONSISTENT, LAYER_NONE);

	r.layer = layer_by_name(uefi_layer(&w->f->log, ev));
	r.path = arena_printf(w->a, "eventlog.events[%u].digests", ev->index);
	r.message = "The data of an event hashes to its digest in one bank and "
		    "not in another.";
	r.pcr = (int)ev->pcr;
	r.event = ev->index;
	r.event_type = evlog_type_name(ev->type);
	verdict_add(w->v, &r, EFF_NONE);
}

rc
step_log_binding(struct walk *w, enum check_state *state, struct err *e)
{
	*state = w->log_sent ? CHECK_NOT_RUN : CHECK_NOT_APPLICABLE;
	if (!w->log_decoded)
		return RC_OK;
	TRY(check_banks(w, e));
	*state = CHECK_PASSED;
	for (size_t i = 0; i < w->f->log.events_n; i++) {
		if (!w->f->boot.events[i].split)
			continue;
		split_event(w, &w->f->log.events[i]);
		*state = CHECK_FAILED;
	}
	return RC_OK;
}

/* --- the IMA list, first look ----------------------------------------- */

static rc
scan_ima(struct walk *w, struct err *e)
{
	struct ima_scan *s = &w->ima;

	ima_state_init(&w->ima_start, boot_banks(w), &w->f->quote.selection);
	if (w->ctx->ima_resume.p &&
	    !ima_state_resume(&w->ima_start, w->ctx->ima_resume))
		return err_at(e, ERR_IMA_OFFSET, NULL, "ima");
	TRY(below(e,
	    ima_scan(w->ev->ima, (uint32_t)w->ima_start.entries, &s->named,
		&s->entries, &s->first, e),
	    "ima."));
	s->named |= w->ima_start.pcrs;
	if (s->named & FIRMWARE_PCRS)
		return err_at(e, ERR_IMA_FORMAT,
		    "An entry names a PCR of the firmware (0 to 7).", "ima");
	return RC_OK;
}

static void
first_look(struct walk *w)
{
	w->ima.sent = w->ev->ima.n > 0 || w->ctx->ima_resume.p;
	if (w->ima.sent)
		w->ima.result = scan_ima(w, &w->ima.error);
}

/* --- ima.replay ------------------------------------------------------- */

static bool
ima_quoted(const struct walk *w)
{
	return w->ima.sent && rc_ok(w->ima.result) &&
	       w->ima.named & walk_quoted(w);
}

/* Replay the list once; the result is kept for the step that reports it. */
static void
walk_ima(struct walk *w)
{
	const struct ima_target target = {
	    .quote = &w->f->quote,
	    .hash = w->f->signature.hash,
	    .values = w->values_known ? &w->f->values : NULL,
	    .boot = boot_banks(w),
	};

	if (w->ima_walked)
		return;
	w->ima_walked = true;
	w->ima_result = ima_replay(w->ev->ima, &w->ima_start, &target, w->h,
	    NULL, NULL, &w->f->ima_end, &w->f->ima, &w->ima_error);
	w->f->ima_ok = rc_ok(w->ima_result);
}

/* --- log.replay ------------------------------------------------------- */

static void
wrong_pcr(struct walk *w, enum err_code code, enum layer layer, unsigned pcr,
    const struct bank *want, const struct bank *got)
{
	const struct hash_alg *alg = hash_by_id(want->alg);
	struct reason r = REASON(code, layer);

	r.pcr = (int)pcr;
	r.path = arena_printf(w->a, "pcrs.%s[%u]", alg->name, pcr);
	r.expected = hex_string(w->a, span_of(want->pcr[pcr], alg->size));
	r.found = hex_string(w->a, span_of(got->pcr[pcr], alg->size));
	verdict_add(w->v, &r, EFF_NONE);
}

/* Which quoted PCRs the boot log must reproduce: those that it extends, and
 * the firmware's in any case. What userspace extended into others is judged
 * by value, what IMA extended by its list. */
static uint32_t
bound_to_log(const struct walk *w, const struct bank *replayed)
{
	uint32_t ima = w->ima.sent && rc_ok(w->ima.result) ? w->ima.named : 0;

	return (replayed->touched | FIRMWARE_PCRS) & ~ima;
}

static bool
log_meets_values(struct walk *w)
{
	const struct pcr_selections *sel = &w->f->quote.selection;
	bool met = true;

	for (size_t i = 0; i < sel->n; i++) {
		uint16_t alg = sel->bank[i].alg;
		const struct bank *want = banks_get(&w->f->values, alg);
		const struct bank *got = banks_get(boot_banks(w), alg);
		if (sel->bank[i].mask == 0 || !want || !got)
			continue;
		uint32_t mask = sel->bank[i].mask & bound_to_log(w, got);
		size_t size = hash_by_id(alg)->size;
		for (unsigned p = 0; p < LIMIT_PCRS; p++) {
			if (!(mask & 1u << p) ||
			    memcmp(want->pcr[p], got->pcr[p], size) == 0)
				continue;
			wrong_pcr(
			    w, ERR_LOG_REPLAY, layer_of_pcr(p), p, want, got);
			met = false;
		}
	}
	return met;
}

/* The quoted PCRs of `all` are the quote's values from here on. */
static void
values_from(struct walk *w, const struct banks *all)
{
	const struct pcr_selections *sel = &w->f->quote.selection;
	struct banks *out = &w->f->values;

	out->n = 0;
	for (size_t i = 0; i < sel->n; i++) {
		const struct bank *from = banks_get(all, sel->bank[i].alg);
		if (!from || sel->bank[i].mask == 0)
			continue;
		out->bank[out->n] = *from;
		out->bank[out->n++].touched = sel->bank[i].mask;
	}
	w->values_known = true;
}

static void
add_unmet(struct walk *w, enum err_code code, enum layer layer,
    const char *path, const char *message)
{
	struct reason r = REASON(code, layer);

	r.path = path;
	r.message = message;
	verdict_add(w->v, &r, EFF_NONE);
}

/* Only pcrDigest is known, and no prefix of the list leads to it. Which log is
 * wrong cannot be told, so both are named; boot_aggregate, which the list has
 * of the boot PCRs, says which one more probably, and that goes first. */
static void
digest_unmet(struct walk *w)
{
	bool fits =
	    w->ima.first.path.p && rc_ok(ima_check_boot_aggregate(&w->ima.first,
				       boot_banks(w), w->h, NULL));
	enum err_code order[] = {fits ? ERR_IMA_REPLAY : ERR_LOG_REPLAY,
	    fits ? ERR_LOG_REPLAY : ERR_IMA_REPLAY};

	for (size_t i = 0; i < 2; i++)
		add_unmet(w, order[i],
		    order[i] == ERR_IMA_REPLAY ? LAYER_MIDDLEWARE : LAYER_NONE,
		    order[i] == ERR_IMA_REPLAY ? "ima.entries" : "eventlog",
		    i == 0 ? "The quote gives only a digest over its PCRs, and "
			     "boot log and IMA list together do not lead to "
			     "it; that this one is wrong is a guess from "
			     "boot_aggregate. Send PCR values to know."
			   : "Or this one: the digest over all PCRs does not "
			     "tell.");
	verdict_check(w->v, CHECK_LOG_REPLAY, CHECK_FAILED);
	verdict_check(w->v, CHECK_IMA_REPLAY, CHECK_FAILED);
}

static bool
digest_fits(struct walk *w)
{
	const struct tpm_quote *q = &w->f->quote;
	const struct hash_alg *alg = hash_by_id(w->f->signature.hash);
	uint8_t got[HASH_MAX];

	return alg &&
	       banks_composite(
		   boot_banks(w), &q->selection, alg->id, w->h, got) &&
	       span_eq(q->pcr_digest, span_of(got, alg->size));
}

/* Only pcrDigest is known: both logs have to lead to it. */
static rc
log_meets_digest(struct walk *w, enum check_state *state, struct err *e)
{
	bool ima = ima_quoted(w);
	uint32_t named = ima ? w->ima.named : 0;

	if (!w->log_decoded && walk_quoted(w) & ~named)
		return err_at(
		    e, ERR_QUOTE_VALUES_MISSING, NULL, "quote.pcrDigest");
	if (ima)
		walk_ima(w);
	if (ima ? w->f->ima_ok : digest_fits(w)) {
		values_from(w, ima ? &w->f->ima.pcrs : boot_banks(w));
		*state = CHECK_PASSED;
	} else if (!ima) {
		return err_at(e, ERR_LOG_REPLAY,
		    "The log does not lead to the digest over the quoted PCRs; "
		    "which PCR is wrong cannot be told without PCR values.",
		    "quote.pcrDigest");
	} else if (w->ima_result.code == ERR_IMA_REPLAY) {
		digest_unmet(w);
	}
	/* Any other fault of the list is for ima.replay to report. */
	return RC_OK;
}

rc
step_log_replay(struct walk *w, enum check_state *state, struct err *e)
{
	first_look(w);
	/* A log that could not be read, or a list that ima.format refuses. */
	if ((w->log_sent && !w->log_decoded) ||
	    (!w->values_known && !rc_ok(w->ima.result)))
		return RC_OK;
	if (!w->values_known)
		TRY(log_meets_digest(w, state, e));
	else
		*state = log_meets_values(w) ? CHECK_PASSED : CHECK_FAILED;
	w->f->log_ok = w->log_decoded && *state == CHECK_PASSED;
	if (!w->log_sent && *state == CHECK_PASSED)
		*state = CHECK_NOT_APPLICABLE;
	return RC_OK;
}

/* --- ima.format, ima.replay, ima.boot_aggregate ----------------------- */

/* There is nothing of IMA to judge: whether that matters is the policy's. */
static enum check_state
without_ima(const struct walk *w)
{
	const struct policy *p = w->ctx->policy;

	return p && policy_needs_ima(p) ? CHECK_NOT_RUN : CHECK_NOT_APPLICABLE;
}

rc
step_ima_format(struct walk *w, enum check_state *state, struct err *e)
{
	if (!w->ima.sent && without_ima(w) == CHECK_NOT_RUN)
		return err_at(e, ERR_IMA_ABSENT, NULL, "ima");
	*state = w->ima.sent ? CHECK_PASSED : CHECK_NOT_APPLICABLE;
	if (!rc_ok(w->ima.result))
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
	const struct pcr_selections *sel = &w->f->quote.selection;
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
			wrong_pcr(
			    w, ERR_IMA_REPLAY, LAYER_MIDDLEWARE, p, want, got);
			any = true;
		}
	}
	return any;
}

rc
step_ima_replay(struct walk *w, enum check_state *state, struct err *e)
{
	if (!ima_quoted(w)) {
		*state = without_ima(w);
		return RC_OK;
	}
	/* Neither values nor a log to compose the digest with. */
	if (!w->values_known && !w->ima_walked)
		return RC_OK;
	walk_ima(w);
	*state = CHECK_PASSED;
	if (rc_ok(w->ima_result))
		return RC_OK;
	if (w->values_known && w->ima_result.code == ERR_IMA_REPLAY &&
	    wrong_ima_pcrs(w)) {
		*state = CHECK_FAILED;
		return RC_OK;
	}
	*e = w->ima_error;
	return below(e, w->ima_result, "ima.");
}

/* Where PCR 0 to 9 of the quoted banks are known: the boot log, or values that
 * cover them. */
static const struct banks *
known_boot(const struct walk *w)
{
	const struct pcr_selections *sel = &w->f->quote.selection;

	if (w->log_decoded)
		return boot_banks(w);
	for (size_t i = 0; i < sel->n; i++)
		if ((sel->bank[i].mask & 0x3ff) != 0x3ff)
			return NULL;
	return &w->f->values;
}

static rc
judge_aggregate(void *ctx, const struct ima_entry *entry, struct err *e)
{
	struct walk *w = ctx;

	if (entry->index != 0 &&
	    !span_eq(entry->path, span_str("boot_aggregate")))
		return RC_OK;
	return ima_check_boot_aggregate(entry, known_boot(w), w->h, e);
}

/* Entry 0, and those of kernels that were started by kexec later. */
rc
step_boot_aggregate(struct walk *w, enum check_state *state, struct err *e)
{
	*state = w->f->ima_ok ? CHECK_NOT_APPLICABLE : without_ima(w);
	if (!w->f->ima_ok || w->f->ima.entries == 0 || !known_boot(w))
		return RC_OK;
	TRY(below(e,
	    ima_covered(span_of(w->ev->ima.p, w->f->ima.bytes),
		(uint32_t)w->ima_start.entries, &w->f->quote.selection,
		judge_aggregate, w, e),
	    "ima."));
	*state = CHECK_PASSED;
	return RC_OK;
}

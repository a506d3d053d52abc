/* SPDX-License-Identifier: Apache-2.0 */
/* Do the logs lead to the quoted PCR values? */
#include "attest/walk.h"
#include "base/text.h"
#include "replay/quirks.h"

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

static void
note_quirks(struct walk *w, unsigned quirks)
{
	for (unsigned bit = 1; evlog_quirk_name(bit); bit <<= 1)
		if (quirks & bit)
			verdict_quirk(w->v, evlog_quirk_name(bit));
}

rc
step_log_format(struct walk *w, enum check_state *state, struct err *e)
{
	const struct policy *p = w->ctx->policy;
	struct span log = w->ev->eventlog;
	struct evlog *out = &w->f->log;

	w->log_sent = log.n > 0;
	if (log.p && log.n == 0)
		verdict_quirk(w->v, "log_empty");
	if (!w->log_sent && p && policy_needs_log(p))
		return err_at(e, ERR_LOG_ABSENT, NULL, "eventlog");
	*state = w->log_sent ? CHECK_PASSED : CHECK_NOT_APPLICABLE;
	if (!w->log_sent)
		return RC_OK;
	TRY(below(e, evlog_decode(log, w->a, out, e), "eventlog."));
	if (out->profile != EVLOG_PC)
		return err_at(e, ERR_LOG_PROFILE, NULL, "eventlog");
	/* Banks that are not quoted prove nothing. */
	TRY(boot_replay(
	    out, &w->f->quote.selection, w->h, w->a, &w->f->boot, e));
	note_quirks(w, boot_quirks(out, &w->f->boot));
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

	if (verdict_full(w->v, ERR_LOG_BANK_INCONSISTENT, EFF_NONE)) {
		w->v->reasons_dropped++;
		return;
	}
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

/* --- the IMA list ----------------------------------------------------- */

static bool
ima_quoted(const struct walk *w)
{
	return w->ima.named & walk_quoted(w);
}

static rc
read_first(struct walk *w, struct err *e)
{
	struct ima_reader in =
	    ima_over(w->ev->ima, (uint32_t)w->ima_start.entries);
	bool more;

	return ima_next(&in, &w->ima.first, &more, e);
}

static rc
replay_ima(struct walk *w, struct err *e)
{
	const struct policy *p = w->ctx->policy;
	const struct ima_target target = {
	    .quote = &w->f->quote,
	    .hash = w->f->signature.hash,
	    .values = w->values_known ? &w->f->values : NULL,
	    .judged = p ? policy_ima_pcrs(p) : 0,
	};

	ima_state_init(&w->ima_start, boot_banks(w), &w->f->quote.selection);
	if (w->ctx->ima_resume.p &&
	    !ima_state_resume(&w->ima_start, w->ctx->ima_resume))
		return err_at(e, ERR_IMA_OFFSET, NULL, "%s", "");
	TRY(read_first(w, e));
	rc r = ima_replay(w->ev->ima, &w->ima_start, &target, w->h, NULL, NULL,
	    &w->f->ima_end, &w->f->ima, e);
	if (rc_ok(r) || r.code == ERR_IMA_REPLAY)
		w->ima.named = w->f->ima_end.pcrs;
	if (rc_ok(r) && w->ima.named & FIRMWARE_PCRS)
		return err_at(e, ERR_IMA_FORMAT,
		    "An entry names a PCR of the firmware (0 to 7).", "%s", "");
	return r;
}

static void
walk_ima(struct walk *w)
{
	if (!w->ima.sent)
		return;
	w->ima.walked = true;
	w->ima.result = replay_ima(w, &w->ima.error);
	if (!rc_ok(w->ima.result))
		(void)below(&w->ima.error, w->ima.result, "ima.");
	w->f->ima_ok = rc_ok(w->ima.result) && ima_quoted(w);
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
	return (replayed->touched | FIRMWARE_PCRS) & ~w->ima.named;
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
	static const char unmet[] =
	    "The log does not lead to the digest over the quoted PCRs; which "
	    "PCR is wrong cannot be told without PCR values.";
	rc missing = {ERR_QUOTE_VALUES_MISSING};

	/* Nothing can explain the firmware's PCRs without its log. */
	if (!w->log_decoded && walk_quoted(w) & FIRMWARE_PCRS)
		return err_at(e, missing.code, NULL, "quote.pcrDigest");
	walk_ima(w);
	if (w->ima.sent ? rc_ok(w->ima.result) : digest_fits(w)) {
		values_from(w, w->ima.sent ? &w->f->ima.pcrs : boot_banks(w));
		*state = CHECK_PASSED;
		return RC_OK;
	}
	/* Any other fault of the list is for its own checks to report. */
	if (w->ima.sent && w->ima.result.code != ERR_IMA_REPLAY)
		return RC_OK;
	if (!w->log_decoded && walk_quoted(w) & ~w->ima.named)
		return err_at(e, missing.code, NULL, "quote.pcrDigest");
	if (!ima_quoted(w))
		return err_at(e, ERR_LOG_REPLAY, unmet, "quote.pcrDigest");
	digest_unmet(w);
	return RC_OK;
}

static void
log_and_values(struct walk *w, enum check_state *state)
{
	walk_ima(w);
	*state = log_meets_values(w) ? CHECK_PASSED : CHECK_FAILED;
}

/* What a log says matters once it is known to be that of the quote. */
static void
refuse_contents(struct walk *w)
{
	const struct boot_facts facts = {.log = &w->f->log,
	    .replay = &w->f->boot,
	    .quoted = &w->f->quote.selection};

	if (policy_refuse_log(&facts, w->v))
		verdict_check(w->v, CHECK_LOG_BINDING, CHECK_FAILED);
}

rc
step_log_replay(struct walk *w, enum check_state *state, struct err *e)
{
	w->ima.sent = w->ev->ima.n > 0 || w->ctx->ima_resume.p;
	/* A log that could not be read: nothing to compare. */
	if (w->log_sent && !w->log_decoded)
		return RC_OK;
	if (w->values_known)
		log_and_values(w, state);
	else
		TRY(log_meets_digest(w, state, e));
	w->f->log_ok = w->log_decoded && *state == CHECK_PASSED;
	if (w->f->log_ok)
		refuse_contents(w);
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
	bool ok = w->ima.walked && rc_ok(w->ima.result);

	if (!w->ima.sent || (ok && !ima_quoted(w)))
		*state = without_ima(w);
	else if (ok)
		*state = CHECK_PASSED;
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

/* Where PCR 0 to 9 are known: the boot log, or values that cover them. */
static const struct banks *
known_boot(const struct walk *w)
{
	const struct pcr_selections *sel = &w->f->quote.selection;

	if (w->more_banks)
		return w->more_banks;
	if (w->log_decoded)
		return boot_banks(w);
	for (size_t i = 0; i < sel->n; i++)
		if ((sel->bank[i].mask & 0x3ff) != 0x3ff)
			return NULL;
	return &w->f->values;
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
	    banks_get(known_boot(w), alg->id))
		return RC_OK;
	bank_init(&one.bank[0], alg->id, log->startup_locality);
	TRY(boot_extend(log, 0, log->events_n, w->h, &one, e));
	if (!w->more_banks) {
		w->more_banks = arena_alloc(w->a, sizeof(*w->more_banks));
		if (!w->more_banks)
			return err_at(e, ERR_MEMORY, NULL, "eventlog");
		*w->more_banks = *boot_banks(w);
	}
	w->more_banks->bank[w->more_banks->n++] = one.bank[0];
	return RC_OK;
}

static rc
judge_aggregate(void *ctx, const struct ima_entry *entry, struct err *e)
{
	struct walk *w = ctx;

	if (entry->index != 0 && !ima_is_aggregate(entry))
		return RC_OK;
	TRY(find_bank(w, entry->digest_alg, e));
	return ima_check_boot_aggregate(entry, known_boot(w), w->h, e);
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
	    (uint32_t)w->ima_start.entries, &w->f->quote.selection,
	    judge_aggregate, w, e);
}

rc
step_boot_aggregate(struct walk *w, enum check_state *state, struct err *e)
{
	*state = w->f->ima_ok ? CHECK_NOT_APPLICABLE : without_ima(w);
	if (!w->f->ima_ok || w->f->ima.entries == 0 || !known_boot(w))
		return RC_OK;
	TRY(below(e, judge_aggregates(w, e), "ima."));
	*state =
	    w->ima_start.entries == 0 ? CHECK_PASSED : CHECK_NOT_APPLICABLE;
	return RC_OK;
}

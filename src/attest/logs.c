/* SPDX-License-Identifier: Apache-2.0 */
/* Does the boot log, continued by the userspace log, lead to the quoted PCR
 * values? */
#include "attest/walk.h"
#include "replay/quirks.h"

#include <stdio.h>

/* --- log.format ------------------------------------------------------- */

static rc
decode_logs(struct walk *w, struct err *e)
{
	struct span rest = w->ev->eventlog;
	size_t n = 0;
	size_t events = 0;

	w->logs = arena_array(w->a, LIMIT_BOOT_LOGS, sizeof(*w->logs));
	if (!w->logs)
		return err_at(e, ERR_MEMORY, NULL, "eventlog");
	while (rest.n) {
		char prefix[32] = "eventlog.";
		if (n == LIMIT_BOOT_LOGS)
			return err_at(e, ERR_LOG_TOO_LARGE,
			    "More than 16 boot logs follow each other.",
			    "eventlog");
		if (n)
			snprintf(
			    prefix, sizeof(prefix), "eventlog.logs[%zu].", n);
		TRY(walk_below(
		    e, evlog_decode_next(&rest, w->a, &w->logs[n], e), prefix));
		if (w->logs[n].profile != EVLOG_PC)
			return err_at(e, ERR_LOG_PROFILE, NULL, "eventlog");
		events += w->logs[n++].events_n;
		if (events > LIMIT_EVENTS)
			return err_at(e, ERR_LOG_TOO_LARGE, NULL, "eventlog");
	}
	w->logs_n = n;
	return RC_OK;
}

rc
step_log_format(struct walk *w, enum check_state *state, struct err *e)
{
	const struct policy *p = w->ctx->policy;
	struct reason empty = REASON(ERR_LOG_NO_EVENTS, LAYER_FIRMWARE);
	size_t measured = 0;

	w->log_sent = w->ev->eventlog.n > 0;
	if (w->ev->eventlog.p && !w->log_sent)
		verdict_quirk(w->v, "log_empty");
	if (!w->log_sent && p && policy_needs_log(p))
		return err_at(e, ERR_LOG_ABSENT, NULL, "eventlog");
	*state = w->log_sent ? CHECK_PASSED : CHECK_NOT_APPLICABLE;
	if (!w->log_sent)
		return RC_OK;
	TRY(decode_logs(w, e));
	for (size_t i = 0; i < w->logs_n; i++)
		measured += w->logs[i].measured_n;
	if (measured)
		return RC_OK;
	empty.path = "eventlog.events";
	verdict_add(w->v, &empty, EFF_NONE);
	*state = CHECK_FAILED;
	return RC_OK;
}

/* --- which of several logs -------------------------------------------- */

/* What one log leads to, in the quoted banks or in all that it has. */
static rc
log_banks(struct walk *w, const struct evlog *log, bool all, struct banks *out,
    struct err *e)
{
	out->n = 0;
	for (size_t i = 0; i < log->algs_n; i++)
		if (log->algs[i].known && log->algs[i].known->bank &&
		    (all ||
			pcr_selections_mask(&w->f->judged, log->algs[i].id)))
			bank_init(&out->bank[out->n++], log->algs[i].id,
			    log->startup_locality);
	return walk_below(
	    e, boot_extend(log, 0, log->events_n, w->h, out, e), "eventlog.");
}

/* How many quoted values the log, continued by the userspace log, meets. */
static rc
values_met(struct walk *w, const struct evlog *log, size_t *out, struct err *e)
{
	const struct pcr_selections *sel = &w->f->judged;
	struct userspace_match m;
	struct banks banks;
	size_t n = 0;

	TRY(log_banks(w, log, false, &banks, e));
	TRY(userspace_find(&w->f->userspace, sel, &banks, &w->f->values,
	    UINT32_MAX, w->h, &m));
	for (size_t i = 0; i < m.pcrs.n; i++) {
		const struct bank *got = &m.pcrs.bank[i];
		const struct bank *want = banks_get(&w->f->values, got->alg);
		uint32_t mask = pcr_selections_mask(sel, got->alg);
		size_t size = hash_by_id(got->alg)->size;
		for (unsigned p = 0; want && p < LIMIT_PCRS; p++)
			n += (mask & 1u << p) &&
			     memcmp(want->pcr[p], got->pcr[p], size) == 0;
	}
	*out = n;
	return RC_OK;
}

/* Only the digest is known. With an IMA list its boot_aggregate points at the
 * boot; that it points at the right one is shown by replay. */
static rc
digest_met(struct walk *w, const struct evlog *log, size_t *out, struct err *e)
{
	struct ima_reader in =
	    ima_over_as(w->ev->ima, 0, w->ev->ima_big_endian);
	struct userspace_match m;
	struct ima_entry first;
	struct banks banks;
	bool met = false;
	bool more = false;

	TRY(log_banks(w, log, w->ima.sent, &banks, e));
	if (w->ima.sent)
		met =
		    rc_ok(ima_next(&in, &first, &more, NULL)) && more &&
		    rc_ok(ima_check_boot_aggregate(&first, &banks, w->h, NULL));
	else
		TRY(userspace_find_digest(&w->f->userspace, &w->f->quote,
		    w->f->signature.hash, &banks, false, w->h, &met, &m));
	*out = met;
	return RC_OK;
}

/* Of several logs the one that meets most of the quote, and among equals the
 * last, which the machine wrote last. The others are not evidence: they are
 * neither replayed further nor shown to a policy. */
static rc
choose_log(struct walk *w, struct err *e)
{
	size_t best = 0;
	size_t at = w->logs_n - 1;

	for (size_t i = 0; w->logs_n > 1 && i < w->logs_n; i++) {
		size_t n = 0;
		TRY(w->values_known ? values_met(w, &w->logs[i], &n, e)
				    : digest_met(w, &w->logs[i], &n, e));
		if (n >= best && n)
			at = i;
		if (n > best)
			best = n;
	}
	if (w->logs_n > 1)
		verdict_quirk(w->v, "other_boot_logs_ignored");
	w->f->boot_logs = w->logs_n;
	w->f->boot_log_at = at;
	w->f->log = w->logs[at];
	return RC_OK;
}

static void
note_quirks(struct walk *w, unsigned quirks)
{
	for (unsigned bit = 1; evlog_quirk_name(bit); bit <<= 1)
		if (quirks & bit)
			verdict_quirk(w->v, evlog_quirk_name(bit));
}

static rc
replay_log(struct walk *w, struct err *e)
{
	const struct evlog *log = &w->f->log;

	TRY(choose_log(w, e));
	/* Banks that are not quoted prove nothing. */
	TRY(boot_replay(
	    log, &w->f->quote.selection, w->h, w->a, &w->f->boot, e));
	note_quirks(w, boot_quirks(log, &w->f->boot));
	w->start = w->f->boot.banks;
	w->f->explained = w->start;
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
	if (!w->logs_n)
		return RC_OK;
	TRY(replay_log(w, e));
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

/* --- log.replay: banks that the firmware closed ----------------------- */

/* The os-separators of userspace stand behind the cap. */
static rc
state_of_bank(struct walk *w, const struct bank *boot, uint32_t mask,
    enum bank_state *out, struct bank *capped)
{
	const struct bank *want = banks_get(&w->f->values, boot->alg);
	struct banks two = {.n = 2, .bank = {*boot}};

	*out = BANK_REPLAYS;
	if (!want || mask == 0)
		return RC_OK;
	TRY(bank_cap(boot, w->h, capped));
	two.bank[1] = *capped;
	TRY(userspace_extend(
	    &w->f->userspace, 0, w->f->userspace.records_n, mask, w->h, &two));
	*out = bank_compare(&two.bank[0], &two.bank[1], want, mask);
	return RC_OK;
}

/* A capped bank is not quoted as far as anything below is concerned. */
static void
close_bank(struct walk *w, uint16_t alg)
{
	struct reason r = REASON(ERR_BANK_CAPPED, LAYER_FIRMWARE);
	struct pcr_selections *sel = &w->f->judged;
	size_t n = 0;

	r.path = arena_printf(w->a, "pcrs.%s", hash_by_id(alg)->name);
	verdict_add(w->v, &r, EFF_NONE);
	for (size_t i = 0; i < sel->n; i++)
		if (sel->bank[i].alg != alg)
			sel->bank[n++] = sel->bank[i];
	sel->n = n;
}

static rc
close_banks(struct walk *w, struct err *e)
{
	const struct pcr_selections *sel = &w->f->quote.selection;

	for (size_t i = 0; i < sel->n; i++) {
		struct bank *boot = banks_find(&w->start, sel->bank[i].alg);
		enum bank_state state;
		struct bank capped;
		if (!boot)
			continue;
		rc r = state_of_bank(w, boot, sel->bank[i].mask & FIRMWARE_PCRS,
		    &state, &capped);
		if (!rc_ok(r))
			return err_at(e, r.code, NULL, "eventlog");
		if (state == BANK_CAPPED) {
			*boot = capped; /* what IMA found there */
			close_bank(w, sel->bank[i].alg);
		}
		if (state == BANK_UNEXTENDED)
			w->unextended |= 1u << i;
	}
	return RC_OK;
}

/* --- log.replay ------------------------------------------------------- */

/* Which quoted PCRs the logs must reproduce: those that they extend, and the
 * firmware's in any case. What else userspace extended is judged by value, what
 * IMA extended by its list; and a userspace log that is not complete, or lacks
 * the boot log that it continues, may leave PCRs open that no event of a boot
 * log names. */
static uint32_t
bound_to_logs(const struct walk *w, uint16_t alg)
{
	const struct bank *boot = banks_get(&w->start, alg);
	uint32_t mask = w->f->userspace_match.named;

	if (boot)
		mask |= boot->touched | FIRMWARE_PCRS;
	return mask & ~(w->ima.named & walk_ima_pcrs(w)) &
	       ~(w->f->userspace_match.wrong & walk_lenient(w));
}

static void
unmet(struct walk *w, size_t bank, unsigned pcr, const struct bank *want,
    const struct bank *got)
{
	bool userspace = walk_of_userspace(w, pcr);
	struct reason r = walk_wrong_pcr(w,
	    userspace ? ERR_USERSPACE_REPLAY : ERR_LOG_REPLAY, pcr, want, got);

	if (w->unextended & 1u << bank && (pcr == 0 || pcr == 7))
		r.message = "The firmware never extended this bank: PCR 0 or "
			    "PCR 7 has its reset value, and the log says "
			    "otherwise.";
	verdict_add(w->v, &r, EFF_NONE);
	if (userspace)
		w->userspace_state = CHECK_FAILED;
	else
		w->log_state = CHECK_FAILED;
}

static void
compare_values(struct walk *w)
{
	const struct pcr_selections *sel = &w->f->quote.selection;

	for (size_t i = 0; i < sel->n; i++) {
		uint16_t alg = sel->bank[i].alg;
		const struct bank *want = banks_get(&w->f->values, alg);
		const struct bank *got = banks_get(&w->f->explained, alg);
		uint32_t mask = pcr_selections_mask(&w->f->judged, alg);
		if (!want || !got)
			continue;
		mask &= bound_to_logs(w, alg);
		for (unsigned p = 0; p < LIMIT_PCRS; p++)
			if ((mask & 1u << p) &&
			    memcmp(want->pcr[p], got->pcr[p],
				hash_by_id(alg)->size) != 0)
				unmet(w, i, p, want, got);
	}
}

static rc
log_and_values(struct walk *w, struct err *e)
{
	struct userspace_match *m = &w->f->userspace_match;

	TRY(close_banks(w, e));
	rc r = userspace_find(&w->f->userspace, &w->f->judged, &w->start,
	    &w->f->values, walk_lenient(w), w->h, m);
	if (!rc_ok(r))
		return err_at(e, r.code, NULL, "userspace");
	w->f->explained = m->pcrs;
	walk_ima(w);
	compare_values(w);
	return RC_OK;
}

/* --- log.replay where only the digest is known ------------------------ */

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
	    w->ima.first.path.p && rc_ok(ima_check_boot_aggregate(
				       &w->ima.first, &w->start, w->h, NULL));
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
	w->log_state = CHECK_FAILED;
	verdict_check(w->v, CHECK_IMA_REPLAY, CHECK_FAILED);
}

static rc
find_digest(struct walk *w, bool *met, struct err *e)
{
	rc r = userspace_find_digest(&w->f->userspace, &w->f->quote,
	    w->f->signature.hash, &w->start, !w->ima.sent, w->h, met,
	    &w->f->userspace_match);

	if (!rc_ok(r))
		return err_at(e, r.code, NULL, "userspace");
	w->f->explained = w->f->userspace_match.pcrs;
	return RC_OK;
}

/* Only pcrDigest is known: the logs together have to lead to it. */
static rc
log_meets_digest(struct walk *w, struct err *e)
{
	static const char none[] =
	    "The log does not lead to the digest over the quoted PCRs; which "
	    "PCR is wrong cannot be told without PCR values.";
	bool log = w->log_decoded || w->f->userspace.records_n;
	rc missing = {ERR_QUOTE_VALUES_MISSING};
	bool met;

	w->log_state = CHECK_NOT_RUN;
	/* Nothing can explain the firmware's PCRs without its log. */
	if (!w->log_decoded && walk_quoted(w) & FIRMWARE_PCRS)
		return err_at(e, missing.code, NULL, "quote.pcrDigest");
	TRY(find_digest(w, &met, e));
	walk_ima(w);
	if (w->ima.sent ? rc_ok(w->ima.result) : log && met) {
		values_from(
		    w, w->ima.sent ? &w->f->ima.pcrs : &w->f->explained);
		w->log_state = CHECK_PASSED;
		return RC_OK;
	}
	/* Any other fault of the list is for its own checks to report. */
	if (w->ima.sent && w->ima.result.code != ERR_IMA_REPLAY)
		return RC_OK;
	if (!w->log_decoded && walk_quoted(w) & ~w->ima.named)
		return err_at(e, missing.code, NULL, "quote.pcrDigest");
	if (!(w->ima.named & walk_quoted(w)))
		return err_at(e, ERR_LOG_REPLAY, none, "quote.pcrDigest");
	digest_unmet(w);
	return RC_OK;
}

/* A bank is left that says something. */
static bool
any_judged(const struct walk *w)
{
	for (size_t i = 0; i < w->f->judged.n; i++)
		if (w->f->judged.bank[i].mask)
			return true;
	return false;
}

/* What a log says matters once it is known to be that of the quote. */
static void
refuse_contents(struct walk *w)
{
	const struct boot_facts facts = attest_boot_facts(w->f, w->h);

	if (policy_refuse_log(&facts, w->v))
		verdict_check(w->v, CHECK_LOG_BINDING, CHECK_FAILED);
}

rc
step_log_replay(struct walk *w, enum check_state *state, struct err *e)
{
	/* A log that could not be read: nothing to compare. */
	if (w->log_sent && !w->log_decoded)
		return RC_OK;
	w->log_state = CHECK_PASSED;
	w->userspace_state = CHECK_PASSED;
	if (w->values_known)
		TRY(log_and_values(w, e));
	else
		TRY(log_meets_digest(w, e));
	w->f->log_ok =
	    w->log_decoded && w->log_state == CHECK_PASSED && any_judged(w);
	*state = w->log_state;
	if (w->f->log_ok)
		refuse_contents(w);
	if (!w->log_sent && *state == CHECK_PASSED)
		*state = CHECK_NOT_APPLICABLE;
	return RC_OK;
}

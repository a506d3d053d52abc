/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One attestation.
 *
 * 1. The quote is taken before the IMA list and the userspace log are read: a
 *    list behind its quote would be refused, one ahead of it is legal.
 * 2. A frame that met a busy server or a broken line is sent again byte for
 *    byte. Parts that the server asks for go with the same quote.
 * 3. A challenge that the server no longer takes is replaced once.
 */
#include "agent/agent.h"

#include "agent/frame.h"
#include "base/clock.h"
#include "decode/tpm.h"

#include <stdio.h>

/* Challenges live longer than this; expires_at alone would trust our clock. */
static const int64_t challenge_life = 60 * TIME_S;

struct round {
	struct agent *ag;
	struct state *state;
	struct arena *a;
	struct identity id;
	struct progress p;
	int64_t until;	       /* clock_monotonic(): the command's patience */
	int64_t quote_until;   /* … the challenge's */
	struct tpm_evidence q; /* the quote that is being sent */
	uint8_t qualifying[32];
	bool full_log, full_ima;
};

/* --- challenge and quote ---------------------------------------------------
 */

static rc
need_challenge(struct round *w, struct err *e)
{
	const struct clock clock = clock_system();
	int64_t now = clock_now(&clock);

	if (!w->p.challenge.text || w->p.challenge.expires <= now)
		TRY(submit_challenge(
		    &w->ag->link, &w->id, w->until, w->a, &w->p.challenge, e));
	int64_t left = w->p.challenge.expires - now;
	w->quote_until =
	    clock_monotonic() + (left > challenge_life ? left : challenge_life);
	if (w->quote_until > w->until)
		w->quote_until = w->until;
	return RC_OK;
}

/* Load the AK, quickly where the TPM still knows it. */
static rc
load_keys(struct tpm_device *t, const struct identity *id, struct span *context,
    struct arena *a, struct err *e)
{
	struct span ek;
	struct err ignored;

	if (context->n && rc_ok(tpm_restore_ak(t, *context, &ignored)))
		return RC_OK;
	TRY(tpm_load_ek(t, id->ek, a, &ek, e));
	if (!span_eq(ek, id->ek_public))
		return err_at(e, ERR_AGENT_STATE,
		    "This is not the TPM that was enrolled; enrol this one "
		    "with a name of its own.",
		    "%s", "ek_public");
	TRY(tpm_load_ak(t, &id->ak, e));
	return tpm_save_ak(t, a, context, e);
}

static rc
quote_with(struct agent *ag, struct tpm_device *t, const struct identity *id,
    struct span *context, const char *pcrs, struct span qualifying,
    struct arena *a, struct tpm_evidence *out, struct err *e)
{
	struct pcr_selections sel;

	TRY(pcr_selections_parse(span_str(pcrs), &sel, e));
	TRY(load_keys(t, id, context, a, e));
	return tpm_take_quote(t, &sel, qualifying, ag->hasher, a, out, e);
}

static rc
take_quote(struct round *w, struct err *e)
{
	struct agent *ag = w->ag;
	struct tpm_device *t;

	TRY(hash_of(ag->hasher, ALG_SHA256, span_str(w->p.challenge.text),
	    w->qualifying));
	TRY(tpm_open(ag->o->tcti, &t, e));
	rc r = quote_with(ag, t, &w->id, &w->p.ak_context, w->p.challenge.pcrs,
	    span_of(w->qualifying, sizeof(w->qualifying)), w->a, &w->q, e);
	tpm_close(t);
	return r;
}

static rc
save_evidence(const struct round *w, struct err *e)
{
	const struct evidence_files f = {
	    .quote = &w->q,
	    .nonce = span_of(w->qualifying, sizeof(w->qualifying)),
	    .pcrs = w->p.challenge.pcrs,
	    .ak_public = w->id.ak.public_area,
	    .ek_public = w->id.ek_public,
	    .ek_certificate = w->id.ek_certificate,
	    .logs = &w->ag->o->logs,
	};

	return w->ag->o->save_dir ? evidence_write(w->ag->o->save_dir, &f, e)
				  : RC_OK;
}

/* --- frame -----------------------------------------------------------------
 */

static bool
same_boot(const struct round *w)
{
	return w->p.seen && w->p.reset_count == w->q.reset_count &&
	       w->p.restart_count == w->q.restart_count;
}

static void
tell_absent(const struct log_source *s)
{
	fprintf(stderr, "akashi-agent: this kernel has no %s (%s)\n", s->what,
	    s->path);
}

/* The boot log, or its hash where the server has it from this boot. */
static rc
put_boot_log(struct round *w, struct buf *frame, struct err *e)
{
	const struct log_source *s = &w->ag->o->logs.boot;
	struct log_part log = {0};
	uint8_t sha256[32];

	TRY(log_read(s, 0, &log, e));
	if (log.absent) {
		tell_absent(s);
		return RC_OK;
	}
	struct span bytes = buf_span(&log.bytes);
	rc r = hash_of(w->ag->hasher, ALG_SHA256, bytes, sha256);
	if (rc_ok(r) && !w->full_log && same_boot(w) && w->p.log_sent &&
	    memcmp(sha256, w->p.log_sha256, sizeof(sha256)) == 0)
		frame_put(frame, FRAME_BOOT_LOG_SHA256,
		    span_of(sha256, sizeof(sha256)));
	else
		frame_put(frame, FRAME_BOOT_LOG, bytes);
	buf_free(&log.bytes);
	return r;
}

/* What the server has not seen of the IMA list. A list that became shorter is
 * another one, as after kexec. */
static rc
put_ima(struct round *w, struct buf *frame, struct err *e)
{
	const struct log_source *s = &w->ag->o->logs.ima;
	uint64_t from = !w->full_ima && same_boot(w) ? w->p.ima_offset : 0;
	struct log_part list = {0};

	TRY(log_read(s, from, &list, e));
	if (list.behind) {
		buf_free(&list.bytes);
		from = 0;
		TRY(log_read(s, from, &list, e));
	}
	if (list.absent)
		tell_absent(s);
	else
		frame_put_ima(frame, from, s->big_endian ? FRAME_BIG_ENDIAN : 0,
		    buf_span(&list.bytes));
	buf_free(&list.bytes);
	return RC_OK;
}

/* The log of the running system, where it has one; after the quote, as the
 * IMA list. */
static rc
put_userspace_log(const struct round *w, struct buf *frame, struct err *e)
{
	struct log_part log = {0};

	TRY(log_read(&w->ag->o->logs.userspace, 0, &log, e));
	if (!log.absent)
		frame_put_flags(frame, FRAME_USERSPACE_LOG,
		    log.incomplete ? FRAME_INCOMPLETE : 0,
		    buf_span(&log.bytes));
	buf_free(&log.bytes);
	return RC_OK;
}

static rc
build_frame(struct round *w, struct buf *frame, struct err *e)
{
	frame_begin(frame);
	frame_put(frame, FRAME_CHALLENGE, span_str(w->p.challenge.text));
	frame_put(frame, FRAME_ATTEST, w->q.attest);
	frame_put(frame, FRAME_SIGNATURE, w->q.signature);
	if (w->q.pcrs.n)
		frame_put(frame, FRAME_PCRS, w->q.pcrs);
	TRY(put_boot_log(w, frame, e));
	TRY(put_ima(w, frame, e));
	TRY(put_userspace_log(w, frame, e));
	return frame->failed ? err_at(e, ERR_MEMORY, NULL, "%s", "") : RC_OK;
}

/* --- delivery --------------------------------------------------------------
 */

/* Build and send; again in full where the server asks for it. */
static rc
deliver(struct round *w, struct answer *out, struct err *e)
{
	for (;;) {
		struct buf frame = {0};
		rc r = build_frame(w, &frame, e);
		if (rc_ok(r))
			r = submit_evidence(&w->ag->link, &w->id,
			    buf_span(&frame), w->quote_until, w->a, out, e);
		buf_free(&frame);
		TRY(r);
		if (out->doc)
			return RC_OK;
		bool asked_twice = (out->need_log && w->full_log) ||
				   (out->need_ima && w->full_ima);
		w->full_log |= out->need_log;
		w->full_ima |= out->need_ima;
		if (asked_twice)
			return err_at(e, ERR_CLIENT_RESPONSE,
			    "The server asks again for what it was sent.", "%s",
			    "need");
	}
}

/* The server does not take this challenge, or it grew old while waiting. */
static bool
wants_new_challenge(const struct round *w, enum err_code code)
{
	switch ((int)code) {
	case ERR_CHALLENGE_FORMAT:
	case ERR_CHALLENGE_MAC:
	case ERR_CHALLENGE_NODE:
	case ERR_CHALLENGE_PURPOSE:
	case ERR_CHALLENGE_EXPIRED:
	case ERR_CHALLENGE_EPOCH:
	case ERR_CHALLENGE_USED:
		return true;
	default:
		return link_transient(code) && w->quote_until < w->until;
	}
}

static void
learn(struct round *w, const struct answer *got)
{
	w->p.challenge = got->next;
	w->p.interval = got->interval;
	w->p.seen = true;
	w->p.reset_count = got->reset_count;
	w->p.restart_count = got->restart_count;
	w->p.ima_offset = got->ima_offset;
	w->p.log_sent = got->log_known;
	memcpy(w->p.log_sha256, got->log_sha256, sizeof(w->p.log_sha256));
}

/* Attest with the next challenge; *again if a new one may help. */
static rc
attempt(struct round *w, struct answer *out, bool *again, struct err *e)
{
	*again = false;
	TRY(need_challenge(w, e));
	TRY(take_quote(w, e));
	TRY(save_evidence(w, e));
	rc r = deliver(w, out, e);
	if (rc_ok(r)) {
		learn(w, out);
		return r;
	}
	*again = wants_new_challenge(w, r.code);
	w->p.challenge = (struct offer){0};
	return r;
}

static rc
walk(struct round *w, struct answer *out, struct err *e)
{
	bool fresh = false;
	bool again;

	for (;;) {
		rc r = attempt(w, out, &again, e);
		/* A challenge that was refused is replaced once; one that grew
		 * old while the server was away, as long as patience lasts. */
		if (rc_ok(r) || !again || (fresh && !link_transient(r.code)))
			return r;
		fresh = true;
	}
}

static rc
attest_in(struct agent *ag, struct state *s, struct arena *a,
    struct answer *out, struct err *e)
{
	struct round w = {.ag = ag, .state = s, .a = a};
	struct err later;

	TRY(identity_load(s, a, &w.id, e));
	TRY(progress_load(s, a, &w.p, e));
	TRY(agent_connect(ag, &w.id, e));
	w.until = clock_monotonic() + ag->o->patience;
	rc r = walk(&w, out, e);
	rc kept = progress_save(s, &w.p, &later);
	if (rc_ok(r) && !rc_ok(kept)) {
		json_free(out->doc);
		*e = later;
		return kept;
	}
	return r;
}

rc
agent_attest(
    struct agent *ag, struct arena *a, struct answer *out, struct err *e)
{
	struct answer got = {0};
	struct state s;

	TRY(state_open(ag->o->state_dir, false, &s, e));
	rc r = attest_in(ag, &s, a, &got, e);
	state_close(&s);
	if (rc_ok(r))
		*out = got;
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of one submission: who sent it, for which challenge, is it genuine,
 * what does it say, and is the verdict on disk.
 *
 * 1. Nothing is recorded and no status changes before the AK's signature over
 *    the nonce of this very challenge was verified.
 * 2. The verdict is answered after its commit, never before.
 * 3. An error of ours ends in 503 and no verdict.
 * 4. Of two submissions of one node the second is judged after the first is
 *    recorded: whoever finds at the commit that the node has moved is judged
 *    again, against what it is now.
 * 5. Suspicion needs no record: evidence that is not kept because the node's
 *    quota is used up holds the node all the same.
 */
#include "akashid/server.h"

#include "attest/attest.h"
#include "base/limits.h"
#include "base/text.h"
#include "intake/submission.h"

#include <stdlib.h>

/* How often one submission is judged before the node is called busy. */
enum { RUNS_MAX = 16 };

/* One submission while it is judged and recorded. */
struct walk {
	struct commit_job job; /* first: the committer knows only this part */
	struct http_request *q;
	struct server *s;
	struct hasher *hasher; /* of the thread that works on it */
	struct snapshot *snap;
	struct uuid tenant, id; /* as the token claims */
	struct cached_node *node;
	struct submission sub;
	struct challenge challenge;
	const struct active_policy *policy; /* NULL: none applies */
	struct err no_policy;
	struct evidence evidence;
	struct verdict verdict;
	struct attest_facts facts;
	bool ima_continues;
	int64_t received, judged;
	struct buf next; /* the next challenge, as JSON */
};

static void
walk_end(struct walk *w)
{
	buf_free(&w->next);
	cached_node_drop(w->node);
	snapshot_drop(w->snap);
}

/* --- who and for what
 * ------------------------------------------------------------ */

/* The token says whose it is; that is believed once its secret's hash is the
 * node's. */
static rc
read_token(struct walk *w, struct sha256 *secret, struct err *e)
{
	struct span text = http_header(w->q, "Authorization");
	struct span raw;
	/* The gate has seen "Bearer aknt_" in front, in either case. */
	size_t skip = sizeof("Bearer " NODE_TOKEN_PREFIX) - 1;

	if (text.n < skip)
		return err_at(e, ERR_NODE_TOKEN, NULL, "%s", "");
	rc r = base64url_decode(
	    span_of(text.p + skip, text.n - skip), w->q->arena, &raw);
	if (r.code == ERR_MEMORY)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	if (!rc_ok(r) || raw.n != NODE_TOKEN)
		return err_at(e, ERR_NODE_TOKEN, NULL, "%s", "");
	struct rd in = rd_over(raw);
	rd_copy(&in, w->tenant.b, sizeof(w->tenant.b));
	rd_copy(&in, w->id.b, sizeof(w->id.b));
	return hash_of(w->hasher, ALG_SHA256, rd_rest(&in), secret->b);
}

/* The node, if the secret is its own; else it stays unnamed. */
static rc
get_node(struct walk *w, const struct sha256 *secret, struct err *e)
{
	struct cached_node *n;
	rc r = node_cache_get(w->s, &w->tenant, &w->id, &n, e);

	if (r.code == ERR_NODE_UNKNOWN) /* no oracle: as a wrong token */
		return err_at(e, ERR_NODE_TOKEN, NULL, "%s", "");
	TRY(r);
	if (!secret_equal(n->node.node_token.b, secret->b, sizeof(secret->b))) {
		cached_node_drop(n);
		return err_at(e, ERR_NODE_TOKEN, NULL, "%s", "");
	}
	w->node = n;
	return RC_OK;
}

static rc
authenticate(struct walk *w, struct err *e)
{
	struct sha256 secret;

	TRY(read_token(w, &secret, e));
	rc r = get_node(w, &secret, e);
	/* Another server may have given it a new token: the database says. */
	if (r.code == ERR_NODE_TOKEN) {
		node_cache_forget(w->s, &w->id, NODE_ANY_VERSION);
		r = get_node(w, &secret, e);
	}
	TRY(r);
	if (w->node->node.admission == ADMISSION_RETIRED)
		return err_at(e, ERR_NODE_RETIRED, NULL, "%s", "");
	return RC_OK;
}

static rc
read_challenge(struct walk *w, struct err *e)
{
	struct challenge_expect expect = {
	    .tenant = w->node->node.tenant,
	    .node = w->node->node.id,
	    .purpose = CHALLENGE_ATTEST,
	    .epoch = w->snap->epoch,
	    .now = w->received,
	};

	return challenge_check(&w->snap->keys, w->sub.challenge, &expect,
	    w->q->hasher, &w->challenge, e);
}

/* --- what was sent, and what was only referred to
 * ---------------------------------- */

static rc
need(const char *part, struct err *e)
{
	return err_text(e, ERR_FRAME_NEED, part,
	    "Send part \"%s\" in full, with the same challenge and quote.",
	    part);
}

static rc
find_eventlog(struct walk *w, struct err *e)
{
	const struct sha256 *kept = &w->node->node.state.attester.boot_log;

	w->evidence.eventlog = w->sub.eventlog;
	if (!w->sub.eventlog_hash.p)
		return RC_OK;
	if (sha256_none(kept) ||
	    !span_eq(w->sub.eventlog_hash, span_of(kept->b, sizeof(kept->b))))
		return need("boot_log", e);
	if (w->node->log)
		w->evidence.eventlog =
		    span_of(w->node->log->bytes, w->node->log->n);
	else
		TRY(w->s->store->ops->blob_get(w->s->store,
		    &w->node->node.tenant, kept, w->q->arena,
		    &w->evidence.eventlog, e));
	return w->evidence.eventlog.p ? RC_OK : need("boot_log", e);
}

/* A segment continues the list if it is of the same boot, starts where the
 * judged part ended, and that part was judged by the policy in force. */
static bool
segment_continues(const struct walk *w)
{
	const struct attester *a = &w->node->node.state.attester;
	struct sha256 hash = {{0}};

	if (!w->policy || !a->ima.n || a->ima_offset != w->sub.ima_offset)
		return false;
	policy_hash(w->policy->policy, hash.b);
	return sha256_eq(&hash, &a->ima_policy);
}

static rc
find_ima(struct walk *w, struct err *e)
{
	w->evidence.ima = w->sub.ima;
	if (!w->sub.ima.p || w->sub.ima_offset == 0)
		return RC_OK;
	if (!segment_continues(w))
		return need("ima", e);
	w->ima_continues = true;
	return RC_OK;
}

static rc
find_policy(struct walk *w, struct err *e)
{
	rc r = policy_for(
	    w->s, w->snap, &w->node->node, &w->policy, &w->no_policy);

	if (rc_ok(r) || is_no_policy(r))
		return RC_OK;
	*e = w->no_policy;
	if (err_class(r.code) == CLS_OURS)
		return r;
	/* A stored policy that this build refuses is no fault of the node. */
	log_note(&w->s->log, LOG_ERROR, "policies", e,
	    "an active policy cannot be used");
	return err_at(e, ERR_INTERNAL, NULL, "%s", "");
}

/* --- judging
 * -------------------------------------------------------------------------- */

struct tpm_clock
attester_clock(const struct attester *a)
{
	return (struct tpm_clock){
	    .known = a->known,
	    .clock = a->clock,
	    .reset_count = a->reset_count,
	    .restart_count = a->restart_count,
	    .firmware = a->firmware,
	    .from = a->clock_from,
	    .to = a->clock_to,
	    .diverged = a->diverged,
	};
}

static bool
found(const struct verdict *v, enum err_code code)
{
	for (size_t i = 0; i < v->reasons_n; i++)
		if (v->reasons[i].code == code)
			return true;
	return false;
}

/* A state that cannot be continued (other banks are asked for, or an older
 * build wrote it) is ours: the list is asked for again. */
static rc
judge(struct walk *w, struct err *e)
{
	const struct attester *before = &w->node->node.state.attester;
	struct tpm_clock clock = attester_clock(before);
	struct attest_context ctx = {
	    .nonce = span_of(
		w->challenge.qualifying, sizeof(w->challenge.qualifying)),
	    .nonce_given = true,
	    .asked = &w->challenge.selection,
	    .ak = w->node->base->ak,
	    .ak_qualified = &w->node->base->ak_qualified,
	    .ek = &w->node->base->ek,
	    .revocation = w->snap->anchors,
	    .refuse_virtual = !w->snap->allow_virtual,
	    .clock = &clock,
	    .boot_log =
		sha256_none(&before->boot_log) ? NULL : before->boot_log.b,
	    .log_sha256 = w->sub.eventlog_hash.p,
	    .issued = w->challenge.issued,
	    .policy = w->policy ? w->policy->policy : NULL,
	    .no_policy = &w->no_policy,
	    .env_class = arena_printf(w->q->arena, "%.*s",
		(int)w->node->node.env_class.n,
		w->node->node.env_class.n
		    ? (const char *)w->node->node.env_class.p
		    : ""),
	    .region = w->snap->region,
	    .now = w->received,
	};

	if (!ctx.env_class)
		return err_at(e, ERR_MEMORY, NULL, "node");

	if (w->ima_continues)
		ctx.ima_resume = w->node->node.state.attester.ima;
	w->evidence.attest = w->sub.attest;
	w->evidence.signature = w->sub.signature;
	w->evidence.pcrs = w->sub.pcrs;
	w->evidence.userspace = w->sub.userspace;
	w->evidence.userspace_incomplete = w->sub.userspace_incomplete;
	w->evidence.ima_big_endian = w->sub.ima_big_endian;
	verdict_init(&w->verdict, w->q->arena);
	TRY(attest_evidence(&w->evidence, &ctx, w->q->hasher, w->q->arena,
	    &w->verdict, &w->facts, e));
	if (w->ima_continues &&
	    (w->facts.rebooted || found(&w->verdict, ERR_IMA_OFFSET)))
		return need("ima", e);
	return RC_OK;
}

/* The first reason, as the answer to evidence that proves nothing. */
static rc
first_reason(const struct verdict *v, struct err *e)
{
	const struct reason *r = &v->reasons[0];

	if (v->reasons_n == 0)
		return err_at(e, ERR_INTERNAL, NULL, "quote");
	return err_text(
	    e, r->code, r->path ? r->path : "", "%.300s", r->message);
}

/* An older quote of the same power cycle, for a challenge from before the last
 * verdict: it was late, and says nothing about the clock. A TPM that was
 * rolled back shows it with its next challenge. */
static bool
overtaken(const struct walk *w)
{
	const struct node_state *st = &w->node->node.state;
	const struct tpm_quote *quote = &w->facts.quote;

	return found(&w->verdict, ERR_QUOTE_CLOCK_BACK) &&
	       quote->reset_count == st->attester.reset_count &&
	       quote->restart_count == st->attester.restart_count &&
	       w->challenge.issued <= st->verified;
}

/* Genuine: signed by the enrolled AK, over the nonce of this challenge. */
static rc
require_genuine(const struct walk *w, struct err *e)
{
	if (overtaken(w))
		return err_text(e, ERR_CHALLENGE_EXPIRED, "challenge",
		    "A later quote of this node was recorded meanwhile.");
	if (w->verdict.checks[CHECK_QUOTE_SIGNATURE] == CHECK_PASSED &&
	    w->verdict.checks[CHECK_QUOTE_SIGNER] != CHECK_FAILED &&
	    w->verdict.checks[CHECK_QUOTE_NONCE] == CHECK_PASSED)
		return RC_OK;
	return first_reason(&w->verdict, e);
}

/* --- the record
 * ------------------------------------------------------------------------ */

/* The first reason that suspects tampering, or ERR_OK. */
static enum err_code
tamper_code(const struct verdict *v)
{
	for (size_t i = 0; i < v->reasons_n; i++)
		if (err_class(v->reasons[i].code) == CLS_TAMPER)
			return v->reasons[i].code;
	return ERR_OK;
}

static bool
tampering(const struct verdict *v)
{
	/* A policy that only observes lowers no status; evidence that cannot be
	 * believed does, whatever the policy. */
	if (v->result != RESULT_REJECT &&
	    (v->result != RESULT_FAIL || v->observe))
		return false;
	return tamper_code(v) != ERR_OK;
}

static enum err_code
first_code(const struct walk *w)
{
	/* The gravest; what counts for nothing explains no result. */
	if (w->verdict.reasons_n && w->verdict.reasons[0].effect != EFF_NONE)
		return w->verdict.reasons[0].code;
	return w->policy ? ERR_OK : w->no_policy.code;
}

static bool
accepted(enum result r)
{
	return r == RESULT_PASS || r == RESULT_WARN;
}

/* Nothing was found in the list, not even for a warning. */
static bool
list_is_clean(const struct verdict *v)
{
	for (size_t i = 0; i < v->reasons_n; i++)
		if (strncmp(err_name(v->reasons[i].code), "ima.", 4) == 0)
			return false;
	return v->reasons_dropped == 0;
}

/* Where the next IMA segment starts: after what was judged and accepted. A
 * list that failed or warned is sent again from there, so that its failure or
 * warning stays. */
static rc
next_ima(struct walk *w, struct attester *a, struct err *e)
{
	struct record *r = &w->job.record;
	struct span state;

	if (!w->facts.ima_ok || !accepted(w->verdict.result) || !w->policy ||
	    !list_is_clean(&w->verdict))
		return RC_OK;
	TRY(ima_state_encode(&w->facts.ima_end, w->q->arena, &state, e));
	a->ima = state;
	a->ima_offset = w->sub.ima_offset + w->facts.ima.bytes;
	policy_hash(w->policy->policy, a->ima_policy.b);
	r->ima_accepted = true;
	return RC_OK;
}

/* The first log of a boot that was believed is the one that others of the same
 * boot are compared with; one that is left out is not forgotten. */
static void
remember_log(const struct walk *w, struct attester *a)
{
	bool same_boot = a->known && !w->facts.rebooted;

	if (same_boot && !sha256_none(&a->boot_log))
		return;
	a->boot_log = (struct sha256){{0}};
	for (size_t i = 0; w->facts.log_hashed && i < sizeof(a->boot_log.b);
	     i++)
		a->boot_log.b[i] = w->facts.log_sha256[i];
}

static rc
next_attester(struct walk *w, struct attester *a, struct err *e)
{
	const struct tpm_quote *quote = &w->facts.quote;

	/* Nothing in it is used, but that it exists. */
	if (w->verdict.result == RESULT_REJECT) {
		a->diverged |= found(&w->verdict, ERR_QUOTE_CLOCK_BACK);
		return RC_OK;
	}
	if (w->facts.rebooted || !w->ima_continues) {
		a->ima = (struct span){NULL, 0};
		a->ima_offset = 0;
		a->ima_policy = (struct sha256){{0}};
	}
	remember_log(w, a);
	a->firmware = a->known && a->firmware > quote->firmware
			  ? a->firmware
			  : quote->firmware;
	a->known = true;
	a->clock = quote->clock;
	a->reset_count = quote->reset_count;
	a->restart_count = quote->restart_count;
	a->clock_from = w->facts.pace.from;
	a->clock_to = w->facts.pace.to;
	return next_ima(w, a, e);
}

static rc
next_state(struct walk *w, const struct conf *conf, struct err *e)
{
	struct node_state *after = &w->job.record.after;
	int64_t valid = w->policy ? policy_valid_for(w->policy->policy) : 0;

	*after = w->node->node.state;
	TRY(next_attester(w, &after->attester, e));
	after->verdict = w->job.record.row.id;
	if (!node_still_failed(&w->node->node.state, w->verdict.result)) {
		after->result = w->verdict.result;
		after->code = first_code(w);
		after->observe = w->verdict.observe;
	}
	after->verified = w->judged;
	after->valid_until =
	    w->judged + (valid ? valid : conf->attest_valid_for);
	/* What a waiver let pass does not outlive it. */
	if (w->verdict.waived_until &&
	    w->verdict.waived_until < after->valid_until)
		after->valid_until = w->verdict.waived_until;
	if (tampering(&w->verdict))
		after->held = true;
	if (w->verdict.result == RESULT_REJECT &&
	    !node_quota_take(
		after, w->judged, (uint32_t)conf->attest_rejected_per_day))
		return err_at(e, ERR_NODE_QUOTA, NULL, "%s", "");
	return RC_OK;
}

static rc
fill_row(struct walk *w, struct err *e)
{
	struct verdict_row *row = &w->job.record.row;
	const struct node *n = &w->node->node;

	row->tenant = n->tenant;
	row->node = n->id;
	row->previous = n->state.verdict;
	for (size_t i = 0; i < sizeof(row->challenge); i++)
		row->challenge[i] = w->challenge.id[i];
	row->challenge_issued = w->challenge.issued;
	row->received = w->received;
	row->now = w->received;
	row->verified = w->judged;
	row->result = w->verdict.result;
	row->code = first_code(w);
	row->before = n->state.attester;
	row->ima_start = w->sub.ima_offset;
	TRY(hash_of(w->q->hasher, ALG_SHA256, w->q->body, row->evidence.b));
	if (!rc_ok(uuid_v7(w->judged, &row->id)))
		return err_at(e, ERR_RANDOM, NULL, "%s", "");
	return RC_OK;
}

static rc
seal(struct walk *w, struct err *e)
{
	const struct node *n = &w->node->node;
	struct verdict_context ctx = {
	    .node = n,
	    .trust_anchors = w->snap->anchors_digest,
	    .crls = w->snap->crls,
	    .crls_n = w->snap->crls_n,
	    .switches = w->snap->switches,
	    .build = AKASHID_BUILD,
	    .instance = w->s->instance,
	    .disclosure = "1",
	    .ima_big_endian = w->sub.ima_big_endian,
	};

	if (w->policy) {
		ctx.policy_name = w->policy->name;
		ctx.policy_version = w->policy->version;
		ctx.policy_author = w->policy->author;
		ctx.policy_approver = w->policy->approver;
		ctx.policy_four_eyes = w->policy->four_eyes;
		ctx.policy_signed_by = w->policy->signed_by;
		ctx.policy_trial = w->policy->trial;
		ctx.reference_sets = w->policy->refset;
		ctx.reference_sets_n = w->policy->refsets_n;
		policy_hash(w->policy->policy, ctx.policy_hash.b);
	}
	return record_seal(
	    &w->job.record, &ctx, &w->verdict, w->q->hasher, w->q->arena, e);
}

static rc
make_record(struct walk *w, struct err *e)
{
	struct record *r = &w->job.record;
	const struct conf *conf = conf_take(w->s->conf);

	r->version = w->node->node.version;
	r->challenge_expires = w->challenge.issued + w->challenge.ttl;
	r->attest = w->sub.attest;
	r->signature = w->sub.signature;
	r->pcrs = w->sub.pcrs;
	r->boot_log = w->sub.eventlog;
	r->userspace_log = w->sub.userspace;
	r->ima = w->sub.ima;
	r->row.boot = (uint64_t)w->facts.quote.reset_count << 32 |
		      w->facts.quote.restart_count;
	rc rv = fill_row(w, e);
	if (rc_ok(rv))
		rv = next_state(w, conf, e);
	conf_drop(w->s->conf, conf);
	TRY(rv);
	r->row.valid_until = r->after.valid_until;
	/* By reference: the same log as before, whose bytes are kept. */
	if (w->sub.eventlog_hash.p)
		for (size_t i = 0; i < 32; i++)
			r->row.boot_log.b[i] = w->sub.eventlog_hash.p[i];
	return seal(w, e);
}

/* --- the answer
 * ------------------------------------------------------------------------ */

static void
write_reason(struct jw *j, enum err_code code, enum layer layer)
{
	jw_object(j);
	jw_kstr(j, "code", err_name(code));
	jw_kstr(j, "class", err_class_name(code));
	jw_kstr(j, "layer", layer_name(layer));
	jw_object_end(j);
}

static void
write_next(const struct attester *a, struct jw *j)
{
	jw_key(j, "ima_next");
	jw_object(j);
	jw_ku64(j, "reset_count", a->reset_count);
	jw_ku64(j, "restart_count", a->restart_count);
	jw_ku64(j, "offset", a->ima_offset);
	jw_object_end(j);
	jw_key(j, "boot_log_sha256");
	if (sha256_none(&a->boot_log))
		jw_null(j);
	else
		jw_hex(j, span_of(a->boot_log.b, sizeof(a->boot_log.b)));
}

/* A verdict as its node learns it: never an expected value. `v` NULL: of a
 * stored verdict only the first reason is told again. */
static void
write_answer(struct walk *w, const struct node *node, const struct verdict *v)
{
	struct jw j = answer_json(w->q);
	const struct conf *conf = conf_take(w->s->conf);
	int64_t agreed = w->policy ? policy_interval(w->policy->policy) : 0;
	int64_t interval = agreed ? agreed : conf->attest_interval;
	char id[UUID_TEXT];
	enum err_code why;

	uuid_emit(&node->state.verdict, id);
	jw_object(&j);
	jw_kstr(&j, "verdict", id);
	jw_kstr(&j, "result", result_name(v ? v->result : node->state.result));
	jw_kstr(&j, "status", status_name(node_status(node, w->judged, &why)));
	jw_kstr(&j, "admission", admission_name(node->admission));
	jw_ktime(&j, "valid_until", node->state.valid_until);
	jw_key(&j, "reasons");
	jw_array(&j);
	for (size_t i = 0; v && i < v->reasons_n; i++)
		write_reason(&j, v->reasons[i].code, v->reasons[i].layer);
	if ((!v || v->reasons_n == 0) && node->state.code != ERR_OK)
		write_reason(&j, node->state.code, LAYER_NONE);
	jw_array_end(&j);
	write_next(&node->state.attester, &j);
	jw_key(&j, "challenge");
	jw_raw(&j, buf_span(&w->next));
	jw_ku64(&j, "interval_seconds", (uint64_t)(interval / TIME_S));
	jw_object_end(&j);
	conf_drop(w->s->conf, conf);
}

/* The challenge was used: the same evidence gets its verdict again, other
 * evidence gets nothing. */
static rc
answer_used(struct walk *w, const struct used *used, struct err *e)
{
	const struct store *st = w->s->store;
	struct verdict_row row;
	struct node node;
	struct sha256 evidence;

	TRY(hash_of(w->hasher, ALG_SHA256, w->q->body, evidence.b));
	if (!sha256_eq(&used->evidence, &evidence))
		return err_at(e, ERR_CHALLENGE_USED, NULL, "%s", "");
	TRY(st->ops->node_get(w->s->store, &w->challenge.tenant,
	    &w->challenge.node, NULL, w->q->arena, &node, e));
	TRY(st->ops->verdict_get(w->s->store, &w->challenge.tenant,
	    &used->verdict, w->q->arena, &row, e));
	node.state.verdict = row.id;
	node.state.result = row.result;
	node.state.code = row.code;
	node.state.valid_until = row.valid_until;
	write_answer(w, &node, NULL);
	return RC_OK;
}

/* Before the node is asked for more: was this challenge answered already? */
static rc
used_before(struct walk *w, bool *answered, struct err *e)
{
	struct node node;

	TRY(w->s->store->ops->node_get(w->s->store, &w->challenge.tenant,
	    &w->challenge.node, w->challenge.id, w->q->arena, &node, e));
	if (node.used.found)
		TRY(answer_used(w, &node.used, e));
	*answered = node.used.found;
	return RC_OK;
}

/* --- the end of a walk
 * --------------------------------------------------------------------- */

static void
count_verdict(const struct walk *w, struct metrics_slot *slot)
{
	static const enum metric_result results[] = {
	    [RESULT_NONE] = METRIC_UNKNOWN,
	    [RESULT_PASS] = METRIC_PASS,
	    [RESULT_WARN] = METRIC_WARN,
	    [RESULT_FAIL] = METRIC_FAIL,
	    [RESULT_REJECT] = METRIC_REJECT,
	};
	enum metric_result r = results[w->verdict.result];

	if (first_code(w) == ERR_OK)
		metrics_verdict_clean(slot, r);
	else
		metrics_verdict(slot, r, err_class(first_code(w)));
}

static void
log_verdict(const struct walk *w)
{
	const struct node *n = &w->node->node;
	struct log_line l;
	char id[UUID_TEXT];

	log_begin(&l, &w->s->log, LOG_INFO, "attest");
	uuid_emit(&n->id, id);
	jw_kstr(&l.w, "host.id", id);
	jw_kstr(&l.w, "host.name", n->name);
	uuid_emit(&w->job.record.row.id, id);
	jw_kstr(&l.w, "event.id", id);
	jw_kstr(&l.w, "event.outcome", result_name(w->verdict.result));
	jw_kstr(&l.w, "attest.reason", err_name(first_code(w)));
	jw_kstr(&l.w, "rule.ruleset", w->policy ? w->policy->name : NULL);
	jw_kstr(&l.w, "trace.id", w->q->trace);
	jw_kstr(&l.w, "source.ip", w->q->source);
	log_end(&l);
}

/* A stranger's claim names nobody. */
static void
note_event(const struct walk *w, enum err_code code)
{
	struct uuid nobody = uuid_zero();

	if (err_class(code) == CLS_TAMPER && w->node)
		committer_event(w->q, w->hasher, &w->tenant, &w->id, code);
	else if (err_class(code) == CLS_TAMPER)
		committer_event(w->q, w->hasher, &nobody, NULL, code);
}

/* The node is not what was judged: read it and judge again. False if that was
 * done too often already. The walk ends with it. */
static bool
moved(struct walk *w)
{
	struct http_request *q = w->q;

	node_cache_forget(w->s, &w->node->node.id, w->node->node.version);
	if (q->runs + 1 >= RUNS_MAX)
		return false;
	buf_free(&q->answer.body);
	walk_end(w);
	http_again(q);
	return true;
}

/* On the committer's thread; its hasher, not the loop's. */
static void
recorded(struct commit_job *job, const struct err *commit_error)
{
	struct walk *w = (struct walk *)job;
	struct server *s = w->s;
	struct http_request *q = w->q;
	struct err e = *commit_error;
	rc r = RC_OK;

	w->hasher = s->commit_hasher;
	switch (job->record.outcome) {
	case OUTCOME_COMMITTED:
		node_cache_advance(
		    s, w->node, &job->record.after, w->evidence.eventlog);
		count_verdict(w, metrics_slot(s->metrics, s->loops));
		log_verdict(w);
		break;
	case OUTCOME_DUPLICATE:
		buf_free(&q->answer.body);
		r = answer_used(w, &job->record.used, &e);
		break;
	case OUTCOME_CONFLICT:
		if (moved(w))
			return;
		r = err_at(&e, ERR_NODE_BUSY, NULL, "%s", "");
		break;
	case OUTCOME_NONE:
	case OUTCOME_FAILED:
	default:
		r = (rc){e.code ? e.code : ERR_DATABASE};
	}
	if (!rc_ok(r)) {
		buf_free(&q->answer.body);
		note_event(w, e.code);
		(void)answer_problem(q, &e);
	}
	walk_end(w);
	http_resume(q);
}

/* --- the walk
 * --------------------------------------------------------------------------------
 */

static rc
identify(struct walk *w, struct err *e)
{
	TRY(authenticate(w, e));
	TRY(submission_decode(w->q->body, &w->sub, e));
	TRY(read_challenge(w, e));
	struct jw j = jw_over(&w->next);
	TRY(write_challenge(
	    w->q, w->snap, &w->challenge.tenant, &w->challenge.node, &j, e));
	if (w->next.failed)
		return err_at(e, ERR_MEMORY, NULL, "challenge");
	return find_policy(w, e);
}

static rc
gather(struct walk *w, struct err *e)
{
	TRY(find_eventlog(w, e));
	TRY(find_ima(w, e));
	return judge(w, e);
}

/* What node the answer speaks of: as it will be once the record is durable. */
static void
prepare_answer(struct walk *w)
{
	struct node after = w->node->node;

	after.state = w->job.record.after;
	write_answer(w, &after, &w->verdict);
}

/* Over the quota nothing is kept; suspicion is. NODE_QUOTA again, NODE_BUSY if
 * the node has moved meanwhile. */
static rc
hold(struct walk *w, struct err *e)
{
	const struct node *n = &w->node->node;
	enum err_code why = tamper_code(&w->verdict);
	struct err failed;

	if (why == ERR_OK || !tampering(&w->verdict))
		return (rc){e->code};
	rc r = w->s->store->ops->node_hold(
	    w->s->store, &n->tenant, &n->id, n->version, &failed);
	if (!rc_ok(r)) {
		*e = failed;
		return r;
	}
	node_cache_forget(w->s, &n->id, n->version);
	committer_event(w->q, w->hasher, &n->tenant, &n->id, why);
	return (rc){e->code};
}

static enum http_then
refuse(struct walk *w, const struct err *e)
{
	struct http_request *q = w->q;
	bool need = e->code == ERR_FRAME_NEED, answered = false;
	struct err used = *e;
	rc r = RC_OK;

	if (need || e->code == ERR_NODE_QUOTA)
		r = used_before(w, &answered, &used);
	if (need && rc_ok(r) && !answered) {
		answer_need(q, e);
		answered = true;
	}
	if (e->code == ERR_NODE_QUOTA && rc_ok(r) && !answered &&
	    hold(w, &used).code == ERR_NODE_BUSY && moved(w))
		return HTTP_LATER;
	if (!answered)
		note_event(w, used.code);
	walk_end(w);
	return answered ? HTTP_ANSWER : answer_problem(q, &used);
}

enum http_then
handle_evidence(struct http_request *q)
{
	struct server *s = server_of(q);
	struct walk *w = arena_alloc(q->arena, sizeof(*w));
	struct err e = {.code = ERR_MEMORY};

	if (!w)
		return answer_problem(q, &e);
	*w = (struct walk){.q = q,
	    .s = s,
	    .hasher = q->hasher,
	    .received = clock_now(&s->clock),
	    .judged = clock_now(&s->clock),
	    .snap = snapshot_take(s)};
	if (!w->snap) {
		(void)err_at(&e, ERR_DATABASE, NULL, "%s", "");
		return answer_problem(q, &e);
	}
	int64_t start = clock_monotonic();
	rc r = identify(w, &e);
	if (rc_ok(r))
		r = gather(w, &e);
	if (rc_ok(r))
		r = require_genuine(w, &e);
	w->judged = clock_now(&s->clock);
	if (rc_ok(r))
		r = make_record(w, &e);
	if (!rc_ok(r))
		return refuse(w, &e);
	metrics_attest(slot_of(q), METRIC_APPRAISE, clock_monotonic() - start);
	prepare_answer(w);
	w->job.q = q;
	w->job.done = recorded;
	committer_put(s, &w->job);
	return HTTP_LATER;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One page of a simulation: what would a policy say of what is recorded. */
#include "akashid/simulate.h"

#include "appraise/cause.h"
#include "attest/attest.h"
#include "base/limits.h"
#include "base/text.h"
#include "record/labels.h"

#include <stdlib.h>

enum {
	PAGE_MS = 500,	  /* of work, then the rest is another page's */
	PAGE_ROWS = 4096, /* judged in a page at most */
	BATCH = 200,	  /* boots listed at a time */
	/* Evidence read at a time, unless one piece alone is larger. */
	CHUNK_BYTES = 8 * 1024 * 1024,
	PAGE_ARENA = 64 * 1024 * 1024,
	READ_ARENA = 1024 * 1024 * 1024,
	SHARES_MAX = 256,
	BODY_MORE = 64 * 1024, /* beside the candidate */
};

struct item {
	struct item *next;
	const char *node;
	struct uuid verdict;
	bool latest;
};

struct tally {
	uint64_t attestations, nodes; /* nodes: of their latest boot */
};

/* What is said of an attestation. */
struct said {
	struct reason why; /* the first reason; code ERR_OK: none */
	struct cause cause;
};

/* Attestations of which the same would be said, for the same reason. */
struct group {
	struct group *next;
	enum result recorded, candidate;
	enum err_code recorded_code; /* where the candidate has no reason */
	struct said said;
	struct tally tally;
	struct item *items, **tail;
};

struct simulation {
	struct http_request *q;
	struct server *server;
	const struct simulating *with;
	struct boots_filter filter;
	struct policy *policy;
	struct arena arena; /* of what is answered */
	struct arena read;  /* of one batch */
	struct trial trial;
	size_t rows;
	int64_t until; /* clock_monotonic() */
	bool more;
	struct tally not_judged[OTHER_CLASS + 1];
	struct group *groups, **tail;
};

/* --- what is asked
 * -------------------------------------------------------------- */

static const char *const members[] = {"candidate", "policy", "version", "since",
    "labels", "share", "shares", "cursor", NULL};

/* "NODE:BOOT" */
static rc
read_cursor(struct simulation *p, const json_t *doc, struct err *e)
{
	struct span text;

	if (!json_has(doc, "cursor"))
		return RC_OK;
	TRY(json_get_str(doc, "", "cursor", &text, e));
	const uint8_t *colon = text.n ? memchr(text.p, ':', text.n) : NULL;
	size_t n = colon ? (size_t)(colon - text.p) : 0;
	if (!colon ||
	    !rc_ok(uuid_parse(span_of(text.p, n), &p->filter.after)) ||
	    !number_parse(span_of(colon + 1, text.n - n - 1), UINT64_MAX,
		&p->filter.after_boot))
		return err_at(e, ERR_ID_FORMAT, NULL, "cursor");
	return RC_OK;
}

static rc
read_share(struct simulation *p, const json_t *doc, struct err *e)
{
	uint64_t share = 0, shares = 1;

	if (json_has(doc, "shares"))
		TRY(json_get_u64(doc, "", "shares", SHARES_MAX, &shares, e));
	if (json_has(doc, "share"))
		TRY(json_get_u64(doc, "", "share", SHARES_MAX, &share, e));
	if (share >= shares)
		return err_text(e, ERR_JSON_RANGE, "share",
		    "share is below shares, which is at most %d.", SHARES_MAX);
	p->filter.share = (uint32_t)share;
	p->filter.shares = (uint32_t)shares;
	return RC_OK;
}

static rc
read_filter(struct simulation *p, const json_t *doc, struct err *e)
{
	const json_t *labels;
	struct span since;

	TRY(json_get_str(doc, "", "since", &since, e));
	if (!rc_ok(time_parse(since, &p->filter.since)))
		return err_at(e, ERR_ENCODING, NULL, "since");
	if (json_has(doc, "labels")) {
		TRY(json_get_object(doc, "", "labels", &labels, e));
		TRY(labels_canonical(
		    labels, "labels", &p->arena, &p->filter.labels, e));
	}
	TRY(read_share(p, doc, e));
	return read_cursor(p, doc, e);
}

/* A version that the server has. */
static rc
stored_document(
    struct simulation *p, const json_t *doc, struct span *out, struct err *e)
{
	struct store *st = p->server->store;
	struct policy_row row;
	struct span name;
	uint64_t version;

	TRY(json_get_str(doc, "", "policy", &name, e));
	TRY(json_get_u64(doc, "", "version", INT32_MAX, &version, e));
	TRY(st->ops->policy_get(st, &p->q->caller.tenant, name,
	    (uint32_t)version, &p->arena, &row, e));
	*out = row.document;
	return RC_OK;
}

static rc
sent_document(
    struct simulation *p, const json_t *doc, struct span *out, struct err *e)
{
	const json_t *candidate;

	TRY(json_get_object(doc, "", "candidate", &candidate, e));
	char *text = json_dumps(candidate, JSON_COMPACT);
	*out = text ? arena_copy(&p->arena, span_str(text))
		    : (struct span){NULL, 0};
	free(text);
	return out->p ? RC_OK : err_at(e, ERR_MEMORY, NULL, "candidate");
}

static rc
read_request(struct simulation *p, struct err *e)
{
	JSON_AUTO doc = NULL;
	struct span document;

	TRY(json_decode(p->q->body, LIMIT_POLICY + BODY_MORE, &doc, e));
	TRY(json_only(doc, "", members, e));
	TRY(read_filter(p, doc, e));
	if (json_has(doc, "candidate") == json_has(doc, "policy"))
		return err_text(e, ERR_JSON_MISSING, "candidate",
		    "Either candidate, or policy and version, say what to "
		    "try.");
	TRY(json_has(doc, "policy") ? stored_document(p, doc, &document, e)
				    : sent_document(p, doc, &document, e));
	return candidate_get(p->with->candidates, p->q, document,
	    p->with->hasher, &p->policy, e);
}

/* Who tried what: once, with the first page. */
static rc
note_act(struct simulation *p, struct err *e)
{
	struct store *st = p->server->store;
	const char *object =
	    arena_printf(&p->arena, "policy/%s", policy_name(p->policy));
	const struct audit row = {.tenant = p->q->caller.tenant,
	    .actor = span_str(p->q->caller.name),
	    .action = span_str("policy.simulate"),
	    .object = span_str(object ? object : ""),
	    .source = span_str(p->q->source),
	    .at = clock_now(&p->server->clock)};

	if (!object)
		return err_at(e, ERR_MEMORY, NULL, "candidate");
	if (p->filter.share || !uuid_none(&p->filter.after))
		return RC_OK;
	return st->ops->audit_put(st, &row, 1, e);
}

/* --- groups
 * --------------------------------------------------------------------- */

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
same_said(const struct said *a, const struct said *b)
{
	return a->why.code == b->why.code && a->why.pcr == b->why.pcr &&
	       a->why.layer == b->why.layer && a->cause.id == b->cause.id &&
	       same_text(a->why.event_type, b->why.event_type) &&
	       same_text(a->why.found, b->why.found) &&
	       same_text(a->cause.detail, b->cause.detail);
}

static bool
fits(const struct group *g, const struct verdict_row *v,
    const struct verdict *now, const struct said *said)
{
	return g->recorded == v->result && g->candidate == now->result &&
	       (said->why.code != ERR_OK || g->recorded_code == v->code) &&
	       same_said(&g->said, said);
}

/* A copy that outlives the attestation. */
static const char *
kept(struct simulation *p, const char *s, bool *failed)
{
	const char *copy = s ? arena_printf(&p->arena, "%s", s) : NULL;

	*failed |= s && !copy;
	return copy;
}

static struct group *
group_new(struct simulation *p, const struct verdict_row *v,
    const struct verdict *now, const struct said *said)
{
	struct group *g = arena_alloc(&p->arena, sizeof(*g));
	bool failed = !g;

	if (!g)
		return NULL;
	*g = (struct group){.recorded = v->result,
	    .candidate = now->result,
	    .recorded_code = v->code,
	    .said = *said,
	    .tail = &g->items};
	g->said.why.event_type = kept(p, said->why.event_type, &failed);
	g->said.why.found = kept(p, said->why.found, &failed);
	g->said.cause.detail = kept(p, said->cause.detail, &failed);
	if (failed)
		return NULL;
	*p->tail = g;
	p->tail = &g->next;
	return g;
}

static void
count(struct tally *t, bool latest)
{
	t->attestations++;
	t->nodes += latest;
}

static bool
name_it(struct simulation *p, struct group *g, const struct boot_row *row)
{
	struct item *i = arena_alloc(&p->arena, sizeof(*i));
	bool failed = !i;

	if (!i)
		return false;
	*i = (struct item){.node = kept(p, row->verdict.node_name, &failed),
	    .verdict = row->verdict.id,
	    .latest = row->latest};
	*g->tail = i;
	g->tail = &i->next;
	return !failed;
}

/* The gravest reason, unless it counts for nothing, and the likely cause. */
static struct said
say(struct simulation *p)
{
	const struct verdict *v = &p->trial.verdict;
	struct said out = {.why = REASON(ERR_OK, LAYER_NONE),
	    .cause = {.id = CAUSE_UNKNOWN, .detail = ""}};
	struct boot_facts facts =
	    attest_boot_facts(p->trial.facts, p->with->hasher);

	if (v->reasons_n == 0 || v->reasons[0].effect == EFF_NONE)
		return out;
	out.why = v->reasons[0];
	out.cause = cause_of_verdict(v, &facts, &p->trial.work);
	return out;
}

static rc
add(struct simulation *p, const struct boot_row *row, struct err *e)
{
	const struct verdict *now = &p->trial.verdict;
	const struct verdict_row *v = &row->verdict;
	const struct said said = say(p);
	struct group *g = p->groups;

	while (g && !fits(g, v, now, &said))
		g = g->next;
	if (!g)
		g = group_new(p, v, now, &said);
	if (!g)
		return err_at(e, ERR_MEMORY, NULL, "group");
	count(&g->tally, row->latest);
	/* Of what passed and passes, nobody asks for names. */
	if (v->result == RESULT_PASS && now->result == RESULT_PASS)
		return RC_OK;
	return name_it(p, g, row) ? RC_OK
				  : err_at(e, ERR_MEMORY, NULL, "group");
}

/* --- judging
 * -------------------------------------------------------------------- */

static uint64_t
size_of(const struct boot_row *r)
{
	const struct verdict_row *v = &r->verdict;

	return 4096 + r->log_bytes + r->userspace_bytes + v->ima_start +
	       v->ima_bytes;
}

/* As many as fit into a chunk, but one at least. */
static size_t
chunk_of(const struct boot_row *row, size_t n)
{
	uint64_t sum = 0;
	size_t i = 0;

	for (; i < n; i++) {
		uint64_t size = size_of(&row[i]);
		if (i && (size > CHUNK_BYTES || sum + size > CHUNK_BYTES))
			break;
		sum += size;
	}
	return i;
}

static rc
judge_one(struct simulation *p, const struct boot_row *row,
    const struct boot_evidence *ev, struct err *e)
{
	enum not_judged why;

	TRY(retry_attestation(&p->trial, row, ev, &why, e));
	p->filter.after = row->verdict.node;
	p->filter.after_boot = row->verdict.boot;
	p->rows++;
	if (why == JUDGED)
		return add(p, row, e);
	count(&p->not_judged[why], row->latest);
	return RC_OK;
}

static rc
judge_chunk(
    struct simulation *p, const struct boot_row *row, size_t n, struct err *e)
{
	struct store *st = p->server->store;
	struct arena bytes;
	struct boot_evidence *ev = arena_array(&p->read, n, sizeof(*ev));

	if (!ev)
		return err_at(e, ERR_MEMORY, NULL, "evidence");
	arena_init(&bytes, READ_ARENA);
	rc r = st->ops->boots_read(
	    st, &p->q->caller.tenant, row, n, &bytes, ev, e);
	for (size_t i = 0; rc_ok(r) && i < n; i++)
		r = judge_one(p, &row[i], &ev[i], e);
	arena_free(&bytes);
	return r;
}

static bool
is_full(const struct simulation *p)
{
	return p->rows >= PAGE_ROWS || clock_monotonic() >= p->until;
}

static rc
judge_batch(struct simulation *p, bool *more, struct err *e)
{
	struct store *st = p->server->store;
	struct boots_list list;
	size_t done = 0;

	arena_reset(&p->read);
	TRY(st->ops->boots_list(
	    st, &p->q->caller.tenant, &p->filter, &p->read, &list, e));
	while (done < list.n && (done == 0 || !is_full(p))) {
		size_t n = chunk_of(list.row + done, list.n - done);
		TRY(judge_chunk(p, list.row + done, n, e));
		done += n;
	}
	*more = list.more || done < list.n;
	return RC_OK;
}

static rc
judge_page(struct simulation *p, struct err *e)
{
	p->until = clock_monotonic() + PAGE_MS * TIME_MS;
	p->filter.limit = BATCH;
	do
		TRY(judge_batch(p, &p->more, e));
	while (p->more && !is_full(p));
	return RC_OK;
}

/* --- the answer
 * ------------------------------------------------------------------ */

static void
write_tally(struct jw *j, const struct tally *t)
{
	jw_ku64(j, "attestations", t->attestations);
	jw_ku64(j, "latest", t->nodes);
}

static void
write_code(struct jw *j, const char *key, enum err_code code)
{
	jw_kstr(j, key, code == ERR_OK ? NULL : err_name(code));
}

static void
write_items(struct jw *j, const struct item *i)
{
	char id[UUID_TEXT];

	jw_key(j, "items");
	jw_array(j);
	for (; i; i = i->next) {
		uuid_emit(&i->verdict, id);
		jw_object(j);
		jw_kstr(j, "node", i->node);
		jw_kstr(j, "verdict", id);
		jw_kbool(j, "latest", i->latest);
		jw_object_end(j);
	}
	jw_array_end(j);
}

static void
write_group(struct jw *j, const struct group *g)
{
	const struct reason *why = &g->said.why;

	jw_object(j);
	jw_kstr(j, "recorded", result_name(g->recorded));
	jw_kstr(j, "candidate", result_name(g->candidate));
	write_code(j, "recorded_code",
	    why->code == ERR_OK ? g->recorded_code : ERR_OK);
	write_code(j, "code", why->code);
	jw_kstr(j, "layer", layer_name(why->layer));
	jw_key(j, "pcr");
	if (why->pcr < 0)
		jw_null(j);
	else
		jw_i64(j, why->pcr);
	jw_kstr(j, "event_type", why->event_type);
	jw_kstr(j, "found", why->found);
	jw_kstr(j, "cause",
	    why->code == ERR_OK ? NULL : cause_name(g->said.cause.id));
	jw_kstr(j, "cause_detail",
	    *g->said.cause.detail ? g->said.cause.detail : NULL);
	write_tally(j, &g->tally);
	write_items(j, g->items);
	jw_object_end(j);
}

static void
write_not_judged(struct jw *j, const struct simulation *p)
{
	static const char *const names[] = {[NOT_KEPT] = "not_kept",
	    [KEY_REPLACED] = "key_replaced",
	    [OTHER_CLASS] = "other_class"};

	jw_key(j, "not_judged");
	jw_object(j);
	for (size_t i = NOT_KEPT; i <= OTHER_CLASS; i++) {
		jw_key(j, names[i]);
		jw_object(j);
		write_tally(j, &p->not_judged[i]);
		jw_object_end(j);
	}
	jw_object_end(j);
}

static void
write_candidate(struct jw *j, const struct policy *p)
{
	uint8_t hash[32];

	policy_hash(p, hash);
	jw_key(j, "candidate");
	jw_object(j);
	jw_kstr(j, "name", policy_name(p));
	jw_khex(j, "hash", span_of(hash, sizeof(hash)));
	jw_kstr(j, "mode", policy_mode(p));
	jw_kstr(j, "class", policy_class(p));
	jw_object_end(j);
}

static void
write_next(struct jw *j, const struct simulation *p)
{
	char text[UUID_TEXT + 24], id[UUID_TEXT];

	uuid_emit(&p->filter.after, id);
	snprintf(text, sizeof(text), "%s:%llu", id,
	    (unsigned long long)p->filter.after_boot);
	jw_kstr(j, "next", p->more ? text : NULL);
}

static void
write_page(struct simulation *p)
{
	struct jw j = answer_json(p->q);

	jw_object(&j);
	write_candidate(&j, p->policy);
	jw_key(&j, "groups");
	jw_array(&j);
	for (const struct group *g = p->groups; g; g = g->next)
		write_group(&j, g);
	jw_array_end(&j);
	write_not_judged(&j, p);
	write_next(&j, p);
	jw_object_end(&j);
}

/* --- a page
 * ---------------------------------------------------------------------- */

static rc
run(struct simulation *p, struct err *e)
{
	if (!p->trial.snap)
		return err_at(e, ERR_DATABASE, NULL, "%s", "");
	TRY(read_request(p, e));
	TRY(note_act(p, e));
	p->trial.policy = p->policy;
	p->trial.facts = arena_alloc(&p->arena, sizeof(*p->trial.facts));
	if (!p->trial.facts)
		return err_at(e, ERR_MEMORY, NULL, "simulation");
	TRY(judge_page(p, e));
	write_page(p);
	return p->q->answer.body.failed
		   ? err_at(e, ERR_MEMORY, NULL, "simulation")
		   : RC_OK;
}

rc
simulate_page(
    struct http_request *q, const struct simulating *with, struct err *e)
{
	struct simulation *p = calloc(1, sizeof(*p));

	if (!p)
		return err_at(e, ERR_MEMORY, NULL, "simulation");
	p->q = q;
	p->server = server_of(q);
	p->with = with;
	p->tail = &p->groups;
	p->trial.hasher = with->hasher;
	p->trial.snap = snapshot_take(p->server);
	arena_init(&p->arena, PAGE_ARENA);
	arena_init(&p->read, PAGE_ARENA);
	arena_init(&p->trial.work, PAGE_ARENA);
	rc r = run(p, e);
	node_base_drop(p->trial.base);
	policy_unref(p->policy);
	snapshot_drop(p->trial.snap);
	arena_free(&p->trial.work);
	arena_free(&p->read);
	arena_free(&p->arena);
	free(p);
	return r;
}

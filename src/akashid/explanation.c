/* SPDX-License-Identifier: Apache-2.0 */
/* Why a verdict is what it is: what the store knows of it, of the node's past
 * and of other nodes, told by appraise/explanation.h. */
#include "akashid/server.h"

#include "appraise/explanation.h"
#include "base/text.h"
#include "record/detail.h"

/* Of the last good boot's IMA list and of a policy that is no longer in force,
 * no more is read for an answer. */
enum { IMA_READ = 16 * 1024 * 1024, POLICY_READ = 1024 * 1024 };

struct inquiry {
	struct http_request *q;
	const char *lang;
	unsigned levels;
	struct verdict_row v, good;
	json_t *context;       /* of v */
	struct policy *policy; /* counted; NULL: not looked up */
	char id[UUID_TEXT], first_id[UUID_TEXT], good_id[UUID_TEXT];
	struct explained x;
};

static const struct store_ops *
ops_of(const struct inquiry *in)
{
	return server_of(in->q)->store->ops;
}

/* --- logs ------------------------------------------------------------------
 */

/* The check of this name passed, by the verdict's findings. */
static rc
passed(const struct verdict_row *v, const char *check, bool *out, struct err *e)
{
	JSON_AUTO doc = NULL;
	size_t i;
	json_t *c;

	*out = false;
	TRY(json_decode(v->findings, LIMIT_POLICY, &doc, e));
	json_array_foreach(json_object_get(doc, "checks"), i, c)
	{
		const char *id = json_string_value(json_object_get(c, "id"));
		const char *state =
		    json_string_value(json_object_get(c, "state"));
		if (id && state && strcmp(id, check) == 0)
			*out = strcmp(state, "passed") == 0;
	}
	return RC_OK;
}

/* The boot log of a verdict, if it was believed then and is one log: of several
 * only the quote says which one counts. */
static rc
read_log(struct inquiry *in, const struct verdict_row *v,
    struct explained_boot *out, struct err *e)
{
	struct arena *a = in->q->arena;
	struct evlog *log = arena_alloc(a, sizeof(*log));
	struct boot_replay *replay = arena_alloc(a, sizeof(*replay));
	struct span bytes;
	bool believed;

	if (!log || !replay)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	TRY(passed(v, "log.replay", &believed, e));
	if (!believed || sha256_none(&v->boot_log))
		return RC_OK;
	TRY(ops_of(in)->blob_get(
	    server_of(in->q)->store, &v->tenant, &v->boot_log, a, &bytes, e));
	if (!bytes.p)
		return RC_OK;
	rc r = evlog_decode(bytes, a, log, e);
	if (!rc_ok(r))
		return err_class(r.code) == CLS_OURS ? r : RC_OK;
	TRY(boot_replay(log, NULL, in->q->hasher, a, replay, e));
	*out = (struct explained_boot){log, replay};
	return RC_OK;
}

/* Each segment through a memory of its own. */
static rc
read_segments(struct inquiry *in, const struct ima_segments *list,
    const char **then, struct err *e)
{
	const struct explained *x = &in->x;
	bool big = json_is_true(json_object_get(in->context, "ima_big_endian"));
	struct arena scratch;
	rc r = RC_OK;

	arena_init(&scratch, 2 * (size_t)IMA_READ);
	for (size_t i = 0; rc_ok(r) && i < list->n; i++) {
		struct span bytes = {NULL, 0};
		r = ops_of(in)->ima_get(server_of(in->q)->store, &in->v.tenant,
		    &in->v.node, &list->segment[i].verdict, &scratch, &bytes,
		    e);
		if (rc_ok(r) && bytes.n)
			explained_files(x->reasons, x->reasons_n, bytes, big,
			    in->q->arena, then);
		arena_reset(&scratch);
	}
	arena_free(&scratch);
	return r;
}

static bool
any_file(const struct explained *x)
{
	for (size_t i = 0; i < x->reasons_n; i++)
		if (x->reasons[i].path &&
		    strncmp(x->reasons[i].path, "ima.entries[", 12) == 0)
			return true;
	return false;
}

/* What the files that the reasons name were in the last good boot. */
static rc
read_files(struct inquiry *in, struct err *e)
{
	struct explained *x = &in->x;
	struct ima_segments list;
	uint64_t bytes = 0;
	const char **then =
	    arena_array(in->q->arena, x->reasons_n, sizeof(*then));

	if (!then)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	x->ima_then = then;
	if (!any_file(x))
		return RC_OK;
	TRY(ops_of(in)->ima_list(
	    server_of(in->q)->store, &in->good, in->q->arena, &list, e));
	for (size_t i = 0; i < list.n; i++)
		bytes += list.segment[i].bytes;
	x->ima_known =
	    list.n && list.segment[0].start == 0 && bytes <= IMA_READ;
	return x->ima_known ? read_segments(in, &list, then, e) : RC_OK;
}

static rc
read_good(struct inquiry *in, struct err *e)
{
	struct store *st = server_of(in->q)->store;
	struct verdict_row found;

	TRY(ops_of(in)->verdict_good(st, &in->v, in->q->arena, &found, e));
	in->good = found;
	in->x.past_known = true;
	if (uuid_none(&found.id))
		return RC_OK;
	TRY(ops_of(in)->verdict_get(
	    st, &in->v.tenant, &found.id, in->q->arena, &in->good, e));
	uuid_emit(&in->good.id, in->good_id);
	in->x.good_given = true;
	in->x.good = (struct explained_verdict){in->good_id, in->good.verified};
	TRY(read_log(in, &in->good, &in->x.then, e));
	return read_files(in, e);
}

/* --- kin --------------------------------------------------------------------
 */

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* One of the reasons of a detail document is this one. Places in a list differ
 * from boot to boot, what was found does not. */
static rc
has_reason(struct inquiry *in, struct span detail, const struct reason *r,
    bool *out, struct err *e)
{
	struct reason *all;
	size_t n;

	*out = false;
	TRY(detail_read(detail, in->q->arena, &all, &n, e));
	for (size_t i = 0; i < n && !*out; i++)
		*out = all[i].code == r->code && all[i].layer == r->layer &&
		       all[i].pcr == r->pcr &&
		       same_text(all[i].rule, r->rule) &&
		       same_text(all[i].found, r->found);
	return RC_OK;
}

static rc
look_back(struct inquiry *in, const struct reason *r, struct err *e)
{
	struct verdict_kins past;
	const struct uuid none = {{0}};
	struct uuid first = in->v.id;
	int64_t at = in->v.verified;
	bool found = false;

	TRY(ops_of(in)->verdict_past(server_of(in->q)->store, &in->v,
	    in->x.good_given ? &in->good.id : &none, in->q->arena, &past, e));
	for (size_t i = 0; i < past.n && !found; i++) {
		TRY(has_reason(in, past.kin[i].detail, r, &found, e));
		if (found) {
			first = past.kin[i].id;
			at = past.kin[i].verified;
		}
	}
	uuid_emit(&first, in->first_id);
	in->x.first = (struct explained_verdict){in->first_id, at};
	in->x.first_bounded = !found && past.more;
	return RC_OK;
}

static rc
look_around(struct inquiry *in, const struct reason *r, struct err *e)
{
	struct verdict_kins others;
	bool same;

	TRY(ops_of(in)->verdict_others(
	    server_of(in->q)->store, &in->v, in->q->arena, &others, e));
	for (size_t i = 0; i < others.n; i++) {
		TRY(has_reason(in, others.kin[i].detail, r, &same, e));
		if (same)
			in->x.others += others.kin[i].nodes;
	}
	if (in->x.others > STORE_KIN_NODES)
		in->x.others = STORE_KIN_NODES;
	in->x.others_known = true;
	in->x.others_bounded = others.more;
	return RC_OK;
}

/* --- policy ------------------------------------------------------------------
 */

static bool
has_hash(const struct policy *p, const char *hex)
{
	uint8_t have[32], want[32];

	policy_hash(p, have);
	return hex && rc_ok(hex_decode(span_str(hex), want, sizeof(want))) &&
	       memcmp(have, want, sizeof(want)) == 0;
}

/* The document of that name and version, if it is what judged and not so large
 * that others would wait for its turn. */
static rc
stored_policy(struct inquiry *in, const char *hash, struct err *e)
{
	struct policy *p = NULL;
	struct policy_row row;

	rc r = ops_of(in)->policy_get(server_of(in->q)->store, &in->v.tenant,
	    span_str(in->x.policy_name), (uint32_t)in->x.policy_version,
	    in->q->arena, &row, e);
	if (r.code == ERR_POLICY_UNKNOWN)
		return RC_OK;
	TRY(r);
	if (row.document.n > POLICY_READ)
		return RC_OK;
	r = policy_decode(row.document, &p, e);
	if (!rc_ok(r))
		return err_class(r.code) == CLS_OURS ? r : RC_OK;
	if (has_hash(p, hash))
		in->policy = policy_ref(p);
	policy_unref(p);
	return RC_OK;
}

/* The one in force for the node, where that is what judged. */
static rc
current_policy(struct inquiry *in, const char *hash, struct err *e)
{
	struct server *s = server_of(in->q);
	struct snapshot *snap = snapshot_take(s);
	const struct active_policy *now = NULL;
	struct node n;
	rc r = snap ? s->store->ops->node_get(s->store, &in->v.tenant,
			  &in->v.node, NULL, in->q->arena, &n, e)
		    : RC_OK;

	if (snap && rc_ok(r))
		r = policy_for(s, snap, &n, &now, e);
	if (now && has_hash(now->policy, hash))
		in->policy = policy_ref(now->policy);
	snapshot_drop(snap);
	return is_no_policy(r) || r.code == ERR_NODE_UNKNOWN ? RC_OK : r;
}

static rc
read_policy(struct inquiry *in, struct err *e)
{
	const json_t *p = json_object_get(in->context, "policy");
	const char *hash = json_string_value(json_object_get(p, "hash"));

	in->x.policy_name = json_string_value(json_object_get(p, "name"));
	in->x.policy_version =
	    (uint64_t)json_integer_value(json_object_get(p, "version"));
	if (!in->x.policy_name)
		return RC_OK;
	TRY(current_policy(in, hash, e));
	if (!in->policy)
		TRY(stored_policy(in, hash, e));
	in->x.policy = in->policy;
	return RC_OK;
}

/* --- the answer --------------------------------------------------------------
 */

static rc
read_query(struct inquiry *in, struct uuid *id, struct err *e)
{
	static const char *const known[] = {"lang", "level", NULL};
	struct http_request *q = in->q;
	struct span lang, level;

	TRY(query_only(q->query, known, q->arena, e));
	TRY(query_get(q->query, "lang", q->arena, &lang, e));
	TRY(query_get(q->query, "level", q->arena, &level, e));
	if (!rc_ok(uuid_parse(q->param[0], id)))
		return err_at(e, ERR_ID_FORMAT, NULL, "id");
	if (lang.n && !span_eq(lang, span_str("en")) &&
	    !span_eq(lang, span_str("ja")))
		return err_at(e, ERR_JSON_RANGE, NULL, "lang");
	in->lang = span_eq(lang, span_str("ja")) ? "ja" : "en";
	in->levels = level.n ? explain_level(level) : (unsigned)EXPLAIN_ALL;
	return in->levels ? RC_OK : err_at(e, ERR_JSON_RANGE, NULL, "level");
}

static rc
read_dropped(struct inquiry *in, struct err *e)
{
	JSON_AUTO doc = NULL;

	TRY(json_decode(in->v.findings, LIMIT_POLICY, &doc, e));
	in->x.dropped = (uint64_t)json_integer_value(
	    json_object_get(doc, "reasons_dropped"));
	return RC_OK;
}

/* Of its last verdict: what makes the node's status another one. */
static rc
read_node(struct inquiry *in, struct err *e)
{
	struct server *s = server_of(in->q);
	enum err_code why;
	struct node n;

	rc r = s->store->ops->node_get(
	    s->store, &in->v.tenant, &in->v.node, NULL, in->q->arena, &n, e);
	if (r.code == ERR_NODE_UNKNOWN)
		return RC_OK;
	TRY(r);
	(void)node_status(&n, clock_now(&s->clock), &why);
	if (uuid_eq(&n.state.verdict, &in->v.id) && why != in->v.code)
		in->x.node_code = why;
	return RC_OK;
}

static rc
inquire(struct inquiry *in, struct err *e)
{
	struct explained *x = &in->x;
	struct reason *reasons;
	size_t n, which = 0;

	TRY(json_decode(in->v.context, LIMIT_POLICY, &in->context, e));
	TRY(detail_read(in->v.detail, in->q->arena, &reasons, &n, e));
	uuid_emit(&in->v.id, in->id);
	*x = (struct explained){.result = in->v.result,
	    .node = in->v.node_name,
	    .verdict = in->id,
	    .at = in->v.verified,
	    .reasons_n = n,
	    .reasons = reasons};
	TRY(read_dropped(in, e));
	TRY(read_node(in, e));
	TRY(read_policy(in, e));
	if (n == 0)
		return RC_OK;
	TRY(read_log(in, &in->v, &x->now, e));
	TRY(read_good(in, e));
	TRY(explained_reason(x, in->q->arena, &which, e));
	TRY(look_back(in, &reasons[which], e));
	return look_around(in, &reasons[which], e);
}

static rc
explain(struct inquiry *in, struct err *e)
{
	struct server *s = server_of(in->q);
	struct uuid id;

	TRY(read_query(in, &id, e));
	TRY(s->store->ops->verdict_get(
	    s->store, &in->q->caller.tenant, &id, in->q->arena, &in->v, e));
	TRY(inquire(in, e));
	struct jw j = answer_json(in->q);
	jw_object(&j);
	TRY(explanation_emit(
	    &in->x, in->levels, in->lang, in->q->arena, &j, e));
	jw_object_end(&j);
	return RC_OK;
}

enum http_then
handle_verdict_explanation(struct http_request *q)
{
	struct inquiry in = {.q = q};
	struct err e = {.code = ERR_OK};
	rc r = explain(&in, &e);

	json_free(in.context);
	policy_unref(in.policy);
	if (rc_ok(r))
		return answer_done(q);
	buf_free(&q->answer.body);
	e.code = r.code;
	return answer_problem(q, &e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which policy is a node's: the one that judged it last, and the one that would
 * judge it now. A verdict names the version it was judged by, for ever; a
 * submission on its way while a policy is activated may still be judged by the
 * version before it, and is shown so. */
#include "akashid/server.h"

#include "base/limits.h"
#include "base/text.h"

/* The policy that the context of the last verdict names, or NULL. */
static rc
judged_by(struct http_request *q, const struct node *n, json_t **context,
    const json_t **out, struct err *e)
{
	struct server *s = server_of(q);
	struct verdict_row v;

	*out = NULL;
	if (uuid_none(&n->state.verdict))
		return RC_OK;
	TRY(s->store->ops->verdict_get(
	    s->store, &n->tenant, &n->state.verdict, q->arena, &v, e));
	TRY(json_decode(v.context, LIMIT_POLICY, context, e));
	const json_t *policy = json_object_get(*context, "policy");
	*out = json_is_object(policy) ? policy : NULL;
	return RC_OK;
}

static void
write_past(const json_t *policy, struct jw *j)
{
	jw_key(j, "judged_by");
	if (!policy) {
		jw_null(j);
		return;
	}
	jw_object(j);
	jw_kstr(j, "name", json_string_value(json_object_get(policy, "name")));
	jw_ku64(j, "version",
	    (uint64_t)json_integer_value(json_object_get(policy, "version")));
	jw_kstr(j, "hash", json_string_value(json_object_get(policy, "hash")));
	jw_object_end(j);
}

static void
write_now(const struct active_policy *p, const char *hash, const struct err *e,
    struct jw *j)
{
	jw_key(j, "policy");
	if (!p) {
		jw_null(j);
		jw_kstr(j, "policy_problem", err_name(e->code));
		return;
	}
	jw_object(j);
	jw_kstr(j, "name", p->name);
	jw_ku64(j, "version", p->version);
	jw_kstr(j, "hash", hash);
	jw_object_end(j);
	jw_kstr(j, "policy_problem", NULL);
}

/* The policy that would judge the node now; *why says why there is none. */
static rc
in_force(struct http_request *q, struct snapshot *snap, const struct node *n,
    const struct active_policy **out, struct err *why)
{
	if (!snap)
		return err_at(why, ERR_DATABASE, NULL, "%s", "");
	rc r = policy_for(server_of(q), snap, n, out, why);
	return is_no_policy(r) ? RC_OK : r;
}

rc
write_node_policy(
    struct http_request *q, const struct node *n, struct jw *j, struct err *e)
{
	struct snapshot *snap = snapshot_take(server_of(q));
	const struct active_policy *now = NULL;
	const json_t *past = NULL;
	JSON_AUTO context = NULL;
	uint8_t digest[32];
	char hash[65] = "";
	struct err why = {.code = ERR_OK};
	rc r = judged_by(q, n, &context, &past, e);

	if (rc_ok(r)) {
		r = in_force(q, snap, n, &now, &why);
		if (!rc_ok(r))
			*e = why;
	}
	if (rc_ok(r)) {
		if (now) {
			policy_hash(now->policy, digest);
			hex_emit(span_of(digest, sizeof(digest)), hash);
		}
		const char *then =
		    json_string_value(json_object_get(past, "hash"));
		write_past(past, j);
		write_now(now, hash, &why, j);
		jw_kbool(j, "policy_current",
		    now && then && strcmp(then, hash) == 0);
	}
	snapshot_drop(snap);
	return r;
}

/* --- the document
 * ---------------------------------------------------------------- */

static rc
write_effective(struct http_request *q, struct snapshot *snap,
    const struct node *n, struct err *e)
{
	struct server *s = server_of(q);
	const struct active_policy *p = NULL;
	struct policy_row row;

	TRY(policy_for(s, snap, n, &p, e));
	TRY(s->store->ops->policy_get(s->store, &n->tenant, span_str(p->name),
	    p->version, q->arena, &row, e));
	struct jw j = answer_json(q);
	jw_object(&j);
	jw_kstr(&j, "node", n->name);
	jw_kstr(&j, "name", p->name);
	jw_ku64(&j, "version", p->version);
	jw_khex(&j, "hash", span_of(row.hash.b, sizeof(row.hash.b)));
	jw_kbool(&j, "trial", p->trial);
	jw_key(&j, "document");
	jw_raw(&j, row.document);
	jw_key(&j, "origins");
	if (row.origins.n)
		jw_raw(&j, row.origins);
	else
		jw_null(&j);
	jw_object_end(&j);
	return RC_OK;
}

enum http_then
handle_node_policy(struct http_request *q)
{
	struct server *s = server_of(q);
	struct snapshot *snap = snapshot_take(s);
	struct node n;
	struct err e = {.code = ERR_OK};
	rc r = snap ? s->store->ops->node_find(s->store, &q->caller.tenant,
			  q->param[0], q->arena, &n, &e)
		    : err_at(&e, ERR_DATABASE, NULL, "%s", "");

	if (rc_ok(r))
		r = write_effective(q, snap, &n, &e);
	snapshot_drop(snap);
	if (rc_ok(r))
		return answer_done(q);
	buf_free(&q->answer.body);
	/* A code of verdicts; as an answer, what was asked for is not there. */
	if (is_no_policy(r))
		(void)err_text(&e, ERR_POLICY_UNKNOWN, "policy", "%s",
		    err_sentence(r.code, "en"));
	return answer_problem(q, &e);
}

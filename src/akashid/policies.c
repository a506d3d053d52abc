/* SPDX-License-Identifier: Apache-2.0 */
/* Operator routes about policies. */
#include "akashid/server.h"

#include "base/limits.h"
#include "base/text.h"
#include "record/labels.h"

static void
write_row(const struct policy_row *p, struct jw *j)
{
	jw_object(j);
	jw_kstr(j, "name", p->name);
	jw_ku64(j, "version", p->version);
	jw_kstr(j, "state", p->active == p->version ? "active" : "stored");
	jw_khex(j, "hash", span_of(p->hash.b, sizeof(p->hash.b)));
	jw_kstr(j, "author", p->author);
	jw_ktime(j, "created_at", p->created);
	jw_key(j, "active_version");
	if (p->active)
		jw_u64(j, p->active);
	else
		jw_null(j);
	jw_key(j, "selector");
	if (p->active && p->selector.n)
		jw_raw(j, p->selector);
	else
		jw_null(j);
	jw_object_end(j);
}

enum http_then
handle_policy_list(struct http_request *q)
{
	struct server *s = server_of(q);
	struct policy_list list = {0};
	struct err e;

	if (!rc_ok(s->store->ops->policy_list(
		s->store, &q->caller.tenant, q->arena, &list, &e)))
		return answer_problem(q, &e);
	struct jw j = answer_json(q);
	jw_object(&j);
	jw_key(&j, "items");
	jw_array(&j);
	for (size_t i = 0; i < list.n; i++)
		write_row(&list.row[i], &j);
	jw_array_end(&j);
	jw_key(&j, "next");
	jw_null(&j);
	jw_object_end(&j);
	return answer_done(q);
}

static rc
get(struct http_request *q, uint32_t version, struct policy_row *out,
    struct err *e)
{
	struct server *s = server_of(q);

	return s->store->ops->policy_get(s->store, &q->caller.tenant,
	    q->param[0], version, q->arena, out, e);
}

static enum http_then
show(struct http_request *q, uint32_t version)
{
	struct policy_row row;
	struct err e;

	if (!rc_ok(get(q, version, &row, &e)))
		return answer_problem(q, &e);
	struct jw j = answer_json(q);
	write_row(&row, &j);
	return answer_done(q);
}

enum http_then
handle_policy_get(struct http_request *q)
{
	return show(q, 0);
}

enum http_then
handle_policy_document(struct http_request *q)
{
	struct policy_row row;
	struct err e;
	uint64_t version;

	if (!number_parse(q->param[1], INT32_MAX, &version) || version == 0) {
		(void)err_at(&e, ERR_POLICY_UNKNOWN, NULL, "version");
		return answer_problem(q, &e);
	}
	if (!rc_ok(get(q, (uint32_t)version, &row, &e)))
		return answer_problem(q, &e);
	buf_put(&q->answer.body, row.document.p, row.document.n);
	return answer_done(q);
}

/* --- changing
 * -------------------------------------------------------------------- */

static rc
apply(struct http_request *q, struct policy_row *row, struct err *e)
{
	struct server *s = server_of(q);
	struct principal who;
	struct actor actor = request_actor(q, &who);
	struct policy *p;
	struct sha256 hash;

	if (!name_valid(q->param[0]))
		return err_at(e, ERR_NAME_FORMAT, NULL, "name");
	TRY(policy_decode(q->body, &p, e));
	policy_hash(p, hash.b);
	policy_unref(p);
	return s->store->ops->policy_put(
	    s->store, &actor, q->param[0], &hash, q->body, row, e);
}

enum http_then
handle_policy_apply(struct http_request *q)
{
	struct policy_row row;
	struct err e;

	if (!rc_ok(apply(q, &row, &e)))
		return answer_problem(q, &e);
	return show(q, row.version);
}

static rc
activate(struct http_request *q, uint64_t *version, struct err *e)
{
	static const char *const known[] = {"version", "selector", NULL};
	struct server *s = server_of(q);
	struct principal who;
	struct actor actor = request_actor(q, &who);
	const json_t *obj;
	struct span selector;
	JSON_AUTO doc = NULL;

	TRY(request_json(q, known, &doc, e));
	TRY(json_get_u64(doc, "", "version", INT32_MAX, version, e));
	TRY(json_get_object(doc, "", "selector", &obj, e));
	TRY(labels_canonical(obj, "selector", q->arena, &selector, e));
	if (*version == 0)
		return err_at(e, ERR_JSON_RANGE, NULL, "version");
	return s->store->ops->policy_activate(
	    s->store, &actor, q->param[0], (uint32_t)*version, selector, e);
}

/* The change is in force here before it is answered; other servers follow
 * within a second. */
static enum http_then
in_force(struct http_request *q, rc r, uint32_t version, struct err *e)
{
	if (rc_ok(r))
		r = keeper_refresh(server_of(q), false, e);
	if (rc_ok(r))
		return show(q, version);
	return answer_problem(q, e);
}

enum http_then
handle_policy_activate(struct http_request *q)
{
	struct err e;
	uint64_t version = 0;
	rc r = activate(q, &version, &e);

	return in_force(q, r, (uint32_t)version, &e);
}

enum http_then
handle_policy_rollback(struct http_request *q)
{
	struct server *s = server_of(q);
	struct principal who;
	struct actor actor = request_actor(q, &who);
	struct err e;
	uint32_t version = 0;
	rc r = s->store->ops->policy_rollback(
	    s->store, &actor, q->param[0], &version, &e);

	return in_force(q, r, version, &e);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Routes about the people (and programs) that use the API. */
#include "akashid/server.h"

#include "base/text.h"

#include <stdio.h>

static void
time_or_null(struct jw *j, const char *key, int64_t t)
{
	jw_key(j, key);
	if (t)
		jw_time(j, t);
	else
		jw_null(j);
}

static void
write_operator(const struct principal *p, struct jw *j)
{
	char id[UUID_TEXT];

	uuid_emit(&p->id, id);
	jw_object(j);
	jw_kstr(j, "id", id);
	jw_kstr(j, "name", p->name);
	jw_kstr(j, "role", role_name(p->role));
	jw_kstr(j, "made_by", *p->maker ? p->maker : NULL);
	time_or_null(j, "created_at", p->created);
	time_or_null(j, "expires_at", p->expires);
	jw_kbool(j, "revoked", p->revoked != 0);
	jw_object_end(j);
}

static void
write_item(const void *list, size_t i, struct jw *j)
{
	const struct principal_list *l = list;

	write_operator(&l->who[i], j);
}

enum http_then
handle_operator_list(struct http_request *q)
{
	struct server *s = server_of(q);
	struct principal_list list = {0};
	struct err e;

	if (!rc_ok(s->store->ops->admin_list(
		s->store, &q->caller.tenant, q->arena, &list, &e)))
		return answer_problem(q, &e);
	return answer_list(q, &list, list.n, write_item);
}

static rc
read_operator(struct http_request *q, struct principal *p, struct err *e)
{
	static const char *const known[] = {"name", "role", "ttl", NULL};
	struct span name, role, ttl;
	int64_t us = 0;
	JSON_AUTO doc = NULL;

	TRY(request_json(q, known, &doc, e));
	TRY(json_get_str(doc, "", "name", &name, e));
	TRY(json_get_str(doc, "", "role", &role, e));
	if (!name_valid(name))
		return err_at(e, ERR_NAME_FORMAT, NULL, "name");
	if (!role_parse(role, &p->role))
		return err_text(e, ERR_JSON_RANGE, "role",
		    "role is one of viewer, author, approver, operator, "
		    "admin.");
	if (json_has(doc, "ttl")) {
		TRY(json_get_str(doc, "", "ttl", &ttl, e));
		if (!rc_ok(duration_parse(ttl, &us)))
			return err_at(e, ERR_JSON_RANGE, NULL, "ttl");
	}
	memcpy(p->name, name.p, name.n);
	p->created = clock_now(&server_of(q)->clock);
	p->expires = us ? p->created + us : 0;
	return uuid_v7(p->created, &p->id);
}

static rc
create(struct http_request *q, struct err *e)
{
	struct server *s = server_of(q);
	struct principal who, p = {.name = ""};
	struct actor actor = request_actor(q, &who);
	struct sha256 hash;
	char text[TOKEN_TEXT], id[UUID_TEXT];

	TRY(read_operator(q, &p, e));
	TRY(token_make("akad_", q->hasher, text, &hash));
	rc r = s->store->ops->admin_put(s->store, &actor, &hash, &p, e);
	if (rc_ok(r)) {
		struct jw j = answer_json(q);
		uuid_emit(&p.id, id);
		jw_object(&j);
		jw_kstr(&j, "id", id);
		jw_kstr(&j, "name", p.name);
		jw_kstr(&j, "role", role_name(p.role));
		jw_kstr(&j, "token", text);
		jw_object_end(&j);
	}
	secret_cleanse(text, sizeof(text));
	return r;
}

enum http_then
handle_operator_create(struct http_request *q)
{
	struct err e = {.code = ERR_OK};
	rc r = create(q, &e);

	if (rc_ok(r))
		return answer_done(q);
	e.code = r.code;
	return answer_problem(q, &e);
}

enum http_then
handle_operator_revoke(struct http_request *q)
{
	struct server *s = server_of(q);
	struct principal who;
	struct actor actor = request_actor(q, &who);
	struct uuid id;
	struct err e;
	rc r = uuid_parse(q->param[0], &id);

	if (!rc_ok(r))
		(void)err_at(&e, ERR_ID_FORMAT, NULL, "id");
	else
		r = s->store->ops->admin_revoke(s->store, &actor, &id, &e);
	if (!rc_ok(r))
		return answer_problem(q, &e);
	struct jw j = answer_json(q);
	jw_object(&j);
	jw_kspan(&j, "id", q->param[0]);
	jw_kbool(&j, "revoked", true);
	jw_object_end(&j);
	return answer_done(q);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Operator routes about nodes and enrolment tokens. */
#include "akashid/server.h"

#include "base/limits.h"
#include "base/text.h"
#include "record/labels.h"

#include <stdio.h>

/* --- showing
 * ------------------------------------------------------------------- */

static void
write_last(const struct node_state *st, struct jw *j)
{
	char id[UUID_TEXT];

	jw_key(j, "last_verdict");
	if (uuid_none(&st->verdict)) {
		jw_null(j);
		return;
	}
	uuid_emit(&st->verdict, id);
	jw_object(j);
	jw_kstr(j, "id", id);
	jw_kstr(j, "result", result_name(st->result));
	jw_kstr(j, "code", st->code ? err_name(st->code) : NULL);
	jw_kbool(j, "observed_only", st->observe);
	jw_ktime(j, "verified_at", st->verified);
	jw_object_end(j);
}

static void
write_time_or_null(struct jw *j, const char *key, int64_t t)
{
	jw_key(j, key);
	if (t)
		jw_time(j, t);
	else
		jw_null(j);
}

static void
write_node(const struct node *n, int64_t now, struct jw *j)
{
	const struct identity *id = &n->identity;
	enum err_code why;
	enum status status = node_status(n, now, &why);
	char text[UUID_TEXT];

	uuid_emit(&n->id, text);
	jw_kstr(j, "id", text);
	jw_kstr(j, "name", n->name);
	jw_kstr(j, "status", status_name(status));
	jw_kstr(j, "status_reason", why ? err_name(why) : NULL);
	jw_kstr(j, "admission", admission_name(n->admission));
	jw_kspan(j, "environment_class", n->env_class);
	jw_key(j, "labels");
	jw_raw(j, n->labels);
	jw_kspan(j, "rot_class", id->rot);
	jw_kspan(j, "tpm_manufacturer", id->manufacturer);
	jw_kspan(j, "ek_issuer", id->issuer);
	jw_kspan(j, "ek_serial", id->serial);
	jw_khex(j, "ek_sha256", span_of(id->ek.b, sizeof(id->ek.b)));
	jw_khex(j, "ak_name", id->ak_name);
	jw_kspan(j, "ak_alg", id->ak_alg);
	jw_kbool(j, "held", n->state.held);
	write_last(&n->state, j);
	write_time_or_null(j, "valid_until", n->state.valid_until);
	write_time_or_null(j, "enrolled_at", n->enrolled);
	write_time_or_null(j, "admitted_at", n->admitted);
	write_time_or_null(j, "retired_at", n->retired);
}

static enum http_then
show(struct http_request *q, struct span name)
{
	struct server *s = server_of(q);
	struct node n;
	struct err e;

	if (!rc_ok(s->store->ops->node_find(
		s->store, &q->caller.tenant, name, q->arena, &n, &e)))
		return answer_problem(q, &e);
	struct jw j = answer_json(q);
	jw_object(&j);
	write_node(&n, clock_now(&s->clock), &j);
	rc r = write_node_policy(q, &n, &j, &e);
	jw_object_end(&j);
	if (rc_ok(r))
		return answer_done(q);
	buf_free(&q->answer.body);
	return answer_problem(q, &e);
}

enum http_then
handle_node_show(struct http_request *q)
{
	return show(q, q->param[0]);
}

/* --- listing
 * --------------------------------------------------------------------- */

/* "k=v" of a query to canonical labels. */
static rc
label_filter(
    struct http_request *q, struct span text, struct span *out, struct err *e)
{
	const uint8_t *eq = text.n ? memchr(text.p, '=', text.n) : NULL;
	JSON_AUTO obj = json_object();

	*out = labels_none();
	if (text.n == 0)
		return RC_OK;
	if (!eq)
		return err_text(
		    e, ERR_ENCODING, "label", "label is KEY=VALUE.");
	size_t k = (size_t)(eq - text.p);
	json_object_setn_new(obj, (const char *)text.p, k,
	    json_stringn((const char *)eq + 1, text.n - k - 1));
	return labels_canonical(obj, "label", q->arena, out, e);
}

static rc
node_filter(struct http_request *q, struct node_filter *f, struct err *e)
{
	static const char *const known[] = {
	    "status", "label", "limit", "cursor", NULL};
	struct span status, label;
	struct page page;

	TRY(query_only(q->query, known, q->arena, e));
	TRY(request_page(q, &page, e));
	TRY(query_get(q->query, "status", q->arena, &status, e));
	TRY(query_get(q->query, "label", q->arena, &label, e));
	*f = (struct node_filter){.after = page.cursor,
	    .limit = page.limit,
	    .by_status = status.n != 0,
	    .now = clock_now(&server_of(q)->clock)};
	if (status.n && !status_parse(status, &f->status))
		return err_at(e, ERR_JSON_RANGE, NULL, "status");
	return label_filter(q, label, &f->labels, e);
}

static void
write_cursor(struct jw *j, bool more, const struct uuid *last)
{
	char id[UUID_TEXT];

	uuid_emit(last, id);
	jw_kstr(j, "next", more ? id : NULL);
}

enum http_then
handle_node_list(struct http_request *q)
{
	struct server *s = server_of(q);
	struct node_filter f;
	struct node_list list = {0};
	struct uuid last = uuid_zero();
	struct err e;

	if (!rc_ok(node_filter(q, &f, &e)) ||
	    !rc_ok(s->store->ops->node_list(
		s->store, &q->caller.tenant, &f, q->arena, &list, &e)))
		return answer_problem(q, &e);
	struct jw j = answer_json(q);
	jw_object(&j);
	jw_key(&j, "items");
	jw_array(&j);
	for (size_t i = 0; i < list.n; i++) {
		jw_object(&j);
		write_node(&list.node[i], f.now, &j);
		jw_object_end(&j);
		last = list.node[i].id;
	}
	jw_array_end(&j);
	write_cursor(&j, list.more, &last);
	jw_object_end(&j);
	return answer_done(q);
}

/* --- changing
 * ------------------------------------------------------------------------ */

static rc
read_class(const json_t *doc, struct span *out, struct err *e)
{
	TRY(json_get_str(doc, "", "class", out, e));
	if (!env_class_valid(*out))
		return err_text(e, ERR_JSON_RANGE, "class",
		    "class is one of developer-endpoint, build, ci, signing, "
		    "release, update-distribution, test, production, ot.");
	return RC_OK;
}

static rc
read_labels(
    struct http_request *q, const json_t *doc, struct span *out, struct err *e)
{
	const json_t *obj;

	TRY(json_get_object(doc, "", "labels", &obj, e));
	return labels_canonical(obj, "labels", q->arena, out, e);
}

struct change {
	struct node_change c;
	struct span env_class, labels, reason;
};

static rc
read_change(
    struct http_request *q, const json_t *doc, struct change *ch, struct err *e)
{
	if (json_has(doc, "class")) {
		TRY(read_class(doc, &ch->env_class, e));
		ch->c.env_class = &ch->env_class;
	}
	if (json_has(doc, "labels")) {
		TRY(read_labels(q, doc, &ch->labels, e));
		ch->c.labels = &ch->labels;
	}
	bool needed = ch->c.act == NODE_RETIRE || ch->c.act == NODE_CLEAR;
	if (!needed && !json_has(doc, "reason"))
		return RC_OK;
	TRY(json_get_str(doc, "", "reason", &ch->reason, e));
	if (needed && (ch->reason.n == 0 || ch->reason.n > 500))
		return err_text(
		    e, ERR_JSON_RANGE, "reason", "reason has 1 to 500 bytes.");
	ch->c.reason = arena_printf(
	    q->arena, "%.*s", (int)ch->reason.n, (const char *)ch->reason.p);
	return ch->c.reason ? RC_OK : err_at(e, ERR_MEMORY, NULL, "reason");
}

static rc
change(struct http_request *q, enum node_act act, struct err *e)
{
	static const char *const approve[] = {
	    "class", "labels", "reason", NULL};
	static const char *const others[] = {"reason", NULL};
	struct server *s = server_of(q);
	struct change ch = {.c = {.act = act, .name = q->param[0]}};
	struct principal who;
	struct actor actor = request_actor(q, &who);
	struct node n;
	JSON_AUTO doc = NULL;

	TRY(request_json(q, act == NODE_APPROVE ? approve : others, &doc, e));
	TRY(read_change(q, doc, &ch, e));
	TRY(s->store->ops->node_find(
	    s->store, &q->caller.tenant, ch.c.name, q->arena, &n, e));
	TRY(s->store->ops->node_change(s->store, &actor, &ch.c, e));
	node_cache_forget(s, &n.id, NODE_ANY_VERSION);
	return RC_OK;
}

static enum http_then
act(struct http_request *q, enum node_act what)
{
	struct err e;

	if (!rc_ok(change(q, what, &e)))
		return answer_problem(q, &e);
	return show(q, q->param[0]);
}

enum http_then
handle_node_approve(struct http_request *q)
{
	return act(q, NODE_APPROVE);
}

enum http_then
handle_node_retire(struct http_request *q)
{
	return act(q, NODE_RETIRE);
}

enum http_then
handle_node_clear(struct http_request *q)
{
	return act(q, NODE_CLEAR);
}

/* --- import
 * -----------------------------------------------------------------------------
 */

static rc
read_listed(struct http_request *q, struct span line, struct listed_ek *out,
    struct err *e)
{
	static const char *const known[] = {
	    "name", "ek_sha256", "class", "labels", NULL};
	struct span hex;
	JSON_AUTO doc = NULL;

	*out = (struct listed_ek){.labels = labels_none()};
	TRY(json_decode(line, 16 * 1024, &doc, e));
	TRY(json_only(doc, "", known, e));
	TRY(json_get_str(doc, "", "ek_sha256", &hex, e));
	if (!rc_ok(hex_decode(hex, out->ek.b, sizeof(out->ek.b))))
		return err_at(e, ERR_ENCODING, NULL, "ek_sha256");
	if (json_has(doc, "name")) {
		TRY(json_get_str(doc, "", "name", &out->name, e));
		if (!name_valid(out->name))
			return err_at(e, ERR_NAME_FORMAT, NULL, "name");
	}
	if (json_has(doc, "class"))
		TRY(read_class(doc, &out->env_class, e));
	if (json_has(doc, "labels"))
		TRY(read_labels(q, doc, &out->labels, e));
	/* The document goes; what was borrowed from it must stay. */
	struct span name = arena_copy(q->arena, out->name);
	struct span env_class = arena_copy(q->arena, out->env_class);
	if (name.n != out->name.n || env_class.n != out->env_class.n)
		return err_at(e, ERR_MEMORY, NULL, "name");
	out->name = name;
	out->env_class = env_class;
	return RC_OK;
}

static rc
import_line(struct http_request *q, struct span line, struct listed_ek *ek,
    struct err *e)
{
	struct server *s = server_of(q);
	struct principal who;
	struct actor actor = request_actor(q, &who);

	TRY(read_listed(q, line, ek, e));
	return s->store->ops->ek_put(s->store, &actor, ek, 1, e);
}

static void
write_import(struct jw *j, size_t number, const struct listed_ek *ek, rc r,
    const struct err *e)
{
	jw_object(j);
	jw_ku64(j, "line", number);
	jw_kstr(j, "result", rc_ok(r) ? "listed" : "refused");
	jw_khex(j, "ek_sha256", span_of(ek->ek.b, sizeof(ek->ek.b)));
	if (!rc_ok(r)) {
		jw_kstr(j, "code", err_name(r.code));
		jw_kstr(j, "path", e->path);
		jw_kstr(j, "detail",
		    *e->text && err_class(r.code) != CLS_OURS
			? e->text
			: err_sentence(r.code, "en"));
	}
	jw_object_end(j);
}

enum http_then
handle_node_import(struct http_request *q)
{
	struct span rest = q->body;
	struct jw j = answer_json(q);
	size_t number = 0;

	jw_object(&j);
	jw_key(&j, "items");
	jw_array(&j);
	while (rest.n) {
		const uint8_t *end = memchr(rest.p, '\n', rest.n);
		size_t n = end ? (size_t)(end - rest.p) : rest.n;
		struct span line = span_of(rest.p, n);
		size_t step = end ? n + 1 : n;
		rest = span_of(rest.p + step, rest.n - step);
		number++;
		if (line.n == 0)
			continue;
		struct listed_ek ek = {0};
		struct err e = {.code = ERR_OK};
		rc r = import_line(q, line, &ek, &e);
		write_import(&j, number, &ek, r, &e);
	}
	jw_array_end(&j);
	jw_key(&j, "next");
	jw_null(&j);
	jw_object_end(&j);
	return answer_done(q);
}

/* --- enrolment tokens
 * ---------------------------------------------------------------------- */

/* A glob that names have to match: as a name, with '*' and '?'. */
static rc
read_names(
    struct http_request *q, const json_t *doc, struct span *out, struct err *e)
{
	struct span glob;
	char shape[STORE_NAME];

	TRY(json_get_str(doc, "", "names", &glob, e));
	for (size_t i = 0; i < glob.n && i < sizeof(shape); i++)
		shape[i] = glob.p[i] == '*' || glob.p[i] == '?'
			       ? 'x'
			       : (char)glob.p[i];
	if (glob.n >= sizeof(shape) || !name_valid(span_of(shape, glob.n)))
		return err_text(e, ERR_NAME_FORMAT, "names",
		    "names is a glob over names, such as ci-*.");
	*out = arena_copy(q->arena, glob);
	return out->n ? RC_OK : err_at(e, ERR_MEMORY, NULL, "names");
}

static rc
read_token(struct http_request *q, struct enrol_token *t, struct err *e)
{
	static const char *const known[] = {
	    "class", "labels", "names", "uses", "ttl", NULL};
	uint64_t uses;
	struct span ttl;
	int64_t us;
	JSON_AUTO doc = NULL;

	TRY(request_json(q, known, &doc, e));
	TRY(read_class(doc, &t->env_class, e));
	TRY(read_labels(q, doc, &t->labels, e));
	TRY(json_get_u64(doc, "", "uses", 1000000, &uses, e));
	TRY(json_get_str(doc, "", "ttl", &ttl, e));
	if (uses == 0)
		return err_at(e, ERR_JSON_RANGE, NULL, "uses");
	if (!rc_ok(duration_parse(ttl, &us)) || us > 366 * 86400 * TIME_S)
		return err_text(e, ERR_JSON_RANGE, "ttl",
		    "ttl is a duration such as 24h, at most 366d.");
	t->env_class = arena_copy(q->arena, t->env_class);
	if (json_has(doc, "names"))
		TRY(read_names(q, doc, &t->names, e));
	t->uses = (uint32_t)uses;
	t->created = clock_now(&server_of(q)->clock);
	t->expires = t->created + us;
	return RC_OK;
}

static rc
make_token(struct http_request *q, struct err *e)
{
	struct server *s = server_of(q);
	struct enrol_token t = {0};
	struct principal who;
	struct actor actor = request_actor(q, &who);
	char text[TOKEN_TEXT], id[UUID_TEXT];

	TRY(read_token(q, &t, e));
	TRY(uuid_v7(t.created, &t.id));
	TRY(token_make("aket_", q->hasher, text, &t.hash));
	TRY(s->store->ops->token_put(s->store, &actor, &t, e));
	uuid_emit(&t.id, id);
	struct jw j = answer_json(q);
	jw_object(&j);
	jw_kstr(&j, "id", id);
	jw_kstr(&j, "token", text);
	secret_cleanse(text, sizeof(text));
	jw_ktime(&j, "expires_at", t.expires);
	jw_object_end(&j);
	return RC_OK;
}

enum http_then
handle_token_create(struct http_request *q)
{
	struct err e = {.code = ERR_OK};
	rc r = make_token(q, &e);

	if (rc_ok(r))
		return answer_done(q);
	e.code = r.code;
	return answer_problem(q, &e);
}

static void
write_token(const struct enrol_token *t, struct jw *j)
{
	char id[UUID_TEXT];

	uuid_emit(&t->id, id);
	jw_object(j);
	jw_kstr(j, "id", id);
	jw_kspan(j, "class", t->env_class);
	jw_key(j, "labels");
	jw_raw(j, t->labels);
	jw_kspan(j, "names", t->names.n ? t->names : span_str("*"));
	jw_ku64(j, "uses", t->uses);
	jw_ku64(j, "uses_left", t->uses > t->used ? t->uses - t->used : 0);
	jw_ktime(j, "created_at", t->created);
	jw_ktime(j, "expires_at", t->expires);
	jw_kbool(j, "revoked", t->revoked != 0);
	jw_object_end(j);
}

enum http_then
handle_token_list(struct http_request *q)
{
	struct server *s = server_of(q);
	struct enrol_token *t = NULL;
	size_t n = 0;
	struct err e;

	if (!rc_ok(s->store->ops->token_list(
		s->store, &q->caller.tenant, q->arena, &t, &n, &e)))
		return answer_problem(q, &e);
	struct jw j = answer_json(q);
	jw_object(&j);
	jw_key(&j, "items");
	jw_array(&j);
	for (size_t i = 0; i < n; i++)
		write_token(&t[i], &j);
	jw_array_end(&j);
	jw_key(&j, "next");
	jw_null(&j);
	jw_object_end(&j);
	return answer_done(q);
}

enum http_then
handle_token_revoke(struct http_request *q)
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
		r = s->store->ops->token_revoke(s->store, &actor, &id, &e);
	/* It is the caller's object, not its credential, that is wrong. */
	if (r.code == ERR_ENROL_TOKEN)
		r = err_at(&e, ERR_TOKEN_UNKNOWN, NULL, "id");
	if (!rc_ok(r))
		return answer_problem(q, &e);
	struct jw j = answer_json(q);
	jw_object(&j);
	jw_kspan(&j, "id", q->param[0]);
	jw_kbool(&j, "revoked", true);
	jw_object_end(&j);
	return answer_done(q);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Operator routes about verdicts. */
#include "akashid/server.h"

#include "base/limits.h"

#include <stdlib.h>

static void
write_id(struct jw *j, const char *key, const struct uuid *id)
{
	char text[UUID_TEXT];

	uuid_emit(id, text);
	jw_kstr(j, key, uuid_none(id) ? NULL : text);
}

static void
write_head(const struct verdict_row *v, struct jw *j)
{
	write_id(j, "id", &v->id);
	write_id(j, "node_id", &v->node);
	jw_kstr(j, "node", v->node_name);
	jw_kstr(j, "result", result_name(v->result));
	jw_kstr(j, "code", v->code ? err_name(v->code) : NULL);
	jw_ktime(j, "received_at", v->received);
	jw_ktime(j, "verified_at", v->verified);
	jw_ktime(j, "valid_until", v->valid_until);
	jw_khex(j, "statement_sha256",
	    span_of(v->statement.b, sizeof(v->statement.b)));
}

/* --- list
 * ------------------------------------------------------------------------ */

static rc
parse_result(struct span text, struct verdict_filter *f, struct err *e)
{
	static const enum result all[] = {
	    RESULT_NONE, RESULT_PASS, RESULT_WARN, RESULT_FAIL, RESULT_REJECT};

	f->by_result = text.n != 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (span_eq(text, span_str(result_name(all[i])))) {
			f->result = all[i];
			return RC_OK;
		}
	return text.n ? err_at(e, ERR_JSON_RANGE, NULL, "result") : RC_OK;
}

static rc
read_filter(struct http_request *q, struct verdict_filter *f, struct err *e)
{
	static const char *const known[] = {
	    "node", "since", "result", "limit", "cursor", NULL};
	struct server *s = server_of(q);
	struct span node, since, result;
	struct node n;
	struct page page;

	TRY(query_only(q->query, known, q->arena, e));
	TRY(request_page(q, &page, e));
	TRY(query_get(q->query, "node", q->arena, &node, e));
	TRY(query_get(q->query, "since", q->arena, &since, e));
	TRY(query_get(q->query, "result", q->arena, &result, e));
	*f =
	    (struct verdict_filter){.before = page.cursor, .limit = page.limit};
	TRY(parse_result(result, f, e));
	if (since.n && !rc_ok(time_parse(since, &f->since)))
		return err_at(e, ERR_ENCODING, NULL, "since");
	if (node.n == 0)
		return RC_OK;
	TRY(s->store->ops->node_find(
	    s->store, &q->caller.tenant, node, q->arena, &n, e));
	f->node = n.id;
	return RC_OK;
}

enum http_then
handle_verdict_list(struct http_request *q)
{
	struct server *s = server_of(q);
	struct verdict_filter f;
	struct verdict_list list = {0};
	struct err e;

	if (!rc_ok(read_filter(q, &f, &e)) ||
	    !rc_ok(s->store->ops->verdict_list(
		s->store, &q->caller.tenant, &f, q->arena, &list, &e)))
		return answer_problem(q, &e);
	struct jw j = answer_json(q);
	jw_object(&j);
	jw_key(&j, "items");
	jw_array(&j);
	for (size_t i = 0; i < list.n; i++) {
		jw_object(&j);
		write_head(&list.row[i], &j);
		jw_object_end(&j);
	}
	jw_array_end(&j);
	if (list.more && list.n)
		write_id(&j, "next", &list.row[list.n - 1].id);
	else
		jw_kstr(&j, "next", NULL);
	jw_object_end(&j);
	return answer_done(q);
}

/* --- show
 * -------------------------------------------------------------------------- */

/* One member of a stored document, as it is. */
static rc
splice(struct jw *j, const char *key, const json_t *doc, const char *member,
    struct err *e)
{
	const json_t *value = json_object_get(doc, member);
	char *text =
	    value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	jw_key(j, key);
	if (text)
		jw_raw(j, span_str(text));
	else
		jw_null(j);
	free(text);
	return !value || text ? RC_OK : err_at(e, ERR_MEMORY, NULL, "%s", key);
}

static rc
write_documents(struct jw *j, const struct verdict_row *v, struct err *e)
{
	JSON_AUTO context = NULL;
	JSON_AUTO findings = NULL;
	JSON_AUTO detail = NULL;

	TRY(json_decode(v->context, LIMIT_POLICY, &context, e));
	TRY(json_decode(v->findings, LIMIT_POLICY, &findings, e));
	TRY(json_decode(v->detail, LIMIT_POLICY, &detail, e));
	TRY(splice(j, "reasons", detail, "reasons", e));
	TRY(splice(j, "checks", findings, "checks", e));
	TRY(splice(j, "layers", findings, "layers", e));
	TRY(splice(j, "quirks", findings, "quirks", e));
	TRY(splice(
	    j, "root_of_trust", json_object_get(context, "ek"), "rot", e));
	TRY(splice(j, "limits", context, "limits", e));
	TRY(splice(j, "policy", context, "policy", e));
	TRY(splice(j, "verifier", context, "verifier", e));
	return splice(j, "node_then", context, "node", e);
}

static void
write_hash(struct jw *j, const char *key, const struct sha256 *h)
{
	jw_key(j, key);
	if (sha256_none(h))
		jw_null(j);
	else
		jw_hex(j, span_of(h->b, sizeof(h->b)));
}

static void
write_evidence(struct jw *j, const struct verdict_row *v)
{
	jw_key(j, "evidence_sha256");
	jw_object(j);
	write_hash(j, "attest", &v->attest);
	write_hash(j, "signature", &v->signature);
	write_hash(j, "pcrs", &v->pcrs);
	write_hash(j, "boot_log", &v->boot_log);
	write_hash(j, "userspace_log", &v->userspace_log);
	write_hash(j, "ima_segment", &v->ima);
	jw_object_end(j);
	jw_ku64(j, "ima_offset", v->ima_start);
	jw_ku64(j, "ima_bytes", v->ima_bytes);
}

static rc
show(struct http_request *q, struct err *e)
{
	struct server *s = server_of(q);
	struct verdict_row v;
	struct uuid id;

	if (!rc_ok(uuid_parse(q->param[0], &id)))
		return err_at(e, ERR_ID_FORMAT, NULL, "id");
	TRY(s->store->ops->verdict_get(
	    s->store, &q->caller.tenant, &id, q->arena, &v, e));
	struct jw j = answer_json(q);
	jw_object(&j);
	write_head(&v, &j);
	write_id(&j, "previous", &v.previous);
	TRY(write_documents(&j, &v, e));
	write_evidence(&j, &v);
	jw_object_end(&j);
	return RC_OK;
}

enum http_then
handle_verdict_show(struct http_request *q)
{
	struct err e = {.code = ERR_OK};
	rc r = show(q, &e);

	if (rc_ok(r))
		return answer_done(q);
	buf_free(&q->answer.body);
	e.code = r.code;
	return answer_problem(q, &e);
}

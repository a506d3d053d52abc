/* SPDX-License-Identifier: Apache-2.0 */
/* Operator routes about policies: versions, and the steps of their life. */
#include "akashid/server.h"

#include "base/limits.h"
#include "base/text.h"
#include "record/labels.h"

/* --- showing
 * ------------------------------------------------------------------- */

static void
raw_or_null(struct jw *j, const char *key, struct span json)
{
	jw_key(j, key);
	if (json.n)
		jw_raw(j, json);
	else
		jw_null(j);
}

static void
number_or_null(struct jw *j, const char *key, uint64_t v)
{
	jw_key(j, key);
	if (v)
		jw_u64(j, v);
	else
		jw_null(j);
}

static void
write_approval(const struct policy_row *p, struct jw *j)
{
	bool approved = *p->approver;

	jw_kstr(j, "approver", approved ? p->approver : NULL);
	jw_key(j, "approved_at");
	if (approved)
		jw_time(j, p->approved);
	else
		jw_null(j);
	jw_key(j, "four_eyes");
	if (approved)
		jw_bool(j, p->four_eyes);
	else
		jw_null(j);
}

static void
write_stage(const struct policy_row *p, struct jw *j)
{
	jw_key(j, "staged");
	if (!p->staged) {
		jw_null(j);
		return;
	}
	jw_object(j);
	jw_ku64(j, "version", p->staged);
	raw_or_null(j, "selector", p->stage_selector);
	raw_or_null(j, "labels", p->stage_labels);
	number_or_null(j, "percent", p->percent);
	jw_object_end(j);
}

static void
write_row(const struct policy_row *p, struct jw *j)
{
	jw_object(j);
	jw_kstr(j, "name", p->name);
	jw_ku64(j, "version", p->version);
	jw_kstr(j, "state", policy_state_name(policy_state(p)));
	jw_khex(j, "hash", span_of(p->hash.b, sizeof(p->hash.b)));
	jw_kstr(j, "author", p->author);
	jw_ktime(j, "created_at", p->created);
	jw_kbool(j, "signed", p->signature.n != 0);
	write_approval(p, j);
	number_or_null(j, "active_version", p->active);
	raw_or_null(j, "selector", p->active ? p->selector : span_of(NULL, 0));
	write_stage(p, j);
	raw_or_null(j, "terms", p->terms);
	jw_ku64(j, "revision", p->revision);
	jw_object_end(j);
}

static void
write_item(const void *list, size_t i, struct jw *j)
{
	const struct policy_list *l = list;

	write_row(&l->row[i], j);
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
	return answer_list(q, &list, list.n, write_item);
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
	q->answer.etag = row.revision;
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

static void
write_past(const struct policy_past *p, struct jw *j)
{
	jw_object(j);
	jw_ktime(j, "at", p->at);
	jw_kstr(j, "actor", p->actor);
	jw_kstr(j, "step", policy_step_name(p->step));
	jw_ku64(j, "version", p->version);
	raw_or_null(j, "selector", p->selector);
	raw_or_null(j, "labels", p->labels);
	number_or_null(j, "percent", p->percent);
	jw_key(j, "four_eyes");
	if (p->step == STEP_APPROVE)
		jw_bool(j, p->four_eyes);
	else
		jw_null(j);
	jw_key(j, "reason");
	if (p->reason.n)
		jw_span(j, p->reason);
	else
		jw_null(j);
	jw_object_end(j);
}

static void
write_past_item(const void *history, size_t i, struct jw *j)
{
	const struct policy_history *h = history;

	write_past(&h->step[i], j);
}

enum http_then
handle_policy_history(struct http_request *q)
{
	struct server *s = server_of(q);
	struct policy_history h = {0};
	struct err e;

	if (!rc_ok(s->store->ops->policy_history(
		s->store, &q->caller.tenant, q->param[0], q->arena, &h, &e)))
		return answer_problem(q, &e);
	return answer_list(q, &h, h.n, write_past_item);
}

/* --- changing
 * -------------------------------------------------------------------- */

/* If-Match: the revision of what was looked at; 0 where the header is absent
 * or "*" (RFC 9110, 13.1.1). */
static rc
if_match(const struct http_request *q, uint64_t *revision, struct err *e)
{
	struct span tag = http_header(q, "If-Match");

	*revision = 0;
	if (!tag.p || span_eq(tag, span_str("*")))
		return RC_OK;
	if (tag.n < 3 || tag.p[0] != '"' || tag.p[tag.n - 1] != '"' ||
	    !number_parse(span_of(tag.p + 1, tag.n - 2), INT64_MAX, revision) ||
	    *revision == 0)
		return err_text(e, ERR_POLICY_CHANGED, "headers.if-match",
		    "It is no tag of a policy.");
	return RC_OK;
}

/* The signature in the header: there if it must be, and good if it is there. */
static rc
check_signature(struct http_request *q, const struct snapshot *snap,
    const struct policy *p, struct span signature, struct err *e)
{
	struct policy_row row = {.signature = signature};
	struct jws_claims claims;

	if (!signature.n && !snap->signed_policies)
		return RC_OK;
	memcpy(row.name, q->param[0].p, q->param[0].n);
	return policy_signed_well(snap, &row, p, q->arena, &claims, e);
}

/* For whom the policy is and how it counts, which lists show. */
static rc
terms_of(struct http_request *q, const struct policy *p, struct span *out,
    struct err *e)
{
	struct buf b = {0};
	struct jw j = jw_over(&b);
	const char *region;

	jw_object(&j);
	jw_kstr(&j, "class", policy_class(p));
	jw_kstr(&j, "mode", policy_mode(p));
	jw_key(&j, "regions");
	jw_array(&j);
	for (size_t i = 0; (region = policy_region(p, i)) != NULL; i++)
		jw_str(&j, region);
	jw_array_end(&j);
	jw_object_end(&j);
	*out = b.failed ? span_of(NULL, 0) : arena_copy(q->arena, buf_span(&b));
	buf_free(&b);
	return out->p ? RC_OK : err_at(e, ERR_MEMORY, NULL, "%s", "");
}

static rc
put(struct http_request *q, const struct snapshot *snap, uint32_t *version,
    struct err *e)
{
	struct server *s = server_of(q);
	struct principal who;
	struct actor actor = request_actor(q, &who);
	struct policy_new new = {.name = q->param[0],
	    .document = q->body,
	    .signature = http_header(q, "Akashi-Signature")};
	struct policy *p;
	uint64_t revision;

	if (!name_valid(new.name))
		return err_at(e, ERR_NAME_FORMAT, NULL, "name");
	TRY(if_match(q, &revision, e));
	TRY(policy_derive(q, &new, e));
	TRY(policy_decode(new.document, &p, e));
	policy_hash(p, new.hash.b);
	rc r = check_signature(q, snap, p, new.signature, e);
	if (rc_ok(r))
		r = terms_of(q, p, &new.terms, e);
	if (rc_ok(r))
		r = refsets_known(s, &q->caller.tenant, p, e);
	policy_unref(p);
	TRY(r);
	return s->store->ops->policy_put(
	    s->store, &actor, &new, revision, version, e);
}

enum http_then
handle_policy_apply(struct http_request *q)
{
	struct snapshot *snap = snapshot_take(server_of(q));
	uint32_t version = 0;
	struct err e;
	rc r = snap ? put(q, snap, &version, &e)
		    : err_at(&e, ERR_DATABASE, NULL, "%s", "");

	snapshot_drop(snap);
	return rc_ok(r) ? show(q, version) : answer_problem(q, &e);
}

/* When a version was signed, by one of the authors. */
static rc
signed_at(struct http_request *q, const struct snapshot *snap, uint32_t version,
    int64_t *out, struct err *e)
{
	struct policy_row row;
	struct policy *p;
	struct jws_claims claims;

	TRY(get(q, version, &row, e));
	TRY(policy_decode(row.document, &p, e));
	rc r = policy_signed_well(snap, &row, p, q->arena, &claims, e);
	policy_unref(p);
	TRY(r);
	*out = claims.signed_at;
	return RC_OK;
}

/* What goes into force is signed, and not earlier than what is in force: who
 * replays an old policy with its old signature is refused. Makes the step one
 * on exactly what was looked at. */
static rc
check_order(struct http_request *q, const struct snapshot *snap,
    struct policy_change *c, struct err *e)
{
	struct policy_row row;
	int64_t now, then;
	struct err old;

	if (!snap->signed_policies)
		return RC_OK;
	TRY(get(q, 0, &row, e));
	if (!c->revision)
		c->revision = row.revision;
	uint32_t next = c->step == STEP_ROLLBACK ? row.before : c->version;
	if (next == 0)
		return RC_OK; /* the step itself says that there is none */
	TRY(signed_at(q, snap, next, &now, e));
	if (row.active == 0 || row.active == next)
		return RC_OK;
	rc r = signed_at(q, snap, row.active, &then, &old);
	if (!rc_ok(r) && err_class(r.code) == CLS_OURS) {
		*e = old;
		return r;
	}
	return rc_ok(r) && now < then
		   ? err_at(e, ERR_POLICY_SIGNED_EARLIER, NULL, "version")
		   : RC_OK;
}

/* The change is in force here before it is answered; other servers follow
 * within a second. */
static enum http_then
step(struct http_request *q, rc r, struct policy_change *c, struct err *e)
{
	struct server *s = server_of(q);
	struct snapshot *snap = snapshot_take(s);
	const struct conf *conf = conf_take(s->conf);
	struct principal who;
	struct actor actor = request_actor(q, &who);
	uint32_t version = 0;

	c->name = q->param[0];
	c->four_eyes = conf->policy_four_eyes;
	conf_drop(s->conf, conf);
	if (rc_ok(r) && !snap)
		r = err_at(e, ERR_DATABASE, NULL, "%s", "");
	if (rc_ok(r))
		r = if_match(q, &c->revision, e);
	if (rc_ok(r) && (c->step == STEP_STAGE || c->step == STEP_ACTIVATE ||
			    c->step == STEP_ROLLBACK))
		r = check_order(q, snap, c, e);
	snapshot_drop(snap);
	if (rc_ok(r))
		r = s->store->ops->policy_change(
		    s->store, &actor, c, &version, e);
	if (rc_ok(r))
		r = keeper_refresh(s, false, e);
	return rc_ok(r) ? show(q, version) : answer_problem(q, e);
}

static rc
read_version(const json_t *doc, struct policy_change *c, struct err *e)
{
	uint64_t version;

	TRY(json_get_u64(doc, "", "version", INT32_MAX, &version, e));
	c->version = (uint32_t)version;
	return version ? RC_OK : err_at(e, ERR_JSON_RANGE, NULL, "version");
}

static rc
read_labels(struct http_request *q, const json_t *doc, const char *key,
    struct span *out, struct err *e)
{
	const json_t *obj;

	TRY(json_get_object(doc, "", key, &obj, e));
	return labels_canonical(obj, key, q->arena, out, e);
}

static rc
read_activation(struct http_request *q, struct policy_change *c, struct err *e)
{
	static const char *const known[] = {"version", "selector", NULL};
	JSON_AUTO doc = NULL;

	TRY(request_json(q, known, &doc, e));
	TRY(read_version(doc, c, e));
	return read_labels(q, doc, "selector", &c->selector, e);
}

enum http_then
handle_policy_activate(struct http_request *q)
{
	struct policy_change c = {.step = STEP_ACTIVATE};
	struct err e;

	return step(q, read_activation(q, &c, &e), &c, &e);
}

enum http_then
handle_policy_rollback(struct http_request *q)
{
	struct policy_change c = {.step = STEP_ROLLBACK};
	struct err e;

	return step(q, RC_OK, &c, &e);
}

static rc
read_approval(struct http_request *q, struct policy_change *c, struct err *e)
{
	static const char *const known[] = {"version", "hash", NULL};
	struct span hex;
	JSON_AUTO doc = NULL;

	TRY(request_json(q, known, &doc, e));
	TRY(read_version(doc, c, e));
	TRY(json_get_str(doc, "", "hash", &hex, e));
	rc r = hex_decode(hex, c->hash.b, sizeof(c->hash.b));
	return rc_ok(r) ? r : err_at(e, ERR_ENCODING, NULL, "hash");
}

enum http_then
handle_policy_approve(struct http_request *q)
{
	struct policy_change c = {.step = STEP_APPROVE};
	struct err e;

	return step(q, read_approval(q, &c, &e), &c, &e);
}

/* Which nodes: a share, or those with labels; percent 0 ends the trial. The
 * policy's nodes are those of the active version unless a selector says so. */
static rc
read_stage(struct http_request *q, struct policy_change *c, struct err *e)
{
	static const char *const known[] = {
	    "version", "selector", "labels", "percent", NULL};
	struct policy_row row;
	uint64_t percent = 0;
	JSON_AUTO doc = NULL;

	TRY(request_json(q, known, &doc, e));
	if (json_has(doc, "labels") == json_has(doc, "percent"))
		return err_text(e, ERR_JSON_MISSING, "percent",
		    "Either percent or labels says for which nodes.");
	if (json_has(doc, "labels"))
		TRY(read_labels(q, doc, "labels", &c->labels, e));
	else
		TRY(json_get_u64(doc, "", "percent", 100, &percent, e));
	c->percent = (uint32_t)percent;
	if (!percent && !c->labels.n) {
		c->step = STEP_UNSTAGE;
		return RC_OK;
	}
	TRY(read_version(doc, c, e));
	if (json_has(doc, "selector"))
		return read_labels(q, doc, "selector", &c->selector, e);
	TRY(get(q, 0, &row, e));
	c->selector = row.selector;
	return row.active ? RC_OK
			  : err_at(e, ERR_JSON_MISSING, NULL, "selector");
}

enum http_then
handle_policy_stage(struct http_request *q)
{
	struct policy_change c = {.step = STEP_STAGE};
	struct err e;

	return step(q, read_stage(q, &c, &e), &c, &e);
}

static rc
read_retirement(struct http_request *q, struct policy_change *c, struct err *e)
{
	static const char *const known[] = {"version", "reason", NULL};
	struct span reason;
	JSON_AUTO doc = NULL;

	TRY(request_json(q, known, &doc, e));
	TRY(read_version(doc, c, e));
	TRY(json_get_str(doc, "", "reason", &reason, e));
	if (reason.n == 0 || reason.n > 500)
		return err_text(
		    e, ERR_JSON_RANGE, "reason", "reason has 1 to 500 bytes.");
	c->reason = arena_printf(
	    q->arena, "%.*s", (int)reason.n, (const char *)reason.p);
	return c->reason ? RC_OK : err_at(e, ERR_MEMORY, NULL, "reason");
}

enum http_then
handle_policy_retire(struct http_request *q)
{
	struct policy_change c = {.step = STEP_RETIRE};
	struct err e;

	return step(q, read_retirement(q, &c, &e), &c, &e);
}

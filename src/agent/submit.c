/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/submit.h"

#include "agent/fields.h"
#include "agent/frame.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

static const int64_t wait_max = 60 * TIME_S;

/* --- patience ------------------------------------------------------------- */

bool
link_transient(enum err_code code)
{
	static const enum err_code codes[] = {/* the way there */
	    ERR_CLIENT_NETWORK, ERR_CLIENT_TIMEOUT, ERR_HTTP_TIMEOUT,
	    /* quotas and queues */
	    ERR_HTTP_RATE, ERR_QUOTA, ERR_NODE_BUSY, ERR_OVERLOAD, ERR_SHUTDOWN,
	    /* the server's own troubles */
	    ERR_MEMORY, ERR_INTERNAL, ERR_CRYPTO, ERR_RANDOM, ERR_DATABASE,
	    ERR_SCHEMA};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i] == code)
			return true;
	return false;
}

/* Half to all of the doubled wait, so that a fleet does not come back at
 * once; never less than the server asked for. */
static int64_t
next_wait(int64_t base, unsigned retry_after)
{
	uint16_t r = 0;
	int64_t asked = (int64_t)retry_after * TIME_S;

	if (!rc_ok(random_bytes(&r, sizeof(r))))
		r = UINT16_MAX;
	int64_t wait = base / 2 + base / 2 * r / UINT16_MAX;
	return wait > asked ? wait : asked;
}

static rc
send_once(struct link *l, const struct https_request *q,
    struct https_reply *out, unsigned *retry_after, struct err *e)
{
	struct https_reply got = {0};

	*retry_after = 0;
	TRY(https_send(l->http, q, &got, e));
	rc r = https_check(&got, e);
	if (rc_ok(r) || !link_transient(r.code)) {
		*out = got;
		return RC_OK;
	}
	*retry_after = got.retry_after;
	https_reply_free(&got);
	return r;
}

rc
link_send(struct link *l, const struct https_request *q, int64_t until,
    struct https_reply *out, struct err *e)
{
	int64_t base = l->first_wait ? l->first_wait : TIME_S;
	unsigned retry_after;
	struct err why;

	for (;;) {
		rc r = send_once(l, q, out, &retry_after, &why);
		if (rc_ok(r))
			return r;
		int64_t wait = next_wait(base, retry_after);
		base = base < wait_max / 2 ? 2 * base : wait_max;
		if (!link_transient(r.code) ||
		    wait > until - clock_monotonic()) {
			*e = why;
			return r;
		}
		if (l->tell)
			l->tell(&why, wait);
		if (!l->wait(wait))
			return err_at(e, ERR_CLIENT_STOPPED, NULL, "%s", "");
	}
}

/* --- JSON over the link --------------------------------------------------- */

static rc
response_error(struct err *e, const char *path)
{
	return err_at(e, ERR_CLIENT_RESPONSE, NULL, "%s", path);
}

/* Post a small JSON document and read the JSON answer. `body` is wiped. */
static rc
exchange(struct link *l, const char *path, const char *token, struct buf *body,
    int64_t until, json_t **doc, struct err *e)
{
	struct https_reply reply = {0};
	const struct https_request q = {.method = "POST",
	    .path = path,
	    .token = token,
	    .content_type = "application/json",
	    .body = buf_span(body)};
	rc r = body->failed ? err_at(e, ERR_MEMORY, NULL, "%s", "")
			    : link_send(l, &q, until, &reply, e);

	if (body->p)
		secret_cleanse(body->p, body->cap);
	buf_free(body);
	TRY(r);
	r = https_check(&reply, e);
	if (rc_ok(r) &&
	    !rc_ok(json_decode(buf_span(&reply.body), LIMIT_JSON, doc, e)))
		r = response_error(e, path);
	if (reply.body.p)
		secret_cleanse(reply.body.p, reply.body.cap);
	https_reply_free(&reply);
	return r;
}

/* Whatever is wrong with an answer's members, it is the answer that is wrong.
 */
static rc
understood(rc r, struct err *e)
{
	char path[sizeof(e->path)];

	if (rc_ok(r) || r.code == ERR_MEMORY)
		return r;
	memcpy(path, e->path, sizeof(path));
	return response_error(e, path);
}

static rc
offer_decode(
    const json_t *doc, struct arena *a, struct offer *out, struct err *e)
{
	struct offer o;

	TRY(field_text(doc, "challenge", a, &o.text, e));
	TRY(field_text(doc, "pcrs", a, &o.pcrs, e));
	TRY(field_time(doc, "expires_at", &o.expires, e));
	*out = o;
	return RC_OK;
}

/* --- enrolment ------------------------------------------------------------ */

static rc
enrolment_decode(const json_t *doc, struct arena *a, struct enrolment_offer *o,
    struct err *e)
{
	TRY(field_text(doc, "enrolment", a, &o->enrolment, e));
	TRY(field_bytes(doc, "credential_blob", a, &o->credential_blob, e));
	return field_bytes(doc, "encrypted_secret", a, &o->encrypted_secret, e);
}

rc
submit_enrol(struct link *l, const struct enrolment *q, int64_t until,
    struct arena *a, struct enrolment_offer *out, struct err *e)
{
	JSON_AUTO doc = NULL;
	struct enrolment_offer offer;
	struct buf body = {0};
	struct jw w = jw_over(&body);

	jw_object(&w);
	jw_kstr(&w, "name", q->name);
	field_put_bytes(&w, "ek_public", q->ek_public);
	jw_key(&w, "ek_certificates");
	jw_array(&w);
	if (q->ek_certificate.n)
		field_put_bytes(&w, NULL, q->ek_certificate);
	jw_array_end(&w);
	field_put_bytes(&w, "ak_public", q->ak_public);
	jw_kstr(&w, "agent", "akashi-agent/" PACKAGE_VERSION);
	jw_object_end(&w);
	TRY(exchange(l, "/v1/enrol", q->token, &body, until, &doc, e));
	TRY(understood(enrolment_decode(doc, a, &offer, e), e));
	*out = offer;
	return RC_OK;
}

static rc
activation_decode(const json_t *doc, struct arena *a, struct identity *id,
    struct offer *next, bool *admitted, struct err *e)
{
	const char *admission;

	TRY(field_uuid(doc, "tenant", &id->tenant, e));
	TRY(field_uuid(doc, "node", &id->node, e));
	TRY(field_text(doc, "node_token", a, &id->token, e));
	TRY(field_text(doc, "admission", a, &admission, e));
	TRY(offer_decode(json_object_get(doc, "challenge"), a, next, e));
	*admitted = strcmp(admission, "admitted") == 0;
	return RC_OK;
}

rc
submit_activate(struct link *l, const char *enrolment, struct span secret,
    int64_t until, struct arena *a, struct identity *id, struct offer *next,
    bool *admitted, struct err *e)
{
	JSON_AUTO doc = NULL;
	struct buf body = {0};
	struct jw w = jw_over(&body);

	jw_object(&w);
	jw_kstr(&w, "enrolment", enrolment);
	field_put_bytes(&w, "secret", secret);
	jw_object_end(&w);
	TRY(exchange(l, "/v1/activate", NULL, &body, until, &doc, e));
	return understood(activation_decode(doc, a, id, next, admitted, e), e);
}

rc
submit_challenge(struct link *l, const struct identity *id, int64_t until,
    struct arena *a, struct offer *out, struct err *e)
{
	JSON_AUTO doc = NULL;
	struct buf body = {0};
	struct jw w = jw_over(&body);

	jw_object(&w);
	field_put_uuid(&w, "tenant", &id->tenant);
	field_put_uuid(&w, "node", &id->node);
	jw_object_end(&w);
	TRY(exchange(l, "/v1/challenge", NULL, &body, until, &doc, e));
	return understood(offer_decode(doc, a, out, e), e);
}

/* --- evidence ------------------------------------------------------------- */

static enum verdict_status
status_of(const char *name)
{
	if (strcmp(name, "trusted") == 0)
		return VERDICT_TRUSTED;
	if (strcmp(name, "warning") == 0)
		return VERDICT_WARNING;
	if (strcmp(name, "untrusted") == 0)
		return VERDICT_UNTRUSTED;
	return VERDICT_UNKNOWN;
}

/* What is left out of an answer about the next submission only makes that one
 * longer. */
static void
answer_next(struct answer *w, struct arena *a)
{
	const json_t *ima = json_object_get(w->doc, "ima_next");
	const char *hash =
	    json_string_value(json_object_get(w->doc, "boot_log_sha256"));
	struct err ignored;
	uint64_t reset, restart;

	if (rc_ok(json_get_u64(
		ima, "", "reset_count", UINT32_MAX, &reset, &ignored)) &&
	    rc_ok(json_get_u64(
		ima, "", "restart_count", UINT32_MAX, &restart, &ignored)) &&
	    rc_ok(json_get_u64(
		ima, "", "offset", INT64_MAX, &w->ima_offset, &ignored))) {
		w->reset_count = (uint32_t)reset;
		w->restart_count = (uint32_t)restart;
	}
	w->log_known =
	    hash && rc_ok(hex_decode(span_str(hash), w->log_sha256, 32));
	(void)rc_ok(offer_decode(
	    json_object_get(w->doc, "challenge"), a, &w->next, &ignored));
	if (!rc_ok(json_get_u64(w->doc, "", "interval_seconds", 366 * 86400,
		&w->interval, &ignored)))
		w->interval = 0;
}

static rc
answer_decode(
    struct span body, struct arena *a, struct answer *w, struct err *e)
{
	const struct {
		const char *key;
		const char **to;
	} texts[] = {
	    {"verdict", &w->verdict},
	    {"result", &w->result},
	    {"status", &w->status_name},
	    {"admission", &w->admission},
	};

	if (!rc_ok(json_decode(body, LIMIT_JSON, &w->doc, e)))
		return response_error(e, "");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		*texts[i].to =
		    json_string_value(json_object_get(w->doc, texts[i].key));
		if (!*texts[i].to)
			return response_error(e, texts[i].key);
	}
	w->valid_until =
	    json_string_value(json_object_get(w->doc, "valid_until"));
	w->status = status_of(w->status_name);
	w->reasons = json_object_get(w->doc, "reasons");
	answer_next(w, a);
	return RC_OK;
}

static bool
lists(const json_t *array, const char *want)
{
	size_t i;
	json_t *v;

	json_array_foreach(array, i, v)
	{
		const char *s = json_string_value(v);
		if (s && strcmp(s, want) == 0)
			return true;
	}
	return false;
}

/* 409 with a list of parts; any other refusal goes up. */
static rc
answer_need(const struct https_reply *reply, struct answer *w, struct err *e)
{
	JSON_AUTO doc = NULL;
	rc r = https_problem(reply, e);
	struct err ignored;

	if (r.code == ERR_IMA_OFFSET) {
		w->need_ima = true;
		return RC_OK;
	}
	if (r.code != ERR_FRAME_NEED ||
	    !rc_ok(json_decode(
		buf_span(&reply->body), LIMIT_JSON, &doc, &ignored)))
		return r;
	const json_t *need = json_object_get(doc, "need");
	w->need_log = lists(need, "boot_log");
	w->need_ima = lists(need, "ima");
	return w->need_log || w->need_ima ? RC_OK : r;
}

rc
submit_evidence(struct link *l, const struct identity *id, struct span frame,
    int64_t until, struct arena *a, struct answer *out, struct err *e)
{
	struct https_reply reply = {0};
	struct answer w = {0};
	const struct https_request q = {.method = "POST",
	    .path = "/v1/evidence",
	    .token = id->token,
	    .content_type = FRAME_TYPE,
	    .body = frame};

	TRY(link_send(l, &q, until, &reply, e));
	rc r = reply.status == 200
		   ? answer_decode(buf_span(&reply.body), a, &w, e)
		   : answer_need(&reply, &w, e);
	https_reply_free(&reply);
	if (rc_ok(r))
		*out = w;
	else
		json_free(w.doc);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Answers and the small forms that requests share. */
#include "akashid/server.h"

#include "base/limits.h"
#include "base/text.h"

#include <stdio.h>

enum http_then
answer_problem(struct http_request *q, const struct err *e)
{
	struct server *s = server_of(q);

	http_problem(q, e);
	if (err_class(e->code) == CLS_OURS)
		log_note(&s->log, LOG_ERROR, q->route ? q->route->name : "http",
		    e, "trace %s", q->trace);
	return HTTP_ANSWER;
}

void
answer_need(struct http_request *q, const struct err *e)
{
	struct jw w = answer_json(q);

	q->answer.status = err_http(e->code);
	q->answer.type = "application/problem+json";
	q->answer.code = e->code;
	jw_object(&w);
	jw_kstr(&w, "type", HTTP_PROBLEM_TYPES "frame.need");
	jw_kstr(&w, "title", err_sentence(e->code, "en"));
	jw_ku64(&w, "status", (uint64_t)err_http(e->code));
	jw_kstr(&w, "detail", e->text);
	jw_kstr(&w, "code", err_name(e->code));
	jw_kstr(&w, "path", e->path);
	jw_kstr(&w, "trace_id", q->trace);
	jw_key(&w, "need");
	jw_array(&w);
	jw_str(&w, e->path);
	jw_array_end(&w);
	jw_object_end(&w);
}

struct jw
answer_json(struct http_request *q)
{
	return jw_over(&q->answer.body);
}

enum http_then
answer_done(struct http_request *q)
{
	struct err e;

	if (!q->answer.body.failed)
		return HTTP_ANSWER;
	buf_free(&q->answer.body);
	(void)err_at(&e, ERR_MEMORY, NULL, "%s", "");
	return answer_problem(q, &e);
}

enum http_then
answer_list(struct http_request *q, const void *list, size_t n,
    void (*write)(const void *list, size_t i, struct jw *j))
{
	struct jw j = answer_json(q);

	jw_object(&j);
	jw_key(&j, "items");
	jw_array(&j);
	for (size_t i = 0; i < n; i++)
		write(list, i, &j);
	jw_array_end(&j);
	jw_key(&j, "next");
	jw_null(&j);
	jw_object_end(&j);
	return answer_done(q);
}

rc
request_json(struct http_request *q, const char *const *known, json_t **out,
    struct err *e)
{
	json_t *doc = NULL;

	TRY(json_decode(q->body, LIMIT_JSON, &doc, e));
	rc r = json_only(doc, "", known, e);
	if (!rc_ok(r)) {
		json_free(doc);
		return r;
	}
	*out = doc;
	return RC_OK;
}

struct actor
request_actor(const struct http_request *q, struct principal *who)
{
	*who = (struct principal){.tenant = q->caller.tenant,
	    .id = q->caller.id,
	    .role = ROLE_OPERATOR};
	snprintf(who->name, sizeof(who->name), "%s", q->caller.name);
	snprintf(who->maker, sizeof(who->maker), "%s", q->caller.maker);
	return (struct actor){who, q->source, clock_now(&server_of(q)->clock)};
}

rc
request_page(struct http_request *q, struct page *out, struct err *e)
{
	struct span text;
	uint64_t limit = 100;

	*out = (struct page){.limit = 100};
	TRY(query_get(q->query, "limit", q->arena, &text, e));
	if (text.n && (!number_parse(text, STORE_LIST, &limit) || limit == 0))
		return err_text(e, ERR_JSON_RANGE, "limit",
		    "limit is a number from 1 to %d.", STORE_LIST);
	out->limit = (size_t)limit;
	TRY(query_get(q->query, "cursor", q->arena, &text, e));
	if (text.n && !rc_ok(uuid_parse(text, &out->cursor)))
		return err_at(e, ERR_ID_FORMAT, NULL, "cursor");
	return RC_OK;
}

rc
write_challenge(struct http_request *q, const struct snapshot *snap,
    const struct uuid *tenant, const struct uuid *node, struct jw *w,
    struct err *e)
{
	struct server *s = server_of(q);
	const struct conf *conf = conf_take(s->conf);
	struct challenge c = {
	    .tenant = *tenant,
	    .node = *node,
	    .purpose = CHALLENGE_ATTEST,
	    .selection = snap->asked,
	    .epoch = snap->epoch,
	    .issued = clock_now(&s->clock),
	    .ttl = conf->challenge_ttl,
	};
	char text[CHALLENGE_TEXT];

	conf_drop(s->conf, conf);
	TRY(challenge_issue(&snap->keys, &c, q->hasher, text, e));
	metrics_add(slot_of(q), METRIC_CHALLENGES_ISSUED, 1);
	jw_object(w);
	jw_kstr(w, "challenge", text);
	jw_kstr(w, "pcrs", snap->asked_text);
	jw_ktime(w, "expires_at", c.issued + c.ttl);
	jw_object_end(w);
	return RC_OK;
}

rc
token_make(const char *prefix, struct hasher *h, char out[TOKEN_TEXT],
    struct sha256 *hash)
{
	uint8_t secret[TOKEN_SECRET];
	char text[TOKEN_TEXT];

	TRY(random_bytes(secret, sizeof(secret)));
	base64url_emit(span_of(secret, sizeof(secret)), text);
	secret_cleanse(secret, sizeof(secret));
	snprintf(out, TOKEN_TEXT, "%s%s", prefix, text);
	secret_cleanse(text, sizeof(text));
	return hash_of(h, ALG_SHA256, span_str(out), hash->b);
}

struct uuid
uuid_zero(void)
{
	return (struct uuid){{0}};
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The admin listener: the first administrator, health, metrics. */
#include "akashid/server.h"

#include "akashid/openapi.h"

#include <stdio.h>

static rc
init(struct http_request *q, struct err *e)
{
	struct server *s = server_of(q);
	struct principal who;
	struct sha256 hash;
	char token[TOKEN_TEXT];

	TRY(token_make("akad_", q->hasher, token, &hash));
	rc r = s->store->ops->admin_init(
	    s->store, &hash, span_str("admin"), clock_now(&s->clock), &who, e);
	if (rc_ok(r)) {
		struct jw j = answer_json(q);
		jw_object(&j);
		jw_kstr(&j, "token", token);
		jw_kstr(&j, "name", who.name);
		jw_object_end(&j);
	}
	secret_cleanse(token, sizeof(token));
	return r;
}

enum http_then
handle_admin_init(struct http_request *q)
{
	struct err e = {.code = ERR_OK};
	rc r = init(q, &e);

	if (rc_ok(r)) {
		log_note(&server_of(q)->log, LOG_NOTICE, "admin_init", NULL,
		    "the first administrator was made over the admin socket");
		return answer_done(q);
	}
	e.code = r.code;
	return answer_problem(q, &e);
}

enum http_then
handle_livez(struct http_request *q)
{
	struct jw j = answer_json(q);

	jw_object(&j);
	jw_kstr(&j, "status", "alive");
	jw_object_end(&j);
	return answer_done(q);
}

/* Ready: the database answers with the right schema, and we are not about to
 * stop. The words say what is missing. */
enum http_then
handle_readyz(struct http_request *q)
{
	struct server *s = server_of(q);
	char problem[sizeof(s->store_problem)];
	bool draining = atomic_load(&s->draining);

	pthread_mutex_lock(&s->snapshot_lock);
	snprintf(problem, sizeof(problem), "%s", s->store_problem);
	pthread_mutex_unlock(&s->snapshot_lock);
	bool store = atomic_load(&s->store_ready);
	bool ready = store && !draining;
	struct jw j = answer_json(q);
	q->answer.status = ready ? 200 : 503;
	jw_object(&j);
	jw_kstr(&j, "status", ready ? "ready" : "not_ready");
	jw_key(&j, "checks");
	jw_object(&j);
	jw_kstr(&j, "database", store ? "ok" : problem);
	jw_kstr(&j, "stopping", draining ? "yes" : "no");
	jw_object_end(&j);
	jw_object_end(&j);
	return answer_done(q);
}

enum http_then
handle_version(struct http_request *q)
{
	struct jw j = answer_json(q);

	jw_object(&j);
	jw_kstr(&j, "program", "akashid");
	jw_kstr(&j, "version", PACKAGE_VERSION);
	jw_kstr(&j, "build", AKASHID_BUILD);
	jw_kstr(&j, "instance", server_of(q)->instance);
	jw_object_end(&j);
	return answer_done(q);
}

enum http_then
handle_metrics(struct http_request *q)
{
	struct server *s = server_of(q);

	metrics_gauge(
	    s->metrics, METRIC_CONNECTIONS, (int64_t)http_connections(s->api));
	metrics_gauge(
	    s->metrics, METRIC_PENDING, (int64_t)http_pending(s->api));
	metrics_emit(s->metrics, &q->answer.body);
	q->answer.type = "text/plain; version=0.0.4; charset=utf-8";
	return answer_done(q);
}

enum http_then
handle_openapi(struct http_request *q)
{
	q->answer.fixed = openapi_document();
	return HTTP_ANSWER;
}

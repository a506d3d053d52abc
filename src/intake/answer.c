/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/http.h"

#include <stdio.h>

enum { RETRY_BUSY = 2, RETRY_RATE = 5 };

static unsigned
retry_after(int status)
{
	return status == 503 ? RETRY_BUSY : status == 429 ? RETRY_RATE : 0;
}

/* Codes that are findings of a verdict have 200 there; where one refuses a
 * request, as a policy that leaves a PCR without a rule, it is no success. */
static int
problem_status(enum err_code code)
{
	int status = err_http(code);

	return status < 400 ? 422 : status;
}

void
http_problem(struct http_request *q, const struct err *e)
{
	struct http_answer *a = &q->answer;
	int status = problem_status(e->code);
	char type[128];

	buf_free(&a->body);
	a->body = (struct buf){0};
	a->fixed = span_of(NULL, 0);
	a->status = status;
	a->type = "application/problem+json";
	a->retry_after = retry_after(status);
	a->code = e->code;
	snprintf(
	    type, sizeof(type), HTTP_PROBLEM_TYPES "%s", err_name(e->code));

	struct jw w = jw_over(&a->body);
	jw_object(&w);
	jw_kstr(&w, "type", type);
	jw_kstr(&w, "title", err_sentence(e->code, "en"));
	jw_key(&w, "status");
	jw_i64(&w, status);
	/* What our own errors say (hosts, roles, folders) is for our log. */
	if (e->text[0] && err_class(e->code) != CLS_OURS)
		jw_kstr(&w, "detail", e->text);
	jw_kstr(&w, "code", err_name(e->code));
	if (e->path[0])
		jw_kstr(&w, "path", e->path);
	jw_kstr(&w, "trace_id", q->trace);
	jw_object_end(&w);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a request target, a query, headers and a trace: what is let
 * through keeps the promises of route.h and gate.h. */
#include "intake/gate.h"
#include "intake/route.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Either way is fine; only what comes out is looked at. */
static void
either(rc r)
{
	(void)r;
}

static enum http_then
handler(struct http_request *q)
{
	(void)q;
	return HTTP_ANSWER;
}

static const struct route routes[] = {
    {HTTP_GET, "/v1/nodes", AUTH_OPERATOR, BODY_NONE, NULL, handler, "a", 0},
    {HTTP_GET, "/v1/nodes/{name}", AUTH_OPERATOR, BODY_NONE, NULL, handler, "b",
	0},
    {HTTP_POST, "/v1/policies/{name}/{version}", AUTH_OPERATOR, BODY_JSON, NULL,
	handler, "c", 0},
};

static void
match(struct span target, struct arena *a)
{
	struct route_match m;
	const char *allow = NULL;
	struct err e;

	if (!rc_ok(route_match(routes, sizeof(routes) / sizeof(routes[0]),
		HTTP_GET, target, a, &m, &allow, &e)))
		return;
	for (size_t i = 0; i < m.params; i++)
		if (m.param[i].n == 0 ||
		    memchr(m.param[i].p, 0, m.param[i].n) ||
		    memchr(m.param[i].p, '/', m.param[i].n))
			abort();
}

/* Lines "name:value" as headers. */
static void
headers(struct span text)
{
	struct gate_header h[GATE_HEADERS];
	struct gate_facts f;
	struct err e;
	size_t n = 0;

	while (text.n && n < GATE_HEADERS) {
		const uint8_t *end = memchr(text.p, '\n', text.n);
		size_t line = end ? (size_t)(end - text.p) : text.n;
		const uint8_t *colon = memchr(text.p, ':', line);
		size_t name = colon ? (size_t)(colon - text.p) : line;
		h[n].name = span_of(text.p, name);
		h[n++].value = span_of(text.p + name + (colon != NULL),
		    line - name - (colon != NULL));
		line += end != NULL;
		text = span_of(text.p + line, text.n - line);
	}
	if (rc_ok(gate_headers(h, n, true, &f, &e)) && f.has_length &&
	    f.chunked)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const known[] = {"limit", "cursor", NULL};
	struct span in = span_of(data, size), out;
	struct arena a;
	struct err e;
	char trace[33];

	arena_init(&a, 1024 * 1024);
	either(gate_target(in, &e));
	match(in, &a);
	either(query_get(in, "limit", &a, &out, &e));
	either(query_only(in, known, &a, &e));
	headers(in);
	(void)gate_type_is(in, "application/json");
	(void)gate_trace(in, trace);
	arena_free(&a);
	return 0;
}

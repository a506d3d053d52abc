/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's side: credentials, the gate's codes, nodes, tokens, lists. */
#include "e2e/server/cases.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct world w;

static void
setup(void)
{
	world_begin(&w, NULL);
}

static void
teardown(void)
{
	world_end(&w);
}

/* --- credentials ---------------------------------------------------------- */

static struct answer
with_token(const char *token)
{
	const struct raw_request q = {
	    .method = "GET", .path = "/v1/nodes", .token = token};

	return ask(&w, &q);
}

static const char *
guess(void)
{
	uint8_t bytes[TOKEN_SECRET];

	ck_rc_ok(random_bytes(bytes, sizeof(bytes)));
	return arena_printf(
	    &w.arena, "akad_%s", b64(&w, span_of(bytes, sizeof(bytes))));
}

/* Guessing is answered 401, and soon 429: whoever guesses, is not heard with
 * the right token either, and others are. */
START_TEST(guessing)
{
	int refused_at = 0;

	snprintf(w.source, sizeof(w.source), "127.0.0.66");
	for (int i = 0; i < 1000 && !refused_at; i++) {
		struct answer a = with_token(guess());
		if (a.status == 429)
			refused_at = i + 1;
		else
			says(a, 401, "auth.invalid");
	}
	ck_assert_int_gt(refused_at, 20);
	struct answer a = with_token(w.operator);
	says(a, 429, "http.rate");
	ck_assert_ptr_nonnull(raw_header(&a.raw, "retry-after", &w.arena));
	snprintf(w.source, sizeof(w.source), "127.0.0.67");
	says(with_token(w.operator), 200, "");
	tap_note("429 at guess %d", refused_at);
}
END_TEST

/* A node token is judged by its handler, and counts as well. */
START_TEST(guessing_elsewhere)
{
	bool refused = false;

	snprintf(w.source, sizeof(w.source), "127.0.0.69");
	struct sim *s = sim_new(&w, "n1");
	struct shot shot = aim(&w, s);
	load(&w, &shot);
	struct shot bad = shot;
	char *token = arena_printf(&w.arena, "%s", s->token);
	token[80] = token[80] == 'A' ? 'B' : 'A';
	bad.token = token;
	snprintf(w.source, sizeof(w.source), "127.0.0.70");
	for (int i = 0; i < 1000 && !refused; i++) {
		struct answer a = fire(&w, &bad);
		refused = a.status == 429;
		if (!refused)
			says(a, 401, "node.token");
	}
	ck_assert(refused);
	snprintf(w.source, sizeof(w.source), "127.0.0.69");
	judged(&w, &shot, "pass", "");
}
END_TEST

START_TEST(token_forms)
{
	says(with_token(NULL), 401, "auth.missing");
	says(with_token("akad_"), 401, "auth.invalid");
	says(with_token(arena_printf(&w.arena, "%sA", w.operator)), 401,
	    "auth.invalid");
	says(with_token(w.enrol), 403, "auth.forbidden");
	char *changed = arena_printf(&w.arena, "%s", w.operator);
	changed[20] = changed[20] == 'A' ? 'B' : 'A';
	says(with_token(changed), 401, "auth.invalid");
	says(with_token(w.operator), 200, "");
}
END_TEST

START_TEST(administrator_once)
{
	const struct raw_request q = {.method = "POST",
	    .path = "/admin/init",
	    .type = "application/json",
	    .body = span_str("{}")};
	int fd = raw_dial_unix(w.socket);

	raw_send(fd, raw_bytes(&w.arena, &q));
	says(answer_of(&w, raw_receive(fd, &w.arena)), 409, "auth.initialised");
	/* not where everybody can ask */
	says(ask(&w, &q), 404, "http.not_found");
	says(get(&w, "/metrics"), 404, "http.not_found");
	says(with_token(w.operator), 200, "");
}
END_TEST

/* A path of a route, with something where its parameters are. */
static const char *
path_for(const struct route *r)
{
	char *out = arena_printf(&w.arena, "%s", r->pattern), *to = out;

	for (const char *p = r->pattern; *p; p++) {
		*to++ = *p == '{' ? 'x' : *p;
		if (*p == '{')
			p = strchr(p, '}');
	}
	*to = '\0';
	return out;
}

static struct answer
knock(const struct route *r, const char *token)
{
	const struct raw_request q = {
	    .method = r->method == HTTP_POST ? "POST" : "GET",
	    .path = path_for(r),
	    .token = token,
	    .type = r->type,
	    .body = r->type ? span_str("{}") : span_of("", 0)};

	return ask(&w, &q);
}

/* Every route of the running server asks for its own kind of credential, but
 * the three that nodes need before they have one. */
START_TEST(every_route_asks)
{
	size_t open = 0;

	for (size_t i = 0; i < api_routes_n; i++) {
		const struct route *r = &api_routes[i];
		if (r->auth == AUTH_NONE) {
			open++;
			continue;
		}
		says(knock(r, NULL), 401, "auth.missing");
		says(knock(r, r->auth == AUTH_OPERATOR ? w.enrol : w.operator),
		    403, "auth.forbidden");
	}
	ck_assert_uint_eq(open, 3);
}
END_TEST

/* --- what is logged ------------------------------------------------------- */

/* Everything that was written to fd: lines of JSON without a control byte. */
static size_t
plain_lines(int fd)
{
	static char text[1 << 20];
	size_t lines = 0;
	FILE *f = fdopen(fd, "r");

	ck_assert_ptr_nonnull(f);
	rewind(f);
	while (fgets(text, sizeof(text), f)) {
		size_t n = strlen(text);
		ck_assert_int_eq(text[n - 1], '\n');
		for (size_t i = 0; i + 1 < n; i++)
			ck_assert_uint_ge((unsigned char)text[i], 0x20);
		json_t *line = json_loads(text, 0, NULL);
		ck_assert_msg(json_is_object(line), "%s", text);
		json_decref(line);
		lines++;
	}
	fclose(f);
	return lines;
}

/* What comes from outside stays inside its line. */
START_TEST(log_lines_are_whole)
{
	static const char *const evil[] = {
	    "a\\r\\n{\\\"x\\\":1}", "\\u001b[31m", "\\u0000", "a\\nlevel=info"};
	char name[] = "/tmp/akashid-test.XXXXXX";
	int fd = mkstemp(name);
	struct sim *s = sim_new(&w, "n1");

	ck_assert_int_ge(fd, 0);
	unlink(name);
	w.server->log = (struct logger){fd, LOG_DEBUG};
	struct shot shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
	for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		struct answer a = post_as(&w, w.enrol, "/v1/enrol",
		    arena_printf(&w.arena,
			"{\"name\":\"%s\",\"ek_public\":\"\",\"ak_public\":"
			"\"\",\"ek_certificates\":[],\"agent\":\"%s\"}",
			evil[i], evil[i]));
		ck_assert_int_eq(a.status, 400);
		shot = aim(&w, s);
		shot.body = span_str(evil[i]);
		ck_assert_int_eq(fire(&w, &shot).status, 400);
	}
	struct log_line l;
	log_begin(&l, &w.server->log, LOG_INFO, "test");
	jw_kstr(&l.w, "path", "/tmp/a\r\n{\"x\":1}\x1b[31m");
	log_end(&l);
	ck_assert_uint_ge(plain_lines(fd), 2);
	w.server->log = (struct logger){STDERR_FILENO, LOG_ERROR};
}
END_TEST

/* --- the gate ------------------------------------------------------------- */

#define TOKEN_BODY                                                             \
	"{\"class\":\"test\",\"labels\":{},\"uses\":1,\"ttl\":\"1h\"}"

static const struct {
	const char *body;
	int status;
	const char *code;
} bodies[] = {
    {"{\"class\":\"test\",\"class\":\"test\",\"labels\":{},\"uses\":1,"
     "\"ttl\":\"1h\"}",
	400, "json.duplicate"},
    {"{\"class\":\"test\",\"labels\":{\"a\":\"1\",\"a\":\"1\"},\"uses\":1,"
     "\"ttl\":\"1h\"}",
	400, "json.duplicate"},
    {"{\"class\":\"test\",\"labels\":{},\"uses\":1,\"ttl\":\"1h\",\"x\":1}",
	400, "json.unknown_field"},
    {"{\"class\":\"test\",\"labels\":{},\"uses\":1}", 400, "json.missing"},
    {"{\"class\":\"test\",\"labels\":{},\"uses\":\"1\",\"ttl\":\"1h\"}", 400,
	"json.type"},
    {"{\"class\":\"test\",\"labels\":[],\"uses\":1,\"ttl\":\"1h\"}", 400,
	"json.type"},
    {"{\"class\":\"test\",\"labels\":{},\"uses\":0,\"ttl\":\"1h\"}", 400,
	"json.range"},
    {"{\"class\":\"test\",\"labels\":{},\"uses\":-1,\"ttl\":\"1h\"}", 400,
	"json.range"},
    {"{\"class\":\"test\",\"labels\":{},\"uses\":1000001,\"ttl\":\"1h\"}", 400,
	"json.range"},
    {"{\"class\":\"test\",\"labels\":{},\"uses\":1,\"ttl\":\"soon\"}", 400,
	"json.range"},
    {"{\"class\":\"test\",\"labels\":{},\"uses\":1,\"ttl\":\"367d\"}", 400,
	"json.range"},
    {"{\"class\":\"mine\",\"labels\":{},\"uses\":1,\"ttl\":\"1h\"}", 400,
	"json.range"},
    {"{", 400, "json.syntax"},
    {"", 400, "json.syntax"},
    {"[]", 400, "json.type"},
    {TOKEN_BODY "x", 400, "json.syntax"},
    {"\xef\xbb\xbf" TOKEN_BODY, 400, "json.syntax"},
};

START_TEST(bodies_of_json)
{
	says(post(&w, "/v1/tokens", bodies[_i].body), bodies[_i].status,
	    bodies[_i].code);
	says(post(&w, "/v1/tokens", TOKEN_BODY), 200, "");
}
END_TEST

START_TEST(body_too_deep)
{
	char text[4000];

	memset(text, '[', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	says(post(&w, "/v1/tokens", text), 413, "json.limit");
}
END_TEST

START_TEST(body_too_large)
{
	enum { LARGE = 256 * 1024 + 1 };
	char *large = arena_alloc(&w.arena, LARGE);
	struct raw_request q = {.method = "POST",
	    .path = "/v1/tokens",
	    .token = w.operator,
	    .type = "application/json",
	    .body = span_of(large, LARGE)};

	memset(large, ' ', LARGE);
	memcpy(large, TOKEN_BODY, sizeof(TOKEN_BODY) - 1);
	says(ask(&w, &q), 413, "http.body_too_large");
	q.body.n--;
	says(ask(&w, &q), 200, "");
	q.path = "/v1/evidence";
	q.type = SUBMISSION_TYPE;
	q.token = sim_new(&w, "n1")->token;
	q.length = 64u * 1024 * 1024 + 1;
	says(ask(&w, &q), 413, "http.body_too_large");
}
END_TEST

static const struct {
	const char *method, *path, *type;
	int status;
	const char *code;
} requests[] = {
    {"POST", "/v1/tokens", "text/plain", 415, "http.content_type"},
    {"POST", "/v1/tokens", "application/x-www-form-urlencoded", 415,
	"http.content_type"},
    {"POST", "/v1/nodes/import", "application/json", 415, "http.content_type"},
    {"POST", "/v1/token", "application/json", 404, "http.not_found"},
    {"GET", "/", NULL, 404, "http.not_found"},
    {"GET", "/v2/nodes", NULL, 404, "http.not_found"},
    {"GET", "/v1/nodes/", NULL, 404, "http.not_found"},
    {"GET", "/v1/nodes/a/b/c", NULL, 404, "http.not_found"},
    {"POST", "/v1/nodes", "application/json", 405, "http.method"},
    {"GET", "/v1/evidence", NULL, 405, "http.method"},
    {"PUT", "/v1/tokens", "application/json", 405, "http.method"},
    {"DELETE", "/v1/nodes/n1", NULL, 405, "http.method"},
    {"GET", "/v1/nodes?limit=0", NULL, 400, "json.range"},
    {"GET", "/v1/nodes?limit=1001", NULL, 400, "json.range"},
    {"GET", "/v1/nodes?limit=x", NULL, 400, "json.range"},
    {"GET", "/v1/nodes?cursor=x", NULL, 400, "id.format"},
    {"GET", "/v1/nodes?status=fine", NULL, 400, "json.range"},
    {"GET", "/v1/nodes?label=x", NULL, 400, "encoding"},
    {"GET", "/v1/verdicts?node=none", NULL, 404, "node.unknown"},
    {"GET", "/v1/verdicts?since=yesterday", NULL, 400, "encoding"},
    {"GET", "/v1/verdicts?result=good", NULL, 400, "json.range"},
    {"GET", "/v1/verdicts/x", NULL, 400, "id.format"},
    {"GET", "/v1/verdicts/01890000-0000-7000-8000-000000000000", NULL, 404,
	"verdict.unknown"},
    {"GET", "/v1/verdicts/x/explanation", NULL, 400, "id.format"},
    {"GET",
	"/v1/verdicts/01890000-0000-7000-8000-000000000000/"
	"explanation?lang=ja&level=analyst",
	NULL, 404, "verdict.unknown"},
    {"GET", "/v1/verdicts/x/explanation?lang=fr", NULL, 400, "id.format"},
    {"GET",
	"/v1/verdicts/01890000-0000-7000-8000-000000000000/"
	"explanation?lang=fr",
	NULL, 400, "json.range"},
    {"GET",
	"/v1/verdicts/01890000-0000-7000-8000-000000000000/"
	"explanation?level=all",
	NULL, 400, "json.range"},
    {"GET", "/v1/nodes/none", NULL, 404, "node.unknown"},
    {"GET", "/v1/policies/none", NULL, 404, "policy.unknown"},
    {"GET", "/v1/policies/golden/0", NULL, 404, "policy.unknown"},
    {"GET", "/v1/policies/golden/2", NULL, 404, "policy.unknown"},
    {"GET", "/v1/policies/golden/x", NULL, 404, "policy.unknown"},
};

START_TEST(request_faults)
{
	const struct raw_request q = {.method = requests[_i].method,
	    .path = requests[_i].path,
	    .token = w.operator,
	    .type = requests[_i].type,
	    .body = span_str(requests[_i].type ? TOKEN_BODY : "")};
	struct answer a = ask(&w, &q);

	says(a, requests[_i].status, requests[_i].code);
	ck_assert_str_eq(raw_header(&a.raw, "content-type", &w.arena),
	    "application/problem+json");
	ck_assert_uint_eq(strlen(text_at(a.json, "trace_id")), 32);
	if (a.status == 405)
		ck_assert_ptr_nonnull(raw_header(&a.raw, "allow", &w.arena));
}
END_TEST

START_TEST(query_unknown)
{
	struct answer a = get(&w, "/v1/nodes?foo=1");

	ck_assert_int_eq(a.status, 400);
	a = get(&w, "/v1/nodes?limit=1&limit=2");
	ck_assert_int_eq(a.status, 400);
	says(get(&w, "/v1/nodes?limit=1"), 200, "");
}
END_TEST

/* --- nodes and tokens ----------------------------------------------------- */

START_TEST(node_pages)
{
	char path[128] = "/v1/nodes?limit=2";
	unsigned seen = 0, pages = 0;
	struct answer a;

	for (int i = 0; i < 5; i++)
		sim_join(
		    &w, sim_alloc(&w, arena_printf(&w.arena, "n%d", i), NULL));
	do {
		a = get(&w, path);
		says(a, 200, "");
		const json_t *items = json_at(a.json, "items");
		for (size_t i = 0; i < json_array_size(items); i++) {
			unsigned bit =
			    1u
			    << (text_at(json_array_get(items, i), "name")[1] -
				   '0');
			ck_assert_uint_eq(seen & bit, 0);
			seen |= bit;
		}
		snprintf(path, sizeof(path), "/v1/nodes?limit=2&cursor=%s",
		    text_at(a.json, "next"));
		pages++;
	} while (*text_at(a.json, "next"));
	ck_assert_uint_eq(seen, 31);
	ck_assert_uint_eq(pages, 3);
}
END_TEST

static size_t
count(const char *path)
{
	struct answer a = get(&w, path);

	says(a, 200, "");
	return json_array_size(json_at(a.json, "items"));
}

START_TEST(node_filters)
{
	struct sim *s = sim_new(&w, "n1");
	struct shot shot = aim(&w, s);

	sim_join(&w, sim_alloc(&w, "n2", NULL));
	judged(&w, &shot, "pass", "");
	ck_assert_uint_eq(count("/v1/nodes"), 2);
	ck_assert_uint_eq(count("/v1/nodes?status=trusted"), 1);
	ck_assert_uint_eq(count("/v1/nodes?status=unknown"), 1);
	ck_assert_uint_eq(count("/v1/nodes?status=untrusted"), 0);
	ck_assert_uint_eq(count("/v1/nodes?label=site%3Dlab"), 2);
	ck_assert_uint_eq(count("/v1/nodes?label=site=lab"), 2);
	ck_assert_uint_eq(count("/v1/nodes?label=site=other"), 0);
}
END_TEST

START_TEST(node_changes)
{
	sim_join(&w, sim_alloc(&w, "n1", NULL));
	says(post(&w, "/v1/nodes/none/approve", "{}"), 404, "node.unknown");
	says(post(&w, "/v1/nodes/n1/approve", "{\"class\":\"x\"}"), 400,
	    "json.range");
	says(post(&w, "/v1/nodes/n1/approve", "{\"name\":\"x\"}"), 400,
	    "json.unknown_field");
	struct answer a = post(&w, "/v1/nodes/n1/approve",
	    "{\"class\":\"ci\",\"labels\":{\"b\":\"2\",\"a\":\"1\"}}");
	says(a, 200, "");
	ck_assert_str_eq(text_at(a.json, "admission"), "admitted");
	ck_assert_str_eq(text_at(a.json, "environment_class"), "ci");
	ck_assert_str_eq(text_at(a.json, "labels.b"), "2");
	says(post(&w, "/v1/nodes/n1/retire", "{}"), 400, "json.missing");
	a = post(&w, "/v1/nodes/n1/retire", "{\"reason\":\"sold\"}");
	says(a, 200, "");
	ck_assert_str_eq(text_at(a.json, "admission"), "retired");
	says(post(&w, "/v1/nodes/n1/approve", "{}"), 403, "node.retired");
	says(post(&w, "/v1/nodes/n1/clear", "{\"reason\":\"x\"}"), 403,
	    "node.retired");
}
END_TEST

START_TEST(token_list)
{
	struct answer made = post(&w, "/v1/tokens", TOKEN_BODY);

	says(made, 200, "");
	const char *id = text_at(made.json, "id");
	struct answer a = get(&w, "/v1/tokens");
	says(a, 200, "");
	ck_assert_uint_eq(json_array_size(json_at(a.json, "items")), 2);
	ck_assert_ptr_null(strstr((const char *)a.raw.body.p, "aket_"));
	says(post(&w, "/v1/tokens/01890000-0000-7000-8000-000000000000/revoke",
		 "{}"),
	    404, "token.unknown");
	says(post(&w, "/v1/tokens/x/revoke", "{}"), 400, "id.format");
	says(post(&w, arena_printf(&w.arena, "/v1/tokens/%s/revoke", id), "{}"),
	    200, "");
	a = get(&w, "/v1/tokens");
	size_t revoked = 0;
	for (size_t i = 0; i < 2; i++)
		revoked += json_is_true(json_at(
		    a.json, arena_printf(&w.arena, "items.%zu.revoked", i)));
	ck_assert_uint_eq(revoked, 1);
}
END_TEST

TCase *
operator_cases(void)
{
	TCase *t = tcase_create("operator");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, guessing);
	tcase_add_test(t, guessing_elsewhere);
	tcase_add_test(t, token_forms);
	tcase_add_test(t, administrator_once);
	tcase_add_test(t, every_route_asks);
	tcase_add_test(t, log_lines_are_whole);
	loop_test(t, bodies_of_json, bodies);
	tcase_add_test(t, body_too_deep);
	tcase_add_test(t, body_too_large);
	loop_test(t, request_faults, requests);
	tcase_add_test(t, query_unknown);
	tcase_add_test(t, node_pages);
	tcase_add_test(t, node_filters);
	tcase_add_test(t, node_changes);
	tcase_add_test(t, token_list);
	return t;
}

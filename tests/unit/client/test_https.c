/* SPDX-License-Identifier: Apache-2.0 */
#include "client/https.h"
#include "lib/canned.h"
#include "lib/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OK_REPLY                                                               \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"                \
	"Content-Length: 2\r\n\r\n{}"

static struct err e;

static struct https *
client(const char *url, long ms)
{
	const struct https_options o = {
	    .base_url = url, .insecure_http = true, .total_ms = ms};
	struct https *h;

	ck_rc_ok(https_new(&o, &h, &e));
	return h;
}

static const struct https_request get = {.method = "GET", .path = "/v1/nodes"};

static bool
has(struct span s, const char *text)
{
	return memmem(s.p, s.n, text, strlen(text)) != NULL;
}

START_TEST(addresses)
{
	static const struct {
		const char *url;
		bool insecure;
		const char *socket;
		enum err_code want;
	} rows[] = {
	    {"https://akashi.example", false, NULL, ERR_OK},
	    {"https://akashi.example:8443/", false, NULL, ERR_OK},
	    {"https://[2001:db8::1]:8443", false, NULL, ERR_OK},
	    {"http://127.0.0.1:8080", true, NULL, ERR_OK},
	    {"http://localhost:8080", true, NULL, ERR_OK},
	    {"http://[::1]:8080", true, NULL, ERR_OK},
	    {"http://localhost", false, "/run/akashid/admin.sock", ERR_OK},
	    {"http://127.0.0.1:8080", false, NULL, ERR_CLIENT_URL},
	    {"http://akashi.example", true, NULL, ERR_CLIENT_URL},
	    {"http://127.0.0.1.akashi.example", true, NULL, ERR_CLIENT_URL},
	    {"http://localhost@akashi.example", true, NULL, ERR_CLIENT_URL},
	    {"https://user:secret@akashi.example", false, NULL, ERR_CLIENT_URL},
	    {"https://akashi.example/path", false, NULL, ERR_CLIENT_URL},
	    {"https://akashi.example/?q=1", false, NULL, ERR_CLIENT_URL},
	    {"ftp://akashi.example", false, NULL, ERR_CLIENT_URL},
	    {"file:///etc/passwd", true, NULL, ERR_CLIENT_URL},
	    {"akashi.example", false, NULL, ERR_CLIENT_URL},
	    {"", false, NULL, ERR_CLIENT_URL},
	    {NULL, false, NULL, ERR_CLIENT_URL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct https_options o = {.base_url = rows[i].url,
		    .insecure_http = rows[i].insecure,
		    .unix_socket = rows[i].socket};
		struct https *h = NULL;
		rc r = https_new(&o, &h, &e);
		ck_assert_msg(r.code == rows[i].want, "%s: %s",
		    rows[i].url ? rows[i].url : "NULL", err_name(r.code));
		https_free(h);
	}
}
END_TEST

START_TEST(files)
{
	const struct https_options o = {.base_url = "https://akashi.example",
	    .ca_file = "/nonexistent/ca.pem"};
	struct https *h;

	ck_rc_is(https_new(&o, &h, &e), ERR_FILE);
	ck_assert_str_eq(e.path, "/nonexistent/ca.pem");
}
END_TEST

/* Headers, body, token and the connection that is kept. */
START_TEST(exchange)
{
	static const char *const replies[] = {OK_REPLY};
	struct canned *c = canned_start(replies, 1, NULL);
	struct https *h = client(canned_url(c), 5000);
	const struct https_request post = {.method = "POST",
	    .path = "/v1/evidence",
	    .token = "aknt_AbC-_9",
	    .content_type = "application/octet-stream",
	    .body = span_of("a\0b", 3)};
	struct https_reply r;

	ck_rc_ok(https_send(h, &post, &r, &e));
	ck_assert_int_eq(r.status, 200);
	ck_assert_str_eq(r.content_type, "application/json");
	ck_assert_str_eq(r.body.p, "{}");
	ck_rc_ok(https_check(&r, &e));
	https_reply_free(&r);
	ck_rc_ok(https_send(h, &get, &r, &e));
	https_reply_free(&r);
	https_free(h);
	canned_stop(c);
	ck_assert_uint_eq(canned_requests(c), 2);
	ck_assert_uint_eq(canned_connections(c), 1);
	struct span head = canned_head(c, 0);
	ck_assert(has(head, "POST /v1/evidence HTTP/1.1\r\n"));
	ck_assert(has(head, "\r\nAuthorization: Bearer aknt_AbC-_9\r\n"));
	ck_assert(has(head, "\r\nContent-Type: application/octet-stream\r\n"));
	ck_assert(span_eq(canned_body(c, 0), post.body));
	head = canned_head(c, 1);
	ck_assert(has(head, "GET /v1/nodes HTTP/1.1\r\n"));
	ck_assert(!has(head, "Authorization"));
	ck_assert(!has(head, "Content-Type"));
	canned_free(c);
}
END_TEST

START_TEST(unix_socket)
{
	static const char *const replies[] = {OK_REPLY};
	char path[64];
	snprintf(path, sizeof(path), "/tmp/akt-%d.sock", (int)getpid());
	struct canned *c = canned_start(replies, 1, path);
	const struct https_options o = {
	    .base_url = canned_url(c), .unix_socket = path};
	const struct https_request post = {
	    .method = "POST", .path = "/admin/init"};
	struct https_reply r;
	struct https *h;

	ck_rc_ok(https_new(&o, &h, &e));
	ck_rc_ok(https_send(h, &post, &r, &e));
	ck_assert_int_eq(r.status, 200);
	https_reply_free(&r);
	https_free(h);
	canned_stop(c);
	unlink(path);
	ck_assert(has(canned_head(c, 0), "Content-Length: 0\r\n"));
	canned_free(c);
}
END_TEST

/* A redirect is an answer like any other: the token goes nowhere else. */
START_TEST(no_redirect)
{
	static const char *const replies[] = {
	    "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n"
	    "Content-Length: 0\r\n\r\n"};
	struct canned *c = canned_start(replies, 1, NULL);
	struct https *h = client(canned_url(c), 5000);
	struct https_reply r;

	ck_rc_ok(https_send(h, &get, &r, &e));
	ck_assert_int_eq(r.status, 302);
	ck_rc_is(https_check(&r, &e), ERR_CLIENT_RESPONSE);
	https_reply_free(&r);
	https_free(h);
	canned_stop(c);
	ck_assert_uint_eq(canned_requests(c), 1);
	canned_free(c);
}
END_TEST

START_TEST(too_large)
{
	struct buf big = {0};

	buf_puts(&big, "HTTP/1.1 200 OK\r\n\r\n");
	size_t head = big.n;
	while (big.n <= head + HTTPS_REPLY_MAX)
		buf_puts(&big, "0123456789abcdef0123456789abcdef");
	const char *replies[] = {big.p};
	struct canned *c = canned_start(replies, 1, NULL);
	struct https *h = client(canned_url(c), 20000);
	struct https_reply r;

	ck_rc_is(https_send(h, &get, &r, &e), ERR_CLIENT_RESPONSE);
	ck_assert_ptr_nonnull(strstr(e.text, "larger than 16 MiB"));
	https_free(h);
	canned_stop(c);
	canned_free(c);
	buf_free(&big);
}
END_TEST

static rc
outcome(const char *reply, long ms)
{
	const char *replies[] = {reply};
	struct canned *c = canned_start(replies, 1, NULL);
	struct https *h = client(canned_url(c), ms);
	struct https_reply got;
	rc r = https_send(h, &get, &got, &e);

	if (rc_ok(r))
		https_reply_free(&got);
	https_free(h);
	canned_stop(c);
	canned_free(c);
	return r;
}

START_TEST(broken_lines)
{
	ck_rc_is(outcome(CANNED_SILENT, 200), ERR_CLIENT_TIMEOUT);
	ck_rc_is(outcome(CANNED_CLOSE, 5000), ERR_CLIENT_NETWORK);
	ck_rc_is(outcome("SMTP\r\n\r\n", 5000), ERR_CLIENT_RESPONSE);
	ck_rc_ok(outcome(OK_REPLY, 5000));
}
END_TEST

static bool
always(void)
{
	return true;
}

START_TEST(stops)
{
	static const char *const replies[] = {CANNED_SILENT};
	struct canned *c = canned_start(replies, 1, NULL);
	const struct https_options o = {.base_url = canned_url(c),
	    .insecure_http = true,
	    .stopped = always};
	struct https_reply r;
	struct https *h;

	ck_rc_ok(https_new(&o, &h, &e));
	ck_rc_is(https_send(h, &get, &r, &e), ERR_CLIENT_STOPPED);
	https_free(h);
	canned_stop(c);
	canned_free(c);
}
END_TEST

START_TEST(nobody_listens)
{
	static const char *const replies[] = {OK_REPLY};
	struct canned *c = canned_start(replies, 1, NULL);
	struct https *h = client(canned_url(c), 5000);
	struct https_reply r;

	canned_stop(c);
	ck_rc_is(https_send(h, &get, &r, &e), ERR_CLIENT_NETWORK);
	ck_assert_ptr_nonnull(strstr(e.path, "http://127.0.0.1:"));
	https_free(h);
	canned_free(c);
}
END_TEST

/* A token from a file must not be able to write headers. */
START_TEST(token_injection)
{
	static const char *const tokens[] = {
	    "a\r\nX-Evil: 1", "a b", "a\x7f", "\xe3\x81\x82"};

	for (size_t i = 0; i < 4; i++) {
		struct https *h = client("http://127.0.0.1:1", 1000);
		struct https_request q = get;
		struct https_reply r;
		q.token = tokens[i];
		ck_rc_is(https_send(h, &q, &r, &e), ERR_USAGE);
		ck_assert_ptr_null(strstr(e.text, "Evil"));
		https_free(h);
	}
}
END_TEST

static rc
problem(int status, const char *type, const char *body, unsigned *retry)
{
	struct buf text = {0};
	char headers[128];

	snprintf(headers, sizeof(headers),
	    "Content-Type: %s\r\nRetry-After: 7\r\n", type);
	const char *replies[] = {canned_reply(&text, status, headers, body)};
	struct canned *c = canned_start(replies, 1, NULL);
	struct https *h = client(canned_url(c), 5000);
	struct https_reply r;

	ck_rc_ok(https_send(h, &get, &r, &e));
	*retry = r.retry_after;
	rc said = https_check(&r, &e);
	https_reply_free(&r);
	https_free(h);
	canned_stop(c);
	canned_free(c);
	buf_free(&text);
	return said;
}

START_TEST(problems)
{
	static const char json[] = "application/problem+json";
	unsigned retry;

	ck_rc_is(problem(401, json,
		     "{\"title\":\"T\",\"detail\":\"Bad\\ntoken\",\"code\":"
		     "\"enrol.token\",\"path\":\"a.b\",\"trace_id\":\"0af7\"}",
		     &retry),
	    ERR_ENROL_TOKEN);
	ck_assert_uint_eq(retry, 7);
	ck_assert_str_eq(e.text, "Bad?token [trace 0af7]");
	ck_assert_str_eq(e.path, "a.b");
	ck_rc_is(problem(403, json,
		     "{\"code\":\"from.the.future\",\"title\":"
		     "\"New\"}",
		     &retry),
	    ERR_AUTH_FORBIDDEN);
	ck_assert_str_eq(e.text, "New");
	ck_rc_is(
	    problem(503, "text/html", "<h1>no</h1>", &retry), ERR_OVERLOAD);
	ck_rc_is(problem(401, json, "{\"code\":", &retry), ERR_AUTH_INVALID);
	ck_rc_is(problem(401, json, "{\"code\":7}", &retry), ERR_AUTH_INVALID);
	ck_rc_is(problem(500, json, "[]", &retry), ERR_CLIENT_RESPONSE);
	/* "ok" is no failure's code. */
	ck_rc_is(problem(400, json, "{\"code\":\"ok\"}", &retry),
	    ERR_CLIENT_RESPONSE);
}
END_TEST

START_TEST(escapes)
{
	struct buf b = {0};

	https_escape(&b, span_of("az-._~/ %\0\xff=", 12));
	ck_assert_str_eq(b.p, "az-._~%2F%20%25%00%FF%3D");
	buf_free(&b);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("http");
	TCase *t = tcase_create("http");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, addresses);
	tcase_add_test(t, files);
	tcase_add_test(t, exchange);
	tcase_add_test(t, unix_socket);
	tcase_add_test(t, no_redirect);
	tcase_add_test(t, too_large);
	tcase_add_test(t, broken_lines);
	tcase_add_test(t, stops);
	tcase_add_test(t, nobody_listens);
	tcase_add_test(t, token_injection);
	tcase_add_test(t, problems);
	tcase_add_test(t, escapes);
	suite_add_tcase(s, t);
	return tap_run(s);
}

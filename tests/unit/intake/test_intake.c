/* SPDX-License-Identifier: Apache-2.0 */
/* Routes, gate, frame, quotas, tokens: everything of intake without a socket.
 */
#include "base/clock.h"
#include "base/text.h"
#include "intake/auth.h"
#include "intake/body.h"
#include "intake/gate.h"
#include "intake/limiter.h"
#include "intake/submission.h"
#include "lib/tap.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* --- routes --------------------------------------------------------------- */

static enum http_then
no_handler(struct http_request *q)
{
	(void)q;
	return HTTP_ANSWER;
}

static const struct route routes[] = {
    {HTTP_GET, "/v1/nodes", AUTH_OPERATOR, BODY_NONE, NULL, no_handler, "a", 0},
    {HTTP_GET, "/v1/nodes/{name}", AUTH_OPERATOR, BODY_NONE, NULL, no_handler,
	"b", 0},
    {HTTP_POST, "/v1/nodes/import", AUTH_OPERATOR, BODY_POLICY,
	"application/x-ndjson", no_handler, "c", 0},
    {HTTP_POST, "/v1/nodes/{name}/approve", AUTH_OPERATOR, BODY_JSON,
	"application/json", no_handler, "d", 0},
    {HTTP_GET, "/v1/policies/{name}/{version}", AUTH_OPERATOR, BODY_NONE, NULL,
	no_handler, "e", 0},
    {HTTP_POST, "/v1/policies/{name}", AUTH_OPERATOR, BODY_POLICY, NULL,
	no_handler, "f", 0},
    {HTTP_GET, "/v1/policies/{name}", AUTH_OPERATOR, BODY_NONE, NULL,
	no_handler, "g", 0},
};

static const struct {
	enum http_method method;
	const char *path;
	enum err_code code;
	const char *name; /* of the row, or what Allow says */
	const char *param;
} matches[] = {
    {HTTP_GET, "/v1/nodes", ERR_OK, "a", NULL},
    {HTTP_GET, "/v1/nodes/web-1", ERR_OK, "b", "web-1"},
    {HTTP_GET, "/v1/nodes/%77eb", ERR_OK, "b", "web"},
    {HTTP_GET, "/v1/%6eodes/x", ERR_OK, "b", "x"},
    {HTTP_GET, "/v1/nodes/%e8%a8%bc", ERR_OK, "b", "証"},
    {HTTP_GET, "/v1/nodes/a+b", ERR_OK, "b", "a+b"},
    {HTTP_POST, "/v1/nodes/import", ERR_OK, "c", NULL},
    {HTTP_POST, "/v1/nodes/web-1/approve", ERR_OK, "d", "web-1"},
    {HTTP_GET, "/v1/policies/p/3", ERR_OK, "e", "p"},
    {HTTP_POST, "/v1/policies/p", ERR_OK, "f", "p"},
    {HTTP_GET, "/v1/nodes/import", ERR_OK, "b", "import"},
    {HTTP_POST, "/v1/nodes", ERR_HTTP_METHOD, "GET, HEAD", NULL},
    {0, "/v1/policies/p", ERR_HTTP_METHOD, "GET, HEAD, POST", NULL},
    {0, "/v1/nodes/x/approve", ERR_HTTP_METHOD, "POST", NULL},
    {HTTP_GET, "/", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1/nodes/", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "//v1/nodes", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1//nodes", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1/nodes/..", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1/nodes/%2e%2e", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1/nodes/.", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1/x/../nodes", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1/nodes/..;", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1/nodes/a;b", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1/nodes/a%2fapprove", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1/nodes/a%2Fb", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1/nodes/a%5cb", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1/nodes/%c0%af", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1/nodes/%e0%80%af", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1/nodes/%ed%a0%80", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1/nodes/%f4%90%80%80", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1/nodes/%ff", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1/nodes/%e8%a8", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/1/2/3/4/5/6/7/8/9", ERR_HTTP_PATH, NULL, NULL},
    {HTTP_GET, "/v1/nodes/a%00b", ERR_HTTP_MALFORMED, NULL, NULL},
    {HTTP_GET, "/v1/nodes/%00", ERR_HTTP_MALFORMED, NULL, NULL},
    {HTTP_GET, "/v1/nodes/%", ERR_HTTP_MALFORMED, NULL, NULL},
    {HTTP_GET, "/v1/nodes/%4", ERR_HTTP_MALFORMED, NULL, NULL},
    {HTTP_GET, "/v1/nodes/%zz", ERR_HTTP_MALFORMED, NULL, NULL},
    {HTTP_GET, "v1/nodes", ERR_HTTP_MALFORMED, NULL, NULL},
    {HTTP_GET, "", ERR_HTTP_MALFORMED, NULL, NULL},
    {HTTP_GET, "*", ERR_HTTP_MALFORMED, NULL, NULL},
};

START_TEST(a_path_reaches_one_row_or_none)
{
	struct arena a;
	struct route_match m = {0};
	struct err e = {0};
	const char *allow = NULL;

	arena_init(&a, 100000);
	rc r = route_match(routes, COUNT(routes), matches[_i].method,
	    span_str(matches[_i].path), &a, &m, &allow, &e);
	ck_assert_msg(r.code == matches[_i].code, "%s: %s", matches[_i].path,
	    err_name(r.code));
	if (rc_ok(r))
		ck_assert_str_eq(m.route->name, matches[_i].name);
	if (r.code == ERR_HTTP_METHOD)
		ck_assert_str_eq(allow, matches[_i].name);
	if (matches[_i].param)
		ck_assert(span_eq(m.param[0], span_str(matches[_i].param)));
	arena_free(&a);
}
END_TEST

START_TEST(an_incomplete_row_is_refused)
{
	static const struct route bad[] = {
	    {HTTP_GET, "/a", AUTH_UNSET, BODY_NONE, NULL, no_handler, "x", 0},
	    {HTTP_GET, "a", AUTH_NONE, BODY_NONE, NULL, no_handler, "x", 0},
	    {HTTP_GET, "/a/../b", AUTH_NONE, BODY_NONE, NULL, no_handler, "x",
		0},
	    {HTTP_GET, "/a//b", AUTH_NONE, BODY_NONE, NULL, no_handler, "x", 0},
	    {HTTP_GET, "/a", AUTH_NONE, BODY_NONE, NULL, NULL, "x", 0},
	    {HTTP_GET, "/a", AUTH_NONE, BODY_NONE, NULL, no_handler, NULL, 0},
	    {HTTP_GET, "/a", AUTH_NONE, BODY_JSON, NULL, no_handler, "x", 0},
	    {HTTP_POST, "/a", AUTH_NONE, BODY_NONE, "t/x", no_handler, "x", 0},
	    {0, "/a", AUTH_NONE, BODY_NONE, NULL, no_handler, "x", 0},
	    {HTTP_GET, "/{a}/{b}/{c}/{d}/{e}", AUTH_NONE, BODY_NONE, NULL,
		no_handler, "x", 0},
	};
	const struct route twice[] = {routes[0], routes[1], routes[0]};
	struct err e;

	ck_rc_ok(route_check(routes, COUNT(routes), &e));
	for (size_t i = 0; i < COUNT(bad); i++)
		ck_rc_is(route_check(&bad[i], 1, &e), ERR_INTERNAL);
	ck_rc_is(route_check(twice, 3, &e), ERR_INTERNAL);
	ck_rc_ok(route_check(twice, 2, &e));
}
END_TEST

START_TEST(queries_have_one_meaning)
{
	static const char *const known[] = {"status", "label", NULL};
	struct span query =
	    span_str("status=trusted&label=a%3Db+c&empty=&flag");
	struct span broken = span_str("a=%0");
	struct arena a;
	struct span v;
	struct err e;

	arena_init(&a, 100000);
	ck_rc_ok(query_get(query, "label", &a, &v, &e));
	ck_assert(span_eq(v, span_str("a=b c")));
	ck_rc_ok(query_get(query, "empty", &a, &v, &e));
	ck_assert(v.p && v.n == 0);
	ck_rc_ok(query_get(query, "flag", &a, &v, &e));
	ck_assert(v.p && v.n == 0);
	ck_rc_ok(query_get(query, "none", &a, &v, &e));
	ck_assert(!v.p);
	ck_rc_ok(query_get(span_of(NULL, 0), "none", &a, &v, &e));
	ck_assert(!v.p);
	ck_rc_is(query_get(span_str("a=1&a=2"), "a", &a, &v, &e),
	    ERR_HTTP_MALFORMED);
	ck_rc_is(query_get(broken, "a", &a, &v, &e), ERR_HTTP_MALFORMED);
	ck_rc_is(query_only(query, known, &a, &e), ERR_HTTP_MALFORMED);
	ck_rc_ok(query_only(span_str("status=x&label=y"), known, &a, &e));
	arena_free(&a);
}
END_TEST

/* --- gate ----------------------------------------------------------------- */

/* Headers as "name:value|name:value". */
static const struct {
	const char *headers;
	enum err_code code;
} heads[] = {
    {"Host:a", ERR_OK},
    {"host:a|Content-Length:0", ERR_OK},
    {"Host:a|Content-Length:10|Content-Type:application/json", ERR_OK},
    {"Host:a|Transfer-Encoding:chunked", ERR_OK},
    {"Host:a|Transfer-Encoding:Chunked", ERR_OK},
    {"Host:a|Expect:100-Continue", ERR_OK},
    {"Host:a|X-Other:1|X-Other:2", ERR_OK},
    {"Host:a|Content-Length:10|Content-Length:10", ERR_HTTP_MALFORMED},
    {"Host:a|Content-Length:10|content-length:11", ERR_HTTP_MALFORMED},
    {"Host:a|Content-Length:10, 10", ERR_HTTP_MALFORMED},
    {"Host:a|Content-Length:+3", ERR_HTTP_MALFORMED},
    {"Host:a|Content-Length:-3", ERR_HTTP_MALFORMED},
    {"Host:a|Content-Length:0x3", ERR_HTTP_MALFORMED},
    {"Host:a|Content-Length:03", ERR_HTTP_MALFORMED},
    {"Host:a|Content-Length: 3", ERR_HTTP_MALFORMED},
    {"Host:a|Content-Length:3 ", ERR_HTTP_MALFORMED},
    {"Host:a|Content-Length:", ERR_HTTP_MALFORMED},
    {"Host:a|Content-Length:18446744073709551617", ERR_HTTP_MALFORMED},
    {"Host:a|Content-Length:9223372036854775808", ERR_HTTP_MALFORMED},
    {"Host:a|Content-Length:3|Transfer-Encoding:chunked", ERR_HTTP_MALFORMED},
    {"Host:a|Transfer-Encoding:chunked|Content-Length:3", ERR_HTTP_MALFORMED},
    {"Host:a|Transfer-Encoding:chunked|Transfer-Encoding:identity",
	ERR_HTTP_MALFORMED},
    {"Host:a|Transfer-Encoding:gzip, chunked", ERR_HTTP_MALFORMED},
    {"Host:a|Transfer-Encoding:xchunked", ERR_HTTP_MALFORMED},
    {"Host:a|Transfer-Encoding:identity", ERR_HTTP_MALFORMED},
    {"Host:a|Transfer-Encoding:", ERR_HTTP_MALFORMED},
    {"Host:a|Host:b", ERR_HTTP_MALFORMED},
    {"Host:", ERR_HTTP_MALFORMED},
    {"Accept:*/*", ERR_HTTP_MALFORMED},
    {"Host:a|Authorization:x|authorization:y", ERR_HTTP_MALFORMED},
    {"Host:a|Idempotency-Key:x|Idempotency-Key:x", ERR_HTTP_MALFORMED},
    {"Host:a|Content-Type:a|Content-Type:b", ERR_HTTP_MALFORMED},
    {"Host:a|Expect:something", ERR_HTTP_MALFORMED},
    {"Host:a|Bad Name:x", ERR_HTTP_MALFORMED},
    {"Host:a|:x", ERR_HTTP_MALFORMED},
    {"Host:a|Content-Length\v:3", ERR_HTTP_MALFORMED},
    {"Host:a|X-Other:a\rb", ERR_HTTP_MALFORMED},
    {"Host:a|X-Other:a\x01", ERR_HTTP_MALFORMED},
};

static size_t
cut_headers(char *text, struct gate_header *out)
{
	size_t n = 0;

	for (char *h = strsep(&text, "|"); h; h = strsep(&text, "|")) {
		char *colon = strchr(h, ':');
		out[n].name = span_of(h, (size_t)(colon - h));
		out[n++].value = span_str(colon + 1);
	}
	return n;
}

START_TEST(headers_have_one_reading)
{
	struct gate_header h[GATE_HEADERS];
	struct gate_facts facts = {0};
	struct err e;
	char text[256];

	snprintf(text, sizeof(text), "%s", heads[_i].headers);
	size_t n = cut_headers(text, h);
	rc r = gate_headers(h, n, true, &facts, &e);
	ck_assert_msg(r.code == heads[_i].code, "%s: %s (%s)",
	    heads[_i].headers, err_name(r.code), e.path);
}
END_TEST

START_TEST(http10_has_no_chunks)
{
	struct gate_header h[] = {
	    {span_str("Transfer-Encoding"), span_str("chunked")}};
	struct gate_facts facts;
	struct err e;

	ck_rc_is(gate_headers(h, 1, false, &facts, &e), ERR_HTTP_MALFORMED);
	ck_rc_ok(gate_headers(h, 0, false, &facts, &e));
}
END_TEST

START_TEST(targets_types_and_traces)
{
	static const char good[] =
	    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
	char long_target[GATE_TARGET + 2] = "/";
	struct span escaped = span_str("/v1/x?a=%00");
	char id[33];
	struct err e;

	ck_rc_ok(gate_target(escaped, &e));
	ck_rc_is(gate_target(span_str("http://a/v1"), &e), ERR_HTTP_MALFORMED);
	ck_rc_is(gate_target(span_str("*"), &e), ERR_HTTP_MALFORMED);
	ck_rc_is(gate_target(span_str(""), &e), ERR_HTTP_MALFORMED);
	ck_rc_is(gate_target(span_str("/a b"), &e), ERR_HTTP_MALFORMED);
	ck_rc_is(gate_target(span_str("/a#b"), &e), ERR_HTTP_MALFORMED);
	ck_rc_is(
	    gate_target(span_str("/\xe8\xa8\xbc"), &e), ERR_HTTP_MALFORMED);
	memset(long_target + 1, 'a', GATE_TARGET);
	ck_rc_is(gate_target(span_of(long_target, GATE_TARGET + 1), &e),
	    ERR_HTTP_MALFORMED);
	ck_rc_ok(gate_target(span_of(long_target, GATE_TARGET), &e));

	ck_assert(gate_type_is(
	    span_str("Application/JSON ; charset=utf-8"), "application/json"));
	ck_assert(
	    !gate_type_is(span_str("application/jsonx"), "application/json"));
	ck_assert(!gate_type_is(span_of(NULL, 0), "application/json"));
	ck_assert(
	    !gate_type_is(span_str("application/cbor"), "application/json"));

	ck_assert(gate_trace(span_str(good), id));
	ck_assert_str_eq(id, "0af7651916cd43dd8448eb211c80319c");
	for (size_t n = 0; n < sizeof(good) - 1; n++)
		ck_assert(!gate_trace(span_of(good, n), id));
	ck_assert(!gate_trace(
	    span_str("00-00000000000000000000000000000000-b7ad6b7169203331-01"),
	    id));
	ck_assert(!gate_trace(
	    span_str("00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01"),
	    id));
}
END_TEST

/* --- frame ---------------------------------------------------------------- */

struct frame {
	uint8_t b[16384];
	size_t n;
};

static void
put(struct frame *f, const void *p, size_t n)
{
	memcpy(f->b + f->n, p, n);
	f->n += n;
}

static void
put_part(
    struct frame *f, unsigned kind, unsigned flags, const void *p, size_t n)
{
	uint8_t head[8] = {(uint8_t)kind, (uint8_t)(kind >> 8), (uint8_t)flags,
	    (uint8_t)(flags >> 8), (uint8_t)n, (uint8_t)(n >> 8),
	    (uint8_t)(n >> 16), (uint8_t)(n >> 24)};

	put(f, head, sizeof(head));
	put(f, p, n);
}

static void
frame_begin(struct frame *f)
{
	f->n = 0;
	put(f, SUBMISSION_MAGIC, 8);
}

/* Every part that may be together; IMA has two bytes of entries. */
static void
full_frame(struct frame *f)
{
	static const uint8_t ima[] = {7, 0, 0, 0, 0, 0, 0, 1, 'i', 'm'};

	frame_begin(f);
	put_part(f, PART_ATTEST, 0, "quote", 5);
	put_part(f, PART_SIGNATURE, 0, "sign", 4);
	put_part(f, PART_EVENTLOG, 0, "", 0);
	put_part(f, PART_IMA, 0, ima, sizeof(ima));
	put_part(f, PART_USERSPACE, 0, "log", 3);
	put_part(f, PART_CERTIFICATE, 0, "der1", 4);
	put_part(f, PART_CERTIFICATE, 0, "der2!", 5);
	put_part(f, PART_PCRS, 0, "pcr", 3);
	put_part(f, PART_CHALLENGE, 0, "nonce", 5);
}

START_TEST(a_frame_becomes_spans)
{
	struct frame f;
	struct submission s;
	struct err e;

	full_frame(&f);
	ck_rc_ok(submission_decode(span_of(f.b, f.n), &s, &e));
	ck_assert(span_eq(s.attest, span_str("quote")));
	ck_assert(span_eq(s.signature, span_str("sign")));
	ck_assert(s.eventlog.p && s.eventlog.n == 0);
	ck_assert(!s.eventlog_hash.p);
	ck_assert(span_eq(s.ima, span_str("im")));
	ck_assert(s.ima_offset == (UINT64_C(1) << 56) + 7);
	ck_assert(span_eq(s.userspace, span_str("log")));
	ck_assert_uint_eq(s.ncerts, 2);
	ck_assert(span_eq(s.cert[1], span_str("der2!")));
	ck_assert(span_eq(s.pcrs, span_str("pcr")));
	ck_assert(span_eq(s.challenge, span_str("nonce")));
}
END_TEST

START_TEST(every_prefix_and_one_byte_more_fails)
{
	struct frame f;
	struct submission s;
	struct err e;

	full_frame(&f);
	for (size_t n = 0; n < f.n; n++) {
		uint8_t *copy = malloc(n ? n : 1);
		memcpy(copy, f.b, n);
		rc r = submission_decode(span_of(copy, n), &s, &e);
		ck_assert_msg(!rc_ok(r), "prefix of %zu", n);
		free(copy);
	}
	f.b[f.n] = 0;
	ck_rc_is(
	    submission_decode(span_of(f.b, f.n + 1), &s, &e), ERR_FRAME_FORMAT);
	ck_rc_ok(submission_decode(span_of(f.b, f.n), &s, &e));
}
END_TEST

/* Parts beside attest, signature and challenge, one of them wrong. */
static const struct {
	unsigned kind, flags;
	size_t n;
	enum err_code code;
	unsigned drop; /* leave this required part out */
} frames[] = {
    {PART_EVENTLOG_HASH, 0, 32, ERR_OK, 0},
    {PART_EVENTLOG_HASH, 0, 31, ERR_FRAME_FORMAT, 0},
    {PART_EVENTLOG_HASH, 0, 33, ERR_FRAME_FORMAT, 0},
    {PART_IMA, 0, 8, ERR_OK, 0},
    {PART_IMA, 0, 7, ERR_FRAME_FORMAT, 0},
    {PART_USERSPACE, 0, 10, ERR_OK, 0},
    {PART_USERSPACE, 1, 10, ERR_OK, 0},
    {PART_USERSPACE, 3, 10, ERR_FRAME_FORMAT, 0},
    {PART_IMA, 1, 10, ERR_OK, 0},
    {PART_IMA, 2, 10, ERR_FRAME_FORMAT, 0},
    {PART_EVENTLOG, 1, 10, ERR_FRAME_FORMAT, 0},
    {PART_USERSPACE, 0x8000, 10, ERR_FRAME_FORMAT, 0},
    {PART_CERTIFICATE, 0, 0, ERR_FRAME_FORMAT, 0},
    {PART_PCRS, 0, 0, ERR_FRAME_FORMAT, 0},
    {0, 0, 1, ERR_FRAME_KIND, 0},
    {10, 0, 1, ERR_FRAME_KIND, 0},
    {0x0103, 0, 1, ERR_FRAME_KIND, 0},
    {0xffff, 0, 1, ERR_FRAME_KIND, 0},
    {PART_ATTEST, 0, 1, ERR_FRAME_DUPLICATE, 0},
    {PART_SIGNATURE, 0, 1, ERR_FRAME_DUPLICATE, 0},
    {PART_CHALLENGE, 0, 1, ERR_FRAME_DUPLICATE, 0},
    {PART_ATTEST, 0, LIMIT_ATTEST, ERR_OK, PART_ATTEST},
    {PART_ATTEST, 0, LIMIT_ATTEST + 1, ERR_FRAME_FORMAT, PART_ATTEST},
    {PART_SIGNATURE, 0, LIMIT_SIGNATURE, ERR_OK, PART_SIGNATURE},
    {PART_SIGNATURE, 0, LIMIT_SIGNATURE + 1, ERR_FRAME_FORMAT, PART_SIGNATURE},
    {PART_CHALLENGE, 0, 513, ERR_FRAME_FORMAT, PART_CHALLENGE},
    {PART_PCRS, 0, 3, ERR_FRAME_MISSING, PART_ATTEST},
    {PART_PCRS, 0, 3, ERR_FRAME_MISSING, PART_SIGNATURE},
    {PART_PCRS, 0, 3, ERR_FRAME_MISSING, PART_CHALLENGE},
};

START_TEST(wrong_parts_have_their_codes)
{
	static const uint8_t zeros[LIMIT_SIGNATURE + 1];
	struct frame f;
	struct submission s;
	struct err e = {0};

	frame_begin(&f);
	if (frames[_i].drop != PART_ATTEST)
		put_part(&f, PART_ATTEST, 0, "a", 1);
	if (frames[_i].drop != PART_SIGNATURE)
		put_part(&f, PART_SIGNATURE, 0, "s", 1);
	if (frames[_i].drop != PART_CHALLENGE)
		put_part(&f, PART_CHALLENGE, 0, "c", 1);
	ck_assert(f.n > 8);
	if (!frames[_i].drop)
		ck_rc_ok(submission_decode(span_of(f.b, f.n), &s, &e));
	put_part(&f, frames[_i].kind, frames[_i].flags, zeros, frames[_i].n);
	rc r = submission_decode(span_of(f.b, f.n), &s, &e);
	ck_assert_msg(
	    r.code == frames[_i].code, "%s at %s", err_name(r.code), e.path);
}
END_TEST

START_TEST(frames_that_contradict_themselves)
{
	static const uint8_t hash[32];
	struct frame f;
	struct submission s;
	struct err e;

	full_frame(&f);
	put_part(&f, PART_EVENTLOG_HASH, 0, hash, sizeof(hash));
	ck_rc_is(
	    submission_decode(span_of(f.b, f.n), &s, &e), ERR_FRAME_FORMAT);
	full_frame(&f);
	for (int i = 2; i < LIMIT_CERTS; i++)
		put_part(&f, PART_CERTIFICATE, 0, "d", 1);
	ck_rc_ok(submission_decode(span_of(f.b, f.n), &s, &e));
	ck_assert_uint_eq(s.ncerts, LIMIT_CERTS);
	put_part(&f, PART_CERTIFICATE, 0, "d", 1);
	ck_rc_is(
	    submission_decode(span_of(f.b, f.n), &s, &e), ERR_FRAME_FORMAT);
	full_frame(&f);
	f.b[7] = '2';
	ck_rc_is(
	    submission_decode(span_of(f.b, f.n), &s, &e), ERR_FRAME_FORMAT);
}
END_TEST

/* --- quotas --------------------------------------------------------------- */

static struct source
v4(uint32_t address)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr = {htonl(address)}};

	return source_of((const struct sockaddr *)(const void *)&in);
}

static struct source
v6(uint8_t net, uint8_t host)
{
	struct sockaddr_in6 in = {.sin6_family = AF_INET6};

	in.sin6_addr.s6_addr[0] = 0x20;
	in.sin6_addr.s6_addr[7] = net;
	in.sin6_addr.s6_addr[15] = host;
	return source_of((const struct sockaddr *)(const void *)&in);
}

START_TEST(sources_are_told_apart)
{
	struct sockaddr_in6 mapped = {.sin6_family = AF_INET6};

	memcpy(mapped.sin6_addr.s6_addr,
	    "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\1", 16);
	ck_assert(v4(0x0a000001).key != v4(0x0a000002).key);
	ck_assert(v4(0).key != 0);
	ck_assert(v6(1, 1).key == v6(1, 2).key);
	ck_assert(v6(1, 1).key != v6(2, 1).key);
	ck_assert(
	    source_of((const struct sockaddr *)(const void *)&mapped).key ==
	    v4(0x0a000001).key);
	ck_assert(source_of(NULL).key == 0);
}
END_TEST

START_TEST(quotas_count_and_refill)
{
	struct limits limits = {3, 10, 2};
	struct limiter *l = limiter_new(&limits);
	size_t place[4], other, none;
	int64_t now = 1000 * TIME_S;
	int taken = 0;

	ck_assert_ptr_nonnull(l);
	for (int i = 0; i < 3; i++)
		ck_assert(limiter_open(l, v4(1), now, &place[i]));
	ck_assert(!limiter_open(l, v4(1), now, &place[3]));
	ck_assert(limiter_open(l, v4(2), now, &other));
	limiter_close(l, place[2]);
	ck_assert(limiter_open(l, v4(1), now, &place[2]));

	while (limiter_request(l, place[0], now) && taken < 1000)
		taken++;
	ck_assert_int_eq(taken, 100); /* ten seconds' worth at once */
	ck_assert(!limiter_request(l, place[1], now));
	ck_assert(limiter_request(l, other, now));
	ck_assert(limiter_request(l, place[1], now + TIME_S / 10));
	ck_assert(!limiter_request(l, place[1], now + TIME_S / 10));

	for (taken = 0; limiter_may_try(l, place[0], now) && taken < 1000;
	     taken++)
		limiter_failed(l, place[0], now);
	ck_assert_int_eq(taken, 40);
	ck_assert(limiter_may_try(l, other, now));
	/* Closing every connection does not wipe the slate. */
	for (int i = 0; i < 3; i++)
		limiter_close(l, place[i]);
	ck_assert(limiter_open(l, v4(1), now, &place[0]));
	ck_assert(!limiter_may_try(l, place[0], now));
	ck_assert(limiter_may_try(l, place[0], now + TIME_S / 2));

	ck_assert(limiter_open(l, source_of(NULL), now, &none));
	for (int i = 0; i < 1000; i++) {
		ck_assert(limiter_request(l, none, now));
		limiter_failed(l, none, now);
	}
	ck_assert(limiter_may_try(l, none, now));
	limiter_close(l, none);
	limiter_close(l, other);
	limiter_close(l, place[0]);
	limiter_free(l);
}
END_TEST

/* More sources than places: the rest share one entry, and are limited. */
START_TEST(a_full_table_still_limits)
{
	struct limits limits = {1000, 1, 1};
	struct limiter *l = limiter_new(&limits);
	int64_t now = 1000 * TIME_S;
	size_t place, refused = 0;

	for (uint32_t i = 1; i < 200000; i++)
		refused += !limiter_open(l, v4(i), now, &place);
	ck_assert_uint_gt(refused, 0);
	ck_assert(limiter_open(l, v4(1), now, &place));
	limiter_free(l);
}
END_TEST

/* --- tokens --------------------------------------------------------------- */

#define SECRET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA0"
#define OWNED SECRET SECRET /* tenant, node, secret */

static const struct {
	const char *header;
	enum auth_class cls;
	enum err_code code;
} tokens[] = {
    {"Bearer aknt_" OWNED, AUTH_NODE_TOKEN, ERR_OK},
    {"bearer aknt_" OWNED, AUTH_NODE_TOKEN, ERR_OK},
    {"Bearer aket_" SECRET, AUTH_ENROL_TOKEN, ERR_OK},
    {"Bearer akad_" SECRET, AUTH_OPERATOR, ERR_OK},
    {NULL, AUTH_OPERATOR, ERR_AUTH_MISSING},
    {"", AUTH_OPERATOR, ERR_AUTH_INVALID},
    {"Bearer", AUTH_OPERATOR, ERR_AUTH_INVALID},
    {"Bearer ", AUTH_OPERATOR, ERR_AUTH_INVALID},
    {"Basic akad_" SECRET, AUTH_OPERATOR, ERR_AUTH_INVALID},
    {"Bearer  akad_" SECRET, AUTH_OPERATOR, ERR_AUTH_INVALID},
    {"Bearer akad_" SECRET " ", AUTH_OPERATOR, ERR_AUTH_INVALID},
    {"Bearer aknt_" SECRET, AUTH_NODE_TOKEN, ERR_AUTH_INVALID},
    {"Bearer akad_" OWNED, AUTH_OPERATOR, ERR_AUTH_INVALID},
    {"Bearer akad_" SECRET "A", AUTH_OPERATOR, ERR_AUTH_INVALID},
    {"Bearer akad_x", AUTH_OPERATOR, ERR_AUTH_INVALID},
    {"Bearer akxx_" SECRET, AUTH_OPERATOR, ERR_AUTH_INVALID},
    {"Bearer akad_=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA0", AUTH_OPERATOR,
	ERR_AUTH_INVALID},
    {"Bearer aknt_" OWNED, AUTH_OPERATOR, ERR_AUTH_FORBIDDEN},
    {"Bearer akad_" SECRET, AUTH_NODE_TOKEN, ERR_AUTH_FORBIDDEN},
};

START_TEST(tokens_are_of_their_class)
{
	struct hasher *h = hasher_new();
	uint8_t hash[32], want[32];
	struct err e;

	rc r = auth_bearer(
	    span_str(tokens[_i].header), tokens[_i].cls, h, hash, &e);
	ck_assert_msg(r.code == tokens[_i].code, "%s: %s", tokens[_i].header,
	    err_name(r.code));
	if (rc_ok(r)) {
		ck_rc_ok(hash_of(
		    h, ALG_SHA256, span_str(tokens[_i].header + 7), want));
		ck_assert_mem_eq(hash, want, 32);
	}
	hasher_free(h);
}
END_TEST

START_TEST(peers_of_a_unix_socket)
{
	struct err e;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_rc_ok(auth_peer(pair[0], &e));
	close(pair[0]);
	close(pair[1]);
	ck_rc_is(auth_peer(-1, &e), ERR_AUTH_PEER);
}
END_TEST

/* --- bodies --------------------------------------------------------------- */

START_TEST(bodies_grow_spool_and_stop)
{
	struct body_limits limits = {300000, 65536, "/tmp"};
	struct body b;
	struct span out;
	struct err e;
	char chunk[1000];

	body_init(&b);
	for (int round = 0; round < 3; round++) {
		size_t total = round == 1 ? 300000 : 20000;
		body_expect(&b, &limits, total);
		for (size_t n = 0; n < total; n += sizeof(chunk)) {
			memset(chunk, 'a' + (int)(n / sizeof(chunk)) % 26,
			    sizeof(chunk));
			ck_rc_ok(body_add(
			    &b, &limits, span_of(chunk, sizeof(chunk)), &e));
		}
		ck_assert((b.fd != -1) == (total > limits.memory));
		if (round == 1)
			ck_rc_is(body_add(&b, &limits, span_str("x"), &e),
			    ERR_HTTP_LENGTH);
		ck_rc_ok(body_finish(&b, &out, &e));
		ck_assert_uint_eq(out.n, total);
		for (size_t i = 0; i < out.n; i++)
			ck_assert_int_eq(
			    out.p[i], 'a' + (int)(i / sizeof(chunk)) % 26);
		body_reset(&b);
	}
	limits.folder = "/nonexistent";
	for (rc r = RC_OK; rc_ok(r);)
		r = body_add(&b, &limits, span_of(chunk, sizeof(chunk)), &e);
	ck_assert_int_eq(e.code, ERR_INTERNAL);
	body_free(&b);
}
END_TEST

static void
add_gate_tests(TCase *t)
{
	tcase_add_loop_test(
	    t, a_path_reaches_one_row_or_none, 0, (int)COUNT(matches));
	tcase_add_test(t, an_incomplete_row_is_refused);
	tcase_add_test(t, queries_have_one_meaning);
	tcase_add_loop_test(t, headers_have_one_reading, 0, (int)COUNT(heads));
	tcase_add_test(t, http10_has_no_chunks);
	tcase_add_test(t, targets_types_and_traces);
}

int
main(void)
{
	Suite *s = suite_create("intake");
	TCase *t = tcase_create("intake");

	add_gate_tests(t);
	tcase_add_test(t, a_frame_becomes_spans);
	tcase_add_test(t, every_prefix_and_one_byte_more_fails);
	tcase_add_loop_test(
	    t, wrong_parts_have_their_codes, 0, (int)COUNT(frames));
	tcase_add_test(t, frames_that_contradict_themselves);
	tcase_add_test(t, sources_are_told_apart);
	tcase_add_test(t, quotas_count_and_refill);
	tcase_add_test(t, a_full_table_still_limits);
	tcase_add_loop_test(
	    t, tokens_are_of_their_class, 0, (int)COUNT(tokens));
	tcase_add_test(t, peers_of_a_unix_socket);
	tcase_add_test(t, bodies_grow_spool_and_stop);
	suite_add_tcase(s, t);
	return tap_run(s);
}

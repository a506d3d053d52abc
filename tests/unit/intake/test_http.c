/* SPDX-License-Identifier: Apache-2.0 */
/* The server over real sockets: what it answers, what it refuses, what it
 * cuts, and that it never stalls. */
#include "lib/tap.h"
#include "unit/intake/harness.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define HOST "Host: a\r\n"
#define JSON "Content-Type: application/json\r\n"
#define HELLO "GET /hello HTTP/1.1\r\n" HOST "\r\n"
#define LATER "GET /later HTTP/1.1\r\n" HOST "\r\n"

static void
send_text(int fd, const char *text)
{
	send_all(fd, text, strlen(text));
}

static bool
has(const struct reply *r, const char *text)
{
	return strcasestr(r->text, text) != NULL;
}

/* --- answers -------------------------------------------------------------- */

static const struct {
	const char *request;
	int status;
	const char *with; /* somewhere in the answer */
} answers[] = {
    {HELLO, 200, "\"bytes\":0"},
    {"GET /hello/%77eb?x=%00 HTTP/1.1\r\n" HOST "\r\n", 200,
	"\"param\":\"web\""},
    {"GET /hello HTTP/1.0\r\n\r\n", 200, "\"source\":\"127.0.0.1\""},
    {"GET /later HTTP/1.1\r\n" HOST "\r\n", 200, "\"bytes\":0"},
    {"GET /at-once HTTP/1.1\r\n" HOST "\r\n", 200, "\"bytes\":0"},
    {"GET /hello HTTP/1.1\r\n" HOST
     "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
     "\r\n\r\n",
	200, "\"trace\":\"0af7651916cd43dd8448eb211c80319c\""},
    {"POST /json HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}", 200,
	"\"bytes\":2"},
    {"POST /json HTTP/1.1\r\n" HOST JSON
     "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
	200, "\"bytes\":2"},
    {"GET /none HTTP/1.1\r\n" HOST "\r\n", 404, "\"code\":\"http.not_found\""},
    {"GET /none HTTP/1.1\r\n" HOST "\r\n", 404, "application/problem+json"},
    {"GET /hello/.. HTTP/1.1\r\n" HOST "\r\n", 404, "http.not_found"},
    {"GET //hello HTTP/1.1\r\n" HOST "\r\n", 404, "http.not_found"},
    {"GET /hello/a%2fb HTTP/1.1\r\n" HOST "\r\n", 404, "http.not_found"},
    {"GET /hello/%c0%ae HTTP/1.1\r\n" HOST "\r\n", 404, "http.not_found"},
    {"GET /hello/..;/x HTTP/1.1\r\n" HOST "\r\n", 404, "http.not_found"},
    {"POST /hello HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 405,
	"\r\nAllow: GET, HEAD\r\n"},
    {"DELETE /hello HTTP/1.1\r\n" HOST "\r\n", 405, "http.method"},
    {"GET /json HTTP/1.1\r\n" HOST "\r\n", 405, "\r\nAllow: POST\r\n"},
    {"POST /json HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 415,
	"http.content_type"},
    {"POST /json HTTP/1.1\r\n" HOST
     "Content-Type: application/cbor\r\nContent-Length: 2\r\n\r\n{}",
	415, "http.content_type"},
    {"POST /json HTTP/1.1\r\n" HOST JSON
     "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
	415, "http.content_type"},
    {"GET /hello HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 413,
	"http.body_too_large"},
    {"GET /nodes HTTP/1.1\r\n" HOST "\r\n", 401, "\"code\":\"auth.missing\""},
    {"GET /nodes HTTP/1.1\r\n" HOST "\r\n", 401,
	"\r\nWWW-Authenticate: Bearer\r\n"},
    {"GET /nodes HTTP/1.1\r\n" HOST "Authorization: Bearer " WRONG_TOKEN
     "\r\n\r\n",
	401, "auth.invalid"},
    {"GET /nodes HTTP/1.1\r\n" HOST "Authorization: Bearer " NODE_TOKEN
     "\r\n\r\n",
	403, "auth.forbidden"},
    {"GET /nodes HTTP/1.1\r\n" HOST "Authorization: Bearer " OPERATOR_TOKEN
     "\r\n\r\n",
	200, "known-4"},
    {"GET /nodes HTTP/1.1\r\n" HOST "Authorization: Bearer " DOWN_TOKEN
     "\r\n\r\n",
	503, "\r\nRetry-After: "},
    {"POST /evidence HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 401,
	"auth.missing"},
    {"POST /evidence HTTP/1.1\r\n" HOST "Authorization: Bearer " NODE_TOKEN
     "\r\nContent-Type: application/vnd.akashi.evidence\r\n"
     "Content-Length: 3\r\n\r\nabc",
	200, "\"bytes\":3"},
};

static void
test_answers(void)
{
	struct http_server *s = server_up("127.0.0.1:0", false, 2, NULL);
	struct reply r;
	int fd = dial(http_port(s));

	for (size_t i = 0; i < COUNT(answers); i++) {
		/* All but HTTP/1.0 on one connection: a refusal does not end
		 * it, and leaves nothing behind. */
		bool alone = strstr(answers[i].request, "HTTP/1.0") != NULL;
		if (alone)
			ask(http_port(s), answers[i].request, &r);
		else
			say(fd, answers[i].request, &r);
		tap_ok(r.status == answers[i].status &&
			   has(&r, answers[i].with) && (alone || !r.closed),
		    "%.*s: %d", (int)strcspn(answers[i].request, "\r"),
		    answers[i].request, answers[i].status);
		if (r.closed && !alone) {
			tap_note("status %d: %s", r.status, r.text);
			close(fd);
			fd = dial(http_port(s));
		}
	}
	int packed = dial(http_port(s));
	say(packed,
	    "POST /json HTTP/1.1\r\n" HOST JSON
	    "Content-Encoding: zstd\r\nExpect: 100-continue\r\n"
	    "Content-Length: 1000\r\n\r\n",
	    &r);
	tap_ok(
	    r.status == 415, "a compressed body is refused before it is read");
	close(packed);
	send_text(fd, "HEAD /hello HTTP/1.1\r\n" HOST "\r\n");
	ssize_t n = recv(fd, r.text, sizeof(r.text) - 1, 0);
	r.text[n > 0 ? n : 0] = 0;
	tap_ok(has(&r, "200 OK") && strstr(r.text, "\r\n\r\n")[4] == 0,
	    "HEAD has no body");
	close(fd);
	server_down(s);
	tap_ok(atomic_load(&seen.done) == COUNT(answers) + 2,
	    "every request was reported once");
}

/* --- the gate ------------------------------------------------------------- */

#define SECOND "GET /hello HTTP/1.1\r\n" HOST "\r\n"

/* Each is followed by a second request that must not be taken. */
static const struct {
	const char *name;
	const char *request;
	size_t n; /* where it holds a NUL */
} shapes[] = {
    {"two Content-Lengths",
	"POST /json HTTP/1.1\r\n" HOST JSON
	"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
	0},
    {"the same Content-Length twice",
	"POST /json HTTP/1.1\r\n" HOST JSON
	"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
	0},
    {"Content-Length and Transfer-Encoding",
	"POST /json HTTP/1.1\r\n" HOST JSON
	"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	0},
    {"Transfer-Encoding that only ends in chunked",
	"POST /json HTTP/1.1\r\n" HOST JSON
	"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
	0},
    {"Transfer-Encoding with white space inside",
	"POST /json HTTP/1.1\r\n" HOST JSON
	"Transfer-Encoding:\vchunked\r\n\r\n0\r\n\r\n",
	0},
    {"Transfer-Encoding in HTTP/1.0",
	"POST /json HTTP/1.0\r\n" HOST JSON
	"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	0},
    {"two Hosts", "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 0},
    {"no Host", "GET /hello HTTP/1.1\r\nX: y\r\n\r\n", 0},
    {"two Authorizations",
	"GET /nodes HTTP/1.1\r\n" HOST "Authorization: Bearer " OPERATOR_TOKEN
	"\r\n"
	"Authorization: Bearer " WRONG_TOKEN "\r\n\r\n",
	0},
    {"signed Content-Length",
	"POST /json HTTP/1.1\r\n" HOST JSON "Content-Length: +2\r\n\r\n{}", 0},
    {"a space before the colon",
	"POST /json HTTP/1.1\r\n" HOST JSON "Content-Length : 2\r\n\r\n{}", 0},
    {"a header line without colon",
	"GET /hello HTTP/1.1\r\n" HOST "nonsense\r\n\r\n", 0},
    {"bare LF after the request line", "GET /hello HTTP/1.1\n" HOST "\r\n", 0},
    {"bare LF after a header", "GET /hello HTTP/1.1\r\nX: y\n" HOST "\r\n", 0},
    {"bare CR inside a header",
	"GET /hello HTTP/1.1\r\n" HOST "X: y\rZ: z\r\n\r\n", 0},
    {"a folded header",
	"POST /json HTTP/1.1\r\n" HOST JSON
	"Content-Length: 2\r\nX: a\r\n b\r\nY: c\r\n\r\n{}",
	0},
    {"a folded header at the end",
	"GET /hello HTTP/1.1\r\n" HOST "X: a\r\n\tb\r\n\r\n", 0},
    {"NUL in a header",
	"GET /hello HTTP/1.1\r\n" HOST "X: a\0b\r\nY: c\r\n\r\n", 46},
    {"NUL in the target", "GET /hello\0x HTTP/1.1\r\n" HOST "\r\n", 34},
    {"%00 in the target", "GET /hello/a%00b HTTP/1.1\r\n" HOST "\r\n", 0},
    {"a broken escape", "GET /hello/%zz HTTP/1.1\r\n" HOST "\r\n", 0},
    {"two spaces in the request line", "GET  /hello HTTP/1.1\r\n" HOST "\r\n",
	0},
    {"a space in the target", "GET /hello x HTTP/1.1\r\n" HOST "\r\n", 0},
    {"an absolute target", "GET http://a/hello HTTP/1.1\r\n" HOST "\r\n", 0},
    {"bytes above ASCII in the target",
	"GET /hello/\xe8\xa8\xbc HTTP/1.1\r\n" HOST "\r\n", 0},
};

static void
test_shapes(void)
{
	struct http_server *s = server_up("127.0.0.1:0", false, 1, NULL);
	struct reply r;
	char text[1024];

	for (size_t i = 0; i < COUNT(shapes); i++) {
		size_t n =
		    shapes[i].n ? shapes[i].n : strlen(shapes[i].request);
		size_t before = atomic_load(&seen.handled);
		memcpy(text, shapes[i].request, n);
		memcpy(text + n, SECOND, sizeof(SECOND));
		int fd = dial(http_port(s));
		send_all(fd, text, n + sizeof(SECOND) - 1);
		hear(fd, &r);
		bool ended = ends_within(fd, 2000);
		tap_ok((r.status == 400 || r.status == 0) && ended &&
			   atomic_load(&seen.handled) == before,
		    "%s: 400, closed, nothing handled", shapes[i].name);
		if (r.status != 400)
			tap_note("answered %d", r.status);
		close(fd);
	}
	tap_ok(ask(http_port(s), HELLO, &r) == 200, "the plain request passes");
	server_down(s);
}

/* --- sizes ---------------------------------------------------------------- */

static void
put_head(char *out, size_t n, const char *path, size_t length)
{
	snprintf(out, n,
	    "POST %s HTTP/1.1\r\n" HOST JSON "Content-Length: %zu\r\n\r\n",
	    path, length);
}

static uint64_t
sum_of(const char *p, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum = sum * 31 + (uint8_t)p[i];
	return sum % 1000000007;
}

static void
test_large_body(unsigned port, size_t n)
{
	char head[256], want[64];
	char *body = malloc(n);
	struct reply r;
	int fd = dial(port);

	for (size_t i = 0; i < n; i++)
		body[i] = (char)(i * 7 + i / 251);
	put_head(head, sizeof(head), "/big", n);
	for (int round = 0; round < 2; round++) {
		send_text(fd, head);
		send_all(fd, body, n);
		hear(fd, &r);
		snprintf(want, sizeof(want), "\"bytes\":%zu,\"sum\":%llu", n,
		    (unsigned long long)sum_of(body, n));
		tap_ok(r.status == 200 && has(&r, want),
		    "a body of %zu bytes arrives whole (%d)", n, round);
	}
	free(body);
	close(fd);
}

static void
test_too_large(unsigned port)
{
	char head[256], zeros[8192] = {0};
	struct reply r;
	int fd = dial(port);

	put_head(head, sizeof(head), "/json", 5000);
	send_text(fd, head);
	send_all(fd, zeros, 5000);
	hear(fd, &r);
	tap_ok(r.status == 413 && !r.closed, "5000 bytes of JSON: 413");
	say(fd, HELLO, &r);
	tap_ok(r.status == 200, "and the connection goes on");
	put_head(head, sizeof(head), "/json", (size_t)1 << 30);
	say(fd, head, &r);
	tap_ok(r.status == 413 && r.closed && ends_within(fd, 2000),
	    "a gigabyte announced: 413 at once, closed");
	close(fd);

	fd = dial(port);
	say(fd,
	    "POST /json HTTP/1.1\r\n" HOST JSON
	    "Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n",
	    &r);
	tap_ok(
	    r.status == 413 && r.closed, "nothing is invited that is refused");
	close(fd);
}

static void
test_chunks(unsigned port)
{
	char chunk[1100], zeros[1024] = {0};
	struct reply r;
	int fd = dial(port), chunks = 0;
	const char *head = "POST /json HTTP/1.1\r\n" HOST JSON
			   "Transfer-Encoding: chunked\r\n\r\n";

	int n = snprintf(chunk, sizeof(chunk), "400\r\n");
	memcpy(chunk + n, zeros, sizeof(zeros));
	memcpy(chunk + n + 1024, "\r\n", 2);
	size_t size = (size_t)n + 1026;
	send_text(fd, head);
	for (int i = 0; i < 8; i++)
		send_all(fd, chunk, size);
	say(fd, "0\r\n\r\n", &r);
	tap_ok(r.status == 413 && !r.closed, "8 KiB in chunks: 413");
	send_text(fd, head);
	while (chunks < 100000 && send_all(fd, chunk, size))
		chunks++;
	tap_ok(
	    chunks < 100000, "chunks without end are cut after %d KiB", chunks);
	close(fd);
	tap_ok(ask(port,
		   "POST /json HTTP/1.1\r\n" HOST JSON
		   "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
		   &r) == 400,
	    "a chunk size that is no number: 400");
}

static void
test_sizes(void)
{
	struct http_server *s = server_up("127.0.0.1:0", false, 2, NULL);

	test_large_body(http_port(s), 40000);
	test_large_body(http_port(s), 3 * 1024 * 1024 + 17);
	test_too_large(http_port(s));
	test_chunks(http_port(s));
	server_down(s);
}

/* --- deadlines ------------------------------------------------------------ */

/* Send `first`, then one byte of `drip` every 100 ms. True if the connection
 * was cut within ms. */
static bool
drip(unsigned port, const char *first, const char *slow, int ms)
{
	int fd = dial(port);
	struct pollfd p = {fd, POLLIN, 0};
	int64_t end = clock_monotonic() + ms * TIME_MS;
	bool cut = false;
	char sink[4096];

	send_text(fd, first);
	while (!cut && clock_monotonic() < end) {
		if (!send_all(fd, slow, 1))
			cut = true;
		if (slow[1])
			slow++;
		while (!cut && poll(&p, 1, 100) == 1)
			cut = recv(fd, sink, sizeof(sink), 0) <= 0;
	}
	close(fd);
	return cut;
}

static void
test_deadlines(void)
{
	static const char *const settings[] = {"LIMITS_HEADER_TIMEOUT=1s",
	    "LIMITS_BODY_TIMEOUT=1s", "LIMITS_IDLE_TIMEOUT=1s", NULL};
	struct http_server *s = server_up("127.0.0.1:0", false, 1, settings);
	unsigned port = http_port(s);
	struct reply r;

	tap_ok(drip(port, "",
		   "GET /hello HTTP/1.1\r\nX: aaaaaaaaaaaaaaaaaaaaaa", 4000),
	    "headers that drip are cut");
	tap_ok(atomic_load(&seen.cut[HTTP_CUT_HEADERS]) == 1, "and counted");
	tap_ok(drip(port, HELLO,
		   "GET /hello HTTP/1.1\r\nX: aaaaaaaaaaaaaaaaaaaaa", 4000),
	    "also those of a second request");
	tap_ok(drip(port,
		   "POST /json HTTP/1.1\r\n" HOST JSON
		   "Content-Length: 1000\r\n\r\n",
		   "                                           ", 4000),
	    "a body that drips is cut");
	tap_ok(atomic_load(&seen.cut[HTTP_CUT_BODY]) == 1, "and counted");
	int fd = dial(port);
	say(fd, HELLO, &r);
	tap_ok(r.status == 200 && ends_within(fd, 4000),
	    "an idle connection is closed");
	close(fd);
	fd = dial(port);
	atomic_store(&hold, true);
	send_text(fd, LATER);
	tap_ok(!ends_within(fd, 2000), "waiting for us is not cut");
	atomic_store(&hold, false);
	hear(fd, &r);
	tap_ok(r.status == 0 || r.status == 200, "and is answered");
	tap_ok(ask(port, HELLO, &r) == 200, "others were served");
	close(fd);
	for (int i = 0; http_pending(s) && i < 2000; i++)
		usleep(1000);
	tap_ok(http_pending(s) == 0, "nothing is pending");
	server_down(s);
}

int
main(void)
{
	test_answers();
	test_shapes();
	test_sizes();
	test_deadlines();
	return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/intake/harness.h"

#include "intake/submission.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct seen seen;
_Atomic bool hold;

/* --- routes --------------------------------------------------------------- */

/* Requests that wait for the resuming thread. */
enum { WAITING = 4096 };
static struct http_request *waiting[WAITING];
static size_t nwaiting;
static bool resuming;
static pthread_t resumer;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t some = PTHREAD_COND_INITIALIZER;

static void
describe(struct http_request *q)
{
	struct jw w = jw_over(&q->answer.body);
	uint64_t sum = 0;

	/* Not where speed is measured. */
	bool check = q->route->auth == AUTH_NONE;
	for (size_t i = 0; check && i < q->body.n; i++)
		sum = sum * 31 + q->body.p[i];
	jw_object(&w);
	jw_ku64(&w, "bytes", q->body.n);
	jw_ku64(&w, "sum", sum % 1000000007);
	jw_kstr(&w, "trace", q->trace);
	jw_kstr(&w, "source", q->source);
	jw_kstr(&w, "who", q->caller.name);
	if (q->params)
		jw_kspan(&w, "param", q->param[0]);
	jw_object_end(&w);
}

static enum http_then
now(struct http_request *q)
{
	atomic_fetch_add(&seen.handled, 1);
	describe(q);
	return HTTP_ANSWER;
}

static enum http_then
later(struct http_request *q)
{
	atomic_fetch_add(&seen.handled, 1);
	if (strcmp(q->caller.name, "late") == 0) {
		http_problem(q, &(struct err){.code = ERR_AUTH_INVALID});
		return HTTP_ANSWER;
	}
	pthread_mutex_lock(&lock);
	if (nwaiting == WAITING)
		abort();
	waiting[nwaiting++] = q;
	pthread_cond_signal(&some);
	pthread_mutex_unlock(&lock);
	return HTTP_LATER;
}

/* The answer is there before the handler has said that it will come. */
static enum http_then
at_once(struct http_request *q)
{
	atomic_fetch_add(&seen.handled, 1);
	describe(q);
	http_resume(q);
	return HTTP_LATER;
}

static void *
resume_all(void *arg)
{
	static struct http_request *batch[WAITING];

	(void)arg;
	pthread_mutex_lock(&lock);
	while (resuming || nwaiting) {
		if (!nwaiting || atomic_load(&hold)) {
			struct timespec at;
			clock_gettime(CLOCK_REALTIME, &at);
			at.tv_nsec += 20 * 1000 * 1000;
			at.tv_sec += at.tv_nsec / 1000000000;
			at.tv_nsec %= 1000000000;
			pthread_cond_timedwait(&some, &lock, &at);
			continue;
		}
		size_t n = nwaiting;
		memcpy(batch, waiting, n * sizeof(batch[0]));
		nwaiting = 0;
		pthread_mutex_unlock(&lock);
		for (size_t i = 0; i < n; i++) {
			describe(batch[i]);
			http_resume(batch[i]);
		}
		pthread_mutex_lock(&lock);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

static const struct route routes[] = {
    {HTTP_GET, "/hello", AUTH_NONE, BODY_NONE, NULL, now, "hello", 0},
    {HTTP_GET, "/hello/{name}", AUTH_NONE, BODY_NONE, NULL, now, "name", 0},
    {HTTP_GET, "/later", AUTH_NONE, BODY_NONE, NULL, later, "later", 0},
    {HTTP_GET, "/at-once", AUTH_NONE, BODY_NONE, NULL, at_once, "at_once", 0},
    {HTTP_POST, "/json", AUTH_NONE, BODY_JSON, "application/json", now, "json",
	0},
    {HTTP_POST, "/big", AUTH_NONE, BODY_EVIDENCE, NULL, later, "big", 0},
    {HTTP_POST, "/evidence", AUTH_NODE_TOKEN, BODY_EVIDENCE, SUBMISSION_TYPE,
	later, "evidence", 0},
    {HTTP_GET, "/nodes", AUTH_OPERATOR, BODY_NONE, NULL, now, "nodes", 0},
};

static const struct route admin_routes[] = {
    {HTTP_GET, "/livez", AUTH_NONE, BODY_NONE, NULL, now, "livez", 0},
    {HTTP_POST, "/admin/init", AUTH_ADMIN_SOCKET, BODY_NONE, NULL, now, "init",
	0},
};

/* --- hooks ---------------------------------------------------------------- */

static bool
is_token(const uint8_t hash[32], const char *token, struct hasher *h)
{
	uint8_t want[32];

	return rc_ok(hash_of(h, ALG_SHA256, span_str(token), want)) &&
	       memcmp(want, hash, 32) == 0;
}

static rc
authenticate(const struct http_request *q, enum auth_class cls,
    const uint8_t sha256[32], struct caller *out, struct err *e)
{
	if (is_token(sha256, DOWN_TOKEN, q->hasher))
		return err_at(e, ERR_DATABASE, NULL, "%s", "");
	if (is_token(sha256, LATE_TOKEN, q->hasher)) {
		snprintf(out->name, sizeof(out->name), "late");
		return RC_OK;
	}
	bool ok = is_token(sha256,
	    cls == AUTH_NODE_TOKEN ? NODE_TOKEN : OPERATOR_TOKEN, q->hasher);
	if (!ok)
		return err_at(e, ERR_AUTH_INVALID, NULL, "%s", "");
	snprintf(out->name, sizeof(out->name), "known-%d", (int)cls);
	return RC_OK;
}

static void
done(const struct http_request *q, bool sent)
{
	atomic_fetch_add(&seen.done, 1);
	atomic_fetch_add(&seen.unsent, !sent);
	atomic_store(&seen.last_status, q->answer.status);
}

static void
cut(void *ctx, size_t loop, enum http_cut why, const char *source)
{
	(void)ctx;
	(void)loop;
	(void)source;
	atomic_fetch_add(&seen.cut[why], 1);
}

/* --- server --------------------------------------------------------------- */

struct conf *
server_conf(const char *listen, const char *const *settings)
{
	static const char *const common[] = {"TLS_MODE=off",
	    "LIMITS_SOURCE_REQUESTS=1000000", "LIMITS_SPOOL_FOLDER=/tmp",
	    "LIMITS_JSON=4KiB", "LIMITS_EVIDENCE=4MiB"};
	struct arena a;
	char *env[32] = {NULL};
	size_t n = 0;
	struct conf *c = NULL;
	struct err e = {0};

	arena_init(&a, 100000);
	env[n++] = arena_printf(&a, "AKASHID_LISTEN=%s", listen);
	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		env[n++] = arena_printf(&a, "AKASHID_%s", common[i]);
	for (; settings && *settings; settings++)
		env[n++] = arena_printf(&a, "AKASHID_%s", *settings);
	rc r = conf_load(NULL, env, &c, &e);
	arena_free(&a);
	if (!rc_ok(r)) {
		fprintf(stderr, "%s: %s\n", e.path, e.text);
		exit(99);
	}
	return c;
}

struct http_server *
server_up(
    const char *listen, bool admin, size_t loops, const char *const *settings)
{
	struct http_options o = {.listen = listen,
	    .admin = admin,
	    .loops = loops,
	    .routes = admin ? admin_routes : routes,
	    .nroutes = admin ? 2 : sizeof(routes) / sizeof(routes[0]),
	    .hooks = {NULL, authenticate, done, cut}};
	struct conf *c = server_conf(listen, settings);
	struct http_server *s = NULL;
	struct err e = {0};

	memset(&seen, 0, sizeof(seen));
	atomic_store(&hold, false);
	resuming = true;
	if (pthread_create(&resumer, NULL, resume_all, NULL) != 0)
		exit(99);
	rc r = http_start(&o, c, &s, &e);
	conf_free(c);
	if (!rc_ok(r)) {
		fprintf(
		    stderr, "%s: %s: %s\n", err_name(r.code), e.path, e.text);
		exit(99);
	}
	return s;
}

void
server_down(struct http_server *s)
{
	http_stop(s);
	pthread_mutex_lock(&lock);
	resuming = false;
	pthread_cond_signal(&some);
	pthread_mutex_unlock(&lock);
	pthread_join(resumer, NULL);
}

/* --- clients -------------------------------------------------------------- */

int
dial(unsigned port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)(const void *)&to,
		sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

int
dial_unix(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (connect(fd, (const struct sockaddr *)(const void *)&to,
		sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

bool
send_all(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n) {
		ssize_t k = send(fd, at, n, MSG_NOSIGNAL);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		at += k;
		n -= (size_t)k;
	}
	return true;
}

/* Bytes that a whole answer has, or 0 if the head is not complete. */
static size_t
answer_size(const struct reply *r)
{
	const char *end = strstr(r->text, "\r\n\r\n");
	const char *length = strcasestr(r->text, "\r\ncontent-length: ");

	if (!end)
		return 0;
	size_t body = length ? (size_t)strtoul(length + 18, NULL, 10) : 0;
	return (size_t)(end + 4 - r->text) + body;
}

void
hear(int fd, struct reply *r)
{
	struct pollfd p = {fd, POLLIN, 0};

	*r = (struct reply){.closed = true};
	while (r->n < sizeof(r->text) - 1 && poll(&p, 1, 5000) == 1) {
		ssize_t k =
		    recv(fd, r->text + r->n, sizeof(r->text) - 1 - r->n, 0);
		if (k <= 0)
			break;
		r->n += (size_t)k;
		r->text[r->n] = 0;
		size_t size = answer_size(r);
		if (size && r->n >= size) {
			r->closed = strcasestr(r->text,
					"\r\nconnection: close") != NULL;
			break;
		}
	}
	sscanf(r->text, "HTTP/1.%*d %d", &r->status);
	const char *end = strstr(r->text, "\r\n\r\n");
	r->body = end ? end + 4 : "";
}

void
say(int fd, const char *request, struct reply *r)
{
	send_all(fd, request, strlen(request));
	hear(fd, r);
}

int
ask(unsigned port, const char *request, struct reply *r)
{
	int fd = dial(port);

	say(fd, request, r);
	close(fd);
	return r->status;
}

bool
ends_within(int fd, int ms)
{
	struct pollfd p = {fd, POLLIN, 0};
	int64_t end = clock_monotonic() + ms * TIME_MS;
	char sink[4096];

	for (;;) {
		int64_t left = (end - clock_monotonic()) / TIME_MS;
		if (left < 0 || poll(&p, 1, (int)left) != 1)
			return false;
		if (recv(fd, sink, sizeof(sink), 0) <= 0)
			return true;
	}
}

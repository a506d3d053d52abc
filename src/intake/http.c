/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd behind http.h.
 *
 * 1. Each loop runs its own MHD daemon from its own epoll: MHD's internal one
 *    stalls at exactly 128, 256 and 512 connections.
 * 2. MHD has no wake-up for a resume from another thread in this mode, so
 *    http_resume() queues the request and writes the loop's eventfd; only the
 *    loop's thread calls MHD.
 * 3. MHD's own timeout counts silence, so that one byte now and then keeps a
 *    connection for ever. Every connection here has a deadline for what it is
 *    doing; a loop cuts those that miss it.
 */
#include "intake/exchange.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

enum {
	DRAIN_MAX = 1 << 20, /* of a refused body, to keep the connection */
	STOP_GRACE_S = 1,    /* for answers on their way */
};

/* --- answering ------------------------------------------------------------ */

static void
add_header(struct MHD_Response *r, const char *name, const char *value)
{
	(void)MHD_add_response_header(r, name, value);
}

/* The body's memory goes to the response. */
static struct MHD_Response *
response_of(struct http_answer *a)
{
	if (a->fixed.p)
		return MHD_create_response_from_buffer(a->fixed.n,
		    (void *)(uintptr_t)a->fixed.p, MHD_RESPMEM_PERSISTENT);
	struct MHD_Response *r = MHD_create_response_from_buffer(
	    a->body.n, a->body.p, MHD_RESPMEM_MUST_FREE);
	if (r)
		a->body = (struct buf){0};
	return r;
}

static void
add_headers(const struct exchange *x, struct MHD_Response *r, const char *type)
{
	const struct http_answer *a = &x->q.answer;
	bool closing = a->close || atomic_load(&x->conn->loop->server->quiesce);
	char seconds[16], tag[24];

	add_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	add_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	if (a->status == 401)
		add_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (a->status == 405 && a->allow)
		add_header(r, MHD_HTTP_HEADER_ALLOW, a->allow);
	if (a->retry_after) {
		snprintf(seconds, sizeof(seconds), "%u", a->retry_after);
		add_header(r, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
	}
	if (a->etag) {
		snprintf(
		    tag, sizeof(tag), "\"%llu\"", (unsigned long long)a->etag);
		add_header(r, MHD_HTTP_HEADER_ETAG, tag);
	}
	if (closing)
		add_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
}

static enum MHD_Result
send_answer(struct exchange *x)
{
	struct http_answer *a = &x->q.answer;
	struct conn *c = x->conn;

	if (a->body.failed)
		http_problem(&x->q, &(struct err){.code = ERR_MEMORY});
	if (!a->status)
		a->status = 200;
	/* A handler that judged the credential itself; admit() counts its own.
	 */
	if (a->status == 401 && x->state != X_DRAIN)
		limiter_failed(
		    c->loop->server->limiter, c->place, c->loop->now);
	size_t size = a->fixed.p ? a->fixed.n : a->body.n;
	struct MHD_Response *r = response_of(a);
	if (!r)
		return MHD_NO;
	add_headers(x, r, a->type ? a->type : "application/json");
	x->state = X_ANSWER;
	expect_by(c, HTTP_CUT_ANSWER,
	    c->loop->settings.body_timeout +
		(int64_t)(size / SLOWEST) * TIME_S);
	enum MHD_Result ok = MHD_queue_response(x->mhd, (unsigned)a->status, r);
	MHD_destroy_response(r);
	return ok;
}

/* --- from headers to handler ---------------------------------------------- */

struct headers {
	struct gate_header at[GATE_HEADERS];
	size_t n;
	bool overflow;
	const char *end; /* where the next line should start */
	bool plain;
};

/* MHD 0.9 takes bare line feeds, folded lines and NULs, and says nothing. But
 * it parses in place: between two lines there are exactly two bytes, CR LF,
 * unless one of those came. Only addresses are compared. */
static void
check_layout(struct headers *h, const struct gate_header *now)
{
	const char *name = (const char *)now->name.p;
	const char *value = (const char *)now->value.p;

	if (!value || name != h->end + 2 || value <= name + now->name.n)
		h->plain = false;
	h->end = value ? value + now->value.n : h->end;
}

static enum MHD_Result
collect(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_n,
    const char *value, size_t value_n)
{
	struct headers *h = cls;

	(void)kind;
	if (h->n == GATE_HEADERS) {
		h->overflow = true;
		return MHD_NO;
	}
	struct gate_header *now = &h->at[h->n++];
	*now = (struct gate_header){
	    span_of(name, name_n), span_of(value, value_n)};
	check_layout(h, now);
	return MHD_YES;
}

struct request_line {
	const char *method;
	const char *version;
};

/* The method, the target and the version have one space between them. */
static bool
line_is_plain(const struct exchange *x, const struct request_line *line)
{
	const char *method_end = line->method + strlen(line->method);

	return line->version == x->raw_end + 1 &&
	       x->raw_end - strlen(x->target) == method_end + 1;
}

static rc
pass_gate(struct exchange *x, const struct request_line *line, struct err *e)
{
	struct headers h = {
	    .plain = true, .end = line->version + strlen(line->version)};

	TRY(gate_target(span_str(x->target), e));
	MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND, collect, &h);
	if (h.overflow)
		return err_text(e, ERR_HTTP_MALFORMED, "headers",
		    "There are more than %d headers.", GATE_HEADERS);
	if (x->conn->loop->in_place && !(h.plain && line_is_plain(x, line)))
		return err_at(e, ERR_HTTP_MALFORMED,
		    "The head is not in lines that end with CR LF, or holds "
		    "NUL or folded lines (RFC 9112, 2.2 and 5.2).",
		    "headers");
	return gate_headers(
	    h.at, h.n, strcmp(line->version, "HTTP/1.1") == 0, &x->facts, e);
}

static enum http_method
method_of(const char *name)
{
	if (strcmp(name, "GET") == 0 || strcmp(name, "HEAD") == 0)
		return HTTP_GET;
	return strcmp(name, "POST") == 0 ? HTTP_POST : 0;
}

/* Refuse: at once where the next request cannot be found or the body is
 * large, else after the body, so that the connection can go on. */
static enum MHD_Result
refuse(struct exchange *x, const struct err *e)
{
	const struct gate_facts *f = &x->facts;
	bool drain = e->code != ERR_HTTP_MALFORMED && !f->expect &&
		     f->length <= DRAIN_MAX;

	x->refused = *e;
	x->state = X_DRAIN;
	if (drain)
		return MHD_YES;
	http_problem(&x->q, e);
	x->q.answer.close = true;
	return send_answer(x);
}

/* The first call: the headers are complete, the body is not there yet. */
static enum MHD_Result
headers_done(struct exchange *x, const struct request_line *line)
{
	struct loop *l = x->conn->loop;
	struct admission by = {
	    &l->server->options, &l->settings, l->server->limiter, l->now};
	struct err e = {.code = ERR_OK};

	x->q.started = clock_monotonic();
	x->state = X_BODY;
	atomic_fetch_add_explicit(&l->pending, 1, memory_order_relaxed);
	expect_by(x->conn, HTTP_CUT_BODY, l->settings.body_timeout);
	rc r = pass_gate(x, line, &e);
	if (!gate_trace(x->facts.traceparent, x->q.trace))
		new_trace(l, x->q.trace);
	if (rc_ok(r))
		r = admit(x, &by, method_of(line->method), &e);
	if (!rc_ok(r))
		return refuse(x, &e);
	body_expect(&x->body, &x->limits, (size_t)x->facts.length);
	return MHD_YES;
}

static enum MHD_Result
body_part(struct exchange *x, const char *data, size_t *n)
{
	struct span part = span_of(data, *n);
	struct conn *c = x->conn;

	*n = 0;
	if (c->deadline != INT64_MAX)
		c->deadline += (int64_t)part.n * TIME_S / SLOWEST;
	if (x->state == X_BODY) {
		rc r = body_add(&x->body, &x->limits, part, &x->refused);
		if (!rc_ok(r)) {
			body_reset(&x->body);
			x->state = X_DRAIN;
		}
		return MHD_YES;
	}
	/* An answer cannot be queued in the middle of a body. */
	x->drained += part.n;
	return x->drained <= DRAIN_MAX ? MHD_YES : MHD_NO;
}

static enum MHD_Result
run_handler(struct exchange *x)
{
	x->state = X_WORK;
	x->conn->deadline = INT64_MAX;
	if (x->q.route->handler(&x->q) == HTTP_ANSWER)
		return send_answer(x);
	x->conn->loop->later++;
	MHD_suspend_connection(x->mhd);
	return MHD_YES;
}

static enum MHD_Result
body_done(struct exchange *x)
{
	struct err e = {.code = ERR_OK};

	if (rc_ok(body_finish(&x->body, &x->q.body, &e)))
		return run_handler(x);
	http_problem(&x->q, &e);
	return send_answer(x);
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *data, size_t *n,
    void **ctx)
{
	struct exchange *x = *ctx;
	struct request_line line = {method, version};

	(void)cls;
	(void)mhd;
	(void)url;
	if (!x)
		return MHD_NO;
	if (x->state == X_HEADERS)
		return headers_done(x, &line);
	if (*n)
		return body_part(x, data, n);
	if (x->state == X_BODY)
		return body_done(x);
	if (x->state == X_AGAIN) {
		x->q.runs++;
		return run_handler(x);
	}
	if (x->state == X_DRAIN)
		http_problem(&x->q, &x->refused);
	return send_answer(x);
}

/* --- connections ---------------------------------------------------------- */

static struct conn *
conn_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *i =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return i ? i->socket_context : NULL;
}

/* The request line is there: the earliest that MHD tells us of a request. */
static void *
on_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
	struct conn *c = conn_of(mhd);
	struct exchange *x = c ? exchange_begin(c, mhd) : NULL;

	(void)cls;
	if (!x)
		return NULL;
	expect_by(c, HTTP_CUT_HEADERS, c->loop->settings.header_timeout);
	if (!target)
		target = "";
	size_t n = strlen(target) + 1;
	x->raw_end = target + n - 1;
	x->target = arena_alloc(&x->arena, n);
	if (!x->target) {
		exchange_end(c->loop, x);
		return NULL;
	}
	memcpy(x->target, target, n);
	return x;
}

static void
on_completed(void *cls, struct MHD_Connection *mhd, void **ctx,
    enum MHD_RequestTerminationCode how)
{
	struct loop *l = cls;
	struct exchange *x = *ctx;
	const struct http_hooks *h = &l->server->options.hooks;
	bool sent = how == MHD_REQUEST_TERMINATED_COMPLETED_OK;

	(void)mhd;
	*ctx = NULL;
	if (!x)
		return;
	if (x->state != X_HEADERS) {
		atomic_fetch_sub_explicit(&l->pending, 1, memory_order_relaxed);
		/* MHD answered by itself, to a broken chunk for one. */
		if (x->state != X_ANSWER)
			x->q.answer.status =
			    err_http(x->q.answer.code = ERR_HTTP_MALFORMED);
		if (h->done)
			h->done(&x->q, sent);
	}
	expect_by(x->conn, HTTP_CUT_IDLE, l->settings.idle_timeout);
	exchange_end(l, x);
}

static const struct sockaddr *
address_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *i =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	return i ? i->client_addr : NULL;
}

static int
fd_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *i =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);

	return i ? i->connect_fd : -1;
}

static bool
begin_tls(struct conn *c, struct MHD_Connection *mhd)
{
	struct tls *t = c->loop->settings.tls;
	const union MHD_ConnectionInfo *i =
	    t ? MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)
	      : NULL;

	if (!t)
		return true;
	if (!i || !tls_begin(t, i->tls_session))
		return false;
	c->tls = tls_hold(t);
	c->session = i->tls_session;
	return true;
}

static struct conn *
conn_begin(struct loop *l, struct MHD_Connection *mhd)
{
	const struct sockaddr *at = address_of(mhd);
	struct conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->loop = l;
	c->fd = fd_of(mhd);
	name_source(at, c->source);
	if (!limiter_open(
		l->server->limiter, source_of(at), l->now, &c->place)) {
		report_cut(l, HTTP_CUT_SOURCE, c->source);
		free(c);
		return NULL;
	}
	if (!begin_tls(c, mhd)) {
		limiter_close(l->server->limiter, c->place);
		free(c);
		return NULL;
	}
	expect_by(c, HTTP_CUT_HEADERS, l->settings.header_timeout);
	c->next = l->conns;
	if (c->next)
		c->next->prev = c;
	l->conns = c;
	atomic_fetch_add_explicit(&l->open, 1, memory_order_relaxed);
	return c;
}

static void
conn_end(struct loop *l, struct conn *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		l->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	limiter_close(l->server->limiter, c->place);
	tls_drop(c->judged_by);
	tls_drop(c->tls);
	atomic_fetch_sub_explicit(&l->open, 1, memory_order_relaxed);
	free(c);
}

static void
on_connection(void *cls, struct MHD_Connection *mhd, void **socket_ctx,
    enum MHD_ConnectionNotificationCode code)
{
	struct loop *l = cls;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_ctx = conn_begin(l, mhd);
		if (!*socket_ctx)
			shutdown(fd_of(mhd), SHUT_RDWR);
	} else if (*socket_ctx) {
		conn_end(l, *socket_ctx);
		*socket_ctx = NULL;
	}
}

/* --- loops ---------------------------------------------------------------- */

void
loop_wake(struct loop *l)
{
	uint64_t one = 1;

	while (write(l->wake, &one, sizeof(one)) == -1 && errno == EINTR)
		continue;
}

static void
resume(struct http_request *q, enum exchange_state wanted)
{
	struct exchange *x = (struct exchange *)(void *)q;
	struct loop *l = x->conn->loop;
	struct exchange *head = atomic_load(&l->resumed);

	x->wanted = wanted;
	do
		x->next = head;
	while (!atomic_compare_exchange_weak(&l->resumed, &head, x));
	if (!head)
		loop_wake(l);
}

void
http_resume(struct http_request *q)
{
	resume(q, X_ANSWER);
}

void
http_again(struct http_request *q)
{
	resume(q, X_AGAIN);
}

/* A request keeps the limits it was admitted with. */
static void
refresh(struct loop *l)
{
	struct http_server *s = l->server;
	unsigned generation = atomic_load(&s->generation);

	if (generation == l->generation)
		return;
	tls_drop(l->settings.tls);
	pthread_mutex_lock(&s->lock);
	l->settings = s->settings;
	tls_hold(l->settings.tls);
	pthread_mutex_unlock(&s->lock);
	l->generation = generation;
}

static void
take_resumed(struct loop *l)
{
	struct exchange *x = atomic_exchange(&l->resumed, NULL);

	while (x) {
		struct exchange *next = x->next;
		x->state = x->wanted;
		l->later--;
		MHD_resume_connection(x->mhd);
		x = next;
	}
}

static void
quiesce(struct loop *l)
{
	if (l->quiesced || !atomic_load(&l->server->quiesce))
		return;
	l->quiesced = true;
	int fd = MHD_quiesce_daemon(l->daemon);
	if (fd != MHD_INVALID_SOCKET)
		close(fd);
}

static bool
finished(struct loop *l)
{
	if (!atomic_load(&l->server->stop))
		return false;
	if (!l->stop_at)
		l->stop_at = l->now + STOP_GRACE_S * TIME_S;
	return l->later == 0 &&
	       (atomic_load(&l->pending) == 0 || l->now >= l->stop_at);
}

static int
wait_for(struct loop *l)
{
	MHD_UNSIGNED_LONG_LONG ms = 0;

	if (MHD_get_timeout(l->daemon, &ms) == MHD_YES && ms < TICK_MS)
		return (int)ms;
	return TICK_MS;
}

static void *
loop_main(void *arg)
{
	struct loop *l = arg;
	struct epoll_event events[2];
	uint64_t count;

	do {
		int n = epoll_wait(l->epoll, events, 2, wait_for(l));
		l->now = clock_monotonic();
		for (int i = 0; i < n; i++)
			if (events[i].data.fd == l->wake)
				(void)!read(l->wake, &count, sizeof(count));
		refresh(l);
		take_resumed(l);
		quiesce(l);
		MHD_run(l->daemon);
		if (l->now >= l->next_reap)
			reap(l);
	} while (!finished(l));
	return NULL;
}

/* --- one loop ------------------------------------------------------- */

/* Paths are decoded by route.c, per segment. */
static size_t
leave_escaped(void *cls, struct MHD_Connection *mhd, char *s)
{
	(void)cls;
	(void)mhd;
	return strlen(s);
}

/* Sessions get their credentials in on_connection(); MHD wants a source for
 * its own, which nobody uses. */
static int
no_certificate(void)
{
	return -1;
}

static struct MHD_Daemon *
start_daemon(struct loop *l, int fd, const struct conf *c)
{
	bool tls = l->settings.tls != NULL;
	struct MHD_OptionItem tls_options[] = {
	    {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
	    {MHD_OPTION_HTTPS_CERT_CALLBACK, 0,
		(void *)(uintptr_t)no_certificate},
	    {MHD_OPTION_END, 0, NULL}};
	struct MHD_OptionItem *extra = tls ? tls_options : tls_options + 2;
	unsigned flags =
	    MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (tls ? MHD_USE_TLS : 0);

	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, l,
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_ARRAY, extra,
	    MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)(c->limits_connections / l->server->nloops + 1),
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT,
	    (size_t)c->limits_connection_memory, MHD_OPTION_CONNECTION_TIMEOUT,
	    0U, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK,
	    leave_escaped, NULL, MHD_OPTION_URI_LOG_CALLBACK, on_target, l,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, l,
	    MHD_OPTION_NOTIFY_CONNECTION, on_connection, l, MHD_OPTION_END);
}

static bool
watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return fd != -1 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static int
mhd_epoll(struct MHD_Daemon *d)
{
	const union MHD_DaemonInfo *i =
	    MHD_get_daemon_info(d, MHD_DAEMON_INFO_EPOLL_FD);

	return i ? i->epoll_fd : -1;
}

bool
loop_start(struct loop *l, int fd, const struct conf *c)
{
	l->daemon = start_daemon(l, fd, c);
	if (!l->daemon) {
		close(fd);
		return false;
	}
	l->running = watch(l->epoll, l->wake) &&
		     watch(l->epoll, mhd_epoll(l->daemon)) &&
		     pthread_create(&l->thread, NULL, loop_main, l) == 0;
	return l->running;
}

bool
loop_init(struct loop *l, struct http_server *s, size_t i)
{
	*l = (struct loop){.server = s,
	    .index = i,
	    .wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	    .epoll = epoll_create1(EPOLL_CLOEXEC),
	    .hasher = hasher_new(),
	    .settings = s->settings,
	    .in_place = MHD_get_version()[0] == '0',
	    .now = clock_monotonic()};
	tls_hold(l->settings.tls);
	return l->wake != -1 && l->epoll != -1 && l->hasher &&
	       rc_ok(random_bytes(l->trace_seed, sizeof(l->trace_seed)));
}

void
loop_free(struct loop *l)
{
	if (l->running)
		pthread_join(l->thread, NULL);
	if (l->daemon)
		MHD_stop_daemon(l->daemon);
	while (l->spare) {
		struct exchange *x = l->spare;
		l->spare = x->next;
		exchange_free(x);
	}
	if (l->wake != -1)
		close(l->wake);
	if (l->epoll != -1)
		close(l->epoll);
	hasher_free(l->hasher);
	tls_drop(l->settings.tls);
}

struct span
http_header(const struct http_request *q, const char *name)
{
	const struct exchange *x = (const struct exchange *)(const void *)q;
	const char *value = NULL;
	size_t n = 0;

	if (MHD_lookup_connection_value_n(x->mhd, MHD_HEADER_KIND, name,
		strlen(name), &value, &n) != MHD_YES)
		return span_of(NULL, 0);
	return span_of(value ? value : "", n);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, reloading and stopping a server of loops. */
#include "intake/exchange.h"
#include "intake/listen.h"

#include <stdlib.h>
#include <unistd.h>

/* --- settings ------------------------------------------------------------- */

static struct settings
settings_of(const struct conf *c)
{
	return (struct settings){
	    .body_max = {[BODY_JSON] = c->limits_json,
		[BODY_EVIDENCE] = c->limits_evidence,
		[BODY_POLICY] = c->limits_policy,
		[BODY_REFSET] = c->limits_refset},
	    .spool = c->limits_spool,
	    .header_timeout = c->limits_header_timeout,
	    .body_timeout = c->limits_body_timeout,
	    .idle_timeout = c->limits_idle_timeout,
	    .client_require = c->tls_client_require,
	};
}

static struct limits
limits_of(const struct conf *c)
{
	return (struct limits){c->limits_source_connections,
	    c->limits_source_requests, c->limits_source_failures};
}

/* --- start and stop ------------------------------------------------------- */

/* The admin listener and the others never share a kind of route. */
static rc
check_routes(const struct http_options *o, struct err *e)
{
	TRY(route_check(o->routes, o->nroutes, e));
	for (size_t i = 0; i < o->nroutes; i++) {
		enum auth_class cls = o->routes[i].auth;
		bool admin = cls == AUTH_ADMIN_SOCKET;
		if (o->admin ? !admin && cls != AUTH_NONE : admin)
			return err_at(e, ERR_INTERNAL,
			    "The route is on the wrong listener.", "%s",
			    o->routes[i].pattern);
	}
	if (o->admin && strncmp(o->listen, "unix:/", 6) != 0)
		return err_at(e, ERR_CONFIG,
		    "The admin listener must be a unix socket.",
		    "admin.socket");
	return RC_OK;
}

static rc
load_tls(const struct http_options *o, const struct conf *c, struct tls **out,
    struct err *e)
{
	struct tls_files files = {
	    c->tls_certificate, c->tls_key, c->tls_client_ca};

	*out = NULL;
	return o->admin || c->tls_mode == TLS_OFF ? RC_OK
						  : tls_load(&files, out, e);
}

static struct http_server *
server_new(const struct http_options *o, const struct conf *c)
{
	struct http_server *s = calloc(1, sizeof(*s));
	struct limits limits = limits_of(c);

	if (!s || pthread_mutex_init(&s->lock, NULL) != 0) {
		free(s);
		return NULL;
	}
	s->options = *o;
	s->nloops = o->loops ? o->loops : 1;
	s->listen = strdup(o->listen);
	s->spool_folder = strdup(c->limits_spool_folder);
	s->limiter = limiter_new(&limits);
	s->loops = calloc(s->nloops, sizeof(*s->loops));
	s->settings = settings_of(c);
	for (size_t i = 0; s->loops && i < s->nloops; i++)
		s->loops[i] = (struct loop){.wake = -1, .epoll = -1};
	if (s->listen && s->spool_folder && s->limiter && s->loops)
		return s;
	http_stop(s);
	return NULL;
}

static rc
start_loops(struct http_server *s, const struct conf *c, struct err *e)
{
	int *fds = calloc(s->nloops, sizeof(*fds));
	rc r = {ERR_MEMORY};

	if (!fds)
		return err_at(e, ERR_MEMORY, NULL, "http");
	for (size_t i = 0; i < s->nloops; i++)
		if (!loop_init(&s->loops[i], s, i))
			goto out;
	r = listen_open(s->listen, s->nloops, fds, &s->port, e);
	if (!rc_ok(r))
		goto out;
	s->listening = true;
	for (size_t i = 0; i < s->nloops; i++)
		if (!rc_ok(r))
			close(fds[i]);
		else if (!loop_start(&s->loops[i], fds[i], c))
			r = err_at(e, ERR_INTERNAL,
			    "A server loop did not start.", "http");
out:
	free(fds);
	return r.code == ERR_MEMORY ? err_at(e, r.code, NULL, "http") : r;
}

rc
http_start(const struct http_options *o, const struct conf *c,
    struct http_server **out, struct err *e)
{
	struct tls *tls = NULL;

	TRY(check_routes(o, e));
	TRY(load_tls(o, c, &tls, e));
	struct http_server *s = server_new(o, c);
	if (!s) {
		tls_drop(tls);
		return err_at(e, ERR_MEMORY, NULL, "http");
	}
	s->settings.tls = tls;
	rc r = start_loops(s, c, e);
	if (!rc_ok(r)) {
		http_stop(s);
		return r;
	}
	*out = s;
	return RC_OK;
}

rc
http_reload(struct http_server *s, const struct conf *c, struct err *e)
{
	struct settings next = settings_of(c);
	struct limits limits = limits_of(c);

	if (s->settings.tls)
		TRY(load_tls(&s->options, c, &next.tls, e));
	pthread_mutex_lock(&s->lock);
	struct tls *old = s->settings.tls;
	s->settings = next;
	pthread_mutex_unlock(&s->lock);
	limiter_set(s->limiter, &limits);
	atomic_fetch_add(&s->generation, 1);
	for (size_t i = 0; i < s->nloops; i++)
		loop_wake(&s->loops[i]);
	tls_drop(old);
	return RC_OK;
}

unsigned
http_port(const struct http_server *s)
{
	return s->port;
}

size_t
http_connections(const struct http_server *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nloops; i++)
		n += atomic_load(&s->loops[i].open);
	return n;
}

size_t
http_pending(const struct http_server *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nloops; i++)
		n += atomic_load(&s->loops[i].pending);
	return n;
}

void
http_quiesce(struct http_server *s)
{
	atomic_store(&s->quiesce, true);
	for (size_t i = 0; i < s->nloops; i++)
		loop_wake(&s->loops[i]);
}

void
http_stop(struct http_server *s)
{
	if (!s)
		return;
	atomic_store(&s->stop, true);
	if (s->loops) {
		http_quiesce(s);
		for (size_t i = 0; i < s->nloops; i++)
			loop_free(&s->loops[i]);
	}
	if (s->listening)
		listen_forget(s->listen);
	limiter_free(s->limiter);
	tls_drop(s->settings.tls);
	pthread_mutex_destroy(&s->lock);
	free(s->loops);
	free(s->listen);
	free(s->spool_folder);
	free(s);
}

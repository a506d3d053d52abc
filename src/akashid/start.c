/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, reloading and stopping a server; main.c has only the process. The
 * bench runs a server inside its own process through this. */
#include "akashid/start.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CACHE_NODES = 1 << 17 };

/* --- hooks
 * ---------------------------------------------------------------------- */

static bool
may(enum role role, enum right right)
{
#define BIT(r) (1u << (r))
	static const unsigned rights[] = {
	    [ROLE_NONE] = 0,
	    [ROLE_VIEWER] = BIT(RIGHT_READ),
	    [ROLE_AUTHOR] =
		BIT(RIGHT_READ) | BIT(RIGHT_AUTHOR) | BIT(RIGHT_SIMULATE),
	    [ROLE_APPROVER] =
		BIT(RIGHT_READ) | BIT(RIGHT_APPROVE) | BIT(RIGHT_SIMULATE),
	    [ROLE_OPERATOR] = BIT(RIGHT_READ) | BIT(RIGHT_NODES) |
			      BIT(RIGHT_AUTHOR) | BIT(RIGHT_APPROVE) |
			      BIT(RIGHT_SIMULATE),
	    [ROLE_ADMIN] = ~0u,
	};
	return (rights[role] & BIT(right)) != 0;
#undef BIT
}

/* Enrolment and node tokens are judged together with what they are for, in
 * their handlers: here only their hash is noted. */
static rc
authenticate(const struct http_request *q, enum auth_class cls,
    const uint8_t sha256[32], struct caller *out, struct err *e)
{
	struct server *s = server_of(q);
	struct principal who;
	struct sha256 hash;

	for (size_t i = 0; i < sizeof(hash.b); i++)
		hash.b[i] = out->token[i] = sha256[i];
	out->cls = cls;
	if (cls == AUTH_ENROL_TOKEN || cls == AUTH_NODE_TOKEN)
		return RC_OK;
	rc r = cls == AUTH_OPERATOR
		   ? s->store->ops->admin_get(s->store, &hash, &who, e)
		   : err_at(e, ERR_AUTH_INVALID, NULL, "%s", "");
	TRY(r);
	out->tenant = who.tenant;
	out->id = who.id;
	snprintf(out->name, sizeof(out->name), "%s", who.name);
	snprintf(out->maker, sizeof(out->maker), "%s", who.maker);
	return may(who.role, (enum right)q->route->right)
		   ? RC_OK
		   : err_text(e, ERR_AUTH_FORBIDDEN, "",
			 "This is not for the role %s.", role_name(who.role));
}

static bool
auth_failed(enum err_code code)
{
	return code == ERR_AUTH_INVALID || code == ERR_NODE_TOKEN ||
	       code == ERR_ENROL_TOKEN;
}

static void
done(const struct http_request *q, bool sent)
{
	/* A request that matched no row is counted under "none". */
	size_t route =
	    q->route ? (size_t)(q->route - api_routes) : api_routes_n;

	(void)sent;
	if (auth_failed(q->answer.code))
		metrics_add(slot_of(q), METRIC_AUTH_FAILURES, 1);
	metrics_request(slot_of(q), route, q->method == HTTP_POST,
	    q->answer.status, clock_monotonic() - q->started);
}

static void
cut(void *ctx, size_t loop, enum http_cut why, const char *source)
{
	static const enum metric_cut reasons[] = {
	    [HTTP_CUT_HEADERS] = METRIC_CUT_HEADERS,
	    [HTTP_CUT_BODY] = METRIC_CUT_BODY,
	    [HTTP_CUT_IDLE] = METRIC_CUT_IDLE,
	    [HTTP_CUT_ANSWER] = METRIC_CUT_ANSWER,
	    [HTTP_CUT_SOURCE] = METRIC_CUT_SOURCE,
	};
	struct server *s = ctx;

	(void)source;
	metrics_cut(metrics_slot(s->metrics, loop), reasons[why]);
}

/* --- start
 * ------------------------------------------------------------------------ */

static void
name_instance(struct server *s, const struct conf *c)
{
	if (*c->instance_name)
		snprintf(
		    s->instance, sizeof(s->instance), "%s", c->instance_name);
	else if (gethostname(s->instance, sizeof(s->instance)) != 0)
		snprintf(s->instance, sizeof(s->instance), "akashid");
	s->instance[sizeof(s->instance) - 1] = '\0';
}

static rc
start_metrics(struct server *s, struct err *e)
{
	const char **names = calloc(api_routes_n, sizeof(*names));

	if (!names)
		return err_at(e, ERR_MEMORY, NULL, "metrics");
	for (size_t i = 0; i < api_routes_n; i++)
		names[i] = api_routes[i].name;
	s->route_names = names;
	struct metrics_setup setup = {
	    /* loops, the committer, the admin loop */
	    .threads = s->loops + 2,
	    .routes = names,
	    .nroutes = api_routes_n,
	    .version = PACKAGE_VERSION,
	    .openssl = hash_library(),
	    .mhd = "libmicrohttpd",
	};
	s->metrics = metrics_new(&setup);
	return s->metrics ? RC_OK : err_at(e, ERR_MEMORY, NULL, "metrics");
}

/* A number of threads; 0: one per processor. */
static size_t
threads_of(uint64_t n)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	return n ? (size_t)n : processors > 0 ? (size_t)processors : 1;
}

static size_t
simulators(const struct conf *c)
{
	size_t n = threads_of(c->simulate_threads);

	return n < SIMULATORS_MAX ? n : SIMULATORS_MAX;
}

/* A simulation never takes a connection from those who attest. */
static rc
start_store(struct server *s, const struct conf *c, struct err *e)
{
	struct store_pg_options o = {
	    .conninfo = c->database_conninfo,
	    .connections = (unsigned)(c->database_connections + simulators(c)),
	    .timeout = 10 * TIME_S,
	};

	s->cache = node_cache_new(CACHE_NODES);
	s->commit_hasher = hasher_new();
	s->refsets = refset_cache_new();
	if (!s->cache || !s->commit_hasher || !s->refsets)
		return err_at(e, ERR_MEMORY, NULL, "cache");
	if (s->store) /* the caller brought one */
		return RC_OK;
	return store_pg_open(&o, &s->store, e);
}

static rc
start_listeners(struct server *s, const struct conf *c, struct err *e)
{
	struct http_options api = {
	    .listen = c->listen,
	    .loops = s->loops,
	    .routes = api_routes,
	    .nroutes = api_routes_n,
	    .hooks = {s, authenticate, done, cut},
	};
	snprintf(s->admin_listen, sizeof(s->admin_listen), "unix:%s",
	    c->admin_socket);
	struct http_options admin = {
	    .listen = s->admin_listen,
	    .admin = true,
	    .loops = 1,
	    .routes = admin_routes,
	    .nroutes = admin_routes_n,
	    .hooks = {.ctx = s},
	};

	TRY(http_start(&api, c, &s->api, e));
	return *c->admin_socket ? http_start(&admin, c, &s->admin, e) : RC_OK;
}

static rc
start_all(struct server *s, struct err *e)
{
	const struct conf *c = conf_take(s->conf);

	s->log.level = (enum log_level)c->log_level;
	s->loops = threads_of(c->threads);
	name_instance(s, c);
	rc r = start_metrics(s, e);
	if (rc_ok(r))
		r = start_store(s, c, e);
	if (rc_ok(r))
		r = committer_start(s, e);
	if (rc_ok(r))
		r = simulator_start(s, simulators(c), e);
	if (rc_ok(r))
		r = keeper_start(s, e);
	if (rc_ok(r))
		r = start_listeners(s, c, e);
	conf_drop(s->conf, c);
	return r;
}

rc
server_start(
    struct conf *c, struct store *store, struct server **out, struct err *e)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		return err_at(e, ERR_MEMORY, NULL, "server");
	s->log = (struct logger){STDERR_FILENO, LOG_INFO};
	s->clock = clock_system();
	s->store = store;
	pthread_mutex_init(&s->snapshot_lock, NULL);
	s->conf = conf_box_new(c);
	if (!s->conf) {
		free(s);
		return err_at(e, ERR_MEMORY, NULL, "server");
	}
	rc r = start_all(s, e);
	if (!rc_ok(r)) {
		server_stop(s);
		return r;
	}
	*out = s;
	return RC_OK;
}

rc
server_reload(struct server *s, struct conf *c, struct err *e)
{
	const struct conf *old = conf_take(s->conf);
	const char *key;

	for (size_t i = 0; (key = conf_restart_needed(old, c, i)); i++)
		log_note(&s->log, LOG_WARN, "reload", NULL,
		    "%s changes only at a restart", key);
	conf_drop(s->conf, old);
	enum log_level level = (enum log_level)c->log_level;
	rc r = http_reload(s->api, c, e);
	if (rc_ok(r))
		r = conf_swap(s->conf, c);
	if (!rc_ok(r)) {
		conf_free(c);
		metrics_gauge(s->metrics, METRIC_CONFIG_RELOAD_OK, 0);
		return r;
	}
	s->log.level = level;
	r = keeper_refresh(s, true, e);
	metrics_gauge(s->metrics, METRIC_CONFIG_RELOAD_OK, rc_ok(r));
	return r;
}

void
server_drain(struct server *s)
{
	atomic_store(&s->draining, true);
	http_quiesce(s->api);
}

/* The listeners go first; the committer must live while requests wait. */
void
server_stop(struct server *s)
{
	if (!s)
		return;
	http_stop(s->api);
	http_stop(s->admin);
	simulator_stop(s);
	committer_stop(s);
	keeper_stop(s);
	node_cache_free(s->cache);
	if (s->store)
		s->store->ops->close(s->store);
	hasher_free(s->commit_hasher);
	refset_cache_free(s->refsets);
	metrics_free(s->metrics);
	free(s->route_names);
	conf_box_free(s->conf);
	pthread_mutex_destroy(&s->snapshot_lock);
	free(s);
}

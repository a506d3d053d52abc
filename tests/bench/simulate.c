/* SPDX-License-Identifier: Apache-2.0 */
/*
 * simulate: recorded attestations judged again per second, as `akashi policy
 * simulate` asks for it (over HTTP, a page at a time, four streams), with
 * server, database and client on the same processors. The fleet is generated:
 * every attestation is another (simulate_fleet.h). `ratio` is the CPU time of
 * the appraisals alone, as measured when they were recorded, over that of
 * server, client and database together.
 *
 * BENCH_SIMULATE says how many (2,000); then the same once more while nodes
 * attest, whose latency is printed with and without it.
 */
#include "bench/bench.h"

#include "bench/cpu.h"
#include "bench/load.h"
#include "bench/simulate_fleet.h"
#include "client/https.h"
#include "record/migrate.h"
#include "record/pg.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	STREAMS = 4,
	USUAL = 2000,
	LIVE = 64, /* nodes that attest meanwhile */
	LANES = 4,
	ROUNDS = 20,
	DATABASE = 40,
};

struct stream {
	struct bench *b;
	size_t share;
	pthread_t thread;
	struct err e;
	rc result;
};

struct bench {
	struct arena arena;
	struct server *server;
	struct fleet *live;
	struct fleet_made made;
	char token[TOKEN_TEXT], database[DATABASE];
	char url[60];
	atomic_ulong attestations, failing;
};

static rc
fault(struct err *e, const char *what)
{
	return err_text(e, ERR_INTERNAL, "bench.simulate", "%s", what);
}

static const char *
conninfo(struct bench *b, const char *role, const char *database)
{
	const char *text = arena_printf(&b->arena, "host=%s user=%s dbname=%s",
	    getenv("BENCH_PG"), role, database);

	return text ? text : "";
}

/* --- server and database -----------------------------------------------------
 */

/* A database of its own, so that the row can run beside others. */
static rc
make_database(struct bench *b, struct err *e)
{
	struct pg *pg =
	    pg_new(conninfo(b, "postgres", "postgres"), 60 * TIME_S);
	const char *sql;

	if (!pg)
		return fault(e, "No memory.");
	snprintf(
	    b->database, sizeof(b->database), "simulate_%d", (int)getpid());
	sql = arena_printf(
	    &b->arena, "CREATE DATABASE %s OWNER akashi_owner", b->database);
	rc r = pg_connect(pg, NULL, e);
	if (rc_ok(r))
		r = pg_script(pg, sql, e);
	pg_free(pg);
	TRY(r);
	return migrate(
	    conninfo(b, "akashi_owner", b->database), false, NULL, NULL, e);
}

static rc
start(struct bench *b, struct err *e)
{
	char text[][120] = {"AKASHID_LISTEN=127.0.0.1:0",
	    "AKASHID_TLS_MODE=off",
	    "AKASHID_ADMIN_SOCKET=", "AKASHID_LOG_LEVEL=error",
	    "AKASHID_ATTEST_PCRS=sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"};
	enum { SETTINGS = sizeof(text) / sizeof(text[0]) };
	char database[400];
	char *env[SETTINGS + 2] = {database};
	struct conf *c;

	snprintf(database, sizeof(database), "AKASHID_DATABASE_CONNINFO=%s",
	    conninfo(b, "akashi_app", b->database));
	for (size_t i = 0; i < SETTINGS; i++)
		env[i + 1] = text[i];
	TRY(conf_load(NULL, env, &c, e));
	TRY(server_start(c, NULL, &b->server, e));
	if (!atomic_load(&b->server->store_ready))
		return fault(e, b->server->store_problem);
	snprintf(b->url, sizeof(b->url), "http://127.0.0.1:%u",
	    http_port(b->server->api));
	return RC_OK;
}

static rc
make_operator(struct bench *b, struct err *e)
{
	struct store *st = b->server->store;
	struct actor by = {
	    fleet_admin(b->live), NULL, clock_now(&b->server->clock)};
	struct principal who = {.tenant = by.who->tenant,
	    .role = ROLE_AUTHOR,
	    .name = "author",
	    .created = by.now};
	struct hasher *h = hasher_new();
	struct sha256 hash;
	rc r = h ? token_make("akad_", h, b->token, &hash)
		 : err_at(e, ERR_MEMORY, NULL, "%s", "");

	hasher_free(h);
	TRY(r);
	TRY(uuid_v7(by.now, &who.id));
	return st->ops->admin_put(st, &by, &hash, &who, e);
}

static rc
prepare(struct bench *b, struct err *e)
{
	const char *n = getenv("BENCH_SIMULATE");

	if (!getenv("BENCH_PG"))
		return fault(e, "BENCH_PG is not set: run ./dev bench.");
	TRY(make_database(b, e));
	TRY(start(b, e));
	TRY(fleet_new(b->server, LIVE, &b->live, e));
	TRY(make_operator(b, e));
	return simulate_fleet(b->server, fleet_admin(b->live),
	    conninfo(b, "postgres", b->database),
	    n ? strtoul(n, NULL, 10) : USUAL, &b->arena, &b->made, e);
}

/* --- a simulation -----------------------------------------------------------
 */

static void
count(struct bench *b, const json_t *page)
{
	const json_t *g;
	size_t i;

	json_array_foreach(json_object_get(page, "groups"), i, g)
	{
		const char *to =
		    json_string_value(json_object_get(g, "candidate"));
		unsigned long n = (unsigned long)json_integer_value(
		    json_object_get(g, "attestations"));
		atomic_fetch_add(&b->attestations, n);
		if (to && strcmp(to, "fail") == 0)
			atomic_fetch_add(&b->failing, n);
	}
}

static rc
page(struct stream *s, struct https *h, json_t **cursor, struct err *e)
{
	struct bench *b = s->b;
	struct https_reply reply = {0};
	struct buf body = {0};
	JSON_AUTO doc = NULL;

	buf_puts(&body, "{\"candidate\":");
	buf_put(&body, b->made.strict.p, b->made.strict.n);
	buf_printf(&body,
	    ",\"since\":\"2020-01-01T00:00:00Z\",\"share\":%zu,\"shares\":%d",
	    s->share, STREAMS);
	if (*cursor)
		buf_printf(
		    &body, ",\"cursor\":\"%s\"", json_string_value(*cursor));
	buf_puts(&body, "}");
	const struct https_request q = {.method = "POST",
	    .path = "/v1/simulations",
	    .token = b->token,
	    .content_type = "application/json",
	    .body = buf_span(&body)};
	rc r = https_send(h, &q, &reply, e);
	buf_free(&body);
	TRY(r);
	r = https_check(&reply, e);
	if (rc_ok(r))
		r = json_decode(
		    buf_span(&reply.body), HTTPS_REPLY_MAX, &doc, e);
	https_reply_free(&reply);
	TRY(r);
	count(b, doc);
	json_free(*cursor);
	json_t *next = json_object_get(doc, "next");
	*cursor = json_is_string(next) ? json_incref(next) : NULL;
	return RC_OK;
}

static void *
run_stream(void *arg)
{
	struct stream *s = arg;
	const struct https_options o = {
	    .base_url = s->b->url, .insecure_http = true};
	struct https *h = NULL;
	json_t *cursor = NULL;

	s->result = https_new(&o, &h, &s->e);
	if (rc_ok(s->result))
		do
			s->result = page(s, h, &cursor, &s->e);
		while (rc_ok(s->result) && cursor);
	json_free(cursor);
	https_free(h);
	return NULL;
}

struct figures {
	double rate, server, database; /* 1/s; CPU microseconds each */
};

static rc
simulate(struct bench *b, struct figures *out, struct err *e)
{
	struct stream s[STREAMS];
	size_t n = 0;
	rc r = RC_OK;

	atomic_store(&b->attestations, 0);
	atomic_store(&b->failing, 0);
	int64_t wall = clock_monotonic(), own = cpu_own(), pg = cpu_postgres();
	for (; n < STREAMS; n++) {
		s[n] = (struct stream){.b = b, .share = n};
		if (pthread_create(&s[n].thread, NULL, run_stream, &s[n]) != 0)
			break;
	}
	for (size_t i = 0; i < n; i++) {
		pthread_join(s[i].thread, NULL);
		if (!rc_ok(s[i].result) && rc_ok(r)) {
			*e = s[i].e;
			r = s[i].result;
		}
	}
	TRY(r);
	double each = (double)atomic_load(&b->attestations);
	out->rate = each * TIME_S / (double)(clock_monotonic() - wall);
	out->server = (double)(cpu_own() - own) / each;
	out->database = (double)(cpu_postgres() - pg) / each;
	fprintf(stderr,
	    "simulate: %.0f attestations, %lu would fail, in %.1f s; CPU each: "
	    "server and client %.0f us, database %.0f us, appraisal alone "
	    "%.0f us\n",
	    each, atomic_load(&b->failing), each / out->rate, out->server,
	    out->database, b->made.judged);
	return n == STREAMS && atomic_load(&b->failing) >= b->made.updated
		   ? RC_OK
		   : fault(e, "The updated nodes were not found.");
}

/* --- nodes meanwhile --------------------------------------------------------
 */

/* Fresh requests of every live node; `first` with whole logs. */
static rc
attest(struct bench *b, bool first, size_t rounds, struct load_result *out,
    struct err *e)
{
	struct load_lane lane[LANES];
	struct arena a;
	rc r = RC_OK;

	arena_init(&a, (size_t)1 << 30);
	for (size_t l = 0; l < LANES && rc_ok(r); l++) {
		size_t n = LIVE / LANES * rounds;
		struct span *q = arena_array(&a, n, sizeof(*q));
		for (size_t i = 0; q && i < n && rc_ok(r); i++)
			r = fleet_request(b->live,
			    l * (LIVE / LANES) + i % (LIVE / LANES), first, &a,
			    &q[i], e);
		lane[l] = (struct load_lane){q, q ? n : 0};
	}
	if (rc_ok(r))
		r = load_run(http_port(b->server->api), lane, LANES, out, e);
	arena_free(&a);
	TRY(r);
	return out->refused ? fault(e, out->first) : RC_OK;
}

static rc
latency(struct bench *b, const char *when, struct err *e)
{
	struct load_result r;

	TRY(attest(b, false, ROUNDS, &r, e));
	fprintf(stderr,
	    "simulate: nodes attest %s: %.0f/s, p50 %.1f ms, p99 %.1f ms\n",
	    when, (double)r.answers * TIME_S / (double)r.wall,
	    (double)r.p50 / 1000, (double)r.p99 / 1000);
	return RC_OK;
}

struct beside {
	struct bench *b;
	struct figures f;
	struct err e;
	rc result;
	atomic_bool over;
};

static void *
run_beside(void *arg)
{
	struct beside *s = arg;

	s->result = simulate(s->b, &s->f, &s->e);
	atomic_store(&s->over, true);
	return NULL;
}

static rc
together(struct bench *b, struct err *e)
{
	struct beside s = {.b = b};
	struct load_result r;
	pthread_t thread;

	TRY(attest(b, true, 1, &r, e));
	TRY(latency(b, "alone", e));
	if (pthread_create(&thread, NULL, run_beside, &s) != 0)
		return fault(e, "No thread.");
	rc rv = RC_OK;
	do
		rv = latency(b, "beside it", e);
	while (rc_ok(rv) && !atomic_load(&s.over));
	pthread_join(thread, NULL);
	TRY(rv);
	if (!rc_ok(s.result))
		*e = s.e;
	return s.result;
}

/* --- the row ----------------------------------------------------------------
 */

static rc
measure(struct bench *b, struct measured *out, struct err *e)
{
	struct figures f;

	TRY(prepare(b, e));
	TRY(simulate(b, &f, e));
	out->value = f.rate;
	out->ratio = b->made.judged / (f.server + f.database);
	out->bare = out->value / out->ratio;
	return together(b, e);
}

static rc
run(struct measured *out, struct err *e)
{
	static struct bench b;

	b = (struct bench){.token = ""};
	arena_init(&b.arena, (size_t)1 << 30);
	rc r = measure(&b, out, e);
	fleet_free(b.live);
	server_stop(b.server);
	arena_free(&b.arena);
	return r;
}

const struct bench_row row_simulate = {
    .name = "simulate",
    .unit = "1/s",
    .what = "recorded attestations judged again by another policy, over HTTP",
    .rule = VALUE_AT_LEAST,
    .target = 1667, /* 100,000 in a minute */
    .run = run,
};

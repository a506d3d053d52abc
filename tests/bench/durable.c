/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attest_durable: attestations per second over HTTP keep-alive, every verdict
 * committed by PostgreSQL before it is answered; server, database and load
 * generator on the same processors. Boot log by reference, no new IMA entries:
 * the steady state. Challenges are issued and quotes signed before the window.
 *
 * Beside it, in CPU time per attestation, the sum of its floors measured in
 * the same run: one signature check (RSA-2048 and P-256 in equal parts), one
 * HTTP exchange of the same size, one durable row in batches of the same size.
 * `ratio` is that sum over ours; the load generator's own time is in neither.
 *
 * BENCH_PG is the folder of a private cluster (tests/lib/pg.sh).
 */
#include "bench/bench.h"

#include "bench/cpu.h"
#include "bench/fleet.h"
#include "bench/load.h"

#include <stdio.h>
#include <stdlib.h>

enum { NODES = 512, LANES = 128, ROUNDS = 12, RUNS = 5, BATCH = 64 };

struct durable {
	struct server *server;
	struct fleet *fleet;
	struct arena arena;
	struct load_lane lane[LANES];
	double verify; /* floor: one bare signature check, microseconds */
	double rate[RUNS], ours[RUNS], floor[RUNS];
};

static rc
fault(struct err *e, const char *what)
{
	return err_text(e, ERR_INTERNAL, "bench.durable", "%s", what);
}

/* --- the server and its fleet
 * -------------------------------------------------------- */

static rc
start(struct durable *b, struct err *e)
{
	char text[][120] = {"AKASHID_LISTEN=127.0.0.1:0",
	    "AKASHID_TLS_MODE=off",
	    "AKASHID_ADMIN_SOCKET=", "AKASHID_LOG_LEVEL=error",
	    "AKASHID_LIMITS_CONNECTION_MEMORY=32KiB",
	    "AKASHID_ATTEST_PCRS=sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"};
	enum { SETTINGS = sizeof(text) / sizeof(text[0]) };
	char conninfo[300];
	char *env[SETTINGS + 2] = {conninfo};
	struct conf *c;

	if (!getenv("BENCH_PG"))
		return fault(e, "BENCH_PG is not set: run ./dev bench.");
	snprintf(conninfo, sizeof(conninfo),
	    "AKASHID_DATABASE_CONNINFO=host=%s user=akashi_app dbname=akashi",
	    getenv("BENCH_PG"));
	for (size_t i = 0; i < SETTINGS; i++)
		env[i + 1] = text[i];
	TRY(conf_load(NULL, env, &c, e));
	TRY(server_start(c, NULL, &b->server, e));
	if (!atomic_load(&b->server->store_ready))
		return fault(e, b->server->store_problem);
	return fleet_new(b->server, NODES, &b->fleet, e);
}

/* Fresh requests for every node, dealt to the lanes so that two requests of a
 * node are never under way together. */
static rc
deal(struct durable *b, bool first, size_t rounds, struct err *e)
{
	size_t per_lane = NODES / LANES;

	arena_reset(&b->arena);
	for (size_t l = 0; l < LANES; l++) {
		struct span *q =
		    arena_array(&b->arena, per_lane * rounds, sizeof(*q));
		if (!q)
			return fault(e, "No memory.");
		for (size_t i = 0; i < per_lane * rounds; i++)
			TRY(fleet_request(b->fleet, l * per_lane + i % per_lane,
			    first, &b->arena, &q[i], e));
		b->lane[l] = (struct load_lane){q, per_lane * rounds};
	}
	return RC_OK;
}

static rc
all_answered(const struct load_result *r, struct err *e)
{
	if (r->refused == 0)
		return RC_OK;
	fprintf(stderr, "%llu of %llu were refused; the first:\n%s\n",
	    (unsigned long long)r->refused,
	    (unsigned long long)(r->answers + r->refused), r->first);
	return fault(e, "Evidence was refused.");
}

/* --- floors
 * ---------------------------------------------------------------------------
 */

/* One durable row, in batches: inserts of the narrowest kind that we have. */
static rc
floor_row(struct durable *b, double *us, struct err *e)
{
	struct security_event rows[BATCH] = {0};
	struct store *st = b->server->store;
	enum { BATCHES = 40 };

	for (size_t i = 0; i < BATCH; i++)
		rows[i] = (struct security_event){
		    .code = ERR_QUOTE_NONCE, .at = TIME_S};
	int64_t cpu = cpu_own() + cpu_postgres();
	for (int i = 0; i < BATCHES; i++)
		TRY(st->ops->security_put(st, rows, BATCH, e));
	*us = (double)(cpu_own() + cpu_postgres() - cpu) / (BATCHES * BATCH);
	return RC_OK;
}

/* One HTTP exchange: a request of about the same length that is answered at
 * once (with 404). */
static rc
floor_http(struct durable *b, double *us, struct err *e)
{
	enum { EACH = 40 };
	char text[1400];
	struct span q[EACH];
	struct load_lane lanes[LANES];
	struct load_result r;

	snprintf(text, sizeof(text),
	    "GET /openapi HTTP/1.1\r\nHost: localhost\r\nX-Fill: %01200d\r\n"
	    "\r\n",
	    0);
	for (size_t i = 0; i < EACH; i++)
		q[i] = span_str(text);
	for (size_t i = 0; i < LANES; i++)
		lanes[i] = (struct load_lane){q, EACH};
	int64_t cpu = cpu_own();
	TRY(load_run(http_port(b->server->api), lanes, LANES, &r, e));
	*us = (double)(cpu_own() - cpu - r.client) / (LANES * EACH);
	return RC_OK;
}

static rc
floors(struct durable *b, double *us, struct err *e)
{
	double row = 0, http = 0;

	TRY(floor_row(b, &row, e));
	TRY(floor_http(b, &http, e));
	*us = row + http + b->verify;
	return RC_OK;
}

/* --- the row
 * -----------------------------------------------------------------------------
 */

static rc
window(struct durable *b, size_t i, struct err *e)
{
	struct load_result r;

	TRY(deal(b, false, ROUNDS, e));
	int64_t own = cpu_own(), pg = cpu_postgres();
	TRY(load_run(http_port(b->server->api), b->lane, LANES, &r, e));
	own = cpu_own() - own - r.client;
	pg = cpu_postgres() - pg;
	TRY(all_answered(&r, e));
	b->rate[i] = (double)r.answers * TIME_S / (double)r.wall;
	b->ours[i] = (double)(own + pg) / (double)r.answers;
	fprintf(stderr,
	    "attest_durable: %.0f/s; CPU each: server %.1f us, database "
	    "%.1f us, client %.1f us; p50 %.1f ms, p99 %.1f ms\n",
	    b->rate[i], (double)own / (double)r.answers,
	    (double)pg / (double)r.answers,
	    (double)r.client / (double)r.answers, (double)r.p50 / 1000,
	    (double)r.p99 / 1000);
	return floors(b, &b->floor[i], e);
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
median(double *v)
{
	qsort(v, RUNS, sizeof(*v), by_value);
	return v[RUNS / 2];
}

static rc
measure(struct durable *b, struct measured *out, struct err *e)
{
	struct load_result r;
	double ratio[RUNS];

	TRY(bench_bare_verify(&b->verify, e));
	TRY(start(b, e));
	TRY(deal(b, true, 1, e));
	TRY(load_run(http_port(b->server->api), b->lane, LANES, &r, e));
	TRY(all_answered(&r, e));
	for (size_t i = 0; i < RUNS; i++) {
		TRY(window(b, i, e));
		ratio[i] = b->floor[i] / b->ours[i];
	}
	out->value = median(b->rate);
	out->ratio = median(ratio);
	out->spread = (ratio[RUNS - 1] - ratio[0]) / out->ratio;
	out->bare = out->value / out->ratio;
	return RC_OK;
}

static rc
run(struct measured *out, struct err *e)
{
	static struct durable b;

	b = (struct durable){0};
	arena_init(&b.arena, (size_t)1 << 30);
	rc r = measure(&b, out, e);
	fleet_free(b.fleet);
	server_stop(b.server);
	arena_free(&b.arena);
	return r;
}

const struct bench_row row_attest_durable = {
    .name = "attest_durable",
    .unit = "1/s",
    .what = "attestations over HTTP, each verdict committed before its answer",
    .rule = VALUE_AT_LEAST,
    .target = 10000,
    .run = run,
};

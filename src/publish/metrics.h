/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters for Prometheus (text format 0.0.4).
 *
 * Each thread counts in a slot of its own, without lock and without a shared
 * cache line; a scrape sums the slots. Labels are closed
 * lists: no node, no tenant, nothing that arrived in a request.
 */
#ifndef AKASHI_PUBLISH_METRICS_H
#define AKASHI_PUBLISH_METRICS_H

#include "base/json.h"

enum metric_count {
	METRIC_CHALLENGES_ISSUED,
	METRIC_REPLAYS_REJECTED,
	METRIC_AUTH_FAILURES,
	METRIC_SECURITY_EVENTS,
	METRIC_ENROLMENTS,
	METRIC_COMMIT_BATCHES,
	METRIC_COUNTS
};

/* akashid_http_connections_cut_total{reason} */
enum metric_cut {
	METRIC_CUT_HEADERS,
	METRIC_CUT_BODY,
	METRIC_CUT_IDLE,
	METRIC_CUT_ANSWER,
	METRIC_CUT_SOURCE,
	METRIC_CUTS
};

/* akashid_verdicts_total{result,reason_class}: result as in
 * appraise/verdict.h, the class of the first reason. */
enum metric_result {
	METRIC_PASS,
	METRIC_WARN,
	METRIC_FAIL,
	METRIC_REJECT,
	METRIC_UNKNOWN,
	METRIC_RESULTS
};

/* akashid_attest_duration_seconds{phase} */
enum metric_phase {
	METRIC_RECEIVE,
	METRIC_LOOKUP,
	METRIC_APPRAISE,
	METRIC_COMMIT,
	METRIC_TOTAL,
	METRIC_PHASES
};

/* akashid_db_errors_total{class} */
enum metric_db {
	METRIC_DB_CONNECTION,
	METRIC_DB_SERIALIZATION,
	METRIC_DB_CONSTRAINT,
	METRIC_DB_TIMEOUT,
	METRIC_DB_OTHER,
	METRIC_DBS
};

/* Set by whoever knows; not per thread. */
enum metric_gauge {
	METRIC_CONFIG_RELOAD_OK, /* akashid_config_last_reload_successful */
	METRIC_CONNECTIONS,	 /* akashid_http_connections */
	METRIC_PENDING,		 /* akashid_http_requests_in_flight */
	METRIC_DB_IDLE,		 /* akashid_db_pool_connections{state} */
	METRIC_DB_BUSY,
	METRIC_DB_DOWN,
	METRIC_NODES_PENDING, /* akashid_nodes{state} */
	METRIC_NODES_ADMITTED,
	METRIC_NODES_RETIRED,
	METRIC_READY, /* akashid_ready */
	METRIC_GAUGES
};

struct metrics;
struct metrics_slot;

struct metrics_setup {
	size_t threads;
	const char *const *routes; /* names, label `route`; must outlive it */
	size_t nroutes;
	const char *version, *openssl, *mhd; /* akashid_build_info */
};

/* NULL without memory. */
struct metrics *metrics_new(const struct metrics_setup *setup);
void metrics_free(struct metrics *m);

/* The slot of thread i < threads. */
struct metrics_slot *metrics_slot(struct metrics *m, size_t i);

void metrics_add(struct metrics_slot *s, enum metric_count which, uint64_t n);
void metrics_cut(struct metrics_slot *s, enum metric_cut why);
void metrics_verdict(
    struct metrics_slot *s, enum metric_result r, enum err_class cls);
/* A verdict without a reason has the class "none". */
void metrics_verdict_clean(struct metrics_slot *s, enum metric_result r);
void metrics_attest(
    struct metrics_slot *s, enum metric_phase phase, int64_t us);
void metrics_db_error(struct metrics_slot *s, enum metric_db cls);
/* route: index into setup.routes, or nroutes where none matched. */
void metrics_request(
    struct metrics_slot *s, size_t route, bool post, int status, int64_t us);

void metrics_gauge(struct metrics *m, enum metric_gauge g, int64_t v);

/* The whole exposition; any thread. */
void metrics_emit(struct metrics *m, struct buf *out);

#endif

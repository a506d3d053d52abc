/* SPDX-License-Identifier: Apache-2.0 */
#include "publish/metrics.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* Upper bounds in microseconds, and as Prometheus reads them. */
static const struct {
	int64_t us;
	const char *le;
} buckets[] = {
    {100, "0.0001"},
    {250, "0.00025"},
    {500, "0.0005"},
    {1000, "0.001"},
    {2500, "0.0025"},
    {5000, "0.005"},
    {10000, "0.01"},
    {25000, "0.025"},
    {50000, "0.05"},
    {100000, "0.1"},
    {250000, "0.25"},
    {500000, "0.5"},
    {1000000, "1"},
    {5000000, "5"},
};

/* Statuses with a line of their own; the last stands for the others. */
static const int codes[] = {
    200, 400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 429, 500, 503, 0};

enum {
	BUCKETS = sizeof(buckets) / sizeof(buckets[0]),
	CODES = sizeof(codes) / sizeof(codes[0]),
	CLASSES = CLS_OURS + 2, /* the last is "none" */
	LINE = 64,		/* bytes of a cache line */
};

struct histogram {
	_Atomic uint64_t bucket[BUCKETS + 1];
	_Atomic uint64_t us; /* the sum */
};

struct route_counts {
	_Atomic uint64_t get[CODES], post[CODES];
	struct histogram duration;
};

struct metrics_slot {
	_Atomic uint64_t count[METRIC_COUNTS];
	_Atomic uint64_t cut[METRIC_CUTS];
	_Atomic uint64_t verdict[METRIC_RESULTS][CLASSES];
	_Atomic uint64_t db[METRIC_DBS];
	struct histogram attest[METRIC_PHASES];
	size_t nroutes;
	struct route_counts route[]; /* nroutes, then one for none */
};

struct metrics {
	struct metrics_setup setup;
	_Atomic int64_t gauge[METRIC_GAUGES];
	struct metrics_slot **slot;
};

/* --- counting ------------------------------------------------------------- */

struct metrics *
metrics_new(const struct metrics_setup *setup)
{
	struct metrics *m = calloc(1, sizeof(*m));
	size_t size = sizeof(struct metrics_slot) +
		      (setup->nroutes + 1) * sizeof(struct route_counts);

	if (!m)
		return NULL;
	m->setup = *setup;
	m->slot = calloc(setup->threads, sizeof(struct metrics_slot *));
	for (size_t i = 0; m->slot && i < setup->threads; i++) {
		size = (size + LINE - 1) / LINE * LINE;
		m->slot[i] = aligned_alloc(LINE, size);
		if (!m->slot[i])
			break;
		memset(m->slot[i], 0, size);
		m->slot[i]->nroutes = setup->nroutes;
		if (i + 1 == setup->threads)
			return m;
	}
	metrics_free(m);
	return NULL;
}

void
metrics_free(struct metrics *m)
{
	if (!m)
		return;
	for (size_t i = 0; m->slot && i < m->setup.threads; i++)
		free(m->slot[i]);
	free(m->slot);
	free(m);
}

struct metrics_slot *
metrics_slot(struct metrics *m, size_t i)
{
	return m->slot[i];
}

/* Nobody else has this cache line, so that it costs nothing to be atomic. */
static void
add(_Atomic uint64_t *to, uint64_t n)
{
	atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

static void
observe(struct histogram *h, int64_t us)
{
	size_t i = 0;

	if (us < 0)
		us = 0;
	while (i < BUCKETS && us > buckets[i].us)
		i++;
	add(&h->bucket[i], 1);
	add(&h->us, (uint64_t)us);
}

void
metrics_add(struct metrics_slot *s, enum metric_count which, uint64_t n)
{
	add(&s->count[which], n);
}

void
metrics_cut(struct metrics_slot *s, enum metric_cut why)
{
	add(&s->cut[why], 1);
}

void
metrics_verdict(
    struct metrics_slot *s, enum metric_result r, enum err_class cls)
{
	add(&s->verdict[r][cls], 1);
}

void
metrics_verdict_clean(struct metrics_slot *s, enum metric_result r)
{
	add(&s->verdict[r][CLASSES - 1], 1);
}

void
metrics_attest(struct metrics_slot *s, enum metric_phase phase, int64_t us)
{
	observe(&s->attest[phase], us);
}

void
metrics_db_error(struct metrics_slot *s, enum metric_db cls)
{
	add(&s->db[cls], 1);
}

static size_t
code_index(int status)
{
	size_t i = 0;

	while (i < CODES - 1 && codes[i] != status)
		i++;
	return i;
}

void
metrics_request(
    struct metrics_slot *s, size_t route, bool post, int status, int64_t us)
{
	struct route_counts *r =
	    &s->route[route < s->nroutes ? route : s->nroutes];

	add(&(post ? r->post : r->get)[code_index(status)], 1);
	observe(&r->duration, us);
}

void
metrics_gauge(struct metrics *m, enum metric_gauge g, int64_t v)
{
	atomic_store(&m->gauge[g], v);
}

/* --- the exposition ------------------------------------------------------- */

/* Sum over the slots of the counter at this distance from a slot's start. */
static uint64_t
sum(const struct metrics *m, size_t offset)
{
	uint64_t n = 0;

	for (size_t i = 0; i < m->setup.threads; i++) {
		const char *slot = (const char *)m->slot[i];
		n += atomic_load_explicit(
		    (const _Atomic uint64_t *)(const void *)(slot + offset),
		    memory_order_relaxed);
	}
	return n;
}

#define AT(field) offsetof(struct metrics_slot, field)

static void
head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP akashid_%s %s\n# TYPE akashid_%s %s\n", name,
	    help, name, type);
}

static void
emit_counts(const struct metrics *m, struct buf *out)
{
	static const struct {
		const char *name, *help;
	} rows[METRIC_COUNTS] = {
	    [METRIC_CHALLENGES_ISSUED] = {"challenges_issued_total",
		"Challenges issued."},
	    [METRIC_REPLAYS_REJECTED] = {"replays_rejected_total",
		"Evidence refused because its challenge was used."},
	    [METRIC_AUTH_FAILURES] = {"auth_failures_total",
		"Requests with a wrong credential."},
	    [METRIC_SECURITY_EVENTS] = {"security_events_total",
		"Submissions without a valid signature or credential."},
	    [METRIC_ENROLMENTS] = {"enrolments_total",
		"Attestation keys activated."},
	    [METRIC_COMMIT_BATCHES] = {"commit_batches_total",
		"Batches of verdicts committed."},
	};
	for (size_t i = 0; i < METRIC_COUNTS; i++) {
		head(out, rows[i].name, "counter", rows[i].help);
		buf_printf(out, "akashid_%s %llu\n", rows[i].name,
		    (unsigned long long)sum(
			m, AT(count) + i * sizeof(uint64_t)));
	}
}

struct family {
	const char *name, *help, *label;
	const char *const *values;
	size_t n;
	size_t offset;
};

static void
emit_family(const struct metrics *m, const struct family *f, struct buf *out)
{
	head(out, f->name, "counter", f->help);
	for (size_t i = 0; i < f->n; i++)
		buf_printf(out, "akashid_%s{%s=\"%s\"} %llu\n", f->name,
		    f->label, f->values[i],
		    (unsigned long long)sum(
			m, f->offset + i * sizeof(uint64_t)));
}

static void
emit_families(const struct metrics *m, struct buf *out)
{
	static const char *const cuts[METRIC_CUTS] = {
	    "headers", "body", "idle", "answer", "source"};
	static const char *const dbs[METRIC_DBS] = {
	    "connection", "serialization", "constraint", "timeout", "other"};
	static const struct family families[] = {
	    {"http_connections_cut_total",
		"Connections cut by a deadline, or not taken.", "reason", cuts,
		METRIC_CUTS, AT(cut)},
	    {"db_errors_total", "Errors of the database.", "class", dbs,
		METRIC_DBS, AT(db)},
	};
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		emit_family(m, &families[i], out);
}

/* A code of each class, which is what its name can be had by. */
static const char *
class_name(size_t cls)
{
	for (int code = 1; code < ERR_COUNT; code++)
		if ((size_t)err_class((enum err_code)code) == cls)
			return err_class_name((enum err_code)code);
	return "none";
}

static void
emit_verdicts(const struct metrics *m, struct buf *out)
{
	static const char *const results[METRIC_RESULTS] = {
	    "pass", "warn", "fail", "reject", "unknown"};

	head(out, "verdicts_total", "counter",
	    "Verdicts by result and class of the first reason.");
	for (size_t r = 0; r < METRIC_RESULTS; r++)
		for (size_t c = 0; c < CLASSES; c++) {
			uint64_t n = sum(m,
			    AT(verdict) + (r * CLASSES + c) * sizeof(uint64_t));
			if (n || c == CLASSES - 1)
				buf_printf(out,
				    "akashid_verdicts_total{result=\"%s\","
				    "reason_class=\"%s\"} %llu\n",
				    results[r], class_name(c),
				    (unsigned long long)n);
		}
}

static void
emit_histogram(const struct metrics *m, const char *name, const char *labels,
    size_t offset, struct buf *out)
{
	uint64_t n = 0;

	for (size_t i = 0; i <= BUCKETS; i++) {
		n += sum(m, offset + i * sizeof(uint64_t));
		buf_printf(out, "akashid_%s_bucket{%s,le=\"%s\"} %llu\n", name,
		    labels, i < BUCKETS ? buckets[i].le : "+Inf",
		    (unsigned long long)n);
	}
	uint64_t us = sum(m, offset + offsetof(struct histogram, us));
	buf_printf(out, "akashid_%s_sum{%s} %llu.%06llu\n", name, labels,
	    (unsigned long long)(us / 1000000),
	    (unsigned long long)(us % 1000000));
	buf_printf(out, "akashid_%s_count{%s} %llu\n", name, labels,
	    (unsigned long long)n);
}

static void
emit_attest(const struct metrics *m, struct buf *out)
{
	static const char *const phases[METRIC_PHASES] = {"phase=\"receive\"",
	    "phase=\"lookup\"", "phase=\"appraise\"", "phase=\"commit\"",
	    "phase=\"total\""};

	head(out, "attest_duration_seconds", "histogram",
	    "Time of one attestation, by phase.");
	for (size_t i = 0; i < METRIC_PHASES; i++)
		emit_histogram(m, "attest_duration_seconds", phases[i],
		    AT(attest) + i * sizeof(struct histogram), out);
}

static const char *
route_name(const struct metrics *m, size_t i)
{
	return i < m->setup.nroutes ? m->setup.routes[i] : "none";
}

static size_t
route_at(size_t i)
{
	return AT(route) + i * sizeof(struct route_counts);
}

static void
emit_codes(const struct metrics *m, const char *route, const char *method,
    size_t offset, struct buf *out)
{
	for (size_t i = 0; i < CODES; i++) {
		uint64_t n = sum(m, offset + i * sizeof(uint64_t));
		char code[16];
		if (n == 0)
			continue;
		snprintf(
		    code, sizeof(code), codes[i] ? "%d" : "other", codes[i]);
		buf_printf(out,
		    "akashid_http_requests_total{route=\"%s\",method=\"%s\","
		    "code=\"%s\"} %llu\n",
		    route, method, code, (unsigned long long)n);
	}
}

static void
emit_routes(const struct metrics *m, struct buf *out)
{
	char label[80];

	head(out, "http_requests_total", "counter", "Requests answered.");
	for (size_t i = 0; i <= m->setup.nroutes; i++) {
		emit_codes(m, route_name(m, i), "GET",
		    route_at(i) + offsetof(struct route_counts, get), out);
		emit_codes(m, route_name(m, i), "POST",
		    route_at(i) + offsetof(struct route_counts, post), out);
	}
	head(out, "http_request_duration_seconds", "histogram",
	    "From complete headers to the answer.");
	for (size_t i = 0; i <= m->setup.nroutes; i++) {
		snprintf(
		    label, sizeof(label), "route=\"%s\"", route_name(m, i));
		emit_histogram(m, "http_request_duration_seconds", label,
		    route_at(i) + offsetof(struct route_counts, duration), out);
	}
}

static void
emit_gauges(const struct metrics *m, struct buf *out)
{
	static const struct {
		const char *name, *label, *help; /* help on the first only */
	} rows[METRIC_GAUGES] = {
	    [METRIC_CONFIG_RELOAD_OK] = {"config_last_reload_successful", "",
		"1 if the configuration was taken when it was last read."},
	    [METRIC_CONNECTIONS] = {"http_connections", "",
		"Open connections."},
	    [METRIC_PENDING] = {"http_requests_in_flight", "",
		"Requests being received or worked on."},
	    [METRIC_DB_IDLE] = {"db_pool_connections", "{state=\"idle\"}",
		"Connections to the database."},
	    [METRIC_DB_BUSY] = {"db_pool_connections", "{state=\"busy\"}",
		NULL},
	    [METRIC_DB_DOWN] = {"db_pool_connections", "{state=\"down\"}",
		NULL},
	    [METRIC_NODES_PENDING] = {"nodes", "{state=\"pending\"}",
		"Enrolled nodes by admission."},
	    [METRIC_NODES_ADMITTED] = {"nodes", "{state=\"admitted\"}", NULL},
	    [METRIC_NODES_RETIRED] = {"nodes", "{state=\"retired\"}", NULL},
	    [METRIC_READY] = {"ready", "", "1 if verdicts can be given."},
	};
	for (size_t i = 0; i < METRIC_GAUGES; i++) {
		if (rows[i].help)
			head(out, rows[i].name, "gauge", rows[i].help);
		buf_printf(out, "akashid_%s%s %lld\n", rows[i].name,
		    rows[i].label, (long long)atomic_load(&m->gauge[i]));
	}
}

void
metrics_emit(struct metrics *m, struct buf *out)
{
	emit_verdicts(m, out);
	emit_counts(m, out);
	emit_families(m, out);
	emit_attest(m, out);
	emit_routes(m, out);
	emit_gauges(m, out);
	head(out, "build_info", "gauge", "What is running.");
	buf_printf(out,
	    "akashid_build_info{version=\"%s\",openssl=\"%s\",mhd=\"%s\"} "
	    "1\n",
	    m->setup.version, m->setup.openssl, m->setup.mhd);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bench.h"

#include "base/json.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* One side of a pair runs at least this long. */
#define WINDOW_US 40000.0

static const struct bench_row *const rows[] = {
    &row_quote_verify,
    &row_boot_replay,
    &row_hostile_log,
    &row_ima_replay,
    &row_ima_million,
    &row_ima_set,
    &row_ima_set_load,
    &row_ima_set_rate,
    &row_attest_memory,
    &row_attest_durable,
    &row_simulate,
    NULL,
};

static double
cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Repetitions that fill a window, from doubling. */
static rc
calibrate(const struct bench_work *w, size_t *out, struct err *e)
{
	for (size_t n = 1;; n *= 2) {
		double from = cpu_us();

		for (size_t i = 0; i < n; i++)
			TRY(w->once(w->ctx, e));
		double took = cpu_us() - from;
		if (took < WINDOW_US / 8)
			continue;
		double reps = WINDOW_US * (double)n / took;
		*out = reps < 1 ? 1 : (size_t)reps;
		return RC_OK;
	}
}

static rc
window(const struct bench_work *w, size_t n, double *us, struct err *e)
{
	double from = cpu_us();

	for (size_t i = 0; i < n; i++)
		TRY(w->once(w->ctx, e));
	*us = (cpu_us() - from) / (double)n;
	return RC_OK;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_size);
	return v[n / 2];
}

rc
bench_pairs(const struct bench_work *ours, const struct bench_work *bare,
    struct measured *out, struct err *e)
{
	double value[BENCH_PAIRS], floor[BENCH_PAIRS], ratio[BENCH_PAIRS];
	size_t reps, bare_reps;

	TRY(calibrate(ours, &reps, e));
	TRY(calibrate(bare, &bare_reps, e));
	for (size_t i = 0; i < BENCH_PAIRS; i++) {
		TRY(window(ours, reps, &value[i], e));
		TRY(window(bare, bare_reps, &floor[i], e));
		ratio[i] = value[i] / floor[i];
	}
	out->value = median(value, BENCH_PAIRS);
	out->bare = median(floor, BENCH_PAIRS);
	out->ratio = median(ratio, BENCH_PAIRS);
	out->spread = (ratio[BENCH_PAIRS - 1] - ratio[0]) / out->ratio;
	return RC_OK;
}

void
bench_per_second(struct measured *m)
{
	m->value = 1e6 / m->value;
	m->bare = 1e6 / m->bare;
	m->ratio = 1 / m->ratio;
}

static bool
met(const struct bench_row *row, const struct measured *m)
{
	switch (row->rule) {
	case RATIO_AT_LEAST:
		return m->ratio >= row->target;
	case RATIO_AT_MOST:
		return m->ratio <= row->target;
	case VALUE_AT_LEAST:
		return m->value >= row->target;
	case VALUE_AT_MOST:
		return m->value <= row->target;
	}
	return false;
}

static void
target_text(const struct bench_row *row, char *out, size_t n)
{
	bool least = row->rule == RATIO_AT_LEAST || row->rule == VALUE_AT_LEAST;
	bool ratio = row->rule == RATIO_AT_LEAST || row->rule == RATIO_AT_MOST;

	snprintf(out, n, "%s %s %g", ratio ? "ratio" : "value",
	    least ? ">=" : "<=", row->target);
}

/* jansson-free numbers: six digits say more than the spread allows. */
static void
put_number(struct jw *w, const char *key, double v)
{
	char text[40];

	snprintf(text, sizeof(text), "%.6g", v);
	jw_key(w, key);
	jw_raw(w, span_str(text));
}

static void
emit_json(struct jw *w, const struct bench_row *row, const struct measured *m)
{
	char target[40];

	target_text(row, target, sizeof(target));
	jw_object(w);
	jw_kstr(w, "row", row->name);
	put_number(w, "value", m->value);
	jw_kstr(w, "unit", row->unit);
	put_number(w, "bare", m->bare);
	put_number(w, "ratio", m->ratio);
	jw_kstr(w, "target", target);
	jw_kbool(w, "met", met(row, m));
	put_number(w, "spread", m->spread);
	jw_object_end(w);
}

static void
emit_line(const struct bench_row *row, const struct measured *m)
{
	char target[40];

	target_text(row, target, sizeof(target));
	printf("%-15s %11.6g %11.6g  %-10s %7.3f  %-14s %-3s %4.0f%%%s\n",
	    row->name, m->value, m->bare, row->unit, m->ratio, target,
	    met(row, m) ? "yes" : "NO", m->spread * 100,
	    m->spread > 0.2 ? " noisy" : "");
}

static bool
chosen(const char *name, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc == 0;
}

static int
usage(void)
{
	fputs("Usage: bench [-o table|json] [ROW]...\n\n", stderr);
	for (size_t i = 0; rows[i]; i++)
		fprintf(stderr, "  %-15s %s\n", rows[i]->name, rows[i]->what);
	return 2;
}

static bool
known(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		bool found = false;

		for (size_t j = 0; rows[j]; j++)
			found = found || strcmp(argv[i], rows[j]->name) == 0;
		if (!found)
			return false;
	}
	return true;
}

static int
run_all(bool json, int argc, char **argv)
{
	struct buf b = {0};
	struct jw w = jw_over(&b);

	jw_object(&w);
	jw_key(&w, "rows");
	jw_array(&w);
	if (!json)
		printf("%-15s %11s %11s  %-10s %7s  %-14s %-3s %s\n", "row",
		    "ours", "bare", "unit", "ratio", "target", "met", "spread");
	for (size_t i = 0; rows[i]; i++) {
		struct measured m = {0};
		struct err e = {0};

		if (!chosen(rows[i]->name, argc, argv))
			continue;
		if (!rc_ok(rows[i]->run(&m, &e))) {
			fprintf(stderr, "bench: %s: %s %s %s\n", rows[i]->name,
			    err_name(e.code), e.path, e.text);
			buf_free(&b);
			return 1;
		}
		if (json)
			emit_json(&w, rows[i], &m);
		else
			emit_line(rows[i], &m);
		fflush(stdout);
	}
	jw_array_end(&w);
	jw_object_end(&w);
	int bad = b.failed || (json && puts(b.p) == EOF);
	buf_free(&b);
	return bad ? 1 : 0;
}

int
main(int argc, char **argv)
{
	bool json = false;
	int c;

	while ((c = getopt(argc, argv, "o:")) != -1) {
		if (c != 'o')
			return usage();
		json = strcmp(optarg, "json") == 0;
		if (!json && strcmp(optarg, "table") != 0)
			return usage();
	}
	argc -= optind;
	argv += optind;
	return known(argc, argv) ? run_all(json, argc, argv) : usage();
}

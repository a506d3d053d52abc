/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of ./dev bench: what we do, beside the bare primitive that it cannot
 * do without, measured in the same run.
 *
 * 1. Absolute figures do not travel between machines; ratios do.
 * 2. A row is the median of interleaved pairs (ours, bare, ours, bare …) of
 *    windows of thread CPU time; its spread is that of the pairs' ratios.
 * 3. A row that cannot be measured fails the program; it is never left out.
 */
#ifndef AKASHI_TESTS_BENCH_H
#define AKASHI_TESTS_BENCH_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/rc.h"

enum { BENCH_PAIRS = 11 };

struct measured {
	double value;  /* ours, in the row's unit */
	double bare;   /* the same in bare primitives; 0: there is none */
	double ratio;  /* value over bare */
	double spread; /* (largest - smallest) / median of the pairs' ratios */
};

/* What `target` is compared with. */
enum bench_rule {
	RATIO_AT_LEAST,
	RATIO_AT_MOST,
	VALUE_AT_LEAST,
	VALUE_AT_MOST,
};

struct bench_row {
	const char *name;
	const char *unit;
	const char *what; /* one line for people */
	enum bench_rule rule;
	double target;
	rc (*run)(struct measured *out, struct err *e);
};

/* The rows, each exported by its file and listed in bench.c. */
extern const struct bench_row row_quote_verify;
extern const struct bench_row row_boot_replay;
extern const struct bench_row row_hostile_log;
extern const struct bench_row row_ima_replay;
extern const struct bench_row row_ima_million;
extern const struct bench_row row_ima_set;
extern const struct bench_row row_ima_set_load;
extern const struct bench_row row_ima_set_rate;
extern const struct bench_row row_attest_memory;
extern const struct bench_row row_attest_durable;
extern const struct bench_row row_simulate;

/* One repetition of a piece of work; a failure ends the row. */
struct bench_work {
	rc (*once)(void *ctx, struct err *e);
	void *ctx;
};

/* Microseconds of thread CPU time per repetition, as medians. */
MUST_USE rc bench_pairs(const struct bench_work *ours,
    const struct bench_work *bare, struct measured *out, struct err *e);

/* CPU microseconds of one bare signature check: the mean of RSA-2048 and
 * P-256. */
MUST_USE rc bench_bare_verify(double *us, struct err *e);

/* Turn a measurement of microseconds into operations per second. */
void bench_per_second(struct measured *m);

#endif

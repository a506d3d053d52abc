/* SPDX-License-Identifier: Apache-2.0 */
/* A load generator for loopback: keep-alive connections, one request at a time
 * on each, one thread. */
#ifndef AKASHI_TESTS_LOAD_H
#define AKASHI_TESTS_LOAD_H

#include "base/clock.h"
#include "base/rc.h"
#include "base/span.h"

/* What one connection sends, in order. */
struct load_lane {
	const struct span *request;
	size_t n;
};

struct load_result {
	uint64_t answers; /* of status 200 */
	uint64_t refused; /* of any other */
	int64_t wall;	  /* microseconds from first byte to last */
	int64_t client;	  /* CPU of this thread */
	int64_t p50, p99; /* of one request */
	char first[400];  /* of the first refusal */
};

/* Send everything to 127.0.0.1:port and read every answer. INTERNAL if a
 * connection fails; a refusal is counted, not an error. */
MUST_USE rc load_run(unsigned port, const struct load_lane *lanes, size_t n,
    struct load_result *out, struct err *e);

#endif

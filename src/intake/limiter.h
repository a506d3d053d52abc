/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quotas per source: open connections, requests without a token, failed
 * authentications. A source is an IPv4 address or an IPv6 /64; a unix socket
 * has none, its proxy has to limit.
 *
 * The table has a fixed size. Sources that find no place in it share one
 * entry, so that running out of places never lifts a limit.
 */
#ifndef AKASHI_INTAKE_LIMITER_H
#define AKASHI_INTAKE_LIMITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct limits {
	uint64_t connections; /* per source */
	uint64_t requests;    /* per second and source; ten times at once */
	uint64_t failures;    /* per second and source; twenty times at once */
};

/* first 8 bytes of an IPv6 address, or an IPv4 address mapped into it */
struct source {
	uint64_t key; /* 0: no source, no limit */
};

struct sockaddr;
struct source source_of(const struct sockaddr *address);

struct limiter;

/* NULL without memory or randomness. */
struct limiter *limiter_new(const struct limits *limits);
void limiter_free(struct limiter *l);
void limiter_set(struct limiter *l, const struct limits *limits);

/* A connection of the source opens at `now` (monotonic microseconds). False:
 * it has too many already, and nothing is counted. *place goes into the other
 * calls until limiter_close(). */
bool limiter_open(
    struct limiter *l, struct source s, int64_t now, size_t *place);
void limiter_close(struct limiter *l, size_t place);

/* May the source send one more request without a token? Counts it. */
bool limiter_request(struct limiter *l, size_t place, int64_t now);

/* May the source try a credential? Lock-free; counts nothing. */
bool limiter_may_try(struct limiter *l, size_t place, int64_t now);
void limiter_failed(struct limiter *l, size_t place, int64_t now);

#endif

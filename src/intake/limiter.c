/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/limiter.h"

#include "base/clock.h"
#include "base/hash.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
	PLACES = 32768, /* a power of two */
	PROBES = 16,
	SHARED = PLACES,	/* for sources that find no place */
	UNLIMITED = PLACES + 1, /* no source */
	REQUEST_BURST = 10,	/* seconds' worth that may come at once */
	FAILURE_BURST = 20,
};

/* A rate is kept as the time at which the source will have used up what it
 * has taken so far (GCRA): one number, nothing to refill. */
struct entry {
	uint64_t key;
	uint64_t connections;
	int64_t requests;
	_Atomic int64_t failures;
};

struct limiter {
	pthread_mutex_t lock;
	_Atomic uint64_t max_connections, max_requests, max_failures;
	uint64_t seed;
	struct entry entry[PLACES + 2];
};

struct source
source_of(const struct sockaddr *address)
{
	struct source s = {0};
	const uint8_t *p = NULL;
	size_t n = 0;

	if (!address)
		return s;
	if (address->sa_family == AF_INET6) {
		p = ((const struct sockaddr_in6 *)(const void *)address)
			->sin6_addr.s6_addr;
		bool mapped = IN6_IS_ADDR_V4MAPPED(
		    &((const struct sockaddr_in6 *)(const void *)address)
			 ->sin6_addr);
		p += mapped ? 12 : 0;
		n = mapped ? 4 : 8;
	} else if (address->sa_family == AF_INET) {
		p = (const uint8_t *)&(
		    (const struct sockaddr_in *)(const void *)address)
			->sin_addr;
		n = 4;
	}
	for (size_t i = 0; i < n; i++)
		s.key = s.key << 8 | p[i];
	/* 0:…/64 is not routable, and no IPv4 address has the mark. */
	if (n == 4)
		s.key |= (uint64_t)1 << 40;
	else if (n)
		s.key |= s.key == 0;
	return s;
}

struct limiter *
limiter_new(const struct limits *limits)
{
	struct limiter *l = calloc(1, sizeof(*l));

	if (!l || pthread_mutex_init(&l->lock, NULL) != 0) {
		free(l);
		return NULL;
	}
	if (!rc_ok(random_bytes(&l->seed, sizeof(l->seed)))) {
		limiter_free(l);
		return NULL;
	}
	limiter_set(l, limits);
	return l;
}

void
limiter_free(struct limiter *l)
{
	if (!l)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

void
limiter_set(struct limiter *l, const struct limits *limits)
{
	atomic_store(&l->max_connections, limits->connections);
	atomic_store(&l->max_requests, limits->requests);
	atomic_store(&l->max_failures, limits->failures);
}

static size_t
first_place(const struct limiter *l, uint64_t key)
{
	uint64_t x = (key ^ l->seed) * 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 29)) * 0xbf58476d1ce4e5b9u;
	return (size_t)(x >> 32) % PLACES;
}

/* Nothing is remembered of this entry that still matters. */
static bool
is_spent(struct entry *e, int64_t now)
{
	return e->connections == 0 && e->requests <= now &&
	       atomic_load(&e->failures) <= now;
}

static size_t
place_of(struct limiter *l, uint64_t key, int64_t now)
{
	size_t start = first_place(l, key), spare = SHARED;

	for (size_t i = 0; i < PROBES; i++) {
		size_t at = (start + i) % PLACES;
		if (l->entry[at].key == key)
			return at;
		if (spare == SHARED && is_spent(&l->entry[at], now))
			spare = at;
	}
	if (spare != SHARED) {
		l->entry[spare].key = key;
		l->entry[spare].requests = 0;
		atomic_store(&l->entry[spare].failures, 0);
	}
	return spare;
}

bool
limiter_open(struct limiter *l, struct source s, int64_t now, size_t *place)
{
	*place = UNLIMITED;
	if (s.key == 0)
		return true;
	pthread_mutex_lock(&l->lock);
	size_t at = place_of(l, s.key, now);
	bool ok = l->entry[at].connections < atomic_load(&l->max_connections);
	l->entry[at].connections += ok;
	pthread_mutex_unlock(&l->lock);
	*place = ok ? at : UNLIMITED;
	return ok;
}

void
limiter_close(struct limiter *l, size_t place)
{
	if (place == UNLIMITED)
		return;
	pthread_mutex_lock(&l->lock);
	l->entry[place].connections--;
	pthread_mutex_unlock(&l->lock);
}

/* Whether one more fits at `now`; *until becomes what it would be then. */
static bool
fits(int64_t *until, int64_t now, uint64_t rate, int64_t burst)
{
	int64_t step = TIME_S / (int64_t)rate;
	int64_t from = *until > now ? *until : now;

	if (from + step - now > burst * TIME_S)
		return false;
	*until = from + step;
	return true;
}

bool
limiter_request(struct limiter *l, size_t place, int64_t now)
{
	if (place == UNLIMITED)
		return true;
	pthread_mutex_lock(&l->lock);
	bool ok = fits(&l->entry[place].requests, now,
	    atomic_load(&l->max_requests), REQUEST_BURST);
	pthread_mutex_unlock(&l->lock);
	return ok;
}

bool
limiter_may_try(struct limiter *l, size_t place, int64_t now)
{
	if (place == UNLIMITED)
		return true;
	int64_t until = atomic_load(&l->entry[place].failures);

	return fits(&until, now, atomic_load(&l->max_failures), FAILURE_BURST);
}

void
limiter_failed(struct limiter *l, size_t place, int64_t now)
{
	if (place == UNLIMITED)
		return;
	pthread_mutex_lock(&l->lock);
	int64_t until = atomic_load(&l->entry[place].failures);
	if (fits(&until, now, atomic_load(&l->max_failures), FAILURE_BURST))
		atomic_store(&l->entry[place].failures, until);
	pthread_mutex_unlock(&l->lock);
}

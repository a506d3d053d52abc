/* SPDX-License-Identifier: Apache-2.0 */
#include "akashid/budget.h"

#include "base/clock.h"
#include "base/hash.h"

#include <stdlib.h>

#define HOUR (3600 * TIME_S)

enum {
	PLACES = 16384,
	PROBES = 16,
	SHARED = PLACES, /* for causes that find no place */
};

/* What was taken is kept as the time at which it will be earned back (as in
 * intake/limiter.c). */
struct place {
	uint64_t key;
	int64_t until;
};

struct budget {
	uint64_t seed;
	struct place place[PLACES + 1];
};

struct budget *
budget_new(void)
{
	struct budget *b = calloc(1, sizeof(*b));

	if (b && rc_ok(random_bytes(&b->seed, sizeof(b->seed))))
		return b;
	free(b);
	return NULL;
}

void
budget_free(struct budget *b)
{
	free(b);
}

/* FNV-1a from a secret start: causes cannot be chosen to collide. */
static uint64_t
key_of(const struct budget *b, struct span cause)
{
	uint64_t h = 0xcbf29ce484222325u ^ b->seed;

	for (size_t i = 0; i < cause.n; i++)
		h = (h ^ cause.p[i]) * 0x100000001b3u;
	h = (h ^ (h >> 32)) * 0x9e3779b97f4a7c15u;
	return h ? h : 1;
}

static struct place *
place_of(struct budget *b, uint64_t key, int64_t now)
{
	struct place *spare = NULL;

	for (size_t i = 0; i < PROBES; i++) {
		struct place *p = &b->place[(key + i) % PLACES];
		if (p->key == key)
			return p;
		if (!spare && p->until <= now)
			spare = p;
	}
	if (!spare)
		return &b->place[SHARED];
	*spare = (struct place){key, now};
	return spare;
}

bool
budget_take(struct budget *b, struct span cause, uint64_t per_hour, int64_t now)
{
	struct place *p = place_of(b, key_of(b, cause), now);
	int64_t step = HOUR / (int64_t)per_hour;
	int64_t from = p->until > now ? p->until : now;

	if (from + step - now > HOUR)
		return false;
	p->until = from + step;
	return true;
}

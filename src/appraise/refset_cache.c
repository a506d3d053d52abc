/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/refset_parts.h"

#include <pthread.h>
#include <stdlib.h>

struct refset_cache {
	pthread_mutex_t lock;
	struct refset **sets;
	size_t n, cap;
};

struct refset_cache *
refset_cache_new(void)
{
	struct refset_cache *c = calloc(1, sizeof(*c));

	if (c && pthread_mutex_init(&c->lock, NULL) == 0)
		return c;
	free(c);
	return NULL;
}

void
refset_cache_free(struct refset_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		refset_unref(c->sets[i]);
	pthread_mutex_destroy(&c->lock);
	free(c->sets);
	free(c);
}

/* A policy names a handful of sets: a list will do. */
static struct refset *
find(const struct refset_cache *c, const uint8_t *hash)
{
	for (size_t i = 0; i < c->n; i++)
		if (memcmp(c->sets[i]->hash, hash, sizeof(c->sets[i]->hash)) ==
		    0)
			return c->sets[i];
	return NULL;
}

struct refset *
refset_cache_get(struct refset_cache *c, const uint8_t *hash)
{
	pthread_mutex_lock(&c->lock);
	struct refset *s = find(c, hash);
	if (s)
		(void)refset_ref(s);
	pthread_mutex_unlock(&c->lock);
	return s;
}

static bool
grow(struct refset_cache *c)
{
	size_t cap = c->cap ? 2 * c->cap : 8;
	struct refset **more =
	    c->n < c->cap ? c->sets : realloc(c->sets, cap * sizeof(*more));

	if (!more)
		return false;
	if (c->n == c->cap)
		c->cap = cap;
	c->sets = more;
	return true;
}

rc
refset_cache_put(struct refset_cache *c, struct refset *s)
{
	rc r = RC_OK;

	pthread_mutex_lock(&c->lock);
	if (!find(c, s->hash)) {
		if (grow(c))
			c->sets[c->n++] = refset_ref(s);
		else
			r = (rc){ERR_MEMORY};
	}
	pthread_mutex_unlock(&c->lock);
	return r;
}

size_t
refset_cache_trim(struct refset_cache *c)
{
	size_t to = 0;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->n; i++) {
		/* Nobody gets a set but through this list, under its lock. */
		if (atomic_load(&c->sets[i]->refs) == 1)
			refset_unref(c->sets[i]);
		else
			c->sets[to++] = c->sets[i];
	}
	c->n = to;
	pthread_mutex_unlock(&c->lock);
	return to;
}

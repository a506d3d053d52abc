/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes in memory.
 *
 * 1. An entry never changes: a new state is a new entry in the same slot.
 * 2. A stale entry costs a retry, never a wrong verdict: the commit compares
 *    the version that was judged with the one in the database.
 * 3. The table has a fixed number of slots; a collision evicts.
 */
#include "akashid/server.h"

#include <stdlib.h>

enum {
	SHARDS = 64,
	/* Boot logs kept beside their nodes; a larger one is read again. */
	BOOT_LOG_MAX = 256 * 1024,
	NODE_ARENA = 1024 * 1024,
};

struct node_cache {
	size_t slots; /* a multiple of SHARDS */
	pthread_mutex_t lock[SHARDS];
	struct cached_node **slot;
};

struct node_cache *
node_cache_new(size_t limit)
{
	struct node_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->slots = (limit / SHARDS + 1) * SHARDS;
	c->slot = calloc(c->slots, sizeof(struct cached_node *));
	if (!c->slot) {
		free(c);
		return NULL;
	}
	for (size_t i = 0; i < SHARDS; i++)
		pthread_mutex_init(&c->lock[i], NULL);
	return c;
}

void
cached_node_drop(struct cached_node *n)
{
	if (!n || atomic_fetch_sub(&n->refs, 1) != 1)
		return;
	key_free(n->ak);
	arena_free(&n->arena);
	free(n);
}

void
node_cache_free(struct node_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->slots; i++)
		cached_node_drop(c->slot[i]);
	for (size_t i = 0; i < SHARDS; i++)
		pthread_mutex_destroy(&c->lock[i]);
	free(c->slot);
	free(c);
}

/* The last bytes of a version 7 UUID are random. */
static size_t
slot_index(const struct node_cache *c, const struct uuid *id)
{
	uint64_t v = 0;

	for (size_t i = 8; i < 16; i++)
		v = v << 8 | id->b[i];
	return (size_t)(v % c->slots);
}

/* Put n (or nothing) into the slot of id; drops what was there. With `only`
 * the slot is left alone unless it holds that very entry. */
static void
replace(struct node_cache *c, const struct uuid *id, struct cached_node *n,
    const struct cached_node *only)
{
	size_t i = slot_index(c, id);
	struct cached_node *old = n;

	pthread_mutex_lock(&c->lock[i % SHARDS]);
	if (!only || c->slot[i] == only) {
		old = c->slot[i];
		c->slot[i] = n;
	}
	pthread_mutex_unlock(&c->lock[i % SHARDS]);
	cached_node_drop(old);
}

static struct cached_node *
lookup(struct node_cache *c, const struct uuid *tenant, const struct uuid *id)
{
	size_t i = slot_index(c, id);
	struct cached_node *n;

	pthread_mutex_lock(&c->lock[i % SHARDS]);
	n = c->slot[i];
	if (n && uuid_eq(&n->node.id, id) && uuid_eq(&n->node.tenant, tenant))
		atomic_fetch_add(&n->refs, 1);
	else
		n = NULL;
	pthread_mutex_unlock(&c->lock[i % SHARDS]);
	return n;
}

static struct cached_node *
node_new(void)
{
	struct cached_node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	atomic_init(&n->refs, 1);
	arena_init(&n->arena, NODE_ARENA);
	return n;
}

/* The enrolled key, ready to verify with. */
static rc
load_key(struct cached_node *n, struct err *e)
{
	const struct identity *id = &n->node.identity;
	struct tpm_public pub;

	TRY(tpm_decode_public(id->ak_public, &n->arena, &pub, e));
	TRY(key_from_public(&pub, &n->ak, e));
	if (id->ak_qualified.n > sizeof(n->ak_qualified.b))
		return err_at(e, ERR_INTERNAL, NULL, "node.ak_qualified");
	n->ak_qualified.n = id->ak_qualified.n;
	for (size_t i = 0; i < id->ak_qualified.n; i++)
		n->ak_qualified.b[i] = id->ak_qualified.p[i];
	return RC_OK;
}

static rc
load_node(struct server *s, const struct uuid *tenant, const struct uuid *id,
    struct cached_node *n, struct err *e)
{
	struct attester *att = &n->node.state.attester;

	TRY(s->store->ops->node_get(
	    s->store, tenant, id, NULL, &n->arena, &n->node, e));
	TRY(load_key(n, e));
	if (sha256_none(&att->boot_log))
		return RC_OK;
	return s->store->ops->blob_get(
	    s->store, tenant, &att->boot_log, &n->arena, &n->boot_log, e);
}

rc
node_cache_get(struct server *s, const struct uuid *tenant,
    const struct uuid *id, struct cached_node **out, struct err *e)
{
	struct cached_node *n = lookup(s->cache, tenant, id);

	if (n) {
		*out = n;
		return RC_OK;
	}
	n = node_new();
	if (!n)
		return err_at(e, ERR_MEMORY, NULL, "node");
	rc r = load_node(s, tenant, id, n, e);
	if (!rc_ok(r)) {
		cached_node_drop(n);
		return r;
	}
	atomic_fetch_add(&n->refs, 1);
	replace(s->cache, id, n, NULL);
	*out = n;
	return RC_OK;
}

void
node_cache_forget(struct server *s, const struct uuid *id)
{
	replace(s->cache, id, NULL, NULL);
}

static bool
copy_span(struct arena *a, struct span *s)
{
	size_t n = s->n;

	*s = arena_copy(a, *s);
	return s->n == n;
}

/* Own copies of everything a node borrows. */
static bool
copy_node(struct cached_node *to)
{
	struct identity *id = &to->node.identity;
	struct span *const spans[] = {&to->node.env_class, &to->node.labels,
	    &id->ek_public, &id->ek_cert, &id->rot, &id->manufacturer,
	    &id->issuer, &id->serial, &id->ak_public, &id->ak_name,
	    &id->ak_qualified, &id->ak_alg, &to->node.state.attester.ima,
	    &to->boot_log};

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
		if (!copy_span(&to->arena, spans[i]))
			return false;
	return true;
}

void
node_cache_advance(struct server *s, const struct cached_node *old,
    const struct node_state *state, struct span boot_log)
{
	struct cached_node *n = node_new();
	struct err e;

	if (n) {
		n->node = old->node;
		n->node.state = *state;
		n->node.version++;
		n->boot_log = boot_log.n <= BOOT_LOG_MAX
				  ? boot_log
				  : (struct span){NULL, 0};
	}
	if (!n || !copy_node(n) || !rc_ok(load_key(n, &e))) {
		cached_node_drop(n);
		n = NULL;
	}
	replace(s->cache, &old->node.id, n, old);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes in memory.
 *
 * 1. An entry never changes: a new state is a new entry in the same slot.
 * 2. A stale entry costs a retry, never a wrong verdict: the commit compares
 *    the version that was judged with the one in the database.
 * 3. A slot never goes from a newer version of a node to an older one.
 * 4. The table has a fixed number of slots; a collision evicts.
 */
#include "akashid/server.h"

#include "base/limits.h"

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
node_base_drop(struct node_base *b)
{
	if (!b || atomic_fetch_sub(&b->refs, 1) != 1)
		return;
	key_free(b->ak);
	arena_free(&b->arena);
	free(b);
}

static void
log_drop(struct node_log *l)
{
	if (l && atomic_fetch_sub(&l->refs, 1) == 1)
		free(l);
}

void
cached_node_drop(struct cached_node *n)
{
	if (!n || atomic_fetch_sub(&n->refs, 1) != 1)
		return;
	node_base_drop(n->base);
	log_drop(n->log);
	free((void *)(uintptr_t)n->ima.p);
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

/* Put n into its slot, unless the slot has this node as new or newer. Takes n's
 * reference. */
static void
offer(struct node_cache *c, struct cached_node *n)
{
	size_t i = slot_index(c, &n->node.id);
	struct cached_node *drop = n;

	pthread_mutex_lock(&c->lock[i % SHARDS]);
	const struct cached_node *have = c->slot[i];
	if (!have || !uuid_eq(&have->node.id, &n->node.id) ||
	    have->node.version < n->node.version) {
		drop = c->slot[i];
		c->slot[i] = n;
	}
	pthread_mutex_unlock(&c->lock[i % SHARDS]);
	cached_node_drop(drop);
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

static struct node_log *
log_new(struct span bytes)
{
	struct node_log *l = bytes.n && bytes.n <= BOOT_LOG_MAX
				 ? malloc(sizeof(*l) + bytes.n)
				 : NULL;

	if (!l)
		return NULL;
	atomic_init(&l->refs, 1);
	l->n = bytes.n;
	memcpy(l->bytes, bytes.p, bytes.n);
	return l;
}

static struct cached_node *
node_new(void)
{
	struct cached_node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	atomic_init(&n->refs, 1);
	return n;
}

static struct node_base *
base_new(void)
{
	struct node_base *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	atomic_init(&b->refs, 1);
	arena_init(&b->arena, NODE_ARENA);
	return b;
}

/* The enrolled key, ready to verify with. */
static rc
load_key(struct node_base *b, const struct identity *id, struct err *e)
{
	struct tpm_public pub;

	TRY(tpm_decode_public(id->ak_public, &b->arena, &pub, e));
	TRY(key_from_public(&pub, &b->ak, e));
	if (id->ak_qualified.n > sizeof(b->ak_qualified.b))
		return err_at(e, ERR_INTERNAL, NULL, "node.ak_qualified");
	b->ak_qualified.n = id->ak_qualified.n;
	memcpy(b->ak_qualified.b, id->ak_qualified.p, id->ak_qualified.n);
	return RC_OK;
}

/* Texts that are too long are none of ours. */
static bool
take_text(struct span s, char *out, size_t size)
{
	if (s.n >= size)
		return false;
	memcpy(out, s.n ? (const char *)s.p : "", s.n);
	out[s.n] = '\0';
	return true;
}

static rc
load_identity(struct ek_identity *ek, const struct identity *id, struct err *e)
{
	*ek = (struct ek_identity){.rot = rot_class_by_name(id->rot)};
	if (!take_text(
		id->manufacturer, ek->manufacturer, sizeof(ek->manufacturer)) ||
	    !take_text(id->issuer, ek->issuer, sizeof(ek->issuer)) ||
	    !take_text(id->serial, ek->serial, sizeof(ek->serial)))
		return err_at(e, ERR_INTERNAL, NULL, "node.identity");
	return RC_OK;
}

rc
node_base_make(const struct identity *id, struct node_base **out, struct err *e)
{
	struct node_base *b = base_new();

	if (!b)
		return err_at(e, ERR_MEMORY, NULL, "node");
	rc r = load_key(b, id, e);
	if (rc_ok(r))
		r = load_identity(&b->ek, id, e);
	if (rc_ok(r))
		*out = b;
	else
		node_base_drop(b);
	return r;
}

static rc
load_node(struct server *s, const struct uuid *tenant, const struct uuid *id,
    struct cached_node *n, struct err *e)
{
	const struct attester *att = &n->node.state.attester;
	struct arena *a;
	struct arena scratch;
	struct span log = {NULL, 0};

	n->base = base_new();
	if (!n->base)
		return err_at(e, ERR_MEMORY, NULL, "node");
	a = &n->base->arena;
	TRY(s->store->ops->node_get(
	    s->store, tenant, id, NULL, a, &n->node, e));
	TRY(load_key(n->base, &n->node.identity, e));
	TRY(load_identity(&n->base->ek, &n->node.identity, e));
	if (sha256_none(&att->boot_log))
		return RC_OK;
	arena_init(&scratch, LIMIT_EVENTLOG + NODE_ARENA);
	rc r = s->store->ops->blob_get(
	    s->store, tenant, &att->boot_log, &scratch, &log, e);
	n->log = log_new(log);
	arena_free(&scratch);
	return r;
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
	offer(s->cache, n);
	*out = n;
	return RC_OK;
}

void
node_cache_forget(struct server *s, const struct uuid *id, uint64_t version)
{
	struct node_cache *c = s->cache;
	size_t i = slot_index(c, id);
	struct cached_node *drop = NULL;

	pthread_mutex_lock(&c->lock[i % SHARDS]);
	struct cached_node *have = c->slot[i];
	if (have && uuid_eq(&have->node.id, id) &&
	    have->node.version <= version) {
		drop = have;
		c->slot[i] = NULL;
	}
	pthread_mutex_unlock(&c->lock[i % SHARDS]);
	cached_node_drop(drop);
}

/* The log that the new state names: the one kept already, or the bytes. */
static struct node_log *
next_log(const struct cached_node *old, const struct node_state *state,
    struct span bytes)
{
	if (!sha256_eq(
		&state->attester.boot_log, &old->node.state.attester.boot_log))
		return log_new(bytes);
	if (old->log)
		atomic_fetch_add(&old->log->refs, 1);
	return old->log;
}

void
node_cache_advance(struct server *s, const struct cached_node *old,
    const struct node_state *state, struct span boot_log)
{
	struct cached_node *n = node_new();
	struct span ima = state->attester.ima;
	uint8_t *copy = n && ima.n ? malloc(ima.n) : NULL;

	if (n && (copy || ima.n == 0)) {
		if (copy)
			memcpy(copy, ima.p, ima.n);
		n->ima = span_of(copy, ima.n);
		n->node = old->node;
		n->node.state = *state;
		n->node.state.attester.ima = n->ima;
		n->node.version++;
		n->base = old->base;
		atomic_fetch_add(&n->base->refs, 1);
		n->log = next_log(old, state, boot_log);
		offer(s->cache, n);
	} else { /* read again when it is needed */
		cached_node_drop(n);
		node_cache_forget(s, &old->node.id, old->node.version);
	}
}

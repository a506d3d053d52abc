/* SPDX-License-Identifier: Apache-2.0 */
/* Policies that are tried, kept ready from one page to the next. */
#include "akashid/simulate.h"

#include <stdlib.h>

enum { SLOTS = 8, KEPT_FOR_S = 60 };

struct candidate {
	struct uuid tenant;
	struct sha256 document;
	struct policy *policy; /* NULL: an empty slot */
	int64_t used;	       /* clock_monotonic() */
};

struct candidates {
	pthread_mutex_t lock;
	struct candidate slot[SLOTS];
};

struct candidates *
candidates_new(void)
{
	struct candidates *c = calloc(1, sizeof(*c));

	if (c)
		pthread_mutex_init(&c->lock, NULL);
	return c;
}

void
candidates_free(struct candidates *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		policy_unref(c->slot[i].policy);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void
candidates_trim(struct candidates *c)
{
	int64_t now = clock_monotonic();

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < SLOTS; i++) {
		if (c->slot[i].used + KEPT_FOR_S * TIME_S > now)
			continue;
		policy_unref(c->slot[i].policy);
		c->slot[i] = (struct candidate){0};
	}
	pthread_mutex_unlock(&c->lock);
}

static struct policy *
find(struct candidates *c, const struct uuid *tenant, const struct sha256 *hash)
{
	struct policy *found = NULL;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < SLOTS && !found; i++) {
		struct candidate *k = &c->slot[i];
		if (!k->policy || !uuid_eq(&k->tenant, tenant) ||
		    !sha256_eq(&k->document, hash))
			continue;
		k->used = clock_monotonic();
		found = policy_ref(k->policy);
	}
	pthread_mutex_unlock(&c->lock);
	return found;
}

/* In place of the one that was not used for the longest time. */
static void
keep(struct candidates *c, const struct uuid *tenant, const struct sha256 *hash,
    struct policy *p)
{
	struct candidate *k = &c->slot[0];

	pthread_mutex_lock(&c->lock);
	for (size_t i = 1; i < SLOTS; i++)
		if (c->slot[i].used < k->used)
			k = &c->slot[i];
	policy_unref(k->policy);
	*k = (struct candidate){
	    *tenant, *hash, policy_ref(p), clock_monotonic()};
	pthread_mutex_unlock(&c->lock);
}

rc
candidate_get(struct candidates *c, struct http_request *q,
    struct span document, struct hasher *h, struct policy **out, struct err *e)
{
	struct server *s = server_of(q);
	const struct uuid *tenant = &q->caller.tenant;
	struct policy_new new = {.document = document};
	struct sha256 hash;
	struct policy *p;

	TRY(policy_derive(q, &new, e));
	if (!rc_ok(hash_of(h, ALG_SHA256, new.document, hash.b)))
		return err_at(e, ERR_CRYPTO, NULL, "candidate");
	*out = find(c, tenant, &hash);
	if (*out)
		return RC_OK;
	TRY(policy_decode(new.document, &p, e));
	rc r = refsets_known(s, tenant, p, e);
	if (rc_ok(r))
		r = refsets_bind(s, tenant, p, e);
	if (!rc_ok(r)) {
		policy_unref(p);
		return r;
	}
	keep(c, tenant, &hash, p);
	*out = p;
	return RC_OK;
}

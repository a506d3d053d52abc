/* SPDX-License-Identifier: Apache-2.0 */
#include "record/store_mem.h"

#include <stdlib.h>

static int
by_id(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

rc
mem_verdict_good(struct store *st, const struct verdict_row *v, struct arena *a,
    struct verdict_row *out, struct err *e)
{
	struct store_mem *m = store_mem(st);
	struct verdict_row good = {.result = RESULT_NONE};

	(void)a;
	(void)e;
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->records.n; i++) {
		const struct mem_record *r = m->records.row[i];
		const struct verdict_row *w = &r->r.row;
		bool fine =
		    w->result == RESULT_PASS ||
		    (w->result == RESULT_WARN && v->result != RESULT_WARN);
		if (fine && uuid_eq(&w->tenant, &v->tenant) &&
		    uuid_eq(&w->node, &v->node) && by_id(&w->id, &v->id) < 0 &&
		    by_id(&w->id, &good.id) > 0)
			good = mem_bare(m, w);
	}
	pthread_mutex_unlock(&m->lock);
	*out = good;
	return RC_OK;
}

/* Count a verdict among its kin; false when there is no room. */
static bool
join(struct store_mem *m, const struct verdict_row *w, struct arena *a,
    struct sha256 *seen, struct verdict_kins *k)
{
	bool failed = false;
	size_t i = 0;

	while (i < k->n && !sha256_eq(&seen[i], &w->detail_sha256))
		i++;
	if (i == k->n) {
		seen[k->n++] = w->detail_sha256;
		k->kin[i] =
		    (struct verdict_kin){.id = w->id, .verified = w->verified};
		k->kin[i].detail = mem_copy(
		    a, mem_blob_of(m, &w->tenant, &w->detail_sha256), &failed);
	}
	if (by_id(&w->id, &k->kin[i].id) < 0) {
		k->kin[i].id = w->id;
		k->kin[i].verified = w->verified;
	}
	k->kin[i].nodes++;
	return !failed;
}

static int
earliest(const void *a, const void *b)
{
	const struct verdict_kin *x = a, *y = b;

	return by_id(&x->id, &y->id);
}

static int
most(const void *a, const void *b)
{
	const struct verdict_kin *x = a, *y = b;

	if (x->nodes != y->nodes)
		return x->nodes < y->nodes ? 1 : -1;
	return by_id(&x->id, &y->id);
}

static bool
of_state(struct store_mem *m, const struct verdict_row *w,
    const struct verdict_row *v)
{
	const struct node *n = mem_node(m, &w->tenant, &w->node);

	return !uuid_eq(&w->node, &v->node) && n &&
	       n->admission != ADMISSION_RETIRED && n->state.code == v->code &&
	       uuid_eq(&n->state.verdict, &w->id);
}

static rc
kins(struct store_mem *m, const struct verdict_row *v, const struct uuid *after,
    struct arena *a, struct verdict_kins *out, struct err *e)
{
	struct verdict_kins k = {0};
	struct sha256 *seen = arena_array(a, m->records.n, sizeof(*seen));
	bool fine = seen != NULL;

	k.kin = arena_array(a, m->records.n, sizeof(*k.kin));
	fine = fine && k.kin;
	for (size_t i = 0; fine && i < m->records.n; i++) {
		const struct mem_record *r = m->records.row[i];
		const struct verdict_row *w = &r->r.row;
		if (!uuid_eq(&w->tenant, &v->tenant))
			continue;
		bool wanted = after ? w->code == v->code &&
					  uuid_eq(&w->node, &v->node) &&
					  by_id(&w->id, after) > 0 &&
					  by_id(&w->id, &v->id) <= 0
				    : of_state(m, w, v);
		if (wanted)
			fine = join(m, w, a, seen, &k);
	}
	if (!fine)
		return mem_full(e);
	qsort(k.kin, k.n, sizeof(*k.kin), after ? earliest : most);
	k.more = k.n > STORE_KIN;
	if (k.more)
		k.n = STORE_KIN;
	*out = k;
	return RC_OK;
}

rc
mem_verdict_past(struct store *st, const struct verdict_row *v,
    const struct uuid *after, struct arena *a, struct verdict_kins *out,
    struct err *e)
{
	struct store_mem *m = store_mem(st);

	pthread_mutex_lock(&m->lock);
	rc r = kins(m, v, after, a, out, e);
	pthread_mutex_unlock(&m->lock);
	for (size_t i = 0; rc_ok(r) && i < out->n; i++)
		out->kin[i].nodes = 1;
	return r;
}

rc
mem_verdict_others(struct store *st, const struct verdict_row *v,
    struct arena *a, struct verdict_kins *out, struct err *e)
{
	struct store_mem *m = store_mem(st);

	pthread_mutex_lock(&m->lock);
	rc r = kins(m, v, NULL, a, out, e);
	pthread_mutex_unlock(&m->lock);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The store in memory: nodes. */
#include "record/store_mem.h"

#include <stdlib.h>

/* --- nodes ---------------------------------------------------------------- */

void
mem_admit(struct node *n, int64_t now)
{
	n->admission = ADMISSION_ADMITTED;
	if (!n->admitted)
		n->admitted = now;
}

struct node *
mem_node(struct store_mem *m, const struct uuid *tenant, const struct uuid *id)
{
	for (size_t i = 0; i < m->nodes.n; i++) {
		struct node *n = m->nodes.row[i];
		if (uuid_eq(&n->tenant, tenant) && uuid_eq(&n->id, id))
			return n;
	}
	return NULL;
}

rc
mem_node_get(struct store *st, const struct uuid *tenant, const struct uuid *id,
    const uint8_t *challenge, struct arena *a, struct node *out, struct err *e)
{
	struct store_mem *m = store_mem(st);

	pthread_mutex_lock(&m->lock);
	const struct node *n = mem_node(m, tenant, id);
	rc r = n ? mem_copy_node(a, n, out, e)
		 : err_at(e, ERR_NODE_UNKNOWN, NULL, "%s", "");
	if (rc_ok(r) && challenge)
		out->used = mem_used(m, id, challenge);
	pthread_mutex_unlock(&m->lock);
	return r;
}

/* The live node of a name, else the one retired last. */
static struct node *
by_name(struct store_mem *m, const struct uuid *tenant, struct span name)
{
	struct node *found = NULL;

	for (size_t i = 0; i < m->nodes.n; i++) {
		struct node *n = m->nodes.row[i];
		if (!uuid_eq(&n->tenant, tenant) ||
		    !span_eq(span_str(n->name), name))
			continue;
		if (!found || found->admission == ADMISSION_RETIRED)
			found = n;
	}
	return found;
}

rc
mem_node_find(struct store *st, const struct uuid *tenant, struct span name,
    struct arena *a, struct node *out, struct err *e)
{
	struct store_mem *m = store_mem(st);

	pthread_mutex_lock(&m->lock);
	const struct node *n = by_name(m, tenant, name);
	rc r = n ? mem_copy_node(a, n, out, e)
		 : err_at(e, ERR_NODE_UNKNOWN, NULL, "%s", "");
	pthread_mutex_unlock(&m->lock);
	return r;
}

static bool
matches(const struct node *n, const struct uuid *tenant,
    const struct node_filter *f)
{
	enum err_code why;

	return uuid_eq(&n->tenant, tenant) &&
	       memcmp(n->id.b, f->after.b, sizeof(n->id.b)) > 0 &&
	       (!f->by_admission || n->admission == f->admission) &&
	       (!f->by_status || node_status(n, f->now, &why) == f->status) &&
	       (!f->labels.n || labels_match(f->labels, n->labels));
}

static int
by_id(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;

	return memcmp((*x)->id.b, (*y)->id.b, sizeof((*x)->id.b));
}

static rc
list_locked(struct store_mem *m, const struct uuid *tenant,
    const struct node_filter *f, struct arena *a, struct node_list *out,
    struct err *e)
{
	const struct node **hit = arena_array(a, m->nodes.n, sizeof(*hit));
	size_t n = 0, limit = f->limit < STORE_LIST ? f->limit : STORE_LIST;

	for (size_t i = 0; hit && i < m->nodes.n; i++)
		if (matches(m->nodes.row[i], tenant, f))
			hit[n++] = m->nodes.row[i];
	struct node_list l = {n < limit ? n : limit, NULL, n > limit};
	l.node = arena_array(a, l.n, sizeof(*l.node));
	if (!hit || !l.node)
		return mem_full(e);
	qsort(hit, n, sizeof(*hit), by_id);
	for (size_t i = 0; i < l.n; i++)
		TRY(mem_copy_node(a, hit[i], &l.node[i], e));
	*out = l;
	return RC_OK;
}

rc
mem_node_list(struct store *st, const struct uuid *tenant,
    const struct node_filter *f, struct arena *a, struct node_list *out,
    struct err *e)
{
	struct store_mem *m = store_mem(st);

	pthread_mutex_lock(&m->lock);
	rc r = list_locked(m, tenant, f, a, out, e);
	pthread_mutex_unlock(&m->lock);
	return r;
}

rc
mem_node_hold(struct store *st, const struct uuid *tenant,
    const struct uuid *id, uint64_t version, struct err *e)
{
	struct store_mem *m = store_mem(st);

	pthread_mutex_lock(&m->lock);
	struct node *n = mem_node(m, tenant, id);
	bool still = n && n->version == version;
	if (still) {
		n->version += !n->state.held;
		n->state.held = true;
	}
	pthread_mutex_unlock(&m->lock);
	return still ? RC_OK : err_at(e, ERR_NODE_BUSY, NULL, "%s", "");
}

static rc
change_locked(struct store_mem *m, const struct actor *by,
    const struct node_change *c, struct err *e)
{
	struct node *n = by_name(m, &by->who->tenant, c->name);
	bool failed = false;

	if (!n || n->admission == ADMISSION_RETIRED)
		return err_at(
		    e, n ? ERR_NODE_RETIRED : ERR_NODE_UNKNOWN, NULL, "%s", "");
	n->version++;
	m->audits++;
	if (c->act == NODE_APPROVE)
		mem_admit(n, by->now);
	if (c->act == NODE_CLEAR) {
		n->state.held = false;
		n->state.attester.known = false;
		n->state.attester.diverged = false;
	}
	if (c->act == NODE_RETIRE) {
		n->admission = ADMISSION_RETIRED;
		n->retired = by->now;
	}
	if (c->act != NODE_APPROVE && c->act != NODE_LABEL)
		return RC_OK;
	if (c->env_class)
		n->env_class = mem_copy(&m->arena, *c->env_class, &failed);
	if (c->labels)
		n->labels = mem_copy(&m->arena, *c->labels, &failed);
	return failed ? mem_full(e) : RC_OK;
}

rc
mem_node_change(struct store *st, const struct actor *by,
    const struct node_change *c, struct err *e)
{
	struct store_mem *m = store_mem(st);

	pthread_mutex_lock(&m->lock);
	rc r = change_locked(m, by, c, e);
	pthread_mutex_unlock(&m->lock);
	return r;
}

rc
mem_counts_get(struct store *st, const struct uuid *tenant, int64_t now,
    struct counts *out, struct err *e)
{
	struct store_mem *m = store_mem(st);
	struct counts c = {0};
	enum err_code why;

	(void)e;
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->nodes.n; i++) {
		const struct node *n = m->nodes.row[i];
		if (!uuid_eq(&n->tenant, tenant))
			continue;
		c.admission[n->admission]++;
		if (n->admission != ADMISSION_RETIRED)
			c.status[node_status(n, now, &why)]++;
	}
	for (size_t i = 0; i < m->records.n; i++) {
		const struct mem_record *r = m->records.row[i];
		c.log_pending += uuid_eq(&r->r.row.tenant, tenant);
	}
	pthread_mutex_unlock(&m->lock);
	*out = c;
	return RC_OK;
}

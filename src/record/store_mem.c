/* SPDX-License-Identifier: Apache-2.0 */
/* The store in memory: arrays, one lock, linear searches. For tests. */
#include "record/store_mem.h"

#include <stdlib.h>

enum { MEM_CAP = 256 * 1024 * 1024 };

rc
mem_full(struct err *e)
{
	return err_at(e, ERR_MEMORY, NULL, "%s", "");
}

void *
mem_add(struct store_mem *m, struct rows *r, size_t size)
{
	if (r->n == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 16;
		void **row = arena_array(&m->arena, cap, sizeof(*row));
		if (!row)
			return NULL;
		for (size_t i = 0; i < r->n; i++)
			row[i] = r->row[i];
		r->row = row;
		r->cap = cap;
	}
	void *p = arena_alloc(&m->arena, size);
	if (p)
		r->row[r->n++] = p;
	return p;
}

struct span
mem_copy(struct arena *a, struct span s, bool *failed)
{
	struct span out = arena_copy(a, s);

	*failed |= s.n && !out.p;
	return out;
}

bool
mem_copy_identity(struct arena *a, struct identity *id)
{
	struct span *all[] = {&id->ek_public, &id->ek_cert, &id->rot,
	    &id->manufacturer, &id->issuer, &id->serial, &id->ak_public,
	    &id->ak_name, &id->ak_qualified, &id->ak_alg};
	bool failed = false;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		*all[i] = mem_copy(a, *all[i], &failed);
	return !failed;
}

rc
mem_copy_node(
    struct arena *a, const struct node *in, struct node *out, struct err *e)
{
	struct node n = *in;
	bool failed = !mem_copy_identity(a, &n.identity);

	n.env_class = mem_copy(a, n.env_class, &failed);
	n.labels = mem_copy(a, n.labels, &failed);
	n.state.attester.ima = mem_copy(a, n.state.attester.ima, &failed);
	if (failed)
		return mem_full(e);
	*out = n;
	return RC_OK;
}

/* --- cluster, administrators ---------------------------------------------- */

static rc
ready(struct store *st, struct err *e)
{
	(void)st;
	(void)e;
	return RC_OK;
}

static rc
cluster_get(struct store *st, struct cluster *out, struct err *e)
{
	struct store_mem *m = store_mem(st);

	(void)e;
	pthread_mutex_lock(&m->lock);
	*out = m->cluster;
	pthread_mutex_unlock(&m->lock);
	return RC_OK;
}

static rc
cluster_rotate(struct store *st, struct err *e)
{
	struct store_mem *m = store_mem(st);
	uint8_t key[32];

	(void)e;
	TRY(random_bytes(key, sizeof(key)));
	pthread_mutex_lock(&m->lock);
	struct cluster *c = &m->cluster;
	c->key[1] = c->key[0];
	c->key[0].id++;
	for (size_t i = 0; i < sizeof(key); i++)
		c->key[0].key[i] = key[i];
	c->n = 2;
	pthread_mutex_unlock(&m->lock);
	return RC_OK;
}

static rc
cluster_epoch(struct store *st, struct err *e)
{
	struct store_mem *m = store_mem(st);

	(void)e;
	pthread_mutex_lock(&m->lock);
	m->cluster.epoch++;
	pthread_mutex_unlock(&m->lock);
	return RC_OK;
}

static rc
add_admin(struct store_mem *m, const struct principal *p,
    const struct sha256 *hash, struct err *e)
{
	struct mem_admin *a = mem_add(m, &m->admins, sizeof(*a));

	if (!a)
		return mem_full(e);
	*a = (struct mem_admin){*hash, *p};
	m->audits++;
	return RC_OK;
}

static rc
new_principal(struct span name, enum role role, int64_t now,
    struct principal *out, struct err *e)
{
	if (name.n == 0 || name.n >= STORE_NAME)
		return err_at(e, ERR_INTERNAL, "A name is too long.", "name");
	*out = (struct principal){.role = role};
	memcpy(out->name, name.p, name.n);
	return uuid_v7(now, &out->id);
}

static rc
admin_init(struct store *st, const struct sha256 *token, struct span name,
    int64_t now, struct principal *out, struct err *e)
{
	struct store_mem *m = store_mem(st);
	struct principal p;

	TRY(new_principal(name, ROLE_ADMIN, now, &p, e));
	TRY(uuid_v7(now, &p.tenant));
	pthread_mutex_lock(&m->lock);
	rc r = m->initialised ? err_at(e, ERR_AUTH_INITIALISED, NULL, "%s", "")
			      : add_admin(m, &p, token, e);
	if (rc_ok(r)) {
		m->initialised = true;
		*out = p;
	}
	pthread_mutex_unlock(&m->lock);
	return r;
}

static struct mem_admin *
named_admin(struct store_mem *m, const struct uuid *tenant, const char *name)
{
	for (size_t i = 0; i < m->admins.n; i++) {
		struct mem_admin *a = m->admins.row[i];
		if (uuid_eq(&a->who.tenant, tenant) && !a->who.revoked &&
		    strcmp(a->who.name, name) == 0)
			return a;
	}
	return NULL;
}

static rc
admin_put(struct store *st, const struct actor *by, const struct sha256 *token,
    const struct principal *who, struct err *e)
{
	struct store_mem *m = store_mem(st);
	struct principal p = *who;

	p.tenant = by->who->tenant;
	p.created = by->now;
	snprintf(p.maker, sizeof(p.maker), "%s", by->who->name);
	pthread_mutex_lock(&m->lock);
	rc r = named_admin(m, &p.tenant, p.name)
		   ? err_at(e, ERR_OPERATOR_NAME, NULL, "%s", "")
		   : add_admin(m, &p, token, e);
	pthread_mutex_unlock(&m->lock);
	return r;
}

static rc
admin_list(struct store *st, const struct uuid *tenant, struct arena *a,
    struct principal_list *out, struct err *e)
{
	struct store_mem *m = store_mem(st);
	struct principal_list l = {0};

	pthread_mutex_lock(&m->lock);
	l.who = arena_array(a, m->admins.n, sizeof(*l.who));
	for (size_t i = 0; l.who && i < m->admins.n; i++) {
		const struct mem_admin *row = m->admins.row[i];
		if (uuid_eq(&row->who.tenant, tenant))
			l.who[l.n++] = row->who;
	}
	pthread_mutex_unlock(&m->lock);
	if (!l.who)
		return mem_full(e);
	*out = l;
	return RC_OK;
}

static rc
admin_revoke(struct store *st, const struct actor *by, const struct uuid *id,
    struct err *e)
{
	struct store_mem *m = store_mem(st);
	bool found = false;

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->admins.n; i++) {
		struct mem_admin *a = m->admins.row[i];
		if (!uuid_eq(&a->who.tenant, &by->who->tenant) ||
		    !uuid_eq(&a->who.id, id))
			continue;
		found = true;
		if (!a->who.revoked)
			a->who.revoked = by->now;
	}
	m->audits += found;
	pthread_mutex_unlock(&m->lock);
	return found ? RC_OK : err_at(e, ERR_OPERATOR_UNKNOWN, NULL, "%s", "");
}

static rc
admin_get(struct store *st, const struct sha256 *token, struct principal *out,
    struct err *e)
{
	struct store_mem *m = store_mem(st);
	rc r = (rc){ERR_AUTH_INVALID};
	const struct clock clock = clock_system();

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->admins.n && !rc_ok(r); i++) {
		const struct mem_admin *a = m->admins.row[i];
		bool valid =
		    !a->who.revoked &&
		    (!a->who.expires || a->who.expires > clock_now(&clock));
		if (valid && sha256_eq(&a->hash, token)) {
			*out = a->who;
			r = RC_OK;
		}
	}
	pthread_mutex_unlock(&m->lock);
	return rc_ok(r) ? r : err_at(e, r.code, NULL, "%s", "");
}

/* --- events --------------------------------------------------------------- */

static rc
security_put(
    struct store *st, const struct security_event *ev, size_t n, struct err *e)
{
	struct store_mem *m = store_mem(st);

	(void)ev;
	(void)e;
	pthread_mutex_lock(&m->lock);
	m->events += n;
	pthread_mutex_unlock(&m->lock);
	return RC_OK;
}

static rc
audit_put(struct store *st, const struct audit *rows, size_t n, struct err *e)
{
	struct store_mem *m = store_mem(st);

	(void)rows;
	(void)e;
	pthread_mutex_lock(&m->lock);
	m->audits += n;
	pthread_mutex_unlock(&m->lock);
	return RC_OK;
}

static rc
purge(struct store *st, int64_t now, uint64_t *dropped, struct err *e)
{
	struct store_mem *m = store_mem(st);
	uint64_t n = 0;

	(void)e;
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->records.n; i++) {
		struct mem_record *r = m->records.row[i];
		if (r->expires && r->expires < now) {
			r->expires = 0;
			n++;
		}
	}
	for (size_t i = 0; i < m->enrolments.n; i++) {
		struct mem_enrolment *p = m->enrolments.row[i];
		if (!p->gone && p->en.expires < now) {
			p->gone = true;
			n++;
		}
	}
	pthread_mutex_unlock(&m->lock);
	*dropped = n;
	return RC_OK;
}

/* --- open, close ---------------------------------------------------------- */

static void
store_free(struct store *st)
{
	struct store_mem *m = store_mem(st);

	hasher_free(m->hasher);
	arena_free(&m->arena);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static const struct store_ops ops = {
    .close = store_free,
    .ready = ready,
    .cluster_get = cluster_get,
    .cluster_rotate = cluster_rotate,
    .cluster_epoch = cluster_epoch,
    .admin_init = admin_init,
    .admin_put = admin_put,
    .admin_list = admin_list,
    .admin_revoke = admin_revoke,
    .admin_get = admin_get,
    .token_put = mem_token_put,
    .token_list = mem_token_list,
    .token_revoke = mem_token_revoke,
    .ek_put = mem_ek_put,
    .enrol_begin = mem_enrol_begin,
    .enrol_activate = mem_enrol_activate,
    .node_get = mem_node_get,
    .node_find = mem_node_find,
    .node_list = mem_node_list,
    .node_hold = mem_node_hold,
    .node_change = mem_node_change,
    .policy_put = mem_policy_put,
    .policy_get = mem_policy_get,
    .policy_list = mem_policy_list,
    .policy_active = mem_policy_active,
    .policy_change = mem_policy_change,
    .policy_history = mem_policy_history,
    .refset_put = mem_refset_put,
    .refset_get = mem_refset_get,
    .refset_list = mem_refset_list,
    .refset_read = mem_refset_read,
    .commit = mem_commit,
    .verdict_get = mem_verdict_get,
    .verdict_list = mem_verdict_list,
    .verdict_good = mem_verdict_good,
    .verdict_past = mem_verdict_past,
    .verdict_others = mem_verdict_others,
    .evidence_get = mem_evidence_get,
    .blob_get = mem_blob_get,
    .ima_list = mem_ima_list,
    .ima_get = mem_ima_get,
    .boots_list = mem_boots_list,
    .boots_read = mem_boots_read,
    .security_put = security_put,
    .audit_put = audit_put,
    .counts_get = mem_counts_get,
    .purge = purge,
};

rc
store_mem_open(struct store **out, struct err *e)
{
	struct store_mem *m = calloc(1, sizeof(*m));

	if (!m)
		return mem_full(e);
	m->store.ops = &ops;
	pthread_mutex_init(&m->lock, NULL);
	arena_init(&m->arena, MEM_CAP);
	m->hasher = hasher_new();
	m->cluster = (struct cluster){.n = 1, .epoch = 1, .policy_serial = 1};
	m->cluster.key[0].id = 1;
	rc r = m->hasher ? random_bytes(m->cluster.key[0].key,
			       sizeof(m->cluster.key[0].key))
			 : (rc){ERR_CRYPTO};
	if (!rc_ok(r)) {
		store_free(&m->store);
		return err_at(e, r.code, NULL, "%s", "");
	}
	*out = &m->store;
	return RC_OK;
}

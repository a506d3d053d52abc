/* SPDX-License-Identifier: Apache-2.0 */
/* The store in memory: policies. */
#include "record/store_mem.h"

/* --- policies ------------------------------------------------------------- */

static struct mem_policy *
version_of(struct store_mem *m, const struct uuid *tenant, struct span name,
    uint32_t version)
{
	struct mem_policy *found = NULL;

	for (size_t i = 0; i < m->policies.n; i++) {
		struct mem_policy *p = m->policies.row[i];
		if (uuid_eq(&p->tenant, tenant) &&
		    span_eq(span_str(p->p.name), name) &&
		    (version == 0 || p->p.version == version))
			found = p; /* the last one is the newest */
	}
	return found;
}

static struct mem_active *
active_of(struct store_mem *m, const struct uuid *tenant, struct span name)
{
	for (size_t i = 0; i < m->active.n; i++) {
		struct mem_active *a = m->active.row[i];
		if (uuid_eq(&a->tenant, tenant) && span_eq(a->name, name))
			return a;
	}
	return NULL;
}

static rc
put_locked(struct store_mem *m, const struct actor *by, struct policy_row *row,
    struct span document, struct err *e)
{
	const struct mem_policy *last =
	    version_of(m, &by->who->tenant, span_str(row->name), 0);
	bool failed = false;

	row->version = last ? last->p.version : 1;
	if (last && sha256_eq(&last->p.hash, &row->hash))
		return RC_OK;
	row->version += last != NULL;
	struct mem_policy *p = mem_add(m, &m->policies, sizeof(*p));
	if (!p)
		return mem_full(e);
	*p = (struct mem_policy){by->who->tenant, *row};
	p->p.document = mem_copy(&m->arena, document, &failed);
	m->audits++;
	return failed ? mem_full(e) : RC_OK;
}

rc
mem_policy_put(struct store *st, const struct actor *by, struct span name,
    const struct sha256 *hash, struct span document, struct policy_row *out,
    struct err *e)
{
	struct store_mem *m = store_mem(st);
	struct policy_row row = {.hash = *hash, .created = by->now};

	if (name.n == 0 || name.n >= STORE_NAME)
		return err_at(e, ERR_POLICY_UNKNOWN, NULL, "%s", "");
	memcpy(row.name, name.p, name.n);
	snprintf(row.author, sizeof(row.author), "%s", by->who->name);
	pthread_mutex_lock(&m->lock);
	rc r = put_locked(m, by, &row, document, e);
	pthread_mutex_unlock(&m->lock);
	if (rc_ok(r))
		*out = row;
	return r;
}

static rc
copy_policy(struct store_mem *m, const struct mem_policy *p, struct arena *a,
    struct policy_row *out, struct err *e)
{
	const struct mem_active *act =
	    active_of(m, &p->tenant, span_str(p->p.name));
	bool failed = false;

	*out = p->p;
	out->document = mem_copy(a, p->p.document, &failed);
	if (act) {
		out->active = act->version;
		snprintf(
		    out->approver, sizeof(out->approver), "%s", act->approver);
		out->selector = mem_copy(a, act->selector, &failed);
	}
	return failed ? mem_full(e) : RC_OK;
}

rc
mem_policy_get(struct store *st, const struct uuid *tenant, struct span name,
    uint32_t version, struct arena *a, struct policy_row *out, struct err *e)
{
	struct store_mem *m = store_mem(st);

	pthread_mutex_lock(&m->lock);
	const struct mem_policy *p = version_of(m, tenant, name, version);
	rc r = p ? copy_policy(m, p, a, out, e)
		 : err_at(e, ERR_POLICY_UNKNOWN, NULL, "%s", "");
	pthread_mutex_unlock(&m->lock);
	return r;
}

/* The newest version of each name, or the active one; sorted by name. */
static rc
list(struct store *st, const struct uuid *tenant, bool active, struct arena *a,
    struct policy_list *out, struct err *e)
{
	struct store_mem *m = store_mem(st);
	struct policy_list l = {0};
	rc r = RC_OK;

	pthread_mutex_lock(&m->lock);
	l.row = arena_array(a, m->policies.n, sizeof(*l.row));
	if (!l.row)
		r = mem_full(e);
	for (size_t i = 0; rc_ok(r) && i < m->policies.n; i++) {
		const struct mem_policy *p = m->policies.row[i];
		struct span name = span_str(p->p.name);
		const struct mem_active *act = active_of(m, tenant, name);
		bool wanted = active ? act && act->version == p->p.version
				     : version_of(m, tenant, name, 0) == p;
		if (!uuid_eq(&p->tenant, tenant) || !wanted)
			continue;
		struct policy_row row = {0};
		r = copy_policy(m, p, a, &row, e);
		if (!active)
			row.document = (struct span){NULL, 0};
		size_t at = l.n++;
		for (; at > 0 && strcmp(l.row[at - 1].name, row.name) > 0; at--)
			l.row[at] = l.row[at - 1];
		l.row[at] = row;
	}
	pthread_mutex_unlock(&m->lock);
	if (rc_ok(r))
		*out = l;
	return r;
}

rc
mem_policy_list(struct store *st, const struct uuid *tenant, struct arena *a,
    struct policy_list *out, struct err *e)
{
	return list(st, tenant, false, a, out, e);
}

rc
mem_policy_active(struct store *st, const struct uuid *tenant, struct arena *a,
    struct policy_list *out, struct err *e)
{
	return list(st, tenant, true, a, out, e);
}

static rc
activate_locked(struct store_mem *m, const struct actor *by, struct span name,
    uint32_t version, struct span selector, struct err *e)
{
	const struct uuid *tenant = &by->who->tenant;
	struct mem_active *act = active_of(m, tenant, name);
	bool failed = false;

	if (version == 0 || !version_of(m, tenant, name, version))
		return err_at(e, ERR_POLICY_UNKNOWN, NULL, "%s", "");
	if (!act) {
		act = mem_add(m, &m->active, sizeof(*act));
		if (!act)
			return mem_full(e);
		act->tenant = *tenant;
		act->name = mem_copy(&m->arena, name, &failed);
	}
	act->before = act->version;
	act->before_selector = act->selector;
	act->version = version;
	snprintf(act->approver, sizeof(act->approver), "%s", by->who->name);
	act->selector = mem_copy(&m->arena, selector, &failed);
	m->cluster.policy_serial++;
	m->audits++;
	return failed ? mem_full(e) : RC_OK;
}

rc
mem_policy_activate(struct store *st, const struct actor *by, struct span name,
    uint32_t version, struct span selector, struct err *e)
{
	struct store_mem *m = store_mem(st);

	pthread_mutex_lock(&m->lock);
	rc r = activate_locked(m, by, name, version, selector, e);
	pthread_mutex_unlock(&m->lock);
	return r;
}

rc
mem_policy_rollback(struct store *st, const struct actor *by, struct span name,
    uint32_t *version, struct err *e)
{
	struct store_mem *m = store_mem(st);
	rc r = RC_OK;

	pthread_mutex_lock(&m->lock);
	struct mem_active *act = active_of(m, &by->who->tenant, name);
	if (!act || act->before == 0) {
		r = err_at(e, ERR_POLICY_UNKNOWN,
		    "No other version of this policy was active before.", "%s",
		    "");
	} else {
		act->version = act->before;
		snprintf(
		    act->approver, sizeof(act->approver), "%s", by->who->name);
		act->selector = act->before_selector;
		act->before = 0;
		m->cluster.policy_serial++;
		m->audits++;
		*version = act->version;
	}
	pthread_mutex_unlock(&m->lock);
	return r;
}

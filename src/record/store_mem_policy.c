/* SPDX-License-Identifier: Apache-2.0 */
/* The store in memory: policies. */
#include "record/policy.h"
#include "record/store_mem.h"

/* --- rows ----------------------------------------------------------------- */

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
name_of(struct store_mem *m, const struct uuid *tenant, struct span name)
{
	for (size_t i = 0; i < m->active.n; i++) {
		struct mem_active *a = m->active.row[i];
		if (uuid_eq(&a->tenant, tenant) && span_eq(a->name, name))
			return a;
	}
	return NULL;
}

static rc
note_step(struct store_mem *m, const struct actor *by,
    const struct policy_change *c, uint32_t version, enum policy_step step,
    struct err *e)
{
	struct mem_past *row = mem_add(m, &m->past, sizeof(*row));
	bool failed = row == NULL;

	if (row) {
		row->tenant = by->who->tenant;
		row->name = mem_copy(&m->arena, c->name, &failed);
		row->p = (struct policy_past){.at = by->now,
		    .step = step,
		    .version = version,
		    .percent = c->percent,
		    .selector = mem_copy(&m->arena, c->selector, &failed),
		    .labels = mem_copy(&m->arena, c->labels, &failed),
		    .reason = mem_copy(&m->arena,
			c->reason ? span_str(c->reason)
				  : (struct span){NULL, 0},
			&failed),
		    .four_eyes = c->four_eyes};
		snprintf(
		    row->p.actor, sizeof(row->p.actor), "%s", by->who->name);
	}
	m->cluster.policy_serial += step != STEP_PUT;
	m->audits++;
	return failed ? mem_full(e) : RC_OK;
}

static rc
copy_policy(struct store_mem *m, const struct mem_policy *p, struct arena *a,
    struct policy_row *out, struct err *e)
{
	const struct mem_active *n =
	    name_of(m, &p->tenant, span_str(p->p.name));
	bool failed = false;

	*out = p->p;
	out->document = mem_copy(a, p->p.document, &failed);
	out->source = mem_copy(a, p->p.source, &failed);
	out->origins = mem_copy(a, p->p.origins, &failed);
	out->signature = mem_copy(a, p->p.signature, &failed);
	out->terms = mem_copy(a, p->p.terms, &failed);
	if (n) {
		out->revision = n->revision;
		out->active = n->version;
		out->before = n->before;
		out->selector = mem_copy(a, n->selector, &failed);
		out->staged = n->staged;
		out->percent = n->percent;
		out->stage_selector = mem_copy(a, n->stage_selector, &failed);
		out->stage_labels = mem_copy(a, n->stage_labels, &failed);
		snprintf(
		    out->activator, sizeof(out->activator), "%s", n->activator);
	}
	return failed ? mem_full(e) : RC_OK;
}

/* --- versions ------------------------------------------------------------- */

static struct mem_active *
begin_name(struct store_mem *m, const struct uuid *tenant, struct span name)
{
	struct mem_active *n = name_of(m, tenant, name);
	bool failed = false;

	if (n)
		return n;
	n = mem_add(m, &m->active, sizeof(*n));
	if (!n)
		return NULL;
	n->tenant = *tenant;
	n->name = mem_copy(&m->arena, name, &failed);
	return failed ? NULL : n;
}

static rc
insert_version(struct store_mem *m, const struct actor *by,
    const struct policy_new *new, uint32_t version, struct err *e)
{
	struct mem_policy *p = mem_add(m, &m->policies, sizeof(*p));
	const struct policy_change step = {.name = new->name};
	bool failed = false;

	if (!p)
		return mem_full(e);
	p->tenant = by->who->tenant;
	p->p = (struct policy_row){.version = version,
	    .hash = new->hash,
	    .author_id = by->who->id,
	    .created = by->now,
	    .document = mem_copy(&m->arena, new->document, &failed),
	    .source = mem_copy(&m->arena, new->source, &failed),
	    .origins = mem_copy(&m->arena, new->origins, &failed),
	    .signature = mem_copy(&m->arena, new->signature, &failed),
	    .terms = mem_copy(&m->arena, new->terms, &failed)};
	memcpy(p->p.name, new->name.p, new->name.n);
	snprintf(p->p.author, sizeof(p->p.author), "%s", by->who->name);
	return failed ? mem_full(e)
		      : note_step(m, by, &step, version, STEP_PUT, e);
}

static rc
put_locked(struct store_mem *m, const struct actor *by,
    const struct policy_new *new, uint64_t revision, uint32_t *version,
    struct err *e)
{
	const struct uuid *tenant = &by->who->tenant;
	struct mem_active *n = begin_name(m, tenant, new->name);
	const struct mem_policy *last = version_of(m, tenant, new->name, 0);

	if (!n)
		return mem_full(e);
	if (revision && n->revision != revision)
		return err_at(e, ERR_POLICY_CHANGED, NULL, "%s", "");
	*version = last ? last->p.version : 0;
	if (last && sha256_eq(&last->p.hash, &new->hash) &&
	    span_eq(last->p.signature, new->signature))
		return RC_OK;
	n->revision++;
	++*version;
	return insert_version(m, by, new, *version, e);
}

rc
mem_policy_put(struct store *st, const struct actor *by,
    const struct policy_new *new, uint64_t revision, uint32_t *version,
    struct err *e)
{
	struct store_mem *m = store_mem(st);

	if (new->name.n == 0 || new->name.n >= STORE_NAME)
		return err_at(e, ERR_POLICY_UNKNOWN, NULL, "%s", "");
	pthread_mutex_lock(&m->lock);
	rc r = put_locked(m, by, new, revision, version, e);
	pthread_mutex_unlock(&m->lock);
	return r;
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

static bool
wanted(struct store_mem *m, const struct mem_policy *p, bool active)
{
	struct span name = span_str(p->p.name);
	const struct mem_active *n = name_of(m, &p->tenant, name);

	if (!active)
		return version_of(m, &p->tenant, name, 0) == p;
	return n && (n->version == p->p.version || n->staged == p->p.version);
}

/* The newest version of each name, or those in force; sorted by name. */
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
		if (!uuid_eq(&p->tenant, tenant) || !wanted(m, p, active))
			continue;
		struct policy_row row = {0};
		r = copy_policy(m, p, a, &row, e);
		if (!active)
			row.document = row.source = (struct span){NULL, 0};
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

/* --- steps ---------------------------------------------------------------- */

static void
end_stage(struct mem_active *n)
{
	n->staged = n->percent = 0;
	n->stage_selector = n->stage_labels = (struct span){NULL, 0};
}

static void
retire(struct mem_active *n, struct mem_policy *p)
{
	p->p.retired = true;
	if (n->version == p->p.version) {
		n->version = 0;
		n->selector = (struct span){NULL, 0};
	}
	if (n->before == p->p.version) {
		n->before = 0;
		n->before_selector = (struct span){NULL, 0};
	}
	if (n->staged == p->p.version)
		end_stage(n);
}

static rc
apply_step(struct store_mem *m, const struct actor *by,
    const struct policy_change *c, struct mem_active *n, struct mem_policy *p,
    struct err *e)
{
	bool failed = false;
	struct span selector = mem_copy(&m->arena, c->selector, &failed);
	struct span labels = mem_copy(&m->arena, c->labels, &failed);

	if (failed)
		return mem_full(e);
	if (c->step == STEP_STAGE) {
		n->staged = p->p.version;
		n->percent = c->percent;
		n->stage_selector = selector;
		n->stage_labels = labels;
	}
	if (c->step == STEP_UNSTAGE || c->step == STEP_ACTIVATE)
		end_stage(n);
	if (c->step == STEP_ACTIVATE) {
		n->before = n->version;
		n->before_selector = n->selector;
		n->version = p->p.version;
		n->selector = selector;
	}
	if (c->step == STEP_ROLLBACK) {
		n->version = n->before;
		n->selector = n->before_selector;
		n->before = 0;
	}
	if (c->step == STEP_RETIRE)
		retire(n, p);
	if (c->step == STEP_ACTIVATE || c->step == STEP_ROLLBACK)
		snprintf(
		    n->activator, sizeof(n->activator), "%s", by->who->name);
	return RC_OK;
}

/* The first approval counts, but one by four eyes more. */
static void
approve(struct mem_policy *p, const struct actor *by, bool four_eyes)
{
	if (*p->p.approver && (p->p.four_eyes || !four_eyes))
		return;
	snprintf(p->p.approver, sizeof(p->p.approver), "%s", by->who->name);
	p->p.approved = by->now;
	p->p.four_eyes = four_eyes;
}

static struct mem_policy *
target(struct store_mem *m, const struct uuid *tenant,
    const struct policy_change *c, const struct mem_active *n)
{
	uint32_t version = c->step == STEP_ROLLBACK  ? n->before
			   : c->step == STEP_UNSTAGE ? n->staged
						     : c->version;

	return version ? version_of(m, tenant, c->name, version) : NULL;
}

static rc
change_locked(struct store_mem *m, const struct actor *by,
    const struct policy_change *c, uint32_t *version, struct err *e)
{
	const struct uuid *tenant = &by->who->tenant;
	struct mem_active *n = name_of(m, tenant, c->name);
	const struct policy_change approval = {
	    .name = c->name, .four_eyes = c->four_eyes};
	bool approves = false;
	struct policy_row row;
	struct arena a;

	if (n && c->revision && n->revision != c->revision)
		return err_at(e, ERR_POLICY_CHANGED, NULL, "%s", "");
	struct mem_policy *p = n ? target(m, tenant, c, n) : NULL;
	if (!p)
		return err_at(e, ERR_POLICY_UNKNOWN, NULL, "version");
	arena_init(&a, SIZE_MAX);
	rc r = copy_policy(m, p, &a, &row, e);
	if (rc_ok(r))
		r = policy_step_allowed(&row, c, by->who, &approves, e);
	arena_free(&a);
	TRY(r);
	n->revision++;
	if (approves) {
		approve(p, by, c->four_eyes);
		TRY(note_step(m, by, &approval, p->p.version, STEP_APPROVE, e));
	}
	*version = p->p.version;
	if (c->step == STEP_APPROVE)
		return RC_OK;
	TRY(apply_step(m, by, c, n, p, e));
	return note_step(m, by, c, p->p.version, c->step, e);
}

rc
mem_policy_change(struct store *st, const struct actor *by,
    const struct policy_change *c, uint32_t *version, struct err *e)
{
	struct store_mem *m = store_mem(st);

	pthread_mutex_lock(&m->lock);
	rc r = change_locked(m, by, c, version, e);
	pthread_mutex_unlock(&m->lock);
	return r;
}

rc
mem_policy_history(struct store *st, const struct uuid *tenant,
    struct span name, struct arena *a, struct policy_history *out,
    struct err *e)
{
	struct store_mem *m = store_mem(st);
	struct policy_history h = {0};
	bool failed = false;

	pthread_mutex_lock(&m->lock);
	h.step = arena_array(a, STORE_LIST, sizeof(*h.step));
	for (size_t i = m->past.n; h.step && i-- > 0 && h.n < STORE_LIST;) {
		const struct mem_past *row = m->past.row[i];
		if (!uuid_eq(&row->tenant, tenant) || !span_eq(row->name, name))
			continue;
		struct policy_past *p = &h.step[h.n++];
		*p = row->p;
		p->selector = mem_copy(a, row->p.selector, &failed);
		p->labels = mem_copy(a, row->p.labels, &failed);
		p->reason = mem_copy(a, row->p.reason, &failed);
	}
	pthread_mutex_unlock(&m->lock);
	if (!h.step || failed)
		return mem_full(e);
	if (h.n == 0)
		return err_at(e, ERR_POLICY_UNKNOWN, NULL, "%s", "");
	*out = h;
	return RC_OK;
}

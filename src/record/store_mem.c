/* SPDX-License-Identifier: Apache-2.0 */
/* The store in memory: arrays, one lock, linear searches. For tests. */
#include "record/store_mem.h"

#include <stdlib.h>

enum { MEM_CAP = 256 * 1024 * 1024 };

static rc
no_memory(struct err *e)
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

static bool
copy_identity(struct arena *a, struct identity *id)
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
	bool failed = !copy_identity(a, &n.identity);

	n.env_class = mem_copy(a, n.env_class, &failed);
	n.labels = mem_copy(a, n.labels, &failed);
	n.state.attester.ima = mem_copy(a, n.state.attester.ima, &failed);
	if (failed)
		return no_memory(e);
	*out = n;
	return RC_OK;
}

/* --- cluster, administrators
 * ---------------------------------------------------- */

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
		return no_memory(e);
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

static rc
admin_put(struct store *st, const struct actor *by, const struct sha256 *token,
    enum role role, struct span name, struct err *e)
{
	struct store_mem *m = store_mem(st);
	struct principal p;

	TRY(new_principal(name, role, by->now, &p, e));
	p.tenant = by->who->tenant;
	pthread_mutex_lock(&m->lock);
	rc r = add_admin(m, &p, token, e);
	pthread_mutex_unlock(&m->lock);
	return r;
}

static rc
admin_get(struct store *st, const struct sha256 *token, struct principal *out,
    struct err *e)
{
	struct store_mem *m = store_mem(st);
	rc r = (rc){ERR_AUTH_INVALID};

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->admins.n && !rc_ok(r); i++) {
		const struct mem_admin *a = m->admins.row[i];
		if (sha256_eq(&a->hash, token)) {
			*out = a->who;
			r = RC_OK;
		}
	}
	pthread_mutex_unlock(&m->lock);
	return rc_ok(r) ? r : err_at(e, r.code, NULL, "%s", "");
}

/* --- enrolment
 * -------------------------------------------------------------------- */

static struct mem_token *
token_by_hash(struct store_mem *m, const struct sha256 *hash)
{
	for (size_t i = 0; i < m->tokens.n; i++) {
		struct mem_token *t = m->tokens.row[i];
		if (sha256_eq(&t->t.hash, hash))
			return t;
	}
	return NULL;
}

static rc
token_put(struct store *st, const struct actor *by, const struct enrol_token *t,
    struct err *e)
{
	struct store_mem *m = store_mem(st);
	bool failed = false;
	struct mem_token *row = NULL;

	pthread_mutex_lock(&m->lock);
	bool known = token_by_hash(m, &t->hash) != NULL;
	if (!known)
		row = mem_add(m, &m->tokens, sizeof(*row));
	if (row) {
		row->tenant = by->who->tenant;
		row->t = *t;
		row->t.env_class = mem_copy(&m->arena, t->env_class, &failed);
		row->t.labels = mem_copy(&m->arena, t->labels, &failed);
		m->audits++;
	}
	pthread_mutex_unlock(&m->lock);
	if (known)
		return err_at(e, ERR_INTERNAL, NULL, "%s", "");
	return row && !failed ? RC_OK : no_memory(e);
}

static rc
token_list(struct store *st, const struct uuid *tenant, struct arena *a,
    struct enrol_token **out, size_t *n, struct err *e)
{
	struct store_mem *m = store_mem(st);
	bool failed = false;
	size_t found = 0;

	pthread_mutex_lock(&m->lock);
	struct enrol_token *t = arena_array(a, m->tokens.n, sizeof(*t));
	for (size_t i = 0; t && i < m->tokens.n; i++) {
		const struct mem_token *row = m->tokens.row[i];
		if (!uuid_eq(&row->tenant, tenant))
			continue;
		t[found] = row->t;
		t[found].hash = (struct sha256){{0}};
		t[found].env_class = mem_copy(a, row->t.env_class, &failed);
		t[found].labels = mem_copy(a, row->t.labels, &failed);
		found++;
	}
	pthread_mutex_unlock(&m->lock);
	if (!t || failed)
		return no_memory(e);
	*out = t;
	*n = found;
	return RC_OK;
}

static rc
token_revoke(struct store *st, const struct actor *by, const struct uuid *id,
    struct err *e)
{
	struct store_mem *m = store_mem(st);
	bool found = false;

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->tokens.n; i++) {
		struct mem_token *row = m->tokens.row[i];
		if (!uuid_eq(&row->tenant, &by->who->tenant) ||
		    !uuid_eq(&row->t.id, id))
			continue;
		found = true;
		if (!row->t.revoked)
			row->t.revoked = by->now;
	}
	m->audits += found;
	pthread_mutex_unlock(&m->lock);
	return found ? RC_OK : err_at(e, ERR_ENROL_TOKEN, NULL, "%s", "");
}

static struct mem_listed *
listed(struct store_mem *m, const struct uuid *tenant, const struct sha256 *ek)
{
	for (size_t i = 0; i < m->listed.n; i++) {
		struct mem_listed *row = m->listed.row[i];
		if (uuid_eq(&row->tenant, tenant) && sha256_eq(&row->ek.ek, ek))
			return row;
	}
	return NULL;
}

static rc
ek_put(struct store *st, const struct actor *by, const struct listed_ek *eks,
    size_t n, struct err *e)
{
	struct store_mem *m = store_mem(st);
	bool failed = false;

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < n && !failed; i++) {
		struct mem_listed *row =
		    listed(m, &by->who->tenant, &eks[i].ek);
		if (!row)
			row = mem_add(m, &m->listed, sizeof(*row));
		if (!row) {
			failed = true;
			break;
		}
		row->tenant = by->who->tenant;
		row->ek = eks[i];
		row->ek.name = mem_copy(&m->arena, eks[i].name, &failed);
		row->ek.env_class =
		    mem_copy(&m->arena, eks[i].env_class, &failed);
		row->ek.labels = mem_copy(&m->arena, eks[i].labels, &failed);
	}
	m->audits++;
	pthread_mutex_unlock(&m->lock);
	return failed ? no_memory(e) : RC_OK;
}

static bool
token_usable(const struct mem_token *t, int64_t now)
{
	return !t->t.revoked && t->t.expires > now && t->t.used < t->t.uses;
}

/* The rules that node_name, node_ek and node_ak hold in SQL. */
static enum err_code
rule_broken(
    struct store_mem *m, const struct uuid *tenant, const struct enrolment *en)
{
	const struct mem_listed *l = listed(m, tenant, &en->identity.ek);
	enum err_code code = ERR_OK;

	if (l && l->ek.name.n && !span_eq(l->ek.name, en->name))
		code = ERR_ENROL_NAME;
	for (size_t i = 0; i < m->nodes.n; i++) {
		const struct node *n = m->nodes.row[i];
		bool ek = sha256_eq(&n->identity.ek, &en->identity.ek);
		bool name = span_eq(span_str(n->name), en->name);
		if (!uuid_eq(&n->tenant, tenant) ||
		    n->admission == ADMISSION_RETIRED || (ek && name))
			continue;
		if (ek)
			return ERR_EK_DUPLICATE;
		if (name)
			code = ERR_ENROL_NAME;
		else if (code == ERR_OK &&
			 span_eq(n->identity.ak_name, en->identity.ak_name))
			code = ERR_AK_DUPLICATE;
	}
	return code;
}

static rc
keep_enrolment(struct store_mem *m, const struct mem_token *t,
    const struct enrolment *en, struct err *e)
{
	bool failed = false;

	for (size_t i = 0; i < m->enrolments.n; i++) {
		struct mem_enrolment *row = m->enrolments.row[i];
		if (uuid_eq(&row->tenant, &t->tenant) &&
		    sha256_eq(&row->en.identity.ek, &en->identity.ek))
			row->gone = true;
	}
	struct mem_enrolment *row = mem_add(m, &m->enrolments, sizeof(*row));
	if (!row)
		return no_memory(e);
	*row = (struct mem_enrolment){t->tenant, t->t.id, *en, 0, false};
	row->en.name = mem_copy(&m->arena, en->name, &failed);
	failed |= !copy_identity(&m->arena, &row->en.identity);
	return failed ? no_memory(e) : RC_OK;
}

static rc
enrol_begin(struct store *st, const struct sha256 *token,
    const struct enrolment *en, struct uuid *tenant, struct err *e)
{
	struct store_mem *m = store_mem(st);
	rc r = (rc){ERR_ENROL_TOKEN};

	pthread_mutex_lock(&m->lock);
	const struct mem_token *t = token_by_hash(m, token);
	if (t && token_usable(t, en->created)) {
		r = (rc){rule_broken(m, &t->tenant, en)};
		if (rc_ok(r))
			r = keep_enrolment(m, t, en, e);
		if (rc_ok(r))
			*tenant = t->tenant;
	}
	pthread_mutex_unlock(&m->lock);
	return rc_ok(r) ? r : err_at(e, r.code, NULL, "%s", "");
}

static struct mem_enrolment *
pending(struct store_mem *m, const struct activation *act)
{
	for (size_t i = 0; i < m->enrolments.n; i++) {
		struct mem_enrolment *row = m->enrolments.row[i];
		if (!row->gone && uuid_eq(&row->en.id, &act->enrolment))
			return row;
	}
	return NULL;
}

static struct mem_token *
token_of(struct store_mem *m, const struct mem_enrolment *p)
{
	for (size_t i = 0; i < m->tokens.n; i++) {
		struct mem_token *t = m->tokens.row[i];
		if (uuid_eq(&t->t.id, &p->token))
			return t;
	}
	return NULL;
}

static struct node *
node_of_ek(struct store_mem *m, const struct mem_enrolment *p)
{
	for (size_t i = 0; i < m->nodes.n; i++) {
		struct node *n = m->nodes.row[i];
		if (uuid_eq(&n->tenant, &p->tenant) &&
		    n->admission != ADMISSION_RETIRED &&
		    sha256_eq(&n->identity.ek, &p->en.identity.ek))
			return n;
	}
	return NULL;
}

static struct node *
new_node(struct store_mem *m, const struct mem_enrolment *p,
    const struct activation *act)
{
	struct node *n = mem_add(m, &m->nodes, sizeof(*n));

	if (!n)
		return NULL;
	n->tenant = p->tenant;
	n->id = act->node;
	snprintf(n->name, sizeof(n->name), "%.*s", (int)p->en.name.n,
	    (const char *)p->en.name.p);
	n->identity = p->en.identity;
	n->enrolled = act->now;
	return n;
}

static void
admit(struct node *n, int64_t now)
{
	n->admission = ADMISSION_ADMITTED;
	if (!n->admitted)
		n->admitted = now;
}

static rc
activate_locked(struct store_mem *m, const struct activation *act,
    struct node **out, struct err *e)
{
	struct mem_enrolment *p = pending(m, act);

	if (!p || p->tries >= STORE_TRIES || act->now >= p->en.expires)
		return (rc){ERR_ENROL_ACTIVATION};
	if (!secret_equal(p->en.secret.b, act->secret.b, 32)) {
		p->tries++;
		return (rc){ERR_ENROL_ACTIVATION};
	}
	struct mem_token *t = token_of(m, p);
	if (!t || !token_usable(t, act->now))
		return (rc){ERR_ENROL_TOKEN};
	enum err_code broken = rule_broken(m, &p->tenant, &p->en);
	if (broken != ERR_OK)
		return (rc){broken};
	const struct mem_listed *l = listed(m, &p->tenant, &p->en.identity.ek);
	struct node *n = node_of_ek(m, p);
	if (!n) {
		n = new_node(m, p, act);
		if (!n)
			return no_memory(e);
		n->env_class =
		    l && l->ek.env_class.n ? l->ek.env_class : t->t.env_class;
		n->labels = l ? l->ek.labels : t->t.labels;
	}
	n->identity.ak_public = p->en.identity.ak_public;
	n->identity.ak_name = p->en.identity.ak_name;
	n->identity.ak_qualified = p->en.identity.ak_qualified;
	n->identity.ak_alg = p->en.identity.ak_alg;
	n->node_token = act->node_token;
	n->version++;
	struct attester *at = &n->state.attester;
	at->boot_log = at->ima_policy = (struct sha256){{0}};
	at->ima_offset = 0;
	at->ima = (struct span){NULL, 0};
	if (l)
		admit(n, act->now);
	t->t.used++;
	p->gone = true;
	m->audits++;
	*out = n;
	return RC_OK;
}

static rc
enrol_activate(struct store *st, const struct activation *act, struct arena *a,
    struct node *out, struct err *e)
{
	struct store_mem *m = store_mem(st);
	struct node *n = NULL;

	pthread_mutex_lock(&m->lock);
	rc r = activate_locked(m, act, &n, e);
	if (rc_ok(r))
		r = mem_copy_node(a, n, out, e);
	pthread_mutex_unlock(&m->lock);
	return rc_ok(r) ? r : err_at(e, r.code, NULL, "%s", "");
}

/* --- nodes
 * ---------------------------------------------------------------------- */

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

static rc
node_get(struct store *st, const struct uuid *tenant, const struct uuid *id,
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

static rc
node_find(struct store *st, const struct uuid *tenant, struct span name,
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
		return no_memory(e);
	qsort(hit, n, sizeof(*hit), by_id);
	for (size_t i = 0; i < l.n; i++)
		TRY(mem_copy_node(a, hit[i], &l.node[i], e));
	*out = l;
	return RC_OK;
}

static rc
node_list(struct store *st, const struct uuid *tenant,
    const struct node_filter *f, struct arena *a, struct node_list *out,
    struct err *e)
{
	struct store_mem *m = store_mem(st);

	pthread_mutex_lock(&m->lock);
	rc r = list_locked(m, tenant, f, a, out, e);
	pthread_mutex_unlock(&m->lock);
	return r;
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
		admit(n, by->now);
	if (c->act == NODE_CLEAR)
		n->state.held = false;
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
	return failed ? no_memory(e) : RC_OK;
}

static rc
node_change(struct store *st, const struct actor *by,
    const struct node_change *c, struct err *e)
{
	struct store_mem *m = store_mem(st);

	pthread_mutex_lock(&m->lock);
	rc r = change_locked(m, by, c, e);
	pthread_mutex_unlock(&m->lock);
	return r;
}

/* --- events
 * ----------------------------------------------------------------------- */

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
counts_get(struct store *st, const struct uuid *tenant, int64_t now,
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

/* --- open, close
 * ---------------------------------------------------------------------- */

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
    .admin_get = admin_get,
    .token_put = token_put,
    .token_list = token_list,
    .token_revoke = token_revoke,
    .ek_put = ek_put,
    .enrol_begin = enrol_begin,
    .enrol_activate = enrol_activate,
    .node_get = node_get,
    .node_find = node_find,
    .node_list = node_list,
    .node_change = node_change,
    .policy_put = mem_policy_put,
    .policy_get = mem_policy_get,
    .policy_list = mem_policy_list,
    .policy_active = mem_policy_active,
    .policy_activate = mem_policy_activate,
    .policy_rollback = mem_policy_rollback,
    .commit = mem_commit,
    .verdict_get = mem_verdict_get,
    .verdict_list = mem_verdict_list,
    .evidence_get = mem_evidence_get,
    .blob_get = mem_blob_get,
    .ima_list = mem_ima_list,
    .ima_get = mem_ima_get,
    .security_put = security_put,
    .audit_put = audit_put,
    .counts_get = counts_get,
    .purge = purge,
};

rc
store_mem_open(struct store **out, struct err *e)
{
	struct store_mem *m = calloc(1, sizeof(*m));

	if (!m)
		return no_memory(e);
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

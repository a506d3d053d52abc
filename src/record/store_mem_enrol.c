/* SPDX-License-Identifier: Apache-2.0 */
/* The store in memory: enrolment. */
#include "record/store_mem.h"

/* --- enrolment ------------------------------------------------------------ */

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

rc
mem_token_put(struct store *st, const struct actor *by,
    const struct enrol_token *t, struct err *e)
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
		row->t.names = mem_copy(&m->arena, t->names, &failed);
		m->audits++;
	}
	pthread_mutex_unlock(&m->lock);
	if (known)
		return err_at(e, ERR_INTERNAL, NULL, "%s", "");
	return row && !failed ? RC_OK : mem_full(e);
}

rc
mem_token_list(struct store *st, const struct uuid *tenant, struct arena *a,
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
		t[found].names = mem_copy(a, row->t.names, &failed);
		found++;
	}
	pthread_mutex_unlock(&m->lock);
	if (!t || failed)
		return mem_full(e);
	*out = t;
	*n = found;
	return RC_OK;
}

rc
mem_token_revoke(struct store *st, const struct actor *by,
    const struct uuid *id, struct err *e)
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

rc
mem_ek_put(struct store *st, const struct actor *by,
    const struct listed_ek *eks, size_t n, struct err *e)
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
	return failed ? mem_full(e) : RC_OK;
}

static bool
token_usable(const struct mem_token *t, int64_t now)
{
	return !t->t.revoked && t->t.expires > now && t->t.used < t->t.uses;
}

/* An operator listed this name with another EK, or this EK with another name.
 */
static bool
listed_otherwise(
    struct store_mem *m, const struct uuid *tenant, const struct enrolment *en)
{
	for (size_t i = 0; i < m->listed.n; i++) {
		const struct mem_listed *row = m->listed.row[i];
		bool ek = sha256_eq(&row->ek.ek, &en->identity.ek);
		bool name = span_eq(row->ek.name, en->name);
		if (uuid_eq(&row->tenant, tenant) && row->ek.name.n &&
		    ek != name)
			return true;
	}
	return false;
}

/* The rules that node_name, node_ek and node_ak hold in SQL. */
static enum err_code
rule_broken(
    struct store_mem *m, const struct uuid *tenant, const struct enrolment *en)
{
	enum err_code code =
	    listed_otherwise(m, tenant, en) ? ERR_ENROL_NAME : ERR_OK;

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
	int waiting = 0;

	for (size_t i = m->enrolments.n; i-- > 0;) {
		struct mem_enrolment *row = m->enrolments.row[i];
		if (uuid_eq(&row->tenant, &t->tenant) && !row->node &&
		    sha256_eq(&row->en.identity.ek, &en->identity.ek) &&
		    ++waiting >= STORE_PENDING)
			row->gone = true;
	}
	struct mem_enrolment *row = mem_add(m, &m->enrolments, sizeof(*row));
	if (!row)
		return mem_full(e);
	*row = (struct mem_enrolment){
	    .tenant = t->tenant, .token = t->t.id, .en = *en};
	row->en.name = mem_copy(&m->arena, en->name, &failed);
	failed |= !mem_copy_identity(&m->arena, &row->en.identity);
	return failed ? mem_full(e) : RC_OK;
}

rc
mem_enrol_begin(struct store *st, const struct sha256 *token,
    const struct enrolment *en, struct uuid *tenant, struct err *e)
{
	struct store_mem *m = store_mem(st);
	rc r = (rc){ERR_ENROL_TOKEN};

	pthread_mutex_lock(&m->lock);
	const struct mem_token *t = token_by_hash(m, token);
	if (t && token_usable(t, en->created)) {
		r = enrol_name_allowed(t->t.names, en->name)
			? (rc){rule_broken(m, &t->tenant, en)}
			: (rc){ERR_ENROL_SCOPE};
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

/* Whoever enrolled this EK before that did not prove it, or is replaced. */
static void
end_others(struct store_mem *m, const struct mem_enrolment *p)
{
	for (size_t i = 0; i < m->enrolments.n; i++) {
		struct mem_enrolment *row = m->enrolments.row[i];
		if (row != p && uuid_eq(&row->tenant, &p->tenant) &&
		    sha256_eq(&row->en.identity.ek, &p->en.identity.ek))
			row->gone = true;
	}
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
	if (p->node) {
		*out = p->node;
		return enrol_still(p->node, &p->en, act)
			   ? RC_OK
			   : (rc){ERR_ENROL_ACTIVATION};
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
			return mem_full(e);
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
		mem_admit(n, act->now);
	t->t.used++;
	p->node = n;
	end_others(m, p);
	m->audits++;
	*out = n;
	return RC_OK;
}

rc
mem_enrol_activate(struct store *st, const struct activation *act,
    struct arena *a, struct node *out, struct err *e)
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

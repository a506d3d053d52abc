/* SPDX-License-Identifier: Apache-2.0 */
/* The store in memory: boots and their evidence. */
#include "record/boots.h"
#include "record/store_mem.h"

/* --- the list ------------------------------------------------------------- */

static bool
later(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) > 0;
}

/* As PostgreSQL orders them: 64 bits in two's complement. */
static int64_t
boot_of(const struct verdict_row *v)
{
	return (int64_t)v->boot;
}

/* v is the last of its boot, and of its node. */
static bool
is_last(struct store_mem *m, const struct verdict_row *v, bool *latest)
{
	*latest = true;
	for (size_t i = 0; i < m->records.n; i++) {
		const struct verdict_row *o =
		    &((const struct mem_record *)m->records.row[i])->r.row;
		if (!uuid_eq(&o->node, &v->node) || !later(&o->id, &v->id))
			continue;
		*latest = false;
		if (o->boot == v->boot)
			return false;
	}
	return true;
}

static bool
wanted(struct store_mem *m, const struct verdict_row *v,
    const struct uuid *tenant, const struct boots_filter *f)
{
	const struct node *n = mem_node(m, tenant, &v->node);
	uint32_t shares = f->shares ? f->shares : 1;

	if (!n || n->admission == ADMISSION_RETIRED ||
	    !uuid_eq(&v->tenant, tenant) ||
	    v->verified / TIME_MS < f->since / TIME_MS ||
	    (f->labels.n && !labels_match(f->labels, n->labels)) ||
	    v->node.b[15] % shares != f->share)
		return false;
	if (uuid_none(&f->after) || later(&v->node, &f->after))
		return true;
	return uuid_eq(&v->node, &f->after) &&
	       boot_of(v) < (int64_t)f->after_boot;
}

static bool
comes_before(const struct verdict_row *a, const struct verdict_row *b)
{
	int d = memcmp(a->node.b, b->node.b, sizeof(a->node.b));

	return d ? d < 0 : boot_of(a) > boot_of(b);
}

/* A row as it would come back from the tables. */
static struct boot_row
row_of(struct store_mem *m, const struct verdict_row *v, bool latest,
    struct arena *a, bool *failed)
{
	struct boot_row out = {.verdict = mem_bare(m, v), .latest = latest};
	const struct node *n = mem_node(m, &v->tenant, &v->node);

	out.verdict.context =
	    mem_copy(a, mem_blob_of(m, &v->tenant, &v->context_sha256), failed);
	if (!sha256_none(&v->userspace_log))
		out.verdict.findings = mem_copy(
		    a, mem_blob_of(m, &v->tenant, &v->findings_sha256), failed);
	out.env_class = mem_copy(a, n->env_class, failed);
	out.identity = n->identity;
	*failed |= !mem_copy_identity(a, &out.identity);
	out.log_bytes = mem_blob_of(m, &v->tenant, &v->boot_log).n;
	out.userspace_bytes = mem_blob_of(m, &v->tenant, &v->userspace_log).n;
	return out;
}

rc
mem_boots_list(struct store *st, const struct uuid *tenant,
    const struct boots_filter *f, struct arena *a, struct boots_list *out,
    struct err *e)
{
	struct store_mem *m = store_mem(st);
	struct boots_list l = {0};
	size_t limit = f->limit < STORE_LIST ? f->limit : STORE_LIST;
	bool latest, failed = false;

	pthread_mutex_lock(&m->lock);
	l.row = arena_array(a, m->records.n, sizeof(*l.row));
	for (size_t i = 0; l.row && i < m->records.n; i++) {
		const struct verdict_row *v =
		    &((const struct mem_record *)m->records.row[i])->r.row;
		if (!wanted(m, v, tenant, f) || !is_last(m, v, &latest))
			continue;
		size_t at = l.n++;
		for (; at > 0 && comes_before(v, &l.row[at - 1].verdict); at--)
			l.row[at] = l.row[at - 1];
		l.row[at] = row_of(m, v, latest, a, &failed);
	}
	pthread_mutex_unlock(&m->lock);
	if (!l.row || failed)
		return mem_full(e);
	l.more = l.n > limit;
	if (l.more)
		l.n = limit;
	*out = l;
	return RC_OK;
}

/* --- the evidence --------------------------------------------------------- */

static bool
piece_of(const struct record *r, const struct verdict_row *v)
{
	return uuid_eq(&r->row.node, &v->node) && r->row.boot == v->boot &&
	       r->ima.n && !later(&r->row.id, &v->id) &&
	       (r->ima_accepted || uuid_eq(&r->row.id, &v->id));
}

/* Records are in the order of their commits, which is that of a node's ids. */
static bool
read_ima(struct store_mem *m, const struct verdict_row *v, struct arena *a,
    struct span *out)
{
	struct ima_pieces p = {0};
	bool failed = false;

	for (size_t i = 0; i < m->records.n; i++) {
		const struct record *r =
		    &((const struct mem_record *)m->records.row[i])->r;
		if (piece_of(r, v) &&
		    !ima_pieces_add(&p, r->row.ima_start,
			mem_copy(a, r->ima, &failed), boots_ima_bytes(v), a))
			return false;
	}
	*out = p.list;
	return !failed;
}

rc
mem_boots_read(struct store *st, const struct uuid *tenant,
    const struct boot_row *row, size_t n, struct arena *a,
    struct boot_evidence *out, struct err *e)
{
	struct store_mem *m = store_mem(st);
	bool failed = false;

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < n; i++) {
		const struct verdict_row *v = &row[i].verdict;
		const struct mem_record *r = mem_record_of(m, tenant, &v->id);
		out[i] = (struct boot_evidence){0};
		if (r)
			out[i].quote = (struct evidence_row){
			    mem_copy(a, r->r.attest, &failed),
			    mem_copy(a, r->r.signature, &failed),
			    mem_copy(a, r->r.pcrs, &failed)};
		out[i].boot_log =
		    mem_copy(a, mem_blob_of(m, tenant, &v->boot_log), &failed);
		out[i].userspace_log = mem_copy(
		    a, mem_blob_of(m, tenant, &v->userspace_log), &failed);
		failed |= !read_ima(m, v, a, &out[i].ima);
		boots_settle(v, &out[i]);
	}
	pthread_mutex_unlock(&m->lock);
	return failed ? mem_full(e) : RC_OK;
}

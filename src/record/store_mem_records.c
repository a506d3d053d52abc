/* SPDX-License-Identifier: Apache-2.0 */
/* The store in memory: verdicts and evidence. */
#include "record/store_mem.h"

/* --- commit --------------------------------------------------------------- */

static struct mem_record *
consumer(struct store_mem *m, const struct uuid *node, const uint8_t *challenge)
{
	for (size_t i = 0; i < m->records.n; i++) {
		struct mem_record *r = m->records.row[i];
		if (r->expires && uuid_eq(&r->r.row.node, node) &&
		    memcmp(r->r.row.challenge, challenge, 16) == 0)
			return r;
	}
	return NULL;
}

struct used
mem_used(struct store_mem *m, const struct uuid *node, const uint8_t *challenge)
{
	const struct mem_record *r = consumer(m, node, challenge);

	return r ? (struct used){true, r->r.row.evidence, r->r.row.id}
		 : (struct used){0};
}

struct piece {
	struct span bytes;
	const struct sha256 *sha256;
};

/* The schema's CHECK (sha256 = sha256(bytes)). */
static bool
hash_fits(struct store_mem *m, const struct piece *p)
{
	struct sha256 h;

	return p->bytes.n == 0 ||
	       (rc_ok(hash_of(m->hasher, ALG_SHA256, p->bytes, h.b)) &&
		   sha256_eq(&h, p->sha256));
}

static bool
put_blob(struct store_mem *m, const struct uuid *tenant, const struct piece *p)
{
	bool failed = false;

	if (p->bytes.n == 0)
		return true;
	for (size_t i = 0; i < m->blobs.n; i++) {
		const struct mem_blob *b = m->blobs.row[i];
		if (uuid_eq(&b->tenant, tenant) &&
		    sha256_eq(&b->sha256, p->sha256))
			return true;
	}
	struct mem_blob *b = mem_add(m, &m->blobs, sizeof(*b));
	if (!b)
		return false;
	*b = (struct mem_blob){
	    *tenant, *p->sha256, mem_copy(&m->arena, p->bytes, &failed)};
	return !failed;
}

static void
move_state(
    struct store_mem *m, struct node *n, const struct record *r, bool *failed)
{
	struct node_state before = n->state;
	const struct verdict_row *v = &r->row;

	n->state = r->after;
	n->state.attester.ima =
	    mem_copy(&m->arena, r->after.attester.ima, failed);
	n->state.verdict = v->id;
	n->state.result = v->result;
	n->state.code = v->code;
	if (node_still_failed(&before, v->result)) {
		n->state.result = before.result;
		n->state.code = before.code;
		n->state.observe = before.observe;
	}
	n->state.verified = v->verified;
	n->state.valid_until = v->valid_until;
	n->state.held |= before.held;
	n->version++;
}

static void
put_record(struct store_mem *m, struct node *n, struct record *r)
{
	const struct piece blobs[] = {{r->row.context, &r->row.context_sha256},
	    {r->row.findings, &r->row.findings_sha256},
	    {r->row.detail, &r->row.detail_sha256},
	    {r->boot_log, &r->row.boot_log},
	    {r->userspace_log, &r->row.userspace_log}};
	const struct piece segment = {r->ima, &r->row.ima};
	bool failed = !hash_fits(m, &segment);

	r->outcome = OUTCOME_FAILED;
	r->error = ERR_INTERNAL;
	for (size_t i = 0; i < 5; i++)
		failed |= !hash_fits(m, &blobs[i]);
	if (failed)
		return;
	r->error = ERR_MEMORY;
	for (size_t i = 0; i < 5; i++)
		failed |= !put_blob(m, &r->row.tenant, &blobs[i]);
	struct mem_record *row = mem_add(m, &m->records, sizeof(*row));
	if (failed || !row)
		return;
	row->r = *r;
	row->expires = r->challenge_expires;
	row->r.attest = mem_copy(&m->arena, r->attest, &failed);
	row->r.signature = mem_copy(&m->arena, r->signature, &failed);
	row->r.pcrs = mem_copy(&m->arena, r->pcrs, &failed);
	row->r.ima = mem_copy(&m->arena, r->ima, &failed);
	move_state(m, n, r, &failed);
	if (failed)
		return;
	r->outcome = OUTCOME_COMMITTED;
	r->error = ERR_OK;
}

static bool
node_before(const struct record *r, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (uuid_eq(&r[k].row.node, &r[i].row.node) &&
		    uuid_eq(&r[k].row.tenant, &r[i].row.tenant))
			return true;
	return false;
}

static void
commit_one(struct store_mem *m, struct record *r, size_t i)
{
	const struct verdict_row *v = &r[i].row;
	struct node *n = mem_node(m, &v->tenant, &v->node);

	r[i].error = ERR_OK;
	r[i].used = (struct used){0};
	r[i].outcome = OUTCOME_CONFLICT;
	if (node_before(r, i))
		return;
	r[i].used = mem_used(m, &v->node, v->challenge);
	if (r[i].used.found)
		r[i].outcome = OUTCOME_DUPLICATE;
	else if (n && n->version == r[i].version)
		put_record(m, n, &r[i]);
}

rc
mem_commit(struct store *st, struct record *r, size_t n, struct err *e)
{
	struct store_mem *m = store_mem(st);
	rc first = RC_OK;

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < n; i++) {
		commit_one(m, r, i);
		if (r[i].outcome == OUTCOME_FAILED && rc_ok(first))
			first = err_at(e, r[i].error, NULL, "%s", "");
	}
	pthread_mutex_unlock(&m->lock);
	return first;
}

/* --- verdicts, evidence --------------------------------------------------- */

const struct mem_record *
mem_record_of(
    struct store_mem *m, const struct uuid *tenant, const struct uuid *verdict)
{
	for (size_t i = 0; i < m->records.n; i++) {
		const struct mem_record *r = m->records.row[i];
		if (uuid_eq(&r->r.row.tenant, tenant) &&
		    uuid_eq(&r->r.row.id, verdict))
			return r;
	}
	return NULL;
}

struct span
mem_blob_of(
    struct store_mem *m, const struct uuid *tenant, const struct sha256 *sha256)
{
	for (size_t i = 0; i < m->blobs.n; i++) {
		const struct mem_blob *b = m->blobs.row[i];
		if (uuid_eq(&b->tenant, tenant) &&
		    sha256_eq(&b->sha256, sha256))
			return b->bytes;
	}
	return (struct span){NULL, 0};
}

struct verdict_row
mem_bare(struct store_mem *m, const struct verdict_row *v)
{
	struct verdict_row out = *v;
	const struct node *n = mem_node(m, &v->tenant, &v->node);

	snprintf(out.node_name, sizeof(out.node_name), "%s", n ? n->name : "");
	out.before.ima = (struct span){NULL, 0};
	out.context = out.findings = out.detail = (struct span){NULL, 0};
	return out;
}

rc
mem_verdict_get(struct store *st, const struct uuid *tenant,
    const struct uuid *id, struct arena *a, struct verdict_row *out,
    struct err *e)
{
	struct store_mem *m = store_mem(st);
	bool failed = false;

	pthread_mutex_lock(&m->lock);
	const struct mem_record *r = mem_record_of(m, tenant, id);
	if (r) {
		*out = mem_bare(m, &r->r.row);
		out->context = mem_copy(
		    a, mem_blob_of(m, tenant, &out->context_sha256), &failed);
		out->findings = mem_copy(
		    a, mem_blob_of(m, tenant, &out->findings_sha256), &failed);
		out->detail = mem_copy(
		    a, mem_blob_of(m, tenant, &out->detail_sha256), &failed);
	}
	pthread_mutex_unlock(&m->lock);
	if (failed)
		return mem_full(e);
	return r ? RC_OK : err_at(e, ERR_VERDICT_UNKNOWN, NULL, "%s", "");
}

static bool
listed(const struct verdict_row *v, const struct uuid *tenant,
    const struct verdict_filter *f)
{
	return uuid_eq(&v->tenant, tenant) &&
	       (uuid_none(&f->node) || uuid_eq(&v->node, &f->node)) &&
	       v->verified >= f->since &&
	       (!f->by_result || v->result == f->result) &&
	       (uuid_none(&f->before) ||
		   memcmp(v->id.b, f->before.b, sizeof(v->id.b)) < 0);
}

rc
mem_verdict_list(struct store *st, const struct uuid *tenant,
    const struct verdict_filter *f, struct arena *a, struct verdict_list *out,
    struct err *e)
{
	struct store_mem *m = store_mem(st);
	struct verdict_list l = {0};
	size_t limit = f->limit < STORE_LIST ? f->limit : STORE_LIST;

	pthread_mutex_lock(&m->lock);
	l.row = arena_array(a, m->records.n, sizeof(*l.row));
	for (size_t i = 0; l.row && i < m->records.n; i++) {
		const struct mem_record *r = m->records.row[i];
		if (!listed(&r->r.row, tenant, f))
			continue;
		size_t at = l.n++;
		for (; at > 0 &&
		       memcmp(l.row[at - 1].id.b, r->r.row.id.b, 16) < 0;
		     at--)
			l.row[at] = l.row[at - 1];
		l.row[at] = mem_bare(m, &r->r.row);
	}
	pthread_mutex_unlock(&m->lock);
	if (!l.row)
		return mem_full(e);
	l.more = l.n > limit;
	if (l.more)
		l.n = limit;
	*out = l;
	return RC_OK;
}

rc
mem_evidence_get(struct store *st, const struct verdict_row *v, struct arena *a,
    struct evidence_row *out, struct err *e)
{
	struct store_mem *m = store_mem(st);
	bool failed = false;

	pthread_mutex_lock(&m->lock);
	const struct mem_record *r = mem_record_of(m, &v->tenant, &v->id);
	if (r)
		*out = (struct evidence_row){mem_copy(a, r->r.attest, &failed),
		    mem_copy(a, r->r.signature, &failed),
		    mem_copy(a, r->r.pcrs, &failed)};
	pthread_mutex_unlock(&m->lock);
	if (failed)
		return mem_full(e);
	return r ? RC_OK : err_at(e, ERR_VERDICT_UNKNOWN, NULL, "%s", "");
}

rc
mem_blob_get(struct store *st, const struct uuid *tenant,
    const struct sha256 *sha256, struct arena *a, struct span *out,
    struct err *e)
{
	struct store_mem *m = store_mem(st);
	bool failed = false;

	pthread_mutex_lock(&m->lock);
	*out = mem_copy(a, mem_blob_of(m, tenant, sha256), &failed);
	pthread_mutex_unlock(&m->lock);
	return failed ? mem_full(e) : RC_OK;
}

rc
mem_ima_get(struct store *st, const struct uuid *tenant,
    const struct uuid *node, const struct uuid *verdict, struct arena *a,
    struct span *out, struct err *e)
{
	struct store_mem *m = store_mem(st);
	bool failed = false;

	pthread_mutex_lock(&m->lock);
	const struct mem_record *r = mem_record_of(m, tenant, verdict);
	*out = r && uuid_eq(&r->r.row.node, node)
		   ? mem_copy(a, r->r.ima, &failed)
		   : (struct span){NULL, 0};
	pthread_mutex_unlock(&m->lock);
	return failed ? mem_full(e) : RC_OK;
}

/* Walk back from the verdict: each accepted segment that ends where the next
 * one starts. */
static size_t
walk_back(struct store_mem *m, const struct verdict_row *v,
    struct ima_segment *s, size_t at)
{
	uint64_t want = v->before.ima_offset;

	for (size_t i = m->records.n; i-- > 0;) {
		const struct record *r =
		    &((const struct mem_record *)m->records.row[i])->r;
		bool own = uuid_eq(&r->row.id, &v->id);
		if (!uuid_eq(&r->row.node, &v->node) ||
		    r->row.boot != v->boot || r->ima.n == 0 ||
		    memcmp(r->row.id.b, v->id.b, 16) > 0 ||
		    (!own && (!r->ima_accepted || want == 0 ||
				 r->row.ima_start + r->row.ima_bytes != want)))
			continue;
		want = r->row.ima_start;
		s[--at] = (struct ima_segment){
		    r->row.id, r->row.ima_start, r->row.ima_bytes, r->row.ima};
	}
	return at;
}

rc
mem_ima_list(struct store *st, const struct verdict_row *v, struct arena *a,
    struct ima_segments *out, struct err *e)
{
	struct store_mem *m = store_mem(st);

	pthread_mutex_lock(&m->lock);
	size_t n = m->records.n;
	struct ima_segment *s = arena_array(a, n, sizeof(*s));
	if (s) {
		size_t at = walk_back(m, v, s, n);
		*out = (struct ima_segments){n - at, s + at};
	}
	pthread_mutex_unlock(&m->lock);
	return s ? RC_OK : mem_full(e);
}

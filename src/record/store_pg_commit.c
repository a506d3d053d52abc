/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unit of commit is a batch.
 *
 * 1. Two round trips. The first moves each node's state from the version that
 *    was judged (compare and swap) and consumes the challenge, for the records
 *    for which both are possible; the second inserts what those records leave
 *    behind and commits.
 * 2. A challenge belongs to one node, so whoever consumes it moves that node's
 *    version: two transactions with one challenge meet at the node's row, and
 *    the second finds another version.
 * 3. Records are taken in the order of their nodes, blobs in the order of their
 *    hashes, so that the committers of two servers do not deadlock.
 * 4. Arrays and unnest(): the cost of a row is a few microseconds.
 */
#include "record/store_pg_columns.h"

#include <stdlib.h>

/* --- what is written ------------------------------------------------------ */

struct blob_ref {
	const struct uuid *tenant;
	const struct sha256 *sha256;
	struct span bytes;
};

/* One attempt at a batch. */
struct batch {
	struct store_pg *st;
	struct record *r;
	const size_t *index; /* into r, sorted by node */
	size_t n;
	bool *accepted; /* parallel to index */
	struct buf tenants;
	struct columns state, verdict, evidence, ima, leaf, blob, asked;
	struct blob_ref *blobs;
	size_t blobs_n;
};

/* --- blobs ---------------------------------------------------------------- */

static struct known *
known_slot(struct store_pg *st, const struct sha256 *h)
{
	return &st->known[(h->b[0] | (size_t)h->b[1] << 8) % KNOWN_SLOTS];
}

static bool
is_known(struct store_pg *st, const struct blob_ref *b)
{
	const struct known *k = known_slot(st, b->sha256);

	return uuid_eq(&k->tenant, b->tenant) &&
	       sha256_eq(&k->sha256, b->sha256);
}

static void
add_blob(struct batch *b, const struct record *r, const struct sha256 *sha256,
    struct span bytes)
{
	struct blob_ref ref = {&r->row.tenant, sha256, bytes};

	if (bytes.n && !is_known(b->st, &ref))
		b->blobs[b->blobs_n++] = ref;
}

static int
by_hash(const void *x, const void *y)
{
	const struct blob_ref *a = x, *b = y;
	int d = memcmp(a->tenant->b, b->tenant->b, sizeof(a->tenant->b));

	return d ? d : memcmp(a->sha256->b, b->sha256->b, sizeof(a->sha256->b));
}

static void
put_blobs(struct batch *b)
{
	struct columns *c = &b->blob;

	qsort(b->blobs, b->blobs_n, sizeof(*b->blobs), by_hash);
	for (size_t i = 0; i < b->blobs_n; i++) {
		const struct blob_ref *ref = &b->blobs[i];
		if (i && by_hash(ref, ref - 1) == 0)
			continue;
		c->at = 0;
		columns_put(c, pg_uuid(ref->tenant));
		columns_put(c, pg_sha(ref->sha256));
		columns_put(c, pg_bytes(ref->bytes));
	}
}

/* Only documents come again and again; logs would push them out. */
static void
remember(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct verdict_row *v = &b->r[b->index[i]].row;
		if (!b->accepted[i])
			continue;
		*known_slot(b->st, &v->context_sha256) =
		    (struct known){v->tenant, v->context_sha256};
		*known_slot(b->st, &v->findings_sha256) =
		    (struct known){v->tenant, v->findings_sha256};
		*known_slot(b->st, &v->detail_sha256) =
		    (struct known){v->tenant, v->detail_sha256};
	}
}

/* --- the two round trips -------------------------------------------------- */

static void
drop_results(struct pg_stmt *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pg_rows_free(s[i].rows);
}

static rc
read_moved(struct batch *b, const struct pg_rows *rows, struct err *e)
{
	int n = pg_rows_n(rows);

	for (int i = 0; i < n; i++) {
		struct pg_row row = pg_row(rows, i, NULL);
		size_t ord = (size_t)row_i32(&row);
		if (row_i64(&row) != n || ord >= b->n)
			return err_text(e, ERR_INTERNAL, "",
			    "A challenge was consumed without its node.");
		b->accepted[ord] = true;
	}
	return RC_OK;
}

static rc
move_states(struct batch *b, struct err *e)
{
	struct scope_stmt scope;

	for (size_t i = 0; i < b->n; i++) {
		const struct record *r = &b->r[b->index[i]];
		scope_add(&b->tenants, &r->row.tenant);
		add_state(&b->state, r, i);
	}
	scope_close(&b->tenants);
	if (b->tenants.failed)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	scope_prepare(&scope,
	    &(const struct scope){.write_many = buf_span(&b->tenants)},
	    b->st->timeout);
	struct pg_stmt s[] = {{.sql = "BEGIN"}, scope.stmt,
	    {.sql = state_sql, .args = columns_args(&b->state)}};
	TRY(pg_run(b->st->writer, s, 3, e));
	rc r = read_moved(b, s[2].rows, e);
	drop_results(s, 3);
	return r;
}

static void
collect(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		const struct record *r = &b->r[b->index[i]];
		const struct verdict_row *v = &r->row;
		if (!b->accepted[i]) {
			b->asked.at = 0;
			columns_put(&b->asked, pg_i32((int32_t)i));
			columns_put(&b->asked, pg_uuid(&v->node));
			columns_put(&b->asked, pg_bytes(span_of(v->challenge,
						   sizeof(v->challenge))));
			continue;
		}
		add_verdict(&b->verdict, v);
		add_evidence(&b->evidence, r);
		add_leaf(&b->leaf, v);
		if (r->ima.n)
			add_ima(&b->ima, r);
		add_blob(b, r, &v->context_sha256, v->context);
		add_blob(b, r, &v->findings_sha256, v->findings);
		add_blob(b, r, &v->detail_sha256, v->detail);
		add_blob(b, r, &v->boot_log, r->boot_log);
		add_blob(b, r, &v->userspace_log, r->userspace_log);
	}
	put_blobs(b);
}

/* Records that were not accepted: was their challenge used, or did the node
 * move? */
static void
read_used(struct batch *b, const struct pg_rows *rows)
{
	for (int i = 0; i < pg_rows_n(rows); i++) {
		struct pg_row row = pg_row(rows, i, NULL);
		size_t ord = (size_t)row_i32(&row);
		if (ord >= b->n)
			continue;
		struct record *r = &b->r[b->index[ord]];
		r->used.found = true;
		r->used.evidence = row_sha(&row);
		r->used.verdict = row_uuid(&row);
	}
}

static rc
insert_rest(struct batch *b, struct err *e)
{
	struct {
		const char *sql;
		struct columns *c;
	} all[] = {
	    {"INSERT INTO akashi.blob (tenant, sha256, bytes) "
	     "SELECT * FROM unnest($1, $2, $3) ON CONFLICT DO NOTHING",
		&b->blob},
	    {verdict_sql, &b->verdict},
	    {"INSERT INTO akashi.evidence (tenant, node, verdict, attest, "
	     "signature, pcrs) SELECT * FROM unnest($1, $2, $3, $4, $5, $6)",
		&b->evidence},
	    {"INSERT INTO akashi.ima_segment (tenant, node, verdict, boot, "
	     "start, sha256, bytes, accepted) SELECT * FROM unnest($1, $2, $3, "
	     "$4, $5, $6, $7, $8)",
		&b->ima},
	    {"INSERT INTO akashi.log_pending (tenant, verdict, leaf) "
	     "SELECT * FROM unnest($1, $2, $3)",
		&b->leaf},
	    {"SELECT i.ord, u.evidence, u.verdict FROM unnest($1, $2, $3) "
	     "AS i (ord, node, id) JOIN akashi.used_challenge u "
	     "ON u.node = i.node AND u.id = i.id",
		&b->asked},
	};
	enum { ALL = sizeof(all) / sizeof(all[0]) };
	struct pg_stmt s[ALL + 1];
	size_t n = 0;

	for (size_t i = 0; i < ALL; i++)
		if (all[i].c->n)
			s[n++] = (struct pg_stmt){
			    .sql = all[i].sql, .args = columns_args(all[i].c)};
	s[n++] = (struct pg_stmt){.sql = "COMMIT"};
	TRY(pg_run(b->st->writer, s, n, e));
	if (b->asked.n)
		read_used(b, s[n - 2].rows);
	drop_results(s, n);
	return RC_OK;
}

static rc
two_trips(struct batch *b, struct err *e)
{
	enum { PER_RECORD = 5 };

	b->accepted = calloc(b->n, sizeof(*b->accepted));
	b->blobs = calloc(b->n, PER_RECORD * sizeof(*b->blobs));
	if (!b->accepted || !b->blobs)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	TRY(move_states(b, e));
	collect(b);
	TRY(insert_rest(b, e));
	remember(b);
	for (size_t i = 0; i < b->n; i++) {
		struct record *r = &b->r[b->index[i]];
		r->outcome = b->accepted[i]  ? OUTCOME_COMMITTED
			     : r->used.found ? OUTCOME_DUPLICATE
					     : OUTCOME_CONFLICT;
	}
	return RC_OK;
}

static rc
attempt(struct store_pg *st, struct record *r, const size_t *index, size_t n,
    struct err *e)
{
	struct batch b = {.st = st, .r = r, .index = index, .n = n};
	bool fresh = false;
	rc result = store_connect(st->writer, &fresh, e);

	/* Another server may answer now: forget what the old one had. */
	if (fresh)
		memset(st->known, 0, KNOWN_SLOTS * sizeof(*st->known));
	if (rc_ok(result))
		result = two_trips(&b, e);
	pg_rollback(st->writer);
	struct columns *all[] = {&b.state, &b.verdict, &b.evidence, &b.ima,
	    &b.leaf, &b.blob, &b.asked};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		columns_free(all[i]);
	buf_free(&b.tenants);
	free(b.accepted);
	free(b.blobs);
	return result;
}

/* --- the batch ------------------------------------------------------------ */

struct by_node {
	const struct record *r;
	size_t i;
};

static int
node_order(const void *x, const void *y)
{
	const struct verdict_row *a = &((const struct by_node *)x)->r->row;
	const struct verdict_row *b = &((const struct by_node *)y)->r->row;
	int d = memcmp(a->tenant.b, b->tenant.b, sizeof(a->tenant.b));

	return d ? d : memcmp(a->node.b, b->node.b, sizeof(a->node.b));
}

/* Sort; of two records of one node the second waits for another batch. */
static size_t *
sorted(struct record *r, size_t n, size_t *out_n)
{
	struct by_node *order = calloc(n, sizeof(*order));
	size_t *index = calloc(n, sizeof(*index)), kept = 0;

	if (!order || !index) {
		free(order);
		free(index);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		order[i] = (struct by_node){&r[i], i};
		r[i].outcome = OUTCOME_NONE;
		r[i].error = ERR_OK;
		r[i].used = (struct used){0};
	}
	qsort(order, n, sizeof(*order), node_order);
	for (size_t i = 0; i < n; i++) {
		if (i && node_order(&order[i], &order[i - 1]) == 0)
			r[order[i].i].outcome = OUTCOME_CONFLICT;
		else
			index[kept++] = order[i].i;
	}
	free(order);
	*out_n = kept;
	return index;
}

/* Locks that two servers took crosswise are gone when one has ended. */
static rc
attempt_twice(struct store_pg *st, struct record *r, const size_t *index,
    size_t n, struct err *e)
{
	rc result = attempt(st, r, index, n, e);

	return result.code == ERR_OVERLOAD ? attempt(st, r, index, n, e)
					   : result;
}

static rc
one_by_one(struct store_pg *st, struct record *r, const size_t *index, size_t n,
    struct err *e)
{
	rc first = RC_OK;

	for (size_t i = 0; i < n; i++) {
		struct err one = {0};
		rc result = attempt_twice(st, r, &index[i], 1, &one);
		if (rc_ok(result))
			continue;
		r[index[i]].outcome = OUTCOME_FAILED;
		r[index[i]].error = result.code;
		if (rc_ok(first) && e)
			*e = one;
		if (rc_ok(first))
			first = result;
	}
	return first;
}

rc
spg_commit(struct store *store, struct record *r, size_t n, struct err *e)
{
	struct store_pg *st = store_pg(store);
	size_t kept = 0;

	if (n == 0)
		return RC_OK;
	size_t *index = sorted(r, n, &kept);
	if (!index)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	pthread_mutex_lock(&st->writing);
	rc result = attempt_twice(st, r, index, kept, e);
	if (result.code == ERR_INTERNAL && kept > 1) {
		result = one_by_one(st, r, index, kept, e);
	} else if (!rc_ok(result)) {
		for (size_t i = 0; i < kept; i++) {
			r[index[i]].outcome = OUTCOME_FAILED;
			r[index[i]].error = result.code;
		}
	}
	pthread_mutex_unlock(&st->writing);
	free(index);
	return result;
}

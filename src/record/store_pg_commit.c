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
#include "record/store_pg.h"

#include <stdlib.h>

/* --- arrays, one per column
 * --------------------------------------------------- */

struct columns {
	size_t at, n;
	struct pg_array col[PG_ARGS];
	struct pg_args args;
};

static void
put(struct columns *c, struct pg_value v)
{
	pg_array_add(&c->col[c->at++], v);
	if (c->at > c->n)
		c->n = c->at;
}

static const struct pg_args *
args_of(struct columns *c)
{
	c->args.n = 0;
	for (size_t i = 0; i < c->n; i++)
		pg_arg_array(&c->args, &c->col[i]);
	return &c->args;
}

static void
columns_free(struct columns *c)
{
	for (size_t i = 0; i < c->n; i++)
		pg_array_free(&c->col[i]);
}

/* --- what is written
 * ------------------------------------------------------------ */

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

static void
put_attester(struct columns *c, const struct attester *t)
{
	put(c, pg_bool(t->known));
	put(c, pg_u64(t->clock));
	put(c, pg_u64(t->reset_count));
	put(c, pg_u64(t->restart_count));
	put(c, pg_u64(t->firmware));
	put(c, pg_sha_or_null(&t->boot_log));
	put(c, pg_u64(t->ima_offset));
}

static const char state_sql[] =
    "WITH i AS (SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
    "$11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, "
    "$25) AS i (ord, tenant, node, version, challenge, expires, evidence, "
    "verdict, clock_known, clock, reset_count, restart_count, firmware, "
    "boot_log, ima_offset, ima, ima_policy, result, code, observe, "
    "verified_at, valid_until, held, rejected_day, rejected_count)), "
    "moved AS (UPDATE akashi.node_state s SET version = s.version + 1, "
    "clock_known = i.clock_known, clock = i.clock, "
    "reset_count = i.reset_count, restart_count = i.restart_count, "
    "firmware = i.firmware, boot_log = i.boot_log, "
    "ima_offset = i.ima_offset, ima = i.ima, ima_policy = i.ima_policy, "
    "verdict = i.verdict, result = i.result, code = i.code, "
    "observe = i.observe, verified_at = i.verified_at, "
    "valid_until = i.valid_until, held = s.held OR i.held, "
    "rejected_day = i.rejected_day, rejected_count = i.rejected_count "
    "FROM i WHERE s.tenant = i.tenant AND s.node = i.node "
    "AND s.version = i.version AND NOT EXISTS (SELECT FROM "
    "akashi.used_challenge u WHERE u.node = i.node AND u.id = i.challenge) "
    "RETURNING i.*), "
    "used AS (INSERT INTO akashi.used_challenge (tenant, node, id, "
    "expires_at, evidence, verdict) SELECT tenant, node, challenge, expires, "
    "evidence, verdict FROM moved ON CONFLICT DO NOTHING RETURNING 1) "
    "SELECT ord, (SELECT count(*) FROM used) FROM moved";

static void
add_state(struct columns *c, const struct record *r, size_t ord)
{
	const struct verdict_row *v = &r->row;
	const struct node_state *s = &r->after;

	c->at = 0;
	put(c, pg_i32((int32_t)ord));
	put(c, pg_uuid(&v->tenant));
	put(c, pg_uuid(&v->node));
	put(c, pg_u64(r->version));
	put(c, pg_bytes(span_of(v->challenge, sizeof(v->challenge))));
	put(c, pg_time(r->challenge_expires));
	put(c, pg_sha(&v->evidence));
	put(c, pg_uuid(&v->id));
	put_attester(c, &s->attester);
	put(c, pg_bytes_or_null(s->attester.ima));
	put(c, pg_sha_or_null(&s->attester.ima_policy));
	put(c, pg_str(store_results[v->result]));
	put(c, pg_code(v->code));
	put(c, pg_bool(s->observe));
	put(c, pg_time(v->verified));
	put(c, pg_time(v->valid_until));
	put(c, pg_bool(s->held));
	put(c, pg_i32((int32_t)s->rejected_day));
	put(c, pg_i32((int32_t)s->rejected_count));
}

static const char verdict_sql[] =
    "INSERT INTO akashi.verdict (tenant, id, node, previous, challenge, "
    "challenge_issued, received_at, judged_at, verified_at, valid_until, "
    "result, code, clock_known, clock, reset_count, restart_count, firmware, "
    "boot_log_before, ima_offset, ima_before, ima_policy, evidence, attest, "
    "signature, pcrs, boot_log, userspace_log, ima, ima_start, ima_bytes, "
    "boot, context, findings, detail, statement) SELECT * FROM unnest($1, $2, "
    "$3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, "
    "$19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, "
    "$33, $34, $35)";

static void
add_verdict(struct columns *c, const struct verdict_row *v)
{
	c->at = 0;
	put(c, pg_uuid(&v->tenant));
	put(c, pg_uuid(&v->id));
	put(c, pg_uuid(&v->node));
	put(c, pg_uuid_or_null(&v->previous));
	put(c, pg_bytes(span_of(v->challenge, sizeof(v->challenge))));
	put(c, pg_time(v->challenge_issued));
	put(c, pg_time(v->received));
	put(c, pg_time(v->now));
	put(c, pg_time(v->verified));
	put(c, pg_time(v->valid_until));
	put(c, pg_str(store_results[v->result]));
	put(c, pg_code(v->code));
	put_attester(c, &v->before);
	put(c, pg_sha_or_null(&v->ima_before));
	put(c, pg_sha_or_null(&v->before.ima_policy));
	put(c, pg_sha(&v->evidence));
	put(c, pg_sha(&v->attest));
	put(c, pg_sha(&v->signature));
	put(c, pg_sha_or_null(&v->pcrs));
	put(c, pg_sha_or_null(&v->boot_log));
	put(c, pg_sha_or_null(&v->userspace_log));
	put(c, pg_sha_or_null(&v->ima));
	put(c, pg_u64(v->ima_start));
	put(c, pg_u64(v->ima_bytes));
	put(c, pg_u64(v->boot));
	put(c, pg_sha(&v->context_sha256));
	put(c, pg_sha(&v->findings_sha256));
	put(c, pg_sha(&v->detail_sha256));
	put(c, pg_sha(&v->statement));
}

static void
add_evidence(struct columns *c, const struct record *r)
{
	c->at = 0;
	put(c, pg_uuid(&r->row.tenant));
	put(c, pg_uuid(&r->row.node));
	put(c, pg_uuid(&r->row.id));
	put(c, pg_bytes(r->attest));
	put(c, pg_bytes(r->signature));
	put(c, pg_bytes_or_null(r->pcrs));
}

static void
add_ima(struct columns *c, const struct record *r)
{
	c->at = 0;
	put(c, pg_uuid(&r->row.tenant));
	put(c, pg_uuid(&r->row.node));
	put(c, pg_uuid(&r->row.id));
	put(c, pg_u64(r->row.boot));
	put(c, pg_u64(r->row.ima_start));
	put(c, pg_sha(&r->row.ima));
	put(c, pg_bytes(r->ima));
	put(c, pg_bool(r->ima_accepted));
}

static void
add_leaf(struct columns *c, const struct verdict_row *v)
{
	c->at = 0;
	put(c, pg_uuid(&v->tenant));
	put(c, pg_uuid(&v->id));
	put(c, pg_sha(&v->statement));
}

/* --- blobs
 * -------------------------------------------------------------------- */

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
		put(c, pg_uuid(ref->tenant));
		put(c, pg_sha(ref->sha256));
		put(c, pg_bytes(ref->bytes));
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

/* --- the two round trips
 * -------------------------------------------------------- */

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
		char id[UUID_TEXT];
		uuid_emit(&r->row.tenant, id);
		if (i == 0 ||
		    !uuid_eq(&r->row.tenant, &b->r[b->index[i - 1]].row.tenant))
			buf_printf(&b->tenants, "%c%s", i ? ',' : '{', id);
		add_state(&b->state, r, i);
	}
	buf_puts(&b->tenants, "}");
	if (b->tenants.failed)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	scope_prepare(&scope,
	    &(const struct scope){.write_many = buf_span(&b->tenants)},
	    b->st->timeout);
	struct pg_stmt s[] = {{.sql = "BEGIN"}, scope.stmt,
	    {.sql = state_sql, .args = args_of(&b->state)}};
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
			put(&b->asked, pg_i32((int32_t)i));
			put(&b->asked, pg_uuid(&v->node));
			put(&b->asked, pg_bytes(span_of(v->challenge,
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
			    .sql = all[i].sql, .args = args_of(all[i].c)};
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

/* --- the batch
 * ------------------------------------------------------------------ */

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

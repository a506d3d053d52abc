/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reference sets: a file in parts, once per content, under names with versions.
 *
 * Parts go in as arrays. COPY cannot write a table with row-level security, and
 * by way of a temporary table it saves nothing: a set of a million entries is
 * 123 MB and 470 rows, for which both ways took the backend 0.6 s of processor
 * time (0.61 against 0.58 s) and the client less than a tenth; the temporary
 * table is a second copy, and a right that the writer needs for nothing else.
 */
#include "record/store_pg_columns.h"

enum {
	PART = 256 * 1024, /* of the file */
	PARTS = 32,	   /* in one statement */
};

/* --- writing -------------------------------------------------------------- */

/* False where the content is there already. */
static rc
insert_set(struct tx *tx, const struct actor *by, const struct refset_row *p,
    bool *made, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};

	pg_arg(&a, pg_uuid(&by->who->tenant));
	pg_arg(&a, pg_sha(&p->hash));
	pg_arg(&a, pg_text(p->alg));
	pg_arg(&a, pg_u64(p->entries));
	pg_arg(&a, pg_u64(p->bytes));
	pg_arg(&a, pg_time(by->now));
	TRY(tx_run(tx,
	    "INSERT INTO akashi.refset (tenant, sha256, alg, entries, bytes, "
	    "created_at) VALUES ($1, $2, $3, $4, $5, $6) "
	    "ON CONFLICT DO NOTHING RETURNING 1",
	    &a, &rows, e));
	*made = pg_rows_n(rows) == 1;
	return RC_OK;
}

/* The next PARTS of the file. */
static rc
insert_some(struct tx *tx, const struct uuid *tenant, const struct sha256 *hash,
    struct span file, size_t *at, struct err *e)
{
	struct columns c = {0};

	for (int i = 0; i < PARTS && *at < file.n; i++) {
		size_t left = file.n - *at, n = left < PART ? left : PART;
		c.at = 0;
		columns_put(&c, pg_uuid(tenant));
		columns_put(&c, pg_sha(hash));
		columns_put(&c, pg_i32((int32_t)(*at / PART)));
		columns_put(&c, pg_bytes(span_of(file.p + *at, n)));
		*at += n;
	}
	rc r = tx_run(tx,
	    "INSERT INTO akashi.refset_part (tenant, sha256, part, bytes) "
	    "SELECT * FROM unnest($1, $2, $3, $4)",
	    columns_args(&c), NULL, e);
	columns_free(&c);
	return r;
}

/* The newest version of a name and its content; 0: none. Two that put one name
 * wait for each other at the name's row of the primary key. */
static rc
newest(struct tx *tx, const struct uuid *tenant, struct span name,
    uint32_t *version, struct sha256 *hash, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_text(name));
	TRY(tx_run(tx,
	    "SELECT version, sha256 FROM akashi.refset_version "
	    "WHERE tenant = $1 AND name = $2 ORDER BY version DESC LIMIT 1",
	    &a, &rows, e));
	*version = 0;
	if (pg_rows_n(rows) == 0)
		return RC_OK;
	struct pg_row row = pg_row(rows, 0, NULL);
	*version = (uint32_t)row_i32(&row);
	*hash = row_sha(&row);
	return row_done(&row, e);
}

static rc
insert_version(struct tx *tx, const struct actor *by,
    const struct refset_row *p, uint32_t version, struct err *e)
{
	struct pg_args a = {0};

	pg_arg(&a, pg_uuid(&by->who->tenant));
	pg_arg(&a, pg_str(p->name));
	pg_arg(&a, pg_i32((int32_t)version));
	pg_arg(&a, pg_sha(&p->hash));
	pg_arg(&a, pg_str(by->who->name));
	pg_arg(&a, pg_time(by->now));
	TRY(tx_run(tx,
	    "INSERT INTO akashi.refset_version (tenant, name, version, sha256, "
	    "author, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
	    &a, NULL, e));
	return tx_audit(tx, by, "refset.put", span_str(p->name), NULL, e);
}

rc
spg_refset_put(struct store *st, const struct actor *by,
    const struct refset_row *p, struct span file, uint32_t *version,
    struct err *e)
{
	TX_AUTO tx = {0};
	struct sha256 last = {{0}};
	bool made = false;
	const struct scope scope = {.write = &by->who->tenant};

	TRY(tx_begin(st, &scope, &tx, e));
	TRY(newest(
	    &tx, &by->who->tenant, span_str(p->name), version, &last, e));
	if (*version && sha256_eq(&last, &p->hash))
		return RC_OK;
	TRY(insert_set(&tx, by, p, &made, e));
	for (size_t at = 0; made && at < file.n;)
		TRY(insert_some(&tx, &by->who->tenant, &p->hash, file, &at, e));
	TRY(insert_version(&tx, by, p, *version + 1, e));
	TRY(tx_commit(&tx, e));
	++*version;
	return RC_OK;
}

/* --- reading -------------------------------------------------------------- */

#define REFSET_COLUMNS                                                         \
	"v.name, v.version, v.sha256, s.alg, s.entries, s.bytes, v.author, "   \
	"v.created_at"
#define FROM_REFSET                                                            \
	" FROM akashi.refset_version v JOIN akashi.refset s "                  \
	"ON s.tenant = v.tenant AND s.sha256 = v.sha256 WHERE v.tenant = $1 "

static rc
row_refset(struct pg_row *r, struct refset_row *out, struct err *e)
{
	*out = (struct refset_row){0};
	row_name(r, out->name);
	out->version = (uint32_t)row_i32(r);
	out->hash = row_sha(r);
	out->alg = row_bytes(r);
	out->entries = (uint64_t)row_i64(r);
	out->bytes = (uint64_t)row_i64(r);
	row_name(r, out->author);
	out->created = row_time(r);
	return row_done(r, e);
}

rc
spg_refset_get(struct store *st, const struct uuid *tenant, struct span name,
    uint32_t version, struct arena *arena, struct refset_row *out,
    struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_text(name));
	pg_arg(&a, pg_i64(version));
	TRY(store_query(st, &scope,
	    "SELECT " REFSET_COLUMNS FROM_REFSET
	    "AND v.name = $2 AND ($3 = 0 OR v.version = $3) "
	    "ORDER BY v.version DESC LIMIT 1",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return err_at(e, ERR_REFSET_UNKNOWN, NULL, "%s", "");
	struct pg_row row = pg_row(rows, 0, arena);
	return row_refset(&row, out, e);
}

rc
spg_refset_list(struct store *st, const struct uuid *tenant,
    struct arena *arena, struct refset_list *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};
	struct refset_list l = {0};

	pg_arg(&a, pg_uuid(tenant));
	TRY(store_query(st, &scope,
	    "SELECT " REFSET_COLUMNS FROM_REFSET
	    "ORDER BY v.name, v.version DESC",
	    &a, &rows, e));
	l.n = (size_t)pg_rows_n(rows);
	l.row = arena_array(arena, l.n, sizeof(*l.row));
	if (!l.row)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	for (size_t i = 0; i < l.n; i++) {
		struct pg_row row = pg_row(rows, (int)i, arena);
		TRY(row_refset(&row, &l.row[i], e));
	}
	*out = l;
	return RC_OK;
}

/* The parts from *next on; *next is the one after them, or -1 at the end. */
static rc
read_some(struct store *st, const struct uuid *tenant,
    const struct sha256 *hash, int32_t *next, struct arena *arena,
    const struct refset_sink *to, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_sha(hash));
	pg_arg(&a, pg_i32(*next));
	pg_arg(&a, pg_i64(PARTS));
	TRY(store_query(st, &scope,
	    "SELECT bytes FROM akashi.refset_part WHERE tenant = $1 "
	    "AND sha256 = $2 AND part >= $3 ORDER BY part LIMIT $4",
	    &a, &rows, e));
	int n = pg_rows_n(rows);
	for (int i = 0; i < n; i++) {
		struct pg_row row = pg_row(rows, i, arena);
		struct span part = row_bytes(&row);
		TRY(row_done(&row, e));
		TRY(to->feed(to->ctx, part, e));
		arena_reset(arena);
	}
	*next = n == PARTS ? *next + PARTS : -1;
	return RC_OK;
}

static rc
exists(struct store *st, const struct uuid *tenant, const struct sha256 *hash,
    struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_sha(hash));
	TRY(store_query(st, &scope,
	    "SELECT 1 FROM akashi.refset WHERE tenant = $1 AND sha256 = $2", &a,
	    &rows, e));
	return pg_rows_n(rows) ? RC_OK
			       : err_at(e, ERR_REFSET_UNKNOWN, NULL, "%s", "");
}

rc
spg_refset_read(struct store *st, const struct uuid *tenant,
    const struct sha256 *hash, const struct refset_sink *to, struct err *e)
{
	struct arena arena;
	int32_t next = 0;
	rc r = exists(st, tenant, hash, e);

	arena_init(&arena, 2 * PART);
	while (rc_ok(r) && to && next >= 0)
		r = read_some(st, tenant, hash, &next, &arena, to, e);
	arena_free(&arena);
	return r;
}

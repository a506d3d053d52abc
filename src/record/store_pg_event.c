/* SPDX-License-Identifier: Apache-2.0 */
/* Security events, audit rows, and what may be forgotten. */
#include "record/store_pg_columns.h"

static rc
add_event(struct columns *c, const struct security_event *ev, struct uuid *id)
{
	TRY(uuid_v7(ev->at, id));
	c->at = 0;
	columns_put(c, pg_uuid(&ev->tenant));
	columns_put(c, pg_uuid(id));
	columns_put(c, pg_uuid_or_null(&ev->node));
	columns_put(c, pg_str(err_name(ev->code)));
	columns_put(c, pg_time(ev->at));
	columns_put(c, pg_text_or_null(ev->source));
	columns_put(c, pg_text_or_null(ev->trace));
	columns_put(c, pg_sha_or_null(&ev->digest));
	return RC_OK;
}

/* They come in floods, so all in one statement. */
rc
spg_security_put(
    struct store *st, const struct security_event *ev, size_t n, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct columns c = {0};
	struct buf tenants = {0};
	struct uuid id;
	rc r = RC_OK;

	for (size_t i = 0; i < n && rc_ok(r); i++) {
		scope_add(&tenants, &ev[i].tenant);
		r = add_event(&c, &ev[i], &id);
	}
	scope_close(&tenants);
	const struct scope scope = {.write_many = buf_span(&tenants)};
	if (rc_ok(r) && tenants.failed)
		r = err_at(e, ERR_MEMORY, NULL, "%s", "");
	if (rc_ok(r) && n > 0)
		r = store_query(st, &scope,
		    "INSERT INTO akashi.security_event (tenant, id, node, "
		    "code, at, source, trace, digest) SELECT * FROM "
		    "unnest($1, $2, $3, $4, $5, $6, $7, $8)",
		    columns_args(&c), &rows, e);
	columns_free(&c);
	buf_free(&tenants);
	return r;
}

static rc
put_audit(struct tx *tx, const struct audit *r, struct err *e)
{
	struct pg_args a = {0};
	struct uuid id;

	TRY(uuid_v7(r->at, &id));
	pg_arg(&a, pg_uuid(&r->tenant));
	pg_arg(&a, pg_uuid(&id));
	pg_arg(&a, pg_time(r->at));
	pg_arg(&a, pg_text_or_null(r->actor));
	pg_arg(&a, pg_text(r->action));
	pg_arg(&a, pg_text(r->object));
	pg_arg(&a, pg_text_or_null(r->reason));
	pg_arg(&a, pg_text_or_null(r->source));
	return tx_run(tx,
	    "INSERT INTO akashi.audit (tenant, id, at, actor, action, object, "
	    "reason, source) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	    &a, NULL, e);
}

rc
spg_audit_put(
    struct store *st, const struct audit *rows, size_t n, struct err *e)
{
	TX_AUTO tx = {0};
	const struct scope none = {0};

	TRY(tx_begin(st, &none, &tx, e));
	for (size_t i = 0; i < n; i++) {
		const struct scope scope = {.write = &rows[i].tenant};
		if (i == 0 || !uuid_eq(&rows[i].tenant, &rows[i - 1].tenant))
			TRY(tx_scope(&tx, &scope, e));
		TRY(put_audit(&tx, &rows[i], e));
	}
	return tx_commit(&tx, e);
}

/* --- purge -------------------------------------------------------------------
 */

/* Let the transaction write for every tenant there is. */
static rc
all_tenants(struct tx *tx, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct arena a;

	TRY(tx_run(tx,
	    "SELECT coalesce(array_agg(id)::text, '{}') FROM akashi.tenant",
	    NULL, &rows, e));
	arena_init(&a, SIZE_MAX);
	struct pg_row row = pg_row(rows, 0, &a);
	const struct scope scope = {.write_many = row_bytes(&row)};
	rc r = row_done(&row, e);
	if (rc_ok(r))
		r = tx_scope(tx, &scope, e);
	arena_free(&a);
	return r;
}

static rc
delete_count(struct tx *tx, const char *sql, const struct pg_args *a,
    uint64_t *dropped, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;

	TRY(tx_run(tx, sql, a, &rows, e));
	if (pg_rows_n(rows) == 1) {
		struct pg_row row = pg_row(rows, 0, NULL);
		*dropped += (uint64_t)row_i64(&row);
	}
	return RC_OK;
}

rc
spg_purge(struct store *st, int64_t now, uint64_t *dropped, struct err *e)
{
	TX_AUTO tx = {0};
	static const struct uuid installation;
	const struct scope scope = {.read = &installation};
	struct pg_args a = {0};
	uint64_t n = 0;

	pg_arg(&a, pg_time(now));
	TRY(tx_begin(st, &scope, &tx, e));
	TRY(all_tenants(&tx, e));
	TRY(delete_count(&tx,
	    "WITH gone AS (DELETE FROM akashi.used_challenge "
	    "WHERE expires_at < $1 RETURNING 1) SELECT count(*) FROM gone",
	    &a, &n, e));
	TRY(delete_count(&tx,
	    "WITH gone AS (DELETE FROM akashi.enrolment "
	    "WHERE expires_at < $1 RETURNING 1) SELECT count(*) FROM gone",
	    &a, &n, e));
	TRY(tx_commit(&tx, e));
	*dropped = n;
	return RC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: immutable versions, what is active, what was active before. */
#include "record/store_pg.h"

#define POLICY_COLUMNS                                                         \
	"v.name, v.version, v.hash, v.author, v.created_at, "                  \
	"coalesce(a.version, 0), a.selector, a.approver"
#define FROM_POLICY                                                            \
	" FROM akashi.policy_version v LEFT JOIN akashi.policy_active a "      \
	"ON a.tenant = v.tenant AND a.name = v.name "

static rc
row_policy(struct pg_row *r, struct policy_row *out, struct err *e)
{
	struct policy_row p = {0};

	row_name(r, p.name);
	p.version = (uint32_t)row_i32(r);
	p.hash = row_sha(r);
	row_name(r, p.author);
	p.created = row_time(r);
	p.active = (uint32_t)row_i32(r);
	p.selector = row_bytes(r);
	row_name(r, p.approver);
	p.document = row_bytes(r);
	TRY(row_done(r, e));
	*out = p;
	return RC_OK;
}

/* --- versions ------------------------------------------------------------- */

/* The newest version of a name; version 0 if there is none. */
static rc
newest(struct tx *tx, const struct uuid *tenant, struct span name,
    struct policy_row *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_text(name));
	TRY(tx_run(tx,
	    "SELECT version, hash FROM akashi.policy_version "
	    "WHERE tenant = $1 AND name = $2 ORDER BY version DESC LIMIT 1",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return RC_OK;
	struct pg_row row = pg_row(rows, 0, NULL);
	out->version = (uint32_t)row_i32(&row);
	out->hash = row_sha(&row);
	return row_done(&row, e);
}

/* False where another transaction took this version first. */
static rc
insert_version(struct tx *tx, const struct actor *by,
    const struct policy_row *p, struct span document, bool *made, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};

	pg_arg(&a, pg_uuid(&by->who->tenant));
	pg_arg(&a, pg_str(p->name));
	pg_arg(&a, pg_i32((int32_t)p->version));
	pg_arg(&a, pg_sha(&p->hash));
	pg_arg(&a, pg_bytes(document));
	pg_arg(&a, pg_str(by->who->name));
	pg_arg(&a, pg_time(by->now));
	TRY(tx_run(tx,
	    "INSERT INTO akashi.policy_version (tenant, name, version, hash, "
	    "document, author, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7) "
	    "ON CONFLICT DO NOTHING RETURNING version",
	    &a, &rows, e));
	*made = pg_rows_n(rows) == 1;
	return RC_OK;
}

static rc
put_version(struct store *st, const struct actor *by, struct policy_row *p,
    struct span document, bool *made, struct err *e)
{
	TX_AUTO tx = {0};
	struct policy_row last = {0};
	const struct scope scope = {.write = &by->who->tenant};
	struct span name = span_str(p->name);

	TRY(tx_begin(st, &scope, &tx, e));
	TRY(newest(&tx, &by->who->tenant, name, &last, e));
	*made = last.version > 0 && sha256_eq(&last.hash, &p->hash);
	p->version = last.version + !*made;
	if (*made)
		return RC_OK;
	TRY(insert_version(&tx, by, p, document, made, e));
	if (!*made)
		return RC_OK;
	TRY(tx_audit(&tx, by, "policy.put", name, NULL, e));
	return tx_commit(&tx, e);
}

rc
spg_policy_put(struct store *st, const struct actor *by, struct span name,
    const struct sha256 *hash, struct span document, struct policy_row *out,
    struct err *e)
{
	struct policy_row p = {.hash = *hash, .created = by->now};
	bool made = false;

	if (name.n == 0 || name.n >= STORE_NAME)
		return err_at(e, ERR_POLICY_UNKNOWN, NULL, "%s", "");
	memcpy(p.name, name.p, name.n);
	memcpy(p.author, by->who->name, sizeof(p.author));
	/* Whoever loses the race for a version sees the winner's next time. */
	for (int i = 0; i < 8 && !made; i++)
		TRY(put_version(st, by, &p, document, &made, e));
	if (!made)
		return err_at(e, ERR_OVERLOAD, NULL, "%s", "");
	*out = p;
	return RC_OK;
}

rc
spg_policy_get(struct store *st, const struct uuid *tenant, struct span name,
    uint32_t version, struct arena *arena, struct policy_row *out,
    struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_text(name));
	pg_arg(&a, pg_i64(version));
	TRY(store_query(st, &scope,
	    "SELECT " POLICY_COLUMNS ", v.document" FROM_POLICY
	    "WHERE v.tenant = $1 AND v.name = $2 "
	    "AND ($3 = 0 OR v.version = $3) ORDER BY v.version DESC LIMIT 1",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return err_at(e, ERR_POLICY_UNKNOWN, NULL, "%s", "");
	struct pg_row row = pg_row(rows, 0, arena);
	return row_policy(&row, out, e);
}

static rc
list(struct store *st, const struct uuid *tenant, const char *sql,
    struct arena *arena, struct policy_list *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};
	struct policy_list l = {0};

	pg_arg(&a, pg_uuid(tenant));
	TRY(store_query(st, &scope, sql, &a, &rows, e));
	l.n = (size_t)pg_rows_n(rows);
	l.row = arena_array(arena, l.n, sizeof(*l.row));
	if (!l.row)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	for (size_t i = 0; i < l.n; i++) {
		struct pg_row row = pg_row(rows, (int)i, arena);
		TRY(row_policy(&row, &l.row[i], e));
	}
	*out = l;
	return RC_OK;
}

rc
spg_policy_list(struct store *st, const struct uuid *tenant, struct arena *a,
    struct policy_list *out, struct err *e)
{
	return list(st, tenant,
	    "SELECT DISTINCT ON (v.name) " POLICY_COLUMNS
	    ", NULL::bytea" FROM_POLICY
	    "WHERE v.tenant = $1 ORDER BY v.name, v.version DESC",
	    a, out, e);
}

rc
spg_policy_active(struct store *st, const struct uuid *tenant, struct arena *a,
    struct policy_list *out, struct err *e)
{
	return list(st, tenant,
	    "SELECT " POLICY_COLUMNS ", v.document" FROM_POLICY
	    "WHERE v.tenant = $1 AND v.version = a.version ORDER BY v.name",
	    a, out, e);
}

/* --- activation ----------------------------------------------------------- */

/* History, audit and the serial that servers watch. */
static rc
note_activation(struct tx *tx, const struct actor *by, struct span name,
    const char *act, struct err *e)
{
	struct pg_args a = {0};
	struct uuid id;

	TRY(uuid_v7(by->now, &id));
	pg_arg(&a, pg_uuid(&by->who->tenant));
	pg_arg(&a, pg_text(name));
	pg_arg(&a, pg_uuid(&id));
	pg_arg(&a, pg_str(act));
	pg_arg(&a, pg_str(by->who->name));
	pg_arg(&a, pg_time(by->now));
	TRY(tx_run(tx,
	    "INSERT INTO akashi.policy_activation (tenant, name, id, version, "
	    "selector, act, actor, at) SELECT tenant, name, $3, version, "
	    "selector, $4, $5, $6 FROM akashi.policy_active "
	    "WHERE tenant = $1 AND name = $2",
	    &a, NULL, e));
	TRY(tx_run(tx,
	    "UPDATE akashi.cluster SET policy_serial = policy_serial + 1", NULL,
	    NULL, e));
	return tx_audit(tx, by,
	    strcmp(act, "rollback") == 0 ? "policy.rollback"
					 : "policy.activate",
	    name, NULL, e);
}

rc
spg_policy_activate(struct store *st, const struct actor *by, struct span name,
    uint32_t version, struct span selector, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	TX_AUTO tx = {0};
	struct pg_args a = {0};
	const struct scope scope = {.write = &by->who->tenant};

	pg_arg(&a, pg_uuid(&by->who->tenant));
	pg_arg(&a, pg_text(name));
	pg_arg(&a, pg_i64(version));
	pg_arg(&a, pg_text(selector));
	pg_arg(&a, pg_str(by->who->name));
	TRY(tx_begin(st, &scope, &tx, e));
	TRY(tx_run(&tx,
	    "INSERT INTO akashi.policy_active AS a (tenant, name, version, "
	    "selector, approver) SELECT tenant, name, version, $4, $5 "
	    "FROM akashi.policy_version "
	    "WHERE tenant = $1 AND name = $2 AND version = $3 "
	    "ON CONFLICT (tenant, name) DO UPDATE SET "
	    "before_version = a.version, before_selector = a.selector, "
	    "version = excluded.version, selector = excluded.selector, "
	    "approver = excluded.approver RETURNING version",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return err_at(e, ERR_POLICY_UNKNOWN, NULL, "%s", "");
	TRY(note_activation(&tx, by, name, "activate", e));
	return tx_commit(&tx, e);
}

rc
spg_policy_rollback(struct store *st, const struct actor *by, struct span name,
    uint32_t *version, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	TX_AUTO tx = {0};
	struct pg_args a = {0};
	const struct scope scope = {.write = &by->who->tenant};

	pg_arg(&a, pg_uuid(&by->who->tenant));
	pg_arg(&a, pg_text(name));
	pg_arg(&a, pg_str(by->who->name));
	TRY(tx_begin(st, &scope, &tx, e));
	TRY(tx_run(&tx,
	    "UPDATE akashi.policy_active SET version = before_version, "
	    "selector = before_selector, approver = $3, before_version = NULL, "
	    "before_selector = NULL WHERE tenant = $1 AND name = $2 "
	    "AND before_version IS NOT NULL RETURNING version",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return err_at(e, ERR_POLICY_UNKNOWN,
		    "No other version of this policy was active before.", "%s",
		    "");
	struct pg_row row = pg_row(rows, 0, NULL);
	uint32_t now_active = (uint32_t)row_i32(&row);
	TRY(note_activation(&tx, by, name, "rollback", e));
	TRY(tx_commit(&tx, e));
	*version = now_active;
	return RC_OK;
}

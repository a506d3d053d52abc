/* SPDX-License-Identifier: Apache-2.0 */
/* The store on PostgreSQL: pool, scopes, transactions. */
#include "record/store_pg.h"

#include "base/hash.h"
#include "base/text.h"
#include "record/migrate.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

const char *const store_results[] = {
    [RESULT_NONE] = "unknown",
    [RESULT_PASS] = "pass",
    [RESULT_WARN] = "warn",
    [RESULT_FAIL] = "fail",
    [RESULT_REJECT] = "reject",
};

const char *const store_admissions[] = {
    [ADMISSION_PENDING] = "pending",
    [ADMISSION_ADMITTED] = "admitted",
    [ADMISSION_RETIRED] = "retired",
};

/* --- a connection that may be used ------------------------------------------
 */

static rc
check_database(struct pg *pg, struct err *e)
{
	struct pg_stmt s = {
	    .sql = "SELECT coalesce((SELECT max(version) "
		   "FROM akashi.schema_migration), 0), "
		   "pg_has_role(c.relowner, 'USAGE') OR r.rolbypassrls "
		   "FROM pg_catalog.pg_roles r, pg_catalog.pg_class c "
		   "WHERE r.rolname = current_user "
		   "AND c.oid = 'akashi.schema_migration'::regclass"};
	rc r = pg_run(pg, &s, 1, e);
	int found = 0;
	bool owner = false;

	if (!rc_ok(r) && r.code != ERR_SCHEMA)
		return r;
	if (rc_ok(r) && pg_rows_n(s.rows) == 1) {
		struct pg_row row = pg_row(s.rows, 0, NULL);
		found = row_i32(&row);
		owner = row_bool(&row);
	}
	pg_rows_free(s.rows);
	if (found != migrate_version())
		return err_text(e, ERR_SCHEMA, "database",
		    "schema %d needed, found %d", migrate_version(), found);
	if (owner)
		return err_text(e, ERR_CONFIG, "database",
		    "The server must not connect as the schema's owner or a "
		    "superuser: row-level security would not hold.");
	return RC_OK;
}

rc
store_connect(struct pg *pg, bool *fresh, struct err *e)
{
	bool is_new = false;

	TRY(pg_connect(pg, &is_new, e));
	if (fresh)
		*fresh = is_new;
	if (!is_new)
		return RC_OK;
	rc r = check_database(pg, e);
	if (!rc_ok(r))
		pg_close(pg);
	return r;
}

/* --- the pool ---------------------------------------------------------------
 */

static rc
take(struct store_pg *st, struct pg **out, struct err *e)
{
	struct timespec until;
	struct pg *pg = NULL;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += (time_t)(st->timeout / TIME_S) + 1;
	pthread_mutex_lock(&st->lock);
	while (st->idle_n == 0)
		if (pthread_cond_timedwait(
			&st->given_back, &st->lock, &until) == ETIMEDOUT)
			break;
	if (st->idle_n)
		pg = st->idle[--st->idle_n];
	pthread_mutex_unlock(&st->lock);
	if (!pg)
		return err_at(e, ERR_OVERLOAD, NULL, "%s", "");
	*out = pg;
	return RC_OK;
}

static void
give(struct store_pg *st, struct pg *pg)
{
	pthread_mutex_lock(&st->lock);
	st->idle[st->idle_n++] = pg;
	pthread_cond_signal(&st->given_back);
	pthread_mutex_unlock(&st->lock);
}

/* --- scopes -----------------------------------------------------------------
 */

static const char *
role_of(const struct scope *s)
{
	return s->write || s->write_many.n || s->write_cluster
		   ? "akashi_writer"
		   : "akashi_reader";
}

void
scope_prepare(struct scope_stmt *s, const struct scope *scope, int64_t timeout)
{
	char id[UUID_TEXT];

	*s = (struct scope_stmt){0};
	if (scope->read)
		uuid_emit(scope->read, s->read);
	if (scope->write) {
		uuid_emit(scope->write, id);
		snprintf(s->write, sizeof(s->write), "{%s}", id);
	}
	if (scope->credential.n <= 32)
		hex_emit(scope->credential, s->credential);
	snprintf(s->timeout, sizeof(s->timeout), "%lldms",
	    (long long)(timeout / TIME_MS));
	pg_arg(&s->args, pg_str(s->read));
	pg_arg(&s->args, scope->write_many.n ? pg_text(scope->write_many)
					     : pg_str(s->write));
	pg_arg(&s->args, pg_str(s->credential));
	pg_arg(&s->args, pg_str(s->timeout));
	pg_arg(&s->args, pg_str(role_of(scope)));
	s->stmt = (struct pg_stmt){
	    .sql = "SELECT set_config('role', $5, true), "
		   "set_config('akashi.tenant', $1, true), "
		   "set_config('akashi.batch_tenants', $2, true), "
		   "set_config('akashi.credential', $3, true), "
		   "set_config('statement_timeout', $4, true), "
		   "set_config('lock_timeout', $4, true), "
		   "set_config('idle_in_transaction_session_timeout', $4, "
		   "true), set_config('jit', 'off', true)",
	    .args = &s->args};
}

rc
store_queries(struct store *store, const struct scope *scope,
    struct pg_stmt *stmts, size_t n, struct err *e)
{
	struct store_pg *st = store_pg(store);
	struct pg_stmt all[1 + QUERIES_MAX];
	struct scope_stmt s;
	struct pg *pg = NULL;

	if (n > QUERIES_MAX)
		return err_at(e, ERR_INTERNAL, NULL, "%s", "");
	TRY(take(st, &pg, e));
	scope_prepare(&s, scope, st->timeout);
	/* Up to the Sync a pipeline is one transaction, so that the settings
	 * hold for the other statements and for nothing else. */
	all[0] = s.stmt;
	for (size_t i = 0; i < n; i++)
		all[1 + i] = stmts[i];
	rc r = store_connect(pg, NULL, e);
	if (rc_ok(r))
		r = pg_run(pg, all, 1 + n, e);
	give(st, pg);
	if (!rc_ok(r))
		return r;
	pg_rows_free(all[0].rows);
	for (size_t i = 0; i < n; i++)
		stmts[i].rows = all[1 + i].rows;
	return RC_OK;
}

rc
store_query(struct store *store, const struct scope *scope, const char *sql,
    const struct pg_args *args, struct pg_rows **out, struct err *e)
{
	struct pg_stmt one = {.sql = sql, .args = args};

	TRY(store_queries(store, scope, &one, 1, e));
	*out = one.rows;
	return RC_OK;
}

/* --- transactions -----------------------------------------------------------
 */

rc
tx_begin(struct store *store, const struct scope *scope, struct tx *out,
    struct err *e)
{
	struct store_pg *st = store_pg(store);
	struct scope_stmt s;
	struct pg *pg = NULL;

	*out = (struct tx){st, NULL};
	TRY(take(st, &pg, e));
	scope_prepare(&s, scope, st->timeout);
	struct pg_stmt two[] = {{.sql = "BEGIN"}, s.stmt};
	rc r = store_connect(pg, NULL, e);
	if (rc_ok(r))
		r = pg_run(pg, two, 2, e);
	if (!rc_ok(r)) {
		give(st, pg);
		return r;
	}
	pg_rows_free(two[0].rows);
	pg_rows_free(two[1].rows);
	out->pg = pg;
	return RC_OK;
}

rc
tx_run(struct tx *tx, const char *sql, const struct pg_args *args,
    struct pg_rows **rows, struct err *e)
{
	struct pg_stmt s = {.sql = sql, .args = args};

	TRY(pg_run(tx->pg, &s, 1, e));
	if (rows)
		*rows = s.rows;
	else
		pg_rows_free(s.rows);
	return RC_OK;
}

rc
tx_scope(struct tx *tx, const struct scope *scope, struct err *e)
{
	struct scope_stmt s;

	scope_prepare(&s, scope, tx->st->timeout);
	return tx_run(tx, s.stmt.sql, &s.args, NULL, e);
}

rc
tx_commit(struct tx *tx, struct err *e)
{
	return tx_run(tx, "COMMIT", NULL, NULL, e);
}

void
tx_end(struct tx *tx)
{
	if (!tx->pg)
		return;
	pg_rollback(tx->pg);
	give(tx->st, tx->pg);
	tx->pg = NULL;
}

rc
tx_audit(struct tx *tx, const struct actor *by, const char *action,
    struct span object, const char *reason, struct err *e)
{
	struct pg_args a = {0};
	struct uuid id;

	TRY(uuid_v7(by->now, &id));
	pg_arg(&a, pg_uuid(&by->who->tenant));
	pg_arg(&a, pg_uuid(&id));
	pg_arg(&a, pg_time(by->now));
	pg_arg(&a, pg_str(by->who->name));
	pg_arg(&a, pg_str(action));
	pg_arg(&a, pg_text(object));
	pg_arg(&a, pg_str(reason));
	pg_arg(&a, pg_str(by->source));
	return tx_run(tx,
	    "INSERT INTO akashi.audit (tenant, id, at, actor, action, object, "
	    "reason, source) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	    &a, NULL, e);
}

rc
tx_revoke(struct store *st, const struct actor *by, const struct uuid *id,
    const struct revocation *what, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	TX_AUTO tx = {0};
	struct pg_args a = {0};
	char text[UUID_TEXT];
	const struct scope scope = {.write = &by->who->tenant};

	uuid_emit(id, text);
	pg_arg(&a, pg_uuid(&by->who->tenant));
	pg_arg(&a, pg_uuid(id));
	pg_arg(&a, pg_time(by->now));
	TRY(tx_begin(st, &scope, &tx, e));
	TRY(tx_run(&tx, what->sql, &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return err_at(e, what->absent, NULL, "%s", "");
	TRY(tx_audit(&tx, by, what->action, span_str(text), NULL, e));
	return tx_commit(&tx, e);
}

struct pg_value
pg_code(enum err_code code)
{
	return pg_str(code == ERR_OK ? NULL : err_name(code));
}

enum err_code
row_code(struct pg_row *r)
{
	char name[STORE_NAME];

	row_name(r, name);
	return name[0] ? err_by_name(name) : ERR_OK;
}

rc
row_done(const struct pg_row *r, struct err *e)
{
	return r->failed ? err_at(e, ERR_MEMORY, NULL, "%s", "") : RC_OK;
}

/* --- open, close -------------------------------------------------------------
 */

static void
store_free(struct store *store)
{
	struct store_pg *st = store_pg(store);

	for (size_t i = 0; i < st->idle_n; i++)
		pg_free(st->idle[i]);
	pg_free(st->writer);
	free(st->known);
	pthread_mutex_destroy(&st->writing);
	pthread_mutex_destroy(&st->lock);
	pthread_cond_destroy(&st->given_back);
	free(st);
}

static rc
ready(struct store *store, struct err *e)
{
	struct pg_rows *rows = NULL;
	const struct scope none = {0};

	TRY(store_query(store, &none, "SELECT 1", NULL, &rows, e));
	pg_rows_free(rows);
	return RC_OK;
}

static const struct store_ops ops = {
    .close = store_free,
    .ready = ready,
    .cluster_get = spg_cluster_get,
    .cluster_rotate = spg_cluster_rotate,
    .cluster_epoch = spg_cluster_epoch,
    .admin_init = spg_admin_init,
    .admin_put = spg_admin_put,
    .admin_list = spg_admin_list,
    .admin_revoke = spg_admin_revoke,
    .admin_get = spg_admin_get,
    .token_put = spg_token_put,
    .token_list = spg_token_list,
    .token_revoke = spg_token_revoke,
    .ek_put = spg_ek_put,
    .enrol_begin = spg_enrol_begin,
    .enrol_activate = spg_enrol_activate,
    .node_get = spg_node_get,
    .node_find = spg_node_find,
    .node_list = spg_node_list,
    .node_hold = spg_node_hold,
    .node_change = spg_node_change,
    .policy_put = spg_policy_put,
    .policy_get = spg_policy_get,
    .policy_list = spg_policy_list,
    .policy_active = spg_policy_active,
    .policy_change = spg_policy_change,
    .policy_history = spg_policy_history,
    .refset_put = spg_refset_put,
    .refset_get = spg_refset_get,
    .refset_list = spg_refset_list,
    .refset_read = spg_refset_read,
    .commit = spg_commit,
    .verdict_get = spg_verdict_get,
    .verdict_list = spg_verdict_list,
    .verdict_good = spg_verdict_good,
    .verdict_past = spg_verdict_past,
    .verdict_others = spg_verdict_others,
    .evidence_get = spg_evidence_get,
    .blob_get = spg_blob_get,
    .ima_list = spg_ima_list,
    .ima_get = spg_ima_get,
    .boots_list = spg_boots_list,
    .boots_read = spg_boots_read,
    .security_put = spg_security_put,
    .audit_put = spg_audit_put,
    .counts_get = spg_counts_get,
    .purge = spg_purge,
};

static bool
fill(struct store_pg *st, const struct store_pg_options *o)
{
	size_t n = o->connections;

	if (n < 1)
		n = 1;
	if (n > POOL_MAX)
		n = POOL_MAX;
	for (size_t i = 0; i < n; i++) {
		struct pg *pg = pg_new(o->conninfo, st->timeout);
		if (!pg)
			return false;
		st->idle[st->idle_n++] = pg;
	}
	st->writer = pg_new(o->conninfo, st->timeout);
	st->known = calloc(KNOWN_SLOTS, sizeof(*st->known));
	return st->writer && st->known;
}

rc
store_pg_open(
    const struct store_pg_options *o, struct store **out, struct err *e)
{
	TRY(pg_check_conninfo(o->conninfo, e));
	struct store_pg *st = calloc(1, sizeof(*st));
	if (!st)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	st->store.ops = &ops;
	st->timeout = o->timeout;
	pthread_mutex_init(&st->lock, NULL);
	pthread_mutex_init(&st->writing, NULL);
	pthread_cond_init(&st->given_back, NULL);
	if (!fill(st, o)) {
		store_free(&st->store);
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	}
	*out = &st->store;
	return RC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: connect, run a pipeline, say what went wrong. */
#include "record/pg.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>

struct pg {
	char *conninfo;
	int64_t timeout;
	PGconn *conn;
};

struct pg *
pg_new(const char *conninfo, int64_t timeout)
{
	struct pg *pg = calloc(1, sizeof(*pg));

	if (!pg)
		return NULL;
	pg->conninfo = strdup(conninfo);
	pg->timeout = timeout;
	if (!pg->conninfo) {
		free(pg);
		return NULL;
	}
	return pg;
}

void
pg_close(struct pg *pg)
{
	PQfinish(pg->conn);
	pg->conn = NULL;
}

void
pg_free(struct pg *pg)
{
	if (!pg)
		return;
	pg_close(pg);
	secret_cleanse(pg->conninfo, strlen(pg->conninfo));
	free(pg->conninfo);
	free(pg);
}

rc
pg_check_conninfo(const char *conninfo, struct err *e)
{
	char *why = NULL;
	PQconninfoOption *o = PQconninfoParse(conninfo, &why);

	if (!o) {
		rc r = err_text(e, ERR_CONFIG, "database",
		    "The connection string cannot be read: %s",
		    why ? why : "out of memory");
		PQfreemem(why);
		return r;
	}
	PQconninfoFree(o);
	return RC_OK;
}

static rc
lost(struct pg *pg, struct err *e)
{
	rc r = err_text(e, ERR_DATABASE, "", "%.300s",
	    pg->conn ? PQerrorMessage(pg->conn) : "no connection");

	pg_close(pg);
	return r;
}

static void
ignore_notice(void *ctx, const PGresult *res)
{
	(void)ctx;
	(void)res;
}

/* A server that went away while the connection was idle shows as readable: its
 * last words first, then the end. */
static bool
alive(struct pg *pg)
{
	if (!pg->conn)
		return false;
	while (PQstatus(pg->conn) == CONNECTION_OK) {
		struct pollfd fd = {.fd = PQsocket(pg->conn), .events = POLLIN};
		if (poll(&fd, 1, 0) == 0)
			return true;
		if (!PQconsumeInput(pg->conn))
			return false;
	}
	return false;
}

rc
pg_connect(struct pg *pg, bool *fresh, struct err *e)
{
	/* What the operator writes overrides what stands before it. */
	static const char *const keys[] = {"connect_timeout",
	    "tcp_user_timeout", "target_session_attrs", "application_name",
	    "client_encoding", "dbname", NULL};
	const char *const values[] = {
	    "2", "3000", "read-write", "akashid", "UTF8", pg->conninfo, NULL};

	if (fresh)
		*fresh = false;
	if (alive(pg))
		return RC_OK;
	pg_close(pg);
	pg->conn = PQconnectdbParams(keys, values, 1);
	if (!pg->conn || PQstatus(pg->conn) != CONNECTION_OK ||
	    PQsetnonblocking(pg->conn, 1) != 0)
		return lost(pg, e);
	PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
	if (fresh)
		*fresh = true;
	return RC_OK;
}

/* Wait until something can be read, writing what is still to be sent. The
 * server ends a statement at its own timeout; the grace is for a server that
 * does not even do that. */
static rc
await(struct pg *pg, struct err *e)
{
	const int64_t grace = 2 * TIME_S;
	int64_t end = clock_monotonic() + pg->timeout + grace;

	for (;;) {
		int unsent = PQflush(pg->conn);
		if (unsent < 0)
			return lost(pg, e);
		if (!unsent && !PQisBusy(pg->conn))
			return RC_OK;
		struct pollfd fd = {.fd = PQsocket(pg->conn),
		    .events = (short)(unsent ? POLLIN | POLLOUT : POLLIN)};
		int64_t left = end - clock_monotonic();
		int n = left <= 0 ? 0 : poll(&fd, 1, (int)(left / TIME_MS) + 1);
		if (n == 0 || (n < 0 && errno != EINTR)) {
			pg_close(pg);
			return err_text(e, ERR_DATABASE, "",
			    "The database did not answer in time.");
		}
		if (n > 0 && (fd.revents & (POLLIN | POLLHUP | POLLERR)) &&
		    !PQconsumeInput(pg->conn))
			return lost(pg, e);
	}
}

/* --- what a failure means ---------------------------------------------------
 */

static enum err_code
unique_rule(const char *name)
{
	static const struct {
		const char *name;
		enum err_code code;
	} rules[] = {{"node_name", ERR_ENROL_NAME},
	    {"node_ek", ERR_EK_DUPLICATE}, {"node_ak", ERR_AK_DUPLICATE},
	    {"admin_name", ERR_OPERATOR_NAME}};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (name && strcmp(name, rules[i].name) == 0)
			return rules[i].code;
	return ERR_INTERNAL;
}

static enum err_code
meaning(const char *state, const char *constraint)
{
	/* Undefined table or schema: nobody migrated this database. */
	if (strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0)
		return ERR_SCHEMA;
	if (strcmp(state, "23505") == 0)
		return unique_rule(constraint);
	/* Deadlock, serialisation, lock timeout: the same again may work. */
	if (strncmp(state, "40", 2) == 0 || strcmp(state, "55P03") == 0)
		return ERR_OVERLOAD;
	/* Data exceptions, broken constraints, limits and the server's own
	 * faults are about these rows; all else (connection, resources,
	 * rights) is the database's. */
	static const char *const rows[] = {"22", "23", "54", "XX"};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strncmp(state, rows[i], 2) == 0)
			return ERR_INTERNAL;
	return ERR_DATABASE;
}

static rc
refused(const PGresult *res, struct err *e)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *rule = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);
	enum err_code code = meaning(state ? state : "", rule);

	if (err_class(code) != CLS_OURS)
		return err_at(e, code, NULL, "%s", "");
	return err_text(e, code, "", "PostgreSQL %s: %.200s",
	    state ? state : "?", text ? text : "no message");
}

/* --- pipelines --------------------------------------------------------------
 */

static bool
send_one(PGconn *conn, const struct pg_stmt *s)
{
	static const struct pg_args none;
	const struct pg_args *a = s->args ? s->args : &none;
	Oid types[PG_ARGS];
	const char *values[PG_ARGS];
	int lengths[PG_ARGS], formats[PG_ARGS];

	for (size_t i = 0; i < a->n; i++) {
		const struct pg_value *v = &a->v[i];
		const void *p = v->p ? v->p : v->small;
		types[i] = v->type;
		values[i] = v->len < 0 ? NULL : p;
		lengths[i] = v->len;
		formats[i] = 1;
	}
	return PQsendQueryParams(conn, s->sql, (int)a->n, types, values,
		   lengths, formats, 1) == 1;
}

static void
drop_rows(struct pg_stmt *stmts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		pg_rows_free(stmts[i].rows);
		stmts[i].rows = NULL;
	}
}

/* The next result; NULL marks the end of a statement's results. */
static rc
next_result(struct pg *pg, PGresult **out, struct err *e)
{
	TRY(await(pg, e));
	*out = PQgetResult(pg->conn);
	return RC_OK;
}

static bool
is_good(const PGresult *res)
{
	ExecStatusType s = PQresultStatus(res);

	return s == PGRES_TUPLES_OK || s == PGRES_COMMAND_OK;
}

/* One result and its end mark, for each statement; then the Sync. The first
 * failure is kept while the rest (aborted) is read to the end. */
static rc
receive(struct pg *pg, struct pg_stmt *stmts, size_t n, struct err *e)
{
	rc first = RC_OK;

	for (size_t i = 0; i <= n; i++) {
		PGresult *res = NULL, *mark = NULL;
		TRY(next_result(pg, &res, e));
		if (!res)
			return lost(pg, e);
		if (i == n) { /* PGRES_PIPELINE_SYNC has no end mark */
			PQclear(res);
			break;
		}
		if (is_good(res)) {
			stmts[i].rows = (struct pg_rows *)res;
		} else {
			if (rc_ok(first) &&
			    PQresultStatus(res) != PGRES_PIPELINE_ABORTED)
				first = refused(res, e);
			PQclear(res);
		}
		TRY(next_result(pg, &mark, e));
		PQclear(mark);
	}
	return first;
}

static rc
pipeline(struct pg *pg, struct pg_stmt *stmts, size_t n, struct err *e)
{
	if (!PQenterPipelineMode(pg->conn))
		return lost(pg, e);
	for (size_t i = 0; i < n; i++)
		if (!send_one(pg->conn, &stmts[i]))
			return lost(pg, e);
	if (!PQpipelineSync(pg->conn))
		return lost(pg, e);
	rc r = receive(pg, stmts, n, e);
	if (pg->conn && !PQexitPipelineMode(pg->conn))
		return lost(pg, e);
	return r;
}

rc
pg_run(struct pg *pg, struct pg_stmt *stmts, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		stmts[i].rows = NULL;
		if (stmts[i].args && stmts[i].args->failed)
			return err_at(e, ERR_MEMORY, NULL, "%s", "");
	}
	if (!pg->conn)
		return err_text(e, ERR_DATABASE, "", "no connection");
	rc r = pipeline(pg, stmts, n, e);
	/* A server that is shutting down says so and then hangs up. */
	if (pg->conn && PQstatus(pg->conn) != CONNECTION_OK) {
		pg_close(pg);
		if (rc_ok(r))
			r = err_text(e, ERR_DATABASE, "", "connection lost");
	}
	if (!rc_ok(r)) {
		drop_rows(stmts, n);
		pg_rollback(pg);
	}
	return r;
}

rc
pg_script(struct pg *pg, const char *sql, struct err *e)
{
	rc r = RC_OK;

	if (!pg->conn || !PQsendQuery(pg->conn, sql))
		return lost(pg, e);
	for (;;) {
		PGresult *res = NULL;
		TRY(next_result(pg, &res, e));
		if (!res)
			break;
		if (rc_ok(r) && !is_good(res))
			r = refused(res, e);
		PQclear(res);
	}
	if (!rc_ok(r))
		pg_rollback(pg);
	return r;
}

void
pg_rollback(struct pg *pg)
{
	struct pg_stmt s = {.sql = "ROLLBACK"};

	if (!pg->conn || PQtransactionStatus(pg->conn) == PQTRANS_IDLE)
		return;
	if (!rc_ok(pipeline(pg, &s, 1, NULL)))
		pg_close(pg);
	else
		pg_rows_free(s.rows);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "record/migrate.h"

#include "base/hash.h"
#include "record/pg.h"
#include "record/steps.h"

#include <stdlib.h>

/* A migration may build an index over many rows. */
#define MIGRATE_TIMEOUT (3600 * TIME_S)

static int
version_of(const struct schema_step *s)
{
	return (int)strtol(s->name, NULL, 10);
}

int
migrate_version(void)
{
	return version_of(&schema_steps[schema_steps_n - 1]);
}

/* The file's bytes again, and their hash. The caller frees `text`. */
static rc
text_of(const struct schema_step *s, struct buf *text, struct sha256 *sha256)
{
	struct hasher *h = hasher_new();

	for (const char *const *l = s->lines; *l; l++)
		buf_puts(text, *l);
	rc r = text->failed || !h
		   ? (rc){ERR_MEMORY}
		   : hash_of(h, ALG_SHA256, buf_span(text), sha256->b);
	hasher_free(h);
	return r;
}

static rc
run(struct pg *pg, const char *sql, const struct pg_args *a,
    struct pg_rows **rows, struct err *e)
{
	struct pg_stmt s = {.sql = sql, .args = a};

	TRY(pg_run(pg, &s, 1, e));
	if (rows)
		*rows = s.rows;
	else
		pg_rows_free(s.rows);
	return RC_OK;
}

/* --- what is there -------------------------------------------------------- */

/* Is there anything of ours? A dry run must not make it. */
static rc
has_schema(struct pg *pg, bool *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;

	TRY(run(pg, "SELECT to_regclass('akashi.schema_migration') IS NOT NULL",
	    NULL, &rows, e));
	struct pg_row row = pg_row(rows, 0, NULL);
	*out = row_bool(&row);
	return RC_OK;
}

/* The hash of an applied step; none if it was not applied. */
static rc
applied(struct pg *pg, int version, struct sha256 *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};

	*out = (struct sha256){{0}};
	pg_arg(&a, pg_i32(version));
	TRY(run(pg,
	    "SELECT sha256 FROM akashi.schema_migration WHERE version = $1", &a,
	    &rows, e));
	if (pg_rows_n(rows) == 0)
		return RC_OK;
	struct pg_row row = pg_row(rows, 0, NULL);
	*out = row_sha(&row);
	return RC_OK;
}

static rc
refuse_newer(struct pg *pg, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;

	TRY(run(pg,
	    "SELECT coalesce(max(version), 0) FROM akashi.schema_migration",
	    NULL, &rows, e));
	struct pg_row row = pg_row(rows, 0, NULL);
	int found = row_i32(&row);
	if (found > migrate_version())
		return err_text(e, ERR_SCHEMA, "database",
		    "schema %d needed, found %d: this program is older than "
		    "the database",
		    migrate_version(), found);
	return RC_OK;
}

/* --- bookkeeping ---------------------------------------------------------- */

static rc
make_schema(struct pg *pg, struct err *e)
{
	rc r = pg_script(pg,
	    "BEGIN; CREATE SCHEMA IF NOT EXISTS akashi; "
	    "CREATE TABLE IF NOT EXISTS akashi.schema_migration ("
	    "version integer PRIMARY KEY, name text NOT NULL, "
	    "sha256 bytea NOT NULL, "
	    "applied_at timestamptz NOT NULL DEFAULT now(), "
	    "app_version text NOT NULL); "
	    "CREATE TABLE IF NOT EXISTS akashi.schema_lock ("
	    "id integer PRIMARY KEY CHECK (id = 1)); "
	    "INSERT INTO akashi.schema_lock VALUES (1) "
	    "ON CONFLICT DO NOTHING; COMMIT",
	    e);

	/* Two first runs collide in the catalogue; the other one made it. */
	return r.code == ERR_INTERNAL ? RC_OK : r;
}

static rc
lock(struct pg *pg, struct err *e)
{
	struct pg_stmt s[] = {{.sql = "BEGIN"},
	    {.sql = "SELECT id FROM akashi.schema_lock FOR UPDATE NOWAIT"}};
	rc r = pg_run(pg, s, 2, e);

	if (r.code == ERR_OVERLOAD)
		return err_text(e, ERR_DATABASE, "database",
		    "Another migration is running.");
	TRY(r);
	pg_rows_free(s[0].rows);
	pg_rows_free(s[1].rows);
	return RC_OK;
}

static rc
note(struct pg *pg, const struct schema_step *s, const struct sha256 *sha256,
    struct err *e)
{
	struct pg_args a = {0};

	pg_arg(&a, pg_i32(version_of(s)));
	pg_arg(&a, pg_str(s->name));
	pg_arg(&a, pg_sha(sha256));
	pg_arg(&a, pg_str(PACKAGE_VERSION));
	return run(pg,
	    "INSERT INTO akashi.schema_migration (version, name, sha256, "
	    "app_version) VALUES ($1, $2, $3, $4)",
	    &a, NULL, e);
}

/* --- steps ---------------------------------------------------------------- */

/* One step inside the transaction that holds the lock row. */
static rc
apply(struct pg *pg, const struct schema_step *s, struct span text,
    const struct sha256 *sha256, struct err *e)
{
	TRY(pg_script(pg, (const char *)text.p, e));
	TRY(note(pg, s, sha256, e));
	return run(pg, "COMMIT", NULL, NULL, e);
}

struct run_ctx {
	struct pg *pg;
	bool dry, made; /* made: there is a schema to ask */
	migrate_sink *sink;
	void *ctx;
};

static rc
one_step(const struct run_ctx *m, const struct schema_step *s, struct err *e)
{
	struct buf text = {0};
	struct sha256 want, have = {{0}};
	rc r = text_of(s, &text, &want);

	if (rc_ok(r) && !m->dry)
		r = lock(m->pg, e);
	if (rc_ok(r) && m->made)
		r = applied(m->pg, version_of(s), &have, e);
	struct migrate_step step = {
	    version_of(s), s->name, !sha256_none(&have)};
	if (rc_ok(r) && step.applied && !sha256_eq(&have, &want))
		r = err_text(e, ERR_SCHEMA, "database",
		    "Step %s of this database is not the one of this program.",
		    s->name);
	if (rc_ok(r) && m->sink)
		m->sink(m->ctx, &step);
	if (rc_ok(r) && !step.applied && !m->dry)
		r = apply(m->pg, s, buf_span(&text), &want, e);
	pg_rollback(m->pg);
	buf_free(&text);
	return r;
}

static rc
all_steps(struct run_ctx *m, struct err *e)
{
	TRY(pg_connect(m->pg, NULL, e));
	if (!m->dry)
		TRY(make_schema(m->pg, e));
	TRY(has_schema(m->pg, &m->made, e));
	if (m->made)
		TRY(refuse_newer(m->pg, e));
	for (int i = 0; i < schema_steps_n; i++)
		TRY(one_step(m, &schema_steps[i], e));
	return RC_OK;
}

rc
migrate(const char *conninfo, bool dry_run, migrate_sink *sink, void *ctx,
    struct err *e)
{
	TRY(pg_check_conninfo(conninfo, e));
	struct run_ctx m = {.dry = dry_run, .sink = sink, .ctx = ctx};
	m.pg = pg_new(conninfo, MIGRATE_TIMEOUT);
	if (!m.pg)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	rc r = all_steps(&m, e);
	pg_free(m.pg);
	return r;
}

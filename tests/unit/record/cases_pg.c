/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/record/cases.h"

#include "record/migrate.h"
#include "record/pg.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

/* --- one connection ------------------------------------------------------- */

static struct pg *
connect_as(const char *role, const char *database)
{
	char text[256];
	struct err e = {0};
	struct pg *pg = pg_new(conninfo(role, database, text), 20 * TIME_S);

	ck_assert_ptr_nonnull(pg);
	rc r = pg_connect(pg, NULL, &e);
	ck_assert_msg(rc_ok(r), "%s", e.text);
	return pg;
}

static rc
try_sql(struct pg *pg, const char *sql, struct err *e)
{
	struct pg_stmt s = {.sql = sql};
	rc r = pg_run(pg, &s, 1, e);

	pg_rows_free(s.rows);
	return r;
}

static void
must(struct pg *pg, const char *sql)
{
	struct err e = {0};
	rc r = try_sql(pg, sql, &e);

	ck_assert_msg(rc_ok(r), "%s: %s", sql, e.text);
}

/* The number that a query yields. */
static int64_t
number(struct pg *pg, const char *sql)
{
	struct pg_stmt s = {.sql = sql};
	struct err e = {0};
	rc r = pg_run(pg, &s, 1, &e);

	ck_assert_msg(rc_ok(r), "%s: %s", sql, e.text);
	ck_assert_int_eq(pg_rows_n(s.rows), 1);
	struct pg_row row = pg_row(s.rows, 0, NULL);
	int64_t n = row_i64(&row);
	ck_assert(!row.failed);
	pg_rows_free(s.rows);
	return n;
}

static int64_t
owner_number(const struct fixture *f, const char *sql)
{
	struct pg *pg = connect_as("postgres", f->database);
	int64_t n = number(pg, sql);

	pg_free(pg);
	return n;
}

/* --- migrations ----------------------------------------------------------- */

struct seen {
	int steps, applied;
};

static void
count_step(void *ctx, const struct migrate_step *s)
{
	struct seen *seen = ctx;

	seen->steps++;
	seen->applied += s->applied;
}

static rc
migrate_as_owner(
    const char *database, bool dry, struct seen *seen, struct err *e)
{
	char text[256];

	*seen = (struct seen){0};
	return migrate(
	    conninfo("akashi_owner", database, text), dry, count_step, seen, e);
}

void
pg_prepare(void)
{
	struct seen seen;
	struct err e = {0};
	rc r = migrate_as_owner("akashi", false, &seen, &e);

	if (!rc_ok(r)) {
		fprintf(stderr, "migrate: %s\n", e.text);
		exit(99);
	}
}

static struct store *
open_as(const char *role, const char *database, int64_t timeout)
{
	struct store *st = NULL;
	char text[256];
	const struct store_pg_options o = {
	    conninfo(role, database, text), 2, timeout};

	ck_rc_ok(store_pg_open(&o, &st, NULL));
	return st;
}

static void
ready_is(const char *role, const char *database, enum err_code want,
    const char *words)
{
	struct store *st = open_as(role, database, 10 * TIME_S);
	struct err e = {0};
	rc r = st->ops->ready(st, &e);

	ck_assert_msg(r.code == want, "%s, not %s: %s", err_name(r.code),
	    err_name(want), e.text);
	ck_assert_msg(strstr(e.text, words) != NULL, "%s", e.text);
	st->ops->close(st);
}

START_TEST(migrations)
{
	const char *db = "migrations";
	struct seen seen;
	struct err e = {0};
	char want[64];

	as_superuser(
	    "postgres", "CREATE DATABASE migrations OWNER akashi_owner");
	snprintf(
	    want, sizeof(want), "schema %d needed, found 0", migrate_version());
	ready_is("akashi_app", db, ERR_SCHEMA, want);
	ck_rc_ok(migrate_as_owner(db, true, &seen, &e));
	ck_assert_int_eq(seen.applied, 0);
	ck_assert_int_gt(seen.steps, 0);
	int steps = seen.steps;
	struct pg *pg = connect_as("postgres", db);
	ck_assert_int_eq(number(pg, "SELECT count(*) FROM pg_namespace "
				    "WHERE nspname = 'akashi'"),
	    0);
	/* The server's role may not. */
	char text[256];
	ck_rc_is(
	    migrate(conninfo("akashi_app", db, text), false, NULL, NULL, &e),
	    ERR_DATABASE);
	ck_rc_ok(migrate_as_owner(db, false, &seen, &e));
	ck_assert_int_eq(seen.applied, 0);
	ready_is("akashi_app", db, ERR_OK, "");
	ck_rc_ok(migrate_as_owner(db, false, &seen, &e));
	ck_assert_int_eq(seen.applied, steps);
	ck_rc_ok(migrate_as_owner(db, true, &seen, &e));
	ck_assert_int_eq(seen.applied, steps);
	ck_assert_int_eq(
	    number(pg, "SELECT count(*) FROM akashi.schema_migration "
		       "WHERE octet_length(sha256) = 32 AND app_version <> ''"),
	    steps);
	/* One at a time. */
	must(pg, "BEGIN");
	must(pg, "SELECT id FROM akashi.schema_lock FOR UPDATE");
	ck_rc_is(migrate_as_owner(db, false, &seen, &e), ERR_DATABASE);
	ck_assert_str_eq(e.text, "Another migration is running.");
	must(pg, "ROLLBACK");
	/* Another schema than ours, by content and by number. */
	must(pg, "UPDATE akashi.schema_migration SET sha256 = "
		 "sha256(sha256) WHERE version = 1");
	ck_rc_is(migrate_as_owner(db, false, &seen, &e), ERR_SCHEMA);
	ck_assert_ptr_nonnull(strstr(e.text, "001_init"));
	must(pg, "INSERT INTO akashi.schema_migration (version, name, sha256, "
		 "app_version) VALUES (999, 'x', 'x', 'x')");
	snprintf(want, sizeof(want), "schema %d needed, found 999",
	    migrate_version());
	ck_rc_is(migrate_as_owner(db, false, &seen, &e), ERR_SCHEMA);
	ck_assert_ptr_nonnull(strstr(e.text, want));
	ready_is("akashi_app", db, ERR_SCHEMA, want);
	pg_free(pg);
	as_superuser("postgres", "DROP DATABASE migrations WITH (FORCE)");
}
END_TEST

/* What a server with the first schema has written. */
static const char *const old_rows[] = {
    "INSERT INTO akashi.tenant VALUES "
    "('00000000-0000-7000-8000-000000000001', 'default', now())",
    "INSERT INTO akashi.admin_token (tenant, id, hash, role, name, created_at)"
    " VALUES ('00000000-0000-7000-8000-000000000001', "
    "'00000000-0000-7000-8000-000000000002', sha256('akad_old'), 'admin', "
    "'admin', now())",
    "INSERT INTO akashi.enrol_token (tenant, id, hash, labels, uses, "
    "created_at, created_by, expires_at) VALUES "
    "('00000000-0000-7000-8000-000000000001', "
    "'00000000-0000-7000-8000-000000000003', sha256('aket_old'), '{}', 5, "
    "now(), 'admin', now() + interval '1 day')",
    "INSERT INTO akashi.policy_version VALUES "
    "('00000000-0000-7000-8000-000000000001', 'golden', 1, sha256('one'), "
    "'one', 'admin', now())",
    "INSERT INTO akashi.policy_active (tenant, name, version, selector, "
    "approver) VALUES ('00000000-0000-7000-8000-000000000001', 'golden', 1, "
    "'{}', 'admin')",
    "INSERT INTO akashi.policy_activation VALUES "
    "('00000000-0000-7000-8000-000000000001', 'golden', "
    "'00000000-0000-7000-8000-000000000004', 1, '{}', 'activate', 'admin', "
    "now())",
    "INSERT INTO akashi.node (tenant, id, name, admission, labels, ek_public, "
    "ek_sha256, rot, ak_public, ak_name, ak_qualified, ak_alg, node_token, "
    "enrolled_at) VALUES ('00000000-0000-7000-8000-000000000001', "
    "'00000000-0000-7000-8000-000000000005', 'old', 'admitted', '{}', 'ek', "
    "sha256('ek'), 'virtual', 'ak', 'ak', 'ak', 'rsa-2048', "
    "sha256('token'), now())",
    "INSERT INTO akashi.node_state (tenant, node) VALUES "
    "('00000000-0000-7000-8000-000000000001', "
    "'00000000-0000-7000-8000-000000000005')",
};

/* Between the first step and the second. */
static void
write_old_rows(void *ctx, const struct migrate_step *step)
{
	if (step->version != 2 || step->applied)
		return;
	for (size_t i = 0; i < sizeof(old_rows) / sizeof(old_rows[0]); i++)
		as_superuser(ctx, old_rows[i]);
}

static void
old_rows_are_read(struct store *st, struct arena *a)
{
	const struct store_ops *ops = st->ops;
	struct sha256 token = sha_of("akad_old");
	struct principal who;
	struct policy_list l;
	struct enrol_token *t;
	struct node n;
	size_t tokens;
	struct err e;

	ck_rc_ok(ops->admin_get(st, &token, &who, &e));
	ck_assert_int_eq(who.role, ROLE_ADMIN);
	ck_rc_ok(ops->policy_active(st, &who.tenant, a, &l, &e));
	ck_assert_uint_eq(l.n, 1);
	ck_assert_int_eq(policy_state(&l.row[0]), POLICY_ACTIVE);
	ck_assert_str_eq(l.row[0].approver, "admin");
	ck_assert(!l.row[0].four_eyes);
	ck_assert_uint_eq(l.row[0].revision, 1);
	ck_rc_ok(ops->token_list(st, &who.tenant, a, &t, &tokens, &e));
	ck_assert_uint_eq(tokens, 1);
	ck_assert_uint_eq(t[0].names.n, 0);
	ck_rc_ok(ops->node_find(st, &who.tenant, span_str("old"), a, &n, &e));
	ck_assert_uint_eq(n.version, 1);
	ck_assert_int_eq(n.admission, ADMISSION_ADMITTED);
}

START_TEST(rows_of_the_schema_before)
{
	char db[] = "upgraded", text[256];
	const struct store_pg_options o = {
	    .conninfo = text, .connections = 1, .timeout = 10 * TIME_S};
	struct arena a;
	struct store *st;
	struct err e = {0};

	as_superuser("postgres", "CREATE DATABASE upgraded OWNER akashi_owner");
	rc r = migrate(
	    conninfo("akashi_owner", db, text), false, write_old_rows, db, &e);
	ck_assert_msg(rc_ok(r), "%s", e.text);
	conninfo("akashi_app", db, text);
	ck_rc_ok(store_pg_open(&o, &st, &e));
	arena_init(&a, 1 << 20);
	old_rows_are_read(st, &a);
	arena_free(&a);
	st->ops->close(st);
}
END_TEST

START_TEST(roles_that_are_not_bound_are_refused)
{
	ready_is("akashi_app", "akashi", ERR_OK, "");
	ready_is("akashi_owner", "akashi", ERR_CONFIG, "owner");
	ready_is("postgres", "akashi", ERR_CONFIG, "superuser");
	ready_is("nobody_there", "akashi", ERR_DATABASE, "");
	struct store *st;
	struct err e = {0};
	const struct store_pg_options bad = {"host='x", 1, TIME_S};
	ck_rc_is(store_pg_open(&bad, &st, &e), ERR_CONFIG);
}
END_TEST

/* --- what the server's role may do ---------------------------------------- */

static const char *const tenant_tables[] = {"admin_token", "enrol_token",
    "listed_ek", "enrolment", "node", "node_state", "policy_version",
    "policy_active", "refset", "refset_part", "refset_version", "policy_name",
    "policy_activation", "blob", "verdict", "evidence", "ima_segment",
    "used_challenge", "log_pending", "security_event", "audit"};
enum { TABLES = sizeof(tenant_tables) / sizeof(tenant_tables[0]) };

static bool
insert_only(const char *table)
{
	static const char *const all[] = {"policy_version", "policy_activation",
	    "refset", "refset_part", "refset_version", "blob", "verdict",
	    "evidence", "ima_segment", "security_event", "audit"};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(table, all[i]) == 0)
			return true;
	return false;
}

/* A row in every table. */
static void
fill(struct fixture *f)
{
	struct sha256 hash = sha_of("document");
	const struct listed_ek ek = {
	    .ek = sha_of("listed"), .labels = span_str("{}")};
	const struct security_event ev = {
	    .tenant = f->admin.tenant, .code = ERR_QUOTE_SIGNATURE, .at = T0};
	const struct store_ops *ops = f->st->ops;
	struct uuid tenant;

	struct node n = enrol(f, "node-1", "ek1", "ak1");
	struct record r = make_record(f, &n, "one", T0);
	r.ima = span_str("segment");
	r.row.ima = sha_of("segment");
	ck_rc_ok(ops->commit(f->st, &r, 1, &f->e));
	put_policy(f, "p", "document");
	const struct policy_change activate = {.step = STEP_ACTIVATE,
	    .name = span_str("p"),
	    .version = 1,
	    .selector = span_str("{}")};
	ck_rc_ok(take_step(f, &f->admin, &activate, NULL));
	const struct refset_row set = {.name = "debian",
	    .hash = sha_of("file"),
	    .alg = span_str("sha256"),
	    .bytes = 4};
	uint32_t version;
	ck_rc_ok(ops->refset_put(
	    f->st, &f->by, &set, span_str("file"), &version, &f->e));
	ck_rc_ok(ops->ek_put(f->st, &f->by, &ek, 1, &f->e));
	ck_rc_ok(ops->security_put(f->st, &ev, 1, &f->e));
	struct enrolment en = make_enrolment(f, "b", "ek-b", "ak-b");
	put_token(f, "aket_b", 1);
	hash = sha_of("aket_b");
	ck_rc_ok(ops->enrol_begin(f->st, &hash, &en, &tenant, &f->e));
}

static void
set_scope(struct pg *pg, const char *read, const char *write)
{
	char sql[256];

	must(pg, "BEGIN");
	snprintf(sql, sizeof(sql),
	    "SELECT set_config('akashi.tenant', '%s', true), "
	    "set_config('akashi.batch_tenants', '%s', true)",
	    read, write);
	must(pg, sql);
}

static int64_t
rows_seen(struct pg *pg, const char *table, const char *read, const char *write)
{
	char sql[128];

	set_scope(pg, read, write);
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM akashi.%s", table);
	int64_t n = number(pg, sql);
	must(pg, "ROLLBACK");
	return n;
}

START_TEST(rows_are_seen_by_their_tenant)
{
	struct fixture f;
	char own[UUID_TEXT], own_list[UUID_TEXT + 2], other[UUID_TEXT],
	    other_list[UUID_TEXT + 2];

	begin(&f);
	fill(&f);
	uuid_emit(&f.admin.tenant, own);
	uuid_emit(&(struct uuid[]){new_id(T0)}[0], other);
	snprintf(own_list, sizeof(own_list), "{%s}", own);
	snprintf(other_list, sizeof(other_list), "{%s}", other);
	ck_assert_int_eq(
	    owner_number(&f,
		"SELECT count(*) FROM pg_class c JOIN pg_attribute a "
		"ON a.attrelid = c.oid WHERE a.attname = 'tenant' "
		"AND c.relkind IN ('r', 'p') AND relrowsecurity"),
	    TABLES);
	ck_assert_int_eq(
	    owner_number(&f,
		"SELECT count(*) FROM pg_class c JOIN pg_attribute a "
		"ON a.attrelid = c.oid WHERE a.attname = 'tenant' "
		"AND c.relkind IN ('r', 'p') AND NOT relrowsecurity"),
	    0);
	struct pg *pg = connect_as("akashi_app", f.database);
	for (size_t i = 0; i < TABLES; i++) {
		const char *t = tenant_tables[i];
		ck_assert_msg(rows_seen(pg, t, own, "") > 0, "%s", t);
		ck_assert_msg(rows_seen(pg, t, "", own_list) > 0, "%s", t);
		ck_assert_msg(rows_seen(pg, t, "", "") == 0, "%s", t);
		ck_assert_msg(rows_seen(pg, t, other, "") == 0, "%s", t);
		ck_assert_msg(rows_seen(pg, t, "", other_list) == 0, "%s", t);
	}
	ck_assert_int_eq(rows_seen(pg, "tenant", own, ""), 1);
	ck_assert_int_eq(rows_seen(pg, "tenant", other, ""), 0);
	pg_free(pg);
	end(&f);
}
END_TEST

/* Refused by rights (42501), not by a typing error. */
static void
refused(struct pg *pg, const char *read, const char *write, const char *sql)
{
	struct err e = {0};

	set_scope(pg, read, write);
	rc r = try_sql(pg, sql, &e);
	ck_assert_msg(!rc_ok(r) && strstr(e.text, "42501"), "%s: %s", sql,
	    rc_ok(r) ? "was done" : e.text);
}

/* A copy of a row under another tenant. The column list is that of the table,
 * whose first column is always the tenant. */
static void
copy_to_tenant(struct pg *pg, const char *own, const char *table,
    const char *to, bool as_reader)
{
	char sql[512], list[128];

	snprintf(list, sizeof(list), as_reader ? "%s" : "{%s}", own);
	snprintf(sql, sizeof(sql),
	    "INSERT INTO akashi.%s SELECT (jsonb_populate_record(t, "
	    "jsonb_build_object('tenant', '%s'::text))).* FROM akashi.%s t "
	    "LIMIT 1",
	    table, to, table);
	refused(pg, as_reader ? list : "", as_reader ? "" : list, sql);
}

START_TEST(writing_elsewhere_is_refused)
{
	struct fixture f;
	char own[UUID_TEXT], other[UUID_TEXT];

	begin(&f);
	fill(&f);
	uuid_emit(&f.admin.tenant, own);
	uuid_emit(&(struct uuid[]){new_id(T0)}[0], other);
	struct pg *pg = connect_as("akashi_app", f.database);
	for (size_t i = 0; i < TABLES; i++) {
		/* A writer of its own tenant, for another; a reader at all. */
		copy_to_tenant(pg, own, tenant_tables[i], other, false);
		copy_to_tenant(pg, own, tenant_tables[i], own, true);
	}
	pg_free(pg);
	end(&f);
}
END_TEST

START_TEST(evidence_is_only_inserted)
{
	struct fixture f;
	char own[UUID_TEXT], list[UUID_TEXT + 2], sql[128];
	static const char *const forms[][2] = {
	    {"UPDATE", "SET tenant = tenant"}, {"DELETE FROM", ""},
	    {"TRUNCATE", ""}};

	begin(&f);
	fill(&f);
	uuid_emit(&f.admin.tenant, own);
	snprintf(list, sizeof(list), "{%s}", own);
	struct pg *app = connect_as("akashi_app", f.database);
	struct pg *owner = connect_as("akashi_owner", f.database);
	for (size_t i = 0; i < TABLES; i++) {
		if (!insert_only(tenant_tables[i]))
			continue;
		for (size_t k = 0; k < 3; k++) {
			/* By grants; for the owner by triggers. */
			snprintf(sql, sizeof(sql), "%s akashi.%s %s",
			    forms[k][0], tenant_tables[i], forms[k][1]);
			refused(app, own, list, sql);
			refused(owner, own, list, sql);
		}
	}
	/* Keys of the cluster are not the server's to change, nor versions. */
	refused(app, own, list, "UPDATE akashi.challenge_key SET id = 9");
	refused(app, own, list, "DELETE FROM akashi.node");
	refused(app, own, list, "DELETE FROM akashi.log_pending");
	refused(app, own, list, "UPDATE akashi.log_pending SET leaf = leaf");
	refused(app, own, list, "UPDATE akashi.schema_migration SET name = ''");
	refused(app, own, list, "DROP TABLE akashi.verdict");
	pg_free(app);
	pg_free(owner);
	end(&f);
}
END_TEST

START_TEST(security_events_are_kept)
{
	struct fixture f;

	begin(&f);
	struct security_event ev[40];
	for (int i = 0; i < 40; i++)
		ev[i] = (struct security_event){
		    .tenant = i % 3 ? f.admin.tenant : (struct uuid){{0}},
		    .code = i % 2 ? ERR_QUOTE_SIGNATURE : ERR_AUTH_INVALID,
		    .at = T0,
		    .source = span_str(i % 2 ? "192.0.2.7" : "")};
	ck_rc_ok(f.st->ops->security_put(f.st, ev, 40, &f.e));
	ck_assert_int_eq(
	    owner_number(&f,
		"SELECT count(*) FROM akashi.security_event "
		"WHERE code = 'quote.signature' AND source = '192.0.2.7'"),
	    20);
	ck_assert_int_eq(
	    owner_number(&f, "SELECT count(*) FROM akashi.security_event "
			     "WHERE tenant::text LIKE '00000000-0000-0000-%'"),
	    14);
	end(&f);
}
END_TEST

START_TEST(acts_leave_audit_rows)
{
	struct fixture f;

	begin(&f);
	fill(&f);
	static const char *const acts[] = {"admin.init", "token.put",
	    "node.enrol", "policy.put", "policy.activate", "node.import"};
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		char sql[160];
		snprintf(sql, sizeof(sql),
		    "SELECT count(*) FROM akashi.audit WHERE action = '%s' "
		    "AND actor <> ''",
		    acts[i]);
		ck_assert_msg(owner_number(&f, sql) > 0, "%s", acts[i]);
	}
	ck_assert_int_eq(
	    owner_number(&f, "SELECT count(*) FROM akashi.log_pending p "
			     "JOIN akashi.verdict v ON v.id = p.verdict "
			     "AND v.statement = p.leaf"),
	    1);
	end(&f);
}
END_TEST

/* --- a database that goes away -------------------------------------------- */

START_TEST(a_killed_connection_is_replaced)
{
	struct fixture f;
	struct cluster c;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	struct record r = make_record(&f, &n, "one", T0);
	ck_rc_ok(f.st->ops->commit(f.st, &r, 1, &f.e));
	for (int i = 0; i < 3; i++) {
		struct pg *pg = connect_as("postgres", f.database);
		must(pg, "SELECT pg_terminate_backend(pid, 5000) FROM "
			 "pg_stat_activity WHERE usename = 'akashi_app' "
			 "AND datname = current_database()");
		pg_free(pg);
		ck_rc_ok(f.st->ops->cluster_get(f.st, &c, &f.e));
		n = get_node(&f, &n.id);
		char what[8] = {'k', (char)('0' + i), 0};
		r = make_record(&f, &n, what, T0 + (i + 1) * TIME_S);
		ck_rc_ok(f.st->ops->commit(f.st, &r, 1, &f.e));
		ck_assert_int_eq(r.outcome, OUTCOME_COMMITTED);
	}
	end(&f);
}
END_TEST

struct waiter {
	struct fixture *f;
	struct record *r;
	rc result;
};

static void *
commit_thread(void *arg)
{
	struct waiter *w = arg;

	w->result = w->f->st->ops->commit(w->f->st, w->r, 2, NULL);
	return NULL;
}

/* Until a session of the server waits for a lock. */
static void
await_waiter(const char *database)
{
	struct pg *pg = connect_as("postgres", database);
	const struct timespec ms = {0, 1000 * 1000};

	for (int i = 0; i < 10000; i++) {
		if (number(pg, "SELECT count(*) FROM pg_stat_activity "
			       "WHERE usename = 'akashi_app' "
			       "AND wait_event_type = 'Lock'") > 0) {
			pg_free(pg);
			return;
		}
		nanosleep(&ms, NULL);
	}
	ck_abort_msg("no session waits");
}

START_TEST(a_database_stopped_in_the_middle)
{
	struct fixture f;
	pthread_t thread;
	struct cluster c;
	struct verdict_row v;

	begin(&f);
	struct node a = enrol(&f, "a", "ek-a", "ak-a");
	struct node b = enrol(&f, "b", "ek-b", "ak-b");
	struct record r[] = {
	    make_record(&f, &a, "one", T0), make_record(&f, &b, "two", T0)};
	struct waiter w = {.f = &f, .r = r};
	struct pg *pg = connect_as("postgres", f.database);
	must(pg, "BEGIN");
	must(pg, "SELECT version FROM akashi.node_state WHERE node = "
		 "(SELECT max(node::text)::uuid FROM akashi.node_state) "
		 "FOR UPDATE");
	ck_assert_int_eq(pthread_create(&thread, NULL, commit_thread, &w), 0);
	await_waiter(f.database);
	cluster_do("stop");
	pthread_join(thread, NULL);
	pg_free(pg);
	ck_assert_int_eq(w.result.code, ERR_DATABASE);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(r[i].outcome, OUTCOME_FAILED);
		ck_assert_int_eq(r[i].error, ERR_DATABASE);
	}
	ck_rc_is(f.st->ops->ready(f.st, &f.e), ERR_DATABASE);
	ck_rc_is(f.st->ops->cluster_get(f.st, &c, &f.e), ERR_DATABASE);
	ck_rc_is(f.st->ops->commit(f.st, r, 2, &f.e), ERR_DATABASE);
	cluster_do("start");
	/* Nothing was recorded; the same again is, once. */
	for (int i = 0; i < 2; i++)
		ck_rc_is(f.st->ops->verdict_get(
			     f.st, &a.tenant, &r[i].row.id, &f.arena, &v, &f.e),
		    ERR_VERDICT_UNKNOWN);
	ck_assert_uint_eq(get_node(&f, &a.id).version, a.version);
	ck_rc_ok(f.st->ops->commit(f.st, r, 2, &f.e));
	ck_assert_int_eq(r[0].outcome, OUTCOME_COMMITTED);
	ck_assert_int_eq(r[1].outcome, OUTCOME_COMMITTED);
	ck_rc_ok(f.st->ops->commit(f.st, r, 2, &f.e));
	ck_assert_int_eq(r[0].outcome, OUTCOME_DUPLICATE);
	ck_assert_int_eq(r[1].outcome, OUTCOME_DUPLICATE);
	ck_assert_int_eq(
	    owner_number(&f, "SELECT count(*) FROM akashi.verdict"), 2);
	end(&f);
}
END_TEST

START_TEST(waiting_ends)
{
	struct fixture f;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	struct record r = make_record(&f, &n, "one", T0);
	struct store *st = open_as("akashi_app", f.database, TIME_S / 5);
	struct pg *pg = connect_as("postgres", f.database);
	must(pg, "BEGIN");
	must(pg, "SELECT version FROM akashi.node_state FOR UPDATE");
	rc result = st->ops->commit(st, &r, 1, &f.e);
	ck_assert_msg(
	    result.code == ERR_OVERLOAD || result.code == ERR_DATABASE, "%s",
	    err_name(result.code));
	ck_assert_int_eq(r.outcome, OUTCOME_FAILED);
	must(pg, "ROLLBACK");
	ck_rc_ok(st->ops->commit(st, &r, 1, &f.e));
	ck_assert_int_eq(r.outcome, OUTCOME_COMMITTED);
	pg_free(pg);
	st->ops->close(st);
	end(&f);
}
END_TEST

START_TEST(several_hosts_are_tried)
{
	struct store *st;
	struct err e = {0};
	char text[256];
	const struct store_pg_options o = {text, 1, 10 * TIME_S};

	snprintf(text, sizeof(text),
	    "host=/nowhere,%s user=akashi_app dbname=akashi", cluster());
	ck_rc_ok(store_pg_open(&o, &st, &e));
	rc r = st->ops->ready(st, &e);
	ck_assert_msg(rc_ok(r), "%s", e.text);
	st->ops->close(st);
}
END_TEST

TCase *
pg_cases(void)
{
	TCase *t = tcase_create("pg");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, migrations);
	tcase_add_test(t, rows_of_the_schema_before);
	tcase_add_test(t, roles_that_are_not_bound_are_refused);
	tcase_add_test(t, rows_are_seen_by_their_tenant);
	tcase_add_test(t, writing_elsewhere_is_refused);
	tcase_add_test(t, evidence_is_only_inserted);
	tcase_add_test(t, security_events_are_kept);
	tcase_add_test(t, acts_leave_audit_rows);
	tcase_add_test(t, a_killed_connection_is_replaced);
	tcase_add_test(t, a_database_stopped_in_the_middle);
	tcase_add_test(t, waiting_ends);
	tcase_add_test(t, several_hosts_are_tried);
	return t;
}

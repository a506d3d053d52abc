/* SPDX-License-Identifier: Apache-2.0 */
/* A database that stops, is not there yet, or is of another version. */
#include "e2e/server/cases.h"

#include "record/migrate.h"
#include "record/pg.h"
#include "unit/record/fixture.h"

#include <stdio.h>
#include <unistd.h>

static struct world w;

static void
setup(void)
{
	world_begin(&w, NULL);
}

static void
teardown(void)
{
	world_end(&w);
}

static struct pg *
superuser(const char *database)
{
	char text[256];
	struct pg *pg =
	    pg_new(conninfo("postgres", database, text), 60 * TIME_S);
	struct err e;

	ck_assert_ptr_nonnull(pg);
	ck_rc_ok(pg_connect(pg, NULL, &e));
	return pg;
}

/* The number that a statement gives. */
static int64_t
ask_database(const char *sql)
{
	struct pg *pg = superuser(w.database);
	struct pg_stmt stmt = {.sql = sql};
	struct err e = {0};

	rc r = pg_run(pg, &stmt, 1, &e);
	ck_assert_msg(rc_ok(r), "%s: %s", sql, e.text);
	struct pg_row row = pg_row(stmt.rows, 0, &w.arena);
	int64_t n = row_i64(&row);
	pg_rows_free(stmt.rows);
	pg_free(pg);
	return n;
}

static struct answer
admin_get(const char *path)
{
	const struct raw_request q = {.method = "GET", .path = path};
	int fd = raw_dial_unix(w.socket);

	raw_send(fd, raw_bytes(&w.arena, &q));
	return answer_of(&w, raw_receive(fd, &w.arena));
}

/* Wait for this answer of /readyz; its words. */
static const char *
await_readiness(int status)
{
	struct answer a = {0};

	for (int i = 0; i < 400; i++) {
		a = admin_get("/readyz");
		if (a.status == status)
			return text_at(a.json, "checks.database");
		usleep(50000);
	}
	ck_abort_msg("readyz says %d, not %d", a.status, status);
	return "";
}

/* --- lost in the middle ----------------------------------------------------
 */

static void
told_to_wait(const struct answer *a)
{
	ck_assert_msg(a->status == 503, "%d %s", a->status, a->code);
	/* nor where the database is, or what it said */
	ck_assert_ptr_null(strstr((const char *)a->raw.body.p, "/tmp"));
	ck_assert_ptr_null(strstr((const char *)a->raw.body.p, "PGSQL"));
	ck_assert_ptr_nonnull(raw_header(&a->raw, "retry-after", &w.arena));
}

/* The same bytes again until they are taken. */
static struct answer
insist(struct shot *shot)
{
	struct answer a = fire(&w, shot);

	for (int i = 0; i < 200 && a.status != 200; i++) {
		told_to_wait(&a);
		usleep(50000);
		a = fire(&w, shot);
	}
	says(a, 200, "");
	return a;
}

static void
recorded_once(struct shot *shot, int64_t verdicts_before, int64_t used_before)
{
	struct answer first = insist(shot), again = fire(&w, shot);

	says(again, 200, "");
	ck_assert_str_eq(
	    text_at(first.json, "verdict"), text_at(again.json, "verdict"));
	ck_assert_str_eq(text_at(first.json, "result"), "pass");
	ck_assert_int_eq(ask_database("SELECT count(*) FROM akashi.verdict"),
	    verdicts_before + 1);
	ck_assert_int_eq(
	    ask_database("SELECT count(*) FROM akashi.used_challenge"),
	    used_before + 1);
}

/* Gone between the first half of the body and the second. */
START_TEST(stopped_while_receiving)
{
	struct sim *s = sim_new(&w, "n1");
	struct shot first = aim(&w, s);
	judged(&w, &first, "pass", "");
	int64_t v = ask_database("SELECT count(*) FROM akashi.verdict");
	int64_t u = ask_database("SELECT count(*) FROM akashi.used_challenge");
	struct shot shot = aim(&w, s);
	struct span bytes = shot_bytes(&w, &shot);
	int fd = raw_dial(http_port(w.server->api), w.source);

	raw_send(fd, span_of(bytes.p, bytes.n / 2));
	cluster_do("stop");
	raw_send(fd, span_of(bytes.p + bytes.n / 2, bytes.n - bytes.n / 2));
	struct answer a = answer_of(&w, raw_receive(fd, &w.arena));
	told_to_wait(&a);
	struct answer operator= get(&w, "/v1/nodes");
	told_to_wait(&operator);
	cluster_do("start");
	recorded_once(&shot, v, u);
}
END_TEST

/* Gone while the transaction waits for a lock: it was begun and is not in. */
START_TEST(stopped_while_committing)
{
	struct sim *s = sim_new(&w, "n1");
	struct shot first = aim(&w, s);
	judged(&w, &first, "pass", "");
	int64_t v = ask_database("SELECT count(*) FROM akashi.verdict");
	int64_t u = ask_database("SELECT count(*) FROM akashi.used_challenge");
	struct shot shot = aim(&w, s);
	struct span bytes = shot_bytes(&w, &shot);
	struct pg *lock = superuser(w.database);
	struct err e;

	ck_rc_ok(pg_script(lock,
	    "BEGIN; LOCK TABLE akashi.verdict IN ACCESS EXCLUSIVE MODE", &e));
	int fd = raw_dial(http_port(w.server->api), w.source);
	raw_send(fd, bytes);
	int64_t waiting = 0;
	for (int i = 0; i < 200 && waiting == 0; i++) {
		waiting = ask_database(
		    "SELECT count(*) FROM pg_locks WHERE NOT granted");
		usleep(20000);
	}
	ck_assert_int_gt(waiting, 0);
	cluster_do("stop");
	struct answer a = answer_of(&w, raw_receive(fd, &w.arena));
	told_to_wait(&a);
	pg_free(lock);
	cluster_do("start");
	recorded_once(&shot, v, u);
}
END_TEST

/* No route answers 200 or hangs, and none says what is not so. */
START_TEST(everything_waits)
{
	struct sim *s = sim_new(&w, "n1");

	cluster_do("stop");
	ck_assert_str_ne(await_readiness(503), "ok");
	struct answer a = get(&w, "/v1/nodes");
	told_to_wait(&a);
	a = post(&w, "/v1/tokens", "{}");
	told_to_wait(&a);
	struct shot shot = aim(&w, s); /* a challenge needs no database */
	a = fire(&w, &shot);
	told_to_wait(&a);
	says(admin_get("/livez"), 200, "");
	cluster_do("start");
	ck_assert_str_eq(await_readiness(200), "ok");
	a = insist(&shot);
	ck_assert_str_eq(text_at(a.json, "result"), "pass");
}
END_TEST

/* --- not there yet ---------------------------------------------------------
 */

static void
create(const char *name, const char *template)
{
	char sql[128];

	snprintf(
	    sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE %s", name, template);
	as_superuser("postgres", sql);
}

START_TEST(database_comes_later)
{
	char name[32];

	snprintf(name, sizeof(name), "late_%d", (int)getpid());
	world_begin_bare(&w, name, NULL);
	const char *words = await_readiness(503);
	ck_assert_msg(strstr(words, "internal.database"), "%s", words);
	says(post_as(&w, NULL, "/v1/challenge",
		 "{\"tenant\":\"01890000-0000-7000-8000-000000000000\","
		 "\"node\":\"01890000-0000-7000-8000-000000000000\"}"),
	    503, "internal.database");
	create(name, "akashi");
	ck_assert_str_eq(await_readiness(200), "ok");
	world_found(&w);
	struct sim *s = sim_new(&w, "n1");
	struct shot shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
	world_end(&w);
}
END_TEST

START_TEST(schema_comes_later)
{
	char name[32];

	snprintf(name, sizeof(name), "empty_%d", (int)getpid());
	create(name, "template1");
	world_begin_bare(&w, name, NULL);
	const char *words = await_readiness(503);
	ck_assert_msg(strstr(words, "internal.schema"), "%s", words);
	world_end(&w);
}
END_TEST

START_TEST(schema_of_another_version)
{
	char name[32], sql[200], found[32];

	snprintf(name, sizeof(name), "newer_%d", (int)getpid());
	snprintf(found, sizeof(found), "found %d", migrate_version() + 100);
	create(name, "akashi");
	snprintf(sql, sizeof(sql),
	    "UPDATE akashi.schema_migration SET version = version + 100");
	as_superuser(name, sql);
	world_begin_bare(&w, name, NULL);
	const char *words = await_readiness(503);
	ck_assert_msg(strstr(words, "internal.schema"), "%s", words);
	ck_assert_msg(
	    strstr(words, "needed") && strstr(words, found), "%s", words);
	as_superuser(
	    name, "UPDATE akashi.schema_migration SET version = version - 100");
	ck_assert_str_eq(await_readiness(200), "ok");
	world_end(&w);
}
END_TEST

/* --- what PostgreSQL keeps -------------------------------------------------
 */

START_TEST(events_are_kept)
{
	struct sim *s = sim_new(&w, "n1");
	struct shot good = aim(&w, s), bad = good;

	bad.how.flip_signature = 8 * 20 + 1;
	refused(&w, &bad, 403, "quote.signature");
	for (int i = 0;
	     i < 200 &&
	     ask_database("SELECT count(*) FROM akashi.security_event "
			  "WHERE code = 'quote.signature'") == 0;
	     i++)
		usleep(20000);
	ck_assert_int_eq(
	    ask_database("SELECT count(*) FROM akashi.security_event "
			 "WHERE code = 'quote.signature'"),
	    1);
	judged(&w, &good, "pass", "");
	ck_assert_int_eq(
	    ask_database("SELECT count(*) FROM akashi.verdict"), 1);
}
END_TEST

TCase *
database_cases(void)
{
	TCase *t = tcase_create("database");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, stopped_while_receiving);
	tcase_add_test(t, stopped_while_committing);
	tcase_add_test(t, everything_waits);
	tcase_add_test(t, events_are_kept);
	return t;
}

TCase *
start_cases(void)
{
	TCase *t = tcase_create("start");

	tcase_add_test(t, database_comes_later);
	tcase_add_test(t, schema_comes_later);
	tcase_add_test(t, schema_of_another_version);
	return t;
}

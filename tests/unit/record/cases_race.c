/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/record/cases.h"

#include <pthread.h>

/* --- races ---------------------------------------------------------------- */

enum { RACERS = 8 };

struct racer {
	struct fixture *f;
	struct store *st;
	int i;
	pthread_barrier_t *start;
	struct record *record;
	struct enrolment *en;
	rc result;
};

static void
race(struct fixture *f, void *(*run)(void *), struct racer *r)
{
	pthread_barrier_t start;
	pthread_t thread[RACERS];

	pthread_barrier_init(&start, NULL, RACERS);
	for (int i = 0; i < RACERS; i++) {
		r[i].f = f;
		r[i].i = i;
		r[i].start = &start;
		/* Two servers, each with its own threads. */
		r[i].st = i < 2 ? another_store(f) : r[i % 2].st;
		ck_assert_int_eq(
		    pthread_create(&thread[i], NULL, run, &r[i]), 0);
	}
	for (int i = 0; i < RACERS; i++)
		pthread_join(thread[i], NULL);
	drop_another(f, r[0].st);
	drop_another(f, r[1].st);
	pthread_barrier_destroy(&start);
}

static int
winners(const struct racer *r)
{
	int n = 0;

	for (int i = 0; i < RACERS; i++)
		n += rc_ok(r[i].result);
	return n;
}

static void *
run_commit(void *arg)
{
	struct racer *r = arg;

	pthread_barrier_wait(r->start);
	r->result = r->st->ops->commit(r->st, r->record, 1, NULL);
	return NULL;
}

START_TEST(a_challenge_raced_has_one_winner)
{
	struct fixture f;
	struct racer r[RACERS] = {0};
	struct record record[RACERS];

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	for (int round = 0; round < 5; round++) {
		n = get_node(&f, &n.id);
		int committed = 0, duplicate = 0;
		struct sha256 same = sha_of(round % 2 ? "odd" : "even");
		for (int i = 0; i < RACERS; i++) {
			char what[32];
			snprintf(what, sizeof(what), "%d-%d", round, i);
			record[i] = make_record(
			    &f, &n, what, T0 + (round + 1) * TIME_S);
			memcpy(record[i].row.challenge, same.b, 16);
			record[i].row.challenge[0] = (uint8_t)round;
			r[i].record = &record[i];
		}
		race(&f, run_commit, r);
		for (int i = 0; i < RACERS; i++) {
			ck_assert(rc_ok(r[i].result));
			committed += record[i].outcome == OUTCOME_COMMITTED;
			duplicate += record[i].outcome == OUTCOME_DUPLICATE;
		}
		ck_assert_int_eq(committed, 1);
		ck_assert_int_eq(duplicate, RACERS - 1);
		ck_assert_uint_eq(get_node(&f, &n.id).version, n.version + 1);
	}
	end(&f);
}
END_TEST

static void *
run_activate(void *arg)
{
	struct racer *r = arg;
	struct activation act = activation_of(r->en);
	struct arena a;
	struct node n;

	arena_init(&a, 1024 * 1024);
	pthread_barrier_wait(r->start);
	r->result = r->st->ops->enrol_activate(r->st, &act, &a, &n, NULL);
	arena_free(&a);
	return NULL;
}

/* Uses of the enrolment token that was made last. */
static uint32_t
last_token_used(struct fixture *f)
{
	struct enrol_token *list;
	size_t n;

	ck_rc_ok(f->st->ops->token_list(
	    f->st, &f->admin.tenant, &f->arena, &list, &n, &f->e));
	ck_assert_uint_gt(n, 0);
	return list[n - 1].used;
}

/* One name, eight machines; one token use, eight machines; one enrolment,
 * eight times: that one is done once and answered to all. */
START_TEST(first_enrolments_raced_have_one_winner)
{
	static const struct {
		const char *name, *ek;
		uint32_t uses;
		enum err_code loser;
		int winners;
	} kinds[] = {{"same", "ek%d", 99, ERR_ENROL_NAME, 1},
	    {"name%d", "ek%d", 1, ERR_ENROL_TOKEN, 1},
	    {"other", "one", 99, ERR_ENROL_ACTIVATION, RACERS}};
	struct fixture f;

	begin(&f);
	for (size_t k = 0; k < 3; k++) {
		struct racer r[RACERS] = {0};
		struct enrolment en[RACERS];
		char *token = arena_printf(&f.arena, "aket_race%zu", k);
		put_token(&f, token, kinds[k].uses);
		for (int i = 0; i < RACERS; i++) {
			/* The third kind races one enrolment. */
			int v = k == 2 ? 0 : i;
			en[i] = make_enrolment(&f,
			    k == 1 ? arena_printf(&f.arena, "name%d", v)
				   : kinds[k].name,
			    arena_printf(&f.arena, "ek-%zu-%d", k, v),
			    arena_printf(&f.arena, "ak-%zu-%d", k, v));
			if (k == 2 && i > 0)
				en[i] = en[0];
			else
				ck_rc_ok(try_begin(&f, token, &en[i]));
			r[i].en = &en[i];
		}
		race(&f, run_activate, r);
		ck_assert_msg(
		    winners(r) == kinds[k].winners, "%zu: %d", k, winners(r));
		ck_assert_uint_eq(last_token_used(&f), 1);
		for (int i = 0; i < RACERS; i++)
			ck_assert_msg(rc_ok(r[i].result) ||
					  r[i].result.code == kinds[k].loser,
			    "%zu: %s", k, err_name(r[i].result.code));
	}
	end(&f);
}
END_TEST

static void *
run_admin_init(void *arg)
{
	struct racer *r = arg;
	char text[32];
	struct principal p;

	snprintf(text, sizeof(text), "akad_%d", r->i);
	struct sha256 token = sha_of(text);
	pthread_barrier_wait(r->start);
	r->result = r->st->ops->admin_init(
	    r->st, &token, span_str("first"), T0, &p, NULL);
	return NULL;
}

START_TEST(admin_init_raced_has_one_winner)
{
	struct fixture f;
	struct racer r[RACERS] = {0};

	begin_empty(&f);
	race(&f, run_admin_init, r);
	ck_assert_int_eq(winners(r), 1);
	for (int i = 0; i < RACERS; i++) {
		char text[32];
		struct principal p;
		snprintf(text, sizeof(text), "akad_%d", i);
		struct sha256 token = sha_of(text);
		rc got = f.st->ops->admin_get(f.st, &token, &p, &f.e);
		ck_assert(rc_ok(got) == rc_ok(r[i].result));
		ck_assert(rc_ok(r[i].result) ||
			  r[i].result.code == ERR_AUTH_INITIALISED);
	}
	end(&f);
}
END_TEST

static void *
run_policy(void *arg)
{
	struct racer *r = arg;
	char document[32];
	uint32_t version;

	snprintf(document, sizeof(document), "document %d", r->i);
	const struct policy_new p = {.name = span_str("golden"),
	    .hash = sha_of(document),
	    .document = span_str(document)};
	pthread_barrier_wait(r->start);
	r->result =
	    r->st->ops->policy_put(r->st, &r->f->by, &p, 0, &version, NULL);
	return NULL;
}

START_TEST(policy_versions_raced_are_all_kept)
{
	struct fixture f;
	struct racer r[RACERS] = {0};
	struct policy_row p;

	begin(&f);
	race(&f, run_policy, r);
	ck_assert_int_eq(winners(r), RACERS);
	ck_rc_ok(f.st->ops->policy_get(
	    f.st, &f.admin.tenant, span_str("golden"), 0, &f.arena, &p, &f.e));
	ck_assert_uint_eq(p.version, RACERS);
	end(&f);
}
END_TEST

TCase *
race_cases(void)
{
	TCase *t = tcase_create("races");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, a_challenge_raced_has_one_winner);
	tcase_add_test(t, first_enrolments_raced_have_one_winner);
	tcase_add_test(t, admin_init_raced_has_one_winner);
	tcase_add_test(t, policy_versions_raced_are_all_kept);
	return t;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The verdicts beside a verdict: the last good one, the same before, the same
 * elsewhere. */
#include "unit/record/cases.h"

#include "record/detail.h"

/* A verdict of a node as it is now: with a reason of this code that found this,
 * or without. Committed. */
static struct verdict_row
judged(struct fixture *f, const char *name, enum err_code code,
    const char *found, int64_t at)
{
	static struct verdict v;
	struct node n;
	char what[32];

	snprintf(what, sizeof(what), "%s %lld", name, (long long)(at - T0));
	ck_rc_ok(f->st->ops->node_find(
	    f->st, &f->admin.tenant, span_str(name), &f->arena, &n, &f->e));
	struct record r = make_record(f, &n, what, at);
	verdict_init(&v, &f->arena);
	for (int i = 0; i < CHECK_COUNT; i++)
		verdict_check(&v, (enum check_id)i, CHECK_PASSED);
	struct reason why = REASON(code, LAYER_OS);
	why.found = found;
	why.expected = "sha256:00";
	why.path = "ima.entries[7]";
	why.rule = "ima.allow";
	why.pcr = 10;
	why.event = 7;
	if (code != ERR_OK)
		(void)verdict_add(&v, &why, EFF_NONE);
	verdict_fold(&v);
	seal(f, &r, &n, &v);
	ck_rc_ok(f->st->ops->commit(f->st, &r, 1, &f->e));
	ck_assert_int_eq(r.outcome, OUTCOME_COMMITTED);
	return r.row;
}

static struct verdict_row
good_before(struct fixture *f, const struct verdict_row *v)
{
	struct verdict_row good;

	ck_rc_ok(f->st->ops->verdict_good(f->st, v, &f->arena, &good, &f->e));
	return good;
}

START_TEST(last_good)
{
	struct fixture f;

	begin(&f);
	(void)enrol(&f, "a", "ek-a", "ak-a");
	(void)enrol(&f, "b", "ek-b", "ak-b");
	struct verdict_row first =
	    judged(&f, "a", ERR_IMA_CHANGED_FILE, "x", T0);
	struct verdict_row got = good_before(&f, &first);
	ck_assert(uuid_none(&got.id));
	struct verdict_row pass = judged(&f, "a", ERR_OK, NULL, T0 + TIME_S);
	struct verdict_row warn =
	    judged(&f, "a", ERR_IMA_PATH, "y", T0 + 2 * TIME_S);
	ck_assert_int_eq(warn.result, RESULT_WARN);
	struct verdict_row fail =
	    judged(&f, "a", ERR_IMA_CHANGED_FILE, "x", T0 + 3 * TIME_S);
	(void)judged(&f, "b", ERR_OK, NULL, T0 + 2 * TIME_S);
	struct verdict_row later =
	    judged(&f, "a", ERR_OK, NULL, T0 + 4 * TIME_S);
	got = good_before(&f, &fail);
	ck_assert(uuid_eq(&got.id, &warn.id));
	ck_assert_int_eq(got.verified, warn.verified);
	ck_assert_str_eq(got.node_name, "a");
	got = good_before(&f, &warn);
	ck_assert(uuid_eq(&got.id, &pass.id));
	got = good_before(&f, &later);
	ck_assert(uuid_eq(&got.id, &warn.id));
	end(&f);
}
END_TEST

static struct verdict_kins
past_of(
    struct fixture *f, const struct verdict_row *v, const struct uuid *after)
{
	struct verdict_kins k;

	ck_rc_ok(
	    f->st->ops->verdict_past(f->st, v, after, &f->arena, &k, &f->e));
	return k;
}

static const char *
found_in(struct fixture *f, const struct verdict_kin *k)
{
	struct reason *r;
	size_t n;

	ck_rc_ok(detail_read(k->detail, &f->arena, &r, &n, &f->e));
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(r->layer, LAYER_OS);
	ck_assert_int_eq(r->pcr, 10);
	ck_assert_int_eq(r->event, 7);
	ck_assert_str_eq(r->rule, "ima.allow");
	ck_assert_str_eq(r->expected, "sha256:00");
	return r->found;
}

/* One per detail, with the first of them; other codes, other nodes and what is
 * not behind `after` are left out. */
START_TEST(the_same_before)
{
	struct fixture f;
	enum err_code code = ERR_IMA_CHANGED_FILE;

	begin(&f);
	(void)enrol(&f, "a", "ek-a", "ak-a");
	(void)enrol(&f, "b", "ek-b", "ak-b");
	(void)judged(&f, "a", code, "x", T0);
	struct verdict_row pass = judged(&f, "a", ERR_OK, NULL, T0 + TIME_S);
	struct verdict_row y = judged(&f, "a", code, "y", T0 + 2 * TIME_S);
	struct verdict_row x = judged(&f, "a", code, "x", T0 + 3 * TIME_S);
	(void)judged(&f, "a", ERR_IMA_DENIED, "x", T0 + 4 * TIME_S);
	(void)judged(&f, "b", code, "x", T0 + 2 * TIME_S);
	(void)judged(&f, "a", code, "x", T0 + 5 * TIME_S);
	struct verdict_row now = judged(&f, "a", code, "x", T0 + 6 * TIME_S);
	(void)judged(&f, "a", code, "z", T0 + 7 * TIME_S);

	struct verdict_kins k = past_of(&f, &now, &pass.id);
	ck_assert_uint_eq(k.n, 2);
	ck_assert(!k.more);
	ck_assert(uuid_eq(&k.kin[0].id, &y.id));
	ck_assert_str_eq(found_in(&f, &k.kin[0]), "y");
	ck_assert(uuid_eq(&k.kin[1].id, &x.id));
	ck_assert_str_eq(found_in(&f, &k.kin[1]), "x");
	ck_assert_int_eq(k.kin[1].verified, T0 + 3 * TIME_S);
	const struct uuid none = {{0}};
	k = past_of(&f, &now, &none);
	ck_assert_uint_eq(k.n, 2);
	ck_assert_int_eq(k.kin[0].verified, T0);
	end(&f);
}
END_TEST

/* Nodes whose last verdict is like this: not this node, none that passed since,
 * none that is retired. */
START_TEST(the_same_elsewhere)
{
	struct fixture f;
	enum err_code code = ERR_IMA_CHANGED_FILE;
	struct verdict_kins k;

	begin(&f);
	for (char c = 'a'; c <= 'g'; c++) {
		const char name[] = {c, '\0'};
		char ek[] = {'e', c, '\0'}, ak[] = {'k', c, '\0'};
		(void)enrol(&f, name, ek, ak);
	}
	struct verdict_row v = judged(&f, "a", code, "x", T0);
	(void)judged(&f, "b", code, "y", T0);
	(void)judged(&f, "c", code, "x", T0 + TIME_S);
	(void)judged(&f, "d", code, "x", T0);
	(void)judged(&f, "e", code, "x", T0);
	(void)judged(&f, "e", ERR_OK, NULL, T0 + TIME_S);
	(void)judged(&f, "f", ERR_IMA_DENIED, "x", T0);
	(void)judged(&f, "g", code, "x", T0);
	ck_rc_ok(act_on(&f, NODE_RETIRE, "g"));

	ck_rc_ok(f.st->ops->verdict_others(f.st, &v, &f.arena, &k, &f.e));
	ck_assert_uint_eq(k.n, 2);
	ck_assert(!k.more);
	ck_assert_uint_eq(k.kin[0].nodes, 2);
	ck_assert_str_eq(found_in(&f, &k.kin[0]), "x");
	ck_assert_uint_eq(k.kin[1].nodes, 1);
	ck_assert_str_eq(found_in(&f, &k.kin[1]), "y");
	end(&f);
}
END_TEST

/* More details than one answer holds: the earliest, and a word that there are
 * more. */
START_TEST(no_more_than_asked)
{
	struct fixture f;
	struct verdict_row v;
	const struct uuid none = {{0}};

	begin(&f);
	(void)enrol(&f, "a", "ek-a", "ak-a");
	for (int i = 0; i <= STORE_KIN; i++) {
		char found[16];
		snprintf(found, sizeof(found), "x%d", i);
		v = judged(
		    &f, "a", ERR_IMA_CHANGED_FILE, found, T0 + i * TIME_S);
	}
	struct verdict_kins k = past_of(&f, &v, &none);
	ck_assert_uint_eq(k.n, STORE_KIN);
	ck_assert(k.more);
	ck_assert_str_eq(found_in(&f, &k.kin[0]), "x0");
	end(&f);
}
END_TEST

TCase *
kin_cases(void)
{
	TCase *t = tcase_create("kin");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, last_good);
	tcase_add_test(t, the_same_before);
	tcase_add_test(t, the_same_elsewhere);
	tcase_add_test(t, no_more_than_asked);
	return t;
}

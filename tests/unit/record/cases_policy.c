/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a policy. */
#include "unit/record/cases.h"

#include "base/text.h"

#include <stdlib.h>

static struct policy_row
get(struct fixture *f, uint32_t version)
{
	struct policy_row p;

	ck_rc_ok(f->st->ops->policy_get(f->st, &f->admin.tenant,
	    span_str("golden"), version, &f->arena, &p, &f->e));
	return p;
}

START_TEST(policy_versions_are_immutable)
{
	struct fixture f;
	struct policy_row p;
	struct policy_list l;

	begin(&f);
	ck_assert_uint_eq(put_policy(&f, "golden", "one"), 1);
	ck_assert_uint_eq(put_policy(&f, "golden", "one"), 1);
	ck_assert_uint_eq(put_policy(&f, "golden", "two"), 2);
	ck_assert_uint_eq(put_policy(&f, "golden", "one"), 3);
	ck_assert_uint_eq(put_policy(&f, "a-first", "x"), 1);
	const struct store_ops *ops = f.st->ops;
	p = get(&f, 2);
	ck_assert(span_eq(p.document, span_str("two")));
	ck_assert_str_eq(p.author, "first");
	ck_assert(uuid_eq(&p.author_id, &f.admin.id));
	ck_assert_int_eq(p.created, T0);
	ck_assert_uint_eq(p.active, 0);
	ck_assert_int_eq(policy_state(&p), POLICY_DRAFT);
	ck_assert_uint_eq(get(&f, 0).version, 3);
	ck_rc_is(ops->policy_get(f.st, &f.admin.tenant, span_str("golden"), 4,
		     &f.arena, &p, &f.e),
	    ERR_POLICY_UNKNOWN);
	ck_rc_ok(ops->policy_list(f.st, &f.admin.tenant, &f.arena, &l, &f.e));
	ck_assert_uint_eq(l.n, 2);
	ck_assert_str_eq(l.row[0].name, "a-first");
	ck_assert_uint_eq(l.row[1].version, 3);
	ck_assert_uint_eq(l.row[1].document.n, 0);
	ck_assert(span_eq(l.row[1].terms, get(&f, 3).terms));
	ck_assert(span_eq(l.row[1].terms, span_str("{\"mode\":\"enforce\"}")));
	end(&f);
}
END_TEST

static uint64_t
serial(struct fixture *f)
{
	struct cluster c;

	ck_rc_ok(f->st->ops->cluster_get(f->st, &c, &f->e));
	return c.policy_serial;
}

static struct policy_list
active(struct fixture *f)
{
	struct policy_list l;

	ck_rc_ok(f->st->ops->policy_active(
	    f->st, &f->admin.tenant, &f->arena, &l, &f->e));
	return l;
}

static struct policy_change
activation(uint32_t version, const char *selector)
{
	return (struct policy_change){.step = STEP_ACTIVATE,
	    .version = version,
	    .selector = span_str(selector)};
}

START_TEST(policies_are_activated_and_rolled_back)
{
	struct fixture f;
	const struct policy_change back = {.step = STEP_ROLLBACK};
	const char *some = "{\"site\":\"tokyo\"}";
	struct policy_change c = activation(3, "{}");
	uint32_t version;

	begin(&f);
	put_policy(&f, "golden", "one");
	put_policy(&f, "golden", "two");
	uint64_t before = serial(&f);
	ck_assert_uint_eq(active(&f).n, 0);
	ck_rc_is(take_step(&f, &f.admin, &c, NULL), ERR_POLICY_UNKNOWN);
	c = activation(1, "{}");
	c.name = span_str("none");
	ck_rc_is(take_step(&f, &f.admin, &c, NULL), ERR_POLICY_UNKNOWN);
	ck_rc_is(take_step(&f, &f.admin, &back, NULL), ERR_POLICY_UNKNOWN);
	ck_assert_uint_eq(serial(&f), before);
	c = activation(1, some);
	ck_rc_ok(take_step(&f, &f.admin, &c, NULL));
	ck_assert_uint_gt(serial(&f), before);
	struct policy_list l = active(&f);
	ck_assert_uint_eq(l.n, 1);
	ck_assert(span_eq(l.row[0].document, span_str("one")));
	ck_assert(span_eq(l.row[0].selector, span_str(some)));
	ck_assert_str_eq(l.row[0].approver, "first");
	ck_assert(!l.row[0].four_eyes);
	ck_assert_int_eq(policy_state(&l.row[0]), POLICY_ACTIVE);
	ck_rc_is(take_step(&f, &f.admin, &back, NULL), ERR_POLICY_UNKNOWN);
	c = activation(2, "{}");
	ck_rc_ok(take_step(&f, &f.admin, &c, NULL));
	before = serial(&f);
	ck_rc_ok(take_step(&f, &f.admin, &back, &version));
	ck_assert_uint_gt(serial(&f), before);
	ck_assert_uint_eq(version, 1);
	l = active(&f);
	ck_assert_uint_eq(l.n, 1);
	ck_assert_uint_eq(l.row[0].version, 1);
	ck_assert_uint_eq(l.row[0].active, 1);
	ck_assert(span_eq(l.row[0].selector, span_str(some)));
	ck_rc_is(take_step(&f, &f.admin, &back, NULL), ERR_POLICY_UNKNOWN);
	end(&f);
}
END_TEST

static struct principal
person(struct fixture *f, const char *name, enum role role)
{
	struct principal p = {.id = new_id(T0), .role = role}, out;
	struct sha256 token = sha_of(name);

	snprintf(p.name, sizeof(p.name), "%s", name);
	ck_rc_ok(f->st->ops->admin_put(f->st, &f->by, &token, &p, &f->e));
	ck_rc_ok(f->st->ops->admin_get(f->st, &token, &out, &f->e));
	return out;
}

static struct policy_change
approval(const char *document, uint32_t version)
{
	return (struct policy_change){.step = STEP_APPROVE,
	    .version = version,
	    .hash = sha_of(document),
	    .four_eyes = true};
}

/* Not the author, not under another name of the author's, and of what was
 * read. */
START_TEST(another_person_approves)
{
	struct fixture f;

	begin(&f);
	struct principal author = person(&f, "author", ROLE_AUTHOR);
	struct principal other = person(&f, "other", ROLE_APPROVER);
	struct principal twin = other;
	const struct actor by = {&author, NULL, T0};
	const struct policy_new p = {.name = span_str("golden"),
	    .hash = sha_of("one"),
	    .document = span_str("one")};
	uint32_t version;
	struct policy_change c = activation(1, "{}");
	c.four_eyes = true;
	ck_rc_ok(f.st->ops->policy_put(f.st, &by, &p, 0, &version, &f.e));
	ck_rc_is(take_step(&f, &other, &c, NULL), ERR_POLICY_UNAPPROVED);
	struct policy_change ok = approval("one", 1), bad = approval("two", 1);
	ck_rc_is(take_step(&f, &author, &ok, NULL), ERR_POLICY_OWN);
	snprintf(twin.name, sizeof(twin.name), "author");
	ck_rc_is(take_step(&f, &twin, &ok, NULL), ERR_POLICY_OWN);
	twin = other;
	snprintf(twin.maker, sizeof(twin.maker), "author");
	ck_rc_is(take_step(&f, &twin, &ok, NULL), ERR_POLICY_OWN);
	ck_rc_is(take_step(&f, &other, &bad, NULL), ERR_POLICY_CHANGED);
	ck_assert_int_eq(
	    policy_state(&(struct policy_row[]){get(&f, 1)}[0]), POLICY_DRAFT);
	ck_rc_ok(take_step(&f, &other, &ok, NULL));
	struct policy_row row = get(&f, 1);
	ck_assert_int_eq(policy_state(&row), POLICY_APPROVED);
	ck_assert_str_eq(row.approver, "other");
	ck_assert(row.four_eyes);
	/* Who activates does not matter then. */
	ck_rc_ok(take_step(&f, &author, &c, NULL));
	ck_assert_int_eq(
	    policy_state(&(struct policy_row[]){get(&f, 1)}[0]), POLICY_ACTIVE);
	end(&f);
}
END_TEST

/* What one person approved alone does not do once two are asked for. */
START_TEST(alone_is_not_enough_later)
{
	struct fixture f;
	struct policy_change c = activation(1, "{}");

	begin(&f);
	struct principal other = person(&f, "other", ROLE_APPROVER);
	put_policy(&f, "golden", "one");
	ck_rc_ok(take_step(&f, &f.admin, &c, NULL));
	ck_assert(!get(&f, 1).four_eyes);
	c.four_eyes = true;
	ck_rc_is(take_step(&f, &f.admin, &c, NULL), ERR_POLICY_UNAPPROVED);
	struct policy_change ok = approval("one", 1);
	/* "other" has its token from the author: */
	ck_rc_is(take_step(&f, &other, &ok, NULL), ERR_POLICY_OWN);
	snprintf(other.maker, sizeof(other.maker), "somebody");
	ck_rc_ok(take_step(&f, &other, &ok, NULL));
	ck_rc_ok(take_step(&f, &f.admin, &c, NULL));
	struct policy_row row = get(&f, 1);
	ck_assert(row.four_eyes);
	ck_assert_str_eq(row.approver, "other");
	end(&f);
}
END_TEST

START_TEST(a_version_on_trial)
{
	struct fixture f;
	struct policy_change c = activation(1, "{\"a\":\"1\"}");
	struct policy_change stage = {.step = STEP_STAGE,
	    .version = 2,
	    .percent = 10,
	    .selector = span_str("{}")};
	const struct policy_change unstage = {.step = STEP_UNSTAGE};
	uint32_t version;

	begin(&f);
	put_policy(&f, "golden", "one");
	put_policy(&f, "golden", "two");
	ck_rc_is(take_step(&f, &f.admin, &unstage, NULL), ERR_POLICY_UNKNOWN);
	ck_rc_ok(take_step(&f, &f.admin, &stage, NULL)); /* before any */
	ck_rc_ok(take_step(&f, &f.admin, &unstage, &version));
	ck_assert_uint_eq(version, 2);
	ck_rc_ok(take_step(&f, &f.admin, &c, NULL));
	ck_rc_ok(take_step(&f, &f.admin, &stage, NULL));
	struct policy_list l = active(&f);
	ck_assert_uint_eq(l.n, 2);
	for (size_t i = 0; i < 2; i++) {
		ck_assert_uint_eq(l.row[i].active, 1);
		ck_assert_uint_eq(l.row[i].staged, 2);
		ck_assert_uint_eq(l.row[i].percent, 10);
		ck_assert(span_eq(l.row[i].stage_selector, span_str("{}")));
		ck_assert_uint_eq(l.row[i].stage_labels.n, 0);
	}
	ck_assert_int_eq(
	    policy_state(&(struct policy_row[]){get(&f, 2)}[0]), POLICY_STAGED);
	stage.percent = 0;
	stage.labels = span_str("{\"ring\":\"1\"}");
	ck_rc_ok(take_step(&f, &f.admin, &stage, NULL));
	ck_assert_uint_eq(get(&f, 2).percent, 0);
	ck_assert(span_eq(get(&f, 2).stage_labels, stage.labels));
	c = activation(2, "{}");
	ck_rc_ok(take_step(&f, &f.admin, &c, NULL));
	ck_assert_uint_eq(active(&f).n, 1); /* the trial is over */
	end(&f);
}
END_TEST

START_TEST(a_retired_version_is_gone)
{
	struct fixture f;
	const struct policy_change back = {.step = STEP_ROLLBACK},
				   retire = {.step = STEP_RETIRE,
				       .version = 1,
				       .reason = "withdrawn"};
	struct policy_change one = activation(1, "{}"),
			     two = activation(2, "{}");

	begin(&f);
	put_policy(&f, "golden", "one");
	put_policy(&f, "golden", "two");
	ck_rc_ok(take_step(&f, &f.admin, &one, NULL));
	ck_rc_ok(take_step(&f, &f.admin, &two, NULL));
	ck_rc_ok(take_step(&f, &f.admin, &retire, NULL));
	ck_rc_is(take_step(&f, &f.admin, &retire, NULL), ERR_POLICY_RETIRED);
	ck_rc_is(take_step(&f, &f.admin, &one, NULL), ERR_POLICY_RETIRED);
	ck_rc_is(take_step(&f, &f.admin, &back, NULL), ERR_POLICY_UNKNOWN);
	ck_assert_uint_eq(active(&f).n, 1);
	struct policy_change last = retire;
	last.version = 2;
	ck_rc_ok(take_step(&f, &f.admin, &last, NULL));
	ck_assert_uint_eq(active(&f).n, 0); /* its nodes have no policy */
	ck_assert_int_eq(policy_state(&(struct policy_row[]){get(&f, 2)}[0]),
	    POLICY_RETIRED);
	end(&f);
}
END_TEST

/* Two who looked at the same revision: the second is told. */
START_TEST(a_revision_is_met_once)
{
	struct fixture f;
	struct policy_change c = activation(1, "{}");
	const struct policy_new late = {.name = span_str("golden"),
	    .hash = sha_of("x"),
	    .document = span_str("x")};
	uint32_t version;

	begin(&f);
	put_policy(&f, "golden", "one");
	c.revision = get(&f, 1).revision;
	ck_rc_ok(take_step(&f, &f.admin, &c, NULL));
	ck_rc_is(take_step(&f, &f.admin, &c, NULL), ERR_POLICY_CHANGED);
	ck_rc_is(f.st->ops->policy_put(
		     f.st, &f.by, &late, c.revision, &version, &f.e),
	    ERR_POLICY_CHANGED);
	c.revision = get(&f, 1).revision;
	ck_rc_ok(f.st->ops->policy_put(
	    f.st, &f.by, &late, c.revision, &version, &f.e));
	ck_assert_uint_eq(version, 2);
	end(&f);
}
END_TEST

START_TEST(every_step_is_history)
{
	static const struct {
		enum policy_step step;
		uint32_t version;
	} want[] = {{STEP_RETIRE, 1}, {STEP_ROLLBACK, 1}, {STEP_ACTIVATE, 2},
	    {STEP_APPROVE, 2}, {STEP_ACTIVATE, 1}, {STEP_APPROVE, 1},
	    {STEP_PUT, 2}, {STEP_PUT, 1}};
	struct fixture f;
	const struct policy_change back = {.step = STEP_ROLLBACK};
	const struct policy_change retire = {
	    .step = STEP_RETIRE, .version = 1, .reason = "withdrawn"};
	struct policy_change one = activation(1, "{}"),
			     two = activation(2, "{}");
	struct policy_history h;

	begin(&f);
	ck_rc_is(f.st->ops->policy_history(f.st, &f.admin.tenant,
		     span_str("golden"), &f.arena, &h, &f.e),
	    ERR_POLICY_UNKNOWN);
	f.by.now = T0;
	put_policy(&f, "golden", "one");
	put_policy(&f, "golden", "two");
	ck_rc_ok(take_step(&f, &f.admin, &one, NULL));
	ck_rc_ok(take_step(&f, &f.admin, &two, NULL));
	ck_rc_ok(take_step(&f, &f.admin, &back, NULL));
	ck_rc_ok(take_step(&f, &f.admin, &retire, NULL));
	ck_rc_ok(f.st->ops->policy_history(
	    f.st, &f.admin.tenant, span_str("golden"), &f.arena, &h, &f.e));
	ck_assert_uint_eq(h.n, sizeof(want) / sizeof(want[0]));
	/* All at one moment here, so in any order. */
	for (size_t i = 0; i < h.n; i++) {
		size_t found = 0;
		for (size_t k = 0; k < h.n; k++)
			found += h.step[k].step == want[i].step &&
				 h.step[k].version == want[i].version;
		ck_assert_uint_eq(found, 1);
		ck_assert_str_eq(h.step[i].actor, "first");
		if (h.step[i].step == STEP_RETIRE)
			ck_assert(
			    span_eq(h.step[i].reason, span_str("withdrawn")));
	}
	end(&f);
}
END_TEST

/* The share grows by nodes and never loses one; it is about what it says. */
START_TEST(shares_are_stable)
{
	size_t in[101] = {0};

	for (int i = 0; i < 2000; i++) {
		struct uuid id = new_id(T0 + i * TIME_S);
		bool before = false;
		for (uint32_t percent = 0; percent <= 100; percent++) {
			bool now = policy_in_share("golden", &id, percent);
			ck_assert(now || !before);
			in[percent] += now;
			before = now;
		}
	}
	ck_assert_uint_eq(in[0], 0);
	ck_assert_uint_eq(in[100], 2000);
	ck_assert_uint_gt(in[10], 120);
	ck_assert_uint_lt(in[10], 280);
}
END_TEST

static rc
collect(void *ctx, struct span piece, struct err *e)
{
	(void)e;
	buf_put(ctx, piece.p, piece.n);
	return RC_OK;
}

static struct refset_row
set_of(const char *name, struct span file)
{
	struct refset_row p = {.alg = span_str("sha256"), .bytes = file.n};
	struct hasher *h = hasher_new();

	snprintf(p.name, sizeof(p.name), "%s", name);
	ck_rc_ok(hash_of(h, ALG_SHA256, file, p.hash.b));
	hasher_free(h);
	return p;
}

/* Ten megabytes in parts, once per content, and out again as they went in. */
START_TEST(sets_are_kept_by_content)
{
	enum { BIG = 10 * 1000 * 1000 + 7 };
	struct fixture f;
	struct refset_row got;
	struct refset_list l;
	struct buf out = {0};
	const struct refset_sink sink = {&out, collect};
	uint32_t version;
	uint8_t *bytes = malloc(BIG);

	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < BIG; i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 13);
	struct span big = span_of(bytes, BIG), tiny = span_str("x");
	begin(&f);
	const struct store_ops *ops = f.st->ops;
	struct refset_row p = set_of("debian", big);
	ck_rc_is(ops->refset_read(f.st, &f.admin.tenant, &p.hash, NULL, &f.e),
	    ERR_REFSET_UNKNOWN);
	ck_rc_ok(ops->refset_put(f.st, &f.by, &p, big, &version, &f.e));
	ck_assert_uint_eq(version, 1);
	ck_rc_ok(ops->refset_put(f.st, &f.by, &p, big, &version, &f.e));
	ck_assert_uint_eq(version, 1);
	struct refset_row other = set_of("other", big);
	ck_rc_ok(ops->refset_put(f.st, &f.by, &other, big, &version, &f.e));
	ck_assert_uint_eq(version, 1);
	struct refset_row next = set_of("debian", tiny);
	ck_rc_ok(ops->refset_put(f.st, &f.by, &next, tiny, &version, &f.e));
	ck_assert_uint_eq(version, 2);
	ck_rc_ok(ops->refset_put(f.st, &f.by, &p, big, &version, &f.e));
	ck_assert_uint_eq(version, 3); /* back again */
	ck_rc_ok(ops->refset_read(f.st, &f.admin.tenant, &p.hash, &sink, &f.e));
	ck_assert(span_eq(buf_span(&out), big));
	ck_rc_ok(ops->refset_get(f.st, &f.admin.tenant, span_str("debian"), 0,
	    &f.arena, &got, &f.e));
	ck_assert_uint_eq(got.version, 3);
	ck_assert_uint_eq(got.bytes, BIG);
	ck_assert(sha256_eq(&got.hash, &p.hash));
	ck_assert(span_eq(got.alg, span_str("sha256")));
	ck_assert_str_eq(got.author, "first");
	ck_rc_is(ops->refset_get(f.st, &f.admin.tenant, span_str("debian"), 4,
		     &f.arena, &got, &f.e),
	    ERR_REFSET_UNKNOWN);
	ck_rc_ok(ops->refset_list(f.st, &f.admin.tenant, &f.arena, &l, &f.e));
	ck_assert_uint_eq(l.n, 4);
	ck_assert_str_eq(l.row[0].name, "debian");
	ck_assert_uint_eq(l.row[0].version, 3);
	ck_assert_str_eq(l.row[3].name, "other");
	/* Another tenant does not have it by knowing its hash. */
	struct uuid stranger = new_id(T0);
	ck_rc_is(ops->refset_read(f.st, &stranger, &p.hash, &sink, &f.e),
	    ERR_REFSET_UNKNOWN);
	buf_free(&out);
	free(bytes);
	end(&f);
}
END_TEST

START_TEST(operators_are_persons)
{
	struct fixture f;
	struct principal_list l;
	struct principal p = {.id = new_id(T0), .role = ROLE_VIEWER};
	struct sha256 token = sha_of("second token");

	begin(&f);
	struct principal a = person(&f, "anna", ROLE_AUTHOR);
	ck_assert_str_eq(a.maker, "first");
	snprintf(p.name, sizeof(p.name), "anna");
	ck_rc_is(f.st->ops->admin_put(f.st, &f.by, &token, &p, &f.e),
	    ERR_OPERATOR_NAME);
	ck_rc_ok(f.st->ops->admin_revoke(f.st, &f.by, &a.id, &f.e));
	struct sha256 old = sha_of("anna");
	ck_rc_is(f.st->ops->admin_get(f.st, &old, &a, &f.e), ERR_AUTH_INVALID);
	ck_rc_ok(f.st->ops->admin_put(f.st, &f.by, &token, &p, &f.e));
	ck_rc_ok(
	    f.st->ops->admin_list(f.st, &f.admin.tenant, &f.arena, &l, &f.e));
	ck_assert_uint_eq(l.n, 3);
	struct uuid none = new_id(T0);
	ck_rc_is(f.st->ops->admin_revoke(f.st, &f.by, &none, &f.e),
	    ERR_OPERATOR_UNKNOWN);
	end(&f);
}
END_TEST

TCase *
policy_cases(void)
{
	TCase *t = tcase_create("policies");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, policy_versions_are_immutable);
	tcase_add_test(t, policies_are_activated_and_rolled_back);
	tcase_add_test(t, another_person_approves);
	tcase_add_test(t, alone_is_not_enough_later);
	tcase_add_test(t, a_version_on_trial);
	tcase_add_test(t, a_retired_version_is_gone);
	tcase_add_test(t, a_revision_is_met_once);
	tcase_add_test(t, every_step_is_history);
	tcase_add_test(t, shares_are_stable);
	tcase_add_test(t, sets_are_kept_by_content);
	tcase_add_test(t, operators_are_persons);
	return t;
}

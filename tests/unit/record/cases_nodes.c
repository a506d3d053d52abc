/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/record/cases.h"

/* --- nodes ---------------------------------------------------------------- */

START_TEST(operators_change_nodes)
{
	struct fixture f;
	struct span env_class = span_str("ci"),
		    labels = span_str("{\"a\":\"1\",\"b\":\"2\"}");
	const struct node_change relabel = {.act = NODE_LABEL,
	    .name = span_str("node-1"),
	    .env_class = &env_class,
	    .labels = &labels};

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	ck_rc_is(act_on(&f, NODE_APPROVE, "nobody"), ERR_NODE_UNKNOWN);
	ck_rc_ok(act_on(&f, NODE_APPROVE, "node-1"));
	struct node after = get_node(&f, &n.id);
	ck_assert_int_eq(after.admission, ADMISSION_ADMITTED);
	ck_assert_int_eq(after.admitted, T0);
	ck_assert(span_eq(after.labels, n.labels));
	ck_assert_uint_eq(after.version, n.version + 1);
	ck_rc_ok(f.st->ops->node_change(f.st, &f.by, &relabel, &f.e));
	after = get_node(&f, &n.id);
	ck_assert(span_eq(after.labels, labels));
	ck_assert(span_eq(after.env_class, env_class));
	ck_rc_ok(act_on(&f, NODE_RETIRE, "node-1"));
	after = get_node(&f, &n.id);
	ck_assert_int_eq(after.admission, ADMISSION_RETIRED);
	ck_assert_int_eq(after.retired, T0);
	ck_rc_is(act_on(&f, NODE_APPROVE, "node-1"), ERR_NODE_RETIRED);
	ck_rc_is(act_on(&f, NODE_RETIRE, "node-1"), ERR_NODE_RETIRED);
	/* Name, EK and AK are free again, and the old row stays. */
	struct node next = enrol(&f, "node-1", "ek1", "ak1");
	ck_assert(!uuid_eq(&next.id, &n.id));
	ck_rc_ok(f.st->ops->node_find(
	    f.st, &f.admin.tenant, span_str("node-1"), &f.arena, &after, &f.e));
	ck_assert(uuid_eq(&after.id, &next.id));
	f.by.now += TIME_S;
	ck_rc_ok(act_on(&f, NODE_RETIRE, "node-1"));
	ck_rc_ok(f.st->ops->node_find(
	    f.st, &f.admin.tenant, span_str("node-1"), &f.arena, &after, &f.e));
	ck_assert(uuid_eq(&after.id, &next.id));
	end(&f);
}
END_TEST

START_TEST(suspicion_stays_until_it_is_cleared)
{
	struct fixture f;
	enum err_code why;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	ck_rc_ok(act_on(&f, NODE_APPROVE, "node-1"));
	n = get_node(&f, &n.id);
	struct record r = make_record(&f, &n, "bad", T0);
	r.after.held = true;
	ck_rc_ok(f.st->ops->commit(f.st, &r, 1, &f.e));
	n = get_node(&f, &n.id);
	ck_assert(n.state.held);
	/* A submission that forgets it does not lift it. */
	r = make_record(&f, &n, "good", T0 + TIME_S);
	r.after.held = false;
	ck_rc_ok(f.st->ops->commit(f.st, &r, 1, &f.e));
	n = get_node(&f, &n.id);
	ck_assert(n.state.held);
	ck_assert_int_eq(node_status(&n, T0, &why), STATUS_UNTRUSTED);
	ck_assert_int_eq(why, ERR_NODE_HELD);
	r = make_record(&f, &n, "judged before the clearing", T0 + 2 * TIME_S);
	ck_rc_ok(act_on(&f, NODE_CLEAR, "node-1"));
	ck_rc_ok(f.st->ops->commit(f.st, &r, 1, &f.e));
	ck_assert_int_eq(r.outcome, OUTCOME_CONFLICT);
	n = get_node(&f, &n.id);
	ck_assert(!n.state.held);
	ck_assert_int_eq(node_status(&n, T0, &why), STATUS_TRUSTED);
	end(&f);
}
END_TEST

/* Nodes in every combination that node_status() looks at. */
static size_t
all_kinds(struct fixture *f)
{
	static const enum result results[] = {
	    RESULT_NONE, RESULT_PASS, RESULT_WARN, RESULT_FAIL, RESULT_REJECT};
	size_t n = 0;

	for (int i = 0; i < 5 * 2 * 2 * 3 * 2; i++) {
		char name[16], ek[16], ak[16];
		snprintf(name, sizeof(name), "n%d", i);
		snprintf(ek, sizeof(ek), "ek%d", i);
		snprintf(ak, sizeof(ak), "ak%d", i);
		struct node node = enrol(f, name, ek, ak);
		struct record r = make_record(f, &node, name, T0);
		r.row.result = results[i % 5];
		r.after.held = i / 5 % 2;
		r.after.observe = i / 10 % 2;
		r.row.valid_until = T0 + (i / 60 % 2 ? 10 : 1000) * TIME_S;
		ck_rc_ok(f->st->ops->commit(f->st, &r, 1, &f->e));
		if (i / 20 % 3)
			ck_rc_ok(act_on(f, NODE_APPROVE, name));
		if (i / 20 % 3 == 2)
			ck_rc_ok(act_on(f, NODE_RETIRE, name));
		n++;
	}
	enrol(f, "fresh", "ek-fresh", "ak-fresh");
	ck_rc_ok(act_on(f, NODE_APPROVE, "fresh"));
	return n + 1;
}

START_TEST(lists_by_status_agree_with_node_status)
{
	struct fixture f;
	int64_t now = T0 + 100 * TIME_S;
	size_t seen = 0;
	struct counts c;
	enum err_code why;

	begin(&f);
	size_t all = all_kinds(&f);
	ck_rc_ok(f.st->ops->counts_get(f.st, &f.admin.tenant, now, &c, &f.e));
	for (int s = 0; s <= STATUS_UNTRUSTED; s++) {
		const struct node_filter filter = {.by_status = true,
		    .status = (enum status)s,
		    .limit = 1000,
		    .now = now};
		struct node_list l;
		size_t live = 0;
		ck_rc_ok(f.st->ops->node_list(
		    f.st, &f.admin.tenant, &filter, &f.arena, &l, &f.e));
		ck_assert(!l.more);
		for (size_t i = 0; i < l.n; i++) {
			ck_assert_int_eq(node_status(&l.node[i], now, &why), s);
			live += l.node[i].admission != ADMISSION_RETIRED;
		}
		ck_assert_uint_gt(l.n, 0);
		ck_assert_uint_eq(live, c.status[s]);
		seen += l.n;
	}
	ck_assert_uint_eq(seen, all);
	ck_assert_uint_eq(c.admission[ADMISSION_RETIRED], 40);
	ck_assert_uint_eq(c.admission[ADMISSION_PENDING], 40);
	ck_assert_uint_eq(c.admission[ADMISSION_ADMITTED], 41);
	ck_assert_uint_eq(c.log_pending, all - 1);
	end(&f);
}
END_TEST

START_TEST(node_lists_page_and_filter)
{
	struct fixture f;
	struct span labels = span_str("{\"a\":\"1\",\"b\":\"2\"}");
	struct node_filter filter = {.limit = 3, .now = T0};
	struct node_list l;
	size_t seen = 0;

	begin(&f);
	for (int i = 0; i < 7; i++) {
		char name[16];
		snprintf(name, sizeof(name), "n%d", i);
		enrol(&f, name, name, name);
		const struct node_change c = {.act = NODE_LABEL,
		    .name = span_str(name),
		    .labels = &labels};
		if (i % 2)
			ck_rc_ok(f.st->ops->node_change(f.st, &f.by, &c, &f.e));
	}
	do {
		ck_rc_ok(f.st->ops->node_list(
		    f.st, &f.admin.tenant, &filter, &f.arena, &l, &f.e));
		for (size_t i = 0; i < l.n; i++)
			ck_assert(memcmp(l.node[i].id.b,
				      i ? l.node[i - 1].id.b : filter.after.b,
				      16) > 0);
		seen += l.n;
		ck_assert(l.n == 3 || !l.more);
		filter.after = l.node[l.n - 1].id;
	} while (l.more);
	ck_assert_uint_eq(seen, 7);
	filter = (struct node_filter){
	    .limit = 9, .now = T0, .labels = span_str("{\"b\":\"2\"}")};
	ck_rc_ok(f.st->ops->node_list(
	    f.st, &f.admin.tenant, &filter, &f.arena, &l, &f.e));
	ck_assert_uint_eq(l.n, 3);
	filter.labels = span_str("{\"b\":\"3\"}");
	ck_rc_ok(f.st->ops->node_list(
	    f.st, &f.admin.tenant, &filter, &f.arena, &l, &f.e));
	ck_assert_uint_eq(l.n, 0);
	filter = (struct node_filter){.limit = 9,
	    .now = T0,
	    .by_admission = true,
	    .admission = ADMISSION_PENDING};
	ck_rc_ok(f.st->ops->node_list(
	    f.st, &f.admin.tenant, &filter, &f.arena, &l, &f.e));
	ck_assert_uint_eq(l.n, 7);
	end(&f);
}
END_TEST

START_TEST(a_tenant_sees_its_own)
{
	struct fixture f;
	struct uuid other = new_id(T0);
	struct node n;
	struct verdict_row v;
	struct span bytes;
	struct node_filter filter = {.limit = 9, .now = T0};
	struct verdict_filter vf = {.limit = 9};
	struct node_list l;
	struct verdict_list vl;

	begin(&f);
	struct node mine = enrol(&f, "node-1", "ek1", "ak1");
	struct record r = make_record(&f, &mine, "one", T0);
	ck_rc_ok(f.st->ops->commit(f.st, &r, 1, &f.e));
	const struct store_ops *ops = f.st->ops;
	ck_rc_is(
	    ops->node_get(f.st, &other, &mine.id, NULL, &f.arena, &n, &f.e),
	    ERR_NODE_UNKNOWN);
	ck_rc_is(ops->node_find(
		     f.st, &other, span_str("node-1"), &f.arena, &n, &f.e),
	    ERR_NODE_UNKNOWN);
	ck_rc_is(ops->verdict_get(f.st, &other, &r.row.id, &f.arena, &v, &f.e),
	    ERR_VERDICT_UNKNOWN);
	ck_rc_ok(ops->blob_get(
	    f.st, &other, &r.row.context_sha256, &f.arena, &bytes, &f.e));
	ck_assert_ptr_null(bytes.p);
	ck_rc_ok(ops->node_list(f.st, &other, &filter, &f.arena, &l, &f.e));
	ck_assert_uint_eq(l.n, 0);
	ck_rc_ok(ops->verdict_list(f.st, &other, &vf, &f.arena, &vl, &f.e));
	ck_assert_uint_eq(vl.n, 0);
	/* Nor can it record for a node that is not its own. */
	n = get_node(&f, &mine.id);
	n.tenant = other;
	r = make_record(&f, &n, "two", T0 + TIME_S);
	ck_rc_ok(ops->commit(f.st, &r, 1, &f.e));
	ck_assert_int_eq(r.outcome, OUTCOME_CONFLICT);
	end(&f);
}
END_TEST

/* Suspicion without a record, against the version that was judged. */
START_TEST(a_node_is_held_without_a_record)
{
	struct fixture f;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	ck_rc_is(
	    f.st->ops->node_hold(f.st, &n.tenant, &n.id, n.version + 1, &f.e),
	    ERR_NODE_BUSY);
	ck_assert(!get_node(&f, &n.id).state.held);
	ck_rc_ok(f.st->ops->node_hold(f.st, &n.tenant, &n.id, n.version, &f.e));
	struct node after = get_node(&f, &n.id);
	ck_assert(after.state.held);
	ck_assert_uint_eq(after.version, n.version + 1);
	ck_rc_ok(
	    f.st->ops->node_hold(f.st, &n.tenant, &n.id, after.version, &f.e));
	ck_assert_uint_eq(get_node(&f, &n.id).version, after.version);
	struct record late = make_record(&f, &n, "judged before", T0);
	ck_rc_ok(f.st->ops->commit(f.st, &late, 1, &f.e));
	ck_assert_int_eq(late.outcome, OUTCOME_CONFLICT);
	end(&f);
}
END_TEST

TCase *
node_cases(void)
{
	TCase *t = tcase_create("nodes");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, operators_change_nodes);
	tcase_add_test(t, suspicion_stays_until_it_is_cleared);
	tcase_add_test(t, lists_by_status_agree_with_node_status);
	tcase_add_test(t, node_lists_page_and_filter);
	tcase_add_test(t, a_tenant_sees_its_own);
	tcase_add_test(t, a_node_is_held_without_a_record);
	return t;
}

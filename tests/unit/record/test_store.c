/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What store.h promises, held by both implementations: by itself this program
 * tests store_mem; tests/e2e/store.sh runs it again on PostgreSQL.
 */
#include "unit/record/fixture.h"
#include "unit/record/pg_cases.h"

#include <pthread.h>
#include <stdlib.h>

/* --- cluster and administrators
 * --------------------------------------------------- */

START_TEST(cluster_secrets_are_shared)
{
	struct fixture f;
	struct cluster a, b, c;

	begin(&f);
	ck_rc_ok(f.st->ops->cluster_get(f.st, &a, &f.e));
	struct store *other = another_store(&f);
	ck_rc_ok(other->ops->cluster_get(other, &b, &f.e));
	ck_assert_uint_eq(a.n, 1);
	ck_assert_uint_eq(b.key[0].id, a.key[0].id);
	ck_assert(memcmp(a.key[0].key, b.key[0].key, 32) == 0);
	ck_assert_uint_eq(a.epoch, b.epoch);
	ck_rc_ok(f.st->ops->cluster_rotate(f.st, &f.e));
	ck_rc_ok(f.st->ops->cluster_rotate(f.st, &f.e));
	ck_rc_ok(f.st->ops->cluster_epoch(f.st, &f.e));
	ck_rc_ok(other->ops->cluster_get(other, &c, &f.e));
	ck_assert_uint_eq(c.n, 2);
	ck_assert_uint_eq(c.key[0].id, a.key[0].id + 2);
	ck_assert_uint_eq(c.key[1].id, a.key[0].id + 1);
	ck_assert(memcmp(c.key[0].key, c.key[1].key, 32) != 0);
	ck_assert_uint_eq(c.epoch, a.epoch + 1);
	drop_another(&f, other);
	end(&f);
}
END_TEST

START_TEST(administrators)
{
	struct fixture f;
	struct principal p, q;
	struct sha256 first = sha_of("akad_first"), two = sha_of("akad_two");

	begin(&f);
	ck_rc_is(
	    f.st->ops->admin_init(f.st, &two, span_str("second"), T0, &q, &f.e),
	    ERR_AUTH_INITIALISED);
	ck_rc_ok(f.st->ops->admin_get(f.st, &first, &p, &f.e));
	ck_assert(uuid_eq(&p.tenant, &f.admin.tenant));
	ck_assert(uuid_eq(&p.id, &f.admin.id));
	ck_assert_int_eq(p.role, ROLE_ADMIN);
	ck_assert_str_eq(p.name, "first");
	ck_rc_is(f.st->ops->admin_get(f.st, &two, &p, &f.e), ERR_AUTH_INVALID);
	ck_rc_ok(f.st->ops->admin_put(
	    f.st, &f.by, &two, ROLE_OPERATOR, span_str("soc"), &f.e));
	ck_rc_ok(f.st->ops->admin_get(f.st, &two, &p, &f.e));
	ck_assert_int_eq(p.role, ROLE_OPERATOR);
	ck_assert(uuid_eq(&p.tenant, &f.admin.tenant));
	end(&f);
}
END_TEST

/* --- enrolment
 * ----------------------------------------------------------------------- */

static rc
try_begin(struct fixture *f, const char *token, const struct enrolment *en)
{
	struct sha256 hash = sha_of(token);
	struct uuid tenant;

	return f->st->ops->enrol_begin(f->st, &hash, en, &tenant, &f->e);
}

static struct activation
activation_of(const struct enrolment *en)
{
	return (struct activation){.enrolment = en->id,
	    .secret = en->secret,
	    .node = new_id(T0),
	    .node_token = sha_of("aknt"),
	    .now = T0};
}

static rc
try_activate(struct fixture *f, const struct activation *act, struct node *out)
{
	struct node n;

	return f->st->ops->enrol_activate(
	    f->st, act, &f->arena, out ? out : &n, &f->e);
}

START_TEST(an_enrolment_makes_a_pending_node)
{
	struct fixture f;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	ck_assert_str_eq(n.name, "node-1");
	ck_assert_int_eq(n.admission, ADMISSION_PENDING);
	ck_assert(span_eq(n.env_class, span_str("test")));
	ck_assert(span_eq(n.labels, span_str("{\"site\":\"tokyo\"}")));
	ck_assert(span_eq(n.identity.ak_public, span_str("ak of ak1")));
	ck_assert(span_eq(n.identity.rot, span_str("virtual")));
	ck_assert(span_eq(n.identity.serial, span_str("0a0b")));
	struct sha256 want = sha_of("node-1");
	ck_assert(sha256_eq(&n.node_token, &want));
	ck_assert(uuid_none(&n.state.verdict));
	ck_assert(!n.state.attester.known);
	ck_assert_int_eq(n.enrolled, T0);
	ck_assert_int_eq(n.admitted, 0);
	struct node again;
	ck_rc_ok(f.st->ops->node_find(
	    f.st, &f.admin.tenant, span_str("node-1"), &f.arena, &again, &f.e));
	ck_assert(uuid_eq(&again.id, &n.id));
	ck_assert_uint_eq(again.version, n.version);
	end(&f);
}
END_TEST

START_TEST(a_listed_ek_is_admitted)
{
	struct fixture f;
	const struct listed_ek eks[] = {
	    {.ek = sha_of("ek1"),
		.env_class = span_str("signing"),
		.labels = span_str("{\"rack\":\"7\"}")},
	    {.ek = sha_of("ek2"),
		.name = span_str("only-this"),
		.labels = span_str("{}")}};

	begin(&f);
	ck_rc_ok(f.st->ops->ek_put(f.st, &f.by, eks, 2, &f.e));
	ck_rc_ok(f.st->ops->ek_put(f.st, &f.by, eks, 2, &f.e));
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	ck_assert_int_eq(n.admission, ADMISSION_ADMITTED);
	ck_assert_int_eq(n.admitted, T0);
	ck_assert(span_eq(n.env_class, span_str("signing")));
	ck_assert(span_eq(n.labels, span_str("{\"rack\":\"7\"}")));
	put_token(&f, "aket_x", 2);
	struct enrolment en = make_enrolment(&f, "other", "ek2", "ak2");
	ck_rc_is(try_begin(&f, "aket_x", &en), ERR_ENROL_NAME);
	en = make_enrolment(&f, "only-this", "ek2", "ak2");
	ck_rc_ok(try_begin(&f, "aket_x", &en));
	struct activation act = activation_of(&en);
	ck_rc_ok(try_activate(&f, &act, &n));
	ck_assert(span_eq(n.env_class, span_str("test")));
	end(&f);
}
END_TEST

START_TEST(tokens_end)
{
	struct fixture f;
	struct enrol_token *list;
	size_t n;

	begin(&f);
	put_token(&f, "aket_once", 1);
	struct enrolment a = make_enrolment(&f, "a", "ek-a", "ak-a");
	struct enrolment b = make_enrolment(&f, "b", "ek-b", "ak-b");
	ck_rc_is(try_begin(&f, "aket_none", &a), ERR_ENROL_TOKEN);
	ck_rc_ok(try_begin(&f, "aket_once", &a));
	ck_rc_ok(try_begin(&f, "aket_once", &b));
	struct activation act = activation_of(&a);
	ck_rc_ok(try_activate(&f, &act, NULL));
	/* One use, so the other enrolment under it comes too late. */
	act = activation_of(&b);
	ck_rc_is(try_activate(&f, &act, NULL), ERR_ENROL_TOKEN);
	ck_rc_is(try_begin(&f, "aket_once", &b), ERR_ENROL_TOKEN);
	ck_rc_ok(f.st->ops->token_list(
	    f.st, &f.admin.tenant, &f.arena, &list, &n, &f.e));
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(list[0].used, 1);
	ck_assert_uint_eq(list[0].uses, 1);
	ck_assert(sha256_none(&list[0].hash));
	put_token(&f, "aket_revoked", 9);
	ck_rc_ok(f.st->ops->token_list(
	    f.st, &f.admin.tenant, &f.arena, &list, &n, &f.e));
	ck_assert_uint_eq(n, 2);
	struct uuid id = list[list[0].used ? 1 : 0].id;
	ck_rc_ok(f.st->ops->token_revoke(f.st, &f.by, &id, &f.e));
	ck_rc_ok(f.st->ops->token_revoke(f.st, &f.by, &id, &f.e));
	ck_rc_is(try_begin(&f, "aket_revoked", &b), ERR_ENROL_TOKEN);
	id = new_id(T0);
	ck_rc_is(
	    f.st->ops->token_revoke(f.st, &f.by, &id, &f.e), ERR_ENROL_TOKEN);
	put_token(&f, "aket_late", 1);
	b.created = T0 + 3600 * TIME_S;
	ck_rc_is(try_begin(&f, "aket_late", &b), ERR_ENROL_TOKEN);
	b.created--;
	ck_rc_ok(try_begin(&f, "aket_late", &b));
	end(&f);
}
END_TEST

START_TEST(identities_are_unique)
{
	static const struct {
		const char *name, *ek, *ak;
		enum err_code code;
	} rows[] = {
	    {"other", "ek1", "ak9", ERR_EK_DUPLICATE},
	    {"other", "ek1", "ak1", ERR_EK_DUPLICATE},
	    {"node-1", "ek9", "ak9", ERR_ENROL_NAME},
	    {"other", "ek9", "ak1", ERR_AK_DUPLICATE},
	    {"other", "ek9", "ak9", ERR_OK},
	    {"node-1", "ek1", "ak9", ERR_OK},
	    {"node-1", "ek1", "ak1", ERR_OK},
	};
	struct fixture f;

	begin(&f);
	enrol(&f, "node-1", "ek1", "ak1");
	put_token(&f, "aket_many", 99);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct enrolment en =
		    make_enrolment(&f, rows[i].name, rows[i].ek, rows[i].ak);
		rc r = try_begin(&f, "aket_many", &en);
		ck_assert_msg(r.code == rows[i].code, "row %zu: %s not %s", i,
		    err_name(r.code), err_name(rows[i].code));
	}
	end(&f);
}
END_TEST

START_TEST(the_same_machine_gets_a_new_ak)
{
	struct fixture f;

	begin(&f);
	struct node old = enrol(&f, "node-1", "ek1", "ak1");
	struct record r = make_record(&f, &old, "before", T0);
	r.after.held = true;
	ck_rc_ok(f.st->ops->commit(f.st, &r, 1, &f.e));
	struct record late =
	    make_record(&f, &(struct node[]){get_node(&f, &old.id)}[0],
		"judged under the old key", T0 + TIME_S);
	struct node n = enrol(&f, "node-1", "ek1", "ak2");
	ck_assert(uuid_eq(&n.id, &old.id));
	ck_assert(span_eq(n.identity.ak_public, span_str("ak of ak2")));
	ck_assert_uint_gt(n.version, old.version);
	/* Its TPM's clock still counts, and suspicion is not shaken off. */
	ck_assert(n.state.attester.known);
	ck_assert(n.state.held);
	ck_assert_uint_eq(n.state.attester.ima.n, 0);
	/* What was judged under the old key comes too late. */
	ck_rc_ok(f.st->ops->commit(f.st, &late, 1, &f.e));
	ck_assert_int_eq(late.outcome, OUTCOME_CONFLICT);
	end(&f);
}
END_TEST

START_TEST(secrets_are_tried_three_times)
{
	struct fixture f;

	begin(&f);
	put_token(&f, "aket_x", 9);
	struct enrolment en = make_enrolment(&f, "a", "ek", "ak");
	ck_rc_ok(try_begin(&f, "aket_x", &en));
	struct activation good = activation_of(&en), bad = good;
	bad.secret = sha_of("guess");
	for (int i = 0; i < STORE_TRIES; i++)
		ck_rc_is(try_activate(&f, &bad, NULL), ERR_ENROL_ACTIVATION);
	ck_rc_is(try_activate(&f, &good, NULL), ERR_ENROL_ACTIVATION);
	/* Late, unknown, and then well. */
	en = make_enrolment(&f, "a", "ek", "ak");
	ck_rc_ok(try_begin(&f, "aket_x", &en));
	good = activation_of(&en);
	good.now = en.expires;
	ck_rc_is(try_activate(&f, &good, NULL), ERR_ENROL_ACTIVATION);
	bad = good;
	bad.enrolment = new_id(T0);
	ck_rc_is(try_activate(&f, &bad, NULL), ERR_ENROL_ACTIVATION);
	good.now = en.expires - 1;
	ck_rc_ok(try_activate(&f, &good, NULL));
	/* Once. */
	ck_rc_is(try_activate(&f, &good, NULL), ERR_ENROL_ACTIVATION);
	end(&f);
}
END_TEST

START_TEST(a_new_enrolment_replaces_the_pending_one)
{
	struct fixture f;

	begin(&f);
	put_token(&f, "aket_x", 9);
	struct enrolment one = make_enrolment(&f, "a", "ek", "ak");
	struct enrolment two = make_enrolment(&f, "a", "ek", "ak");
	ck_rc_ok(try_begin(&f, "aket_x", &one));
	ck_rc_ok(try_begin(&f, "aket_x", &two));
	struct activation act = activation_of(&one);
	ck_rc_is(try_activate(&f, &act, NULL), ERR_ENROL_ACTIVATION);
	act = activation_of(&two);
	ck_rc_ok(try_activate(&f, &act, NULL));
	end(&f);
}
END_TEST

/* --- nodes
 * ------------------------------------------------------------------------------
 */

static rc
act_on(struct fixture *f, enum node_act act, const char *name)
{
	const struct node_change c = {
	    .act = act, .name = span_str(name), .reason = "because"};

	return f->st->ops->node_change(f->st, &f->by, &c, &f->e);
}

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

/* --- policies
 * ------------------------------------------------------------------------------
 */

static struct policy_row
put_policy(struct fixture *f, const char *name, const char *document)
{
	struct sha256 hash = sha_of(document);
	struct policy_row p;

	rc r = f->st->ops->policy_put(f->st, &f->by, span_str(name), &hash,
	    span_str(document), &p, &f->e);
	ck_assert_msg(rc_ok(r), "policy_put: %s", f->e.text);
	return p;
}

START_TEST(policy_versions_are_immutable)
{
	struct fixture f;
	struct policy_row p;
	struct policy_list l;

	begin(&f);
	ck_assert_uint_eq(put_policy(&f, "golden", "one").version, 1);
	ck_assert_uint_eq(put_policy(&f, "golden", "one").version, 1);
	ck_assert_uint_eq(put_policy(&f, "golden", "two").version, 2);
	ck_assert_uint_eq(put_policy(&f, "golden", "one").version, 3);
	ck_assert_uint_eq(put_policy(&f, "a-first", "x").version, 1);
	const struct store_ops *ops = f.st->ops;
	ck_rc_ok(ops->policy_get(
	    f.st, &f.admin.tenant, span_str("golden"), 2, &f.arena, &p, &f.e));
	ck_assert(span_eq(p.document, span_str("two")));
	ck_assert_str_eq(p.author, "first");
	ck_assert_int_eq(p.created, T0);
	ck_assert_uint_eq(p.active, 0);
	ck_rc_ok(ops->policy_get(
	    f.st, &f.admin.tenant, span_str("golden"), 0, &f.arena, &p, &f.e));
	ck_assert_uint_eq(p.version, 3);
	ck_rc_is(ops->policy_get(f.st, &f.admin.tenant, span_str("golden"), 4,
		     &f.arena, &p, &f.e),
	    ERR_POLICY_UNKNOWN);
	ck_rc_ok(ops->policy_list(f.st, &f.admin.tenant, &f.arena, &l, &f.e));
	ck_assert_uint_eq(l.n, 2);
	ck_assert_str_eq(l.row[0].name, "a-first");
	ck_assert_uint_eq(l.row[1].version, 3);
	ck_assert_uint_eq(l.row[1].document.n, 0);
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

START_TEST(policies_are_activated_and_rolled_back)
{
	struct fixture f;
	struct span name = span_str("golden"), all = span_str("{}"),
		    some = span_str("{\"site\":\"tokyo\"}");
	uint32_t version;

	begin(&f);
	const struct store_ops *ops = f.st->ops;
	put_policy(&f, "golden", "one");
	put_policy(&f, "golden", "two");
	uint64_t before = serial(&f);
	ck_assert_uint_eq(active(&f).n, 0);
	ck_rc_is(ops->policy_activate(f.st, &f.by, name, 3, all, &f.e),
	    ERR_POLICY_UNKNOWN);
	ck_rc_is(
	    ops->policy_activate(f.st, &f.by, span_str("none"), 1, all, &f.e),
	    ERR_POLICY_UNKNOWN);
	ck_rc_is(ops->policy_rollback(f.st, &f.by, name, &version, &f.e),
	    ERR_POLICY_UNKNOWN);
	ck_assert_uint_eq(serial(&f), before);
	ck_rc_ok(ops->policy_activate(f.st, &f.by, name, 1, some, &f.e));
	ck_assert_uint_gt(serial(&f), before);
	struct policy_list l = active(&f);
	ck_assert_uint_eq(l.n, 1);
	ck_assert(span_eq(l.row[0].document, span_str("one")));
	ck_assert(span_eq(l.row[0].selector, some));
	ck_rc_is(ops->policy_rollback(f.st, &f.by, name, &version, &f.e),
	    ERR_POLICY_UNKNOWN);
	ck_rc_ok(ops->policy_activate(f.st, &f.by, name, 2, all, &f.e));
	before = serial(&f);
	ck_rc_ok(ops->policy_rollback(f.st, &f.by, name, &version, &f.e));
	ck_assert_uint_gt(serial(&f), before);
	ck_assert_uint_eq(version, 1);
	l = active(&f);
	ck_assert_uint_eq(l.row[0].version, 1);
	ck_assert_uint_eq(l.row[0].active, 1);
	ck_assert(span_eq(l.row[0].selector, some));
	ck_rc_is(ops->policy_rollback(f.st, &f.by, name, &version, &f.e),
	    ERR_POLICY_UNKNOWN);
	end(&f);
}
END_TEST

/* --- commits
 * ---------------------------------------------------------------------------------
 */

START_TEST(a_commit_moves_the_node)
{
	struct fixture f;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	struct record r = make_record(&f, &n, "one", T0);
	r.row.code = ERR_NODE_STALE;
	r.after.rejected_day = 20777;
	r.after.rejected_count = 3;
	ck_rc_ok(f.st->ops->commit(f.st, &r, 1, &f.e));
	ck_assert_int_eq(r.outcome, OUTCOME_COMMITTED);
	struct node after;
	ck_rc_ok(f.st->ops->node_get(
	    f.st, &n.tenant, &n.id, r.row.challenge, &f.arena, &after, &f.e));
	const struct node_state *s = &after.state;
	ck_assert_uint_eq(after.version, n.version + 1);
	ck_assert(s->attester.known);
	ck_assert(s->attester.clock == 0xf234567812345678);
	ck_assert(s->attester.firmware == 0xffff000020240101);
	ck_assert_uint_eq(s->attester.reset_count, 7);
	ck_assert(span_eq(s->attester.ima, r.after.attester.ima));
	ck_assert(
	    sha256_eq(&s->attester.ima_policy, &r.after.attester.ima_policy));
	ck_assert(sha256_none(&s->attester.boot_log));
	ck_assert(uuid_eq(&s->verdict, &r.row.id));
	ck_assert_int_eq(s->result, RESULT_PASS);
	ck_assert_int_eq(s->code, ERR_NODE_STALE);
	ck_assert_int_eq(s->verified, T0);
	ck_assert_int_eq(s->valid_until, T0 + 600 * TIME_S);
	ck_assert_uint_eq(s->rejected_day, 20777);
	ck_assert_uint_eq(s->rejected_count, 3);
	ck_assert(after.used.found);
	ck_assert(uuid_eq(&after.used.verdict, &r.row.id));
	ck_assert(sha256_eq(&after.used.evidence, &r.row.evidence));
	ck_rc_ok(f.st->ops->node_get(f.st, &n.tenant, &n.id,
	    (const uint8_t *)"never used 16 b.", &f.arena, &after, &f.e));
	ck_assert(!after.used.found);
	end(&f);
}
END_TEST

START_TEST(a_challenge_works_once)
{
	struct fixture f;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	struct record one = make_record(&f, &n, "one", T0);
	struct record again = one;
	ck_rc_ok(f.st->ops->commit(f.st, &one, 1, &f.e));
	/* The same bytes again, as after a lost answer. */
	ck_rc_ok(f.st->ops->commit(f.st, &again, 1, &f.e));
	ck_assert_int_eq(again.outcome, OUTCOME_DUPLICATE);
	ck_assert(sha256_eq(&again.used.evidence, &one.row.evidence));
	ck_assert(uuid_eq(&again.used.verdict, &one.row.id));
	/* Other evidence, judged on the node as it is now. */
	n = get_node(&f, &n.id);
	struct record other = make_record(&f, &n, "other", T0 + TIME_S);
	memcpy(other.row.challenge, one.row.challenge, 16);
	ck_rc_ok(f.st->ops->commit(f.st, &other, 1, &f.e));
	ck_assert_int_eq(other.outcome, OUTCOME_DUPLICATE);
	ck_assert(!sha256_eq(&other.used.evidence, &other.row.evidence));
	ck_assert_uint_eq(get_node(&f, &n.id).version, n.version);
	end(&f);
}
END_TEST

START_TEST(a_node_that_moved_is_a_conflict)
{
	struct fixture f;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	struct record one = make_record(&f, &n, "one", T0);
	struct record two = make_record(&f, &n, "two", T0 + TIME_S);
	ck_rc_ok(f.st->ops->commit(f.st, &one, 1, &f.e));
	ck_rc_ok(f.st->ops->commit(f.st, &two, 1, &f.e));
	ck_assert_int_eq(two.outcome, OUTCOME_CONFLICT);
	/* Its challenge was not consumed. */
	n = get_node(&f, &n.id);
	two.version = n.version;
	two.row.previous = n.state.verdict;
	ck_rc_ok(f.st->ops->commit(f.st, &two, 1, &f.e));
	ck_assert_int_eq(two.outcome, OUTCOME_COMMITTED);
	/* Two of one node in a batch: one waits. */
	n = get_node(&f, &n.id);
	struct record both[] = {make_record(&f, &n, "a", T0 + 2 * TIME_S),
	    make_record(&f, &n, "b", T0 + 3 * TIME_S)};
	ck_rc_ok(f.st->ops->commit(f.st, both, 2, &f.e));
	ck_assert((both[0].outcome == OUTCOME_COMMITTED) !=
		  (both[1].outcome == OUTCOME_COMMITTED));
	ck_assert((both[0].outcome == OUTCOME_CONFLICT) !=
		  (both[1].outcome == OUTCOME_CONFLICT));
	ck_rc_ok(f.st->ops->commit(f.st, NULL, 0, &f.e));
	end(&f);
}
END_TEST

START_TEST(one_bad_record_fails_alone)
{
	enum { N = 20, BAD = 7, STALE = 11, USED = 13 };
	struct fixture f;
	struct record r[N];
	struct node n[N];

	begin(&f);
	for (int i = 0; i < N; i++) {
		char name[16];
		snprintf(name, sizeof(name), "n%d", i);
		n[i] = enrol(&f, name, name, name);
	}
	struct record before = make_record(&f, &n[USED], "used", T0);
	ck_rc_ok(f.st->ops->commit(f.st, &before, 1, &f.e));
	n[USED] = get_node(&f, &n[USED].id);
	for (int i = 0; i < N; i++)
		r[i] = make_record(&f, &n[i], n[i].name, T0);
	/* Bytes that are not what their hash says; a node that moved; a
	 * challenge that was used. */
	r[BAD].boot_log = span_str("a log");
	r[BAD].row.boot_log = sha_of("another log");
	r[STALE].version--;
	memcpy(r[USED].row.challenge, before.row.challenge, 16);
	ck_rc_is(f.st->ops->commit(f.st, r, N, &f.e), ERR_INTERNAL);
	for (int i = 0; i < N; i++) {
		enum outcome want = i == BAD	 ? OUTCOME_FAILED
				    : i == STALE ? OUTCOME_CONFLICT
				    : i == USED	 ? OUTCOME_DUPLICATE
						 : OUTCOME_COMMITTED;
		ck_assert_msg(r[i].outcome == want, "%d: %d", i, r[i].outcome);
		struct verdict_row v;
		rc got = f.st->ops->verdict_get(
		    f.st, &n[i].tenant, &r[i].row.id, &f.arena, &v, &f.e);
		ck_assert(rc_ok(got) == (want == OUTCOME_COMMITTED));
	}
	ck_assert_int_eq(r[BAD].error, ERR_INTERNAL);
	ck_assert_uint_eq(get_node(&f, &n[BAD].id).version, n[BAD].version);
	r[BAD].row.boot_log = sha_of("a log");
	ck_rc_ok(f.st->ops->commit(f.st, &r[BAD], 1, &f.e));
	ck_assert_int_eq(r[BAD].outcome, OUTCOME_COMMITTED);
	end(&f);
}
END_TEST

START_TEST(evidence_comes_back)
{
	struct fixture f;
	struct verdict_row v;
	struct evidence_row ev;
	struct span bytes;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	struct record r = make_record(&f, &n, "one", T0);
	r.boot_log = span_str("a boot log");
	r.userspace_log = span_str("a userspace log");
	r.row.boot_log = sha_of("a boot log");
	r.row.userspace_log = sha_of("a userspace log");
	ck_rc_ok(f.st->ops->commit(f.st, &r, 1, &f.e));
	ck_rc_ok(f.st->ops->verdict_get(
	    f.st, &n.tenant, &r.row.id, &f.arena, &v, &f.e));
	ck_rc_ok(f.st->ops->evidence_get(f.st, &v, &f.arena, &ev, &f.e));
	ck_assert(span_eq(ev.attest, r.attest));
	ck_assert(span_eq(ev.signature, r.signature));
	ck_assert(span_eq(ev.pcrs, r.pcrs));
	ck_rc_ok(f.st->ops->blob_get(
	    f.st, &n.tenant, &v.boot_log, &f.arena, &bytes, &f.e));
	ck_assert(span_eq(bytes, r.boot_log));
	ck_rc_ok(f.st->ops->blob_get(
	    f.st, &n.tenant, &v.userspace_log, &f.arena, &bytes, &f.e));
	ck_assert(span_eq(bytes, r.userspace_log));
	struct uuid id = new_id(T0);
	ck_rc_is(
	    f.st->ops->verdict_get(f.st, &n.tenant, &id, &f.arena, &v, &f.e),
	    ERR_VERDICT_UNKNOWN);
	end(&f);
}
END_TEST

/* The statement is a function of the row that the database gives back. */
START_TEST(the_statement_can_be_made_again)
{
	struct fixture f;
	static struct verdict verdict;
	struct verdict_row v;
	struct buf sealed = {0}, again = {0};
	struct sha256 hash;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	struct record first = make_record(&f, &n, "first", T0);
	ck_rc_ok(f.st->ops->commit(f.st, &first, 1, &f.e));
	n = get_node(&f, &n.id);
	struct record r = make_record(&f, &n, "one", T0 + 1234567);
	r.ima = span_str("an IMA segment");
	r.row.ima_start = 42;
	verdict_init(&verdict, &f.arena);
	verdict_add(&verdict,
	    &(const struct reason){.code = ERR_BOOT_EVENT_CHANGED,
		.layer = LAYER_OS,
		.path = "eventlog.events[3]",
		.message = "The \"command line\" changed.",
		.expected = "quiet",
		.found = "init=/bin/sh \xff\x01",
		.pcr = 8,
		.event = 3,
		.event_type = "EV_IPL",
		.rule = "pcrs.8[2]"},
	    EFF_NONE);
	verdict_quirk(&verdict, "a_quirk");
	verdict_fold(&verdict);
	seal(&f, &r, &n, &verdict);
	statement_emit(&r.row, &sealed);
	ck_rc_ok(f.st->ops->commit(f.st, &r, 1, &f.e));
	ck_rc_ok(f.st->ops->verdict_get(
	    f.st, &n.tenant, &r.row.id, &f.arena, &v, &f.e));
	statement_emit(&v, &again);
	ck_assert(!sealed.failed && !again.failed);
	ck_assert_str_eq(again.p, sealed.p);
	ck_rc_ok(hash_of(f.h, ALG_SHA256, buf_span(&again), hash.b));
	ck_assert(sha256_eq(&hash, &v.statement));
	ck_assert(sha256_eq(&v.statement, &r.row.statement));
	ck_assert(span_eq(v.detail, r.row.detail));
	ck_assert_ptr_nonnull(strstr(again.p, "\"boot.event.changed\""));
	buf_free(&sealed);
	buf_free(&again);
	end(&f);
}
END_TEST

START_TEST(verdict_lists_page_and_filter)
{
	struct fixture f;
	struct verdict_filter filter = {.limit = 2};
	struct verdict_list l;
	size_t seen = 0;

	begin(&f);
	struct node a = enrol(&f, "a", "ek-a", "ak-a");
	struct node b = enrol(&f, "b", "ek-b", "ak-b");
	for (int i = 0; i < 6; i++) {
		char what[16];
		snprintf(what, sizeof(what), "v%d", i);
		struct node n = get_node(&f, i % 3 ? &a.id : &b.id);
		struct record r =
		    make_record(&f, &n, what, T0 + i * TIME_S + 999);
		if (i == 4)
			r.row.result = RESULT_FAIL;
		ck_rc_ok(f.st->ops->commit(f.st, &r, 1, &f.e));
		ck_assert_int_eq(r.outcome, OUTCOME_COMMITTED);
	}
	do {
		ck_rc_ok(f.st->ops->verdict_list(
		    f.st, &a.tenant, &filter, &f.arena, &l, &f.e));
		for (size_t i = 0; i < l.n; i++)
			ck_assert_int_eq(l.row[i].verified,
			    T0 + (int64_t)(5 - seen++) * TIME_S + 999);
		filter.before = l.row[l.n - 1].id;
	} while (l.more);
	ck_assert_uint_eq(seen, 6);
	static const struct {
		int64_t since;
		int result;
		bool of_b;
		size_t n;
	} rows[] = {{T0 + 3 * TIME_S, -1, false, 3},
	    {T0 + 3 * TIME_S + 999, -1, false, 3},
	    {T0 + 3 * TIME_S + 1000, -1, false, 2}, {0, RESULT_FAIL, false, 1},
	    {0, RESULT_FAIL, true, 0}, {0, -1, true, 2}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		filter = (struct verdict_filter){.limit = 10,
		    .since = rows[i].since,
		    .by_result = rows[i].result >= 0,
		    .result = rows[i].result >= 0 ? (enum result)rows[i].result
						  : RESULT_NONE};
		if (rows[i].of_b)
			filter.node = b.id;
		ck_rc_ok(f.st->ops->verdict_list(
		    f.st, &a.tenant, &filter, &f.arena, &l, &f.e));
		ck_assert_msg(l.n == rows[i].n, "row %zu: %zu", i, l.n);
	}
	end(&f);
}
END_TEST

static struct record
commit_ima(struct fixture *f, struct node *n, uint64_t start,
    const char *segment, bool accepted)
{
	static int64_t at;
	char what[32];

	snprintf(what, sizeof(what), "ima %lld", (long long)++at);
	struct record r = make_record(f, n, what, T0 + at * TIME_S);
	r.ima = span_str(segment);
	r.row.ima_start = start;
	r.row.ima_bytes = strlen(segment);
	r.row.ima = sha_of(segment);
	r.ima_accepted = accepted;
	r.after.attester.ima_offset =
	    accepted ? start + strlen(segment) : n->state.attester.ima_offset;
	ck_rc_ok(f->st->ops->commit(f->st, &r, 1, &f->e));
	ck_assert_int_eq(r.outcome, OUTCOME_COMMITTED);
	*n = get_node(f, &n->id);
	return r;
}

/* The concatenation of a verdict's list, up to its own segment. */
static struct span
list_of(struct fixture *f, const struct record *r)
{
	struct ima_segments l;
	struct buf b = {0};

	ck_rc_ok(f->st->ops->ima_list(f->st, &r->row, &f->arena, &l, &f->e));
	for (size_t i = 0; i < l.n; i++) {
		struct span s;
		ck_rc_ok(f->st->ops->ima_get(f->st, &r->row.tenant,
		    &r->row.node, &l.segment[i].verdict, &f->arena, &s, &f->e));
		ck_assert_uint_eq(s.n, l.segment[i].bytes);
		ck_assert_uint_eq(b.n, l.segment[i].start);
		buf_put(&b, s.p, s.n);
	}
	struct span out = arena_copy(&f->arena, buf_span(&b));
	buf_free(&b);
	return out;
}

START_TEST(ima_segments_follow_each_other)
{
	struct fixture f;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	commit_ima(&f, &n, 0, "first ", true);
	commit_ima(&f, &n, 6, "forged", false);
	struct record two = commit_ima(&f, &n, 6, "second ", true);
	struct record bad = commit_ima(&f, &n, 13, "wrong", false);
	struct record three = commit_ima(&f, &n, 13, "third", true);
	ck_assert(span_eq(list_of(&f, &two), span_str("first second ")));
	ck_assert(span_eq(list_of(&f, &bad), span_str("first second wrong")));
	ck_assert(span_eq(list_of(&f, &three), span_str("first second third")));
	/* Sent again from the start, in other pieces. */
	struct record four = commit_ima(&f, &n, 0, "first second third", true);
	struct record five = commit_ima(&f, &n, 18, " fourth", true);
	ck_assert(span_eq(list_of(&f, &four), span_str("first second third")));
	ck_assert(
	    span_eq(list_of(&f, &five), span_str("first second third fourth")));
	ck_assert(span_eq(list_of(&f, &three), span_str("first second third")));
	end(&f);
}
END_TEST

START_TEST(what_expired_is_purged)
{
	struct fixture f;
	uint64_t dropped;

	begin(&f);
	struct node n = enrol(&f, "node-1", "ek1", "ak1");
	struct record r = make_record(&f, &n, "one", T0);
	ck_rc_ok(f.st->ops->commit(f.st, &r, 1, &f.e));
	put_token(&f, "aket_x", 1);
	struct enrolment en = make_enrolment(&f, "b", "ek-b", "ak-b");
	ck_rc_ok(try_begin(&f, "aket_x", &en));
	ck_rc_ok(f.st->ops->purge(f.st, T0, &dropped, &f.e));
	ck_assert_uint_eq(dropped, 0);
	ck_rc_ok(f.st->ops->purge(f.st, T0 + 61 * TIME_S, &dropped, &f.e));
	ck_assert_uint_eq(dropped, 1);
	ck_rc_ok(f.st->ops->purge(f.st, T0 + 121 * TIME_S, &dropped, &f.e));
	ck_assert_uint_eq(dropped, 1);
	ck_rc_ok(f.st->ops->node_get(
	    f.st, &n.tenant, &n.id, r.row.challenge, &f.arena, &n, &f.e));
	ck_assert(!n.used.found);
	ck_assert(uuid_eq(&n.state.verdict, &r.row.id));
	end(&f);
}
END_TEST

START_TEST(events_and_audit_rows)
{
	struct fixture f;

	begin(&f);
	const struct security_event ev[] = {{.tenant = f.admin.tenant,
						.node = new_id(T0),
						.code = ERR_QUOTE_SIGNATURE,
						.at = T0,
						.source = span_str("192.0.2.7"),
						.trace = span_str("00112233"),
						.digest = sha_of("body")},
	    {.code = ERR_AUTH_INVALID, .at = T0}};
	const struct audit rows[] = {{.tenant = f.admin.tenant,
	    .action = span_str("evidence.read"),
	    .object = span_str("verdict/x"),
	    .at = T0}};
	ck_rc_ok(f.st->ops->security_put(f.st, ev, 2, &f.e));
	ck_rc_ok(f.st->ops->security_put(f.st, ev, 0, &f.e));
	ck_rc_ok(f.st->ops->audit_put(f.st, rows, 1, &f.e));
	end(&f);
}
END_TEST

/* --- races
 * ---------------------------------------------------------------------------------------
 */

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

/* One name, eight machines; one token use, eight machines; one enrolment,
 * eight times. */
START_TEST(first_enrolments_raced_have_one_winner)
{
	static const struct {
		const char *name, *ek;
		uint32_t uses;
		enum err_code loser;
	} kinds[] = {{"same", "ek%d", 99, ERR_ENROL_NAME},
	    {"name%d", "ek%d", 1, ERR_ENROL_TOKEN},
	    {"other", "one", 99, ERR_ENROL_ACTIVATION}};
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
		ck_assert_msg(winners(r) == 1, "%zu: %d", k, winners(r));
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
	struct policy_row p;

	snprintf(document, sizeof(document), "document %d", r->i);
	struct sha256 hash = sha_of(document);
	pthread_barrier_wait(r->start);
	r->result = r->st->ops->policy_put(r->st, &r->f->by, span_str("golden"),
	    &hash, span_str(document), &p, NULL);
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

/* --- the suite
 * ------------------------------------------------------------------------------------
 */

int
main(void)
{
	Suite *s = suite_create(cluster() ? "store_pg" : "store_mem");
	TCase *t = tcase_create("store");

	if (cluster())
		pg_prepare();
	tcase_set_timeout(t, 120);
	suite_add_tcase(s, t);
	tcase_add_test(t, cluster_secrets_are_shared);
	tcase_add_test(t, administrators);
	tcase_add_test(t, an_enrolment_makes_a_pending_node);
	tcase_add_test(t, a_listed_ek_is_admitted);
	tcase_add_test(t, tokens_end);
	tcase_add_test(t, identities_are_unique);
	tcase_add_test(t, the_same_machine_gets_a_new_ak);
	tcase_add_test(t, secrets_are_tried_three_times);
	tcase_add_test(t, a_new_enrolment_replaces_the_pending_one);
	tcase_add_test(t, operators_change_nodes);
	tcase_add_test(t, suspicion_stays_until_it_is_cleared);
	tcase_add_test(t, lists_by_status_agree_with_node_status);
	tcase_add_test(t, node_lists_page_and_filter);
	tcase_add_test(t, a_tenant_sees_its_own);
	tcase_add_test(t, policy_versions_are_immutable);
	tcase_add_test(t, policies_are_activated_and_rolled_back);
	tcase_add_test(t, a_commit_moves_the_node);
	tcase_add_test(t, a_challenge_works_once);
	tcase_add_test(t, a_node_that_moved_is_a_conflict);
	tcase_add_test(t, one_bad_record_fails_alone);
	tcase_add_test(t, evidence_comes_back);
	tcase_add_test(t, the_statement_can_be_made_again);
	tcase_add_test(t, verdict_lists_page_and_filter);
	tcase_add_test(t, ima_segments_follow_each_other);
	tcase_add_test(t, what_expired_is_purged);
	tcase_add_test(t, events_and_audit_rows);
	tcase_add_test(t, a_challenge_raced_has_one_winner);
	tcase_add_test(t, first_enrolments_raced_have_one_winner);
	tcase_add_test(t, admin_init_raced_has_one_winner);
	tcase_add_test(t, policy_versions_raced_are_all_kept);
	if (cluster())
		suite_add_tcase(s, pg_cases());
	return tap_run(s);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/record/cases.h"

/* --- cluster and administrators ------------------------------------------- */

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
	const struct principal soc = {
	    .id = new_id(T0), .role = ROLE_OPERATOR, .name = "soc"};
	ck_rc_ok(f.st->ops->admin_put(f.st, &f.by, &two, &soc, &f.e));
	ck_rc_ok(f.st->ops->admin_get(f.st, &two, &p, &f.e));
	ck_assert_int_eq(p.role, ROLE_OPERATOR);
	ck_assert(uuid_eq(&p.tenant, &f.admin.tenant));
	end(&f);
}
END_TEST

/* --- enrolment ------------------------------------------------------------ */

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
	b.id = new_id(T0);
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
	good.now = en.expires;
	ck_rc_is(try_activate(&f, &good, NULL), ERR_ENROL_ACTIVATION);
	end(&f);
}
END_TEST

/* Each pending enrolment keeps its own keys; who activates first ends the
 * others of this EK. */
START_TEST(an_enrolment_keeps_its_keys)
{
	struct fixture f;
	struct node n;

	begin(&f);
	put_token(&f, "aket_x", 9);
	struct enrolment one = make_enrolment(&f, "a", "ek", "ak1");
	struct enrolment two = make_enrolment(&f, "a", "ek", "ak2");
	struct enrolment three = make_enrolment(&f, "b", "ek", "ak3");
	ck_rc_ok(try_begin(&f, "aket_x", &one));
	ck_rc_ok(try_begin(&f, "aket_x", &two));
	ck_rc_ok(try_begin(&f, "aket_x", &three));
	struct activation act = activation_of(&one);
	ck_rc_ok(try_activate(&f, &act, &n));
	ck_assert(span_eq(n.identity.ak_public, span_str("ak of ak1")));
	act = activation_of(&two);
	ck_rc_is(try_activate(&f, &act, NULL), ERR_ENROL_ACTIVATION);
	act = activation_of(&three);
	ck_rc_is(try_activate(&f, &act, NULL), ERR_ENROL_ACTIVATION);
	end(&f);
}
END_TEST

/* Somebody else who knows an EK cannot end its owner's enrolment at once, nor
 * fill the table. */
START_TEST(pending_enrolments_are_few)
{
	struct fixture f;
	struct enrolment en[STORE_PENDING + 1];
	struct activation act;

	begin(&f);
	put_token(&f, "aket_x", 99);
	for (int i = 0; i <= STORE_PENDING; i++) {
		en[i] = make_enrolment(&f, "a", "ek", "ak");
		en[i].created = T0 + i;
		ck_rc_ok(try_begin(&f, "aket_x", &en[i]));
	}
	act = activation_of(&en[0]);
	ck_rc_is(try_activate(&f, &act, NULL), ERR_ENROL_ACTIVATION);
	act = activation_of(&en[1]);
	ck_rc_ok(try_activate(&f, &act, NULL));
	end(&f);
}
END_TEST

static size_t
tokens_used(struct fixture *f)
{
	struct enrol_token *list;
	size_t n, used = 0;

	ck_rc_ok(f->st->ops->token_list(
	    f->st, &f->admin.tenant, &f->arena, &list, &n, &f->e));
	for (size_t i = 0; i < n; i++)
		used += list[i].used;
	return used;
}

/* The answer was lost: the same again gives the same and costs nothing, until
 * something else replaced it. */
START_TEST(an_activation_may_be_repeated)
{
	struct fixture f;
	struct node n, again;

	begin(&f);
	put_token(&f, "aket_x", 9);
	struct enrolment en = make_enrolment(&f, "a", "ek", "ak");
	ck_rc_ok(try_begin(&f, "aket_x", &en));
	struct activation first = activation_of(&en), act = first;
	ck_rc_ok(try_activate(&f, &act, &n));
	act.node = new_id(T0);
	ck_rc_ok(try_activate(&f, &act, &again));
	ck_assert(uuid_eq(&n.id, &again.id));
	ck_assert_uint_eq(n.version, again.version);
	ck_assert(sha256_eq(&n.node_token, &again.node_token));
	ck_assert_uint_eq(tokens_used(&f), 1);
	act.secret = sha_of("guess");
	ck_rc_is(try_activate(&f, &act, NULL), ERR_ENROL_ACTIVATION);
	act = first;
	act.node_token = sha_of("another");
	ck_rc_is(try_activate(&f, &act, NULL), ERR_ENROL_ACTIVATION);
	enrol(&f, "a", "ek", "ak2");
	ck_rc_is(try_activate(&f, &first, NULL), ERR_ENROL_ACTIVATION);
	end(&f);
}
END_TEST

START_TEST(a_retired_node_is_not_activated_again)
{
	struct fixture f;

	begin(&f);
	put_token(&f, "aket_x", 9);
	struct enrolment en = make_enrolment(&f, "a", "ek", "ak");
	ck_rc_ok(try_begin(&f, "aket_x", &en));
	struct activation act = activation_of(&en);
	ck_rc_ok(try_activate(&f, &act, NULL));
	ck_rc_ok(act_on(&f, NODE_RETIRE, "a"));
	ck_rc_is(try_activate(&f, &act, NULL), ERR_ENROL_ACTIVATION);
	end(&f);
}
END_TEST

/* A name is its listed EK's before that has enrolled; a token may be for some
 * names only. */
START_TEST(names_are_reserved)
{
	struct fixture f;
	const struct listed_ek ek = {.ek = sha_of("ek1"),
	    .name = span_str("db-1"),
	    .labels = span_str("{}")};
	const struct enrol_token t = {.id = new_id(T0),
	    .hash = sha_of("aket_ci"),
	    .env_class = span_str("ci"),
	    .labels = span_str("{}"),
	    .names = span_str("ci-*"),
	    .uses = 9,
	    .created = T0,
	    .expires = T0 + 3600 * TIME_S};

	begin(&f);
	ck_rc_ok(f.st->ops->token_put(f.st, &f.by, &t, &f.e));
	put_token(&f, "aket_x", 9);
	struct enrolment squat = make_enrolment(&f, "db-1", "ek9", "ak9");
	ck_rc_ok(try_begin(&f, "aket_x", &squat));
	ck_rc_ok(f.st->ops->ek_put(f.st, &f.by, &ek, 1, &f.e));
	/* Listed meanwhile: activation asks again. */
	struct activation act = activation_of(&squat);
	ck_rc_is(try_activate(&f, &act, NULL), ERR_ENROL_NAME);
	ck_rc_is(try_begin(&f, "aket_x", &squat), ERR_ENROL_NAME);
	enrol(&f, "db-1", "ek1", "ak1");
	struct enrolment en = make_enrolment(&f, "db-2", "ek2", "ak2");
	ck_rc_is(try_begin(&f, "aket_ci", &en), ERR_ENROL_SCOPE);
	en.name = span_str("ci-2");
	ck_rc_ok(try_begin(&f, "aket_ci", &en));
	struct enrol_token *list;
	size_t n;
	ck_rc_ok(f.st->ops->token_list(
	    f.st, &f.admin.tenant, &f.arena, &list, &n, &f.e));
	for (size_t i = 0; i < n; i++)
		ck_assert(span_eq(list[i].names,
		    span_str(uuid_eq(&list[i].id, &t.id) ? "ci-*" : "")));
	end(&f);
}
END_TEST

TCase *
enrol_cases(void)
{
	TCase *t = tcase_create("enrol");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, cluster_secrets_are_shared);
	tcase_add_test(t, administrators);
	tcase_add_test(t, an_enrolment_makes_a_pending_node);
	tcase_add_test(t, a_listed_ek_is_admitted);
	tcase_add_test(t, tokens_end);
	tcase_add_test(t, identities_are_unique);
	tcase_add_test(t, the_same_machine_gets_a_new_ak);
	tcase_add_test(t, secrets_are_tried_three_times);
	tcase_add_test(t, an_enrolment_keeps_its_keys);
	tcase_add_test(t, pending_enrolments_are_few);
	tcase_add_test(t, an_activation_may_be_repeated);
	tcase_add_test(t, a_retired_node_is_not_activated_again);
	tcase_add_test(t, names_are_reserved);
	return t;
}

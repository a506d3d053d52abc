/* SPDX-License-Identifier: Apache-2.0 */
/* A store that fails, waits or is watched at one moment, and a node that sends
 * nothing but bad evidence. */
#include "e2e/server/cases.h"

#include "base/text.h"

#include <stdatomic.h>
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

/* --- an answer that is lost
 * --------------------------------------------------- */

static atomic_int losses;

static rc
activate_and_lose(struct store *st, const struct activation *act,
    struct arena *a, struct node *out, struct err *e)
{
	rc r = w.real->enrol_activate(st, act, a, out, e);

	if (rc_ok(r) && atomic_fetch_sub(&losses, 1) > 0)
		return err_at(e, ERR_DATABASE, NULL, "%s", "");
	return r;
}

static struct answer
enrol(const struct sim *s)
{
	return post_as(&w, w.enrol, "/v1/enrol",
	    arena_printf(&w.arena,
		"{\"name\":\"%s\",\"ek_public\":\"%s\",\"ek_certificates\":[],"
		"\"ak_public\":\"%s\",\"agent\":\"test\"}",
		s->name, b64(&w, s->tpm.ek_public), b64(&w, s->tpm.ak_public)));
}

/* The body of the activation that the answer to an enrolment asks for. */
static const char *
activation(const struct sim *s, const struct answer *a)
{
	struct span blob, seed, secret;

	ck_rc_ok(base64url_decode(
	    span_str(text_at(a->json, "credential_blob")), &w.arena, &blob));
	ck_rc_ok(base64url_decode(
	    span_str(text_at(a->json, "encrypted_secret")), &w.arena, &seed));
	ck_assert(soft_tpm_open(&s->tpm, blob, seed, &secret));
	return arena_printf(&w.arena,
	    "{\"enrolment\":\"%s\",\"secret\":\"%s\"}",
	    text_at(a->json, "enrolment"), b64(&w, secret));
}

/* It was recorded, but the node was told that it was not: the same again gives
 * a token that works. */
START_TEST(activation_answer_lost)
{
	struct sim *s = sim_alloc(&w, "n1", NULL);
	struct answer begun = enrol(s);

	says(begun, 200, "");
	const char *body = activation(s, &begun);
	atomic_store(&losses, 2);
	world_ops(&w)->enrol_activate = activate_and_lose;
	for (int i = 0; i < 2; i++)
		says(post_as(&w, NULL, "/v1/activate", body), 503,
		    "internal.database");
	struct answer a = post_as(&w, NULL, "/v1/activate", body);
	says(a, 200, "");
	struct answer again = post_as(&w, NULL, "/v1/activate", body);
	says(again, 200, "");
	ck_assert_str_eq(
	    text_at(a.json, "node_token"), text_at(again.json, "node_token"));
	ck_rc_ok(uuid_parse(span_str(text_at(a.json, "tenant")), &s->tenant));
	ck_rc_ok(uuid_parse(span_str(text_at(a.json, "node")), &s->id));
	snprintf(
	    s->token, sizeof(s->token), "%s", text_at(a.json, "node_token"));
	soft_tpm_boot(&s->tpm, GOLDEN_BOOT);
	struct shot shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
}
END_TEST

static atomic_int failures;

static rc
failing_commit(struct store *st, struct record *r, size_t n, struct err *e)
{
	if (atomic_fetch_sub(&failures, 1) <= 0)
		return w.real->commit(st, r, n, e);
	for (size_t i = 0; i < n; i++) {
		r[i].outcome = OUTCOME_FAILED;
		r[i].error = ERR_DATABASE;
	}
	return err_at(e, ERR_DATABASE, NULL, "%s", "");
}

/* A database that fails is no verdict and no status. */
START_TEST(commit_fails)
{
	struct sim *s = sim_new(&w, "n1");
	struct shot shot = aim(&w, s);

	atomic_store(&failures, 2);
	world_ops(&w)->commit = failing_commit;
	load(&w, &shot);
	for (int i = 0; i < 2; i++)
		refused(&w, &shot, 503, "internal.database");
	ck_assert_str_eq(status_of(&w, s), "unknown");
	judged(&w, &shot, "pass", ""); /* the same bytes */
}
END_TEST

/* --- a database that takes its time
 * ------------------------------------------- */

static atomic_int inside, most, calls;

/* Returns when two are in here, or after ten seconds. */
static rc
slow_policies(struct store *st, const struct uuid *tenant, struct arena *a,
    struct policy_list *out, struct err *e)
{
	int now = atomic_fetch_add(&inside, 1) + 1;

	atomic_fetch_add(&calls, 1);
	for (int i = 0; i < 1000 && atomic_load(&most) < 2; i++) {
		if (now >= 2)
			atomic_store(&most, 2);
		else
			usleep(10000);
	}
	atomic_fetch_sub(&inside, 1);
	return w.real->policy_active(st, tenant, a, out, e);
}

static void *
load_policies(void *arg)
{
	const struct node *n = arg;
	struct snapshot *snap = snapshot_take(w.server);
	const struct active_policy *p = NULL;
	struct err e;

	rc r = policy_for(w.server, snap, n, &p, &e);
	snapshot_drop(snap);
	return rc_ok(r) ? w.server : NULL;
}

/* Who waits for the database does not make others wait for a lock. */
START_TEST(policies_load_side_by_side)
{
	struct sim *s = sim_alloc(&w, "n1", NULL);
	pthread_t thread[2];

	sim_join(&w, s); /* nothing was judged, so nothing is loaded yet */
	struct node n = stored(&w, s);
	world_ops(&w)->policy_active = slow_policies;
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
		    pthread_create(&thread[i], NULL, load_policies, &n), 0);
	for (int i = 0; i < 2; i++) {
		void *good = NULL;
		pthread_join(thread[i], &good);
		ck_assert_ptr_nonnull(good);
	}
	ck_assert_int_eq(atomic_load(&most), 2);
	int before = atomic_load(&calls);
	soft_tpm_boot(&s->tpm, GOLDEN_BOOT);
	struct shot shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
	ck_assert_int_eq(atomic_load(&calls), before); /* kept */
}
END_TEST

/* --- a policy that is activated meanwhile
 * ------------------------------------- */

static atomic_bool arrived, go;

static rc
late_commit(struct store *st, struct record *r, size_t n, struct err *e)
{
	atomic_store(&arrived, true);
	while (!atomic_load(&go))
		usleep(1000);
	return w.real->commit(st, r, n, e);
}

static void *
shoot(void *arg)
{
	struct shot *shot = arg;
	int fd = raw_dial(http_port(w.server->api), w.source);

	raw_send(fd, shot->body);
	return (void *)(intptr_t)fd;
}

static json_int_t
number(const struct answer *a, const char *path)
{
	return json_integer_value(json_at(a->json, path));
}

/* Other rules: one allowed path is another. */
static struct span
second_version(void)
{
	char *text = arena_printf(
	    &w.arena, "%.*s", (int)w.policy.n, (const char *)w.policy.p);
	char *at = strstr(text, "/opt/good-9");

	ck_assert_ptr_nonnull(at);
	at[10] = 'a';
	return span_str(text);
}

/* Judged before an activation, recorded after it: the verdict names the version
 * that judged, and the node is shown as not judged by what is in force. */
START_TEST(activated_before_the_commit)
{
	struct sim *s = sim_new(&w, "n1");
	const struct raw_request put = {.method = "POST",
	    .path = "/v1/policies/golden",
	    .token = w.operator,
	    .type = "application/json",
	    .body = second_version()};
	struct shot shot = aim(&w, s);
	pthread_t thread;
	void *fd = NULL;

	says(ask(&w, &put), 200, "");
	world_ops(&w)->commit = late_commit;
	struct shot sent = {.body = shot_bytes(&w, &shot)};
	ck_assert_int_eq(pthread_create(&thread, NULL, shoot, &sent), 0);
	pthread_join(thread, &fd);
	for (int i = 0; i < 1000 && !atomic_load(&arrived); i++)
		usleep(10000);
	ck_assert(atomic_load(&arrived));
	says(post(&w, "/v1/policies/golden/activate",
		 "{\"version\":2,\"selector\":{\"site\":\"lab\"}}"),
	    200, "");
	atomic_store(&go, true);
	struct answer a =
	    answer_of(&w, raw_receive((int)(intptr_t)fd, &w.arena));
	says(a, 200, "");
	a = get(&w, arena_printf(&w.arena, "/v1/verdicts/%s",
			text_at(a.json, "verdict")));
	ck_assert_int_eq(number(&a, "policy.version"), 1);
	a = get(&w, "/v1/nodes/n1");
	ck_assert_int_eq(number(&a, "judged_by.version"), 1);
	ck_assert_int_eq(number(&a, "policy.version"), 2);
	ck_assert(json_is_false(json_at(a.json, "policy_current")));
	shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
	a = get(&w, "/v1/nodes/n1");
	ck_assert_int_eq(number(&a, "judged_by.version"), 2);
	ck_assert(json_is_true(json_at(a.json, "policy_current")));
}
END_TEST

/* --- what a list asks for
 * ------------------------------------------------------ */

static atomic_int node_gets;

static rc
counted_node_get(struct store *st, const struct uuid *tenant,
    const struct uuid *id, const uint8_t *challenge, struct arena *a,
    struct node *out, struct err *e)
{
	atomic_fetch_add(&node_gets, 1);
	return w.real->node_get(st, tenant, id, challenge, a, out, e);
}

START_TEST(lists_load_no_nodes)
{
	struct sim *s = sim_new(&w, "n1");
	struct shot shot = aim(&w, s);

	judged(&w, &shot, "pass", "");
	node_cache_forget(w.server, &s->id, NODE_ANY_VERSION);
	world_ops(&w)->node_get = counted_node_get;
	struct answer a = get(&w, "/v1/verdicts");
	says(a, 200, "");
	ck_assert_str_eq(text_at(a.json, "items.0.node"), "n1");
	ck_assert_int_eq(atomic_load(&node_gets), 0);
}
END_TEST

/* --- events
 * ------------------------------------------------------------------ */

static void
setup_budget(void)
{
	static const char *const settings[] = {
	    "AKASHID_LIMITS_EVENTS_PER_HOUR=3", NULL};

	world_begin(&w, settings);
}

/* A flipped signature: an event of the node, and no verdict. */
static void
fire_bad(struct sim *s)
{
	struct shot bad = aim(&w, s);

	bad.how.flip_signature = 8 * 20 + 1;
	says(fire(&w, &bad), 403, "quote.signature");
}

/* A node keeps its evidence bad: its events end, those of others do not. */
START_TEST(events_have_a_budget)
{
	struct sim *a = sim_new(&w, "n1"), *b = sim_new(&w, "n2");
	uint64_t before = events(&w);

	for (int i = 0; i < 20; i++)
		fire_bad(a);
	await_events(&w, before + 3);
	fire_bad(b);
	await_events(&w, before + 4);
	ck_assert_uint_eq(events(&w), before + 4);
	/* Strangers share what their source has. */
	for (int i = 0; i < 10; i++) {
		struct shot stray = aim(&w, b);
		char *token = arena_printf(&w.arena, "%s", b->token);
		token[80] = token[80] == 'A' ? 'B' : 'A';
		stray.token = token;
		says(fire(&w, &stray), 401, "node.token");
	}
	fire_bad(b);
	await_events(&w, before + 8);
	ck_assert_uint_eq(events(&w), before + 8);
	struct shot good = aim(&w, a);
	judged(&w, &good, "pass", "");
}
END_TEST

TCase *
fault_cases(void)
{
	TCase *t = tcase_create("faults");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, activation_answer_lost);
	tcase_add_test(t, commit_fails);
	tcase_add_test(t, policies_load_side_by_side);
	tcase_add_test(t, activated_before_the_commit);
	tcase_add_test(t, lists_load_no_nodes);
	return t;
}

TCase *
budget_cases(void)
{
	TCase *t = tcase_create("budget");

	tcase_add_checked_fixture(t, setup_budget, teardown);
	tcase_add_test(t, events_have_a_budget);
	return t;
}

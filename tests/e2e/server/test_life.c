/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a policy over the API: who may take which step, for which nodes
 * it holds, and whose signature it bears. */
#include "e2e/server/cases.h"

#include "base/text.h"
#include "record/policy.h"
#include "verify/jws.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct world w;
static char author[TOKEN_TEXT], approver[TOKEN_TEXT], viewer[TOKEN_TEXT];

static void
make(const char *name, const char *role, char token[TOKEN_TEXT])
{
	struct answer a = post(&w, "/v1/operators",
	    arena_printf(
		&w.arena, "{\"name\":\"%s\",\"role\":\"%s\"}", name, role));

	says(a, 200, "");
	snprintf(token, TOKEN_TEXT, "%s", text_at(a.json, "token"));
}

/* The first policy was put while one person was enough. */
static void
people(void)
{
	make("anna", "author", author);
	make("bert", "approver", approver);
	make("vera", "viewer", viewer);
}

static void
setup(void)
{
	world_begin(&w, NULL);
	people();
}

static void
teardown(void)
{
	world_end(&w);
}

static void
two_needed(void)
{
	struct conf *c = (struct conf *)(uintptr_t)conf_take(w.server->conf);

	c->policy_four_eyes = true;
	conf_drop(w.server->conf, c);
}

/* The golden document with one allowed path changed: other rules. */
static struct span
variant(char digit)
{
	char *text = arena_printf(
	    &w.arena, "%.*s", (int)w.policy.n, (const char *)w.policy.p);
	char *at = strstr(text, "/opt/good-9");

	ck_assert_ptr_nonnull(at);
	at[10] = digit;
	return span_str(text);
}

static struct answer
apply(const char *token, struct span document, const char *header)
{
	const struct raw_request q = {.method = "POST",
	    .path = "/v1/policies/golden",
	    .token = token,
	    .type = "application/json",
	    .body = document,
	    .header = header};

	return ask(&w, &q);
}

static struct answer
take(const char *token, const char *step, const char *body)
{
	return post_as(&w, token,
	    arena_printf(&w.arena, "/v1/policies/golden/%s", step), body);
}

static json_int_t
number(const struct answer *a, const char *path)
{
	return json_integer_value(json_at(a->json, path));
}

static const char *
state_of(int version)
{
	struct answer a = get(&w, "/v1/policies/golden");

	says(a, 200, "");
	return number(&a, "version") == version ? text_at(a.json, "state") : "";
}

static struct answer
approve(const char *token, struct span document, int version)
{
	struct policy *p;
	uint8_t hash[32];
	struct err e;

	ck_rc_ok(policy_decode(document, &p, &e));
	policy_hash(p, hash);
	policy_unref(p);
	return take(token, "approve",
	    arena_printf(&w.arena, "{\"version\":%d,\"hash\":\"%s\"}", version,
		hex_string(&w.arena, span_of(hash, 32))));
}

#define ACTIVATE(n) "{\"version\":" #n ",\"selector\":{\"site\":\"lab\"}}"

/* --- who ------------------------------------------------------------------ */

static const struct {
	const char *path, *body;
	bool author, approver;
} rights[] = {
    {"/v1/policies/golden/approve", "{}", false, true},
    {"/v1/policies/golden/stage", "{}", false, true},
    {"/v1/policies/golden/activate", "{}", false, true},
    {"/v1/policies/golden/rollback", "{}", false, true},
    {"/v1/policies/golden/retire", "{}", false, true},
    {"/v1/policies/other", "{}", true, false},
    {"/v1/tokens", "{}", false, false},
    {"/v1/nodes/n1/approve", "{}", false, false},
    {"/v1/nodes/n1/clear", "{}", false, false},
    {"/v1/operators", "{}", false, false},
};

START_TEST(roles_bound)
{
	for (size_t i = 0; i < sizeof(rights) / sizeof(rights[0]); i++) {
		const char *const path = rights[i].path;
		says(post_as(&w, viewer, path, rights[i].body), 403,
		    "auth.forbidden");
		ck_assert_int_eq(
		    post_as(&w, author, path, rights[i].body).status == 403,
		    !rights[i].author);
		ck_assert_int_eq(
		    post_as(&w, approver, path, rights[i].body).status == 403,
		    !rights[i].approver);
	}
	const struct raw_request q = {
	    .method = "GET", .path = "/v1/nodes", .token = viewer};
	says(ask(&w, &q), 200, "");
}
END_TEST

START_TEST(operators_come_and_go)
{
	struct answer a = get(&w, "/v1/operators");
	char second[TOKEN_TEXT];

	says(a, 200, "");
	ck_assert_uint_eq(json_array_size(json_at(a.json, "items")), 4);
	ck_assert_str_eq(text_at(a.json, "items.0.role"), "admin");
	says(
	    post(&w, "/v1/operators", "{\"name\":\"anna\",\"role\":\"admin\"}"),
	    409, "operator.name");
	says(post(&w, "/v1/operators", "{\"name\":\"x\",\"role\":\"king\"}"),
	    400, "json.range");
	const char *id = NULL;
	for (size_t i = 0; i < 4; i++) {
		const char *at = arena_printf(&w.arena, "items.%zu.name", i);
		if (strcmp(text_at(a.json, at), "anna") == 0)
			id = text_at(
			    a.json, arena_printf(&w.arena, "items.%zu.id", i));
	}
	ck_assert_ptr_nonnull(id);
	says(post(&w, arena_printf(&w.arena, "/v1/operators/%s/revoke", id),
		 "{}"),
	    200, "");
	says(apply(author, w.policy, NULL), 401, "auth.invalid");
	make("anna", "author", second);
	says(apply(second, w.policy, NULL), 200, "");
	says(post(&w,
		 "/v1/operators/01890000-0000-7000-8000-000000000000/revoke",
		 "{}"),
	    404, "operator.unknown");
}
END_TEST

/* --- draft, approved, active ---------------------------------------------- */

START_TEST(four_eyes)
{
	struct sim *s = sim_new(&w, "n1");
	struct span next = variant('a');

	two_needed();
	says(apply(author, next, NULL), 200, "");
	ck_assert_str_eq(state_of(2), "draft");
	struct answer list = get(&w, "/v1/policies");
	ck_assert_str_eq(text_at(list.json, "items.0.terms.mode"), "enforce");
	ck_assert(json_is_null(json_at(list.json, "items.0.terms.class")));
	says(take(approver, "activate", ACTIVATE(2)), 409, "policy.unapproved");
	says(take(approver, "stage", "{\"version\":2,\"percent\":50}"), 409,
	    "policy.unapproved");
	says(approve(author, next, 2), 403, "auth.forbidden");
	/* Written by the administrator, who made the approver's token. */
	says(apply(w.operator, variant('b'), NULL), 200, "");
	says(approve(w.operator, variant('b'), 3), 403, "policy.own");
	says(approve(approver, variant('b'), 3), 403, "policy.own");
	says(approve(approver, variant('c'), 2), 412, "policy.changed");
	says(approve(approver, next, 2), 200, "");
	says(take(approver, "activate", ACTIVATE(2)), 200, "");
	struct answer a = get(&w, "/v1/policies/golden/history");
	says(a, 200, "");
	ck_assert_str_eq(text_at(a.json, "items.0.step"), "activate");
	ck_assert_str_eq(text_at(a.json, "items.0.actor"), "bert");
	ck_assert_str_eq(text_at(a.json, "items.1.step"), "approve");
	ck_assert(json_is_true(json_at(a.json, "items.1.four_eyes")));
	/* The verdict says by whom. */
	struct shot shot = aim(&w, s);
	a = judged(&w, &shot, "pass", "");
	a = get(&w, arena_printf(&w.arena, "/v1/verdicts/%s",
			text_at(a.json, "verdict")));
	ck_assert_int_eq(number(&a, "policy.version"), 2);
	ck_assert_str_eq(text_at(a.json, "policy.author"), "anna");
	ck_assert_str_eq(text_at(a.json, "policy.approver"), "bert");
	ck_assert(json_is_true(json_at(a.json, "policy.four_eyes")));
}
END_TEST

START_TEST(one_person)
{
	struct sim *s = sim_new(&w, "n1");
	struct shot shot = aim(&w, s);
	struct answer a = judged(&w, &shot, "pass", "");

	a = get(&w, arena_printf(&w.arena, "/v1/verdicts/%s",
			text_at(a.json, "verdict")));
	ck_assert_str_eq(text_at(a.json, "policy.approver"), "admin");
	ck_assert(json_is_false(json_at(a.json, "policy.four_eyes")));
	a = get(&w, "/v1/policies/golden");
	ck_assert(json_is_false(json_at(a.json, "four_eyes")));
}
END_TEST

/* Of two who look, the first changes and the second is told. */
START_TEST(changed_meanwhile)
{
	struct answer a = get(&w, "/v1/policies/golden");
	const char *tag = raw_header(&a.raw, "etag", &w.arena);

	ck_assert_ptr_nonnull(tag);
	const char *header = arena_printf(&w.arena, "If-Match: %s\r\n", tag);
	says(apply(author, variant('a'), header), 200, "");
	says(apply(author, variant('b'), header), 412, "policy.changed");
	const struct raw_request late = {.method = "POST",
	    .path = "/v1/policies/golden/activate",
	    .token = w.operator,
	    .type = "application/json",
	    .body = span_str(ACTIVATE(2)),
	    .header = header};
	says(ask(&w, &late), 412, "policy.changed");
	says(apply(author, variant('b'), "If-Match: \"x\"\r\n"), 412,
	    "policy.changed");
	says(apply(author, variant('b'), "If-Match: *\r\n"), 200, "");
}
END_TEST

/* --- staged, retired ------------------------------------------------------ */

static json_int_t
judged_by(struct sim *s)
{
	struct shot shot = aim(&w, s);

	judged(&w, &shot, "pass", "");
	struct answer a =
	    get(&w, arena_printf(&w.arena, "/v1/nodes/%s", s->name));
	return number(&a, "judged_by.version");
}

START_TEST(staged_for_a_share)
{
	struct sim *s[4];
	uint32_t percent = 50;

	for (int i = 0; i < 4; i++)
		s[i] = sim_new(&w, arena_printf(&w.arena, "n%d", i));
	says(apply(author, variant('a'), NULL), 200, "");
	for (percent = 100; percent > 0; percent -= 25) {
		says(take(approver, "stage",
			 arena_printf(&w.arena,
			     "{\"version\":2,\"percent\":%u}", percent)),
		    200, "");
		for (int i = 0; i < 4; i++)
			ck_assert_int_eq(judged_by(s[i]),
			    policy_in_share("golden", &s[i]->id, percent) ? 2
									  : 1);
	}
	ck_assert_str_eq(state_of(2), "staged");
	says(take(approver, "stage", "{\"version\":2,\"percent\":0}"), 200, "");
	ck_assert_int_eq(judged_by(s[0]), 1);
	says(take(approver, "stage", "{\"version\":2,\"percent\":101}"), 400,
	    "json.range");
	says(take(approver, "stage", "{\"version\":2}"), 400, "json.missing");
}
END_TEST

START_TEST(staged_for_labels)
{
	struct sim *canary = sim_new(&w, "n1"), *other = sim_new(&w, "n2");

	says(post(&w, "/v1/nodes/n1/approve",
		 "{\"labels\":{\"site\":\"lab\",\"ring\":\"canary\"}}"),
	    200, "");
	says(apply(author, variant('a'), NULL), 200, "");
	says(take(approver, "stage",
		 "{\"version\":2,\"labels\":{\"ring\":\"canary\"}}"),
	    200, "");
	ck_assert_int_eq(judged_by(canary), 2);
	ck_assert_int_eq(judged_by(other), 1);
	says(take(approver, "activate", ACTIVATE(2)), 200, "");
	ck_assert_int_eq(judged_by(other), 2);
}
END_TEST

/* What is retired leaves its nodes without a policy: unknown, never pass. */
START_TEST(retired_while_in_force)
{
	struct sim *s = sim_new(&w, "n1");

	ck_assert_int_eq(judged_by(s), 1);
	says(take(approver, "retire", "{\"version\":1}"), 400, "json.missing");
	says(take(approver, "retire", "{\"version\":1,\"reason\":\"wrong\"}"),
	    200, "");
	struct shot shot = aim(&w, s);
	struct answer a = judged(&w, &shot, "unknown", "policy.none");
	ck_assert_str_eq(text_at(a.json, "status"), "unknown");
	says(take(approver, "activate", ACTIVATE(1)), 409, "policy.retired");
	a = get(&w, "/v1/policies/golden/history");
	ck_assert_str_eq(text_at(a.json, "items.0.reason"), "wrong");
	says(get(&w, "/v1/nodes/n1/policy"), 404, "policy.unknown");
}
END_TEST

START_TEST(effective_document)
{
	sim_new(&w, "n1");
	struct answer a = get(&w, "/v1/nodes/n1/policy");

	says(a, 200, "");
	ck_assert_str_eq(text_at(a.json, "name"), "golden");
	ck_assert_int_eq(number(&a, "version"), 1);
	ck_assert_int_eq(number(&a, "document.akashi_policy"), 1);
}
END_TEST

/* A derived policy judges as its composition, and says what came from where.
 */
START_TEST(derived_policy)
{
	struct sim *s = sim_new(&w, "n1");
	struct answer base = get(&w, "/v1/policies/golden");
	const char *hash = text_at(base.json, "hash");
	const struct raw_request put = {.method = "POST",
	    .path = "/v1/policies/web",
	    .token = author,
	    .type = "application/json",
	    .body = span_str(arena_printf(&w.arena,
		"{\"akashi_policy\":1,\"name\":\"web\",\"base\":[{\"name\":"
		"\"golden\",\"version\":1,\"hash\":\"%s\"}],\"replaces\":["
		"\"mode\"],\"mode\":\"observe\"}",
		hash))};
	struct raw_request bad = put;

	bad.body = span_str(arena_printf(&w.arena,
	    "{\"akashi_policy\":1,\"base\":[{\"name\":\"golden\","
	    "\"version\":2,\"hash\":\"%s\"}]}",
	    hash));
	says(ask(&w, &bad), 409, "policy.base");
	bad.body = span_str(arena_printf(&w.arena,
	    "{\"akashi_policy\":1,\"base\":[{\"name\":\"golden\","
	    "\"version\":1,\"hash\":\"00%s\"}]}",
	    hash + 2));
	says(ask(&w, &bad), 409, "policy.base");
	bad.body = span_str(arena_printf(&w.arena,
	    "{\"akashi_policy\":1,\"base\":[{\"name\":\"golden\","
	    "\"version\":1,\"hash\":\"%s\"}],\"mode\":\"observe\"}",
	    hash));
	says(ask(&w, &bad), 400, "policy.replaces");
	says(ask(&w, &put), 200, "");
	says(take(approver, "retire", "{\"version\":1,\"reason\":\"now web\"}"),
	    200, "");
	says(ask(&w, &put), 409, "policy.base"); /* of a retired one */
	says(post_as(&w, approver, "/v1/policies/web/activate", ACTIVATE(1)),
	    200, "");
	struct answer a = get(&w, "/v1/nodes/n1/policy");
	says(a, 200, "");
	ck_assert_str_eq(text_at(a.json, "name"), "web");
	ck_assert_str_eq(text_at(a.json, "document.mode"), "observe");
	ck_assert_ptr_null(json_at(a.json, "document.base"));
	ck_assert_str_eq(text_at(a.json, "origins.mode.from"), "own");
	const json_t *origins = json_at(a.json, "origins");
	const json_t *boot = json_object_get(origins, "boot.4");
	ck_assert_str_eq(
	    json_string_value(json_object_get(boot, "name")), "golden");
	/* Only observed: what failed before warns now. */
	soft_tpm_boot(&s->tpm, "grub-sb-cmdline");
	struct shot shot = aim(&w, s);
	a = fire(&w, &shot);
	says(a, 200, "");
	ck_assert_str_eq(text_at(a.json, "status"), "warning");
}
END_TEST

/* --- signatures
 * ---------------------------------------------------------------- */

static char key_file[64];
static struct sign_key *key, *stranger;

static void
run(const char *command)
{
	ck_assert_msg(system(command) == 0, "%s", command);
}

static struct sign_key *
new_key(const char *kind, const char *public_file)
{
	static char text[8192];
	struct sign_key *k;
	struct err e;
	char name[64];

	snprintf(name, sizeof(name), "/tmp/akashid-test.%d.key", (int)getpid());
	run(arena_printf(
	    &w.arena, "openssl genpkey %s -out %s 2>/dev/null", kind, name));
	if (public_file)
		run(arena_printf(&w.arena,
		    "openssl pkey -in %s -pubout -out %s", name, public_file));
	FILE *f = fopen(name, "re");
	ck_assert_ptr_nonnull(f);
	size_t n = fread(text, 1, sizeof(text), f);
	fclose(f);
	unlink(name);
	ck_rc_ok(jws_key_private(span_of(text, n), &k, &e));
	return k;
}

static void
setup_signed(void)
{
	static const char *const kinds[] = {
	    "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
	    "-algorithm ED25519",
	    "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"};

	world_begin(&w, NULL);
	people();
	snprintf(key_file, sizeof(key_file), "/tmp/akashid-test.%d.pub",
	    (int)getpid());
	key = new_key(kinds[getpid() % 3], key_file);
	stranger = new_key(kinds[0], NULL);
	char setting[128];
	snprintf(setting, sizeof(setting), "AKASHID_POLICY_AUTHOR_KEYS=%s",
	    key_file);
	char *env[] = {(char *)(uintptr_t) "AKASHID_TLS_MODE=off",
	    (char *)(uintptr_t) "AKASHID_POLICY_FOUR_EYES=false",
	    (char *)(uintptr_t) "AKASHID_POLICY_REQUIRE_SIGNATURE=true",
	    (char *)(uintptr_t) "AKASHID_ATTEST_PCRS=sha256:0,1,2,3,4,5,6,7,8,"
				"9,10,11,12,13,14,15",
	    (char *)(uintptr_t) "AKASHID_LOG_LEVEL=error", setting, NULL};
	struct conf *c;
	struct err e = {0};
	ck_rc_ok(conf_load(NULL, env, &c, &e));
	rc r = server_reload(w.server, c, &e);
	ck_assert_msg(rc_ok(r), "%s %s", e.path, e.text);
}

static void
teardown_signed(void)
{
	sign_key_free(key);
	sign_key_free(stranger);
	unlink(key_file);
	world_end(&w);
}

static const char *
signature(const struct sign_key *k, struct span document, const char *name,
    int64_t at)
{
	struct policy *p;
	struct err e;
	struct buf b = {0};
	const struct jws_claims claims = {
	    .policy = span_str(name), .signed_at = at};

	ck_rc_ok(policy_decode(document, &p, &e));
	buf_puts(&b, "Akashi-Signature: ");
	ck_rc_ok(jws_sign(k, &claims, policy_canonical(p), &b, &e));
	buf_puts(&b, "\r\n");
	policy_unref(p);
	const char *out =
	    arena_printf(&w.arena, "%.*s", (int)b.n, (const char *)b.p);
	buf_free(&b);
	return out;
}

#define AT(n) ((int64_t)1800000000 * TIME_S + (n)*TIME_S)

START_TEST(signed_policies)
{
	struct sim *s = sim_new(&w, "n1");
	struct span one = variant('a'), two = variant('b');

	/* What was in force before and is not signed judges nothing now. */
	struct shot shot = aim(&w, s);
	judged(&w, &shot, "unknown", "policy.untrusted");
	says(apply(author, one, NULL), 403, "policy.unsigned");
	says(apply(author, one, signature(stranger, one, "golden", AT(1))), 403,
	    "policy.signature");
	says(apply(author, one, signature(key, one, "other", AT(1))), 403,
	    "policy.signature");
	says(apply(author, one, signature(key, two, "golden", AT(1))), 403,
	    "policy.signature");
	char *flipped =
	    arena_printf(&w.arena, "%s", signature(key, one, "golden", AT(1)));
	size_t n = strlen(flipped);
	flipped[n - 20] = flipped[n - 20] == 'A' ? 'B' : 'A';
	says(apply(author, one, flipped), 403, "policy.signature");
	says(apply(author, one, "Akashi-Signature: a.b.c\r\n"), 403,
	    "policy.signature");
	says(
	    apply(author, one, signature(key, one, "golden", AT(10))), 200, "");
	says(take(approver, "activate", ACTIVATE(1)), 403, "policy.unsigned");
	says(take(approver, "activate", ACTIVATE(2)), 200, "");
	shot = aim(&w, s);
	struct answer a = judged(&w, &shot, "pass", "");
	a = get(&w, arena_printf(&w.arena, "/v1/verdicts/%s",
			text_at(a.json, "verdict")));
	ck_assert_str_eq(text_at(a.json, "policy.signed_by"), sign_key_id(key));
	/* Signed earlier than what is in force: no way back but to sign it
	 * again. */
	says(apply(author, two, signature(key, two, "golden", AT(5))), 200, "");
	says(take(approver, "activate", ACTIVATE(3)), 409,
	    "policy.signed_earlier");
	says(take(approver, "stage", "{\"version\":3,\"percent\":10}"), 409,
	    "policy.signed_earlier");
	says(
	    apply(author, two, signature(key, two, "golden", AT(20))), 200, "");
	says(take(approver, "activate", ACTIVATE(4)), 200, "");
	says(take(approver, "rollback", "{}"), 409, "policy.signed_earlier");
	shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
}
END_TEST

TCase *
life_cases(void)
{
	TCase *t = tcase_create("life");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, roles_bound);
	tcase_add_test(t, operators_come_and_go);
	tcase_add_test(t, four_eyes);
	tcase_add_test(t, one_person);
	tcase_add_test(t, changed_meanwhile);
	tcase_add_test(t, staged_for_a_share);
	tcase_add_test(t, staged_for_labels);
	tcase_add_test(t, retired_while_in_force);
	tcase_add_test(t, effective_document);
	tcase_add_test(t, derived_policy);
	return t;
}

TCase *
signed_cases(void)
{
	TCase *t = tcase_create("signed");

	tcase_add_checked_fixture(t, setup_signed, teardown_signed);
	tcase_add_test(t, signed_policies);
	return t;
}

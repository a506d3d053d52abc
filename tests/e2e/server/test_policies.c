/* SPDX-License-Identifier: Apache-2.0 */
/* Policies over the API, and what a node that has none, or two, is told. */
#include "e2e/server/cases.h"

#include <stdio.h>

static struct world w;
static struct sim *s;

static void
setup(void)
{
	world_begin(&w, NULL);
	s = sim_new(&w, "n1");
}

static void
teardown(void)
{
	world_end(&w);
}

static struct answer
apply(const char *name, struct span document)
{
	const struct raw_request q = {.method = "POST",
	    .path = arena_printf(&w.arena, "/v1/policies/%s", name),
	    .token = w.operator,
	    .type = "application/json",
	    .body = document};

	return ask(&w, &q);
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

static json_int_t
version(const struct answer *a, const char *key)
{
	return json_integer_value(json_at(a->json, key));
}

START_TEST(versions)
{
	struct answer a = apply("golden", w.policy);

	says(a, 200, ""); /* the same again */
	ck_assert_int_eq(version(&a, "version"), 1);
	const char *hash = text_at(a.json, "hash");
	a = apply("golden", variant('a'));
	says(a, 200, "");
	ck_assert_int_eq(version(&a, "version"), 2);
	ck_assert_int_eq(version(&a, "active_version"), 1);
	ck_assert_str_ne(text_at(a.json, "hash"), hash);
	a = get(&w, "/v1/policies/golden/1");
	says(a, 200, "");
	ck_assert(span_eq(a.raw.body, w.policy));
	a = get(&w, "/v1/policies");
	says(a, 200, "");
	ck_assert_uint_eq(json_array_size(json_at(a.json, "items")), 1);
}
END_TEST

START_TEST(documents_refused)
{
	static const char *const bad[] = {"{", "[]", "{}",
	    "{\"format\":\"akashi-policy-1\"}", "null", "\"x\""};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct answer a = apply("other", span_str(bad[i]));
		ck_assert_msg(a.status == 400, "%s: %d", bad[i], a.status);
	}
	/* A finding of verdicts that refuses a document is no success. */
	says(apply("other",
		 span_str("{\"akashi_policy\":1,\"name\":\"x\",\"mode\":"
			  "\"enforce\",\"pcrs\":{\"sha256\":[0,1]},"
			  "\"boot\":{\"0\":{\"values\":[{\"sha256\":\""
			  "eaa650ae9b6b9c6d0ef4fab4dda3af9769f23c839ca3c98307"
			  "a7a84831cbb472\"}]}}}")),
	    422, "boot.pcr_unruled");
	says(apply("Other", w.policy), 400, "name.format");
	says(get(&w, "/v1/policies/other"), 404, "policy.unknown");
	says(apply("other", w.policy), 200, "");
}
END_TEST

static const struct {
	const char *body;
	int status;
	const char *code;
} activations[] = {
    {"{\"version\":7,\"selector\":{}}", 404, "policy.unknown"},
    {"{\"version\":0,\"selector\":{}}", 400, "json.range"},
    {"{\"version\":1}", 400, "json.missing"},
    {"{\"version\":1,\"selector\":[]}", 400, "json.type"},
    {"{\"version\":1,\"selector\":{\"a\":1}}", 400, "json.type"},
    {"{\"version\":1,\"selector\":{},\"force\":true}", 400,
	"json.unknown_field"},
};

START_TEST(activation_faults)
{
	struct shot shot = aim(&w, s);

	says(post(&w, "/v1/policies/golden/activate", activations[_i].body),
	    activations[_i].status, activations[_i].code);
	says(post(&w, "/v1/policies/none/activate",
		 "{\"version\":1,\"selector\":{}}"),
	    404, "policy.unknown");
	judged(&w, &shot, "pass", ""); /* the golden one is still in force */
}
END_TEST

START_TEST(roll_back)
{
	says(post(&w, "/v1/policies/golden/rollback", "{}"), 404,
	    "policy.unknown");
	says(apply("golden", variant('a')), 200, "");
	struct answer a = post(&w, "/v1/policies/golden/activate",
	    "{\"version\":2,\"selector\":{\"site\":\"nowhere\"}}");
	says(a, 200, "");
	struct shot shot = aim(&w, s);
	a = judged(&w, &shot, "unknown", "policy.none");
	ck_assert_str_eq(text_at(a.json, "status"), "unknown");
	a = post(&w, "/v1/policies/golden/rollback", "{}");
	says(a, 200, "");
	ck_assert_int_eq(version(&a, "active_version"), 1);
	ck_assert_str_eq(text_at(a.json, "selector.site"), "lab");
	shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
	says(post(&w, "/v1/policies/golden/rollback", "{}"), 404,
	    "policy.unknown");
}
END_TEST

START_TEST(ambiguous)
{
	says(apply("second", w.policy), 200, "");
	says(post(&w, "/v1/policies/second/activate",
		 "{\"version\":1,\"selector\":{}}"),
	    200, "");
	struct shot shot = aim(&w, s);
	struct answer a = judged(&w, &shot, "unknown", "policy.ambiguous");
	ck_assert_str_eq(text_at(a.json, "status"), "unknown");
	ck_assert_ptr_null(strstr((const char *)a.raw.body.p, "\"second"));
	says(post(&w, "/v1/policies/second/activate",
		 "{\"version\":1,\"selector\":{\"site\":\"other\"}}"),
	    200, "");
	shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
}
END_TEST

/* Labels decide, and only an operator gives them. */
START_TEST(labels_decide)
{
	says(post(&w, "/v1/nodes/n1/approve", "{\"labels\":{\"site\":\"x\"}}"),
	    200, "");
	struct shot shot = aim(&w, s);
	judged(&w, &shot, "unknown", "policy.none");
	says(post(&w, "/v1/nodes/n1/approve",
		 "{\"labels\":{\"site\":\"lab\",\"rack\":\"1\"}}"),
	    200, "");
	shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
}
END_TEST

/* The golden document with members in place of its mode, active in the lab. */
static void
activate_with(const char *members, int version)
{
	static const char mode[] = "\"mode\": \"enforce\",";
	const char *text = arena_printf(
	    &w.arena, "%.*s", (int)w.policy.n, (const char *)w.policy.p);
	const char *at = strstr(text, mode);

	ck_assert_ptr_nonnull(at);
	says(apply("golden",
		 span_str(arena_printf(&w.arena, "%.*s%s%s", (int)(at - text),
		     text, members, at + strlen(mode)))),
	    200, "");
	says(post(&w, "/v1/policies/golden/activate",
		 arena_printf(&w.arena,
		     "{\"version\":%d,\"selector\":{\"site\":\"lab\"}}",
		     version)),
	    200, "");
}

/* A policy bound to another class never applies, whatever the labels; one that
 * names regions does not apply where the verifier's is not among them. */
START_TEST(class_and_region)
{
	activate_with("\"class\": \"signing\",", 2);
	struct shot shot = aim(&w, s);
	judged(&w, &shot, "unknown", "policy.none");
	activate_with("\"class\": \"test\",\"interval\":\"90s\",", 3);
	shot = aim(&w, s);
	struct answer a = judged(&w, &shot, "pass", "");
	ck_assert_int_eq(version(&a, "interval_seconds"), 90);
	activate_with("\"regions\": [\"jp-east\"],", 4);
	shot = aim(&w, s);
	a = judged(&w, &shot, "unknown", "policy.region");
	ck_assert_str_eq(text_at(a.json, "status"), "unknown");
}
END_TEST

/* A waiver is named in the verdict, which does not hold longer than it. */
START_TEST(waived)
{
	char until[TIME_TEXT];
	const struct clock clock = clock_system();

	time_emit(clock_now(&clock) / TIME_S * TIME_S + 60 * TIME_S, until);
	activate_with(arena_printf(&w.arena,
			  "\"valid_for\":\"1h\",\"waivers\":[{\"code\":"
			  "\"ima.unknown_file\",\"owner\":\"ops\","
			  "\"approver\":\"ciso\",\"reason\":\"rollout\","
			  "\"expires\":\"%s\"}],",
			  until),
	    2);
	soft_tpm_boot(&s->tpm, "grub-sb-unexpected-exec");
	struct shot shot = aim(&w, s);
	struct answer a = judged(&w, &shot, "warn", "ima.unknown_file");
	ck_assert_str_eq(text_at(a.json, "status"), "warning");
	ck_assert_str_eq(text_at(a.json, "valid_until"), until);
	a = get(&w, arena_printf(&w.arena, "/v1/verdicts/%s",
			text_at(a.json, "verdict")));
	says(a, 200, "");
	ck_assert_str_eq(text_at(a.json, "reasons.0.effect"), "warn");
	ck_assert_str_eq(text_at(a.json, "reasons.0.waiver.approver"), "ciso");
}
END_TEST

/* --- what a node learns ----------------------------------------------------
 */

static const char *const boots[] = {"grub-sb-cmdline", "grub-sb-initrd",
    "grub-sb-kernel-old", "grub-sb-unexpected-exec", "grub-nosb-chainload"};

static void
learns_nothing(const struct answer *a)
{
	static const char *const words[] = {
	    "expected", "found", "message", "detail", "path", "golden"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		ck_assert_msg(!strstr((const char *)a->raw.body.p, words[i]),
		    "%s: %.*s", words[i], (int)a->raw.body.n,
		    (const char *)a->raw.body.p);
}

START_TEST(answers_tell_no_policy)
{
	soft_tpm_boot(&s->tpm, boots[_i]);
	struct shot shot = aim(&w, s);
	struct answer a = fire(&w, &shot);
	says(a, 200, "");
	ck_assert_str_eq(text_at(a.json, "status"), "untrusted");
	ck_assert_str_ne(text_at(a.json, "reasons.0.code"), "");
	learns_nothing(&a);
	const char *id = text_at(a.json, "verdict");
	a = fire(&w, &shot); /* nor the second time */
	learns_nothing(&a);
	/* The operator sees what it was. */
	a = get(&w, arena_printf(&w.arena, "/v1/verdicts/%s", id));
	says(a, 200, "");
	ck_assert_str_ne(text_at(a.json, "reasons.0.code"), "");
	ck_assert_str_ne(text_at(a.json, "reasons.0.message"), "");
}
END_TEST

/* --- verdicts ------------------------------------------------------------- */

START_TEST(verdict_shown)
{
	soft_tpm_boot(&s->tpm, "grub-sb-cmdline");
	struct shot shot = aim(&w, s);
	struct answer a = judged(&w, &shot, "fail", "boot.event.changed");
	const char *id = text_at(a.json, "verdict");
	a = get(&w, arena_printf(&w.arena, "/v1/verdicts/%s", id));
	says(a, 200, "");
	ck_assert_str_eq(text_at(a.json, "id"), id);
	ck_assert_str_eq(text_at(a.json, "node"), "n1");
	ck_assert_str_eq(text_at(a.json, "result"), "fail");
	ck_assert_str_eq(text_at(a.json, "code"), "boot.event.changed");
	ck_assert_str_eq(
	    text_at(a.json, "reasons.0.code"), "boot.event.changed");
	ck_assert_str_ne(text_at(a.json, "reasons.0.expected"), "");
	ck_assert_str_ne(text_at(a.json, "reasons.0.found"), "");
	ck_assert_str_eq(text_at(a.json, "policy.name"), "golden");
	ck_assert_int_eq(version(&a, "policy.version"), 1);
	struct answer p = get(&w, "/v1/policies/golden");
	ck_assert_str_eq(
	    text_at(a.json, "policy.hash"), text_at(p.json, "hash"));
	static const char *const hashes[] = {
	    "attest", "signature", "boot_log", "ima_segment"};
	for (size_t i = 0; i < 4; i++)
		ck_assert_uint_eq(strlen(text_at(a.json,
				      arena_printf(&w.arena,
					  "evidence_sha256.%s", hashes[i]))),
		    64);
	ck_assert_uint_eq(strlen(text_at(a.json, "statement_sha256")), 64);
	const json_t *checks = json_at(a.json, "checks");
	ck_assert_msg(json_object_size(checks) + json_array_size(checks) > 10,
	    "%.*s", (int)a.raw.body.n, (const char *)a.raw.body.p);
}
END_TEST

static size_t
count(const char *path)
{
	struct answer a = get(&w, path);

	says(a, 200, "");
	return json_array_size(json_at(a.json, "items"));
}

START_TEST(verdict_filters)
{
	struct sim *other = sim_new(&w, "n2");

	for (int i = 0; i < 3; i++) {
		struct shot good = aim(&w, s);
		judged(&w, &good, "pass", "");
	}
	soft_tpm_boot(&other->tpm, "grub-sb-cmdline");
	struct shot bad = aim(&w, other);
	judged(&w, &bad, "fail", "boot.event.changed");
	ck_assert_uint_eq(count("/v1/verdicts"), 4);
	ck_assert_uint_eq(count("/v1/verdicts?node=n1"), 3);
	ck_assert_uint_eq(count("/v1/verdicts?result=fail"), 1);
	ck_assert_uint_eq(count("/v1/verdicts?node=n1&result=fail"), 0);
	ck_assert_uint_eq(count("/v1/verdicts?since=2020-01-01T00:00:00Z"), 4);
	ck_assert_uint_eq(count("/v1/verdicts?since=2099-01-01T00:00:00Z"), 0);
	struct answer a = get(&w, "/v1/verdicts?limit=3");
	ck_assert_str_eq(text_at(a.json, "items.0.node"), "n2");
	ck_assert_uint_eq(json_array_size(json_at(a.json, "items")), 3);
	ck_assert_uint_eq(
	    count(arena_printf(&w.arena, "/v1/verdicts?limit=3&cursor=%s",
		text_at(a.json, "next"))),
	    1);
	ck_assert_ptr_null(strstr((const char *)a.raw.body.p, "expected"));
}
END_TEST

TCase *
policy_cases(void)
{
	TCase *t = tcase_create("policies");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, versions);
	tcase_add_test(t, documents_refused);
	loop_test(t, activation_faults, activations);
	tcase_add_test(t, roll_back);
	tcase_add_test(t, ambiguous);
	tcase_add_test(t, labels_decide);
	tcase_add_test(t, class_and_region);
	tcase_add_test(t, waived);
	loop_test(t, answers_tell_no_policy, boots);
	tcase_add_test(t, verdict_shown);
	tcase_add_test(t, verdict_filters);
	return t;
}

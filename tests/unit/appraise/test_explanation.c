/* SPDX-License-Identifier: Apache-2.0 */
/* What an explanation says of a node's past, of others and of the policy; the
 * texts of whole cases are in tests/vectors/explain. */
#include "appraise/explanation.h"
#include "appraise/policy_source.h"
#include "base/clock.h"
#include "lib/tap.h"

#include <stdlib.h>

static struct arena arena;
static struct reason why;

static void
setup(void)
{
	arena_init(&arena, 1 << 20);
	why = REASON(ERR_IMA_UNKNOWN_FILE, LAYER_MIDDLEWARE);
	why.effect = EFF_FAIL;
	why.message = "";
	why.path = "ima.entries[7]";
	why.found = "sha256:00 /usr/bin/new";
	why.rule = "ima.allow";
	why.pcr = 10;
}

static void
teardown(void)
{
	arena_free(&arena);
}

static json_t *
told(const struct explained *x, unsigned levels, const char *lang)
{
	struct buf out = {0};
	struct jw w = jw_over(&out);
	json_t *doc = NULL;

	jw_object(&w);
	ck_rc_ok(explanation_emit(x, levels, lang, &arena, &w, NULL));
	jw_object_end(&w);
	ck_rc_ok(json_decode(buf_span(&out), LIMIT_JSON, &doc, NULL));
	buf_free(&out);
	return doc;
}

static struct explained
failed(void)
{
	return (struct explained){.result = RESULT_FAIL,
	    .node = "web-1",
	    .reasons_n = 1,
	    .reasons = &why};
}

static void
manager_reads(const struct explained *x, const char *lang, const char *want)
{
	JSON_AUTO doc = told(x, EXPLAIN_MANAGEMENT, lang);

	ck_assert_str_eq(json_string_value(json_object_get(
			     json_object_get(doc, "sentence"), "management")),
	    want);
	ck_assert_ptr_null(json_object_get(doc, "reasons"));
}

#define FAILED                                                                 \
	"web-1 is not in the approved state. A program or file that nobody "   \
	"approved was used on this machine."
#define FAILED_JA                                                                                             \
	"web-1 は承認された状態ではありません。承認されていないプログラム又は" \
	"ファイルが、この機器で使われました。"

START_TEST(others)
{
	static const struct {
		uint64_t n;
		bool bounded;
		const char *en, *ja;
	} rows[] = {
	    {0, false, " No other machine shows this.",
		"同じ状態の機器は他にありません。"},
	    {1, false, " One other machine shows the same.",
		"同じ状態の機器が他に 1 台あります。"},
	    {12, false, " 12 other machines show the same.",
		"同じ状態の機器が他に 12 台あります。"},
	    {1000, true, " At least 1000 other machines show the same.",
		"同じ状態の機器が他に少なくとも 1000 台あります。"},
	    {0, true, "", ""},
	};
	struct explained x = failed();

	manager_reads(&x, "en", FAILED);
	x.others_known = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		x.others = rows[i].n;
		x.others_bounded = rows[i].bounded;
		manager_reads(
		    &x, "en", arena_printf(&arena, "%s%s", FAILED, rows[i].en));
		manager_reads(&x, "ja",
		    arena_printf(&arena, "%s%s", FAILED_JA, rows[i].ja));
	}
}
END_TEST

START_TEST(since)
{
	struct explained x = failed();

	x.first =
	    (struct explained_verdict){"01890a5d-ac96-774b-bcce-b302099a8057",
		INT64_C(1795132800) * TIME_S + 1};
	manager_reads(
	    &x, "en", FAILED " So it has been since 2026-11-20 00:00 UTC.");
	manager_reads(
	    &x, "ja", FAILED_JA "2026-11-20 00:00 UTC からこの状態です。");
	x.first_bounded = true;
	JSON_AUTO doc = told(&x, EXPLAIN_ALL, "en");
	ck_assert(json_is_true(
	    json_object_get(json_object_get(doc, "first_seen"), "or_earlier")));
}
END_TEST

/* A good verdict on a node that is held does not read as good news. */
START_TEST(held)
{
	struct explained x = {
	    .result = RESULT_PASS, .node = "web-1", .node_code = ERR_NODE_HELD};
	JSON_AUTO doc = told(&x, EXPLAIN_OPERATOR, "en");
	const json_t *next = json_object_get(doc, "next");

	ck_assert_ptr_nonnull(
	    strstr(json_string_value(json_object_get(
		       json_object_get(doc, "sentence"), "operator")),
		"Nothing to explain"));
	ck_assert_str_eq(
	    json_string_value(json_object_get(doc, "node_code")), "node.held");
	ck_assert_uint_eq(json_array_size(next), 1);
	ck_assert_str_eq(json_string_value(json_object_get(
			     json_array_get(next, 0), "command")),
	    "akashi node clear web-1 --reason 'examined, found good'");
	x.node_code = ERR_OK;
	JSON_AUTO fine = told(&x, EXPLAIN_OPERATOR, "en");
	ck_assert_uint_eq(json_array_size(json_object_get(fine, "next")), 0);
}
END_TEST

START_TEST(levels)
{
	ck_assert_uint_eq(
	    explain_level(span_str("management")), EXPLAIN_MANAGEMENT);
	ck_assert_uint_eq(
	    explain_level(span_str("operator")), EXPLAIN_OPERATOR);
	ck_assert_uint_eq(explain_level(span_str("analyst")), EXPLAIN_ANALYST);
	ck_assert_uint_eq(explain_level(span_str("all")), 0);
	ck_assert_uint_eq(explain_level(span_str("")), 0);
}
END_TEST

static const char policy_json[] =
    "{\"akashi_policy\":1,\"name\":\"p\",\"source\":\"build 7\","
    "\"pcrs\":{\"sha256\":[2,4,10]},"
    "\"boot\":{\"2\":{\"events\":[{\"type\":\"EV_SEPARATOR\",\"accept\":[{"
    "\"sha256\":"
    "\"df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119\","
    "\"source\":\"golden-3\"}]}]},"
    "\"4\":{\"values\":[{\"sha256\":"
    "\"df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119\"}]}},"
    "\"ima\":{\"allow\":[{\"files\":["
    "\"sha256:5409e235e5d7eaee9224c0568e49a98a548d0384d261604c685945921943a268 "
    "/init\"]}]}}";

START_TEST(sources)
{
	static const struct {
		const char *rule, *source;
	} rows[] = {
	    {"boot.2.events[0]", "golden-3"},
	    {"boot.2.events[1]", "build 7"},
	    {"boot.2.events[99999999999999999999]", "build 7"},
	    {"boot.4.values", "build 7"},
	    {"boot.24", "build 7"},
	    {"boot.x", "build 7"},
	    {"ima.allow", "build 7"},
	    {"secure_boot.required", "build 7"},
	    {NULL, NULL},
	};
	struct policy *p = NULL;
	struct err e = {0};

	rc r = policy_decode(span_str(policy_json), &p, &e);
	ck_assert_msg(rc_ok(r), "%s %s", e.path, e.text);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *got = policy_source(p, rows[i].rule);
		ck_assert_msg(got == rows[i].source ||
				  (got && rows[i].source &&
				      strcmp(got, rows[i].source) == 0),
		    "%s: %s", rows[i].rule, got);
		ck_assert_ptr_null(policy_source(NULL, rows[i].rule));
	}
	policy_unref(p);
}
END_TEST

START_TEST(words)
{
	for (int i = 0; i < EXPLAIN_WORDS; i++)
		ck_assert_str_ne(explain_word((enum explain_word)i, "en"),
		    explain_word((enum explain_word)i, "ja"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("explanation");
	TCase *t = tcase_create("explanation");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, others);
	tcase_add_test(t, since);
	tcase_add_test(t, held);
	tcase_add_test(t, levels);
	tcase_add_test(t, sources);
	tcase_add_test(t, words);
	suite_add_tcase(s, t);
	return tap_run(s);
}

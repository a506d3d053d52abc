/* SPDX-License-Identifier: Apache-2.0 */
/* How checks and reasons become a result, and what is shown of it. */
#include "appraise/verdict.h"
#include "lib/tap.h"

#include <locale.h>
#include <stdlib.h>
#include <time.h>

static struct arena arena;
static struct verdict v;

static void
setup(void)
{
	arena_init(&arena, 1 << 22);
	verdict_init(&v, &arena);
	for (int i = 0; i < CHECK_COUNT; i++)
		verdict_check(&v, (enum check_id)i, CHECK_PASSED);
}

static void
teardown(void)
{
	arena_free(&arena);
}

static void
add(enum err_code code, enum layer layer, enum err_effect effect)
{
	struct reason r = REASON(code, layer);

	verdict_add(&v, &r, effect);
}

/* Reasons, then the state of one check, then the result. */
static const struct fold_case {
	enum err_effect reasons[3];
	enum check_state check;
	enum result result;
} fold_cases[] = {
    {{EFF_NONE}, CHECK_PASSED, RESULT_PASS},
    {{EFF_NONE}, CHECK_NOT_APPLICABLE, RESULT_PASS},
    {{EFF_NONE}, CHECK_NOT_REQUIRED, RESULT_PASS},
    {{EFF_NONE}, CHECK_NOT_RUN, RESULT_NONE},
    {{EFF_NONE}, CHECK_FAILED, RESULT_NONE},
    {{EFF_WARN}, CHECK_PASSED, RESULT_WARN},
    {{EFF_WARN}, CHECK_NOT_RUN, RESULT_NONE},
    {{EFF_WARN}, CHECK_FAILED, RESULT_WARN},
    {{EFF_UNKNOWN}, CHECK_PASSED, RESULT_NONE},
    {{EFF_UNKNOWN, EFF_WARN}, CHECK_PASSED, RESULT_NONE},
    {{EFF_UNKNOWN, EFF_FAIL}, CHECK_PASSED, RESULT_FAIL},
    {{EFF_FAIL}, CHECK_PASSED, RESULT_FAIL},
    {{EFF_FAIL}, CHECK_NOT_RUN, RESULT_FAIL},
    {{EFF_WARN, EFF_FAIL, EFF_WARN}, CHECK_FAILED, RESULT_FAIL},
    {{EFF_REJECT}, CHECK_PASSED, RESULT_REJECT},
    {{EFF_REJECT}, CHECK_NOT_RUN, RESULT_REJECT},
    {{EFF_FAIL, EFF_REJECT, EFF_UNKNOWN}, CHECK_FAILED, RESULT_REJECT},
};

START_TEST(test_fold)
{
	const struct fold_case *c = &fold_cases[_i];

	v.checks[CHECK_POLICY_BOOT] = c->check;
	for (size_t i = 0; i < 3 && c->reasons[i]; i++) {
		struct reason r = REASON(ERR_IMA_PATH, LAYER_OS);
		r.event = (int64_t)i;
		verdict_add(&v, &r, c->reasons[i]);
	}
	verdict_fold(&v);
	ck_assert_str_eq(result_name(v.result), result_name(c->result));
}
END_TEST

START_TEST(test_nothing_ran)
{
	verdict_init(&v, &arena);
	verdict_fold(&v);
	ck_assert_int_eq(v.result, RESULT_NONE);
	for (int l = LAYER_FIRMWARE; l <= LAYER_MIDDLEWARE; l++)
		ck_assert_int_eq(v.layer_result[l], RESULT_NONE);
}
END_TEST

START_TEST(test_code_has_its_effect)
{
	add(ERR_LOG_REPLAY, LAYER_NONE, EFF_NONE);
	verdict_fold(&v);
	ck_assert_int_eq(v.result, RESULT_REJECT);
}
END_TEST

START_TEST(test_failed_stays_failed)
{
	verdict_check(&v, CHECK_POLICY_IMA, CHECK_FAILED);
	verdict_check(&v, CHECK_POLICY_IMA, CHECK_PASSED);
	ck_assert_int_eq(v.checks[CHECK_POLICY_IMA], CHECK_FAILED);
}
END_TEST

START_TEST(test_layers)
{
	for (int l = LAYER_FIRMWARE; l <= LAYER_MIDDLEWARE; l++)
		v.layer_judged[l] = true;
	add(ERR_BOOT_EVENT_CHANGED, LAYER_OS, EFF_NONE);
	add(ERR_IMA_PATH, LAYER_MIDDLEWARE, EFF_NONE);
	verdict_fold(&v);
	ck_assert_int_eq(v.layer_result[LAYER_FIRMWARE], RESULT_PASS);
	ck_assert_int_eq(v.layer_result[LAYER_BOOTLOADER], RESULT_PASS);
	ck_assert_int_eq(v.layer_result[LAYER_OS], RESULT_FAIL);
	ck_assert_int_eq(v.layer_result[LAYER_MIDDLEWARE], RESULT_WARN);
}
END_TEST

START_TEST(test_layer_not_judged)
{
	v.layer_judged[LAYER_FIRMWARE] = true;
	v.layer_judged[LAYER_MIDDLEWARE] = true;
	v.checks[CHECK_POLICY_IMA] = CHECK_NOT_REQUIRED;
	verdict_fold(&v);
	ck_assert_int_eq(v.result, RESULT_PASS);
	ck_assert_int_eq(v.layer_result[LAYER_FIRMWARE], RESULT_PASS);
	ck_assert_int_eq(v.layer_result[LAYER_OS], RESULT_NONE);
	ck_assert_int_eq(v.layer_result[LAYER_MIDDLEWARE], RESULT_NONE);
}
END_TEST

START_TEST(test_graver_reason_displaces)
{
	struct reason r = REASON(ERR_IMA_PATH, LAYER_MIDDLEWARE);

	for (int64_t i = 0; i < LIMIT_REASONS + 5; i++) {
		r.event = i;
		verdict_add(&v, &r, EFF_NONE);
	}
	ck_assert_uint_eq(v.reasons_dropped, 5);
	ck_assert(verdict_full(&v, ERR_IMA_PATH, EFF_NONE));
	ck_assert(!verdict_full(&v, ERR_BOOT_PCR, EFF_NONE));
	r.code = ERR_IMA_UNKNOWN_FILE;
	verdict_add(&v, &r, EFF_NONE);
	ck_assert_uint_eq(v.reasons_n, LIMIT_REASONS);
	ck_assert_uint_eq(v.reasons_dropped, 6);
	ck_assert_int_eq(
	    v.reasons[LIMIT_REASONS - 1].code, ERR_IMA_UNKNOWN_FILE);
	ck_assert_int_eq(v.reasons[LIMIT_REASONS - 2].event, LIMIT_REASONS - 2);
	verdict_fold(&v);
	ck_assert_int_eq(v.result, RESULT_FAIL);
}
END_TEST

START_TEST(test_gravest_first)
{
	add(ERR_IMA_PATH, LAYER_OS, EFF_NONE);
	add(ERR_BOOT_PCR, LAYER_OS, EFF_NONE);
	add(ERR_LOG_REPLAY, LAYER_OS, EFF_NONE);
	add(ERR_SB_DISABLED, LAYER_OS, EFF_NONE);
	verdict_fold(&v);
	ck_assert_int_eq(v.reasons[0].code, ERR_LOG_REPLAY);
	ck_assert_int_eq(v.reasons[1].code, ERR_BOOT_PCR);
	ck_assert_int_eq(v.reasons[2].code, ERR_SB_DISABLED);
	ck_assert_int_eq(v.reasons[3].code, ERR_IMA_PATH);
}
END_TEST

START_TEST(test_once_per_place)
{
	struct reason r = REASON(ERR_LOG_ABSENT, LAYER_NONE);

	r.path = "eventlog";
	verdict_add(&v, &r, EFF_NONE);
	r.layer = LAYER_FIRMWARE;
	verdict_add(&v, &r, EFF_NONE);
	ck_assert_uint_eq(v.reasons_n, 1);
}
END_TEST

START_TEST(test_full_arena_keeps_effect)
{
	struct reason r = REASON(ERR_LOG_REPLAY, LAYER_NONE);
	struct arena none;

	arena_init(&none, 0);
	verdict_init(&v, &none);
	r.path = "eventlog";
	verdict_add(&v, &r, EFF_NONE);
	verdict_fold(&v);
	ck_assert_int_eq(v.result, RESULT_REJECT);
	ck_assert_ptr_nonnull(v.reasons[0].message);
	ck_assert_str_eq(verdict_printable(&none, span_str("x")), "");
}
END_TEST

static const struct {
	const char *in;
	const char *out;
} printable_cases[] = {
    {"/usr/bin/ls", "/usr/bin/ls"},
    {"a\nb\x1b[31m", "a\\x0ab\\x1b[31m"},
    {"back\\slash", "back\\x5cslash"},
    {"\xe8\xa8\xbc", "\xe8\xa8\xbc"},
    {"\xe2\x80\xae"
     "evil",
	"\\xe2\\x80\\xaeevil"},
    {"\xc2\x9b", "\\xc2\\x9b"},
    {"\xff\xc3", "\\xff\\xc3"},
    {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
    {"\xc0\xaf", "\\xc0\\xaf"},
    {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
    {"", ""},
};

START_TEST(test_printable)
{
	ck_assert_str_eq(
	    verdict_printable(&arena, span_str(printable_cases[_i].in)),
	    printable_cases[_i].out);
}
END_TEST

static char *
emitted(void)
{
	struct buf out = {0};
	struct jw w = jw_over(&out);

	jw_object(&w);
	verdict_emit(&v, &w);
	jw_object_end(&w);
	ck_assert(!out.failed);
	return out.p;
}

START_TEST(test_emit)
{
	static const char *const known[] = {"result", "reasons", "pcrs",
	    "checks", "quirks", "root_of_trust", "limits", "policy", NULL};
	struct reason r = REASON(ERR_BOOT_PCR, LAYER_FIRMWARE);
	JSON_AUTO doc = NULL;

	r.path = "pcrs.sha256[0]";
	r.expected = "\xff";
	r.pcr = 0;
	verdict_add(&v, &r, EFF_NONE);
	verdict_quirk(&v, "padding");
	verdict_quirk(&v, "padding");
	v.policy_name = "p";
	v.observe = true;
	v.policy_mode = "observe";
	verdict_fold(&v);
	char *text = emitted();
	ck_rc_ok(json_decode(span_str(text), LIMIT_JSON, &doc, NULL));
	ck_rc_ok(json_only(doc, "", known, NULL));
	ck_assert_ptr_nonnull(strstr(text,
	    "\"reasons\":[{\"code\":\"boot.pcr\",\"class\":\"unapproved-"
	    "change\",\"layer\":\"firmware\",\"path\":\"pcrs.sha256[0]\""));
	ck_assert_ptr_nonnull(strstr(text, "\"pcr\":0,\"event\":null"));
	ck_assert_ptr_nonnull(strstr(text, "\"quirks\":[\"padding\"]"));
	ck_assert_ptr_nonnull(strstr(text, "\"mode\":\"observe\""));
	free(text);
}
END_TEST

/* The same verdict, byte for byte, whatever the machine's language and zone. */
START_TEST(test_emit_is_the_same_everywhere)
{
	struct reason r = REASON(ERR_BOOT_PCR, LAYER_OS);

	r.event = 1234567;
	verdict_add(&v, &r, EFF_NONE);
	verdict_fold(&v);
	char *here = emitted();
	setenv("TZ", "Asia/Tokyo", 1);
	setenv("LC_ALL", "de_DE.UTF-8", 1);
	tzset();
	setlocale(LC_ALL, "");
	char *there = emitted();
	ck_assert_str_eq(here, there);
	free(here);
	free(there);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("verdict");
	TCase *t = tcase_create("verdict");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(
	    t, test_fold, 0, sizeof(fold_cases) / sizeof(fold_cases[0]));
	tcase_add_test(t, test_nothing_ran);
	tcase_add_test(t, test_code_has_its_effect);
	tcase_add_test(t, test_failed_stays_failed);
	tcase_add_test(t, test_layers);
	tcase_add_test(t, test_layer_not_judged);
	tcase_add_test(t, test_graver_reason_displaces);
	tcase_add_test(t, test_gravest_first);
	tcase_add_test(t, test_once_per_place);
	tcase_add_test(t, test_full_arena_keeps_effect);
	tcase_add_loop_test(t, test_printable, 0,
	    sizeof(printable_cases) / sizeof(printable_cases[0]));
	tcase_add_test(t, test_emit);
	tcase_add_test(t, test_emit_is_the_same_everywhere);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return tap_run(suite());
}

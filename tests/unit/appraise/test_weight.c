/* SPDX-License-Identifier: Apache-2.0 */
/* What a finding counts: mode, severity, waivers; and whom a policy is for. */
#include "appraise/policy.h"
#include "base/clock.h"
#include "lib/tap.h"

#include <stdlib.h>
#include <string.h>

#define D1 "1111111111111111111111111111111111111111111111111111111111111111"
#define WITH(members)                                                          \
	"{\"akashi_policy\":1,\"name\":\"p\",\"pcrs\":{\"sha256\":[4]},"       \
	"\"boot\":{\"4\":{\"values\":[{\"sha256\":\"" D1 "\"}]}}," members "}"
#define PEOPLE                                                                 \
	"\"owner\":\"ops\",\"approver\":\"ciso\",\"reason\":\"new kernel\","
#define UNTIL "\"expires\":\"2026-11-21T00:00:00Z\""
#define WAIVER(scope) WITH("\"waivers\":[{" scope "," PEOPLE UNTIL "}]")

static struct arena arena;
static struct policy *policy;
static struct verdict v;
static int64_t before, after;

static void
setup(void)
{
	arena_init(&arena, 1 << 20);
	ck_rc_ok(time_parse(span_str("2026-11-20T23:59:59.999999Z"), &before));
	ck_rc_ok(time_parse(span_str("2026-11-21T00:00:00Z"), &after));
}

static void
teardown(void)
{
	policy_unref(policy);
	policy = NULL;
	arena_free(&arena);
}

static void
use(const char *json, int64_t now)
{
	struct err e = {0};

	policy_unref(policy);
	policy = NULL;
	rc r = policy_decode(span_str(json), &policy, &e);
	ck_assert_msg(rc_ok(r), "%s %s", err_name(r.code), e.path);
	verdict_init(&v, &arena);
	v.weighing = policy;
	v.now = now;
}

static enum err_effect
count(enum err_code code)
{
	struct reason r = REASON(code, LAYER_OS);

	r.path = "somewhere";
	return verdict_add(&v, &r, EFF_NONE);
}

static enum result
result_of(void)
{
	for (int i = 0; i < CHECK_COUNT; i++)
		verdict_check(&v, (enum check_id)i, CHECK_PASSED);
	verdict_fold(&v);
	return v.result;
}

START_TEST(severity_by_code)
{
	use(WITH("\"severity\":{\"boot.event.changed\":\"warn\","
		 "\"sb.disabled\":\"info\",\"ima.path\":\"fail\"}"),
	    before);
	ck_assert_int_eq(count(ERR_BOOT_PCR), EFF_FAIL);
	ck_assert_int_eq(count(ERR_BOOT_EVENT_CHANGED), EFF_WARN);
	ck_assert_int_eq(count(ERR_SB_DISABLED), EFF_NONE);
	ck_assert_int_eq(count(ERR_IMA_PATH), EFF_FAIL);
	ck_assert_int_eq(count(ERR_LOG_REPLAY), EFF_REJECT);
	ck_assert_int_eq(result_of(), RESULT_REJECT);
}
END_TEST

START_TEST(information_passes)
{
	use(WITH("\"severity\":{\"sb.disabled\":\"info\"}"), before);
	count(ERR_SB_DISABLED);
	ck_assert_int_eq(result_of(), RESULT_PASS);
	ck_assert_uint_eq(v.reasons_n, 1);
}
END_TEST

/* A policy under which nothing fails still refuses what cannot be believed. */
START_TEST(mode_warn)
{
	use(WITH("\"mode\":\"warn\""), before);
	ck_assert_int_eq(count(ERR_BOOT_PCR), EFF_WARN);
	ck_assert_int_eq(result_of(), RESULT_WARN);
	use(WITH("\"mode\":\"warn\""), before);
	ck_assert_int_eq(count(ERR_IMA_VIOLATION), EFF_FAIL);
	ck_assert_int_eq(count(ERR_LOG_UNMEASURED), EFF_FAIL);
	ck_assert_int_eq(count(ERR_POLICY_UNQUOTED), EFF_FAIL);
	ck_assert_int_eq(count(ERR_IMA_ABSENT), EFF_FAIL);
	ck_assert_int_eq(count(ERR_USERSPACE_ABSENT), EFF_FAIL);
	ck_assert_int_eq(count(ERR_QUOTE_SIGNATURE), EFF_REJECT);
	ck_assert_int_eq(count(ERR_EK_MISSING), EFF_UNKNOWN);
}
END_TEST

/* The rule's own word goes before that of the code. */
START_TEST(severity_by_rule)
{
	struct reason r = REASON(ERR_BOOT_EVENT_CHANGED, LAYER_OS);

	use(WITH("\"severity\":{\"boot.event.changed\":\"fail\"}"), before);
	r.by_rule = true;
	ck_assert_int_eq(verdict_add(&v, &r, EFF_WARN), EFF_WARN);
	r.event = 1;
	ck_assert_int_eq(verdict_add(&v, &r, EFF_NONE), EFF_NONE);
	r.code = ERR_LOG_DIGEST_DATA;
	ck_assert_int_eq(verdict_add(&v, &r, EFF_WARN), EFF_REJECT);
}
END_TEST

START_TEST(waived_until_then)
{
	use(WAIVER("\"code\":\"boot.pcr\""), before);
	ck_assert_int_eq(count(ERR_BOOT_PCR), EFF_WARN);
	ck_assert_int_eq(result_of(), RESULT_WARN);
	ck_assert_str_eq(v.reasons[0].waiver->owner, "ops");
	ck_assert_str_eq(v.reasons[0].waiver->approver, "ciso");
	ck_assert_int_eq(v.waived_until, after);
	use(WAIVER("\"code\":\"boot.pcr\""), after);
	ck_assert_int_eq(count(ERR_BOOT_PCR), EFF_FAIL);
	ck_assert_ptr_null(v.reasons[0].waiver);
	ck_assert_int_eq(v.waived_until, 0);
	use(WAIVER("\"code\":\"boot.pcr\""), before);
	ck_assert_int_eq(count(ERR_BOOT_EVENT_CHANGED), EFF_FAIL);
}
END_TEST

START_TEST(scope_of_a_waiver)
{
	static uint8_t digest[HASH_MAX];
	struct reason r = REASON(ERR_IMA_UNKNOWN_FILE, LAYER_MIDDLEWARE);

	memset(digest, 0x11, 32);
	use(WAIVER("\"code\":\"ima.unknown_file\",\"path\":\"/opt/*\","
		   "\"pcr\":10,\"digest\":\"sha256:" D1 "\""),
	    before);
	r.pcr = 10;
	r.file = span_str("/opt/tool");
	r.digest = digest;
	r.digest_alg = ALG_SHA256;
	r.event = 1;
	ck_assert_int_eq(verdict_add(&v, &r, EFF_NONE), EFF_WARN);
	r.event = 2;
	r.file = span_str("/opt/a/tool");
	ck_assert_int_eq(verdict_add(&v, &r, EFF_NONE), EFF_FAIL);
	r.event = 3;
	r.file = span_of(NULL, 0);
	ck_assert_int_eq(verdict_add(&v, &r, EFF_NONE), EFF_FAIL);
	r.event = 4;
	r.file = span_str("/opt/tool");
	r.pcr = 11;
	ck_assert_int_eq(verdict_add(&v, &r, EFF_NONE), EFF_FAIL);
	r.event = 5;
	r.pcr = 10;
	r.digest_alg = ALG_SM3_256;
	ck_assert_int_eq(verdict_add(&v, &r, EFF_NONE), EFF_FAIL);
	r.event = 6;
	r.digest_alg = ALG_SHA256;
	digest[31] = 0;
	ck_assert_int_eq(verdict_add(&v, &r, EFF_NONE), EFF_FAIL);
}
END_TEST

/* A waiver that the verdict cannot name is none. */
START_TEST(no_room_for_the_name)
{
	struct reason r = REASON(ERR_BOOT_PCR, LAYER_OS);
	struct arena none;

	use(WAIVER("\"code\":\"boot.pcr\""), before);
	arena_init(&none, 0);
	v.arena = &none;
	ck_assert_int_eq(verdict_add(&v, &r, EFF_NONE), EFF_FAIL);
	arena_free(&none);
}
END_TEST

START_TEST(whom_it_is_for)
{
	use(WITH("\"class\":\"ci\",\"regions\":[\"jp-east\",\"jp-west\"]"), 0);
	ck_assert_str_eq(policy_class(policy), "ci");
	ck_rc_ok(policy_applies(policy, "ci", "jp-west", NULL));
	ck_rc_ok(policy_applies(policy, NULL, "jp-east", NULL));
	ck_rc_is(
	    policy_applies(policy, "build", "jp-west", NULL), ERR_POLICY_NONE);
	ck_rc_is(policy_applies(policy, "", "jp-west", NULL), ERR_POLICY_NONE);
	ck_rc_is(
	    policy_applies(policy, "ci", "us-east", NULL), ERR_POLICY_REGION);
	ck_rc_is(policy_applies(policy, "ci", "", NULL), ERR_POLICY_REGION);
	ck_rc_is(policy_applies(policy, "ci", NULL, NULL), ERR_POLICY_REGION);
	use(WITH("\"source\":\"x\""), 0);
	ck_rc_ok(policy_applies(policy, "build", NULL, NULL));
}
END_TEST

START_TEST(modes)
{
	use(WITH("\"class\":\"ot\""), 0);
	ck_assert(policy_observe(policy));
	use(WITH("\"class\":\"ot\",\"mode\":\"enforce\""), 0);
	ck_assert_str_eq(policy_mode(policy), "enforce");
	use(WITH("\"class\":\"ci\""), 0);
	ck_assert_str_eq(policy_mode(policy), "enforce");
	use(WITH("\"interval\":\"5m\",\"valid_for\":\"15m\""), 0);
	ck_assert_int_eq(policy_interval(policy), 300 * TIME_S);
}
END_TEST

static bool
asked(int64_t now, const char *what)
{
	struct buf out = {0};

	policy_lint(policy, now, "en", &out);
	bool found = out.p && strstr(out.p, what);
	buf_free(&out);
	return found;
}

START_TEST(questions)
{
	use(WAIVER("\"code\":\"boot.pcr\""), 0);
	ck_assert(asked(after, "waivers[0]: the waiver has lapsed"));
	ck_assert(asked(before, "lapses within 14 days"));
	ck_assert(asked(0, "more than a year"));
	ck_assert(asked(before, "takes everything"));
	use(WAIVER("\"code\":\"ima.unknown_file\",\"path\":\"/opt/**\""), 0);
	ck_assert(asked(before, "takes whole folders"));
	use(WAIVER("\"code\":\"boot.pcr\",\"pcr\":4"), 0);
	ck_assert(!asked(before - 30 * 86400 * TIME_S, "waivers[0]"));
	use(WITH("\"severity\":{\"boot.pcr\":\"fail\",\"ima.path\":\"info\"}"),
	    0);
	ck_assert(asked(0, "severity.boot.pcr: it counts so anyway"));
	ck_assert(asked(0, "severity.ima.path: the finding counts for noth"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("weight");
	TCase *tc = tcase_create("weight");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, severity_by_code);
	tcase_add_test(tc, information_passes);
	tcase_add_test(tc, mode_warn);
	tcase_add_test(tc, severity_by_rule);
	tcase_add_test(tc, waived_until_then);
	tcase_add_test(tc, scope_of_a_waiver);
	tcase_add_test(tc, no_room_for_the_name);
	tcase_add_test(tc, whom_it_is_for);
	tcase_add_test(tc, modes);
	tcase_add_test(tc, questions);
	suite_add_tcase(s, tc);
	return tap_run(s);
}

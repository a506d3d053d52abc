/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules over the whole boot log: what may stand where, phases, boot attempts;
 * and what learn takes from logs that depart from the specification.
 */
#include "appraise/learn.h"
#include "lib/tap.h"

#include <stdio.h>
#include <string.h>

#define HEAD                                                                   \
	"{\"akashi_policy\":1,\"name\":\"x\",\"pcrs\":{\"sha256\":[4,5,7,8]}," \
	"\"boot\":{\"4\":{\"opaque\":\"a\"},\"5\":{\"opaque\":\"a\"},"         \
	"\"8\":{\"opaque\":\"a\"},\"7\":{\"values\":[{\"sha256\":\"" ZEROS     \
	"\"}]}}"
#define ZEROS                                                                  \
	"00000000000000000000000000000000"                                     \
	"00000000000000000000000000000000"

static struct arena arena;
static struct hasher *hasher;
static struct evlog golden;
static struct pcr_selections quoted;
static struct verdict v;

static void
setup(void)
{
	arena_init(&arena, (size_t)512 << 20);
	hasher = hasher_new();
	ck_rc_ok(evlog_decode(
	    tap_file(
		&arena, "/tests/vectors/vm/boots/grub-sb-golden/eventlog.bin"),
	    &arena, &golden, NULL));
	ck_rc_ok(pcr_selections_parse(
	    span_str("sha256:0,1,2,3,4,5,6,7,8,9,14"), &quoted, NULL));
}

static void
teardown(void)
{
	hasher_free(hasher);
	arena_free(&arena);
}

static struct boot_facts
facts_of(const struct evlog *log)
{
	struct boot_replay *replay = arena_alloc(&arena, sizeof(*replay));

	ck_assert_ptr_nonnull(replay);
	ck_rc_ok(boot_replay(log, NULL, hasher, &arena, replay, NULL));
	return (struct boot_facts){.log = log,
	    .replay = replay,
	    .quoted = &quoted,
	    .values = &replay->banks,
	    .hasher = hasher};
}

/* The document learned from a log, as text in the arena. */
static const char *
learned(const struct evlog *log, const char **notes)
{
	struct learn_options o = {.name = "golden"};
	struct golden g = {.boot = facts_of(log), .source = "here"};
	struct learn_note *list = NULL;
	struct buf out = {0};

	ck_rc_ok(policy_learn(&g, 1, &o, &arena, &out, &list, NULL));
	const char *text = arena_printf(&arena, "%s", out.p);
	buf_free(&out);
	*notes = "";
	for (; list; list = list->next)
		*notes = arena_printf(&arena, "%s%s\n", *notes, list->text);
	return text;
}

static void
judge(const char *document, const struct evlog *log)
{
	struct boot_facts f = facts_of(log);
	struct policy *p = NULL;
	struct err e = {0};
	rc r = policy_decode(span_str(document), &p, &e);

	ck_assert_msg(rc_ok(r), "%s %s %s", err_name(r.code), e.path, e.text);
	verdict_init(&v, &arena);
	ck_rc_ok(policy_eval_boot(p, &f, &v, NULL));
	policy_unref(p);
}

static size_t
count(enum err_code code)
{
	size_t n = 0;

	for (size_t i = 0; i < v.reasons_n; i++)
		n += v.reasons[i].code == code;
	return n;
}

/* The document with what stands between these replaced. */
static const char *
replaced(const char *document, const char *from, const char *to, const char *by)
{
	const char *start = strstr(document, from);
	const char *end = start ? strstr(start, to) : NULL;

	ck_assert_ptr_nonnull(end);
	return arena_printf(
	    &arena, "%.*s%s%s", (int)(start - document), document, by, end);
}

static const char *
emptied(const char *document)
{
	return replaced(
	    document, "\"exceptions\": [", "]", "\"exceptions\": [");
}

/* "log" stands between "boot" and the end of these documents. */
static const char *
without_log(const char *document)
{
	return replaced(document, ",\n  \"log\": {", "\n}", "");
}

/* The golden log; event `from` goes before event `to`. */
static struct evlog
moved(size_t from, size_t to)
{
	struct evlog log = golden;
	size_t n = 0;

	log.events = arena_array(&arena, log.events_n, sizeof(*log.events));
	for (size_t i = 0; i < golden.events_n; i++) {
		if (i == to)
			log.events[n++] = golden.events[from];
		if (i != from)
			log.events[n++] = golden.events[i];
	}
	for (size_t i = 0; i < n; i++)
		log.events[i].index = (uint32_t)i;
	ck_assert_uint_eq(n, golden.events_n);
	return log;
}

/* --- real logs ------------------------------------------------------------ */

enum { EXCEPTIONS = 2 };

struct exception {
	unsigned pcr;
	uint32_t type;
	bool after;
};

struct published {
	const char *file;
	size_t n;
	struct exception exceptions[EXCEPTIONS];
	size_t types, after; /* reasons where the exceptions are taken out */
	const char *attempts;
};

static void
check_exception(const json_t *log, size_t i, const struct exception *want)
{
	const json_t *x = json_array_get(json_object_get(log, "exceptions"), i);
	uint32_t type = UINT32_MAX;
	const char *name = json_string_value(json_object_get(x, "type"));

	if (name)
		type = evlog_type_by_name(span_str(name));
	else
		type = (uint32_t)json_integer_value(json_object_get(x, "type"));
	ck_assert_uint_eq(type, want->type);
	ck_assert_int_eq(json_integer_value(json_object_get(x, "pcr")),
	    (json_int_t)want->pcr);
	ck_assert_int_eq(
	    json_is_true(json_object_get(x, "after_separator")), want->after);
	ck_assert_str_eq(
	    json_string_value(json_object_get(x, "source")), "here");
}

START_TEST(learned_exceptions)
{
	static const struct published cases[] = {
	    {"rust-keylime/uefi_log.bin", 1, {{2, 0x8401, true}}, 1, 0, "warn"},
	    {"keylime/binary_bios_measurements", 1,
		{{1, EV_PLATFORM_CONFIG_FLAGS, true}}, 0, 1, "warn"},
	    {"acs/tpm2bios.log", 2,
		{{0, EV_ACTION, false}, {7, EV_ACTION, false}}, 2, 0, "pass"},
	    {"tpm2-tss/binary_measurements_pc_client.bin", 1,
		{{1, EV_EFI_VARIABLE_DRIVER_CONFIG, true}}, 0, 2, "pass"},
	    {"go-tpm-tools/eventlogs/arch-linux-workstation.bin", 0, {{0}}, 0,
		0, "pass"},
	    {"tpm2-tools/event-moklisttrusted.bin", 0, {{0}}, 0, 0, "warn"},
	};
	const struct published *c = &cases[_i];
	JSON_AUTO parsed = NULL;
	const char *notes;
	struct evlog log;
	struct span file =
	    tap_shared(&arena, arena_printf(&arena, "third-party/%s", c->file));

	if (!file.p)
		return;
	ck_rc_ok(evlog_decode(file, &arena, &log, NULL));
	const char *doc = learned(&log, &notes);
	ck_rc_ok(json_decode(span_str(doc), LIMIT_POLICY, &parsed, NULL));
	const json_t *rules = json_object_get(parsed, "log");
	ck_assert_uint_eq(
	    json_array_size(json_object_get(rules, "exceptions")), c->n);
	for (size_t i = 0; i < c->n; i++)
		check_exception(rules, i, &c->exceptions[i]);
	ck_assert_str_eq(
	    json_string_value(json_object_get(rules, "boot_attempts")),
	    c->attempts);
	ck_assert_int_eq(
	    strstr(notes, "became an exception") != NULL, c->n != 0);
	judge(doc, &log);
	ck_assert_msg(v.reasons_n == 0, "%s", err_name(v.reasons[0].code));
	judge(emptied(doc), &log);
	ck_assert_uint_eq(count(ERR_LOG_TYPE_IN_PCR), c->types);
	ck_assert_uint_eq(count(ERR_LOG_AFTER_SEPARATOR), c->after);
	ck_assert_uint_eq(v.reasons_n, c->types + c->after);
}
END_TEST

/* Without the member its own event rules say what a policy takes, but not for
 * an unknown type in PCR 7. */
START_TEST(rules_except_where_nothing_is_said)
{
	struct evlog log = moved(0, 0);
	const char *notes;
	const char *doc = learned(&golden, &notes);

	log.events[1].type = EV_EFI_GPT_EVENT;
	judge(doc, &log);
	ck_assert_uint_eq(count(ERR_LOG_TYPE_IN_PCR), 1);
	doc = learned(&log, &notes);
	ck_assert_ptr_nonnull(strstr(notes, "became an exception"));
	judge(doc, &log);
	ck_assert_uint_eq(v.reasons_n, 0);
	judge(without_log(doc), &log);
	ck_assert_uint_eq(v.reasons_n, 0);
	log.events[4].type = 0x8401;
	doc = learned(&log, &notes);
	ck_assert_ptr_nonnull(strstr(notes, "passes nothing"));
	judge(without_log(doc), &log);
	ck_assert_uint_eq(count(ERR_LOG_TYPE_IN_PCR), 1);
	judge(doc, &log);
	ck_assert_uint_eq(count(ERR_LOG_TYPE_IN_PCR), 1);
}
END_TEST

/* --- phases --------------------------------------------------------------- */

struct move {
	size_t from, to;
	const char *says; /* NULL: in order */
};

START_TEST(phases_follow_each_other)
{
	static const struct move cases[] = {
	    {24, 24, NULL},
	    {24, 3, "before the Secure Boot variables"},
	    {24, 12, NULL}, /* a quirk, accepted by name */
	    {31, 10, "An OS loader"},
	    {31, 17, "An OS loader"},
	    {22, 17, NULL}, /* PCR 7 has a phase of its own */
	    {55, 17, "between the separators"},
	};
	const struct move *c = &cases[_i];
	struct evlog log = moved(c->from, c->to);
	const char *notes;

	judge(learned(&golden, &notes), &log);
	ck_assert_uint_eq(count(ERR_LOG_ORDER), c->says ? 1 : 0);
	for (size_t i = 0; i < v.reasons_n; i++)
		if (v.reasons[i].code == ERR_LOG_ORDER)
			ck_assert_msg(strstr(v.reasons[i].message, c->says),
			    "%s", v.reasons[i].message);
}
END_TEST

START_TEST(boot_attempts_are_omitted_once)
{
	struct evlog log = moved(0, 0);
	const char *notes;
	const char *doc = learned(&golden, &notes);

	log.events[14].type = EV_OMIT_BOOT_DEVICE_EVENTS;
	log.events[24].type = EV_OMIT_BOOT_DEVICE_EVENTS;
	judge(doc, &log);
	ck_assert_uint_eq(count(ERR_LOG_ORDER), 1);
	ck_assert_uint_eq(count(ERR_BOOT_ATTEMPTS), 1);
}
END_TEST

/* --- the document --------------------------------------------------------- */

struct document {
	const char *log;
	enum err_code code;
	const char *path;
};

START_TEST(documents)
{
	static const struct document cases[] = {
	    {"{}", ERR_OK, ""},
	    {"{\"exceptions\":[]}", ERR_OK, ""},
	    {"{\"exceptions\":[{\"pcr\":7,\"type\":\"EV_ACTION\"}]}", ERR_OK,
		""},
	    {"{\"require_ebs\":true,\"boot_attempts\":\"fail\"}", ERR_OK, ""},
	    {"[]", ERR_JSON_TYPE, "log"},
	    {"{\"strict\":true}", ERR_JSON_UNKNOWN, "log.strict"},
	    {"{\"exceptions\":[{\"pcr\":7,\"type\":33793}]}", ERR_POLICY_FORMAT,
		"log.exceptions[0].type"},
	    {"{\"exceptions\":[{\"pcr\":7,\"type\":\"EV_ACTION\","
	     "\"after_separator\":true}]}",
		ERR_POLICY_FORMAT, "log.exceptions[0].after_separator"},
	    {"{\"exceptions\":[{\"pcr\":0,\"type\":\"EV_UNUSED\"}]}",
		ERR_POLICY_FORMAT, "log.exceptions[0].type"},
	    {"{\"exceptions\":[{\"pcr\":24,\"type\":5}]}", ERR_JSON_RANGE,
		"log.exceptions[0].pcr"},
	    {"{\"boot_attempts\":\"maybe\"}", ERR_POLICY_FORMAT,
		"log.boot_attempts"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *doc =
		    arena_printf(&arena, HEAD ",\"log\":%s}", cases[i].log);
		struct policy *p = NULL;
		struct err e = {.path = ""};
		rc r = policy_decode(span_str(doc), &p, &e);
		policy_unref(p);
		ck_assert_msg(r.code == cases[i].code, "case %zu: %s %s", i,
		    err_name(r.code), e.path);
		ck_assert_str_eq(rc_ok(r) ? "" : e.path, cases[i].path);
	}
}
END_TEST

/* A rule about a PCR that is not required could never be judged. */
START_TEST(rules_need_their_pcr)
{
	static const char *const logs[] = {
	    "{\"require_ebs\":true}", "{\"boot_attempts\":\"warn\"}"};
	struct err e;

	for (size_t i = 0; i < 2; i++) {
		struct policy *p = NULL;
		const char *doc = arena_printf(&arena,
		    "{\"akashi_policy\":1,\"name\":\"x\",\"pcrs\":"
		    "{\"sha256\":[0]},\"boot\":{\"0\":{\"values\":"
		    "[{\"sha256\":\"" ZEROS "\"}]}},\"log\":%s}",
		    logs[i]);
		ck_rc_is(
		    policy_decode(span_str(doc), &p, &e), ERR_POLICY_FORMAT);
		ck_assert_int_eq(strncmp(e.path, "log.", 4), 0);
	}
}
END_TEST

START_TEST(words)
{
	struct policy *p = NULL;
	struct buf out = {0};

	ck_rc_ok(policy_decode(
	    span_str(HEAD ",\"log\":{\"require_ebs\":true,"
			  "\"boot_attempts\":\"fail\",\"exceptions\":["
			  "{\"pcr\":2,\"type\":33793},{\"pcr\":1,\"type\":"
			  "\"EV_ACTION\",\"after_separator\":true}]}}"),
	    &p, NULL));
	ck_assert(policy_needs_log(p));
	policy_describe(p, &out);
	ck_assert_ptr_nonnull(
	    strstr(out.p, "boot log: type 0x00008401 may stand in PCR 2\n"));
	ck_assert_ptr_nonnull(strstr(out.p,
	    "EV_ACTION may stand in PCR 1, also behind its separator\n"));
	ck_assert_ptr_nonnull(strstr(out.p, "the firmware was left\n"));
	ck_assert_ptr_nonnull(
	    strstr(out.p, "other than one boot attempt: fail\n"));
	buf_free(&out);
	policy_unref(p);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("log");
	TCase *t = tcase_create("log");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, learned_exceptions, 0, 6);
	tcase_add_test(t, rules_except_where_nothing_is_said);
	tcase_add_loop_test(t, phases_follow_each_other, 0, 7);
	tcase_add_test(t, boot_attempts_are_omitted_once);
	tcase_add_test(t, documents);
	tcase_add_test(t, rules_need_their_pcr);
	tcase_add_test(t, words);
	suite_add_tcase(s, t);
	return tap_run(s);
}

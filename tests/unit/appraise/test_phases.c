/* SPDX-License-Identifier: Apache-2.0 */
/* The member "userspace": which documents are refused, what is judged, what is
 * learned. */
#include "appraise/learn.h"
#include "lib/tap.h"

#include <stdio.h>
#include <stdlib.h>

#define D0 "0000000000000000000000000000000000000000000000000000000000000000"
#define HEAD                                                                   \
	"{\"akashi_policy\":1,\"name\":\"p\",\"pcrs\":{\"sha256\":"            \
	"[7,11,15]},\"boot\":{\"7\":{\"opaque\":\"x\"},\"11\":{\"opaque\":"    \
	"\"x\"},\"15\":{\"values\":[{\"sha256\":\"" D0 "\"}]}},"               \
	"\"userspace\":"
#define PHASES                                                                 \
	"\"phases\":[{\"phase\":\"enter-initrd\"},{\"phase\":\"leave-initrd\"" \
	"},{\"phase\":\"sysinit\",\"optional\":true},{\"phase\":\"ready\"}]"
#define RECORDS                                                                \
	"\"records\":[{\"type\":\"machine-id\",\"pcr\":15,\"accept\":"         \
	"[\"machine-id:*\"],\"required\":true},{\"type\":\"volume-key\","      \
	"\"pcr\":15}]"

enum { MANY = 32, FIELDS = 2 };

static struct hasher *hasher;
static struct arena arena;

static void
setup(void)
{
	arena_init(&arena, (size_t)64 << 20);
	hasher = hasher_new();
	ck_assert_ptr_nonnull(hasher);
}

static void
teardown(void)
{
	hasher_free(hasher);
	arena_free(&arena);
}

/* --- documents ------------------------------------------------------------ */

static const struct {
	const char *json;
	enum err_code code;
	const char *path;
} bad[] = {
    {"1", ERR_JSON_TYPE, "userspace"},
    {"{\"extra\":1}", ERR_JSON_UNKNOWN, "userspace.extra"},
    {"{\"required\":1}", ERR_JSON_TYPE, "userspace.required"},
    {"{\"os_separator\":\"x\"}", ERR_POLICY_FORMAT, "userspace.os_separator"},
    {"{\"phases\":1}", ERR_JSON_TYPE, "userspace.phases"},
    {"{\"phases\":[{}]}", ERR_JSON_MISSING, "userspace.phases[0].phase"},
    {"{\"phases\":[{\"phase\":\"\"}]}", ERR_POLICY_FORMAT,
	"userspace.phases[0]"},
    {"{\"phases\":[{\"phase\":\"a\",\"x\":1}]}", ERR_JSON_UNKNOWN,
	"userspace.phases[0].x"},
    {"{\"phases\":[{\"phase\":\"a\",\"repeat\":1}]}", ERR_JSON_TYPE,
	"userspace.phases[0].repeat"},
    {"{\"after_ready\":[\"a\"]}", ERR_POLICY_FORMAT, "userspace.after_ready"},
    {"{" PHASES ",\"after_ready\":[1]}", ERR_JSON_TYPE,
	"userspace.after_ready[0]"},
    {"{\"records\":[{\"type\":\"a\"}]}", ERR_JSON_MISSING,
	"userspace.records[0].pcr"},
    {"{\"records\":[{\"type\":\"phase\",\"pcr\":11}]}", ERR_POLICY_FORMAT,
	"userspace.records[0]"},
    {"{\"records\":[{\"type\":\"os-separator\",\"pcr\":7}]}", ERR_POLICY_FORMAT,
	"userspace.records[0]"},
    {"{\"records\":[{\"type\":\"a\",\"pcr\":14}]}", ERR_POLICY_FORMAT,
	"userspace.records[0]"},
    {"{\"records\":[{\"type\":\"a\",\"pcr\":24}]}", ERR_JSON_RANGE,
	"userspace.records[0].pcr"},
    {"{\"records\":[{\"type\":\"a\",\"pcr\":15,\"accept\":[]}]}",
	ERR_POLICY_FORMAT, "userspace.records[0].accept"},
    {"{\"records\":[{\"type\":\"a\",\"pcr\":15,\"accept\":[\"\"]}]}",
	ERR_POLICY_FORMAT, "userspace.records[0].accept[0]"},
    {"{\"records\":[{\"type\":\"volume-key\",\"pcr\":15,\"accept\":[\"a\"]}]}",
	ERR_POLICY_FORMAT, "userspace.records[0].accept"},
};

static rc
decode(const char *member, struct policy **out, struct err *e)
{
	return policy_decode(
	    span_str(arena_printf(&arena, "%s%s}", HEAD, member)), out, e);
}

START_TEST(refused)
{
	struct policy *p = NULL;
	struct err e;

	ck_rc_is(decode(bad[_i].json, &p, &e), bad[_i].code);
	ck_assert_str_eq(e.path, bad[_i].path);
	ck_assert_ptr_null(p);
}
END_TEST

START_TEST(pcrs_must_be_required)
{
	static const char *const members[] = {
	    "{" PHASES "}", "{\"os_separator\":\"required\"}"};
	struct policy *p = NULL;

	for (size_t i = 0; i < 2; i++) {
		const char *json = arena_printf(&arena,
		    "{\"akashi_policy\":1,\"name\":\"p\",\"pcrs\":{"
		    "\"sha256\":[14]},\"boot\":{\"14\":{\"values\":[{"
		    "\"sha256\":\"%s\"}]}},\"userspace\":%s}",
		    D0, members[i]);
		ck_rc_is(
		    policy_decode(span_str(json), &p, NULL), ERR_POLICY_FORMAT);
	}
}
END_TEST

/* fmt keeps all of it, and what is said is asked about where it is broad. */
START_TEST(forms)
{
	static const char all[] =
	    "{\"os_separator\":\"required\"," PHASES
	    ",\"after_ready\":[\"shutdown\",\"**\"]," RECORDS
	    ",\"required\":false}";
	struct policy *p = NULL, *again = NULL;
	struct buf pretty = {0}, words = {0};
	uint8_t one[32], two[32];
	struct err e;

	ck_rc_ok(decode(all, &p, &e));
	ck_assert(!policy_needs_userspace(p));
	const char *json = arena_printf(&arena, "%s%s}", HEAD, all);
	ck_rc_ok(policy_pretty(span_str(json), &pretty, &e));
	ck_rc_ok(policy_decode(buf_span(&pretty), &again, &e));
	policy_hash(p, one);
	policy_hash(again, two);
	ck_assert_mem_eq(one, two, 32);
	policy_describe(p, &words);
	ck_assert_ptr_nonnull(strstr(words.p, "os-separator: required"));
	ck_assert_ptr_nonnull(strstr(words.p, "phase sysinit, optional"));
	ck_assert_ptr_nonnull(strstr(words.p, "then shutdown, at any time"));
	ck_assert_ptr_nonnull(
	    strstr(words.p, "machine-id in PCR 15, required: machine-id:*"));
	words.n = 0;
	policy_lint(p, 0, "en", &words);
	ck_assert_ptr_nonnull(strstr(words.p, "userspace.required"));
	ck_assert_ptr_nonnull(strstr(words.p, "userspace.records[1]"));
	ck_assert_ptr_null(strstr(words.p, "userspace.records[0]"));
	policy_unref(p);
	policy_unref(again);
	buf_free(&pretty);
	buf_free(&words);
}
END_TEST

/* --- evidence ------------------------------------------------------------- */

/* One boot with records "PCR TYPE STRING;…", all covered by its quote. */
struct boot {
	struct cel_record records[MANY];
	struct cel_field fields[MANY][FIELDS];
	struct cel_log log;
	struct userspace_match match;
	struct banks values;
	struct boot_facts facts;
};

static const struct pcr_selections quoted = {
    1, {{ALG_SHA256, 1u << 7 | 1u << 11 | 1u << 15}}};

static void
put(struct boot *b, unsigned pcr, const char *type, const char *string)
{
	static const uint8_t zeros[HASH_MAX];
	static struct cel_digest digest;
	size_t i = b->log.records_n++;

	digest = (struct cel_digest){hash_by_id(ALG_SHA256), zeros};
	b->fields[i][0] = (struct cel_field){
	    .name = "eventType", .kind = CEL_TEXT, .bytes = span_str(type)};
	b->fields[i][1] = (struct cel_field){
	    .name = "string", .kind = CEL_TEXT, .bytes = span_str(string)};
	b->records[i] = (struct cel_record){.index = (uint32_t)i,
	    .where = pcr,
	    .type = CEL_TYPE_SYSTEMD,
	    .digests_n = 1,
	    .digests = &digest,
	    .fields_n = strcmp(string, "-") == 0 ? 1 : 2,
	    .fields = b->fields[i]};
	b->match.named |= 1u << pcr;
}

static struct boot *
boot_of(const char *text)
{
	struct boot *b = arena_alloc(&arena, sizeof(*b));
	char *at = arena_printf(&arena, "%s", text);

	ck_assert_ptr_nonnull(b);
	while (at && *at) {
		char *line = strsep(&at, ";");
		char *pcr = strsep(&line, " ");
		char *type = strsep(&line, " ");
		put(b, (unsigned)strtoul(pcr, NULL, 10), type, line);
	}
	b->log.records = b->records;
	b->match.covered = b->log.records_n;
	b->values.n = 1;
	bank_init(&b->values.bank[0], ALG_SHA256, 0);
	b->values.bank[0].pcr[7][0] = 1; /* the firmware measured */
	b->match.pcrs = b->values;
	b->facts = (struct boot_facts){.quoted = &quoted,
	    .values = &b->values,
	    .userspace = {&b->log, &b->match}};
	return b;
}

static struct verdict *
eval(const struct policy *p, const struct boot_facts *f)
{
	struct verdict *v = arena_alloc(&arena, sizeof(*v));

	ck_assert_ptr_nonnull(v);
	verdict_init(v, &arena);
	ck_rc_ok(policy_eval_userspace(p, f, v, NULL));
	return v;
}

#define GOOD                                                                   \
	"7 os-separator os-separator;11 phase enter-initrd;15 volume-key "     \
	"label;11 phase leave-initrd;15 machine-id machine-id:0a;"
#define ALL "{" PHASES "," RECORDS "}"

static const struct {
	const char *policy, *records;
	enum err_code code[3]; /* in order; ERR_OK: no more */
} rows[] = {
    {ALL, GOOD "11 phase sysinit;11 phase ready", {ERR_OK}},
    {ALL, GOOD "11 phase ready", {ERR_OK}},
    {ALL, GOOD, {ERR_PHASE_MISSING}},
    {ALL, GOOD "11 phase ready;11 phase final", {ERR_PHASE_AFTER}},
    {ALL, GOOD "11 phase ready;11 phase ready", {ERR_PHASE_ORDER}},
    {ALL, GOOD "11 phase rescue;11 phase ready", {ERR_PHASE_UNKNOWN}},
    {ALL, GOOD "11 phase ready;11 phase -", {ERR_PHASE_AFTER}},
    {ALL, GOOD "11 phase enter-initrd;11 phase ready", {ERR_PHASE_ORDER}},
    {ALL, GOOD "11 phase ready;15 phase ready", {ERR_PHASE_RECORD}},
    {ALL, GOOD "11 phase ready;11 volume-key ready", {ERR_PHASE_RECORD}},
    {ALL, GOOD "11 phase ready;15 filesystem file-system:/:ext4",
	{ERR_PHASE_RECORD}},
    {ALL, GOOD "11 phase ready;15 machine-id other", {ERR_PHASE_RECORD}},
    {ALL, GOOD "11 phase ready;15 machine-id -", {ERR_PHASE_RECORD}},
    {ALL, GOOD "11 phase ready;7 os-separator os-separator",
	{ERR_PHASE_SEPARATOR}},
    {ALL, "7 os-separator else;" GOOD "11 phase ready",
	{ERR_PHASE_SEPARATOR, ERR_PHASE_SEPARATOR}},
    /* leaving comes first, so that entering is late */
    {ALL,
	"11 phase leave-initrd;11 phase enter-initrd;11 phase ready;15 "
	"machine-id machine-id:1",
	{ERR_PHASE_MISSING, ERR_PHASE_ORDER}},
    {ALL, "", {ERR_PHASE_MISSING, ERR_PHASE_MISSING, ERR_PHASE_MISSING}},
    {"{\"os_separator\":\"required\"}", "", {ERR_PHASE_SEPARATOR}},
    {"{\"os_separator\":\"required\"}", "7 os-separator os-separator",
	{ERR_OK}},
    {"{\"os_separator\":\"forbidden\"}", "7 os-separator os-separator",
	{ERR_PHASE_SEPARATOR}},
    {"{}", "11 phase ready", {ERR_PHASE_UNKNOWN}},
    {"{\"phases\":[{\"phase\":\"a*\",\"repeat\":true},{\"phase\":\"b\"}],"
     "\"after_ready\":[\"c\",\"a1\"]}",
	"11 phase a1;11 phase a2;11 phase a1;11 phase b;11 phase a1;11 phase "
	"c;11 phase c",
	{ERR_OK}},
    {"{\"phases\":[{\"phase\":\"a\",\"repeat\":true},{\"phase\":\"b\"}]}",
	"11 phase b", {ERR_PHASE_MISSING}},
    {"{\"phases\":[{\"phase\":\"a\",\"repeat\":true},{\"phase\":\"b\"}]}",
	"11 phase a;11 phase b;11 phase a", {ERR_PHASE_ORDER}},
};

START_TEST(judged)
{
	struct policy *p = NULL;
	struct err e;
	size_t n = 0;

	ck_rc_ok(decode(rows[_i].policy, &p, &e));
	struct boot *b = boot_of(rows[_i].records);
	struct verdict *v = eval(p, &b->facts);
	while (n < 3 && rows[_i].code[n] != ERR_OK)
		n++;
	ck_assert_uint_ge(v->reasons_n, n);
	ck_assert_msg(n == 3 || v->reasons_n == n, "%s more",
	    err_name(v->reasons[n].code));
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(v->reasons[i].code == rows[_i].code[i], "%zu: %s",
		    i, err_name(v->reasons[i].code));
	ck_assert_int_eq(
	    v->checks[CHECK_POLICY_USERSPACE], n ? CHECK_FAILED : CHECK_PASSED);
	ck_assert_int_eq(v->worst, n ? EFF_FAIL : EFF_NONE);
	policy_unref(p);
}
END_TEST

/* What the quote does not cover counts for nothing, good or bad. */
START_TEST(unattested_records_do_not_count)
{
	struct policy *p = NULL;

	ck_rc_ok(decode(ALL, &p, NULL));
	struct boot *b = boot_of(GOOD "11 phase ready;11 phase final");
	b->match.covered--;
	ck_assert_uint_eq(eval(p, &b->facts)->reasons_n, 0);
	b->match.covered--;
	ck_assert_uint_eq(eval(p, &b->facts)->reasons_n, 1);
	b->match.covered = b->log.records_n - 1;
	b->match.wrong = 1u << 11;
	ck_assert_uint_eq(eval(p, &b->facts)->reasons_n, 3);
	policy_unref(p);
}
END_TEST

START_TEST(without_the_log)
{
	struct policy *p = NULL;
	struct boot_facts f = {.quoted = &quoted};
	struct verdict *v;

	ck_rc_ok(decode(ALL, &p, NULL));
	v = eval(p, &f);
	ck_assert_int_eq(v->checks[CHECK_POLICY_USERSPACE], CHECK_NOT_RUN);
	policy_unref(p);
	ck_rc_ok(decode("{\"required\":false}", &p, NULL));
	v = eval(p, &f);
	ck_assert_int_eq(
	    v->checks[CHECK_POLICY_USERSPACE], CHECK_NOT_APPLICABLE);
	policy_unref(p);
}
END_TEST

/* --- learning ------------------------------------------------------------- */

struct learned {
	struct policy *policy;
	const char *json;
	const char *notes;
};

static struct learned
learn(struct boot **boots, size_t n)
{
	struct golden golden[4] = {{.source = NULL}};
	const struct learn_options o = {.name = "learned"};
	struct learn_note *notes = NULL;
	struct buf json = {0}, text = {0};
	struct learned out = {NULL, NULL, NULL};
	struct err e = {0};

	for (size_t i = 0; i < n; i++)
		golden[i] =
		    (struct golden){.boot = boots[i]->facts, .source = "b"};
	rc r = policy_learn(golden, n, &o, &arena, &json, &notes, &e);
	ck_assert_msg(rc_ok(r), "%s %s %s", err_name(r.code), e.path, e.text);
	for (; notes; notes = notes->next)
		buf_printf(&text, "%s\n", notes->text);
	ck_rc_ok(policy_decode(buf_span(&json), &out.policy, &e));
	out.json = arena_printf(&arena, "%s", json.p);
	out.notes = arena_printf(&arena, "%s", text.n ? text.p : "");
	buf_free(&json);
	buf_free(&text);
	return out;
}

START_TEST(one_boot_is_learned)
{
	struct boot *golden = boot_of(GOOD "11 phase sysinit;11 phase ready;11 "
					   "phase shutdown;15 filesystem "
					   "file-system:/a*:vfat:1A2B-3C4D");
	struct boot *other =
	    boot_of("7 os-separator os-separator;11 phase enter-initrd;15 "
		    "volume-key z;11 phase leave-initrd;15 machine-id "
		    "machine-id:ff;11 phase sysinit;11 phase ready;15 "
		    "filesystem file-system:/a*:vfat:FFFF-0000");
	struct boot *foreign =
	    boot_of(GOOD "11 phase sysinit;11 phase ready;15 filesystem "
			 "file-system:/b:vfat:1A2B-3C4D");
	struct learned l = learn(&golden, 1);

	ck_assert(policy_needs_userspace(l.policy));
	ck_assert_ptr_null(strstr(l.json, "0a"));
	ck_assert_ptr_nonnull(strstr(l.json, "\"machine-id:*\""));
	ck_assert_ptr_nonnull(strstr(l.json, "\"file-system:/a?:vfat:*\""));
	ck_assert_ptr_nonnull(strstr(l.notes, "any identifier"));
	ck_assert_ptr_nonnull(strstr(l.notes, "only a label"));
	ck_assert_uint_eq(eval(l.policy, &golden->facts)->reasons_n, 0);
	ck_assert_uint_eq(eval(l.policy, &other->facts)->reasons_n, 0);
	struct verdict *v = eval(l.policy, &foreign->facts);
	ck_assert_uint_eq(v->reasons_n, 1);
	ck_assert_int_eq(v->reasons[0].code, ERR_PHASE_RECORD);
	policy_unref(l.policy);
}
END_TEST

/* What some boots lack becomes optional. */
START_TEST(boots_are_merged)
{
	struct boot *boots[] = {
	    boot_of(GOOD "11 phase sysinit;11 phase ready"),
	    boot_of("11 phase enter-initrd;11 phase leave-initrd;11 phase "
		    "unlock;11 phase ready"),
	    boot_of(GOOD "11 phase ready;15 nvpcr-init nvpcr-init:a:0x1"),
	};
	struct boot *empty = boot_of("");
	struct learned l = learn(boots, 3);

	for (size_t i = 0; i < 3; i++)
		ck_assert_uint_eq(
		    eval(l.policy, &boots[i]->facts)->reasons_n, 0);
	ck_assert_ptr_nonnull(strstr(l.notes, "\"unlock\""));
	ck_assert_ptr_nonnull(strstr(l.notes, "\"sysinit\""));
	ck_assert_uint_eq(eval(l.policy, &empty->facts)->reasons_n, 3);
	policy_unref(l.policy);
	/* a boot whose log was not sent */
	boots[1]->facts.userspace.log = NULL;
	l = learn(boots, 2);
	ck_assert(!policy_needs_userspace(l.policy));
	ck_assert_ptr_nonnull(strstr(l.notes, "Only some golden boots"));
	policy_unref(l.policy);
	l = learn(&empty, 1);
	ck_assert_ptr_null(strstr(l.json, "userspace"));
	policy_unref(l.policy);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("phases");
	TCase *t = tcase_create("phases");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, refused, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(t, pcrs_must_be_required);
	tcase_add_test(t, forms);
	tcase_add_loop_test(t, judged, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(t, unattested_records_do_not_count);
	tcase_add_test(t, without_the_log);
	tcase_add_test(t, one_boot_is_learned);
	tcase_add_test(t, boots_are_merged);
	suite_add_tcase(s, t);
	return tap_run(s);
}

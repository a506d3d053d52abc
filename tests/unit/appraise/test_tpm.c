/* SPDX-License-Identifier: Apache-2.0 */
/* The member "tpm": which documents are refused, and what each rule says of a
 * quote with one thing wrong. The letters are those of the table of attacks. */
#include "appraise/firmware.h"
#include "appraise/policy.h"
#include "lib/tap.h"

#include <stdlib.h>

#define D1 "1111111111111111111111111111111111111111111111111111111111111111"
#define HEAD                                                                   \
	"{\"akashi_policy\":1,\"name\":\"p\",\"pcrs\":{\"sha256\":[4,17]},"    \
	"\"boot\":{\"4\":{\"values\":[{\"sha256\":\"" D1 "\"}]},"              \
	"\"17\":{\"opaque\":\"no rule\"}}"
#define TPM(members) HEAD ",\"tpm\":{" members "}}"
#define FIRMWARE(a, b, c, d)                                                   \
	((uint64_t)(a) << 48 | (uint64_t)(b) << 32 | (uint64_t)(c) << 16 | (d))

static struct arena a;

static void
setup(void)
{
	arena_init(&a, 16 * 1024 * 1024);
}

static void
teardown(void)
{
	arena_free(&a);
}

/* --- documents ------------------------------------------------------------ */

static const struct {
	const char *json;
	enum err_code code;
	const char *path;
} bad[] = {
    {HEAD ",\"tpm\":[]}", ERR_JSON_TYPE, "tpm"},
    {TPM("\"class\":[\"virtual\"]"), ERR_JSON_UNKNOWN, "tpm.class"},
    {TPM("\"classes\":[]"), ERR_POLICY_FORMAT, "tpm.classes"},
    {TPM("\"classes\":\"virtual\""), ERR_JSON_TYPE, "tpm.classes"},
    {TPM("\"classes\":[\"hardware\"]"), ERR_POLICY_FORMAT, "tpm.classes[0]"},
    {TPM("\"classes\":[\"virtual\",1]"), ERR_JSON_TYPE, "tpm.classes[1]"},
    {TPM("\"manufacturers\":[\"Infineon\"]"), ERR_POLICY_FORMAT,
	"tpm.manufacturers[0]"},
    {TPM("\"manufacturers\":[\"IFX\",\"id:4946580\"]"), ERR_POLICY_FORMAT,
	"tpm.manufacturers[1]"},
    {TPM("\"manufacturers\":[\"id:4946580g\"]"), ERR_POLICY_FORMAT,
	"tpm.manufacturers[0]"},
    {TPM("\"manufacturers\":[\"id:494658000\"]"), ERR_POLICY_FORMAT,
	"tpm.manufacturers[0]"},
    {TPM("\"manufacturers\":[\"\"]"), ERR_POLICY_FORMAT,
	"tpm.manufacturers[0]"},
    {TPM("\"firmware\":[{}]"), ERR_JSON_MISSING,
	"tpm.firmware[0].manufacturer"},
    {TPM("\"firmware\":[1]"), ERR_JSON_TYPE, "tpm.firmware[0]"},
    {TPM("\"firmware\":[{\"manufacturer\":\"IFX\"}]"), ERR_JSON_MISSING,
	"tpm.firmware[0].min"},
    {TPM("\"firmware\":[{\"manufacturer\":\"IFX\",\"min\":\"7.x\"}]"),
	ERR_POLICY_FORMAT, "tpm.firmware[0].min"},
    {TPM("\"firmware\":[{\"manufacturer\":\"IFX\",\"min\":\"\"}]"),
	ERR_POLICY_FORMAT, "tpm.firmware[0].min"},
    {TPM("\"firmware\":[{\"manufacturer\":\"IFX\",\"min\":\"1.2.3.4.5\"}]"),
	ERR_POLICY_FORMAT, "tpm.firmware[0].min"},
    {TPM("\"firmware\":[{\"manufacturer\":\"IFX\",\"min\":\"65536\"}]"),
	ERR_POLICY_FORMAT, "tpm.firmware[0].min"},
    {TPM("\"firmware\":[{\"manufacturer\":\"IFX\",\"min\":\"7.\"}]"),
	ERR_POLICY_FORMAT, "tpm.firmware[0].min"},
    {TPM("\"firmware\":[{\"manufacturer\":\"IFX\",\"min\":\"7.85\"},"
	 "{\"manufacturer\":\"id:49465800\",\"min\":\"8\"}]"),
	ERR_POLICY_FORMAT, "tpm.firmware[1]"},
    {TPM("\"firmware\":[{\"manufacturer\":\"IFX\",\"min\":\"7\",\"max\":\"8\"}"
	 "]"),
	ERR_JSON_UNKNOWN, "tpm.firmware[0].max"},
    {TPM("\"keys\":[\"rsa-1024\"]"), ERR_POLICY_FORMAT, "tpm.keys[0]"},
    {TPM("\"keys\":[]"), ERR_POLICY_FORMAT, "tpm.keys"},
    {TPM("\"hashes\":[\"sha1\"]"), ERR_POLICY_FORMAT, "tpm.hashes[0]"},
    {TPM("\"accepted_advisories\":[\"\"]"), ERR_POLICY_FORMAT,
	"tpm.accepted_advisories[0]"},
    {TPM("\"accepted_advisories\":[\"a b\"]"), ERR_POLICY_FORMAT,
	"tpm.accepted_advisories[0]"},
    {TPM("\"max_delay\":60"), ERR_JSON_TYPE, "tpm.max_delay"},
    {TPM("\"max_delay\":\"1w\""), ERR_POLICY_FORMAT, "tpm.max_delay"},
    {TPM("\"reset\":\"reject\""), ERR_POLICY_FORMAT, "tpm.reset"},
    {TPM("\"reset\":true"), ERR_JSON_TYPE, "tpm.reset"},
    {TPM("\"clone\":\"pass\""), ERR_JSON_UNKNOWN, "tpm.clone"},
};

START_TEST(documents_refused)
{
	struct policy *p = NULL;
	struct err e = {0};

	ck_rc_is(policy_decode(span_str(bad[_i].json), &p, &e), bad[_i].code);
	ck_assert_str_eq(e.path, bad[_i].path);
	ck_assert_ptr_null(p);
}
END_TEST

#define EVERYTHING                                                             \
	TPM("\"classes\":[\"discrete\",\"firmware\"],"                         \
	    "\"manufacturers\":[\"IFX\",\"id:494E5443\"],"                     \
	    "\"firmware\":[{\"manufacturer\":\"IFX\",\"min\":\"7.85\","        \
	    "\"source\":\"x\"}],"                                              \
	    "\"keys\":[\"ecc-p384\"],\"hashes\":[\"sha384\"],"                 \
	    "\"accepted_advisories\":[\"CVE-2025-2884\"],"                     \
	    "\"advisories\":\"fail\",\"physical_advisories\":\"warn\","        \
	    "\"max_delay\":\"5m\",\"delayed\":\"fail\",\"reset\":\"warn\","    \
	    "\"restart\":\"warn\",\"clock_unsafe\":\"fail\","                  \
	    "\"clock_pace\":\"fail\",\"firmware_downgrade\":\"warn\","         \
	    "\"log_change\":\"warn\",\"dynamic_launch\":\"fail\"")

/* Everything that can be said is kept by fmt and told in words. */
START_TEST(everything_is_kept)
{
	struct policy *p = NULL, *again = NULL;
	struct buf pretty = {0}, words = {0};
	uint8_t before[32], after[32];

	ck_rc_ok(policy_decode(span_str(EVERYTHING), &p, NULL));
	ck_rc_ok(policy_pretty(span_str(EVERYTHING), &pretty, NULL));
	ck_rc_ok(policy_decode(buf_span(&pretty), &again, NULL));
	policy_hash(p, before);
	policy_hash(again, after);
	ck_assert_mem_eq(before, after, 32);
	policy_describe(p, &words);
	static const char *const told[] = {"discrete or firmware",
	    "IFX or INTC", "firmware of IFX: 7.85.0.0 or later", "ecc-p384",
	    "sha384", "CVE-2025-2884", "300 s old", "clock_pace: fail",
	    "log_change: warn"};
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		ck_assert_msg(strstr(words.p, told[i]) != NULL, "%s", told[i]);
	buf_free(&pretty);
	buf_free(&words);
	policy_unref(p);
	policy_unref(again);
}
END_TEST

START_TEST(questions_are_asked)
{
	static const char json[] =
	    TPM("\"classes\":[\"unknown\"],\"advisories\":\"pass\","
		"\"firmware_downgrade\":\"pass\",\"log_change\":\"pass\","
		"\"delayed\":\"pass\"");
	static const char *const asked[] = {"tpm.classes", "tpm.advisories",
	    "tpm.firmware_downgrade", "tpm.log_change", "tpm.delayed"};
	struct policy *p = NULL, *plain = NULL;
	struct buf out = {0}, none = {0};

	ck_rc_ok(policy_decode(span_str(json), &p, NULL));
	ck_rc_ok(policy_decode(span_str(HEAD "}"), &plain, NULL));
	policy_lint(p, 0, "en", &out);
	policy_lint(plain, 0, "en", &none);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
		ck_assert_msg(strstr(out.p, asked[i]) != NULL, "%s", asked[i]);
	ck_assert_ptr_null(strstr(none.p, "tpm."));
	buf_free(&out);
	buf_free(&none);
	policy_unref(p);
	policy_unref(plain);
}
END_TEST

/* --- evaluation ----------------------------------------------------------- */

/* A good TPM that is known; each row changes one thing. */
struct stage {
	struct tpm_quote q;
	struct pace pace;
	struct tpm_clock before;
	struct banks values;
	uint8_t log[32], log_before[32];
	struct tpm_facts f;
};

static void
stage_set(struct stage *s)
{
	*s = (struct stage){.q = {.clock = 2000,
				.reset_count = 3,
				.restart_count = 1,
				.safe = true,
				.firmware = FIRMWARE(7, 85, 4555, 0),
				.selection = {1, {{ALG_SHA256, 0x7fffff}}}},
	    .pace = {.state = PACE_GOOD},
	    .before = {.known = true,
		.clock = 1000,
		.reset_count = 3,
		.restart_count = 1,
		.firmware = FIRMWARE(7, 85, 0, 0)}};
	s->values.n = 1;
	s->values.bank[0].alg = ALG_SHA256;
	for (unsigned i = 17; i <= 22; i++)
		memset(s->values.bank[0].pcr[i], i < 20 ? 0xff : 0, 32);
	s->f = (struct tpm_facts){.quote = &s->q,
	    .pace = &s->pace,
	    .rot = ROT_DISCRETE,
	    .manufacturer = "id:49465800",
	    .ak_alg = "ecc-p384",
	    .hash = ALG_SHA384,
	    .signer_proved = true,
	    .before = &s->before,
	    .log_before = s->log_before,
	    .log = s->log,
	    .values = &s->values};
}

static void
nothing(struct stage *s)
{
	(void)s;
}

static void
virtual_tpm(struct stage *s)
{
	s->f.rot = ROT_VIRTUAL;
}

static void
unknown_class(struct stage *s)
{
	s->f.rot = ROT_UNKNOWN;
}

static void
no_maker(struct stage *s)
{
	s->f.manufacturer = NULL;
}

static void
odd_maker(struct stage *s)
{
	s->f.manufacturer = "id:12345678";
}

static void
stm(struct stage *s)
{
	s->f.manufacturer = "id:53544D20";
	s->q.firmware = FIRMWARE(73, 8, 17568, 5511);
	s->before.firmware = s->q.firmware;
}

static void
fixed_stm(struct stage *s)
{
	stm(s);
	s->q.firmware = s->before.firmware = FIRMWARE(73, 64, 17568, 5511);
}

static void
old_firmware(struct stage *s)
{
	s->q.firmware = s->before.firmware = FIRMWARE(7, 61, 0, 0);
}

static void
veiled(struct stage *s)
{
	s->f.signer_proved = false;
}

static void
downgraded(struct stage *s)
{
	s->before.firmware = FIRMWARE(7, 86, 0, 0);
}

static void
downgraded_unknown(struct stage *s)
{
	downgraded(s);
	s->before.known = false;
}

static void
other_key(struct stage *s)
{
	s->f.ak_alg = "rsa-2048";
}

static void
other_hash(struct stage *s)
{
	s->f.hash = ALG_SHA256;
}

static void
reset(struct stage *s)
{
	s->q.reset_count++;
}

static void
restart(struct stage *s)
{
	s->q.restart_count++;
}

static void
unsafe(struct stage *s)
{
	s->q.safe = false;
}

static void
ahead(struct stage *s)
{
	s->pace = (struct pace){.state = PACE_AHEAD, .off = 90 * TIME_S};
}

static void
behind(struct stage *s)
{
	s->pace = (struct pace){.state = PACE_BEHIND, .off = 90 * TIME_S};
}

static void
late(struct stage *s)
{
	s->pace.late = 61 * TIME_S;
}

static void
slow(struct stage *s)
{
	s->pace.late = 60 * TIME_S;
}

static void
other_log(struct stage *s)
{
	s->log[31] ^= 1;
}

static void
other_log_after_reset(struct stage *s)
{
	other_log(s);
	reset(s);
}

static void
other_log_after_restart(struct stage *s)
{
	other_log(s);
	restart(s);
}

static void
no_log(struct stage *s)
{
	s->f.log = NULL;
}

static void
no_log_before(struct stage *s)
{
	other_log(s);
	s->f.log_before = NULL;
}

static void
launched(struct stage *s)
{
	s->values.bank[0].pcr[18][3] = 1;
}

static void
launched_and_judged(struct stage *s)
{
	s->values.bank[0].pcr[17][3] = 1;
}

static void
launched_not_quoted(struct stage *s)
{
	launched(s);
	s->q.selection.bank[0].mask &= ~(1u << 18);
}

#define INFINEON TPM("\"manufacturers\":[\"INTC\",\"IFX\"]")
#define MINIMUM                                                                \
	TPM("\"firmware\":[{\"manufacturer\":\"IFX\",\"min\":\"7.85.4555\"},"  \
	    "{\"manufacturer\":\"INTC\",\"min\":\"900\"}],"                    \
	    "\"advisories\":\"pass\"")
#define HARDWARE TPM("\"classes\":[\"discrete\",\"firmware\"]")
#define PLAIN HEAD "}"

static const struct {
	const char *policy;
	void (*change)(struct stage *s);
	enum err_effect effect; /* worst */
	enum err_code code;	/* among the reasons */
} rows[] = {
    {PLAIN, nothing, EFF_NONE, ERR_OK},
    {EVERYTHING, nothing, EFF_WARN, ERR_TPM_ADVISORY}, /* EUCLEAK */
    /* K05 */
    {HARDWARE, nothing, EFF_NONE, ERR_OK},
    {HARDWARE, virtual_tpm, EFF_FAIL, ERR_TPM_CLASS},
    {HARDWARE, unknown_class, EFF_FAIL, ERR_TPM_CLASS},
    {PLAIN, virtual_tpm, EFF_NONE, ERR_OK},
    {INFINEON, nothing, EFF_NONE, ERR_OK},
    {INFINEON, odd_maker, EFF_FAIL, ERR_TPM_MANUFACTURER},
    {INFINEON, stm, EFF_FAIL, ERR_TPM_MANUFACTURER},
    {INFINEON, no_maker, EFF_UNKNOWN, ERR_TPM_UNIDENTIFIED},
    {PLAIN, no_maker, EFF_NONE, ERR_OK},
    /* Q30, K16 */
    {MINIMUM, nothing, EFF_NONE, ERR_OK},
    {MINIMUM, old_firmware, EFF_FAIL, ERR_TPM_FIRMWARE},
    {MINIMUM, stm, EFF_NONE, ERR_OK},
    {MINIMUM, veiled, EFF_UNKNOWN, ERR_TPM_UNIDENTIFIED},
    {MINIMUM, no_maker, EFF_UNKNOWN, ERR_TPM_UNIDENTIFIED},
    {PLAIN, downgraded, EFF_FAIL, ERR_TPM_FIRMWARE},
    {PLAIN, downgraded_unknown, EFF_NONE, ERR_OK},
    {TPM("\"firmware_downgrade\":\"warn\""), downgraded, EFF_WARN,
	ERR_TPM_FIRMWARE},
    {TPM("\"firmware_downgrade\":\"pass\""), downgraded, EFF_NONE, ERR_OK},
    {PLAIN, old_firmware, EFF_WARN, ERR_TPM_ADVISORY},
    {PLAIN, stm, EFF_WARN, ERR_TPM_ADVISORY},
    {PLAIN, fixed_stm, EFF_NONE, ERR_OK},
    {PLAIN, veiled, EFF_NONE, ERR_OK},
    {TPM("\"advisories\":\"fail\""), stm, EFF_FAIL, ERR_TPM_ADVISORY},
    {TPM("\"advisories\":\"pass\""), stm, EFF_NONE, ERR_OK},
    {TPM("\"accepted_advisories\":[\"CVE-2019-16863\"]"), stm, EFF_NONE,
	ERR_OK},
    {TPM("\"accepted_advisories\":[\"CVE-2019-1686\"]"), stm, EFF_WARN,
	ERR_TPM_ADVISORY},
    {TPM("\"physical_advisories\":\"fail\""), nothing, EFF_FAIL,
	ERR_TPM_ADVISORY},
    /* Q18, Q19 */
    {TPM("\"keys\":[\"ecc-p384\",\"ecc-p521\"]"), nothing, EFF_NONE, ERR_OK},
    {TPM("\"keys\":[\"ecc-p384\"]"), other_key, EFF_FAIL, ERR_TPM_KEY},
    {TPM("\"hashes\":[\"sha384\"]"), nothing, EFF_NONE, ERR_OK},
    {TPM("\"hashes\":[\"sha384\"]"), other_hash, EFF_FAIL, ERR_TPM_KEY},
    /* X01, X03 */
    {PLAIN, reset, EFF_NONE, ERR_OK},
    {TPM("\"reset\":\"warn\""), reset, EFF_WARN, ERR_TPM_RESET},
    {TPM("\"reset\":\"fail\""), reset, EFF_FAIL, ERR_TPM_RESET},
    {TPM("\"reset\":\"fail\""), restart, EFF_NONE, ERR_OK},
    {TPM("\"restart\":\"fail\""), restart, EFF_FAIL, ERR_TPM_RESET},
    {TPM("\"restart\":\"fail\""), nothing, EFF_NONE, ERR_OK},
    /* Q27, N13 */
    {PLAIN, unsafe, EFF_WARN, ERR_QUOTE_CLOCK_UNSAFE},
    {TPM("\"clock_unsafe\":\"fail\""), unsafe, EFF_FAIL,
	ERR_QUOTE_CLOCK_UNSAFE},
    {TPM("\"clock_unsafe\":\"pass\""), unsafe, EFF_NONE, ERR_OK},
    {PLAIN, ahead, EFF_WARN, ERR_QUOTE_PACE},
    {PLAIN, behind, EFF_WARN, ERR_QUOTE_PACE},
    {TPM("\"clock_pace\":\"fail\""), behind, EFF_FAIL, ERR_QUOTE_PACE},
    {PLAIN, slow, EFF_NONE, ERR_OK},
    {PLAIN, late, EFF_WARN, ERR_QUOTE_DELAYED},
    {TPM("\"max_delay\":\"2m\""), late, EFF_NONE, ERR_OK},
    {TPM("\"delayed\":\"fail\""), late, EFF_FAIL, ERR_QUOTE_DELAYED},
    /* Q29 */
    {PLAIN, other_log, EFF_FAIL, ERR_LOG_INCONSISTENT_BOOT},
    {PLAIN, other_log_after_reset, EFF_NONE, ERR_OK},
    {PLAIN, other_log_after_restart, EFF_NONE, ERR_OK},
    {PLAIN, no_log, EFF_NONE, ERR_OK},
    {PLAIN, no_log_before, EFF_NONE, ERR_OK},
    {TPM("\"log_change\":\"warn\""), other_log, EFF_WARN,
	ERR_LOG_INCONSISTENT_BOOT},
    /* Q33; A16 is `nothing` */
    {PLAIN, launched, EFF_WARN, ERR_BOOT_DYNAMIC},
    {TPM("\"dynamic_launch\":\"fail\""), launched, EFF_FAIL, ERR_BOOT_DYNAMIC},
    {TPM("\"dynamic_launch\":\"pass\""), launched, EFF_NONE, ERR_OK},
    {PLAIN, launched_and_judged, EFF_NONE, ERR_OK},
    {PLAIN, launched_not_quoted, EFF_NONE, ERR_OK},
};

START_TEST(rules)
{
	struct stage s;
	struct verdict v;
	struct policy *p = NULL;
	bool found = rows[_i].code == ERR_OK;

	ck_rc_ok(policy_decode(span_str(rows[_i].policy), &p, NULL));
	stage_set(&s);
	rows[_i].change(&s);
	verdict_init(&v, &a);
	policy_eval_tpm(p, &s.f, &v);
	for (size_t i = 0; i < v.reasons_n; i++) {
		found |= v.reasons[i].code == rows[_i].code;
		ck_assert_ptr_nonnull(
		    v.reasons[i].rule ? v.reasons[i].rule : v.reasons[i].path);
	}
	ck_assert_msg(v.worst == rows[_i].effect && found,
	    "row %d: effect %d, %s", _i, v.worst,
	    v.reasons_n ? err_name(v.reasons[0].code) : "nothing");
	/* A rule that nobody could judge is not passed. */
	if (v.worst == EFF_UNKNOWN)
		ck_assert_int_eq(v.checks[CHECK_POLICY_TPM], CHECK_NOT_RUN);
	if (v.worst == EFF_NONE)
		ck_assert_int_eq(v.checks[CHECK_POLICY_TPM], CHECK_PASSED);
	policy_unref(p);
}
END_TEST

START_TEST(nothing_remembered)
{
	struct stage s;
	struct verdict v;
	struct policy *p = NULL;

	ck_rc_ok(policy_decode(span_str(PLAIN), &p, NULL));
	stage_set(&s);
	s.f.before = NULL;
	s.f.values = NULL;
	s.pace.state = PACE_UNKNOWN;
	verdict_init(&v, &a);
	policy_eval_tpm(p, &s.f, &v);
	ck_assert_int_eq(v.worst, EFF_NONE);
	ck_assert_int_eq(v.checks[CHECK_QUOTE_FRESHNESS], CHECK_NOT_REQUIRED);
	ck_assert_int_eq(v.checks[CHECK_LOG_BOOT], CHECK_NOT_REQUIRED);
	policy_unref(p);
}
END_TEST

/* --- the table of advisories (K16) ---------------------------------------- */

START_TEST(advisories_are_sound)
{
	const struct advisory *one;
	size_t n = 0;

	for (; (one = advisory_at(n)); n++) {
		ck_assert_msg(one->from < one->fixed, "%s", one->id);
		ck_assert_msg(strncmp(one->id, "CVE-", 4) == 0, "%s", one->id);
		ck_assert(*one->what && *one->source);
		ck_assert(advisory_hits(one, one->maker, one->from));
		ck_assert(advisory_hits(one, one->maker, one->fixed - 1));
		ck_assert(!advisory_hits(one, one->maker, one->fixed));
		ck_assert(!advisory_hits(one, one->maker ^ 1, one->from));
		/* Ranges of one flaw do not overlap. */
		for (size_t k = 0; k < n; k++) {
			const struct advisory *two = advisory_at(k);
			ck_assert(strcmp(one->id, two->id) != 0 ||
				  one->maker != two->maker ||
				  one->from >= two->fixed ||
				  two->from >= one->fixed);
		}
	}
	ck_assert_uint_ge(n, 20);
	ck_assert_ptr_null(advisory_at(SIZE_MAX));
}
END_TEST

START_TEST(known_versions)
{
	static const struct {
		const char *id, *version;
		uint32_t maker;
		bool hit;
	} known[] = {
	    {"CVE-2017-15361", "7.61", 0x49465800, true},
	    {"CVE-2017-15361", "7.62.3126.0", 0x49465800, false},
	    {"CVE-2017-15361", "5.61.2785.0", 0x49465800, true},
	    {"CVE-2017-15361", "5.61", 0x53544d20, false},
	    {"CVE-2017-15361", "133.32", 0x49465800, true},
	    {"CVE-2019-16863", "71.12", 0x53544d20, true},
	    {"CVE-2019-16863", "71.16", 0x53544d20, false},
	    {"CVE-2019-16863", "74.9", 0x53544d20, true},
	    {"CVE-2019-16863", "74.64", 0x53544d20, false},
	    {"CVE-2019-11090", "11.8.50.3399", 0x494e5443, true},
	    {"CVE-2019-11090", "11.8.65", 0x494e5443, false},
	    {"CVE-2019-11090", "15.0", 0x494e5443, false},
	    {"CVE-2025-2884", "15.21", 0x49465800, true},
	    {"CVE-2025-2884", "15.23", 0x49465800, false},
	    {"CVE-2025-2884", "7.2.3.1", 0x4e544300, true},
	    {"CVE-2025-2884", "7.2.4.1", 0x4e544300, false},
	    {"CVE-2023-1017", "1.3.2.8", 0x4e544300, true},
	    {"CVE-2023-1017", "1.3.2.20", 0x4e544300, false},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct advisory *one;
		uint64_t version;
		bool hit = false;
		ck_assert(firmware_parse(span_str(known[i].version), &version));
		for (size_t k = 0; (one = advisory_at(k)); k++)
			hit |= strcmp(one->id, known[i].id) == 0 &&
			       advisory_hits(one, known[i].maker, version);
		ck_assert_msg(hit == known[i].hit, "%s %s", known[i].id,
		    known[i].version);
	}
}
END_TEST

START_TEST(versions_in_text)
{
	char text[FIRMWARE_TEXT];
	uint64_t v;

	firmware_emit(UINT64_MAX, text);
	ck_assert_str_eq(text, "65535.65535.65535.65535");
	ck_assert(firmware_parse(span_str(text), &v));
	ck_assert_uint_eq(v, UINT64_MAX);
	ck_assert(firmware_parse(span_str("0"), &v));
	ck_assert_uint_eq(v, 0);
	ck_assert(!firmware_parse(span_str("1.02"), &v));
	ck_assert(!firmware_parse(span_str(".1"), &v));
	ck_assert(!firmware_parse(span_str("1..2"), &v));
	ck_assert(!firmware_parse(span_of(NULL, 0), &v));
}
END_TEST

START_TEST(makers_by_name_and_number)
{
	uint32_t id;

	ck_assert(maker_parse(span_str("IFX"), &id));
	ck_assert_uint_eq(id, 0x49465800);
	ck_assert(maker_parse(span_str("id:00001014"), &id));
	ck_assert(maker_is_software(id));
	ck_assert_str_eq(maker_name(id), "swtpm");
	ck_assert(!maker_is_software(0x49465800));
	ck_assert(!maker_is_software(0));
	ck_assert_ptr_null(maker_name(0));
	ck_assert(!maker_parse(span_str("ID:00001014"), &id));
	ck_assert(!maker_parse(span_str("IFX "), &id));
	ck_assert_int_eq(rot_class_by_name(span_str("virtual")), ROT_VIRTUAL);
	ck_assert_int_eq(rot_class_by_name(span_str("Virtual")), ROT_UNKNOWN);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("tpm");
	TCase *t = tcase_create("tpm");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(
	    t, documents_refused, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(t, everything_is_kept);
	tcase_add_test(t, questions_are_asked);
	tcase_add_loop_test(t, rules, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(t, nothing_remembered);
	tcase_add_test(t, advisories_are_sound);
	tcase_add_test(t, known_versions);
	tcase_add_test(t, versions_in_text);
	tcase_add_test(t, makers_by_name_and_number);
	suite_add_tcase(s, t);
	return tap_run(s);
}

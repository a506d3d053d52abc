/* SPDX-License-Identifier: Apache-2.0 */
/* What the walk makes of its context, and what a flipped bit does. */
#include "base/text.h"
#include "lib/recorded.h"
#include "lib/tap.h"

#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

static struct hasher *hasher;
static struct policy *golden;
static struct arena arena;

/* One appraisal on its way. */
struct scene {
	struct recorded r;
	struct attest_context ctx;
	struct verdict v;
	struct attest_facts facts;
	struct tpm_clock clock;
	struct tpm_name name;
	struct anchors *anchors;
};

static struct scene *
scene_of(const char *boot, const char *quote)
{
	struct scene *s = arena_alloc(&arena, sizeof(*s));

	ck_assert_ptr_nonnull(s);
	s->r = recorded_boot(&arena, boot, quote);
	s->ctx = recorded_context(&s->r, golden);
	return s;
}

static struct scene *
golden_scene(void)
{
	return scene_of("grub-sb-golden", "quote-sha256-0_15-rsassa");
}

static void
judge(struct scene *s)
{
	struct err e = {0};
	rc r = attest_evidence(
	    &s->r.ev, &s->ctx, hasher, &arena, &s->v, &s->facts, &e);

	ck_assert_msg(rc_ok(r), "%s", err_name(r.code));
}

static bool
has(const struct verdict *v, enum err_code code)
{
	for (size_t i = 0; i < v->reasons_n; i++)
		if (v->reasons[i].code == code)
			return true;
	return false;
}

static void
setup(void)
{
	arena_init(&arena, (size_t)1 << 30);
	hasher = hasher_new();
	ck_assert_ptr_nonnull(hasher);
	golden = recorded_policy(
	    hasher, "grub-sb-golden", "quote-sha256-0_15-rsassa");
}

static void
teardown(void)
{
	policy_unref(golden);
	hasher_free(hasher);
	arena_free(&arena);
}

/* --- context ---------------------------------------------------------- */

static void
nothing(struct scene *s)
{
	(void)s;
}

static void
no_nonce(struct scene *s)
{
	s->ctx.nonce_given = false;
}

static void
longer_nonce(struct scene *s)
{
	uint8_t *b = arena_alloc(&arena, s->r.nonce.n + 1);

	memcpy(b, s->r.nonce.p, s->r.nonce.n);
	s->ctx.nonce = span_of(b, s->r.nonce.n + 1);
}

static void
empty_nonce(struct scene *s)
{
	s->ctx.nonce = span_of("", 0);
}

static void
nothing_asked(struct scene *s)
{
	s->ctx.asked = NULL;
}

static void
other_asked(struct scene *s)
{
	s->r.asked.bank[0].mask &= ~1u;
	s->ctx.asked = &s->r.asked;
}

static void
no_policy(struct scene *s)
{
	s->ctx.policy = NULL;
}

static void
pem_key(struct scene *s)
{
	s->r.ev.ak_pub =
	    tap_file(&arena, VM "boots/grub-sb-golden/ak-rsassa.pem");
}

static void
no_key(struct scene *s)
{
	s->r.ev.ak_pub = span_of(NULL, 0);
}

static void
anchors(struct scene *s)
{
	ck_rc_ok(anchors_add(&s->anchors,
	    tap_file(&arena, VM "common/ca1/rootca.pem"), ROT_VIRTUAL, NULL));
	ck_rc_ok(anchors_add(&s->anchors,
	    tap_file(&arena, VM "common/ca1/issuercert.pem"), ROT_VIRTUAL,
	    NULL));
	s->ctx.anchors = s->anchors;
}

static void
with_cert(struct scene *s)
{
	anchors(s);
	s->r.ev.ek_cert =
	    tap_file(&arena, VM "boots/grub-sb-golden/ekcert-rsa.der");
}

static void
cert_of_other_ca(struct scene *s)
{
	with_cert(s);
	anchors_free(s->anchors);
	s->anchors = NULL;
	ck_rc_ok(anchors_add(&s->anchors,
	    tap_file(&arena, VM "negatives/ekcert-fake-ca-same-name/ca.pem"),
	    ROT_VIRTUAL, NULL));
	s->r.ev.ek_cert = tap_file(
	    &arena, VM "negatives/ekcert-fake-ca-same-name/ekcert.der");
	s->ctx.anchors = s->anchors;
}

static void
with_ek(struct scene *s)
{
	s->r.ev.ek_pub = tap_file(&arena, VM "boots/grub-sb-golden/ek-rsa.pub");
}

static void
other_ek(struct scene *s)
{
	s->r.ev.ek_pub = tap_file(&arena, VM "boots/uki-golden/ek-rsa.pub");
}

static void
cert_of_other_key(struct scene *s)
{
	with_ek(s);
	s->r.ev.ek_cert =
	    tap_file(&arena, VM "boots/uki-golden/ekcert-rsa.der");
}

/* What the server remembers: taken from an appraisal of the same quote. */
static void
remembered(struct scene *s)
{
	judge(s);
	const struct tpm_quote *q = &s->facts.quote;
	s->clock = (struct tpm_clock){.known = true,
	    .clock = q->clock,
	    .reset_count = q->reset_count,
	    .restart_count = q->restart_count,
	    .firmware = q->firmware};
	s->ctx.clock = &s->clock;
}

static void
clock_behind(struct scene *s)
{
	remembered(s);
	s->clock.clock++;
}

static void
reset_behind(struct scene *s)
{
	remembered(s);
	s->clock.reset_count++;
}

static void
known_name(struct scene *s)
{
	judge(s);
	struct span signer = s->facts.quote.signer;
	s->name.n = signer.n;
	memcpy(s->name.b, signer.p, signer.n);
	s->ctx.ak_qualified = &s->name;
}

static void
other_name(struct scene *s)
{
	known_name(s);
	s->name.b[s->name.n - 1] ^= 1;
}

static void
with_values(struct scene *s)
{
	s->r.ev.pcrs =
	    recorded_values(&arena, "boots/grub-sb-golden", &s->r.asked);
}

static void
wrong_values(struct scene *s)
{
	with_values(s);
	uint8_t *b = arena_alloc(&arena, s->r.ev.pcrs.n);
	memcpy(b, s->r.ev.pcrs.p, s->r.ev.pcrs.n);
	b[100] ^= 1;
	s->r.ev.pcrs.p = b;
}

static void
short_values(struct scene *s)
{
	with_values(s);
	s->r.ev.pcrs.n--;
}

static void
no_log(struct scene *s)
{
	s->r.ev.eventlog = span_of(NULL, 0);
}

static void
no_log_but_values(struct scene *s)
{
	no_log(s);
	with_values(s);
}

/* Every SHA-256 digest of the log under the name of another algorithm with as
 * many bytes (E39). */
static void
other_name_of_the_bank(struct scene *s, uint8_t low)
{
	struct span log = s->r.ev.eventlog;
	uint8_t *b = arena_alloc(&arena, log.n);
	struct evlog decoded;

	memcpy(b, log.p, log.n);
	ck_rc_ok(evlog_decode(log, &arena, &decoded, NULL));
	int bank = evlog_alg_index(&decoded, ALG_SHA256);
	for (size_t i = 0; i + 4 < 100; i++)
		if (memcmp(b + i, "\x0b\0\x20\0", 4) == 0)
			b[i] = low;
	for (size_t i = 1; i < decoded.events_n; i++) {
		const uint8_t *digest = decoded.events[i].digests[bank];
		ck_assert_ptr_nonnull(digest);
		ck_assert_int_eq(b[digest - log.p - 2], 0x0b);
		b[digest - log.p - 2] = low;
	}
	s->r.ev.eventlog.p = b;
}

static void
sm3_of_the_same_size(struct scene *s)
{
	other_name_of_the_bank(s, 0x12);
}

static void
sha3_of_the_same_size(struct scene *s)
{
	other_name_of_the_bank(s, 0x27);
}

static void
no_ima(struct scene *s)
{
	s->r.ev.ima = span_of(NULL, 0);
	with_values(s);
}

static void
userspace(struct scene *s)
{
	s->r.ev.userspace = span_of("", 0);
}

static void
other_boot_resumed(struct scene *s)
{
	s->ctx.ima_resume = span_of("\x01\x01", 2);
}

static const struct {
	const char *name;
	void (*change)(struct scene *s);
	enum result result;
	enum err_code code; /* among the reasons */
	enum check_id check;
	enum check_state state;
} contexts[] = {
#define ROW(change, result, code, check, state)                                \
	{                                                                      \
#change, change, RESULT_##result, ERR_##code, CHECK_##check,   \
		    CHECK_##state                                              \
	}
    ROW(nothing, PASS, OK, QUOTE_NONCE, PASSED),
    ROW(no_nonce, NONE, QUOTE_NONCE_UNKNOWN, QUOTE_NONCE, NOT_RUN),
    ROW(longer_nonce, REJECT, QUOTE_NONCE, QUOTE_NONCE, FAILED),
    ROW(empty_nonce, REJECT, QUOTE_NONCE, QUOTE_NONCE, FAILED),
    ROW(nothing_asked, PASS, OK, QUOTE_SELECTION, NOT_REQUIRED),
    ROW(other_asked, REJECT, QUOTE_SELECTION, QUOTE_SELECTION, FAILED),
    ROW(no_policy, NONE, POLICY_NONE, POLICY_BOOT, NOT_RUN),
    ROW(pem_key, NONE, AK_ATTRIBUTES_UNKNOWN, AK_ATTRIBUTES, NOT_RUN),
    ROW(no_key, REJECT, AK_FORMAT, AK_FORMAT, FAILED),
    ROW(anchors, NONE, EK_MISSING, EK_CHAIN, NOT_RUN),
    ROW(with_cert, PASS, OK, EK_CHAIN, PASSED),
    ROW(cert_of_other_ca, REJECT, EK_UNTRUSTED, EK_CHAIN, FAILED),
    ROW(with_ek, PASS, OK, QUOTE_SIGNER, PASSED),
    ROW(other_ek, REJECT, AK_QN, QUOTE_SIGNER, FAILED),
    ROW(cert_of_other_key, REJECT, EK_MISMATCH, EK_PUBLIC, FAILED),
    ROW(remembered, PASS, OK, QUOTE_CLOCK, PASSED),
    ROW(clock_behind, REJECT, QUOTE_CLOCK_BACK, QUOTE_CLOCK, FAILED),
    ROW(reset_behind, REJECT, QUOTE_CLOCK_BACK, QUOTE_CLOCK, FAILED),
    ROW(known_name, PASS, OK, QUOTE_SIGNER, PASSED),
    ROW(other_name, REJECT, AK_QN, QUOTE_SIGNER, FAILED),
    ROW(with_values, PASS, OK, QUOTE_PCR_VALUES, PASSED),
    ROW(wrong_values, REJECT, QUOTE_PCR_DIGEST, QUOTE_PCR_VALUES, FAILED),
    ROW(short_values, REJECT, QUOTE_PCR_DIGEST, QUOTE_PCR_VALUES, FAILED),
    ROW(sm3_of_the_same_size, REJECT, LOG_BANK_MISSING, LOG_BINDING, FAILED),
    ROW(sha3_of_the_same_size, REJECT, LOG_BANK_MISSING, LOG_BINDING, FAILED),
    ROW(no_log, FAIL, LOG_ABSENT, LOG_FORMAT, FAILED),
    ROW(no_log_but_values, FAIL, LOG_ABSENT, LOG_FORMAT, FAILED),
    ROW(no_ima, FAIL, IMA_ABSENT, IMA_FORMAT, FAILED),
    ROW(userspace, PASS, OK, USERSPACE_REPLAY, PASSED),
    ROW(other_boot_resumed, REJECT, IMA_OFFSET, IMA_FORMAT, FAILED),
};

START_TEST(context)
{
	struct scene *s = golden_scene();

	contexts[_i].change(s);
	judge(s);
	ck_assert_msg(s->v.result == contexts[_i].result, "%s: %s",
	    contexts[_i].name, result_name(s->v.result));
	ck_assert_msg(
	    contexts[_i].code == ERR_OK || has(&s->v, contexts[_i].code),
	    "%s: no %s", contexts[_i].name, err_name(contexts[_i].code));
	ck_assert_msg(s->v.checks[contexts[_i].check] == contexts[_i].state,
	    "%s: %s is %s", contexts[_i].name, check_name(contexts[_i].check),
	    check_state_name(s->v.checks[contexts[_i].check]));
	anchors_free(s->anchors);
}
END_TEST

/* After a rejection nothing else is judged. */
START_TEST(reject_ends_the_walk)
{
	struct scene *s = golden_scene();

	longer_nonce(s);
	judge(s);
	for (int i = CHECK_QUOTE_NONCE + 1; i < CHECK_COUNT; i++)
		ck_assert_int_eq(s->v.checks[i], CHECK_NOT_RUN);
	ck_assert_uint_eq(s->v.reasons_n, 1);
}
END_TEST

/* The enrolled key is used, not the one in the evidence. */
START_TEST(enrolled_key)
{
	struct scene *s = golden_scene();
	struct tpm_public pub;
	struct key *mine = NULL, *other = NULL;

	ck_rc_ok(tpm_decode_public(s->r.ev.ak_pub, &arena, &pub, NULL));
	ck_rc_ok(key_from_public(&pub, &mine, NULL));
	ck_rc_ok(tpm_decode_public(
	    tap_file(&arena, VM "boots/uki-golden/ak-rsassa.pub"), &arena, &pub,
	    NULL));
	ck_rc_ok(key_from_public(&pub, &other, NULL));
	s->ctx.ak = mine;
	s->r.ev.ak_pub = span_of(NULL, 0);
	judge(s);
	ck_assert_int_eq(s->v.result, RESULT_PASS);
	ck_assert_int_eq(
	    s->v.checks[CHECK_AK_ATTRIBUTES], CHECK_NOT_APPLICABLE);
	s = golden_scene();
	s->ctx.ak = other;
	judge(s);
	ck_assert_int_eq(s->v.result, RESULT_REJECT);
	ck_assert(has(&s->v, ERR_QUOTE_SIGNATURE));
	key_free(mine);
	key_free(other);
}
END_TEST

/* With PCR values every wrong PCR is named with what was quoted and what the
 * log leads to. */
START_TEST(wrong_pcr_is_named)
{
	struct scene *s = scene_of(
	    "grub-sb-pcr4-extended-sha256only", "quote-sha256-0_15-rsassa");
	struct banks quoted =
	    recorded_pcrs(&arena, "boots/grub-sb-pcr4-extended-sha256only");
	struct banks replayed = recorded_pcrs(&arena, "boots/grub-sb-golden");

	s->r.ev.pcrs = recorded_values(
	    &arena, "boots/grub-sb-pcr4-extended-sha256only", &s->r.asked);
	judge(s);
	ck_assert_int_eq(s->v.result, RESULT_REJECT);
	ck_assert_uint_eq(s->v.reasons_n, 1);
	const struct reason *r = &s->v.reasons[0];
	ck_assert_int_eq(r->code, ERR_LOG_REPLAY);
	ck_assert_int_eq(r->pcr, 4);
	ck_assert_int_eq(r->layer, LAYER_BOOTLOADER);
	ck_assert_str_eq(r->path, "pcrs.sha256[4]");
	ck_assert_str_eq(r->expected,
	    hex_string(
		&arena, span_of(banks_get(&quoted, ALG_SHA256)->pcr[4], 32)));
	ck_assert_str_eq(r->found,
	    hex_string(
		&arena, span_of(banks_get(&replayed, ALG_SHA256)->pcr[4], 32)));
}
END_TEST

/* An IMA list handed over in two submissions, by what was kept of the first. */
START_TEST(resumed)
{
	struct scene *s = golden_scene();
	struct span kept;

	judge(s);
	ck_rc_ok(ima_state_encode(&s->facts.ima_end, &arena, &kept, NULL));
	struct scene *next = golden_scene();
	next->ctx.ima_resume = kept;
	next->r.ev.ima = span_of("", 0);
	judge(next);
	ck_assert_int_eq(next->v.result, RESULT_PASS);
	ck_assert_uint_eq(next->facts.ima_end.entries, 200);
	ck_assert_int_eq(
	    next->v.checks[CHECK_IMA_BOOT_AGGREGATE], CHECK_NOT_APPLICABLE);
	/* the whole list again does not continue it */
	next = golden_scene();
	next->ctx.ima_resume = kept;
	judge(next);
	ck_assert_int_eq(next->v.result, RESULT_PASS);
	ck_assert_uint_eq(next->facts.ima.entries, 0);
	ck_assert_uint_eq(next->facts.ima.tail, 200);
}
END_TEST

/* --- IMA -------------------------------------------------------------- */

/* The golden policy with one more member in its "ima". */
static struct policy *
golden_with(const char *member)
{
	struct span all = policy_canonical(golden);
	const char *text =
	    arena_printf(&arena, "%.*s", (int)all.n, (const char *)all.p);
	const char *at = strstr(text, "\"ima\":{") + strlen("\"ima\":{");
	struct policy *p = NULL;
	struct err e;

	rc r = policy_decode(
	    span_str(arena_printf(&arena, "{\"name\":\"more\",%.*s%s,%s",
		(int)(at - text - 1), text + 1, member, at)),
	    &p, &e);
	ck_assert_msg(rc_ok(r), "%s %s", e.path, e.text);
	return p;
}

static const struct reason *
first(const struct verdict *v)
{
	ck_assert_uint_ge(v->reasons_n, 1);
	return &v->reasons[0];
}

/* A kernel that kexec started goes on with PCR 10; the old list before the new
 * one explains it. Only a rule accepts that, and the later boot_aggregate has
 * to follow from the boot PCRs all the same. */
START_TEST(kexec)
{
	static const struct {
		const char *member;
		enum result result;
	} rules[] = {
	    {"\"kexec\":\"fail\"", RESULT_FAIL},
	    {"\"kexec\":\"warn\"", RESULT_WARN},
	    {"\"kexec\":\"pass\"", RESULT_PASS},
	};
	struct scene *s = scene_of("grub-sb-kexec", "quote-sha256-0_15-rsassa");
	struct span before =
	    tap_file(&arena, VM "boots/grub-sb-kexec/pre-kexec/ima-final.bin");
	uint8_t *both = arena_alloc(&arena, before.n + s->r.ev.ima.n);

	judge(s);
	ck_assert(has(&s->v, ERR_IMA_REPLAY));
	memcpy(both, before.p, before.n);
	memcpy(both + before.n, s->r.ev.ima.p, s->r.ev.ima.n);
	s->r.ev.ima = span_of(both, before.n + s->r.ev.ima.n);
	judge(s);
	ck_assert_int_eq(s->v.result, RESULT_FAIL);
	ck_assert_int_eq(first(&s->v)->code, ERR_IMA_KEXEC);
	for (size_t i = 0; i < 3; i++) {
		struct policy *p = golden_with(rules[i].member);
		s->ctx.policy = p;
		judge(s);
		ck_assert_msg(s->v.result == rules[i].result, "%s: %s",
		    rules[i].member, result_name(s->v.result));
		ck_assert_int_eq(
		    s->v.checks[CHECK_IMA_BOOT_AGGREGATE], CHECK_PASSED);
		policy_unref(p);
	}
}
END_TEST

/* A policy that asks for PCR 10 alone. */
#define ONLY_10(more)                                                          \
	"{\"akashi_policy\":1,\"name\":\"x\",\"pcrs\":{\"sha256\":[10]},"      \
	"\"ima\":{" more "\"exclude\":[{\"glob\":\"/*/**\"},{\"glob\":"        \
	"\"/init\"},{\"glob\":\"/modules.order\"}],\"deny\":[{\"glob\":\"/"    \
	"never\"}],\"globs\":[{"                                               \
	"\"digest\":\"sha256:000000000000000000000000000000000000000000000000" \
	"0000000000000000\",\"glob\":\"/never\"}]}}"

/* Neither log nor quoted values say what PCR 0 to 9 were: the policy does not
 * ask for them, so that alone is no fault, unless it says so. What can be seen
 * without them still counts. */
START_TEST(unverified_aggregate)
{
	static const struct {
		const char *policy;
		enum result result;
	} rules[] = {
	    {ONLY_10(""), RESULT_PASS},
	    {ONLY_10("\"boot_aggregate\":\"pass\","), RESULT_PASS},
	    {ONLY_10("\"boot_aggregate\":\"warn\","), RESULT_WARN},
	    {ONLY_10("\"boot_aggregate\":\"fail\","), RESULT_FAIL},
	};

	for (size_t i = 0; i < 4; i++) {
		struct scene *s =
		    scene_of("grub-sb-golden", "quote-single-sha256-10-rsassa");
		struct policy *p = NULL;
		ck_rc_ok(policy_decode(span_str(rules[i].policy), &p, NULL));
		s->ctx.policy = p;
		judge(s);
		ck_assert_int_eq(s->v.result, RESULT_PASS);
		ck_assert_int_eq(
		    s->v.checks[CHECK_IMA_BOOT_AGGREGATE], CHECK_PASSED);
		no_log(s);
		judge(s);
		ck_assert_msg(s->v.result == rules[i].result, "%zu: %s", i,
		    result_name(s->v.result));
		ck_assert_int_eq(s->v.checks[CHECK_IMA_BOOT_AGGREGATE],
		    i == 3 ? CHECK_FAILED : CHECK_NOT_APPLICABLE);
		ck_assert_int_eq(
		    has(&s->v, ERR_IMA_AGGREGATE_UNVERIFIED), i > 1);
		policy_unref(p);
	}
}
END_TEST

/* A set that is not here: nothing is judged, and nothing passes. */
START_TEST(set_missing)
{
	static const char line[] =
	    "00000000000000000000000000000000000000000000000000000000000000ab"
	    "  /never\n";
	struct refset_cache *cache = refset_cache_new();
	struct refset *set = NULL;
	struct refset_use use;

	ck_rc_ok(refset_load(span_str(line), &set, NULL));
	for (int there = 0; there < 2; there++) {
		struct scene *s = golden_scene();
		struct policy *p = golden_with(arena_printf(&arena,
		    "\"deny\":[{\"refset\":\"sha256:%s\",\"name\":\"bad\"}]",
		    hex_string(&arena, span_of(refset_hash(set), 32))));
		if (there)
			ck_rc_ok(refset_cache_put(cache, set));
		policy_bind(p, cache);
		ck_assert(
		    policy_refset(p, 0, &use) && !policy_refset(p, 1, &use));
		ck_assert(use.bound == there);
		ck_assert_str_eq(use.name, "bad");
		s->ctx.policy = p;
		judge(s);
		ck_assert_int_eq(
		    s->v.result, there ? RESULT_PASS : RESULT_NONE);
		ck_assert_int_eq(has(&s->v, ERR_POLICY_REFSET), !there);
		ck_assert_int_eq(s->v.checks[CHECK_POLICY_IMA],
		    there ? CHECK_PASSED : CHECK_NOT_RUN);
		policy_unref(p);
	}
	refset_unref(set);
	refset_cache_free(cache);
}
END_TEST

/* --- every quote of every boot ---------------------------------------- */

/* First pattern that fits: what is wrong with it, when no policy is asked. */
static const struct {
	const char *pattern;
	enum err_code code;
} quotes[] = {
    {"*/quote-unrestricted-*", ERR_AK_ATTRIBUTES},
    {"*/quote-empty-*", ERR_QUOTE_SELECTION_EMPTY},
    {"*/quote-sha512-unallocated-*", ERR_QUOTE_SELECTION_EMPTY},
    {"*/quote-nonceempty-*", ERR_QUOTE_NONCE},
    {"grub-nosb-no-eventlog/quote-single-sha256-10-*", ERR_POLICY_NONE},
    {"grub-nosb-no-eventlog/quote-sha1-*", ERR_LOG_BANK_SHA1},
    {"grub-nosb-no-eventlog/quote-*", ERR_QUOTE_VALUES_MISSING},
    {"*/quote-sha256-none+sha1-0-*", ERR_LOG_BANK_SHA1},
    {"grub-sb-log-behind/quote-*", ERR_IMA_REPLAY},
    {"grub-sb-kexec/quote-*", ERR_IMA_REPLAY},
    {"grub-sb-pcr4-*/quote-mixed-ecdsa.msg", ERR_POLICY_NONE},
    {"grub-sb-pcr4-*/quote-sha256-7_10-*", ERR_POLICY_NONE},
    {"grub-sb-pcr4-*/quote-single-*", ERR_POLICY_NONE},
    {"grub-sb-pcr4-*/quote-sha384-*", ERR_POLICY_NONE},
    {"grub-sb-pcr4-*/quote-sha1-*", ERR_LOG_BANK_SHA1},
    {"grub-sb-pcr4-*/quote-*", ERR_LOG_REPLAY},
    {"*/quote-sha1-*", ERR_LOG_BANK_SHA1},
    {"*/quote-*", ERR_POLICY_NONE},
};

static enum err_code
expected_of(const char *path)
{
	for (size_t i = 0; i < sizeof(quotes) / sizeof(*quotes); i++)
		if (fnmatch(quotes[i].pattern, path, 0) == 0)
			return quotes[i].code;
	return ERR_OK;
}

static void
judge_quote(char *path)
{
	enum err_code want = expected_of(path);
	char *slash = strchr(path, '/');
	char *dot = strrchr(path, '.');
	struct scene *s;

	*slash = *dot = '\0';
	s = scene_of(path, slash + 1);
	s->ctx.policy = NULL;
	judge(s);
	ck_assert_msg(has(&s->v, want), "%s %s: %s, not %s", path, slash + 1,
	    s->v.reasons_n ? err_name(s->v.reasons[0].code) : "-",
	    err_name(want));
	ck_assert_msg(want != ERR_POLICY_NONE || s->v.reasons_n == 1,
	    "%s %s: %s too", path, slash + 1, err_name(s->v.reasons[0].code));
	ck_assert(s->v.result != RESULT_PASS && s->v.result != RESULT_WARN);
}

START_TEST(every_quote)
{
	const char *top = getenv("SRCDIR");
	const char *boots =
	    arena_printf(&arena, "%s/" VM "boots/", top ? top : AKASHI_SRCDIR);
	glob_t g;

	ck_assert_int_eq(
	    glob(arena_printf(&arena, "%s*/quote-*.msg", boots), 0, NULL, &g),
	    0);
	ck_assert_uint_ge(g.gl_pathc, 350);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct arena outer = arena;
		arena_init(&arena, (size_t)64 << 20);
		judge_quote(g.gl_pathv[i] + strlen(boots));
		arena_free(&arena);
		arena = outer;
	}
	globfree(&g);
}
END_TEST

/* --- flipped bits ----------------------------------------------------- */

static struct span
writable(struct span s, uint8_t **out)
{
	*out = arena_alloc(&arena, s.n);
	memcpy(*out, s.p, s.n);
	return span_of(*out, s.n);
}

static void
judge_apart(struct scene *s)
{
	struct arena outer = arena;
	struct err e;

	arena_init(&arena, (size_t)64 << 20);
	rc r = attest_evidence(
	    &s->r.ev, &s->ctx, hasher, &arena, &s->v, &s->facts, &e);
	ck_assert(rc_ok(r));
	arena_free(&arena);
	arena = outer;
}

/* Every bit of quote and signature counts. */
START_TEST(flipped_quote)
{
	struct scene *s = golden_scene();
	struct span *part = _i ? &s->r.ev.signature : &s->r.ev.attest;
	uint8_t *b;

	*part = writable(*part, &b);
	for (size_t bit = 0; bit < 8 * part->n; bit++) {
		b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		judge_apart(s);
		ck_assert_msg(s->v.result == RESULT_REJECT, "bit %zu", bit);
		b[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	judge_apart(s);
	ck_assert_int_eq(s->v.result, RESULT_PASS);
}
END_TEST

static void
mark(uint8_t *map, const struct evlog *log, struct span s, uint8_t with)
{
	/* a span may be a constant that the event stands for */
	if (s.n && s.p >= log->raw.p && s.p < log->raw.p + log->raw.n)
		memset(map + (s.p - log->raw.p), with, s.n);
}

/* Bytes of the log that no quoted PCR binds: the Spec ID record, digests of
 * banks that are not quoted, data that is only a label, and of other data what
 * is not hashed (the name before the contents of a boot variable). */
static void
mark_unbound(struct scene *s, uint8_t *unbound)
{
	const struct evlog *log = &s->facts.log;
	int quoted = evlog_alg_index(log, ALG_SHA256);

	mark(unbound, log, span_of(log->raw.p, log->events[1].offset), 1);
	for (size_t i = 1; i < log->events_n; i++) {
		const struct evlog_event *ev = &log->events[i];
		size_t bound = s->facts.boot.events[i].bound;
		for (size_t k = 0; k < log->algs_n; k++)
			mark(unbound, log,
			    span_of(ev->digests[k], log->algs[k].size),
			    (int)k != quoted);
		mark(unbound, log, ev->data, 1);
		if (bound)
			mark(unbound, log, uefi_hashed(ev).try[bound - 1], 0);
	}
}

/* A flipped bit in a bound byte never passes, and nowhere does it turn into
 * anything better than what the whole log gives. */
START_TEST(flipped_log)
{
	struct scene *s = golden_scene();
	uint8_t *unbound = arena_alloc(&arena, s->r.ev.eventlog.n);
	size_t passed = 0;
	uint8_t *b;

	with_values(s);
	s->r.ev.eventlog = writable(s->r.ev.eventlog, &b);
	judge(s);
	ck_assert_int_eq(s->v.result, RESULT_PASS);
	mark_unbound(s, unbound);
	for (size_t i = 0; i < s->r.ev.eventlog.n; i++) {
		uint8_t mask = (uint8_t)(1u << i % 8);
		b[i] ^= mask;
		judge_apart(s);
		ck_assert_msg(unbound[i] || (s->v.result != RESULT_PASS &&
						s->v.result != RESULT_WARN),
		    "byte %zu", i);
		passed += s->v.result == RESULT_PASS;
		b[i] ^= mask;
	}
	ck_assert_uint_lt(passed, s->r.ev.eventlog.n / 2);
}
END_TEST

START_TEST(truncated_log)
{
	struct scene *s = golden_scene();
	size_t whole = s->r.ev.eventlog.n;

	with_values(s);
	for (size_t n = 0; n < whole; n++) {
		s->r.ev.eventlog.n = n;
		judge_apart(s);
		ck_assert_msg(
		    s->v.result == RESULT_REJECT || s->v.result == RESULT_FAIL,
		    "%zu bytes: %s", n, result_name(s->v.result));
	}
	s->r.ev.eventlog.n = whole;
	judge_apart(s);
	ck_assert_int_eq(s->v.result, RESULT_PASS);
}
END_TEST

/* Same inputs, same verdict, byte for byte, with another hasher and arena. */
START_TEST(deterministic)
{
	struct buf out[2] = {{0}, {0}};

	for (int i = 0; i < 2; i++) {
		struct hasher *before = hasher;
		struct jw w = jw_over(&out[i]);
		struct scene *s = scene_of(
		    "grub-sb-ima-violations", "quote-sha256-0_15-rsassa");
		hasher = hasher_new();
		judge(s);
		jw_object(&w);
		verdict_emit(&s->v, &w);
		jw_object_end(&w);
		hasher_free(hasher);
		hasher = before;
	}
	ck_assert(span_eq(buf_span(&out[0]), buf_span(&out[1])));
	ck_assert_uint_gt(out[0].n, 1000);
	buf_free(&out[0]);
	buf_free(&out[1]);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("attest");
	TCase *t = tcase_create("attest");

	tcase_set_timeout(t, 300);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(
	    t, context, 0, (int)(sizeof(contexts) / sizeof(*contexts)));
	tcase_add_test(t, reject_ends_the_walk);
	tcase_add_test(t, enrolled_key);
	tcase_add_test(t, wrong_pcr_is_named);
	tcase_add_test(t, resumed);
	tcase_add_test(t, kexec);
	tcase_add_test(t, unverified_aggregate);
	tcase_add_test(t, set_missing);
	tcase_add_test(t, every_quote);
	tcase_add_loop_test(t, flipped_quote, 0, 2);
	tcase_add_test(t, flipped_log);
	tcase_add_test(t, truncated_log);
	tcase_add_test(t, deterministic);
	suite_add_tcase(s, t);
	return tap_run(s);
}

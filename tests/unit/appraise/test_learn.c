/* SPDX-License-Identifier: Apache-2.0 */
/* What a learned policy never holds, and what is left out with a word. */
#include "appraise/learn.h"
#include "base/text.h"
#include "lib/recorded.h"
#include "lib/tap.h"

#include <stdlib.h>
#include <string.h>

static struct arena arena;
static struct hasher *hasher;
static struct recorded r;
static struct attest_facts *facts;

static const struct {
	const char *boot, *quote;
} boots[] = {
    {"grub-sb-golden", "quote-sha256-0_15-rsassa"},
    {"grub-sb-golden", "quote-mixed-rsassa"},
    {"uki-golden", "quote-sha256-0_15-rsassa"},
    {"direct-golden", "quote-sha256-0_15-rsassa"},
    {"debian-golden", "quote-sha256-0_15-ecdsa"},
};

static void
setup(void)
{
	arena_init(&arena, (size_t)256 << 20);
	hasher = hasher_new();
	facts = arena_alloc(&arena, sizeof(*facts));
	ck_assert_ptr_nonnull(facts);
}

static void
teardown(void)
{
	hasher_free(hasher);
	arena_free(&arena);
}

static struct golden
golden_of(const char *boot, const char *quote)
{
	struct verdict *v = arena_alloc(&arena, sizeof(*v));
	struct golden g = {.source = boot};

	ck_assert_ptr_nonnull(v);
	r = recorded_boot(&arena, boot, quote);
	struct attest_context ctx = recorded_context(&r, NULL);
	ck_rc_ok(attest_evidence(&r.ev, &ctx, hasher, &arena, v, facts, NULL));
	ck_assert(facts->quote_ok && facts->log_ok && facts->ima_ok);
	g.boot = (struct boot_facts){.log = &facts->log,
	    .replay = &facts->boot,
	    .quoted = &facts->quote.selection,
	    .values = &facts->values,
	    .hasher = hasher};
	g.ima = span_of(r.ev.ima.p, (size_t)facts->ima.bytes);
	return g;
}

static const char *
learned(const struct golden *g, struct learn_note **notes)
{
	const struct learn_options o = {.name = "golden"};
	struct buf out = {0};
	struct err e = {0};

	rc result = policy_learn(g, 1, &o, &arena, &out, notes, &e);
	ck_assert_msg(rc_ok(result), "%s %s", err_name(e.code), e.text);
	const char *text = arena_printf(&arena, "%s", out.p);
	buf_free(&out);
	ck_assert_ptr_nonnull(text);
	return text;
}

static bool
noted(const struct learn_note *n, const char *words)
{
	for (; n; n = n->next)
		if (strstr(n->text, words))
			return true;
	return false;
}

static void
without(const char *text, struct span secret, const char *what)
{
	const char *hex = hex_string(&arena, secret);

	ck_assert_ptr_nonnull(hex);
	ck_assert_uint_gt(secret.n, 7);
	ck_assert_msg(!strstr(text, hex), "%s", what);
}

static void
without_hash(const char *text, struct span whole, const char *what)
{
	static const uint16_t algs[] = {
	    ALG_SHA1, ALG_SHA256, ALG_SHA384, ALG_SHA512};
	uint8_t digest[HASH_MAX];

	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
		ck_rc_ok(hash_of(hasher, algs[i], whole, digest));
		without(text, span_of(digest, hash_by_id(algs[i])->size), what);
	}
}

/* A file of 33 bytes that names the machine, and the folder of its journal. */
static void
without_machine_id(const char *text)
{
	struct ima_reader in = ima_over(r.ev.ima, 0);
	struct ima_entry entry;
	uint8_t empty[HASH_MAX];
	bool more = true;

	ck_rc_ok(hash_of(hasher, ALG_SHA256, span_of(NULL, 0), empty));
	for (;;) {
		ck_rc_ok(ima_next(&in, &entry, &more, NULL));
		if (!more)
			break;
		/* The image has an empty one. */
		if (span_eq(entry.path, span_str("/etc/machine-id")) &&
		    !span_eq(entry.digest, span_of(empty, 32)))
			without(text, entry.digest, "the machine id's digest");
		if (glob_match("/var/log/journal/*/*", entry.path))
			ck_assert_msg(
			    !strstr(text, arena_printf(&arena, "%.32s",
					      entry.path.p + 17)),
			    "the machine id in a path");
	}
}

START_TEST(says_no_secret)
{
	struct golden g = golden_of(boots[_i].boot, boots[_i].quote);
	struct learn_note *notes = NULL;
	const char *text = learned(&g, &notes);

	without(text, r.nonce, "the nonce");
	without(text, span_of(facts->ak_name.b + 2, facts->ak_name.n - 2),
	    "the AK's name");
	without(
	    text, span_of(r.ev.ak_pub.p + r.ev.ak_pub.n - 32, 32), "the AK");
	without(text, facts->quote.pcr_digest, "the quote's digest");
	without_hash(text, r.ev.eventlog, "a digest of the whole log");
	without_hash(text, r.ev.ima, "a digest of the whole list");
	for (size_t i = 0; i < facts->values.n; i++)
		without(text,
		    span_of(facts->values.bank[i].pcr[10],
			hash_by_id(facts->values.bank[i].alg)->size),
		    "PCR 10");
	without_machine_id(text);
	ck_assert_ptr_null(strstr(text, "\"10\":"));
}
END_TEST

START_TEST(names_its_sources)
{
	struct golden g = golden_of(boots[_i].boot, boots[_i].quote);
	struct learn_note *notes = NULL;
	struct policy *p = NULL;
	struct buf questions = {0};

	ck_rc_ok(policy_decode(span_str(learned(&g, &notes)), &p, NULL));
	buf_puts(&questions, "");
	policy_lint(p, 0, "en", &questions);
	ck_assert_msg(
	    !strstr(questions.p, "where it is from"), "%s", questions.p);
	buf_free(&questions);
	policy_unref(p);
}
END_TEST

/* CVE-2021-42299: what stands in such a bank was put there later. */
START_TEST(leaves_out_an_unextended_bank)
{
	struct golden g = golden_of("grub-sb-golden", "quote-mixed-rsassa");
	struct learn_note *notes = NULL;

	ck_assert_ptr_nonnull(strstr(learned(&g, &notes), "\"sha384\""));
	ck_assert(!noted(notes, "never measured"));
	memset(banks_find(&facts->values, ALG_SHA384)->pcr[0], 0, HASH_MAX);
	const char *text = learned(&g, &notes);
	ck_assert_ptr_null(strstr(text, "\"sha384\""));
	ck_assert_ptr_nonnull(strstr(text, "\"sha256\""));
	ck_assert(noted(notes, "WARNING: the firmware never measured into bank "
			       "sha384"));
}
END_TEST

/* Two boots that differ in the type of one event: one of both, not neither. */
START_TEST(alternatives_of_other_types)
{
	const struct learn_options o = {.name = "golden"};
	struct golden g[2] = {
	    golden_of("uki-golden", "quote-sha256-0_15-rsassa"),
	    golden_of("uki-golden", "quote-sha256-0_15-rsassa")};
	struct evlog other = facts->log;
	struct learn_note *notes = NULL;
	struct policy *p = NULL;
	struct buf out = {0};
	size_t at = 0;

	other.events =
	    arena_array(&arena, other.events_n, sizeof(*other.events));
	ck_assert_ptr_nonnull(other.events);
	for (size_t i = 0; i < other.events_n; i++) {
		other.events[i] = facts->log.events[i];
		if (other.events[i].type == EV_EFI_GPT_EVENT)
			at = i;
	}
	ck_assert_uint_gt(at, 0);
	other.events[at].type = EV_EFI_GPT_EVENT2;
	g[0].boot.log = &facts->log;
	g[1].boot.log = &other;
	ck_rc_ok(policy_learn(g, 2, &o, &arena, &out, &notes, NULL));
	ck_assert_ptr_nonnull(strstr(out.p, "EV_EFI_GPT_EVENT2"));
	ck_assert_ptr_null(strstr(out.p, "\"optional\""));
	ck_assert(noted(notes, "both are accepted"));
	ck_rc_ok(policy_decode(buf_span(&out), &p, NULL));
	for (size_t i = 0; i < 3; i++) {
		struct verdict *v = arena_alloc(&arena, sizeof(*v));
		struct boot_facts f = g[i == 1].boot;
		ck_assert_ptr_nonnull(v);
		if (i == 2)
			other.events[at].type = EV_EFI_ACTION;
		f.log = i == 0 ? g[0].boot.log : &other;
		verdict_init(v, &arena);
		ck_rc_ok(policy_eval_boot(p, &f, v, NULL));
		ck_assert_int_eq(v->checks[CHECK_POLICY_BOOT],
		    i == 2 ? CHECK_FAILED : CHECK_PASSED);
	}
	policy_unref(p);
	buf_free(&out);
}
END_TEST

START_TEST(says_what_each_machine_makes)
{
	struct golden g =
	    golden_of("debian-golden", "quote-sha256-0_15-rsassa");
	struct learn_note *notes = NULL;

	learned(&g, &notes);
	ck_assert(noted(notes, "/etc/machine-id is not judged"));
}
END_TEST

int
main(void)
{
	enum { BOOTS = sizeof(boots) / sizeof(boots[0]) };
	Suite *s = suite_create("learn");
	TCase *tc = tcase_create("learn");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, says_no_secret, 0, BOOTS);
	tcase_add_loop_test(tc, names_its_sources, 0, BOOTS);
	tcase_add_test(tc, leaves_out_an_unextended_bank);
	tcase_add_test(tc, alternatives_of_other_types);
	tcase_add_test(tc, says_what_each_machine_makes);
	suite_add_tcase(s, tc);
	return tap_run(s);
}

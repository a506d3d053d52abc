/* SPDX-License-Identifier: Apache-2.0 */
/* The walk with logs that follow each other and with a userspace log: what
 * cutting, flipping and closing banks does. */
#include "appraise/learn.h"
#include "cases/edit.h"
#include "cases/edit_userspace.h"
#include "lib/tap.h"

#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>

#define QUOTE "quote-sha256-0_15-rsassa"

static struct hasher *hasher;
static struct arena arena;
static EVP_PKEY *key;
static struct policy *golden;
static struct edit base;

static struct edit
made(const char *boot, const char *changes)
{
	struct edit e = {.a = &arena, .h = hasher, .key = key};

	e.r = recorded_boot(&arena, boot, QUOTE);
	e.quoted = e.r.asked;
	ck_assert(edit_apply(&e, changes));
	return e;
}

/* Of the last judgement; what they point at lasts until the next one. */
static struct attest_facts facts;
static struct verdict verdict;
static struct arena judged;

static enum result
judge(struct edit *e, const struct policy *p)
{
	struct attest_context ctx = recorded_context(&e->r, p);

	arena_reset(&judged);
	ck_rc_ok(attest_evidence(
	    &e->r.ev, &ctx, hasher, &judged, &verdict, &facts, NULL));
	return verdict.result;
}

static struct policy *
learn(struct edit *e)
{
	struct attest_context ctx = recorded_context(&e->r, NULL);
	const struct learn_options o = {.name = "golden"};
	struct learn_note *notes = NULL;
	struct policy *p = NULL;
	struct buf json = {0};

	ck_rc_ok(attest_evidence(
	    &e->r.ev, &ctx, hasher, &arena, &verdict, &facts, NULL));
	const struct golden g = {.boot = attest_boot_facts(&facts, hasher)};
	ck_rc_ok(policy_learn(&g, 1, &o, &arena, &json, &notes, NULL));
	ck_rc_ok(policy_decode(buf_span(&json), &p, NULL));
	buf_free(&json);
	return p;
}

static void
setup(void)
{
	arena_init(&arena, (size_t)1 << 30);
	arena_init(&judged, (size_t)64 << 20);
	hasher = hasher_new();
	key = EVP_EC_gen("P-256");
	ck_assert(hasher && key);
	base = made("uki-golden", "absent ima; us boot; sign; values");
	golden = learn(&base);
}

static void
teardown(void)
{
	policy_unref(golden);
	EVP_PKEY_free(key);
	hasher_free(hasher);
	arena_free(&judged);
	arena_free(&arena);
}

static bool
has(enum err_code code)
{
	for (size_t i = 0; i < verdict.reasons_n; i++)
		if (verdict.reasons[i].code == code)
			return true;
	return false;
}

/* --- userspace log ---------------------------------------------------- */

static struct cel_log
decoded(struct span s)
{
	struct cel_log log;

	ck_rc_ok(cel_decode(s, CEL_SYSTEMD, &arena, &log, NULL));
	return log;
}

static const uint8_t *
sha256_of(const struct cel_record *rec)
{
	for (size_t i = 0; i < rec->digests_n; i++)
		if (rec->digests[i].alg->id == ALG_SHA256)
			return rec->digests[i].bytes;
	return NULL;
}

/* The same measurements in the same order, whatever labels say. */
static bool
same_measurements(const struct cel_log *a, struct span bytes)
{
	struct cel_log b;

	if (!rc_ok(cel_decode(bytes, CEL_SYSTEMD, &arena, &b, NULL)) ||
	    a->records_n != b.records_n)
		return false;
	for (size_t i = 0; i < a->records_n; i++) {
		const struct cel_record *x = &a->records[i];
		const struct cel_record *y = &b.records[i];
		if (x->nv && y->nv)
			continue;
		const uint8_t *dx = sha256_of(x), *dy = sha256_of(y);
		if (x->nv != y->nv || x->where != y->where || !dx || !dy ||
		    memcmp(dx, dy, 32) != 0)
			return false;
	}
	return true;
}

START_TEST(golden_passes)
{
	ck_assert_int_eq(judge(&base, golden), RESULT_PASS);
	ck_assert(facts.userspace_ok && facts.log_ok);
	ck_assert_uint_eq(facts.userspace_unattested, 1);
	ck_assert_int_eq(verdict.checks[CHECK_USERSPACE_REPLAY], CHECK_PASSED);
	ck_assert_int_eq(verdict.checks[CHECK_POLICY_USERSPACE], CHECK_PASSED);
}
END_TEST

/* A prefix at the end of a record is a log that the quote contradicts. */
START_TEST(no_prefix_passes)
{
	struct edit e = base;
	size_t all = base.r.ev.userspace.n;

	for (size_t n = 0; n < all; n += n + 64 < all ? 29 : 1) {
		e.r.ev.userspace.n = n;
		ck_assert_msg(judge(&e, golden) >= RESULT_FAIL, "%zu", n);
	}
}
END_TEST

START_TEST(no_flip_of_a_measurement_passes)
{
	struct cel_log good = decoded(base.r.ev.userspace);
	struct span s = base.r.ev.userspace;
	struct edit e = base;
	size_t passed = 0;

	for (size_t i = 0; i < s.n; i += 7) {
		uint8_t *copy = arena_alloc(&arena, s.n);
		memcpy(copy, s.p, s.n);
		copy[i] ^= (uint8_t)(1u << i % 8);
		e.r.ev.userspace = span_of(copy, s.n);
		if (judge(&e, golden) >= RESULT_FAIL)
			continue;
		ck_assert_msg(same_measurements(&good, span_of(copy, s.n)),
		    "byte %zu", i);
		passed++;
	}
	ck_assert_uint_gt(passed, 0); /* labels and other banks' digests */
}
END_TEST

/* What is not of this log: any garbage is refused, never ours. */
START_TEST(garbage_is_refused)
{
	static const char *const texts[] = {"x", "{}", "\x1e", "\x1e{}\n", "[",
	    "\x80", "\xa0", "{\"pcr\":0}\n", "\n\n"};
	struct edit e = base;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		e.r.ev.userspace = span_str(texts[i]);
		ck_assert_int_eq(judge(&e, golden), RESULT_REJECT);
	}
}
END_TEST

/* A policy of the machine without its userspace log: the records satisfy
 * nothing. */
START_TEST(records_need_rules)
{
	struct edit plain = made("uki-golden", "absent ima; sign; values");
	struct edit phase = made("uki-golden",
	    "absent ima; us add 11 phase enter-initrd; sign; values");
	struct edit separator = made("uki-golden",
	    "absent ima; us add 7 os-separator os-separator; sign; values");
	struct edit twice = made("uki-golden",
	    "absent ima; us add 7 os-separator os-separator; us add 7 "
	    "os-separator os-separator; sign; values");
	struct policy *p = learn(&plain);

	ck_assert_int_eq(judge(&plain, p), RESULT_PASS);
	ck_assert_int_eq(judge(&phase, p), RESULT_FAIL);
	ck_assert(has(ERR_BOOT_EVENT_UNKNOWN));
	ck_assert_int_eq(judge(&separator, p), RESULT_PASS);
	ck_assert_int_eq(judge(&twice, p), RESULT_FAIL);
	ck_assert_int_eq(judge(&plain, golden), RESULT_FAIL);
	ck_assert(has(ERR_USERSPACE_ABSENT));
	policy_unref(p);
}
END_TEST

/* Without a boot log nothing is known of where PCRs started. */
START_TEST(without_a_boot_log)
{
	struct edit e = base;
	struct policy *p = NULL;

	ck_rc_ok(policy_decode(
	    tap_file(&arena, "tests/cases/pcr-only.json"), &p, NULL));
	e.r.ev.eventlog = span_of(NULL, 0);
	ck_assert_int_ne(judge(&e, p), RESULT_REJECT);
	ck_assert_int_eq(
	    verdict.checks[CHECK_LOG_REPLAY], CHECK_NOT_APPLICABLE);
	/* PCR 15 starts at reset and is explained, PCR 7 is not */
	ck_assert(facts.userspace_match.named & 1u << 15);
	ck_assert(!(facts.userspace_match.wrong & 1u << 15));
	ck_assert(facts.userspace_match.wrong & 1u << 7);
	policy_unref(p);
}
END_TEST

/* --- boot logs -------------------------------------------------------- */

static struct span
joined(struct span a, struct span b)
{
	uint8_t *p = arena_alloc(&arena, a.n + b.n);

	memcpy(p, a.p, a.n);
	memcpy(p + a.n, b.p, b.n);
	return span_of(p, a.n + b.n);
}

START_TEST(the_quote_chooses)
{
	struct span other =
	    recorded_boot(&arena, "grub-sb-golden", QUOTE).ev.eventlog;
	struct span mine = base.r.ev.eventlog;
	struct edit e = base;

	for (int values = 0; values < 2; values++) {
		if (values)
			e.r.ev.pcrs = base.r.ev.pcrs;
		else
			e.r.ev.pcrs = span_of(NULL, 0);
		e.r.ev.eventlog = joined(other, mine);
		ck_assert_int_eq(judge(&e, golden), RESULT_PASS);
		ck_assert_uint_eq(facts.boot_logs, 2);
		ck_assert_uint_eq(facts.boot_log_at, 1);
		e.r.ev.eventlog = joined(mine, other);
		ck_assert_int_eq(judge(&e, golden), RESULT_PASS);
		ck_assert_uint_eq(facts.boot_log_at, 0);
		ck_assert_str_eq(verdict.quirks[0], "other_boot_logs_ignored");
		e.r.ev.eventlog = joined(other, other);
		ck_assert_int_eq(judge(&e, golden), RESULT_REJECT);
		/* a log that cannot be read spoils all */
		e.r.ev.eventlog = joined(mine, span_of(other.p, other.n - 1));
		ck_assert_int_eq(judge(&e, golden), RESULT_REJECT);
		ck_assert(strncmp(verdict.reasons[0].path,
			      "eventlog.logs[1].events[", 24) == 0);
	}
}
END_TEST

START_TEST(boot_logs_are_limited)
{
	struct span mine = base.r.ev.eventlog;
	struct edit e = base;

	for (size_t n = 2; n <= LIMIT_BOOT_LOGS; n++)
		e.r.ev.eventlog = joined(e.r.ev.eventlog, mine);
	ck_assert_int_eq(judge(&e, golden), RESULT_PASS);
	ck_assert_uint_eq(facts.boot_log_at, LIMIT_BOOT_LOGS - 1);
	e.r.ev.eventlog = joined(e.r.ev.eventlog, mine);
	ck_assert_int_eq(judge(&e, golden), RESULT_REJECT);
	ck_assert(has(ERR_LOG_TOO_LARGE));
}
END_TEST

/* --- banks ------------------------------------------------------------ */

/* Whichever of two banks is closed, the other is judged and it is not; on
 * hosts with os-separators as well. */
START_TEST(a_capped_bank_satisfies_nothing)
{
	static const char two[] = "absent ima; us boot; asked sha256:0,4,7,11+"
				  "sha384:0,4,7,11; sign; values";
	struct edit open = made("uki-golden", two);
	struct policy *both = learn(&open);
	struct edit capped;

	ck_assert_int_eq(judge(&open, both), RESULT_PASS);
	for (int i = 0; i < 2; i++) {
		capped = made("uki-golden", arena_printf(&arena, "cap %s; %s",
						i ? "sha256" : "sha384", two));
		ck_assert_int_eq(judge(&capped, both), RESULT_FAIL);
		ck_assert(has(ERR_BANK_CAPPED) && has(ERR_POLICY_UNQUOTED));
		ck_assert_uint_eq(facts.judged.n, 1);
		ck_assert_uint_eq(
		    facts.judged.bank[0].alg, i ? ALG_SHA384 : ALG_SHA256);
		ck_assert(facts.log_ok);
	}
	policy_unref(both);
	capped = made("uki-golden", "cap sha256; absent ima; us boot; sign; "
				    "values");
	ck_assert_int_eq(judge(&capped, golden), RESULT_FAIL);
	ck_assert(!facts.log_ok);
	ck_assert_uint_eq(facts.judged.n, 0);
	/* without values it cannot be told, and is refused */
	capped.r.ev.pcrs = span_of(NULL, 0);
	ck_assert_int_eq(judge(&capped, golden), RESULT_REJECT);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("attest");
	TCase *t = tcase_create("userspace");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, golden_passes);
	tcase_add_test(t, no_prefix_passes);
	tcase_add_test(t, no_flip_of_a_measurement_passes);
	tcase_add_test(t, garbage_is_refused);
	tcase_add_test(t, records_need_rules);
	tcase_add_test(t, without_a_boot_log);
	tcase_add_test(t, the_quote_chooses);
	tcase_add_test(t, boot_logs_are_limited);
	tcase_add_test(t, a_capped_bank_satisfies_nothing);
	suite_add_tcase(s, t);
	return tap_run(s);
}

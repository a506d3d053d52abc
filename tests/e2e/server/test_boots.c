/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks, reboots and boot logs by reference. */
#include "e2e/server/cases.h"

static struct world w;
static struct sim *s;

static void
setup(void)
{
	world_begin(&w, NULL);
	s = sim_new(&w, "n1");
	struct shot first = aim(&w, s);
	judged(&w, &first, "pass", "");
}

static void
teardown(void)
{
	world_end(&w);
}

/* --- time goes forward ---------------------------------------------------- */

static void
clock_back(struct soft_tpm *t)
{
	t->clock -= 5000;
}

static void
resets_back(struct soft_tpm *t)
{
	t->resets--;
	t->clock += 5000;
}

static void
restarts_back(struct soft_tpm *t)
{
	t->restarts--;
	t->clock += 5000;
}

static void (*const backwards[])(struct soft_tpm *t) = {
    clock_back, resets_back, restarts_back};

START_TEST(rolled_back)
{
	struct soft_tpm before = s->tpm;

	backwards[_i](&s->tpm);
	struct shot bad = aim(&w, s);
	struct answer a = judged(&w, &bad, "reject", "quote.clock");
	ck_assert_str_eq(text_at(a.json, "status"), "untrusted");
	/* The true TPM goes on: two copies of one state. Nothing says which of
	 * them this is until somebody has looked (X04). */
	s->tpm.clock = before.clock;
	s->tpm.resets = before.resets;
	s->tpm.restarts = before.restarts;
	struct shot good = aim(&w, s);
	judged(&w, &good, "fail", "tpm.clone");
	good = aim(&w, s);
	a = judged(&w, &good, "fail", "tpm.clone");
	ck_assert_str_eq(text_at(a.json, "status"), "untrusted");
	a = get(&w, "/v1/nodes/n1");
	ck_assert_str_eq(text_at(a.json, "status_reason"), "node.held");
	says(post(&w, "/v1/nodes/n1/clear", "{}"), 400, "json.missing");
	says(post(&w, "/v1/nodes/n1/clear", "{\"reason\":\"\"}"), 400,
	    "json.range");
	ck_assert_str_eq(status_of(&w, s), "untrusted");
	a = post(&w, "/v1/nodes/n1/clear", "{\"reason\":\"looked at it\"}");
	says(a, 200, "");
	good = aim(&w, s);
	a = judged(&w, &good, "pass", "");
	ck_assert_str_eq(text_at(a.json, "status"), "trusted");
}
END_TEST

/* A restored snapshot does not get through by waiting until its clock has
 * passed the one that is remembered (X05). */
START_TEST(rolled_back_and_waited)
{
	s->tpm.clock -= 5000;
	struct shot bad = aim(&w, s);
	judged(&w, &bad, "reject", "quote.clock");
	s->tpm.clock += 30000;
	bad = aim(&w, s);
	judged(&w, &bad, "fail", "tpm.clone");
	soft_tpm_boot(&s->tpm, GOLDEN_BOOT);
	bad = aim(&w, s);
	judged(&w, &bad, "fail", "tpm.clone");
	ck_assert_str_eq(status_of(&w, s), "untrusted");
}
END_TEST

/* Another copy whose clock is ahead: the TPM counted more time than passed. */
START_TEST(clock_that_leaps)
{
	s->tpm.clock += 1000 * 1000;
	struct shot shot = aim(&w, s);
	judged(&w, &shot, "warn", "quote.clock_pace");
	shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
	struct attester after = stored(&w, s).state.attester;
	ck_assert_int_gt(after.clock_from, 0);
	ck_assert_int_le(after.clock_from, after.clock_to);
}
END_TEST

/* What was the highest version stays so: an older one fails until it is
 * cleared, not only once (Q30). */
START_TEST(older_firmware)
{
	uint64_t firmware = s->tpm.firmware;

	s->tpm.firmware--;
	for (int i = 0; i < 2; i++) {
		struct shot bad = aim(&w, s);
		judged(&w, &bad, "fail", "tpm.fw");
		soft_tpm_boot(&s->tpm, GOLDEN_BOOT);
	}
	s->tpm.firmware = firmware + 1;
	struct shot good = aim(&w, s);
	judged(&w, &good, "pass", "");
	ck_assert_str_eq(status_of(&w, s), "trusted");
	ck_assert_uint_eq(stored(&w, s).state.attester.firmware, firmware + 1);
	s->tpm.firmware = firmware;
	struct shot bad = aim(&w, s);
	judged(&w, &bad, "fail", "tpm.fw");
	says(post(&w, "/v1/nodes/n1/clear", "{\"reason\":\"test\"}"), 200, "");
	good = aim(&w, s);
	judged(&w, &good, "pass", "");
}
END_TEST

/* Padding after the last event changes the log and nothing that it says. */
static struct span
padded(struct span log)
{
	uint8_t *p = arena_alloc(&w.arena, log.n + 16);

	memcpy(p, log.p, log.n);
	memset(p + log.n, 0, 16);
	return span_of(p, log.n + 16);
}

/* One boot, one log (Q29); leaving it out in between changes nothing. */
START_TEST(another_log_of_the_same_boot)
{
	struct sha256 first = stored(&w, s).state.attester.boot_log;
	struct shot none = aim(&w, s);

	none.eventlog = (struct span){NULL, 0};
	fire(&w, &none);
	for (int i = 0; i < 2; i++) {
		struct shot bad = aim(&w, s);
		bad.eventlog = padded(bad.eventlog);
		struct answer a = fire(&w, &bad);
		says(a, 200, "");
		ck_assert_str_eq(text_at(a.json, "result"), "fail");
		ck_assert_str_eq(
		    text_at(a.json, "reasons.0.code"), "log.inconsistent_boot");
	}
	ck_assert(stored(&w, s).state.held);
	struct sha256 kept = stored(&w, s).state.attester.boot_log;
	ck_assert(sha256_eq(&first, &kept));
	says(post(&w, "/v1/nodes/n1/clear", "{\"reason\":\"test\"}"), 200, "");
	struct shot good = aim(&w, s);
	judged(&w, &good, "pass", "");
	soft_tpm_boot(&s->tpm, GOLDEN_BOOT);
	good = aim(&w, s);
	good.eventlog = padded(good.eventlog);
	judged(&w, &good, "pass", "");
	ck_assert_str_eq(status_of(&w, s), "trusted");
}
END_TEST

/* Two genuine quotes that arrive in the other order: the older one is late, not
 * rolled back. */
START_TEST(overtaken_quote)
{
	struct shot late = aim(&w, s), newer = aim(&w, s);
	uint64_t clock = s->tpm.clock;

	s->tpm.clock += 5000;
	judged(&w, &newer, "pass", "");
	s->tpm.clock = clock;
	refused(&w, &late, 403, "challenge.expired");
	/* With a challenge of its own the same clock is a roll-back. */
	struct shot fresh = aim(&w, s);
	judged(&w, &fresh, "reject", "quote.clock");
}
END_TEST

/* What was rejected is not remembered: a forged clock far ahead would lock the
 * node out. */
START_TEST(rejected_clock_is_not_kept)
{
	struct attester before = stored(&w, s).state.attester;
	static const uint32_t masks[] = {1};

	s->tpm.clock += 1000000;
	struct shot bad = aim(&w, s);
	bad.how.selection = soft_selection(&w.arena, masks, 1);
	judged(&w, &bad, "reject", "quote.selection");
	ck_assert_uint_eq(stored(&w, s).state.attester.clock, before.clock);
	s->tpm.clock -= 1000000;
	struct shot good = aim(&w, s);
	judged(&w, &good, "pass", "");
}
END_TEST

START_TEST(unsafe_clock_warns)
{
	s->tpm.unsafe = true;
	struct shot shot = aim(&w, s);
	judged(&w, &shot, "warn", "quote.clock_unsafe");
	s->tpm.unsafe = false;
	shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
}
END_TEST

/* --- another boot --------------------------------------------------------- */

START_TEST(reboot_starts_over)
{
	struct shot delta = aim_delta(&w, s, s->tpm.ima.n);
	judged(&w, &delta, "pass", "");
	soft_tpm_boot(&s->tpm, GOLDEN_BOOT);
	delta = aim_delta(&w, s, s->tpm.ima.n);
	needs(&w, &delta, "ima");
	/* The same quote and challenge, the list in full. */
	struct shot full = delta;
	full.ima = arena_copy(&w.arena, buf_span(&s->tpm.ima));
	full.ima_offset = 0;
	full.body = (struct span){NULL, 0};
	struct answer a = judged(&w, &full, "pass", "");
	ck_assert_int_eq(
	    json_integer_value(json_at(a.json, "ima_next.reset_count")),
	    s->tpm.resets);
	ck_assert_int_eq(json_integer_value(json_at(a.json, "ima_next.offset")),
	    (json_int_t)s->tpm.ima.n);
}
END_TEST

START_TEST(resume_is_a_boot_as_well)
{
	s->tpm.restarts++;
	struct shot delta = aim_delta(&w, s, s->tpm.ima.n);
	needs(&w, &delta, "ima");
	struct shot full = aim(&w, s);
	judged(&w, &full, "pass", "");
}
END_TEST

START_TEST(unknown_log)
{
	static const uint8_t other[32] = {1};
	struct shot delta = aim_delta(&w, s, s->tpm.ima.n);
	struct shot bad = delta;

	bad.eventlog_hash = span_of(other, sizeof(other));
	needs(&w, &bad, "boot_log");
	bad.eventlog_hash = (struct span){NULL, 0};
	bad.eventlog = s->tpm.eventlog;
	bad.body = (struct span){NULL, 0};
	judged(&w, &bad, "pass", "");
	delta = aim_delta(&w, s, s->tpm.ima.n);
	judged(&w, &delta, "pass", "");
}
END_TEST

/* Another node's log is not this one's to refer to. */
START_TEST(log_of_another_node)
{
	struct sim *other = sim_new(&w, "n2");
	struct shot delta = aim_delta(&w, other, 0);

	needs(&w, &delta, "boot_log");
	struct shot full = aim(&w, other);
	judged(&w, &full, "pass", "");
}
END_TEST

/* --- another system ------------------------------------------------------- */

START_TEST(changed_command_line)
{
	soft_tpm_boot(&s->tpm, "grub-sb-cmdline");
	struct shot bad = aim(&w, s);
	struct answer a = judged(&w, &bad, "fail", "boot.event.changed");
	ck_assert_str_eq(text_at(a.json, "status"), "untrusted");
	soft_tpm_boot(&s->tpm, GOLDEN_BOOT);
	struct shot good = aim(&w, s);
	a = judged(&w, &good, "pass", "");
	ck_assert_str_eq(text_at(a.json, "status"), "trusted");
}
END_TEST

/* The golden log beside the PCRs of another boot. */
START_TEST(log_that_does_not_replay)
{
	struct span log = s->tpm.eventlog;

	soft_tpm_boot(&s->tpm, "grub-sb-cmdline");
	struct shot bad = aim(&w, s);
	bad.eventlog = log;
	judged(&w, &bad, "reject", "log.replay");
	ck_assert(stored(&w, s).state.held);
}
END_TEST

/* A rejected log is not remembered as the boot's. */
START_TEST(rejected_log_is_not_kept)
{
	struct sha256 before = stored(&w, s).state.attester.boot_log;
	struct shot bad = aim(&w, s);

	bad.eventlog = span_of(bad.eventlog.p, bad.eventlog.n - 64);
	struct answer a = fire(&w, &bad);
	says(a, 200, "");
	ck_assert_str_eq(text_at(a.json, "result"), "reject");
	struct node n = stored(&w, s);
	ck_assert(sha256_eq(&before, &n.state.attester.boot_log));
	struct shot delta = aim_delta(&w, s, s->tpm.ima.n);
	judged(&w, &delta, "pass", "");
	ck_assert_str_eq(status_of(&w, s), "untrusted");
}
END_TEST

static void
setup_quota(void)
{
	static const char *const settings[] = {
	    "AKASHID_ATTEST_REJECTED_PER_DAY=2", NULL};

	world_begin(&w, settings);
	s = sim_new(&w, "n1");
}

/* Rejected evidence is kept up to a quota and refused after it. */
START_TEST(rejected_quota)
{
	struct shot bad;

	for (int i = 0; i < 3; i++) {
		bad = aim(&w, s);
		bad.eventlog = span_of(bad.eventlog.p, bad.eventlog.n - 64);
		if (i < 2)
			says(fire(&w, &bad), 200, "");
	}
	refused(&w, &bad, 429, "node.quota");
	ck_assert_uint_eq(verdicts(&w), 2);
	struct shot good = aim(&w, s);
	judged(&w, &good, "pass", "");
}
END_TEST

/* Over the quota nothing is kept, but suspicion holds the node, is an event,
 * and stays until it is cleared. */
START_TEST(suspicion_over_quota)
{
	struct span log = s->tpm.eventlog;
	struct shot bad;

	for (int i = 0; i < 2; i++) {
		bad = aim(&w, s);
		bad.eventlog = span_of(bad.eventlog.p, bad.eventlog.n - 64);
		says(fire(&w, &bad), 200, "");
	}
	says(post(&w, "/v1/nodes/n1/clear", "{\"reason\":\"looked at it\"}"),
	    200, "");
	ck_assert(!stored(&w, s).state.held);
	uint64_t seen = events(&w);
	soft_tpm_boot(&s->tpm, "grub-sb-cmdline");
	bad = aim(&w, s);
	bad.eventlog = log;
	says(fire(&w, &bad), 429, "node.quota");
	ck_assert(stored(&w, s).state.held);
	ck_assert_str_eq(status_of(&w, s), "untrusted");
	ck_assert_uint_eq(verdicts(&w), 2);
	await_events(&w, seen + 1);
	soft_tpm_boot(&s->tpm, GOLDEN_BOOT);
	struct shot good = aim(&w, s);
	struct answer a = judged(&w, &good, "pass", "");
	ck_assert_str_eq(text_at(a.json, "status"), "untrusted");
}
END_TEST

/* What was recorded is answered again, quota or not. */
START_TEST(recorded_before_the_quota)
{
	struct shot bad[2] = {aim(&w, s), aim(&w, s)};

	for (int i = 0; i < 2; i++) {
		bad[i].eventlog =
		    span_of(bad[i].eventlog.p, bad[i].eventlog.n - 64);
		says(fire(&w, &bad[i]), 200, "");
	}
	struct answer a = fire(&w, &bad[0]);
	says(a, 200, "");
	ck_assert_str_eq(text_at(a.json, "result"), "reject");
	ck_assert_uint_eq(verdicts(&w), 2);
}
END_TEST

/* --- the running system --------------------------------------------------- */

/* What systemd writes when it measured its separator into PCR 7. */
static struct span
separator_log(struct soft_tpm *t)
{
	static const char text[] = "os-separator";
	struct buf b = {0};
	struct jw j = jw_over(&b);
	uint8_t digest[32];

	ck_rc_ok(hash_of(w.h, ALG_SHA256, span_str(text), digest));
	ck_rc_ok(hash_extend(w.h, ALG_SHA256, t->pcr[7], digest));
	buf_puts(&b, "\x1e");
	jw_object(&j);
	jw_ku64(&j, "pcr", 7);
	jw_key(&j, "digests");
	jw_array(&j);
	jw_object(&j);
	jw_kstr(&j, "hashAlg", "sha256");
	jw_khex(&j, "digest", span_of(digest, sizeof(digest)));
	jw_object_end(&j);
	jw_array_end(&j);
	jw_kstr(&j, "content_type", "systemd");
	jw_key(&j, "content");
	jw_object(&j);
	jw_kstr(&j, "string", text);
	jw_kstr(&j, "bootId", "189c18dd7ba245f38cf49d9ac154b525");
	jw_ku64(&j, "timestamp", 1000);
	jw_kstr(&j, "eventType", text);
	jw_object_end(&j);
	jw_object_end(&j);
	buf_puts(&b, "\n");
	struct span out = arena_copy(&w.arena, buf_span(&b));
	ck_assert(!b.failed && out.p);
	buf_free(&b);
	return out;
}

/* The same evidence with a userspace log of these flags behind it. */
static struct shot
with_userspace(struct span log, uint8_t flags)
{
	struct shot shot = aim(&w, s);
	size_t head;

	load(&w, &shot);
	head = shot.body.n;
	shot.body = frame_of(&w, &shot, PART_USERSPACE, log);
	uint8_t *body = arena_alloc(&w.arena, shot.body.n);
	memcpy(body, shot.body.p, shot.body.n);
	body[head + 2] = flags;
	shot.body = span_of(body, shot.body.n);
	return shot;
}

/* A host whose system measures os-separators: its firmware's log alone does not
 * lead to the quote (A25); systemd's mark is a warning (C09). */
START_TEST(userspace_log)
{
	struct span log;

	soft_tpm_boot(&s->tpm, GOLDEN_BOOT);
	log = separator_log(&s->tpm);
	struct shot shot = with_userspace(log, 0);
	judged(&w, &shot, "pass", "");
	shot = with_userspace(log, SUBMISSION_INCOMPLETE);
	judged(&w, &shot, "warn", "userspace.incomplete");
	shot = with_userspace(log, 2);
	refused(&w, &shot, 400, "frame.format");
	shot = aim(&w, s);
	fire(&w, &shot);
	ck_assert_str_eq(status_of(&w, s), "untrusted");
}
END_TEST

TCase *
boot_cases(void)
{
	TCase *t = tcase_create("boots");

	tcase_add_checked_fixture(t, setup, teardown);
	loop_test(t, rolled_back, backwards);
	tcase_add_test(t, rolled_back_and_waited);
	tcase_add_test(t, clock_that_leaps);
	tcase_add_test(t, older_firmware);
	tcase_add_test(t, another_log_of_the_same_boot);
	tcase_add_test(t, overtaken_quote);
	tcase_add_test(t, rejected_clock_is_not_kept);
	tcase_add_test(t, unsafe_clock_warns);
	tcase_add_test(t, reboot_starts_over);
	tcase_add_test(t, resume_is_a_boot_as_well);
	tcase_add_test(t, unknown_log);
	tcase_add_test(t, log_of_another_node);
	tcase_add_test(t, changed_command_line);
	tcase_add_test(t, log_that_does_not_replay);
	tcase_add_test(t, rejected_log_is_not_kept);
	tcase_add_test(t, userspace_log);
	return t;
}

TCase *
quota_cases(void)
{
	TCase *t = tcase_create("quota");

	tcase_add_checked_fixture(t, setup_quota, teardown);
	tcase_add_test(t, rejected_quota);
	tcase_add_test(t, suspicion_over_quota);
	tcase_add_test(t, recorded_before_the_quota);
	return t;
}

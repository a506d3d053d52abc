/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Boot rules on a recorded boot that is changed in memory, as firmware or a
 * kernel could change it for real: the events are replayed again, so that
 * every quoted value follows from the log.
 */
#include "appraise/learn.h"
#include "appraise/policy_source.h"
#include "appraise/rules.h"
#include "decode/uefi.h"
#include "lib/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MANY = 100000 };

static struct arena arena;
static struct hasher *hasher;
static struct evlog golden;
static struct policy *policy; /* learned from the golden boot */
static struct pcr_selections quoted;
static struct verdict v;

static struct span
log_bytes(void)
{
	return tap_file(
	    &arena, "/tests/vectors/vm/boots/grub-sb-golden/eventlog.bin");
}

static struct boot_facts
facts_of(const struct evlog *log)
{
	struct boot_replay *replay = arena_alloc(&arena, sizeof(*replay));
	struct boot_facts f = {
	    .log = log, .replay = replay, .quoted = &quoted, .hasher = hasher};

	ck_assert_ptr_nonnull(replay);
	ck_rc_ok(boot_replay(log, NULL, hasher, &arena, replay, NULL));
	f.values = &replay->banks;
	return f;
}

static void
setup(void)
{
	struct learn_options o = {.name = "golden"};
	struct learn_note *notes = NULL;
	struct golden g = {.source = "golden"};
	struct buf out = {0};

	arena_init(&arena, (size_t)512 << 20);
	hasher = hasher_new();
	ck_rc_ok(evlog_decode(log_bytes(), &arena, &golden, NULL));
	ck_rc_ok(pcr_selections_parse(
	    span_str("sha256:0,1,2,3,4,5,6,7,8,9,11,14"), &quoted, NULL));
	g.boot = facts_of(&golden);
	ck_rc_ok(policy_learn(&g, 1, &o, &arena, &out, &notes, NULL));
	ck_rc_ok(policy_decode(buf_span(&out), &policy, NULL));
	buf_free(&out);
}

static void
teardown(void)
{
	policy_unref(policy);
	hasher_free(hasher);
	arena_free(&arena);
}

/* --- changes ------------------------------------------------------------ */

static struct evlog
copy_with_room(size_t more)
{
	struct evlog log = golden;

	log.events =
	    arena_array(&arena, golden.events_n + more, sizeof(*log.events));
	ck_assert_ptr_nonnull(log.events);
	for (size_t i = 0; i < golden.events_n; i++)
		log.events[i] = golden.events[i];
	return log;
}

static size_t
find(const struct evlog *log, uint32_t pcr, uint32_t type, size_t nth)
{
	for (size_t i = 0; i < log->events_n; i++)
		if (log->events[i].pcr == pcr && log->events[i].type == type &&
		    nth-- == 0)
			return i;
	ck_abort_msg("no such event");
	return 0;
}

static void
number(struct evlog *log)
{
	for (size_t i = 0; i < log->events_n; i++)
		log->events[i].index = (uint32_t)i;
}

static void
drop(struct evlog *log, size_t at)
{
	for (size_t i = at; i + 1 < log->events_n; i++)
		log->events[i] = log->events[i + 1];
	log->events_n--;
	number(log);
}

static void
insert(struct evlog *log, size_t at, struct evlog_event ev)
{
	for (size_t i = log->events_n; i > at; i--)
		log->events[i] = log->events[i - 1];
	log->events[at] = ev;
	log->events_n++;
	number(log);
}

/* An event whose data is hashed as it is, in every bank. */
static struct evlog_event
event_of(uint32_t pcr, uint32_t type, const char *data, size_t n)
{
	struct evlog_event ev = {.pcr = pcr, .type = type};
	uint8_t *copy = arena_alloc(&arena, n);

	for (size_t i = 0; i < n; i++)
		copy[i] = (uint8_t)data[i];
	ev.data = span_of(copy, n);
	ev.digests = arena_array(&arena, golden.algs_n, sizeof(*ev.digests));
	for (size_t i = 0; i < golden.algs_n; i++) {
		uint8_t *d = arena_alloc(&arena, HASH_MAX);
		ck_rc_ok(hash_of(hasher, golden.algs[i].id, ev.data, d));
		ev.digests[i] = d;
	}
	return ev;
}

/* The same digest with other data. */
static void
relabel(struct evlog_event *ev, size_t byte, uint8_t value)
{
	uint8_t *copy = arena_alloc(&arena, ev->data.n);

	for (size_t i = 0; i < ev->data.n; i++)
		copy[i] = ev->data.p[i];
	copy[byte] = value;
	ev->data.p = copy;
}

/* --- judging ------------------------------------------------------------ */

static void
judge_facts(const struct boot_facts *f)
{
	verdict_init(&v, &arena);
	ck_rc_ok(policy_eval_boot(policy, f, &v, NULL));
	for (int i = 0; i < CHECK_COUNT; i++)
		if (i != CHECK_POLICY_BOOT && i != CHECK_POLICY_SELECTION)
			verdict_check(&v, (enum check_id)i, CHECK_PASSED);
	verdict_fold(&v);
}

static void
judge(const struct evlog *log)
{
	struct boot_facts f = facts_of(log);

	judge_facts(&f);
}

static const struct reason *
reason(size_t i, enum err_code code, int pcr)
{
	static const struct reason none;

	ck_assert_msg(
	    i < v.reasons_n, "there are only %zu reasons", v.reasons_n);
	ck_assert_str_eq(err_name(v.reasons[i].code), err_name(code));
	ck_assert_int_eq(v.reasons[i].pcr, pcr);
	return i < v.reasons_n ? &v.reasons[i] : &none;
}

static void
only(enum err_code code, int pcr)
{
	reason(0, code, pcr);
	ck_assert_uint_eq(v.reasons_n, 1);
	ck_assert_int_eq(v.checks[CHECK_POLICY_BOOT], CHECK_FAILED);
}

START_TEST(test_golden)
{
	judge(&golden);
	ck_assert_uint_eq(v.reasons_n, 0);
	ck_assert_int_eq(v.result, RESULT_PASS);
	ck_assert_int_eq(v.checks[CHECK_POLICY_BOOT], CHECK_PASSED);
	ck_assert_int_eq(v.checks[CHECK_POLICY_SELECTION], CHECK_PASSED);
}
END_TEST

START_TEST(test_separator_missing)
{
	struct evlog log = copy_with_room(0);

	drop(&log, find(&log, 4, EV_SEPARATOR, 0));
	judge(&log);
	only(ERR_LOG_SEPARATOR_MISSING, 4);
	ck_assert_int_eq(v.reasons[0].layer, LAYER_BOOTLOADER);
}
END_TEST

START_TEST(test_separator_duplicate)
{
	struct evlog log = copy_with_room(1);
	size_t at = find(&log, 2, EV_SEPARATOR, 0);

	insert(&log, at, log.events[at]);
	judge(&log);
	only(ERR_LOG_SEPARATOR_DUPLICATE, 2);
	ck_assert_int_eq(v.reasons[0].event, (int64_t)at + 1);
}
END_TEST

/* Error value, error digest beside an innocent value, no value at all. */
START_TEST(test_separator_error)
{
	static const char *const data[] = {"\1\0\0\0", "\2\0\0\0"};
	struct evlog log = copy_with_room(0);
	size_t at = find(&log, 3, EV_SEPARATOR, 0);
	uint32_t index = log.events[at].index;

	if (_i < 2) {
		log.events[at] = event_of(3, EV_SEPARATOR, data[_i], 4);
	} else {
		log.events[at] = event_of(3, EV_SEPARATOR, "\1\0\0\0", 4);
		relabel(&log.events[at], 0, 0);
	}
	log.events[at].index = index;
	judge(&log);
	only(ERR_BOOT_ERROR, 3);
	ck_assert_int_eq(v.reasons[0].layer, LAYER_FIRMWARE);
	ck_assert_int_eq(v.result, RESULT_FAIL);
}
END_TEST

START_TEST(test_separator_unbound)
{
	struct evlog log = copy_with_room(0);

	relabel(&log.events[find(&log, 3, EV_SEPARATOR, 0)], 0, 1);
	judge(&log);
	ck_assert_int_eq(v.result, RESULT_REJECT);
	reason(0, ERR_LOG_DIGEST_DATA, 3);
}
END_TEST

START_TEST(test_inserted)
{
	struct evlog log = copy_with_room(1);
	size_t at = find(&log, 4, EV_EFI_BOOT_SERVICES_APPLICATION, 0);

	insert(&log, at,
	    event_of(4, EV_EFI_BOOT_SERVICES_APPLICATION, "bootkit", 7));
	judge(&log);
	only(ERR_BOOT_EVENT_UNKNOWN, 4);
	ck_assert_int_eq(v.reasons[0].event, (int64_t)at);
	ck_assert_ptr_null(v.reasons[0].expected);
	ck_assert_str_eq(v.reasons[0].rule, "boot.4");
}
END_TEST

START_TEST(test_removed)
{
	struct evlog log = copy_with_room(0);

	drop(&log, find(&log, 14, EV_IPL, 1));
	judge(&log);
	reason(0, ERR_MOK_CHANGED, 14);
	reason(1, ERR_BOOT_EVENT_MISSING, 14);
	ck_assert_uint_eq(v.reasons_n, 2);
	ck_assert_str_eq(v.reasons[1].rule, "boot.14.events[1]");
	ck_assert_ptr_nonnull(strstr(v.reasons[1].expected, "MokListX"));
}
END_TEST

START_TEST(test_changed)
{
	static const char cmdline[] =
	    "kernel_cmdline: /boot/vmlinuz-6.1.0 root=LABEL=root ro init=/x";
	struct evlog log = copy_with_room(0);
	size_t at = log.events_n;

	while (at-- > 0)
		if (log.events[at].data.n > 16 &&
		    memcmp(log.events[at].data.p, cmdline, 16) == 0)
			break;
	struct evlog_event ev =
	    event_of(8, EV_IPL, cmdline + 16, sizeof(cmdline) - 17);
	ev.data = span_str(cmdline);
	ev.index = log.events[at].index;
	log.events[at] = ev;
	judge(&log);
	only(ERR_BOOT_EVENT_CHANGED, 8);
	ck_assert_int_eq(v.reasons[0].layer, LAYER_OS);
	ck_assert_ptr_nonnull(strstr(v.reasons[0].found, "ro init=/x"));
	ck_assert_ptr_nonnull(strstr(v.reasons[0].expected, "kernel_cmdline:"));
	ck_assert_ptr_null(strstr(v.reasons[0].found, "sha256:"));
}
END_TEST

/* --- rules of any type, and sequences ------------------------------------- */

static json_t *
copy_from(json_t *rule, const char *source)
{
	json_t *copy = json_deep_copy(rule);

	json_object_set_new(json_array_get(json_object_get(copy, "accept"), 0),
	    "source", json_string(source));
	return copy;
}

/* The learned policy with other rules for PCR 8: of any type, and all but the
 * first of them as the second of two sequences; in the first the last event is
 * another. */
static void
learn_sequences(const char *other)
{
	JSON_AUTO doc = NULL;
	struct buf out = {0};

	ck_rc_ok(
	    json_decode(policy_canonical(policy), LIMIT_POLICY, &doc, NULL));
	json_object_set_new(doc, "name", json_string("sequences"));
	json_t *pcr8 = json_object_get(json_object_get(doc, "boot"), "8");
	json_t *events = json_object_get(pcr8, "events");
	size_t n = json_array_size(events);
	ck_assert_uint_gt(n, 3);
	JSON_AUTO a = json_array();
	JSON_AUTO b = json_array();
	for (size_t i = 0; i < n; i++) {
		json_t *rule = json_array_get(events, i);
		json_t *value =
		    json_array_get(json_object_get(rule, "accept"), 0);
		json_object_del(value, "bound");
		json_object_set_new(rule, "type", json_string("*"));
		if (i == 0)
			continue;
		json_array_append_new(a, copy_from(rule, "a"));
		json_array_append_new(b, copy_from(rule, "b"));
	}
	json_t *last = json_array_get(
	    json_object_get(json_array_get(a, n - 2), "accept"), 0);
	json_object_set_new(last, "sha256", json_string(other));
	json_object_set_new(pcr8, "events",
	    json_pack(
		"[O, {s:[O, O]}]", json_array_get(events, 0), "any", a, b));
	ck_assert(canonical_pretty(doc, &out));
	policy_unref(policy);
	ck_rc_ok(policy_decode(buf_span(&out), &policy, NULL));
	buf_free(&out);
}

START_TEST(test_sequences)
{
	static const char other[] = "11111111111111111111111111111111"
				    "11111111111111111111111111111111";
	struct evlog log = copy_with_room(1);
	struct buf text = {0};

	learn_sequences(other);
	judge(&golden);
	ck_assert_uint_eq(v.reasons_n, 0);
	ck_assert_int_eq(v.result, RESULT_PASS);
	policy_describe(policy, &text);
	ck_assert_ptr_nonnull(strstr(text.p, "      one of 2 sequences\n"));
	ck_assert_ptr_nonnull(strstr(text.p, "      0. of any type\n"));
	ck_assert_ptr_nonnull(strstr(text.p, "      1.any[1][0]. of any type"));
	buf_free(&text);

	/* Neither one more nor one less. */
	size_t at = find(&log, 8, EV_IPL, 2);
	insert(&log, at, log.events[at]);
	judge(&log);
	only(ERR_BOOT_EVENT_UNKNOWN, 8);
	drop(&log, at);
	drop(&log, at);
	judge(&log);
	only(ERR_BOOT_EVENT_MISSING, 8);
	ck_assert_str_eq(v.reasons[0].event_type, "*");
	ck_assert_str_eq(v.reasons[0].rule, "boot.8.events[1].any[1][1]");
	ck_assert_str_eq(policy_source(policy, v.reasons[0].rule), "b");
}
END_TEST

/* Of any type is still of none that the PCR cannot have. */
START_TEST(test_any_type)
{
	struct evlog log = copy_with_room(0);
	size_t at = find(&log, 8, EV_IPL, 0);

	learn_sequences("00000000000000000000000000000000"
			"00000000000000000000000000000000");
	log.events[at].type = EV_EVENT_TAG;
	judge(&log);
	ck_assert_uint_eq(v.reasons_n, 0);
	log.events[at].type = EV_UNUSED;
	judge(&log);
	only(ERR_LOG_TYPE_IN_PCR, 8);
	log.events[at].type = 0x1234;
	judge(&log);
	only(ERR_LOG_TYPE_IN_PCR, 8);
}
END_TEST

/* A golden digest under another type hides what was measured. */
START_TEST(test_relabelled)
{
	struct evlog log = copy_with_room(0);
	size_t at = find(&log, 7, EV_EFI_VARIABLE_DRIVER_CONFIG, 1);

	log.events[at].type = EV_EVENT_TAG;
	judge(&log);
	reason(0, ERR_LOG_TYPE_IN_PCR, 7);
	reason(1, ERR_SB_UNKNOWN, 7);
	reason(2, ERR_BOOT_EVENT_CHANGED, 7);
	ck_assert_uint_eq(v.reasons_n, 3);
	ck_assert_ptr_nonnull(
	    strstr(v.reasons[2].expected, "EV_EFI_VARIABLE_DRIVER_CONFIG"));
	ck_assert_ptr_nonnull(strstr(v.reasons[2].found, "EV_EVENT_TAG"));
}
END_TEST

START_TEST(test_secure_boot_off)
{
	struct evlog log = copy_with_room(0);
	size_t at = find(&log, 7, EV_EFI_VARIABLE_DRIVER_CONFIG, 0);
	struct evlog_event old = log.events[at];

	relabel(&old, old.data.n - 1, 0);
	log.events[at] = event_of(7, EV_EFI_VARIABLE_DRIVER_CONFIG,
	    (const char *)old.data.p, old.data.n);
	log.events[at].index = old.index;
	judge(&log);
	reason(0, ERR_SB_DISABLED, 7);
	ck_assert_str_eq(v.reasons[0].found, "SecureBoot = 00");
	reason(1, ERR_BOOT_EVENT_CHANGED, 7);
	ck_assert_uint_eq(v.reasons_n, 2);
}
END_TEST

/* The digest says off, the words say on. */
START_TEST(test_secure_boot_words)
{
	struct evlog log = copy_with_room(0);
	size_t at = find(&log, 7, EV_EFI_VARIABLE_DRIVER_CONFIG, 0);
	struct evlog_event old = log.events[at];

	relabel(&old, old.data.n - 1, 0);
	struct evlog_event off = event_of(7, EV_EFI_VARIABLE_DRIVER_CONFIG,
	    (const char *)old.data.p, old.data.n);
	off.index = old.index;
	relabel(&off, off.data.n - 1, 1);
	log.events[at] = off;
	judge(&log);
	reason(0, ERR_LOG_DIGEST_DATA, 7);
	ck_assert_int_eq(v.result, RESULT_REJECT);
}
END_TEST

START_TEST(test_secure_boot_unknown)
{
	struct evlog log = copy_with_room(0);

	drop(&log, find(&log, 7, EV_EFI_VARIABLE_DRIVER_CONFIG, 0));
	judge(&log);
	reason(0, ERR_SB_UNKNOWN, 7);
	reason(1, ERR_BOOT_EVENT_MISSING, 7);
}
END_TEST

/* Not extended, so not judged, wherever it stands and whatever it says. */
START_TEST(test_no_action)
{
	struct evlog log = copy_with_room(1);

	insert(&log, 5, event_of(7, EV_NO_ACTION, "SecureBoot", 10));
	judge(&log);
	ck_assert_int_eq(v.result, RESULT_PASS);
}
END_TEST

/* Something extended a PCR after the log ended; PCR 11 has no event at all. */
START_TEST(test_unlogged)
{
	static const unsigned pcrs[] = {8, 11};
	struct boot_facts f = facts_of(&golden);
	struct banks values = f.replay->banks;

	banks_find(&values, ALG_SHA256)->pcr[pcrs[_i]][5] ^= 1;
	f.values = &values;
	judge_facts(&f);
	only(ERR_BOOT_EVENT_UNKNOWN, (int)pcrs[_i]);
	ck_assert_ptr_nonnull(strstr(v.reasons[0].path, "pcrs.sha256["));
}
END_TEST

/* A bank that the firmware never extended (CVE-2021-42299). */
START_TEST(test_unmeasured)
{
	struct boot_facts f = facts_of(&golden);
	struct banks values = f.replay->banks;
	struct bank *b = banks_find(&values, ALG_SHA256);

	for (size_t i = 0; i < HASH_MAX; i++)
		b->pcr[_i ? 7 : 0][i] = 0;
	if (_i == 0)
		b->pcr[0][31] = 3; /* startup locality */
	f.values = &values;
	judge_facts(&f);
	reason(0, ERR_LOG_UNMEASURED, _i ? 7 : 0);
	ck_assert_int_eq(v.result, RESULT_FAIL);
}
END_TEST

START_TEST(test_not_quoted)
{
	static const char *const selections[] = {"sha256:0,1,2,3,4,5,6,8",
	    "sha384:0,1,2,3,4,5,6,7,8,9,11,14", "sha1:0,7"};
	struct boot_facts f = facts_of(&golden);
	struct pcr_selections less;

	ck_rc_ok(pcr_selections_parse(span_str(selections[_i]), &less, NULL));
	f.quoted = &less;
	judge_facts(&f);
	reason(0, ERR_POLICY_UNQUOTED, -1);
	ck_assert_int_eq(v.checks[CHECK_POLICY_SELECTION], CHECK_FAILED);
	ck_assert_int_eq(v.result, RESULT_FAIL);
	f.quoted = NULL;
	judge_facts(&f);
	reason(0, ERR_POLICY_UNQUOTED, -1);
}
END_TEST

START_TEST(test_nothing_known)
{
	struct boot_facts f = {.quoted = &quoted};

	judge_facts(&f);
	only(ERR_LOG_ABSENT, -1);
	/* No layer passes by what nobody judged. */
	for (int l = LAYER_FIRMWARE; l <= LAYER_OS; l++)
		ck_assert_int_eq(v.layer_result[l], RESULT_NONE);
	judge(&golden);
	for (int l = LAYER_FIRMWARE; l <= LAYER_OS; l++)
		ck_assert_int_eq(v.layer_result[l], RESULT_PASS);
}
END_TEST

/* Every event dropped, doubled or moved alone is seen, in its own PCR. */
START_TEST(test_every_event)
{
	for (size_t i = 1; i < golden.events_n; i++) {
		const struct evlog_event *ev = &golden.events[i];
		struct evlog log = copy_with_room(1);
		drop(&log, i);
		judge(&log);
		ck_assert_int_ge(v.result, RESULT_FAIL);
		for (size_t k = 0; k < v.reasons_n; k++)
			ck_assert_int_eq(v.reasons[k].pcr, (int)ev->pcr);
		log = copy_with_room(1);
		insert(&log, i, *ev);
		judge(&log);
		ck_assert_int_ge(v.result, RESULT_FAIL);
		for (size_t k = 0; k < v.reasons_n; k++)
			ck_assert_int_eq(v.reasons[k].pcr, (int)ev->pcr);
	}
}
END_TEST

/* A node that extends 100,000 events costs little, and is not trusted. */
START_TEST(test_flood)
{
	struct evlog log = copy_with_room(MANY);
	struct evlog_event ev = event_of(8, EV_IPL, "grub_cmd: x", 11);
	clock_t start;

	for (size_t i = 0; i < MANY; i++)
		log.events[log.events_n++] = ev;
	number(&log);
	struct boot_facts f = facts_of(&log);
	size_t before = arena.used;
	start = clock();
	judge_facts(&f);
	double s = (double)(clock() - start) / CLOCKS_PER_SEC;
	printf("# %d extra events: %.3f s, %zu bytes\n", MANY, s,
	    arena.used - before);
	only(ERR_BOOT_EVENT_UNKNOWN, 8);
	ck_assert_ptr_nonnull(strstr(v.reasons[0].message, "not compared"));
	ck_assert_uint_lt(arena.used - before, 8u << 20);
	ck_assert(s < 2);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("boot");
	TCase *t = tcase_create("boot");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, test_golden);
	tcase_add_test(t, test_separator_missing);
	tcase_add_test(t, test_separator_duplicate);
	tcase_add_loop_test(t, test_separator_error, 0, 3);
	tcase_add_test(t, test_separator_unbound);
	tcase_add_test(t, test_inserted);
	tcase_add_test(t, test_removed);
	tcase_add_test(t, test_changed);
	tcase_add_test(t, test_sequences);
	tcase_add_test(t, test_any_type);
	tcase_add_test(t, test_relabelled);
	tcase_add_test(t, test_secure_boot_off);
	tcase_add_test(t, test_secure_boot_words);
	tcase_add_test(t, test_secure_boot_unknown);
	tcase_add_test(t, test_no_action);
	tcase_add_loop_test(t, test_unlogged, 0, 2);
	tcase_add_loop_test(t, test_unmeasured, 0, 2);
	tcase_add_loop_test(t, test_not_quoted, 0, 3);
	tcase_add_test(t, test_nothing_known);
	tcase_add_test(t, test_every_event);
	tcase_add_test(t, test_flood);
	suite_add_tcase(s, t);
	return tap_run(s);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The IMA list in segments. */
#include "e2e/server/cases.h"

static struct world w;
static struct sim *s;

static void
setup(void)
{
	world_begin(&w, NULL);
	s = sim_new(&w, "n1");
}

static void
teardown(void)
{
	world_end(&w);
}

static uint64_t
offset_of(const struct answer *a)
{
	return (uint64_t)json_integer_value(
	    json_at(a->json, "ima_next.offset"));
}

static uint64_t
first_full(void)
{
	struct shot full = aim(&w, s);
	struct answer a = judged(&w, &full, "pass", "");

	ck_assert_uint_eq(offset_of(&a), s->tpm.ima.n);
	return offset_of(&a);
}

static void
measure_good(int i)
{
	const char *path = arena_printf(&w.arena, "/opt/good-%d", i);

	soft_tpm_measure(&s->tpm, path, path);
}

START_TEST(segments)
{
	uint64_t at = first_full();

	for (int i = 0; i < 5; i++) {
		if (i != 2) /* nothing new is fine as well */
			measure_good(i);
		struct shot delta = aim_delta(&w, s, at);
		struct answer a = judged(&w, &delta, "pass", "");
		at = offset_of(&a);
		ck_assert_uint_eq(at, s->tpm.ima.n);
	}
	struct shot full = aim(&w, s);
	judged(&w, &full, "pass", "");
}
END_TEST

/* A segment has to begin where the judged part ended. */
START_TEST(segment_elsewhere)
{
	uint64_t at = first_full();

	measure_good(0);
	measure_good(1);
	for (int i = -1; i <= 1; i += 2) {
		struct shot bad = aim_delta(&w, s, at + (uint64_t)i);
		needs(&w, &bad, "ima");
	}
	struct shot far = aim_delta(&w, s, at);
	far.ima_offset = UINT64_MAX;
	needs(&w, &far, "ima");
	struct shot good = aim_delta(&w, s, at);
	judged(&w, &good, "pass", "");
}
END_TEST

/* The byte order is declared and never guessed: as declared it is read. */
START_TEST(declared_order)
{
	struct shot bad = aim(&w, s);

	bad.ima_big_endian = true;
	judged(&w, &bad, "reject", "ima.format");
	soft_tpm_boot(&s->tpm, GOLDEN_BOOT);
	struct shot good = aim(&w, s);
	judged(&w, &good, "pass", "");
}
END_TEST

/* A segment cannot leave an entry out. */
START_TEST(segment_with_a_hole)
{
	uint64_t at = first_full();

	soft_tpm_measure(&s->tpm, "/opt/evil", "evil");
	uint64_t after = s->tpm.ima.n;
	measure_good(1);
	struct shot bad = aim_delta(&w, s, at);
	bad.ima = span_of(bad.ima.p + (after - at), bad.ima.n - (after - at));
	struct answer a = judged(&w, &bad, "reject", "log.replay");
	ck_assert_str_eq(text_at(a.json, "reasons.1.code"), "ima.replay");
	ck_assert(stored(&w, s).state.held);
}
END_TEST

/* An entry whose data was exchanged behind its template hash. */
START_TEST(segment_changed)
{
	uint64_t at = first_full();

	measure_good(3);
	struct shot good = aim_delta(&w, s, at), bad = good;
	uint8_t *p = arena_alloc(&w.arena, bad.ima.n);
	memcpy(p, bad.ima.p, bad.ima.n);
	p[bad.ima.n - 6] ^= 1; /* last digit of the path */
	bad.ima = span_of(p, bad.ima.n);
	judged(&w, &bad, "reject", "ima.template_hash");
	good = aim_delta(&w, s, at);
	struct answer a = judged(&w, &good, "pass", "");
	ck_assert_uint_eq(offset_of(&a), s->tpm.ima.n);
}
END_TEST

/* A bad file fails, and goes on failing until it is gone with a reboot. */
START_TEST(bad_file)
{
	uint64_t at = first_full();

	measure_good(0);
	soft_tpm_measure(&s->tpm, "/opt/evil", "evil");
	for (int i = 0; i < 3; i++) {
		struct shot delta = aim_delta(&w, s, at);
		struct answer a =
		    judged(&w, &delta, "fail", "ima.unknown_file");
		ck_assert_str_eq(text_at(a.json, "status"), "untrusted");
		ck_assert_uint_ne(offset_of(&a), s->tpm.ima.n);
		at = offset_of(&a);
		measure_good(i + 1);
	}
	/* Sent as if all of it had been judged already. */
	struct shot sly = aim_delta(&w, s, s->tpm.ima.n);
	needs(&w, &sly, "ima");
	soft_tpm_boot(&s->tpm, GOLDEN_BOOT);
	struct shot clean = aim(&w, s);
	struct answer a = judged(&w, &clean, "pass", "");
	ck_assert_str_eq(text_at(a.json, "status"), "trusted");
}
END_TEST

START_TEST(bad_file_in_the_first_list)
{
	soft_tpm_measure(&s->tpm, "/opt/evil", "evil");
	for (int i = 0; i < 2; i++) {
		struct shot full = aim(&w, s);
		struct answer a = judged(&w, &full, "fail", "ima.unknown_file");
		ck_assert_uint_eq(offset_of(&a), 0);
	}
	struct shot sly = aim_delta(&w, s, s->tpm.ima.n);
	needs(&w, &sly, "ima");
}
END_TEST

/* Entries after the quoted state are legal and come again next time. */
START_TEST(entries_after_the_quote)
{
	uint64_t at = first_full();
	struct shot delta = aim_delta(&w, s, at);

	delta.quote = (struct soft_signed){{NULL, 0}, {NULL, 0}};
	load(&w, &delta); /* the quote is made before */
	measure_good(0);
	delta.ima = span_of(s->tpm.ima.p + at, s->tpm.ima.n - at);
	delta.body = (struct span){NULL, 0};
	struct answer a = judged(&w, &delta, "pass", "");
	ck_assert_uint_eq(offset_of(&a), at);
	delta = aim_delta(&w, s, at);
	a = judged(&w, &delta, "pass", "");
	ck_assert_uint_eq(offset_of(&a), s->tpm.ima.n);
}
END_TEST

START_TEST(list_left_out)
{
	first_full();
	struct shot bad = aim_delta(&w, s, 0);
	bad.ima = (struct span){NULL, 0};
	struct answer a = fire(&w, &bad);
	says(a, 200, "");
	ck_assert_str_ne(text_at(a.json, "result"), "pass");
	ck_assert_str_eq(status_of(&w, s), "untrusted");
}
END_TEST

/* What another policy judged does not count under this one. */
START_TEST(policy_changes)
{
	uint64_t at = first_full();
	const char *text = arena_printf(
	    &w.arena, "%.*s", (int)w.policy.n, (const char *)w.policy.p);
	char *digit = strstr(text, "/opt/good-9");

	ck_assert_ptr_nonnull(digit);
	digit[10] = '8'; /* another document, the same rules for this list */
	const struct raw_request q = {.method = "POST",
	    .path = "/v1/policies/golden",
	    .token = w.operator,
	    .type = "application/json",
	    .body = span_str(text)};
	struct answer a = ask(&w, &q);
	says(a, 200, "");
	ck_assert_int_eq(json_integer_value(json_at(a.json, "version")), 2);
	struct shot delta = aim_delta(&w, s, at);
	judged(&w, &delta, "pass", ""); /* not active yet */
	says(post(&w, "/v1/policies/golden/activate",
		 "{\"version\":2,\"selector\":{\"site\":\"lab\"}}"),
	    200, "");
	delta = aim_delta(&w, s, at);
	needs(&w, &delta, "ima");
	first_full();
	delta = aim_delta(&w, s, at);
	judged(&w, &delta, "pass", "");
	says(post(&w, "/v1/policies/golden/rollback", "{}"), 200, "");
	delta = aim_delta(&w, s, at);
	needs(&w, &delta, "ima");
}
END_TEST

TCase *
ima_cases(void)
{
	TCase *t = tcase_create("ima");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, segments);
	tcase_add_test(t, segment_elsewhere);
	tcase_add_test(t, declared_order);
	tcase_add_test(t, segment_with_a_hole);
	tcase_add_test(t, segment_changed);
	tcase_add_test(t, bad_file);
	tcase_add_test(t, bad_file_in_the_first_list);
	tcase_add_test(t, entries_after_the_quote);
	tcase_add_test(t, list_left_out);
	tcase_add_test(t, policy_changes);
	return t;
}

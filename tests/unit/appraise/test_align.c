/* SPDX-License-Identifier: Apache-2.0 */
/* Alignment of events with rules, on letters: an event fits the rule of its
 * letter; lower case is the same kind with other content. */
#include "appraise/align.h"
#include "base/json.h"
#include "lib/tap.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

struct letters {
	const char *events;
	const char *rules; /* '?' after a rule: optional; '*': repeat */
	size_t at[64];	   /* where each rule's letter stands */
};

static enum align_fit
fit(const void *ctx, size_t event, size_t rule)
{
	const struct letters *l = ctx;
	char e = l->events[event];
	char r = l->rules[l->at[rule]];

	if (e == r)
		return FIT_EXACT;
	return tolower(e) == tolower(r) ? FIT_NEAR : FIT_FAR;
}

static bool
optional(const void *ctx, size_t rule)
{
	const struct letters *l = ctx;

	return l->rules[l->at[rule] + 1] == '?';
}

static bool
repeat(const void *ctx, size_t rule)
{
	const struct letters *l = ctx;

	return l->rules[l->at[rule] + 1] == '*';
}

/* Steps as text: matches by their letter, "~e/r" changed, "+e" extra,
 * "-r" missing, "!e" lost. */
static void
show(const struct letters *l, const struct align_step *steps, size_t n,
    struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		char e = l->events[steps[i].event];
		char r = l->rules[l->at[steps[i].rule]];
		switch (steps[i].op) {
		case ALIGN_MATCH:
			buf_printf(out, "%c", e);
			break;
		case ALIGN_CHANGED:
			buf_printf(out, "~%c/%c", e, r);
			break;
		case ALIGN_EXTRA:
			buf_printf(out, "+%c", e);
			break;
		case ALIGN_MISSING:
			buf_printf(out, "-%c", r);
			break;
		case ALIGN_LOST:
			buf_printf(out, "!%c", e);
			break;
		}
	}
	buf_put(out, "", 0);
}

static const struct {
	const char *events;
	const char *rules;
	const char *steps;
} cases[] = {
    {"", "", ""},
    {"ABC", "ABC", "ABC"},
    {"AXC", "ABC", "A~X/BC"},
    {"AbC", "ABC", "A~b/BC"},
    {"XBC", "ABC", "~X/ABC"},
    {"ABX", "ABC", "AB~X/C"},
    {"ABXC", "ABC", "AB+XC"},
    {"ABCX", "ABC", "ABC+X"},
    {"XABC", "ABC", "+XABC"},
    {"AC", "ABC", "A-BC"},
    {"AB", "ABC", "AB-C"},
    {"BC", "ABC", "-ABC"},
    {"", "AB", "-A-B"},
    {"AB", "", "+A+B"},
    /* the kind decides which of two neighbours changed */
    {"AbX", "ABC", "A~b/B~X/C"},
    {"AXbC", "ABC", "A+X~b/BC"},
    {"AbCD", "ABXCD", "A~b/B-XCD"},
    /* equal neighbours: one change is one change */
    {"ADX", "ADD", "AD~X/D"},
    {"ADDD", "ADD", "ADD+D"},
    {"AD", "ADD", "AD-D"},
    /* swapped events of one PCR */
    {"ACBD", "ABCD", "A+CB-CD"},
    /* optional and repeated */
    {"AC", "AB?C", "AC"},
    {"ABC", "AB?C", "ABC"},
    {"AXC", "AB?C", "A+XC"},
    {"ABBBC", "AB*C", "ABBBC"},
    {"AC", "AB*C", "A-BC"},
    {"ABBXBC", "AB*C", "ABB+XBC"},
    {"A", "A?A", "A"},
    {"AA", "A?A", "AA"},
    {"AB", "A?B?C?", "AB"},
};

static void
load(struct letters *l, const char *events, const char *rules, size_t *n)
{
	*l = (struct letters){.events = events, .rules = rules};
	*n = 0;
	for (size_t i = 0; rules[i]; i++)
		if (isalpha(rules[i]))
			l->at[(*n)++] = i;
	l->at[*n] = strlen(rules);
}

START_TEST(test_cases)
{
	struct align_step *steps = NULL;
	struct letters l;
	struct arena a;
	struct buf text = {0};
	size_t rules = 0;
	size_t n = 0;

	arena_init(&a, 1 << 20);
	load(&l, cases[_i].events, cases[_i].rules, &rules);
	struct align_input in = {
	    strlen(l.events), rules, fit, optional, repeat, &l};
	ck_rc_ok(align(&in, &a, &steps, &n));
	show(&l, steps, n, &text);
	ck_assert_msg(strcmp(text.p, cases[_i].steps) == 0,
	    "%s against %s: %s, not %s", cases[_i].events, cases[_i].rules,
	    text.p, cases[_i].steps);
	buf_free(&text);
	arena_free(&a);
}
END_TEST

/* Every event and every required rule is named exactly once, whatever comes,
 * and no deviation is named exactly when every event is taken. */
START_TEST(test_all_are_accounted_for)
{
	unsigned seed = 20261120;
	struct arena a;

	printf("# seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 2000; round++) {
		struct align_step *steps = NULL;
		char events[16];
		char rules[16];
		struct letters l;
		size_t n = 0;
		size_t m = 0;
		size_t e = (size_t)rand() % 15;
		size_t r = (size_t)rand() % 15;
		for (size_t i = 0; i < e; i++)
			events[i] = (char)('A' + rand() % 4);
		for (size_t i = 0; i < r; i++)
			rules[i] = (char)('A' + rand() % 4);
		events[e] = rules[r] = '\0';
		arena_init(&a, 1 << 20);
		load(&l, events, rules, &m);
		struct align_input in = {e, m, fit, optional, repeat, &l};
		ck_rc_ok(align(&in, &a, &steps, &n));
		size_t seen = 0;
		size_t used = 0;
		size_t wrong = 0;
		for (size_t i = 0; i < n; i++) {
			if (steps[i].op != ALIGN_MISSING)
				ck_assert_uint_eq(steps[i].event, seen++);
			if (steps[i].op != ALIGN_EXTRA)
				ck_assert_uint_eq(steps[i].rule, used++);
			wrong += steps[i].op != ALIGN_MATCH;
		}
		ck_assert_uint_eq(seen, e);
		ck_assert_uint_eq(used, r);
		ck_assert_int_eq(wrong == 0, strcmp(events, rules) == 0);
		arena_free(&a);
	}
}
END_TEST

/* Too much to compare: linear work, and the first deviation is named. */
START_TEST(test_lost)
{
	enum { N = 200000 };
	struct align_step *steps = NULL;
	char *events = malloc(N + 1);
	struct letters l;
	struct arena a;
	size_t rules = 0;
	size_t n = 0;

	ck_assert_ptr_nonnull(events);
	for (size_t i = 0; i < N; i++)
		events[i] = 'Z';
	events[N] = '\0';
	arena_init(&a, (size_t)64 << 20);
	load(&l, events, "AZ*BCDEFGHIJ", &rules);
	struct align_input in = {N, rules, fit, optional, repeat, &l};
	ck_rc_ok(align(&in, &a, &steps, &n));
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(steps[0].op, ALIGN_LOST);
	ck_assert_uint_eq(steps[0].event, 0);
	load(&l, events, "Z*", &rules);
	in.rules = rules;
	ck_rc_ok(align(&in, &a, &steps, &n));
	ck_assert_uint_eq(n, N);
	arena_free(&a);
	free(events);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("align");
	TCase *t = tcase_create("align");

	tcase_add_loop_test(t, test_cases, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(t, test_all_are_accounted_for);
	tcase_add_test(t, test_lost);
	suite_add_tcase(s, t);
	return tap_run(s);
}

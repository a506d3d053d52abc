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
	/* '?' after a rule: optional; '*': repeat; "(AB|C)": one of two
	 * sequences, "(A|B)?": or none. */
	const char *rules;
	size_t at[256]; /* where each rule's letter stands */
	struct align_group groups[16];
	size_t groups_n;
	size_t ends[16][16];
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
    /* one of several sequences */
    {"ABCX", "A(BC|D)X", "ABCX"},
    {"ADX", "A(BC|D)X", "ADX"},
    {"ABDX", "A(BC|D)X", "A+BDX"},
    {"AX", "A(BC|D)X", "A-DX"},
    {"ABCDX", "A(BC|D)X", "ABC+DX"},
    {"AX", "A(BC|D)?X", "AX"},
    {"ACX", "A(BC|D)?X", "A-BCX"},
    {"A", "A(BC|D)?", "A"},
    {"", "(BC|D|EFG)", "-D"},
    {"AC", "(AB|CD)", "A~C/B"},
    {"BD", "(AB|CD)", "~B/CD"},
    /* the first of two that are the same, and one that begins the other */
    {"ABC", "(A|AB)C", "ABC"},
    {"ABC", "(AB|A)(C|BC)", "ABC"},
    {"ABC", "(A|AB)(C|BC)", "ABC"},
    {"EAX", "E(A|B)(A|C)?X", "EAX"},
    {"BCX", "(A|B)(A|C)?X", "BCX"},
    {"ABBX", "(AB*|C)X", "ABBX"},
    {"AX", "(AB?|C)X", "AX"},
    {"XbY", "X(A|B)Y", "X~b/BY"},
};

static void
load(struct letters *l, const char *events, const char *rules, size_t *n)
{
	struct align_group *g = l->groups;

	*l = (struct letters){.events = events, .rules = rules};
	*n = 0;
	for (size_t i = 0; rules[i]; i++) {
		if (isalpha(rules[i]))
			l->at[(*n)++] = i;
		if (rules[i] == '(')
			*g = (struct align_group){
			    .first = *n, .ends = l->ends[g - l->groups]};
		if (rules[i] == '|' || rules[i] == ')')
			l->ends[g - l->groups][g->n++] = *n;
		if (rules[i] == ')')
			g++->optional = rules[i + 1] == '?';
	}
	l->groups_n = (size_t)(g - l->groups);
	l->at[*n] = strlen(rules);
}

static struct align_input
input(const struct letters *l, size_t rules)
{
	return (struct align_input){strlen(l->events), rules, fit, optional,
	    repeat, l, l->groups, l->groups_n};
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
	struct align_input in = input(&l, rules);
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
		struct align_input in = input(&l, m);
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

/* Does any way through the rules take the events? By the definition, with no
 * care for time. */
static bool takes(const struct letters *l, size_t event, size_t rule,
    size_t end, size_t then, bool again);

static bool
takes_group(const struct letters *l, size_t event, const struct align_group *g,
    size_t end)
{
	size_t after = g->ends[g->n - 1];

	for (size_t k = 0; k < g->n; k++)
		if (takes(l, event, k ? g->ends[k - 1] : g->first, g->ends[k],
			after, false))
			return true;
	return g->optional && takes(l, event, after, end, SIZE_MAX, false);
}

static bool
takes(const struct letters *l, size_t event, size_t rule, size_t end,
    size_t then, bool again)
{
	size_t rules = 0;

	while (l->at[rules] < strlen(l->rules))
		rules++;
	if (rule == end && then != SIZE_MAX)
		return takes(l, event, then, rules, SIZE_MAX, false);
	if (rule == end)
		return !l->events[event];
	for (size_t k = 0; then == SIZE_MAX && k < l->groups_n; k++)
		if (l->groups[k].first == rule)
			return takes_group(l, event, &l->groups[k], end);
	if (l->events[event] && fit(l, event, rule) == FIT_EXACT &&
	    (takes(l, event + 1, rule + 1, end, then, false) ||
		(repeat(l, rule) &&
		    takes(l, event + 1, rule, end, then, true))))
		return true;
	return !again && optional(l, rule) &&
	       takes(l, event, rule + 1, end, then, false);
}

static void
random_rules(char *out, const char *end)
{
	while (out < end) {
		int n = rand() % 3 ? 1 : 1 + rand() % 3;
		bool group = rand() % 3 == 0;
		if (group)
			*out++ = '(';
		for (int k = 0; k < n; k++) {
			for (int i = rand() % (group ? 3 : 1); i >= 0; i--) {
				*out++ = (char)('A' + rand() % 3);
				if (rand() % 4 == 0)
					*out++ = "?*"[rand() % 2];
			}
			if (group && k + 1 < n)
				*out++ = '|';
		}
		if (group)
			*out++ = ')';
		if (group && rand() % 2)
			*out++ = '?';
	}
	*out = '\0';
}

/* Both ways of comparing find no deviation exactly when there is none: the
 * least cost, and all ways at once, which so many rules in front of them that
 * nothing answers bring about. */
START_TEST(test_groups_mean_what_they_say)
{
	unsigned seed = 20261121;
	size_t taken = 0;

	printf("# seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 4000; round++) {
		struct align_step *steps = NULL;
		char rules[128], events[8];
		struct letters l;
		struct arena a;
		size_t n = 0, m = 0, wrong = 0;
		random_rules(rules, rules + rand() % 12);
		size_t e = (size_t)rand() % 7;
		for (size_t i = 0; i < e; i++)
			events[i] = (char)('A' + rand() % 3);
		events[e] = '\0';
		arena_init(&a, 1 << 20);
		load(&l, events, rules, &m);
		bool want = takes(&l, 0, 0, m, SIZE_MAX, false);
		struct align_input in = input(&l, m);
		ck_rc_ok(align(&in, &a, &steps, &n));
		for (size_t i = 0; i < n; i++)
			wrong += steps[i].op != ALIGN_MATCH;
		ck_assert_msg(
		    (wrong == 0) == want, "%s against %s", events, rules);
		taken += want;
		arena_free(&a);
	}
	ck_assert_uint_gt(taken, 200);
}
END_TEST

/* The same, beside so many events that rows and columns are too many. */
START_TEST(test_groups_when_there_is_much)
{
	enum { MUCH = 30000 };
	unsigned seed = 20261122;
	char *events = malloc(MUCH + 16);
	size_t taken = 0;

	ck_assert_ptr_nonnull(events);
	printf("# seed %u\n", seed);
	srand(seed);
	for (int round = 0; round < 150; round++) {
		struct align_step *steps = NULL;
		char rules[128] = "Z*", few[8];
		struct letters l;
		struct arena a;
		size_t n = 0, m = 0, wrong = 0;
		random_rules(rules + 2, rules + 2 + rand() % 8);
		size_t e = (size_t)rand() % 5;
		for (size_t i = 0; i < e; i++)
			few[i] = (char)('A' + rand() % 3);
		few[e] = '\0';
		load(&l, few, rules + 2, &m);
		bool want = takes(&l, 0, 0, m, SIZE_MAX, false);
		memset(events, 'Z', MUCH);
		snprintf(events + MUCH, 16, "%s", few);
		arena_init(&a, 32 << 20);
		load(&l, events, rules, &m);
		struct align_input in = input(&l, m);
		ck_rc_ok(align(&in, &a, &steps, &n));
		for (size_t i = 0; i < n; i++)
			wrong += steps[i].op != ALIGN_MATCH;
		ck_assert_msg(
		    (wrong == 0) == want, "%s against %s", few, rules);
		ck_assert(wrong || n == MUCH + e);
		taken += want;
		arena_free(&a);
	}
	free(events);
	ck_assert_uint_gt(taken, 5);
}
END_TEST

/* --- counts that hurt ----------------------------------------------------- */

static size_t fits;

static enum align_fit
fits_often(const void *ctx, size_t event, size_t rule)
{
	const size_t *from = ctx;

	fits++;
	return event < *from && rule % 2 == 0 ? FIT_EXACT : FIT_FAR;
}

static bool
always(const void *ctx, size_t rule)
{
	(void)ctx;
	(void)rule;
	return true;
}

static bool
never(const void *ctx, size_t rule)
{
	(void)ctx;
	(void)rule;
	return false;
}

/* The most events of a log and the most rules of a PCR, in groups of as many
 * sequences as may be: the pairs that are compared stay below the limit,
 * whatever may be absent or come again. */
START_TEST(test_hostile_counts)
{
	enum { EVENTS = 12000, RULES = 4096, EACH = 256 };
	static size_t ends[RULES];
	static struct align_group groups[RULES / EACH];
	static bool (*const ways[])(const void *, size_t) = {always, never};
	size_t from[] = {0, 1, EVENTS / 2, EVENTS};

	for (size_t k = 0; k < RULES; k++)
		ends[k] = k + 1;
	for (size_t k = 0; k < RULES / EACH; k++)
		groups[k] = (struct align_group){
		    k * EACH, EACH, ends + k * EACH, k % 2 == 0};
	for (size_t i = 0; i < 16; i++) {
		struct align_input in = {EVENTS, RULES, fits_often, ways[i & 1],
		    ways[i >> 1 & 1], &from[i / 4], groups, RULES / EACH};
		struct align_step *steps = NULL;
		struct arena a;
		size_t n = 0;
		fits = 0;
		arena_init(&a, (size_t)4 << 20);
		ck_rc_ok(align(&in, &a, &steps, &n));
		ck_assert_uint_le(fits, ALIGN_FITS + EVENTS + RULES);
		ck_assert_uint_gt(n, 0);
		for (size_t k = 0; k + 1 < n; k++)
			ck_assert_int_ne(steps[k].op, ALIGN_LOST);
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
	struct align_input in = input(&l, rules);
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
	tcase_add_test(t, test_groups_mean_what_they_say);
	tcase_add_test(t, test_groups_when_there_is_much);
	tcase_add_test(t, test_hostile_counts);
	tcase_add_test(t, test_lost);
	suite_add_tcase(s, t);
	return tap_run(s);
}

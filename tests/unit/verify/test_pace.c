/* SPDX-License-Identifier: Apache-2.0 */
/* What the TPM's clock says about the age of a quote. */
#include "lib/tap.h"
#include "verify/pace.h"

#include <stdlib.h>

/* Seconds; the remembered clock was read between 1000 and 1001. */
static struct tpm_clock
clock_at_1000(void)
{
	return (struct tpm_clock){.known = true,
	    .clock = 500 * 1000,
	    .reset_count = 7,
	    .restart_count = 2,
	    .from = 1000 * TIME_S,
	    .to = 1001 * TIME_S};
}

static struct pace
pace_at(const struct tpm_clock *before, uint64_t clock_s, int64_t issued_s,
    int64_t received_s)
{
	const struct tpm_quote q = {.clock = clock_s * 1000,
	    .reset_count = 7,
	    .restart_count = 2,
	    .safe = true};
	struct pace out;

	pace_of(&q, before, issued_s * TIME_S, received_s * TIME_S, &out);
	return out;
}

static const struct {
	const char *what;
	uint64_t clock; /* seconds, as everything here */
	int64_t issued, received;
	enum pace_state state;
	int64_t from, to, late, off;
} rows[] = {
    {"at once", 510, 1009, 1011, PACE_GOOD, 1009, 1011, 0, 0},
    {"the bounds tighten", 600, 1001, 1200, PACE_GOOD, 1080, 1121, 79, 0},
    {"made with the challenge, sent later", 500, 1001, 1600, PACE_GOOD, 1001,
	1001, 599, 0},
    {"a clock that is 15 % slow is no delay", 585, 1001, 1101, PACE_GOOD, 1068,
	1101, 0, 0},
    {"a clock that is 15 % fast is not ahead", 615, 1099, 1101, PACE_GOOD, 1099,
	1101, 0, 0},
    {"the challenge before the last quote", 501, 990, 1002, PACE_GOOD, 1000,
	1002, 0, 0},
    {"ahead of time", 2500, 1009, 1010, PACE_AHEAD, 1009, 1010, 0, 1590},
    {"a minute ahead is a matter of clocks", 575, 1000, 1001, PACE_GOOD, 1001,
	1001, 0, 0},
    {"behind the challenge", 510, 2000, 2001, PACE_BEHIND, 2000, 2001, 0, 987},
    {"issued by a clock that is ahead", 501, 1040, 1002, PACE_GOOD, 1002, 1002,
	0, 0},
    {"clock went back: for others to say", 400, 1009, 1010, PACE_UNKNOWN, 1009,
	1010, 0, 0},
};

START_TEST(table)
{
	const struct tpm_clock before = clock_at_1000();
	struct pace p = pace_at(
	    &before, rows[_i].clock, rows[_i].issued, rows[_i].received);

	ck_assert_msg(p.state == rows[_i].state &&
			  p.from / TIME_S == rows[_i].from &&
			  p.to / TIME_S == rows[_i].to &&
			  p.late / TIME_S == rows[_i].late &&
			  p.off / TIME_S == rows[_i].off,
	    "%s: state %d, %lld to %lld, late %lld, off %lld", rows[_i].what,
	    p.state, (long long)(p.from / TIME_S), (long long)(p.to / TIME_S),
	    (long long)(p.late / TIME_S), (long long)(p.off / TIME_S));
}
END_TEST

/* Nothing is concluded from nothing, nor across a reset. */
START_TEST(nothing_to_compare)
{
	struct tpm_clock before = clock_at_1000();

	ck_assert_int_eq(pace_at(NULL, 510, 1009, 1900).state, PACE_UNKNOWN);
	before.known = false;
	ck_assert_int_eq(pace_at(&before, 510, 1009, 1900).state, PACE_UNKNOWN);
	before = clock_at_1000();
	before.to = before.from = 0;
	ck_assert_int_eq(pace_at(&before, 510, 1009, 1900).state, PACE_UNKNOWN);
	before = clock_at_1000();
	before.reset_count++;
	ck_assert_int_eq(pace_at(&before, 510, 1009, 1900).state, PACE_UNKNOWN);
	before = clock_at_1000();
	before.restart_count++;
	struct pace p = pace_at(&before, 510, 1009, 1900);
	ck_assert_int_eq(p.state, PACE_UNKNOWN);
	ck_assert_int_eq(p.from, 1009 * TIME_S);
	ck_assert_int_eq(p.to, 1900 * TIME_S);
}
END_TEST

/* A clock that no machine could have: no overflow, and not believed. */
START_TEST(hostile_clocks)
{
	const struct tpm_clock before = clock_at_1000();
	const uint64_t clocks[] = {UINT64_MAX, UINT64_MAX / 1000, INT64_MAX,
	    (uint64_t)INT64_MAX + 1, UINT64_C(1) << 53};

	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		const struct tpm_quote q = {
		    .clock = clocks[i], .reset_count = 7, .restart_count = 2};
		struct pace p;
		pace_of(&q, &before, 1001 * TIME_S, 1002 * TIME_S, &p);
		ck_assert_int_eq(p.state, PACE_AHEAD);
		ck_assert_int_gt(p.off, 0);
		ck_assert_int_eq(p.to, 1002 * TIME_S);
	}
}
END_TEST

/* A node that holds back every quote by the same time is seen again and
 * again: a late quote moves nothing but the tolerance. */
START_TEST(every_late_quote_is_seen)
{
	struct tpm_clock before = clock_at_1000();
	int seen = 0;

	for (int i = 1; i <= 4; i++) {
		/* Quoted at 1000 + 120 i, sent 300 s later. */
		int64_t made = 1000 + 120 * i;
		struct pace p = pace_at(
		    &before, 500 + 120 * (uint64_t)i, made - 1, made + 300);
		ck_assert_int_eq(p.state, PACE_GOOD);
		ck_assert_int_le(p.from, made * TIME_S);
		ck_assert_int_ge(p.to, made * TIME_S);
		seen += p.late > 60 * TIME_S;
		before.clock += 120 * 1000;
		before.from = p.from;
		before.to = p.to;
	}
	ck_assert_int_eq(seen, 4);
}
END_TEST

/* Property: with clocks within tolerance, whatever the delays, the truth lies
 * between the bounds and no honest quote is late, ahead or behind. */
START_TEST(the_truth_is_between)
{
	unsigned seed = 20261120;

	tap_note("seed %u", seed);
	srand(seed);
	for (int run = 0; run < 200; run++) {
		int64_t now = (int64_t)1000000 * TIME_S;
		/* The TPM's clock runs at 85 to 115 % of the truth. */
		int64_t rate = 85 + rand() % 31;
		int64_t ticks = 0;
		struct tpm_clock before = {.known = false};
		for (int i = 0; i < 50; i++) {
			int64_t issued = now;
			int64_t wait = (int64_t)(rand() % 200000) * TIME_MS;
			int64_t travel = (int64_t)(rand() % 30000) * TIME_MS;
			ticks += wait * rate / 100;
			const struct tpm_quote q = {
			    .clock = (uint64_t)(ticks / TIME_MS)};
			struct pace p;
			int64_t made = now + wait;
			now = made + travel;
			ticks += travel * rate / 100;
			pace_of(&q, &before, issued, now, &p);
			ck_assert(
			    p.state != PACE_AHEAD && p.state != PACE_BEHIND);
			ck_assert_int_le(p.from, made + 2 * TIME_MS);
			ck_assert_int_ge(p.to, made - 2 * TIME_MS);
			ck_assert_int_le(p.late, travel + 2 * TIME_MS);
			before = (struct tpm_clock){.known = true,
			    .clock = q.clock,
			    .from = p.from,
			    .to = p.to};
		}
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pace");
	TCase *t = tcase_create("pace");

	tcase_add_loop_test(t, table, 0, (int)(sizeof(rows) / sizeof(rows[0])));
	tcase_add_test(t, nothing_to_compare);
	tcase_add_test(t, hostile_clocks);
	tcase_add_test(t, every_late_quote_is_seen);
	tcase_add_test(t, the_truth_is_between);
	suite_add_tcase(s, t);
	return tap_run(s);
}

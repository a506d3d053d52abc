/* SPDX-License-Identifier: Apache-2.0 */
/* Submissions of one node at the same time. */
#include "e2e/server/cases.h"

static struct world w;

static void
setup(void)
{
	world_begin(&w, NULL);
}

static void
teardown(void)
{
	world_end(&w);
}

static struct answer
receive(int fd)
{
	return answer_of(&w, raw_receive(fd, &w.arena));
}

/* All but the last bytes of both, then these, so that they arrive together. */
static void
send_both(const int fd[2], const struct span bytes[2])
{
	for (int i = 0; i < 2; i++)
		raw_send(fd[i], span_of(bytes[i].p, bytes[i].n - 1));
	for (int i = 0; i < 2; i++)
		raw_send(fd[i], span_of(bytes[i].p + bytes[i].n - 1, 1));
}

static void
volley(struct shot shot[2], struct answer out[2])
{
	struct span bytes[2];
	int fd[2];

	uint64_t clock = shot->sim->tpm.clock;
	for (int i = 0; i < 2; i++) {
		/* Within one tick: whichever is first, time stands still. */
		shot->sim->tpm.clock = clock;
		bytes[i] = shot_bytes(&w, &shot[i]);
		fd[i] = raw_dial(http_port(w.server->api), w.source);
	}
	send_both(fd, bytes);
	for (int i = 0; i < 2; i++)
		out[i] = receive(fd[i]);
}

/* Each gets its verdict: the second is judged after the first is recorded. */
START_TEST(two_challenges)
{
	struct sim *s = sim_new(&w, "n1");

	for (int round = 0; round < 25; round++) {
		struct shot shot[2] = {aim(&w, s), aim(&w, s)};
		uint64_t version = stored(&w, s).version;
		size_t before = verdicts(&w);
		struct answer a[2];
		volley(shot, a);
		for (int i = 0; i < 2; i++)
			says(a[i], 200, "");
		ck_assert_str_ne(text_at(a[0].json, "verdict"),
		    text_at(a[1].json, "verdict"));
		ck_assert_uint_eq(verdicts(&w), before + 2);
		ck_assert_uint_eq(stored(&w, s).version, version + 2);
	}
	ck_assert_str_eq(status_of(&w, s), "trusted");
}
END_TEST

/* The same bytes twice: one verdict. */
START_TEST(same_bytes)
{
	struct sim *s = sim_new(&w, "n1");

	for (int round = 0; round < 25; round++) {
		struct shot one = aim(&w, s);
		load(&w, &one);
		struct shot shot[2] = {one, one};
		size_t before = verdicts(&w);
		struct answer a[2];
		volley(shot, a);
		for (int i = 0; i < 2; i++)
			says(a[i], 200, "");
		ck_assert_str_eq(text_at(a[0].json, "verdict"),
		    text_at(a[1].json, "verdict"));
		ck_assert_uint_eq(verdicts(&w), before + 1);
	}
}
END_TEST

/* Other evidence on one challenge: exactly one counts. */
START_TEST(one_challenge)
{
	struct sim *s = sim_new(&w, "n1");

	for (int round = 0; round < 25; round++) {
		struct shot one = aim(&w, s);
		struct shot shot[2] = {one, one};
		size_t before = verdicts(&w);
		struct answer a[2];
		volley(shot, a);
		int won = a[0].status == 200 ? 0 : 1;
		says(a[won], 200, "");
		says(a[1 - won], 409, "challenge.used");
		ck_assert_uint_eq(verdicts(&w), before + 1);
	}
}
END_TEST

TCase *
together_cases(void)
{
	TCase *t = tcase_create("together");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, two_challenges);
	tcase_add_test(t, same_bytes);
	tcase_add_test(t, one_challenge);
	return t;
}

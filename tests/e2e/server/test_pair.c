/* SPDX-License-Identifier: Apache-2.0 */
/* Two servers on the same records: what one did holds for the other. */
#include "e2e/server/cases.h"

#include "base/text.h"

#include <unistd.h>

static struct world w;
static struct sim *s;

static void
setup(void)
{
	world_begin(&w, NULL);
	s = sim_new(&w, "n1");
	world_second(&w, NULL);
	world_use(&w, 0);
}

static void
teardown(void)
{
	world_end_second(&w);
	world_end(&w);
}

/* A challenge of one is answered at the other, once in all. */
START_TEST(challenge_of_the_other)
{
	struct shot shot = aim(&w, s), other = shot;

	load(&w, &shot);
	world_use(&w, 1);
	struct answer a = judged(&w, &shot, "pass", "");
	const char *id = text_at(a.json, "verdict");
	world_use(&w, 0);
	a = fire(&w, &shot); /* a retry that reaches the first */
	says(a, 200, "");
	ck_assert_str_eq(text_at(a.json, "verdict"), id);
	refused(&w, &other, 409, "challenge.used");
	ck_assert_uint_eq(verdicts(&w), 1);
	/* The one that has an old state of the node judges by the new one. */
	for (int i = 0; i < 4; i++) {
		world_use(&w, i % 2);
		shot = aim(&w, s);
		judged(&w, &shot, "pass", "");
	}
}
END_TEST

/* Other rules: one allowed path is another. */
static void
put_second_version(void)
{
	char *text = arena_printf(
	    &w.arena, "%.*s", (int)w.policy.n, (const char *)w.policy.p);
	char *at = strstr(text, "/opt/good-9");

	ck_assert_ptr_nonnull(at);
	at[10] = 'a';
	const struct raw_request q = {.method = "POST",
	    .path = "/v1/policies/golden",
	    .token = w.operator,
	    .type = "application/json",
	    .body = span_str(text)};
	says(ask(&w, &q), 200, "");
}

static json_int_t
version_in_force(void)
{
	struct answer a = get(&w, "/v1/nodes/n1");

	says(a, 200, "");
	return json_integer_value(json_at(a.json, "policy.version"));
}

/* Nobody notifies anybody here: the other looks by itself. */
START_TEST(policy_applies_elsewhere)
{
	world_use(&w, 1);
	struct shot shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
	ck_assert_int_eq(version_in_force(), 1);
	world_use(&w, 0);
	put_second_version();
	int64_t from = clock_monotonic();
	says(post(&w, "/v1/policies/golden/activate",
		 "{\"version\":2,\"selector\":{\"site\":\"lab\"}}"),
	    200, "");
	ck_assert_int_eq(version_in_force(), 2);
	world_use(&w, 1);
	while (
	    version_in_force() == 1 && clock_monotonic() < from + 10 * TIME_S)
		usleep(20000);
	int64_t took = clock_monotonic() - from;
	ck_assert_int_le(took, 2 * TIME_S);
	tap_note("in force after %lld ms", (long long)(took / TIME_MS));
	shot = aim(&w, s);
	struct answer a = judged(&w, &shot, "pass", "");
	a = get(&w, arena_printf(&w.arena, "/v1/verdicts/%s",
			text_at(a.json, "verdict")));
	ck_assert_int_eq(
	    json_integer_value(json_at(a.json, "policy.version")), 2);
}
END_TEST

TCase *
pair_cases(void)
{
	TCase *t = tcase_create("pair");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, challenge_of_the_other);
	tcase_add_test(t, policy_applies_elsewhere);
	return t;
}

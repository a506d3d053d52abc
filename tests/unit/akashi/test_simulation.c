/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of a simulation put together, and told. */
#include "akashi/simulation.h"

#include "lib/tap.h"

#include <stdlib.h>

static struct arena a;
static struct simulation s;
static struct err e;

static void
setup(void)
{
	arena_init(&a, 64 * 1024 * 1024);
	s = (struct simulation){.arena = &a};
	e = (struct err){0};
}

static void
teardown(void)
{
	arena_free(&a);
}

/* A page of groups; not_judged: attestations with another key. */
static const char *
page(const char *groups, int not_judged)
{
	return arena_printf(&a,
	    "{\"candidate\":{\"name\":\"web\",\"hash\":\"ab\",\"mode\":"
	    "\"enforce\",\"class\":null},\"groups\":[%s],\"not_judged\":{"
	    "\"key_replaced\":{\"attestations\":%d,\"latest\":%d},"
	    "\"not_kept\":{\"attestations\":0,\"latest\":0},"
	    "\"other_class\":{\"attestations\":0,\"latest\":0}},"
	    "\"next\":null}",
	    groups, not_judged, not_judged);
}

static rc
add(const char *text)
{
	JSON_AUTO doc = json_loads(text, 0, NULL);

	ck_assert_msg(doc != NULL, "%s", text);
	return simulation_add(&s, doc, &e);
}

static void
add_good(const char *text)
{
	rc r = add(text);

	ck_assert_msg(rc_ok(r), "%s %s: %s", e.path, e.text, text);
}

/* Of a failing candidate, for one found value; items as JSON. */
static const char *
failing(const char *found, int attestations, int latest, const char *items)
{
	return arena_printf(&a,
	    "{\"recorded\":\"pass\",\"candidate\":\"fail\",\"recorded_code\":"
	    "null,\"code\":\"boot.event.changed\",\"layer\":\"os\",\"pcr\":9,"
	    "\"event_type\":\"EV_IPL\",\"found\":\"%s\",\"cause\":"
	    "\"kernel.update\",\"cause_detail\":\"6.1.192\",\"attestations\":"
	    "%d,\"latest\":%d,\"items\":[%s]}",
	    found, attestations, latest, items);
}

static const char *
plain(const char *recorded, const char *candidate, int attestations, int latest,
    const char *items)
{
	return arena_printf(&a,
	    "{\"recorded\":\"%s\",\"candidate\":\"%s\",\"recorded_code\":null,"
	    "\"code\":null,\"layer\":null,\"pcr\":null,\"event_type\":null,"
	    "\"found\":null,\"cause\":null,\"cause_detail\":null,"
	    "\"attestations\":%d,\"latest\":%d,\"items\":[%s]}",
	    recorded, candidate, attestations, latest, items);
}

#define ITEM(node, id, latest)                                                 \
	"{\"node\":\"" node "\",\"verdict\":\"" id "\",\"latest\":" #latest "}"

static const char *
text_of(const char *lang, size_t nodes)
{
	struct buf out = {0};

	simulation_text(&s, "T", lang, nodes, &out);
	ck_assert(!out.failed);
	const char *text =
	    arena_printf(&a, "%.*s", (int)out.n, out.p ? out.p : "");
	buf_free(&out);
	return text;
}

#define holds(text, part)                                                      \
	ck_assert_msg(                                                         \
	    strstr(text, part) != NULL, "no \"%s\" in:\n%s", part, text)
#define lacks(text, part)                                                      \
	ck_assert_msg(strstr(text, part) == NULL, "\"%s\" in:\n%s", part, text)

START_TEST(pages_are_merged)
{
	add_good(
	    page(arena_printf(&a, "%s,%s",
		     failing("sha256:aa", 2, 1,
			 ITEM("n2", "v2", true) "," ITEM("n1", "v1", false)),
		     plain("pass", "pass", 10, 9, "")),
		1));
	add_good(page(arena_printf(&a, "%s,%s",
			  failing("sha256:aa", 1, 1, ITEM("n1", "v3", true)),
			  failing("sha256:bb", 1, 1, ITEM("n3", "v4", true))),
	    2));
	ck_rc_ok(simulation_end(&s, &e));
	ck_assert_uint_eq(s.groups, 3);
	ck_assert_uint_eq(s.group[0]->latest, 9); /* those of most nodes */
	const struct simulation_group *g = s.group[1];
	ck_assert_uint_eq(g->attestations, 3);
	ck_assert_uint_eq(g->latest, 2);
	ck_assert_uint_eq(g->items, 3);
	ck_assert_str_eq(g->item[0].verdict, "v3"); /* the latest of n1 */
	ck_assert_uint_eq(simulation_nodes(&s.group[1], 1, &a), 2);
	ck_assert_uint_eq(simulation_nodes(&s.group[1], 2, &a), 3);
	ck_assert_uint_eq(s.not_judged[NOT_JUDGED_KEY].latest, 3);
	ck_assert_uint_eq(simulation_sum(&s, TURN_FAILS).attestations, 4);
	ck_assert_uint_eq(simulation_sum(&s, TURN_COUNT).latest, 12);
	ck_assert_int_eq(simulation_exit(&s), 1);
}
END_TEST

/* The same groups whatever the order of the pages. */
START_TEST(order_is_nothing)
{
	const char *pages[] = {
	    page(failing("x", 1, 1, ITEM("n1", "v1", true)), 0),
	    page(failing("x", 1, 1, ITEM("n2", "v2", true)), 1),
	    page(plain("fail", "pass", 1, 1, ITEM("n3", "v3", true)), 0)};
	const char *first = NULL;

	for (int turn = 0; turn < 3; turn++) {
		s = (struct simulation){.arena = &a};
		for (int i = 0; i < 3; i++)
			add_good(pages[(i + turn) % 3]);
		ck_rc_ok(simulation_end(&s, &e));
		const char *text = text_of("en", 5);
		if (first)
			ck_assert_str_eq(text, first);
		first = text;
	}
}
END_TEST

static const struct {
	const char *recorded, *candidate;
	enum simulation_turn turn;
	int change; /* its sign */
	int exit;
} turns[] = {
    {"pass", "pass", TURN_STAYS, 0, 0},
    {"pass", "warn", TURN_STAYS, 1, 1},
    {"warn", "pass", TURN_STAYS, -1, 0},
    {"pass", "fail", TURN_FAILS, 1, 1},
    {"warn", "reject", TURN_FAILS, 1, 1},
    {"pass", "unknown", TURN_FAILS, 1, 1},
    {"fail", "warn", TURN_PASSES, -1, 0},
    {"unknown", "pass", TURN_PASSES, -1, 0},
    {"fail", "fail", TURN_STILL, 0, 0},
    {"unknown", "fail", TURN_STILL, 1, 1},
    {"reject", "reject", TURN_STILL, 0, 0},
};

START_TEST(better_and_worse)
{
	add_good(page(plain(turns[_i].recorded, turns[_i].candidate, 1, 1,
			  ITEM("n", "v", true)),
	    0));
	ck_rc_ok(simulation_end(&s, &e));
	int change = simulation_change(s.group[0]);
	ck_assert_int_eq(simulation_turn(s.group[0]), turns[_i].turn);
	ck_assert_int_eq((change > 0) - (change < 0), turns[_i].change);
	ck_assert_int_eq(simulation_exit(&s), turns[_i].exit);
}
END_TEST

/* Only latest boots decide; without any attestation nothing is decided. */
START_TEST(what_the_exit_code_means)
{
	add_good(page(failing("x", 3, 0, ITEM("n1", "v1", false)), 0));
	ck_rc_ok(simulation_end(&s, &e));
	ck_assert_int_eq(simulation_exit(&s), 0);
	s = (struct simulation){.arena = &a};
	add_good(page("", 5));
	ck_rc_ok(simulation_end(&s, &e));
	ck_assert_int_eq(simulation_exit(&s), 3);
	holds(text_of("en", 5), "Nothing was judged.");
	holds(text_of("en", 5), "another key now: 5");
}
END_TEST

START_TEST(told_by_cause)
{
	add_good(
	    page(arena_printf(&a, "%s,%s,%s",
		     failing("sha256:aa", 2, 2,
			 ITEM("n1", "v1", true) "," ITEM("n2", "v2", true)),
		     failing("sha256:bb", 1, 1, ITEM("n3", "v3", true)),
		     plain("fail", "pass", 1, 1, ITEM("n4", "v4", true))),
		0));
	ck_rc_ok(simulation_end(&s, &e));
	const char *text = text_of("en", 1);
	holds(text, "3 nodes, pass -> fail: kernel update (6.1.192)\n");
	holds(text, "[boot.event.changed, PCR 9, EV_IPL, os]");
	holds(text, "2 different values\n    sha256:aa\n");
	holds(text, "n1 and 1 more; akashi verdict show v1");
	holds(text, "would now fail                 3             3\n");
	holds(text, "would now pass                 1             1\n");
	ck_assert(strstr(text, "Worse") < strstr(text, "Better"));
	text = text_of("en", 9);
	holds(text, "n1, n2; akashi verdict show v1");
	text = text_of("ja", 1);
	holds(text, "3 ノード、pass → fail: カーネルの更新 (6.1.192)");
	holds(text, "新たに不合格                   3             3\n");
	lacks(text, "nodes");
}
END_TEST

/* What a node or a server writes reaches no terminal as it is. */
START_TEST(texts_are_printable)
{
	add_good(page(failing("\\u001b[31m\\u0007x", 1, 1,
			  ITEM("n\\u0007\\u001b1", "v1", true)),
	    0));
	ck_rc_ok(simulation_end(&s, &e));
	const char *text = text_of("en", 5);
	lacks(text, "\x1b");
	lacks(text, "\x07");
	holds(text, "\\x1b[31m");
}
END_TEST

/* A long value is cut between characters. */
START_TEST(values_are_cut)
{
	char found[200];

	for (size_t i = 0; i < 120; i += 3)
		snprintf(found + i, sizeof(found) - i, "証");
	add_good(page(failing(found, 1, 1, ITEM("n1", "v1", true)), 0));
	ck_rc_ok(simulation_end(&s, &e));
	const char *text = text_of("en", 5);
	holds(text, "証証…\n");
	ck_assert_uint_le(strcspn(strstr(text, "証"), "\n"), 103);
}
END_TEST

static const char *const senseless[] = {
    "{}",
    "[]",
    "{\"candidate\":{\"name\":\"web\",\"hash\":\"ab\"},\"groups\":{}}",
    "{\"candidate\":{\"name\":1,\"hash\":\"ab\"},\"groups\":[]}",
    "{\"candidate\":{\"name\":\"w\",\"hash\":\"a\"},\"groups\":[]}",
    "{\"candidate\":{\"name\":\"web\",\"hash\":\"ab\"},\"groups\":[{}]}",
};

START_TEST(senseless_pages)
{
	ck_rc_is(add(senseless[_i]), ERR_CLIENT_RESPONSE);
}
END_TEST

START_TEST(senseless_groups)
{
	static const char *const bad[][2] = {{"\"pass\"", "\"perhaps\""},
	    {"\"attestations\":3", "\"attestations\":-3"},
	    {"\"found\":\"x\"", "\"found\":[]"},
	    {"\"node\":\"n1\"", "\"node\":null"}};
	const char *good = page(failing("x", 3, 0, ITEM("n1", "v1", false)), 0);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *at = strstr(good, bad[i][0]);
		ck_assert_ptr_nonnull(at);
		const char *text = arena_printf(&a, "%.*s%s%s",
		    (int)(at - good), good, bad[i][1], at + strlen(bad[i][0]));
		ck_rc_is(add(text), ERR_CLIENT_RESPONSE);
	}
	add_good(good);
}
END_TEST

START_TEST(json_has_all)
{
	struct buf out = {0};

	add_good(page(failing("sha256:aa", 2, 2,
			  ITEM("n1", "v1", true) "," ITEM("n2", "v2", true)),
	    1));
	ck_rc_ok(simulation_end(&s, &e));
	simulation_json(&s, "T", 1, &out);
	JSON_AUTO doc = json_loadb(out.p, out.n, 0, NULL);
	buf_free(&out);
	ck_assert_ptr_nonnull(doc);
	const json_t *g = json_array_get(json_object_get(doc, "groups"), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(g, "nodes_n")), 2);
	ck_assert_uint_eq(json_array_size(json_object_get(g, "nodes")), 1);
	ck_assert_str_eq(
	    json_string_value(json_object_get(g, "example")), "v1");
	ck_assert_str_eq(
	    json_string_value(json_object_get(g, "cause")), "kernel.update");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("simulation");
	TCase *t = tcase_create("simulation");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, pages_are_merged);
	tcase_add_test(t, order_is_nothing);
	tcase_add_loop_test(
	    t, better_and_worse, 0, (int)(sizeof(turns) / sizeof(turns[0])));
	tcase_add_test(t, what_the_exit_code_means);
	tcase_add_test(t, told_by_cause);
	tcase_add_test(t, texts_are_printable);
	tcase_add_test(t, values_are_cut);
	tcase_add_loop_test(t, senseless_pages, 0,
	    (int)(sizeof(senseless) / sizeof(senseless[0])));
	tcase_add_test(t, senseless_groups);
	tcase_add_test(t, json_has_all);
	suite_add_tcase(suite, t);
	return tap_run(suite);
}

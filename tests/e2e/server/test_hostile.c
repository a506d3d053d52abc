/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies that mean nothing, and what the API says of itself. */
#include "e2e/server/cases.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

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

/* xorshift: the same sequence for the same seed */
static uint64_t
next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t
seed(void)
{
	const char *given = getenv("AKASHI_TEST_SEED");
	uint64_t s = 0;

	if (given)
		s = strtoull(given, NULL, 10);
	while (s == 0)
		ck_rc_ok(random_bytes(&s, sizeof(s)));
	tap_note("AKASHI_TEST_SEED=%llu", (unsigned long long)s);
	return s;
}

static void
never_ours(const struct answer *a, size_t i)
{
	ck_assert_msg(a->status >= 400 && a->status < 500, "%zu: %d %s", i,
	    a->status, a->code);
	ck_assert_msg(*a->code, "%zu: %d without a code", i, a->status);
}

START_TEST(random_bodies)
{
	static const struct {
		const char *path, *type;
	} routes[] = {
	    {"/v1/evidence", SUBMISSION_TYPE},
	    {"/v1/enrol", "application/json"},
	    {"/v1/activate", "application/json"},
	    {"/v1/challenge", "application/json"},
	    {"/v1/tokens", "application/json"},
	    {"/v1/policies/x", "application/json"},
	};
	struct sim *s = sim_new(&w, "n1");
	const char *const tokens[] = {
	    s->token, w.enrol, NULL, NULL, w.operator, w.operator};
	uint64_t state = seed();

	for (size_t i = 0; i < 100; i++) {
		size_t n = next(&state) % 3000, r = i % 6;
		uint8_t *p = arena_alloc(&w.arena, n + 8);
		for (size_t k = 0; k < n; k++)
			p[k] = (uint8_t)next(&state);
		if (r == 0 && i % 4 == 0 && n > 8)
			memcpy(p, SUBMISSION_MAGIC, 8);
		const struct raw_request q = {.method = "POST",
		    .path = routes[r].path,
		    .token = tokens[r],
		    .type = routes[r].type,
		    .body = span_of(p, n)};
		struct answer a = ask(&w, &q);
		never_ours(&a, i);
	}
	ck_assert_uint_eq(verdicts(&w), 0);
	struct shot shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
}
END_TEST

/* Where the boot log lies in a frame: it has bytes that nothing binds, such as
 * digests of banks that are not quoted. */
static bool
in_log(const struct shot *x, size_t at)
{
	size_t from = 8 + 3 * 8 + x->quote.attest.n + x->quote.signature.n;

	return at >= from && at - from < x->eventlog.n;
}

struct mutation {
	struct span body;
	bool only_log;
	bool none;
};

static struct mutation
mutate(const struct shot *x, uint64_t *state, size_t within)
{
	uint8_t *p = arena_alloc(&w.arena, x->body.n);
	struct mutation m = {span_of(p, x->body.n), true, true};

	ck_assert_ptr_nonnull(p);
	memcpy(p, x->body.p, x->body.n);
	for (size_t k = 1 + next(state) % 4; k > 0; k--) {
		size_t at = next(state) % within;
		p[at] ^= (uint8_t)(1 + next(state) % 255);
		m.only_log &= in_log(x, at);
	}
	m.none = memcmp(p, x->body.p, x->body.n) == 0;
	return m;
}

/* One to four bytes changed anywhere: never an error of ours, and a pass only
 * where nothing but the boot log was touched. */
START_TEST(mutated_frames)
{
	struct sim *s = sim_new(&w, "n1");
	uint64_t state = seed();
	size_t judged_n = 0;

	for (size_t i = 0; i < 100; i++) {
		struct shot bad = aim(&w, s);
		load(&w, &bad);
		/* Half of them near the front, where the structure is. */
		struct mutation m =
		    mutate(&bad, &state, i % 2 ? 400 : bad.body.n);
		if (m.none)
			continue;
		bad.body = m.body;
		struct answer a = fire(&w, &bad);
		if (a.status != 200) {
			never_ours(&a, i);
			continue;
		}
		judged_n++;
		ck_assert_msg(m.only_log || strcmp(text_at(a.json, "result"),
						"pass") != 0,
		    "%zu passed", i);
	}
	ck_assert_uint_eq(verdicts(&w), judged_n);
	says(post(&w, "/v1/nodes/n1/clear", "{\"reason\":\"test\"}"), 200, "");
	struct shot good = aim(&w, s);
	judged(&w, &good, "pass", "");
}
END_TEST

/* Every prefix at a part's edge, and some between. */
START_TEST(cut_frames)
{
	struct sim *s = sim_new(&w, "n1");
	struct shot good = aim(&w, s);

	load(&w, &good);
	for (size_t n = 0; n < good.body.n; n += n < 500 ? 7 : 4999) {
		struct shot bad = good;
		bad.body = span_of(good.body.p, n);
		struct answer a = fire(&w, &bad);
		never_ours(&a, n);
	}
	ck_assert_uint_eq(verdicts(&w), 0);
	judged(&w, &good, "pass", "");
}
END_TEST

/* --- the description of the API ------------------------------------------- */

static bool
described(const json_t *doc, const struct route *r)
{
	const json_t *path =
	    json_object_get(json_object_get(doc, "paths"), r->pattern);

	return json_object_get(path, r->method == HTTP_GET ? "get" : "post");
}

START_TEST(openapi_agrees)
{
	struct answer a = get(&w, "/openapi.json");
	size_t operations = 0;
	const char *path, *method;
	json_t *item, *op;

	says(a, 200, "");
	for (size_t i = 0; i < api_routes_n; i++)
		ck_assert_msg(described(a.json, &api_routes[i]),
		    "%s is not described", api_routes[i].pattern);
	json_object_foreach(json_object_get(a.json, "paths"), path, item)
	{
		json_object_foreach(item, method, op)
		{
			operations += strcmp(method, "parameters") != 0;
			ck_assert_msg(strcmp(method, "get") == 0 ||
					  strcmp(method, "post") == 0 ||
					  strcmp(method, "parameters") == 0,
			    "%s %s", method, path);
		}
	}
	ck_assert_uint_eq(operations, api_routes_n);
}
END_TEST

/* Its operationIds are the routes' names, and whoever needs no token is said
 * to need none. */
START_TEST(openapi_names)
{
	struct answer a = get(&w, "/openapi.json");

	for (size_t i = 0; i < api_routes_n; i++) {
		const struct route *r = &api_routes[i];
		const json_t *op = json_object_get(
		    json_object_get(
			json_object_get(a.json, "paths"), r->pattern),
		    r->method == HTTP_GET ? "get" : "post");
		ck_assert_str_eq(text_at(op, "operationId"), r->name);
		const json_t *security = json_at(op, "security");
		bool open =
		    json_is_array(security) && json_array_size(security) == 0;
		ck_assert_msg(open == (r->auth == AUTH_NONE), "%s", r->pattern);
	}
}
END_TEST

TCase *
hostile_cases(void)
{
	TCase *t = tcase_create("hostile");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, random_bodies);
	tcase_add_test(t, mutated_frames);
	tcase_add_test(t, cut_frames);
	tcase_add_test(t, openapi_agrees);
	tcase_add_test(t, openapi_names);
	return t;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Reference sets: put, compared, named by policies, replaced while running. */
#include "e2e/server/cases.h"

#include "appraise/refset.h"
#include "base/text.h"

#include <stdlib.h>

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

static int
by_text(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* A set of files whose content is their path. */
static const char *
set_of(const char *const *paths, size_t n)
{
	const char *line[16];
	struct buf b = {0};
	uint8_t digest[32];

	for (size_t i = 0; i < n; i++) {
		ck_rc_ok(hash_of(w.h, ALG_SHA256, span_str(paths[i]), digest));
		line[i] = arena_printf(&w.arena, "%s  %s\n",
		    hex_string(&w.arena, span_of(digest, 32)), paths[i]);
	}
	qsort(line, n, sizeof(line[0]), by_text);
	for (size_t i = 0; i < n; i++)
		buf_puts(&b, line[i]);
	const char *out = arena_printf(&w.arena, "%s", b.p ? b.p : "");
	buf_free(&b);
	return out;
}

static struct answer
put(const char *name, const char *file)
{
	const struct raw_request q = {.method = "POST",
	    .path = arena_printf(&w.arena, "/v1/refsets/%s", name),
	    .token = w.operator,
	    .type = "text/plain",
	    .body = span_str(file)};

	return ask(&w, &q);
}

/* The golden document, with one more group of allowed files. */
static struct answer
apply_with(const char *hash)
{
	JSON_AUTO doc = NULL;
	struct err e;

	ck_rc_ok(json_decode(w.policy, 1 << 24, &doc, &e));
	json_t *allow = json_object_get(json_object_get(doc, "ima"), "allow");
	ck_assert(json_is_array(allow));
	char *refset = arena_printf(&w.arena, "sha256:%s", hash);
	json_t *group = json_object();
	json_object_set_new(group, "source", json_string("test"));
	json_object_set_new(group, "refset", json_string(refset));
	json_object_set_new(group, "name", json_string("extra"));
	json_array_append_new(allow, group);
	char *text = json_dumps(doc, JSON_COMPACT);
	const struct raw_request q = {.method = "POST",
	    .path = "/v1/policies/golden",
	    .token = w.operator,
	    .type = "application/json",
	    .body = arena_copy(&w.arena, span_str(text))};
	free(text);
	return ask(&w, &q);
}

static void
activate(const struct answer *a)
{
	says(post(&w, "/v1/policies/golden/activate",
		 arena_printf(&w.arena,
		     "{\"version\":%lld,\"selector\":{\"site\":\"lab\"}}",
		     (long long)json_integer_value(
			 json_at(a->json, "version")))),
	    200, "");
}

static const char *const first[] = {"/opt/a", "/opt/b"};
static const char *const second[] = {"/opt/b", "/opt/c", "/opt/d"};

START_TEST(sets_and_versions)
{
	struct answer a = put("extra", set_of(first, 2));

	says(a, 200, "");
	ck_assert_int_eq(json_integer_value(json_at(a.json, "version")), 1);
	ck_assert_int_eq(json_integer_value(json_at(a.json, "entries")), 2);
	ck_assert_str_eq(text_at(a.json, "alg"), "sha256");
	const char *hash = text_at(a.json, "hash");
	a = put("extra", set_of(first, 2));
	ck_assert_str_eq(text_at(a.json, "hash"), hash);
	ck_assert_int_eq(json_integer_value(json_at(a.json, "version")), 1);
	a = put("extra", set_of(second, 3));
	ck_assert_int_eq(json_integer_value(json_at(a.json, "version")), 2);
	a = get(&w, "/v1/refsets/extra/1");
	ck_assert_str_eq(text_at(a.json, "hash"), hash);
	says(get(&w, "/v1/refsets/extra/3"), 404, "refset.unknown");
	says(get(&w, "/v1/refsets/none"), 404, "refset.unknown");
	a = get(&w, "/v1/refsets");
	ck_assert_uint_eq(json_array_size(json_at(a.json, "items")), 2);
	a = get(&w, "/v1/refsets/extra/diff?from=1&to=2");
	says(a, 200, "");
	ck_assert_int_eq(json_integer_value(json_at(a.json, "added_n")), 2);
	ck_assert_int_eq(json_integer_value(json_at(a.json, "removed_n")), 1);
	ck_assert_ptr_nonnull(strstr(text_at(a.json, "removed.0"), "  /opt/a"));
	says(get(&w, "/v1/refsets/extra/diff?from=1&to=9"), 404,
	    "refset.unknown");
	a = get(&w, "/v1/refsets/extra/diff?from=2&to=2");
	ck_assert_int_eq(json_integer_value(json_at(a.json, "added_n")), 0);
}
END_TEST

START_TEST(sets_refused)
{
	says(put("extra", "not a set\n"), 400, "refset.format");
	says(put("extra", arena_printf(&w.arena, "%s%s", set_of(first, 2),
			      set_of(first, 2))),
	    400, "refset.format");
	says(put("Extra", set_of(first, 2)), 400, "name.format");
	says(get(&w, "/v1/refsets/extra"), 404, "refset.unknown");
	says(apply_with(
		 "00000000000000000000000000000000000000000000000000000000"
		 "00000000"),
	    404, "refset.unknown");
	says(put("extra", ""), 200, ""); /* the empty set is one */
}
END_TEST

/* A file that only the set allows; another version of the set and a policy that
 * names it take effect while the server runs. */
START_TEST(sets_judge)
{
	struct answer set = put("extra", set_of(first, 2));
	const char *hash = text_at(set.json, "hash");
	struct answer policy = apply_with(hash);

	says(policy, 200, "");
	activate(&policy);
	soft_tpm_measure(&s->tpm, "/opt/a", "/opt/a");
	struct shot shot = aim(&w, s);
	struct answer a = judged(&w, &shot, "pass", "");
	a = get(&w, arena_printf(&w.arena, "/v1/verdicts/%s",
			text_at(a.json, "verdict")));
	says(a, 200, "");
	soft_tpm_measure(&s->tpm, "/opt/c", "/opt/c");
	shot = aim(&w, s);
	a = fire(&w, &shot);
	ck_assert_str_eq(text_at(a.json, "result"), "fail");
	set = put("extra",
	    set_of((const char *const[]){"/opt/a", "/opt/b", "/opt/c"}, 3));
	says(set, 200, "");
	policy = apply_with(text_at(set.json, "hash"));
	activate(&policy);
	shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
}
END_TEST

/* Two policies, one set in memory. */
START_TEST(sets_are_shared)
{
	struct answer set = put("extra", set_of(first, 2));
	uint8_t hash[32];

	ck_rc_ok(hex_decode(
	    span_str(text_at(set.json, "hash")), hash, sizeof(hash)));
	ck_assert_ptr_null(refset_cache_get(w.server->refsets, hash));
	struct answer policy = apply_with(text_at(set.json, "hash"));
	activate(&policy);
	struct shot shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
	struct refset *one = refset_cache_get(w.server->refsets, hash);
	ck_assert_ptr_nonnull(one);
	says(post(&w, "/v1/policies/golden/rollback", "{}"), 200, "");
	refset_unref(one);
	/* Nobody needs it any more. */
	ck_assert_uint_eq(refset_cache_trim(w.server->refsets), 0);
}
END_TEST

TCase *
refset_cases(void)
{
	TCase *t = tcase_create("refsets");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, sets_and_versions);
	tcase_add_test(t, sets_refused);
	tcase_add_test(t, sets_judge);
	tcase_add_test(t, sets_are_shared);
	return t;
}

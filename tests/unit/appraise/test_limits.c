/* SPDX-License-Identifier: Apache-2.0 */
/* What is told with every verdict. The letters are those of the table of
 * attacks. */
#include "appraise/limits.h"
#include "appraise/verdict.h"
#include "lib/tap.h"

#include <stdlib.h>

enum { D = 1 << ROT_DISCRETE, F = 1 << ROT_FIRMWARE, V = 1 << ROT_VIRTUAL };

static const struct {
	const char *id, *name;
	unsigned classes;
} rows[] = {
    {"X01", "limit.tpm_reset", D},
    {"X02", "limit.tpm_bus", D},
    {"X03", "limit.sleep_reset", D | F},
    {"X04", "limit.key_extraction", D | F},
    {"X05", "limit.state_rollback", V},
    {"X06", "limit.host_owner", V},
    {"X07", "limit.relay", D | F | V},
    {"X08", "limit.between_quotes", D | F | V},
    {"X09", "limit.runtime_memory", D | F | V},
    {"X10", "limit.unmeasured", D | F | V},
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static bool
told(enum rot_class rot, const char *name)
{
	const struct limit *l;

	for (size_t i = 0; (l = limit_of(rot, i)); i++)
		if (strcmp(l->name, name) == 0)
			return true;
	return false;
}

/* Each attack that no replay shows is told for the classes that it concerns,
 * and for a root of trust that nobody knows. */
START_TEST(each_by_class)
{
	for (int c = 0; c < ROT_CLASSES; c++)
		ck_assert_msg(
		    told((enum rot_class)c, rows[_i].name) ==
			(c == ROT_UNKNOWN || (rows[_i].classes & 1u << c)),
		    "%s %s: %s", rows[_i].id, rows[_i].name,
		    rot_class_name((enum rot_class)c));
	const struct limit *l = limit_by_name(rows[_i].name);
	ck_assert_ptr_nonnull(l);
	ck_assert_uint_gt(strlen(limit_sentence(l, "en")), 40);
	ck_assert_str_ne(limit_sentence(l, "en"), limit_sentence(l, "ja"));
	ck_assert_str_eq(limit_sentence(l, "en"), limit_sentence(l, "fr"));
}
END_TEST

START_TEST(none_is_forgotten_here)
{
	const struct limit *l;
	size_t n = 0;

	for (; (l = limit_of(ROT_UNKNOWN, n)); n++)
		ck_assert_str_eq(l->name, rows[n].name);
	ck_assert_uint_eq(n, ROWS);
	ck_assert_ptr_null(limit_by_name("limit.none"));
}
END_TEST

/* The verdict itself says them, with the class, whatever its result. */
START_TEST(in_every_verdict)
{
	struct verdict v;
	struct arena a;

	arena_init(&a, 1024 * 1024);
	for (int c = 0; c < ROT_CLASSES; c++) {
		struct buf out = {0};
		struct jw w = jw_over(&out);
		verdict_init(&v, &a);
		v.rot = (enum rot_class)c;
		verdict_fold(&v);
		jw_object(&w);
		verdict_emit(&v, &w);
		jw_object_end(&w);
		for (size_t i = 0; i < ROWS; i++)
			ck_assert((strstr(out.p, rows[i].name) != NULL) ==
				  told(v.rot, rows[i].name));
		const char *want = arena_printf(
		    &a, "\"root_of_trust\":\"%s\"", rot_class_name(v.rot));
		ck_assert_ptr_nonnull(strstr(out.p, want));
		buf_free(&out);
	}
	arena_free(&a);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("limits");
	TCase *t = tcase_create("limits");

	tcase_add_loop_test(t, each_by_class, 0, ROWS);
	tcase_add_test(t, none_is_forgotten_here);
	tcase_add_test(t, in_every_verdict);
	suite_add_tcase(s, t);
	return tap_run(s);
}

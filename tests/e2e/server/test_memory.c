/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs out at every place of a submission, one after the other:
 * the answer is 503 or the true verdict, never anything else, and the server
 * goes on. A program of its own: allocation is wrapped at link time.
 */
#include "e2e/server/cases.h"

#include <stdatomic.h>
#include <stdlib.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

/* Allocations until the one that fails; 0: none does. */
static atomic_long countdown;
/* The test's own thread is spared. */
static _Thread_local bool spared;

static bool
fails(void)
{
	return !spared && atomic_load(&countdown) > 0 &&
	       atomic_fetch_sub(&countdown, 1) == 1;
}

void *
__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

static struct world w;

/* One submission with the n-th allocation failing. False once it needs fewer
 * than n. */
static bool
one_failure(struct sim *s, long n)
{
	struct shot shot = aim(&w, s);
	size_t before = verdicts(&w);

	load(&w, &shot);
	atomic_store(&countdown, n);
	struct answer a = fire(&w, &shot);
	bool met = atomic_exchange(&countdown, 0) <= 0;
	if (a.status == 200)
		ck_assert_str_eq(text_at(a.json, "result"), "pass");
	else
		ck_assert_msg(
		    a.status == 503 || a.status == 0, "%ld: %d", n, a.status);
	/* Recorded and not told, or neither: never a wrong one. */
	ck_assert_uint_le(verdicts(&w), before + 1);
	says(fire(&w, &shot), 200, "");
	ck_assert_uint_eq(verdicts(&w), before + 1);
	ck_assert_str_eq(status_of(&w, s), "trusted");
	return met;
}

START_TEST(memory_ends_anywhere)
{
	long n = 1;

	spared = true;
	json_set_alloc_funcs(__wrap_malloc, free);
	world_begin(&w, NULL);
	struct sim *s = sim_new(&w, "n1");
	struct shot shot = aim(&w, s);
	judged(&w, &shot, "pass", "");
	while (one_failure(s, n))
		n++;
	ck_assert_int_gt(n, 5);
	tap_note("%ld allocations failed in turn", n - 1);
	world_end(&w);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("memory");
	TCase *t = tcase_create("memory");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, memory_ends_anywhere);
	suite_add_tcase(suite, t);
	return tap_run(suite);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines as the kernel splits them. */
#include "base/json.h"
#include "decode/cmdline.h"
#include "lib/tap.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Tokens as name[=value], a '!' before those that are not plain and a '?'
 * before those that are not even printable, one line each. */
static const struct {
	const char *line;
	const char *tokens;
} lines[] = {
    {"", ""},
    {" \t\r\n ", ""},
    {"ro", "ro\n"},
    {"  ro\troot=LABEL=a\n", "ro\nroot=LABEL=a\n"},
    {"a= =b", "a=\n=b\n"},
    {"a=\"b c\" d", "!a=b c\nd\n"},
    {"\"a=b c\" d", "!a=b c\nd\n"},
    {"\"a b\"", "!a b\n"},
    {"a=b\"c d\"e", "!a=b\"c d\"e\n"},
    {"a=\"b c", "!a=b c\n"},
    {"\"", "!\n"},
    {"\"a=", "!a=\n"},
    {"\"=\"", "!=\n"},
    {"a=\"", "!a=\n"},
    {"\"init\"=/x", "!init\"=/x\n"},
    {"a='b c'", "!a='b\n!c'\n"},
    {"a=\\x20b", "!a=\\x20b\n"},
    {"a\vb", "?a\vb\n"},
    {"a\xa0"
     "b",
	"?a\xa0"
	"b\n"},
    {"-- s", "--\ns\n"},
};

START_TEST(tokens)
{
	struct span rest = span_str(lines[_i].line);
	struct cmdline_token t;
	struct buf got = {0};

	buf_puts(&got, "");
	while (cmdline_next(&rest, &t)) {
		buf_puts(&got, !t.printable ? "?" : !t.plain ? "!" : "");
		buf_put(&got, t.name.p, t.name.n);
		buf_puts(&got, t.value.p ? "=" : "");
		buf_put(&got, t.value.p, t.value.n);
		buf_puts(&got, "\n");
	}
	ck_assert_str_eq(got.p, lines[_i].tokens);
	buf_free(&got);
}
END_TEST

START_TEST(names)
{
	ck_assert(cmdline_same_name(span_str("a-b_c"), span_str("a_b-c")));
	ck_assert(!cmdline_same_name(span_str("a"), span_str("A")));
	ck_assert(!cmdline_same_name(span_str("a"), span_str("ab")));
}
END_TEST

START_TEST(utf16)
{
	static const uint8_t wide[] = {'a', 0, 0xe0, 0, '=', 1, 0, 0};
	struct arena a;

	arena_init(&a, 4096);
	struct span s = cmdline_narrow(span_of(wide, sizeof(wide)), &a);
	ck_assert(span_eq(s, span_of("a\xff\xff", 4)));
	s = cmdline_widen(span_str("ab"), &a);
	ck_assert(span_eq(s, span_of("a\0b", 4)));
	arena_free(&a);
	arena_init(&a, 1);
	ck_assert_ptr_null(cmdline_narrow(span_of(wide, 8), &a).p);
	ck_assert_ptr_null(cmdline_widen(span_str("abcd"), &a).p);
	arena_free(&a);
}
END_TEST

/* Tokens lie in the line, in order, and what is between them is blank. */
START_TEST(any_bytes)
{
	static const char some[] = "ab=\"'\\ \t-\xa0";
	unsigned seed = (unsigned)time(NULL);
	uint8_t line[24];

	tap_note("seed %u", seed);
	for (int round = 0; round < 20000; round++) {
		size_t n = (size_t)rand_r(&seed) % sizeof(line);
		for (size_t i = 0; i < n; i++)
			line[i] = (uint8_t)
			    some[(size_t)rand_r(&seed) % (sizeof(some) - 1)];
		struct span rest = span_of(line, n);
		const uint8_t *at = line;
		struct cmdline_token t;
		while (cmdline_next(&rest, &t)) {
			for (; at < t.raw.p; at++)
				ck_assert(strchr(" \t", *at));
			at += t.raw.n;
			ck_assert_uint_ge(t.raw.n, t.name.n + t.value.n);
			ck_assert_ptr_eq(at, rest.p);
			ck_assert(!t.plain || t.printable);
		}
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cmdline");
	TCase *tc = tcase_create("cmdline");

	tcase_add_loop_test(
	    tc, tokens, 0, (int)(sizeof(lines) / sizeof(lines[0])));
	tcase_add_test(tc, names);
	tcase_add_test(tc, utf16);
	tcase_add_test(tc, any_bytes);
	suite_add_tcase(s, tc);
	return tap_run(s);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What two documents say differently. */
#include "appraise/policy_diff.h"
#include "base/json.h"
#include "lib/tap.h"

#include <stdlib.h>
#include <string.h>

#define D1 "1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "2222222222222222222222222222222222222222222222222222222222222222"
#define D3 "3333333333333333333333333333333333333333333333333333333333333333"
#define DOC(members)                                                           \
	"{\"akashi_policy\":1,\"name\":\"p\",\"pcrs\":{\"sha256\":[4]}"        \
	"," members "}"
#define BOOT(rule) DOC("\"boot\":{\"4\":{" rule "}}")
#define V(d) "{\"sha256\":\"" d "\"}"
#define EV(text, d)                                                            \
	"{\"type\":\"EV_IPL\",\"accept\":[{\"sha256\":\"" d                    \
	"\",\"text\":\"" text "\"}]}"
#define GOOD "\"boot\":{\"4\":{\"values\":[" V(D1) "]}}"
#define WITH(members) DOC(GOOD "," members)

/* Changes as "+path what", "-…", "~path before>after", "<>path". */
static const struct {
	const char *a, *b, *changes;
} cases[] = {
    {WITH("\"mode\":\"warn\""), WITH("\"mode\":\"warn\""), ""},
    {WITH("\"mode\":\"warn\""), WITH("\"mode\":\"observe\""),
	"~mode warn>observe\n"},
    {WITH("\"valid_for\":\"1h\""), WITH("\"source\":\"x\""),
	"-valid_for -\n+source -\n"},
    {BOOT("\"values\":[" V(D1) "," V(D2) "]"),
	BOOT("\"values\":[" V(D3) "," V(D1) "]"),
	"-boot.4.values sha256:" D2 "\n+boot.4.values sha256:" D3 "\n"},
    {BOOT("\"values\":[" V(D1) "," V(D2) "]"),
	BOOT("\"values\":[" V(D2) "," V(D1) "]"), "<>boot.4.values\n"},
    {BOOT("\"events\":[" EV("a", D1) "," EV("b", D2) "]"),
	BOOT("\"events\":[" EV("a", D3) "," EV("c", D2) "]"),
	"-boot.4.events[EV_IPL a].accept a, sha256:" D1
	"\n+boot.4.events[EV_IPL a].accept a, sha256:" D3
	"\n-boot.4.events EV_IPL b, sha256:" D2
	"\n+boot.4.events EV_IPL c, sha256:" D2 "\n"},
    {BOOT("\"events\":[" EV("a", D1) "," EV("b", D2) "]"),
	BOOT("\"events\":[" EV("b", D2) "," EV("a", D1) "]"),
	"<>boot.4.events\n"},
    {BOOT("\"events\":[{\"any\":[[" EV("a", D1) "],[" EV("b", D2) "]]}]"),
	BOOT("\"events\":[{\"any\":[[" EV("a", D1) "],[" EV("b", D2) "," EV(
	    "c", D3) "]]}]"),
	"+boot.4.events[one from EV_IPL a].any[from EV_IPL b] EV_IPL c, "
	"sha256:" D3 "\n"},
    {BOOT("\"events\":[{\"any\":[[" EV("a", D1) "],[" EV("b", D2) "]]}]"),
	BOOT("\"events\":[{\"any\":[[" EV("b", D2) "],[" EV("c", D1) "]]}]"),
	"-boot.4.events one from EV_IPL a\n"
	"+boot.4.events one from EV_IPL b\n"},
    {BOOT("\"events\":[" EV("a", D1) "]"), BOOT("\"values\":[" V(D1) "]"),
	"-boot.4.events -\n+boot.4.values -\n"},
};

START_TEST(changes)
{
	struct policy_change *c = NULL;
	struct buf got = {0};
	struct arena a;
	struct err e = {0};

	arena_init(&a, 1 << 20);
	rc r = policy_diff(
	    span_str(cases[_i].a), span_str(cases[_i].b), &a, &c, &e);
	ck_assert_msg(rc_ok(r), "%s %s", err_name(r.code), e.path);
	buf_puts(&got, "");
	for (; c; c = c->next) {
		const char *what = c->what ? c->what : "-";
		if (c->op == CHANGE_CHANGED)
			buf_printf(
			    &got, "~%s %s>%s\n", c->path, c->before, c->after);
		else if (c->op == CHANGE_ORDER)
			buf_printf(&got, "<>%s\n", c->path);
		else
			buf_printf(&got, "%s%s %s\n",
			    c->op == CHANGE_ADDED ? "+" : "-", c->path, what);
	}
	ck_assert_str_eq(got.p, cases[_i].changes);
	buf_free(&got);
	arena_free(&a);
}
END_TEST

START_TEST(refused)
{
	struct policy_change *c = NULL;
	struct arena a;
	struct err e = {0};

	arena_init(&a, 1 << 20);
	ck_rc_is(policy_diff(span_str(WITH("\"mode\":\"warn\"")),
		     span_str(WITH("\"mode\":1")), &a, &c, &e),
	    ERR_JSON_TYPE);
	ck_assert_str_eq(e.path, "b.mode");
	ck_assert_ptr_null(c);
	arena_free(&a);
	arena_init(&a, 16);
	ck_rc_is(
	    policy_diff(span_str(cases[3].a), span_str(cases[3].b), &a, &c, &e),
	    ERR_MEMORY);
	arena_free(&a);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("policy_diff");
	TCase *tc = tcase_create("policy_diff");

	tcase_add_loop_test(
	    tc, changes, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, refused);
	suite_add_tcase(s, tc);
	return tap_run(s);
}

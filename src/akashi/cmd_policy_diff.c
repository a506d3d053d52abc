/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/cli.h"
#include "akashi/derived.h"
#include "appraise/policy_diff.h"
#include "base/limits.h"

#include <getopt.h>
#include <stdlib.h>

/* So many of one kind are listed in words; JSON has all. */
enum { LISTED = 20 };

enum { OPT_OUTPUT };

static const struct cli_option options[] = {
    {'o', "output", "text|json", "form of the output"},
    {0, NULL, NULL, NULL},
};

/* "boot.9.events[…]" as "PCR 9.events[…]". */
static void
put_place(struct buf *out, const char *path)
{
	if (strncmp(path, "boot.", 5) == 0)
		buf_printf(out, "PCR %s", path + 5);
	else
		buf_puts(out, path);
}

static void
put_change(struct buf *out, const struct policy_change *c, bool ja)
{
	static const char *const words[][2] = {
	    [CHANGE_ADDED] = {"added", "追加"},
	    [CHANGE_REMOVED] = {"removed", "削除"},
	    [CHANGE_CHANGED] = {"changed", "変更"},
	    [CHANGE_ORDER] = {"in another order", "順序の変更"},
	};

	buf_printf(out, "%s: ", words[c->op][ja]);
	put_place(out, c->path);
	if (c->op == CHANGE_CHANGED)
		buf_printf(out, ": %s -> %s", c->before, c->after);
	else if (c->what || c->before || c->after)
		buf_printf(out, ": %s",
		    c->what	? c->what
		    : c->before ? c->before
				: c->after);
	buf_puts(out, "\n");
}

static size_t
run_of(const struct policy_change *c)
{
	const struct policy_change *first = c;
	size_t n = 0;

	for (; c && c->op == first->op && strcmp(c->path, first->path) == 0;
	     c = c->next)
		n++;
	return n;
}

static void
emit_text(struct buf *out, const struct policy_change *c, bool ja)
{
	if (!c)
		buf_puts(out, ja ? "同じ規則です\n" : "they say the same\n");
	while (c) {
		size_t n = run_of(c);
		for (size_t i = 0; i < n; i++, c = c->next)
			if (i < LISTED)
				put_change(out, c, ja);
		if (n > LISTED)
			buf_printf(out,
			    ja ? "  ほか %zu 件\n" : "  and %zu more\n",
			    n - LISTED);
	}
	if (out->n)
		out->n--; /* cli_write() ends the line */
}

static void
emit_json(struct buf *out, const struct policy_change *c)
{
	struct jw w = jw_over(out);

	w.pretty = true;
	jw_object(&w);
	jw_key(&w, "changes");
	jw_array(&w);
	for (; c; c = c->next) {
		jw_object(&w);
		jw_kstr(&w, "change", policy_op_name(c->op));
		jw_kstr(&w, "path", c->path);
		jw_kstr(&w, "what", c->what);
		jw_kstr(&w, "before", c->before);
		jw_kstr(&w, "after", c->after);
		jw_object_end(&w);
	}
	jw_array_end(&w);
	jw_object_end(&w);
}

static int
diff(struct cli *c, const char *a, const char *b, enum cli_output form)
{
	struct policy_change *changes = NULL;
	struct span left, right;
	struct buf out = {0};
	struct err e = {0};

	if (!rc_ok(derived_read(c, a, NULL, &left, &e)) ||
	    !rc_ok(derived_read(c, b, NULL, &right, &e)))
		return cli_fail(c, &e);
	if (!rc_ok(policy_diff(left, right, &c->arena, &changes, &e))) {
		int code = cli_fail(c, &e);
		return code == EXIT_SERVER ? code : EXIT_NOT_TRUSTED;
	}
	if (form == OUT_JSON)
		emit_json(&out, changes);
	else
		emit_text(&out, changes, strcmp(c->lang, "ja") == 0);
	int code = cli_write(c, &out, EXIT_TRUSTED);
	buf_free(&out);
	return code;
}

static int
run(struct cli *c, int argc, char **argv)
{
	enum cli_output form = OUT_TEXT;
	const char *arg;
	int o;

	while (
	    (o = cli_next_option(c, &cmd_policy_diff, argc, argv, &arg)) >= 0)
		if (!cli_output_parse(arg, &form) || form == OUT_TABLE)
			return cli_usage(c, "-o takes text or json");
	if (o == -2)
		return EXIT_USAGE;
	if (argc - optind != 2)
		return cli_usage(c, "two policy files are expected");
	return diff(c, argv[optind], argv[optind + 1], form);
}

const struct cli_command cmd_policy_diff = {"policy", "diff", "A B",
    "what policy B says otherwise than A, in words", options, run};

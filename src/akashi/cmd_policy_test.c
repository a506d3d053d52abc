/* SPDX-License-Identifier: Apache-2.0 */
/* Policies beside their decisions: what they must say of evidence that is at
 * hand (akashi-policy(5), DECISIONS FILES). */
#include "akashi/derived.h"
#include "akashi/evidence_dir.h"
#include "akashi/refsets.h"
#include "base/clock.h"

#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>

enum { OPT_POLICY, OPT_EVIDENCE, OPT_REFSET };

static const struct cli_option options[] = {
    {0, "policy", "FILE", "the policy; else FILE.json of FILE.decisions"},
    {0, "evidence", "DIR", "where evidence lies; else beside the decisions"},
    REFSET_OPTION,
    {0, NULL, NULL, NULL},
};

enum { WORDS_MAX = 16, ASKED_MAX = 64 };

/* One decisions file on its way. */
struct trial {
	const char *file;
	const char *folder; /* of the evidence */
	struct policy *policy;
	const struct refsets *refsets;
	int64_t now;
	const char *env_class, *region;
	size_t line, held, broken;
	bool asks; /* the file says what is asked of the policy */
	const char *asked[ASKED_MAX];
	size_t asked_n;
};

static rc
wrong(const struct trial *t, struct err *e, const char *what)
{
	return err_text(
	    e, ERR_USAGE, t->file, "%s:%zu: %s", t->file, t->line, what);
}

/* --- evidence ------------------------------------------------------------- */

/* One of several quotes of a directory: STEM.msg, .sig, .nonce, .pcrsel, and
 * the name of its key in STEM.ak. */
static rc
load_quote(struct cli *c, const char *dir, const char *stem,
    struct evidence_files *out, struct err *e)
{
	const char *base = arena_printf(&c->arena, "%s/%s", dir, stem);
	struct span ak, selection;
	const struct {
		const char *end;
		struct span *to;
	} parts[] = {{"msg", &out->ev.attest}, {"sig", &out->ev.signature},
	    {"nonce", &out->nonce}, {"pcrsel", &selection}, {"ak", &ak}};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		TRY(cli_read(c,
		    arena_printf(&c->arena, "%s.%s", base, parts[i].end),
		    SIZE_MAX, parts[i].to, e));
	while (ak.n && ak.p[ak.n - 1] == '\n')
		ak.n--;
	TRY(cli_read(c,
	    arena_printf(&c->arena, "%s/ak-%.*s.pub", dir, (int)ak.n,
		(const char *)ak.p),
	    SIZE_MAX, &out->ev.ak_pub, e));
	return evidence_selection_load(c,
	    arena_printf(
		&c->arena, "%.*s", (int)selection.n, (const char *)selection.p),
	    NULL, out, e);
}

static rc
load_logs(
    struct cli *c, const char *dir, struct evidence_files *out, struct err *e)
{
	for (size_t i = 0; i < EVIDENCE_PARTS; i++) {
		const struct evidence_part *part = &evidence_parts[i];
		struct span *to =
		    (struct span *)(void *)((char *)out + part->member);
		if (!part->required && to != &out->nonce)
			TRY(evidence_part_load(c, NULL, dir, part, to, e));
	}
	return RC_OK;
}

/* "DIR" is an evidence directory; "DIR:STEM" one quote of several, judged
 * without the endorsement keys that lie there. */
static rc
load(struct cli *c, const struct trial *t, const char *name,
    struct evidence_files *out, struct err *e)
{
	char *path = arena_printf(&c->arena, "%s/%s", t->folder, name);
	char *stem = path ? strrchr(path, ':') : NULL;

	if (!path)
		return err_at(e, ERR_MEMORY, NULL, "%s", name);
	*out = (struct evidence_files){0};
	if (!stem)
		return evidence_dir_load(c, path, out, e);
	*stem++ = '\0';
	TRY(load_logs(c, path, out, e));
	out->ev.ek_pub = out->ev.ek_cert = span_of(NULL, 0);
	return load_quote(c, path, stem, out, e);
}

/* --- one decision --------------------------------------------------------- */

/* CODE or CODE@LAYER is among the reasons. */
static bool
has_reason(const struct verdict *v, const char *want)
{
	size_t n = strcspn(want, "@");

	for (size_t i = 0; i < v->reasons_n; i++) {
		const char *code = err_name(v->reasons[i].code);
		const char *layer = layer_name(v->reasons[i].layer);
		if (strlen(code) == n && strncmp(code, want, n) == 0 &&
		    (!want[n] || (layer && strcmp(layer, want + n + 1) == 0)))
			return true;
	}
	return false;
}

static void
show_reasons(const struct verdict *v)
{
	for (size_t i = 0; i < v->reasons_n && i < 8; i++) {
		const struct reason *r = &v->reasons[i];
		const char *layer = layer_name(r->layer);
		printf("#   %s%s%s %s\n", err_name(r->code), layer ? "@" : "",
		    layer ? layer : "", r->path ? r->path : "");
	}
}

static rc
decide(struct cli *c, struct trial *t, char *const *word, struct err *e)
{
	struct verdict *v = arena_alloc(&c->arena, sizeof(*v));
	struct attest_facts *facts = arena_alloc(&c->arena, sizeof(*facts));
	struct evidence_files *files = arena_alloc(&c->arena, sizeof(*files));
	struct attest_context ctx = {.policy = t->policy,
	    .env_class = t->env_class,
	    .region = t->region,
	    .now = t->now};

	if (!v || !facts || !files)
		return err_at(e, ERR_MEMORY, NULL, "%s", word[0]);
	if (!word[1])
		return wrong(t, e, "a result is expected after the evidence.");
	TRY(load(c, t, word[0], files, e));
	ctx.nonce = files->nonce;
	ctx.nonce_given = files->nonce.p != NULL;
	ctx.asked = files->asked_given ? &files->asked : NULL;
	TRY(attest_evidence(
	    &files->ev, &ctx, c->hasher, &c->arena, v, facts, e));
	bool ok = strcmp(result_name(v->result), word[1]) == 0;
	for (size_t i = 2; word[i]; i++)
		ok = has_reason(v, word[i]) && ok;
	printf("%s %s:%zu %s is %s\n", ok ? "ok" : "not ok", t->file, t->line,
	    word[0], result_name(v->result));
	if (!ok)
		show_reasons(v);
	t->held += ok;
	t->broken += !ok;
	return RC_OK;
}

/* --- questions ------------------------------------------------------------ */

static void
judge(struct trial *t, bool ok, const char *code, const char *what)
{
	printf("%s %s %s %s\n", ok ? "ok" : "not ok", t->file, code, what);
	t->held += ok;
	t->broken += !ok;
}

static bool
is_expected(const struct trial *t, const char *code, size_t n)
{
	for (size_t i = 0; i < t->asked_n; i++)
		if (strlen(t->asked[i]) == n &&
		    strncmp(t->asked[i], code, n) == 0)
			return true;
	return false;
}

/* Where a file names questions, the policy raises these and no others. */
static rc
compare_questions(struct cli *c, struct trial *t, struct err *e)
{
	struct buf lines = {0};

	if (!t->asks)
		return RC_OK;
	buf_puts(&lines, "");
	policy_lint(t->policy, t->now, "en", &lines);
	const char *text = arena_printf(&c->arena, "%s", lines.p);
	buf_free(&lines);
	if (!text)
		return err_at(e, ERR_MEMORY, NULL, "%s", t->file);
	for (size_t i = 0; i < t->asked_n; i++)
		judge(t,
		    strstr(text, arena_printf(&c->arena, " [%s]\n",
				     t->asked[i])) != NULL,
		    t->asked[i], "is asked");
	for (const char *at = text; (at = strstr(at, " [lint.")); at++) {
		size_t n = strcspn(at + 2, "]");
		if (!is_expected(t, at + 2, n))
			judge(t, false,
			    arena_printf(&c->arena, "%.*s", (int)n, at + 2),
			    "is asked and not expected");
	}
	return RC_OK;
}

/* --- one file ------------------------------------------------------------- */

static void
ask(struct trial *t, const char *code)
{
	t->asks = true;
	if (strcmp(code, "nothing") != 0 && t->asked_n < ASKED_MAX)
		t->asked[t->asked_n++] = code;
}

/* What holds for the lines that follow, or of the policy. */
static bool
setting(struct trial *t, char *const *word, bool *wrong_time)
{
	if (!word[1] || word[2])
		return false;
	if (strcmp(word[0], "at") == 0)
		*wrong_time = !rc_ok(time_parse(span_str(word[1]), &t->now));
	else if (strcmp(word[0], "asks") == 0)
		ask(t, word[1]);
	else if (strcmp(word[0], "class") == 0)
		t->env_class = word[1];
	else if (strcmp(word[0], "region") == 0)
		t->region = word[1];
	else
		return false;
	return true;
}

static rc
take_line(struct cli *c, struct trial *t, char *line, struct err *e)
{
	char *word[WORDS_MAX + 1];
	bool wrong_time = false;
	char *rest = NULL;
	size_t n = 0;

	line[strcspn(line, "#")] = '\0';
	for (char *w = strtok_r(line, " \t\r", &rest); w;
	     w = strtok_r(NULL, " \t\r", &rest)) {
		if (n == WORDS_MAX)
			return wrong(t, e, "too many words.");
		word[n++] = w;
	}
	word[n] = NULL;
	if (n == 0)
		return RC_OK;
	if (setting(t, word, &wrong_time))
		return wrong_time
			   ? wrong(t, e, "a time is 2026-11-20T09:00:00Z.")
			   : RC_OK;
	return decide(c, t, word, e);
}

static rc
take_lines(struct cli *c, struct trial *t, struct err *e)
{
	struct span text;

	TRY(cli_read(c, t->file, LIMIT_JSON, &text, e));
	char *at =
	    arena_printf(&c->arena, "%.*s", (int)text.n, (const char *)text.p);
	if (!at)
		return err_at(e, ERR_MEMORY, NULL, "%s", t->file);
	while (at) {
		t->line++;
		TRY(take_line(c, t, strsep(&at, "\n"), e));
	}
	return RC_OK;
}

static rc
load_policy(struct cli *c, const char *named, struct trial *t, struct err *e)
{
	const char *dot = strrchr(t->file, '.');
	struct span json;

	if (!named)
		named = arena_printf(&c->arena, "%.*s.json",
		    (int)(dot ? dot - t->file : (long)strlen(t->file)),
		    t->file);
	if (!named)
		return err_at(e, ERR_MEMORY, NULL, "%s", t->file);
	TRY(derived_read(c, named, NULL, &json, e));
	return refsets_policy(t->refsets, json, &t->policy, e);
}

static rc
try_file(struct cli *c, const char *const *text, struct trial *t, struct err *e)
{
	const struct clock clock = clock_system();
	char *copy = arena_printf(&c->arena, "%s", t->file);

	if (!copy)
		return err_at(e, ERR_MEMORY, NULL, "%s", t->file);
	t->now = clock_now(&clock);
	t->folder = text[OPT_EVIDENCE] ? text[OPT_EVIDENCE] : dirname(copy);
	TRY(load_policy(c, text[OPT_POLICY], t, e));
	rc r = take_lines(c, t, e);
	if (rc_ok(r))
		r = compare_questions(c, t, e);
	policy_unref(t->policy);
	return r;
}

static int
run(struct cli *c, int argc, char **argv)
{
	const char *text[] = {NULL, NULL, NULL};
	struct refsets refsets = {0};
	size_t held = 0, broken = 0;
	struct err e = {0};
	const char *arg;
	int o;

	while (
	    (o = cli_next_option(c, &cmd_policy_test, argc, argv, &arg)) >= 0)
		if (o != OPT_REFSET)
			text[o] = arg;
		else if (!refsets_add(&refsets, arg))
			return cli_usage(c, "an option is given too often");
	if (o == -2)
		return EXIT_USAGE;
	if (optind == argc)
		return cli_usage(c, "a decisions file is expected");
	rc r = refsets_load(c, &refsets, &e);
	for (int i = optind; rc_ok(r) && i < argc; i++) {
		struct trial t = {.file = argv[i], .refsets = &refsets};
		r = try_file(c, text, &t, &e);
		held += t.held;
		broken += t.broken;
	}
	refsets_free(&refsets);
	if (!rc_ok(r)) {
		int code = cli_fail(c, &e);
		return code == EXIT_SERVER ? code : EXIT_USAGE;
	}
	fprintf(stderr, "akashi %s: %zu decisions hold, %zu do not\n",
	    c->command, held, broken);
	return broken || !held ? EXIT_NOT_TRUSTED : EXIT_TRUSTED;
}

const struct cli_command cmd_policy_test = {"policy", "test",
    "FILE.decisions...", "do policies decide as they should", options, run};

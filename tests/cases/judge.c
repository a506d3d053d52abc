/* SPDX-License-Identifier: Apache-2.0 */
#include "cases/judge.h"

#include "appraise/learn.h"
#include "cases/edit.h"
#include "decode/evlog.h"
#include "lib/tap.h"
#include "replay/cel.h"
#include "replay/ima.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#define QUOTE "quote-sha256-0_15-rsassa"

enum { POLICIES_MAX = 64 };

static struct {
	const char *key;
	struct policy *policy;
} policies[POLICIES_MAX];

static void
failed(struct judge *j, struct row *row, const char *what, const char *more)
{
	row->state = STATE_FAIL;
	row->said = arena_printf(j->a, "%s%s", what, more);
}

static void
unreadable(struct row *row)
{
	row->state = STATE_ABSENT;
	row->said = "the file is in ../shared, which is not here";
}

/* --- evidence --- */

/* "boots/NAME", "boots/NAME/QUOTE", "negatives/NAME", or a boot log of
 * ../shared, which is put under the golden boot's quote. */
static bool
load(struct edit *e, const char *base)
{
	char *name = arena_printf(e->a, "%s", base);
	char *setup = strchr(name, ' ');
	char *slash;

	if (setup)
		*setup++ = '\0';

	if (strncmp(name, "negatives/", 10) == 0) {
		e->r = recorded_negative(e->a, name + 10);
	} else if (strncmp(name, "boots/", 6) == 0) {
		name += 6;
		slash = strchr(name, '/');
		if (slash)
			*slash++ = '\0';
		e->r = recorded_boot(e->a, name, slash ? slash : QUOTE);
	} else {
		e->r = recorded_boot(e->a, "grub-sb-golden", QUOTE);
		e->r.ev.eventlog = edit_file(e, base);
		e->r.ev.ima = span_of(NULL, 0);
		if (!rc_ok(pcr_selections_parse(
			span_str("sha256:0,1,2,3,4,5,6,7,8,9,14"), &e->r.asked,
			NULL)))
			exit(99);
	}
	e->quoted = e->r.asked;
	return !setup || edit_apply(e, setup);
}

static bool
appraise(struct edit *e, const struct policy *p, struct verdict *v,
    struct attest_facts *facts)
{
	struct attest_context ctx = recorded_context(&e->r, p);
	struct anchors *anchors = NULL;

	if (e->clock_known) {
		ctx.clock = &e->clock;
		ctx.boot_log = e->boot_log;
		ctx.issued = e->issued;
	}
	if (e->r.ca.p &&
	    !rc_ok(anchors_add(&anchors, e->r.ca, ROT_VIRTUAL, NULL)))
		return false;
	ctx.anchors = anchors;
	rc r = attest_evidence(&e->r.ev, &ctx, e->h, e->a, v, facts, NULL);
	anchors_free(anchors);
	return rc_ok(r);
}

/* --- policies --- */

/* Learned from a log that was put under a quote. */
static struct policy *
learn(struct edit *e, const char *base)
{
	struct verdict *v = arena_alloc(e->a, sizeof(*v));
	struct attest_facts *f = arena_alloc(e->a, sizeof(*f));
	const struct learn_options o = {.name = "golden"};
	struct learn_note *notes = NULL;
	struct policy *p = NULL;
	struct buf json = {0};
	struct err err = {0};

	if (!v || !f || !edit_apply(e, "sign") || !appraise(e, NULL, v, f))
		return NULL;
	if (!f->log_ok) {
		tap_note("%s: %s", base, err_name(v->reasons[0].code));
		return NULL;
	}
	const struct golden golden = {
	    .boot = attest_boot_facts(f, e->h),
	    .source = base,
	};
	if (!rc_ok(policy_learn(&golden, 1, &o, e->a, &json, &notes, &err)) ||
	    !rc_ok(policy_decode(buf_span(&json), &p, &err)))
		tap_note("%s: %s %s", base, err_name(err.code), err.text);
	buf_free(&json);
	return p;
}

/* The policy of a base, kept for the next row; changes: learned after them. */
static const struct policy *
policy_of(struct judge *j, const char *base, const char *changes)
{
	const char *key = arena_printf(j->a, "%s %s", base, changes);
	size_t i = 0;
	struct arena a;

	while (policies[i].key && strcmp(policies[i].key, key) != 0)
		i++;
	if (policies[i].key || i + 1 == POLICIES_MAX)
		return policies[i].policy;
	policies[i].key = key;
	if (strncmp(base, "boots/", 6) == 0 && !strchr(base, ' ') &&
	    !*changes) {
		policies[i].policy = recorded_policy(j->h,
		    arena_printf(
			j->a, "%.*s", (int)strcspn(base + 6, "/"), base + 6),
		    QUOTE);
		return policies[i].policy;
	}
	arena_init(&a, (size_t)128 << 20);
	struct edit e = {.a = &a, .h = j->h, .key = j->key};
	if (load(&e, base) && !e.absent && edit_apply(&e, changes))
		policies[i].policy = learn(&e, base);
	arena_free(&a);
	return policies[i].policy;
}

void
judge_end(void)
{
	for (size_t i = 0; i < POLICIES_MAX; i++)
		policy_unref(policies[i].policy);
}

/* --- verdicts --- */

/* A rejection has only reasons that reject: what is merely policy decides no
 * such row. */
static bool
has_reason(const struct verdict *v, const char *code)
{
	for (size_t i = 0; i < v->reasons_n; i++)
		if (strcmp(err_name(v->reasons[i].code), code) == 0 &&
		    (v->result != RESULT_REJECT ||
			v->reasons[i].effect == v->worst))
			return true;
	return false;
}

static bool
has_quirk(const struct verdict *v, const char *name)
{
	for (size_t i = 0; i < v->quirks_n; i++)
		if (strcmp(v->quirks[i], name) == 0)
			return true;
	return false;
}

/* The first of the gravest reasons is the one that decided. */
static const char *
deciding(const struct verdict *v)
{
	for (size_t i = 0; i < v->reasons_n; i++)
		if (v->reasons[i].effect == v->worst)
			return err_name(v->reasons[i].code);
	return "-";
}

/* code: "log.replay" is among the reasons; "quirk:padding" is named; "-" for
 * none. */
static bool
as_expected(const struct verdict *v, const struct row *row)
{
	if (strcmp(result_name(v->result), row->result) != 0)
		return false;
	if (strncmp(row->code, "quirk:", 6) == 0)
		return has_quirk(v, row->code + 6);
	if (strcmp(row->code, "-") == 0)
		return v->reasons_n == 0;
	return has_reason(v, row->code);
}

static const char *
words_of(struct judge *j, const struct verdict *v)
{
	const char *s =
	    arena_printf(j->a, "%s %s", result_name(v->result), deciding(v));

	for (size_t i = 0; i < v->reasons_n && i < 6; i++)
		s = arena_printf(j->a, "%s [%s %s]", s,
		    err_name(v->reasons[i].code),
		    v->reasons[i].path ? v->reasons[i].path : "");
	for (size_t i = 0; i < v->quirks_n; i++)
		s = arena_printf(j->a, "%s {%s}", s, v->quirks[i]);
	return s;
}

/* True where the row's evidence was judged into v. */
static bool
run(struct judge *j, struct row *row, struct edit *e, struct verdict *v,
    bool control)
{
	struct attest_facts *facts = arena_alloc(e->a, sizeof(*facts));
	bool stored = strcmp(row->how, "stored") == 0;

	bool loaded = load(e, stored && !control ? row->vector : row->control);
	if (stored && !control && strncmp(row->vector, "boots/", 6) != 0)
		e->quoted.n = 0;
	if (e->absent) {
		unreadable(row);
		return false;
	}
	bool learned = strcmp(row->how, "learned") == 0 && !control;
	const struct policy *p =
	    policy_of(j, row->control, learned ? row->vector : "");
	e->golden = p;
	bool done = loaded && p &&
		    (stored || (control ? edit_apply_control : edit_apply)(
				   e, row->vector));
	if (e->absent)
		unreadable(row);
	else if (!done)
		failed(j, row, "cannot be made", p ? "" : ": no policy");
	else if (!facts || !appraise(e, e->policy ? e->policy : p, v, facts))
		failed(j, row, "not judged", "");
	else
		return true;
	return false;
}

static void
judge_evidence(struct judge *j, struct row *row, bool control)
{
	struct verdict *v;
	struct arena a;

	arena_init(&a, (size_t)256 << 20);
	struct edit e = {.a = &a, .h = j->h, .key = j->key};
	v = arena_alloc(&a, sizeof(*v));
	if (v && run(j, row, &e, v, control)) {
		if (control && v->result != RESULT_PASS)
			failed(j, row, "the control: ", words_of(j, v));
		else if (!control && !as_expected(v, row))
			failed(j, row, "", words_of(j, v));
		else
			row->state = STATE_PASS;
	}
	policy_unref(e.policy);
	arena_free(&a);
}

static void
run_evidence(struct judge *j, struct row *row)
{
	judge_evidence(j, row, true);
	if (row->state == STATE_PASS)
		judge_evidence(j, row, false);
}

/* --- an IMA list alone --- */

static rc
walk_list(struct judge *j, struct span list, uint64_t *entries, struct err *e)
{
	struct pcr_selections none = {.n = 0};
	struct banks banks = {.n = 0};
	struct ima_reader r = ima_over(list, 0);
	struct ima_state s;
	struct ima_entry entry;
	bool more = true;

	ima_state_init(&s, &banks, &none);
	for (;;) {
		TRY(ima_next(&r, &entry, &more, e));
		if (!more)
			return RC_OK;
		TRY(ima_state_extend(&s, &entry, j->h, e));
		*entries += 1;
	}
}

/* result "ok N" (entries) or "refused N" (entries before the fault). */
static void
run_list(struct judge *j, struct row *row)
{
	struct err err = {0};
	uint64_t n = 0;
	struct arena a;

	arena_init(&a, (size_t)64 << 20);
	struct edit e = {.a = &a, .h = j->h};
	struct span list = edit_file(&e, row->vector);
	if (e.absent) {
		unreadable(row);
	} else {
		rc r = walk_list(j, list, &n, &err);
		const char *got = arena_printf(j->a, "%s %llu",
		    rc_ok(r) ? "ok" : "refused", (unsigned long long)n);
		const char *code = rc_ok(r) ? "-" : err_name(r.code);
		row->state = STATE_PASS;
		if (strcmp(got, row->result) != 0 ||
		    strcmp(code, row->code) != 0)
			failed(j, row, arena_printf(j->a, "%s ", got), code);
	}
	arena_free(&a);
}

/* --- a canonical event log or systemd's --- */

/* ERR_OK and the name of a quirk, or what refuses it. */
static enum err_code
replay_cel(
    struct judge *j, struct span bytes, struct arena *a, const char **quirk)
{
	enum cel_format format;
	struct cel_log *log = arena_alloc(a, sizeof(*log));
	struct cel_replay *replay = arena_alloc(a, sizeof(*replay));

	*quirk = "-";
	if (!log || !replay)
		return ERR_MEMORY;
	if (!cel_recognise(bytes, &format))
		return ERR_LOG_FORMAT;
	rc r = cel_decode(bytes, format, a, log, NULL);
	if (rc_ok(r))
		r = cel_replay(log, NULL, j->h, a, replay, NULL);
	for (unsigned bit = 1; cel_quirk_name(bit); bit <<= 1)
		if (log->quirks & bit)
			*quirk = cel_quirk_name(bit);
	return r.code;
}

/* result "ok" with the quirk as code, or "refused". */
static void
run_cel(struct judge *j, struct row *row)
{
	const char *quirk;
	struct arena a;

	arena_init(&a, (size_t)64 << 20);
	enum err_code control =
	    replay_cel(j, tap_file(&a, row->control), &a, &quirk);
	enum err_code code =
	    replay_cel(j, tap_file(&a, row->vector), &a, &quirk);
	const char *got = code == ERR_OK ? quirk : err_name(code);
	row->state = STATE_PASS;
	if (control != ERR_OK)
		failed(j, row, "the control: ", err_name(control));
	else if (strcmp(row->result, code == ERR_OK ? "ok" : "refused") != 0 ||
		 strcmp(row->code, got) != 0)
		failed(j, row, code == ERR_OK ? "ok " : "refused ", got);
	arena_free(&a);
}

/* --- a test of the tree --- */

static char *
slurp(struct arena *a, const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text = NULL;

	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	long n = ftell(f);
	rewind(f);
	text = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (text && fread(text, 1, (size_t)n, f) != (size_t)n)
		text = NULL;
	fclose(f);
	return text;
}

/* The folder of the program's sources has the test: one of Check by name, a TAP
 * line by its words. */
static bool
in_sources(struct arena *a, const char *program, const char *name)
{
	const char *top = getenv("SRCDIR");
	const char *want =
	    strchr(name, ' ') ? name : arena_printf(a, "START_TEST(%s)", name);
	bool found = false;
	glob_t g;

	if (glob(arena_printf(a, "%s/%.*s/*.c", top ? top : AKASHI_SRCDIR,
		     (int)(strrchr(program, '/') - program), program),
		0, NULL, &g) != 0)
		return false;
	for (size_t i = 0; i < g.gl_pathc && !found; i++) {
		const char *text = slurp(a, g.gl_pathv[i]);
		found = text && strstr(text, want);
	}
	globfree(&g);
	return found;
}

static const char *
look_for(struct arena *a, const char *program, const char *name)
{
	const char *top = getenv("BUILDDIR");
	char *at =
	    slurp(a, arena_printf(a, "%s/%s.log", top ? top : ".", program));
	const char *want = strchr(name, ' ') ? arena_printf(a, " - %s", name)
					     : arena_printf(a, ":%s: ", name);
	bool seen = false;

	if (!at)
		return "its test has not run";
	while (at) {
		const char *line = strsep(&at, "\n");
		bool bad = strncmp(line, "not ok", 6) == 0;
		if ((!bad && strncmp(line, "ok ", 3) != 0) ||
		    !strstr(line, want))
			continue;
		if (bad || strstr(line, "# SKIP"))
			return "its test failed or was skipped";
		seen = true;
	}
	if (!seen)
		return "its test is not in the log";
	return in_sources(a, program, name) ? NULL
					    : "its test is not in the sources";
}

/* vector "PROGRAM:TEST": it exists and has just passed. */
static void
run_test(struct judge *j, struct row *row)
{
	struct arena a;

	arena_init(&a, (size_t)64 << 20);
	size_t n = strcspn(row->vector, ":");
	const char *wrong =
	    row->vector[n] == '\0'
		? "names no test"
		: look_for(&a, arena_printf(&a, "%.*s", (int)n, row->vector),
		      row->vector + n + 1);
	row->state = STATE_PASS;
	if (wrong)
		failed(j, row, wrong, "");
	arena_free(&a);
}

/* --- rows that say why they are not run --- */

static void
run_later(struct judge *j, struct row *row)
{
	(void)j;
	row->state = STATE_LATER;
	row->said = row->why;
}

static void
run_absent(struct judge *j, struct row *row)
{
	(void)j;
	row->state = STATE_ABSENT;
	row->said = row->why;
}

void
judge_row(struct judge *j, struct row *row)
{
	static const struct {
		const char *how;
		void (*run)(struct judge *j, struct row *row);
	} ways[] = {
	    {"stored", run_evidence},
	    {"edit", run_evidence},
	    {"learned", run_evidence},
	    {"list", run_list},
	    {"cel", run_cel},
	    {"test", run_test},
	    {"later", run_later},
	    {"absent", run_absent},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (strcmp(ways[i].how, row->how) == 0) {
			ways[i].run(j, row);
			return;
		}
	failed(j, row, "unknown way: ", row->how);
}

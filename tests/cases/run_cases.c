/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of attacks, tests/cases.tsv: every row is run. Prints TAP, or with
 * "-o table" or "-o json" what came of each case. A case of several rows is as
 * good as its worst row.
 */
#include "base/json.h"
#include "cases/judge.h"
#include "lib/tap.h"

#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS_MAX = 1024, FIELDS = 7, IDS = 322 };

static struct row rows[ROWS_MAX];
static size_t rows_n;

static const char *const state_names[] = {"pass", "absent", "later", "fail"};

/* letter and how many there are */
static const struct {
	char letter;
	int n;
} sections[] = {{'Q', 36}, {'N', 15}, {'E', 52}, {'S', 35}, {'I', 31},
    {'K', 28}, {'P', 17}, {'V', 18}, {'D', 24}, {'L', 14}, {'C', 12}, {'X', 10},
    {'A', 30}};

/* --- the table --- */

static void
parse_line(char *line)
{
	char *field[FIELDS] = {NULL};
	char *at = line;
	size_t n = 0;

	if (*line == '#' || *line == '\0')
		return;
	for (; at && n < FIELDS; n++)
		field[n] = strsep(&at, "\t");
	if (n != FIELDS || at || rows_n == ROWS_MAX) {
		fprintf(stderr, "cases.tsv: %zu fields: %s\n", n, line);
		exit(99);
	}
	rows[rows_n++] = (struct row){field[0], field[1], field[2], field[3],
	    field[4], field[5], field[6], STATE_FAIL, NULL};
}

static void
load_rows(struct arena *a)
{
	struct span text = tap_file(a, "tests/cases.tsv");
	char *at = arena_printf(a, "%.*s", (int)text.n, (const char *)text.p);

	while (at)
		parse_line(strsep(&at, "\n"));
}

/* Rows of one case stand together: [*from, end). */
static size_t
case_end(size_t from)
{
	size_t end = from + 1;

	while (end < rows_n && strcmp(rows[end].id, rows[from].id) == 0)
		end++;
	return end;
}

static int
times(const char *id)
{
	int n = 0;

	for (size_t i = 0; i < rows_n; i = case_end(i))
		n += strcmp(rows[i].id, id) == 0;
	return n;
}

/* Each id once, and no other. */
static bool
complete(void)
{
	bool all = true;
	int cases = 0;
	char id[16];

	for (size_t i = 0; i < rows_n; i = case_end(i))
		cases++;
	for (size_t s = 0; s < sizeof(sections) / sizeof(*sections); s++)
		for (int i = 1; i <= sections[s].n; i++) {
			snprintf(
			    id, sizeof(id), "%c%02d", sections[s].letter, i);
			if (times(id) == 1)
				continue;
			tap_note("%s stands %d times", id, times(id));
			all = false;
		}
	return all && cases == IDS;
}

/* --- one case --- */

struct outcome {
	enum state state;
	struct buf vector, control, code, why;
};

static void
join(struct buf *b, const char *s)
{
	if (!s || strcmp(s, "-") == 0 || (b->p && strstr(b->p, s)))
		return;
	if (b->n)
		buf_puts(b, " | ");
	buf_puts(b, s);
}

static struct outcome
outcome_of(size_t from, size_t end)
{
	struct outcome o = {.state = STATE_PASS};

	for (size_t i = from; i < end; i++) {
		const struct row *r = &rows[i];
		if (r->state > o.state)
			o.state = r->state;
		join(&o.vector, r->vector);
		join(&o.control, r->control);
		join(&o.code, r->code);
		join(&o.why, r->state == STATE_FAIL ? r->said : r->why);
		if (r->state == STATE_ABSENT)
			join(&o.why, r->said);
	}
	return o;
}

static void
outcome_free(struct outcome *o)
{
	buf_free(&o->vector);
	buf_free(&o->control);
	buf_free(&o->code);
	buf_free(&o->why);
}

static const char *
or_dash(const struct buf *b)
{
	return b->n ? b->p : "-";
}

/* --- output --- */

static void
emit_json(void)
{
	struct buf out = {0};
	struct jw w = jw_over(&out);

	jw_object(&w);
	jw_key(&w, "rows");
	jw_array(&w);
	for (size_t i = 0; i < rows_n; i = case_end(i)) {
		struct outcome o = outcome_of(i, case_end(i));
		jw_object(&w);
		jw_kstr(&w, "id", rows[i].id);
		jw_kstr(&w, "vector", or_dash(&o.vector));
		jw_kstr(&w, "control", or_dash(&o.control));
		jw_kstr(&w, "code", or_dash(&o.code));
		jw_kstr(&w, "state", state_names[o.state]);
		jw_kstr(&w, "why", or_dash(&o.why));
		jw_object_end(&w);
		outcome_free(&o);
	}
	jw_array_end(&w);
	jw_object_end(&w);
	puts(out.failed ? "" : out.p);
	buf_free(&out);
}

static void
emit_table(void)
{
	int count[4] = {0};

	for (size_t i = 0; i < rows_n; i = case_end(i)) {
		struct outcome o = outcome_of(i, case_end(i));
		printf("%-4s %-6s %-28.28s %-44.44s %-22.22s %s\n", rows[i].id,
		    state_names[o.state], or_dash(&o.code), or_dash(&o.vector),
		    or_dash(&o.control), or_dash(&o.why));
		count[o.state]++;
		outcome_free(&o);
	}
	printf("%d pass, %d fail, %d absent, %d later\n", count[STATE_PASS],
	    count[STATE_FAIL], count[STATE_ABSENT], count[STATE_LATER]);
}

static void
emit_tap(void)
{
	for (size_t i = 0; i < rows_n; i++) {
		const struct row *r = &rows[i];
		if (strcmp(r->how, "later") == 0 ||
		    strcmp(r->how, "absent") == 0)
			tap_note("%s is %s: %s", r->id, r->how, r->why);
		else if (r->state == STATE_ABSENT)
			tap_skip(r->said, "%s %s", r->id, r->vector);
		else
			tap_ok(r->state == STATE_PASS, "%s %s%s%s", r->id,
			    r->vector, r->said ? ": " : "",
			    r->said ? r->said : "");
	}
}

int
main(int argc, char **argv)
{
	const char *form =
	    argc == 3 && strcmp(argv[1], "-o") == 0 ? argv[2] : "";
	struct arena a;
	int bad = 0;

	arena_init(&a, (size_t)32 << 20);
	struct judge j = {hasher_new(), EVP_EC_gen("P-256"), &a};
	if (!j.h || !j.key)
		return 99;
	load_rows(&a);
	for (size_t i = 0; i < rows_n; i++) {
		judge_row(&j, &rows[i]);
		bad += rows[i].state == STATE_FAIL;
	}
	bool all = complete();
	if (strcmp(form, "json") == 0)
		emit_json();
	else if (strcmp(form, "table") == 0)
		emit_table();
	else
		emit_tap();
	if (!*form)
		tap_ok(all, "each of the %d cases stands once", IDS);
	judge_end();
	EVP_PKEY_free(j.key);
	hasher_free(j.h);
	arena_free(&a);
	int status = *form ? 0 : tap_done();
	return status || bad || !all;
}

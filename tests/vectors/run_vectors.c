/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every recorded boot and every negative, judged by a policy learned from its
 * golden boot: result and reason code are those of expected.tsv, once with the
 * quote alone and once with PCR values sent along.
 */
#include "lib/recorded.h"
#include "lib/tap.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { POLICIES_MAX = 8, ROWS_MAX = 256, FIELDS = 5 };

/* case, golden boot, quote ("-" for a negative, which has its own), then by the
 * quote alone and with PCR values: the result and the codes that must be among
 * the reasons, the one that decided first ("fail ima.violation,ima.path"). */
struct row {
	char *field[FIELDS];
};
enum { F_CASE, F_GOLDEN, F_QUOTE, F_ALONE, F_VALUES };

static struct {
	const char *golden;
	struct policy *policy;
} policies[POLICIES_MAX];

static struct row rows[ROWS_MAX];
static size_t rows_n;

/* --- the table -------------------------------------------------------- */

static void
parse_line(char *line)
{
	struct row *r = &rows[rows_n];
	size_t n = 0;

	if (*line == '#' || *line == '\0')
		return;
	for (char *at = line; at && n < FIELDS; n++) {
		r->field[n] = strsep(&at, "\t");
	}
	if (n != FIELDS || rows_n + 1 == ROWS_MAX) {
		fprintf(stderr, "expected.tsv: %s\n", line);
		exit(99);
	}
	rows_n++;
}

static void
load_rows(struct arena *a)
{
	struct span text = tap_file(a, VM "expected.tsv");
	char *at = arena_printf(a, "%.*s", (int)text.n, (const char *)text.p);

	while (at)
		parse_line(strsep(&at, "\n"));
}

static bool
listed(const char *folder, const char *name)
{
	size_t n = strlen(folder);

	for (size_t i = 0; i < rows_n; i++)
		if (strncmp(rows[i].field[F_CASE], folder, n) == 0 &&
		    strcmp(rows[i].field[F_CASE] + n, name) == 0)
			return true;
	return false;
}

static int
is_case(const struct dirent *d)
{
	return d->d_name[0] != '.' && d->d_type == DT_DIR;
}

/* No case of the folder is forgotten. */
static void
check_complete(const char *folder)
{
	const char *top = getenv("SRCDIR");
	struct dirent **found = NULL;
	char full[1024];

	snprintf(full, sizeof(full), "%s/" VM "%s", top ? top : AKASHI_SRCDIR,
	    folder);
	int n = scandir(full, &found, is_case, alphasort);
	bool all = n > 0;
	for (int i = 0; i < n; i++) {
		if (!listed(folder, found[i]->d_name)) {
			tap_note("%s%s has no row", folder, found[i]->d_name);
			all = false;
		}
		free(found[i]);
	}
	free(found);
	tap_ok(all, "all %d cases of %s have a row", n, folder);
}

/* --- one case --------------------------------------------------------- */

static const char *
golden_quote(const char *golden)
{
	return strcmp(golden, "direct-sha1only") == 0
		   ? "quote-sha1-0_15-rsassa"
		   : "quote-sha256-0_15-rsassa";
}

static const struct policy *
policy_of(struct hasher *h, const char *golden)
{
	size_t i = 0;

	while (policies[i].golden && strcmp(policies[i].golden, golden) != 0)
		i++;
	if (!policies[i].golden) {
		policies[i].golden = golden;
		policies[i].policy =
		    recorded_policy(h, golden, golden_quote(golden));
	}
	return policies[i].policy;
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

static bool
has_reason(const struct verdict *v, const char *code)
{
	for (size_t i = 0; i < v->reasons_n; i++)
		if (strcmp(err_name(v->reasons[i].code), code) == 0)
			return true;
	return strcmp(code, "-") == 0 && v->reasons_n == 0;
}

/* want: "fail ima.violation,ima.path" */
static bool
as_expected(const struct verdict *v, const char *want)
{
	char text[256], *at = text;

	snprintf(text, sizeof(text), "%s", want);
	if (strcmp(strsep(&at, " "), result_name(v->result)) != 0 || !at)
		return false;
	char *code = strsep(&at, ",");
	bool ok = strcmp(code, deciding(v)) == 0;
	for (; code; code = strsep(&at, ","))
		ok = ok && has_reason(v, code);
	return ok;
}

static bool
judge(struct hasher *h, struct arena *a, const struct row *row, bool values,
    struct verdict *v)
{
	const char *name = row->field[F_CASE];
	bool negative = strncmp(name, "negatives/", 10) == 0;
	struct recorded r =
	    negative ? recorded_negative(a, name + 10)
		     : recorded_boot(a, name + 6, row->field[F_QUOTE]);
	struct attest_context ctx =
	    recorded_context(&r, policy_of(h, row->field[F_GOLDEN]));
	struct attest_facts *facts = arena_alloc(a, sizeof(*facts));
	struct anchors *anchors = NULL;
	struct err e = {0};

	if (values)
		r.ev.pcrs = recorded_values(a, name, &r.asked);
	if (r.ca.p && !rc_ok(anchors_add(&anchors, r.ca, ROT_VIRTUAL, &e)))
		return false;
	ctx.anchors = anchors;
	bool judged =
	    facts && rc_ok(attest_evidence(&r.ev, &ctx, h, a, v, facts, &e));
	anchors_free(anchors);
	return judged;
}

static void
check(struct hasher *h, const struct row *row, bool values)
{
	const char *want = row->field[values ? F_VALUES : F_ALONE];
	struct verdict *v;
	struct arena a;

	arena_init(&a, (size_t)64 << 20);
	v = arena_alloc(&a, sizeof(*v));
	bool judged = v && judge(h, &a, row, values, v);
	bool ok = judged && as_expected(v, want);
	tap_ok(ok, "%s%s: %s %s", row->field[F_CASE],
	    values ? " with PCR values" : "",
	    judged ? result_name(v->result) : "not judged",
	    judged ? deciding(v) : "");
	for (size_t i = 0; !ok && judged && i < v->reasons_n; i++)
		tap_note("not %s: %s %s %s", want, err_name(v->reasons[i].code),
		    v->reasons[i].path ? v->reasons[i].path : "",
		    v->reasons[i].found ? v->reasons[i].found
					: v->reasons[i].message);
	arena_free(&a);
}

int
main(void)
{
	struct hasher *h = hasher_new();
	struct arena table;

	if (!h)
		return 99;
	arena_init(&table, (size_t)1 << 20);
	load_rows(&table);
	check_complete("negatives/");
	check_complete("boots/");
	for (size_t i = 0; i < rows_n; i++) {
		check(h, &rows[i], false);
		check(h, &rows[i], true);
	}
	for (size_t i = 0; i < POLICIES_MAX && policies[i].golden; i++)
		policy_unref(policies[i].policy);
	arena_free(&table);
	hasher_free(h);
	return tap_done();
}

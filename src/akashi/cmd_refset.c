/* SPDX-License-Identifier: Apache-2.0 */
/* Reference sets: make, put, list, show, diff. */
#include "akashi/api.h"

#include "appraise/refset.h"
#include "base/limits.h"

#include <getopt.h>
#include <stdlib.h>

#define REFSET_FILE ((size_t)4 << 30)

static const struct api_column columns[] = {
    {"NAME", "name"},
    {"VERSION", "version"},
    {"ALGORITHM", "alg"},
    {"ENTRIES", "entries"},
    {"BYTES", "bytes"},
    {"AUTHOR", "author"},
    {"CREATED AT", "created_at"},
    {"HASH", "hash"},
    {NULL, NULL},
};

/* --- make ------------------------------------------------------------------
 */

static const struct cli_option make_options[] = {{0, NULL, NULL, NULL}};

struct lines {
	struct buf all;
	size_t n, cap;
	size_t *at; /* where each line starts, then sorted spans */
	struct span *line;
};

static bool
room_for_line(struct lines *l)
{
	size_t cap = l->cap ? 2 * l->cap : 4096;

	if (l->n < l->cap)
		return true;
	size_t *at = realloc(l->at, cap * sizeof(*at));
	if (!at)
		return false;
	l->at = at;
	l->cap = cap;
	return true;
}

/* A line of a set is kept as it is; others are as sha256sum writes them. */
static rc
add_line(struct lines *l, struct span line, bool of_set)
{
	struct sum_line sum;
	struct arena a;
	rc r = RC_OK;

	if (!room_for_line(l))
		return (rc){ERR_MEMORY};
	l->at[l->n++] = l->all.n;
	if (of_set) {
		buf_put(&l->all, line.p, line.n);
		buf_puts(&l->all, "\n");
	} else {
		arena_init(&a, 64 * 1024);
		r = sum_line_parse(line, &a, &sum);
		if (rc_ok(r))
			refset_line(&l->all, sum.alg, sum.digest, sum.path);
		arena_free(&a);
	}
	return l->all.failed ? (rc){ERR_MEMORY} : r;
}

static bool
is_set(struct span file)
{
	struct refset *set = NULL;
	bool yes = rc_ok(refset_load(file, &set, NULL));

	refset_unref(set);
	return yes;
}

static rc
add_file(struct lines *l, struct span file, struct err *e)
{
	bool of_set = is_set(file);

	for (size_t number = 1; file.n; number++) {
		const uint8_t *end = memchr(file.p, '\n', file.n);
		size_t n = end ? (size_t)(end - file.p) : file.n;
		rc r = n ? add_line(l, span_of(file.p, n), of_set) : RC_OK;
		if (!rc_ok(r))
			return err_at(e, r.code, NULL, "lines[%zu]", number);
		file = span_of(
		    file.p + n + (end != NULL), file.n - n - (end != NULL));
	}
	return RC_OK;
}

static int
by_bytes(const void *x, const void *y)
{
	const struct span *a = x, *b = y;
	int d = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);

	return d ? d : (a->n > b->n) - (a->n < b->n);
}

/* Sorted, each line once, and a set as the server will read it. */
static rc
order(struct lines *l, struct buf *out, struct err *e)
{
	struct refset *set = NULL;

	l->line = calloc(l->n ? l->n : 1, sizeof(*l->line));
	if (!l->line)
		return err_at(e, ERR_MEMORY, NULL, "%s", "lines");
	for (size_t i = 0; i < l->n; i++) {
		size_t end = i + 1 < l->n ? l->at[i + 1] : l->all.n;
		l->line[i] = span_of(l->all.p + l->at[i], end - l->at[i]);
	}
	qsort(l->line, l->n, sizeof(*l->line), by_bytes);
	for (size_t i = 0; i < l->n; i++)
		if (i == 0 || by_bytes(&l->line[i], &l->line[i - 1]) != 0)
			buf_put(out, l->line[i].p, l->line[i].n);
	if (out->failed)
		return err_at(e, ERR_MEMORY, NULL, "%s", "lines");
	TRY(refset_load(buf_span(out), &set, e));
	refset_unref(set);
	return RC_OK;
}

static int
run_make(struct cli *c, int argc, char **argv)
{
	struct lines l = {.n = 0};
	struct buf out = {0};
	struct span file;
	const char *arg;
	struct err e;
	rc r = RC_OK;

	if (cli_next_option(c, &cmd_refset_make, argc, argv, &arg) == -2)
		return EXIT_USAGE;
	if (optind == argc)
		return cli_usage(c, "a list of digests is expected");
	for (int i = optind; rc_ok(r) && i < argc; i++) {
		r = cli_read(c, argv[i], REFSET_FILE, &file, &e);
		if (rc_ok(r))
			r = add_file(&l, file, &e);
	}
	if (rc_ok(r))
		r = order(&l, &out, &e);
	if (rc_ok(r) && out.n)
		out.n--; /* cli_write() ends the last line */
	int code =
	    rc_ok(r) ? cli_write(c, &out, EXIT_TRUSTED) : cli_fail(c, &e);
	buf_free(&out);
	buf_free(&l.all);
	free(l.at);
	free(l.line);
	return code;
}

const struct cli_command cmd_refset_make = {"refset", "make", "FILE...",
    "make a reference set of lists as sha256sum writes them", make_options,
    run_make};

/* --- put -------------------------------------------------------------------
 */

static const struct cli_option put_options[] = {
    API_OPTIONS,
    {'n', "name", "NAME", "its name on the server"},
    {0, NULL, NULL, NULL},
};

static int
run_put(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	struct span file;
	const char *arg, *name = NULL;
	bool bad = false;
	int i;
	JSON_AUTO doc = NULL;

	api_init(&api, c);
	while ((i = cli_next_option(c, &cmd_refset_put, argc, argv, &arg)) >= 0)
		if (!api_option(&api, i, arg, &bad))
			name = arg;
	if (i == -2 || bad)
		return EXIT_USAGE;
	if (argc - optind != 1 || !name)
		return cli_usage(c, "one file and --name are expected");
	if (!rc_ok(cli_read(c, argv[optind], REFSET_FILE, &file, &e)))
		return cli_fail(c, &e);
	const char *path =
	    arena_printf(&c->arena, "/v1/refsets/%s", api_escape(&api, name));
	if (!rc_ok(api_call(&api, "POST", path, "text/plain", file, &doc, &e)))
		return api_fail(&api, &e);
	return api_show(&api, doc, columns, EXIT_TRUSTED);
}

const struct cli_command cmd_refset_put = {"refset", "put", "FILE",
    "store a reference set as a new version of its name", put_options, run_put};

/* --- list, show ------------------------------------------------------------
 */

static int
run_list(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	int code = api_parse(&api, c, &cmd_refset_list, argc, argv, 0);
	JSON_AUTO doc = NULL;

	if (code)
		return code;
	if (!rc_ok(api_list(&api, "/v1/refsets?", &doc, &e)))
		return api_fail(&api, &e);
	return api_show(&api, doc, columns, EXIT_TRUSTED);
}

const struct cli_command cmd_refset_list = {"refset", "list", "",
    "list the reference sets of the server", api_options, run_list};

static int
run_show(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	int code = api_parse(&api, c, &cmd_refset_show, argc, argv, 1);
	JSON_AUTO doc = NULL;

	if (code)
		return code;
	char *name = arena_printf(&c->arena, "%s", argv[optind]);
	char *at = strrchr(name, '@');
	if (at)
		*at++ = '\0';
	const char *path = arena_printf(&c->arena, "/v1/refsets/%s%s%s",
	    api_escape(&api, name), at ? "/" : "",
	    at ? api_escape(&api, at) : "");
	if (!rc_ok(api_call(
		&api, "GET", path, NULL, (struct span){NULL, 0}, &doc, &e)))
		return api_fail(&api, &e);
	return api_show(&api, doc, columns, EXIT_TRUSTED);
}

const struct cli_command cmd_refset_show = {"refset", "show", "NAME[@VERSION]",
    "show one version of a reference set", api_options, run_show};

/* --- diff ------------------------------------------------------------------
 */

static void
put_lines(struct buf *out, const json_t *doc, const char *key, char sign)
{
	const json_t *list = json_object_get(doc, key);

	for (size_t i = 0; i < json_array_size(list); i++)
		buf_printf(out, "%c %s\n", sign,
		    json_string_value(json_array_get(list, i)));
}

static long long
count(const json_t *doc, const char *key)
{
	return (long long)json_integer_value(json_object_get(doc, key));
}

static int
run_diff(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	struct buf out = {0};
	int code = api_parse(&api, c, &cmd_refset_diff, argc, argv, 3);
	JSON_AUTO doc = NULL;

	if (code)
		return code;
	const char *path = arena_printf(&c->arena,
	    "/v1/refsets/%s/diff?from=%s&to=%s", api_escape(&api, argv[optind]),
	    api_escape(&api, argv[optind + 1]),
	    api_escape(&api, argv[optind + 2]));
	if (!rc_ok(api_call(
		&api, "GET", path, NULL, (struct span){NULL, 0}, &doc, &e)))
		return api_fail(&api, &e);
	if (api.output == OUT_JSON)
		return api_show(&api, doc, columns, EXIT_TRUSTED);
	put_lines(&out, doc, "removed", '-');
	put_lines(&out, doc, "added", '+');
	buf_printf(&out, "%lld removed, %lld added", count(doc, "removed_n"),
	    count(doc, "added_n"));
	code = cli_write(c, &out, EXIT_TRUSTED);
	buf_free(&out);
	return code;
}

const struct cli_command cmd_refset_diff = {"refset", "diff", "NAME FROM TO",
    "what one version of a reference set has and another has not", api_options,
    run_diff};

/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/api.h"
#include "akashi/explanation_text.h"

#include <getopt.h>

enum { EXPLAIN_LEVEL = API_OPTION_COUNT, EXPLAIN_LANG };

static const struct cli_option options[] = {
    API_OPTIONS,
    {0, "level", "management|operator|analyst", "how much; default operator"},
    {0, "lang", "en|ja", "the language of the texts"},
    {0, NULL, NULL, NULL},
};

struct inquiry {
	struct api api;
	const char *level;
	const char *lang;
};

/* The id as it is, or that of the node's latest verdict. VERDICT_UNKNOWN. */
static rc
verdict_of(struct inquiry *in, const char *what, const char **id, struct err *e)
{
	static const char prefix[] = "node/";
	size_t n = strlen(prefix);
	JSON_AUTO doc = NULL;

	*id = what;
	if (strncmp(what, prefix, n) != 0)
		return RC_OK;
	const char *path = arena_printf(&in->api.cli->arena,
	    "/v1/verdicts?limit=1&node=%s", api_escape(&in->api, what + n));
	TRY(api_call(
	    &in->api, "GET", path, NULL, (struct span){NULL, 0}, &doc, e));
	const char *found = json_string_value(json_object_get(
	    json_array_get(json_object_get(doc, "items"), 0), "id"));
	if (!found)
		return err_text(e, ERR_VERDICT_UNKNOWN, what,
		    "There is no verdict on this node yet.");
	*id = arena_printf(&in->api.cli->arena, "%s", found);
	return *id ? RC_OK : err_at(e, ERR_MEMORY, NULL, "%s", "");
}

/* Of the verdict; a good one does not make up for a node that is held, overdue
 * or not admitted. */
static int
result_exit(const json_t *doc)
{
	const char *r = json_string_value(json_object_get(doc, "result"));
	const char *node = json_string_value(json_object_get(doc, "node_code"));

	if (r && (strcmp(r, "fail") == 0 || strcmp(r, "reject") == 0))
		return EXIT_NOT_TRUSTED;
	if (node)
		return err_effect(err_by_name(node)) == EFF_FAIL
			   ? EXIT_NOT_TRUSTED
			   : EXIT_INDETERMINATE;
	return r && (strcmp(r, "pass") == 0 || strcmp(r, "warn") == 0)
		   ? EXIT_TRUSTED
		   : EXIT_INDETERMINATE;
}

static int
show(struct inquiry *in, const json_t *doc)
{
	static const struct api_column none[] = {{NULL, NULL}};
	struct buf out = {0};

	if (in->api.output == OUT_JSON)
		return api_show(&in->api, doc, none, result_exit(doc));
	explanation_text(doc,
	    (enum explain_level)explain_level(span_str(in->level)), in->lang,
	    &out);
	int code = cli_write(in->api.cli, &out, result_exit(doc));
	buf_free(&out);
	return code;
}

static int
parse(struct inquiry *in, struct cli *c, int argc, char **argv)
{
	const char *arg;
	bool bad = false;
	int i;

	while ((i = cli_next_option(
		    c, &cmd_verdict_explain, argc, argv, &arg)) >= 0)
		if (!api_option(&in->api, i, arg, &bad)) {
			if (i == EXPLAIN_LEVEL)
				in->level = arg;
			else
				in->lang = arg;
		}
	if (i == -2 || bad)
		return EXIT_USAGE;
	if (!explain_level(span_str(in->level)))
		return cli_usage(
		    c, "--level takes management, operator or analyst");
	if (strcmp(in->lang, "en") != 0 && strcmp(in->lang, "ja") != 0)
		return cli_usage(c, "--lang takes en or ja");
	if (argc - optind != 1)
		return cli_usage(
		    c, "expected: akashi verdict explain ID|node/NAME");
	return EXIT_TRUSTED;
}

static int
run(struct cli *c, int argc, char **argv)
{
	struct inquiry in = {.level = "operator", .lang = c->lang};
	JSON_AUTO doc = NULL;
	struct err e;
	const char *id;

	api_init(&in.api, c);
	int code = parse(&in, c, argc, argv);
	if (code)
		return code;
	if (!rc_ok(verdict_of(&in, argv[optind], &id, &e)))
		return api_fail(&in.api, &e);
	const char *path =
	    arena_printf(&c->arena, "/v1/verdicts/%s/explanation?lang=%s",
		api_escape(&in.api, id), in.lang);
	if (!rc_ok(api_call(
		&in.api, "GET", path, NULL, (struct span){NULL, 0}, &doc, &e)))
		return api_fail(&in.api, &e);
	return show(&in, doc);
}

const struct cli_command cmd_verdict_explain = {"verdict", "explain",
    "ID|node/NAME",
    "why a verdict is what it is, since when, who else, and what to do next",
    options, run};

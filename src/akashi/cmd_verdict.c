/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/api.h"
#include "appraise/limits.h"

#include "base/clock.h"

#include <getopt.h>
#include <stdio.h>

static const struct api_column list_columns[] = {
    {"VERIFIED AT", "verified_at"},
    {"NODE", "node"},
    {"RESULT", "result"},
    {"REASON", "code"},
    {"ID", "id"},
    {NULL, NULL},
};

enum {
	LIST_NODE = API_OPTION_COUNT,
	LIST_SINCE,
	LIST_RESULT,
};

static const struct cli_option list_options[] = {
    API_OPTIONS,
    {0, "node", "NAME", "only of this node"},
    {0, "since", "TIME|DURATION", "from 2026-11-20T09:00:00Z, or \"24h\" ago"},
    {0, "result", "pass|warn|fail|reject|unknown", "only such results"},
    {0, NULL, NULL, NULL},
};

static int
run_list(struct cli *c, int argc, char **argv)
{
	const char *given[3] = {"", "", ""};
	struct api api;
	struct err e;
	const char *arg;
	bool bad = false;
	int i;

	api_init(&api, c);
	while (
	    (i = cli_next_option(c, &cmd_verdict_list, argc, argv, &arg)) >= 0)
		if (!api_option(&api, i, arg, &bad))
			given[i - LIST_NODE] = arg;
	if (i == -2 || bad)
		return EXIT_USAGE;
	const char *since = *given[1] ? api_since(c, given[1]) : "";
	if (!since)
		return cli_usage(c, "--since takes a time or a duration");
	const char *path =
	    arena_printf(&c->arena, "/v1/verdicts?node=%s&since=%s&result=%s",
		api_escape(&api, given[0]), api_escape(&api, since),
		api_escape(&api, given[2]));
	JSON_AUTO doc = NULL;
	if (!rc_ok(api_list(&api, path, &doc, &e)))
		return api_fail(&api, &e);
	return api_show(&api, doc, list_columns, EXIT_TRUSTED);
}

const struct cli_command cmd_verdict_list = {"verdict", "list", "",
    "list verdicts, the newest first", list_options, run_list};

/* --- show -------------------------------------------------------------------
 */

static const struct api_column show_columns[] = {
    {"Verdict", "id"},
    {"Node", "node"},
    {"Result", "result"},
    {"Policy", "policy.name"},
    {"Version", "policy.version"},
    {"Verified at", "verified_at"},
    {"Valid until", "valid_until"},
    {"Verifier", "verifier.instance"},
    {"Build", "verifier.build"},
    {"Root of trust", "root_of_trust"},
    {NULL, NULL},
};

static void
print_field(const json_t *reason, const char *key, const char *label)
{
	const json_t *v = json_object_get(reason, key);

	if (json_is_string(v))
		printf("    %-10s %s\n", label, json_string_value(v));
	else if (json_is_integer(v))
		printf("    %-10s %lld\n", label,
		    (long long)json_integer_value(v));
}

/* The verifier's own sentence, where it says more than the code's. */
static void
print_detail(const json_t *reason, enum err_code code)
{
	const char *text =
	    json_string_value(json_object_get(reason, "message"));

	if (text && strcmp(text, err_sentence(code, "en")) != 0)
		print_field(reason, "message", "detail");
}

/* Each reason as a person reads it: what, where, expected against found. */
static void
print_reasons(const json_t *doc, const char *lang)
{
	size_t i;
	json_t *reason;

	json_array_foreach(json_object_get(doc, "reasons"), i, reason)
	{
		const char *name =
		    json_string_value(json_object_get(reason, "code"));
		enum err_code code = name ? err_by_name(name) : ERR_OK;
		printf("\n  %s\n",
		    code != ERR_OK ? err_sentence(code, lang) : name);
		print_field(reason, "code", "code");
		print_field(reason, "class", "class");
		print_field(reason, "layer", "layer");
		print_field(reason, "pcr", "PCR");
		print_field(reason, "event", "event");
		print_field(reason, "event_type", "type");
		print_field(reason, "path", "path");
		print_detail(reason, code);
		print_field(reason, "expected", "expected");
		print_field(reason, "found", "found");
	}
}

/* A name that a newer server wrote is shown as it is. */
static void
print_limits(const json_t *doc, const char *lang)
{
	const json_t *names = json_object_get(doc, "limits");
	size_t i;
	json_t *name;

	if (json_array_size(names))
		printf("\n%s\n", limits_heading(lang));
	json_array_foreach(names, i, name)
	{
		const char *text = json_string_value(name);
		const struct limit *l = text ? limit_by_name(text) : NULL;
		printf("  %s\n", l ? limit_sentence(l, lang) : text);
	}
}

static int
result_exit(const json_t *doc)
{
	const char *r = json_string_value(json_object_get(doc, "result"));

	if (r && (strcmp(r, "pass") == 0 || strcmp(r, "warn") == 0))
		return EXIT_TRUSTED;
	return r && (strcmp(r, "fail") == 0 || strcmp(r, "reject") == 0)
		   ? EXIT_NOT_TRUSTED
		   : EXIT_INDETERMINATE;
}

static int
run_show(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	int code = api_parse(&api, c, &cmd_verdict_show, argc, argv, 1);

	if (code)
		return code;
	const char *path = arena_printf(
	    &c->arena, "/v1/verdicts/%s", api_escape(&api, argv[optind]));
	JSON_AUTO doc = NULL;
	if (!rc_ok(api_call(
		&api, "GET", path, NULL, (struct span){NULL, 0}, &doc, &e)))
		return api_fail(&api, &e);
	code = api_show(&api, doc, show_columns, result_exit(doc));
	if (api.output != OUT_JSON) {
		print_reasons(doc, c->lang);
		print_limits(doc, c->lang);
	}
	return code;
}

const struct cli_command cmd_verdict_show = {"verdict", "show", "ID",
    "one verdict with all its reasons; exit 0 pass or warn, 1 fail or reject",
    api_options, run_show};

/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/api.h"

#include "base/clock.h"

#include <getopt.h>
#include <stdio.h>

static const struct api_column list_columns[] = {
    {"NAME", "name"},
    {"STATUS", "status"},
    {"REASON", "status_reason"},
    {"ADMISSION", "admission"},
    {"CLASS", "environment_class"},
    {"ROT", "rot_class"},
    {"VALID UNTIL", "valid_until"},
    {NULL, NULL},
};

/* --- list ------------------------------------------------------------------
 */

enum { LIST_STATUS = API_OPTION_COUNT, LIST_LABEL };

static const struct cli_option list_options[] = {
    API_OPTIONS,
    {0, "status", "trusted|warning|untrusted|unknown", "only such nodes"},
    {'l', "label", "KEY=VALUE", "only nodes with this label"},
    {0, NULL, NULL, NULL},
};

static int
run_list(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	const char *arg, *status = "", *label = "";
	bool bad = false;
	int i;

	api_init(&api, c);
	while ((i = cli_next_option(c, &cmd_node_list, argc, argv, &arg)) >= 0)
		if (api_option(&api, i, arg, &bad))
			continue;
		else if (i == LIST_STATUS)
			status = arg;
		else
			label = arg;
	if (i == -2 || bad)
		return EXIT_USAGE;
	const char *path =
	    arena_printf(&c->arena, "/v1/nodes?status=%s&label=%s",
		api_escape(&api, status), api_escape(&api, label));
	JSON_AUTO doc = NULL;
	if (!rc_ok(api_list(&api, path, &doc, &e)))
		return api_fail(&api, &e);
	return api_show(&api, doc, list_columns, EXIT_TRUSTED);
}

const struct cli_command cmd_node_list = {
    "node", "list", "", "list nodes with their status", list_options, run_list};

/* --- show ------------------------------------------------------------------
 */

enum { SHOW_MAX_AGE = API_OPTION_COUNT };

static const struct cli_option show_options[] = {
    API_OPTIONS,
    {0, "max-age", "DURATION",
	"exit 3 unless the last verdict is younger, as \"5m\""},
    {0, NULL, NULL, NULL},
};

static const struct api_column show_columns[] = {
    {"Node", "name"},
    {"Id", "id"},
    {"Status", "status"},
    {"Why", "status_reason"},
    {"Admission", "admission"},
    {"Class", "environment_class"},
    {"Root of trust", "rot_class"},
    {"AK", "ak_alg"},
    {"Last verdict", "last_verdict.id"},
    {"Result", "last_verdict.result"},
    {"Judged by", "judged_by.name"},
    {"Its version", "judged_by.version"},
    {"Policy now", "policy.name"},
    {"Its version", "policy.version"},
    {"No policy", "policy_problem"},
    {"Judged by it", "policy_current"},
    {"Verified at", "last_verdict.verified_at"},
    {"Valid until", "valid_until"},
    {NULL, NULL},
};

static bool
younger(const json_t *doc, int64_t max_age)
{
	const json_t *last = json_object_get(doc, "last_verdict");
	const char *text =
	    json_string_value(json_object_get(last, "verified_at"));
	struct clock clock = clock_system();
	int64_t at;

	return text && rc_ok(time_parse(span_str(text), &at)) &&
	       clock_now(&clock) - at <= max_age;
}

/* 0 trusted or warning, 1 untrusted, 3 unknown, pending or too old. */
static int
status_exit(const json_t *doc, int64_t max_age)
{
	const char *s = json_string_value(json_object_get(doc, "status"));

	if (!s || strcmp(s, "unknown") == 0)
		return EXIT_INDETERMINATE;
	if (strcmp(s, "untrusted") == 0)
		return EXIT_NOT_TRUSTED;
	if (strcmp(s, "trusted") != 0 && strcmp(s, "warning") != 0)
		return EXIT_INDETERMINATE;
	return max_age && !younger(doc, max_age) ? EXIT_INDETERMINATE
						 : EXIT_TRUSTED;
}

static int
run_show(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	const char *arg;
	int64_t max_age = 0;
	bool bad = false;
	int i;

	api_init(&api, c);
	while ((i = cli_next_option(c, &cmd_node_show, argc, argv, &arg)) >= 0)
		if (!api_option(&api, i, arg, &bad) &&
		    !rc_ok(duration_parse(span_str(arg), &max_age)))
			return cli_usage(c, "--max-age takes a duration "
					    "such as 90s, 5m, 24h");
	if (i == -2 || bad)
		return EXIT_USAGE;
	if (argc - optind != 1)
		return cli_usage(c, "one node name is expected");
	const char *path = arena_printf(
	    &c->arena, "/v1/nodes/%s", api_escape(&api, argv[optind]));
	JSON_AUTO doc = NULL;
	if (!rc_ok(api_call(
		&api, "GET", path, NULL, (struct span){NULL, 0}, &doc, &e)))
		return api_fail(&api, &e);
	return api_show(&api, doc, show_columns, status_exit(doc, max_age));
}

const struct cli_command cmd_node_show = {"node", "show", "NAME",
    "show one node; exit 0 trusted, 1 untrusted, 3 unknown or too old",
    show_options, run_show};

/* --- approve, retire, clear --------------------------------------------------
 */

enum { ACT_REASON = API_OPTION_COUNT, ACT_CLASS, ACT_LABEL };

static const struct cli_option approve_options[] = {
    API_OPTIONS,
    {0, "reason", "TEXT", "why; kept in the audit record"},
    {0, "class", "CLASS", "environment class"},
    {'l', "label", "KEY=VALUE", "label to set; may repeat"},
    {0, NULL, NULL, NULL},
};

static const struct cli_option reason_options[] = {
    API_OPTIONS,
    {0, "reason", "TEXT", "why; kept in the audit record; required"},
    {0, NULL, NULL, NULL},
};

struct action {
	const struct cli_command *cmd;
	bool needs_reason;
	const char *reason;
	const char *class_name;
	json_t *labels;
};

static bool
add_label(json_t *labels, const char *arg)
{
	const char *eq = strchr(arg, '=');

	return eq && eq > arg &&
	       json_object_setn_new(
		   labels, arg, (size_t)(eq - arg), json_string(eq + 1)) == 0;
}

static void
emit_action(const struct action *a, struct buf *body)
{
	struct jw w = jw_over(body);
	const char *key;
	json_t *value;

	jw_object(&w);
	if (a->class_name)
		jw_kstr(&w, "class", a->class_name);
	if (json_object_size(a->labels)) {
		jw_key(&w, "labels");
		jw_object(&w);
		json_object_foreach(a->labels, key, value)
		    jw_kstr(&w, key, json_string_value(value));
		jw_object_end(&w);
	}
	if (a->reason)
		jw_kstr(&w, "reason", a->reason);
	jw_object_end(&w);
}

static int
send_action(struct api *api, const struct action *a, const char *name)
{
	struct buf body = {0};
	struct err e;
	JSON_AUTO doc = NULL;
	const char *path = arena_printf(&api->cli->arena, "/v1/nodes/%s/%s",
	    api_escape(api, name), a->cmd->verb);

	emit_action(a, &body);
	rc r = api_call(
	    api, "POST", path, "application/json", buf_span(&body), &doc, &e);
	buf_free(&body);
	if (!rc_ok(r))
		return api_fail(api, &e);
	return api_show(api, doc, show_columns, EXIT_TRUSTED);
}

static int
parse_action(
    struct cli *c, struct api *api, struct action *a, int argc, char **argv)
{
	const char *arg;
	bool bad = false;
	int i;

	while ((i = cli_next_option(c, a->cmd, argc, argv, &arg)) >= 0) {
		if (api_option(api, i, arg, &bad))
			continue;
		if (i == ACT_REASON)
			a->reason = arg;
		else if (i == ACT_CLASS)
			a->class_name = arg;
		else if (!add_label(a->labels, arg))
			return cli_usage(c, "--label takes KEY=VALUE");
	}
	if (i == -2 || bad)
		return EXIT_USAGE;
	if (argc - optind != 1)
		return cli_usage(c, "one node name is expected");
	if (a->needs_reason && !a->reason)
		return cli_usage(c, "--reason is required: it is kept in the "
				    "audit record");
	return EXIT_TRUSTED;
}

static int
run_action(struct cli *c, int argc, char **argv, const struct cli_command *cmd,
    bool needs_reason)
{
	JSON_AUTO labels = json_object();
	struct action a = {cmd, needs_reason, NULL, NULL, labels};
	struct api api;

	api_init(&api, c);
	int code = parse_action(c, &api, &a, argc, argv);
	return code ? code : send_action(&api, &a, argv[optind]);
}

static int
run_approve(struct cli *c, int argc, char **argv)
{
	return run_action(c, argc, argv, &cmd_node_approve, false);
}

static int
run_retire(struct cli *c, int argc, char **argv)
{
	return run_action(c, argc, argv, &cmd_node_retire, true);
}

static int
run_clear(struct cli *c, int argc, char **argv)
{
	return run_action(c, argc, argv, &cmd_node_clear, true);
}

const struct cli_command cmd_node_approve = {"node", "approve", "NAME",
    "admit a pending node", approve_options, run_approve};
const struct cli_command cmd_node_retire = {"node", "retire", "NAME",
    "retire a node for good", reason_options, run_retire};
const struct cli_command cmd_node_clear = {"node", "clear", "NAME",
    "lift the hold after suspected tampering", reason_options, run_clear};

/* --- import ------------------------------------------------------------------
 */

static const struct api_column import_columns[] = {
    {"LINE", "line"},
    {"RESULT", "result"},
    {"EK SHA-256", "ek_sha256"},
    {"CODE", "code"},
    {NULL, NULL},
};

/* Any refused line makes the whole command exit 1, after all were shown. */
static int
import_exit(const json_t *doc)
{
	size_t i;
	json_t *item;

	json_array_foreach(json_object_get(doc, "items"), i,
	    item) if (json_object_get(item, "code")) return EXIT_NOT_TRUSTED;
	return EXIT_TRUSTED;
}

static int
run_import(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	struct span file;
	int code = api_parse(&api, c, &cmd_node_import, argc, argv, 1);

	if (code)
		return code;
	JSON_AUTO doc = NULL;
	if (!rc_ok(cli_read(c, argv[optind], 16 * 1024 * 1024, &file, &e)))
		return cli_fail(c, &e);
	if (!rc_ok(api_call(&api, "POST", "/v1/nodes/import",
		"application/x-ndjson", file, &doc, &e)))
		return api_fail(&api, &e);
	return api_show(&api, doc, import_columns, import_exit(doc));
}

const struct cli_command cmd_node_import = {"node", "import", "FILE",
    "list endorsement keys in advance: their nodes are admitted at enrolment",
    api_options, run_import};

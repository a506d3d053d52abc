/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment tokens, and the first administrator. */
#include "akashi/api.h"

#include "base/text.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const struct api_column columns[] = {
    {"ID", "id"},
    {"CLASS", "class"},
    {"LABELS", "labels"},
    {"NAMES", "names"},
    {"USES LEFT", "uses_left"},
    {"EXPIRES AT", "expires_at"},
    {"REVOKED", "revoked"},
    {NULL, NULL},
};

enum {
	CREATE_CLASS = API_OPTION_COUNT,
	CREATE_LABEL,
	CREATE_NAMES,
	CREATE_USES,
	CREATE_TTL
};

static const struct cli_option create_options[] = {
    API_OPTIONS,
    {0, "class", "CLASS", "environment class of the nodes; default production"},
    {'l', "label", "KEY=VALUE", "label of the nodes; may repeat"},
    {0, "names", "GLOB", "only for nodes of these names, such as ci-*"},
    {0, "uses", "N", "how many nodes may enrol with it; default 1"},
    {0, "ttl", "DURATION", "how long it is valid; default 24h"},
    {0, NULL, NULL, NULL},
};

struct create {
	const char *class_name;
	const char *ttl;
	const char *names; /* NULL: any */
	uint64_t uses;
	json_t *labels;
};

static int
parse_create(
    struct cli *c, struct api *api, struct create *t, int argc, char **argv)
{
	const char *arg;
	bool bad = false;
	int i;

	while ((i = cli_next_option(c, &cmd_token_create, argc, argv, &arg)) >=
	       0) {
		if (api_option(api, i, arg, &bad))
			continue;
		const char *eq = strchr(arg, '=');
		if (i == CREATE_CLASS)
			t->class_name = arg;
		else if (i == CREATE_NAMES)
			t->names = arg;
		else if (i == CREATE_TTL)
			t->ttl = arg;
		else if (i == CREATE_USES &&
			 !number_parse(span_str(arg), 1000000, &t->uses))
			return cli_usage(c, "--uses takes a number");
		else if (i == CREATE_LABEL &&
			 (!eq || eq == arg ||
			     json_object_setn_new(t->labels, arg,
				 (size_t)(eq - arg), json_string(eq + 1)) != 0))
			return cli_usage(c, "--label takes KEY=VALUE");
	}
	return i == -2 || bad ? EXIT_USAGE : EXIT_TRUSTED;
}

static void
emit_create(const struct create *t, struct buf *body)
{
	struct jw w = jw_over(body);
	const char *key;
	json_t *value;

	jw_object(&w);
	jw_kstr(&w, "class", t->class_name);
	jw_key(&w, "labels");
	jw_object(&w);
	json_object_foreach(t->labels, key, value)
	    jw_kstr(&w, key, json_string_value(value));
	jw_object_end(&w);
	if (t->names)
		jw_kstr(&w, "names", t->names);
	jw_ku64(&w, "uses", t->uses);
	jw_kstr(&w, "ttl", t->ttl);
	jw_object_end(&w);
}

/* A token is data: alone on stdout, so that it can go into a file. */
static int
print_token(const struct api *api, const json_t *doc)
{
	const char *token = json_string_value(json_object_get(doc, "token"));

	if (api->output == OUT_JSON || !token)
		return EXIT_SERVER;
	puts(token);
	fprintf(stderr, "The token is shown this once; the server keeps only "
			"its hash.\n");
	return EXIT_TRUSTED;
}

static int
run_create(struct cli *c, int argc, char **argv)
{
	JSON_AUTO labels = json_object();
	struct create t = {"production", "24h", NULL, 1, labels};
	struct buf body = {0};
	struct api api;
	struct err e;
	JSON_AUTO doc = NULL;

	api_init(&api, c);
	int code = parse_create(c, &api, &t, argc, argv);
	if (code)
		return code;
	emit_create(&t, &body);
	rc r = api_call(&api, "POST", "/v1/tokens", "application/json",
	    buf_span(&body), &doc, &e);
	buf_free(&body);
	if (!rc_ok(r))
		return api_fail(&api, &e);
	if (api.output == OUT_JSON)
		return api_show(&api, doc, columns, EXIT_TRUSTED);
	return print_token(&api, doc);
}

const struct cli_command cmd_token_create = {"token", "create", "",
    "make an enrolment token; class and labels of its nodes come from it",
    create_options, run_create};

static int
run_list(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	int code = api_parse(&api, c, &cmd_token_list, argc, argv, 0);

	if (code)
		return code;
	JSON_AUTO doc = NULL;
	if (!rc_ok(api_list(&api, "/v1/tokens?", &doc, &e)))
		return api_fail(&api, &e);
	return api_show(&api, doc, columns, EXIT_TRUSTED);
}

const struct cli_command cmd_token_list = {
    "token", "list", "", "list enrolment tokens", api_options, run_list};

static int
run_revoke(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	int code = api_parse(&api, c, &cmd_token_revoke, argc, argv, 1);

	if (code)
		return code;
	const char *path = arena_printf(
	    &c->arena, "/v1/tokens/%s/revoke", api_escape(&api, argv[optind]));
	JSON_AUTO doc = NULL;
	if (!rc_ok(api_call(&api, "POST", path, "application/json",
		span_str("{}"), &doc, &e)))
		return api_fail(&api, &e);
	return api_show(&api, doc, columns, EXIT_TRUSTED);
}

const struct cli_command cmd_token_revoke = {"token", "revoke", "ID",
    "make an enrolment token useless", api_options, run_revoke};

/* --- admin init
 * --------------------------------------------------------------- */

static const struct cli_option init_options[] = {
    {0, "socket", "PATH", "the server's admin socket"},
    {0, NULL, NULL, NULL},
};

static int
run_init(struct cli *c, int argc, char **argv)
{
	const char *socket = AKASHI_LOCALSTATEDIR "/run/akashid/admin.sock";
	struct api api;
	struct err e;
	const char *arg;
	int i;

	api_init(&api, c);
	while ((i = cli_next_option(c, &cmd_admin_init, argc, argv, &arg)) >= 0)
		socket = arg;
	if (i == -2)
		return EXIT_USAGE;
	JSON_AUTO doc = NULL;
	if (!rc_ok(api_admin(&api, socket, "POST", "/admin/init", &doc, &e)))
		return api_fail(&api, &e);
	return print_token(&api, doc);
}

const struct cli_command cmd_admin_init = {"admin", "init", "",
    "make the first administrator token, once, over the admin socket",
    init_options, run_init};

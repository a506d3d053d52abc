/* SPDX-License-Identifier: Apache-2.0 */
/* The people that may use the API: admin add, list, revoke. */
#include "akashi/api.h"

#include <getopt.h>
#include <stdio.h>

static const struct api_column columns[] = {
    {"ID", "id"},
    {"NAME", "name"},
    {"ROLE", "role"},
    {"MADE BY", "made_by"},
    {"CREATED AT", "created_at"},
    {"EXPIRES AT", "expires_at"},
    {"REVOKED", "revoked"},
    {NULL, NULL},
};

enum { ADD_ROLE = API_OPTION_COUNT, ADD_TTL };

static const struct cli_option add_options[] = {
    API_OPTIONS,
    {0, "role", "ROLE",
	"viewer, author, approver, operator or admin; default viewer"},
    {0, "ttl", "DURATION", "how long the token is valid; default: for ever"},
    {0, NULL, NULL, NULL},
};

static void
emit_add(const char *name, const char *role, const char *ttl, struct buf *body)
{
	struct jw w = jw_over(body);

	jw_object(&w);
	jw_kstr(&w, "name", name);
	jw_kstr(&w, "role", role);
	if (ttl)
		jw_kstr(&w, "ttl", ttl);
	jw_object_end(&w);
}

static int
run_add(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	struct buf body = {0};
	const char *arg, *role = "viewer", *ttl = NULL;
	bool bad = false;
	int i;
	JSON_AUTO doc = NULL;

	api_init(&api, c);
	while ((i = cli_next_option(c, &cmd_admin_add, argc, argv, &arg)) >= 0)
		if (api_option(&api, i, arg, &bad))
			continue;
		else if (i == ADD_ROLE)
			role = arg;
		else
			ttl = arg;
	if (i == -2 || bad)
		return EXIT_USAGE;
	if (argc - optind != 1)
		return cli_usage(c, "one name is expected");
	emit_add(argv[optind], role, ttl, &body);
	rc r = api_call(&api, "POST", "/v1/operators", "application/json",
	    buf_span(&body), &doc, &e);
	buf_free(&body);
	if (!rc_ok(r))
		return api_fail(&api, &e);
	const char *token = json_string_value(json_object_get(doc, "token"));
	if (api.output == OUT_JSON || !token)
		return api_show(&api, doc, columns, EXIT_TRUSTED);
	puts(token);
	fprintf(stderr, "The token is shown this once; the server keeps only "
			"its hash.\n");
	return EXIT_TRUSTED;
}

const struct cli_command cmd_admin_add = {"admin", "add", "NAME",
    "make a person's token for the API", add_options, run_add};

static int
run_list(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	int code = api_parse(&api, c, &cmd_admin_list, argc, argv, 0);
	JSON_AUTO doc = NULL;

	if (code)
		return code;
	if (!rc_ok(api_list(&api, "/v1/operators?", &doc, &e)))
		return api_fail(&api, &e);
	return api_show(&api, doc, columns, EXIT_TRUSTED);
}

const struct cli_command cmd_admin_list = {"admin", "list", "",
    "list those who have a token for the API", api_options, run_list};

static int
run_revoke(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	int code = api_parse(&api, c, &cmd_admin_revoke, argc, argv, 1);
	JSON_AUTO doc = NULL;

	if (code)
		return code;
	const char *path = arena_printf(&c->arena, "/v1/operators/%s/revoke",
	    api_escape(&api, argv[optind]));
	if (!rc_ok(api_call(&api, "POST", path, "application/json",
		span_str("{}"), &doc, &e)))
		return api_fail(&api, &e);
	return api_show(&api, doc, columns, EXIT_TRUSTED);
}

const struct cli_command cmd_admin_revoke = {"admin", "revoke", "ID",
    "make a person's token useless", api_options, run_revoke};

/* SPDX-License-Identifier: Apache-2.0 */
/* Policies in the server's registry: apply, get, show, activate, rollback,
 * list. */
#include "akashi/api.h"
#include "akashi/derived.h"

#include "appraise/policy.h"
#include "base/limits.h"
#include "base/text.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct api_column columns[] = {
    {"NAME", "name"},
    {"VERSION", "version"},
    {"STATE", "state"},
    {"CLASS", "terms.class"},
    {"MODE", "terms.mode"},
    {"REGIONS", "terms.regions"},
    {"SELECTOR", "selector"},
    {"STAGED", "staged.version"},
    {"PERCENT", "staged.percent"},
    {"LABELS", "staged.labels"},
    {"AUTHOR", "author"},
    {"APPROVER", "approver"},
    {"FOUR EYES", "four_eyes"},
    {"SIGNED", "signed"},
    {"CREATED AT", "created_at"},
    {"HASH", "hash"},
    {"REVISION", "revision"},
    {NULL, NULL},
};

static int
run_list(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	int code = api_parse(&api, c, &cmd_policy_list, argc, argv, 0);
	JSON_AUTO doc = NULL;

	if (code)
		return code;
	if (!rc_ok(api_list(&api, "/v1/policies?", &doc, &e)))
		return api_fail(&api, &e);
	return api_show(&api, doc, columns, EXIT_TRUSTED);
}

const struct cli_command cmd_policy_list = {
    "policy", "list", "", "list policies of the server", api_options, run_list};

/* --- apply ------------------------------------------------------------------
 */

static const struct cli_option apply_options[] = {
    API_STEP_OPTIONS,
    {'n', "name", "NAME", "name; default: the document's own"},
    {0, "signature", "FILE", "the author's, made by akashi policy sign"},
    {0, NULL, NULL, NULL},
};

enum { APPLY_NAME = API_STEP_OPTION_COUNT, APPLY_SIGNATURE };

/* The signature in a file, as a header. */
static rc
read_signature(struct api *api, const char *path, struct err *e)
{
	struct span s;

	TRY(cli_read(api->cli, path, 64 * 1024, &s, e));
	while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
		s.n--;
	api->signature =
	    arena_printf(&api->cli->arena, "%.*s", (int)s.n, (const char *)s.p);
	return api->signature ? RC_OK : err_at(e, ERR_MEMORY, NULL, "%s", path);
}

/* The name given, else the document's. */
static int
apply_name(struct cli *c, struct span file, const char **name)
{
	struct err e;
	struct span s;
	JSON_AUTO doc = NULL;

	if (*name)
		return EXIT_TRUSTED;
	if (!rc_ok(json_decode(file, LIMIT_POLICY, &doc, &e)) ||
	    !rc_ok(json_get_str(doc, "", "name", &s, &e)))
		return cli_fail(c, &e);
	*name = (const char *)arena_copy(&c->arena, span_of(s.p, s.n + 1)).p;
	return EXIT_TRUSTED;
}

static int
run_apply(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	struct span file;
	const char *arg, *name = NULL, *signature = NULL;
	bool bad = false;
	int i;

	api_init(&api, c);
	while ((i = cli_next_option(c, &cmd_policy_apply, argc, argv, &arg)) >=
	       0) {
		if (api_step_option(&api, i, arg, &bad))
			continue;
		if (i == APPLY_NAME)
			name = arg;
		else
			signature = arg;
	}
	if (i == -2 || bad)
		return EXIT_USAGE;
	if (argc - optind != 1)
		return cli_usage(c, "one policy file is expected");
	if (!rc_ok(cli_read(c, argv[optind], LIMIT_POLICY, &file, &e)))
		return cli_fail(c, &e);
	int code = apply_name(c, file, &name);
	if (code)
		return code;
	if (signature && !rc_ok(read_signature(&api, signature, &e)))
		return cli_fail(c, &e);
	JSON_AUTO doc = NULL;
	const char *path =
	    arena_printf(&c->arena, "/v1/policies/%s", api_escape(&api, name));
	if (!rc_ok(api_call(
		&api, "POST", path, "application/json", file, &doc, &e)))
		return api_fail(&api, &e);
	return api_show(&api, doc, columns, EXIT_TRUSTED);
}

const struct cli_command cmd_policy_apply = {"policy", "apply", "FILE",
    "store a policy as a new version (the same content: the same version)",
    apply_options, run_apply};

/* --- get -------------------------------------------------------------------
 */

/* "NAME" or "NAME@VERSION" to a path. */
static const char *
version_path(struct api *api, const char *name, const char *suffix)
{
	const char *at = strrchr(name, '@');
	struct arena *a = &api->cli->arena;

	if (!at)
		return arena_printf(
		    a, "/v1/policies/%s%s", api_escape(api, name), suffix);
	char *base = arena_printf(a, "%.*s", (int)(at - name), name);
	return arena_printf(a, "/v1/policies/%s/%s%s", api_escape(api, base),
	    api_escape(api, at + 1), suffix);
}

static int
run_get(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	int code = api_parse(&api, c, &cmd_policy_get, argc, argv, 1);
	JSON_AUTO doc = NULL;

	if (code)
		return code;
	if (!rc_ok(api_call(&api, "GET", version_path(&api, argv[optind], ""),
		NULL, (struct span){NULL, 0}, &doc, &e)))
		return api_fail(&api, &e);
	if (strchr(argv[optind], '@'))
		api.output = OUT_JSON; /* a document has no table form */
	return api_show(&api, doc, columns, EXIT_TRUSTED);
}

const struct cli_command cmd_policy_get = {"policy", "get", "NAME[@VERSION]",
    "the versions of a policy, or one document", api_options, run_get};

/* --- show ------------------------------------------------------------------
 */

/* The newest version's path for a name alone. */
static rc
document_path(
    struct api *api, const char *name, const char **out, struct err *e)
{
	struct span none = {NULL, 0};
	JSON_AUTO row = NULL;
	uint64_t version;

	*out = version_path(api, name, "");
	if (strchr(name, '@'))
		return RC_OK;
	TRY(api_call(api, "GET", *out, NULL, none, &row, e));
	TRY(json_get_u64(row, "", "version", INT32_MAX, &version, e));
	*out = arena_printf(
	    &api->cli->arena, "%s/%llu", *out, (unsigned long long)version);
	return *out ? RC_OK : err_at(e, ERR_MEMORY, NULL, "%s", name);
}

/* A file, else a policy of the server. */
static rc
document(struct api *api, const char *name, struct span *out, struct err *e)
{
	struct span none = {NULL, 0};
	const char *path;
	JSON_AUTO doc = NULL;

	if (access(name, F_OK) == 0 || strchr(name, '/'))
		return derived_read(api->cli, name, NULL, out, e);
	TRY(document_path(api, name, &path, e));
	TRY(api_call(api, "GET", path, NULL, none, &doc, e));
	char *text = json_dumps(doc, JSON_COMPACT);
	*out = arena_copy(&api->cli->arena, span_str(text));
	free(text);
	return out->p ? RC_OK : err_at(e, ERR_MEMORY, NULL, "%s", name);
}

static const char *
or_nobody(const char *name)
{
	return name ? name : "nobody";
}

/* Whose word the newest version is, where it is one of the server's. */
static rc
describe_life(struct api *api, const char *name, struct err *e)
{
	struct span none = {NULL, 0};
	JSON_AUTO row = NULL;

	if (access(name, F_OK) == 0 || strchr(name, '/') || strchr(name, '@'))
		return RC_OK;
	TRY(api_call(
	    api, "GET", version_path(api, name, ""), NULL, none, &row, e));
	const json_t *eyes = json_object_get(row, "four_eyes");
	printf("%s, version %lld: %s. Written by %s, approved by %s%s%s.\n",
	    name,
	    (long long)json_integer_value(json_object_get(row, "version")),
	    or_nobody(json_string_value(json_object_get(row, "state"))),
	    or_nobody(json_string_value(json_object_get(row, "author"))),
	    or_nobody(json_string_value(json_object_get(row, "approver"))),
	    json_is_false(eyes) ? ", without a second person" : "",
	    json_is_true(json_object_get(row, "signed")) ? ", signed" : "");
	return RC_OK;
}

static int
describe(struct cli *c, struct span json)
{
	struct policy *p = NULL;
	struct buf out = {0};
	struct err e = {0};

	if (!rc_ok(policy_decode(json, &p, &e))) {
		int code = cli_fail(c, &e);
		return code == EXIT_SERVER ? code : EXIT_NOT_TRUSTED;
	}
	policy_describe(p, &out);
	if (out.n && out.p[out.n - 1] == '\n')
		out.n--;
	int code = cli_write(c, &out, EXIT_TRUSTED);
	buf_free(&out);
	policy_unref(p);
	return code;
}

static int
run_show(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct span json;
	struct err e = {0};
	int code = api_parse(&api, c, &cmd_policy_show, argc, argv, 1);

	if (code)
		return code;
	rc r = document(&api, argv[optind], &json, &e);
	if (rc_ok(r))
		r = describe_life(&api, argv[optind], &e);
	return rc_ok(r) ? describe(c, json) : api_fail(&api, &e);
}

const struct cli_command cmd_policy_show = {"policy", "show",
    "FILE|NAME[@VERSION]",
    "what a policy says, in words: a file, or one of the server", api_options,
    run_show};

/* --- activate, rollback ------------------------------------------------------
 */

static const struct cli_option activate_options[] = {
    API_STEP_OPTIONS,
    {'l', "label", "KEY=VALUE",
	"bind to nodes with this label; may repeat; none: every node"},
    {0, NULL, NULL, NULL},
};

static int
put_selector(struct cli *c, struct jw *w, const char *arg)
{
	const char *eq = strchr(arg, '=');

	if (!eq || eq == arg)
		return cli_usage(c, "--label takes KEY=VALUE");
	jw_kstr(
	    w, arena_printf(&c->arena, "%.*s", (int)(eq - arg), arg), eq + 1);
	return EXIT_TRUSTED;
}

static int
parse_activate(
    struct cli *c, struct api *api, struct jw *w, int argc, char **argv)
{
	const char *arg;
	bool bad = false;
	int i;

	while ((i = cli_next_option(
		    c, &cmd_policy_activate, argc, argv, &arg)) >= 0)
		if (!api_step_option(api, i, arg, &bad) &&
		    put_selector(c, w, arg))
			return EXIT_USAGE;
	if (i == -2 || bad)
		return EXIT_USAGE;
	if (argc - optind != 1 || !strchr(argv[optind], '@'))
		return cli_usage(c, "NAME@VERSION is expected");
	return EXIT_TRUSTED;
}

static int
run_activate(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	struct buf body = {0};
	struct jw w = jw_over(&body);
	JSON_AUTO doc = NULL;

	api_init(&api, c);
	jw_object(&w);
	jw_key(&w, "selector");
	jw_object(&w);
	int code = parse_activate(c, &api, &w, argc, argv);
	if (code) {
		buf_free(&body);
		return code;
	}
	jw_object_end(&w);
	char *name = arena_printf(&c->arena, "%s", argv[optind]);
	char *at = strrchr(name, '@');
	*at = '\0';
	uint64_t version;
	if (!number_parse(span_str(at + 1), INT32_MAX, &version)) {
		buf_free(&body);
		return cli_usage(c, "the version is a number");
	}
	jw_ku64(&w, "version", version);
	jw_object_end(&w);
	const char *path = arena_printf(
	    &c->arena, "/v1/policies/%s/activate", api_escape(&api, name));
	rc r = api_call(
	    &api, "POST", path, "application/json", buf_span(&body), &doc, &e);
	buf_free(&body);
	return rc_ok(r) ? api_show(&api, doc, columns, EXIT_TRUSTED)
			: api_fail(&api, &e);
}

const struct cli_command cmd_policy_activate = {"policy", "activate",
    "NAME@VERSION", "judge nodes by this version from now on", activate_options,
    run_activate};

static int
run_rollback(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	int code = api_parse(&api, c, &cmd_policy_rollback, argc, argv, 1);
	JSON_AUTO doc = NULL;

	if (code)
		return code;
	if (!rc_ok(api_call(&api, "POST",
		version_path(&api, argv[optind], "/rollback"),
		"application/json", span_str("{}"), &doc, &e)))
		return api_fail(&api, &e);
	return api_show(&api, doc, columns, EXIT_TRUSTED);
}

const struct cli_command cmd_policy_rollback = {"policy", "rollback", "NAME",
    "return to the version that was active before", api_step_options,
    run_rollback};

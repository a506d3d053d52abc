/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a policy: sign, compose, approve, stage, retire, history, and
 * what holds for a node. */
#include "akashi/api.h"
#include "akashi/derived.h"

#include "appraise/policy.h"
#include "base/limits.h"
#include "base/text.h"
#include "verify/jws.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const struct api_column columns[] = {
    {"NAME", "name"},
    {"VERSION", "version"},
    {"STATE", "state"},
    {"APPROVER", "approver"},
    {"FOUR EYES", "four_eyes"},
    {"STAGED", "staged.version"},
    {"PERCENT", "staged.percent"},
    {"LABELS", "staged.labels"},
    {"HASH", "hash"},
    {NULL, NULL},
};

/* "NAME@VERSION" to its parts. */
static int
split(struct cli *c, const char *text, const char **name, uint64_t *version)
{
	const char *at = strrchr(text, '@');

	if (!at || !number_parse(span_str(at + 1), INT32_MAX, version) ||
	    *version == 0)
		return cli_usage(c, "NAME@VERSION is expected");
	*name = arena_printf(&c->arena, "%.*s", (int)(at - text), text);
	return *name ? EXIT_TRUSTED : EXIT_SERVER;
}

/* POST a body to a step of the policy and show what it is now. */
static int
post_step(struct api *api, const char *name, const char *step, struct buf *body)
{
	const char *path = arena_printf(&api->cli->arena, "/v1/policies/%s/%s",
	    api_escape(api, name), step);
	JSON_AUTO doc = NULL;
	struct err e;

	rc r = api_call(
	    api, "POST", path, "application/json", buf_span(body), &doc, &e);
	buf_free(body);
	return rc_ok(r) ? api_show(api, doc, columns, EXIT_TRUSTED)
			: api_fail(api, &e);
}

/* --- approve ---------------------------------------------------------------
 */

static const struct cli_option approve_options[] = {
    API_STEP_OPTIONS,
    {0, "hash", "HEX", "of the version that was read; default: fetch it"},
    {0, NULL, NULL, NULL},
};

/* The hash of the document as this program makes it. */
static rc
fetch_hash(struct api *api, const char *name, uint64_t version, char hex[65],
    struct err *e)
{
	const char *path =
	    arena_printf(&api->cli->arena, "/v1/policies/%s/%llu",
		api_escape(api, name), (unsigned long long)version);
	JSON_AUTO doc = NULL;
	struct policy *p;
	uint8_t hash[32];

	TRY(api_call(api, "GET", path, NULL, (struct span){NULL, 0}, &doc, e));
	char *text = json_dumps(doc, JSON_COMPACT);
	if (!text)
		return err_at(e, ERR_MEMORY, NULL, "%s", name);
	rc r = policy_decode(span_str(text), &p, e);
	free(text);
	TRY(r);
	policy_hash(p, hash);
	policy_unref(p);
	hex_emit(span_of(hash, sizeof(hash)), hex);
	fprintf(stderr, "approving %s, version %llu: %s\n", name,
	    (unsigned long long)version, hex);
	return RC_OK;
}

static int
run_approve(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	struct buf body = {0};
	struct jw w = jw_over(&body);
	const char *arg, *name, *hash = NULL;
	char hex[65];
	uint64_t version;
	bool bad = false;
	int i;

	api_init(&api, c);
	while ((i = cli_next_option(
		    c, &cmd_policy_approve, argc, argv, &arg)) >= 0)
		if (!api_step_option(&api, i, arg, &bad))
			hash = arg;
	if (i == -2 || bad)
		return EXIT_USAGE;
	if (argc - optind != 1)
		return cli_usage(c, "NAME@VERSION is expected");
	int code = split(c, argv[optind], &name, &version);
	if (code)
		return code;
	if (!hash && !rc_ok(fetch_hash(&api, name, version, hex, &e)))
		return api_fail(&api, &e);
	jw_object(&w);
	jw_ku64(&w, "version", version);
	jw_kstr(&w, "hash", hash ? hash : hex);
	jw_object_end(&w);
	return post_step(&api, name, "approve", &body);
}

const struct cli_command cmd_policy_approve = {"policy", "approve",
    "NAME@VERSION", "approve a version that somebody else has written",
    approve_options, run_approve};

/* --- stage -----------------------------------------------------------------
 */

enum { STAGE_PERCENT = API_STEP_OPTION_COUNT, STAGE_LABEL, STAGE_SELECTOR };

static const struct cli_option stage_options[] = {
    API_STEP_OPTIONS,
    {0, "percent", "N", "for this share of the policy's nodes; 0 ends it"},
    {'l', "label", "KEY=VALUE", "for those with this label; may repeat"},
    {0, "selector", "KEY=VALUE",
	"the policy's nodes, where none is active yet; may repeat"},
    {0, NULL, NULL, NULL},
};

struct stage {
	json_t *labels, *selector;
	uint64_t percent;
	bool has_percent;
};

static bool
add_pair(json_t *to, const char *arg)
{
	const char *eq = strchr(arg, '=');

	return eq && eq != arg &&
	       json_object_setn_new(
		   to, arg, (size_t)(eq - arg), json_string(eq + 1)) == 0;
}

static int
parse_stage(
    struct cli *c, struct api *api, struct stage *s, int argc, char **argv)
{
	const char *arg;
	bool bad = false;
	int i;

	while ((i = cli_next_option(c, &cmd_policy_stage, argc, argv, &arg)) >=
	       0) {
		if (api_step_option(api, i, arg, &bad))
			continue;
		if (i == STAGE_PERCENT) {
			s->has_percent = true;
			if (!number_parse(span_str(arg), 100, &s->percent))
				return cli_usage(c, "--percent takes 0 to 100");
		} else if (!add_pair(i == STAGE_LABEL ? s->labels : s->selector,
			       arg)) {
			return cli_usage(c, "a label is KEY=VALUE");
		}
	}
	if (i == -2 || bad)
		return EXIT_USAGE;
	if (argc - optind != 1)
		return cli_usage(c, "NAME@VERSION is expected");
	if (s->has_percent == (json_object_size(s->labels) > 0))
		return cli_usage(c, "give either --percent or --label");
	return EXIT_TRUSTED;
}

static void
put_pairs(struct jw *w, const char *key, const json_t *from)
{
	const char *k;
	json_t *v;

	if (json_object_size(from) == 0)
		return;
	jw_key(w, key);
	jw_object(w);
	json_object_foreach((json_t *)(uintptr_t)from, k, v)
	    jw_kstr(w, k, json_string_value(v));
	jw_object_end(w);
}

static int
run_stage(struct cli *c, int argc, char **argv)
{
	JSON_AUTO labels = json_object();
	JSON_AUTO selector = json_object();
	struct stage s = {.labels = labels, .selector = selector};
	struct api api;
	struct buf body = {0};
	struct jw w = jw_over(&body);
	const char *name;
	uint64_t version;

	api_init(&api, c);
	int code = parse_stage(c, &api, &s, argc, argv);
	if (code == EXIT_TRUSTED)
		code = split(c, argv[optind], &name, &version);
	if (code)
		return code;
	jw_object(&w);
	jw_ku64(&w, "version", version);
	if (s.has_percent)
		jw_ku64(&w, "percent", s.percent);
	put_pairs(&w, "labels", labels);
	put_pairs(&w, "selector", selector);
	jw_object_end(&w);
	return post_step(&api, name, "stage", &body);
}

const struct cli_command cmd_policy_stage = {"policy", "stage", "NAME@VERSION",
    "try a version on some of the policy's nodes", stage_options, run_stage};

/* --- retire ----------------------------------------------------------------
 */

static const struct cli_option retire_options[] = {
    API_STEP_OPTIONS,
    {0, "reason", "TEXT", "why; kept in the history"},
    {0, NULL, NULL, NULL},
};

static int
run_retire(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct buf body = {0};
	struct jw w = jw_over(&body);
	const char *arg, *name, *reason = NULL;
	uint64_t version;
	bool bad = false;
	int i;

	api_init(&api, c);
	while (
	    (i = cli_next_option(c, &cmd_policy_retire, argc, argv, &arg)) >= 0)
		if (!api_step_option(&api, i, arg, &bad))
			reason = arg;
	if (i == -2 || bad)
		return EXIT_USAGE;
	if (argc - optind != 1 || !reason)
		return cli_usage(c, "NAME@VERSION and --reason are expected");
	int code = split(c, argv[optind], &name, &version);
	if (code)
		return code;
	jw_object(&w);
	jw_ku64(&w, "version", version);
	jw_kstr(&w, "reason", reason);
	jw_object_end(&w);
	return post_step(&api, name, "retire", &body);
}

const struct cli_command cmd_policy_retire = {"policy", "retire",
    "NAME@VERSION", "withdraw a version for good", retire_options, run_retire};

/* --- history, effective ----------------------------------------------------
 */

static const struct api_column history_columns[] = {
    {"AT", "at"},
    {"STEP", "step"},
    {"VERSION", "version"},
    {"ACTOR", "actor"},
    {"FOUR EYES", "four_eyes"},
    {"SELECTOR", "selector"},
    {"LABELS", "labels"},
    {"PERCENT", "percent"},
    {"REASON", "reason"},
    {NULL, NULL},
};

static int
run_history(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	int code = api_parse(&api, c, &cmd_policy_history, argc, argv, 1);
	JSON_AUTO doc = NULL;

	if (code)
		return code;
	const char *path = arena_printf(&c->arena, "/v1/policies/%s/history",
	    api_escape(&api, argv[optind]));
	if (!rc_ok(api_call(
		&api, "GET", path, NULL, (struct span){NULL, 0}, &doc, &e)))
		return api_fail(&api, &e);
	return api_show(&api, doc, history_columns, EXIT_TRUSTED);
}

const struct cli_command cmd_policy_history = {"policy", "history", "NAME",
    "every step of a policy: who, when, what", api_options, run_history};

/* A line per part: where it comes from. */
static void
print_origins(const json_t *doc)
{
	const json_t *origins = json_object_get(doc, "origins");
	const char *part;
	json_t *o;

	fprintf(stderr, "%s, version %lld, for node %s\n",
	    json_string_value(json_object_get(doc, "name")),
	    (long long)json_integer_value(json_object_get(doc, "version")),
	    json_string_value(json_object_get(doc, "node")));
	json_object_foreach((json_t *)(uintptr_t)origins, part, o)
	{
		const char *name =
		    json_string_value(json_object_get(o, "name"));
		bool replaced = json_is_true(json_object_get(o, "replaced"));
		if (!name)
			fprintf(stderr, "%-20s its own\n", part);
		else
			fprintf(stderr, "%-20s %s%s@%lld\n", part,
			    replaced ? "its own, instead of " : "", name,
			    (long long)json_integer_value(
				json_object_get(o, "version")));
	}
}

static int
run_effective(struct cli *c, int argc, char **argv)
{
	struct api api;
	struct err e;
	struct buf out = {0};
	int code = api_parse(&api, c, &cmd_policy_effective, argc, argv, 1);
	JSON_AUTO doc = NULL;

	if (code)
		return code;
	const char *name = argv[optind];
	if (strncmp(name, "node/", 5) == 0)
		name += 5;
	const char *path = arena_printf(
	    &c->arena, "/v1/nodes/%s/policy", api_escape(&api, name));
	if (!rc_ok(api_call(
		&api, "GET", path, NULL, (struct span){NULL, 0}, &doc, &e)))
		return api_fail(&api, &e);
	if (api.output == OUT_JSON)
		return api_show(&api, doc, columns, EXIT_TRUSTED);
	char *text = json_dumps(json_object_get(doc, "document"), JSON_COMPACT);
	rc r = text ? policy_pretty(span_str(text), &out, &e)
		    : err_at(&e, ERR_MEMORY, NULL, "%s", name);
	free(text);
	if (rc_ok(r)) {
		print_origins(doc);
		code = cli_write(c, &out, EXIT_TRUSTED);
	}
	buf_free(&out);
	return rc_ok(r) ? code : cli_fail(c, &e);
}

const struct cli_command cmd_policy_effective = {"policy", "effective",
    "node/NAME", "the policy that judges a node, with the origin of its parts",
    api_options, run_effective};

/* --- sign ------------------------------------------------------------------
 */

enum { SIGN_KEY, SIGN_NAME };

static const struct cli_option sign_options[] = {
    {0, "key", "FILE", "private key in PEM: P-256, Ed25519 or RSA"},
    {'n', "name", "NAME", "the policy's name; default: the document's own"},
    {0, NULL, NULL, NULL},
};

static rc
sign(struct cli *c, const char *file, const char *key_file, const char *name,
    struct buf *out, struct err *e)
{
	struct clock clock = clock_system();
	struct jws_claims claims = {.signed_at = clock_now(&clock)};
	struct sign_key *key = NULL;
	struct policy *p = NULL;
	struct span pem, json;

	TRY(cli_read(c, key_file, 64 * 1024, &pem, e));
	TRY(cli_read(c, file, LIMIT_POLICY, &json, e));
	TRY(policy_decode(json, &p, e));
	claims.policy = span_str(name ? name : policy_name(p));
	rc r = name_valid(claims.policy)
		   ? jws_key_private(pem, &key, e)
		   : err_at(e, ERR_NAME_FORMAT, NULL, "%s", "name");
	if (rc_ok(r))
		r = jws_sign(key, &claims, policy_canonical(p), out, e);
	sign_key_free(key);
	policy_unref(p);
	return r;
}

static int
run_sign(struct cli *c, int argc, char **argv)
{
	const char *arg, *key = NULL, *name = NULL;
	struct buf out = {0};
	struct err e;
	int i;

	while (
	    (i = cli_next_option(c, &cmd_policy_sign, argc, argv, &arg)) >= 0)
		if (i == SIGN_KEY)
			key = arg;
		else
			name = arg;
	if (i == -2)
		return EXIT_USAGE;
	if (argc - optind != 1 || !key)
		return cli_usage(c, "one policy file and --key are expected");
	rc r = sign(c, argv[optind], key, name, &out, &e);
	int code =
	    rc_ok(r) ? cli_write(c, &out, EXIT_TRUSTED) : cli_fail(c, &e);
	buf_free(&out);
	return code;
}

const struct cli_command cmd_policy_sign = {"policy", "sign", "FILE",
    "sign a policy as its author; the signature goes to standard output",
    sign_options, run_sign};

/* --- compose ---------------------------------------------------------------
 */

static const struct cli_option compose_options[] = {
    BASE_OPTION,
    {0, NULL, NULL, NULL},
};

static int
run_compose(struct cli *c, int argc, char **argv)
{
	struct bases bases = {0};
	struct buf out = {0};
	struct span json;
	struct err e;
	const char *arg;
	int i;

	while ((i = cli_next_option(
		    c, &cmd_policy_compose, argc, argv, &arg)) >= 0)
		if (!bases_add(&bases, arg))
			return cli_usage(c, "too many bases");
	if (i == -2)
		return EXIT_USAGE;
	if (argc - optind != 1)
		return cli_usage(c, "one policy file is expected");
	rc r = derived_read(c, argv[optind], &bases, &json, &e);
	if (rc_ok(r))
		r = policy_pretty(json, &out, &e);
	int code =
	    rc_ok(r) ? cli_write(c, &out, EXIT_TRUSTED) : cli_fail(c, &e);
	buf_free(&out);
	return code;
}

const struct cli_command cmd_policy_compose = {"policy", "compose", "FILE",
    "make one document of a derived policy and its bases", compose_options,
    run_compose};

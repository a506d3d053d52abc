/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/api.h"

#include "base/clock.h"
#include "client/https.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

void
api_init(struct api *api, struct cli *c)
{
	*api = (struct api){
	    .cli = c,
	    .server = getenv("AKASHI_SERVER"),
	    .ca = getenv("AKASHI_CA"),
	    .token_file = getenv("AKASHI_TOKEN_FILE"),
	    .output = OUT_TABLE,
	};
}

bool
api_option(struct api *api, int index, const char *arg, bool *bad)
{
	switch (index) {
	case 0:
		api->server = arg;
		return true;
	case 1:
		api->ca = arg;
		return true;
	case 2:
		api->token_file = arg;
		return true;
	case 3:
		if (!cli_output_parse(arg, &api->output)) {
			cli_usage(api->cli, "-o takes table or json");
			*bad = true;
		}
		return true;
	default:
		return false;
	}
}

bool
api_step_option(struct api *api, int index, const char *arg, bool *bad)
{
	if (index != API_OPTION_COUNT)
		return api_option(api, index, arg, bad);
	api->if_match = arg;
	return true;
}

const struct cli_option api_options[] = {
    API_OPTIONS,
    {0, NULL, NULL, NULL},
};

const struct cli_option api_step_options[] = {
    API_STEP_OPTIONS,
    {0, NULL, NULL, NULL},
};

int
api_parse(struct api *api, struct cli *c, const struct cli_command *cmd,
    int argc, char **argv, int operands)
{
	const char *arg;
	bool bad = false;
	int i;

	api_init(api, c);
	while ((i = cli_next_option(c, cmd, argc, argv, &arg)) >= 0)
		(void)api_step_option(api, i, arg, &bad);
	if (i == -2 || bad)
		return EXIT_USAGE;
	if (argc - optind != operands)
		return cli_usage(c, "expected: akashi %s %s %s", cmd->noun,
		    cmd->verb, cmd->args);
	return EXIT_TRUSTED;
}

const char *
api_since(struct cli *c, const char *arg)
{
	struct clock clock = clock_system();
	char text[TIME_TEXT];
	int64_t t;

	if (rc_ok(time_parse(span_str(arg), &t)))
		return arg;
	if (!rc_ok(duration_parse(span_str(arg), &t)))
		return NULL;
	time_emit(clock_now(&clock) - t, text);
	return arena_printf(&c->arena, "%s", text);
}

/* The token alone on the first line of its file. */
static rc
read_token(struct api *api, const char **out, struct err *e)
{
	struct span s;

	if (!api->token_file)
		return err_text(e, ERR_AUTH_MISSING, "",
		    "Give --token-file, or set AKASHI_TOKEN_FILE.");
	TRY(cli_read(api->cli, api->token_file, 4096, &s, e));
	while (s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
		s.n--;
	*out =
	    arena_printf(&api->cli->arena, "%.*s", (int)s.n, (const char *)s.p);
	return *out ? RC_OK : err_at(e, ERR_MEMORY, NULL, "%s", "");
}

static rc
decode_reply(const struct https_reply *r, json_t **out, struct err *e)
{
	*out = NULL;
	TRY(https_check(r, e));
	if (r->body.n == 0)
		return RC_OK;
	return json_decode(buf_span(&r->body), HTTPS_REPLY_MAX, out, e);
}

struct api_link {
	struct https *https;
	const char *token;
};

rc
api_link_open(struct api *api, struct api_link **out, struct err *e)
{
	struct https_options o = {.base_url = api->server, .ca_file = api->ca};
	struct api_link *l = arena_alloc(&api->cli->arena, sizeof(*l));

	if (!l)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	if (!api->server)
		return err_text(e, ERR_USAGE, "",
		    "Give --server URL, or set AKASHI_SERVER.");
	TRY(read_token(api, &l->token, e));
	TRY(https_new(&o, &l->https, e));
	*out = l;
	return RC_OK;
}

void
api_link_close(struct api_link *l)
{
	if (l)
		https_free(l->https);
}

rc
api_link_post(struct api_link *l, const char *path, struct span body,
    json_t **out, unsigned *retry_after, struct err *e)
{
	const struct https_request q = {.method = "POST",
	    .path = path,
	    .token = l->token,
	    .content_type = "application/json",
	    .body = body};
	struct https_reply reply = {0};

	TRY(https_send(l->https, &q, &reply, e));
	*retry_after = reply.retry_after;
	rc r = decode_reply(&reply, out, e);
	https_reply_free(&reply);
	return r;
}

static rc
send_one(const struct https_options *o, const struct https_request *q,
    json_t **out, struct err *e)
{
	struct https *h;
	struct https_reply reply = {0};

	TRY(https_new(o, &h, e));
	rc r = https_send(h, q, &reply, e);
	if (rc_ok(r)) {
		r = decode_reply(&reply, out, e);
		https_reply_free(&reply);
	}
	https_free(h);
	return r;
}

rc
api_call(struct api *api, const char *method, const char *path,
    const char *type, struct span body, json_t **out, struct err *e)
{
	struct https_options o = {.base_url = api->server, .ca_file = api->ca};
	struct https_request q = {.method = method,
	    .path = path,
	    .content_type = type,
	    .body = body,
	    .if_match = api->if_match,
	    .signature = api->signature};

	if (!api->server)
		return err_text(e, ERR_USAGE, "",
		    "Give --server URL, or set AKASHI_SERVER.");
	TRY(read_token(api, &q.token, e));
	return send_one(&o, &q, out, e);
}

rc
api_admin(struct api *api, const char *socket, const char *method,
    const char *path, json_t **out, struct err *e)
{
	struct https_options o = {
	    .base_url = "http://localhost", .unix_socket = socket};
	struct https_request q = {.method = method,
	    .path = path,
	    .content_type = "application/json",
	    .body = span_str("{}")};

	(void)api;
	return send_one(&o, &q, out, e);
}

int
api_fail(struct api *api, const struct err *e)
{
	int code = cli_fail(api->cli, e);

	switch ((int)e->code) {
	case ERR_CLIENT_TIMEOUT:
		return EXIT_TIMEOUT;
	case ERR_CLIENT_NETWORK:
	case ERR_CLIENT_TLS:
	case ERR_CLIENT_RESPONSE:
		return EXIT_SERVER;
	case ERR_NODE_UNKNOWN:
	case ERR_VERDICT_UNKNOWN:
	case ERR_POLICY_UNKNOWN:
		return EXIT_INDETERMINATE;
	default:
		break;
	}
	if (code == EXIT_NOT_TRUSTED && err_effect(e->code) != EFF_FAIL &&
	    err_effect(e->code) != EFF_REJECT)
		return EXIT_USAGE; /* the request was at fault, no machine */
	return code;
}

/* --- showing ----------------------------------------------------------------
 */

static const json_t *
at_path(const json_t *item, const char *path)
{
	char key[64];

	for (;;) {
		size_t n = strcspn(path, ".");
		snprintf(key, sizeof(key), "%.*s", (int)n, path);
		item = json_object_get(item, key);
		if (path[n] == '\0')
			return item;
		path += n + 1;
	}
}

/* A value as one cell: objects and arrays as k=v and a,b. */
static void
put_cell(struct buf *b, const json_t *v)
{
	const char *key;
	json_t *inner;
	size_t i;

	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_STRING:
		buf_puts(b, json_string_value(v));
		break;
	case JSON_INTEGER:
		buf_printf(b, "%lld", (long long)json_integer_value(v));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		buf_puts(b, json_is_true(v) ? "yes" : "no");
		break;
	case JSON_OBJECT:
		json_object_foreach((json_t *)(uintptr_t)v, key, inner)
		{
			buf_printf(b, "%s=", key);
			put_cell(b, inner);
			buf_puts(b, " ");
		}
		break;
	case JSON_ARRAY:
		json_array_foreach(v, i, inner)
		{
			if (i)
				buf_puts(b, ",");
			put_cell(b, inner);
		}
		break;
	case JSON_REAL:
	case JSON_NULL:
	default:
		buf_puts(b, "-");
	}
}

/* The text of a cell, printable, in the arena. */
static const char *
cell(struct api *api, const json_t *item, const char *path)
{
	struct buf b = {0};

	put_cell(&b, at_path(item, path));
	const char *text = cli_printable(api->cli, buf_span(&b));
	buf_free(&b);
	return *text ? text : "-";
}

static size_t
columns_n(const struct api_column *cols)
{
	size_t n = 0;

	while (cols[n].header)
		n++;
	return n;
}

/* False when memory is gone. */
static bool
show_rows(struct api *api, const json_t *items, const struct api_column *cols)
{
	size_t *width =
	    arena_array(&api->cli->arena, columns_n(cols), sizeof(*width));
	size_t i, k;
	json_t *item;

	if (!width)
		return false;
	for (k = 0; cols[k].header; k++)
		width[k] = strlen(cols[k].header);
	json_array_foreach(items, i, item) for (k = 0; cols[k].header; k++)
	{
		size_t n = strlen(cell(api, item, cols[k].path));
		width[k] = n > width[k] ? n : width[k];
	}
	for (k = 0; cols[k].header; k++)
		printf("%-*s%s", cols[k + 1].header ? (int)width[k] : 0,
		    cols[k].header, cols[k + 1].header ? "  " : "\n");
	json_array_foreach(items, i, item) for (k = 0; cols[k].header; k++)
	    printf("%-*s%s", cols[k + 1].header ? (int)width[k] : 0,
		cell(api, item, cols[k].path),
		cols[k + 1].header ? "  " : "\n");
	return true;
}

static void
show_one(struct api *api, const json_t *doc, const struct api_column *cols)
{
	for (size_t k = 0; cols[k].header; k++)
		if (at_path(doc, cols[k].path))
			printf("%-14s  %s\n", cols[k].header,
			    cell(api, doc, cols[k].path));
}

int
api_show(struct api *api, const json_t *doc, const struct api_column *columns,
    int code)
{
	const json_t *items = json_object_get(doc, "items");

	if (api->output == OUT_JSON) {
		char *text = json_dumps(doc, JSON_INDENT(2));
		if (!text || puts(text) == EOF)
			code = EXIT_SERVER;
		free(text);
	} else if (items) {
		code = show_rows(api, items, columns) ? code : EXIT_SERVER;
	} else {
		show_one(api, doc, columns);
	}
	if (fflush(stdout) != 0) {
		fprintf(stderr, "akashi %s: cannot write the output\n",
		    api->cli->command);
		return EXIT_SERVER;
	}
	return code;
}

rc
api_list(struct api *api, const char *path, json_t **out, struct err *e)
{
	JSON_AUTO all = NULL;
	const char *from = path;

	for (;;) {
		JSON_AUTO page = NULL;
		TRY(api_call(
		    api, "GET", from, NULL, (struct span){NULL, 0}, &page, e));
		if (all)
			json_array_extend(json_object_get(all, "items"),
			    json_object_get(page, "items"));
		else
			all = json_incref(page);
		const char *next =
		    json_string_value(json_object_get(page, "next"));
		if (!next)
			break;
		from = arena_printf(&api->cli->arena, "%s&cursor=%s", path,
		    api_escape(api, next));
	}
	json_object_del(all, "next");
	*out = json_incref(all);
	return RC_OK;
}

const char *
api_escape(struct api *api, const char *s)
{
	struct buf b = {0};

	https_escape(&b, span_str(s));
	const char *text = arena_printf(&api->cli->arena, "%s", b.p ? b.p : "");
	buf_free(&b);
	return text ? text : "";
}

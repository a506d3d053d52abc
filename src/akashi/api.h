/* SPDX-License-Identifier: Apache-2.0 */
/* What the online commands share: where the server is, one call, one way to
 * show lists. */
#ifndef AKASHI_API_H
#define AKASHI_API_H

#include "akashi/cli.h"

/* Options that every online command takes; put it first in its table.
 * api_option() handles them by their index. */
#define API_OPTIONS                                                            \
	{0, "server", "URL", "the verifier; default $AKASHI_SERVER"},          \
	    {0, "ca", "FILE",                                                  \
		"trust anchor of the server's certificate; default "           \
		"$AKASHI_CA"},                                                 \
	    {0, "token-file", "FILE",                                          \
		"file with the operator token; default $AKASHI_TOKEN_FILE"},   \
	{                                                                      \
		'o', "output", "table|json", "form of the output"              \
	}

enum { API_OPTION_COUNT = 4 };

/* Those of commands that change a policy: api_step_option(). */
#define API_STEP_OPTIONS                                                       \
	API_OPTIONS,                                                           \
	{                                                                      \
		0, "if-match", "TAG",                                          \
		    "only if the policy is still at this revision"             \
	}

enum { API_STEP_OPTION_COUNT = API_OPTION_COUNT + 1 };

struct api {
	struct cli *cli;
	const char *server;
	const char *ca;
	const char *token_file;
	enum cli_output output;
	const char *if_match, *signature; /* of the next calls; or NULL */
};

/* Defaults from the environment. */
void api_init(struct api *api, struct cli *c);

/* Take option `index` if it is one of API_OPTIONS; false if it is the
 * command's own. *bad is set after a usage message. */
bool api_option(struct api *api, int index, const char *arg, bool *bad);

/* The same for API_STEP_OPTIONS. */
bool api_step_option(struct api *api, int index, const char *arg, bool *bad);

/* Tables of commands without options of their own. */
extern const struct cli_option api_options[];
extern const struct cli_option api_step_options[];

/* Parse such a command, which takes `operands` arguments (from argv[optind]):
 * EXIT_TRUSTED, or EXIT_USAGE after a message. */
int api_parse(struct api *api, struct cli *c, const struct cli_command *cmd,
    int argc, char **argv, int operands);

/* One request with the operator token. `body` may be {NULL, 0}. The caller
 * owns *out (json_free), NULL when the answer has no body. An answer that is
 * not 2xx fails with the server's code, text and path.
 * FILE (token), AUTH_…, DATABASE (server not reachable). */
MUST_USE rc api_call(struct api *api, const char *method, const char *path,
    const char *type, struct span body, json_t **out, struct err *e);

/* A connection that is kept, for a thread of its own: opened and closed by the
 * main thread. retry_after: what the server said, 0 for nothing; set even where
 * its answer is a failure. */
struct api_link;
MUST_USE rc api_link_open(
    struct api *api, struct api_link **out, struct err *e);
void api_link_close(struct api_link *l);
MUST_USE rc api_link_post(struct api_link *l, const char *path,
    struct span body, json_t **out, unsigned *retry_after, struct err *e);

/* api_call() over the admin unix socket, without a token. */
MUST_USE rc api_admin(struct api *api, const char *socket, const char *method,
    const char *path, json_t **out, struct err *e);

/* Print a failed call and map it to an exit code: 4 not authorised, 5 server
 * or network, 124 timeout, 1 or 3 by the code's effect, 2 for bad requests. */
int api_fail(struct api *api, const struct err *e);

/* A column of a list: header and dotted path into each item. */
struct api_column {
	const char *header;
	const char *path;
};

/* Print a document: as it is for -o json, else one aligned row per member of
 * items[], or of the document itself. `columns` ends with header == NULL. */
int api_show(struct api *api, const json_t *doc,
    const struct api_column *columns, int code);

/* All pages of a list: follows `next` until it is null. */
MUST_USE rc api_list(
    struct api *api, const char *path, json_t **out, struct err *e);

/* A time as it is, or a duration before now; NULL if it is neither. */
const char *api_since(struct cli *c, const char *arg);

/* Percent-encode one path segment or query value into the arena. */
const char *api_escape(struct api *api, const char *s);

#endif

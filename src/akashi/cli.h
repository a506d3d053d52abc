/* SPDX-License-Identifier: Apache-2.0 */
/* What all commands of `akashi` share. Data goes to stdout, messages to
 * stderr. One file per command, one table of commands in main.c. */
#ifndef AKASHI_CLI_H
#define AKASHI_CLI_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/json.h"

/* Exit codes (product.md, stable). */
enum {
	EXIT_TRUSTED = 0,
	EXIT_NOT_TRUSTED = 1,
	EXIT_USAGE = 2,
	EXIT_INDETERMINATE = 3,
	EXIT_NOT_AUTHORISED = 4,
	EXIT_SERVER = 5,
	EXIT_PROOF = 6,
	EXIT_TIMEOUT = 124,
};

enum cli_output { OUT_TEXT, OUT_TABLE, OUT_JSON };

struct cli {
	struct arena arena; /* freed at exit; holds files and results */
	struct hasher *hasher;
	const char *lang;    /* "en" or "ja": --lang, else LC_MESSAGES */
	const char *command; /* "policy learn", for messages */
};

/* One option of a command: the same table drives getopt_long, --help and the
 * test that the man page knows it. `arg` NULL: a switch. */
struct cli_option {
	char letter;	  /* 'o', or 0 */
	const char *name; /* "output" */
	const char *arg;  /* "table|json" */
	const char *help; /* one line */
};

struct cli_command {
	const char *noun;		  /* "eventlog", "policy" */
	const char *verb;		  /* "learn", or NULL */
	const char *args;		  /* "FILE", "DIR..." */
	const char *help;		  /* one line */
	const struct cli_option *options; /* ends with name == NULL */
	/* argv[0] is the command; returns an exit code. */
	int (*run)(struct cli *c, int argc, char **argv);
};

/* Step through options: the index in cmd->options, -1 at the end, -2 after a
 * usage message. *arg is the option's argument. Operands are argv[optind…]. */
int cli_next_option(struct cli *c, const struct cli_command *cmd, int argc,
    char **argv, const char **arg);

/* Print "akashi COMMAND: message" and how to get help; EXIT_USAGE. */
int cli_usage(struct cli *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Print a failure (sentence, code, path) to stderr and return its exit code:
 * files and options 2, ours 5, anything about evidence 1. */
int cli_fail(struct cli *c, const struct err *e);

/* Map a whole file ("-": standard input) read-only; the bytes live as long as
 * the process. FILE with the path, JSON_LIMIT over max bytes. */
MUST_USE rc cli_read(struct cli *c, const char *path, size_t max,
    struct span *out, struct err *e);

/* "table", "text", "json" to *out; false for anything else. */
bool cli_output_parse(const char *arg, enum cli_output *out);

/* Write a buffer and a newline to stdout; EXIT_SERVER with a message if that
 * fails, else `code`. */
int cli_write(struct cli *c, const struct buf *b, int code);

/* Bytes from evidence as one printable line (control characters and invalid
 * UTF-8 escaped) in the arena. */
const char *cli_printable(struct cli *c, struct span s);

/* The commands, one per row; each file exports its rows. */
extern const struct cli_command cmd_eventlog;
extern const struct cli_command cmd_ima;
extern const struct cli_command cmd_appraise;
extern const struct cli_command cmd_explain;
extern const struct cli_command cmd_policy_learn;
extern const struct cli_command cmd_policy_check;
extern const struct cli_command cmd_policy_fmt;
extern const struct cli_command cmd_policy_diff;
extern const struct cli_command cmd_policy_test;
extern const struct cli_command cmd_policy_import;
extern const struct cli_command cmd_policy_simulate;
extern const struct cli_command cmd_policy_show;
extern const struct cli_command cmd_policy_list;
extern const struct cli_command cmd_policy_get;
extern const struct cli_command cmd_policy_apply;
extern const struct cli_command cmd_policy_activate;
extern const struct cli_command cmd_policy_rollback;
extern const struct cli_command cmd_policy_approve;
extern const struct cli_command cmd_policy_stage;
extern const struct cli_command cmd_policy_retire;
extern const struct cli_command cmd_policy_history;
extern const struct cli_command cmd_policy_effective;
extern const struct cli_command cmd_policy_sign;
extern const struct cli_command cmd_policy_compose;
extern const struct cli_command cmd_refset_make;
extern const struct cli_command cmd_refset_put;
extern const struct cli_command cmd_refset_list;
extern const struct cli_command cmd_refset_show;
extern const struct cli_command cmd_refset_diff;
extern const struct cli_command cmd_node_list;
extern const struct cli_command cmd_node_show;
extern const struct cli_command cmd_node_approve;
extern const struct cli_command cmd_node_retire;
extern const struct cli_command cmd_node_clear;
extern const struct cli_command cmd_node_import;
extern const struct cli_command cmd_verdict_list;
extern const struct cli_command cmd_verdict_show;
extern const struct cli_command cmd_verdict_explain;
extern const struct cli_command cmd_token_create;
extern const struct cli_command cmd_token_list;
extern const struct cli_command cmd_token_revoke;
extern const struct cli_command cmd_admin_init;
extern const struct cli_command cmd_admin_add;
extern const struct cli_command cmd_admin_list;
extern const struct cli_command cmd_admin_revoke;
extern const struct cli_command cmd_db_migrate;

#endif

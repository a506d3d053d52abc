/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/cli.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const struct cli_command *const commands[] = {
    &cmd_eventlog,
    &cmd_ima,
    &cmd_appraise,
    &cmd_explain,
    &cmd_policy_learn,
    &cmd_policy_check,
    &cmd_policy_fmt,
    &cmd_policy_diff,
    &cmd_policy_test,
    &cmd_policy_import,
    &cmd_policy_simulate,
    &cmd_policy_show,
    &cmd_policy_list,
    &cmd_policy_get,
    &cmd_policy_apply,
    &cmd_policy_activate,
    &cmd_policy_rollback,
    &cmd_policy_approve,
    &cmd_policy_stage,
    &cmd_policy_retire,
    &cmd_policy_history,
    &cmd_policy_effective,
    &cmd_policy_sign,
    &cmd_policy_compose,
    &cmd_refset_make,
    &cmd_refset_put,
    &cmd_refset_list,
    &cmd_refset_show,
    &cmd_refset_diff,
    &cmd_node_list,
    &cmd_node_show,
    &cmd_node_approve,
    &cmd_node_retire,
    &cmd_node_clear,
    &cmd_node_import,
    &cmd_verdict_list,
    &cmd_verdict_show,
    &cmd_verdict_explain,
    &cmd_token_create,
    &cmd_token_list,
    &cmd_token_revoke,
    &cmd_admin_init,
    &cmd_admin_add,
    &cmd_admin_list,
    &cmd_admin_revoke,
    &cmd_db_migrate,
    NULL,
};

static const char *
language(void)
{
	static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

	for (size_t i = 0; i < 3; i++) {
		const char *v = getenv(names[i]);
		if (v && *v)
			return strncmp(v, "ja", 2) == 0 ? "ja" : "en";
	}
	return "en";
}

static void
help_all(FILE *to)
{
	fputs("Usage: akashi [--lang en|ja] COMMAND [OPTION]... "
	      "[ARGUMENT]...\n\n",
	    to);
	for (size_t i = 0; commands[i]; i++) {
		char name[40];
		const char *verb = commands[i]->verb;
		snprintf(name, sizeof(name), "%s%s%s", commands[i]->noun,
		    verb ? " " : "", verb ? verb : "");
		fprintf(to, "  %-18s %s\n", name, commands[i]->help);
	}
	fputs(
	    "\nExit codes: 0 trusted, 1 not trusted, 2 usage, 3 indeterminate, "
	    "4 not authorised,\n5 server or network, 6 signature or proof "
	    "invalid, 124 timeout. See akashi(1).\n",
	    to);
}

static int
help_one(const struct cli_command *cmd)
{
	printf("Usage: akashi %s%s%s [OPTION]... %s\n\n%s\n\n", cmd->noun,
	    cmd->verb ? " " : "", cmd->verb ? cmd->verb : "", cmd->args,
	    cmd->help);
	for (const struct cli_option *o = cmd->options; o->name; o++) {
		char name[80];
		snprintf(name, sizeof(name), "%s--%s%s%s", "", o->name,
		    o->arg ? " " : "", o->arg ? o->arg : "");
		if (o->letter)
			printf("  -%c, %-28s %s\n", o->letter, name, o->help);
		else
			printf("      %-28s %s\n", name, o->help);
	}
	return EXIT_TRUSTED;
}

static const struct cli_command *
find(int argc, char **argv)
{
	for (size_t i = 0; commands[i]; i++) {
		if (strcmp(commands[i]->noun, argv[0]) != 0)
			continue;
		if (!commands[i]->verb ||
		    (argc > 1 && strcmp(commands[i]->verb, argv[1]) == 0))
			return commands[i];
	}
	return NULL;
}

static int
run(struct cli *c, int argc, char **argv)
{
	const struct cli_command *cmd = find(argc, argv);
	char name[40];

	if (!cmd) {
		fprintf(stderr, "akashi: there is no command \"%s%s%s\".\n",
		    argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
		help_all(stderr);
		return EXIT_USAGE;
	}
	snprintf(name, sizeof(name), "%s%s%s", cmd->noun, cmd->verb ? " " : "",
	    cmd->verb ? cmd->verb : "");
	c->command = name;
	int skip = cmd->verb ? 1 : 0;
	for (int i = skip + 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0)
			return help_one(cmd);
	opterr = 0;
	optind = 1;
	return cmd->run(c, argc - skip, argv + skip);
}

int
main(int argc, char **argv)
{
	struct cli c = {
	    .lang = language(), .command = "", .hasher = hasher_new()};
	int at = 1;

	if (!c.hasher) {
		fputs("akashi: OpenSSL cannot be initialised.\n", stderr);
		return EXIT_SERVER;
	}
	arena_init(&c.arena, (size_t)1 << 32);
	if (at + 1 < argc && strcmp(argv[at], "--lang") == 0) {
		c.lang = strcmp(argv[at + 1], "ja") == 0 ? "ja" : "en";
		at += 2;
	}
	int code = EXIT_TRUSTED;
	if (at < argc && strcmp(argv[at], "--version") == 0) {
		puts("akashi " PACKAGE_VERSION);
	} else if (at >= argc || strcmp(argv[at], "--help") == 0) {
		help_all(at < argc ? stdout : stderr);
		code = at < argc ? EXIT_TRUSTED : EXIT_USAGE;
	} else {
		code = run(&c, argc - at, argv + at);
	}
	hasher_free(c.hasher);
	arena_free(&c.arena);
	return code;
}

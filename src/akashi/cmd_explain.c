/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/cli.h"
#include "appraise/limits.h"

#include <getopt.h>
#include <stdio.h>

static const char *const effects[] = {
    [EFF_NONE] = "none",
    [EFF_WARN] = "warn",
    [EFF_FAIL] = "fail",
    [EFF_REJECT] = "reject",
    [EFF_UNKNOWN] = "unknown",
};

static const struct cli_option options[] = {
    {0, "lang", "en|ja", "language of the sentence"},
    {0, NULL, NULL, NULL},
};

static int
list_all(const char *lang)
{
	for (int i = 1; i < ERR_COUNT; i++) {
		enum err_code code = (enum err_code)i;
		printf("%-36s %-20s %-8s %s\n", err_name(code),
		    err_class_name(code), effects[err_effect(code)],
		    err_sentence(code, lang));
	}
	const struct limit *l;
	for (size_t i = 0; (l = limit_of(ROT_UNKNOWN, i)); i++)
		printf("%-36s %-20s %-8s %s\n", l->name, "limit", "none",
		    limit_sentence(l, lang));
	return EXIT_TRUSTED;
}

static int
explain(struct cli *c, const char *name, const char *lang)
{
	enum err_code code = err_by_name(name);

	const struct limit *limit = limit_by_name(name);

	if (limit) {
		printf("%s\n\n%s\n", name, limit_sentence(limit, lang));
		return EXIT_TRUSTED;
	}
	if (code == ERR_OK)
		return cli_usage(c, "there is no code \"%s\"", name);
	printf("%s\nclass   %s\neffect  %s\n\n%s\n", name, err_class_name(code),
	    effects[err_effect(code)], err_sentence(code, lang));
	return EXIT_TRUSTED;
}

static int
run(struct cli *c, int argc, char **argv)
{
	const char *lang = c->lang, *arg;
	int o;

	while ((o = cli_next_option(c, &cmd_explain, argc, argv, &arg)) >= 0) {
		lang = arg;
		if (strcmp(lang, "en") != 0 && strcmp(lang, "ja") != 0)
			return cli_usage(c, "--lang takes en or ja");
	}
	if (o == -2)
		return EXIT_USAGE;
	if (argc - optind > 1)
		return cli_usage(c, "at most one CODE is explained");
	return optind == argc ? list_all(lang) : explain(c, argv[optind], lang);
}

const struct cli_command cmd_explain = {"explain", NULL, "[CODE]",
    "say what a reason code means; without CODE, list all", options, run};

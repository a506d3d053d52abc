/* SPDX-License-Identifier: Apache-2.0 */
/* The database schema: the one command that speaks to PostgreSQL itself. */
#include "akashi/cli.h"

#include "record/migrate.h"

#include <stdio.h>

enum { MIGRATE_CONNINFO, MIGRATE_DRY_RUN };

static const struct cli_option migrate_options[] = {
    {0, "conninfo", "STRING", "libpq connection string of the schema's owner"},
    {0, "dry-run", NULL, "only say what would be done"},
    {0, NULL, NULL, NULL},
};

struct told {
	bool dry_run;
	int steps;
};

static void
tell(void *ctx, const struct migrate_step *s)
{
	struct told *t = ctx;

	printf("%-10s %s\n",
	    s->applied	 ? "present"
	    : t->dry_run ? "pending"
			 : "applying",
	    s->name);
	t->steps += !s->applied;
}

static int
run_migrate(struct cli *c, int argc, char **argv)
{
	const char *conninfo = NULL, *arg;
	struct told told = {false, 0};
	struct err e;
	int i;

	while ((i = cli_next_option(c, &cmd_db_migrate, argc, argv, &arg)) >= 0)
		if (i == MIGRATE_CONNINFO)
			conninfo = arg;
		else
			told.dry_run = true;
	if (i == -2)
		return EXIT_USAGE;
	if (!conninfo)
		return cli_usage(c,
		    "--conninfo is required: the owner of the schema is "
		    "not the role that the server uses");
	if (!rc_ok(migrate(conninfo, told.dry_run, tell, &told, &e)))
		return cli_fail(c, &e);
	printf("schema %d: %d step%s %s\n", migrate_version(), told.steps,
	    told.steps == 1 ? "" : "s", told.dry_run ? "to do" : "applied");
	return EXIT_TRUSTED;
}

const struct cli_command cmd_db_migrate = {"db", "migrate", "",
    "bring the database schema up to date", migrate_options, run_migrate};

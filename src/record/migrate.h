/* SPDX-License-Identifier: Apache-2.0 */
/* The schema, embedded in the program and applied in numbered steps. */
#ifndef AKASHI_RECORD_MIGRATE_H
#define AKASHI_RECORD_MIGRATE_H

#include "base/rc.h"

struct migrate_step {
	int version;
	const char *name; /* "001_init" */
	bool applied;	  /* before this run */
};

/* Called for each step in order, before it is applied. */
typedef void migrate_sink(void *ctx, const struct migrate_step *s);

/* The version that this program needs. */
int migrate_version(void);

/* Bring the database up to date as the schema's owner, each step in its own
 * transaction; with `dry_run` only tell. A second run changes nothing. One run
 * at a time: DATABASE where another holds the lock row. SCHEMA where an
 * applied step differs from the embedded one, or the database is newer. */
MUST_USE rc migrate(const char *conninfo, bool dry_run, migrate_sink *sink,
    void *ctx, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* What only PostgreSQL can show: migrations, grants, row-level security, a
 * database that goes away. */
#ifndef AKASHI_TESTS_RECORD_PG_CASES_H
#define AKASHI_TESTS_RECORD_PG_CASES_H

#include <check.h>

/* Migrate the database `akashi`, which the tests' databases are copies of. */
void pg_prepare(void);

TCase *pg_cases(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The cases of store.h, by file. */
#ifndef AKASHI_TESTS_RECORD_CASES_H
#define AKASHI_TESTS_RECORD_CASES_H

#include "unit/record/fixture.h"

TCase *enrol_cases(void);
TCase *node_cases(void);
TCase *commit_cases(void);
TCase *boots_cases(void);
TCase *kin_cases(void);
TCase *policy_cases(void);
TCase *race_cases(void);

/* What only PostgreSQL can show: migrations, grants, row-level security, a
 * database that goes away. pg_prepare() migrates the database `akashi`, which
 * the tests' databases are copies of. */
void pg_prepare(void);
TCase *pg_cases(void);

#endif

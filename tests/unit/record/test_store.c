/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What store.h promises, held by both implementations: by itself this program
 * tests store_mem; tests/e2e/store.sh runs it again on PostgreSQL.
 */
#include "unit/record/cases.h"

int
main(void)
{
	Suite *s = suite_create(cluster() ? "store_pg" : "store_mem");

	if (cluster())
		pg_prepare();
	suite_add_tcase(s, enrol_cases());
	suite_add_tcase(s, node_cases());
	suite_add_tcase(s, commit_cases());
	suite_add_tcase(s, boots_cases());
	suite_add_tcase(s, kin_cases());
	suite_add_tcase(s, policy_cases());
	suite_add_tcase(s, race_cases());
	if (cluster())
		suite_add_tcase(s, pg_cases());
	return tap_run(s);
}

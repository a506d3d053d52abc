/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server attacked over HTTP, one fault at a time: each gives its own code,
 * and the same request without the fault passes. By itself this program has its
 * records in memory; tests/e2e/server.sh runs on PostgreSQL what depends on it.
 */
#include "e2e/server/cases.h"
#include "record/migrate.h"
#include "unit/record/fixture.h"

#include <stdio.h>
#include <stdlib.h>

static void
prepare_cluster(void)
{
	char text[256];
	struct err e = {0};

	if (rc_ok(migrate(conninfo("akashi_owner", "akashi", text), false, NULL,
		NULL, &e)))
		return;
	fprintf(stderr, "migrate: %s\n", e.text);
	exit(99);
}

int
main(void)
{
	Suite *s = suite_create(cluster() ? "server_pg" : "server_mem");

	if (cluster()) {
		prepare_cluster();
		suite_add_tcase(s, boot_cases());
		suite_add_tcase(s, ima_cases());
		suite_add_tcase(s, policy_cases());
		suite_add_tcase(s, together_cases());
		suite_add_tcase(s, fault_cases());
		suite_add_tcase(s, simulate_cases());
		suite_add_tcase(s, life_cases());
		suite_add_tcase(s, refset_cases());
		suite_add_tcase(s, signed_cases());
		suite_add_tcase(s, pair_cases());
		suite_add_tcase(s, database_cases());
		suite_add_tcase(s, start_cases());
		return tap_run(s);
	}
	suite_add_tcase(s, challenge_cases());
	suite_add_tcase(s, quote_cases());
	suite_add_tcase(s, boot_cases());
	suite_add_tcase(s, quota_cases());
	suite_add_tcase(s, ima_cases());
	suite_add_tcase(s, enrol_cases());
	suite_add_tcase(s, certificate_cases());
	suite_add_tcase(s, revocation_cases());
	suite_add_tcase(s, activation_cases());
	suite_add_tcase(s, operator_cases());
	suite_add_tcase(s, policy_cases());
	suite_add_tcase(s, hostile_cases());
	suite_add_tcase(s, together_cases());
	suite_add_tcase(s, fault_cases());
	suite_add_tcase(s, simulate_cases());
	suite_add_tcase(s, life_cases());
	suite_add_tcase(s, refset_cases());
	suite_add_tcase(s, signed_cases());
	suite_add_tcase(s, pair_cases());
	suite_add_tcase(s, budget_cases());
	return tap_run(s);
}

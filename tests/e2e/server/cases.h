/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_TESTS_SERVER_CASES_H
#define AKASHI_TESTS_SERVER_CASES_H

#include "e2e/server/shot.h"

/* A test for each row of a table. */
#define loop_test(tcase, test, table)                                          \
	tcase_add_loop_test(                                                   \
	    tcase, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

/* Each file of cases. A test has a server of its own. */
TCase *challenge_cases(void);
TCase *quote_cases(void);
TCase *boot_cases(void);
TCase *quota_cases(void);
TCase *ima_cases(void);
TCase *enrol_cases(void);
TCase *certificate_cases(void);
TCase *revocation_cases(void);
TCase *activation_cases(void);
TCase *operator_cases(void);
TCase *policy_cases(void);
TCase *hostile_cases(void);
TCase *together_cases(void);
TCase *fault_cases(void);
TCase *refset_cases(void);
TCase *simulate_cases(void);
TCase *life_cases(void);
TCase *signed_cases(void);
TCase *pair_cases(void);
TCase *budget_cases(void);
/* PostgreSQL alone: */
TCase *database_cases(void);
TCase *start_cases(void);

#endif

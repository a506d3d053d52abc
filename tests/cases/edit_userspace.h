/* SPDX-License-Identifier: Apache-2.0 */
/* Userspace logs as systemd writes them, built record by record. */
#ifndef AKASHI_TESTS_CASES_EDIT_USERSPACE_H
#define AKASHI_TESTS_CASES_EDIT_USERSPACE_H

#include "cases/edit.h"

/* "us": words from the second on. */
bool edit_userspace(struct edit *e, char **w);

/* e->banks, continued by the records that the quote is to cover. */
void edit_replay_userspace(struct edit *e);

#endif

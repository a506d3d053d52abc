/* SPDX-License-Identifier: Apache-2.0 */
/* Changes to boot logs and IMA lists, record by record. */
#ifndef AKASHI_TESTS_CASES_EDIT_LOGS_H
#define AKASHI_TESTS_CASES_EDIT_LOGS_H

#include "cases/edit.h"

struct cut {
	size_t at, n;
};

/* s with s[at, at + n) replaced. */
struct span edit_splice(
    struct edit *e, struct span s, struct cut cut, struct span with);

/* "ev" and "ima": words from the second on, data already decoded. */
bool edit_event(struct edit *e, char **w, struct span data);
bool edit_entry(struct edit *e, char **w, struct span data);

/* e->banks: what the logs lead to in the banks of e->quoted, as far as they
 * can be read. */
void edit_replay(struct edit *e);

#endif

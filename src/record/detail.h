/* SPDX-License-Identifier: Apache-2.0 */
/* The detail document of a verdict (record/statement.h), read again. */
#ifndef AKASHI_RECORD_DETAIL_H
#define AKASHI_RECORD_DETAIL_H

#include "appraise/verdict.h"

/* Its reasons, in the arena. Codes that this build does not know are left out.
 * Nothing for a document that is not there (p == NULL). JSON_…, MEMORY. */
MUST_USE rc detail_read(struct span detail, struct arena *a,
    struct reason **out, size_t *n, struct err *e);

#endif

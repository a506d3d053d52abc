/* SPDX-License-Identifier: Apache-2.0 */
/* Files of other makers as members of a policy document. What cannot be
 * translated is listed, never dropped in silence. */
#ifndef AKASHI_APPRAISE_IMPORT_H
#define AKASHI_APPRAISE_IMPORT_H

#include "appraise/learn.h"

struct import {
	json_t *doc; /* a policy document; grows */
	struct arena *a;
	struct hasher *hasher;
	struct learn_note *notes;
	struct learn_note **tail;
};

/* Start from a document, which policy_decode() would take. The caller owns
 * i->doc (json_free). JSON_…, POLICY_…, MEMORY. */
MUST_USE rc import_begin(struct import *i, struct span policy, struct arena *a,
    struct hasher *h, struct err *e);

/* Add a note; dropped when the arena is full. */
void import_note(struct import *i, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The document in the form of policy_pretty(). POLICY_…, MEMORY. */
MUST_USE rc import_end(struct import *i, struct buf *out, struct err *e);

/* An importer takes one file; `source` becomes the "source" of what it adds,
 * and what the same source added before is replaced. IMPORT_FORMAT for a file
 * that is not of its format, JSON_TYPE for a document of another shape; MEMORY,
 * CRYPTO. */
typedef rc importer(
    struct import *i, struct span file, const char *source, struct err *e);

/* An update of dbx, or dbx itself: "secure_boot.dbx" and "secure_boot.svn".
 * The signature of an update is not checked. */
importer import_dbx;

/* An SBAT level: "secure_boot.sbat". */
importer import_sbat;

#endif

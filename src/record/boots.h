/* SPDX-License-Identifier: Apache-2.0 */
/* What both stores do alike with the evidence of a boot. */
#ifndef AKASHI_RECORD_BOOTS_H
#define AKASHI_RECORD_BOOTS_H

#include "record/store.h"

/* How long the IMA list is that this verdict was about, with what had been
 * accepted before its own piece. 0: there was none. */
uint64_t boots_ima_bytes(const struct verdict_row *v);

/* A list while it is put together from its pieces. A list of one piece is
 * borrowed, of several it is copied. */
struct ima_pieces {
	struct span list;
	uint8_t *own; /* room for the whole list; NULL: borrowed */
};

/* Put a piece of a list that will have `total` bytes to its place: what lies
 * behind it is cut off. A piece behind a gap, or over the end, empties the
 * list. False when the arena is full. */
MUST_USE bool ima_pieces_add(struct ima_pieces *p, uint64_t start,
    struct span piece, uint64_t total, struct arena *a);

/* Set out->kept: all that the verdict names is there, else nothing is. */
void boots_settle(const struct verdict_row *v, struct boot_evidence *out);

#endif

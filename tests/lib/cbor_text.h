/* SPDX-License-Identifier: Apache-2.0 */
/* CBOR written as text, near to diagnostic notation (RFC 8949, 8): numbers,
 * "text", h'hex', [array], {key: value}, tag(item), true, false, null, and
 * <<items>> for a byte string that holds them. ~hex~ is one item as it stands,
 * well-formed or not. Everything comes out in the shortest form. */
#ifndef AKASHI_TESTS_CBOR_TEXT_H
#define AKASHI_TESTS_CBOR_TEXT_H

#include "base/json.h"

/* Append; ends the program where the text cannot be read. */
void cbor_text(struct buf *out, const char *text);

/* The same in an arena. */
struct arena;
struct span cbor_of(struct arena *a, const char *text);

/* A head (major type 0 to 7), as it precedes strings, arrays and maps. */
void cbor_head(struct buf *out, unsigned major, uint64_t n);

#endif

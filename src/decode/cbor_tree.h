/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole CBOR document of another maker, as a tree.
 *
 * Definite lengths and shortest heads, no key twice in one map, text that is
 * UTF-8, at most LIMIT_CBOR_DEPTH levels (tags count), nothing left over. Keys
 * are integers or strings, in any order.
 */
#ifndef AKASHI_DECODE_CBOR_TREE_H
#define AKASHI_DECODE_CBOR_TREE_H

#include "base/arena.h"
#include "decode/cbor.h"

struct cbor_value {
	enum cbor_kind kind;
	uint64_t number;   /* as in struct cbor_item */
	struct span bytes; /* borrowed from the document, of strings */
	/* Of an array; of a map key, value, key …; of a tag the one. */
	const struct cbor_value *items;
	size_t n;
};

/* The document in the arena. *budget is how many items may be made in all, and
 * is lowered by them before they are allocated. CEL_CBOR, CEL_TRUNCATED,
 * CEL_TOO_LARGE; MEMORY. No path is set. */
MUST_USE rc cbor_tree(struct span s, size_t *budget, struct arena *a,
    const struct cbor_value **out);

/* The value of a key of a map; NULL where it has none, or v is no map. */
const struct cbor_value *cbor_get(const struct cbor_value *v, uint64_t key);

/* What this tag is of; NULL where v is not of this tag. */
const struct cbor_value *cbor_tagged(const struct cbor_value *v, uint64_t tag);

/* v is of this kind; false for NULL. */
static inline bool
cbor_is(const struct cbor_value *v, enum cbor_kind kind)
{
	return v && v->kind == kind;
}

/* An integer of either sign; false where v is none, or is too large. */
bool cbor_integer(const struct cbor_value *v, int64_t *out);

#endif

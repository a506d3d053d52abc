/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CBOR, item by item; the only door to libcbor.
 *
 * 1. Only the deterministic form is read (RFC 8949, 4.2.1): definite lengths,
 *    shortest heads, map keys ascending and therefore once.
 * 2. Of the types: integers from 0, byte and text strings, arrays, maps, null.
 *    Tags, negative numbers, booleans and floats are refused.
 * 3. Depth and number of items are limited; nothing is allocated.
 *
 * Documents of other makers are read wide: keys in any order, and of all types.
 * Whether a key comes twice is then for the reader of the map: cbor_tree.h.
 */
#ifndef AKASHI_DECODE_CBOR_H
#define AKASHI_DECODE_CBOR_H

#include "base/limits.h"
#include "base/rc.h"
#include "base/rd.h"

enum cbor_kind {
	CBOR_NOTHING, /* what no other row names */
	CBOR_UINT,
	CBOR_BYTES,
	CBOR_TEXT,
	CBOR_ARRAY, /* number: how many items follow */
	CBOR_MAP,   /* number: how many pairs follow */
	CBOR_NULL,
	/* wide */
	CBOR_NEGATIVE, /* -1 - number */
	CBOR_TAG,      /* number: the tag, of the one item that follows */
	CBOR_BOOL,     /* number: 0, 1 */
	CBOR_OTHER,    /* a float or undefined: there, and never looked at */
};

struct cbor_item {
	enum cbor_kind kind;
	uint64_t number;
	struct span bytes; /* borrowed, of strings */
};

struct cbor_level {
	uint64_t left; /* items */
	bool map;
	struct span key; /* the last one, as encoded */
};

struct cbor {
	struct rd in;
	bool wide;
	size_t items;
	size_t depth;
	struct cbor_level level[LIMIT_CBOR_DEPTH];
};

struct cbor cbor_over(struct span s);
struct cbor cbor_wide(struct span s);

/* The next item. CEL_CBOR for another form, CEL_TRUNCATED where the bytes end
 * inside an item, CEL_TOO_LARGE beyond the limits; no path is set. */
MUST_USE rc cbor_next(struct cbor *c, struct cbor_item *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/cbor_tree.h"

#include "base/text.h"

#include <stdlib.h>

struct builder {
	struct cbor in;
	size_t *budget;
	struct arena *a;
};

/* --- keys ----------------------------------------------------------------- */

static int
key_order(const void *a, const void *b)
{
	const struct cbor_value *x = *(const struct cbor_value *const *)a;
	const struct cbor_value *y = *(const struct cbor_value *const *)b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	/* The number of a string is its length. */
	return x->bytes.n ? memcmp(x->bytes.p, y->bytes.p, x->bytes.n) : 0;
}

/* Sorting keeps this from being quadratic. */
static rc
keys_differ(struct builder *b, const struct cbor_value *map)
{
	size_t n = map->n / 2;
	const struct cbor_value **keys =
	    arena_array(b->a, n, sizeof(const struct cbor_value *));

	if (!keys)
		return (rc){ERR_MEMORY};
	for (size_t i = 0; i < n; i++)
		keys[i] = &map->items[2 * i];
	qsort(keys, n, sizeof(const struct cbor_value *), key_order);
	for (size_t i = 1; i < n; i++)
		if (key_order(&keys[i - 1], &keys[i]) == 0)
			return (rc){ERR_CEL_CBOR};
	return RC_OK;
}

/* --- values --------------------------------------------------------------- */

static size_t
items_of(const struct cbor_item *item)
{
	switch (item->kind) {
	case CBOR_ARRAY:
		return (size_t)item->number;
	case CBOR_MAP:
		return 2 * (size_t)item->number;
	case CBOR_TAG:
		return 1;
	case CBOR_NOTHING:
	case CBOR_UINT:
	case CBOR_BYTES:
	case CBOR_TEXT:
	case CBOR_NULL:
	case CBOR_NEGATIVE:
	case CBOR_BOOL:
	case CBOR_OTHER:
		break;
	}
	return 0;
}

/* Recursion ends at LIMIT_CBOR_DEPTH, which cbor_next() keeps. */
static rc
read_value(struct builder *b, struct cbor_value *out)
{
	struct cbor_item item;

	TRY(cbor_next(&b->in, &item));
	if (item.kind == CBOR_TEXT && !utf8_valid(item.bytes))
		return (rc){ERR_CEL_CBOR};
	*out = (struct cbor_value){
	    .kind = item.kind, .number = item.number, .bytes = item.bytes};
	size_t n = items_of(&item);
	if (n > *b->budget)
		return (rc){ERR_CEL_TOO_LARGE};
	*b->budget -= n;
	if (n == 0)
		return RC_OK;
	struct cbor_value *items = arena_array(b->a, n, sizeof(*items));
	if (!items)
		return (rc){ERR_MEMORY};
	for (size_t i = 0; i < n; i++)
		TRY(read_value(b, &items[i]));
	out->items = items;
	out->n = n;
	return item.kind == CBOR_MAP ? keys_differ(b, out) : RC_OK;
}

rc
cbor_tree(struct span s, size_t *budget, struct arena *a,
    const struct cbor_value **out)
{
	struct builder b = {cbor_wide(s), budget, a};
	struct cbor_value *root = arena_alloc(a, sizeof(*root));

	if (!root)
		return (rc){ERR_MEMORY};
	TRY(read_value(&b, root));
	if (!rd_done(&b.in.in))
		return (rc){ERR_CEL_CBOR};
	*out = root;
	return RC_OK;
}

/* --- looking -------------------------------------------------------------- */

const struct cbor_value *
cbor_get(const struct cbor_value *v, uint64_t key)
{
	if (!cbor_is(v, CBOR_MAP))
		return NULL;
	for (size_t i = 0; i < v->n; i += 2)
		if (v->items[i].kind == CBOR_UINT && v->items[i].number == key)
			return &v->items[i + 1];
	return NULL;
}

const struct cbor_value *
cbor_tagged(const struct cbor_value *v, uint64_t tag)
{
	return cbor_is(v, CBOR_TAG) && v->number == tag ? v->items : NULL;
}

bool
cbor_integer(const struct cbor_value *v, int64_t *out)
{
	if (!v || v->number > INT64_MAX ||
	    (v->kind != CBOR_UINT && v->kind != CBOR_NEGATIVE))
		return false;
	int64_t n = (int64_t)v->number;
	*out = v->kind == CBOR_UINT ? n : -1 - n;
	return true;
}

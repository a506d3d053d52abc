/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/cbor.h"

#include <cbor.h>

/* libcbor hands lengths as size_t (0.8) or uint64_t (0.10): one type where
 * addresses have 64 bits. */

static void
set(void *to, enum cbor_kind kind, uint64_t number, struct span bytes)
{
	struct cbor_item *item = to;

	*item = (struct cbor_item){kind, number, bytes};
}

static void
on_uint8(void *to, uint8_t v)
{
	set(to, CBOR_UINT, v, span_of(NULL, 0));
}

static void
on_uint16(void *to, uint16_t v)
{
	set(to, CBOR_UINT, v, span_of(NULL, 0));
}

static void
on_uint32(void *to, uint32_t v)
{
	set(to, CBOR_UINT, v, span_of(NULL, 0));
}

static void
on_uint64(void *to, uint64_t v)
{
	set(to, CBOR_UINT, v, span_of(NULL, 0));
}

static void
on_bytes(void *to, cbor_data p, size_t n)
{
	set(to, CBOR_BYTES, n, span_of(p, n));
}

static void
on_text(void *to, cbor_data p, size_t n)
{
	set(to, CBOR_TEXT, n, span_of(p, n));
}

static void
on_array(void *to, size_t n)
{
	set(to, CBOR_ARRAY, n, span_of(NULL, 0));
}

static void
on_map(void *to, size_t n)
{
	set(to, CBOR_MAP, n, span_of(NULL, 0));
}

static void
on_null(void *to)
{
	set(to, CBOR_NULL, 0, span_of(NULL, 0));
}

/* Bytes of the shortest head that can say n (RFC 8949, 3). */
static size_t
shortest_head(uint64_t n)
{
	static const uint64_t below[] = {24, 0x100, 0x10000, 0x100000000};
	static const size_t size[] = {1, 2, 3, 5, 9};
	size_t i = 0;

	while (i < 4 && n >= below[i])
		i++;
	return size[i];
}

/* One item off the front of *in. Callbacks that are not set here do nothing,
 * so that what they would report stays CBOR_NOTHING. */
static rc
read_item(struct rd *in, struct cbor_item *out, struct span *encoded)
{
	struct cbor_callbacks on = cbor_empty_callbacks;

	on.uint8 = on_uint8;
	on.uint16 = on_uint16;
	on.uint32 = on_uint32;
	on.uint64 = on_uint64;
	on.byte_string = on_bytes;
	on.string = on_text;
	on.array_start = on_array;
	on.map_start = on_map;
	on.null = on_null;
	*out = (struct cbor_item){.kind = CBOR_NOTHING};
	struct cbor_decoder_result r =
	    cbor_stream_decode(in->p, rd_left(in), &on, out);
	if (r.status == CBOR_DECODER_NEDATA)
		return (rc){ERR_CEL_TRUNCATED};
	if (r.status != CBOR_DECODER_FINISHED || out->kind == CBOR_NOTHING)
		return (rc){ERR_CEL_CBOR};
	*encoded = rd_bytes(in, r.read);
	if (!rd_ok(in) || out->bytes.n > r.read ||
	    r.read - out->bytes.n != shortest_head(out->number))
		return (rc){ERR_CEL_CBOR};
	return RC_OK;
}

/* Encoded keys ascend bytewise (RFC 8949, 4.2.1). */
static bool
ascends(struct span before, struct span after)
{
	size_t n = before.n < after.n ? before.n : after.n;
	int order = n ? memcmp(before.p, after.p, n) : 0;

	return order < 0 || (order == 0 && before.n < after.n);
}

/* Count an item against the container it stands in. */
static bool
place(struct cbor *c, const struct cbor_item *item, struct span encoded)
{
	if (!c->depth)
		return true;
	struct cbor_level *level = &c->level[c->depth - 1];
	bool key = level->map && level->left % 2 == 0;

	level->left--;
	if (!key)
		return true;
	if (item->kind != CBOR_UINT && item->kind != CBOR_TEXT &&
	    item->kind != CBOR_BYTES)
		return false;
	if (!ascends(level->key, encoded))
		return false;
	level->key = encoded;
	return true;
}

/* Begin an array or a map. Each item has at least one byte, so a count that
 * the rest cannot hold is known at once. */
static rc
enter(struct cbor *c, const struct cbor_item *item)
{
	bool map = item->kind == CBOR_MAP;
	uint64_t left = rd_left(&c->in);

	if (item->number > (map ? left / 2 : left))
		return (rc){ERR_CEL_TRUNCATED};
	if (c->depth == LIMIT_CBOR_DEPTH)
		return (rc){ERR_CEL_TOO_LARGE};
	c->level[c->depth++] = (struct cbor_level){
	    .left = map ? 2 * item->number : item->number,
	    .map = map,
	};
	return RC_OK;
}

static void
leave_finished(struct cbor *c)
{
	while (c->depth && c->level[c->depth - 1].left == 0)
		c->depth--;
}

struct cbor
cbor_over(struct span s)
{
	return (struct cbor){.in = rd_over(s)};
}

rc
cbor_next(struct cbor *c, struct cbor_item *out)
{
	struct cbor_item item;
	struct span encoded;

	if (c->items++ == LIMIT_CBOR_ITEMS)
		return (rc){ERR_CEL_TOO_LARGE};
	TRY(read_item(&c->in, &item, &encoded));
	if (!place(c, &item, encoded))
		return (rc){ERR_CEL_CBOR};
	if (item.kind == CBOR_ARRAY || item.kind == CBOR_MAP)
		TRY(enter(c, &item));
	leave_finished(c);
	*out = item;
	return RC_OK;
}

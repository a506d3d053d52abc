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

/* A negative number's argument is n of -1 - n. */
static void
on_negint8(void *to, uint8_t n)
{
	set(to, CBOR_NEGATIVE, n, span_of(NULL, 0));
}

static void
on_negint16(void *to, uint16_t n)
{
	set(to, CBOR_NEGATIVE, n, span_of(NULL, 0));
}

static void
on_negint32(void *to, uint32_t n)
{
	set(to, CBOR_NEGATIVE, n, span_of(NULL, 0));
}

static void
on_negint64(void *to, uint64_t n)
{
	set(to, CBOR_NEGATIVE, n, span_of(NULL, 0));
}

static void
on_tag(void *to, uint64_t tag)
{
	set(to, CBOR_TAG, tag, span_of(NULL, 0));
}

static void
on_bool(void *to, bool v)
{
	set(to, CBOR_BOOL, v, span_of(NULL, 0));
}

static void
on_float(void *to, float v)
{
	(void)v;
	set(to, CBOR_OTHER, 0, span_of(NULL, 0));
}

static void
on_double(void *to, double v)
{
	(void)v;
	set(to, CBOR_OTHER, 0, span_of(NULL, 0));
}

static void
on_undefined(void *to)
{
	set(to, CBOR_OTHER, 0, span_of(NULL, 0));
}

static void
take_all(struct cbor_callbacks *on)
{
	on->negint8 = on_negint8;
	on->negint16 = on_negint16;
	on->negint32 = on_negint32;
	on->negint64 = on_negint64;
	on->tag = on_tag;
	on->boolean = on_bool;
	on->float2 = on_float;
	on->float4 = on_float;
	on->float8 = on_double;
	on->undefined = on_undefined;
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

/* libcbor 0.8 refuses tags 6 to 20, which RFC 7049 had not assigned, where they
 * stand in one byte; so these are taken here. */
static bool
read_short_tag(struct rd *in, struct cbor_item *out)
{
	if (rd_left(in) == 0 || *in->p < 0xc0 || *in->p > 0xd7)
		return false;
	set(out, CBOR_TAG, rd_u8(in) & 0x1f, span_of(NULL, 0));
	return true;
}

/* One item off the front of *in. Callbacks that are not set here do nothing,
 * so that what they would report stays CBOR_NOTHING. */
static rc
read_item(struct cbor *c, struct cbor_item *out, struct span *encoded)
{
	struct rd *in = &c->in;
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
	if (c->wide && read_short_tag(in, out))
		return RC_OK;
	if (c->wide)
		take_all(&on);
	*out = (struct cbor_item){.kind = CBOR_NOTHING};
	struct cbor_decoder_result r =
	    cbor_stream_decode(in->p, rd_left(in), &on, out);
	if (r.status == CBOR_DECODER_NEDATA)
		return (rc){ERR_CEL_TRUNCATED};
	if (r.status != CBOR_DECODER_FINISHED || out->kind == CBOR_NOTHING)
		return (rc){ERR_CEL_CBOR};
	*encoded = rd_bytes(in, r.read);
	bool headed = out->kind != CBOR_OTHER;
	if (!rd_ok(in) || out->bytes.n > r.read ||
	    (headed && r.read - out->bytes.n != shortest_head(out->number)))
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

static bool
is_key(const struct cbor *c, enum cbor_kind kind)
{
	return kind == CBOR_UINT || kind == CBOR_TEXT || kind == CBOR_BYTES ||
	       (c->wide && kind == CBOR_NEGATIVE);
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
	if (!is_key(c, item->kind))
		return false;
	if (!c->wide && !ascends(level->key, encoded))
		return false;
	level->key = encoded;
	return true;
}

/* Begin an array, a map or what a tag is of. Each item has at least one byte,
 * so a count that the rest cannot hold is known at once. */
static rc
enter(struct cbor *c, const struct cbor_item *item)
{
	bool map = item->kind == CBOR_MAP;
	uint64_t n = item->kind == CBOR_TAG ? 1 : item->number;
	uint64_t left = rd_left(&c->in);

	if (n > (map ? left / 2 : left))
		return (rc){ERR_CEL_TRUNCATED};
	if (c->depth == LIMIT_CBOR_DEPTH)
		return (rc){ERR_CEL_TOO_LARGE};
	c->level[c->depth++] = (struct cbor_level){
	    .left = map ? 2 * n : n,
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

struct cbor
cbor_wide(struct span s)
{
	return (struct cbor){.in = rd_over(s), .wide = true};
}

rc
cbor_next(struct cbor *c, struct cbor_item *out)
{
	struct cbor_item item;
	struct span encoded = {NULL, 0};

	if (c->items++ == LIMIT_CBOR_ITEMS)
		return (rc){ERR_CEL_TOO_LARGE};
	TRY(read_item(c, &item, &encoded));
	if (!place(c, &item, encoded))
		return (rc){ERR_CEL_CBOR};
	if (item.kind == CBOR_ARRAY || item.kind == CBOR_MAP ||
	    item.kind == CBOR_TAG)
		TRY(enter(c, &item));
	leave_finished(c);
	*out = item;
	return RC_OK;
}

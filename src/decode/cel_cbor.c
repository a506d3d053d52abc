/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CEL-CBOR (CEL 1.1, 5.3): an array of records, or records one after the
 * other. A record is the map {0: recnum, 1: pcr | 2: nv_index, 3: digests,
 * 9: content type, 10: content}.
 */
#include "decode/cbor.h"
#include "decode/cel_walk.h"

enum {
	KEY_RECNUM = 0,
	KEY_PCR,
	KEY_NV,
	KEY_DIGESTS,
	KEY_TYPE = 9,
	KEY_CONTENT
};

static rc
wrong(const struct cel_draft *d, const char *below, struct err *e)
{
	return cel_fault(d, ERR_CEL_FORMAT,
	    "A member is missing or has another type than it must.", below, e);
}

static rc
next(struct cbor *c, const struct cel_draft *d, struct cbor_item *out,
    struct err *e)
{
	rc r = cbor_next(c, out);

	return rc_ok(r) ? r : cel_fault(d, r.code, NULL, "", e);
}

/* The next item, which is of one kind. */
static rc
take(struct cbor *c, enum cbor_kind kind, const struct cel_draft *d,
    const char *below, struct cbor_item *out, struct err *e)
{
	TRY(next(c, d, out, e));
	return out->kind == kind ? RC_OK : wrong(d, below, e);
}

static rc
take_key(struct cbor *c, uint64_t key, const struct cel_draft *d,
    const char *below, struct err *e)
{
	struct cbor_item item;

	TRY(take(c, CBOR_UINT, d, below, &item, e));
	return item.number == key ? RC_OK : wrong(d, below, e);
}

static rc
take_uint(struct cbor *c, const struct cel_draft *d, const char *below,
    uint64_t *out, struct err *e)
{
	struct cbor_item item;

	TRY(take(c, CBOR_UINT, d, below, &item, e));
	*out = item.number;
	return RC_OK;
}

static rc
read_index(struct cbor *c, struct cel_draft *d, struct err *e)
{
	uint64_t key = 0;
	uint64_t where = 0;

	TRY(take_uint(c, d, "", &key, e));
	if (key != KEY_PCR && key != KEY_NV)
		return cel_fault(d, ERR_CEL_INDEX, NULL, "", e);
	bool nv = key == KEY_NV;
	TRY(take_uint(c, d, nv ? ".nv_index" : ".pcr", &where, e));
	return cel_set_index(d, nv, where, e);
}

/* [{0: hashAlg, 1: digest}] */
static rc
read_digests(struct cbor *c, struct cel_draft *d, struct err *e)
{
	static const char at[] = ".digests";
	struct cbor_item list;
	uint64_t key = 0;

	TRY(take_uint(c, d, "", &key, e));
	if (key == KEY_NV)
		return cel_fault(d, ERR_CEL_INDEX, NULL, "", e);
	if (key != KEY_DIGESTS)
		return wrong(d, at, e);
	TRY(take(c, CBOR_ARRAY, d, at, &list, e));
	for (uint64_t i = 0; i < list.number; i++) {
		struct cbor_item item;
		uint64_t id = 0;
		TRY(take(c, CBOR_MAP, d, at, &item, e));
		if (item.number != 2)
			return wrong(d, at, e);
		TRY(take_key(c, 0, d, at, e));
		TRY(take_uint(c, d, at, &id, e));
		TRY(take_key(c, 1, d, at, e));
		TRY(take(c, CBOR_BYTES, d, at, &item, e));
		TRY(cel_add_digest(d,
		    id <= UINT16_MAX ? hash_by_id((uint16_t)id) : NULL,
		    item.bytes, e));
	}
	return RC_OK;
}

static rc
read_part(struct cbor *c, struct cel_draft *d, struct err *e)
{
	static const enum cbor_kind kinds[] = {
	    [CEL_NUMBER] = CBOR_UINT,
	    [CEL_BYTES] = CBOR_BYTES,
	    [CEL_TEXT] = CBOR_TEXT,
	};
	static const char at[] = ".content";
	struct cbor_item item;
	uint64_t id = 0;

	TRY(take_uint(c, d, at, &id, e));
	const struct cel_part *part = cel_part_by_id(d->rec.type, id);
	if (!part)
		return cel_fault(d, ERR_CEL_CONTENT, NULL, at, e);
	TRY(take(c, kinds[part->kind], d, at, &item, e));
	struct cel_field f = {part->name, part->kind, 0, item.bytes};
	if (part->kind == CEL_NUMBER)
		f.number = item.number;
	return cel_add_field(d, f, e);
}

static rc
add_number(struct cbor *c, struct cel_draft *d, const char *name, struct err *e)
{
	struct cel_field f = {.name = name, .kind = CEL_NUMBER};

	TRY(take_uint(c, d, ".content", &f.number, e));
	return cel_add_field(d, f, e);
}

/* {0: major, 1: minor} */
static rc
read_version(struct cbor *c, struct cel_draft *d, struct err *e)
{
	static const char at[] = ".content";
	struct cbor_item map;

	TRY(take(c, CBOR_MAP, d, at, &map, e));
	if (map.number != 2)
		return wrong(d, at, e);
	TRY(take_key(c, 0, d, at, e));
	TRY(add_number(c, d, "major", e));
	TRY(take_key(c, 1, d, at, e));
	return add_number(c, d, "minor", e);
}

static rc
read_management(struct cbor *c, struct cel_draft *d, struct err *e)
{
	static const char at[] = ".content";
	struct cbor_item item;
	uint64_t event = 0;

	TRY(take_uint(c, d, at, &event, e));
	d->rec.event = event <= CEL_EVENT_STATE_TRANS ? (uint32_t)event : 0;
	switch (event) {
	case CEL_EVENT_VERSION:
		return read_version(c, d, e);
	case CEL_EVENT_FIRMWARE_END:
		return take(c, CBOR_NULL, d, at, &item, e);
	case CEL_EVENT_TIMESTAMP:
		return add_number(c, d, "timestamp", e);
	case CEL_EVENT_STATE_TRANS:
		return add_number(c, d, "state", e);
	default:
		return cel_fault(d, ERR_CEL_CONTENT, NULL, at, e);
	}
}

static rc
read_content(struct cbor *c, struct cel_draft *d, struct err *e)
{
	static const char at[] = ".content";
	struct cbor_item map;
	uint64_t type = 0;

	TRY(take_key(c, KEY_TYPE, d, ".content_type", e));
	TRY(take_uint(c, d, ".content_type", &type, e));
	TRY(cel_type_check(d, type, e));
	d->rec.type = (uint8_t)type;
	TRY(take_key(c, KEY_CONTENT, d, at, e));
	TRY(take(c, CBOR_MAP, d, at, &map, e));
	if (type == CEL_TYPE_CEL && map.number == 1)
		return read_management(c, d, e);
	/* Google's exists in TLV alone. */
	if (type == CEL_TYPE_CEL || type == CEL_TYPE_COS)
		return cel_fault(d, ERR_CEL_CONTENT, NULL, at, e);
	for (uint64_t i = 0; i < map.number; i++)
		TRY(read_part(c, d, e));
	TRY(cel_parts_complete(d, e));
	return cel_set_event(d, e);
}

static rc
read_record(struct cel_walk *w, struct cbor *c, struct err *e)
{
	struct cel_draft d;
	struct cbor_item map;

	cel_draft_init(&d, w, rd_at(&c->in, w->log->raw));
	TRY(take(c, CBOR_MAP, &d, "", &map, e));
	TRY(take_key(c, KEY_RECNUM, &d, ".recnum", e));
	TRY(take_uint(c, &d, ".recnum", &d.rec.recnum, e));
	TRY(read_index(c, &d, e));
	TRY(read_digests(c, &d, e));
	if (map.number != 5)
		return cel_fault(
		    &d, ERR_CEL_FORMAT, "A record has five members.", "", e);
	TRY(read_content(c, &d, e));
	return cel_take(w, &d, e);
}

static rc
read_array(struct cel_walk *w, struct cbor *c, struct err *e)
{
	struct cel_draft d;
	struct cbor_item list;

	cel_draft_init(&d, w, 0);
	TRY(take(c, CBOR_ARRAY, &d, "", &list, e));
	for (uint64_t i = 0; i < list.number; i++)
		TRY(read_record(w, c, e));
	cel_draft_init(&d, w, rd_at(&c->in, w->log->raw));
	if (!rd_done(&c->in))
		return cel_fault(&d, ERR_CEL_TRAILING, NULL, "", e);
	return RC_OK;
}

rc
cel_cbor_decode(struct cel_walk *w, struct err *e)
{
	struct cbor c = cbor_over(w->log->raw);

	if (c.in.p != c.in.end && *c.in.p >> 5 == 4)
		return read_array(w, &c, e);
	while (!rd_done(&c.in))
		TRY(read_record(w, &c, e));
	return RC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CEL-TLV (CEL 1.1, 5.1): T u8, L u32, V, big-endian; a record is recnum,
 * index, digests, content, in this order. Nested lengths sum exactly.
 */
#include "base/rd.h"
#include "decode/cel_walk.h"

enum { TAG_RECNUM, TAG_PCR, TAG_NV_INDEX, TAG_DIGESTS };

struct tlv {
	uint8_t tag;
	struct span value;
};

static rc
truncated(const struct cel_draft *d, struct err *e)
{
	return cel_fault(d, ERR_CEL_TRUNCATED, NULL, "", e);
}

/* An element of the log itself: one that goes beyond it is cut off. */
static rc
read_outer(
    struct rd *in, const struct cel_draft *d, struct tlv *out, struct err *e)
{
	uint8_t tag = rd_u8(in);
	struct span value = rd_bytes(in, rd_u32be(in));

	if (!rd_ok(in))
		return truncated(d, e);
	*out = (struct tlv){tag, value};
	return RC_OK;
}

/* An element within another: one that goes beyond it is wrong. */
static rc
read_inner(struct rd *in, const struct cel_draft *d, const char *below,
    struct tlv *out, struct err *e)
{
	uint8_t tag = rd_u8(in);
	struct span value = rd_bytes(in, rd_u32be(in));

	if (!rd_ok(in))
		return cel_fault(d, ERR_CEL_FORMAT,
		    "An element is longer than the one around it.", below, e);
	*out = (struct tlv){tag, value};
	return RC_OK;
}

/* 1 to 8 bytes; leading zeros are written by Google and accepted. */
static rc
integer(struct span v, const struct cel_draft *d, const char *below,
    uint64_t *out, struct err *e)
{
	uint64_t n = 0;

	if (v.n == 0 || v.n > 8)
		return cel_fault(d, ERR_CEL_FORMAT,
		    "An integer has 1 to 8 bytes.", below, e);
	for (size_t i = 0; i < v.n; i++)
		n = n << 8 | v.p[i];
	*out = n;
	return RC_OK;
}

static rc
read_index(struct rd *in, struct cel_draft *d, struct err *e)
{
	struct tlv t;
	uint64_t where = 0;

	TRY(read_outer(in, d, &t, e));
	if (t.tag != TAG_PCR && t.tag != TAG_NV_INDEX)
		return cel_fault(d, ERR_CEL_INDEX, NULL, "", e);
	bool nv = t.tag == TAG_NV_INDEX;
	TRY(integer(t.value, d, nv ? ".nv_index" : ".pcr", &where, e));
	return cel_set_index(d, nv, where, e);
}

static rc
read_digests(struct rd *in, struct cel_draft *d, struct err *e)
{
	struct tlv t;

	TRY(read_outer(in, d, &t, e));
	/* The other index in place of the digests. */
	if (t.tag == TAG_PCR || t.tag == TAG_NV_INDEX)
		return cel_fault(d, ERR_CEL_INDEX, NULL, "", e);
	if (t.tag != TAG_DIGESTS)
		return cel_fault(d, ERR_CEL_FORMAT,
		    "The index is followed by the digests.", "", e);
	struct rd list = rd_over(t.value);
	while (!rd_done(&list)) {
		struct tlv digest;
		TRY(read_inner(&list, d, ".digests", &digest, e));
		TRY(cel_add_digest(d, hash_by_id(digest.tag), digest.value, e));
	}
	return RC_OK;
}

static rc
add_part(struct cel_draft *d, const struct cel_part *part, struct span value,
    struct err *e)
{
	struct cel_field f = {part->name, part->kind, 0, value};

	if (part->kind == CEL_NUMBER) {
		TRY(integer(value, d, ".content", &f.number, e));
		f.bytes = span_of(NULL, 0);
	}
	return cel_add_field(d, f, e);
}

/* Elements that ascend in their numbers. */
static rc
read_parts(struct span content, struct cel_draft *d, struct err *e)
{
	struct rd in = rd_over(content);
	int last = -1;

	while (!rd_done(&in)) {
		struct tlv t;
		TRY(read_inner(&in, d, ".content", &t, e));
		const struct cel_part *part =
		    cel_part_by_id(d->rec.type, t.tag);
		if (!part || t.tag <= last)
			return cel_fault(
			    d, ERR_CEL_CONTENT, NULL, ".content", e);
		TRY(add_part(d, part, t.value, e));
		last = t.tag;
	}
	TRY(cel_parts_complete(d, e));
	return cel_set_event(d, e);
}

/* The one element that a content of this type holds. */
static rc
read_only(
    struct span content, struct cel_draft *d, struct tlv *out, struct err *e)
{
	struct rd in = rd_over(content);

	TRY(read_inner(&in, d, ".content", out, e));
	if (!rd_done(&in))
		return cel_fault(d, ERR_CEL_CONTENT,
		    "The content holds one element.", ".content", e);
	d->rec.event = out->tag;
	return RC_OK;
}

/* major and minor */
static rc
read_version(struct span value, struct cel_draft *d, struct err *e)
{
	static const char *const names[] = {"major", "minor"};
	struct rd in = rd_over(value);

	for (uint8_t i = 0; i < 2; i++) {
		struct cel_field f = {.name = names[i], .kind = CEL_NUMBER};
		struct tlv t;
		TRY(read_inner(&in, d, ".content", &t, e));
		if (t.tag != i)
			return cel_fault(
			    d, ERR_CEL_CONTENT, NULL, ".content", e);
		TRY(integer(t.value, d, ".content", &f.number, e));
		TRY(cel_add_field(d, f, e));
	}
	return rd_done(&in)
		   ? RC_OK
		   : cel_fault(d, ERR_CEL_CONTENT, NULL, ".content", e);
}

static rc
read_management(struct span content, struct cel_draft *d, struct err *e)
{
	struct cel_field f = {.name = "timestamp", .kind = CEL_NUMBER};
	struct tlv t;

	TRY(read_only(content, d, &t, e));
	if (t.tag == CEL_EVENT_VERSION)
		return read_version(t.value, d, e);
	if (t.tag == CEL_EVENT_FIRMWARE_END && t.value.n == 0)
		return RC_OK;
	if (t.tag != CEL_EVENT_TIMESTAMP && t.tag != CEL_EVENT_STATE_TRANS)
		return cel_fault(d, ERR_CEL_CONTENT, NULL, ".content", e);
	TRY(integer(t.value, d, ".content", &f.number, e));
	if (t.tag == CEL_EVENT_STATE_TRANS)
		f.name = "state";
	return cel_add_field(d, f, e);
}

static rc
read_cos(struct span content, struct cel_draft *d, struct err *e)
{
	struct cel_field f = {.name = "value", .kind = CEL_TEXT};
	struct tlv t;

	TRY(read_only(content, d, &t, e));
	f.bytes = t.value;
	return cel_add_field(d, f, e);
}

static rc
read_content(struct rd *in, struct cel_draft *d, struct err *e)
{
	const uint8_t *from = in->p;
	struct tlv t;

	TRY(read_outer(in, d, &t, e));
	TRY(cel_type_check(d, t.tag, e));
	d->rec.type = t.tag;
	d->rec.content = span_of(from, (size_t)(in->p - from));
	if (t.tag == CEL_TYPE_CEL)
		return read_management(t.value, d, e);
	if (t.tag == CEL_TYPE_COS)
		return read_cos(t.value, d, e);
	return read_parts(t.value, d, e);
}

static rc
read_record(struct cel_walk *w, struct rd *in, struct err *e)
{
	struct cel_draft d;
	struct tlv t;

	cel_draft_init(&d, w, rd_at(in, w->log->raw));
	if (*in->p != TAG_RECNUM)
		return cel_fault(&d, ERR_CEL_TRAILING, NULL, "", e);
	TRY(read_outer(in, &d, &t, e));
	TRY(integer(t.value, &d, ".recnum", &d.rec.recnum, e));
	TRY(read_index(in, &d, e));
	TRY(read_digests(in, &d, e));
	TRY(read_content(in, &d, e));
	return cel_take(w, &d, e);
}

rc
cel_tlv_decode(struct cel_walk *w, struct err *e)
{
	struct rd in = rd_over(w->log->raw);

	while (!rd_done(&in))
		TRY(read_record(w, &in, e));
	return RC_OK;
}

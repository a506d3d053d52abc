/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CEL-JSON (CEL 1.1, 5.2): an array of records. It is taken apart record by
 * record, so that the JSON library never holds more than one.
 */
#include "base/rd.h"
#include "base/text.h"
#include "decode/cel_walk.h"

#include <stdio.h>

/* --- parts that systemd's log has too ------------------------------------- */

/* A path below the record, for the getters. */
struct place {
	char at[64];
};

static struct place
below(const struct cel_draft *d, const char *what)
{
	struct place p;

	snprintf(p.at, sizeof(p.at), "%s%s", d->path, what);
	return p;
}

rc
cel_json_index(const json_t *obj, struct cel_draft *d, struct err *e)
{
	bool nv = json_has(obj, "nv_index");
	uint64_t where = 0;

	if (nv == json_has(obj, "pcr"))
		return cel_fault(d, ERR_CEL_INDEX, NULL, "", e);
	TRY(json_get_u64(
	    obj, d->path, nv ? "nv_index" : "pcr", UINT32_MAX, &where, e));
	return cel_set_index(d, nv, where, e);
}

static rc
read_digest(struct cel_walk *w, const json_t *obj, struct cel_draft *d,
    const char *path, struct err *e)
{
	static const char *const known[] = {"hashAlg", "digest", NULL};
	struct span name, text, bytes;

	TRY(json_only(obj, path, known, e));
	TRY(json_get_str(obj, path, "hashAlg", &name, e));
	TRY(json_get_str(obj, path, "digest", &text, e));
	rc r = hex_decode_any(text, w->arena, &bytes);
	if (!rc_ok(r))
		return err_at(e, r.code, NULL, "%s.digest", path);
	return cel_add_digest(d, hash_by_name(name), bytes, e);
}

rc
cel_json_digests(
    struct cel_walk *w, const json_t *obj, struct cel_draft *d, struct err *e)
{
	const json_t *list = NULL;

	TRY(json_get_array(obj, d->path, "digests", &list, e));
	for (size_t i = 0; i < json_array_size(list); i++) {
		char path[sizeof(d->path) + 32];
		snprintf(path, sizeof(path), "%s.digests[%zu]", d->path, i);
		TRY(read_digest(w, json_array_get(list, i), d, path, e));
	}
	return RC_OK;
}

/* --- content -------------------------------------------------------------- */

/* EV_… by name or number. */
static rc
read_number(const json_t *content, const char *name, const struct cel_draft *d,
    uint64_t *out, struct err *e)
{
	struct place at = below(d, ".content");
	struct span text;

	if (!json_is_string(json_object_get(content, name)))
		return json_get_u64(content, at.at, name, UINT32_MAX, out, e);
	TRY(json_get_str(content, at.at, name, &text, e));
	*out = evlog_type_by_name(text);
	if (*out == UINT32_MAX)
		return cel_fault(d, ERR_CEL_CONTENT,
		    "The event type has an unknown name.",
		    ".content.event_type", e);
	return RC_OK;
}

static rc
read_part(struct cel_walk *w, const json_t *content,
    const struct cel_part *part, struct cel_draft *d, struct err *e)
{
	struct cel_field f = {.name = part->name, .kind = part->kind};
	struct place at = below(d, ".content");
	struct span text;

	if (!json_has(content, part->name))
		return RC_OK; /* cel_parts_complete() sees it */
	if (part->kind == CEL_NUMBER) {
		TRY(read_number(content, part->name, d, &f.number, e));
		return cel_add_field(d, f, e);
	}
	TRY(json_get_str(content, at.at, part->name, &text, e));
	if (part->kind == CEL_TEXT) {
		TRY(cel_keep(w, text, &f.bytes, e));
		return cel_add_field(d, f, e);
	}
	rc r = hex_decode_any(text, w->arena, &f.bytes);
	if (!rc_ok(r))
		return err_at(e, r.code, NULL, "%s.%s", at.at, part->name);
	return cel_add_field(d, f, e);
}

static rc
read_parts(struct cel_walk *w, const json_t *content, struct cel_draft *d,
    struct err *e)
{
	const char *known[CEL_FIELDS_MAX + 1] = {NULL};
	struct place at = below(d, ".content");
	const struct cel_part *part;
	size_t n = 0;

	for (size_t i = 0; (part = cel_part(i)) != NULL; i++)
		if (part->type == d->rec.type && n < CEL_FIELDS_MAX)
			known[n++] = part->name;
	TRY(json_only(content, at.at, known, e));
	for (size_t i = 0; (part = cel_part(i)) != NULL; i++)
		if (part->type == d->rec.type)
			TRY(read_part(w, content, part, d, e));
	TRY(cel_parts_complete(d, e));
	return cel_set_event(d, e);
}

static rc
add_number(const json_t *obj, const char *key, const char *name,
    struct cel_draft *d, struct err *e)
{
	struct cel_field f = {.name = name, .kind = CEL_NUMBER};

	TRY(json_get_u64(
	    obj, below(d, ".content").at, key, INT64_MAX, &f.number, e));
	return cel_add_field(d, f, e);
}

static rc
read_version(const json_t *content, struct cel_draft *d, struct err *e)
{
	static const char *const known[] = {"major", "minor", NULL};
	struct place at = below(d, ".content.data");
	const json_t *data = NULL;

	TRY(json_get_object(
	    content, below(d, ".content").at, "data", &data, e));
	TRY(json_only(data, at.at, known, e));
	TRY(add_number(data, "major", "major", d, e));
	return add_number(data, "minor", "minor", d, e);
}

/* "suspend" */
static rc
read_state(const json_t *content, struct cel_draft *d, struct err *e)
{
	static const char *const names[] = {"suspend", "hibernate", "kexec"};
	struct cel_field f = {.name = "state", .kind = CEL_NUMBER};
	struct span text;

	TRY(json_get_str(content, below(d, ".content").at, "data", &text, e));
	while (f.number < 3 && !span_eq(text, span_str(names[f.number])))
		f.number++;
	return cel_add_field(d, f, e); /* 3 is refused as no known state */
}

/* {"type": name, "data": …} */
static rc
read_management(const json_t *content, struct cel_draft *d, struct err *e)
{
	static const char *const known[] = {"type", "data", NULL};
	struct place at = below(d, ".content");
	struct span name;

	TRY(json_only(content, at.at, known, e));
	TRY(json_get_str(content, at.at, "type", &name, e));
	d->rec.event = cel_management_by_name(name);
	if (d->rec.event == CEL_EVENT_VERSION)
		return read_version(content, d, e);
	if (d->rec.event == CEL_EVENT_TIMESTAMP)
		return add_number(content, "data", "timestamp", d, e);
	if (d->rec.event == CEL_EVENT_STATE_TRANS)
		return read_state(content, d, e);
	if (d->rec.event != CEL_EVENT_FIRMWARE_END || json_has(content, "data"))
		return cel_fault(d, ERR_CEL_CONTENT, NULL, ".content", e);
	return RC_OK;
}

static rc
read_content(
    struct cel_walk *w, const json_t *obj, struct cel_draft *d, struct err *e)
{
	const json_t *content = NULL;
	struct span name;

	TRY(json_get_str(obj, d->path, "content_type", &name, e));
	d->rec.type = cel_type_by_name(name);
	TRY(json_get_object(obj, d->path, "content", &content, e));
	if (d->rec.type == CEL_TYPE_CEL)
		return read_management(content, d, e);
	/* Google's exists in TLV alone, systemd's in its own log. */
	if (d->rec.type == CEL_TYPE_COS || d->rec.type == CEL_TYPE_SYSTEMD)
		d->rec.type = 0;
	TRY(cel_type_check(d, d->rec.type, e));
	return read_parts(w, content, d, e);
}

/* --- records -------------------------------------------------------------- */

static rc
read_record(struct cel_walk *w, struct span text, size_t offset, struct err *e)
{
	static const char *const known[] = {"recnum", "pcr", "nv_index",
	    "digests", "content_type", "content", NULL};
	JSON_AUTO doc = NULL;
	struct cel_draft d;

	cel_draft_init(&d, w, offset);
	rc r = json_decode(text, LIMIT_JSON, &doc, e);
	if (!rc_ok(r))
		return err_prefix(e, r, d.path);
	TRY(json_only(doc, d.path, known, e));
	TRY(json_get_u64(doc, d.path, "recnum", INT64_MAX, &d.rec.recnum, e));
	TRY(cel_json_index(doc, &d, e));
	TRY(cel_json_digests(w, doc, &d, e));
	TRY(read_content(w, doc, &d, e));
	return cel_take(w, &d, e);
}

/* The bytes from an opening bracket to the one that closes it; the JSON
 * library judges what is between. Empty: it is not closed. */
static struct span
bracketed(struct span s)
{
	bool in_string = false;
	size_t depth = 0;

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];
		if (in_string) {
			i += c == '\\';
			in_string = c != '"';
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if ((c == '}' || c == ']') && --depth == 0) {
			return span_of(s.p, i + 1);
		}
	}
	return span_of(s.p, 0);
}

/* The next byte that is no white space, 0 at the end. */
static uint8_t
peek(struct rd *in)
{
	while (rd_left(in) && memchr(" \t\r\n", *in->p, 4))
		rd_u8(in);
	return rd_left(in) ? *in->p : 0;
}

static rc
at_end(
    const struct cel_walk *w, struct rd *in, enum err_code code, struct err *e)
{
	struct cel_draft d;

	cel_draft_init(&d, w, rd_at(in, w->log->raw));
	return cel_fault(
	    &d, rd_left(in) ? code : ERR_CEL_TRUNCATED, NULL, "", e);
}

rc
cel_json_decode(struct cel_walk *w, struct err *e)
{
	struct rd in = rd_over(w->log->raw);
	bool more = true;

	if (peek(&in) != '[')
		return at_end(w, &in, ERR_CEL_FORMAT, e);
	rd_u8(&in);
	if (peek(&in) == ']')
		more = false;
	while (more) {
		if (peek(&in) != '{')
			return at_end(w, &in, ERR_CEL_FORMAT, e);
		struct span left = span_of(in.p, rd_left(&in));
		struct span text = bracketed(left);
		size_t offset = rd_at(&in, w->log->raw);
		rd_bytes(&in, text.n ? text.n : left.n);
		if (!text.n)
			return at_end(w, &in, ERR_CEL_FORMAT, e);
		TRY(read_record(w, text, offset, e));
		more = peek(&in) == ',';
		if (more)
			rd_u8(&in);
	}
	if (peek(&in) != ']')
		return at_end(w, &in, ERR_CEL_FORMAT, e);
	rd_u8(&in);
	peek(&in);
	return rd_done(&in) ? RC_OK : at_end(w, &in, ERR_CEL_TRAILING, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/userspace.h"

#include "base/rd.h"
#include "decode/cel_walk.h"

#include <stdio.h>

enum { SEPARATOR = 0x1e, BOOT_ID = 32 };

/* What the record before said, for the order of time. */
struct before {
	struct span boot;
	uint64_t time;
};

static rc
wrong(const struct cel_draft *d, const char *text, const char *below,
    struct err *e)
{
	return cel_fault(d, ERR_USERSPACE_RECORD, text, below, e);
}

/* Lower-case letters, digits and dashes: systemd's names of event types. */
static bool
event_type_valid(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') &&
		    !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '-')
			return false;
	return s.n > 0 && s.n <= 64;
}

static bool
boot_id_valid(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'f') &&
		    !(s.p[i] >= '0' && s.p[i] <= '9'))
			return false;
	return s.n == BOOT_ID;
}

/* One text of an object as a field; absent where it may be. */
static rc
add_text(struct cel_walk *w, const json_t *obj, const char *path,
    const char *key, struct cel_draft *d, struct err *e)
{
	struct cel_field f = {.name = key, .kind = CEL_TEXT};
	struct span text;

	TRY(json_get_str(obj, path, key, &text, e));
	TRY(cel_keep(w, text, &f.bytes, e));
	return cel_add_field(d, f, e);
}

static rc
read_content(
    struct cel_walk *w, const json_t *obj, struct cel_draft *d, struct err *e)
{
	static const char *const known[] = {
	    "string", "eventType", "bootId", "timestamp", NULL};
	struct cel_field time = {.name = "timestamp", .kind = CEL_NUMBER};
	const json_t *content = NULL;
	char path[sizeof(d->path) + 16];

	snprintf(path, sizeof(path), "%s.content", d->path);
	TRY(json_get_object(obj, d->path, "content", &content, e));
	TRY(json_only(content, path, known, e));
	TRY(add_text(w, content, path, "eventType", d, e));
	if (!event_type_valid(d->fields[d->rec.fields_n - 1].bytes))
		return wrong(d, NULL, ".content.eventType", e);
	TRY(add_text(w, content, path, "bootId", d, e));
	if (!boot_id_valid(d->fields[d->rec.fields_n - 1].bytes))
		return wrong(d, "A boot id has 32 lower-case hex digits.",
		    ".content.bootId", e);
	TRY(json_get_u64(
	    content, path, "timestamp", INT64_MAX, &time.number, e));
	TRY(cel_add_field(d, time, e));
	if (json_has(content, "string"))
		TRY(add_text(w, content, path, "string", d, e));
	return RC_OK;
}

static rc
read_record(struct cel_walk *w, struct span text, size_t offset,
    struct cel_draft *d, struct err *e)
{
	static const char *const known[] = {"pcr", "nv_index", "nv_index_name",
	    "digests", "content_type", "content", NULL};
	JSON_AUTO doc = NULL;
	struct span type;

	cel_draft_init(d, w, offset);
	rc r = json_decode(text, LIMIT_JSON, &doc, e);
	if (!rc_ok(r))
		return err_prefix(e, r, d->path);
	TRY(json_only(doc, d->path, known, e));
	TRY(cel_json_index(doc, d, e));
	TRY(cel_json_digests(w, doc, d, e));
	TRY(json_get_str(doc, d->path, "content_type", &type, e));
	if (!span_eq(type, span_str("systemd")))
		return wrong(d, NULL, ".content_type", e);
	d->rec.type = CEL_TYPE_SYSTEMD;
	if (json_has(doc, "nv_index_name")) {
		if (!d->rec.nv)
			return wrong(d, NULL, ".nv_index_name", e);
		TRY(add_text(w, doc, d->path, "nv_index_name", d, e));
	}
	TRY(read_content(w, doc, d, e));
	return cel_take(w, d, e);
}

static void
note_order(
    struct cel_log *log, const struct cel_record *rec, struct before *before)
{
	const struct cel_field *boot = cel_field(rec, "bootId");
	const struct cel_field *time = cel_field(rec, "timestamp");
	bool same = span_eq(boot->bytes, before->boot);

	if (before->boot.n && !same)
		log->quirks |= CEL_QUIRK_BOOT_ID;
	if (same && time->number < before->time)
		log->quirks |= CEL_QUIRK_TIME_BACKWARDS;
	*before = (struct before){boot->bytes, time->number};
}

/* One line off *in, without its framing. */
static rc
read_line(
    const struct cel_walk *w, struct rd *in, struct span *out, struct err *e)
{
	struct cel_draft d;
	bool plain = w->log->quirks & CEL_QUIRK_PLAIN_LINES;

	cel_draft_init(&d, w, rd_at(in, w->log->raw));
	if ((*in->p != SEPARATOR) != plain)
		return cel_fault(&d, ERR_USERSPACE_FRAMING, NULL, "", e);
	if (!plain)
		rd_u8(in);
	const uint8_t *end =
	    rd_left(in) ? memchr(in->p, '\n', rd_left(in)) : NULL;
	if (!end)
		return cel_fault(&d, ERR_USERSPACE_TRUNCATED, NULL, "", e);
	struct span line = rd_bytes(in, (size_t)(end - in->p));
	rd_u8(in);
	if (!line.n || line.p[0] != '{')
		return cel_fault(&d, ERR_USERSPACE_FRAMING, NULL, "", e);
	*out = line;
	return RC_OK;
}

rc
userspace_decode(struct cel_walk *w, struct err *e)
{
	struct cel_log *log = w->log;
	struct rd in = rd_over(log->raw);
	struct before before = {{NULL, 0}, 0};
	struct cel_draft d;

	if (rd_left(&in) && *in.p != SEPARATOR)
		log->quirks |= CEL_QUIRK_PLAIN_LINES;
	while (!rd_done(&in)) {
		size_t offset = rd_at(&in, log->raw);
		struct span line;
		TRY(read_line(w, &in, &line, e));
		TRY(read_record(w, line, offset, &d, e));
		note_order(log, &log->records[log->records_n - 1], &before);
	}
	return RC_OK;
}

bool
userspace_is(const struct cel_record *rec, const char *type)
{
	const struct cel_field *f = cel_field(rec, "eventType");

	return rec->type == CEL_TYPE_SYSTEMD && f &&
	       span_eq(f->bytes, span_str(type));
}

bool
userspace_string_measured(const struct cel_record *rec)
{
	return rec->type == CEL_TYPE_SYSTEMD && cel_field(rec, "string") &&
	       !userspace_is(rec, "volume-key");
}

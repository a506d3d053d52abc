/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rd.h"
#include "decode/cel_walk.h"
#include "decode/line.h"
#include "decode/uefi.h"
#include "decode/userspace.h"

#include <stdio.h>

/* --- tables --------------------------------------------------------------- */

static const struct {
	uint8_t type;
	const char *name;
	bool numbered; /* may stand in TLV and CBOR */
} types[] = {
    {CEL_TYPE_CEL, "cel", true},
    {CEL_TYPE_PCCLIENT, "pcclient_std", true},
    {CEL_TYPE_IMA_TEMPLATE, "ima_template", true},
    {CEL_TYPE_IMA_TLV, "ima_tlv", true},
    {CEL_TYPE_SYSTEMD, "systemd", false},
    {CEL_TYPE_COS, "cos", true},
};

enum { TYPES = sizeof(types) / sizeof(types[0]) };

/* CEL 1.1, 5.1.3 to 5.1.5. */
static const struct cel_part parts[] = {
    {CEL_TYPE_PCCLIENT, 0, "event_type", CEL_NUMBER, true},
    {CEL_TYPE_PCCLIENT, 1, "event_data", CEL_BYTES, true},
    {CEL_TYPE_IMA_TEMPLATE, 0, "template_name", CEL_TEXT, true},
    {CEL_TYPE_IMA_TEMPLATE, 1, "template_data", CEL_BYTES, true},
    {CEL_TYPE_IMA_TLV, 0, "path", CEL_TEXT, true},
    {CEL_TYPE_IMA_TLV, 1, "datahash", CEL_BYTES, true},
    {CEL_TYPE_IMA_TLV, 2, "datasig", CEL_BYTES, false},
    {CEL_TYPE_IMA_TLV, 3, "owner", CEL_BYTES, false},
    {CEL_TYPE_IMA_TLV, 4, "group", CEL_BYTES, false},
    {CEL_TYPE_IMA_TLV, 5, "mode", CEL_BYTES, false},
    {CEL_TYPE_IMA_TLV, 6, "timestamp", CEL_BYTES, false},
    {CEL_TYPE_IMA_TLV, 7, "label", CEL_BYTES, false},
};

enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static const struct {
	uint8_t type;
	uint32_t event;
	const char *name;
} events[] = {
    {CEL_TYPE_CEL, CEL_EVENT_VERSION, "cel_version"},
    {CEL_TYPE_CEL, CEL_EVENT_FIRMWARE_END, "firmware_end"},
    {CEL_TYPE_CEL, CEL_EVENT_TIMESTAMP, "cel_timestamp"},
    {CEL_TYPE_CEL, CEL_EVENT_STATE_TRANS, "state_trans"},
    {CEL_TYPE_COS, 0, "ImageRef"},
    {CEL_TYPE_COS, 1, "ImageDigest"},
    {CEL_TYPE_COS, 2, "RestartPolicy"},
    {CEL_TYPE_COS, 3, "ImageID"},
    {CEL_TYPE_COS, 4, "Arg"},
    {CEL_TYPE_COS, 5, "EnvVar"},
    {CEL_TYPE_COS, 6, "OverrideArg"},
    {CEL_TYPE_COS, 7, "OverrideEnv"},
    {CEL_TYPE_COS, CEL_COS_LAUNCH_SEPARATOR, "LaunchSeparator"},
    {CEL_TYPE_COS, 9, "MemoryMonitoring"},
};

enum { EVENTS = sizeof(events) / sizeof(events[0]) };

const struct cel_part *
cel_part(size_t i)
{
	return i < PARTS ? &parts[i] : NULL;
}

const struct cel_part *
cel_part_by_id(uint8_t type, uint64_t id)
{
	for (size_t i = 0; i < PARTS; i++)
		if (parts[i].type == type && parts[i].id == id)
			return &parts[i];
	return NULL;
}

const char *
cel_type_name(uint8_t type)
{
	for (size_t i = 0; i < TYPES; i++)
		if (types[i].type == type)
			return types[i].name;
	return NULL;
}

uint8_t
cel_type_by_name(struct span name)
{
	for (size_t i = 0; i < TYPES; i++)
		if (span_eq(name, span_str(types[i].name)))
			return types[i].type;
	return 0;
}

uint32_t
cel_management_by_name(struct span name)
{
	for (size_t i = 0; i < EVENTS; i++)
		if (events[i].type == CEL_TYPE_CEL &&
		    span_eq(name, span_str(events[i].name)))
			return events[i].event;
	return 0;
}

const char *
cel_event_name(const struct cel_record *rec)
{
	if (rec->type == CEL_TYPE_PCCLIENT)
		return evlog_type_name(rec->event);
	for (size_t i = 0; i < EVENTS; i++)
		if (events[i].type == rec->type &&
		    events[i].event == rec->event)
			return events[i].name;
	return NULL;
}

const char *
cel_format_name(enum cel_format format)
{
	static const char *const names[] = {
	    [CEL_TLV] = "cel-tlv",
	    [CEL_JSON] = "cel-json",
	    [CEL_CBOR] = "cel-cbor",
	    [CEL_SYSTEMD] = "systemd",
	};

	return names[format];
}

const char *
cel_quirk_name(unsigned bit)
{
	switch (bit) {
	case CEL_QUIRK_GLOBAL_RECNUM:
		return "global_recnum";
	case CEL_QUIRK_PLAIN_LINES:
		return "plain_lines";
	case CEL_QUIRK_BOOT_ID:
		return "several_boots";
	case CEL_QUIRK_TIME_BACKWARDS:
		return "time_backwards";
	default:
		return NULL;
	}
}

/* --- facts ---------------------------------------------------------------- */

bool
cel_extended(const struct cel_record *rec)
{
	if (rec->type == CEL_TYPE_CEL)
		return rec->event != CEL_EVENT_VERSION &&
		       rec->event != CEL_EVENT_FIRMWARE_END;
	return rec->type != CEL_TYPE_PCCLIENT || rec->event != EV_NO_ACTION;
}

const struct cel_field *
cel_field(const struct cel_record *rec, const char *name)
{
	for (size_t i = 0; i < rec->fields_n; i++)
		if (strcmp(rec->fields[i].name, name) == 0)
			return &rec->fields[i];
	return NULL;
}

struct evlog_event
cel_as_event(const struct cel_record *rec)
{
	const struct cel_field *data = cel_field(rec, "event_data");

	return (struct evlog_event){
	    .index = rec->index,
	    .pcr = rec->where,
	    .type = rec->event,
	    .offset = rec->offset,
	    .data = data ? data->bytes : span_of(NULL, 0),
	};
}

static void
describe_field(struct line *l, const struct cel_field *f)
{
	line_printf(l, "%s%s=", l->n ? " " : "", f->name);
	if (f->kind == CEL_NUMBER)
		line_printf(l, "%llu", (unsigned long long)f->number);
	else if (f->kind == CEL_TEXT)
		line_utf8(l, f->bytes);
	else
		line_hex(l, f->bytes, 32);
}

const char *
cel_describe(const struct cel_record *rec, struct arena *a)
{
	struct evlog_event ev = cel_as_event(rec);
	const struct cel_field *string = cel_field(rec, "string");
	struct line l;

	if (rec->type == CEL_TYPE_PCCLIENT && !rec->nv)
		return uefi_describe(&ev, a);
	line_init(&l);
	if (string)
		line_utf8(&l, string->bytes);
	for (size_t i = 0; i < rec->fields_n && !string; i++)
		describe_field(&l, &rec->fields[i]);
	return line_done(&l, a);
}

/* --- a record in the making ----------------------------------------------- */

void
cel_draft_init(struct cel_draft *d, const struct cel_walk *w, size_t offset)
{
	d->rec = (struct cel_record){
	    .index = (uint32_t)w->log->records_n,
	    .offset = offset,
	};
	snprintf(d->path, sizeof(d->path), "events[%zu]", w->log->records_n);
}

rc
cel_fault(const struct cel_draft *d, enum err_code code, const char *text,
    const char *below, struct err *e)
{
	return err_at(e, code, text, "%s%s", d->path, below);
}

rc
cel_set_index(struct cel_draft *d, bool nv, uint64_t where, struct err *e)
{
	/* NV indices: the TPM's handles (Part 2, 7.2) or, as CEL 1.1 writes
	 * them, from 0x20000000. */
	bool exists = nv ? where >> 24 == 0x01 || where >> 24 == 0x20
			 : where < LIMIT_PCRS;

	if (!exists)
		return cel_fault(
		    d, ERR_CEL_INDEX, NULL, nv ? ".nv_index" : ".pcr", e);
	d->rec.nv = nv;
	d->rec.where = (uint32_t)where;
	return RC_OK;
}

rc
cel_add_digest(struct cel_draft *d, const struct hash_alg *alg,
    struct span bytes, struct err *e)
{
	size_t n = d->rec.digests_n;
	char below[32];

	snprintf(below, sizeof(below), ".digests[%zu]", n);
	if (!alg || !alg->bank || bytes.n != alg->size)
		return cel_fault(d, ERR_CEL_DIGEST_ALG, NULL, below, e);
	for (size_t i = 0; i < n; i++)
		if (d->digests[i].alg == alg)
			return cel_fault(
			    d, ERR_CEL_DIGEST_DUPLICATE, NULL, below, e);
	if (n == LIMIT_BANKS)
		return cel_fault(d, ERR_CEL_DIGEST_COUNT, NULL, below, e);
	d->digests[d->rec.digests_n++] = (struct cel_digest){alg, bytes.p};
	return RC_OK;
}

rc
cel_add_field(struct cel_draft *d, struct cel_field field, struct err *e)
{
	if (d->rec.fields_n == CEL_FIELDS_MAX)
		return cel_fault(d, ERR_CEL_CONTENT, NULL, ".content", e);
	d->fields[d->rec.fields_n++] = field;
	return RC_OK;
}

rc
cel_type_check(const struct cel_draft *d, uint64_t type, struct err *e)
{
	for (size_t i = 0; i < TYPES; i++)
		if (types[i].type == type && types[i].numbered)
			return RC_OK;
	return cel_fault(d, ERR_CEL_CONTENT_TYPE, NULL, ".content_type", e);
}

static bool
drafted(const struct cel_draft *d, const char *name)
{
	for (size_t i = 0; i < d->rec.fields_n; i++)
		if (strcmp(d->fields[i].name, name) == 0)
			return true;
	return false;
}

rc
cel_parts_complete(const struct cel_draft *d, struct err *e)
{
	for (size_t i = 0; i < PARTS; i++)
		if (parts[i].type == d->rec.type && parts[i].required &&
		    !drafted(d, parts[i].name))
			return cel_fault(d, ERR_CEL_CONTENT,
			    "A part of the content is missing.", ".content", e);
	return RC_OK;
}

rc
cel_set_event(struct cel_draft *d, struct err *e)
{
	if (d->rec.type != CEL_TYPE_PCCLIENT)
		return RC_OK;
	if (d->fields[0].number > UINT32_MAX)
		return cel_fault(
		    d, ERR_CEL_CONTENT, NULL, ".content.event_type", e);
	d->rec.event = (uint32_t)d->fields[0].number;
	return RC_OK;
}

/* --- taking a record ------------------------------------------------------ */

static struct cel_seen *
seen(struct cel_walk *w, const struct cel_record *rec)
{
	size_t i = 0;

	while (i < w->seen_n &&
	       (w->seen[i].nv != rec->nv || w->seen[i].where != rec->where))
		i++;
	if (i == sizeof(w->seen) / sizeof(w->seen[0]))
		return NULL;
	if (i == w->seen_n)
		w->seen[w->seen_n++] =
		    (struct cel_seen){rec->nv, rec->where, 0};
	return &w->seen[i];
}

/* Numbers run from 0 per index (CEL 1.1, 4.1), or over the log as Google
 * writes them. Both are tried until one is ruled out. */
static rc
count(struct cel_walk *w, const struct cel_draft *d, struct err *e)
{
	struct cel_seen *of = seen(w, &d->rec);

	if (!of)
		return cel_fault(d, ERR_CEL_TOO_LARGE, NULL, ".nv_index", e);
	uint64_t local = of->records++;
	if (w->log->format == CEL_SYSTEMD)
		return RC_OK;
	w->not_local |= d->rec.recnum != local;
	w->not_global |= d->rec.recnum != d->rec.index;
	if (w->not_local && w->not_global)
		return cel_fault(d, ERR_CEL_RECNUM, NULL, ".recnum", e);
	return RC_OK;
}

static bool
has_digest(const struct cel_draft *d, const struct hash_alg *alg)
{
	for (size_t i = 0; i < d->rec.digests_n; i++)
		if (d->digests[i].alg == alg)
			return true;
	return false;
}

/* Remember algorithms. One that comes late was lacking in the measured
 * records before. Known algorithms are fewer than LIMIT_BANKS. */
static void
note_algs(struct cel_log *log, const struct cel_draft *d, bool measured_before)
{
	for (size_t i = 0; i < log->algs_n; i++)
		if (!has_digest(d, log->algs[i]))
			log->incomplete |= 1u << i;
	for (size_t i = 0; i < d->rec.digests_n; i++) {
		size_t k = 0;
		while (k < log->algs_n && log->algs[k] != d->digests[i].alg)
			k++;
		if (k < log->algs_n || k == LIMIT_BANKS)
			continue;
		log->algs[log->algs_n++] = d->digests[i].alg;
		if (measured_before)
			log->incomplete |= 1u << k;
	}
}

static rc
make_room(struct cel_walk *w, const struct cel_draft *d, struct err *e)
{
	struct cel_log *log = w->log;

	if (log->records_n == LIMIT_RECORDS)
		return cel_fault(d, ERR_CEL_TOO_LARGE, NULL, "", e);
	if (log->records_n < w->room)
		return RC_OK;
	size_t room = w->room ? 2 * w->room : log->raw.n / 256 + 16;
	struct cel_record *to = arena_array(w->arena, room, sizeof(*to));
	if (!to)
		return cel_fault(d, ERR_MEMORY, NULL, "", e);
	for (size_t i = 0; i < log->records_n; i++)
		to[i] = log->records[i];
	log->records = to;
	w->room = room;
	return RC_OK;
}

/* suspend, hibernate, kexec */
static bool
state_known(const struct cel_draft *d)
{
	return d->rec.type != CEL_TYPE_CEL ||
	       d->rec.event != CEL_EVENT_STATE_TRANS ||
	       d->fields[0].number <= 2;
}

rc
cel_take(struct cel_walk *w, const struct cel_draft *d, struct err *e)
{
	struct cel_log *log = w->log;
	struct cel_record rec = d->rec;
	bool extended = cel_extended(&rec);

	if (extended && !rec.digests_n)
		return cel_fault(d, ERR_CEL_DIGEST_COUNT, NULL, ".digests", e);
	if (!state_known(d))
		return cel_fault(d, ERR_CEL_CONTENT, NULL, ".content", e);
	TRY(make_room(w, d, e));
	TRY(count(w, d, e));
	struct cel_digest *digests =
	    arena_array(w->arena, rec.digests_n, sizeof(*digests));
	struct cel_field *fields =
	    arena_array(w->arena, rec.fields_n, sizeof(*fields));
	if (!digests || !fields)
		return cel_fault(d, ERR_MEMORY, NULL, "", e);
	for (size_t i = 0; i < rec.digests_n; i++)
		digests[i] = d->digests[i];
	for (size_t i = 0; i < rec.fields_n; i++)
		fields[i] = d->fields[i];
	rec.digests = digests;
	rec.fields = fields;
	if (extended)
		note_algs(log, d, log->algs_n != 0);
	log->records[log->records_n++] = rec;
	return RC_OK;
}

rc
cel_keep(struct cel_walk *w, struct span s, struct span *out, struct err *e)
{
	struct span copy = arena_copy(w->arena, s);

	if (s.n && !copy.p)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	*out = copy;
	return RC_OK;
}

/* --- the log -------------------------------------------------------------- */

/* recnum, of 1 to 8 bytes, then pcr or nv_index. A TCG log whose first event
 * is for PCR 0 starts with the same zero, but goes on with a digest where the
 * second element must be. */
static bool
looks_like_tlv(struct span bytes)
{
	struct rd in = rd_over(bytes);
	uint8_t tag = rd_u8(&in);
	uint32_t n = rd_u32be(&in);

	if (!rd_ok(&in) || tag != 0 || n > 8)
		return false;
	rd_bytes(&in, n);
	tag = rd_u8(&in);
	n = rd_u32be(&in);
	return rd_ok(&in) && (tag == 1 || tag == 2) && n <= 8;
}

bool
cel_recognise(struct span bytes, enum cel_format *out)
{
	size_t at = 0;

	while (at < bytes.n && memchr(" \t\r\n", bytes.p[at], 4))
		at++;
	if (at == bytes.n)
		return false;
	uint8_t first = bytes.p[at];
	if (first == '[')
		*out = CEL_JSON;
	else if (first == '{' || first == 0x1e)
		*out = CEL_SYSTEMD;
	else if (at == 0 && (first >> 5 == 4 || first >> 5 == 5))
		*out = CEL_CBOR; /* an array or a map */
	else if (looks_like_tlv(bytes))
		*out = CEL_TLV;
	else
		return false;
	return true;
}

rc
cel_decode(struct span bytes, enum cel_format format, struct arena *a,
    struct cel_log *out, struct err *e)
{
	static rc (*const decode[])(struct cel_walk * w, struct err * e) = {
	    [CEL_TLV] = cel_tlv_decode,
	    [CEL_JSON] = cel_json_decode,
	    [CEL_CBOR] = cel_cbor_decode,
	    [CEL_SYSTEMD] = userspace_decode,
	};

	*out = (struct cel_log){.format = format, .raw = bytes};
	struct cel_walk w = {.log = out, .arena = a};
	if (bytes.n > LIMIT_EVENTLOG)
		return err_at(e, ERR_CEL_TOO_LARGE, NULL, "events");
	TRY(decode[format](&w, e));
	if (w.not_local)
		out->quirks |= CEL_QUIRK_GLOBAL_RECNUM;
	return RC_OK;
}

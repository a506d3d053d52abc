/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/eventlog.h"
#include "decode/explain.h"
#include "replay/cel.h"

#include <stdio.h>

struct shown {
	struct cel_log log;
	struct cel_replay replay;
	const struct eventlog_shown *to;
};

/* --- JSON ----------------------------------------------------------------- */

static void
emit_digests(struct jw *w, const struct cel_record *rec)
{
	jw_key(w, "digests");
	jw_object(w);
	for (size_t i = 0; i < rec->digests_n; i++)
		jw_khex(w, rec->digests[i].alg->name,
		    span_of(rec->digests[i].bytes, rec->digests[i].alg->size));
	jw_object_end(w);
}

static void
emit_content(struct jw *w, const struct cel_record *rec)
{
	jw_key(w, "content");
	jw_object(w);
	for (size_t i = 0; i < rec->fields_n; i++) {
		const struct cel_field *f = &rec->fields[i];
		if (f->kind == CEL_NUMBER)
			jw_ku64(w, f->name, f->number);
		else if (f->kind == CEL_TEXT)
			jw_kspan(w, f->name, f->bytes);
		else
			jw_khex(w, f->name, f->bytes);
	}
	jw_object_end(w);
}

static void
emit_record(struct cli *c, struct jw *w, const struct shown *s,
    const struct cel_record *rec)
{
	jw_object(w);
	jw_ku64(w, "index", rec->index);
	jw_ku64(w, "offset", rec->offset);
	if (s->log.format != CEL_SYSTEMD)
		jw_ku64(w, "recnum", rec->recnum);
	jw_ku64(w, rec->nv ? "nv_index" : "pcr", rec->where);
	jw_kstr(w, "content_type", cel_type_name(rec->type));
	if (rec->type == CEL_TYPE_PCCLIENT || rec->type == CEL_TYPE_CEL ||
	    rec->type == CEL_TYPE_COS) {
		jw_ku64(w, "type", rec->event);
		jw_kstr(w, "type_name", cel_event_name(rec));
	}
	jw_kbool(w, "extended", cel_extended(rec));
	emit_digests(w, rec);
	emit_content(w, rec);
	jw_kstr(w, "text", cel_describe(rec, &c->arena));
	jw_kstr(w, "meaning", cel_explain(rec, c->lang, &c->arena));
	jw_kbool(w, "bound", s->replay.bound[rec->index]);
	jw_object_end(w);
}

/* Names of the log's algorithms, all or those whose bit is set. */
static void
emit_algs(
    struct jw *w, const char *key, const struct cel_log *log, uint32_t mask)
{
	jw_key(w, key);
	jw_array(w);
	for (size_t i = 0; i < log->algs_n; i++)
		if (mask >> i & 1)
			jw_str(w, log->algs[i]->name);
	jw_array_end(w);
}

static void
emit(struct cli *c, struct buf *out, const struct shown *s)
{
	struct jw w = jw_over(out);
	const struct cel_log *log = &s->log;

	w.pretty = true;
	jw_object(&w);
	jw_kstr(&w, "format", cel_format_name(log->format));
	emit_algs(&w, "banks", log, UINT32_MAX);
	jw_key(&w, "events");
	jw_array(&w);
	for (size_t i = 0; i < log->records_n; i++)
		emit_record(c, &w, s, &log->records[i]);
	jw_array_end(&w);
	jw_key(&w, "pcrs");
	jw_object(&w);
	for (size_t i = 0; i < s->replay.banks.n; i++)
		eventlog_emit_bank(&w, &s->replay.banks.bank[i]);
	jw_object_end(&w);
	emit_algs(&w, "incomplete", log, log->incomplete);
	jw_key(&w, "quirks");
	jw_array(&w);
	for (unsigned bit = 1; cel_quirk_name(bit); bit <<= 1)
		if (log->quirks & bit)
			jw_str(&w, cel_quirk_name(bit));
	jw_array_end(&w);
	if (!rc_ok(s->to->result))
		eventlog_emit_fault(c, &w, &s->to->fault);
	jw_object_end(&w);
}

/* --- table ---------------------------------------------------------------- */

static void
print_record(struct cli *c, struct buf *out, const struct shown *s,
    const struct cel_record *rec)
{
	const struct cel_field *f = cel_field(rec, "eventType");
	const char *event = cel_event_name(rec);
	const char *type = cel_type_name(rec->type);
	const char *means = cel_explain(rec, c->lang, &c->arena);
	char mark = s->replay.bound[rec->index] ? '=' : '~';

	if (rec->nv)
		buf_printf(out, "%5u %8x", rec->index, rec->where);
	else
		buf_printf(out, "%5u %8u", rec->index, rec->where);
	if (f)
		event = arena_printf(&c->arena, "%.*s", (int)f->bytes.n,
		    (const char *)f->bytes.p);
	buf_printf(out, "  %-32s %c %s", event ? event : type,
	    cel_extended(rec) ? mark : '-', cel_describe(rec, &c->arena));
	buf_printf(out, *means ? " (%s)\n" : "%s\n", means);
}

static void
print(struct cli *c, struct buf *out, const struct shown *s)
{
	const struct cel_log *log = &s->log;

	buf_printf(out, "%s log, %zu events\n", cel_format_name(log->format),
	    log->records_n);
	buf_puts(out,
	    "= the digest covers the text   ~ the text is only a label\n"
	    "- not extended\n\n"
	    "event   PCR/NV  type                               text\n");
	for (size_t i = 0; i < log->records_n; i++)
		print_record(c, out, s, &log->records[i]);
	/* The banks are those of the log, in its order. */
	for (size_t i = 0; i < s->replay.banks.n; i++)
		eventlog_print_bank(
		    c, out, &s->replay.banks.bank[i], log->incomplete >> i & 1);
	for (unsigned bit = 1; cel_quirk_name(bit); bit <<= 1)
		if (log->quirks & bit)
			buf_printf(out, "\nquirk: %s", cel_quirk_name(bit));
}

/* --- both ----------------------------------------------------------------- */

static bool
ours(rc r)
{
	return !rc_ok(r) && err_class(r.code) == CLS_OURS;
}

rc
eventlog_cel_show(struct cli *c, struct span bytes, enum cel_format format,
    enum cli_output output, struct eventlog_shown *out, struct err *e)
{
	struct shown s = {.to = out};
	struct err replay_fault;

	out->result = cel_decode(bytes, format, &c->arena, &s.log, &out->fault);
	if (ours(out->result)) {
		*e = out->fault;
		return out->result;
	}
	rc replayed = cel_replay(
	    &s.log, NULL, c->hasher, &c->arena, &s.replay, &replay_fault);
	if (ours(replayed)) {
		*e = replay_fault;
		return replayed;
	}
	if (rc_ok(out->result) && !rc_ok(replayed)) {
		out->result = replayed;
		out->fault = replay_fault;
	}
	if (output == OUT_JSON)
		emit(c, &out->text, &s);
	else
		print(c, &out->text, &s);
	return RC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/eventlog.h"
#include "base/text.h"
#include "decode/explain.h"
#include "decode/uefi_emit.h"
#include "replay/quirks.h"

#include <getopt.h>
#include <stdio.h>

/* Data longer than this is given by its size alone. */
enum { DATA_SHOWN = 64 * 1024 };

/* Windows keeps one log per resume until the next cold start. */
enum { LOGS_MAX = 64 };

/* Rows of the table of options. */
enum { OPT_OUTPUT, OPT_PROFILE };

/* What was asked for. */
struct wish {
	enum cli_output output;
	const char *profile; /* "pc", "cc"; NULL: any */
};

/* What is shown of one log: also of one that must be refused, as far as it
 * could be decoded. */
struct shown {
	struct evlog log;
	struct boot_replay replay;
	rc decoded;
	struct err fault; /* set unless decoded is ok */
	size_t logs;	  /* in the file; the last one is shown */
};

/* --- JSON ----------------------------------------------------------------- */

/* A bank's name: "sha256", or "0x0012" of an algorithm without one. */
static const char *
alg_name(struct cli *c, const struct evlog_alg *alg)
{
	const struct hash_alg *row = hash_by_id(alg->id);
	const char *s =
	    row ? row->name : arena_printf(&c->arena, "0x%04x", alg->id);

	return s ? s : "";
}

static void
emit_digests(struct cli *c, struct jw *w, const struct evlog *log,
    const struct evlog_event *ev)
{
	jw_key(w, "digests");
	jw_object(w);
	for (size_t i = 0; i < log->algs_n; i++)
		if (ev->digests[i])
			jw_khex(w, alg_name(c, &log->algs[i]),
			    span_of(ev->digests[i], log->algs[i].size));
	jw_object_end(w);
}

static void
emit_event(struct cli *c, struct jw *w, const struct shown *s, size_t index)
{
	const struct evlog_event *ev = &s->log.events[index];
	const struct boot_event *became = &s->replay.events[index];

	jw_object(w);
	jw_ku64(w, "index", ev->index);
	jw_ku64(w, "offset", ev->offset);
	jw_ku64(w, "pcr", ev->pcr);
	jw_ku64(w, "type", ev->type);
	jw_kstr(w, "type_name", evlog_type_name(ev->type));
	jw_kbool(w, "extended", evlog_extended(ev));
	jw_kstr(w, "layer", uefi_layer(&s->log, ev));
	emit_digests(c, w, &s->log, ev);
	jw_ku64(w, "size", ev->data.n);
	if (ev->data.n <= DATA_SHOWN)
		jw_khex(w, "data", ev->data);
	jw_kstr(w, "text", uefi_describe(ev, &c->arena));
	jw_kstr(w, "meaning",
	    uefi_explain(&s->log, index, became->bound, c->lang, &c->arena));
	jw_key(w, "facts");
	uefi_emit(ev, became->bound, w);
	enum uefi_cover cover = uefi_cover(ev, became->bound);
	jw_kbool(w, "bound", cover == COVER_ALL);
	jw_kstr(w, "covers", uefi_cover_name(cover));
	jw_kbool(w, "split", became->split);
	jw_object_end(w);
}

void
eventlog_emit_bank(struct jw *w, const struct bank *b)
{
	const struct hash_alg *row = hash_by_id(b->alg);

	jw_key(w, row->name);
	jw_object(w);
	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
		char key[4];
		if (!(b->touched >> pcr & 1))
			continue;
		snprintf(key, sizeof(key), "%u", pcr);
		jw_khex(w, key, span_of(b->pcr[pcr], row->size));
	}
	jw_object_end(w);
}

static void
emit_pcrs(struct jw *w, const struct shown *s)
{
	const struct banks *banks = &s->replay.banks;

	jw_key(w, "pcrs");
	jw_object(w);
	for (size_t i = 0; i < banks->n; i++) {
		const struct bank *b = &banks->bank[i];
		int at = evlog_alg_index(&s->log, b->alg);
		if (!b->touched && s->log.incomplete >> at & 1)
			continue; /* no event has a digest for it */
		eventlog_emit_bank(w, b);
	}
	jw_object_end(w);
}

/* Names of the log's algorithms, all or those whose bit is set. */
static void
emit_algs(struct cli *c, struct jw *w, const char *key, const struct evlog *log,
    uint32_t mask)
{
	jw_key(w, key);
	jw_array(w);
	for (size_t i = 0; i < log->algs_n; i++)
		if (mask >> i & 1)
			jw_str(w, alg_name(c, &log->algs[i]));
	jw_array_end(w);
}

static void
emit_quirks(struct jw *w, unsigned quirks)
{
	jw_key(w, "quirks");
	jw_array(w);
	for (unsigned bit = 1; evlog_quirk_name(bit); bit <<= 1)
		if (quirks & bit)
			jw_str(w, evlog_quirk_name(bit));
	jw_array_end(w);
}

/* Algorithms of the log that could not be replayed here. */
static uint32_t
not_computed(const struct shown *s)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < s->log.algs_n; i++)
		if (!banks_get(&s->replay.banks, s->log.algs[i].id))
			mask |= 1u << i;
	return mask;
}

void
eventlog_emit_fault(struct cli *c, struct jw *w, const struct err *e)
{
	jw_key(w, "error");
	jw_object(w);
	jw_kstr(w, "code", err_name(e->code));
	jw_kstr(w, "class", err_class_name(e->code));
	jw_kstr(w, "path", e->path);
	jw_kstr(w, "message", err_sentence(e->code, c->lang));
	jw_object_end(w);
}

static void
emit(struct cli *c, struct buf *out, const struct shown *s)
{
	struct jw w = jw_over(out);
	const struct evlog *log = &s->log;

	w.pretty = true;
	jw_object(&w);
	jw_kstr(&w, "format", log->format == EVLOG_AGILE ? "agile" : "sha1");
	jw_kstr(&w, "profile", evlog_profile_name(log->profile));
	jw_ku64(&w, "logs", s->logs);
	emit_algs(c, &w, "banks", log, UINT32_MAX);
	jw_ku64(&w, "startup_locality", log->startup_locality);
	jw_key(&w, "events");
	jw_array(&w);
	for (size_t i = 0; i < log->events_n; i++)
		emit_event(c, &w, s, i);
	jw_array_end(&w);
	emit_pcrs(&w, s);
	emit_algs(c, &w, "incomplete", log, log->incomplete);
	emit_algs(c, &w, "not_computed", log, not_computed(s));
	emit_quirks(&w, boot_quirks(log, &s->replay));
	if (!rc_ok(s->decoded))
		eventlog_emit_fault(c, &w, &s->fault);
	jw_object_end(&w);
}

/* --- table ---------------------------------------------------------------- */

static const char *
binding(const struct evlog_event *ev, const struct boot_event *became)
{
	if (!evlog_extended(ev))
		return "-";
	static const char *const marks[] = {"~", ":", "="};

	if (became->split)
		return "!";
	return marks[uefi_cover(ev, became->bound)];
}

static void
print_event(struct cli *c, struct buf *out, const struct shown *s, size_t i)
{
	const struct evlog_event *ev = &s->log.events[i];
	const char *name = evlog_type_name(ev->type);

	if (!name)
		name = arena_printf(&c->arena, "0x%08x", ev->type);
	if (ev->pcr == UINT32_MAX)
		buf_printf(out, "%5zu   -  ", i);
	else
		buf_printf(out, "%5zu %3u  ", i, ev->pcr);
	buf_printf(out, "%-32s %s ", name ? name : "",
	    binding(ev, &s->replay.events[i]));
	const char *means = uefi_explain(
	    &s->log, i, s->replay.events[i].bound, c->lang, &c->arena);
	buf_puts(out, *means ? means : uefi_describe(ev, &c->arena));
	buf_puts(out, "\n");
}

void
eventlog_print_bank(
    struct cli *c, struct buf *out, const struct bank *b, bool incomplete)
{
	const struct hash_alg *row = hash_by_id(b->alg);

	buf_printf(out, "\n%s%s\n", row->name,
	    incomplete ? " (incomplete: events lack digests)" : "");
	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
		if (!(b->touched >> pcr & 1))
			continue;
		const char *hex =
		    hex_string(&c->arena, span_of(b->pcr[pcr], row->size));
		buf_printf(out, "  %2u  %s\n", pcr, hex ? hex : "");
	}
}

static bool
bank_incomplete(const struct shown *s, const struct bank *b)
{
	int at = evlog_alg_index(&s->log, b->alg);

	return at >= 0 && (s->log.incomplete >> at & 1);
}

static void
print(struct cli *c, struct buf *out, const struct shown *s)
{
	const struct evlog *log = &s->log;

	bool cc = log->profile == EVLOG_CC;

	buf_printf(out, "%s log%s, %zu events, startup locality %u\n",
	    log->format == EVLOG_AGILE ? "crypto-agile" : "legacy SHA-1",
	    cc ? " of a confidential guest" : "", log->events_n,
	    log->startup_locality);
	if (s->logs > 1)
		buf_printf(out, "the last of %zu logs\n", s->logs);
	buf_printf(out,
	    "= the digest covers the text    : the value alone, not its name\n"
	    "~ the text is only a label      - not extended\n"
	    "! banks disagree\n\n"
	    "event %s  type                               text\n",
	    cc ? "reg" : "PCR");
	for (size_t i = 0; i < log->events_n; i++)
		print_event(c, out, s, i);
	for (size_t i = 0; i < s->replay.banks.n; i++)
		eventlog_print_bank(c, out, &s->replay.banks.bank[i],
		    bank_incomplete(s, &s->replay.banks.bank[i]));
	for (size_t i = 0; i < log->algs_n; i++)
		if (not_computed(s) >> i & 1)
			buf_printf(out, "\n%s: not computed here\n",
			    alg_name(c, &log->algs[i]));
	unsigned quirks = boot_quirks(log, &s->replay);
	for (unsigned bit = 1; evlog_quirk_name(bit); bit <<= 1)
		if (quirks & bit)
			buf_printf(out, "\nquirk: %s", evlog_quirk_name(bit));
}

/* --- command -------------------------------------------------------------- */

static rc
read_log(struct cli *c, const char *path, struct span *out, struct err *e)
{
	rc r = cli_read(c, path, LIMIT_EVENTLOG, out, e);

	if (r.code == ERR_JSON_LIMIT)
		return err_at(e, ERR_LOG_TOO_LARGE, NULL, "%s", path);
	return r;
}

static rc
load(struct cli *c, struct span bytes, struct shown *out, struct err *e)
{
	out->logs = 0;
	do {
		out->decoded = evlog_decode_next(
		    &bytes, &c->arena, &out->log, &out->fault);
	} while (++out->logs < LOGS_MAX && rc_ok(out->decoded) && bytes.n);
	if (rc_ok(out->decoded) && bytes.n)
		out->decoded = err_text(&out->fault, ERR_LOG_TOO_LARGE, "",
		    "More than %d logs follow each other.", LOGS_MAX);
	if (err_class(out->decoded.code) == CLS_OURS && !rc_ok(out->decoded)) {
		*e = out->fault;
		return out->decoded;
	}
	return boot_replay(
	    &out->log, NULL, c->hasher, &c->arena, &out->replay, e);
}

/* Does the log have the profile that was asked for, if any was? */
static void
check_profile(struct shown *s, const char *profile)
{
	if (profile && rc_ok(s->decoded) &&
	    strcmp(evlog_profile_name(s->log.profile), profile) != 0)
		s->decoded = err_at(&s->fault, ERR_LOG_PROFILE, NULL, "%s", "");
}

/* A TCG log, also one that must be refused. */
static rc
show_boot(struct cli *c, struct span bytes, const struct wish *wish,
    struct eventlog_shown *out, struct err *e)
{
	struct shown s;

	TRY(load(c, bytes, &s, e));
	check_profile(&s, wish->profile);
	if (wish->output == OUT_JSON)
		emit(c, &out->text, &s);
	else
		print(c, &out->text, &s);
	out->result = s.decoded;
	out->fault = s.fault;
	return RC_OK;
}

static rc
show(struct cli *c, const char *path, const struct wish *wish,
    struct eventlog_shown *out, struct err *e)
{
	enum cel_format format;
	struct span bytes;

	TRY(read_log(c, path, &bytes, e));
	if (cel_recognise(bytes, &format))
		return eventlog_cel_show(
		    c, bytes, format, wish->output, out, e);
	return show_boot(c, bytes, wish, out, e);
}

static int
run(struct cli *c, int argc, char **argv)
{
	struct wish wish = {.output = OUT_TABLE};
	struct eventlog_shown shown = {.result = RC_OK};
	struct err e;
	const char *arg;

	for (int o;
	     (o = cli_next_option(c, &cmd_eventlog, argc, argv, &arg)) != -1;) {
		if (o < 0)
			return EXIT_USAGE;
		if (o == OPT_PROFILE && strcmp(arg, "pc") != 0 &&
		    strcmp(arg, "cc") != 0)
			return cli_usage(c, "--profile takes pc or cc");
		if (o == OPT_PROFILE)
			wish.profile = arg;
		else if (!cli_output_parse(arg, &wish.output) ||
			 wish.output == OUT_TEXT)
			return cli_usage(c, "-o takes table or json");
	}
	if (argc - optind != 1)
		return cli_usage(c, "one FILE is needed");
	if (!rc_ok(show(c, argv[optind], &wish, &shown, &e)))
		return cli_fail(c, &e);
	int code = cli_write(c, &shown.text, EXIT_TRUSTED);
	buf_free(&shown.text);
	if (!rc_ok(shown.result) && code == EXIT_TRUSTED)
		code = cli_fail(c, &shown.fault);
	return code;
}

static const struct cli_option options[] = {
    {'o', "output", "table|json", "how to print; table unless given"},
    {0, "profile", "pc|cc",
	"refuse a log of another profile: PCRs of a PC, or registers of a "
	"confidential guest"},
    {0, NULL, NULL, NULL},
};

const struct cli_command cmd_eventlog = {"eventlog", NULL, "FILE",
    "Decode and replay a measurement log (\"-\" reads standard input).",
    options, run};

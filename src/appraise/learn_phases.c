/* SPDX-License-Identifier: Apache-2.0 */
/* The "userspace" member from what golden boots measured while running. */
#include "appraise/learn_parts.h"

#include "decode/userspace.h"

enum { PHASES_MAX = 256, RECORDS_MAX = 4096 };

struct learned_record {
	const char *type;
	const char *pattern; /* NULL: the text is only a label */
	unsigned pcr;
	size_t early; /* boots that had it before they were ready */
	size_t boot;  /* 1 + the last boot that was counted */
};

struct phases {
	struct draft *d;
	struct phase_rule *rules;
	size_t rules_n;
	const char **after;
	size_t after_n;
	struct learned_record *records;
	size_t records_n;
	size_t separated; /* boots that had an os-separator everywhere */
	bool ready;	  /* in every boot */
};

static rc
memory(struct err *e)
{
	return err_at(e, ERR_MEMORY, NULL, "userspace");
}

/* Attested, of a PCR that the policy will require. */
static bool
counts(const struct phases *s, const struct golden *g,
    const struct cel_record *rec)
{
	return userspace_attested(g->boot.userspace.match, rec) &&
	       (policy_pcrs(&s->d->p) & 1u << rec->where);
}

/* --- patterns ------------------------------------------------------------- */

static bool
hex_digit(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	       (c >= 'A' && c <= 'F');
}

/* A UUID, a FAT volume's "1A2B-3C4D", an NTFS serial number. */
static bool
identifier(struct span s)
{
	size_t digits = 0;
	size_t dashes = 0;

	for (size_t i = 0; i < s.n; i++) {
		digits += hex_digit(s.p[i]);
		dashes += s.p[i] == '-';
	}
	return digits + dashes == s.n &&
	       (digits == 32 || (digits == 16 && !dashes) ||
		   (digits == 8 && dashes == 1 && s.p[4] == '-'));
}

static struct span
field(struct span *rest)
{
	const uint8_t *end = memchr(rest->p, ':', rest->n);
	size_t n = end ? (size_t)(end - rest->p) : rest->n;
	struct span out = span_of(rest->p, n);

	*rest = end ? span_of(end + 1, rest->n - n - 1) : span_of(NULL, 0);
	return out;
}

/* Marks of globs stand for themselves as "any one". */
static void
put_literal(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = (char)s.p[i];
		buf_put(out, c == '*' ? "?" : &c, 1);
	}
}

/* The string with what is of one machine alone opened. */
static const char *
pattern_of(struct phases *s, const struct cel_record *rec)
{
	struct span rest = cel_field(rec, "string")->bytes;
	bool machine = userspace_is(rec, "machine-id");
	struct buf b = {0};
	bool opened = false;

	for (size_t i = 0; rest.p; i++) {
		struct span part = field(&rest);
		bool any = i > 0 && (machine || identifier(part));
		buf_puts(&b, i ? ":" : "");
		if (any)
			buf_puts(&b, "*");
		else
			put_literal(&b, part);
		opened |= any;
	}
	const char *out =
	    b.failed ? NULL : arena_printf(s->d->a, "%s", b.n ? b.p : "");
	buf_free(&b);
	if (opened && out)
		draft_note(s->d,
		    "PCR %u: \"%.100s\" is accepted with any identifier, "
		    "since each machine has its own.",
		    rec->where, out);
	return out;
}

/* --- records -------------------------------------------------------------- */

static struct learned_record *
known_record(
    struct phases *s, const char *type, unsigned pcr, const char *pattern)
{
	for (size_t i = 0; i < s->records_n; i++) {
		struct learned_record *r = &s->records[i];
		if (r->pcr == pcr && strcmp(r->type, type) == 0 &&
		    !r->pattern == !pattern &&
		    (!pattern || strcmp(r->pattern, pattern) == 0))
			return r;
	}
	return NULL;
}

static rc
learn_record(struct phases *s, const struct cel_record *rec, size_t boot,
    bool early, struct err *e)
{
	const struct cel_field *f = cel_field(rec, "eventType");
	const char *type = f ? arena_printf(s->d->a, "%.*s", (int)f->bytes.n,
				   (const char *)f->bytes.p)
			     : cel_type_name(rec->type);
	const char *pattern = NULL;

	if (userspace_string_measured(rec)) {
		pattern = pattern_of(s, rec);
		if (!pattern)
			return memory(e);
	}
	if (!type)
		return memory(e);
	struct learned_record *r = known_record(s, type, rec->where, pattern);
	if (!r && s->records_n == RECORDS_MAX)
		return err_at(e, ERR_POLICY_FORMAT,
		    "The golden boots have too many different records.",
		    "userspace.records");
	if (!r) {
		r = &s->records[s->records_n++];
		*r = (struct learned_record){
		    .type = type, .pattern = pattern, .pcr = rec->where};
	}
	r->early += early && r->boot != boot + 1;
	r->boot = early ? boot + 1 : r->boot;
	return RC_OK;
}

/* --- phases --------------------------------------------------------------- */

/* The phases of one boot beside the rules learned so far. */
struct beside {
	const struct phases *s;
	struct span events[PHASES_MAX];
};

static enum align_fit
fit(const void *ctx, size_t event, size_t rule)
{
	const struct beside *b = ctx;

	return span_eq(b->events[event], span_str(b->s->rules[rule].glob))
		   ? FIT_EXACT
		   : FIT_FAR;
}

static bool
is_optional(const void *ctx, size_t rule)
{
	const struct beside *b = ctx;

	return b->s->rules[rule].optional;
}

static bool
is_repeated(const void *ctx, size_t rule)
{
	(void)ctx;
	(void)rule;
	return false;
}

static rc
put_phase(struct phases *s, struct phase_rule *to, size_t *n, struct span text,
    bool optional, struct err *e)
{
	if (*n == PHASES_MAX)
		return err_at(e, ERR_POLICY_FORMAT,
		    "The golden boots have too many boot phases.",
		    "userspace.phases");
	to[*n].glob =
	    arena_printf(s->d->a, "%.*s", (int)text.n, (const char *)text.p);
	to[*n].optional = optional;
	if (!to[(*n)++].glob)
		return memory(e);
	if (optional)
		draft_note(s->d,
		    "Boot phase \"%.80s\" was measured in some boots only; it "
		    "became optional.",
		    to[*n - 1].glob);
	return RC_OK;
}

/* Optional rules that the boot did not need take no step. */
static rc
merge_phases(struct phases *s, struct beside *b, size_t events, struct err *e)
{
	struct align_input in = {
	    events, s->rules_n, fit, is_optional, is_repeated, b, NULL, 0};
	struct phase_rule *to =
	    arena_array(s->d->a, PHASES_MAX + 1, sizeof(*to));
	struct align_step *steps = NULL;
	size_t n = 0, next = 0, steps_n = 0;

	if (!to || !rc_ok(align(&in, s->d->a, &steps, &steps_n)))
		return memory(e);
	for (size_t i = 0; i < steps_n; i++) {
		const struct align_step *st = &steps[i];
		for (; next < st->rule && next < s->rules_n; next++)
			TRY(put_phase(
			    s, to, &n, span_str(s->rules[next].glob), true, e));
		if (st->op == ALIGN_MATCH) {
			if (n == PHASES_MAX)
				return memory(e);
			to[n++] = s->rules[next++];
			continue;
		}
		if (st->rule < s->rules_n && st->op != ALIGN_EXTRA)
			TRY(put_phase(s, to, &n,
			    span_str(s->rules[next++].glob), true, e));
		if (st->event < events && st->op != ALIGN_MISSING)
			TRY(put_phase(
			    s, to, &n, b->events[st->event], true, e));
	}
	for (; next < s->rules_n; next++)
		TRY(put_phase(
		    s, to, &n, span_str(s->rules[next].glob), true, e));
	s->rules = to;
	s->rules_n = n;
	return RC_OK;
}

static rc
learn_phases(struct phases *s, struct beside *b, size_t events, size_t boot,
    struct err *e)
{
	if (boot > 0)
		return merge_phases(s, b, events, e);
	for (size_t i = 0; i < events; i++)
		TRY(put_phase(
		    s, s->rules, &s->rules_n, b->events[i], false, e));
	return RC_OK;
}

static rc
learn_after(struct phases *s, struct span text, struct err *e)
{
	for (size_t i = 0; i < s->after_n; i++)
		if (span_eq(text, span_str(s->after[i])))
			return RC_OK;
	if (s->after_n == PHASES_MAX)
		return memory(e);
	s->after[s->after_n] =
	    arena_printf(s->d->a, "%.*s", (int)text.n, (const char *)text.p);
	if (!s->after[s->after_n++])
		return memory(e);
	draft_note(s->d,
	    "Boot phase \"%.80s\" followed \"ready\"; it may do so at any "
	    "time.",
	    s->after[s->after_n - 1]);
	return RC_OK;
}

/* --- a boot --------------------------------------------------------------- */

static rc
learn_log(struct phases *s, size_t boot, struct err *e)
{
	const struct golden *g = &s->d->golden[boot];
	const struct cel_log *log = g->boot.userspace.log;
	struct beside b = {.s = s};
	uint32_t separated = 0;
	size_t events = 0;
	bool ready = false;

	for (size_t i = 0; i < log->records_n; i++) {
		const struct cel_record *rec = &log->records[i];
		const struct cel_field *f = cel_field(rec, "string");
		if (!counts(s, g, rec))
			continue;
		if (userspace_is(rec, "os-separator")) {
			separated |= 1u << rec->where;
		} else if (!f || rec->where != PCR_PHASES ||
			   !userspace_is(rec, "phase")) {
			TRY(learn_record(s, rec, boot, !ready, e));
		} else if (ready) {
			TRY(learn_after(s, f->bytes, e));
		} else if (events == PHASES_MAX) {
			return memory(e);
		} else {
			b.events[events++] = f->bytes;
			ready = span_eq(f->bytes, span_str("ready"));
		}
	}
	s->ready = s->ready && ready;
	s->separated += (policy_pcrs(&s->d->p) & 0xff & ~separated) == 0;
	return learn_phases(s, &b, events, boot, e);
}

static void
warn(struct phases *s)
{
	if (s->rules_n && !s->ready)
		draft_note(s->d,
		    "WARNING: not every golden boot had reached the phase "
		    "\"ready\" when it was quoted: a node that has reached it "
		    "fails.");
	for (size_t i = 0; i < s->records_n; i++)
		if (!s->records[i].pattern)
			draft_note(s->d,
			    "PCR %u: what a record of type %s says is only a "
			    "label; any of this type is accepted there.",
			    s->records[i].pcr, s->records[i].type);
}

/* --- the member ----------------------------------------------------------- */

static void
emit_phases(const struct phases *s, struct jw *w)
{
	jw_key(w, "phases");
	jw_array(w);
	for (size_t i = 0; i < s->rules_n; i++) {
		jw_object(w);
		jw_kstr(w, "phase", s->rules[i].glob);
		if (s->rules[i].optional)
			jw_kbool(w, "optional", true);
		jw_object_end(w);
	}
	jw_array_end(w);
	if (!s->after_n || !s->rules_n)
		return;
	jw_key(w, "after_ready");
	jw_array(w);
	for (size_t i = 0; i < s->after_n; i++)
		jw_str(w, s->after[i]);
	jw_array_end(w);
}

static void
emit_records(const struct phases *s, struct jw *w)
{
	jw_key(w, "records");
	jw_array(w);
	for (size_t i = 0; i < s->records_n; i++) {
		const struct learned_record *r = &s->records[i];
		jw_object(w);
		jw_kstr(w, "type", r->type);
		jw_ku64(w, "pcr", r->pcr);
		if (r->early == s->d->n)
			jw_kbool(w, "required", true);
		if (r->pattern) {
			jw_key(w, "accept");
			jw_array(w);
			jw_str(w, r->pattern);
			jw_array_end(w);
		}
		jw_object_end(w);
	}
	jw_array_end(w);
}

static bool
any_log(const struct draft *d, bool all)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->golden[i].boot.userspace.log != NULL;
	return all ? n == d->n : n > 0;
}

rc
learn_phases_emit(struct draft *d, struct jw *w, struct err *e)
{
	struct phases s = {.d = d, .ready = true};

	if (any_log(d, false) && !any_log(d, true))
		draft_note(d, "Only some golden boots have a userspace log "
			      "that the quote covers; none is required.");
	if (!any_log(d, true))
		return RC_OK;
	s.rules = arena_array(d->a, PHASES_MAX, sizeof(*s.rules));
	s.after = arena_array(d->a, PHASES_MAX, sizeof(*s.after));
	s.records = arena_array(d->a, RECORDS_MAX, sizeof(*s.records));
	if (!s.rules || !s.after || !s.records)
		return memory(e);
	for (size_t i = 0; i < d->n; i++)
		TRY(learn_log(&s, i, e));
	bool separators = (policy_pcrs(&d->p) & 0xff) && s.separated == d->n;
	if (!s.rules_n && !s.records_n && !separators)
		return RC_OK;
	warn(&s);
	jw_key(w, "userspace");
	jw_object(w);
	jw_kbool(w, "required", true);
	if (separators)
		jw_kstr(w, "os_separator", "required");
	emit_phases(&s, w);
	emit_records(&s, w);
	jw_object_end(w);
	return RC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the running system measured against the rules for it. Only records that
 * the quote covers are looked at. */
#include "appraise/scene.h"

#include "base/text.h"
#include "decode/userspace.h"

struct phases {
	const struct policy *p;
	const struct boot_facts *f;
	struct verdict *v;
	struct arena *a;
	bool violated;
	size_t next;	    /* the phase that is expected */
	bool repeating;	    /* the one before it came, and may come again */
	bool *seen;	    /* by record rule */
	uint32_t separated; /* PCRs that have their os-separator */
};

/* --- words ---------------------------------------------------------------- */

static struct reason
about(struct phases *s, enum err_code code, const struct cel_record *rec)
{
	const struct cel_field *type = cel_field(rec, "eventType");
	struct reason r = REASON(code, LAYER_OS);

	r.path = arena_printf(s->a, "userspace.events[%u]", rec->index);
	r.pcr = (int)rec->where;
	r.event = rec->index;
	r.event_type = type ? verdict_printable(s->a, type->bytes)
			    : cel_type_name(rec->type);
	r.found = cel_describe(rec, s->a);
	return r;
}

static void
violate(struct phases *s, const struct reason *r)
{
	verdict_add(s->v, r, EFF_NONE);
	s->violated = true;
}

/* --- phases --------------------------------------------------------------- */

static void
miss_phase(struct phases *s, size_t rule)
{
	struct reason r = REASON(ERR_PHASE_MISSING, LAYER_OS);

	if (s->p->userspace.phases[rule].optional)
		return;
	/* Rules, since events have no place for what is not there. */
	r.rule = arena_printf(s->a, "userspace.phases[%zu]", rule);
	r.path = r.rule;
	r.pcr = PCR_PHASES;
	r.event_type = "phase";
	r.expected = s->p->userspace.phases[rule].glob;
	violate(s, &r);
}

static bool
one_of(const struct phase_rule *rules, size_t n, struct span text, size_t *at)
{
	for (size_t i = 0; i < n; i++)
		if (glob_match(rules[i].glob, text)) {
			*at = i;
			return true;
		}
	return false;
}

static void
wrong_phase(struct phases *s, const struct cel_record *rec, struct span text)
{
	const struct userspace_rules *u = &s->p->userspace;
	struct reason r = about(s, ERR_PHASE_UNKNOWN, rec);
	size_t at = 0;

	r.rule = "userspace.phases";
	if (one_of(u->phases, s->next, text, &at))
		r.code = ERR_PHASE_ORDER;
	else if (u->phases_n && s->next == u->phases_n)
		r.code = ERR_PHASE_AFTER;
	if (s->next < u->phases_n)
		r.expected = u->phases[s->next].glob;
	violate(s, &r);
}

/* The first rule from the expected one on that takes the phase; required ones
 * that are passed over are missing. */
static void
eval_phase(struct phases *s, const struct cel_record *rec)
{
	const struct userspace_rules *u = &s->p->userspace;
	const struct cel_field *f = cel_field(rec, "string");
	struct span text = f ? f->bytes : span_of("", 0);
	size_t at = 0;

	if (s->repeating && glob_match(u->phases[s->next - 1].glob, text))
		return;
	if (one_of(u->phases + s->next, u->phases_n - s->next, text, &at)) {
		for (at += s->next; s->next < at; s->next++)
			miss_phase(s, s->next);
		s->next = at + 1;
		s->repeating = u->phases[at].repeat;
		return;
	}
	if (s->next == u->phases_n && one_of(u->after, u->after_n, text, &at))
		return;
	wrong_phase(s, rec, text);
}

/* --- os-separators -------------------------------------------------------- */

static void
eval_separator(struct phases *s, const struct cel_record *rec)
{
	const struct cel_field *f = cel_field(rec, "string");
	uint32_t bit = 1u << rec->where;
	struct reason r = about(s, ERR_PHASE_SEPARATOR, rec);

	r.rule = "userspace.os_separator";
	r.expected = separator_rule_name(s->p->userspace.separator);
	if (s->separated & bit ||
	    s->p->userspace.separator == SEPARATOR_FORBIDDEN || !f ||
	    !span_eq(f->bytes, span_str("os-separator")))
		violate(s, &r);
	s->separated |= bit;
}

static void
miss_separators(struct phases *s)
{
	uint32_t missing = policy_pcrs(s->p) & 0xff & ~s->separated;

	if (s->p->userspace.separator != SEPARATOR_REQUIRED)
		return;
	for (unsigned pcr = 0; pcr < 8; pcr++) {
		struct reason r = REASON(ERR_PHASE_SEPARATOR, LAYER_OS);
		if (!(missing & 1u << pcr))
			continue;
		r.path = "userspace.events";
		r.pcr = (int)pcr;
		r.event_type = "os-separator";
		r.rule = "userspace.os_separator";
		r.expected = "required";
		violate(s, &r);
	}
}

/* --- other records -------------------------------------------------------- */

static bool
type_is(const struct cel_record *rec, const char *type)
{
	const char *name = cel_type_name(rec->type);

	if (rec->type == CEL_TYPE_SYSTEMD)
		return userspace_is(rec, type);
	return name && strcmp(name, type) == 0;
}

/* Only what the digest covers is compared. */
static bool
accepts(const struct record_rule *r, const struct cel_record *rec)
{
	const struct cel_field *f =
	    userspace_string_measured(rec) ? cel_field(rec, "string") : NULL;

	for (size_t i = 0; f && i < r->n; i++)
		if (glob_match(r->accept[i], f->bytes))
			return true;
	return r->n == 0;
}

static const char *
expected_records(struct phases *s, const struct cel_record *rec)
{
	const struct userspace_rules *u = &s->p->userspace;
	const char *out = NULL;

	for (size_t i = 0; i < u->records_n; i++) {
		const struct record_rule *r = &u->records[i];
		if (r->pcr != rec->where || !r->n || !type_is(rec, r->type))
			continue;
		out = out ? arena_printf(s->a, "%s | %s", out, r->accept[0])
			  : r->accept[0];
	}
	return out;
}

static void
eval_record(struct phases *s, const struct cel_record *rec)
{
	const struct userspace_rules *u = &s->p->userspace;

	for (size_t i = 0; i < u->records_n; i++) {
		const struct record_rule *r = &u->records[i];
		if (r->pcr != rec->where || !type_is(rec, r->type) ||
		    !accepts(r, rec))
			continue;
		s->seen[i] = true;
		return;
	}
	struct reason r = about(s, ERR_PHASE_RECORD, rec);
	r.rule = "userspace.records";
	r.expected = expected_records(s, rec);
	violate(s, &r);
}

static void
miss_records(struct phases *s)
{
	const struct userspace_rules *u = &s->p->userspace;

	for (size_t i = 0; i < u->records_n; i++) {
		struct reason r = REASON(ERR_PHASE_MISSING, LAYER_OS);
		if (!u->records[i].required || s->seen[i])
			continue;
		r.rule = arena_printf(s->a, "userspace.records[%zu]", i);
		r.path = r.rule;
		r.pcr = (int)u->records[i].pcr;
		r.event_type = u->records[i].type;
		r.expected = u->records[i].n ? u->records[i].accept[0] : NULL;
		violate(s, &r);
	}
}

/* --- the log -------------------------------------------------------------- */

static void
eval_log(struct phases *s)
{
	const struct cel_log *log = s->f->userspace.log;
	uint32_t judged = policy_pcrs(s->p);

	for (size_t i = 0; i < log->records_n; i++) {
		const struct cel_record *rec = &log->records[i];
		if (!userspace_attested(s->f->userspace.match, rec) ||
		    !(judged & 1u << rec->where))
			continue;
		if (userspace_is(rec, "os-separator"))
			eval_separator(s, rec);
		else if (userspace_is(rec, "phase") && rec->where == PCR_PHASES)
			eval_phase(s, rec);
		else
			eval_record(s, rec);
	}
	while (s->next < s->p->userspace.phases_n)
		miss_phase(s, s->next++);
	miss_records(s);
	miss_separators(s);
}

rc
policy_eval_userspace(const struct policy *p, const struct boot_facts *f,
    struct verdict *v, struct err *e)
{
	struct phases s = {.p = p, .f = f, .v = v, .a = v->arena};

	if (!p->userspace.present) {
		verdict_check(v, CHECK_POLICY_USERSPACE, CHECK_NOT_REQUIRED);
		return RC_OK;
	}
	v->layer_judged[LAYER_OS] = true;
	if (!f->userspace.log) {
		verdict_check(v, CHECK_POLICY_USERSPACE,
		    p->userspace.required ? CHECK_NOT_RUN
					  : CHECK_NOT_APPLICABLE);
		return RC_OK;
	}
	s.seen = arena_array(s.a, p->userspace.records_n, sizeof(*s.seen));
	if (!s.seen)
		return err_at(e, ERR_MEMORY, NULL, "userspace");
	eval_log(&s);
	verdict_check(v, CHECK_POLICY_USERSPACE,
	    s.violated ? CHECK_FAILED : CHECK_PASSED);
	return RC_OK;
}

/* --- for the boot rules --------------------------------------------------- */

bool
userspace_explains(const struct scene *s, unsigned pcr)
{
	const struct cel_log *log = s->f->userspace.log;
	size_t separators = 0;

	for (size_t i = 0; log && i < log->records_n; i++) {
		const struct cel_record *rec = &log->records[i];
		const struct cel_field *f = cel_field(rec, "string");
		if (rec->where != pcr ||
		    !userspace_attested(s->f->userspace.match, rec))
			continue;
		if (s->p->userspace.present)
			return true;
		if (!userspace_is(rec, "os-separator") || !f ||
		    !span_eq(f->bytes, span_str("os-separator")) ||
		    separators++)
			return false;
	}
	return separators > 0;
}

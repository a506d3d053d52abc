/* SPDX-License-Identifier: Apache-2.0 */
/* The "userspace" member of a policy: what the running system may have
 * measured. */
#include "appraise/lint.h"

#include "base/text.h"

enum {
	PHASES_MAX = 256,   /* a boot has 4 to 6 */
	RECORDS_MAX = 4096, /* file systems, volumes, NvPCRs */
	ACCEPT_MAX = 1024,
};

static const char *const separator_names[] = {
    [SEPARATOR_ALLOWED] = "allowed",
    [SEPARATOR_REQUIRED] = "required",
    [SEPARATOR_FORBIDDEN] = "forbidden",
};

const char *
separator_rule_name(enum separator_rule r)
{
	return separator_names[r];
}

/* --- from JSON ------------------------------------------------------------ */

static rc
fault(struct err *e, const char *path, const char *text)
{
	return err_at(e, ERR_POLICY_FORMAT, text, "%s", path);
}

static rc
optional_bool(const json_t *obj, const char *path, const char *key, bool *out,
    struct err *e)
{
	return json_has(obj, key) ? json_get_bool(obj, path, key, out, e)
				  : RC_OK;
}

/* An optional list; *out NULL and *n 0 where there is none. */
static rc
optional_list(const json_t *obj, const char *path, const char *key, size_t max,
    const json_t **out, struct err *e)
{
	*out = NULL;
	if (!json_has(obj, key))
		return RC_OK;
	TRY(json_get_array(obj, path, key, out, e));
	if (json_array_size(*out) > max)
		return err_at(e, ERR_JSON_LIMIT, NULL, "%s.%s", path, key);
	return RC_OK;
}

static rc
keep(struct policy *p, struct span s, const char *path, const char **out,
    struct err *e)
{
	char *copy;

	if (s.n == 0)
		return fault(e, path, "An empty string is never measured.");
	if (memchr(s.p, 0, s.n))
		return fault(e, path, "A measured string holds no NUL.");
	copy = arena_printf(&p->arena, "%.*s", (int)s.n, s.p);
	if (!copy)
		return err_at(e, ERR_MEMORY, NULL, "%s", path);
	*out = copy;
	return RC_OK;
}

static rc
decode_phase(struct policy *p, const json_t *v, const char *path,
    struct phase_rule *out, struct err *e)
{
	static const char *const known[] = {
	    "phase", "optional", "repeat", "source", NULL};
	struct span glob;

	TRY(json_only(v, path, known, e));
	TRY(json_get_str(v, path, "phase", &glob, e));
	TRY(keep(p, glob, path, &out->glob, e));
	TRY(policy_string(p, v, path, "source", &out->source, e));
	TRY(optional_bool(v, path, "optional", &out->optional, e));
	return optional_bool(v, path, "repeat", &out->repeat, e);
}

static rc
decode_phases(struct policy *p, const json_t *obj, struct err *e)
{
	struct userspace_rules *u = &p->userspace;
	const json_t *list = NULL;

	TRY(optional_list(obj, "userspace", "phases", PHASES_MAX, &list, e));
	u->phases_n = json_array_size(list);
	u->phases = arena_array(&p->arena, u->phases_n, sizeof(*u->phases));
	if (!u->phases)
		return err_at(e, ERR_MEMORY, NULL, "userspace.phases");
	for (size_t i = 0; i < u->phases_n; i++) {
		char at[POLICY_PATH];
		policy_path(at, "userspace.phases[%zu]", i);
		TRY(decode_phase(
		    p, json_array_get(list, i), at, &u->phases[i], e));
	}
	return RC_OK;
}

static rc
decode_strings(struct policy *p, const json_t *list, const char *path,
    const char ***out, struct err *e)
{
	size_t n = json_array_size(list);
	const char **texts = arena_array(&p->arena, n, sizeof(*texts));

	if (!texts)
		return err_at(e, ERR_MEMORY, NULL, "%s", path);
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_array_get(list, i);
		char at[POLICY_PATH];
		policy_path(at, "%s[%zu]", path, i);
		if (!json_is_string(v))
			return err_at(e, ERR_JSON_TYPE, NULL, "%s", at);
		TRY(keep(p,
		    span_of(json_string_value(v), json_string_length(v)), at,
		    &texts[i], e));
	}
	*out = texts;
	return RC_OK;
}

static rc
decode_after(struct policy *p, const json_t *obj, struct err *e)
{
	static const char path[] = "userspace.after_ready";
	struct userspace_rules *u = &p->userspace;
	const json_t *list = NULL;
	const char **globs = NULL;

	TRY(optional_list(
	    obj, "userspace", "after_ready", PHASES_MAX, &list, e));
	TRY(decode_strings(p, list, path, &globs, e));
	u->after_n = json_array_size(list);
	u->after = arena_array(&p->arena, u->after_n, sizeof(*u->after));
	if (!u->after)
		return err_at(e, ERR_MEMORY, NULL, path);
	if (u->after_n && !u->phases_n)
		return fault(e, path,
		    "Without \"phases\" there is nothing to come after.");
	for (size_t i = 0; i < u->after_n; i++)
		u->after[i].glob = globs[i];
	return RC_OK;
}

static rc
decode_accept(struct policy *p, const json_t *v, const char *path,
    struct record_rule *out, struct err *e)
{
	const json_t *list = NULL;
	char at[POLICY_PATH];

	policy_path(at, "%s.accept", path);
	TRY(optional_list(v, path, "accept", ACCEPT_MAX, &list, e));
	if (!list)
		return RC_OK;
	out->n = json_array_size(list);
	if (out->n == 0)
		return fault(
		    e, at, "An empty list of alternatives can never be met.");
	if (strcmp(out->type, "volume-key") == 0)
		return fault(e, at,
		    "The digest of a volume key is an HMAC: its text is only a "
		    "label and decides nothing.");
	return decode_strings(p, list, at, &out->accept, e);
}

static rc
decode_record(struct policy *p, const json_t *v, const char *path,
    struct record_rule *out, struct err *e)
{
	static const char *const known[] = {
	    "type", "pcr", "accept", "required", "source", NULL};
	struct span type;
	uint64_t pcr = 0;

	TRY(json_only(v, path, known, e));
	TRY(json_get_str(v, path, "type", &type, e));
	TRY(keep(p, type, path, &out->type, e));
	if (strcmp(out->type, "phase") == 0 ||
	    strcmp(out->type, "os-separator") == 0)
		return fault(e, path,
		    "Phases and os-separators have members of their own.");
	TRY(json_get_u64(v, path, "pcr", LIMIT_PCRS - 1, &pcr, e));
	out->pcr = (unsigned)pcr;
	if (!(policy_pcrs(p) & 1u << out->pcr))
		return fault(e, path,
		    "The rule is about a PCR that \"pcrs\" does not require, "
		    "so that no quote would cover it.");
	TRY(policy_string(p, v, path, "source", &out->source, e));
	TRY(optional_bool(v, path, "required", &out->required, e));
	return decode_accept(p, v, path, out, e);
}

static rc
decode_records(struct policy *p, const json_t *obj, struct err *e)
{
	struct userspace_rules *u = &p->userspace;
	const json_t *list = NULL;

	TRY(optional_list(obj, "userspace", "records", RECORDS_MAX, &list, e));
	u->records_n = json_array_size(list);
	u->records = arena_array(&p->arena, u->records_n, sizeof(*u->records));
	if (!u->records)
		return err_at(e, ERR_MEMORY, NULL, "userspace.records");
	for (size_t i = 0; i < u->records_n; i++) {
		char at[POLICY_PATH];
		policy_path(at, "userspace.records[%zu]", i);
		TRY(decode_record(
		    p, json_array_get(list, i), at, &u->records[i], e));
	}
	return RC_OK;
}

static rc
decode_separator(const json_t *obj, enum separator_rule *out, struct err *e)
{
	struct span s;

	if (!json_has(obj, "os_separator"))
		return RC_OK;
	TRY(json_get_str(obj, "userspace", "os_separator", &s, e));
	for (int i = SEPARATOR_ALLOWED; i <= SEPARATOR_FORBIDDEN; i++)
		if (span_eq(s, span_str(separator_names[i]))) {
			*out = (enum separator_rule)i;
			return RC_OK;
		}
	return fault(e, "userspace.os_separator",
	    "One of \"allowed\", \"required\" and \"forbidden\" is expected.");
}

rc
phase_rules_decode(struct policy *p, const json_t *doc, struct err *e)
{
	static const char *const known[] = {"required", "os_separator",
	    "phases", "after_ready", "records", NULL};
	struct userspace_rules *u = &p->userspace;
	const json_t *obj = NULL;

	if (!json_has(doc, "userspace"))
		return RC_OK;
	TRY(json_get_object(doc, "", "userspace", &obj, e));
	TRY(json_only(obj, "userspace", known, e));
	u->present = true;
	u->required = true;
	TRY(optional_bool(obj, "userspace", "required", &u->required, e));
	TRY(decode_separator(obj, &u->separator, e));
	TRY(decode_phases(p, obj, e));
	TRY(decode_after(p, obj, e));
	TRY(decode_records(p, obj, e));
	if (u->phases_n && !(policy_pcrs(p) & 1u << PCR_PHASES))
		return fault(e, "userspace.phases",
		    "Boot phases are measured in PCR 11, which must be "
		    "required.");
	if (u->separator == SEPARATOR_REQUIRED && !(policy_pcrs(p) & 0xff))
		return fault(e, "userspace.os_separator",
		    "It is required in PCR 0 to 7, of which none is "
		    "required.");
	return RC_OK;
}

/* --- in words ------------------------------------------------------------- */

static void
describe_record(const struct record_rule *r, struct buf *out)
{
	buf_printf(out, "    %s in PCR %u%s", r->type, r->pcr,
	    r->required ? ", required" : "");
	for (size_t i = 0; i < r->n; i++)
		buf_printf(out, "%s%s", i ? " or " : ": ", r->accept[i]);
	buf_puts(out, r->n ? "\n" : ", whatever it says\n");
}

void
phase_rules_describe(const struct policy *p, struct buf *out)
{
	const struct userspace_rules *u = &p->userspace;

	if (!u->present)
		return;
	buf_printf(out,
	    "  measured while the system runs (%s)\n"
	    "    os-separator: %s\n",
	    u->required ? "its log is required" : "where its log is sent",
	    separator_names[u->separator]);
	for (size_t i = 0; i < u->phases_n; i++)
		buf_printf(out, "    phase %s%s%s\n", u->phases[i].glob,
		    u->phases[i].optional ? ", optional" : "",
		    u->phases[i].repeat ? ", any number of times" : "");
	for (size_t i = 0; i < u->after_n; i++)
		buf_printf(out, "    then %s, at any time\n", u->after[i].glob);
	for (size_t i = 0; i < u->records_n; i++)
		describe_record(&u->records[i], out);
	buf_puts(out, "    anything else: fail\n");
}

void
lint_phases(struct lint *l)
{
	const struct userspace_rules *u = &l->p->userspace;

	if (!u->present)
		return;
	if (!u->required)
		lint_ask(l, LINT_PHASES_OPTIONAL, "userspace.required");
	for (size_t i = 0; i < u->phases_n; i++)
		if (glob_match(u->phases[i].glob, span_str("probe")))
			lint_ask(
			    l, LINT_PHASES_GLOB, "userspace.phases[%zu]", i);
	for (size_t i = 0; i < u->records_n; i++)
		if (!u->records[i].n)
			lint_ask(l, LINT_PHASES_RECORD,
			    "userspace.records[%zu]: %s in PCR %u", i,
			    u->records[i].type, u->records[i].pcr);
}

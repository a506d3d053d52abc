/* SPDX-License-Identifier: Apache-2.0 */
/* The "cmdline" member of a policy. */
#include "appraise/rules.h"

#include "base/text.h"
#include "decode/cmdline.h"

enum { TOKENS_MAX = 1024, VALUES_MAX = 1024, LINES_MAX = 64 };

/* Each listed line is looked for as a loader may have hashed it. */
enum { LINE_FORMS = 6 };

static rc
wrong(struct err *e, const char *path, const char *text)
{
	return err_at(e, ERR_POLICY_FORMAT, text, "%s", path);
}

static bool
printable(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > 0x7e)
			return false;
	return true;
}

static bool
name_plain(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || strchr("=\"'\\", s.p[i]))
			return false;
	return s.n > 0;
}

/* --- tokens --------------------------------------------------------------- */

static rc
decode_texts(struct policy *p, const json_t *rule, const char *path,
    const char *key, struct text_list *out, struct err *e)
{
	const json_t *list = NULL;

	if (!json_has(rule, key))
		return RC_OK;
	TRY(json_get_array(rule, path, key, &list, e));
	size_t n = json_array_size(list);
	if (n == 0 || n > VALUES_MAX)
		return err_at(e, ERR_POLICY_FORMAT,
		    "A list holds 1 to 1024 values.", "%s.%s", path, key);
	out->text = arena_array(&p->arena, n, sizeof(*out->text));
	for (size_t i = 0; out->text && i < n; i++) {
		const json_t *v = json_array_get(list, i);
		struct span s =
		    json_is_string(v)
			? span_of(json_string_value(v), json_string_length(v))
			: span_of("\n", 1);
		if (!printable(s))
			return err_at(e, ERR_POLICY_FORMAT,
			    "A value is a string of printable ASCII.",
			    "%s.%s[%zu]", path, key, i);
		out->text[i] = arena_printf(
		    &p->arena, "%.*s", (int)s.n, (const char *)s.p);
		if (!out->text[i])
			return err_at(e, ERR_MEMORY, NULL, "%s", path);
	}
	out->n = n;
	return out->text ? RC_OK : err_at(e, ERR_MEMORY, NULL, "%s", path);
}

static rc
decode_bools(
    const json_t *v, const char *path, struct token_rule *out, struct err *e)
{
	const struct {
		const char *key;
		bool *to;
	} flags[] = {{"required", &out->required},
	    {"forbidden", &out->forbidden}, {"flag", &out->flag}};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (json_has(v, flags[i].key))
			TRY(json_get_bool(
			    v, path, flags[i].key, flags[i].to, e));
	return RC_OK;
}

static rc
check_token(const struct token_rule *r, const char *path, struct err *e)
{
	bool values = r->values.n || r->globs.n;

	if (!name_plain(span_str(r->name)) || !printable(span_str(r->name)))
		return wrong(e, path,
		    "A token's name is printable ASCII without blanks, quotes, "
		    "backslash and '='.");
	if (r->forbidden && (r->required || r->flag || values))
		return wrong(e, path,
		    "A forbidden token is forbidden with every value: to "
		    "forbid some, list those that are allowed.");
	if (r->flag && values)
		return wrong(
		    e, path, "A flag has no value, so it allows none.");
	return RC_OK;
}

static rc
decode_token(struct policy *p, const json_t *v, const char *path,
    struct token_rule *out, struct err *e)
{
	static const char *const known[] = {"name", "required", "forbidden",
	    "flag", "values", "globs", "source", NULL};

	TRY(json_only(v, path, known, e));
	if (!json_has(v, "name"))
		return err_at(e, ERR_JSON_MISSING, NULL, "%s.name", path);
	TRY(policy_string(p, v, path, "name", &out->name, e));
	TRY(policy_string(p, v, path, "source", &out->source, e));
	TRY(decode_bools(v, path, out, e));
	TRY(decode_texts(p, v, path, "values", &out->values, e));
	TRY(decode_texts(p, v, path, "globs", &out->globs, e));
	return check_token(out, path, e);
}

const struct token_rule *
cmdline_rule(const struct cmdline_rules *r, struct span name)
{
	for (size_t i = 0; i < r->tokens_n; i++)
		if (cmdline_same_name(span_str(r->tokens[i].name), name))
			return &r->tokens[i];
	return NULL;
}

static rc
decode_tokens(struct policy *p, const json_t *obj, struct err *e)
{
	struct cmdline_rules *r = &p->cmdline;
	const json_t *list = NULL;

	if (!json_has(obj, "tokens"))
		return RC_OK;
	TRY(json_get_array(obj, "cmdline", "tokens", &list, e));
	size_t n = json_array_size(list);
	if (n > TOKENS_MAX)
		return err_at(e, ERR_JSON_LIMIT, NULL, "cmdline.tokens");
	r->tokens = arena_array(&p->arena, n, sizeof(*r->tokens));
	if (!r->tokens)
		return err_at(e, ERR_MEMORY, NULL, "cmdline.tokens");
	for (size_t i = 0; i < n; i++) {
		char at[POLICY_PATH];
		policy_path(at, "cmdline.tokens[%zu]", i);
		TRY(decode_token(
		    p, json_array_get(list, i), at, &r->tokens[i], e));
		if (cmdline_rule(r, span_str(r->tokens[i].name)))
			return wrong(e, at,
			    "The token has a rule already (- and _ are the "
			    "same to the kernel).");
		r->tokens_n++;
	}
	return RC_OK;
}

/* --- whole lines ---------------------------------------------------------- */

/* GRUB hashes what stands behind BOOT_IMAGE=; a UKI's section may end in a
 * line feed; EFI stubs hash UTF-16. */
static rc
hash_line(struct policy *p, struct hasher *h, const char *text,
    const char *source, struct err *e)
{
	static const char image[] = "BOOT_IMAGE=";
	struct cmdline_rules *r = &p->cmdline;
	const char *tail = arena_printf(&p->arena, "%s\n", text);
	struct span wide = cmdline_widen(span_str(text), &p->arena);
	bool grub = strncmp(text, image, strlen(image)) == 0;

	if (!tail || !wide.p)
		return err_at(e, ERR_MEMORY, NULL, "cmdline.lines");
	const struct {
		struct span text;
		size_t nul;
	} forms[LINE_FORMS] = {
	    {span_str(grub ? text + strlen(image) : text), 0},
	    {span_str(text), 1},
	    {span_str(tail), 0},
	    {span_str(tail), 1},
	    {wide, 0},
	    {wide, 2},
	};
	for (size_t i = 0; i < LINE_FORMS; i++) {
		struct golden_value *v = &r->known[r->known_n++];
		v->text = text;
		v->source = source;
		TRY(golden_value_hash(p, h, forms[i].text, forms[i].nul, v, e));
	}
	return RC_OK;
}

static rc
decode_line(struct policy *p, struct hasher *h, const json_t *v,
    const char *path, struct err *e)
{
	static const char *const known[] = {"text", "source", NULL};
	const char *text = NULL;
	const char *source = NULL;

	TRY(json_only(v, path, known, e));
	TRY(policy_string(p, v, path, "text", &text, e));
	TRY(policy_string(p, v, path, "source", &source, e));
	if (!text || !*text || !printable(span_str(text)))
		return wrong(e, path,
		    "A line is printable ASCII; list another one by its "
		    "digest.");
	p->cmdline.lines.text[p->cmdline.lines.n++] = text;
	return hash_line(p, h, text, source, e);
}

static rc
decode_lines(
    struct policy *p, const json_t *list, struct hasher *h, struct err *e)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		char at[POLICY_PATH];
		policy_path(at, "cmdline.lines[%zu]", i);
		TRY(decode_line(p, h, json_array_get(list, i), at, e));
	}
	return RC_OK;
}

/* "digests" and "lines" become one list of golden values. */
static rc
decode_known(struct policy *p, const json_t *obj, struct err *e)
{
	struct cmdline_rules *r = &p->cmdline;
	const json_t *digests = NULL;
	const json_t *lines = NULL;

	if (json_has(obj, "digests"))
		TRY(json_get_array(obj, "cmdline", "digests", &digests, e));
	if (json_has(obj, "lines"))
		TRY(json_get_array(obj, "cmdline", "lines", &lines, e));
	size_t n = json_array_size(digests);
	size_t lines_n = json_array_size(lines);
	if (n > VALUES_MAX || lines_n > LINES_MAX)
		return err_at(e, ERR_JSON_LIMIT, NULL, "cmdline");
	r->known =
	    arena_array(&p->arena, n + lines_n * LINE_FORMS, sizeof(*r->known));
	r->lines.text = arena_array(&p->arena, lines_n, sizeof(*r->lines.text));
	if (!r->known || !r->lines.text)
		return err_at(e, ERR_MEMORY, NULL, "cmdline");
	if (n)
		TRY(golden_values_decode(
		    p, digests, "cmdline.digests", r->known, e));
	r->known_n = n;
	if (!lines_n)
		return RC_OK;
	struct hasher *h = hasher_new();
	if (!h)
		return err_at(e, ERR_MEMORY, NULL, "cmdline");
	rc result = decode_lines(p, lines, h, e);
	hasher_free(h);
	return result;
}

/* --- the member ----------------------------------------------------------- */

/* What the digest of a UKI section's name is, so that no label is asked. */
static rc
hash_section(struct policy *p, struct err *e)
{
	struct hasher *h = hasher_new();

	if (!h)
		return err_at(e, ERR_MEMORY, NULL, "cmdline");
	rc r = golden_value_hash(
	    p, h, span_str(".cmdline"), 1, &p->cmdline.section, e);
	hasher_free(h);
	return r;
}

static rc
decode_others(struct policy *p, const json_t *obj, struct err *e)
{
	const char *others = "fail";

	TRY(policy_string(p, obj, "cmdline", "others", &others, e));
	p->cmdline.others = strcmp(others, "warn") == 0	  ? EFF_WARN
			    : strcmp(others, "pass") == 0 ? EFF_NONE
							  : EFF_FAIL;
	if (p->cmdline.others == EFF_FAIL && strcmp(others, "fail") != 0)
		return wrong(e, "cmdline.others",
		    "Tokens that no rule names fail, warn or pass.");
	return RC_OK;
}

rc
cmdline_rules_decode(struct policy *p, const json_t *doc, struct err *e)
{
	static const char *const known[] = {
	    "others", "tokens", "lines", "digests", NULL};
	struct cmdline_rules *r = &p->cmdline;
	const json_t *obj = NULL;

	if (!json_has(doc, "cmdline"))
		return RC_OK;
	TRY(json_get_object(doc, "", "cmdline", &obj, e));
	TRY(json_only(obj, "cmdline", known, e));
	TRY(decode_others(p, obj, e));
	TRY(decode_tokens(p, obj, e));
	TRY(decode_known(p, obj, e));
	TRY(hash_section(p, e));
	r->present = true;
	if (!r->tokens_n && !r->known_n)
		return wrong(e, "cmdline",
		    "Without tokens, lines or digests nothing could pass.");
	if (!(policy_pcrs(p) & PCRS_CMDLINE))
		return wrong(e, "cmdline",
		    "A command line is measured in PCR 8, 9, 11 or 12, one of "
		    "which must be required.");
	return RC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The "ima" member of a policy. */
#include "appraise/rules.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	TEMPLATES_MAX = 16,
	GLOBS_MAX = 4096,
	GROUPS_MAX = 1024,
	FILES_MAX = 1000 * 1000,
	PCR_IMA = 10,
};

/* --- "files" -------------------------------------------------------------- */

struct file_line {
	const struct hash_alg *alg;
	uint8_t digest[HASH_MAX];
	struct span path; /* unescaped into the caller's buffer */
};

static bool
decode_prefix(struct span s, struct file_line *out, size_t *used)
{
	size_t colon = 0;

	while (colon < s.n && s.p[colon] != ':')
		colon++;
	out->alg = hash_by_name(span_of(s.p, colon));
	if (!out->alg || s.n - colon < 2 * out->alg->size + 2)
		return false;
	size_t end = colon + 1 + 2 * out->alg->size;
	for (size_t i = colon + 1; i < end; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'F')
			return false;
	*used = end;
	return rc_ok(hex_decode(span_of(s.p + colon + 1, end - colon - 1),
	    out->digest, out->alg->size));
}

/* \xNN back to its byte; no other escape exists. */
static bool
unescape(struct span in, uint8_t *out, size_t *n)
{
	size_t to = 0;

	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '\\') {
			out[to++] = in.p[i];
			continue;
		}
		if (in.n - i < 4 || in.p[i + 1] != 'x' ||
		    !rc_ok(hex_decode(span_of(in.p + i + 2, 2), &out[to++], 1)))
			return false;
		i += 3;
	}
	*n = to;
	return to > 0;
}

static bool
decode_file(struct span s, uint8_t *room, struct file_line *out)
{
	size_t used = 0;

	if (s.n > LIMIT_IMA_PATH + 200 || !decode_prefix(s, out, &used) ||
	    used >= s.n || s.p[used] != ' ')
		return false;
	out->path.p = room;
	return unescape(
	    span_of(s.p + used + 1, s.n - used - 1), room, &out->path.n);
}

void
ima_rules_file(struct buf *out, const struct hash_alg *alg,
    const uint8_t *digest, struct span path)
{
	char hex[2 * HASH_MAX + 1];
	struct arena a;

	hex_emit(span_of(digest, alg->size), hex);
	arena_init(&a, 64 * 1024);
	buf_printf(
	    out, "%s:%s %s", alg->name, hex, verdict_printable(&a, path));
	arena_free(&a);
}

/* The set of an algorithm, made where there is none yet; NULL without memory
 * or room. */
static struct refset *
set_of(struct ima_rules *r, const struct hash_alg *alg)
{
	enum { MAX = sizeof(r->allow) / sizeof(r->allow[0]) };

	for (size_t i = 0; i < r->allow_n; i++)
		if (refset_alg(r->allow[i]) == alg)
			return r->allow[i];
	struct refset *s = r->allow_n < MAX ? refset_new(alg) : NULL;
	if (s)
		r->allow[r->allow_n++] = s;
	return s;
}

static bool
weak(const struct hash_alg *alg)
{
	return alg->id == ALG_SHA1;
}

/* Where the line stands in the canonical bytes, searched from the last one. */
static uint32_t
text_at(const struct policy *p, struct span line, size_t *from)
{
	struct span all = buf_span(&p->canonical);
	size_t head = line.n < 40 ? line.n : 40;
	const uint8_t *at = memmem(all.p + *from, all.n - *from, line.p, head);

	if (!at)
		return UINT32_MAX;
	*from = (size_t)(at - all.p) + head;
	return *from < UINT32_MAX ? (uint32_t)(*from - head) : UINT32_MAX;
}

static rc
decode_files(struct policy *p, const json_t *files, const char *path,
    size_t *from, struct err *e)
{
	uint8_t room[LIMIT_IMA_PATH + 200];

	for (size_t i = 0; i < json_array_size(files); i++) {
		const json_t *v = json_array_get(files, i);
		struct file_line f;
		if (!json_is_string(v))
			return err_at(
			    e, ERR_JSON_TYPE, NULL, "%s[%zu]", path, i);
		struct span line =
		    span_of(json_string_value(v), json_string_length(v));
		if (!decode_file(line, room, &f))
			return err_at(e, ERR_POLICY_FORMAT,
			    "A file is \"sha256:<lower-case hex> <path>\", "
			    "with \\xNN for bytes that are not text.",
			    "%s[%zu]", path, i);
		if (weak(f.alg) && p->ima.weak == EFF_FAIL)
			return err_at(e, ERR_POLICY_FORMAT,
			    "SHA-1 file digests fail under this policy "
			    "(weak_digests), so this one could never be met.",
			    "%s[%zu]", path, i);
		struct refset *set = set_of(&p->ima, f.alg);
		rc r = set ? refset_add(
				 set, f.digest, f.path, text_at(p, line, from))
			   : (rc){ERR_MEMORY};
		if (!rc_ok(r))
			return err_at(e, r.code, NULL, "%s[%zu]", path, i);
	}
	return RC_OK;
}

static rc
decode_allow(struct policy *p, const json_t *ima, struct err *e)
{
	static const char *const known[] = {"source", "files", NULL};
	const json_t *allow = NULL;
	size_t from = 0;

	if (!json_has(ima, "allow"))
		return RC_OK;
	TRY(json_get_array(ima, "ima", "allow", &allow, e));
	if (json_array_size(allow) > GROUPS_MAX)
		return err_at(e, ERR_JSON_LIMIT, NULL, "ima.allow");
	for (size_t i = 0; i < json_array_size(allow); i++) {
		const json_t *group = json_array_get(allow, i);
		const json_t *files = NULL;
		const char *source = NULL;
		char at[POLICY_PATH];
		policy_path(at, "ima.allow[%zu]", i);
		TRY(json_only(group, at, known, e));
		TRY(policy_string(p, group, at, "source", &source, e));
		TRY(json_get_array(group, at, "files", &files, e));
		if (json_array_size(files) > FILES_MAX)
			return err_at(e, ERR_JSON_LIMIT, NULL, "%s.files", at);
		policy_path(at, "ima.allow[%zu].files", i);
		TRY(decode_files(p, files, at, &from, e));
	}
	for (size_t i = 0; i < p->ima.allow_n; i++) {
		rc r = refset_seal(p->ima.allow[i]);
		if (!rc_ok(r))
			return err_at(e, r.code, NULL, "ima.allow");
	}
	return RC_OK;
}

struct span
ima_rules_text(const struct policy *p, const struct refset *set, size_t entry)
{
	struct span all = buf_span(&p->canonical);
	size_t at = refset_text(set, entry);
	size_t skip =
	    strlen(refset_alg(set)->name) + 2 * refset_alg(set)->size + 2;

	if (at >= all.n || skip >= all.n - at)
		return span_of("", 0);
	size_t end = at + skip;
	while (end < all.n && all.p[end] != '"')
		end += all.p[end] == '\\' ? 2 : 1;
	return end < all.n ? span_of(all.p + at + skip, end - at - skip)
			   : span_of("", 0);
}

/* --- globs ---------------------------------------------------------------- */

/* Does it take whatever path there is? */
static bool
takes_all(const char *glob)
{
	static const char *const probes[] = {
	    "/init", "/usr/bin/ls", "/a/b/c/d/e.f", "/lib/modules/6.1/x.ko"};

	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		if (!glob_match(glob, span_str(probes[i])))
			return false;
	return true;
}

/* The kernel stores a blank in a path as '_'. */
static char *
kernel_spelling(struct arena *a, struct span s)
{
	char *out = arena_printf(a, "%.*s", (int)s.n, s.p);

	for (char *c = out; c && *c; c++)
		if (*c == ' ')
			*c = '_';
	return out;
}

bool
digest_parse(struct span s, struct digest *out)
{
	struct file_line f;
	size_t used = 0;
	char line[2 * HASH_MAX + 40];

	/* The same form as a file's, with nothing after it. */
	int n = snprintf(line, sizeof(line), "%.*s ", (int)s.n, s.p);
	if (n < 0 || (size_t)n >= sizeof(line) ||
	    !decode_prefix(span_of(line, (size_t)n), &f, &used) ||
	    used + 1 != (size_t)n || weak(f.alg))
		return false;
	out->alg = f.alg->id;
	memcpy(out->bytes, f.digest, f.alg->size);
	return true;
}

static rc
decode_glob_digest(
    const json_t *v, const char *path, struct glob_rule *out, struct err *e)
{
	struct span s;

	TRY(json_get_str(v, path, "digest", &s, e));
	if (!digest_parse(s, &out->digest))
		return err_at(e, ERR_POLICY_FORMAT,
		    "A digest here is \"sha256:<lower-case hex>\".",
		    "%s.digest", path);
	return RC_OK;
}

static rc
decode_glob(struct policy *p, const json_t *v, const char *path, bool digest,
    struct glob_rule *out, struct err *e)
{
	static const char *const plain[] = {"glob", "source", NULL};
	static const char *const with[] = {"digest", "glob", "source", NULL};
	struct span glob;

	TRY(json_only(v, path, digest ? with : plain, e));
	TRY(json_get_str(v, path, "glob", &glob, e));
	TRY(policy_string(p, v, path, "source", &out->source, e));
	out->glob = kernel_spelling(&p->arena, glob);
	if (!out->glob)
		return err_at(e, ERR_MEMORY, NULL, "%s", path);
	if (glob.n > GLOB_MAX)
		return err_at(e, ERR_JSON_LIMIT, NULL, "%s.glob", path);
	if (digest)
		return decode_glob_digest(v, path, out, e);
	if (glob.n == 0 || takes_all(out->glob))
		return err_at(e, ERR_POLICY_FORMAT,
		    "The glob takes every path (or none), so nothing would be "
		    "judged.",
		    "%s.glob", path);
	return RC_OK;
}

static rc
decode_globs(struct policy *p, const json_t *ima, const char *key,
    struct glob_rule **out, size_t *n, struct err *e)
{
	const json_t *list = NULL;
	bool digest = strcmp(key, "globs") == 0;

	if (!json_has(ima, key))
		return RC_OK;
	TRY(json_get_array(ima, "ima", key, &list, e));
	size_t count = json_array_size(list);
	struct glob_rule *globs = arena_array(&p->arena, count, sizeof(*globs));
	if (!globs || count > GLOBS_MAX)
		return err_at(e, globs ? ERR_JSON_LIMIT : ERR_MEMORY, NULL,
		    "ima.%s", key);
	for (size_t i = 0; i < count; i++) {
		char at[POLICY_PATH];
		policy_path(at, "ima.%s[%zu]", key, i);
		TRY(decode_glob(
		    p, json_array_get(list, i), at, digest, &globs[i], e));
	}
	*out = globs;
	*n = count;
	return RC_OK;
}

/* --- keyring ----------------------------------------------------------- */

static rc
decode_signer(struct policy *p, const json_t *v, const char *path,
    struct signer *out, struct err *e)
{
	static const char *const known[] = {
	    "certificate", "glob", "source", NULL};
	struct span text;
	struct span der;
	struct span glob;

	TRY(json_only(v, path, known, e));
	TRY(json_get_str(v, path, "certificate", &text, e));
	TRY(policy_string(p, v, path, "source", &out->source, e));
	if (json_has(v, "glob")) {
		TRY(json_get_str(v, path, "glob", &glob, e));
		out->glob = kernel_spelling(&p->arena, glob);
		if (!out->glob)
			return err_at(e, ERR_MEMORY, NULL, "%s", path);
	}
	rc r = base64url_decode(text, &p->arena, &der);
	if (rc_ok(r))
		r = file_key_from_cert(der, &out->key, e);
	if (r.code == ERR_ENCODING)
		return err_at(e, ERR_POLICY_FORMAT,
		    "A certificate is its DER in base64url, with a key of RSA "
		    "2048, P-256 or stronger.",
		    "%s.certificate", path);
	return r;
}

static rc
decode_keyring(struct policy *p, const json_t *ima, struct err *e)
{
	const json_t *list = NULL;

	if (!json_has(ima, "keyring"))
		return RC_OK;
	TRY(json_get_array(ima, "ima", "keyring", &list, e));
	size_t n = json_array_size(list);
	p->ima.keyring = arena_array(&p->arena, n, sizeof(*p->ima.keyring));
	if (!p->ima.keyring || n > KEYRING_MAX)
		return err_at(e, p->ima.keyring ? ERR_JSON_LIMIT : ERR_MEMORY,
		    NULL, "ima.keyring");
	for (size_t i = 0; i < n; i++) {
		char at[POLICY_PATH];
		policy_path(at, "ima.keyring[%zu]", i);
		TRY(decode_signer(
		    p, json_array_get(list, i), at, &p->ima.keyring[i], e));
		p->ima.keyring_n = i + 1;
	}
	return RC_OK;
}

/* --- the rest ------------------------------------------------------------- */

static rc
decode_templates(struct policy *p, const json_t *ima, struct err *e)
{
	const json_t *list = NULL;

	if (!json_has(ima, "templates"))
		return RC_OK;
	TRY(json_get_array(ima, "ima", "templates", &list, e));
	size_t n = json_array_size(list);
	const char **names = arena_array(&p->arena, n, sizeof(*names));
	if (!names || n == 0 || n > TEMPLATES_MAX)
		return err_at(e, names ? ERR_POLICY_FORMAT : ERR_MEMORY,
		    "1 to 16 names of templates are expected.",
		    "ima.templates");
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_array_get(list, i);
		if (!json_is_string(v))
			return err_at(
			    e, ERR_JSON_TYPE, NULL, "ima.templates[%zu]", i);
		names[i] = arena_printf(&p->arena, "%s", json_string_value(v));
		if (!names[i])
			return err_at(e, ERR_MEMORY, NULL, "ima.templates");
	}
	p->ima.templates = names;
	p->ima.templates_n = n;
	return RC_OK;
}

static rc
decode_ima_pcrs(struct policy *p, const json_t *ima, struct err *e)
{
	const json_t *list = NULL;

	p->ima.pcrs = 1u << PCR_IMA;
	if (!json_has(ima, "pcrs"))
		return RC_OK;
	TRY(json_get_array(ima, "ima", "pcrs", &list, e));
	p->ima.pcrs = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		json_int_t pcr = json_integer_value(v);
		if (!json_is_integer(v) || pcr < 8 || pcr > 15)
			return err_at(e, ERR_POLICY_FORMAT,
			    "IMA extends one of PCR 8 to 15.", "ima.pcrs[%zu]",
			    i);
		p->ima.pcrs |= 1u << pcr;
	}
	return p->ima.pcrs ? RC_OK
			   : err_at(e, ERR_POLICY_EMPTY, NULL, "ima.pcrs");
}

rc
ima_rules_decode(struct policy *p, const json_t *ima, struct err *e)
{
	static const char *const known[] = {"pcrs", "templates", "violations",
	    "other_path", "weak_digests", "allow", "globs", "keyring",
	    "exclude", NULL};
	struct ima_rules *r = &p->ima;

	TRY(json_only(ima, "ima", known, e));
	r->present = true;
	r->violations = EFF_FAIL;
	r->other_path = EFF_WARN;
	r->weak = EFF_FAIL;
	TRY(decode_ima_pcrs(p, ima, e));
	TRY(decode_templates(p, ima, e));
	TRY(policy_effect(ima, "ima", "violations", &r->violations, e));
	TRY(policy_effect(ima, "ima", "other_path", &r->other_path, e));
	TRY(policy_effect(ima, "ima", "weak_digests", &r->weak, e));
	TRY(decode_globs(p, ima, "globs", &r->globs, &r->globs_n, e));
	TRY(decode_globs(p, ima, "exclude", &r->exclude, &r->exclude_n, e));
	TRY(decode_keyring(p, ima, e));
	return decode_allow(p, ima, e);
}

void
ima_rules_free(struct ima_rules *r)
{
	for (size_t i = 0; i < r->allow_n; i++)
		refset_free(r->allow[i]);
	r->allow_n = 0;
	for (size_t i = 0; i < r->keyring_n; i++)
		file_key_free(r->keyring[i].key);
	r->keyring_n = 0;
}

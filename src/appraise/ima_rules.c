/* SPDX-License-Identifier: Apache-2.0 */
/* The "ima" member of a policy. */
#include "appraise/rules.h"

#include "base/text.h"

enum {
	TEMPLATES_MAX = 16,
	GLOBS_MAX = 4096,
	DIGESTS_MAX = 1024,
	PCR_IMA = 10,
};

/* --- globs ---------------------------------------------------------------- */

bool
ima_rules_takes_all(const char *glob)
{
	static const char *const probes[] = {
	    "/init", "/usr/bin/ls", "/a/b/c/d/e.f", "/lib/modules/6.1/x.ko"};

	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		if (!glob_match(glob, span_str(probes[i])))
			return false;
	return true;
}

/* The kernel stores a blank in a path as '_'. */
const char *
ima_rules_glob(struct policy *p, struct span glob)
{
	char *out = arena_printf(&p->arena, "%.*s", (int)glob.n, glob.p);

	for (char *c = out; c && *c; c++)
		if (*c == ' ')
			*c = '_';
	return out;
}

/* SHA-1 is no digest to trust. */
bool
digest_parse(struct span s, struct digest *out)
{
	return ima_rules_digest(s, out) && out->alg != ALG_SHA1;
}

static rc
decode_glob_digest(
    const json_t *v, const char *path, struct digest *out, struct err *e)
{
	struct span s;

	TRY(json_get_str(v, path, "digest", &s, e));
	return digest_parse(s, out)
		   ? RC_OK
		   : err_at(e, ERR_POLICY_FORMAT,
			 "A digest here is \"sha256:<lower-case hex>\".",
			 "%s.digest", path);
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
	out->glob = ima_rules_glob(p, glob);
	if (!out->glob)
		return err_at(e, ERR_MEMORY, NULL, "%s", path);
	if (glob.n > GLOB_MAX)
		return err_at(e, ERR_JSON_LIMIT, NULL, "%s.glob", path);
	if (digest)
		return decode_glob_digest(v, path, &out->digest, e);
	if (glob.n == 0 || ima_rules_takes_all(out->glob))
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
		out->glob = ima_rules_glob(p, glob);
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

/* --- the kernel's own policy ----------------------------------------------
 */

static rc
decode_accepted(struct policy *p, const json_t *rule, struct err *e)
{
	static const char path[] = "ima.policy.digests";
	struct ima_policy_rule *out = &p->ima.policy;
	const json_t *list = NULL;

	TRY(json_get_array(rule, "ima.policy", "digests", &list, e));
	size_t n = json_array_size(list);
	out->accept = arena_array(&p->arena, n, sizeof(*out->accept));
	if (!out->accept || n == 0 || n > DIGESTS_MAX)
		return err_at(e, out->accept ? ERR_POLICY_FORMAT : ERR_MEMORY,
		    "1 to 1024 digests are expected.", path);
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_array_get(list, i);
		if (!json_is_string(v) ||
		    !digest_parse(
			span_str(json_string_value(v)), &out->accept[i]))
			return err_at(e, ERR_POLICY_FORMAT,
			    "A digest here is \"sha256:<lower-case hex>\".",
			    "%s[%zu]", path, i);
	}
	out->n = n;
	return RC_OK;
}

static rc
decode_policy(struct policy *p, const json_t *ima, struct err *e)
{
	static const char *const known[] = {"digests", "glob", "source", NULL};
	struct span glob = span_str("/etc/ima/ima-policy");
	const char *source = NULL;
	const json_t *rule = NULL;

	if (!json_has(ima, "policy"))
		return RC_OK;
	TRY(json_get_object(ima, "ima", "policy", &rule, e));
	TRY(json_only(rule, "ima.policy", known, e));
	TRY(policy_string(p, rule, "ima.policy", "source", &source, e));
	if (json_has(rule, "glob"))
		TRY(json_get_str(rule, "ima.policy", "glob", &glob, e));
	p->ima.policy.glob = ima_rules_glob(p, glob);
	if (!p->ima.policy.glob)
		return err_at(e, ERR_MEMORY, NULL, "ima.policy");
	return decode_accepted(p, rule, e);
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
	    "other_path", "weak_digests", "kexec", "boot_aggregate", "policy",
	    "deny", "allow", "globs", "by_digest", "keyring", "exclude", NULL};
	struct ima_rules *r = &p->ima;

	TRY(json_only(ima, "ima", known, e));
	r->present = true;
	r->violations = r->weak = r->kexec = EFF_FAIL;
	r->other_path = EFF_WARN;
	r->aggregate_given = json_has(ima, "boot_aggregate");
	TRY(decode_ima_pcrs(p, ima, e));
	TRY(decode_templates(p, ima, e));
	TRY(policy_effect(ima, "ima", "violations", &r->violations, e));
	TRY(policy_effect(ima, "ima", "other_path", &r->other_path, e));
	TRY(policy_effect(ima, "ima", "weak_digests", &r->weak, e));
	TRY(policy_effect(ima, "ima", "kexec", &r->kexec, e));
	TRY(policy_effect(ima, "ima", "boot_aggregate", &r->aggregate, e));
	TRY(decode_globs(p, ima, "globs", &r->globs, &r->globs_n, e));
	TRY(decode_globs(p, ima, "exclude", &r->exclude, &r->exclude_n, e));
	TRY(decode_globs(
	    p, ima, "by_digest", &r->by_digest, &r->by_digest_n, e));
	TRY(decode_keyring(p, ima, e));
	TRY(decode_policy(p, ima, e));
	return ima_sets_decode(p, ima, e);
}

void
ima_rules_free(struct ima_rules *r)
{
	ima_sets_free(&r->allow);
	ima_sets_free(&r->deny);
	for (size_t i = 0; i < r->keyring_n; i++)
		file_key_free(r->keyring[i].key);
	r->keyring_n = 0;
}

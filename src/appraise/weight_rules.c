/* SPDX-License-Identifier: Apache-2.0 */
/* What a finding counts under a policy: the members "severity" and "waivers",
 * and their use. */
#include "appraise/rules.h"

#include "base/clock.h"
#include "base/text.h"

enum { SEVERITIES_MAX = 64, WAIVERS_MAX = 1024 };

/* --- which findings are the policy's to weigh ----------------------------- */

/* Never what makes evidence believable, or tells that something could not be
 * judged: a policy that weighs these down would judge nothing. */
bool
weighable(enum err_code code)
{
	static const char *const rooms[] = {"policy.", "log.", "bank.",
	    "quote.", "nonce.", "ak.", "ek.", "node."};
	enum err_effect effect = err_effect(code);
	enum err_class class = err_class(code);

	if (effect != EFF_FAIL && effect != EFF_WARN)
		return false;
	if (class != CLS_CHANGE && class != CLS_MISCONFIG &&
	    class != CLS_UNKNOWN && class != CLS_STALE)
		return false;
	if (code == ERR_LOG_UNMEASURED || code == ERR_BOOT_PCR_UNRULED ||
	    code == ERR_IMA_ABSENT || code == ERR_USERSPACE_ABSENT)
		return false;
	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++)
		if (strncmp(err_name(code), rooms[i], strlen(rooms[i])) == 0)
			return false;
	return true;
}

static rc
weighable_named(
    const char *name, const char *path, enum err_code *out, struct err *e)
{
	enum err_code code = err_by_name(name);

	if (code == ERR_OK)
		return err_at(e, ERR_POLICY_FORMAT,
		    "There is no reason code of this name.", "%s", path);
	if (!weighable(code))
		return err_at(e, ERR_POLICY_FORMAT,
		    "What this code says is not the policy's to weigh: it is "
		    "about whether the evidence can be believed or judged at "
		    "all.",
		    "%s", path);
	*out = code;
	return RC_OK;
}

rc
severity_decode(const json_t *obj, const char *path, const char *key,
    struct severity *out, struct err *e)
{
	struct span s;

	TRY(json_get_str(obj, path, key, &s, e));
	out->given = true;
	if (span_eq(s, span_str("fail")))
		out->effect = EFF_FAIL;
	else if (span_eq(s, span_str("warn")))
		out->effect = EFF_WARN;
	else if (span_eq(s, span_str("info")))
		out->effect = EFF_NONE;
	else
		return err_at(e, ERR_POLICY_FORMAT,
		    "A severity is fail, warn or info.", "%s%s%.60s", path,
		    *path ? "." : "", key);
	return RC_OK;
}

static rc
decode_severities(struct policy *p, const json_t *doc, struct err *e)
{
	struct weights *w = &p->weights;
	const json_t *obj = NULL;
	const char *key;
	json_t *v;

	if (!json_has(doc, "severity"))
		return RC_OK;
	TRY(json_get_object(doc, "", "severity", &obj, e));
	size_t n = json_object_size(obj);
	if (n > SEVERITIES_MAX)
		return err_at(e, ERR_JSON_LIMIT, NULL, "severity");
	w->codes = arena_array(&p->arena, n, sizeof(*w->codes));
	if (!w->codes)
		return err_at(e, ERR_MEMORY, NULL, "severity");
	json_object_foreach((json_t *)(uintptr_t)obj, key, v)
	{
		struct code_severity *to = &w->codes[w->codes_n];
		char at[POLICY_PATH];
		policy_path(at, "severity.%.60s", key);
		TRY(weighable_named(key, at, &to->code, e));
		TRY(severity_decode(obj, "severity", key, &to->as, e));
		w->codes_n++;
	}
	return RC_OK;
}

/* --- waivers -------------------------------------------------------------- */

static rc
required_text(struct policy *p, const json_t *v, const char *path,
    const char *key, const char **out, struct err *e)
{
	if (!json_has(v, key))
		return err_at(e, ERR_JSON_MISSING, NULL, "%s.%s", path, key);
	TRY(policy_string(p, v, path, key, out, e));
	return **out ? RC_OK
		     : err_at(e, ERR_POLICY_FORMAT, "Say it in words.", "%s.%s",
			   path, key);
}

static rc
decode_people(struct policy *p, const json_t *v, const char *path,
    struct waiver *out, struct err *e)
{
	struct span expires;

	TRY(required_text(p, v, path, "owner", &out->note.owner, e));
	TRY(required_text(p, v, path, "approver", &out->note.approver, e));
	TRY(required_text(p, v, path, "reason", &out->note.reason, e));
	if (strcmp(out->note.owner, out->note.approver) == 0)
		return err_at(e, ERR_POLICY_FORMAT,
		    "Who asks for a waiver does not approve it.", "%s.approver",
		    path);
	TRY(json_get_str(v, path, "expires", &expires, e));
	if (!rc_ok(time_parse(expires, &out->note.expires)))
		return err_at(e, ERR_POLICY_FORMAT,
		    "A waiver ends at a time such as 2026-11-20T09:00:00Z.",
		    "%s.expires", path);
	return RC_OK;
}

static rc
decode_digest(
    const json_t *v, const char *path, struct digest *out, struct err *e)
{
	struct span s;

	if (!json_has(v, "digest"))
		return RC_OK;
	TRY(json_get_str(v, path, "digest", &s, e));
	return digest_parse(s, out)
		   ? RC_OK
		   : err_at(e, ERR_POLICY_FORMAT,
			 "A digest is \"sha256:<lower-case hex>\".",
			 "%s.digest", path);
}

static rc
decode_scope(struct policy *p, const json_t *v, const char *path,
    struct waiver *out, struct err *e)
{
	uint64_t pcr = 0;

	TRY(policy_string(p, v, path, "path", &out->path, e));
	if (out->path && strncmp(err_name(out->code), "ima.", 4) != 0)
		return err_at(e, ERR_POLICY_FORMAT,
		    "A path is that of a measured file, which ima. codes "
		    "alone have.",
		    "%s.path", path);
	if (out->path && strlen(out->path) > GLOB_MAX)
		return err_at(e, ERR_JSON_LIMIT, NULL, "%s.path", path);
	out->pcr = -1;
	if (json_has(v, "pcr")) {
		TRY(json_get_u64(v, path, "pcr", LIMIT_PCRS - 1, &pcr, e));
		out->pcr = (int)pcr;
	}
	return decode_digest(v, path, &out->digest, e);
}

static rc
decode_waiver(struct policy *p, const json_t *v, const char *path,
    struct waiver *out, struct err *e)
{
	static const char *const known[] = {"code", "path", "pcr", "digest",
	    "owner", "approver", "reason", "expires", NULL};
	const char *code = NULL;
	char at[POLICY_PATH];

	TRY(json_only(v, path, known, e));
	TRY(required_text(p, v, path, "code", &code, e));
	policy_path(at, "%s.code", path);
	TRY(weighable_named(code, at, &out->code, e));
	TRY(decode_people(p, v, path, out, e));
	return decode_scope(p, v, path, out, e);
}

static rc
decode_waivers(struct policy *p, const json_t *doc, struct err *e)
{
	struct weights *w = &p->weights;
	const json_t *list = NULL;

	if (!json_has(doc, "waivers"))
		return RC_OK;
	TRY(json_get_array(doc, "", "waivers", &list, e));
	size_t n = json_array_size(list);
	if (n > WAIVERS_MAX)
		return err_at(e, ERR_JSON_LIMIT, NULL, "waivers");
	w->waivers = arena_array(&p->arena, n, sizeof(*w->waivers));
	if (!w->waivers)
		return err_at(e, ERR_MEMORY, NULL, "waivers");
	for (size_t i = 0; i < n; i++) {
		char at[POLICY_PATH];
		policy_path(at, "waivers[%zu]", i);
		TRY(decode_waiver(
		    p, json_array_get(list, i), at, &w->waivers[i], e));
	}
	w->waivers_n = n;
	return RC_OK;
}

rc
weight_rules_decode(struct policy *p, const json_t *doc, struct err *e)
{
	TRY(decode_severities(p, doc, e));
	return decode_waivers(p, doc, e);
}

/* --- use ------------------------------------------------------------------ */

static bool
waived_by(const struct waiver *w, const struct reason *r, int64_t now)
{
	const struct hash_alg *alg = hash_by_id(w->digest.alg);

	if (w->code != r->code || now >= w->note.expires)
		return false;
	if (w->pcr >= 0 && w->pcr != r->pcr)
		return false;
	if (w->path && (!r->file.p || !glob_match(w->path, r->file)))
		return false;
	return !alg || (r->digest && r->digest_alg == alg->id &&
			   memcmp(r->digest, w->digest.bytes, alg->size) == 0);
}

enum err_effect
policy_weigh(const struct policy *p, int64_t now, struct reason *r,
    enum err_effect effect)
{
	const struct weights *w = &p->weights;

	if (!weighable(r->code))
		return r->by_rule ? err_effect(r->code) : effect;
	for (size_t i = 0; !r->by_rule && i < w->codes_n; i++)
		if (w->codes[i].code == r->code)
			effect = w->codes[i].as.effect;
	for (size_t i = 0; effect == EFF_FAIL && i < w->waivers_n; i++)
		if (waived_by(&w->waivers[i], r, now)) {
			r->waiver = &w->waivers[i].note;
			effect = EFF_WARN;
		}
	return effect == EFF_FAIL && p->mode == MODE_WARN ? EFF_WARN : effect;
}

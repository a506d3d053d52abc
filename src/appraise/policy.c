/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/rules.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	/* Strings of a document end up in the arena; nothing else grows. */
	POLICY_ARENA = 256 * 1024 * 1024,
};

/* --- small getters -------------------------------------------------------- */

void
policy_path(char out[POLICY_PATH], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(out, POLICY_PATH, fmt, ap);
	va_end(ap);
}

void
policy_number(char out[12], unsigned pcr)
{
	snprintf(out, 12, "%u", pcr);
}

rc
policy_string(struct policy *p, const json_t *obj, const char *path,
    const char *key, const char **out, struct err *e)
{
	struct span s;

	if (!json_has(obj, key))
		return RC_OK;
	TRY(json_get_str(obj, path, key, &s, e));
	const char *own = arena_printf(&p->arena, "%.*s", (int)s.n, s.p);
	if (!own)
		return err_at(e, ERR_MEMORY, NULL, "%s", path);
	*out = own;
	return RC_OK;
}

rc
policy_bool(const json_t *obj, const char *path, const char *key, bool *out,
    struct err *e)
{
	return json_has(obj, key) ? json_get_bool(obj, path, key, out, e)
				  : RC_OK;
}

rc
policy_effect(const json_t *obj, const char *path, const char *key,
    enum err_effect *out, struct err *e)
{
	static const struct {
		const char *name;
		enum err_effect effect;
	} effects[] = {
	    {"fail", EFF_FAIL}, {"warn", EFF_WARN}, {"pass", EFF_NONE}};
	struct span s;

	if (!json_has(obj, key))
		return RC_OK;
	TRY(json_get_str(obj, path, key, &s, e));
	for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++)
		if (span_eq(s, span_str(effects[i].name))) {
			*out = effects[i].effect;
			return RC_OK;
		}
	return err_at(e, ERR_POLICY_FORMAT,
	    "One of \"fail\", \"warn\" and \"pass\" is expected.", "%s.%s",
	    path, key);
}

int
policy_bank(const struct policy *p, uint16_t alg)
{
	for (size_t i = 0; i < p->banks_n; i++)
		if (p->banks[i]->id == alg)
			return (int)i;
	return -1;
}

uint32_t
policy_pcrs(const struct policy *p)
{
	uint32_t all = 0;

	for (size_t i = 0; i < p->selection.n; i++)
		all |= p->selection.bank[i].mask;
	return all;
}

/* --- the document --------------------------------------------------------- */

static rc
decode_mode(struct policy *p, const json_t *doc, struct err *e)
{
	struct span mode = span_str("enforce");

	if (json_has(doc, "mode"))
		TRY(json_get_str(doc, "", "mode", &mode, e));
	p->observe = span_eq(mode, span_str("observe"));
	if (!p->observe && !span_eq(mode, span_str("enforce")))
		return err_at(e, ERR_POLICY_FORMAT,
		    "The mode is \"observe\" or \"enforce\".", "mode");
	return RC_OK;
}

static rc
decode_labels(struct policy *p, const json_t *doc, struct err *e)
{
	uint64_t form = 0;
	struct span name;

	TRY(json_get_u64(doc, "", "akashi_policy", UINT64_MAX >> 1, &form, e));
	if (form != 1)
		return err_at(e, ERR_POLICY_FORMAT,
		    "Only documents of form 1 are known here.",
		    "akashi_policy");
	TRY(json_get_str(doc, "", "name", &name, e));
	if (!name_valid(name))
		return err_at(e, ERR_NAME_FORMAT, NULL, "name");
	TRY(policy_string(p, doc, "", "name", &p->name, e));
	if (json_has(doc, "version"))
		TRY(json_get_u64(
		    doc, "", "version", INT32_MAX, &p->version, e));
	TRY(policy_string(p, doc, "", "description", &p->description, e));
	return policy_string(p, doc, "", "source", &p->source, e);
}

static rc
decode_valid_for(struct policy *p, const json_t *doc, struct err *e)
{
	struct span text;

	if (!json_has(doc, "valid_for"))
		return RC_OK;
	TRY(json_get_str(doc, "", "valid_for", &text, e));
	if (!rc_ok(duration_parse(text, &p->valid_for)))
		return err_at(e, ERR_POLICY_FORMAT,
		    "A duration is a number and s, m, h or d: \"24h\".",
		    "valid_for");
	return RC_OK;
}

/* What no member shows by itself. */
static bool
says_something(const struct policy *p)
{
	if (p->ima.allow_n || p->ima.globs_n || p->ima.keyring_n ||
	    p->cmdline.present || p->sb.required)
		return true;
	for (unsigned i = 0; i < LIMIT_PCRS; i++)
		if ((p->pcr[i].kind == PCR_VALUES ||
			p->pcr[i].kind == PCR_EVENTS) &&
		    p->pcr[i].n)
			return true;
	return false;
}

static rc
check_whole(const struct policy *p, struct err *e)
{
	uint32_t ima = p->ima.present ? p->ima.pcrs : 0;

	if (!says_something(p))
		return err_at(e, ERR_POLICY_EMPTY, NULL, "%s", "");
	if (ima & ~policy_pcrs(p))
		return err_at(e, ERR_POLICY_FORMAT,
		    "The IMA list is judged, so its PCR must be required.",
		    "ima.pcrs");
	TRY(sb_rules_check(p, e));
	for (unsigned i = 0; i < LIMIT_PCRS; i++) {
		uint32_t bit = 1u << i;
		if ((ima & bit) && p->pcr[i].kind != PCR_UNRULED)
			return err_at(e, ERR_POLICY_FORMAT,
			    "The PCR holds the IMA list, which \"ima\" judges.",
			    "boot.%u", i);
		if ((policy_pcrs(p) & ~ima) & bit)
			TRY(boot_rules_check(p, i, e));
	}
	return RC_OK;
}

static rc
decode_document(struct policy *p, const json_t *doc, struct err *e)
{
	static const char *const known[] = {"akashi_policy", "name", "version",
	    "description", "source", "mode", "valid_for", "pcrs", "secure_boot",
	    "firmware", "windows", "boot", "cmdline", "tpm", "ima", NULL};

	TRY(json_only(doc, "", known, e));
	TRY(decode_labels(p, doc, e));
	TRY(decode_mode(p, doc, e));
	TRY(decode_valid_for(p, doc, e));
	TRY(pcrs_decode(p, doc, e));
	TRY(sb_rules_decode(p, doc, e));
	TRY(firmware_rules_decode(p, doc, e));
	TRY(windows_rules_decode(p, doc, e));
	TRY(boot_rules_decode(p, doc, e));
	TRY(cmdline_rules_decode(p, doc, e));
	TRY(tpm_rules_decode(p, doc, e));
	if (!canonical_emit(doc, &p->canonical))
		return err_at(e,
		    p->canonical.failed ? ERR_MEMORY : ERR_POLICY_FORMAT,
		    "Numbers are integers, and an object has at most 64 "
		    "members.",
		    "ima");
	const json_t *ima = NULL;
	if (json_has(doc, "ima")) {
		TRY(json_get_object(doc, "", "ima", &ima, e));
		TRY(ima_rules_decode(p, ima, e));
	}
	return check_whole(p, e);
}

static rc
hash_canonical(struct policy *p, struct err *e)
{
	struct hasher *h = hasher_new();

	if (!h)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	rc r = hash_of(h, ALG_SHA256, buf_span(&p->canonical), p->hash);
	hasher_free(h);
	return rc_ok(r) ? r : err_at(e, r.code, NULL, "%s", "");
}

rc
policy_decode(struct span json, struct policy **out, struct err *e)
{
	JSON_AUTO doc = NULL;
	struct policy *p = NULL;

	TRY(json_decode(json, LIMIT_POLICY, &doc, e));
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	atomic_init(&p->refs, 1);
	arena_init(&p->arena, POLICY_ARENA);
	rc r = decode_document(p, doc, e);
	if (rc_ok(r))
		r = hash_canonical(p, e);
	if (!rc_ok(r)) {
		policy_unref(p);
		return r;
	}
	*out = p;
	return RC_OK;
}

rc
policy_pretty(struct span json, struct buf *out, struct err *e)
{
	JSON_AUTO doc = NULL;
	struct policy *p = NULL;

	TRY(policy_decode(json, &p, e));
	policy_unref(p);
	TRY(json_decode(json, LIMIT_POLICY, &doc, e));
	if (!canonical_pretty(doc, out))
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	return RC_OK;
}

/* --- what others see ------------------------------------------------------ */

struct policy *
policy_ref(struct policy *p)
{
	if (p)
		atomic_fetch_add(&p->refs, 1);
	return p;
}

void
policy_unref(struct policy *p)
{
	if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
		return;
	ima_rules_free(&p->ima);
	buf_free(&p->canonical);
	arena_free(&p->arena);
	free(p);
}

const char *
policy_name(const struct policy *p)
{
	return p->name;
}

void
policy_hash(const struct policy *p, uint8_t out[32])
{
	memcpy(out, p->hash, sizeof(p->hash));
}

struct span
policy_canonical(const struct policy *p)
{
	return buf_span(&p->canonical);
}

const struct pcr_selections *
policy_selection(const struct policy *p)
{
	return &p->selection;
}

int64_t
policy_valid_for(const struct policy *p)
{
	return p->valid_for;
}

bool
policy_observe(const struct policy *p)
{
	return p->observe;
}

bool
policy_needs_log(const struct policy *p)
{
	if (sb_rules_given(p) || p->cmdline.present)
		return true;
	for (unsigned i = 0; i < LIMIT_PCRS; i++)
		if (p->pcr[i].kind == PCR_EVENTS)
			return true;
	return false;
}

bool
policy_needs_ima(const struct policy *p)
{
	return p->ima.present;
}

uint32_t
policy_ima_pcrs(const struct policy *p)
{
	return p->ima.present ? p->ima.pcrs : 0;
}

size_t
policy_memory(const struct policy *p)
{
	size_t n = sizeof(*p) + p->arena.used + p->canonical.cap;

	for (size_t i = 0; i < p->ima.allow_n; i++)
		n += refset_memory(p->ima.allow[i]);
	return n;
}

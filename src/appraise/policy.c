/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/compose.h"
#include "appraise/rules.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	/* Strings of a document end up in the arena; nothing else grows. */
	POLICY_ARENA = 256 * 1024 * 1024,
	REGIONS_MAX = 64,
};

static const char *const mode_names[] = {
    [MODE_ENFORCE] = "enforce",
    [MODE_WARN] = "warn",
    [MODE_OBSERVE] = "observe",
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
	struct span mode;

	/* Nothing may stop a machine of this class by default. */
	if (p->env_class && strcmp(p->env_class, "ot") == 0)
		p->mode = MODE_OBSERVE;
	if (!json_has(doc, "mode"))
		return RC_OK;
	TRY(json_get_str(doc, "", "mode", &mode, e));
	for (int m = MODE_ENFORCE; m <= MODE_OBSERVE; m++)
		if (span_eq(mode, span_str(mode_names[m]))) {
			p->mode = (enum policy_mode)m;
			return RC_OK;
		}
	return err_at(e, ERR_POLICY_FORMAT,
	    "The mode is \"observe\", \"warn\" or \"enforce\".", "mode");
}

static rc
decode_class(struct policy *p, const json_t *doc, struct err *e)
{
	TRY(policy_string(p, doc, "", "class", &p->env_class, e));
	if (p->env_class && !env_class_valid(span_str(p->env_class)))
		return err_at(e, ERR_POLICY_FORMAT,
		    "There is no environment class of this name.", "class");
	return RC_OK;
}

static rc
decode_regions(struct policy *p, const json_t *doc, struct err *e)
{
	const json_t *list = NULL;

	if (!json_has(doc, "regions"))
		return RC_OK;
	TRY(json_get_array(doc, "", "regions", &list, e));
	size_t n = json_array_size(list);
	if (n == 0 || n > REGIONS_MAX)
		return err_at(e, ERR_POLICY_FORMAT,
		    "Name 1 to 64 regions, or leave the member out.",
		    "regions");
	p->regions.text = arena_array(&p->arena, n, sizeof(char *));
	for (size_t i = 0; p->regions.text && i < n; i++) {
		const char *s = json_string_value(json_array_get(list, i));
		if (!s || !*s)
			return err_at(e, ERR_POLICY_FORMAT,
			    "A region is the name that the verifier's "
			    "configuration has for it.",
			    "regions[%zu]", i);
		p->regions.text[i] = arena_printf(&p->arena, "%s", s);
		if (!p->regions.text[i])
			return err_at(e, ERR_MEMORY, NULL, "regions");
	}
	p->regions.n = n;
	return p->regions.text ? RC_OK : err_at(e, ERR_MEMORY, NULL, "regions");
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
decode_duration(const json_t *doc, const char *key, int64_t *out, struct err *e)
{
	struct span text;

	if (!json_has(doc, key))
		return RC_OK;
	TRY(json_get_str(doc, "", key, &text, e));
	if (!rc_ok(duration_parse(text, out)))
		return err_at(e, ERR_POLICY_FORMAT,
		    "A duration is a number and s, m, h or d: \"24h\".", "%s",
		    key);
	return RC_OK;
}

static rc
decode_times(struct policy *p, const json_t *doc, struct err *e)
{
	TRY(decode_duration(doc, "valid_for", &p->valid_for, e));
	TRY(decode_duration(doc, "interval", &p->interval, e));
	if (p->valid_for && p->interval >= p->valid_for)
		return err_at(e, ERR_POLICY_FORMAT,
		    "A node that keeps this interval would be stale before it "
		    "attests again: \"valid_for\" must be longer.",
		    "interval");
	return RC_OK;
}

/* What no member shows by itself. */
static bool
says_something(const struct policy *p)
{
	if (p->ima.allow.n || p->ima.globs_n || p->ima.keyring_n ||
	    p->cmdline.present || p->uki.present || p->sb.required ||
	    p->userspace.phases_n)
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
		bool uki =
		    i == 11 && p->uki.present && p->pcr[i].kind == PCR_UNRULED;
		if ((policy_pcrs(p) & ~ima) & bit && !uki)
			TRY(boot_rules_check(p, i, e));
	}
	return RC_OK;
}

static rc
decode_document(struct policy *p, const json_t *doc, struct err *e)
{
	static const char *const known[] = {"akashi_policy", "name", "version",
	    "description", "source", "class", "mode", "severity", "waivers",
	    "valid_for", "interval", "regions", "pcrs", "secure_boot",
	    "firmware", "windows", "boot", "log", "cmdline", "uki", "tpm",
	    "userspace", "ima", NULL};

	TRY(json_only(doc, "", known, e));
	TRY(decode_labels(p, doc, e));
	TRY(decode_class(p, doc, e));
	TRY(decode_mode(p, doc, e));
	TRY(weight_rules_decode(p, doc, e));
	TRY(decode_times(p, doc, e));
	TRY(decode_regions(p, doc, e));
	TRY(pcrs_decode(p, doc, e));
	TRY(sb_rules_decode(p, doc, e));
	TRY(firmware_rules_decode(p, doc, e));
	TRY(windows_rules_decode(p, doc, e));
	TRY(boot_rules_decode(p, doc, e));
	TRY(log_rules_decode(p, doc, e));
	TRY(cmdline_rules_decode(p, doc, e));
	TRY(uki_rules_decode(p, doc, e));
	TRY(tpm_rules_decode(p, doc, e));
	TRY(phase_rules_decode(p, doc, e));
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
	struct compose_base bases[COMPOSE_BASES];
	struct policy *p = NULL;
	size_t n;

	TRY(json_decode(json, LIMIT_POLICY, &doc, e));
	if (compose_is_derived(doc)) {
		TRY(compose_read(doc, bases, &n, e));
	} else {
		TRY(policy_decode(json, &p, e));
		policy_unref(p);
	}
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

int64_t
policy_interval(const struct policy *p)
{
	return p->interval;
}

bool
policy_observe(const struct policy *p)
{
	return p->mode == MODE_OBSERVE;
}

const char *
policy_mode(const struct policy *p)
{
	return mode_names[p->mode];
}

const char *
policy_class(const struct policy *p)
{
	return p->env_class;
}

const char *
policy_region(const struct policy *p, size_t i)
{
	return i < p->regions.n ? p->regions.text[i] : NULL;
}

rc
policy_applies(const struct policy *p, const char *env_class,
    const char *region, struct err *e)
{
	if (env_class && p->env_class && strcmp(env_class, p->env_class) != 0)
		return err_text(e, ERR_POLICY_NONE, "policy.class",
		    "The policy is for nodes of class %s.", p->env_class);
	for (size_t i = 0; region && i < p->regions.n; i++)
		if (strcmp(region, p->regions.text[i]) == 0)
			return RC_OK;
	if (p->regions.n)
		return err_at(e, ERR_POLICY_REGION, NULL, "policy.regions");
	return RC_OK;
}

bool
policy_needs_log(const struct policy *p)
{
	if (sb_rules_given(p) || p->cmdline.present || p->uki.present ||
	    log_rules_given(p))
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

bool
policy_needs_userspace(const struct policy *p)
{
	return p->userspace.present && p->userspace.required;
}

uint32_t
policy_ima_pcrs(const struct policy *p)
{
	return p->ima.present ? p->ima.pcrs : 0;
}

enum err_effect
policy_ima_aggregate(const struct policy *p)
{
	enum { MADE_FROM = 0x3ff };

	if (p->ima.aggregate_given)
		return p->ima.aggregate;
	for (size_t i = 0; i < p->selection.n; i++)
		if ((p->selection.bank[i].mask & MADE_FROM) == MADE_FROM)
			return EFF_FAIL;
	return policy_needs_log(p) ? EFF_FAIL : EFF_NONE;
}

static size_t
sets_memory(const struct ima_sets *sets)
{
	size_t n = 0;

	for (size_t i = 0; i < sets->n; i++)
		if (!sets->set[i].named)
			n += refset_memory(sets->set[i].set);
	return n;
}

size_t
policy_memory(const struct policy *p)
{
	size_t n = sizeof(*p) + p->arena.used + p->canonical.cap;

	n += sets_memory(&p->ima.allow);
	n += sets_memory(&p->ima.deny);
	return n;
}

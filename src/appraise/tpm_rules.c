/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding the member "tpm". */
#include "appraise/rules.h"

#include "base/clock.h"
#include "base/text.h"
#include "verify/key.h"
#include "verify/rot.h"

enum { LIST_MAX = 64 };

#define DELAY (60 * TIME_S)

static const struct {
	const char *name;
	enum err_effect effect;
} effects[TPM_EFFECT_COUNT] = {
#define X(id, name, effect) [TPM_##id] = {name, EFF_##effect},
    TPM_EFFECTS
#undef X
};

const char *
tpm_effect_name(enum tpm_effect id)
{
	return effects[id].name;
}

static rc
refuse(struct err *e, const char *path, const char *text)
{
	return err_at(e, ERR_POLICY_FORMAT, text, "%s", path);
}

/* --- lists ---------------------------------------------------------------- */

/* An array of 1 to LIST_MAX different strings; *out is NULL where there is no
 * such member. */
static rc
get_list(const json_t *tpm, const char *key, const json_t **out, struct err *e)
{
	char at[POLICY_PATH];
	const json_t *list;

	*out = NULL;
	if (!json_has(tpm, key))
		return RC_OK;
	policy_path(at, "tpm.%s", key);
	TRY(json_get_array(tpm, "tpm", key, &list, e));
	size_t n = json_array_size(list);
	if (n == 0 || n > LIST_MAX)
		return refuse(e, at, "A list of 1 to 64 is expected.");
	*out = list;
	return RC_OK;
}

static rc
get_item(const json_t *list, const char *key, size_t i, struct span *out,
    struct err *e)
{
	const json_t *v = json_array_get(list, i);

	if (!json_is_string(v))
		return err_at(e, ERR_JSON_TYPE, NULL, "tpm.%s[%zu]", key, i);
	*out = span_of(json_string_value(v), json_string_length(v));
	return RC_OK;
}

/* What a string of a list may be, and how a refusal says so. */
struct words {
	const char *key;
	bool (*known)(struct span word);
	const char *text;
};

static rc
get_words(struct policy *p, const json_t *tpm, const struct words *w,
    const char *const **out, size_t *n, struct err *e)
{
	const json_t *list;

	TRY(get_list(tpm, w->key, &list, e));
	if (!list)
		return RC_OK;
	size_t count = json_array_size(list);
	const char **words = arena_array(&p->arena, count, sizeof(*words));
	if (!words)
		return err_at(e, ERR_MEMORY, NULL, "tpm.%s", w->key);
	for (size_t i = 0; i < count; i++) {
		struct span s;
		TRY(get_item(list, w->key, i, &s, e));
		if (!w->known(s))
			return err_at(e, ERR_POLICY_FORMAT, w->text,
			    "tpm.%s[%zu]", w->key, i);
		words[i] = arena_printf(
		    &p->arena, "%.*s", (int)s.n, (const char *)s.p);
		if (!words[i])
			return err_at(e, ERR_MEMORY, NULL, "tpm.%s", w->key);
	}
	*out = words;
	*n = count;
	return RC_OK;
}

static bool
is_hash(struct span s)
{
	const struct hash_alg *alg = hash_by_name(s);

	return alg && alg->bank && alg->size >= 32;
}

/* "CVE-2019-16863" or whatever an advisory is called. */
static bool
is_id(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0 && s.n <= 64;
}

static rc
decode_words(struct policy *p, const json_t *tpm, struct err *e)
{
	static const struct words keys = {"keys", key_alg_known,
	    "A key is one of rsa-2048, rsa-3072, rsa-4096, ecc-p256, ecc-p384, "
	    "ecc-p521."};
	static const struct words hashes = {"hashes", is_hash,
	    "A signature's hash has 256 bits at least: \"sha256\"."};
	static const struct words accepted = {"accepted_advisories", is_id,
	    "An advisory is named as it was published: \"CVE-2019-16863\"."};
	struct tpm_rules *t = &p->tpm;

	TRY(get_words(p, tpm, &keys, &t->keys, &t->keys_n, e));
	TRY(get_words(p, tpm, &hashes, &t->hashes, &t->hashes_n, e));
	return get_words(p, tpm, &accepted, &t->accepted, &t->accepted_n, e);
}

static rc
decode_classes(struct policy *p, const json_t *tpm, struct err *e)
{
	const json_t *list;

	TRY(get_list(tpm, "classes", &list, e));
	for (size_t i = 0; list && i < json_array_size(list); i++) {
		struct span s;
		TRY(get_item(list, "classes", i, &s, e));
		enum rot_class c = rot_class_by_name(s);
		if (c == ROT_UNKNOWN && !span_eq(s, span_str("unknown")))
			return err_at(e, ERR_POLICY_FORMAT,
			    "A root of trust is \"discrete\", \"firmware\", "
			    "\"virtual\" or \"unknown\".",
			    "tpm.classes[%zu]", i);
		p->tpm.classes |= 1u << c;
	}
	return RC_OK;
}

static const char maker_text[] =
    "A manufacturer is \"id:\" and eight hex digits, or its name in the TCG "
    "vendor ID registry: \"IFX\".";

static rc
decode_makers(struct policy *p, const json_t *tpm, struct err *e)
{
	const json_t *list;

	TRY(get_list(tpm, "manufacturers", &list, e));
	if (!list)
		return RC_OK;
	size_t n = json_array_size(list);
	uint32_t *makers = arena_array(&p->arena, n, sizeof(*makers));
	if (!makers)
		return err_at(e, ERR_MEMORY, NULL, "tpm.manufacturers");
	for (size_t i = 0; i < n; i++) {
		struct span s;
		TRY(get_item(list, "manufacturers", i, &s, e));
		if (!maker_parse(s, &makers[i]))
			return err_at(e, ERR_POLICY_FORMAT, maker_text,
			    "tpm.manufacturers[%zu]", i);
	}
	p->tpm.makers = makers;
	p->tpm.makers_n = n;
	return RC_OK;
}

/* --- firmware ------------------------------------------------------------- */

static rc
decode_minimum(struct policy *p, const json_t *obj, const char *at,
    struct firmware_rule *out, struct err *e)
{
	static const char *const known[] = {
	    "manufacturer", "min", "source", NULL};
	struct span maker, min;

	if (!json_is_object(obj))
		return err_at(e, ERR_JSON_TYPE, NULL, "%s", at);
	TRY(json_only(obj, at, known, e));
	TRY(json_get_str(obj, at, "manufacturer", &maker, e));
	TRY(json_get_str(obj, at, "min", &min, e));
	if (!maker_parse(maker, &out->maker))
		return err_at(
		    e, ERR_POLICY_FORMAT, maker_text, "%s.manufacturer", at);
	if (!firmware_parse(min, &out->min))
		return err_at(e, ERR_POLICY_FORMAT,
		    "A firmware version is up to four numbers with dots: "
		    "\"7.85.4555.0\".",
		    "%s.min", at);
	return policy_string(p, obj, at, "source", &out->source, e);
}

static rc
decode_firmware(struct policy *p, const json_t *tpm, struct err *e)
{
	char at[POLICY_PATH];
	const json_t *list;

	TRY(get_list(tpm, "firmware", &list, e));
	if (!list)
		return RC_OK;
	size_t n = json_array_size(list);
	struct firmware_rule *rules = arena_array(&p->arena, n, sizeof(*rules));
	if (!rules)
		return err_at(e, ERR_MEMORY, NULL, "tpm.firmware");
	for (size_t i = 0; i < n; i++) {
		rules[i] = (struct firmware_rule){0, 0, NULL};
		policy_path(at, "tpm.firmware[%zu]", i);
		TRY(decode_minimum(
		    p, json_array_get(list, i), at, &rules[i], e));
		for (size_t k = 0; k < i; k++)
			if (rules[k].maker == rules[i].maker)
				return refuse(e, at,
				    "The manufacturer has a minimum already.");
	}
	p->tpm.firmware = rules;
	p->tpm.firmware_n = n;
	return RC_OK;
}

/* --- effects -------------------------------------------------------------- */

static rc
decode_effect(
    const json_t *tpm, const char *key, enum err_effect *out, struct err *e)
{
	static const struct {
		const char *name;
		enum err_effect effect;
	} words[] = {
	    {"fail", EFF_FAIL}, {"warn", EFF_WARN}, {"pass", EFF_NONE}};
	struct span s;

	if (!json_has(tpm, key))
		return RC_OK;
	TRY(json_get_str(tpm, "tpm", key, &s, e));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (span_eq(s, span_str(words[i].name))) {
			*out = words[i].effect;
			return RC_OK;
		}
	return err_at(e, ERR_POLICY_FORMAT,
	    "One of \"fail\", \"warn\" and \"pass\" is expected.", "tpm.%s",
	    key);
}

static rc
decode_delay(struct policy *p, const json_t *tpm, struct err *e)
{
	struct span text;

	if (!json_has(tpm, "max_delay"))
		return RC_OK;
	TRY(json_get_str(tpm, "tpm", "max_delay", &text, e));
	if (!rc_ok(duration_parse(text, &p->tpm.max_delay)))
		return refuse(e, "tpm.max_delay",
		    "A duration is a number and s, m, h or d: \"60s\".");
	return RC_OK;
}

static rc
only_known(const json_t *tpm, struct err *e)
{
	static const char *const known[] = {"classes", "manufacturers",
	    "firmware", "keys", "hashes", "accepted_advisories", "max_delay",
#define X(id, name, effect) name,
	    TPM_EFFECTS
#undef X
		NULL};

	return json_only(tpm, "tpm", known, e);
}

rc
tpm_rules_decode(struct policy *p, const json_t *doc, struct err *e)
{
	const json_t *tpm = NULL;

	p->tpm.max_delay = DELAY;
	for (int i = 0; i < TPM_EFFECT_COUNT; i++)
		p->tpm.effect[i] = effects[i].effect;
	if (!json_has(doc, "tpm"))
		return RC_OK;
	TRY(json_get_object(doc, "", "tpm", &tpm, e));
	TRY(only_known(tpm, e));
	TRY(decode_classes(p, tpm, e));
	TRY(decode_makers(p, tpm, e));
	TRY(decode_firmware(p, tpm, e));
	TRY(decode_words(p, tpm, e));
	TRY(decode_delay(p, tpm, e));
	for (int i = 0; i < TPM_EFFECT_COUNT; i++)
		TRY(decode_effect(tpm, effects[i].name, &p->tpm.effect[i], e));
	p->tpm.present = true;
	return RC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The IMA rules of a policy, applied to one attested entry. */
#include "appraise/rules.h"

#include "base/text.h"

/* One entry being judged. */
struct subject {
	const struct policy *p;
	const struct ima_entry *entry;
	struct verdict *v;
};

static bool
ends_with(struct span s, const char *end)
{
	size_t n = strlen(end);

	return s.n >= n && memcmp(s.p + s.n - n, end, n) == 0;
}

/* decisions.md 8: /init and kernel modules are os, all else middleware. */
static enum layer
layer_of_path(struct span path)
{
	static const char *const modules[] = {
	    ".ko", ".ko.xz", ".ko.zst", ".ko.gz"};

	if (span_eq(path, span_str("/init")))
		return LAYER_OS;
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		if (ends_with(path, modules[i]))
			return LAYER_OS;
	return LAYER_MIDDLEWARE;
}

static const char *
digest_text(struct arena *a, struct span alg, struct span digest)
{
	char *hex = hex_string(a, digest);

	return arena_printf(a, "%.*s:%s", (int)alg.n,
	    alg.p ? (const char *)alg.p : "", hex ? hex : "");
}

static void
report(const struct subject *s, enum err_code code, enum err_effect effect,
    const char *rule, const char *expected)
{
	struct arena *a = s->v->arena;
	struct reason r = REASON(code, layer_of_path(s->entry->path));

	r.pcr = (int)s->entry->pcr;
	r.event = s->entry->index;
	r.file = s->entry->path;
	const struct hash_alg *alg = hash_by_name(s->entry->digest_alg);
	if (alg && alg->size == s->entry->digest.n) {
		r.digest = s->entry->digest.p;
		r.digest_alg = alg->id;
	}
	if (!verdict_full(s->v, code, effect)) {
		r.path = arena_printf(a, "ima.entries[%u]", s->entry->index);
		r.event_type = verdict_printable(a, s->entry->template_name);
		r.rule = rule;
		r.expected = expected;
		r.found = arena_printf(a, "%s %s",
		    digest_text(a, s->entry->digest_alg, s->entry->digest),
		    verdict_printable(a, s->entry->path));
	}
	if (effect_fails(verdict_add(s->v, &r, effect)))
		verdict_check(s->v, CHECK_POLICY_IMA, CHECK_FAILED);
}

static bool
excluded(const struct ima_rules *r, struct span path)
{
	for (size_t i = 0; i < r->exclude_n; i++)
		if (glob_match(r->exclude[i].glob, path))
			return true;
	return false;
}

/* Said once for a list: its entries share the template. */
static void
check_template(const struct subject *s)
{
	const struct ima_rules *r = &s->p->ima;

	for (size_t i = 0; i < r->templates_n; i++)
		if (span_eq(s->entry->template_name, span_str(r->templates[i])))
			return;
	if (r->templates_n == 0)
		return;
	for (size_t i = 0; i < s->v->reasons_n; i++)
		if (s->v->reasons[i].code == ERR_IMA_TEMPLATE_CHANGED)
			return;
	report(s, ERR_IMA_TEMPLATE_CHANGED, EFF_FAIL, "ima.templates",
	    r->templates[0]);
}

static bool
weak(const struct ima_entry *entry)
{
	return entry->digest.n < 32;
}

static bool
allowed_by_glob(const struct ima_rules *r, const struct hash_alg *alg,
    const struct ima_entry *entry)
{
	for (size_t i = 0; i < r->globs_n; i++)
		if (r->globs[i].digest.alg == alg->id &&
		    memcmp(r->globs[i].digest.bytes, entry->digest.p,
			alg->size) == 0 &&
		    glob_match(r->globs[i].glob, entry->path))
			return true;
	return false;
}

static const struct refset *
set_of(const struct ima_rules *r, const struct hash_alg *alg)
{
	for (size_t i = 0; alg && i < r->allow_n; i++)
		if (refset_alg(r->allow[i]) == alg)
			return r->allow[i];
	return NULL;
}

/* By which of the keys that may sign this path, if any. */
static enum filesig
signature(const struct ima_rules *r, const struct hash_alg *alg,
    const struct ima_entry *entry)
{
	const struct file_key *keys[KEYRING_MAX];
	size_t n = 0;

	for (size_t i = 0; i < r->keyring_n; i++)
		if (!r->keyring[i].glob ||
		    glob_match(r->keyring[i].glob, entry->path))
			keys[n++] = r->keyring[i].key;
	return filesig_check(keys, n, entry->sig, alg, entry->digest.p);
}

/* What the allow list has at this entry, in its own words. */
static const char *
expected_text(const struct subject *s, const struct refset *set, size_t at,
    enum refset_found found)
{
	struct arena *a = s->v->arena;
	struct span text = ima_rules_text(s->p, set, at);

	if (verdict_full(s->v, ERR_IMA_CHANGED_FILE, EFF_FAIL))
		return NULL;
	if (found == REFSET_DIGEST)
		return text.n ? arena_printf(a, "at %.*s", (int)text.n, text.p)
			      : NULL;
	return digest_text(a, span_str(refset_alg(set)->name),
	    span_of(refset_digest(set, at), refset_alg(set)->size));
}

static void
check_file(const struct subject *s)
{
	const struct ima_rules *r = &s->p->ima;
	const struct ima_entry *entry = s->entry;
	const struct hash_alg *alg = hash_by_name(entry->digest_alg);
	const struct refset *set = set_of(r, alg);
	enum refset_found found = REFSET_NONE;
	size_t at = 0;

	if (alg && entry->digest.n == alg->size) {
		if (set)
			found =
			    refset_get(set, entry->digest.p, entry->path, &at);
		if (found == REFSET_PAIR || allowed_by_glob(r, alg, entry))
			return;
		enum filesig sig = signature(r, alg, entry);
		if (sig == FILESIG_BAD)
			report(s, ERR_IMA_SIGNATURE, EFF_FAIL, "ima.keyring",
			    NULL);
		if (sig == FILESIG_BAD || sig == FILESIG_GOOD)
			return;
	}
	if (found == REFSET_NONE)
		report(s, ERR_IMA_UNKNOWN_FILE, EFF_FAIL, "ima.allow", NULL);
	else if (found == REFSET_PATH)
		report(s, ERR_IMA_CHANGED_FILE, EFF_FAIL, "ima.allow",
		    expected_text(s, set, at, found));
	else if (r->other_path != EFF_NONE)
		report(s, ERR_IMA_PATH, r->other_path, "ima.other_path",
		    expected_text(s, set, at, found));
}

rc
policy_eval_ima(const struct policy *p, const struct ima_entry *entry,
    struct verdict *v, struct err *e)
{
	struct subject s = {p, entry, v};
	const struct ima_rules *r = &p->ima;

	(void)e;
	if (!r->present)
		return RC_OK;
	if (entry->pcr >= LIMIT_PCRS || !(r->pcrs & 1u << entry->pcr)) {
		report(&s, ERR_IMA_UNKNOWN_FILE, EFF_FAIL, "ima.pcrs", NULL);
		return RC_OK;
	}
	/* The first entry is judged against the boot PCRs, not by the list. */
	if (entry->index == 0 &&
	    span_eq(entry->path, span_str("boot_aggregate")))
		return RC_OK;
	check_template(&s);
	if (excluded(r, entry->path))
		return RC_OK;
	if (entry->violation) {
		if (r->violations != EFF_NONE)
			report(&s, ERR_IMA_VIOLATION, r->violations,
			    "ima.violations", NULL);
		return RC_OK;
	}
	if (weak(entry) && r->weak != EFF_NONE)
		report(
		    &s, ERR_IMA_WEAK_DIGEST, r->weak, "ima.weak_digests", NULL);
	if (!weak(entry) || r->weak != EFF_FAIL)
		check_file(&s);
	return RC_OK;
}

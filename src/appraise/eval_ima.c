/* SPDX-License-Identifier: Apache-2.0 */
/* The IMA rules of a policy, applied to the entries of a list. */
#include "appraise/rules.h"

#include "base/text.h"

/* So many entries wait for memory together. */
enum { WINDOW = 32 };

/* One entry being judged. */
struct subject {
	struct ima_entry entry;
	const struct hash_alg *alg; /* of the digest; NULL: not known here */
	bool verity;		    /* the digest is of fs-verity */
	bool attested;
};

struct ima_judge {
	const struct policy *p;
	struct verdict *v;
	bool complete;		    /* every set that is named is there */
	bool policy_seen;	    /* the kernel's policy, good or bad */
	bool weak_said, other_said; /* once for a list */
	struct span alg_name;	    /* the last, */
	const struct hash_alg *alg; /* and its row */
	size_t n;
	struct subject subject[WINDOW];
	struct refset_probe probe[WINDOW];
};

/* --- words ---------------------------------------------------------------- */

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
report(const struct ima_judge *j, const struct subject *s, enum err_code code,
    enum err_effect effect, struct reason r)
{
	struct arena *a = j->v->arena;
	const struct ima_entry *entry = &s->entry;

	r.code = code;
	r.layer = layer_of_path(entry->path);
	r.pcr = (int)entry->pcr;
	r.event = entry->index;
	r.file = entry->path;
	if (s->alg && !s->verity && s->alg->size == entry->digest.n) {
		r.digest = entry->digest.p;
		r.digest_alg = s->alg->id;
	}
	if (!verdict_full(j->v, code, effect)) {
		r.path = arena_printf(a, "ima.entries[%u]", entry->index);
		r.event_type = verdict_printable(a, entry->template_name);
		r.found = arena_printf(a, "%s %s",
		    digest_text(a, entry->digest_alg, entry->digest),
		    verdict_printable(a, entry->path));
	}
	if (effect_fails(verdict_add(j->v, &r, effect)))
		verdict_check(j->v, CHECK_POLICY_IMA, CHECK_FAILED);
}

#define BY(path) ((struct reason){.rule = (path)})

/* --- globs ---------------------------------------------------------------- */

static bool
taken(const struct glob_rule *globs, size_t n, struct span path)
{
	for (size_t i = 0; i < n; i++)
		if (glob_match(globs[i].glob, path))
			return true;
	return false;
}

static bool
counts_at(const char *glob, struct span path)
{
	return !glob || glob_match(glob, path);
}

/* --- deny ----------------------------------------------------------------- */

static bool
denied_by_path(const struct ima_rules *r, struct span path)
{
	for (size_t i = 0; i < r->deny_globs_n; i++)
		if (glob_match(r->deny_globs[i], path))
			return true;
	return false;
}

/* A digest of the file, or of a module without its signature. */
static bool
denied_digest(const struct ima_rules *r, const struct hash_alg *alg,
    struct span digest, struct span path)
{
	for (size_t i = 0; alg && i < r->deny.n; i++) {
		const struct ima_set *set = &r->deny.set[i];
		if (refset_alg(set->set) == alg && digest.n == alg->size &&
		    refset_has(set->set, digest.p) &&
		    counts_at(set->glob, path))
			return true;
	}
	return false;
}

static bool
denied(const struct ima_judge *j, const struct subject *s)
{
	const struct ima_rules *r = &j->p->ima;
	const struct ima_entry *entry = &s->entry;

	return denied_by_path(r, entry->path) ||
	       denied_digest(r, s->alg, entry->digest, entry->path) ||
	       (entry->modsig_digest.n &&
		   denied_digest(r, hash_by_name(entry->modsig_alg),
		       entry->modsig_digest, entry->path));
}

static void
report_denied(const struct ima_judge *j, const struct subject *s)
{
	struct reason r = BY("ima.deny");

	if (!s->attested)
		r.message = "A file that the policy denies is in the part of "
			    "the list that the quote does not cover.";
	report(j, s, ERR_IMA_DENIED, s->attested ? EFF_FAIL : EFF_WARN, r);
}

/* --- templates ------------------------------------------------------------ */

static bool
accepted(const struct ima_rules *r, struct span name)
{
	for (size_t i = 0; i < r->templates_n; i++)
		if (span_eq(name, span_str(r->templates[i])))
			return true;
	return r->templates_n == 0;
}

/* Said once for a list: its entries share the template. */
static void
check_template(struct ima_judge *j, const struct subject *s)
{
	const struct ima_rules *r = &j->p->ima;

	if (s->entry.is_ima && !j->weak_said)
		report(
		    j, s, ERR_IMA_WEAK_TEMPLATE, EFF_WARN, BY("ima.templates"));
	j->weak_said |= s->entry.is_ima;
	if (j->other_said || accepted(r, s->entry.template_name))
		return;
	j->other_said = true;
	report(j, s, ERR_IMA_TEMPLATE_CHANGED, EFF_FAIL,
	    (struct reason){
		.rule = "ima.templates", .expected = r->templates[0]});
}

/* --- files ---------------------------------------------------------------- */

static bool
weak(const struct ima_entry *entry)
{
	return entry->digest.n < 32;
}

static bool
allowed_by_glob(const struct ima_rules *r, const struct subject *s)
{
	for (size_t i = 0; i < r->globs_n; i++)
		if (r->globs[i].digest.alg == s->alg->id &&
		    memcmp(r->globs[i].digest.bytes, s->entry.digest.p,
			s->alg->size) == 0 &&
		    glob_match(r->globs[i].glob, s->entry.path))
			return true;
	return false;
}

/* What the allow lists know of a file. */
struct listed {
	enum refset_found found;
	const struct refset *set;
	size_t at;
};

/* A pair is best, then the digest, then the path; the first list that has it.
 */
static struct listed
look_up(const struct ima_judge *j, const struct subject *s,
    const struct refset_probe *probe)
{
	static const int rank[] = {[REFSET_NONE] = 0,
	    [REFSET_PATH] = 1,
	    [REFSET_DIGEST] = 2,
	    [REFSET_PAIR] = 3};
	const struct ima_sets *allow = &j->p->ima.allow;
	struct listed best = {REFSET_NONE, NULL, 0};

	for (size_t i = 0; i < allow->n && best.found != REFSET_PAIR; i++) {
		struct listed k = {REFSET_NONE, allow->set[i].set, 0};
		if (refset_alg(k.set) != s->alg ||
		    !counts_at(allow->set[i].glob, s->entry.path))
			continue;
		k.found = refset_find(k.set, probe, &k.at);
		if (rank[k.found] > rank[best.found])
			best = k;
	}
	return best;
}

/* By which of the keys that may sign this path, if any. */
static enum filesig
signature(const struct ima_rules *r, const struct subject *s)
{
	const struct file_key *keys[KEYRING_MAX];
	const struct ima_entry *entry = &s->entry;
	size_t n = 0;

	if (entry->sig.n == 0 && entry->modsig.n == 0)
		return FILESIG_ABSENT;
	for (size_t i = 0; i < r->keyring_n; i++)
		if (counts_at(r->keyring[i].glob, entry->path))
			keys[n++] = r->keyring[i].key;
	const struct filesig_subject file = {
	    .alg = s->alg, .digest = entry->digest.p, .verity = s->verity};
	enum filesig sig = filesig_check(keys, n, entry->sig, &file);
	if (sig == FILESIG_GOOD || sig == FILESIG_BAD || !entry->modsig.n)
		return sig;
	const struct hash_alg *alg = hash_by_name(entry->modsig_alg);
	return alg ? filesig_check_modsig(
			 keys, n, entry->modsig, alg, entry->modsig_digest)
		   : FILESIG_FOREIGN;
}

/* What the allow list has at this entry, in its own words. */
static const char *
expected_text(const struct ima_judge *j, const struct listed *k)
{
	struct arena *a = j->v->arena;
	struct span text = ima_rules_text(j->p, k->set, k->at);
	const struct hash_alg *alg = refset_alg(k->set);

	if (verdict_full(j->v, ERR_IMA_CHANGED_FILE, EFF_FAIL))
		return NULL;
	if (k->found == REFSET_DIGEST)
		return text.n ? arena_printf(a, "at %.*s", (int)text.n, text.p)
			      : NULL;
	return digest_text(a, span_str(alg->name),
	    span_of(refset_digest(k->set, k->at), alg->size));
}

static void
report_unlisted(const struct ima_judge *j, const struct subject *s,
    const struct listed *k, bool by_digest)
{
	enum err_effect other = j->p->ima.other_path;

	/* There a path says nothing, so no file has changed. */
	if (k->found == REFSET_NONE || (by_digest && k->found == REFSET_PATH))
		report(j, s, ERR_IMA_UNKNOWN_FILE, EFF_FAIL, BY("ima.allow"));
	else if (k->found == REFSET_PATH)
		report(j, s, ERR_IMA_CHANGED_FILE, EFF_FAIL,
		    (struct reason){
			.rule = "ima.allow", .expected = expected_text(j, k)});
	else if (other != EFF_NONE)
		report(j, s, ERR_IMA_PATH, other,
		    (struct reason){.rule = "ima.other_path",
			.expected = expected_text(j, k)});
}

static void
check_file(const struct ima_judge *j, const struct subject *s,
    const struct refset_probe *probe)
{
	const struct ima_rules *r = &j->p->ima;
	bool usable = s->alg && s->entry.digest.n == s->alg->size;
	bool by_digest = taken(r->by_digest, r->by_digest_n, s->entry.path);
	struct listed k = {REFSET_NONE, NULL, 0};

	if (usable && !s->verity) {
		k = look_up(j, s, probe);
		if (k.found == REFSET_PAIR ||
		    (by_digest && k.found == REFSET_DIGEST) ||
		    allowed_by_glob(r, s))
			return;
	}
	enum filesig sig = usable ? signature(r, s) : FILESIG_ABSENT;
	if (sig == FILESIG_BAD)
		report(j, s, ERR_IMA_SIGNATURE, EFF_FAIL, BY("ima.keyring"));
	if (sig != FILESIG_BAD && sig != FILESIG_GOOD)
		report_unlisted(j, s, &k, by_digest);
}

/* --- the kernel's own policy ---------------------------------------------- */

static void
check_policy(struct ima_judge *j, const struct subject *s)
{
	const struct ima_policy_rule *r = &j->p->ima.policy;

	j->policy_seen = true;
	for (size_t i = 0; s->alg && !s->verity && i < r->n; i++)
		if (r->accept[i].alg == s->alg->id &&
		    span_eq(s->entry.digest,
			span_of(r->accept[i].bytes, s->alg->size)))
			return;
	report(j, s, ERR_IMA_POLICY_UNKNOWN, EFF_FAIL, BY("ima.policy"));
}

static void
report_no_policy(const struct ima_judge *j)
{
	struct reason r = REASON(ERR_IMA_POLICY_UNKNOWN, LAYER_OS);

	r.path = "ima.entries";
	r.message = "The list has no measurement of the kernel's IMA policy.";
	r.rule = "ima.policy";
	r.expected = arena_printf(j->v->arena, "at %s", j->p->ima.policy.glob);
	if (effect_fails(verdict_add(j->v, &r, EFF_FAIL)))
		verdict_check(j->v, CHECK_POLICY_IMA, CHECK_FAILED);
}

/* --- one entry ------------------------------------------------------------ */

static void
check_content(struct ima_judge *j, const struct subject *s,
    const struct refset_probe *probe)
{
	const struct ima_rules *r = &j->p->ima;

	if (taken(r->exclude, r->exclude_n, s->entry.path))
		return;
	if (s->entry.violation) {
		if (r->violations != EFF_NONE)
			report(j, s, ERR_IMA_VIOLATION, r->violations,
			    BY("ima.violations"));
		return;
	}
	if (weak(&s->entry) && r->weak != EFF_NONE)
		report(
		    j, s, ERR_IMA_WEAK_DIGEST, r->weak, BY("ima.weak_digests"));
	if (!weak(&s->entry) || r->weak != EFF_FAIL)
		check_file(j, s, probe);
}

static void
judge(struct ima_judge *j, const struct subject *s,
    const struct refset_probe *probe)
{
	const struct ima_rules *r = &j->p->ima;
	const struct ima_entry *entry = &s->entry;
	bool aggregate = span_eq(entry->path, span_of("boot_aggregate", 14));

	if (!s->attested) {
		if (denied(j, s))
			report_denied(j, s);
		return;
	}
	if (entry->pcr >= LIMIT_PCRS || !(r->pcrs & 1u << entry->pcr)) {
		report(j, s, ERR_IMA_UNKNOWN_FILE, EFF_FAIL, BY("ima.pcrs"));
		return;
	}
	/* The first entry is judged against the boot PCRs, not by the list. */
	if (entry->index == 0 && aggregate)
		return;
	if (denied(j, s)) {
		report_denied(j, s);
		return;
	}
	check_template(j, s);
	/* That it follows from the boot PCRs is judged there as well. */
	if (aggregate && r->kexec != EFF_NONE)
		report(j, s, ERR_IMA_KEXEC, r->kexec, BY("ima.kexec"));
	else if (!aggregate && r->policy.n &&
		 glob_match(r->policy.glob, entry->path))
		check_policy(j, s);
	else if (!aggregate)
		check_content(j, s, probe);
}

/* --- a window of entries -------------------------------------------------- */

/* Names come in runs: "sha256" for a whole list. */
static const struct hash_alg *
alg_of(struct ima_judge *j, struct span name, bool *verity)
{
	static const struct span prefix = {(const uint8_t *)"verity:", 7};

	*verity = name.n > prefix.n && memcmp(name.p, prefix.p, prefix.n) == 0;
	if (*verity)
		name = span_of(name.p + prefix.n, name.n - prefix.n);
	if (!span_eq(name, j->alg_name)) {
		j->alg = hash_by_name(name);
		j->alg_name = name;
	}
	return j->alg;
}

static void
warm(const struct ima_judge *j, const struct ima_sets *sets)
{
	for (size_t i = 0; i < sets->n; i++)
		refset_warm(sets->set[i].set, j->probe, j->n);
}

static void
flush(struct ima_judge *j)
{
	warm(j, &j->p->ima.deny);
	warm(j, &j->p->ima.allow);
	for (size_t i = 0; i < j->n; i++)
		judge(j, &j->subject[i], &j->probe[i]);
	j->n = 0;
}

static void
take(struct ima_judge *j, const struct ima_entry *entry, bool attested)
{
	struct subject *s = &j->subject[j->n];
	struct refset_probe *probe = &j->probe[j->n];

	s->entry = *entry;
	s->attested = attested;
	s->alg = alg_of(j, entry->digest_alg, &s->verity);
	*probe = (struct refset_probe){NULL, 0};
	if (s->alg && !entry->violation && entry->digest.n == s->alg->size)
		*probe = (struct refset_probe){
		    entry->digest.p, refset_path_hash(entry->path)};
	if (++j->n == WINDOW)
		flush(j);
}

static bool
complete(const struct ima_sets *sets)
{
	for (size_t i = 0; i < sets->n; i++)
		if (!sets->set[i].set)
			return false;
	return true;
}

struct ima_judge *
ima_judge_new(const struct policy *p, struct verdict *v)
{
	struct ima_judge *j = arena_alloc(v->arena, sizeof(*j));

	if (!j)
		return NULL;
	j->p = p;
	j->v = v;
	j->complete = complete(&p->ima.allow) && complete(&p->ima.deny);
	return j;
}

rc
ima_judge_entry(void *ctx, const struct ima_entry *entry, struct err *e)
{
	struct ima_judge *j = ctx;

	(void)e;
	if (j->complete && j->p->ima.present)
		take(j, entry, true);
	return RC_OK;
}

bool
ima_judge_tail(const struct policy *p)
{
	return p->ima.deny.n || p->ima.deny_globs_n;
}

void
ima_judge_unattested(struct ima_judge *j, const struct ima_entry *entry)
{
	if (j->complete && j->p->ima.present)
		take(j, entry, false);
}

static void
report_missing(const struct ima_judge *j)
{
	struct reason r = REASON(ERR_POLICY_REFSET, LAYER_NONE);
	struct refset_use use = {NULL, NULL, true};

	for (size_t i = 0; use.bound && policy_refset(j->p, i, &use); i++)
		;
	r.path = "ima";
	r.expected = arena_printf(j->v->arena, "%s%ssha256:%s",
	    use.name ? use.name : "", use.name ? ", " : "",
	    hex_string(j->v->arena, span_of(use.hash, 32)));
	(void)verdict_add(j->v, &r, EFF_NONE);
}

void
ima_judge_end(struct ima_judge *j, bool whole)
{
	if (!j->complete) {
		report_missing(j);
		return;
	}
	flush(j);
	if (whole && j->p->ima.policy.n && !j->policy_seen)
		report_no_policy(j);
	verdict_check(j->v, CHECK_POLICY_IMA, CHECK_PASSED);
}

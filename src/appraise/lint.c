/* SPDX-License-Identifier: Apache-2.0 */
/* Questions that a careful reader has about a policy: its weights, banks, files
 * and TPM; lint_boot.c asks about the boot, lint_sb.c about Secure Boot. */
#include "appraise/lint.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdarg.h>

#define DAYS(n) ((int64_t)(n)*86400 * TIME_S)

/* Work on lists of a million files stays within a second. */
enum { LINT_MATCHES = 10 * 1000 * 1000 };

static const struct {
	const char *code, *en, *ja;
} sentences[] = {
#define X(id, code, en, ja) [LINT_##id] = {"lint." code, en, ja},
#include "appraise/lint.def"
#undef X
};

/* What a question of each family means. */
static const char *
severity_of(const char *code)
{
	static const struct {
		const char *family, *severity;
	} rows[] = {
	    {"lint.contradiction.", "error"},
	    {"lint.golden.", "warning"},
	    {"lint.broad.", "warning"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strncmp(code, rows[i].family, strlen(rows[i].family)) == 0)
			return rows[i].severity;
	return "notice";
}

static void
list_finding(struct jw *w, enum lint_id id, const char *path)
{
	jw_object(w);
	jw_kstr(w, "code", sentences[id].code);
	jw_kstr(w, "severity", severity_of(sentences[id].code));
	jw_kstr(w, "path", path);
	jw_kstr(w, "message", sentences[id].en);
	jw_kstr(w, "message_ja", sentences[id].ja);
	jw_object_end(w);
}

void
lint_ask(struct lint *l, enum lint_id id, const char *path_fmt, ...)
{
	bool ja = strcmp(l->lang, "ja") == 0;
	char path[POLICY_PATH];
	va_list ap;

	va_start(ap, path_fmt);
	vsnprintf(path, sizeof(path), path_fmt, ap);
	va_end(ap);
	l->n++;
	if (l->list)
		list_finding(l->list, id, path);
	else
		buf_printf(l->out, "%s: %s [%s]\n", path,
		    ja ? sentences[id].ja : sentences[id].en,
		    sentences[id].code);
}

/* --- weights -------------------------------------------------------------- */

static bool
begins(enum err_code code, const char *prefix)
{
	return strncmp(err_name(code), prefix, strlen(prefix)) == 0;
}

/* Does a rule of this policy find it at all, as a failure? */
static bool
can_fail(const struct policy *p, enum err_code code)
{
	struct reason r = REASON(code, LAYER_NONE);
	const struct weights *w = &p->weights;

	if ((begins(code, "ima.") && !p->ima.present) ||
	    (begins(code, "uki.") && !p->uki.present) ||
	    (begins(code, "boot.cmdline.") && !p->cmdline.present))
		return false;
	for (size_t i = 0; i < w->codes_n; i++)
		if (w->codes[i].code == r.code)
			return w->codes[i].as.effect == EFF_FAIL;
	return true;
}

static void
lint_waiver(struct lint *l, const struct waiver *w, size_t i)
{
	int64_t left = w->note.expires - l->now;

	if (left <= 0)
		lint_ask(l, LINT_WAIVER_LAPSED, "waivers[%zu]", i);
	else if (left < DAYS(14))
		lint_ask(l, LINT_WAIVER_SOON, "waivers[%zu]", i);
	else if (left > DAYS(366))
		lint_ask(l, LINT_WAIVER_LONG, "waivers[%zu]", i);
	if (w->path && strstr(w->path, "**"))
		lint_ask(l, LINT_WAIVER_GLOB, "waivers[%zu]", i);
	if (!w->path && w->pcr < 0 && !w->digest.alg)
		lint_ask(l, LINT_WAIVER_ALL, "waivers[%zu]", i);
	if (!can_fail(l->p, w->code))
		lint_ask(l, LINT_WAIVER_UNUSED, "waivers[%zu]", i);
}

/* "ima" has members of its own for these. */
static bool
said_otherwise(const struct policy *p, const struct code_severity *c)
{
	const struct {
		enum err_code code;
		enum err_effect said, otherwise;
	} rows[] = {
	    {ERR_IMA_PATH, p->ima.other_path, EFF_WARN},
	    {ERR_IMA_WEAK_DIGEST, p->ima.weak, EFF_FAIL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == c->code && p->ima.present)
			return rows[i].said != rows[i].otherwise &&
			       rows[i].said != c->as.effect;
	return false;
}

static void
lint_weights(struct lint *l)
{
	const struct weights *w = &l->p->weights;

	if (l->p->mode == MODE_WARN)
		lint_ask(l, LINT_MODE_WARN, "mode");
	if (l->p->mode == MODE_OBSERVE)
		lint_ask(l, LINT_MODE_OBSERVE, "mode");
	for (size_t i = 0; i < w->codes_n; i++) {
		const struct code_severity *c = &w->codes[i];
		const char *name = err_name(c->code);
		if (c->as.effect == err_effect(c->code))
			lint_ask(l, LINT_SEVERITY_SAME, "severity.%s", name);
		if (c->as.effect == EFF_NONE)
			lint_ask(l, LINT_SEVERITY_INFO, "severity.%s", name);
		if (said_otherwise(l->p, c))
			lint_ask(l, LINT_SEVERITY_TWICE, "severity.%s", name);
	}
	for (size_t i = 0; i < w->waivers_n; i++)
		lint_waiver(l, &w->waivers[i], i);
}

/* --- banks and PCRs ------------------------------------------------------- */

static void
lint_banks(struct lint *l)
{
	uint32_t all = policy_pcrs(l->p);
	uint32_t strong = 0;

	for (size_t i = 0; i < l->p->selection.n; i++)
		if (l->p->selection.bank[i].alg != ALG_SHA1)
			strong |= l->p->selection.bank[i].mask;
	if (all & ~strong)
		lint_ask(l, LINT_SHA1_ONLY, "pcrs");
	if (!(all & 1u))
		lint_ask(l, LINT_PCR0, "pcrs");
	if (!(all & 1u << 4))
		lint_ask(l, LINT_PCR4, "pcrs");
	if (!(all & 1u << 7))
		lint_ask(l, LINT_PCR7, "pcrs");
}

/* --- files ---------------------------------------------------------------- */

static bool
takes_programs(const char *glob)
{
	static const char *const probes[] = {"/usr/bin/probe",
	    "/usr/sbin/probe", "/usr/lib/x/probe.so", "/lib/modules/x/probe.ko",
	    "/init"};

	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		if (glob_match(glob, span_str(probes[i])))
			return true;
	return false;
}

/* An allowed file that the glob takes; the first `most` are looked at. */
static bool
takes_allowed(const struct policy *p, const char *glob, size_t most)
{
	for (size_t s = 0; s < p->ima.allow.n; s++) {
		const struct refset *set = p->ima.allow.set[s].set;
		size_t n = set ? refset_count(set) : 0;
		for (size_t i = 0; i < n && i < most; i++) {
			struct span text = ima_rules_text(p, set, i);
			if (text.n && glob_match(glob, text))
				return true;
		}
	}
	return false;
}

static void
lint_exclude(struct lint *l, size_t i)
{
	const struct ima_rules *r = &l->p->ima;
	const char *glob = r->exclude[i].glob;

	if (takes_programs(glob))
		lint_ask(l, LINT_IMA_EXCLUDE, "ima.exclude[%zu]", i);
	if (takes_allowed(l->p, glob, LINT_MATCHES / r->exclude_n))
		lint_ask(l, LINT_IMA_EXCLUDED, "ima.exclude[%zu]", i);
	if (!r->exclude[i].source && !l->p->source)
		lint_ask(l, LINT_NO_SOURCE, "ima.exclude[%zu]", i);
	for (size_t k = 0; k < r->exclude_n && k < 64; k++)
		/* Without stars of its own, the glob is one of the paths. */
		if (k != i && !strpbrk(glob, "*?") &&
		    glob_match(r->exclude[k].glob, span_str(glob))) {
			lint_ask(
			    l, LINT_IMA_EXCLUDE_TWICE, "ima.exclude[%zu]", i);
			return;
		}
}

static void
lint_sets(struct lint *l, const struct ima_sets *sets, const char *path)
{
	for (size_t i = 0; i < sets->n; i++)
		if (!sets->set[i].set)
			lint_ask(l, LINT_IMA_SET_MISSING, "%s", path);
}

static void
lint_ima(struct lint *l)
{
	const struct ima_rules *r = &l->p->ima;

	if (!r->present) {
		lint_ask(l, LINT_NO_IMA, "ima");
		return;
	}
	if (r->violations != EFF_FAIL)
		lint_ask(l, LINT_IMA_VIOLATIONS, "ima.violations");
	if (r->weak != EFF_FAIL)
		lint_ask(l, LINT_IMA_WEAK, "ima.weak_digests");
	if (r->kexec != EFF_FAIL)
		lint_ask(l, LINT_IMA_KEXEC, "ima.kexec");
	for (size_t i = 0; i < r->by_digest_n; i++)
		if (takes_programs(r->by_digest[i].glob))
			lint_ask(
			    l, LINT_IMA_BY_DIGEST, "ima.by_digest[%zu]", i);
	lint_sets(l, &r->allow, "ima.allow");
	lint_sets(l, &r->deny, "ima.deny");
	for (size_t i = 0; i < r->exclude_n; i++)
		lint_exclude(l, i);
	for (size_t i = 0; i < r->globs_n; i++)
		if (glob_match(r->globs[i].glob, span_str("/usr/bin/probe")) &&
		    glob_match(r->globs[i].glob, span_str("/tmp/x/probe")))
			lint_ask(l, LINT_IMA_GLOB, "ima.globs[%zu]", i);
}

/* --- all of them ---------------------------------------------------------- */

static void
lint_tpm(struct lint *l)
{
	const struct tpm_rules *t = &l->p->tpm;
	static const struct {
		int knob;
		enum lint_id id;
		const char *path;
	} rows[] = {
	    {TPM_ADVISORIES, LINT_TPM_ADVISORIES, "tpm.advisories"},
	    {TPM_FIRMWARE_DOWNGRADE, LINT_TPM_DOWNGRADE,
		"tpm.firmware_downgrade"},
	    {TPM_LOG_CHANGE, LINT_TPM_LOG_CHANGE, "tpm.log_change"},
	    {TPM_DELAYED, LINT_TPM_DELAYED, "tpm.delayed"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (t->effect[rows[i].knob] == EFF_NONE)
			lint_ask(l, rows[i].id, "%s", rows[i].path);
	if (t->classes & 1u << ROT_UNKNOWN)
		lint_ask(l, LINT_TPM_UNKNOWN, "tpm.classes");
}

static size_t
ask_all(struct lint *l)
{
	lint_weights(l);
	lint_banks(l);
	lint_boot(l);
	lint_log(l);
	lint_cmdline(l);
	lint_uki(l);
	lint_tpm(l);
	lint_phases(l);
	lint_ima(l);
	lint_sb(l);
	return l->n;
}

size_t
policy_lint(
    const struct policy *p, int64_t now, const char *lang, struct buf *out)
{
	struct lint l = {.p = p, .now = now, .lang = lang, .out = out};

	return ask_all(&l);
}

size_t
policy_lint_json(const struct policy *p, int64_t now, struct jw *w)
{
	struct lint l = {.p = p, .now = now, .lang = "en", .list = w};

	return ask_all(&l);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A policy in words, and the questions a careful reader has about it. */
#include "appraise/rules.h"

#include "base/clock.h"
#include "base/text.h"

#define WAIVER_SOON ((int64_t)14 * 86400 * TIME_S)
#define WAIVER_LONG ((int64_t)366 * 86400 * TIME_S)

/* --- in words --------------------------------------------------------- */

static void
put_duration(struct buf *out, int64_t us)
{
	int64_t s = us / TIME_S;

	if (s % 86400 == 0)
		buf_printf(out, "%lld d", (long long)(s / 86400));
	else if (s % 3600 == 0)
		buf_printf(out, "%lld h", (long long)(s / 3600));
	else
		buf_printf(out, "%lld s", (long long)s);
}

static void
put_pcrs(struct buf *out, uint32_t mask)
{
	bool any = false;

	for (unsigned i = 0; i < LIMIT_PCRS; i++)
		if (mask & 1u << i) {
			buf_printf(out, "%s%u", any ? ", " : "", i);
			any = true;
		}
}

static void
describe_head(const struct policy *p, struct buf *out)
{
	char hex[65];

	hex_emit(span_of(p->hash, sizeof(p->hash)), hex);
	buf_printf(out, "%s", p->name);
	if (p->version)
		buf_printf(
		    out, ", version %llu", (unsigned long long)p->version);
	buf_printf(out, "\n  hash sha256:%s\n", hex);
	if (p->description)
		buf_printf(out, "  %s\n", p->description);
	if (p->source)
		buf_printf(out, "  from %s\n", p->source);
	if (p->env_class)
		buf_printf(out, "  for nodes of class %s\n", p->env_class);
	buf_printf(out, "  mode: %s\n",
	    p->mode == MODE_OBSERVE
		? "observe (failures are shown, the status stays)"
	    : p->mode == MODE_WARN ? "warn (failures count as warnings)"
				   : "enforce");
	if (p->valid_for) {
		buf_puts(out, "  a verdict holds for ");
		put_duration(out, p->valid_for);
		buf_puts(out, "\n");
	}
	if (p->interval) {
		buf_puts(out, "  attested every ");
		put_duration(out, p->interval);
		buf_puts(out, "\n");
	}
	for (size_t i = 0; i < p->regions.n; i++)
		buf_printf(out, "%s%s", i ? ", " : "  judged only in ",
		    p->regions.text[i]);
	buf_puts(out, p->regions.n ? "\n" : "");
	for (size_t i = 0; i < p->selection.n; i++) {
		const struct hash_alg *alg =
		    hash_by_id(p->selection.bank[i].alg);
		buf_printf(out, "  must be quoted: %s PCR ", alg->name);
		put_pcrs(out, p->selection.bank[i].mask);
		buf_puts(out, "\n");
	}
	sb_rules_describe(p, out);
}

/* The digest that stands for a value: the first strong one. */
static void
put_value(const struct policy *p, const struct golden_value *v, struct buf *out)
{
	char hex[2 * HASH_MAX + 1];
	size_t b = p->banks_n;

	while (b > 0 && !v->digest[b - 1])
		b--;
	for (size_t i = 0; i < p->banks_n; i++)
		if (v->digest[i] && p->banks[i]->id != ALG_SHA1) {
			b = i + 1;
			break;
		}
	if (b == 0)
		return;
	hex_emit(span_of(v->digest[b - 1], 8), hex);
	if (v->text)
		buf_printf(out, "%s%s (%s:%s…)", v->text,
		    v->bound ? "" : " [label]", p->banks[b - 1]->name, hex);
	else
		buf_printf(out, "%s:%s…", p->banks[b - 1]->name, hex);
	if (v->source)
		buf_printf(out, ", from %s", v->source);
}

static void
describe_event(const struct policy *p, const struct event_rule *r, size_t i,
    struct buf *out)
{
	const char *type = evlog_type_name(r->type);

	buf_printf(out, "      %zu. ", i);
	if (type)
		buf_puts(out, type);
	else
		buf_printf(out, "0x%08x", r->type);
	buf_printf(out, "%s%s%s%s\n", r->optional ? ", optional" : "",
	    r->repeat ? ", any number of times" : "",
	    r->layer == LAYER_NONE ? "" : ", layer ",
	    r->layer == LAYER_NONE ? "" : layer_name(r->layer));
	if (r->severity.given)
		buf_printf(out, "         counts as %s\n",
		    effect_name(r->severity.effect));
	for (size_t k = 0; k < r->n; k++) {
		buf_printf(out, "         %s", k ? "or " : "");
		put_value(p, &r->accept[k], out);
		buf_puts(out, "\n");
	}
}

static void
describe_pcr(const struct policy *p, unsigned pcr, struct buf *out)
{
	const struct pcr_rule *rule = &p->pcr[pcr];

	if (rule->kind == PCR_OPAQUE)
		buf_printf(
		    out, "    PCR %u: not judged (%s)\n", pcr, rule->why);
	if (rule->kind == PCR_EVENTS)
		buf_printf(out,
		    rule->n ? "    PCR %u: exactly these events, in order\n"
			    : "    PCR %u: nothing may be measured\n",
		    pcr);
	for (size_t i = 0; rule->kind == PCR_EVENTS && i < rule->n; i++)
		describe_event(p, &rule->events[i], i, out);
	if (rule->kind != PCR_VALUES)
		return;
	buf_printf(out, "    PCR %u: the value is\n", pcr);
	for (size_t i = 0; i < rule->n; i++) {
		buf_printf(out, "         %s", i ? "or " : "");
		put_value(p, &rule->values[i], out);
		buf_puts(out, "\n");
	}
}

static const char *
effect_word(enum err_effect e)
{
	return e == EFF_FAIL ? "fail" : e == EFF_WARN ? "warn" : "pass";
}

static void
describe_ima(const struct policy *p, struct buf *out)
{
	const struct ima_rules *r = &p->ima;

	buf_puts(out, "  files measured by IMA, PCR ");
	put_pcrs(out, r->pcrs);
	buf_puts(out, "\n");
	for (size_t i = 0; i < r->allow_n; i++)
		buf_printf(out, "    %zu (digest, path) pairs allowed, %s\n",
		    refset_count(r->allow[i]), refset_alg(r->allow[i])->name);
	for (size_t i = 0; i < r->globs_n; i++)
		buf_printf(
		    out, "    one digest allowed at %s\n", r->globs[i].glob);
	for (size_t i = 0; i < r->keyring_n; i++)
		buf_printf(out, "    signed by %s%s%s\n",
		    file_key_subject(r->keyring[i].key),
		    r->keyring[i].glob ? ", at " : "",
		    r->keyring[i].glob ? r->keyring[i].glob : "");
	for (size_t i = 0; i < r->exclude_n; i++)
		buf_printf(out, "    not judged: %s\n", r->exclude[i].glob);
	for (size_t i = 0; i < r->templates_n; i++)
		buf_printf(out, "    template %s\n", r->templates[i]);
	buf_printf(out,
	    "    a known file at another path: %s\n"
	    "    a violation: %s\n"
	    "    a SHA-1 digest: %s\n"
	    "    anything else: fail\n",
	    effect_word(r->other_path), effect_word(r->violations),
	    effect_word(r->weak));
}

static void
put_list(const struct text_list *list, struct buf *out)
{
	for (size_t i = 0; i < list->n; i++)
		buf_printf(out, "%s%s", i ? " or " : " = ", list->text[i]);
}

static void
describe_cmdline(const struct policy *p, struct buf *out)
{
	const struct cmdline_rules *r = &p->cmdline;

	buf_puts(out, "  kernel command line\n");
	for (size_t i = 0; i < r->lines.n; i++)
		buf_printf(out, "    accepted: %s\n", r->lines.text[i]);
	for (size_t i = 0; i < r->tokens_n; i++) {
		const struct token_rule *t = &r->tokens[i];
		buf_printf(out, "    %s%s",
		    t->forbidden  ? "never "
		    : t->required ? "required: "
				  : "allowed: ",
		    t->name);
		put_list(&t->values, out);
		put_list(&t->globs, out);
		if (t->source)
			buf_printf(out, ", from %s", t->source);
		buf_puts(out, "\n");
	}
	buf_printf(out, "    any other token: %s\n", effect_word(r->others));
}

static void
describe_waiver(const struct waiver *w, struct buf *out)
{
	char until[TIME_TEXT];

	time_emit(w->note.expires, until);
	buf_printf(out, "  until %s %s is a warning", until, err_name(w->code));
	if (w->pcr >= 0)
		buf_printf(out, " in PCR %d", w->pcr);
	if (w->path)
		buf_printf(out, " at %s", w->path);
	if (w->digest.alg)
		buf_puts(out, " of one digest");
	buf_printf(out, ": %s (owner %s, approved by %s)\n", w->note.reason,
	    w->note.owner, w->note.approver);
}

static void
describe_weights(const struct policy *p, struct buf *out)
{
	const struct weights *w = &p->weights;

	for (size_t i = 0; i < w->codes_n; i++)
		buf_printf(out, "  %s counts as %s\n",
		    err_name(w->codes[i].code),
		    effect_name(w->codes[i].as.effect));
	for (size_t i = 0; i < w->waivers_n; i++)
		describe_waiver(&w->waivers[i], out);
}

void
policy_describe(const struct policy *p, struct buf *out)
{
	describe_head(p, out);
	describe_weights(p, out);
	buf_puts(out, "  boot\n");
	for (unsigned i = 0; i < LIMIT_PCRS; i++)
		describe_pcr(p, i, out);
	if (p->cmdline.present)
		describe_cmdline(p, out);
	tpm_rules_describe(p, out);
	phase_rules_describe(p, out);
	if (p->ima.present)
		describe_ima(p, out);
	else
		buf_puts(out, "  files measured by IMA are not judged\n");
}

/* --- questions -------------------------------------------------------- */

struct lint {
	const struct policy *p;
	struct buf *out;
	size_t n;
};

static void
ask(struct lint *l, const char *path, const char *what)
{
	buf_printf(l->out, "%s: %s\n", path, what);
	l->n++;
}

static void
lint_banks(struct lint *l)
{
	uint32_t strong = 0;

	for (size_t i = 0; i < l->p->selection.n; i++)
		if (l->p->selection.bank[i].alg != ALG_SHA1)
			strong |= l->p->selection.bank[i].mask;
	if (policy_pcrs(l->p) & ~strong)
		ask(l, "pcrs",
		    "PCRs that only SHA-1 covers never pass (bank.sha1_only)");
	if (!(policy_pcrs(l->p) & 1u))
		ask(l, "pcrs", "PCR 0 (firmware) is not judged");
	if (!(policy_pcrs(l->p) & 1u << 4))
		ask(l, "pcrs", "PCR 4 (boot loader) is not judged");
	if (!(policy_pcrs(l->p) & 1u << 7))
		ask(l, "pcrs", "PCR 7 (Secure Boot) is not judged");
}

/* Two rules in a row that take the same event, the first optional: the second
 * may be starved of it. */
static bool
same_values(const struct policy *p, const struct event_rule *a,
    const struct event_rule *b)
{
	if (a->type != b->type || a->n != 1 || b->n != 1)
		return false;
	for (size_t i = 0; i < p->banks_n; i++) {
		const uint8_t *x = a->accept[0].digest[i];
		const uint8_t *y = b->accept[0].digest[i];
		if (x && y && memcmp(x, y, p->banks[i]->size) != 0)
			return false;
	}
	return true;
}

static void
lint_events(struct lint *l, unsigned pcr)
{
	const struct pcr_rule *rule = &l->p->pcr[pcr];
	char path[POLICY_PATH];
	size_t optional = 0;

	for (size_t i = 0; i < rule->n; i++) {
		optional += rule->events[i].optional;
		policy_path(path, "boot.%u.events[%zu]", pcr, i);
		if (rule->events[i].repeat && i + 1 < rule->n &&
		    same_values(l->p, &rule->events[i], &rule->events[i + 1]))
			ask(l, path, "the next rule is the same: dead");
	}
	policy_path(path, "boot.%u", pcr);
	if (rule->n && optional == rule->n)
		ask(l, path, "every event is optional: nothing is required");
}

static void
lint_boot(struct lint *l)
{
	char path[POLICY_PATH];

	for (unsigned i = 0; i < LIMIT_PCRS; i++) {
		policy_path(path, "boot.%u", i);
		bool line = l->p->cmdline.present && PCRS_CMDLINE & 1u << i;
		if (l->p->pcr[i].kind == PCR_OPAQUE && !line)
			ask(l, path, "the PCR is quoted but not judged");
		if (l->p->pcr[i].kind == PCR_EVENTS)
			lint_events(l, i);
	}
}

static void
lint_cmdline(struct lint *l)
{
	const struct cmdline_rules *r = &l->p->cmdline;
	uint32_t hidden = PCRS_CMDLINE & ~policy_pcrs(l->p);
	char path[POLICY_PATH];

	if (!r->present)
		return;
	for (unsigned i = 0; i < LIMIT_PCRS; i++) {
		policy_path(path, "pcrs: PCR %u", i);
		if (hidden & 1u << i)
			ask(l, path, "a command line in it is not seen");
	}
	if (r->others != EFF_FAIL && r->tokens_n)
		ask(l, "cmdline.others", "tokens without a rule do not fail");
	for (size_t i = 0; i < r->tokens_n; i++) {
		policy_path(path, "cmdline.tokens[%zu]", i);
		if (!r->tokens[i].source)
			ask(l, path, "does not say where it is from");
		for (size_t g = 0; g < r->tokens[i].globs.n; g++)
			if (glob_match(r->tokens[i].globs.text[g],
				span_str("any/value")))
				ask(l, path, "a glob that takes any value");
	}
}

static void
lint_ima(struct lint *l)
{
	const struct ima_rules *r = &l->p->ima;
	char path[POLICY_PATH];

	if (!r->present) {
		ask(l, "ima", "what runs after boot is not judged");
		return;
	}
	if (r->violations != EFF_FAIL)
		ask(l, "ima.violations", "violations do not fail");
	if (r->weak != EFF_FAIL)
		ask(l, "ima.weak_digests", "SHA-1 file digests do not fail");
	for (size_t i = 0; i < r->exclude_n; i++) {
		const char *glob = r->exclude[i].glob;
		policy_path(path, "ima.exclude[%zu]", i);
		if (glob_match(glob, span_str("/usr/bin/probe")) ||
		    glob_match(glob, span_str("/usr/sbin/probe")) ||
		    glob_match(glob, span_str("/usr/lib/x/probe.so")) ||
		    glob_match(glob, span_str("/lib/modules/x/probe.ko")) ||
		    glob_match(glob, span_str("/init")))
			ask(l, path, "programs or modules are not judged");
	}
}

static void
lint_tpm(struct lint *l)
{
	const char *path, *what;

	for (size_t i = 0; (what = tpm_rules_question(l->p, i, &path)); i++)
		ask(l, path, what);
}

static void
lint_waiver(
    struct lint *l, const struct waiver *w, const char *path, int64_t now)
{
	bool narrow = w->digest.alg || (w->path && !strchr(w->path, '*'));

	if (now >= w->note.expires)
		ask(l, path, "the waiver has lapsed: dead");
	else if (w->note.expires - now < WAIVER_SOON)
		ask(l, path, "the waiver lapses within 14 days");
	else if (w->note.expires - now > WAIVER_LONG)
		ask(l, path, "the waiver holds for more than a year");
	if (w->path && strstr(w->path, "**"))
		ask(l, path, "the waiver's glob takes whole folders");
	else if (!narrow && !w->path && w->pcr < 0)
		ask(l, path,
		    "the waiver names neither path, PCR nor digest, so that "
		    "it takes everything");
}

static void
lint_weights(struct lint *l, int64_t now)
{
	const struct weights *w = &l->p->weights;
	char path[POLICY_PATH];

	for (size_t i = 0; i < w->codes_n; i++) {
		policy_path(path, "severity.%s", err_name(w->codes[i].code));
		if (w->codes[i].as.effect == err_effect(w->codes[i].code))
			ask(l, path, "it counts so anyway: dead");
		else if (w->codes[i].as.effect == EFF_NONE)
			ask(l, path, "the finding counts for nothing");
	}
	for (size_t i = 0; i < w->waivers_n; i++) {
		policy_path(path, "waivers[%zu]", i);
		lint_waiver(l, &w->waivers[i], path, now);
	}
}

size_t
policy_lint(const struct policy *p, int64_t now, struct buf *out)
{
	struct lint l = {p, out, 0};

	if (p->mode == MODE_WARN)
		ask(&l, "mode", "warn: failures count as warnings");
	lint_weights(&l, now);
	if (p->mode == MODE_OBSERVE)
		ask(&l, "mode", "observe: failures do not lower the status");
	lint_banks(&l);
	lint_boot(&l);
	lint_cmdline(&l);
	lint_tpm(&l);
	l.n += phase_rules_lint(p, out);
	lint_ima(&l);
	return l.n + sb_rules_lint(p, out);
}

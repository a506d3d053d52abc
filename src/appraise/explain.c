/* SPDX-License-Identifier: Apache-2.0 */
/* A policy in words. */
#include "appraise/rules.h"

#include "base/clock.h"
#include "base/text.h"

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
	log_rules_describe(p, out);
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
	if (v->typed && evlog_type_name(v->type))
		buf_printf(out, " as %s", evlog_type_name(v->type));
	if (v->source)
		buf_printf(out, ", from %s", v->source);
}

static void
describe_event(
    const struct policy *p, const struct event_rule *r, struct buf *out)
{
	const char *type = evlog_type_name(r->type);
	const char *number = strchr(r->where, '[') + 1;
	const char *end = strchr(number, ']');

	buf_printf(out, "      %.*s%s. ", (int)(end - number), number, end + 1);
	if (r->any_type)
		buf_puts(out, "of any type");
	else if (type)
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

/* The group that begins with this rule. */
static void
describe_group(const struct pcr_rule *rule, size_t i, struct buf *out)
{
	for (size_t k = 0; k < rule->groups_n; k++) {
		const struct align_group *g = &rule->groups[k];
		if (g->first == i)
			buf_printf(out, "      one of %zu sequences%s\n", g->n,
			    g->optional ? ", or none" : "");
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
	for (size_t i = 0; rule->kind == PCR_EVENTS && i < rule->n; i++) {
		describe_group(rule, i, out);
		describe_event(p, &rule->events[i], out);
	}
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
describe_sets(const struct ima_sets *sets, const char *what, struct buf *out)
{
	char hex[65];

	for (size_t i = 0; i < sets->n; i++) {
		const struct ima_set *s = &sets->set[i];
		hex_emit(span_of(s->hash, sizeof(s->hash)), hex);
		if (s->named)
			buf_printf(out, "    %s: reference set %s%ssha256:%s%s",
			    what, s->name ? s->name : "", s->name ? ", " : "",
			    hex, s->set ? "" : " (NOT HERE: nothing passes)");
		if (s->set)
			buf_printf(out, "%s%zu %s of %s",
			    s->named ? "; " : "    ", refset_count(s->set),
			    what, refset_alg(s->set)->name);
		if (s->glob)
			buf_printf(out, ", at %s", s->glob);
		buf_puts(out, "\n");
	}
}

static void
describe_globs(
    const struct glob_rule *globs, size_t n, const char *what, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "    %s %s\n", what, globs[i].glob);
}

static void
describe_ima(const struct policy *p, struct buf *out)
{
	const struct ima_rules *r = &p->ima;

	buf_puts(out, "  files measured by IMA, PCR ");
	put_pcrs(out, r->pcrs);
	buf_puts(out, "\n");
	describe_sets(&r->deny, "denied digests", out);
	for (size_t i = 0; i < r->deny_globs_n; i++)
		buf_printf(
		    out, "    denied whatever it is: %s\n", r->deny_globs[i]);
	describe_sets(&r->allow, "(digest, path) pairs allowed", out);
	describe_globs(r->globs, r->globs_n, "one digest allowed at", out);
	describe_globs(
	    r->by_digest, r->by_digest_n, "judged by digest alone:", out);
	for (size_t i = 0; i < r->keyring_n; i++)
		buf_printf(out, "    signed by %s%s%s\n",
		    file_key_subject(r->keyring[i].key),
		    r->keyring[i].glob ? ", at " : "",
		    r->keyring[i].glob ? r->keyring[i].glob : "");
	describe_globs(r->exclude, r->exclude_n, "not judged:", out);
	if (r->policy.n)
		buf_printf(out,
		    "    the kernel's IMA policy is measured at %s, one of %zu "
		    "digests\n",
		    r->policy.glob, r->policy.n);
	for (size_t i = 0; i < r->templates_n; i++)
		buf_printf(out, "    template %s\n", r->templates[i]);
	buf_printf(out,
	    "    a known file at another path: %s\n"
	    "    a violation: %s\n"
	    "    a SHA-1 digest: %s\n"
	    "    a kernel started by kexec: %s\n"
	    "    a boot_aggregate that cannot be checked: %s\n"
	    "    anything else: fail\n",
	    effect_word(r->other_path), effect_word(r->violations),
	    effect_word(r->weak), effect_word(r->kexec),
	    effect_word(policy_ima_aggregate(p)));
}

static void
put_list(const struct text_list *list, struct buf *out)
{
	for (size_t i = 0; i < list->n; i++)
		buf_printf(out, "%s%s", i ? " or " : " = ", list->text[i]);
}

static void
describe_uki(const struct policy *p, struct buf *out)
{
	const struct uki_rules *r = &p->uki;

	buf_puts(out, "  sections of a unified kernel image, in this order\n");
	for (size_t i = 0; i < UKI_SECTIONS; i++) {
		const struct uki_section *s = &r->section[i];
		if (!s->given)
			continue;
		buf_printf(out, "    %s%s%s\n", uki_sections[i],
		    s->optional ? ", optional" : "",
		    s->n ? "" : ", with any content");
		for (size_t k = 0; k < s->n; k++) {
			buf_printf(out, "         %s", k ? "or " : "");
			put_value(p, &s->accept[k], out);
			buf_puts(out, "\n");
		}
	}
	buf_printf(out, "    %zu add-ons accepted\n", r->addons_n);
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
	if (p->uki.present)
		describe_uki(p, out);
	tpm_rules_describe(p, out);
	phase_rules_describe(p, out);
	if (p->ima.present)
		describe_ima(p, out);
	else
		buf_puts(out, "  files measured by IMA are not judged\n");
}

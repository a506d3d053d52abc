/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about golden values of the boot and about the command line. */
#include "appraise/lint.h"

#include "base/text.h"
#include "decode/cmdline.h"

/* --- what a golden value gives away --------------------------------------- */

/* UEFI_VARIABLE_DATA of SecureBoot with the value 0. */
static const uint8_t secure_boot_off[] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93,
    0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c, 10, 0, 0, 0, 0,
    0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 'S', 0, 'e', 0, 'c', 0, 'u', 0, 'r', 0,
    'e', 0, 'B', 0, 'o', 0, 'o', 0, 't', 0, 0};
static const uint8_t error_separator[] = {1, 0, 0, 0};

#define BYTES(a) a, sizeof(a)
#define WORDS(a) (const uint8_t *)(a), sizeof(a) - 1

static const struct telltale {
	const uint8_t *p;
	size_t n;
	enum lint_id id;
} telltales[] = {
    {BYTES(secure_boot_off), LINT_GOLDEN_SB_OFF},
    {BYTES(error_separator), LINT_GOLDEN_ERROR},
    {WORDS("UEFI Debug Mode"), LINT_GOLDEN_DEBUG},
    {WORDS("UEFI Debug Mode\0"), LINT_GOLDEN_DEBUG},
    {WORDS("DMA Protection Disabled"), LINT_GOLDEN_DEBUG},
    {WORDS("DMA Protection Disabled\0"), LINT_GOLDEN_DEBUG},
};
enum { TELLTALES = sizeof(telltales) / sizeof(telltales[0]) };

/* Contents so common that an event of any type can have them. */
static const struct span commonplace[] = {
    {(const uint8_t *)"", 0},
    {(const uint8_t *)"\0\0\0", 4},
    {(const uint8_t *)"\xff\xff\xff\xff", 4},
};
enum { COMMONPLACE = sizeof(commonplace) / sizeof(commonplace[0]) };

/* Of one bank: their digests, and the values of a PCR into which nothing or
 * only a separator was measured. */
struct suspects {
	const struct hash_alg *alg;
	size_t bank;
	uint8_t digest[TELLTALES][HASH_MAX];
	uint8_t common[COMMONPLACE][HASH_MAX];
	uint8_t reset[HASH_MAX];
	uint8_t separator[HASH_MAX];
};

static bool
suspects_of(
    const struct policy *p, size_t bank, struct hasher *h, struct suspects *out)
{
	static const uint8_t zeros[4];
	const struct hash_alg *alg = p->banks[bank];
	uint8_t digest[HASH_MAX];

	*out = (struct suspects){.alg = alg, .bank = bank};
	for (size_t i = 0; i < TELLTALES; i++)
		if (!rc_ok(hash_of(h, alg->id,
			span_of(telltales[i].p, telltales[i].n),
			out->digest[i])))
			return false;
	for (size_t i = 0; i < COMMONPLACE; i++)
		if (!rc_ok(hash_of(h, alg->id, commonplace[i], out->common[i])))
			return false;
	return rc_ok(hash_of(h, alg->id, span_of(zeros, 4), digest)) &&
	       rc_ok(hash_extend(h, alg->id, out->separator, digest));
}

static bool
is(const struct suspects *s, const struct golden_value *v, const uint8_t *want)
{
	const uint8_t *have = v->digest[s->bank];

	return have && memcmp(have, want, s->alg->size) == 0;
}

static void
lint_golden_event(struct lint *l, const struct suspects *s, unsigned pcr,
    size_t rule, size_t i)
{
	const struct event_rule *er = &l->p->pcr[pcr].events[rule];
	bool never = l->p->sb.required && er->n == 1 && !er->optional &&
		     !strstr(er->where, ".any");

	for (size_t k = 0; er->any_type && k < COMMONPLACE; k++)
		if (is(s, &er->accept[i], s->common[k]))
			lint_ask(l, LINT_ANY_TYPE, "boot.%u.%s.accept[%zu]",
			    pcr, er->where, i);
	for (size_t k = 0; k < TELLTALES; k++) {
		enum lint_id id = telltales[k].id;
		if (!is(s, &er->accept[i], s->digest[k]))
			continue;
		if (id == LINT_GOLDEN_SB_OFF && never)
			id = LINT_GOLDEN_SB_CONTRADICTS;
		lint_ask(l, id, "boot.%u.%s.accept[%zu]", pcr, er->where, i);
	}
}

/* Only PCR 0 and 7 hold more than a separator on every machine. */
static void
lint_golden_values(struct lint *l, const struct suspects *s, unsigned pcr)
{
	const struct pcr_rule *r = &l->p->pcr[pcr];

	for (size_t i = 0; i < r->n; i++)
		if ((pcr < 8 && is(s, &r->values[i], s->reset)) ||
		    ((pcr == 0 || pcr == 7) &&
			is(s, &r->values[i], s->separator)))
			lint_ask(l, LINT_GOLDEN_UNMEASURED,
			    "boot.%u.values[%zu]", pcr, i);
}

/* One bank tells; the others are of the same machine. */
static void
lint_golden(struct lint *l)
{
	struct hasher *h = hasher_new();
	struct suspects s;
	int bank = policy_bank(l->p, l->p->selection.bank[0].alg);

	if (h && bank >= 0 && suspects_of(l->p, (size_t)bank, h, &s))
		for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
			const struct pcr_rule *r = &l->p->pcr[pcr];
			if (r->kind == PCR_VALUES)
				lint_golden_values(l, &s, pcr);
			for (size_t i = 0; r->kind == PCR_EVENTS && i < r->n;
			     i++)
				for (size_t k = 0; k < r->events[i].n; k++)
					lint_golden_event(l, &s, pcr, i, k);
		}
	hasher_free(h);
}

/* --- rules that decide nothing -------------------------------------------- */

static bool
same_value(const struct policy *p, const struct golden_value *a,
    const struct golden_value *b)
{
	size_t compared = 0;

	if (a->typed != b->typed || a->type != b->type)
		return false;
	for (size_t i = 0; i < p->banks_n; i++) {
		const uint8_t *x = a->digest[i];
		const uint8_t *y = b->digest[i];
		if (!x || !y)
			continue;
		if (memcmp(x, y, p->banks[i]->size) != 0)
			return false;
		compared++;
	}
	return compared > 0;
}

/* Lists are short; a long one is looked at in its beginning. */
static void
lint_twice(
    struct lint *l, const struct golden_value *v, size_t n, const char *path)
{
	enum { LOOKED_AT = 256 };

	for (size_t i = 1; i < n && i < LOOKED_AT; i++)
		for (size_t k = 0; k < i; k++)
			if (same_value(l->p, &v[k], &v[i])) {
				lint_ask(
				    l, LINT_SAME_VALUE, "%s[%zu]", path, i);
				break;
			}
}

/* --- sequences ------------------------------------------------------------ */

static size_t
sequence_start(const struct align_group *g, size_t k)
{
	return k ? g->ends[k - 1] : g->first;
}

/* The last rule before a group, of a sequence or of a group. */
static bool
ends_sequence(const struct pcr_rule *rule, size_t i)
{
	for (size_t k = 0; k < rule->groups_n; k++) {
		const struct align_group *g = &rule->groups[k];
		bool ends = i + 1 == g->first;
		for (size_t s = 0; s < g->n; s++)
			ends = ends || i + 1 == g->ends[s];
		if (ends)
			return true;
	}
	return false;
}

static bool
all_optional(const struct pcr_rule *rule, size_t from, size_t end)
{
	while (from < end && rule->events[from].optional)
		from++;
	return from == end;
}

/* Some event has to be there. */
static bool requires(const struct pcr_rule *rule)
{
	size_t i = 0;

	for (size_t k = 0; k < rule->groups_n; k++) {
		const struct align_group *g = &rule->groups[k];
		bool optional = g->optional;
		if (!all_optional(rule, i, g->first))
			return true;
		for (size_t s = 0; s < g->n; s++)
			optional =
			    optional || all_optional(rule, sequence_start(g, s),
					    g->ends[s]);
		if (!optional)
			return true;
		i = g->ends[g->n - 1];
	}
	return !all_optional(rule, i, rule->n);
}

static bool
same_rule(const struct policy *p, const struct event_rule *a,
    const struct event_rule *b)
{
	if (a->type != b->type || a->any_type != b->any_type ||
	    a->optional != b->optional || a->repeat != b->repeat ||
	    a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!same_value(p, &a->accept[i], &b->accept[i]))
			return false;
	return true;
}

static bool
same_sequence(const struct lint *l, const struct pcr_rule *rule,
    const struct align_group *g, size_t a, size_t b)
{
	const struct event_rule *x = &rule->events[sequence_start(g, a)];
	const struct event_rule *y = &rule->events[sequence_start(g, b)];
	size_t n = g->ends[a] - sequence_start(g, a);

	if (n != g->ends[b] - sequence_start(g, b))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!same_rule(l->p, &x[i], &y[i]))
			return false;
	return true;
}

static void
lint_group(struct lint *l, unsigned pcr, const struct align_group *g)
{
	const struct pcr_rule *rule = &l->p->pcr[pcr];

	if (g->n == 1 && !g->optional)
		lint_ask(l, LINT_ONE_SEQUENCE, "boot.%u.%s", pcr,
		    rule->events[g->first].where);
	for (size_t s = 0; s < g->n; s++) {
		size_t from = sequence_start(g, s);
		const char *where = rule->events[from].where;
		size_t same = 0;
		while (same < s && !same_sequence(l, rule, g, same, s))
			same++;
		if (same < s)
			lint_ask(
			    l, LINT_SAME_SEQUENCE, "boot.%u.%s", pcr, where);
		if (!g->optional && all_optional(rule, from, g->ends[s]))
			lint_ask(
			    l, LINT_OPEN_SEQUENCE, "boot.%u.%s", pcr, where);
	}
}

static void
lint_events(struct lint *l, unsigned pcr)
{
	/* Where a kernel and what belongs to it are measured. */
	const uint32_t loaders = 1u << 4 | 1u << 8 | 1u << 9;
	const struct pcr_rule *rule = &l->p->pcr[pcr];
	char path[POLICY_PATH];

	for (size_t i = 0; i < rule->n; i++) {
		const struct event_rule *er = &rule->events[i];
		const struct event_rule *next = er + 1;
		if (er->repeat && i + 1 < rule->n && !ends_sequence(rule, i) &&
		    er->type == next->type && er->n == 1 && next->n == 1 &&
		    same_value(l->p, er->accept, next->accept))
			lint_ask(
			    l, LINT_SAME_RULE, "boot.%u.%s", pcr, er->where);
		if (loaders >> pcr & 1 && i + 1 < rule->n &&
		    !ends_sequence(rule, i) && er->n > 1 && er->n == next->n &&
		    (i == 0 || er[-1].n != er->n))
			lint_ask(l, LINT_MIXED, "boot.%u.%s", pcr, er->where);
		policy_path(path, "boot.%u.%s.accept", pcr, er->where);
		lint_twice(l, er->accept, er->n, path);
	}
	for (size_t k = 0; k < rule->groups_n; k++)
		lint_group(l, pcr, &rule->groups[k]);
	if (rule->n && !requires(rule))
		lint_ask(l, LINT_ALL_OPTIONAL, "boot.%u", pcr);
}

/* --- sources -------------------------------------------------------------- */

static bool
all_from(const struct golden_value *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!v[i].source)
			return false;
	return true;
}

static bool
has_source(const struct pcr_rule *r)
{
	if (r->source || r->kind == PCR_OPAQUE || r->kind == PCR_UNRULED)
		return true;
	if (r->kind == PCR_VALUES)
		return all_from(r->values, r->n);
	for (size_t i = 0; i < r->n; i++)
		if (!all_from(r->events[i].accept, r->events[i].n))
			return false;
	return true;
}

void
lint_boot(struct lint *l)
{
	char path[POLICY_PATH];

	for (unsigned i = 0; i < LIMIT_PCRS; i++) {
		const struct pcr_rule *r = &l->p->pcr[i];
		bool line = (l->p->cmdline.present && PCRS_CMDLINE & 1u << i) ||
			    (l->p->uki.present && (i == 11 || i == 12));
		policy_path(path, "boot.%u.values", i);
		if (r->kind == PCR_OPAQUE && !line)
			lint_ask(l, LINT_OPAQUE, "boot.%u", i);
		if (r->kind == PCR_EVENTS)
			lint_events(l, i);
		if (r->kind == PCR_VALUES)
			lint_twice(l, r->values, r->n, path);
		if (!l->p->source && !has_source(r))
			lint_ask(l, LINT_NO_SOURCE, "boot.%u", i);
	}
	lint_golden(l);
}

/* --- the command line ----------------------------------------------------- */

/* Who may say what these are, decides who owns the machine. */
static bool
powerful(const char *name)
{
	static const char *const names[] = {"init", "rdinit", "systemd.unit",
	    "systemd.run", "systemd.debug_shell", "systemd.wants",
	    "systemd.mask", "systemd.setenv", "rd.break", "break",
	    "ima_appraise", "ima_policy", "ima_template", "evm", "lockdown",
	    "module.sig_enforce", "lsm", "security", "selinux", "enforcing",
	    "apparmor", "mitigations", "iommu", "intel_iommu", "amd_iommu",
	    "initrd", "initcall_blacklist", "memmap", "acpi_rsdp",
	    "efivar_ssdt", "firmware_class.path", "modprobe.blacklist"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (cmdline_same_name(span_str(names[i]), span_str(name)))
			return true;
	return false;
}

static void
lint_token(struct lint *l, const struct token_rule *t, size_t i)
{
	bool any = !t->forbidden && !t->flag && !t->values.n && !t->globs.n;

	if (!t->source && !l->p->source)
		lint_ask(l, LINT_NO_SOURCE, "cmdline.tokens[%zu]", i);
	for (size_t g = 0; g < t->globs.n; g++) {
		if (glob_match(t->globs.text[g], span_str("any/value")) &&
		    glob_match(t->globs.text[g], span_str("other")))
			any = true;
		for (size_t v = 0; v < t->values.n; v++)
			if (glob_match(
				t->globs.text[g], span_str(t->values.text[v])))
				lint_ask(l, LINT_CMDLINE_VALUE,
				    "cmdline.tokens[%zu].values[%zu]", i, v);
	}
	if (any && powerful(t->name))
		lint_ask(l, LINT_CMDLINE_POWER, "cmdline.tokens[%zu]", i);
	else if (any && t->globs.n)
		lint_ask(l, LINT_CMDLINE_GLOB, "cmdline.tokens[%zu]", i);
}

static bool
line_passes(const struct cmdline_rules *r, struct span text)
{
	uint64_t met[16] = {0};
	struct cmdline_token t;

	while (cmdline_next(&text, &t)) {
		const struct token_rule *rule = cmdline_rule(r, t.name);
		if (span_eq(t.name, span_str("BOOT_IMAGE")) && !rule)
			continue;
		if (!rule && (r->others == EFF_FAIL || !t.plain))
			return false;
		if (rule && cmdline_judge(rule, &t) != ERR_OK)
			return false;
		if (rule)
			met[(rule - r->tokens) / 64 % 16] |=
			    UINT64_C(1) << (rule - r->tokens) % 64;
	}
	for (size_t i = 0; i < r->tokens_n; i++)
		if (r->tokens[i].required && !(met[i / 64 % 16] >> i % 64 & 1))
			return false;
	return true;
}

void
lint_cmdline(struct lint *l)
{
	const struct cmdline_rules *r = &l->p->cmdline;
	uint32_t hidden = PCRS_CMDLINE & ~policy_pcrs(l->p);

	if (!r->present)
		return;
	for (unsigned i = 0; i < LIMIT_PCRS; i++)
		if (hidden & 1u << i)
			lint_ask(l, LINT_CMDLINE_UNSEEN, "pcrs: PCR %u", i);
	if (r->others != EFF_FAIL && r->tokens_n)
		lint_ask(l, LINT_CMDLINE_OTHERS, "cmdline.others");
	for (size_t i = 0; i < r->tokens_n; i++)
		lint_token(l, &r->tokens[i], i);
	for (size_t i = 0; r->tokens_n && i < r->lines.n; i++)
		if (!line_passes(r, span_str(r->lines.text[i])))
			lint_ask(l, LINT_CMDLINE_LINE, "cmdline.lines[%zu]", i);
}

/* --- unified kernel images ------------------------------------------------ */

void
lint_uki(struct lint *l)
{
	const struct uki_rules *r = &l->p->uki;

	if (!r->present)
		return;
	if (!(policy_pcrs(l->p) & 1u << 12))
		lint_ask(l, LINT_UKI_ADDONS, "pcrs");
	for (size_t i = 0; i < UKI_SECTIONS; i++) {
		const struct uki_section *s = &r->section[i];
		bool judged = i == UKI_CMDLINE && l->p->cmdline.present;
		const char *name = uki_sections[i];
		if (s->given && !s->n && !judged)
			lint_ask(l, LINT_UKI_ANY, "uki.sections.%s", name);
		if (s->n && !s->source && !l->p->source &&
		    !all_from(s->accept, s->n))
			lint_ask(l, LINT_NO_SOURCE, "uki.sections.%s", name);
	}
}

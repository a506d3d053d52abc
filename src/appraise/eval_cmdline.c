/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel command line against the policy's tokens, lines and digests.
 *
 * 1. Nothing is told by a label: an event's type, its prefix and the name
 *    beside it are bound by no PCR. Texts are what hashed to the digest; a
 *    section's name is known by its digest.
 * 2. An event of PCR 8 or 12 that hides what it hashed may be a command line.
 * 3. Somebody who owns the system may extend these PCRs further, so that a
 *    second command line never takes the place of the first.
 */
#include "appraise/scene.h"

#include "base/text.h"
#include "decode/cmdline.h"
#include "decode/uefi_data.h"

/* Of the kernel's EFI stub. */
#define TAG_LOAD_OPTIONS 0x8f3b22edu

/* The command lines of one boot while they are judged. */
struct kernel_line {
	struct scene *s;
	struct lane lane;
	size_t image_lines;   /* of GRUB, or sections of a UKI */
	size_t texts;	      /* judged by their tokens */
	bool known;	      /* one was accepted as a whole */
	bool *met;	      /* required tokens, by rule */
	struct span accepted; /* the text that the kernel should have taken */
	bool grub;	      /* which stands behind BOOT_IMAGE= there */
};

static struct reason
about(const struct kernel_line *k, enum err_code code, size_t event)
{
	struct reason r =
	    scene_reason(k->s, code, lane_event(&k->lane, event), NULL);

	r.layer = LAYER_OS;
	r.rule = "cmdline";
	return r;
}

static void
complain(const struct kernel_line *k, enum err_code code, size_t event)
{
	if (scene_full(k->s, code))
		return;
	struct reason r = about(k, code, event);
	r.found = uefi_describe(lane_event(&k->lane, event), k->s->a);
	scene_violate(k->s, &r);
}

/* Its digest is listed, as such or by the text of the line. */
static bool
is_known(const struct kernel_line *k, size_t event)
{
	const struct cmdline_rules *r = &k->s->p->cmdline;
	const struct evlog_event *ev = lane_event(&k->lane, event);
	const struct event_rule any = {
	    .type = ev->type, .n = r->known_n, .accept = r->known};

	return lane_accepted(&k->lane, ev, &any) != NULL;
}

/* "uki" accepts it for what it is: no command line. */
static bool
is_addon(const struct kernel_line *k, size_t event)
{
	const struct uki_rules *r = &k->s->p->uki;
	const struct evlog_event *ev = lane_event(&k->lane, event);
	const struct event_rule any = {
	    .type = ev->type, .n = r->addons_n, .accept = r->addons};

	return lane_accepted(&k->lane, ev, &any) != NULL;
}

/* --- tokens --------------------------------------------------------------- */

static bool
has_text(const struct text_list *list, struct span s)
{
	for (size_t i = 0; i < list->n; i++)
		if (span_eq(span_str(list->text[i]), s))
			return true;
	return false;
}

static bool
has_glob(const struct text_list *list, struct span s)
{
	for (size_t i = 0; i < list->n; i++)
		if (glob_match(list->text[i], s))
			return true;
	return false;
}

/* A token with quotes or blanks passes only where a rule lists its value as
 * it is: no other reader of the line may find something else in it. */
enum err_code
cmdline_judge(const struct token_rule *r, const struct cmdline_token *t)
{
	if (r->forbidden)
		return ERR_CMDLINE_FORBIDDEN;
	if (!t->printable)
		return ERR_CMDLINE_AMBIGUOUS;
	if (t->value.p && has_text(&r->values, t->value))
		return ERR_OK;
	if (!t->plain)
		return ERR_CMDLINE_AMBIGUOUS;
	if (r->flag)
		return t->value.p ? ERR_CMDLINE_VALUE : ERR_OK;
	if (!r->values.n && !r->globs.n)
		return ERR_OK;
	return t->value.p && has_glob(&r->globs, t->value) ? ERR_OK
							   : ERR_CMDLINE_VALUE;
}

static const char *
allowed_text(const struct kernel_line *k, const struct token_rule *r)
{
	struct arena *a = k->s->a;
	const char *out = r->flag ? r->name : NULL;
	const struct text_list *lists[] = {&r->values, &r->globs};

	for (size_t l = 0; l < 2; l++)
		for (size_t i = 0; i < lists[l]->n && i < 8; i++)
			out = arena_printf(a, "%s%s%s=%s", out ? out : "",
			    out ? " | " : "", r->name, lists[l]->text[i]);
	return out;
}

static void
report_token(const struct kernel_line *k, size_t event,
    const struct token_rule *rule, enum err_code code,
    const struct cmdline_token *t, enum err_effect effect)
{
	struct arena *a = k->s->a;

	if (scene_full(k->s, code))
		return;
	struct reason r = about(k, code, event);
	/* Several tokens of one event are several findings. */
	r.path = arena_printf(
	    a, "%s.%s", r.path ? r.path : "", verdict_printable(a, t->name));
	r.found = verdict_printable(a, t->raw);
	if (rule) {
		r.rule = arena_printf(a, "cmdline.tokens[%zu]",
		    (size_t)(rule - k->s->p->cmdline.tokens));
		r.expected = allowed_text(k, rule);
	}
	r.effect = effect;
	scene_violate(k->s, &r);
}

static void
eval_token(struct kernel_line *k, size_t event, const struct cmdline_token *t,
    bool init)
{
	const struct cmdline_rules *rules = &k->s->p->cmdline;
	const struct token_rule *rule = cmdline_rule(rules, t->name);
	/* "--" hands over the rest to init: never by default. */
	bool ends = span_eq(t->raw, span_str("--"));
	enum err_effect effect = EFF_FAIL;
	enum err_code code = ERR_CMDLINE_UNLISTED;

	if (rule) {
		code = cmdline_judge(rule, t);
		/* What init is given, the kernel does not read. */
		if (code == ERR_OK && !init)
			k->met[rule - rules->tokens] = true;
	} else if (!t->plain) {
		code = ERR_CMDLINE_AMBIGUOUS;
	} else if (!ends) {
		effect = rules->others;
	}
	if (code != ERR_OK && effect != EFF_NONE)
		report_token(k, event, rule, code, t, effect);
}

/* The kernel's name is put before a GRUB command line, as the value of
 * BOOT_IMAGE; it says nothing, its file is judged in PCR 9. */
static void
eval_image(struct kernel_line *k, size_t event, struct cmdline_token *t)
{
	t->value = t->raw;
	t->name = span_str("BOOT_IMAGE");
	if (!t->plain || cmdline_rule(&k->s->p->cmdline, t->name))
		eval_token(k, event, t, false);
}

static void
eval_text(struct kernel_line *k, size_t event, struct span text, bool grub)
{
	struct cmdline_token t;
	bool init = false;

	if (is_known(k, event)) {
		k->known = true;
	} else {
		k->texts++;
		if (grub && cmdline_next(&text, &t))
			eval_image(k, event, &t);
		while (cmdline_next(&text, &t)) {
			eval_token(k, event, &t, init);
			init = init || span_eq(t.raw, span_str("--"));
		}
	}
}

/* --- where it was measured ------------------------------------------------ */

/* The bytes that hashed to the event's digest; none: what was hashed is not in
 * the log. */
static struct span
hashed_text(const struct kernel_line *k, size_t event)
{
	const struct evlog_event *ev = lane_event(&k->lane, event);
	unsigned bound =
	    k->s->f->replay->events[lane_at(&k->lane, event)].bound;
	struct uefi_hashed of = uefi_hashed(ev);

	return bound && bound <= of.n ? of.try[bound - 1] : span_of(NULL, 0);
}

static struct span
without_nul(struct span s)
{
	while (s.n && s.p[s.n - 1] == 0)
		s.n--;
	return s;
}

static bool
wide(struct span s)
{
	return s.n >= 2 && s.p[0] && s.p[1] == 0;
}

static void
eval_wide(struct kernel_line *k, size_t event, struct span text)
{
	/* The last NUL may have gone with the high byte of the last unit. */
	if (text.n % 2)
		text.n--;
	struct span narrow = cmdline_narrow(text, k->s->a);
	struct span one = without_nul(narrow);

	if (!narrow.p || narrow.n - one.n > 1)
		one = narrow; /* more than a terminator: no text */
	k->accepted = one;
	k->grub = false;
	eval_text(k, event, one, false);
}

/* GRUB's commands do not begin as a path does, its command lines do, whatever
 * prefix the log shows beside them. */
static void
eval_pcr8(struct kernel_line *k, size_t event)
{
	struct span text = hashed_text(k, event);

	if (scene_separator(k->s, lane_at(&k->lane, event)))
		return;
	if (!text.p && is_known(k, event)) {
		k->known = true;
	} else if (!text.p) {
		complain(k, ERR_CMDLINE_UNKNOWN, event);
	} else if (wide(text)) {
		eval_wide(k, event, text);
	} else if (text.n && (text.p[0] == '/' || text.p[0] == '(')) {
		if (k->image_lines++)
			complain(k, ERR_CMDLINE_REPEATED, event);
		k->accepted = without_nul(text);
		k->grub = true;
		eval_text(k, event, k->accepted, true);
	}
}

static void
eval_pcr12(struct kernel_line *k, size_t event)
{
	struct span text = hashed_text(k, event);

	if (scene_separator(k->s, lane_at(&k->lane, event)))
		return;
	if (wide(text))
		eval_wide(k, event, text);
	else if (is_known(k, event))
		k->known = true;
	else if (!is_addon(k, event))
		complain(k, ERR_CMDLINE_UNKNOWN, event);
}

/* Section .cmdline: its name was measured, then its content. */
static void
eval_pcr11(struct kernel_line *k, size_t event)
{
	const struct cmdline_rules *r = &k->s->p->cmdline;
	const struct evlog_event *ev = lane_event(&k->lane, event);
	const struct event_rule name = {.type = ev->type,
	    .n = 1,
	    .accept = (struct golden_value *)(uintptr_t)&r->section};

	if (!lane_accepted(&k->lane, ev, &name))
		return;
	if (k->image_lines++)
		complain(k, ERR_CMDLINE_REPEATED, event);
	if (event + 1 == k->lane.all->events_n[k->lane.pcr] ||
	    !is_known(k, event + 1))
		complain(k, ERR_CMDLINE_UNKNOWN, event);
	else
		k->known = true;
}

/* What the kernel's stub hashed follows from the text that was judged. */
static bool
follows(const struct kernel_line *k, const struct evlog_event *ev)
{
	static const uint8_t nul[2] = {0, 0};
	struct arena *a = k->s->a;
	const char *text = arena_printf(a, "%s%.*s",
	    k->grub ? "BOOT_IMAGE=" : "", (int)k->accepted.n,
	    k->accepted.p ? (const char *)k->accepted.p : "");
	struct span w = cmdline_widen(span_str(text), a);

	if (!k->accepted.p || !w.p || !k->s->f->hasher || !k->lane.banks_n)
		return false;
	for (size_t b = 0; b < k->lane.banks_n; b++) {
		const struct hash_alg *alg = k->s->p->banks[k->lane.bank[b]];
		const uint8_t *have = ev->digests[k->lane.alg[b]];
		uint8_t want[HASH_MAX];
		if (!have ||
		    !rc_ok(hash_of2(
			k->s->f->hasher, alg->id, w, span_of(nul, 2), want)) ||
		    memcmp(want, have, alg->size) != 0)
			return false;
	}
	return true;
}

/* Where PCR 9 is not judged, its labels cannot be told apart: then this event
 * must hold, but it shows nothing. */
static void
eval_pcr9(struct kernel_line *k, size_t event)
{
	const struct evlog_event *ev = lane_event(&k->lane, event);
	struct uefi_tagged tag;

	if (ev->type != EV_EVENT_TAG || !uefi_tagged_decode(ev, &tag) ||
	    tag.id != TAG_LOAD_OPTIONS || follows(k, ev))
		return;
	if (!is_known(k, event))
		complain(k, ERR_CMDLINE_UNKNOWN, event);
	else if (k->lane.rule->kind != PCR_OPAQUE)
		k->known = true;
}

/* --- the whole ------------------------------------------------------------ */

/* Something was measured there that no log names. */
static bool
unlogged(const struct kernel_line *k)
{
	const struct scene *s = k->s;

	if (k->lane.all->events_n[k->lane.pcr] ||
	    k->lane.rule->kind == PCR_VALUES || !s->f->values ||
	    scene_logged(s, k->lane.pcr))
		return false;
	for (size_t b = 0; b < k->lane.banks_n; b++) {
		const struct hash_alg *alg = s->p->banks[k->lane.bank[b]];
		const struct bank *have = banks_get(s->f->values, alg->id);
		if (!have ||
		    !span_all(span_of(have->pcr[k->lane.pcr], alg->size), 0))
			return true;
	}
	return false;
}

static void
eval_lane(struct kernel_line *k, unsigned pcr)
{
	static const struct {
		unsigned pcr;
		void (*eval)(struct kernel_line *k, size_t event);
	} by_pcr[] = {
	    {8, eval_pcr8}, {9, eval_pcr9}, {11, eval_pcr11}, {12, eval_pcr12}};

	k->lane = lane_of(k->s->p, &k->s->lanes, k->s->f->quoted, pcr);
	if (!k->lane.banks_n)
		return;
	for (size_t i = 0; i < sizeof(by_pcr) / sizeof(by_pcr[0]); i++)
		for (size_t e = 0;
		     by_pcr[i].pcr == pcr && e < k->s->lanes.events_n[pcr]; e++)
			by_pcr[i].eval(k, e);
	if (pcr == 11 || !unlogged(k))
		return;
	struct reason r = REASON(ERR_CMDLINE_UNKNOWN, LAYER_OS);
	r.pcr = (int)pcr;
	r.path = arena_printf(k->s->a, "pcrs[%u]", pcr);
	r.message = "A PCR that may hold a command line was extended by "
		    "something that no log here names.";
	r.rule = "cmdline";
	scene_violate(k->s, &r);
}

static void
report_missing(const struct kernel_line *k)
{
	const struct cmdline_rules *rules = &k->s->p->cmdline;
	struct arena *a = k->s->a;

	for (size_t i = 0; k->texts && i < rules->tokens_n; i++) {
		const struct token_rule *t = &rules->tokens[i];
		if (!t->required || k->met[i])
			continue;
		struct reason r = REASON(ERR_CMDLINE_MISSING, LAYER_OS);
		const char *allowed = allowed_text(k, t);
		r.path = arena_printf(a, "cmdline.%s", t->name);
		r.rule = arena_printf(a, "cmdline.tokens[%zu]", i);
		r.expected = allowed ? allowed : t->name;
		scene_violate(k->s, &r);
	}
}

rc
eval_cmdline(struct scene *s, struct err *e)
{
	/* PCR 9 repeats what the others say. */
	static const unsigned order[] = {8, 11, 12, 9};
	struct kernel_line k = {.s = s};

	k.met = arena_array(s->a, s->p->cmdline.tokens_n, sizeof(*k.met));
	if (!k.met)
		return err_at(e, ERR_MEMORY, NULL, "cmdline");
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (policy_pcrs(s->p) & 1u << order[i])
			eval_lane(&k, order[i]);
	report_missing(&k);
	if (k.texts || k.known)
		return RC_OK;
	struct reason r = REASON(ERR_CMDLINE_UNKNOWN, LAYER_OS);
	r.path = "eventlog.events";
	r.rule = "cmdline";
	scene_violate(s, &r);
	return RC_OK;
}

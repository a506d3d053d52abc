/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What systemd-stub measured of a unified kernel image: for each section its
 * name, then its content, in PCR 11; add-ons in PCR 12.
 *
 * A section is known by the digest of its name. What the log shows beside an
 * event is bound by nothing and is not looked at.
 */
#include "appraise/scene.h"

#include "decode/uefi_data.h"

struct image {
	struct scene *s;
	struct lane lane;
	int last; /* section that was seen last; -1: none */
	uint32_t seen;
};

static void
complain(const struct image *im, enum err_code code, size_t event,
    const char *message)
{
	if (scene_full(im->s, code))
		return;
	struct reason r =
	    scene_reason(im->s, code, lane_event(&im->lane, event), NULL);
	r.layer = LAYER_OS;
	r.rule = "uki.sections";
	r.message = message;
	r.found = uefi_describe(lane_event(&im->lane, event), im->s->a);
	scene_violate(im->s, &r);
}

static bool
is_one_of(const struct image *im, size_t event, const struct golden_value *v,
    size_t n)
{
	const struct evlog_event *ev = lane_event(&im->lane, event);
	const struct event_rule any = {.type = ev->type,
	    .n = n,
	    .accept = (struct golden_value *)(uintptr_t)v};

	return lane_accepted(&im->lane, ev, &any) != NULL;
}

static int
section_at(const struct image *im, size_t event)
{
	for (int i = 0; i < UKI_SECTIONS; i++)
		if (is_one_of(im, event, &im->s->p->uki.section[i].name, 1))
			return i;
	return -1;
}

/* --- PCR 11 --------------------------------------------------------------- */

static void
eval_place(struct image *im, int section, size_t event)
{
	const struct uki_section *rule = &im->s->p->uki.section[section];

	if (section == UKI_PCRSIG)
		complain(im, ERR_UKI_LAYOUT, event,
		    "The section .pcrsig was measured, which signs the "
		    "measurements and is never among them.");
	else if (im->seen & 1u << section)
		complain(
		    im, ERR_UKI_LAYOUT, event, "A section was measured twice.");
	else if (section < im->last)
		complain(im, ERR_UKI_LAYOUT, event,
		    "The sections were measured in another order than "
		    "systemd-stub has.");
	else if (!rule->given)
		complain(im, ERR_UKI_LAYOUT, event,
		    "The image has a section that the policy does not list.");
	im->seen |= 1u << section;
	im->last = section > im->last ? section : im->last;
}

static void
eval_content(struct image *im, int section, size_t event)
{
	const struct uki_section *rule = &im->s->p->uki.section[section];
	const struct evlog_event *ev = lane_event(&im->lane, event);
	struct arena *a = im->s->a;

	if (!rule->n || is_one_of(im, event, rule->accept, rule->n) ||
	    scene_full(im->s, ERR_UKI_SECTION))
		return;
	struct reason r = scene_reason(im->s, ERR_UKI_SECTION, ev, NULL);
	int bank = (int)im->lane.bank[0];
	r.layer = LAYER_OS;
	r.rule = arena_printf(a, "uki.sections.%s", uki_sections[section]);
	r.expected = text_of_values(im->s, rule->accept, rule->n, bank);
	r.found = arena_printf(a, "%s %s", uki_sections[section],
	    r.digest ? text_of_digest(a, im->s->p->banks[bank], r.digest) : "");
	scene_violate(im->s, &r);
}

static void
eval_missing(const struct image *im)
{
	for (size_t i = 0; i < UKI_SECTIONS; i++) {
		const struct uki_section *rule = &im->s->p->uki.section[i];
		if (!rule->given || rule->optional || im->seen & 1u << i)
			continue;
		struct reason r = REASON(ERR_UKI_LAYOUT, LAYER_OS);
		r.pcr = 11;
		r.path = arena_printf(im->s->a, "uki.%s", uki_sections[i]);
		r.rule =
		    arena_printf(im->s->a, "uki.sections.%s", uki_sections[i]);
		r.message = "A section that the policy requires was not "
			    "measured.";
		r.expected = uki_sections[i];
		scene_violate(im->s, &r);
	}
}

static void
eval_sections(struct image *im)
{
	size_t n = im->lane.all->events_n[11];

	for (size_t i = 0; i < n; i++) {
		int section = section_at(im, i);
		if (section < 0) {
			complain(im, ERR_UKI_LAYOUT, i,
			    "An event stands where a section's name is "
			    "expected.");
			continue;
		}
		eval_place(im, section, i);
		if (i + 1 == n)
			complain(im, ERR_UKI_LAYOUT, i,
			    "The name of a section was measured and not its "
			    "content.");
		else
			eval_content(im, section, ++i);
	}
	eval_missing(im);
}

/* --- PCR 12 --------------------------------------------------------------- */

/* Command lines are UTF-16 text that is bound; "cmdline" judges them. */
static bool
is_cmdline(const struct image *im, size_t event)
{
	const struct evlog_event *ev = lane_event(&im->lane, event);
	unsigned bound =
	    im->s->f->replay->events[lane_at(&im->lane, event)].bound;
	struct uefi_hashed of = uefi_hashed(ev);

	return im->s->p->cmdline.present && bound && bound <= of.n &&
	       of.try[bound - 1].n >= 2 && of.try[bound - 1].p[0] &&
	       of.try[bound - 1].p[1] == 0;
}

static void
eval_addons(struct image *im)
{
	const struct uki_rules *r = &im->s->p->uki;

	for (size_t i = 0; i < im->lane.all->events_n[12]; i++) {
		if (!scene_separator(im->s, lane_at(&im->lane, i)) &&
		    !is_cmdline(im, i) &&
		    !is_one_of(im, i, r->addons, r->addons_n))
			complain(im, ERR_UKI_ADDON, i, NULL);
	}
}

void
eval_uki(struct scene *s)
{
	struct image im = {.s = s, .last = -1};
	const struct pcr_rule *twelve = &s->p->pcr[12];

	im.lane = lane_of(s->p, &s->lanes, s->f->quoted, 11);
	if (im.lane.banks_n)
		eval_sections(&im);
	im.lane = lane_of(s->p, &s->lanes, s->f->quoted, 12);
	if (im.lane.banks_n && policy_pcrs(s->p) & 1u << 12 &&
	    twelve->kind != PCR_EVENTS && twelve->kind != PCR_VALUES)
		eval_addons(&im);
}

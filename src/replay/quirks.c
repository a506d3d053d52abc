/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/quirks.h"

#include "decode/uefi_data.h"

/* A boot is verified by a handful of authorities. */
enum { AUTHORITIES = 8 };

/* What has been seen so far. */
struct seen {
	unsigned quirks;
	size_t called; /* boot options that were started */
	bool returned, exited;
	bool separator; /* of PCR 4 */
	size_t authorities;
	const struct evlog_event *authority[AUTHORITIES];
};

static unsigned
of_separator(const struct evlog_event *ev, unsigned bound)
{
	if (ev->pcr > 7)
		return 0;
	if (bound > 1 && uefi_separator(ev, bound) == SEPARATOR_NORMAL)
		return QUIRK_SEPARATOR_LABEL;
	if (ev->data.n == 1)
		return QUIRK_SEPARATOR_SHORT;
	return ev->data.n == 4 && span_all(ev->data, 0xff)
		   ? QUIRK_SEPARATOR_ONES
		   : 0;
}

static unsigned
of_action(struct seen *s, const struct evlog_event *ev, unsigned bound)
{
	struct span text = ev->data;

	s->called += uefi_action_is(ev, ACTION_CALLING);
	s->returned |= uefi_action_is(ev, ACTION_RETURNING);
	s->exited |= uefi_action_is(ev, ACTION_EXIT);
	return bound == 1 && text.n && text.p[text.n - 1] == 0
		   ? QUIRK_ACTION_NUL
		   : 0;
}

static bool
same_digests(const struct evlog *log, const struct evlog_event *a,
    const struct evlog_event *b)
{
	for (size_t i = 0; i < log->algs_n; i++)
		if (!a->digests[i] || !b->digests[i] ||
		    memcmp(a->digests[i], b->digests[i], log->algs[i].size) !=
			0)
			return false;
	return true;
}

/* The specification lets firmware measure an authority once or each time that
 * it verifies an image (PFP 3.3.4.8). */
static unsigned
of_authority(
    const struct evlog *log, struct seen *s, const struct evlog_event *ev)
{
	struct uefi_variable var;
	unsigned out = 0;

	for (size_t i = 0; i < s->authorities; i++)
		if (same_digests(log, s->authority[i], ev))
			out |= QUIRK_AUTHORITY_REPEATED;
	if (!out && s->authorities < AUTHORITIES)
		s->authority[s->authorities++] = ev;
	if (uefi_variable_decode(ev, &var) &&
	    var.data.p + var.data.n != ev->data.p + ev->data.n)
		out |= QUIRK_SHIM_EXTRA_BYTES;
	return out;
}

static unsigned
of_event(const struct evlog *log, struct seen *s, const struct evlog_event *ev,
    unsigned bound)
{
	if (uefi_is_image(ev))
		return ev->pcr == 4 && !s->separator
			   ? QUIRK_IMAGE_BEFORE_SEPARATOR
			   : 0;
	switch (ev->type) {
	case EV_SEPARATOR:
		s->separator |= ev->pcr == 4;
		return of_separator(ev, bound);
	case EV_ACTION:
	case EV_EFI_ACTION:
		return of_action(s, ev, bound);
	case EV_EFI_VARIABLE_AUTHORITY:
		return of_authority(log, s, ev);
	case EV_EFI_VARIABLE_BOOT:
		return bound == 2 ? QUIRK_BOOT_VARIABLE_WHOLE : 0;
	case EV_IPL:
		return bound == 0 && uefi_ipl_of(ev).kind == IPL_SHIM_VARIABLE
			   ? QUIRK_SHIM_LABEL
			   : 0;
	default:
		return ev->pcr != 7 && !evlog_type_name(ev->type)
			   ? QUIRK_UNKNOWN_TYPE
			   : 0;
	}
}

unsigned
boot_quirks(const struct evlog *log, const struct boot_replay *replay)
{
	struct seen s = {.quirks = log->quirks};

	for (size_t i = 0; i < log->events_n; i++)
		if (evlog_extended(&log->events[i]))
			s.quirks |= of_event(
			    log, &s, &log->events[i], replay->events[i].bound);
	if (!s.exited && s.separator)
		s.quirks |= QUIRK_EBS_MISSING;
	if (s.called > 1 || s.returned)
		s.quirks |= QUIRK_BOOT_ATTEMPTS;
	return s.quirks;
}

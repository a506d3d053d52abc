/* SPDX-License-Identifier: Apache-2.0 */
/* What a boot log may not say, and rules over all of its PCRs. */
#include "appraise/scene.h"

/* --- whatever the policy -------------------------------------------------- */

/* A measured value that is neither normal nor an error (PFP 10.4.4). */
static enum err_code
odd_separator(const struct evlog_event *ev, unsigned bound)
{
	return ev->type == EV_SEPARATOR && ev->pcr <= 7 && bound &&
		       uefi_separator(ev, bound) == SEPARATOR_OTHER
		   ? ERR_LOG_SEPARATOR_VALUE
		   : ERR_OK;
}

/* SecureBoot again, or behind the separator of PCR 7: which value counts could
 * be chosen by whoever reads the log. */
static enum err_code
again_secure_boot(const struct evlog_event *ev, bool *seen)
{
	if (ev->pcr == 7 && ev->type == EV_SEPARATOR)
		*seen = true;
	if (!uefi_is_secure_boot(ev))
		return ERR_OK;
	enum err_code code = *seen ? ERR_SB_DUPLICATE : ERR_OK;
	*seen = true;
	return code;
}

static void
refuse(struct scene *s, enum err_code code, const struct evlog_event *ev)
{
	if (scene_full(s, code))
		return;
	struct reason r = scene_reason(s, code, ev, NULL);
	r.found = uefi_describe(ev, s->a);
	scene_violate(s, &r);
}

bool
policy_refuse_log(const struct boot_facts *f, struct verdict *v)
{
	struct scene s = {.f = f, .v = v, .a = v->arena};
	bool secure_boot = false;
	uint32_t quoted = 0;

	for (size_t i = 0; i < f->quoted->n; i++)
		quoted |= f->quoted->bank[i].mask;
	for (size_t i = 0; i < f->log->events_n; i++) {
		const struct evlog_event *ev = &f->log->events[i];
		if (!evlog_extended(ev) || !(quoted & 1u << ev->pcr))
			continue;
		enum err_code code =
		    odd_separator(ev, f->replay->events[i].bound);
		if (code == ERR_OK)
			code = again_secure_boot(ev, &secure_boot);
		if (code != ERR_OK)
			refuse(&s, code, ev);
	}
	return s.violated;
}

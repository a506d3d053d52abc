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

/* --- the policy's rules --------------------------------------------------- */

static void
report(struct scene *s, enum err_code code, const struct evlog_event *ev,
    const char *rule, const char *message)
{
	if (scene_full(s, code))
		return;
	struct reason r = scene_reason(s, code, ev, NULL);
	r.rule = rule;
	r.message = message;
	r.found = uefi_describe(ev, s->a);
	scene_violate(s, &r);
}

/* Each event of a PCR by its type: does it belong there, and behind the
 * separator? */
static void
eval_places(struct scene *s, unsigned pcr)
{
	bool after = false;

	for (size_t i = 0; i < s->lanes.events_n[pcr]; i++) {
		const struct evlog_event *ev =
		    &s->f->log->events[s->lanes.events[pcr][i]];
		enum err_code code = ERR_OK;
		if (!log_rules_allow(s->p, pcr, ev->type, false))
			code = ERR_LOG_TYPE_IN_PCR;
		else if (after && ev->type != EV_SEPARATOR &&
			 !log_rules_allow(s->p, pcr, ev->type, true))
			code = ERR_LOG_AFTER_SEPARATOR;
		if (code != ERR_OK)
			report(s, code, ev, "log.exceptions", NULL);
		after = after || ev->type == EV_SEPARATOR;
	}
}

/* Events by which phases are told apart. */
struct phases {
	uint32_t variables;   /* the last one of PCR 7; 0: none */
	uint32_t first, last; /* separators of PCR 0 to 6 */
	bool separated;	      /* each judged PCR of 0 to 6 has one */
	bool omitted;	      /* EV_OMIT_BOOT_DEVICE_EVENTS was seen */
};

static struct phases
phases_of(const struct scene *s, uint32_t judged)
{
	const struct evlog *log = s->f->log;
	struct phases ph = {.first = UINT32_MAX,
	    .separated = judged & 0x7f && !(s->bad_separator & judged & 0x7f)};

	for (unsigned pcr = 0; pcr < 8; pcr++)
		for (size_t i = 0;
		     judged & 1u << pcr && i < s->lanes.events_n[pcr]; i++) {
			uint32_t at = s->lanes.events[pcr][i];
			uint32_t type = log->events[at].type;
			if (pcr == 7 && type == EV_EFI_VARIABLE_DRIVER_CONFIG)
				ph.variables = at;
			if (pcr == 7 || type != EV_SEPARATOR)
				continue;
			ph.first = at < ph.first ? at : ph.first;
			ph.last = at > ph.last ? at : ph.last;
		}
	return ph;
}

/* What is wrong with an event's place among the phases; NULL if nothing. */
static const char *
misplaced(const struct evlog_event *ev, struct phases *ph)
{
	uint32_t at = ev->index;
	bool again = ph->omitted;

	if (uefi_is_image(ev) && at < ph->variables)
		return "An image was loaded before the Secure Boot variables "
		       "were measured.";
	if (ev->type == EV_OMIT_BOOT_DEVICE_EVENTS) {
		ph->omitted = true;
		return again ? "Boot attempts are omitted twice." : NULL;
	}
	if (!ph->separated)
		return NULL;
	if (ev->pcr >= 8 && at < ph->last)
		return "An OS loader measured before the firmware had "
		       "separated PCR 0 to 6.";
	if (at > ph->first && at < ph->last && ev->pcr != 7 &&
	    ev->type != EV_SEPARATOR)
		return "Something was measured between the separators of PCR "
		       "0 to 6.";
	return NULL;
}

/* Phases over all judged PCRs. Nothing binds how the log interleaves PCRs, so
 * this tells a log that was put together carelessly, not a careful one. */
static void
eval_order(struct scene *s, uint32_t judged)
{
	struct phases ph = phases_of(s, judged);

	for (size_t i = 0; i < s->f->log->events_n; i++) {
		const struct evlog_event *ev = &s->f->log->events[i];
		if (!evlog_extended(ev) || !(judged & 1u << ev->pcr))
			continue;
		const char *wrong = misplaced(ev, &ph);
		if (wrong)
			report(s, ERR_LOG_ORDER, ev, NULL, wrong);
	}
}

/* --- boot attempts, and the end of the firmware --------------------------- */

struct boot_attempts
boot_attempts_of(const struct boot_facts *f, uint32_t pcrs)
{
	struct boot_attempts out = {.called = 0};

	for (size_t i = 0; i < f->log->events_n; i++) {
		const struct evlog_event *ev = &f->log->events[i];
		if ((ev->pcr != 4 && ev->pcr != 5) || !(pcrs & 1u << ev->pcr) ||
		    !f->replay->events[i].bound)
			continue;
		out.called += uefi_action_is(ev, ACTION_CALLING);
		out.returned += uefi_action_is(ev, ACTION_RETURNING);
		out.exiting |= uefi_action_is(ev, ACTION_EXIT);
		out.exited |= out.exiting && uefi_action_is(ev, ACTION_EXITED);
	}
	return out;
}

static void
eval_attempts(struct scene *s, uint32_t judged)
{
	struct boot_attempts got = boot_attempts_of(s->f, judged);
	struct reason r = REASON(ERR_BOOT_EBS_MISSING, LAYER_BOOTLOADER);

	r.pcr = 5;
	r.path = "eventlog.events";
	r.rule = "log.require_ebs";
	r.expected = ACTION_EXITED;
	if (s->p->log.require_ebs && !got.exited)
		scene_violate(s, &r);
	if (s->p->log.attempts == EFF_NONE ||
	    (got.called == 1 && got.returned == 0))
		return;
	r.code = ERR_BOOT_ATTEMPTS;
	r.pcr = 4;
	r.rule = "log.boot_attempts";
	r.expected = "1 boot option started";
	r.found = arena_printf(s->a, "%zu boot options started, %zu returned",
	    got.called, got.returned);
	scene_violate_as(s, &r, s->p->log.attempts);
}

void
eval_log_rules(struct scene *s, uint32_t judged)
{
	uint32_t ima = policy_ima_pcrs(s->p);

	for (unsigned pcr = 0; pcr < 16; pcr++)
		if (judged & ~ima & 1u << pcr &&
		    s->p->pcr[pcr].kind != PCR_OPAQUE)
			eval_places(s, pcr);
	eval_order(s, judged);
	eval_attempts(s, judged);
}

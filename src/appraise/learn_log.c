/* SPDX-License-Identifier: Apache-2.0 */
/* The member "log": where golden boots depart from the specification. */
#include "appraise/learn_parts.h"

enum { LEARNED_MAX = 64 };

struct learned {
	size_t n;
	struct log_exception p[LEARNED_MAX];
};

static void
except(struct draft *d, const struct golden *g, const struct evlog_event *ev,
    bool after, struct learned *to)
{
	size_t i = 0;

	while (
	    i < to->n && (to->p[i].pcr != ev->pcr || to->p[i].type != ev->type))
		i++;
	if (i == LEARNED_MAX)
		return;
	if (i == to->n) {
		to->p[to->n++] =
		    (struct log_exception){ev->pcr, ev->type, false, g->source};
		draft_note(d,
		    "PCR %u: an event of type 0x%08x does not belong %s; it "
		    "became an exception.",
		    ev->pcr, ev->type,
		    log_place(ev->pcr, ev->type, false) ? "behind the separator"
							: "there");
	}
	to->p[i].after |= after;
}

/* PCR 7 takes no exception for what nobody knows, and none behind its
 * separator. */
static void
learn_event(struct draft *d, const struct golden *g,
    const struct evlog_event *ev, bool after, struct learned *to)
{
	if (ev->type == EV_SEPARATOR || log_place(ev->pcr, ev->type, after))
		return;
	if (ev->type == EV_UNUSED ||
	    (ev->pcr == 7 && (after || !evlog_type_name(ev->type))))
		draft_note(d,
		    "WARNING: PCR %u has an event of type 0x%08x that no "
		    "policy lets stand there: this one passes nothing.",
		    ev->pcr, ev->type);
	else
		except(d, g, ev, after, to);
}

static void
learn_boot_log(struct draft *d, const struct golden *g, struct learned *to)
{
	uint32_t mask = policy_pcrs(&d->p) & ~d->ima_pcrs & 0xffff;
	uint32_t separated = 0;

	for (size_t i = 0; i < g->boot.log->events_n; i++) {
		const struct evlog_event *ev = &g->boot.log->events[i];
		if (!evlog_extended(ev) || !(mask & 1u << ev->pcr))
			continue;
		learn_event(d, g, ev, separated & 1u << ev->pcr, to);
		if (ev->type == EV_SEPARATOR)
			separated |= 1u << ev->pcr;
	}
}

static bool
one_attempt(const struct draft *d)
{
	for (size_t k = 0; k < d->n; k++) {
		struct boot_attempts got =
		    boot_attempts_of(&d->golden[k].boot, policy_pcrs(&d->p));
		if (got.called != 1 || got.returned)
			return false;
	}
	return true;
}

static void
emit_exception(const struct log_exception *x, struct jw *w)
{
	const char *name = evlog_type_name(x->type);

	jw_object(w);
	jw_ku64(w, "pcr", x->pcr);
	if (name)
		jw_kstr(w, "type", name);
	else
		jw_ku64(w, "type", x->type);
	if (x->after)
		jw_kbool(w, "after_separator", true);
	if (x->source)
		jw_kstr(w, "source", x->source);
	jw_object_end(w);
}

void
learn_log_emit(struct draft *d, struct jw *w)
{
	struct learned got = {.n = 0};
	bool attempts = policy_pcrs(&d->p) & 1u << 4;

	for (size_t i = 0; i < d->n; i++) {
		if (!d->golden[i].boot.log)
			return;
		learn_boot_log(d, &d->golden[i], &got);
	}
	jw_key(w, "log");
	jw_object(w);
	jw_key(w, "exceptions");
	jw_array(w);
	for (size_t i = 0; i < got.n; i++)
		emit_exception(&got.p[i], w);
	jw_array_end(w);
	if (attempts)
		jw_kstr(w, "boot_attempts", one_attempt(d) ? "warn" : "pass");
	jw_object_end(w);
	if (attempts && !one_attempt(d))
		draft_note(d, "A golden boot did not start exactly one boot "
			      "option, so boot attempts are not warned of.");
}

/* SPDX-License-Identifier: Apache-2.0 */
/* How Windows says it was started, in PCR 12 and 13. */
#include "appraise/scene.h"
#include "decode/sipa.h"

/*
 * What is wrong is believed wherever it stands. That something was said at all
 * is believed only in front of the separator that Windows puts behind its
 * loaders, since any program can extend these PCRs later.
 */
static const struct fact {
	uint32_t type;
	enum err_code code;
	uint64_t right;
	bool needed; /* every start of Windows says it */
	const char *name;
} facts[] = {
    {SIPA_BOOT_DEBUGGING, ERR_WIN_DEBUG, 0, true, "boot_debugging"},
    {SIPA_OS_KERNEL_DEBUG, ERR_WIN_DEBUG, 0, true, "os_kernel_debug"},
    {SIPA_HYPERVISOR_DEBUG, ERR_WIN_DEBUG, 0, false, "hypervisor_debug"},
    {SIPA_TEST_SIGNING, ERR_WIN_TEST_SIGNING, 0, true, "test_signing"},
    {SIPA_CODE_INTEGRITY, ERR_WIN_CODE_INTEGRITY, 1, true, "code_integrity"},
    {SIPA_SAFE_MODE, ERR_WIN_SAFE_MODE, 0, true, "safe_mode"},
    {SIPA_WINPE, ERR_WIN_PE, 0, true, "winpe"},
};

enum { FACTS = sizeof(facts) / sizeof(facts[0]) };

struct start {
	struct scene *s;
	bool seen[FACTS];
	bool elam; /* a driver was named */
};

static void
report(struct scene *s, enum err_code code, const struct evlog_event *ev,
    const char *expected, const char *found)
{
	struct reason r = REASON(code, LAYER_OS);

	if (allow_has(windows_allow_rows, s->p->windows.allow, code) ||
	    scene_full(s, code))
		return;
	r.path = "eventlog.events";
	if (ev)
		r = scene_reason(s, code, ev, NULL);
	r.rule = "windows";
	r.expected = expected;
	r.found = found;
	scene_violate(s, &r);
}

static const char *
said(struct scene *s, const struct fact *f, uint64_t value)
{
	return arena_printf(
	    s->a, "%s = %llu", f->name, (unsigned long long)value);
}

static void
see_record(struct start *st, const struct evlog_event *ev,
    const struct sipa_record *r, bool late)
{
	uint64_t value = 0;

	if (r->type == SIPA_ELAM_KEY_NAME && r->data.n && !late)
		st->elam = true;
	for (size_t i = 0; i < FACTS; i++) {
		if (facts[i].type != r->type)
			continue;
		if (!sipa_number(r, &value) || value != facts[i].right)
			report(st->s, facts[i].code, ev,
			    said(st->s, &facts[i], facts[i].right),
			    said(st->s, &facts[i], value));
		st->seen[i] = st->seen[i] || !late;
	}
}

static void
see_event(struct start *st, uint32_t at, bool late)
{
	const struct evlog_event *ev = &st->s->f->log->events[at];
	bool bound = st->s->f->replay->events[at].bound != 0;
	struct sipa records = sipa_over(ev->data);
	struct sipa_record r;

	if (bound && ev->type == EV_SEPARATOR &&
	    span_eq(ev->data, span_str("WBCL")))
		return;
	/* What says something may hide under another type. */
	if (!bound || ev->type != EV_EVENT_TAG) {
		report(st->s, ERR_WIN_UNKNOWN, ev, "EV_EVENT_TAG", NULL);
		return;
	}
	while (sipa_next(&records, &r))
		see_record(st, ev, &r, late);
	if (records.malformed)
		report(st->s, ERR_WIN_UNKNOWN, ev, NULL, "malformed");
}

static void
see_pcr(struct start *st, unsigned pcr)
{
	const struct lanes *l = &st->s->lanes;
	bool late = false;

	if (!scene_logged(st->s, pcr))
		report(st->s, ERR_WIN_UNKNOWN, NULL,
		    "nothing behind the boot log", NULL);
	for (size_t i = 0; i < l->events_n[pcr]; i++) {
		uint32_t at = l->events[pcr][i];
		late = late || st->s->f->log->events[at].type == EV_SEPARATOR;
		see_event(st, at, late);
	}
}

void
eval_windows(struct scene *s)
{
	struct start st = {.s = s};

	see_pcr(&st, 12);
	see_pcr(&st, 13);
	for (size_t i = 0; i < FACTS; i++) {
		/* One reason tells of all that is missing. */
		if (!facts[i].needed || st.seen[i])
			continue;
		report(s, ERR_WIN_UNKNOWN, NULL,
		    said(s, &facts[i], facts[i].right), NULL);
		break;
	}
	if (!st.elam)
		report(s, ERR_WIN_ELAM, NULL, "elam_key_name", NULL);
}

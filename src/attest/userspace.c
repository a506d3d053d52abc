/* SPDX-License-Identifier: Apache-2.0 */
/* The log of the running system: systemd's, or a canonical event log. */
#include "attest/walk.h"
#include "replay/cel.h"

/* --- userspace.format ------------------------------------------------- */

static void
warn(struct walk *w, enum err_code code)
{
	struct reason r = REASON(code, LAYER_OS);

	r.path = "userspace";
	verdict_add(w->v, &r, EFF_NONE);
}

static void
note_quirks(struct walk *w)
{
	static const struct {
		unsigned bit;
		enum err_code code; /* ERR_OK: a quirk by its name */
	} rows[] = {
	    {CEL_QUIRK_GLOBAL_RECNUM, ERR_OK},
	    {CEL_QUIRK_PLAIN_LINES, ERR_OK},
	    {CEL_QUIRK_BOOT_ID, ERR_USERSPACE_BOOTS},
	    {CEL_QUIRK_TIME_BACKWARDS, ERR_USERSPACE_TIME},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!(w->f->userspace.quirks & rows[i].bit))
			continue;
		if (rows[i].code == ERR_OK)
			verdict_quirk(w->v, cel_quirk_name(rows[i].bit));
		else
			warn(w, rows[i].code);
	}
	if (w->ev->userspace_incomplete)
		warn(w, ERR_USERSPACE_INCOMPLETE);
}

static rc
read_log(struct walk *w, struct cel_log *log, struct err *e)
{
	struct span bytes = w->ev->userspace;
	enum cel_format format = CEL_SYSTEMD;
	struct cel_replay replay;

	/* systemd makes the file before its first record. */
	if (bytes.n && !cel_recognise(bytes, &format))
		return err_at(e, ERR_USERSPACE_FRAMING, NULL, "events[0]");
	TRY(cel_decode(bytes, format, w->a, log, e));
	TRY(userspace_check(log, &w->f->quote.selection, e));
	return cel_replay(log, &w->f->quote.selection, w->h, w->a, &replay, e);
}

rc
step_userspace_format(struct walk *w, enum check_state *state, struct err *e)
{
	const struct policy *p = w->ctx->policy;
	bool sent = w->ev->userspace.p != NULL;
	struct cel_log log;

	*state = sent ? CHECK_PASSED : CHECK_NOT_APPLICABLE;
	if (!sent && p && policy_needs_userspace(p))
		return err_at(e, ERR_USERSPACE_ABSENT, NULL, "userspace");
	if (!sent)
		return RC_OK;
	rc r = read_log(w, &log, e);
	/* An event after the launch separator is no fault of the form. */
	if (rc_ok(r) || err_effect(r.code) == EFF_FAIL) {
		w->f->userspace = log;
		w->userspace_read = true;
		note_quirks(w);
	}
	return walk_below(e, r, "userspace.");
}

/* --- what other steps ask --------------------------------------------- */

uint32_t
walk_lenient(const struct walk *w)
{
	uint32_t booted = FIRMWARE_PCRS;

	/* Where PCRs stood before the records is not known. */
	if (!w->log_decoded)
		return UINT32_MAX;
	/* What the boot log says is believed only where it replays. */
	for (size_t i = 0; i < w->start.n; i++)
		booted |= w->start.bank[i].touched;
	return w->ev->userspace_incomplete ? ~booted : 0;
}

bool
walk_of_userspace(const struct walk *w, unsigned pcr)
{
	return (w->f->userspace_match.named & ~(uint32_t)FIRMWARE_PCRS) >> pcr &
	       1;
}

/* --- userspace.replay ------------------------------------------------- */

/* An os-separator is measured long before a quote can be taken: it is never
 * the tail that came after. */
static bool
separators_attested(struct walk *w)
{
	const struct cel_log *log = &w->f->userspace;
	const struct userspace_match *m = &w->f->userspace_match;
	uint32_t open = m->wrong & walk_lenient(w);

	for (size_t i = 0; i < log->records_n; i++) {
		const struct cel_record *rec = &log->records[i];
		if (rec->nv || rec->where >= LIMIT_PCRS ||
		    !userspace_is(rec, "os-separator") ||
		    !((m->named & ~open) >> rec->where & 1))
			continue;
		if (userspace_attested(m, rec)) {
			verdict_quirk(w->v, "os_separator");
			continue;
		}
		struct reason r = REASON(ERR_USERSPACE_SEPARATOR, LAYER_OS);
		r.path = arena_printf(w->a, "userspace.events[%zu]", i);
		r.pcr = (int)rec->where;
		r.event = (int64_t)i;
		r.event_type = "os-separator";
		verdict_add(w->v, &r, EFF_NONE);
		return false;
	}
	return true;
}

static void
note_unattested(struct walk *w)
{
	size_t nv;

	w->f->userspace_unattested =
	    userspace_unattested(&w->f->userspace, &w->f->userspace_match, &nv);
	if (nv)
		verdict_quirk(w->v, "userspace_nv_unattested");
}

rc
step_userspace_replay(struct walk *w, enum check_state *state, struct err *e)
{
	if (!w->ev->userspace.p)
		*state = CHECK_NOT_APPLICABLE;
	if (!w->userspace_read || !w->values_known ||
	    w->userspace_state == CHECK_NOT_RUN)
		return RC_OK;
	*state = w->userspace_state;
	if (w->f->userspace_match.disorder)
		return err_at(e, ERR_USERSPACE_REPLAY,
		    "Each PCR can be reached, but not all of them by the same "
		    "number of records: they were not measured in this order.",
		    "userspace.events");
	if (!separators_attested(w))
		*state = CHECK_FAILED;
	w->f->userspace_ok = *state == CHECK_PASSED;
	note_unattested(w);
	return RC_OK;
}

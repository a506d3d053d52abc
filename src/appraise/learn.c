/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/learn_parts.h"

#include <stdarg.h>
#include <stdio.h>

void
draft_note(struct draft *d, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	struct learn_note *note = arena_alloc(d->a, sizeof(*note));
	const char *own = arena_printf(d->a, "%s", text);
	if (!note || !own)
		return;
	note->text = own;
	*d->tail = note;
	d->tail = &note->next;
}

/* --- which banks and PCRs --------------------------------------------- */

/* PCRs that every golden boot quoted in this bank. */
static uint32_t
quoted_by_all(const struct draft *d, uint16_t alg)
{
	uint32_t mask = UINT32_MAX;

	for (size_t i = 0; i < d->n; i++)
		mask &= pcr_selections_mask(d->golden[i].boot.quoted, alg);
	return mask;
}

static rc
chosen(const struct draft *d, uint16_t alg, uint32_t *out, struct err *e)
{
	uint32_t quoted = quoted_by_all(d, alg);
	uint32_t asked = quoted;

	if (d->o->pcrs)
		asked = pcr_selections_mask(d->o->pcrs, alg);
	if (asked & ~quoted)
		return err_text(e, ERR_POLICY_UNQUOTED, "pcrs",
		    "Bank %s was asked for with PCRs that the golden quotes do "
		    "not cover.",
		    hash_by_id(alg)->name);
	*out = asked;
	return RC_OK;
}

/* A PCR's value differs from what the logs replay to: something that is not
 * logged extended it. */
static bool
unlogged(const struct draft *d, uint16_t alg, unsigned pcr)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct boot_facts *f = &d->golden[i].boot;
		const struct bank *quote =
		    f->values ? banks_get(f->values, alg) : NULL;
		const struct banks *logs = f->userspace.log
					       ? &f->userspace.match->pcrs
					   : f->log ? &f->replay->banks
						    : NULL;
		const struct bank *log = logs ? banks_get(logs, alg) : NULL;
		if (quote && log &&
		    memcmp(quote->pcr[pcr], log->pcr[pcr],
			hash_by_id(alg)->size) != 0)
			return true;
	}
	return false;
}

static bool
all_have(const struct draft *d, bool (*has)(const struct golden *g))
{
	for (size_t i = 0; i < d->n; i++)
		if (!has(&d->golden[i]))
			return false;
	return true;
}

static bool
has_values(const struct golden *g)
{
	return g->boot.values != NULL;
}

static bool
has_ima(const struct golden *g)
{
	return g->ima.n > 0;
}

/* Why a quoted PCR is not learned; NULL if it is. */
static const char *
why_not(const struct draft *d, uint16_t alg, unsigned pcr)
{
	uint32_t bit = 1u << pcr;

	if (bit & PCRS_RESETTABLE)
		return "any program can reset it";
	if (d->ima_pcrs & bit)
		return all_have(d, has_ima)
			   ? NULL
			   : "not every golden boot has an IMA list";
	if (pcr == 10)
		return "it belongs to IMA, and there is no list";
	if (unlogged(d, alg, pcr))
		return "it was extended by something that is not logged";
	return NULL;
}

static uint32_t
learnable(struct draft *d, uint16_t alg, uint32_t mask)
{
	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
		const char *why =
		    mask & 1u << pcr ? why_not(d, alg, pcr) : NULL;
		if (!why)
			continue;
		draft_note(d, "PCR %u of bank %s is left out: %s.", pcr,
		    hash_by_id(alg)->name, why);
		mask &= ~(1u << pcr);
	}
	return mask;
}

/* A bank into which the firmware of some golden boot never measured: PCR 0 or
 * 7 is as the reset left it. What the system put there later proves nothing
 * (CVE-2021-42299). */
static bool
unextended(const struct draft *d, uint16_t alg, uint32_t mask)
{
	static const unsigned pcrs[] = {0, 7};
	size_t n = hash_by_id(alg)->size;

	for (size_t i = 0; i < d->n; i++) {
		const struct bank *b = banks_get(d->golden[i].boot.values, alg);
		for (size_t k = 0; b && k < 2; k++) {
			const uint8_t *v = b->pcr[pcrs[k]];
			if (mask & 1u << pcrs[k] &&
			    span_all(span_of(v, n - 1), 0) && v[n - 1] <= 4)
				return true;
		}
	}
	return false;
}

static uint32_t
measured_into(struct draft *d, uint16_t alg, uint32_t mask)
{
	if (!unextended(d, alg, mask))
		return mask;
	draft_note(d,
	    "WARNING: the firmware never measured into bank %s, which is left "
	    "out.",
	    hash_by_id(alg)->name);
	return 0;
}

static void
add_bank(struct draft *d, uint16_t alg, uint32_t mask)
{
	struct pcr_selections *sel = &d->p.selection;

	if (!mask)
		return;
	d->p.banks[d->p.banks_n++] = hash_by_id(alg);
	sel->bank[sel->n++] = (struct pcr_selection){alg, mask};
}

/* SHA-1 is required only where there is nothing else, and then it fails. */
static void
add_sha1(struct draft *d, uint32_t mask)
{
	uint32_t strong = policy_pcrs(&d->p);

	if (!mask)
		return;
	if (!strong) {
		draft_note(d, "WARNING: only SHA-1 was quoted. It never "
			      "satisfies a policy alone, so this one passes "
			      "nothing; enable a SHA-256 bank.");
		add_bank(d, ALG_SHA1, mask);
		return;
	}
	draft_note(d,
	    "Bank sha1 was quoted beside another and is not required: "
	    "it adds nothing.");
	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++)
		if (mask & ~strong & 1u << pcr)
			draft_note(d,
			    "PCR %u is left out: only SHA-1 covers it.", pcr);
}

static rc
choose_pcrs(struct draft *d, struct err *e)
{
	const struct pcr_selections *first = d->golden[0].boot.quoted;
	uint32_t sha1 = 0;

	for (size_t i = 0; i < first->n; i++) {
		uint16_t alg = first->bank[i].alg;
		uint32_t mask = 0;
		if (!hash_by_id(alg) || !hash_by_id(alg)->bank)
			continue;
		TRY(chosen(d, alg, &mask, e));
		mask = learnable(d, alg, measured_into(d, alg, mask));
		if (alg == ALG_SHA1)
			sha1 = mask;
		else
			add_bank(d, alg, mask);
	}
	for (size_t i = 0; d->o->pcrs && i < d->o->pcrs->n; i++)
		if (!pcr_selections_mask(first, d->o->pcrs->bank[i].alg))
			return err_at(e, ERR_POLICY_UNQUOTED,
			    "A bank was asked for that the golden quotes do "
			    "not cover.",
			    "pcrs");
	add_sha1(d, sha1);
	if (!d->p.selection.n)
		return err_at(e, ERR_POLICY_EMPTY,
		    "No PCR that could be learned is quoted by every golden "
		    "boot.",
		    "pcrs");
	return RC_OK;
}

/* --- the document ----------------------------------------------------- */

static void
emit_pcrs(const struct draft *d, struct jw *w)
{
	jw_key(w, "pcrs");
	jw_object(w);
	for (size_t i = 0; i < d->p.selection.n; i++) {
		jw_key(w, d->p.banks[i]->name);
		jw_array(w);
		for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++)
			if (d->p.selection.bank[i].mask & 1u << pcr)
				jw_u64(w, pcr);
		jw_array_end(w);
	}
	jw_object_end(w);
}

void
learn_source(const struct draft *d, struct jw *w)
{
	struct buf sources = {0};

	for (size_t i = 0; i < d->n; i++)
		buf_printf(&sources, "%s%s", i ? ", " : "",
		    d->golden[i].source ? d->golden[i].source : "?");
	jw_kspan(w, "source", buf_span(&sources));
	buf_free(&sources);
}

static void
emit_head(const struct draft *d, struct jw *w)
{
	jw_ku64(w, "akashi_policy", 1);
	jw_kstr(w, "name", d->o->name);
	learn_source(d, w);
	jw_kstr(w, "mode", "enforce");
}

static rc
emit_document(struct draft *d, struct buf *out, struct err *e)
{
	struct jw w = jw_over(out);

	jw_object(&w);
	emit_head(d, &w);
	emit_pcrs(d, &w);
	TRY(learn_sb_emit(d, &w, e));
	learn_boot_emit(d, &w);
	TRY(learn_phases_emit(d, &w, e));
	learn_log_emit(d, &w);
	if (d->ima_pcrs & policy_pcrs(&d->p))
		TRY(learn_ima_emit(d, &w, e));
	jw_object_end(&w);
	return out->failed ? err_at(e, ERR_MEMORY, NULL, "%s", "") : RC_OK;
}

static void
note_about_machines(struct draft *d)
{
	if (policy_pcrs(&d->p) & 1u << 1)
		draft_note(d, "PCR 1 holds settings and boot entries: where "
			      "nodes of one image differ in them, learn from "
			      "several nodes or leave it out with --pcrs.");
	if (policy_pcrs(&d->p) & 1u << 5)
		draft_note(d, "PCR 5 holds the partition table: where it has "
			      "identifiers made at installation, leave it out "
			      "with --pcrs.");
}

rc
policy_learn(const struct golden *golden, size_t n,
    const struct learn_options *o, struct arena *a, struct buf *out,
    struct learn_note **notes, struct err *e)
{
	struct draft d = {.a = a, .golden = golden, .n = n, .o = o};
	struct learn_note *list = NULL;
	struct buf raw = {0};

	d.tail = &list;
	if (n == 0 || !all_have(&d, has_values))
		return err_at(e, ERR_POLICY_FORMAT,
		    "A golden boot needs a verified quote with known PCR "
		    "values.",
		    "golden");
	TRY(learn_ima_pcrs(&d, e));
	TRY(choose_pcrs(&d, e));
	TRY(learn_boot(&d, e));
	rc r = emit_document(&d, &raw, e);
	/* What is learned must be a policy, and in the form that fmt gives. */
	if (rc_ok(r))
		r = policy_pretty(buf_span(&raw), out, e);
	buf_free(&raw);
	if (rc_ok(r))
		r = learn_sb_check(&d, buf_span(out), e);
	TRY(r);
	note_about_machines(&d);
	*notes = list;
	return RC_OK;
}

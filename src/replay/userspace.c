/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/userspace.h"

static uint32_t
quoted_pcrs(const struct pcr_selections *sel)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < sel->n; i++)
		mask |= sel->bank[i].mask;
	return mask;
}

/* It extends a PCR of mask. */
static bool
extends(const struct cel_record *rec, uint32_t mask)
{
	return !rec->nv && rec->where < LIMIT_PCRS &&
	       (mask & 1u << rec->where) && cel_extended(rec);
}

static const uint8_t *
digest_of(const struct cel_record *rec, uint16_t alg)
{
	for (size_t i = 0; i < rec->digests_n; i++)
		if (rec->digests[i].alg->id == alg)
			return rec->digests[i].bytes;
	return NULL;
}

rc
userspace_check(const struct cel_log *log, const struct pcr_selections *quoted,
    struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < log->records_n; i++) {
		const struct cel_record *rec = &log->records[i];
		n += extends(rec, quoted_pcrs(quoted));
		if (n > LIMIT_EVENTS)
			return err_at(
			    e, ERR_CEL_TOO_LARGE, NULL, "events[%zu]", i);
		for (size_t b = 0; b < quoted->n; b++)
			if (extends(rec, quoted->bank[b].mask) &&
			    !digest_of(rec, quoted->bank[b].alg))
				return err_at(e, ERR_LOG_BANK_MISSING,
				    "A record of a quoted PCR has no digest "
				    "of a quoted bank.",
				    "events[%zu].digests", i);
	}
	return RC_OK;
}

static rc
extend(const struct cel_record *rec, struct hasher *h, struct banks *banks)
{
	for (size_t b = 0; b < banks->n; b++) {
		struct bank *bank = &banks->bank[b];
		const uint8_t *digest = digest_of(rec, bank->alg);
		if (!digest)
			continue;
		TRY(hash_extend(h, bank->alg, bank->pcr[rec->where], digest));
		bank->touched |= 1u << rec->where;
	}
	return RC_OK;
}

rc
userspace_extend(const struct cel_log *log, size_t from, size_t to,
    uint32_t mask, struct hasher *h, struct banks *banks)
{
	for (size_t i = from; i < to; i++)
		if (extends(&log->records[i], mask))
			TRY(extend(&log->records[i], h, banks));
	return RC_OK;
}

/* The quoted banks as the boot left them, in its order; then those that it
 * lacks. */
static struct banks
start_from(const struct banks *boot, const struct pcr_selections *quoted)
{
	struct banks out = {.n = 0};

	for (size_t i = 0; i < boot->n; i++)
		if (pcr_selections_mask(quoted, boot->bank[i].alg))
			out.bank[out.n++] = boot->bank[i];
	for (size_t i = 0; i < quoted->n; i++) {
		uint16_t alg = quoted->bank[i].alg;
		if (quoted->bank[i].mask && hash_by_id(alg) &&
		    out.n < HASH_ALGS && !banks_get(&out, alg))
			bank_init(&out.bank[out.n++], alg, 0);
	}
	return out;
}

/* --- against values ------------------------------------------------------- */

enum { NOT_MET = -1 };

/* A PCR is met from record `from` on and until record `to` extends it again. */
struct search {
	const struct pcr_selections *quoted;
	const struct banks *values;
	struct banks now;
	ptrdiff_t from[LIMIT_PCRS];
	size_t to[LIMIT_PCRS];
};

static bool
met(const struct search *s, unsigned pcr)
{
	for (size_t i = 0; i < s->quoted->n; i++) {
		uint16_t alg = s->quoted->bank[i].alg;
		const struct bank *want = banks_get(s->values, alg);
		const struct bank *have = banks_get(&s->now, alg);
		if (!(s->quoted->bank[i].mask & 1u << pcr))
			continue;
		if (!want || !have ||
		    memcmp(want->pcr[pcr], have->pcr[pcr],
			hash_by_id(alg)->size) != 0)
			return false;
	}
	return true;
}

/* What comes after a PCR was met needs no hashing: values do not recur. */
static rc
walk(const struct cel_log *log, struct search *s, struct hasher *h,
    uint32_t *named)
{
	uint32_t quoted = quoted_pcrs(s->quoted);

	for (unsigned p = 0; p < LIMIT_PCRS; p++) {
		s->from[p] = met(s, p) ? 0 : NOT_MET;
		s->to[p] = log->records_n;
	}
	for (size_t i = 0; i < log->records_n; i++) {
		const struct cel_record *rec = &log->records[i];
		if (!extends(rec, quoted))
			continue;
		unsigned p = rec->where;
		*named |= 1u << p;
		if (s->from[p] != NOT_MET && s->to[p] == log->records_n)
			s->to[p] = i;
		if (s->from[p] != NOT_MET)
			continue;
		TRY(extend(rec, h, &s->now));
		if (met(s, p))
			s->from[p] = (ptrdiff_t)i + 1;
	}
	return RC_OK;
}

/* The number of records that explains all PCRs of mask. */
static bool
common(const struct search *s, uint32_t mask, size_t records, size_t *covered)
{
	size_t from = 0;
	size_t to = records;

	for (unsigned p = 0; p < LIMIT_PCRS; p++) {
		if (!(mask & 1u << p))
			continue;
		if ((size_t)s->from[p] > from)
			from = (size_t)s->from[p];
		if (s->to[p] < to)
			to = s->to[p];
	}
	*covered = to;
	return from <= to;
}

/* Each PCR to where it is met, or to the end. */
static rc
continue_pcrs(const struct cel_log *log, const struct search *s,
    struct hasher *h, struct userspace_match *m)
{
	for (size_t i = 0; i < log->records_n; i++) {
		const struct cel_record *rec = &log->records[i];
		if (extends(rec, m->named) &&
		    (m->wrong >> rec->where & 1 ||
			(ptrdiff_t)i < s->from[rec->where]))
			TRY(extend(rec, h, &m->pcrs));
	}
	return RC_OK;
}

rc
userspace_find(const struct cel_log *log, const struct pcr_selections *quoted,
    const struct banks *boot, const struct banks *values, uint32_t lenient,
    struct hasher *h, struct userspace_match *out)
{
	struct search s = {.quoted = quoted, .values = values};
	struct userspace_match m = {.pcrs = start_from(boot, quoted)};

	s.now = m.pcrs;
	TRY(walk(log, &s, h, &m.named));
	for (unsigned p = 0; p < LIMIT_PCRS; p++)
		if ((m.named & 1u << p) && s.from[p] == NOT_MET)
			m.wrong |= 1u << p;
	m.disorder =
	    !common(&s, m.named & ~m.wrong, log->records_n, &m.covered);
	/* What one wrong PCR says of the others is nothing. */
	if (m.wrong & ~lenient)
		m.disorder = false;
	*out = m;
	return continue_pcrs(log, &s, h, out);
}

/* --- against the digest --------------------------------------------------- */

static bool
leads_to(const struct banks *banks, const struct tpm_quote *quote,
    uint16_t hash, struct hasher *h)
{
	const struct hash_alg *alg = hash_by_id(hash);
	uint8_t got[HASH_MAX];

	return alg && banks_composite(banks, &quote->selection, hash, h, got) &&
	       span_eq(quote->pcr_digest, span_of(got, alg->size));
}

rc
userspace_find_digest(const struct cel_log *log, const struct tpm_quote *quote,
    uint16_t hash, const struct banks *boot, bool more, struct hasher *h,
    bool *found, struct userspace_match *out)
{
	uint32_t quoted = quoted_pcrs(&quote->selection);
	struct userspace_match m = {.covered = log->records_n};
	const struct banks start = start_from(boot, &quote->selection);

	for (size_t i = 0; i < log->records_n; i++)
		if (extends(&log->records[i], quoted))
			m.named |= 1u << log->records[i].where;
	m.pcrs = start;
	TRY(userspace_extend(log, 0, log->records_n, quoted, h, &m.pcrs));
	*found = leads_to(&m.pcrs, quote, hash, h);
	*out = m;
	m.pcrs = start;
	for (size_t i = 0; more && !*found && i < log->records_n; i++) {
		if (!extends(&log->records[i], quoted))
			continue;
		m.covered = i;
		*found = leads_to(&m.pcrs, quote, hash, h);
		if (*found)
			*out = m;
		TRY(extend(&log->records[i], h, &m.pcrs));
	}
	return RC_OK;
}

/* --- what is covered ------------------------------------------------------ */

bool
userspace_attested(
    const struct userspace_match *m, const struct cel_record *rec)
{
	return rec->index < m->covered && extends(rec, m->named & ~m->wrong);
}

size_t
userspace_unattested(
    const struct cel_log *log, const struct userspace_match *m, size_t *nv)
{
	size_t n = 0;

	*nv = 0;
	for (size_t i = 0; i < log->records_n; i++) {
		const struct cel_record *rec = &log->records[i];
		if (!cel_extended(rec) || userspace_attested(m, rec))
			continue;
		n++;
		*nv += rec->nv;
	}
	return n;
}

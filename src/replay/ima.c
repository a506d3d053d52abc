/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/ima.h"

/* Combinations of types that are tried when only a digest over all banks is
 * known: three types in four banks. */
enum { CHOICES_MAX = 81 };

/* --- state ------------------------------------------------------------ */

void
ima_state_init(struct ima_state *s, const struct banks *boot,
    const struct pcr_selections *sel)
{
	*s = (struct ima_state){0};
	for (size_t i = 0; i < sel->n && s->n < IMA_BANKS; i++) {
		uint16_t alg = sel->bank[i].alg;
		const struct hash_alg *known = hash_by_id(alg);
		const struct bank *from = boot ? banks_get(boot, alg) : NULL;
		if (!known || !known->bank || sel->bank[i].mask == 0)
			continue;
		struct bank *type = s->bank[s->n].type;
		if (from)
			type[0] = *from;
		else
			bank_init(&type[0], alg, 0);
		type[1] = type[2] = type[0];
		s->bank[s->n].types =
		    alg == ALG_SHA1 ? IMA_TYPED
				    : IMA_TYPED | IMA_PADDED | IMA_PADDED_OLD;
		s->n++;
	}
}

/* What a kernel hashes of an entry: the template data as logged, or the digest
 * and the name padded to 256 bytes for "ima". */
static rc
template_hash(
    struct hasher *h, uint16_t alg, const struct ima_entry *entry, uint8_t *out)
{
	static const uint8_t zeros[IMA_LEGACY_NAME];

	if (!entry->is_ima)
		return hash_of(h, alg, entry->template_data, out);
	TRY(hash_begin(h, alg));
	TRY(hash_add(h, alg, entry->digest));
	TRY(hash_add(h, alg, entry->path));
	TRY(hash_add(h, alg, span_of(zeros, sizeof(zeros) - entry->path.n)));
	return hash_end(h, alg, out);
}

static rc
crypto(struct err *e)
{
	return err_at(e, ERR_CRYPTO, NULL, "%s", "");
}

static rc
check_buf(struct hasher *h, const struct ima_entry *entry, struct err *e)
{
	uint8_t got[HASH_MAX];

	if (!entry->buf.p || entry->violation)
		return RC_OK;
	const struct hash_alg *alg = hash_by_name(entry->digest_alg);
	if (!alg)
		return RC_OK;
	if (!rc_ok(hash_of(h, alg->id, entry->buf, got)))
		return crypto(e);
	if (!span_eq(entry->digest, span_of(got, alg->size)))
		return err_at(
		    e, ERR_IMA_BUF, NULL, "entries[%u].buf", entry->index);
	return RC_OK;
}

static rc
check_entry(struct hasher *h, const struct ima_entry *entry, struct err *e)
{
	uint8_t got[HASH_MAX];

	if (entry->violation)
		return RC_OK;
	if (!rc_ok(template_hash(h, ALG_SHA1, entry, got)))
		return crypto(e);
	if (!span_eq(entry->template_hash, span_of(got, IMA_HASH_SIZE)))
		return err_at(e, ERR_IMA_TEMPLATE_HASH, NULL,
		    "entries[%u].template_hash", entry->index);
	return check_buf(h, entry, e);
}

const struct bank *
ima_state_bank(const struct ima_state *s, size_t i, unsigned type)
{
	if (type & IMA_TYPED)
		return &s->bank[i].type[0];
	return &s->bank[i].type[type & IMA_PADDED || !s->violations ? 1 : 2];
}

/* Types that have values of their own. */
static unsigned
live(const struct ima_state *s, size_t i)
{
	return s->bank[i].types &
	       (s->violations ? IMA_TYPED | IMA_PADDED | IMA_PADDED_OLD
			      : IMA_TYPED | IMA_PADDED);
}

/* What an entry extends into a bank by type. */
static rc
digest_of(struct hasher *h, uint16_t alg, unsigned type,
    const struct ima_entry *entry, uint8_t out[HASH_MAX])
{
	size_t ones = type == IMA_PADDED_OLD ? IMA_HASH_SIZE : HASH_MAX;

	if (type == IMA_TYPED && alg != ALG_SHA1 && !entry->violation)
		return template_hash(h, alg, entry, out);
	/* In the SHA-1 bank it is the hash that check_entry() has checked. */
	for (size_t i = 0; i < HASH_MAX; i++)
		if (entry->violation)
			out[i] = i < ones ? 0xff : 0;
		else
			out[i] =
			    i < IMA_HASH_SIZE ? entry->template_hash.p[i] : 0;
	return RC_OK;
}

static rc
extend_bank(struct ima_state *s, size_t i, const struct ima_entry *entry,
    struct hasher *h)
{
	uint8_t digest[HASH_MAX];
	unsigned types = live(s, i);

	for (size_t k = 0; k < IMA_TYPES; k++) {
		struct bank *b = &s->bank[i].type[k];
		if (!(types & 1u << k))
			continue;
		TRY(digest_of(h, b->alg, 1u << k, entry, digest));
		TRY(hash_extend(h, b->alg, b->pcr[entry->pcr], digest));
		b->touched |= 1u << entry->pcr;
	}
	return RC_OK;
}

bool
ima_is_aggregate(const struct ima_entry *entry)
{
	return span_eq(entry->path, span_of("boot_aggregate", 14));
}

rc
ima_state_extend(struct ima_state *s, const struct ima_entry *entry,
    struct hasher *h, struct err *e)
{
	TRY(check_entry(h, entry, e));
	if (entry->violation && s->violations++ == 0)
		for (size_t i = 0; i < s->n; i++)
			s->bank[i].type[2] = s->bank[i].type[1];
	for (size_t i = 0; i < s->n; i++)
		if (!rc_ok(extend_bank(s, i, entry, h)))
			return crypto(e);
	s->pcrs |= 1u << entry->pcr;
	s->aggregates += ima_is_aggregate(entry);
	s->entries++;
	return RC_OK;
}

/* --- match ------------------------------------------------------------ */

static bool
pcrs_equal(const struct bank *a, const struct bank *b, uint32_t mask)
{
	const struct hash_alg *alg = hash_by_id(a->alg);

	for (unsigned i = 0; i < LIMIT_PCRS; i++)
		if (mask & 1u << i && memcmp(a->pcr[i], b->pcr[i], alg->size))
			return false;
	return true;
}

/* One walk over the list, looking for the quoted values. */
struct walk {
	struct span list;
	const struct ima_target *target;
	struct hasher *h;
	uint32_t named;	 /* PCRs that the list and its past name, or judged */
	uint32_t quoted; /* PCRs that are quoted in any bank */
	bool every;	 /* test after each entry, not only at the end */
	struct ima_reader in;
	struct ima_state now;
	bool found;
	unsigned types[IMA_BANKS]; /* where found: those that fit */
};

static bool
match_values(struct walk *w)
{
	const struct pcr_selections *sel = &w->target->quote->selection;

	for (size_t i = 0; i < w->now.n; i++) {
		uint16_t alg = w->now.bank[i].type[0].alg;
		const struct bank *want = banks_get(w->target->values, alg);
		uint32_t mask = pcr_selections_mask(sel, alg) & w->named;
		w->types[i] = 0;
		for (unsigned t = 1; want && t <= w->now.bank[i].types; t <<= 1)
			if (w->now.bank[i].types & t &&
			    pcrs_equal(
				ima_state_bank(&w->now, i, t), want, mask))
				w->types[i] |= t;
		if (w->types[i] == 0)
			return false;
	}
	return true;
}

/* The c-th of the types in a set, or 0. */
static unsigned
nth_type(unsigned types, unsigned c)
{
	for (unsigned t = 1; t <= types; t <<= 1)
		if (types & t && c-- == 0)
			return t;
	return 0;
}

static unsigned
count_types(unsigned types)
{
	return (types & 1) + (types >> 1 & 1) + (types >> 2 & 1);
}

/* Choice number c of a type for each bank; false when there is no such. */
static bool
choose(struct walk *w, unsigned c, struct banks *out)
{
	out->n = 0;
	for (size_t i = 0; i < w->now.n; i++) {
		unsigned types = live(&w->now, i), n = count_types(types);
		w->types[i] = nth_type(types, n ? c % n : 0);
		c /= n ? n : 1;
		out->bank[out->n++] = *ima_state_bank(&w->now, i, w->types[i]);
	}
	return c == 0;
}

static bool
match_composite(struct walk *w)
{
	const struct tpm_quote *q = w->target->quote;
	const struct hash_alg *alg = hash_by_id(w->target->hash);
	struct banks chosen;
	uint8_t got[HASH_MAX];

	for (unsigned c = 0; alg && c < CHOICES_MAX; c++) {
		if (!choose(w, c, &chosen))
			return false;
		if (!banks_composite(
			&chosen, &q->selection, alg->id, w->h, got) ||
		    !span_eq(q->pcr_digest, span_of(got, alg->size)))
			continue;
		for (size_t i = 0; i < w->now.n; i++)
			if (w->types[i] == IMA_PADDED && !w->now.violations)
				w->types[i] |=
				    w->now.bank[i].types & IMA_PADDED_OLD;
		return true;
	}
	return false;
}

/* A cheap no: the PCR just extended does not have its quoted value. */
static bool
may_match(const struct walk *w, uint32_t pcr)
{
	const struct pcr_selections *sel = &w->target->quote->selection;

	if (!(w->quoted & 1u << pcr))
		return false;
	if (!w->target->values || w->now.n == 0)
		return true;
	uint16_t alg = w->now.bank[0].type[0].alg;
	const struct bank *want = banks_get(w->target->values, alg);
	if (!(pcr_selections_mask(sel, alg) & 1u << pcr))
		return want != NULL;
	/* The first bytes tell, but for one time in 2^32. */
	for (unsigned t = 1; want && t <= w->now.bank[0].types; t <<= 1)
		if (w->now.bank[0].types & t &&
		    memcmp(ima_state_bank(&w->now, 0, t)->pcr[pcr],
			want->pcr[pcr], 4) == 0)
			return true;
	return false;
}

static bool
matches(struct walk *w)
{
	return w->target->values ? match_values(w) : match_composite(w);
}

/* Go on until the quoted values are reached or the list ends. */
static rc
walk(struct walk *w, struct err *e)
{
	struct ima_entry entry;
	bool more = true;

	w->found = w->every && matches(w);
	while (!w->found) {
		TRY(ima_next(&w->in, &entry, &more, e));
		if (!more)
			break;
		TRY(ima_state_extend(&w->now, &entry, w->h, e));
		w->named |= 1u << entry.pcr;
		w->found = w->every && may_match(w, entry.pcr) && matches(w);
	}
	w->found = w->found || (!w->every && matches(w));
	return RC_OK;
}

/* What follows a match: its entries are counted, and the PCRs that it names
 * first have to have their quoted values as well. */
static rc
look_ahead(struct walk *w, uint64_t *tail, uint32_t *named, struct err *e)
{
	struct ima_reader in = w->in;
	struct ima_entry entry;
	bool more = true;

	for (*tail = 0;; (*tail)++) {
		TRY(ima_next(&in, &entry, &more, e));
		if (!more)
			return RC_OK;
		TRY(check_entry(w->h, &entry, e));
		*named |= 1u << entry.pcr;
	}
}

/* The PCRs that must have their quoted value, as known before the list is
 * walked: those that it is judged for, else a list that names another PCR
 * alone would leave them unexplained; those of its past and that of its first
 * entry. */
static rc
first_named(const struct walk *w, const struct ima_state *start, uint32_t *out,
    struct err *e)
{
	struct ima_reader in = w->in;
	struct ima_entry entry;
	bool more = false;

	TRY(ima_next(&in, &entry, &more, e));
	*out = w->target->judged | start->pcrs | (more ? 1u << entry.pcr : 0);
	return RC_OK;
}

static rc
walk_to_quote(struct walk *w, const struct ima_state *start, uint64_t *tail,
    struct err *e)
{
	uint32_t named;

	w->in =
	    ima_over_as(w->list, (uint32_t)start->entries, start->big_endian);
	TRY(first_named(w, start, &named, e));
	do {
		w->named = named;
		TRY(walk(w, e));
		if (!w->found)
			return RC_OK;
		named = w->named;
		TRY(look_ahead(w, tail, &named, e));
	} while (named != w->named);
	w->now.bytes += rd_at(&w->in.in, w->list);
	return RC_OK;
}

/* Kernels have had SHA-256 built in for IMA since 5.8, so its padded form is
 * left out at first: true if that leaves anything out. */
static bool
likely_types(struct ima_state *s)
{
	bool less = false;

	for (size_t i = 0; i < s->n; i++)
		if (s->bank[i].type[0].alg == ALG_SHA256 &&
		    s->bank[i].types & IMA_TYPED &&
		    s->bank[i].types != IMA_TYPED) {
			s->bank[i].types = IMA_TYPED;
			less = true;
		}
	return less;
}

/* The walks that are tried, cheapest first. */
static rc
search(struct walk *w, const struct ima_state *start, uint64_t *tail,
    struct err *e)
{
	static const struct {
		bool likely, every, composite_only;
	} tries[] = {
	    {true, false, true},
	    {false, false, true},
	    {true, true, false},
	    {false, true, false},
	};

	for (size_t i = 0; i < 4 && !w->found; i++) {
		if (tries[i].composite_only && w->target->values)
			continue;
		w->now = *start;
		w->every = tries[i].every;
		if (tries[i].likely && !likely_types(&w->now))
			continue;
		TRY(walk_to_quote(w, start, tail, e));
	}
	return RC_OK;
}

static void
emit_match(struct walk *w, const struct ima_state *start, struct ima_match *out)
{
	out->entries = w->now.entries - start->entries;
	out->bytes = w->now.bytes - start->bytes;
	out->pcrs.n = 0;
	for (size_t i = 0; i < w->now.n; i++) {
		struct bank *b = &out->pcrs.bank[out->pcrs.n++];
		w->now.bank[i].types = w->types[i];
		*b = *ima_state_bank(&w->now, i, w->types[i]);
		b->touched = w->now.pcrs;
	}
}

static uint32_t
quoted_pcrs(const struct pcr_selections *sel)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < sel->n; i++)
		mask |= sel->bank[i].mask;
	return mask;
}

rc
ima_covered(struct span covered, const struct ima_state *start,
    const struct pcr_selections *quoted, ima_sink *sink, void *ctx,
    struct err *e)
{
	struct ima_reader in =
	    ima_over_as(covered, (uint32_t)start->entries, start->big_endian);
	uint32_t mask = quoted_pcrs(quoted);
	struct ima_entry entry;
	bool more = true;

	for (;;) {
		TRY(ima_next(&in, &entry, &more, e));
		if (!more)
			return RC_OK;
		if (mask & 1u << entry.pcr)
			TRY(sink(ctx, &entry, e));
	}
}

rc
ima_replay(struct span list, const struct ima_state *start,
    const struct ima_target *target, struct hasher *h, ima_sink *sink,
    void *ctx, struct ima_state *end, struct ima_match *out, struct err *e)
{
	const struct pcr_selections *sel = &target->quote->selection;
	struct walk w = {
	    .list = list, .target = target, .h = h, .quoted = quoted_pcrs(sel)};
	struct ima_match match;

	TRY(search(&w, start, &match.tail, e));
	if (!w.found) {
		*end = w.now;
		return err_at(e, ERR_IMA_REPLAY, NULL, "%s", "entries");
	}
	emit_match(&w, start, &match);
	if (sink)
		TRY(ima_covered(
		    span_of(list.p, match.bytes), start, sel, sink, ctx, e));
	*end = w.now;
	*out = match;
	return RC_OK;
}

/* --- boot_aggregate --------------------------------------------------- */

/* The digest is H_alg(PCR 0 ‖ … ‖ PCR last) of that bank. */
static rc
aggregate(const struct bank *b, const struct hash_alg *alg, unsigned last,
    struct hasher *h, uint8_t *out)
{
	TRY(hash_begin(h, alg->id));
	for (unsigned i = 0; i <= last; i++)
		TRY(hash_add(h, alg->id, span_of(b->pcr[i], alg->size)));
	return hash_end(h, alg->id, out);
}

rc
ima_check_boot_aggregate(const struct ima_entry *entry,
    const struct banks *boot, struct hasher *h, struct err *e)
{
	static const unsigned lasts[] = {9, 7};
	const struct hash_alg *alg = hash_by_name(entry->digest_alg);
	const struct bank *b = alg && boot ? banks_get(boot, alg->id) : NULL;
	uint8_t got[HASH_MAX];

	if (!ima_is_aggregate(entry))
		return err_at(e, ERR_IMA_BOOT_AGGREGATE,
		    "The first entry is not boot_aggregate.", "entries[%u].n",
		    entry->index);
	if (span_all(entry->digest, 0))
		return err_at(e, ERR_IMA_BOOT_AGGREGATE,
		    "boot_aggregate is all zero: IMA was started without a "
		    "TPM.",
		    "entries[%u].d", entry->index);
	if (!b)
		return err_at(e, ERR_IMA_AGGREGATE_UNVERIFIED, NULL,
		    "entries[%u].d", entry->index);
	/* Only SHA-1 ever stopped at PCR 7. */
	for (size_t i = 0; i < (alg->id == ALG_SHA1 ? 2 : 1); i++) {
		if (!rc_ok(aggregate(b, alg, lasts[i], h, got)))
			return crypto(e);
		if (span_eq(entry->digest, span_of(got, alg->size)))
			return RC_OK;
	}
	return err_at(
	    e, ERR_IMA_BOOT_AGGREGATE, NULL, "entries[%u].d", entry->index);
}

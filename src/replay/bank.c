/* SPDX-License-Identifier: Apache-2.0 */
#include "replay/bank.h"

void
bank_init(struct bank *b, uint16_t alg, uint8_t startup_locality)
{
	const struct hash_alg *row = hash_by_id(alg);

	*b = (struct bank){.alg = alg};
	if (!row)
		return;
	for (size_t i = 17; i <= 22; i++)
		for (size_t j = 0; j < row->size; j++)
			b->pcr[i][j] = 0xff;
	b->pcr[0][row->size - 1] = startup_locality;
}

/* PCRs of mask whose values differ. */
static uint32_t
differing(const struct bank *a, const struct bank *b, uint32_t mask)
{
	const struct hash_alg *row = hash_by_id(a->alg);
	uint32_t out = 0;

	for (size_t i = 0; i < LIMIT_PCRS; i++)
		if (mask >> i & 1 &&
		    (!row || a->alg != b->alg ||
			memcmp(a->pcr[i], b->pcr[i], row->size) != 0))
			out |= 1u << i;
	return out;
}

rc
bank_cap(const struct bank *b, struct hasher *h, struct bank *capped)
{
	static const uint8_t zeros[HASH_MAX];
	struct bank out = *b;

	for (size_t i = 0; i <= 13; i++)
		TRY(hash_extend(h, out.alg, out.pcr[i], zeros));
	*capped = out;
	return RC_OK;
}

enum bank_state
bank_compare(const struct bank *replayed, const struct bank *capped,
    const struct bank *values, uint32_t mask)
{
	const uint32_t firmware = mask & (1u << 0 | 1u << 7);
	struct bank reset;

	if (differing(replayed, values, mask) == 0)
		return BANK_REPLAYS;
	bank_init(&reset, replayed->alg, 0);
	if (differing(&reset, values, firmware) != firmware)
		return BANK_UNEXTENDED;
	return differing(capped, values, mask) ? BANK_DIFFERS : BANK_CAPPED;
}

const struct bank *
banks_get(const struct banks *b, uint16_t alg)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->bank[i].alg == alg)
			return &b->bank[i];
	return NULL;
}

struct bank *
banks_find(struct banks *b, uint16_t alg)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->bank[i].alg == alg)
			return &b->bank[i];
	return NULL;
}

/* Add the selected PCRs of one bank to the running hash: as one piece, since
 * each update costs as much as a block. */
static bool
add_selected(
    const struct bank *bank, uint32_t mask, uint16_t hash, struct hasher *h)
{
	const struct hash_alg *row = bank ? hash_by_id(bank->alg) : NULL;
	uint8_t values[LIMIT_PCRS * HASH_MAX];
	size_t n = 0;

	if (!row || mask >> LIMIT_PCRS)
		return false;
	for (size_t i = 0; i < LIMIT_PCRS; i++)
		if (mask >> i & 1) {
			memcpy(values + n, bank->pcr[i], row->size);
			n += row->size;
		}
	return rc_ok(hash_add(h, hash, span_of(values, n)));
}

bool
banks_composite(const struct banks *b, const struct pcr_selections *sel,
    uint16_t hash, struct hasher *h, uint8_t *out)
{
	if (!rc_ok(hash_begin(h, hash)))
		return false;
	for (size_t i = 0; i < sel->n; i++)
		if (sel->bank[i].mask &&
		    !add_selected(banks_get(b, sel->bank[i].alg),
			sel->bank[i].mask, hash, h))
			return false;
	return rc_ok(hash_end(h, hash, out));
}

static rc
values_fault(struct err *e, const char *text)
{
	return err_at(e, ERR_QUOTE_PCR_DIGEST, text, "pcrs");
}

/* Take one bank's selected values from the front of *values. */
static bool
take_bank(
    struct span *values, const struct pcr_selection *sel, struct bank *out)
{
	const struct hash_alg *row = hash_by_id(sel->alg);

	if (!row || sel->mask >> LIMIT_PCRS)
		return false;
	*out = (struct bank){.alg = sel->alg, .touched = sel->mask};
	for (size_t i = 0; i < LIMIT_PCRS; i++) {
		if (!(sel->mask >> i & 1))
			continue;
		if (values->n < row->size)
			return false;
		for (size_t j = 0; j < row->size; j++)
			out->pcr[i][j] = values->p[j];
		*values = span_of(values->p + row->size, values->n - row->size);
	}
	return true;
}

rc
banks_from_values(struct span values, const struct tpm_quote *quote,
    uint16_t hash, struct hasher *h, struct banks *out, struct err *e)
{
	const struct pcr_selections *sel = &quote->selection;
	const struct hash_alg *row = hash_by_id(hash);
	uint8_t digest[HASH_MAX];
	struct banks b = {.n = 0};

	if (!row || sel->n > HASH_ALGS)
		return values_fault(e, NULL);
	TRY(hash_of(h, hash, values, digest));
	if (!span_eq(quote->pcr_digest, span_of(digest, row->size)))
		return values_fault(e, NULL);
	for (size_t i = 0; i < sel->n; i++)
		if (!take_bank(&values, &sel->bank[i], &b.bank[b.n++]))
			return values_fault(
			    e, "Fewer PCR values were sent than were quoted.");
	if (values.n)
		return values_fault(
		    e, "More PCR values were sent than were quoted.");
	*out = b;
	return RC_OK;
}

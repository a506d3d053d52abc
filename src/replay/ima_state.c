/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a walked list as bytes that a store can keep: version u8,
 * banks u8, PCRs u32, entries u64, bytes u64, violations u64, then per bank
 * alg u16, types u8 and for each named PCR its value of each type. */
#include "base/json.h"
#include "replay/ima.h"

enum { STATE_VERSION = 2 };

static void
put_be(struct buf *out, uint64_t v, unsigned n)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(v >> 8 * (n - 1 - i));
	buf_put(out, bytes, n);
}

static void
put_bank(struct buf *out, const struct ima_state *s, size_t i)
{
	const struct hash_alg *alg = hash_by_id(s->bank[i].type[0].alg);

	put_be(out, alg->id, 2);
	put_be(out, s->bank[i].types, 1);
	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
		if (!(s->pcrs & 1u << pcr))
			continue;
		for (size_t k = 0; k < IMA_TYPES; k++)
			buf_put(out, ima_state_bank(s, i, 1u << k)->pcr[pcr],
			    alg->size);
	}
}

rc
ima_state_encode(
    const struct ima_state *s, struct arena *a, struct span *out, struct err *e)
{
	struct buf b = {0};

	put_be(&b, STATE_VERSION, 1);
	put_be(&b, s->n, 1);
	put_be(&b, s->pcrs, 4);
	put_be(&b, s->entries, 8);
	put_be(&b, s->bytes, 8);
	put_be(&b, s->violations, 8);
	for (size_t i = 0; i < s->n; i++)
		put_bank(&b, s, i);
	struct span copy =
	    b.failed ? (struct span){NULL, 0} : arena_copy(a, buf_span(&b));
	buf_free(&b);
	if (!copy.p)
		return err_at(e, ERR_MEMORY, NULL, "ima_state");
	*out = copy;
	return RC_OK;
}

static void
take_value(struct rd *in, struct bank *b, unsigned pcr, size_t size)
{
	struct span v = rd_bytes(in, size);

	for (size_t i = 0; i < v.n; i++)
		b->pcr[pcr][i] = v.p[i];
	b->touched |= 1u << pcr;
}

static bool
take_bank(struct rd *in, struct ima_state *s, size_t i)
{
	uint16_t id = rd_u16be(in);
	const struct hash_alg *alg = hash_by_id(id);

	s->bank[i].types = rd_u8(in);
	if (!rd_ok(in) || !alg || id != s->bank[i].type[0].alg ||
	    s->bank[i].types == 0 ||
	    s->bank[i].types &
		~(unsigned)(IMA_TYPED | IMA_PADDED | IMA_PADDED_OLD))
		return false;
	for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
		if (!(s->pcrs & 1u << pcr))
			continue;
		for (size_t k = 0; k < IMA_TYPES; k++)
			take_value(in, &s->bank[i].type[k], pcr, alg->size);
	}
	return rd_ok(in);
}

bool
ima_state_resume(struct ima_state *io, struct span bytes)
{
	struct rd in = rd_over(bytes);
	struct ima_state s = *io;
	uint8_t version = rd_u8(&in);
	uint8_t banks = rd_u8(&in);

	s.pcrs = rd_u32be(&in);
	s.entries = rd_u64be(&in);
	s.bytes = rd_u64be(&in);
	s.violations = rd_u64be(&in);
	if (!rd_ok(&in) || version != STATE_VERSION || banks != s.n ||
	    s.pcrs >> LIMIT_PCRS)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!take_bank(&in, &s, i))
			return false;
	if (!rd_done(&in))
		return false;
	*io = s;
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/kdf.h"
#include "verify/wr.h"

/* Counter, label, a name as context, number of bits. */
enum { KDF_INPUT = 4 + 16 + 2 + HASH_MAX + 4 };

static struct span
label_span(const char *label)
{
	return span_of(label, strlen(label) + 1);
}

rc
kdf_a(uint16_t alg, struct span key, const char *label, struct span context,
    uint8_t *out, size_t n)
{
	const struct hash_alg *row = hash_by_id(alg);
	uint8_t input[KDF_INPUT], block[HASH_MAX];
	struct wr w = wr_over(input, sizeof(input));

	if (!row || n > row->size)
		return (rc){ERR_CRYPTO};
	wr_be(&w, 1, 4);
	wr_bytes(&w, label_span(label));
	wr_bytes(&w, context);
	wr_be(&w, 8 * n, 4);
	if (w.failed)
		return (rc){ERR_CRYPTO};
	TRY(hash_hmac(alg, key, wr_span(&w), block));
	memcpy(out, block, n);
	secret_cleanse(block, sizeof(block));
	return RC_OK;
}

rc
kdf_e(struct hasher *h, uint16_t alg, const struct kdf_parties *in,
    const char *label, uint8_t *out, size_t n)
{
	static const uint8_t counter[] = {0, 0, 0, 1};
	const struct span parts[] = {span_of(counter, sizeof(counter)), in->z,
	    label_span(label), in->u, in->v};
	const struct hash_alg *row = hash_by_id(alg);
	uint8_t block[HASH_MAX];

	if (!row || n > row->size)
		return (rc){ERR_CRYPTO};
	TRY(hash_begin(h, alg));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		TRY(hash_add(h, alg, parts[i]));
	TRY(hash_end(h, alg, block));
	memcpy(out, block, n);
	secret_cleanse(block, sizeof(block));
	return RC_OK;
}

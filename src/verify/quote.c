/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/quote.h"

rc
quote_check_nonce(const struct tpm_quote *q, struct span nonce, struct err *e)
{
	/* An empty nonce was never issued, so it proves nothing. */
	if (nonce.n == 0 || q->extra.n != nonce.n ||
	    !secret_equal(q->extra.p, nonce.p, nonce.n))
		return err_at(e, ERR_QUOTE_NONCE, NULL, "quote.extraData");
	return RC_OK;
}

rc
quote_check_selection(const struct tpm_quote *q,
    const struct pcr_selections *asked, struct err *e)
{
	if (!pcr_selections_eq(&q->selection, asked))
		return err_at(e, ERR_QUOTE_SELECTION, NULL, "quote.selection");
	return RC_OK;
}

rc
quote_check_digest_size(const struct tpm_quote *q, uint16_t hash, struct err *e)
{
	const struct hash_alg *row = hash_by_id(hash);

	if (!row || q->pcr_digest.n != row->size)
		return err_at(e, ERR_QUOTE_PCR_DIGEST, NULL, "quote.pcrDigest");
	return RC_OK;
}

rc
quote_check_signer(
    const struct tpm_quote *q, const struct tpm_name *qualified, struct err *e)
{
	if (!span_eq(q->signer, span_of(qualified->b, qualified->n)))
		return err_at(e, ERR_AK_QN, NULL, "quote.qualifiedSigner");
	return RC_OK;
}

rc
quote_check_clock(const struct tpm_quote *q, const struct tpm_clock *before,
    bool *rebooted, struct err *e)
{
	bool reset = q->reset_count != before->reset_count;
	bool restart = q->restart_count != before->restart_count;

	if (!before->known) {
		*rebooted = false;
		return RC_OK;
	}
	bool back = reset     ? q->reset_count < before->reset_count
		    : restart ? q->restart_count < before->restart_count
			      : q->clock < before->clock;
	if (back)
		return err_at(e, ERR_QUOTE_CLOCK_BACK, NULL, "quote.clockInfo");
	*rebooted = reset || restart;
	return RC_OK;
}

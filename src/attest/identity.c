/* SPDX-License-Identifier: Apache-2.0 */
/* Who said it, to whom and when: keys, signature, nonce, selection, clock. */
#include "attest/walk.h"

/* A structure of the TPM that cannot be read is an error of the key that it
 * describes. */
static rc
map_public(struct err *e, rc r, enum err_code to, const char *prefix)
{
	if (r.code != ERR_TPM_FORMAT && r.code != ERR_TPM_ALG)
		return r;
	e->code = to;
	return err_prefix(e, (rc){to}, prefix);
}

/* --- attestation key -------------------------------------------------- */

static bool
is_pem(struct span s)
{
	static const char begin[] = "-----BEGIN ";

	return s.n >= sizeof(begin) - 1 &&
	       memcmp(s.p, begin, sizeof(begin) - 1) == 0;
}

static rc
load_ak(struct walk *w, struct err *e)
{
	struct span pub = w->ev->ak_pub;

	if (!pub.p)
		return err_at(e, ERR_AK_FORMAT,
		    "The evidence has no attestation key.", "ak");
	if (is_pem(pub))
		return key_from_spki(pub, &w->own_ak, e);
	TRY(map_public(e, tpm_decode_public(pub, w->a, &w->ak_public, e),
	    ERR_AK_FORMAT, "ak."));
	w->ak_public_known = true;
	TRY(key_name(&w->ak_public, w->h, &w->f->ak_name, e));
	/* A key that may not be an attestation key is for ak.attributes to
	 * refuse, in its own words. */
	if (!rc_ok(key_check_ak(&w->ak_public, NULL)))
		return RC_OK;
	return key_from_public(&w->ak_public, &w->own_ak, e);
}

rc
step_ak_format(struct walk *w, enum check_state *state, struct err *e)
{
	*state = CHECK_PASSED;
	w->ak = w->ctx->ak;
	if (!w->ak)
		TRY(load_ak(w, e));
	if (!w->ak)
		w->ak = w->own_ak;
	w->f->ak_alg = w->ak ? key_alg_name(w->ak) : NULL;
	return RC_OK;
}

rc
step_ak_attributes(struct walk *w, enum check_state *state, struct err *e)
{
	/* An enrolled key was checked before it was enrolled. */
	*state = w->ctx->ak ? CHECK_NOT_APPLICABLE : CHECK_PASSED;
	if (w->ctx->ak)
		return RC_OK;
	if (!w->ak_public_known)
		return err_at(e, ERR_AK_ATTRIBUTES_UNKNOWN, NULL, "ak.public");
	return key_check_ak(&w->ak_public, e);
}

/* --- endorsement key -------------------------------------------------- */

rc
step_ek_chain(struct walk *w, enum check_state *state, struct err *e)
{
	if (!w->ctx->anchors)
		*state = CHECK_NOT_REQUIRED;
	if (w->ev->ek_cert.p)
		TRY(cert_decode(w->ev->ek_cert, &w->ek_cert, e));
	if (!w->ctx->anchors)
		return RC_OK;
	if (!w->ev->ek_cert.p)
		return err_at(e, ERR_EK_MISSING, NULL, "ekcert");
	*state = CHECK_PASSED;
	return ek_check_chain(
	    w->ctx->anchors, &w->ek_cert, NULL, 0, w->ctx->now, &w->f->ek, e);
}

/* The public area that was sent, checked against what is known of it, or the
 * one that the certificate's key implies. */
static rc
ek_public(struct walk *w, struct tpm_public *out, struct err *e)
{
	struct span bytes = w->ev->ek_pub;

	if (!bytes.p)
		TRY(ek_public_from_cert(&w->ek_cert, w->a, &bytes, e));
	TRY(map_public(
	    e, tpm_decode_public(bytes, w->a, out, e), ERR_EK_FORMAT, "ek."));
	return w->ek_cert.x509 ? ek_check_public(&w->ek_cert, out, e)
			       : ek_check_template(out, e);
}

rc
step_ek_public(struct walk *w, enum check_state *state, struct err *e)
{
	struct tpm_public ek;

	*state = CHECK_NOT_REQUIRED;
	if (!w->ev->ek_pub.p && !w->ek_cert.x509)
		return RC_OK;
	*state = CHECK_PASSED;
	TRY(ek_public(w, &ek, e));
	TRY(key_name(&ek, w->h, &w->ek_name, e));
	w->ek_known = true;
	return RC_OK;
}

/* --- quote ------------------------------------------------------------ */

rc
step_quote_format(struct walk *w, enum check_state *state, struct err *e)
{
	TRY(tpm_decode_quote(w->ev->attest, w->a, &w->f->quote, e));
	TRY(tpm_decode_signature(w->ev->signature, w->a, &w->f->signature, e));
	w->f->judged = w->f->quote.selection;
	*state = CHECK_PASSED;
	return RC_OK;
}

rc
step_quote_signature(struct walk *w, enum check_state *state, struct err *e)
{
	TRY(key_verify(
	    w->ak, &w->f->signature, w->f->quote.signed_bytes, w->h, e));
	w->f->quote_ok = true;
	*state = CHECK_PASSED;
	return RC_OK;
}

rc
step_quote_signer(struct walk *w, enum check_state *state, struct err *e)
{
	const struct tpm_name *want = w->ctx->ak_qualified;
	struct tpm_name computed;

	if (!want && !w->ek_known) {
		*state = CHECK_NOT_REQUIRED;
		return RC_OK;
	}
	/* Without attributes the key has no name: ak.attributes said so. */
	if (!want && !w->ak_public_known)
		return RC_OK;
	if (!want) {
		TRY(key_qualified_name(
		    &w->ek_name, &w->f->ak_name, w->h, &computed, e));
		want = &computed;
	}
	*state = CHECK_PASSED;
	return quote_check_signer(&w->f->quote, want, e);
}

rc
step_quote_nonce(struct walk *w, enum check_state *state, struct err *e)
{
	if (!w->ctx->nonce_given)
		return err_at(
		    e, ERR_QUOTE_NONCE_UNKNOWN, NULL, "quote.extraData");
	*state = CHECK_PASSED;
	return quote_check_nonce(&w->f->quote, w->ctx->nonce, e);
}

rc
step_quote_selection(struct walk *w, enum check_state *state, struct err *e)
{
	*state = w->ctx->asked ? CHECK_PASSED : CHECK_NOT_REQUIRED;
	if (!w->ctx->asked)
		return RC_OK;
	return quote_check_selection(&w->f->quote, w->ctx->asked, e);
}

rc
step_quote_clock(struct walk *w, enum check_state *state, struct err *e)
{
	const struct tpm_clock *before = w->ctx->clock;
	bool known = before && before->known;

	*state = known ? CHECK_PASSED : CHECK_NOT_REQUIRED;
	pace_of(&w->f->quote, before, w->ctx->issued, w->ctx->now, &w->f->pace);
	if (!known)
		return RC_OK;
	TRY(quote_check_clock(&w->f->quote, before, &w->f->rebooted, e));
	if (before->diverged)
		return err_at(e, ERR_TPM_CLONE, NULL, "quote.clockInfo");
	return RC_OK;
}

/* The chain was verified at enrolment; what may have changed since. Judged once
 * the quote is genuine, so that the rejection is recorded. */
rc
step_ek_status(struct walk *w, enum check_state *state, struct err *e)
{
	*state = w->ctx->ek ? CHECK_PASSED : CHECK_NOT_REQUIRED;
	if (!w->ctx->ek)
		return RC_OK;
	if (w->ctx->refuse_virtual && w->ctx->ek->rot == ROT_VIRTUAL)
		return err_at(e, ERR_EK_VIRTUAL, NULL, "ek");
	return ek_check_revoked(w->ctx->revocation, w->ctx->ek, e);
}

static bool
sha1_alone(const struct pcr_selections *sel)
{
	for (size_t i = 0; i < sel->n; i++)
		if (sel->bank[i].alg != ALG_SHA1 && sel->bank[i].mask)
			return false;
	return true;
}

/* PCR values that were sent along are authenticated by pcrDigest; without them
 * the logs have to reproduce it. */
rc
step_quote_values(struct walk *w, enum check_state *state, struct err *e)
{
	const struct tpm_quote *q = &w->f->quote;

	TRY(quote_check_digest_size(q, w->f->signature.hash, e));
	if (w->ev->pcrs.p) {
		TRY(banks_from_values(w->ev->pcrs, q, w->f->signature.hash,
		    w->h, &w->f->values, e));
		w->values_known = true;
	}
	if (sha1_alone(&q->selection))
		return err_at(e, ERR_LOG_BANK_SHA1, NULL, "quote.selection");
	*state = CHECK_PASSED;
	return RC_OK;
}

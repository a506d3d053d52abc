/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/tpm.h"
#include "base/rd.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <tss2/tss2_mu.h>

enum {
	ALG_ML_DSA = 0x00a1,
	ALG_HASH_ML_DSA = 0x00a2,
	ALG_ML_KEM = 0x00a0,
};

/* tpm2-tss writes a line to standard error for every malformed input, so
 * whoever sends evidence could fill the log; and in the agent two for every
 * refusal of the TPM, those that are expected after each reboot included. What
 * matters is in our own errors. Runs before any thread exists; an operator's
 * own TSS2_LOG wins. */
__attribute__((constructor)) static void
quiet_tss(void)
{
	setenv("TSS2_LOG", "all+none", 0);
}

/* name_decode(): the structure is exactly `in`, and marshals back to it. */
#define EXACT(name, type)                                                      \
	static bool name##_decode(struct span in, type *out)                   \
	{                                                                      \
		uint8_t again[sizeof(type)];                                   \
		size_t used = 0, n = 0;                                        \
		return in.n > 0 &&                                             \
		       Tss2_MU_##type##_Unmarshal(in.p, in.n, &used, out) ==   \
			   TSS2_RC_SUCCESS &&                                  \
		       used == in.n &&                                         \
		       Tss2_MU_##type##_Marshal(out, again, sizeof(again),     \
			   &n) == TSS2_RC_SUCCESS &&                           \
		       span_eq(in, span_of(again, n));                         \
	}

EXACT(attest, TPMS_ATTEST)
EXACT(signature, TPMT_SIGNATURE)
EXACT(public, TPMT_PUBLIC)

/* The structure inside a TPM2B, or the bytes themselves. */
static struct span
without_size(struct span bytes)
{
	struct rd in = rd_over(bytes);
	uint16_t n = rd_u16be(&in);

	return rd_ok(&in) && n == rd_left(&in) ? rd_rest(&in) : bytes;
}

/* --- selections ----------------------------------------------------------- */

static bool
bank_selected(const struct pcr_selections *sel, uint16_t alg)
{
	for (size_t i = 0; i < sel->n; i++)
		if (sel->bank[i].alg == alg)
			return true;
	return false;
}

static rc
bank_add(struct pcr_selections *sel, uint16_t alg, uint32_t mask)
{
	const struct hash_alg *row = hash_by_id(alg);

	if (!row || !row->bank)
		return (rc){ERR_QUOTE_BANK};
	if (bank_selected(sel, alg))
		return (rc){ERR_QUOTE_SELECTION_DUPLICATE};
	/* All banks that exist, each once, fit. */
	sel->bank[sel->n++] = (struct pcr_selection){alg, mask};
	return RC_OK;
}

static rc
selection_take(const TPMS_PCR_SELECTION *in, struct pcr_selections *out)
{
	uint32_t mask = 0;

	if (in->sizeofSelect < 1 || in->sizeofSelect > 4)
		return (rc){ERR_QUOTE_FORMAT};
	for (unsigned i = 0; i < in->sizeofSelect; i++)
		mask |= (uint32_t)in->pcrSelect[i] << (8 * i);
	if (mask >> LIMIT_PCRS)
		return (rc){ERR_QUOTE_FORMAT};
	return bank_add(out, in->hash, mask);
}

static rc
selections_take(
    const TPML_PCR_SELECTION *in, struct pcr_selections *out, struct err *e)
{
	uint32_t any = 0;

	for (uint32_t i = 0; i < in->count; i++) {
		rc r = selection_take(&in->pcrSelections[i], out);
		if (!rc_ok(r))
			return err_at(
			    e, r.code, NULL, "quote.selection[%u]", i);
		any |= out->bank[out->n - 1].mask;
	}
	return any ? RC_OK
		   : err_at(
			 e, ERR_QUOTE_SELECTION_EMPTY, NULL, "quote.selection");
}

uint32_t
pcr_selections_mask(const struct pcr_selections *sel, uint16_t alg)
{
	for (size_t i = 0; i < sel->n; i++)
		if (sel->bank[i].alg == alg)
			return sel->bank[i].mask;
	return 0;
}

static bool
covers(const struct pcr_selections *a, const struct pcr_selections *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->bank[i].mask != pcr_selections_mask(b, a->bank[i].alg))
			return false;
	return true;
}

bool
pcr_selections_eq(
    const struct pcr_selections *a, const struct pcr_selections *b)
{
	return covers(a, b) && covers(b, a);
}

/* --- selections as text --------------------------------------------------- */

/* What stands before the next `stop` (or the end); both are consumed. */
static struct span
take_until(struct span *text, char stop)
{
	const uint8_t *at = text->n ? memchr(text->p, stop, text->n) : NULL;
	size_t n = at ? (size_t)(at - text->p) : text->n;
	struct span head = {text->p, n};
	size_t skip = at ? n + 1 : n;

	*text = (struct span){text->p + skip, text->n - skip};
	return head;
}

static bool
mask_parse(struct span list, uint32_t *out)
{
	uint32_t mask = 0;
	uint64_t pcr;

	if (span_eq(list, span_str("all"))) {
		*out = (1u << LIMIT_PCRS) - 1;
		return true;
	}
	if (span_eq(list, span_str("none"))) {
		*out = 0;
		return true;
	}
	/* A comma at the end would leave an empty number unseen. */
	if (list.n == 0 || list.p[list.n - 1] == ',')
		return false;
	while (list.n) {
		if (!number_parse(
			take_until(&list, ','), LIMIT_PCRS - 1, &pcr) ||
		    mask & 1u << pcr)
			return false;
		mask |= 1u << pcr;
	}
	*out = mask;
	return true;
}

static struct span
trim_end(struct span s)
{
	while (s.n && strchr(" \t\r\n", s.p[s.n - 1]) && s.p[s.n - 1])
		s.n--;
	return s;
}

static rc
bank_parse(struct span bank, struct pcr_selections *sel)
{
	struct span name = take_until(&bank, ':');
	const struct hash_alg *alg = hash_by_name(name);
	uint32_t mask;

	if (!mask_parse(bank, &mask))
		return (rc){ERR_ENCODING};
	return alg ? bank_add(sel, alg->id, mask) : (rc){ERR_QUOTE_BANK};
}

rc
pcr_selections_parse(
    struct span text, struct pcr_selections *out, struct err *e)
{
	struct pcr_selections sel = {0};

	text = trim_end(text);
	if (text.n == 0 || text.p[text.n - 1] == '+')
		return err_at(e, ERR_ENCODING,
		    "A PCR selection looks like sha256:0,1,2+sha1:10.",
		    "selection");
	for (unsigned i = 0; text.n; i++) {
		rc r = bank_parse(take_until(&text, '+'), &sel);
		if (!rc_ok(r))
			return err_at(e, r.code, NULL, "selection[%u]", i);
	}
	*out = sel;
	return RC_OK;
}

char *
pcr_selections_text(struct arena *a, const struct pcr_selections *sel)
{
	/* "sha3_256:" and 24 numbers of at most three bytes per bank. */
	char text[LIMIT_BANKS * 96 + 1] = "";
	size_t n = 0;

	for (size_t i = 0; i < sel->n && i < LIMIT_BANKS; i++) {
		const struct hash_alg *alg = hash_by_id(sel->bank[i].alg);
		const char *sep = ":";
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s",
		    i ? "+" : "", alg ? alg->name : "?");
		if (!sel->bank[i].mask)
			n += (size_t)snprintf(
			    text + n, sizeof(text) - n, ":none");
		for (unsigned pcr = 0; pcr < LIMIT_PCRS; pcr++) {
			if (!(sel->bank[i].mask >> pcr & 1))
				continue;
			n += (size_t)snprintf(
			    text + n, sizeof(text) - n, "%s%u", sep, pcr);
			sep = ",";
		}
	}
	return arena_printf(a, "%s", text);
}

/* --- quote ---------------------------------------------------------------- */

static rc
quote_head(struct span in, struct err *e)
{
	struct rd head = rd_over(in);
	uint32_t magic = rd_u32be(&head);
	uint16_t type = rd_u16be(&head);

	if (!rd_ok(&head) || in.n > LIMIT_ATTEST)
		return err_at(e, ERR_QUOTE_FORMAT, NULL, "quote");
	if (magic != TPM2_GENERATED_VALUE)
		return err_at(e, ERR_QUOTE_MAGIC, NULL, "quote.magic");
	if (type != TPM2_ST_ATTEST_QUOTE)
		return err_at(e, ERR_QUOTE_TYPE, NULL, "quote.type");
	return RC_OK;
}

rc
tpm_decode_quote(
    struct span bytes, struct arena *a, struct tpm_quote *out, struct err *e)
{
	struct span in = without_size(bytes);
	struct pcr_selections selection = {0};

	TRY(quote_head(in, e));
	TPMS_ATTEST *t = arena_alloc(a, sizeof(*t));
	if (!t)
		return err_at(e, ERR_MEMORY, NULL, "quote");
	if (!attest_decode(in, t))
		return err_at(e, ERR_QUOTE_FORMAT, NULL, "quote");
	if (t->clockInfo.safe > 1)
		return err_at(e, ERR_QUOTE_FORMAT,
		    "TPMI_YES_NO is 0 or 1 (TPM 2.0 Part 2, 9.2).",
		    "quote.clockInfo.safe");

	const TPMS_QUOTE_INFO *quote = &t->attested.quote;
	TRY(selections_take(&quote->pcrSelect, &selection, e));
	*out = (struct tpm_quote){
	    .signed_bytes = in,
	    .signer = span_of(t->qualifiedSigner.name, t->qualifiedSigner.size),
	    .extra = span_of(t->extraData.buffer, t->extraData.size),
	    .clock = t->clockInfo.clock,
	    .reset_count = t->clockInfo.resetCount,
	    .restart_count = t->clockInfo.restartCount,
	    .safe = t->clockInfo.safe == 1,
	    .firmware = t->firmwareVersion,
	    .selection = selection,
	    .pcr_digest =
		span_of(quote->pcrDigest.buffer, quote->pcrDigest.size),
	};
	return RC_OK;
}

/* --- signature ------------------------------------------------------------ */

static rc
signature_alg(struct span in, struct err *e)
{
	struct rd head = rd_over(in);
	uint16_t alg = rd_u16be(&head);

	if (!rd_ok(&head) || in.n > LIMIT_SIGNATURE)
		return err_at(e, ERR_QUOTE_SIG_FORMAT, NULL, "signature");
	switch (alg) {
	case ALG_RSASSA:
	case ALG_RSAPSS:
	case ALG_ECDSA:
		return RC_OK;
	case ALG_ML_DSA:
	case ALG_HASH_ML_DSA:
		return err_at(e, ERR_QUOTE_ML_DSA, NULL, "signature.sigAlg");
	default:
		return err_at(e, ERR_QUOTE_SIG_ALG, NULL, "signature.sigAlg");
	}
}

rc
tpm_decode_signature(struct span bytes, struct arena *a,
    struct tpm_signature *out, struct err *e)
{
	TRY(signature_alg(bytes, e));
	TPMT_SIGNATURE *t = arena_alloc(a, sizeof(*t));
	if (!t)
		return err_at(e, ERR_MEMORY, NULL, "signature");
	if (!signature_decode(bytes, t))
		return err_at(e, ERR_QUOTE_SIG_FORMAT, NULL, "signature");

	*out = (struct tpm_signature){
	    .alg = t->sigAlg, .hash = t->signature.any.hashAlg};
	if (t->sigAlg == ALG_ECDSA) {
		const TPMS_SIGNATURE_ECC *ec = &t->signature.ecdsa;
		out->r = span_of(ec->signatureR.buffer, ec->signatureR.size);
		out->s = span_of(ec->signatureS.buffer, ec->signatureS.size);
		return RC_OK;
	}
	/* TPMS_SIGNATURE_RSASSA and _RSAPSS are the same structure. */
	const TPM2B_PUBLIC_KEY_RSA *rsa = &t->signature.rsassa.sig;
	out->rsa = span_of(rsa->buffer, rsa->size);
	return RC_OK;
}

/* --- public area ---------------------------------------------------------- */

static rc
public_type(struct span in, struct err *e)
{
	struct rd head = rd_over(in);
	uint16_t type = rd_u16be(&head);

	if (!rd_ok(&head) || in.n > LIMIT_PUBLIC)
		return err_at(e, ERR_TPM_FORMAT, NULL, "public");
	switch (type) {
	case ALG_RSA:
	case ALG_ECC:
		return RC_OK;
	case ALG_ML_DSA:
	case ALG_HASH_ML_DSA:
		return err_at(e, ERR_QUOTE_ML_DSA, NULL, "public.type");
	case TPM2_ALG_KEYEDHASH:
	case TPM2_ALG_SYMCIPHER:
	case ALG_ML_KEM:
		return err_at(e, ERR_TPM_ALG, NULL, "public.type");
	default:
		return err_at(e, ERR_TPM_FORMAT, NULL, "public.type");
	}
}

static void
take_symmetric(const TPMT_SYM_DEF_OBJECT *sym, struct tpm_public *out)
{
	out->sym_alg = sym->algorithm;
	if (sym->algorithm == ALG_NULL)
		return;
	out->sym_bits = sym->keyBits.sym;
	out->sym_mode = sym->mode.sym;
}

static void
take_rsa(const TPMT_PUBLIC *t, struct tpm_public *out)
{
	const TPMS_RSA_PARMS *rsa = &t->parameters.rsaDetail;

	take_symmetric(&rsa->symmetric, out);
	out->scheme = rsa->scheme.scheme;
	if (out->scheme != ALG_NULL && out->scheme != TPM2_ALG_RSAES)
		out->scheme_hash = rsa->scheme.details.anySig.hashAlg;
	out->rsa_bits = rsa->keyBits;
	out->exponent = rsa->exponent ? rsa->exponent : 65537;
	out->modulus = span_of(t->unique.rsa.buffer, t->unique.rsa.size);
}

static void
take_ecc(const TPMT_PUBLIC *t, struct tpm_public *out)
{
	const TPMS_ECC_PARMS *ecc = &t->parameters.eccDetail;

	take_symmetric(&ecc->symmetric, out);
	out->scheme = ecc->scheme.scheme;
	if (out->scheme != ALG_NULL)
		out->scheme_hash = ecc->scheme.details.anySig.hashAlg;
	out->curve = ecc->curveID;
	out->x = span_of(t->unique.ecc.x.buffer, t->unique.ecc.x.size);
	out->y = span_of(t->unique.ecc.y.buffer, t->unique.ecc.y.size);
}

rc
tpm_decode_public(
    struct span bytes, struct arena *a, struct tpm_public *out, struct err *e)
{
	struct span in = without_size(bytes);

	TRY(public_type(in, e));
	TPMT_PUBLIC *t = arena_alloc(a, sizeof(*t));
	if (!t)
		return err_at(e, ERR_MEMORY, NULL, "public");
	if (!public_decode(in, t))
		return err_at(e, ERR_TPM_FORMAT, NULL, "public");

	*out = (struct tpm_public){
	    .raw = in,
	    .type = t->type,
	    .name_alg = t->nameAlg,
	    .attributes = t->objectAttributes,
	    .policy = span_of(t->authPolicy.buffer, t->authPolicy.size),
	};
	if (t->type == ALG_RSA)
		take_rsa(t, out);
	else
		take_ecc(t, out);
	return RC_OK;
}

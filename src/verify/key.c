/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/key.h"
#include "base/rd.h"
#include "verify/material.h"
#include "verify/wr.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdlib.h>

/*
 * 1. All but `idle` is fixed after key_from_…, so threads share a key.
 * 2. A key whose scheme is fixed verifies by that scheme only.
 * 3. `idle` is a context for that scheme that nobody uses: whoever swaps it
 *    out owns it, and swaps it back. One that finds none makes another.
 */
struct key {
	const struct key_kind *kind;
	bool fixed;	 /* false: from an SPKI, so that it is only usual */
	uint16_t scheme; /* ALG_RSASSA … */
	uint16_t scheme_hash;
	EVP_PKEY *pkey;
	_Atomic(EVP_PKEY_CTX *) *idle;
};

/* --- names ---------------------------------------------------------------- */

/* out = alg ‖ H_alg(a ‖ b) */
static rc
name_of(uint16_t alg, struct span a, struct span b, struct hasher *h,
    struct tpm_name *out)
{
	const struct hash_alg *row = hash_by_id(alg);

	if (!row)
		return (rc){ERR_TPM_ALG};
	struct tpm_name name = {
	    2 + row->size, {(uint8_t)(alg >> 8), (uint8_t)alg}};
	TRY(hash_of2(h, alg, a, b, name.b + 2));
	*out = name;
	return RC_OK;
}

rc
key_name(const struct tpm_public *pub, struct hasher *h, struct tpm_name *out,
    struct err *e)
{
	rc r = name_of(pub->name_alg, pub->raw, span_of(NULL, 0), h, out);

	return rc_ok(r) ? r : err_at(e, r.code, NULL, "public.nameAlg");
}

static uint16_t
name_alg(const struct tpm_name *name)
{
	struct rd in = rd_over(span_of(name->b, name->n));

	return rd_u16be(&in);
}

rc
key_qualified_name(const struct tpm_name *ek, const struct tpm_name *ak,
    struct hasher *h, struct tpm_name *out, struct err *e)
{
	static const uint8_t endorsement[] = {0x40, 0x00, 0x00, 0x0b};
	struct tpm_name parent;
	rc r = name_of(name_alg(ek), span_of(endorsement, sizeof(endorsement)),
	    span_of(ek->b, ek->n), h, &parent);

	if (rc_ok(r))
		r = name_of(name_alg(ak), span_of(parent.b, parent.n),
		    span_of(ak->b, ak->n), h, out);
	return rc_ok(r) ? r : err_at(e, r.code, NULL, "ak.qualifiedName");
}

/* --- rules ---------------------------------------------------------------- */

static bool
strong_hash(uint16_t alg)
{
	const struct hash_alg *row = hash_by_id(alg);

	return row && row->bank && row->size >= 32;
}

static bool
attributes_fit(uint32_t attributes)
{
	const uint32_t must = ATTR_FIXED_TPM | ATTR_FIXED_PARENT |
			      ATTR_SENSITIVE_DATA_ORIGIN | ATTR_RESTRICTED |
			      ATTR_SIGN;
	const uint32_t may = ATTR_USER_WITH_AUTH | ATTR_ADMIN_WITH_POLICY |
			     ATTR_FIRMWARE_LIMITED | ATTR_SVN_LIMITED |
			     ATTR_NO_DA;

	return (attributes & must) == must && !(attributes & ~(must | may));
}

static bool
scheme_fits(const struct tpm_public *pub)
{
	bool rsa = pub->scheme == ALG_RSASSA || pub->scheme == ALG_RSAPSS;

	return (pub->type == ALG_RSA ? rsa : pub->scheme == ALG_ECDSA) &&
	       pub->sym_alg == ALG_NULL && strong_hash(pub->scheme_hash);
}

rc
key_check_ak(const struct tpm_public *pub, struct err *e)
{
	if (!attributes_fit(pub->attributes))
		return err_at(
		    e, ERR_AK_ATTRIBUTES, NULL, "ak.public.objectAttributes");
	if (!scheme_fits(pub))
		return err_at(
		    e, ERR_AK_SCHEME, NULL, "ak.public.parameters.scheme");
	if (!key_kind_of(pub) ||
	    (pub->type == ALG_RSA && pub->exponent != 65537))
		return err_at(e, ERR_AK_WEAK, NULL, "ak.public.parameters");
	if (!strong_hash(pub->name_alg))
		return err_at(e, ERR_AK_NAME_ALG, NULL, "ak.public.nameAlg");
	return RC_OK;
}

/* --- keys ----------------------------------------------------------------- */

static bool
set_padding(EVP_PKEY_CTX *ctx, uint16_t scheme)
{
	if (scheme == ALG_ECDSA)
		return true;
	if (scheme == ALG_RSASSA)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) ==
		       1;
	/* The salt is as long as the hash, or as long as fits (FIPS). */
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_AUTO) == 1;
}

/* A context that verifies by this scheme; NULL on failure. */
static EVP_PKEY_CTX *
verifier_new(EVP_PKEY *pkey, uint16_t scheme, uint16_t hash)
{
	const struct hash_alg *row = hash_by_id(hash);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	EVP_MD *md = row ? EVP_MD_fetch(NULL, row->openssl, NULL) : NULL;
	bool ok = ctx && md && EVP_PKEY_verify_init(ctx) == 1 &&
		  set_padding(ctx, scheme) &&
		  EVP_PKEY_CTX_set_signature_md(ctx, md) == 1;

	EVP_MD_free(md);
	if (ok)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

static const char roca_text[] =
    "The attestation key was made by Infineon's flawed generator and can be "
    "factored (CVE-2017-15361).";

static rc
key_new(
    const struct material *m, const struct tpm_public *pub, struct key **out)
{
	bool rsa = m->kind->type == ALG_RSA;
	struct key *k = calloc(1, sizeof(*k));
	rc r = k ? material_to_pkey(m, &k->pkey) : (rc){ERR_MEMORY};

	if (rc_ok(r) && !(k->idle = calloc(1, sizeof(*k->idle))))
		r = (rc){ERR_MEMORY};
	if (!rc_ok(r)) {
		key_free(k);
		ERR_clear_error();
		return r;
	}
	k->kind = m->kind;
	k->fixed = pub != NULL;
	k->scheme = pub ? pub->scheme : rsa ? ALG_RSASSA : ALG_ECDSA;
	k->scheme_hash = pub ? pub->scheme_hash : ALG_SHA256;
	*out = k;
	return RC_OK;
}

rc
key_from_public(const struct tpm_public *pub, struct key **out, struct err *e)
{
	struct material m;
	rc r = scheme_fits(pub) ? material_from_public(pub, &m)
				: (rc){ERR_AK_SCHEME};

	if (rc_ok(r) && material_is_roca(&m))
		return err_at(e, ERR_AK_WEAK, roca_text, "ak.public.unique");
	if (rc_ok(r))
		r = key_new(&m, pub, out);
	return rc_ok(r) ? r : err_at(e, r.code, NULL, "ak.public");
}

static EVP_PKEY *
spki_decode(struct span bytes)
{
	const unsigned char *p = bytes.p;
	char empty[] = ""; /* a password, so that none is asked for */
	EVP_PKEY *pkey;

	if (bytes.n == 0 || bytes.n > LIMIT_CERT)
		return NULL;
	if (bytes.p[0] == 0x30) {
		pkey = d2i_PUBKEY(NULL, &p, (long)bytes.n);
		if (pkey && p != bytes.p + bytes.n) {
			EVP_PKEY_free(pkey);
			return NULL;
		}
		return pkey;
	}
	BIO *bio = BIO_new_mem_buf(bytes.p, (int)bytes.n);
	pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, empty) : NULL;
	BIO_free(bio);
	return pkey;
}

rc
key_from_spki(struct span bytes, struct key **out, struct err *e)
{
	EVP_PKEY *pkey = spki_decode(bytes);
	struct material m;
	rc r = pkey ? material_from_pkey(pkey, &m) : (rc){ERR_AK_FORMAT};

	EVP_PKEY_free(pkey);
	ERR_clear_error();
	if (rc_ok(r) && material_is_roca(&m))
		return err_at(e, ERR_AK_WEAK, roca_text, "ak");
	if (rc_ok(r))
		r = key_new(&m, NULL, out);
	return rc_ok(r) ? r : err_at(e, r.code, NULL, "ak");
}

void
key_free(struct key *k)
{
	if (!k)
		return;
	if (k->idle)
		EVP_PKEY_CTX_free(atomic_load(k->idle));
	free(k->idle);
	EVP_PKEY_free(k->pkey);
	free(k);
}

uint16_t
key_scheme(const struct key *k)
{
	return k->fixed ? k->scheme : 0;
}

uint16_t
key_scheme_hash(const struct key *k)
{
	return k->fixed ? k->scheme_hash : 0;
}

const char *
key_alg_name(const struct key *k)
{
	return k->kind->name;
}

bool
key_alg_known(struct span name)
{
	return key_kind_by_name(name) != NULL;
}

/* --- signatures ----------------------------------------------------------- */

enum { SIG_MAX = MATERIAL_RSA };

static rc
check_algorithm(
    const struct key *k, const struct tpm_signature *sig, struct err *e)
{
	bool rsa = sig->alg == ALG_RSASSA || sig->alg == ALG_RSAPSS;
	bool fits = k->kind->type == ALG_RSA ? rsa : sig->alg == ALG_ECDSA;

	if (sig->hash == ALG_SHA1)
		return err_at(e, ERR_QUOTE_SIG_WEAK, NULL, "signature.hash");
	if (!fits || (k->fixed && sig->alg != k->scheme))
		return err_at(e, ERR_QUOTE_SIG_ALG, NULL, "signature.sigAlg");
	if (!strong_hash(sig->hash) ||
	    (k->fixed && sig->hash != k->scheme_hash))
		return err_at(e, ERR_QUOTE_SIG_ALG, NULL, "signature.hash");
	return RC_OK;
}

static struct span
without_zeros(struct span s)
{
	while (s.n && s.p[0] == 0)
		s = (struct span){s.p + 1, s.n - 1};
	return s;
}

/* INTEGER of a positive number without leading zeros (X.690, 8.3). */
static void
put_integer(struct wr *out, struct span number)
{
	size_t sign = number.n && number.p[0] & 0x80 ? 1 : 0;

	wr_be(out, 0x02, 1);
	wr_be(out, number.n + sign, 1);
	wr_zeros(out, sign);
	wr_bytes(out, number);
}

/* ECDSA-Sig-Value (RFC 3279, 2.2.3). OpenSSL judges the upper bound. */
static bool
ecdsa_form(const struct key *k, const struct tpm_signature *sig, struct wr *out)
{
	uint8_t body[2 * (3 + MATERIAL_COORD)];
	struct wr w = wr_over(body, sizeof(body));
	struct span r = without_zeros(sig->r), s = without_zeros(sig->s);

	if (r.n == 0 || s.n == 0 || r.n > k->kind->size ||
	    s.n > k->kind->size || sig->r.n > MATERIAL_COORD ||
	    sig->s.n > MATERIAL_COORD)
		return false;
	put_integer(&w, r);
	put_integer(&w, s);
	wr_be(out, 0x30, 1);
	if (w.n > 0x7f)
		wr_be(out, 0x81, 1);
	wr_be(out, w.n, 1);
	wr_bytes(out, wr_span(&w));
	return !w.failed && !out->failed;
}

/* The signature as OpenSSL wants it. */
static bool
signature_form(
    const struct key *k, const struct tpm_signature *sig, struct wr *out)
{
	if (sig->alg == ALG_ECDSA)
		return ecdsa_form(k, sig, out);
	/* A TPM may leave out leading zeros. */
	if (sig->rsa.n == 0)
		return false;
	wr_padded(out, sig->rsa, k->kind->size);
	return !out->failed;
}

/* Our own trouble is not a statement about the signature. */
static rc
failure(struct err *e)
{
	unsigned long code;
	bool ours = false;

	while ((code = ERR_get_error()) != 0)
		ours |= ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
	return err_at(
	    e, ours ? ERR_CRYPTO : ERR_QUOTE_SIGNATURE, NULL, "signature");
}

static bool
is_usual(const struct key *k, const struct tpm_signature *sig)
{
	return sig->alg == k->scheme && sig->hash == k->scheme_hash;
}

/* A context that nobody else uses until it is put back. */
static EVP_PKEY_CTX *
verifier_take(const struct key *k, const struct tpm_signature *sig)
{
	EVP_PKEY_CTX *ctx =
	    is_usual(k, sig) ? atomic_exchange(k->idle, NULL) : NULL;

	return ctx ? ctx : verifier_new(k->pkey, sig->alg, sig->hash);
}

static void
verifier_put(
    const struct key *k, const struct tpm_signature *sig, EVP_PKEY_CTX *ctx)
{
	if (is_usual(k, sig))
		ctx = atomic_exchange(k->idle, ctx);
	EVP_PKEY_CTX_free(ctx);
}

rc
key_verify(const struct key *k, const struct tpm_signature *sig,
    struct span data, struct hasher *h, struct err *e)
{
	uint8_t digest[HASH_MAX], form[SIG_MAX];
	struct wr w = wr_over(form, sizeof(form));

	TRY(check_algorithm(k, sig, e));
	if (!signature_form(k, sig, &w))
		return err_at(e, ERR_QUOTE_SIGNATURE, NULL, "signature");
	rc r = hash_of(h, sig->hash, data, digest);
	if (!rc_ok(r))
		return err_at(e, r.code, NULL, "signature");
	EVP_PKEY_CTX *ctx = verifier_take(k, sig);
	if (!ctx) {
		ERR_clear_error();
		return err_at(e, ERR_CRYPTO, NULL, "signature");
	}
	int ok =
	    EVP_PKEY_verify(ctx, w.p, w.n, digest, hash_by_id(sig->hash)->size);
	verifier_put(k, sig, ctx);
	return ok == 1 ? RC_OK : failure(e);
}

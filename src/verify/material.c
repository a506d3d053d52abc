/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/material.h"
#include "verify/wr.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

static const struct key_kind kinds[] = {
    {"rsa-2048", ALG_RSA, 2048, 0, NULL, 256},
    {"rsa-3072", ALG_RSA, 3072, 0, NULL, 384},
    {"rsa-4096", ALG_RSA, 4096, 0, NULL, 512},
    {"ecc-p256", ALG_ECC, 256, CURVE_P256, "prime256v1", 32},
    {"ecc-p384", ALG_ECC, 384, CURVE_P384, "secp384r1", 48},
    {"ecc-p521", ALG_ECC, 521, CURVE_P521, "secp521r1", 66},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]), EXPONENT = 65537 };

const struct key_kind *
key_kind_of(const struct tpm_public *pub)
{
	bool rsa = pub->type == ALG_RSA;

	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].type == pub->type &&
		    (rsa ? kinds[i].bits == pub->rsa_bits
			 : kinds[i].curve == pub->curve))
			return &kinds[i];
	return NULL;
}

const struct key_kind *
key_kind_by_name(struct span name)
{
	for (size_t i = 0; i < KINDS; i++)
		if (span_eq(name, span_str(kinds[i].name)))
			return &kinds[i];
	return NULL;
}

static bool
pad_into(struct span s, uint8_t *out, size_t n)
{
	struct wr w = wr_over(out, n);

	wr_padded(&w, s, n);
	return !w.failed;
}

rc
material_from_public(const struct tpm_public *pub, struct material *out)
{
	struct material m = {.kind = key_kind_of(pub)};
	bool rsa = pub->type == ALG_RSA;

	if (!m.kind || (rsa && pub->exponent != EXPONENT))
		return (rc){ERR_AK_WEAK};
	if (!rsa) {
		if (!pad_into(pub->x, m.x, m.kind->size) ||
		    !pad_into(pub->y, m.y, m.kind->size))
			return (rc){ERR_AK_POINT};
		*out = m;
		return RC_OK;
	}
	if (pub->modulus.n != m.kind->size || !(pub->modulus.p[0] & 0x80) ||
	    !(pub->modulus.p[m.kind->size - 1] & 1))
		return (rc){ERR_AK_POINT};
	pad_into(pub->modulus, m.modulus, m.kind->size);
	*out = m;
	return RC_OK;
}

static rc
number_of(const EVP_PKEY *pkey, const char *name, uint8_t *out, size_t n)
{
	BIGNUM *v = NULL;
	bool ok = EVP_PKEY_get_bn_param(pkey, name, &v) == 1;
	bool fits = ok && BN_bn2binpad(v, out, (int)n) == (int)n;

	BN_free(v);
	return !ok ? (rc){ERR_CRYPTO} : fits ? RC_OK : (rc){ERR_AK_POINT};
}

static const struct key_kind *
kind_of_pkey(const EVP_PKEY *pkey)
{
	bool rsa = EVP_PKEY_is_a(pkey, "RSA");
	char group[32] = "";

	if (!rsa &&
	    (!EVP_PKEY_is_a(pkey, "EC") ||
		EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1))
		return NULL;
	for (size_t i = 0; i < KINDS; i++)
		if (rsa ? kinds[i].type == ALG_RSA &&
			      kinds[i].bits == EVP_PKEY_get_bits(pkey)
			: kinds[i].group && !strcmp(kinds[i].group, group))
			return &kinds[i];
	return NULL;
}

rc
material_from_pkey(const EVP_PKEY *pkey, struct material *out)
{
	struct material m = {.kind = kind_of_pkey(pkey)};
	uint8_t exponent[8];

	if (!m.kind)
		return (rc){ERR_AK_WEAK};
	if (m.kind->type == ALG_ECC) {
		TRY(number_of(
		    pkey, OSSL_PKEY_PARAM_EC_PUB_X, m.x, m.kind->size));
		TRY(number_of(
		    pkey, OSSL_PKEY_PARAM_EC_PUB_Y, m.y, m.kind->size));
		*out = m;
		return RC_OK;
	}
	static const uint8_t wanted[8] = {0, 0, 0, 0, 0, 1, 0, 1};
	TRY(number_of(pkey, OSSL_PKEY_PARAM_RSA_N, m.modulus, m.kind->size));
	if (!(m.modulus[m.kind->size - 1] & 1))
		return (rc){ERR_AK_POINT};
	if (!rc_ok(number_of(
		pkey, OSSL_PKEY_PARAM_RSA_E, exponent, sizeof(exponent))) ||
	    !span_eq(span_of(exponent, 8), span_of(wanted, 8)))
		return (rc){ERR_AK_WEAK};
	*out = m;
	return RC_OK;
}

rc
material_from_x509(X509 *x509, struct material *out)
{
	const EVP_PKEY *pkey = X509_get0_pubkey(x509);
	rc r = pkey ? material_from_pkey(pkey, out) : (rc){ERR_AK_WEAK};

	ERR_clear_error();
	return r;
}

bool
material_eq(const struct material *a, const struct material *b)
{
	/* Unused bytes are zero in both. */
	return a->kind == b->kind &&
	       span_eq(span_of(a->modulus, MATERIAL_RSA),
		   span_of(b->modulus, MATERIAL_RSA)) &&
	       span_eq(span_of(a->x, MATERIAL_COORD),
		   span_of(b->x, MATERIAL_COORD)) &&
	       span_eq(span_of(a->y, MATERIAL_COORD),
		   span_of(b->y, MATERIAL_COORD));
}

static bool
push_rsa(OSSL_PARAM_BLD *bld, BIGNUM *n, BIGNUM *e)
{
	return n && e && BN_set_word(e, EXPONENT) &&
	       OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) &&
	       OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e);
}

static bool
push_point(OSSL_PARAM_BLD *bld, const struct material *m, uint8_t *point)
{
	struct wr w = wr_over(point, 1 + 2 * MATERIAL_COORD);

	wr_be(&w, 4, 1); /* uncompressed (SEC 1, 2.3.3) */
	wr_bytes(&w, span_of(m->x, m->kind->size));
	wr_bytes(&w, span_of(m->y, m->kind->size));
	return OSSL_PARAM_BLD_push_utf8_string(
		   bld, OSSL_PKEY_PARAM_GROUP_NAME, m->kind->group, 0) &&
	       OSSL_PARAM_BLD_push_octet_string(
		   bld, OSSL_PKEY_PARAM_PUB_KEY, w.p, w.n);
}

static EVP_PKEY *
from_params(const char *type, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (params && ctx && EVP_PKEY_fromdata_init(ctx) == 1)
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return pkey;
}

rc
material_to_pkey(const struct material *m, EVP_PKEY **out)
{
	bool rsa = m->kind->type == ALG_RSA;
	uint8_t point[1 + 2 * MATERIAL_COORD];
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_bin2bn(m->modulus, (int)m->kind->size, NULL);
	BIGNUM *e = BN_new();
	EVP_PKEY *pkey = NULL;
	bool pushed =
	    bld && (rsa ? push_rsa(bld, n, e) : push_point(bld, m, point));

	if (pushed)
		pkey = from_params(rsa ? "RSA" : "EC", bld);
	OSSL_PARAM_BLD_free(bld);
	BN_free(n);
	BN_free(e);
	ERR_clear_error();
	if (!pkey)
		return (rc){pushed ? ERR_AK_POINT : ERR_CRYPTO};
	*out = pkey;
	return RC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/soft_key.h"

#include "decode/tpm.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>

void
soft_put_u16(struct buf *b, unsigned v)
{
	uint8_t be[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	buf_put(b, be, 2);
}

void
soft_put_u32(struct buf *b, uint32_t v)
{
	soft_put_u16(b, v >> 16);
	soft_put_u16(b, v & 0xffff);
}

void
soft_put_u64(struct buf *b, uint64_t v)
{
	soft_put_u32(b, (uint32_t)(v >> 32));
	soft_put_u32(b, (uint32_t)v);
}

void
soft_put_sized(struct buf *b, struct span s)
{
	soft_put_u16(b, (unsigned)s.n);
	buf_put(b, s.p, s.n);
}

struct soft_area
soft_ak_area(const EVP_PKEY *key, struct span policy)
{
	return (struct soft_area){
	    .name_alg = ALG_SHA256,
	    .attributes = SOFT_AK_ATTRIBUTES,
	    .policy = policy,
	    .scheme = EVP_PKEY_is_a(key, "RSA") ? ALG_RSASSA : ALG_ECDSA,
	    .hash = ALG_SHA256,
	};
}

static void
put_number(struct buf *b, const EVP_PKEY *key, const char *param, int size)
{
	BIGNUM *v = NULL;
	uint8_t bytes[256];

	if (EVP_PKEY_get_bn_param(key, param, &v) != 1 ||
	    BN_bn2binpad(v, bytes, size) != size)
		b->failed = true;
	else
		soft_put_sized(b, span_of(bytes, (size_t)size));
	BN_free(v);
}

void
soft_put_public(
    struct buf *b, const EVP_PKEY *key, const struct soft_area *area)
{
	bool rsa = EVP_PKEY_is_a(key, "RSA");

	soft_put_u16(b, rsa ? ALG_RSA : ALG_ECC);
	soft_put_u16(b, area->name_alg);
	soft_put_u32(b, area->attributes);
	soft_put_sized(b, area->policy);
	soft_put_u16(b, area->storage ? ALG_AES : ALG_NULL);
	if (area->storage) {
		soft_put_u16(b, 128);
		soft_put_u16(b, ALG_CFB);
	}
	soft_put_u16(b, area->scheme);
	if (area->scheme != ALG_NULL)
		soft_put_u16(b, area->hash);
	if (rsa) {
		soft_put_u16(b, 2048);
		soft_put_u32(b, 0); /* exponent 65537 */
		put_number(b, key, OSSL_PKEY_PARAM_RSA_N, 256);
		return;
	}
	soft_put_u16(b, CURVE_P256);
	soft_put_u16(b, ALG_NULL); /* no KDF */
	put_number(b, key, OSSL_PKEY_PARAM_EC_PUB_X, 32);
	put_number(b, key, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
}

static void
put_ecdsa(struct buf *b, const uint8_t *der, size_t n)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
	const BIGNUM *part[2];
	uint8_t bytes[32];

	if (!sig) {
		b->failed = true;
		return;
	}
	ECDSA_SIG_get0(sig, &part[0], &part[1]);
	for (int i = 0; i < 2; i++) {
		BN_bn2binpad(part[i], bytes, sizeof(bytes));
		soft_put_sized(b, span_of(bytes, sizeof(bytes)));
	}
	ECDSA_SIG_free(sig);
}

void
soft_put_signature(struct buf *b, EVP_PKEY *key, struct span data)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool rsa = EVP_PKEY_is_a(key, "RSA");
	uint8_t raw[512];
	size_t n = sizeof(raw);

	if (!ctx ||
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, raw, &n, data.p, data.n) != 1) {
		b->failed = true;
		n = 0;
	}
	EVP_MD_CTX_free(ctx);
	soft_put_u16(b, rsa ? ALG_RSASSA : ALG_ECDSA);
	soft_put_u16(b, ALG_SHA256);
	if (rsa)
		soft_put_sized(b, span_of(raw, n));
	else
		put_ecdsa(b, raw, n);
}

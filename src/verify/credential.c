/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/credential.h"
#include "verify/credential_steps.h"
#include "verify/kdf.h"
#include "verify/material.h"
#include "verify/wr.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>

/* TPM2B(x) ‖ TPM2B(y), or a ciphertext as long as the modulus. */
enum { SECRET_MAX = 2 + MATERIAL_RSA };
/* TPM2B(HMAC) ‖ encrypted TPM2B(secret). */
enum { BLOB_MAX = 2 + 2 + HASH_MAX + 2 + HASH_MAX };
enum { AES_KEY_MAX = 32 };

static size_t
name_size(const struct tpm_public *ek)
{
	const struct hash_alg *row = hash_by_id(ek->name_alg);

	return row ? row->size : 0;
}

/* What the steps can work with; an EK of any template fits. */
static rc
check_ek(const struct tpm_public *ek, struct span secret)
{
	if (ek->sym_alg != ALG_AES || ek->sym_mode != ALG_CFB ||
	    (ek->sym_bits != 128 && ek->sym_bits != 192 && ek->sym_bits != 256))
		return (rc){ERR_TPM_ALG};
	if (ek->name_alg == ALG_SHA1 || name_size(ek) < 32)
		return (rc){ERR_TPM_ALG};
	if (secret.n == 0 || secret.n > name_size(ek))
		return (rc){ERR_INTERNAL};
	return RC_OK;
}

/* A copy of what was written, as a TPM2B. */
static rc
sized_copy(const struct wr *body, struct arena *a, struct span *out)
{
	uint8_t *p = arena_alloc(a, 2 + body->n);

	if (body->failed)
		return (rc){ERR_INTERNAL};
	if (!p)
		return (rc){ERR_MEMORY};
	struct wr w = wr_over(p, 2 + body->n);
	wr_sized(&w, wr_span(body));
	*out = wr_span(&w);
	return RC_OK;
}

/* --- the shared seed ------------------------------------------------------ */

static bool
oaep(EVP_PKEY_CTX *ctx, const char *hash, struct span in, uint8_t *out,
    size_t *n)
{
	char label[] = "IDENTITY"; /* its NUL belongs to it */
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_octet_string(
		OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, label, sizeof(label)),
	    OSSL_PARAM_construct_end()};
	EVP_MD *md = EVP_MD_fetch(NULL, hash, NULL);
	bool ok =
	    md && EVP_PKEY_encrypt_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_oaep_md(ctx, md) == 1 &&
	    EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
	    EVP_PKEY_CTX_set_params(ctx, params) == 1 &&
	    EVP_PKEY_encrypt(ctx, out, n, in.p, in.n) == 1;

	EVP_MD_free(md);
	return ok;
}

rc
credential_share_rsa(const struct tpm_public *ek,
    const struct credential_seed *seed, struct arena *a, struct span *secret)
{
	uint8_t cipher[MATERIAL_RSA];
	size_t n = sizeof(cipher);
	struct material m;
	EVP_PKEY *pkey;

	TRY(material_from_public(ek, &m));
	TRY(material_to_pkey(&m, &pkey));
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	bool ok = ctx && oaep(ctx, hash_by_id(ek->name_alg)->openssl,
			     span_of(seed->b, seed->n), cipher, &n);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	if (!ok) {
		ERR_clear_error();
		return (rc){ERR_CRYPTO};
	}
	struct wr w = {cipher, n, sizeof(cipher), false};
	return sized_copy(&w, a, secret);
}

/* The x coordinate of ephemeral · peer, as long as the curve's field. */
static bool
agree(EVP_PKEY *ephemeral, EVP_PKEY *peer, uint8_t *z, size_t size)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ephemeral, NULL);
	size_t n = size;
	bool ok = ctx && EVP_PKEY_derive_init(ctx) == 1 &&
		  EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		  EVP_PKEY_derive(ctx, z, &n) == 1 && n == size;

	EVP_PKEY_CTX_free(ctx);
	return ok;
}

rc
credential_share_ecc(const struct tpm_public *ek, EVP_PKEY *ephemeral,
    struct hasher *h, struct arena *a, struct credential_seed *seed,
    struct span *secret)
{
	uint8_t z[MATERIAL_COORD], body[SECRET_MAX];
	struct wr w = wr_over(body, sizeof(body));
	struct material own, theirs;
	EVP_PKEY *peer;

	TRY(material_from_public(ek, &theirs));
	TRY(material_from_pkey(ephemeral, &own));
	if (own.kind != theirs.kind)
		return (rc){ERR_INTERNAL};
	TRY(material_to_pkey(&theirs, &peer));
	size_t size = own.kind->size;
	bool ok = agree(ephemeral, peer, z, size);
	EVP_PKEY_free(peer);
	if (!ok) {
		ERR_clear_error();
		return (rc){ERR_CRYPTO};
	}
	const struct kdf_parties parties = {
	    span_of(z, size), span_of(own.x, size), span_of(theirs.x, size)};
	seed->n = name_size(ek);
	rc r = kdf_e(h, ek->name_alg, &parties, "IDENTITY", seed->b, seed->n);
	secret_cleanse(z, sizeof(z));
	TRY(r);
	wr_sized(&w, span_of(own.x, size));
	wr_sized(&w, span_of(own.y, size));
	return sized_copy(&w, a, secret);
}

static rc
share(const struct tpm_public *ek, const struct key_kind *kind,
    struct hasher *h, struct arena *a, struct credential_seed *seed,
    struct span *secret)
{
	if (kind->type == ALG_RSA) {
		seed->n = name_size(ek);
		TRY(random_bytes(seed->b, seed->n));
		return credential_share_rsa(ek, seed, a, secret);
	}
	EVP_PKEY *ephemeral = EVP_PKEY_Q_keygen(NULL, NULL, "EC", kind->group);
	if (!ephemeral) {
		ERR_clear_error();
		return (rc){ERR_CRYPTO};
	}
	rc r = credential_share_ecc(ek, ephemeral, h, a, seed, secret);
	EVP_PKEY_free(ephemeral);
	return r;
}

/* --- the sealed secret ---------------------------------------------------- */

/* AES-CFB under a key used once, hence a zero IV (Part 1, 24). */
static bool
aes_cfb(uint16_t bits, const uint8_t *key, struct wr *text)
{
	static const uint8_t iv[16];
	const char *name = bits == 128	 ? "AES-128-CFB"
			   : bits == 192 ? "AES-192-CFB"
					 : "AES-256-CFB";
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;
	bool ok =
	    cipher && ctx &&
	    EVP_EncryptInit_ex2(ctx, cipher, key, iv, NULL) == 1 &&
	    EVP_EncryptUpdate(ctx, text->p, &n, text->p, (int)text->n) == 1 &&
	    (size_t)n == text->n;

	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	return ok;
}

static rc
encrypt(const struct tpm_public *ek, const struct tpm_name *ak,
    const struct credential_seed *seed, struct wr *text)
{
	uint8_t key[AES_KEY_MAX];

	TRY(kdf_a(ek->name_alg, span_of(seed->b, seed->n), "STORAGE",
	    span_of(ak->b, ak->n), key, ek->sym_bits / 8));
	bool ok = aes_cfb(ek->sym_bits, key, text);
	secret_cleanse(key, sizeof(key));
	if (ok)
		return RC_OK;
	ERR_clear_error();
	return (rc){ERR_CRYPTO};
}

/* HMAC over the encrypted identity and the name of the key that may have it. */
static rc
integrity(const struct tpm_public *ek, const struct tpm_name *ak,
    const struct credential_seed *seed, struct span identity, uint8_t *out)
{
	uint8_t key[HASH_MAX], body[BLOB_MAX + sizeof(ak->b)];
	struct wr w = wr_over(body, sizeof(body));

	TRY(kdf_a(ek->name_alg, span_of(seed->b, seed->n), "INTEGRITY",
	    span_of(NULL, 0), key, seed->n));
	wr_bytes(&w, identity);
	wr_bytes(&w, span_of(ak->b, ak->n));
	rc r = hash_hmac(ek->name_alg, span_of(key, seed->n), wr_span(&w), out);
	secret_cleanse(key, sizeof(key));
	return r;
}

rc
credential_seal(const struct tpm_public *ek, const struct tpm_name *ak,
    const struct credential_seed *seed, struct span secret, struct arena *a,
    struct span *blob)
{
	uint8_t identity[2 + HASH_MAX], mac[HASH_MAX], body[BLOB_MAX];
	struct wr text = wr_over(identity, sizeof(identity));
	struct wr w = wr_over(body, sizeof(body));

	TRY(check_ek(ek, secret));
	wr_sized(&text, secret);
	rc r = encrypt(ek, ak, seed, &text);
	if (!rc_ok(r)) {
		secret_cleanse(identity, sizeof(identity));
		return r;
	}
	TRY(integrity(ek, ak, seed, wr_span(&text), mac));
	wr_sized(&w, span_of(mac, name_size(ek)));
	wr_bytes(&w, wr_span(&text));
	return sized_copy(&w, a, blob);
}

rc
credential_make(const struct tpm_public *ek, const struct tpm_name *ak,
    struct span secret, struct hasher *h, struct arena *a,
    struct credential *out, struct err *e)
{
	const struct key_kind *kind = key_kind_of(ek);
	struct credential_seed seed;
	struct credential c;
	rc r = kind ? check_ek(ek, secret) : (rc){ERR_TPM_ALG};

	if (rc_ok(r))
		r = share(ek, kind, h, a, &seed, &c.secret);
	if (rc_ok(r))
		r = credential_seal(ek, ak, &seed, secret, a, &c.blob);
	secret_cleanse(&seed, sizeof(seed));
	if (rc_ok(r)) {
		*out = c;
		return r;
	}
	/* What is wrong with the numbers is wrong with the EK here. */
	if (r.code == ERR_AK_WEAK || r.code == ERR_AK_POINT)
		r.code = ERR_EK_FORMAT;
	return err_at(e, r.code, NULL, "ek.public");
}

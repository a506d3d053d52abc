/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/signkey.h"

#include "base/text.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192 };

struct sign_key {
	EVP_PKEY *pkey;
	enum sign_kind kind;
	char id[SIGN_ID];
};

/* --- keys ----------------------------------------------------------------- */

static bool
kind_of_curve(const EVP_PKEY *pkey, enum sign_kind *out)
{
	static const struct {
		const char *name;
		enum sign_kind kind;
	} curves[] = {
	    {"prime256v1", SIGN_P256},
	    {"secp384r1", SIGN_P384},
	    {"secp521r1", SIGN_P521},
	};
	char curve[32] = "";

	if (EVP_PKEY_get_group_name(pkey, curve, sizeof(curve), NULL) != 1)
		return false;
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (strcmp(curve, curves[i].name) == 0) {
			*out = curves[i].kind;
			return true;
		}
	return false;
}

static bool
kind_of(const EVP_PKEY *pkey, enum sign_kind *out)
{
	int bits = EVP_PKEY_get_bits(pkey);
	bool rsa = EVP_PKEY_is_a(pkey, "RSA");

	if (EVP_PKEY_is_a(pkey, "EC"))
		return kind_of_curve(pkey, out);
	*out = rsa ? SIGN_RSA : SIGN_ED25519;
	return rsa ? bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX
		   : EVP_PKEY_is_a(pkey, "ED25519");
}

static bool
set_id(struct sign_key *k)
{
	uint8_t *der = NULL, hash[EVP_MAX_MD_SIZE];
	int n = i2d_PUBKEY(k->pkey, &der);
	bool ok =
	    n > 0 && EVP_Digest(der, (size_t)n, hash, NULL, EVP_sha256(), NULL);

	OPENSSL_free(der);
	if (ok)
		hex_emit(span_of(hash, 32), k->id);
	return ok;
}

static rc
key_of(EVP_PKEY *pkey, struct sign_key **out, struct err *e)
{
	struct sign_key *k = calloc(1, sizeof(*k));

	if (!k || !pkey) {
		free(k);
		EVP_PKEY_free(pkey);
		return pkey ? err_at(e, ERR_MEMORY, NULL, "%s", "key")
			    : err_text(e, ERR_ENCODING, "key",
				  "There is no key in PEM that can be read.");
	}
	k->pkey = pkey;
	if (!kind_of(pkey, &k->kind) || !set_id(k)) {
		sign_key_free(k);
		return err_text(e, ERR_ENCODING, "key",
		    "A signing key is P-256, P-384, P-521, Ed25519 or RSA of "
		    "2048 to 8192 bits.");
	}
	*out = k;
	return RC_OK;
}

/* No passphrase is ever asked for. */
static int
no_passphrase(char *buf, int size, int rwflag, void *ctx)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)ctx;
	return -1;
}

static EVP_PKEY *
of_certificate(BIO *in)
{
	X509 *cert = PEM_read_bio_X509(in, NULL, no_passphrase, NULL);
	EVP_PKEY *pkey = cert ? X509_get_pubkey(cert) : NULL;

	X509_free(cert);
	return pkey;
}

rc
sign_key_load(struct span pem, struct sign_key **out, struct err *e)
{
	BIO *in =
	    pem.n <= INT32_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	EVP_PKEY *pkey =
	    in ? PEM_read_bio_PUBKEY(in, NULL, no_passphrase, NULL) : NULL;

	if (in && !pkey) {
		(void)BIO_reset(in);
		pkey = of_certificate(in);
	}
	BIO_free(in);
	return key_of(pkey, out, e);
}

rc
sign_key_private(struct span pem, struct sign_key **out, struct err *e)
{
	BIO *in =
	    pem.n <= INT32_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	EVP_PKEY *pkey =
	    in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;

	BIO_free(in);
	return key_of(pkey, out, e);
}

void
sign_key_free(struct sign_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

enum sign_kind
sign_key_kind(const struct sign_key *k)
{
	return k->kind;
}

const char *
sign_key_id(const struct sign_key *k)
{
	return k->id;
}

/* --- signatures ----------------------------------------------------------- */

/* Bytes of r, and of s; 0: the signature is one string. */
static size_t
half_of(const struct sign_key *k)
{
	static const size_t half[] = {[SIGN_P256] = 32,
	    [SIGN_P384] = 48,
	    [SIGN_P521] = 66,
	    [SIGN_ED25519] = 0,
	    [SIGN_RSA] = 0};

	return half[k->kind];
}

/* OpenSSL's DER to r ‖ s, and back. */
static bool
to_raw(const uint8_t *der, size_t n, uint8_t *raw, size_t half)
{
	const uint8_t *at = der;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)n);
	int size = (int)half;
	bool ok = sig &&
		  BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, size) == size &&
		  BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + half, size) == size;

	ECDSA_SIG_free(sig);
	return ok;
}

static size_t
to_der(const uint8_t *raw, size_t half, uint8_t out[SIGNATURE_ROOM])
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, (int)half, NULL);
	BIGNUM *s = BN_bin2bn(raw + half, (int)half, NULL);
	uint8_t *at = out;
	int n = 0;

	if (sig && r && s && ECDSA_SIG_set0(sig, r, s))
		r = s = NULL; /* the signature's now */
	if (sig && !r && !s)
		n = i2d_ECDSA_SIG(sig, &at);
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return n > 0 ? (size_t)n : 0;
}

static const EVP_MD *
digest_of(struct sign_how how)
{
	const struct hash_alg *alg = hash_by_id(how.hash);

	return alg ? EVP_get_digestbyname(alg->openssl) : NULL;
}

static bool
set_padding(EVP_PKEY_CTX *ctx, struct sign_how how)
{
	return !how.pss ||
	       (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
		   EVP_PKEY_CTX_set_rsa_pss_saltlen(
		       ctx, RSA_PSS_SALTLEN_DIGEST) == 1);
}

bool
sign_verify(const struct sign_key *k, struct sign_how how,
    struct span signature, struct span input)
{
	uint8_t der[SIGNATURE_ROOM];
	EVP_PKEY_CTX *padding = NULL;
	size_t half = half_of(k);

	if (half) {
		if (signature.n != 2 * half)
			return false;
		signature = span_of(der, to_der(signature.p, half, der));
	}
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && signature.n &&
		  EVP_DigestVerifyInit(
		      ctx, &padding, digest_of(how), NULL, k->pkey) == 1 &&
		  set_padding(padding, how) &&
		  EVP_DigestVerify(
		      ctx, signature.p, signature.n, input.p, input.n) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

bool
sign_make(const struct sign_key *k, struct sign_how how, struct span input,
    uint8_t out[SIGNATURE_ROOM], size_t *n)
{
	uint8_t der[SIGNATURE_ROOM];
	EVP_PKEY_CTX *padding = NULL;
	size_t half = half_of(k);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	*n = SIGNATURE_ROOM;
	bool ok =
	    ctx &&
	    EVP_DigestSignInit(ctx, &padding, digest_of(how), NULL, k->pkey) ==
		1 &&
	    set_padding(padding, how) &&
	    EVP_DigestSign(ctx, half ? der : out, n, input.p, input.n) == 1;
	EVP_MD_CTX_free(ctx);
	if (ok && half) {
		ok = to_raw(der, *n, out, half);
		*n = 2 * half;
	}
	return ok;
}

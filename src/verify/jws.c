/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/jws.h"

#include "base/text.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define TYP "akashi-policy+jws"

enum {
	RSA_BITS_MIN = 2048,
	RSA_BITS_MAX = 8192,
	P256_HALF = 32,
	SIGNATURE_MAX = RSA_BITS_MAX / 8,
	HEADER_MAX = 1024,
};

struct jws_key {
	EVP_PKEY *pkey;
	const char *alg;
	char kid[JWS_KID];
};

/* --- keys ----------------------------------------------------------------- */

static const char *
alg_of(const EVP_PKEY *pkey)
{
	char curve[32] = "";
	int bits = EVP_PKEY_get_bits(pkey);

	if (EVP_PKEY_is_a(pkey, "ED25519"))
		return "EdDSA";
	if (EVP_PKEY_is_a(pkey, "RSA"))
		return bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX ? "RS256"
								    : NULL;
	if (EVP_PKEY_is_a(pkey, "EC") &&
	    EVP_PKEY_get_group_name(pkey, curve, sizeof(curve), NULL) == 1 &&
	    strcmp(curve, "prime256v1") == 0)
		return "ES256";
	return NULL;
}

static bool
set_kid(struct jws_key *k)
{
	uint8_t *der = NULL, hash[EVP_MAX_MD_SIZE];
	int n = i2d_PUBKEY(k->pkey, &der);
	bool ok =
	    n > 0 && EVP_Digest(der, (size_t)n, hash, NULL, EVP_sha256(), NULL);

	OPENSSL_free(der);
	if (ok)
		hex_emit(span_of(hash, 32), k->kid);
	return ok;
}

static rc
key_of(EVP_PKEY *pkey, struct jws_key **out, struct err *e)
{
	struct jws_key *k = calloc(1, sizeof(*k));

	if (!k || !pkey) {
		free(k);
		EVP_PKEY_free(pkey);
		return pkey ? err_at(e, ERR_MEMORY, NULL, "%s", "key")
			    : err_text(e, ERR_ENCODING, "key",
				  "There is no key in PEM that can be read.");
	}
	k->pkey = pkey;
	k->alg = alg_of(pkey);
	if (!k->alg || !set_kid(k)) {
		jws_key_free(k);
		return err_text(e, ERR_ENCODING, "key",
		    "A signing key is P-256, Ed25519 or RSA of 2048 to 8192 "
		    "bits.");
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
jws_key_load(struct span pem, struct jws_key **out, struct err *e)
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
jws_key_private(struct span pem, struct jws_key **out, struct err *e)
{
	BIO *in =
	    pem.n <= INT32_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
	EVP_PKEY *pkey =
	    in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;

	BIO_free(in);
	return key_of(pkey, out, e);
}

void
jws_key_free(struct jws_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

const char *
jws_key_id(const struct jws_key *k)
{
	return k->kid;
}

/* --- signatures ----------------------------------------------------------- */

/* OpenSSL's DER to r ‖ s of RFC 7518, 3.4, and back. */
static bool
to_raw(const uint8_t *der, size_t n, uint8_t raw[2 * P256_HALF])
{
	const uint8_t *at = der;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)n);
	bool ok =
	    sig &&
	    BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, P256_HALF) == P256_HALF &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + P256_HALF, P256_HALF) ==
		P256_HALF;

	ECDSA_SIG_free(sig);
	return ok;
}

static size_t
to_der(const uint8_t raw[2 * P256_HALF], uint8_t out[SIGNATURE_MAX])
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, P256_HALF, NULL);
	BIGNUM *s = BN_bin2bn(raw + P256_HALF, P256_HALF, NULL);
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

/* Ed25519 hashes by itself. */
static const EVP_MD *
digest_of(const struct jws_key *k)
{
	return strcmp(k->alg, "EdDSA") == 0 ? NULL : EVP_sha256();
}

static bool
good(const struct jws_key *k, struct span signature, struct span input)
{
	uint8_t der[SIGNATURE_MAX];
	EVP_MD_CTX *ctx;

	if (strcmp(k->alg, "ES256") == 0) {
		if (signature.n != 2 * P256_HALF)
			return false;
		signature = span_of(der, to_der(signature.p, der));
	}
	ctx = EVP_MD_CTX_new();
	bool ok =
	    ctx && signature.n &&
	    EVP_DigestVerifyInit(ctx, NULL, digest_of(k), NULL, k->pkey) == 1 &&
	    EVP_DigestVerify(ctx, signature.p, signature.n, input.p, input.n) ==
		1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

static bool
make(const struct jws_key *k, struct span input, uint8_t out[SIGNATURE_MAX],
    size_t *n)
{
	uint8_t der[SIGNATURE_MAX];
	bool ec = strcmp(k->alg, "ES256") == 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	*n = SIGNATURE_MAX;
	bool ok =
	    ctx &&
	    EVP_DigestSignInit(ctx, NULL, digest_of(k), NULL, k->pkey) == 1 &&
	    EVP_DigestSign(ctx, ec ? der : out, n, input.p, input.n) == 1;
	EVP_MD_CTX_free(ctx);
	if (ok && ec) {
		ok = to_raw(der, *n, out);
		*n = 2 * P256_HALF;
	}
	return ok;
}

/* --- the compact form ----------------------------------------------------- */

static void
put_base64url(struct buf *b, struct span s)
{
	struct arena a;

	arena_init(&a, base64url_size(s.n) + 4096);
	const char *text = base64url_string(&a, s);
	if (text)
		buf_puts(b, text);
	else
		b->failed = true;
	arena_free(&a);
}

/* header "." payload, both in base64url: what is signed (RFC 7515, 5.1). */
static void
signing_input(struct buf *b, struct span header64, struct span payload)
{
	buf_put(b, header64.p, header64.n);
	buf_puts(b, ".");
	put_base64url(b, payload);
}

static void
emit_header(
    const struct jws_key *k, const struct jws_claims *c, struct buf *out)
{
	struct buf json = {0};
	struct jw w = jw_over(&json);

	jw_object(&w);
	jw_kstr(&w, "alg", k->alg);
	jw_key(&w, "iat");
	jw_i64(&w, c->signed_at / TIME_S);
	jw_kstr(&w, "kid", k->kid);
	jw_kspan(&w, "policy", c->policy);
	jw_kstr(&w, "typ", TYP);
	jw_object_end(&w);
	out->failed |= json.failed;
	put_base64url(out, buf_span(&json));
	buf_free(&json);
}

rc
jws_sign(const struct jws_key *k, const struct jws_claims *claims,
    struct span payload, struct buf *out, struct err *e)
{
	struct buf header = {0}, input = {0};
	uint8_t signature[SIGNATURE_MAX];
	size_t n = 0;

	emit_header(k, claims, &header);
	signing_input(&input, buf_span(&header), payload);
	bool memory = !header.failed && !input.failed;
	bool ok = memory && make(k, buf_span(&input), signature, &n);
	if (ok) {
		buf_put(out, header.p, header.n);
		buf_puts(out, "..");
		put_base64url(out, span_of(signature, n));
	}
	buf_free(&header);
	buf_free(&input);
	if (!memory || out->failed)
		return err_at(e, ERR_MEMORY, NULL, "%s", "signature");
	return ok ? RC_OK : err_at(e, ERR_CRYPTO, NULL, "%s", "signature");
}

/* --- verifying ------------------------------------------------------------ */

static rc
bad(struct err *e, const char *why)
{
	return err_text(e, ERR_POLICY_SIGNATURE, "signature", "%s", why);
}

struct parts {
	struct span header64, header, signature;
};

static rc
split(struct span jws, struct arena *a, struct parts *out, struct err *e)
{
	const uint8_t *dot = jws.n ? memchr(jws.p, '.', jws.n) : NULL;
	size_t head = dot ? (size_t)(dot - jws.p) : 0;

	if (!dot || jws.n > JWS_MAX || head > HEADER_MAX || jws.n < head + 3 ||
	    dot[1] != '.')
		return bad(e, "It is not a detached JWS in compact form.");
	out->header64 = span_of(jws.p, head);
	rc r = base64url_decode(out->header64, a, &out->header);
	if (rc_ok(r))
		r = base64url_decode(
		    span_of(jws.p + head + 2, jws.n - head - 2), a,
		    &out->signature);
	if (r.code == ERR_MEMORY)
		return err_at(e, ERR_MEMORY, NULL, "%s", "signature");
	return rc_ok(r) ? r : bad(e, "It is not in base64url.");
}

static rc
read_header(struct span text, const struct jws_key *const *keys, size_t n,
    struct arena *a, struct jws_claims *out, const struct jws_key **by,
    struct err *e)
{
	static const char *const known[] = {
	    "alg", "iat", "kid", "policy", "typ", NULL};
	struct span alg, kid, typ, policy;
	uint64_t iat;
	JSON_AUTO doc = NULL;

	if (!rc_ok(json_decode(text, HEADER_MAX, &doc, NULL)) ||
	    !rc_ok(json_only(doc, "", known, NULL)) ||
	    !rc_ok(json_get_str(doc, "", "alg", &alg, NULL)) ||
	    !rc_ok(json_get_u64(doc, "", "iat", UINT32_MAX, &iat, NULL)) ||
	    !rc_ok(json_get_str(doc, "", "kid", &kid, NULL)) ||
	    !rc_ok(json_get_str(doc, "", "policy", &policy, NULL)) ||
	    !rc_ok(json_get_str(doc, "", "typ", &typ, NULL)))
		return bad(e, "Its header is not that of a signed policy.");
	*by = NULL;
	for (size_t i = 0; i < n; i++)
		if (span_eq(kid, span_str(keys[i]->kid)))
			*by = keys[i];
	if (!*by)
		return bad(e, "It is by none of the authors' keys.");
	if (!span_eq(typ, span_str(TYP)) || !span_eq(alg, span_str((*by)->alg)))
		return bad(e, "Its type or algorithm is not that of its key.");
	*out = (struct jws_claims){.policy = arena_copy(a, policy),
	    .signed_at = (int64_t)iat * TIME_S};
	memcpy(out->kid, (*by)->kid, sizeof(out->kid));
	return out->policy.n == policy.n
		   ? RC_OK
		   : err_at(e, ERR_MEMORY, NULL, "%s", "signature");
}

rc
jws_verify(const struct jws_key *const *keys, size_t n, struct span jws,
    struct span payload, struct arena *a, struct jws_claims *out, struct err *e)
{
	struct parts p;
	struct jws_claims claims;
	const struct jws_key *by = NULL;
	struct buf input = {0};

	TRY(split(jws, a, &p, e));
	TRY(read_header(p.header, keys, n, a, &claims, &by, e));
	signing_input(&input, p.header64, payload);
	bool memory = !input.failed;
	bool ok = memory && good(by, p.signature, buf_span(&input));
	buf_free(&input);
	if (!memory)
		return err_at(e, ERR_MEMORY, NULL, "%s", "signature");
	if (!ok)
		return bad(e, "It does not verify over this document.");
	*out = claims;
	return RC_OK;
}

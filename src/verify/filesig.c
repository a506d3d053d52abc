/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/filesig.h"

#include "base/limits.h"
#include "base/rd.h"
#include "decode/cert.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum {
	XATTR_DIGSIG = 3, /* EVM_IMA_XATTR_DIGSIG */
	XATTR_VERITY = 6, /* IMA_VERITY_DIGSIG */
	KEYID = 4,
	RSA_BITS_MIN = 2048,
	SUBJECT_MAX = 200,
	/* The kernel's own are of some 500 bytes, without certificates. */
	MODSIG_MAX = 64 * 1024,
};

struct file_key {
	uint8_t id[KEYID];
	EVP_PKEY *pkey;
	X509 *x509;
	uint8_t *der;
	size_t der_n;
	char subject[SUBJECT_MAX];
};

/* --- keys ------------------------------------------------------------------
 */

static bool
strong(const EVP_PKEY *pkey)
{
	int bits = EVP_PKEY_get_bits(pkey);
	char curve[32] = "";

	if (EVP_PKEY_is_a(pkey, "RSA"))
		return bits >= RSA_BITS_MIN;
	return EVP_PKEY_is_a(pkey, "EC") &&
	       EVP_PKEY_get_group_name(pkey, curve, sizeof(curve), NULL) == 1 &&
	       (strcmp(curve, "prime256v1") == 0 ||
		   strcmp(curve, "secp384r1") == 0 ||
		   strcmp(curve, "secp521r1") == 0);
}

/* The last bytes of the subject key identifier, else of SHA-1 over the public
 * key, as evmctl and the kernel make them. */
static bool
read_id(X509 *x509, uint8_t id[KEYID])
{
	const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(x509);
	uint8_t sha1[EVP_MAX_MD_SIZE];
	const uint8_t *from = NULL;
	unsigned n = 0;

	if (ski) {
		from = ASN1_STRING_get0_data(ski);
		n = (unsigned)ASN1_STRING_length(ski);
	} else if (X509_pubkey_digest(x509, EVP_sha1(), sha1, &n) == 1) {
		from = sha1;
	}
	if (!from || n < KEYID)
		return false;
	for (size_t i = 0; i < KEYID; i++)
		id[i] = from[n - KEYID + i];
	return true;
}

static X509 *
parse(struct span cert)
{
	static char empty[] = "";
	struct cert der = {0};

	if (rc_ok(cert_decode(cert, &der, NULL)))
		return der.x509;
	if (cert.n > LIMIT_CERT)
		return NULL;
	BIO *bio = BIO_new_mem_buf(cert.p, (int)cert.n);
	X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, NULL, empty) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	return x509;
}

/* Fill k from its certificate; false if it will not do. */
static bool
take(struct file_key *k)
{
	X509 *x509 = k->x509;
	int n = i2d_X509(x509, &k->der);

	k->der_n = n > 0 ? (size_t)n : 0;
	k->pkey = X509_get_pubkey(x509);
	X509_NAME_oneline(X509_get_subject_name(x509), k->subject, SUBJECT_MAX);
	bool ok = n > 0 && k->pkey && strong(k->pkey) && read_id(x509, k->id);
	ERR_clear_error();
	return ok;
}

rc
file_key_from_cert(struct span cert, struct file_key **out, struct err *e)
{
	struct file_key *k = calloc(1, sizeof(*k));

	if (!k)
		return err_at(e, ERR_MEMORY, NULL, "certificate");
	k->x509 = parse(cert);
	if (!k->x509 || !take(k)) {
		file_key_free(k);
		return err_at(e, ERR_ENCODING,
		    "A certificate in DER or PEM is expected, of RSA with 2048 "
		    "bits or more, or of P-256, P-384 or P-521.",
		    "certificate");
	}
	*out = k;
	return RC_OK;
}

void
file_key_free(struct file_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->pkey);
	X509_free(k->x509);
	OPENSSL_free(k->der);
	free(k);
}

const char *
file_key_subject(const struct file_key *k)
{
	return k->subject;
}

struct span
file_key_der(const struct file_key *k)
{
	return span_of(k->der, k->der_n);
}

/* --- signatures ------------------------------------------------------------
 */

/* enum hash_algo of the kernel (include/uapi/linux/hash_info.h). */
static uint16_t
kernel_hash(uint8_t algo)
{
	static const struct {
		uint8_t algo;
		uint16_t alg;
	} rows[] = {
	    {4, ALG_SHA256},
	    {5, ALG_SHA384},
	    {6, ALG_SHA512},
	    {20, ALG_SHA3_256},
	    {21, ALG_SHA3_384},
	    {22, ALG_SHA3_512},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].algo == algo)
			return rows[i].alg;
	return 0;
}

/* struct signature_v2_hdr. */
struct header {
	uint8_t type;
	uint8_t version;
	uint8_t algo;
	struct span id;
	struct span sig;
};

static bool
decode(struct span bytes, struct header *out)
{
	struct rd in = rd_over(bytes);

	out->type = rd_u8(&in);
	out->version = rd_u8(&in);
	out->algo = rd_u8(&in);
	out->id = rd_bytes(&in, KEYID);
	uint16_t n = rd_u16be(&in);
	out->sig = rd_bytes(&in, n);
	bool v2 = out->type == XATTR_DIGSIG && out->version == 2;
	bool v3 = (out->type == XATTR_DIGSIG || out->type == XATTR_VERITY) &&
		  out->version == 3;
	return rd_done(&in) && (v2 || v3);
}

/* What was signed: the file's digest, or that of struct ima_file_id. */
static bool
signed_digest(const struct header *h, const EVP_MD *md,
    const struct filesig_subject *file, uint8_t *out)
{
	uint8_t id[2 + HASH_MAX] = {h->type, h->algo};
	uint8_t *to = h->version == 2 ? out : id + 2;
	unsigned n = 0;

	for (size_t i = 0; i < file->alg->size; i++)
		to[i] = file->digest[i];
	return h->version == 2 ||
	       (EVP_Digest(id, 2 + file->alg->size, out, &n, md, NULL) == 1 &&
		   n == file->alg->size);
}

static bool
verifies(const struct file_key *k, const EVP_MD *md, struct span sig,
    const uint8_t *digest, size_t n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(k->pkey, NULL);
	bool rsa = EVP_PKEY_is_a(k->pkey, "RSA");
	bool ok = ctx && EVP_PKEY_verify_init(ctx) == 1 &&
		  (!rsa || EVP_PKEY_CTX_set_rsa_padding(
			       ctx, RSA_PKCS1_PADDING) == 1) &&
		  EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
		  EVP_PKEY_verify(ctx, sig.p, sig.n, digest, n) == 1;

	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return ok;
}

enum filesig
filesig_check(const struct file_key *const *keys, size_t n, struct span sig,
    const struct filesig_subject *file)
{
	uint8_t what[HASH_MAX];
	struct header h;
	bool named = false;

	if (sig.n == 0)
		return FILESIG_ABSENT;
	if (!decode(sig, &h))
		return FILESIG_FOREIGN;
	const EVP_MD *md = EVP_get_digestbyname(file->alg->openssl);
	bool same = kernel_hash(h.algo) == file->alg->id && md &&
		    file->verity == (h.type == XATTR_VERITY) &&
		    signed_digest(&h, md, file, what);
	for (size_t i = 0; i < n; i++) {
		if (!span_eq(h.id, span_of(keys[i]->id, KEYID)))
			continue;
		named = true;
		if (same && verifies(keys[i], md, h.sig, what, file->alg->size))
			return FILESIG_GOOD;
	}
	return named ? FILESIG_BAD : FILESIG_FOREIGN;
}

/* --- appended signatures ---------------------------------------------------
 */

static bool
known_kind(CMS_SignerInfo *si, const EVP_MD *md)
{
	X509_ALGOR *hash = NULL;
	X509_ALGOR *sign = NULL;

	CMS_SignerInfo_get0_algs(si, NULL, NULL, &hash, &sign);
	return md && OBJ_obj2nid(hash->algorithm) == EVP_MD_get_type(md) &&
	       OBJ_obj2nid(sign->algorithm) != NID_rsassaPss;
}

/* With attributes, the digest is one of them and they are signed. */
static bool
signed_attributes(
    CMS_SignerInfo *si, const struct file_key *k, struct span digest)
{
	const ASN1_OCTET_STRING *is = CMS_signed_get0_data_by_OBJ(
	    si, OBJ_nid2obj(NID_pkcs9_messageDigest), -3, V_ASN1_OCTET_STRING);

	if (!is || !span_eq(digest, span_of(ASN1_STRING_get0_data(is),
					(size_t)ASN1_STRING_length(is))))
		return false;
	CMS_SignerInfo_set1_signer_cert(si, k->x509);
	return CMS_SignerInfo_verify(si) == 1;
}

static bool
signer_holds(CMS_SignerInfo *si, const struct file_key *k, const EVP_MD *md,
    struct span digest)
{
	const ASN1_OCTET_STRING *sig = CMS_SignerInfo_get0_signature(si);

	if (CMS_signed_get_attr_count(si) > 0)
		return signed_attributes(si, k, digest);
	return verifies(k, md,
	    span_of(
		ASN1_STRING_get0_data(sig), (size_t)ASN1_STRING_length(sig)),
	    digest.p, digest.n);
}

static enum filesig
judge_signers(STACK_OF(CMS_SignerInfo) * signers,
    const struct file_key *const *keys, size_t n, const EVP_MD *md,
    struct span digest)
{
	bool named = false;

	for (int s = 0; s < sk_CMS_SignerInfo_num(signers); s++) {
		CMS_SignerInfo *si = sk_CMS_SignerInfo_value(signers, s);
		for (size_t i = 0; known_kind(si, md) && i < n; i++) {
			if (CMS_SignerInfo_cert_cmp(si, keys[i]->x509) != 0)
				continue;
			named = true;
			if (signer_holds(si, keys[i], md, digest))
				return FILESIG_GOOD;
		}
	}
	return named ? FILESIG_BAD : FILESIG_FOREIGN;
}

enum filesig
filesig_check_modsig(const struct file_key *const *keys, size_t n,
    struct span sig, const struct hash_alg *alg, struct span digest)
{
	const uint8_t *p = sig.p;

	if (sig.n == 0)
		return FILESIG_ABSENT;
	if (sig.n > MODSIG_MAX || digest.n != alg->size)
		return FILESIG_FOREIGN;
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)sig.n);
	STACK_OF(CMS_SignerInfo) *signers =
	    cms && p == sig.p + sig.n ? CMS_get0_SignerInfos(cms) : NULL;
	enum filesig result = judge_signers(
	    signers, keys, n, EVP_get_digestbyname(alg->openssl), digest);
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/verify/issue.h"

#include <openssl/bn.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static const char *
either(const char *given, const char *usual)
{
	return given ? given : usual;
}

static void
set_names(X509 *x509, const struct issue *spec)
{
	X509_NAME *name = X509_NAME_new();

	must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
		 (const unsigned char *)spec->name, -1, -1, 0) == 1);
	must(X509_set_subject_name(x509, name) == 1);
	must(X509_set_issuer_name(x509,
		 spec->by ? X509_get_subject_name(spec->by->x509) : name) == 1);
	X509_NAME_free(name);
}

static void
set_serial(X509 *x509, const struct issue *spec)
{
	size_t n = spec->serial_bytes ? spec->serial_bytes : 1;
	unsigned char bytes[64];

	must(n <= sizeof(bytes));
	memset(bytes, 0x5a, n);
	BIGNUM *number = BN_bin2bn(bytes, (int)n, NULL);
	BN_set_negative(number, spec->serial_negative);
	must(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL);
	BN_free(number);
}

static void
add_extension(X509 *x509, const struct issue *spec, int nid, const char *value)
{
	X509V3_CTX ctx;

	if (!value[0])
		return;
	X509V3_set_ctx(
	    &ctx, spec->by ? spec->by->x509 : x509, x509, NULL, NULL, 0);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(ext && X509_add_ext(x509, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static void
add_attribute(
    X509_NAME *name, const char *oid, const char *value, int string_type)
{
	if (value[0])
		must(X509_NAME_add_entry_by_txt(name, oid, string_type,
			 (const unsigned char *)value, -1, -1, 0) == 1);
}

static void
add_san(X509 *x509, const struct issue *spec)
{
	int type = spec->string_type ? spec->string_type : MBSTRING_ASC;
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *general = GENERAL_NAME_new();
	X509_NAME *name = X509_NAME_new();

	add_attribute(name, "2.23.133.2.1",
	    either(spec->manufacturer, "id:53544D20"), type);
	add_attribute(
	    name, "2.23.133.2.2", either(spec->model, "ST33HTPH"), type);
	add_attribute(
	    name, "2.23.133.2.3", either(spec->version, "id:00010102"), type);
	GENERAL_NAME_set0_value(general, GEN_DIRNAME, name);
	must(sk_GENERAL_NAME_push(names, general) == 1);
	must(X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 1, 0) == 1);
	GENERAL_NAMES_free(names);
}

static void
add_unknown_critical(X509 *x509)
{
	ASN1_OBJECT *oid = OBJ_txt2obj("1.2.3.4.5.6.7", 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();

	must(ASN1_OCTET_STRING_set(value, (const unsigned char *)"\x05", 2) ==
	     1);
	X509_EXTENSION *ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 1, value);
	must(ext && X509_add_ext(x509, ext, -1) == 1);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
}

static void
add_extensions(X509 *x509, const struct issue *spec)
{
	/* Without them two authorities of one name cannot be told apart. */
	add_extension(x509, spec, NID_subject_key_identifier, "hash");
	add_extension(x509, spec, NID_authority_key_identifier, "keyid");
	add_extension(x509, spec, NID_basic_constraints,
	    either(spec->basic,
		spec->ca ? "critical,CA:TRUE" : "critical,CA:FALSE"));
	add_extension(x509, spec, NID_key_usage,
	    either(spec->usage, spec->ca     ? "critical,keyCertSign"
				: spec->oaep ? "critical,keyEncipherment"
					     : "critical,keyAgreement"));
	add_extension(x509, spec, NID_ext_key_usage,
	    either(spec->extended, spec->ca ? "" : "2.23.133.8.1"));
	if (!spec->ca && !spec->san_missing)
		add_san(x509, spec);
	if (spec->unknown_critical)
		add_unknown_critical(x509);
}

/* The RSA key with another OID before it, as some vendors write it. */
static void
set_oaep_key(X509 *x509, EVP_PKEY *key)
{
	X509_PUBKEY *spki = NULL;
	unsigned char *der = NULL;
	int n = i2d_PublicKey(key, &der);

	must(n > 0 && X509_set_pubkey(x509, key) == 1);
	spki = X509_get_X509_PUBKEY(x509);
	must(X509_PUBKEY_set0_param(spki, OBJ_nid2obj(NID_rsaesOaep),
		 V_ASN1_NULL, NULL, der, n) == 1);
}

/* The product of the first 126 primes: 971 bits. */
static BIGNUM *
primorial(void)
{
	BIGNUM *m = BN_new();
	unsigned found = 0;

	must(m && BN_one(m));
	for (unsigned n = 2; found < 126; n++) {
		bool prime = true;
		for (unsigned d = 2; d * d <= n && prime; d++)
			prime = n % d != 0;
		if (prime)
			must(BN_mul_word(m, n) == 1);
		found += prime;
	}
	return m;
}

static BIGNUM *
roca_prime(const BIGNUM *m, BN_CTX *ctx)
{
	BIGNUM *g = BN_new(), *e = BN_new(), *p = BN_new();

	must(g && e && p && BN_set_word(g, 65537));
	do {
		must(BN_rand(e, 64, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1);
		must(BN_mod_exp(p, g, e, m, ctx) == 1);
		/* 1,024 bits with the two highest set, so that p * q has 2,048.
		 */
		must(BN_set_word(e, 0) == 1);
		must(BN_set_bit(e, 1023) == 1 && BN_set_bit(e, 1022) == 1);
		must(BN_div(e, NULL, e, m, ctx) == 1);
		BIGNUM *k = BN_new();
		must(k && BN_rand(k, 50, BN_RAND_TOP_ANY, 0) == 1);
		must(BN_add(k, k, e) == 1 && BN_mul(k, k, m, ctx) == 1);
		must(BN_add(p, p, k) == 1);
		BN_free(k);
	} while (BN_num_bits(p) != 1024 || BN_check_prime(p, ctx, NULL) != 1);
	BN_free(g);
	BN_free(e);
	return p;
}

EVP_PKEY *
issue_roca_key(void)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *m = primorial();
	BIGNUM *p = roca_prime(m, ctx), *q = roca_prime(m, ctx);
	BIGNUM *n = BN_new(), *e = BN_new();
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *out = NULL;

	must(n && e && bld && maker && BN_mul(n, p, q, ctx) == 1);
	must(BN_set_word(e, 65537) == 1);
	must(OSSL_PARAM_BLD_push_BN(bld, "n", n) == 1 &&
	     OSSL_PARAM_BLD_push_BN(bld, "e", e) == 1);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	must(EVP_PKEY_fromdata_init(maker) == 1 &&
	     EVP_PKEY_fromdata(maker, &out, EVP_PKEY_PUBLIC_KEY, params) == 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(maker);
	BN_free(m);
	BN_free(p);
	BN_free(q);
	BN_free(n);
	BN_free(e);
	BN_CTX_free(ctx);
	return out;
}

static EVP_PKEY *
subject_key(const struct issue *spec)
{
	if (!spec->subject)
		return spec->oaep ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	must(EVP_PKEY_up_ref(spec->subject) == 1);
	return spec->subject;
}

struct issued
issue(const struct issue *spec)
{
	struct issued out = {X509_new(), subject_key(spec)};
	EVP_PKEY *signer = spec->by ? spec->by->key : out.key;

	must(out.x509 && out.key && signer);
	must(X509_set_version(out.x509, X509_VERSION_3) == 1);
	set_names(out.x509, spec);
	set_serial(out.x509, spec);
	must(ASN1_TIME_set_string(X509_getm_notBefore(out.x509),
		 either(spec->from, "20200101000000Z")) == 1);
	must(ASN1_TIME_set_string(X509_getm_notAfter(out.x509),
		 either(spec->to, "99991231235959Z")) == 1);
	if (spec->oaep)
		set_oaep_key(out.x509, out.key);
	else
		must(X509_set_pubkey(out.x509, out.key) == 1);
	add_extensions(out.x509, spec);
	must(X509_sign(out.x509, signer,
		 EVP_get_digestbyname(either(spec->digest, "SHA256"))) > 0);
	return out;
}

void
issue_free(struct issued *i)
{
	X509_free(i->x509);
	EVP_PKEY_free(i->key);
}

struct span
issue_der(struct arena *a, const struct issued *i)
{
	unsigned char *der = NULL;
	int n = i2d_X509(i->x509, &der);

	must(n > 0);
	struct span out = arena_copy(a, span_of(der, (size_t)n));
	OPENSSL_free(der);
	return out;
}

struct span
issue_pem(struct arena *a, const struct issued *const *list, size_t n)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;

	for (size_t i = 0; i < n; i++)
		must(PEM_write_bio_X509(bio, list[i]->x509) == 1);
	long size = BIO_get_mem_data(bio, &p);
	struct span out = arena_copy(a, span_of(p, (size_t)size));
	BIO_free(bio);
	return out;
}

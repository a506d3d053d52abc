/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/verify/issue_crl.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
set_times(X509_CRL *crl, const struct issue_crl *spec)
{
	ASN1_TIME *t = ASN1_TIME_new();

	must(ASN1_TIME_set_string(
		 t, spec->from ? spec->from : "20260101000000Z") == 1);
	must(X509_CRL_set1_lastUpdate(crl, t) == 1);
	must(ASN1_TIME_set_string(t, spec->to ? spec->to : "20300101000000Z") ==
	     1);
	must(X509_CRL_set1_nextUpdate(crl, t) == 1);
	ASN1_TIME_free(t);
}

static void
add_entry(X509_CRL *crl, const struct issued *cert, bool removed)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *t = ASN1_TIME_new();

	must(ASN1_TIME_set_string(t, "20260201000000Z") == 1);
	must(X509_REVOKED_set_serialNumber(
		 entry, X509_get_serialNumber(cert->x509)) == 1);
	must(X509_REVOKED_set_revocationDate(entry, t) == 1);
	if (removed) {
		ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
		must(ASN1_ENUMERATED_set(reason, CRL_REASON_REMOVE_FROM_CRL) ==
		     1);
		must(X509_REVOKED_add1_ext_i2d(
			 entry, NID_crl_reason, reason, 0, 0) == 1);
		ASN1_ENUMERATED_free(reason);
	}
	must(X509_CRL_add0_revoked(crl, entry) == 1);
	ASN1_TIME_free(t);
}

static void
add_extension(X509_CRL *crl, const char *name, const char *value)
{
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, NULL, NULL, NULL, crl, 0);
	X509_EXTENSION *ext = X509V3_EXT_conf(NULL, &ctx, name, value);
	must(ext && X509_CRL_add_ext(crl, ext, -1) == 1);
	X509_EXTENSION_free(ext);
}

static X509_CRL *
list_new(const struct issue_crl *spec)
{
	X509_CRL *crl = X509_CRL_new();

	must(crl && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1);
	must(X509_CRL_set_issuer_name(
		 crl, X509_get_subject_name(spec->by->x509)) == 1);
	set_times(crl, spec);
	for (size_t i = 0; i < 2 && spec->names[i]; i++)
		add_entry(crl, spec->names[i], spec->removed);
	if (spec->delta)
		add_extension(crl, "2.5.29.27", "critical,ASN1:INTEGER:1");
	if (spec->point)
		add_extension(crl, "issuingDistributionPoint", spec->point);
	if (spec->unknown_critical)
		add_extension(crl, "1.2.3.4.5.6.7", "critical,ASN1:NULL");
	must(X509_CRL_sort(crl) == 1);
	must(X509_CRL_sign(crl, spec->by->key, EVP_sha256()) > 0);
	return crl;
}

struct span
issue_crl_der(struct arena *a, const struct issue_crl *spec)
{
	X509_CRL *crl = list_new(spec);
	unsigned char *der = NULL;
	int n = i2d_X509_CRL(crl, &der);

	must(n > 0);
	struct span out = arena_copy(a, span_of(der, (size_t)n));
	OPENSSL_free(der);
	X509_CRL_free(crl);
	return out;
}

struct span
issue_crl_pem(struct arena *a, const struct issue_crl *specs, size_t n)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p = NULL;

	for (size_t i = 0; i < n; i++) {
		X509_CRL *crl = list_new(&specs[i]);
		must(PEM_write_bio_X509_CRL(bio, crl) == 1);
		X509_CRL_free(crl);
	}
	long size = BIO_get_mem_data(bio, &p);
	struct span out = arena_copy(a, span_of(p, (size_t)size));
	BIO_free(bio);
	return out;
}

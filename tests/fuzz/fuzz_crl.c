/* SPDX-License-Identifier: Apache-2.0 */
/* A revocation list from anywhere; and signed again by an authority that is
 * trusted, so that what it says is judged as well. */
#include "lib/fuzz.h"
#include "unit/verify/issue.h"
#include "verify/ek.h"

#include <openssl/x509.h>

static struct issued authority, leaf;
static struct span authority_pem;
static struct cert cert;

static void
start(void)
{
	static struct arena a;
	const struct issued *list[] = {&authority};

	arena_init(&a, 64 * 1024);
	authority = issue(&(struct issue){.name = "authority", .ca = true});
	leaf = issue(&(struct issue){.name = "leaf", .by = &authority});
	authority_pem = issue_pem(&a, list, 1);
	fuzz_check(rc_ok(cert_decode(issue_der(&a, &leaf), &cert, NULL)));
}

/* Nothing in a list is an error of ours, and a certificate that it names does
 * not pass. */
static void
judge(const struct anchors *anchors, bool named)
{
	struct ek_identity id;
	rc r = ek_check_chain(
	    anchors, &cert, NULL, 0, 1795165200 * TIME_S, &id, NULL);

	fuzz_check(
	    rc_ok(r) || r.code == ERR_EK_CRL || r.code == ERR_EK_REVOKED);
	if (rc_ok(r))
		r = ek_check_revoked(anchors, &id, NULL);
	fuzz_check(!rc_ok(r) || !named);
	fuzz_check(
	    rc_ok(r) || r.code == ERR_EK_CRL || r.code == ERR_EK_REVOKED);
}

static void
add(struct span list, bool named)
{
	struct anchors *anchors = NULL;

	fuzz_check(
	    rc_ok(anchors_add(&anchors, authority_pem, ROT_VIRTUAL, NULL)));
	rc r = crls_add(anchors, list, NULL);
	fuzz_check(rc_ok(r) || r.code == ERR_EK_CRL);
	if (rc_ok(r))
		judge(anchors, named);
	anchors_free(anchors);
}

/* The same list as the authority would have issued it. */
static void
reissue(const uint8_t *data, size_t size)
{
	X509_CRL *crl = d2i_X509_CRL(NULL, &data, (long)size);
	X509_REVOKED *entry;
	uint8_t *der = NULL;
	int n = 0;

	if (crl &&
	    X509_CRL_set_issuer_name(
		crl, X509_get_subject_name(authority.x509)) == 1 &&
	    X509_CRL_sign(crl, authority.key, EVP_sha256()) > 0)
		n = i2d_X509_CRL(crl, &der);
	if (n > 0)
		add(span_of(der, (size_t)n),
		    X509_CRL_get0_by_cert(crl, &entry, leaf.x509) == 1);
	OPENSSL_free(der);
	X509_CRL_free(crl);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!authority.x509)
		start();
	add(span_of(data, size), false);
	reissue(data, size);
	return 0;
}

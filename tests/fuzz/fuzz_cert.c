/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate from anywhere: as EK certificate, as intermediate, as anchor;
 * and signed again by an authority that is trusted, so that what it says is
 * read as well. */
#include "lib/fuzz.h"
#include "unit/verify/issue.h"
#include "verify/ek.h"

static struct issued authority;
static struct anchors *trusted;

static void
start(void)
{
	struct arena a;
	const struct issued *list[] = {&authority};

	arena_init(&a, 64 * 1024);
	authority = issue(&(struct issue){.name = "authority", .ca = true});
	fuzz_check(rc_ok(
	    anchors_add(&trusted, issue_pem(&a, list, 1), ROT_VIRTUAL, NULL)));
	arena_free(&a);
}

static void
rebuild(const struct cert *cert, struct arena *a)
{
	struct tpm_public pub;
	struct span raw;

	if (!rc_ok(ek_public_from_cert(cert, a, &raw, NULL)))
		return;
	fuzz_check(rc_ok(tpm_decode_public(raw, a, &pub, NULL)));
	rc r = ek_check_public(cert, &pub, NULL);
	/* The top bit of a modulus is not asked of a certificate. */
	fuzz_check(rc_ok(r) || r.code == ERR_EK_TEMPLATE);
}

static void
chain(const struct cert *cert, const struct anchors *anchors)
{
	const struct cert *sent[] = {cert, cert};
	struct ek_identity id;

	rc r = ek_check_chain(
	    anchors, cert, sent, 2, 1795165200 * TIME_S, &id, NULL);
	/* Nothing in a certificate is an error of ours. */
	fuzz_check(r.code != ERR_CRYPTO && r.code != ERR_MEMORY);
	fuzz_check(!rc_ok(r) || id.rot == ROT_VIRTUAL);
	fuzz_check(!rc_ok(r) || id.manufacturer[0]);
}

/* The same certificate as the authority would have issued it. */
static void
reissue(const struct cert *cert, struct arena *a)
{
	struct issued again = {X509_dup(cert->x509), NULL};
	int aki = again.x509 ? X509_get_ext_by_NID(
				   again.x509, NID_authority_key_identifier, -1)
			     : -1;
	struct cert decoded;

	if (aki >= 0)
		X509_EXTENSION_free(X509_delete_ext(again.x509, aki));
	if (again.x509 &&
	    X509_set_issuer_name(
		again.x509, X509_get_subject_name(authority.x509)) == 1 &&
	    X509_sign(again.x509, authority.key, EVP_sha256()) > 0 &&
	    rc_ok(cert_decode(issue_der(a, &again), &decoded, NULL))) {
		chain(&decoded, trusted);
		cert_free(&decoded);
	}
	issue_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct anchors *anchors = NULL;
	struct cert cert;
	struct arena a;

	if (!trusted)
		start();
	arena_init(&a, 64 * 1024);
	rc added =
	    anchors_add(&anchors, span_of(data, size), ROT_VIRTUAL, NULL);
	fuzz_check(rc_ok(added) == (anchors != NULL));
	if (rc_ok(cert_decode(span_of(data, size), &cert, NULL))) {
		fuzz_check(cert.der.n + cert.padding <= size);
		rebuild(&cert, &a);
		reissue(&cert, &a);
		if (anchors)
			chain(&cert, anchors);
		cert_free(&cert);
	}
	anchors_free(anchors);
	arena_free(&a);
	return 0;
}

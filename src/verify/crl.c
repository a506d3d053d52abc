/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation of endorsement certificates by lists that an operator keeps. */
#include "verify/anchors.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

enum { CRLS_MAX = 256 };

static const char not_complete[] =
    "A revocation list must be complete: no delta, no indirect list, and all "
    "reasons.";

static const char not_signed[] =
    "The revocation list is signed by none of the trust anchors; its issuer "
    "belongs into the anchors' file.";

/* --- reading -------------------------------------------------------------- */

static bool
pem_take(struct span bytes, STACK_OF(X509_CRL) * out)
{
	BIO *bio = BIO_new_mem_buf(bytes.p, (int)bytes.n);
	char empty[] = ""; /* a password, so that none is asked for */
	X509_CRL *crl;
	bool ok = bio != NULL;

	while (ok && (crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, empty))) {
		ok = sk_X509_CRL_push(out, crl) > 0;
		if (!ok)
			X509_CRL_free(crl);
	}
	/* The loop ends well only where no further block begins. */
	ok &= ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	BIO_free(bio);
	ERR_clear_error();
	return ok && sk_X509_CRL_num(out) > 0;
}

static bool
der_take(struct span bytes, STACK_OF(X509_CRL) * out)
{
	const unsigned char *p = bytes.p;
	X509_CRL *crl = d2i_X509_CRL(NULL, &p, (long)bytes.n);
	bool ok =
	    crl && p == bytes.p + bytes.n && sk_X509_CRL_push(out, crl) > 0;

	if (!ok)
		X509_CRL_free(crl);
	ERR_clear_error();
	return ok;
}

/* --- what is a list to us ------------------------------------------------- */

/* Lists that OpenSSL would leave out without a word (RFC 5280, 5.2.4 and
 * 5.2.5): the certificates that they name would pass. */
static bool
is_complete(const X509_CRL *crl)
{
	int critical;
	ISSUING_DIST_POINT *point;
	bool ok = X509_CRL_get_ext_by_NID(crl, NID_delta_crl, -1) < 0;

	point = X509_CRL_get_ext_d2i(
	    crl, NID_issuing_distribution_point, &critical, NULL);
	/* -1: there is none; anything else without one cannot be read. */
	ok &= point ? !point->indirectCRL && !point->onlysomereasons &&
			  !point->onlyattr
		    : critical == -1;
	ISSUING_DIST_POINT_free(point);
	return ok;
}

static bool
signed_by(X509_CRL *crl, X509 *issuer)
{
	return X509_NAME_cmp(X509_CRL_get_issuer(crl),
		   X509_get_subject_name(issuer)) == 0 &&
	       X509_get_key_usage(issuer) & KU_CRL_SIGN &&
	       X509_CRL_verify(crl, X509_get0_pubkey(issuer)) == 1;
}

static bool
is_signed(const struct anchors *a, X509_CRL *crl)
{
	bool ok = false;

	for (size_t i = 0; i < a->n && !ok; i++)
		ok = signed_by(crl, a->list[i].x509);
	ERR_clear_error();
	return ok;
}

static rc
check_list(const struct anchors *a, X509_CRL *crl, struct err *e)
{
	if (!is_complete(crl))
		return err_at(e, ERR_EK_CRL, not_complete, "crl");
	if (!is_signed(a, crl))
		return err_at(e, ERR_EK_CRL, not_signed, "crl");
	return RC_OK;
}

static rc
describe(struct crl *out, X509_CRL *list)
{
	unsigned int n = sizeof(out->digest);

	out->list = list;
	if (!name_text(
		X509_CRL_get_issuer(list), out->issuer, sizeof(out->issuer)))
		return (rc){ERR_MEMORY};
	return X509_CRL_digest(list, EVP_sha256(), out->digest, &n) == 1
		   ? RC_OK
		   : (rc){ERR_CRYPTO};
}

/* --- keeping -------------------------------------------------------------- */

void
crls_free(struct anchors *a)
{
	sk_X509_CRL_pop_free(a->crls, X509_CRL_free);
	free(a->crl);
	a->crls = NULL;
	a->crl = NULL;
	a->crls_n = 0;
}

void
crls_move(struct anchors *from, struct anchors *to)
{
	to->crls = from->crls;
	to->crl = from->crl;
	to->crls_n = from->crls_n;
	to->stale_accepted = from->stale_accepted;
	from->crls = NULL;
	from->crl = NULL;
	from->crls_n = 0;
}

/* The lists of `add` go over to `a`. */
static rc
keep(struct anchors *a, STACK_OF(X509_CRL) * add, struct err *e)
{
	size_t n = a->crls_n + (size_t)sk_X509_CRL_num(add);
	struct crl *all = n > CRLS_MAX ? NULL : calloc(n, sizeof(*all));
	X509_CRL *list;

	if (!a->crls)
		a->crls = sk_X509_CRL_new_null();
	if (!all || !a->crls) {
		free(all);
		return err_at(e, n > CRLS_MAX ? ERR_EK_CRL : ERR_MEMORY,
		    "There are more than 256 revocation lists.", "crl");
	}
	for (size_t i = 0; i < a->crls_n; i++)
		all[i] = a->crl[i];
	free(a->crl);
	a->crl = all;
	while ((list = sk_X509_CRL_shift(add))) {
		if (!sk_X509_CRL_push(a->crls, list)) {
			X509_CRL_free(list);
			return err_at(e, ERR_MEMORY, NULL, "crl");
		}
		rc r = describe(&a->crl[a->crls_n], list);
		if (!rc_ok(r))
			return err_at(e, r.code, NULL, "crl");
		a->crls_n++;
	}
	return RC_OK;
}

rc
crls_add(struct anchors *a, struct span bytes, struct err *e)
{
	STACK_OF(X509_CRL) *add = sk_X509_CRL_new_null();
	bool der = bytes.n && bytes.p[0] == 0x30;

	if (!add)
		return err_at(e, ERR_MEMORY, NULL, "crl");
	bool read = bytes.n && bytes.n <= INT32_MAX &&
		    (der ? der_take(bytes, add) : pem_take(bytes, add));
	rc r = read ? RC_OK
		    : err_at(e, ERR_EK_CRL,
			  "The file holds no revocation list.", "crl");
	for (int i = 0; i < sk_X509_CRL_num(add) && rc_ok(r); i++)
		r = check_list(a, sk_X509_CRL_value(add, i), e);
	if (rc_ok(r))
		r = keep(a, add, e);
	sk_X509_CRL_pop_free(add, X509_CRL_free);
	return r;
}

void
crls_accept_stale(struct anchors *a)
{
	a->stale_accepted = true;
}

bool
crls_digest(const struct anchors *a, size_t i, uint8_t out[32])
{
	if (!a || i >= a->crls_n)
		return false;
	memcpy(out, a->crl[i].digest, sizeof(a->crl[i].digest));
	return true;
}

/* --- judging -------------------------------------------------------------- */

/* An issuer that no list speaks for is not judged: the operator gives lists of
 * whom he likes. */
static int
forgive(int ok, X509_STORE_CTX *ctx)
{
	int why = X509_STORE_CTX_get_error(ctx);

	if (ok || why != X509_V_ERR_UNABLE_TO_GET_CRL)
		return ok;
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

static int
forgive_stale(int ok, X509_STORE_CTX *ctx)
{
	if (ok || X509_STORE_CTX_get_error(ctx) != X509_V_ERR_CRL_HAS_EXPIRED)
		return forgive(ok, ctx);
	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	return 1;
}

rc
crls_judge(const struct anchors *a, X509_STORE_CTX *ctx)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

	X509_STORE_CTX_set0_crls(ctx, a->crls);
	X509_VERIFY_PARAM_set_flags(
	    param, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	X509_STORE_CTX_set_verify_cb(
	    ctx, a->stale_accepted ? forgive_stale : forgive);
	int ok = X509_verify_cert(ctx);
	int why = X509_STORE_CTX_get_error(ctx);
	ERR_clear_error();
	if (ok == 1)
		return RC_OK;
	if (ok < 0 || why == X509_V_ERR_OUT_OF_MEM)
		return (rc){ERR_CRYPTO};
	return (rc){
	    why == X509_V_ERR_CERT_REVOKED ? ERR_EK_REVOKED : ERR_EK_CRL};
}

/* "-5a" to a number; NULL when memory is gone or it is none. */
static ASN1_INTEGER *
serial_of(const char *text)
{
	BIGNUM *number = NULL;
	ASN1_INTEGER *serial = NULL;

	if (BN_hex2bn(&number, text) == (int)strlen(text))
		serial = BN_to_ASN1_INTEGER(number, NULL);
	BN_free(number);
	ERR_clear_error();
	return serial;
}

rc
ek_check_revoked(
    const struct anchors *a, const struct ek_identity *id, struct err *e)
{
	if (!a || a->crls_n == 0 || !*id->serial)
		return RC_OK;
	ASN1_INTEGER *serial = serial_of(id->serial);
	bool revoked = false;
	X509_REVOKED *entry;

	if (!serial)
		return err_at(e, ERR_MEMORY, NULL, "ekcert.serialNumber");
	for (size_t i = 0; i < a->crls_n && !revoked; i++)
		revoked = strcmp(a->crl[i].issuer, id->issuer) == 0 &&
			  X509_CRL_get0_by_serial(
			      a->crl[i].list, &entry, serial) == 1;
	ASN1_INTEGER_free(serial);
	return revoked ? err_at(e, ERR_EK_REVOKED, NULL, "ekcert.serialNumber")
		       : RC_OK;
}

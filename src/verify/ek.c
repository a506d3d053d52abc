/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/anchors.h"

#include "base/text.h"
#include "verify/material.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <time.h>

/* --- anchors -------------------------------------------------------------- */

static bool
push(STACK_OF(X509) * to, X509 *x509)
{
	return X509_add_cert(to, x509, X509_ADD_FLAG_UP_REF) == 1;
}

static bool
pem_take(struct span bytes, STACK_OF(X509) * out)
{
	BIO *bio = BIO_new_mem_buf(bytes.p, (int)bytes.n);
	char empty[] = ""; /* a password, so that none is asked for */
	X509 *x509;
	bool ok = bio != NULL;

	while (ok && (x509 = PEM_read_bio_X509(bio, NULL, NULL, empty))) {
		ok = push(out, x509);
		X509_free(x509);
	}
	/* The loop ends well only where no further block begins. */
	ok &= ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	BIO_free(bio);
	ERR_clear_error();
	return ok && sk_X509_num(out) > 0;
}

static bool
der_take(struct span bytes, STACK_OF(X509) * out)
{
	struct cert cert;

	if (!rc_ok(cert_decode(bytes, &cert, NULL)))
		return false;
	bool ok = push(out, cert.x509);
	cert_free(&cert);
	return ok;
}

static rc
digest_add(EVP_MD_CTX *md, const struct anchor *a)
{
	uint8_t rot = (uint8_t)a->rot;
	unsigned char *der = NULL;
	int n = i2d_X509(a->x509, &der);
	bool ok = n > 0 && EVP_DigestUpdate(md, &rot, 1) == 1 &&
		  EVP_DigestUpdate(md, der, (size_t)n) == 1;

	OPENSSL_free(der);
	return ok ? RC_OK : (rc){ERR_CRYPTO};
}

static rc
digest_all(struct anchors *a)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool begun = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
	rc r = begun ? RC_OK : (rc){ERR_CRYPTO};

	for (size_t i = 0; i < a->n && rc_ok(r); i++)
		r = digest_add(md, &a->list[i]);
	if (rc_ok(r) && EVP_DigestFinal_ex(md, a->digest, NULL) != 1)
		r = (rc){ERR_CRYPTO};
	EVP_MD_CTX_free(md);
	return r;
}

/* list has room for one more. */
static rc
anchor_put(struct anchors *a, X509 *x509, enum rot_class rot)
{
	int self = X509_self_signed(x509, 1);

	for (size_t i = 0; i < a->n; i++)
		if (X509_cmp(a->list[i].x509, x509) == 0)
			return a->list[i].rot == rot ? RC_OK : (rc){ERR_CONFIG};
	if (self < 0)
		return (rc){ERR_EK_FORMAT};
	if (!push(self ? a->roots : a->others, x509))
		return (rc){ERR_MEMORY};
	a->list[a->n++] = (struct anchor){x509, rot};
	return RC_OK;
}

/* All of old (or nothing) and all of add. */
static rc
anchors_join(const struct anchors *old, const STACK_OF(X509) * add,
    enum rot_class rot, struct anchors **out)
{
	size_t old_n = old ? old->n : 0;
	struct anchors *a = calloc(1, sizeof(*a));
	rc r = a ? RC_OK : (rc){ERR_MEMORY};

	if (a) {
		a->roots = sk_X509_new_null();
		a->others = sk_X509_new_null();
		a->list = calloc(
		    old_n + (size_t)sk_X509_num(add), sizeof(a->list[0]));
		if (!a->roots || !a->others || !a->list)
			r = (rc){ERR_MEMORY};
	}
	for (size_t i = 0; i < old_n && rc_ok(r); i++)
		r = anchor_put(a, old->list[i].x509, old->list[i].rot);
	for (int i = 0; i < sk_X509_num(add) && rc_ok(r); i++)
		r = anchor_put(a, sk_X509_value(add, i), rot);
	if (rc_ok(r))
		r = digest_all(a);
	if (rc_ok(r))
		*out = a;
	else
		anchors_free(a);
	return r;
}

rc
anchors_add(
    struct anchors **io, struct span bytes, enum rot_class rot, struct err *e)
{
	STACK_OF(X509) *add = sk_X509_new_null();
	struct anchors *all = NULL;
	bool der = bytes.n && bytes.p[0] == 0x30;
	rc r = (rc){ERR_EK_FORMAT};

	if (!add)
		return err_at(e, ERR_MEMORY, NULL, "anchors");
	if (bytes.n && bytes.n <= INT32_MAX &&
	    (der ? der_take(bytes, add) : pem_take(bytes, add)))
		r = anchors_join(*io, add, rot, &all);
	sk_X509_pop_free(add, X509_free);
	ERR_clear_error();
	if (r.code == ERR_CONFIG)
		return err_at(e, r.code,
		    "One certificate cannot vouch for two classes of roots of "
		    "trust.",
		    "anchors");
	if (!rc_ok(r))
		return err_at(e, r.code, NULL, "anchors");
	if (*io)
		crls_move(*io, all);
	anchors_free(*io);
	*io = all;
	return r;
}

void
anchors_free(struct anchors *a)
{
	if (!a)
		return;
	sk_X509_pop_free(a->roots, X509_free);
	sk_X509_pop_free(a->others, X509_free);
	crls_free(a);
	free(a->list);
	free(a);
}

void
anchors_digest(const struct anchors *a, uint8_t out[32])
{
	memcpy(out, a->digest, sizeof(a->digest));
}

static enum rot_class
rot_of(const struct anchors *a, const X509 *root)
{
	for (size_t i = 0; i < a->n; i++)
		if (X509_cmp(a->list[i].x509, root) == 0)
			return a->list[i].rot;
	return ROT_UNKNOWN;
}

/* --- the chain ------------------------------------------------------------ */

static void
set_rules(X509_STORE_CTX *ctx, int64_t now, bool judge_time)
{
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);

	/* A time that is set would win over the flag. */
	if (judge_time)
		X509_VERIFY_PARAM_set_time(param, (time_t)(now / TIME_S));
	else
		X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
	X509_VERIFY_PARAM_set_depth(param, LIMIT_CERTS);
	/* 80 bits: nothing signed with MD5 or SHA-1, no RSA under 1024. */
	X509_VERIFY_PARAM_set_auth_level(param, 1);
}

/* A context for this chain; NULL when memory is gone. */
static X509_STORE_CTX *
context_new(const struct anchors *a, X509 *leaf, STACK_OF(X509) * between,
    int64_t now, bool judge_time)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();

	if (!ctx || X509_STORE_CTX_init(ctx, NULL, leaf, between) != 1) {
		X509_STORE_CTX_free(ctx);
		return NULL;
	}
	X509_STORE_CTX_set0_trusted_stack(ctx, a->roots);
	set_rules(ctx, now, judge_time);
	return ctx;
}

/* *trusted, and the class of the root where the chain ends. */
static rc
walk(const struct anchors *a, X509 *leaf, STACK_OF(X509) * between, int64_t now,
    bool judge_time, bool *trusted, enum rot_class *rot)
{
	X509_STORE_CTX *ctx = context_new(a, leaf, between, now, judge_time);

	if (!ctx)
		return (rc){ERR_CRYPTO};
	int ok = X509_verify_cert(ctx);
	int why = X509_STORE_CTX_get_error(ctx);
	*trusted = ok == 1;
	if (ok == 1) {
		STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(ctx);
		*rot = rot_of(a, sk_X509_value(chain, sk_X509_num(chain) - 1));
	}
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return ok < 0 || why == X509_V_ERR_OUT_OF_MEM ? (rc){ERR_CRYPTO}
						      : RC_OK;
}

static rc
check_revocation(
    const struct anchors *a, X509 *leaf, STACK_OF(X509) * between, int64_t now)
{
	if (a->crls_n == 0)
		return RC_OK;
	X509_STORE_CTX *ctx = context_new(a, leaf, between, now, true);
	rc r = ctx ? crls_judge(a, ctx) : (rc){ERR_CRYPTO};
	X509_STORE_CTX_free(ctx);
	return r;
}

static rc
check_trust(const struct anchors *a, X509 *leaf, STACK_OF(X509) * between,
    int64_t now, enum rot_class *rot)
{
	bool trusted;

	TRY(walk(a, leaf, between, now, true, &trusted, rot));
	if (trusted)
		return check_revocation(a, leaf, between, now);
	/* Only time may be what is wrong. */
	TRY(walk(a, leaf, between, now, false, &trusted, rot));
	return (rc){trusted ? ERR_EK_EXPIRED : ERR_EK_UNTRUSTED};
}

static rc
check_between(const struct anchors *a, const struct cert *cert,
    const struct cert *const *sent, size_t sent_n, int64_t now,
    enum rot_class *rot)
{
	if (sent_n > LIMIT_CERTS)
		return (rc){ERR_EK_UNTRUSTED};
	STACK_OF(X509) *between = sk_X509_dup(a->others);
	bool ok = between != NULL;
	for (size_t i = 0; i < sent_n && ok; i++)
		ok = sk_X509_push(between, sent[i]->x509) > 0;
	rc r = ok ? check_trust(a, cert->x509, between, now, rot)
		  : (rc){ERR_MEMORY};
	sk_X509_free(between);
	return r;
}

/* --- what the certificate says -------------------------------------------- */

/* 2.23.133.x.y as DER content. */
static const uint8_t oid_ek[] = {0x67, 0x81, 0x05, 0x08, 0x01};
static const uint8_t oid_manufacturer[] = {0x67, 0x81, 0x05, 0x02, 0x01};
static const uint8_t oid_model[] = {0x67, 0x81, 0x05, 0x02, 0x02};
static const uint8_t oid_version[] = {0x67, 0x81, 0x05, 0x02, 0x03};

static bool
oid_is(const ASN1_OBJECT *o, const uint8_t oid[5])
{
	return span_eq(
	    span_of(OBJ_get0_data(o), OBJ_length(o)), span_of(oid, 5));
}

/* EK certificates are for nothing but credentials (EK Credential Profile
 * 3.2.14 and 3.2.15). */
static bool
usage_fits(X509 *x509, bool rsa)
{
	uint32_t need = rsa ? KU_KEY_ENCIPHERMENT : KU_KEY_AGREEMENT;
	uint32_t usage = X509_get_key_usage(x509);
	EXTENDED_KEY_USAGE *list =
	    X509_get_ext_d2i(x509, NID_ext_key_usage, NULL, NULL);
	bool ek = false;

	for (int i = 0; i < sk_ASN1_OBJECT_num(list); i++)
		ek |= oid_is(sk_ASN1_OBJECT_value(list, i), oid_ek);
	EXTENDED_KEY_USAGE_free(list);
	return ek && usage != UINT32_MAX && (usage & need) &&
	       X509_check_ca(x509) == 0 &&
	       !(X509_get_extension_flags(x509) & EXFLAG_CA);
}

/* The printable value of the attribute in a directory name; false if it is
 * not there, empty, too long or not printable. */
static bool
attribute(const X509_NAME *name, const uint8_t oid[5], char *out, size_t size)
{
	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
		unsigned char *utf8 = NULL;
		if (!oid_is(X509_NAME_ENTRY_get_object(entry), oid))
			continue;
		int n =
		    ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
		bool ok = n > 0 && (size_t)n < size;
		for (int k = 0; ok && k < n; k++)
			ok = utf8[k] >= 0x20 && utf8[k] != 0x7f;
		if (ok) {
			memcpy(out, utf8, (size_t)n);
			out[n] = '\0';
		}
		OPENSSL_free(utf8);
		return ok;
	}
	return false;
}

/* "id:" and eight hex digits. */
static bool
vendor_id(const char *s)
{
	uint8_t id[4];

	return strncmp(s, "id:", 3) == 0 &&
	       rc_ok(hex_decode(span_str(s + 3), id, sizeof(id)));
}

static bool
names_tpm(const X509_NAME *name, char manufacturer[16])
{
	char model[256], version[64];

	return attribute(name, oid_manufacturer, manufacturer, 16) &&
	       vendor_id(manufacturer) &&
	       attribute(name, oid_model, model, sizeof(model)) &&
	       attribute(name, oid_version, version, sizeof(version)) &&
	       strncmp(version, "id:", 3) == 0 && version[3];
}

static bool
take_manufacturer(const X509 *x509, char manufacturer[16])
{
	GENERAL_NAMES *names =
	    X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		found = name->type == GEN_DIRNAME &&
			names_tpm(name->d.directoryName, manufacturer);
	}
	GENERAL_NAMES_free(names);
	return found;
}

bool
name_text(const X509_NAME *name, char *out, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok = bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0;
	int n = ok ? BIO_read(bio, out, (int)size - 1) : 0;

	out[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
	return ok;
}

static bool
take_serial(const X509 *x509, char *out, size_t size)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
	struct span s = span_of(
	    ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial));

	if (2 * s.n + 2 > size)
		return false;
	if (ASN1_STRING_type(serial) & V_ASN1_NEG)
		*out++ = '-';
	hex_emit(s, out);
	return true;
}

static bool
take_not_after(const X509 *x509, int64_t *out)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(x509), &tm) != 1)
		return false;
	*out = (int64_t)timegm(&tm) * TIME_S;
	return true;
}

rc
ek_check_chain(const struct anchors *a, const struct cert *cert,
    const struct cert *const *intermediates, size_t intermediates_n,
    int64_t now, struct ek_identity *out, struct err *e)
{
	struct ek_identity id = {0};
	struct material m;

	/* An RSA key under the OID of RSAES-OAEP (TPM 1.2) is not read. */
	if (!rc_ok(material_from_x509(cert->x509, &m)))
		return err_at(e, ERR_EK_FORMAT,
		    "The certified key is none of RSA with 2048 to 4096 bits, "
		    "P-256, P-384, P-521.",
		    "ekcert.publicKey");
	rc r = check_between(
	    a, cert, intermediates, intermediates_n, now, &id.rot);
	if (!rc_ok(r))
		return err_at(e, r.code, NULL, "ekcert");
	if (!usage_fits(cert->x509, m.kind->type == ALG_RSA))
		return err_at(e, ERR_EK_USAGE, NULL, "ekcert");
	if (!take_manufacturer(cert->x509, id.manufacturer))
		return err_at(e, ERR_EK_SAN, NULL, "ekcert.subjectAltName");
	uint32_t maker;
	if (maker_parse(span_str(id.manufacturer), &maker) &&
	    maker_is_software(maker))
		id.rot = ROT_VIRTUAL;
	if (!name_text(
		X509_get_issuer_name(cert->x509), id.issuer, sizeof(id.issuer)))
		return err_at(e, ERR_CRYPTO, NULL, "ekcert.issuer");
	if (!take_serial(cert->x509, id.serial, sizeof(id.serial)))
		return err_at(e, ERR_EK_FORMAT,
		    "The serial number is longer than 39 octets.",
		    "ekcert.serialNumber");
	if (!take_not_after(cert->x509, &id.not_after))
		return err_at(e, ERR_EK_FORMAT, NULL, "ekcert.notAfter");
	*out = id;
	return RC_OK;
}

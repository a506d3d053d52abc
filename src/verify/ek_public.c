/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/ek.h"
#include "verify/material.h"
#include "verify/wr.h"

static const uint8_t policy_a[] = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3,
    0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd, 0x52, 0xd7,
    0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69,
    0xaa};
static const uint8_t policy_b256[] = {0xca, 0x3d, 0x0a, 0x99, 0xa2, 0xb9, 0x39,
    0x06, 0xf7, 0xa3, 0x34, 0x24, 0x14, 0xef, 0xcf, 0xb3, 0xa3, 0x85, 0xd4,
    0x4c, 0xd1, 0xfd, 0x45, 0x90, 0x89, 0xd1, 0x9b, 0x50, 0x71, 0xc0, 0xb7,
    0xa0};
static const uint8_t policy_b384[] = {0xb2, 0x6e, 0x7d, 0x28, 0xd1, 0x1a, 0x50,
    0xbc, 0x53, 0xd8, 0x82, 0xbc, 0xf5, 0xfd, 0x3a, 0x1a, 0x07, 0x41, 0x48,
    0xbb, 0x35, 0xd3, 0xb4, 0xe4, 0xcb, 0x1c, 0x0a, 0xd9, 0xbd, 0xe4, 0x19,
    0xca, 0xcb, 0x47, 0xba, 0x09, 0x69, 0x96, 0x46, 0x15, 0x0f, 0x9f, 0xc0,
    0x00, 0xf3, 0xf8, 0x0e, 0x12};
static const uint8_t policy_b512[] = {0xb8, 0x22, 0x1c, 0xa6, 0x9e, 0x85, 0x50,
    0xa4, 0x91, 0x4d, 0xe3, 0xfa, 0xa6, 0xa1, 0x8c, 0x07, 0x2c, 0xc0, 0x12,
    0x08, 0x07, 0x3a, 0x92, 0x8d, 0x5d, 0x66, 0xd5, 0x9e, 0xf7, 0x9e, 0x49,
    0xa4, 0x29, 0xc4, 0x1a, 0x6b, 0x26, 0x95, 0x71, 0xd5, 0x7e, 0xdb, 0x25,
    0xfb, 0xdb, 0x18, 0x38, 0x42, 0x56, 0x08, 0xb4, 0x13, 0xcd, 0x61, 0x6a,
    0x5f, 0x6d, 0xb5, 0xb6, 0x07, 0x1a, 0xf9, 0x9b, 0xea};

enum {
	ATTR_LOW = ATTR_FIXED_TPM | ATTR_FIXED_PARENT |
		   ATTR_SENSITIVE_DATA_ORIGIN | ATTR_ADMIN_WITH_POLICY |
		   ATTR_RESTRICTED | ATTR_DECRYPT,
	ATTR_HIGH = ATTR_LOW | ATTR_USER_WITH_AUTH,
};

/* EK Credential Profile 2.4, annex B; the first of a key's rows is the one
 * that certificates in the low NV range stand for. */
struct ek_template {
	const char *key; /* key_kind name */
	uint16_t name_alg;
	uint32_t attributes;
	uint16_t sym_bits; /* AES, CFB */
	const uint8_t *policy;
	size_t policy_n;
};

#define ROW(key, alg, attr, bits, policy)                                      \
	{                                                                      \
		key, alg, attr, bits, policy, sizeof(policy)                   \
	}
static const struct ek_template templates[] = {
    ROW("rsa-2048", ALG_SHA256, ATTR_LOW, 128, policy_a),
    ROW("ecc-p256", ALG_SHA256, ATTR_LOW, 128, policy_a),
    ROW("rsa-2048", ALG_SHA256, ATTR_HIGH, 128, policy_b256),
    ROW("ecc-p256", ALG_SHA256, ATTR_HIGH, 128, policy_b256),
    ROW("ecc-p384", ALG_SHA384, ATTR_HIGH, 256, policy_b384),
    ROW("ecc-p521", ALG_SHA512, ATTR_HIGH, 256, policy_b512),
    ROW("rsa-3072", ALG_SHA384, ATTR_HIGH, 256, policy_b384),
    ROW("rsa-4096", ALG_SHA384, ATTR_HIGH, 256, policy_b384),
};
#undef ROW

enum { TEMPLATES = sizeof(templates) / sizeof(templates[0]) };

static bool
template_is(const struct ek_template *t, const struct tpm_public *pub)
{
	return pub->name_alg == t->name_alg &&
	       pub->attributes == t->attributes && pub->sym_alg == ALG_AES &&
	       pub->sym_bits == t->sym_bits && pub->sym_mode == ALG_CFB &&
	       pub->scheme == ALG_NULL &&
	       span_eq(pub->policy, span_of(t->policy, t->policy_n));
}

static bool
is_template(const struct tpm_public *pub)
{
	const struct key_kind *kind = key_kind_of(pub);

	for (size_t i = 0; kind && i < TEMPLATES; i++)
		if (strcmp(kind->name, templates[i].key) == 0 &&
		    template_is(&templates[i], pub))
			return true;
	return false;
}

rc
ek_check_template(const struct tpm_public *pub, struct err *e)
{
	struct material m;

	if (!is_template(pub) || !rc_ok(material_from_public(pub, &m)))
		return err_at(e, ERR_EK_TEMPLATE, NULL, "ek.public");
	if (material_is_roca(&m))
		return err_at(e, ERR_EK_ROCA, NULL, "ek.public.unique");
	return RC_OK;
}

rc
ek_check_public(
    const struct cert *cert, const struct tpm_public *pub, struct err *e)
{
	struct material certified, given;

	if (!rc_ok(material_from_public(pub, &given)))
		return err_at(e, ERR_EK_TEMPLATE, NULL, "ek.public");
	if (!rc_ok(material_from_x509(cert->x509, &certified)) ||
	    !material_eq(&certified, &given))
		return err_at(e, ERR_EK_MISMATCH, NULL, "ek.public.unique");
	return ek_check_template(pub, e);
}

static void
put_public(struct wr *w, const struct ek_template *t, const struct material *m)
{
	size_t size = m->kind->size;

	wr_be(w, m->kind->type, 2);
	wr_be(w, t->name_alg, 2);
	wr_be(w, t->attributes, 4);
	wr_sized(w, span_of(t->policy, t->policy_n));
	wr_be(w, ALG_AES, 2);
	wr_be(w, t->sym_bits, 2);
	wr_be(w, ALG_CFB, 2);
	wr_be(w, ALG_NULL, 2); /* scheme */
	if (m->kind->type == ALG_RSA) {
		wr_be(w, m->kind->bits, 2);
		wr_be(w, 0, 4); /* exponent 65537 */
		wr_sized(w, span_of(m->modulus, size));
		return;
	}
	wr_be(w, m->kind->curve, 2);
	wr_be(w, ALG_NULL, 2); /* kdf */
	wr_sized(w, span_of(m->x, size));
	wr_sized(w, span_of(m->y, size));
}

rc
ek_public_from_cert(
    const struct cert *cert, struct arena *a, struct span *out, struct err *e)
{
	uint8_t body[LIMIT_PUBLIC];
	struct wr w = wr_over(body, sizeof(body));
	struct material m;
	size_t i = 0;

	if (!rc_ok(material_from_x509(cert->x509, &m)))
		return err_at(e, ERR_EK_TEMPLATE, NULL, "ekcert.publicKey");
	/* Each kind has a row. */
	while (i < TEMPLATES - 1 && strcmp(m.kind->name, templates[i].key) != 0)
		i++;
	put_public(&w, &templates[i], &m);
	uint8_t *p = arena_alloc(a, 2 + w.n);
	if (!p)
		return err_at(e, ERR_MEMORY, NULL, "ekcert.publicKey");
	struct wr sized = wr_over(p, 2 + w.n);
	wr_sized(&sized, wr_span(&w));
	*out = wr_span(&sized);
	return RC_OK;
}

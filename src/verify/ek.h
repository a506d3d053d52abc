/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_VERIFY_EK_H
#define AKASHI_VERIFY_EK_H

#include "base/clock.h"
#include "decode/cert.h"
#include "verify/key.h"
#include "verify/rot.h"

/* Trust anchors: self-signed certificates anchor, others are intermediates
 * (decisions.md 25). Immutable after load; threads may share it. */
struct anchors;

/* Load all certificates of PEM text (or one DER). `rot` is the class of the
 * roots of trust that these anchors vouch for. May be called again to add; on
 * failure *io is as it was. EK_FORMAT; CONFIG for a certificate that is loaded
 * under another class already; MEMORY, CRYPTO. The caller owns *io
 * (anchors_free); it starts as NULL. */
MUST_USE rc anchors_add(
    struct anchors **io, struct span bytes, enum rot_class rot, struct err *e);
void anchors_free(struct anchors *a);

/* SHA-256 over class and DER of each in order: goes into the manifest. */
void anchors_digest(const struct anchors *a, uint8_t out[32]);

/* Add revocation lists: PEM text with any number of them, or one DER. Each must
 * be complete and signed by one of the anchors, which come first; certificates
 * of issuers that no list speaks for are not judged. EK_CRL, MEMORY, CRYPTO; on
 * failure `a` is only to be freed. */
MUST_USE rc crls_add(struct anchors *a, struct span bytes, struct err *e);

/* A list that is past its nextUpdate counts as if it were not. */
void crls_accept_stale(struct anchors *a);

/* SHA-256 of the i-th list, for the manifest; false after the last. */
bool crls_digest(const struct anchors *a, size_t i, uint8_t out[32]);

enum { EK_ISSUER = 256 };

/* What a good endorsement certificate says. */
struct ek_identity {
	enum rot_class rot;
	char manufacturer[16];	/* "id:414D4400" */
	char issuer[EK_ISSUER]; /* RFC 2253, ASCII; cut where longer */
	char serial[80];	/* hex, "-" before it if negative */
	int64_t not_after;
};

/* Check `cert` against the anchors at time `now`, with intermediates sent by
 * the node (never trusted by themselves, at most LIMIT_CERTS). EK_EXPIRED only
 * where nothing but time is wrong with the chain. out->rot is the class of the
 * anchor in which the chain ends, or virtual where the manufacturer is that of
 * a software TPM.
 * EK_REVOKED and EK_CRL (a list is stale or cannot be used) are about every
 * certificate of the chain.
 * EK_UNTRUSTED, EK_EXPIRED, EK_USAGE, EK_SAN, EK_FORMAT, MEMORY, CRYPTO. */
MUST_USE rc ek_check_chain(const struct anchors *a, const struct cert *cert,
    const struct cert *const *intermediates, size_t intermediates_n,
    int64_t now, struct ek_identity *out, struct err *e);

/* A certificate that was good when it was checked: has a list named it since?
 * `a` may be NULL. EK_REVOKED, MEMORY. */
MUST_USE rc ek_check_revoked(
    const struct anchors *a, const struct ek_identity *id, struct err *e);

/* The certificate's key is this public area's key, and the area is one of
 * the templates of the EK Credential Profile. EK_MISMATCH, EK_TEMPLATE,
 * EK_ROCA. */
MUST_USE rc ek_check_public(
    const struct cert *cert, const struct tpm_public *pub, struct err *e);

/* The template rule alone, for an EK listed by an operator. EK_TEMPLATE;
 * EK_ROCA where the key can be factored (CVE-2017-15361). */
MUST_USE rc ek_check_template(const struct tpm_public *pub, struct err *e);

/* Rebuild the TPM2B_PUBLIC of an EK known only by certificate from the
 * template of its key type (decisions.md 25). EK_TEMPLATE, MEMORY. */
MUST_USE rc ek_public_from_cert(
    const struct cert *cert, struct arena *a, struct span *out, struct err *e);

#endif

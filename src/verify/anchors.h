/* SPDX-License-Identifier: Apache-2.0 */
/* What ek.c and crl.c share. Nobody else includes this. */
#ifndef AKASHI_VERIFY_ANCHORS_H
#define AKASHI_VERIFY_ANCHORS_H

#include "verify/ek.h"

/*
 * 1. `roots` are the self-signed certificates: a chain ends in one of them.
 * 2. Everything else, ours or the node's, only fills the gap between.
 * 3. Each list in `crls` is signed by one of these certificates.
 * 4. Nothing changes after anchors_add() and crls_add(), so threads share it.
 */
struct anchor {
	X509 *x509; /* owned by roots or others */
	enum rot_class rot;
};

struct crl {
	X509_CRL *list; /* owned by crls */
	char issuer[EK_ISSUER];
	uint8_t digest[32];
};

struct anchors {
	STACK_OF(X509) * roots;
	STACK_OF(X509) * others;
	struct anchor *list; /* all, in the order in which they came */
	size_t n;
	uint8_t digest[32];
	STACK_OF(X509_CRL) * crls;
	struct crl *crl;
	size_t crls_n;
	bool stale_accepted;
};

/* RFC 2253, cut to the room there is; false when memory is gone. */
bool name_text(const X509_NAME *name, char *out, size_t size);

/* Moves the lists of `from` to `to`, which has none. */
void crls_move(struct anchors *from, struct anchors *to);
void crls_free(struct anchors *a);

/* Have the lists anything against a chain that is trusted? `ctx` is ready to
 * verify it. EK_REVOKED, EK_CRL, CRYPTO. */
MUST_USE rc crls_judge(const struct anchors *a, X509_STORE_CTX *ctx);

#endif

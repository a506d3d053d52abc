/* SPDX-License-Identifier: Apache-2.0 */
/* Revocation lists for tests. */
#ifndef AKASHI_TESTS_ISSUE_CRL_H
#define AKASHI_TESTS_ISSUE_CRL_H

#include "unit/verify/issue.h"

/* {0} with a signer is an empty list that is valid for years. */
struct issue_crl {
	const struct issued *by;
	const struct issued *names[2]; /* these are revoked */
	const char *from, *to;	       /* YYYYMMDDHHMMSSZ */
	const char *point;	       /* issuing distribution point */
	bool delta, unknown_critical, removed;
};

/* DER of one, or PEM of n, in the arena. */
struct span issue_crl_der(struct arena *a, const struct issue_crl *spec);
struct span issue_crl_pem(
    struct arena *a, const struct issue_crl *specs, size_t n);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate authority for tests: what vendors do, and what they must not.
 */
#ifndef AKASHI_TESTS_ISSUE_H
#define AKASHI_TESTS_ISSUE_H

#include "base/arena.h"
#include "decode/cert.h"

/* A certificate and its key. */
struct issued {
	X509 *x509;
	EVP_PKEY *key;
};

/* What to issue; {0} with a name is a good P-256 EK certificate, valid from
 * 2020 to the end of 9999. */
struct issue {
	const char *name;
	const struct issued *by; /* NULL: self-signed */
	EVP_PKEY *subject;	 /* borrowed; NULL: a new P-256 key */
	bool ca;		 /* a CA certificate, no EK certificate */
	const char *from, *to;	 /* YYYYMMDDHHMMSSZ */
	const char *usage;	 /* OpenSSL's words; "" leaves it out */
	const char *extended;	 /* the same */
	const char *basic;	 /* the same */
	const char *manufacturer, *model, *version;
	bool san_missing;
	int string_type; /* of the SAN's values, MBSTRING_… */
	bool unknown_critical;
	size_t serial_bytes; /* default 1 */
	bool serial_negative;
	bool oaep; /* RSA-2048 key under the OID of RSAES-OAEP */
	const char *digest;
};

/* The caller frees it (issue_free). */
struct issued issue(const struct issue *spec);
void issue_free(struct issued *i);

/* A public RSA key of 2048 bits as Infineon's library made them: its factors
 * are primes k * M + 65537^a mod M (CVE-2017-15361). The caller frees it. */
EVP_PKEY *issue_roca_key(void);

/* DER of a certificate in the arena. */
struct span issue_der(struct arena *a, const struct issued *i);

/* PEM of n certificates in the arena. */
struct span issue_pem(
    struct arena *a, const struct issued *const *list, size_t n);

#endif

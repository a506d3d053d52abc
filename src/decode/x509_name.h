/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of certificates that stand in boot logs, for people only.
 *
 * A hostile log holds tens of thousands of them, and parsing one with OpenSSL
 * takes 80 µs because of its key. This reads the DER down to the names (RFC
 * 5280, 4.1) and nothing else. Whoever trusts a certificate uses cert.h.
 */
#ifndef AKASHI_DECODE_X509_NAME_H
#define AKASHI_DECODE_X509_NAME_H

#include "decode/line.h"

struct x509_names {
	struct span serial; /* INTEGER, big-endian */
	struct span issuer; /* contents of the Name */
	struct span subject;
};

/* Names of the certificate that fills `der`. False if it is not one. */
bool x509_names_decode(struct span der, struct x509_names *out);

/* "Debian UEFI Secure Boot CA": the last common name, else the last
 * organisation or unit. */
void x509_name_short(struct span name, struct line *l);

/* "C=US, O=Microsoft Corporation, CN=…", in the certificate's order; types
 * without a short name as their OID in hex. */
void x509_name_full(struct span name, struct line *l);

#endif

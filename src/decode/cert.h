/* SPDX-License-Identifier: Apache-2.0 */
/* X.509 parsing; the only use of OpenSSL in decode/. */
#ifndef AKASHI_DECODE_CERT_H
#define AKASHI_DECODE_CERT_H

#include "base/rc.h"
#include "base/span.h"

#include <openssl/x509.h>

/* One certificate with the exact bytes it was read from. */
struct cert {
	X509 *x509;
	struct span der; /* borrowed: the DER alone, padding stripped */
	size_t padding;	 /* trailing 0x00 or 0xff bytes of an NV area */
};

/* Decode one DER certificate. A tail of only 0x00 or only 0xff is NV padding
 * and accepted; a TPM 1.2 header (10 01 00 …) is skipped; any other tail is
 * refused. The caller owns out->x509 (cert_free). EK_FORMAT. */
MUST_USE rc cert_decode(struct span bytes, struct cert *out, struct err *e);
void cert_free(struct cert *c);

#endif

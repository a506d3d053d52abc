/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/cert.h"
#include "base/limits.h"
#include "base/rd.h"

#include <openssl/err.h>

static rc
refuse(struct err *e, const char *text)
{
	ERR_clear_error();
	return err_at(e, ERR_EK_FORMAT, text, "ekcert");
}

/* Skip TCG_PCCLIENT_STORED_CERT (tag 1001, type 00, u16 size) and
 * TCG_FULL_CERT (tag 1002), which some chips write before the DER (TCG PC
 * Client Specific Implementation Specification 1.21, 7.4.5). The DER says
 * where the certificate ends, so that the size is not needed. */
static void
skip_stored_header(struct rd *in)
{
	static const uint8_t stored[] = {0x10, 0x01, 0x00};
	static const uint8_t full[] = {0x10, 0x02};
	struct rd head = *in;

	if (!span_eq(rd_bytes(&head, sizeof(stored)),
		span_of(stored, sizeof(stored))))
		return;
	rd_u16be(&head);
	*in = head;
	if (span_eq(rd_bytes(&head, sizeof(full)), span_of(full, sizeof(full))))
		*in = head;
}

/* The DER SEQUENCE at the reader, consumed; {NULL, 0} if there is none. */
static struct span
take_sequence(struct rd *in)
{
	struct rd head = *in;
	uint8_t tag = rd_u8(&head);
	uint8_t first = rd_u8(&head);
	size_t header = 2, n = first;

	/* A certificate is longer than 127 and shorter than 65,536 bytes. */
	if (first == 0x81) {
		n = rd_u8(&head);
		header = 3;
	} else if (first == 0x82) {
		n = rd_u16be(&head);
		header = 4;
	} else if (first > 0x7f) {
		rd_fail(&head);
	}
	if (!rd_ok(&head) || tag != 0x30)
		return (struct span){NULL, 0};
	return rd_bytes(in, header + n);
}

rc
cert_decode(struct span bytes, struct cert *out, struct err *e)
{
	if (bytes.n > LIMIT_CERT)
		return refuse(e, "The certificate is larger than 16 KiB.");
	struct rd in = rd_over(bytes);
	skip_stored_header(&in);
	struct span der = take_sequence(&in);
	struct span tail = rd_rest(&in);

	if (!der.p || !rd_done(&in))
		return refuse(e, "The certificate is truncated or not DER.");
	if (!span_all(tail, 0x00) && !span_all(tail, 0xff))
		return refuse(e, "Bytes that are not padding follow the "
				 "certificate.");
	const unsigned char *p = der.p;
	X509 *x509 = d2i_X509(NULL, &p, (long)der.n);
	if (!x509 || p != der.p + der.n) {
		X509_free(x509);
		return refuse(e, "The certificate is not X.509.");
	}
	ERR_clear_error();
	*out = (struct cert){x509, der, tail.n};
	return RC_OK;
}

void
cert_free(struct cert *c)
{
	if (!c)
		return;
	X509_free(c->x509);
	c->x509 = NULL;
}

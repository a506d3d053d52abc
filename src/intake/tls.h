/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS: the only door to GnuTLS.
 *
 * A `struct tls` is one immutable, counted set of certificate, key and client
 * authorities. Each connection holds the set it began with; a reload makes a
 * new one for connections that come later.
 */
#ifndef AKASHI_INTAKE_TLS_H
#define AKASHI_INTAKE_TLS_H

#include "base/clock.h"
#include "base/rc.h"

struct tls;

struct tls_files {
	const char *certificate;
	const char *key;
	const char *client_ca; /* "": no client certificates */
};

/* What TLS 1.2 and 1.3 may use; for MHD_OPTION_HTTPS_PRIORITIES. */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* Load and cross-check. The key file must not be readable by others.
 * FILE, CONFIG, MEMORY. The caller holds the result (tls_drop). */
MUST_USE rc tls_load(
    const struct tls_files *files, struct tls **out, struct err *e);

struct tls *tls_hold(struct tls *t);
void tls_drop(struct tls *t); /* NULL is accepted */

/* Give a new server session (gnutls_session_t) this set. False on failure:
 * the connection must be cut. */
bool tls_begin(struct tls *t, void *session);

/* Whether client certificates are asked for. */
bool tls_asks(const struct tls *t);

enum tls_peer { TLS_PEER_NONE, TLS_PEER_GOOD };

/* The client's certificate by the set's authorities, at this moment: chain,
 * time, and extended key usage clientAuth. NONE: it showed none, or none was
 * asked for. AUTH_CLIENT_CERT for any other. *until is lowered to the time at
 * which the first certificate of the chain ends. */
MUST_USE rc tls_peer(struct tls *t, void *session, enum tls_peer *out,
    int64_t *until, struct err *e);

#endif

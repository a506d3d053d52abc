/* SPDX-License-Identifier: Apache-2.0 */
/* Who is asking: bearer tokens and the peer of a unix socket. Client
 * certificates are judged in tls.c. */
#ifndef AKASHI_INTAKE_AUTH_H
#define AKASHI_INTAKE_AUTH_H

#include "base/hash.h"
#include "intake/route.h"

/* The token of an Authorization header for a route of class `cls`, as
 * SHA-256. AUTH_MISSING without a header; AUTH_INVALID where it is not one
 * well-formed bearer token; AUTH_FORBIDDEN for a token of another class. */
MUST_USE rc auth_bearer(struct span header, enum auth_class cls,
    struct hasher *h, uint8_t out[32], struct err *e);

/* The peer of a connected unix socket is root or runs as this process does.
 * AUTH_PEER. */
MUST_USE rc auth_peer(int fd, struct err *e);

#endif

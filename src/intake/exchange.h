/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share about one request and its connection.
 * Everything here belongs to one loop's thread, except a request between
 * HTTP_LATER and http_resume().
 */
#ifndef AKASHI_INTAKE_EXCHANGE_H
#define AKASHI_INTAKE_EXCHANGE_H

#include "intake/body.h"
#include "intake/gate.h"
#include "intake/http.h"
#include "intake/limiter.h"
#include "intake/tls.h"

/* One loop's copy of the reloadable settings. */
struct settings {
	size_t body_max[BODY_POLICY + 1];
	size_t spool;
	int64_t header_timeout, body_timeout, idle_timeout;
	unsigned client_require;
	struct tls *tls; /* held; NULL without TLS */
};

struct loop;

struct conn {
	struct conn *prev, *next; /* of its loop */
	struct loop *loop;
	int fd;
	int64_t deadline;    /* monotonic; INT64_MAX: none */
	enum http_cut phase; /* what a missed deadline means */
	size_t place;	     /* in the limiter */
	struct tls *tls;     /* held; what the session began with */
	void *session;
	struct tls *judged_by; /* held; whose judgement `judged` is */
	rc judged;
	enum tls_peer peer;
	char source[HTTP_SOURCE];
};

enum exchange_state {
	X_HEADERS, /* not complete */
	X_BODY,	   /* admitted, the body is coming */
	X_DRAIN,   /* refused; the body is read away first */
	X_WORK,	   /* with the handler, or with whoever it gave it to */
	X_ANSWER,  /* to be sent, or on its way */
};

struct exchange {
	struct http_request q; /* first: handlers see only this */
	struct exchange *next;
	struct conn *conn;
	void *mhd;
	enum exchange_state state;
	struct arena arena;
	struct body body;
	struct body_limits limits;
	size_t drained;
	struct gate_facts facts;
	char *target;	     /* copy of the raw target */
	const char *raw_end; /* where it ended in the receive buffer */
	struct err refused;  /* code is ERR_OK unless X_DRAIN */
};

/* What admit() needs to know of its server. */
struct admission {
	const struct http_options *options;
	const struct settings *settings;
	struct limiter *limiter;
	int64_t now;
};

/* Everything that is decided before the body: route, peer, credential, type,
 * length, in this order. Sets q's route, params, path, query, principal and
 * x->limits. Any HTTP_ or AUTH_ code, or the hook's. */
MUST_USE rc admit(struct exchange *x, const struct admission *by,
    enum http_method method, struct err *e);

#endif

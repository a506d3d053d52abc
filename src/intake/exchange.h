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

#include <pthread.h>
#include <stdatomic.h>

enum {
	TICK_MS = 250,	     /* how late a deadline may be noticed */
	SLOWEST = 64 * 1024, /* bytes per second that extend a deadline */
};

/* One loop's copy of the reloadable settings. */
struct settings {
	size_t body_max[BODY_REFSET + 1];
	size_t spool;
	int64_t header_timeout, body_timeout, idle_timeout;
	unsigned client_require;
	struct tls *tls; /* held; NULL without TLS */
};

struct MHD_Connection;
struct MHD_Daemon;

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
	int64_t judged_until; /* wall clock: then it is judged again */
	char source[HTTP_SOURCE];
};

enum exchange_state {
	X_HEADERS, /* not complete */
	X_BODY,	   /* admitted, the body is coming */
	X_DRAIN,   /* refused; the body is read away first */
	X_WORK,	   /* with the handler, or with whoever it gave it to */
	X_AGAIN,   /* for the handler once more */
	X_ANSWER,  /* to be sent, or on its way */
};

struct exchange {
	struct http_request q; /* first: handlers see only this */
	struct exchange *next;
	struct conn *conn;
	struct MHD_Connection *mhd;
	enum exchange_state state;
	enum exchange_state wanted; /* by whoever resumed it */
	struct arena arena;
	struct body body;
	struct body_limits limits;
	size_t drained;
	struct gate_facts facts;
	char *target;	     /* copy of the raw target */
	const char *raw_end; /* where it ended in the receive buffer */
	struct err refused;  /* code is ERR_OK unless X_DRAIN */
};

/* One thread with its connections. */
struct loop {
	struct http_server *server;
	size_t index;
	struct MHD_Daemon *daemon;
	int wake;  /* eventfd */
	int epoll; /* over MHD's epoll and `wake` */
	pthread_t thread;
	bool running;
	struct hasher *hasher;
	_Atomic(struct exchange *) resumed; /* pushed by any thread */
	struct conn *conns;
	struct exchange *spare;
	size_t spares;
	size_t later; /* requests between HTTP_LATER and their resume */
	_Atomic size_t open, pending;
	struct settings settings;
	unsigned generation; /* of settings */
	int64_t now, next_reap, stop_at;
	bool quiesced;
	bool in_place; /* MHD < 1.0: see check_layout() */
	uint8_t trace_seed[8];
	uint64_t traces;
};

struct http_server {
	struct http_options options;
	char *listen, *spool_folder;
	unsigned port;
	struct limiter *limiter;
	pthread_mutex_t lock; /* of `settings` */
	struct settings settings;
	_Atomic unsigned generation;
	_Atomic bool quiesce, stop;
	bool listening;
	size_t nloops;
	struct loop *loops;
};

/* --- exchange.c ------------------------------------------------------------
 */

/* A request begins on a connection; NULL without memory. */
struct exchange *exchange_begin(struct conn *c, struct MHD_Connection *mhd);

/* It is over: keep it for the next one, or free it. */
void exchange_end(struct loop *l, struct exchange *x);
void exchange_free(struct exchange *x);

/* What the connection does now must be over within so many microseconds. */
void expect_by(struct conn *c, enum http_cut phase, int64_t within);

/* Cut the connections that missed their deadline. */
void reap(struct loop *l);
void report_cut(struct loop *l, enum http_cut why, const char *source);

void new_trace(struct loop *l, char out[HTTP_TRACE]);
void name_source(const struct sockaddr *at, char out[HTTP_SOURCE]);

/* --- http.c ----------------------------------------------------------------
 */

bool loop_init(struct loop *l, struct http_server *s, size_t i);

/* Serve the listening socket, which is the loop's from now on. */
bool loop_start(struct loop *l, int fd, const struct conf *c);
void loop_wake(struct loop *l);

/* Wait for its thread and free what it holds. */
void loop_free(struct loop *l);

/* --- admit.c ---------------------------------------------------------------
 */

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

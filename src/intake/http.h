/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server; the only door to libmicrohttpd.
 *
 * 1. A server has N loops; a loop is a thread with its own listening socket
 *    (SO_REUSEPORT; a unix socket is shared) and its own connections.
 * 2. Before a body is received: the gate (ambiguous requests), the route, the
 *    client certificate, the credential, the content type, the length. Only
 *    what passed all of them reaches a handler.
 * 3. A handler runs on its loop's thread, with the whole body there. It fills
 *    q->answer and returns HTTP_ANSWER, or returns HTTP_LATER. Then the
 *    request, its body and its arena stay valid, and untouched by this room,
 *    until http_resume(); every HTTP_LATER needs exactly one http_resume(),
 *    or one http_again(), which makes the loop call the handler once more.
 * 4. http_resume() may be called from any thread, even before the handler has
 *    returned. After it the request is no longer the caller's.
 */
#ifndef AKASHI_INTAKE_HTTP_H
#define AKASHI_INTAKE_HTTP_H

#include "base/hash.h"
#include "base/json.h"
#include "base/uuid.h"
#include "conf/conf.h"
#include "intake/route.h"

/* Who asks. */
struct caller {
	uint8_t token[32]; /* SHA-256 of the token's text; zeros: none */
	enum auth_class cls;
	struct uuid tenant;
	struct uuid id;	  /* of the token */
	struct uuid node; /* AUTH_NODE_TOKEN: whose token it is */
	char name[129];	  /* for logs: node, token or user name */
	char maker[129];  /* who made the token */
};

struct http_answer {
	int status;	   /* 200 unless set */
	const char *type;  /* static; "application/json" unless set */
	struct buf body;   /* the server frees it */
	struct span fixed; /* instead of body: bytes that outlive the server */
	unsigned retry_after; /* seconds, 0: no such header */
	const char *allow;    /* static, for 405 */
	uint64_t etag;	      /* 0: no such header */
	bool close;	      /* end the connection after this answer */
	enum err_code code;   /* set by http_problem(), for logs and metrics */
};

enum { HTTP_TRACE = 33, HTTP_SOURCE = 46 };

struct http_request {
	/* What was asked. Spans end with the request. */
	enum http_method method;
	const struct route *route; /* NULL in done() if none matched */
	size_t params;
	struct span param[ROUTE_PARAMS];
	struct span path;  /* raw, without the query */
	struct span query; /* raw; use query_get() */
	struct span body;

	/* Who asked. */
	struct caller caller;
	char source[HTTP_SOURCE]; /* address without port, or "unix" */
	char trace[HTTP_TRACE];	  /* 32 hex digits (W3C traceparent), or ours */

	/* What a handler works with. */
	struct arena *arena;   /* of this request */
	struct hasher *hasher; /* of this loop: not for other threads */
	size_t loop;	       /* 0 … loops - 1 */
	void *ctx;	       /* http_hooks.ctx */
	void *work;	       /* the handler's own */
	int64_t started; /* clock_monotonic() when the headers were complete */
	unsigned runs;	 /* of the handler, before this one */

	struct http_answer answer;
};

/* A request header's value; {NULL, 0} if it is absent. On the loop's thread,
 * inside the handler only. */
struct span http_header(const struct http_request *q, const char *name);

/* Before a dotted code: the `type` of a problem document, a name; nothing has
 * to be there. */
#define HTTP_PROBLEM_TYPES "https://akashi.invalid/problems/"

/* Make q->answer the problem document of RFC 9457 for e: status, code, path,
 * trace id; 429 and 503 get Retry-After. */
void http_problem(struct http_request *q, const struct err *e);

/* The answer is complete: wake the request's loop. Any thread. */
void http_resume(struct http_request *q);

/* Call the handler again, on the request's loop, with the same body. Any
 * thread; q->answer must be as it was. */
void http_again(struct http_request *q);

/* Why a connection was cut, or not taken. */
enum http_cut {
	HTTP_CUT_HEADERS, /* headers or handshake not complete in time */
	HTTP_CUT_BODY,	  /* body not complete in time */
	HTTP_CUT_IDLE,	  /* no request for too long */
	HTTP_CUT_ANSWER,  /* answer not taken in time */
	HTTP_CUT_SOURCE,  /* too many connections from this source */
};

/* What a server needs from the rest of the program. All run on loop threads
 * and must not wait long. */
struct http_hooks {
	void *ctx;
	/* The token whose text has this SHA-256 and that is of this class:
	 * AUTH_INVALID if there is none (expired, revoked, used up), DATABASE
	 * and others if we cannot say. NULL: every such route is refused. It
	 * may leave the judgement to the handler; a 401 from there is counted
	 * against the source like one from here. */
	rc (*authenticate)(const struct http_request *q, enum auth_class cls,
	    const uint8_t sha256[32], struct caller *out, struct err *e);
	/* After an answer went out, or its connection ended (sent = false);
	 * requests that the gate refused included. May be NULL. */
	void (*done)(const struct http_request *q, bool sent);
	/* A connection was cut or not taken. May be NULL. */
	void (*cut)(
	    void *ctx, size_t loop, enum http_cut why, const char *source);
};

struct http_options {
	/* "127.0.0.1:8443" (port 0: any free one), "[::1]:8443" or
	 * "unix:/path" (replaced if nobody listens there; mode 0660). */
	const char *listen;
	bool
	    admin; /* peer must be root or the service user; no TLS, no quota */
	size_t loops;
	const struct route *routes;
	size_t nroutes;
	struct http_hooks hooks;
};

struct http_server;

/* Check the table, load the TLS files, listen and serve. `c` is read during
 * the call only. The options' routes must outlive the server.
 * INTERNAL, CONFIG, FILE, MEMORY. */
MUST_USE rc http_start(const struct http_options *o, const struct conf *c,
    struct http_server **out, struct err *e);

/* Take over the limits and TLS files of a new configuration; on failure
 * everything stays as it was. New connections use the new certificate. */
MUST_USE rc http_reload(
    struct http_server *s, const struct conf *c, struct err *e);

/* The TCP port; 0 for a unix socket. */
unsigned http_port(const struct http_server *s);

/* Connections now open, requests now in work. */
size_t http_connections(const struct http_server *s);
size_t http_pending(const struct http_server *s);

/* Stop accepting; answers from now on close their connections. */
void http_quiesce(struct http_server *s);

/* Quiesce, wait for every HTTP_LATER, stop the loops and free. Whoever holds
 * requests must go on resuming them during the call. NULL is accepted. */
void http_stop(struct http_server *s);

#endif

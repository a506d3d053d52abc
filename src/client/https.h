/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTPS client of agent and online commands; the only door to libcurl.
 *
 * 1. HTTPS only, certificates always verified, no redirects, no cookies.
 * 2. Plain http needs `insecure_http` and a loopback address, or a unix socket.
 * 3. An answer is at most HTTPS_REPLY_MAX bytes; every call ends in time.
 * 4. One handle keeps its connection between calls and belongs to one thread.
 */
#ifndef AKASHI_CLIENT_HTTPS_H
#define AKASHI_CLIENT_HTTPS_H

#include "base/json.h"

enum { HTTPS_REPLY_MAX = 16 * 1024 * 1024 };

struct https_options {
	const char *base_url;  /* "https://host[:port]" */
	const char *ca_file;   /* PEM, used alone; NULL: the system's store */
	const char *cert_file; /* client certificate, PEM; NULL: none */
	const char *key_file;  /* its key; NULL: in cert_file */
	const char
	    *unix_socket; /* connect there; base_url "http://localhost" */
	bool insecure_http;
	long connect_ms;       /* 0: 10 s */
	long total_ms;	       /* 0: 60 s; 10 ms more per KiB that is sent */
	bool (*stopped)(void); /* polled while waiting; may be NULL */
};

struct https_request {
	const char *method;	  /* "GET", "POST" */
	const char *path;	  /* "/v1/…", escaped already */
	const char *token;	  /* bearer token; NULL: none */
	const char *content_type; /* of the body; NULL: no body */
	struct span body;
	const char *if_match;  /* header of that name; NULL: none */
	const char *signature; /* header Akashi-Signature; NULL: none */
};

struct https_reply {
	int status;
	unsigned retry_after; /* seconds, 0: not said */
	char content_type[80];
	struct buf body;
};

struct https;

/* Strings in `o` are copied. CLIENT_URL; FILE for a CA, certificate or key
 * that cannot be read; MEMORY. https_free accepts NULL. */
MUST_USE rc https_new(
    const struct https_options *o, struct https **out, struct err *e);
void https_free(struct https *h);

/* Send and wait. Any status is a success here; see https_problem(). The caller
 * frees *out with https_reply_free().
 * CLIENT_NETWORK, CLIENT_TLS, CLIENT_TIMEOUT, CLIENT_RESPONSE, CLIENT_STOPPED,
 * USAGE for a token that cannot stand in a header; MEMORY. */
MUST_USE rc https_send(struct https *h, const struct https_request *q,
    struct https_reply *out, struct err *e);
void https_reply_free(struct https_reply *r);

/* The failure that an answer of 300 or more stands for: the code of its
 * problem document if this program knows it, else the nearest one for its
 * status. Text and path come along, printable. Never ERR_OK. */
rc https_problem(const struct https_reply *r, struct err *e);

/* RC_OK for 200 to 299, else https_problem(). */
MUST_USE rc https_check(const struct https_reply *r, struct err *e);

/* Append s with everything but RFC 3986's unreserved bytes percent-encoded. */
void https_escape(struct buf *out, struct span s);

#endif

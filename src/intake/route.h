/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route table: which method and path reach which handler, for whom.
 *
 * 1. No row, no route. A row without an authentication class is refused when
 *    the server starts, so that forgetting one never opens anything.
 * 2. A path is matched as it was sent and decoded per segment. Empty, "." and
 *    ".." segments, an encoded slash, NUL and invalid UTF-8 match nothing.
 */
#ifndef AKASHI_INTAKE_ROUTE_H
#define AKASHI_INTAKE_ROUTE_H

#include "base/arena.h"
#include "base/rc.h"

struct http_request;

/* HEAD is answered like GET, without the body. */
enum http_method { HTTP_GET = 1, HTTP_POST };

enum auth_class {
	AUTH_UNSET = 0,	   /* refused at start */
	AUTH_NONE,	   /* anybody; counted against the source's quota */
	AUTH_ENROL_TOKEN,  /* Authorization: Bearer aket_… */
	AUTH_NODE_TOKEN,   /* aknt_… */
	AUTH_OPERATOR,	   /* akad_… */
	AUTH_ADMIN_SOCKET, /* unix socket, peer is root or the service user */
};

/* Which limit of the configuration bounds the body. */
enum http_body {
	BODY_NONE,
	BODY_JSON,
	BODY_EVIDENCE,
	BODY_POLICY,
	BODY_REFSET
};

/* What a handler did: filled the answer, or will have it filled later by
 * whoever calls http_resume(). */
enum http_then { HTTP_ANSWER, HTTP_LATER };

struct route {
	enum http_method method;
	const char *pattern; /* "/v1/nodes/{name}/approve" */
	enum auth_class auth;
	enum http_body body;
	const char *type; /* media type the body must have; NULL: any */
	enum http_then (*handler)(struct http_request *q);
	const char *name; /* label in metrics: "node_approve" */
	unsigned right;	  /* the program's own: what its caller may do */
};

enum { ROUTE_PARAMS = 4, ROUTE_SEGMENTS = 8 };

struct route_match {
	const struct route *route;
	/* Decoded segments at the pattern's {…}, in order; in the arena, each
	 * followed by a NUL that is not counted. */
	size_t params;
	struct span param[ROUTE_PARAMS];
};

/* Every row is complete: class, handler, name, well-formed pattern, no second
 * row with this method and pattern, type only with a body. INTERNAL. */
MUST_USE rc route_check(const struct route *rows, size_t n, struct err *e);

/* The row of a path (without query). HTTP_PATH, HTTP_METHOD, HTTP_MALFORMED
 * (bad escape, NUL), MEMORY. After HTTP_METHOD `allow` (a static string such
 * as "GET, HEAD") says which methods there are. method 0: one we do not know.
 */
MUST_USE rc route_match(const struct route *rows, size_t n,
    enum http_method method, struct span path, struct arena *a,
    struct route_match *out, const char **allow, struct err *e);

/* Decode %XX of one path segment or query part into the arena; `plus` turns
 * '+' into a space. Refuses NUL, broken escapes (HTTP_MALFORMED), '/' and
 * invalid UTF-8 (HTTP_PATH). MEMORY. */
MUST_USE rc percent_decode(struct span text, bool plus, struct arena *a,
    struct span *out, struct err *e);

/* The value of `key` in a raw query string, decoded. A key that is not there
 * gives {NULL, 0}; one that is there twice is HTTP_MALFORMED. */
MUST_USE rc query_get(struct span query, const char *key, struct arena *a,
    struct span *out, struct err *e);

/* Refuse keys that are not in the NULL-ended list. HTTP_MALFORMED. */
MUST_USE rc query_only(struct span query, const char *const *known,
    struct arena *a, struct err *e);

#endif

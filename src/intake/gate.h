/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate: a request that two programs could read differently is refused.
 *
 * libmicrohttpd 0.9 takes two Content-Lengths, Content-Length beside
 * Transfer-Encoding, and more; what it lets us see is checked here, on plain
 * spans, before anything else is done with a request.
 */
#ifndef AKASHI_INTAKE_GATE_H
#define AKASHI_INTAKE_GATE_H

#include "base/rc.h"
#include "base/span.h"

enum { GATE_HEADERS = 64, GATE_TARGET = 8192 };

struct gate_header {
	struct span name;
	struct span value;
};

/* What the headers say. Absent ones have p == NULL. */
struct gate_facts {
	bool has_length;
	uint64_t length;
	bool chunked;
	bool expect; /* 100-continue */
	struct span authorization;
	struct span type;
	struct span encoding;
	struct span traceparent;
};

/* Each header by itself, then together (RFC 9110, RFC 9112 section 6.3).
 * HTTP_MALFORMED with the header's name as path; the caller must close the
 * connection, because where the next request starts is not known. */
MUST_USE rc gate_headers(const struct gate_header *h, size_t n, bool http11,
    struct gate_facts *out, struct err *e);

/* The target as it was sent: origin form, visible ASCII, at most GATE_TARGET
 * bytes. HTTP_MALFORMED. */
MUST_USE rc gate_target(struct span target, struct err *e);

/* Whether a Content-Type is this media type; parameters are ignored. */
bool gate_type_is(struct span value, const char *type);

/* The trace id of a W3C traceparent, 32 hex digits; false if it is not one. */
bool gate_trace(struct span traceparent, char out[33]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A server on loopback that says what a test wrote down beforehand, one answer
 * per request, and keeps what it was asked. */
#ifndef AKASHI_TESTS_CANNED_H
#define AKASHI_TESTS_CANNED_H

#include "base/json.h"

enum { CANNED_MAX = 16 };

/* Instead of an answer: close the connection; say nothing until the client
 * goes away. */
#define CANNED_CLOSE ""
#define CANNED_SILENT "silent"

struct canned;

/* Serve `replies` (raw HTTP, n of them) at url; the last one is repeated.
 * With a path it listens on that unix socket. Ends the program on failure. */
struct canned *canned_start(
    const char *const *replies, size_t n, const char *unix_path);

const char *canned_url(const struct canned *c);

/* Stop; then requests can be looked at until canned_free(). */
void canned_stop(struct canned *c);
size_t canned_requests(const struct canned *c);
size_t canned_connections(const struct canned *c);
/* Head and body of request i. */
struct span canned_head(const struct canned *c, size_t i);
struct span canned_body(const struct canned *c, size_t i);
void canned_free(struct canned *c);

/* A whole answer with Content-Length, in a buffer of the caller's. */
const char *canned_reply(
    struct buf *out, int status, const char *headers, const char *body);

#endif

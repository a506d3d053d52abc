/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP as an attacker writes it: one request per connection, from any address
 * of 127.0.0.0/8, sent in as many pieces as wanted. Ends the test (Check) if
 * no answer comes within half a minute.
 */
#ifndef AKASHI_TESTS_RAW_HTTP_H
#define AKASHI_TESTS_RAW_HTTP_H

#include "base/arena.h"
#include "base/json.h"

struct raw_request {
	const char *method, *path;
	const char *token; /* bearer; NULL: none */
	const char *type;  /* of the body; NULL: no such header */
	struct span body;
	size_t length;	    /* claimed; 0: that of the body */
	const char *header; /* one more, with its CR LF; NULL: none */
};

struct raw_reply {
	int status; /* 0: the connection ended without an answer */
	const char *head;
	struct span body;
};

/* The bytes of a request. */
struct span raw_bytes(struct arena *a, const struct raw_request *q);

/* Connect to 127.0.0.1:port from `source` ("127.0.0.7"), or to a unix socket.
 */
int raw_dial(unsigned port, const char *source);
int raw_dial_unix(const char *path);

/* Send what the other end takes; a closed connection is no failure. */
void raw_send(int fd, struct span bytes);

/* Read an answer and close. */
struct raw_reply raw_receive(int fd, struct arena *a);

/* A header's value in the arena, or NULL. */
const char *raw_header(
    const struct raw_reply *r, const char *name, struct arena *a);

#endif

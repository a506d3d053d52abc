/* SPDX-License-Identifier: Apache-2.0 */
/* A real server with a few routes in this process, and raw clients for it. */
#ifndef AKASHI_TESTS_INTAKE_HARNESS_H
#define AKASHI_TESTS_INTAKE_HARNESS_H

#include "base/clock.h"
#include "intake/http.h"

#include <stdatomic.h>

#define NODE_TOKEN                                                             \
	"aknt_"                                                                \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"     \
	"AAAAAAAAAAAAAAAAAAAAAA"
#define LATE_TOKEN                                                             \
	"aknt_"                                                                \
	"LLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLL"     \
	"LLLLLLLLLLLLLLLLLLLLLA"
#define OPERATOR_TOKEN "akad_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define WRONG_TOKEN "akad_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define DOWN_TOKEN "akad_CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC"

/* What the hooks saw. */
struct seen {
	_Atomic size_t handled, done, unsent, cut[HTTP_CUT_SOURCE + 1];
	_Atomic int last_status;
};
extern struct seen seen;

/* Start with settings "KEY=value" ended by NULL, over the harness's own; ends
 * the program where that fails. The resuming thread runs along. */
struct http_server *server_up(
    const char *listen, bool admin, size_t loops, const char *const *settings);
void server_down(struct http_server *s);

/* Loads the same configuration with other settings. */
struct conf *server_conf(const char *listen, const char *const *settings);

/* The resuming thread holds back what it has while this is set. */
extern _Atomic bool hold;

/* --- clients -------------------------------------------------------------- */

int dial(unsigned port);
int dial_unix(const char *path);

struct reply {
	int status;  /* 0: the connection ended without an answer */
	bool closed; /* nothing can follow: it ended, or it says so */
	size_t n;    /* bytes of `text` */
	const char *body;
	char text[8192];
};

/* Wait for one whole answer, at most five seconds. */
void hear(int fd, struct reply *r);

/* Send everything and hear the answer. */
void say(int fd, const char *request, struct reply *r);
bool send_all(int fd, const void *p, size_t n);

/* One request on a connection of its own. */
int ask(unsigned port, const char *request, struct reply *r);

/* The connection ends within ms. */
bool ends_within(int fd, int ms);

/* n connections send `request` again and again, total times in all, and hear
 * 200 each time. Seconds it took, or a negative number if one stalled. */
double load(unsigned port, size_t n, size_t total, struct span request);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* A request body as it arrives: in memory, or above a size in an unlinked
 * file that is mapped when it is complete. */
#ifndef AKASHI_INTAKE_BODY_H
#define AKASHI_INTAKE_BODY_H

#include "base/rc.h"
#include "base/span.h"

struct body {
	uint8_t *p; /* memory, or the map of the finished file */
	size_t n;   /* bytes so far */
	size_t cap; /* of p as memory */
	int fd;	    /* the file, -1 without one */
	bool mapped;
};

struct body_limits {
	size_t max;	    /* of the body */
	size_t memory;	    /* above this it goes to a file */
	const char *folder; /* where that file is made */
};

void body_init(struct body *b);

/* Forget the content; a small buffer is kept for the next request. */
void body_reset(struct body *b);
void body_free(struct body *b);

/* n bytes will come: make room at once. Advice only; never fails. */
void body_expect(struct body *b, const struct body_limits *l, size_t n);

/* HTTP_LENGTH above the limit; MEMORY; INTERNAL if the file cannot grow. */
MUST_USE rc body_add(struct body *b, const struct body_limits *l,
    struct span bytes, struct err *e);

/* The whole body; valid until body_reset(). INTERNAL. */
MUST_USE rc body_finish(struct body *b, struct span *out, struct err *e);

#endif

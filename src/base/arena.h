/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_BASE_ARENA_H
#define AKASHI_BASE_ARENA_H

#include "base/span.h"

/* Memory of one request: allocated by bumping, freed all at once. */
struct arena {
	struct arena_chunk *head;
	size_t used;
	size_t cap;
};

/* An empty arena that will hand out at most cap bytes in all. */
void arena_init(struct arena *a, size_t cap);

/* Free everything; the arena is empty and usable again. NULL is accepted. */
void arena_free(struct arena *a);

/* Forget everything but keep one chunk for the next request. */
void arena_reset(struct arena *a);

/* n zeroed bytes aligned for any type, or NULL when the cap is reached or
 * memory is gone. n == 0 yields a valid pointer. */
void *arena_alloc(struct arena *a, size_t n);

/* count * size zeroed bytes; NULL on overflow as well. */
void *arena_array(struct arena *a, size_t count, size_t size);

/* A copy of s; {NULL, 0} when the arena is full (or s is empty). */
struct span arena_copy(struct arena *a, struct span s);

/* A NUL-terminated formatted string, or NULL when the arena is full. */
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif

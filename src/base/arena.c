/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Chunks grow, so that an arena that is used again and again ends with one
 * that holds a whole request. */
enum { CHUNK_MIN = 32 * 1024, CHUNK_KEEP = 1024 * 1024 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	size_t used;
	alignas(max_align_t) uint8_t bytes[];
};

void
arena_init(struct arena *a, size_t cap)
{
	*a = (struct arena){NULL, 0, cap};
}

void
arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct arena_chunk *c = a->head; c;) {
		struct arena_chunk *next = c->next;
		free(c);
		c = next;
	}
	a->head = NULL;
	a->used = 0;
}

void
arena_reset(struct arena *a)
{
	struct arena_chunk **largest = &a->head;

	for (struct arena_chunk **c = &a->head; *c; c = &(*c)->next)
		if ((*c)->size <= CHUNK_KEEP &&
		    ((*largest)->size > CHUNK_KEEP ||
			(*c)->size > (*largest)->size))
			largest = c;
	struct arena_chunk *keep = *largest;
	if (keep && keep->size <= CHUNK_KEEP)
		*largest = keep->next;
	else
		keep = NULL;
	arena_free(a);
	if (!keep)
		return;
	*keep = (struct arena_chunk){NULL, keep->size, 0};
	a->head = keep;
}

static struct arena_chunk *
chunk_with_room(struct arena *a, size_t n)
{
	struct arena_chunk *c = a->head;

	if (c && n <= c->size - c->used)
		return c;
	size_t size = 2 * a->used < CHUNK_KEEP ? 2 * a->used : CHUNK_KEEP;

	size = size > CHUNK_MIN ? size : CHUNK_MIN;
	size = size > n ? size : n;
	c = malloc(sizeof(*c) + size);
	if (!c)
		return NULL;
	*c = (struct arena_chunk){a->head, size, 0};
	a->head = c;
	return c;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	size_t align = alignof(max_align_t);

	if (n > SIZE_MAX - align)
		return NULL;
	n = (n + align - 1) / align * align;
	if (n > a->cap - a->used)
		return NULL;
	struct arena_chunk *c = chunk_with_room(a, n);
	if (!c)
		return NULL;
	void *p = c->bytes + c->used;
	c->used += n;
	a->used += n;
	return memset(p, 0, n);
}

void *
arena_array(struct arena *a, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		return NULL;
	return arena_alloc(a, count * size);
}

struct span
arena_copy(struct arena *a, struct span s)
{
	uint8_t *p = s.n ? arena_alloc(a, s.n) : NULL;

	if (!p)
		return (struct span){NULL, 0};
	memcpy(p, s.p, s.n);
	return (struct span){p, s.n};
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *s = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
	if (!s)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

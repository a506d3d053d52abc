/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_BASE_SPAN_H
#define AKASHI_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes: the owner of the memory is always somebody else. */
struct span {
	const uint8_t *p;
	size_t n;
};

static inline struct span
span_of(const void *p, size_t n)
{
	return (struct span){p, n};
}

static inline struct span
span_str(const char *s)
{
	return (struct span){(const uint8_t *)s, s ? strlen(s) : 0};
}

/* Equal length and bytes. Not constant time: secrets use secret_equal(). */
static inline bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* Every byte equals b; true for an empty span. */
static inline bool
span_all(struct span s, uint8_t b)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != b)
			return false;
	return true;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_BASE_UUID_H
#define AKASHI_BASE_UUID_H

#include "base/clock.h"

struct uuid {
	uint8_t b[16];
};

enum { UUID_TEXT = 37 };

/* A version 7 UUID (RFC 9562 section 5.7) for time t. RANDOM. */
MUST_USE rc uuid_v7(int64_t t, struct uuid *out);

/* Lower-case text into out[UUID_TEXT]. */
void uuid_emit(const struct uuid *u, char out[UUID_TEXT]);

/* Accepts exactly the form that uuid_emit writes. ENCODING. */
MUST_USE rc uuid_parse(struct span text, struct uuid *out);

static inline bool
uuid_eq(const struct uuid *a, const struct uuid *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one reader of untrusted bytes.
 *
 * 1. A read beyond the window yields zeros and sets `failed`, for good.
 * 2. Ask rd_ok() before using any length, count, index or tag.
 * 3. Every decoder ends its window with rd_done().
 */
#ifndef AKASHI_BASE_RD_H
#define AKASHI_BASE_RD_H

#include "base/span.h"

struct rd {
	const uint8_t *p;
	const uint8_t *end;
	bool failed;
};

/* A reader over s; s must outlive everything read from it. */
struct rd rd_over(struct span s);

/* No read so far went beyond the window. */
bool rd_ok(const struct rd *in);

/* rd_ok() and nothing is left. */
bool rd_done(const struct rd *in);

/* Bytes left in the window; 0 after a failure. */
size_t rd_left(const struct rd *in);

/* Bytes from the start of `whole` to the reader's position. */
size_t rd_at(const struct rd *in, struct span whole);

uint8_t rd_u8(struct rd *in);
uint16_t rd_u16le(struct rd *in);
uint32_t rd_u32le(struct rd *in);
uint64_t rd_u64le(struct rd *in);
uint16_t rd_u16be(struct rd *in);
uint32_t rd_u32be(struct rd *in);
uint64_t rd_u64be(struct rd *in);

/* n borrowed bytes; an empty span with p == NULL after a failure. */
struct span rd_bytes(struct rd *in, size_t n);

/* n bytes into out; zeros after a failure. */
void rd_copy(struct rd *in, void *out, size_t n);

/* All that is left, which is then consumed. */
struct span rd_rest(struct rd *in);

/* A child window of n bytes, which are consumed from the parent. A window
 * that does not fit fails parent and child. */
struct rd rd_sub(struct rd *in, size_t n);

/* Mark the reader failed: for a length that can be read but not believed. */
void rd_fail(struct rd *in);

#endif

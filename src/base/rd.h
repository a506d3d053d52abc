/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one reader of untrusted bytes. Inline, because a list of a million
 * entries is ten million reads.
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
static inline struct rd
rd_over(struct span s)
{
	return (struct rd){s.p, s.n ? s.p + s.n : s.p, false};
}

/* No read so far went beyond the window. */
static inline bool
rd_ok(const struct rd *in)
{
	return !in->failed;
}

/* rd_ok() and nothing is left. */
static inline bool
rd_done(const struct rd *in)
{
	return !in->failed && in->p == in->end;
}

/* Bytes left in the window; 0 after a failure. */
static inline size_t
rd_left(const struct rd *in)
{
	return in->failed ? 0 : (size_t)(in->end - in->p);
}

/* Bytes from the start of `whole` to the reader's position. */
static inline size_t
rd_at(const struct rd *in, struct span whole)
{
	return (size_t)(in->p - whole.p);
}

/* Mark the reader failed: for a length that can be read but not believed. */
static inline void
rd_fail(struct rd *in)
{
	in->failed = true;
}

/* n borrowed bytes; an empty span with p == NULL after a failure. */
static inline struct span
rd_bytes(struct rd *in, size_t n)
{
	struct span s = {NULL, 0};

	if (in->failed || n > (size_t)(in->end - in->p)) {
		in->failed = true;
		return s;
	}
	s = (struct span){in->p, n};
	if (n)
		in->p += n;
	return s;
}

/* n bytes into out; zeros after a failure. */
static inline void
rd_copy(struct rd *in, void *out, size_t n)
{
	struct span s = rd_bytes(in, n);

	if (s.n)
		memcpy(out, s.p, s.n);
	else
		memset(out, 0, n);
}

/* All that is left, which is then consumed. */
static inline struct span
rd_rest(struct rd *in)
{
	return rd_bytes(in, rd_left(in));
}

/* A child window of n bytes, which are consumed from the parent. A window
 * that does not fit fails parent and child. */
static inline struct rd
rd_sub(struct rd *in, size_t n)
{
	struct rd child = rd_over(rd_bytes(in, n));

	child.failed = in->failed;
	return child;
}

/* Numbers are written out byte by byte: compilers make one load of each. */
static inline uint8_t
rd_u8(struct rd *in)
{
	struct span s = rd_bytes(in, 1);

	return s.n ? s.p[0] : 0;
}

static inline uint16_t
rd_u16le(struct rd *in)
{
	struct span s = rd_bytes(in, 2);

	return s.n ? (uint16_t)(s.p[0] | s.p[1] << 8) : 0;
}

static inline uint16_t
rd_u16be(struct rd *in)
{
	struct span s = rd_bytes(in, 2);

	return s.n ? (uint16_t)(s.p[0] << 8 | s.p[1]) : 0;
}

static inline uint32_t
rd_load_u32le(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static inline uint32_t
rd_load_u32be(const uint8_t *p)
{
	return (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[0] << 24;
}

static inline uint32_t
rd_u32le(struct rd *in)
{
	struct span s = rd_bytes(in, 4);

	return s.n ? rd_load_u32le(s.p) : 0;
}

static inline uint32_t
rd_u32be(struct rd *in)
{
	struct span s = rd_bytes(in, 4);

	return s.n ? rd_load_u32be(s.p) : 0;
}

static inline uint64_t
rd_u64le(struct rd *in)
{
	struct span s = rd_bytes(in, 8);

	return s.n ? (uint64_t)rd_load_u32le(s.p + 4) << 32 | rd_load_u32le(s.p)
		   : 0;
}

static inline uint64_t
rd_u64be(struct rd *in)
{
	struct span s = rd_bytes(in, 8);

	return s.n ? (uint64_t)rd_load_u32be(s.p) << 32 | rd_load_u32be(s.p + 4)
		   : 0;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rd.h"

struct rd
rd_over(struct span s)
{
	return (struct rd){s.p, s.n ? s.p + s.n : s.p, false};
}

bool
rd_ok(const struct rd *in)
{
	return !in->failed;
}

bool
rd_done(const struct rd *in)
{
	return !in->failed && in->p == in->end;
}

size_t
rd_left(const struct rd *in)
{
	return in->failed ? 0 : (size_t)(in->end - in->p);
}

size_t
rd_at(const struct rd *in, struct span whole)
{
	return (size_t)(in->p - whole.p);
}

void
rd_fail(struct rd *in)
{
	in->failed = true;
}

struct span
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

void
rd_copy(struct rd *in, void *out, size_t n)
{
	struct span s = rd_bytes(in, n);

	if (s.n)
		memcpy(out, s.p, s.n);
	else
		memset(out, 0, n);
}

struct span
rd_rest(struct rd *in)
{
	return rd_bytes(in, rd_left(in));
}

struct rd
rd_sub(struct rd *in, size_t n)
{
	struct rd child = rd_over(rd_bytes(in, n));

	child.failed = in->failed;
	return child;
}

/* Written out byte by byte: compilers make one load of each. */
uint8_t
rd_u8(struct rd *in)
{
	struct span s = rd_bytes(in, 1);

	return s.n ? s.p[0] : 0;
}

uint16_t
rd_u16le(struct rd *in)
{
	struct span s = rd_bytes(in, 2);

	return s.n ? (uint16_t)(s.p[0] | s.p[1] << 8) : 0;
}

static uint32_t
load_u32le(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static uint32_t
load_u32be(const uint8_t *p)
{
	return (uint32_t)p[3] | (uint32_t)p[2] << 8 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[0] << 24;
}

uint32_t
rd_u32le(struct rd *in)
{
	struct span s = rd_bytes(in, 4);

	return s.n ? load_u32le(s.p) : 0;
}

uint64_t
rd_u64le(struct rd *in)
{
	struct span s = rd_bytes(in, 8);

	return s.n ? (uint64_t)load_u32le(s.p + 4) << 32 | load_u32le(s.p) : 0;
}

uint16_t
rd_u16be(struct rd *in)
{
	struct span s = rd_bytes(in, 2);

	return s.n ? (uint16_t)(s.p[0] << 8 | s.p[1]) : 0;
}

uint32_t
rd_u32be(struct rd *in)
{
	struct span s = rd_bytes(in, 4);

	return s.n ? load_u32be(s.p) : 0;
}

uint64_t
rd_u64be(struct rd *in)
{
	struct span s = rd_bytes(in, 8);

	return s.n ? (uint64_t)load_u32be(s.p) << 32 | load_u32be(s.p + 4) : 0;
}

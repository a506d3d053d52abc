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

static uint64_t
read_le(struct rd *in, size_t n)
{
	struct span s = rd_bytes(in, n);
	uint64_t v = 0;

	for (size_t i = s.n; i > 0; i--)
		v = v << 8 | s.p[i - 1];
	return v;
}

static uint64_t
read_be(struct rd *in, size_t n)
{
	struct span s = rd_bytes(in, n);
	uint64_t v = 0;

	for (size_t i = 0; i < s.n; i++)
		v = v << 8 | s.p[i];
	return v;
}

uint8_t
rd_u8(struct rd *in)
{
	return (uint8_t)read_le(in, 1);
}

uint16_t
rd_u16le(struct rd *in)
{
	return (uint16_t)read_le(in, 2);
}

uint32_t
rd_u32le(struct rd *in)
{
	return (uint32_t)read_le(in, 4);
}

uint64_t
rd_u64le(struct rd *in)
{
	return read_le(in, 8);
}

uint16_t
rd_u16be(struct rd *in)
{
	return (uint16_t)read_be(in, 2);
}

uint32_t
rd_u32be(struct rd *in)
{
	return (uint32_t)read_be(in, 4);
}

uint64_t
rd_u64be(struct rd *in)
{
	return read_be(in, 8);
}

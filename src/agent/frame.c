/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/frame.h"

static void
put_le(struct buf *out, uint64_t v, size_t bytes)
{
	uint8_t b[8];

	for (size_t i = 0; i < bytes; i++)
		b[i] = (uint8_t)(v >> (8 * i));
	buf_put(out, b, bytes);
}

static void
put_head(struct buf *out, enum frame_kind kind, unsigned flags, uint64_t length)
{
	if (length > UINT32_MAX)
		out->failed = true;
	put_le(out, (uint64_t)kind, 2);
	put_le(out, flags, 2);
	put_le(out, length, 4);
}

void
frame_begin(struct buf *out)
{
	buf_puts(out, FRAME_MAGIC);
}

void
frame_put(struct buf *out, enum frame_kind kind, struct span bytes)
{
	frame_put_flags(out, kind, 0, bytes);
}

void
frame_put_flags(
    struct buf *out, enum frame_kind kind, unsigned flags, struct span bytes)
{
	put_head(out, kind, flags, bytes.n);
	buf_put(out, bytes.p, bytes.n);
}

void
frame_put_ima(
    struct buf *out, uint64_t offset, unsigned flags, struct span entries)
{
	put_head(out, FRAME_IMA, flags, 8 + (uint64_t)entries.n);
	put_le(out, offset, 8);
	buf_put(out, entries.p, entries.n);
}

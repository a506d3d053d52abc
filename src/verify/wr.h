/* SPDX-License-Identifier: Apache-2.0 */
/* The counterpart of base/rd.h: big-endian structures into a fixed buffer,
 * with a sticky failure when it is full. */
#ifndef AKASHI_VERIFY_WR_H
#define AKASHI_VERIFY_WR_H

#include "base/span.h"

struct wr {
	uint8_t *p;
	size_t n; /* written */
	size_t cap;
	bool failed;
};

static inline struct wr
wr_over(uint8_t *p, size_t cap)
{
	return (struct wr){p, 0, cap, false};
}

static inline void
wr_bytes(struct wr *out, struct span s)
{
	if (out->failed || s.n > out->cap - out->n) {
		out->failed = true;
		return;
	}
	if (s.n)
		memcpy(out->p + out->n, s.p, s.n);
	out->n += s.n;
}

/* The lowest n bytes of v. */
static inline void
wr_be(struct wr *out, uint64_t v, size_t n)
{
	uint8_t b[8];

	for (size_t i = 0; i < n; i++)
		b[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
	wr_bytes(out, span_of(b, n));
}

static inline void
wr_zeros(struct wr *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		wr_be(out, 0, 1);
}

/* s with zeros before it, so that it has n bytes. */
static inline void
wr_padded(struct wr *out, struct span s, size_t n)
{
	if (s.n > n)
		out->failed = true;
	else
		wr_zeros(out, n - s.n);
	wr_bytes(out, s);
}

/* A TPM2B: u16 size and the bytes. */
static inline void
wr_sized(struct wr *out, struct span s)
{
	if (s.n > UINT16_MAX)
		out->failed = true;
	wr_be(out, s.n, 2);
	wr_bytes(out, s);
}

static inline struct span
wr_span(const struct wr *out)
{
	return span_of(out->p, out->n);
}

#endif

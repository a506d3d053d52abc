/* SPDX-License-Identifier: Apache-2.0 */
/* Boot logs by hand, for cases that no machine writes. */
#ifndef AKASHI_TESTS_LOG_BUILDER_H
#define AKASHI_TESTS_LOG_BUILDER_H

#include "base/json.h"
#include "base/span.h"

static inline void
put_le(struct buf *b, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++, v >>= 8) {
		char c = (char)(v & 0xff);
		buf_put(b, &c, 1);
	}
}

static inline void
put_fill(struct buf *b, uint8_t byte, size_t n)
{
	char c = (char)byte;

	while (n--)
		buf_put(b, &c, 1);
}

/* A legacy record with a digest of equal bytes. */
static inline void
put_legacy(struct buf *b, uint32_t pcr, uint32_t type, uint8_t digest,
    struct span data)
{
	put_le(b, pcr, 4);
	put_le(b, type, 4);
	put_fill(b, digest, 20);
	put_le(b, data.n, 4);
	buf_put(b, data.p, data.n);
}

/* pairs: algorithm, digest size, … */
static inline void
put_specid(struct buf *b, const uint16_t *pairs, size_t algs)
{
	struct buf d = {0};

	buf_put(&d, "Spec ID Event03", 16);
	put_le(&d, 0, 4);
	buf_put(&d, "\0\2\0\2", 4);
	put_le(&d, algs, 4);
	for (size_t i = 0; i < 2 * algs; i++)
		put_le(&d, pairs[i], 2);
	put_le(&d, 0, 1);
	put_legacy(b, 0, 3, 0, buf_span(&d));
	buf_free(&d);
}

/* A record with SHA-1 and SHA-256 digests of equal bytes. */
static inline void
put_agile(struct buf *b, uint32_t pcr, uint32_t type, uint8_t digest,
    struct span data)
{
	put_le(b, pcr, 4);
	put_le(b, type, 4);
	put_le(b, 2, 4);
	put_le(b, 0x0004, 2);
	put_fill(b, digest, 20);
	put_le(b, 0x000b, 2);
	put_fill(b, digest, 32);
	put_le(b, data.n, 4);
	buf_put(b, data.p, data.n);
}

static inline void
put_two_banks(struct buf *b)
{
	static const uint16_t pairs[] = {0x0004, 20, 0x000b, 32};

	put_specid(b, pairs, 2);
}

#endif

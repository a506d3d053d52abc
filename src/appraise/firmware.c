/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/firmware.h"

#include "base/text.h"

#include <stdio.h>

#define V(a, b, c, d)                                                          \
	((uint64_t)(a) << 48 | (uint64_t)(b) << 32 | (uint64_t)(c) << 16 |     \
	    (uint64_t)(d))
#define IFX 0x49465800
#define INTC 0x494e5443
#define NTC 0x4e544300
#define STM 0x53544d20

static const struct advisory builtin[] = {
#define A(id, maker, from, fixed, physical, what, source)                      \
	{id, maker, from, fixed, physical, what, source},
#include "appraise/advisories.def"
#undef A
};

void
firmware_emit(uint64_t version, char out[FIRMWARE_TEXT])
{
	snprintf(out, FIRMWARE_TEXT, "%u.%u.%u.%u",
	    (unsigned)(version >> 48 & 0xffff),
	    (unsigned)(version >> 32 & 0xffff),
	    (unsigned)(version >> 16 & 0xffff), (unsigned)(version & 0xffff));
}

bool
firmware_parse(struct span text, uint64_t *out)
{
	uint64_t version = 0;
	int shift = 64;

	do {
		uint64_t number;
		size_t n = 0;
		while (n < text.n && text.p[n] != '.')
			n++;
		shift -= 16;
		if (shift < 0 ||
		    !number_parse(span_of(text.p, n), 0xffff, &number))
			return false;
		version |= number << shift;
		if (n == text.n) {
			*out = version;
			return true;
		}
		text = span_of(text.p + n + 1, text.n - n - 1);
	} while (true);
}

const struct advisory *
advisory_at(size_t i)
{
	return i < sizeof(builtin) / sizeof(builtin[0]) ? &builtin[i] : NULL;
}

bool
advisory_hits(const struct advisory *a, uint32_t maker, uint64_t version)
{
	return a->maker == maker && version >= a->from && version < a->fixed;
}

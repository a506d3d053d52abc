/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include "base/hash.h"
#include "base/text.h"

rc
uuid_v7(int64_t t, struct uuid *out)
{
	struct uuid u;
	uint64_t ms = (uint64_t)(t / TIME_MS);

	TRY(random_bytes(u.b, sizeof(u.b)));
	for (size_t i = 0; i < 6; i++)
		u.b[i] = (uint8_t)(ms >> (40 - 8 * i));
	u.b[6] = (uint8_t)(0x70 | (u.b[6] & 0x0f));
	u.b[8] = (uint8_t)(0x80 | (u.b[8] & 0x3f));
	*out = u;
	return RC_OK;
}

void
uuid_emit(const struct uuid *u, char out[UUID_TEXT])
{
	char hex[33];
	char *p = out;

	hex_emit(span_of(u->b, sizeof(u->b)), hex);
	for (size_t i = 0; i < 32; i++) {
		if (i == 8 || i == 12 || i == 16 || i == 20)
			*p++ = '-';
		*p++ = hex[i];
	}
	*p = '\0';
}

rc
uuid_parse(struct span text, struct uuid *out)
{
	struct uuid u;
	char hex[33], again[UUID_TEXT];
	size_t n = 0;

	if (text.n != UUID_TEXT - 1)
		return (rc){ERR_ENCODING};
	for (size_t i = 0; i < text.n && n < 32; i++)
		if (i != 8 && i != 13 && i != 18 && i != 23)
			hex[n++] = (char)text.p[i];
	TRY(hex_decode(span_of(hex, n), u.b, sizeof(u.b)));
	uuid_emit(&u, again);
	if (!span_eq(text, span_str(again)))
		return (rc){ERR_ENCODING};
	*out = u;
	return RC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One printable line of UTF-8 made of evidence, for people.
 *
 * Bytes from evidence are escaped on the way in: control characters, invalid
 * UTF-8, unpaired surrogates and characters that reorder or hide text become
 * \xNN or \uNNNN. A line that grows too long is cut and says so.
 */
#ifndef AKASHI_DECODE_LINE_H
#define AKASHI_DECODE_LINE_H

#include "base/arena.h"

enum { LINE_MAX_BYTES = 4096 };

struct line {
	size_t n;
	bool cut;
	char p[LINE_MAX_BYTES + 8];
};

void line_init(struct line *l);

/* Our own words. */
void line_puts(struct line *l, const char *s);
void line_printf(struct line *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Evidence as text; a trailing NUL, or half of one, is left out of UTF-16. */
void line_utf8(struct line *l, struct span s);
void line_utf16(struct line *l, struct span s);

/* Evidence as hex, at most max bytes of it, then how many there are. */
void line_hex(struct line *l, struct span s, size_t max);

/* A GUID in its registry form: 8be4df61-93ca-11d2-aa0d-00e098032b8c. */
void line_guid(struct line *l, const uint8_t guid[16]);

/* The line in the arena; "" when it is full. */
const char *line_done(const struct line *l, struct arena *a);

#endif

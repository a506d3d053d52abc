/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/line.h"

#include <stdarg.h>
#include <stdio.h>

void
line_init(struct line *l)
{
	l->n = 0;
	l->cut = false;
}

static void
put(struct line *l, const char *s, size_t n)
{
	static const char ellipsis[] = "\xe2\x80\xa6";

	if (l->cut)
		return;
	if (n > LINE_MAX_BYTES - l->n) {
		l->cut = true;
		s = ellipsis;
		n = sizeof(ellipsis) - 1;
	}
	for (size_t i = 0; i < n; i++)
		l->p[l->n++] = s[i];
}

void
line_puts(struct line *l, const char *s)
{
	put(l, s, strlen(s));
}

void
line_printf(struct line *l, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		put(l, text,
		    (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

/* Characters that people would not see, or that reorder what they see. */
static bool
hidden(uint32_t c)
{
	static const uint32_t ranges[][2] = {{0x00, 0x1f}, {0x7f, 0x9f},
	    {0xad, 0xad}, {0x61c, 0x61c}, {0x180e, 0x180e}, {0x200b, 0x200f},
	    {0x2028, 0x202e}, {0x2060, 0x206f}, {0xd800, 0xdfff},
	    {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb},
	    {0xe0000, 0xe0fff}, {0x110000, UINT32_MAX}};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i][0] && c <= ranges[i][1])
			return true;
	return false;
}

static void
put_char(struct line *l, uint32_t c)
{
	char u[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};

	if (hidden(c)) {
		line_printf(l, c < 0x80 ? "\\x%02x" : "\\u%04x", (unsigned)c);
		return;
	}
	for (size_t i = n; i > 1; i--) {
		u[i - 1] = (char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	u[0] = (char)(lead[n] | c);
	put(l, u, n);
}

/* Length of the well-formed UTF-8 sequence at p, its character in *c; 0 if
 * there is none (RFC 3629, section 4). */
static size_t
utf8_char(struct span s, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t b = s.p[0];
	size_t n = b < 0x80   ? 1
		   : b < 0xc2 ? 0
		   : b < 0xe0 ? 2
		   : b < 0xf0 ? 3
			      : 4;

	if (n == 0 || n > s.n || b > 0xf4)
		return 0;
	*c = n == 1 ? b : b & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (s.p[i] & 0x3f);
	}
	return *c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff)
		   ? 0
		   : n;
}

void
line_utf8(struct line *l, struct span s)
{
	while (s.n && !l->cut) {
		uint32_t c = 0;
		size_t n = utf8_char(s, &c);
		if (n)
			put_char(l, c);
		else
			line_printf(l, "\\x%02x", s.p[0]);
		n = n ? n : 1;
		s = span_of(s.p + n, s.n - n);
	}
}

static uint32_t
unit(struct span s, size_t i)
{
	return 2 * i + 1 < s.n ? (uint32_t)(s.p[2 * i] | s.p[2 * i + 1] << 8)
			       : 0;
}

void
line_utf16(struct line *l, struct span s)
{
	size_t n = s.n / 2;

	if (n && unit(s, n - 1) == 0)
		n--;
	for (size_t i = 0; i < n && !l->cut; i++) {
		uint32_t c = unit(s, i);
		uint32_t low = i + 1 < n ? unit(s, i + 1) : 0;
		if (c >= 0xd800 && c < 0xdc00 && low >= 0xdc00 &&
		    low < 0xe000) {
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			i++;
		}
		put_char(l, c);
	}
	if (s.n % 2 && s.p[s.n - 1] != 0)
		line_printf(l, "\\x%02x", s.p[s.n - 1]);
}

void
line_hex(struct line *l, struct span s, size_t max)
{
	for (size_t i = 0; i < s.n && i < max; i++)
		line_printf(l, "%02x", s.p[i]);
	if (s.n > max)
		line_printf(l, "\xe2\x80\xa6 (%zu bytes)", s.n);
}

void
line_guid(struct line *l, const uint8_t g[16])
{
	line_printf(l,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x"
	    "%02x",
	    g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9], g[10],
	    g[11], g[12], g[13], g[14], g[15]);
}

const char *
line_done(const struct line *l, struct arena *a)
{
	char *p = arena_alloc(a, l->n + 1);

	if (!p)
		return "";
	for (size_t i = 0; i < l->n; i++)
		p[i] = l->p[i];
	return p;
}

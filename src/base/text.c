/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

static const char hex_digits[] = "0123456789abcdef";
static const char b64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void
hex_emit(struct span s, char *out)
{
	for (size_t i = 0; i < s.n; i++) {
		*out++ = hex_digits[s.p[i] >> 4];
		*out++ = hex_digits[s.p[i] & 15];
	}
	*out = '\0';
}

char *
hex_string(struct arena *a, struct span s)
{
	char *out = arena_array(a, s.n + 1, 2);

	if (out)
		hex_emit(s, out);
	return out;
}

static int
hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

rc
hex_decode(struct span text, uint8_t *out, size_t n)
{
	if (text.n / 2 != n || text.n % 2)
		return (rc){ERR_ENCODING};
	for (size_t i = 0; i < text.n; i++)
		if (hex_value(text.p[i]) < 0)
			return (rc){ERR_ENCODING};
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(hex_value(text.p[2 * i]) << 4 |
				   hex_value(text.p[2 * i + 1]));
	return RC_OK;
}

rc
hex_decode_any(struct span text, struct arena *a, struct span *out)
{
	uint8_t *p = arena_alloc(a, text.n / 2);

	if (!p)
		return (rc){ERR_MEMORY};
	TRY(hex_decode(text, p, text.n / 2));
	*out = span_of(p, text.n / 2);
	return RC_OK;
}

size_t
base64url_size(size_t n)
{
	return n / 3 * 4 + (n % 3 ? n % 3 + 1 : 0) + 1;
}

void
base64url_emit(struct span s, char *out)
{
	uint32_t bits = 0;
	unsigned have = 0;

	for (size_t i = 0; i < s.n; i++) {
		bits = bits << 8 | s.p[i];
		for (have += 8; have >= 6; have -= 6)
			*out++ = b64_digits[bits >> (have - 6) & 63];
	}
	if (have)
		*out++ = b64_digits[bits << (6 - have) & 63];
	*out = '\0';
}

char *
base64url_string(struct arena *a, struct span s)
{
	char *out = arena_alloc(a, base64url_size(s.n));

	if (out)
		base64url_emit(s, out);
	return out;
}

static int
b64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

rc
base64url_decode(struct span text, struct arena *a, struct span *out)
{
	uint8_t *start = arena_alloc(a, text.n / 4 * 3 + 3);
	uint8_t *p = start;
	uint32_t bits = 0;
	unsigned have = 0;

	if (!start)
		return (rc){ERR_MEMORY};
	if (text.n % 4 == 1)
		return (rc){ERR_ENCODING};
	for (size_t i = 0; i < text.n; i++) {
		int v = b64_value(text.p[i]);
		if (v < 0)
			return (rc){ERR_ENCODING};
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*p++ = (uint8_t)(bits >> have);
		}
	}
	if (bits & ((1u << have) - 1))
		return (rc){ERR_ENCODING};
	*out = span_of(start, (size_t)(p - start));
	return RC_OK;
}

static bool
name_start(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

size_t
utf8_length(struct span s)
{
	const uint8_t *p = s.p;
	size_t n = 0;

	if (s.n)
		n = *p < 0x80		      ? 1
		    : *p >= 0xc2 && *p < 0xe0 ? 2
		    : (*p & 0xf0) == 0xe0     ? 3
		    : *p >= 0xf0 && *p < 0xf5 ? 4
					      : 0;
	if (n == 0 || n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
	    (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

bool
utf8_valid(struct span s)
{
	while (s.n) {
		size_t n = utf8_length(s);
		if (n == 0)
			return false;
		s = span_of(s.p + n, s.n - n);
	}
	return true;
}

bool
name_valid(struct span s)
{
	if (s.n == 0 || s.n > 128 || !name_start(s.p[0]))
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (!name_start(s.p[i]) && s.p[i] != '.' && s.p[i] != '-' &&
		    s.p[i] != '_')
			return false;
	return true;
}

bool
number_parse(struct span s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0 || (s.n > 1 && s.p[0] == '0'))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		uint64_t d = (uint64_t)s.p[i] - '0';
		if (s.p[i] < '0' || s.p[i] > '9' || v > (max - d) / 10)
			return false;
		v = v * 10 + d;
	}
	if (v > max)
		return false;
	*out = v;
	return true;
}

bool
env_class_valid(struct span name)
{
	static const char *const classes[] = {"developer-endpoint", "build",
	    "ci", "signing", "release", "update-distribution", "test",
	    "production", "ot"};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (span_eq(name, span_str(classes[i])))
			return true;
	return false;
}

/* The places in a pattern at which a match may stand, a bit each: all of them
 * go on together, so that the work is |pattern| * |text| and no pattern can
 * make it more. */
struct places {
	uint64_t w[GLOB_MAX / 64 + 1];
};

static bool
star(const char *p)
{
	return *p == '*';
}

/* Stars may stand for nothing: with a place go those behind it, so that one
 * that is there has its own already. */
static void
put_place(struct places *s, const char *pattern, size_t at)
{
	while (!(s->w[at / 64] >> at % 64 & 1)) {
		s->w[at / 64] |= UINT64_C(1) << at % 64;
		if (!star(pattern + at))
			return;
		at += star(pattern + at + 1) ? 2 : 1;
	}
}

static void
step_place(const char *pattern, size_t at, uint8_t c, struct places *to)
{
	const char *p = pattern + at;
	bool deep = star(p) && star(p + 1);

	if (star(p) ? deep || c != '/' : false)
		put_place(to, pattern, at);
	else if (*p && !star(p) && (*p == (char)c || (*p == '?' && c != '/')))
		put_place(to, pattern, at + 1);
}

static bool
step_all(const char *pattern, size_t words, uint8_t c, const struct places *at,
    struct places *to)
{
	bool any = false;

	for (size_t i = 0; i < words; i++)
		to->w[i] = 0;
	for (size_t i = 0; i < words; i++)
		for (uint64_t left = at->w[i]; left; left &= left - 1)
			step_place(pattern,
			    64 * i + (size_t)__builtin_ctzll(left), c, to);
	for (size_t i = 0; i < words; i++)
		any = any || to->w[i];
	return any;
}

bool
glob_match(const char *pattern, struct span text)
{
	struct places rows[2];
	struct places *at = &rows[0];
	struct places *to = &rows[1];
	size_t i = 0;

	/* Most paths differ before the first star. */
	for (; *pattern && !star(pattern); pattern++, i++)
		if (i == text.n || (*pattern != (char)text.p[i] &&
				       (*pattern != '?' || text.p[i] == '/')))
			return false;
	if (!*pattern)
		return i == text.n;
	size_t n = strlen(pattern);
	size_t words = n / 64 + 1;
	if (n > GLOB_MAX)
		return false;
	for (size_t k = 0; k < words; k++)
		at->w[k] = 0;
	put_place(at, pattern, 0);
	for (; i < text.n; i++) {
		struct places *done = at;
		if (!step_all(pattern, words, text.p[i], at, to))
			return false;
		at = to;
		to = done;
	}
	return at->w[n / 64] >> n % 64 & 1;
}

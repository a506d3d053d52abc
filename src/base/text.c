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

/* One backtrack point per kind of star, so the work is bounded by
 * |pattern| * |text|. */
struct star {
	const char *pattern;
	size_t at;
	bool deep;
};

bool
glob_match(const char *pattern, struct span text)
{
	struct star shallow = {NULL, 0, false};
	struct star deep = {NULL, 0, true};
	const char *p = pattern;
	size_t i = 0;

	for (;;) {
		if (p[0] == '*' && p[1] == '*') {
			p += 2;
			deep = (struct star){p, i, true};
			shallow.pattern = NULL;
			continue;
		}
		if (*p == '*') {
			shallow = (struct star){++p, i, false};
			continue;
		}
		if (i == text.n && *p == '\0')
			return true;
		if (i < text.n && *p != '\0' &&
		    (*p == (char)text.p[i] ||
			(*p == '?' && text.p[i] != '/'))) {
			p++;
			i++;
			continue;
		}
		if (shallow.pattern && shallow.at < text.n &&
		    text.p[shallow.at] != '/') {
			p = shallow.pattern;
			i = ++shallow.at;
			continue;
		}
		if (!deep.pattern || deep.at >= text.n)
			return false;
		p = deep.pattern;
		i = ++deep.at;
		shallow.pattern = NULL;
	}
}

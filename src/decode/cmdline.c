/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/cmdline.h"

static bool
blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
all(struct span s, uint8_t first, const char *but)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < first || s.p[i] > 0x7e || strchr(but, s.p[i]))
			return false;
	return true;
}

static struct span
from(struct span s, size_t at)
{
	return span_of(s.p + at, s.n - at);
}

/* Without a quote at its end. */
static struct span
unquoted(struct span s)
{
	return s.n && s.p[s.n - 1] == '"' ? span_of(s.p, s.n - 1) : s;
}

/* Where the token ends, and its first '=' or the end. */
static size_t
token_end(struct span s, size_t *equals)
{
	size_t first = s.p[0] == '"';
	bool quoted = false;
	size_t i = 0;

	*equals = 0;
	for (; i < s.n && (quoted || !blank(s.p[i])); i++) {
		if (s.p[i] == '"')
			quoted = !quoted;
		/* A '=' in front of everything begins no value. */
		if (s.p[i] == '=' && *equals == 0 && i > first)
			*equals = i;
	}
	return i;
}

bool
cmdline_next(struct span *rest, struct cmdline_token *out)
{
	struct cmdline_token t = {.value = {NULL, 0}};
	size_t equals;

	while (rest->n && blank(rest->p[0]))
		*rest = from(*rest, 1);
	if (rest->n == 0)
		return false;
	t.raw = span_of(rest->p, token_end(*rest, &equals));
	*rest = from(*rest, t.raw.n);
	bool whole = t.raw.p[0] == '"';
	struct span body = whole ? unquoted(from(t.raw, 1)) : t.raw;
	if (equals) {
		size_t at = equals - whole;
		t.name = span_of(body.p, at);
		t.value = from(body, at < body.n ? at + 1 : at);
		if (t.value.n && t.value.p[0] == '"')
			t.value = unquoted(from(t.value, 1));
	} else {
		t.name = body;
	}
	t.printable = all(t.raw, ' ', "");
	t.plain = all(t.raw, '!', "\"'\\");
	*out = t;
	return true;
}

static uint8_t
folded(uint8_t c)
{
	return c == '-' ? '_' : c;
}

bool
cmdline_same_name(struct span a, struct span b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (folded(a.p[i]) != folded(b.p[i]))
			return false;
	return true;
}

struct span
cmdline_narrow(struct span wide, struct arena *a)
{
	uint8_t *out = arena_alloc(a, wide.n / 2 + 1);

	if (!out)
		return span_of(NULL, 0);
	for (size_t i = 0; i < wide.n / 2; i++) {
		uint8_t low = wide.p[2 * i];
		out[i] = wide.p[2 * i + 1] || low > 0x7e ? 0xff : low;
	}
	return span_of(out, wide.n / 2);
}

struct span
cmdline_widen(struct span ascii, struct arena *a)
{
	uint8_t *out = arena_array(a, ascii.n + 1, 2);

	if (!out)
		return span_of(NULL, 0);
	for (size_t i = 0; i < ascii.n; i++)
		out[2 * i] = ascii.p[i];
	return span_of(out, 2 * ascii.n);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cbor_text.h"

#include "base/arena.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static _Noreturn void
die(const char *at)
{
	printf("Bail out! no CBOR in text: %.60s\n", at);
	exit(1);
}

void
cbor_head(struct buf *out, unsigned major, uint64_t n)
{
	int size = n < 24	     ? 0
		   : n <= UINT8_MAX  ? 1
		   : n <= UINT16_MAX ? 2
		   : n <= UINT32_MAX ? 4
				     : 8;
	int code = size == 0   ? (int)n
		   : size == 1 ? 24
		   : size == 2 ? 25
		   : size == 4 ? 26
			       : 27;
	uint8_t byte = (uint8_t)(major << 5 | (unsigned)code);

	buf_put(out, &byte, 1);
	while (size-- > 0) {
		byte = (uint8_t)(n >> 8 * size);
		buf_put(out, &byte, 1);
	}
}

static const char *item(struct buf *out, const char *p);

static const char *
skip(const char *p)
{
	while (*p == ' ' || *p == '\n' || *p == ',' || *p == ':')
		p++;
	return p;
}

static const char *
hex(struct buf *out, const char *p, char end)
{
	while (*p != end) {
		char pair[3] = {p[0], p[0] ? p[1] : 0, 0};
		if (!isxdigit((unsigned char)pair[0]) ||
		    !isxdigit((unsigned char)pair[1]))
			die(p);
		uint8_t byte = (uint8_t)strtoul(pair, NULL, 16);
		buf_put(out, &byte, 1);
		p += 2;
	}
	return p + 1;
}

/* Items up to the end mark; how many in *n. */
static const char *
items(struct buf *out, const char *p, const char *end, size_t *n)
{
	size_t length = strlen(end);

	*n = 0;
	for (p = skip(p); strncmp(p, end, length) != 0; p = skip(p)) {
		p = item(out, p);
		++*n;
	}
	return p + length;
}

/* What is within, behind its head. */
static const char *
within(struct buf *out, const char *p, unsigned major, const char *end)
{
	struct buf inner = {0};
	size_t n = 0;

	p = items(&inner, p, end, &n);
	cbor_head(out, major, major == 2 ? inner.n : major == 5 ? n / 2 : n);
	buf_put(out, inner.p, inner.n);
	buf_free(&inner);
	return p;
}

static const char *
number(struct buf *out, const char *p)
{
	bool negative = *p == '-';
	char *end;
	uint64_t n = strtoull(p + negative, &end, 10);

	if (end == p + negative)
		die(p);
	if (*end != '(') {
		cbor_head(out, negative, negative ? n - 1 : n);
		return end;
	}
	cbor_head(out, 6, n);
	p = skip(item(out, skip(end + 1)));
	return *p == ')' ? p + 1 : (die(p), p);
}

static const char *
string(struct buf *out, const char *p)
{
	const char *end = strchr(p, '"');

	if (!end)
		die(p);
	cbor_head(out, 3, (uint64_t)(end - p));
	buf_put(out, p, (size_t)(end - p));
	return end + 1;
}

static const char *
bytes(struct buf *out, const char *p)
{
	struct buf inner = {0};

	p = hex(&inner, p, '\'');
	cbor_head(out, 2, inner.n);
	buf_put(out, inner.p, inner.n);
	buf_free(&inner);
	return p;
}

static const char *
word(struct buf *out, const char *p)
{
	static const struct {
		const char *name;
		unsigned simple;
	} words[] = {{"false", 20}, {"true", 21}, {"null", 22}};

	for (size_t i = 0; i < 3; i++)
		if (strncmp(p, words[i].name, strlen(words[i].name)) == 0) {
			cbor_head(out, 7, words[i].simple);
			return p + strlen(words[i].name);
		}
	die(p);
}

static const char *
item(struct buf *out, const char *p)
{
	switch (*p) {
	case '"':
		return string(out, p + 1);
	case '[':
		return within(out, p + 1, 4, "]");
	case '{':
		return within(out, p + 1, 5, "}");
	case '<':
		return within(out, p + 2, 2, ">>");
	case '~':
		return hex(out, p + 1, '~');
	case 'h':
		return p[1] == '\'' ? bytes(out, p + 2) : (die(p), p);
	case 't':
	case 'f':
	case 'n':
		return word(out, p);
	default:
		return number(out, p);
	}
}

void
cbor_text(struct buf *out, const char *text)
{
	const char *p = skip(text);

	while (*p)
		p = skip(item(out, p));
}

struct span
cbor_of(struct arena *a, const char *text)
{
	struct buf b = {0};

	cbor_text(&b, text);
	struct span s = arena_copy(a, buf_span(&b));
	buf_free(&b);
	return s;
}

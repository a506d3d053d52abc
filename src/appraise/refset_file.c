/* SPDX-License-Identifier: Apache-2.0 */
/* Sets as files: the one form that is hashed, and lists of sha256sum(1). */
#include "appraise/refset_parts.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

#include <stdlib.h>

enum {
	HEX_MAX = 2 * HASH_MAX,
	/* Every byte of the path may be written as \xNN. */
	LINE_MAX = HEX_MAX + 2 + 4 * LIMIT_IMA_PATH,
};

/* --- sha256sum(1) ----------------------------------------------------------
 */

const struct hash_alg *
sum_alg(size_t size)
{
	static const uint16_t algs[] = {
	    ALG_SHA1, ALG_SHA256, ALG_SHA384, ALG_SHA512};

	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (hash_by_id(algs[i])->size == size)
			return hash_by_id(algs[i]);
	return NULL;
}

static rc
unescape_sum(struct span in, struct arena *a, struct span *out)
{
	uint8_t *p = arena_alloc(a, in.n);
	size_t n = 0;

	if (!p)
		return (rc){ERR_MEMORY};
	for (size_t i = 0; i < in.n; i++) {
		uint8_t c = in.p[i];
		if (c == '\\' && ++i < in.n)
			c = in.p[i] == 'n'    ? '\n'
			    : in.p[i] == 'r'  ? '\r'
			    : in.p[i] == '\\' ? '\\'
					      : 0;
		else if (c == '\\')
			c = 0;
		if (c == 0)
			return (rc){ERR_ENCODING};
		p[n++] = c;
	}
	*out = span_of(p, n);
	return RC_OK;
}

static size_t
until_blank(struct span in)
{
	const uint8_t *at = in.n ? memchr(in.p, ' ', in.n) : NULL;

	return at ? (size_t)(at - in.p) : in.n;
}

rc
sum_line_parse(struct span line, struct arena *a, struct sum_line *out)
{
	bool escaped = line.n > 0 && line.p[0] == '\\';
	struct span in = escaped ? span_of(line.p + 1, line.n - 1) : line;
	struct sum_line got = {0};
	size_t digits = until_blank(in);

	got.alg = digits % 2 ? NULL : sum_alg(digits / 2);
	if (!got.alg || in.n < digits + 3 ||
	    (in.p[digits + 1] != ' ' && in.p[digits + 1] != '*'))
		return (rc){ERR_ENCODING};
	TRY(hex_decode(span_of(in.p, digits), got.digest, got.alg->size));
	got.path = span_of(in.p + digits + 2, in.n - digits - 2);
	if (escaped)
		TRY(unescape_sum(got.path, a, &got.path));
	*out = got;
	return RC_OK;
}

/* --- one line of the file form ---------------------------------------------
 */

/* Bytes that would break a line, or its reading. */
static bool
is_escaped(uint8_t c)
{
	return c < 0x20 || c == 0x7f || c == '\\';
}

void
refset_line(struct buf *out, const struct hash_alg *alg, const uint8_t *digest,
    struct span path)
{
	char hex[HEX_MAX + 1];
	size_t from = 0;

	hex_emit(span_of(digest, alg->size), hex);
	buf_puts(out, hex);
	if (path.n)
		buf_puts(out, "  ");
	for (size_t i = 0; i < path.n; i++) {
		if (!is_escaped(path.p[i]))
			continue;
		buf_put(out, path.p + from, i - from);
		buf_printf(out, "\\x%02x", path.p[i]);
		from = i + 1;
	}
	if (path.n)
		buf_put(out, path.p + from, path.n - from);
	buf_puts(out, "\n");
}

static int
lower_hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
take_hex(const uint8_t *p, size_t n, uint8_t *out)
{
	int bad = 0;

	for (size_t i = 0; i < n; i++) {
		int high = lower_hex(p[2 * i]), low = lower_hex(p[2 * i + 1]);
		bad |= high | low;
		out[i] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
	}
	return bad >= 0;
}

/* The path of a line into `room`; what need not be escaped must not be. */
static bool
take_path(struct span in, uint8_t *room, struct span *out)
{
	size_t n = 0;

	for (size_t i = 0; i < in.n; i++) {
		uint8_t c = in.p[i];
		if (c == '\\') {
			if (in.n - i < 4 || in.p[i + 1] != 'x' ||
			    !take_hex(in.p + i + 2, 1, &c) || !is_escaped(c) ||
			    c == 0)
				return false;
			i += 3;
		} else if (is_escaped(c)) {
			return false;
		}
		room[n++] = c;
	}
	*out = span_of(room, n);
	return n < LIMIT_IMA_PATH;
}

/* --- loading ---------------------------------------------------------------
 */

struct refset_loader {
	struct hasher *hasher;
	struct refset *set; /* from the first line on */
	size_t lines;
	size_t last_n, now_n;
	uint8_t last[LINE_MAX]; /* the line before */
	uint8_t now[LINE_MAX];	/* one that ended with its piece */
	uint8_t path[LINE_MAX];
};

struct refset_loader *
refset_loader_new(void)
{
	struct refset_loader *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->hasher = hasher_new();
	if (l->hasher && rc_ok(hash_begin(l->hasher, ALG_SHA256)))
		return l;
	refset_loader_free(l);
	return NULL;
}

void
refset_loader_free(struct refset_loader *l)
{
	if (!l)
		return;
	hasher_free(l->hasher);
	refset_unref(l->set);
	free(l);
}

static rc
fault(size_t line, const char *text, struct err *e)
{
	return err_at(e, ERR_REFSET_FORMAT, text, "lines[%zu]", line);
}

static bool
ascends(const struct refset_loader *l, struct span line)
{
	size_t n = line.n < l->last_n ? line.n : l->last_n;
	int d = memcmp(l->last, line.p, n);

	return l->lines == 1 || d < 0 || (d == 0 && l->last_n < line.n);
}

static rc
take_line(struct refset_loader *l, struct span line, struct err *e)
{
	size_t digits = until_blank(line);
	const struct hash_alg *alg = digits % 2 ? NULL : sum_alg(digits / 2);
	uint8_t digest[HASH_MAX];
	struct span path = span_of(line.p + digits, line.n - digits);

	l->lines++;
	if (line.n > LINE_MAX)
		return fault(l->lines, "The line is too long.", e);
	if (!alg || !take_hex(line.p, alg->size, digest))
		return fault(l->lines,
		    "A digest of SHA-1, SHA-256, SHA-384 or "
		    "SHA-512 in lower-case hex is expected.",
		    e);
	if (path.n &&
	    (path.n < 3 || path.p[1] != ' ' ||
		!take_path(span_of(path.p + 2, path.n - 2), l->path, &path)))
		return fault(l->lines,
		    "After the digest come two blanks and a path "
		    "with \\xNN for control bytes and backslash.",
		    e);
	if (!ascends(l, line))
		return fault(l->lines,
		    "The line is not greater than the one before: "
		    "LC_ALL=C sort -u orders a list.",
		    e);
	if (!l->set && !(l->set = refset_new(alg)))
		return err_at(e, ERR_MEMORY, NULL, "lines");
	if (alg != refset_alg(l->set))
		return fault(
		    l->lines, "The digests of a set are of one length.", e);
	rc r = refset_add(l->set, digest, path, UINT32_MAX);
	if (!rc_ok(r))
		return err_at(e, r.code, NULL, "lines[%zu]", l->lines);
	memcpy(l->last, line.p, line.n);
	l->last_n = line.n;
	return RC_OK;
}

/* The start of a line whose end is in a later piece. */
static rc
keep_start(struct refset_loader *l, struct span part, struct err *e)
{
	if (part.n > LINE_MAX - l->now_n)
		return fault(l->lines + 1, "The line is too long.", e);
	memcpy(l->now + l->now_n, part.p, part.n);
	l->now_n += part.n;
	return RC_OK;
}

rc
refset_loader_feed(struct refset_loader *l, struct span piece, struct err *e)
{
	rc r = hash_add(l->hasher, ALG_SHA256, piece);

	if (!rc_ok(r))
		return err_at(e, r.code, NULL, "lines");
	while (piece.n) {
		const uint8_t *nl = memchr(piece.p, '\n', piece.n);
		size_t n = nl ? (size_t)(nl - piece.p) : piece.n;
		struct span line = span_of(piece.p, n);
		if (!nl || l->now_n) {
			TRY(keep_start(l, line, e));
			line = span_of(l->now, l->now_n);
		}
		if (!nl)
			return RC_OK;
		TRY(take_line(l, line, e));
		l->now_n = 0;
		piece = span_of(nl + 1, piece.n - n - 1);
	}
	return RC_OK;
}

rc
refset_loader_end(struct refset_loader *l, struct refset **out, struct err *e)
{
	if (l->now_n)
		return fault(l->lines + 1, "The last line has no newline.", e);
	if (!l->set && !(l->set = refset_new(hash_by_id(ALG_SHA256))))
		return err_at(e, ERR_MEMORY, NULL, "lines");
	rc r = hash_end(l->hasher, ALG_SHA256, l->set->hash);
	if (rc_ok(r))
		r = refset_seal(l->set);
	if (!rc_ok(r))
		return err_at(e, r.code, NULL, "lines");
	*out = l->set;
	l->set = NULL;
	return RC_OK;
}

rc
refset_load(struct span file, struct refset **out, struct err *e)
{
	struct refset_loader *l = refset_loader_new();
	rc r = l ? refset_loader_feed(l, file, e)
		 : err_at(e, ERR_MEMORY, NULL, "lines");

	if (rc_ok(r))
		r = refset_loader_end(l, out, e);
	refset_loader_free(l);
	return r;
}

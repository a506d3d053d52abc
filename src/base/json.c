/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* --- in ------------------------------------------------------------------- */

/* One step over the text outside and inside strings; brackets in strings do
 * not nest. Syntax is left to jansson. */
static bool
depth_allowed(struct span text)
{
	int depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			if (++depth > LIMIT_JSON_DEPTH)
				return false;
		} else if (c == ']' || c == '}') {
			depth--;
		}
	}
	return true;
}

static enum err_code
code_of(const json_error_t *je)
{
	enum json_error_code c = json_error_code(je);

	if (c == json_error_duplicate_key)
		return ERR_JSON_DUPLICATE;
	if (c == json_error_out_of_memory)
		return ERR_MEMORY;
	return c == json_error_stack_overflow ? ERR_JSON_LIMIT : ERR_JSON;
}

rc
json_decode(struct span text, size_t max, json_t **out, struct err *e)
{
	json_error_t je;

	if (text.n > max)
		return err_text(e, ERR_JSON_LIMIT, "",
		    "The document has %zu bytes; at most %zu are taken.",
		    text.n, max);
	if (!depth_allowed(text))
		return err_text(e, ERR_JSON_LIMIT, "",
		    "The document is nested deeper than %d levels.",
		    LIMIT_JSON_DEPTH);
	json_t *doc = json_loadb(
	    (const char *)text.p, text.n, JSON_REJECT_DUPLICATES, &je);
	if (!doc)
		return err_text(e, code_of(&je), "", "Line %d, column %d: %s.",
		    je.line, je.column, je.text);
	*out = doc;
	return RC_OK;
}

void
json_free(json_t *doc)
{
	json_decref(doc);
}

void
json_freep(json_t **doc)
{
	json_decref(*doc);
}

static bool
listed(const char *key, const char *const *known)
{
	for (; *known; known++)
		if (strcmp(key, *known) == 0)
			return true;
	return false;
}

static rc
member_error(
    struct err *e, enum err_code code, const char *path, const char *key)
{
	return err_at(e, code, NULL, "%s%s%.80s", path, *path ? "." : "", key);
}

rc
json_only(const json_t *obj, const char *path, const char *const *known,
    struct err *e)
{
	const char *key;
	json_t *value;

	if (!json_is_object(obj))
		return err_at(
		    e, ERR_JSON_TYPE, "An object is expected.", "%s", path);
	json_object_foreach((json_t *)(uintptr_t)obj, key,
	    value) if (!listed(key, known)) return member_error(e,
	    ERR_JSON_UNKNOWN, path, key);
	return RC_OK;
}

static rc
member(const json_t *obj, const char *path, const char *key, json_type type,
    const json_t **out, struct err *e)
{
	const json_t *v = json_object_get(obj, key);

	if (!v)
		return member_error(e, ERR_JSON_MISSING, path, key);
	bool ok =
	    type == JSON_TRUE ? json_is_boolean(v) : json_typeof(v) == type;
	if (!ok)
		return member_error(e, ERR_JSON_TYPE, path, key);
	*out = v;
	return RC_OK;
}

rc
json_get_str(const json_t *obj, const char *path, const char *key,
    struct span *out, struct err *e)
{
	const json_t *v = NULL;

	TRY(member(obj, path, key, JSON_STRING, &v, e));
	*out = span_of(json_string_value(v), json_string_length(v));
	return RC_OK;
}

rc
json_get_u64(const json_t *obj, const char *path, const char *key, uint64_t max,
    uint64_t *out, struct err *e)
{
	const json_t *v = NULL;

	TRY(member(obj, path, key, JSON_INTEGER, &v, e));
	json_int_t n = json_integer_value(v);
	if (n < 0 || (uint64_t)n > max)
		return member_error(e, ERR_JSON_RANGE, path, key);
	*out = (uint64_t)n;
	return RC_OK;
}

rc
json_get_bool(const json_t *obj, const char *path, const char *key, bool *out,
    struct err *e)
{
	const json_t *v = NULL;

	TRY(member(obj, path, key, JSON_TRUE, &v, e));
	*out = json_is_true(v);
	return RC_OK;
}

rc
json_get_array(const json_t *obj, const char *path, const char *key,
    const json_t **out, struct err *e)
{
	return member(obj, path, key, JSON_ARRAY, out, e);
}

rc
json_get_object(const json_t *obj, const char *path, const char *key,
    const json_t **out, struct err *e)
{
	return member(obj, path, key, JSON_OBJECT, out, e);
}

/* --- out ------------------------------------------------------------------ */

void
buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){NULL, 0, 0, false};
}

static bool
buf_room(struct buf *b, size_t n)
{
	if (b->failed || n > SIZE_MAX / 2 - b->n) {
		b->failed = true;
		return false;
	}
	if (b->n + n + 1 <= b->cap)
		return true;
	size_t cap = b->cap ? b->cap : 512;
	while (cap < b->n + n + 1)
		cap *= 2;
	char *p = realloc(b->p, cap);
	if (!p) {
		b->failed = true;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

void
buf_put(struct buf *b, const void *p, size_t n)
{
	if (!buf_room(b, n))
		return;
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void
buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !buf_room(b, (size_t)n))
		return;
	va_start(ap, fmt);
	vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
}

struct jw
jw_over(struct buf *out)
{
	return (struct jw){.out = out};
}

static void
newline(struct jw *w)
{
	buf_puts(w->out, "\n");
	for (int i = 0; i < w->depth; i++)
		buf_puts(w->out, "  ");
}

/* Before a key or value: the comma and line break it needs. A value stands on
 * its key's line. */
static void
next(struct jw *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (w->comma)
		buf_put(w->out, ",", 1);
	if (w->pretty && w->depth)
		newline(w);
	w->comma = true;
}

static void
open_with(struct jw *w, const char *bracket)
{
	next(w);
	buf_put(w->out, bracket, 1);
	w->comma = false;
	w->depth++;
}

static void
close_with(struct jw *w, const char *bracket)
{
	w->depth--;
	if (w->pretty && w->comma)
		newline(w);
	buf_put(w->out, bracket, 1);
	w->comma = true;
}

void
jw_object(struct jw *w)
{
	open_with(w, "{");
}

void
jw_object_end(struct jw *w)
{
	close_with(w, "}");
}

void
jw_array(struct jw *w)
{
	open_with(w, "[");
}

void
jw_array_end(struct jw *w)
{
	close_with(w, "]");
}

static void
put_escaped(struct buf *out, uint8_t c)
{
	switch (c) {
	case '"':
		buf_put(out, "\\\"", 2);
		break;
	case '\\':
		buf_put(out, "\\\\", 2);
		break;
	default:
		buf_printf(out, "\\u%04x", (unsigned)c);
	}
}

static void
put_string(struct buf *out, struct span s)
{
	size_t from = 0;
	size_t i = 0;

	buf_put(out, "\"", 1);
	while (i < s.n) {
		uint8_t c = s.p[i];
		size_t n =
		    c < 0x80 ? 1 : utf8_length(span_of(s.p + i, s.n - i));
		if (n > 1 || (n == 1 && c >= 0x20 && c != '"' && c != '\\' &&
				 c != 0x7f)) {
			i += n;
			continue;
		}
		if (i > from)
			buf_put(out, s.p + from, i - from);
		if (n == 0)
			buf_puts(out, "\\ufffd");
		else
			put_escaped(out, c);
		from = ++i;
	}
	if (i > from)
		buf_put(out, s.p + from, i - from);
	buf_put(out, "\"", 1);
}

void
jw_key(struct jw *w, const char *key)
{
	next(w);
	put_string(w->out, span_str(key));
	buf_puts(w->out, w->pretty ? ": " : ":");
	w->after_key = true;
}

void
jw_span(struct jw *w, struct span s)
{
	next(w);
	put_string(w->out, s);
}

void
jw_str(struct jw *w, const char *s)
{
	if (s)
		jw_span(w, span_str(s));
	else
		jw_null(w);
}

void
jw_hex(struct jw *w, struct span s)
{
	next(w);
	buf_put(w->out, "\"", 1);
	if (buf_room(w->out, 2 * s.n)) {
		hex_emit(s, w->out->p + w->out->n);
		w->out->n += 2 * s.n;
	}
	buf_put(w->out, "\"", 1);
}

void
jw_u64(struct jw *w, uint64_t v)
{
	next(w);
	buf_printf(w->out, "%llu", (unsigned long long)v);
}

void
jw_i64(struct jw *w, int64_t v)
{
	next(w);
	buf_printf(w->out, "%lld", (long long)v);
}

void
jw_bool(struct jw *w, bool v)
{
	next(w);
	buf_puts(w->out, v ? "true" : "false");
}

void
jw_null(struct jw *w)
{
	next(w);
	buf_puts(w->out, "null");
}

void
jw_time(struct jw *w, int64_t when)
{
	char text[TIME_TEXT];

	time_emit(when, text);
	jw_str(w, text);
}

void
jw_raw(struct jw *w, struct span json)
{
	next(w);
	buf_put(w->out, json.p, json.n);
}

void
jw_kstr(struct jw *w, const char *key, const char *s)
{
	jw_key(w, key);
	jw_str(w, s);
}

void
jw_kspan(struct jw *w, const char *key, struct span s)
{
	jw_key(w, key);
	jw_span(w, s);
}

void
jw_khex(struct jw *w, const char *key, struct span s)
{
	jw_key(w, key);
	jw_hex(w, s);
}

void
jw_ku64(struct jw *w, const char *key, uint64_t v)
{
	jw_key(w, key);
	jw_u64(w, v);
}

void
jw_kbool(struct jw *w, const char *key, bool v)
{
	jw_key(w, key);
	jw_bool(w, v);
}

void
jw_ktime(struct jw *w, const char *key, int64_t when)
{
	jw_key(w, key);
	jw_time(w, when);
}

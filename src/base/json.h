/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON in and out; the only door to jansson.
 *
 * In: limits are checked in one pass without allocation before jansson sees a
 * byte; duplicate keys are refused. Getters name the path of what is wrong.
 * Out: a streaming writer into a growing buffer, with a sticky failure.
 */
#ifndef AKASHI_BASE_JSON_H
#define AKASHI_BASE_JSON_H

#include "base/rc.h"
#include "base/span.h"

#include <jansson.h>

/* --- in ------------------------------------------------------------------- */

/* Parse one document of at most max bytes and LIMIT_JSON_DEPTH levels.
 * The caller owns *out (json_free). JSON, JSON_LIMIT, JSON_DUPLICATE. */
MUST_USE rc json_decode(
    struct span text, size_t max, json_t **out, struct err *e);

/* Drop a document; NULL is accepted. */
void json_free(json_t *doc);
void json_freep(json_t **doc);
#define JSON_AUTO __attribute__((cleanup(json_freep))) json_t *

/* Refuse members of `obj` that are not in the NULL-ended list.
 * JSON_TYPE, JSON_UNKNOWN; path is that of the object, "" for the root. */
MUST_USE rc json_only(const json_t *obj, const char *path,
    const char *const *known, struct err *e);

/* Typed getters. A missing member is JSON_MISSING, another type JSON_TYPE.
 * Strings and containers are borrowed from the document. */
MUST_USE rc json_get_str(const json_t *obj, const char *path, const char *key,
    struct span *out, struct err *e);
MUST_USE rc json_get_u64(const json_t *obj, const char *path, const char *key,
    uint64_t max, uint64_t *out, struct err *e);
MUST_USE rc json_get_bool(const json_t *obj, const char *path, const char *key,
    bool *out, struct err *e);
MUST_USE rc json_get_array(const json_t *obj, const char *path, const char *key,
    const json_t **out, struct err *e);
MUST_USE rc json_get_object(const json_t *obj, const char *path,
    const char *key, const json_t **out, struct err *e);

static inline bool
json_has(const json_t *obj, const char *key)
{
	return json_object_get(obj, key) != NULL;
}

/* --- out ------------------------------------------------------------------ */

struct buf {
	char *p; /* NUL-terminated whenever !failed and p != NULL */
	size_t n;
	size_t cap;
	bool failed;
};

void buf_free(struct buf *b);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static inline struct span
buf_span(const struct buf *b)
{
	return span_of(b->p, b->n);
}

/* A writer of compact JSON. Keys are written in the order given, so callers
 * that need canonical bytes write them sorted. Strings may hold any bytes:
 * control characters and invalid UTF-8 come out as \u00XX and U+FFFD. */
struct jw {
	struct buf *out;
	bool comma;	/* the next key or value needs one */
	bool after_key; /* the next value belongs to a key */
	bool pretty;	/* indent by two; set it after jw_over() */
	int depth;
};

struct jw jw_over(struct buf *out);

void jw_object(struct jw *w);
void jw_object_end(struct jw *w);
void jw_array(struct jw *w);
void jw_array_end(struct jw *w);
void jw_key(struct jw *w, const char *key);

void jw_str(struct jw *w, const char *s); /* NULL writes null */
void jw_span(struct jw *w, struct span s);
void jw_hex(struct jw *w, struct span s);
void jw_u64(struct jw *w, uint64_t v);
void jw_i64(struct jw *w, int64_t v);
void jw_bool(struct jw *w, bool v);
void jw_null(struct jw *w);
void jw_time(struct jw *w, int64_t when);
/* Bytes that are JSON already, from our own writer. */
void jw_raw(struct jw *w, struct span json);

/* key and value in one call */
void jw_kstr(struct jw *w, const char *key, const char *s);
void jw_kspan(struct jw *w, const char *key, struct span s);
void jw_khex(struct jw *w, const char *key, struct span s);
void jw_ku64(struct jw *w, const char *key, uint64_t v);
void jw_kbool(struct jw *w, const char *key, bool v);
void jw_ktime(struct jw *w, const char *key, int64_t when);

#endif

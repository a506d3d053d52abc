/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/route.h"

#include "base/text.h"

/* --- percent-encoding ----------------------------------------------------- */

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte of the escape at text[i], or -1. */
static int
escaped(struct span text, size_t i)
{
	if (text.n - i < 3)
		return -1;
	int hi = hex_digit(text.p[i + 1]), lo = hex_digit(text.p[i + 2]);
	return hi < 0 || lo < 0 ? -1 : hi * 16 + lo;
}

rc
percent_decode(struct span text, bool plus, struct arena *a, struct span *out,
    struct err *e)
{
	uint8_t *p = arena_alloc(a, text.n + 1);
	size_t n = 0;

	if (!p)
		return err_at(e, ERR_MEMORY, NULL, "path");
	for (size_t i = 0; i < text.n; i++) {
		int c = text.p[i];
		if (c == '%') {
			c = escaped(text, i);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (c <= 0)
			return err_at(e, ERR_HTTP_MALFORMED,
			    "A percent escape is broken or encodes NUL "
			    "(RFC 3986, 2.1).",
			    "path");
		p[n++] = (uint8_t)c;
	}
	if (!utf8_valid(span_of(p, n)))
		return err_at(e, ERR_HTTP_PATH,
		    "The path is not UTF-8 where it is decoded.", "path");
	*out = span_of(p, n);
	return RC_OK;
}

/* --- paths ---------------------------------------------------------------- */

struct segments {
	size_t n;
	struct span at[ROUTE_SEGMENTS];
};

/* Cut "/a/b" at its slashes; false if it has too many parts. */
static bool
split(struct span path, struct segments *out)
{
	out->n = 0;
	for (size_t i = 1, from = 1; i <= path.n; i++) {
		if (i < path.n && path.p[i] != '/')
			continue;
		if (out->n == ROUTE_SEGMENTS)
			return false;
		out->at[out->n++] = span_of(path.p + from, i - from);
		from = i + 1;
	}
	return true;
}

/* A segment that no row can match and that somebody else may read as another
 * path. */
static bool
is_odd(struct span s)
{
	return s.n == 0 || span_eq(s, span_str(".")) ||
	       span_eq(s, span_str("..")) || memchr(s.p, '/', s.n) ||
	       memchr(s.p, ';', s.n) || memchr(s.p, '\\', s.n);
}

static rc
decode_path(
    struct span path, struct arena *a, struct segments *out, struct err *e)
{
	if (path.n == 0 || path.p[0] != '/')
		return err_at(e, ERR_HTTP_MALFORMED,
		    "The target is not a path (RFC 9112, 3.2.1).", "path");
	if (!split(path, out))
		return err_at(e, ERR_HTTP_PATH, NULL, "path");
	for (size_t i = 0; i < out->n; i++) {
		TRY(percent_decode(out->at[i], false, a, &out->at[i], e));
		if (is_odd(out->at[i]))
			return err_at(e, ERR_HTTP_PATH,
			    "A path segment is empty, a dot segment, or holds "
			    "a slash or semicolon.",
			    "path");
	}
	return RC_OK;
}

static bool
is_param(struct span s)
{
	return s.n > 2 && s.p[0] == '{' && s.p[s.n - 1] == '}';
}

/* The next segment of a pattern; *p moves to the slash after it, or the end. */
static struct span
next_segment(const char **p)
{
	const char *from = *p + 1;

	*p = strchrnul(from, '/');
	return span_of(from, (size_t)(*p - from));
}

static bool
path_matches(
    const struct route *r, const struct segments *path, struct route_match *m)
{
	const char *p = r->pattern;

	m->route = r;
	m->params = 0;
	for (size_t i = 0; i < path->n; i++) {
		if (!*p)
			return false;
		struct span want = next_segment(&p);
		if (is_param(want))
			m->param[m->params++] = path->at[i];
		else if (!span_eq(want, path->at[i]))
			return false;
	}
	return !*p;
}

static const char *
allowed(bool get, bool post)
{
	if (get)
		return post ? "GET, HEAD, POST" : "GET, HEAD";
	return "POST";
}

rc
route_match(const struct route *rows, size_t n, enum http_method method,
    struct span path, struct arena *a, struct route_match *out,
    const char **allow, struct err *e)
{
	struct segments segments;
	struct route_match found = {0};
	bool get = false, post = false;

	TRY(decode_path(path, a, &segments, e));
	for (size_t i = 0; i < n; i++) {
		if (!path_matches(&rows[i], &segments, &found))
			continue;
		if (rows[i].method == method) {
			*out = found;
			return RC_OK;
		}
		get |= rows[i].method == HTTP_GET;
		post |= rows[i].method == HTTP_POST;
	}
	if (!get && !post)
		return err_at(e, ERR_HTTP_PATH, NULL, "path");
	*allow = allowed(get, post);
	return err_at(e, ERR_HTTP_METHOD, NULL, "method");
}

/* --- the table ------------------------------------------------------------ */

static bool
pattern_valid(const char *pattern)
{
	struct segments s;
	size_t params = 0;

	if (!pattern || pattern[0] != '/' || !split(span_str(pattern), &s))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (is_odd(s.at[i]))
			return false;
		params += is_param(s.at[i]);
	}
	return params <= ROUTE_PARAMS;
}

/* What is wrong with a row, or NULL. */
static const char *
row_fault(const struct route *r)
{
	if (!pattern_valid(r->pattern))
		return "the pattern is not well formed";
	if (r->auth <= AUTH_UNSET || r->auth > AUTH_ADMIN_SOCKET)
		return "there is no authentication class";
	if (r->method != HTTP_GET && r->method != HTTP_POST)
		return "there is no method";
	if (!r->handler || !r->name)
		return "there is no handler or no name";
	if (r->method == HTTP_GET && r->body != BODY_NONE)
		return "GET has a body";
	if (r->body == BODY_NONE && r->type)
		return "a type is given for a body that is not taken";
	return NULL;
}

rc
route_check(const struct route *rows, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const char *fault = row_fault(&rows[i]);
		const char *pattern = rows[i].pattern ? rows[i].pattern : "";
		if (fault)
			return err_text(e, ERR_INTERNAL, pattern,
			    "The route table is wrong: %s.", fault);
		for (size_t k = 0; k < i; k++)
			if (rows[k].method == rows[i].method &&
			    strcmp(rows[k].pattern, pattern) == 0)
				return err_text(e, ERR_INTERNAL, pattern,
				    "The route table has a row twice.");
	}
	return RC_OK;
}

/* --- query ---------------------------------------------------------------- */

struct pair {
	struct span key, value;
};

/* Take the next "key=value" off the query; false at its end. */
static bool
next_pair(struct span *query, struct pair *out)
{
	if (query->n == 0)
		return false;
	const uint8_t *end = memchr(query->p, '&', query->n);
	size_t n = end ? (size_t)(end - query->p) : query->n;
	const uint8_t *equals = memchr(query->p, '=', n);
	size_t key = equals ? (size_t)(equals - query->p) : n;

	out->key = span_of(query->p, key);
	out->value = equals ? span_of(equals + 1, n - key - 1)
			    : span_of(query->p + n, 0);
	n += end != NULL;
	*query = span_of(query->p + n, query->n - n);
	return true;
}

rc
query_get(struct span query, const char *key, struct arena *a, struct span *out,
    struct err *e)
{
	struct pair p;
	struct span found = {NULL, 0}, name;

	while (next_pair(&query, &p)) {
		TRY(percent_decode(p.key, true, a, &name, e));
		if (!span_eq(name, span_str(key)))
			continue;
		if (found.p)
			return err_at(e, ERR_HTTP_MALFORMED,
			    "The query has this key twice.", "query.%s", key);
		TRY(percent_decode(p.value, true, a, &found, e));
	}
	*out = found;
	return RC_OK;
}

static bool
listed(struct span name, const char *const *known)
{
	for (; *known; known++)
		if (span_eq(name, span_str(*known)))
			return true;
	return false;
}

rc
query_only(
    struct span query, const char *const *known, struct arena *a, struct err *e)
{
	struct pair p;
	struct span name;

	while (next_pair(&query, &p)) {
		TRY(percent_decode(p.key, true, a, &name, e));
		if (!listed(name, known))
			return err_at(e, ERR_HTTP_MALFORMED,
			    "The query has a key that is not known here.",
			    "query");
	}
	return RC_OK;
}

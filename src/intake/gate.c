/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/gate.h"

#include "base/text.h"

#include <strings.h>

/* Headers that may come once at most: a second one is where two readers
 * disagree. */
enum single {
	LENGTH,
	TRANSFER,
	HOST,
	AUTHORIZATION,
	TYPE,
	ENCODING,
	TRACEPARENT,
	IDEMPOTENCY,
	EXPECT,
	SINGLES
};

static const char *const single_names[SINGLES] = {
    [LENGTH] = "content-length",
    [TRANSFER] = "transfer-encoding",
    [HOST] = "host",
    [AUTHORIZATION] = "authorization",
    [TYPE] = "content-type",
    [ENCODING] = "content-encoding",
    [TRACEPARENT] = "traceparent",
    [IDEMPOTENCY] = "idempotency-key",
    [EXPECT] = "expect",
};

static bool
equals_caseless(struct span s, const char *text)
{
	return strlen(text) == s.n &&
	       strncasecmp((const char *)s.p, text, s.n) == 0;
}

/* tchar of RFC 9110 section 5.6.2 */
static bool
is_token(struct span s)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];
		bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z');
		if (!alnum && (c == 0 || !strchr(others, c)))
			return false;
	}
	return s.n > 0;
}

static bool
has_control(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
			return true;
	return false;
}

static rc
refuse(struct err *e, const char *text, struct span name)
{
	return err_at(e, ERR_HTTP_MALFORMED, text, "headers.%.*s",
	    (int)(name.n < 64 ? name.n : 64), (const char *)name.p);
}

static rc
take(const struct gate_header *h, struct span value[SINGLES], struct err *e)
{
	if (!is_token(h->name))
		return err_at(e, ERR_HTTP_MALFORMED,
		    "A header name holds a character that it may not hold "
		    "(RFC 9110, 5.1).",
		    "headers");
	if (has_control(h->value))
		return refuse(
		    e, "A header value holds a control character.", h->name);
	for (int i = 0; i < SINGLES; i++) {
		if (!equals_caseless(h->name, single_names[i]))
			continue;
		if (value[i].p)
			return refuse(e, "The header comes twice.", h->name);
		value[i] = span_of(
		    h->value.p ? h->value.p : (const uint8_t *)"", h->value.n);
	}
	return RC_OK;
}

static rc
check_length(struct span value, struct gate_facts *out, struct err *e)
{
	/* No sign, no list, no leading zeros, no white space. */
	if (!number_parse(value, INT64_MAX, &out->length))
		return err_at(e, ERR_HTTP_MALFORMED,
		    "Content-Length is not one decimal number (RFC 9112, 6.3).",
		    "headers.content-length");
	out->has_length = true;
	return RC_OK;
}

static rc
check_transfer(
    struct span value, bool http11, struct gate_facts *out, struct err *e)
{
	if (!http11 || out->has_length || !equals_caseless(value, "chunked"))
		return err_at(e, ERR_HTTP_MALFORMED,
		    "Transfer-Encoding may only be chunked, in HTTP/1.1 and "
		    "without Content-Length (RFC 9112, 6.1).",
		    "headers.transfer-encoding");
	out->chunked = true;
	return RC_OK;
}

rc
gate_headers(const struct gate_header *h, size_t n, bool http11,
    struct gate_facts *out, struct err *e)
{
	struct span value[SINGLES] = {{NULL, 0}};
	struct gate_facts facts = {0};

	for (size_t i = 0; i < n; i++)
		TRY(take(&h[i], value, e));
	if (value[LENGTH].p)
		TRY(check_length(value[LENGTH], &facts, e));
	if (value[TRANSFER].p)
		TRY(check_transfer(value[TRANSFER], http11, &facts, e));
	if (http11 && value[HOST].n == 0)
		return err_at(e, ERR_HTTP_MALFORMED,
		    "There is no Host (RFC 9112, 3.2).", "headers.host");
	if (value[EXPECT].p && !equals_caseless(value[EXPECT], "100-continue"))
		return err_at(e, ERR_HTTP_MALFORMED,
		    "Expect may only be 100-continue.", "headers.expect");
	facts.expect = value[EXPECT].p != NULL;
	facts.authorization = value[AUTHORIZATION];
	facts.type = value[TYPE];
	facts.encoding = value[ENCODING];
	facts.traceparent = value[TRACEPARENT];
	*out = facts;
	return RC_OK;
}

rc
gate_target(struct span target, struct err *e)
{
	bool ok = target.n > 0 && target.n <= GATE_TARGET &&
		  target.p[0] == '/' && !memchr(target.p, '#', target.n);

	for (size_t i = 0; ok && i < target.n; i++)
		ok = target.p[i] > 0x20 && target.p[i] < 0x7f;
	if (!ok)
		return err_at(e, ERR_HTTP_MALFORMED,
		    "The target is not an absolute path of visible ASCII "
		    "(RFC 9112, 3.2.1).",
		    "path");
	return RC_OK;
}

bool
gate_type_is(struct span value, const char *type)
{
	const uint8_t *end = value.n ? memchr(value.p, ';', value.n) : NULL;
	size_t n = end ? (size_t)(end - value.p) : value.n;

	while (n && (value.p[n - 1] == ' ' || value.p[n - 1] == '\t'))
		n--;
	return equals_caseless(span_of(value.p, n), type);
}

bool
gate_trace(struct span t, char out[33])
{
	uint8_t id[16], rest[8], flags[1], version[1];

	/* version "-" trace-id "-" parent-id "-" flags (Trace Context, 3.2) */
	if (t.n != 55 || t.p[2] != '-' || t.p[35] != '-' || t.p[52] != '-' ||
	    !rc_ok(hex_decode(span_of(t.p, 2), version, 1)) ||
	    !rc_ok(hex_decode(span_of(t.p + 3, 32), id, 16)) ||
	    !rc_ok(hex_decode(span_of(t.p + 36, 16), rest, 8)) ||
	    !rc_ok(hex_decode(span_of(t.p + 53, 2), flags, 1)))
		return false;
	if (version[0] == 0xff || span_all(span_of(id, sizeof(id)), 0))
		return false;
	hex_emit(span_of(id, sizeof(id)), out);
	return true;
}

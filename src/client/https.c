/* SPDX-License-Identifier: Apache-2.0 */
#include "client/https.h"

#include "base/limits.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

struct https {
	CURL *curl;
	char *base_url, *ca_file, *cert_file, *key_file, *unix_socket;
	bool plain;    /* http was allowed for this address */
	bool loopback; /* never through a proxy */
	long connect_ms, total_ms;
	bool (*stopped)(void);
	char message[CURL_ERROR_SIZE];
};

/* --- making a client ------------------------------------------------------ */

static rc
copy(const char *s, char **out)
{
	if (!s)
		return RC_OK;
	*out = strdup(s);
	return *out ? RC_OK : (rc){ERR_MEMORY};
}

static bool
is_loopback(const char *host)
{
	return strcmp(host, "127.0.0.1") == 0 ||
	       strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

static bool
part_absent(CURLU *u, CURLUPart part)
{
	char *s = NULL;
	bool absent = curl_url_get(u, part, &s, 0) != CURLUE_OK || !*s ||
		      (part == CURLUPART_PATH && strcmp(s, "/") == 0);

	curl_free(s);
	return absent;
}

/* Nothing but scheme, host and port: a password or a query in an address ends
 * up in logs. */
static bool
only_origin(CURLU *u)
{
	static const CURLUPart none[] = {CURLUPART_USER, CURLUPART_PASSWORD,
	    CURLUPART_QUERY, CURLUPART_FRAGMENT, CURLUPART_PATH};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (!part_absent(u, none[i]))
			return false;
	return true;
}

static rc
check_url(struct https *h, const struct https_options *o, struct err *e)
{
	CURLU *u = curl_url();
	char *scheme = NULL;
	char *host = NULL;
	bool ok = u && o->base_url &&
		  curl_url_set(u, CURLUPART_URL, o->base_url, 0) == CURLUE_OK &&
		  curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
		  curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		  only_origin(u);

	if (ok) {
		h->loopback = o->unix_socket || is_loopback(host);
		h->plain = strcmp(scheme, "http") == 0;
		ok = h->plain
			 ? o->unix_socket || (o->insecure_http && h->loopback)
			 : strcmp(scheme, "https") == 0;
	}
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(u);
	if (ok)
		return RC_OK;
	return err_at(
	    e, ERR_CLIENT_URL, NULL, "%s", o->base_url ? o->base_url : "");
}

static rc
check_readable(const char *file, struct err *e)
{
	if (!file || access(file, R_OK) == 0)
		return RC_OK;
	return err_text(
	    e, ERR_FILE, file, "Cannot read %s: %s.", file, strerror(errno));
}

static rc
fill(struct https *h, const struct https_options *o, struct err *e)
{
	h->connect_ms = o->connect_ms ? o->connect_ms : 10 * 1000L;
	h->total_ms = o->total_ms ? o->total_ms : 60 * 1000L;
	h->stopped = o->stopped;
	TRY(check_url(h, o, e));
	TRY(check_readable(o->ca_file, e));
	TRY(check_readable(o->cert_file, e));
	TRY(check_readable(o->key_file, e));
	TRY(copy(o->base_url, &h->base_url));
	size_t n = strlen(h->base_url);
	if (h->base_url[n - 1] == '/')
		h->base_url[n - 1] = '\0';
	TRY(copy(o->ca_file, &h->ca_file));
	TRY(copy(o->cert_file, &h->cert_file));
	TRY(copy(o->key_file, &h->key_file));
	TRY(copy(o->unix_socket, &h->unix_socket));
	h->curl = curl_easy_init();
	return h->curl ? RC_OK : (rc){ERR_MEMORY};
}

rc
https_new(const struct https_options *o, struct https **out, struct err *e)
{
	struct https *h = calloc(1, sizeof(*h));

	if (!h)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	rc r = fill(h, o, e);
	if (!rc_ok(r)) {
		if (r.code == ERR_MEMORY)
			(void)err_at(e, ERR_MEMORY, NULL, "%s", "");
		https_free(h);
		return r;
	}
	*out = h;
	return RC_OK;
}

void
https_free(struct https *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->curl);
	free(h->base_url);
	free(h->ca_file);
	free(h->cert_file);
	free(h->key_file);
	free(h->unix_socket);
	free(h);
}

/* --- one exchange --------------------------------------------------------- */

static size_t
take_body(char *p, size_t size, size_t n, void *ctx)
{
	struct buf *b = ctx;

	if (size * n > HTTPS_REPLY_MAX - b->n)
		return 0;
	buf_put(b, p, size * n);
	return b->failed ? 0 : size * n;
}

static int
poll_stop(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct https *h = ctx;

	(void)a, (void)b, (void)c, (void)d;
	return h->stopped && h->stopped();
}

static bool
set_connection(struct https *h, const struct https_request *q)
{
	CURL *c = h->curl;
	bool ok = true;

	ok &= !curl_easy_setopt(
	    c, CURLOPT_PROTOCOLS_STR, h->plain ? "http" : "https");
	ok &= !curl_easy_setopt(
	    c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	ok &= !curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	ok &= !curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	ok &= !curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, h->connect_ms);
	ok &= !curl_easy_setopt(
	    c, CURLOPT_TIMEOUT_MS, h->total_ms + (long)(q->body.n / 1024 * 10));
	ok &= !curl_easy_setopt(
	    c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	if (h->loopback)
		ok &= !curl_easy_setopt(c, CURLOPT_PROXY, "");
	if (h->unix_socket)
		ok &= !curl_easy_setopt(
		    c, CURLOPT_UNIX_SOCKET_PATH, h->unix_socket);
	if (h->ca_file) {
		/* Debian's libcurl also looks into /etc/ssl/certs otherwise. */
		ok &= !curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
		ok &= !curl_easy_setopt(c, CURLOPT_CAINFO, h->ca_file);
	}
	if (h->cert_file) {
		ok &= !curl_easy_setopt(c, CURLOPT_SSLCERT, h->cert_file);
		ok &= !curl_easy_setopt(c, CURLOPT_SSLKEY,
		    h->key_file ? h->key_file : h->cert_file);
	}
	return ok;
}

static bool
set_request(struct https *h, const struct https_request *q, const char *url,
    const struct curl_slist *headers, struct buf *body)
{
	CURL *c = h->curl;
	bool ok = true;

	ok &= !curl_easy_setopt(c, CURLOPT_URL, url);
	ok &=
	    !curl_easy_setopt(c, CURLOPT_USERAGENT, "akashi/" PACKAGE_VERSION);
	ok &= !curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	ok &= !curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	ok &= !curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
	ok &= !curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->message);
	ok &= !curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, poll_stop);
	ok &= !curl_easy_setopt(c, CURLOPT_XFERINFODATA, h);
	ok &= !curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	if (strcmp(q->method, "GET") != 0) {
		ok &= !curl_easy_setopt(c, CURLOPT_POST, 1L);
		ok &= !curl_easy_setopt(
		    c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.n);
		ok &= !curl_easy_setopt(c, CURLOPT_POSTFIELDS,
		    q->body.n ? (const void *)q->body.p : "");
		ok &= !curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
	}
	return ok;
}

static bool
add_header(struct curl_slist **list, const char *name, const char *value)
{
	struct buf line = {0};

	buf_printf(&line, "%s: %s", name, value);
	struct curl_slist *l =
	    line.failed ? NULL : curl_slist_append(*list, line.p);
	buf_free(&line);
	if (l)
		*list = l;
	return l != NULL;
}

/* Printable ASCII without spaces: what a header may hold unescaped. */
static bool
token_valid(const char *t)
{
	for (; *t; t++)
		if (*t <= ' ' || *t > '~')
			return false;
	return true;
}

static rc
make_headers(
    const struct https_request *q, struct curl_slist **list, struct err *e)
{
	bool ok = true;

	if (q->token && !token_valid(q->token))
		return err_at(e, ERR_USAGE,
		    "The token holds a space or a control character.", "%s",
		    "token");
	if (q->token) {
		struct buf b = {0};
		buf_printf(&b, "Bearer %s", q->token);
		ok &= !b.failed && add_header(list, "Authorization", b.p);
		buf_free(&b);
	}
	if ((q->if_match && !token_valid(q->if_match)) ||
	    (q->signature && !token_valid(q->signature)))
		return err_at(e, ERR_USAGE,
		    "A header would hold a space or a control character.", "%s",
		    "header");
	if (q->if_match)
		ok &= add_header(list, "If-Match", q->if_match);
	if (q->signature)
		ok &= add_header(list, "Akashi-Signature", q->signature);
	/* libcurl would name a form as the type of an empty body. */
	ok &= add_header(
	    list, "Content-Type", q->content_type ? q->content_type : "");
	return ok ? RC_OK : err_at(e, ERR_MEMORY, NULL, "%s", "");
}

static enum err_code
code_of(CURLcode c, const struct buf *body)
{
	static const struct {
		CURLcode curl;
		enum err_code code;
	} rows[] = {
	    {CURLE_OPERATION_TIMEDOUT, ERR_CLIENT_TIMEOUT},
	    {CURLE_ABORTED_BY_CALLBACK, ERR_CLIENT_STOPPED},
	    {CURLE_PEER_FAILED_VERIFICATION, ERR_CLIENT_TLS},
	    {CURLE_SSL_CONNECT_ERROR, ERR_CLIENT_TLS},
	    {CURLE_SSL_CERTPROBLEM, ERR_CLIENT_TLS},
	    {CURLE_SSL_CACERT_BADFILE, ERR_CLIENT_TLS},
	    {CURLE_SSL_ISSUER_ERROR, ERR_CLIENT_TLS},
	    {CURLE_SSL_INVALIDCERTSTATUS, ERR_CLIENT_TLS},
	    {CURLE_WEIRD_SERVER_REPLY, ERR_CLIENT_RESPONSE},
	    {CURLE_UNSUPPORTED_PROTOCOL, ERR_CLIENT_RESPONSE},
	    {CURLE_OUT_OF_MEMORY, ERR_MEMORY},
	};

	if (c == CURLE_WRITE_ERROR)
		return body->failed ? ERR_MEMORY : ERR_CLIENT_RESPONSE;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].curl == c)
			return rows[i].code;
	return ERR_CLIENT_NETWORK;
}

static rc
failure(struct https *h, CURLcode c, const struct buf *body, struct err *e)
{
	enum err_code code = code_of(c, body);

	if (c == CURLE_WRITE_ERROR && code == ERR_CLIENT_RESPONSE)
		return err_text(e, code, "",
		    "The server's answer is larger than %d MiB.",
		    HTTPS_REPLY_MAX / 1024 / 1024);
	return err_text(e, code, h->base_url, "%.100s (%s)",
	    err_sentence(code, "en"),
	    h->message[0] ? h->message : curl_easy_strerror(c));
}

static void
take_info(CURL *c, struct https_reply *r)
{
	long status = 0;
	curl_off_t wait = 0;
	const char *type = NULL;

	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(c, CURLINFO_RETRY_AFTER, &wait);
	curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
	r->status = (int)status;
	r->retry_after = wait > 0 && wait < 86400 ? (unsigned)wait : 0;
	snprintf(
	    r->content_type, sizeof(r->content_type), "%s", type ? type : "");
}

/* The one place where a transfer runs; everything it borrows outlives it. */
static rc
perform(struct https *h, const struct https_request *q, const char *url,
    struct https_reply *out, struct err *e)
{
	struct curl_slist *headers = NULL;

	curl_easy_reset(h->curl);
	h->message[0] = '\0';
	rc r = make_headers(q, &headers, e);
	if (rc_ok(r) && !(set_connection(h, q) &&
			    set_request(h, q, url, headers, &out->body)))
		r = err_at(e, ERR_MEMORY, NULL, "%s", "");
	if (rc_ok(r)) {
		CURLcode c = curl_easy_perform(h->curl);
		if (c != CURLE_OK)
			r = failure(h, c, &out->body, e);
		else
			take_info(h->curl, out);
	}
	curl_slist_free_all(headers);
	return r;
}

rc
https_send(struct https *h, const struct https_request *q,
    struct https_reply *out, struct err *e)
{
	struct https_reply got = {0};
	struct buf url = {0};

	buf_printf(&url, "%s%s", h->base_url, q->path);
	rc r = url.failed ? err_at(e, ERR_MEMORY, NULL, "%s", "")
			  : perform(h, q, url.p, &got, e);
	buf_free(&url);
	if (!rc_ok(r)) {
		https_reply_free(&got);
		return r;
	}
	*out = got;
	return RC_OK;
}

void
https_reply_free(struct https_reply *r)
{
	buf_free(&r->body);
}

/* --- what an answer means ------------------------------------------------- */

static enum err_code
code_of_status(int status)
{
	static const struct {
		int status;
		enum err_code code;
	} rows[] = {
	    {401, ERR_AUTH_INVALID},
	    {403, ERR_AUTH_FORBIDDEN},
	    {404, ERR_HTTP_PATH},
	    {405, ERR_HTTP_METHOD},
	    {408, ERR_HTTP_TIMEOUT},
	    {409, ERR_HTTP_CONFLICT},
	    {412, ERR_HTTP_PRECONDITION},
	    {413, ERR_HTTP_LENGTH},
	    {415, ERR_HTTP_TYPE},
	    {429, ERR_HTTP_RATE},
	    {502, ERR_OVERLOAD},
	    {503, ERR_OVERLOAD},
	    {504, ERR_OVERLOAD},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].status == status)
			return rows[i].code;
	return ERR_CLIENT_RESPONSE;
}

static void
printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = '?';
}

static const char *
member(const json_t *doc, const char *key)
{
	const char *s = json_string_value(json_object_get(doc, key));

	return s ? s : "";
}

static bool
is_problem(const struct https_reply *r)
{
	static const char type[] = "application/problem+json";

	return strncmp(r->content_type, type, sizeof(type) - 1) == 0;
}

rc
https_problem(const struct https_reply *r, struct err *e)
{
	JSON_AUTO doc = NULL;
	struct err ignored;

	if (!is_problem(r) ||
	    !rc_ok(json_decode(buf_span(&r->body), LIMIT_JSON, &doc, &ignored)))
		return err_text(e, code_of_status(r->status), "",
		    "The server answered with HTTP status %d.", r->status);
	enum err_code code = err_by_name(member(doc, "code"));
	if (code == ERR_OK)
		code = code_of_status(r->status);
	const char *text = member(doc, "detail");
	const char *trace = member(doc, "trace_id");
	rc bad = err_text(e, code, member(doc, "path"), "%.220s%s%.32s%s",
	    *text ? text : member(doc, "title"), *trace ? " [trace " : "",
	    trace, *trace ? "]" : "");
	if (e) {
		printable(e->text);
		printable(e->path);
	}
	return bad;
}

rc
https_check(const struct https_reply *r, struct err *e)
{
	return r->status >= 200 && r->status < 300 ? RC_OK
						   : https_problem(r, e);
}

void
https_escape(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || (c && strchr("-._~", c));
		if (plain)
			buf_put(out, &c, 1);
		else
			buf_printf(out, "%%%02X", (unsigned)c);
	}
}

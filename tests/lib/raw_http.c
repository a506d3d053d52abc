/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/raw_http.h"

#include "lib/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct span
raw_bytes(struct arena *a, const struct raw_request *q)
{
	struct buf b = {0};

	buf_printf(&b,
	    "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
	    q->method, q->path);
	if (q->token)
		buf_printf(&b, "Authorization: Bearer %s\r\n", q->token);
	if (q->header)
		buf_puts(&b, q->header);
	if (q->type)
		buf_printf(&b, "Content-Type: %s\r\n", q->type);
	if (q->type || q->body.n)
		buf_printf(&b, "Content-Length: %zu\r\n",
		    q->length ? q->length : q->body.n);
	buf_puts(&b, "\r\n");
	buf_put(&b, q->body.p ? (const void *)q->body.p : "", q->body.n);
	ck_assert(!b.failed);
	struct span s = arena_copy(a, buf_span(&b));
	ck_assert_ptr_nonnull(s.p);
	buf_free(&b);
	return s;
}

static void
set_patience(int fd)
{
	const struct timeval patience = {.tv_sec = 30};

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			     sizeof(patience)),
	    0);
}

int
raw_dial(unsigned port, const char *source)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(inet_pton(AF_INET, source, &from.sin_addr), 1);
	ck_assert_int_eq(
	    bind(fd, (const struct sockaddr *)&from, sizeof(from)), 0);
	ck_assert_msg(
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0,
	    "connect: %s", strerror(errno));
	set_patience(fd);
	return fd;
}

int
raw_dial_unix(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	ck_assert_msg(
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0,
	    "connect %s: %s", path, strerror(errno));
	set_patience(fd);
	return fd;
}

void
raw_send(int fd, struct span bytes)
{
	while (bytes.n) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		bytes = span_of(bytes.p + n, bytes.n - (size_t)n);
	}
}

/* Head and body are there, by Content-Length. */
static bool
complete(const struct buf *b)
{
	const char *end = b->n ? strstr(b->p, "\r\n\r\n") : NULL;
	const char *length =
	    end ? strcasestr(b->p, "\r\ncontent-length:") : NULL;

	if (!length || length > end)
		return false;
	size_t n = strtoul(length + 17, NULL, 10);
	return b->n >= (size_t)(end + 4 - b->p) + n;
}

struct raw_reply
raw_receive(int fd, struct arena *a)
{
	struct raw_reply r = {0};
	struct buf b = {0};
	char chunk[8192];
	ssize_t n;

	do {
		n = recv(fd, chunk, sizeof(chunk), 0);
		buf_put(&b, chunk, n > 0 ? (size_t)n : 0);
	} while (n > 0 && !complete(&b));
	ck_assert_msg(
	    n >= 0 || errno == ECONNRESET, "receive: %s", strerror(errno));
	close(fd);
	const char *end = b.n ? strstr(b.p, "\r\n\r\n") : NULL;
	if (end && sscanf(b.p, "HTTP/1.1 %d", &r.status) == 1) {
		size_t head = (size_t)(end - b.p) + 2;
		r.head = arena_printf(a, "%.*s", (int)head, b.p);
		r.body = arena_copy(a, span_of(b.p + head + 2, b.n - head - 2));
		ck_assert_ptr_nonnull(r.head);
	}
	buf_free(&b);
	return r;
}

const char *
raw_header(const struct raw_reply *r, const char *name, struct arena *a)
{
	size_t n = strlen(name);
	const char *line = r->head ? strstr(r->head, "\r\n") : NULL;

	for (; line; line = strstr(line + 2, "\r\n")) {
		const char *at = line + 2;
		if (strncasecmp(at, name, n) != 0 || at[n] != ':')
			continue;
		at += n + 1;
		at += strspn(at, " ");
		return arena_printf(a, "%.*s", (int)strcspn(at, "\r"), at);
	}
	return NULL;
}

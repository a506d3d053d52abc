/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/canned.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct canned {
	const char *const *replies;
	size_t replies_n;
	int listener, stop[2];
	pthread_t thread;
	char url[64];
	size_t connections, n;
	struct {
		struct buf bytes;
		size_t head;
	} request[CANNED_MAX];
};

static void
need(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(99);
}

/* Wait for bytes; false when the test stops. */
static bool
readable(struct canned *c, int fd)
{
	struct pollfd p[] = {{fd, POLLIN, 0}, {c->stop[0], POLLIN, 0}};

	return poll(p, 2, 10000) > 0 && p[1].revents == 0;
}

static size_t
content_length(const struct buf *b)
{
	const char *p = strcasestr(b->p, "\r\ncontent-length:");

	return p ? strtoul(p + 17, NULL, 10) : 0;
}

/* One request into the next slot; false at the end of the connection. */
static bool
read_request(struct canned *c, int fd)
{
	struct buf *b = &c->request[c->n].bytes;
	size_t want = SIZE_MAX;
	char chunk[65536];

	while (b->n < want) {
		if (!readable(c, fd))
			return false;
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n <= 0)
			return false;
		buf_put(b, chunk, (size_t)n);
		const char *end = strstr(b->p, "\r\n\r\n");
		if (want == SIZE_MAX && end) {
			size_t head = (size_t)(end - b->p) + 4;
			c->request[c->n].head = head;
			want = head + content_length(b);
			if (strcasestr(b->p, "\r\nexpect:"))
				(void)!write(
				    fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
		}
	}
	return true;
}

static bool
answer(struct canned *c, int fd)
{
	size_t i = c->n < c->replies_n ? c->n : c->replies_n - 1;
	const char *text = c->replies[i];

	c->n++;
	if (strcmp(text, CANNED_SILENT) == 0)
		(void)readable(c, fd);
	if (strcmp(text, CANNED_SILENT) == 0 || !*text)
		return false;
	size_t left = strlen(text);
	while (left) {
		ssize_t n = send(fd, text, left, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		text += n;
		left -= (size_t)n;
	}
	return true;
}

static void *
serve(void *ctx)
{
	struct canned *c = ctx;

	while (c->n < CANNED_MAX && readable(c, c->listener)) {
		int fd = accept(c->listener, NULL, NULL);
		if (fd < 0)
			break;
		c->connections++;
		while (
		    c->n < CANNED_MAX && read_request(c, fd) && answer(c, fd))
			continue;
		if (c->n < CANNED_MAX)
			c->request[c->n].bytes.n = 0;
		close(fd);
	}
	return NULL;
}

static void
listen_unix(struct canned *c, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	c->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	need(bind(c->listener, (struct sockaddr *)&a, sizeof(a)) == 0, path);
	snprintf(c->url, sizeof(c->url), "http://localhost");
}

static void
listen_inet(struct canned *c)
{
	struct sockaddr_in a = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	c->listener = socket(AF_INET, SOCK_STREAM, 0);
	need(bind(c->listener, (struct sockaddr *)&a, sizeof(a)) == 0, "bind");
	need(getsockname(c->listener, (struct sockaddr *)&a, &n) == 0, "port");
	snprintf(c->url, sizeof(c->url), "http://127.0.0.1:%u",
	    (unsigned)ntohs(a.sin_port));
}

struct canned *
canned_start(const char *const *replies, size_t n, const char *unix_path)
{
	struct canned *c = calloc(1, sizeof(*c));

	need(c != NULL, "calloc");
	c->replies = replies;
	c->replies_n = n;
	if (unix_path)
		listen_unix(c, unix_path);
	else
		listen_inet(c);
	need(listen(c->listener, 8) == 0 && pipe(c->stop) == 0, "listen");
	need(pthread_create(&c->thread, NULL, serve, c) == 0, "thread");
	return c;
}

const char *
canned_url(const struct canned *c)
{
	return c->url;
}

void
canned_stop(struct canned *c)
{
	need(write(c->stop[1], "x", 1) == 1, "stop");
	pthread_join(c->thread, NULL);
	close(c->listener);
	close(c->stop[0]);
	close(c->stop[1]);
}

size_t
canned_requests(const struct canned *c)
{
	return c->n;
}

size_t
canned_connections(const struct canned *c)
{
	return c->connections;
}

struct span
canned_head(const struct canned *c, size_t i)
{
	return span_of(c->request[i].bytes.p, c->request[i].head);
}

struct span
canned_body(const struct canned *c, size_t i)
{
	const struct buf *b = &c->request[i].bytes;
	size_t head = c->request[i].head;

	return span_of(b->p + head, b->n - head);
}

void
canned_free(struct canned *c)
{
	for (size_t i = 0; i < CANNED_MAX; i++)
		buf_free(&c->request[i].bytes);
	free(c);
}

const char *
canned_reply(struct buf *out, int status, const char *headers, const char *body)
{
	buf_printf(out, "HTTP/1.1 %d Said\r\n%sContent-Length: %zu\r\n\r\n%s",
	    status, headers, strlen(body), body);
	need(!out->failed, "memory");
	return out->p;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/intake/harness.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A connection that hears nothing for this long has stalled. */
enum { STALL_MS = 10000, EVENTS = 256 };

struct client {
	int fd;
	size_t sent;
	size_t got;
	char head[1024];
};

struct run {
	int epoll;
	struct span request;
	size_t left, running;
	bool failed;
};

static void
push(struct run *run, struct client *c)
{
	while (c->sent < run->request.n) {
		ssize_t k = send(c->fd, run->request.p + c->sent,
		    run->request.n - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (k <= 0) {
			run->failed |= k == 0 || errno != EAGAIN;
			return;
		}
		c->sent += (size_t)k;
	}
}

static void
begin(struct run *run, struct client *c)
{
	c->sent = c->got = 0;
	if (run->left == 0) {
		close(c->fd);
		run->running--;
		return;
	}
	run->left--;
	push(run, c);
}

/* Answers are smaller than the head buffer; the last byte is the brace. */
static void
pull(struct run *run, struct client *c)
{
	ssize_t k = recv(c->fd, c->head + c->got, sizeof(c->head) - 1 - c->got,
	    MSG_DONTWAIT);

	if (k <= 0) {
		run->failed |= k == 0 || errno != EAGAIN;
		return;
	}
	c->got += (size_t)k;
	c->head[c->got] = 0;
	if (c->head[c->got - 1] != '}')
		return;
	run->failed |= memcmp(c->head, "HTTP/1.1 200", 12) != 0;
	begin(run, c);
}

static bool
connect_all(struct run *run, unsigned port, struct client *clients, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct epoll_event event = {
		    .events = EPOLLIN | EPOLLOUT | EPOLLET,
		    .data.ptr = &clients[i]};
		clients[i].fd = dial(port);
		if (clients[i].fd == -1 || epoll_ctl(run->epoll, EPOLL_CTL_ADD,
					       clients[i].fd, &event) != 0)
			return false;
		run->running++;
	}
	return true;
}

static void
drive(struct run *run)
{
	struct epoll_event events[EVENTS];

	while (run->running && !run->failed) {
		int n = epoll_wait(run->epoll, events, EVENTS, STALL_MS);
		run->failed |= n <= 0;
		for (int i = 0; i < n && !run->failed; i++) {
			struct client *c = events[i].data.ptr;
			if (events[i].events & EPOLLOUT)
				push(run, c);
			if (events[i].events & (EPOLLIN | EPOLLHUP))
				pull(run, c);
		}
	}
}

double
load(unsigned port, size_t n, size_t total, struct span request)
{
	struct run run = {
	    epoll_create1(EPOLL_CLOEXEC), request, total, 0, false};
	struct client *clients = calloc(n, sizeof(*clients));

	run.failed = !clients || !connect_all(&run, port, clients, n);
	int64_t start = clock_monotonic();
	for (size_t i = 0; i < n && !run.failed; i++)
		begin(&run, &clients[i]);
	drive(&run);
	double seconds = (double)(clock_monotonic() - start) / (double)TIME_S;
	close(run.epoll);
	for (size_t i = 0; run.failed && clients && i < n; i++)
		close(clients[i].fd);
	free(clients);
	return run.failed ? -1 : seconds;
}

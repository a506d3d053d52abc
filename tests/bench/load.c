/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MAX = 16 * 1024, EVENTS = 256 };

struct lane {
	int fd;
	const struct load_lane *work;
	size_t next; /* request being sent or answered */
	size_t sent;
	size_t have;
	int64_t started;
	char answer[ANSWER_MAX];
};

struct load {
	struct lane *lane;
	size_t n, done, finished;
	int64_t *took;
	int epoll;
	struct load_result *out;
};

static int64_t
thread_cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (int64_t)ts.tv_sec * TIME_S + ts.tv_nsec / 1000;
}

static rc
fault(struct err *e, const char *what)
{
	return err_text(
	    e, ERR_INTERNAL, "bench.load", "%s: %s.", what, strerror(errno));
}

static rc
dial(struct load *l, struct lane *lane, unsigned port, struct err *e)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = lane};
	int one = 1;

	lane->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (lane->fd < 0 ||
	    connect(lane->fd, (const struct sockaddr *)&to, sizeof(to)) != 0 ||
	    setsockopt(lane->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
	    epoll_ctl(l->epoll, EPOLL_CTL_ADD, lane->fd, &ev) != 0)
		return fault(e, "connect");
	return RC_OK;
}

/* A request is smaller than the socket's buffer, so that a blocking send never
 * waits for long. */
static rc
send_next(struct lane *lane, struct err *e)
{
	struct span q = lane->work->request[lane->next];

	lane->started = clock_monotonic();
	lane->have = 0;
	for (lane->sent = 0; lane->sent < q.n;) {
		ssize_t n = send(
		    lane->fd, q.p + lane->sent, q.n - lane->sent, MSG_NOSIGNAL);
		if (n <= 0)
			return fault(e, "send");
		lane->sent += (size_t)n;
	}
	return RC_OK;
}

/* The whole answer is there. */
static bool
complete(const struct lane *lane)
{
	const char *body = strstr(lane->answer, "\r\n\r\n");
	const char *length = strcasestr(lane->answer, "\r\ncontent-length:");

	if (!body || !length || length > body)
		return false;
	size_t n = strtoul(length + 17, NULL, 10);
	return lane->have >= (size_t)(body + 4 - lane->answer) + n;
}

static rc
take_answer(struct load *l, struct lane *lane, struct err *e)
{
	struct load_result *out = l->out;

	if (strncmp(lane->answer, "HTTP/1.1 200", 12) == 0) {
		out->answers++;
	} else if (out->refused++ == 0) {
		snprintf(
		    out->first, sizeof(out->first), "%.380s", lane->answer);
	}
	l->took[l->done++] = clock_monotonic() - lane->started;
	if (++lane->next < lane->work->n)
		return send_next(lane, e);
	l->finished++;
	return RC_OK;
}

static rc
receive(struct load *l, struct lane *lane, struct err *e)
{
	ssize_t n = recv(lane->fd, lane->answer + lane->have,
	    sizeof(lane->answer) - 1 - lane->have, 0);

	if (n <= 0)
		return fault(e, "receive");
	lane->have += (size_t)n;
	lane->answer[lane->have] = '\0';
	return complete(lane) ? take_answer(l, lane, e) : RC_OK;
}

static rc
drive(struct load *l, struct err *e)
{
	struct epoll_event ev[EVENTS];

	for (size_t i = 0; i < l->n; i++) {
		if (l->lane[i].work->n == 0)
			l->finished++;
		else
			TRY(send_next(&l->lane[i], e));
	}
	while (l->finished < l->n) {
		int n = epoll_wait(l->epoll, ev, EVENTS, 30000);
		if (n <= 0)
			return fault(e, "no answer within 30 s");
		for (int i = 0; i < n; i++)
			TRY(receive(l, ev[i].data.ptr, e));
	}
	return RC_OK;
}

static int
by_time(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static rc
run(struct load *l, unsigned port, const struct load_lane *lanes, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		l->lane[i].work = &lanes[i];
		TRY(dial(l, &l->lane[i], port, e));
	}
	int64_t cpu = thread_cpu(), wall = clock_monotonic();
	TRY(drive(l, e));
	l->out->wall = clock_monotonic() - wall;
	l->out->client = thread_cpu() - cpu;
	qsort(l->took, l->done, sizeof(*l->took), by_time);
	l->out->p50 = l->took[l->done / 2];
	l->out->p99 = l->took[l->done * 99 / 100];
	return RC_OK;
}

rc
load_run(unsigned port, const struct load_lane *lanes, size_t n,
    struct load_result *out, struct err *e)
{
	struct load l = {.n = n, .out = out};
	size_t total = 0;

	*out = (struct load_result){0};
	for (size_t i = 0; i < n; i++)
		total += lanes[i].n;
	l.lane = calloc(n, sizeof(*l.lane));
	l.took = calloc(total + 1, sizeof(*l.took));
	l.epoll = epoll_create1(EPOLL_CLOEXEC);
	rc r = l.lane && l.took && l.epoll >= 0 ? run(&l, port, lanes, e)
						: fault(e, "start");
	for (size_t i = 0; l.lane && i < n; i++)
		if (l.lane[i].fd > 0)
			close(l.lane[i].fd);
	if (l.epoll >= 0)
		close(l.epoll);
	free(l.lane);
	free(l.took);
	return r;
}

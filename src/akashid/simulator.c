/* SPDX-License-Identifier: Apache-2.0 */
/* The threads that simulations run on, and their queue. */
#include "akashid/simulate.h"

#include <stdlib.h>
#include <sys/resource.h>

enum {
	/* Pages waiting per thread: half a second each. */
	QUEUE_PER_THREAD = 8,
	RING = SIMULATORS_MAX * QUEUE_PER_THREAD,
	NICE = 10,
	TRIM_S = 30,
};

struct simulator {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct candidates *candidates;
	/* A ring of requests. */
	struct http_request *queue[RING];
	size_t head, queued;
	size_t threads;
	pthread_t thread[SIMULATORS_MAX];
	struct hasher *hasher[SIMULATORS_MAX];
	size_t started; /* threads, and hashers taken by them */
	bool stop;
};

static void
work(struct simulator *m, struct hasher *h, struct http_request *q)
{
	const struct simulating with = {h, m->candidates};
	struct err e = {.code = ERR_OK};

	if (!rc_ok(simulate_page(q, &with, &e))) {
		buf_free(&q->answer.body);
		(void)answer_problem(q, &e);
	}
	http_resume(q);
}

/* The next request, or NULL to stop; lock held. Now and then candidates that
 * nobody uses are dropped. */
static struct http_request *
next(struct simulator *m)
{
	struct timespec until;

	while (m->queued == 0 && !m->stop) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += TRIM_S;
		(void)pthread_cond_timedwait(&m->wake, &m->lock, &until);
		candidates_trim(m->candidates);
	}
	if (m->queued == 0)
		return NULL;
	struct http_request *q = m->queue[m->head];
	m->head = (m->head + 1) % RING;
	m->queued--;
	return q;
}

static void *
run(void *arg)
{
	struct simulator *m = arg;
	struct http_request *q;

	/* Of this thread alone: what nodes send goes first. */
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	pthread_mutex_lock(&m->lock);
	struct hasher *h = m->hasher[m->started++];
	while ((q = next(m))) {
		pthread_mutex_unlock(&m->lock);
		work(m, h, q);
		pthread_mutex_lock(&m->lock);
	}
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

enum http_then
handle_simulation(struct http_request *q)
{
	struct simulator *m = server_of(q)->simulator;
	struct err e;

	pthread_mutex_lock(&m->lock);
	bool full = m->queued >= m->threads * QUEUE_PER_THREAD || m->stop;
	if (!full) {
		m->queue[(m->head + m->queued++) % RING] = q;
		pthread_cond_signal(&m->wake);
	}
	pthread_mutex_unlock(&m->lock);
	if (!full)
		return HTTP_LATER;
	(void)err_at(&e, ERR_OVERLOAD, NULL, "%s", "");
	return answer_problem(q, &e);
}

static rc
start_threads(struct simulator *m, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		m->hasher[i] = hasher_new();
		if (!m->hasher[i])
			return err_at(e, ERR_MEMORY, NULL, "simulator");
	}
	for (; m->threads < n; m->threads++)
		if (pthread_create(&m->thread[m->threads], NULL, run, m) != 0)
			return err_text(e, ERR_INTERNAL, "simulator",
			    "No thread could be started.");
	return RC_OK;
}

rc
simulator_start(struct server *s, size_t threads, struct err *e)
{
	struct simulator *m = calloc(1, sizeof(*m));
	pthread_condattr_t attr;

	if (!m)
		return err_at(e, ERR_MEMORY, NULL, "simulator");
	pthread_mutex_init(&m->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&m->wake, &attr);
	pthread_condattr_destroy(&attr);
	s->simulator = m;
	m->candidates = candidates_new();
	return m->candidates ? start_threads(m, threads, e)
			     : err_at(e, ERR_MEMORY, NULL, "simulator");
}

/* No request waits any more: the listeners are gone. */
void
simulator_stop(struct server *s)
{
	struct simulator *m = s->simulator;

	if (!m)
		return;
	pthread_mutex_lock(&m->lock);
	m->stop = true;
	pthread_cond_broadcast(&m->wake);
	pthread_mutex_unlock(&m->lock);
	for (size_t i = 0; i < m->threads; i++)
		pthread_join(m->thread[i], NULL);
	for (size_t i = 0; i < SIMULATORS_MAX; i++)
		hasher_free(m->hasher[i]);
	candidates_free(m->candidates);
	pthread_cond_destroy(&m->wake);
	pthread_mutex_destroy(&m->lock);
	s->simulator = NULL;
	free(m);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The committer: one thread, one transaction for many submissions.
 *
 * 1. A job is answered after its batch is durable, or known not to be.
 * 2. A batch holds one submission per node; a second one waits for the next.
 * 3. Security events ride along. Each node and source has a budget of them;
 *    what is over it, or does not fit, is counted and logged.
 */
#include "akashid/server.h"

#include "akashid/budget.h"
#include "intake/limiter.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>

enum {
	EVENTS_MAX = 4096,
	/* Jobs waiting: beyond it the server says that it is busy. */
	QUEUE_MAX = 100000,
	BATCH_MAX = 10000,
};

struct event {
	struct security_event row;
	char source[HTTP_SOURCE];
	char trace[HTTP_TRACE];
};

struct committer {
	struct server *server;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct commit_job *head, **tail;
	size_t queued;
	bool stop;

	struct event *events, *spare;
	size_t events_n;
	uint64_t events_lost;
	uint64_t lost_untold; /* of the thread alone, as is told_at */
	int64_t told_at;
	struct budget *budget;

	/* Of the thread alone. */
	struct record *records;
	struct commit_job **jobs;
};

/* --- the queue
 * ---------------------------------------------------------------- */

void
committer_put(struct server *s, struct commit_job *job)
{
	struct committer *c = s->committer;
	struct err e;

	job->next = NULL;
	pthread_mutex_lock(&c->lock);
	bool full = c->queued >= QUEUE_MAX || c->stop;
	if (!full) {
		*c->tail = job;
		c->tail = &job->next;
		if (c->queued++ == 0)
			pthread_cond_signal(&c->wake);
	}
	pthread_mutex_unlock(&c->lock);
	if (full) {
		(void)err_at(&e, ERR_OVERLOAD, NULL, "%s", "");
		job->done(job, &e);
	}
}

/* Whose budget an event is on: the node's, else the source's. */
static struct span
cause_of(const struct http_request *q, const struct uuid *node,
    struct source *source)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = {.any.sa_family = AF_UNSPEC};

	if (node)
		return span_of(node->b, sizeof(node->b));
	if (inet_pton(AF_INET, q->source, &at.v4.sin_addr) == 1)
		at.any.sa_family = AF_INET;
	else if (inet_pton(AF_INET6, q->source, &at.v6.sin6_addr) == 1)
		at.any.sa_family = AF_INET6;
	*source = source_of(&at.any);
	return span_of(&source->key, sizeof(source->key));
}

static bool
within_budget(const struct http_request *q, const struct uuid *node)
{
	struct server *s = server_of(q);
	const struct conf *conf = conf_take(s->conf);
	struct source source;
	struct span cause = cause_of(q, node, &source);
	bool ok = budget_take(s->committer->budget, cause,
	    (uint64_t)conf->limits_events_per_hour, clock_monotonic());

	conf_drop(s->conf, conf);
	return ok;
}

void
committer_event(const struct http_request *q, struct hasher *h,
    const struct uuid *tenant, const struct uuid *node, enum err_code code)
{
	struct server *s = server_of(q);
	struct committer *c = s->committer;
	struct sha256 digest;

	if (!rc_ok(hash_of(h, ALG_SHA256, q->body, digest.b)))
		digest = (struct sha256){{0}};
	pthread_mutex_lock(&c->lock);
	if (c->events_n == EVENTS_MAX || !within_budget(q, node)) {
		c->events_lost++;
	} else {
		struct event *ev = &c->events[c->events_n++];
		snprintf(ev->source, sizeof(ev->source), "%s", q->source);
		snprintf(ev->trace, sizeof(ev->trace), "%s", q->trace);
		ev->row = (struct security_event){.tenant = *tenant,
		    .node = node ? *node : uuid_zero(),
		    .code = code,
		    .at = clock_now(&s->clock),
		    .digest = digest};
		pthread_cond_signal(&c->wake);
	}
	pthread_mutex_unlock(&c->lock);
}

/* --- one batch
 * ------------------------------------------------------------------- */

static bool
in_batch(const struct committer *c, size_t n, const struct commit_job *job)
{
	for (size_t i = 0; i < n; i++)
		if (uuid_eq(
			&c->jobs[i]->record.row.node, &job->record.row.node))
			return true;
	return false;
}

/* Take up to max jobs of different nodes off the queue; lock held. Later jobs
 * of a node in the batch stay where they are. */
static size_t
take_batch(struct committer *c, size_t max)
{
	struct commit_job **at = &c->head;
	size_t n = 0;

	while (*at && n < max) {
		struct commit_job *job = *at;
		if (in_batch(c, n, job)) {
			at = &job->next;
			continue;
		}
		*at = job->next;
		c->jobs[n++] = job;
	}
	while (*at)
		at = &(*at)->next;
	c->tail = at;
	c->queued -= n;
	return n;
}

static void
commit_batch(struct committer *c, size_t n)
{
	struct server *s = c->server;
	struct err e = {.code = ERR_OK};

	for (size_t i = 0; i < n; i++)
		c->records[i] = c->jobs[i]->record;
	rc r = s->store->ops->commit(s->store, c->records, n, &e);
	if (!rc_ok(r))
		log_note(&s->log, LOG_ERROR, "commit", &e,
		    "%zu submissions, some of which were not recorded", n);
	metrics_add(
	    metrics_slot(s->metrics, s->loops), METRIC_COMMIT_BATCHES, 1);
	for (size_t i = 0; i < n; i++) {
		struct commit_job *job = c->jobs[i];
		struct err one = e;
		job->record = c->records[i];
		if (job->record.outcome == OUTCOME_FAILED ||
		    job->record.outcome == OUTCOME_NONE)
			(void)err_at(&one,
			    job->record.error ? job->record.error
					      : ERR_DATABASE,
			    NULL, "%s", "");
		job->done(job, &one);
	}
}

/* At most each minute: who floods us must not flood the log. */
static void
tell_lost(struct committer *c, uint64_t lost)
{
	int64_t now = clock_monotonic();

	c->lost_untold += lost;
	if (c->lost_untold == 0 || now < c->told_at + 60 * TIME_S)
		return;
	c->told_at = now;
	log_note(&c->server->log, LOG_WARN, "security_event", NULL,
	    "%llu security events were not kept: too many of one node or "
	    "source, or at once",
	    (unsigned long long)c->lost_untold);
	c->lost_untold = 0;
}

static void
write_events(struct committer *c, struct event *events, size_t n, uint64_t lost)
{
	struct server *s = c->server;
	struct security_event *rows = calloc(n ? n : 1, sizeof(*rows));
	struct err e;

	metrics_add(metrics_slot(s->metrics, s->loops), METRIC_SECURITY_EVENTS,
	    n + lost);
	for (size_t i = 0; rows && i < n; i++) {
		rows[i] = events[i].row;
		rows[i].source = span_str(events[i].source);
		rows[i].trace = span_str(events[i].trace);
	}
	tell_lost(c, lost);
	if (!rows ||
	    (n && !rc_ok(s->store->ops->security_put(s->store, rows, n, &e))))
		log_note(&s->log, LOG_ERROR, "security_event", rows ? &e : NULL,
		    "%zu security events were not recorded", n);
	free(rows);
}

/* --- the thread
 * ------------------------------------------------------------------- */

static bool
wait_for_work(struct committer *c)
{
	while (!c->head && c->events_n == 0 && !c->stop)
		pthread_cond_wait(&c->wake, &c->lock);
	return c->head || c->events_n || !c->stop;
}

/* More submissions are likely to be on their way; a short wait makes one commit
 * of many. lock held. */
static void
linger(struct committer *c, int64_t us, size_t max)
{
	struct timespec until;

	if (us <= 0 || c->stop)
		return;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += us * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (c->queued < max && !c->stop)
		if (pthread_cond_timedwait(&c->wake, &c->lock, &until) != 0)
			return;
}

static void *
run(void *arg)
{
	struct committer *c = arg;

	pthread_mutex_lock(&c->lock);
	while (wait_for_work(c)) {
		const struct conf *conf = conf_take(c->server->conf);
		size_t max = (size_t)conf->commit_batch;
		int64_t wait = conf->commit_linger;
		conf_drop(c->server->conf, conf);
		if (c->head)
			linger(c, wait, max);
		size_t n = take_batch(c, max < BATCH_MAX ? max : BATCH_MAX);
		struct event *events = c->events;
		size_t events_n = c->events_n;
		uint64_t lost = c->events_lost;
		c->events = c->spare;
		c->events_n = 0;
		c->events_lost = 0;
		c->spare = events;
		pthread_mutex_unlock(&c->lock);
		if (n)
			commit_batch(c, n);
		if (events_n || lost)
			write_events(c, events, events_n, lost);
		pthread_mutex_lock(&c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static void
committer_free(struct committer *c)
{
	if (!c)
		return;
	free(c->events);
	free(c->spare);
	free(c->records);
	free(c->jobs);
	budget_free(c->budget);
	free(c);
}

rc
committer_start(struct server *s, struct err *e)
{
	struct committer *c = calloc(1, sizeof(*c));
	pthread_condattr_t attr;

	if (c) {
		c->server = s;
		c->tail = &c->head;
		c->events = calloc(EVENTS_MAX, sizeof(*c->events));
		c->spare = calloc(EVENTS_MAX, sizeof(*c->spare));
		c->records = calloc(BATCH_MAX, sizeof(*c->records));
		c->jobs = calloc(BATCH_MAX, sizeof(struct commit_job *));
		c->budget = budget_new();
	}
	if (!c || !c->events || !c->spare || !c->records || !c->jobs ||
	    !c->budget) {
		committer_free(c);
		return err_at(e, ERR_MEMORY, NULL, "committer");
	}
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->wake, &attr);
	pthread_condattr_destroy(&attr);
	s->committer = c;
	if (pthread_create(&c->thread, NULL, run, c) != 0) {
		s->committer = NULL;
		committer_free(c);
		return err_text(e, ERR_INTERNAL, "committer",
		    "No thread could be started.");
	}
	return RC_OK;
}

void
committer_stop(struct server *s)
{
	struct committer *c = s->committer;

	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->wake);
	s->committer = NULL;
	committer_free(c);
}

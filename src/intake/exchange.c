/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/exchange.h"

#include "base/text.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
	SPARES = 256, /* exchanges kept for reuse per loop */
	ARENA_MAX = 64 * 1024 * 1024,
};

/* --- deadlines ------------------------------------------------------------ */

void
expect_by(struct conn *c, enum http_cut phase, int64_t within)
{
	c->phase = phase;
	c->deadline = c->loop->now + within;
}

void
report_cut(struct loop *l, enum http_cut why, const char *source)
{
	const struct http_hooks *h = &l->server->options.hooks;

	if (h->cut)
		h->cut(h->ctx, l->index, why, source);
}

void
reap(struct loop *l)
{
	for (struct conn *c = l->conns; c; c = c->next) {
		if (c->deadline > l->now)
			continue;
		report_cut(l, c->phase, c->source);
		c->deadline = INT64_MAX;
		/* MHD sees the end of the stream and closes. */
		shutdown(c->fd, SHUT_RDWR);
	}
	l->next_reap = l->now + TICK_MS * TIME_MS;
}

/* --- exchanges ------------------------------------------------------------ */

void
new_trace(struct loop *l, char out[HTTP_TRACE])
{
	uint8_t id[16];

	memcpy(id, l->trace_seed, sizeof(l->trace_seed));
	l->traces++;
	for (int i = 0; i < 8; i++)
		id[8 + i] = (uint8_t)(l->traces >> (56 - 8 * i));
	hex_emit(span_of(id, sizeof(id)), out);
}

static struct exchange *
exchange_new(struct loop *l)
{
	struct exchange *x = l->spare;

	if (x) {
		l->spare = x->next;
		l->spares--;
		return x;
	}
	x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	arena_init(&x->arena, ARENA_MAX);
	body_init(&x->body);
	return x;
}

struct exchange *
exchange_begin(struct conn *c, struct MHD_Connection *mhd)
{
	struct loop *l = c->loop;
	struct exchange *x = exchange_new(l);

	if (!x)
		return NULL;
	x->q = (struct http_request){.arena = &x->arena,
	    .hasher = l->hasher,
	    .loop = l->index,
	    .ctx = l->server->options.hooks.ctx};
	memcpy(x->q.source, c->source, sizeof(x->q.source));
	x->next = NULL;
	x->conn = c;
	x->mhd = mhd;
	x->state = X_HEADERS;
	x->drained = 0;
	x->facts = (struct gate_facts){0};
	x->limits = (struct body_limits){.folder = l->server->spool_folder};
	x->refused.code = ERR_OK;
	return x;
}

void
exchange_free(struct exchange *x)
{
	body_free(&x->body);
	arena_free(&x->arena);
	free(x);
}

void
exchange_end(struct loop *l, struct exchange *x)
{
	buf_free(&x->q.answer.body);
	body_reset(&x->body);
	arena_reset(&x->arena);
	if (l->spares < SPARES) {
		x->next = l->spare;
		l->spare = x;
		l->spares++;
		return;
	}
	exchange_free(x);
}

void
name_source(const struct sockaddr *at, char out[HTTP_SOURCE])
{
	socklen_t n = at && at->sa_family == AF_INET6
			  ? sizeof(struct sockaddr_in6)
			  : sizeof(struct sockaddr_in);

	if (!at || (at->sa_family != AF_INET && at->sa_family != AF_INET6) ||
	    getnameinfo(at, n, out, HTTP_SOURCE, NULL, 0, NI_NUMERICHOST) != 0)
		snprintf(out, HTTP_SOURCE, "unix");
}

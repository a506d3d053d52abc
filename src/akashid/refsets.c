/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reference sets: objects of their own, named by the hash of their file.
 *
 * 1. A set is checked whole before it is kept, on a thread of its own: a loop
 *    serves others meanwhile. One at a time; who comes second is told so.
 * 2. It is compiled once and shared by every policy that names it. A policy is
 *    only given sets that its own tenant has.
 */
#include "akashid/server.h"

#include "appraise/refset.h"
#include "base/text.h"

#include <stdlib.h>

enum { DIFF_LINES = 100 }; /* of each kind, in an answer */

/* --- compiled sets
 * ------------------------------------------------------------- */

static rc
feed_loader(void *ctx, struct span piece, struct err *e)
{
	return refset_loader_feed(ctx, piece, e);
}

/* The set of a hash, held for the caller. */
static rc
load(struct server *s, const struct uuid *tenant, const struct sha256 *hash,
    struct refset **out, struct err *e)
{
	struct refset_loader *l = refset_loader_new();
	const struct refset_sink sink = {l, feed_loader};

	if (!l)
		return err_at(e, ERR_MEMORY, NULL, "refset");
	rc r = s->store->ops->refset_read(s->store, tenant, hash, &sink, e);
	if (rc_ok(r))
		r = refset_loader_end(l, out, e);
	refset_loader_free(l);
	if (rc_ok(r) && memcmp(refset_hash(*out), hash->b, 32) != 0) {
		refset_unref(*out);
		return err_text(e, ERR_INTERNAL, "refset",
		    "A reference set was changed in the database.");
	}
	return r;
}

/* The same, from memory where it is; REFSET_UNKNOWN if the tenant lacks it. */
static rc
hold(struct server *s, const struct uuid *tenant, const struct sha256 *hash,
    struct refset **out, struct err *e)
{
	TRY(s->store->ops->refset_read(s->store, tenant, hash, NULL, e));
	*out = refset_cache_get(s->refsets, hash->b);
	if (*out)
		return RC_OK;
	TRY(load(s, tenant, hash, out, e));
	rc r = refset_cache_put(s->refsets, *out);
	if (!rc_ok(r)) {
		refset_unref(*out);
		return err_at(e, r.code, NULL, "refset");
	}
	return RC_OK;
}

rc
refsets_bind(struct server *s, const struct uuid *tenant, struct policy *p,
    struct err *e)
{
	/* What this policy may have, of all that is in memory. */
	struct refset_cache *mine = refset_cache_new();
	struct refset_use use;
	rc r = mine ? RC_OK : err_at(e, ERR_MEMORY, NULL, "refset");

	for (size_t i = 0; rc_ok(r) && policy_refset(p, i, &use); i++) {
		struct refset *set = NULL;
		struct sha256 hash;
		memcpy(hash.b, use.hash, sizeof(hash.b));
		r = hold(s, tenant, &hash, &set, e);
		if (rc_ok(r))
			r = refset_cache_put(mine, set);
		refset_unref(set);
		if (r.code == ERR_REFSET_UNKNOWN)
			r = RC_OK; /* judged as policy.refset_missing */
	}
	if (rc_ok(r))
		policy_bind(p, mine);
	refset_cache_free(mine);
	return r;
}

rc
refsets_known(struct server *s, const struct uuid *tenant,
    const struct policy *p, struct err *e)
{
	struct refset_use use;
	struct sha256 hash;

	for (size_t i = 0; policy_refset(p, i, &use); i++) {
		memcpy(hash.b, use.hash, sizeof(hash.b));
		TRY(s->store->ops->refset_read(
		    s->store, tenant, &hash, NULL, e));
	}
	return RC_OK;
}

/* --- showing
 * ------------------------------------------------------------------- */

static void
write_row(const struct refset_row *p, struct jw *j)
{
	jw_object(j);
	jw_kstr(j, "name", p->name);
	jw_ku64(j, "version", p->version);
	jw_khex(j, "hash", span_of(p->hash.b, sizeof(p->hash.b)));
	jw_kspan(j, "alg", p->alg);
	jw_ku64(j, "entries", p->entries);
	jw_ku64(j, "bytes", p->bytes);
	jw_kstr(j, "author", p->author);
	jw_ktime(j, "created_at", p->created);
	jw_object_end(j);
}

static void
write_item(const void *list, size_t i, struct jw *j)
{
	const struct refset_list *l = list;

	write_row(&l->row[i], j);
}

enum http_then
handle_refset_list(struct http_request *q)
{
	struct server *s = server_of(q);
	struct refset_list list = {0};
	struct err e;

	if (!rc_ok(s->store->ops->refset_list(
		s->store, &q->caller.tenant, q->arena, &list, &e)))
		return answer_problem(q, &e);
	return answer_list(q, &list, list.n, write_item);
}

static rc
get(struct http_request *q, uint32_t version, struct refset_row *out,
    struct err *e)
{
	struct server *s = server_of(q);

	return s->store->ops->refset_get(s->store, &q->caller.tenant,
	    q->param[0], version, q->arena, out, e);
}

static enum http_then
show(struct http_request *q, uint32_t version)
{
	struct refset_row row;
	struct err e;

	if (!rc_ok(get(q, version, &row, &e)))
		return answer_problem(q, &e);
	struct jw j = answer_json(q);
	write_row(&row, &j);
	return answer_done(q);
}

enum http_then
handle_refset_get(struct http_request *q)
{
	return show(q, 0);
}

static rc
read_version(struct span text, uint32_t *out, struct err *e)
{
	uint64_t version;

	if (!number_parse(text, INT32_MAX, &version) || version == 0)
		return err_at(e, ERR_REFSET_UNKNOWN, NULL, "version");
	*out = (uint32_t)version;
	return RC_OK;
}

enum http_then
handle_refset_version(struct http_request *q)
{
	uint32_t version = 0;
	struct err e;

	if (!rc_ok(read_version(q->param[1], &version, &e)))
		return answer_problem(q, &e);
	return show(q, version);
}

/* --- work that takes its time
 * --------------------------------------------------- */

/* A request on a thread of its own. */
struct task {
	struct http_request *q;
	rc (*run)(struct http_request *q, struct err *e);
};

static void *
run_task(void *arg)
{
	struct task *t = arg;
	struct http_request *q = t->q;
	struct server *s = server_of(q);
	struct err e = {.code = ERR_OK};

	rc r = t->run(q, &e);
	free(t);
	if (!rc_ok(r)) {
		buf_free(&q->answer.body);
		(void)answer_problem(q, &e);
	}
	atomic_store(&s->refset_busy, false);
	http_resume(q);
	return NULL;
}

/* Answered when the thread has done it. OVERLOAD while another one works. */
static enum http_then
start(struct http_request *q, rc (*run)(struct http_request *q, struct err *e))
{
	struct server *s = server_of(q);
	struct task *t = malloc(sizeof(*t));
	pthread_attr_t attr;
	pthread_t thread;
	struct err e;
	bool idle = false;

	if (t && atomic_compare_exchange_strong(&s->refset_busy, &idle, true)) {
		*t = (struct task){q, run};
		pthread_attr_init(&attr);
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		int rv = pthread_create(&thread, &attr, run_task, t);
		pthread_attr_destroy(&attr);
		if (rv == 0)
			return HTTP_LATER;
		atomic_store(&s->refset_busy, false);
	}
	free(t);
	(void)err_at(&e, ERR_OVERLOAD, NULL, "refset");
	return answer_problem(q, &e);
}

/* --- put
 * ------------------------------------------------------------------------ */

static rc
put(struct http_request *q, struct err *e)
{
	struct server *s = server_of(q);
	struct principal who;
	struct actor actor = request_actor(q, &who);
	struct refset_row row = {.bytes = q->body.n};
	struct refset *set = NULL;
	uint32_t version = 0;

	if (!name_valid(q->param[0]))
		return err_at(e, ERR_NAME_FORMAT, NULL, "name");
	memcpy(row.name, q->param[0].p, q->param[0].n);
	TRY(refset_load(q->body, &set, e));
	memcpy(row.hash.b, refset_hash(set), sizeof(row.hash.b));
	row.alg = span_str(refset_alg(set)->name);
	row.entries = refset_count(set);
	refset_unref(set);
	TRY(s->store->ops->refset_put(
	    s->store, &actor, &row, q->body, &version, e));
	TRY(get(q, version, &row, e));
	struct jw j = answer_json(q);
	write_row(&row, &j);
	return RC_OK;
}

enum http_then
handle_refset_put(struct http_request *q)
{
	return start(q, put);
}

/* --- diff
 * ----------------------------------------------------------------------- */

/* Lines of a file as they come. */
struct lines {
	struct buf all;
};

static rc
feed_lines(void *ctx, struct span piece, struct err *e)
{
	struct lines *l = ctx;

	buf_put(&l->all, piece.p, piece.n);
	return l->all.failed ? err_at(e, ERR_MEMORY, NULL, "refset") : RC_OK;
}

static struct span
next_line(struct span *rest)
{
	const uint8_t *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	size_t n = end ? (size_t)(end - rest->p) : rest->n;
	struct span line = span_of(rest->p, n);

	*rest =
	    span_of(rest->p + n + (end != NULL), rest->n - n - (end != NULL));
	return line;
}

static int
compare(struct span a, struct span b)
{
	int d = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return d ? d : (a.n > b.n) - (a.n < b.n);
}

/* Both are sorted by bytes: one walk. Lines of `have` that `other` lacks. */
static uint64_t
write_missing(
    struct jw *j, const char *key, struct span have, struct span other)
{
	uint64_t n = 0;
	struct span b = other.n ? next_line(&other) : span_of(NULL, 0);

	jw_key(j, key);
	jw_array(j);
	while (have.n) {
		struct span a = next_line(&have);
		while (b.p && compare(b, a) < 0)
			b = other.n ? next_line(&other) : span_of(NULL, 0);
		if (b.p && compare(b, a) == 0)
			continue;
		if (n++ < DIFF_LINES)
			jw_span(j, a);
	}
	jw_array_end(j);
	return n;
}

static rc
read_file(struct http_request *q, const char *key, struct lines *out,
    struct refset_row *row, struct err *e)
{
	struct server *s = server_of(q);
	const struct refset_sink sink = {out, feed_lines};
	struct span text;
	uint32_t version = 0;

	TRY(query_get(q->query, key, q->arena, &text, e));
	TRY(read_version(text, &version, e));
	TRY(get(q, version, row, e));
	return s->store->ops->refset_read(
	    s->store, &q->caller.tenant, &row->hash, &sink, e);
}

static rc
diff(struct http_request *q, struct err *e)
{
	static const char *const known[] = {"from", "to", NULL};
	struct lines from = {{0}}, to = {{0}};
	struct refset_row a, b;

	rc r = query_only(q->query, known, q->arena, e);
	if (rc_ok(r))
		r = read_file(q, "from", &from, &a, e);
	if (rc_ok(r))
		r = read_file(q, "to", &to, &b, e);
	if (rc_ok(r)) {
		struct jw j = answer_json(q);
		jw_object(&j);
		jw_kstr(&j, "name", a.name);
		jw_ku64(&j, "from", a.version);
		jw_ku64(&j, "to", b.version);
		uint64_t added = write_missing(
		    &j, "added", buf_span(&to.all), buf_span(&from.all));
		uint64_t removed = write_missing(
		    &j, "removed", buf_span(&from.all), buf_span(&to.all));
		jw_ku64(&j, "added_n", added);
		jw_ku64(&j, "removed_n", removed);
		jw_object_end(&j);
	}
	buf_free(&from.all);
	buf_free(&to.all);
	return r;
}

enum http_then
handle_refset_diff(struct http_request *q)
{
	return start(q, diff);
}

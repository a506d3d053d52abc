/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Try a policy on what the server has recorded.
 *
 * The nodes are dealt to a few streams, each with a connection and a thread of
 * its own that asks for page after page; the server keeps nothing between
 * them, so that stopping this program stops the simulation.
 */
#include "akashi/api.h"
#include "akashi/simulation.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	STREAMS = 4,
	STREAMS_MAX = 32,
	NAMES = 5,
	/* Of one page, while the server is busy: about ten minutes. */
	BUSY_MAX = 600,
};

enum {
	OPT_SINCE = API_OPTION_COUNT,
	OPT_LABEL,
	OPT_NODES,
	OPT_STREAMS,
};

static const struct cli_option options[] = {
    API_OPTIONS,
    {0, "since", "TIME|DURATION",
	"from 2026-11-20T09:00:00Z, or so long ago; default 30d"},
    {'l', "label", "KEY=VALUE", "only nodes with this label; may repeat"},
    {0, "nodes", "N|all", "name so many nodes of each group; default 5"},
    {0, "streams", "N", "so many requests at a time; default 4"},
    {0, NULL, NULL, NULL},
};

struct asked {
	const char *since; /* RFC 3339 */
	json_t *labels;
	uint64_t nodes, streams;
};

struct stream;

/* What the streams share. */
struct work {
	struct api api;
	struct asked asked;
	struct buf common; /* members of every request */
	atomic_bool stop;
	pthread_mutex_t lock; /* for all below */
	struct simulation sim;
	uint64_t pages;
	bool failed;
	struct err e; /* the first failure */
};

struct stream {
	struct work *work;
	struct api_link *link;
	pthread_t thread;
	size_t share;
};

/* --- one stream -------------------------------------------------------------
 */

static void
fail(struct work *w, const struct err *e)
{
	pthread_mutex_lock(&w->lock);
	if (!w->failed)
		w->e = *e;
	w->failed = true;
	pthread_mutex_unlock(&w->lock);
	atomic_store(&w->stop, true);
}

static void
show_progress(const struct work *w)
{
	uint64_t n = 0;

	if (!isatty(STDERR_FILENO))
		return;
	for (size_t i = 0; i < SIMULATION_SLOTS; i++)
		for (const struct simulation_group *g = w->sim.slot[i]; g;
		     g = g->next)
			n += g->attestations;
	fprintf(stderr, "\r%llu attestations, %llu pages ",
	    (unsigned long long)n, (unsigned long long)w->pages);
}

static rc
add_page(struct work *w, const json_t *page, struct err *e)
{
	pthread_mutex_lock(&w->lock);
	rc r = simulation_add(&w->sim, page, e);
	w->pages++;
	show_progress(w);
	pthread_mutex_unlock(&w->lock);
	return r;
}

static void
write_request(const struct stream *s, const json_t *cursor, struct buf *body)
{
	const struct work *w = s->work;
	struct jw j = jw_over(body);

	buf_puts(body, "{");
	buf_put(body, w->common.p, w->common.n);
	j.comma = true;
	jw_ku64(&j, "share", s->share);
	jw_ku64(&j, "shares", w->asked.streams);
	if (cursor)
		jw_kstr(&j, "cursor", json_string_value(cursor));
	buf_puts(body, "}");
}

/* One page; a server that is busy is asked again when it says so. */
static rc
ask(struct stream *s, struct span body, json_t **page, struct err *e)
{
	rc r = RC_OK;

	for (int i = 0; i < BUSY_MAX && !atomic_load(&s->work->stop); i++) {
		unsigned wait = 0;
		r = api_link_post(
		    s->link, "/v1/simulations", body, page, &wait, e);
		if (r.code != ERR_OVERLOAD && r.code != ERR_HTTP_RATE)
			return r;
		sleep(wait ? wait : 1);
	}
	return r;
}

static rc
one_page(struct stream *s, json_t **cursor, struct err *e)
{
	struct buf body = {0};
	JSON_AUTO page = NULL;

	write_request(s, *cursor, &body);
	rc r = body.failed ? err_at(e, ERR_MEMORY, NULL, "%s", "")
			   : ask(s, buf_span(&body), &page, e);
	buf_free(&body);
	TRY(r);
	if (!page)
		return err_at(e, ERR_CLIENT_RESPONSE, NULL, "%s", "");
	TRY(add_page(s->work, page, e));
	json_t *next = json_object_get(page, "next");
	json_free(*cursor);
	*cursor = json_is_string(next) ? json_incref(next) : NULL;
	return RC_OK;
}

static void *
run_stream(void *arg)
{
	struct stream *s = arg;
	json_t *cursor = NULL;
	struct err e;
	rc r;

	do
		r = one_page(s, &cursor, &e);
	while (rc_ok(r) && cursor && !atomic_load(&s->work->stop));
	json_free(cursor);
	if (!rc_ok(r))
		fail(s->work, &e);
	return NULL;
}

/* --- all of them ------------------------------------------------------------
 */

/* The arena is the main thread's until the first stream runs, and theirs, with
 * the lock, from then on. */
static rc
open_links(struct work *w, struct stream *stream, struct err *e)
{
	for (size_t i = 0; i < w->asked.streams; i++) {
		stream[i] = (struct stream){.work = w, .share = i};
		TRY(api_link_open(&w->api, &stream[i].link, e));
	}
	return RC_OK;
}

static rc
run_streams(struct work *w, struct err *e)
{
	struct stream stream[STREAMS_MAX] = {{0}};
	size_t n = 0;
	rc r = open_links(w, stream, e);

	while (rc_ok(r) && n < w->asked.streams) {
		if (pthread_create(
			&stream[n].thread, NULL, run_stream, &stream[n]) == 0)
			n++;
		else
			r = err_at(e, ERR_MEMORY, NULL, "%s", "streams");
	}
	if (!rc_ok(r))
		atomic_store(&w->stop, true);
	for (size_t i = 0; i < n; i++)
		pthread_join(stream[i].thread, NULL);
	for (size_t i = 0; i < STREAMS_MAX; i++)
		api_link_close(stream[i].link);
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	TRY(r);
	if (w->failed)
		*e = w->e;
	return w->failed ? (rc){w->e.code} : simulation_end(&w->sim, e);
}

static int
report(struct work *w)
{
	struct cli *c = w->api.cli;
	struct buf out = {0};

	if (w->api.output == OUT_JSON)
		simulation_json(
		    &w->sim, w->asked.since, (size_t)w->asked.nodes, &out);
	else
		simulation_text(&w->sim, w->asked.since, c->lang,
		    (size_t)w->asked.nodes, &out);
	int code = cli_write(c, &out, simulation_exit(&w->sim));
	buf_free(&out);
	return code;
}

/* --- the command ------------------------------------------------------------
 */

/* The candidate, with its comma before what is the request's own. */
static rc
put_file(struct cli *c, const char *file, struct jw *j, struct err *e)
{
	struct span text;
	JSON_AUTO doc = NULL;

	TRY(cli_read(c, file, LIMIT_POLICY, &text, e));
	TRY(json_decode(text, LIMIT_POLICY, &doc, e));
	char *compact = json_dumps(doc, JSON_COMPACT);
	if (!compact)
		return err_at(e, ERR_MEMORY, NULL, "%s", file);
	jw_key(j, "candidate");
	jw_raw(j, span_str(compact));
	free(compact);
	return RC_OK;
}

/* NAME@VERSION, unless there is a file of this name. */
static bool
put_version(const char *arg, struct jw *j)
{
	const char *at = strrchr(arg, '@');
	uint64_t version;

	if (!at || access(arg, F_OK) == 0 ||
	    !name_valid(span_of(arg, (size_t)(at - arg))) ||
	    !number_parse(span_str(at + 1), INT32_MAX, &version) ||
	    version == 0)
		return false;
	jw_kspan(j, "policy", span_of(arg, (size_t)(at - arg)));
	jw_ku64(j, "version", version);
	return true;
}

static rc
prepare(struct work *w, const char *candidate, struct err *e)
{
	struct jw j = jw_over(&w->common);
	const char *key;
	json_t *value;

	if (!put_version(candidate, &j))
		TRY(put_file(w->api.cli, candidate, &j, e));
	jw_kstr(&j, "since", w->asked.since);
	jw_key(&j, "labels");
	jw_object(&j);
	json_object_foreach(w->asked.labels, key, value)
	    jw_kstr(&j, key, json_string_value(value));
	jw_object_end(&j);
	return w->common.failed ? err_at(e, ERR_MEMORY, NULL, "%s", candidate)
				: RC_OK;
}

static bool
take_label(struct asked *q, const char *arg)
{
	const char *eq = strchr(arg, '=');

	return eq && eq != arg &&
	       json_object_setn_new(q->labels, arg, (size_t)(eq - arg),
		   json_string(eq + 1)) == 0;
}

static int
take_option(struct cli *c, struct asked *q, int o, const char *arg)
{
	if (o == OPT_SINCE && !(q->since = api_since(c, arg)))
		return cli_usage(c, "--since takes a time or a duration");
	if (o == OPT_LABEL && !take_label(q, arg))
		return cli_usage(c, "a label is KEY=VALUE");
	if (o == OPT_NODES && strcmp(arg, "all") == 0)
		q->nodes = UINT32_MAX;
	else if (o == OPT_NODES &&
		 !number_parse(span_str(arg), UINT32_MAX, &q->nodes))
		return cli_usage(c, "--nodes takes a number, or all");
	if (o == OPT_STREAMS &&
	    (!number_parse(span_str(arg), STREAMS_MAX, &q->streams) ||
		q->streams == 0))
		return cli_usage(c, "--streams takes 1 to %d", STREAMS_MAX);
	return EXIT_TRUSTED;
}

static int
parse(struct cli *c, struct work *w, int argc, char **argv)
{
	const char *arg;
	bool bad = false;
	int o, code = EXIT_TRUSTED;

	while (code == EXIT_TRUSTED &&
	       (o = cli_next_option(
		    c, &cmd_policy_simulate, argc, argv, &arg)) != -1) {
		if (o < 0)
			return EXIT_USAGE;
		if (!api_option(&w->api, o, arg, &bad))
			code = take_option(c, &w->asked, o, arg);
		if (bad)
			return EXIT_USAGE;
	}
	if (code != EXIT_TRUSTED)
		return code;
	if (argc - optind != 1)
		return cli_usage(
		    c, "a policy file or NAME@VERSION is expected");
	return EXIT_TRUSTED;
}

static int
run(struct cli *c, int argc, char **argv)
{
	struct work *w = arena_alloc(&c->arena, sizeof(*w));
	JSON_AUTO labels = json_object();
	struct err e = {.code = ERR_MEMORY};

	if (!w || !labels)
		return cli_fail(c, &e);
	api_init(&w->api, c);
	w->asked = (struct asked){api_since(c, "30d"), labels, NAMES, STREAMS};
	w->sim.arena = &c->arena;
	int code = parse(c, w, argc, argv);
	if (code != EXIT_TRUSTED)
		return code;
	pthread_mutex_init(&w->lock, NULL);
	rc r = prepare(w, argv[optind], &e);
	if (rc_ok(r))
		r = run_streams(w, &e);
	code = rc_ok(r) ? report(w) : api_fail(&w->api, &e);
	/* 1 is about nodes; a candidate that is refused is no node's fault. */
	if (!rc_ok(r) && code == EXIT_NOT_TRUSTED)
		code = EXIT_USAGE;
	buf_free(&w->common);
	pthread_mutex_destroy(&w->lock);
	return code;
}

const struct cli_command cmd_policy_simulate = {"policy", "simulate",
    "FILE|NAME@VERSION",
    "what a policy would make of the evidence that is recorded", options, run};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: one thread that asks the database each second what changed.
 *
 * 1. Handlers see a whole snapshot or none; none means 503.
 * 2. A policy that was activated on another server is in force here within
 *    PERIOD, whatever notifications do.
 * 3. A snapshot that cannot be built keeps the old one, and /readyz says why
 *    until one can; but a snapshot whose policies or epoch were replaced judges
 *    nothing any more.
 */
#include "akashid/server.h"

#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	PERIOD_S = 1,
	PURGE_EVERY = 60, /* periods */
};

/* A used challenge is kept until no server's clock can think it fresh. */
#define PURGE_GRACE (3600 * TIME_S)

struct keeper {
	struct server *server;
	pthread_t thread;
	pthread_mutex_t lock; /* one refresh at a time */
	pthread_mutex_t sleep;
	pthread_cond_t wake;
	bool stop;
	bool again; /* a reload has not succeeded yet; under `lock` */
};

/* --- snapshots
 * ------------------------------------------------------------------- */

struct snapshot *
snapshot_take(struct server *s)
{
	pthread_mutex_lock(&s->snapshot_lock);
	struct snapshot *n = s->snapshot;
	if (n)
		atomic_fetch_add(&n->refs, 1);
	pthread_mutex_unlock(&s->snapshot_lock);
	return n;
}

void
snapshot_drop(struct snapshot *n)
{
	if (!n || atomic_fetch_sub(&n->refs, 1) != 1)
		return;
	policy_set_free(n->policies);
	pthread_mutex_destroy(&n->policies_lock);
	anchors_free(n->anchors);
	for (size_t i = 0; i < n->authors_n; i++)
		sign_key_free(n->author[i]);
	free(n->crls);
	secret_cleanse(&n->keys, sizeof(n->keys));
	free(n);
}

static void
snapshot_swap(struct server *s, struct snapshot *n)
{
	pthread_mutex_lock(&s->snapshot_lock);
	struct snapshot *old = s->snapshot;
	s->snapshot = n;
	pthread_mutex_unlock(&s->snapshot_lock);
	snapshot_drop(old);
}

/* --- trust anchors
 * ------------------------------------------------------------------- */

static rc
read_file(const char *path, struct buf *out, struct err *e)
{
	FILE *f = fopen(path, "rbe");
	char chunk[8192];
	size_t n;

	if (!f)
		return err_text(
		    e, ERR_FILE, path, "%s: %s.", path, strerror(errno));
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_put(out, chunk, n);
	bool bad = ferror(f) != 0;
	fclose(f);
	if (bad || out->failed)
		return err_text(e, ERR_FILE, path, "%s cannot be read.", path);
	return RC_OK;
}

static rc
add_anchors(const struct conf_list *files, enum rot_class rot,
    struct anchors **io, struct err *e)
{
	for (size_t i = 0; i < files->n; i++) {
		struct buf b = {0};
		rc r = read_file(files->v[i], &b, e);
		if (rc_ok(r))
			r = anchors_add(io, buf_span(&b), rot, e);
		buf_free(&b);
		if (!rc_ok(r))
			return err_prefix(e, r, "trust: ");
	}
	return RC_OK;
}

static rc
add_crl(const char *path, struct anchors *a, struct err *e)
{
	struct buf b = {0};
	rc r = read_file(path, &b, e);

	if (rc_ok(r))
		r = crls_add(a, buf_span(&b), e);
	buf_free(&b);
	return rc_ok(r) ? r : err_prefix(e, r, "trust.crls: ");
}

static rc
load_crls(const struct conf *c, struct snapshot *n, struct err *e)
{
	struct sha256 digest;

	if (c->trust_crls.n && !n->anchors)
		return err_text(e, ERR_CONFIG, "trust.crls",
		    "Revocation lists need the trust anchors of their "
		    "issuers.");
	for (size_t i = 0; i < c->trust_crls.n; i++)
		TRY(add_crl(c->trust_crls.v[i], n->anchors, e));
	if (n->anchors && c->trust_crl_stale == CRL_STALE_ACCEPT)
		crls_accept_stale(n->anchors);
	while (crls_digest(n->anchors, n->crls_n, digest.b))
		n->crls_n++;
	n->crls = calloc(n->crls_n + 1, sizeof(*n->crls));
	if (!n->crls)
		return err_at(e, ERR_MEMORY, NULL, "trust.crls");
	for (size_t i = 0; i < n->crls_n; i++)
		(void)crls_digest(n->anchors, i, n->crls[i].b);
	return RC_OK;
}

static rc
load_anchors(const struct conf *c, struct snapshot *n, struct err *e)
{
	if (c->trust_virtual.n && !c->lab_allow_virtual)
		return err_text(e, ERR_CONFIG, "trust.virtual",
		    "Virtual TPMs are refused unless lab.allow_virtual is "
		    "true.");
	TRY(add_anchors(&c->trust_discrete, ROT_DISCRETE, &n->anchors, e));
	TRY(add_anchors(&c->trust_firmware, ROT_FIRMWARE, &n->anchors, e));
	TRY(add_anchors(&c->trust_virtual, ROT_VIRTUAL, &n->anchors, e));
	if (n->anchors)
		anchors_digest(n->anchors, n->anchors_digest.b);
	return load_crls(c, n, e);
}

/* --- authors' keys
 * ------------------------------------------------------------------- */

static rc
load_authors(const struct conf *c, struct snapshot *n, struct err *e)
{
	n->signed_policies = c->policy_require_signature;
	if (n->signed_policies && c->policy_author_keys.n == 0)
		return err_text(e, ERR_CONFIG, "policy.author_keys",
		    "policy.require_signature needs the authors' keys.");
	for (size_t i = 0; i < c->policy_author_keys.n; i++) {
		struct buf b = {0};
		rc r = i < AUTHORS_MAX
			   ? read_file(c->policy_author_keys.v[i], &b, e)
			   : err_text(e, ERR_CONFIG, "policy.author_keys",
				 "At most %d keys.", AUTHORS_MAX);
		if (rc_ok(r))
			r = jws_key_load(buf_span(&b), &n->author[i], e);
		buf_free(&b);
		if (!rc_ok(r))
			return err_prefix(e, r, "policy.author_keys: ");
		n->authors_n++;
	}
	return RC_OK;
}

/* --- building
 * -------------------------------------------------------------------------- */

/* Settings that change a verdict, for its statement: keys in ASCII order. */
static void
write_switches(struct snapshot *n)
{
	struct buf b = {0};
	struct jw w = jw_over(&b);

	jw_object(&w);
	jw_kbool(&w, "allow_virtual", n->allow_virtual);
	jw_kstr(&w, "pcrs", n->asked_text);
	jw_kstr(&w, "region", n->region);
	jw_kbool(&w, "signed_policies", n->signed_policies);
	jw_object_end(&w);
	snprintf(n->switches_text, sizeof(n->switches_text), "%s",
	    b.failed ? "{}" : b.p);
	n->switches = span_str(n->switches_text);
	buf_free(&b);
}

static void
take_cluster(struct snapshot *n, const struct cluster *c)
{
	n->keys.n = c->n < CHALLENGE_KEYS ? c->n : CHALLENGE_KEYS;
	for (size_t i = 0; i < n->keys.n; i++) {
		n->keys.key[i].id = c->key[i].id;
		for (size_t k = 0; k < CHALLENGE_KEY; k++)
			n->keys.key[i].key[k] = c->key[i].key[k];
	}
	n->epoch = c->epoch;
	n->policy_serial = c->policy_serial;
}

static rc
fill(const struct conf *conf, const struct cluster *cluster, struct snapshot *n,
    struct err *e)
{
	struct arena scratch;

	take_cluster(n, cluster);
	n->allow_virtual = conf->lab_allow_virtual;
	TRY(load_authors(conf, n, e));
	TRY(pcr_selections_parse(span_str(conf->attest_pcrs), &n->asked, e));
	arena_init(&scratch, 64 * 1024);
	const char *text = pcr_selections_text(&scratch, &n->asked);
	snprintf(n->asked_text, sizeof(n->asked_text), "%s", text ? text : "");
	arena_free(&scratch);
	if (strlen(conf->instance_region) >= sizeof(n->region))
		return err_at(e, ERR_CONFIG,
		    "The name of a region has at most 127 bytes.",
		    "instance.region");
	snprintf(n->region, sizeof(n->region), "%s", conf->instance_region);
	write_switches(n);
	return load_anchors(conf, n, e);
}

static rc
build(struct server *s, const struct cluster *cluster, struct snapshot **out,
    struct err *e)
{
	struct snapshot *n = calloc(1, sizeof(*n));
	const struct conf *conf = conf_take(s->conf);

	if (!n) {
		conf_drop(s->conf, conf);
		return err_at(e, ERR_MEMORY, NULL, "snapshot");
	}
	atomic_init(&n->refs, 1);
	pthread_mutex_init(&n->policies_lock, NULL);
	rc r = fill(conf, cluster, n, e);
	conf_drop(s->conf, conf);
	if (!rc_ok(r)) {
		snapshot_drop(n);
		return r;
	}
	*out = n;
	return RC_OK;
}

static bool
unchanged(struct server *s, const struct cluster *c)
{
	struct snapshot *n = snapshot_take(s);
	bool same = n && n->policy_serial == c->policy_serial &&
		    n->epoch == c->epoch && n->keys.n == c->n &&
		    n->keys.key[0].id == c->key[0].id;

	snapshot_drop(n);
	return same;
}

/* What is in force was replaced: activated policies, or the epoch. */
static bool
outdated(struct server *s, const struct cluster *c)
{
	struct snapshot *n = snapshot_take(s);
	bool old =
	    n && (n->policy_serial != c->policy_serial || n->epoch != c->epoch);

	snapshot_drop(n);
	return old;
}

static rc
look(struct server *s, bool force, struct err *e)
{
	struct cluster cluster = {0};
	struct snapshot *n = NULL;

	TRY(s->store->ops->ready(s->store, e));
	TRY(s->store->ops->cluster_get(s->store, &cluster, e));
	if (!force && unchanged(s, &cluster)) {
		secret_cleanse(&cluster, sizeof(cluster));
		return RC_OK;
	}
	rc r = build(s, &cluster, &n, e);
	struct snapshot *old = rc_ok(r) ? snapshot_take(s) : NULL;
	if (old)
		policies_warm(s, n, old);
	snapshot_drop(old);
	if (rc_ok(r) || outdated(s, &cluster))
		snapshot_swap(s, n);
	secret_cleanse(&cluster, sizeof(cluster));
	return r;
}

/* Say it when readiness changes, not each second. */
static void
tell(struct server *s, rc r, const struct err *e)
{
	bool ready = rc_ok(r);
	char text[sizeof(s->store_problem)] = "";

	if (!ready)
		snprintf(text, sizeof(text), "%s: %.200s %.100s",
		    err_name(e->code),
		    *e->text ? e->text : err_sentence(e->code, "en"), e->path);
	pthread_mutex_lock(&s->snapshot_lock);
	bool news = strcmp(text, s->store_problem) != 0 ||
		    ready != atomic_load(&s->store_ready);
	snprintf(s->store_problem, sizeof(s->store_problem), "%s", text);
	pthread_mutex_unlock(&s->snapshot_lock);
	atomic_store(&s->store_ready, ready);
	metrics_gauge(s->metrics, METRIC_READY, ready);
	if (news && ready)
		log_note(&s->log, LOG_NOTICE, "ready", NULL,
		    "the database answers; serving");
	else if (news)
		log_note(&s->log, LOG_ERROR, "not_ready", e,
		    "not ready; trying each second");
}

rc
keeper_refresh(struct server *s, bool reload, struct err *e)
{
	struct keeper *k = s->keeper;

	pthread_mutex_lock(&k->lock);
	k->again |= reload;
	rc r = look(s, k->again, e);
	k->again = k->again && !rc_ok(r);
	tell(s, r, e);
	pthread_mutex_unlock(&k->lock);
	return r;
}

/* --- the thread
 * ------------------------------------------------------------------------- */

static void
purge(struct server *s)
{
	uint64_t dropped;
	struct err e;

	if (!rc_ok(s->store->ops->purge(
		s->store, clock_now(&s->clock) - PURGE_GRACE, &dropped, &e)))
		log_note(&s->log, LOG_WARN, "purge", &e,
		    "expired challenges were not dropped");
}

static bool
sleep_period(struct keeper *k)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PERIOD_S;
	pthread_mutex_lock(&k->sleep);
	int rv = 0;
	while (!k->stop && rv == 0)
		rv = pthread_cond_timedwait(&k->wake, &k->sleep, &until);
	bool go_on = !k->stop;
	pthread_mutex_unlock(&k->sleep);
	return go_on;
}

static void *
run(void *arg)
{
	struct keeper *k = arg;
	struct err e;

	for (unsigned i = 0; sleep_period(k); i++) {
		rc r = keeper_refresh(k->server, false, &e);
		if (i % PURGE_EVERY == 0)
			(void)refset_cache_trim(k->server->refsets);
		if (rc_ok(r) && i % PURGE_EVERY == 0)
			purge(k->server);
	}
	return NULL;
}

rc
keeper_start(struct server *s, struct err *e)
{
	struct keeper *k = calloc(1, sizeof(*k));
	pthread_condattr_t attr;

	if (!k)
		return err_at(e, ERR_MEMORY, NULL, "keeper");
	k->server = s;
	pthread_mutex_init(&k->lock, NULL);
	pthread_mutex_init(&k->sleep, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&k->wake, &attr);
	pthread_condattr_destroy(&attr);
	s->keeper = k;
	/* The first look is made at once, so that a good start serves at
	 * once; a missing database is no reason to end. */
	struct err first;
	(void)!rc_ok(keeper_refresh(s, false, &first));
	if (pthread_create(&k->thread, NULL, run, k) != 0) {
		s->keeper = NULL;
		free(k);
		return err_text(
		    e, ERR_INTERNAL, "keeper", "No thread could be started.");
	}
	return RC_OK;
}

void
keeper_stop(struct server *s)
{
	struct keeper *k = s->keeper;

	if (!k)
		return;
	pthread_mutex_lock(&k->sleep);
	k->stop = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->sleep);
	pthread_join(k->thread, NULL);
	s->keeper = NULL;
	free(k);
	snapshot_swap(s, NULL);
}

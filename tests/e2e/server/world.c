/* SPDX-License-Identifier: Apache-2.0 */
#include "e2e/server/world.h"

#include "appraise/learn.h"
#include "attest/attest.h"
#include "base/text.h"
#include "lib/recorded.h"
#include "record/labels.h"
#include "record/store_mem.h"
#include "unit/record/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define QUOTE "quote-sha256-0_15-rsassa"

/* --- requests
 * ------------------------------------------------------------------ */

struct answer
answer_of(struct world *w, struct raw_reply r)
{
	struct answer out = {.status = r.status, .code = "", .raw = r};
	const char *type = raw_header(&r, "content-type", &w->arena);

	if (!type || !strstr(type, "json"))
		return out;
	ck_assert_uint_lt(w->docs, WORLD_DOCS);
	out.json = json_loadb(
	    (const char *)r.body.p, r.body.n, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(
	    out.json, "no JSON: %.*s", (int)r.body.n, (const char *)r.body.p);
	w->doc[w->docs++] = out.json;
	if (r.status >= 400)
		out.code = text_at(out.json, "code");
	return out;
}

struct answer
ask(struct world *w, const struct raw_request *q)
{
	int fd = raw_dial(http_port(w->server->api), w->source);

	raw_send(fd, raw_bytes(&w->arena, q));
	return answer_of(w, raw_receive(fd, &w->arena));
}

struct answer
get(struct world *w, const char *path)
{
	const struct raw_request q = {
	    .method = "GET", .path = path, .token = w->operator};

	return ask(w, &q);
}

struct answer
post_as(struct world *w, const char *token, const char *path, const char *body)
{
	const struct raw_request q = {.method = "POST",
	    .path = path,
	    .token = token,
	    .type = "application/json",
	    .body = span_str(body)};

	return ask(w, &q);
}

struct answer
post(struct world *w, const char *path, const char *body)
{
	return post_as(w, w->operator, path, body);
}

const json_t *
json_at(const json_t *json, const char *path)
{
	char part[64];

	while (json && *path) {
		size_t n = strcspn(path, ".");
		snprintf(part, sizeof(part), "%.*s", (int)n, path);
		json = json_is_array(json)
			   ? json_array_get(json, strtoul(part, NULL, 10))
			   : json_object_get(json, part);
		path += n + (path[n] == '.');
	}
	return json;
}

const char *
text_at(const json_t *json, const char *path)
{
	const char *s = json_string_value(json_at(json, path));

	return s ? s : "";
}

const char *
b64(struct world *w, struct span s)
{
	return base64url_string(&w->arena, s);
}

/* --- the golden policy
 * ------------------------------------------------------------- */

/* Files that a test may measure: /opt/good-0 to /opt/good-9, whose content is
 * their path. */
static struct span
allowed(struct world *w)
{
	struct buf b = {0};
	uint8_t digest[32];

	for (int i = 0; i < 10; i++) {
		const char *path = arena_printf(&w->arena, "/opt/good-%d", i);
		ck_rc_ok(hash_of(w->h, ALG_SHA256, span_str(path), digest));
		buf_printf(&b, "%s  %s\n",
		    hex_string(&w->arena, span_of(digest, 32)), path);
	}
	struct span s = arena_copy(&w->arena, buf_span(&b));
	buf_free(&b);
	return s;
}

static void
learn(struct world *w)
{
	struct recorded r = recorded_boot(&w->arena, GOLDEN_BOOT, QUOTE);
	struct attest_context ctx = recorded_context(&r, NULL);
	struct attest_facts *facts = arena_alloc(&w->arena, sizeof(*facts));
	struct verdict *v = arena_alloc(&w->arena, sizeof(*v));
	const struct span allow[] = {allowed(w)};
	const struct learn_options o = {
	    .name = "golden", .ima_allow = allow, .ima_allow_n = 1};
	struct learn_note *notes = NULL;
	struct buf json = {0};
	struct err e;

	ck_rc_ok(attest_evidence(&r.ev, &ctx, w->h, &w->arena, v, facts, &e));
	const struct golden golden = {.boot = attest_boot_facts(facts, w->h),
	    .ima = span_of(r.ev.ima.p, facts->ima.bytes),
	    .source = "golden"};
	ck_rc_ok(policy_learn(&golden, 1, &o, &w->arena, &json, &notes, &e));
	w->policy = arena_copy(&w->arena, buf_span(&json));
	buf_free(&json);
}

static void
put_golden(struct world *w)
{
	const struct raw_request q = {.method = "POST",
	    .path = "/v1/policies/golden",
	    .token = w->operator,
	    .type = "application/json",
	    .body = w->policy};

	says(ask(w, &q), 200, "");
	says(post(w, "/v1/policies/golden/activate",
		 "{\"version\":1,\"selector\":{\"site\":\"lab\"}}"),
	    200, "");
}

/* --- the server
 * -------------------------------------------------------------------- */

static struct store *
memory_or_database(const struct world *w)
{
	struct store *st = NULL;
	struct err e;

	if (!*w->database)
		ck_rc_ok(store_mem_open(&st, &e));
	return st;
}

static const char *const usual[] = {"AKASHID_LISTEN=127.0.0.1:0",
    "AKASHID_TLS_MODE=off", "AKASHID_POLICY_FOUR_EYES=false",
    "AKASHID_LOG_LEVEL=error", "AKASHID_THREADS=2",
    "AKASHID_ATTEST_PCRS=sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"};

static struct conf *
conf_of(struct world *w, const char *socket, const char *const *settings)
{
	char *env[40] = {NULL};
	char text[256];
	size_t n = 0;
	struct conf *c;
	struct err e = {0};

	for (; n < sizeof(usual) / sizeof(usual[0]); n++)
		env[n] = arena_printf(&w->arena, "%s", usual[n]);
	env[n++] = arena_printf(&w->arena, "AKASHID_ADMIN_SOCKET=%s", socket);
	if (*w->database)
		env[n++] =
		    arena_printf(&w->arena, "AKASHID_DATABASE_CONNINFO=%s",
			conninfo("akashi_app", w->database, text));
	for (size_t i = 0; settings && settings[i]; i++)
		env[n++] = arena_printf(&w->arena, "%s", settings[i]);
	rc r = conf_load(NULL, env, &c, &e);
	ck_assert_msg(rc_ok(r), "%s: %s", e.path, e.text);
	return c;
}

void
world_reload(struct world *w, const char *const *settings)
{
	struct err e = {0};
	rc r = server_reload(w->server, conf_of(w, w->socket, settings), &e);

	ck_assert_msg(rc_ok(r), "%s: %s", e.path, e.text);
}

static struct server *
start(struct world *w, const char *socket, const char *const *settings,
    struct store *store)
{
	struct server *out = NULL;
	struct err e = {0};
	rc r = server_start(conf_of(w, socket, settings), store, &out, &e);

	ck_assert_msg(rc_ok(r), "server_start: %s", e.text);
	return out;
}

void
world_begin_bare(
    struct world *w, const char *database, const char *const *settings)
{
	*w = (struct world){.source = "127.0.0.1"};
	arena_init(&w->arena, (size_t)1 << 30);
	w->h = hasher_new();
	snprintf(w->database, sizeof(w->database), "%s", database);
	snprintf(w->socket, sizeof(w->socket), "/tmp/akashid-test.%d.sock",
	    (int)getpid());
	w->server = start(w, w->socket, settings, memory_or_database(w));
	w->both[0] = w->server;
}

void
world_second(struct world *w, const char *const *settings)
{
	const char *socket = arena_printf(
	    &w->arena, "/tmp/akashid-test.%d.two.sock", (int)getpid());

	w->both[1] =
	    start(w, socket, settings, *w->database ? NULL : w->both[0]->store);
	world_use(w, 1);
	ck_assert(world_ready(w));
}

void
world_use(struct world *w, int which)
{
	w->server = w->both[which];
}

static void
stay_open(struct store *st)
{
	(void)st;
}

/* A store in memory is the first server's to close. */
void
world_end_second(struct world *w)
{
	struct store *st = w->both[0]->store;
	const struct store_ops *ops = st->ops;
	struct store_ops open = *ops;

	open.close = stay_open;
	if (!*w->database)
		st->ops = &open;
	unlink(w->both[1]->admin_listen + strlen("unix:"));
	server_stop(w->both[1]);
	st->ops = ops;
	world_use(w, 0);
}

bool
world_ready(struct world *w)
{
	for (int i = 0; i < 400; i++) {
		if (atomic_load(&w->server->store_ready))
			return true;
		usleep(50000);
	}
	return false;
}

static void
make_operator(struct world *w)
{
	struct raw_request q = {.method = "POST",
	    .path = "/admin/init",
	    .type = "application/json",
	    .body = span_str("{}")};
	int fd = raw_dial_unix(w->socket);
	struct sha256 hash;
	struct err e;

	raw_send(fd, raw_bytes(&w->arena, &q));
	struct answer a = answer_of(w, raw_receive(fd, &w->arena));
	says(a, 200, "");
	snprintf(
	    w->operator, sizeof(w->operator), "%s", text_at(a.json, "token"));
	ck_rc_ok(hash_of(w->h, ALG_SHA256, span_str(w->operator), hash.b));
	ck_rc_ok(w->server->store->ops->admin_get(
	    w->server->store, &hash, &w->admin, &e));
}

void
world_found(struct world *w)
{
	make_operator(w);
	struct answer a = post(w, "/v1/tokens",
	    "{\"class\":\"test\",\"labels\":{\"site\":\"lab\"},\"uses\":1000,"
	    "\"ttl\":\"1h\"}");
	says(a, 200, "");
	snprintf(w->enrol, sizeof(w->enrol), "%s", text_at(a.json, "token"));
	learn(w);
	put_golden(w);
}

void
world_begin(struct world *w, const char *const *settings)
{
	char name[32] = "";
	static int n;

	if (cluster()) {
		snprintf(name, sizeof(name), "s%d_%d", (int)getpid(), n++);
		char sql[100];
		snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE akashi",
		    name);
		as_superuser("postgres", sql);
	}
	world_begin_bare(w, name, settings);
	ck_assert(world_ready(w));
	world_found(w);
}

void
world_end(struct world *w)
{
	server_stop(w->server);
	unlink(w->socket);
	for (size_t i = 0; i < w->docs; i++)
		json_decref(w->doc[i]);
	for (size_t i = 0; i < w->sims; i++)
		soft_tpm_free(&w->sim[i]->tpm);
	hasher_free(w->h);
	arena_free(&w->arena);
}

/* --- nodes
 * --------------------------------------------------------------------- */

struct sim *
sim_alloc(struct world *w, const char *name, EVP_PKEY *ek)
{
	struct sim *s = arena_alloc(&w->arena, sizeof(*s));

	ck_assert_ptr_nonnull(s);
	ck_assert_uint_lt(w->sims, WORLD_NODES);
	w->sim[w->sims++] = s;
	s->name = name;
	soft_tpm_new(&s->tpm, ek, &w->arena, w->h);
	return s;
}

static struct span
decoded(struct world *w, const json_t *json, const char *key)
{
	struct span out;

	ck_rc_ok(
	    base64url_decode(span_str(text_at(json, key)), &w->arena, &out));
	return out;
}

void
sim_join(struct world *w, struct sim *s)
{
	struct span secret;

	struct answer a = post_as(w, w->enrol, "/v1/enrol",
	    arena_printf(&w->arena,
		"{\"name\":\"%s\",\"ek_public\":\"%s\",\"ek_certificates\":[%s]"
		","
		"\"ak_public\":\"%s\",\"agent\":\"test\"}",
		s->name, b64(w, s->tpm.ek_public),
		s->certificates ? s->certificates : "",
		b64(w, s->tpm.ak_public)));
	says(a, 200, "");
	ck_assert(soft_tpm_open(&s->tpm, decoded(w, a.json, "credential_blob"),
	    decoded(w, a.json, "encrypted_secret"), &secret));
	a = post_as(w, NULL, "/v1/activate",
	    arena_printf(&w->arena, "{\"enrolment\":\"%s\",\"secret\":\"%s\"}",
		text_at(a.json, "enrolment"), b64(w, secret)));
	says(a, 200, "");
	ck_rc_ok(uuid_parse(span_str(text_at(a.json, "tenant")), &s->tenant));
	ck_rc_ok(uuid_parse(span_str(text_at(a.json, "node")), &s->id));
	snprintf(
	    s->token, sizeof(s->token), "%s", text_at(a.json, "node_token"));
}

struct sim *
sim_new(struct world *w, const char *name)
{
	struct sim *s = sim_alloc(w, name, NULL);

	sim_join(w, s);
	says(post(w, arena_printf(&w->arena, "/v1/nodes/%s/approve", name),
		 "{}"),
	    200, "");
	soft_tpm_boot(&s->tpm, GOLDEN_BOOT);
	return s;
}

struct node
stored(struct world *w, const struct sim *s)
{
	struct node n;
	struct err e;

	ck_rc_ok(w->server->store->ops->node_get(
	    w->server->store, &s->tenant, &s->id, NULL, &w->arena, &n, &e));
	return n;
}

const char *
status_of(struct world *w, const struct sim *s)
{
	struct node n = stored(w, s);
	enum err_code why;

	return status_name(node_status(&n, clock_now(&w->server->clock), &why));
}

size_t
verdicts(struct world *w)
{
	const struct verdict_filter f = {.limit = STORE_LIST};
	struct verdict_list list = {0};
	struct err e;

	ck_rc_ok(w->server->store->ops->verdict_list(
	    w->server->store, &w->admin.tenant, &f, &w->arena, &list, &e));
	return list.n;
}

uint64_t
events(struct world *w)
{
	struct store_mem *m = store_mem(w->server->store);

	ck_assert_str_eq(w->database, "");
	pthread_mutex_lock(&m->lock);
	uint64_t n = m->events;
	pthread_mutex_unlock(&m->lock);
	return n;
}

void
await_events(struct world *w, uint64_t n)
{
	for (int i = 0; i < 1000 && events(w) < n; i++)
		usleep(10000);
	ck_assert_uint_ge(events(w), n);
}

struct store_ops *
world_ops(struct world *w)
{
	struct store_ops *mine = arena_alloc(&w->arena, sizeof(*mine));

	ck_assert_ptr_nonnull(mine);
	w->real = w->server->store->ops;
	*mine = *w->real;
	w->server->store->ops = mine;
	return mine;
}

void
world_expire_enrolments(struct world *w)
{
	struct store_mem *m = store_mem(w->server->store);

	ck_assert_str_eq(w->database, "");
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->enrolments.n; i++) {
		struct mem_enrolment *row = m->enrolments.row[i];
		row->en.expires = clock_now(&w->server->clock);
	}
	pthread_mutex_unlock(&m->lock);
}

void
world_expire_tokens(struct world *w)
{
	struct store_mem *m = store_mem(w->server->store);

	ck_assert_str_eq(w->database, "");
	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->tokens.n; i++) {
		struct mem_token *row = m->tokens.row[i];
		row->t.expires = clock_now(&w->server->clock);
	}
	pthread_mutex_unlock(&m->lock);
}

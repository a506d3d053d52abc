/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/record/fixture.h"

#include "record/migrate.h"
#include "record/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *
cluster(void)
{
	return getenv("AKASHI_TEST_CLUSTER");
}

const char *
conninfo(const char *role, const char *database, char out[256])
{
	snprintf(
	    out, 256, "host=%s user=%s dbname=%s", cluster(), role, database);
	return out;
}

void
cluster_do(const char *verb)
{
	const char *top = getenv("SRCDIR");
	char cmd[512];

	snprintf(cmd, sizeof(cmd), "'%s/tests/lib/pg.sh' %s '%s'",
	    top ? top : AKASHI_SRCDIR, verb, cluster());
	ck_assert_int_eq(system(cmd), 0);
}

void
as_superuser(const char *database, const char *sql)
{
	char text[256];
	struct err e = {0};
	struct pg *pg =
	    pg_new(conninfo("postgres", database, text), 60 * TIME_S);

	ck_assert_ptr_nonnull(pg);
	ck_rc_ok(pg_connect(pg, NULL, &e));
	rc r = pg_script(pg, sql, &e);
	ck_assert_msg(rc_ok(r), "%s: %s", sql, e.text);
	pg_free(pg);
}

static struct store *
open_pg(const struct fixture *f)
{
	struct store *st = NULL;
	struct err e = {0};
	char text[256];
	const struct store_pg_options o = {
	    .conninfo = conninfo("akashi_app", f->database, text),
	    .connections = 8,
	    .timeout = 10 * TIME_S};

	rc r = store_pg_open(&o, &st, &e);
	ck_assert_msg(rc_ok(r), "%s", e.text);
	return st;
}

void
begin_empty(struct fixture *f)
{
	char sql[128];
	static int n;

	*f = (struct fixture){0};
	arena_init(&f->arena, 64 * 1024 * 1024);
	f->h = hasher_new();
	ck_assert_ptr_nonnull(f->h);
	if (cluster()) {
		snprintf(f->database, sizeof(f->database), "t%d_%d",
		    (int)getpid(), n++);
		snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE akashi",
		    f->database);
		as_superuser("postgres", sql);
		f->st = open_pg(f);
	} else {
		ck_rc_ok(store_mem_open(&f->st, &f->e));
	}
}

void
begin(struct fixture *f)
{
	begin_empty(f);
	struct sha256 token = sha_of("akad_first");
	rc r = f->st->ops->admin_init(
	    f->st, &token, span_str("first"), T0, &f->admin, &f->e);
	ck_assert_msg(rc_ok(r), "admin_init: %s", f->e.text);
	f->by = (struct actor){&f->admin, "127.0.0.1", T0};
}

/* The database goes with the cluster. */
void
end(struct fixture *f)
{
	f->st->ops->close(f->st);
	hasher_free(f->h);
	arena_free(&f->arena);
}

struct store *
another_store(struct fixture *f)
{
	return cluster() ? open_pg(f) : f->st;
}

void
drop_another(struct fixture *f, struct store *st)
{
	if (st != f->st)
		st->ops->close(st);
}

struct sha256
sha_of(const char *text)
{
	struct hasher *h = hasher_new();
	struct sha256 out;

	ck_rc_ok(hash_of(h, ALG_SHA256, span_str(text), out.b));
	hasher_free(h);
	return out;
}

struct uuid
new_id(int64_t t)
{
	struct uuid u;

	ck_rc_ok(uuid_v7(t, &u));
	return u;
}

void
put_token(struct fixture *f, const char *text, uint32_t uses)
{
	const struct enrol_token t = {.id = new_id(T0),
	    .hash = sha_of(text),
	    .env_class = span_str("test"),
	    .labels = span_str("{\"site\":\"tokyo\"}"),
	    .uses = uses,
	    .created = T0,
	    .expires = T0 + 3600 * TIME_S};

	rc r = f->st->ops->token_put(f->st, &f->by, &t, &f->e);
	ck_assert_msg(rc_ok(r), "token_put: %s", f->e.text);
}

static struct span
text_span(struct fixture *f, const char *what, const char *name)
{
	char *s = arena_printf(&f->arena, "%s of %s", what, name);

	ck_assert_ptr_nonnull(s);
	return span_str(s);
}

struct enrolment
make_enrolment(
    struct fixture *f, const char *name, const char *ek, const char *ak)
{
	return (struct enrolment){.id = new_id(T0),
	    .name = span_str(name),
	    .identity = {.ek_public = text_span(f, "ek", ek),
		.ek = sha_of(ek),
		.ek_cert = text_span(f, "certificate", ek),
		.rot = span_str("virtual"),
		.manufacturer = span_str("id:49424D00"),
		.issuer = span_str("CN=test CA"),
		.serial = span_str("0a0b"),
		.ak_public = text_span(f, "ak", ak),
		.ak_name = text_span(f, "ak name", ak),
		.ak_qualified = text_span(f, "ak qualified", ak),
		.ak_alg = span_str("rsa-2048")},
	    .secret = sha_of(ak),
	    .created = T0,
	    .expires = T0 + 60 * TIME_S};
}

struct node
enrol(struct fixture *f, const char *name, const char *ek, const char *ak)
{
	struct enrolment en = make_enrolment(f, name, ek, ak);
	struct activation act = {.enrolment = en.id,
	    .secret = en.secret,
	    .node = new_id(T0),
	    .node_token = sha_of(name),
	    .now = T0};
	static int n_tokens;
	char *token = arena_printf(&f->arena, "aket_%d", n_tokens++);
	struct sha256 hash = sha_of(token);
	struct uuid tenant;
	struct node n;

	put_token(f, token, 1);
	rc r = f->st->ops->enrol_begin(f->st, &hash, &en, &tenant, &f->e);
	ck_assert_msg(rc_ok(r), "enrol_begin: %s", f->e.text);
	ck_assert(uuid_eq(&tenant, &f->admin.tenant));
	r = f->st->ops->enrol_activate(f->st, &act, &f->arena, &n, &f->e);
	ck_assert_msg(rc_ok(r), "enrol_activate: %s", f->e.text);
	return n;
}

void
seal(struct fixture *f, struct record *r, const struct node *n,
    const struct verdict *v)
{
	const struct verdict_context c = {.node = n,
	    .policy_name = "golden",
	    .policy_version = 3,
	    .policy_hash = sha_of("golden"),
	    .policy_approver = "first",
	    .trust_anchors = sha_of("anchors"),
	    .switches = span_str("{\"lab\":true}"),
	    .build = "akashid/test",
	    .instance = "one",
	    .disclosure = "1"};

	rc result = record_seal(r, &c, v, f->h, &f->arena, &f->e);
	ck_assert_msg(rc_ok(result), "record_seal: %s", f->e.text);
}

struct record
make_record(
    struct fixture *f, const struct node *n, const char *what, int64_t at)
{
	struct sha256 digest = sha_of(what);
	static struct verdict v;
	struct record r = {.row = {.tenant = n->tenant,
			       .id = new_id(at),
			       .node = n->id,
			       .previous = n->state.verdict,
			       .challenge_issued = at - TIME_S,
			       .received = at - 2 * TIME_MS,
			       .now = at - TIME_MS,
			       .verified = at,
			       .valid_until = at + 600 * TIME_S,
			       .before = n->state.attester,
			       .evidence = digest,
			       .boot = (uint64_t)7 << 32 | 2},
	    .version = n->version,
	    .challenge_expires = at + 120 * TIME_S,
	    .after = n->state,
	    .attest = text_span(f, "attest", what),
	    .signature = text_span(f, "signature", what),
	    .pcrs = text_span(f, "pcrs", what)};

	memcpy(r.row.challenge, digest.b, sizeof(r.row.challenge));
	r.after.attester = (struct attester){.known = true,
	    .clock = 0xf234567812345678,
	    .reset_count = 7,
	    .restart_count = 2,
	    .firmware = 0xffff000020240101,
	    .clock_from = at - 3 * TIME_S,
	    .clock_to = at - 2 * TIME_S,
	    .diverged = true,
	    .boot_log = n->state.attester.boot_log,
	    .ima_offset = n->state.attester.ima_offset,
	    .ima = text_span(f, "ima state", what),
	    .ima_policy = sha_of("golden")};
	verdict_init(&v, &f->arena);
	for (int i = 0; i < CHECK_COUNT; i++)
		verdict_check(&v, (enum check_id)i, CHECK_PASSED);
	verdict_fold(&v);
	ck_assert_int_eq(v.result, RESULT_PASS);
	seal(f, &r, n, &v);
	return r;
}

struct node
get_node(struct fixture *f, const struct uuid *id)
{
	struct node n;

	rc r = f->st->ops->node_get(
	    f->st, &f->admin.tenant, id, NULL, &f->arena, &n, &f->e);
	ck_assert_msg(rc_ok(r), "node_get: %s", f->e.text);
	return n;
}

rc
try_begin(struct fixture *f, const char *token, const struct enrolment *en)
{
	struct sha256 hash = sha_of(token);
	struct uuid tenant;

	return f->st->ops->enrol_begin(f->st, &hash, en, &tenant, &f->e);
}

struct activation
activation_of(const struct enrolment *en)
{
	return (struct activation){.enrolment = en->id,
	    .secret = en->secret,
	    .node = new_id(T0),
	    .node_token = sha_of("aknt"),
	    .now = T0};
}

rc
try_activate(struct fixture *f, const struct activation *act, struct node *out)
{
	struct node n;

	return f->st->ops->enrol_activate(
	    f->st, act, &f->arena, out ? out : &n, &f->e);
}

rc
act_on(struct fixture *f, enum node_act act, const char *name)
{
	const struct node_change c = {
	    .act = act, .name = span_str(name), .reason = "because"};

	return f->st->ops->node_change(f->st, &f->by, &c, &f->e);
}

uint32_t
put_policy(struct fixture *f, const char *name, const char *document)
{
	const struct policy_new p = {.name = span_str(name),
	    .hash = sha_of(document),
	    .document = span_str(document),
	    .terms = span_str("{\"mode\":\"enforce\"}")};
	uint32_t version = 0;

	rc r = f->st->ops->policy_put(f->st, &f->by, &p, 0, &version, &f->e);
	ck_assert_msg(rc_ok(r), "policy_put: %s", f->e.text);
	return version;
}

rc
take_step(struct fixture *f, const struct principal *who,
    const struct policy_change *c, uint32_t *version)
{
	const struct actor by = {who, NULL, T0};
	struct policy_change step = *c;
	uint32_t n;

	if (!step.name.n)
		step.name = span_str("golden");
	return f->st->ops->policy_change(
	    f->st, &by, &step, version ? version : &n, &f->e);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/simulate_fleet.h"

#include "appraise/learn.h"
#include "attest/attest.h"
#include "base/text.h"
#include "lib/recorded.h"
#include "lib/soft_key.h"
#include "lib/tap.h"
#include "record/labels.h"
#include "record/store_pg_columns.h"

#include <stdlib.h>
#include <time.h>

#define BOOT "grub-sb-golden"
#define QUOTE "quote-sha256-0_15-rsassa"

enum {
	BATCH = 256,
	UPDATED_EVERY = 500,
	DISK_GUID = 56, /* in the GPT's header, which the event begins with */
	/* In the recorded TPMS_ATTEST: magic, type, TPM2B_NAME, the nonce's
	 * TPM2B; the digest of the PCRs ends it. */
	SIGNER_AT = 4 + 2 + 2,
	SIGNER = 34,
	NONCE_AT = SIGNER_AT + SIGNER + 2,
	PCRS = 16,
};

struct maker {
	struct server *server;
	const struct principal *admin;
	struct pg *pg; /* of a superuser */
	struct arena *kept;
	struct arena arena; /* of a batch */
	struct hasher *hasher;
	EVP_PKEY *rsa, *ecc;
	/* As recorded: */
	struct span attest, eventlog, ima;
	struct span *entry;  /* template data of each entry of the list */
	uint8_t (*step)[32]; /* their hashes, which PCR 10 is extended by */
	size_t entries;
	uint8_t pcr[PCRS][32]; /* of the node that is made */
	struct evlog log;
	const struct evlog_event *gpt, *kernel;
	struct policy *policy; /* that the fleet was judged by */
	struct pcr_selections asked;
	double judged;
	struct verdict verdict;
	struct attest_facts facts;
};

static rc
fault(struct err *e, const char *what)
{
	return err_at(e, ERR_INTERNAL, NULL, "bench.simulate.%s", what);
}

/* --- policies ---------------------------------------------------------------
 */

static void
set_opaque(json_t *doc, const char *pcr)
{
	json_object_set_new(json_object_get(doc, "boot"), pcr,
	    json_pack("{s:s}", "opaque", "machines differ"));
}

/* What every node has of its own is not judged. */
static rc
loosen(struct maker *m, json_t *doc, struct span *out, struct err *e)
{
	set_opaque(doc, "5");
	json_object_set_new(json_object_get(doc, "ima"), "exclude",
	    json_pack("[{s:s,s:s}]", "glob", "/opt/node-*", "source", "bench"));
	char *text = json_dumps(doc, JSON_COMPACT);
	*out =
	    text ? arena_copy(m->kept, span_str(text)) : (struct span){NULL, 0};
	free(text);
	return out->p ? RC_OK : fault(e, "policy");
}

static rc
learn(struct maker *m, struct span *strict, struct err *e)
{
	struct recorded r = recorded_boot(m->kept, BOOT, QUOTE);
	struct attest_context ctx = recorded_context(&r, NULL);
	struct learn_options options = {.name = "bench"};
	struct learn_note *notes = NULL;
	struct buf json = {0};
	JSON_AUTO doc = NULL;
	struct span text;

	TRY(attest_evidence(
	    &r.ev, &ctx, m->hasher, m->kept, &m->verdict, &m->facts, e));
	struct golden golden = {.boot = attest_boot_facts(&m->facts, m->hasher),
	    .ima = span_of(r.ev.ima.p, m->facts.ima.bytes),
	    .source = "bench"};
	const struct bank *b = banks_get(&m->facts.values, ALG_SHA256);
	if (!b)
		return fault(e, "values");
	for (size_t i = 0; i < PCRS; i++)
		memcpy(m->pcr[i], b->pcr[i], 32);
	m->attest = r.ev.attest;
	m->eventlog = r.ev.eventlog;
	m->ima = golden.ima;
	TRY(policy_learn(&golden, 1, &options, m->kept, &json, &notes, e));
	rc rv = json_decode(buf_span(&json), 1 << 24, &doc, e);
	buf_free(&json);
	TRY(rv);
	TRY(loosen(m, doc, strict, e));
	set_opaque(doc, "9");
	TRY(loosen(m, doc, &text, e));
	return policy_decode(text, &m->policy, e);
}

/* --- one boot ---------------------------------------------------------------
 */

static bool
holds(struct span s, const char *text)
{
	return s.n && memmem(s.p, s.n, text, strlen(text)) != NULL;
}

static rc
find_events(struct maker *m, struct err *e)
{
	TRY(evlog_decode(m->eventlog, m->kept, &m->log, e));
	for (size_t i = 0; i < m->log.events_n; i++) {
		const struct evlog_event *ev = &m->log.events[i];
		if (ev->type == EV_EFI_GPT_EVENT)
			m->gpt = ev;
		if (ev->pcr == 9 && holds(ev->data, "vmlinuz"))
			m->kernel = ev;
	}
	return m->gpt && m->kernel && m->gpt->data.n > DISK_GUID + 16
		   ? RC_OK
		   : fault(e, "log");
}

static rc
read_list(struct maker *m, struct err *e)
{
	struct ima_reader in = ima_over(m->ima, 0);
	struct ima_entry entry;
	bool more = true;
	size_t n = (size_t)m->facts.ima.entries;

	m->entry = arena_array(m->kept, n, sizeof(*m->entry));
	m->step = arena_array(m->kept, n, sizeof(*m->step));
	if (!m->entry || !m->step)
		return fault(e, "memory");
	while (m->entries < n) {
		TRY(ima_next(&in, &entry, &more, e));
		m->entry[m->entries] = entry.template_data;
		TRY(hash_of(m->hasher, ALG_SHA256, entry.template_data,
		    m->step[m->entries++]));
	}
	return RC_OK;
}

/* The place in a copy of the log of what the decoded one points at. */
static uint8_t *
in_copy(const struct maker *m, uint8_t *copy, const uint8_t *p)
{
	return copy + (p - m->eventlog.p);
}

/* The event's digests in all banks are those of these bytes. */
static rc
put_digests(struct maker *m, uint8_t *copy, const struct evlog_event *ev,
    struct span of, struct err *e)
{
	for (size_t i = 0; i < m->log.algs_n; i++)
		if (!rc_ok(hash_of(m->hasher, m->log.algs[i].id, of,
			in_copy(m, copy, ev->digests[i]))))
			return fault(e, "digest");
	return RC_OK;
}

static rc
extend(struct maker *m, unsigned pcr, const uint8_t digest[32], struct err *e)
{
	uint8_t step[64];

	memcpy(step, m->pcr[pcr], 32);
	memcpy(step + 32, digest, 32);
	return rc_ok(hash_of(m->hasher, ALG_SHA256, span_of(step, sizeof(step)),
		   m->pcr[pcr]))
		   ? RC_OK
		   : fault(e, "extend");
}

/* A PCR as the copy leads to it; it starts as zeros. */
static rc
replay_pcr(struct maker *m, const uint8_t *copy, unsigned pcr, struct err *e)
{
	int bank = evlog_alg_index(&m->log, ALG_SHA256);

	memset(m->pcr[pcr], 0, 32);
	for (size_t i = 0; bank >= 0 && i < m->log.events_n; i++) {
		const struct evlog_event *ev = &m->log.events[i];
		if (ev->pcr == pcr && evlog_extended(ev))
			TRY(extend(m, pcr,
			    copy + (ev->digests[bank] - m->eventlog.p), e));
	}
	return RC_OK;
}

static rc
make_log(struct maker *m, const struct uuid *id, bool updated, struct span *out,
    struct err *e)
{
	struct span golden = m->eventlog;
	uint8_t *copy = arena_alloc(&m->arena, golden.n);

	if (!copy)
		return fault(e, "memory");
	memcpy(copy, golden.p, golden.n);
	uint8_t *gpt = in_copy(m, copy, m->gpt->data.p);
	memcpy(gpt + DISK_GUID, id->b, sizeof(id->b));
	TRY(put_digests(m, copy, m->gpt, span_of(gpt, m->gpt->data.n), e));
	if (updated) {
		static const char is[] = "vmlinuz-6.1.0", next[] = "6.1.9";
		uint8_t *text = in_copy(m, copy, m->kernel->data.p);
		uint8_t *at =
		    memmem(text, m->kernel->data.n, is, sizeof(is) - 1);
		if (at)
			memcpy(at + strlen("vmlinuz-"), next, strlen(next));
		TRY(put_digests(
		    m, copy, m->kernel, span_str("the next kernel"), e));
	}
	TRY(replay_pcr(m, copy, 5, e));
	TRY(replay_pcr(m, copy, 9, e));
	*out = span_of(copy, golden.n);
	return RC_OK;
}

static void
put_le(struct buf *b, size_t v)
{
	const uint8_t le[] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
	    (uint8_t)(v >> 24)};

	buf_put(b, le, sizeof(le));
}

/* Entry 0 of a copy of the list is the boot_aggregate of PCR 0 to 9 as they
 * are now; PCR 10 becomes what the copy leads to. */
static rc
aggregate(struct maker *m, uint8_t *list, struct err *e)
{
	enum { DIGEST_AT = 4 + sizeof("sha256:") };
	struct span golden = m->entry[0];
	uint8_t *data = list + (golden.p - m->ima.p);
	uint8_t step[32];

	memset(m->pcr[10], 0, 32);
	TRY(hash_of(
	    m->hasher, ALG_SHA256, span_of(m->pcr, 10 * 32), data + DIGEST_AT));
	TRY(hash_of(m->hasher, ALG_SHA1, span_of(data, golden.n), list + 4));
	TRY(hash_of(m->hasher, ALG_SHA256, span_of(data, golden.n), step));
	TRY(extend(m, 10, step, e));
	for (size_t i = 1; i < m->entries; i++)
		TRY(extend(m, 10, m->step[i], e));
	return RC_OK;
}

/* An entry of template ima-sig in PCR 10, which it extends. */
static rc
put_entry(struct maker *m, struct buf *list, const char *path, struct err *e)
{
	static const char name[] = "ima-sig", alg[] = "sha256:";
	uint8_t sha1[20], content[32], step[32];
	struct buf data = {0};

	TRY(hash_of(m->hasher, ALG_SHA256, span_str(path), content));
	put_le(&data, sizeof(alg) + sizeof(content));
	buf_put(&data, alg, sizeof(alg));
	buf_put(&data, content, sizeof(content));
	put_le(&data, strlen(path) + 1);
	buf_put(&data, path, strlen(path) + 1);
	put_le(&data, 0);
	rc r = hash_of(m->hasher, ALG_SHA1, buf_span(&data), sha1);
	if (rc_ok(r))
		r = hash_of(m->hasher, ALG_SHA256, buf_span(&data), step);
	if (rc_ok(r))
		r = extend(m, 10, step, e);
	put_le(list, 10);
	buf_put(list, sha1, sizeof(sha1));
	put_le(list, sizeof(name) - 1);
	buf_put(list, name, sizeof(name) - 1);
	put_le(list, data.n);
	buf_put(list, data.p, data.n);
	list->failed |= data.failed;
	buf_free(&data);
	return rc_ok(r) ? r : fault(e, "entry");
}

/* The recorded list with one more file. */
static rc
make_list(struct maker *m, size_t i, struct span *out, struct err *e)
{
	struct buf list = {0};
	char path[40];

	snprintf(path, sizeof(path), "/opt/node-%zu", i);
	buf_put(&list, m->ima.p, m->ima.n);
	if (list.failed)
		return fault(e, "memory");
	rc r = aggregate(m, (uint8_t *)list.p, e);
	if (rc_ok(r))
		r = put_entry(m, &list, path, e);
	*out = arena_copy(&m->arena, buf_span(&list));
	buf_free(&list);
	TRY(r);
	return out->p ? RC_OK : fault(e, "memory");
}

/* A quote over PCR 0 to 15 as they are now. */
static rc
make_quote(struct maker *m, size_t i, const struct node *n,
    const uint8_t nonce[32], struct record *r, struct err *e)
{
	uint8_t *q = arena_alloc(&m->arena, m->attest.n);
	struct buf sig = {0};

	if (!q)
		return fault(e, "memory");
	memcpy(q, m->attest.p, m->attest.n);
	memcpy(q + SIGNER_AT, n->identity.ak_qualified.p, SIGNER);
	memcpy(q + NONCE_AT, nonce, 32);
	TRY(hash_of(m->hasher, ALG_SHA256, span_of(m->pcr, sizeof(m->pcr)),
	    q + m->attest.n - 32));
	r->attest = span_of(q, m->attest.n);
	soft_put_signature(&sig, i % 2 ? m->ecc : m->rsa, r->attest);
	r->signature = arena_copy(&m->arena, buf_span(&sig));
	buf_free(&sig);
	return r->signature.p ? RC_OK : fault(e, "memory");
}

/* --- one node ---------------------------------------------------------------
 */

static rc
make_node(struct maker *m, size_t i, struct node *n, struct err *e)
{
	EVP_PKEY *key = i % 2 ? m->ecc : m->rsa;
	struct tpm_name ek = {.n = 34, .b = {0, ALG_SHA256}}, name, qualified;
	uint8_t policy[32];
	const struct soft_area area =
	    soft_ak_area(key, span_of(policy, sizeof(policy)));
	struct tpm_public pub;
	struct buf ak = {0};

	*n = (struct node){.tenant = m->admin->tenant,
	    .admission = ADMISSION_ADMITTED,
	    .env_class = span_str("production"),
	    .labels = labels_none(),
	    .version = 1};
	TRY(random_bytes(policy, sizeof(policy)));
	TRY(random_bytes(ek.b + 2, 32));
	TRY(random_bytes(n->node_token.b, sizeof(n->node_token.b)));
	TRY(uuid_v7(clock_now(&m->server->clock), &n->id));
	snprintf(n->name, sizeof(n->name), "node-%zu", i);
	memcpy(n->identity.ek.b, ek.b + 2, 32);
	soft_put_public(&ak, key, &area);
	n->identity.ak_public = arena_copy(&m->arena, buf_span(&ak));
	buf_free(&ak);
	TRY(tpm_decode_public(n->identity.ak_public, &m->arena, &pub, e));
	TRY(key_name(&pub, m->hasher, &name, e));
	TRY(key_qualified_name(&ek, &name, m->hasher, &qualified, e));
	n->identity.ek_public = span_str("bench");
	n->identity.rot = span_str("discrete");
	n->identity.ak_name = arena_copy(&m->arena, span_of(name.b, name.n));
	n->identity.ak_qualified =
	    arena_copy(&m->arena, span_of(qualified.b, qualified.n));
	n->identity.ak_alg = span_str(i % 2 ? "ecc-p256" : "rsa-2048");
	return RC_OK;
}

static double
thread_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static rc
judge(struct maker *m, const struct node *n, const struct evidence *ev,
    struct span nonce, int64_t now, struct err *e)
{
	struct node_base *base = NULL;
	struct tpm_clock clock = {0};

	double from = thread_us();
	TRY(node_base_make(&n->identity, &base, e));
	const struct attest_context ctx = {.nonce = nonce,
	    .nonce_given = true,
	    .asked = &m->asked,
	    .ak = base->ak,
	    .ak_qualified = &base->ak_qualified,
	    .ek = &base->ek,
	    .clock = &clock,
	    .issued = now - TIME_S,
	    .policy = m->policy,
	    .env_class = "production",
	    .now = now};
	rc r = attest_evidence(
	    ev, &ctx, m->hasher, &m->arena, &m->verdict, &m->facts, e);
	m->judged += thread_us() - from;
	node_base_drop(base);
	TRY(r);
	if (m->verdict.result == RESULT_PASS)
		return RC_OK;
	return err_text(e, ERR_INTERNAL, "bench.simulate", "%s: %s %s", n->name,
	    result_name(m->verdict.result),
	    m->verdict.reasons_n ? m->verdict.reasons[0].message : "");
}

static rc
seal(struct maker *m, const struct node *n, struct record *r, struct err *e)
{
	const struct verdict_context ctx = {.node = n,
	    .policy_name = "bench",
	    .policy_version = 1,
	    .switches = span_str(
		"{\"pcrs\":\"sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\"}"),
	    .build = AKASHID_BUILD,
	    .instance = "bench",
	    .disclosure = "1"};

	return record_seal(r, &ctx, &m->verdict, m->hasher, &m->arena, e);
}

/* One attestation of a node, ready to be recorded. */
static rc
make_record(struct maker *m, size_t i, const struct node *n, struct record *r,
    struct err *e)
{
	int64_t now = clock_now(&m->server->clock);
	uint8_t nonce[32];

	*r = (struct record){.version = 1, .challenge_expires = now};
	TRY(random_bytes(nonce, sizeof(nonce)));
	TRY(make_log(m, &n->id, i % UPDATED_EVERY == 0, &r->boot_log, e));
	TRY(make_list(m, i, &r->ima, e));
	TRY(make_quote(m, i, n, nonce, r, e));
	r->ima_accepted = true;
	const struct evidence ev = {.attest = r->attest,
	    .signature = r->signature,
	    .eventlog = r->boot_log,
	    .ima = r->ima};
	TRY(judge(m, n, &ev, span_of(nonce, sizeof(nonce)), now, e));
	r->row = (struct verdict_row){.tenant = n->tenant,
	    .node = n->id,
	    .challenge_issued = now - TIME_S,
	    .received = now,
	    .now = now,
	    .verified = now,
	    .valid_until = now + 600 * TIME_S,
	    .boot = (uint64_t)m->facts.quote.reset_count << 32 |
		    m->facts.quote.restart_count};
	memcpy(r->row.challenge, nonce, sizeof(r->row.challenge));
	TRY(uuid_v7(now, &r->row.id));
	r->row.evidence.b[0] = 1;
	r->after.attester.known = true;
	return seal(m, n, r, e);
}

/* --- a batch ----------------------------------------------------------------
 */

static void
put_node(struct columns *c, const struct node *n, int64_t now)
{
	const struct identity *id = &n->identity;

	c->at = 0;
	columns_put(c, pg_uuid(&n->tenant));
	columns_put(c, pg_uuid(&n->id));
	columns_put(c, pg_str(n->name));
	columns_put(c, pg_text(n->env_class));
	columns_put(c, pg_text(n->labels));
	columns_put(c, pg_bytes(id->ek_public));
	columns_put(c, pg_sha(&id->ek));
	columns_put(c, pg_text(id->rot));
	columns_put(c, pg_bytes(id->ak_public));
	columns_put(c, pg_bytes(id->ak_name));
	columns_put(c, pg_bytes(id->ak_qualified));
	columns_put(c, pg_text(id->ak_alg));
	columns_put(c, pg_sha(&n->node_token));
	columns_put(c, pg_time(now));
}

static rc
insert_nodes(struct maker *m, const struct node *n, size_t count, struct err *e)
{
	struct columns *c = arena_alloc(&m->arena, sizeof(*c));
	struct pg_stmt stmt = {
	    .sql = "WITH i AS (INSERT INTO akashi.node (tenant, id, name, "
		   "admission, env_class, labels, ek_public, ek_sha256, rot, "
		   "ak_public, ak_name, ak_qualified, ak_alg, node_token, "
		   "enrolled_at, admitted_at) SELECT a, b, c, 'admitted', d, "
		   "e, f, g, h, j, k, l, m, o, p, p FROM unnest($1, $2, $3, "
		   "$4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) AS "
		   "x (a, b, c, d, e, f, g, h, j, k, l, m, o, p) "
		   "RETURNING tenant, id) INSERT INTO akashi.node_state "
		   "(tenant, node) SELECT tenant, id FROM i"};

	if (!c)
		return fault(e, "memory");
	for (size_t i = 0; i < count; i++)
		put_node(c, &n[i], clock_now(&m->server->clock));
	stmt.args = columns_args(c);
	rc r = pg_run(m->pg, &stmt, 1, e);
	pg_rows_free(stmt.rows);
	columns_free(c);
	return r;
}

static rc
make_batch(struct maker *m, size_t from, size_t n, struct err *e)
{
	struct store *st = m->server->store;
	struct node *node = arena_array(&m->arena, n, sizeof(*node));
	struct record *r = arena_array(&m->arena, n, sizeof(*r));

	if (!node || !r)
		return fault(e, "memory");
	for (size_t i = 0; i < n; i++) {
		TRY(make_node(m, from + i, &node[i], e));
		TRY(make_record(m, from + i, &node[i], &r[i], e));
	}
	TRY(insert_nodes(m, node, n, e));
	TRY(st->ops->commit(st, r, n, e));
	for (size_t i = 0; i < n; i++)
		if (r[i].outcome != OUTCOME_COMMITTED)
			return fault(e, "commit");
	return RC_OK;
}

/* --- the fleet --------------------------------------------------------------
 */

static rc
prepare(struct maker *m, const char *superuser, struct fleet_made *out,
    struct err *e)
{
	m->hasher = hasher_new();
	m->rsa = EVP_RSA_gen(2048);
	m->ecc = EVP_EC_gen("P-256");
	m->pg = pg_new(superuser, 600 * TIME_S);
	if (!m->hasher || !m->rsa || !m->ecc || !m->pg)
		return fault(e, "memory");
	TRY(pg_connect(m->pg, NULL, e));
	TRY(pcr_selections_parse(
	    span_str("sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"), &m->asked,
	    e));
	TRY(learn(m, &out->strict, e));
	TRY(read_list(m, e));
	return find_events(m, e);
}

static rc
run(struct maker *m, const char *superuser, struct fleet_made *out,
    struct err *e)
{
	TRY(prepare(m, superuser, out, e));
	for (size_t at = 0; at < out->n; at += BATCH) {
		arena_reset(&m->arena);
		TRY(make_batch(
		    m, at, out->n - at < BATCH ? out->n - at : BATCH, e));
		if (at % (BATCH * 40) == 0)
			fprintf(
			    stderr, "simulate: %zu of %zu made\n", at, out->n);
	}
	out->updated = (out->n + UPDATED_EVERY - 1) / UPDATED_EVERY;
	out->judged = m->judged / (double)out->n;
	/* As autovacuum would have done meanwhile. */
	return pg_script(m->pg, "VACUUM ANALYZE", e);
}

rc
simulate_fleet(struct server *s, const struct principal *admin,
    const char *superuser, size_t n, struct arena *a, struct fleet_made *out,
    struct err *e)
{
	struct maker *m = arena_alloc(a, sizeof(*m));

	if (!m)
		return fault(e, "memory");
	*m = (struct maker){.server = s, .admin = admin, .kept = a};
	*out = (struct fleet_made){.n = n};
	arena_init(&m->arena, (size_t)1 << 30);
	rc r = run(m, superuser, out, e);
	EVP_PKEY_free(m->rsa);
	EVP_PKEY_free(m->ecc);
	policy_unref(m->policy);
	hasher_free(m->hasher);
	pg_free(m->pg);
	arena_free(&m->arena);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/fleet.h"

#include "appraise/learn.h"
#include "attest/attest.h"
#include "base/text.h"
#include "intake/submission.h"
#include "lib/soft_key.h"
#include "lib/tap.h"
#include "record/labels.h"

#include <stdlib.h>

#define BOOT "/tests/vectors/vm/boots/grub-sb-golden/"

enum {
	/* In the recorded TPMS_ATTEST: magic, type, TPM2B_NAME of 34 bytes,
	 * then the TPM2B_DATA with the nonce. */
	SIGNER_AT = 4 + 2 + 2,
	SIGNER = 34,
	NONCE_AT = SIGNER_AT + SIGNER + 2,
	ATTEST_MAX = 512,
	POLICY = 32,
};

struct fleet {
	struct server *server;
	struct arena arena;
	struct hasher *hasher;
	EVP_PKEY *rsa, *ecc;
	struct span attest, eventlog, ima;
	uint8_t eventlog_hash[32];
	uint64_t ima_bytes;
	struct principal admin;
	struct sha256 token;
	size_t n;
	struct fleet_node *node;
};

static rc
fault(struct err *e, const char *what)
{
	return err_at(e, ERR_INTERNAL, NULL, "bench.fleet.%s", what);
}

/* The TPMT_PUBLIC of an AK; a policy of its own makes its name unique. */
static void
put_ak(struct buf *b, const struct fleet *f, bool rsa,
    const uint8_t policy[POLICY])
{
	const EVP_PKEY *key = rsa ? f->rsa : f->ecc;
	const struct soft_area area =
	    soft_ak_area(key, span_of(policy, POLICY));

	soft_put_public(b, key, &area);
}

/* --- enrolment
 * ------------------------------------------------------------------ */

static rc
fill_identity(struct fleet *f, struct fleet_node *node, struct buf *ak,
    struct identity *id, struct err *e)
{
	struct tpm_public pub;
	struct tpm_name ek = {.n = 34}, name;
	uint8_t policy[POLICY];

	TRY(random_bytes(policy, sizeof(policy)));
	TRY(random_bytes(id->ek.b, sizeof(id->ek.b)));
	ek.b[1] = ALG_SHA256;
	for (size_t i = 0; i < 32; i++)
		ek.b[2 + i] = id->ek.b[i];
	put_ak(ak, f, node->rsa, policy);
	TRY(tpm_decode_public(buf_span(ak), &f->arena, &pub, e));
	TRY(key_name(&pub, f->hasher, &name, e));
	TRY(key_qualified_name(&ek, &name, f->hasher, &node->qualified, e));
	id->ek_public = span_str("bench");
	id->rot = span_str("discrete");
	id->ak_public = arena_copy(&f->arena, buf_span(ak));
	id->ak_name = arena_copy(&f->arena, span_of(name.b, name.n));
	id->ak_qualified = span_of(node->qualified.b, node->qualified.n);
	id->ak_alg = span_str(node->rsa ? "rsa-2048" : "ecc-p256");
	return RC_OK;
}

static rc
admit(struct fleet *f, const char *name, struct err *e)
{
	struct store *st = f->server->store;
	struct actor actor = {&f->admin, NULL, clock_now(&f->server->clock)};
	struct node_change change = {
	    .act = NODE_APPROVE, .name = span_str(name)};

	return st->ops->node_change(st, &actor, &change, e);
}

static rc
enrol(struct fleet *f, size_t i, struct err *e)
{
	struct store *st = f->server->store;
	struct fleet_node *node = &f->node[i];
	int64_t now = clock_now(&f->server->clock);
	struct enrolment en = {.created = now, .expires = now + 60 * TIME_S};
	struct activation act = {.now = now};
	struct node out;
	struct buf ak = {0};
	char name[32];

	node->rsa = i % 2 == 0;
	snprintf(name, sizeof(name), "bench-%zu", i);
	en.name = span_str(name);
	rc r = fill_identity(f, node, &ak, &en.identity, e);
	buf_free(&ak);
	TRY(r);
	TRY(uuid_v7(now, &en.id));
	TRY(random_bytes(en.secret.b, sizeof(en.secret.b)));
	TRY(random_bytes(node->secret, sizeof(node->secret)));
	TRY(st->ops->enrol_begin(st, &f->token, &en, &node->tenant, e));
	act.enrolment = en.id;
	act.secret = en.secret;
	TRY(uuid_v7(now, &act.node));
	TRY(hash_of(f->hasher, ALG_SHA256,
	    span_of(node->secret, sizeof(node->secret)), act.node_token.b));
	TRY(st->ops->enrol_activate(st, &act, &f->arena, &out, e));
	node->id = out.id;
	return admit(f, name, e);
}

static rc
make_admin(struct fleet *f, size_t n, struct err *e)
{
	struct store *st = f->server->store;
	int64_t now = clock_now(&f->server->clock);
	struct sha256 secret;
	struct actor actor = {&f->admin, NULL, now};
	struct enrol_token t = {.env_class = span_str("test"),
	    .labels = labels_none(),
	    .uses = (uint32_t)n,
	    .created = now,
	    .expires = now + 3600 * TIME_S};

	TRY(random_bytes(secret.b, sizeof(secret.b)));
	TRY(random_bytes(f->token.b, sizeof(f->token.b)));
	TRY(st->ops->admin_init(
	    st, &secret, span_str("bench"), now, &f->admin, e));
	TRY(uuid_v7(now, &t.id));
	t.hash = f->token;
	return st->ops->token_put(st, &actor, &t, e);
}

/* --- policy
 * ------------------------------------------------------------------------ */

static rc
judge_golden(struct fleet *f, struct attest_facts *facts, struct err *e)
{
	struct evidence ev = {.attest = f->attest,
	    .signature =
		tap_file(&f->arena, BOOT "quote-sha256-0_15-rsassa.sig"),
	    .eventlog = f->eventlog,
	    .ima = f->ima,
	    .ak_pub = tap_file(&f->arena, BOOT "ak-rsassa.pub")};
	struct attest_context ctx = {
	    .nonce = tap_file(&f->arena, BOOT "quote-sha256-0_15-rsassa.nonce"),
	    .nonce_given = true,
	    .now = TIME_S};
	struct verdict *v = arena_alloc(&f->arena, sizeof(*v));

	if (!v)
		return fault(e, "memory");
	verdict_init(v, &f->arena);
	return attest_evidence(&ev, &ctx, f->hasher, &f->arena, v, facts, e);
}

static rc
put_policy(struct fleet *f, struct span document, struct err *e)
{
	struct store *st = f->server->store;
	struct actor actor = {&f->admin, NULL, clock_now(&f->server->clock)};
	struct policy_new new = {
	    .name = span_str("bench"), .document = document};
	struct policy_change c = {
	    .step = STEP_ACTIVATE, .name = new.name, .selector = labels_none()};
	struct policy *p;

	TRY(policy_decode(document, &p, e));
	policy_hash(p, new.hash.b);
	policy_unref(p);
	TRY(st->ops->policy_put(st, &actor, &new, 0, &c.version, e));
	TRY(st->ops->policy_change(st, &actor, &c, &c.version, e));
	return keeper_refresh(f->server, false, e);
}

static rc
learn(struct fleet *f, struct err *e)
{
	static struct attest_facts facts;
	struct learn_options options = {.name = "bench"};
	struct learn_note *notes = NULL;
	struct buf json = {0};

	TRY(judge_golden(f, &facts, e));
	struct golden golden = {.boot = attest_boot_facts(&facts, f->hasher),
	    .ima = span_of(f->ima.p, facts.ima.bytes),
	    .source = "bench"};
	f->ima_bytes = facts.ima.bytes;
	rc r = policy_learn(&golden, 1, &options, &f->arena, &json, &notes, e);
	if (rc_ok(r))
		r = put_policy(f, buf_span(&json), e);
	buf_free(&json);
	return r;
}

/* --- the fleet
 * ------------------------------------------------------------------------ */

static rc
prepare(struct fleet *f, struct err *e)
{
	f->hasher = hasher_new();
	f->rsa = EVP_RSA_gen(2048);
	f->ecc = EVP_EC_gen("P-256");
	f->node = calloc(f->n, sizeof(*f->node));
	if (!f->hasher || !f->rsa || !f->ecc || !f->node)
		return fault(e, "memory");
	f->attest = tap_file(&f->arena, BOOT "quote-sha256-0_15-rsassa.msg");
	f->eventlog = tap_file(&f->arena, BOOT "eventlog.bin");
	f->ima = tap_file(&f->arena, BOOT "ima.bin");
	if (f->attest.n > ATTEST_MAX)
		return fault(e, "attest");
	TRY(hash_of(f->hasher, ALG_SHA256, f->eventlog, f->eventlog_hash));
	TRY(make_admin(f, f->n, e));
	TRY(learn(f, e));
	for (size_t i = 0; i < f->n; i++)
		TRY(enrol(f, i, e));
	return RC_OK;
}

rc
fleet_new(struct server *s, size_t n, struct fleet **out, struct err *e)
{
	struct fleet *f = calloc(1, sizeof(*f));

	if (!f)
		return fault(e, "memory");
	f->server = s;
	f->n = n;
	arena_init(&f->arena, (size_t)1 << 30);
	rc r = prepare(f, e);
	if (!rc_ok(r)) {
		fleet_free(f);
		return r;
	}
	*out = f;
	return RC_OK;
}

void
fleet_free(struct fleet *f)
{
	if (!f)
		return;
	EVP_PKEY_free(f->rsa);
	EVP_PKEY_free(f->ecc);
	hasher_free(f->hasher);
	free(f->node);
	arena_free(&f->arena);
	free(f);
}

const struct principal *
fleet_admin(const struct fleet *f)
{
	return &f->admin;
}

/* --- requests
 * ---------------------------------------------------------------------------
 */

static void
put_part(struct buf *b, unsigned kind, struct span bytes)
{
	uint8_t head[8] = {(uint8_t)kind, 0, 0, 0, (uint8_t)bytes.n,
	    (uint8_t)(bytes.n >> 8), (uint8_t)(bytes.n >> 16),
	    (uint8_t)(bytes.n >> 24)};

	buf_put(b, head, sizeof(head));
	buf_put(b, bytes.p, bytes.n);
}

static void
put_ima(struct buf *b, const struct fleet *f, bool first)
{
	struct buf part = {0};
	uint64_t offset = first ? 0 : f->ima_bytes;
	uint8_t le[8];

	for (unsigned i = 0; i < 8; i++)
		le[i] = (uint8_t)(offset >> 8 * i);
	buf_put(&part, le, sizeof(le));
	if (first)
		buf_put(&part, f->ima.p, (size_t)f->ima_bytes);
	put_part(b, PART_IMA, buf_span(&part));
	buf_free(&part);
}

static rc
issue(struct fleet *f, const struct fleet_node *node, struct challenge *c,
    char text[CHALLENGE_TEXT], struct err *e)
{
	struct snapshot *snap = snapshot_take(f->server);

	if (!snap)
		return fault(e, "snapshot");
	*c = (struct challenge){.tenant = node->tenant,
	    .node = node->id,
	    .purpose = CHALLENGE_ATTEST,
	    .selection = snap->asked,
	    .epoch = snap->epoch,
	    .issued = clock_now(&f->server->clock),
	    .ttl = 3600 * TIME_S};
	rc r = challenge_issue(&snap->keys, c, f->hasher, text, e);
	snapshot_drop(snap);
	return r;
}

static rc
put_frame(struct fleet *f, const struct fleet_node *node, bool first,
    struct buf *b, struct err *e)
{
	uint8_t attest[ATTEST_MAX];
	char text[CHALLENGE_TEXT];
	struct challenge c;
	struct buf sig = {0};

	TRY(issue(f, node, &c, text, e));
	for (size_t i = 0; i < f->attest.n; i++)
		attest[i] = f->attest.p[i];
	for (size_t i = 0; i < SIGNER; i++)
		attest[SIGNER_AT + i] = node->qualified.b[i];
	for (size_t i = 0; i < sizeof(c.qualifying); i++)
		attest[NONCE_AT + i] = c.qualifying[i];
	struct span signed_bytes = span_of(attest, f->attest.n);
	soft_put_signature(&sig, node->rsa ? f->rsa : f->ecc, signed_bytes);
	buf_puts(b, SUBMISSION_MAGIC);
	put_part(b, PART_ATTEST, signed_bytes);
	put_part(b, PART_SIGNATURE, buf_span(&sig));
	if (first)
		put_part(b, PART_EVENTLOG, f->eventlog);
	else
		put_part(b, PART_EVENTLOG_HASH,
		    span_of(f->eventlog_hash, sizeof(f->eventlog_hash)));
	put_ima(b, f, first);
	put_part(b, PART_CHALLENGE, span_str(text));
	b->failed |= sig.failed;
	buf_free(&sig);
	return RC_OK;
}

static void
put_token(struct buf *b, const struct fleet_node *node)
{
	uint8_t raw[NODE_TOKEN];
	char text[NODE_TOKEN_TEXT];

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = i < 16	  ? node->tenant.b[i]
			 : i < 32 ? node->id.b[i - 16]
				  : node->secret[i - 32];
	base64url_emit(span_of(raw, sizeof(raw)), text);
	buf_printf(
	    b, "Authorization: Bearer " NODE_TOKEN_PREFIX "%s\r\n", text);
}

rc
fleet_request(struct fleet *f, size_t node, bool first, struct arena *a,
    struct span *out, struct err *e)
{
	struct buf body = {0}, all = {0};
	rc r = put_frame(f, &f->node[node], first, &body, e);

	buf_puts(&all, "POST /v1/evidence HTTP/1.1\r\nHost: localhost\r\n");
	put_token(&all, &f->node[node]);
	buf_printf(&all,
	    "Content-Type: " SUBMISSION_TYPE "\r\nContent-Length: %zu\r\n\r\n",
	    body.n);
	buf_put(&all, body.p, body.n);
	bool failed = body.failed || all.failed;
	if (rc_ok(r))
		*out = arena_copy(a, buf_span(&all));
	buf_free(&body);
	buf_free(&all);
	TRY(r);
	return failed || !out->p ? fault(e, "request") : RC_OK;
}

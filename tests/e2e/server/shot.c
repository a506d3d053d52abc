/* SPDX-License-Identifier: Apache-2.0 */
#include "e2e/server/shot.h"

#include "base/text.h"

#include <stdio.h>

/* --- building
 * ------------------------------------------------------------------ */

static const char *
ask_challenge(struct world *w, const struct sim *s)
{
	char tenant[UUID_TEXT], node[UUID_TEXT];

	uuid_emit(&s->tenant, tenant);
	uuid_emit(&s->id, node);
	struct answer a = post_as(w, NULL, "/v1/challenge",
	    arena_printf(&w->arena, "{\"tenant\":\"%s\",\"node\":\"%s\"}",
		tenant, node));
	says(a, 200, "");
	return text_at(a.json, "challenge");
}

struct shot
aim(struct world *w, struct sim *s)
{
	return (struct shot){.sim = s,
	    .challenge = ask_challenge(w, s),
	    .eventlog = s->tpm.eventlog,
	    .ima = arena_copy(&w->arena, buf_span(&s->tpm.ima))};
}

struct shot
aim_delta(struct world *w, struct sim *s, uint64_t offset)
{
	struct shot out = aim(w, s);
	uint8_t hash[32];

	ck_assert_uint_le(offset, out.ima.n);
	ck_rc_ok(hash_of(w->h, ALG_SHA256, out.eventlog, hash));
	out.eventlog_hash = arena_copy(&w->arena, span_of(hash, sizeof(hash)));
	out.eventlog = (struct span){NULL, 0};
	out.ima = span_of(out.ima.p + offset, out.ima.n - (size_t)offset);
	out.ima_offset = offset;
	return out;
}

static void
put_part(struct buf *b, unsigned kind, struct span bytes)
{
	const uint8_t head[8] = {(uint8_t)kind, 0, 0, 0, (uint8_t)bytes.n,
	    (uint8_t)(bytes.n >> 8), (uint8_t)(bytes.n >> 16),
	    (uint8_t)(bytes.n >> 24)};

	buf_put(b, head, sizeof(head));
	buf_put(b, bytes.p ? (const void *)bytes.p : "", bytes.n);
}

static void
put_ima(struct buf *b, const struct shot *s)
{
	struct buf part = {0};
	uint8_t le[8];

	for (unsigned i = 0; i < 8; i++)
		le[i] = (uint8_t)(s->ima_offset >> 8 * i);
	buf_put(&part, le, sizeof(le));
	buf_put(&part, s->ima.p, s->ima.n);
	size_t head = b->n;
	put_part(b, PART_IMA, buf_span(&part));
	if (s->ima_big_endian)
		b->p[head + 2] = SUBMISSION_BIG_ENDIAN;
	buf_free(&part);
}

struct span
frame_of(
    struct world *w, const struct shot *s, unsigned kind, struct span extra)
{
	struct buf b = {0};

	buf_puts(&b, SUBMISSION_MAGIC);
	put_part(&b, PART_ATTEST, s->quote.attest);
	put_part(&b, PART_SIGNATURE, s->quote.signature);
	if (s->eventlog.p)
		put_part(&b, PART_EVENTLOG, s->eventlog);
	if (s->eventlog_hash.p)
		put_part(&b, PART_EVENTLOG_HASH, s->eventlog_hash);
	if (s->ima.p)
		put_ima(&b, s);
	put_part(&b, PART_CHALLENGE, span_str(s->challenge));
	if (kind)
		put_part(&b, kind, extra);
	struct span out = arena_copy(&w->arena, buf_span(&b));
	ck_assert(!b.failed && out.p);
	buf_free(&b);
	return out;
}

void
load(struct world *w, struct shot *s)
{
	uint8_t nonce[32];

	if (s->body.p)
		return;
	ck_rc_ok(hash_of(w->h, ALG_SHA256, span_str(s->challenge), nonce));
	if (!s->quote.attest.p)
		s->quote = soft_tpm_quote(&s->sim->tpm,
		    s->nonce.p ? s->nonce : span_of(nonce, sizeof(nonce)),
		    &s->how);
	s->body = frame_of(w, s, 0, (struct span){NULL, 0});
}

struct span
shot_bytes(struct world *w, struct shot *s)
{
	const char *token = s->token ? s->token : s->sim->token;

	load(w, s);
	const struct raw_request q = {.method = "POST",
	    .path = "/v1/evidence",
	    .token = *token ? token : NULL,
	    .type = SUBMISSION_TYPE,
	    .body = s->body};
	return raw_bytes(&w->arena, &q);
}

struct answer
fire(struct world *w, struct shot *s)
{
	struct span bytes = shot_bytes(w, s);
	int fd = raw_dial(http_port(w->server->api), w->source);

	raw_send(fd, bytes);
	return answer_of(w, raw_receive(fd, &w->arena));
}

/* --- asserting
 * ----------------------------------------------------------------- */

static bool
is_tampering(const char *code)
{
	enum err_code c = err_by_name(code);

	ck_assert_msg(c != ERR_OK, "%s", code);
	return err_class(c) == CLS_TAMPER;
}

/* What must not move. */
struct still {
	uint64_t version;
	const char *status;
	size_t verdicts;
	bool held;
};

static struct still
look(struct world *w, const struct sim *s)
{
	struct node n = stored(w, s);

	return (struct still){
	    n.version, status_of(w, s), verdicts(w), n.state.held};
}

static void
same(const struct still *a, const struct still *b)
{
	ck_assert_uint_eq(a->version, b->version);
	ck_assert_str_eq(a->status, b->status);
	ck_assert_uint_eq(a->verdicts, b->verdicts);
	ck_assert_int_eq(a->held, b->held);
}

void
refused(struct world *w, struct shot *s, int status, const char *code)
{
	struct still before = look(w, s->sim);
	bool seen = !*w->database && is_tampering(code) &&
		    strncmp(code, "auth.", 5) != 0;
	uint64_t n = seen ? events(w) : 0;

	says(fire(w, s), status, code);
	if (seen)
		await_events(w, n + 1);
	struct still after = look(w, s->sim);
	same(&before, &after);
}

void
needs(struct world *w, struct shot *s, const char *part)
{
	struct still before = look(w, s->sim);
	struct answer a = fire(w, s);

	says(a, 409, "frame.need");
	ck_assert_uint_eq(json_array_size(json_at(a.json, "need")), 1);
	ck_assert_str_eq(text_at(a.json, "need.0"), part);
	struct still after = look(w, s->sim);
	same(&before, &after);
}

struct answer
judged(struct world *w, struct shot *s, const char *result, const char *code)
{
	struct node before = stored(w, s->sim);
	size_t n = verdicts(w);
	struct answer a = fire(w, s);

	says(a, 200, "");
	ck_assert_msg(strcmp(text_at(a.json, "result"), result) == 0 &&
			  strcmp(text_at(a.json, "reasons.0.code"), code) == 0,
	    "not %s %s: %.*s", result, code, (int)a.raw.body.n,
	    (const char *)a.raw.body.p);
	ck_assert_uint_eq(stored(w, s->sim).version, before.version + 1);
	ck_assert_uint_eq(verdicts(w), n + 1);
	return a;
}

const char *
issue_challenge(struct world *w, const struct sim *s,
    void (*fault)(struct challenge *c, struct challenge_keys *k))
{
	struct snapshot *snap = snapshot_take(w->server);
	struct challenge_keys keys = snap->keys;
	struct challenge c = {.tenant = s->tenant,
	    .node = s->id,
	    .purpose = CHALLENGE_ATTEST,
	    .selection = snap->asked,
	    .epoch = snap->epoch,
	    .issued = clock_now(&w->server->clock),
	    .ttl = 300 * TIME_S};
	char text[CHALLENGE_TEXT];
	struct err e;

	snapshot_drop(snap);
	if (fault)
		fault(&c, &keys);
	ck_rc_ok(challenge_issue(&keys, &c, w->h, text, &e));
	return arena_printf(&w->arena, "%s", text);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Quotes, frames and node tokens: whatever does not prove itself is recorded
 * as a security event at most, and moves nothing. */
#include "e2e/server/cases.h"

#include "base/text.h"

static struct world w;
static struct sim *s, *other;

static void
setup(void)
{
	world_begin(&w, NULL);
	s = sim_new(&w, "n1");
	other = sim_new(&w, "n2");
}

static void
teardown(void)
{
	world_end(&w);
}

/* --- before the signature is believed ------------------------------------- */

static void
wrong_magic(struct shot *x)
{
	x->how.magic = 0xff544348;
}

static void
wrong_type(struct shot *x)
{
	x->how.type = 0x8017; /* certify */
}

static void
wrong_type_creation(struct shot *x)
{
	x->how.type = 0x801a;
}

static void
trailing(struct shot *x)
{
	x->how.tail = span_of("\0", 1);
}

static void
bad_signature(struct shot *x)
{
	x->how.flip_signature = 8 * 20 + 1;
}

static void
changed_after_signing(struct shot *x)
{
	x->how.flip = 8 * 90 + 1; /* in the clock */
}

static void
another_key(struct shot *x)
{
	x->how.key = other->tpm.ak;
}

static void
another_name(struct shot *x)
{
	x->how.signer = span_of(other->tpm.qualified.b, other->tpm.qualified.n);
}

static void
another_quote(struct shot *x)
{
	uint8_t nonce[32];

	ck_rc_ok(hash_of(w.h, ALG_SHA256, span_str(x->challenge), nonce));
	x->quote = soft_tpm_quote(&other->tpm, span_of(nonce, 32), &x->how);
}

static void
no_banks(struct shot *x)
{
	x->how.selection = soft_selection(&w.arena, NULL, 0);
}

static void
no_pcrs(struct shot *x)
{
	static const uint32_t none = 0;

	x->how.selection = soft_selection(&w.arena, &none, 1);
}

static void
twice(struct shot *x)
{
	static const uint32_t masks[] = {0xffff, 0xffff};

	x->how.selection = soft_selection(&w.arena, masks, 2);
}

static const struct {
	void (*change)(struct shot *x);
	int status;
	const char *code;
} unproven[] = {
    {wrong_magic, 403, "quote.magic"},
    {wrong_type, 403, "quote.type"},
    {wrong_type_creation, 403, "quote.type"},
    {trailing, 400, "quote.format"},
    {bad_signature, 403, "quote.signature"},
    {changed_after_signing, 403, "quote.signature"},
    {another_key, 403, "quote.signature"},
    {another_quote, 403, "quote.signature"},
    {another_name, 403, "ak.qn"},
    {no_banks, 403, "quote.selection.empty"},
    {no_pcrs, 403, "quote.selection.empty"},
    {twice, 403, "quote.selection.duplicate"},
};

START_TEST(proves_nothing)
{
	struct shot good = aim(&w, s), bad = good;

	unproven[_i].change(&bad);
	refused(&w, &bad, unproven[_i].status, unproven[_i].code);
	judged(&w, &good, "pass", "");
	ck_assert_str_eq(status_of(&w, s), "trusted");
}
END_TEST

/* A trusted node stays trusted whatever strangers send in its name. */
START_TEST(trust_survives_strangers)
{
	struct shot good = aim(&w, s);

	judged(&w, &good, "pass", "");
	for (size_t i = 0; i < sizeof(unproven) / sizeof(unproven[0]); i++) {
		struct shot bad = aim(&w, s);
		unproven[i].change(&bad);
		refused(&w, &bad, unproven[i].status, unproven[i].code);
		ck_assert_str_eq(status_of(&w, s), "trusted");
	}
}
END_TEST

/* Every 13th bit of a quote and its signature. */
START_TEST(flipped_bits)
{
	struct shot good = aim(&w, s);
	struct node before = stored(&w, s);

	for (size_t bit = 1; bit <= 145 * 8; bit += 13) {
		struct shot bad = good;
		bad.how.flip = bit;
		struct answer a = fire(&w, &bad);
		ck_assert_msg(a.status == 403 || a.status == 400,
		    "bit %zu: %d %s", bit, a.status, a.code);
	}
	for (size_t bit = 1; bit <= 72 * 8; bit += 13) {
		struct shot bad = good;
		bad.how.flip_signature = bit;
		struct answer a = fire(&w, &bad);
		ck_assert_msg(a.status == 403 || a.status == 400,
		    "signature bit %zu: %d %s", bit, a.status, a.code);
	}
	ck_assert_uint_eq(stored(&w, s).version, before.version);
	ck_assert_uint_eq(verdicts(&w), 0);
	judged(&w, &good, "pass", "");
}
END_TEST

/* Signed by the AK over this challenge, but not over the PCRs asked for: that
 * is the node's own doing and is recorded. */
START_TEST(substituted_selection)
{
	static const uint32_t masks[] = {0xfffe};
	struct shot good = aim(&w, s), bad = aim(&w, s);

	bad.how.selection = soft_selection(&w.arena, masks, 1);
	judged(&w, &bad, "reject", "quote.selection");
	ck_assert_str_eq(status_of(&w, s), "untrusted");
	ck_assert(stored(&w, s).state.held);
	says(post(&w, "/v1/nodes/n1/clear", "{\"reason\":\"test\"}"), 200, "");
	judged(&w, &good, "pass", "");
}
END_TEST

/* --- frames ----------------------------------------------------------------
 */

static struct span
cut(const struct shot *x)
{
	return span_of(x->body.p, x->body.n - 1);
}

static struct span
grown(const struct shot *x)
{
	return arena_copy(&w.arena, span_of(x->body.p, x->body.n + 0));
}

static struct span
wrong_frame_magic(const struct shot *x)
{
	uint8_t *p = arena_alloc(&w.arena, x->body.n);

	memcpy(p, x->body.p, x->body.n);
	p[7] = '2';
	return span_of(p, x->body.n);
}

static struct span
flags_set(const struct shot *x)
{
	uint8_t *p = arena_alloc(&w.arena, x->body.n);

	memcpy(p, x->body.p, x->body.n);
	p[10] = 1;
	return span_of(p, x->body.n);
}

static struct span
kind_unknown(const struct shot *x)
{
	return frame_of(&w, x, 10, span_str("x"));
}

static struct span
kind_twice(const struct shot *x)
{
	return frame_of(&w, x, PART_CHALLENGE, span_str(x->challenge));
}

static struct span
both_logs(const struct shot *x)
{
	uint8_t hash[32] = {0};

	return frame_of(&w, x, PART_EVENTLOG_HASH, span_of(hash, sizeof(hash)));
}

static struct span
short_hash(const struct shot *x)
{
	struct shot y = *x;
	static const uint8_t hash[31];

	y.eventlog = (struct span){NULL, 0};
	y.eventlog_hash = span_of(hash, sizeof(hash));
	return frame_of(&w, &y, 0, (struct span){NULL, 0});
}

static struct span
only_magic(const struct shot *x)
{
	(void)x;
	return span_str(SUBMISSION_MAGIC);
}

static const struct {
	struct span (*change)(const struct shot *x);
	const char *code;
} frames[] = {
    {cut, "frame.format"},
    {wrong_frame_magic, "frame.format"},
    {flags_set, "frame.format"},
    {both_logs, "frame.format"},
    {short_hash, "frame.format"},
    {kind_unknown, "frame.kind"},
    {kind_twice, "frame.duplicate"},
    {only_magic, "frame.missing"},
};

START_TEST(frame_faults)
{
	struct shot good = aim(&w, s);

	load(&w, &good);
	struct shot bad = good;
	bad.body = frames[_i].change(&good);
	refused(&w, &bad, 400, frames[_i].code);
	good.body = grown(&good);
	judged(&w, &good, "pass", "");
}
END_TEST

/* --- node tokens -----------------------------------------------------------
 */

/* A token of the right form for these ids and a secret that is not theirs. */
static const char *
token_for(const struct sim *of, const struct sim *secret_of)
{
	const size_t prefix = sizeof(NODE_TOKEN_PREFIX) - 1;
	struct span own, foreign;
	uint8_t raw[NODE_TOKEN];

	ck_rc_ok(
	    base64url_decode(span_str(of->token + prefix), &w.arena, &own));
	ck_rc_ok(base64url_decode(
	    span_str(secret_of->token + prefix), &w.arena, &foreign));
	ck_assert_uint_eq(own.n, sizeof(raw));
	memcpy(raw, own.p, 32);
	memcpy(raw + 32, foreign.p + 32, TOKEN_SECRET);
	return arena_printf(&w.arena, NODE_TOKEN_PREFIX "%s",
	    b64(&w, span_of(raw, sizeof(raw))));
}

START_TEST(token_is_another)
{
	struct shot good = aim(&w, s), bad = good;
	struct sim nobody = *s;

	load(&w, &good);
	bad = good;
	bad.token = token_for(s, other);
	refused(&w, &bad, 401, "node.token");
	nobody.id.b[15] ^= 1;
	const size_t prefix = sizeof(NODE_TOKEN_PREFIX) - 1;
	struct span raw;
	ck_rc_ok(base64url_decode(span_str(s->token + prefix), &w.arena, &raw));
	uint8_t *p = arena_alloc(&w.arena, raw.n);
	memcpy(p, raw.p, raw.n);
	p[31] ^= 1; /* a node that does not exist */
	bad.token = arena_printf(
	    &w.arena, NODE_TOKEN_PREFIX "%s", b64(&w, span_of(p, raw.n)));
	refused(&w, &bad, 401, "node.token");
	memcpy(p, raw.p, raw.n);
	p[0] ^= 1; /* a tenant that does not exist */
	bad.token = arena_printf(
	    &w.arena, NODE_TOKEN_PREFIX "%s", b64(&w, span_of(p, raw.n)));
	refused(&w, &bad, 401, "node.token");
	/* Its own, but not of the node that the challenge is for. */
	bad.token = other->token;
	refused(&w, &bad, 403, "challenge.node");
	judged(&w, &good, "pass", "");
}
END_TEST

START_TEST(token_is_none)
{
	struct shot good = aim(&w, s);

	load(&w, &good);
	struct shot bad = good;
	bad.token = "";
	refused(&w, &bad, 401, "auth.missing");
	bad.token = "aknt_short";
	refused(&w, &bad, 401, "auth.invalid");
	bad.token = "aknt";
	refused(&w, &bad, 401, "auth.invalid");
	bad.token = arena_printf(&w.arena, "%sA", s->token);
	refused(&w, &bad, 401, "auth.invalid");
	bad.token = w.operator;
	refused(&w, &bad, 403, "auth.forbidden");
	bad.token = w.enrol;
	refused(&w, &bad, 403, "auth.forbidden");
	judged(&w, &good, "pass", "");
}
END_TEST

START_TEST(node_is_retired)
{
	struct shot first = aim(&w, s), late = aim(&w, s);

	judged(&w, &first, "pass", "");
	says(post(&w, "/v1/nodes/n1/retire", "{\"reason\":\"test\"}"), 200, "");
	size_t n = verdicts(&w);
	says(fire(&w, &late), 403, "node.retired");
	ck_assert_uint_eq(verdicts(&w), n);
	struct answer a = get(&w, "/v1/nodes/n1");
	ck_assert_str_eq(text_at(a.json, "status"), "unknown");
	ck_assert_str_eq(text_at(a.json, "status_reason"), "node.retired");
	struct shot alive = aim(&w, other);
	judged(&w, &alive, "pass", "");
}
END_TEST

TCase *
quote_cases(void)
{
	TCase *t = tcase_create("quote");

	tcase_add_checked_fixture(t, setup, teardown);
	loop_test(t, proves_nothing, unproven);
	tcase_add_test(t, trust_survives_strangers);
	tcase_add_test(t, flipped_bits);
	tcase_add_test(t, substituted_selection);
	loop_test(t, frame_faults, frames);
	tcase_add_test(t, token_is_another);
	tcase_add_test(t, token_is_none);
	tcase_add_test(t, node_is_retired);
	return t;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Nonces and challenges: each of one node, one server, one time, one use. */
#include "e2e/server/cases.h"

static struct world w;

static void
setup(void)
{
	world_begin(&w, NULL);
}

static void
teardown(void)
{
	world_end(&w);
}

/* --- the nonce in the quote ----------------------------------------------- */

/* What a wrong nonce is made of: the right one, and other bytes after it. */
static const struct {
	size_t n;
	bool changed;
} nonces[] = {
    {0, false}, {1, false}, {31, false}, {33, false}, {64, false}, {32, true}};

START_TEST(nonce_is_another)
{
	struct sim *s = sim_new(&w, "n1");
	struct shot good = aim(&w, s), bad = good;
	uint8_t nonce[64] = {0};

	ck_rc_ok(hash_of(w.h, ALG_SHA256, span_str(good.challenge), nonce));
	nonce[31] ^= nonces[_i].changed;
	bad.nonce = span_of(nonce, nonces[_i].n);
	refused(&w, &bad, 403, "quote.nonce");
	judged(&w, &good, "pass", "");
}
END_TEST

/* A quote that was good once, beside a challenge that it was not made for. */
START_TEST(nonce_of_an_earlier_challenge)
{
	struct sim *s = sim_new(&w, "n1");
	struct shot first = aim(&w, s), second = aim(&w, s);

	judged(&w, &first, "pass", "");
	struct shot replayed = second;
	replayed.quote = first.quote;
	refused(&w, &replayed, 403, "quote.nonce");
	judged(&w, &second, "pass", "");
}
END_TEST

/* --- a challenge is used once --------------------------------------------- */

START_TEST(challenge_same_evidence_again)
{
	struct sim *s = sim_new(&w, "n1");
	struct shot shot = aim(&w, s);
	struct answer first = judged(&w, &shot, "pass", "");
	struct node n = stored(&w, s);

	for (int i = 0; i < 3; i++) {
		struct answer again = fire(&w, &shot);
		says(again, 200, "");
		ck_assert_str_eq(text_at(again.json, "verdict"),
		    text_at(first.json, "verdict"));
		ck_assert_str_eq(text_at(again.json, "result"), "pass");
		ck_assert_str_ne(text_at(again.json, "challenge.challenge"),
		    text_at(first.json, "challenge.challenge"));
	}
	ck_assert_uint_eq(verdicts(&w), 1);
	ck_assert_uint_eq(stored(&w, s).version, n.version);
}
END_TEST

START_TEST(challenge_other_evidence)
{
	struct sim *s = sim_new(&w, "n1");
	struct shot shot = aim(&w, s), other = shot;

	judged(&w, &shot, "pass", "");
	refused(&w, &other, 409, "challenge.used");
	struct shot next = aim(&w, s);
	judged(&w, &next, "pass", "");
}
END_TEST

/* Used evidence that was refused for the next parts: the answer of then. */
START_TEST(challenge_used_by_reference)
{
	struct sim *s = sim_new(&w, "n1");
	struct shot full = aim(&w, s);

	judged(&w, &full, "pass", "");
	struct shot delta = aim_delta(&w, s, s->tpm.ima.n);
	struct answer first = judged(&w, &delta, "pass", "");
	struct answer again = fire(&w, &delta);
	says(again, 200, "");
	ck_assert_str_eq(
	    text_at(again.json, "verdict"), text_at(first.json, "verdict"));
	delta.challenge = full.challenge;
	delta.body = delta.quote.attest = (struct span){NULL, 0};
	refused(&w, &delta, 409, "challenge.used");
	/* Even where the node would be asked for more. */
	delta.ima_offset--;
	delta.body = (struct span){NULL, 0};
	refused(&w, &delta, 409, "challenge.used");
	delta = aim_delta(&w, s, s->tpm.ima.n);
	judged(&w, &delta, "pass", "");
}
END_TEST

/* --- a challenge that is not ours ----------------------------------------- */

static void
fault_key(struct challenge *c, struct challenge_keys *k)
{
	(void)c;
	k->key[0].key[7] ^= 1;
}

static void
fault_key_id(struct challenge *c, struct challenge_keys *k)
{
	(void)c;
	k->key[0].id += 100;
}

static void
fault_node(struct challenge *c, struct challenge_keys *k)
{
	(void)k;
	c->node.b[15] ^= 1;
}

static void
fault_tenant(struct challenge *c, struct challenge_keys *k)
{
	(void)k;
	c->tenant.b[15] ^= 1;
}

static void
fault_purpose(struct challenge *c, struct challenge_keys *k)
{
	(void)k;
	c->purpose = CHALLENGE_ENROL;
}

static void
fault_epoch(struct challenge *c, struct challenge_keys *k)
{
	(void)k;
	c->epoch++;
}

static void
fault_late(struct challenge *c, struct challenge_keys *k)
{
	(void)k;
	c->issued -= c->ttl;
}

static void
fault_future(struct challenge *c, struct challenge_keys *k)
{
	(void)k;
	c->issued += 120 * TIME_S;
}

static void
almost_late(struct challenge *c, struct challenge_keys *k)
{
	(void)k;
	c->issued -= c->ttl - 60 * TIME_S;
}

static const struct {
	void (*fault)(struct challenge *c, struct challenge_keys *k);
	const char *code;
} foreign[] = {
    {fault_key, "challenge.forged"},
    {fault_key_id, "challenge.forged"},
    {fault_node, "challenge.node"},
    {fault_tenant, "challenge.node"},
    {fault_purpose, "challenge.purpose"},
    {fault_epoch, "challenge.epoch"},
    {fault_late, "challenge.expired"},
    {fault_future, "challenge.expired"},
};

START_TEST(challenge_is_foreign)
{
	struct sim *s = sim_new(&w, "n1");
	struct shot good = aim(&w, s), bad = good;

	bad.challenge = issue_challenge(&w, s, foreign[_i].fault);
	refused(&w, &bad, 403, foreign[_i].code);
	good.challenge = issue_challenge(&w, s, NULL);
	judged(&w, &good, "pass", "");
}
END_TEST

START_TEST(challenge_just_in_time)
{
	struct sim *s = sim_new(&w, "n1");
	struct shot shot = aim(&w, s);

	shot.challenge = issue_challenge(&w, s, almost_late);
	judged(&w, &shot, "pass", "");
}
END_TEST

START_TEST(challenge_of_another_node)
{
	struct sim *s = sim_new(&w, "n1"), *other = sim_new(&w, "n2");
	struct shot good = aim(&w, s), bad = good;

	bad.challenge = aim(&w, other).challenge;
	refused(&w, &bad, 403, "challenge.node");
	judged(&w, &good, "pass", "");
}
END_TEST

/* One character changed anywhere never passes. */
START_TEST(challenge_changed)
{
	struct sim *s = sim_new(&w, "n1");
	struct shot good = aim(&w, s);
	size_t n = strlen(good.challenge);

	for (size_t at = 0; at < n; at += n / 12) {
		struct shot bad = good;
		char *text = arena_printf(&w.arena, "%s", good.challenge);
		text[at] = text[at] == 'A' ? 'B' : 'A';
		bad.challenge = text;
		struct answer a = fire(&w, &bad);
		ck_assert_msg(strcmp(a.code, "challenge.forged") == 0 ||
				  strcmp(a.code, "challenge.format") == 0,
		    "%zu: %d %s", at, a.status, a.code);
		ck_assert_uint_eq(verdicts(&w), 0);
	}
	judged(&w, &good, "pass", "");
}
END_TEST

static const char *const malformed[] = {"A", "not a challenge", "AAAA", "////",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};

START_TEST(challenge_is_none)
{
	struct sim *s = sim_new(&w, "n1");
	struct shot good = aim(&w, s), bad = good;

	bad.challenge = malformed[_i];
	refused(&w, &bad, 400, "challenge.format");
	bad.challenge = arena_printf(&w.arena, "%s=", good.challenge);
	bad.body = bad.quote.attest = (struct span){NULL, 0};
	refused(&w, &bad, 400, "challenge.format");
	judged(&w, &good, "pass", "");
}
END_TEST

TCase *
challenge_cases(void)
{
	TCase *t = tcase_create("challenge");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(
	    t, nonce_is_another, 0, (int)(sizeof(nonces) / sizeof(nonces[0])));
	tcase_add_test(t, nonce_of_an_earlier_challenge);
	tcase_add_test(t, challenge_same_evidence_again);
	tcase_add_test(t, challenge_other_evidence);
	tcase_add_test(t, challenge_used_by_reference);
	loop_test(t, challenge_is_foreign, foreign);
	tcase_add_test(t, challenge_just_in_time);
	tcase_add_test(t, challenge_of_another_node);
	tcase_add_test(t, challenge_changed);
	loop_test(t, challenge_is_none, malformed);
	return t;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/challenge.h"
#include "base/rd.h"
#include "base/text.h"
#include "verify/wr.h"

/*
 * The body, big-endian: version u8 · key id u32 · tenant 16 · node 16 ·
 * purpose u8 · banks u8 · {alg u16, mask u24} per bank · epoch u32 ·
 * issued u64 · TTL u64 (both microseconds) · random 16. The MAC follows.
 */
enum {
	FORM_VERSION = 1,
	MAC = 32,
	BODY_MAX = 1 + 4 + 16 + 16 + 1 + 1 + 5 * LIMIT_BANKS + 4 + 8 + 8 + 16,
	BLOCK = 64, /* of SHA-256 */
};

_Static_assert((BODY_MAX + MAC + 2) / 3 * 4 < CHALLENGE_TEXT,
    "the longest challenge fits");

/* A clock of ours may lag behind that of the server that issued; a challenge
 * outlives a failover and no day. */
#define SKEW (60 * TIME_S)
#define TTL_MAX (24 * 3600 * TIME_S)

/* HMAC-SHA-256 (RFC 2104) on the thread's hasher: OpenSSL's own would fetch
 * its algorithm for each challenge. */
static rc
mac_of(struct hasher *h, const uint8_t key[CHALLENGE_KEY], struct span body,
    uint8_t out[MAC])
{
	uint8_t pad[BLOCK];

	for (size_t i = 0; i < BLOCK; i++)
		pad[i] = (i < CHALLENGE_KEY ? key[i] : 0) ^ 0x36;
	TRY(hash_of2(h, ALG_SHA256, span_of(pad, BLOCK), body, out));
	for (size_t i = 0; i < BLOCK; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	rc r = hash_of2(
	    h, ALG_SHA256, span_of(pad, BLOCK), span_of(out, MAC), out);
	secret_cleanse(pad, sizeof(pad));
	return r;
}

static void
put_body(struct wr *w, uint32_t key_id, const struct challenge *c)
{
	wr_be(w, FORM_VERSION, 1);
	wr_be(w, key_id, 4);
	wr_bytes(w, span_of(c->tenant.b, sizeof(c->tenant.b)));
	wr_bytes(w, span_of(c->node.b, sizeof(c->node.b)));
	wr_be(w, c->purpose, 1);
	wr_be(w, c->selection.n, 1);
	for (size_t i = 0; i < c->selection.n; i++) {
		wr_be(w, c->selection.bank[i].alg, 2);
		wr_be(w, c->selection.bank[i].mask, 3);
	}
	wr_be(w, c->epoch, 4);
	wr_be(w, (uint64_t)c->issued, 8);
	wr_be(w, (uint64_t)c->ttl, 8);
	wr_bytes(w, span_of(c->random, sizeof(c->random)));
}

/* Sums of them stay far from overflow. */
static bool
times_fit(const struct challenge *c)
{
	return c->issued >= 0 && c->issued < INT64_MAX / 2 && c->ttl > SKEW &&
	       c->ttl <= TTL_MAX;
}

static struct uuid
take_uuid(struct rd *in)
{
	struct span s = rd_bytes(in, 16);
	struct uuid u = {{0}};

	for (size_t i = 0; i < s.n; i++)
		u.b[i] = s.p[i];
	return u;
}

/* The body behind version and key id; false if it is not of this form. Its
 * MAC was checked, so that the values are our own. */
static bool
take_body(struct rd *in, struct challenge *c)
{
	c->tenant = take_uuid(in);
	c->node = take_uuid(in);
	c->purpose =
	    rd_u8(in) == CHALLENGE_ENROL ? CHALLENGE_ENROL : CHALLENGE_ATTEST;
	c->selection.n = rd_u8(in);
	if (c->selection.n > LIMIT_BANKS)
		return false;
	for (size_t i = 0; i < c->selection.n; i++) {
		uint16_t alg = rd_u16be(in);
		uint32_t mask = (uint32_t)rd_u8(in) << 16;
		c->selection.bank[i] =
		    (struct pcr_selection){alg, mask | rd_u16be(in)};
	}
	c->epoch = rd_u32be(in);
	c->issued = (int64_t)rd_u64be(in);
	c->ttl = (int64_t)rd_u64be(in);
	struct span random = rd_bytes(in, sizeof(c->random));
	if (!rd_done(in) || !times_fit(c))
		return false;
	memcpy(c->random, random.p, random.n);
	return true;
}

/* The nonce for the TPM and the key of used challenges. */
static rc
derive(struct span text, struct hasher *h, struct challenge *c)
{
	TRY(hash_of(h, ALG_SHA256, text, c->qualifying));
	memcpy(c->id, c->qualifying, sizeof(c->id));
	return RC_OK;
}

rc
challenge_issue(const struct challenge_keys *keys, struct challenge *c,
    struct hasher *h, char out[CHALLENGE_TEXT], struct err *e)
{
	uint8_t body[BODY_MAX + MAC], mac[MAC];
	struct wr w = wr_over(body, sizeof(body));
	rc r = random_bytes(c->random, sizeof(c->random));

	if (keys->n == 0 || c->selection.n > LIMIT_BANKS || !times_fit(c))
		return err_at(e, ERR_INTERNAL,
		    "A challenge needs a key, at most 16 banks and a life of "
		    "more than a minute and at most a day.",
		    "challenge");
	if (rc_ok(r)) {
		put_body(&w, keys->key[0].id, c);
		r = mac_of(h, keys->key[0].key, wr_span(&w), mac);
	}
	if (rc_ok(r)) {
		wr_bytes(&w, span_of(mac, sizeof(mac)));
		base64url_emit(wr_span(&w), out);
		r = derive(span_str(out), h, c);
	}
	return rc_ok(r) ? r : err_at(e, r.code, NULL, "challenge");
}

static const uint8_t *
key_by_id(const struct challenge_keys *keys, uint32_t id)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->key[i].id == id)
			return keys->key[i].key;
	return NULL;
}

static rc
check_mac(const struct challenge_keys *keys, struct span raw, struct hasher *h,
    struct challenge *out)
{
	struct span body = span_of(raw.p, raw.n < MAC ? 0 : raw.n - MAC);
	struct rd in = rd_over(body);
	uint8_t version = rd_u8(&in);
	uint32_t id = rd_u32be(&in);
	uint8_t mac[MAC];

	if (!rd_ok(&in) || version != FORM_VERSION)
		return (rc){ERR_CHALLENGE_FORMAT};
	const uint8_t *key = key_by_id(keys, id);
	if (!key)
		return (rc){ERR_CHALLENGE_MAC};
	TRY(mac_of(h, key, body, mac));
	if (!secret_equal(mac, body.p + body.n, MAC))
		return (rc){ERR_CHALLENGE_MAC};
	return take_body(&in, out) ? RC_OK : (rc){ERR_CHALLENGE_FORMAT};
}

static rc
check_binding(const struct challenge *c, const struct challenge_expect *expect)
{
	if (!uuid_eq(&c->tenant, &expect->tenant) ||
	    !uuid_eq(&c->node, &expect->node))
		return (rc){ERR_CHALLENGE_NODE};
	if (c->purpose != expect->purpose)
		return (rc){ERR_CHALLENGE_PURPOSE};
	if (c->epoch != expect->epoch)
		return (rc){ERR_CHALLENGE_EPOCH};
	/* A clock that stepped back would let old challenges live again. */
	if (expect->now > c->issued + c->ttl || expect->now < c->issued - SKEW)
		return (rc){ERR_CHALLENGE_EXPIRED};
	return RC_OK;
}

rc
challenge_check(const struct challenge_keys *keys, struct span text,
    const struct challenge_expect *expect, struct hasher *h,
    struct challenge *out, struct err *e)
{
	struct challenge c = {0};
	struct arena a;
	struct span raw;

	if (text.n >= CHALLENGE_TEXT)
		return err_at(e, ERR_CHALLENGE_FORMAT, NULL, "challenge");
	arena_init(&a, 4 * CHALLENGE_TEXT);
	rc r = base64url_decode(text, &a, &raw);
	if (r.code == ERR_ENCODING)
		r.code = ERR_CHALLENGE_FORMAT;
	if (rc_ok(r))
		r = check_mac(keys, raw, h, &c);
	if (rc_ok(r))
		r = check_binding(&c, expect);
	if (rc_ok(r))
		r = derive(text, h, &c);
	arena_free(&a);
	if (!rc_ok(r))
		return err_at(e, r.code, NULL, "challenge");
	*out = c;
	return RC_OK;
}

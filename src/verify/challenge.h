/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Challenges without server state (decisions.md 13).
 *
 * A challenge is base64url( body ‖ HMAC-SHA-256(key, body) ); body = version,
 * key id, tenant, node, purpose, selection, epoch, issue time, TTL, 16 random
 * bytes. The quote's qualifyingData is SHA-256 of the base64url text's bytes
 * before decoding. Freshness counts from the issue time, by server clock.
 */
#ifndef AKASHI_VERIFY_CHALLENGE_H
#define AKASHI_VERIFY_CHALLENGE_H

#include "base/uuid.h"
#include "decode/tpm.h"

enum challenge_purpose { CHALLENGE_ATTEST = 1, CHALLENGE_ENROL = 2 };

enum { CHALLENGE_KEY = 32, CHALLENGE_KEYS = 2, CHALLENGE_TEXT = 320 };

/* Keys by id, the first one signs; all verify (rotation). */
struct challenge_keys {
	size_t n;
	struct {
		uint32_t id;
		uint8_t key[CHALLENGE_KEY];
	} key[CHALLENGE_KEYS];
};

struct challenge {
	struct uuid tenant;
	struct uuid node;
	enum challenge_purpose purpose;
	struct pcr_selections selection;
	uint32_t epoch;
	int64_t issued; /* microseconds */
	int64_t ttl;	/* microseconds */
	uint8_t random[16];
	uint8_t
	    id[16]; /* first bytes of SHA-256(text): key of used challenges */
	uint8_t qualifying[32];
};

/* Fill random, id and qualifying and write the text. The TTL is more than a
 * minute and at most a day. RANDOM, CRYPTO; INTERNAL for a wrong *c. */
MUST_USE rc challenge_issue(const struct challenge_keys *keys,
    struct challenge *c, struct hasher *h, char out[CHALLENGE_TEXT],
    struct err *e);

/* What a challenge must have been issued for. */
struct challenge_expect {
	struct uuid tenant;
	struct uuid node;
	enum challenge_purpose purpose;
	uint32_t epoch;
	int64_t now;
};

/* Check form, HMAC (constant time), then binding and time, in this order. One
 * issued more than a minute in the future has expired too: a clock that stepped
 * back must not let old challenges live again.
 * CHALLENGE_FORMAT, _MAC, _NODE, _PURPOSE, _EPOCH, _EXPIRED; CRYPTO. */
MUST_USE rc challenge_check(const struct challenge_keys *keys, struct span text,
    const struct challenge_expect *expect, struct hasher *h,
    struct challenge *out, struct err *e);

#endif

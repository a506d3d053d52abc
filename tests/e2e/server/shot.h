/* SPDX-License-Identifier: Apache-2.0 */
/* One submission of evidence, good until a test changes it. */
#ifndef AKASHI_TESTS_SHOT_H
#define AKASHI_TESTS_SHOT_H

#include "e2e/server/world.h"
#include "intake/submission.h"
#include "verify/challenge.h"

struct shot {
	struct sim *sim;
	const char *token;     /* NULL: the node's; "": none */
	const char *challenge; /* text */
	struct span nonce;     /* p == NULL: SHA-256 of the text */
	struct soft_quote how;
	struct soft_signed quote; /* attest.p == NULL: made when it is sent */
	struct span eventlog;	  /* p == NULL: left out */
	struct span eventlog_hash;
	struct span ima; /* p == NULL: left out */
	uint64_t ima_offset;
	bool ima_big_endian; /* declared, whatever it is */
	struct span body;    /* p == NULL: built from the above */
};

/* Full evidence for a fresh challenge. */
struct shot aim(struct world *w, struct sim *s);
/* The same with the boot log by hash and IMA entries from `offset` on. */
struct shot aim_delta(struct world *w, struct sim *s, uint64_t offset);

/* Fix quote and body, so that the same bytes can be sent again. */
void load(struct world *w, struct shot *s);

struct answer fire(struct world *w, struct shot *s);
/* The bytes of the whole request. */
struct span shot_bytes(struct world *w, struct shot *s);

/* A frame of the parts of s, with one more of this kind (0: none). */
struct span frame_of(
    struct world *w, const struct shot *s, unsigned kind, struct span extra);

/* Send: refused with this status and code. Nothing is recorded, the node did
 * not move; a code of class tampering leaves a security event. */
void refused(struct world *w, struct shot *s, int status, const char *code);

/* Send: a verdict with this result, whose first reason is `code` (or none). The
 * answer. */
struct answer judged(
    struct world *w, struct shot *s, const char *result, const char *code);

/* Send: 409 frame.need of this part, and nothing recorded. */
void needs(struct world *w, struct shot *s, const char *part);

/* A challenge made with the server's keys. `fault` is applied to what it is
 * issued for; NULL: none. */
const char *issue_challenge(struct world *w, const struct sim *s,
    void (*fault)(struct challenge *c, struct challenge_keys *k));

#endif

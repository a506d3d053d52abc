/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trying a policy on recorded evidence.
 *
 * 1. Nothing is recorded but that it was done (audit): no verdict, no
 *    evidence, no state of a node, no leaf of the log.
 * 2. A request is a page of about half a second of work, which any server can
 *    do; nothing is kept between pages but candidates ready to use.
 * 3. The work is done by threads of its own, of low priority, each with one
 *    connection to the database; the loops only queue it.
 */
#ifndef AKASHI_AKASHID_SIMULATE_H
#define AKASHI_AKASHID_SIMULATE_H

#include "akashid/server.h"

/* --- candidate.c: policies ready to use, for a while ------------------------
 */

struct candidates;
struct candidates *candidates_new(void); /* NULL without memory */
void candidates_free(struct candidates *c);

/* The policy that this document of the caller's tenant is, with the reference
 * sets that it names; a derived one is composed. Held for the caller
 * (policy_unref). POLICY_BASE, REFSET_UNKNOWN, what policy_decode() says. */
MUST_USE rc candidate_get(struct candidates *c, struct http_request *q,
    struct span document, struct hasher *h, struct policy **out, struct err *e);

/* Forget those that nobody asked for in the last minute. */
void candidates_trim(struct candidates *c);

/* --- retrial.c: one attestation, judged again -------------------------------
 */

enum not_judged {
	JUDGED,
	NOT_KEPT,     /* evidence or context is gone, or cannot be read */
	KEY_REPLACED, /* the node has another AK now */
	OTHER_CLASS,  /* the policy is not for nodes of this class */
};

/* Memory and settings of a page. */
struct trial {
	struct hasher *hasher;
	struct snapshot *snap;
	const struct policy *policy;
	struct arena work; /* of one attestation */
	/* The node of the attestation before, with its key: */
	struct node_base *base;
	struct uuid base_node;
	struct verdict verdict;
	struct attest_facts *facts;
};

/* Judge; t->verdict holds until the next call. The nonce was checked before
 * anything was recorded, and its challenge is not kept: it is taken from the
 * quote. All else is judged as if it arrived now, with the state of the node
 * and the time that were recorded. Errors of ours alone. */
MUST_USE rc retry_attestation(struct trial *t, const struct boot_row *row,
    const struct boot_evidence *ev, enum not_judged *why, struct err *e);

/* --- simulate.c -------------------------------------------------------------
 */

/* What one thread works with. */
struct simulating {
	struct hasher *hasher;
	struct candidates *candidates;
};

/* One page: fills q->answer. */
MUST_USE rc simulate_page(
    struct http_request *q, const struct simulating *with, struct err *e);

#endif

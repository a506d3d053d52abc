/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statement: the one canonical byte string of a verdict (decisions.md 19).
 *
 * Compact JSON, keys in ASCII order, integers of at most 53 bits (larger
 * values are text), times in microseconds. It is a function of a verdict_row
 * alone, so that whoever holds the rows makes the same bytes again; its
 * SHA-256 is what waits for the log. At most 65,535 bytes, because a log entry
 * cannot be longer.
 */
#ifndef AKASHI_RECORD_STATEMENT_H
#define AKASHI_RECORD_STATEMENT_H

#include "record/store.h"

enum { STATEMENT_VERSION = 1, STATEMENT_MAX = 65535 };

/* Who was judged, by what: what a re-appraisal needs beside the evidence.
 * Empty strings are written as null. */
struct verdict_context {
	const struct node *node; /* name, identity, class, labels */
	const char *policy_name; /* NULL: no policy applied */
	uint32_t policy_version;
	struct sha256 policy_hash;
	const char *policy_author, *policy_approver;
	bool policy_four_eyes;	      /* the two are different persons */
	const char *policy_signed_by; /* key of the author; "" or NULL: none */
	bool policy_trial;	      /* staged, not active */
	struct sha256 trust_anchors;  /* none: no anchors configured */
	/* Reference sets and CRLs that were in force, by hash. */
	const struct sha256 *reference_sets;
	size_t reference_sets_n;
	const struct sha256 *crls;
	size_t crls_n;
	/* Settings that change a verdict: canonical JSON of our own writer. */
	struct span switches;
	const char *build;	/* verifier build: "akashid/0.1.0 …" */
	const char *instance;	/* verifier instance */
	const char *disclosure; /* version of the location disclosure */
	bool ima_big_endian;	/* the list was declared so */
	bool drill; /* a simulated failure: never counted as evidence */
};

/* Complete a record whose other fields are set: writes the documents and the
 * hashes of everything (spans of `r` included) into r->row, then the hash of
 * the statement. Documents live in the arena.
 * MEMORY, CRYPTO; INTERNAL if the statement would be too long. */
MUST_USE rc record_seal(struct record *r, const struct verdict_context *c,
    const struct verdict *v, struct hasher *h, struct arena *a, struct err *e);

/* The statement's bytes; ask out->failed. */
void statement_emit(const struct verdict_row *row, struct buf *out);

#endif

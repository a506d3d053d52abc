/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pages of a simulation say together: groups of attestations that the
 * candidate would judge alike, for the same reason.
 *
 * The sums do not depend on the order of the pages.
 */
#ifndef AKASHI_SIMULATION_H
#define AKASHI_SIMULATION_H

#include "appraise/cause.h"

struct simulation_item {
	const char *node, *verdict; /* printable */
	bool latest;
};

struct simulation_group {
	struct simulation_group *next; /* in its slot of the table */
	enum result recorded, candidate;
	/* The candidate's first reason, ERR_OK if none; then recorded_code is
	 * the recorded one. Texts are printable, or NULL. */
	enum err_code code, recorded_code;
	const char *layer, *event_type, *found;
	int pcr; /* -1: none */
	enum cause_id cause;
	const char *detail;
	const char *key;    /* all of the above */
	const char *family; /* all but `found` */
	uint64_t attestations, latest;
	struct simulation_item *item;
	size_t items, cap;
};

struct simulation_tally {
	uint64_t attestations, latest;
};

enum {
	NOT_JUDGED_KEY,	  /* the node has another AK now */
	NOT_JUDGED_GONE,  /* evidence is not kept */
	NOT_JUDGED_CLASS, /* the policy is for another class */
	NOT_JUDGED_COUNT,
};

enum { SIMULATION_SLOTS = 4096 };

struct simulation {
	struct arena *arena;
	const char *name, *hash, *mode, *class; /* of the candidate */
	struct simulation_tally not_judged[NOT_JUDGED_COUNT];
	struct simulation_group *slot[SIMULATION_SLOTS];
	struct simulation_group **group; /* after simulation_end() */
	size_t groups;
};

/* How it would be for a node: of its latest boot, or of any attestation. */
enum simulation_turn {
	TURN_STAYS,  /* accepted (pass, warn) before and after */
	TURN_FAILS,  /* accepted before */
	TURN_PASSES, /* not accepted before */
	TURN_STILL,  /* not accepted before and after */
	TURN_COUNT,
};

/* Add a page. CLIENT_RESPONSE for one that makes no sense; MEMORY. */
MUST_USE rc simulation_add(
    struct simulation *s, const json_t *page, struct err *e);

/* All pages are there: groups in their order, those of most nodes first; items
 * by node. MEMORY. */
MUST_USE rc simulation_end(struct simulation *s, struct err *e);

enum simulation_turn simulation_turn(const struct simulation_group *g);

/* > 0: worse than recorded, < 0: better. pass, warn, unknown, fail, reject. */
int simulation_change(const struct simulation_group *g);

/* Different nodes in n groups. */
size_t simulation_nodes(
    struct simulation_group *const *g, size_t n, struct arena *a);

/* Of a turn, or of all that was judged (TURN_COUNT). */
struct simulation_tally simulation_sum(
    const struct simulation *s, enum simulation_turn turn);

/* For people, and for programs; of each group at most `nodes` names. */
void simulation_text(const struct simulation *s, const char *since,
    const char *lang, size_t nodes, struct buf *out);
void simulation_json(const struct simulation *s, const char *since,
    size_t nodes, struct buf *out);

/* 0: no node's latest boot gets worse; 1: some do; 3: nothing was judged. */
int simulation_exit(const struct simulation *s);

#endif

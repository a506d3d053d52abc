/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server in this process, its operator, its nodes, and requests over real
 * HTTP. Without AKASHI_TEST_CLUSTER (tests/lib/pg.sh) its store is store_mem.
 */
#ifndef AKASHI_TESTS_WORLD_H
#define AKASHI_TESTS_WORLD_H

#include "akashid/start.h"
#include "lib/raw_http.h"
#include "lib/soft_tpm.h"
#include "lib/tap.h"

#define GOLDEN_BOOT "grub-sb-golden"

enum { WORLD_DOCS = 2000, WORLD_NODES = 16 };

struct world {
	struct server *server; /* that requests go to */
	struct server *both[2];
	struct arena arena;
	struct hasher *h;
	struct principal admin;
	char operator[TOKEN_TEXT]; /* its token */
	char enrol[TOKEN_TEXT];	   /* class test, label site=lab, 1000 uses */
	char source[16];	   /* the client's address */
	char socket[64];	   /* admin listener; "" without one */
	char database[32];	   /* of its own; "" for store_mem */
	struct span policy;	   /* learned from the golden boot */
	const struct store_ops *real; /* see world_ops() */
	json_t *doc[WORLD_DOCS];      /* of answers */
	size_t docs;
	struct sim *sim[WORLD_NODES];
	size_t sims;
};

/* A node that is played by this process. */
struct sim {
	const char *name;
	const char *certificates; /* JSON strings with commas; NULL: none */
	struct uuid tenant, id;
	char token[NODE_TOKEN_TEXT];
	struct soft_tpm tpm;
};

/* Server and operator; `settings` is NULL or more environment strings, ended
 * by NULL. The golden policy is active for site=lab. */
void world_begin(struct world *w, const char *const *settings);
void world_end(struct world *w);

/* Another server on the same records, or back to the first: requests go to it
 * until then. A test that makes one calls world_end_second(). */
void world_second(struct world *w, const char *const *settings);
void world_use(struct world *w, int which);
void world_end_second(struct world *w);

/* The parts of it: a server whose database is absent or empty. */
void world_begin_bare(
    struct world *w, const char *database, const char *const *settings);
void world_found(struct world *w); /* administrator, enrolment token, policy */

/* The server's configuration is read again, with these settings. */
void world_reload(struct world *w, const char *const *settings);

/* Wait until the server is ready; false after 20 s. */
bool world_ready(struct world *w);

struct answer {
	int status;
	const char *code; /* of a problem document, or "" */
	json_t *json;	  /* the world's; NULL: none */
	struct raw_reply raw;
};

/* One request of anybody. */
struct answer ask(struct world *w, const struct raw_request *q);
struct answer answer_of(struct world *w, struct raw_reply r);

/* Of the operator; body NULL: none. */
struct answer get(struct world *w, const char *path);
struct answer post(struct world *w, const char *path, const char *body);

/* A body of JSON with a token, or none. */
struct answer post_as(
    struct world *w, const char *token, const char *path, const char *body);

/* The answer has this status and code ("" for a success). */
#define says(got, want_status, want_code)                                      \
	do {                                                                   \
		const struct answer says_ = (got);                             \
		ck_assert_msg(says_.status == (want_status) &&                 \
				  strcmp(says_.code, (want_code)) == 0,        \
		    "%d %s, not %d %s: %.*s", says_.status, says_.code,        \
		    (want_status), (want_code), (int)says_.raw.body.n,         \
		    (const char *)says_.raw.body.p);                           \
	} while (0)

/* A string below a JSON object: "a.b", "items.0.name"; "" where it is not. */
const char *text_at(const json_t *json, const char *path);
const json_t *json_at(const json_t *json, const char *path);

/* Enrolled with activation over HTTP and approved, booted into the golden
 * boot. */
struct sim *sim_new(struct world *w, const char *name);
/* The same without approval and with nothing booted; the caller may have made
 * the TPM. */
struct sim *sim_alloc(struct world *w, const char *name, EVP_PKEY *ek);
void sim_join(struct world *w, struct sim *s);

/* The node as the store has it. */
struct node stored(struct world *w, const struct sim *s);
const char *status_of(struct world *w, const struct sim *s);
/* How many verdicts there are, of any node. */
size_t verdicts(struct world *w);
/* Of store_mem: security events recorded until now. */
uint64_t events(struct world *w);
/* Wait until there are that many; fails after 10 s. */
void await_events(struct world *w, uint64_t n);

/* The store's verbs, for a test to put its own in place; world.real has what
 * they were. */
struct store_ops *world_ops(struct world *w);

/* Of store_mem: all enrolments, or all enrolment tokens, have expired. */
void world_expire_enrolments(struct world *w);
void world_expire_tokens(struct world *w);

/* base64url in the arena. */
const char *b64(struct world *w, struct span s);

#endif

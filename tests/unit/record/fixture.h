/* SPDX-License-Identifier: Apache-2.0 */
/* A store with a tenant, nodes and records, on either implementation. */
#ifndef AKASHI_TESTS_RECORD_FIXTURE_H
#define AKASHI_TESTS_RECORD_FIXTURE_H

#include "lib/tap.h"

#include "base/hash.h"
#include "record/labels.h"
#include "record/statement.h"
#include "record/store.h"

/* 2026-11-20T00:00:00Z */
#define T0 ((int64_t)1795132800 * TIME_S)

/* The folder of a cluster (tests/lib/pg.sh), or NULL: store_mem. */
const char *cluster(void);

/* Connection string of a role ("akashi_app", "akashi_owner", "postgres") to a
 * database of the cluster. */
const char *conninfo(const char *role, const char *database, char out[256]);

/* Run `pg.sh VERB` on the cluster. */
void cluster_do(const char *verb);

/* One statement by a superuser in a database of the cluster. */
void as_superuser(const char *database, const char *sql);

/* Everything that a test works with. Made by begin(), ended by end(). */
struct fixture {
	struct store *st;
	struct arena arena;
	struct hasher *h;
	struct principal admin;
	struct actor by;
	struct err e;
	char database[32]; /* of its own; "" for store_mem */
};

/* A fresh database; begin() adds its first administrator. */
void begin_empty(struct fixture *f);
void begin(struct fixture *f);
void end(struct fixture *f);

/* Another store on the same database (store_mem: the same store). */
struct store *another_store(struct fixture *f);
void drop_another(struct fixture *f, struct store *st);

struct sha256 sha_of(const char *text);
struct uuid new_id(int64_t t);

/* An enrolment token; its secret text is `text`. */
void put_token(struct fixture *f, const char *text, uint32_t uses);

/* An enrolment whose keys follow from their names. */
struct enrolment make_enrolment(
    struct fixture *f, const char *name, const char *ek, const char *ak);

/* begin + activate with a token of its own; ck_asserts. */
struct node enrol(
    struct fixture *f, const char *name, const char *ek, const char *ak);

/* A passing verdict on a node as it is now, sealed. `what` makes challenge and
 * evidence; `at` is when it was verified. */
struct record make_record(
    struct fixture *f, const struct node *n, const char *what, int64_t at);
void seal(struct fixture *f, struct record *r, const struct node *n,
    const struct verdict *v);

/* The steps alone, under the token `token`; `out` may be NULL. */
rc try_begin(struct fixture *f, const char *token, const struct enrolment *en);
struct activation activation_of(const struct enrolment *en);
rc try_activate(
    struct fixture *f, const struct activation *act, struct node *out);

/* node_change() with a reason and nothing else. */
rc act_on(struct fixture *f, enum node_act act, const char *name);

/* A version of a policy; its number. */
uint32_t put_policy(struct fixture *f, const char *name, const char *document);
/* policy_change() by `who`, of "golden"; *version may be NULL. */
rc take_step(struct fixture *f, const struct principal *who,
    const struct policy_change *c, uint32_t *version);

struct node get_node(struct fixture *f, const struct uuid *id);

#endif

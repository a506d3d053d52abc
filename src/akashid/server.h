/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running server: what its handlers share.
 *
 * 1. Loop threads judge; the committer records; the keeper refreshes what
 *    other servers may have changed. Nobody else touches the store's writer.
 * 2. Configuration, policies and trust anchors are immutable snapshots behind
 *    counted pointers; a reload builds a new one and swaps it.
 * 3. A node's answer is written only after its verdict is durable.
 */
#ifndef AKASHI_AKASHID_SERVER_H
#define AKASHI_AKASHID_SERVER_H

#include "appraise/policy.h"
#include "base/log.h"
#include "conf/conf.h"
#include "intake/http.h"
#include "publish/metrics.h"
#include "record/statement.h"
#include "record/store.h"
#include "verify/challenge.h"
#include "verify/ek.h"
#include "verify/jws.h"
#include "verify/quote.h"

#include <pthread.h>
#include <stdatomic.h>

enum { AUTHORS_MAX = 64 };

#define AKASHID_BUILD "akashid/" PACKAGE_VERSION

/* --- snapshots ---------------------------------------------------------------
 */

/* One version of a policy that is in force. */
struct active_policy {
	char name[STORE_NAME];
	uint32_t version;
	char author[STORE_NAME], approver[STORE_NAME];
	char signed_by[SIGN_ID]; /* "": not signed */
	bool four_eyes;
	bool trusted; /* what was put, approved and, if needed, signed */
	struct span selector; /* canonical labels */
	/* On trial: for those of its nodes that have trial_labels, or (empty)
	 * are in the share. */
	bool trial;
	struct span trial_labels;
	uint32_t percent;
	struct sha256 *refset; /* that it names */
	size_t refsets_n;
	struct policy *policy;
};

/* The active policies of one tenant, loaded when it is first asked for. */
struct policy_set {
	struct policy_set *next;
	struct uuid tenant;
	struct arena arena;
	size_t n;
	struct active_policy *active;
};

/* What handlers read and the keeper replaces, as a whole. */
struct snapshot {
	atomic_int refs;
	struct challenge_keys keys;
	uint32_t epoch;
	uint64_t policy_serial;
	pthread_mutex_t policies_lock; /* for adding to the list */
	struct policy_set *policies;
	struct anchors *anchors; /* NULL: none configured */
	struct sha256 anchors_digest;
	struct sign_key *author[AUTHORS_MAX];
	size_t authors_n;
	bool signed_policies; /* others are not taken, and judge nothing */
	struct sha256 *crls;  /* digests of its revocation lists */
	size_t crls_n;
	struct pcr_selections asked;
	char asked_text[400];
	bool allow_virtual;
	char region[128];     /* where this verifier stands; "": unknown */
	struct span switches; /* for statements: canonical JSON */
	char switches_text[1400];
};

/* --- the server
 * ---------------------------------------------------------------- */

struct committer;
struct simulator;
struct node_cache;
struct keeper;

struct server {
	struct logger log;
	struct clock clock;
	struct conf_box *conf;
	struct store *store;
	struct metrics *metrics;
	size_t loops;
	char instance[256];
	char admin_listen[160];
	const char **route_names; /* labels of metrics */

	pthread_mutex_t snapshot_lock;
	struct snapshot *snapshot;

	struct committer *committer;
	struct hasher *commit_hasher; /* of the committer's thread */
	struct node_cache *cache;
	struct refset_cache *refsets; /* compiled once, shared by policies */
	struct keeper *keeper;
	struct simulator *simulator;

	struct http_server *api;
	struct http_server *admin;

	atomic_bool draining;
	atomic_bool refset_busy; /* one set is checked or compared at a time */
	/* Result of the keeper's last look at the database. */
	atomic_bool store_ready;
	char store_problem[400]; /* under snapshot_lock */
};

static inline struct server *
server_of(const struct http_request *q)
{
	return q->ctx;
}

static inline struct metrics_slot *
slot_of(const struct http_request *q)
{
	return metrics_slot(server_of(q)->metrics, q->loop);
}

/* The current snapshot, counted; NULL before the database was first reached. */
struct snapshot *snapshot_take(struct server *s);
void snapshot_drop(struct snapshot *n);

/* --- keeper.c
 * ------------------------------------------------------------------ */

/* Start the thread that watches the database: keys, epoch, policies, purge. It
 * retries for as long as it takes. */
MUST_USE rc keeper_start(struct server *s, struct err *e);
void keeper_stop(struct server *s);

/* Look again now: after a reload, or a policy change on this server. Returns
 * when the new snapshot is in place, or the reason why it is not. */
MUST_USE rc keeper_refresh(struct server *s, bool reload, struct err *e);

/* --- inforce.c
 * ----------------------------------------------------------------- */

/* The policy in force for a node; it lives as long as the snapshot.
 * POLICY_NONE, POLICY_AMBIGUOUS, POLICY_UNTRUSTED, and what the store says. */
MUST_USE rc policy_for(struct server *s, struct snapshot *n,
    const struct node *node, const struct active_policy **out, struct err *e);
void policy_set_free(struct policy_set *p);
void policies_warm(struct server *s, struct snapshot *n, struct snapshot *old);

/* No policy judges the node; the code says why. */
static inline bool
is_no_policy(rc r)
{
	return r.code == ERR_POLICY_NONE || r.code == ERR_POLICY_AMBIGUOUS ||
	       r.code == ERR_POLICY_UNTRUSTED;
}

/* The row's signature over p by one of the authors. POLICY_UNSIGNED,
 * POLICY_SIGNATURE; MEMORY, CRYPTO. */
MUST_USE rc policy_signed_well(const struct snapshot *n,
    const struct policy_row *row, const struct policy *p, struct arena *a,
    struct jws_claims *claims, struct err *e);

/* --- refsets.c
 * ----------------------------------------------------------------- */

/* Give the policy the sets that it names and this tenant has; they are loaded
 * where no other policy has them yet. */
MUST_USE rc refsets_bind(struct server *s, const struct uuid *tenant,
    struct policy *p, struct err *e);

/* Every set that the policy names is one of the tenant's. REFSET_UNKNOWN. */
MUST_USE rc refsets_known(struct server *s, const struct uuid *tenant,
    const struct policy *p, struct err *e);

/* --- derive.c
 * ------------------------------------------------------------------ */

/* If new->document is derived, compose it: document, source and origins are
 * the request's. POLICY_BASE, and what compose() says. */
MUST_USE rc policy_derive(
    struct http_request *q, struct policy_new *new, struct err *e);

/* --- effective.c
 * --------------------------------------------------------------- */

/* Members of a node's JSON: judged_by, policy, policy_problem, policy_current.
 */
MUST_USE rc write_node_policy(
    struct http_request *q, const struct node *n, struct jw *j, struct err *e);

/* --- cache.c
 * --------------------------------------------------------------------- */

/* What of a node stays the same from one submission to the next: its identity,
 * with its key ready to use. */
struct node_base {
	atomic_int refs;
	struct arena arena;
	struct key *ak;
	struct tpm_name ak_qualified;
	struct ek_identity ek; /* as enrolment proved it */
};

/* The boot log of node.state.attester.boot_log. */
struct node_log {
	atomic_int refs;
	size_t n;
	uint8_t bytes[];
};

/* A node as the database has it; immutable. */
struct cached_node {
	atomic_int refs;
	struct node node;
	struct node_base *base;
	struct node_log *log; /* NULL: none, or too large to keep */
	struct span ima;      /* own memory of node.state.attester.ima */
};

struct node_cache *node_cache_new(size_t limit);
void node_cache_free(struct node_cache *c);

/* The node, from the cache or the database. NODE_UNKNOWN and what the store
 * and the key say. Drop it with cached_node_drop(). */
MUST_USE rc node_cache_get(struct server *s, const struct uuid *tenant,
    const struct uuid *id, struct cached_node **out, struct err *e);
void cached_node_drop(struct cached_node *n);

/* The identity alone, for whoever does not want the node to be remembered. */
MUST_USE rc node_base_make(
    const struct identity *id, struct node_base **out, struct err *e);
void node_base_drop(struct node_base *b); /* NULL accepted */

/* Forget a node if the cache has it at this version or an older one: its row
 * has changed. NODE_ANY_VERSION: whatever it is. */
#define NODE_ANY_VERSION UINT64_MAX
void node_cache_forget(
    struct server *s, const struct uuid *id, uint64_t version);

/* After a commit: the same node with its new state, version and boot log. */
void node_cache_advance(struct server *s, const struct cached_node *old,
    const struct node_state *state, struct span boot_log);

/* --- commit.c
 * --------------------------------------------------------------------- */

/* One submission on its way to disk. `done` runs on the committer's thread when
 * the outcome is known, and must end in http_resume(). */
struct commit_job {
	struct record record;
	void (*done)(struct commit_job *job, const struct err *e);
	struct http_request *q;
	struct commit_job *next;
};

MUST_USE rc committer_start(struct server *s, struct err *e);
/* Records what is queued, then ends. */
void committer_stop(struct server *s);
void committer_put(struct server *s, struct commit_job *job);

/* Keep a security event; in batches, never in a request's way. Any thread, with
 * its own hasher. */
void committer_event(const struct http_request *q, struct hasher *h,
    const struct uuid *tenant, const struct uuid *node, enum err_code code);

/* --- pipeline.c
 * -------------------------------------------------------------------- */

/* What is remembered of a TPM, as the walk takes it. */
struct tpm_clock attester_clock(const struct attester *a);

/* --- simulator.c
 * ------------------------------------------------------------------- */

/* Threads that try policies on recorded evidence (simulate.h). */
enum { SIMULATORS_MAX = 32 };
MUST_USE rc simulator_start(struct server *s, size_t threads, struct err *e);
/* When no request waits for them any more. */
void simulator_stop(struct server *s);

/* --- routes.c, handlers
 * ------------------------------------------------------------- */

extern const struct route api_routes[];
extern const size_t api_routes_n;
extern const struct route admin_routes[];
extern const size_t admin_routes_n;

#define HANDLER(name) enum http_then name(struct http_request *q)
HANDLER(handle_enrol);
HANDLER(handle_activate);
HANDLER(handle_challenge);
HANDLER(handle_evidence);
HANDLER(handle_node_list);
HANDLER(handle_node_show);
HANDLER(handle_node_approve);
HANDLER(handle_node_retire);
HANDLER(handle_node_clear);
HANDLER(handle_node_import);
HANDLER(handle_token_create);
HANDLER(handle_token_list);
HANDLER(handle_token_revoke);
HANDLER(handle_policy_list);
HANDLER(handle_policy_get);
HANDLER(handle_policy_document);
HANDLER(handle_policy_apply);
HANDLER(handle_policy_history);
HANDLER(handle_policy_approve);
HANDLER(handle_policy_stage);
HANDLER(handle_policy_activate);
HANDLER(handle_policy_rollback);
HANDLER(handle_policy_retire);
HANDLER(handle_simulation);
HANDLER(handle_refset_list);
HANDLER(handle_refset_get);
HANDLER(handle_refset_version);
HANDLER(handle_refset_put);
HANDLER(handle_refset_diff);
HANDLER(handle_operator_list);
HANDLER(handle_operator_create);
HANDLER(handle_operator_revoke);
HANDLER(handle_node_policy);
HANDLER(handle_verdict_list);
HANDLER(handle_verdict_show);
HANDLER(handle_verdict_explanation);
HANDLER(handle_openapi);
HANDLER(handle_admin_init);
HANDLER(handle_livez);
HANDLER(handle_readyz);
HANDLER(handle_version);
HANDLER(handle_metrics);

/* What a route needs of its operator: the `right` of its row. */
enum right {
	RIGHT_READ,
	RIGHT_NODES,	/* nodes, enrolment tokens */
	RIGHT_AUTHOR,	/* write policies */
	RIGHT_APPROVE,	/* approve them and put them in force */
	RIGHT_SIMULATE, /* try them on what is recorded */
	RIGHT_ADMIN,	/* make operators */
};

/* --- answer.c
 * ----------------------------------------------------------------------- */

/* Answer with the problem document of e and count and log it. */
enum http_then answer_problem(struct http_request *q, const struct err *e);

/* 409 frame.need with "need": [part]; e->path names the part. */
void answer_need(struct http_request *q, const struct err *e);

/* Begin a JSON answer: a writer over the answer's body. */
struct jw answer_json(struct http_request *q);

/* Ends it; MEMORY becomes a problem. */
enum http_then answer_done(struct http_request *q);

/* A list that is answered whole: n elements, each written by `write`. */
enum http_then answer_list(struct http_request *q, const void *list, size_t n,
    void (*write)(const void *list, size_t i, struct jw *j));

/* The body of a request as JSON. The caller owns *out. */
MUST_USE rc request_json(struct http_request *q, const char *const *known,
    json_t **out, struct err *e);

/* Who acts, for the audit trail. */
struct actor request_actor(const struct http_request *q, struct principal *who);

/* limit= and cursor= of a list. */
struct page {
	size_t limit;
	struct uuid cursor;
};
MUST_USE rc request_page(
    struct http_request *q, struct page *out, struct err *e);

/* A challenge for a node: issue and write {"challenge","pcrs","expires_at"}. */
MUST_USE rc write_challenge(struct http_request *q, const struct snapshot *snap,
    const struct uuid *tenant, const struct uuid *node, struct jw *w,
    struct err *e);

/* A fresh token for a person or an enrolment: prefix ‖ base64url(32 random
 * bytes), and the SHA-256 of its text. */
enum { TOKEN_SECRET = 32, TOKEN_TEXT = 64 };
MUST_USE rc token_make(const char *prefix, struct hasher *h,
    char out[TOKEN_TEXT], struct sha256 *hash);

/* A node token says whose it is: "aknt_" ‖ base64url(tenant ‖ node ‖ secret);
 * stored is the SHA-256 of the secret. */
#define NODE_TOKEN_PREFIX "aknt_"
enum { NODE_TOKEN = 16 + 16 + TOKEN_SECRET, NODE_TOKEN_TEXT = 96 };

/* No id. */
struct uuid uuid_zero(void);

#endif

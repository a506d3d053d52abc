/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of store_pg share: the pool, transactions, columns. */
#ifndef AKASHI_RECORD_STORE_PG_H
#define AKASHI_RECORD_STORE_PG_H

#include "record/pg.h"

#include <pthread.h>

enum { POOL_MAX = 96, KNOWN_SLOTS = 16384 };

/* A document that is in the database for sure: saves trying again. */
struct known {
	struct uuid tenant;
	struct sha256 sha256;
};

struct store_pg {
	struct store store;
	int64_t timeout;
	/* Idle readers, last used first; all of them at close. */
	pthread_mutex_t lock;
	pthread_cond_t given_back;
	struct pg *idle[POOL_MAX];
	size_t idle_n;
	/* The committer's, with what it knows to be there. */
	pthread_mutex_t writing;
	struct pg *writer;
	struct known *known;
};

static inline struct store_pg *
store_pg(struct store *st)
{
	return (struct store_pg *)(void *)st;
}

/* What a transaction may touch. With nothing to write it runs as a reader. */
struct scope {
	const struct uuid *read;
	struct span credential;
	const struct uuid *write;
	struct span write_many; /* '{uuid,uuid}', instead of `write` */
	bool write_cluster;	/* tables that belong to no tenant */
};

/* The statement that sets a scope, with the values that it borrows. */
struct scope_stmt {
	char read[UUID_TEXT], write[UUID_TEXT + 2], credential[65];
	char timeout[24];
	struct pg_args args;
	struct pg_stmt stmt;
};
void scope_prepare(
    struct scope_stmt *s, const struct scope *scope, int64_t timeout);

/* Make sure that the connection is live and the database is ours. */
MUST_USE rc store_connect(struct pg *pg, bool *fresh, struct err *e);

/* One statement in a transaction of its own, one round trip. */
MUST_USE rc store_query(struct store *st, const struct scope *scope,
    const char *sql, const struct pg_args *args, struct pg_rows **out,
    struct err *e);

/* The same with several statements, each of which gets its rows. */
enum { QUERIES_MAX = 4 };
MUST_USE rc store_queries(struct store *st, const struct scope *scope,
    struct pg_stmt *stmts, size_t n, struct err *e);

/* A transaction of several round trips on a reader's connection. */
struct tx {
	struct store_pg *st;
	struct pg *pg; /* NULL: not begun, or ended */
};
#define TX_AUTO __attribute__((cleanup(tx_end))) struct tx

MUST_USE rc tx_begin(
    struct store *st, const struct scope *scope, struct tx *out, struct err *e);
/* `rows` may be NULL. */
MUST_USE rc tx_run(struct tx *tx, const char *sql, const struct pg_args *args,
    struct pg_rows **rows, struct err *e);
/* Widen or change what the transaction may touch. */
MUST_USE rc tx_scope(struct tx *tx, const struct scope *scope, struct err *e);
MUST_USE rc tx_commit(struct tx *tx, struct err *e);
void tx_end(struct tx *tx); /* rolls back what was not committed */

/* An audit row of an act. */
MUST_USE rc tx_audit(struct tx *tx, const struct actor *by, const char *action,
    struct span object, const char *reason, struct err *e);

/* A token is revoked: $1 tenant, $2 id, $3 now; RETURNING says if it is there,
 * else `absent`. */
struct revocation {
	const char *sql;
	enum err_code absent;
	const char *action; /* for the audit trail */
};
MUST_USE rc tx_revoke(struct store *st, const struct actor *by,
    const struct uuid *id, const struct revocation *what, struct err *e);

/* Names of enum values as they are stored. */
extern const char *const store_results[RESULT_REJECT + 1];
extern const char *const store_admissions[ADMISSION_RETIRED + 1];

/* NULL for ERR_OK. */
struct pg_value pg_code(enum err_code code);
enum err_code row_code(struct pg_row *r);

/* Columns of n (node) and s (node_state) as row_node() reads them. */
#define NODE_COLUMNS                                                           \
	"n.tenant, n.id, n.name, n.admission, n.env_class, n.labels, "         \
	"n.ek_public, n.ek_sha256, n.ek_cert, n.rot, n.manufacturer, "         \
	"n.ek_issuer, n.ek_serial, n.ak_public, n.ak_name, n.ak_qualified, "   \
	"n.ak_alg, n.node_token, n.enrolled_at, n.admitted_at, "               \
	"n.retired_at, s.version, s.clock_known, s.clock, s.reset_count, "     \
	"s.restart_count, s.firmware, s.clock_from, s.clock_to, s.diverged, "  \
	"s.boot_log, s.ima_offset, s.ima, "                                    \
	"s.ima_policy, s.verdict, s.result, s.code, s.observe, "               \
	"s.verified_at, s.valid_until, s.held, s.rejected_day, "               \
	"s.rejected_count"
void row_node(struct pg_row *r, struct node *out);

/* The columns of an identity, in the order of the table. */
#define IDENTITY_COLUMNS                                                       \
	"ek_public, ek_sha256, ek_cert, rot, manufacturer, ek_issuer, "        \
	"ek_serial, ak_public, ak_name, ak_qualified, ak_alg"
void row_identity(struct pg_row *r, struct identity *out);
void args_identity(struct pg_args *a, const struct identity *id);

/* Columns of v (verdict) as row_verdict() reads them, without documents. */
#define VERDICT_COLUMNS                                                        \
	"v.tenant, v.id, v.node, v.previous, v.challenge, "                    \
	"v.challenge_issued, v.received_at, v.judged_at, v.verified_at, "      \
	"v.valid_until, v.result, v.code, v.clock_known, v.clock, "            \
	"v.reset_count, v.restart_count, v.firmware, v.clock_from, "           \
	"v.clock_to, v.diverged, v.boot_log_before, "                          \
	"v.ima_offset, v.ima_before, v.ima_policy, v.evidence, v.attest, "     \
	"v.signature, v.pcrs, v.boot_log, v.userspace_log, v.ima, "            \
	"v.ima_start, v.ima_bytes, v.boot, v.context, v.findings, v.detail, "  \
	"v.statement, (SELECT n.name FROM akashi.node n "                      \
	"WHERE n.tenant = v.tenant AND n.id = v.node)"
void row_verdict(struct pg_row *r, struct verdict_row *v);

/* The smallest version 7 UUID of a moment: ids sort by time. */
struct uuid first_id(int64_t t);

/* The row is read or the arena was too small. */
MUST_USE rc row_done(const struct pg_row *r, struct err *e);

/* The verbs, by file. */
rc spg_admin_init(struct store *, const struct sha256 *, struct span, int64_t,
    struct principal *, struct err *);
rc spg_admin_put(struct store *, const struct actor *, const struct sha256 *,
    const struct principal *, struct err *);
rc spg_admin_list(struct store *, const struct uuid *, struct arena *,
    struct principal_list *, struct err *);
rc spg_admin_revoke(
    struct store *, const struct actor *, const struct uuid *, struct err *);
rc spg_admin_get(
    struct store *, const struct sha256 *, struct principal *, struct err *);
rc spg_cluster_get(struct store *, struct cluster *, struct err *);
rc spg_cluster_rotate(struct store *, struct err *);
rc spg_cluster_epoch(struct store *, struct err *);

rc spg_token_put(struct store *, const struct actor *,
    const struct enrol_token *, struct err *);
rc spg_token_list(struct store *, const struct uuid *, struct arena *,
    struct enrol_token **, size_t *, struct err *);
rc spg_token_revoke(
    struct store *, const struct actor *, const struct uuid *, struct err *);
rc spg_ek_put(struct store *, const struct actor *, const struct listed_ek *,
    size_t, struct err *);
rc spg_enrol_begin(struct store *, const struct sha256 *,
    const struct enrolment *, struct uuid *, struct err *);
rc spg_enrol_activate(struct store *, const struct activation *, struct arena *,
    struct node *, struct err *);

rc spg_node_get(struct store *, const struct uuid *, const struct uuid *,
    const uint8_t *, struct arena *, struct node *, struct err *);
rc spg_node_find(struct store *, const struct uuid *, struct span,
    struct arena *, struct node *, struct err *);
rc spg_node_list(struct store *, const struct uuid *,
    const struct node_filter *, struct arena *, struct node_list *,
    struct err *);
rc spg_node_hold(struct store *, const struct uuid *, const struct uuid *,
    uint64_t, struct err *);
rc spg_node_change(struct store *, const struct actor *,
    const struct node_change *, struct err *);

rc spg_policy_put(struct store *, const struct actor *,
    const struct policy_new *, uint64_t, uint32_t *, struct err *);
rc spg_policy_get(struct store *, const struct uuid *, struct span, uint32_t,
    struct arena *, struct policy_row *, struct err *);
rc spg_policy_list(struct store *, const struct uuid *, struct arena *,
    struct policy_list *, struct err *);
rc spg_policy_active(struct store *, const struct uuid *, struct arena *,
    struct policy_list *, struct err *);
rc spg_policy_change(struct store *, const struct actor *,
    const struct policy_change *, uint32_t *, struct err *);
rc spg_policy_history(struct store *, const struct uuid *, struct span,
    struct arena *, struct policy_history *, struct err *);

rc spg_refset_put(struct store *, const struct actor *,
    const struct refset_row *, struct span, uint32_t *, struct err *);
rc spg_refset_get(struct store *, const struct uuid *, struct span, uint32_t,
    struct arena *, struct refset_row *, struct err *);
rc spg_refset_list(struct store *, const struct uuid *, struct arena *,
    struct refset_list *, struct err *);
rc spg_refset_read(struct store *, const struct uuid *, const struct sha256 *,
    const struct refset_sink *, struct err *);
rc spg_commit(struct store *, struct record *, size_t, struct err *);

rc spg_verdict_get(struct store *, const struct uuid *, const struct uuid *,
    struct arena *, struct verdict_row *, struct err *);
rc spg_verdict_list(struct store *, const struct uuid *,
    const struct verdict_filter *, struct arena *, struct verdict_list *,
    struct err *);
rc spg_verdict_good(struct store *, const struct verdict_row *, struct arena *,
    struct verdict_row *, struct err *);
rc spg_verdict_past(struct store *, const struct verdict_row *,
    const struct uuid *, struct arena *, struct verdict_kins *, struct err *);
rc spg_verdict_others(struct store *, const struct verdict_row *,
    struct arena *, struct verdict_kins *, struct err *);
rc spg_evidence_get(struct store *, const struct verdict_row *, struct arena *,
    struct evidence_row *, struct err *);
rc spg_blob_get(struct store *, const struct uuid *, const struct sha256 *,
    struct arena *, struct span *, struct err *);
rc spg_ima_list(struct store *, const struct verdict_row *, struct arena *,
    struct ima_segments *, struct err *);
rc spg_ima_get(struct store *, const struct uuid *, const struct uuid *,
    const struct uuid *, struct arena *, struct span *, struct err *);

rc spg_boots_list(struct store *, const struct uuid *,
    const struct boots_filter *, struct arena *, struct boots_list *,
    struct err *);
rc spg_boots_read(struct store *, const struct uuid *, const struct boot_row *,
    size_t, struct arena *, struct boot_evidence *, struct err *);

rc spg_security_put(
    struct store *, const struct security_event *, size_t, struct err *);
rc spg_audit_put(struct store *, const struct audit *, size_t, struct err *);
rc spg_counts_get(struct store *, const struct uuid *, int64_t, struct counts *,
    struct err *);
rc spg_purge(struct store *, int64_t, uint64_t *, struct err *);

#endif

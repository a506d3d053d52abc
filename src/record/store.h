/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept: tenants, tokens, nodes, policies, evidence, verdicts.
 *
 * Two implementations keep this interface honest: store_pg (PostgreSQL, the
 * product) and store_mem (a test double). Call as `st->ops->node_get(st, …)`.
 *
 * 1. A store may be used by any number of threads. Each call takes a reader's
 *    connection for its duration; `commit` has a connection of its own and is
 *    meant for one committer thread (others wait for it).
 * 2. Every call that touches a tenant's rows names the tenant and can neither
 *    see nor write another's (row-level security).
 * 3. A call that fails with DATABASE recorded nothing, or, where the answer to
 *    a COMMIT was lost, recorded everything: `commit` may be repeated with the
 *    same records and then answers OUTCOME_DUPLICATE for those that are in.
 *    The next call connects again by itself.
 * 4. Verdicts, evidence, blobs, security events and audit rows are only ever
 *    inserted.
 * 5. Every span and string in an out is the arena's. Times are microseconds
 *    (base/clock.h); 0 means none. A struct sha256 or uuid of zeros means none.
 *
 * Every call may return DATABASE, SCHEMA (a database that was not migrated),
 * CONFIG (a role that row-level security does not bind), OVERLOAD (no
 * connection or lock in time), INTERNAL (values that the schema refuses),
 * MEMORY or RANDOM; only further codes are named below.
 */
#ifndef AKASHI_RECORD_STORE_H
#define AKASHI_RECORD_STORE_H

#include "appraise/verdict.h"
#include "base/arena.h"
#include "base/uuid.h"

struct sha256 {
	uint8_t b[32];
};

static inline bool
sha256_none(const struct sha256 *h)
{
	return span_all(span_of(h->b, sizeof(h->b)), 0);
}

static inline bool
sha256_eq(const struct sha256 *a, const struct sha256 *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

static inline bool
uuid_none(const struct uuid *u)
{
	return span_all(span_of(u->b, sizeof(u->b)), 0);
}

enum {
	STORE_NAME = 129,	/* a name_valid() name and its NUL */
	STORE_LIST = 1000,	/* rows of one page at most */
	STORE_TRIES = 3,	/* of one activation secret */
	STORE_PENDING = 8,	/* enrolments of one EK that wait for theirs */
	STORE_KEYS = 2,		/* challenge keys in use */
	STORE_KIN = 256,	/* details of one answer about kin */
	STORE_KIN_NODES = 1000, /* nodes that are looked at for it … */
	STORE_KIN_PAST = 20000, /* or verdicts of the node, from the oldest */
};

/* --- who acts ------------------------------------------------------------- */

enum role {
	ROLE_NONE,
	ROLE_VIEWER,   /* reads */
	ROLE_AUTHOR,   /* and writes policies and reference sets */
	ROLE_APPROVER, /* reads; approves policies and puts them in force */
	ROLE_OPERATOR, /* all but making operators */
	ROLE_ADMIN,
};
const char *role_name(enum role r); /* "none", "viewer", "author" … */
MUST_USE bool role_parse(struct span name, enum role *out);

/* The holder of an operator's or administrator's token. */
struct principal {
	struct uuid tenant;
	struct uuid id;
	enum role role;
	char name[STORE_NAME];
	char maker[STORE_NAME]; /* who made the token; "" for the first */
	int64_t created, expires, revoked;
};

struct principal_list {
	size_t n;
	struct principal *who;
};

/* An act for the audit trail; its tenant is who->tenant. */
struct actor {
	const struct principal *who;
	const char *source; /* address of the client, or NULL */
	int64_t now;
};

/* --- secrets of the cluster ----------------------------------------------- */

/* Shared by all replicas. key[0] signs; both verify. */
struct cluster {
	size_t n;
	struct {
		uint32_t id;
		uint8_t key[32];
	} key[STORE_KEYS];
	uint32_t epoch; /* challenges of another epoch are dead */
	/* Moves with every change of the active policies of any tenant. */
	uint64_t policy_serial;
};

/* --- enrolment ------------------------------------------------------------ */

struct enrol_token {
	struct uuid id;
	struct sha256 hash; /* in: of the token's text; out of a list: none */
	struct span env_class; /* environment class, or empty */
	struct span labels;    /* canonical labels (record/labels.h) */
	struct span names;     /* glob that names must match, or empty */
	uint32_t uses;	       /* it may be used so often … */
	uint32_t used;	       /* … and was */
	int64_t created, expires, revoked;
};

/* An EK that an operator expects. `error` is an out of ek_put. */
struct listed_ek {
	struct sha256 ek;      /* of the EK's TPMT_PUBLIC */
	struct span name;      /* the only name it may enrol under, or empty */
	struct span env_class; /* or empty */
	struct span labels;
};

/* Who a node is: what enrolment proves. */
struct identity {
	struct span ek_public; /* TPM2B or TPMT as sent */
	struct sha256 ek;      /* of the EK's TPMT_PUBLIC */
	struct span ek_cert;   /* DER, or empty */
	struct span rot; /* "discrete", "firmware", "virtual", "unknown" */
	struct span manufacturer, issuer, serial; /* of ek_cert, or empty */
	struct span ak_public;
	struct span ak_name;	  /* nameAlg ‖ digest */
	struct span ak_qualified; /* qualified name under that EK */
	struct span ak_alg;	  /* "rsa-2048", "ecc-p256" … */
};

/* An enrolment that waits for its secret. */
struct enrolment {
	struct uuid id; /* made by the caller */
	struct span name;
	struct identity identity;
	struct sha256 secret; /* SHA-256 of the activation secret */
	int64_t created, expires;
};

/* What activation makes: */
struct activation {
	struct uuid enrolment;
	struct sha256 secret;	  /* SHA-256 of what the node sent */
	struct uuid node;	  /* id to use if the node is new */
	struct sha256 node_token; /* SHA-256 of the token's text */
	int64_t now;
	const char *source;
};

/* --- nodes ------------------------------------------------------------------
 */

enum admission { ADMISSION_PENDING, ADMISSION_ADMITTED, ADMISSION_RETIRED };
const char *admission_name(enum admission a);

/* What the verifier remembers of a TPM and its logs. */
struct attester {
	bool known; /* clock … firmware hold values */
	uint64_t clock;
	uint32_t reset_count, restart_count;
	uint64_t firmware;	      /* the highest seen */
	int64_t clock_from, clock_to; /* when `clock` was read, or 0 */
	bool diverged;		      /* an older state has answered since */
	struct sha256 boot_log;	      /* blob of this boot's log, or none */
	uint64_t ima_offset;	      /* bytes of the IMA list judged so far */
	struct span ima;	      /* opaque state at ima_offset, or empty */
	struct sha256 ima_policy;     /* policy that judged those bytes */
};

/* What a submission replaces; guarded by node.version. */
struct node_state {
	struct attester attester;
	struct uuid verdict; /* the last one, or none */
	enum result result;
	enum err_code code; /* its first reason, ERR_OK if none */
	bool observe;	    /* the policy only observes */
	int64_t verified, valid_until;
	bool held; /* tampering was suspected; only node_change clears it */
	/* Rejected evidence kept on this day (days since 1970). */
	uint32_t rejected_day, rejected_count;
};

/* A challenge that was consumed. */
struct used {
	bool found;
	struct sha256 evidence; /* digest of the evidence that used it */
	struct uuid verdict;
};

struct node {
	struct uuid tenant, id;
	char name[STORE_NAME];
	enum admission admission;
	struct span env_class; /* or empty */
	struct span labels;    /* canonical */
	struct identity identity;
	struct sha256 node_token;
	uint64_t version; /* moves with every change of anything here */
	struct node_state state;
	int64_t enrolled, admitted, retired;
	struct used used; /* of the challenge given to node_get */
};

enum status {
	STATUS_UNKNOWN,
	STATUS_TRUSTED,
	STATUS_WARNING,
	STATUS_UNTRUSTED
};
const char *status_name(enum status s);
MUST_USE bool status_parse(struct span name, enum status *out);

/* The status of a node at a moment (decisions.md 7); never stored. *why is
 * ERR_OK or the reason: NODE_RETIRED, NODE_HELD, NODE_PENDING, NODE_NEVER,
 * NODE_STALE, or the code of the last verdict. A failure stays untrusted until
 * the next pass even when the node falls silent. */
enum status node_status(const struct node *n, int64_t now, enum err_code *why);

/* Evidence that shows nothing (no result) lifts no failure: what the state said
 * of result, code and observe stays. */
bool node_still_failed(const struct node_state *before, enum result verdict);

/* Count one piece of rejected evidence on its day; false when `quota` is used
 * up (NODE_QUOTA is the caller's answer) and nothing was counted. */
MUST_USE bool node_quota_take(
    struct node_state *s, int64_t now, uint32_t quota);

/* A name that an enrolment token with this glob (or empty) is for. */
bool enrol_name_allowed(struct span names, struct span name);

/* The node is as this enrolment's activation made it. */
bool enrol_still(const struct node *n, const struct enrolment *en,
    const struct activation *act);

struct node_filter {
	bool by_status, by_admission;
	enum status status;
	enum admission admission;
	struct span labels; /* canonical; all of them must be there */
	struct uuid after;  /* last id of the page before, or none */
	size_t limit;	    /* 1 … STORE_LIST */
	int64_t now;
};

struct node_list {
	size_t n;
	struct node *node;
	bool more;
};

enum node_act {
	NODE_APPROVE, /* pending → admitted; class and labels where given */
	NODE_LABEL,   /* class and labels where given */
	NODE_RETIRE,  /* frees name, EK and AK; final */
	NODE_CLEAR,   /* lift `held`, forget the clock (TPM2_Clear sets it back)
		       */
};

struct node_change {
	enum node_act act;
	struct span name;
	const struct span *env_class; /* NULL: as it is */
	const struct span *labels;    /* NULL: as they are */
	const char *reason;	      /* RETIRE, CLEAR: required */
};

/* --- policies ------------------------------------------------------------- */

enum policy_state {
	POLICY_DRAFT,
	POLICY_APPROVED,
	POLICY_STAGED, /* for some of the name's nodes */
	POLICY_ACTIVE,
	POLICY_RETIRED, /* for good */
};
const char *policy_state_name(enum policy_state s);

struct policy_row {
	char name[STORE_NAME];
	uint32_t version; /* from 1 */
	struct sha256 hash;
	struct span document;  /* composed; empty in lists */
	struct span source;    /* of a derived policy as written, or empty */
	struct span origins;   /* of its members: JSON, or empty */
	struct span signature; /* detached JWS, or empty */
	struct span terms;     /* JSON: class, mode, regions; or empty */
	char author[STORE_NAME];
	struct uuid author_id;
	int64_t created;
	char approver[STORE_NAME]; /* "": not approved */
	int64_t approved;
	bool four_eyes; /* by another person than the author */
	bool retired;
	/* Of the name: what is active now and was before; 0 means nothing. */
	uint64_t revision; /* moves with every step */
	uint32_t active, before;
	struct span selector; /* canonical labels; {} matches every node */
	char activator[STORE_NAME];
	/* A version on trial: of the nodes that stage_selector matches, those
	 * that have stage_labels (empty: percent) or fall into percent. */
	uint32_t staged, percent;
	struct span stage_selector, stage_labels;
};

enum policy_state policy_state(const struct policy_row *p);

/* A node is among `percent` of those of a policy: by a hash of the two, so that
 * it stays among them while the share grows. */
bool policy_in_share(
    const char *policy, const struct uuid *node, uint32_t percent);

/* A new version. `document` is what is judged by. */
struct policy_new {
	struct span name;
	struct sha256 hash;
	struct span document, source, origins, signature, terms;
};

enum policy_step {
	STEP_PUT,
	STEP_APPROVE,
	STEP_STAGE,
	STEP_UNSTAGE,
	STEP_ACTIVATE,
	STEP_ROLLBACK,
	STEP_RETIRE,
};
const char *policy_step_name(enum policy_step s);

/* Each step but PUT. `revision` is that of the name when the caller looked, 0:
 * whatever it is. */
struct policy_change {
	enum policy_step step;
	struct span name;
	uint64_t revision;
	uint32_t version; /* all but UNSTAGE and ROLLBACK */
	/* Approval needs another person; without it, staging and activation
	 * approve what is not approved yet. */
	bool four_eyes;
	struct sha256 hash;   /* APPROVE: of what was read */
	struct span selector; /* STAGE, ACTIVATE */
	struct span labels;   /* STAGE; or empty and: */
	uint32_t percent;
	const char *reason; /* RETIRE */
};

struct policy_past {
	int64_t at;
	char actor[STORE_NAME];
	enum policy_step step;
	uint32_t version, percent;
	struct span selector, labels, reason; /* or empty */
	bool four_eyes;
};

struct policy_history {
	size_t n;
	struct policy_past *step; /* newest first */
};

struct policy_list {
	size_t n;
	struct policy_row *row;
};

/* --- reference sets ------------------------------------------------------- */

/* A version of a name: a file of appraise/refset.h, known by its SHA-256. */
struct refset_row {
	char name[STORE_NAME];
	uint32_t version; /* from 1 */
	struct sha256 hash;
	struct span alg; /* "sha256" */
	uint64_t entries, bytes;
	char author[STORE_NAME];
	int64_t created;
};

struct refset_list {
	size_t n;
	struct refset_row *row; /* by name, newest version first */
};

/* Takes a file piece by piece. */
struct refset_sink {
	void *ctx;
	rc (*feed)(void *ctx, struct span piece, struct err *e);
};

/* --- verdicts ------------------------------------------------------------- */

/*
 * One verdict: everything that its statement covers (record/statement.h).
 * id is a version 7 UUID of `verified`, so that ids sort by time.
 */
struct verdict_row {
	struct uuid tenant, id, node, previous;
	char node_name[STORE_NAME]; /* out of get and list: its name now */
	uint8_t challenge[16];
	int64_t challenge_issued;
	int64_t received, now, verified, valid_until;
	enum result result;
	enum err_code code;	/* first reason, for lists */
	struct attester before; /* `ima` is not kept, only its hash: */
	struct sha256 ima_before;
	struct sha256 evidence; /* of the submitted body */
	struct sha256 attest, signature, pcrs, boot_log, userspace_log;
	struct sha256 ima; /* of the segment, none if there was none */
	uint64_t ima_start, ima_bytes;
	uint64_t boot; /* resetCount << 32 | restartCount of the quote */
	/* Canonical documents, each kept once per content: who was judged by
	 * what; what was found; the same with sentences for people. */
	struct span context, findings, detail;
	struct sha256 context_sha256, findings_sha256, detail_sha256;
	struct sha256 statement; /* of the statement's bytes: the log's leaf */
};

enum outcome {
	OUTCOME_NONE,	   /* not tried */
	OUTCOME_COMMITTED, /* durable */
	OUTCOME_DUPLICATE, /* the challenge was used before; see `used` */
	OUTCOME_CONFLICT,  /* the node moved since it was read: judge again */
	OUTCOME_FAILED,	   /* see `error`; nothing of this record is in */
};

/* One submission, ready to be recorded: sealed by record_seal(). */
struct record {
	struct verdict_row row;
	uint64_t version; /* of the node that was judged */
	int64_t challenge_expires;
	/* The node afterwards; verdict, result, code and times of it are taken
	 * from `row`, and `held` is never lowered. */
	struct node_state after;
	struct span attest, signature, pcrs;
	struct span boot_log, userspace_log; /* bytes; empty if already kept */
	struct span ima;   /* bytes of the segment at row.ima_start */
	bool ima_accepted; /* the segment became part of node.state */

	enum outcome outcome;
	enum err_code error;
	struct used used;
};

struct verdict_filter {
	struct uuid node; /* or none */
	int64_t since;	  /* or 0 */
	bool by_result;
	enum result result;
	struct uuid before; /* last id of the page before, or none */
	size_t limit;	    /* 1 … STORE_LIST */
};

struct verdict_list {
	size_t n;
	struct verdict_row *row; /* without documents, newest first */
	bool more;
};

/* Verdicts of the same code that have one detail document. */
struct verdict_kin {
	struct uuid id; /* the first of them */
	int64_t verified;
	uint64_t nodes;	    /* that have one */
	struct span detail; /* p == NULL: not kept */
};

struct verdict_kins {
	size_t n;
	struct verdict_kin *kin;
	bool more; /* a limit was met: there may be others */
};

struct evidence_row {
	struct span attest, signature, pcrs;
};

/* A piece of an IMA list of one boot. */
struct ima_segment {
	struct uuid verdict;
	uint64_t start, bytes;
	struct sha256 sha256;
};

struct ima_segments {
	size_t n;
	struct ima_segment *segment;
};

/* --- boots: what a policy can be tried on ----------------------------------
 */

/* Of every boot of a node its last attestation, which measures all that the
 * earlier ones of that boot did. Boots are told apart by verdict_row.boot. */
struct boots_filter {
	int64_t since;	    /* the last attestation is not older */
	struct span labels; /* canonical; all of them must be there; or empty */
	/* Nodes in `shares` parts, by id: part `share`. shares 0: all. */
	uint32_t share, shares;
	/* The last one of the page before, or none: */
	struct uuid after;
	uint64_t after_boot;
	size_t limit; /* 1 … STORE_LIST */
};

struct boot_row {
	/* With `context`; with `findings` where there was a userspace log. */
	struct verdict_row verdict;
	struct span env_class;	  /* of the node now, or empty */
	struct identity identity; /* the same */
	bool latest;		  /* nothing of the node is later */
	/* Bytes that are kept of its boot log and userspace log. */
	uint64_t log_bytes, userspace_bytes;
};

struct boots_list {
	size_t n;
	struct boot_row *row; /* by node, then by boot, the highest first */
	bool more;
};

/* The evidence of a boot_row; p == NULL: that part was not there. */
struct boot_evidence {
	bool kept; /* all that the verdict names is there; else all is empty */
	struct evidence_row quote;
	struct span boot_log, userspace_log;
	struct span ima; /* the whole list of that boot, from byte 0 on */
};

/* --- events --------------------------------------------------------------- */

/* Something that changed no status but that somebody should see. */
struct security_event {
	struct uuid tenant, node; /* as claimed; none where unknown */
	enum err_code code;
	int64_t at;
	struct span source;   /* address of the client */
	struct span trace;    /* trace id of the request */
	struct sha256 digest; /* of the body, or none */
};

struct audit {
	struct uuid tenant;
	struct span actor;  /* name, or empty for the server itself */
	struct span action; /* "evidence.read" */
	struct span object; /* "verdict/…" */
	struct span reason;
	struct span source;
	int64_t at;
};

/* Of one tenant, for metrics. */
struct counts {
	uint64_t status[STATUS_UNTRUSTED + 1]; /* nodes that are not retired */
	uint64_t admission[ADMISSION_RETIRED + 1];
	uint64_t log_pending;
};

/* --- the verbs --------------------------------------------------------------
 */

struct store;

struct store_ops {
	/* Ends all connections and frees the store. */
	void (*close)(struct store *st);

	/* The database answers, has the schema that this program needs ("schema
	 * 2 needed, found 1"), and the role is neither owner nor superuser.
	 * DATABASE, SCHEMA, CONFIG. */
	rc (*ready)(struct store *st, struct err *e);

	/* Keys, epoch and policy serial; made on the first call. Cheap enough
	 * to ask each second. */
	rc (*cluster_get)(struct store *st, struct cluster *out, struct err *e);
	/* A new signing key; the one before it still verifies. */
	rc (*cluster_rotate)(struct store *st, struct err *e);
	/* Kill all outstanding challenges (after a failover). */
	rc (*cluster_epoch)(struct store *st, struct err *e);

	/* Make the default tenant and its first administrator, once in the life
	 * of a database. AUTH_INITIALISED. */
	rc (*admin_init)(struct store *st, const struct sha256 *token,
	    struct span name, int64_t now, struct principal *out,
	    struct err *e);
	/* Another token in by's tenant; expires 0: never. OPERATOR_NAME. */
	rc (*admin_put)(struct store *st, const struct actor *by,
	    const struct sha256 *token, const struct principal *who,
	    struct err *e);
	/* All that were ever made. */
	rc (*admin_list)(struct store *st, const struct uuid *tenant,
	    struct arena *a, struct principal_list *out, struct err *e);
	/* OPERATOR_UNKNOWN. Idempotent. */
	rc (*admin_revoke)(struct store *st, const struct actor *by,
	    const struct uuid *id, struct err *e);
	/* Who holds the token. AUTH_INVALID. */
	rc (*admin_get)(struct store *st, const struct sha256 *token,
	    struct principal *out, struct err *e);

	rc (*token_put)(struct store *st, const struct actor *by,
	    const struct enrol_token *t, struct err *e);
	rc (*token_list)(struct store *st, const struct uuid *tenant,
	    struct arena *a, struct enrol_token **out, size_t *n,
	    struct err *e);
	/* ENROL_TOKEN if there is no such token. Idempotent. */
	rc (*token_revoke)(struct store *st, const struct actor *by,
	    const struct uuid *id, struct err *e);

	/* List EKs that may be admitted; one listed before is replaced. */
	rc (*ek_put)(struct store *st, const struct actor *by,
	    const struct listed_ek *eks, size_t n, struct err *e);

	/* Keep a pending enrolment under the token, whose tenant it gets. It
	 * proves nothing yet, so it reserves no name and drops no enrolment of
	 * others: of one EK the last STORE_PENDING wait side by side.
	 * ENROL_TOKEN; ENROL_SCOPE (a name that the token is not for);
	 * EK_DUPLICATE (EK under another name), ENROL_NAME (name with another
	 * EK, or one of the two listed with another), AK_DUPLICATE. */
	rc (*enrol_begin)(struct store *st, const struct sha256 *token,
	    const struct enrolment *en, struct uuid *tenant, struct err *e);
	/* One transaction: compares the secret in constant time, consumes one
	 * use of the token, makes the node or replaces its AK and node token,
	 * admits it if its EK is listed. Other enrolments of this EK are over.
	 * The same again, until the enrolment expires, gives the same node and
	 * changes nothing, if the node still has that AK and node token.
	 * ENROL_ACTIVATION (also after STORE_TRIES wrong secrets), ENROL_TOKEN
	 * and the codes of enrol_begin for whoever loses a race. */
	rc (*enrol_activate)(struct store *st, const struct activation *act,
	    struct arena *a, struct node *out, struct err *e);

	/* All that the walk of a submission needs, in one query; `challenge`
	 * (16 bytes or NULL) fills out->used. NODE_UNKNOWN. */
	rc (*node_get)(struct store *st, const struct uuid *tenant,
	    const struct uuid *id, const uint8_t *challenge, struct arena *a,
	    struct node *out, struct err *e);
	/* A node that is not retired, else the last one retired.
	 * NODE_UNKNOWN. */
	rc (*node_find)(struct store *st, const struct uuid *tenant,
	    struct span name, struct arena *a, struct node *out, struct err *e);
	rc (*node_list)(struct store *st, const struct uuid *tenant,
	    const struct node_filter *f, struct arena *a, struct node_list *out,
	    struct err *e);
	/* Evidence that is not kept raised suspicion: hold the node, if it is
	 * still at `version`, which moves if it was not held. NODE_BUSY. */
	rc (*node_hold)(struct store *st, const struct uuid *tenant,
	    const struct uuid *id, uint64_t version, struct err *e);
	/* With an audit row. NODE_UNKNOWN, NODE_RETIRED. */
	rc (*node_change)(struct store *st, const struct actor *by,
	    const struct node_change *c, struct err *e);

	/* A new version, a draft; or the newest one again if hash and signature
	 * are the same. POLICY_CHANGED. */
	rc (*policy_put)(struct store *st, const struct actor *by,
	    const struct policy_new *p, uint64_t revision, uint32_t *version,
	    struct err *e);
	/* version 0: the newest. POLICY_UNKNOWN. */
	rc (*policy_get)(struct store *st, const struct uuid *tenant,
	    struct span name, uint32_t version, struct arena *a,
	    struct policy_row *out, struct err *e);
	/* The newest version of every name. */
	rc (*policy_list)(struct store *st, const struct uuid *tenant,
	    struct arena *a, struct policy_list *out, struct err *e);
	/* The active and the staged version of every name that has one, with
	 * documents. */
	rc (*policy_active)(struct store *st, const struct uuid *tenant,
	    struct arena *a, struct policy_list *out, struct err *e);
	/* One step of a policy's life, with its rows of history and audit.
	 * *version: what the step was about. POLICY_UNKNOWN (ROLLBACK: nothing
	 * was active before, so also the second time), POLICY_CHANGED (other
	 * revision, or APPROVE of another hash), POLICY_OWN,
	 * POLICY_UNAPPROVED, POLICY_RETIRED. */
	rc (*policy_change)(struct store *st, const struct actor *by,
	    const struct policy_change *c, uint32_t *version, struct err *e);
	/* Newest first, at most STORE_LIST. POLICY_UNKNOWN. */
	rc (*policy_history)(struct store *st, const struct uuid *tenant,
	    struct span name, struct arena *a, struct policy_history *out,
	    struct err *e);

	/* A new version of p->name (hash, alg, entries and bytes of `file`,
	 * which the caller has checked), or the newest again if it is the same.
	 * The content is kept once. */
	rc (*refset_put)(struct store *st, const struct actor *by,
	    const struct refset_row *p, struct span file, uint32_t *version,
	    struct err *e);
	/* version 0: the newest. REFSET_UNKNOWN. */
	rc (*refset_get)(struct store *st, const struct uuid *tenant,
	    struct span name, uint32_t version, struct arena *a,
	    struct refset_row *out, struct err *e);
	rc (*refset_list)(struct store *st, const struct uuid *tenant,
	    struct arena *a, struct refset_list *out, struct err *e);
	/* The file from its first byte to its last; `to` NULL: only whether the
	 * tenant has it. REFSET_UNKNOWN, and what the sink says. */
	rc (*refset_read)(struct store *st, const struct uuid *tenant,
	    const struct sha256 *hash, const struct refset_sink *to,
	    struct err *e);

	/* Record a batch in one transaction (decisions.md 16) and set every
	 * record's outcome. At most one record per node and per challenge: of
	 * two, the second is OUTCOME_CONFLICT. A record that the database
	 * refuses does not fail its neighbours. RC_OK unless some record is
	 * OUTCOME_FAILED; e then tells of the first. */
	rc (*commit)(
	    struct store *st, struct record *r, size_t n, struct err *e);

	/* VERDICT_UNKNOWN. With documents. */
	rc (*verdict_get)(struct store *st, const struct uuid *tenant,
	    const struct uuid *id, struct arena *a, struct verdict_row *out,
	    struct err *e);
	rc (*verdict_list)(struct store *st, const struct uuid *tenant,
	    const struct verdict_filter *f, struct arena *a,
	    struct verdict_list *out, struct err *e);
	/* The last verdict of v's node before v that was good: it passed, or
	 * warned where v does worse. None: out->id is none. */
	rc (*verdict_good)(struct store *st, const struct verdict_row *v,
	    struct arena *a, struct verdict_row *out, struct err *e);
	/* Verdicts of v's node with v's code behind `after` (none: all) and up
	 * to v, the earliest first. */
	rc (*verdict_past)(struct store *st, const struct verdict_row *v,
	    const struct uuid *after, struct arena *a, struct verdict_kins *out,
	    struct err *e);
	/* The last verdicts of other nodes that are not retired, if their state
	 * has v's code; most nodes first. */
	rc (*verdict_others)(struct store *st, const struct verdict_row *v,
	    struct arena *a, struct verdict_kins *out, struct err *e);
	/* VERDICT_UNKNOWN. */
	rc (*evidence_get)(struct store *st, const struct verdict_row *v,
	    struct arena *a, struct evidence_row *out, struct err *e);
	/* out->p == NULL: not kept. */
	rc (*blob_get)(struct store *st, const struct uuid *tenant,
	    const struct sha256 *sha256, struct arena *a, struct span *out,
	    struct err *e);
	/* The segments that lead, in order, from byte 0 of the list to
	 * v->before.ima_offset, and then v's own. */
	rc (*ima_list)(struct store *st, const struct verdict_row *v,
	    struct arena *a, struct ima_segments *out, struct err *e);
	/* Bytes of the segment that came with a verdict; p == NULL: none. */
	rc (*ima_get)(struct store *st, const struct uuid *tenant,
	    const struct uuid *node, const struct uuid *verdict,
	    struct arena *a, struct span *out, struct err *e);

	/* Of nodes that are not retired. */
	rc (*boots_list)(struct store *st, const struct uuid *tenant,
	    const struct boots_filter *f, struct arena *a,
	    struct boots_list *out, struct err *e);
	/* out[i] is of row[i]; rows with the same log share its bytes. */
	rc (*boots_read)(struct store *st, const struct uuid *tenant,
	    const struct boot_row *row, size_t n, struct arena *a,
	    struct boot_evidence *out, struct err *e);

	rc (*security_put)(struct store *st, const struct security_event *ev,
	    size_t n, struct err *e);
	rc (*audit_put)(struct store *st, const struct audit *rows, size_t n,
	    struct err *e);
	rc (*counts_get)(struct store *st, const struct uuid *tenant,
	    int64_t now, struct counts *out, struct err *e);

	/* Drop used challenges and pending enrolments that expired before
	 * `now`. *dropped: how many rows. */
	rc (*purge)(
	    struct store *st, int64_t now, uint64_t *dropped, struct err *e);
};

struct store {
	const struct store_ops *ops;
};

/* --- the implementations ----------------------------------------------------
 */

struct store_pg_options {
	const char *conninfo; /* libpq; several hosts are fine */
	unsigned connections; /* of readers; the committer has its own */
	int64_t timeout;      /* of one statement, microseconds */
};

/* Does not connect: a missing database is DATABASE from every call until it
 * is there. CONFIG for a conninfo that libpq cannot read, MEMORY. */
MUST_USE rc store_pg_open(
    const struct store_pg_options *o, struct store **out, struct err *e);

/* In memory, gone at close. */
MUST_USE rc store_mem_open(struct store **out, struct err *e);

#endif

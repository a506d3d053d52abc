/* SPDX-License-Identifier: Apache-2.0 */
/* Policies: immutable versions, the steps of their life, what is in force. */
#include "record/policy.h"
#include "record/store_pg.h"

#define POLICY_COLUMNS                                                         \
	"v.name, v.version, v.hash, v.author, v.author_id, v.created_at, "     \
	"v.signature, v.origins, v.terms, p.actor, p.at, p.four_eyes, "        \
	"r.id IS NOT NULL, n.revision, a.version, a.before_version, "          \
	"a.selector, a.approver, a.staged, a.stage_percent, "                  \
	"a.stage_selector, a.stage_labels"
/* p: the approval that counts; r: that it was retired. */
#define FROM_POLICY                                                            \
	" FROM akashi.policy_version v JOIN akashi.policy_name n "             \
	"ON n.tenant = v.tenant AND n.name = v.name "                          \
	"LEFT JOIN akashi.policy_active a "                                    \
	"ON a.tenant = v.tenant AND a.name = v.name "                          \
	"LEFT JOIN LATERAL (SELECT h.actor, h.at, h.four_eyes "                \
	"FROM akashi.policy_activation h WHERE h.tenant = v.tenant "           \
	"AND h.name = v.name AND h.version = v.version "                       \
	"AND h.act = 'approve' ORDER BY h.four_eyes DESC, h.at, h.id "         \
	"LIMIT 1) p ON true "                                                  \
	"LEFT JOIN LATERAL (SELECT h.id FROM akashi.policy_activation h "      \
	"WHERE h.tenant = v.tenant AND h.name = v.name "                       \
	"AND h.version = v.version AND h.act = 'retire' LIMIT 1) r ON true "

static rc
row_policy(struct pg_row *r, struct policy_row *out, struct err *e)
{
	struct policy_row p = {0};

	row_name(r, p.name);
	p.version = (uint32_t)row_i32(r);
	p.hash = row_sha(r);
	row_name(r, p.author);
	p.author_id = row_uuid(r);
	p.created = row_time(r);
	p.signature = row_bytes(r);
	p.origins = row_bytes(r);
	p.terms = row_bytes(r);
	row_name(r, p.approver);
	p.approved = row_time(r);
	p.four_eyes = row_bool(r);
	p.retired = row_bool(r);
	p.revision = (uint64_t)row_i64(r);
	p.active = (uint32_t)row_i32(r);
	p.before = (uint32_t)row_i32(r);
	p.selector = row_bytes(r);
	row_name(r, p.activator);
	p.staged = (uint32_t)row_i32(r);
	p.percent = (uint32_t)row_i32(r);
	p.stage_selector = row_bytes(r);
	p.stage_labels = row_bytes(r);
	p.document = row_bytes(r);
	p.source = row_bytes(r);
	TRY(row_done(r, e));
	*out = p;
	return RC_OK;
}

/* --- one step ------------------------------------------------------------- */

/* Move the name's revision: two steps meet here. With `make` a name that is not
 * there yet begins. *moved is false where the revision is another one, or the
 * name is not there. */
static rc
move_name(struct tx *tx, const struct uuid *tenant, struct span name,
    uint64_t revision, bool make, bool *moved, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	PG_ROWS_AUTO made = NULL;
	struct pg_args a = {0}, key = {0};

	pg_arg(&key, pg_uuid(tenant));
	pg_arg(&key, pg_text(name));
	if (make)
		TRY(tx_run(tx,
		    "INSERT INTO akashi.policy_name (tenant, name, revision) "
		    "VALUES ($1, $2, 0) ON CONFLICT DO NOTHING",
		    &key, &made, e));
	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_text(name));
	pg_arg(&a, pg_u64(revision));
	TRY(tx_run(tx,
	    "UPDATE akashi.policy_name SET revision = revision + 1 "
	    "WHERE tenant = $1 AND name = $2 AND ($3 = 0 OR revision = $3) "
	    "RETURNING revision",
	    &a, &rows, e));
	*moved = pg_rows_n(rows) == 1;
	return RC_OK;
}

/* A row of the history, and the serial that servers watch. */
static rc
note_step(struct tx *tx, const struct actor *by, const struct policy_change *c,
    uint32_t version, enum policy_step step, struct err *e)
{
	struct pg_args a = {0};
	struct uuid id;
	char action[40];

	TRY(uuid_v7(by->now, &id));
	pg_arg(&a, pg_uuid(&by->who->tenant));
	pg_arg(&a, pg_text(c->name));
	pg_arg(&a, pg_uuid(&id));
	pg_arg(&a, pg_i32((int32_t)version));
	pg_arg(&a, pg_text_or_null(c->selector));
	pg_arg(&a, pg_str(policy_steps[step]));
	pg_arg(&a, pg_str(by->who->name));
	pg_arg(&a, pg_time(by->now));
	pg_arg(&a, pg_i32_or_null((int32_t)c->percent));
	pg_arg(&a, pg_text_or_null(c->labels));
	pg_arg(&a, pg_str(c->reason));
	pg_arg(&a, pg_bool(c->four_eyes));
	TRY(tx_run(tx,
	    "INSERT INTO akashi.policy_activation (tenant, name, id, version, "
	    "selector, act, actor, at, percent, labels, reason, four_eyes) "
	    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
	    &a, NULL, e));
	if (step != STEP_PUT)
		TRY(tx_run(tx,
		    "UPDATE akashi.cluster "
		    "SET policy_serial = policy_serial + 1",
		    NULL, NULL, e));
	snprintf(action, sizeof(action), "policy.%s", policy_steps[step]);
	return tx_audit(tx, by, action, c->name, c->reason, e);
}

/* --- versions ------------------------------------------------------------- */

/* The newest version of a name; version 0 if there is none. */
static rc
newest(struct tx *tx, const struct uuid *tenant, struct span name,
    struct arena *arena, struct policy_row *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_text(name));
	TRY(tx_run(tx,
	    "SELECT version, hash, signature FROM akashi.policy_version "
	    "WHERE tenant = $1 AND name = $2 ORDER BY version DESC LIMIT 1",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return RC_OK;
	struct pg_row row = pg_row(rows, 0, arena);
	out->version = (uint32_t)row_i32(&row);
	out->hash = row_sha(&row);
	out->signature = row_bytes(&row);
	return row_done(&row, e);
}

static rc
insert_version(struct tx *tx, const struct actor *by,
    const struct policy_new *p, uint32_t version, struct err *e)
{
	struct pg_args a = {0};
	const struct policy_change step = {.name = p->name};

	pg_arg(&a, pg_uuid(&by->who->tenant));
	pg_arg(&a, pg_text(p->name));
	pg_arg(&a, pg_i32((int32_t)version));
	pg_arg(&a, pg_sha(&p->hash));
	pg_arg(&a, pg_bytes(p->document));
	pg_arg(&a, pg_str(by->who->name));
	pg_arg(&a, pg_time(by->now));
	pg_arg(&a, pg_uuid(&by->who->id));
	pg_arg(&a, pg_text_or_null(p->signature));
	pg_arg(&a, pg_bytes_or_null(p->source));
	pg_arg(&a, pg_text_or_null(p->origins));
	pg_arg(&a, pg_text_or_null(p->terms));
	TRY(tx_run(tx,
	    "INSERT INTO akashi.policy_version (tenant, name, version, hash, "
	    "document, author, created_at, author_id, signature, source, "
	    "origins, terms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
	    "$11, $12)",
	    &a, NULL, e));
	return note_step(tx, by, &step, version, STEP_PUT, e);
}

static rc
put(struct store *st, const struct actor *by, const struct policy_new *p,
    uint64_t revision, struct arena *arena, uint32_t *version, struct err *e)
{
	TX_AUTO tx = {0};
	struct policy_row last = {0};
	bool moved = false;
	const struct scope scope = {.write = &by->who->tenant};

	TRY(tx_begin(st, &scope, &tx, e));
	TRY(move_name(
	    &tx, &by->who->tenant, p->name, revision, true, &moved, e));
	if (!moved)
		return err_at(e, ERR_POLICY_CHANGED, NULL, "%s", "");
	TRY(newest(&tx, &by->who->tenant, p->name, arena, &last, e));
	*version = last.version;
	if (last.version && sha256_eq(&last.hash, &p->hash) &&
	    span_eq(last.signature, p->signature))
		return RC_OK; /* rolled back: nothing has changed */
	TRY(insert_version(&tx, by, p, last.version + 1, e));
	TRY(tx_commit(&tx, e));
	*version = last.version + 1;
	return RC_OK;
}

rc
spg_policy_put(struct store *st, const struct actor *by,
    const struct policy_new *p, uint64_t revision, uint32_t *version,
    struct err *e)
{
	struct arena scratch;

	if (p->name.n == 0 || p->name.n >= STORE_NAME)
		return err_at(e, ERR_POLICY_UNKNOWN, NULL, "%s", "");
	arena_init(&scratch, 64 * 1024);
	rc r = put(st, by, p, revision, &scratch, version, e);
	arena_free(&scratch);
	return r;
}

rc
spg_policy_get(struct store *st, const struct uuid *tenant, struct span name,
    uint32_t version, struct arena *arena, struct policy_row *out,
    struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_text(name));
	pg_arg(&a, pg_i64(version));
	TRY(store_query(st, &scope,
	    "SELECT " POLICY_COLUMNS ", v.document, v.source" FROM_POLICY
	    "WHERE v.tenant = $1 AND v.name = $2 "
	    "AND ($3 = 0 OR v.version = $3) ORDER BY v.version DESC LIMIT 1",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return err_at(e, ERR_POLICY_UNKNOWN, NULL, "%s", "");
	struct pg_row row = pg_row(rows, 0, arena);
	return row_policy(&row, out, e);
}

static rc
list(struct store *st, const struct uuid *tenant, const char *sql,
    struct arena *arena, struct policy_list *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};
	struct policy_list l = {0};

	pg_arg(&a, pg_uuid(tenant));
	TRY(store_query(st, &scope, sql, &a, &rows, e));
	l.n = (size_t)pg_rows_n(rows);
	l.row = arena_array(arena, l.n, sizeof(*l.row));
	if (!l.row)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	for (size_t i = 0; i < l.n; i++) {
		struct pg_row row = pg_row(rows, (int)i, arena);
		TRY(row_policy(&row, &l.row[i], e));
	}
	*out = l;
	return RC_OK;
}

rc
spg_policy_list(struct store *st, const struct uuid *tenant, struct arena *a,
    struct policy_list *out, struct err *e)
{
	return list(st, tenant,
	    "SELECT DISTINCT ON (v.name) " POLICY_COLUMNS
	    ", NULL::bytea, NULL::bytea" FROM_POLICY
	    "WHERE v.tenant = $1 ORDER BY v.name, v.version DESC",
	    a, out, e);
}

rc
spg_policy_active(struct store *st, const struct uuid *tenant, struct arena *a,
    struct policy_list *out, struct err *e)
{
	return list(st, tenant,
	    "SELECT " POLICY_COLUMNS ", v.document, NULL::bytea" FROM_POLICY
	    "WHERE v.tenant = $1 AND v.version IN (a.version, a.staged) "
	    "ORDER BY v.name, v.version",
	    a, out, e);
}

/* --- steps ---------------------------------------------------------------- */

/* The version that a step is about, as it is now. */
static rc
target(struct tx *tx, const struct uuid *tenant, const struct policy_change *c,
    struct arena *arena, struct policy_row *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_text(c->name));
	pg_arg(&a, pg_i64(c->version));
	pg_arg(&a, pg_bool(c->step == STEP_ROLLBACK));
	pg_arg(&a, pg_bool(c->step == STEP_UNSTAGE));
	TRY(tx_run(tx,
	    "SELECT " POLICY_COLUMNS ", NULL::bytea, NULL::bytea" FROM_POLICY
	    "WHERE v.tenant = $1 AND v.name = $2 AND v.version = CASE "
	    "WHEN $4 THEN a.before_version WHEN $5 THEN a.staged ELSE $3 END",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return c->step == STEP_ROLLBACK
			   ? err_text(e, ERR_POLICY_UNKNOWN, "version",
				 "No other version was active before.")
			   : err_at(e, ERR_POLICY_UNKNOWN, NULL, "version");
	struct pg_row row = pg_row(rows, 0, arena);
	return row_policy(&row, out, e);
}

/* What is in force: $1 tenant, $2 name, $3 version, $4 selector, $5 labels,
 * $6 percent, $7 who. */
static const char *const step_sql[] = {
    [STEP_STAGE] =
	"INSERT INTO akashi.policy_active AS a (tenant, name, approver, "
	"staged, stage_selector, stage_labels, stage_percent) "
	"VALUES ($1, $2, $7, $3, $4, $5, $6) ON CONFLICT (tenant, name) "
	"DO UPDATE SET staged = $3, stage_selector = $4, stage_labels = $5, "
	"stage_percent = $6",
    [STEP_UNSTAGE] =
	"UPDATE akashi.policy_active SET staged = NULL, stage_selector = NULL, "
	"stage_labels = NULL, stage_percent = NULL "
	"WHERE tenant = $1 AND name = $2",
    [STEP_ACTIVATE] =
	"INSERT INTO akashi.policy_active AS a (tenant, name, version, "
	"selector, approver) VALUES ($1, $2, $3, $4, $7) "
	"ON CONFLICT (tenant, name) DO UPDATE SET before_version = a.version, "
	"before_selector = a.selector, version = $3, selector = $4, "
	"approver = $7, staged = NULL, stage_selector = NULL, "
	"stage_labels = NULL, stage_percent = NULL",
    [STEP_ROLLBACK] =
	"UPDATE akashi.policy_active SET version = before_version, "
	"selector = before_selector, approver = $7, before_version = NULL, "
	"before_selector = NULL WHERE tenant = $1 AND name = $2",
    [STEP_RETIRE] =
	"UPDATE akashi.policy_active SET "
	"version = nullif(version, $3), "
	"selector = CASE WHEN version = $3 THEN NULL ELSE selector END, "
	"before_version = nullif(before_version, $3), "
	"before_selector = CASE WHEN before_version = $3 THEN NULL "
	"ELSE before_selector END, "
	"staged = nullif(staged, $3), "
	"stage_selector = CASE WHEN staged = $3 THEN NULL "
	"ELSE stage_selector END, "
	"stage_labels = CASE WHEN staged = $3 THEN NULL ELSE stage_labels END, "
	"stage_percent = CASE WHEN staged = $3 THEN NULL "
	"ELSE stage_percent END "
	"WHERE tenant = $1 AND name = $2",
};

static rc
apply_step(struct tx *tx, const struct actor *by, const struct policy_change *c,
    uint32_t version, struct err *e)
{
	struct pg_args a = {0};

	if (c->step == STEP_APPROVE)
		return RC_OK;
	pg_arg(&a, pg_uuid(&by->who->tenant));
	pg_arg(&a, pg_text(c->name));
	pg_arg(&a, pg_i32((int32_t)version));
	pg_arg(&a, pg_text_or_null(c->selector));
	pg_arg(&a, pg_text_or_null(c->labels));
	pg_arg(&a, pg_i32_or_null((int32_t)c->percent));
	pg_arg(&a, pg_str(by->who->name));
	return tx_run(tx, step_sql[c->step], &a, NULL, e);
}

static rc
take_step(struct tx *tx, const struct actor *by, const struct policy_change *c,
    struct arena *arena, uint32_t *version, struct err *e)
{
	struct policy_row p = {0};
	bool moved = false, approve = false;
	const struct uuid *tenant = &by->who->tenant;
	const struct policy_change approval = {
	    .name = c->name, .four_eyes = c->four_eyes};

	TRY(move_name(tx, tenant, c->name, c->revision, false, &moved, e));
	if (!moved && c->revision)
		return err_at(e, ERR_POLICY_CHANGED, NULL, "%s", "");
	TRY(target(tx, tenant, c, arena, &p, e));
	TRY(policy_step_allowed(&p, c, by->who, &approve, e));
	if (approve)
		TRY(note_step(tx, by, &approval, p.version, STEP_APPROVE, e));
	TRY(apply_step(tx, by, c, p.version, e));
	if (c->step != STEP_APPROVE)
		TRY(note_step(tx, by, c, p.version, c->step, e));
	*version = p.version;
	return RC_OK;
}

rc
spg_policy_change(struct store *st, const struct actor *by,
    const struct policy_change *c, uint32_t *version, struct err *e)
{
	TX_AUTO tx = {0};
	struct arena scratch;
	const struct scope scope = {.write = &by->who->tenant};

	TRY(tx_begin(st, &scope, &tx, e));
	arena_init(&scratch, 1024 * 1024);
	rc r = take_step(&tx, by, c, &scratch, version, e);
	arena_free(&scratch);
	return rc_ok(r) ? tx_commit(&tx, e) : r;
}

/* --- history -------------------------------------------------------------- */

static rc
row_past(struct pg_row *r, struct policy_past *p, struct err *e)
{
	p->at = row_time(r);
	row_name(r, p->actor);
	p->step = (enum policy_step)row_word(r, policy_steps, STEP_RETIRE + 1);
	p->version = (uint32_t)row_i32(r);
	p->percent = (uint32_t)row_i32(r);
	p->selector = row_bytes(r);
	p->labels = row_bytes(r);
	p->reason = row_bytes(r);
	p->four_eyes = row_bool(r);
	return row_done(r, e);
}

rc
spg_policy_history(struct store *st, const struct uuid *tenant,
    struct span name, struct arena *arena, struct policy_history *out,
    struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};
	struct policy_history h = {0};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_text(name));
	pg_arg(&a, pg_i64(STORE_LIST));
	TRY(store_query(st, &scope,
	    "SELECT at, actor, act, version, percent, selector, labels, "
	    "reason, four_eyes FROM akashi.policy_activation "
	    "WHERE tenant = $1 AND name = $2 ORDER BY at DESC, id DESC "
	    "LIMIT $3",
	    &a, &rows, e));
	h.n = (size_t)pg_rows_n(rows);
	if (h.n == 0)
		return err_at(e, ERR_POLICY_UNKNOWN, NULL, "%s", "");
	h.step = arena_array(arena, h.n, sizeof(*h.step));
	if (!h.step)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	for (size_t i = 0; i < h.n; i++) {
		struct pg_row row = pg_row(rows, (int)i, arena);
		TRY(row_past(&row, &h.step[i], e));
	}
	*out = h;
	return RC_OK;
}

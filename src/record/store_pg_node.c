/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes: read, list, and what operators do to them. */
#include "record/store_pg.h"

/* --- columns ----------------------------------------------------------------
 */

void
row_identity(struct pg_row *r, struct identity *out)
{
	out->ek_public = row_bytes(r);
	out->ek = row_sha(r);
	out->ek_cert = row_bytes(r);
	out->rot = row_bytes(r);
	out->manufacturer = row_bytes(r);
	out->issuer = row_bytes(r);
	out->serial = row_bytes(r);
	out->ak_public = row_bytes(r);
	out->ak_name = row_bytes(r);
	out->ak_qualified = row_bytes(r);
	out->ak_alg = row_bytes(r);
}

void
args_identity(struct pg_args *a, const struct identity *id)
{
	pg_arg(a, pg_bytes(id->ek_public));
	pg_arg(a, pg_sha(&id->ek));
	pg_arg(a, pg_bytes_or_null(id->ek_cert));
	pg_arg(a, pg_text(id->rot));
	pg_arg(a, pg_text_or_null(id->manufacturer));
	pg_arg(a, pg_text_or_null(id->issuer));
	pg_arg(a, pg_text_or_null(id->serial));
	pg_arg(a, pg_bytes(id->ak_public));
	pg_arg(a, pg_bytes(id->ak_name));
	pg_arg(a, pg_bytes(id->ak_qualified));
	pg_arg(a, pg_text(id->ak_alg));
}

static void
row_state(struct pg_row *r, struct node_state *s)
{
	struct attester *t = &s->attester;

	t->known = row_bool(r);
	t->clock = (uint64_t)row_i64(r);
	t->reset_count = (uint32_t)row_i64(r);
	t->restart_count = (uint32_t)row_i64(r);
	t->firmware = (uint64_t)row_i64(r);
	t->clock_from = row_time(r);
	t->clock_to = row_time(r);
	t->diverged = row_bool(r);
	t->boot_log = row_sha(r);
	t->ima_offset = (uint64_t)row_i64(r);
	t->ima = row_bytes(r);
	t->ima_policy = row_sha(r);
	s->verdict = row_uuid(r);
	s->result = (enum result)row_word(r, store_results, RESULT_REJECT + 1);
	s->code = row_code(r);
	s->observe = row_bool(r);
	s->verified = row_time(r);
	s->valid_until = row_time(r);
	s->held = row_bool(r);
	s->rejected_day = (uint32_t)row_i32(r);
	s->rejected_count = (uint32_t)row_i32(r);
}

void
row_node(struct pg_row *r, struct node *out)
{
	*out = (struct node){0};
	out->tenant = row_uuid(r);
	out->id = row_uuid(r);
	row_name(r, out->name);
	out->admission = (enum admission)row_word(
	    r, store_admissions, ADMISSION_RETIRED + 1);
	out->env_class = row_bytes(r);
	out->labels = row_bytes(r);
	row_identity(r, &out->identity);
	out->node_token = row_sha(r);
	out->enrolled = row_time(r);
	out->admitted = row_time(r);
	out->retired = row_time(r);
	out->version = (uint64_t)row_i64(r);
	row_state(r, &out->state);
}

#define FROM_NODE                                                              \
	" FROM akashi.node n JOIN akashi.node_state s "                        \
	"ON s.tenant = n.tenant AND s.node = n.id "

/* --- one node ------------------------------------------------------------- */

rc
spg_node_get(struct store *st, const struct uuid *tenant, const struct uuid *id,
    const uint8_t *challenge, struct arena *arena, struct node *out,
    struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};
	struct node n;

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_uuid(id));
	pg_arg(&a, pg_bytes_or_null(span_of(challenge, challenge ? 16 : 0)));
	TRY(store_query(st, &scope,
	    "SELECT " NODE_COLUMNS
	    ", u.id IS NOT NULL, u.evidence, u.verdict" FROM_NODE
	    "LEFT JOIN akashi.used_challenge u "
	    "ON u.node = n.id AND u.id = $3 WHERE n.tenant = $1 AND n.id = $2",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return err_at(e, ERR_NODE_UNKNOWN, NULL, "%s", "");
	struct pg_row row = pg_row(rows, 0, arena);
	row_node(&row, &n);
	n.used.found = row_bool(&row);
	n.used.evidence = row_sha(&row);
	n.used.verdict = row_uuid(&row);
	TRY(row_done(&row, e));
	*out = n;
	return RC_OK;
}

rc
spg_node_find(struct store *st, const struct uuid *tenant, struct span name,
    struct arena *arena, struct node *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};
	struct node n;

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_text(name));
	TRY(store_query(st, &scope,
	    "SELECT " NODE_COLUMNS FROM_NODE
	    "WHERE n.tenant = $1 AND n.name = $2 "
	    "ORDER BY n.retired_at DESC NULLS FIRST, n.id DESC LIMIT 1",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return err_at(e, ERR_NODE_UNKNOWN, NULL, "%s", "");
	struct pg_row row = pg_row(rows, 0, arena);
	row_node(&row, &n);
	TRY(row_done(&row, e));
	*out = n;
	return RC_OK;
}

/* --- lists ---------------------------------------------------------------- */

/* node_status() of node.c; a test compares them over all combinations. $2 is
 * the moment. */
#define STATUS_SQL                                                             \
	"(CASE WHEN n.admission = 'retired' THEN 'unknown' "                   \
	"WHEN s.held THEN 'untrusted' "                                        \
	"WHEN n.admission = 'pending' OR s.verdict IS NULL THEN 'unknown' "    \
	"WHEN s.result = 'reject' OR (s.result = 'fail' AND NOT s.observe) "   \
	"THEN 'untrusted' "                                                    \
	"WHEN $2 >= s.valid_until THEN 'unknown' "                             \
	"WHEN s.result = 'pass' THEN 'trusted' "                               \
	"WHEN s.result IN ('warn', 'fail') THEN 'warning' "                    \
	"ELSE 'unknown' END)"

static rc
rows_to_nodes(const struct pg_rows *rows, size_t limit, struct arena *arena,
    struct node_list *out, struct err *e)
{
	size_t n = (size_t)pg_rows_n(rows);
	struct node_list l = {.n = n < limit ? n : limit, .more = n > limit};

	l.node = arena_array(arena, l.n, sizeof(*l.node));
	if (!l.node)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	for (size_t i = 0; i < l.n; i++) {
		struct pg_row row = pg_row(rows, (int)i, arena);
		row_node(&row, &l.node[i]);
		TRY(row_done(&row, e));
	}
	*out = l;
	return RC_OK;
}

rc
spg_node_list(struct store *st, const struct uuid *tenant,
    const struct node_filter *f, struct arena *arena, struct node_list *out,
    struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};
	size_t limit = f->limit < STORE_LIST ? f->limit : STORE_LIST;

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_time(f->now));
	pg_arg(&a, pg_uuid(&f->after));
	pg_arg(&a, pg_str(f->by_status ? status_name(f->status) : NULL));
	pg_arg(
	    &a, pg_str(f->by_admission ? admission_name(f->admission) : NULL));
	pg_arg(&a, pg_text_or_null(f->labels));
	pg_arg(&a, pg_i64((int64_t)limit + 1));
	TRY(store_query(st, &scope,
	    "SELECT " NODE_COLUMNS FROM_NODE
	    "WHERE n.tenant = $1 AND n.id > $3 AND ($4 IS NULL OR " STATUS_SQL
	    " = $4) AND ($5 IS NULL OR n.admission = $5) "
	    "AND ($6 IS NULL OR n.labels::jsonb @> $6::jsonb) "
	    "ORDER BY n.id LIMIT $7",
	    &a, &rows, e));
	return rows_to_nodes(rows, limit, arena, out, e);
}

rc
spg_counts_get(struct store *st, const struct uuid *tenant, int64_t now,
    struct counts *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};
	struct counts c = {0};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_time(now));
	TRY(store_query(st, &scope,
	    "SELECT n.admission, " STATUS_SQL ", count(*), "
	    "(SELECT count(*) FROM akashi.log_pending WHERE tenant = "
	    "$1)" FROM_NODE "WHERE n.tenant = $1 GROUP BY 1, 2 "
	    "UNION ALL SELECT 'retired', 'unknown', 0, "
	    "(SELECT count(*) FROM akashi.log_pending WHERE tenant = $1)",
	    &a, &rows, e));
	for (int i = 0; i < pg_rows_n(rows); i++) {
		struct pg_row row = pg_row(rows, i, NULL);
		int admission =
		    row_word(&row, store_admissions, ADMISSION_RETIRED + 1);
		char name[STORE_NAME];
		enum status status = STATUS_UNKNOWN;
		row_name(&row, name);
		if (!status_parse(span_str(name), &status))
			return err_at(e, ERR_INTERNAL, NULL, "%s", "");
		uint64_t n = (uint64_t)row_i64(&row);
		c.admission[admission] += n;
		if (admission != ADMISSION_RETIRED)
			c.status[status] += n;
		c.log_pending = (uint64_t)row_i64(&row);
		TRY(row_done(&row, e));
	}
	*out = c;
	return RC_OK;
}

rc
spg_node_hold(struct store *st, const struct uuid *tenant,
    const struct uuid *id, uint64_t version, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.write = tenant};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_uuid(id));
	pg_arg(&a, pg_u64(version));
	TRY(store_query(st, &scope,
	    "UPDATE akashi.node_state SET held = true, "
	    "version = version + CASE WHEN held THEN 0 ELSE 1 END "
	    "WHERE tenant = $1 AND node = $2 AND version = $3 RETURNING 1",
	    &a, &rows, e));
	return pg_rows_n(rows) ? RC_OK
			       : err_at(e, ERR_NODE_BUSY, NULL, "%s", "");
}

/* --- what operators do ---------------------------------------------------- */

/* Every act is one UPDATE of the node; $1 tenant, $2 id, $3 now, $4 class,
 * $5 labels (NULL: as they are). */
#define CLASS_AND_LABELS                                                       \
	"env_class = CASE WHEN $4::text IS NULL THEN env_class::text "         \
	"ELSE nullif($4, '') END, labels = coalesce($5, labels) "
#define LIVE_NODE                                                              \
	"WHERE tenant = $1 AND id = $2 AND admission <> 'retired' RETURNING 1"
static const struct {
	const char *action;
	const char *sql;
} acts[] = {
    [NODE_APPROVE] = {"node.approve",
	"UPDATE akashi.node SET admission = 'admitted', "
	"admitted_at = coalesce(admitted_at, $3), " CLASS_AND_LABELS LIVE_NODE},
    [NODE_LABEL] = {"node.label",
	"UPDATE akashi.node SET " CLASS_AND_LABELS LIVE_NODE},
    [NODE_RETIRE] = {"node.retire",
	"UPDATE akashi.node SET admission = 'retired', "
	"retired_at = $3, " CLASS_AND_LABELS LIVE_NODE},
    [NODE_CLEAR] = {"node.clear",
	"UPDATE akashi.node_state SET held = false, clock_known = false, "
	"diverged = false "
	"WHERE tenant = $1 AND node = $2 RETURNING 1"},
};

/* Find the node and hold it until the transaction ends: its version moves, so
 * that a submission judged before cannot be recorded after. */
static rc
lock_node(struct tx *tx, const struct uuid *tenant, struct span name,
    struct uuid *id, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_text(name));
	TRY(tx_run(tx,
	    "UPDATE akashi.node_state s SET version = s.version + 1 "
	    "FROM akashi.node n WHERE n.tenant = $1 AND n.name = $2 "
	    "AND n.admission <> 'retired' AND s.tenant = n.tenant "
	    "AND s.node = n.id RETURNING n.id",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return err_at(e, ERR_NODE_UNKNOWN, NULL, "%s", "");
	struct pg_row row = pg_row(rows, 0, NULL);
	*id = row_uuid(&row);
	return RC_OK;
}

static struct pg_value
given(const struct span *s)
{
	return s ? pg_text(*s) : pg_str(NULL);
}

/* NODE_RETIRED where the name has only retired nodes. */
static rc
why_no_node(struct store *st, const struct uuid *tenant, struct span name,
    struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_text(name));
	TRY(store_query(st, &scope,
	    "SELECT 1 FROM akashi.node WHERE tenant = $1 AND name = $2 LIMIT 1",
	    &a, &rows, e));
	return err_at(e, pg_rows_n(rows) ? ERR_NODE_RETIRED : ERR_NODE_UNKNOWN,
	    NULL, "%s", "");
}

static rc
change(struct store *st, const struct actor *by, const struct node_change *c,
    struct err *e)
{
	PG_ROWS_AUTO done = NULL;
	TX_AUTO tx = {0};
	struct uuid id;
	struct pg_args a = {0};
	const struct uuid *tenant = &by->who->tenant;
	const struct scope scope = {.write = tenant};
	bool labels = c->act == NODE_APPROVE || c->act == NODE_LABEL;

	TRY(tx_begin(st, &scope, &tx, e));
	TRY(lock_node(&tx, tenant, c->name, &id, e));
	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_uuid(&id));
	pg_arg(&a, pg_time(by->now));
	pg_arg(&a, given(labels ? c->env_class : NULL));
	pg_arg(&a, given(labels ? c->labels : NULL));
	TRY(tx_run(&tx, acts[c->act].sql, &a, &done, e));
	if (pg_rows_n(done) == 0)
		return err_at(e, ERR_NODE_UNKNOWN, NULL, "%s", "");
	TRY(tx_audit(&tx, by, acts[c->act].action, c->name, c->reason, e));
	return tx_commit(&tx, e);
}

rc
spg_node_change(struct store *st, const struct actor *by,
    const struct node_change *c, struct err *e)
{
	rc r = change(st, by, c, e);

	if (r.code == ERR_NODE_UNKNOWN)
		return why_no_node(st, &by->who->tenant, c->name, e);
	return r;
}

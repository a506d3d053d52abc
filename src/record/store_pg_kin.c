/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts beside a verdict: before it, and of other nodes. */
#include "record/store_pg.h"

rc
spg_verdict_good(struct store *st, const struct verdict_row *v,
    struct arena *arena, struct verdict_row *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = &v->tenant};
	const char *warn =
	    v->result == RESULT_WARN ? NULL : store_results[RESULT_WARN];
	struct verdict_row good = {0};

	pg_arg(&a, pg_uuid(&v->tenant));
	pg_arg(&a, pg_uuid(&v->node));
	pg_arg(&a, pg_uuid(&v->id));
	pg_arg(&a, pg_str(store_results[RESULT_PASS]));
	pg_arg(&a, pg_str(warn));
	TRY(store_query(st, &scope,
	    "SELECT " VERDICT_COLUMNS " FROM akashi.verdict v "
	    "WHERE v.tenant = $1 AND v.node = $2 AND v.id < $3 "
	    "AND (v.result = $4 OR v.result = $5) ORDER BY v.id DESC LIMIT 1",
	    &a, &rows, e));
	if (pg_rows_n(rows) > 0) {
		struct pg_row row = pg_row(rows, 0, arena);
		row_verdict(&row, &good);
		TRY(row_done(&row, e));
	}
	*out = good;
	return RC_OK;
}

static rc
read_kins(const struct pg_rows *rows, struct arena *arena,
    struct verdict_kins *out, struct err *e)
{
	size_t n = (size_t)pg_rows_n(rows);
	struct verdict_kins k = {.more = n > STORE_KIN};

	k.n = k.more ? STORE_KIN : n;
	k.kin = arena_array(arena, k.n, sizeof(*k.kin));
	if (!k.kin)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	for (size_t i = 0; i < k.n; i++) {
		struct pg_row row = pg_row(rows, (int)i, arena);
		k.kin[i].id = row_uuid(&row);
		k.kin[i].verified = row_time(&row);
		k.kin[i].nodes = (uint64_t)row_i64(&row);
		k.kin[i].detail = row_bytes(&row);
		k.more = row_bool(&row) || k.more;
		TRY(row_done(&row, e));
	}
	*out = k;
	return RC_OK;
}

rc
spg_verdict_past(struct store *st, const struct verdict_row *v,
    const struct uuid *after, struct arena *arena, struct verdict_kins *out,
    struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = &v->tenant};

	pg_arg(&a, pg_uuid(&v->tenant));
	pg_arg(&a, pg_uuid(&v->node));
	pg_arg(&a, pg_uuid(after));
	pg_arg(&a, pg_uuid(&v->id));
	pg_arg(&a, pg_code(v->code));
	pg_arg(&a, pg_i64(STORE_KIN + 1));
	pg_arg(&a, pg_i64(STORE_KIN_PAST));
	TRY(store_query(st, &scope,
	    "WITH w AS MATERIALIZED (SELECT v.id, v.verified_at, v.detail "
	    "FROM akashi.verdict v WHERE v.tenant = $1 AND v.node = $2 "
	    "AND v.id > $3 AND v.id <= $4 AND v.code = $5 "
	    "ORDER BY v.id LIMIT $7) "
	    "SELECT k.id, k.verified_at, 1::bigint, b.bytes, "
	    "(SELECT count(*) FROM w) = $7 FROM ("
	    "SELECT DISTINCT ON (detail) id, verified_at, detail "
	    "FROM w ORDER BY detail, id) k "
	    "LEFT JOIN akashi.blob b ON b.tenant = $1 AND b.sha256 = k.detail "
	    "ORDER BY k.id LIMIT $6",
	    &a, &rows, e));
	return read_kins(rows, arena, out, e);
}

rc
spg_verdict_others(struct store *st, const struct verdict_row *v,
    struct arena *arena, struct verdict_kins *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = &v->tenant};

	pg_arg(&a, pg_uuid(&v->tenant));
	pg_arg(&a, pg_uuid(&v->node));
	pg_arg(&a, pg_code(v->code));
	pg_arg(&a, pg_i64(STORE_KIN_NODES + 1));
	pg_arg(&a, pg_i64(STORE_KIN + 1));
	pg_arg(&a, pg_i64(STORE_KIN_NODES));
	/* Nodes first, then each one's verdict by its whole key: joined freely,
	 * every verdict of a node would be read. */
	TRY(store_query(st, &scope,
	    "WITH s AS MATERIALIZED (SELECT s.node, s.verdict "
	    "FROM akashi.node_state s "
	    "JOIN akashi.node n ON n.tenant = s.tenant AND n.id = s.node "
	    "WHERE s.tenant = $1 AND s.node <> $2 AND s.code = $3 "
	    "AND n.retired_at IS NULL LIMIT $4) "
	    "SELECT k.id, k.verified_at, k.nodes, b.bytes, "
	    "sum(k.nodes) OVER () > $6 FROM ("
	    "SELECT v.detail, count(*) AS nodes, min(v.verified_at) AS "
	    "verified_at, (array_agg(v.id ORDER BY v.id))[1] AS id "
	    "FROM s CROSS JOIN LATERAL ("
	    "SELECT x.id, x.detail, x.verified_at FROM akashi.verdict x "
	    "WHERE x.tenant = $1 AND x.node = s.node AND x.id = s.verdict "
	    "LIMIT 1) v GROUP BY v.detail) k "
	    "LEFT JOIN akashi.blob b ON b.tenant = $1 AND b.sha256 = k.detail "
	    "ORDER BY k.nodes DESC, k.id LIMIT $5",
	    &a, &rows, e));
	return read_kins(rows, arena, out, e);
}

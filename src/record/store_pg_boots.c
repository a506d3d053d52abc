/* SPDX-License-Identifier: Apache-2.0 */
/* Boots and their evidence, for trying policies on them. */
#include "record/boots.h"
#include "record/store_pg.h"

/* Rows are found by their keys, in the order of an index: what a planner cannot
 * know is how few of the nodes the filters leave, and it would rather read all
 * of them for every page. */
static const char by_index[] =
    "SELECT set_config('enable_seqscan', 'off', true), "
    "set_config('enable_bitmapscan', 'off', true), "
    "set_config('enable_hashjoin', 'off', true), "
    "set_config('enable_mergejoin', 'off', true)";

/* --- the list ----------------------------------------------------------------
 */

/* Nodes of a page: each but the first has a boot to list, because its last
 * verdict is in time; $4 and $5 are the last boot of the page before. */
#define PAGE_NODES                                                             \
	"SELECT n.id FROM akashi.node n "                                      \
	"WHERE n.tenant = $1 AND n.admission <> 'retired' "                    \
	"AND ($4 IS NULL OR n.id >= $4) "                                      \
	"AND ($3 IS NULL OR n.labels::jsonb @> $3::jsonb) "                    \
	"AND get_byte(uuid_send(n.id), 15) % $6 = $7 "                         \
	"AND (SELECT z.id FROM akashi.verdict z WHERE z.tenant = $1 "          \
	"AND z.node = n.id ORDER BY z.id DESC LIMIT 1) >= $2 "                 \
	"ORDER BY n.id LIMIT $8 + 1"

/* Boots of one node, by jumping from the highest to the next lower one in the
 * index verdict_boot. */
#define BOOTS_OF_NODE                                                          \
	"WITH RECURSIVE b AS ("                                                \
	"(SELECT x.boot, x.id FROM akashi.verdict x WHERE x.node = w.id "      \
	"AND x.tenant = $1 AND ($4 IS NULL OR w.id <> $4 OR x.boot < $5) "     \
	"ORDER BY x.boot DESC, x.id DESC LIMIT 1) UNION ALL "                  \
	"SELECT y.boot, y.id FROM b CROSS JOIN LATERAL ("                      \
	"SELECT x.boot, x.id FROM akashi.verdict x WHERE x.node = w.id "       \
	"AND x.tenant = $1 AND x.boot < b.boot "                               \
	"ORDER BY x.boot DESC, x.id DESC LIMIT 1) y) "                         \
	"SELECT b.boot, b.id FROM b WHERE b.id >= $2"

static const char list_sql[] =
    "WITH w AS MATERIALIZED (" PAGE_NODES "), "
    "k AS MATERIALIZED (SELECT w.id AS node, d.boot, d.id "
    "FROM w CROSS JOIN LATERAL (" BOOTS_OF_NODE ") d "
    "ORDER BY w.id, d.boot DESC LIMIT $8) "
    "SELECT " VERDICT_COLUMNS ", c.bytes, f.bytes, m.env_class, "
    "m.ek_public, m.ek_sha256, m.ek_cert, m.rot, m.manufacturer, "
    "m.ek_issuer, m.ek_serial, m.ak_public, m.ak_name, m.ak_qualified, "
    "m.ak_alg, v.id = (SELECT z.id FROM akashi.verdict z "
    "WHERE z.tenant = $1 AND z.node = k.node ORDER BY z.id DESC LIMIT 1), "
    "coalesce(octet_length(l.bytes), 0)::bigint, "
    "coalesce(octet_length(u.bytes), 0)::bigint "
    "FROM k JOIN akashi.node m ON m.tenant = $1 AND m.id = k.node "
    "JOIN akashi.verdict v ON v.tenant = $1 AND v.node = k.node "
    "AND v.id = k.id "
    "LEFT JOIN akashi.blob c ON c.tenant = $1 AND c.sha256 = v.context "
    "LEFT JOIN akashi.blob f ON f.tenant = $1 AND f.sha256 = v.findings "
    "AND v.userspace_log IS NOT NULL "
    "LEFT JOIN akashi.blob l ON l.tenant = $1 AND l.sha256 = v.boot_log "
    "LEFT JOIN akashi.blob u ON u.tenant = $1 AND u.sha256 = v.userspace_log "
    "ORDER BY k.node, k.boot DESC";

static void
row_boot(struct pg_row *r, struct boot_row *out)
{
	*out = (struct boot_row){0};
	row_verdict(r, &out->verdict);
	out->verdict.context = row_bytes(r);
	out->verdict.findings = row_bytes(r);
	out->env_class = row_bytes(r);
	row_identity(r, &out->identity);
	out->latest = row_bool(r);
	out->log_bytes = (uint64_t)row_i64(r);
	out->userspace_bytes = (uint64_t)row_i64(r);
}

static rc
take_list(const struct pg_rows *rows, size_t limit, struct arena *arena,
    struct boots_list *out, struct err *e)
{
	struct boots_list l = {0};
	size_t n = (size_t)pg_rows_n(rows);

	l.more = n > limit;
	l.n = l.more ? limit : n;
	l.row = arena_array(arena, l.n, sizeof(*l.row));
	if (!l.row)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	for (size_t i = 0; i < l.n; i++) {
		struct pg_row row = pg_row(rows, (int)i, arena);
		row_boot(&row, &l.row[i]);
		TRY(row_done(&row, e));
	}
	*out = l;
	return RC_OK;
}

rc
spg_boots_list(struct store *st, const struct uuid *tenant,
    const struct boots_filter *f, struct arena *arena, struct boots_list *out,
    struct err *e)
{
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};
	struct pg_stmt two[] = {
	    {.sql = by_index}, {.sql = list_sql, .args = &a}};
	size_t limit = f->limit < STORE_LIST ? f->limit : STORE_LIST;
	struct uuid since = first_id(f->since);

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_uuid(&since));
	pg_arg(&a, pg_text_or_null(f->labels));
	pg_arg(&a, pg_uuid_or_null(&f->after));
	pg_arg(&a, pg_u64(f->after_boot));
	pg_arg(&a, pg_i32(f->shares ? (int32_t)f->shares : 1));
	pg_arg(&a, pg_i32((int32_t)f->share));
	pg_arg(&a, pg_i64((int64_t)limit + 1));
	TRY(store_queries(st, &scope, two, 2, e));
	rc r = take_list(two[1].rows, limit, arena, out, e);
	for (size_t i = 0; i < 2; i++)
		pg_rows_free(two[i].rows);
	return r;
}

/* --- the evidence -----------------------------------------------------------
 */

enum { FIRST, QUOTES, BLOBS, IMA, STMTS };

/* One call's statements with what they are about, and its answers. */
struct reading {
	const struct boot_row *row;
	size_t n;
	struct pg_array node, verdict, boot, sha256;
	struct pg_args quote_args, blob_args, ima_args;
	struct pg_stmt stmt[STMTS];
	/* Logs, each once; blob[i] is of hash[i]. */
	size_t hashes;
	struct sha256 *hash;
	struct span *blob;
	struct ima_pieces *ima;
};

static const char quote_sql[] =
    "SELECT k.ord, e.attest, e.signature, e.pcrs "
    "FROM unnest($2, $3) WITH ORDINALITY k (node, verdict, ord) "
    "JOIN akashi.evidence e ON e.tenant = $1 AND e.node = k.node "
    "AND e.verdict = k.verdict";

static const char blob_sql[] = "SELECT b.sha256, b.bytes FROM akashi.blob b "
			       "WHERE b.tenant = $1 AND b.sha256 = ANY ($2)";

/* Pieces from the one that last started the list again. */
static const char ima_sql[] =
    "SELECT k.ord, s.start, s.bytes "
    "FROM unnest($2, $3, $4) WITH ORDINALITY k (node, verdict, boot, ord) "
    "CROSS JOIN LATERAL (SELECT s.start, s.bytes, s.verdict "
    "FROM akashi.ima_segment s WHERE s.tenant = $1 AND s.node = k.node "
    "AND s.boot = k.boot AND s.verdict <= k.verdict "
    "AND (s.accepted OR s.verdict = k.verdict) AND s.verdict >= ("
    "SELECT z.verdict FROM akashi.ima_segment z WHERE z.tenant = $1 "
    "AND z.node = k.node AND z.boot = k.boot AND z.verdict <= k.verdict "
    "AND z.start = 0 AND (z.accepted OR z.verdict = k.verdict) "
    "ORDER BY z.verdict DESC LIMIT 1)) s ORDER BY k.ord, s.verdict";

static void
want_blob(struct reading *g, const struct sha256 *h)
{
	if (sha256_none(h))
		return;
	for (size_t i = 0; i < g->hashes; i++)
		if (sha256_eq(&g->hash[i], h))
			return;
	g->hash[g->hashes++] = *h;
	pg_array_add(&g->sha256, pg_sha(h));
}

static rc
ask(struct reading *g, const struct uuid *tenant, struct arena *a,
    struct err *e)
{
	static const struct sha256 none;

	g->hash = arena_array(a, 2 * g->n, sizeof(*g->hash));
	g->blob = arena_array(a, 2 * g->n, sizeof(*g->blob));
	g->ima = arena_array(a, g->n, sizeof(*g->ima));
	if (!g->hash || !g->blob || !g->ima)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	for (size_t i = 0; i < g->n; i++) {
		const struct verdict_row *v = &g->row[i].verdict;
		pg_array_add(&g->node, pg_uuid(&v->node));
		pg_array_add(&g->verdict, pg_uuid(&v->id));
		pg_array_add(&g->boot, pg_u64(v->boot));
		want_blob(g, &v->boot_log);
		want_blob(g, &v->userspace_log);
	}
	if (g->hashes == 0) /* an array has an element */
		pg_array_add(&g->sha256, pg_sha(&none));
	pg_arg(&g->quote_args, pg_uuid(tenant));
	pg_arg_array(&g->quote_args, &g->node);
	pg_arg_array(&g->quote_args, &g->verdict);
	pg_arg(&g->blob_args, pg_uuid(tenant));
	pg_arg_array(&g->blob_args, &g->sha256);
	pg_arg(&g->ima_args, pg_uuid(tenant));
	pg_arg_array(&g->ima_args, &g->node);
	pg_arg_array(&g->ima_args, &g->verdict);
	pg_arg_array(&g->ima_args, &g->boot);
	g->stmt[FIRST] = (struct pg_stmt){by_index, NULL, NULL};
	g->stmt[QUOTES] = (struct pg_stmt){quote_sql, &g->quote_args, NULL};
	g->stmt[BLOBS] = (struct pg_stmt){blob_sql, &g->blob_args, NULL};
	g->stmt[IMA] = (struct pg_stmt){ima_sql, &g->ima_args, NULL};
	return RC_OK;
}

/* The place of the row that the next column, from 1, is about. */
static rc
place(struct pg_row *row, const struct reading *g, size_t *at, struct err *e)
{
	int64_t ord = row_i64(row);

	if (ord < 1 || (uint64_t)ord > g->n)
		return err_at(e, ERR_INTERNAL, NULL, "%s", "");
	*at = (size_t)ord - 1;
	return RC_OK;
}

static rc
take_quotes(const struct reading *g, struct arena *a, struct boot_evidence *out,
    struct err *e)
{
	size_t at = 0;

	for (int i = 0; i < pg_rows_n(g->stmt[QUOTES].rows); i++) {
		struct pg_row row = pg_row(g->stmt[QUOTES].rows, i, a);
		TRY(place(&row, g, &at, e));
		out[at].quote.attest = row_bytes(&row);
		out[at].quote.signature = row_bytes(&row);
		out[at].quote.pcrs = row_bytes(&row);
		TRY(row_done(&row, e));
	}
	return RC_OK;
}

static rc
take_blobs(struct reading *g, struct arena *a, struct err *e)
{
	for (int i = 0; i < pg_rows_n(g->stmt[BLOBS].rows); i++) {
		struct pg_row row = pg_row(g->stmt[BLOBS].rows, i, a);
		struct sha256 h = row_sha(&row);
		for (size_t k = 0; k < g->hashes; k++)
			if (sha256_eq(&g->hash[k], &h))
				g->blob[k] = row_bytes(&row);
		TRY(row_done(&row, e));
	}
	return RC_OK;
}

static struct span
blob_of(const struct reading *g, const struct sha256 *h)
{
	for (size_t i = 0; i < g->hashes; i++)
		if (sha256_eq(&g->hash[i], h))
			return g->blob[i];
	return (struct span){NULL, 0};
}

/* Each piece goes to its place; what it overlaps is taken back. A gap leaves
 * the list too short. */
static rc
take_ima(const struct reading *g, struct arena *a, struct err *e)
{
	size_t at = 0;

	for (int i = 0; i < pg_rows_n(g->stmt[IMA].rows); i++) {
		struct pg_row row = pg_row(g->stmt[IMA].rows, i, a);
		TRY(place(&row, g, &at, e));
		uint64_t start = (uint64_t)row_i64(&row);
		struct span bytes = row_bytes(&row);
		TRY(row_done(&row, e));
		if (!ima_pieces_add(&g->ima[at], start, bytes,
			boots_ima_bytes(&g->row[at].verdict), a))
			return err_at(e, ERR_MEMORY, NULL, "%s", "");
	}
	return RC_OK;
}

static rc
collect(struct reading *g, struct arena *a, struct boot_evidence *out,
    struct err *e)
{
	TRY(take_quotes(g, a, out, e));
	TRY(take_blobs(g, a, e));
	TRY(take_ima(g, a, e));
	for (size_t i = 0; i < g->n; i++) {
		const struct verdict_row *v = &g->row[i].verdict;
		out[i].boot_log = blob_of(g, &v->boot_log);
		out[i].userspace_log = blob_of(g, &v->userspace_log);
		out[i].ima = g->ima[i].list;
		boots_settle(v, &out[i]);
	}
	return RC_OK;
}

rc
spg_boots_read(struct store *st, const struct uuid *tenant,
    const struct boot_row *row, size_t n, struct arena *a,
    struct boot_evidence *out, struct err *e)
{
	struct reading g = {.row = row, .n = n};
	const struct scope scope = {.read = tenant};

	for (size_t i = 0; i < n; i++)
		out[i] = (struct boot_evidence){0};
	rc r = n ? ask(&g, tenant, a, e) : RC_OK;
	if (n && rc_ok(r))
		r = store_queries(st, &scope, g.stmt, STMTS, e);
	if (n && rc_ok(r)) {
		r = collect(&g, a, out, e);
		for (size_t i = 0; i < STMTS; i++)
			pg_rows_free(g.stmt[i].rows);
	}
	pg_array_free(&g.node);
	pg_array_free(&g.verdict);
	pg_array_free(&g.boot);
	pg_array_free(&g.sha256);
	return r;
}

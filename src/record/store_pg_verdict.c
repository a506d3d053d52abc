/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts and evidence, read again. */
#include "record/store_pg.h"

static void
row_before(struct pg_row *r, struct verdict_row *v)
{
	struct attester *b = &v->before;

	b->known = row_bool(r);
	b->clock = (uint64_t)row_i64(r);
	b->reset_count = (uint32_t)row_i64(r);
	b->restart_count = (uint32_t)row_i64(r);
	b->firmware = (uint64_t)row_i64(r);
	b->clock_from = row_time(r);
	b->clock_to = row_time(r);
	b->diverged = row_bool(r);
	b->boot_log = row_sha(r);
	b->ima_offset = (uint64_t)row_i64(r);
	v->ima_before = row_sha(r);
	b->ima_policy = row_sha(r);
}

void
row_verdict(struct pg_row *r, struct verdict_row *v)
{
	*v = (struct verdict_row){0};
	v->tenant = row_uuid(r);
	v->id = row_uuid(r);
	v->node = row_uuid(r);
	v->previous = row_uuid(r);
	row_fixed(r, v->challenge, sizeof(v->challenge));
	v->challenge_issued = row_time(r);
	v->received = row_time(r);
	v->now = row_time(r);
	v->verified = row_time(r);
	v->valid_until = row_time(r);
	v->result = (enum result)row_word(r, store_results, RESULT_REJECT + 1);
	v->code = row_code(r);
	row_before(r, v);
	v->evidence = row_sha(r);
	v->attest = row_sha(r);
	v->signature = row_sha(r);
	v->pcrs = row_sha(r);
	v->boot_log = row_sha(r);
	v->userspace_log = row_sha(r);
	v->ima = row_sha(r);
	v->ima_start = (uint64_t)row_i64(r);
	v->ima_bytes = (uint64_t)row_i64(r);
	v->boot = (uint64_t)row_i64(r);
	v->context_sha256 = row_sha(r);
	v->findings_sha256 = row_sha(r);
	v->detail_sha256 = row_sha(r);
	v->statement = row_sha(r);
	row_name(r, v->node_name);
}

rc
spg_verdict_get(struct store *st, const struct uuid *tenant,
    const struct uuid *id, struct arena *arena, struct verdict_row *out,
    struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};
	struct verdict_row v;

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_uuid(id));
	TRY(store_query(st, &scope,
	    "SELECT " VERDICT_COLUMNS ", c.bytes, f.bytes, d.bytes "
	    "FROM akashi.verdict v "
	    "LEFT JOIN akashi.blob c ON c.tenant = $1 AND c.sha256 = v.context "
	    "LEFT JOIN akashi.blob f ON f.tenant = $1 AND f.sha256 = "
	    "v.findings "
	    "LEFT JOIN akashi.blob d ON d.tenant = $1 AND d.sha256 = v.detail "
	    "WHERE v.tenant = $1 AND v.id = $2",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return err_at(e, ERR_VERDICT_UNKNOWN, NULL, "%s", "");
	struct pg_row row = pg_row(rows, 0, arena);
	row_verdict(&row, &v);
	v.context = row_bytes(&row);
	v.findings = row_bytes(&row);
	v.detail = row_bytes(&row);
	TRY(row_done(&row, e));
	*out = v;
	return RC_OK;
}

struct uuid
first_id(int64_t t)
{
	struct uuid u = {{0}};
	uint64_t ms = t > 0 ? (uint64_t)(t / TIME_MS) : 0;

	for (size_t i = 0; i < 6; i++)
		u.b[i] = (uint8_t)(ms >> (40 - 8 * i));
	return u;
}

rc
spg_verdict_list(struct store *st, const struct uuid *tenant,
    const struct verdict_filter *f, struct arena *arena,
    struct verdict_list *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};
	size_t limit = f->limit < STORE_LIST ? f->limit : STORE_LIST;
	struct uuid since = first_id(f->since);
	struct verdict_list l = {0};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_uuid_or_null(&f->node));
	pg_arg(&a, pg_uuid(&since));
	pg_arg(&a, pg_str(f->by_result ? store_results[f->result] : NULL));
	pg_arg(&a, pg_uuid_or_null(&f->before));
	pg_arg(&a, pg_i64((int64_t)limit + 1));
	pg_arg(&a, pg_time(f->since));
	TRY(store_query(st, &scope,
	    "SELECT " VERDICT_COLUMNS " FROM akashi.verdict v "
	    "WHERE v.tenant = $1 AND ($2 IS NULL OR v.node = $2) "
	    "AND v.id >= $3 AND ($7 IS NULL OR v.verified_at >= $7) "
	    "AND ($4 IS NULL OR v.result = $4) "
	    "AND ($5 IS NULL OR v.id < $5) ORDER BY v.id DESC LIMIT $6",
	    &a, &rows, e));
	size_t n = (size_t)pg_rows_n(rows);
	l.more = n > limit;
	l.n = l.more ? limit : n;
	l.row = arena_array(arena, l.n, sizeof(*l.row));
	if (!l.row)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	for (size_t i = 0; i < l.n; i++) {
		struct pg_row row = pg_row(rows, (int)i, arena);
		row_verdict(&row, &l.row[i]);
		TRY(row_done(&row, e));
	}
	*out = l;
	return RC_OK;
}

rc
spg_evidence_get(struct store *st, const struct verdict_row *v,
    struct arena *arena, struct evidence_row *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = &v->tenant};
	struct evidence_row ev;

	pg_arg(&a, pg_uuid(&v->tenant));
	pg_arg(&a, pg_uuid(&v->node));
	pg_arg(&a, pg_uuid(&v->id));
	TRY(store_query(st, &scope,
	    "SELECT attest, signature, pcrs FROM akashi.evidence "
	    "WHERE tenant = $1 AND node = $2 AND verdict = $3",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return err_at(e, ERR_VERDICT_UNKNOWN, NULL, "%s", "");
	struct pg_row row = pg_row(rows, 0, arena);
	ev.attest = row_bytes(&row);
	ev.signature = row_bytes(&row);
	ev.pcrs = row_bytes(&row);
	TRY(row_done(&row, e));
	*out = ev;
	return RC_OK;
}

/* One column of bytes, or p == NULL where there is no row. */
static rc
bytes_of(struct store *st, const struct uuid *tenant, const char *sql,
    const struct pg_args *a, struct arena *arena, struct span *out,
    struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	const struct scope scope = {.read = tenant};
	struct span s = {NULL, 0};

	TRY(store_query(st, &scope, sql, a, &rows, e));
	if (pg_rows_n(rows) > 0) {
		struct pg_row row = pg_row(rows, 0, arena);
		s = row_bytes(&row);
		TRY(row_done(&row, e));
	}
	*out = s;
	return RC_OK;
}

rc
spg_blob_get(struct store *st, const struct uuid *tenant,
    const struct sha256 *sha256, struct arena *arena, struct span *out,
    struct err *e)
{
	struct pg_args a = {0};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_sha(sha256));
	return bytes_of(st, tenant,
	    "SELECT bytes FROM akashi.blob WHERE tenant = $1 AND sha256 = $2",
	    &a, arena, out, e);
}

rc
spg_ima_get(struct store *st, const struct uuid *tenant,
    const struct uuid *node, const struct uuid *verdict, struct arena *arena,
    struct span *out, struct err *e)
{
	struct pg_args a = {0};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_uuid(node));
	pg_arg(&a, pg_uuid(verdict));
	return bytes_of(st, tenant,
	    "SELECT bytes FROM akashi.ima_segment "
	    "WHERE tenant = $1 AND node = $2 AND verdict = $3",
	    &a, arena, out, e);
}

/* --- the list behind a verdict -----------------------------------------------
 */

/* From the newest on: keep each segment that ends where the one after it
 * starts. A list that was sent again from byte 0 (after a change of policy)
 * shadows the older pieces. */
static rc
chain(const struct pg_rows *rows, const struct verdict_row *v, struct arena *a,
    struct ima_segments *out, struct err *e)
{
	size_t n = (size_t)pg_rows_n(rows), at = n;
	struct ima_segment *s = arena_array(a, n, sizeof(*s));
	uint64_t want = v->before.ima_offset;

	if (!s)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	for (size_t i = 0; i < n; i++) {
		struct pg_row row = pg_row(rows, (int)i, a);
		struct ima_segment seg = {.verdict = row_uuid(&row)};
		seg.start = (uint64_t)row_i64(&row);
		seg.bytes = (uint64_t)row_i64(&row);
		seg.sha256 = row_sha(&row);
		TRY(row_done(&row, e));
		bool own = uuid_eq(&seg.verdict, &v->id);
		if (own && seg.start != want)
			want = seg.start; /* it starts the list again */
		if (!own && (want == 0 || seg.start + seg.bytes != want))
			continue;
		want = seg.start;
		s[--at] = seg;
	}
	*out = (struct ima_segments){n - at, s + at};
	return RC_OK;
}

rc
spg_ima_list(struct store *st, const struct verdict_row *v, struct arena *arena,
    struct ima_segments *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = &v->tenant};

	pg_arg(&a, pg_uuid(&v->tenant));
	pg_arg(&a, pg_uuid(&v->node));
	pg_arg(&a, pg_uuid(&v->id));
	pg_arg(&a, pg_u64(v->boot));
	TRY(store_query(st, &scope,
	    "SELECT verdict, start, octet_length(bytes)::bigint, sha256 "
	    "FROM akashi.ima_segment WHERE tenant = $1 AND node = $2 "
	    "AND verdict <= $3 AND boot = $4 AND (accepted OR verdict = $3) "
	    "ORDER BY verdict DESC",
	    &a, &rows, e));
	return chain(rows, v, arena, out, e);
}

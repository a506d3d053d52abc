/* SPDX-License-Identifier: Apache-2.0 */
/* What replicas share, and the tokens of people. */
#include "record/store_pg.h"

#include "base/hash.h"

/* --- secrets of the cluster -------------------------------------------------
 */

static rc
read_cluster(struct store *st, struct cluster *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	const struct scope none = {0};
	struct cluster c = {0};

	TRY(store_query(st, &none,
	    "SELECT c.epoch, c.policy_serial, k.id, k.key FROM akashi.cluster "
	    "c LEFT JOIN akashi.challenge_key k ON true ORDER BY k.id DESC "
	    "LIMIT 2",
	    NULL, &rows, e));
	for (int i = 0; i < pg_rows_n(rows); i++) {
		struct pg_row row = pg_row(rows, i, NULL);
		c.epoch = (uint32_t)row_i64(&row);
		c.policy_serial = (uint64_t)row_i64(&row);
		if (row_null(&row))
			break;
		c.key[c.n].id = (uint32_t)row_i32(&row);
		row_fixed(&row, c.key[c.n].key, sizeof(c.key[c.n].key));
		TRY(row_done(&row, e));
		c.n++;
	}
	*out = c;
	secret_cleanse(&c, sizeof(c));
	return RC_OK;
}

/* Add the key that follows `newest`; whoever comes second adds nothing. */
static rc
add_key(struct store *st, int32_t newest, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	const struct scope all = {.write_cluster = true};
	struct pg_args a = {0};
	uint8_t key[32];

	TRY(random_bytes(key, sizeof(key)));
	pg_arg(&a, pg_i32(newest + 1));
	pg_arg(&a, pg_bytes(span_of(key, sizeof(key))));
	rc r = store_query(st, &all,
	    "INSERT INTO akashi.challenge_key (id, key) VALUES ($1, $2) "
	    "ON CONFLICT DO NOTHING",
	    &a, &rows, e);
	secret_cleanse(key, sizeof(key));
	return r;
}

rc
spg_cluster_get(struct store *st, struct cluster *out, struct err *e)
{
	TRY(read_cluster(st, out, e));
	if (out->n > 0)
		return RC_OK;
	TRY(add_key(st, 0, e));
	return read_cluster(st, out, e);
}

rc
spg_cluster_rotate(struct store *st, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	const struct scope all = {.write_cluster = true};
	struct cluster c;
	struct pg_args a = {0};

	TRY(spg_cluster_get(st, &c, e));
	int32_t newest = (int32_t)c.key[0].id;
	secret_cleanse(&c, sizeof(c));
	TRY(add_key(st, newest, e));
	pg_arg(&a, pg_i32(newest));
	return store_query(st, &all,
	    "DELETE FROM akashi.challenge_key WHERE id < $1", &a, &rows, e);
}

rc
spg_cluster_epoch(struct store *st, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	const struct scope all = {.write_cluster = true};

	return store_query(st, &all,
	    "UPDATE akashi.cluster SET epoch = epoch + 1", NULL, &rows, e);
}

/* --- administrators ---------------------------------------------------------
 */

static rc
insert_admin(struct tx *tx, const struct principal *p,
    const struct sha256 *token, const struct actor *by, int64_t now,
    struct err *e)
{
	struct pg_args a = {0};

	pg_arg(&a, pg_uuid(&p->tenant));
	pg_arg(&a, pg_uuid(&p->id));
	pg_arg(&a, pg_sha(token));
	pg_arg(&a, pg_str(role_name(p->role)));
	pg_arg(&a, pg_str(p->name));
	pg_arg(&a, pg_time(now));
	pg_arg(&a, pg_str(by ? by->who->name : NULL));
	pg_arg(&a, pg_time(p->expires));
	return tx_run(tx,
	    "INSERT INTO akashi.admin_token (tenant, id, hash, role, name, "
	    "created_at, created_by, expires_at) VALUES ($1, $2, $3, $4, $5, "
	    "$6, $7, $8)",
	    &a, NULL, e);
}

static rc
insert_tenant(struct tx *tx, const struct uuid *id, int64_t now, struct err *e)
{
	struct pg_args a = {0};

	pg_arg(&a, pg_uuid(id));
	pg_arg(&a, pg_time(now));
	return tx_run(tx,
	    "INSERT INTO akashi.tenant (id, name, created_at) "
	    "VALUES ($1, 'default', $2)",
	    &a, NULL, e);
}

static rc
new_principal(struct span name, enum role role, int64_t now,
    struct principal *out, struct err *e)
{
	if (name.n == 0 || name.n >= STORE_NAME)
		return err_at(e, ERR_INTERNAL, "A name is too long.", "name");
	*out = (struct principal){.role = role};
	memcpy(out->name, name.p, name.n);
	return uuid_v7(now, &out->id);
}

rc
spg_admin_init(struct store *st, const struct sha256 *token, struct span name,
    int64_t now, struct principal *out, struct err *e)
{
	PG_ROWS_AUTO claimed = NULL;
	TX_AUTO tx = {0};
	struct principal p;
	struct pg_args a = {0};

	TRY(new_principal(name, ROLE_ADMIN, now, &p, e));
	TRY(uuid_v7(now, &p.tenant));
	const struct scope scope = {.write = &p.tenant};
	TRY(tx_begin(st, &scope, &tx, e));
	/* One row: of two callers, the second waits for the first here. */
	pg_arg(&a, pg_time(now));
	TRY(tx_run(&tx,
	    "UPDATE akashi.cluster SET admin_init_at = $1 "
	    "WHERE admin_init_at IS NULL RETURNING id",
	    &a, &claimed, e));
	if (pg_rows_n(claimed) == 0)
		return err_at(e, ERR_AUTH_INITIALISED, NULL, "%s", "");
	TRY(insert_tenant(&tx, &p.tenant, now, e));
	TRY(insert_admin(&tx, &p, token, NULL, now, e));
	const struct actor self = {.who = &p, .now = now};
	TRY(tx_audit(&tx, &self, "admin.init", span_str(p.name), NULL, e));
	TRY(tx_commit(&tx, e));
	*out = p;
	return RC_OK;
}

rc
spg_admin_put(struct store *st, const struct actor *by,
    const struct sha256 *token, const struct principal *who, struct err *e)
{
	TX_AUTO tx = {0};
	struct principal p = *who;
	const struct scope scope = {.write = &by->who->tenant};

	p.tenant = by->who->tenant;
	TRY(tx_begin(st, &scope, &tx, e));
	TRY(insert_admin(&tx, &p, token, by, by->now, e));
	TRY(tx_audit(
	    &tx, by, "admin.put", span_str(p.name), role_name(p.role), e));
	return tx_commit(&tx, e);
}

#define ADMIN_COLUMNS                                                          \
	"tenant, id, role, name, created_by, created_at, expires_at, "         \
	"revoked_at"

static void
row_principal(struct pg_row *row, struct principal *p)
{
	static const char *const roles[] = {
	    "none", "viewer", "author", "approver", "operator", "admin"};

	p->tenant = row_uuid(row);
	p->id = row_uuid(row);
	p->role = (enum role)row_word(row, roles, ROLE_ADMIN + 1);
	row_name(row, p->name);
	row_name(row, p->maker);
	p->created = row_time(row);
	p->expires = row_time(row);
	p->revoked = row_time(row);
}

rc
spg_admin_list(struct store *st, const struct uuid *tenant, struct arena *a,
    struct principal_list *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args args = {0};
	const struct scope scope = {.read = tenant};
	struct principal_list l = {0};

	pg_arg(&args, pg_uuid(tenant));
	TRY(store_query(st, &scope,
	    "SELECT " ADMIN_COLUMNS " FROM akashi.admin_token "
	    "WHERE tenant = $1 ORDER BY id",
	    &args, &rows, e));
	l.n = (size_t)pg_rows_n(rows);
	l.who = arena_array(a, l.n, sizeof(*l.who));
	if (!l.who)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	for (size_t i = 0; i < l.n; i++) {
		struct pg_row row = pg_row(rows, (int)i, a);
		row_principal(&row, &l.who[i]);
		TRY(row_done(&row, e));
	}
	*out = l;
	return RC_OK;
}

rc
spg_admin_revoke(struct store *st, const struct actor *by,
    const struct uuid *id, struct err *e)
{
	static const struct revocation operator= {
	    "UPDATE akashi.admin_token SET revoked_at = "
	    "coalesce(revoked_at, $3) WHERE tenant = $1 AND id = $2 "
	    "RETURNING id",
	    ERR_OPERATOR_UNKNOWN, "admin.revoke"};

	return tx_revoke(st, by, id, &operator, e);
}

rc
spg_admin_get(struct store *st, const struct sha256 *token,
    struct principal *out, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	struct principal p = {0};
	const struct scope scope = {
	    .credential = span_of(token->b, sizeof(token->b))};

	pg_arg(&a, pg_sha(token));
	TRY(store_query(st, &scope,
	    "SELECT " ADMIN_COLUMNS " FROM akashi.admin_token "
	    "WHERE hash = $1 AND revoked_at IS NULL "
	    "AND (expires_at IS NULL OR expires_at > now())",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return err_at(e, ERR_AUTH_INVALID, NULL, "%s", "");
	struct pg_row row = pg_row(rows, 0, NULL);
	row_principal(&row, &p);
	TRY(row_done(&row, e));
	*out = p;
	return RC_OK;
}

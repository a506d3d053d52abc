/* SPDX-License-Identifier: Apache-2.0 */
/* Enrolment: tokens, listed EKs, the two steps of credential activation. */
#include "record/store_pg.h"

#include "base/hash.h"

/* --- tokens -----------------------------------------------------------------
 */

rc
spg_token_put(struct store *st, const struct actor *by,
    const struct enrol_token *t, struct err *e)
{
	TX_AUTO tx = {0};
	struct pg_args a = {0};
	char id[UUID_TEXT];
	const struct scope scope = {.write = &by->who->tenant};

	uuid_emit(&t->id, id);
	pg_arg(&a, pg_uuid(&by->who->tenant));
	pg_arg(&a, pg_uuid(&t->id));
	pg_arg(&a, pg_sha(&t->hash));
	pg_arg(&a, pg_text_or_null(t->env_class));
	pg_arg(&a, pg_text(t->labels));
	pg_arg(&a, pg_i32((int32_t)t->uses));
	pg_arg(&a, pg_time(t->created));
	pg_arg(&a, pg_str(by->who->name));
	pg_arg(&a, pg_time(t->expires));
	pg_arg(&a, pg_text_or_null(t->names));
	TRY(tx_begin(st, &scope, &tx, e));
	TRY(tx_run(&tx,
	    "INSERT INTO akashi.enrol_token (tenant, id, hash, env_class, "
	    "labels, uses, created_at, created_by, expires_at, names) "
	    "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
	    &a, NULL, e));
	TRY(tx_audit(&tx, by, "token.put", span_str(id), NULL, e));
	return tx_commit(&tx, e);
}

rc
spg_token_list(struct store *st, const struct uuid *tenant, struct arena *arena,
    struct enrol_token **out, size_t *n, struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	const struct scope scope = {.read = tenant};

	pg_arg(&a, pg_uuid(tenant));
	TRY(store_query(st, &scope,
	    "SELECT id, env_class, labels, names, uses, used, created_at, "
	    "expires_at, revoked_at FROM akashi.enrol_token "
	    "WHERE tenant = $1 ORDER BY id",
	    &a, &rows, e));
	size_t count = (size_t)pg_rows_n(rows);
	struct enrol_token *t = arena_array(arena, count, sizeof(*t));
	if (!t)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	for (size_t i = 0; i < count; i++) {
		struct pg_row row = pg_row(rows, (int)i, arena);
		t[i].id = row_uuid(&row);
		t[i].env_class = row_bytes(&row);
		t[i].labels = row_bytes(&row);
		t[i].names = row_bytes(&row);
		t[i].uses = (uint32_t)row_i32(&row);
		t[i].used = (uint32_t)row_i32(&row);
		t[i].created = row_time(&row);
		t[i].expires = row_time(&row);
		t[i].revoked = row_time(&row);
		TRY(row_done(&row, e));
	}
	*out = t;
	*n = count;
	return RC_OK;
}

rc
spg_token_revoke(struct store *st, const struct actor *by,
    const struct uuid *id, struct err *e)
{
	static const struct revocation token = {
	    "UPDATE akashi.enrol_token SET revoked_at = "
	    "coalesce(revoked_at, $3) WHERE tenant = $1 AND id = $2 "
	    "RETURNING id",
	    ERR_ENROL_TOKEN, "token.revoke"};

	return tx_revoke(st, by, id, &token, e);
}

/* --- listed EKs ----------------------------------------------------------- */

static rc
put_ek(struct tx *tx, const struct actor *by, const struct listed_ek *ek,
    struct err *e)
{
	struct pg_args a = {0};

	pg_arg(&a, pg_uuid(&by->who->tenant));
	pg_arg(&a, pg_sha(&ek->ek));
	pg_arg(&a, pg_text_or_null(ek->name));
	pg_arg(&a, pg_text_or_null(ek->env_class));
	pg_arg(&a, pg_text(ek->labels));
	pg_arg(&a, pg_time(by->now));
	pg_arg(&a, pg_str(by->who->name));
	return tx_run(tx,
	    "INSERT INTO akashi.listed_ek (tenant, ek_sha256, name, env_class, "
	    "labels, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, "
	    "$7) ON CONFLICT (tenant, ek_sha256) DO UPDATE SET "
	    "name = excluded.name, env_class = excluded.env_class, "
	    "labels = excluded.labels, created_at = excluded.created_at, "
	    "created_by = excluded.created_by",
	    &a, NULL, e);
}

rc
spg_ek_put(struct store *st, const struct actor *by,
    const struct listed_ek *eks, size_t n, struct err *e)
{
	TX_AUTO tx = {0};
	char count[24];
	const struct scope scope = {.write = &by->who->tenant};

	snprintf(count, sizeof(count), "%zu", n);
	TRY(tx_begin(st, &scope, &tx, e));
	for (size_t i = 0; i < n; i++)
		TRY(put_ek(&tx, by, &eks[i], e));
	TRY(tx_audit(&tx, by, "node.import", span_str(count), NULL, e));
	return tx_commit(&tx, e);
}

/* --- begin ------------------------------------------------------------------
 */

/* The tenant of a token that may still be used, and for this name. */
static rc
token_tenant(struct tx *tx, const struct sha256 *hash,
    const struct enrolment *en, struct uuid *tenant, struct uuid *token,
    struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};
	char names[STORE_NAME];

	pg_arg(&a, pg_sha(hash));
	pg_arg(&a, pg_time(en->created));
	TRY(tx_run(tx,
	    "SELECT tenant, id, names FROM akashi.enrol_token WHERE hash = $1 "
	    "AND revoked_at IS NULL AND expires_at > $2 AND used < uses",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return err_at(e, ERR_ENROL_TOKEN, NULL, "%s", "");
	struct pg_row row = pg_row(rows, 0, NULL);
	*tenant = row_uuid(&row);
	*token = row_uuid(&row);
	row_name(&row, names);
	TRY(row_done(&row, e));
	return enrol_name_allowed(span_str(names), en->name)
		   ? RC_OK
		   : err_at(e, ERR_ENROL_SCOPE, NULL, "name");
}

/* The rules that the unique indexes of akashi.node hold against races, asked
 * early so that the answer names the rule; and the names an operator listed. */
static rc
check_rules(struct tx *tx, const struct uuid *tenant,
    const struct enrolment *en, struct err *e)
{
	static const enum err_code codes[] = {
	    ERR_OK, ERR_EK_DUPLICATE, ERR_ENROL_NAME, ERR_AK_DUPLICATE};
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};

	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_text(en->name));
	pg_arg(&a, pg_sha(&en->identity.ek));
	pg_arg(&a, pg_bytes(en->identity.ak_name));
	TRY(tx_run(tx,
	    "SELECT CASE WHEN ek_sha256 = $3 AND name <> $2 THEN 1 "
	    "WHEN name = $2 AND ek_sha256 <> $3 THEN 2 "
	    "WHEN ak_name = $4 AND ek_sha256 <> $3 THEN 3 ELSE 0 END AS rule "
	    "FROM akashi.node WHERE tenant = $1 AND admission <> 'retired' "
	    "AND (ek_sha256 = $3 OR name = $2 OR ak_name = $4) "
	    "UNION ALL SELECT 2 FROM akashi.listed_ek WHERE tenant = $1 "
	    "AND ek_sha256 = $3 AND name <> $2 "
	    "UNION ALL SELECT 2 FROM akashi.listed_ek WHERE tenant = $1 "
	    "AND name = $2 AND ek_sha256 <> $3 ORDER BY rule",
	    &a, &rows, e));
	for (int i = 0; i < pg_rows_n(rows); i++) {
		struct pg_row row = pg_row(rows, i, NULL);
		enum err_code code = codes[row_i32(&row) & 3];
		if (code != ERR_OK)
			return err_at(e, code, NULL, "%s", "");
	}
	return RC_OK;
}

static rc
insert_enrolment(struct tx *tx, const struct uuid *tenant,
    const struct uuid *token, const struct enrolment *en, struct err *e)
{
	struct pg_args old = {0}, a = {0};

	pg_arg(&old, pg_uuid(tenant));
	pg_arg(&old, pg_sha(&en->identity.ek));
	pg_arg(&old, pg_i64(STORE_PENDING - 1));
	TRY(tx_run(tx,
	    "DELETE FROM akashi.enrolment WHERE id IN (SELECT id "
	    "FROM akashi.enrolment WHERE tenant = $1 AND ek_sha256 = $2 "
	    "AND node IS NULL ORDER BY created_at DESC, id OFFSET $3)",
	    &old, NULL, e));
	pg_arg(&a, pg_uuid(tenant));
	pg_arg(&a, pg_uuid(&en->id));
	pg_arg(&a, pg_uuid(token));
	pg_arg(&a, pg_text(en->name));
	pg_arg(&a, pg_sha(&en->secret));
	pg_arg(&a, pg_time(en->created));
	pg_arg(&a, pg_time(en->expires));
	args_identity(&a, &en->identity);
	return tx_run(tx,
	    "INSERT INTO akashi.enrolment (tenant, id, token, name, secret, "
	    "created_at, expires_at, " IDENTITY_COLUMNS ") VALUES ($1, $2, $3, "
	    "$4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, "
	    "$18)",
	    &a, NULL, e);
}

rc
spg_enrol_begin(struct store *st, const struct sha256 *hash,
    const struct enrolment *en, struct uuid *tenant, struct err *e)
{
	TX_AUTO tx = {0};
	struct uuid token, owner;
	const struct scope by_hash = {
	    .credential = span_of(hash->b, sizeof(hash->b))};

	TRY(tx_begin(st, &by_hash, &tx, e));
	TRY(token_tenant(&tx, hash, en, &owner, &token, e));
	const struct scope scope = {.write = &owner};
	TRY(tx_scope(&tx, &scope, e));
	TRY(check_rules(&tx, &owner, en, e));
	TRY(insert_enrolment(&tx, &owner, &token, en, e));
	TRY(tx_commit(&tx, e));
	*tenant = owner;
	return RC_OK;
}

/* --- activate ---------------------------------------------------------------
 */

/* What an activation found on its way. */
struct pending {
	struct enrolment en;
	struct uuid tenant, token;
	int32_t tries;
	struct span env_class, labels; /* of the listed EK, or the token */
	bool listed;
	struct uuid existing;  /* the node that has this EK, or none */
	struct uuid activated; /* the node that this enrolment made, or none */
};

static rc
lock_pending(struct tx *tx, const struct uuid *id, struct arena *arena,
    struct pending *p, struct err *e)
{
	PG_ROWS_AUTO seen = NULL;
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};

	pg_arg(&a, pg_uuid(id));
	TRY(tx_run(tx, "SELECT tenant FROM akashi.enrolment WHERE id = $1", &a,
	    &seen, e));
	if (pg_rows_n(seen) == 0)
		return err_at(e, ERR_ENROL_ACTIVATION, NULL, "%s", "");
	struct pg_row first = pg_row(seen, 0, NULL);
	p->tenant = row_uuid(&first);
	const struct scope scope = {.write = &p->tenant};
	TRY(tx_scope(tx, &scope, e));
	/* Two activations of one enrolment meet here; the second finds that
	 * the row is gone, or one try fewer. */
	TRY(tx_run(tx,
	    "SELECT token, name, secret, created_at, expires_at, "
	    "tries, node, " IDENTITY_COLUMNS
	    " FROM akashi.enrolment WHERE id = $1 FOR UPDATE",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return err_at(e, ERR_ENROL_ACTIVATION, NULL, "%s", "");
	struct pg_row row = pg_row(rows, 0, arena);
	p->en.id = *id;
	p->token = row_uuid(&row);
	p->en.name = row_bytes(&row);
	p->en.secret = row_sha(&row);
	p->en.created = row_time(&row);
	p->en.expires = row_time(&row);
	p->tries = row_i32(&row);
	p->activated = row_uuid(&row);
	row_identity(&row, &p->en.identity);
	return row_done(&row, e);
}

/* A wrong secret costs a try, and that must be durable. */
static rc
check_secret(struct tx *tx, const struct pending *p,
    const struct activation *act, struct err *e)
{
	struct pg_args a = {0};

	if (p->tries >= STORE_TRIES || act->now >= p->en.expires)
		return err_at(e, ERR_ENROL_ACTIVATION, NULL, "%s", "");
	if (secret_equal(act->secret.b, p->en.secret.b, sizeof(act->secret.b)))
		return RC_OK;
	pg_arg(&a, pg_uuid(&act->enrolment));
	TRY(tx_run(tx,
	    "UPDATE akashi.enrolment SET tries = tries + 1 WHERE id = $1", &a,
	    NULL, e));
	TRY(tx_commit(tx, e));
	return err_at(e, ERR_ENROL_ACTIVATION, NULL, "%s", "");
}

static rc
use_token(struct tx *tx, struct pending *p, int64_t now, struct arena *arena,
    struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0};

	pg_arg(&a, pg_uuid(&p->token));
	pg_arg(&a, pg_time(now));
	TRY(tx_run(tx,
	    "UPDATE akashi.enrol_token SET used = used + 1 WHERE id = $1 "
	    "AND revoked_at IS NULL AND expires_at > $2 AND used < uses "
	    "RETURNING env_class, labels",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return err_at(e, ERR_ENROL_TOKEN, NULL, "%s", "");
	struct pg_row row = pg_row(rows, 0, arena);
	p->env_class = row_bytes(&row);
	p->labels = row_bytes(&row);
	return row_done(&row, e);
}

/* Is the EK listed, and does a node have it already? */
static rc
look_up(struct tx *tx, struct pending *p, struct arena *arena, struct err *e)
{
	PG_ROWS_AUTO listed = NULL;
	PG_ROWS_AUTO node = NULL;
	struct pg_args a = {0};

	pg_arg(&a, pg_uuid(&p->tenant));
	pg_arg(&a, pg_sha(&p->en.identity.ek));
	TRY(tx_run(tx,
	    "SELECT env_class, labels FROM akashi.listed_ek "
	    "WHERE tenant = $1 AND ek_sha256 = $2",
	    &a, &listed, e));
	TRY(tx_run(tx,
	    "SELECT id FROM akashi.node WHERE tenant = $1 AND ek_sha256 = $2 "
	    "AND admission <> 'retired'",
	    &a, &node, e));
	p->listed = pg_rows_n(listed) == 1;
	if (p->listed) {
		struct pg_row row = pg_row(listed, 0, arena);
		struct span env_class = row_bytes(&row);
		p->labels = row_bytes(&row);
		if (env_class.n)
			p->env_class = env_class;
		TRY(row_done(&row, e));
	}
	if (pg_rows_n(node) == 1) {
		struct pg_row row = pg_row(node, 0, NULL);
		p->existing = row_uuid(&row);
	}
	return RC_OK;
}

static rc
insert_node(struct tx *tx, const struct pending *p,
    const struct activation *act, struct err *e)
{
	struct pg_args a = {0}, s = {0};

	pg_arg(&a, pg_uuid(&p->tenant));
	pg_arg(&a, pg_uuid(&act->node));
	pg_arg(&a, pg_text(p->en.name));
	pg_arg(&a, pg_bool(p->listed));
	pg_arg(&a, pg_text_or_null(p->env_class));
	pg_arg(&a, pg_text(p->labels));
	pg_arg(&a, pg_sha(&act->node_token));
	pg_arg(&a, pg_time(act->now));
	args_identity(&a, &p->en.identity);
	TRY(tx_run(tx,
	    "INSERT INTO akashi.node (tenant, id, name, admission, env_class, "
	    "labels, node_token, enrolled_at, admitted_at, " IDENTITY_COLUMNS
	    ") VALUES ($1, $2, $3, CASE WHEN $4 THEN 'admitted' ELSE 'pending' "
	    "END, $5, $6, $7, $8, CASE WHEN $4 THEN $8 END, $9, $10, $11, $12, "
	    "$13, $14, $15, $16, $17, $18, $19)",
	    &a, NULL, e));
	pg_arg(&s, pg_uuid(&p->tenant));
	pg_arg(&s, pg_uuid(&act->node));
	return tx_run(tx,
	    "INSERT INTO akashi.node_state (tenant, node) VALUES ($1, $2)", &s,
	    NULL, e);
}

/* Same machine, new AK: the old one is gone with this statement. What is known
 * of its logs was believed through the old AK and is asked for again. */
static rc
replace_ak(struct tx *tx, const struct pending *p, const struct activation *act,
    struct err *e)
{
	PG_ROWS_AUTO rows = NULL;
	struct pg_args a = {0}, s = {0};
	const struct identity *id = &p->en.identity;

	pg_arg(&s, pg_uuid(&p->tenant));
	pg_arg(&s, pg_uuid(&p->existing));
	TRY(tx_run(tx,
	    "UPDATE akashi.node_state SET version = version + 1, "
	    "boot_log = NULL, ima_offset = 0, ima = NULL, ima_policy = NULL "
	    "WHERE tenant = $1 AND node = $2",
	    &s, NULL, e));
	pg_arg(&a, pg_uuid(&p->tenant));
	pg_arg(&a, pg_uuid(&p->existing));
	pg_arg(&a, pg_text(p->en.name));
	pg_arg(&a, pg_bool(p->listed));
	pg_arg(&a, pg_time(act->now));
	pg_arg(&a, pg_sha(&act->node_token));
	pg_arg(&a, pg_bytes(id->ak_public));
	pg_arg(&a, pg_bytes(id->ak_name));
	pg_arg(&a, pg_bytes(id->ak_qualified));
	pg_arg(&a, pg_text(id->ak_alg));
	TRY(tx_run(tx,
	    "UPDATE akashi.node SET node_token = $6, ak_public = $7, "
	    "ak_name = $8, ak_qualified = $9, ak_alg = $10, "
	    "admission = CASE WHEN $4 THEN 'admitted' ELSE admission END, "
	    "admitted_at = coalesce(admitted_at, CASE WHEN $4 THEN $5 END) "
	    "WHERE tenant = $1 AND id = $2 AND name = $3 "
	    "AND admission <> 'retired' RETURNING id",
	    &a, &rows, e));
	if (pg_rows_n(rows) == 0)
		return err_at(e, ERR_EK_DUPLICATE, NULL, "%s", "");
	return RC_OK;
}

static rc
finish(struct tx *tx, const struct pending *p, const struct activation *act,
    struct err *e)
{
	struct pg_args a = {0}, others = {0};
	struct principal self = {.tenant = p->tenant};
	const struct actor by = {&self, act->source, act->now};
	bool again = !uuid_none(&p->existing);

	snprintf(self.name, sizeof(self.name), "%.*s",
	    (int)(p->en.name.n < STORE_NAME ? p->en.name.n : 0),
	    (const char *)p->en.name.p);
	pg_arg(&a, pg_uuid(&act->enrolment));
	pg_arg(&a, pg_uuid(again ? &p->existing : &act->node));
	TRY(tx_run(tx, "UPDATE akashi.enrolment SET node = $2 WHERE id = $1",
	    &a, NULL, e));
	pg_arg(&others, pg_uuid(&act->enrolment));
	pg_arg(&others, pg_uuid(&p->tenant));
	pg_arg(&others, pg_sha(&p->en.identity.ek));
	TRY(tx_run(tx,
	    "DELETE FROM akashi.enrolment WHERE tenant = $2 "
	    "AND ek_sha256 = $3 AND id <> $1",
	    &others, NULL, e));
	TRY(tx_audit(tx, &by, again ? "node.reactivate" : "node.enrol",
	    p->en.name, NULL, e));
	return tx_commit(tx, e);
}

/* The answer to this activation was lost: the same again, as long as nothing
 * has replaced what it made. */
static rc
activated_before(struct store *st, const struct pending *p,
    const struct activation *act, struct arena *arena, struct node *out,
    struct err *e)
{
	struct node n;

	TRY(spg_node_get(st, &p->tenant, &p->activated, NULL, arena, &n, e));
	if (!enrol_still(&n, &p->en, act))
		return err_at(e, ERR_ENROL_ACTIVATION, NULL, "%s", "");
	*out = n;
	return RC_OK;
}

rc
spg_enrol_activate(struct store *st, const struct activation *act,
    struct arena *arena, struct node *out, struct err *e)
{
	TX_AUTO tx = {0};
	struct pending p = {0};
	const struct scope by_id = {
	    .credential = span_of(act->enrolment.b, sizeof(act->enrolment.b))};

	TRY(tx_begin(st, &by_id, &tx, e));
	TRY(lock_pending(&tx, &act->enrolment, arena, &p, e));
	TRY(check_secret(&tx, &p, act, e));
	if (!uuid_none(&p.activated)) {
		tx_end(&tx);
		return activated_before(st, &p, act, arena, out, e);
	}
	TRY(check_rules(&tx, &p.tenant, &p.en, e));
	TRY(use_token(&tx, &p, act->now, arena, e));
	TRY(look_up(&tx, &p, arena, e));
	if (uuid_none(&p.existing))
		TRY(insert_node(&tx, &p, act, e));
	else
		TRY(replace_ak(&tx, &p, act, e));
	TRY(finish(&tx, &p, act, e));
	tx_end(&tx);
	return spg_node_get(st, &p.tenant,
	    uuid_none(&p.existing) ? &act->node : &p.existing, NULL, arena, out,
	    e);
}

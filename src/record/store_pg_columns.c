/* SPDX-License-Identifier: Apache-2.0 */
/* Records as columns, for INSERT … SELECT unnest(…). */
#include "record/store_pg_columns.h"

/* --- arrays, one per column ----------------------------------------------- */

void
columns_put(struct columns *c, struct pg_value v)
{
	pg_array_add(&c->col[c->at++], v);
	if (c->at > c->n)
		c->n = c->at;
}

const struct pg_args *
columns_args(struct columns *c)
{
	c->args.n = 0;
	for (size_t i = 0; i < c->n; i++)
		pg_arg_array(&c->args, &c->col[i]);
	return &c->args;
}

void
columns_free(struct columns *c)
{
	for (size_t i = 0; i < c->n; i++)
		pg_array_free(&c->col[i]);
}

void
scope_add(struct buf *b, const struct uuid *tenant)
{
	char id[UUID_TEXT];

	uuid_emit(tenant, id);
	if (b->n >= sizeof(id) && !b->failed &&
	    memcmp(b->p + b->n - (sizeof(id) - 1), id, sizeof(id) - 1) == 0)
		return;
	buf_printf(b, "%c%s", b->n ? ',' : '{', id);
}

void
scope_close(struct buf *b)
{
	buf_puts(b, b->n ? "}" : "{}");
}

/* --- what a record leaves in each table ----------------------------------- */

static void
put_attester(struct columns *c, const struct attester *t)
{
	columns_put(c, pg_bool(t->known));
	columns_put(c, pg_u64(t->clock));
	columns_put(c, pg_u64(t->reset_count));
	columns_put(c, pg_u64(t->restart_count));
	columns_put(c, pg_u64(t->firmware));
	columns_put(c, pg_time(t->clock_from));
	columns_put(c, pg_time(t->clock_to));
	columns_put(c, pg_bool(t->diverged));
	columns_put(c, pg_sha_or_null(&t->boot_log));
	columns_put(c, pg_u64(t->ima_offset));
}

/* node_still_failed() in SQL: s is the state before, i the verdict. */
#define STILL_FAILED                                                           \
	"i.result = 'unknown' AND (s.result = 'reject' OR (s.result = "        \
	"'fail' AND NOT s.observe))"

const char state_sql[] =
    "WITH i AS (SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
    "$11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, "
    "$25, $26, $27, $28) AS i (ord, tenant, node, version, challenge, "
    "expires, evidence, "
    "verdict, clock_known, clock, reset_count, restart_count, firmware, "
    "clock_from, clock_to, diverged, boot_log, ima_offset, ima, ima_policy, "
    "result, code, observe, "
    "verified_at, valid_until, held, rejected_day, rejected_count)), "
    "moved AS (UPDATE akashi.node_state s SET version = s.version + 1, "
    "clock_known = i.clock_known, clock = i.clock, "
    "reset_count = i.reset_count, restart_count = i.restart_count, "
    "firmware = i.firmware, clock_from = i.clock_from, "
    "clock_to = i.clock_to, diverged = i.diverged, boot_log = i.boot_log, "
    "ima_offset = i.ima_offset, ima = i.ima, ima_policy = i.ima_policy, "
    "verdict = i.verdict, "
    "result = CASE WHEN " STILL_FAILED " THEN s.result ELSE i.result END, "
    "code = CASE WHEN " STILL_FAILED " THEN s.code ELSE i.code END, "
    "observe = CASE WHEN " STILL_FAILED " THEN s.observe ELSE i.observe END, "
    "verified_at = i.verified_at, "
    "valid_until = i.valid_until, held = s.held OR i.held, "
    "rejected_day = i.rejected_day, rejected_count = i.rejected_count "
    "FROM i WHERE s.tenant = i.tenant AND s.node = i.node "
    "AND s.version = i.version AND NOT EXISTS (SELECT FROM "
    "akashi.used_challenge u WHERE u.node = i.node AND u.id = i.challenge) "
    "RETURNING i.*), "
    "used AS (INSERT INTO akashi.used_challenge (tenant, node, id, "
    "expires_at, evidence, verdict) SELECT tenant, node, challenge, expires, "
    "evidence, verdict FROM moved ON CONFLICT DO NOTHING RETURNING 1) "
    "SELECT ord, (SELECT count(*) FROM used) FROM moved";

void
add_state(struct columns *c, const struct record *r, size_t ord)
{
	const struct verdict_row *v = &r->row;
	const struct node_state *s = &r->after;

	c->at = 0;
	columns_put(c, pg_i32((int32_t)ord));
	columns_put(c, pg_uuid(&v->tenant));
	columns_put(c, pg_uuid(&v->node));
	columns_put(c, pg_u64(r->version));
	columns_put(c, pg_bytes(span_of(v->challenge, sizeof(v->challenge))));
	columns_put(c, pg_time(r->challenge_expires));
	columns_put(c, pg_sha(&v->evidence));
	columns_put(c, pg_uuid(&v->id));
	put_attester(c, &s->attester);
	columns_put(c, pg_bytes_or_null(s->attester.ima));
	columns_put(c, pg_sha_or_null(&s->attester.ima_policy));
	columns_put(c, pg_str(store_results[v->result]));
	columns_put(c, pg_code(v->code));
	columns_put(c, pg_bool(s->observe));
	columns_put(c, pg_time(v->verified));
	columns_put(c, pg_time(v->valid_until));
	columns_put(c, pg_bool(s->held));
	columns_put(c, pg_i32((int32_t)s->rejected_day));
	columns_put(c, pg_i32((int32_t)s->rejected_count));
}

const char verdict_sql[] =
    "INSERT INTO akashi.verdict (tenant, id, node, previous, challenge, "
    "challenge_issued, received_at, judged_at, verified_at, valid_until, "
    "result, code, clock_known, clock, reset_count, restart_count, firmware, "
    "clock_from, clock_to, diverged, boot_log_before, ima_offset, ima_before, "
    "ima_policy, evidence, attest, "
    "signature, pcrs, boot_log, userspace_log, ima, ima_start, ima_bytes, "
    "boot, context, findings, detail, statement) SELECT * FROM unnest($1, $2, "
    "$3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, "
    "$19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, "
    "$33, $34, $35, $36, $37, $38)";

void
add_verdict(struct columns *c, const struct verdict_row *v)
{
	c->at = 0;
	columns_put(c, pg_uuid(&v->tenant));
	columns_put(c, pg_uuid(&v->id));
	columns_put(c, pg_uuid(&v->node));
	columns_put(c, pg_uuid_or_null(&v->previous));
	columns_put(c, pg_bytes(span_of(v->challenge, sizeof(v->challenge))));
	columns_put(c, pg_time(v->challenge_issued));
	columns_put(c, pg_time(v->received));
	columns_put(c, pg_time(v->now));
	columns_put(c, pg_time(v->verified));
	columns_put(c, pg_time(v->valid_until));
	columns_put(c, pg_str(store_results[v->result]));
	columns_put(c, pg_code(v->code));
	put_attester(c, &v->before);
	columns_put(c, pg_sha_or_null(&v->ima_before));
	columns_put(c, pg_sha_or_null(&v->before.ima_policy));
	columns_put(c, pg_sha(&v->evidence));
	columns_put(c, pg_sha(&v->attest));
	columns_put(c, pg_sha(&v->signature));
	columns_put(c, pg_sha_or_null(&v->pcrs));
	columns_put(c, pg_sha_or_null(&v->boot_log));
	columns_put(c, pg_sha_or_null(&v->userspace_log));
	columns_put(c, pg_sha_or_null(&v->ima));
	columns_put(c, pg_u64(v->ima_start));
	columns_put(c, pg_u64(v->ima_bytes));
	columns_put(c, pg_u64(v->boot));
	columns_put(c, pg_sha(&v->context_sha256));
	columns_put(c, pg_sha(&v->findings_sha256));
	columns_put(c, pg_sha(&v->detail_sha256));
	columns_put(c, pg_sha(&v->statement));
}

void
add_evidence(struct columns *c, const struct record *r)
{
	c->at = 0;
	columns_put(c, pg_uuid(&r->row.tenant));
	columns_put(c, pg_uuid(&r->row.node));
	columns_put(c, pg_uuid(&r->row.id));
	columns_put(c, pg_bytes(r->attest));
	columns_put(c, pg_bytes(r->signature));
	columns_put(c, pg_bytes_or_null(r->pcrs));
}

void
add_ima(struct columns *c, const struct record *r)
{
	c->at = 0;
	columns_put(c, pg_uuid(&r->row.tenant));
	columns_put(c, pg_uuid(&r->row.node));
	columns_put(c, pg_uuid(&r->row.id));
	columns_put(c, pg_u64(r->row.boot));
	columns_put(c, pg_u64(r->row.ima_start));
	columns_put(c, pg_sha(&r->row.ima));
	columns_put(c, pg_bytes(r->ima));
	columns_put(c, pg_bool(r->ima_accepted));
}

void
add_leaf(struct columns *c, const struct verdict_row *v)
{
	c->at = 0;
	columns_put(c, pg_uuid(&v->tenant));
	columns_put(c, pg_uuid(&v->id));
	columns_put(c, pg_sha(&v->statement));
}

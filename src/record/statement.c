/* SPDX-License-Identifier: Apache-2.0 */
/* Keys are written in ASCII order by hand; a test parses and sorts them. */
#include "record/statement.h"

#include "appraise/limits.h"
#include "base/hash.h"

/* --- pieces --------------------------------------------------------------- */

static void
k_sha(struct jw *w, const char *key, const struct sha256 *h)
{
	jw_key(w, key);
	if (sha256_none(h))
		jw_null(w);
	else
		jw_hex(w, span_of(h->b, sizeof(h->b)));
}

static void
k_span(struct jw *w, const char *key, struct span s)
{
	jw_key(w, key);
	if (s.n == 0)
		jw_null(w);
	else
		jw_span(w, s);
}

static void
k_uuid(struct jw *w, const char *key, const struct uuid *u)
{
	char text[UUID_TEXT];

	uuid_emit(u, text);
	jw_kstr(w, key, uuid_none(u) ? NULL : text);
}

/* A number of up to 64 bits, which JSON readers cannot be trusted with. */
static void
k_wide(struct jw *w, const char *key, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	jw_kstr(w, key, text);
}

static void
k_i64(struct jw *w, const char *key, int64_t v)
{
	jw_key(w, key);
	jw_i64(w, v);
}

static void
k_hashes(struct jw *w, const char *key, const struct sha256 *h, size_t n)
{
	jw_key(w, key);
	jw_array(w);
	for (size_t i = 0; i < n; i++)
		jw_hex(w, span_of(h[i].b, sizeof(h[i].b)));
	jw_array_end(w);
}

/* --- context -------------------------------------------------------------- */

static void
emit_keys(struct jw *w, const struct identity *id)
{
	jw_key(w, "ak");
	jw_object(w);
	k_span(w, "alg", id->ak_alg);
	jw_khex(w, "name", id->ak_name);
	jw_object_end(w);
}

static void
emit_ek(struct jw *w, const struct identity *id)
{
	jw_key(w, "ek");
	jw_object(w);
	k_span(w, "issuer", id->issuer);
	k_span(w, "manufacturer", id->manufacturer);
	k_span(w, "rot", id->rot);
	k_span(w, "serial", id->serial);
	k_sha(w, "sha256", &id->ek);
	jw_object_end(w);
}

static void
emit_policy(struct jw *w, const struct verdict_context *c)
{
	jw_key(w, "policy");
	if (!c->policy_name) {
		jw_null(w);
		return;
	}
	jw_object(w);
	jw_kstr(w, "approver", c->policy_approver);
	jw_kstr(w, "author", c->policy_author);
	jw_kbool(w, "four_eyes", c->policy_four_eyes);
	k_sha(w, "hash", &c->policy_hash);
	jw_kstr(w, "name", c->policy_name);
	jw_kstr(w, "signed_by",
	    c->policy_signed_by && *c->policy_signed_by ? c->policy_signed_by
							: NULL);
	jw_kbool(w, "trial", c->policy_trial);
	jw_ku64(w, "version", c->policy_version);
	jw_object_end(w);
}

static void
emit_node(struct jw *w, const struct node *n)
{
	jw_key(w, "node");
	jw_object(w);
	jw_kstr(w, "admission", admission_name(n->admission));
	k_span(w, "class", n->env_class);
	jw_key(w, "labels");
	jw_raw(w, n->labels);
	jw_kstr(w, "name", n->name);
	jw_object_end(w);
}

static void
emit_verifier(struct jw *w, const struct verdict_context *c)
{
	jw_key(w, "verifier");
	jw_object(w);
	jw_kstr(w, "build", c->build);
	jw_kstr(w, "disclosure", c->disclosure);
	jw_kstr(w, "instance", c->instance);
	jw_key(w, "switches");
	jw_raw(w, c->switches.n ? c->switches : span_str("{}"));
	jw_object_end(w);
}

static void
emit_context(
    struct jw *w, const struct verdict_context *c, const struct verdict *v)
{
	jw_object(w);
	emit_keys(w, &c->node->identity);
	k_hashes(w, "crls", c->crls, c->crls_n);
	jw_kbool(w, "drill", c->drill);
	emit_ek(w, &c->node->identity);
	if (c->ima_big_endian)
		jw_kbool(w, "ima_big_endian", true);
	limits_emit(v->rot, w);
	emit_node(w, c->node);
	emit_policy(w, c);
	k_hashes(w, "reference_sets", c->reference_sets, c->reference_sets_n);
	k_sha(w, "trust_anchors", &c->trust_anchors);
	emit_verifier(w, c);
	jw_object_end(w);
}

/* --- findings ------------------------------------------------------------- */

static void
k_number_or_null(struct jw *w, const char *key, int64_t v)
{
	jw_key(w, key);
	if (v < 0)
		jw_null(w);
	else
		jw_i64(w, v);
}

static void
emit_reason(struct jw *w, const struct reason *r)
{
	jw_object(w);
	jw_kstr(w, "class", err_class_name(r->code));
	jw_kstr(w, "code", err_name(r->code));
	if (r->effect != err_effect(r->code))
		jw_kstr(w, "effect", effect_name(r->effect));
	k_number_or_null(w, "event", r->event);
	jw_kstr(w, "layer", layer_name(r->layer));
	jw_kstr(w, "path", r->path);
	k_number_or_null(w, "pcr", r->pcr);
	verdict_emit_waiver(r, w);
	jw_object_end(w);
}

static void
emit_layers(struct jw *w, const struct verdict *v)
{
	static const enum layer sorted[] = {
	    LAYER_BOOTLOADER, LAYER_FIRMWARE, LAYER_MIDDLEWARE, LAYER_OS};

	jw_key(w, "layers");
	jw_object(w);
	for (size_t i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++)
		jw_kstr(w, layer_name(sorted[i]),
		    result_name(v->layer_result[sorted[i]]));
	jw_object_end(w);
}

static void
emit_checks(struct jw *w, const struct verdict *v)
{
	jw_key(w, "checks");
	jw_array(w);
	for (int i = 0; i < CHECK_COUNT; i++) {
		jw_object(w);
		jw_kstr(w, "id", check_name((enum check_id)i));
		jw_kstr(w, "state", check_state_name(v->checks[i]));
		jw_object_end(w);
	}
	jw_array_end(w);
}

static void
emit_findings(struct jw *w, const struct verdict *v)
{
	jw_object(w);
	emit_checks(w, v);
	emit_layers(w, v);
	jw_kbool(w, "observe", v->observe);
	jw_key(w, "quirks");
	jw_array(w);
	for (size_t i = 0; i < v->quirks_n; i++)
		jw_str(w, v->quirks[i]);
	jw_array_end(w);
	jw_key(w, "reasons");
	jw_array(w);
	for (size_t i = 0; i < v->reasons_n; i++)
		emit_reason(w, &v->reasons[i]);
	jw_array_end(w);
	jw_ku64(w, "reasons_dropped", v->reasons_dropped);
	jw_kstr(w, "result", result_name(v->result));
	jw_object_end(w);
}

static void
emit_detail(struct jw *w, const struct verdict *v)
{
	jw_object(w);
	jw_key(w, "reasons");
	jw_array(w);
	for (size_t i = 0; i < v->reasons_n; i++) {
		const struct reason *r = &v->reasons[i];
		jw_object(w);
		jw_kstr(w, "class", err_class_name(r->code));
		jw_kstr(w, "code", err_name(r->code));
		jw_kstr(w, "effect", effect_name(r->effect));
		k_number_or_null(w, "event", r->event);
		jw_kstr(w, "event_type", r->event_type);
		jw_kstr(w, "expected", r->expected);
		jw_kstr(w, "found", r->found);
		jw_kstr(w, "layer", layer_name(r->layer));
		jw_kstr(w, "message", r->message);
		jw_kstr(w, "path", r->path);
		k_number_or_null(w, "pcr", r->pcr);
		jw_kstr(w, "rule", r->rule);
		verdict_emit_waiver(r, w);
		jw_object_end(w);
	}
	jw_array_end(w);
	jw_object_end(w);
}

/* --- statement ------------------------------------------------------------ */

static void
emit_before(struct jw *w, const struct verdict_row *v)
{
	const struct attester *b = &v->before;

	jw_key(w, "before");
	jw_object(w);
	k_sha(w, "boot_log", &b->boot_log);
	k_wide(w, "clock", b->clock);
	/* Not known, and so not written, before schema 3. */
	if (b->clock_to) {
		k_i64(w, "clock_from", b->clock_from);
		k_i64(w, "clock_to", b->clock_to);
	}
	if (b->diverged)
		jw_kbool(w, "diverged", true);
	k_wide(w, "firmware", b->firmware);
	jw_ku64(w, "ima_offset", b->ima_offset);
	k_sha(w, "ima_policy", &b->ima_policy);
	k_sha(w, "ima_state", &v->ima_before);
	jw_kbool(w, "known", b->known);
	jw_ku64(w, "reset_count", b->reset_count);
	jw_ku64(w, "restart_count", b->restart_count);
	jw_object_end(w);
}

static void
emit_evidence(struct jw *w, const struct verdict_row *v)
{
	jw_key(w, "evidence");
	jw_object(w);
	k_sha(w, "attest", &v->attest);
	k_sha(w, "boot_log", &v->boot_log);
	jw_key(w, "ima");
	jw_array(w);
	if (!sha256_none(&v->ima)) {
		jw_object(w);
		jw_ku64(w, "bytes", v->ima_bytes);
		jw_ku64(w, "offset", v->ima_start);
		k_sha(w, "sha256", &v->ima);
		jw_object_end(w);
	}
	jw_array_end(w);
	k_sha(w, "pcrs", &v->pcrs);
	k_sha(w, "sha256", &v->evidence);
	k_sha(w, "signature", &v->signature);
	k_sha(w, "userspace_log", &v->userspace_log);
	jw_object_end(w);
}

static void
emit_times(struct jw *w, const struct verdict_row *v)
{
	jw_key(w, "times");
	jw_object(w);
	k_i64(w, "judged", v->now);
	k_i64(w, "received", v->received);
	k_i64(w, "valid_until", v->valid_until);
	k_i64(w, "verified", v->verified);
	jw_object_end(w);
}

void
statement_emit(const struct verdict_row *v, struct buf *out)
{
	struct jw w = jw_over(out);

	jw_object(&w);
	jw_ku64(&w, "akashi_statement", STATEMENT_VERSION);
	emit_before(&w, v);
	jw_key(&w, "challenge");
	jw_object(&w);
	jw_khex(&w, "id", span_of(v->challenge, sizeof(v->challenge)));
	k_i64(&w, "issued", v->challenge_issued);
	jw_object_end(&w);
	jw_key(&w, "context");
	jw_raw(&w, v->context);
	k_sha(&w, "detail", &v->detail_sha256);
	emit_evidence(&w, v);
	jw_key(&w, "findings");
	jw_raw(&w, v->findings);
	k_uuid(&w, "id", &v->id);
	k_uuid(&w, "node", &v->node);
	k_uuid(&w, "previous", &v->previous);
	k_uuid(&w, "tenant", &v->tenant);
	emit_times(&w, v);
	jw_object_end(&w);
}

/* --- sealing -------------------------------------------------------------- */

static rc
sha(struct hasher *h, struct span s, struct sha256 *out)
{
	if (s.n == 0) {
		*out = (struct sha256){{0}};
		return RC_OK;
	}
	return hash_of(h, ALG_SHA256, s, out->b);
}

/* Move what was written into the arena and hash it. */
static rc
keep(struct buf *b, struct hasher *h, struct arena *a, struct span *out,
    struct sha256 *sha256, struct err *e)
{
	struct span s = {NULL, 0};

	if (!b->failed)
		s = arena_copy(a, buf_span(b));
	buf_free(b);
	if (!s.p)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	*out = s;
	return sha(h, s, sha256);
}

static rc
seal_documents(struct verdict_row *v, const struct verdict_context *c,
    const struct verdict *judged, struct hasher *h, struct arena *a,
    struct err *e)
{
	struct buf context = {0}, findings = {0}, detail = {0};
	struct jw w = jw_over(&context);

	emit_context(&w, c, judged);
	TRY(keep(&context, h, a, &v->context, &v->context_sha256, e));
	w = jw_over(&findings);
	emit_findings(&w, judged);
	TRY(keep(&findings, h, a, &v->findings, &v->findings_sha256, e));
	w = jw_over(&detail);
	emit_detail(&w, judged);
	return keep(&detail, h, a, &v->detail, &v->detail_sha256, e);
}

static rc
seal_evidence(struct record *r, struct hasher *h)
{
	struct verdict_row *v = &r->row;

	TRY(sha(h, r->attest, &v->attest));
	TRY(sha(h, r->signature, &v->signature));
	TRY(sha(h, r->pcrs, &v->pcrs));
	TRY(sha(h, r->ima, &v->ima));
	TRY(sha(h, v->before.ima, &v->ima_before));
	v->ima_bytes = r->ima.n;
	/* Known by their hash where the bytes are kept already. */
	if (r->boot_log.n)
		TRY(sha(h, r->boot_log, &v->boot_log));
	if (r->userspace_log.n)
		TRY(sha(h, r->userspace_log, &v->userspace_log));
	return RC_OK;
}

static bool
id_is_of(const struct uuid *id, int64_t t)
{
	uint64_t ms = 0;

	for (size_t i = 0; i < 6; i++)
		ms = ms << 8 | id->b[i];
	return ms == (uint64_t)(t / TIME_MS);
}

rc
record_seal(struct record *r, const struct verdict_context *c,
    const struct verdict *v, struct hasher *h, struct arena *a, struct err *e)
{
	struct buf b = {0};

	if (!id_is_of(&r->row.id, r->row.verified))
		return err_text(e, ERR_INTERNAL, "",
		    "A verdict's id must carry the time of its verification.");
	r->row.result = v->result;
	r->row.code = v->reasons_n ? v->reasons[0].code : ERR_OK;
	r->after.observe = v->observe;
	TRY(seal_evidence(r, h));
	TRY(seal_documents(&r->row, c, v, h, a, e));
	statement_emit(&r->row, &b);
	rc result =
	    b.failed ? (rc){ERR_MEMORY}
	    : b.n > STATEMENT_MAX
		? err_text(e, ERR_INTERNAL, "",
		      "The statement has %zu bytes; a log entry holds %d.", b.n,
		      STATEMENT_MAX)
		: sha(h, buf_span(&b), &r->row.statement);
	buf_free(&b);
	return result;
}

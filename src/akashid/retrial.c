/* SPDX-License-Identifier: Apache-2.0 */
/* One recorded attestation, judged again by another policy. */
#include "akashid/simulate.h"

#include "attest/attest.h"
#include "base/limits.h"
#include "base/text.h"

/* What the verdict's context says that is needed again. */
struct recorded {
	struct span ak_name; /* hex */
	bool ima_big_endian;
	struct pcr_selections asked;
};

static rc
read_context(const json_t *doc, struct recorded *out, struct err *e)
{
	const json_t *ak, *verifier, *switches;
	struct span pcrs;

	*out = (struct recorded){.ima_big_endian = json_is_true(
				     json_object_get(doc, "ima_big_endian"))};
	TRY(json_get_object(doc, "", "ak", &ak, e));
	TRY(json_get_str(ak, "ak", "name", &out->ak_name, e));
	TRY(json_get_object(doc, "", "verifier", &verifier, e));
	TRY(json_get_object(verifier, "verifier", "switches", &switches, e));
	TRY(json_get_str(switches, "verifier.switches", "pcrs", &pcrs, e));
	return pcr_selections_parse(pcrs, &out->asked, e);
}

/* Its quote was made by the key that the node has now. */
static bool
same_key(struct trial *t, const struct boot_row *row, const struct recorded *r)
{
	const char *now = hex_string(&t->work, row->identity.ak_name);

	return now && span_eq(r->ak_name, span_str(now));
}

/* The log of the running system was marked as not complete: that is kept as a
 * reason alone. */
static bool
was_incomplete(const struct boot_row *row)
{
	static const char mark[] = "\"code\":\"userspace.incomplete\"";
	struct span f = row->verdict.findings;

	return f.n && memmem(f.p, f.n, mark, sizeof(mark) - 1);
}

static bool
other_class(const struct trial *t, const struct boot_row *row)
{
	const char *bound = policy_class(t->policy);

	return bound && !span_eq(span_str(bound), row->env_class);
}

static bool
has_base(const struct trial *t, const struct boot_row *row)
{
	struct span name = row->identity.ak_qualified;

	return t->base && uuid_eq(&t->base_node, &row->verdict.node) &&
	       span_eq(name,
		   span_of(t->base->ak_qualified.b, t->base->ak_qualified.n));
}

/* Boots of a node follow each other: its key is loaded once. */
static rc
load_base(struct trial *t, const struct boot_row *row, struct err *e)
{
	if (has_base(t, row))
		return RC_OK;
	node_base_drop(t->base);
	t->base = NULL;
	t->base_node = row->verdict.node;
	return node_base_make(&row->identity, &t->base, e);
}

static rc
judge(struct trial *t, const struct boot_row *row,
    const struct boot_evidence *ev, const struct recorded *r, struct err *e)
{
	const struct verdict_row *v = &row->verdict;
	struct tpm_clock clock = attester_clock(&v->before);
	struct tpm_quote quote = {0};
	struct err why;
	const struct evidence evidence = {.attest = ev->quote.attest,
	    .signature = ev->quote.signature,
	    .pcrs = ev->quote.pcrs,
	    .eventlog = ev->boot_log,
	    .ima = ev->ima,
	    .ima_big_endian = r->ima_big_endian,
	    .userspace = ev->userspace_log,
	    .userspace_incomplete = was_incomplete(row)};
	struct attest_context ctx = {.nonce_given = true,
	    .asked = &r->asked,
	    .ak = t->base->ak,
	    .ak_qualified = &t->base->ak_qualified,
	    .ek = &t->base->ek,
	    .revocation = t->snap->anchors,
	    .refuse_virtual = !t->snap->allow_virtual,
	    .clock = &clock,
	    .boot_log =
		sha256_none(&v->before.boot_log) ? NULL : v->before.boot_log.b,
	    .log_sha256 = ev->boot_log.p ? v->boot_log.b : NULL,
	    .issued = v->challenge_issued,
	    .policy = t->policy,
	    .env_class = arena_printf(&t->work, "%.*s", (int)row->env_class.n,
		row->env_class.n ? (const char *)row->env_class.p : ""),
	    .region = t->snap->region,
	    .now = v->now};

	if (!ctx.env_class)
		return err_at(e, ERR_MEMORY, NULL, "node");
	/* What is no quote is found to be none by the walk. */
	if (rc_ok(tpm_decode_quote(ev->quote.attest, &t->work, &quote, &why)))
		ctx.nonce = quote.extra;
	return attest_evidence(
	    &evidence, &ctx, t->hasher, &t->work, &t->verdict, t->facts, e);
}

static rc
retry(struct trial *t, const struct boot_row *row,
    const struct boot_evidence *ev, enum not_judged *why, struct err *e)
{
	struct recorded r;
	JSON_AUTO doc = NULL;

	TRY(json_decode(row->verdict.context, LIMIT_JSON, &doc, e));
	TRY(read_context(doc, &r, e));
	if (!same_key(t, row, &r)) {
		*why = KEY_REPLACED;
		return RC_OK;
	}
	*why = JUDGED;
	TRY(load_base(t, row, e));
	return judge(t, row, ev, &r, e);
}

rc
retry_attestation(struct trial *t, const struct boot_row *row,
    const struct boot_evidence *ev, enum not_judged *why, struct err *e)
{
	arena_reset(&t->work);
	*why = other_class(t, row)			  ? OTHER_CLASS
	       : !ev->kept || row->verdict.context.n == 0 ? NOT_KEPT
							  : JUDGED;
	if (*why != JUDGED)
		return RC_OK;
	rc r = retry(t, row, ev, why, e);
	if (rc_ok(r) || err_class(r.code) == CLS_OURS)
		return r;
	/* A context that an older build wrote otherwise ends no simulation. */
	*why = NOT_KEPT;
	return RC_OK;
}

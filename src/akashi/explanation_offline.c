/* SPDX-License-Identifier: Apache-2.0 */
/* The explanation of evidence in files, without a server. */
#include "akashi/evidence_dir.h"
#include "akashi/explanation_text.h"

/* The last good boot, walked without a policy: who signed it and whether its
 * log replays; what was good about it is the caller's word. */
static rc
walk(struct cli *c, const char *dir, struct evidence_files *files,
    struct attest_facts *facts, struct err *e)
{
	struct verdict *v = arena_alloc(&c->arena, sizeof(*v));
	struct attest_context ctx = {0};

	if (!v)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	TRY(evidence_dir_load(c, dir, files, e));
	ctx.nonce = files->nonce;
	ctx.nonce_given = files->nonce.p != NULL;
	TRY(attest_evidence(
	    &files->ev, &ctx, c->hasher, &c->arena, v, facts, e));
	if (!facts->quote_ok || !facts->log_ok)
		return err_text(e, ERR_USAGE, dir,
		    "This is no good boot: its quote does not verify, or its "
		    "log does not lead to it.");
	return RC_OK;
}

static rc
compare_with(struct cli *c, const struct offline_explanation *o,
    struct explained *x, struct err *e)
{
	struct evidence_files *files = arena_alloc(&c->arena, sizeof(*files));
	struct attest_facts *good = arena_alloc(&c->arena, sizeof(*good));
	const char **then = arena_array(&c->arena, x->reasons_n, sizeof(*then));

	if (!files || !good || !then)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	TRY(walk(c, o->last_good, files, good, e));
	x->good_given = true;
	x->then = (struct explained_boot){&good->log, &good->boot};
	x->ima_then = then;
	x->ima_known = good->ima_ok;
	if (good->ima_ok)
		explained_files(x->reasons, x->reasons_n,
		    span_of(files->ev.ima.p, (size_t)good->ima.bytes),
		    o->big_endian, &c->arena, then);
	return RC_OK;
}

rc
explanation_offline(struct cli *c, const struct offline_explanation *o,
    struct buf *out, struct err *e)
{
	struct explained x = *o->about;
	struct jw w = jw_over(out);

	if (o->facts->log_ok)
		x.now =
		    (struct explained_boot){&o->facts->log, &o->facts->boot};
	if (o->last_good)
		TRY(compare_with(c, o, &x, e));
	jw_object(&w);
	TRY(explanation_emit(&x, EXPLAIN_ALL, c->lang, &c->arena, &w, e));
	jw_object_end(&w);
	return out->failed ? err_at(e, ERR_MEMORY, NULL, "%s", "") : RC_OK;
}

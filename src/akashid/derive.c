/* SPDX-License-Identifier: Apache-2.0 */
/* A derived policy becomes an ordinary one when it is put: its bases are
 * versions of this server that somebody has approved, pinned by their hash. */
#include "akashid/server.h"

#include "appraise/compose.h"
#include "base/limits.h"

#include <stdlib.h>

struct derivation {
	struct compose_base base[COMPOSE_BASES];
	json_t *doc[COMPOSE_BASES];
	size_t n;
};

static rc
fetch(
    struct http_request *q, struct compose_base *b, json_t **doc, struct err *e)
{
	struct server *s = server_of(q);
	struct policy_row row;

	rc r = b->version
		   ? s->store->ops->policy_get(s->store, &q->caller.tenant,
			 b->name, b->version, q->arena, &row, e)
		   : (rc){ERR_POLICY_UNKNOWN};
	if (r.code == ERR_POLICY_UNKNOWN ||
	    (rc_ok(r) && (memcmp(row.hash.b, b->hash, 32) != 0 ||
			     !*row.approver || row.retired)))
		return err_text(e, ERR_POLICY_BASE, "base", "%.*s, version %u.",
		    (int)b->name.n, (const char *)b->name.p, b->version);
	TRY(r);
	TRY(json_decode(row.document, LIMIT_POLICY, doc, e));
	b->doc = *doc;
	return RC_OK;
}

static rc
text_of(
    struct http_request *q, const json_t *doc, struct span *out, struct err *e)
{
	char *text = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);

	*out = text ? arena_copy(q->arena, span_str(text))
		    : (struct span){NULL, 0};
	free(text);
	return out->p ? RC_OK : err_at(e, ERR_MEMORY, NULL, "%s", "base");
}

static rc
derive(struct http_request *q, const json_t *doc, struct derivation *d,
    struct policy_new *out, struct err *e)
{
	JSON_AUTO composed = NULL;
	JSON_AUTO origins = NULL;

	TRY(compose_read(doc, d->base, &d->n, e));
	for (size_t i = 0; i < d->n; i++)
		TRY(fetch(q, &d->base[i], &d->doc[i], e));
	TRY(compose(doc, d->base, d->n, &composed, &origins, e));
	out->source = out->document;
	TRY(text_of(q, composed, &out->document, e));
	return text_of(q, origins, &out->origins, e);
}

rc
policy_derive(struct http_request *q, struct policy_new *new, struct err *e)
{
	struct derivation d = {.n = 0};
	JSON_AUTO doc = NULL;

	TRY(json_decode(new->document, LIMIT_POLICY, &doc, e));
	if (!compose_is_derived(doc))
		return RC_OK;
	rc r = derive(q, doc, &d, new, e);
	for (size_t i = 0; i < COMPOSE_BASES; i++)
		json_free(d.doc[i]);
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "akashi/derived.h"

#include "appraise/policy.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool
bases_add(struct bases *b, const char *file)
{
	if (b->n == COMPOSE_BASES)
		return false;
	b->file[b->n++] = file;
	return true;
}

/* Give the file to the base that has its hash. */
static rc
take_base(struct cli *c, const char *file, struct compose_base *bases,
    json_t **docs, size_t n, struct err *e)
{
	struct span json;
	struct policy *p;
	uint8_t hash[32];

	TRY(cli_read(c, file, LIMIT_POLICY, &json, e));
	TRY(policy_decode(json, &p, e));
	policy_hash(p, hash);
	policy_unref(p);
	for (size_t i = 0; i < n; i++) {
		if (bases[i].doc || memcmp(bases[i].hash, hash, 32) != 0)
			continue;
		TRY(json_decode(json, LIMIT_POLICY, &docs[i], e));
		bases[i].doc = docs[i];
		return RC_OK;
	}
	return err_text(e, ERR_POLICY_BASE, file,
	    "The document has no base with this hash.");
}

/* NAME.json in the folder of the derived document; NULL if it is not there. */
static const char *
beside(struct cli *c, const char *path, struct span name)
{
	const char *slash = strrchr(path, '/');
	int n = slash ? (int)(slash - path) + 1 : 0;
	const char *near = arena_printf(&c->arena, "%.*s%.*s.json", n, path,
	    (int)name.n, (const char *)name.p);

	return near && access(near, R_OK) == 0 ? near : NULL;
}

static rc
compose_files(struct cli *c, const char *path, const json_t *doc,
    const struct bases *b, struct span *out, struct err *e)
{
	struct compose_base bases[COMPOSE_BASES];
	json_t *docs[COMPOSE_BASES] = {NULL};
	JSON_AUTO composed = NULL;
	JSON_AUTO origins = NULL;
	size_t n = 0;

	rc r = compose_read(doc, bases, &n, e);
	for (size_t i = 0; rc_ok(r) && b && i < b->n; i++)
		r = take_base(c, b->file[i], bases, docs, n, e);
	for (size_t i = 0; rc_ok(r) && i < n; i++) {
		const char *near = beside(c, path, bases[i].name);
		if (!bases[i].doc && near)
			r = take_base(c, near, bases, docs, n, e);
		if (rc_ok(r) && !bases[i].doc)
			r = err_at(e, ERR_POLICY_BASE, NULL, "base[%zu]", i);
	}
	if (rc_ok(r))
		r = compose(doc, bases, n, &composed, &origins, e);
	for (size_t i = 0; i < COMPOSE_BASES; i++)
		json_free(docs[i]);
	TRY(r);
	char *text = json_dumps(composed, JSON_COMPACT);
	*out = text ? arena_copy(&c->arena, span_str(text))
		    : (struct span){NULL, 0};
	free(text);
	return out->p ? RC_OK : err_at(e, ERR_MEMORY, NULL, "%s", "base");
}

rc
derived_read(struct cli *c, const char *path, const struct bases *b,
    struct span *out, struct err *e)
{
	JSON_AUTO doc = NULL;

	TRY(cli_read(c, path, LIMIT_POLICY, out, e));
	if (!rc_ok(json_decode(*out, LIMIT_POLICY, &doc, NULL)))
		return RC_OK;
	return (b && b->n) || compose_is_derived(doc)
		   ? compose_files(c, path, doc, b, out, e)
		   : RC_OK;
}

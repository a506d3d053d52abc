/* SPDX-License-Identifier: Apache-2.0 */
/* "allow" and "deny" of a policy's "ima" member: pairs and digests in the
 * document, and reference sets that it names. */
#include "appraise/rules.h"

#include "base/text.h"

enum {
	GROUPS_MAX = 1024,
	FILES_MAX = 1000 * 1000,
};

/* --- "files" -------------------------------------------------------------- */

struct file_line {
	const struct hash_alg *alg;
	uint8_t digest[HASH_MAX];
	struct span path; /* unescaped into the caller's buffer */
};

static bool
decode_prefix(struct span s, struct file_line *out, size_t *used)
{
	const uint8_t *at = s.n ? memchr(s.p, ':', s.n) : NULL;
	size_t colon = at ? (size_t)(at - s.p) : s.n;

	out->alg = hash_by_name(span_of(s.p, colon));
	if (!out->alg || s.n - colon < 2 * out->alg->size + 1)
		return false;
	size_t end = colon + 1 + 2 * out->alg->size;
	for (size_t i = colon + 1; i < end; i++)
		if (s.p[i] >= 'A' && s.p[i] <= 'F')
			return false;
	*used = end;
	return rc_ok(hex_decode(span_of(s.p + colon + 1, end - colon - 1),
	    out->digest, out->alg->size));
}

/* \xNN back to its byte; no other escape exists. */
static bool
unescape(struct span in, uint8_t *out, size_t *n)
{
	size_t to = 0;

	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '\\') {
			out[to++] = in.p[i];
			continue;
		}
		if (in.n - i < 4 || in.p[i + 1] != 'x' ||
		    !rc_ok(hex_decode(span_of(in.p + i + 2, 2), &out[to++], 1)))
			return false;
		i += 3;
	}
	*n = to;
	return to > 0;
}

static bool
decode_file(struct span s, uint8_t *room, struct file_line *out)
{
	size_t used = 0;

	if (s.n > LIMIT_IMA_PATH + 200 || !decode_prefix(s, out, &used) ||
	    used >= s.n || s.p[used] != ' ')
		return false;
	out->path.p = room;
	return unescape(
	    span_of(s.p + used + 1, s.n - used - 1), room, &out->path.n);
}

void
ima_rules_file(struct buf *out, const struct hash_alg *alg,
    const uint8_t *digest, struct span path)
{
	char hex[2 * HASH_MAX + 1];
	struct arena a;

	hex_emit(span_of(digest, alg->size), hex);
	arena_init(&a, 64 * 1024);
	buf_printf(
	    out, "%s:%s %s", alg->name, hex, verdict_printable(&a, path));
	arena_free(&a);
}

bool
ima_rules_digest(struct span text, struct digest *out)
{
	struct file_line f;
	size_t used = 0;

	if (!decode_prefix(text, &f, &used) || used != text.n)
		return false;
	*out = (struct digest){.alg = f.alg->id};
	memcpy(out->bytes, f.digest, f.alg->size);
	return true;
}

/* --- sets of the document ------------------------------------------------- */

static const char too_many[] =
    "At most 64 sets: those named, and one per algorithm for what has a glob "
    "of its own.";

/* The set for pairs of an algorithm below a glob (NULL: anywhere), made where
 * there is none yet. */
static rc
set_for(struct ima_sets *sets, const struct hash_alg *alg, const char *glob,
    struct refset **out, struct err *e)
{
	for (size_t i = 0; i < sets->n; i++)
		if (!sets->set[i].named && sets->set[i].glob == glob &&
		    refset_alg(sets->set[i].set) == alg) {
			*out = sets->set[i].set;
			return RC_OK;
		}
	if (sets->n == SETS_MAX)
		return err_at(e, ERR_JSON_LIMIT, too_many, "%s", "");
	struct refset *s = refset_new(alg);
	if (!s)
		return err_at(e, ERR_MEMORY, NULL, "%s", "");
	sets->set[sets->n++] = (struct ima_set){.set = s, .glob = glob};
	*out = s;
	return RC_OK;
}

static bool
weak(const struct hash_alg *alg)
{
	return alg->id == ALG_SHA1;
}

/* Where the line stands in the canonical bytes, searched from the last one. */
static uint32_t
text_at(const struct policy *p, struct span line, size_t *from)
{
	struct span all = buf_span(&p->canonical);
	size_t head = line.n < 40 ? line.n : 40;
	const uint8_t *at = memmem(all.p + *from, all.n - *from, line.p, head);

	if (!at)
		return UINT32_MAX;
	*from = (size_t)(at - all.p) + head;
	return *from < UINT32_MAX ? (uint32_t)(*from - head) : UINT32_MAX;
}

/* One group of "allow" or "deny" on its way in. */
struct group {
	struct policy *p;
	struct ima_sets *sets;
	const json_t *json;
	const char *glob;
	size_t *text; /* where the search for texts goes on */
	char path[POLICY_PATH];
};

static rc
add_file(const struct group *g, struct span line, struct err *e)
{
	uint8_t room[LIMIT_IMA_PATH + 200];
	struct refset *set = NULL;
	struct file_line f;

	if (!decode_file(line, room, &f))
		return err_at(e, ERR_POLICY_FORMAT,
		    "A file is \"sha256:<lower-case hex> <path>\", with \\xNN "
		    "for bytes that are not text.",
		    "%s", "");
	if (weak(f.alg) && g->p->ima.weak == EFF_FAIL)
		return err_at(e, ERR_POLICY_FORMAT,
		    "SHA-1 file digests fail under this policy (weak_digests), "
		    "so this one could never be met.",
		    "%s", "");
	TRY(set_for(g->sets, f.alg, g->glob, &set, e));
	rc r = refset_add(set, f.digest, f.path, text_at(g->p, line, g->text));
	return rc_ok(r) ? r : err_at(e, r.code, NULL, "%s", "");
}

static rc
add_digest(const struct group *g, struct span text, struct err *e)
{
	struct refset *set = NULL;
	struct digest d;

	if (!ima_rules_digest(text, &d))
		return err_at(e, ERR_POLICY_FORMAT,
		    "A digest is \"sha256:<lower-case hex>\".", "%s", "");
	TRY(set_for(g->sets, hash_by_id(d.alg), g->glob, &set, e));
	rc r = refset_add(set, d.bytes, span_of("", 0), UINT32_MAX);
	return rc_ok(r) ? r : err_at(e, r.code, NULL, "%s", "");
}

/* Each string of a list; a place in it is named only where something is wrong.
 */
static rc
add_each(const struct group *g, const char *key,
    rc (*add)(const struct group *g, struct span s, struct err *e),
    struct err *e)
{
	const json_t *list = NULL;

	TRY(json_get_array(g->json, g->path, key, &list, e));
	if (json_array_size(list) > FILES_MAX)
		return err_at(e, ERR_JSON_LIMIT, NULL, "%s.%s", g->path, key);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		rc r = json_is_string(v)
			   ? add(g,
				 span_of(json_string_value(v),
				     json_string_length(v)),
				 e)
			   : err_at(e, ERR_JSON_TYPE, NULL, "%s", "");
		if (!rc_ok(r)) {
			char at[POLICY_PATH];
			policy_path(at, "%s.%s[%zu]", g->path, key, i);
			return err_prefix(e, r, at);
		}
	}
	return RC_OK;
}

/* --- sets by name --------------------------------------------------------- */

static rc
add_named(const struct group *g, struct err *e)
{
	struct ima_set *set = &g->sets->set[g->sets->n];
	struct digest d;
	struct span text;

	if (g->sets->n == SETS_MAX)
		return err_at(e, ERR_JSON_LIMIT, too_many, "%s", g->path);
	TRY(json_get_str(g->json, g->path, "refset", &text, e));
	if (!ima_rules_digest(text, &d) || d.alg != ALG_SHA256)
		return err_at(e, ERR_POLICY_FORMAT,
		    "A reference set is named by the hash of its file: "
		    "\"sha256:<lower-case hex>\".",
		    "%s.refset", g->path);
	*set = (struct ima_set){.named = true, .glob = g->glob};
	memcpy(set->hash, d.bytes, sizeof(set->hash));
	TRY(policy_string(g->p, g->json, g->path, "name", &set->name, e));
	g->sets->n++;
	return RC_OK;
}

/* --- groups --------------------------------------------------------------- */

static rc
group_glob(struct group *g, struct err *e)
{
	struct span glob;

	g->glob = NULL;
	if (!json_has(g->json, "glob"))
		return RC_OK;
	TRY(json_get_str(g->json, g->path, "glob", &glob, e));
	g->glob = ima_rules_glob(g->p, glob);
	return g->glob ? RC_OK : err_at(e, ERR_MEMORY, NULL, "%s", g->path);
}

static rc
allow_group(struct group *g, struct err *e)
{
	static const char *const known[] = {
	    "source", "glob", "files", "refset", "name", NULL};
	bool named = json_has(g->json, "refset");

	TRY(json_only(g->json, g->path, known, e));
	if (named ? json_has(g->json, "files") : json_has(g->json, "name"))
		return err_at(e, ERR_POLICY_FORMAT,
		    "A group has either \"files\", or \"refset\" with its "
		    "\"name\".",
		    "%s", g->path);
	return named ? add_named(g, e) : add_each(g, "files", add_file, e);
}

/* A glob alone denies what it takes, whatever its digest. */
static rc
deny_glob(const struct group *g, struct err *e)
{
	struct ima_rules *r = &g->p->ima;

	if (!g->glob || !*g->glob)
		return err_at(e, ERR_POLICY_FORMAT,
		    "A group has \"digests\", \"refset\" or a \"glob\".", "%s",
		    g->path);
	r->deny_globs[r->deny_globs_n++] = g->glob;
	return RC_OK;
}

static rc
deny_group(struct group *g, struct err *e)
{
	static const char *const known[] = {
	    "source", "glob", "digests", "refset", "name", NULL};
	bool named = json_has(g->json, "refset");
	bool digests = json_has(g->json, "digests");

	TRY(json_only(g->json, g->path, known, e));
	if ((named && digests) || (!named && json_has(g->json, "name")))
		return err_at(e, ERR_POLICY_FORMAT,
		    "A group has either \"digests\", or \"refset\" with its "
		    "\"name\".",
		    "%s", g->path);
	if (named)
		return add_named(g, e);
	return digests ? add_each(g, "digests", add_digest, e)
		       : deny_glob(g, e);
}

static rc
decode_groups(struct policy *p, const json_t *ima, const char *key,
    struct ima_sets *sets, rc (*decode)(struct group *g, struct err *e),
    struct err *e)
{
	struct group g = {.p = p, .sets = sets};
	const json_t *list = NULL;
	const char *source = NULL;
	size_t text = 0;

	g.text = &text;
	TRY(json_get_array(ima, "ima", key, &list, e));
	if (json_array_size(list) > GROUPS_MAX)
		return err_at(e, ERR_JSON_LIMIT, NULL, "ima.%s", key);
	for (size_t i = 0; i < json_array_size(list); i++) {
		g.json = json_array_get(list, i);
		policy_path(g.path, "ima.%s[%zu]", key, i);
		TRY(policy_string(p, g.json, g.path, "source", &source, e));
		TRY(group_glob(&g, e));
		TRY(decode(&g, e));
	}
	for (size_t i = 0; i < sets->n; i++) {
		rc r =
		    sets->set[i].named ? RC_OK : refset_seal(sets->set[i].set);
		if (!rc_ok(r))
			return err_at(e, r.code, NULL, "ima.%s", key);
	}
	return RC_OK;
}

rc
ima_sets_decode(struct policy *p, const json_t *ima, struct err *e)
{
	struct ima_rules *r = &p->ima;

	if (json_has(ima, "allow"))
		TRY(decode_groups(p, ima, "allow", &r->allow, allow_group, e));
	if (!json_has(ima, "deny"))
		return RC_OK;
	r->deny_globs =
	    arena_array(&p->arena, GROUPS_MAX, sizeof(*r->deny_globs));
	if (!r->deny_globs)
		return err_at(e, ERR_MEMORY, NULL, "ima.deny");
	return decode_groups(p, ima, "deny", &r->deny, deny_group, e);
}

void
ima_sets_free(struct ima_sets *sets)
{
	for (size_t i = 0; i < sets->n; i++)
		refset_unref(sets->set[i].set);
	sets->n = 0;
}

/* --- what the document names ---------------------------------------------- */

static void
bind(struct ima_sets *sets, struct refset_cache *c)
{
	for (size_t i = 0; i < sets->n; i++)
		if (sets->set[i].named && !sets->set[i].set)
			sets->set[i].set =
			    refset_cache_get(c, sets->set[i].hash);
}

void
policy_bind(struct policy *p, struct refset_cache *c)
{
	bind(&p->ima.allow, c);
	bind(&p->ima.deny, c);
}

bool
policy_refset(const struct policy *p, size_t n, struct refset_use *out)
{
	const struct ima_sets *both[] = {&p->ima.allow, &p->ima.deny};

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < both[k]->n; i++) {
			const struct ima_set *s = &both[k]->set[i];
			if (!s->named || n-- > 0)
				continue;
			*out = (struct refset_use){
			    s->hash, s->name, s->set != NULL};
			return true;
		}
	return false;
}

struct span
ima_rules_text(const struct policy *p, const struct refset *set, size_t entry)
{
	struct span all = buf_span(&p->canonical);
	size_t at = refset_text(set, entry);
	size_t skip =
	    strlen(refset_alg(set)->name) + 2 * refset_alg(set)->size + 2;

	if (at >= all.n || skip >= all.n - at)
		return span_of("", 0);
	size_t end = at + skip;
	while (end < all.n && all.p[end] != '"')
		end += all.p[end] == '\\' ? 2 : 1;
	return end < all.n ? span_of(all.p + at + skip, end - at - skip)
			   : span_of("", 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "appraise/compose.h"

#include "base/text.h"

/* The derived document's own, whatever bases say. */
static const char *const labels[] = {"akashi_policy", "name", "version",
    "description", "source", "base", "replaces", NULL};

/* What only makes a policy looser, or for other nodes, is said aloud. */
static const char *const loosening[] = {
    "mode", "log", "severity", "waivers", NULL};

struct composer {
	const json_t *derived;
	const struct compose_base *bases;
	size_t n;
	json_t *out, *origins;
	const char *replaces[COMPOSE_REPLACES];
	bool used[COMPOSE_REPLACES];
	size_t replaces_n;
};

static bool
among(const char *const *list, const char *key)
{
	for (; *list; list++)
		if (strcmp(*list, key) == 0)
			return true;
	return false;
}

bool
compose_is_derived(const json_t *doc)
{
	return json_has(doc, "base") || json_has(doc, "replaces");
}

rc
compose_read(const json_t *doc, struct compose_base out[COMPOSE_BASES],
    size_t *n, struct err *e)
{
	static const char *const known[] = {"name", "version", "hash", NULL};
	const json_t *list;
	struct span hex;
	uint64_t version = 0;

	TRY(json_get_array(doc, "", "base", &list, e));
	*n = json_array_size(list);
	if (*n == 0 || *n > COMPOSE_BASES)
		return err_text(e, ERR_POLICY_FORMAT, "base",
		    "A derived policy has 1 to %d bases.", COMPOSE_BASES);
	for (size_t i = 0; i < *n; i++) {
		const json_t *item = json_array_get(list, i);
		rc r = json_only(item, "", known, e);
		if (rc_ok(r))
			r = json_get_str(item, "", "name", &out[i].name, e);
		if (rc_ok(r) && !name_valid(out[i].name))
			r = err_at(e, ERR_NAME_FORMAT, NULL, "%s", "name");
		if (rc_ok(r))
			r = json_get_u64(
			    item, "", "version", INT32_MAX, &version, e);
		if (rc_ok(r))
			r = json_get_str(item, "", "hash", &hex, e);
		if (rc_ok(r) && !rc_ok(hex_decode(hex, out[i].hash, 32)))
			r = err_at(e, ERR_ENCODING, NULL, "%s", "hash");
		if (!rc_ok(r))
			return err_prefix(e, r, "base.");
		out[i].version = (uint32_t)version;
		out[i].doc = NULL;
	}
	return RC_OK;
}

/* --- parts ---------------------------------------------------------------- */

/* The value of a part; key NULL: the whole member. */
static const json_t *
part_of(const json_t *doc, const char *member, const char *key)
{
	const json_t *v = json_object_get(doc, member);

	return key ? json_object_get(v, key) : v;
}

static bool
is_replaced(struct composer *c, const char *path)
{
	for (size_t i = 0; i < c->replaces_n; i++)
		if (strcmp(c->replaces[i], path) == 0) {
			c->used[i] = true;
			return true;
		}
	return false;
}

static bool
set_new(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) == 0;
}

static bool
put_origin(struct composer *c, const char *path,
    const struct compose_base *from, bool own)
{
	char hash[65] = "";
	json_t *o = json_object();
	bool ok = o && set_new(o, "from", json_string(own ? "own" : "base"));

	if (ok && from) {
		hex_emit(span_of(from->hash, sizeof(from->hash)), hash);
		ok = set_new(o, "name",
			 json_stringn(
			     (const char *)from->name.p, from->name.n)) &&
		     set_new(o, "version", json_integer(from->version)) &&
		     set_new(o, "hash", json_string(hash)) &&
		     set_new(o, "replaced", json_boolean(own));
	}
	if (ok)
		return set_new(c->origins, path, o);
	json_decref(o);
	return false;
}

static bool
put_value(struct composer *c, const char *member, const char *key,
    const json_t *value)
{
	json_t *copy = json_deep_copy(value);

	if (!key)
		return set_new(c->out, member, copy);
	json_t *to = json_object_get(c->out, member);
	if (!to) {
		to = json_object();
		if (!set_new(c->out, member, to)) {
			json_decref(copy);
			return false;
		}
	}
	return set_new(to, key, copy);
}

/* The first base that has the part; *differ: another says otherwise. */
static const struct compose_base *
find_base(
    const struct composer *c, const char *member, const char *key, bool *differ)
{
	const struct compose_base *found = NULL;

	*differ = false;
	for (size_t i = 0; i < c->n; i++) {
		const json_t *v = part_of(c->bases[i].doc, member, key);
		if (!v)
			continue;
		if (!found)
			found = &c->bases[i];
		else if (!json_equal(v, part_of(found->doc, member, key)))
			*differ = true;
	}
	return found;
}

static rc
compose_part(
    struct composer *c, const char *member, const char *key, struct err *e)
{
	const json_t *own = part_of(c->derived, member, key);
	bool differ = false;
	const struct compose_base *base = find_base(c, member, key, &differ);
	const json_t *theirs = base ? part_of(base->doc, member, key) : NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s%s%s", member, key ? "." : "",
	    key ? key : "");
	if (json_has(c->origins, path))
		return RC_OK; /* seen in another document */
	bool same = own && theirs && !differ && json_equal(own, theirs);
	bool must = own && !same && (base || among(loosening, member));
	if (must && !is_replaced(c, path))
		return err_text(e, ERR_POLICY_REPLACES, path,
		    "\"replaces\" has to name \"%s\".", path);
	if (!own && differ)
		return err_text(e, ERR_POLICY_REPLACES, path,
		    "Two bases differ; replace \"%s\".", path);
	bool mine = own && !same;
	return put_value(c, member, key, mine ? own : theirs) &&
		       put_origin(c, path, base, mine)
		   ? RC_OK
		   : err_at(e, ERR_MEMORY, NULL, "%s", path);
}

/* Is the member an object everywhere, or nowhere? */
static rc
kind_of(
    const struct composer *c, const char *member, bool *object, struct err *e)
{
	const json_t *first = json_object_get(c->derived, member);

	for (size_t i = 0; i < c->n; i++) {
		const json_t *v = json_object_get(c->bases[i].doc, member);
		if (v && first && json_is_object(v) != json_is_object(first))
			return err_text(e, ERR_POLICY_FORMAT, member,
			    "It is an object in one document and none in "
			    "another.");
		if (v)
			first = v;
	}
	*object = json_is_object(first);
	return RC_OK;
}

static rc
compose_member(
    struct composer *c, const char *member, const json_t *value, struct err *e)
{
	bool object = false;
	const char *key;
	json_t *ignored;

	TRY(kind_of(c, member, &object, e));
	if (!object)
		return compose_part(c, member, NULL, e);
	json_object_foreach((json_t *)(uintptr_t)value, key, ignored)
	    TRY(compose_part(c, member, key, e));
	return RC_OK;
}

static rc
compose_all(struct composer *c, const json_t *doc, bool own, struct err *e)
{
	const char *member;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)doc, member, value)
	{
		bool label = among(labels, member);
		bool tool = strcmp(member, "base") == 0 ||
			    strcmp(member, "replaces") == 0;
		if (!label)
			TRY(compose_member(c, member, value, e));
		else if (own && !tool && !put_value(c, member, NULL, value))
			return err_at(e, ERR_MEMORY, NULL, "%s", member);
	}
	return RC_OK;
}

static rc
read_replaces(struct composer *c, struct err *e)
{
	const json_t *list;

	if (!json_has(c->derived, "replaces"))
		return RC_OK;
	TRY(json_get_array(c->derived, "", "replaces", &list, e));
	c->replaces_n = json_array_size(list);
	if (c->replaces_n > COMPOSE_REPLACES)
		return err_at(e, ERR_JSON_LIMIT, NULL, "replaces");
	for (size_t i = 0; i < c->replaces_n; i++) {
		const char *s = json_string_value(json_array_get(list, i));
		if (!s)
			return err_at(
			    e, ERR_JSON_TYPE, NULL, "replaces[%zu]", i);
		c->replaces[i] = s;
	}
	return RC_OK;
}

static rc
run(struct composer *c, struct err *e)
{
	if (!c->out || !c->origins)
		return err_at(e, ERR_MEMORY, NULL, "%s", "base");
	TRY(read_replaces(c, e));
	TRY(compose_all(c, c->derived, true, e));
	for (size_t i = 0; i < c->n; i++)
		TRY(compose_all(c, c->bases[i].doc, false, e));
	for (size_t i = 0; i < c->replaces_n; i++)
		if (!c->used[i])
			return err_text(e, ERR_POLICY_REPLACES, "replaces",
			    "\"%s\" replaces nothing.", c->replaces[i]);
	return RC_OK;
}

rc
compose(const json_t *doc, const struct compose_base *bases, size_t n,
    json_t **out, json_t **origins, struct err *e)
{
	struct composer c = {.derived = doc,
	    .bases = bases,
	    .n = n,
	    .out = json_object(),
	    .origins = json_object()};
	rc r = run(&c, e);

	if (!rc_ok(r)) {
		json_decref(c.out);
		json_decref(c.origins);
		return r;
	}
	*out = c.out;
	*origins = c.origins;
	return RC_OK;
}

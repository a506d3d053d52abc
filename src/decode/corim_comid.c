/* SPDX-License-Identifier: Apache-2.0 */
/* CoMID: the reference values in it. */
#include "decode/corim_parts.h"

/* --- digests -------------------------------------------------------------- */

/* Named-information registry (RFC 6920) and COSE (RFC 9054). */
static const struct {
	int64_t number;
	int64_t cose;
	const char *name;
	uint16_t alg;
} algs[] = {
    {1, -16, "sha-256", ALG_SHA256},
    {7, -43, "sha-384", ALG_SHA384},
    {8, -44, "sha-512", ALG_SHA512},
    {10, 10, "sha3-256", ALG_SHA3_256},
    {11, 11, "sha3-384", ALG_SHA3_384},
    {12, 12, "sha3-512", ALG_SHA3_512},
};

static const struct hash_alg *
alg_of(const struct cbor_value *v)
{
	int64_t n = 0;
	bool number = cbor_integer(v, &n);

	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (number ? n == algs[i].number || n == algs[i].cose
			   : span_eq(v->bytes, span_str(algs[i].name)))
			return hash_by_id(algs[i].alg);
	return NULL;
}

static rc
digest(const struct cbor_value *v, const char *path, struct corim_digest *out,
    struct err *e)
{
	if (!cbor_is(v, CBOR_ARRAY) || v->n != 2 ||
	    v->items[1].kind != CBOR_BYTES ||
	    (v->items[0].kind != CBOR_UINT &&
		v->items[0].kind != CBOR_NEGATIVE &&
		v->items[0].kind != CBOR_TEXT))
		return corim_wrong(e, path, "A digest is [algorithm, bytes].");
	out->alg = alg_of(&v->items[0]);
	out->bytes = v->items[1].bytes;
	if (out->alg && out->bytes.n != out->alg->size)
		return corim_wrong(
		    e, path, "A digest is as long as its algorithm makes it.");
	return RC_OK;
}

static rc
digests(struct corim_reader *r, const char *path, const struct cbor_value *v,
    const struct corim_digest **out, struct err *e)
{
	if (!cbor_is(v, CBOR_ARRAY) || v->n == 0)
		return corim_wrong(e, path, "One digest or more is expected.");
	struct corim_digest *list = arena_array(r->a, v->n, sizeof(*list));
	if (!list)
		return corim_memory(e);
	for (size_t i = 0; i < v->n; i++)
		TRY(digest(&v->items[i], path, &list[i], e));
	*out = list;
	return RC_OK;
}

/* Digests of one thing: an algorithm that comes twice would contradict itself.
 */
static rc
each_once(const struct corim_measurement *m, struct err *e)
{
	for (size_t k = 0; k < sizeof(algs) / sizeof(algs[0]); k++) {
		size_t seen = 0;
		for (size_t i = 0; i < m->digests_n; i++)
			seen += m->digests[i].alg &&
				m->digests[i].alg->id == algs[k].alg;
		if (seen > 1)
			return corim_wrong(e, m->path,
			    "Digests of one thing have different algorithms.");
	}
	return RC_OK;
}

/* --- measurements --------------------------------------------------------- */

static rc
one_register(struct corim_reader *r, const struct cbor_value *pair,
    struct corim_register *out, struct err *e)
{
	const struct cbor_value *key = &pair[0];

	out->named = key->kind == CBOR_TEXT;
	out->number = key->number;
	out->name = key->bytes;
	if (!out->named && key->kind != CBOR_UINT)
		return corim_wrong(
		    e, out->path, "A register has a number from 0, or a name.");
	out->digests_n = pair[1].n;
	return digests(r, out->path, &pair[1], &out->digests, e);
}

static rc
registers(struct corim_reader *r, const struct cbor_value *v,
    struct corim_measurement *out, struct err *e)
{
	if (!cbor_is(v, CBOR_MAP) || v->n == 0)
		return corim_wrong(e, out->path, "Registers are a map.");
	struct corim_register *list =
	    arena_array(r->a, v->n / 2, sizeof(*list));
	if (!list)
		return corim_memory(e);
	for (size_t i = 0; i < v->n / 2; i++) {
		TRY(corim_path(
		    r, &list[i].path, e, "%s.registers[%zu]", out->path, i));
		TRY(one_register(r, &v->items[2 * i], &list[i], e));
	}
	out->registers = list;
	out->registers_n = v->n / 2;
	return RC_OK;
}

static rc
values(struct corim_reader *r, const struct cbor_value *v,
    struct corim_measurement *out, struct err *e)
{
	static const char *const names[] = {"version", "svn", "digests",
	    "flags", "raw-value", "raw-value-mask", "mac-addr", "ip-addr",
	    "serial-number", "ueid", "uuid", "name", "member 12", "cryptokeys",
	    "integrity-registers", "int-range", NULL};
	const struct cbor_value *name = cbor_get(v, 11);
	const struct cbor_value *list = cbor_get(v, 2);

	if (!cbor_is(v, CBOR_MAP) || v->n == 0)
		return corim_wrong(e, out->path, "A measurement has values.");
	if (name && !cbor_is(name, CBOR_TEXT))
		return corim_wrong(e, out->path, "A name is text.");
	if (name)
		out->name = name->bytes;
	if (list) {
		TRY(digests(r, out->path, list, &out->digests, e));
		out->digests_n = list->n;
		TRY(each_once(out, e));
	}
	if (cbor_get(v, 14))
		TRY(registers(r, cbor_get(v, 14), out, e));
	return corim_leave_rest(
	    r, out->path, v, 1 << 2 | 1 << 11 | 1 << 14, names, e);
}

static rc
measurement(struct corim_reader *r, const struct cbor_value *v,
    struct corim_measurement *out, struct err *e)
{
	static const char *const names[] = {
	    "mkey", "mval", "authorized-by", NULL};
	const struct cbor_value *key = cbor_get(v, 0);

	if (!cbor_is(v, CBOR_MAP))
		return corim_wrong(e, out->path, "A measurement is a map.");
	if (cbor_is(key, CBOR_TEXT))
		out->key = key->bytes;
	out->conditional = cbor_get(v, 2) != NULL;
	TRY(values(r, cbor_get(v, 1), out, e));
	return corim_leave_rest(
	    r, out->path, v, 1 << 0 | 1 << 1 | 1 << 2, names, e);
}

static rc
measurements(struct corim_reader *r, const struct cbor_value *v,
    struct corim_reference *out, struct err *e)
{
	if (!cbor_is(v, CBOR_ARRAY) || v->n == 0)
		return corim_wrong(e, out->path, "There are measurements.");
	struct corim_measurement *list = arena_array(r->a, v->n, sizeof(*list));
	if (!list)
		return corim_memory(e);
	for (size_t i = 0; i < v->n; i++) {
		TRY(corim_path(
		    r, &list[i].path, e, "%s.measurements[%zu]", out->path, i));
		TRY(measurement(r, &v->items[i], &list[i], e));
	}
	out->measurements = list;
	out->n = v->n;
	return RC_OK;
}

/* --- reference triples ---------------------------------------------------- */

static rc
environment(struct corim_reader *r, const struct cbor_value *v,
    struct corim_reference *out, struct err *e)
{
	static const char *const names[] = {
	    "class-id", "vendor", "model", "layer", "index", NULL};
	const struct cbor_value *class = cbor_get(v, 0);

	if (!cbor_is(v, CBOR_MAP) || v->n == 0 ||
	    (class && !cbor_is(class, CBOR_MAP)))
		return corim_wrong(e, out->path, "An environment is a map.");
	out->narrow = !class || v->n > 2;
	if (cbor_get(class, 1))
		TRY(corim_text(out->path, cbor_get(class, 1), &out->vendor, e));
	if (cbor_get(class, 2))
		TRY(corim_text(out->path, cbor_get(class, 2), &out->model, e));
	return class ? corim_leave_rest(
			   r, out->path, class, 1 << 1 | 1 << 2, names, e)
		     : RC_OK;
}

static rc
reference(struct corim_reader *r, const struct cbor_value *v,
    struct corim_reference *out, struct err *e)
{
	if (!cbor_is(v, CBOR_ARRAY) || v->n != 2)
		return corim_wrong(e, out->path,
		    "A reference triple is [environment, measurements].");
	TRY(environment(r, &v->items[0], out, e));
	return measurements(r, &v->items[1], out, e);
}

static rc
references(struct corim_reader *r, const struct cbor_value *v,
    struct comid *out, struct err *e)
{
	if (!cbor_is(v, CBOR_ARRAY) || v->n == 0)
		return corim_wrong(e, out->path, "There are triples.");
	struct corim_reference *list = arena_array(r->a, v->n, sizeof(*list));
	if (!list)
		return corim_memory(e);
	for (size_t i = 0; i < v->n; i++) {
		TRY(corim_path(
		    r, &list[i].path, e, "%s.reference[%zu]", out->path, i));
		TRY(reference(r, &v->items[i], &list[i], e));
	}
	out->references = list;
	out->n = v->n;
	return RC_OK;
}

/* --- the CoMID ------------------------------------------------------------ */

/* Which others it replaces (relation 1). */
static rc
links(struct corim_reader *r, const struct cbor_value *v, struct comid *out,
    struct err *e)
{
	if (!cbor_is(v, CBOR_ARRAY))
		return corim_wrong(e, out->path, "Linked tags are a list.");
	r->links += v->n;
	if (r->links > LIMIT_CORIM_TAGS)
		return err_at(e, ERR_CORIM_LIMIT, "There are too many links.",
		    "%s", out->path);
	struct corim_id *list = arena_array(r->a, v->n, sizeof(*list));
	if (!list)
		return corim_memory(e);
	out->replaces = list;
	for (size_t i = 0; i < v->n; i++) {
		const struct cbor_value *rel = cbor_get(&v->items[i], 1);
		struct corim_id id;
		TRY(corim_id(r, out->path, cbor_get(&v->items[i], 0), &id, e));
		if (!cbor_is(rel, CBOR_UINT))
			return corim_wrong(e, out->path,
			    "A linked tag has a relation with a number.");
		if (rel->number == 1)
			list[out->replaces_n++] = id;
		else
			TRY(corim_leave(r, out->path, ".linked-tags", e));
	}
	return RC_OK;
}

static rc
identity(struct corim_reader *r, const struct cbor_value *v, struct comid *out,
    struct err *e)
{
	const struct cbor_value *version = cbor_get(v, 1);

	TRY(corim_id(r, out->path, cbor_get(v, 0), &out->id, e));
	if (version && !cbor_is(version, CBOR_UINT))
		return corim_wrong(e, out->path, "A version is a number.");
	out->version = version ? version->number : 0;
	return RC_OK;
}

rc
comid_decode(struct corim_reader *r, const char *path,
    const struct cbor_value *v, struct comid *out, struct err *e)
{
	static const char *const names[] = {"language", "tag-identity",
	    "entities", "linked-tags", "triples", NULL};
	static const char *const kinds[] = {"reference", "endorsed-triples",
	    "identity-triples", "attest-key-triples", "dependency-triples",
	    "membership-triples", "coswid-triples", "triples 7",
	    "conditional-endorsement-series-triples", "triples 9",
	    "conditional-endorsement-triples", NULL};
	const struct cbor_value *triples = cbor_get(v, 4);

	*out = (struct comid){.path = path};
	if (!cbor_is(v, CBOR_MAP) || !cbor_is(triples, CBOR_MAP) ||
	    triples->n == 0)
		return corim_wrong(
		    e, path, "A CoMID is a map with an identity and triples.");
	TRY(identity(r, cbor_get(v, 1), out, e));
	if (cbor_get(v, 3))
		TRY(links(r, cbor_get(v, 3), out, e));
	if (cbor_get(triples, 0))
		TRY(references(r, cbor_get(triples, 0), out, e));
	TRY(corim_leave_rest(r, path, triples, 1 << 0, kinds, e));
	return corim_leave_rest(r, path, v, 1 << 1 | 1 << 3 | 1 << 4, names, e);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/uuid.h"
#include "decode/corim_parts.h"

#include <stdarg.h>
#include <stdio.h>

enum {
	TAG_EPOCH = 1,
	TAG_URI = 32,
	TAG_UUID = 37,
	TAG_OID = 111,
	TAG_COMID = 506,
};

/* --- what both halves need ------------------------------------------------ */

rc
corim_wrong(struct err *e, const char *path, const char *why)
{
	return err_at(e, ERR_CORIM_FORMAT, why, "%s", path);
}

rc
corim_memory(struct err *e)
{
	return err_at(e, ERR_MEMORY, NULL, "%s", "corim");
}

rc
corim_path(struct corim_reader *r, const char **out, struct err *e,
    const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*out = arena_printf(r->a, "%s", text);
	return *out ? RC_OK : corim_memory(e);
}

rc
corim_leave(
    struct corim_reader *r, const char *path, const char *member, struct err *e)
{
	struct corim_left *left = arena_alloc(r->a, sizeof(*left));

	if (!left)
		return corim_memory(e);
	TRY(corim_path(r, &left->path, e, "%s%s", path, member));
	*r->tail = left;
	r->tail = &left->next;
	return RC_OK;
}

static rc
leave_key(struct corim_reader *r, const char *path,
    const struct cbor_value *key, const char *const *names, struct err *e)
{
	char member[64];
	uint64_t n = key->number;

	for (uint64_t i = 0; key->kind == CBOR_UINT && names[i]; i++)
		if (i == n) {
			snprintf(member, sizeof(member), ".%s", names[i]);
			return corim_leave(r, path, member, e);
		}
	if (key->kind == CBOR_TEXT || key->kind == CBOR_BYTES)
		snprintf(member, sizeof(member), ".\"%.*s\"",
		    n < 40 ? (int)n : 40, key->bytes.p);
	else
		snprintf(member, sizeof(member), ".%s%llu",
		    key->kind == CBOR_UINT ? "" : "-1-", (unsigned long long)n);
	return corim_leave(r, path, member, e);
}

rc
corim_leave_rest(struct corim_reader *r, const char *path,
    const struct cbor_value *map, uint32_t taken, const char *const *names,
    struct err *e)
{
	for (size_t i = 0; i < map->n; i += 2) {
		const struct cbor_value *key = &map->items[i];
		if (key->kind != CBOR_UINT || key->number >= 32 ||
		    !(taken & UINT32_C(1) << key->number))
			TRY(leave_key(r, path, key, names, e));
	}
	return RC_OK;
}

rc
corim_tree(const char *path, struct span s, size_t *budget, struct arena *a,
    const struct cbor_value **out, struct err *e)
{
	rc got = cbor_tree(s, budget, a, out);

	if (rc_ok(got) || got.code == ERR_MEMORY)
		return rc_ok(got) ? got : corim_memory(e);
	return err_at(e,
	    got.code == ERR_CEL_TOO_LARGE ? ERR_CORIM_LIMIT : ERR_CORIM_CBOR,
	    NULL, "%s", path);
}

rc
corim_text(const char *path, const struct cbor_value *v, struct span *out,
    struct err *e)
{
	if (!cbor_is(v, CBOR_TEXT) || v->bytes.n == 0)
		return corim_wrong(e, path, "Text is expected.");
	if (v->bytes.n > LIMIT_CORIM_TEXT)
		return err_at(e, ERR_CORIM_LIMIT,
		    "A name has at most 256 bytes.", "%s", path);
	*out = v->bytes;
	return RC_OK;
}

rc
corim_id(struct corim_reader *r, const char *path, const struct cbor_value *v,
    struct corim_id *out, struct err *e)
{
	const struct cbor_value *inner = cbor_tagged(v, TAG_UUID);
	const struct cbor_value *bytes = inner ? inner : v;
	struct uuid uuid;
	char text[UUID_TEXT];

	if (!cbor_is(bytes, CBOR_BYTES))
		return corim_text(path, v, &out->text, e);
	if (bytes->bytes.n != sizeof(uuid.b))
		return corim_wrong(e, path, "An identifier has 16 bytes.");
	memcpy(uuid.b, bytes->bytes.p, sizeof(uuid.b));
	uuid_emit(&uuid, text);
	out->text = arena_copy(r->a, span_str(text));
	return out->text.p ? RC_OK : corim_memory(e);
}

/* --- validity ------------------------------------------------------------- */

static rc
time_of(
    const struct cbor_value *v, const char *path, int64_t *out, struct err *e)
{
	int64_t s;

	if (!cbor_integer(v, &s) || s > INT64_MAX / TIME_S - 1 ||
	    s < -(INT64_MAX / TIME_S))
		return corim_wrong(e, path,
		    "A time is whole seconds since 1970 (RFC 8949, 3.4.2).");
	*out = s * TIME_S;
	return RC_OK;
}

static rc
validity(struct corim_reader *r, const char *path, const struct cbor_value *v,
    struct corim_validity *out, struct err *e)
{
	static const char *const names[] = {"not-before", "not-after", NULL};
	const struct cbor_value *from = cbor_get(v, 0);
	const struct cbor_value *to = cbor_get(v, 1);

	if (!cbor_is(v, CBOR_MAP) || !to)
		return corim_wrong(e, path, "A validity ends at some time.");
	TRY(time_of(cbor_tagged(to, TAG_EPOCH), path, &out->to, e));
	out->ends = true;
	if (from)
		TRY(time_of(cbor_tagged(from, TAG_EPOCH), path, &out->from, e));
	out->begins = from != NULL;
	return corim_leave_rest(r, path, v, 1 << 0 | 1 << 1, names, e);
}

/* --- the profile ---------------------------------------------------------- */

/* The numbers of an OID (X.690, 8.19); false where it is none. */
static bool
put_oid(struct span s, char *out, size_t room)
{
	uint64_t n = 0;
	size_t at = 0;
	bool first = true;

	for (size_t i = 0; i < s.n; i++) {
		bool begins = i == 0 || s.p[i - 1] < 0x80;
		if (n > UINT64_MAX >> 7 || (begins && s.p[i] == 0x80))
			return false;
		n = n << 7 | (s.p[i] & 0x7f);
		if (s.p[i] >= 0x80)
			continue;
		uint64_t arc = n < 80 ? n / 40 : 2;
		int got = first ? snprintf(out + at, room - at, "%llu.%llu",
				      (unsigned long long)arc,
				      (unsigned long long)(n - 40 * arc))
				: snprintf(out + at, room - at, ".%llu",
				      (unsigned long long)n);
		if (got < 0 || (size_t)got >= room - at)
			return false;
		at += (size_t)got;
		first = false;
		n = 0;
	}
	return s.n && s.p[s.n - 1] < 0x80;
}

static rc
profile(struct corim_reader *r, const struct cbor_value *v, struct corim *out,
    struct err *e)
{
	static const char path[] = "corim.profile";
	const struct cbor_value *oid = cbor_tagged(v, TAG_OID);
	const struct cbor_value *uri = cbor_tagged(v, TAG_URI);
	char text[LIMIT_CORIM_TEXT];

	if (!oid)
		return corim_text(path, uri ? uri : v, &out->profile, e);
	if (!cbor_is(oid, CBOR_BYTES) ||
	    !put_oid(oid->bytes, text, sizeof(text)))
		return corim_wrong(e, path, "It is no object identifier.");
	out->profile = arena_copy(r->a, span_str(text));
	return out->profile.p ? RC_OK : corim_memory(e);
}

/* --- the document --------------------------------------------------------- */

static const char *
tag_name(uint64_t tag)
{
	return tag == 505 ? "CoSWID" : tag == 508 ? "CoTL" : "of another kind";
}

static rc
leave_tag(struct corim_reader *r, const char *path, uint64_t tag, struct err *e)
{
	char member[64];

	snprintf(member, sizeof(member), " (tag %llu, %s)",
	    (unsigned long long)tag, tag_name(tag));
	return corim_leave(r, path, member, e);
}

static rc
one_tag(struct corim_reader *r, const char *path, const struct cbor_value *v,
    struct corim *out, struct comid *to, struct err *e)
{
	const struct cbor_value *bytes = cbor_tagged(v, TAG_COMID);
	const struct cbor_value *doc = NULL;

	if (!cbor_is(v, CBOR_TAG))
		return corim_wrong(e, path, "What it is is said by a tag.");
	if (v->number != TAG_COMID)
		return leave_tag(r, path, v->number, e);
	if (!cbor_is(bytes, CBOR_BYTES))
		return corim_wrong(
		    e, path, "A CoMID is encoded in a byte string.");
	TRY(corim_tree(path, bytes->bytes, r->budget, r->a, &doc, e));
	TRY(comid_decode(r, path, doc, to, e));
	for (size_t i = 0; i < out->n; i++)
		if (span_eq(out->comids[i].id.text, to->id.text))
			return corim_wrong(
			    e, path, "Another CoMID has the same identifier.");
	out->n++;
	return RC_OK;
}

static rc
tags(struct corim_reader *r, const struct cbor_value *v, struct corim *out,
    struct err *e)
{
	struct comid *comids;
	const char *path;

	if (!cbor_is(v, CBOR_ARRAY) || v->n == 0)
		return corim_wrong(e, "corim.tags", "A CoRIM has tags.");
	if (v->n > LIMIT_CORIM_TAGS)
		return err_at(e, ERR_CORIM_LIMIT, NULL, "%s", "corim.tags");
	comids = arena_array(r->a, v->n, sizeof(*comids));
	if (!comids)
		return corim_memory(e);
	out->comids = comids;
	for (size_t i = 0; i < v->n; i++) {
		TRY(corim_path(r, &path, e, "corim.tags[%zu]", i));
		TRY(one_tag(r, path, &v->items[i], out, &comids[out->n], e));
	}
	return RC_OK;
}

rc
corim_decode(const struct cbor_value *v, size_t *budget, struct arena *a,
    struct corim *out, struct err *e)
{
	static const char *const names[] = {"id", "tags", "dependent-rims",
	    "profile", "rim-validity", "entities", NULL};
	struct corim_reader r = {.budget = budget, .a = a};
	struct corim c = {.n = 0};
	struct corim_id id;

	r.tail = &r.left;
	if (!cbor_is(v, CBOR_MAP))
		return corim_wrong(e, "corim", "A CoRIM is a map.");
	TRY(corim_id(&r, "corim.id", cbor_get(v, 0), &id, e));
	TRY(tags(&r, cbor_get(v, 1), &c, e));
	if (cbor_get(v, 3))
		TRY(profile(&r, cbor_get(v, 3), &c, e));
	if (cbor_get(v, 4))
		TRY(validity(
		    &r, "corim.rim-validity", cbor_get(v, 4), &c.validity, e));
	TRY(corim_leave_rest(
	    &r, "corim", v, 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4, names, e));
	c.left = r.left;
	*out = c;
	return RC_OK;
}

/* --- who signed ----------------------------------------------------------- */

static rc
read_meta(struct corim_reader *r, const struct cbor_value *v,
    struct corim_signer *out, struct err *e)
{
	static const char path[] = "cose.corim-meta";
	static const char *const names[] = {
	    "signer", "signature-validity", NULL};
	static const char *const of_signer[] = {
	    "signer-name", "signer-uri", NULL};
	const struct cbor_value *map = NULL;

	if (!cbor_is(v, CBOR_BYTES))
		return corim_wrong(e, path, "It is a map in a byte string.");
	TRY(corim_tree(path, v->bytes, r->budget, r->a, &map, e));
	const struct cbor_value *signer = cbor_get(map, 0);
	TRY(corim_text(path, cbor_get(signer, 0), &out->name, e));
	if (cbor_get(map, 1))
		TRY(validity(r, path, cbor_get(map, 1), &out->validity, e));
	TRY(corim_leave_rest(r, path, signer, 1 << 0, of_signer, e));
	return corim_leave_rest(r, path, map, 1 << 0 | 1 << 1, names, e);
}

/* iss, exp and nbf (RFC 8392, 3.1): at exp it is over. */
static rc
read_claims(struct corim_reader *r, const struct cbor_value *v,
    struct corim_signer *out, struct err *e)
{
	static const char path[] = "cose.cwt-claims";
	static const char *const names[] = {
	    "0", "iss", "sub", "aud", "exp", "nbf", "iat", "cti", NULL};
	const struct cbor_value *to = cbor_get(v, 4);
	const struct cbor_value *from = cbor_get(v, 5);
	int64_t time = 0;

	TRY(corim_text(path, cbor_get(v, 1), &out->name, e));
	if (to) {
		TRY(time_of(to, path, &time, e));
		if (!out->validity.ends || time - 1 < out->validity.to)
			out->validity.to = time - 1;
		out->validity.ends = true;
	}
	if (from) {
		TRY(time_of(from, path, &time, e));
		if (!out->validity.begins || time > out->validity.from)
			out->validity.from = time;
		out->validity.begins = true;
	}
	return corim_leave_rest(r, path, v, 1 << 1 | 1 << 4 | 1 << 5, names, e);
}

rc
corim_decode_signer(const struct cbor_value *meta,
    const struct cbor_value *claims, size_t *budget, struct arena *a,
    struct corim_signer *out, struct err *e)
{
	struct corim_reader r = {.budget = budget, .a = a};
	struct corim_signer s = {.name = {NULL, 0}};

	r.tail = &r.left;
	if (!meta && !claims)
		return corim_wrong(e, "cose.protected",
		    "A signed CoRIM says in corim-meta or CWT claims who "
		    "signs.");
	if (meta)
		TRY(read_meta(&r, meta, &s, e));
	if (claims)
		TRY(read_claims(&r, claims, &s, e));
	s.left = r.left;
	*out = s;
	return RC_OK;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Reference values of makers: CoRIM. */
#include "appraise/import_corim.h"

#include "base/text.h"
#include "verify/cose.h"

enum { HEADER_META = 8, HEADER_X5CHAIN = 33 };

/* --- is it to be believed ------------------------------------------------- */

static rc
memory(struct err *e)
{
	return err_at(e, ERR_MEMORY, NULL, "%s", "corim");
}

/* Bytes of the document, fit to be shown and to be kept. */
static const char *
shown(const struct corim_job *j, struct span s)
{
	return verdict_printable(j->i->a, s);
}

static rc
check_validity(const struct corim_job *j, const struct corim_validity *v,
    const char *path, struct err *e)
{
	int64_t now = j->terms->now;
	char when[TIME_TEXT];

	if (v->begins && now < v->from) {
		time_emit(v->from, when);
		return err_text(
		    e, ERR_CORIM_NOT_YET, path, "It begins at %s.", when);
	}
	if (v->ends && now > v->to) {
		time_emit(v->to, when);
		return err_text(
		    e, ERR_CORIM_EXPIRED, path, "It ended at %s.", when);
	}
	return RC_OK;
}

static rc
check_profile(const struct corim_job *j, const struct corim *c, struct err *e)
{
	if (!c->profile.p)
		return RC_OK;
	for (size_t i = 0; i < j->terms->profiles_n; i++)
		if (span_eq(c->profile, span_str(j->terms->profiles[i])))
			return RC_OK;
	return err_text(e, ERR_CORIM_PROFILE, "corim.profile",
	    "To take it as it stands, say --corim-profile '%.200s'.",
	    shown(j, c->profile));
}

/* A key may be named more than once, each time for another vendor. */
static bool
speaks_for(const struct corim_job *j, struct span vendor)
{
	const struct corim_terms *t = j->terms;

	for (size_t i = 0; i < t->keys_n; i++) {
		const char *limit = t->keys[i].vendor;
		if (strcmp(sign_key_id(t->keys[i].key),
			sign_key_id(j->signer)) == 0 &&
		    (!limit || (vendor.n && span_eq(span_str(limit), vendor))))
			return true;
	}
	return false;
}

static rc
check_vendors(const struct corim_job *j, const struct corim *c, struct err *e)
{
	for (size_t i = 0; j->signer && i < c->n; i++) {
		const struct comid *m = &c->comids[i];
		for (size_t k = 0; k < m->n; k++)
			if (!speaks_for(j, m->references[k].vendor))
				return err_text(e, ERR_CORIM_VENDOR,
				    m->references[k].path,
				    "It is of vendor '%.128s'.",
				    shown(j, m->references[k].vendor));
	}
	return RC_OK;
}

/* --- the signature -------------------------------------------------------- */

static void
note_left(struct corim_job *j, const struct corim_left *l)
{
	for (; l; l = l->next)
		import_note(
		    j->i, "%s: %s is not translated.", j->file, l->path);
}

static bool
is_read(const struct cbor_value *label)
{
	static const uint64_t read[] = {COSE_ALG, COSE_CRIT, COSE_CONTENT_TYPE,
	    HEADER_META, COSE_CWT_CLAIMS};

	for (size_t i = 0; i < sizeof(read) / sizeof(read[0]); i++)
		if (label->kind == CBOR_UINT && label->number == read[i])
			return true;
	return false;
}

static void
note_header(struct corim_job *j, const struct cbor_value *label)
{
	const char *negative = label->kind == CBOR_NEGATIVE ? "-1-" : "";

	if (label->kind == CBOR_UINT && label->number == HEADER_X5CHAIN)
		import_note(j->i,
		    "%s: the certificates in it are not looked at: the key is "
		    "the one that was named.",
		    j->file);
	else if (label->bytes.n)
		import_note(j->i, "%s: header \"%.80s\" is not looked at.",
		    j->file, shown(j, label->bytes));
	else
		import_note(j->i, "%s: header %s%llu is not looked at.",
		    j->file, negative, (unsigned long long)label->number);
}

static void
note_headers(struct corim_job *j, const struct cose_sign1 *s)
{
	for (size_t i = 0; i < s->header->n; i += 2)
		if (!is_read(&s->header->items[i]))
			note_header(j, &s->header->items[i]);
	for (size_t i = 0; i < s->outside->n; i += 2)
		note_header(j, &s->outside->items[i]);
}

static rc
check_content_type(const struct cose_sign1 *s, struct err *e)
{
	const struct cbor_value *type = cbor_get(s->header, COSE_CONTENT_TYPE);

	if (cbor_is(type, CBOR_TEXT) &&
	    span_eq(type->bytes, span_str("application/rim+cbor")))
		return RC_OK;
	return err_at(
	    e, ERR_CORIM_CONTENT_TYPE, NULL, "%s", "cose.content-type");
}

static rc
check_signature(struct corim_job *j, const struct cose_sign1 *s, struct err *e)
{
	const struct corim_terms *t = j->terms;
	const struct sign_key **keys =
	    arena_array(j->i->a, t->keys_n, sizeof(const struct sign_key *));

	if (!keys)
		return memory(e);
	for (size_t i = 0; i < t->keys_n; i++)
		keys[i] = t->keys[i].key;
	return cose_verify(s, keys, t->keys_n, &j->signer, e);
}

/* The payload, after everything about the signature was found to be right. */
static rc
open_signed(struct corim_job *j, const struct cbor_value *v, struct span *out,
    struct err *e)
{
	static const uint64_t understood[] = {
	    COSE_CONTENT_TYPE, HEADER_META, COSE_CWT_CLAIMS, 0};
	struct cose_sign1 s;
	struct corim_signer signer;

	TRY(cose_decode(v, understood, &j->budget, j->i->a, &s, e));
	TRY(check_content_type(&s, e));
	TRY(check_signature(j, &s, e));
	TRY(corim_decode_signer(cbor_get(s.header, HEADER_META),
	    cbor_get(s.header, COSE_CWT_CLAIMS), &j->budget, j->i->a, &signer,
	    e));
	TRY(check_validity(j, &signer.validity, "cose.validity", e));
	import_note(j->i, "%s: signed by key %.16s; it calls itself '%.128s'.",
	    j->file, sign_key_id(j->signer), shown(j, signer.name));
	note_headers(j, &s);
	note_left(j, signer.left);
	*out = s.payload;
	return RC_OK;
}

/* The content of tag 501, and who vouches for it. */
static rc
open_file(struct corim_job *j, struct span file, const struct cbor_value **out,
    struct err *e)
{
	const struct cbor_value *root = NULL;
	struct span payload;

	if (file.n > LIMIT_CORIM)
		return err_at(e, ERR_CORIM_LIMIT, NULL, "%s", "corim");
	TRY(corim_tree("corim", file, &j->budget, j->i->a, &root, e));
	if (cbor_tagged(root, COSE_TAG_SIGN1)) {
		TRY(open_signed(
		    j, cbor_tagged(root, COSE_TAG_SIGN1), &payload, e));
		TRY(corim_tree(
		    "corim", payload, &j->budget, j->i->a, &root, e));
	} else if (cbor_tagged(root, CORIM_TAG) && !j->terms->take_unsigned) {
		return err_at(e, ERR_CORIM_UNSIGNED, NULL, "%s", "corim");
	}
	*out = cbor_tagged(root, CORIM_TAG);
	return *out ? RC_OK
		    : err_at(e, ERR_CORIM_FORMAT,
			  "It begins with tag 18 (signed) or 501.", "%s",
			  "corim");
}

/* --- all of it ------------------------------------------------------------ */

static rc
take_hash(struct corim_job *j, struct span file, struct err *e)
{
	uint8_t sha256[32];
	rc r = hash_of(j->i->hasher, ALG_SHA256, file, sha256);

	if (!rc_ok(r))
		return err_at(e, r.code, NULL, "%s", "corim");
	hex_emit(span_of(sha256, sizeof(sha256)), j->sha256);
	return RC_OK;
}

rc
import_corim(
    struct import *i, struct span file, const char *source, struct err *e)
{
	static const struct corim_terms nobody = {.keys = NULL};
	struct corim_job j = {
	    .i = i,
	    .file = source,
	    .terms = i->corim ? i->corim : &nobody,
	    .budget = LIMIT_CORIM_ITEMS,
	};
	const struct cbor_value *v = NULL;
	struct corim c;

	TRY(open_file(&j, file, &v, e));
	TRY(corim_decode(v, &j.budget, i->a, &c, e));
	TRY(check_profile(&j, &c, e));
	TRY(check_validity(&j, &c.validity, "corim.rim-validity", e));
	TRY(check_vendors(&j, &c, e));
	TRY(take_hash(&j, file, e));
	if (!j.signer)
		import_note(i,
		    "WARNING: %s is not signed; take it from where you trust "
		    "it.",
		    source);
	note_left(&j, c.left);
	return corim_put(&j, &c, e);
}

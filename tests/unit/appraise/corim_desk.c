/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/appraise/corim_desk.h"

#include "lib/tap.h"

const char desk_policy[] =
    "{\"akashi_policy\":1,\"name\":\"x\",\"pcrs\":{\"sha256\":[4,7]},"
    "\"boot\":{\"4\":{\"values\":[{\"sha256\":\"" C "\"}]},"
    "\"7\":{\"opaque\":\"x\"}}}";

struct desk desk;

void
desk_begin(const char *policy)
{
	json_free(desk.im.doc);
	ck_rc_ok(import_begin(
	    &desk.im, span_str(policy), &desk.arena, desk.hasher, NULL));
	desk.im.corim = &desk.terms;
}

void
desk_setup(void)
{
	arena_init(&desk.arena, (size_t)256 << 20);
	desk.hasher = hasher_new();
	desk.out = (struct buf){0};
	desk.im = (struct import){.doc = NULL};
	desk.terms = (struct corim_terms){.take_unsigned = true, .now = NOW};
	desk_begin(desk_policy);
}

void
desk_end(void)
{
	json_free(desk.im.doc);
	buf_free(&desk.out);
	hasher_free(desk.hasher);
	arena_free(&desk.arena);
}

rc
take(struct span file, struct err *e)
{
	*e = (struct err){.code = ERR_OK};
	return import_file(&desk.im, import_corim, file, "acme.cbor", e);
}

void
refused(struct span file, enum err_code code, const char *path)
{
	JSON_AUTO before = json_deep_copy(desk.im.doc);
	struct err e;
	rc r = take(file, &e);

	ck_assert_msg(r.code == code, "%s %s (%s), not %s", err_name(r.code),
	    e.path, e.text, err_name(code));
	if (path)
		ck_assert_str_eq(e.path, path);
	ck_assert(json_equal(before, desk.im.doc));
}

void
taken(struct span file)
{
	struct err e;
	rc r = take(file, &e);

	ck_assert_msg(rc_ok(r), "%s %s %s", err_name(r.code), e.path, e.text);
}

bool
noted(const char *words)
{
	for (const struct learn_note *n = desk.im.notes; n; n = n->next)
		if (strstr(n->text, words))
			return true;
	return false;
}

void
tell_notes(void)
{
	for (const struct learn_note *n = desk.im.notes; n; n = n->next)
		tap_note("%s", n->text);
}

const char *
printed(void)
{
	struct err e;

	buf_free(&desk.out);
	desk.out = (struct buf){0};
	rc r = import_end(&desk.im, &desk.out, &e);
	ck_assert_msg(rc_ok(r), "%s %s %s", err_name(r.code), e.path, e.text);
	return desk.out.p;
}

struct span
cbor(const char *text)
{
	return cbor_of(&desk.arena, text);
}

/* --- keys and signatures -------------------------------------------------- */

static struct span
pem_of(EVP_PKEY *pkey, bool private)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *p;

	ck_assert_int_eq(private ? PEM_write_bio_PrivateKey(
				       bio, pkey, NULL, NULL, 0, NULL, NULL)
				 : PEM_write_bio_PUBKEY(bio, pkey),
	    1);
	long n = BIO_get_mem_data(bio, &p);
	struct span s = arena_copy(&desk.arena, span_of(p, (size_t)n));
	BIO_free(bio);
	return s;
}

struct maker
maker(EVP_PKEY *pkey)
{
	struct maker m;

	ck_assert_ptr_nonnull(pkey);
	ck_rc_ok(sign_key_private(pem_of(pkey, true), &m.private, NULL));
	ck_rc_ok(sign_key_load(pem_of(pkey, false), &m.public, NULL));
	EVP_PKEY_free(pkey);
	return m;
}

void
maker_free(struct maker *m)
{
	sign_key_free(m->private);
	sign_key_free(m->public);
}

struct span
letter(const struct letter *l)
{
	struct span header = cbor(l->header ? l->header : HEADER("-7", ""));
	struct span payload = cbor(l->payload ? l->payload : GOOD);
	struct sign_how how = l->how;
	struct buf input = {0}, message = {0};
	uint8_t signature[SIGNATURE_ROOM];
	size_t n = 0;

	if (!how.hash && sign_key_kind(l->by->private) != SIGN_ED25519)
		how.hash = ALG_SHA256;
	cbor_text(&input,
	    l->elsewhere ? "~84~ \"Signature\"" : "~84~ \"Signature1\"");
	cbor_head(&input, 2, header.n);
	buf_put(&input, header.p, header.n);
	cbor_head(&input, 2, 0);
	cbor_head(&input, 2, payload.n);
	buf_put(&input, payload.p, payload.n);
	ck_assert(
	    sign_make(l->by->private, how, buf_span(&input), signature, &n));
	cbor_text(&message, "~d284~"); /* tag 18, four items */
	cbor_head(&message, 2, header.n);
	buf_put(&message, header.p, header.n);
	cbor_text(&message, l->outside ? l->outside : "{}");
	if (l->attached) {
		cbor_text(&message, l->attached);
	} else {
		cbor_head(&message, 2, payload.n);
		buf_put(&message, payload.p, payload.n);
	}
	cbor_head(&message, 2, n);
	buf_put(&message, signature, n);
	struct span s = arena_copy(&desk.arena, buf_span(&message));
	buf_free(&input);
	buf_free(&message);
	return s;
}

void
believe(const struct maker *m)
{
	static struct corim_key key;

	key = (struct corim_key){m->public, NULL};
	desk.terms =
	    (struct corim_terms){.keys = &key, .keys_n = 1, .now = NOW};
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/jws.h"

#include "base/text.h"

#define TYP "akashi-policy+jws"

enum { HEADER_MAX = 1024 };

/* --- keys ----------------------------------------------------------------- */

static const struct jws_alg {
	enum sign_kind kind;
	const char *name;
	struct sign_how how;
} algs[] = {
    {SIGN_P256, "ES256", {ALG_SHA256, false}},
    {SIGN_ED25519, "EdDSA", {0, false}},
    {SIGN_RSA, "RS256", {ALG_SHA256, false}},
};

/* Without a name where such keys do not sign policies. */
static struct jws_alg
alg_of(const struct sign_key *k)
{
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (algs[i].kind == sign_key_kind(k))
			return algs[i];
	return (struct jws_alg){.name = NULL};
}

static rc
of_our_kind(struct sign_key *k, struct sign_key **out, struct err *e)
{
	if (!alg_of(k).name) {
		sign_key_free(k);
		return err_text(e, ERR_ENCODING, "key",
		    "A signing key is P-256, Ed25519 or RSA of 2048 to 8192 "
		    "bits.");
	}
	*out = k;
	return RC_OK;
}

rc
jws_key_load(struct span pem, struct sign_key **out, struct err *e)
{
	struct sign_key *k = NULL;

	TRY(sign_key_load(pem, &k, e));
	return of_our_kind(k, out, e);
}

rc
jws_key_private(struct span pem, struct sign_key **out, struct err *e)
{
	struct sign_key *k = NULL;

	TRY(sign_key_private(pem, &k, e));
	return of_our_kind(k, out, e);
}

/* --- the compact form ----------------------------------------------------- */

static void
put_base64url(struct buf *b, struct span s)
{
	struct arena a;

	arena_init(&a, base64url_size(s.n) + 4096);
	const char *text = base64url_string(&a, s);
	if (text)
		buf_puts(b, text);
	else
		b->failed = true;
	arena_free(&a);
}

/* header "." payload, both in base64url: what is signed (RFC 7515, 5.1). */
static void
signing_input(struct buf *b, struct span header64, struct span payload)
{
	buf_put(b, header64.p, header64.n);
	buf_puts(b, ".");
	put_base64url(b, payload);
}

static void
emit_header(
    const struct sign_key *k, const struct jws_claims *c, struct buf *out)
{
	struct buf json = {0};
	struct jw w = jw_over(&json);

	jw_object(&w);
	jw_kstr(&w, "alg", alg_of(k).name);
	jw_key(&w, "iat");
	jw_i64(&w, c->signed_at / TIME_S);
	jw_kstr(&w, "kid", sign_key_id(k));
	jw_kspan(&w, "policy", c->policy);
	jw_kstr(&w, "typ", TYP);
	jw_object_end(&w);
	out->failed |= json.failed;
	put_base64url(out, buf_span(&json));
	buf_free(&json);
}

rc
jws_sign(const struct sign_key *k, const struct jws_claims *claims,
    struct span payload, struct buf *out, struct err *e)
{
	struct buf header = {0}, input = {0};
	uint8_t signature[SIGNATURE_ROOM];
	size_t n = 0;

	if (!alg_of(k).name)
		return err_at(e, ERR_CRYPTO, NULL, "%s", "signature");
	emit_header(k, claims, &header);
	signing_input(&input, buf_span(&header), payload);
	bool memory = !header.failed && !input.failed;
	bool ok = memory &&
		  sign_make(k, alg_of(k).how, buf_span(&input), signature, &n);
	if (ok) {
		buf_put(out, header.p, header.n);
		buf_puts(out, "..");
		put_base64url(out, span_of(signature, n));
	}
	buf_free(&header);
	buf_free(&input);
	if (!memory || out->failed)
		return err_at(e, ERR_MEMORY, NULL, "%s", "signature");
	return ok ? RC_OK : err_at(e, ERR_CRYPTO, NULL, "%s", "signature");
}

/* --- verifying ------------------------------------------------------------ */

static rc
bad(struct err *e, const char *why)
{
	return err_text(e, ERR_POLICY_SIGNATURE, "signature", "%s", why);
}

struct parts {
	struct span header64, header, signature;
};

static rc
split(struct span jws, struct arena *a, struct parts *out, struct err *e)
{
	const uint8_t *dot = jws.n ? memchr(jws.p, '.', jws.n) : NULL;
	size_t head = dot ? (size_t)(dot - jws.p) : 0;

	if (!dot || jws.n > JWS_MAX || head > HEADER_MAX || jws.n < head + 3 ||
	    dot[1] != '.')
		return bad(e, "It is not a detached JWS in compact form.");
	out->header64 = span_of(jws.p, head);
	rc r = base64url_decode(out->header64, a, &out->header);
	if (rc_ok(r))
		r = base64url_decode(
		    span_of(jws.p + head + 2, jws.n - head - 2), a,
		    &out->signature);
	if (r.code == ERR_MEMORY)
		return err_at(e, ERR_MEMORY, NULL, "%s", "signature");
	return rc_ok(r) ? r : bad(e, "It is not in base64url.");
}

static rc
read_header(struct span text, const struct sign_key *const *keys, size_t n,
    struct arena *a, struct jws_claims *out, const struct sign_key **by,
    struct err *e)
{
	static const char *const known[] = {
	    "alg", "iat", "kid", "policy", "typ", NULL};
	struct span alg, kid, typ, policy;
	uint64_t iat;
	JSON_AUTO doc = NULL;

	if (!rc_ok(json_decode(text, HEADER_MAX, &doc, NULL)) ||
	    !rc_ok(json_only(doc, "", known, NULL)) ||
	    !rc_ok(json_get_str(doc, "", "alg", &alg, NULL)) ||
	    !rc_ok(json_get_u64(doc, "", "iat", UINT32_MAX, &iat, NULL)) ||
	    !rc_ok(json_get_str(doc, "", "kid", &kid, NULL)) ||
	    !rc_ok(json_get_str(doc, "", "policy", &policy, NULL)) ||
	    !rc_ok(json_get_str(doc, "", "typ", &typ, NULL)))
		return bad(e, "Its header is not that of a signed policy.");
	*by = NULL;
	for (size_t i = 0; i < n; i++)
		if (alg_of(keys[i]).name &&
		    span_eq(kid, span_str(sign_key_id(keys[i]))))
			*by = keys[i];
	if (!*by)
		return bad(e, "It is by none of the authors' keys.");
	if (!span_eq(typ, span_str(TYP)) ||
	    !span_eq(alg, span_str(alg_of(*by).name)))
		return bad(e, "Its type or algorithm is not that of its key.");
	*out = (struct jws_claims){.policy = arena_copy(a, policy),
	    .signed_at = (int64_t)iat * TIME_S};
	memcpy(out->kid, sign_key_id(*by), sizeof(out->kid));
	return out->policy.n == policy.n
		   ? RC_OK
		   : err_at(e, ERR_MEMORY, NULL, "%s", "signature");
}

rc
jws_verify(const struct sign_key *const *keys, size_t n, struct span jws,
    struct span payload, struct arena *a, struct jws_claims *out, struct err *e)
{
	struct parts p;
	struct jws_claims claims;
	const struct sign_key *by = NULL;
	struct buf input = {0};

	TRY(split(jws, a, &p, e));
	TRY(read_header(p.header, keys, n, a, &claims, &by, e));
	signing_input(&input, p.header64, payload);
	bool memory = !input.failed;
	bool ok = memory && sign_verify(by, alg_of(by).how, p.signature,
				buf_span(&input));
	buf_free(&input);
	if (!memory)
		return err_at(e, ERR_MEMORY, NULL, "%s", "signature");
	if (!ok)
		return bad(e, "It does not verify over this document.");
	*out = claims;
	return RC_OK;
}

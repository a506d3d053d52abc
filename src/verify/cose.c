/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/cose.h"

#include "base/json.h"

enum { HEADERS_MAX = 64 };

static rc
wrong(struct err *e, const char *path, const char *why)
{
	return err_at(e, ERR_COSE_FORMAT, why, "cose%s", path);
}

/* --- headers -------------------------------------------------------------- */

static bool
same_label(const struct cbor_value *x, const struct cbor_value *y)
{
	return x->kind == y->kind && x->number == y->number &&
	       span_eq(x->bytes, y->bytes);
}

static bool
has_label(const struct cbor_value *map, const struct cbor_value *label)
{
	for (size_t i = 0; i < map->n; i += 2)
		if (same_label(&map->items[i], label))
			return true;
	return false;
}

/* Labels are integers or text, and each stands in one header alone. */
static rc
check_labels(const struct cose_sign1 *s, struct err *e)
{
	if (s->header->n > HEADERS_MAX || s->outside->n > HEADERS_MAX)
		return wrong(e, "", "There are too many headers.");
	for (size_t i = 0; i < s->header->n; i += 2)
		if (cbor_is(&s->header->items[i], CBOR_BYTES))
			return wrong(e, ".protected",
			    "A label is an integer or text (RFC 9052, 1.4).");
	for (size_t i = 0; i < s->outside->n; i += 2)
		if (has_label(s->header, &s->outside->items[i]))
			return wrong(e, ".unprotected",
			    "A label stands in both headers (RFC 9052, 3).");
	return RC_OK;
}

static rc
check_algorithm(struct cose_sign1 *s, struct err *e)
{
	if (cbor_integer(cbor_get(s->header, COSE_ALG), &s->alg))
		return RC_OK;
	return err_at(e, ERR_COSE_ALGORITHM,
	    "The protected header names no algorithm by its number (RFC 9052, "
	    "3.1).",
	    "%s", "cose.protected");
}

static bool
is_understood(const struct cbor_value *label, const uint64_t *understood)
{
	if (!cbor_is(label, CBOR_UINT))
		return false;
	while (*understood && *understood != label->number)
		understood++;
	return *understood || label->number == COSE_ALG;
}

/* Every label in "crit" is there, protected, and understood. */
static rc
check_critical(
    const struct cose_sign1 *s, const uint64_t *understood, struct err *e)
{
	const struct cbor_value *crit = cbor_get(s->header, COSE_CRIT);
	bool good = !cbor_get(s->outside, COSE_CRIT);

	if (crit)
		good = good && cbor_is(crit, CBOR_ARRAY) && crit->n > 0;
	for (size_t i = 0; crit && i < crit->n; i++)
		good = good && is_understood(&crit->items[i], understood) &&
		       has_label(s->header, &crit->items[i]);
	return good ? RC_OK
		    : err_at(e, ERR_COSE_CRITICAL, NULL, "%s", "cose.crit");
}

static rc
read_header(
    struct cose_sign1 *s, size_t *budget, struct arena *a, struct err *e)
{
	static const struct cbor_value none = {.kind = CBOR_MAP};

	s->header = &none;
	if (s->protected.n == 0)
		return RC_OK;
	rc r = cbor_tree(s->protected, budget, a, &s->header);
	if (r.code == ERR_MEMORY)
		return err_at(e, ERR_MEMORY, NULL, "%s", "cose.protected");
	if (!rc_ok(r) || !cbor_is(s->header, CBOR_MAP))
		return wrong(
		    e, ".protected", "The protected header is a map in CBOR.");
	return RC_OK;
}

rc
cose_decode(const struct cbor_value *v, const uint64_t *understood,
    size_t *budget, struct arena *a, struct cose_sign1 *out, struct err *e)
{
	struct cose_sign1 s = {.alg = 0};

	if (!cbor_is(v, CBOR_ARRAY) || v->n != 4 ||
	    v->items[0].kind != CBOR_BYTES || v->items[1].kind != CBOR_MAP ||
	    v->items[3].kind != CBOR_BYTES)
		return wrong(e, "",
		    "COSE_Sign1 has protected header, unprotected header, "
		    "payload and signature (RFC 9052, 4.2).");
	if (v->items[2].kind != CBOR_BYTES)
		return wrong(e, ".payload",
		    "The payload is not in the message; only an attached one "
		    "is read.");
	s.protected = v->items[0].bytes;
	s.outside = &v->items[1];
	s.payload = v->items[2].bytes;
	s.signature = v->items[3].bytes;
	TRY(read_header(&s, budget, a, e));
	TRY(check_labels(&s, e));
	TRY(check_algorithm(&s, e));
	TRY(check_critical(&s, understood, e));
	if (cbor_get(s.header, COSE_HASH_ENVELOPE))
		return wrong(e, ".protected",
		    "The payload is only a hash of the document.");
	*out = s;
	return RC_OK;
}

/* --- the signature -------------------------------------------------------- */

static const struct {
	int64_t alg;
	enum sign_kind kind;
	struct sign_how how;
} algs[] = {
    {-7, SIGN_P256, {ALG_SHA256, false}},
    {-35, SIGN_P384, {ALG_SHA384, false}},
    {-36, SIGN_P521, {ALG_SHA512, false}},
    {-8, SIGN_ED25519, {0, false}},
    {-37, SIGN_RSA, {ALG_SHA256, true}},
    {-38, SIGN_RSA, {ALG_SHA384, true}},
    {-39, SIGN_RSA, {ALG_SHA512, true}},
};

static bool
how_of(const struct sign_key *k, int64_t alg, struct sign_how *out)
{
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (algs[i].alg == alg && algs[i].kind == sign_key_kind(k)) {
			*out = algs[i].how;
			return true;
		}
	return false;
}

/* A byte string's head, in the shortest form (RFC 8949, 3). */
static void
put_bytes(struct buf *b, struct span s)
{
	uint8_t head[9] = {0};
	size_t n = s.n < 24	       ? 0
		   : s.n < 0x100       ? 1
		   : s.n < 0x10000     ? 2
		   : s.n < 0x100000000 ? 4
				       : 8;

	head[0] = (uint8_t)(0x40 | (n == 0	? s.n
				       : n == 1 ? 24
				       : n == 2 ? 25
				       : n == 4 ? 26
						: 27));
	for (size_t i = 0; i < n; i++)
		head[n - i] = (uint8_t)(s.n >> 8 * i);
	buf_put(b, head, 1 + n);
	buf_put(b, s.p, s.n);
}

/* Sig_structure (RFC 9052, 4.4), without external data. */
static void
put_signed(const struct cose_sign1 *s, struct buf *out)
{
	static const char context[] = "\x84\x6aSignature1";

	buf_put(out, context, sizeof(context) - 1);
	put_bytes(out, s->protected);
	put_bytes(out, span_of(NULL, 0));
	put_bytes(out, s->payload);
}

rc
cose_verify(const struct cose_sign1 *s, const struct sign_key *const *keys,
    size_t n, const struct sign_key **by, struct err *e)
{
	const struct sign_key *good = NULL;
	struct sign_how how;
	struct buf input = {0};
	size_t tried = 0;

	put_signed(s, &input);
	for (size_t i = 0; !input.failed && !good && i < n; i++) {
		if (!how_of(keys[i], s->alg, &how))
			continue;
		tried++;
		if (sign_verify(keys[i], how, s->signature, buf_span(&input)))
			good = keys[i];
	}
	bool memory = !input.failed;
	buf_free(&input);
	if (!memory)
		return err_at(e, ERR_MEMORY, NULL, "%s", "cose");
	if (n && !tried)
		return err_text(e, ERR_COSE_ALGORITHM, "cose.protected",
		    "None of the named keys signs with algorithm %lld.",
		    (long long)s->alg);
	if (!good)
		return err_at(
		    e, ERR_COSE_SIGNATURE, NULL, "%s", "cose.signature");
	*by = good;
	return RC_OK;
}

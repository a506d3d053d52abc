/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quote_verify: everything that is asked of a quote whose key is cached
 * (decode quote and signature, the challenge it answers, selection, digest of
 * the PCR values, signature), beside the signature check alone.
 *
 * The quote is a recorded one whose nonce is replaced by a challenge of ours
 * and which is signed again by a software key.
 */
#include "bench/bench.h"

#include "bench/bare.h"
#include "lib/tap.h"
#include "replay/bank.h"
#include "verify/challenge.h"
#include "verify/quote.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#define BOOT "/tests/vectors/vm/boots/grub-sb-golden/"

/* In the recorded TPMS_ATTEST: magic, type, TPM2B_NAME of 34 bytes, then the
 * TPM2B_DATA with the nonce. */
enum { NONCE_AT = 4 + 2 + 2 + 34 + 2, ATTEST_MAX = 512 };

struct subject {
	struct arena arena;
	struct hasher *hasher;
	struct challenge_keys keys;
	struct challenge_expect expect;
	char challenge[CHALLENGE_TEXT];
	uint8_t attest[ATTEST_MAX];
	size_t attest_n;
	uint8_t signature[512];
	size_t signature_n;
	struct banks values;
	struct key *key;
	/* For the bare side. */
	EVP_PKEY *pkey;
	struct bare_signature *bare;
	uint8_t raw[512];
	size_t raw_n;
};

static rc
crypto(struct err *e)
{
	return err_at(e, ERR_CRYPTO, NULL, "%s", "bench.quote");
}

/* The quote answers this challenge and covers these PCR values. */
static rc
issue(struct subject *s, struct err *e)
{
	struct challenge c = {
	    .purpose = CHALLENGE_ATTEST, .issued = TIME_S, .ttl = 300 * TIME_S};

	s->keys.n = 1;
	TRY(pcr_selections_parse(
	    span_str("sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"),
	    &c.selection, e));
	TRY(random_bytes(s->keys.key[0].key, CHALLENGE_KEY));
	TRY(challenge_issue(&s->keys, &c, s->hasher, s->challenge, e));
	s->expect = (struct challenge_expect){
	    .purpose = CHALLENGE_ATTEST, .now = TIME_S + 1};
	memcpy(s->attest + NONCE_AT, c.qualifying, sizeof(c.qualifying));
	s->values.n = 1;
	bank_init(&s->values.bank[0], ALG_SHA256, 0);
	/* pcrDigest is the last member of the structure. */
	if (!banks_composite(&s->values, &c.selection, ALG_SHA256, s->hasher,
		s->attest + s->attest_n - 32))
		return crypto(e);
	return RC_OK;
}

static void
put_u16(struct subject *s, unsigned v)
{
	s->signature[s->signature_n++] = (uint8_t)(v >> 8);
	s->signature[s->signature_n++] = (uint8_t)v;
}

static bool
put_ecdsa(struct subject *s)
{
	const uint8_t *p = s->raw;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)s->raw_n);
	const BIGNUM *part[2];

	if (!sig)
		return false;
	ECDSA_SIG_get0(sig, &part[0], &part[1]);
	for (int i = 0; i < 2; i++) {
		put_u16(s, 32);
		BN_bn2binpad(part[i], s->signature + s->signature_n, 32);
		s->signature_n += 32;
	}
	ECDSA_SIG_free(sig);
	return true;
}

/* A TPMT_SIGNATURE: scheme, hash, then TPM2B_PUBLIC_KEY_RSA or r and s. */
static bool
put_signature(struct subject *s, bool rsa)
{
	put_u16(s, rsa ? 0x0014 : 0x0018);
	put_u16(s, ALG_SHA256);
	if (!rsa)
		return put_ecdsa(s);
	put_u16(s, (unsigned)s->raw_n);
	memcpy(s->signature + s->signature_n, s->raw, s->raw_n);
	s->signature_n += s->raw_n;
	return true;
}

static bool
sign(struct subject *s, bool rsa)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	s->raw_n = sizeof(s->raw);
	bool ok =
	    md &&
	    EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, s->pkey) == 1 &&
	    EVP_DigestSign(md, s->raw, &s->raw_n, s->attest, s->attest_n) ==
		1 &&
	    put_signature(s, rsa);
	EVP_MD_CTX_free(md);
	return ok;
}

static rc
load_key(struct subject *s, struct err *e)
{
	uint8_t *der = NULL;
	int n = i2d_PUBKEY(s->pkey, &der);

	if (n <= 0)
		return crypto(e);
	rc r = key_from_spki(span_of(der, (size_t)n), &s->key, e);
	OPENSSL_free(der);
	return r;
}

static rc
prepare(struct subject *s, bool rsa, struct err *e)
{
	struct span msg =
	    tap_file(&s->arena, BOOT "quote-sha256-0_15-rsassa.msg");

	if (msg.n > sizeof(s->attest))
		return crypto(e);
	memcpy(s->attest, msg.p, msg.n);
	s->attest_n = msg.n;
	TRY(issue(s, e));
	s->pkey = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	if (!s->pkey || !sign(s, rsa))
		return crypto(e);
	s->bare = bare_signature_new(s->pkey, span_of(s->attest, s->attest_n),
	    span_of(s->raw, s->raw_n));
	return s->bare ? load_key(s, e) : crypto(e);
}

static rc
ours(void *ctx, struct err *e)
{
	struct subject *s = ctx;
	struct challenge c;
	struct tpm_quote q;
	struct tpm_signature sig;
	uint8_t composite[HASH_MAX];

	arena_reset(&s->arena);
	TRY(tpm_decode_quote(
	    span_of(s->attest, s->attest_n), &s->arena, &q, e));
	TRY(tpm_decode_signature(
	    span_of(s->signature, s->signature_n), &s->arena, &sig, e));
	TRY(challenge_check(
	    &s->keys, span_str(s->challenge), &s->expect, s->hasher, &c, e));
	TRY(quote_check_nonce(
	    &q, span_of(c.qualifying, sizeof(c.qualifying)), e));
	TRY(quote_check_selection(&q, &c.selection, e));
	TRY(quote_check_digest_size(&q, sig.hash, e));
	if (!banks_composite(
		&s->values, &q.selection, sig.hash, s->hasher, composite) ||
	    !span_eq(q.pcr_digest, span_of(composite, q.pcr_digest.n)))
		return err_at(e, ERR_QUOTE_PCR_DIGEST, NULL, "%s", "quote");
	return key_verify(s->key, &sig, q.signed_bytes, s->hasher, e);
}

static rc
bare(void *ctx, struct err *e)
{
	struct subject *s = ctx;

	return bare_verify(s->bare) ? RC_OK : crypto(e);
}

static rc
measure(bool rsa, struct measured *out, struct err *e)
{
	struct subject s = {.hasher = hasher_new()};
	struct bench_work mine = {ours, &s}, floor = {bare, &s};

	arena_init(&s.arena, (size_t)1 << 20);
	rc r = s.hasher ? prepare(&s, rsa, e) : crypto(e);
	if (rc_ok(r))
		r = bench_pairs(&mine, &floor, out, e);
	key_free(s.key);
	bare_signature_free(s.bare);
	EVP_PKEY_free(s.pkey);
	hasher_free(s.hasher);
	arena_free(&s.arena);
	return r;
}

rc
bench_bare_verify(double *us, struct err *e)
{
	struct measured rsa, ec;

	TRY(measure(true, &rsa, e));
	TRY(measure(false, &ec, e));
	*us = (rsa.bare + ec.bare) / 2;
	return RC_OK;
}

/* The key type that comes out worse counts. */
static rc
run(struct measured *out, struct err *e)
{
	struct measured rsa, ec;

	TRY(measure(true, &rsa, e));
	TRY(measure(false, &ec, e));
	bench_per_second(&rsa);
	bench_per_second(&ec);
	*out = rsa.ratio < ec.ratio ? rsa : ec;
	return RC_OK;
}

const struct bench_row row_quote_verify = {"quote_verify", "1/s",
    "quotes checked with a cached key, RSA-2048 and P-256, the worse",
    RATIO_AT_LEAST, 0.90, run};

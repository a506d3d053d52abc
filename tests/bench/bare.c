/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/bare.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdlib.h>

static const struct {
	uint16_t alg;
	const char *name;
} algs[] = {{ALG_SHA1, "SHA1"}, {ALG_SHA256, "SHA256"}, {ALG_SHA384, "SHA384"},
    {ALG_SHA512, "SHA512"}};

enum { ALGS = sizeof(algs) / sizeof(algs[0]) };

struct bare {
	EVP_MD *md[ALGS];
	EVP_MD_CTX *ctx[ALGS];
};

struct bare *
bare_new(void)
{
	struct bare *b = calloc(1, sizeof(*b));
	bool ok = b != NULL;

	for (size_t i = 0; ok && i < ALGS; i++) {
		b->md[i] = EVP_MD_fetch(NULL, algs[i].name, NULL);
		b->ctx[i] = EVP_MD_CTX_new();
		ok = b->md[i] && b->ctx[i] &&
		     EVP_DigestInit_ex2(b->ctx[i], b->md[i], NULL) == 1;
	}
	if (ok)
		return b;
	bare_free(b);
	return NULL;
}

void
bare_free(struct bare *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < ALGS; i++) {
		EVP_MD_CTX_free(b->ctx[i]);
		EVP_MD_free(b->md[i]);
	}
	free(b);
}

bool
bare_hash(
    struct bare *b, uint16_t alg, struct span x, struct span y, uint8_t *out)
{
	size_t i = 0;

	while (i < ALGS - 1 && algs[i].alg != alg)
		i++;
	EVP_MD_CTX *ctx = b->ctx[i];
	return EVP_DigestInit_ex2(ctx, NULL, NULL) == 1 &&
	       EVP_DigestUpdate(ctx, x.p, x.n) == 1 &&
	       (y.n == 0 || EVP_DigestUpdate(ctx, y.p, y.n) == 1) &&
	       EVP_DigestFinal_ex(ctx, out, NULL) == 1;
}

static bool
boot_event(struct bare *b, const struct evlog *log,
    const struct evlog_event *ev, unsigned bound,
    uint8_t pcrs[][LIMIT_PCRS][HASH_MAX])
{
	struct uefi_hashed hashed = uefi_hashed(ev);
	struct span none = {NULL, 0};
	uint8_t out[HASH_MAX];

	for (size_t i = 0; i < log->algs_n; i++) {
		const struct evlog_alg *alg = &log->algs[i];
		uint8_t *pcr = pcrs[i][ev->pcr];

		if (!bare_hash(b, alg->id, span_of(pcr, alg->size),
			span_of(ev->digests[i], alg->size), pcr))
			return false;
		if (bound &&
		    !bare_hash(b, alg->id, hashed.try[bound - 1], none, out))
			return false;
	}
	return true;
}

bool
bare_boot(
    struct bare *b, const struct evlog *log, const struct boot_replay *replay)
{
	uint8_t pcrs[LIMIT_BANKS][LIMIT_PCRS][HASH_MAX] = {0};

	for (size_t i = 0; i < log->events_n; i++)
		if (evlog_extended(&log->events[i]) &&
		    !boot_event(
			b, log, &log->events[i], replay->events[i].bound, pcrs))
			return false;
	return true;
}

bool
bare_ima(struct bare *b, const struct span *template_data, size_t n)
{
	uint8_t pcr[HASH_MAX] = {0}, digest[HASH_MAX];
	struct span none = {NULL, 0};

	for (size_t i = 0; i < n; i++)
		if (!bare_hash(b, ALG_SHA1, template_data[i], none, digest) ||
		    !bare_hash(b, ALG_SHA256, template_data[i], none, digest) ||
		    !bare_hash(b, ALG_SHA256, span_of(pcr, 32),
			span_of(digest, 32), pcr))
			return false;
	return true;
}

struct bare_signature {
	EVP_PKEY_CTX *ctx;
	struct span sig;
	uint8_t digest[32];
};

struct bare_signature *
bare_signature_new(EVP_PKEY *key, struct span data, struct span sig)
{
	struct bare_signature *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->sig = sig;
	s->ctx = EVP_PKEY_CTX_new(key, NULL);
	if (s->ctx && EVP_PKEY_verify_init(s->ctx) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(s->ctx, EVP_sha256()) == 1 &&
	    (!EVP_PKEY_is_a(key, "RSA") ||
		EVP_PKEY_CTX_set_rsa_padding(s->ctx, RSA_PKCS1_PADDING) == 1) &&
	    EVP_Digest(data.p, data.n, s->digest, NULL, EVP_sha256(), NULL) ==
		1 &&
	    bare_verify(s))
		return s;
	bare_signature_free(s);
	return NULL;
}

void
bare_signature_free(struct bare_signature *s)
{
	if (s)
		EVP_PKEY_CTX_free(s->ctx);
	free(s);
}

bool
bare_verify(const struct bare_signature *s)
{
	return EVP_PKEY_verify(s->ctx, s->sig.p, s->sig.n, s->digest,
		   sizeof(s->digest)) == 1;
}

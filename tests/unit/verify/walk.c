/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/verify/walk.h"
#include "lib/tap.h"

#include <stdlib.h>

static struct span
file(struct arena *a, const char *stem, const char *suffix)
{
	return tap_file(a, arena_printf(a, "%s%s", stem, suffix));
}

struct walk
walk_negative(struct arena *a, const char *name)
{
	const char *at =
	    arena_printf(a, "/tests/vectors/vm/negatives/%s/", name);

	return (struct walk){file(a, at, "quote.msg"), file(a, at, "quote.sig"),
	    file(a, at, "ak.pub"), file(a, at, "nonce.bin"),
	    file(a, at, "pcrsel.txt")};
}

struct walk
walk_boot(struct arena *a, const char *stem)
{
	struct span key = file(a, stem, ".ak");
	const char *slash = strrchr(stem, '/');
	const char *ak = arena_printf(a, "%.*s/ak-%.*s", (int)(slash - stem),
	    stem, (int)key.n - 1, (const char *)key.p);

	return (struct walk){file(a, stem, ".msg"), file(a, stem, ".sig"),
	    file(a, ak, ".pub"), file(a, stem, ".nonce"),
	    file(a, stem, ".pcrsel")};
}

/* A key in PEM has no attributes to be judged by. */
static rc
load_key(struct span ak_pub, struct arena *a, struct key **out)
{
	struct tpm_public pub;

	if (ak_pub.n && ak_pub.p[0] == '-')
		return key_from_spki(ak_pub, out, NULL);
	TRY(tpm_decode_public(ak_pub, a, &pub, NULL));
	TRY(key_check_ak(&pub, NULL));
	return key_from_public(&pub, out, NULL);
}

static rc
judge_key(const struct walk *w, const struct tpm_quote *quote,
    const struct tpm_signature *sig, struct hasher *h, struct arena *a)
{
	struct key *key;

	TRY(load_key(w->ak_pub, a, &key));
	rc r = key_verify(key, sig, quote->signed_bytes, h, NULL);
	key_free(key);
	return r;
}

static rc
judge(const struct walk *w, struct hasher *h, struct arena *a)
{
	struct tpm_quote quote;
	struct tpm_signature sig;
	struct pcr_selections asked;

	TRY(tpm_decode_quote(w->msg, a, &quote, NULL));
	TRY(tpm_decode_signature(w->sig, a, &sig, NULL));
	TRY(judge_key(w, &quote, &sig, h, a));
	TRY(pcr_selections_parse(w->asked, &asked, NULL));
	TRY(quote_check_nonce(&quote, w->nonce, NULL));
	TRY(quote_check_selection(&quote, &asked, NULL));
	return quote_check_digest_size(&quote, sig.hash, NULL);
}

enum err_code
walk_judge(const struct walk *w, struct hasher *h)
{
	struct arena a;

	arena_init(&a, 64 * 1024);
	rc r = judge(w, h, &a);
	arena_free(&a);
	return r.code;
}

uint8_t *
walk_copy(struct span s, size_t n)
{
	uint8_t *p = malloc(n ? n : 1);

	if (!p)
		exit(99);
	for (size_t i = 0; i < n; i++)
		p[i] = i < s.n ? s.p[i] : 0;
	return p;
}

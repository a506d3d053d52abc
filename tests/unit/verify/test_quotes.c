/* SPDX-License-Identifier: Apache-2.0 */
/* Every recorded quote, good and bad, through decode/ and verify/. The letters
 * in the names are those of the table of attacks. */
#include "lib/tap.h"
#include "unit/verify/walk.h"

#include <glob.h>
#include <stdlib.h>

#define GOLDEN "/tests/vectors/vm/boots/grub-sb-golden/"
#define QUOTES "/tests/vectors/quotes/"

static struct hasher *h;

static void
expect(const char *name, const struct walk *w, enum err_code want)
{
	enum err_code got = walk_judge(w, h);

	tap_ok(got == want, "%s: %s", name, err_name(want));
	if (got != want)
		tap_note("got %s", err_name(got));
}

/* --- recorded boots ------------------------------------------------------- */

/* What a genuine quote of the boots is refused for, by a part of its name. */
static const struct {
	const char *part;
	enum err_code code;
} boot_refusals[] = {
    {"/quote-unrestricted-", ERR_AK_ATTRIBUTES},
    {"/quote-empty-", ERR_QUOTE_SELECTION_EMPTY},
    {"/quote-sha512-unallocated-", ERR_QUOTE_SELECTION_EMPTY},
    {"/quote-nonceempty-", ERR_QUOTE_NONCE},
};

static enum err_code
boot_expectation(const char *stem)
{
	size_t n = sizeof(boot_refusals) / sizeof(boot_refusals[0]);

	for (size_t i = 0; i < n; i++)
		if (strstr(stem, boot_refusals[i].part))
			return boot_refusals[i].code;
	return ERR_OK;
}

/* The EK that is the parent of a boot's AK. */
static const char *
parent_of(const char *stem)
{
	const char *key = strrchr(stem, '-') + 1;

	return strcmp(key, "ecdsa") == 0      ? "ecc256"
	       : strcmp(key, "ecdsa384") == 0 ? "ecc384"
					      : "rsa";
}

static rc
qualified(const struct walk *w, const char *stem, struct arena *a,
    struct tpm_name *out)
{
	const char *slash = strrchr(stem, '/');
	struct span raw =
	    tap_file(a, arena_printf(a, "%.*s/ek-%s.pub", (int)(slash - stem),
			    stem, parent_of(stem)));
	struct tpm_public ek, ak;
	struct tpm_name ek_name, ak_name;

	TRY(tpm_decode_public(raw, a, &ek, NULL));
	TRY(tpm_decode_public(w->ak_pub, a, &ak, NULL));
	TRY(key_name(&ek, h, &ek_name, NULL));
	TRY(key_name(&ak, h, &ak_name, NULL));
	return key_qualified_name(&ek_name, &ak_name, h, out, NULL);
}

/* Q31: all AKs but the unrestricted one are under an EK. */
static bool
signer_follows(const struct walk *w, const char *stem, struct arena *a)
{
	struct tpm_name qn;
	struct tpm_quote quote;

	if (!rc_ok(tpm_decode_quote(w->msg, a, &quote, NULL)) ||
	    !rc_ok(qualified(w, stem, a, &qn)) ||
	    !rc_ok(quote_check_signer(&quote, &qn, NULL)))
		return false;
	qn.b[qn.n - 1] ^= 1;
	return quote_check_signer(&quote, &qn, NULL).code == ERR_AK_QN;
}

static void
one_boot_quote(const char *stem)
{
	enum err_code want = boot_expectation(stem);
	struct arena a;

	arena_init(&a, 1024 * 1024);
	struct walk w = walk_boot(&a, stem);
	enum err_code got = walk_judge(&w, h);
	bool follows = want != ERR_OK || signer_follows(&w, stem, &a);
	tap_ok(got == want && follows, "%s: %s",
	    stem + strlen("/tests/vectors/vm/boots/"), err_name(want));
	if (got != want)
		tap_note("got %s", err_name(got));
	arena_free(&a);
}

static void
all_boots(void)
{
	const char *top = getenv("SRCDIR") ? getenv("SRCDIR") : AKASHI_SRCDIR;
	struct arena a;
	glob_t found;

	arena_init(&a, 64 * 1024);
	const char *pattern =
	    arena_printf(&a, "%s/tests/vectors/vm/boots/*/quote-*.msg", top);
	int r = glob(pattern, 0, NULL, &found);
	tap_ok(r == 0 && found.gl_pathc > 300, "the boots hold quotes");
	for (size_t i = 0; r == 0 && i < found.gl_pathc; i++) {
		const char *stem = found.gl_pathv[i] + strlen(top);
		arena_reset(&a);
		one_boot_quote(
		    arena_printf(&a, "%.*s", (int)strlen(stem) - 4, stem));
	}
	if (r == 0)
		globfree(&found);
	arena_free(&a);
}

/* --- recorded negatives --------------------------------------------------- */

static const struct {
	const char *name;
	enum err_code code;
} negatives[] = {
    {"ak-attr-no-sensitivedataorigin", ERR_AK_ATTRIBUTES},
    {"ak-attr-not-fixedtpm", ERR_AK_ATTRIBUTES},
    {"ak-attr-restricted-cleared", ERR_AK_ATTRIBUTES},
    {"ak-ecc-point-not-on-curve", ERR_AK_POINT},
    {"ak-pub-size-mismatch", ERR_TPM_FORMAT},
    {"ak-pub-truncated", ERR_TPM_FORMAT},
    /* Only EK and qualifiedSigner tell it: signer_of_software_key(). */
    {"ak-software-key", ERR_OK},
    {"attest-empty", ERR_QUOTE_FORMAT},
    {"attest-extradata-huge", ERR_QUOTE_FORMAT},
    {"attest-pcrdigest-empty", ERR_QUOTE_PCR_DIGEST},
    {"attest-pcrselect-count-huge", ERR_QUOTE_FORMAT},
    {"attest-trailing-bytes", ERR_QUOTE_FORMAT},
    {"attest-truncated", ERR_QUOTE_FORMAT},
    {"attest-type-certify", ERR_QUOTE_TYPE},
    {"attest-type-time", ERR_QUOTE_TYPE},
    {"forged-badmagic-unrestricted-key", ERR_QUOTE_MAGIC},
    {"forged-goodmagic-unrestricted-key", ERR_AK_ATTRIBUTES},
    {"quote-by-unrestricted-key", ERR_AK_ATTRIBUTES},
    {"quote-clock-altered", ERR_QUOTE_SIGNATURE},
    {"quote-ecdsa-oversized-r", ERR_QUOTE_SIGNATURE},
    {"quote-ecdsa-zero", ERR_QUOTE_SIGNATURE},
    {"quote-empty-selection", ERR_QUOTE_SELECTION_EMPTY},
    {"quote-nonce-empty-extradata", ERR_QUOTE_NONCE},
    {"quote-nonce-is-prefix", ERR_QUOTE_NONCE},
    {"quote-pcrdigest-bitflip", ERR_QUOTE_SIGNATURE},
    {"quote-replayed-from-earlier-boot", ERR_QUOTE_NONCE},
    {"quote-selection-only-10", ERR_QUOTE_SELECTION},
    {"quote-selection-subset", ERR_QUOTE_SELECTION},
    {"quote-sha1-only", ERR_QUOTE_SELECTION},
    {"quote-sig-alg-mismatch", ERR_QUOTE_SIG_ALG},
    {"quote-sig-bitflip", ERR_QUOTE_SIGNATURE},
    {"quote-sig-hash-relabelled-sha1", ERR_QUOTE_SIG_WEAK},
    {"quote-sig-length-huge", ERR_QUOTE_SIG_FORMAT},
    {"quote-wrong-ak", ERR_QUOTE_SIGNATURE},
    {"quote-wrong-nonce", ERR_QUOTE_NONCE},
};

static void
all_negatives(void)
{
	struct arena a;

	arena_init(&a, 1024 * 1024);
	for (size_t i = 0; i < sizeof(negatives) / sizeof(negatives[0]); i++) {
		struct walk w = walk_negative(&a, negatives[i].name);
		expect(negatives[i].name, &w, negatives[i].code);
		arena_reset(&a);
	}
	arena_free(&a);
}

/* K10: everything fits but the name of the key that the TPM signed for. */
static void
signer_of_software_key(void)
{
	struct arena a;
	struct tpm_name qn;
	struct tpm_quote quote;

	arena_init(&a, 1024 * 1024);
	struct walk w = walk_negative(&a, "ak-software-key");
	rc r = tpm_decode_quote(w.msg, &a, &quote, NULL);
	if (rc_ok(r))
		r = qualified(&w, GOLDEN "quote-sha256-0_15-rsassa", &a, &qn);
	if (rc_ok(r))
		r = quote_check_signer(&quote, &qn, NULL);
	tap_ok(r.code == ERR_AK_QN, "Q31 K10 ak-software-key: ak.qn");
	arena_free(&a);
}

/* --- recorded quotes of one TPM ------------------------------------------- */

static const struct {
	const char *name;
	const char *asked;
	const char *nonce;
	enum err_code code;
} quotes[] = {
    {"q1", "sha256:0,1,7", NULL, ERR_OK},
    {"q1", "sha256:0,1,7,8", NULL, ERR_QUOTE_SELECTION},
    {"q16", "sha256:16", NULL, ERR_OK},
    {"q16", "sha256:0,1,2,3,4,5,6,7", NULL, ERR_QUOTE_SELECTION}, /* Q07 */
    {"qmulti", "sha1:0+sha256:0", NULL, ERR_OK},
    {"qmulti", "sha256:0+sha1:0", NULL, ERR_OK},
    {"qmulti", "sha256:0", NULL, ERR_QUOTE_SELECTION},
    {"qorder", "sha256:1+sha1:0", NULL, ERR_OK},		  /* Q13 */
    {"qdup", "sha256:0", NULL, ERR_QUOTE_SELECTION_DUPLICATE},	  /* Q10 */
    {"qdup2", "sha256:0,1", NULL, ERR_QUOTE_SELECTION_DUPLICATE}, /* Q10 */
    {"qnone", "sha256:0", NULL, ERR_QUOTE_SELECTION_EMPTY},	  /* Q09 */
    {"fake", "sha256:0", NULL, ERR_QUOTE_MAGIC},		  /* Q01 */
    {"gt", "sha256:0", NULL, ERR_QUOTE_TYPE},			  /* Q02 */
    {"nv", "sha256:0", NULL, ERR_QUOTE_TYPE},			  /* Q03 */
    {"ce", "sha256:0", "\x00\xff\x55\xaa", ERR_QUOTE_TYPE},	  /* Q04 */
};

/* Their AK is there as an SPKI only, so the key rules are not asked. */
static void
all_quotes(void)
{
	struct arena a;

	arena_init(&a, 1024 * 1024);
	for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++) {
		const char *stem =
		    arena_printf(&a, QUOTES "%s", quotes[i].name);
		struct walk w = {tap_file(&a, arena_printf(&a, "%s.msg", stem)),
		    tap_file(&a, arena_printf(&a, "%s.sig", stem)),
		    tap_file(&a, QUOTES "akpub.pem"),
		    quotes[i].nonce ? span_of(quotes[i].nonce, 4)
				    : span_str("challenge-nonce-1"),
		    span_str(quotes[i].asked)};
		expect(arena_printf(&a, "%s for %s", stem + 1, quotes[i].asked),
		    &w, quotes[i].code);
		arena_reset(&a);
	}
	arena_free(&a);
}

/* --- properties ----------------------------------------------------------- */

static const char *const stems[] = {
    GOLDEN "quote-sha256-0_15-rsassa",
    GOLDEN "quote-sha256-0_15-rsapss",
    GOLDEN "quote-sha256-0_15-ecdsa",
    GOLDEN "quote-sha384-0_15-ecdsa384",
    GOLDEN "quote-mixed-rsassa",
};

enum { STEMS = sizeof(stems) / sizeof(stems[0]) };

static struct span *
part_of(struct walk *w, int part)
{
	return part == 0 ? &w->msg : part == 1 ? &w->sig : &w->ak_pub;
}

static const char *const part_names[] = {"quote.msg", "quote.sig", "ak.pub"};

/* Q20, Q21: any other length of any part is refused. */
static bool
lengths_fail(const struct walk *good, int part)
{
	struct walk w = *good;
	struct span whole = *part_of(&w, part);
	bool all = true;

	for (size_t n = 0; n <= whole.n + 1; n++) {
		uint8_t *p = walk_copy(whole, n);
		*part_of(&w, part) = span_of(p, n);
		all &= (walk_judge(&w, h) == ERR_OK) == (n == whole.n);
		free(p);
	}
	return all;
}

/* Q14: any flipped bit of quote or signature is refused, and so is any of the
 * key's that changes the key. */
static bool
flips_fail(const struct walk *good, int part)
{
	struct walk w = *good;
	struct span whole = *part_of(&w, part);
	uint8_t *p = walk_copy(whole, whole.n);
	bool none = true;

	*part_of(&w, part) = span_of(p, whole.n);
	for (size_t bit = 0; bit < 8 * whole.n; bit++) {
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		none &= walk_judge(&w, h) != ERR_OK;
		p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	none &= walk_judge(&w, h) == ERR_OK;
	free(p);
	return none;
}

static void
properties(void)
{
	struct arena a;

	arena_init(&a, 1024 * 1024);
	for (size_t i = 0; i < STEMS; i++) {
		struct walk w = walk_boot(&a, stems[i]);
		const char *name = stems[i] + strlen(GOLDEN);
		for (int part = 0; part < 3; part++)
			tap_ok(lengths_fail(&w, part),
			    "Q20 Q21 %s: no other length of %s", name,
			    part_names[part]);
		for (int part = 0; part < 2; part++)
			tap_ok(flips_fail(&w, part),
			    "Q14 %s: no flipped bit of %s", name,
			    part_names[part]);
		arena_reset(&a);
	}
	arena_free(&a);
}

int
main(void)
{
	h = hasher_new();
	if (!h)
		return 99;
	all_boots();
	all_negatives();
	signer_of_software_key();
	all_quotes();
	properties();
	hasher_free(h);
	return tap_done();
}

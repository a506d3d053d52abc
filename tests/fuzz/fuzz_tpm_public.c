/* SPDX-License-Identifier: Apache-2.0 */
/* A public area from anywhere, through everything that is asked of one. */
#include "lib/fuzz.h"
#include "verify/credential.h"
#include "verify/ek.h"

static void
use(const struct tpm_public *pub, struct hasher *h, struct arena *a)
{
	struct tpm_name name = {.n = 0};
	struct credential c;
	struct key *k = NULL;
	rc ak = key_check_ak(pub, NULL);
	rc made = key_from_public(pub, &k, NULL);

	/* A key that passes the rules fails for its numbers alone. */
	fuzz_check(!rc_ok(ak) || rc_ok(made) || made.code == ERR_AK_POINT);
	fuzz_check(rc_ok(made) == (k != NULL));
	key_free(k);
	rc named = key_name(pub, h, &name, NULL);
	fuzz_check(named.code != ERR_CRYPTO || !hash_by_id(pub->name_alg) ||
		   !hash_by_id(pub->name_alg)->bank);
	rc template = ek_check_template(pub, NULL);
	fuzz_check(!rc_ok(template) || !rc_ok(ak));
	/* An EK of a template gets its credential, or has bad numbers. */
	rc sealed = credential_make(
	    pub, &name, span_of("0123456789abcdef", 16), h, a, &c, NULL);
	fuzz_check(
	    !rc_ok(template) || rc_ok(sealed) || sealed.code == ERR_EK_FORMAT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hasher *h;
	struct tpm_public pub;
	struct arena a;

	if (!h)
		h = hasher_new();
	fuzz_check(h != NULL);
	arena_init(&a, 64 * 1024);
	rc r = tpm_decode_public(span_of(data, size), &a, &pub, NULL);
	fuzz_check(r.code != ERR_MEMORY);
	if (rc_ok(r)) {
		fuzz_check(pub.raw.n == size || pub.raw.n + 2 == size);
		use(&pub, h, &a);
	}
	arena_free(&a);
	return 0;
}

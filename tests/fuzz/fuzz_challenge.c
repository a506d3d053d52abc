/* SPDX-License-Identifier: Apache-2.0 */
/* A challenge from anywhere is refused. Where the first byte is 's', the rest
 * is a body that gets its MAC, so that what stands behind the MAC is reached.
 */
#include "base/text.h"
#include "lib/fuzz.h"
#include "verify/challenge.h"

static const struct challenge_keys keys = {2, {{7, {1}}, {8, {2}}}};

static struct span
signed_text(struct span body, struct arena *a)
{
	uint8_t *raw = arena_alloc(a, body.n + 32);

	fuzz_check(raw != NULL);
	if (body.n)
		memcpy(raw, body.p, body.n);
	fuzz_check(rc_ok(hash_hmac(ALG_SHA256,
	    span_of(keys.key[0].key, CHALLENGE_KEY), body, raw + body.n)));
	return span_str(base64url_string(a, span_of(raw, body.n + 32)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hasher *h;
	const struct challenge_expect expect = {
	    .purpose = CHALLENGE_ATTEST, .now = TIME_S};
	bool sign = size && data[0] == 's' && size < 4096;
	struct span text = span_of(data, size);
	struct challenge c;
	struct arena a;

	if (!h)
		h = hasher_new();
	fuzz_check(h != NULL);
	arena_init(&a, 64 * 1024);
	if (sign)
		text = signed_text(span_of(data + 1, size - 1), &a);
	rc r = challenge_check(&keys, text, &expect, h, &c, NULL);
	fuzz_check(!rc_ok(r) || sign);
	fuzz_check(!rc_ok(r) || c.selection.n <= LIMIT_BANKS);
	fuzz_check(r.code != ERR_MEMORY && r.code != ERR_CRYPTO);
	arena_free(&a);
	return 0;
}

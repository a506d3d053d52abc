/* SPDX-License-Identifier: Apache-2.0 */
/* A quote from anywhere: what is accepted keeps its promises. */
#include "decode/tpm.h"
#include "lib/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pcr_selections again;
	struct tpm_quote q;
	struct arena a;
	uint32_t any = 0;

	arena_init(&a, 64 * 1024);
	rc r = tpm_decode_quote(span_of(data, size), &a, &q, NULL);
	fuzz_check(r.code != ERR_MEMORY);
	if (rc_ok(r)) {
		const char *text = pcr_selections_text(&a, &q.selection);
		fuzz_check(
		    q.signed_bytes.n == size || q.signed_bytes.n + 2 == size);
		for (size_t i = 0; i < q.selection.n; i++) {
			fuzz_check(q.selection.bank[i].mask >> LIMIT_PCRS == 0);
			any |= q.selection.bank[i].mask;
		}
		fuzz_check(any != 0);
		fuzz_check(
		    rc_ok(pcr_selections_parse(span_str(text), &again, NULL)));
		fuzz_check(pcr_selections_eq(&q.selection, &again));
	}
	arena_free(&a);
	return 0;
}

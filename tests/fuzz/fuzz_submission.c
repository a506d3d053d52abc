/* SPDX-License-Identifier: Apache-2.0 */
/* Any body as an evidence frame; every span that comes out lies inside it. */
#include "intake/submission.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
inside(struct span whole, struct span part)
{
	if (part.p && (part.p < whole.p || part.n > whole.n ||
			  (size_t)(part.p - whole.p) > whole.n - part.n))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span body = span_of(data, size);
	struct submission s;
	struct err e;

	if (!rc_ok(submission_decode(body, &s, &e)))
		return 0;
	const struct span parts[] = {s.attest, s.signature, s.eventlog,
	    s.eventlog_hash, s.ima, s.userspace, s.pcrs, s.challenge};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		inside(body, parts[i]);
	for (size_t i = 0; i < s.ncerts; i++)
		inside(body, s.cert[i]);
	if (!s.attest.p || !s.signature.p || !s.challenge.p)
		abort();
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel command line, as it is and as UTF-16: tokens lie in it, one behind
 * the other, and nothing but blanks stands between them. */
#include "decode/cmdline.h"
#include "lib/fuzz.h"

static void
split(struct span line)
{
	struct span rest = line;
	const uint8_t *at = line.p;
	struct cmdline_token t;

	while (cmdline_next(&rest, &t)) {
		fuzz_check(t.raw.p >= at && t.raw.n > 0);
		for (; at < t.raw.p; at++)
			fuzz_check(*at == ' ' || (*at >= '\t' && *at <= '\r'));
		at += t.raw.n;
		fuzz_check(at == rest.p);
		fuzz_check(t.name.n + t.value.n <= t.raw.n);
		fuzz_check(!t.plain || t.printable);
		fuzz_check(cmdline_same_name(t.name, t.name));
	}
	fuzz_check(rest.n == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;

	arena_init(&a, 4 * size + 4096);
	split(span_of(data, size));
	struct span narrow = cmdline_narrow(span_of(data, size), &a);
	fuzz_check(narrow.p && narrow.n == size / 2);
	split(narrow);
	arena_free(&a);
	return 0;
}

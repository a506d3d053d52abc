/* SPDX-License-Identifier: Apache-2.0 */
/* A reference set from anywhere: it is one or it is not, whatever the pieces
 * that it comes in, and every line of one is found. */
#include "appraise/refset.h"
#include "base/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static rc
load_in_two(struct span file, size_t cut, struct refset **out)
{
	struct refset_loader *l = refset_loader_new();

	check(l != NULL);
	rc r = refset_loader_feed(l, span_of(file.p, cut), NULL);
	if (rc_ok(r))
		r = refset_loader_feed(
		    l, span_of(file.p + cut, file.n - cut), NULL);
	if (rc_ok(r))
		r = refset_loader_end(l, out, NULL);
	refset_loader_free(l);
	return r;
}

static void
find_lines(const struct refset *s, struct span file)
{
	size_t size = refset_alg(s)->size, lines = 0;
	uint8_t digest[HASH_MAX];

	while (file.n) {
		const uint8_t *nl = memchr(file.p, '\n', file.n);
		check(nl != NULL);
		check(
		    rc_ok(hex_decode(span_of(file.p, 2 * size), digest, size)));
		check(refset_has(s, digest));
		size_t n = (size_t)(nl - file.p) + 1;
		file = span_of(file.p + n, file.n - n);
		lines++;
	}
	check(refset_count(s) <= lines);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span file = span_of(data, size);
	struct refset *whole = NULL;
	struct refset *two = NULL;
	rc r = refset_load(file, &whole, NULL);
	rc again = load_in_two(file, size / 2, &two);

	check(rc_ok(r) == rc_ok(again));
	if (rc_ok(r)) {
		check(memcmp(refset_hash(whole), refset_hash(two), 32) == 0);
		check(refset_count(whole) == refset_count(two));
		find_lines(whole, file);
	}
	refset_unref(whole);
	refset_unref(two);
	return 0;
}

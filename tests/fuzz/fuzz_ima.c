/* SPDX-License-Identifier: Apache-2.0 */
/* An IMA list from anywhere: read it, extend it, look for a quote in it. */
#include "replay/ima.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static bool
inside(struct span s, struct span whole)
{
	return s.n == 0 || (s.p >= whole.p && s.p + s.n <= whole.p + whole.n);
}

static void
check_entry(const struct ima_entry *entry, struct span list)
{
	check(entry->pcr < LIMIT_PCRS);
	check(inside(entry->template_name, list));
	check(inside(entry->template_data, list));
	check(inside(entry->digest, list) && entry->digest.n >= 16);
	check(inside(entry->path, list) && entry->path.n > 0);
	check(entry->path.n < LIMIT_IMA_PATH);
	check(!memchr(entry->path.p, 0, entry->path.n));
	check(inside(entry->sig, list) && inside(entry->buf, list));
	check(
	    inside(entry->modsig, list) && inside(entry->modsig_digest, list));
}

static void
walk(struct span list, bool big_endian)
{
	struct ima_reader in = ima_over_as(list, 0, big_endian);
	struct ima_entry entry;
	bool more = true;
	uint32_t n = 0;

	while (rc_ok(ima_next(&in, &entry, &more, NULL)) && more) {
		check(entry.index == n++);
		check_entry(&entry, list);
	}
}

static void
replay(struct span list, struct hasher *h, bool values)
{
	static const struct banks zero = {
	    2, {{.alg = ALG_SHA256}, {.alg = ALG_SHA384}}};
	static const uint8_t digest[32];
	struct tpm_quote quote = {.pcr_digest = {digest, 32}};
	struct ima_target target = {.quote = &quote,
	    .hash = ALG_SHA256,
	    .values = values ? &zero : NULL};
	struct ima_state start, end;
	struct ima_match match;

	quote.selection = (struct pcr_selections){
	    2, {{ALG_SHA256, 1u << 10}, {ALG_SHA384, 3u << 10}}};
	ima_state_init(&start, NULL, &quote.selection);
	if (!rc_ok(ima_replay(
		list, &start, &target, h, NULL, NULL, &end, &match, NULL)))
		return;
	check(values); /* nothing hashes to zeros */
	check(match.bytes <= list.n && match.entries <= end.entries);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hasher *hasher;

	if (!hasher)
		hasher = hasher_new();
	check(hasher != NULL);
	walk(span_of(data, size), false);
	walk(span_of(data, size), true);
	replay(span_of(data, size), hasher, true);
	replay(span_of(data, size), hasher, false);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Lists that others published: each is read to its end or to its fault. */
#include "lib/tap.h"
#include "replay/ima.h"

#include <stdio.h>

static const struct {
	const char *file;
	enum err_code want;
	uint64_t entries;	/* before the fault */
	const char *wrong_hash; /* path of the first template hash that is */
} lists[] = {
    {"acs/imasig.log", ERR_OK, 1083, "entries[1079].template_hash"},
    {"charra/binary_runtime_measurements", ERR_OK, 1650, NULL},
    {"tpm2-tss/sml-ima-ng-sha1-invalidated.bin", ERR_IMA_TRUNCATED, 0, NULL},
    {"tpm2-tss/sml-ima-sha1.bin", ERR_IMA_TRUNCATED, 12, NULL},
    {"tpm2-tss/sml-ima-sha1-invalidated.bin", ERR_OK, 1, NULL},
    {"tpm2-tss/sml-ima-ng-sha1.bin", ERR_IMA_TRUNCATED, 6, NULL},
    {"tpm2-tss/sml-ima-sig-sha256.bin", ERR_IMA_TRUNCATED, 9, NULL},
};

struct outcome {
	uint64_t entries;
	char wrong_hash[160];
	struct err e;
};

static rc
walk(struct span list, struct hasher *h, struct outcome *o)
{
	struct pcr_selections sel = {1, {{ALG_SHA256, 1u << 10}}};
	struct ima_reader in = ima_over(list, 0);
	struct ima_state state;
	struct ima_entry entry;
	bool more = true;

	ima_state_init(&state, NULL, &sel);
	for (;; o->entries++) {
		TRY(ima_next(&in, &entry, &more, &o->e));
		if (!more)
			return RC_OK;
		if (!rc_ok(ima_state_extend(&state, &entry, h, &o->e)) &&
		    !*o->wrong_hash)
			snprintf(o->wrong_hash, sizeof(o->wrong_hash), "%s",
			    o->e.path);
	}
}

static void
check(struct span list, struct hasher *h, size_t i)
{
	const char *wrong = lists[i].wrong_hash ? lists[i].wrong_hash : "";
	struct outcome o = {0};
	rc r = walk(list, h, &o);

	tap_ok(r.code == lists[i].want && o.entries == lists[i].entries &&
		   strcmp(o.wrong_hash, wrong) == 0,
	    "%s: %s after %llu entries %s", lists[i].file, err_name(r.code),
	    (unsigned long long)o.entries, o.wrong_hash);
}

int
main(void)
{
	struct hasher *h = hasher_new();
	struct arena a;

	if (!h)
		return 99;
	arena_init(&a, 64u << 20);
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct span list = tap_shared(
		    &a, arena_printf(&a, "third-party/%s", lists[i].file));
		if (list.p)
			check(list, h, i);
		else
			tap_skip("no shared vectors here", "%s", lists[i].file);
	}
	arena_free(&a);
	hasher_free(h);
	return tap_done();
}

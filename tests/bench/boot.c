/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot_replay: decode a recorded log of 57 events in three banks, replay it in
 * each, and find the bytes that each digest covers; beside one extend per
 * event and bank and one hash of the covered bytes per event and bank.
 */
#include "bench/bench.h"

#include "bench/bare.h"
#include "lib/tap.h"
#include "replay/boot.h"

struct subject {
	struct arena arena; /* of one repetition */
	struct arena kept;
	struct hasher *hasher;
	struct span bytes;
	struct bare *bare;
	struct evlog log;
	struct boot_replay replay;
};

static rc
crypto(struct err *e)
{
	return err_at(e, ERR_CRYPTO, NULL, "%s", "bench.boot");
}

static rc
ours(void *ctx, struct err *e)
{
	struct subject *s = ctx;
	struct evlog log;
	struct boot_replay replay;

	arena_reset(&s->arena);
	TRY(evlog_decode(s->bytes, &s->arena, &log, e));
	return boot_replay(&log, NULL, s->hasher, &s->arena, &replay, e);
}

static rc
bare(void *ctx, struct err *e)
{
	struct subject *s = ctx;

	return bare_boot(s->bare, &s->log, &s->replay) ? RC_OK : crypto(e);
}

static rc
prepare(struct subject *s, struct err *e)
{
	if (!s->hasher || !s->bare)
		return crypto(e);
	s->bytes = tap_file(
	    &s->kept, "/tests/vectors/vm/boots/grub-sb-golden/eventlog.bin");
	TRY(evlog_decode(s->bytes, &s->kept, &s->log, e));
	return boot_replay(&s->log, NULL, s->hasher, &s->kept, &s->replay, e);
}

static rc
run(struct measured *out, struct err *e)
{
	struct subject s = {.hasher = hasher_new(), .bare = bare_new()};
	struct bench_work mine = {ours, &s}, floor = {bare, &s};

	arena_init(&s.arena, (size_t)16 << 20);
	arena_init(&s.kept, (size_t)16 << 20);
	rc r = prepare(&s, e);
	if (rc_ok(r))
		r = bench_pairs(&mine, &floor, out, e);
	hasher_free(s.hasher);
	bare_free(s.bare);
	arena_free(&s.arena);
	arena_free(&s.kept);
	return r;
}

const struct bench_row row_boot_replay = {"boot_replay", "us",
    "decode, replay and bind a log of 57 events in three banks", RATIO_AT_MOST,
    2.0, run};

/* SPDX-License-Identifier: Apache-2.0 */
/* A boot log from anywhere: decode, replay, describe. What could be decoded of
 * a refused log is shown to people, so it is walked as well. */
#include "decode/explain.h"
#include "decode/uefi_emit.h"
#include "replay/quirks.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
emit(const struct evlog_event *ev, unsigned bound)
{
	struct buf out = {0};
	struct jw w = jw_over(&out);

	uefi_emit(ev, bound, &w);
	check(!out.failed && out.n > 0);
	buf_free(&out);
}

static void
walk(const struct evlog *log, const struct boot_replay *r, struct arena *a)
{
	for (size_t i = 0; i < log->events_n; i++) {
		const struct evlog_event *ev = &log->events[i];
		const struct boot_event *became = &r->events[i];
		check(ev->index == i);
		check(!evlog_extended(ev) || ev->pcr < LIMIT_PCRS);
		check(became->bound <= uefi_hashed(ev).n);
		check(!(became->bound && became->split));
		check(uefi_describe(ev, a) != NULL);
		check(uefi_layer(log, ev) != NULL);
		check(uefi_explain(log, i, became->bound, i % 2 ? "ja" : "en",
			  a) != NULL);
		check(uefi_cover_name(uefi_cover(ev, became->bound)) != NULL);
		emit(ev, became->bound);
	}
	(void)boot_quirks(log, r);
}

/* No fuzzer finds digests that fit: each event takes its turn at each of the
 * bytes that its digest might cover. */
static void
pretend(const struct evlog *log, struct boot_replay *r)
{
	for (size_t i = 0; i < log->events_n; i++)
		r->events[i] = (struct boot_event){
		    (uint8_t)(i % (uefi_hashed(&log->events[i]).n + 1)), false};
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hasher *hasher;
	struct arena a;
	struct evlog log;
	struct boot_replay r;

	if (!hasher)
		hasher = hasher_new();
	check(hasher != NULL);
	/* Bounded by what the input can hold: 19 make an event. */
	arena_init(&a, ((size_t)1 << 20) + 64 * size);
	rc decoded = evlog_decode(span_of(data, size), &a, &log, NULL);
	check(decoded.code != ERR_MEMORY);
	check(log.events_n <= size / 19 + 1);
	arena_free(&a);
	arena_init(&a, (size_t)1 << 30);
	decoded = evlog_decode(span_of(data, size), &a, &log, NULL);
	check(rc_ok(boot_replay(&log, NULL, hasher, &a, &r, NULL)));
	walk(&log, &r, &a);
	pretend(&log, &r);
	walk(&log, &r, &a);
	arena_free(&a);
	return 0;
}

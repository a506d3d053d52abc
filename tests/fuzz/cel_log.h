/* SPDX-License-Identifier: Apache-2.0 */
/* What holds of any log that was decoded, whole or up to its fault. */
#ifndef AKASHI_TESTS_FUZZ_CEL_LOG_H
#define AKASHI_TESTS_FUZZ_CEL_LOG_H

#include "replay/cel.h"

#include <stdlib.h>

static inline void
check(bool holds)
{
	if (!holds)
		abort();
}

static inline void
check_record(const struct cel_log *log, size_t i, struct arena *a)
{
	const struct cel_record *rec = &log->records[i];

	check(rec->index == i && rec->offset < log->raw.n);
	check(i == 0 || rec->offset > log->records[i - 1].offset);
	check(rec->nv || rec->where < LIMIT_PCRS);
	check(cel_type_name(rec->type) != NULL);
	check(!cel_extended(rec) || rec->digests_n > 0);
	check(cel_describe(rec, a) != NULL);
}

/* Decode bytes as one format, replay and describe what came of it. */
static inline void
check_log(struct span bytes, enum cel_format format)
{
	static struct hasher *hasher;
	struct cel_replay replay;
	struct cel_log log;
	struct arena a;

	if (!hasher)
		hasher = hasher_new();
	check(hasher != NULL);
	/* Bounded by the input: 14 bytes are the least that a record has. */
	arena_init(&a, ((size_t)1 << 20) + 64 * bytes.n);
	rc r = cel_decode(bytes, format, &a, &log, NULL);
	check(r.code != ERR_MEMORY && log.records_n <= bytes.n / 14 + 1);
	arena_free(&a);
	arena_init(&a, (size_t)1 << 30);
	r = cel_decode(bytes, format, &a, &log, NULL);
	rc replayed = cel_replay(&log, NULL, hasher, &a, &replay, NULL);
	check(rc_ok(replayed) || err_class(replayed.code) != CLS_OURS);
	for (size_t i = 0; i < log.records_n; i++)
		check_record(&log, i, &a);
	arena_free(&a);
}

#endif

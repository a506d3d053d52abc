/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_REPLAY_BOOT_H
#define AKASHI_REPLAY_BOOT_H

#include "decode/uefi.h"
#include "replay/bank.h"

/* What became of one event. */
struct boot_event {
	/* 1 + index into uefi_hashed().try of the bytes that hash to the
	 * digests in every known bank; 0: the data is only a label. */
	uint8_t bound;
	/* The data hashes to the digest in one bank and not in another. */
	bool split;
};

struct boot_replay {
	struct banks banks;	   /* one per known algorithm of the log */
	struct boot_event *events; /* parallel to log->events */
};

/* Replay a decoded log in every bank it has, and find what its digests cover.
 * CRYPTO, MEMORY. */
MUST_USE rc boot_replay(const struct evlog *log, struct hasher *h,
    struct arena *a, struct boot_replay *out, struct err *e);

#endif

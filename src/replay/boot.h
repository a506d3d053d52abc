/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_REPLAY_BOOT_H
#define AKASHI_REPLAY_BOOT_H

#include "decode/uefi.h"
#include "replay/bank.h"

/* What became of one event. */
struct boot_event {
	/* 1 + index into uefi_hashed().try of the bytes that hash to the
	 * digests in every known bank; 0: the data is only a label. Always 0
	 * for EV_NO_ACTION, which no PCR binds. */
	uint8_t bound;
	/* The data hashes to the digest in one bank and not in another. */
	bool split;
};

struct boot_replay {
	struct banks banks; /* one per replayed algorithm, in the log's order */
	struct boot_event *events; /* parallel to log->events */
};

/* Replay a decoded log in the banks of `only` (NULL: in every bank it has
 * that OpenSSL can compute), and find what their digests cover. Digests of
 * other banks are not read.
 * CRYPTO, MEMORY. */
MUST_USE rc boot_replay(const struct evlog *log,
    const struct pcr_selections *only, struct hasher *h, struct arena *a,
    struct boot_replay *out, struct err *e);

/* Extend events[from, to) of the log into banks, one per known algorithm in
 * the log's order. A digest that an event lacks is not extended. CRYPTO. */
MUST_USE rc boot_extend(const struct evlog *log, size_t from, size_t to,
    struct hasher *h, struct banks *banks, struct err *e);

#endif

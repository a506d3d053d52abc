/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_REPLAY_CEL_H
#define AKASHI_REPLAY_CEL_H

#include "decode/cel.h"
#include "replay/bank.h"

struct cel_replay {
	struct banks banks; /* one per replayed algorithm, in the log's order */
	/* Parallel to log->records: the content hashes to the digest in every
	 * bank. Otherwise it is only a label. */
	bool *bound;
};

/* Replay a decoded log in the banks of `only` (NULL: in every bank it has),
 * from PCRs at reset. NV indices are not replayed: no quote covers them.
 * Where a record's type says that its digests are those of its content
 * (strings of systemd but for volume keys, Google's events), another digest
 * is refused; so is an event behind the launch separator. On these two `out`
 * is complete as well, for display.
 * USERSPACE_DIGEST, CEL_DIGEST_DATA, CEL_AFTER_LAUNCH; CRYPTO, MEMORY. */
MUST_USE rc cel_replay(const struct cel_log *log,
    const struct pcr_selections *only, struct hasher *h, struct arena *a,
    struct cel_replay *out, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Two boots side by side: which events one has and the other has not. */
#ifndef AKASHI_APPRAISE_BOOT_DIFF_H
#define AKASHI_APPRAISE_BOOT_DIFF_H

#include "base/arena.h"
#include "base/rc.h"
#include "decode/evlog.h"

enum { BOOT_CHANGES = 64 };

/* An event of either log or of both; where both stand, they differ. */
struct boot_change {
	unsigned pcr;
	const struct evlog_event *then; /* NULL: it was not there */
	const struct evlog_event *now;	/* NULL: it is gone */
};

struct boot_diff {
	const struct evlog *then, *now;
	uint32_t pcrs; /* in which anything differs */
	size_t n;      /* in `change`, in the order of PCRs and events */
	size_t more;   /* that did not fit */
	struct boot_change change[BOOT_CHANGES];
};

/* Compare what two logs extend, PCR by PCR, in the banks that both have; events
 * are equal if type and digests are. Borrows both. MEMORY. */
MUST_USE rc boot_diff(const struct evlog *then, const struct evlog *now,
    struct arena *a, struct boot_diff *out, struct err *e);

#endif

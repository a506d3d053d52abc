/* SPDX-License-Identifier: Apache-2.0 */
/* The measurement logs of this system, and an evidence directory on disk. */
#ifndef AKASHI_AGENT_COLLECT_H
#define AKASHI_AGENT_COLLECT_H

#include "agent/tpm.h"
#include "base/json.h"

struct log_source {
	const char *what; /* "boot log", for messages */
	const char *path;
	bool recorded;	 /* a file that the user named, not this system's */
	bool userspace;	 /* systemd's, not of securityfs */
	bool big_endian; /* the IMA list of such a machine, in its own order */
	size_t max;	 /* bytes that are read at most */
};

struct log_sources {
	struct log_source boot, ima, userspace;
};

/* The kernel's own, in securityfs, and that of systemd. */
struct log_sources log_sources_system(void);

struct log_part {
	struct buf bytes; /* the caller frees it */
	bool absent;	  /* this system does not have the log */
	bool incomplete;  /* systemd marked its log so: the sticky bit */
	bool behind;	  /* the log has fewer bytes than were to be skipped */
};

/* Read a log from byte `skip` on. A recorded log must be there; the kernel's
 * may be absent as long as securityfs is mounted, systemd's always. A log that
 * systemd is writing is waited for, so that it is whole and its mark is not
 * that of the writing. AGENT_LOG with what to do; FILE for a recorded one;
 * MEMORY. */
MUST_USE rc log_read(const struct log_source *s, uint64_t skip,
    struct log_part *out, struct err *e);

/* One quote with what it needs to be judged offline. */
struct evidence_files {
	const struct tpm_evidence *quote;
	struct span nonce; /* qualifyingData */
	const char *pcrs;  /* what was asked for */
	struct span ak_public, ek_public, ek_certificate;
	const struct log_sources *logs; /* whole logs are read again */
};

/* Write an evidence directory as `akashi appraise DIR` reads it; files that
 * exist are replaced, those of absent parts removed. FILE, AGENT_LOG. */
MUST_USE rc evidence_write(
    const char *dir, const struct evidence_files *f, struct err *e);

#endif

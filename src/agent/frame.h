/* SPDX-License-Identifier: Apache-2.0 */
/* The evidence body, application/vnd.akashi.evidence: a magic with version,
 * then parts {kind u16, flags u16, length u32, bytes}, little-endian, no
 * padding. Failures stick to the buffer (buf.failed). */
#ifndef AKASHI_AGENT_FRAME_H
#define AKASHI_AGENT_FRAME_H

#include "base/json.h"

#define FRAME_MAGIC "AKSHEVD1"
#define FRAME_TYPE "application/vnd.akashi.evidence"

enum frame_kind {
	FRAME_ATTEST = 1,
	FRAME_SIGNATURE = 2,
	FRAME_BOOT_LOG = 3,
	FRAME_BOOT_LOG_SHA256 = 4,
	FRAME_IMA = 5, /* {offset u64, entries} */
	FRAME_USERSPACE_LOG = 6,
	FRAME_CERTIFICATE = 7,
	FRAME_PCRS = 8,
	FRAME_CHALLENGE = 9,
};

/* The flag of a userspace log that systemd marked as incomplete. */
enum { FRAME_INCOMPLETE = 1 };

/* The flag of an IMA list that a big-endian kernel wrote in its own order. */
enum { FRAME_BIG_ENDIAN = 1 };

void frame_begin(struct buf *out);

/* Append one part. Longer than 4 GiB - 1 fails the buffer. */
void frame_put(struct buf *out, enum frame_kind kind, struct span bytes);

/* The same with flags. */
void frame_put_flags(
    struct buf *out, enum frame_kind kind, unsigned flags, struct span bytes);

/* Append an IMA segment: whole entries that start `offset` bytes into the
 * list; none may have come since. */
void frame_put_ima(
    struct buf *out, uint64_t offset, unsigned flags, struct span entries);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of POST /v1/evidence, media type application/vnd.akashi.evidence:
 * 8 bytes magic "AKSHEVD1", then parts {kind u16, flags u16 (0), length u32,
 * bytes}, little-endian, without padding. Every kind but 7 at most once. Two
 * kinds may have a flag, bit 0: of 5, the list is of a big-endian machine; of
 * 6, systemd marked the log as incomplete.
 */
#ifndef AKASHI_INTAKE_SUBMISSION_H
#define AKASHI_INTAKE_SUBMISSION_H

#include "base/limits.h"
#include "base/rc.h"
#include "base/rd.h"

#define SUBMISSION_TYPE "application/vnd.akashi.evidence"
#define SUBMISSION_MAGIC "AKSHEVD1"

enum submission_kind {
	PART_ATTEST = 1,    /* TPMS_ATTEST or TPM2B_ATTEST; required */
	PART_SIGNATURE = 2, /* TPMT_SIGNATURE; required */
	PART_EVENTLOG = 3,
	PART_EVENTLOG_HASH = 4, /* its SHA-256 instead */
	PART_IMA = 5,		/* offset u64, then entries */
	PART_USERSPACE = 6,
	PART_CERTIFICATE = 7, /* DER; up to LIMIT_CERTS of them */
	PART_PCRS = 8,	      /* values, concatenated in selection order */
	PART_CHALLENGE = 9,   /* its text; required */
};

enum { SUBMISSION_BIG_ENDIAN = 1, SUBMISSION_INCOMPLETE = 1 };

/* Spans of the body. A part that was not sent has p == NULL; one that was
 * sent empty has p != NULL. */
struct submission {
	struct span attest;
	struct span signature;
	struct span eventlog;
	struct span eventlog_hash; /* 32 bytes */
	struct span ima;	   /* entries, without the offset */
	uint64_t ima_offset;
	bool ima_big_endian; /* its flag */
	struct span userspace;
	bool userspace_incomplete; /* its flag */
	size_t ncerts;
	struct span cert[LIMIT_CERTS];
	struct span pcrs;
	struct span challenge;
};

/* FRAME_FORMAT (magic, flags, lengths, sizes over base/limits.h, 3 with 4),
 * FRAME_KIND, FRAME_DUPLICATE, FRAME_MISSING; the path is "parts[i]" or the
 * name of the part that is missing. */
MUST_USE rc submission_decode(
    struct span body, struct submission *out, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a running system measured, as its log (systemd's, or a canonical event
 * log) tells, on top of the boot log: from the PCR values that the boot log
 * leads to, to the quote.
 *
 * 1. Records stand in the order in which they were measured, over all PCRs. A
 *    quote is one moment, so it covers a number of records from the first on;
 *    those after it are legal and unattested.
 * 2. Records of PCRs that are not quoted, and of NV indices, which no quote
 *    covers, are unattested wherever they stand.
 * 3. A PCR is explained where its quoted value is met, in every bank that it
 *    is quoted in.
 */
#ifndef AKASHI_REPLAY_USERSPACE_H
#define AKASHI_REPLAY_USERSPACE_H

#include "decode/cel.h"
#include "replay/bank.h"

struct userspace_match {
	size_t covered; /* records before this one were measured before the
			   quote */
	uint32_t named; /* quoted PCRs that some record names */
	uint32_t wrong; /* those of them that are not explained */
	/* Each PCR is explained, but not all by the same number of records. */
	bool disorder;
	/* The boot's banks, one per quoted bank, continued by the covered
	 * records; in a PCR that is wrong, by all records. */
	struct banks pcrs;
};

/* Every record of a quoted PCR has a digest of each bank that it is quoted in,
 * and there are no more of them than LIMIT_EVENTS: they are replayed several
 * times. LOG_BANK_MISSING, CEL_TOO_LARGE; the path is events[i]…. */
MUST_USE rc userspace_check(const struct cel_log *log,
    const struct pcr_selections *quoted, struct err *e);

/* Continue the quoted PCRs of `boot` (a bank that it lacks starts at reset) to
 * the authenticated values. The log passed userspace_check(). PCRs of
 * `lenient` that are wrong do not count for the order of the others. CRYPTO. */
MUST_USE rc userspace_find(const struct cel_log *log,
    const struct pcr_selections *quoted, const struct banks *boot,
    const struct banks *values, uint32_t lenient, struct hasher *h,
    struct userspace_match *out);

/* The same where only the digest over all quoted PCRs is known (hash: that of
 * the signature). `more`: numbers of records less than all are tried as well.
 * *met tells whether one led to it; else out has all records covered. */
MUST_USE rc userspace_find_digest(const struct cel_log *log,
    const struct tpm_quote *quote, uint16_t hash, const struct banks *boot,
    bool more, struct hasher *h, bool *met, struct userspace_match *out);

/* Continue the PCRs of mask by records [from, to). CRYPTO. */
MUST_USE rc userspace_extend(const struct cel_log *log, size_t from, size_t to,
    uint32_t mask, struct hasher *h, struct banks *banks);

/* The quote covers the record. */
bool userspace_attested(
    const struct userspace_match *m, const struct cel_record *rec);

/* Measured records that the quote does not cover; *nv: those of NV indices
 * among them. */
size_t userspace_unattested(
    const struct cel_log *log, const struct userspace_match *m, size_t *nv);

#endif

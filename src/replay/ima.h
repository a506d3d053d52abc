/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replay of an IMA list against quoted PCR values.
 *
 * 1. Every entry's template hash is recomputed from its data.
 * 2. A violation is all zero in the list and extends 0xff…ff.
 * 3. A bank other than SHA-1 takes H_bank(data) ("type 2") or the SHA-1 hash
 *    padded with zeros ("type 1", kernels before 5.8 or without the hash), and
 *    before 5.8 violations are padded as well. A list is of one type in a bank:
 *    the one that leads to the quote.
 * 4. Entries after the quoted value was reached are legal and unattested.
 * 5. Entries of a PCR that is not quoted are unattested wherever they stand.
 */
#ifndef AKASHI_REPLAY_IMA_H
#define AKASHI_REPLAY_IMA_H

#include "decode/ima.h"
#include "replay/bank.h"

/* Bits of the types of a bank; type[k] below belongs to bit k. */
enum {
	IMA_TYPED = 1,	    /* H_bank(template data) */
	IMA_PADDED = 2,	    /* SHA-1 padded, violations all ones */
	IMA_PADDED_OLD = 4, /* SHA-1 padded, violations too */
	IMA_TYPES = 3,
	IMA_BANKS = 8, /* more than there are algorithms that we replay */
};

/* PCR values while a list is walked: each bank in the types that are still
 * possible. Until the first violation the two padded ones are one, kept as
 * IMA_PADDED: read through ima_state_bank(). */
struct ima_state {
	size_t n;
	struct {
		unsigned types;
		struct bank type[IMA_TYPES];
	} bank[IMA_BANKS];
	uint64_t entries;
	uint64_t bytes;
	uint64_t violations;
	uint64_t aggregates; /* boot_aggregate entries since init or resume */
	uint32_t pcrs;	     /* bit i: an entry named PCR i */
	/* The list's byte order, as declared. Not among the kept bytes: it is
	 * declared with every part. */
	bool big_endian;
};

/* Bank number i in the type of one bit. */
const struct bank *ima_state_bank(
    const struct ima_state *s, size_t i, unsigned type);

/* Start from `boot` (the banks after the boot log's replay, so that PCRs that
 * the firmware extended are continued; a bank that it lacks starts at reset)
 * for each bank of `sel` that has a PCR selected and can be replayed. */
void ima_state_init(struct ima_state *s, const struct banks *boot,
    const struct pcr_selections *sel);

/* The state as bytes, to be kept between submissions: the values of the PCRs
 * that the list named. MEMORY. */
MUST_USE rc ima_state_encode(const struct ima_state *s, struct arena *a,
    struct span *out, struct err *e);

/* Continue from such bytes: *io was initialised for the same boot and quote.
 * False, with *io untouched, if they are of other banks or malformed. */
MUST_USE bool ima_state_resume(struct ima_state *io, struct span bytes);

/* Check one entry's template hash, and that ima-buf data hashes to the digest
 * beside it, then extend every possible type of every bank.
 * IMA_TEMPLATE_HASH, IMA_BUF, CRYPTO. */
MUST_USE rc ima_state_extend(struct ima_state *s, const struct ima_entry *entry,
    struct hasher *h, struct err *e);

/* What is known of the quoted values. */
struct ima_target {
	const struct tpm_quote *quote;
	uint16_t hash;		    /* of the signature: pcrDigest's */
	const struct banks *values; /* authenticated values, or NULL */
	/* PCRs that the list has to explain, whether it names them or not. */
	uint32_t judged;
};

struct ima_match {
	uint64_t entries;  /* entries up to where the quote was reached */
	uint64_t bytes;	   /* their bytes */
	uint64_t tail;	   /* entries after them: unattested */
	struct banks pcrs; /* replayed values of the PCRs that the list names */
};

/* Called for each entry that the quote covers, in order; return an error to
 * stop. May be NULL. */
typedef rc ima_sink(void *ctx, const struct ima_entry *entry, struct err *e);

/* Walk `list` from `start` until every quoted PCR that the list names, or that
 * is judged by it, has its quoted value in every quoted bank. Without
 * authenticated values the digest over all quoted PCRs is compared, for the
 * whole list first and then for its prefixes. `end` is the state there, with
 * the types that fit. sink sees the covered entries whose PCR is quoted; the
 * template hash of those after them is checked as well. IMA_REPLAY when no
 * prefix matches (`end` is then the state after the whole list, for display),
 * and what ima_next() and ima_state_extend() report. */
MUST_USE rc ima_replay(struct span list, const struct ima_state *start,
    const struct ima_target *target, struct hasher *h, ima_sink *sink,
    void *ctx, struct ima_state *end, struct ima_match *out, struct err *e);

/* Pass to sink the entries of `covered` (the first match->bytes of a list that
 * was walked from `start`) whose PCR is quoted in any bank. */
MUST_USE rc ima_covered(struct span covered, const struct ima_state *start,
    const struct pcr_selections *quoted, ima_sink *sink, void *ctx,
    struct err *e);

/* The entry has the name of the boot_aggregate. */
bool ima_is_aggregate(const struct ima_entry *entry);

/* The boot_aggregate entry's digest follows from `boot`: SHA-1 over PCR 0–7 of
 * the SHA-1 bank, any other hash over PCR 0–9 of its own bank. SHA-1 over
 * PCR 0–9 is accepted too. IMA_BOOT_AGGREGATE, also for one of zeros, which a
 * kernel without a TPM writes; IMA_AGGREGATE_UNVERIFIED where `boot` (NULL:
 * nothing is known) lacks the bank. */
MUST_USE rc ima_check_boot_aggregate(const struct ima_entry *entry,
    const struct banks *boot, struct hasher *h, struct err *e);

#endif

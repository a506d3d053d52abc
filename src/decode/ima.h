/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The binary IMA measurement list of Linux, read as a stream: nothing is kept
 * per entry, so memory does not grow with the list.
 * security/integrity/ima/ima_template.c, ima_fs.c (Linux 6.1).
 *
 * The kernel writes its numbers in the machine's own order, unless it was
 * started with ima_canonical_fmt. The order is declared by whoever hands the
 * list over and never guessed: little-endian where nothing is said.
 */
#ifndef AKASHI_DECODE_IMA_H
#define AKASHI_DECODE_IMA_H

#include "base/hash.h"
#include "base/limits.h"
#include "base/rd.h"

enum {
	IMA_HASH_SIZE = 20, /* SHA-1, whatever the banks are */
	/* IMA_TEMPLATE_NUM_FIELDS_MAX and MAX_TEMPLATE_NAME_LEN of the kernel
	 */
	IMA_FIELDS_MAX = 15,
	IMA_TEMPLATE_NAME_MAX = 255,
	/* "ima" hashes its name padded with NUL to 256 bytes. */
	IMA_LEGACY_NAME = 256,
};

/* One measurement; spans borrow the list. */
struct ima_entry {
	uint32_t index; /* from 0, boot_aggregate being 0 */
	size_t offset;
	uint32_t pcr;
	struct span template_hash; /* 20 bytes, SHA-1 */
	struct span template_name;
	struct span template_data; /* what templates other than "ima" hash */
	bool violation;		   /* template hash all zero */
	bool is_ima;		   /* the legacy template without data length */
	/* File digest with its algorithm name as the kernel writes it
	 * ("sha256"; "verity:sha256" for an fs-verity digest, which is not the
	 * hash of the file), path without NUL. */
	struct span digest_alg;
	struct span digest;
	struct span path;
	struct span sig; /* empty: no signature field or an empty one */
	struct span buf; /* ima-buf's payload; p == NULL: no such field */
	/* ima-modsig: the signature that is appended to the file (PKCS#7 in
	 * DER) and the digest of the file without it; empty: none. */
	struct span modsig;
	struct span modsig_alg;
	struct span modsig_digest;
};

struct ima_reader {
	struct rd in;
	struct span whole;
	bool big_endian;
	uint32_t next_index;
	/* The last template and the rows of its fields. */
	struct span template_name;
	size_t fields_n;
	uint8_t fields[IMA_FIELDS_MAX];
};

/* A reader over whole entries, little-endian; first_index is that of the first
 * entry. */
struct ima_reader ima_over(struct span list, uint32_t first_index);

/* The same for a list of declared byte order. */
struct ima_reader ima_over_as(
    struct span list, uint32_t first_index, bool big_endian);

/* The next entry. *more is false at the clean end of the list (out is then
 * untouched; after a failure it holds nothing of use). Known templates are ima,
 * ima-ng, ima-ngv2, ima-sig, ima-sigv2, ima-buf, ima-modsig, evm-sig and any
 * format of their fields with one file digest and one path ("d-ng|n-ng|sig").
 * IMA_TRUNCATED, IMA_FORMAT, IMA_TEMPLATE, IMA_TOO_LARGE. Paths are
 * entries[i]…. */
MUST_USE rc ima_next(
    struct ima_reader *r, struct ima_entry *out, bool *more, struct err *e);

#endif

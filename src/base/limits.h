/* SPDX-License-Identifier: Apache-2.0 */
/* Every limit on what arrives, with its reason. */
#ifndef AKASHI_BASE_LIMITS_H
#define AKASHI_BASE_LIMITS_H

enum {
	/* PCRs of a PC Client TPM (PTP 3.7): 0 to 23. */
	LIMIT_PCRS = 24,
	/* TPML_PCR_SELECTION holds at most 16 banks (TPM 2.0 Part 2,
	   HASH_COUNT). */
	LIMIT_BANKS = 16,
	/* The largest real log seen is 256 KiB; firmware logs are capped at
	 * 64 KiB to 1 MiB by their tables. */
	LIMIT_EVENTLOG = 16 * 1024 * 1024,
	/* The busiest real boot measures 250 events. Each one costs an extend
	 * and two hashes per bank however small it is: with more of them a log
	 * would take longer than three times the hashing of its bytes. */
	LIMIT_EVENTS = 12 * 1000,
	/* Of a canonical log, which may list files as well. */
	LIMIT_RECORDS = 200 * 1000,
	/* Logs that follow each other: one boot and what it resumed from. */
	LIMIT_BOOT_LOGS = 16,
	/* A boot extends a handful of NV indices (NvPCRs: five today). */
	LIMIT_CEL_INDEXES = 64,
	/* CBOR: no format of ours nests deeper than 6. */
	LIMIT_CBOR_DEPTH = 16,
	/* Data items: the most that a log of LIMIT_RECORDS records has. */
	LIMIT_CBOR_ITEMS = 64 * LIMIT_RECORDS,
	/* 1M entries of 150 bytes; larger lists are sent in segments. */
	LIMIT_IMA = 256 * 1024 * 1024,
	/* n-ng is at most PATH_MAX + NUL in the kernel. */
	LIMIT_IMA_PATH = 4097,
	LIMIT_IMA_FIELD = 1024 * 1024,
	/* TPM2B_ATTEST and a signature of 4,627 bytes (ML-DSA-87). */
	LIMIT_ATTEST = 4096,
	LIMIT_SIGNATURE = 8192,
	LIMIT_PUBLIC = 4096,
	/* One EK certificate is 1 to 2 KiB; NV areas end at 4 KiB. */
	LIMIT_CERT = 16 * 1024,
	LIMIT_CERTS = 8,
	/* Revocation lists of one file; the largest of a TPM maker has some
	 * hundred thousand entries of 40 bytes. */
	LIMIT_CRL = 64 * 1024 * 1024,
	/* CoRIM: the public examples have some kilobytes; each item of CBOR
	 * takes 56 bytes of memory, and 4 bytes of a digest's entry. */
	LIMIT_CORIM = 1024 * 1024,
	LIMIT_CORIM_ITEMS = 256 * 1024,
	LIMIT_CORIM_TAGS = 1024,
	LIMIT_CORIM_TEXT = 256, /* names and identifiers */
	/* jansson needs up to 80 bytes of memory per byte of hostile JSON. */
	LIMIT_JSON = 256 * 1024,
	LIMIT_JSON_DEPTH = 32,
	/* Policies carry allow lists: 1M digests are reference sets instead. */
	LIMIT_POLICY = 64 * 1024 * 1024,
	/* Entries of a reference set: 1.8 GB of memory; a whole Debian archive
	 * has some 10 million files. */
	LIMIT_REFSET = 32 * 1000 * 1000,
	/* Reasons listed in one verdict; the rest is counted. */
	LIMIT_REASONS = 64,
};

#endif

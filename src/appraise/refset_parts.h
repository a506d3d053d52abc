/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a set, as refset.c, refset_file.c and refset_cache.c share it.
 * Nobody else includes this. */
#ifndef AKASHI_APPRAISE_REFSET_PARTS_H
#define AKASHI_APPRAISE_REFSET_PARTS_H

#include "appraise/refset.h"

#include <stdatomic.h>

struct refset {
	atomic_uint refs;
	const struct hash_alg *alg;
	uint8_t hash[32];
	size_t size; /* of one record: digest, path hash, text offset */
	size_t n, cap;
	uint8_t *records;
	unsigned bits, path_bits; /* leading bits that choose a run */
	uint32_t *first;	  /* 2^bits + 1 starts of runs of records */
	uint32_t *by_path;	  /* entries sorted by path hash */
	uint32_t *first_path;	  /* starts of runs in by_path */
};

#endif

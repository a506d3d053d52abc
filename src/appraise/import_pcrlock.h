/* SPDX-License-Identifier: Apache-2.0 */
/* Components of systemd-pcrlock between reading and becoming rules:
 * import_pcrlock*.c. Nobody else includes this. */
#ifndef AKASHI_APPRAISE_IMPORT_PCRLOCK_H
#define AKASHI_APPRAISE_IMPORT_PCRLOCK_H

#include "appraise/import.h"
#include "appraise/rules.h"

enum { LOCK_BANKS = 8 };
extern const uint16_t lock_algs[LOCK_BANKS];

struct lock_record {
	struct lock_record *next;
	unsigned pcr;
	const uint8_t *digest[LOCK_BANKS]; /* as lock_algs; NULL: none */
};

struct lock_variant {
	struct lock_variant *next;
	const char *name; /* of the file, for people */
	struct lock_record *records;
};

struct lock_component {
	struct lock_component *next;
	const char *name;
	struct lock_variant *variants;
};

struct import_pcrlock {
	struct lock_component *components; /* by name, as their variants are */
	struct lock_record **tail;	   /* of the file being read */
	bool other_hash;
};

#endif

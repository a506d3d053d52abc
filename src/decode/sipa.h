/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Windows measures into PCR 11 to 14: records {u32 type, u32 size, data}
 * of which some contain records (wbcl.h of the Windows SDK).
 */
#ifndef AKASHI_DECODE_SIPA_H
#define AKASHI_DECODE_SIPA_H

#include "base/rd.h"
#include "decode/line.h"

/* Real logs nest three deep; hostile ones as deep as their bytes last. */
enum { SIPA_DEPTH = 16 };

/* Types that a policy asks about. */
enum {
	SIPA_BOOT_DEBUGGING = 0x00040001,
	SIPA_OS_KERNEL_DEBUG = 0x00050001,
	SIPA_CODE_INTEGRITY = 0x00050002,
	SIPA_TEST_SIGNING = 0x00050003,
	SIPA_SAFE_MODE = 0x00050005,
	SIPA_WINPE = 0x00050006,
	SIPA_HYPERVISOR_DEBUG = 0x0005000d,
	SIPA_ELAM_KEY_NAME = 0x00090001,
};

struct sipa_record {
	uint32_t type;
	const char *name; /* "os_kernel_debug"; NULL if unknown */
	bool container;	  /* its records follow */
	unsigned depth;	  /* from 0 */
	struct span data;
};

struct sipa {
	struct rd level[SIPA_DEPTH];
	unsigned depth;
	bool malformed;
};

/* The records in the data of an event, outermost first. */
struct sipa sipa_over(struct span data);

/* The next record, depth first; false at the end, and when a record goes
 * beyond its container or containers nest deeper than SIPA_DEPTH, which sets
 * `malformed`. */
bool sipa_next(struct sipa *s, struct sipa_record *out);

/* Does this record's type say that it contains others? */
bool sipa_is_container(uint32_t type);

/* The value of a flag or number; false for data that is no such thing. */
bool sipa_number(const struct sipa_record *r, uint64_t *out);

/* The value in its natural form: yes or no, a number, text, hex. */
void sipa_value(const struct sipa_record *r, struct line *l);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of TPM firmware, and those with published flaws. */
#ifndef AKASHI_APPRAISE_FIRMWARE_H
#define AKASHI_APPRAISE_FIRMWARE_H

#include "base/span.h"

/* TPMS_ATTEST.firmwareVersion as manufacturers write it: its four 16-bit
 * numbers, the first of them the most significant. */
enum { FIRMWARE_TEXT = 24 };
void firmware_emit(uint64_t version, char out[FIRMWARE_TEXT]);

/* "7.85.4555.0"; numbers that are left out are zero. */
bool firmware_parse(struct span text, uint64_t *out);

/* Versions in [from, fixed) of this manufacturer have a flaw. */
struct advisory {
	const char *id; /* "CVE-2019-16863" */
	uint32_t maker;
	uint64_t from, fixed;
	bool physical; /* only for who has the machine in his hands */
	const char *what;
	const char *source;
};

/* The built-in list, by number; NULL after the last. */
const struct advisory *advisory_at(size_t i);

bool advisory_hits(const struct advisory *a, uint32_t maker, uint64_t version);

#endif

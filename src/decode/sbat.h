/* SPDX-License-Identifier: Apache-2.0 */
/* SBAT levels: the least generation of each component that a shim lets run.
 * CSV as shim reads and measures it: "sbat,1,2024010900\nshim,4\ngrub,4\n". */
#ifndef AKASHI_DECODE_SBAT_H
#define AKASHI_DECODE_SBAT_H

#include "base/span.h"

enum {
	SBAT_MAX = 16 * 1024, /* bytes; shim's own levels have a few dozen */
	SBAT_ENTRIES = 256,
};

struct sbat_entry {
	struct span component;
	uint64_t generation;
	uint64_t datestamp; /* of the first line, YYYYMMDDHH; else 0 */
};

struct sbat {
	struct span left;
	size_t n; /* lines read */
	bool malformed;
};

struct sbat sbat_over(struct span csv);

/* The next line; false at the end and at a line that is not
 * "component,generation" and a newline, of which the first is
 * "sbat,generation,datestamp". That sets `malformed` for good: what was read
 * before it is then not the level. */
bool sbat_next(struct sbat *s, struct sbat_entry *out);

/* Every line reads, and there is one. */
bool sbat_valid(struct span csv);

/* The least generation that a level asks of a component; 0: it names none. Of
 * several lines the highest counts. */
uint64_t sbat_generation(struct span csv, struct span component);

/* The datestamp of a level; 0 where it is malformed. */
uint64_t sbat_datestamp(struct span csv);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* The files of sql/, embedded by sql/embed.awk. */
#ifndef AKASHI_RECORD_STEPS_H
#define AKASHI_RECORD_STEPS_H

#include <stddef.h>

struct schema_step {
	const char *name;	  /* "001_init": its number is its version */
	const char *const *lines; /* NULL-ended */
};

extern const struct schema_step schema_steps[];
extern const int schema_steps_n;

#endif

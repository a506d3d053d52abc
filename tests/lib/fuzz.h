/* SPDX-License-Identifier: Apache-2.0 */
/* What fuzz targets share. */
#ifndef AKASHI_TESTS_FUZZ_H
#define AKASHI_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program where a promise is broken. */
static inline void
fuzz_check(bool holds)
{
	if (!holds)
		abort();
}

#endif

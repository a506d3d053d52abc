/* SPDX-License-Identifier: Apache-2.0 */
/* A canonical event log in the encoding that its first bytes tell. */
#include "fuzz/cel_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum cel_format format;

	if (!cel_recognise(span_of(data, size), &format))
		return 0;
	check_log(span_of(data, size), format);
	return 0;
}

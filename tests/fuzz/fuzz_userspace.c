/* SPDX-License-Identifier: Apache-2.0 */
/* A log of systemd's userspace, whatever its first byte is. */
#include "fuzz/cel_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_log(span_of(data, size), CEL_SYSTEMD);
	return 0;
}

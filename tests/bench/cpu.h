/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_TESTS_CPU_H
#define AKASHI_TESTS_CPU_H

#include <stdint.h>

/* Microseconds of CPU, user and system: of this process, and of the cluster
 * in BENCH_PG with its living children. */
int64_t cpu_own(void);
int64_t cpu_postgres(void);

#endif

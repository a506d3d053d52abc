/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recorded fleet: nodes with one attestation each, all of them different.
 *
 * 1. Every node has its own disk (PCR 5), measured a file of its own (PCR 10)
 *    and has an AK of its own name; so logs, lists, PCR values, quotes and
 *    signatures are distinct. The private keys are two, because making
 *    thousands takes minutes; half of the nodes have RSA, half P-256.
 * 2. Each is judged as it would be on arrival and sealed as a verdict; only
 *    enrolment and HTTP are left out.
 */
#ifndef AKASHI_TESTS_SIMULATE_FLEET_H
#define AKASHI_TESTS_SIMULATE_FLEET_H

#include "bench/fleet.h"

struct fleet_made {
	size_t n;
	size_t updated;	    /* of them, with another kernel */
	double judged;	    /* CPU microseconds of one appraisal in memory */
	struct span strict; /* policy that accepts the old kernel alone */
};

/* `superuser`: conninfo of one for the database of s. Two in a thousand have
 * the other kernel. */
MUST_USE rc simulate_fleet(struct server *s, const struct principal *admin,
    const char *superuser, size_t n, struct arena *a, struct fleet_made *out,
    struct err *e);

#endif

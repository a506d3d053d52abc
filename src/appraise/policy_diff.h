/* SPDX-License-Identifier: Apache-2.0 */
/* What two policy documents say differently. */
#ifndef AKASHI_APPRAISE_POLICY_DIFF_H
#define AKASHI_APPRAISE_POLICY_DIFF_H

#include "base/arena.h"
#include "base/rc.h"

enum policy_op { CHANGE_ADDED, CHANGE_REMOVED, CHANGE_CHANGED, CHANGE_ORDER };
const char *policy_op_name(enum policy_op op); /* "added" … */

struct policy_change {
	struct policy_change *next;
	enum policy_op op;
	/* Into the documents; elements of lists by what they are:
	 * "boot.9.events[EV_IPL /boot/vmlinuz].accept". */
	const char *path;
	const char *what;   /* the element of a list in words, or NULL */
	const char *before; /* JSON, of a string its text; NULL: not there */
	const char *after;
};

/* The changes from a to b, in the order of a, in the arena. Both must be
 * policies: what policy_decode() refuses, in whose path is "a." or "b." first;
 * MEMORY. The names of the policies and their versions are compared too. */
MUST_USE rc policy_diff(struct span a, struct span b, struct arena *arena,
    struct policy_change **out, struct err *e);

#endif

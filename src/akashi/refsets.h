/* SPDX-License-Identifier: Apache-2.0 */
/* Reference sets as files, for the offline commands: --refset. */
#ifndef AKASHI_CLI_REFSETS_H
#define AKASHI_CLI_REFSETS_H

#include "akashi/cli.h"
#include "appraise/policy.h"

enum { REFSETS_MAX = 64 };

struct refsets {
	size_t paths_n;
	const char *path[REFSETS_MAX]; /* as given; then */
	size_t n;
	struct refset *set[REFSETS_MAX];
	const char *name[REFSETS_MAX]; /* of its file, without the folder */
};

/* The option's row: --refset FILE|DIR. */
#define REFSET_OPTION                                                          \
	{                                                                      \
		0, "refset", "FILE|DIR",                                       \
		    "reference sets that the policy may name; repeatable"      \
	}

/* Note an argument; false where there are too many. */
bool refsets_add(struct refsets *r, const char *path);

/* Load what was noted: files, and every file of a folder. FILE, USAGE, and what
 * refset_load() reports. */
MUST_USE rc refsets_load(struct cli *c, struct refsets *r, struct err *e);
void refsets_free(struct refsets *r);

/* Decode a policy and give it the sets that it names; the caller frees it. */
MUST_USE rc refsets_policy(const struct refsets *r, struct span json,
    struct policy **out, struct err *e);

#endif

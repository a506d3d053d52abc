/* SPDX-License-Identifier: Apache-2.0 */
/* Derived policies and their bases as files, for the offline commands: --base.
 */
#ifndef AKASHI_DERIVED_H
#define AKASHI_DERIVED_H

#include "akashi/cli.h"
#include "appraise/compose.h"

struct bases {
	size_t n;
	const char *file[COMPOSE_BASES];
};

#define BASE_OPTION                                                            \
	{                                                                      \
		0, "base", "FILE",                                             \
		    "a document that it is made from; may repeat"              \
	}

/* Note an argument; false where there are too many. */
bool bases_add(struct bases *b, const char *file);

/* Read a policy; one that is derived is composed with its bases, each known by
 * its hash: those given (b may be NULL), else NAME.json beside it. Whatever is
 * no JSON is left to who decodes it. FILE, POLICY_BASE (one lacks, or belongs
 * to nothing), and what compose() reports. */
MUST_USE rc derived_read(struct cli *c, const char *path, const struct bases *b,
    struct span *out, struct err *e);

#endif

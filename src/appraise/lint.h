/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about a policy while they are asked: lint*.c. Nobody else includes
 * this. */
#ifndef AKASHI_APPRAISE_LINT_H
#define AKASHI_APPRAISE_LINT_H

#include "appraise/rules.h"

enum lint_id {
#define X(id, code, en, ja) LINT_##id,
#include "appraise/lint.def"
#undef X
	LINT_COUNT
};

struct lint {
	const struct policy *p;
	int64_t now;
	const char *lang;
	struct buf *out; /* lines; or NULL, and then */
	struct jw *list;
	size_t n;
};

/* "path: sentence [code]" */
void lint_ask(struct lint *l, enum lint_id id, const char *path_fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* lint_sb.c, lint_boot.c, log_rules.c, phase_rules.c */
void lint_log(struct lint *l);
void lint_sb(struct lint *l);
void lint_boot(struct lint *l);
void lint_cmdline(struct lint *l);
void lint_uki(struct lint *l);
void lint_phases(struct lint *l);

#endif

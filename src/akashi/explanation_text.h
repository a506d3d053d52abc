/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations (appraise/explanation.h) as people read them. */
#ifndef AKASHI_EXPLANATION_TEXT_H
#define AKASHI_EXPLANATION_TEXT_H

#include "akashi/cli.h"
#include "appraise/explanation.h"
#include "attest/attest.h"

/* Lay out a document of explanation_emit() at one level; members that it lacks
 * are left out. */
void explanation_text(const json_t *doc, enum explain_level level,
    const char *lang, struct buf *out);

/* An explanation of evidence in a file: what `appraise` knows of it. */
struct offline_explanation {
	const struct explained *about; /* without past and good boot */
	struct attest_facts *facts;
	const char *last_good; /* an evidence directory, or NULL */
	bool big_endian;
};

/* Write the document of it. Evidence of a last good boot must be
 * genuine and have a log that replays. FILE, USAGE, MEMORY, CRYPTO. */
MUST_USE rc explanation_offline(struct cli *c,
    const struct offline_explanation *o, struct buf *out, struct err *e);

#endif

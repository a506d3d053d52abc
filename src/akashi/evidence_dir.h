/* SPDX-License-Identifier: Apache-2.0 */
/* Evidence directories: quote.msg and its companions (akashi(1)). */
#ifndef AKASHI_EVIDENCE_DIR_H
#define AKASHI_EVIDENCE_DIR_H

#include "akashi/cli.h"
#include "attest/attest.h"

struct evidence_files {
	struct evidence ev;
	struct span nonce;	     /* p == NULL: not there */
	struct pcr_selections asked; /* what pcrsel.txt says */
	bool asked_given;
};

/* A file of the directory. */
struct evidence_part {
	const char *name;
	size_t member; /* of struct evidence_files: its span */
	bool required;
};

enum { EVIDENCE_PARTS = 10 };
extern const struct evidence_part evidence_parts[EVIDENCE_PARTS];

/* Read one part: the named file, which must be there, or that of the
 * directory, which may be absent unless it is required. Either may be NULL.
 * FILE. Decoders have the limits, so nothing is cut here. */
MUST_USE rc evidence_part_load(struct cli *c, const char *named,
    const char *dir, const struct evidence_part *part, struct span *out,
    struct err *e);

/* Read "sha256:0,1" from the text, or from the directory's pcrsel.txt where
 * text is NULL. USAGE. */
MUST_USE rc evidence_selection_load(struct cli *c, const char *text,
    const char *dir, struct evidence_files *out, struct err *e);

/* The userspace log of either has the mark of systemd for one that is not
 * complete, the sticky bit. */
bool evidence_marked(struct cli *c, const char *named, const char *dir);

/* The whole directory. */
MUST_USE rc evidence_dir_load(
    struct cli *c, const char *dir, struct evidence_files *out, struct err *e);

#endif

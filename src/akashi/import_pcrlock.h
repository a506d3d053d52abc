/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_IMPORT_PCRLOCK_H
#define AKASHI_IMPORT_PCRLOCK_H

#include "akashi/cli.h"
#include "appraise/import.h"

/* Components of systemd-pcrlock: one file NAME.pcrlock, the variants of one
 * component in a folder NAME.pcrlock.d, or a folder with both. Other files are
 * noted. FILE with the path, IMPORT_FORMAT, JSON_LIMIT, MEMORY. */
MUST_USE rc import_pcrlock(
    struct cli *c, struct import *i, const char *path, struct err *e);

#endif

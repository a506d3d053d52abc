/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AKASHI_IMPORT_ROOT_H
#define AKASHI_IMPORT_ROOT_H

#include "appraise/import.h"

/* Every regular file of an installed root with its SHA-256 as "ima.allow".
 * Symbolic links are not followed, other file systems not entered; what could
 * not be read is noted. FILE with the path; MEMORY, CRYPTO. */
MUST_USE rc import_root(struct import *i, const char *dir, struct err *e);

#endif

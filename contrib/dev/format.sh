#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: lay out all C files, print the pages that are made from tables
set -eu
. contrib/dev/lib.sh
find src include tests -name '*.[ch]' -print0 2>/dev/null |
	xargs -0 "$(first_of clang-format-14)" -i
awk -f man/codes.awk src/base/err.def src/appraise/limits.def \
	src/appraise/advisories.def src/appraise/cause.def >man/akashi-codes.7

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: lay out all C files as .clang-format says
set -eu
. contrib/dev/lib.sh
find src include tests -name '*.[ch]' -print0 2>/dev/null |
	xargs -0 "$(first_of clang-format-14)" -i

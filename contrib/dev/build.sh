#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: build everything in build/ (gcc, warnings are errors)
set -eu
. contrib/dev/lib.sh
build_in build --enable-werror "$@"

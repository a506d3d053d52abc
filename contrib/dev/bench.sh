#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: measure beside the bare primitives: ./dev bench [-o table|json] [ROW]...
set -eu
. contrib/dev/lib.sh
configure_in build --enable-werror >&2
make -C build -j"$jobs" tests/bench/bench >&2
SRCDIR=$PWD exec build/tests/bench/bench "$@"

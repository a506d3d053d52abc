#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: everything: both compilers, sanitizers, PostgreSQL, swtpm, QEMU, distcheck
set -eu
. contrib/dev/stages.sh
bash contrib/dev/deps.sh
stage gcc build
stage vm build/tests/vm
stage sanitizers build-asan
stage distcheck build/nowhere
finish

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: everything: both compilers, sanitizers, PostgreSQL, swtpm, distcheck
set -eu
. contrib/dev/stages.sh
bash contrib/dev/deps.sh
stage gcc build
stage sanitizers build-asan
stage distcheck build/nowhere
finish

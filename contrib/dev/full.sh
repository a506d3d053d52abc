#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: check, all boots, the thread sanitizer, a minute of fuzzing per target
set -eu
. contrib/dev/stages.sh
bash contrib/dev/deps.sh
stage gcc build
stage vm_all build/tests/vm
stage sanitizers build-asan
stage threads build-tsan
stage fuzz build-fuzz
stage distcheck build/nowhere
finish

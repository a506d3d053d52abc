#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: check, then the thread sanitizer, and a minute of fuzzing per target
set -eu
. contrib/dev/stages.sh
bash contrib/dev/deps.sh
stage gcc build
stage sanitizers build-asan
stage threads build-tsan
stage fuzz build-fuzz
stage distcheck build/nowhere
finish

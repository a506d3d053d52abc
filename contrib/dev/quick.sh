#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: the tests of a minute: gcc, unit, vectors, layers, format, documents
set -eu
. contrib/dev/stages.sh
bash contrib/dev/deps.sh
stage quick build
finish

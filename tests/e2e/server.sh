#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The server's tests that depend on what its records are kept in, on PostgreSQL.
set -eu
. "${SRCDIR:?}/tests/lib/pg.sh"
AKASHI_TEST_CLUSTER=$(pg_create)
export AKASHI_TEST_CLUSTER
trap 'pg_drop "$AKASHI_TEST_CLUSTER"' EXIT
trap 'exit 1' HUP INT TERM
"${BUILDDIR:?}/tests/e2e/server/test_server"

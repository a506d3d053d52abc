#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: measure beside the bare primitives: ./dev bench [-o table|json] [ROW]...
set -eu
. contrib/dev/lib.sh
configure_in build --enable-werror >&2
make -C build -j"$jobs" akashi tests/bench/bench >&2
# attest_durable commits to a private cluster, with fsync on.
export PG_TEST_FSYNC=on PG_TEST_BUFFERS=512MB PG_TEST_WAL=4GB
BENCH_PG=$(bash tests/lib/pg.sh create)
export BENCH_PG
trap 'bash tests/lib/pg.sh drop "$BENCH_PG"' EXIT
build/akashi db migrate --conninfo \
	"$(bash tests/lib/pg.sh owner "$BENCH_PG")" >&2
SRCDIR=$PWD build/tests/bench/bench "$@"

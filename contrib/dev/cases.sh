#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: the table of attacks, each case run: ./dev cases [-o table|json]
set -eu
. contrib/dev/lib.sh
case $* in
'' | '-o table') form=table ;;
'-o json') form=json ;;
*) die "cases takes -o table or -o json" ;;
esac
configure_in build --enable-werror >&2
# The unit tests that rows name run now: one that fails, or cannot be built, is
# a row that fails.
mapfile -t tests < <(awk -F'\t' \
	'$2 == "test" { sub(/:.*/, "", $3); print $3 }' tests/cases.tsv | sort -u)
for t in "${tests[@]}"; do
	rm -f "build/$t.log" "build/$t.trs"
done
make -C build -j"$jobs" check TESTS="${tests[*]}" >build/cases.log 2>&1 ||
	tail -n 20 build/cases.log >&2
make -C build tests/cases/run_cases >&2
SRCDIR=$PWD BUILDDIR=$PWD/build build/tests/cases/run_cases -o "$form"

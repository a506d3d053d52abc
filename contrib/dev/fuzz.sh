#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: fuzz each target N seconds: ./dev fuzz N [TARGET]...
#
# New inputs stay in build-fuzz/corpus; what crashes a target stays in
# build-fuzz/crash and becomes a vector with its fix.
set -eu
. contrib/dev/lib.sh

usage() {
	echo "Usage: ./dev fuzz SECONDS [TARGET]..." >&2
	exit 2
}

# Real evidence that a target may start from, beside its own seeds.
vectors_for() {
	case $1 in
	evlog) find tests/vectors/vm -name 'eventlog.bin' ;;
	ima) find tests/vectors/vm -name 'ima.bin' -size -64k ;;
	cert) find tests/vectors/vm -name 'ekcert*.der' ;;
	tpm) find tests/vectors/quotes -name '*.msg' -o -name '*.sig' \
		-o -name '*.pub' ;;
	esac
}

# run TARGET: false when it found something.
run() {
	local name=$1 log=build-fuzz/$1.log corpus=build-fuzz/corpus/$1
	mkdir -p "$corpus" "build-fuzz/crash/$name" build-fuzz/seeds/"$name"
	vectors_for "$name" | while read -r f; do
		cp "$f" "build-fuzz/seeds/$name/$(sha256sum <"$f" | cut -c1-16)"
	done
	if "build-fuzz/tests/fuzz/fuzz_$name" -max_total_time="$seconds" \
		-timeout=25 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="build-fuzz/crash/$name/" "$corpus" \
		"build-fuzz/seeds/$name" "tests/fuzz/corpus/$name" \
		>"$log" 2>&1; then
		awk -v name="$name" '
			/cov: / { for (i = 1; i < NF; i++) {
				if ($i == "cov:") cov = $(i + 1)
				if ($i == "ft:") ft = $(i + 1) } }
			/number_of_executed_units/ { n = $2 }
			END { printf "%-14s %10d executions, coverage %d, " \
				"features %d\n", name, n, cov, ft }' "$log"
	else
		echo "$name FOUND SOMETHING: $log"
		grep -E 'ERROR|SUMMARY|Test unit' "$log" | head -n 5
		false
	fi
}

[[ ${1-} =~ ^[0-9]+$ ]] || usage
seconds=$1
shift
mkdir -p build-fuzz
log=build-fuzz/build.log
configure_in build-fuzz --enable-sanitizers --enable-fuzzing \
	CC="$(first_of clang-14 clang)" CFLAGS='-g -O1' >"$log" 2>&1 ||
	die "cannot configure: $log"
[ $# -gt 0 ] || mapfile -t targets < <(
	find tests/fuzz -name 'fuzz_*.c' | sed 's|.*/fuzz_||; s|\.c$||' | sort)
[ $# -eq 0 ] || targets=("$@")
[ ${#targets[@]} -gt 0 ] || die "there is no fuzz target"
for t in "${targets[@]}"; do
	make -C build-fuzz -j"$jobs" "tests/fuzz/fuzz_$t" >>"$log" 2>&1 ||
		die "there is no target $t, or it does not build: $log"
done
found=0
for t in "${targets[@]}"; do
	run "$t" || found=$((found + 1))
done
[ $found -eq 0 ]

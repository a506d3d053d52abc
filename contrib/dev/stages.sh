# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Stages of ./dev quick, check and full; each is timed, logged, and its tests
# are counted from what automake's test driver says.
#
# 1. A stage that fails without a failed test counts as one failure.
# 2. A skip counts as a failure unless its reason is one of `may_skip`: a test
#    of ours never skips because PostgreSQL or swtpm is not there.
# 3. No test at all is a failure.
# 4. The last line is exactly "N passed, N failed, N skipped".
. contrib/dev/lib.sh

logs=build/log
passed=0 failed=0 skipped=0
# Data of third parties lies beside the tree (../shared), not in it; formatter and
# systemd are what the Debian release has.
may_skip='shared|clang-format-14|systemd-analyze'
# A stage that takes longer hangs.
stage_seconds=3600

# Sum "# PASS:  5" and its kin over all summaries in a log.
count() {
	awk -v want="$1" '$1 == "#" && index(want, " " $2 " ") { n += $3 }
		END { print n + 0 }' "$2"
}

# show_failures FOLDER: what the failed tests of a build said, bounded.
show_failures() {
	local trs log
	grep -lsE '^:test-result: (FAIL|ERROR|XPASS)' -r "$1" --include='*.trs' |
		sort | head -n 10 | while read -r trs; do
		log=${trs%.trs}.log
		echo "--- $log"
		grep -nE '^(not ok|Bail out)' "$log" | head -n 20 || true
		echo "    …"
		tail -n 40 "$log" | cut -c1-400
	done
}

# forbidden_skips LOG: skips that have no permitted reason.
forbidden_skips() {
	grep '^SKIP: ' "$1" | grep -vE "# SKIP .*($may_skip)" || true
}

# stage NAME FOLDER: run stage_NAME, whose tests leave their results in FOLDER.
stage() {
	local name=$1 folder=$2 start=$SECONDS ok=true log bad unjust
	log=$logs/$name.log
	mkdir -p "$logs" "$folder"
	find "$folder" -name '*.trs' -delete
	printf '%-10s ... (%s)\n' "$name" "$log"
	# A shell of its own: `set -e` does not work inside a condition.
	timeout --kill-after=30 "$stage_seconds" bash -euc \
		". contrib/dev/stages.sh; stage_$name" </dev/null >"$log" 2>&1 ||
		ok=false
	passed=$((passed + $(count ' PASS: XFAIL: ' "$log")))
	skipped=$((skipped + $(count ' SKIP: ' "$log")))
	bad=$(count ' FAIL: XPASS: ERROR: ' "$log")
	unjust=$(forbidden_skips "$log")
	if [ -n "$unjust" ]; then
		ok=false
		bad=$((bad + $(wc -l <<<"$unjust")))
		echo "These tests must not be skipped here:"
		cut -c1-200 <<<"$unjust" | head -n 20
	fi
	if ! $ok; then
		[ "$bad" -gt 0 ] || bad=1
		echo "--- the end of $log"
		tail -n 30 "$log" | cut -c1-400
		show_failures "$folder"
	fi
	failed=$((failed + bad))
	printf '%-10s %s, %d s\n' "$name" "$($ok && echo ok || echo FAILED)" \
		$((SECONDS - start))
}

# The last line and the exit status.
finish() {
	if [ "$passed" -eq 0 ]; then
		echo "No test ran."
		[ "$failed" -gt 0 ] || failed=1
	fi
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
}

stage_quick() {
	build_in build --enable-werror
	make -C build -j"$jobs" check RUN_E2E=
}

stage_gcc() {
	build_in build --enable-werror
	make -C build -j"$jobs" check
}

# The tests over the tree itself do not depend on the compiler.
stage_sanitizers() {
	export UBSAN_OPTIONS=print_stacktrace=1
	build_in build-asan --enable-werror --enable-sanitizers \
		CC="$(first_of clang-14 clang)" CFLAGS='-g -O1'
	make -C build-asan -j"$jobs" check RUN_TREE=
}

stage_threads() {
	build_in build-tsan --enable-werror --enable-sanitizers=thread \
		CC="$(first_of clang-14 clang)" CFLAGS='-g -O1'
	make -C build-tsan -j"$jobs" check RUN_TREE=
}

stage_fuzz() {
	bash contrib/dev/fuzz.sh 60
}

stage_vm() {
	bash contrib/dev/vm.sh some
}

stage_vm_all() {
	bash contrib/dev/vm.sh all
}

# What is released builds, passes and installs from its tarball alone, and the
# tarball leaves out nothing that is tracked.
stage_distcheck() {
	local absent
	build_in build --enable-werror
	XZ_OPT=-1 make -C build -j"$jobs" distcheck RUN_E2E= \
		DISTCHECK_CONFIGURE_FLAGS='CFLAGS=-O1'
	[ -e .git ] || return 0
	absent=$(comm -23 <(git ls-files | grep -v '^\.ci/\|^\.gitignore$' | sort) \
		<(tar -tf build/akashi-*.tar.xz | cut -d/ -f2- | sort))
	[ -z "$absent" ] || die "not in the release tarball:" "$absent"
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# TAP for shell tests. A test that ends without tap_done has no plan and fails.

tap_n=0 tap_bad=0

ok() {
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $*"
}

not_ok() {
	tap_n=$((tap_n + 1))
	tap_bad=$((tap_bad + 1))
	echo "not ok $tap_n - $*"
}

# skip WHY NAME...
skip() {
	local why=$1
	shift
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $* # SKIP $why"
}

note() {
	local line
	while read -r line; do
		echo "# $line"
	done <<<"$*"
}

# none NAME FINDINGS: passes when there are no findings, else shows them.
none() {
	if [ -z "$2" ]; then
		ok "$1"
	else
		not_ok "$1"
		note "$(head -n 40 <<<"$2")"
	fi
}

tap_done() {
	echo "1..$tap_n"
	[ "$tap_bad" -eq 0 ]
}

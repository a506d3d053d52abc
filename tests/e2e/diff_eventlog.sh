#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tpm2_eventlog, which we did not write, replays every recorded boot to the
# same PCRs in the same banks, and counts the same events.
set -u
cd "${SRCDIR:-.}" || exit 1
. tests/lib/tap.sh
akashi=${BUILDDIR:-build}/akashi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# "sha256 7 75677d…", one line per PCR, in one order
theirs() {
	awk '/^pcrs:/ { in_pcrs = 1; next }
		!in_pcrs { next }
		NF == 1 { bank = $1; sub(":", "", bank); next }
		{ value = tolower($NF); sub("^0x", "", value)
			print bank, $1 + 0, value }' "$1" | sort
}

ours() {
	jq -r '.pcrs | to_entries[] | .key as $bank | .value | to_entries[] |
		"\($bank) \(.key) \(.value)"' "$1" | sort
}

compare() {
	local log=$1 name=$2
	if ! tpm2_eventlog "$log" >"$tmp/theirs.yaml" 2>"$tmp/err"; then
		not_ok "$name: tpm2_eventlog fails"
		note "$(head -n 3 "$tmp/err")"
		return
	fi
	if ! "$akashi" eventlog -o json "$log" >"$tmp/ours.json"; then
		not_ok "$name: akashi fails"
		return
	fi
	theirs "$tmp/theirs.yaml" >"$tmp/theirs"
	ours "$tmp/ours.json" >"$tmp/ours"
	[ -s "$tmp/theirs" ] || echo "no PCR" >"$tmp/theirs"
	none "$name: $(wc -l <"$tmp/ours") PCRs" \
		"$(diff "$tmp/theirs" "$tmp/ours")"
	[ "$(grep -c '^- EventNum:' "$tmp/theirs.yaml")" = \
		"$(jq '.events | length' "$tmp/ours.json")" ] ||
		not_ok "$name: another number of events"
}

if ! command -v tpm2_eventlog >/dev/null; then
	skip "no tpm2_eventlog here" "differential test"
	tap_done
	exit
fi
seen=0
for folder in "tests/vectors/vm" "../shared/vectors/vm"; do
	if [ ! -d "$folder" ]; then
		skip "no ../shared here" "the boots that are not in the tree"
		continue
	fi
	for log in "$folder"/boots/*/eventlog.bin; do
		seen=$((seen + 1))
		compare "$log" "$(basename "$(dirname "$log")")"
	done
done
if [ "$seen" -ge 10 ]; then
	ok "$seen boots compared"
else
	not_ok "only $seen boots"
fi
tap_done

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
	# It numbers the events of crypto-agile logs alone.
	jq -e '.format == "sha1"' "$tmp/ours.json" >/dev/null ||
		[ "$(grep -c '^- EventNum:' "$tmp/theirs.yaml")" = \
			"$(jq '.events | length' "$tmp/ours.json")" ] ||
		not_ok "$name: another number of events"
}

# What tpm2_eventlog 5.4 cannot say of a log, and the unit tests hold to
# expected-replay.json alone.
left_out() {
	case $1 in
	acs/tpm2bios.log) echo "it refuses the Spec ID record" ;;
	go-attestation/option_rom_eventlog) echo "it crashes" ;;
	go-attestation/short_no_action_eventlog) echo "it refuses a single record" ;;
	go-eventlog/cos-113-intel-tdx.bin) echo "it refuses register 1" ;;
	go-tpm-tools/eventlogs/eventlogwithsp800155.bin)
		echo "it extends SP 800-155 events" ;;
	go-tpm-tools/eventlogs/glinux-alex.bin | keylime/binary_bios_measurements)
		echo "it starts PCR 0 at zero whatever StartupLocality says" ;;
	esac
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
# Logs that others published; expected-replay.json, which the unit tests hold
# all of them to, is their list.
others=../shared/vectors/third-party
if [ -d "$others" ]; then
	while read -r name; do
		why=$(left_out "$name")
		if [ -n "$why" ]; then
			ok "$name: left out: $why"
		else
			compare "$others/$name" "$name"
		fi
	done < <(jq -r 'to_entries[] | select(.value.error | not) | .key' \
		"$others/expected-replay.json")
else
	skip "no ../shared here" "logs that others published"
fi
if [ "$seen" -ge 10 ]; then
	ok "$seen boots compared"
else
	not_ok "only $seen boots"
fi
tap_done

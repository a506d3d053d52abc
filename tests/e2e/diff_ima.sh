#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# evmctl, which we did not write, replays every recorded IMA list to the PCR 10
# that we print, typed and padded (as kernels before 5.8 do), and to no other
# value. It reads values of the SHA-1 and SHA-256 banks alone; the longer ones
# are compared with the TPM's in tests/unit/replay/test_ima.c.
set -u
cd "${SRCDIR:-.}" || exit 1
. tests/lib/tap.sh
akashi=${BUILDDIR:-build}/akashi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# matches LIST BANK VALUE: evmctl reaches VALUE in PCR 10 of BANK. To it,
# ignoring violations is extending ones for them, as the kernel does.
matches() {
	local zero
	zero=$(tr '0-9a-f' 0 <<<"$3")
	for pcr in $(seq -w 0 23); do
		if [ "$pcr" = 10 ]; then
			echo "PCR-$pcr: $3"
		else
			echo "PCR-$pcr: $zero"
		fi
	done >"$tmp/pcrs"
	evmctl ima_measurement --ignore-violations --pcrs "$2,$tmp/pcrs" "$1" >"$tmp/evmctl" 2>&1
	grep -q '^Matched ' "$tmp/evmctl"
}

# The last hex digit becomes another.
other() {
	tr '0-9a-f' '1-9a-f0' <<<"${1: -1}" | sed "s|^|${1%?}|"
}

compare() {
	local list=$1 name=$2 bad="" n=0 members
	if ! "$akashi" ima -o json "$list" >"$tmp/ours.json"; then
		not_ok "$name: akashi fails"
		return
	fi
	members='.pcrs, .pcrs_padded_old // .pcrs_padded | to_entries[] |
		select(.key == "sha1" or .key == "sha256")'
	while read -r bank value; do
		n=$((n + 1))
		matches "$list" "$bank" "$value" ||
			bad+="$bank $value is not what evmctl finds"$'\n'
		! matches "$list" "$bank" "$(other "$value")" ||
			bad+="$bank: evmctl finds another value too"$'\n'
	done < <(jq -r "$members | \"\\(.key) \\(.value[\"10\"])\"" \
		"$tmp/ours.json")
	[ "$n" = 3 ] || bad+="only $n values"$'\n'
	none "$name: $n values" "$bad"
}

if ! command -v evmctl >/dev/null; then
	skip "no evmctl here" "differential test"
	tap_done
	exit
fi
seen=0
for list in tests/vectors/vm/boots/*/ima.bin; do
	seen=$((seen + 1))
	compare "$list" "$(basename "$(dirname "$list")")"
done
if [ "$seen" -ge 40 ]; then
	ok "$seen lists compared"
else
	not_ok "only $seen lists"
fi
tap_done

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# akashi eventlog on canonical event logs and on systemd's log.
set -u
cd "${SRCDIR:-.}" || exit 1
. tests/lib/cli.sh

cli=(--lang en eventlog)

# try CODE ARGUMENT...
try() {
	run "$1" "${*:2}" "${@:2}"
}

# The PCR values of a vector's .expect are those of the document.
same_pcrs() {
	none "PCRs of $1" "$(diff \
		<(grep '^pcr ' "$1.expect" | sort) \
		<(jq -r '.pcrs | to_entries[] | .key as $bank | .value |
			to_entries[] | "pcr \($bank) \(.key) \(.value)"' \
			"$tmp/out" | sort))"
}

for encoding in tlv json cbor; do
	try 0 -o json tests/vectors/cel/good.$encoding
	json ".format == \"cel-$encoding\" and (.events | length) == 7"
	json '.banks == ["sha1", "sha256"] and .incomplete == []'
	json '[.events[].recnum] == [0, 1, 0, 2, 0, 3, 4]'
	json '.events[1] | .type_name == "EV_SEPARATOR" and .bound'
	json '.events[2].text == "kernel_cmdline: linux root=LABEL=root"'
	json '.events[4].content == {template_name: "ima-ng", template_data: "06000000616263646566"}'
	json '[.events[].extended] == [false, true, true, false, true, true, true]'
	same_pcrs tests/vectors/cel/good.$encoding
	jq 'del(.format, .events[].offset)' "$tmp/out" >"$tmp/$encoding"
done
none "TLV, JSON and CBOR say the same" "$(
	cmp "$tmp/tlv" "$tmp/json" 2>&1; cmp "$tmp/tlv" "$tmp/cbor" 2>&1)"

log=tests/vectors/userspace/good.log
try 0 -o json $log
json '.format == "systemd" and (.events | length) == 11 and .quirks == []'
json '.events[2] | .text == "enter-initrd" and .bound and .pcr == 11'
json '.events[3] | .content.eventType == "volume-key" and (.bound | not)'
json '.events[8] | .nv_index == 30474752 and (has("pcr") | not)'
same_pcrs $log
try 0 $log
none "stderr is empty" "$(cat "$tmp/err")"
says out "= enter-initrd"
says out "~ cryptsetup:root:"
says out "= enter-initrd (the initrd begins)"
try 0 -o json $log
json '.events[5].meaning == "this system'"'"'s machine ID is 4f2b5b0c5d3e4a7f9a6b0c1d2e3f4a5b"'

try 0 -o json tests/vectors/userspace/plain.log
json '.quirks == ["plain_lines"]'
try 1 -o json tests/vectors/userspace/c09-string-changed.log
says err "userspace.digest_mismatch"
json '.error.code == "userspace.digest_mismatch" and .error.path == "events[1]"'
json '(.events | length) == 2 and .events[0].bound and (.events[1].bound | not)'
try 1 tests/vectors/userspace/c09-cut.log
says err "userspace.truncated"
says out "enter-initrd"
try 1 tests/vectors/cel/c04-duplicate.cbor
says err "cel.digest.duplicate"
tap_done

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# systemd's userspace log from a TPM to a verdict: measured into a software TPM,
# collected by the agent, learned, judged.
set -euo pipefail
: "${SRCDIR:=.}" "${BUILDDIR:=build}"
export SRCDIR BUILDDIR
. "$SRCDIR/tests/lib/tap.sh"
. "$SRCDIR/tests/lib/demo_ca.sh"
. "$SRCDIR/tests/lib/swtpm.sh"

akashi=$BUILDDIR/akashi
boot=$SRCDIR/tests/vectors/vm/boots/uki-golden/eventlog.bin
work=$(mktemp -d /tmp/userspace.XXXXXX)
cleanup() {
	[ ! -d "$work/node" ] || swtpm_stop "$work/node"
	rm -rf "$work"
}
trap cleanup EXIT
unset "${!AKASHI_AGENT_@}" TPM2TOOLS_TCTI
export TSS2_LOG=all+NONE LC_ALL=C.UTF-8
: >"$work/none"

# record PCR TYPE STRING: one record with the digests of all banks.
time=0
record() {
	local alg digests=
	for alg in sha1 sha256 sha384 sha512; do
		digests+=${digests:+,}$(printf '{"hashAlg":"%s","digest":"%s"}' \
			$alg "$(printf %s "$3" | ${alg}sum | cut -d' ' -f1)")
	done
	time=$((time + 1000))
	printf '\036{"pcr":%s,"digests":[%s],"content_type":"systemd","content":{"string":"%s","bootId":"189c18dd7ba245f38cf49d9ac154b525","timestamp":%s,"eventType":"%s"}}\n' \
		"$1" "$digests" "$3" "$time" "$2"
}

# system MACHINE UUID: what a host measures until it is ready.
system() {
	local pcr
	for pcr in 0 1 2 3 4 5 6 7 9 12 13 14; do
		record $pcr os-separator os-separator
	done
	record 11 phase enter-initrd
	record 11 phase leave-initrd
	record 15 machine-id "machine-id:$1"
	record 15 filesystem "file-system:/:ext4:$2:root"
	record 11 phase sysinit
	record 11 phase ready
}

# measured DIR LOG [SENT]: a fresh boot with this log; evidence with that one.
measured() {
	local tcti
	swtpm_reset "$work/node" && tcti=$(swtpm_tcti "$work/node") &&
		"$BUILDDIR/tests/lib/replay_into_tpm" "$tcti" "$boot" - "$2" \
			>"$work/out" &&
		"$BUILDDIR/akashi-agent" evidence "$work/$1" --tcti "$tcti" \
			--eventlog "$boot" --ima "$work/none" \
			--userspace-log "${3:-$2}" >"$work/out" 2>&1
}

learn() {
	"$akashi" policy learn "$work/golden" --name golden \
		>"$work/policy.json"
}

anonymous() {
	! grep -E "$machine|$disk" "$work/policy.json"
}

# yes NAME COMMAND...: it succeeds.
yes() {
	if "${@:2}" >"$work/said" 2>&1; then
		ok "$1"
	else
		not_ok "$1"
		note "$(cat "$work/said" "$work/out" 2>/dev/null)"
	fi
}

# verdict NAME EXIT DIR JQ
verdict() {
	local code=0
	"$akashi" appraise "$work/$3" --policy "$work/policy.json" -o json \
		>"$work/json" 2>"$work/err" || code=$?
	if [ $code -eq "$2" ] && jq -e "$4" "$work/json" >/dev/null; then
		ok "$1"
	else
		not_ok "$1 (exit $code)"
		note "$(jq -c '[.result, .reasons, .checks]' "$work/json")"
	fi
}

demo_ca_ek "$work/ca"
swtpm_make "$work/node" "$work/ca" rsa
swtpm_start "$work/node"

machine=4f2b5b0c5d3e4a7f9a6b0c1d2e3f4a5b
disk=5e47a9db-0000-4000-8000-000000000000
system $machine $disk >"$work/golden.log"
yes "a golden boot" measured golden "$work/golden.log"
yes "the log is in the evidence" \
	cmp "$work/golden/userspace.log" "$work/golden.log"
yes "a policy is learned" learn
yes "it has the phases" jq -es '.[0].userspace |
	.required and .os_separator == "required" and
	([.phases[].phase] ==
		["enter-initrd", "leave-initrd", "sysinit", "ready"]) and
	([.records[].accept[0]] ==
		["machine-id:*", "file-system:/:ext4:*:root"])' "$work/policy.json"
yes "it has no machine" anonymous
verdict "the golden boot passes" 0 golden '.result == "pass" and
	.userspace_unattested_records == 0'

# --- another machine, a log that went on -------------------------------------

system 00112233445566778899aabbccddeeff 11111111-2222-4333-8444-555555555555 \
	>"$work/other.log"
measured other "$work/other.log"
verdict "another machine of the image passes" 0 other '.result == "pass"'
record 11 phase shutdown >>"$work/other/userspace.log"
verdict "what came after the quote is not attested" 0 other \
	'.result == "pass" and .userspace_unattested_records == 1'
chmod +t "$work/other/userspace.log"
verdict "the mark of systemd is a warning" 0 other \
	'.result == "warn" and .reasons[0].code == "userspace.incomplete"'
rm -f "$work/other/userspace.log"
verdict "the firmware's log alone does not explain it" 1 other \
	'.result == "reject"'

# --- what changed ------------------------------------------------------------

grep -v enter-initrd "$work/golden.log" >"$work/late.log"
record 11 phase enter-initrd >>"$work/late.log"
measured late "$work/late.log"
verdict "phases out of order fail" 1 late '.result == "fail" and
	any(.reasons[]; .code == "phase.missing") and
	any(.reasons[]; .code == "phase.after_ready" or .code == "phase.order")'
measured forged "$work/none" "$work/golden.log"
verdict "a log of what was not measured is refused" 1 forged \
	'.result == "reject" and .reasons[0].code == "userspace.os_separator"'
{
	cat "$work/golden.log"
	record 15 filesystem "file-system:/mnt:vfat:1A2B-3C4D:stick"
} >"$work/stick.log"
measured stick "$work/stick.log"
verdict "a file system that no rule names fails" 1 stick \
	'.result == "fail" and .reasons[0].code == "phase.record"'
measured hidden "$work/stick.log" "$work/golden.log"
verdict "leaving it out of the log is refused" 1 hidden \
	'.result == "reject" and .reasons[0].code == "userspace.replay"'
tap_done

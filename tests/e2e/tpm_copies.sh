#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Copies of a TPM's state against a running akashid: two that answer in turn
# (X04), and an earlier one that is restored (X05). Real software TPMs.
set -euo pipefail
. "${SRCDIR:-.}/tests/lib/agent.sh"
. "$SRCDIR/tests/lib/pg.sh"
. "$SRCDIR/tests/lib/akashid.sh"

cleanup() {
	local tpm
	for tpm in "$work"/node* "$work"/copy*; do
		[ ! -d "$tpm" ] || swtpm_stop "$tpm"
	done
	akashid_drop "$work/server"
	rm -rf "$work"
}
trap cleanup EXIT

enrol() {
	"$BUILDDIR/akashi-agent" enrol --state "$work/$1/agent" \
		--tcti "$(swtpm_tcti "$work/$1")" \
		--server "$(cat "$work/server/url")" \
		--ca "$work/server/tls-ca.pem" --name "$1" \
		--token-file "$work/token"
}
# attest TPM STATE: the agent's state may be another folder's than the TPM.
attest() {
	"$BUILDDIR/akashi-agent" attest --state "$work/$2/agent" \
		--tcti "$(swtpm_tcti "$work/$1")" \
		--eventlog "$golden/eventlog.bin" --ima "$golden/ima.bin" "${@:3}"
}
# boot TPM: power on and put the golden boot into it.
boot() {
	swtpm_start "$work/$1"
	swtpm_replay_boot "$work/$1" "$golden/eventlog.bin" \
		"$golden/ima.bin" >/dev/null
}
halt() {
	tpm2_shutdown -Q -T "$(swtpm_tcti "$work/$1")" -c
	swtpm_stop "$work/$1"
}
# copy FROM TO: the whole of a TPM that does not run, and its agent.
copy() {
	cp -a "$work/$1" "$work/$2"
}
reason() {
	"$akashi" verdict list --node "$1" -o json | jq -r '.items[0].code'
}
# Its exit code is the status as well.
status_of() {
	{ "$akashi" node show "$1" -o json || true; } | jq -r .status
}

akashid_make "$work/server"
akashid_start "$work/server"
akashid_operator "$work/server"
"$akashi" token create --class test --label site=lab --ttl 1h --uses 20 \
	>"$work/token" 2>/dev/null
for n in 1 2; do
	swtpm_make "$work/node$n" "$work/server" rsa ecc
	boot node$n
	enrol node$n >/dev/null
	"$akashi" node approve node$n >/dev/null
done
attest node1 node1 --save-evidence "$work/golden" >/dev/null 2>&1 || true
"$akashi" policy learn "$work/golden" --name lab \
	--ima-allow "$common/allowlist-root.sha256" \
	--ima-allow "$common/allowlist-initrd-golden.sha256" \
	>"$work/policy.json" 2>/dev/null
"$akashi" policy apply "$work/policy.json" >/dev/null
"$akashi" policy activate lab@1 --label site=lab >/dev/null
for n in 1 2; do
	says "node$n is trusted" 0 "TRUSTED" attest node$n node$n
done

# --- an earlier state is restored (X05) --------------------------------------

halt node1
copy node1 copy1
boot node1
says "after a power cycle" 0 "TRUSTED" attest node1 node1
halt node1
boot node1
says "and another" 0 "TRUSTED" attest node1 node1
swtpm_stop "$work/node1"
boot copy1
says "the state from before is refused" 1 "result reject" attest copy1 copy1
says "by its counters" 0 "quote.clock" reason node1
says "and the node is not trusted" 0 "untrusted" status_of node1
halt copy1
boot copy1
halt copy1
boot copy1
says "waiting until the counters have passed helps nobody" 1 "tpm.clone" \
	attest copy1 copy1
says "nor does the server forget" 0 "untrusted" status_of node1
swtpm_stop "$work/copy1"

# --- two copies answer in turn (X04) ------------------------------------------

halt node2
copy node2 copy2
boot node2
boot copy2
# Copies that start at once have one clock; half a minute sets them apart.
clock=$(tpm2_readclock -T "$(swtpm_tcti "$work/node2")" |
	sed -n 's/^ *clock: *//p')
tpm2_setclock -Q -T "$(swtpm_tcti "$work/node2")" -c o $((clock + 30000))
attest node2 node2 >/dev/null 2>&1 || true
says "one of the copies is trusted" 0 "trusted" status_of node2
seen=
for _ in 1 2; do
	attest copy2 copy2 >/dev/null 2>&1 || true
	seen="$seen $(reason node2)"
	attest node2 node2 >/dev/null 2>&1 || true
	seen="$seen $(reason node2)"
done
note "reasons:$seen"
says "the one that is behind is refused, then both are copies" 0 \
	"quote.clock tpm.clone quote.clock tpm.clone" echo "$seen"
says "which is tampering until somebody has looked" 0 "untrusted" \
	status_of node2
swtpm_stop "$work/copy2"
says "not undone when one of them is gone" 1 "tpm.clone" attest node2 node2
"$akashi" node clear node2 --reason "the copy was found" >/dev/null
says "but by an operator" 0 "TRUSTED" attest node2 node2

# --- the verdict says what it cannot show (X06) ------------------------------

id=$("$akashi" verdict list --node node2 -o json | jq -r '.items[0].id')
says "the class of the TPM is told" 0 "" jq -e '.root_of_trust == "virtual" and
	(.limits | index("limit.host_owner") and index("limit.state_rollback"))' \
	<("$akashi" verdict show "$id" -o json)
says "in words" 0 "Whoever runs the host makes the virtual TPM" \
	"$akashi" verdict show "$id"
says "and in Japanese" 0 "この判定では分からないこと" \
	env LC_ALL=ja_JP.UTF-8 LANG=ja_JP.UTF-8 "$akashi" verdict show "$id"
tap_done

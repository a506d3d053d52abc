#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A node's life: software TPMs, the agent, akashid, PostgreSQL. Enrolment and
# its refusals, verdicts over power cycles, a lost database, the service.
set -euo pipefail
. "${SRCDIR:-.}/tests/lib/agent.sh"
. "$SRCDIR/tests/lib/pg.sh"
. "$SRCDIR/tests/lib/akashid.sh"

service=
cleanup() {
	[ -z "$service" ] || kill "$service" 2>/dev/null || true
	local tpm
	for tpm in "$work"/node*; do
		[ ! -d "$tpm" ] || swtpm_stop "$tpm"
	done
	akashid_drop "$work/server"
	rm -rf "$work"
}
trap cleanup EXIT

# agent NODE COMMAND...: the agent of a node, with its TPM and state.
agent() {
	local node=$work/$1
	shift
	"$BUILDDIR/akashi-agent" "$@" --state "$node/agent" \
		--tcti "$(swtpm_tcti "$node")"
}
enrol() {
	agent "$1" enrol --server "$(cat "$work/server/url")" \
		--ca "$work/server/tls-ca.pem" --name "$2" \
		--token-file "$work/token" "${@:3}"
}
attest() {
	agent "$1" attest --eventlog "$2/eventlog.bin" --ima "$2/ima.bin" \
		"${@:3}"
}
boot() {
	swtpm_reset "$work/$1"
	swtpm_replay_boot "$work/$1" "$2/eventlog.bin" "$2/ima.bin" >/dev/null
}
status_of() {
	"$akashi" node show "$1" -o json | jq -r .status
}

akashid_make "$work/server"
akashid_start "$work/server"
akashid_operator "$work/server"
"$akashi" token create --class test --label site=lab --ttl 1h --uses 20 \
	>"$work/token" 2>/dev/null
for n in 1 2; do
	swtpm_make "$work/node$n" "$work/server" rsa ecc
	swtpm_start "$work/node$n"
done
swtpm_replay_boot "$work/node1" "$golden/eventlog.bin" "$golden/ima.bin" \
	>/dev/null

# --- enrolment ---------------------------------------------------------------

echo "aket_$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n')" \
	>"$work/wrong"
says "a wrong token" 4 "[enrol.token]" \
	agent node1 enrol --server "$(cat "$work/server/url")" --name node-1 \
	--ca "$work/server/tls-ca.pem" --token-file "$work/wrong"
says "no identity is kept then" 3 "[agent.not_enrolled]" attest node1 "$golden"
says "a name that is none" 2 "[name.format]" enrol node1 'Node/1'
says "enrolment" 0 "pending" enrol node1 node-1
says "twice" 0 "already" enrol node1 node-1
says "another TPM under this name" 5 "[enrol.name]" enrol node2 node-1
says "the same TPM under another name" 5 "[ek.duplicate]" \
	enrol node1 node-1b --again
demo_ca_ek "$work/otherca"
swtpm_make "$work/node3" "$work/otherca" rsa
swtpm_start "$work/node3"
says "a TPM of another maker" 4 "[ek.untrusted]" enrol node3 node-3

# --- verdicts ----------------------------------------------------------------

says "before anybody admitted it" 3 "UNKNOWN" attest node1 "$golden" \
	--save-evidence "$work/golden"
"$akashi" node approve node-1 >/dev/null
says "without a policy" 3 "policy.none" attest node1 "$golden"
"$akashi" policy learn "$work/golden" --name lab \
	--ima-allow "$common/allowlist-root.sha256" \
	--ima-allow "$common/allowlist-initrd-golden.sha256" \
	>"$work/policy.json" 2>/dev/null
"$akashi" policy apply "$work/policy.json" >/dev/null
says "a revision that it has not" 2 "[policy.changed]" \
	"$akashi" policy activate lab@1 --label site=lab --if-match '"7"'
says "the one that it has" 0 "" \
	"$akashi" policy activate lab@1 --label site=lab --if-match \
	"\"$("$akashi" policy get lab -o json | jq .revision)\""
says "the list says how it counts" 0 "enforce" "$akashi" policy list
says "and what is on trial" 0 "PERCENT" "$akashi" policy list
says "trusted" 0 "TRUSTED: result pass, admission admitted" \
	attest node1 "$golden"
says "it says that the boot was recorded" 0 "The boot log was recorded" \
	attest node1 "$golden"
says "as JSON" 0 '"status": "trusted"' attest node1 "$golden" --output json
says "which is JSON" 0 "" jq -e '.recorded and .admission == "admitted" and
	.reasons == []' "$work/out"
says "the server sees the same" 0 "trusted" status_of node-1
# shellcheck disable=SC2016
says "the next submission is a delta" 0 "" jq -e --argjson n \
	"$(stat -c %s "$golden/ima.bin")" \
	'.boot.ima_offset == $n and (.boot.boot_log_sha256 | length) == 43' \
	"$work/node1/agent/progress.json"
boot node1 "$golden"
says "after a power cycle" 0 "TRUSTED" attest node1 "$golden"
"$akashi" policy check "$work/policy.json" >/dev/null
says "the same bytes offline" 0 "" "$akashi" appraise "$work/golden" \
	--policy "$work/policy.json" \
	--trust-anchors "$work/server/ek-ca.pem"

changed=$boots/grub-sb-cmdline
boot node1 "$changed"
says "another kernel command line" 1 "boot.event.changed" attest node1 "$changed"
says "in Japanese" 1 "ポリシーの許可する" attest node1 "$changed" --lang ja
none "no expected value reaches the node" \
	"$(grep -iE 'expected|[0-9a-f]{64}' "$work/out" || true)"
boot node1 "$golden"
says "back again" 0 "TRUSTED" attest node1 "$golden"

mkdir "$work/cut"
cp "$golden/ima.bin" "$work/cut/"
head -c -64 "$golden/eventlog.bin" >"$work/cut/eventlog.bin"
says "a cut log is tampering" 1 "result reject" attest node1 "$work/cut"
says "which holds the node" 1 "NOT TRUSTED" attest node1 "$golden"
"$akashi" node clear node-1 --reason "test of the hold" >/dev/null
says "until it is cleared" 0 "TRUSTED" attest node1 "$golden"

# --- new keys ----------------------------------------------------------------

says "a new attestation key" 0 "node-1 is enrolled" \
	enrol node1 node-1 --again --key ecc
says "keeps the node" 0 "TRUSTED" attest node1 "$golden"
"$BUILDDIR/akashi-agent" evidence "$work/ev" --ek ecc \
	--tcti "$(swtpm_tcti "$work/node2")" --eventlog "$golden/eventlog.bin" \
	--ima "$golden/ima.bin" >/dev/null
printf '{"name":"node-2","ek_sha256":"%s","class":"test","labels":{"site":"lab"}}\n' \
	"$(tail -c +3 "$work/ev/ek.pub" | sha256sum | cut -c1-64)" \
	>"$work/import"
"$akashi" node import "$work/import" >/dev/null
says "a listed key is admitted at once" 0 "admitted" \
	enrol node2 node-2 --ek ecc --key ecc
boot node2 "$golden"
says "and trusted" 0 "TRUSTED" attest node2 "$golden"
says "the state of another TPM" 5 "not the TPM that was enrolled" \
	"$BUILDDIR/akashi-agent" attest --state "$work/node1/agent" \
	--tcti "$(swtpm_tcti "$work/node3")" \
	--eventlog "$golden/eventlog.bin" --ima "$golden/ima.bin"

# --- a server in trouble -----------------------------------------------------

cluster=$(cat "$work/server/cluster")
verdicts() {
	"$akashi" verdict list --node node-1 -o json | jq '.items | length'
}
before=$(verdicts)
pg_stop "$cluster"
says "no database: patience ends" 5 "trying again in" \
	attest node1 "$golden" --timeout 4s
attest node1 "$golden" --timeout 60s >"$work/late" 2>&1 &
late=$!
sleep 2
pg_start "$cluster"
says "it comes back: the same evidence counts once" 0 "" wait "$late"
says "and is trusted" 0 "TRUSTED" cat "$work/late"
says "one verdict more" 0 "" test "$(verdicts)" -eq $((before + 1))
akashid_stop "$work/server"
says "no server" 5 "[client.network]" attest node1 "$golden" --timeout 1s
akashid_start "$work/server"
export AKASHI_SERVER
AKASHI_SERVER=$(cat "$work/server/url")
says "another address of the server" 0 "TRUSTED" \
	attest node1 "$golden" --server "$AKASHI_SERVER"

# --- the service -------------------------------------------------------------

: >"$work/service"
attested() {
	grep -c '"status":"trusted"' "$work/service" || true
}
"$BUILDDIR/akashi-agent" run --state "$work/node1/agent" --interval 1s \
	--server "$AKASHI_SERVER" --tcti "$(swtpm_tcti "$work/node1")" \
	--eventlog "$golden/eventlog.bin" --ima "$golden/ima.bin" \
	2>>"$work/service" &
service=$!
for _ in $(seq 200); do
	[ "$(attested)" -lt 3 ] || break
	sleep 0.1
done
says "the service attests again and again" 0 "" test "$(attested)" -ge 3
says "one line of JSON each" 0 "" jq -e '.["event.action"] == "attest"' \
	"$work/service"
kill -TERM "$service"
says "and stops when it is told" 0 "" wait "$service"
service=
"$akashi" node retire node-1 --reason "end of the test" >/dev/null
says "a retired node" 4 "" attest node1 "$golden" --server "$AKASHI_SERVER"
says "is not trusted" 0 "" test "$(status_of node-1)" != trusted

# --- secrets -----------------------------------------------------------------

none "no token in any message of the agent" "$(
	grep -lE 'aknt_|aket_' "$work/out" "$work/service" "$work/late" || true)"
none "state is closed to others" \
	"$(find "$work/node1/agent" "$work/node2/agent" -type f ! -perm 0600)"
tap_done

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# akashi policy simulate: two nodes on software TPMs, real records. What it
# says, and that it writes nothing.
set -euo pipefail
: "${SRCDIR:=.}" "${BUILDDIR:=build}"
SRCDIR=$(realpath "$SRCDIR") BUILDDIR=$(realpath "$BUILDDIR")
export SRCDIR BUILDDIR
. "$SRCDIR/tests/lib/tap.sh"
. "$SRCDIR/tests/lib/demo_ca.sh"
. "$SRCDIR/tests/lib/swtpm.sh"
. "$SRCDIR/tests/lib/pg.sh"
. "$SRCDIR/tests/lib/akashid.sh"

boots=$SRCDIR/tests/vectors/vm/boots
common=$SRCDIR/tests/vectors/vm/common
work=$(mktemp -d /tmp/cli_simulate.XXXXXX)
cleanup() {
	swtpm_stop "$work/one"
	swtpm_stop "$work/two"
	akashid_drop "$work/server"
	rm -rf "$work"
}
trap cleanup EXIT
unset "${!AKASHI_@}"
export TSS2_LOG=all+NONE LC_ALL=C.UTF-8 TPM2TOOLS_TCTI PATH=$BUILDDIR:$PATH
cd "$work"

# run CODE NAME COMMAND...: the exit code; output in out and err.
run() {
	local want=$1 name=$2 got=0
	shift 2
	"$@" >out 2>err || got=$?
	if [ "$got" = "$want" ]; then
		ok "$name: exit $got"
	else
		not_ok "$name: exit $got, not $want"
		note "$(head -n 20 out err)"
	fi
}

# says FILE TEXT
says() {
	if grep -qF -- "$2" "$1"; then
		ok "$1 says: $2"
	else
		not_ok "$1 does not say: $2"
		note "$(head -n 30 "$1")"
	fi
}

# boot NODE BOOT: its TPM starts anew, as a recorded boot was.
boot() {
	swtpm_reset "$work/$1"
	swtpm_replay_boot "$work/$1" "$boots/$2/eventlog.bin" \
		"$boots/$2/ima.bin" >/dev/null
	echo "$boots/$2" >"$work/$1/booted"
}

# agent NODE COMMAND...
agent() {
	local node=$1
	shift
	akashi-agent "$@" --state "$work/$node/agent" \
		--tcti "$(swtpm_tcti "$work/$node")"
}

# attest NODE [OPTION...]: exit code of the agent.
attest() {
	local node=$1 at
	shift
	at=$(cat "$work/$node/booted")
	agent "$node" attest --eventlog "$at/eventlog.bin" \
		--ima "$at/ima.bin" "$@" >/dev/null 2>&1
}

# make_node NAME LABEL
make_node() {
	akashi token create --class production --label "role=$2" --ttl 1h \
		>"$work/enrol.token" 2>/dev/null
	swtpm_make "$work/$1" "$work/server" rsa ecc
	swtpm_start "$work/$1"
	boot "$1" grub-sb-golden
	agent "$1" enrol --server "$(cat "$work/server/url")" \
		--ca "$work/server/tls-ca.pem" --name "node-$1" \
		--token-file "$work/enrol.token" >/dev/null
	akashi node approve "node-$1" >/dev/null
}

sql() {
	"$(pg_bin)/psql" -qAtX "$(pg_conninfo postgres \
		"$(cat "$work/server/cluster")")" -c "$1"
}

# records: what a simulation must leave as it is.
records() {
	sql "SELECT (SELECT count(*) FROM akashi.verdict),
		(SELECT count(*) FROM akashi.evidence),
		(SELECT count(*) FROM akashi.blob),
		(SELECT count(*) FROM akashi.ima_segment),
		(SELECT count(*) FROM akashi.used_challenge),
		(SELECT count(*) FROM akashi.log_pending),
		(SELECT count(*) FROM akashi.policy_version),
		(SELECT sum(version) FROM akashi.node_state)"
}

akashid_make "$work/server"
akashid_start "$work/server" \
	'attest: { pcrs = "sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"; };'
akashid_operator "$work/server"
make_node one web
make_node two db

# The golden boot, learned offline; the policy is in force for both.
mkdir golden
cp "$boots/grub-sb-golden/quote-sha256-0_15-rsassa.msg" golden/quote.msg
cp "$boots/grub-sb-golden/quote-sha256-0_15-rsassa.sig" golden/quote.sig
cp "$boots/grub-sb-golden/quote-sha256-0_15-rsassa.nonce" golden/nonce.bin
cp "$boots/grub-sb-golden/ak-rsassa.pub" golden/ak.pub
cp "$boots/grub-sb-golden/eventlog.bin" "$boots/grub-sb-golden/ima.bin" golden/
cat "$common"/allowlist-root.sha256 \
	"$common"/allowlist-initrd-golden.sha256 >allow.sha256
akashi policy learn golden --name web --ima-allow allow.sha256 \
	>web.json 2>/dev/null
akashi policy apply web.json >/dev/null
akashi policy activate web@1 >/dev/null

run 3 "nothing is recorded yet" akashi policy simulate web.json
says out "Nothing was judged."

# An earlier boot of node one fails: its command line was changed.
boot one grub-sb-cmdline
attest one || true
boot one grub-sb-golden
run 0 "node one attests" attest one
run 0 "node two attests" attest two

before=$(records)
run 0 "the policy in force passes what it passed" akashi policy simulate web.json
says out "sha256:"
says out "accepted as before             2             2"
says out "still not accepted             0             1"
says out "As recorded, but not pass:"
says out "kernel command line edit"

# Another kernel than the one that booted.
sed "s/26f2e57c99338feaf71c46fa4babdc7e1a6c115943002d109fdb746667104f5f/$(
	printf '0%.0s' $(seq 64))/" web.json >next.json
run 1 "a candidate that fails" akashi policy simulate next.json
says out "would now fail                 2             2"
says out "Worse than recorded:"
says out "2 nodes, pass -> fail: kernel update"
says out "PCR 9, EV_IPL, os]"
says out "node-one, node-two; akashi verdict show "
run 0 "the verdict of the example" akashi verdict show \
	"$(sed -n 's/.*akashi verdict show //p' out | head -n 1)"
run 1 "the same in Japanese" akashi --lang ja policy simulate next.json
says out "2 ノード、pass → fail: カーネルの更新"
run 1 "the same as JSON" akashi policy simulate next.json -o json --nodes 1
if [ "$(jq -r '[.would_fail.nodes, .would_fail.attestations,
	(.groups[] | select(.candidate == "fail" and .recorded == "pass")
	| .nodes_n, .code, .pcr, .cause, (.nodes | length))] | join(" ")' \
	out)" = "2 2 2 boot.event.changed 9 kernel.update 1" ]; then
	ok "JSON has the group"
else
	not_ok "JSON has the group"
	note "$(cat out)"
fi
run 1 "nodes with a label" akashi policy simulate next.json -l role=db
says out "would now fail                 1             1"
run 3 "nodes without it" akashi policy simulate next.json -l role=none
run 3 "later than all" akashi policy simulate next.json \
	--since 2099-01-01T00:00:00Z

unchanged() {
	local now
	now=$(records)
	if [ -n "$before" ] && [ "$before" = "$now" ]; then
		ok "nothing was written: $now"
	else
		not_ok "nothing was written: $before, then $now"
	fi
}
unchanged

# A version that the server has, one that it lacks, and what is no policy.
sed 's/"name": "web"/"name": "next"/' next.json >renamed.json
akashi policy apply renamed.json >/dev/null
before=$(records)
run 1 "a version on the server" akashi policy simulate next@1 --streams 2
says out "would now fail                 2             2"
run 3 "a version that is not there" akashi policy simulate next@9
run 2 "no file" akashi policy simulate none.json
sed 's/"pcrs"/"pcr"/' web.json >bad.json
run 2 "a bad candidate" akashi policy simulate bad.json
says err "[json.unknown_field pcr]"
run 2 "a bad duration" akashi policy simulate web.json --since monday
akashi admin add vera --role viewer >"$work/vera.token" 2>/dev/null
run 4 "a viewer" akashi policy simulate web.json --token-file vera.token
unchanged
run 0 "node two attests as if nothing had been" attest two
acts=$(sql "SELECT count(*),
	min(actor), min(object) FROM akashi.audit
	WHERE action = 'policy.simulate' AND object = 'policy/next'")
case $acts in
1\|*\|policy/next) ok "who tried what is in the audit trail: $acts" ;;
*) not_ok "who tried what is in the audit trail: $acts" ;;
esac
tap_done

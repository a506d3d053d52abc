#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# akashi verdict explain on a server: two nodes that pass, then fail in turn. The
# texts themselves are held by cli_explain.sh.
set -euo pipefail
SRCDIR=$(realpath "${SRCDIR:-.}") BUILDDIR=$(realpath "${BUILDDIR:-build}")
. "$SRCDIR/tests/lib/agent.sh"
. "$SRCDIR/tests/lib/pg.sh"
. "$SRCDIR/tests/lib/akashid.sh"

cleanup() {
	swtpm_stop "$work/node1"
	swtpm_stop "$work/node2"
	akashid_drop "$work/server"
	rm -rf "$work"
}
trap cleanup EXIT

# run NAME EXIT COMMAND...: exit code; output in $work/out.
run() {
	local name=$1 want=$2 code=0
	shift 2
	"$@" >"$work/out" 2>"$work/err" || code=$?
	if [ $code -eq "$want" ]; then
		ok "$name"
	else
		not_ok "$name (exit $code, not $want)"
		note "$(cat "$work/out" "$work/err")"
	fi
}
says() {
	if grep -qF -- "$1" "$work/out"; then
		ok "which says: $1"
	else
		not_ok "which does not say: $1"
		note "$(cat "$work/out")"
	fi
}
silent() {
	if grep -qF -- "$1" "$work/out"; then
		not_ok "which says: $1"
		note "$(cat "$work/out")"
	else
		ok "which does not say: $1"
	fi
}
# holds FILTER: of the JSON in $work/out
holds() {
	if jq -e "$1" "$work/out" >"$work/jq" 2>&1; then
		ok "in it: $1"
	else
		not_ok "in it: $1 ($(cat "$work/jq"))"
		note "$(jq -c . "$work/out")"
	fi
}

# attest NODE BOOT [OPTION...]: start the node as a recorded boot and attest.
attest() {
	local node=$work/$1 boot=$boots/$2
	swtpm_reset "$node"
	swtpm_replay_boot "$node" "$boot/eventlog.bin" "$boot/ima.bin" \
		>/dev/null
	again "$@"
}
again() {
	local node=$work/$1 boot=$boots/$2
	shift 2
	"$BUILDDIR/akashi-agent" attest --state "$node/agent" \
		--tcti "$(swtpm_tcti "$node")" \
		--eventlog "$boot/eventlog.bin" --ima "$boot/ima.bin" "$@"
}
latest() {
	"$akashi" verdict list --node "$1" -o json | jq -r '.items[0].id'
}
explain() {
	"$akashi" verdict explain "$@"
}

akashid_make "$work/server"
akashid_start "$work/server"
akashid_operator "$work/server"
"$akashi" token create --class test --label site=lab --ttl 1h --uses 2 \
	>"$work/token" 2>/dev/null
for n in 1 2; do
	swtpm_make "$work/node$n" "$work/server" rsa
	swtpm_start "$work/node$n"
	"$BUILDDIR/akashi-agent" enrol --server "$(cat "$work/server/url")" \
		--ca "$work/server/tls-ca.pem" --name node-$n \
		--token-file "$work/token" --state "$work/node$n/agent" \
		--tcti "$(swtpm_tcti "$work/node$n")" >/dev/null
	"$akashi" node approve node-$n >/dev/null
done
run "no verdict yet" 3 explain node/node-2
run "without a policy" 3 attest node1 grub-sb-golden \
	--save-evidence "$work/golden"
run "why" 3 explain node/node-1
says "no policy to judge by"
"$akashi" policy learn "$work/golden" --name lab \
	--ima-allow "$common/allowlist-root.sha256" \
	--ima-allow "$common/allowlist-initrd-golden.sha256" \
	>"$work/policy.json" 2>/dev/null
"$akashi" policy apply "$work/policy.json" >/dev/null
"$akashi" policy activate lab@1 --label site=lab >/dev/null

# --- pass, then fail ------------------------------------------------------------

run "node-1 passes" 0 attest node1 grub-sb-golden
run "node-2 passes" 0 attest node2 grub-sb-golden
good=$(latest node-1)
run "a pass is explained shortly" 0 explain node/node-1
says "node-1 is as it was approved."
silent "Next"
run "another command line" 1 attest node1 grub-sb-cmdline
first=$(latest node-1)
run "once more" 1 again node1 grub-sb-cmdline
second=$(latest node-1)
run "an operator asks" 1 explain node/node-1
says "node-1 is not in the approved state."
says "operating system, PCR 8, event 51"
says "kernel command line edit (+init=/bin/bash-x +debug)"
says "($first)"
says "none shows the same"
says "($good)"
says "akashi verdict show $second"
run "a manager asks" 1 explain "$second" --level management
says "No other machine shows this."
silent "PCR"
run "an analyst asks" 1 explain "$second" --level analyst
says "boot.event.changed (unapproved-change) at eventlog.events[51]"
says "Since the last good boot"
says "kernel command line: /boot/vmlinuz-6.1.0 root=LABEL=root ro console=ttyS0 ima_policy=tcb panic=-1 init=/bin/bash-x debug"
run "in Japanese" 1 explain node/node-1 --lang ja
says "node-1 は承認された状態ではありません。"
says "カーネルコマンドラインの変更"
run "as JSON" 1 explain node/node-1 -o json
holds ".verdict == \"$second\" and .node == \"node-1\" and .result == \"fail\""
holds ".first_seen.verdict == \"$first\" and (.first_seen.or_earlier | not)"
holds ".last_good.verdict == \"$good\" and (.last_good.changes | length) == 4"
holds '.cause.id == "cmdline.edit" and .other_nodes.count == 0'
holds '.reasons | all(.source == "golden")'

# --- the commands that it prints -------------------------------------------------

mkdir "$work/steps"
ln -s "$work/golden" "$work/steps/golden"
jq -r '.next[].command' "$work/out" >"$work/commands"
run "as many as the cause has" 0 test "$(wc -l <"$work/commands")" -eq 4
# shellcheck disable=SC2016
while read -r command; do
	case $command in
	akashi-agent*)
		# On the node; here with its software TPM.
		want=1
		command+=" --state $work/node1/agent"
		command+=" --tcti $(swtpm_tcti "$work/node1")"
		command+=" --eventlog $boots/grub-sb-cmdline/eventlog.bin"
		command+=" --ima $boots/grub-sb-cmdline/ima.bin"
		;;
	*"verdict show"*) want=1 ;;
	*) want=0 ;;
	esac
	run "step: ${command%% --*}" $want env -C "$work/steps" \
		PATH="$BUILDDIR:$PATH" bash -c "$command"
done <"$work/commands"
run "the learned policy takes both" 0 "$akashi" appraise \
	"$work/steps/updated" --policy "$work/steps/lab-next.json"

# --- other nodes ------------------------------------------------------------------

run "node-2 has another kernel" 1 attest node2 grub-sb-kernel-old
run "which is not the same" 1 explain node/node-1
says "none shows the same"
run "node-2 has that command line" 1 attest node2 grub-sb-cmdline
run "which is" 1 explain node/node-1
says "one shows the same"
run "to node-2 as well" 1 explain node/node-2 --level management
says "One other machine shows the same."
"$akashi" node retire node-2 --reason "test" >/dev/null
run "but not when it is retired" 1 explain node/node-1
says "none shows the same"

# --- a file, the policy, evidence -------------------------------------------------

run "node-1 is good again" 0 attest node1 grub-sb-golden
good=$(latest node-1)
run "a changed program" 1 attest node1 grub-sb-modified-tool
run "is a changed file" 1 explain node/node-1 --level analyst
says "changed file (/usr/bin/ls)"
says "then           sha256:"
says "The boot is the same, event for event."
run "a good boot" 0 attest node1 grub-sb-golden
"$akashi" policy learn "$work/steps/updated" --name lab \
	--ima-allow "$common/allowlist-root.sha256" \
	--ima-allow "$common/allowlist-initrd-golden.sha256" \
	>"$work/next.json" 2>/dev/null
"$akashi" policy apply "$work/next.json" >/dev/null
"$akashi" policy activate lab@2 --label site=lab >/dev/null
run "the same boot under another policy" 1 again node1 grub-sb-golden
run "it is the policy that changed" 1 explain node/node-1
says "policy changed, not the machine"
says "akashi policy history lab"
mkdir "$work/cut"
cp "$boots/grub-sb-golden/ima.bin" "$work/cut/"
head -c -64 "$boots/grub-sb-golden/eventlog.bin" >"$work/cut/eventlog.bin"
boots=$work
run "a cut log" 1 again node1 cut
run "is tampering" 1 explain node/node-1
says "tampering suspected"
says "akashi node clear node-1 --reason"
boots=$SRCDIR/tests/vectors/vm/boots
run "a good boot lifts no hold" 1 attest node1 grub-sb-cmdline
run "and says so" 1 explain node/node-1
says "node-1 is as it was approved. Tampering was suspected earlier"
says "akashi node clear node-1 --reason"

# --- who may ask ---------------------------------------------------------------

"$akashi" admin add eve --role viewer >"$work/eve" 2>/dev/null
run "a viewer may" 1 explain node/node-1 --token-file "$work/eve"
run "an enrolment token may not" 4 explain "$second" \
	--token-file "$work/token"
run "an id that is none" 2 explain xyz
run "no such verdict" 3 explain 01890a5d-ac96-774b-bcce-b302099a8057
run "no such node" 3 explain node/nobody
run "no such level" 2 explain "$second" --level all
tap_done

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The walk-through of akashi-policy(7), as it is printed: a software TPM plays
# the node, with recorded boots.
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
work=$(mktemp -d /tmp/manual_policy.XXXXXX)
cleanup() {
	swtpm_stop "$work/node"
	akashid_drop "$work/server"
	rm -rf "$work"
}
trap cleanup EXIT
unset "${!AKASHI_@}"
export TSS2_LOG=all+NONE LC_ALL=C.UTF-8 TPM2TOOLS_TCTI

# boot NAME: the node's TPM starts anew and is extended as a recorded boot was.
boot() {
	swtpm_reset "$work/node"
	swtpm_replay_boot "$work/node" "$boots/$1/eventlog.bin" \
		"$boots/$1/ima.bin" >/dev/null
	booted=$boots/$1
}

# What the prompts of the page mean. The page's own commands are run in a
# folder of their own.
person() {
	AKASHI_TOKEN_FILE=$work/$1.token PATH=$BUILDDIR:$PATH bash -c "$2"
}
on_node() {
	PATH=$BUILDDIR:$PATH bash -c "$1 --eventlog $booted/eventlog.bin \
		--ima $booted/ima.bin --state $work/node/agent \
		--tcti $(swtpm_tcti "$work/node")"
}

# step PROMPT COMMAND EXIT EXPECTED-LINES: one command of the page.
step() {
	local who=$1 command=$2 want=$3 lines=$4 code=0 line absent=
	case $who in
	node) on_node "$command" >out 2>&1 || code=$? ;;
	*) person "$who" "$command" >out 2>&1 || code=$? ;;
	esac
	while read -r line; do
		grep -qF -- "$line" out || absent+=" \"$line\""
	done <<<"$lines"
	if [ $code -eq "$want" ] && [ -z "$absent" ]; then
		ok "$who: $command"
	else
		not_ok "$who: $command (exit $code, not $want; absent:$absent)"
		note "$(head -n 30 out)"
	fi
}

# The page as lines: "@who command", "=exit", "+expected".
steps() {
	awk '
		/^\.Bd -literal/ { inside = 1; next }
		/^\.Ed/ { inside = 0; next }
		!inside { next }
		{ gsub(/\\\(dq/, "\"") }
		match($0, /^[a-z]+[$#] /) {
			print "@" substr($0, 1, RLENGTH - 2) " " \
				substr($0, RLENGTH + 1)
			next
		}
		/^# exits [0-9]+$/ { print "=" $3; next }
		{ print "+" $0 }' "$SRCDIR/man/akashi-policy.7"
}

prepare() {
	FOUR_EYES=true
	akashid_make "$work/server"
	akashid_start "$work/server"
	akashid_operator "$work/server"
	export PATH=$BUILDDIR:$PATH
	akashi admin add alice --role author >"$work/alice.token" 2>/dev/null
	akashi admin add bob --role operator >"$work/bob.token" 2>/dev/null
	akashi token create --class production --label role=web --ttl 1h \
		>"$work/enrol.token" 2>/dev/null
	swtpm_make "$work/node" "$work/server" rsa ecc
	swtpm_start "$work/node"
	boot grub-sb-golden
	akashi-agent enrol --server "$(cat "$work/server/url")" \
		--ca "$work/server/tls-ca.pem" --name node-1 \
		--token-file "$work/enrol.token" --state "$work/node/agent" \
		--tcti "$(swtpm_tcti "$work/node")" >/dev/null
	akashi node approve node-1 >/dev/null
	mkdir "$work/page"
	cd "$work/page"
	cat "$common"/allowlist-root.sha256 \
		"$common"/allowlist-initrd-golden.sha256 >allow.sha256
	changed
}

# Evidence of a machine whose command line was changed: another quote by the
# same TPM.
changed() {
	boot grub-sb-cmdline
	on_node "akashi-agent attest --save-evidence changed" >/dev/null 2>&1 ||
		true
	boot grub-sb-golden
}

prepare
if [ -s changed/quote.msg ]; then
	ok "a node, two persons and a changed machine"
else
	not_ok "a node, two persons and a changed machine"
fi
who='' command='' want=0 lines=''
run_step() {
	[ -n "$command" ] || return 0
	case $command in
	*"--save-evidence updated"*) boot grub-sb-kernel-old ;;
	esac
	step "$who" "$command" "$want" "${lines%$'\n'}"
}
while IFS= read -r line; do
	case $line in
	@*)
		run_step
		who=${line%% *} who=${who#@} command=${line#* } want=0 lines=''
		;;
	=*) want=${line#=} ;;
	+*) lines+=${line#+}$'\n' ;;
	esac
done < <(steps)
run_step
[ "$tap_n" -gt 15 ] || not_ok "the page has its commands"
tap_done

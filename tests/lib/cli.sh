# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For tests of akashi's commands, sourced in the root of the source tree: a
# folder, $tmp, a way to run a command, and to look at what it said.
. tests/lib/tap.sh

akashi=${BUILDDIR:-build}/akashi
vm=tests/vectors/vm
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export LC_ALL=C

# Words between akashi and what run is given.
cli=()

# run CODE NAME ARGUMENT...: the exit code; output in $tmp/out, $tmp/err.
run() {
	local want=$1 name=$2 got=0
	shift 2
	"$akashi" "${cli[@]}" "$@" >"$tmp/out" 2>"$tmp/err" || got=$?
	if [ "$got" = "$want" ]; then
		ok "$name: exit $got"
	else
		not_ok "$name: exit $got, not $want"
		note "$(head -n 5 "$tmp/out" "$tmp/err")"
	fi
}

# says FILE TEXT; silent FILE
says() {
	if grep -qF -- "$2" "$tmp/$1"; then
		ok "$1 says: $2"
	else
		not_ok "$1 does not say: $2"
		note "$(head -n 20 "$tmp/$1")"
	fi
}
silent() {
	if [ -s "$tmp/$1" ]; then
		not_ok "nothing on $1"
		note "$(head -n 5 "$tmp/$1")"
	else
		ok "nothing on $1"
	fi
}

# json FILTER: true of the document in $tmp/out
json() {
	if [ "$(jq -r "$1" "$tmp/out" 2>&1)" = true ]; then
		ok "$1"
	else
		not_ok "$1"
		note "$(head -c 300 "$tmp/out")"
	fi
}

# lay_out BOOT [QUOTE]: an evidence directory of one quote of a boot.
lay_out() {
	local boot=$vm/boots/$1 quote=${2:-quote-sha256-0_15-rsassa} to=$tmp/$1
	mkdir -p "$to"
	cp "$boot/$quote.msg" "$to/quote.msg"
	cp "$boot/$quote.sig" "$to/quote.sig"
	cp "$boot/$quote.nonce" "$to/nonce.bin"
	cp "$boot/$quote.pcrsel" "$to/pcrsel.txt"
	cp "$boot/ak-$(cat "$boot/$quote.ak").pub" "$to/ak.pub"
	cp "$boot/ima.bin" "$to/"
	[ ! -f "$boot/eventlog.bin" ] || cp "$boot/eventlog.bin" "$to/"
}

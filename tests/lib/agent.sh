# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For tests of the agent with software TPMs, under set -euo pipefail: recorded
# boots, a folder, $work, and a way to run a command. Who sources it, cleans up.
: "${SRCDIR:=.}" "${BUILDDIR:=build}"
export SRCDIR BUILDDIR
. "$SRCDIR/tests/lib/tap.sh"
. "$SRCDIR/tests/lib/demo_ca.sh"
. "$SRCDIR/tests/lib/swtpm.sh"

# shellcheck disable=SC2034
akashi=$BUILDDIR/akashi
boots=$SRCDIR/tests/vectors/vm/boots
# shellcheck disable=SC2034
common=$SRCDIR/tests/vectors/vm/common
# shellcheck disable=SC2034
golden=$boots/grub-sb-golden
work=$(mktemp -d "/tmp/$(basename "$0" .sh).XXXXXX")
unset "${!AKASHI_@}" TPM2TOOLS_TCTI
# The TSS writes lines of its own otherwise.
export TSS2_LOG=all+NONE LC_ALL=C.UTF-8

# says NAME EXIT TEXT COMMAND...: exit code and part of the message.
says() {
	local name=$1 want=$2 text=$3 code=0
	shift 3
	"$@" >"$work/out" 2>&1 || code=$?
	if [ $code -eq "$want" ] &&
		{ [ -z "$text" ] || grep -qF -- "$text" "$work/out"; }; then
		ok "$name"
	else
		not_ok "$name (exit $code, not $want)"
		note "$(cat "$work/out")"
	fi
}

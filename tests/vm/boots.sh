#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Real measured boots of a virtual machine: firmware, boot loaders and kernel
# measure into a software TPM, our agent inside speaks HTTPS to akashid outside.
#
# VM_ROOT: Debian's boot packages, unpacked (./dev vm does it). VM_BOOTS: `some`
# learns from a boot, boots again, and boots with a changed initrd; `all` goes
# on without Secure Boot and with systemd-boot.
set -euo pipefail
: "${SRCDIR:=.}" "${BUILDDIR:=build}" "${VM_BOOTS:=some}"
: "${VM_ROOT:=$SRCDIR/build-vm/root}"
export SRCDIR BUILDDIR
. "$SRCDIR/tests/lib/tap.sh"
. "$SRCDIR/tests/lib/demo_ca.sh"
. "$SRCDIR/tests/lib/swtpm.sh"
. "$SRCDIR/tests/lib/pg.sh"
. "$SRCDIR/tests/lib/akashid.sh"
. "$SRCDIR/tests/vm/image.sh"
. "$SRCDIR/tests/vm/machine.sh"

akashi=$BUILDDIR/akashi
consoles=$BUILDDIR/tests/vm
# The host as QEMU's user network shows it to the machine.
host=10.0.2.2
work=$(mktemp -d /tmp/akvm.XXXXXX)
cleanup() {
	machine_end
	akashid_drop "$work/server"
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 143' INT TERM
unset "${!AKASHI_@}"
export LC_ALL=C.UTF-8
mkdir -p "$consoles"

# is NAME WANT GOT
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1: \"$3\", not \"$2\""
	fi
}

# --- what is booted -------------------------------------------------------------

words="console=ttyS0 ima_policy=tcb rootfstype=ramfs panic=-1"
grub_linux=("linux /vmlinuz $words" "initrd /initrd.img")

# grub_disk NAME INITRD GRUB-COMMAND...: $work/NAME.img
grub_disk() {
	local name=$1 initrd=$2
	shift 2
	printf '%s\n' "$@" boot >"$work/grub.cfg"
	image_grub_disk "$VM_ROOT" "$initrd" "$work/grub.cfg" "$work/$name.img"
}

# uki_disk NAME COMMAND-LINE
uki_disk() {
	image_uki "$VM_ROOT" "$work/initrd" "$2" "$work/$1.efi"
	image_uki_disk "$VM_ROOT" "$work/$1.efi" "$work/$1.img"
}

make_image() {
	strip -o "$work/akashi-agent" "$BUILDDIR/akashi-agent"
	image_tree "$VM_ROOT" "$work/akashi-agent" "$work/tree"
	image_allow "$work/tree" >"$work/allow"
	image_initrd "$work/tree" "$work/initrd"
}

# --- machines ---------------------------------------------------------------------

# new_machine NAME VARIABLES: it becomes the one that `boot` boots.
new_machine() {
	machine=$1
	machine_make "$work/$machine" "$work/server" "$2"
	mkdir "$work/$machine/node"
	cp "$work/server/tls-ca.pem" "$work/$machine/node/ca.pem"
	echo "$machine" >"$work/$machine/node/name"
	echo "https://$host:$(sed 's/.*://' "$work/server/url")" \
		>"$work/$machine/node/url"
	"$akashi" token create --class test --label "image=$machine" --ttl 1h \
		>"$work/$machine/node/token" 2>/dev/null
}

# boot NAME DISK [VARIABLES]: what the machine's agent said is in its node/.
boot() {
	local name=$1 dir=$work/$machine since=$SECONDS status=0
	rm -rf "$dir/node/evidence" "$dir"/node/*.{code,out,err}
	machine_boot "$dir" "$work/$2.img" "${3-$dir/vars.fd}" || status=$?
	cp "$dir/console.log" "$consoles/$name.console"
	cp "$dir/node/attest.out" "$consoles/$name.verdict" || true
	if [ $status -eq 0 ] && [ -s "$dir/node/again.code" ]; then
		ok "$name: boots, attests, switches itself off"
		note "$((SECONDS - since)) s"
		return
	fi
	not_ok "$name: did not get that far (exit $status)"
	note "$(tail -n 40 "$dir/qemu.log" "$dir/console.log")"
	exit 1
}

# said WORD JQ: out of what the agent printed as it attested, or `again`.
said() {
	jq -r "$2" "$work/$machine/node/$1.out"
}

# found JQ [WORD]: out of that verdict as the operator reads it.
found() {
	{ "$akashi" verdict show "$(said "${2-attest}" .verdict)" -o json ||
		true; } | jq -r "$1"
}

# ends NAME CODE: both attestations ended so, the second like the first.
ends() {
	local dir=$work/$machine/node
	is "$1: the agent's exit codes" "$2 $2" \
		"$(cat "$dir/attest.code") $(cat "$dir/again.code")"
	is "$1: asked again, the same" "$(said attest '[.result, .reasons]')" \
		"$(said again '[.result, .reasons]')"
}

# approve: the policy that the last boot teaches, and the node.
approve() {
	"$akashi" policy learn "$work/$machine/node/evidence" \
		--name "$machine" --ima-allow "$work/allow" \
		>"$work/policy.json" 2>/dev/null
	"$akashi" policy apply "$work/policy.json" >/dev/null
	"$akashi" policy activate "$machine@1" --label "image=$machine" \
		>/dev/null
	"$akashi" node approve "$machine" >/dev/null
}

# resets: how often, as the agent knows its TPM.
resets() {
	jq .boot.reset_count "$work/$machine/node/agent/progress.json"
}

# learn_from BOOT DISK: a first boot, which nobody has approved yet, and a
# second one of the same disk, which has to pass.
learn_from() {
	local before
	boot "$1-1" "$2"
	ends "$1-1" 3
	is "$1-1: pending, and without a policy" "pending policy.none" \
		"$(said attest '"\(.admission) \(.reasons[].code)"')"
	approve
	before=$(resets)
	boot "$1-2" "$2"
	passes "$1-2"
	is "$1-2: the TPM was reset once" $((before + 1)) "$(resets)"
	none "$1-2: the agent complains of nothing" \
		"$(cat "$work/$machine"/node/*.err)"
}

passes() {
	ends "$1" 0
	is "$1: trusted, and the logs are the kernel's" "pass trusted [] false" \
		"$(said attest '"\(.result) \(.status) \(.reasons) \(.recorded)"')"
	is "$1: the whole list, and then what is new of it" "true true" \
		"$(found '.ima_offset == 0') $(found '.ima_offset > 0' again)"
	is "$1: every layer" "pass pass pass pass" \
		"$(found '.layers | "\(.firmware) \(.bootloader) \(.os) \(.middleware)"')"
}

# fails NAME LAYER CODE PCR...: for this, among others, in each of the PCRs.
fails() {
	local name=$1 layer=$2 code=$3 pcr
	shift 3
	ends "$name" 1
	is "$name: untrusted" "fail untrusted" \
		"$(said attest '"\(.result) \(.status)"')"
	for pcr; do
		is "$name: $code in PCR $pcr, layer $layer" true "$(found "
			.layers.$layer == \"fail\" and any(.reasons[];
			.code == \"$code\" and .layer == \"$layer\" and
			.pcr == $pcr)")"
	done
}

# --- the walk -----------------------------------------------------------------------

akashid_make "$work/server" $host
akashid_start "$work/server"
akashid_operator "$work/server"
make_image
grub_disk golden "$work/initrd" "${grub_linux[@]}"
# A file more, which nothing opens.
echo "# nothing" >"$work/tree/bin/more"
image_initrd "$work/tree" "$work/changed"
grub_disk initrd "$work/changed" "${grub_linux[@]}"

new_machine grub OVMF_VARS_4M.ms.fd
learn_from grub golden
boot initrd initrd
fails initrd os boot.event.changed 9
is "initrd: nothing else" "/initrd.img pass pass pass" "$(found '
	[(.reasons | map(.found | split(" ")[0]) | join(" ")), (.layers |
	.firmware, .bootloader, .middleware)] | join(" ")')"

# The same TPM and disk behind firmware that has no keys.
without_secure_boot() {
	local off=$work/off.fd
	cp "$machine_firmware/OVMF_VARS_4M.fd" "$off"
	# Past GRUB's own loader, so that the kernel gets the log.
	grub_disk chain "$work/initrd" \
		"chainloader /vmlinuz initrd=\\initrd.img $words"
	boot off chain "$off"
	fails off firmware sb.disabled 7
	is "off: the list of revoked images became shorter" tamper-suspected \
		"$(found '.reasons[] | select(.code == "dbx.rollback").class')"
	boot blind golden "$off"
	if grep -q "no boot log" "$work/$machine/node/attest.err"; then
		# GRUB 2.06 starts the kernel past its EFI stub, and the log is
		# lost: what nobody saw is not passed.
		ends blind 1
		is "blind: without a log no layer of the boot passes" \
			"log.absent fail unknown unknown" "$(found '
			[.reasons[].code] + [.layers | .firmware, .bootloader,
			.os] | join(" ")')"
	else
		fails blind firmware sb.disabled 7
	fi
	# Suspected tampering holds a node until somebody has looked.
	"$akashi" node clear "$machine" --reason "its keys are back" >/dev/null
	boot back golden
	passes back
}

# systemd-boot and a unified kernel image, both signed with OVMF's test key.
second_chain() {
	uki_disk uki "$words"
	uki_disk words "$words more"
	new_machine uki OVMF_VARS_4M.snakeoil.fd
	learn_from uki uki
	boot words words
	fails words os boot.event.changed 4 11
	is "words: the section of the image that is another" .cmdline \
		"$(found '.reasons[] | select(.pcr == 11) | .found |
		split(" ")[0]')"
}

if [ "$VM_BOOTS" = all ]; then
	without_secure_boot
	second_chain
fi
tap_done

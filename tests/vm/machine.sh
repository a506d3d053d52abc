# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A virtual machine with firmware, Secure Boot and a software TPM; no KVM, no
# root. Source tests/lib/swtpm.sh and demo_ca.sh as well.
#
# 1. A machine is a folder: tpm/ (its identity), vars.fd (its firmware's
#    variables), node/ and node.tar (what its operating system keeps, outside
#    and inside), console.log.
# 2. It is off but for machine_boot, which ends when the machine has switched
#    itself off, and fails when that takes too long.
# 3. Processes are ended by their ids.

# Seconds that a boot may take: 20 to 90 on a quiet machine.
machine_patience=${MACHINE_PATIENCE:-600}
machine_firmware=/usr/share/OVMF
machine_running=

# machine_make DIR CA VARIABLES: VARIABLES is one of OVMF's variable stores.
machine_make() {
	mkdir -p "$1"
	swtpm_make "$1/tpm" "$2" rsa
	cp "$machine_firmware/$3" "$1/vars.fd"
}

# machine_end: what still runs of a boot that was begun.
machine_end() {
	local pid
	for pid in $machine_running; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	machine_running=
}

# machine_tpm DIR SOCKET: power for the TPM, until QEMU has ended.
machine_tpm() {
	local dir n=0
	dir=$(realpath "$1")
	timeout $((machine_patience + 60)) swtpm socket --tpm2 --terminate \
		--tpmstate "dir=$dir/tpm/state" --ctrl "type=unixio,path=$2" \
		--log "file=$dir/tpm/swtpm.log,level=1" &
	machine_running=$!
	until [ -S "$2" ]; do
		n=$((n + 1))
		[ $n -lt 200 ] && kill -0 $machine_running || return
		sleep 0.05
	done
}

# machine_qemu DIR DISK VARIABLES SOCKET: becomes the machine.
machine_qemu() {
	local dir=$1 disk=$2 vars=$3 socket=$4
	exec timeout --kill-after=10 "$machine_patience" qemu-system-x86_64 \
		-machine q35,accel=tcg,smm=on -cpu max -m 512 \
		-nodefaults -display none -no-reboot \
		-global driver=cfi.pflash01,property=secure,value=on \
		-drive "if=pflash,unit=0,format=raw,readonly=on,file=$machine_firmware/OVMF_CODE_4M.secboot.fd" \
		-drive "if=pflash,unit=1,format=raw,file=$vars" \
		-chardev "socket,id=tpm,path=$socket" \
		-tpmdev emulator,id=tpm0,chardev=tpm \
		-device tpm-crb,tpmdev=tpm0 \
		-drive "if=none,id=esp,format=raw,snapshot=on,file=$disk" \
		-device ide-hd,drive=esp,bootindex=0 \
		-drive "if=none,id=node,format=raw,file=$dir/node.tar" \
		-device virtio-blk-pci,drive=node -netdev user,id=net \
		-device virtio-net-pci,netdev=net,romfile= \
		-serial "file:$dir/console.log" >"$dir/qemu.log" 2>&1
}

# machine_boot DIR DISK VARIABLES: from power on to power off; node/ then has
# what it kept. A machine that dies keeps nothing new.
machine_boot() {
	local sockets tpm status=0
	tar -C "$1/node" --owner=0 --group=0 -cf "$1/node.tar" .
	truncate -s 8M "$1/node.tar"
	: >"$1/console.log"
	: >"$1/qemu.log"
	sockets=$(mktemp -d /tmp/atd.XXXXXX)
	machine_tpm "$1" "$sockets/tpm" || status=$?
	if [ $status -eq 0 ]; then
		tpm=$machine_running
		machine_qemu "$1" "$2" "$3" "$sockets/tpm" &
		machine_running="$! $tpm"
		wait $! || status=$?
		machine_running=$tpm
		wait "$tpm" || true
		machine_running=
	fi
	machine_end
	rm -rf "$sockets" "$1/node"
	mkdir "$1/node"
	tar -C "$1/node" --warning=no-timestamp -xf "$1/node.tar" || status=1
	return $status
}

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Disks for the machine under test, which the firmware boots as it boots a USB
# stick; made without root and without mounts. Needs cpio, kmod, mtools, and
# for the second chain objcopy, openssl, sbsign.
#
# 1. Boot loaders and kernel are Debian's, out of unpacked packages (ROOT).
# 2. There is no root file system: busybox, the agent and its libraries are in
#    the initrd.

# image_kernel ROOT: the version of the unpacked kernel.
image_kernel() {
	basename "$1"/boot/vmlinuz-* | sed 's/^vmlinuz-//'
}

# image_libraries PROGRAM: the shared libraries that it loads, tpm2-tss's
# device module included, which it opens by name.
image_libraries() {
	local tss
	ldd "$1" | grep -oE '/[^ ]+'
	tss=$(ldd "$1" | sed -n 's|.* => \(/.*\)/libtss2-tctildr.*|\1|p')
	echo "$tss/libtss2-tcti-device.so.0"
}

# image_modules ROOT FOLDER: the drivers of disk and network, in FOLDER, with
# the order to load them in.
image_modules() {
	local root=$1 to=$2 version path name
	local PATH=$PATH:/usr/sbin:/sbin
	version=$(image_kernel "$root")
	depmod -b "$root" "$version"
	for name in virtio_pci virtio_blk virtio_net; do
		modprobe -d "$root" -S "$version" --show-depends "$name"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
		while read -r path; do
			name=$(basename "$path" .xz)
			case $path in
			*.xz) xz -dc "$path" >"$to/$name" ;;
			*) cp "$path" "$to/$name" ;;
			esac
			echo "$name"
		done >"$to/order"
}

# image_tree ROOT AGENT TREE: what the initrd holds.
image_tree() {
	local root=$1 agent=$2 tree=$3 f
	mkdir -p "$tree"/{bin,dev,lib/modules,proc,run,sys}
	install -m 0755 "$(dirname "${BASH_SOURCE[0]}")/init" "$tree/init"
	cp "$agent" "$tree/bin/"
	# /bin in Debian 12, /usr/bin in 13.
	find "$root" -path '*bin/busybox' -exec cp {} "$tree/bin/" \;
	for f in sh cat echo insmod ip mount poweroff sync tar uname; do
		ln -s busybox "$tree/bin/$f"
	done
	image_libraries "$agent" | while read -r f; do
		mkdir -p "$tree$(dirname "$f")"
		cp -L "$f" "$tree$f"
	done
	image_modules "$root" "$tree/lib/modules"
}

# image_initrd TREE OUT
image_initrd() {
	(cd "$1" && find . -print0 | LC_ALL=C sort -z |
		cpio --null --create --format=newc --owner=0:0 --quiet) |
		gzip -9n >"$2"
}

# image_allow TREE: its files as an allow list for IMA.
image_allow() {
	(cd "$1" && find . -type f -exec sha256sum {} +) | sed 's|  \./|  /|'
}

# image_disk OUT FILE PATH...: a disk with these files on it.
image_disk() {
	local out=$1
	shift
	rm -f "$out"
	truncate -s 64M "$out"
	mformat -i "$out" -F -N 414b4153 ::
	mmd -i "$out" ::/EFI ::/EFI/BOOT ::/EFI/debian ::/EFI/Linux
	while [ $# -gt 0 ]; do
		mcopy -i "$out" "$1" "::$2"
		shift 2
	done
}

# image_grub_disk ROOT INITRD CONFIG OUT: shim, GRUB, kernel, initrd.
image_grub_disk() {
	image_disk "$4" \
		"$1/usr/lib/shim/shimx64.efi.signed" /EFI/BOOT/BOOTX64.EFI \
		"$1/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed" \
		/EFI/BOOT/grubx64.efi \
		"$1/boot/vmlinuz-$(image_kernel "$1")" /vmlinuz \
		"$2" /initrd.img "$3" /EFI/debian/grub.cfg
}

# --- the second chain: systemd-boot and a unified kernel image ------------------

# The key that OVMF's "snakeoil" variables trust; everybody has it.
image_key=/usr/share/ovmf/PkKek-1-snakeoil

# image_sign FILE OUT: both may be the same.
image_sign() {
	openssl rsa -in $image_key.key -passin pass:snakeoil -out "$2.key" \
		2>/dev/null
	sbsign --key "$2.key" --cert $image_key.pem --output "$2" "$1" \
		2>"$2.log" || cat "$2.log" >&2
	rm "$2.key" "$2.log"
}

# image_sections STUB SECTION FILE...: objcopy's arguments that put the files
# behind what the stub holds.
image_sections() {
	local at stub=$1
	at=$(objdump -h "$stub" | awk '$1 ~ /^[0-9]+$/ { print $3, $4 }' |
		while read -r size address; do
			echo $((0x$size + 0x$address))
		done | sort -n | tail -n 1)
	shift
	while [ $# -gt 0 ]; do
		at=$(((at + 0xffff) / 0x10000 * 0x10000))
		printf '%s\n' --add-section "$1=$2" --change-section-vma \
			"$1=$(printf 0x%x $at)"
		at=$((at + $(stat -c %s "$2")))
		shift 2
	done
}

# image_uki ROOT INITRD COMMAND-LINE OUT: signed.
image_uki() {
	local root=$1 stub=$1/usr/lib/systemd/boot/efi/linuxx64.efi.stub
	local sections
	printf %s "$3" >"$4.cmdline"
	printf 'ID=vm\nNAME=vm\nPRETTY_NAME=vm\nVERSION_ID=1\n' >"$4.osrel"
	mapfile -t sections < <(image_sections "$stub" \
		.osrel "$4.osrel" .cmdline "$4.cmdline" .initrd "$2" \
		.linux "$root/boot/vmlinuz-$(image_kernel "$root")")
	objcopy "${sections[@]}" "$stub" "$4"
	image_sign "$4" "$4"
}

# image_uki_disk ROOT UKI OUT
image_uki_disk() {
	image_sign "$1/usr/lib/systemd/boot/efi/systemd-bootx64.efi" "$3.boot"
	image_disk "$3" "$3.boot" /EFI/BOOT/BOOTX64.EFI "$2" /EFI/Linux/vm.efi
}

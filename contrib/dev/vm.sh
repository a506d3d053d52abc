#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: real measured boots of a virtual machine (no KVM, no root); "vm some"
#
# "some" is what check runs: a first boot, a second, a changed initrd. The
# consoles of the machines stay in build/tests/vm.
set -eu
. contrib/dev/lib.sh
boots=${1-all}
case $boots in
some | all) ;;
*) die "vm takes nothing or some" ;;
esac
[ "$(uname -m)" = x86_64 ] || die "the virtual machine is an x86-64 machine"

# The boot packages in one folder, anew when one of them is another.
unpack() {
	local p deb debs=()
	for p in $boot_packages; do
		deb=$(fetched "$p")
		[ -n "$deb" ] || die "$p is not there: ./dev deps"
		debs+=("$deb")
	done
	[ "${debs[*]}" != "$(cat build-vm/unpacked 2>/dev/null)" ] || return 0
	rm -rf build-vm/root build-vm/unpacked
	for deb in "${debs[@]}"; do
		dpkg-deb -x "$deb" build-vm/root
	done
	echo "${debs[*]}" >build-vm/unpacked
}

bash contrib/dev/deps.sh
mkdir -p build-vm
unpack
build_in build --enable-werror
# The unit tests need not be there.
VM_BOOTS=$boots VM_ROOT=$PWD/build-vm/root make -C build check-TESTS \
	check_PROGRAMS= TESTS=tests/vm/boots.sh

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the verbs of ./dev share. They run at the top of the tree.

export LC_ALL=C.UTF-8
jobs=$(nproc)

die() {
	echo "dev: $*" >&2
	exit 1
}

# The first of the given programs that is installed.
first_of() {
	local p
	for p; do
		if command -v "$p" >/dev/null; then
			echo "$p"
			return
		fi
	done
	die "none of these is installed: $* (try ./dev deps)"
}

# make_configure: bring ./configure up to date. git does not keep times, so
# the inputs' content decides.
make_configure() {
	local sum
	sum=$(find configure.ac Makefile.am src tests contrib man \
		\( -name '*.am' -o -name configure.ac \) -print0 | sort -z |
		xargs -0 sha256sum | sha256sum)
	if [ ! -x configure ] || [ ! -f Makefile.in ] ||
		[ "$sum" != "$(cat build-aux/.inputs 2>/dev/null)" ]; then
		autoreconf -fi
		printf '%s\n' "$sum" >build-aux/.inputs
	fi
}

# configure_in FOLDER [CONFIGURE ARGUMENT...]: configure out of tree if needed.
configure_in() {
	local folder=$1 want
	shift
	make_configure
	mkdir -p "$folder"
	want="$* $(cat build-aux/.inputs)"
	if [ ! -f "$folder/Makefile" ] ||
		[ "$want" != "$(cat "$folder/.configured" 2>/dev/null)" ]; then
		(cd "$folder" && ../configure "$@")
		printf '%s\n' "$want" >"$folder/.configured"
	fi
}

# build_in FOLDER [CONFIGURE ARGUMENT...]: programs and libraries.
build_in() {
	configure_in "$@"
	make -C "$1" -j"$jobs" all
}

# --- what the virtual machine boots ------------------------------------------------

# These packages are fetched and never installed: a kernel or boot loader that is
# installed changes how this machine boots.
export boot_packages="linux-image-cloud-amd64 shim-signed grub-efi-amd64-signed
	systemd-boot-efi busybox-static"

# Where whoever asks keeps them, for all trees of this machine.
fetch_folder() {
	if [ "$(id -u)" = 0 ]; then
		echo /var/cache/akashi-dev
	elif [ -w "${HOME-}" ]; then
		echo "$HOME/.cache/akashi-dev"
	else
		echo "$PWD/build-vm/packages"
	fi
}

# fetched PACKAGE: its newest .deb, if there is one.
fetched() {
	find /var/cache/akashi-dev "$(fetch_folder)" -maxdepth 1 \
		-name "${1/linux-image-/linux-image-*}_*.deb" 2>/dev/null |
		sort -V | tail -n 1
}

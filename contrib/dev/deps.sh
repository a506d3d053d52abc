#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: install the Debian packages that are missing (--list: only name them)
#
# Debian 12 and 13. Never starts, stops or configures a service: PostgreSQL and
# swtpm are run by the tests themselves, in folders of their own. "deps demo"
# leaves out what only the virtual machine needs.
set -eu
. contrib/dev/lib.sh

# One package per word; where the releases differ: name in 12|name in 13.
packages="
	gcc make autoconf automake pkg-config libc6-dev
	check libmicrohttpd-dev libjansson-dev libpq-dev libssl-dev
	libtss2-dev libcbor-dev libconfig-dev libgnutls28-dev libcurl4-openssl-dev
	clang-14|clang libclang-rt-14-dev|libclang-rt-19-dev llvm-14|llvm
	clang-format-14|clang-format
	postgresql swtpm swtpm-tools tpm2-tools gnutls-bin ima-evm-utils
	openssl curl jq
	universal-ctags mandoc shellcheck python3-yaml python3-jsonschema xz-utils"
vm_packages="qemu-system-x86 ovmf mtools cpio kmod sbsigntool binutils"

release() {
	# shellcheck disable=SC1091
	(. /etc/os-release && echo "${VERSION_ID:-}")
}

wanted() {
	local p column=1
	[ "$(release)" = 12 ] || column=2
	for p in $packages; do
		case $p in
		*'|'*) cut -d'|' -f$column <<<"$p" ;;
		*) echo "$p" ;;
		esac
	done
}

missing() {
	local p
	for p in $(wanted); do
		dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null |
			grep -qx installed || echo "$p"
	done
}

# as_root COMMAND...: or say what root has to run, and end.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif sudo -n true 2>/dev/null ||
		{ [ -t 0 ] && command -v sudo >/dev/null; }; then
		sudo "$@"
	else
		echo "dev: packages are missing; as root, run:" >&2
		echo "${told:-$*}" >&2
		exit 3
	fi
}

install() {
	local apt=(apt-get install --no-install-recommends -y "$@")
	local told="${apt[*]}"
	as_root apt-get update ||
		echo "dev: apt-get update failed; going on with the lists" \
			"that are there." >&2
	as_root env DEBIAN_FRONTEND=noninteractive "${apt[@]}" ||
		die "apt-get failed. If a mirror answers 404, its lists are" \
			"old: run apt-get update and try again."
}

# --- what is only fetched ----------------------------------------------------------

# The package that a meta package stands for, else itself.
real_package() {
	apt-cache show --no-all-versions "$1" 2>/dev/null |
		sed -n 's/^Depends: \(linux-image-[^ ,]*\).*/\1/p' | grep . ||
		echo "$1"
}

unfetched() {
	local p
	for p in $boot_packages; do
		[ -n "$(fetched "$p")" ] || real_package "$p"
	done
}

# download PACKAGE...: whole, or not at all.
download() {
	local to temp ok=true
	to=$(fetch_folder)
	mkdir -p "$to"
	temp=$(mktemp -d "$to/new.XXXXXX")
	(cd "$temp" && apt-get download -o APT::Sandbox::User=root "$@") ||
		ok=false
	! $ok || mv "$temp"/*.deb "$to/"
	rm -rf "$temp"
	$ok
}

fetch() {
	local need
	mapfile -t need < <(unfetched)
	if [ ${#need[@]} -gt 0 ] && ! download "${need[@]}"; then
		as_root apt-get update
		# The new lists may name other versions.
		mapfile -t need < <(unfetched)
		download "${need[@]}" || die "cannot fetch ${need[*]}"
	fi
}

command -v dpkg-query >/dev/null ||
	die "this is not Debian. Install what README.md and configure.ac name."
[ "${1-}" = demo ] || packages+=" $vm_packages"
if [ "${1-}" = --list ]; then
	wanted
	exit 0
fi
mapfile -t need < <(missing)
outcome="all there"
if [ ${#need[@]} -gt 0 ]; then
	echo "packages: installing ${#need[@]}: ${need[*]}"
	install "${need[@]}"
	mapfile -t left < <(missing)
	[ ${#left[@]} -eq 0 ] || die "still missing: ${left[*]}"
	outcome="installed ${#need[@]}"
fi
[ "${1-}" = demo ] || fetch
echo "packages: $outcome"

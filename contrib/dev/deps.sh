#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: install the Debian packages that are missing (--list: only name them)
#
# Debian 12 and 13. Never starts, stops or configures a service: PostgreSQL and
# swtpm are run by the tests themselves, in folders of their own.
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

install() {
	local as=("$@")
	"${as[@]}" apt-get update ||
		echo "dev: apt-get update failed; going on with the lists" \
			"that are there." >&2
	# shellcheck disable=SC2086
	"${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y \
		--no-install-recommends $need ||
		die "apt-get failed. If a mirror answers 404, its lists are" \
			"old: run apt-get update and try again."
}

command -v dpkg-query >/dev/null ||
	die "this is not Debian. Install what README.md and configure.ac name."
if [ "${1-}" = --list ]; then
	wanted
	exit 0
fi
need=$(missing | tr '\n' ' ')
need=${need% }
if [ -z "$need" ]; then
	echo "packages: all there"
	exit 0
fi
count=$(wc -w <<<"$need")
echo "packages: installing $count: $need"
if [ "$(id -u)" = 0 ]; then
	install
elif sudo -n true 2>/dev/null || { [ -t 0 ] && command -v sudo >/dev/null; }; then
	install sudo
else
	echo "dev: packages are missing; as root, run:" >&2
	echo "apt-get install --no-install-recommends -y $need" >&2
	exit 3
fi
need=$(missing | tr '\n' ' ')
[ -z "$need" ] || die "still missing: $need"
echo "packages: installed $count"

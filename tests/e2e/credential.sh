#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A TPM opens the credentials that we make, for every kind of endorsement key,
# and refuses one that was made for another key's name.
set -u
cd "${SRCDIR:-.}" || exit 1
. tests/lib/tap.sh
make_credential=${BUILDDIR:-build}/tests/lib/make_credential

for tool in swtpm tpm2_createek tpm2_activatecredential; do
	if ! command -v $tool >/dev/null; then
		skip "no $tool here" "credential activation"
		tap_done
		exit
	fi
done

# TPM sockets want short, absolute paths.
dir=$(mktemp -d /tmp/akashi-cred-XXXXXX) || exit 99
trap '[ ! -s "$dir/pid" ] || kill "$(cat "$dir/pid")"; rm -rf "$dir"' EXIT
trap 'exit 99' INT TERM

# attempt NAME COMMAND...: passes if the command does; shows what it said if not
attempt() {
	local name=$1
	shift
	if "$@" >"$dir/log" 2>&1; then
		ok "$name"
	else
		not_ok "$name"
		note "$(cat "$dir/log")"
	fi
}

mkdir "$dir/state"
swtpm socket --tpm2 --daemon --pid file="$dir/pid" \
	--tpmstate dir="$dir/state" \
	--server type=unixio,path="$dir/sock" \
	--ctrl type=unixio,path="$dir/sock.ctrl" \
	--flags not-need-init,startup-clear || exit 99
TPM2TOOLS_TCTI="swtpm:path=$dir/sock"
export TPM2TOOLS_TCTI

flush() {
	tpm2_flushcontext -t && tpm2_flushcontext -l && tpm2_flushcontext -s
}

# An AK outside the endorsement hierarchy: activation looks at its name only.
make_ak() {
	tpm2_createprimary -Q -C o -G ecc256:ecdsa-sha256:null -c "$dir/ak.ctx" \
		-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign' &&
		tpm2_readpublic -Q -c "$dir/ak.ctx" -n "$dir/ak.name" && flush
}

# EKs of the low range want a policy, those of the high range a password.
activate() { # range
	if [ "$1" = high ]; then
		tpm2_activatecredential -Q -c "$dir/ak.ctx" -C "$dir/ek.ctx" \
			-i "$dir/cred" -o "$dir/opened"
		return
	fi
	tpm2_startauthsession -Q --policy-session -S "$dir/session" &&
		tpm2_policysecret -Q -S "$dir/session" -c e &&
		tpm2_activatecredential -Q -c "$dir/ak.ctx" -C "$dir/ek.ctx" \
			-P session:"$dir/session" -i "$dir/cred" -o "$dir/opened"
}

round_trip() { # range
	rm -f "$dir/opened"
	head -c 32 /dev/urandom >"$dir/secret" &&
		"$make_credential" "$dir/ek.pub" "$dir/ak.name" "$dir/secret" "$dir/cred" &&
		activate "$1" && flush && cmp "$dir/secret" "$dir/opened"
}

# A credential for a name that differs in its last byte: the TPM finds that it
# was not made for this key.
other_name() { # range
	rm -f "$dir/opened"
	{ head -c 33 "$dir/ak.name" && tail -c 1 "$dir/ak.name" | tr '\000-\377' '\001-\377\000'; } >"$dir/other.name" &&
		! cmp -s "$dir/ak.name" "$dir/other.name" &&
		"$make_credential" "$dir/ek.pub" "$dir/other.name" "$dir/secret" "$dir/cred" &&
		! activate "$1" 2>"$dir/why" && flush &&
		grep 'integrity check failed' "$dir/why" && [ ! -s "$dir/opened" ]
}

make_ek() { # kind
	tpm2_createek -Q -G "$1" -c "$dir/ek.ctx" -u "$dir/ek.pub" && flush
}

flush
attempt "a TPM and an attestation key" make_ak
for row in rsa:low rsa3072:high ecc:low ecc384:high ecc521:high; do
	kind=${row%:*}
	attempt "$kind: an endorsement key" make_ek "$kind"
	attempt "K09 $kind: the TPM recovers the secret" round_trip "${row#*:}"
	attempt "K09 $kind: not for another name" other_name "${row#*:}"
done
tap_done

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Quotes by attestation keys of every algorithm that we take and that this
# software TPM has: the genuine one verifies, one with a flipped bit does not.
set -u
cd "${SRCDIR:-.}" || exit 1
. tests/lib/tap.sh
akashi=${BUILDDIR:-build}/akashi

# TPM sockets want short, absolute paths.
dir=$(mktemp -d /tmp/akashi-keys-XXXXXX) || exit 99
trap '[ ! -s "$dir/pid" ] || kill "$(cat "$dir/pid")"; rm -rf "$dir"' EXIT
trap 'exit 99' INT TERM
mkdir "$dir/state" "$dir/ev"
swtpm socket --tpm2 --daemon --pid file="$dir/pid" \
	--tpmstate dir="$dir/state" \
	--server type=unixio,path="$dir/sock" \
	--ctrl type=unixio,path="$dir/sock.ctrl" \
	--flags not-need-init,startup-clear || exit 99
TPM2TOOLS_TCTI="swtpm:path=$dir/sock"
export TPM2TOOLS_TCTI TSS2_LOG=all+NONE LC_ALL=C

attributes='fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign'
nonce=00112233445566778899aabbccddeeff

# make_ak ALGORITHM: an AK, or false where the TPM has no such keys.
make_ak() {
	tpm2_flushcontext -t
	tpm2_createprimary -Q -C e -G "$1:null" -c "$dir/ak.ctx" \
		-a "$attributes" 2>"$dir/why" &&
		tpm2_readpublic -Q -c "$dir/ak.ctx" -o "$dir/ev/ak.pub" &&
		tpm2_flushcontext -t
}
# quote ALGORITHM
quote() {
	local scheme=${1#*:}
	tpm2_quote -Q -c "$dir/ak.ctx" -l sha256:0,1,2 -q "$nonce" \
		-g "${scheme#*-}" --scheme "${scheme%-*}" \
		-m "$dir/ev/quote.msg" -s "$dir/ev/quote.sig" 2>"$dir/why"
}
# judged FILTER: of the appraisal as JSON.
judged() {
	"$akashi" appraise "$dir/ev" --nonce "$nonce" \
		--pcrsel sha256:0,1,2 -o json >"$dir/out" 2>/dev/null
	jq -e "$1" "$dir/out" >/dev/null
}
passed='.checks | map(select(.id == ("ak.attributes", "quote.signature",
	"quote.nonce", "quote.selection"))) |
	length == 4 and all(.state == "passed")'
# flip FILE: one bit of its last byte.
flip() {
	local last
	last=$(tail -c 1 "$1" | od -An -tu1 | tr -d ' ')
	head -c -1 "$1" >"$1.new"
	# shellcheck disable=SC2059
	printf "\\$(printf %03o $((last ^ 1)))" >>"$1.new"
	mv "$1.new" "$1"
}

for row in rsa2048:rsassa-sha256 rsa2048:rsapss-sha256 \
	rsa2048:rsassa-sha512 rsa3072:rsassa-sha384 rsa3072:rsapss-sha384 \
	rsa4096:rsassa-sha512 rsa4096:rsapss-sha512 ecc256:ecdsa-sha256 \
	ecc384:ecdsa-sha384 ecc521:ecdsa-sha512; do
	if ! make_ak "$row"; then
		case $row in
		rsa4096:*) note "$row: this TPM has no such keys; tests/unit/verify/test_key has" ;;
		*) not_ok "$row: $(cat "$dir/why")" ;;
		esac
		continue
	fi
	if quote "$row" && judged "$passed"; then
		ok "$row"
	else
		not_ok "$row"
		note "$(cat "$dir/why" "$dir/out")"
	fi
	flip "$dir/ev/quote.sig"
	if judged '.result == "reject" and
		.reasons[0].code == "quote.signature"'; then
		ok "$row with another signature"
	else
		not_ok "$row with another signature"
		note "$(cat "$dir/out")"
	fi
done

# What the key itself allows and we do not.
for row in rsa2048:rsassa-sha1:ak.scheme ecc256:ecdsa-sha1:ak.scheme; do
	code=${row##*:}
	row=${row%:*}
	if make_ak "$row" && quote "$row" && judged '.result == "reject" and
		.reasons[0].code == "'"$code"'"'; then
		ok "Q18 $row: $code"
	else
		not_ok "Q18 $row: $code"
		note "$(cat "$dir/why" "$dir/out")"
	fi
done
if make_ak rsa1024:rsassa-sha256; then
	quote rsa1024:rsassa-sha256
	if judged '.result == "reject" and .reasons[0].code == "ak.weak"'; then
		ok "Q19 rsa1024: ak.weak"
	else
		not_ok "Q19 rsa1024: ak.weak"
		note "$(cat "$dir/out")"
	fi
fi
tap_done

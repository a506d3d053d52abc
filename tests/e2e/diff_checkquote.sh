#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tpm2_checkquote, which we did not write, and our verification over every
# recorded quote: we accept nothing that it refuses, and what we refuse beyond
# it has a name. It cannot verify RSAPSS (5.4), and it asks neither for the
# magic, the type (before 5.8), the key's attributes nor for the selection.
set -u
cd "${SRCDIR:-.}" || exit 1
. tests/lib/tap.sh
judge=${BUILDDIR:-build}/tests/lib/judge_quote
vectors=tests/vectors
agreed=0

# What we refuse and it does not: name of the case, our code.
declare -A ours_only=(
	[fake]=quote.magic
	[gt]=quote.type
	[nv]=quote.type
	[ce]=quote.type
	[qdup]=quote.selection.duplicate
	[qdup2]=quote.selection.duplicate
	[qnone]=quote.selection.empty
	[quote-unrestricted-sha256-0_15]=ak.attributes
	[quote-empty-rsassa]=quote.selection.empty
	[quote-sha512-unallocated-rsassa]=quote.selection.empty
	[quote-nonceempty-rsassa]=quote.nonce
	[ak-attr-no-sensitivedataorigin]=ak.attributes
	[ak-attr-not-fixedtpm]=ak.attributes
	[ak-attr-restricted-cleared]=ak.attributes
	[attest-pcrdigest-empty]=quote.pcr_digest
	[attest-trailing-bytes]=quote.format
	[attest-type-time]=quote.type
	[forged-badmagic-unrestricted-key]=quote.magic
	[forged-goodmagic-unrestricted-key]=ak.attributes
	[quote-by-unrestricted-key]=ak.attributes
	[quote-ecdsa-oversized-r]=quote.signature
	[quote-empty-selection]=quote.selection.empty
	[quote-selection-only-10]=quote.selection
	[quote-selection-subset]=quote.selection
	[quote-sha1-only]=quote.selection
)

hex() {
	od -An -v -tx1 "$1" | tr -d ' \n'
}

# compare CASE MSG SIG AK NONCE-HEX SELECTION [PCRS]
compare() {
	local name=$1 msg=$2 sig=$3 ak=$4 nonce=$5 selection=$6
	local pcrs=() theirs=refuses ours
	[ ! -f "${7:-}" ] || pcrs=(-f "$7")
	if tpm2_checkquote -Q -u "$ak" -m "$msg" -s "$sig" -q "$nonce" \
		"${pcrs[@]}" -g sha256 >/dev/null 2>&1; then
		theirs=accepts
	fi
	ours=$("$judge" "/$msg" "/$sig" "/$ak" "$nonce" "$selection")
	case $theirs:$ours in
	accepts:ok)
		agreed=$((agreed + 1))
		ok "$name: both accept"
		;;
	refuses:ok)
		if [ "$(od -An -tx1 -N2 "$sig" | tr -d ' ')" = 0016 ]; then
			ok "$name: only we accept (it has no RSAPSS)"
		else
			not_ok "$name: only we accept"
		fi
		;;
	refuses:*)
		ok "$name: both refuse ($ours)"
		;;
	*)
		if [ "${ours_only[${name##*/}]:-}" = "$ours" ]; then
			ok "$name: only we refuse ($ours)"
		else
			not_ok "$name: only we refuse ($ours)"
		fi
		;;
	esac
}

if ! command -v tpm2_checkquote >/dev/null; then
	skip "no tpm2_checkquote here" "differential test"
	tap_done
	exit
fi
for msg in "$vectors"/vm/boots/*/quote-*.msg; do
	stem=${msg%.msg}
	boot=$(dirname "$msg")
	compare "${stem#"$vectors/vm/boots/"}" "$msg" "$stem.sig" \
		"$boot/ak-$(cat "$stem.ak").pub" "$(hex "$stem.nonce")" \
		"$(cat "$stem.pcrsel")" "$stem.pcrs"
done
if [ "$agreed" -ge 300 ]; then
	ok "$agreed recorded quotes accepted by both"
else
	not_ok "only $agreed recorded quotes accepted by both"
fi
for folder in "$vectors"/vm/negatives/{ak,attest,forged,quote}-*; do
	name=$(basename "$folder")
	# Its EK tells it, see test_quotes.
	[ "$name" != ak-software-key ] || continue
	compare "$name" "$folder/quote.msg" "$folder/quote.sig" "$folder/ak.pub" \
		"$(hex "$folder/nonce.bin")" "$(cat "$folder/pcrsel.txt")"
done
nonce=$(printf challenge-nonce-1 | od -An -v -tx1 | tr -d ' \n')
while read -r name selection its_nonce; do
	stem=$vectors/quotes/$name
	compare "$name" "$stem.msg" "$stem.sig" "$vectors/quotes/akpub.pem" \
		"${its_nonce:-$nonce}" "$selection" "$stem.pcrs"
done <<'END'
q1 sha256:0,1,7
q16 sha256:16
qmulti sha1:0+sha256:0
qorder sha256:1+sha1:0
qdup sha256:0
qdup2 sha256:0,1
qnone sha256:0
fake sha256:0
gt sha256:0
nv sha256:0
ce sha256:0 00ff55aa
END
tap_done

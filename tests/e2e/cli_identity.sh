#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# akashi appraise: who the TPM is. Authorities, revocation lists, and what a
# policy says of manufacturer, class, firmware and keys.
set -eu
cd "${SRCDIR:-.}" || exit 1
. tests/lib/tap.sh
. tests/lib/demo_ca.sh
akashi=${BUILDDIR:-build}/akashi
good=tests/vectors/vm/negatives/control-noaction-benign
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export LC_ALL=C

# run CODE TEXT NAME ARGUMENT...: the exit code and part of the output.
run() {
	local want=$1 text=$2 name=$3 got=0
	shift 3
	"$akashi" "$@" >"$tmp/out" 2>&1 || got=$?
	if [ "$got" = "$want" ] && grep -qF -- "$text" "$tmp/out"; then
		ok "$name: exit $got"
	else
		not_ok "$name: exit $got, not $want"
		note "$(head -n 20 "$tmp/out")"
	fi
}
appraise() {
	local want=$1 text=$2 name=$3
	shift 3
	run "$want" "$text" "$name" appraise "$good" --ek-cert "$tmp/ek.der" \
		--trust-anchors "$tmp/ca.pem" "$@"
}

# --- an authority of our own for the recorded endorsement key ----------------
demo_ca_root "$tmp/ca" "Test EK CA"
demo_ca_root "$tmp/other" "Test EK CA"
cat >"$tmp/ek.cnf" <<-'END'
[ek]
basicConstraints=critical,CA:FALSE
keyUsage=critical,keyEncipherment
extendedKeyUsage=2.23.133.8.1
authorityKeyIdentifier=keyid
subjectAltName=critical,dirName:tpm
[tpm]
m.2.23.133.2.1=id:49465800
t.2.23.133.2.2=SLB9672
v.2.23.133.2.3=id:000F0017
END
openssl x509 -inform DER -pubkey -noout \
	-in tests/vectors/vm/boots/grub-sb-golden/ekcert-rsa.der >"$tmp/ek.pub"
demo_ca_run openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
	-nodes -keyout "$tmp/req.key" -out "$tmp/req.pem" -subj /CN=EK \
	-config /dev/null
demo_ca_run openssl x509 -req -in "$tmp/req.pem" -force_pubkey "$tmp/ek.pub" \
	-CA "$tmp/ca.pem" -CAkey "$tmp/ca.key" -set_serial 0x5a -days 365 \
	-extfile "$tmp/ek.cnf" -extensions ek -outform DER -out "$tmp/ek.der"

# crl NAME CA SERIAL [DAYS]: a list of this authority with one entry.
crl() {
	printf 'R\t301231000000Z\t260101000000Z\t%s\tunknown\t/CN=x\n' "$3" \
		>"$tmp/index.txt"
	printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s\ncrlnumber=%s\n%s\n%s\n' \
		"$tmp/index.txt" "$tmp/number" default_md=sha256 \
		default_crl_days=30 >"$tmp/ca.cnf"
	echo 01 >"$tmp/number"
	demo_ca_run openssl ca -config "$tmp/ca.cnf" -gencrl \
		-keyfile "$tmp/$2.key" -cert "$tmp/$2.pem" -out "$tmp/$1" \
		"${@:4}"
}
crl revoked.pem ca 5A
crl empty.pem ca 5B
crl stranger.pem other 5A
crl stale.pem ca 5B -crl_lastupdate 20200101000000Z \
	-crl_nextupdate 20200201000000Z

"$akashi" policy learn "$good" --name p >"$tmp/policy.json" 2>/dev/null
# policy MEMBERS: the learned policy with rules for the TPM.
policy() {
	jq --argjson tpm "{$1}" '.tpm = $tpm' "$tmp/policy.json" >"$tmp/p.json"
	echo "$tmp/p.json"
}

# --- revocation (K04) -----------------------------------------------------------
appraise 0 "result: pass" "certified" --policy "$tmp/policy.json"
appraise 0 "result: pass" "a list without it" --policy "$tmp/policy.json" \
	--crl "$tmp/empty.pem"
appraise 1 "ek.revoked" "a list with it" --policy "$tmp/policy.json" \
	--crl "$tmp/revoked.pem"
appraise 3 "ek.crl" "a stale list" --policy "$tmp/policy.json" \
	--crl "$tmp/stale.pem"
appraise 2 "signed by none" "a list of another authority of this name" \
	--policy "$tmp/policy.json" --crl "$tmp/stranger.pem"
appraise 2 "no revocation list" "no list" --policy "$tmp/policy.json" \
	--crl "$tmp/ca.pem"
run 2 "Revocation lists need" "a list without anchors" appraise "$good" \
	--crl "$tmp/empty.pem"

# --- what a policy says of the TPM ----------------------------------------------
appraise 0 "result: pass" "its manufacturer" \
	--policy "$(policy '"manufacturers":["IFX"]')"
appraise 1 "tpm.manufacturer" "another manufacturer" \
	--policy "$(policy '"manufacturers":["STM","id:494E5443"]')"
run 3 "tpm.unidentified" "nobody vouches for the manufacturer" \
	appraise "$good" --policy "$(policy '"manufacturers":["IFX"]')"
appraise 1 "tpm.class" "nobody says which class it is" \
	--policy "$(policy '"classes":["discrete"]')"
appraise 0 "root of trust   unknown" "unless the policy takes any" \
	--policy "$(policy '"classes":["unknown"]')"
appraise 1 "tpm.fw" "firmware that is too old" \
	--policy "$(policy '"firmware":[{"manufacturer":"IFX","min":"65535"}]')"
appraise 0 "result: pass" "firmware that is not" \
	--policy "$(policy '"firmware":[{"manufacturer":"IFX","min":"0.1"}]')"
run 3 "tpm.unidentified" "firmware of nobody" appraise "$good" \
	--policy "$(policy '"firmware":[{"manufacturer":"IFX","min":"0.1"}]')"
appraise 1 "tpm.key" "a key that the policy does not take" \
	--policy "$(policy '"keys":["ecc-p384"]')"
appraise 0 "result: pass" "and one that it takes" \
	--policy "$(policy '"keys":["ecc-p384","rsa-2048"],"hashes":["sha256"]')"
appraise 1 "tpm.key" "a hash that it does not take" \
	--policy "$(policy '"hashes":["sha384"]')"
run 1 "tpm.keys[0]" "a policy that takes weak keys" policy check \
	"$(policy '"keys":["rsa-1024"]')"
run 0 "firmware of IFX: 7.85.0.0 or later" "in words" policy show \
	"$(policy '"firmware":[{"manufacturer":"IFX","min":"7.85"}]')"

# --- what no verdict shows --------------------------------------------------------
run 0 "not that it is in the machine" "a limit" explain limit.relay
run 0 "limit.host_owner" "all of them" explain
tap_done

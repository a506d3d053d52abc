#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# akashi appraise, ima, explain: exit codes, streams, options, both languages.
set -u
cd "${SRCDIR:-.}" || exit 1
. tests/lib/cli.sh
neg=$vm/negatives
good=$neg/control-noaction-benign

# An evidence directory of one quote of a boot.
lay_out() {
	local boot=$vm/boots/$1 quote=$2 to=$tmp/$3
	mkdir -p "$to"
	cp "$boot/$quote.msg" "$to/quote.msg"
	cp "$boot/$quote.sig" "$to/quote.sig"
	cp "$boot/$quote.nonce" "$to/nonce.bin"
	cp "$boot/$quote.pcrsel" "$to/pcrsel.txt"
	cp "$boot/ak-$(cat "$boot/$quote.ak").pub" "$to/ak.pub"
	cp "$boot/eventlog.bin" "$boot/ima.bin" "$to/"
}

lay_out grub-sb-golden quote-sha256-0_15-rsassa golden
policy=$tmp/policy.json
run 0 "a policy is learned" policy learn "$tmp/golden" \
	--ima-allow $vm/common/allowlist-root.sha256
cp "$tmp/out" "$policy"

# --- appraise: results ---------------------------------------------------
run 0 "golden evidence" appraise "$tmp/golden" --policy "$policy"
says out "result: pass"
says out "ima.replay"
says err "freshness not proved: the nonce was given by the caller"
run 1 "a changed command line" appraise $neg/eventlog-data-altered-cmdline \
	--policy "$policy"
says out "log.digest_data_mismatch (tamper-suspected) at eventlog.events["
run 1 "a bad signature" appraise $neg/quote-sig-bitflip --policy "$policy"
says out "quote.signature"
lay_out grub-sb-cmdline quote-sha256-0_15-rsassa cmdline
run 1 "another boot" appraise "$tmp/cmdline" --policy "$policy"
says out "result: fail"
says out "PCR 8"
says out "expected  "
says out "found     "
run 3 "no policy" appraise "$tmp/golden"
says out "policy.none"

# --- appraise: what is given ---------------------------------------------
rm "$tmp/golden/nonce.bin"
run 3 "no nonce" appraise "$tmp/golden" --policy "$policy"
says out "quote.nonce_unknown"
says err "freshness not proved: no nonce was given"
nonce=$(od -An -v -tx1 $good/nonce.bin | tr -d ' \n')
run 0 "--nonce" appraise "$tmp/golden" --policy "$policy" --nonce "$nonce"
run 1 "another nonce" appraise "$tmp/golden" --policy "$policy" \
	--nonce "${nonce%?}0"
run 2 "a nonce that is no hex" appraise "$tmp/golden" --policy "$policy" \
	--nonce xyz
run 0 "--nonce-file" appraise "$tmp/golden" --policy "$policy" \
	--nonce-file $good/nonce.bin
run 0 "single files without a directory" appraise --policy "$policy" \
	--quote $good/quote.msg --signature $good/quote.sig \
	--ak-pub $good/ak.pub --nonce "$nonce" \
	--eventlog $good/eventlog.bin --ima $good/ima.bin \
	--pcrsel sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
run 1 "a file in place of the directory's" appraise $good \
	--policy "$policy" --ima $neg/ima-entry-removed/ima.bin
says out "ima.replay"
run 1 "asked for something else" appraise $good --policy "$policy" \
	--pcrsel sha256:0
says out "quote.selection"
run 2 "a selection that is none" appraise $good --pcrsel sha257:0
run 3 "PEM as attestation key" appraise $good --policy "$policy" \
	--ak-pub $vm/boots/grub-sb-golden/ak-rsassa.pem
says out "ak.attributes_unknown"
run 3 "anchors without a certificate" appraise $good --policy "$policy" \
	--trust-anchors $neg/ekcert-expired/ca.pem
says out "ek.missing"
cert=$neg/control-ekcert-trailing-nv-padding
run 0 "a certificate of that CA" appraise $cert --policy "$policy" \
	--trust-anchors $cert/ca.pem --at 2026-12-01T00:00:00Z
run 1 "long after it has expired" appraise $neg/ekcert-expired \
	--policy "$policy" --trust-anchors $cert/ca.pem \
	--at 2026-12-01T00:00:00Z
says out "ek.expired"
run 0 "before it expired" appraise $neg/ekcert-expired \
	--policy "$policy" --trust-anchors $cert/ca.pem \
	--at 2026-12-01T00:00:00Z --ek-cert $cert/ekcert.der
run 2 "a time that is none" appraise $good --at yesterday
run 0 "--ek-pub" appraise $good --policy "$policy" \
	--ek-pub $vm/boots/grub-sb-golden/ek-rsa.pub
run 1 "the EK of another machine" appraise $good --policy "$policy" \
	--ek-pub $vm/boots/uki-golden/ek-rsa.pub
says out "ak.qn"
: >"$tmp/userspace.log"
run 0 "a userspace log" appraise $good --policy "$policy" \
	--userspace-log "$tmp/userspace.log"
says out " userspace.format"

# --- appraise: usage -----------------------------------------------------
run 2 "no such directory" appraise "$tmp/none" --policy "$policy"
run 2 "no directory" appraise --policy "$policy"
run 2 "no such policy" appraise $good --policy "$tmp/none.json"
echo '{}' >"$tmp/bad.json"
run 2 "a policy that is none" appraise $good --policy "$tmp/bad.json"
run 2 "two directories" appraise $good $good
run 2 "an unknown option" appraise $good --frobnicate
run 2 "a form that is none" appraise $good -o table

# --- appraise: JSON ------------------------------------------------------
run 1 "-o json" appraise $neg/ima-entry-removed --policy "$policy" -o json
json '.result == "reject"'
json '[.reasons[].code] == ["ima.replay", "log.replay"]'
json '.reasons[0] | has("class") and has("layer") and has("path")'
json '.reasons[0] | has("message") and has("expected") and has("found")'
json '.checks | map(select(.id == "quote.signature").state) == ["passed"]'
json '.pcrs.sha256["0"] | length == 64'
json '.policy | has("name") and (.hash | length == 64)'
json '.quirks == ["shim_label"]'
json '.freshness | startswith("freshness not proved")'

# --- two languages -------------------------------------------------------
run 1 "Japanese" --lang ja appraise $neg/quote-wrong-nonce --policy "$policy"
says out "判定: 拒否 (reject)"
says out "発行したノンス"

# --- ima -----------------------------------------------------------------
run 0 "a list" ima $vm/boots/grub-sb-ima-violations/ima.bin
says out "violations  2"
run 0 "a list as JSON" ima -o json $vm/boots/grub-sb-ima-buf/ima.bin
json '.template == "ima-sig" and .entries == 201 and .violations == 0'
json '.pcrs.sha256["10"] | length == 64'
json '.refused == null'
run 1 "a list that is cut" ima -o json $neg/ima-truncated-mid-entry/ima.bin
json '.entries == 199 and .refused.code == "ima.truncated"'
says err "ima.truncated"
run 2 "no such list" ima "$tmp/none"
run 2 "no list" ima
run 2 "a form that ima does not have" ima -o text $good/ima.bin

# --- explain -------------------------------------------------------------
run 0 "a code" explain log.replay
says out "effect  reject"
run 0 "a code in Japanese" explain --lang ja log.replay
says out "ログを再計算しても"
run 0 "all codes" explain
says out "quote.nonce "
run 2 "no such code" explain log.nonsense
tap_done

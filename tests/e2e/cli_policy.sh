#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# akashi policy learn, check, fmt, show: exit codes, streams, options.
set -u
cd "${SRCDIR:-.}" || exit 1
. tests/lib/cli.sh

for boot in grub-sb-golden grub-sb-second grub-sb-cmdline; do
	lay_out $boot quote-sha256-0_15-rsassa
done
lay_out direct-sha1only quote-sha1-0_15-rsassa 2>/dev/null ||
	lay_out direct-sha1only quote-sha1-0_15-ecdsa
golden=$tmp/grub-sb-golden

# --- learn ---------------------------------------------------------------
run 0 "one boot" policy learn "$golden" --name web \
	--ima-allow $vm/common/allowlist-root.sha256 \
	--ima-allow $vm/common/allowlist-initrd-golden.sha256 \
	--ima-keyring $vm/common/ima-signing-rsa-cert.der \
	--ima-exclude '/var/log/**'
cp "$tmp/out" "$tmp/web.json"
says out '"name": "web"'
says out '"source": "allowlist-root.sha256"'
says err "PCR 1 holds settings"
hex() {
	od -An -v -tx1 | tr -d ' \n'
}
for secret in "$(hex <"$golden/nonce.bin")" \
	"$(tail -c 32 "$golden/ak.pub" | hex)"; do
	if grep -q "$secret" "$tmp/web.json"; then
		not_ok "nonce or key in the policy"
	else
		ok "neither nonce nor key in the policy"
	fi
done
run 0 "the next boot passes" appraise "$tmp/grub-sb-second" \
	--policy "$tmp/web.json"
run 1 "another command line fails" appraise "$tmp/grub-sb-cmdline" \
	--policy "$tmp/web.json"
run 0 "two boots" policy learn "$golden" "$tmp/grub-sb-cmdline"
says out '"name": "grub-sb-golden"'
says err "both are accepted"
run 0 "a report" policy learn "$golden" "$tmp/grub-sb-cmdline" \
	--report "$tmp/report"
silent err
says report "both are accepted"
run 2 "a report that cannot be written" policy learn "$golden" \
	--report "$tmp/none/report"
run 0 "chosen PCRs" policy learn "$golden" --pcrs sha256:0,7
says out '"sha256": [0,7]'
run 1 "PCRs that were not quoted" policy learn "$golden" --pcrs sha256:0,17
says err "[policy.unquoted pcrs]"
run 1 "a bank that was not quoted" policy learn "$golden" --pcrs sha384:0
run 0 "SHA-1 alone is learned" policy learn "$tmp/direct-sha1only"
says err "WARNING: only SHA-1 was quoted"
cp "$tmp/out" "$tmp/sha1.json"
run 1 "and passes nothing" appraise "$tmp/direct-sha1only" \
	--policy "$tmp/sha1.json"
says out "bank.sha1_only"
run 1 "evidence that cannot be believed" policy learn \
	$vm/negatives/eventlog-digest-altered
silent out
run 1 "a forged quote" policy learn $vm/negatives/quote-sig-bitflip
says err "[quote.signature"
run 1 "a glob that takes every path" policy learn "$golden" \
	--ima-exclude '**'
says err "[policy.format ima.exclude[0].glob]"
run 1 "a list of another form" policy learn "$golden" \
	--ima-allow $vm/common/refvalues.json
says err "Line 1 is not one of sha256sum"
run 1 "no certificate" policy learn "$golden" --ima-keyring README.md
run 2 "no directory" policy learn
run 2 "a directory that is not there" policy learn "$tmp/none"
run 2 "an unknown option" policy learn "$golden" --all
run 2 "a selection of another form" policy learn "$golden" --pcrs 0,7

# --- check ---------------------------------------------------------------
run 0 "a good policy" policy check "$tmp/web.json"
says out "ok web sha256:"
silent err
cp "$tmp/out" "$tmp/hash"
run 0 "questions do not fail" policy check policy/ot-observe.json
says err "mode: observe"
run 1 "unless they are asked to" policy check --strict policy/ot-observe.json
sed 's/"mode"/"moode"/' "$tmp/web.json" >"$tmp/bad.json"
run 1 "an unknown member" policy check "$tmp/bad.json"
says err "[json.unknown_field moode]"
silent out
head -c 1000 "$tmp/web.json" >"$tmp/bad.json"
run 1 "half a policy" policy check "$tmp/bad.json"
run 2 "no file" policy check
run 2 "a file that is not there" policy check "$tmp/none.json"
run 2 "two files" policy check "$tmp/web.json" "$tmp/web.json"

# --- for whom, and what a finding counts ----------------------------------
with() { sed "s|\"mode\": \"enforce\"|$1|" "$tmp/web.json" >"$tmp/with.json"; }
with '"class": "ci", "regions": ["jp-east"]'
run 0 "in its region" appraise "$golden" --policy "$tmp/with.json" \
	--region jp-east --class ci
run 3 "in another region" appraise "$golden" --policy "$tmp/with.json" \
	--region us-east
says out "policy.region"
run 3 "in an unknown region" appraise "$golden" --policy "$tmp/with.json"
run 3 "a node of another class" appraise "$golden" --policy "$tmp/with.json" \
	--region jp-east --class signing
says out "for nodes of class ci"
with '"mode": "warn"'
run 0 "failures are warnings" appraise "$tmp/grub-sb-cmdline" \
	--policy "$tmp/with.json"
says out "counts as warn under this policy"
run 1 "which strict does not trust" appraise "$tmp/grub-sb-cmdline" \
	--policy "$tmp/with.json" --strict
who='"owner": "ops", "approver": "ciso", "reason": "debugging"'
with "\"waivers\": [{\"code\": \"boot.event.changed\", $who, \"expires\": \"2026-12-01T00:00:00Z\"}]"
run 0 "waived" appraise "$tmp/grub-sb-cmdline" --policy "$tmp/with.json" \
	--at 2026-11-30T00:00:00Z
says out "waived until 2026-12-01T00:00:00Z: debugging (owner ops, approved by ciso)"
run 1 "until then" appraise "$tmp/grub-sb-cmdline" --policy "$tmp/with.json" \
	--at 2026-12-01T00:00:00Z

# --- test ----------------------------------------------------------------
run 0 "decisions of the example policies" policy test --evidence $vm \
	policy/*.decisions
says err "decisions hold, 0 do not"
cp "$tmp/web.json" "$tmp/try.json"
cat >"$tmp/try.decisions" <<-'END'
	# an evidence directory beside this file
	grub-sb-golden	pass
	at 2026-11-20T09:00:00Z
	class ci
	region jp-east
	grub-sb-cmdline	fail boot.event.changed@os boot.event.changed
END
run 0 "beside the decisions" policy test "$tmp/try.decisions"
says out "ok $tmp/try.decisions:6 grub-sb-cmdline is fail"
echo 'grub-sb-cmdline pass' >>"$tmp/try.decisions"
run 1 "a decision that does not hold" policy test "$tmp/try.decisions"
says out "not ok $tmp/try.decisions:7 grub-sb-cmdline is fail"
says out "#   boot.event.changed@os"
for line in 'grub-sb-golden fail' 'grub-sb-golden pass boot.pcr' \
	'grub-sb-cmdline fail boot.event.changed@firmware'; do
	echo "$line" >"$tmp/try.decisions"
	run 1 "another: $line" policy test "$tmp/try.decisions"
done
echo 'at noon' >"$tmp/try.decisions"
run 2 "a time of another form" policy test "$tmp/try.decisions"
echo 'grub-sb-golden' >"$tmp/try.decisions"
run 2 "no result" policy test "$tmp/try.decisions"
says err "try.decisions:1"
echo 'none pass' >"$tmp/try.decisions"
run 2 "no evidence" policy test "$tmp/try.decisions"
: >"$tmp/try.decisions"
run 1 "no decisions" policy test "$tmp/try.decisions"
run 2 "no file" policy test
run 2 "no policy beside it" policy test "$tmp/alone.decisions"
echo 'class signing' >"$tmp/try.decisions"
echo 'grub-sb-golden unknown policy.none' >>"$tmp/try.decisions"
with '"class": "ci"'
run 0 "another policy" policy test --policy "$tmp/with.json" \
	"$tmp/try.decisions"

cp policy/ot-observe.json "$tmp/try.json"
for asks in nothing lint.broad.mode_warn; do
	printf 'asks %s\ngrub-sb-golden fail\n' "$asks" >"$tmp/try.decisions"
	run 1 "asks $asks" policy test "$tmp/try.decisions"
	says out "lint.broad.mode_observe is asked and not expected"
done
printf 'asks lint.broad.mode_observe\n' >"$tmp/try.decisions"
run 0 "the question that is expected" policy test "$tmp/try.decisions"

# --- diff ----------------------------------------------------------------
run 0 "a policy and itself" policy diff "$tmp/web.json" "$tmp/web.json"
says out "they say the same"
run 0 "another mode" policy diff "$tmp/web.json" "$tmp/with.json"
says out 'added: class: ci'
says out 'removed: mode: enforce'
run 0 "two kernels" policy learn "$golden" --name web --pcrs sha256:0,4,9
cp "$tmp/out" "$tmp/a.json"
run 0 "of which one is new" policy learn "$tmp/grub-sb-cmdline" --name web \
	--pcrs sha256:0,4,9
cp "$tmp/out" "$tmp/b.json"
run 0 "in words" policy diff "$tmp/a.json" "$tmp/b.json"
says out "added: PCR 9.events[EV_IPL (hd0,gpt1)/boot/grub/grub.cfg].accept: (hd0,gpt1)/boot/grub/grub.cfg, sha256:"
says out "changed: source: grub-sb-golden -> grub-sb-cmdline"
run 0 "in Japanese" --lang ja policy diff "$tmp/a.json" "$tmp/web.json"
says out "追加: "
run 0 "for programs" policy diff -o json "$tmp/a.json" "$tmp/web.json"
says out '"change": "added"'
run 1 "no policy" policy diff "$tmp/a.json" "$tmp/bad.json"
run 2 "one file" policy diff "$tmp/a.json"
run 2 "a form that it has not" policy diff -o table "$tmp/a.json" "$tmp/a.json"

# --- fmt -----------------------------------------------------------------
run 0 "the form of learn is that of fmt" policy fmt "$tmp/web.json"
if cmp -s "$tmp/out" "$tmp/web.json"; then ok "same bytes"; else not_ok "same bytes"; fi
{
	echo '// who asked for this: "ops"'
	sed 's|"mode": "enforce",|"mode": "enforce", // for now "|' \
		"$tmp/web.json" | tr -d '\n' | sed 's|// for now "|&\n|'
} >"$tmp/commented.json"
run 1 "comments are no JSON" policy check "$tmp/commented.json"
run 0 "fmt takes them" policy fmt "$tmp/commented.json"
says err "2 comments are not kept"
cp "$tmp/out" "$tmp/clean.json"
run 0 "and what remains says the same" policy check "$tmp/clean.json"
if cmp -s "$tmp/out" "$tmp/hash"; then ok "same hash"; else not_ok "same hash"; fi
run 1 "fmt refuses what check refuses" policy fmt "$tmp/bad.json"

# --- derived policies ----------------------------------------------------
site=$tmp/debian-12-tokyo.json
base=policy/debian-12-shim-grub.json
cp policy/debian-12-tokyo.json "$site"
run 1 "a derived policy without its base" policy check "$site"
says err "[policy.base base[0]]"
cp policy/uki.json "$tmp/debian-12-shim-grub.json"
run 1 "another is beside it" policy check "$site"
says err "[policy.base"
cp $base "$tmp/debian-12-shim-grub.json"
run 0 "its own is" policy check "$site"
rm "$tmp/debian-12-shim-grub.json"
run 0 "and with it" policy check --base $base "$site"
says out "ok debian-12-tokyo sha256:"
says err "[lint.broad.mode_warn]"
run 1 "with another" policy check --base policy/uki.json "$site"
run 1 "a base too many" policy check --base $base $base
run 0 "composed" policy compose --base $base "$site"
cp "$tmp/out" "$tmp/composed.json"
run 0 "which is a policy" policy check "$tmp/composed.json"
cp "$tmp/out" "$tmp/alone"
run 0 "the same one" policy check --base $base "$site"
if cmp -s "$tmp/out" "$tmp/alone"; then ok "same hash"; else not_ok "same hash"; fi
run 0 "its own form" policy fmt "$site"
if cmp -s "$tmp/out" "$site"; then ok "as it is kept"; else not_ok "as it is kept"; fi
sed 's/"base"/"bases"/' "$site" >"$tmp/bases.json"
run 1 "bases that are none" policy fmt "$tmp/bases.json"

# --- findings as JSON ----------------------------------------------------
run 0 "findings" policy check -o json --base $base "$site"
says out '"code": "lint.broad.mode_warn"'
says out '"severity": "warning"'
says out '"message_ja": "warn モード'
run 1 "findings count" policy check -o json --strict --base $base "$site"
run 1 "a refusal is one" policy check -o json "$site"
says out '"valid": false'
says out '"code": "policy.base"'
run 2 "no file, no findings" policy check -o json "$tmp/absent.json"
silent out
run 2 "another form" policy check -o xml "$site"

# --- import --------------------------------------------------------------
seeds=tests/fuzz/corpus/import
run 0 "revocations and a level" policy import --into "$tmp/web.json" \
	--dbx $seeds/update --sbat $seeds/sbat
says out '"source": "update"'
says out '"bootmgr": "7.0"'
says out 'sbat,1,2024010900'
says err "signature of the update was not checked"
says err "1 entries of type RSA-2048 are not translated"
cp "$tmp/out" "$tmp/imported.json"
run 0 "which is a policy" policy check "$tmp/imported.json"
run 1 "that asks for more" appraise "$golden" --policy "$tmp/imported.json"
says out "dbx.stale"
run 0 "twice is once" policy import --into "$tmp/imported.json" \
	--dbx $seeds/update
if cmp -s "$tmp/out" "$tmp/imported.json"; then ok "same bytes"; else not_ok "same bytes"; fi
run 1 "another format" policy import --into "$tmp/web.json" --dbx README.md
says err "[import.format dbx]"
mkdir -p "$tmp/root/usr/bin"
printf 'x\n' >"$tmp/root/usr/bin/a b"
printf 'y\n' >"$tmp/root/usr/bin/c\\d"
ln -s a "$tmp/root/usr/bin/link"
mkfifo "$tmp/root/pipe"
run 0 "an installed root" policy import --into "$tmp/web.json" \
	--root "$tmp/root/"
says out '"sha256:73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac /usr/bin/a b"'
says out "c\\\\x5cd\""
says err "2 files are allowed"
says err "1 devices, sockets and pipes are not translated"
(cd "$tmp/root" && sha256sum usr/bin/a* usr/bin/c*) >"$tmp/sums"
run 0 "a list of sha256sum" policy import --into "$tmp/web.json" \
	--sums "$tmp/sums"
says err "2 files are allowed"
says err "2 paths do not begin with a slash"
run 0 "policies of Keylime" policy import --into "$tmp/web.json" \
	--keylime $seeds/keylime --refstate $seeds/refstate
says out '"/tmp/**"'
says err "keylime: 3 files are allowed"
says err "refstate: scrtm_and_bios is not translated"
run 0 "an archive" policy import --into "$tmp/web.json" --tar $seeds/tar
says out "/usr/bin/a"
says err "tar: 4 files are allowed"
run 1 "no archive" policy import --into "$tmp/web.json" --tar README.md
says err "[import.format tar]"
# The variants of one component, a component in a file, and what is neither.
lock=$tmp/pcrlock.d
mkdir -p "$lock/600-loader.pcrlock.d"
printf '{"records":[{"pcr":4,"digests":[{"hashAlg":"sha256","digest":"%s"}]}]}' \
	df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119 \
	>"$lock/500-separator.pcrlock"
for v in one two; do
	printf '{"records":[{"pcr":4,"digests":[{"hashAlg":"sha256","digest":"%s"}]}]}' \
		"$(printf '%s' $v | sha256sum | cut -d' ' -f1)" \
		>"$lock/600-loader.pcrlock.d/$v.pcrlock"
done
echo hello >"$lock/README"
cat >"$tmp/opaque.json" <<-'END'
	{"akashi_policy": 1, "name": "locked", "pcrs": {"sha256": [0, 4]},
	 "boot": {"0": {"opaque": "not locked"}, "4": {"opaque": "to be imported"}}}
END
run 0 "components of systemd-pcrlock" policy import \
	--into "$tmp/opaque.json" --pcrlock "$lock/"
says out '"source": "600-loader/two.pcrlock"'
says err "README: not translated"
cp "$tmp/out" "$tmp/locked.json"
run 0 "one by one" policy import --into "$tmp/opaque.json" \
	--pcrlock "$lock/600-loader.pcrlock.d" \
	--pcrlock "$lock/500-separator.pcrlock"
if cmp -s "$tmp/out" "$tmp/locked.json"; then ok "same rules"; else not_ok "same rules"; fi
run 0 "in words" policy show "$tmp/locked.json"
says out "EV_SEPARATOR"
says out "of any type"
echo "{}" >"$tmp/bad.pcrlock"
run 1 "a component that is none" policy import --into "$tmp/opaque.json" \
	--pcrlock "$tmp/bad.pcrlock"
says err "[import.format"
rims=tests/fuzz/corpus/corim
# corim CODE NAME FILE ARGUMENT...: an import on a certain day
corim() {
	run "$1" "$2" policy import --into tests/cases/pcr-only.json \
		--at 2026-11-20T09:00:00Z --corim "$3" "${@:4}"
}
maker=tests/vectors/rim/ed25519.pem
corim 0 "a signed CoRIM" $rims/signed.cbor --corim-key $maker
says out '"source": "CoMID acme-fw version 3 sha256:'
says err "it calls itself 'ACME Ltd'"
says err "the certificates in it are not looked at"
corim 0 "of its vendor" $rims/signed.cbor --corim-key $maker=ACME
corim 1 "of another vendor" $rims/signed.cbor --corim-key $maker=Other
says err "[corim.vendor corim.tags[0].reference[0]]"
silent out
corim 1 "by nobody who was named" $rims/signed.cbor
says err "[cose.signature"
corim 1 "an unsigned CoRIM" $rims/plain.cbor --corim-key $maker
says err "[corim.unsigned corim]"
corim 0 "as it was asked for" $rims/plain.cbor --corim-unsigned
says err "WARNING: plain.cbor is not signed"
corim 1 "in another year" $rims/plain.cbor --corim-unsigned \
	--at 2100-01-01T00:00:01Z
says err "[corim.expired corim.rim-validity]"
corim 1 "of a profile" $rims/full.cbor --corim-unsigned
says err "--corim-profile 'https://acme.example/profile'"
corim 0 "that is taken" $rims/full.cbor --corim-unsigned \
	--corim-profile https://acme.example/profile
says err "full.cbor: corim.tags[0] (tag 505, CoSWID) is not translated."
corim 1 "XML" tests/vectors/rim/external-entity.swidtag
says err "[import.xml"
corim 1 "no key" $rims/plain.cbor --corim-key README.md
says err "[encoding README.md: key]"
corim 2 "no time" $rims/plain.cbor --at yesterday
run 2 "no file" policy import --into "$tmp/web.json" --corim-key $maker
run 2 "no such root" policy import --into "$tmp/web.json" --root "$tmp/absent"
run 2 "nothing to import" policy import --into "$tmp/web.json"
run 2 "into nothing" policy import --sbat $seeds/sbat
run 1 "into no policy" policy import --into "$tmp/bad.json" --sbat $seeds/sbat

# --- show ----------------------------------------------------------------
run 0 "in words" policy show "$tmp/web.json"
says out "Secure Boot must be on"
says out "SecureBoot = 01"
says out "not judged: /var/log/**"
says out "signed by /"
run 1 "show refuses what check refuses" policy show "$tmp/bad.json"
tap_done

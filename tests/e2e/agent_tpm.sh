#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# akashi-agent and a software TPM, judged by programs that we did not write:
# keys, certificates, quotes, PCR values, power cycles, messages.
set -euo pipefail
. "${SRCDIR:-.}/tests/lib/agent.sh"

agent=$BUILDDIR/akashi-agent
server=
cleanup() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	local tpm
	for tpm in "$work"/node*; do
		[ ! -d "$tpm" ] || swtpm_stop "$tpm"
	done
	rm -rf "$work"
}
trap cleanup EXIT

# yes NAME COMMAND...: it succeeds.
yes() {
	says "$1" 0 "" "${@:2}"
}

# --- without a TPM or logs ---------------------------------------------------

says "no device: what to do" 5 "There is no $work/tpmrm0: switch the TPM" \
	"$agent" evidence "$work/ev" --tcti "device:$work/tpmrm0"
says "no software TPM: which TCTI" 5 "swtpm:path=$work/none" \
	"$agent" evidence "$work/ev" --tcti "swtpm:path=$work/none"
says "not enrolled" 3 "[agent.not_enrolled]" \
	"$agent" attest --once --state "$work/none"
says "no command" 2 "Usage:" "$agent"
says "an unknown option" 2 "Usage:" "$agent" attest --frobnicate
says "an option of another command" 2 "does not take --token-file" \
	"$agent" attest --token-file x
says "a bad duration" 2 "--timeout cannot be" "$agent" attest --timeout soon
says "a bad key" 2 "--key cannot be" "$agent" evidence x --key dsa
says "help" 0 "enrol" "$agent" --help

# --- keys and quotes ---------------------------------------------------------

demo_ca_ek "$work/ca"
swtpm_make "$work/node1" "$work/ca" rsa ecc
swtpm_start "$work/node1"
tcti=$(swtpm_tcti "$work/node1")
yes "a recorded boot is put into the TPM" swtpm_replay_boot "$work/node1" \
	"$golden/eventlog.bin" "$golden/ima.bin"

if [ "$(stat -f -c %T /sys/kernel/security 2>/dev/null)" != securityfs ]; then
	says "no securityfs: what to do" 5 "mount -t securityfs" \
		"$agent" evidence "$work/ev" --tcti "$tcti"
fi
says "a recorded log that is not there" 2 "Cannot read the recorded boot log" \
	"$agent" evidence "$work/ev" --tcti "$tcti" --eventlog "$work/none"

# spki FILE: the public key of an EK certificate.
spki() {
	openssl x509 -inform DER -in "$1" -noout -pubkey
}

selection=sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
for ek in rsa ecc; do
	for key in rsa ecc; do
		ev=$work/ev-$ek-$key
		says "EK $ek, AK $key: an evidence directory" 0 "Wrote" \
			env AKASHI_AGENT_TCTI="$tcti" "$agent" evidence "$ev" \
			--ek $ek --key $key \
			--eventlog "$golden/eventlog.bin" --ima "$golden/ima.bin"
		yes "tpm2_checkquote accepts it" tpm2_checkquote -Q \
			-u "$ev/ak.pub" -m "$ev/quote.msg" -s "$ev/quote.sig" \
			-q "$(od -An -v -tx1 "$ev/nonce.bin" | tr -d ' \n')" \
			-g sha256
		says "and refuses another nonce" 1 "" tpm2_checkquote -Q \
			-u "$ev/ak.pub" -m "$ev/quote.msg" -s "$ev/quote.sig" \
			-q 00 -g sha256
		tpm2_createek -Q -T "$tcti" -G $ek -c "$work/ek.ctx" \
			-u "$work/ek.pub"
		tpm2_readpublic -Q -T "$tcti" -c "$work/ek.ctx" -f pem \
			-o "$work/ek.pem"
		tpm2_flushcontext -T "$tcti" -t
		yes "ek.pub is the one of tpm2_createek" \
			cmp "$ev/ek.pub" "$work/ek.pub"
		spki "$ev/ekcert.der" >"$work/cert.pem"
		yes "and the one in its certificate" \
			cmp "$work/cert.pem" "$work/ek.pem"
		openssl x509 -inform DER -in "$ev/ekcert.der" \
			-out "$work/ekcert.pem"
		yes "which chains to the demo authority" openssl verify \
			-ignore_critical -CAfile "$work/ca/ek-ca.pem" \
			"$work/ekcert.pem"
		tpm2_pcrread -Q -T "$tcti" -o "$work/pcrs" "$selection"
		yes "pcrs.bin is what tpm2_pcrread reads" \
			cmp "$ev/pcrs.bin" "$work/pcrs"
		yes "pcrsel.txt is what was asked for" \
			test "$(cat "$ev/pcrsel.txt")" = "$selection"
		yes "the logs are the recorded ones" \
			cmp "$ev/ima.bin" "$golden/ima.bin"
		yes "no file of it is open to others" test -z \
			"$(find "$ev" -type f ! -perm 0600)"
	done
done

# program NAME COMMAND...: a TAP program of ours passes.
program() {
	local name=$1
	shift
	if "$@" >"$work/out" 2>&1; then
		ok "$name ($(grep -c '^ok' "$work/out") checks)"
	else
		not_ok "$name"
		note "$(grep -v '^ok' "$work/out")"
	fi
}
# device NAME VERB...: the agent's TPM code against this TPM.
device() {
	program "$1" "$BUILDDIR/tests/e2e/tpm_device" "$tcti" "${@:2}"
}
# nothing_left NAME: no object and no session stays in the TPM.
nothing_left() {
	none "$1: nothing stays in the TPM" "$(
		for what in handles-transient handles-loaded-session \
			handles-saved-session; do
			tpm2_getcap -T "$tcti" $what
		done)"
}
device "our MakeCredential, the TPM's ActivateCredential" round
nothing_left "after activation and quotes"

# --- power cycle, another TPM ------------------------------------------------

device "an identity is kept" make "$work/state"
device "and another" make "$work/walk"
program "what the agent sends, round after round" \
	"$BUILDDIR/tests/e2e/agent_walk" "$tcti" "$work/walk" \
	"$golden/eventlog.bin" "$golden/ima.bin"
nothing_left "after some rounds"
swtpm_reset "$work/node1"
tcti=$(swtpm_tcti "$work/node1")
device "it works after a power cycle" again "$work/state"
nothing_left "after a power cycle"
tpm2_createek -Q -T "$tcti" -G rsa -c "$work/ek.ctx"
tpm2_evictcontrol -Q -T "$tcti" -c "$work/ek.ctx" 0x81010001 2>/dev/null || true
tpm2_flushcontext -T "$tcti" -t
device "and with a persistent endorsement key" round
nothing_left "with a persistent endorsement key"
swtpm_stop "$work/node1"

SWTPM_BANKS=sha256 swtpm_make "$work/node2" "$work/ca" rsa
swtpm_start "$work/node2"
tcti=$(swtpm_tcti "$work/node2")
device "it does not work in another TPM" foreign "$work/state"
device "a bank that a TPM lacks" absent
nothing_left "after a foreign key"

# --- recorded boots ----------------------------------------------------------

# pcr_values FILE: "bank index value" of every PCR that is not zero.
pcr_values() {
	awk '/^  sha/ { bank = $1 }
		match($0, /^ +[0-9]+ *: /) { print bank, $1 + 0, $NF }' "$1" |
		grep -v ' 0x0*$' | sort
}
swtpm_stop "$work/node2"
for boot in grub-sb-golden grub-sb-ima-legacy grub-sb-ima-ng-sha1 \
	grub-sb-ima-violations debian-golden uki-golden direct-golden; do
	swtpm_reset "$work/node1"
	tcti=$(swtpm_tcti "$work/node1")
	swtpm_replay_boot "$work/node1" "$boots/$boot/eventlog.bin" \
		"$boots/$boot/ima.bin" >/dev/null
	tpm2_pcrread -T "$tcti" >"$work/pcrs.yaml"
	pcr_values "$work/pcrs.yaml" >"$work/got"
	pcr_values "$boots/$boot/pcrs.yaml" >"$work/want"
	yes "$boot: PCRs were recorded" test -s "$work/want"
	none "$boot: the PCRs are those of the recorded boot" \
		"$(comm -23 "$work/want" "$work/got")"
done

# --- TLS ---------------------------------------------------------------------

demo_ca_tls "$work/tls"
demo_ca_tls "$work/othertls"
echo aket_token >"$work/token"
: >"$work/s_server" # it may start after the first look
openssl s_server -accept 127.0.0.1:0 -rev -naccept 8 \
	-cert "$work/tls/server.pem" -key "$work/tls/server.key" \
	>"$work/s_server" 2>&1 &
server=$!
for _ in $(seq 400); do
	port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' "$work/s_server")
	[ -z "$port" ] || break
	sleep 0.05
done
enrol() {
	"$agent" enrol --server "$1" --name node-1 --token-file "$work/token" \
		--tcti "$tcti" --state "$work/state2" --timeout 1s "${@:2}"
}
says "TLS: another authority" 5 "[client.tls]" \
	enrol "https://127.0.0.1:$port" --ca "$work/othertls/tls-ca.pem"
says "TLS: the system's authorities" 5 "[client.tls]" \
	enrol "https://127.0.0.1:$port"
says "TLS: its authority, but no akashid" 5 "[client.response]" \
	enrol "https://127.0.0.1:$port" --ca "$work/tls/tls-ca.pem"
says "plain http" 2 "[client.url]" enrol "http://127.0.0.1:$port"
says "a CA file that is not there" 2 "[file]" \
	enrol "https://127.0.0.1:$port" --ca "$work/none"
says "nobody listens" 5 "[client.network]" \
	enrol "https://127.0.0.1:1" --ca "$work/tls/tls-ca.pem"
none "no message holds the token" "$(grep -F aket_ "$work/out" || true)"
nothing_left "after failed enrolments"
tap_done

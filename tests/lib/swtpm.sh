# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Software TPMs for tests and the demo. Source demo_ca.sh as well.
#
# 1. A TPM lives in its folder; its sockets, whose paths may have 107 bytes,
#    in a short one below /tmp.
# 2. Nothing of the system's swtpm configuration or CA is used or changed, so
#    that root and other users get the same.
# 3. A swtpm is ended by its process id, after a look that it still is one.
# 4. swtpm changes its folder to /: every path is absolute.

# swtpm_as: as root, swtpm_setup would become the user tss otherwise.
swtpm_as() {
	[ "$(id -u)" -ne 0 ] || echo --runas root
}

# swtpm_make DIR CA [rsa] [ecc]: manufacture a TPM in DIR with endorsement
# certificates by the authority of demo_ca_ek in CA. RSA-2048 always; ecc adds
# one for P-256 at 0x01c0000a. All four banks are on, or those of SWTPM_BANKS.
swtpm_make() {
	local dir ca kind banks=${SWTPM_BANKS-sha1,sha256,sha384,sha512}
	mkdir -p "$1/state" && chmod 0700 "$1"
	dir=$(realpath "$1") ca=$(realpath "$2")
	shift 2
	cat >"$dir/localca.conf" <<-END
	statedir = $ca
	signingkey = $ca/signkey.pem
	issuercert = $ca/issuercert.pem
	certserial = $ca/certserial
	END
	: >"$dir/localca.options"
	cat >"$dir/setup.conf" <<-END
	create_certs_tool = $(command -v swtpm_localca)
	create_certs_tool_config = $dir/localca.conf
	create_certs_tool_options = $dir/localca.options
	active_pcr_banks = $banks
	END
	# shellcheck disable=SC2046
	swtpm_setup $(swtpm_as) --tpm2 --tpmstate "$dir/state" --createek \
		--create-ek-cert --overwrite --config "$dir/setup.conf" \
		--pcr-banks "$banks" \
		--logfile "$dir/setup.log" >/dev/null || {
		tail -n 20 "$dir/setup.log" >&2
		return 1
	}
	for kind; do
		case $kind in
		rsa) ;;
		ecc) swtpm_add_ecc "$dir" || return ;;
		*) return 2 ;;
		esac
	done
}

# swtpm_add_ecc DIR: a certificate for the P-256 endorsement key, which
# swtpm_setup does not make.
swtpm_add_ecc() {
	local dir=$1 point tcti size
	swtpm_start "$dir" || return
	tcti=$(swtpm_tcti "$dir")
	tpm2_createek -Q -T "$tcti" -G ecc -c "$dir/ecc.ctx" -f pem \
		-u "$dir/ecc.pem" || return
	tpm2_flushcontext -T "$tcti" -t
	# The last 64 bytes of the SubjectPublicKeyInfo are x and y.
	point=$(openssl pkey -pubin -in "$dir/ecc.pem" -outform DER |
		tail -c 64 | od -An -v -tx1 | tr -d ' \n')
	mkdir -p "$dir/ecc"
	swtpm_localca --type ek --tpm2 --dir "$dir/ecc" --vmid demo \
		--ek "x=${point:0:64},y=${point:64},id=secp256r1" \
		--tpm-spec-family 2.0 --tpm-spec-level 0 \
		--tpm-spec-revision 164 --tpm-manufacturer id:00001014 \
		--tpm-model swtpm --tpm-version id:20191023 \
		--configfile "$dir/localca.conf" \
		--optsfile "$dir/localca.options" \
		--logfile "$dir/setup.log" >/dev/null || return
	size=$(stat -c %s "$dir/ecc/ek.cert")
	tpm2_nvdefine -Q -T "$tcti" 0x01c0000a -C p -s "$size" -a \
		"ppread|ownerread|authread|ppwrite|writedefine|platformcreate|no_da" &&
		tpm2_nvwrite -Q -T "$tcti" 0x01c0000a -C p \
			-i "$dir/ecc/ek.cert" || return
	rm "$dir/ecc.ctx"
	tpm2_shutdown -Q -T "$tcti" -c && swtpm_stop "$dir"
}

# swtpm_tcti DIR: how to reach it, once it runs.
swtpm_tcti() {
	echo "swtpm:path=$(cat "$1/sockets")/tpm"
}

# swtpm_pid DIR: the process id of a swtpm that runs; else false.
swtpm_pid() {
	local pid
	pid=$(cat "$1/pid" 2>/dev/null) && [ -n "$pid" ] &&
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = swtpm ] && echo "$pid"
}

# swtpm_start DIR: power on.
swtpm_start() {
	local dir sockets n=0
	dir=$(realpath "$1")
	! swtpm_pid "$dir" >/dev/null || return 0
	sockets=$(mktemp -d /tmp/atd.XXXXXX) || return
	echo "$sockets" >"$dir/sockets"
	rm -f "$dir/pid"
	# swtpm_ioctl and the TCTI expect the control socket at X.ctrl.
	swtpm socket --tpm2 --tpmstate "dir=$dir/state" \
		--server "type=unixio,path=$sockets/tpm" \
		--ctrl "type=unixio,path=$sockets/tpm.ctrl" \
		--flags not-need-init,startup-clear --pid "file=$dir/pid" \
		--log "file=$dir/swtpm.log,level=1" --daemon || return
	until swtpm_pid "$dir" >/dev/null && [ -S "$sockets/tpm" ]; do
		n=$((n + 1))
		[ $n -lt 200 ] || {
			echo "swtpm did not start; see $dir/swtpm.log" >&2
			return 1
		}
		sleep 0.05
	done
}

# swtpm_stop DIR: power off. Nothing to do if it does not run.
swtpm_stop() {
	local dir pid sockets n=0
	dir=$(realpath "$1")
	if pid=$(swtpm_pid "$dir"); then
		kill "$pid"
		while swtpm_pid "$dir" >/dev/null; do
			n=$((n + 1))
			[ $n -ne 100 ] || kill -KILL "$pid"
			[ $n -lt 200 ] || return 1
			sleep 0.05
		done
	fi
	sockets=$(cat "$dir/sockets" 2>/dev/null || true)
	case $sockets in
	/tmp/atd.*) rm -rf -- "$sockets" ;;
	esac
	rm -f "$dir/pid" "$dir/sockets"
}

# swtpm_reset DIR: an orderly reboot; resetCount goes up, PCRs start anew. After
# swtpm_stop alone, a power cut, the clock says for a while that it is not safe.
swtpm_reset() {
	! swtpm_pid "$1" >/dev/null ||
		tpm2_shutdown -Q -T "$(swtpm_tcti "$1")" -c || return
	swtpm_stop "$1" && swtpm_start "$1"
}

# swtpm_replay_boot DIR EVENTLOG IMA: extend what a recorded boot measured.
# BUILDDIR is the build folder.
swtpm_replay_boot() {
	"$BUILDDIR/tests/lib/replay_into_tpm" "$(swtpm_tcti "$1")" "$2" "$3"
}

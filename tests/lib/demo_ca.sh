# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Private certification authorities for tests and the demo; openssl alone.
# Keys are for nothing else: they lie unencrypted in a folder of mode 0700.

# demo_ca_run COMMAND...: its messages only if it fails.
demo_ca_run() {
	local out
	out=$("$@" 2>&1) || {
		printf '%s\n' "$out" >&2
		return 1
	}
}

# demo_ca_root FILE SUBJECT: FILE.key and FILE.pem, self-signed.
demo_ca_root() {
	demo_ca_run openssl req -x509 -newkey ec -pkeyopt \
		ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" \
		-days 3650 -subj "/CN=$2" -config /dev/null \
		-addext basicConstraints=critical,CA:TRUE \
		-addext keyUsage=critical,keyCertSign,cRLSign \
		-addext subjectKeyIdentifier=hash
}

# demo_ca_ek DIR: the authority that swtpm_make lets sign endorsement
# certificates. DIR/ek-ca.pem is the trust anchor with its intermediate.
demo_ca_ek() {
	mkdir -p "$1" && chmod 0700 "$1"
	local dir
	dir=$(realpath "$1")
	demo_ca_root "$dir/ek-root" "Demo EK root CA (software TPMs)" || return
	# swtpm_cert signs with an RSA key.
	demo_ca_run openssl req -new -newkey rsa:2048 -nodes \
		-keyout "$dir/signkey.pem" -out "$dir/issuer.csr" \
		-subj "/CN=Demo EK issuer (software TPMs)" \
		-config /dev/null || return
	cat >"$dir/issuer.ext" <<-'END'
	basicConstraints=critical,CA:TRUE,pathlen:0
	keyUsage=critical,keyCertSign,cRLSign
	subjectKeyIdentifier=hash
	authorityKeyIdentifier=keyid
	END
	demo_ca_run openssl x509 -req -in "$dir/issuer.csr" -days 3650 \
		-CA "$dir/ek-root.pem" -CAkey "$dir/ek-root.key" \
		-set_serial 2 -extfile "$dir/issuer.ext" \
		-out "$dir/issuercert.pem" || return
	echo 1 >"$dir/certserial"
	cat "$dir/ek-root.pem" "$dir/issuercert.pem" >"$dir/ek-ca.pem"
	rm "$dir/issuer.csr" "$dir/issuer.ext"
}

# demo_ca_tls DIR [ADDRESS]: DIR/tls-ca.pem for clients, DIR/server.pem and
# server.key for a server on localhost, 127.0.0.1, ::1 and ADDRESS.
demo_ca_tls() {
	mkdir -p "$1" && chmod 0700 "$1"
	demo_ca_root "$1/tls-ca" "Demo TLS CA" || return
	demo_ca_run openssl req -new -newkey ec -pkeyopt \
		ec_paramgen_curve:P-256 -nodes -keyout "$1/server.key" \
		-out "$1/server.csr" -subj /CN=localhost -config /dev/null ||
		return
	cat >"$1/server.ext" <<-END
	basicConstraints=critical,CA:FALSE
	keyUsage=critical,digitalSignature
	extendedKeyUsage=serverAuth
	subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1${2:+,IP:$2}
	subjectKeyIdentifier=hash
	authorityKeyIdentifier=keyid
	END
	demo_ca_run openssl x509 -req -in "$1/server.csr" -days 825 \
		-CA "$1/tls-ca.pem" -CAkey "$1/tls-ca.key" \
		-set_serial "0x$(openssl rand -hex 8)" \
		-extfile "$1/server.ext" -out "$1/server.pem" || return
	rm "$1/server.csr" "$1/server.ext"
}

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# akashid as a service: configuration, readiness, reload, metrics, stopping.
set -euo pipefail
: "${SRCDIR:=.}" "${BUILDDIR:=build}"
export SRCDIR BUILDDIR
. "$SRCDIR/tests/lib/tap.sh"
. "$SRCDIR/tests/lib/demo_ca.sh"
. "$SRCDIR/tests/lib/pg.sh"
. "$SRCDIR/tests/lib/akashid.sh"

akashid=$BUILDDIR/akashid
work=$(mktemp -d /tmp/daemon.XXXXXX)
server=$work/server
cleanup() {
	akashid_drop "$server"
	[ -n "${KEEP:-}" ] || rm -rf "$work"
}
trap cleanup EXIT
unset "${!AKASHI_@}" "${!AKASHID_@}"
export LC_ALL=C.UTF-8

admin() {
	curl -sS --max-time 10 \
		--unix-socket "$(cat "$server/sockets")/admin.sock" "$@"
}

# is NAME GOT WANT
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1"
		note "got '$2', not '$3'"
	fi
}

# has NAME TEXT FILE: the text is in the file.
has() {
	if grep -qF -- "$2" "$3"; then
		ok "$1"
	else
		not_ok "$1"
		note "no '$2' in: $(tail -n 5 "$3")"
	fi
}

# soon NAME COMMAND...: it succeeds within 15 s.
soon() {
	local name=$1 n=0
	shift
	until "$@" >/dev/null 2>&1; do
		n=$((n + 1))
		if [ $n -ge 150 ]; then
			not_ok "$name"
			return
		fi
		sleep 0.1
	done
	ok "$name"
}

code_of() {
	local code=0
	"$@" >"$work/out" 2>&1 || code=$?
	echo $code
}

# --- configuration without a server --------------------------------------------
cat >"$work/good.conf" <<-END
listen = "127.0.0.1:0";
tls: { mode = "off"; };
END
printf 'listen = "127.0.0.1:0";\nlisen = "x";\n' >"$work/bad.conf"
is 'a good configuration' \
	"$(code_of "$akashid" --config "$work/good.conf" --check-config)" 0
is 'an unknown key is refused' \
	"$(code_of "$akashid" --config "$work/bad.conf" --check-config)" 1
has 'and named with file and line' "bad.conf:2" "$work/out"
is 'the configuration is shown' \
	"$(code_of env AKASHID_LOG_LEVEL=debug "$akashid" \
		--config "$work/good.conf" --show-config=json)" 0
is 'with the source of a value' "$(jq -r \
	'."log.level" | .value + " " + .source' "$work/out")" \
	'debug environment'
is 'an unknown option' "$(code_of "$akashid" --nonsense)" 2

# --- started before its database -------------------------------------------------
akashid_make "$server"
cluster=$(cat "$server/cluster")
pg_stop "$cluster"
# It waits for readiness in vain, for a second, and leaves the server running.
START_TRIES=10 akashid_start "$server" 'limits: { source_failures = 1; };' \
	>/dev/null 2>&1 || true
pid=$(cat "$server/pid")
is 'without a database it lives' "$(admin -o /dev/null -w '%{http_code}' \
	http://localhost/livez)" 200
is 'and is not ready' "$(admin -o "$work/out" -w '%{http_code}' \
	http://localhost/readyz)" 503
has 'saying why' internal.database "$work/out"
url=$(cat "$server/url")
is 'a challenge is 503 with Retry-After' "$(curl -sS -D "$work/head" \
	--cacert "$server/tls-ca.pem" -o "$work/out" -w '%{http_code}' \
	-H 'Content-Type: application/json' -d \
	'{"tenant":"00000000-0000-7000-8000-000000000000","node":"00000000-0000-7000-8000-000000000000"}' \
	"$url/v1/challenge")" 503
has 'which the header says' 'Retry-After:' "$work/head"
pg_start "$cluster"
soon 'it becomes ready by itself' admin -f http://localhost/readyz
is 'and is the same process' "$(cat "/proc/$pid/comm")" akashid
akashid_operator "$server"

# --- schema ------------------------------------------------------------------------
super="host=$cluster user=postgres dbname=akashi"
psql=$(pg_bin)/psql
"$psql" -qX "$super" -c \
	"UPDATE akashi.schema_migration SET version = version + 100"
pg_stop "$cluster" && pg_start "$cluster" # it looks when it connects
unready() { ! admin -f http://localhost/readyz; }
soon 'a schema of another version is not ready' unready
in_words() { admin http://localhost/readyz | tee "$work/out" | grep needed; }
soon 'which it says' in_words
has 'in words' needed "$work/out"
"$psql" -qX "$super" -c \
	"UPDATE akashi.schema_migration SET version = version - 100"
pg_stop "$cluster" && pg_start "$cluster"
soon 'and ready again' admin -f http://localhost/readyz

# --- health and metrics --------------------------------------------------------------
is 'the version' "$(admin http://localhost/version | jq -r .program)" akashid
admin http://localhost/metrics >"$work/out"
has 'metrics have the build' akashid_build_info "$work/out"
has 'and readiness' 'akashid_ready 1' "$work/out"
is 'the admin socket has no API' "$(admin -o /dev/null -w '%{http_code}' \
	http://localhost/v1/nodes)" 404
is 'the API has no metrics' "$(curl -sS --cacert "$server/tls-ca.pem" \
	-o /dev/null -w '%{http_code}' "$url/metrics")" 404
is 'plain http is not spoken' "$(code_of curl -sS --max-time 5 \
	"http://${url#https://}/openapi.json")" 52

# --- reload -----------------------------------------------------------------------------
serial() {
	echo | openssl s_client -connect "${url#https://}" 2>/dev/null |
		openssl x509 -noout -serial
}
before=$(serial)
cp "$server/akashid.conf" "$work/kept.conf"
echo 'lisen = "x";' >>"$server/akashid.conf"
kill -HUP "$pid"
failed_reload() {
	admin http://localhost/metrics |
		grep -qx 'akashid_config_last_reload_successful 0'
}
soon 'a bad configuration is not taken over' failed_reload
has 'and logged with its place' 'akashid.conf:' "$server/akashid.log"
is 'the server goes on' "$(code_of "$BUILDDIR/akashi" node list)" 0
cp "$work/kept.conf" "$server/akashid.conf"
demo_ca_tls "$server"
kill -HUP "$pid"
swapped() { [ "$(serial)" != "$before" ]; }
soon 'a new certificate is served after a reload' swapped
is 'and trusted' "$(code_of "$BUILDDIR/akashi" node list)" 0

# --- the first administrator, and guessing ------------------------------------------------
is 'there is one first administrator' "$(code_of "$BUILDDIR/akashi" admin \
	init --socket "$(cat "$server/sockets")/admin.sock")" 2
has 'by its code' auth.initialised "$work/out"
is 'its token is nowhere in the database' "$("$psql" -qXAt "$super" -c \
	'SELECT count(*) FROM akashi.admin_token t WHERE t::text LIKE '"'%$(
		cut -c6- "$AKASHI_TOKEN_FILE")%'")" 0
if grep -qF "$(cut -c6- "$AKASHI_TOKEN_FILE")" "$server/akashid.log"; then
	not_ok 'nor in the log'
else
	ok 'nor in the log'
fi
echo "akad_$(head -c 32 /dev/urandom | base64 -w0 | tr '+/' '-_' | tr -d =)" \
	>"$work/guess"
is 'a guessed token' "$(code_of "$BUILDDIR/akashi" node list --token-file \
	"$work/guess")" 4
for _ in $(seq 1 60); do
	curl -s -o /dev/null -w '%{http_code} ' --cacert "$server/tls-ca.pem" \
		-H "Authorization: Bearer $(cat "$work/guess")" "$url/v1/nodes"
done >"$work/codes"
has 'who goes on guessing is refused with 429' '429 429 429' "$work/codes"

# --- stopping ---------------------------------------------------------------------------------
kill "$pid"
code=0
wait "$pid" 2>/dev/null || code=$?
gone() { ! kill -0 "$pid"; }
soon 'SIGTERM ends it' gone
has 'in order' '"event.action":"stop"' "$server/akashid.log"
rm -f "$server/pid"
tap_done

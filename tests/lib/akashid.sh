# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A private akashid with a private PostgreSQL for shell tests. Source pg.sh and
# demo_ca.sh as well; BUILDDIR is the build folder.
#
# 1. Everything lies in one folder but for sockets, which are below /tmp.
# 2. Processes are ended by their ids, each by who started it.

# akashid_make DIR [ADDRESS]: certificates (ADDRESS: one more that the server
# is reached by), cluster, configuration, schema.
akashid_make() {
	local dir cluster
	mkdir -p "$1" && chmod 0700 "$1"
	dir=$(realpath "$1")
	demo_ca_tls "$dir" "${2-}" && demo_ca_ek "$dir" || return
	cluster=$(pg_create) || return
	echo "$cluster" >"$dir/cluster"
	mktemp -d /tmp/atd.XXXXXX >"$dir/sockets"
	"$BUILDDIR/akashi" db migrate --conninfo \
		"$(pg_conninfo akashi_owner "$cluster")" \
		>"$dir/migrate.log" || return
}

# akashid_start DIR [LINE...]: start it on a free port and wait until it is
# ready (START_TRIES tenths of a second at most); LINEs are added to its
# configuration.
akashid_start() {
	local dir port n=0
	dir=$(realpath "$1")
	shift
	for port in $(shuf -i 20000-32000 -n 50); do
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "https://127.0.0.1:$port" >"$dir/url"
	cat >"$dir/akashid.conf" <<-END
	listen = "127.0.0.1:$port";
	admin: { socket = "$(cat "$dir/sockets")/admin.sock"; };
	tls: { certificate = "$dir/server.pem"; key = "$dir/server.key"; };
	database: {
	  conninfo = "$(pg_conninfo akashi_app "$(cat "$dir/cluster")")";
	};
	trust: { virtual = [ "$dir/ek-ca.pem" ]; };
	lab: { allow_virtual = true; };
	policy: { four_eyes = ${FOUR_EYES:-false}; };
	shutdown: { drain = "0s"; };
	$(printf '%s\n' "$@")
	END
	"$BUILDDIR/akashid" --config "$dir/akashid.conf" \
		>>"$dir/akashid.log" 2>&1 &
	echo $! >"$dir/pid"
	until curl -fsS --unix-socket "$(cat "$dir/sockets")/admin.sock" \
		http://localhost/readyz >/dev/null 2>&1; do
		n=$((n + 1))
		if [ $n -ge "${START_TRIES:-200}" ] || ! kill -0 "$(cat "$dir/pid")" 2>/dev/null
		then
			echo "akashid did not become ready:" >&2
			tail -n 5 "$dir/akashid.log" >&2
			return 1
		fi
		sleep 0.1
	done
}

# akashid_operator DIR: make the first administrator; exports what `akashi`
# needs.
akashid_operator() {
	"$BUILDDIR/akashi" admin init \
		--socket "$(cat "$1/sockets")/admin.sock" \
		>"$1/admin.token" 2>/dev/null || return
	AKASHI_SERVER=$(cat "$1/url")
	export AKASHI_SERVER AKASHI_CA=$1/tls-ca.pem
	export AKASHI_TOKEN_FILE=$1/admin.token
}

# akashid_stop DIR: stop the server; the cluster stays.
akashid_stop() {
	local pid n=0
	pid=$(cat "$1/pid" 2>/dev/null) || return 0
	if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = akashid ]; then
		kill "$pid"
		wait "$pid" 2>/dev/null || true
		while [ -e "/proc/$pid" ] && [ $n -lt 300 ]; do
			n=$((n + 1))
			sleep 0.1
		done
	fi
	rm -f "$1/pid"
}

# akashid_drop DIR: stop everything; DIR itself is the caller's.
akashid_drop() {
	[ -d "$1" ] || return 0
	akashid_stop "$1"
	[ ! -s "$1/cluster" ] || pg_drop "$(cat "$1/cluster")"
	case $(cat "$1/sockets" 2>/dev/null) in
	/tmp/atd.*) rm -rf -- "$(cat "$1/sockets")" ;;
	esac
}

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# help: the whole walk on this machine; "demo up" keeps it, "down", "purge"
#
# A software TPM, a recorded boot, a private PostgreSQL: nothing of the system
# is used or changed. As root, everything but packages and build runs as an
# unprivileged user, because PostgreSQL refuses root.
set -eu
# shellcheck source=contrib/dev/lib.sh
. "$(dirname "$0")/lib.sh"

state=$PWD/demo-state
mode=${1-run}
case $mode in
run | up | down | purge | as-user) ;;
*) die "demo takes nothing, up, down or purge" ;;
esac

# --- packages and build, as whoever asked -------------------------------------

step() {
	printf '[%s/8] %-18s' "$1" "$2"
}

done_in() {
	printf '%s (%d s)\n' "$1" "$((SECONDS - since))"
	since=$SECONDS
}

# own_folder DIR: make it, or find it as an earlier run left it. In a folder
# where everybody may write, nobody else's may be taken.
own_folder() {
	mkdir "$1" 2>/dev/null || [ ! -L "$1" ] || die "$1 is a link"
	case $(stat -c %U "$1") in
	"$(id -un)" | nobody) ;;
	*) die "$1 belongs to somebody else" ;;
	esac
}

# A folder that the user of the demo can write: beside the sources, else where
# everybody may.
choose_state() {
	if ! mkdir -p "$state" 2>/dev/null; then
		state=/var/tmp/akashi-demo-$(id -u)
		own_folder "$state"
	fi
	if [ "$(id -u)" = 0 ]; then
		chown nobody "$state"
		if ! setpriv --reuid=nobody --regid=nogroup --clear-groups \
			test -w "$state"; then
			rmdir "$state" 2>/dev/null || true
			state=/var/tmp/akashi-demo-0
			own_folder "$state"
			chown nobody "$state"
			echo "demo: this folder is closed to other users;" \
				"the demo's state is in $state"
		fi
	fi
	export AKASHI_DEMO_STATE=$state
}

# What the demo runs, in one folder that its user can read.
stage() {
	local app=$state/app b=tests/vectors/vm/boots
	rm -rf "$app"
	mkdir -p "$app/lib" "$app/tests/lib" "$app/golden" "$app/cmdline"
	cp build/akashid build/akashi build/akashi-agent "$app/"
	cp build/tests/lib/replay_into_tpm "$app/tests/lib/"
	cp tests/lib/pg.sh tests/lib/swtpm.sh tests/lib/demo_ca.sh "$app/lib/"
	cp contrib/dev/demo.sh contrib/dev/lib.sh "$app/lib/"
	cp $b/grub-sb-golden/eventlog.bin $b/grub-sb-golden/ima.bin \
		"$app/golden/"
	cp $b/grub-sb-cmdline/eventlog.bin $b/grub-sb-cmdline/ima.bin \
		"$app/cmdline/"
	cp tests/vectors/vm/common/allowlist-*.sha256 "$app/"
	chmod -R a+rX "$app"
}

as_user() {
	if [ "$(id -u)" = 0 ]; then
		cd / && exec setpriv --reuid=nobody --regid=nogroup \
			--clear-groups env HOME="$state" \
			bash "$state/app/lib/demo.sh" as-user "$1"
	fi
	exec bash "$state/app/lib/demo.sh" as-user "$1"
}

# --- the parts, as the demo's user ----------------------------------------------

show() {
	printf '      $ %s\n' "$*" >&3
}

# A command of the operator: shown, then run.
operate() {
	show "akashi $*"
	"$app/akashi" "$@"
}

agent() {
	"$app/akashi-agent" "$@" --state "$state/node/agent" \
		--server "$(cat "$state/url")" --ca "$state/ca/tls-ca.pem" \
		--tcti "$(swtpm_tcti "$state/node")"
}

# The cluster's data lie in the state folder, its socket in a short one.
start_database() {
	local bin
	bin=$(pg_bin)
	pg_sockets=$(mktemp -d /tmp/atd.XXXXXX)
	echo "$pg_sockets" >"$state/pg-sockets"
	"$bin/initdb" -D "$state/pg" --no-sync -U postgres -A trust -E UTF8 \
		--no-locale >"$state/pg.log" 2>&1 || {
		cat "$state/pg.log" >&2
		die "initdb failed"
	}
	"$bin/pg_ctl" -D "$state/pg" -l "$state/pg.log" -w -t 60 -s -o \
		"-c listen_addresses='' -c unix_socket_directories=$pg_sockets" \
		start </dev/null >/dev/null
}

stop_database() {
	[ ! -f "$state/pg/postmaster.pid" ] ||
		"$(pg_bin)/pg_ctl" -D "$state/pg" -m fast -w -s stop || true
	remove_sockets "$state/pg-sockets"
}

remove_sockets() {
	case $(cat "$1" 2>/dev/null) in
	/tmp/atd.*) rm -rf -- "$(cat "$1")" ;;
	esac
	rm -f "$1"
}

prepare_database() {
	"$(pg_bin)/psql" -q -X -v ON_ERROR_STOP=1 \
		"host=$pg_sockets user=postgres dbname=postgres" <<-'END'
	CREATE ROLE akashi_owner LOGIN;
	CREATE ROLE akashi_reader NOLOGIN;
	CREATE ROLE akashi_writer NOLOGIN;
	CREATE ROLE akashi_app LOGIN IN ROLE akashi_reader, akashi_writer;
	CREATE DATABASE akashi OWNER akashi_owner;
	END
	"$app/akashi" db migrate --conninfo \
		"host=$pg_sockets user=akashi_owner dbname=akashi" \
		>"$state/migrate.log"
}

# A free port of the loopback address, 18443 if it is.
free_port() {
	local port
	for port in 18443 $(seq 20000 137 32000); do
		if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			echo "$port"
			return
		fi
	done
	die "no free port between 18443 and 32000"
}

write_config() {
	local port
	port=$(free_port)
	sockets=$(mktemp -d /tmp/atd.XXXXXX)
	echo "$sockets" >"$state/sockets"
	echo "https://127.0.0.1:$port" >"$state/url"
	cat >"$state/akashid.conf" <<-END
	listen = "127.0.0.1:$port";
	admin: { socket = "$sockets/admin.sock"; };
	tls: {
	  certificate = "$state/ca/server.pem";
	  key = "$state/ca/server.key";
	};
	database: { conninfo = "host=$pg_sockets user=akashi_app dbname=akashi"; };
	trust: { virtual = [ "$state/ca/ek-ca.pem" ]; };
	lab: { allow_virtual = true; };
	instance: { name = "demo"; region = "demo"; };
	policy: { four_eyes = false; };
	shutdown: { drain = "0s"; };
	END
}

ready() {
	curl -fsS --unix-socket "$(cat "$state/sockets")/admin.sock" \
		http://localhost/readyz >/dev/null 2>&1
}

wait_ready() {
	local n=0
	until ready; do
		n=$((n + 1))
		if [ $n -ge 200 ] || ! kill -0 "$(cat "$state/akashid.pid")" \
			2>/dev/null; then
			tail -n 5 "$state/akashid.log" >&2
			die "akashid did not become ready"
		fi
		sleep 0.1
	done
}

start_verifier() {
	write_config
	"$app/akashid" --config "$state/akashid.conf" \
		>>"$state/akashid.log" 2>&1 &
	echo $! >"$state/akashid.pid"
	wait_ready
	export AKASHI_SERVER AKASHI_CA=$state/ca/tls-ca.pem
	export AKASHI_TOKEN_FILE=$state/admin.token
	AKASHI_SERVER=$(cat "$state/url")
}

stop_all() {
	local pid n=0
	pid=$(cat "$state/akashid.pid" 2>/dev/null) || pid=
	if [ -n "$pid" ] &&
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = akashid ]; then
		kill "$pid"
		while kill -0 "$pid" 2>/dev/null && [ $n -lt 300 ]; do
			n=$((n + 1))
			sleep 0.1
		done
	fi
	rm -f "$state/akashid.pid"
	[ ! -d "$state/node" ] || swtpm_stop "$state/node"
	stop_database
	remove_sockets "$state/sockets"
}

make_node() {
	swtpm_make "$state/node" "$state/ca" rsa
	swtpm_start "$state/node"
	boot golden
}

# boot NAME: reboot the software TPM and extend what that recorded boot measured.
boot() {
	swtpm_reset "$state/node"
	swtpm_replay_boot "$state/node" "$app/$1/eventlog.bin" \
		"$app/$1/ima.bin" >/dev/null
}

learn_policy() {
	show "akashi policy learn golden/ --name demo --ima-allow … > demo.json"
	"$app/akashi" policy learn "$state/golden" --name demo \
		--ima-allow "$app/allowlist-root.sha256" \
		--ima-allow "$app/allowlist-initrd-golden.sha256" \
		>"$state/demo.json" 2>"$state/learn.notes"
	sed 's/^/        /' "$state/learn.notes" | head -n 8
	operate policy check "$state/demo.json" >/dev/null
	operate policy apply "$state/demo.json" >/dev/null
	operate policy activate demo@1 --label site=demo >/dev/null
}

# The node's last verdict as the operator reads it.
last_verdict() {
	local id
	id=$("$app/akashi" node show demo-node-1 -o json |
		jq -r .last_verdict.id)
	operate verdict show "$id" | sed 's/^/      /' || true
}

status_is() {
	local got
	got=$("$app/akashi" node show demo-node-1 -o json | jq -r .status) || true
	[ "$got" = "$1" ] ||
		die "demo-node-1 is $got and should be $1; see $state/akashid.log"
	printf '      demo-node-1: %s\n' "${1^^}"
}

# The same bytes, judged without server and database.
offline() {
	local want=$1 dir=$2 code=0 got
	show "akashi appraise $(basename "$dir") --policy demo.json"
	got=$("$app/akashi" appraise "$dir" --policy "$state/demo.json" \
		-o json 2>/dev/null) || code=$?
	got=$(jq -r .result <<<"$got")
	[ "$got" = "$want" ] ||
		die "offline the same bytes are $got and should be $want"
	printf '      offline, the same bytes: %s (exit %d)\n' "$got" "$code"
}

attest() {
	rm -rf "${state:?}/$2"
	agent attest --once --eventlog "$1/eventlog.bin" --ima "$1/ima.bin" \
		--save-evidence "$state/$2" >"$state/$2.log" 2>&1 || true
	[ -s "$state/$2/quote.msg" ] || {
		cat "$state/$2.log" >&2
		die "the agent could not attest"
	}
}

# --- the walk ----------------------------------------------------------------------

enrol() {
	"$app/akashi" admin init --socket "$(cat "$state/sockets")/admin.sock" \
		>"$state/admin.token" 2>/dev/null
	chmod 0600 "$state/admin.token"
	operate token create --class test --label site=demo --ttl 1h \
		>"$state/enrol.token" 2>"$state/token.log" || {
		cat "$state/token.log" >&2
		die "no enrolment token could be made"
	}
	show "akashi-agent enrol --name demo-node-1"
	agent enrol --name demo-node-1 --token-file "$state/enrol.token" \
		>"$state/enrol.log" 2>&1 || [ $? = 3 ] || {
		cat "$state/enrol.log" >&2
		die "the agent could not enrol"
	}
	operate node approve demo-node-1 >/dev/null
	attest "$app/golden" golden
}

# Cut one event out of a boot log: the kernel_cmdline that gave the node away.
cut_event() {
	local from to
	rm -rf "$state/cut"
	mkdir "$state/cut"
	cp "$app/cmdline/ima.bin" "$state/cut/"
	read -r from to < <("$app/akashi" eventlog -o json \
		"$app/cmdline/eventlog.bin" | jq -r '
		[.events[] | {i: .index, o: .offset, t: .text, p: .pcr}] as $e |
		($e[] | select(.p == 8 and (.t | test("kernel_cmdline"))) | .i)
		as $k | "\($e[$k].o) \($e[$k + 1].o)"')
	{
		head -c "$from" "$app/cmdline/eventlog.bin"
		tail -c "+$((to + 1))" "$app/cmdline/eventlog.bin"
	} >"$state/cut/eventlog.bin"
}

walk() {
	since=$SECONDS
	step 3 database
	start_database
	prepare_database
	done_in "private PostgreSQL in $state/pg, unix socket only"
	step 4 verifier
	demo_ca_tls "$state/ca"
	demo_ca_ek "$state/ca"
	start_verifier
	done_in "$(cat "$state/url") (CA: $state/ca/tls-ca.pem)"
	step 5 node
	make_node
	done_in "demo-node-1: a SOFTWARE TPM, certified by the demo's own CA"
	echo "      its PCRs hold a RECORDED boot of a virtual machine (57 events," \
		"200 IMA entries)"
	step 6 'enrol + attest'
	echo
	enrol
	learn_policy
	attest "$app/golden" golden
	status_is trusted
	offline pass "$state/golden"
	done_in "      first verdict under policy demo@1"
	step 7 tamper
	echo "the node is booted with another kernel command line (recorded too)"
	boot cmdline
	attest "$app/cmdline" changed
	status_is untrusted
	last_verdict
	offline fail "$state/changed"
	step 8 'second tamper'
	echo "that event is cut out of the log; the PCR keeps it"
	cut_event
	attest "$state/cut" hidden
	status_is untrusted
	last_verdict
	offline reject "$state/hidden"
}

report_end() {
	cat <<-END

	Done in $SECONDS s. The TPM was software and the boots were recorded; the
	checks were real. Verdicts are durable, and not signed yet.
	END
	if [ "$1" = up ]; then
		cat <<-END
		Still running. Try:
		  export AKASHI_SERVER=$AKASHI_SERVER AKASHI_CA=$AKASHI_CA
		  export AKASHI_TOKEN_FILE=$AKASHI_TOKEN_FILE
		  $app/akashi node list
		Stop: ./dev demo down    Clean: ./dev demo purge
		END
	else
		echo "Keep it running: ./dev demo up    Clean: ./dev demo purge"
	fi
}

user_part() {
	state=$AKASHI_DEMO_STATE
	app=$state/app
	exec 3>&1
	export BUILDDIR=$app AKASHI_DEMO_APP=$app
	. "$app/lib/pg.sh"
	. "$app/lib/swtpm.sh"
	. "$app/lib/demo_ca.sh"
	case $1 in
	down)
		stop_all
		return
		;;
	esac
	umask 077
	trap 'stop_all' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	walk
	report_end "$1"
	if [ "$1" = up ]; then
		trap - EXIT
	fi
}

# --- which of it ----------------------------------------------------------------------

since=$SECONDS
if [ "$mode" = as-user ]; then
	user_part "$2"
	exit
fi
choose_state
case $mode in
down | purge)
	if [ -d "$state/app" ]; then
		(as_user down) || true
	fi
	if [ "$mode" = purge ]; then
		rm -rf -- "$state"
		echo "removed $state"
	fi
	exit
	;;
esac
step 1 packages
deps_log=$(mktemp)
bash contrib/dev/deps.sh demo >"$deps_log" 2>&1 || {
	code=$?
	cat "$deps_log" >&2
	rm -f "$deps_log"
	exit $code
}
done_in "$(tail -n 1 "$deps_log" | sed "s/^packages: //")"
rm -f "$deps_log"
step 2 build
mkdir -p build
build_in build --enable-werror >build/demo-build.log 2>&1 || {
	tail -n 30 build/demo-build.log >&2
	die "the build failed"
}
make -C build tests/lib/replay_into_tpm >>build/demo-build.log 2>&1
done_in "build/, warnings are errors"
if [ -d "$state/app" ]; then
	(as_user down) || true
fi
# Each run starts anew, so that it shows the same.
rm -rf "$state/pg" "$state/node" "$state/ca"
stage
as_user "$mode"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A private PostgreSQL cluster for one test: unix socket only, in a short
# folder of its own under /tmp; no system cluster is touched, nothing of the
# caller's PG* environment is used. Works as root (the server runs as an
# unprivileged user) and as anybody else; any number at a time.
#
# As a program:
#   pg.sh create           prints the folder of a new, running cluster
#   pg.sh stop DIR         stops the server at once (as a crash would)
#   pg.sh start DIR        starts it again
#   pg.sh drop DIR         stops it and removes the folder
#   pg.sh owner|app|super DIR    prints a connection string
# As a library (. pg.sh): the same as pg_create … pg_drop.
#
# Roles of a cluster: postgres (superuser), akashi_owner (owns the database
# `akashi` and runs migrations), akashi_app (the server's).

for v in $(env | sed -n 's/^\(PG[A-Z]*\)=.*/\1/p'); do unset "$v"; done

# In a trap, bash lets a plain `return` give the status from before the trap.

# Where initdb and postgres are: not in PATH on Debian.
pg_bin() {
	for d in /usr/lib/postgresql/15/bin /usr/lib/postgresql/*/bin \
		/usr/pgsql-*/bin /usr/local/pgsql/bin; do
		[ -x "$d/initdb" ] && { echo "$d"; return 0; }
	done
	d=$(command -v initdb) && dirname "$d" && return 0
	echo "pg.sh: no PostgreSQL server programs found" >&2
	return 1
}

# The user that a server started by root runs as.
pg_user() {
	for u in postgres nobody; do
		id -u "$u" >/dev/null 2>&1 && { echo "$u"; return 0; }
	done
	return 1
}

# pg_as DIR COMMAND...: as the owner of the cluster.
pg_as() {
	pg_dir=$1
	shift
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid "$(stat -c %u "$pg_dir")" \
			--regid "$(stat -c %g "$pg_dir")" --clear-groups "$@"
	else
		"$@"
	fi
}

pg_conninfo() {
	printf "host=%s user=%s dbname=akashi\n" "$2" "$1"
}

pg_super() {
	printf "host=%s user=postgres dbname=postgres\n" "$1"
}

pg_pid() {
	sed -n 1p "$1/data/postmaster.pid" 2>/dev/null
}

pg_start() {
	bin=$(pg_bin) || return 1
	pg_as "$1" sh -c 'cd "$1" && exec "$2/pg_ctl" -D "$1/data" \
		-l "$1/log" -w -t 60 -s start' sh "$1" "$bin" \
		</dev/null >/dev/null 2>&1 ||
		{ echo "pg.sh: PostgreSQL did not start:" >&2
		  tail -n 20 "$1/log" >&2; return 1; }
}

# Immediate: what a test of a lost database needs, and the fastest.
pg_stop() {
	bin=$(pg_bin) || return 1
	[ -n "$(pg_pid "$1")" ] || return 0
	pg_as "$1" sh -c 'cd "$1" && exec "$2/pg_ctl" -D "$1/data" \
		-m immediate -w -t 60 -s stop' sh "$1" "$bin" </dev/null
}

pg_drop() {
	case $1 in
	/tmp/akpg.*) pg_stop "$1"; rm -rf "$1" ;;
	*) echo "pg.sh: $1 is not a cluster of ours" >&2; return 1 ;;
	esac
}

pg_init() {
	pg_as "$1" sh -c 'cd "$1" && exec "$2/initdb" -D "$1/data" --no-sync \
		-U postgres -A trust -E UTF8 --no-locale' sh "$1" "$2" \
		</dev/null >"$1/initdb.log" 2>&1 ||
		{ cat "$1/initdb.log" >&2; return 1; }
	# The folder is 0700 and the only way in; trust is enough. fsync stays
	# as it is unless the test says that durability is not its subject.
	cat >>"$1/data/postgresql.conf" <<-END
	listen_addresses = ''
	unix_socket_directories = '$1'
	max_connections = 60
	shared_buffers = ${PG_TEST_BUFFERS:-64MB}
	fsync = ${PG_TEST_FSYNC:-off}
	max_wal_size = ${PG_TEST_WAL:-1GB}
	timezone = 'UTC'
	log_timezone = 'UTC'
	END
}

pg_roles() {
	"$(pg_bin)/psql" -q -X -v ON_ERROR_STOP=1 "$(pg_super "$1")" <<-'END'
	CREATE ROLE akashi_owner LOGIN;
	CREATE ROLE akashi_app LOGIN;
	CREATE ROLE akashi_reader NOLOGIN;
	CREATE ROLE akashi_writer NOLOGIN;
	GRANT akashi_reader, akashi_writer TO akashi_app;
	CREATE DATABASE akashi OWNER akashi_owner;
	END
}

pg_create() {
	bin=$(pg_bin) || return 1
	dir=$(mktemp -d /tmp/akpg.XXXXXX) || return 1
	if [ "$(id -u)" = 0 ]; then
		u=$(pg_user) && chown "$u" "$dir" || return 1
	fi
	pg_init "$dir" "$bin" && pg_start "$dir" && pg_roles "$dir" ||
		{ pg_drop "$dir"; return 1; }
	echo "$dir"
}

case ${0##*/}:${1-} in
pg.sh:create) pg_create ;;
pg.sh:start) pg_start "$2" ;;
pg.sh:stop) pg_stop "$2" ;;
pg.sh:drop) pg_drop "$2" ;;
pg.sh:owner) pg_conninfo akashi_owner "$2" ;;
pg.sh:app) pg_conninfo akashi_app "$2" ;;
pg.sh:super) pg_super "$2" ;;
pg.sh:*)
	echo "usage: pg.sh create | start|stop|drop|owner|app|super DIR" >&2
	exit 2 ;;
esac

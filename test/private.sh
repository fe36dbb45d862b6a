# shellcheck shell=bash
# Sourced by the test runner and the demo: a copy of the tree, a build of it,
# and a server of its own that finds the build, with nothing installed and no
# other server touched.  PG_CONFIG says which PostgreSQL.
#
# The server refuses to run as root, so root does all of this as the user
# postgres (or nobody): everything lies in one directory that belongs to that
# user and that no third user can read.  Listens on a Unix socket alone, in that
# directory or, where its name is nothing for a socket, in one of its own.

PG_CONFIG=${PG_CONFIG:-pg_config}

# Whom the private server runs as.
private_user()
{
	if [ "$(id -u)" != 0 ]; then
		id -un
	elif id postgres >/dev/null 2>&1; then
		echo postgres
	else
		echo nobody
	fi
}

# private_copy SOURCE DIR: the sources, without what a build leaves in a tree,
# into DIR, which then belongs to the private user.
private_copy()
{
	local version

	version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$1/distributed_trace.control")
	mkdir -p "$2/tree"
	tar -C "$1" --exclude-vcs --exclude='*.o' --exclude='*.bc' --exclude='*.so' \
		--exclude="distributed_trace--$version.sql" --exclude="distributed_trace--*--$version.sql" \
		--exclude=./bench/results --exclude=./results --exclude=build -cf - . |
		tar -C "$2/tree" --no-same-owner -xf -
	if [ "$(id -u)" = 0 ]; then
		chown -R "$(private_user):" "$2"
	fi
}

# private_run COMMAND...: as the private user
private_run()
{
	if [ "$(id -u)" = 0 ]; then
		runuser -u "$(private_user)" -- "$@"
	else
		"$@"
	fi
}

# private_log FILE COMMAND...: with the output in a file, whose end is shown if
# the command fails
private_log()
{
	local log=$1

	shift
	"$@" >"$log" 2>&1 || {
		tail -n 30 "$log" >&2
		return 1
	}
}

# private_build TREE STAGE [MAKE-ARGUMENT...]: builds and stages it
private_build()
{
	local tree=$1 stage=$2

	shift 2
	make -s -C "$tree" -j 2 PG_CONFIG="$PG_CONFIG" with_llvm=no "$@" all &&
		make -s -C "$tree" PG_CONFIG="$PG_CONFIG" with_llvm=no "$@" DESTDIR="$stage" install
}

# private_settings STAGE: what makes a server find the stage.  That is a core
# setting since 18 and a patch of Debian's packages before.
private_settings()
{
	local sharedir

	sharedir=$("$PG_CONFIG" --sharedir)
	if [ "$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')" -ge 18 ]; then
		echo "extension_control_path = '$1$sharedir:\$system'"
	elif grep -qs extension_destdir "$sharedir/postgresql.conf.sample"; then
		echo "extension_destdir = '$1'"
	else
		echo "This PostgreSQL knows neither extension_control_path nor extension_destdir:" \
			"use make install and make installcheck." >&2
		return 1
	fi
	echo "dynamic_library_path = '$1$("$PG_CONFIG" --pkglibdir):\$libdir'"
}

# private_socket_dir DIR: DIR itself, if the name of a socket in it is short
# enough (107 bytes) and of harmless letters, or else a new directory
private_socket_dir()
{
	local LC_ALL=C

	if [ ${#1} -le 90 ] && [[ $1 =~ ^[A-Za-z0-9/._-]+$ ]]; then
		echo "$1"
	else
		mktemp -d /tmp/trace.XXXXXX
	fi
}

# private_start DIR SETTINGS-FILE: a new cluster in DIR/data, its log in DIR
private_start()
{
	local bindir

	bindir=$("$PG_CONFIG" --bindir)
	mkdir -p "$1"
	private_socket_dir "$1" >"$1/host"
	private_log "$1/initdb.log" "$bindir/initdb" -D "$1/data" \
		-A trust -N -U postgres -E UTF8 --no-locale || return 1
	echo "include '$2'" >>"$1/data/postgresql.conf"
	"$bindir/pg_ctl" -s -w -t 60 -D "$1/data" -l "$1/log" \
		-o "-k $(cat "$1/host") -c listen_addresses= -p 5432" start || {
		tail -n 20 "$1/log" >&2
		return 1
	}
}

# private_host DIR: where the server of DIR listens, for psql -h
private_host()
{
	cat "$1/host"
}

# private_stop DIR [SIGNAL]: QUIT ends it at once, INT orderly.  Works without
# the PostgreSQL that it was started with.
private_stop()
{
	local data=$1/data pid host

	pid=$(head -n 1 "$data/postmaster.pid" 2>/dev/null) || pid=
	# the number may be another process's by now
	if [[ $pid =~ ^[0-9]+$ ]] && [ "/proc/$pid/cwd" -ef "$data" ]; then
		kill -s "${2:-QUIT}" "$pid"
		timeout 60 bash -c 'while [ -e "$0/postmaster.pid" ] && kill -0 "$1"; do sleep 0.1; done' \
			"$data" "$pid" 2>/dev/null
	fi
	host=$(cat "$1/host" 2>/dev/null) || host=$1
	[[ ! $host =~ ^/tmp/trace\.[A-Za-z0-9]+$ ]] || rm -rf "$host"
}

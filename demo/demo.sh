#!/bin/bash
# make demo: sees the extension work on real traces, with nothing installed
# but the packages that are missing.
#
#     demo/demo.sh          builds, starts a private server, runs demo.sql
#     demo/demo.sh stop     ends that server and removes all of it
#
# The server keeps running so that one can go on with psql; with DEMO_KEEP=0
# it stops at the end.  Everything lies in one directory, DEMO_DIR; the server
# listens on a Unix socket, and for spans on a port of the loopback interface.
#
# Run by root, all that happens in that directory is done by the user it is
# given to (see test/private.sh), and nothing found in it is taken for a command
# or written to by root.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/test/private.sh"
dir=${DEMO_DIR:-${TMPDIR:-/tmp}/distributed_trace_demo.$(id -u)}

# The directory's name can be guessed, so it may have been made by someone else.
refuse_strangers()
{
	[ ! -e "$dir" ] && [ ! -L "$dir" ] && return
	if [ -L "$dir" ] || [ ! -f "$dir/is_demo" ] ||
		[[ ! "$(stat -c %U "$dir")" =~ ^($(id -un)|$(private_user))$ ]]; then
		echo "$dir exists and is not the demo's: set DEMO_DIR to another directory" >&2
		exit 1
	fi
}

# in_private COMMAND...: or function of private.sh, as the private user
in_private()
{
	private_run env -i HOME="$dir" PATH="$PATH" LC_ALL=C.UTF-8 PG_CONFIG="$PG_CONFIG" \
		bash -c '. "$0/tree/test/private.sh"; cd "$0"; "$@"' "$dir" "$@" </dev/null
}

stop()
{
	refuse_strangers
	[ -d "$dir" ] || return 0
	cd "$dir"
	[ ! -d "$dir/server" ] || in_private private_stop "$dir/server" INT
	cd /
	rm -rf "$dir"
}

start()
{
	stop
	"$here/test/install-packages.sh" demo
	mkdir -m 700 "$dir"
	: >"$dir/is_demo"
	# what fails leaves nothing behind
	trap stop EXIT
	private_copy "$here" "$dir"
	# the user may not be able to read the directory that we came from
	cd "$dir"
	echo "Building for $("$PG_CONFIG" --version) ..."
	in_private private_log "$dir/build.log" private_build "$dir/tree" "$dir/stage" || {
		echo "The build failed." >&2
		exit 1
	}
	in_private private_log "$dir/settings" private_settings "$dir/stage"
	port=$(free_port)
	in_private bash -c 'printf "%s\n" "${@:2}" >>"$1"' - "$dir/settings" \
		"shared_preload_libraries = 'distributed_trace'" \
		"distributed_trace.receiver = on" \
		"distributed_trace.receiver_database = 'demo'" \
		"distributed_trace.receiver_http_port = $port" \
		"distributed_trace.receiver_grpc_port = 0"
	in_private private_start "$dir/server" "$dir/settings"
}

free_port()
{
	perl -MIO::Socket::INET -e \
		'print IO::Socket::INET->new(LocalAddr => "127.0.0.1", Listen => 1)->sockport'
}

# A real OpenTelemetry SDK sends a trace to the server, which records it by
# itself.
send_spans()
{
	local host=$1 psql=$2 sdk trace_id

	[ -e "$dir/tree/distributed_trace_receiver" ] || {
		echo "The receiver was not built: its libraries are missing."
		return 0
	}
	sdk=$(mktemp -d)
	cp "$here"/test/receiver/sdk/package*.json "$here/demo/send_spans.js" "$sdk"
	if ! (cd "$sdk" && npm ci --ignore-scripts --no-audit --no-fund --silent >/dev/null 2>&1); then
		echo "The OpenTelemetry SDK could not be installed with npm: this step is left out."
		rm -rf "$sdk"
		return 0
	fi
	echo "14. A service with the OpenTelemetry SDK, and nothing between it and the server:"
	echo
	echo "    OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:$port node demo/send_spans.js"
	echo
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ "$("$psql" -XAtq -h "$host" -U postgres -d demo \
			-c 'SELECT state FROM trace_receiver_stats')" != listening ] || break
		sleep 1
	done
	trace_id=$(cd "$sdk" && OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:$port \
		timeout 60 node send_spans.js) || trace_id=
	rm -rf "$sdk"
	[ -n "$trace_id" ] || {
		echo "The service could not send its spans: see the log of the server."
		return 0
	}
	"$psql" -XAtq -h "$host" -U postgres -d demo -c "SELECT trace_waterfall('$trace_id')"
	echo
	# the counts of requests arrive once a second
	sleep 2
	"$psql" -Xq -h "$host" -U postgres -d demo -P footer=off -c \
		'SELECT state, http_request_count AS requests, recorded_count AS recorded, spans_accepted AS spans, commit_p50_ms::numeric(9,1) FROM trace_receiver_stats'
}

show()
{
	local psql host

	psql=$("$PG_CONFIG" --bindir)/psql
	host=$(in_private private_host "$dir/server")
	in_private "$psql" -Xq -h "$host" -U postgres -d postgres \
		-c 'CREATE DATABASE demo' -c '\c demo' -c 'CREATE EXTENSION distributed_trace'
	in_private env PGCLIENTENCODING="${PGCLIENTENCODING:-UTF8}" \
		"$psql" -Xq -h "$host" -U postgres -d demo \
		-v otlp="$dir/tree/demo/otlp/" -f "$dir/tree/demo/demo.sql"
	send_spans "$host" "$psql"
	if [ "${DEMO_KEEP:-1}" != 0 ]; then
		trap - EXIT
		cat <<-end
			The server keeps running. Go on with

			    $psql -h $host -U postgres demo

			where SELECT * FROM trace_help(); lists what there is, send spans to
			http://localhost:$port (OTLP/HTTP), and end it, and remove all of it, with

			    make demo-stop
		end
	fi
}

case ${1:-} in
	stop) stop ;;
	'')
		start
		show
		;;
	*)
		echo "usage: $0 [stop]" >&2
		exit 2
		;;
esac

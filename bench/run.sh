#!/usr/bin/env bash
#
# make bench: measures the extension beside what a user would do without it,
# on a private server, and prints a table; see README.md for what it means.
#
#	BENCH_SPANS=1000000		spans in the table (at least 150000)
#	BENCH_INGEST_SPANS=200000	spans a run of the ingest section
#	BENCH_RUNS=5			runs of everything, after one to warm up
#	BENCH_SECTIONS="..."		some of the names in sections/, without suffix
#	PG_CONFIG			which PostgreSQL
#
# A section is a file in sections/: NAME.sql is run by psql in the database
# bench, which holds the extension and BENCH_SPANS spans; NAME.sh is run with
# psql's environment set, BENCH_RUNS, BENCH_DATA (requests, scratch files),
# BENCH_DIR (this directory) and BENCH_TREE (the sources).  It registers its
# rows in bench.item and leaves its figures in bench.sample; see harness.sql.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
export PG_CONFIG=${PG_CONFIG:-pg_config}
spans=${BENCH_SPANS:-1000000}
ingest_spans=${BENCH_INGEST_SPANS:-200000}
export BENCH_RUNS=${BENCH_RUNS:-5}

# shellcheck source=test/private.sh
. "$root/test/private.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/distributed_trace_bench.XXXXXX")
cleanup()
{
	# shellcheck disable=SC2016
	private_run bash -c '. "$1/tree/test/private.sh"; private_stop "$1/server"' - "$work" || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

say()
{
	echo "bench: $*" >&2
}

# everything from here on that builds or serves runs as the private user
as_private()
{
	private_run env PG_CONFIG="$PG_CONFIG" bash -euo pipefail -c \
		". '$work/tree/test/private.sh'; $1"
}

say "building (release, no assertions of our own)"
private_copy "$root" "$work"
as_private "private_build '$work/tree' '$work/stage' COPT= WERROR=1" >"$work/build.log" 2>&1 || {
	tail -n 30 "$work/build.log" >&2
	exit 1
}

say "generating $spans spans, $ingest_spans of them as OTLP requests"
[ "$ingest_spans" -le "$spans" ] || ingest_spans=$spans
as_private "mkdir '$work/data'
	${CC:-cc} -O2 -o '$work/data/generate' '$work'/tree/bench/generator/*.c -lm
	'$work/data/generate' --spans $spans --copy '$work/data/spans' --otlp-spans $ingest_spans \
		--otlp '$work/data/request' --otlp-mixed '$work/data/request_mixed' \
		--otlp-json '$work/data/request_json'"

# The table and its indexes fit into shared buffers, so that a figure is work
# and not input; all else that decides how a query is planned and run is
# PostgreSQL's default.  Sections that need other settings make them.
buffers=$((spans * 2 / 1000 + 512))
[ "$buffers" -ge 1024 ] || buffers=1024
# a port that is free now, for the receiver
export BENCH_RECEIVER_PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
{
	private_settings "$work/stage"
	cat <<END
shared_preload_libraries = 'distributed_trace'
distributed_trace.receiver = on
distributed_trace.receiver_database = 'receiver'
distributed_trace.receiver_listen_addresses = '127.0.0.1'
distributed_trace.receiver_http_port = $BENCH_RECEIVER_PORT
distributed_trace.receiver_grpc_port = 0
shared_buffers = ${buffers}MB
maintenance_work_mem = 512MB
max_wal_size = 8GB
checkpoint_timeout = 1h
fsync = on
synchronous_commit = on
timezone = 'UTC'
END
} >"$work/bench.conf"
chmod a+r "$work/bench.conf"
as_private "private_start '$work/server' '$work/bench.conf'"

export PGHOST=$(private_host "$work/server") PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
export PGOPTIONS='-c client_min_messages=warning'
PATH=$("$PG_CONFIG" --bindir):$PATH
psql()
{
	command psql -X -q -v ON_ERROR_STOP=1 "$@"
}
export -f psql
export BENCH_DATA=$work/data BENCH_TREE=$work/tree BENCH_DIR=$work/tree/bench

say "loading"
createdb bench
psql -d bench -v runs="$BENCH_RUNS" -f "$BENCH_DIR/harness.sql"
psql -d bench -o /dev/null <<END
CREATE EXTENSION distributed_trace;
CREATE EXTENSION pg_prewarm;
COPY distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation,
    start_time, end_time, duration_ms, tags, logs) FROM '$work/data/spans';
VACUUM ANALYZE distributed_trace_log;
CHECKPOINT;
SELECT pg_prewarm('distributed_trace_log');
SELECT pg_prewarm(indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE indrelid = 'distributed_trace_log'::regclass AND relkind = 'i';
END
rm "$work/data/spans"

failed=
for section in "$BENCH_DIR"/sections/*.{sql,sh}; do
	[ -f "$section" ] || continue
	name=$(basename "${section%.*}")
	case " ${BENCH_SECTIONS:-$name} " in
	*" $name "*) ;;
	*) continue ;;
	esac
	say "measuring: $name"
	case $section in
	*.sql) psql -d bench -f "$section" || failed="$failed $name" ;;
	*.sh) bash "$section" || failed="$failed $name" ;;
	esac
done

report()
{
	echo "distributed_trace $(sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$root/distributed_trace.control"), $("$PG_CONFIG" --version), $(date -u +%Y-%m-%d)"
	echo "$(nproc) x $(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1), load $(cut -d ' ' -f 1-3 /proc/loadavg) at the end"
	echo "$spans spans in the table, $BENCH_RUNS runs; median, lowest and highest of the samples; ratio to the item above it that has none"
	psql -d bench -At -c 'SELECT DISTINCT section FROM bench.report ORDER BY 1' |
		while read -r name; do
			echo
			echo "$name"
			psql -d bench -P footer=off -P null='' -v name="$name" <<'END'
SELECT item, size, median, unit, ratio, goal, met, low, high, samples
FROM bench.report WHERE section = :'name' ORDER BY size, unit, position;
END
		done
}

mkdir -p "$root/bench/results"
report | tee "$root/bench/results/latest.txt"
[ -z "$failed" ] || {
	say "failed:$failed"
	exit 1
}

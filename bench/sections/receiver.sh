#!/usr/bin/env bash
#
# Automatic recording: requests of 512 spans sent over 1, 8 and 64 connections
# by OTLP/HTTP, acknowledged after commit, beside COPY text of the same rows
# into the same table; the time until an answer; and the memory of the program
# and the worker after a minute of load (BENCH_RECEIVER_SECONDS).  In a database
# of its own, the one that the server's receiver records into.
set -euo pipefail

port=$BENCH_RECEIVER_PORT
python=$(command -v /usr/bin/python3 || command -v python3)

createdb receiver
psql -d receiver -v runs="$BENCH_RUNS" -f "$BENCH_DIR/harness.sql"
psql -d receiver -c 'CREATE EXTENSION distributed_trace'
# the worker looks for its database every few seconds
for _ in $(seq 100); do
	[ "$(psql -At -d receiver -c "SELECT state FROM trace_receiver_stats")" = listening ] && break
	sleep 0.2
done

send()
{
	"$python" "$BENCH_DIR/receiver_load.py" "$port" "$BENCH_DATA/request" "$@"
}

empty()
{
	psql -d receiver -c 'TRUNCATE distributed_trace_log, distributed_trace_resource, distributed_trace_latency' -c CHECKPOINT
}

# sample ITEM SIZE UNIT VALUE
sample()
{
	psql -d receiver -c "INSERT INTO bench.sample VALUES ('receiver', '$1', $2, '$3', $4)"
}

psql -d receiver <<'END'
INSERT INTO bench.item (section, item, base, goal, goal_unit) VALUES
    ('receiver', 'COPY text', NULL, NULL, NULL),
    ('receiver', '1 connection', 'COPY text', NULL, NULL),
    ('receiver', '8 connections', 'COPY text', '>= 40000', 'spans/s'),
    ('receiver', '64 connections', 'COPY text', NULL, NULL),
    ('receiver', 'memory of program and worker, before', NULL, NULL, NULL),
    ('receiver', 'memory of program and worker, after', 'memory of program and worker, before', NULL, NULL);
END

# what COPY is to load: the rows that the receiver stores
empty
send 8 0 >/dev/null
psql -d receiver -c "COPY (SELECT trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, tags, logs
	FROM distributed_trace_log ORDER BY id) TO '$BENCH_DATA/received'"
spans=$(psql -At -d receiver -c 'SELECT count(*) FROM distributed_trace_log')

for _ in $(seq "$BENCH_RUNS"); do
	empty
	seconds=$(psql -At -d receiver <<END
SELECT clock_timestamp() AS began \gset
COPY distributed_trace_log (trace_id, span_id, parent_span_id, service_name, operation, start_time, end_time, duration_ms, tags, logs) FROM '$BENCH_DATA/received';
SELECT extract(epoch FROM clock_timestamp() - :'began');
END
	)
	sample 'COPY text' "$spans" spans/s "$spans / $seconds"
	for connections in 1 8 64; do
		item="$connections connections"
		[ $connections != 1 ] || item='1 connection'
		empty
		read -r rate _ median late <<<"$(send $connections 0)"
		[ "$(psql -At -d receiver -c 'SELECT count(*) FROM distributed_trace_log')" = "$spans" ]
		sample "$item" "$spans" spans/s "$rate"
		sample "$item" "$spans" 'ms, median' "$median"
		sample "$item" "$spans" 'ms, p99' "$late"
	done
done

# memory, in MB; sent again and again, which the worker has to compare
memory()
{
	local worker

	worker=$(psql -At -d receiver -c 'SELECT worker_pid FROM trace_receiver_stats')
	for pid in $worker $(pgrep -P "$worker"); do
		sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$pid/status"
	done | awk '{ sum += $1 } END { print sum / 1024 }'
}
send 8 5 >/dev/null
sample 'memory of program and worker, before' 8 MB "$(memory)"
send 8 "${BENCH_RECEIVER_SECONDS:-60}" >/dev/null
sample 'memory of program and worker, after' 8 MB "$(memory)"

for table in "item (section, item, base, goal, goal_unit)" sample; do
	psql -d receiver -c "COPY bench.$table TO STDOUT" | psql -d bench -c "COPY bench.$table FROM STDIN"
done

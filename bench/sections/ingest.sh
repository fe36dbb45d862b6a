#!/usr/bin/env bash
#
# Recording: OTLP requests through trace_ingest_otlp() beside COPY of the rows
# that it stores and beside SQL over JSON; then what a span takes on disk.  In
# a database of its own, because every run begins with empty tables.
set -euo pipefail

here=$(dirname "$0")/ingest

createdb ingest
psql -d ingest -v runs="$BENCH_RUNS" -f "$BENCH_DIR/harness.sql"
psql -d ingest -v data="$BENCH_DATA" -f "$here/setup.sql"
psql -d ingest -v data="$BENCH_DATA" -f "$here/run.sql"
psql -d ingest -f "$here/size.sql"

for table in "item (section, item, base, goal, goal_unit)" sample; do
	# the same columns on both sides; item's position is the server's
	psql -d ingest -c "COPY bench.$table TO STDOUT" |
		psql -d bench -c "COPY bench.$table FROM STDIN"
done

#!/usr/bin/env bash
#
# The decoder of src/core alone, without a server, over the requests of the
# ingest section.
set -euo pipefail

"${CC:-cc}" -O2 -I"$BENCH_TREE/src" -o "$BENCH_DATA/decode_bench" \
	"$BENCH_DIR/decode_bench.c" "$BENCH_TREE"/src/core/{base,wire,tree}/*.c -lm

psql -d bench <<'END'
INSERT INTO bench.item (section, item, goal, goal_unit) VALUES
    ('decode', 'decoder', '>= 700000', 'spans/s'),
    ('decode', 'check', NULL, NULL);
END
"$BENCH_DATA/decode_bench" "$BENCH_DATA/request" "$BENCH_RUNS" |
	awk -F '\t' -v OFS='\t' '{ print "decode", $1, $2, "spans/s", $3 }' |
	psql -d bench -c "COPY bench.sample (section, item, size, unit, value) FROM STDIN"

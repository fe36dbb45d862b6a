#!/bin/sh
# Runs one fuzzer for some seconds and prints the outcome as one line of TAP.
#
#     run-one.sh PROGRAM SECONDS
#
# It starts from test/fuzz/corpus/NAME, where NAME_fuzz is the program, and
# keeps what it finds in a temporary directory.  An input that breaks the
# program is printed in base64, to be put into the corpus.
set -u

program=$1 seconds=$2
name=$(basename "$program" _fuzz)
seeds=$(cd "$(dirname "$0")" && pwd)/corpus/$name
[ -d "$seeds" ] || seeds=
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/found"

# shellcheck disable=SC2086
"$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2560 \
	-print_final_stats=1 -artifact_prefix="$scratch/" "$scratch/found" $seeds \
	>"$scratch/log" 2>&1
status=$?
inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$scratch/log")

if [ $status = 0 ] && [ "${inputs:-0}" -gt 0 ]; then
	echo "ok 1 - fuzz $name: $inputs inputs in $seconds s"
else
	{
		echo "not ok 1 - fuzz $name (status $status)"
		grep -vE '^#[0-9]+.*(NEW|REDUCE|pulse)' "$scratch/log" | tail -n 60 | sed 's/^/# /'
		for input in "$scratch"/crash-* "$scratch"/timeout-* "$scratch"/oom-* "$scratch"/leak-*; do
			[ -f "$input" ] || continue
			echo "# ${input##*/}, $(wc -c <"$input") bytes, the first 3000 in base64:"
			head -c 3000 "$input" | base64 | sed 's/^/# /'
		done
	} >"$scratch/report"
	cat "$scratch/report"
	exit 1
fi

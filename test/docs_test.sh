#!/bin/bash
# Runs the examples in the documentation, and compares what they print.
#
#     test/docs_test.sh [--update] [FILE...]      README.md docs/*.md
#
# The traces of another day are there first, which no example may depend on.
#
# Takes the server that PGHOST and its like name, on which the extension must be
# installed, and prints TAP.  Each file gets a database of its own, which holds
# the requests of demo/otlp, unless the file creates the extension itself; each block marked sql is run by a psql of its own,
# in order, and must not fail.  If a block marked text follows, that is what it
# must print.  With --update what it prints is put there instead.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
database=trace_docs_test
update=
if [ "${1:-}" = --update ]; then
	update=1
	shift
fi
cd "$here"
[ $# -gt 0 ] || set -- README.md docs/*.md
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"; dropdb --if-exists $database 2>/dev/null' EXIT
export PGTZ=UTC PGDATESTYLE=ISO PGCLIENTENCODING=UTF8 PGOPTIONS='-c client_min_messages=warning'

run_psql()
{
	psql -Xq -v ON_ERROR_STOP=1 -P pager=off -P footer=off -d $database "$@"
}

prepare_database()
{
	local file

	dropdb --if-exists $database
	createdb $database
	! grep -q '^CREATE EXTENSION distributed_trace' "$1" || return 0
	run_psql -c 'CREATE EXTENSION distributed_trace'
	run_psql -c "SELECT trace_ingest_otlp('{\"resourceSpans\": [{
		\"resource\": {\"attributes\": [{\"key\": \"service.name\", \"value\": {\"stringValue\": \"other\"}}]},
		\"scopeSpans\": [{\"spans\": [{\"traceId\": \"0123456789abcdef0123456789abcdef\", \"spanId\": \"0123456789abcdef\",
			\"name\": \"get\", \"kind\": 2, \"startTimeUnixNano\": \"1600000000000000000\", \"endTimeUnixNano\": \"1600000000005000000\"}]}]}]}')" >"$scratch/ingested"
	for file in demo/otlp/*.bin.gz; do
		echo "SELECT trace_ingest_otlp(decode('$(base64 -w 0 "$file")', 'base64'));"
	done >"$scratch/requests.sql"
	for file in demo/otlp/*.json; do
		echo "SELECT trace_ingest_otlp(convert_from(decode('$(base64 -w 0 "$file")', 'base64'), 'UTF8'));"
	done >>"$scratch/requests.sql"
	run_psql -f "$scratch/requests.sql" >>"$scratch/ingested"
	run_psql -c 'ANALYZE'
}

# walk FILE MODE: finds the blocks of a file.  "extract" writes N.sql, its first
# line in N.line, and N.expected if output follows; "update" prints the file
# with the contents of N.actual as that output.
walk()
{
	awk -v mode="$2" -v dir="$scratch" '
		/^```/ && fence == "" {
			fence = substr($0, 4)
			if (fence == "")
				fence = "plain"
			else if (fence == "sql") {
				name = dir "/" sprintf("%03d", ++count)
				wants_output = 1
				if (mode == "extract") {
					printf "" >(name ".sql")
					print NR >(name ".line")
				}
			} else if (fence == "text" && wants_output) {
				fence = "output"
				if (mode == "extract")
					printf "" >(name ".expected")
				else {
					print
					while ((getline line <(name ".actual")) > 0)
						print line
				}
			}
			if (fence != "sql")
				wants_output = 0
			if (mode == "update" && fence != "output")
				print
			next
		}
		/^```/ {
			fence = ""
			if (mode == "update")
				print
			next
		}
		fence == "" && !/^[ \t]*$/ { wants_output = 0 }
		mode == "extract" && fence == "sql" { print >(name ".sql") }
		mode == "extract" && fence == "output" { print >(name ".expected") }
		mode == "update" && fence != "output" { print }' "$1"
}

# Output without the blanks that no reader sees.
tidy()
{
	sed 's/[[:blank:]]*$//' | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
}

# report STATUS TITLE LOG
report()
{
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		sed 's/^/# /' "$3"
		failed=1
	fi
}

run_block()
{
	local block=$1 title=$2 status=0

	run_psql -f "$block.sql" >"$block.output" 2>&1 || status=1
	tidy <"$block.output" >"$block.actual"
	if [ $status = 0 ] && [ -z "$update" ] && [ -e "$block.expected" ]; then
		tidy <"$block.expected" >"$block.tidy"
		diff -u --label documented "$block.tidy" --label printed "$block.actual" >"$block.output" ||
			status=1
	fi
	report $status "$title" "$block.output"
}

number=0 failed=0
for file in "$@"; do
	rm -f "$scratch"/*
	prepare_database "$file"
	walk "$file" extract
	for block in "$scratch"/[0-9][0-9][0-9].sql; do
		[ -e "$block" ] || continue
		block=${block%.sql}
		run_block "$block" "$file:$(cat "$block.line")"
	done
	if [ -n "$update" ] && [ $failed = 0 ]; then
		walk "$file" update >"$scratch/updated"
		cat "$scratch/updated" >"$file"
	fi
done
echo "1..$number"
exit $failed

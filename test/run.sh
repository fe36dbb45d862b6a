#!/bin/bash
# Runs every suite, on a private server and as any user.
#
#     [SUITES="regress pgtap"] [FUZZ_SECONDS=20] [PG_CONFIG=...] test/run.sh
#
# WITHOUT_CLIENTS=1 leaves out what needs drivers and SDKs, which do with one
# version of the server what they do with another: so do the runs of chroots.sh,
# and they say so.  With CI set the rest must be there: the receiver program,
# and what its tests break it with; a test that skips for lack of it is a failure.  KILL_ROUNDS=50 makes as many crashes
# under load as that.
#
# Installs with apt what is missing, copies the tree, builds the copy and tests
# that: nothing is written to the checkout but results/ after a failure.  The
# last line of the output is "N passed, N failed", the sum of the single tests
# of all suites; a suite that ran no test is a failure.
#
# Run by root, the script does this part as root and starts itself again as the
# user postgres, in the copy, for the rest.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
. "$here/test/private.sh"
suites=${SUITES:-check unit fuzz receiver regress ubsan isolation pgtap docs tap}

# The outer part: packages, the copy, and cleaning up behind the inner part.
prepare()
{
	local status=0

	"$here/test/install-packages.sh" test
	work=$(mktemp -d "${TMPDIR:-/tmp}/distributed_trace.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	private_copy "$here" "$work"
	rm -rf "$here/results"

	# in a directory of its own, since the user may not be able to read this one
	cd "$work"
	private_run env -i HOME="$work" PATH="$PATH" LC_ALL=C.UTF-8 TMPDIR="$work" \
		PG_CONFIG="$PG_CONFIG" SUITES="$suites" FUZZ_SECONDS="${FUZZ_SECONDS:-20}" \
		WITHOUT_CLIENTS="${WITHOUT_CLIENTS:-}" CI="${CI:-}" KILL_ROUNDS="${KILL_ROUNDS:-}" \
		"$work/tree/test/run.sh" "$work" </dev/null || status=$?
	cd /
	if [ $status != 0 ] && [ -d "$work/results" ]; then
		cp -R "$work/results" "$here/results"
		chown -R --reference="$here" "$here/results"
	fi
	return $status
}

# record SUITE STATUS: counts the tests in the suite's log and shows what failed
record()
{
	local log=$work/log/$1 good bad note=

	good=$(grep -cE '^ok [0-9]|^test .* \.\.\. ok ' "$log" || true)
	bad=$(grep -cE '^not ok [0-9]|^test .* \.\.\. FAILED' "$log" || true)
	if [ "$2" != 0 ] && [ "$bad" = 0 ]; then
		bad=1 note=" (ended with status $2)"
	elif [ $((good + bad)) = 0 ]; then
		bad=1 note=" (ran no test)"
	fi
	if [ "$bad" != 0 ]; then
		echo "--- $1 failed$note:"
		grep -vE '^ok [0-9]|^test .* \.\.\. ok ' "$log" |
			sed '101,$ { $!d; s/.*/(cut)/ }' || true
		echo "---"
	fi
	passed=$((passed + good)) failed=$((failed + bad))
	printf '%-10s %5d passed %4d failed %5d s%s\n' "$1" "$good" "$bad" \
		$((SECONDS - started)) "$note"
}

# run SUITE COMMAND...: in a directory of the suite's own
run()
{
	local suite=$1 status=0

	shift
	started=$SECONDS
	mkdir -p "$work/$suite"
	cd "$work/$suite"
	"$@" >"$work/log/$suite" 2>&1 || status=$?
	record "$suite" $status
}

wanted()
{
	[[ " $suites " == *" $1 "* ]]
}

# names DIR EXTENSION: the tests in test/DIR
names()
{
	local file

	for file in "$tree/test/$1"/*."$2"; do
		[ ! -e "$file" ] || basename "$file" ".$2"
	done
}

# The build counts as a test: no warnings.
build()
{
	private_build "$tree" "$work/stage" || {
		echo "not ok 1 - the extension builds"
		return 1
	}
	if grep -q 'warning:' "$work/log/build"; then
		echo "not ok 1 - the extension builds without warnings"
	else
		echo "ok 1 - the extension builds without warnings"
	fi
	built=yes
}

# regress PROGRAM INPUTS...: a pg_regress program on the tests of these names
regress()
{
	local program=$pgxs/test/$1

	shift
	ln -s "$tree/expected" expected
	"$program" --bindir="$bindir" --inputdir="$tree/test" \
		--load-extension=distributed_trace "$@" || {
		mkdir -p "$work/results"
		cp -R results/. "$work/results/" 2>/dev/null || true
		head -n 400 regression.diffs 2>/dev/null
		return 1
	}
}

# The same tests with a module that stops the server at undefined behaviour.
ubsan()
{
	mkdir copy
	tar -C "$tree" --exclude='*.o' --exclude='*.so' -cf - . | tar -C copy -xf -
	private_build "$PWD/copy" "$PWD/stage" >build.log 2>&1 \
		COPT='-fsanitize=undefined -fno-sanitize-recover=undefined' || {
		tail -n 30 build.log
		return 1
	}
	private_settings "$PWD/stage" >settings
	UBSAN_OPTIONS=print_stacktrace=1 private_start "$PWD/server" "$PWD/settings"
	PGHOST=$(private_host "$PWD/server") regress regress/pg_regress $(names sql sql) || {
		grep -A 12 'runtime error' server/log | head -n 60
		return 1
	}
	private_stop "$PWD/server"
}

# The receiver program with sanitizers, against a peer instead of a server.
receiver()
{
	local python=/usr/bin/python3 file program status=0

	[ -x $python ] || python=python3
	# shellcheck disable=SC2046
	clang -std=gnu11 -g -O1 -Wall -Wextra -Werror -fno-omit-frame-pointer \
		-fsanitize=address,undefined -fno-sanitize-recover=undefined -I"$tree/src" \
		-o program "$tree"/src/network/*.c "$tree/src/core/wire/frame.c" \
		$(pkg-config --cflags --libs libevent_core libevent_openssl libnghttp2 openssl zlib libzstd) || {
		echo "not ok 1 - the receiver program builds without warnings"
		return 1
	}
	# and without, for what is measured
	# shellcheck disable=SC2046
	clang -std=gnu11 -O2 -I"$tree/src" -o plain "$tree"/src/network/*.c "$tree/src/core/wire/frame.c" \
		$(pkg-config --cflags --libs libevent_core libevent_openssl libnghttp2 openssl zlib libzstd) || return 1
	for file in "$tree"/test/receiver/*_test.py; do
		program=program
		[[ $file != */hostile_test.py ]] || program=plain
		# it cannot be traced, which looking for leaks would need
		ASAN_OPTIONS=detect_leaks=0 "$python" "$file" "$PWD/$program" "$tree/test/data/otlp" || status=$?
	done
	return $status
}

pgtap()
{
	[ -n "$(names pgtap sql)" ] || return 0
	"$bindir/createdb" pgtap
	pg_prove --verbose -d pgtap "$tree"/test/pgtap/*.sql
}

tap()
{
	local sockets status=0

	[ -n "$(names t pl)" ] || return 0
	# the tests' servers listen in temporary directories
	mkdir sockets
	sockets=$(private_socket_dir "$PWD/sockets")
	env TESTDIR="$PWD" TESTDATADIR="$PWD/tmp_check" TESTLOGDIR="$PWD/tmp_check/log" \
		TMPDIR="$sockets" PGPORT=65432 TEMP_CONFIG="$work/settings" SOURCE_DIR="$tree" \
		PG_REGRESS="$pgxs/test/regress/pg_regress" FUZZ_SECONDS="$FUZZ_SECONDS" \
		prove --verbose -I "$pgxs/test/perl" -I "$tree/test/t" "$tree"/test/t/*.pl || status=$?
	rm -rf "$sockets"
	return $status
}

run_server_suites()
{
	private_settings "$work/stage" >"$work/settings"
	private_start "$work/server" "$work/settings"
	PGHOST=$(private_host "$work/server")
	if wanted check; then
		run check env MODULE="$tree/distributed_trace.so" "$tree/test/check.sh"
	fi
	if wanted regress; then
		run regress regress regress/pg_regress $(names sql sql)
	fi
	if wanted isolation && [ -n "$(names specs spec)" ]; then
		run isolation regress isolation/pg_isolation_regress $(names specs spec)
	fi
	if wanted pgtap; then
		run pgtap pgtap
	fi
	if wanted docs; then
		run docs "$tree/test/docs_test.sh"
	fi
	private_stop "$work/server"
	if wanted tap; then
		run tap tap
	fi
	if wanted ubsan; then
		run ubsan ubsan
	fi
}

stop_servers()
{
	private_stop "$work/server" || true
	private_stop "$work/ubsan/server" || true
} 2>/dev/null

# The inner part, as the private user.
run_suites()
{
	work=$1 tree=$1/tree passed=0 failed=0 built=no
	bindir=$("$PG_CONFIG" --bindir)
	pgxs=$(dirname "$(dirname "$("$PG_CONFIG" --pgxs)")")
	PATH=$bindir:$PATH
	export PGHOST PGPORT=5432 PGUSER=postgres
	trap stop_servers EXIT
	mkdir "$work/log"
	"$PG_CONFIG" --version

	if wanted unit; then
		run unit make -s -C "$tree/test/unit" run
		[ "$(uname -m)" != x86_64 ] || run unit32 make -s -C "$tree/test/unit" -j 2 run32
	fi
	if wanted fuzz; then
		run fuzz make -s -C "$tree/test/unit" fuzz
	fi
	if wanted receiver; then
		run receiver receiver
	fi
	if wanted check || wanted regress || wanted ubsan || wanted isolation ||
		wanted pgtap || wanted docs || wanted tap; then
		run build build
		[ $built = no ] || run_server_suites
	fi
	[ -z "${WITHOUT_CLIENTS:-}" ] ||
		echo "left out: drivers and SDKs, which are tested with one version of the server"
	echo "$passed passed, $failed failed"
	[ $failed = 0 ]
}

if [ $# = 0 ]; then
	prepare
else
	run_suites "$1"
fi

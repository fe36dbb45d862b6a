#!/bin/sh
# Installs with apt what is missing for a purpose, and says what and why.
#
#     test/install-packages.sh build|demo|test|chroots
#
# Each need is tested by what it is used for, not by its package's name, so a
# PostgreSQL or a compiler that came another way counts.  If nothing is missing
# nothing is installed and apt is not asked.  A server that is already on the
# machine stays as it is: no cluster is created, and the script refuses if apt
# would have to upgrade a server that is running.
set -eu

purpose=$1
pg_config=${PG_CONFIG:-pg_config}
oldest=15

fail()
{
	printf '%s\n' "$@" >&2
	exit 1
}

# need PACKAGE WHY: PACKAGE is missing; @ stands for PostgreSQL's major version
missing=
need()
{
	missing="$missing$1	$2
"
}

have()
{
	command -v "$1" >/dev/null 2>&1
}

compiles()
{
	echo "$1" | "$2" -x c -o "$scratch/a.out" $3 - >/dev/null 2>&1
}

major_version()
{
	"$pg_config" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/'
}

# What the ordinary build and a private server need.
look_for_build()
{
	# the makefiles come with the client already, the headers do not
	if have "$pg_config" && [ -f "$("$pg_config" --pgxs)" ] &&
		[ -f "$("$pg_config" --includedir-server)/postgres.h" ]; then
		version=$(major_version)
		[ "$version" -ge $oldest ] ||
			fail "PostgreSQL $oldest or later is needed, $pg_config is of $version."
		[ -x "$("$pg_config" --bindir)/postgres" ] ||
			need postgresql-@ "the server that the private test server is run from"
	else
		[ "$pg_config" = pg_config ] ||
			fail "PG_CONFIG=$PG_CONFIG: there is no such program, or its PGXS or headers are missing."
		need postgresql-server-dev-@ "headers and makefiles to build a PostgreSQL extension"
		need postgresql-@ "the server that the private server is run from"
	fi
	have gcc || need gcc "the compiler"
	compiles '#include <stdio.h>
		int main(void) { return 0; }' cc '' ||
		need libc6-dev "headers of the C library"
	[ -f /usr/include/zlib.h ] ||
		need zlib1g-dev "zlib, for OTLP requests that come gzipped"
	[ -f /usr/include/zstd.h ] ||
		need libzstd-dev "zstd, for the archive and for requests that come compressed with it"
	[ -f /usr/include/lz4.h ] ||
		need liblz4-dev "LZ4, for the archive"
	have pkg-config || need pkg-config "finds the libraries of the receiver program"
	[ -f /usr/include/event2/event.h ] ||
		need libevent-dev "the event loop of the receiver program"
	[ -f /usr/include/nghttp2/nghttp2.h ] ||
		need libnghttp2-dev "HTTP/2, for the receiver program"
	[ -f /usr/include/openssl/ssl.h ] ||
		need libssl-dev "TLS, for the receiver program"
}

# The drivers that BI tools read the views through.  Python's are Debian's, so
# it is Debian's Python that must have them.
look_for_drivers()
{
	# a runtime alone cannot start a program from its source
	have java && java --list-modules 2>/dev/null | grep -q '^jdk.compiler' ||
		need default-jdk-headless "Java, for the test of the views through JDBC"
	[ -f /usr/share/java/postgresql.jar ] ||
		need libpostgresql-jdbc-java "the JDBC driver"
	[ -x /usr/bin/python3 ] ||
		need python3 "the test of the views through ODBC and SQLAlchemy"
	/usr/bin/python3 -c 'import pyodbc' 2>/dev/null ||
		need python3-pyodbc "ODBC for Python"
	grep -qs '^\[PostgreSQL Unicode\]' /etc/odbcinst.ini ||
		need odbc-postgresql "the ODBC driver"
	/usr/bin/python3 -c 'import sqlalchemy' 2>/dev/null ||
		need python3-sqlalchemy "SQLAlchemy"
	/usr/bin/python3 -c 'import psycopg2' 2>/dev/null ||
		need python3-psycopg2 "the driver that SQLAlchemy reads through"
}

# npm brings the OpenTelemetry SDK: the test installs a private copy.
look_for_receiver()
{
	have node || need nodejs "runs the OpenTelemetry SDK that sends to the receiver"
	have npm || need npm "installs the OpenTelemetry SDK"
}

# What the suites need beyond that.
look_for_test()
{
	have prove || need perl "prove, which runs the TAP suites"
	have pg_prove ||
		need libtap-parser-sourcehandler-pgtap-perl "pg_prove, which runs the pgTAP suite"
	have "$pg_config" &&
		[ -f "$("$pg_config" --sharedir)/extension/pgtap.control" ] ||
		need postgresql-@-pgtap "pgTAP, for the tests of the SQL interface"
	perl -MIPC::Run -e 1 2>/dev/null ||
		need libipc-run-perl "PostgreSQL's Perl test modules use it (restart, dump and restore)"
	have curl || need curl "a client of HTTP/2 as they are"
	have python3 ||
		need python3 "the independent model that the critical path is tested against"
	case "${WITHOUT_CLIENTS:-}  ${SUITES:-tap} " in
		" "*" tap "*)
			look_for_drivers
			look_for_receiver
			;;
	esac
	case " ${SUITES:-unit fuzz} " in
		*" unit "* | *" fuzz "*)
			have clang &&
				compiles 'int LLVMFuzzerTestOneInput(void) { return 0; }' clang \
					-fsanitize=fuzzer,address,undefined || {
				need clang "the compiler of unit tests and fuzzers"
				need libclang-rt-dev "the runtimes of its sanitizers and of libFuzzer"
			}
			[ "$(uname -m)" != x86_64 ] || compiles '#include <stdio.h>
				int main(void) { return 0; }' gcc -m32 ||
				need gcc-multilib "the core's tests as a 32-bit machine runs them"
			;;
	esac
	case " ${SUITES:-check} " in
		*" check "*)
			have clang-format-14 ||
				need clang-format-14 "the check of the sources' layout"
			;;
	esac
}

look_for_chroots()
{
	have debootstrap || need debootstrap "other Debian releases to test in"
	have unshare || need util-linux "unshare, which gives a chroot its own mounts"
}

# The version to install when there is none: that of a server which is there
# without its headers, else the distribution's.
choose_version()
{
	for version in $(ls /usr/lib/postgresql 2>/dev/null | sort -rn); do
		[ "$version" -ge $oldest ] &&
			[ -x "/usr/lib/postgresql/$version/bin/postgres" ] && return
	done
	version=$(apt-cache depends postgresql |
		sed -n 's/.*Depends: postgresql-\([0-9][0-9]*\)$/\1/p' | head -n 1)
	[ "${version:-0}" -ge $oldest ] ||
		fail "PostgreSQL $oldest or later is needed, this distribution has ${version:-none}." \
			"Install a later one and set PG_CONFIG to its pg_config."
}

# An upgrade of a package that runs a server now would restart that server.
refuse_to_touch_servers()
{
	have pg_lsclusters || return 0
	for running in $(pg_lsclusters -h | awk '$4 ~ /online/ {print $1}' | sort -u); do
		# shellcheck disable=SC2086
		apt-get -s install --no-install-recommends $1 |
			grep -q "^Inst postgresql-$running \[" || continue
		fail "To install$1 apt would upgrade and restart the PostgreSQL $running server that runs here." \
			"Do that yourself when it suits you, then try again."
	done
}

install_missing()
{
	as_root=
	if [ "$(id -u)" != 0 ]; then
		have sudo || fail "These packages are missing and there is no sudo to install them:" \
			"$(printf '%s' "$missing" | cut -f 1 | sed "s/@/${version:-VERSION}/")"
		as_root=sudo
	fi
	have apt-get || fail "Missing, and there is no apt-get to install them:" "$missing"

	# one that answers at all is enough: a third party's archive may be down
	$as_root apt-get -qq -o DPkg::Lock::Timeout=300 update || true
	[ -n "${version:-}" ] || choose_version

	packages=
	while IFS='	' read -r package why; do
		package=$(echo "$package" | sed "s/@/$version/")
		# the one need that the later releases cannot meet
		if [ "$package" = clang-format-14 ] &&
			! apt-cache show "$package" >/dev/null 2>&1; then
			echo "$package is not in this distribution"
			continue
		fi
		printf 'install %s: %s\n' "$package" "$why"
		packages="$packages $package"
	done <<-end
		$(printf '%s' "$missing")
	end
	[ -n "$packages" ] || return 0
	refuse_to_touch_servers "$packages"

	# The server's package would create and start a cluster of its own.
	dropin=/etc/postgresql-common/createcluster.d/distributed_trace.conf
	$as_root mkdir -p "${dropin%/*}"
	echo 'create_main_cluster = false' | $as_root tee "$dropin" >/dev/null
	status=0
	# shellcheck disable=SC2086
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
		-o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
		install --no-install-recommends $packages >"$scratch/apt.log" 2>&1 || status=$?
	$as_root rm -f "$dropin"
	[ $status = 0 ] || {
		cat "$scratch/apt.log" >&2
		fail "apt could not install$packages"
	}
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
version=

case $purpose in
	build) look_for_build ;;
	demo)
		look_for_build
		look_for_receiver
		;;
	test)
		look_for_build
		look_for_test
		;;
	chroots) look_for_chroots ;;
	*) fail "usage: $0 build|demo|test|chroots" ;;
esac
[ -z "$missing" ] || install_missing

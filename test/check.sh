#!/bin/bash
# Checks of the sources themselves, each one line of TAP:
#
#     test/check.sh                the sources
#     MODULE=... test/check.sh     also what the built module exports
#     PGHOST=... test/check.sh     also the objects of the extension, in a
#                                  database that it creates on that server
set -uo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C

number=0 failures=0

# check NAME COMMAND...: passes if the command prints nothing and succeeds
check()
{
	local name=$1 output

	shift
	number=$((number + 1))
	if output=$("$@" 2>&1) && [ -z "$output" ]; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		printf '%s\n' "$output" | head -n 40 | sed 's/^/#   /'
		failures=$((failures + 1))
		return 1
	fi
}

c_files()
{
	find src test bench -name '*.[ch]' -not -path '*/build/*' | sort
}

sources()
{
	find src -name '*.[ch]' | sort
}

# A file includes files of its own room and of those below it: docs/code.md.
includes_go_down()
{
	(sources; find test/unit test/fuzz -name '*.[ch]') | xargs perl -e '
		my $store = "core server store";
		my %below = (core => "core", network => "core network", server => "core server",
			store => $store, trace => "$store trace", latency => "$store latency",
			map => "$store map", formats => "$store formats",
			worker => "$store formats latency worker", top => "core",
			entry => "$store latency worker", test => "core network test");
		my %alone = map { $_ => 1 } qw(core network test);
		my %c_library = map { $_ => 1 } qw(assert ctype errno float inttypes limits
			lz4 math stdalign stdarg stdbool stddef stdint stdio stdlib string time zstd);
		sub floor_of {
			my $file = shift;
			return "test" if $file =~ m{^test/};
			return $1 if $file =~ m{^src/(\w+)/};
			return $file =~ /\.c$/ ? "entry" : "top";
		}
		for my $file (@ARGV) {
			my $floor = floor_of($file);
			my ($folder) = $file =~ m{^(.*)/};
			open my $in, "<", $file or die;
			while (<$in>) {
				if (/^\s*#\s*include\s*"(.*)"/) {
					my ($found) = grep { -e } "$folder/$1", "src/$1", "test/unit/$1";
					if (!$found) {
						print "$file:$.: includes \"$1\", which is the server\x27s or nobody\x27s\n"
							if $alone{$floor};
						next;
					}
					my $target = floor_of($found);
					next if $target eq "top" && !$alone{$floor};
					print "$file:$.: $floor includes \"$1\" of $target\n"
						unless grep { $_ eq $target } split / /, $below{$floor} // "";
				} elsif ($floor eq "core" && /^\s*#\s*include\s*<(.*)\.h>/ && !$c_library{$1}) {
					print "$file:$.: the core includes <$1.h>\n";
				}
			}
		}'
}

versions_are_tested_in_one_file()
{
	grep -rn PG_VERSION_NUM src --include='*.[ch]' | grep -v '^src/compat.h:'
	true
}

# varatt.h has to be included from 16 on, which compat.h does.
lengths_are_read_with_compat()
{
	grep -rlE '\b(SET_VARSIZE|VARDATA|VARSIZE)(_[A-Z]+)*\b' src --include='*.[ch]' | xargs grep -L '"compat\.h"' || true
}

# No function over 80 lines, its braces included.
functions_are_short()
{
	c_files | xargs awk '
		FNR == 1 { open = 0 }
		/^\{/ { open = FNR }
		/^\}/ {
			if (open && FNR - open + 1 > 80)
				printf "%s:%d: %d lines\n", FILENAME, open, FNR - open + 1
			open = 0
		}'
}

# Reports of a warning or more name an SQLSTATE.
errors_have_a_code()
{
	sources | xargs perl -0777 -ne '
		my $file = $ARGV;
		while (/\bereport\s*\(\s*(?:WARNING|ERROR|FATAL|PANIC)\b/g) {
			my ($start, $at, $depth) = ($-[0], $-[0], 0);
			my $text = substr($_, $start, 4000);
			$text =~ s/"(?:[^"\\]|\\.)*"/""/g;
			my $call = $text =~ /^ereport\s*(\((?:[^()]++|(?1))*\))/ ? $1 : $text;
			next if $call =~ /errcode/;
			my $line = 1 + (substr($_, 0, $start) =~ tr/\n//);
			print "$file:$line: no errcode\n";
		}'
}

# A function that SQL calls has a banner that begins with its name there.
sql_functions_have_a_banner()
{
	sources | grep '\.c$' | xargs perl -0777 -e '
		my %names;
		for my $part (glob "sql/parts/*.sql") {
			open my $in, "<", $part or die;
			for (split /;\n/, <$in>) {
				$names{$2}{$1} = 1 if /\bFUNCTION (\w+)\s*\(.*\bdt_(\w+)/s;
			}
		}
		for my $file (@ARGV) {
			open my $in, "<", $file or die;
			my $text = <$in>;
			while ($text =~ /^PG_FUNCTION_INFO_V1\(dt_(\w+)\)/mg) {
				my $name = $1;
				my $banner = $text =~ m{/\*\s*(?:\*\s*)?(\w+)\(((?!\*/).)*\*/\n(?:\w+ )?Datum\ndt_$name\(}s
					? $1 : "";
				print "$file: dt_$name has no banner\n"
					unless $names{$name} ? $names{$name}{$banner} : $banner;
			}
		}'
}

# What the stored format calls its members is said once, and in docs/storage.md.
stored_names_are_declared_once()
{
	perl -e '
		my ($header, $manual, @files) = @ARGV;
		local $/;
		sub text { open my $in, "<", shift or die; my $text = <$in>; return $text }
		my $docs = text($manual);
		my $declared = text($header);
		my ($version) = $declared =~ /^#define OTEL_FORMAT_VERSION (\d+)/m;
		print "$manual: does not tell version $version of the format\n"
			unless $docs =~ /version $version of the format/;
		my %declared = reverse $declared =~ /^#define (OTEL\w*) "(\w+)"/mg;
		print "$manual: does not tell $_\n" for grep { $docs !~ /[`"]$_[`"]/ } sort keys %declared;
		# the others are words of other formats, or columns, as well
		my $own = join "|", grep { $_ eq "otel" || /^reported$|_(?:ns|us|count|message|keys|refs|url)$/ } keys %declared;
		for my $file (grep { $_ ne $header } @files) {
			my $code = text($file);
			$code =~ s{/\*.*?\*/}{$& =~ tr/\n//cdr}seg;
			while ($code =~ /"(?:$own)"|[{,](?:otel)[,}]/g) {
				my $line = 1 + (substr($code, 0, $-[0]) =~ tr/\n//);
				print "$file:$line: $&, which has a name in $header\n";
			}
		}' src/store/otel_member.h docs/storage.md $(sources)
}

files_begin_with_a_comment()
{
	c_files | while read -r file; do
		[ "$(head -c 2 "$file")" = '/*' ] || echo "$file"
	done
	for file in sql/parts/*.sql; do
		[[ "$(head -c 2 "$file")" =~ ^(/\*|--)$ ]] || echo "$file"
	done
}

no_marks_of_unfinished_work()
{
	grep -rnwE --include='*.[ch]' --include='*.sql' --include='*.sh' --include='*.pl' \
		'TODO|FIXME|XXX' src sql test bench demo 2>/dev/null | grep -v '^test/check.sh:'
	true
}

layout()
{
	command -v clang-format-14 >/dev/null || {
		echo "clang-format-14 is not installed, and the layout differs from version to version"
		return 1
	}
	c_files | xargs clang-format-14 --dry-run -Werror
}

typedefs_are_current()
{
	test/typedefs.sh | diff typedefs.list -
}

# The control file has the version; META.json and the changelog follow.
version_is_one()
{
	local version

	version=$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" distributed_trace.control)
	perl -MJSON::PP -e '
		my ($version) = @ARGV;
		local $/;
		open my $in, "<", "META.json" or die;
		my $meta = decode_json(<$in>);
		my $provides = $meta->{provides}{distributed_trace};
		print "META.json: version $meta->{version}, not $version\n" if $meta->{version} ne $version;
		print "META.json: provides $provides->{version}, not $version\n"
			if $provides->{version} ne $version;
		print "META.json: file $provides->{file}\n"
			if $provides->{file} ne "sql/distributed_trace--$version.sql";' "$version"
	grep -m 1 '^## ' CHANGELOG.md | grep -qE "^## ${version//./\\.}( |\$)" ||
		echo "CHANGELOG.md: its first entry is not $version"
}

# Citus takes no plain ALTER TABLE in an extension's script: CONTRIBUTING.md.
steps_alter_no_table_plainly()
{
	grep -inE '^[[:space:]]*ALTER[[:space:]]+TABLE' sql/upgrades/*.sql sql/parts/*.sql
	true
}

# Comments take no more than 90 columns, tabs being of 4.
comments_are_not_wide()
{
	sources | xargs perl -CSD -ne '
		1 while s/^([^\t]*)\t/$1 . " " x (4 - length($1) % 4)/e;
		chomp;
		print "$ARGV:$.: ", length, " columns\n" if m{^ *(/\*|\*)} && length > 90;
		close ARGV if eof;'
}

# What a version that is out installed never changes.
released_scripts_are_frozen()
{
	sha256sum --quiet -c sql/released.sha256
}

only_sql_functions_are_exported()
{
	nm -D --defined-only "$MODULE" | awk '
		{ name = $3; sub(/@.*/, "", name) }
		name !~ /^(dt_|pg_finfo_dt_)/ && name !~ /^(Pg_magic_func|_PG_init|_PG_fini)$/ { print name }'
}

# rows QUERY: prints what the query finds wrong
rows()
{
	psql -XAtq -v ON_ERROR_STOP=1 -d check_objects <<-end
		WITH member AS (
			SELECT classid, objid FROM pg_depend
			WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
				AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'distributed_trace')),
		-- called by the system alone: of types and of aggregates
		inner_function AS (
			SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend, typmodin, typmodout,
				typanalyze]::oid[]) AS oid FROM pg_type
			UNION SELECT unnest(ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn,
				aggdeserialfn, aggmtransfn, aggminvtransfn, aggmfinalfn]::oid[]) FROM pg_aggregate)
		$1
	end
}

objects_are_commented()
{
	rows "
		SELECT pg_describe_object(classid, objid, 0) FROM member
		WHERE (classid = 'pg_proc'::regclass AND objid NOT IN (SELECT oid FROM inner_function)
				OR classid = 'pg_type'::regclass AND objid NOT IN
					(SELECT typarray FROM pg_type
						UNION SELECT reltype FROM pg_class WHERE relkind <> 'c')
				OR classid = 'pg_class'::regclass AND objid IN
					(SELECT oid FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f'))
				OR classid IN ('pg_operator'::regclass, 'pg_opclass'::regclass, 'pg_event_trigger'::regclass))
			AND obj_description(objid, classid::regclass::name) IS NULL
		UNION ALL
		SELECT format('column %s of %s', attname, attrelid::regclass)
		FROM member JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid
			JOIN pg_attribute a ON attrelid = c.oid
		WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND attnum > 0 AND NOT attisdropped
			AND col_description(attrelid, attnum) IS NULL
		ORDER BY 1"
}

objects_have_our_prefixes()
{
	rows "
		SELECT pg_describe_object(classid, objid, 0)
		FROM member LEFT JOIN pg_proc p ON classid = 'pg_proc'::regclass AND p.oid = objid
			LEFT JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid
			LEFT JOIN pg_type t ON classid = 'pg_type'::regclass AND t.oid = objid
		WHERE coalesce(proname, relname, typname) !~ '^_?(trace|span|latency|distributed_trace)_'
		ORDER BY 1"
}

c_functions_have_our_symbols()
{
	rows "
		SELECT oid::regprocedure, prosrc FROM pg_proc
		WHERE oid IN (SELECT objid FROM member WHERE classid = 'pg_proc'::regclass)
			AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') AND prosrc !~ '^dt_'"
}

# They would read the empty shell of a table whose rows lie on other nodes.
sql_functions_name_no_table()
{
	rows "
		SELECT DISTINCT format('%s reads %s', p.oid::regprocedure, d.refobjid::regclass)
		FROM pg_proc p JOIN member ON member.classid = 'pg_proc'::regclass AND member.objid = p.oid
			JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
				AND d.refclassid = 'pg_class'::regclass
			JOIN member r ON r.classid = d.refclassid AND r.objid = d.refobjid
			JOIN pg_class c ON c.oid = d.refobjid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
		WHERE p.prolang = (SELECT oid FROM pg_language WHERE lanname = 'sql')
		ORDER BY 1"
}

# Every version that is out, updated, has what a new installation has.
updates_give_what_is_new()
{
	local script version

	psql -XAtq -v ON_ERROR_STOP=1 -d check_objects -f test/catalog.sql >"$catalogs/new" || return 1
	for script in sql/upgrades/*.sql; do
		version=$(basename "${script%--*}")
		psql -Xq -v ON_ERROR_STOP=1 -d postgres -c "CREATE DATABASE check_update" -c '\c check_update' \
			-c "CREATE EXTENSION distributed_trace VERSION '$version'" \
			-c 'ALTER EXTENSION distributed_trace UPDATE' || return 1
		psql -XAtq -v ON_ERROR_STOP=1 -d check_update -f test/catalog.sql |
			diff "$catalogs/new" - | sed "s/^/$version: /"
		psql -Xq -d postgres -c 'DROP DATABASE check_update'
	done
}

check "files include only downwards" includes_go_down
check "PG_VERSION_NUM is tested in compat.h alone" versions_are_tested_in_one_file
check "what reads the length of a value includes compat.h" lengths_are_read_with_compat
check "no function is over 80 lines" functions_are_short
check "every error has an errcode" errors_have_a_code
check "every SQL function in C has a banner with its name" sql_functions_have_a_banner
check "names of the stored format are declared once" stored_names_are_declared_once
check "every source file begins with a comment" files_begin_with_a_comment
check "no marks of unfinished work" no_marks_of_unfinished_work
check "the version is the same everywhere" version_is_one
check "the scripts of released versions are as they were" released_scripts_are_frozen
check "no script alters a table plainly" steps_alter_no_table_plainly
check "comments are not wide" comments_are_not_wide
check "the C sources are laid out by clang-format 14" layout
check "typedefs.list is current" typedefs_are_current
if [ -n "${MODULE:-}" ]; then
	check "only SQL functions are exported" only_sql_functions_are_exported
fi
if [ -n "${PGHOST:-}" ]; then
	check "the extension can be created" psql -Xq -v ON_ERROR_STOP=1 -d postgres \
		-c 'CREATE DATABASE check_objects' -c '\c check_objects' \
		-c 'CREATE EXTENSION distributed_trace' && {
		check "every object is commented" objects_are_commented
		check "every object's name has one of our prefixes" objects_have_our_prefixes
		check "no function of LANGUAGE SQL names a table" sql_functions_name_no_table
		catalogs=$(mktemp -d)
		check "an update gives what a new installation has" updates_give_what_is_new
		rm -rf "$catalogs"
		check "every C function's symbol begins with dt_" c_functions_have_our_symbols
	}
fi
echo "1..$number"
[ $failures = 0 ]

#!/bin/sh
# Prints the names of the types that the sources define, for typedefs.list,
# which pgindent and editors read.
set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C
find src -name '*.[ch]' | sort | xargs perl -0777 -ne '
	s{/\*.*?\*/}{}gs;
	print "$1\n" while /^typedef\s+(?:struct|enum|union)\b[^;{]*\{.*?^\}\s*(\w+)\s*;/gms;
	print "$1\n" while /^typedef\s+[^;{}]*\(\*(\w+)\)\s*\(/gm;
	print "$1\n" while /^typedef\s+[^;{}()]*?\b(\w+)\s*(?:\[[^\]]*\])?;/gm;
' | sort -u

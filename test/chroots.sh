#!/bin/bash
# Runs the server's suites on other PostgreSQL versions, each in the Debian
# release that has it, in a chroot.
#
#     test/chroots.sh [SUITE...]      trixie (PostgreSQL 17), forky (18)
#
# It needs root, because chroot and mount do.  The chroots are made once, with
# debootstrap from the mirror that apt already uses (or DEBIAN_MIRROR), and are
# kept in a cache.  Each starts from the least that a machine has, so the run
# also shows that "make test" installs what it needs.  The last line of the
# output is the sum of all releases.
set -euo pipefail

source=$(cd "$(dirname "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/distributed_trace/chroots
suites=${SUITES:-regress isolation pgtap tap}
releases=${*:-trixie forky}

fail()
{
	echo "$@" >&2
	exit 1
}

# The settings of apt that decide how it reaches a mirror.
transport_settings()
{
	apt-config dump | grep -E '^Acquire::(http|https|Retries|Check-|ForceIPv)' || true
}

# The archive that this machine's apt takes its main packages from.
mirror()
{
	if [ -n "${DEBIAN_MIRROR:-}" ]; then
		echo "$DEBIAN_MIRROR"
	else
		apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL) $(COMPONENT)' \
			'Created-By: Packages' | awk '$2 == "Debian" && $3 == "Debian" && $4 == "main" {print $1; exit}'
	fi
}

# create_chroot RELEASE: complete, or not there at all
create_chroot()
{
	local dir=$cache/$1 building=$cache/$1.new script=
	local url

	url=$(mirror)
	[ -n "$url" ] || fail "This machine's apt uses no Debian mirror: set DEBIAN_MIRROR to one's URL."
	# a release newer than this machine's debootstrap is set up as sid is
	[ -e "/usr/share/debootstrap/scripts/$1" ] || script=/usr/share/debootstrap/scripts/sid
	rm -rf "$building"
	mkdir -p "$building"
	debootstrap --variant=minbase --include=make "$1" "$building" "$url" $script \
		>"$building.log" 2>&1 || {
		tail -n 20 "$building.log" >&2
		fail "debootstrap could not make $1 (log: $building.log)"
	}
	printf '#!/bin/sh\nexit 101\n' >"$building/usr/sbin/policy-rc.d"
	chmod 755 "$building/usr/sbin/policy-rc.d"
	transport_settings >"$building/etc/apt/apt.conf.d/90transport"
	mv "$building" "$dir"
}

# run_in_chroot RELEASE: the suites, on the tree as it is now
run_in_chroot()
{
	local dir=$cache/$1

	cp /etc/resolv.conf /etc/hosts "$dir/etc/" 2>/dev/null || true
	rm -rf "$dir/distributed_trace"
	mkdir "$dir/distributed_trace"
	tar -C "$source" --exclude-vcs --exclude='*.o' --exclude='*.bc' --exclude='*.so' -cf - . |
		tar -C "$dir/distributed_trace" --no-same-owner -xf -
	# in a process namespace too: whatever a broken run leaves dies with it
	unshare --mount --propagation private --pid --fork --kill-child sh -c '
		mount -t proc proc "$1/proc"
		mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
		exec chroot "$1" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
			SUITES="$2" WITHOUT_CLIENTS=1 CI="${CI:-}" http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" \
			sh -c "dpkg --configure -a && make -s -C /distributed_trace test"' \
		sh "$dir" "$suites" </dev/null
}

[ "$(id -u)" = 0 ] || fail "make test-all needs root, for chroot and mount: sudo make test-all"
"$source/test/install-packages.sh" chroots
mkdir -p "$cache"
# one run at a time: two would install into the same chroot
exec 9>"$cache/lock"
flock 9
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

passed=0 failed=0
for release in $releases; do
	SECONDS=0
	[ -d "$cache/$release" ] || create_chroot "$release"
	echo "--- $release: chroot ready after $SECONDS s"
	status=0
	run_in_chroot "$release" 2>&1 | tee "$results/$release" || status=$?
	line=$(grep -xE '[0-9]+ passed, [0-9]+ failed' "$results/$release" | tail -n 1) || true
	if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
		passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
		[ $status = 0 ] || [ "${BASH_REMATCH[2]}" != 0 ] || failed=$((failed + 1))
	else
		echo "$release: the run ended without a result"
		failed=$((failed + 1))
	fi
	echo "--- $release: $SECONDS s"
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]

#!/usr/bin/env bash
# Builds and tests this checkout in an empty Debian: a minbase debootstrap of SUITE below
# build/debian, kept for the next time, in which .ci/deps installs what is missing. Root only; not
# part of CI. Usage: tests/debian.sh SUITE [COMMAND…]: a command replaces the tests.
# Its last line is "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
suite=${1:?"usage: tests/debian.sh SUITE [COMMAND…], as root; SUITE is bookworm, trixie …"}
shift
root=$PWD/build/debian/$suite

if [ "${IN_NAMESPACE:-}" != 1 ]; then
	if [ ! -e "$root.made" ]; then
		command -v debootstrap >/dev/null || { echo "$0: debootstrap is missing" >&2; exit 1; }
		rm -rf "$root"
		mkdir -p "$root"
		debootstrap --variant=minbase --include=make,ca-certificates "$suite" "$root" \
			>"$root.log" 2>&1 || { tail -n 5 "$root.log" >&2; exit 1; }
		touch "$root.made"
	fi
	# mounts of its own: none outlives this script
	IN_NAMESPACE=1 exec unshare --mount --pid --fork "$0" "$suite" "$@"
fi

mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
apt-config dump | grep -E '^Acquire::' | grep -v '""' >"$root/etc/apt/apt.conf.d/90host" || true
mkdir -p "$root/root/layerd"
find "$root/root/layerd" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
git ls-files -z --cached --others --exclude-standard | tar -c --null -T - | tar -x -C "$root/root/layerd"

# not by chroot, in which nobody may make a user namespace
inside() {
	unshare --mount bash -ec 'cd "$1" && shift
		pivot_root . mnt && umount -l mnt
		exec env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
			bash -c "cd /root/layerd && \"\$@\"" inside "$@"' inside "$root" "$@"
}
inside .ci/deps build test
if [ $# != 0 ]; then
	inside "$@"
	exit
fi
inside bash -c '. /etc/os-release; echo "$PRETTY_NAME, $(gcc --version | head -n 1), mbedTLS $(dpkg-query -W -f "\${Version}" libmbedtls-dev)"'
inside make --no-print-directory -j"$(nproc)" all units

passed=0
failed=0
part() {
	local line
	line=$(inside "$@" 2>&1 | tee "$root.part" | tail -n 1)
	echo "$*: $line"
	if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + BASH_REMATCH[2]))
		[ "${BASH_REMATCH[2]}" != 0 ] || return 0
	else
		failed=$((failed + 1))
	fi
	tests/failures "$root.part" | cut -c1-300 | sed 's/^/        /'
}
for room in tl proto core daemon sandbox; do
	part "build/release/test/$room"
done
part tests/box/run build/release
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

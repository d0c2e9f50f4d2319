#!/usr/bin/env bash
# Proves that each check of tests/lint.sh can fail: a copy of the house, one deliberate violation at
# a time, and the check must name the file it was put into.
set -u
cd "$(dirname "$0")/.." || exit 1
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
bad=0
tried=0

git ls-files -co --exclude-standard -z -- '*.[ch]' '*.def' Makefile .clang-format systemd tests/lint.sh |
	xargs -0 cp --parents -t "$copy"
mkdir -p "$copy/build"
(cd "$copy" && git init -q .)

lint() { (cd "$copy" && LINT_ROOT=$copy tests/lint.sh build "$1"); }
# violation CHECK FILE TEXT: appends the text to the file, expects a complaint about it, takes it away.
violation() {
	local check=$1 file=$2 text=$3 saved="" out
	tried=$((tried + 1))
	mkdir -p "$(dirname "$copy/$file")"
	[ ! -e "$copy/$file" ] || { saved=$copy/.saved; cp "$copy/$file" "$saved"; }
	printf '%b\n' "$text" >>"$copy/$file"
	[ "${file##*.}" != sh ] || chmod -x "$copy/$file"
	out=$(lint "$check")
	if ! echo "$out" | grep '^ ' | grep -q "$file"; then
		echo "        $check did not notice in $file: $text"
		bad=$((bad + 1))
	fi
	if [ -n "$saved" ]; then mv "$saved" "$copy/$file"; else rm -f "$copy/$file"; fi
}
# archive ROOM OBJECT CODE CHECK: the same for compiled code.
archive() {
	tried=$((tried + 1))
	rm -rf "$copy/build"
	mkdir -p "$copy/build/$1" "$copy/$1"
	printf '%b\n' "$3" | cc -x c -w -O2 -fPIE -D_FORTIFY_SOURCE=2 -fdata-sections -c -o "$copy/build/$1/$2.o" -
	: >"$copy/$1/any.c"
	for room in tl proto core; do ar rcs "$copy/build/lib$room.a"; done
	ar rcs "$copy/build/lib$1.a" "$copy/build/$1/$2.o"
	if ! lint "$4" | grep '^ ' | grep -q "$1"; then
		echo "        $4 did not notice in $1/$2.o: $3"
		bad=$((bad + 1))
	fi
	rm -f "$copy/$1/any.c"
}

violation layers tl/bad.c '#include "proto/proto.h"'
violation layers proto/bad.c '#include "core/core.h"'
violation layers core/bad.c '#include "daemon/daemon.h"'
violation layers daemon/bad.c '#include "proto/wire.h"'
violation layers clients/bad.c '#include "core/core.h"'
violation layers tests/sandbox/bad.c '#include "proto/wire.h"'
violation layers tests/unit/tl/bad.c '#include "proto/proto.h"'
violation layers proto/bad.c '#include <jansson.h>'
violation layers core/bad.c '#include <zlib.h>'
violation layers core/bad.c '#include <mbedtls/aes.h>'
violation layers daemon/bad.c '#include <lmdb.h>'
violation layers tl/bad.c '#include <unistd.h>'
violation sizes tl/bad.c "$(yes 'int x;' | head -n 801)"
violation sizes tl/bad.c "int f(void)\n{\n$(yes '\t;' | head -n 101)\n}"
violation sizes tl/tl.h "$(yes '/* */' | head -n 221)"
violation format tl/bad.c 'int   f( void ) { return 0 ; }'
violation banned tl/bad.c '/* x */\nvoid f(char *a, char *b)\n{\n\tstrcpy(a, b);\n}'
violation banned tl/bad.c '/* x */\nint n = sprintf (a, "x");'
violation banned tl/bad.c '/* x */\ntypedef struct x { int y; } x;'
violation banned tl/bad.c '/* x */\n/* TODO: later */'
violation banned tl/bad.c '/* x */\n#if 0\n#endif'
violation banned tl/bad.c 'int headless;'
violation scripts tests/bad.sh '#!/usr/bin/env bash\nif then'
violation scripts tests/bad.py '#!/usr/bin/env python3\ndef f(:'
archive tl bad '#include <time.h>\nlong f(void) { return time(0); }' purity
archive proto bad '#include <unistd.h>\nlong f(char *p, long n) { char b[9]; return read(0, b, n) + b[0]; }' purity
archive core bad '#include <stdio.h>\nvoid f(void) { puts("x"); }' purity
archive core bad '#include <stdio.h>\nint f(char *p, int n) { return snprintf(p, 9, "%d", n); }' purity
archive proto bad 'void ev_now(void); void f(void) { ev_now(); }' purity
archive core bad 'static int x = 3; int *f(void) { return &x; }' globals
archive proto bad 'static int x; int f(void) { return ++x; }' globals
archive tl bad 'int x;' globals

# What is allowed must pass, or the checks above prove nothing.
clean() {
	tried=$((tried + 1))
	if [ "$(lint "$1" | tail -n 1)" != "1 passed, 0 failed" ]; then
		echo "        $1 complains without a violation"
		bad=$((bad + 1))
	fi
}
archive core store_lmdb '#include <stdio.h>\nint x; void f(void) { puts("x"); }' globals
rm -f "$copy/build/core/"*.o
clean purity # store_lmdb.o may
clean globals
clean scripts

if [ "$bad" = 0 ]; then echo "ok      each check can fail ($tried cases)"; else echo "FAILED  each check can fail: $bad of $tried cases"; fi
[ "$bad" = 0 ]

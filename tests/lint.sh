#!/usr/bin/env bash
# make lint: what a script can check of the house rules. tests/lint.sh BUILD_DIR [CHECK…] runs all
# checks or the named ones over the release build in BUILD_DIR; tests/lint_test.sh proves that each
# of them can fail. A check prints what is wrong, a line each; silence is consent.
set -u
export LC_ALL=C
cd "${LINT_ROOT:-$(dirname "$0")/..}" || exit 1
build=${1:?"usage: tests/lint.sh BUILD_DIR [CHECK…]"}
shift

rooms="tl proto core daemon"
# Mutable state at file scope that may exist: "object:symbol reason", a line each.
globals_allowed="
kernel.o:cpu what the processor can do, asked once
"

sources() { find schema tl proto core daemon clients tests -name '*.[ch]' 2>/dev/null | sort; }
# The source without comments and without the insides of strings, lines kept where they are.
code() {
	awk '
	{
		line = $0; out = ""; n = length(line)
		for (i = 1; i <= n; i++) {
			c = substr(line, i, 1); two = substr(line, i, 2)
			if (in_comment) {
				if (two == "*/") { in_comment = 0; i++ }
			} else if (quote != "") {
				if (c == "\\") i++
				else if (c == quote) { quote = ""; out = out c }
			} else if (two == "/*") { in_comment = 1; i++ }
			else if (two == "//") break
			else { if (c == "\"" || c == "\047") quote = c; out = out c }
		}
		quote = ""
		print out
	}' "$1"
}

# ---- layers: tl <- proto <- core <- daemon, by #include --------------------------------------------
# Which rooms a file may include beside its own; "house" is everything.
may_include() {
	case $1 in
	tl/*) echo "tl" ;;
	proto/*) echo "proto tl" ;;
	core/*) echo "core proto tl" ;;
	daemon/*) echo "daemon core tl" ;;
	clients/*) echo "clients tl" ;;
	schema/*) echo "schema" ;;
	tests/sandbox/*) echo "tests proto tl" ;;
	tests/unit/tl/*) echo "tests tl" ;;
	tests/unit/proto/*) echo "tests proto tl" ;;
	tests/unit/core/*) echo "tests core proto tl" ;;
	tests/unit/daemon/*) echo "tests daemon core proto tl" ;;
	tests/unit/sandbox/*) echo "tests proto tl" ;;
	tests/*) echo "tests clients daemon core proto tl schema" ;;
	esac
}
front_door() {
	case $1 in
	tl/tl.h | tl/compat.h | tl/errors.def | proto/proto.h | proto/proxy.h | proto/gcm.h | proto/temporary.h | proto/secret.h) return 0 ;;
	core/core.h | core/login.h | core/store.h | core/seal.h | core/string_session.h | daemon/daemon.h) return 0 ;;
	esac
	return 1
}
# Whose internal headers a file may use: its own room's; a unit test's are those of the room it tests.
inside() {
	case $1 in
	tests/unit/*) echo "tests $(echo "$1" | cut -d/ -f3)" ;;
	*) echo "${1%%/*}" ;;
	esac
}
library_door() { # header, file: may this file include that library?
	case $1 in
	mbedtls/* | psa/*) [[ $2 == proto/@(crypto|bignum|rsa|gcm).c || $2 == tests/* ]] ;;
	zlib.h) [[ $2 == proto/gzip.c || $2 == tests/* ]] ;;
	lmdb.h) [[ $2 == core/store_lmdb.c || $2 == core/store_check.c || $2 == tests/unit/core/* || $2 == tests/bench/* ]] ;;
	pcre2.h) [[ $2 == daemon/pattern.c ]] ;;
	ev.h) [[ $2 == daemon/* || $2 == tests/* ]] ;;
	jansson.h) [[ $2 == tl/json_in.c || $2 == core/* || $2 == daemon/* || $2 == clients/* || $2 == tests/* ]] ;;
	sys/socket.h | sys/un.h | netinet/* | arpa/inet.h | netdb.h | poll.h | sys/epoll.h | unistd.h | time.h | sys/time.h | sys/random.h | pthread.h | fcntl.h | signal.h)
		[[ $2 == daemon/* || $2 == clients/* || $2 == tests/* || $2 == schema/* || $2 == core/store_*.c ]] ;;
	*) true ;;
	esac
}
check_layers() {
	local file kind header room
	sources | while read -r file; do
		sed -nE 's/^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"].*/\1 \2/p' "$file" | while read -r kind header; do
			if [ "$kind" = "<" ] || [[ $header == mbedtls/* ]]; then
				library_door "$header" "$file" || echo "$file: <$header> is not for this file"
				continue
			fi
			case $header in
			tl_schema*.h) room=tl ;;
			*/*) room=${header%%/*} ;;
			*) # beside the file itself
				[ -e "$(dirname "$file")/$header" ] || [[ $header == *_schema.h ]] ||
					echo "$file: \"$header\": write the path from the top"
				continue
				;;
			esac
			[[ " $(may_include "$file") " == *" $room "* ]] ||
				echo "$file: \"$header\": ${file%%/*} must not know $room"
			[[ $header == tl_schema*.h ]] || front_door "$header" ||
				[[ " $(inside "$file") " == *" $room "* ]] || [[ $file == tests/fuzz/* || $file == tests/bench/* ]] ||
				echo "$file: \"$header\" is internal to $room"
		done
	done
}

# ---- purity: what the sans-IO archives ask of libc --------------------------------------------------
impure='socket|socketpair|connect|bind|listen|accept4?|shutdown|send|sendto|sendmsg|recv|recvfrom|recvmsg|getaddrinfo|poll|ppoll|select|epoll_.*|eventfd|timerfd_.*|pipe2?|read|pread(64)?|readv|write|pwrite(64)?|writev|open(64)?|openat(64)?|creat|close|f?stat(64)?|lstat(64)?|unlink|rename|mkdir|mmap(64)?|fopen(64)?|fdopen|freopen|fclose|fread|fwrite|fgets|fputs|fputc|putchar|puts|perror|getc|getline|fflush|stdin|stdout|stderr|time|clock|clock_gettime|clock_nanosleep|gettimeofday|nanosleep|u?sleep|localtime(_r)?|getrandom|getentropy|random|s?random_r|rand|srand|rand_r|arc4random.*|printf|fprintf|dprintf|vprintf|vfprintf|vdprintf|sprintf|vsprintf|asprintf|vasprintf|syslog|vsnprintf|getenv|secure_getenv|setenv|system|popen|fork|exec.*|exit|_exit|signal|sigaction|pthread_.*|ev_.*'
undefined() { # ARCHIVE: "object symbol", fortified and versioned names made plain
	nm -A -u "$1" 2>/dev/null | sed -E 's/^[^:]*:([^:]*):[ \t]*[Uwv] /\1 /; s/@.*//; s/ __isoc[0-9]+_/ /; s/ __(.*)_chk$/ \1/; s/ __(read|open|recv|recvfrom|pread64|openat|open64)_2$/ \1/'
}
check_purity() {
	local room archive doors
	for room in tl proto core; do
		archive=$build/lib$room.a
		compgen -G "$room/*.c" >/dev/null || continue
		[ -e "$archive" ] || make -s B="$build" MODE=release "$archive" >/dev/null 2>&1 ||
			{ echo "$archive cannot be built"; continue; }
		undefined "$archive" | grep -vE '^store_[a-z]+\.o ' |
			grep -E "^[^ ]+ ($impure)\$" | sed "s|^|$archive: |"
		doors=$(undefined "$archive" | awk '$2 == "snprintf" {print $1}' | sort -u | wc -l)
		[ "$doors" -le "$([ $room = tl ] && echo 1 || echo 0)" ] ||
			echo "$archive: snprintf in $doors objects: $(undefined "$archive" | awk '$2 == "snprintf" {print $1}' | sort -u | tr '\n' ' ')"
	done
}

# ---- sizes ------------------------------------------------------------------------------------------
check_sizes() {
	local file lines
	for file in $(sources); do
		lines=$(wc -l <"$file")
		[ "$lines" -le 800 ] || echo "$file: $lines lines, at most 800"
		! front_door "$file" || [[ $file == *.def ]] || [ "$lines" -le 220 ] ||
			echo "$file: a front door of $lines lines, at most 220"
		awk -v file="$file" '/^\{$/ {start = NR} /^\}$/ && start {
			if (NR - start - 1 > 100) print file ":" start ": a function of " NR - start - 1 " lines, at most 100"
			start = 0 }' "$file"
	done
	for file in $(find tests clients .ci -type f \( -name '*.py' -o -name '*.sh' -o -name run \) 2>/dev/null | grep -v node_modules); do
		lines=$(wc -l <"$file")
		[ "$lines" -le 800 ] || echo "$file: $lines lines, at most 800"
	done
}
note_sizes() {
	local file lines long=0 tall=0
	for file in $(sources); do
		lines=$(wc -l <"$file")
		[ "$lines" -le 600 ] || long=$((long + 1))
		tall=$((tall + $(awk '/^\{$/ {start = NR} /^\}$/ && start {if (NR - start - 1 > 60) n++; start = 0} END {print n + 0}' "$file")))
	done
	echo "$long files over 600 lines, $tall functions over 60"
}

# ---- format, banned words -----------------------------------------------------------------------------
check_format() { sources | xargs clang-format --dry-run -Werror 2>&1 | grep 'error:'; }
check_banned() {
	local file
	for file in $(sources); do
		code "$file" | awk -v file="$file" '
			/(^|[^a-zA-Z0-9_])(strcpy|strcat|sprintf|vsprintf|gets|strtok|alloca|stpcpy|tmpnam|mktemp)[ \t]*\(/ {
				print file ":" NR ": banned call: " $0 }
			/(^|[^a-zA-Z0-9_])typedef[ \t]+(struct|union)/ { print file ":" NR ": typedef of a struct" }
			/^#[ \t]*if[ \t]+0/ { print file ":" NR ": dead code" }'
		grep -nE '(^|[^A-Za-z0-9_])((TODO|FIXME|HACK)([^A-Za-z0-9_]|$)|XXX([^X]|$))' "$file" | sed "s|^|$file:|"
		case $file in
		tl/* | proto/* | core/* | daemon/* | clients/* | schema/*)
			head -n 1 "$file" | grep -q '^/\*' || echo "$file: does not open with what lives here" ;;
		esac
	done
	grep -q -- -Wvla Makefile || echo "Makefile: -Wvla is gone"
}

# ---- mutable globals: the sections say it, whatever the source looks like -----------------------------
check_globals() {
	local file name
	find "$build" -name '*.o' -path '*/*' ! -path '*/tests/unit/*' ! -path '*/tests/fuzz/*' \
		! -path '*/schema/*' ! -name 'harness*.o' 2>/dev/null | sort | while read -r file; do
		nm -f sysv "$file" | awk -F'|' -v file="$file" '
			{ gsub(/ /, "", $1); gsub(/ /, "", $7) }
			$7 ~ /^(\.t?data|\.t?bss|COMMON)/ && $7 !~ /^\.data\.rel\.ro/ && $1 !~ /^\.|^__(odr|asan|ubsan|gcov)/ { print file ": " $1 " in " $7 }'
	done | while read -r file name; do
		echo "$globals_allowed" | grep -q "^$(basename "${file%:}"):${name%% *} " || echo "$file $name"
	done
}

# ---- both compilers, without a word (-Werror is in the flags) -------------------------------------------
compile() { # COMPILER FOLDER
	local log
	if log=$(make --no-print-directory CC="$1" B="$2" MODE=release -j"$(nproc)" all units 2>&1); then
		echo "$log" | grep -a 'warning:'
	else
		echo "$log" | grep -aE 'warning:|error:|undefined|\*\*\*' || echo "make CC=$1 failed"
	fi
}
check_gcc() { # the release build itself, where cc is gcc
	if cc -v 2>&1 | grep -q '^gcc version'; then compile gcc "$build"; else compile gcc build/lint/gcc; fi
}
check_clang() { compile clang build/lint/clang; }

# ---- what is not C -------------------------------------------------------------------------------------
check_scripts() {
	local file
	git ls-files -co --exclude-standard 2>/dev/null | while read -r file; do
		[ -f "$file" ] || continue
		case $(head -n 1 "$file" | tr -d '\0') in
		'#!'*bash* | '#!'*/sh) bash -n "$file" 2>&1 ;;
		'#!'*python3*) python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$file" 2>&1 | tail -n 1 ;;
		esac
		case $file in *.sh | */run | *.py) [ -x "$file" ] || ! head -n 1 "$file" | grep -q '^#!' || echo "$file: not executable" ;; esac
	done
}
check_units() { # RELIABILITY T53: hardening of the units by systemd's own measure, and what make install puts where
	local verdict unit all folder
	[ -e systemd/layerd.service ] || return 0
	command -v systemd-analyze >/dev/null 2>&1 || { echo "systemd-analyze is not here"; return 0; }
	folder=$(mktemp -d)
	make -s B="$build" MODE=release all >/dev/null 2>&1
	touch "$folder/before"
	make -s B="$build" MODE=release PREFIX=/usr DESTDIR="$folder" install >/dev/null 2>&1 || echo "make install failed"
	find "$build" -newer "$folder/before" | sed 's/$/: made by make install, as root/'
	for unit in layerd@.service layerd-ro@.socket layerd-admin@.socket layerd@.socket; do
		[ -e "$folder/usr/lib/systemd/system/$unit" ] || echo "make install has no $unit"
	done
	for unit in layerd.service layerd@.service; do
		verdict=$(systemd-analyze security --offline=true --threshold=10 "$folder/usr/lib/systemd/system/$unit" 2>&1) ||
			echo "$unit: ${verdict##*$'\n'}"
	done
	export XDG_RUNTIME_DIR="$folder"
	verdict=$(systemd-analyze security --user --offline=true --threshold=45 "$folder/usr/lib/systemd/user/layerd.service" 2>&1) ||
		echo "user/layerd.service: ${verdict##*$'\n'}"
	for unit in layerd.service layerd.socket layerd-ro.socket layerd-admin.socket \
		layerd@one.service layerd@one.socket layerd-ro@one.socket layerd-admin@one.socket; do
		all=${unit/one/}
		[ "$all" = "$unit" ] || cp "$folder/usr/lib/systemd/system/$all" "$folder/usr/lib/systemd/system/$unit"
		systemd-analyze verify --man=no --recursive-errors=no "$folder/usr/lib/systemd/system/$unit" 2>&1
	done | grep -E 'systemd/|layerd' | grep -vE 'not executable|is not a file|No such file' | sed "s|$folder||g"
	systemd-analyze verify --user --man=no --recursive-errors=no "$folder"/usr/lib/systemd/user/layerd.* 2>&1 |
		grep -E 'systemd/|layerd' | grep -vE 'not executable|is not a file|No such file' | sed "s|$folder||g"
	mkdir "$folder/etc"
	systemd-sysusers --root="$folder" - <systemd/layerd.sysusers >/dev/null 2>&1 || echo "layerd.sysusers is refused"
	for unit in layerd:x:* layerd-ro:x:*; do
		grep -q "^${unit%\*}" "$folder/etc/group" || echo "layerd.sysusers makes no group ${unit%%:*}"
	done
	rm -rf "$folder"
}

passed=0
failed=0
for check in ${*:-layers purity sizes format banned globals gcc clang scripts units}; do
	wrong="there is no such check"
	declare -F "check_$check" >/dev/null && wrong=$("check_$check")
	if [ -z "$wrong" ]; then
		passed=$((passed + 1))
		echo "ok      $check$([ "$check" != sizes ] || echo " ($(note_sizes))")"
	else
		failed=$((failed + 1))
		echo "FAILED  $check"
		echo "$wrong" | head -n 40 | sed 's/^/        /'
	fi
done
if [ $# = 0 ] && [ -x tests/lint_test.sh ]; then
	if tests/lint_test.sh; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

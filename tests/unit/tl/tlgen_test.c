/* tlgen: what it refuses, with file, line and column. */
#include "tests/harness.h"

#include <unistd.h>

/* The generator's message for a schema; it stands beside this program's folder. */
static const char *tlgen(const char *schema)
{
	static char text[600];
	char program[200], command[600], path[200];
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	FILE *f;
	char *slash;

	CHECK(n > 0);
	program[n] = 0;
	slash = strrchr(program, '/');
	*slash = 0;
	snprintf(path, sizeof path, "%s/x.tl", test_dir());
	f = fopen(path, "w");
	CHECK(f && fputs(schema, f) >= 0 && fclose(f) == 0);
	snprintf(command, sizeof command,
		 "cd %s && ASAN_OPTIONS=detect_leaks=0 %s/../tlgen --prefix x --out out x.tl 2>&1",
		 test_dir(), program);
	f = popen(command, "r");
	CHECK(f != NULL);
	text[fread(text, 1, sizeof text - 1, f)] = 0;
	pclose(f);
	text[strcspn(text, "\n")] = 0;
	return text;
}

TEST(good_schemas)
{
	CHECK_STR(tlgen("a = A;\nint ? = Int;\nvector {t:Type} # [ t ] = Vector t;\n"
			"b flags:# x:flags.0?int y:flags.0?true z:%A w:Vector<Vector<A>> = B;\n"
			"---functions---\nf {X:Type} q:!X = X;\ng = Vector<A>;\n"),
		  "");
}

TEST(refused_with_a_place)
{
	CHECK_STR(tlgen("a = A;\n  b x:Nix = B;\n"), "x.tl:2:7: unknown type 'Nix'");
	CHECK_STR(tlgen("a = A;\nb x:nix = B;\n"),
		  "x.tl:2:5: no constructor for the bare type 'nix'");
	CHECK_STR(tlgen("a = A;\nb = A;\nc x:%A = C;\n"),
		  "x.tl:3:5: %A has more than one constructor");
	CHECK_STR(tlgen("a#12345678 = A;\n"),
		  "x.tl:1:1: a#12345678: the line's CRC-32 is 7aae25b9");
	CHECK_STR(tlgen("a = A;\na x:int = A;\n"),
		  "x.tl:2:1: a: the name is taken (line 1 of x.tl)");
	CHECK_STR(
		tlgen("// @number by hand\na#00000001 = A;\n// @number by hand\nb#00000001 = A;\n"),
		"x.tl:4:1: b: the number 00000001 is a's (line 2 of x.tl)");
	CHECK_STR(tlgen("a x:int x:int = A;\n"), "x.tl:1:9: a.x: the name is taken");
	CHECK_STR(tlgen("a x:flags.1?int = A;\n"),
		  "x.tl:1:3: no flags word 'flags' before this field");
	CHECK_STR(tlgen("a flags:# x:flags.32?int = A;\n"),
		  "x.tl:1:11: 'flags.32': a bit from 0 to 31 expected");
	CHECK_STR(tlgen("a x:!Y = A;\n"), "x.tl:1:5: 'Y' is not a type variable of this line");
	CHECK_STR(tlgen("a x:int = A\nb = B;\n"), "x.tl:2:1: ';' expected");
	CHECK_STR(tlgen("a x: = A;\n"), "x.tl:1:6: a type expected");
	CHECK_STR(tlgen("a x:int"), "x.tl:1:8: a field expected");
	CHECK_STR(tlgen("a & b"), "x.tl:1:3: unexpected character '&'");
	CHECK_STR(tlgen("---nonsense---\n"),
		  "x.tl:1:1: sections are ---types--- and ---functions---");
	CHECK_STR(tlgen("// @magic\n"), "x.tl:1:1: unknown directive '@magic'");
	CHECK_STR(tlgen("// nothing\n"), "schema:1:1: no constructors");
	CHECK_STR(tlgen("a#123456789 = A;\n"),
		  "x.tl:1:1: '123456789': up to eight hexadecimal digits expected");
	CHECK_STR(tlgen("a flags:# x:flags.0?int has_x:flags.1?true = A;\n"),
		  "x.tl:1:25: a.has_x: stands for the presence of x");
}

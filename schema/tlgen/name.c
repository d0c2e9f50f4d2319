/* Names of the schema as names in C: dots become underscores, keywords and common macros get one
 * behind them. */
#include "schema/tlgen/tlgen.h"

#include <string.h>

static const char *const taken[] = {
	"alignas", "alignof",  "assert",   "auto",    "bool",     "break",   "case",    "char",
	"complex", "const",    "continue", "default", "do",       "double",  "else",    "enum",
	"errno",   "extern",   "false",    "float",   "for",      "goto",    "if",      "imaginary",
	"inline",  "int",      "linux",    "long",    "major",    "makedev", "minor",   "noreturn",
	"obj",     "register", "restrict", "return",  "short",    "signed",  "sizeof",  "static",
	"stderr",  "stdin",    "stdout",   "struct",  "switch",   "true",    "typedef", "typeof",
	"union",   "unix",     "unsigned", "void",    "volatile", "while",
};

const char *c_member(const char *name)
{
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		if (strcmp(name, taken[i]) == 0)
			return text_of("%s_", name);
	return name;
}

/* Always used behind a prefix, so that keywords do no harm. */
const char *c_ident(const char *name, int layer)
{
	char *ident = layer ? text_of("%s_%d", name, layer) : text_of("%s", name);

	for (char *p = ident; *p; p++)
		if (*p == '.')
			*p = '_';
	return ident;
}

/* tlgen [--int53 FILE] [--prefix NAME] --out BASE FILE…: schemas to BASE.h and BASE.c. The prefix
 * api makes struct tl_x, TL_x and the object tl_api; another one makes struct NAME_x, NAME_x and
 * tl_NAME. */
#include "schema/tlgen/tlgen.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void die_at(struct pos pos, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d:%d: ", pos.file, pos.line, pos.column);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

void *grow(void *list, unsigned count, size_t size)
{
	/* capacities are powers of two: room is made when count is one */
	if (count & (count - 1))
		return list;
	list = realloc(list, (count ? count * 2 : 1) * size);
	if (!list)
		die("tlgen");
	memset((char *)list + count * size, 0, (count ? count : 1) * size);
	return list;
}

char *text_of(const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		die("tlgen");
	va_end(ap);
	return text;
}

char *read_file(const char *path)
{
	FILE *in = fopen(path, "r");
	size_t size = 0, n;
	char *text = NULL;

	if (!in)
		die(path);
	do {
		text = realloc(text, size + 65537);
		if (!text)
			die(path);
		n = fread(text + size, 1, 65536, in);
		size += n;
	} while (n);
	if (ferror(in) || fclose(in))
		die(path);
	text[size] = 0;
	if (strlen(text) != size)
		die_at((struct pos){path, 1, 1}, "a NUL byte");
	return text;
}

static void write_file(const char *path, const struct model *m, const char *header)
{
	FILE *out = fopen(path, "w");

	if (!out)
		die(path);
	if (header)
		emit_tables(m, out, header);
	else
		emit_header(m, out);
	if (ferror(out) || fclose(out))
		die(path);
}

static void usage(void)
{
	fputs("usage: tlgen [--int53 FILE] [--prefix NAME] --out BASE FILE...\n", stderr);
	exit(2);
}

static void set_prefix(struct model *m, const char *prefix)
{
	char *upper;

	m->prefix = strcmp(prefix, "api") == 0 ? "tl" : prefix;
	upper = text_of("%s", m->prefix);
	for (char *p = upper; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	m->upper = upper;
}

int main(int argc, char **argv)
{
	const char *int53 = NULL, *prefix = "api", *out = NULL, *slash;
	struct model m = {.count = 1};
	int i;

	m.lines = grow(NULL, 0, sizeof *m.lines);
	for (i = 1; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		if (strcmp(argv[i], "--int53") == 0)
			int53 = argv[i + 1];
		else if (strcmp(argv[i], "--prefix") == 0)
			prefix = argv[i + 1];
		else if (strcmp(argv[i], "--out") == 0)
			out = argv[i + 1];
		else
			usage();
	}
	if (!out || i >= argc || argv[i][0] == '-')
		usage();
	set_prefix(&m, prefix);
	for (; i < argc; i++)
		parse_file(&m, argv[i]);
	check_model(&m, int53);
	slash = strrchr(out, '/');

	write_file(text_of("%s.h", out), &m, NULL);
	write_file(text_of("%s.c", out), &m, text_of("%s.h", slash ? slash + 1 : out));
	return 0;
}

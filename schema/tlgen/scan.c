/* Characters to tokens, with line and column. Comments are skipped, but "// @word …" and "// LAYER
 * n" are directives. */
#include "schema/tlgen/tlgen.h"

#include <ctype.h>
#include <string.h>

void scan_open(struct scan *s, const char *path)
{
	*s = (struct scan){.p = read_file(path), .line = 1, .pos.file = path};
	s->line_start = s->p;
	scan_next(s);
}

static char *copy(const char *from, size_t n)
{
	return text_of("%.*s", (int)n, from);
}

static void mark_position(struct scan *s)
{
	s->pos.line = s->line;
	s->pos.column = (int)(s->p - s->line_start) + 1;
}

/* Rest of a comment line; true when it is a directive. */
static bool comment(struct scan *s)
{
	const char *from = s->p + 2;
	size_t n = strcspn(from, "\n");

	s->p = from + n;
	while (n && *from == ' ')
		from++, n--;
	while (n && isspace((unsigned char)from[n - 1]))
		n--;
	if (*from != '@' && strncmp(from, "LAYER ", 6) != 0)
		return false;
	s->text = copy(from, n);
	s->token = T_DIRECTIVE;
	return true;
}

static bool skip_space(struct scan *s)
{
	for (;; s->p++) {
		if (*s->p == '\n') {
			s->line++;
			s->line_start = s->p + 1;
		} else if (s->p[0] == '/' && s->p[1] == '/') {
			mark_position(s);
			if (comment(s))
				return true;
			s->p--;
		} else if (!isspace((unsigned char)*s->p)) {
			return false;
		}
	}
}

static size_t name_length(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_' || p[n] == '.')
		n++;
	return n;
}

static void section(struct scan *s)
{
	size_t n = strcspn(s->p + 3, "-\n");

	if (strncmp(s->p + 3 + n, "---", 3) != 0)
		die_at(s->pos, "a section looks like ---types---");
	s->text = copy(s->p + 3, n);
	s->token = T_SECTION;
	s->p += n + 6;
}

void scan_next(struct scan *s)
{
	size_t n;

	if (skip_space(s))
		return;
	mark_position(s);
	n = name_length(s->p);
	if (!*s->p) {
		s->token = T_END;
	} else if (n) {
		s->token = T_NAME;
		s->text = copy(s->p, n);
		s->p += n;
	} else if (strncmp(s->p, "---", 3) == 0) {
		section(s);
	} else if (strchr("#:?!%<>{}=;*[]()+,", *s->p)) {
		s->token = T_MARK;
		s->mark = *s->p++;
	} else {
		die_at(s->pos, "unexpected character '%c'", *s->p);
	}
}

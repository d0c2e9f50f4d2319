/* Tokens to lines. Grammar: core.telegram.org/mtproto/TL-formal, without its dependent types. Lines
 * that define built-in types (int ? = Int; vector {t:Type} # [ t ] = …) are skipped. */
#include "schema/tlgen/tlgen.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct parser {
	struct scan scan;
	struct model *model;
	bool method, service, odd_number;
	int layer;
};

static const struct {
	const char *name;
	enum kind kind;
} builtins[] = {
	{"int", K_INT},       {"long", K_LONG},   {"double", K_DOUBLE},
	{"string", K_STRING}, {"bytes", K_BYTES}, {"int128", K_INT128},
	{"int256", K_INT256}, {"true", K_TRUE},   {"Bool", K_BOOL},
};

static bool is_mark(const struct parser *p, char mark)
{
	return p->scan.token == T_MARK && p->scan.mark == mark;
}

static bool accept(struct parser *p, char mark)
{
	if (!is_mark(p, mark))
		return false;
	scan_next(&p->scan);
	return true;
}

static void expect(struct parser *p, char mark)
{
	if (!accept(p, mark))
		die_at(p->scan.pos, "'%c' expected", mark);
}

static const char *expect_name(struct parser *p, const char *what)
{
	const char *name = p->scan.text;

	if (p->scan.token != T_NAME)
		die_at(p->scan.pos, "%s expected", what);
	scan_next(&p->scan);
	return name;
}

static bool is_boxed_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return isupper((unsigned char)(dot ? dot[1] : name[0]));
}

static struct ref *parse_ref(struct parser *p, const char *variable);

static void name_ref(struct parser *p, struct ref *ref, const char *variable, bool bare)
{
	if (strcmp(ref->name, "Vector") == 0 || strcmp(ref->name, "vector") == 0) {
		bool open = accept(p, '<');

		ref->kind = bare || ref->name[0] == 'v' ? K_BARE_VECTOR : K_VECTOR;
		ref->item = parse_ref(p, variable);
		if (open)
			expect(p, '>');
		return;
	}
	ref->kind = bare || !is_boxed_name(ref->name) ? K_BARE : K_OBJECT;
	for (size_t i = 0; i < sizeof builtins / sizeof *builtins && !bare; i++)
		if (strcmp(ref->name, builtins[i].name) == 0)
			ref->kind = builtins[i].kind;
}

static struct ref *parse_ref(struct parser *p, const char *variable)
{
	struct ref *ref = grow(NULL, 0, sizeof *ref);

	ref->pos = p->scan.pos;
	if (accept(p, '#')) {
		ref->kind = K_FLAGS;
		return ref;
	}
	if (accept(p, '!')) {
		ref->name = expect_name(p, "a type variable");
		if (!variable || strcmp(variable, ref->name) != 0)
			die_at(ref->pos, "'%s' is not a type variable of this line", ref->name);
		ref->kind = K_QUERY;
	} else {
		bool bare = accept(p, '%');

		ref->percent = bare;
		ref->name = expect_name(p, "a type");
		name_ref(p, ref, variable, bare);
	}
	return ref;
}

/* "flags.3" before a '?' : the word's name and the bit. */
static void condition(struct parser *p, struct line *line, struct field *f, const char *text)
{
	const char *dot = strrchr(text, '.');
	char *end;

	if (!dot)
		die_at(f->pos, "'flags.N?' expected");
	f->bit = (int)strtol(dot + 1, &end, 10);
	if (*end || end == dot + 1 || f->bit > 31)
		die_at(f->pos, "'%s': a bit from 0 to 31 expected", text);
	f->word_name = text_of("%.*s", (int)(dot - text), text);
	for (unsigned i = 0; i < line->count; i++)
		if (line->fields[i].ref->kind == K_FLAGS &&
		    strcmp(line->fields[i].name, f->word_name) == 0)
			f->word = line->fields[i].bit;
	if (f->word < 0)
		die_at(f->pos, "no flags word '%s' before this field", f->word_name);
	(void)p;
}

static void parse_field(struct parser *p, struct line *line)
{
	struct field f = {.pos = p->scan.pos, .word = -1};

	f.name = expect_name(p, "a field");
	expect(p, ':');
	if (p->scan.token == T_NAME) {
		struct scan before = p->scan;
		const char *text = expect_name(p, "a type");

		if (is_mark(p, '?'))
			condition(p, line, &f, text);
		if (!accept(p, '?'))
			p->scan = before;
	}
	f.ref = parse_ref(p, line->variable);
	if (f.ref->kind == K_FLAGS) {
		for (unsigned i = 0; i < line->count; i++)
			f.bit += line->fields[i].ref->kind == K_FLAGS;
		if (f.bit >= MAX_WORDS || f.word >= 0)
			die_at(f.pos, "more than %d flags words, or a conditional one", MAX_WORDS);
	}
	line->fields = grow(line->fields, line->count, sizeof f);
	line->fields[line->count++] = f;
}

static bool is_builtin_line(const char *name)
{
	for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
		if (strcmp(name, builtins[i].name) == 0 && builtins[i].kind != K_TRUE)
			return true;
	return strcmp(name, "vector") == 0;
}

static void parse_number(struct parser *p, struct line *line)
{
	const char *hex;
	char *end;

	if (!accept(p, '#'))
		return;
	hex = expect_name(p, "a hexadecimal number");
	line->id = (uint32_t)strtoul(hex, &end, 16);
	if (*end || strlen(hex) > 8)
		die_at(line->pos, "'%s': up to eight hexadecimal digits expected", hex);
	line->numbered = true;
}

static void parse_line(struct parser *p)
{
	struct line line = {.pos = p->scan.pos,
			    .method = p->method,
			    .service = p->service,
			    .odd_number = p->odd_number,
			    .layer = p->layer};

	p->odd_number = false;
	line.name = expect_name(p, "a constructor");
	if (is_builtin_line(line.name)) {
		while (p->scan.token != T_END && !is_mark(p, ';'))
			scan_next(&p->scan);
		expect(p, ';');
		return;
	}
	parse_number(p, &line);
	while (!is_mark(p, '=')) {
		if (accept(p, '{')) {
			line.variable = expect_name(p, "a type variable");
			expect(p, ':');
			expect_name(p, "'Type'");
			expect(p, '}');
			continue;
		}
		parse_field(p, &line);
	}
	expect(p, '=');
	line.result = parse_ref(p, line.variable);
	if (line.variable && line.result->name && strcmp(line.variable, line.result->name) == 0)
		line.result->kind = K_QUERY;
	expect(p, ';');
	p->model->lines = grow(p->model->lines, p->model->count, sizeof line);
	p->model->lines[p->model->count++] = line;
}

static void directive(struct parser *p)
{
	const char *text = p->scan.text;
	int n;

	if (sscanf(text, "LAYER %d", &n) == 1) {
		p->model->layer = n;
	} else if (sscanf(text, "@layer %d", &n) == 1) {
		p->layer = n;
		p->model->older = true;
	} else if (strcmp(text, "@service") == 0) {
		p->service = true;
	} else if (strncmp(text, "@number ", 8) == 0) {
		p->odd_number = true;
	} else {
		die_at(p->scan.pos, "unknown directive '%s'", text);
	}
	scan_next(&p->scan);
}

static void section(struct parser *p)
{
	p->method = strcmp(p->scan.text, "functions") == 0;
	if (!p->method && strcmp(p->scan.text, "types") != 0)
		die_at(p->scan.pos, "sections are ---types--- and ---functions---");
	scan_next(&p->scan);
}

void parse_file(struct model *m, const char *path)
{
	struct parser p = {.model = m};

	scan_open(&p.scan, path);
	while (p.scan.token != T_END) {
		if (p.scan.token == T_DIRECTIVE)
			directive(&p);
		else if (p.scan.token == T_SECTION)
			section(&p);
		else
			parse_line(&p);
	}
}

/* What must hold before anything is written: numbers, duplicates, types that exist, names that fit.
 * And what the tables want to know: least sizes, nesting, vector rows. */
#include "schema/tlgen/tlgen.h"

#include <stdlib.h>
#include <string.h>

#define DEEP 1000u

bool is_scalar(enum kind kind)
{
	return kind <= K_BOOL;
}

char *ref_text(const struct ref *ref, bool for_crc)
{
	const char *percent = ref->percent ? "%" : "";

	if (ref->kind == K_FLAGS)
		return text_of("#");
	if (ref->item)
		return text_of(for_crc ? "%s%s %s" : "%s%s<%s>", percent, ref->name,
			       ref_text(ref->item, for_crc));
	return text_of("%s%s", ref->kind == K_QUERY ? "!" : percent, ref->name);
}

/* CRC-32 of the normalised line (core.telegram.org/mtproto/TL-formal; the rule in full is in the
 * import script's test vectors): no number, no true flags, bytes as string, no brackets. */
static uint32_t line_crc(const struct line *line)
{
	char *text = text_of("%s", line->name);
	uint32_t crc = ~0u;

	if (line->variable)
		text = text_of("%s %s:Type", text, line->variable);
	for (unsigned i = 0; i < line->count; i++) {
		const struct field *f = &line->fields[i];
		const char *type = ref_text(f->ref, true);

		if (f->ref->kind == K_TRUE && f->word >= 0)
			continue;
		if (strcmp(type, "bytes") == 0)
			type = "string";
		text = f->word < 0 ? text_of("%s %s:%s", text, f->name, type)
				   : text_of("%s %s:%s.%d?%s", text, f->name, f->word_name, f->bit,
					     type);
	}
	text = text_of("%s = %s", text,
		       line->result->kind == K_QUERY ? line->variable
						     : ref_text(line->result, true));
	for (const char *p = text; *p; p++) {
		crc ^= (uint8_t)*p;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static void check_numbers(struct model *m)
{
	for (unsigned i = 1; i < m->count; i++) {
		struct line *line = &m->lines[i];
		uint32_t crc = line_crc(line);

		if (!line->numbered)
			line->id = crc;
		if (line->id != crc && !line->odd_number)
			die_at(line->pos, "%s#%08x: the line's CRC-32 is %08x", line->name,
			       line->id, crc);
	}
}

static const struct line **sorted_lines;

static int by_ident(const void *a, const void *b)
{
	return strcmp((*(const struct line *const *)a)->ident,
		      (*(const struct line *const *)b)->ident);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = (*(const struct line *const *)a)->id, y = (*(const struct line *const *)b)->id;

	return (x > y) - (x < y);
}

static void check_duplicates(struct model *m)
{
	unsigned n = m->count - 1;

	sorted_lines = malloc((n + 1) * sizeof *sorted_lines);
	for (unsigned i = 0; i < n; i++)
		sorted_lines[i] = &m->lines[i + 1];
	qsort(sorted_lines, n, sizeof *sorted_lines, by_ident);
	for (unsigned i = 1; i < n; i++)
		if (by_ident(&sorted_lines[i - 1], &sorted_lines[i]) == 0)
			die_at(sorted_lines[i]->pos, "%s: the name is taken (line %d of %s)",
			       sorted_lines[i]->name, sorted_lines[i - 1]->pos.line,
			       sorted_lines[i - 1]->pos.file);
	qsort(sorted_lines, n, sizeof *sorted_lines, by_number);
	for (unsigned i = 1; i < n; i++)
		if (sorted_lines[i - 1]->id == sorted_lines[i]->id)
			die_at(sorted_lines[i]->pos, "%s: the number %08x is %s's (line %d of %s)",
			       sorted_lines[i]->name, sorted_lines[i]->id,
			       sorted_lines[i - 1]->name, sorted_lines[i - 1]->pos.line,
			       sorted_lines[i - 1]->pos.file);
	free(sorted_lines);
}

static void check_members(const struct line *line)
{
	if (line->count > 255)
		die_at(line->pos, "%s: more than 255 fields", line->name);
	for (unsigned i = 0; i < line->count; i++)
		for (unsigned k = 0; k < line->count; k++) {
			const struct field *a = &line->fields[i], *b = &line->fields[k];

			if (k < i && strcmp(a->name, b->name) == 0)
				die_at(a->pos, "%s.%s: the name is taken", line->name, a->name);
			if (a->word >= 0 && is_scalar(a->ref->kind) &&
			    strcmp(text_of("has_%s", a->name), b->name) == 0)
				die_at(b->pos, "%s.%s: stands for the presence of %s", line->name,
				       b->name, a->name);
		}
}

static unsigned find_type(const struct model *m, const char *name)
{
	for (unsigned i = 1; i < m->type_count; i++)
		if (strcmp(m->types[i].name, name) == 0)
			return i;
	return 0;
}

static unsigned add_type(struct model *m, const char *name)
{
	unsigned found = find_type(m, name);

	if (found)
		return found;
	m->types = grow(m->types, m->type_count, sizeof *m->types);
	m->types[m->type_count] = (struct type){.name = name, .depth = DEEP};
	return m->type_count++;
}

/* A bare type: a constructor's own name, or the type of which it is the only one. */
static unsigned find_bare(const struct model *m, const struct ref *ref)
{
	unsigned found = 0;

	for (unsigned i = 1; i < m->count; i++) {
		const struct line *line = &m->lines[i];

		if (strcmp(line->name, ref->name) == 0)
			return i;
		if (!line->method && line->result->name &&
		    strcmp(line->result->name, ref->name) == 0) {
			if (found)
				die_at(ref->pos, "%%%s has more than one constructor", ref->name);
			found = i;
		}
	}
	if (!found)
		die_at(ref->pos, "no constructor for the bare type '%s'", ref->name);
	return found;
}

static bool same_item(const struct ref *a, const struct ref *b)
{
	return a->kind == b->kind && a->target == b->target;
}

static void resolve(struct model *m, struct ref *ref)
{
	if (ref->item) {
		resolve(m, ref->item);
		for (unsigned i = 0; i < m->elem_count; i++)
			if (same_item(m->elems[i]->item, ref->item) &&
			    m->elems[i]->kind == ref->kind) {
				ref->target = i;
				return;
			}
		m->elems = grow(m->elems, m->elem_count, sizeof *m->elems);
		m->elems[m->elem_count] = ref;
		ref->target = m->elem_count++;
	} else if (ref->kind == K_BARE) {
		ref->target = find_bare(m, ref);
	} else if (ref->kind == K_OBJECT && strcmp(ref->name, "Object") != 0) {
		ref->target = find_type(m, ref->name);
		if (!ref->target && !m->older)
			die_at(ref->pos, "unknown type '%s'", ref->name);
		if (!ref->target)
			ref->target = add_type(m, ref->name);
	} else {
		ref->target = 0;
	}
}

static void resolve_all(struct model *m)
{
	m->types = grow(NULL, 0, sizeof *m->types);
	m->types[m->type_count++] = (struct type){.name = "Object"};
	for (unsigned i = 1; i < m->count; i++)
		if (!m->lines[i].method) {
			if (m->lines[i].result->kind != K_OBJECT &&
			    m->lines[i].result->kind != K_BOOL)
				die_at(m->lines[i].result->pos,
				       "a constructor's type is a plain name");
			m->lines[i].result->kind = K_OBJECT;
			add_type(m, m->lines[i].result->name);
		}
	for (unsigned i = 1; i < m->count; i++) {
		struct line *line = &m->lines[i];

		check_members(line);
		for (unsigned k = 0; k < line->count; k++) {
			struct field *f = &line->fields[k];

			resolve(m, f->ref);
			if (f->ref->kind == K_FLAGS)
				f->ref->target = (unsigned)f->bit;
		}
		resolve(m, line->result);
	}
}

unsigned least_bytes(const struct model *m, const struct ref *ref)
{
	switch (ref->kind) {
	case K_TRUE:
		return 0;
	case K_LONG:
	case K_LONG53:
	case K_DOUBLE:
	case K_VECTOR:
		return 8;
	case K_INT128:
		return 16;
	case K_INT256:
		return 32;
	case K_BARE:
		return m->lines[ref->target].min;
	case K_INT:
	case K_STRING:
	case K_BYTES:
	case K_BOOL:
	case K_FLAGS:
	case K_OBJECT:
	case K_QUERY:
	case K_BARE_VECTOR:
		return 4;
	}
	return 4;
}

/* One round of the fixpoint over sizes and nesting; true when something changed. */
static bool measure(struct model *m)
{
	bool changed = false;

	for (unsigned i = 1; i < m->count; i++) {
		struct line *line = &m->lines[i];
		struct type *type = &m->types[line->result->target];
		unsigned min = 0, depth = 1;

		for (unsigned k = 0; k < line->count; k++) {
			const struct ref *ref = line->fields[k].ref;
			unsigned inner = 0;

			if (line->fields[k].word >= 0)
				continue;
			min += least_bytes(m, ref);
			if (ref->kind == K_OBJECT)
				inner = m->types[ref->target].depth;
			else if (ref->kind == K_BARE)
				inner = m->lines[ref->target].depth;
			if (inner + 1 > depth)
				depth = inner + 1;
		}
		if (line->min != min || line->depth != depth)
			changed = true;
		line->min = min;
		line->depth = depth;
		if (!line->method && depth < type->depth) {
			type->depth = depth;
			changed = true;
		}
	}
	return changed;
}

/* The constructors of each type, the least deep first: with it a random value can always end. */
static void list_ctors(struct model *m)
{
	for (unsigned t = 1; t < m->type_count; t++) {
		struct type *type = &m->types[t];

		type->first = m->type_ctor_count;
		for (unsigned i = 1; i < m->count; i++) {
			unsigned *list;

			if (m->lines[i].method || m->lines[i].result->target != t)
				continue;
			m->type_ctors =
				grow(m->type_ctors, m->type_ctor_count, sizeof *m->type_ctors);
			list = m->type_ctors + type->first;
			list[type->count] = i;
			if (m->lines[i].depth < m->lines[list[0]].depth) {
				list[type->count] = list[0];
				list[0] = i;
			}
			type->count++;
			m->type_ctor_count++;
		}
	}
}

static struct ref *find_long(struct model *m, char *full)
{
	char *dot = strrchr(full, '.');

	if (!dot)
		return NULL;
	*dot = 0;
	for (unsigned i = 1; i < m->count; i++) {
		if (strcmp(m->lines[i].name, full) != 0)
			continue;
		for (unsigned k = 0; k < m->lines[i].count; k++)
			if (strcmp(m->lines[i].fields[k].name, dot + 1) == 0) {
				struct ref *ref = m->lines[i].fields[k].ref;

				return ref->item ? ref->item : ref;
			}
	}
	return NULL;
}

/* Lines "constructor.field"; each must name a long or a vector of longs. */
static void read_int53(struct model *m, const char *path)
{
	char *text = read_file(path), *save = NULL;
	struct pos pos = {path, 0, 1};

	for (char *p = strtok_r(text, "\n", &save); p; p = strtok_r(NULL, "\n", &save)) {
		struct ref *ref;

		pos.line++;
		if (*p == '#')
			continue;
		ref = find_long(m, text_of("%s", p));
		if (!ref || ref->kind != K_LONG)
			die_at(pos, "'%s' is not a field of type long", p);
		ref->kind = K_LONG53;
	}
}

void check_model(struct model *m, const char *int53_path)
{
	if (m->count < 2)
		die_at((struct pos){"schema", 1, 1}, "no constructors");
	for (unsigned i = 1; i < m->count; i++) {
		struct line *line = &m->lines[i];

		line->ident = c_ident(line->name, line->layer);
		for (unsigned k = 0; k < line->count; k++)
			line->fields[k].member = c_member(line->fields[k].name);
	}
	check_numbers(m);
	check_duplicates(m);
	if (int53_path)
		read_int53(m, int53_path);
	resolve_all(m);
	while (measure(m))
		;
	list_ctors(m);
}

/* Writes the const tables of tl/table.h. */
#include "schema/tlgen/tlgen.h"

#include <stdlib.h>
#include <string.h>

#define POOL_SLOTS 16384u
#define MAX_FIELD_POOL 0xffffu

/* Strings laid end to end, each once. */
struct pool {
	const char **list;
	unsigned *offsets;
	unsigned count, size;
	unsigned slots[POOL_SLOTS]; /* index + 1 */
	unsigned head;              /* bytes before each string */
};

static unsigned pool_add(struct pool *p, const char *text)
{
	unsigned h = 2166136261u, length = (unsigned)strlen(text);

	for (const char *c = text; *c; c++)
		h = (h ^ (uint8_t)*c) * 16777619u;
	for (h %= POOL_SLOTS; p->slots[h]; h = (h + 1) % POOL_SLOTS)
		if (strcmp(p->list[p->slots[h] - 1], text) == 0)
			return p->offsets[p->slots[h] - 1];
	if (p->count == POOL_SLOTS / 2)
		die_at((struct pos){"schema", 1, 1}, "more than %u names", p->count);
	p->list = grow(p->list, p->count, sizeof *p->list);
	p->offsets = grow(p->offsets, p->count, sizeof *p->offsets);
	p->list[p->count] = text;
	p->offsets[p->count] = p->size + p->head;
	p->size += p->head + length + 1;
	p->slots[h] = p->count + 1;
	return p->offsets[p->count++];
}

static void emit_pool(const struct pool *p, const char *name, FILE *out)
{
	fprintf(out, "\nstatic const char %s[%u] =\n", name, p->size + TL_POOL_PAD);
	for (unsigned i = 0; i < p->count; i++)
		if (p->head)
			fprintf(out, "\t\"\\%03o\" \"%s\\0\"\n", (unsigned)strlen(p->list[i]),
				p->list[i]);
		else
			fprintf(out, "\t\"%s\\0\"\n", p->list[i]);
	fprintf(out, "\t;\n");
}

static void emit_fields(struct model *m, struct pool *names, FILE *out)
{
	unsigned row = 0;

	fprintf(out, "\nstatic const struct tl_field_row fields[] = {\n");
	for (unsigned i = 1; i < m->count; i++) {
		struct line *line = &m->lines[i];

		line->row = row;
		for (unsigned k = 0; k < line->count; k++, row++) {
			const struct field *f = &line->fields[k];
			unsigned name = pool_add(names, f->name),
				 length = (unsigned)strlen(f->name);

			if (name > MAX_FIELD_POOL || length > 255 || row > 0xfffe)
				die_at(f->pos, "too many fields for 16 bits");
			fprintf(out, "\t{%u, %u, ", name, f->ref->target);
			if (f->ref->kind == TL_K_FLAGS)
				fprintf(out, "0");
			else
				fprintf(out, "offsetof(struct %s_%s, %s)", m->prefix, line->ident,
					f->member);
			fprintf(out, ", %d, %d},\n", (int)f->ref->kind,
				f->word < 0 ? TL_FLAG_NONE : f->word << 5 | f->bit);
		}
	}
	fprintf(out, "\t{0, 0, 0, 0, 0},\n};\n");
}

static void emit_ctors(struct model *m, struct pool *names, FILE *out)
{
	fprintf(out, "\nstatic const struct tl_ctor_row ctors[] = {\n\t{0, 0, 0, 0, 0, 0, 0, 0, 0, "
		     "0},\n");
	for (unsigned i = 1; i < m->count; i++) {
		const struct line *line = &m->lines[i];
		bool generic = line->result->kind == TL_K_QUERY;

		fprintf(out, "\t{0x%08xu, %u, %u, sizeof(struct %s_%s), %u, %d, %u, %u, %d, %d},\n",
			line->id, pool_add(names, line->name), line->row, m->prefix, line->ident,
			line->result->target, line->layer, line->count,
			(unsigned)strlen(line->name),
			generic ? TL_K_OBJECT : (int)line->result->kind,
			(line->method ? TL_C_METHOD : 0) | (line->service ? TL_C_SERVICE : 0) |
				(generic ? TL_C_GENERIC : 0));
	}
	fprintf(out, "};\n");
}

/* Least bytes of an element; the same rule as in check.c, for what can stand in a vector. */
static unsigned elem_min(const struct model *m, const struct ref *item)
{
	unsigned min = item->kind == TL_K_BARE ? m->lines[item->target].min : 4;

	if (item->kind == TL_K_INT128)
		min = 16;
	else if (item->kind == TL_K_INT256)
		min = 32;
	else if (item->kind == TL_K_LONG || item->kind == TL_K_LONG53 ||
		 item->kind == TL_K_DOUBLE || item->kind == TL_K_VECTOR)
		min = 8;
	return min < 4 ? 4 : min;
}

static void emit_types(struct model *m, struct pool *names, FILE *out)
{
	fprintf(out, "\nstatic const struct tl_elem_row elems[] = {\n");
	for (unsigned i = 0; i < m->elem_count; i++) {
		const struct ref *item = m->elems[i]->item;

		fprintf(out, "\t{%u, %u, %u, %d},\n", pool_add(names, ref_text(m->elems[i], false)),
			item->target, elem_min(m, item), (int)item->kind);
	}
	fprintf(out, "\t{0, 0, 0, 0},\n};\n\nstatic const struct tl_type_row types[] = {\n");
	for (unsigned i = 0; i < m->type_count; i++) {
		const struct type *type = &m->types[i];
		bool peers = strcmp(type->name, "User") == 0 || strcmp(type->name, "Chat") == 0;

		fprintf(out, "\t{%u, %u, %u, %d},\n", pool_add(names, type->name), type->first,
			type->count, peers ? TL_T_HARVEST : 0);
	}
	fprintf(out, "};\n\nstatic const uint16_t type_ctors[] = {");
	for (unsigned i = 0; i < m->type_ctor_count; i++)
		fprintf(out, "%s%u,", i % 16 ? " " : "\n\t", m->type_ctors[i]);
	fprintf(out, " 0};\n");
}

static unsigned emit_hash(const struct model *m, FILE *out)
{
	unsigned bits = 4;
	uint16_t *slots;

	while (1u << bits < m->count * 5 / 2)
		bits++;
	slots = calloc(1u << bits, sizeof *slots);
	for (unsigned i = 1; i < m->count; i++) {
		uint32_t h = tl_hash(m->lines[i].id, bits);

		while (slots[h])
			h = (h + 1) & ((1u << bits) - 1);
		slots[h] = (uint16_t)i;
	}
	fprintf(out, "\nstatic const uint16_t hash[] = {");
	for (unsigned i = 0; i < 1u << bits; i++)
		fprintf(out, "%s%u,", i % 16 ? " " : "\n\t", slots[i]);
	fprintf(out, "\n};\n");
	free(slots);
	return bits;
}

static const struct model *sorting;

static int by_name(const void *a, const void *b)
{
	const struct line *x = &sorting->lines[*(const uint16_t *)a];
	const struct line *y = &sorting->lines[*(const uint16_t *)b];
	int order = strcmp(x->name, y->name);

	return order ? order : (x->layer > y->layer) - (x->layer < y->layer);
}

static void emit_names(const struct model *m, FILE *out)
{
	uint16_t *list = calloc(m->count, sizeof *list);

	for (unsigned i = 1; i < m->count; i++)
		list[i - 1] = (uint16_t)i;
	sorting = m;
	qsort(list, m->count - 1, sizeof *list, by_name);
	fprintf(out, "\nstatic const uint16_t by_name[] = {");
	for (unsigned i = 0; i < m->count - 1; i++)
		fprintf(out, "%s%u,", i % 16 ? " " : "\n\t", list[i]);
	fprintf(out, "\n};\n");
	free(list);
}

void emit_tables(const struct model *model, FILE *out, const char *header)
{
	static struct pool names, field_names = {.head = 1};
	struct model *m = (struct model *)model;
	unsigned bits;

	if (m->count > 0xfff0 || m->type_count > 0xffff)
		die_at((struct pos){"schema", 1, 1}, "too many constructors for 16 bits");
	fprintf(out,
		"/* Generated by tlgen: layer %d. */\n#include \"%s\"\n#include \"tl/table.h\"\n",
		m->layer, header);
	emit_fields(m, &field_names, out);
	emit_ctors(m, &names, out);
	emit_types(m, &names, out);
	bits = emit_hash(m, out);
	emit_names(m, out);
	emit_pool(&names, "names", out);
	emit_pool(&field_names, "field_names", out);
	fprintf(out,
		"\nconst struct tl_schema tl_%s = {\n\tctors, fields, elems, types, type_ctors, "
		"hash,\n"
		"\tby_name, names, field_names, %u, %u, %d, %u,\n};\n",
		strcmp(m->prefix, "tl") == 0 ? "api" : m->prefix, m->count - 1, m->type_count,
		m->layer, bits);
}

/* Writes the const tables of tl/table.h. */
#include "schema/tlgen/tlgen.h"

#include <stdlib.h>
#include <string.h>

#define POOL_SLOTS 16384u
#define MAX_FIELD_POOL 0xffffu
#define POOL_PAD 32
#define HASH_FACTOR 0x9e3779b1u

static const char *const kind_names[] = {
	[K_INT] = "TL_K_INT",       [K_LONG] = "TL_K_LONG",
	[K_LONG53] = "TL_K_LONG53", [K_DOUBLE] = "TL_K_DOUBLE",
	[K_INT128] = "TL_K_INT128", [K_INT256] = "TL_K_INT256",
	[K_BOOL] = "TL_K_BOOL",     [K_STRING] = "TL_K_STRING",
	[K_BYTES] = "TL_K_BYTES",   [K_TRUE] = "TL_K_TRUE",
	[K_FLAGS] = "TL_K_FLAGS",   [K_OBJECT] = "TL_K_OBJECT",
	[K_BARE] = "TL_K_BARE",     [K_QUERY] = "TL_K_QUERY",
	[K_VECTOR] = "TL_K_VECTOR", [K_BARE_VECTOR] = "TL_K_BARE_VECTOR",
};

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
	fprintf(out, "\nstatic const char %s[%u] =\n", name, p->size + POOL_PAD);
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
			if (f->ref->kind == K_FLAGS)
				fprintf(out, "0");
			else
				fprintf(out, "offsetof(struct %s_%s, %s)", m->prefix, line->ident,
					f->member);
			fprintf(out, ", %s, ", kind_names[f->ref->kind]);
			if (f->word < 0)
				fprintf(out, "TL_FLAG_NONE},\n");
			else
				fprintf(out, "%d},\n", f->word << 5 | f->bit);
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
		bool generic = line->result->kind == K_QUERY;

		fprintf(out,
			"\t{0x%08xu, %u, %u, sizeof(struct %s_%s), %u, %d, %u, %u, %s, 0%s%s%s},\n",
			line->id, pool_add(names, line->name), line->row, m->prefix, line->ident,
			line->result->target, line->layer, line->count,
			(unsigned)strlen(line->name),
			kind_names[generic ? K_OBJECT : line->result->kind],
			line->method ? " | TL_C_METHOD" : "",
			line->service ? " | TL_C_SERVICE" : "", generic ? " | TL_C_GENERIC" : "");
	}
	fprintf(out, "};\n");
}

static void emit_types(struct model *m, struct pool *names, FILE *out)
{
	fprintf(out, "\nstatic const struct tl_elem_row elems[] = {\n");
	for (unsigned i = 0; i < m->elem_count; i++) {
		const struct ref *item = m->elems[i]->item;
		unsigned least = least_bytes(m, item);

		fprintf(out, "\t{%u, %u, %u, %s},\n", pool_add(names, ref_text(m->elems[i], false)),
			item->target, least < 4 ? 4 : least, kind_names[item->kind]);
	}
	fprintf(out, "\t{0, 0, 0, 0},\n};\n\nstatic const struct tl_type_row types[] = {\n");
	for (unsigned i = 0; i < m->type_count; i++) {
		const struct type *type = &m->types[i];
		bool peers = strcmp(type->name, "User") == 0 || strcmp(type->name, "Chat") == 0;

		fprintf(out, "\t{%u, %u, %u, %s},\n", pool_add(names, type->name), type->first,
			type->count, peers ? "TL_T_HARVEST" : "0");
	}
	fprintf(out, "};\n\nstatic const uint16_t type_ctors[] = {");
	for (unsigned i = 0; i < m->type_ctor_count; i++)
		fprintf(out, "%s%u,", i % 16 ? " " : "\n\t", m->type_ctors[i]);
	fprintf(out, " 0};\n");
}

/* As tl_hash. */
static uint32_t hash_of(uint32_t id, unsigned bits)
{
	return id * HASH_FACTOR >> (32 - bits);
}

static unsigned emit_hash(const struct model *m, FILE *out)
{
	unsigned bits = 4;
	uint16_t *slots;

	while (1u << bits < m->count * 5 / 2)
		bits++;
	slots = calloc(1u << bits, sizeof *slots);
	for (unsigned i = 1; i < m->count; i++) {
		uint32_t h = hash_of(m->lines[i].id, bits);

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
	fprintf(out,
		"\n_Static_assert(TL_POOL_PAD == %d && TL_HASH_FACTOR == %uu && TL_MAX_WORDS == "
		"%d,\n"
		"\t       \"tlgen and table.h\");\n",
		POOL_PAD, HASH_FACTOR, MAX_WORDS);
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

/* Random valid values, for tests and benchmarks: from the caller's numbers, in the caller's arena.
 */
#include "tl/table.h"

#include <string.h>

#define MAX_OBJECTS 60u /* behind it only what is required, and the least deep of it */
#define MAX_NESTING 8u
#define MAX_ITEMS 4u

struct maker {
	const struct tl_schema *s;
	uint64_t (*draw)(void *);
	void *ctx;
	struct tl_arena *arena;
	unsigned objects;
	bool failed;
};

static uint64_t below(struct maker *m, uint64_t n)
{
	return m->draw(m->ctx) % n;
}

static void *alloc(struct maker *m, size_t size)
{
	void *p = tl_arena_alloc(m->arena, size);

	if (!p)
		m->failed = true;
	return p;
}

static bool is_small(const struct maker *m, unsigned depth)
{
	return depth >= MAX_NESTING || m->objects >= MAX_OBJECTS;
}

/* Text of one to four bytes a character, quotes and control characters among it. */
static size_t put_char(struct maker *m, char *to)
{
	static const char *const chars[] = {"a",
					    "Z",
					    " ",
					    "\"",
					    "\\",
					    "/",
					    "\n",
					    "\x01",
					    "\xd0\x96",
					    "\xc2\x80",
					    "é",
					    "€",
					    "﷐",
					    "\xf0\x9f\x98\x80",
					    "\xf4\x8f\xbf\xbf"};
	const char *c = chars[below(m, sizeof chars / sizeof *chars)];
	size_t n = strlen(c);

	memcpy(to, c, n);
	return n;
}

static struct tl_str make_string(struct maker *m, bool text)
{
	size_t n = below(m, 20), len = 0;
	char *p;

	if (below(m, 40) == 0)
		n += 250;
	p = alloc(m, n * 4 + 1);
	if (!p)
		return (struct tl_str){NULL, 0};
	for (size_t i = 0; i < n; i++) {
		if (text)
			len += put_char(m, p + len);
		else
			p[len++] = (char)m->draw(m->ctx);
	}
	return (struct tl_str){p, (uint32_t)len};
}

static int64_t make_long(struct maker *m, unsigned kind)
{
	uint64_t v = m->draw(m->ctx);

	v >>= below(m, 64);
	if (below(m, 2))
		v = -v;
	return kind == TL_K_LONG53 ? (int64_t)v / 4096 : (int64_t)v;
}

static struct tl_obj *make_body(struct maker *m, unsigned ctor, unsigned depth);

static struct tl_obj *make_object(struct maker *m, unsigned kind, unsigned type, unsigned depth)
{
	const struct tl_type_row *row = &m->s->types[kind == TL_K_OBJECT ? type : TL_TYPE_ANY];
	unsigned ctor;

	if (kind != TL_K_QUERY && type != TL_TYPE_ANY) {
		if (!row->count)
			m->failed = true;
		ctor = m->failed
			       ? 1
			       : m->s->type_ctors[row->first +
						  (is_small(m, depth) ? 0 : below(m, row->count))];
		return m->failed ? NULL : make_body(m, ctor, depth);
	}
	/* any constructor or method, with few fields when it must be small */
	for (unsigned tries = 0;; tries++) {
		ctor = 1 + (unsigned)below(m, m->s->ctor_count);
		if (((m->s->ctors[ctor].bits & TL_C_METHOD) != 0) != (kind == TL_K_QUERY))
			continue;
		if (is_small(m, depth) && m->s->ctors[ctor].fields && tries < 10000)
			continue;
		return make_body(m, ctor, depth);
	}
}

static void make_value(struct maker *m, unsigned kind, unsigned type, uint8_t *to, unsigned depth);

static struct tl_vec make_vector(struct maker *m, unsigned elem, unsigned depth)
{
	const struct tl_elem_row *row = &m->s->elems[elem];
	uint32_t count = is_small(m, depth) ? 0 : (uint32_t)below(m, MAX_ITEMS + 1);
	size_t size = tl_kind_size(row->kind);
	uint8_t *items = alloc(m, count * size);

	for (uint32_t i = 0; i < count && !m->failed; i++)
		make_value(m, row->kind, row->type, items + i * size, depth + 1);
	return (struct tl_vec){items, count};
}

static double make_double(struct maker *m)
{
	double v = (double)make_long(m, TL_K_LONG);

	return below(m, 2) ? v : v / 1e6;
}

static void make_bytes(struct maker *m, uint8_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)m->draw(m->ctx);
}

static void make_value(struct maker *m, unsigned kind, unsigned type, uint8_t *to, unsigned depth)
{
	void *p = to;

	switch ((enum tl_kind)kind) {
	case TL_K_INT:
		*(int32_t *)p = (int32_t)make_long(m, kind);
		return;
	case TL_K_LONG:
	case TL_K_LONG53:
		*(int64_t *)p = make_long(m, kind);
		return;
	case TL_K_DOUBLE:
		*(double *)p = make_double(m);
		return;
	case TL_K_INT128:
	case TL_K_INT256:
		make_bytes(m, to, tl_kind_size(kind));
		return;
	case TL_K_BOOL:
		*(bool *)p = below(m, 2);
		return;
	case TL_K_TRUE:
		*(bool *)p = true;
		return;
	case TL_K_STRING:
	case TL_K_BYTES:
		*(struct tl_str *)p = make_string(m, kind == TL_K_STRING);
		return;
	case TL_K_OBJECT:
	case TL_K_QUERY:
		*(struct tl_obj **)p = make_object(m, kind, type, depth);
		return;
	case TL_K_BARE:
		*(struct tl_obj **)p = make_body(m, type, depth);
		return;
	case TL_K_VECTOR:
	case TL_K_BARE_VECTOR:
		*(struct tl_vec *)p = make_vector(m, type, depth);
		return;
	case TL_K_FLAGS:
		return;
	}
}

static struct tl_obj *make_body(struct maker *m, unsigned ctor, unsigned depth)
{
	const struct tl_ctor_row *row = &m->s->ctors[ctor];
	const struct tl_field_row *f = &m->s->fields[row->first], *end = f + row->fields;
	uint32_t words[TL_MAX_WORDS];
	uint8_t *base = alloc(m, row->size);

	if (!base)
		return NULL;
	m->objects++;
	((struct tl_obj *)(void *)base)->ctor = (uint16_t)ctor;
	for (unsigned i = 0; i < TL_MAX_WORDS; i++) {
		words[i] = (uint32_t)m->draw(m->ctx);
		if (depth)
			words[i] &= (uint32_t)m->draw(m->ctx);
		if (is_small(m, depth))
			words[i] = 0;
	}
	for (; f < end && !m->failed; f++) {
		if (f->kind == TL_K_FLAGS)
			continue;
		if (f->flag != TL_FLAG_NONE) {
			if (!(words[f->flag >> 5] >> (f->flag & 31) & 1))
				continue;
			if (tl_kind_is_scalar(f->kind))
				*(bool *)(base + f->offset + tl_kind_size(f->kind)) = true;
		}
		make_value(m, f->kind, f->type, base + f->offset, depth + 1);
	}
	return (struct tl_obj *)(void *)base;
}

int tl_random(const struct tl_schema *s, unsigned ctor, uint64_t (*draw)(void *), void *ctx,
	      struct tl_arena *a, struct tl_obj **ret)
{
	struct maker m = {.s = s, .draw = draw, .ctx = ctx, .arena = a};
	struct tl_obj *o;

	if (ctor == TL_NONE || ctor > s->ctor_count)
		return -TG_E_NOT_FOUND;
	o = make_body(&m, ctor, 0);
	if (m.failed || !o)
		return -TG_E_NOMEM;
	*ret = o;
	return 0;
}

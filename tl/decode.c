/* Wire to structs. Everything read lies in the caller's arena; strings point into the input. */
#include "tl/codec.h"

#include <string.h>

void *tl_decode_alloc(struct tl_decoder *d, size_t size)
{
	void *p = tl_arena_alloc(d->arena, size);

	if (!p)
		tl_fail(d->c, -TG_E_WIRE_LIMIT);
	return p;
}

static bool read_bool(struct tl_decoder *d)
{
	uint32_t id = tl_get_u32(d->c);

	if (id != TL_ID_TRUE && id != TL_ID_FALSE)
		tl_fail(d->c, -TG_E_WIRE);
	return id == TL_ID_TRUE;
}

static struct tl_obj *read_object(struct tl_decoder *d, unsigned kind, unsigned type,
				  unsigned depth);
static struct tl_obj *read_body(struct tl_decoder *d, unsigned ctor, unsigned depth);

static struct tl_vec read_vector(struct tl_decoder *d, unsigned elem, unsigned depth);

/* One value to where it lives in a struct or an array; the size of it is tl_kind_size. */
void tl_decode_value(struct tl_decoder *d, unsigned kind, unsigned type, void *to, unsigned depth)
{
	const uint8_t *p;

	switch ((enum tl_kind)kind) {
	case TL_K_INT:
		*(int32_t *)to = (int32_t)tl_get_u32(d->c);
		return;
	case TL_K_LONG:
	case TL_K_LONG53:
		*(int64_t *)to = (int64_t)tl_get_u64(d->c);
		return;
	case TL_K_DOUBLE:
		*(double *)to = tl_get_double(d->c);
		return;
	case TL_K_STRING:
	case TL_K_BYTES:
		*(struct tl_str *)to = tl_get_bytes(d->c);
		return;
	case TL_K_INT128:
	case TL_K_INT256:
		p = tl_get(d->c, tl_kind_size(kind));
		if (p)
			memcpy(to, p, tl_kind_size(kind));
		return;
	case TL_K_BOOL:
		*(bool *)to = read_bool(d);
		return;
	case TL_K_TRUE:
		*(bool *)to = true;
		return;
	case TL_K_OBJECT:
	case TL_K_QUERY:
		*(struct tl_obj **)to = read_object(d, kind, type, depth);
		return;
	case TL_K_BARE:
		*(struct tl_obj **)to = read_body(d, type, depth);
		return;
	case TL_K_VECTOR:
		if (tl_get_u32(d->c) != TL_ID_VECTOR)
			tl_fail(d->c, -TG_E_WIRE);
		*(struct tl_vec *)to = read_vector(d, type, depth);
		return;
	case TL_K_BARE_VECTOR:
		*(struct tl_vec *)to = read_vector(d, type, depth);
		return;
	case TL_K_FLAGS:
		return;
	}
}

/* Count and elements. The count is held against the bytes that are left before memory is taken. */
static struct tl_vec read_vector(struct tl_decoder *d, unsigned elem, unsigned depth)
{
	const struct tl_elem_row *row = &d->s->elems[elem];
	size_t size = tl_kind_size(row->kind), count = tl_get_u32(d->c), i;
	uint8_t *items;

	if (d->c->err)
		return (struct tl_vec){NULL, 0};
	if (count > tl_left(d->c) / row->min)
		tl_fail(d->c, -TG_E_WIRE);
	else if (depth >= TL_MAX_DEPTH)
		tl_fail(d->c, -TG_E_WIRE_LIMIT);
	items = d->c->err ? NULL : tl_decode_alloc(d, count * size);
	if (!items)
		return (struct tl_vec){NULL, 0};
	for (i = 0; i < count; i++) {
		tl_decode_value(d, row->kind, row->type, items + i * size, depth + 1);
		if (tl_decode_stopped(d))
			break;
	}
	if (i < count && row->kind == TL_K_BARE && ((struct tl_obj **)(void *)items)[i])
		i++; /* what could be read of the last one */
	else if (i < count && row->kind == TL_K_OBJECT && ((struct tl_obj **)(void *)items)[i])
		i++;
	return (struct tl_vec){items, (uint32_t)i};
}

static struct tl_obj *read_body(struct tl_decoder *d, unsigned ctor, unsigned depth)
{
	const struct tl_ctor_row *row = &d->s->ctors[ctor];
	const struct tl_field_row *f = &d->s->fields[row->first], *end = f + row->fields;
	struct tl_words words = TL_WORDS;
	uint8_t *base;

	if (depth >= TL_MAX_DEPTH)
		tl_fail(d->c, -TG_E_WIRE_LIMIT);
	base = d->c->err ? NULL : tl_decode_alloc(d, row->size);
	if (!base)
		return NULL;
	((struct tl_obj *)(void *)base)->ctor = (uint16_t)ctor;
	for (; f < end; f++) {
		if (!tl_flag_set(&words, f->flag))
			continue;
		if (f->kind == TL_K_FLAGS) {
			tl_word_set(&words, f->type, tl_get_u32(d->c));
			continue;
		}
		if (f->kind == TL_K_TRUE) {
			*(bool *)(base + f->offset) = true;
			continue;
		}
		if (f->flag != TL_FLAG_NONE && tl_kind_is_scalar(f->kind))
			*(bool *)(base + f->offset + tl_kind_size(f->kind)) = true;
		tl_decode_value(d, f->kind, f->type, base + f->offset, depth + 1);
		if (tl_decode_stopped(d))
			break;
	}
	return (struct tl_obj *)(void *)base;
}

/* An older line, when the number is one's and what it is now is of the wanted type. */
static struct tl_obj *read_older(struct tl_decoder *d, uint32_t id, unsigned kind, unsigned type,
				 unsigned depth)
{
	unsigned line = tl_by_id(d->older, id);
	struct tl_obj *o = line ? tl_decode_older(d, line, depth) : NULL;

	if (o && !tl_fits(d->s, o->ctor, kind, type)) {
		tl_fail(d->c, -TG_E_WIRE);
		return NULL;
	}
	return o;
}

/* A boxed object. NULL with `truncated` when its constructor is unknown. */
static struct tl_obj *read_object(struct tl_decoder *d, unsigned kind, unsigned type,
				  unsigned depth)
{
	uint32_t id = tl_get_u32(d->c);
	unsigned ctor = tl_by_id(d->s, id);

	if (d->c->err)
		return NULL;
	if (ctor == TL_NONE && d->older) {
		struct tl_obj *o = read_older(d, id, kind, type, depth);

		if (o || d->c->err)
			return o;
	}
	if (ctor == TL_NONE) {
		d->truncated = true;
		d->c->p = d->c->end;
		return NULL;
	}
	if (!tl_fits(d->s, ctor, kind, type)) {
		tl_fail(d->c, -TG_E_WIRE);
		return NULL;
	}
	return read_body(d, ctor, depth);
}

static struct tl_obj *unknown(struct tl_decoder *d, uint32_t id)
{
	struct tl_unknown *u = tl_decode_alloc(d, sizeof *u);

	if (!u)
		return NULL;
	u->obj.ctor = TL_UNKNOWN;
	u->id = id;
	u->bytes = (struct tl_str){(const char *)d->c->p, (uint32_t)tl_left(d->c)};
	d->c->p = d->c->end;
	d->truncated = true;
	return &u->obj;
}

static bool is_known(const struct tl_decoder *d, uint32_t id)
{
	unsigned line = d->older ? tl_by_id(d->older, id) : TL_NONE;

	return tl_by_id(d->s, id) != TL_NONE ||
	       (line && tl_by_name(d->s, tl_str(tl_name(d->older, line))) != TL_NONE);
}

int tl_decode_top(struct tl_decoder *d, unsigned kind, unsigned type, struct tl_obj **ret,
		  bool *ret_truncated)
{
	uint32_t id = tl_peek_u32(d->c);
	struct tl_obj *o = NULL;
	bool expected = (id == TL_ID_VECTOR && kind == TL_K_VECTOR) ||
			((id == TL_ID_TRUE || id == TL_ID_FALSE) && kind == TL_K_BOOL);
	bool top_unknown = !d->c->err && tl_left(d->c) >= 4 && !expected && !is_known(d, id);

	if (top_unknown) {
		o = unknown(d, id);
	} else if (kind == TL_K_OBJECT) {
		o = read_object(d, kind, type, 0);
	} else {
		struct tl_vector *v = tl_decode_alloc(d, sizeof *v);

		o = v ? &v->obj : NULL;
		if (v) {
			v->obj.ctor = TL_VECTOR;
			v->vec = (struct tl_vec){
				kind == TL_K_VECTOR ? NULL : tl_decode_alloc(d, 32), 1};
			if (kind == TL_K_VECTOR)
				tl_decode_value(d, kind, type, (uint8_t *)&v->vec, 0);
			else if (v->vec.items)
				tl_decode_value(d, kind, type, v->vec.items, 0);
		}
	}
	if (d->c->err)
		return d->c->err;
	if (d->truncated && !ret_truncated && !top_unknown)
		return -TG_E_WIRE_UNKNOWN;
	*ret = o;
	if (ret_truncated)
		*ret_truncated = d->truncated;
	return 0;
}

int tl_decode(const struct tl_schema *s, struct tl_arena *a, struct tl_cursor *c,
	      struct tl_obj **ret, bool *ret_truncated)
{
	struct tl_decoder d = {.s = s, .arena = a, .c = c};

	return tl_decode_top(&d, TL_K_OBJECT, TL_TYPE_ANY, ret, ret_truncated);
}

int tl_decode_result(const struct tl_schema *s, unsigned method, struct tl_arena *a,
		     struct tl_cursor *c, struct tl_obj **ret, bool *ret_truncated)
{
	struct tl_decoder d = {.s = s, .arena = a, .c = c};

	if (!tl_is_method(s, method))
		return -TG_E_INTERNAL;
	return tl_decode_top(&d, s->ctors[method].kind, s->ctors[method].type, ret, ret_truncated);
}

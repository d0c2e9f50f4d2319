/* Older lines of the schema: read into and written from the current structs, field by field, by
 * name. Owns nothing. */
#include "tl/codec.h"

#include <string.h>

#define MAX_VALUE 32u /* the largest tl_kind_size */

/* The field of a row that has the name of an older field. */
static const struct tl_field_row *find_field(const struct tl_schema *s,
					     const struct tl_ctor_row *row, const char *name)
{
	size_t n = (uint8_t)name[-1];

	for (unsigned i = 0; i < row->fields; i++) {
		const struct tl_field_row *f = &s->fields[row->first + i];
		const char *have = s->field_names + f->name;

		if (f->kind != TL_K_FLAGS && (uint8_t)have[-1] == n && memcmp(have, name, n) == 0)
			return f;
	}
	return NULL;
}

static bool is_integer(unsigned kind)
{
	return kind <= TL_K_LONG53;
}

static bool is_text(unsigned kind)
{
	return kind == TL_K_STRING || kind == TL_K_BYTES;
}

static bool is_object(unsigned kind)
{
	return kind == TL_K_OBJECT || kind == TL_K_BARE || kind == TL_K_QUERY;
}

static bool is_vector(unsigned kind)
{
	return kind == TL_K_VECTOR || kind == TL_K_BARE_VECTOR;
}

static bool is_truth(unsigned kind)
{
	return kind == TL_K_BOOL || kind == TL_K_TRUE;
}

/* A value that is no object and no vector from one kind to another; false when that makes no sense.
 */
static bool convert(unsigned from_kind, const void *from, unsigned to_kind, void *to)
{
	if (is_integer(from_kind) && is_integer(to_kind)) {
		int64_t v = from_kind == TL_K_INT ? *(const int32_t *)from : *(const int64_t *)from;

		if (to_kind == TL_K_INT)
			*(int32_t *)to = (int32_t)v;
		else
			*(int64_t *)to = v;
		return true;
	}
	if (from_kind != to_kind && !(is_text(from_kind) && is_text(to_kind)) &&
	    !(is_truth(from_kind) && is_truth(to_kind)))
		return false;
	if (is_object(from_kind) || is_vector(from_kind))
		return false;
	memcpy(to, from, tl_kind_size(from_kind));
	return true;
}

/* ---- reading ---- */

/* An older value to a current one, or read over when nothing takes it. True when it was taken. */
static bool read_value(struct tl_decoder *d, unsigned kind, unsigned type, unsigned to_kind,
		       unsigned to_type, void *to, unsigned depth);

static bool read_vector(struct tl_decoder *d, unsigned kind, unsigned type, unsigned to_kind,
			unsigned to_type, struct tl_vec *to, unsigned depth)
{
	const struct tl_elem_row *old = &d->older->elems[type];
	const struct tl_elem_row *now = is_vector(to_kind) ? &d->s->elems[to_type] : NULL;
	size_t size = now ? tl_kind_size(now->kind) : 0, count, i;
	uint8_t *items = NULL;
	bool taken = now != NULL;

	if (kind == TL_K_VECTOR && tl_get_u32(d->c) != TL_ID_VECTOR)
		tl_fail(d->c, -TG_E_WIRE);
	count = tl_get_u32(d->c);
	if (count > tl_left(d->c) / old->min)
		tl_fail(d->c, -TG_E_WIRE);
	else if (depth >= TL_MAX_DEPTH)
		tl_fail(d->c, -TG_E_WIRE_LIMIT);
	if (now && !d->c->err)
		items = tl_decode_alloc(d, count * size);
	for (i = 0; i < count && !tl_decode_stopped(d); i++)
		taken &=
			read_value(d, old->kind, old->type, now ? now->kind : TL_K_FLAGS,
				   now ? now->type : 0, items ? items + i * size : NULL, depth + 1);
	if (taken && i == count)
		*to = (struct tl_vec){items, (uint32_t)count};
	return taken && i == count;
}

static bool read_value(struct tl_decoder *d, unsigned kind, unsigned type, unsigned to_kind,
		       unsigned to_type, void *to, unsigned depth)
{
	_Alignas(16) uint8_t value[MAX_VALUE] = {0};
	struct tl_obj *o = NULL;

	if (is_vector(kind))
		return read_vector(d, kind, type, to_kind, to_type, to, depth);
	if (!is_object(kind)) {
		tl_decode_value(d, kind, type, value, depth);
		return to && !tl_decode_stopped(d) && convert(kind, value, to_kind, to);
	}
	if (kind == TL_K_BARE)
		o = tl_decode_older(d, type, depth);
	else
		tl_decode_value(d, kind, TL_TYPE_ANY, &o, depth);
	if (!to || !o || !is_object(to_kind) ||
	    (to_kind == TL_K_BARE ? o->ctor != to_type : !tl_fits(d->s, o->ctor, to_kind, to_type)))
		return false;
	*(struct tl_obj **)to = o;
	return true;
}

struct tl_obj *tl_decode_older(struct tl_decoder *d, unsigned line, unsigned depth)
{
	const struct tl_ctor_row *old = &d->older->ctors[line], *now;
	const struct tl_field_row *f = &d->older->fields[old->first], *end = f + old->fields;
	struct tl_words words = TL_WORDS;
	struct tl_str name = {d->older->names + old->name, old->name_len};
	unsigned ctor = tl_by_name(d->s, name);
	uint8_t *base;

	if (ctor == TL_NONE)
		return NULL;
	now = &d->s->ctors[ctor];
	if (depth >= TL_MAX_DEPTH)
		tl_fail(d->c, -TG_E_WIRE_LIMIT);
	base = d->c->err ? NULL : tl_decode_alloc(d, now->size);
	if (!base)
		return NULL;
	((struct tl_obj *)(void *)base)->ctor = (uint16_t)ctor;
	for (; f < end && !tl_decode_stopped(d); f++) {
		const struct tl_field_row *to =
			find_field(d->s, now, d->older->field_names + f->name);
		bool taken;

		if (f->kind == TL_K_FLAGS) {
			tl_word_set(&words, f->type, tl_get_u32(d->c));
			continue;
		}
		if (!tl_flag_set(&words, f->flag))
			continue;
		taken = read_value(d, f->kind, f->type, to ? to->kind : TL_K_FLAGS,
				   to ? to->type : 0, to ? base + to->offset : NULL, depth + 1);
		if (taken && to->flag != TL_FLAG_NONE && tl_kind_is_scalar(to->kind))
			*(bool *)(base + to->offset + tl_kind_size(to->kind)) = true;
	}
	return (struct tl_obj *)(void *)base;
}

int tl_compat_decode(const struct tl_compat *c, struct tl_arena *a, struct tl_cursor *in,
		     struct tl_obj **ret, bool *ret_truncated)
{
	struct tl_decoder d = {.s = c->api, .older = c->older, .arena = a, .c = in};

	return tl_decode_top(&d, TL_K_OBJECT, TL_TYPE_ANY, ret, ret_truncated);
}

/* ---- writing ---- */

unsigned tl_compat_line(const struct tl_compat *c, unsigned layer, unsigned ctor)
{
	const struct tl_ctor_row *now = &c->api->ctors[ctor];
	struct tl_str name = {c->api->names + now->name, now->name_len};
	unsigned line = tl_by_name(c->older, name), i = 0;

	if (line == TL_NONE)
		return TL_NONE;
	while (c->older->by_name[i] != line)
		i++;
	/* lines of one name stand together, the oldest first */
	for (; i < c->older->ctor_count; i++) {
		const struct tl_ctor_row *row = &c->older->ctors[c->older->by_name[i]];

		if (row->name != c->older->ctors[line].name)
			break;
		if (layer <= row->layer)
			return c->older->by_name[i];
	}
	return TL_NONE;
}

/* The simplest value of an older kind. */
static void write_nothing(struct tl_encoder *e, unsigned kind, unsigned type, unsigned depth)
{
	const struct tl_schema *older = e->compat->older;
	struct tl_str name;

	switch ((enum tl_kind)kind) {
	case TL_K_BOOL:
		tl_put_u32(e->out, TL_ID_FALSE);
		return;
	case TL_K_VECTOR:
		tl_put_u64(e->out, TL_ID_VECTOR);
		return;
	case TL_K_INT:
	case TL_K_STRING:
	case TL_K_BYTES:
	case TL_K_BARE_VECTOR:
		tl_put_u32(e->out, 0);
		return;
	case TL_K_LONG:
	case TL_K_LONG53:
	case TL_K_DOUBLE:
	case TL_K_INT128:
	case TL_K_INT256:
		for (size_t i = 0; i < tl_kind_size(kind); i += 4)
			tl_put_u32(e->out, 0);
		return;
	case TL_K_OBJECT:
		break;
	case TL_K_BARE:
	case TL_K_QUERY:
		e->err = -TG_E_INVALID_PARAMS;
		return;
	case TL_K_TRUE:
	case TL_K_FLAGS:
		return;
	}
	name = tl_str(older->names + older->types[type].name);
	for (unsigned t = 1; t < e->s->type_count; t++) {
		const struct tl_type_row *row = &e->s->types[t];
		_Alignas(16) uint8_t blank[2048] = {0};
		struct tl_obj *o = (struct tl_obj *)(void *)blank;

		if (!row->count || !tl_str_eq(name, e->s->names + row->name))
			continue;
		o->ctor = e->s->type_ctors[row->first];
		if (e->s->ctors[o->ctor].size <= sizeof blank) {
			tl_encode_value(e, TL_K_OBJECT, t, &o, depth);
			return;
		}
	}
	e->err = -TG_E_INVALID_PARAMS;
}

static bool can_write(const struct tl_encoder *e, unsigned from_kind, unsigned from_type,
		      unsigned kind, unsigned type)
{
	if (is_vector(kind) && is_vector(from_kind)) {
		const struct tl_elem_row *now = &e->s->elems[from_type];
		const struct tl_elem_row *old = &e->compat->older->elems[type];

		return can_write(e, now->kind, now->type, old->kind, old->type);
	}
	if (is_object(kind) || is_object(from_kind))
		return kind != TL_K_BARE && is_object(kind) && is_object(from_kind);
	return (is_integer(kind) && is_integer(from_kind)) ||
	       (is_text(kind) && is_text(from_kind)) || (is_truth(kind) && is_truth(from_kind)) ||
	       kind == from_kind;
}

/* A current value as an older kind; can_write said that it can be done. */
static void write_value(struct tl_encoder *e, unsigned from_kind, unsigned from_type,
			const void *from, unsigned kind, unsigned type, unsigned depth)
{
	_Alignas(16) uint8_t value[MAX_VALUE] = {0};

	if (is_vector(kind)) {
		const struct tl_elem_row *now = &e->s->elems[from_type];
		const struct tl_elem_row *old = &e->compat->older->elems[type];
		const struct tl_vec *v = from;
		const uint8_t *items = v->items;
		uint32_t count = items ? v->count : 0;

		if (depth >= TL_MAX_DEPTH && !e->err)
			e->err = -TG_E_WIRE_LIMIT;
		if (kind == TL_K_VECTOR)
			tl_put_u32(e->out, TL_ID_VECTOR);
		tl_put_u32(e->out, count);
		for (uint32_t i = 0; i < count && !e->err; i++)
			write_value(e, now->kind, now->type, items + i * tl_kind_size(now->kind),
				    old->kind, old->type, depth + 1);
	} else if (is_object(kind)) {
		tl_encode_value(e, from_kind == TL_K_QUERY ? TL_K_QUERY : TL_K_OBJECT,
				from_kind == TL_K_OBJECT ? from_type : TL_TYPE_ANY, from, depth);
	} else if (convert(from_kind, from, kind, value)) {
		tl_encode_value(e, kind, type, value, depth);
	}
}

void tl_encode_older(struct tl_encoder *e, unsigned line, const struct tl_obj *o, unsigned depth)
{
	const struct tl_schema *older = e->compat->older;
	const struct tl_ctor_row *old = &older->ctors[line], *now = &e->s->ctors[o->ctor];
	const struct tl_field_row *from[UINT8_MAX + 1], *f = &older->fields[old->first];
	const uint8_t *base = (const uint8_t *)o;
	struct tl_words words = TL_WORDS;

	if (depth >= TL_MAX_DEPTH)
		e->err = -TG_E_WIRE_LIMIT;
	for (unsigned i = 0; i < old->fields; i++) {
		from[i] = find_field(e->s, now, older->field_names + f[i].name);
		if (from[i] && (!tl_is_present(from[i], base) ||
				!can_write(e, from[i]->kind, from[i]->type, f[i].kind, f[i].type)))
			from[i] = NULL;
		if (f[i].flag == TL_FLAG_NONE || !from[i])
			continue;
		if (f[i].kind != TL_K_TRUE || *(const bool *)(base + from[i]->offset))
			tl_flag_add(&words, f[i].flag);
	}
	tl_put_u32(e->out, old->id);
	for (unsigned i = 0; i < old->fields && !e->err; i++) {
		if (f[i].kind == TL_K_FLAGS)
			tl_put_u32(e->out, tl_word(&words, f[i].type));
		else if (!tl_flag_set(&words, f[i].flag))
			continue;
		else if (from[i])
			write_value(e, from[i]->kind, from[i]->type, base + from[i]->offset,
				    f[i].kind, f[i].type, depth + 1);
		else
			write_nothing(e, f[i].kind, f[i].type, depth + 1);
	}
}

int tl_compat_encode(const struct tl_compat *c, unsigned layer, const struct tl_obj *o,
		     struct tl_buf *out)
{
	struct tl_encoder e = {.s = c->api, .compat = c, .layer = layer, .out = out};

	return tl_encode_top(&e, o);
}

int tl_compat_encode_result(const struct tl_compat *c, unsigned layer, unsigned method,
			    const struct tl_obj *o, struct tl_buf *out)
{
	struct tl_encoder e = {.s = c->api, .compat = c, .layer = layer, .out = out};

	return tl_encode_answer(&e, method, o);
}

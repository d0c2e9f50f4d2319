/* Structs to wire. Flag words are computed from what is present. A failure takes back what was
 * written. */
#include "tl/codec.h"

static void fail(struct tl_encoder *e, int err)
{
	if (!e->err)
		e->err = err;
}

static void write_object(struct tl_encoder *e, const struct tl_obj *o, unsigned kind, unsigned type,
			 unsigned depth);
static void write_body(struct tl_encoder *e, const struct tl_obj *o, unsigned depth);

static void write_vector(struct tl_encoder *e, unsigned elem, const struct tl_vec *v,
			 unsigned depth)
{
	const struct tl_elem_row *row = &e->s->elems[elem];
	const uint8_t *items = v->items;
	uint32_t count = items ? v->count : 0;

	if (depth >= TL_MAX_DEPTH)
		fail(e, -TG_E_WIRE_LIMIT);
	tl_put_u32(e->out, count);
	for (uint32_t i = 0; i < count && !e->err; i++)
		tl_encode_value(e, row->kind, row->type, items + i * tl_kind_size(row->kind),
				depth + 1);
}

void tl_encode_value(struct tl_encoder *e, unsigned kind, unsigned type, const void *from,
		     unsigned depth)
{
	const struct tl_str *str = from;

	switch ((enum tl_kind)kind) {
	case TL_K_INT:
		tl_put_u32(e->out, (uint32_t) * (const int32_t *)from);
		return;
	case TL_K_LONG:
	case TL_K_LONG53:
		tl_put_u64(e->out, (uint64_t) * (const int64_t *)from);
		return;
	case TL_K_DOUBLE:
		tl_put_double(e->out, *(const double *)from);
		return;
	case TL_K_STRING:
	case TL_K_BYTES:
		tl_put_bytes(e->out, str->data, str->data ? str->len : 0);
		return;
	case TL_K_INT128:
	case TL_K_INT256:
		tl_put(e->out, from, tl_kind_size(kind));
		return;
	case TL_K_BOOL:
		tl_put_u32(e->out, *(const bool *)from ? TL_ID_TRUE : TL_ID_FALSE);
		return;
	case TL_K_OBJECT:
	case TL_K_QUERY:
	case TL_K_BARE:
		write_object(e, *(struct tl_obj *const *)from, kind, type, depth);
		return;
	case TL_K_VECTOR:
		tl_put_u32(e->out, TL_ID_VECTOR);
		write_vector(e, type, from, depth);
		return;
	case TL_K_BARE_VECTOR:
		write_vector(e, type, from, depth);
		return;
	case TL_K_TRUE:
	case TL_K_FLAGS:
		return;
	}
}

static void write_body(struct tl_encoder *e, const struct tl_obj *o, unsigned depth)
{
	const struct tl_ctor_row *row = &e->s->ctors[o->ctor];
	const struct tl_field_row *first = &e->s->fields[row->first], *end = first + row->fields,
				  *f;
	const uint8_t *base = (const uint8_t *)o;
	struct tl_words words = TL_WORDS;

	if (depth >= TL_MAX_DEPTH)
		fail(e, -TG_E_WIRE_LIMIT);
	for (f = first; f < end; f++)
		if (f->flag != TL_FLAG_NONE && tl_is_present(f, base))
			tl_flag_add(&words, f->flag);
	for (f = first; f < end && !e->err; f++) {
		if (f->kind == TL_K_FLAGS)
			tl_put_u32(e->out, tl_word(&words, f->type));
		else if (tl_flag_set(&words, f->flag))
			tl_encode_value(e, f->kind, f->type, base + f->offset, depth + 1);
	}
}

static void write_object(struct tl_encoder *e, const struct tl_obj *o, unsigned kind, unsigned type,
			 unsigned depth)
{
	if (o && o->ctor == TL_UNKNOWN && kind == TL_K_OBJECT) {
		const struct tl_unknown *u = (const struct tl_unknown *)(const void *)o;

		tl_put(e->out, u->bytes.data, u->bytes.len);
		return;
	}
	if (!o || o->ctor == TL_NONE || o->ctor > e->s->ctor_count ||
	    (kind == TL_K_BARE ? o->ctor != type : !tl_fits(e->s, o->ctor, kind, type))) {
		fail(e, -TG_E_INVALID_PARAMS);
		return;
	}
	if (e->compat && kind != TL_K_BARE) {
		unsigned line = tl_compat_line(e->compat, e->layer, o->ctor);

		if (line != TL_NONE) {
			tl_encode_older(e, line, o, depth);
			return;
		}
	}
	if (kind != TL_K_BARE)
		tl_put_u32(e->out, e->s->ctors[o->ctor].id);
	write_body(e, o, depth);
}

static int finish(struct tl_encoder *e, size_t start)
{
	int err = e->err ? e->err : e->out->err;

	if (err)
		e->out->len = start;
	return err;
}

int tl_encode_top(struct tl_encoder *e, const struct tl_obj *o)
{
	size_t start = e->out->len;

	write_object(e, o, TL_K_OBJECT, TL_TYPE_ANY, 0);
	return finish(e, start);
}

int tl_encode_answer(struct tl_encoder *e, unsigned method, const struct tl_obj *o)
{
	const struct tl_vector *v = (const struct tl_vector *)(const void *)o;
	const struct tl_ctor_row *row = &e->s->ctors[tl_is_method(e->s, method) ? method : 0];
	size_t start = e->out->len;

	if (row->id && o && o->ctor == TL_VECTOR && row->kind == TL_K_VECTOR)
		tl_encode_value(e, row->kind, row->type, &v->vec, 0);
	else if (row->id && o && o->ctor == TL_VECTOR && tl_kind_is_scalar(row->kind) &&
		 v->vec.items)
		tl_encode_value(e, row->kind, row->type, v->vec.items, 0);
	else if (row->id && row->kind == TL_K_OBJECT)
		write_object(e, o, TL_K_OBJECT, row->type, 0);
	else
		fail(e, -TG_E_INVALID_PARAMS);
	return finish(e, start);
}

int tl_encode(const struct tl_schema *s, const struct tl_obj *o, struct tl_buf *out)
{
	struct tl_encoder e = {.s = s, .out = out};

	return tl_encode_top(&e, o);
}

int tl_encode_result(const struct tl_schema *s, unsigned method, const struct tl_obj *o,
		     struct tl_buf *out)
{
	struct tl_encoder e = {.s = s, .out = out};

	return tl_encode_answer(&e, method, o);
}

/* Structs to JSON text, in the same form as wire_json.c gives. */
#include "tl/table.h"
#include "tl/text.h"

struct printer {
	const struct tl_schema *s;
	struct tl_out out;
	int err;
};

static void print_object(struct printer *p, const struct tl_obj *o, unsigned depth);

static void print_value(struct printer *p, unsigned kind, unsigned type, const uint8_t *from,
			unsigned depth);

static void print_vector(struct printer *p, unsigned elem, const struct tl_vec *v, unsigned depth)
{
	const struct tl_elem_row *row = &p->s->elems[elem];
	const uint8_t *items = v->items;
	uint32_t count = items ? v->count : 0;

	if (depth >= TL_MAX_DEPTH)
		p->err = -TG_E_WIRE_LIMIT;
	tl_out_char(&p->out, '[');
	for (uint32_t i = 0; i < count && !p->err && !p->out.buf->err; i++) {
		if (i)
			tl_out_char(&p->out, ',');
		print_value(p, row->kind, row->type, items + i * tl_kind_size(row->kind),
			    depth + 1);
	}
	tl_out_char(&p->out, ']');
}

static void print_value(struct printer *p, unsigned kind, unsigned type, const uint8_t *from,
			unsigned depth)
{
	const void *at = from;
	const struct tl_str *str = at;

	if (!tl_out_room(&p->out, TL_KEY_ROOM / 4))
		return;
	switch ((enum tl_kind)kind) {
	case TL_K_INT:
		p->out.p = tl_raw_int(p->out.p, *(const int32_t *)at);
		return;
	case TL_K_LONG53:
		p->out.p = tl_raw_int(p->out.p, *(const int64_t *)at);
		return;
	case TL_K_LONG:
		*p->out.p++ = '"';
		p->out.p = tl_raw_int(p->out.p, *(const int64_t *)at);
		*p->out.p++ = '"';
		return;
	case TL_K_DOUBLE:
		tl_out_double(&p->out, *(const double *)at);
		return;
	case TL_K_STRING:
		tl_out_string(&p->out, str->data, str->data ? str->len : 0);
		return;
	case TL_K_BYTES:
		tl_out_base64(&p->out, str->data, str->data ? str->len : 0);
		return;
	case TL_K_INT128:
	case TL_K_INT256:
		tl_out_hex(&p->out, from, tl_kind_size(kind));
		return;
	case TL_K_BOOL:
	case TL_K_TRUE:
		if (*(const bool *)at)
			tl_out_text(&p->out, "true", 4);
		else
			tl_out_text(&p->out, "false", 5);
		return;
	case TL_K_OBJECT:
	case TL_K_QUERY:
	case TL_K_BARE:
		print_object(p, *(struct tl_obj *const *)at, depth);
		return;
	case TL_K_VECTOR:
	case TL_K_BARE_VECTOR:
		print_vector(p, type, at, depth);
		return;
	case TL_K_FLAGS:
		return;
	}
}

static void print_object(struct printer *p, const struct tl_obj *o, unsigned depth)
{
	const struct tl_ctor_row *row;
	const struct tl_field_row *f, *end;

	if (o && o->ctor == TL_UNKNOWN) {
		const struct tl_unknown *u = (const struct tl_unknown *)(const void *)o;

		tl_out_unknown(&p->out, u->id, u->bytes.data, u->bytes.len);
		return;
	}
	if (!o || o->ctor == TL_NONE || o->ctor > p->s->ctor_count)
		p->err = -TG_E_INVALID_PARAMS;
	else if (depth >= TL_MAX_DEPTH)
		p->err = -TG_E_WIRE_LIMIT;
	if (p->err)
		return;
	row = &p->s->ctors[o->ctor];
	f = &p->s->fields[row->first];
	end = f + row->fields;
	tl_out_head(&p->out, p->s->names + row->name, row->name_len);
	for (; f < end && !p->err && !p->out.buf->err; f++)
		if (f->kind != TL_K_FLAGS && tl_is_present(f, (const uint8_t *)o) &&
		    tl_out_key(&p->out, p->s->field_names + f->name))
			print_value(p, f->kind, f->type, (const uint8_t *)o + f->offset, depth + 1);
	tl_out_char(&p->out, '}');
}

int tl_obj_to_json(const struct tl_schema *s, const struct tl_obj *o, struct tl_buf *out)
{
	struct printer p = {.s = s};
	size_t start = out->len;

	tl_out_open(&p.out, out);
	print_object(&p, o, 0);
	tl_out_close(&p.out);
	if (p.err || out->err) {
		out->len = start;
		return p.err ? p.err : out->err;
	}
	return 0;
}

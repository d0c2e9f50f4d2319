/* Questions to a schema's tables: look-ups, names, the text of a line. */
#include "tl/table.h"

#include <string.h>

unsigned tl_layer(const struct tl_schema *s)
{
	return s->layer;
}

unsigned tl_ctor_count(const struct tl_schema *s)
{
	return s->ctor_count;
}

unsigned tl_by_id(const struct tl_schema *s, uint32_t id)
{
	uint32_t mask = (1u << s->hash_bits) - 1, h = tl_hash(id, s->hash_bits);

	for (; s->hash[h]; h = (h + 1) & mask)
		if (s->ctors[s->hash[h]].id == id)
			return s->hash[h];
	return TL_NONE;
}

static int compare(const struct tl_schema *s, unsigned ctor, struct tl_str name)
{
	const struct tl_ctor_row *row = &s->ctors[ctor];
	size_t n = row->name_len < name.len ? row->name_len : name.len;
	int order = memcmp(s->names + row->name, name.data, n);

	return order ? order : (row->name_len > name.len) - (row->name_len < name.len);
}

unsigned tl_by_name(const struct tl_schema *s, struct tl_str name)
{
	unsigned lo = 0, hi = s->ctor_count;

	if (!name.data)
		return TL_NONE;
	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (compare(s, s->by_name[mid], name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == s->ctor_count || compare(s, s->by_name[lo], name) != 0)
		return TL_NONE;
	return s->by_name[lo];
}

static const struct tl_ctor_row *row_of(const struct tl_schema *s, unsigned ctor)
{
	return &s->ctors[ctor <= s->ctor_count ? ctor : 0];
}

const char *tl_name(const struct tl_schema *s, unsigned ctor)
{
	if (ctor == TL_UNKNOWN || ctor == TL_VECTOR)
		return ctor == TL_UNKNOWN ? "unknown" : "vector";
	return s->names + row_of(s, ctor)->name;
}

uint32_t tl_id(const struct tl_schema *s, unsigned ctor)
{
	return row_of(s, ctor)->id;
}

bool tl_is_method(const struct tl_schema *s, unsigned ctor)
{
	return row_of(s, ctor)->bits & TL_C_METHOD;
}

bool tl_is_service(const struct tl_schema *s, unsigned ctor)
{
	return row_of(s, ctor)->bits & TL_C_SERVICE;
}

const char *tl_kind_text(const struct tl_schema *s, unsigned kind, unsigned type)
{
	switch ((enum tl_kind)kind) {
	case TL_K_INT:
		return "int";
	case TL_K_LONG:
	case TL_K_LONG53:
		return "long";
	case TL_K_DOUBLE:
		return "double";
	case TL_K_STRING:
		return "string";
	case TL_K_BYTES:
		return "bytes";
	case TL_K_INT128:
		return "int128";
	case TL_K_INT256:
		return "int256";
	case TL_K_BOOL:
		return "Bool";
	case TL_K_TRUE:
		return "true";
	case TL_K_FLAGS:
		return "#";
	case TL_K_OBJECT:
		return s->names + s->types[type].name;
	case TL_K_BARE:
		return s->names + s->ctors[type].name;
	case TL_K_QUERY:
		return "!X";
	case TL_K_VECTOR:
	case TL_K_BARE_VECTOR:
		return s->names + s->elems[type].name;
	}
	return "";
}

const char *tl_type_name(const struct tl_schema *s, unsigned ctor)
{
	const struct tl_ctor_row *row = row_of(s, ctor);

	return row->bits & TL_C_GENERIC ? "X" : tl_kind_text(s, row->kind, row->type);
}

static const struct tl_field_row *word_field(const struct tl_schema *s,
					     const struct tl_ctor_row *row, unsigned word)
{
	const struct tl_field_row *f = s->fields + row->first;

	while (f->kind != TL_K_FLAGS || f->type != word)
		f++;
	return f;
}

/* "flags.3?Vector<int>" */
static void put_type(const struct tl_schema *s, const struct tl_ctor_row *row,
		     const struct tl_field_row *f, struct tl_buf *out)
{
	if (f->flag != TL_FLAG_NONE) {
		tl_put_text(out, s->field_names + word_field(s, row, f->flag >> 5)->name);
		tl_put_u8(out, '.');
		tl_js_int(out, f->flag & 31);
		tl_put_u8(out, '?');
	}
	tl_put_text(out, tl_kind_text(s, f->kind, f->type));
}

int tl_line(const struct tl_schema *s, unsigned ctor, struct tl_buf *out)
{
	const struct tl_ctor_row *row = row_of(s, ctor);
	static const char digits[] = "0123456789abcdef";

	if (row->id == 0)
		return -TG_E_NOT_FOUND;
	tl_put_text(out, s->names + row->name);
	tl_put_u8(out, '#');
	for (int shift = 28; shift >= 0; shift -= 4)
		tl_put_u8(out, (uint8_t)digits[row->id >> shift & 15]);
	if (row->bits & TL_C_GENERIC)
		tl_put_text(out, " {X:Type}");
	for (unsigned i = 0; i < row->fields; i++) {
		const struct tl_field_row *f = &s->fields[row->first + i];

		tl_put_u8(out, ' ');
		tl_put_text(out, s->field_names + f->name);
		tl_put_u8(out, ':');
		put_type(s, row, f, out);
	}
	tl_put_text(out, " = ");
	tl_put_text(out, tl_type_name(s, ctor));
	tl_put_u8(out, ';');
	return out->err;
}

int tl_field_info(const struct tl_schema *s, unsigned ctor, unsigned n, struct tl_field_info *ret)
{
	const struct tl_ctor_row *row = row_of(s, ctor);
	const struct tl_field_row *f = &s->fields[row->first], *end = f + row->fields;
	struct tl_buf text = {0};

	for (; f < end; f++)
		if (f->kind != TL_K_FLAGS && n-- == 0)
			break;
	if (f >= end)
		return -TG_E_NOT_FOUND;
	put_type(s, row, f, &text);
	if (text.err || text.len >= sizeof ret->type) {
		tl_buf_free(&text);
		return -TG_E_NOMEM;
	}
	ret->name = s->field_names + f->name;
	memcpy(ret->type, text.data, text.len);
	ret->type[text.len] = 0;
	ret->optional = f->flag != TL_FLAG_NONE;
	tl_buf_free(&text);
	return 0;
}

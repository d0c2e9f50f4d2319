/* Fields of decoded objects by their names. */
#include "tl/table.h"

#include <string.h>

static const struct tl_field_row *row_of(const struct tl_schema *s, unsigned ctor, const char *name)
{
	size_t n = strlen(name);
	const struct tl_ctor_row *row;

	if (ctor == TL_NONE || ctor > s->ctor_count)
		return NULL;
	row = &s->ctors[ctor];
	for (unsigned i = 0; i < row->fields; i++) {
		const struct tl_field_row *f = &s->fields[row->first + i];
		const char *have = s->field_names + f->name;

		/* the byte before a name is its length */
		if ((uint8_t)have[-1] == n && memcmp(have, name, n) == 0)
			return f;
	}
	return NULL;
}

bool tl_has_field(const struct tl_schema *s, unsigned ctor, const char *name)
{
	return row_of(s, ctor, name) != NULL;
}

bool tl_field_int(const struct tl_schema *s, const struct tl_obj *o, const char *name, int64_t *ret)
{
	const struct tl_field_row *f = row_of(s, o->ctor, name);
	const uint8_t *base = (const uint8_t *)o;
	int32_t narrow;

	if (!f || f->kind > TL_K_LONG53)
		return false;
	/* has_x stands right behind the value */
	if (f->flag != TL_FLAG_NONE && !base[f->offset + tl_kind_size(f->kind)])
		return false;
	if (f->kind == TL_K_INT) {
		memcpy(&narrow, base + f->offset, sizeof narrow);
		*ret = narrow;
		return true;
	}
	memcpy(ret, base + f->offset, sizeof *ret);
	return true;
}

const struct tl_obj *tl_field_obj(const struct tl_schema *s, const struct tl_obj *o,
				  const char *name)
{
	const struct tl_field_row *f = row_of(s, o->ctor, name);
	const struct tl_obj *value;

	if (!f || (f->kind != TL_K_OBJECT && f->kind != TL_K_BARE))
		return NULL;
	memcpy(&value, (const uint8_t *)o + f->offset, sizeof value);
	return value;
}

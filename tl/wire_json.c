/* Wire to JSON text in one walk: no tree, no memory but the output. Users and chats are shown to
 * the caller on the way. What it writes belongs to the caller's buffer and is taken back on
 * failure. */
#include "tl/table.h"
#include "tl/text.h"

struct walk {
	const struct tl_schema *s;
	struct tl_out out;
	const struct tl_harvest *harvest;
	struct tl_cursor c;
	bool truncated; /* an unknown constructor ended the reading */
};

static inline bool stopped(const struct walk *w)
{
	return w->truncated || w->c.err || w->out.buf->err;
}

static inline uint32_t take_u32(struct walk *w)
{
	const uint8_t *p = w->c.p;

	if (tl_left(&w->c) < 4) {
		tl_fail(&w->c, -TG_E_WIRE);
		return 0;
	}
	w->c.p += 4;
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline int64_t take_i64(struct walk *w)
{
	uint64_t low = take_u32(w);

	return (int64_t)(low | (uint64_t)take_u32(w) << 32);
}

static void walk_bool(struct walk *w)
{
	uint32_t id = take_u32(w);

	if (id == TL_ID_TRUE)
		tl_out_text(&w->out, "true", 4);
	else if (id == TL_ID_FALSE)
		tl_out_text(&w->out, "false", 5);
	else
		tl_fail(&w->c, -TG_E_WIRE);
}

static void walk_string(struct walk *w, bool text)
{
	struct tl_str s = tl_get_bytes(&w->c);

	if (w->c.err)
		return;
	if (text)
		tl_out_string(&w->out, s.data, s.len);
	else
		tl_out_base64(&w->out, s.data, s.len);
}

static void walk_raw(struct walk *w, size_t n)
{
	const uint8_t *p = tl_get(&w->c, n);

	if (p)
		tl_out_hex(&w->out, p, n);
}

static void walk_object(struct walk *w, unsigned kind, unsigned type, unsigned depth);
static void walk_body(struct walk *w, unsigned ctor, unsigned depth);
static void walk_vector(struct walk *w, unsigned elem, unsigned depth);

/* Inlined into the loops over fields and elements: half of what an update costs is spent here. */
__attribute__((always_inline)) static inline void walk_value(struct walk *w, unsigned kind,
							     unsigned type, unsigned depth)
{
	if (!tl_out_room(&w->out, TL_KEY_ROOM / 4))
		return;
	switch ((enum tl_kind)kind) {
	case TL_K_INT:
		w->out.p = tl_raw_int(w->out.p, (int32_t)take_u32(w));
		return;
	case TL_K_LONG53:
		w->out.p = tl_raw_int(w->out.p, take_i64(w));
		return;
	case TL_K_LONG:
		*w->out.p++ = '"';
		w->out.p = tl_raw_int(w->out.p, take_i64(w));
		*w->out.p++ = '"';
		return;
	case TL_K_DOUBLE:
		tl_out_double(&w->out, tl_get_double(&w->c));
		return;
	case TL_K_STRING:
		walk_string(w, true);
		return;
	case TL_K_BYTES:
		walk_string(w, false);
		return;
	case TL_K_INT128:
	case TL_K_INT256:
		walk_raw(w, tl_kind_size(kind));
		return;
	case TL_K_BOOL:
		walk_bool(w);
		return;
	case TL_K_TRUE:
		tl_out_text(&w->out, "true", 4);
		return;
	case TL_K_OBJECT:
	case TL_K_QUERY:
		walk_object(w, kind, type, depth);
		return;
	case TL_K_BARE:
		walk_body(w, type, depth);
		return;
	case TL_K_VECTOR:
		if (take_u32(w) != TL_ID_VECTOR)
			tl_fail(&w->c, -TG_E_WIRE);
		walk_vector(w, type, depth);
		return;
	case TL_K_BARE_VECTOR:
		walk_vector(w, type, depth);
		return;
	case TL_K_FLAGS:
		return;
	}
}

static void walk_vector(struct walk *w, unsigned elem, unsigned depth)
{
	const struct tl_elem_row *row = &w->s->elems[elem];
	uint32_t count = take_u32(w);

	if (count > tl_left(&w->c) / row->min)
		tl_fail(&w->c, -TG_E_WIRE);
	else if (depth >= TL_MAX_DEPTH)
		tl_fail(&w->c, -TG_E_WIRE_LIMIT);
	tl_out_char(&w->out, '[');
	for (uint32_t i = 0; i < count && !stopped(w); i++) {
		if (i)
			tl_out_char(&w->out, ',');
		walk_value(w, row->kind, row->type, depth + 1);
	}
	tl_out_char(&w->out, ']');
}

static void walk_body(struct walk *w, unsigned ctor, unsigned depth)
{
	const struct tl_ctor_row *row = &w->s->ctors[ctor];
	const struct tl_field_row *f = &w->s->fields[row->first], *end = f + row->fields;
	const char *names = w->s->field_names;
	struct tl_words words = TL_WORDS;

	if (depth >= TL_MAX_DEPTH)
		tl_fail(&w->c, -TG_E_WIRE_LIMIT);
	tl_out_head(&w->out, w->s->names + row->name, row->name_len);
	if (stopped(w))
		return;
	for (; f < end; f++) {
		if (!tl_flag_set(&words, f->flag))
			continue;
		if (f->kind == TL_K_FLAGS) {
			tl_word_set(&words, f->type, take_u32(w));
			continue;
		}
		if (!tl_out_key(&w->out, names + f->name))
			return;
		if (f->kind == TL_K_TRUE) {
			memcpy(w->out.p, "true", 4);
			w->out.p += 4;
			continue;
		}
		walk_value(w, f->kind, f->type, depth + 1);
		if (stopped(w))
			break;
	}
	tl_out_char(&w->out, '}');
}

static void walk_unknown(struct walk *w, uint32_t id, const uint8_t *start)
{
	tl_out_unknown(&w->out, id, start, (size_t)(w->c.end - start));
	w->truncated = true;
	w->c.p = w->c.end;
}

static void walk_object(struct walk *w, unsigned kind, unsigned type, unsigned depth)
{
	const uint8_t *start = w->c.p;
	uint32_t id = take_u32(w);
	unsigned ctor = tl_by_id(w->s, id);

	if (w->c.err)
		return;
	if (ctor == TL_NONE) {
		walk_unknown(w, id, start);
		return;
	}
	if (!tl_fits(w->s, ctor, kind, type)) {
		tl_fail(&w->c, -TG_E_WIRE);
		return;
	}
	walk_body(w, ctor, depth);
	if (w->harvest && w->s->types[w->s->ctors[ctor].type].bits & TL_T_HARVEST && !stopped(w) &&
	    !(w->s->ctors[ctor].bits & TL_C_METHOD))
		w->harvest->seen(w->harvest->ctx, ctor, start, (size_t)(w->c.p - start));
}

/* The top of a value whose end was not readable carries "truncated":true; an array is put into an
 * object for it: {"_":"vector","items":[…],"truncated":true}. */
static void mark_truncated(struct tl_buf *out, size_t start)
{
	static const char head[] = "{\"_\":\"vector\",\"items\":";
	static const char tail[] = ",\"truncated\":true}";
	size_t n = out->len - start;

	if (out->data[start] == '{') {
		out->len--;
	} else if (tl_buf_extend(out, sizeof head - 1)) {
		memmove(out->data + start + sizeof head - 1, out->data + start, n);
		memcpy(out->data + start, head, sizeof head - 1);
	}
	tl_put(out, tail, sizeof tail - 1);
}

/* Whether the bytes can be of this kind at all; if not, and the number is unknown, they are shown
 * as an unknown object. */
static bool is_expected(const struct walk *w, unsigned kind)
{
	uint32_t id = tl_peek_u32(&w->c);

	if (kind == TL_K_VECTOR)
		return id == TL_ID_VECTOR || tl_by_id(w->s, id) != TL_NONE;
	if (kind == TL_K_BOOL)
		return id == TL_ID_TRUE || id == TL_ID_FALSE || tl_by_id(w->s, id) != TL_NONE;
	return true;
}

int tl_to_json(const struct tl_schema *s, unsigned method, struct tl_cursor *c, struct tl_buf *out,
	       const struct tl_harvest *harvest, bool *ret_truncated)
{
	struct walk w = {.s = s, .harvest = harvest, .c = *c};
	unsigned kind = TL_K_OBJECT, type = TL_TYPE_ANY;
	size_t start = out->len;

	if (method) {
		if (!tl_is_method(s, method))
			return -TG_E_INTERNAL;
		kind = s->ctors[method].kind;
		type = s->ctors[method].type;
	}
	tl_out_open(&w.out, out);
	if (c->err || tl_left(c) < 4)
		tl_fail(&w.c, -TG_E_WIRE);
	else if (is_expected(&w, kind))
		walk_value(&w, kind, type, 0);
	else
		walk_unknown(&w, tl_peek_u32(&w.c), w.c.p);
	tl_out_close(&w.out);
	if (w.truncated && !w.c.err && !out->err)
		mark_truncated(out, start);
	*c = w.c;
	if (c->err || out->err) {
		out->len = start;
		return c->err ? c->err : out->err;
	}
	if (ret_truncated)
		*ret_truncated = w.truncated;
	return 0;
}

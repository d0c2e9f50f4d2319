/* JSON to wire, by the descriptors: strict, and able to say where and why it refuses. Also the walk
 * over a JSON value and the filling of defaults. The only file of tl that knows jansson; trees
 * belong to the caller. */
#include "tl/json_path.h"
#include "tl/table.h"

#include <jansson.h>
#include <string.h>

struct reader {
	const struct tl_schema *s;
	struct tl_buf *out;
	struct tl_refusal *why;
	const struct tl_path *path;
	int err;
};

static void refuse(struct reader *r, const char *const *words)
{
	if (r->err)
		return;
	r->err = -TG_E_INVALID_PARAMS;
	tl_path_print(r->path, r->why->path, sizeof r->why->path);
	tl_join(r->why->text, sizeof r->why->text, words);
}

#define REFUSE(r, ...) refuse(r, (const char *const[]){__VA_ARGS__, NULL})

static const char *json_kind(const json_t *v)
{
	if (!v)
		return "nothing";
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a number with a fraction or exponent";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	case JSON_NULL:
		return "null";
	}
	return "something else";
}

static void wrong_kind(struct reader *r, const char *wanted, const json_t *v)
{
	REFUSE(r, wanted, " expected, not ", json_kind(v));
}

static int64_t read_integer(struct reader *r, const json_t *v, int64_t lo, int64_t hi,
			    const char *what)
{
	int64_t n = 0;

	if (json_is_integer(v)) {
		n = json_integer_value(v);
	} else if (json_is_string(v)) {
		int err = tl_parse_integer(json_string_value(v), json_string_length(v), &n);

		if (err == -TG_E_TOO_LARGE)
			REFUSE(r, "out of the range of ", what);
		else if (err)
			REFUSE(r, what, " expected: a JSON integer or a decimal string");
	} else {
		wrong_kind(r, what, v);
	}
	if (n < lo || n > hi)
		REFUSE(r, "out of the range of ", what);
	return n;
}

static void read_text(struct reader *r, const json_t *v)
{
	if (!json_is_string(v))
		wrong_kind(r, "a string", v);
	else if (json_string_length(v) > TL_MAX_STRING)
		REFUSE(r, "longer than 16777215 bytes");
	else
		tl_put_bytes(r->out, json_string_value(v), json_string_length(v));
}

static void read_bytes(struct reader *r, const json_t *v)
{
	struct tl_buf bytes = {.limit = TL_MAX_STRING};
	int err;

	if (!json_is_string(v)) {
		wrong_kind(r, "bytes in base64", v);
		return;
	}
	err = tl_base64_decode(json_string_value(v), json_string_length(v), &bytes);
	if (err == -TG_E_INVALID_PARAMS)
		REFUSE(r, "not base64 with padding");
	else if (err == -TG_E_TOO_LARGE)
		REFUSE(r, "longer than 16777215 bytes");
	else if (err && !r->err)
		r->err = err;
	else
		tl_put_bytes(r->out, bytes.data, bytes.len);
	tl_buf_free(&bytes);
}

static void read_hex(struct reader *r, const json_t *v, size_t n)
{
	const char *text = json_string_value(v);
	uint8_t raw[32];

	if (!text || json_string_length(v) != 2 * n || tl_parse_hex(text, raw, n))
		REFUSE(r, n == 16 ? "32 hexadecimal digits expected"
				  : "64 hexadecimal digits expected");
	else
		tl_put(r->out, raw, n);
}

static void read_object(struct reader *r, unsigned kind, unsigned type, const json_t *v,
			unsigned depth);
static void read_body(struct reader *r, unsigned ctor, const json_t *v, unsigned depth);
static void read_value(struct reader *r, unsigned kind, unsigned type, const json_t *v,
		       unsigned depth);

static void read_vector(struct reader *r, unsigned elem, const json_t *v, unsigned depth)
{
	const struct tl_elem_row *row = &r->s->elems[elem];
	struct tl_path here = {.up = r->path};

	if (!json_is_array(v)) {
		wrong_kind(r, "an array", v);
		return;
	}
	if (depth >= TL_MAX_DEPTH)
		REFUSE(r, "nested too deeply");
	tl_put_u32(r->out, (uint32_t)json_array_size(v));
	r->path = &here;
	for (size_t i = 0; i < json_array_size(v) && !r->err; i++) {
		here.index = i;
		read_value(r, row->kind, row->type, json_array_get(v, i), depth + 1);
	}
	r->path = here.up;
}

static void read_value(struct reader *r, unsigned kind, unsigned type, const json_t *v,
		       unsigned depth)
{
	switch ((enum tl_kind)kind) {
	case TL_K_INT:
		tl_put_u32(r->out,
			   (uint32_t)read_integer(r, v, INT32_MIN, INT32_MAX, "a 32-bit integer"));
		return;
	case TL_K_LONG:
	case TL_K_LONG53:
		tl_put_u64(r->out,
			   (uint64_t)read_integer(r, v, INT64_MIN, INT64_MAX, "a 64-bit integer"));
		return;
	case TL_K_DOUBLE:
		if (!json_is_number(v))
			wrong_kind(r, "a number", v);
		tl_put_double(r->out, json_number_value(v));
		return;
	case TL_K_STRING:
		read_text(r, v);
		return;
	case TL_K_BYTES:
		read_bytes(r, v);
		return;
	case TL_K_INT128:
	case TL_K_INT256:
		read_hex(r, v, tl_kind_size(kind));
		return;
	case TL_K_BOOL:
		if (!json_is_boolean(v))
			wrong_kind(r, "true or false", v);
		tl_put_u32(r->out, json_is_true(v) ? TL_ID_TRUE : TL_ID_FALSE);
		return;
	case TL_K_TRUE:
		if (!json_is_boolean(v))
			wrong_kind(r, "true or false", v);
		return;
	case TL_K_OBJECT:
	case TL_K_QUERY:
	case TL_K_BARE:
		read_object(r, kind, type, v, depth);
		return;
	case TL_K_VECTOR:
		tl_put_u32(r->out, TL_ID_VECTOR);
		read_vector(r, type, v, depth);
		return;
	case TL_K_BARE_VECTOR:
		read_vector(r, type, v, depth);
		return;
	case TL_K_FLAGS:
		return;
	}
}

static json_t *member(const struct tl_schema *s, const struct tl_field_row *f, const json_t *v)
{
	return json_object_get(v, s->field_names + f->name);
}

/* Given: in the JSON and not null, a true flag only when it is true. */
static bool is_given(const struct tl_schema *s, const struct tl_field_row *f, const json_t *v)
{
	const json_t *value = member(s, f, v);

	return value && !json_is_null(value) && (f->kind != TL_K_TRUE || !json_is_false(value));
}

/* A member that is no field: refused by name, with the nearest field as a hint. */
static void refuse_unknown(struct reader *r, const struct tl_ctor_row *row, const json_t *v)
{
	const char *key, *names = r->s->field_names, *near = NULL;
	const struct tl_field_row *first = &r->s->fields[row->first], *f;
	unsigned best = UINT32_MAX;
	json_t *value;
	struct tl_path here = {.up = r->path};

	json_object_foreach((json_t *)v, key, value)
	{
		for (f = first; f < first + row->fields; f++)
			if (f->kind != TL_K_FLAGS && strcmp(names + f->name, key) == 0)
				break;
		if (f < first + row->fields || strcmp(key, "_") == 0)
			continue;
		here.key = key;
		r->path = &here;
		for (f = first; f < first + row->fields; f++) {
			unsigned d = tl_distance(key, names + f->name);

			if (f->kind == TL_K_FLAGS && strcmp(names + f->name, key) == 0) {
				REFUSE(r, "flags are computed from the fields that are there");
				return;
			}
			if (f->kind != TL_K_FLAGS && d < best) {
				best = d;
				near = names + f->name;
			}
		}
		REFUSE(r, r->s->names + row->name, " has no such field");
		if (best <= TL_NEAR)
			tl_join(r->why->hint, sizeof r->why->hint,
				(const char *const[]){"did you mean ", near, "?", NULL});
		return;
	}
}

/* Everything about the members of an object that can be said before a byte is written. */
static void check_members(struct reader *r, const struct tl_ctor_row *row, const json_t *v,
			  struct tl_words *words)
{
	const struct tl_field_row *first = &r->s->fields[row->first], *end = first + row->fields,
				  *f;
	size_t known = json_object_get(v, "_") ? 1 : 0;

	for (f = first; f < end; f++) {
		if (f->kind == TL_K_FLAGS)
			continue;
		known += member(r->s, f, v) != NULL;
		if (f->flag != TL_FLAG_NONE && is_given(r->s, f, v))
			tl_flag_add(words, f->flag);
	}
	if (known != json_object_size(v)) {
		refuse_unknown(r, row, v);
		return;
	}
	for (f = first; f < end && !r->err; f++) {
		struct tl_path here = {.up = r->path, .key = r->s->field_names + f->name};

		if (f->kind == TL_K_FLAGS || f->kind == TL_K_TRUE || is_given(r->s, f, v))
			continue;
		if (!tl_flag_set(words, f->flag))
			continue;
		r->path = &here;
		if (f->flag == TL_FLAG_NONE)
			REFUSE(r, "required by ", r->s->names + row->name);
		else
			REFUSE(r, "required together with the other fields of its flag");
		r->path = here.up;
	}
}

static void read_body(struct reader *r, unsigned ctor, const json_t *v, unsigned depth)
{
	const struct tl_ctor_row *row = &r->s->ctors[ctor];
	const struct tl_field_row *f = &r->s->fields[row->first], *end = f + row->fields;
	struct tl_words words = TL_WORDS;
	struct tl_path here = {.up = r->path};

	if (depth >= TL_MAX_DEPTH)
		REFUSE(r, "nested too deeply");
	check_members(r, row, v, &words);
	r->path = &here;
	for (; f < end && !r->err; f++) {
		if (f->kind == TL_K_FLAGS) {
			tl_put_u32(r->out, tl_word(&words, f->type));
			continue;
		}
		here.key = r->s->field_names + f->name;
		if (member(r->s, f, v) && !json_is_null(member(r->s, f, v)))
			read_value(r, f->kind, f->type, member(r->s, f, v), depth + 1);
	}
	r->path = here.up;
}

static void refuse_name(struct reader *r, unsigned kind, unsigned type, const char *name)
{
	const struct tl_type_row *row = &r->s->types[kind == TL_K_OBJECT ? type : TL_TYPE_ANY];
	const char *near = NULL;
	unsigned best = UINT32_MAX;

	if (kind == TL_K_QUERY)
		REFUSE(r, "\"", name, "\" is not a method");
	else if (kind == TL_K_BARE)
		REFUSE(r, "\"", r->s->names + r->s->ctors[type].name, "\" expected, not \"", name,
		       "\"");
	else if (type == TL_TYPE_ANY)
		REFUSE(r, "\"", name, "\" is not in the schema");
	else
		REFUSE(r, "\"", name, "\" is not of the type ", r->s->names + row->name);
	for (unsigned i = 0; i < row->count && kind == TL_K_OBJECT; i++) {
		const char *other =
			r->s->names + r->s->ctors[r->s->type_ctors[row->first + i]].name;
		unsigned d = tl_distance(name, other);

		if (d < best) {
			best = d;
			near = other;
		}
	}
	if (near && best <= TL_NEAR)
		tl_join(r->why->hint, sizeof r->why->hint,
			(const char *const[]){"did you mean ", near, "?", NULL});
}

/* "_" is missing and the type has several constructors: names the first ones. */
static void refuse_nameless(struct reader *r, unsigned kind, unsigned type)
{
	const struct tl_type_row *row = &r->s->types[kind == TL_K_OBJECT ? type : TL_TYPE_ANY];
	const char *names[3] = {"", "", ""};

	for (unsigned i = 0; i < 3 && i < row->count && kind == TL_K_OBJECT; i++)
		names[i] = r->s->names + r->s->ctors[r->s->type_ctors[row->first + i]].name;
	if (!*names[1])
		REFUSE(r, "\"_\" is missing");
	else
		REFUSE(r, "\"_\" is missing: ", names[0], ", ", names[1], *names[2] ? ", " : "",
		       names[2], row->count > 3 ? ", …" : "");
}

static unsigned by_json_name(const struct tl_schema *s, const json_t *name)
{
	if (!json_is_string(name) || json_string_length(name) > UINT16_MAX)
		return TL_NONE;
	return tl_by_name(
		s, (struct tl_str){json_string_value(name), (uint32_t)json_string_length(name)});
}

/* Which constructor a JSON object is; TL_NONE after a refusal. */
static unsigned choose(struct reader *r, unsigned kind, unsigned type, const json_t *v)
{
	const struct tl_type_row *row = &r->s->types[kind == TL_K_OBJECT ? type : TL_TYPE_ANY];
	const json_t *name = json_object_get(v, "_");
	unsigned ctor = TL_NONE;

	if (!name && kind == TL_K_BARE)
		return type;
	if (!name && kind == TL_K_OBJECT && type != TL_TYPE_ANY && row->count == 1)
		return r->s->type_ctors[row->first];
	if (!name)
		refuse_nameless(r, kind, type);
	else if (!json_is_string(name))
		REFUSE(r, "\"_\" must be a constructor's name");
	if (r->err)
		return TL_NONE;
	ctor = by_json_name(r->s, name);
	if (ctor == TL_NONE ||
	    (kind == TL_K_BARE ? ctor != type : !tl_fits(r->s, ctor, kind, type)))
		refuse_name(r, kind, type, json_string_value(name));
	return r->err ? TL_NONE : ctor;
}

static void read_object(struct reader *r, unsigned kind, unsigned type, const json_t *v,
			unsigned depth)
{
	unsigned ctor;

	if (!json_is_object(v)) {
		const char *name = kind == TL_K_QUERY  ? "a method"
				   : kind == TL_K_BARE ? r->s->names + r->s->ctors[type].name
						       : r->s->names + r->s->types[type].name;

		REFUSE(r, "an object (", name, ") expected, not ", json_kind(v));
		return;
	}
	ctor = choose(r, kind, type, v);
	if (ctor == TL_NONE)
		return;
	if (kind != TL_K_BARE)
		tl_put_u32(r->out, r->s->ctors[ctor].id);
	read_body(r, ctor, v, depth);
}

int tl_from_json(const struct tl_schema *s, unsigned ctor, const struct json_t *value,
		 struct tl_buf *out, struct tl_refusal *why)
{
	struct reader r = {.s = s, .out = out, .why = why};
	size_t start = out->len;
	int err;

	if (ctor > s->ctor_count)
		return -TG_E_NOT_FOUND;
	memset(why, 0, sizeof *why);
	if (!ctor) {
		read_object(&r, TL_K_OBJECT, TL_TYPE_ANY, value, 0);
	} else {
		/* a constructor that is known is read like a bare one, behind its number */
		tl_put_u32(out, s->ctors[ctor].id);
		read_object(&r, TL_K_BARE, ctor, value, 0);
	}
	err = r.err ? r.err : out->err;
	if (err)
		out->len = start;
	return err;
}

/* ---- the walk ---- */

struct walker {
	const struct tl_schema *s;
	const struct tl_visitor *visitor;
	const struct tl_path *path;
	int err;
};

static void walk_members(struct walker *w, unsigned ctor, json_t *v, unsigned depth);

/* Into an object whose constructor can be told; others are left to the reader's refusal. */
static void walk_into(struct walker *w, unsigned kind, unsigned type, json_t *v, unsigned depth)
{
	const json_t *name = json_object_get(v, "_");
	unsigned ctor = by_json_name(w->s, name);

	if (kind == TL_K_BARE)
		ctor = type;
	else if (!name && kind == TL_K_OBJECT && w->s->types[type].count == 1)
		ctor = w->s->type_ctors[w->s->types[type].first];
	if (ctor != TL_NONE && (kind == TL_K_BARE || tl_fits(w->s, ctor, kind, type)))
		walk_members(w, ctor, v, depth);
}

/* A new reference that takes the value's place, or NULL. */
static json_t *walk_value(struct walker *w, unsigned kind, unsigned type, json_t *v, unsigned depth)
{
	struct tl_path here = {.up = w->path};
	json_t *other = NULL;
	char path[160];

	if (w->err || depth >= TL_MAX_DEPTH)
		return NULL;
	if (kind == TL_K_VECTOR || kind == TL_K_BARE_VECTOR) {
		const struct tl_elem_row *row = &w->s->elems[type];

		w->path = &here;
		for (here.index = 0; here.index < json_array_size(v); here.index++) {
			other = walk_value(w, row->kind, row->type, json_array_get(v, here.index),
					   depth + 1);
			if (other && json_array_set_new(v, here.index, other))
				w->err = -TG_E_NOMEM;
		}
		w->path = here.up;
		return NULL;
	}
	if (kind == TL_K_OBJECT || kind == TL_K_BARE) {
		tl_path_print(w->path, path, sizeof path);
		other = w->visitor->visit(w->visitor->ctx,
					  kind == TL_K_BARE ? tl_type_name(w->s, type)
							    : w->s->names + w->s->types[type].name,
					  v, path, &w->err);
	}
	if (!other && !w->err && json_is_object(v) &&
	    (kind == TL_K_OBJECT || kind == TL_K_BARE || kind == TL_K_QUERY))
		walk_into(w, kind, type, v, depth);
	if (w->err) {
		json_decref(other);
		return NULL;
	}
	return other;
}

static void walk_members(struct walker *w, unsigned ctor, json_t *v, unsigned depth)
{
	const struct tl_ctor_row *row = &w->s->ctors[ctor];
	const struct tl_field_row *f = &w->s->fields[row->first], *end = f + row->fields;
	struct tl_path here = {.up = w->path};

	w->path = &here;
	for (; f < end && !w->err; f++) {
		json_t *value = member(w->s, f, v), *other;

		if (!value || json_is_null(value))
			continue;
		here.key = w->s->field_names + f->name;
		other = walk_value(w, f->kind, f->type, value, depth + 1);
		if (other && json_object_set_new(v, here.key, other))
			w->err = -TG_E_NOMEM;
	}
	w->path = here.up;
}

int tl_json_walk(const struct tl_schema *s, unsigned ctor, struct json_t *value,
		 const struct tl_visitor *v)
{
	struct walker w = {.s = s, .visitor = v};

	if (ctor == TL_NONE || ctor > s->ctor_count)
		return -TG_E_NOT_FOUND;
	if (json_is_object(value))
		walk_members(&w, ctor, value, 0);
	return w.err;
}

int tl_json_defaults(const struct tl_schema *s, unsigned ctor, struct json_t *value,
		     struct json_t *(*fill)(void *ctx, const char *field, const char *type),
		     void *ctx)
{
	const struct tl_ctor_row *row = &s->ctors[ctor <= s->ctor_count ? ctor : 0];
	const struct tl_field_row *f = &s->fields[row->first], *end = f + row->fields;

	if (!row->id)
		return -TG_E_NOT_FOUND;
	for (; f < end && json_is_object(value); f++) {
		const char *name = s->field_names + f->name;
		json_t *given;

		if (f->kind == TL_K_FLAGS || f->flag != TL_FLAG_NONE || is_given(s, f, value))
			continue;
		given = fill(ctx, name, tl_kind_text(s, f->kind, f->type));
		if (given && json_object_set_new(value, name, given))
			return -TG_E_NOMEM;
	}
	return 0;
}

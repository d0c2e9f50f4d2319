/* tl: errors, memory, bytes, the schema tables and the codec over them. Front door of the room.
 * Nothing here does I/O. Functions return 0 or -TG_E_x (errors.def); ret_ parameters are untouched
 * on failure. The generated part (structs per constructor, enum tl_ctor) is in tl_schema.h. */
#ifndef TL_H
#define TL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TL_MUST __attribute__((warn_unused_result))

/* ---- errors ---- */
enum tg_error {
	TG_OK = 0,
#define E(name, code, kind, retryable, text) TG_E_##name,
#include "errors.def"
#undef E
	TG_E_COUNT
};

struct tg_error_row {
	const char *kind; /* what scripts switch on */
	const char *text;
	int code; /* JSON-RPC code */
	bool retryable;
};

/* err may be -TG_E_x or TG_E_x; anything else gives the row of INTERNAL. */
const struct tg_error_row *tg_error_row(int err);

/* ---- limits (PROTOCOL A8) ---- */
#define TL_MAX_DEPTH 64
#define TL_MAX_STRING ((1u << 24) - 1)

/* ---- arena: memory that dies together; zeroed, 16-aligned bytes, NULL past the cap ---- */
struct tl_arena {
	struct tl_chunk *chunks;
	size_t used, cap;
};
void tl_arena_init(struct tl_arena *a, size_t cap);
void *tl_arena_alloc(struct tl_arena *a, size_t size);
void *tl_arena_copy(struct tl_arena *a, const void *data, size_t size); /* adds a NUL behind it */
void tl_arena_reset(struct tl_arena *a);                                /* keeps one chunk */
void tl_arena_free(struct tl_arena *a);

/* ---- buffer: growing bytes with a sticky error (NOMEM or TOO_LARGE past limit) ---- */
struct tl_buf {
	uint8_t *data;
	size_t len, cap, limit; /* limit 0 = none */
	int err;
};
void tl_buf_free(struct tl_buf *b);              /* a zeroed struct is a valid empty buffer */
void tl_buf_clear(struct tl_buf *b);             /* len = 0, err = 0, memory kept */
void *tl_buf_extend(struct tl_buf *b, size_t n); /* room for n more, counted; NULL on error */
void tl_buf_drop(struct tl_buf *b, size_t n);    /* removes n bytes from the front */
void tl_put(struct tl_buf *b, const void *data, size_t n);
void tl_put_u8(struct tl_buf *b, uint8_t v);
void tl_put_u32(struct tl_buf *b, uint32_t v);
void tl_put_u64(struct tl_buf *b, uint64_t v);
void tl_put_double(struct tl_buf *b, double v);
void tl_put_bytes(struct tl_buf *b, const void *data, size_t n); /* TL string: length, padding */
void tl_put_text(struct tl_buf *b, const char *text); /* raw characters, no length, no NUL */

/* ---- cursor: bounds-checked; after an error everything reads as 0 ---- */
struct tl_str {
	const char *data; /* NULL = absent; not NUL-terminated */
	uint32_t len;
};
struct tl_cursor {
	const uint8_t *p, *end;
	int err;
};
struct tl_cursor tl_cursor(const void *data, size_t n);
static inline size_t tl_left(const struct tl_cursor *c)
{
	return (size_t)(c->end - c->p);
}
void tl_fail(struct tl_cursor *c, int err);           /* first error wins; moves to the end */
const uint8_t *tl_get(struct tl_cursor *c, size_t n); /* NULL past the end */
uint32_t tl_get_u32(struct tl_cursor *c);
uint32_t tl_peek_u32(const struct tl_cursor *c); /* 0 when fewer than four bytes are left */
uint64_t tl_get_u64(struct tl_cursor *c);
double tl_get_double(struct tl_cursor *c);
struct tl_str tl_get_bytes(struct tl_cursor *c);
struct tl_str tl_str(const char *text); /* "" is present and empty */
bool tl_str_eq(struct tl_str s, const char *text);

/* ---- JSON text out: always valid UTF-8, never a raw LF (RPC contract, framing) ---- */
void tl_js_string(struct tl_buf *b, const char *data, size_t n); /* quoted, repaired */
void tl_js_base64(struct tl_buf *b, const void *data, size_t n); /* quoted */
void tl_js_int(struct tl_buf *b, int64_t v);
void tl_js_double(struct tl_buf *b, double v); /* shortest that reads back; NaN, inf = null */
int tl_base64_decode(const char *text, size_t n, struct tl_buf *out) TL_MUST;

/* ---- schema tables ---- */
struct tl_schema; /* opaque; one for the API and MTProto service schema, others by tlgen --prefix */
extern const struct tl_schema tl_api;

/* First member of every generated struct: struct tl_message { struct tl_obj obj; … }. */
struct tl_obj {
	uint16_t ctor; /* enum tl_ctor: constructors and methods share one index space; 0 = TL_NONE
			*/
};
/* Vector field; items is an array of the element's C type. NULL = absent (a required one encodes as
 * empty). */
struct tl_vec {
	void *items;
	uint32_t count;
};
/* ctor TL_UNKNOWN: what could not be read; bytes = all that was left, constructor number included.
 */
struct tl_unknown {
	struct tl_obj obj;
	uint32_t id;
	struct tl_str bytes;
};
/* ctor TL_VECTOR: a bare answer of type Vector<T>, int, long, string … (one item for scalars). */
struct tl_vector {
	struct tl_obj obj;
	struct tl_vec vec;
};
#define TL_NONE 0
#define TL_UNKNOWN 0xffff
#define TL_VECTOR 0xfffe

unsigned tl_layer(const struct tl_schema *s);
unsigned tl_ctor_count(const struct tl_schema *s);         /* valid indices are 1 … count */
unsigned tl_by_id(const struct tl_schema *s, uint32_t id); /* TL_NONE when unknown */
unsigned tl_by_name(const struct tl_schema *s, struct tl_str name); /* constructor or method */
const char *tl_name(const struct tl_schema *s, unsigned ctor);      /* "messages.sendMessage" */
uint32_t tl_id(const struct tl_schema *s, unsigned ctor);
bool tl_is_method(const struct tl_schema *s, unsigned ctor);
bool tl_is_service(const struct tl_schema *s, unsigned ctor);       /* from mtproto.tl */
const char *tl_type_name(const struct tl_schema *s, unsigned ctor); /* "Updates", "Vector<long>" */
int tl_line(const struct tl_schema *s, unsigned ctor,
	    struct tl_buf *out) TL_MUST; /* the schema's line */
struct tl_field_info {
	const char *name;
	char type[96]; /* "flags.3?Vector<int>" as in the schema */
	bool optional;
};
/* Field n of a constructor as documentation; -TG_E_NOT_FOUND behind the last. */
int tl_field_info(const struct tl_schema *s, unsigned ctor, unsigned n,
		  struct tl_field_info *ret) TL_MUST;
/* Fields by name, for code that follows the schema instead of a list of constructors. */
bool tl_has_field(const struct tl_schema *s, unsigned ctor, const char *name);
/* An int or long that is there. */
bool tl_field_int(const struct tl_schema *s, const struct tl_obj *o, const char *name,
		  int64_t *ret) TL_MUST;
/* An object that is there, else NULL. */
const struct tl_obj *tl_field_obj(const struct tl_schema *s, const struct tl_obj *o,
				  const char *name);

/* ---- codec: structs ---- */
/* Reads one boxed object. String and byte fields point into the input. A top-level unknown
 * constructor gives TL_UNKNOWN; a nested one ends the reading: the readable part comes back (what
 * follows is zero or NULL, also where a value is required), *ret_truncated = true. With
 * ret_truncated NULL a nested one is -TG_E_WIRE_UNKNOWN. Constructors of a wrong type: WIRE. */
int tl_decode(const struct tl_schema *s, struct tl_arena *a, struct tl_cursor *c,
	      struct tl_obj **ret, bool *ret_truncated) TL_MUST;
/* Reads a method's answer by the method's result type (Vector<…> and scalars come as struct
 * tl_vector). */
int tl_decode_result(const struct tl_schema *s, unsigned method, struct tl_arena *a,
		     struct tl_cursor *c, struct tl_obj **ret, bool *ret_truncated) TL_MUST;
/* Writes an object or a call with its constructor number; flag words are computed from presence. */
int tl_encode(const struct tl_schema *s, const struct tl_obj *o, struct tl_buf *out) TL_MUST;
/* Writes a method's answer by its result type: the opposite of tl_decode_result. */
int tl_encode_result(const struct tl_schema *s, unsigned method, const struct tl_obj *o,
		     struct tl_buf *out) TL_MUST;
/* A random valid value of a constructor or method, bounded in size; draw(ctx) gives random 64-bit
 * numbers. */
int tl_random(const struct tl_schema *s, unsigned ctor, uint64_t (*draw)(void *), void *ctx,
	      struct tl_arena *a, struct tl_obj **ret) TL_MUST;

/* ---- codec: JSON ---- */
/* Sees every object of type User or Chat that passes by, whole (number included). */
struct tl_harvest {
	void (*seen)(void *ctx, unsigned ctor, const uint8_t *data, size_t n);
	void *ctx;
};
/* Wire → JSON text in one walk, appended to out; rolled back on failure. method = 0: any boxed
 * object; else a method's index: its result type is read. harvest may be NULL. RPC contract "TL in
 * JSON". An array or scalar that was cut short by an unknown constructor comes as
 * {"_":"vector","items":[…],"truncated":true}, an object with "truncated":true as its last member.
 * Out's limit is held to within 25 KB: text is written where its longest form has room. */
int tl_to_json(const struct tl_schema *s, unsigned method, struct tl_cursor *c, struct tl_buf *out,
	       const struct tl_harvest *harvest, bool *ret_truncated) TL_MUST;
int tl_obj_to_json(const struct tl_schema *s, const struct tl_obj *o,
		   struct tl_buf *out) TL_MUST; /* a struct */

struct json_t;
/* Where and why JSON was refused; path is below the value: "media[2].file.id", "" for itself. */
struct tl_refusal {
	char path[160];
	char text[160];
	char hint[96]; /* did you mean "user_id"? or "" */
};
/* JSON object → wire. ctor > 0: the fields of that constructor or method ("_" may be absent); 0:
 * "_" decides. */
int tl_from_json(const struct tl_schema *s, unsigned ctor, const struct json_t *value,
		 struct tl_buf *out, struct tl_refusal *why) TL_MUST;
/* Walks a JSON value by the descriptors before it is encoded; for each value where an object of a
 * type is wanted (type = "InputPeer", …) calls visit, which may return a new reference that takes
 * the value's place, or NULL to go on into it; a non-zero *err stops the walk. The tree is changed
 * in place. */
struct tl_visitor {
	struct json_t *(*visit)(void *ctx, const char *type, struct json_t *value, const char *path,
				int *err);
	void *ctx;
};
int tl_json_walk(const struct tl_schema *s, unsigned ctor, struct json_t *value,
		 const struct tl_visitor *v) TL_MUST;
/* Gives defaults: calls fill for each required field of a method that the JSON leaves out; fill
 * returns a new reference or NULL (then tl_from_json will refuse it). */
int tl_json_defaults(const struct tl_schema *s, unsigned ctor, struct json_t *value,
		     struct json_t *(*fill)(void *ctx, const char *field, const char *type),
		     void *ctx) TL_MUST;

#endif

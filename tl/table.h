/* The schema as const rows: what tlgen writes and the codec walks. Internal to tl and to generated
 * files. Rows hold indices, not pointers, so that they need no relocation. */
#ifndef TL_TABLE_H
#define TL_TABLE_H

#include "tl/tl.h"

/* How a value stands on the wire and in a struct. `type` of the row means, in brackets: */
enum tl_kind {
	TL_K_INT,
	TL_K_LONG,
	TL_K_LONG53, /* a long that Telegram bounds to 52 bits */
	TL_K_DOUBLE,
	TL_K_INT128,
	TL_K_INT256,
	TL_K_BOOL, /* up to here: an optional one has has_x behind it */
	TL_K_STRING,
	TL_K_BYTES,
	TL_K_TRUE,   /* no bytes: the flag is the value */
	TL_K_FLAGS,  /* a word of flags, not in the struct [number of the word] */
	TL_K_OBJECT, /* boxed [index of the type; TL_TYPE_ANY] */
	TL_K_BARE,   /* without its number [index of the constructor] */
	TL_K_QUERY,  /* !X: any method, boxed */
	TL_K_VECTOR, /* Vector<…> [index of the element row] */
	TL_K_BARE_VECTOR,
};

static inline bool tl_kind_is_scalar(unsigned kind)
{
	return kind <= TL_K_BOOL;
}

/* Bytes of a value in a struct or in the items of a vector. */
static inline size_t tl_kind_size(unsigned kind)
{
	static const uint8_t sizes[] = {
		sizeof(int32_t),
		sizeof(int64_t),
		sizeof(int64_t),
		sizeof(double),
		16,
		32,
		sizeof(bool),
		sizeof(struct tl_str),
		sizeof(struct tl_str),
		sizeof(bool),
		0,
		sizeof(struct tl_obj *),
		sizeof(struct tl_obj *),
		sizeof(struct tl_obj *),
		sizeof(struct tl_vec),
		sizeof(struct tl_vec),
	};

	return sizes[kind];
}

#define TL_TYPE_ANY 0     /* Object, and X as a result */
#define TL_FLAG_NONE 0xff /* always present: a bit of a word that no schema has */
#define TL_MAX_WORDS 7    /* flag words in one constructor */
#define TL_ID_VECTOR 0x1cb5c415u
#define TL_ID_TRUE 0x997275b5u
#define TL_ID_FALSE 0xbc799737u
#define TL_HASH_FACTOR 0x9e3779b1u
#define TL_POOL_PAD 32 /* readable bytes behind the last name of each pool */

struct tl_field_row {
	uint16_t name;   /* in field_names; the byte before it is its length */
	uint16_t type;   /* see enum tl_kind */
	uint16_t offset; /* in the struct; has_x of an optional scalar stands right behind it */
	uint8_t kind;
	uint8_t flag; /* word << 5 | bit, or TL_FLAG_NONE */
};

struct tl_elem_row {
	uint32_t name; /* of the vector, in names: "Vector<int>" */
	uint16_t type;
	uint16_t min; /* least bytes an element takes */
	uint8_t kind;
};

enum { TL_C_METHOD = 1, TL_C_SERVICE = 2, TL_C_GENERIC = 4 };

struct tl_ctor_row {
	uint32_t id;
	uint32_t name;  /* in names */
	uint16_t first; /* field row */
	uint16_t size;  /* of the struct */
	uint16_t type;  /* result, with kind as in a field row */
	uint16_t layer; /* last layer of an older line, 0 = current */
	uint8_t fields;
	uint8_t name_len;
	uint8_t kind;
	uint8_t bits;
};

enum { TL_T_HARVEST = 1 };

struct tl_type_row {
	uint32_t name;  /* in names */
	uint16_t first; /* in type_ctors: its constructors, the least deep first */
	uint16_t count;
	uint8_t bits;
};

struct tl_schema {
	const struct tl_ctor_row *ctors; /* [0] is a blank */
	const struct tl_field_row *fields;
	const struct tl_elem_row *elems;
	const struct tl_type_row *types; /* [0] is TL_TYPE_ANY */
	const uint16_t *type_ctors;
	const uint16_t *hash;    /* by number, open addressing, 0 = free */
	const uint16_t *by_name; /* sorted by name, ctor_count of them */
	const char *names, *field_names;
	uint16_t ctor_count, type_count;
	uint16_t layer;
	uint8_t hash_bits;
};

/* Is this constructor what a field of that kind and type takes? */
static inline bool tl_fits(const struct tl_schema *s, unsigned ctor, unsigned kind, unsigned type)
{
	const struct tl_ctor_row *row = &s->ctors[ctor];

	if (kind == TL_K_QUERY)
		return row->bits & TL_C_METHOD;
	if (type == TL_TYPE_ANY)
		return true;
	return !(row->bits & TL_C_METHOD) && row->type == type;
}

/* The flags words of an object, two in one; the bit behind the last stands for TL_FLAG_NONE. */
struct tl_words {
	uint64_t pairs[(TL_MAX_WORDS + 1) / 2];
};
#define TL_WORDS                                                                                   \
	{                                                                                          \
		{                                                                                  \
			0, 0, 0, (uint64_t)1 << 63                                                 \
		}                                                                                  \
	}

static inline bool tl_flag_set(const struct tl_words *w, uint8_t flag)
{
	return w->pairs[flag >> 6] >> (flag & 63) & 1;
}

static inline void tl_flag_add(struct tl_words *w, uint8_t flag)
{
	w->pairs[flag >> 6] |= (uint64_t)1 << (flag & 63);
}

static inline void tl_word_set(struct tl_words *w, unsigned word, uint32_t bits)
{
	w->pairs[word / 2] |= (uint64_t)bits << (word % 2 * 32);
}

static inline uint32_t tl_word(const struct tl_words *w, unsigned word)
{
	return (uint32_t)(w->pairs[word / 2] >> (word % 2 * 32));
}

static inline uint32_t tl_hash(uint32_t id, unsigned bits)
{
	return id * TL_HASH_FACTOR >> (32 - bits);
}

/* The type as written, without condition: "Vector<int>", "#", "Peer". */
const char *tl_kind_text(const struct tl_schema *s, unsigned kind, unsigned type);

/* Whether a field of a struct holds a value. A required one does, but for a missing object. */
static inline bool tl_is_present(const struct tl_field_row *f, const uint8_t *base)
{
	const uint8_t *p = base + f->offset;

	if (f->flag == TL_FLAG_NONE && f->kind != TL_K_OBJECT && f->kind != TL_K_BARE)
		return true;
	if (tl_kind_is_scalar(f->kind))
		p += tl_kind_size(f->kind);
	if (tl_kind_is_scalar(f->kind) || f->kind == TL_K_TRUE)
		return *(const bool *)p;
	/* strings and vectors begin with where they are */
	return f->kind != TL_K_FLAGS && *(const void *const *)(const void *)p;
}

#endif

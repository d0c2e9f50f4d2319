/* What decode.c, encode.c and compat.c share: the state of a walk, and the way from one to the
 * other. Internal to tl. */
#ifndef TL_CODEC_H
#define TL_CODEC_H

#include "tl/compat.h"
#include "tl/table.h"

struct tl_decoder {
	const struct tl_schema *s;
	const struct tl_schema *older; /* NULL: only s */
	struct tl_arena *arena;
	struct tl_cursor *c;
	bool truncated; /* an unknown constructor ended the reading */
};

/* One value of a kind to where it lives: tl_kind_size bytes. Kinds and types are rows of d->s. */
void tl_decode_value(struct tl_decoder *d, unsigned kind, unsigned type, void *to, unsigned depth);
void *tl_decode_alloc(struct tl_decoder *d, size_t size);
static inline bool tl_decode_stopped(const struct tl_decoder *d)
{
	return d->truncated || d->c->err;
}
int tl_decode_top(struct tl_decoder *d, unsigned kind, unsigned type, struct tl_obj **ret,
		  bool *ret_truncated) TL_MUST;
/* The body of an older line as an object of s; NULL: its name is gone, or an error. */
struct tl_obj *tl_decode_older(struct tl_decoder *d, unsigned line, unsigned depth);

struct tl_encoder {
	const struct tl_schema *s;
	const struct tl_compat *compat; /* NULL: only s */
	unsigned layer;
	struct tl_buf *out;
	int err;
};

void tl_encode_value(struct tl_encoder *e, unsigned kind, unsigned type, const void *from,
		     unsigned depth);
int tl_encode_top(struct tl_encoder *e, const struct tl_obj *o) TL_MUST;
int tl_encode_answer(struct tl_encoder *e, unsigned method, const struct tl_obj *o) TL_MUST;
void tl_encode_older(struct tl_encoder *e, unsigned line, const struct tl_obj *o, unsigned depth);

#endif

/* Speaking with clients of older layers. A schema of older lines is made by tlgen from a file with
 * "// @layer N" before lines: such a line is the last that clients of layer N or below understand,
 * back to the next lower N of the same name. Values are always structs of the current schema;
 * fields go over by name. Not needed by a client. */
#ifndef TL_COMPAT_H
#define TL_COMPAT_H

#include "tl/tl.h"

struct tl_compat {
	const struct tl_schema *api;
	const struct tl_schema *older;
};

/* The line of `older` that stands for a constructor or method of api on a layer; TL_NONE: api's
 * own. */
unsigned tl_compat_line(const struct tl_compat *c, unsigned layer, unsigned ctor);
/* As tl_encode and tl_encode_result, each object at any depth as the layer knows it. A field that
 * the current schema lost is written as absent, else as zero, empty, or the simplest of its type.
 */
int tl_compat_encode(const struct tl_compat *c, unsigned layer, const struct tl_obj *o,
		     struct tl_buf *out) TL_MUST;
int tl_compat_encode_result(const struct tl_compat *c, unsigned layer, unsigned method,
			    const struct tl_obj *o, struct tl_buf *out) TL_MUST;
/* As tl_decode; numbers of older lines are read as well, at any depth. A field that the current
 * schema lost is dropped, one that is new stays absent, zero or NULL. */
int tl_compat_decode(const struct tl_compat *c, struct tl_arena *a, struct tl_cursor *in,
		     struct tl_obj **ret, bool *ret_truncated) TL_MUST;

#endif

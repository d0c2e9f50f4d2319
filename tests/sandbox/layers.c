/* The codec for the layer of a caller: the current schema, and compat.tl for what older clients
 * know otherwise. Owned by net. */
#include "net.h"

#include <string.h>

#include "tl/compat.h"
#include "tl_schema_compat.h"

static const struct tl_compat tables = {.api = &tl_api, .older = &tl_compat};

static unsigned known(int layer)
{
	return layer > 0 ? (unsigned)layer : tl_layer(&tl_api);
}

/* The keyboards in what was just written, as the layer knows them. */
static int lower(int layer, struct tl_buf *out, size_t from, int err)
{
	struct tl_buf b = {0};
	struct tl_arena a;

	if (err || known(layer) > SB_KEYBOARD_LAYER)
		return err;
	tl_arena_init(&a, SB_CALL_ARENA);
	if (sb_keyboards_rewrite(&a, layer, false, out->data + from, out->len - from, &b)) {
		out->len = from;
		tl_put(out, b.data, b.len);
	}
	tl_buf_free(&b);
	tl_arena_free(&a);
	return out->err;
}

int sb_layer_encode(int layer, const struct tl_obj *o, struct tl_buf *out)
{
	size_t from = out->len;

	return lower(layer, out, from, tl_compat_encode(&tables, known(layer), o, out));
}

/* Older methods that answered with what is now a part of the answer. */
static const struct tl_obj *part(int layer, unsigned method, const struct tl_obj *o)
{
	unsigned line = tl_compat_line(&tables, known(layer), method);

	if (line && o->ctor == TL_messages_invitedUsers &&
	    !strcmp(tl_type_name(&tl_compat, line), "Updates"))
		return ((const struct tl_messages_invitedUsers *)o)->updates;
	return o;
}

int sb_layer_answer(int layer, unsigned method, const struct tl_obj *o, struct tl_buf *out)
{
	size_t from;

	if (o->ctor == TL_VECTOR)
		return tl_compat_encode_result(&tables, known(layer), method, o, out);
	from = out->len;
	return lower(layer, out, from,
		     tl_compat_encode(&tables, known(layer), part(layer, method, o), out));
}

int sb_layer_decode(struct tl_arena *a, struct tl_cursor *c, struct tl_obj **ret)
{
	struct tl_buf b = {0};

	if (sb_keyboards_rewrite(a, 0, true, c->p, tl_left(c), &b))
		*c = tl_cursor(tl_arena_copy(a, b.data, b.len), b.len);
	tl_buf_free(&b);
	return tl_compat_decode(&tables, a, c, ret, NULL);
}

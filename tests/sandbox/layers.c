/* The codec for the layer of a caller. Owned by net. */
#include "net.h"

int sb_layer_encode(int layer, unsigned method, const struct tl_obj *o, struct tl_buf *out)
{
	(void)layer;
	return method ? tl_encode_result(&tl_api, method, o, out) : tl_encode(&tl_api, o, out);
}

int sb_layer_decode(int layer, struct tl_arena *a, struct tl_cursor *c, struct tl_obj **ret)
{
	(void)layer;
	return tl_decode(&tl_api, a, c, ret, NULL);
}

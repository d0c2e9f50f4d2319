/* Any bytes as TL of an older layer: what is read is a value of today's schema, which is written
 * for every layer without harm, and for the layer it came from as something that reads the same. */
#include "tests/fuzz/fuzz.h"
#include "tl/compat.h"
#include "tl_schema.h"
#include "tl_schema_compat.h"

#include <string.h>

#define ARENA_CAP (64u << 20)

static void check(const struct tl_compat *c, struct tl_arena *a, const struct tl_obj *o,
		  unsigned layer)
{
	struct tl_buf old = {.len = 0}, again = {.len = 0};
	struct tl_obj *back = NULL;
	struct tl_cursor in;

	if (tl_compat_encode(c, layer, o, &old) == 0) {
		in = tl_cursor(old.data, old.len);
		need(tl_compat_decode(c, a, &in, &back, NULL) == 0 && !tl_left(&in));
		need(tl_compat_encode(c, layer, back, &again) == 0);
		need(again.len == old.len && memcmp(again.data, old.data, old.len) == 0);
	}
	tl_buf_free(&old);
	tl_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct tl_compat c = {&tl_api, &tl_compat};
	struct tl_cursor in = tl_cursor(data + 1, n ? n - 1 : 0);
	struct tl_obj *o = NULL;
	bool cut = false;
	struct tl_arena a;

	if (!n)
		return 0;
	tl_arena_init(&a, ARENA_CAP);
	if (tl_compat_decode(&c, &a, &in, &o, &cut) == 0 && !cut)
		check(&c, &a, o, data[0]);
	tl_arena_free(&a);
	return 0;
}

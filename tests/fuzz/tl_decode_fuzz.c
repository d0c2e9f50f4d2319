/* Any bytes as TL: the reader of structs and the walker to JSON must agree, what they give must be
 * JSON, and what was read must be written again as something that reads the same. The first two
 * bytes choose the method whose answer it is; none: any object. */
#include "tests/fuzz/fuzz.h"
#include "tl_schema.h"

#include <jansson.h>
#include <string.h>

#define ARENA_CAP (64u << 20)

/* JSON of the struct, and again after a trip over the wire. */
static void check_struct(const struct tl_obj *o, const struct tl_buf *text, struct tl_arena *a)
{
	struct tl_buf again = {0}, wire = {0};
	struct tl_obj *back = NULL;
	struct tl_cursor c;
	size_t n;

	need(tl_obj_to_json(&tl_api, o, &again) == 0);
	need(again.len == text->len && memcmp(again.data, text->data, text->len) == 0);
	n = again.len;
	need(tl_encode(&tl_api, o, &wire) == 0);
	c = tl_cursor(wire.data, wire.len);
	need(tl_decode(&tl_api, a, &c, &back, NULL) == 0 && tl_left(&c) == 0);
	need(tl_obj_to_json(&tl_api, back, &again) == 0);
	need(again.len == 2 * n && memcmp(again.data, again.data + n, n) == 0);
	tl_buf_free(&again);
	tl_buf_free(&wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned method = size < 2 ? 0 : (data[0] | data[1] << 8u) % (tl_ctor_count(&tl_api) + 1);
	struct tl_cursor c = tl_cursor(data + (size < 2 ? 0 : 2), size < 2 ? 0 : size - 2), c2 = c;
	struct tl_buf text = {0};
	struct tl_obj *o = NULL;
	bool cut = false, cut2 = false;
	struct tl_arena a;
	int err, err2;
	json_t *v;

	if (!tl_is_method(&tl_api, method))
		method = 0;
	tl_arena_init(&a, ARENA_CAP);
	err = tl_to_json(&tl_api, method, &c, &text, NULL, &cut);
	err2 = method ? tl_decode_result(&tl_api, method, &a, &c2, &o, &cut2)
		      : tl_decode(&tl_api, &a, &c2, &o, &cut2);
	need((err == err2 && cut == cut2) || err2 == -TG_E_WIRE_LIMIT);
	need(err ? text.len == 0 : text.len > 0);
	if (!err) {
		v = json_loadb((char *)text.data, text.len, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
		need(v != NULL);
		json_decref(v);
	}
	if (!err2 && !cut2 && o->ctor != TL_VECTOR)
		check_struct(o, &text, &a);
	tl_buf_free(&text);
	tl_arena_free(&a);
	return 0;
}

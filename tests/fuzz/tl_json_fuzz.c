/* Any JSON as TL: what is taken must come back as JSON that gives the same bytes; what is refused
 * must leave nothing behind. The first two bytes choose the constructor or method; 0: "_" decides.
 */
#include "tests/fuzz/fuzz.h"
#include "tl_schema.h"

#include <jansson.h>
#include <string.h>

static json_t *visit(void *ctx, const char *type, json_t *value, const char *path, int *err)
{
	(void)ctx, (void)err;
	need(*type && path);
	if (json_is_string(value) && strcmp(type, "InputPeer") == 0)
		return json_pack("{s:s}", "_", "inputPeerSelf");
	return NULL;
}

static json_t *fill(void *ctx, const char *field, const char *type)
{
	(void)ctx;
	need(*field && *type);
	return strcmp(type, "long") == 0 ? json_string("7") : NULL;
}

static void check_back(const struct tl_buf *wire)
{
	struct tl_cursor c = tl_cursor(wire->data, wire->len);
	struct tl_buf text = {0}, again = {0};
	struct tl_refusal why;
	json_t *v;

	need(tl_to_json(&tl_api, 0, &c, &text, NULL, NULL) == 0 && tl_left(&c) == 0);
	v = json_loadb((char *)text.data, text.len, JSON_ALLOW_NUL, NULL);
	need(v && tl_from_json(&tl_api, 0, v, &again, &why) == 0);
	need(again.len == wire->len && memcmp(again.data, wire->data, wire->len) == 0);
	json_decref(v);
	tl_buf_free(&text);
	tl_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned ctor = size < 2 ? 0 : (data[0] | data[1] << 8u) % (tl_ctor_count(&tl_api) + 1);
	struct tl_visitor visitor = {visit, NULL};
	struct tl_buf wire = {.limit = 1 << 20};
	struct tl_refusal why;
	json_t *v;
	int err;

	if (size < 2)
		return 0;
	v = json_loadb((const char *)data + 2, size - 2,
		       JSON_ALLOW_NUL | JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
	if (!v)
		return 0;
	if (ctor) {
		need(tl_json_walk(&tl_api, ctor, v, &visitor) == 0);
		need(tl_json_defaults(&tl_api, ctor, v, fill, NULL) == 0);
	}
	err = tl_from_json(&tl_api, ctor, v, &wire, &why);
	if (err)
		need(wire.len == 0 && (err != -TG_E_INVALID_PARAMS || *why.text));
	else
		check_back(&wire);
	json_decref(v);
	tl_buf_free(&wire);
	return 0;
}

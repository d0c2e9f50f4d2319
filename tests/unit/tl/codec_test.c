/* schema.c, decode.c, encode.c, random.c: every constructor and method (T39; LAYERD_VALUES of
 * each).
 */
#include "tests/harness.h"
#include "tl_schema.h"

#include <jansson.h>

#define ROUNDS 100

static uint64_t draw(void *ctx)
{
	uint64_t *x = ctx;

	*x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
	return *x * 0x2545f4914f6cdd1du;
}

static void check_json(const struct tl_obj *o, const struct tl_buf *wire, struct tl_buf *text,
		       struct tl_buf *again)
{
	struct tl_cursor c = tl_cursor(wire->data, wire->len);
	struct tl_refusal why;
	bool truncated = true;
	json_error_t error;
	json_t *v;
	size_t n;

	tl_buf_clear(text);
	CHECK_INT(tl_to_json(&tl_api, 0, &c, text, NULL, &truncated), 0);
	CHECK(!truncated && tl_left(&c) == 0);
	n = text->len;
	CHECK_INT(tl_obj_to_json(&tl_api, o, text), 0);
	CHECK_INT(text->len, 2 * n);
	CHECK_MEM(text->data, text->data + n, n);
	v = json_loadb((char *)text->data, n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!v)
		test_fail(__FILE__, __LINE__, "%s: %s", tl_name(&tl_api, o->ctor), error.text);
	tl_buf_clear(again);
	if (tl_from_json(&tl_api, 0, v, again, &why))
		test_fail(__FILE__, __LINE__, "%s: %s: %s", tl_name(&tl_api, o->ctor), why.path,
			  why.text);
	CHECK_INT(again->len, wire->len);
	CHECK_MEM(again->data, wire->data, wire->len);
	json_decref(v);
}

TEST_T(every_line_there_and_back_as_struct_and_as_json, 120)
{
	struct tl_buf first = {0}, second = {0}, text = {0};
	int rounds = (int)test_count("LAYERD_VALUES", ROUNDS);
	unsigned count = tl_ctor_count(&tl_api), values = 0;
	uint64_t seed = 42, bytes = 0, chars = 0;
	struct tl_arena a;

	tl_arena_init(&a, 64 << 20);
	for (unsigned ctor = 1; ctor <= count; ctor++) {
		for (int i = 0; i < rounds; i++) {
			struct tl_obj *o = NULL, *back = NULL;
			struct tl_cursor c;
			bool truncated = true;

			tl_arena_reset(&a);
			tl_buf_clear(&first);
			tl_buf_clear(&second);
			CHECK_INT(tl_random(&tl_api, ctor, draw, &seed, &a, &o), 0);
			CHECK_INT(o->ctor, ctor);
			CHECK_INT(tl_encode(&tl_api, o, &first), 0);
			CHECK_INT(first.len % 4, 0);
			c = tl_cursor(first.data, first.len);
			CHECK_INT(tl_decode(&tl_api, &a, &c, &back, &truncated), 0);
			CHECK(!truncated && tl_left(&c) == 0);
			CHECK_INT(tl_encode(&tl_api, back, &second), 0);
			CHECK_INT(first.len, second.len);
			CHECK_MEM(first.data, second.data, first.len);
			check_json(o, &first, &text, &second);
			bytes += first.len;
			chars += text.len / 2;
			values++;
		}
	}
	printf("%u constructors and methods, %u values, %llu bytes: encode, decode, encode; %llu "
	       "bytes "
	       "of JSON and back\n",
	       count, values, (unsigned long long)bytes, (unsigned long long)chars);
	tl_arena_free(&a);
	tl_buf_free(&first);
	tl_buf_free(&second);
	tl_buf_free(&text);
}

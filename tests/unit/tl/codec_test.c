/* schema.c, decode.c, encode.c, random.c: every constructor and method, cut and broken input. */
#include "tests/harness.h"
#include "tl_schema.h"

#define ROUNDS 100

static uint64_t draw(void *ctx)
{
	uint64_t *x = ctx;

	*x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
	return *x * 0x2545f4914f6cdd1du;
}

TEST_T(every_line_encodes_decodes_and_encodes_the_same, 60)
{
	struct tl_buf first = {0}, second = {0};
	unsigned count = tl_ctor_count(&tl_api), values = 0;
	uint64_t seed = 42, bytes = 0;
	struct tl_arena a;

	tl_arena_init(&a, 64 << 20);
	for (unsigned ctor = 1; ctor <= count; ctor++) {
		for (int i = 0; i < ROUNDS; i++) {
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
			bytes += first.len;
			values++;
		}
	}
	printf("%u constructors and methods, %u values, %llu bytes: encode, decode, encode\n",
	       count, values, (unsigned long long)bytes);
	tl_arena_free(&a);
	tl_buf_free(&first);
	tl_buf_free(&second);
}

/* Every way through tl with memory that runs out, at each allocation: an error, and the output as
 * it was (RELIABILITY T66 in small). */
#include "tests/harness.h"
#include "tl/compat.h"
#include "tl_schema.h"
#include "tl_schema_older.h"

#include <jansson.h>

static const struct tl_compat both = {&tl_api, &tl_older};
static struct tl_buf wire; /* a large object's */
static json_t *tree;       /* and its JSON */
static struct tl_obj *object;
static struct tl_arena keep;

static uint64_t draw(void *ctx)
{
	uint64_t *x = ctx;

	*x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
	return *x * 0x2545f4914f6cdd1du;
}

static void prepare(void)
{
	uint64_t seed = 77, start = 0, best = 0;
	struct tl_buf text = {0};
	size_t most = 0;

	tl_arena_init(&keep, 16 << 20);
	for (int i = 0; i <= 200; i++) { /* the largest of two hundred, made again at last */
		start = i < 200 ? seed : best;
		seed = start;
		tl_arena_reset(&keep);
		tl_buf_clear(&wire);
		CHECK_INT(
			tl_random(&tl_api, TL_messages_messagesSlice, draw, &seed, &keep, &object),
			0);
		CHECK_INT(tl_encode(&tl_api, object, &wire), 0);
		if (wire.len > most) {
			most = wire.len;
			best = start;
		}
	}
	CHECK(wire.len == most && most > 1000);
	CHECK_INT(tl_obj_to_json(&tl_api, object, &text), 0);
	tree = json_loadb((char *)text.data, text.len, JSON_ALLOW_NUL, NULL);
	CHECK(tree);
	tl_buf_free(&text);
}

static void release(void)
{
	tl_buf_free(&wire);
	json_decref(tree);
	tl_arena_free(&keep);
}

static int encode(struct tl_buf *out)
{
	return tl_encode(&tl_api, object, out);
}

static int encode_older(struct tl_buf *out)
{
	return tl_compat_encode(&both, 100, object, out);
}

static int print(struct tl_buf *out)
{
	return tl_obj_to_json(&tl_api, object, out);
}

static int walk(struct tl_buf *out)
{
	struct tl_cursor c = tl_cursor(wire.data, wire.len);

	return tl_to_json(&tl_api, 0, &c, out, NULL, NULL);
}

static int parse(struct tl_buf *out)
{
	struct tl_refusal why;

	return tl_from_json(&tl_api, 0, tree, out, &why);
}

static int decode_with(struct tl_obj **o, struct tl_arena *a, bool older)
{
	struct tl_cursor c = tl_cursor(wire.data, wire.len);

	tl_arena_init(a, 16 << 20);
	return older ? tl_compat_decode(&both, a, &c, o, NULL) : tl_decode(&tl_api, a, &c, o, NULL);
}

static int decode(struct tl_buf *out)
{
	struct tl_obj *o = NULL;
	struct tl_arena a;
	int err = decode_with(&o, &a, false);

	(void)out;
	CHECK(!err == (o != NULL));
	tl_arena_free(&a);
	return err;
}

static int decode_older(struct tl_buf *out)
{
	struct tl_obj *o = NULL;
	struct tl_arena a;
	int err = decode_with(&o, &a, true);

	(void)out;
	tl_arena_free(&a);
	return err;
}

static int make(struct tl_buf *out)
{
	uint64_t seed = 5;
	struct tl_obj *o = NULL;
	struct tl_arena a;
	int err;

	(void)out;
	tl_arena_init(&a, 16 << 20);
	err = tl_random(&tl_api, TL_messages_messagesSlice, draw, &seed, &a, &o);
	tl_arena_free(&a);
	return err;
}

static int describe(struct tl_buf *out)
{
	struct tl_field_info info;
	int err = tl_line(&tl_api, TL_channelFull, out);

	return err ? err : tl_field_info(&tl_api, TL_messages_sendMessage, 11, &info);
}

TEST_T(memory_runs_out_anywhere, 60)
{
	static int (*const ways[])(struct tl_buf *) = {encode, encode_older, print, walk,    parse,
						       decode, decode_older, make,  describe};

	prepare();
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		size_t at = 0, failures = 0;
		int err;

		do {
			struct tl_buf out = {0};

			tl_put_text(&out, "kept");
			test_alloc_fail(++at, SIZE_MAX);
			test_alloc_arm(true);
			err = ways[i](&out);
			test_alloc_arm(false);
			if (err)
				CHECK(err == -TG_E_NOMEM || err == -TG_E_WIRE_LIMIT);
			if (err && i != 8)
				CHECK_INT(out.len, 4);
			CHECK_MEM(out.data, "kept", 4);
			CHECK(!err || test_alloc_failed());
			failures += err != 0;
			tl_buf_free(&out);
		} while (test_alloc_failed());
		CHECK(failures > 0);
	}
	test_alloc_fail(0, 0);
	release();
}

/* The puts one after the other on a buffer that could not be had: nothing is written, the error
 * stays. */
TEST(a_buffer_that_cannot_be_had)
{
	struct tl_buf b = {0};

	test_alloc_fail(1, SIZE_MAX);
	test_alloc_arm(true);
	tl_put_u8(&b, 1);
	tl_put_u32(&b, 1);
	tl_put_u64(&b, 1);
	tl_put_double(&b, 1);
	tl_put_bytes(&b, "x", 1);
	tl_put(&b, "x", 1);
	tl_put_text(&b, "x");
	tl_js_string(&b, "x", 1);
	tl_js_base64(&b, "x", 1);
	tl_js_int(&b, 5);
	test_alloc_arm(false);
	CHECK_INT(b.err, -TG_E_NOMEM);
	CHECK(b.len == 0 && !b.data);
	test_alloc_fail(0, 0);
}

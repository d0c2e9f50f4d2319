/* arena.c, buffer.c, cursor.c, errors.c. */
#include "tests/harness.h"
#include "tl/tl.h"

TEST(errors_have_rows)
{
	CHECK_STR(tg_error_row(0)->kind, "ok");
	CHECK_STR(tg_error_row(-TG_E_PARSE)->kind, "parse");
	CHECK_STR(tg_error_row(TG_E_PEER_UNKNOWN)->kind, "peer_unknown");
	CHECK_INT(tg_error_row(-TG_E_PEER_UNKNOWN)->code, -32024);
	CHECK_STR(tg_error_row(-TG_E_COUNT)->kind, "internal");
	CHECK_STR(tg_error_row(INT32_MIN)->kind, "internal");
	CHECK_STR(tg_error_row(1 << 20)->kind, "internal");
}

TEST(arena_is_zeroed_aligned_and_capped)
{
	struct tl_arena a;
	size_t total = 0;
	char *p;

	tl_arena_init(&a, 100000);
	for (int round = 0; round < 3; round++) {
		total = 0;
		for (size_t n = 0; (p = tl_arena_alloc(&a, n)); n += 7) {
			CHECK_INT((uintptr_t)p % 16, 0);
			for (size_t i = 0; i < n; i++)
				CHECK_INT(p[i], 0);
			memset(p, 0x5a, n);
			total += n;
		}
		CHECK(total > 90000 && total <= 100000);
		tl_arena_reset(&a);
	}
	CHECK(!tl_arena_alloc(&a, 100001));
	CHECK(!tl_arena_alloc(&a, SIZE_MAX));
	CHECK(!tl_arena_copy(&a, "x", SIZE_MAX));
	p = tl_arena_copy(&a, "abc", 3);
	CHECK_STR(p, "abc");
	tl_arena_free(&a);
	tl_arena_free(&a);
}

TEST(buffer_limit_is_sticky)
{
	struct tl_buf b = {.limit = 10};

	tl_put(&b, "12345678", 8);
	CHECK_INT(b.err, 0);
	tl_put(&b, "abc", 3);
	CHECK_INT(b.err, -TG_E_TOO_LARGE);
	tl_put(&b, "a", 1);
	CHECK_INT(b.len, 8);
	CHECK(!tl_buf_extend(&b, 0));
	tl_buf_clear(&b);
	tl_put(&b, "0123456789", 10);
	CHECK_INT(b.err, 0);
	tl_buf_drop(&b, 3);
	CHECK_INT(b.len, 7);
	CHECK_MEM(b.data, "3456789", 7);
	tl_buf_drop(&b, 100);
	CHECK_INT(b.len, 0);
	CHECK(!tl_buf_extend(&b, SIZE_MAX));
	tl_buf_free(&b);
	CHECK(!tl_buf_extend(&b, SIZE_MAX - 3));
	CHECK_INT(b.err, -TG_E_TOO_LARGE);
	b.limit = 0;
	b.err = 0;
	CHECK(!tl_buf_extend(&b, SIZE_MAX - 3));
	CHECK_INT(b.err, -TG_E_NOMEM);
	tl_buf_free(&b);
}

TEST(scalars_there_and_back)
{
	struct tl_buf b = {0};
	struct tl_cursor c;

	tl_put_u32(&b, 0x01020304);
	tl_put_u64(&b, 0x1122334455667788);
	tl_put_double(&b, -1.5);
	tl_put_u8(&b, 7);
	CHECK_HEX(b.data, b.len, "040302018877665544332211000000000000f8bf07");
	c = tl_cursor(b.data, b.len);
	CHECK_INT(tl_peek_u32(&c), 0x01020304);
	CHECK_INT(tl_get_u32(&c), 0x01020304);
	CHECK(tl_get_u64(&c) == 0x1122334455667788);
	CHECK(tl_get_double(&c) == -1.5);
	CHECK_INT(tl_peek_u32(&c), 0);
	CHECK_INT(c.err, 0);
	CHECK_INT(tl_get_u32(&c), 0);
	CHECK_INT(c.err, -TG_E_WIRE);
	CHECK_INT(tl_left(&c), 0);
	tl_fail(&c, -TG_E_WIRE_LIMIT);
	CHECK_INT(c.err, -TG_E_WIRE);
	tl_buf_free(&b);
}

TEST(strings_of_every_length_and_cut_anywhere)
{
	static const size_t lengths[] = {0,   1,   2,   3,   4,   5,    251,  252,
					 253, 254, 255, 256, 257, 1000, 65536};
	uint8_t *text = malloc(65536);

	memset(text, 'x', 65536);
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct tl_buf b = {0};
		size_t n = lengths[i], step = n > 1000 ? 997 : 1;
		struct tl_cursor c;
		struct tl_str s;

		tl_put_bytes(&b, text, n);
		CHECK_INT(b.len % 4, 0);
		CHECK_INT(b.len, ((n < 254 ? 1 : 4) + n + 3) / 4 * 4);
		c = tl_cursor(b.data, b.len);
		s = tl_get_bytes(&c);
		CHECK(s.data && s.len == n && !c.err && !tl_left(&c));
		CHECK_MEM(s.data, text, n);
		b.data[b.len - 1] ^=
			n % 4 == 0 && n >= 4 && n < 254 ? 1 : 0; /* padding may be anything */
		for (size_t cut = 0; cut < b.len; cut += step) {
			uint8_t *exact = malloc(cut + 1);

			memcpy(exact, b.data, cut);
			c = tl_cursor(exact, cut);
			s = tl_get_bytes(&c);
			CHECK(!s.data && s.len == 0);
			CHECK_INT(c.err, -TG_E_WIRE);
			free(exact);
		}
		tl_buf_free(&b);
	}
	free(text);
}

TEST(strings_refused)
{
	struct tl_buf b = {0};
	struct tl_cursor c = tl_cursor("\xff\0\0\0\0\0\0\0", 8);

	CHECK(!tl_get_bytes(&c).data);
	CHECK_INT(c.err, -TG_E_WIRE);
	tl_put_bytes(&b, "", (size_t)1 << 24);
	CHECK_INT(b.err, -TG_E_TOO_LARGE);
	CHECK_INT(b.len, 0);
	c = tl_cursor(NULL, 0);
	CHECK(!tl_get(&c, 1));
	CHECK(tl_str("").data && tl_str("").len == 0);
	CHECK(tl_str_eq(tl_str("abc"), "abc") && !tl_str_eq(tl_str("abc"), "abcd"));
	CHECK(!tl_str_eq((struct tl_str){NULL, 0}, ""));
	tl_buf_free(&b);
}

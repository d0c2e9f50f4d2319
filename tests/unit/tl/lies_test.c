/* T41: lengths that lie. Every word of a packet that may be the count of a vector or the length of
 * a string is replaced by others; nothing is read behind the end (for that run it with sanitizers)
 * and nothing is allocated beyond a multiple of the packet. LAYERD_PACKETS makes it long. */
#include "tests/harness.h"
#include "tl_schema.h"

#define STRUCTS 8 /* bytes of structs that a byte of the wire may become, and one struct more */
#define LITTLE 512

static uint64_t draw(void *ctx)
{
	uint64_t *x = ctx;

	*x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
	return *x * 0x2545f4914f6cdd1du;
}

/* Read as a struct and as JSON, out of memory that ends where the packet does. */
static void read_both(const uint8_t *data, size_t n, struct tl_arena *a, struct tl_buf *text)
{
	uint8_t *exact = malloc(n);
	struct tl_cursor c;
	struct tl_obj *o = NULL;

	memcpy(exact, data, n);
	c = tl_cursor(exact, n);
	tl_arena_reset(a);
	(void)!tl_decode(&tl_api, a, &c, &o, NULL);
	CHECK(a->used <= STRUCTS * n + LITTLE);
	c = tl_cursor(exact, n);
	tl_buf_clear(text);
	(void)!tl_to_json(&tl_api, 0, &c, text, NULL, NULL);
	free(exact);
}

TEST_T(lying_lengths_T41, 120)
{
	static const uint32_t lies[] = {0xffffffff, 0x7fffffff, 0x80000000, 0x00ffffff,
					0xfffffffe, 0x000000fe, 0x000000ff, 0xfffffffd};
	unsigned long packets = test_count("LAYERD_PACKETS", 300), told = 0;
	struct tl_buf wire = {0}, text = {0};
	struct tl_arena a, b;
	uint64_t seed = 41;

	tl_arena_init(&a, 64 << 20);
	tl_arena_init(&b, 64 << 20);
	for (unsigned long i = 0; i < packets; i++) {
		struct tl_obj *o = NULL;
		unsigned ctor;

		do
			ctor = 1 + (unsigned)(draw(&seed) % tl_ctor_count(&tl_api));
		while (tl_is_method(&tl_api, ctor));
		tl_arena_reset(&b);
		tl_buf_clear(&wire);
		CHECK_INT(tl_random(&tl_api, ctor, draw, &seed, &b, &o), 0);
		CHECK_INT(tl_encode(&tl_api, o, &wire), 0);
		for (size_t at = 4; at + 4 <= wire.len && at < 4096; at += 4) {
			uint8_t kept[4];

			memcpy(kept, wire.data + at, 4);
			for (size_t k = 0; k < sizeof lies / sizeof lies[0]; k++) {
				memcpy(wire.data + at, &lies[k], 4);
				read_both(wire.data, wire.len, &a, &text);
				told++;
			}
			memcpy(wire.data + at, kept, 4);
		}
	}
	printf("T41: %lu packets, %lu lies\n", packets, told);
	tl_arena_free(&a);
	tl_arena_free(&b);
	tl_buf_free(&wire);
	tl_buf_free(&text);
}

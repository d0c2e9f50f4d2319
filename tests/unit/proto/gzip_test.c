/* gzip_packed bodies: limits, both wrappers, damage at every byte. */
#include "tests/unit/proto/vectors.h"

#include <zlib.h>

static void pack(int level, int window, const void *data, size_t n, struct tl_buf *out)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)n};
	size_t bound;

	CHECK(deflateInit2(&z, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	bound = deflateBound(&z, n);
	z.next_out = tl_buf_extend(out, bound);
	z.avail_out = (uInt)bound;
	CHECK(z.next_out && deflate(&z, Z_FINISH) == Z_STREAM_END);
	out->len -= z.avail_out;
	deflateEnd(&z);
}

static void fill(uint8_t *data, size_t n, bool text)
{
	struct fixed_random r = {.state = n};

	for (size_t i = 0; i < n; i++)
		data[i] = (uint8_t)(text ? 'a' + splitmix(&r.state) % 4 : splitmix(&r.state));
}

TEST(gzip_there_and_back)
{
	static const size_t sizes[] = {0, 1, 255, 4096, 4097, 70000, 1u << 20, (1u << 20) + 1};
	uint8_t *data = malloc(2u << 20);
	struct tl_buf packed = {0}, out = {0};

	CHECK(data);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		for (int text = 0; text < 2; text++) {
			fill(data, sizes[i], text);
			tl_buf_clear(&packed);
			tl_buf_clear(&out);
			tl_put(&out, "head", 4); /* both append */
			tl_put(&packed, "xy", 2);
			CHECK(mt_gzip(data, sizes[i], &packed) == 0);
			CHECK_HEX(packed.data + 2, 2, "1f8b");
			CHECK(mt_gunzip(packed.data + 2, packed.len - 2, &out) == 0);
			CHECK_INT(out.len, sizes[i] + 4);
			CHECK_MEM(out.data + 4, data, sizes[i]);
		}
	}
	tl_buf_free(&packed);
	tl_buf_free(&out);
	free(data);
}

/* The service may use either wrapper (A.28). */
TEST(gunzip_both_wrappers)
{
	struct tl_buf packed = {0}, out = {0};
	uint8_t data[1000];

	fill(data, sizeof data, true);
	for (int window = 15; window <= 31; window += 16) {
		tl_buf_clear(&packed);
		tl_buf_clear(&out);
		pack(9, window, data, sizeof data, &packed);
		CHECK(mt_gunzip(packed.data, packed.len, &out) == 0);
		CHECK_INT(out.len, sizeof data);
		CHECK_MEM(out.data, data, sizeof data);
	}
	tl_buf_clear(&packed);
	pack(9, -15, data, sizeof data, &packed);
	CHECK(mt_gunzip(packed.data, packed.len, &out) == -TG_E_WIRE);
	tl_buf_free(&packed);
	tl_buf_free(&out);
}

TEST(gunzip_refuses)
{
	struct tl_buf packed = {0}, out = {0};
	uint8_t data[600];

	fill(data, sizeof data, true);
	CHECK(mt_gzip(data, sizeof data, &packed) == 0);
	tl_put(&out, "keep", 4);
	for (size_t n = 0; n < packed.len; n++) { /* cut at every byte */
		uint8_t *copy = malloc(n + 1);

		CHECK(copy);
		memcpy(copy, packed.data, n);
		CHECK(mt_gunzip(copy, n, &out) == -TG_E_WIRE);
		CHECK_INT(out.len, 4);
		free(copy);
	}
	packed.data[packed.len - 6] ^= 1; /* the checksum */
	CHECK(mt_gunzip(packed.data, packed.len, &out) == -TG_E_WIRE);
	packed.data[packed.len - 6] ^= 1;
	CHECK(mt_gunzip(packed.data, packed.len, &out) == 0);
	out.len = 4;
	tl_put_u8(&packed, 0); /* garbage behind the end */
	CHECK(mt_gunzip(packed.data, packed.len, &out) == -TG_E_WIRE);
	packed.len--;
	pack(9, 31, data, 10, &packed); /* so is a second stream */
	CHECK(mt_gunzip(packed.data, packed.len, &out) == -TG_E_WIRE);
	CHECK_INT(out.len, 4);
	tl_buf_free(&packed);
	tl_buf_free(&out);
}

static int unpack_zeros(size_t n, size_t *ret_ratio)
{
	uint8_t *zeros = calloc(1, n);
	struct tl_buf packed = {0}, out = {0};
	int err;

	CHECK(zeros);
	pack(9, 31, zeros, n, &packed);
	*ret_ratio = n / packed.len;
	err = mt_gunzip(packed.data, packed.len, &out);
	CHECK(err ? out.len == 0 && out.cap <= 40u << 20 : out.len == n);
	tl_buf_free(&packed);
	tl_buf_free(&out);
	free(zeros);
	return err;
}

/* A.29: 1 MiB is free, past it 200:1, and 16 MiB is the end. */
TEST(gunzip_limits)
{
	const size_t mib = 1u << 20;
	struct tl_buf packed = {0}, out = {0};
	uint8_t *noise = malloc(17 * mib);
	size_t ratio;

	CHECK_INT(unpack_zeros(mib, &ratio), 0);
	CHECK(ratio > 200);
	CHECK_INT(unpack_zeros(mib + 1, &ratio), -TG_E_TOO_LARGE);
	CHECK(noise);
	fill(noise, 17 * mib, false);
	pack(1, 31, noise, 16 * mib - 64 * 1024,
	     &packed); /* must not exceed what bytes can carry */
	CHECK(packed.len <= TL_MAX_STRING);
	CHECK(mt_gunzip(packed.data, packed.len, &out) == 0);
	CHECK_MEM(out.data, noise, out.len);
	tl_buf_clear(&packed);
	tl_buf_clear(&out);
	memset(noise + 8 * mib, 0, 9 * mib);
	pack(1, 31, noise, 16 * mib, &packed);
	CHECK(mt_gunzip(packed.data, packed.len, &out) == 0);
	CHECK_INT(out.len, 16 * mib);
	tl_buf_clear(&packed);
	tl_buf_clear(&out);
	pack(1, 31, noise, 16 * mib + 1, &packed);
	CHECK(mt_gunzip(packed.data, packed.len, &out) == -TG_E_TOO_LARGE);
	tl_buf_free(&packed);
	tl_buf_free(&out);
	free(noise);
}

TEST(gunzip_vectors)
{
	const json_t *bomb = vectors_find(vectors_load("tl.json"), "gzip bomb");
	const json_t *packed = vectors_find(vectors_load("tl.json"), "rpc_result gzip_packed");
	struct tl_buf out = {0};
	struct tl_cursor c;
	uint8_t raw[4096];
	struct tl_str body;
	size_t ratio;

	CHECK_INT(unpack_zeros((size_t)vector_int(bomb, "expands_to"), &ratio), -TG_E_TOO_LARGE);
	CHECK(ratio > 1000);
	c = tl_cursor(raw, vector_hex(packed, "hex", raw, sizeof raw));
	CHECK_INT(tl_get_u32(&c), 0xf35c6d01); /* rpc_result */
	tl_get_u64(&c);
	CHECK_INT(tl_get_u32(&c), 0x3072cfa1); /* gzip_packed */
	body = tl_get_bytes(&c);
	CHECK(c.err == 0 && tl_left(&c) == 0);
	CHECK(mt_gunzip(body.data, body.len, &out) == 0);
	CHECK_INT(out.len, vector_int(packed, "unpacked_len"));
	mt_sha256(raw, out.data, out.len, NULL, 0);
	VECTOR_EQ(packed, "unpacked_sha256", raw, 32);
	tl_buf_free(&out);
}

/* The only door to zlib: gzip_packed bodies in both directions, and CRC-32 (PROTOCOL A6). */
#include "proto/proto.h"

#include <zlib.h>

#define GUNZIP_MAX (16u << 20)       /* A.29 */
#define GUNZIP_FREE (1u << 20)       /* below this no ratio is asked */
#define GUNZIP_RATIO 200u            /* output to input, past GUNZIP_FREE */
#define GUNZIP_FIRST 4096u           /* smallest first piece of output */
#define GZIP_MIN 18u                 /* header and trailer of an empty stream */
#define WINDOW_AUTO (MAX_WBITS + 32) /* gzip or zlib by the header */
#define WINDOW_GZIP (MAX_WBITS + 16)

uint32_t mt_crc32(uint32_t crc, const void *data, size_t n)
{
	return (uint32_t)crc32_z(crc, data, n);
}

static size_t gunzip_limit(size_t n)
{
	size_t limit = n > GUNZIP_MAX / GUNZIP_RATIO ? GUNZIP_MAX : n * GUNZIP_RATIO;

	return limit < GUNZIP_FREE ? GUNZIP_FREE : limit;
}

/* What the end of a gzip stream says of its size, if that can be, else a guess: with room for all
 * from the start zlib needs no window of its own. */
static size_t first_piece(const z_stream *z, size_t limit)
{
	const uint8_t *p = z->next_in, *end = p + z->avail_in;
	size_t size = z->avail_in * (size_t)4;

	if (z->avail_in >= GZIP_MIN && p[0] == 0x1f && p[1] == 0x8b)
		size = (size_t)end[-4] | (size_t)end[-3] << 8 | (size_t)end[-2] << 16 |
		       (size_t)end[-1] << 24;
	return size < GUNZIP_FIRST || size > limit ? GUNZIP_FIRST : size;
}

/* Pieces that double, up to one byte over the limit: whoever writes that byte is refused. */
static int inflate_all(z_stream *z, size_t limit, struct tl_buf *out)
{
	size_t done = 0, piece = first_piece(z, limit);

	for (;;) {
		size_t room = piece < limit + 1 - done ? piece : limit + 1 - done;
		uint8_t *p = tl_buf_extend(out, room);
		int status;

		if (!p)
			return out->err;
		z->next_out = p;
		z->avail_out = (uInt)room;
		status = inflate(z, Z_FINISH); /* no window is kept when the room was enough */
		out->len -= z->avail_out;
		done += room - z->avail_out;
		if (done > limit)
			return -TG_E_TOO_LARGE;
		if (status == Z_STREAM_END)
			return z->avail_in ? -TG_E_WIRE : 0; /* garbage behind the end */
		if (status == Z_MEM_ERROR)
			return -TG_E_NOMEM;
		if (status != Z_BUF_ERROR || z->avail_out) /* broken, or it ends too early */
			return -TG_E_WIRE;
		piece = done;
	}
}

int mt_gunzip(const void *data, size_t n, struct tl_buf *out)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)n};
	size_t before = out->len;
	int err;

	if (out->err)
		return out->err;
	if (n > TL_MAX_STRING)
		return -TG_E_TOO_LARGE;
	if (inflateInit2(&z, WINDOW_AUTO) != Z_OK)
		return -TG_E_NOMEM;
	err = inflate_all(&z, gunzip_limit(n), out);
	inflateEnd(&z);
	if (err)
		out->len = before;
	return err;
}

int mt_gzip(const void *data, size_t n, struct tl_buf *out)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)n};
	size_t bound;
	uint8_t *p;
	int status;

	if (n > TL_MAX_STRING)
		return -TG_E_TOO_LARGE;
	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_GZIP, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -TG_E_NOMEM;
	bound = deflateBound(&z, (uLong)n);
	p = tl_buf_extend(out, bound);
	if (!p) {
		deflateEnd(&z);
		return out->err;
	}
	z.next_out = p;
	z.avail_out = (uInt)bound;
	status = deflate(&z, Z_FINISH);
	out->len -= z.avail_out;
	deflateEnd(&z);
	if (status == Z_STREAM_END)
		return 0;
	out->len -= bound - z.avail_out;
	return -TG_E_INTERNAL;
}

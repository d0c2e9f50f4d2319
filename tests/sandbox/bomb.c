/* The fault "bomb": an answer of a few KiB that unpacks to 64 MiB. Owned by net. */
#include "net.h"

#include <string.h>
#include <zlib.h>

#define BOMB_BYTES (64u << 20)
#define PIECE (64u << 10)
#define WINDOW_GZIP (MAX_WBITS + 16)
#define ID_GZIP 0x3072cfa1u

void sb_bomb(struct tl_buf *out)
{
	static const uint8_t zeros[PIECE];
	uint8_t piece[4096];
	struct tl_buf zipped = {0};
	z_stream z = {0};
	int status = Z_OK;

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_GZIP, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return;
	for (unsigned fed = 0; status != Z_STREAM_END && !zipped.err;) {
		if (!z.avail_in && fed < BOMB_BYTES) {
			z.next_in = (Bytef *)(uintptr_t)zeros;
			z.avail_in = PIECE;
			fed += PIECE;
		}
		z.next_out = piece;
		z.avail_out = sizeof piece;
		status = deflate(&z, fed < BOMB_BYTES ? Z_NO_FLUSH : Z_FINISH);
		tl_put(&zipped, piece, sizeof piece - z.avail_out);
		if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
			break;
	}
	deflateEnd(&z);
	tl_put_u32(out, ID_GZIP);
	tl_put_bytes(out, zipped.data, zipped.len);
	tl_buf_free(&zipped);
}

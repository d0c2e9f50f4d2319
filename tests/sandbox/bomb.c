/* The fault "bomb": an answer of a few KiB that unpacks to 64 MiB; with a code, as many users who
 * are everything that takes no bytes, so that their JSON is thirty times as long. Owned by net. */
#include "net.h"
#include "tl_schema.h"

#include <string.h>
#include <zlib.h>

#define BOMB_BYTES (64u << 20)
#define PIECE (64u << 10)
#define WINDOW_GZIP (MAX_WBITS + 16)
#define ID_GZIP 0x3072cfa1u
#define ID_VECTOR 0x1cb5c415u

static void make(struct tl_buf *out)
{
	static const uint8_t zeros[PIECE];
	uint8_t piece[4096];
	struct tl_buf zipped = {0};
	z_stream z = {0};
	int status = Z_OK;

	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_GZIP, 8, Z_RLE) != Z_OK)
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

void sb_swell(unsigned users, struct tl_buf *out)
{
	struct tl_user u = {.obj.ctor = TL_user,
			    .contact = true,
			    .mutual_contact = true,
			    .bot_chat_history = true,
			    .bot_nochats = true,
			    .verified = true,
			    .bot_inline_geo = true,
			    .support = true,
			    .scam = true,
			    .fake = true,
			    .bot_attach_menu = true,
			    .premium = true,
			    .attach_menu_enabled = true,
			    .bot_can_edit = true,
			    .close_friend = true,
			    .stories_hidden = true,
			    .stories_unavailable = true,
			    .contact_require_premium = true,
			    .deleted = true,
			    .apply_min_photo = true,
			    .bot_business = true,
			    .bot_has_main_app = true,
			    .bot_forum_view = true,
			    .bot_forum_can_manage_topics = true,
			    .bot_can_manage_bots = true,
			    .bot_guestchat = true,
			    .bot_guard = true};

	tl_put_u32(out, ID_VECTOR);
	tl_put_u32(out, users);
	for (u.id = 1; u.id <= users && !out->err; u.id++)
		if (tl_encode(&tl_api, &u.obj, out))
			return;
}

void sb_bomb(struct sb_net *n, struct tl_buf *out)
{
	if (!n->bomb.len)
		make(&n->bomb);
	tl_put(out, n->bomb.data, n->bomb.len);
}

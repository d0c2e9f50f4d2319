/* The kind and size of a picture, from its first bytes; all that a photo needs to be one. */
#include "tests/sandbox/world.h"

static unsigned be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static unsigned le16(const uint8_t *p)
{
	return (unsigned)p[1] << 8 | p[0];
}

/* Walks the segments to the frame header (ITU T.81, B.2.2). */
static bool jpeg(const uint8_t *p, size_t n, int *w, int *h)
{
	for (size_t i = 2; i + 9 <= n && p[i] == 0xff;) {
		uint8_t kind = p[i + 1];

		if (kind >= 0xc0 && kind <= 0xcf && kind != 0xc4 && kind != 0xc8 && kind != 0xcc) {
			*h = (int)be16(p + i + 5);
			*w = (int)be16(p + i + 7);
			return true;
		}
		i += 2 + be16(p + i + 2);
	}
	return false;
}

const char *sb_image(const uint8_t *p, size_t n, int *ret_w, int *ret_h)
{
	int w = 0, h = 0;
	const char *mime = NULL;

	if (n > 24 && !memcmp(p, "\x89PNG\r\n\x1a\n", 8)) {
		w = (int)(be16(p + 16) << 16 | be16(p + 18));
		h = (int)(be16(p + 20) << 16 | be16(p + 22));
		mime = "image/png";
	} else if (n > 10 && !memcmp(p, "GIF8", 4)) {
		w = (int)le16(p + 6);
		h = (int)le16(p + 8);
		mime = "image/gif";
	} else if (n > 30 && !memcmp(p, "RIFF", 4) && !memcmp(p + 8, "WEBPVP8 ", 8)) {
		w = (int)le16(p + 26) & 0x3fff;
		h = (int)le16(p + 28) & 0x3fff;
		mime = "image/webp";
	} else if (n > 4 && p[0] == 0xff && p[1] == 0xd8 && jpeg(p, n, &w, &h)) {
		mime = "image/jpeg";
	}
	if (!mime || w <= 0 || h <= 0 || w + h > 10000)
		return NULL;
	*ret_w = w;
	*ret_h = h;
	return mime;
}

/* Base64 (RFC 4648, section 4, with padding), as JSON string out and strictly in. */
#include "tl/tl.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void tl_js_base64(struct tl_buf *b, const void *data, size_t n)
{
	const uint8_t *p = data;
	char *q = n > SIZE_MAX / 2 ? NULL : tl_buf_extend(b, (n + 2) / 3 * 4 + 2);

	if (!q)
		return;
	*q++ = '"';
	for (; n >= 3; n -= 3, p += 3, q += 4) {
		uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];

		q[0] = digits[v >> 18];
		q[1] = digits[v >> 12 & 63];
		q[2] = digits[v >> 6 & 63];
		q[3] = digits[v & 63];
	}
	if (n) {
		uint32_t v = (uint32_t)p[0] << 16 | (n == 2 ? (uint32_t)p[1] << 8 : 0);

		q[0] = digits[v >> 18];
		q[1] = digits[v >> 12 & 63];
		q[2] = n == 2 ? digits[v >> 6 & 63] : '=';
		q[3] = '=';
		q += 4;
	}
	*q = '"';
}

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The one to three bytes of a group with `take` digits; the bits that are left over must be zero.
 */
static int group(const char *text, int take, uint8_t out[3])
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		int d = i < take ? digit(text[i]) : 0;

		if (d < 0)
			return -TG_E_INVALID_PARAMS;
		v = v << 6 | (uint32_t)d;
	}
	out[0] = (uint8_t)(v >> 16);
	out[1] = (uint8_t)(v >> 8);
	out[2] = (uint8_t)v;
	return (take == 2 && (v & 0xffff)) || (take == 3 && (v & 0xff)) ? -TG_E_INVALID_PARAMS : 0;
}

int tl_base64_decode(const char *text, size_t n, struct tl_buf *out)
{
	size_t start = out->len;
	int err = n % 4 ? -TG_E_INVALID_PARAMS : out->err;

	for (size_t i = 0; i < n && !err; i += 4) {
		int take = 4;
		uint8_t bytes[3];

		if (i + 4 == n && text[i + 3] == '=')
			take = text[i + 2] == '=' ? 2 : 3;
		err = group(text + i, take, bytes);
		if (!err) {
			tl_put(out, bytes, (size_t)take - 1);
			err = out->err;
		}
	}
	if (err)
		out->len = start;
	return err;
}

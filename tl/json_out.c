/* JSON text out: strings with repaired UTF-8, numbers, base64. Writes into the caller's buffer and
 * keeps nothing. The only file that may call snprintf (for doubles). */
#include "tl/tl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a byte is at the start of a character. */
enum { PLAIN, ESCAPE, TWO, THREE, FOUR, BAD };

static unsigned byte_class(uint8_t c)
{
	if (c < 0x80)
		return c < 0x20 || c == '"' || c == '\\' ? ESCAPE : PLAIN;
	if (c < 0xc2 || c > 0xf4)
		return BAD;
	return c < 0xe0 ? TWO : c < 0xf0 ? THREE : FOUR;
}

/* Length of the UTF-8 character at p, or the negative length of the maximal invalid subpart
 * (Unicode 15, 3.9, "U+FFFD Substitution of Maximal Subparts"). */
static int utf8_step(const uint8_t *p, const uint8_t *end)
{
	unsigned class = byte_class(*p);
	int want = class == TWO ? 2 : class == THREE ? 3 : class == FOUR ? 4 : 1, have = 1;
	uint8_t lo = 0x80, hi = 0xbf;

	if (class == BAD)
		return -1;
	if (*p == 0xe0)
		lo = 0xa0;
	else if (*p == 0xed)
		hi = 0x9f;
	else if (*p == 0xf0)
		lo = 0x90;
	else if (*p == 0xf4)
		hi = 0x8f;
	while (have < want) {
		if (p + have == end || p[have] < lo || p[have] > hi)
			return -have;
		lo = 0x80;
		hi = 0xbf;
		have++;
	}
	return want;
}

/* First byte at or behind p that is not plain ASCII; eight at a time. */
static const uint8_t *skip_plain(const uint8_t *p, const uint8_t *end)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;

	while (end - p >= 8) {
		uint64_t w, quote, slash;

		memcpy(&w, p, 8);
		quote = w ^ ones * '"';
		slash = w ^ ones * '\\';
		if ((w | (w - ones * 0x20) | (quote - ones) | (slash - ones)) & high)
			break;
		p += 8;
	}
	while (p < end && byte_class(*p) == PLAIN)
		p++;
	return p;
}

static void put_escape(struct tl_buf *b, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[] = "btn\0fr"; /* U+0008 … U+000D */
	char text[6] = {'\\', 'u', '0', '0', hex[c >> 4 & 15], hex[c & 15]};

	if (c == '"' || c == '\\') {
		text[1] = (char)c;
		tl_put(b, text, 2);
	} else if (c >= 8 && c <= 13 && letters[c - 8]) {
		text[1] = letters[c - 8];
		tl_put(b, text, 2);
	} else {
		tl_put(b, text, 6);
	}
}

void tl_js_string(struct tl_buf *b, const char *data, size_t n)
{
	const uint8_t *p = (const uint8_t *)data, *end = p + n, *run = p;
	int step;

	tl_put_u8(b, '"');
	while (n) {
		p = skip_plain(p, end);
		if (p == end)
			break;
		step = byte_class(*p) == ESCAPE ? 0 : utf8_step(p, end);
		if (step > 0) {
			p += step;
			continue;
		}
		tl_put(b, run, (size_t)(p - run));
		if (step == 0) {
			put_escape(b, *p);
			p++;
		} else {
			tl_put(b, "\xef\xbf\xbd", 3);
			p -= step;
		}
		run = p;
	}
	if (n)
		tl_put(b, run, (size_t)(p - run));
	tl_put_u8(b, '"');
}

void tl_js_int(struct tl_buf *b, int64_t v)
{
	char text[20], *p = text + sizeof text;
	uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;

	do {
		*--p = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (v < 0)
		*--p = '-';
	tl_put(b, p, (size_t)(text + sizeof text - p));
}

void tl_js_double(struct tl_buf *b, double v)
{
	char text[320]; /* gcc counts 309 digits for %.17g */
	int lo = 1, hi = 17;

	if (!isfinite(v)) {
		tl_put(b, "null", 4);
		return;
	}
	if (v == rint(v) && fabs(v) < 9007199254740992.0 && (v != 0 || !signbit(v))) {
		tl_js_int(b, (int64_t)v);
		return;
	}
	while (lo < hi) {
		int mid = (lo + hi) / 2;

		snprintf(text, sizeof text, "%.*g", mid, v);
		if (strtod(text, NULL) == v)
			hi = mid;
		else
			lo = mid + 1;
	}
	snprintf(text, sizeof text, "%.*g", lo, v);
	/* -0 without a point would be an integer for some readers and lose its sign */
	tl_put_text(b, v == 0 ? "-0.0" : text);
}

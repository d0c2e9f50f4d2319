/* JSON text out: strings with repaired UTF-8, numbers, base64. Writes into the caller's buffer and
 * keeps nothing. The only file that may call snprintf (for doubles). */
#include "tl/text.h"

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

/* Bit 7 of the first byte that is not plain ASCII (and of others behind it); 0 when all eight are.
 */
static inline uint64_t special_bytes(uint64_t w)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;

	return (w | (w - ones * 0x20) | ((w ^ ones * '"') - ones) | ((w ^ ones * '\\') - ones)) &
	       high;
}

static uint8_t *raw_escape(uint8_t *to, uint8_t c)
{
	static const char hex[] = "0123456789abcdef";
	static const char letters[] = "btn\0fr"; /* U+0008 … U+000D */

	*to++ = '\\';
	if (c == '"' || c == '\\') {
		*to++ = c;
	} else if (c >= 8 && c <= 13 && letters[c - 8]) {
		*to++ = (uint8_t)letters[c - 8];
	} else {
		memcpy(to, "u00", 3);
		to[3] = (uint8_t)hex[c >> 4];
		to[4] = (uint8_t)hex[c & 15];
		to += 5;
	}
	return to;
}

static bool is_tail(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/* Letters of two and three bytes, as most are, in a row; *p moves to what is something else. */
static uint8_t *raw_letters(uint8_t *to, const uint8_t **at, const uint8_t *end)
{
	const uint8_t *p = *at;

	for (; end - p >= 4; *at = p) {
		if (p[0] >= 0xc2 && p[0] < 0xe0 && is_tail(p[1])) {
			memcpy(to, p, 2);
			p += 2;
			to += 2;
		} else if (p[0] > 0xe0 && p[0] < 0xf0 && p[0] != 0xed && is_tail(p[1]) &&
			   is_tail(p[2])) {
			memcpy(to, p, 4);
			p += 3;
			to += 3;
		} else {
			break;
		}
	}
	return to;
}

/* One character that is not plain, or one plain one; *p moves behind it. */
static uint8_t *raw_char(uint8_t *to, const uint8_t **p, const uint8_t *end)
{
	unsigned class = byte_class(**p);
	int step;

	if (class == PLAIN) {
		*to++ = *(*p)++;
		return to;
	}
	if (class == ESCAPE)
		return raw_escape(to, *(*p)++);
	step = utf8_step(*p, end);
	if (step < 0) {
		memcpy(to, "\xef\xbf\xbd", 3);
		*p -= step;
		return to + 3;
	}
	for (; step; step--)
		*to++ = *(*p)++;
	return to;
}

static uint8_t *raw_text(uint8_t *to, const uint8_t *p, const uint8_t *end)
{
	while (end - p >= 8) {
		uint64_t w, special;

		memcpy(&w, p, 8);
		special = special_bytes(w);
		memcpy(to, p, 8);
		if (!special) {
			p += 8;
			to += 8;
			continue;
		}
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		p += __builtin_ctzll(special) / 8;
		to += __builtin_ctzll(special) / 8;
#endif
		to = raw_letters(raw_char(to, &p, end), &p, end);
	}
	while (p < end)
		if (*p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
			*to++ = *p++;
		else
			to = raw_char(to, &p, end);
	return to;
}

uint8_t *tl_raw_string(uint8_t *to, const uint8_t *data, size_t n)
{
	*to++ = '"';
	if (n) /* an absent one has no place */
		to = raw_text(to, data, data + n);
	*to++ = '"';
	return to;
}

#define PIECE 128u /* of text: room is made for the worst of it, which is six times as long */

/* Where a piece of text may end without cutting a character: not before a continuation byte, unless
 * there are more of them than any character has. */
static size_t piece_length(const uint8_t *p, size_t n)
{
	size_t cut = PIECE;

	if (n <= cut)
		return n;
	while ((p[cut] & 0xc0) == 0x80 && cut > PIECE - 3)
		cut--;
	return (p[cut] & 0xc0) == 0x80 ? PIECE : cut;
}

void tl_js_string(struct tl_buf *b, const char *data, size_t n)
{
	const uint8_t *p = (const uint8_t *)data;
	struct tl_out o;

	tl_out_open(&o, b);
	tl_out_char(&o, '"');
	while (n && !b->err) {
		size_t piece = piece_length(p, n);

		if (!tl_out_room(&o, 6 * piece + 8))
			break;
		o.p = raw_text(o.p, p, p + piece);
		p += piece;
		n -= piece;
	}
	tl_out_char(&o, '"');
	tl_out_close(&o);
}

bool tl_out_grow(struct tl_out *o, size_t n)
{
	void *p;

	tl_out_close(o);
	p = tl_buf_extend(o->buf, n);
	if (p)
		o->buf->len -= n;
	tl_out_open(o, o->buf);
	return p;
}

/* How many digits a number has. */
static unsigned digits_of(uint64_t v)
{
	static const uint64_t from[] = {0,
					10,
					100,
					1000,
					10000,
					100000,
					1000000,
					10000000,
					100000000,
					1000000000,
					10000000000,
					100000000000,
					1000000000000,
					10000000000000,
					100000000000000,
					1000000000000000,
					10000000000000000,
					100000000000000000,
					1000000000000000000,
					10000000000000000000u};
	unsigned bits = 64 - (unsigned)__builtin_clzll(v | 1);
	unsigned least = bits * 1233 >> 12; /* 1233/4096: the logarithm of 2 */

	return least + (v >= from[least]);
}

uint8_t *tl_raw_uint(uint8_t *to, uint64_t v)
{
	static const char pairs[] = "0001020304050607080910111213141516171819"
				    "2021222324252627282930313233343536373839"
				    "4041424344454647484950515253545556575859"
				    "6061626364656667686970717273747576777879"
				    "8081828384858687888990919293949596979899";
	uint8_t *end = to + digits_of(v), *p = end;

	while (v >= 100) {
		p -= 2;
		memcpy(p, pairs + v % 100 * 2, 2);
		v /= 100;
	}
	if (v >= 10)
		memcpy(to, pairs + v * 2, 2);
	else
		*to = (uint8_t)('0' + v);
	return end;
}

void tl_js_int(struct tl_buf *b, int64_t v)
{
	uint8_t *p = tl_buf_extend(b, 21);

	if (p)
		b->len = (size_t)(tl_raw_int(p, v) - b->data);
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

/* Paths, joined words, near misses, numbers in text. Owns nothing. */
#include "tl/json_path.h"

#include <string.h>

#define MAX_NAME 64u

static size_t add(char *to, size_t len, size_t size, const char *text)
{
	size_t n = strlen(text), room = size - 1 - len;

	if (n > room)
		for (n = room; n && (text[n] & 0xc0) == 0x80; n--)
			;
	memcpy(to + len, text, n);
	to[len + n] = 0;
	return len + n;
}

void tl_join(char *to, size_t size, const char *const *words)
{
	size_t len = 0;

	*to = 0;
	for (; *words; words++)
		len = add(to, len, size, *words);
}

void tl_path_print(const struct tl_path *path, char *to, size_t size)
{
	char digits[24], *p = digits + sizeof digits - 1;
	size_t len;

	*to = 0;
	if (!path)
		return;
	tl_path_print(path->up, to, size);
	len = strlen(to);
	if (path->key) {
		len = add(to, len, size, len ? "." : "");
		add(to, len, size, path->key);
		return;
	}
	*p = 0;
	*--p = ']';
	for (size_t i = path->index; i || p[0] == ']'; i /= 10)
		*--p = (char)('0' + i % 10);
	*--p = '[';
	add(to, len, size, p);
}

/* Lower case, without underscores. */
static size_t fold(const char *from, char to[MAX_NAME])
{
	size_t n = 0;

	for (; *from && n < MAX_NAME; from++)
		if (*from != '_')
			to[n++] = *from >= 'A' && *from <= 'Z' ? (char)(*from + 32) : *from;
	return n;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Optimal string alignment over the folded names, three rows of the table at a time. A name of up
 * to three letters has no near misses but itself. */
unsigned tl_distance(const char *a, const char *b)
{
	char x[MAX_NAME], y[MAX_NAME];
	size_t n = fold(a, x), m = fold(b, y);
	unsigned rows[3][MAX_NAME + 1];

	for (unsigned j = 0; j <= m; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *row = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned change = up[j - 1] + (x[i - 1] != y[j - 1]);

			row[j] = least(least(up[j], row[j - 1]) + 1, change);
			if (i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1])
				row[j] = least(row[j], up2[j - 2] + 1);
		}
	}
	if (rows[n % 3][m] >= least((unsigned)n, (unsigned)m) / 2 && rows[n % 3][m])
		return UINT32_MAX;
	return rows[n % 3][m];
}

int tl_parse_integer(const char *text, size_t n, int64_t *ret)
{
	bool negative = n && *text == '-';
	uint64_t v = 0, max = negative ? (uint64_t)1 << 63 : INT64_MAX;
	bool over = false;

	text += negative;
	n -= negative;
	if (!n || (n > 1 && *text == '0') || (negative && *text == '0'))
		return -TG_E_INVALID_PARAMS;
	for (; n; n--, text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (digit > 9)
			return -TG_E_INVALID_PARAMS;
		if (v > (max - digit) / 10)
			over = true;
		v = v * 10 + digit;
	}
	if (over)
		return -TG_E_TOO_LARGE;
	*ret = negative ? (int64_t)-v : (int64_t)v;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int tl_parse_hex(const char *text, uint8_t *to, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		int hi = hex_digit(text[2 * i]), lo = hi < 0 ? -1 : hex_digit(text[2 * i + 1]);

		if (lo < 0)
			return -TG_E_INVALID_PARAMS;
		to[i] = (uint8_t)(hi << 4 | lo);
	}
	return 0;
}

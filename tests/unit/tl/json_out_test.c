/* json_out.c and base64.c. */
#include "tests/harness.h"
#include "tl/tl.h"

#include <math.h>

static const char *text_of(struct tl_buf *b)
{
	tl_put_u8(b, 0);
	CHECK_INT(b->err, 0);
	b->len = 0;
	return (const char *)b->data;
}

#define STRING(in, want)                                                                           \
	do {                                                                                       \
		tl_js_string(&b, in, sizeof(in) - 1);                                              \
		CHECK_STR(text_of(&b), want);                                                      \
	} while (0)

TEST(strings_are_escaped)
{
	struct tl_buf b = {0};

	STRING("", "\"\"");
	STRING("plain text that is longer than eight", "\"plain text that is longer than eight\"");
	STRING("a\"b\\c/d", "\"a\\\"b\\\\c/d\"");
	STRING("\b\f\n\r\t\v\x7f", "\"\\b\\f\\n\\r\\t\\u000b\x7f\"");
	STRING("\0\x1f", "\"\\u0000\\u001f\"");
	STRING("12345678\n12345678\"", "\"12345678\\n12345678\\\"\"");
	STRING("\xd0\x96 \xe2\x82\xac \xf0\x9f\x98\x80",
	       "\"\xd0\x96 \xe2\x82\xac \xf0\x9f\x98\x80\"");
	tl_buf_free(&b);
}

#define R "\xef\xbf\xbd"
TEST(bad_utf8_becomes_replacement_per_maximal_subpart)
{
	struct tl_buf b = {0};

	STRING("\xff\xfe", "\"" R R "\"");
	STRING("\xc0\xaf", "\"" R R "\"");
	STRING("\xe0\x80\xaf", "\"" R R R "\"");
	STRING("\xed\xa0\x80", "\"" R R R "\"");
	STRING("\xf4\x90\x80\x80", "\"" R R R R "\"");
	STRING("\xf0\x9f\x98", "\"" R "\"");
	STRING("\xf0\x9f\x98x", "\"" R "x\"");
	STRING("\xe2\x82", "\"" R "\"");
	STRING("\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64",
	       "\"a" R R R "b" R "c" R R "d\""); /* Unicode 15, table 3-8 */
	tl_buf_free(&b);
}

static size_t put_point(uint8_t *p, uint32_t c)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	p[0] = (uint8_t)(n == 1 ? c : (0xf00u >> n) | c >> 6 * (n - 1));
	for (size_t i = 1; i < n; i++)
		p[i] = (uint8_t)(0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
	return n;
}

/* Every character among letters is itself; a surrogate is three replacements. */
TEST(every_character_among_letters)
{
	struct tl_buf b = {0};
	char in[64], want[64];

	for (uint32_t c = 0x80; c <= 0x10ffff; c++) {
		bool surrogate = c >= 0xd800 && c <= 0xdfff;
		size_t n = 0;

		memcpy(in, "\xd0\x96\xe2\x82\xac", 5);
		n = 5 + put_point((uint8_t *)in + 5, c);
		memcpy(in + n, "\xd0\x96, \xd0\x96", 6);
		snprintf(want, sizeof want, "\"\xd0\x96\xe2\x82\xac%.*s\xd0\x96, \xd0\x96\"",
			 surrogate ? 9 : (int)n - 5, surrogate ? R R R : in + 5);
		tl_js_string(&b, in, n + 6);
		CHECK_STR(text_of(&b), want);
	}
	tl_buf_free(&b);
}

/* Long texts go out in pieces, which cut no character wherever they begin. */
TEST(long_texts_come_out_whole)
{
	struct tl_buf b = {0};
	char in[1200];

	for (size_t shift = 0; shift < 8; shift++) {
		size_t n = shift;

		memset(in, 'x', shift);
		while (n < 1000)
			n += put_point((uint8_t *)in + n, n % 3 ? 0x20ac : n % 2 ? 0x1f600 : 0x416);
		tl_js_string(&b, in, n);
		CHECK_INT(b.len, n + 2);
		CHECK_MEM(b.data + 1, in, n);
		tl_buf_clear(&b);
	}
	tl_buf_free(&b);
}

/* A slow, obvious check that a text is UTF-8 without control characters. */
static void check_valid(const char *s)
{
	const uint8_t *p = (const uint8_t *)s;

	while (*p) {
		uint32_t c = *p, n = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;

		CHECK(c >= 0x20 && (c < 0x80 || c >= 0xc2) && c < 0xf5);
		c = n == 0 ? c : c & (0x3fu >> n);
		for (uint32_t i = 1; i <= n; i++) {
			CHECK((p[i] & 0xc0) == 0x80);
			c = c << 6 | (p[i] & 0x3f);
		}
		CHECK(n != 2 || c >= 0x800);
		CHECK(n != 3 || (c >= 0x10000 && c <= 0x10ffff));
		CHECK(c < 0xd800 || c > 0xdfff);
		p += n + 1;
	}
}

TEST(any_bytes_give_valid_text)
{
	struct tl_buf b = {0};
	uint64_t x = 88172645463325252u;
	uint8_t in[64];

	for (int round = 0; round < 20000; round++) {
		size_t n = round % 64;

		for (size_t i = 0; i < n; i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			in[i] = (uint8_t)(x >> 24) | ((x & 3) == 0 ? 0xc0 : 0);
		}
		tl_js_string(&b, (char *)in, n);
		check_valid(text_of(&b));
	}
	tl_buf_free(&b);
}

TEST(integers)
{
	struct tl_buf b = {0};

	tl_js_int(&b, 0);
	CHECK_STR(text_of(&b), "0");
	tl_js_int(&b, INT64_MIN);
	CHECK_STR(text_of(&b), "-9223372036854775808");
	tl_js_int(&b, INT64_MAX);
	CHECK_STR(text_of(&b), "9223372036854775807");
	tl_js_int(&b, -42);
	CHECK_STR(text_of(&b), "-42");
	for (int64_t power = 10; power <= INT64_MAX / 10; power *= 10) /* where digits are added */
		for (int64_t v = power - 1; v <= power + 1; v++) {
			char want[24];

			snprintf(want, sizeof want, "%lld", (long long)v);
			tl_js_int(&b, v);
			CHECK_STR(text_of(&b), want);
		}
	tl_buf_free(&b);
}

TEST(doubles_read_back)
{
	static const struct {
		double v;
		const char *text;
	} rows[] = {{0, "0"},
		    {-0.0, "-0.0"},
		    {1, "1"},
		    {0.1, "0.1"},
		    {-2.5, "-2.5"},
		    {5e-324, "5e-324"},
		    {1e300, "1e+300"},
		    {1.0 / 3, "0.3333333333333333"},
		    {NAN, "null"},
		    {INFINITY, "null"},
		    {-INFINITY, "null"},
		    {55.7558, "55.7558"},
		    {1e15, "1000000000000000"},
		    {9007199254740993.0, "9007199254740992"}};
	struct tl_buf b = {0};
	uint64_t x = 1;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		tl_js_double(&b, rows[i].v);
		CHECK_STR(text_of(&b), rows[i].text);
	}
	for (int i = 0; i < 20000; i++) {
		double v, back;

		x = x * 6364136223846793005u + 1442695040888963407u;
		memcpy(&v, &x, 8);
		if (!isfinite(v))
			continue;
		tl_js_double(&b, v);
		back = strtod(text_of(&b), NULL);
		CHECK_MEM(&v, &back, 8);
	}
	tl_buf_free(&b);
}

TEST(base64_both_ways)
{
	static const char *const good[][2] = {
		{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}};
	static const char *const bad[] = {"Z",    "Zg",       "Zg=",    "Zg===", "Zh==", "Zm9=",
					  "====", "Zg==Zg==", "Zm9v\n", "Zm-_",  "Z===", "Zm=v"};
	struct tl_buf b = {0}, out = {0};

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		size_t n = strlen(good[i][1]);

		tl_js_base64(&b, good[i][0], strlen(good[i][0]));
		CHECK_INT(b.len, n + 2);
		CHECK_MEM(b.data + 1, good[i][1], n);
		CHECK_INT(tl_base64_decode(good[i][1], n, &out), 0);
		CHECK_INT(out.len, strlen(good[i][0]));
		CHECK_MEM(out.data ? (char *)out.data : "", good[i][0], out.len);
		b.len = out.len = 0;
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		CHECK_INT(tl_base64_decode(bad[i], strlen(bad[i]), &out), -TG_E_INVALID_PARAMS);
		CHECK_INT(out.len, 0);
	}
	tl_buf_free(&b);
	tl_buf_free(&out);
}

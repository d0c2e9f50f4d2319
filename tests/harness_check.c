/* What the checks of tests call: failing, hex, the place of the vectors. Apart from the harness's
 * main, so that fuzz targets can use the tests' servers. */
#include "tests/harness.h"

#include <stdarg.h>

void test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s:%d: ", file, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort(); /* a fuzzer keeps the input then */
}

const char *test_vectors(const char *file)
{
	static char path[256];
	const char *root = getenv("LAYERD_ROOT");

	snprintf(path, sizeof path, "%s/tests/vectors/%s", root ? root : ".", file);
	return path;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

size_t test_unhex(const char *hex, void *out, size_t max)
{
	uint8_t *p = out;
	size_t n = 0;

	for (; hex[0]; hex += 2, n++) {
		int hi = nibble(hex[0]), lo = hi < 0 ? -1 : nibble(hex[1]);

		if (lo < 0 || n == max)
			test_fail(__FILE__, __LINE__, "bad hex or more than %zu bytes: %.40s", max,
				  hex);
		p[n] = (uint8_t)(hi << 4 | lo);
	}
	return n;
}

void test_hex_eq(const char *file, int line, const void *got, size_t n, const char *want_hex)
{
	size_t want_n = strlen(want_hex) / 2;
	uint8_t *want = malloc(want_n + 1);
	const uint8_t *p = got;

	test_unhex(want_hex, want, want_n);
	if (n != want_n)
		test_fail(file, line, "%zu bytes, want %zu", n, want_n);
	for (size_t i = 0; i < n; i++)
		if (p[i] != want[i])
			test_fail(file, line, "byte %zu is %02x, want %02x", i, p[i], want[i]);
	free(want);
}

/* What the fuzz targets share. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

static inline void need(bool good)
{
	if (!good)
		abort();
}

/* A random source that gives the same every time, for struct mt_env. */
static inline void same_bytes(void *ctx, void *out, size_t n)
{
	uint8_t *p = out;

	(void)ctx;
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(7 * i + 1);
}

#endif

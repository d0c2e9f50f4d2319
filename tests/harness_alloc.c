/* Memory under test: every room's tests are linked with --wrap, so that our own code's allocations
 * come through here. While armed, the one that a test has chosen fails, and memory that is given
 * back is searched for a secret. Other libraries' allocations do not pass here. */
#include "tests/harness.h"

#include <malloc.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
void __wrap_free(void *p);

static bool armed;
static size_t count, fail_at, fail_n; /* allocations while armed; those that fail */
static const void *secret;
static size_t secret_n;

void test_alloc_arm(bool on)
{
	armed = on;
}

void test_alloc_fail(size_t at, size_t n)
{
	count = 0;
	fail_at = at;
	fail_n = n;
}

bool test_alloc_failed(void)
{
	return fail_n && count >= fail_at;
}

void test_alloc_watch(const void *data, size_t n)
{
	secret = data;
	secret_n = n;
}

static bool refuses(void)
{
	return armed && ++count >= fail_at && count - fail_at < fail_n;
}

void *__wrap_malloc(size_t n)
{
	return refuses() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t each, size_t n)
{
	return refuses() ? NULL : __real_calloc(each, n);
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
	return refuses() ? NULL : __real_aligned_alloc(align, n);
}

/* Memory that moves leaves its old place behind as it was. */
void *__wrap_realloc(void *p, size_t n)
{
	size_t old = p ? malloc_usable_size(p) : 0;
	void *moved;

	if (refuses())
		return NULL;
	if (!armed || !secret || !p)
		return __real_realloc(p, n);
	moved = __real_malloc(n);
	if (moved) {
		memcpy(moved, p, old < n ? old : n);
		__wrap_free(p);
	}
	return moved;
}

void __wrap_free(void *p)
{
	if (armed && secret && p && memmem(p, malloc_usable_size(p), secret, secret_n))
		test_fail(__FILE__, __LINE__, "a secret in memory that is given back");
	__real_free(p);
}

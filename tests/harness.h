/* The test harness: TEST(name) { … } registers itself; every test runs in a child of its own with a
 * time limit and an own temporary folder (test_dir()). The program closes with one line "N passed,
 * N failed". */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test_case {
	const char *name;
	void (*run)(void);
	unsigned seconds; /* time limit */
	struct test_case *next;
};
void test_register(struct test_case *t);
void test_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), noreturn));
const char *test_dir(void);                 /* removed after the test */
const char *test_vectors(const char *file); /* path below tests/vectors */
/* How often: the environment's NAME, which lifts the time limit to four hours, or what is usual. */
unsigned long test_count(const char *name, unsigned long usual);
size_t test_unhex(const char *hex, void *out, size_t max); /* fails the test on bad hex */
void test_hex_eq(const char *file, int line, const void *got, size_t n, const char *want_hex);

/* harness_alloc.c: what our code allocates while armed. */
void test_alloc_arm(bool on);
void test_alloc_fail(size_t at, size_t n); /* n from now on fail, the first is number at */
bool test_alloc_failed(void);              /* it has */
void test_alloc_watch(const void *secret, size_t n); /* must not be in memory that is given back */

#define TEST_T(name_, seconds_)                                                                    \
	static void name_(void);                                                                   \
	__attribute__((constructor)) static void register_##name_(void)                            \
	{                                                                                          \
		static struct test_case t = {#name_, name_, seconds_, NULL};                       \
		test_register(&t);                                                                 \
	}                                                                                          \
	static void name_(void)
#define TEST(name_) TEST_T(name_, 20)

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			test_fail(__FILE__, __LINE__, "%s", #cond);                                \
	} while (0)
#define CHECK_INT(a, b)                                                                            \
	do {                                                                                       \
		long long a_ = (long long)(a), b_ = (long long)(b);                                \
		if (a_ != b_)                                                                      \
			test_fail(__FILE__, __LINE__, "%s = %lld, want %s = %lld", #a, a_, #b,     \
				  b_);                                                             \
	} while (0)
#define CHECK_MEM(a, b, n) CHECK(memcmp(a, b, n) == 0)
#define CHECK_HEX(got, n, hex) test_hex_eq(__FILE__, __LINE__, got, n, hex)
#define CHECK_STR(a, b)                                                                            \
	do {                                                                                       \
		const char *a_ = (a), *b_ = (b);                                                   \
		if (strcmp(a_, b_) != 0)                                                           \
			test_fail(__FILE__, __LINE__, "%s is\n  %s\nwant\n  %s", #a, a_, b_);      \
	} while (0)

#endif

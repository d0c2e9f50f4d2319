/* Factorisation: pq.json, small numbers against trial division, big ones, time. */
#include "proto/pq.h"
#include "tests/unit/proto/vectors.h"

#include <time.h>

static void minimal(uint64_t x, char hex[17])
{
	int n = snprintf(hex, 17, "%llx", (unsigned long long)x);

	if (n % 2)
		snprintf(hex, 17, "0%llx", (unsigned long long)x);
}

static void split(const json_t *v)
{
	uint64_t n = strtoull(vector_text(v, "pq"), NULL, 10), p, q;
	char hex[17];

	CHECK(mt_pq_split(n, &p, &q) == 0);
	CHECK(p == strtoull(vector_text(v, "p"), NULL, 10));
	CHECK(q == strtoull(vector_text(v, "q"), NULL, 10));
	minimal(p, hex);
	CHECK_STR(hex, vector_text(v, "p_bytes"));
	minimal(q, hex);
	CHECK_STR(hex, vector_text(v, "q_bytes"));
}

static void no_factor(const json_t *v)
{
	uint64_t p = 5, q = 6;

	CHECK_INT(mt_pq_split(strtoull(vector_text(v, "pq"), NULL, 10), &p, &q), -TG_E_CRYPTO);
	CHECK(p == 5 && q == 6);
}

TEST(pq_vectors)
{
	static const struct vector_row rows[] = {
		{"pq-nofactor-*", no_factor, NULL},
		{"pq-too-long", NULL, "proto/handshake_refuses"},
		{"pq-*", split, NULL},
		{NULL, NULL, NULL},
	};
	unsigned elsewhere;

	CHECK_INT(vectors_run("pq.json", rows, &elsewhere), 18);
	CHECK_INT(elsewhere, 1);
}

static uint64_t least_factor(uint64_t n)
{
	for (uint64_t d = 2; d * d <= n; d++)
		if (n % d == 0)
			return d;
	return n;
}

/* Each number below 20000: split exactly when it has two prime factors. */
TEST(pq_small)
{
	for (uint64_t n = 0; n < 20000; n++) {
		uint64_t p, q, d = n < 4 ? n : least_factor(n);
		bool two = n >= 4 && d != n && least_factor(n / d) == n / d;

		CHECK_INT(mt_pq_split(n, &p, &q), two ? 0 : -TG_E_CRYPTO);
		CHECK(!two || (p == d && q == n / d));
	}
}

static uint64_t prime_from(uint64_t x)
{
	for (x |= 1; least_factor(x) != x;)
		x += 2;
	return x;
}

/* Squares, cubes, three factors, primes: refused or split, always soon. */
TEST(pq_shapes)
{
	static const uint64_t primes[] = {18446744073709551557ull, 9223372036854775783ull,
					  4611686018427387847ull, 4294967291ull, 2147483647ull};
	uint64_t p, q;

	for (size_t i = 0; i < 5; i++)
		CHECK_INT(mt_pq_split(primes[i], &p, &q), -TG_E_CRYPTO);
	CHECK(mt_pq_split(4294967291ull * 4294967291ull, &p, &q) == 0 && p == q &&
	      p == 4294967291ull);
	CHECK(mt_pq_split(3037000493ull * 3037000493ull, &p, &q) == 0 && p == 3037000493ull);
	CHECK_INT(mt_pq_split(2097143ull * 2097143 * 2097143, &p, &q), -TG_E_CRYPTO);
	CHECK_INT(mt_pq_split(1299709ull * 1299721 * 1299743, &p, &q), -TG_E_CRYPTO);
	CHECK_INT(mt_pq_split(1ull << 63, &p, &q), -TG_E_CRYPTO);
	CHECK_INT(mt_pq_split(UINT64_MAX, &p, &q), -TG_E_CRYPTO);
	CHECK(mt_pq_split(2 * 9223372036854775783ull, &p, &q) == 0 && p == 2);
}

/* Products of two primes of 31 and 32 bits, as servers send them. */
TEST(pq_large)
{
	struct fixed_random r = {.state = 1};
	struct timespec before, after;
	double ms, worst = 0;

	for (unsigned i = 0; i < 120; i++) {
		uint64_t a = prime_from((splitmix(&r.state) >> 33) | 1u << 30);
		uint64_t b = prime_from((splitmix(&r.state) >> 33) | 1u << 30), p, q;

		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
		CHECK(mt_pq_split(a * b, &p, &q) == 0);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
		CHECK(p <= q && p * q == a * b && (p == a || p == b));
		ms = (double)(after.tv_sec - before.tv_sec) * 1e3 +
		     (double)(after.tv_nsec - before.tv_nsec) / 1e6;
		worst = ms > worst ? ms : worst;
	}
	CHECK(worst < 1000); /* B.30; the bench has the goal of 1 ms */
}

/* Factorisation of pq by Brent's variant of Pollard's rho, in Montgomery form (PROTOCOL B6;
 * core.telegram.org/mtproto/auth_key, step 3). Pure arithmetic. */
#include "proto/pq.h"

#define TRIAL_MAX 257        /* small factors are divided out: rho finds them badly */
#define GCD_EVERY 128u       /* steps between two greatest common divisors */
#define STEPS_MAX (1u << 21) /* of one curve; a factor of 32 bits needs some 2^16 */
#define CURVES_MAX 16u
#define LAZY_MAX (1ull << 62)

struct field { /* arithmetic modulo an odd n, numbers as x * 2^64 mod n */
	uint64_t n, inverse, one;
};

static inline uint64_t mul(const struct field *f, uint64_t a, uint64_t b)
{
	unsigned __int128 t = (unsigned __int128)a * b;
	uint64_t m = (uint64_t)t * f->inverse;
	uint64_t hi = (uint64_t)(t >> 64), low = (uint64_t)(((unsigned __int128)m * f->n) >> 64);

	return hi - low + (hi < low ? f->n : 0);
}

static inline uint64_t add(const struct field *f, uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;

	return sum < a || sum >= f->n ? sum - f->n : sum;
}

static struct field field_of(uint64_t n)
{
	struct field f = {.n = n, .inverse = n, .one = (0 - n) % n};

	for (unsigned i = 0; i < 5; i++) /* Newton: 3, 6, 12, 24, 48, 96 right bits */
		f.inverse *= 2 - n * f.inverse;
	return f;
}

static uint64_t into(const struct field *f, uint64_t x)
{
	unsigned __int128 wide = (unsigned __int128)(x % f->n) << 64;

	return (uint64_t)(wide % f->n);
}

/* Miller-Rabin with the twelve first primes as bases is exact below 2^64. */
static bool is_prime(uint64_t n)
{
	static const uint8_t bases[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37};
	struct field f;
	uint64_t odd = n - 1;
	unsigned twos = 0;

	if (n < 2 || n % 2 == 0)
		return n == 2;
	f = field_of(n);
	for (; odd % 2 == 0; odd /= 2)
		twos++;
	for (size_t i = 0; i < sizeof bases; i++) {
		uint64_t base = into(&f, bases[i]), x = f.one;
		bool fine;

		if (base == 0) /* n is this base */
			continue;
		for (uint64_t e = odd; e; e /= 2) {
			if (e % 2)
				x = mul(&f, x, base);
			base = mul(&f, base, base);
		}
		fine = x == f.one;
		for (unsigned k = 0; k < twos && !fine; k++) {
			fine = x == n - f.one;
			x = mul(&f, x, x);
		}
		if (!fine)
			return false;
	}
	return true;
}

static uint64_t gcd(uint64_t a, uint64_t b) /* b odd */
{
	if (a == 0)
		return b;
	a >>= __builtin_ctzll(a);
	while (a != b) {
		if (a < b) {
			uint64_t t = a;

			a = b;
			b = t;
		}
		a -= b;
		a >>= __builtin_ctzll(a);
	}
	return a;
}

/* y^2 + c. lazy: not reduced, so that the next square need not wait for a comparison; about 2n at
 * most, and with n below LAZY_MAX and a c of a few units no sum leaves 64 bits. */
static inline uint64_t next_of(const struct field *f, uint64_t y, uint64_t c, bool lazy)
{
	unsigned __int128 t = (unsigned __int128)y * y;
	uint64_t m = (uint64_t)t * f->inverse;
	uint64_t low = (uint64_t)(((unsigned __int128)m * f->n) >> 64);

	return lazy ? (uint64_t)(t >> 64) + (f->n + c) - low : add(f, mul(f, y, y), c);
}

static inline uint64_t apart(uint64_t x, uint64_t y)
{
	return x > y ? x - y : y - x;
}

/* One pseudo-random walk x = x^2 + c; a proper factor, or 0. */
static inline __attribute__((always_inline)) uint64_t walk(const struct field *f, uint64_t c,
							   bool lazy)
{
	uint64_t y = 2, x = y, start = y, product = f->one, factor = 1;

	for (unsigned length = 1; factor == 1 && length < STEPS_MAX; length *= 2) {
		x = y;
		for (unsigned i = 0; i < length; i++)
			y = next_of(f, y, c, lazy);
		for (unsigned k = 0; k < length && factor == 1; k += GCD_EVERY) {
			start = y;
			for (unsigned i = 0; i < GCD_EVERY && i < length - k; i++) {
				y = next_of(f, y, c, lazy);
				product = mul(f, product, apart(x, y));
			}
			factor = gcd(product, f->n);
		}
	}
	if (factor == f->n) { /* both factors in one batch: again, step by step */
		do {
			start = next_of(f, start, c, lazy);
			factor = gcd(apart(x, start), f->n);
		} while (factor == 1);
	}
	return factor == 1 || factor == f->n ? 0 : factor;
}

static uint64_t square_root(uint64_t n)
{
	uint64_t r = 0;

	for (uint64_t bit = 1ull << 31; bit; bit /= 2)
		if ((r | bit) * (r | bit) <= n)
			r |= bit;
	return r;
}

static uint64_t factor_of(uint64_t n)
{
	uint64_t root = square_root(n);
	struct field f;

	for (uint64_t d = 2; d < TRIAL_MAX && d < n; d += d == 2 ? 1 : 2)
		if (n % d == 0)
			return d;
	if (root > 1 && root * root == n)
		return root;
	if (is_prime(n))
		return 0;
	f = field_of(n);
	for (unsigned c = 1; c <= CURVES_MAX; c++) {
		uint64_t d = n < LAZY_MAX ? walk(&f, c, true) : walk(&f, c, false);

		if (d)
			return d;
	}
	return 0;
}

int mt_pq_split(uint64_t pq, uint64_t *ret_p, uint64_t *ret_q)
{
	uint64_t p = pq < 4 ? 0 : factor_of(pq), q;

	if (p == 0)
		return -TG_E_CRYPTO;
	q = pq / p;
	if (!is_prime(p) || !is_prime(q))
		return -TG_E_CRYPTO;
	*ret_p = p < q ? p : q;
	*ret_q = p < q ? q : p;
	return 0;
}

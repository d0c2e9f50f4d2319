/* Kernels against mbedTLS: every length from 0 to 4096, random splits, in place and not. */
#include "proto/crypto.h"
#include "proto/kernel.h"
#include "tests/unit/proto/vectors.h"

#define MOST 4096

struct material {
	struct fixed_random random;
	uint8_t key[32], iv[32], data[MOST + 64];
};

static void prepare(struct material *m, uint64_t seed)
{
	memset(m, 0, sizeof *m);
	m->random.state = seed;
	fixed_random(&m->random, m->key, sizeof m->key);
	fixed_random(&m->random, m->iv, sizeof m->iv);
	fixed_random(&m->random, m->data, sizeof m->data);
}

static size_t below(struct material *m, size_t n)
{
	return splitmix(&m->random.state) % (n + 1);
}

/* Said aloud, as a run without kernels proves nothing about them. */
TEST(kernel_which)
{
	printf("kernels: %s%s%s\n", mt_cpu() & MT_CPU_AES ? "AES-NI " : "",
	       mt_cpu() & MT_CPU_SHA ? "SHA-NI" : "", mt_cpu() ? "" : "none");
#if MT_KERNELS
	CHECK(!(mt_cpu() & MT_CPU_AES) == !__builtin_cpu_supports("aes"));
#else
	CHECK_INT(mt_cpu(), 0);
#endif
}

TEST(kernel_hashes)
{
	static struct material m;
	uint8_t want[32], got[32];

	prepare(&m, 1);
	for (size_t n = 0; n <= MOST; n++) {
		const uint8_t *p = m.data + n % 16; /* at any alignment */
		size_t a = below(&m, n), b = a + below(&m, n - a);

		mt_soft_sha256(want, p, n, NULL, 0, NULL, 0);
		mt_sha256_3(got, p, a, p + a, b - a, p + b, n - b);
		CHECK_MEM(got, want, 32);
		mt_soft_sha1(want, p, n, NULL, 0);
		mt_sha1(got, p, a, p + a, n - a);
		CHECK_MEM(got, want, 20);
	}
}

TEST(kernel_ige)
{
	static struct material m;
	static uint8_t want[MOST], got[MOST];
	uint8_t chain[32], chain2[32];

	prepare(&m, 2);
	for (size_t n = 0; n <= MOST; n += 16) {
		for (int encrypt = 0; encrypt < 2; encrypt++) {
			memcpy(chain, m.iv, 32);
			mt_soft_ige(encrypt, m.key, chain, m.data + n % 7, want, n);
			memcpy(chain2, m.iv, 32);
			memcpy(got, m.data + n % 7, n); /* in place, in two pieces */
			for (size_t i = 0, step = below(&m, n) & ~(size_t)15; i < n || step;
			     i += step, step = n - i)
				(encrypt ? mt_ige_encrypt : mt_ige_decrypt)(m.key, chain2, got + i,
									    got + i, step);
			CHECK_MEM(got, want, n);
			CHECK_MEM(chain, chain2, 32);
		}
	}
}

TEST(kernel_ctr)
{
	static struct material m;
	static uint8_t want[MOST], got[MOST];

	prepare(&m, 4);
	for (size_t n = 0; n <= MOST; n++) {
		struct mt_ctr soft, fast;

		/* a carry out of the low half, now and then out of all */
		memset(m.iv, n % 3 == 0 ? 0xff : (int)n, 16);
		m.iv[15] = (uint8_t)(0xff - n % 20);
		mt_ctr_init(&soft, m.key, m.iv);
		mt_ctr_init(&fast, m.key, m.iv);
		mt_soft_ctr(&soft, m.data, want, n);
		memcpy(got, m.data, n);
		for (size_t i = 0, step; i < n; i += step) {
			step = 1 + below(&m, n % 5 ? n - i - 1 : 20);
			step = step < n - i ? step : n - i;
			mt_ctr_xor(&fast, got + i, got + i, step);
		}
		CHECK_MEM(got, want, n);
		CHECK_MEM(soft.counter, fast.counter, 16);
		CHECK_INT(soft.used, fast.used % 16);
	}
}

/* SHA-256 and SHA-1 on SHA-NI. */
#include "proto/kernel_sha.h"

#if MT_KERNELS
#include <string.h>

/* FIPS 180-4, 4.2.2 */
const uint32_t mt_sha256_k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

MT_TARGET_SHA void mt_kernel_sha256(uint32_t state[8], const uint8_t *data, size_t blocks)
{
	struct sha256 s;

	sha256_load(&s, state);
	for (; blocks; blocks--, data += 64) {
		const __m128i abef = s.abef, cdgh = s.cdgh;

#pragma GCC unroll 16
		for (int step = 0; step < 16; step++)
			sha256_step(&s, data, step);
		sha256_add(&s, abef, cdgh);
	}
	sha256_save(&s, state);
}

/* FIPS 180-4, 5.3.3 */
const uint32_t mt_sha256_start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
				     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

void mt_kernel_sha256_end(uint32_t state[8], const uint8_t *data, size_t n, uint64_t total,
			  uint8_t sha[32])
{
	uint8_t last[128] = {0};
	size_t size = n + 9 <= 64 ? 64 : 128;

	memcpy(last, data, n);
	last[n] = 0x80;
	total = __builtin_bswap64(total * 8);
	memcpy(last + size - 8, &total, 8);
	mt_kernel_sha256(state, last, size / 64);
	for (unsigned i = 0; i < 8; i++) {
		uint32_t word = __builtin_bswap32(state[i]);

		memcpy(sha + 4 * i, &word, 4);
	}
	mt_wipe(last, sizeof last);
}

/* Four rounds of SHA-1; group = which of the four functions, a constant of the instruction. */
#define SHA1_STEP(step, group)                                                                     \
	do {                                                                                       \
		__m128i *now = &m[(step) % 4];                                                     \
		__m128i w;                                                                         \
                                                                                                   \
		if ((step) < 4) {                                                                  \
			*now = _mm_shuffle_epi8(load(data + 16 * ((step) % 4)), swap);             \
		} else {                                                                           \
			w = _mm_sha1msg1_epu32(*now, m[((step) + 1) % 4]);                         \
			w = _mm_xor_si128(w, m[((step) + 2) % 4]);                                 \
			*now = _mm_sha1msg2_epu32(w, m[((step) + 3) % 4]);                         \
		}                                                                                  \
		w = (step) == 0 ? _mm_add_epi32(e, *now) : _mm_sha1nexte_epu32(e, *now);           \
		e = abcd;                                                                          \
		abcd = _mm_sha1rnds4_epu32(abcd, w, group);                                        \
	} while (0)

#define SHA1_FIVE(step, group)                                                                     \
	SHA1_STEP(step, group);                                                                    \
	SHA1_STEP(step + 1, group);                                                                \
	SHA1_STEP(step + 2, group);                                                                \
	SHA1_STEP(step + 3, group);                                                                \
	SHA1_STEP(step + 4, group)

MT_TARGET_SHA void mt_kernel_sha1(uint32_t state[5], const uint8_t *data, size_t blocks)
{
	const __m128i swap = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	__m128i abcd = _mm_shuffle_epi32(load((const uint8_t *)state), 0x1b);
	__m128i e = _mm_set_epi32((int)state[4], 0, 0, 0), m[4];

	for (; blocks; blocks--, data += 64) {
		const __m128i old_abcd = abcd, old_e = e;

		SHA1_FIVE(0, 0);
		SHA1_FIVE(5, 1);
		SHA1_FIVE(10, 2);
		SHA1_FIVE(15, 3);
		e = _mm_sha1nexte_epu32(e, old_e);
		abcd = _mm_add_epi32(abcd, old_abcd);
	}
	store((uint8_t *)state, _mm_shuffle_epi32(abcd, 0x1b));
	state[4] = (uint32_t)_mm_extract_epi32(e, 3);
}

#endif

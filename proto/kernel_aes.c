/* AES-256 on AES-NI: IGE at the speed of its chain, CTR eight blocks wide. */
#include "proto/kernel_aes.h"

#if MT_KERNELS

#define WIDE 8

/* ---- keys ---------------------------------------------------------------------------------------
 */

/* The words of a schedule step, each xored with all before it. */
MT_TARGET_AES INLINE __m128i spread(__m128i k)
{
	k = _mm_xor_si128(k, _mm_slli_si128(k, 4));
	return _mm_xor_si128(k, _mm_slli_si128(k, 8));
}

#define EVEN(i, constant)                                                                          \
	k[i] = _mm_xor_si128(                                                                      \
		spread(k[(i)-2]),                                                                  \
		_mm_shuffle_epi32(_mm_aeskeygenassist_si128(k[(i)-1], constant), 0xff))
#define ODD(i)                                                                                     \
	k[i] = _mm_xor_si128(spread(k[(i)-2]),                                                     \
			     _mm_shuffle_epi32(_mm_aeskeygenassist_si128(k[(i)-1], 0), 0xaa))

MT_TARGET_AES static void expand(const uint8_t key[32], __m128i k[AES_ROUNDS + 1])
{
	k[0] = load(key);
	k[1] = load(key + 16);
	EVEN(2, 0x01);
	ODD(3);
	EVEN(4, 0x02);
	ODD(5);
	EVEN(6, 0x04);
	ODD(7);
	EVEN(8, 0x08);
	ODD(9);
	EVEN(10, 0x10);
	ODD(11);
	EVEN(12, 0x20);
	ODD(13);
	EVEN(14, 0x40);
}

MT_TARGET_AES void mt_kernel_expand(const uint8_t key[32], uint8_t rounds[240])
{
	__m128i k[AES_ROUNDS + 1];

	expand(key, k);
	for (int i = 0; i <= AES_ROUNDS; i++)
		store(rounds + 16 * i, k[i]);
	mt_wipe(k, sizeof k);
}

MT_TARGET_AES void mt_ige_keys(bool encrypt, const uint8_t key[32], struct ige_keys *ret)
{
	__m128i *k = ret->key, t;

	expand(key, k);
	ret->turn = _mm_xor_si128(k[0], k[AES_ROUNDS]);
	if (encrypt)
		return;
	for (int i = 0, j = AES_ROUNDS; i < j; i++, j--) {
		t = k[i];
		k[i] = k[j];
		k[j] = t;
	}
	for (int i = 1; i < AES_ROUNDS; i++)
		k[i] = _mm_aesimc_si128(k[i]);
}

/* ---- IGE ----------------------------------------------------------------------------------------
 */

#define IGE(linkage, name, round, last)                                                            \
	MT_TARGET_AES linkage void name(const struct ige_keys *k, uint8_t *carry, uint8_t *rest,   \
					const uint8_t *in, uint8_t *out, size_t n)                 \
	{                                                                                          \
		__m128i before = load(rest), x = load(in), y = load(carry), s;                     \
                                                                                                   \
		s = _mm_xor_si128(_mm_xor_si128(x, y), k->key[0]);                                 \
		for (size_t i = 0; i < n; i += 16) {                                               \
			__m128i next = load(in + (i + 16 < n ? i + 16 : i));                       \
			__m128i end = _mm_xor_si128(before, k->key[AES_ROUNDS]);                   \
			__m128i on = _mm_xor_si128(_mm_xor_si128(before, next), k->turn);          \
                                                                                                   \
			for (int r = 1; r < AES_ROUNDS; r++)                                       \
				s = round(s, k->key[r]);                                           \
			y = last(s, end);                                                          \
			s = last(s, on);                                                           \
			store(out + i, y);                                                         \
			before = x;                                                                \
			x = next;                                                                  \
		}                                                                                  \
		store(carry, y);                                                                   \
		store(rest, before);                                                               \
	}

IGE(static, ige_encrypt_run, _mm_aesenc_si128, _mm_aesenclast_si128)
IGE(static, ige_decrypt_run, _mm_aesdec_si128, _mm_aesdeclast_si128)

MT_TARGET_AES void mt_kernel_ige(bool encrypt, const uint8_t key[32], uint8_t iv[32],
				 const uint8_t *in, uint8_t *out, size_t n)
{
	struct ige_keys k;

	if (n == 0)
		return;
	mt_ige_keys(encrypt, key, &k);
	if (encrypt)
		ige_encrypt_run(&k, iv, iv + 16, in, out, n);
	else
		ige_decrypt_run(&k, iv + 16, iv, in, out, n);
	mt_wipe(&k, sizeof k);
}

/* ---- CTR ----------------------------------------------------------------------------------------
 */

struct counter { /* of 128 bits */
	uint64_t high, low;
};

/* The counter as the cipher wants it; number: as two little-endian words. */
MT_TARGET_AES INLINE __m128i big_endian(__m128i number)
{
	const __m128i swap = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

	return _mm_shuffle_epi8(number, swap);
}

static uint64_t load_be64(const uint8_t *p)
{
	uint64_t v;

	__builtin_memcpy(&v, p, sizeof v);
	return __builtin_bswap64(v);
}

/* First states of WIDE blocks, made by the integer unit while the blocks before are at work. */
struct ready {
	uint64_t half[WIDE][2];
};

INLINE void make_ready(struct ready *r, int i, uint64_t low, const uint64_t key[2])
{
	r->half[i][1] = __builtin_bswap64(low + (uint64_t)i) ^ key[1];
}

/* What is ready, and after it the next WIDE; low: of the first block's counter. There is no carry
 * out of it. */
MT_TARGET_AES INLINE void wide(const __m128i *k, struct ready *ready, uint64_t low,
			       const uint64_t first[2], const uint8_t *in, uint8_t *out)
{
	__m128i s[WIDE];

#pragma GCC unroll 8
	for (int i = 0; i < WIDE; i++)
		s[i] = load((const uint8_t *)ready->half[i]);
#pragma GCC unroll 16
	for (int r = 1; r < AES_ROUNDS; r++) {
		__m128i key = k[r];

		__asm__("" : "+x"(key)); /* one load for eight blocks, not eight */
#pragma GCC unroll 8
		for (int i = 0; i < WIDE; i++)
			s[i] = _mm_aesenc_si128(s[i], key);
		if (r <= WIDE)
			make_ready(ready, r - 1, low + WIDE, first);
	}
#pragma GCC unroll 8
	for (int i = 0; i < WIDE; i++)
		store(out + 16 * i,
		      _mm_xor_si128(load(in + 16 * i), _mm_aesenclast_si128(s[i], k[AES_ROUNDS])));
}

MT_TARGET_AES void mt_kernel_ctr(const uint8_t rounds[240], uint8_t counter[16], const uint8_t *in,
				 uint8_t *out, size_t blocks)
{
	struct counter c = {load_be64(counter), load_be64(counter + 8)};
	__m128i k[AES_ROUNDS + 1], s;
	struct ready ready;
	uint64_t first[2];
	bool made = false; /* what is ready is for this counter */

	for (int i = 0; i <= AES_ROUNDS; i++)
		k[i] = load(rounds + 16 * i);
	__builtin_memcpy(first, rounds, sizeof first);
	for (size_t step; blocks; blocks -= step, in += 16 * step, out += 16 * step) {
		step = blocks < WIDE || c.low > UINT64_MAX - WIDE ? 1 : WIDE;
		if (step == WIDE) {
			for (int i = 0; i < WIDE && !made; i++) {
				ready.half[i][0] = __builtin_bswap64(c.high) ^ first[0];
				make_ready(&ready, i, c.low, first);
			}
			wide(k, &ready, c.low, first, in, out);
		} else {
			s = big_endian(_mm_set_epi64x((int64_t)c.high, (int64_t)c.low));
			s = _mm_xor_si128(s, k[0]);
			for (int r = 1; r < AES_ROUNDS; r++)
				s = _mm_aesenc_si128(s, k[r]);
			s = _mm_aesenclast_si128(s, k[AES_ROUNDS]);
			store(out, _mm_xor_si128(load(in), s));
		}
		made = step == WIDE;
		c.low += step;
		c.high += c.low == 0;
	}
	store(counter, big_endian(_mm_set_epi64x((int64_t)c.high, (int64_t)c.low)));
	mt_wipe(k, sizeof k);
	mt_wipe(&ready, sizeof ready);
}

#endif

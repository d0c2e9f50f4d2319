/* Decrypting and hashing in one loop: AES and SHA are each a chain of latencies on units of their
 * own, so the hash of the block before costs next to nothing. */
#include "proto/kernel_sha.h"

#if MT_KERNELS

#include <string.h>

#define FOUR 64 /* bytes: one block of SHA-256, four of AES */
#define AHEAD 32

/* Rounds from … to - 1. */
MT_TARGET_BOTH INLINE __m128i rounds(const struct ige_keys *k, __m128i s, int from, int to)
{
#pragma GCC unroll 4
	for (int r = from; r < to; r++)
		s = _mm_aesdec_si128(s, k->key[r]);
	return s;
}

/* Decrypts whole groups of 64 bytes; hashes for each the 64 bytes before its place in out. */
MT_TARGET_BOTH static void weave(const struct ige_keys *k, uint8_t iv[32], const uint8_t *in,
				 uint8_t *out, size_t n, uint32_t state[8])
{
	const uint8_t *end = in + n;
	__m128i before = load(iv), y = load(iv + 16), x = load(in), aes;
	struct sha256 s;

	sha256_load(&s, state);
	aes = _mm_xor_si128(_mm_xor_si128(x, y), k->key[0]);
	for (; in < end; in += FOUR, out += FOUR) {
		const __m128i abef = s.abef, cdgh = s.cdgh;

#pragma GCC unroll 4
		for (int i = 0; i < 4; i++) {
			const uint8_t *after = in + 16 * i + 16;
			__m128i next = load(after < end ? after : in), stop, on;

			stop = _mm_xor_si128(before, k->key[AES_ROUNDS]);
			on = _mm_xor_si128(_mm_xor_si128(before, next), k->turn);
			aes = rounds(k, aes, 1, 4);
			sha256_step(&s, out - FOUR, 4 * i);
			aes = rounds(k, aes, 4, 7);
			sha256_step(&s, out - FOUR, 4 * i + 1);
			aes = rounds(k, aes, 7, 10);
			sha256_step(&s, out - FOUR, 4 * i + 2);
			aes = rounds(k, aes, 10, AES_ROUNDS);
			sha256_step(&s, out - FOUR, 4 * i + 3);
			y = _mm_aesdeclast_si128(aes, stop);
			aes = _mm_aesdeclast_si128(aes, on);
			store(out + 16 * i, y);
			before = x;
			x = next;
		}
		sha256_add(&s, abef, cdgh);
	}
	store(iv, before);
	store(iv + 16, y);
	sha256_save(&s, state);
}

/* The hash's blocks begin 32 bytes before the plaintext, so half a block is decrypted ahead. */
MT_TARGET_BOTH void mt_kernel_open(const uint8_t key[32], const uint8_t iv[32], const uint8_t *in,
				   uint8_t *out, size_t n, uint8_t sha[32])
{
	const uint8_t *hashed = out - AHEAD;
	size_t ahead = n < AHEAD ? n : AHEAD, groups = (n - ahead) / FOUR * FOUR;
	size_t rest = n - ahead - groups, left;
	uint32_t state[8];
	uint8_t chain[32];
	struct ige_keys k;

	memcpy(state, mt_sha256_start, sizeof state);
	memcpy(chain, iv, sizeof chain);
	mt_ige_keys(false, key, &k);
	if (ahead)
		mt_ige_decrypt_run(&k, chain + 16, chain, in, out, ahead);
	if (groups)
		weave(&k, chain, in + ahead, out + ahead, groups, state);
	if (rest)
		mt_ige_decrypt_run(&k, chain + 16, chain, in + ahead + groups, out + ahead + groups,
				   rest);
	left = AHEAD + n - groups;
	mt_kernel_sha256(state, hashed + groups, left / FOUR);
	mt_kernel_sha256_end(state, hashed + groups + left / FOUR * FOUR, left % FOUR, AHEAD + n,
			     sha);
	mt_wipe(&k, sizeof k);
	mt_wipe(chain, sizeof chain);
}

#endif

/* Pieces of the AES kernels that are woven into others. Internal to kernel_*.c. */
#ifndef PROTO_KERNEL_AES_H
#define PROTO_KERNEL_AES_H

#include "proto/kernel.h"

#if MT_KERNELS
#include <immintrin.h>

#define AES_ROUNDS 14
#define INLINE static inline __attribute__((always_inline))

/* IGE's two directions have one shape: y = F(x ^ y') ^ x', where x is what comes in and ' marks the
 * block before. F's first and last round keys are xors, so state = x ^ y' ^ first is made by the
 * last round of the block before with another key, off the chain of latencies. */
struct ige_keys {
	__m128i key[AES_ROUNDS + 1];
	__m128i turn; /* first ^ last: from one block's end into the next one's start */
};

MT_TARGET_AES void mt_ige_keys(bool encrypt, const uint8_t key[32], struct ige_keys *ret);
INLINE __m128i load(const uint8_t *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

INLINE void store(uint8_t *p, __m128i x)
{
	_mm_storeu_si128((__m128i *)(void *)p, x);
}
#endif

#endif

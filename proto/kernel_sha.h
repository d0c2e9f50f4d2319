/* SHA-256 on SHA-NI in steps of four rounds, so that it can be woven into other work. Internal to
 * kernel_*.c. */
#ifndef PROTO_KERNEL_SHA_H
#define PROTO_KERNEL_SHA_H

#include "proto/kernel_aes.h"

#if MT_KERNELS

extern const uint32_t mt_sha256_k[64];

struct sha256 { /* the state as the instructions want it, and a window of the message */
	__m128i abef, cdgh, m[4];
};

MT_TARGET_SHA INLINE void sha256_load(struct sha256 *s, const uint32_t state[8])
{
	__m128i dcba = load((const uint8_t *)state), hgfe = load((const uint8_t *)(state + 4));
	__m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);

	s->abef = _mm_alignr_epi8(cdab, efgh, 8);
	s->cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
}

MT_TARGET_SHA INLINE void sha256_save(const struct sha256 *s, uint32_t state[8])
{
	__m128i feba = _mm_shuffle_epi32(s->abef, 0x1b), dchg = _mm_shuffle_epi32(s->cdgh, 0xb1);

	store((uint8_t *)state, _mm_blend_epi16(feba, dchg, 0xf0));
	store((uint8_t *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/* Rounds 4 * step … 4 * step + 3 of the block at data; step is a constant. */
MT_TARGET_SHA INLINE void sha256_step(struct sha256 *s, const uint8_t *data, const int step)
{
	const __m128i swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
	__m128i *now = &s->m[step % 4], w;

	if (step < 4) {
		*now = _mm_shuffle_epi8(load(data + 16 * step), swap);
	} else {
		const __m128i last = s->m[(step + 3) % 4], before = s->m[(step + 2) % 4];

		w = _mm_sha256msg1_epu32(*now, s->m[(step + 1) % 4]);
		w = _mm_add_epi32(w, _mm_alignr_epi8(last, before, 4));
		*now = _mm_sha256msg2_epu32(w, last);
	}
	w = _mm_add_epi32(*now, load((const uint8_t *)(mt_sha256_k + 4 * step)));
	s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, w);
	s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(w, 0x0e));
}

MT_TARGET_SHA INLINE void sha256_add(struct sha256 *s, __m128i abef, __m128i cdgh)
{
	s->abef = _mm_add_epi32(s->abef, abef);
	s->cdgh = _mm_add_epi32(s->cdgh, cdgh);
}
#endif

#endif

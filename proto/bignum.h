/* Big numbers as big-endian bytes, so that mbedTLS's stay in bignum.c. Internal to the room.
 * Errors: -TG_E_NOMEM, -TG_E_CRYPTO for operands that have no answer (even modulus, 0). */
#ifndef PROTO_BIGNUM_H
#define PROTO_BIGNUM_H

#include "proto/proto.h"

struct mt_num { /* big-endian, any length */
	const uint8_t *data;
	size_t n;
};
#define MT_NUM(array) ((struct mt_num){(array), sizeof(array)})

/* base^exponent mod modulus, left-padded with zeros. Milliseconds. */
int mt_modexp(uint8_t ret[256], struct mt_num base, struct mt_num exponent,
	      struct mt_num modulus) TL_MUST;
/* exponent + r * (modulus - 1): the same power of anything coprime to a prime modulus, but another
 * trace for whoever measures (B.44). ret: the sum, 264 bytes. */
int mt_blind_exponent(uint8_t ret[264], const uint8_t exponent[256], const uint8_t r[8],
		      const uint8_t modulus[256]) TL_MUST;
/* 0 when p > 5 and (p - 1) / 2 are prime, else -TG_E_CRYPTO. 0.3 s for 2048 bits. */
int mt_safe_prime(struct mt_num p) TL_MUST;
/* (b - k * v) mod p */
int mt_sub_mul(uint8_t ret[256], struct mt_num b, struct mt_num k, struct mt_num v,
	       struct mt_num p) TL_MUST;
/* a + u * x, 264 bytes */
int mt_add_mul(uint8_t ret[264], struct mt_num a, struct mt_num u, struct mt_num x) TL_MUST;
/* The public half of a fresh X25519 key (RFC 7748), whose private half is forgotten: for fake TLS,
 * which only has to look like it. A millisecond. */
int mt_x25519_public(uint8_t ret[32], const struct mt_env *env) TL_MUST;
int mt_num_cmp(struct mt_num a, struct mt_num b); /* as memcmp, leading zeros do not count */

#endif

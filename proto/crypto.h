/* Primitives that only proto itself needs. Internal to the room. */
#ifndef PROTO_CRYPTO_H
#define PROTO_CRYPTO_H

#include "proto/proto.h"

/* mbedTLS's way, whatever the processor can do: the reference of the kernels. */
void mt_soft_sha1(uint8_t out[20], const void *a, size_t na, const void *b, size_t nb);
void mt_soft_sha256(uint8_t out[32], const void *a, size_t na, const void *b, size_t nb,
		    const void *c, size_t nc);
void mt_soft_ige(bool encrypt, const uint8_t key[32], uint8_t iv[32], const uint8_t *in,
		 uint8_t *out, size_t n);
void mt_soft_ctr(struct mt_ctr *c, const uint8_t *in, uint8_t *out, size_t n);

#define MT_PBKDF2_SALT_MAX 1024
/* PBKDF2-HMAC-SHA512, one block (RFC 8018, 5.2). -TG_E_TOO_LARGE: a salt over the limit. */
int mt_pbkdf2_sha512(uint8_t ret[64], const void *password, size_t n, const void *salt,
		     size_t salt_n, unsigned rounds) TL_MUST;

#endif

/* Primitives that only proto itself needs. Internal to the room. */
#ifndef PROTO_CRYPTO_H
#define PROTO_CRYPTO_H

#include "proto/proto.h"

#define MT_PBKDF2_SALT_MAX 1024
/* PBKDF2-HMAC-SHA512, one block (RFC 8018, 5.2). -TG_E_TOO_LARGE: a salt over the limit. */
int mt_pbkdf2_sha512(uint8_t ret[64], const void *password, size_t n, const void *salt,
		     size_t salt_n, unsigned rounds) TL_MUST;

#endif

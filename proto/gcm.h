/* AES-256-GCM, for what is kept at rest. Another front door of proto.
 * NIST SP 800-38D; mbedTLS stays behind it. */
#ifndef PROTO_GCM_H
#define PROTO_GCM_H

#include "proto/proto.h"

#define MT_GCM_NONCE 12u
#define MT_GCM_TAG 16u
/* n bytes of in → out (may be the same). A nonce must never be used twice with one key. */
void mt_gcm_seal(const uint8_t key[32], const uint8_t nonce[MT_GCM_NONCE], struct tl_str aad,
		 const void *in, size_t n, uint8_t *out, uint8_t ret_tag[MT_GCM_TAG]);
/* -TG_E_CRYPTO: not what was sealed, or not with this key and aad; out is then zeros. */
int mt_gcm_open(const uint8_t key[32], const uint8_t nonce[MT_GCM_NONCE], struct tl_str aad,
		const void *in, size_t n, const uint8_t tag[MT_GCM_TAG], uint8_t *out) TL_MUST;

#endif

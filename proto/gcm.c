/* AES-256-GCM on mbedTLS. Keeps nothing between calls, so that any thread may call it. */
#include "proto/gcm.h"

#include <mbedtls/gcm.h>
#include <stdlib.h>
#include <string.h>

static void begin(mbedtls_gcm_context *c, const uint8_t key[32])
{
	mbedtls_gcm_init(c);
	if (mbedtls_gcm_setkey(c, MBEDTLS_CIPHER_ID_AES, key, 256) != 0)
		abort(); /* only through a bug of ours */
}

void mt_gcm_seal(const uint8_t key[32], const uint8_t nonce[MT_GCM_NONCE], struct tl_str aad,
		 const void *in, size_t n, uint8_t *out, uint8_t ret_tag[MT_GCM_TAG])
{
	mbedtls_gcm_context c;

	begin(&c, key);
	if (mbedtls_gcm_crypt_and_tag(&c, MBEDTLS_GCM_ENCRYPT, n, nonce, MT_GCM_NONCE,
				      (const uint8_t *)aad.data, aad.len, in, out, MT_GCM_TAG,
				      ret_tag) != 0)
		abort();
	mbedtls_gcm_free(&c);
}

int mt_gcm_open(const uint8_t key[32], const uint8_t nonce[MT_GCM_NONCE], struct tl_str aad,
		const void *in, size_t n, const uint8_t tag[MT_GCM_TAG], uint8_t *out)
{
	mbedtls_gcm_context c;
	int r;

	begin(&c, key);
	r = mbedtls_gcm_auth_decrypt(&c, n, nonce, MT_GCM_NONCE, (const uint8_t *)aad.data, aad.len,
				     tag, MT_GCM_TAG, in, out);
	mbedtls_gcm_free(&c);
	if (r != 0 && n)
		memset(out, 0, n);
	return r == 0 ? 0 : -TG_E_CRYPTO;
}

/* RSA public keys: reading, fingerprints, RSA_PAD. Owns nothing. */
#include "proto/rsa.h"
#include "proto/bignum.h"

#include <mbedtls/pk.h>
#include <string.h>

#define PEM_MAX 16384
#define PADDED 192
#define PAD_TRIES 128 /* each fails with a chance under one half */

/* ---- keys ---------------------------------------------------------------------------------------
 */

static size_t exponent_bytes(uint32_t e, uint8_t out[4])
{
	size_t n = 0;

	for (int shift = 24; shift >= 0; shift -= 8)
		if (n || e >> shift)
			out[n++] = (uint8_t)(e >> shift);
	return n;
}

/* SHA1 of n and e as TL strings, its last eight bytes as a number. */
uint64_t mt_rsa_fingerprint(const struct mt_rsa *key)
{
	uint8_t number[4 + 256] = {0xfe, 0x00, 0x01, 0x00}, exponent[8] = {0}, sha[20];
	uint64_t print = 0;

	memcpy(number + 4, key->n, 256);
	exponent[0] = (uint8_t)exponent_bytes(key->e, exponent + 1);
	mt_sha1(sha, number, sizeof number, exponent, exponent[0] < 4 ? 4 : 8);
	for (unsigned i = 20; i-- > 12;)
		print = print << 8 | sha[i];
	return print;
}

static int take_key(const mbedtls_pk_context *pk, struct mt_rsa *ret)
{
	struct mt_rsa key = {0};
	uint8_t e[4];

	if (mbedtls_pk_get_type(pk) != MBEDTLS_PK_RSA || mbedtls_pk_get_bitlen(pk) != 2048)
		return -TG_E_INVALID_PARAMS;
	if (mbedtls_rsa_export_raw(mbedtls_pk_rsa(*pk), key.n, sizeof key.n, NULL, 0, NULL, 0, NULL,
				   0, e, sizeof e) != 0)
		return -TG_E_INVALID_PARAMS;
	for (unsigned i = 0; i < 4; i++)
		key.e = key.e << 8 | e[i];
	if (key.e < 3 || key.e % 2 == 0 || key.n[255] % 2 == 0)
		return -TG_E_INVALID_PARAMS;
	key.fingerprint = mt_rsa_fingerprint(&key);
	*ret = key;
	return 0;
}

int mt_rsa_from_pem(const char *pem, size_t n, struct mt_rsa *ret)
{
	struct tl_buf text = {0};
	mbedtls_pk_context pk;
	int err = -TG_E_INVALID_PARAMS;

	if (n > PEM_MAX || memchr(pem, 0, n))
		return -TG_E_INVALID_PARAMS;
	tl_put(&text, pem, n);
	tl_put_u8(&text, 0); /* the parser tells PEM from DER by it */
	if (text.err) {
		tl_buf_free(&text);
		return -TG_E_NOMEM;
	}
	mbedtls_pk_init(&pk);
	if (mbedtls_pk_parse_public_key(&pk, text.data, text.len) == 0)
		err = take_key(&pk, ret);
	mbedtls_pk_free(&pk);
	tl_buf_free(&text);
	return err;
}

/* ---- encryption
 * ---------------------------------------------------------------------------------- */

int mt_rsa_raw(const struct mt_rsa *key, const uint8_t in[256], uint8_t ret[256])
{
	uint8_t e[4];
	size_t n = exponent_bytes(key->e, e);

	if (memcmp(in, key->n, 256) >= 0)
		return -TG_E_CRYPTO;
	return mt_modexp(ret, (struct mt_num){in, 256}, (struct mt_num){e, n}, MT_NUM(key->n));
}

/* key_aes_encrypted for one temporary key: (key xor SHA256(box)) | box. */
static void wrap(const uint8_t padded[PADDED], const uint8_t temp[32], uint8_t ret[256])
{
	uint8_t *box = ret + 32, iv[32] = {0}, hash[32];

	for (unsigned i = 0; i < PADDED; i++)
		box[i] = padded[PADDED - 1 - i];
	mt_sha256(box + PADDED, temp, 32, padded, PADDED);
	mt_ige_encrypt(temp, iv, box, box, PADDED + 32);
	mt_sha256(hash, box, PADDED + 32, NULL, 0);
	for (unsigned i = 0; i < 32; i++)
		ret[i] = temp[i] ^ hash[i];
}

int mt_rsa_pad(const struct mt_rsa *key, const void *data, size_t n, const struct mt_env *env,
	       uint8_t ret[256])
{
	uint8_t padded[PADDED], temp[32], wrapped[256];
	int err = -TG_E_CRYPTO;

	if (n > MT_RSA_DATA_MAX)
		return -TG_E_TOO_LARGE;
	memcpy(padded, data, n);
	env->random(env->ctx, padded + n, PADDED - n);
	for (unsigned i = 0; i < PAD_TRIES; i++) {
		env->random(env->ctx, temp, sizeof temp);
		wrap(padded, temp, wrapped);
		if (memcmp(wrapped, key->n, 256) < 0) {
			err = mt_rsa_raw(key, wrapped, ret);
			break;
		}
	}
	mt_wipe(padded, sizeof padded);
	mt_wipe(temp, sizeof temp);
	mt_wipe(wrapped, sizeof wrapped);
	return err;
}

/* Hashes and block modes on mbedTLS, the only place that knows its symmetric half (bignum.c has the
 * other): the reference and the fallback of the kernels. Keeps no state between calls. */
#include "proto/crypto.h"
#include "proto/kernel.h"

#include <assert.h>
#include <mbedtls/aes.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha1.h>
#include <mbedtls/sha256.h>
#include <mbedtls/sha512.h>
#include <mbedtls/version.h>
#include <stdlib.h>
#include <string.h>

/* 2.28 calls the functions that return a status …_ret. */
#if MBEDTLS_VERSION_NUMBER < 0x03000000
#define mbedtls_sha1_starts mbedtls_sha1_starts_ret
#define mbedtls_sha1_update mbedtls_sha1_update_ret
#define mbedtls_sha1_finish mbedtls_sha1_finish_ret
#define mbedtls_sha256_starts mbedtls_sha256_starts_ret
#define mbedtls_sha256_update mbedtls_sha256_update_ret
#define mbedtls_sha256_finish mbedtls_sha256_finish_ret
#define mbedtls_sha512 mbedtls_sha512_ret
#define mbedtls_sha512_starts mbedtls_sha512_starts_ret
#define mbedtls_sha512_update mbedtls_sha512_update_ret
#define mbedtls_sha512_finish mbedtls_sha512_finish_ret
#endif

#define BLOCK 16

/* These calls fail only through a bug of ours or a broken accelerator: no going on from there. */
static void must(int status)
{
	if (status != 0)
		abort();
}

/* ---- hashes -----------------------------------------------------------------------------------
 */

void mt_soft_sha1(uint8_t out[20], const void *a, size_t na, const void *b, size_t nb)
{
	mbedtls_sha1_context c;

	mbedtls_sha1_init(&c);
	must(mbedtls_sha1_starts(&c));
	must(mbedtls_sha1_update(&c, a, na));
	must(mbedtls_sha1_update(&c, b, nb));
	must(mbedtls_sha1_finish(&c, out));
	mbedtls_sha1_free(&c);
}

void mt_soft_sha256(uint8_t out[32], const void *a, size_t na, const void *b, size_t nb,
		    const void *c, size_t nc)
{
	mbedtls_sha256_context s;

	mbedtls_sha256_init(&s);
	must(mbedtls_sha256_starts(&s, 0));
	must(mbedtls_sha256_update(&s, a, na));
	must(mbedtls_sha256_update(&s, b, nb));
	must(mbedtls_sha256_update(&s, c, nc));
	must(mbedtls_sha256_finish(&s, out));
	mbedtls_sha256_free(&s);
}

void mt_hmac_sha256(uint8_t out[32], const void *key, size_t nkey, const void *data, size_t n)
{
	must(mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), key, nkey, data, n,
			     out));
}

void mt_md5(uint8_t out[16], const void *a, size_t n)
{
	must(mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_MD5), a, n, out));
}

/* ---- PBKDF2 -------------------------------------------------------------------------------------
 */

struct hmac512 { /* the hash after the inner and after the outer key block */
	mbedtls_sha512_context inner, outer;
};

static void hmac512_start(struct hmac512 *h, const uint8_t *key, size_t n)
{
	uint8_t block[128] = {0};

	if (n > sizeof block)
		must(mbedtls_sha512(key, n, block, 0));
	else
		memcpy(block, key, n);
	mbedtls_sha512_init(&h->inner);
	mbedtls_sha512_init(&h->outer);
	must(mbedtls_sha512_starts(&h->inner, 0));
	must(mbedtls_sha512_starts(&h->outer, 0));
	for (size_t i = 0; i < sizeof block; i++)
		block[i] ^= 0x36;
	must(mbedtls_sha512_update(&h->inner, block, sizeof block));
	for (size_t i = 0; i < sizeof block; i++)
		block[i] ^= 0x36 ^ 0x5c;
	must(mbedtls_sha512_update(&h->outer, block, sizeof block));
	mt_wipe(block, sizeof block);
}

static void hmac512(const struct hmac512 *h, const void *data, size_t n, uint8_t out[64])
{
	mbedtls_sha512_context c;

	mbedtls_sha512_init(&c);
	mbedtls_sha512_clone(&c, &h->inner);
	must(mbedtls_sha512_update(&c, data, n));
	must(mbedtls_sha512_finish(&c, out));
	mbedtls_sha512_clone(&c, &h->outer);
	must(mbedtls_sha512_update(&c, out, 64));
	must(mbedtls_sha512_finish(&c, out));
	mbedtls_sha512_free(&c);
}

/* The key blocks are hashed once: half the work of calling an HMAC in each round. */
int mt_pbkdf2_sha512(uint8_t ret[64], const void *password, size_t n, const void *salt,
		     size_t salt_n, unsigned rounds)
{
	uint8_t first[MT_PBKDF2_SALT_MAX + 4], u[64], sum[64];
	struct hmac512 h;

	if (salt_n > MT_PBKDF2_SALT_MAX)
		return -TG_E_TOO_LARGE;
	if (salt_n)
		memcpy(first, salt, salt_n);
	memcpy(first + salt_n, "\0\0\0\1", 4);
	hmac512_start(&h, password, n);
	hmac512(&h, first, salt_n + 4, u);
	memcpy(sum, u, sizeof sum);
	for (unsigned i = 1; i < rounds; i++) {
		hmac512(&h, u, sizeof u, u);
		for (unsigned k = 0; k < sizeof sum; k++)
			sum[k] ^= u[k];
	}
	memcpy(ret, sum, sizeof sum);
	mt_wipe(u, sizeof u);
	mt_wipe(sum, sizeof sum);
	mbedtls_sha512_free(&h.inner);
	mbedtls_sha512_free(&h.outer);
	return 0;
}

/* ---- AES-256-IGE (B.1): mbedTLS has none, it is built on single blocks -------------------------
 */

static void xor_block(uint8_t *out, const uint8_t *a, const uint8_t *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, BLOCK);
	memcpy(y, b, BLOCK);
	x[0] ^= y[0];
	x[1] ^= y[1];
	memcpy(out, x, BLOCK);
}

/* carry: what the block cipher's input is mixed with, rest: what its output is mixed with. */
static void ige(mbedtls_aes_context *aes, int mode, uint8_t *carry, uint8_t *rest,
		const uint8_t *in, uint8_t *out, size_t n)
{
	uint8_t x[BLOCK], y[BLOCK];

	assert(n % BLOCK == 0);
	for (size_t i = 0; i < n; i += BLOCK) {
		memcpy(x, in + i, BLOCK);
		xor_block(y, x, carry);
		must(mbedtls_aes_crypt_ecb(aes, mode, y, y));
		xor_block(carry, y, rest);
		memcpy(rest, x, BLOCK);
		memcpy(out + i, carry, BLOCK);
	}
	mt_wipe(x, sizeof x);
	mt_wipe(y, sizeof y);
}

void mt_soft_ige(bool encrypt, const uint8_t key[32], uint8_t iv[32], const uint8_t *in,
		 uint8_t *out, size_t n)
{
	mbedtls_aes_context aes;

	mbedtls_aes_init(&aes);
	if (encrypt) {
		must(mbedtls_aes_setkey_enc(&aes, key, 256));
		ige(&aes, MBEDTLS_AES_ENCRYPT, iv, iv + BLOCK, in, out, n);
	} else {
		must(mbedtls_aes_setkey_dec(&aes, key, 256));
		ige(&aes, MBEDTLS_AES_DECRYPT, iv + BLOCK, iv, in, out, n);
	}
	mbedtls_aes_free(&aes);
}

/* ---- AES-256-CTR (B.2) --------------------------------------------------------------------------
 */

void mt_soft_ctr(struct mt_ctr *c, const uint8_t *in, uint8_t *out, size_t n)
{
	mbedtls_aes_context aes;
	size_t used = c->used % BLOCK;

	mbedtls_aes_init(&aes);
	must(mbedtls_aes_setkey_enc(&aes, c->rounds, 256));
	must(mbedtls_aes_crypt_ctr(&aes, n, &used, c->counter, c->stream, in, out));
	mbedtls_aes_free(&aes);
	c->used = (unsigned)used;
}

/* ---- secrets ------------------------------------------------------------------------------------
 */

bool mt_equal(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= x[i] ^ y[i];
	return differ == 0;
}

void mt_wipe(void *p, size_t n)
{
	mbedtls_platform_zeroize(p, n);
}

/* The MTProto 2.0 envelope: seal and open (PROTOCOL B3; core.telegram.org/mtproto/description).
 * Works in the caller's buffers and owns nothing. */
#include "proto/envelope.h"
#include "proto/crypto.h"
#include "proto/wire.h"

#include <string.h>

#define MSG_KEY_AT 8
#define KEY_PART 32 /* of the auth key, in the hash */

static uint64_t load64(const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned i = 8; i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

static uint32_t load32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void store64(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++, v >>= 8)
		p[i] = (uint8_t)v;
}

static void store32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++, v >>= 8)
		p[i] = (uint8_t)v;
}

int mt_key_init(struct mt_key *k, const uint8_t key[256])
{
	static const uint8_t zero[8];
	uint8_t sha[20];

	mt_sha1(sha, key, 256, NULL, 0);
	if (memcmp(sha + 12, zero, sizeof zero) == 0) /* would mark a plain message (B.7) */
		return -TG_E_CRYPTO;
	memcpy(k->key, key, 256);
	memcpy(k->id, sha + 12, 8);
	return 0;
}

/* ---- derivation ---------------------------------------------------------------------------------
 */

void mt_kdf(struct mt_cipher *ret, const uint8_t key[256], unsigned x, const uint8_t msg_key[16])
{
	uint8_t a[32], b[32];

	mt_sha256(a, msg_key, 16, key + x, 36);
	mt_sha256(b, key + 40 + x, 36, msg_key, 16);
	memcpy(ret->key, a, 8);
	memcpy(ret->key + 8, b + 8, 16);
	memcpy(ret->key + 24, a + 24, 8);
	memcpy(ret->iv, b, 8);
	memcpy(ret->iv + 8, a + 8, 16);
	memcpy(ret->iv + 24, b + 24, 8);
	mt_wipe(a, sizeof a);
	mt_wipe(b, sizeof b);
}

void mt_msg_key_large(uint8_t ret[32], const uint8_t key[256], unsigned x, const void *plain,
		      size_t n)
{
	mt_sha256(ret, key + 88 + x, KEY_PART, plain, n);
}

/* SHA1 of three pieces of at most 32, 16 and 16 … 32 bytes. */
static void sha1_3(uint8_t out[20], const uint8_t *a, size_t na, const uint8_t *b, size_t nb,
		   const uint8_t *c, size_t nc)
{
	uint8_t all[64];

	memcpy(all, a, na);
	memcpy(all + na, b, nb);
	mt_sha1(out, all, na + nb, c, nc);
	mt_wipe(all, sizeof all);
}

void mt_kdf_v1(struct mt_cipher *ret, const uint8_t key[256], unsigned x, const uint8_t msg_key[16])
{
	uint8_t a[20], b[20], c[20], d[20];

	mt_sha1(a, msg_key, 16, key + x, 32);
	sha1_3(b, key + 32 + x, 16, msg_key, 16, key + 48 + x, 16);
	mt_sha1(c, key + 64 + x, 32, msg_key, 16);
	mt_sha1(d, msg_key, 16, key + 96 + x, 32);
	memcpy(ret->key, a, 8);
	memcpy(ret->key + 8, b + 8, 12);
	memcpy(ret->key + 20, c + 4, 12);
	memcpy(ret->iv, a + 8, 12);
	memcpy(ret->iv + 12, b, 8);
	memcpy(ret->iv + 20, c + 16, 4);
	memcpy(ret->iv + 24, d, 8);
	mt_wipe(a, sizeof a);
	mt_wipe(b, sizeof b);
	mt_wipe(c, sizeof c);
	mt_wipe(d, sizeof d);
}

/* ---- seal ---------------------------------------------------------------------------------------
 */

/* Sizes are blurred so that a watcher learns little about small messages; steps as TDLib's. */
size_t mt_envelope_size(size_t n)
{
	static const uint16_t steps[] = {64, 128, 192, 256, 384, 512, 768, 1024, 1280};
	const size_t last = 1280, step = 448;
	size_t least = MT_ENVELOPE_INNER + n + MT_PADDING_MIN;

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		if (least <= steps[i])
			return steps[i];
	return last + (least - last + step - 1) / step * step;
}

int mt_seal(const struct mt_key *k, enum mt_direction dir, const struct mt_header *h,
	    const void *body, size_t n, const struct mt_env *env, struct tl_buf *out,
	    uint32_t *ret_token)
{
	size_t size = mt_envelope_size(n), used = MT_ENVELOPE_INNER + n;
	struct mt_cipher cipher;
	uint8_t large[32], *p, *plain;

	if (n > MT_MAX_PACKET - MT_ENVELOPE_HEAD - MT_ENVELOPE_INNER - MT_PADDING_MAX)
		return -TG_E_TOO_LARGE;
	p = tl_buf_extend(out, MT_ENVELOPE_HEAD + size);
	if (!p)
		return out->err;
	plain = p + MT_ENVELOPE_HEAD;
	store64(plain, h->salt);
	store64(plain + 8, h->session);
	store64(plain + 16, h->msg_id);
	store32(plain + 24, h->seqno);
	store32(plain + 28, (uint32_t)n);
	if (n)
		memcpy(plain + MT_ENVELOPE_INNER, body, n);
	env->random(env->ctx, plain + used, size - used);

	mt_msg_key_large(large, k->key, dir, plain, size);
	memcpy(p, k->id, 8);
	memcpy(p + MSG_KEY_AT, large + 8, 16);
	mt_kdf(&cipher, k->key, dir, large + 8);
	mt_ige_encrypt(cipher.key, cipher.iv, plain, plain, size);
	mt_wipe(&cipher, sizeof cipher);
	if (ret_token)
		*ret_token = load32(large) | 0x80000000u; /* C.20 */
	return 0;
}

/* ---- open ---------------------------------------------------------------------------------------
 */

/* Decrypts and proves the plaintext (B.11); nothing of it may be read before. The part of the key
 * that is hashed with it (B.9) stands in the 32 bytes before it meanwhile. */
static int decrypt(const struct mt_key *k, enum mt_direction dir, const uint8_t *packet, size_t n,
		   uint8_t *plain)
{
	const uint8_t *msg_key = packet + MSG_KEY_AT;
	struct mt_cipher cipher;
	uint8_t large[32];

	mt_kdf(&cipher, k->key, dir, msg_key);
	memcpy(plain - KEY_PART, k->key + 88 + dir, KEY_PART);
	mt_ige_decrypt_hash(cipher.key, cipher.iv, packet + MT_ENVELOPE_HEAD, plain, n, large);
	mt_wipe(plain - KEY_PART, KEY_PART);
	mt_wipe(&cipher, sizeof cipher);
	return mt_equal(large + 8, msg_key, 16) ? 0 : -TG_E_CRYPTO;
}

int mt_open(const struct mt_key *k, enum mt_direction dir, const void *packet, size_t n,
	    struct tl_buf *out, struct mt_header *ret_h, const uint8_t **ret_body, size_t *ret_n)
{
	const uint8_t *in = packet;
	size_t size, len;
	uint8_t *plain;

	tl_buf_clear(out);
	if (n < MT_ENVELOPE_HEAD + MT_ENVELOPE_INNER + MT_PADDING_MIN || n > MT_MAX_PACKET)
		return -TG_E_CRYPTO;
	size = (n - MT_ENVELOPE_HEAD) & ~(size_t)15; /* the rest is the transport's padding */
	if (size < MT_ENVELOPE_INNER + MT_PADDING_MIN || !mt_equal(in, k->id, 8))
		return -TG_E_CRYPTO;
	plain = tl_buf_extend(out, KEY_PART + size);
	if (!plain)
		return out->err;
	plain += KEY_PART;
	if (decrypt(k, dir, in, size, plain) != 0)
		goto refuse;
	len = load32(plain + 28);
	if (len % 4 != 0 || len > size - MT_ENVELOPE_INNER - MT_PADDING_MIN ||
	    size - MT_ENVELOPE_INNER - len > MT_PADDING_MAX)
		goto refuse;
	ret_h->salt = load64(plain);
	ret_h->session = load64(plain + 8);
	ret_h->msg_id = load64(plain + 16);
	ret_h->seqno = load32(plain + 24);
	*ret_body = plain + MT_ENVELOPE_INNER;
	*ret_n = len;
	return 0;
refuse:
	mt_wipe(plain, size);
	tl_buf_clear(out);
	return -TG_E_CRYPTO;
}

/* ---- the message that binds a temporary key
 * ------------------------------------------------------ */

void mt_bind_message(uint8_t ret[MT_BIND_SIZE], const struct mt_key *permanent,
		     const struct mt_bind *b, const struct mt_env *env)
{
	enum { INNER = 40, PLAIN = 72, PADDED = 80 };
	uint8_t *plain = ret + MT_ENVELOPE_HEAD, *inner = plain + PLAIN - INNER, sha[20];
	struct mt_cipher cipher;

	env->random(env->ctx, plain, 16); /* in the place of salt and session */
	store64(plain + 16, b->msg_id);
	store32(plain + 24, 0);
	store32(plain + 28, INNER);
	store32(inner, WIRE_BIND_AUTH_KEY_INNER);
	store64(inner + 4, b->nonce);
	store64(inner + 12, b->temp_key_id);
	memcpy(inner + 20, permanent->id, 8);
	store64(inner + 28, b->temp_session);
	store32(inner + 36, (uint32_t)b->expires_at);
	env->random(env->ctx, plain + PLAIN, PADDED - PLAIN);

	mt_sha1(sha, plain, PLAIN, NULL, 0);
	memcpy(ret, permanent->id, 8);
	memcpy(ret + MSG_KEY_AT, sha + 4, 16);
	mt_kdf_v1(&cipher, permanent->key, 0, sha + 4);
	mt_ige_encrypt(cipher.key, cipher.iv, plain, plain, PADDED);
	mt_wipe(&cipher, sizeof cipher);
}

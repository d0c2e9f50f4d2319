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

/* For count messages at once, count <= MT_LANES. */
static void derive(struct mt_cipher *const *ret, const uint8_t *const *msg_keys, unsigned count,
		   const uint8_t key[256], unsigned x)
{
	enum { TEXT = 52, HASHES = 2 * MT_LANES };
	uint8_t text[HASHES][TEXT], sha[HASHES][32];
	struct mt_sha_lane lanes[HASHES];
	unsigned all = 2 * count;

	for (unsigned i = 0; i < count; i++) {
		memcpy(text[2 * i], msg_keys[i], 16);
		memcpy(text[2 * i] + 16, key + x, 36);
		memcpy(text[2 * i + 1], key + 40 + x, 36);
		memcpy(text[2 * i + 1] + 36, msg_keys[i], 16);
	}
	for (unsigned i = 0; i < all; i++)
		lanes[i] = (struct mt_sha_lane){.data = text[i], .n = TEXT, .out = sha[i]};
	for (unsigned i = 0; i < all; i += MT_LANES)
		mt_sha256_lanes(lanes + i, all - i < MT_LANES ? all - i : MT_LANES);
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *a = sha[2 * i], *b = sha[2 * i + 1];

		memcpy(ret[i]->key, a, 8);
		memcpy(ret[i]->key + 8, b + 8, 16);
		memcpy(ret[i]->key + 24, a + 24, 8);
		memcpy(ret[i]->iv, b, 8);
		memcpy(ret[i]->iv + 8, a + 8, 16);
		memcpy(ret[i]->iv + 24, b + 24, 8);
	}
	mt_wipe(text, sizeof text);
	mt_wipe(sha, sizeof sha);
}

void mt_kdf(struct mt_cipher *ret, const uint8_t key[256], unsigned x, const uint8_t msg_key[16])
{
	derive(&ret, &msg_key, 1, key, x);
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

int mt_lay(const struct mt_header *h, const void *body, size_t n, const struct mt_env *env,
	   struct tl_buf *out, struct mt_laid *ret)
{
	size_t size = mt_envelope_size(n), used = MT_ENVELOPE_INNER + n, at = out->len;
	uint8_t *plain;

	if (n > MT_MAX_PACKET - MT_ENVELOPE_HEAD - MT_ENVELOPE_INNER - MT_PADDING_MAX)
		return -TG_E_TOO_LARGE;
	plain = tl_buf_extend(out, MT_ENVELOPE_HEAD + size);
	if (!plain)
		return out->err;
	plain += MT_ENVELOPE_HEAD;
	store64(plain, h->salt);
	store64(plain + 8, h->session);
	store64(plain + 16, h->msg_id);
	store32(plain + 24, h->seqno);
	store32(plain + 28, (uint32_t)n);
	if (n)
		memcpy(plain + MT_ENVELOPE_INNER, body, n);
	env->random(env->ctx, plain + used, size - used);
	*ret = (struct mt_laid){.at = at, .n = MT_ENVELOPE_HEAD + size};
	return 0;
}

static void seal_lanes(const struct mt_key *k, enum mt_direction dir, uint8_t *data,
		       struct mt_laid *v, unsigned count)
{
	struct mt_cipher *ciphers[MT_LANES];
	struct mt_ige_lane ige[MT_LANES];
	struct mt_sha_lane sha[MT_LANES] = {{.n = 0}};
	const uint8_t *msg_keys[MT_LANES];
	uint8_t large[MT_LANES][32];

	for (unsigned i = 0; i < count; i++) {
		uint8_t *plain = data + v[i].at + MT_ENVELOPE_HEAD;
		size_t n = v[i].n - MT_ENVELOPE_HEAD;

		sha[i] = (struct mt_sha_lane){k->key + 88 + dir, plain, KEY_PART, n, large[i]};
		ige[i] = (struct mt_ige_lane){.in = plain, .out = plain, .n = n};
		ciphers[i] = &ige[i].cipher;
		msg_keys[i] = large[i] + 8;
	}
	mt_sha256_lanes(sha, count);
	derive(ciphers, msg_keys, count, k->key, dir);
	mt_ige_lanes(true, ige, count);
	for (unsigned i = 0; i < count; i++) {
		memcpy(data + v[i].at, k->id, 8);
		memcpy(data + v[i].at + MSG_KEY_AT, msg_keys[i], 16);
		v[i].token = load32(large[i]) | 0x80000000u; /* C.20 */
	}
	mt_wipe(ige, sizeof ige);
}

void mt_seal_laid(const struct mt_key *k, enum mt_direction dir, struct tl_buf *buf,
		  struct mt_laid *v, unsigned count)
{
	for (unsigned i = 0; i < count; i += MT_LANES)
		seal_lanes(k, dir, buf->data, v + i, count - i < MT_LANES ? count - i : MT_LANES);
}

int mt_seal(const struct mt_key *k, enum mt_direction dir, const struct mt_header *h,
	    const void *body, size_t n, const struct mt_env *env, struct tl_buf *out,
	    uint32_t *ret_token)
{
	struct mt_laid one;
	int err = mt_lay(h, body, n, env, out, &one);

	if (err)
		return err;
	mt_seal_laid(k, dir, out, &one, 1);
	if (ret_token)
		*ret_token = one.token;
	return 0;
}

/* ---- open ---------------------------------------------------------------------------------------
 */

/* What can be said before decrypting, and room for the plaintext and, before it, the part of the
 * key that is hashed with it (B.9). false: refused. */
static bool begin(const struct mt_key *k, struct mt_opening *o, struct mt_ige_lane *ret)
{
	size_t size = (o->n - MT_ENVELOPE_HEAD) & ~(size_t)15; /* without the transport's padding */
	uint8_t *room;

	tl_buf_clear(o->out);
	o->err = -TG_E_CRYPTO;
	if (o->n < MT_ENVELOPE_HEAD + MT_ENVELOPE_INNER + MT_PADDING_MIN || o->n > MT_MAX_PACKET ||
	    size < MT_ENVELOPE_INNER + MT_PADDING_MIN || !mt_equal(o->packet, k->id, 8))
		return false;
	room = tl_buf_extend(o->out, KEY_PART + size);
	o->err = o->out->err;
	if (!room)
		return false;
	*ret = (struct mt_ige_lane){
		.in = o->packet + MT_ENVELOPE_HEAD, .out = room + KEY_PART, .n = size};
	return true;
}

/* What came out is read only when it is proved (B.11), and wiped otherwise. */
static void end(struct mt_opening *o, const uint8_t large[32], uint8_t *plain, size_t size)
{
	bool proved = mt_equal(large + 8, o->packet + MSG_KEY_AT, 16);
	size_t len = proved ? load32(plain + 28) : 0;

	if (!proved || len % 4 != 0 || len > size - MT_ENVELOPE_INNER - MT_PADDING_MIN ||
	    size - MT_ENVELOPE_INNER - len > MT_PADDING_MAX) {
		mt_wipe(plain, size);
		tl_buf_clear(o->out);
		o->err = -TG_E_CRYPTO;
		return;
	}
	o->h.salt = load64(plain);
	o->h.session = load64(plain + 8);
	o->h.msg_id = load64(plain + 16);
	o->h.seqno = load32(plain + 24);
	o->body = plain + MT_ENVELOPE_INNER;
	o->body_n = len;
}

void mt_open_lanes(const struct mt_key *k, enum mt_direction dir, struct mt_opening *v,
		   unsigned count)
{
	struct mt_opening *good[MT_LANES];
	struct mt_cipher *ciphers[MT_LANES];
	struct mt_ige_lane ige[MT_LANES];
	const uint8_t *msg_keys[MT_LANES];
	uint8_t large[MT_LANES][32], *shas[MT_LANES];
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++) {
		if (!begin(k, &v[i], &ige[n]))
			continue;
		memcpy(ige[n].out - KEY_PART, k->key + 88 + dir, KEY_PART);
		ciphers[n] = &ige[n].cipher;
		msg_keys[n] = v[i].packet + MSG_KEY_AT;
		shas[n] = large[n];
		good[n++] = &v[i];
	}
	if (n == 0)
		return;
	derive(ciphers, msg_keys, n, k->key, dir);
	mt_ige_decrypt_hash(ige, n, shas);
	for (unsigned i = 0; i < n; i++) {
		mt_wipe(ige[i].out - KEY_PART, KEY_PART);
		end(good[i], large[i], ige[i].out, ige[i].n);
	}
	mt_wipe(ige, sizeof ige);
}

int mt_open(const struct mt_key *k, enum mt_direction dir, const void *packet, size_t n,
	    struct tl_buf *out, struct mt_header *ret_h, const uint8_t **ret_body, size_t *ret_n)
{
	struct mt_opening o = {.packet = packet, .n = n, .out = out};

	mt_open_lanes(k, dir, &o, 1);
	if (o.err)
		return o.err;
	*ret_h = o.h;
	*ret_body = o.body;
	*ret_n = o.body_n;
	return 0;
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

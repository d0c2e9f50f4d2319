/* One row of a sealed store. Sub-keys: HKDF (RFC 5869) with SHA-256. Keeps nothing but what is in
 * the struct, which its holder owns. */
#include "core/seal_row.h"

#include "proto/gcm.h"

#include <string.h>

#define VERSION 1u
#define ROW_HEAD (1u + MT_GCM_NONCE)
#define OWNER 9u   /* account's prefix and kind: what stays readable of a name's key */
#define HIDDEN 16u /* bytes of the HMAC that stand for the rest */

/* HKDF-Expand of one block. */
static void expand(uint8_t out[32], const uint8_t prk[32], const char *label, uint8_t number)
{
	uint8_t info[32];
	size_t n = strlen(label);

	memcpy(info, label, n);
	info[n++] = number;
	info[n++] = 1; /* the first block */
	mt_hmac_sha256(out, prk, 32, info, n);
}

void tg_sealer_init(struct tg_sealer *s, const uint8_t *key, enum tg_seal_mode mode,
		    const uint8_t salt[TG_SEAL_SALT])
{
	uint8_t prk[32], check[32];

	memset(s, 0, sizeof *s);
	if (!key)
		return;
	s->mode = mode;
	memcpy(s->salt, salt, TG_SEAL_SALT);
	mt_hmac_sha256(prk, salt, TG_SEAL_SALT, key, TG_SEAL_KEY);
	for (uint8_t t = 0; t < TG_TABLE_COUNT; t++)
		expand(s->keys[t], prk, "layerd table", t);
	expand(s->names, prk, "layerd names", 0);
	expand(check, prk, "layerd check", (uint8_t)mode);
	memcpy(s->check, check, sizeof s->check);
	mt_wipe(prk, sizeof prk);
}

void tg_sealer_put_header(const struct tg_sealer *s, struct tl_buf *out)
{
	tl_put_u8(out, VERSION);
	tl_put_u8(out, (uint8_t)s->mode);
	tl_put(out, s->salt, sizeof s->salt);
	tl_put(out, s->check, sizeof s->check);
}

int tg_sealer_load(struct tg_sealer *s, const uint8_t *key, const uint8_t *header, size_t n)
{
	if (n != TG_SEAL_HEADER || header[0] != VERSION || header[1] > TG_SEAL_ALL)
		return -TG_E_STORE;
	if ((header[1] == TG_SEAL_NONE) != !key)
		return -TG_E_CRYPTO;
	tg_sealer_init(s, key, (enum tg_seal_mode)header[1], header + 2);
	if (!mt_equal(s->check, header + 2 + TG_SEAL_SALT, sizeof s->check)) {
		tg_sealer_wipe(s);
		return -TG_E_CRYPTO;
	}
	return 0;
}

void tg_sealer_wipe(struct tg_sealer *s)
{
	mt_wipe(s, sizeof *s);
}

static bool is_sealed(const struct tg_sealer *s, enum tg_table t)
{
	if (s->mode == TG_SEAL_KEYS)
		return t == TG_TABLE_KEY || t == TG_TABLE_ACCOUNT;
	return s->mode == TG_SEAL_ALL;
}

bool tg_sealer_hides_key(const struct tg_sealer *s, enum tg_table t)
{
	return s->mode == TG_SEAL_ALL && t == TG_TABLE_NAME;
}

void tg_sealer_key(const struct tg_sealer *s, enum tg_table t, const void *key, size_t nkey,
		   struct tl_buf *out)
{
	uint8_t mac[32];

	if (!tg_sealer_hides_key(s, t) || nkey <= OWNER) {
		tl_put(out, key, nkey);
		return;
	}
	mt_hmac_sha256(mac, s->names, sizeof s->names, key, nkey);
	tl_put(out, key, OWNER);
	tl_put(out, mac, HIDDEN);
}

static struct tl_str aad_of(enum tg_table t, struct tl_str stored, struct tl_buf *b)
{
	tl_put_u8(b, (uint8_t)t);
	tl_put(b, stored.data, stored.len);
	return (struct tl_str){(const char *)b->data, (uint32_t)b->len};
}

void tg_sealer_seal(struct tg_sealer *s, enum tg_table t, struct tl_str stored, struct tl_str key,
		    struct tl_str value, struct tl_buf *out)
{
	struct tl_buf clear = {0}, bound = {0};
	uint8_t nonce[MT_GCM_NONCE], tag[MT_GCM_TAG];
	struct tl_str aad;

	if (!is_sealed(s, t)) {
		tl_put(out, value.data, value.len);
		return;
	}
	if (tg_sealer_hides_key(s, t)) {
		tl_put_u32(&clear, key.len);
		tl_put(&clear, key.data, key.len);
	}
	tl_put(&clear, value.data, value.len);
	aad = aad_of(t, stored, &bound);
	for (unsigned i = 0; i < 4; i++)
		nonce[i] = (uint8_t)(s->epoch >> 8 * i);
	for (unsigned i = 0; i < 8; i++)
		nonce[4 + i] = (uint8_t)(s->counter >> 8 * i);
	s->counter++;
	if (!clear.err && !bound.err)
		mt_gcm_seal(s->keys[t], nonce, aad, clear.data, clear.len, clear.data, tag);
	else if (!out->err)
		out->err = clear.err ? clear.err : bound.err;
	tl_put_u8(out, VERSION);
	tl_put(out, nonce, sizeof nonce);
	tl_put(out, clear.data, clear.len);
	tl_put(out, tag, sizeof tag);
	tl_buf_free(&clear);
	tl_buf_free(&bound);
}

/* What was sealed → key and value. */
static int split(const struct tg_sealer *s, enum tg_table t, struct tl_cursor clear,
		 struct tl_buf *ret_key, struct tl_buf *ret_value)
{
	if (tg_sealer_hides_key(s, t)) {
		uint32_t n = tl_get_u32(&clear);
		const uint8_t *key = tl_get(&clear, n);

		if (clear.err)
			return -TG_E_CRYPTO;
		if (ret_key)
			tl_put(ret_key, key, n);
	}
	tl_put(ret_value, clear.p, tl_left(&clear));
	return ret_value->err;
}

int tg_sealer_open(const struct tg_sealer *s, enum tg_table t, struct tl_str stored,
		   struct tl_str kept, struct tl_buf *ret_key, struct tl_buf *ret_value)
{
	const uint8_t *row = (const uint8_t *)kept.data;
	struct tl_buf clear = {0}, bound = {0};
	struct tl_str aad;
	size_t n;
	int r;

	if (ret_key && !tg_sealer_hides_key(s, t))
		tl_put(ret_key, stored.data, stored.len);
	if (!is_sealed(s, t)) {
		tl_put(ret_value, kept.data, kept.len);
		return ret_value->err;
	}
	if (kept.len < ROW_HEAD + MT_GCM_TAG || row[0] != VERSION)
		return -TG_E_CRYPTO;
	n = kept.len - ROW_HEAD - MT_GCM_TAG;
	aad = aad_of(t, stored, &bound);
	tl_put(&clear, row + ROW_HEAD, n);
	r = clear.err ? clear.err : bound.err;
	if (!r)
		r = mt_gcm_open(s->keys[t], row + 1, aad, clear.data, n, row + ROW_HEAD + n,
				clear.data);
	if (!r)
		r = split(s, t, tl_cursor(clear.data, n), ret_key, ret_value);
	if (clear.data)
		mt_wipe(clear.data, clear.cap);
	tl_buf_free(&clear);
	tl_buf_free(&bound);
	return r;
}

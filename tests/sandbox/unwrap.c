/* The wrappers around a call, in any nesting (core.telegram.org/api/invoking), and the binding of
 * temporary keys (core.telegram.org/api/pfs). Owned by net. */
#include "net.h"

#include <string.h>

#define ID_VECTOR 0x1cb5c415u
#define ID_GZIP 0x3072cfa1u
#define ID_WITH_LAYER 0xda9b0d0du
#define ID_INIT 0xc1cd5ea9u
#define ID_INIT_PROXY 0x785188b8u /* before layer 114: no params */
#define ID_AFTER 0xcb9f372du
#define ID_AFTERS 0x3dc4b4f0u
#define ID_NO_UPDATES 0xbf9459b7u
#define ID_RANGE 0x365275f2u
#define ID_TAKEOUT 0xaca9fd2eu
#define ID_BUSINESS 0xdd289f8eu
#define ID_PLAY 0x1df92984u
#define ID_APNS 0x0dae54f8u
#define ID_RECAPTCHA 0xadbb0f94u
#define ID_BIND_INNER 0x75a3f765u

#define MAX_WRAPPERS 16
#define OLDEST_LAYER 133 /* ids of 64 bits */

static void copy_text(char *out, size_t size, struct tl_str s)
{
	size_t n = s.len < size - 1 ? s.len : size - 1;

	memcpy(out, s.data ? s.data : "", n);
	out[n] = 0;
}

static void skip_object(struct sb_pending *p, struct tl_cursor *c)
{
	struct tl_obj *o;

	if (!c->err && tl_decode(&tl_api, &p->arena, c, &o, NULL))
		tl_fail(c, -TG_E_WIRE);
}

static const char *init_connection(struct sb_pending *p, struct tl_cursor *c, bool params)
{
	struct sb_auth *a = p->session->key->auth;
	uint32_t flags = tl_get_u32(c);
	int api_id = (int)tl_get_u32(c);
	struct tl_str device = tl_get_bytes(c), system = tl_get_bytes(c), app = tl_get_bytes(c);

	tl_get_bytes(c);
	tl_get_bytes(c);
	tl_get_bytes(c);
	if (flags & 1)
		skip_object(p, c);
	if (params && flags & 2)
		skip_object(p, c);
	if (c->err)
		return "INPUT_FETCH_ERROR";
	if (api_id <= 0)
		return "CONNECTION_API_ID_INVALID";
	if (!device.len)
		return "CONNECTION_DEVICE_MODEL_EMPTY";
	if (!app.len)
		return "CONNECTION_APP_VERSION_EMPTY";
	if (!system.len)
		return "CONNECTION_SYSTEM_EMPTY";
	a->api_id = api_id;
	copy_text(a->device, sizeof a->device, device);
	copy_text(a->app, sizeof a->app, app);
	return NULL;
}

static const char *after(struct sb_pending *p, struct tl_cursor *c, bool many)
{
	const uint32_t room = sizeof p->after / sizeof *p->after;
	uint32_t count = 1;

	if (many) {
		if (tl_get_u32(c) != ID_VECTOR)
			tl_fail(c, -TG_E_WIRE);
		count = tl_get_u32(c);
	}
	if (c->err || count > room - p->after_count)
		return "MSG_WAIT_FAILED";
	for (uint32_t i = 0; i < count; i++)
		p->after[p->after_count++] = tl_get_u64(c);
	return NULL;
}

static const char *with_layer(struct sb_pending *p, struct tl_cursor *c)
{
	int layer = (int)tl_get_u32(c);

	if (c->err || layer < OLDEST_LAYER || layer > (int)tl_layer(&tl_api) + 100)
		return "CONNECTION_LAYER_INVALID";
	p->session->key->layer = layer;
	p->session->key->auth->layer = layer;
	return NULL;
}

static const char *unpack(struct sb_pending *p, struct tl_cursor *c)
{
	struct tl_str packed = tl_get_bytes(c);
	struct tl_buf b = {0};
	void *copy;

	if (c->err || tl_left(c) || mt_gunzip(packed.data, packed.len, &b)) {
		tl_buf_free(&b);
		return "INPUT_FETCH_ERROR";
	}
	copy = tl_arena_copy(&p->arena, b.data, b.len);
	*c = tl_cursor(copy, copy ? b.len : 0);
	tl_buf_free(&b);
	return NULL;
}

const char *sb_unwrap(struct sb_pending *p)
{
	struct tl_cursor c = tl_cursor(p->body, p->n);
	const char *error = NULL;
	bool gzip = false;

	for (int depth = 0; !error; depth++) {
		uint32_t id = tl_peek_u32(&c);
		struct tl_cursor inner = c;

		if (depth > MAX_WRAPPERS)
			return "INPUT_LAYER_INVALID";
		tl_get_u32(&inner);
		switch (id) {
		case ID_WITH_LAYER:
			error = with_layer(p, &inner);
			break;
		case ID_INIT:
		case ID_INIT_PROXY:
			error = init_connection(p, &inner, id == ID_INIT);
			break;
		case ID_AFTER:
		case ID_AFTERS:
			error = after(p, &inner, id == ID_AFTERS);
			break;
		case ID_NO_UPDATES:
			p->call.no_updates = true;
			break;
		case ID_RANGE:
			skip_object(p, &inner);
			break;
		case ID_TAKEOUT:
			tl_get_u64(&inner);
			break;
		case ID_PLAY:
			tl_get_bytes(&inner);
			tl_get_bytes(&inner);
			break;
		case ID_APNS:
			tl_get_bytes(&inner);
			tl_get_bytes(&inner);
			break;
		case ID_BUSINESS:
		case ID_RECAPTCHA:
			tl_get_bytes(&inner);
			break;
		case ID_GZIP:
			error = gzip ? "INPUT_FETCH_ERROR" : unpack(p, &inner); /* A.30 */
			gzip = true;
			break;
		default:
			p->query = c;
			return NULL;
		}
		if (!error && inner.err)
			error = "INPUT_FETCH_ERROR";
		c = inner;
	}
	return error;
}

/* ---- auth.bindTempAuthKey -----------------------------------------------------------------------
 */
/* Key and iv of MTProto 1.0, x = 0 (B.21; core.telegram.org/mtproto/description_v1). */
static void kdf_v1(const uint8_t k[256], const uint8_t mk[16], uint8_t key[32], uint8_t iv[32])
{
	uint8_t a[20], b[20], c[20], d[20], mid[48];

	mt_sha1(a, mk, 16, k, 32);
	memcpy(mid, k + 32, 16);
	memcpy(mid + 16, mk, 16);
	memcpy(mid + 32, k + 48, 16);
	mt_sha1(b, mid, 48, NULL, 0);
	mt_sha1(c, k + 64, 32, mk, 16);
	mt_sha1(d, mk, 16, k + 96, 32);
	memcpy(key, a, 8);
	memcpy(key + 8, b + 8, 12);
	memcpy(key + 20, c + 4, 12);
	memcpy(iv, a + 8, 12);
	memcpy(iv + 12, b, 8);
	memcpy(iv + 20, c + 16, 4);
	memcpy(iv + 24, d, 8);
}

#define BIND_BYTES 104
#define BIND_PLAIN 80
#define BIND_HASHED 72

struct bind {
	uint64_t perm, nonce, session, msg_id;
	uint32_t expires;
	struct tl_str sealed;
};

/* The encrypted message, under the permanent key (B.80 - B.82). */
static bool genuine(const struct sb_key *perm, const struct sb_key *temp, const struct bind *b)
{
	uint8_t key[32], iv[32], plain[BIND_PLAIN], hash[20];
	const uint8_t *data = (const uint8_t *)b->sealed.data;
	struct tl_cursor c;
	uint64_t temp_id;

	if (b->sealed.len != BIND_BYTES || memcmp(data, perm->key.id, 8))
		return false;
	kdf_v1(perm->key.key, data + 8, key, iv);
	mt_ige_decrypt(key, iv, data + 24, plain, BIND_PLAIN);
	mt_sha1(hash, plain, BIND_HASHED, NULL, 0);
	if (!mt_equal(hash + 4, data + 8, 16))
		return false;
	memcpy(&temp_id, temp->key.id, 8);
	c = tl_cursor(plain + 16, BIND_HASHED - 16);
	return tl_get_u64(&c) == b->msg_id && tl_get_u32(&c) == 0 && tl_get_u32(&c) == 40 &&
	       tl_get_u32(&c) == ID_BIND_INNER && tl_get_u64(&c) == b->nonce &&
	       tl_get_u64(&c) == temp_id && tl_get_u64(&c) == b->perm &&
	       tl_get_u64(&c) == b->session && tl_get_u32(&c) == b->expires;
}

const char *sb_bind(struct sb_session *s, uint64_t msg_id, struct tl_cursor *args)
{
	struct sb_net *n = s->net;
	struct bind b = {.session = s->id, .msg_id = msg_id};
	struct sb_key *perm;
	bool init = s->key->layer != 0;

	b.perm = tl_get_u64(args);
	b.nonce = tl_get_u64(args);
	b.expires = tl_get_u32(args);
	b.sealed = tl_get_bytes(args);
	if (args->err || tl_left(args))
		return "INPUT_FETCH_ERROR";
	if (!s->key->temp)
		return "TEMP_AUTH_KEY_EMPTY";
	perm = sb_key_find(n, (const uint8_t *)&b.perm);
	if (!perm || perm->temp || perm->dc != s->key->dc || !genuine(perm, s->key, &b))
		return "ENCRYPTED_MESSAGE_INVALID";
	if (s->key->bound && s->key->auth != perm->own)
		return "TEMP_AUTH_KEY_ALREADY_BOUND";
	if ((int64_t)b.expires <= sb_now(n->s) / NS)
		return "EXPIRES_AT_INVALID";
	if (!s->key->bound) {
		sb_keep_bind(n->s, s->key, perm);
		sb_key_bind(s->key, perm->own);
	}
	if (init)
		perm->own->layer = s->key->layer;
	sb_world_online(n->s->world, perm->own, true);
	return NULL;
}

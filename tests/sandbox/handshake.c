/* The server's side of the key exchange (core.telegram.org/mtproto/auth_key; PROTOCOL B7), for all
 * clients: both RSA paddings, four kinds of inner data. Owned by net. A handshake outlives its
 * connection for ten minutes and answers a repeated query with the same bytes (B.50). */
#include "net.h"

#include <stdlib.h>
#include <string.h>

#define ID_REQ_PQ 0x60469778u
#define ID_REQ_PQ_MULTI 0xbe7e8ef1u
#define ID_RES_PQ 0x05162463u
#define ID_VECTOR 0x1cb5c415u
#define ID_REQ_DH_PARAMS 0xd712e4beu
#define ID_INNER 0x83c95aecu
#define ID_INNER_DC 0xa9f55f95u
#define ID_INNER_TEMP 0x3c6a84d4u
#define ID_INNER_TEMP_DC 0x56fddf88u
#define ID_DH_PARAMS_OK 0xd0e8075cu
#define ID_SERVER_INNER 0xb5890dbau
#define ID_SET_CLIENT_DH 0xf5045f1fu
#define ID_CLIENT_INNER 0x6643b654u
#define ID_GEN_OK 0x3bcbf734u
#define ID_GEN_RETRY 0x46dc1fb9u
#define ID_GEN_FAIL 0xa69dae02u
#define ID_MSGS_ACK 0x62d6b459u

#define NOT_FOUND (-404)
#define WRONG_DC (-444)
#define MAX_RETRIES 5

struct sb_handshake {
	struct sb_handshake *next;
	uint8_t nonce[16], server_nonce[16], new_nonce[32];
	uint8_t tmp_key[32], tmp_iv[32];
	uint8_t aux[8]; /* of the refused key, for the retry */
	struct sb_dh dh;
	struct tl_buf asked[2], told[2]; /* req_DH_params, set_client_DH_params and the answers */
	uint64_t p, q;
	int64_t at; /* ns */
	int64_t expires_in;
	int dc, retries;
	bool temp, params_told;
};

static void handshake_free(struct sb_handshake *h)
{
	for (int i = 0; i < 2; i++) {
		tl_buf_free(&h->asked[i]);
		tl_buf_free(&h->told[i]);
	}
	mt_wipe(h, sizeof *h);
	free(h);
}

void sb_handshakes_free(struct sb_net *n)
{
	while (n->handshakes) {
		struct sb_handshake *h = n->handshakes;

		n->handshakes = h->next;
		handshake_free(h);
	}
	n->handshake_count = 0;
}

/* The list is in order of age, the youngest first. */
void sb_handshakes_tick(struct sb_net *n, int64_t now)
{
	struct sb_handshake **pp = &n->handshakes;
	unsigned kept = 0;

	while (*pp && now - (*pp)->at < SB_HANDSHAKE_SECONDS * NS && kept < SB_MAX_HANDSHAKES) {
		pp = &(*pp)->next;
		kept++;
	}
	while (*pp) {
		struct sb_handshake *h = *pp;

		*pp = h->next;
		handshake_free(h);
	}
	n->handshake_count = kept;
}

/* ---- pq -------------------------------------------------------------------------------------- */
static uint64_t mul_mod(uint64_t a, uint64_t b, uint64_t m)
{
	return (uint64_t)((unsigned __int128)a * b % m);
}

/* Miller-Rabin; these bases decide every number below 2^32. */
static bool is_prime(uint64_t n)
{
	static const uint64_t bases[] = {2, 7, 61};
	uint64_t d = n - 1;
	int r = 0;

	if (n < 100 || n % 2 == 0)
		return false;
	while (d % 2 == 0) {
		d /= 2;
		r++;
	}
	for (unsigned i = 0; i < 3; i++) {
		uint64_t x = 1, b = bases[i];
		bool passed;

		for (uint64_t e = d; e; e >>= 1) {
			if (e & 1)
				x = mul_mod(x, b, n);
			b = mul_mod(b, b, n);
		}
		passed = x == 1 || x == n - 1;
		for (int k = 1; k < r && !passed; k++) {
			x = mul_mod(x, x, n);
			passed = x == n - 1;
		}
		if (!passed)
			return false;
	}
	return true;
}

/* Between 2^30 and 2^31, so that pq always has 8 bytes and stays below 2^63 (B.30). */
static uint64_t draw_prime(struct sb_net *n)
{
	uint32_t x;

	do {
		n->env.random(n->env.ctx, &x, sizeof x);
		x = (x & 0x3fffffffu) | 0x40000001u;
	} while (!is_prime(x));
	return x;
}

/* Minimal big-endian bytes. */
static size_t big_endian(uint64_t x, uint8_t out[8])
{
	size_t n = 0;

	for (int shift = 56; shift >= 0; shift -= 8)
		if (n || x >> shift)
			out[n++] = (uint8_t)(x >> shift);
	return n;
}

static bool is_number(struct tl_str s, uint64_t x)
{
	uint8_t want[8];
	size_t n = big_endian(x, want);

	return s.len == n && s.data && !memcmp(s.data, want, n);
}

/* ---- req_pq, req_pq_multi ---------------------------------------------------------------------
 */
static struct sb_handshake *by_nonce(struct sb_net *n, const uint8_t *nonce, const uint8_t *server)
{
	for (struct sb_handshake *h = n->handshakes; h; h = h->next)
		if (!memcmp(h->nonce, nonce, 16) &&
		    (!server || !memcmp(h->server_nonce, server, 16)))
			return h;
	return NULL;
}

static uint64_t told_pq(struct sb_conn *c, const struct sb_handshake *h)
{
	if (sb_bent(c, "pq_one"))
		return 1;
	if (sb_bent(c, "pq_prime"))
		return h->p;
	return sb_bent(c, "pq_huge") ? UINT64_MAX : h->p * h->q;
}

static int req_pq(struct sb_conn *c, struct tl_cursor *in, struct tl_buf *answer)
{
	struct sb_net *n = c->net;
	const uint8_t *nonce = tl_get(in, 16);
	struct sb_handshake *h = nonce ? by_nonce(n, nonce, NULL) : NULL;
	uint8_t number[8];

	if (!nonce)
		return NOT_FOUND;
	if (!h) {
		h = calloc(1, sizeof *h);
		if (!h)
			return NOT_FOUND;
		memcpy(h->nonce, nonce, 16);
		n->env.random(n->env.ctx, h->server_nonce, 16);
		h->p = draw_prime(n);
		do
			h->q = draw_prime(n);
		while (h->q == h->p);
		if (h->p > h->q) {
			uint64_t p = h->p;

			h->p = h->q;
			h->q = p;
		}
		h->dc = c->dc;
		h->at = sb_now(n->s);
		h->next = n->handshakes;
		n->handshakes = h;
		if (++n->handshake_count > SB_MAX_HANDSHAKES)
			sb_handshakes_tick(n, h->at);
	}
	tl_put_u32(answer, ID_RES_PQ);
	tl_put(answer, h->nonce, 16);
	tl_put(answer, h->server_nonce, 16);
	if (sb_bent(c, "pq_long"))
		tl_put_bytes(answer, "\1\0\0\0\0\0\0\0\1", 9);
	else
		tl_put_bytes(answer, number, big_endian(told_pq(c, h), number));
	tl_put_u32(answer, ID_VECTOR);
	tl_put_u32(answer, !sb_bent(c, "no_keys"));
	tl_put_u64(answer, sb_rsa_fingerprint(sb_net_rsa(n, c->dc)) ^ sb_bent(c, "fingerprint"));
	return 0;
}

/* ---- req_DH_params ----------------------------------------------------------------------------
 */
/* RSA_PAD (B.27): 144 bytes of data padded to 192, reversed, hashed, encrypted under a key that is
 * hidden by the hash of the rest. */
static bool unpad_new(const uint8_t m[256], uint8_t data[256], size_t *ret_n)
{
	uint8_t key[32], iv[32] = {0}, plain[224], hash[32];

	mt_sha256(hash, m + 32, 224, NULL, 0);
	for (int i = 0; i < 32; i++)
		key[i] = m[i] ^ hash[i];
	mt_ige_decrypt(key, iv, m + 32, plain, 224);
	for (int i = 0; i < 192; i++)
		data[i] = plain[191 - i];
	mt_sha256(hash, key, 32, data, 192);
	*ret_n = 192;
	return mt_equal(hash, plain + 192, 32);
}

struct inner {
	struct tl_str pq, p, q;
	const uint8_t *nonce, *server_nonce, *new_nonce;
	int32_t dc, expires_in;
	bool has_dc, temp;
};

/* Gives the number of bytes read; 0 = not an inner data. */
static size_t read_inner(const uint8_t *data, size_t n, struct inner *ret)
{
	struct tl_cursor c = tl_cursor(data, n);
	struct inner i = {0};
	uint32_t id = tl_get_u32(&c);

	if (id != ID_INNER && id != ID_INNER_DC && id != ID_INNER_TEMP && id != ID_INNER_TEMP_DC)
		return 0;
	i.temp = id == ID_INNER_TEMP || id == ID_INNER_TEMP_DC;
	i.has_dc = id == ID_INNER_DC || id == ID_INNER_TEMP_DC;
	i.pq = tl_get_bytes(&c);
	i.p = tl_get_bytes(&c);
	i.q = tl_get_bytes(&c);
	i.nonce = tl_get(&c, 16);
	i.server_nonce = tl_get(&c, 16);
	i.new_nonce = tl_get(&c, 32);
	if (i.has_dc)
		i.dc = (int32_t)tl_get_u32(&c);
	if (i.temp)
		i.expires_in = (int32_t)tl_get_u32(&c);
	if (c.err)
		return 0;
	*ret = i;
	return n - tl_left(&c);
}

static bool open_inner(const struct sb_rsa *rsa, struct tl_str sealed, uint8_t data[256],
		       struct inner *ret)
{
	uint8_t m[256], hash[20];
	size_t len;

	if (sealed.len != 256 || sb_rsa_private(rsa, (const uint8_t *)sealed.data, m))
		return false;
	if (unpad_new(m, data, &len))
		return read_inner(data, len, ret) != 0;
	/* before 2021: 00 | SHA1(data) | data | random to 255 */
	memcpy(data, m + 21, 235);
	len = read_inner(data, 235, ret);
	if (m[0] || !len)
		return false;
	mt_sha1(hash, data, len, NULL, 0);
	return mt_equal(hash, m + 1, 20);
}

/* n, 10000 + n for test data centres, negative for media (B.38) */
static bool right_dc(const struct inner *i, int dc)
{
	int64_t x = i->dc;

	if (!i->has_dc)
		return true;
	return (x < 0 ? -x : x) % 10000 == dc;
}

/* tmp_aes_key and tmp_aes_iv (B.39) */
static void temporary_aes(struct sb_handshake *h)
{
	uint8_t a[20], b[20], c[20];

	mt_sha1(a, h->new_nonce, 32, h->server_nonce, 16);
	mt_sha1(b, h->server_nonce, 16, h->new_nonce, 32);
	mt_sha1(c, h->new_nonce, 32, h->new_nonce, 32);
	memcpy(h->tmp_key, a, 20);
	memcpy(h->tmp_key + 20, b, 12);
	memcpy(h->tmp_iv, b + 12, 8);
	memcpy(h->tmp_iv + 8, c, 20);
	memcpy(h->tmp_iv + 28, h->new_nonce, 4);
}

/* The group and g_a as they are told: some faults bend them. */
static void put_group(struct sb_conn *c, const struct sb_handshake *h, struct tl_buf *inner)
{
	uint8_t p[256], ga[256];

	memcpy(p, sb_dh_prime, sizeof p);
	memcpy(ga, h->dh.ga, sizeof ga);
	if (sb_bent(c, "prime"))
		p[128] ^= 4;
	if (sb_bent(c, "ga_one") || sb_bent(c, "ga_zero"))
		memset(ga, 0, sizeof ga);
	if (sb_bent(c, "ga_one"))
		ga[255] = 1;
	if (sb_bent(c, "ga_minus1")) {
		memcpy(ga, sb_dh_prime, sizeof ga);
		ga[255]--;
	}
	tl_put_u32(inner, sb_bent(c, "g") ? 1 : SB_DH_G);
	tl_put_bytes(inner, p, sb_bent(c, "prime_short") ? 128 : 256);
	tl_put_bytes(inner, ga, 256);
}

static int server_params(struct sb_conn *c, struct sb_handshake *h, struct tl_buf *answer)
{
	struct sb_net *n = c->net;
	struct tl_buf inner = {0};
	uint8_t iv[32], hash[20], *sealed;
	size_t pad;

	tl_put_u32(&inner, ID_SERVER_INNER);
	tl_put(&inner, h->nonce, 16);
	tl_put(&inner, h->server_nonce, 16);
	put_group(c, h, &inner);
	tl_put_u32(&inner, (uint32_t)(sb_now(n->s) / NS));
	pad = (16 - (20 + inner.len) % 16) % 16;
	sealed = inner.err ? NULL : malloc(20 + inner.len + pad);
	if (!sealed) {
		tl_buf_free(&inner);
		return NOT_FOUND;
	}
	mt_sha1(hash, inner.data, inner.len, NULL, 0);
	hash[0] ^= sb_bent(c, "sha");
	memcpy(sealed, hash, 20);
	memcpy(sealed + 20, inner.data, inner.len);
	n->env.random(n->env.ctx, sealed + 20 + inner.len, pad);
	memcpy(iv, h->tmp_iv, 32);
	mt_ige_encrypt(h->tmp_key, iv, sealed, sealed, 20 + inner.len + pad);
	tl_put_u32(answer, ID_DH_PARAMS_OK);
	tl_put(answer, h->nonce, 16);
	tl_put(answer, h->server_nonce, 16);
	tl_put_bytes(answer, sealed, 20 + inner.len + pad - (sb_bent(c, "dh_cut") ? 16 : 0));
	free(sealed);
	tl_buf_free(&inner);
	return 0;
}

static struct sb_handshake *nonces(struct sb_net *n, struct tl_cursor *in)
{
	const uint8_t *nonce = tl_get(in, 16), *server = tl_get(in, 16);

	return nonce && server ? by_nonce(n, nonce, server) : NULL;
}

/* A query that was answered before: 1 = told again, 0 = a new one. */
static int repeated(struct sb_handshake *h, int step, const uint8_t *body, size_t n,
		    struct tl_buf *answer)
{
	if (!h->told[step].len || h->asked[step].len != n || memcmp(h->asked[step].data, body, n))
		return 0;
	tl_put(answer, h->told[step].data, h->told[step].len);
	return 1;
}

static int keep(struct sb_handshake *h, int step, const uint8_t *body, size_t n,
		const struct tl_buf *answer)
{
	tl_buf_clear(&h->asked[step]);
	tl_buf_clear(&h->told[step]);
	tl_put(&h->asked[step], body, n);
	tl_put(&h->told[step], answer->data, answer->len);
	return h->asked[step].err || h->told[step].err ? NOT_FOUND : 0;
}

static int req_dh_params(struct sb_conn *c, struct tl_cursor *in, const uint8_t *body, size_t len,
			 struct tl_buf *answer)
{
	struct sb_net *n = c->net;
	struct sb_handshake *h = nonces(n, in);
	struct tl_str p = tl_get_bytes(in), q = tl_get_bytes(in);
	uint64_t fingerprint = tl_get_u64(in);
	struct tl_str sealed = tl_get_bytes(in);
	const struct sb_rsa *rsa = sb_net_rsa(n, c->dc);
	uint8_t data[256];
	struct inner i;

	if (in->err || !h)
		return NOT_FOUND;
	if (repeated(h, 0, body, len, answer))
		return 0;
	if (h->params_told || h->dc != c->dc || !is_number(p, h->p) || !is_number(q, h->q) ||
	    fingerprint != sb_rsa_fingerprint(rsa) || !open_inner(rsa, sealed, data, &i) ||
	    !is_number(i.pq, h->p * h->q) || !is_number(i.p, h->p) || !is_number(i.q, h->q) ||
	    memcmp(i.nonce, h->nonce, 16) || memcmp(i.server_nonce, h->server_nonce, 16) ||
	    (i.temp && i.expires_in <= 0))
		return NOT_FOUND;
	if (!right_dc(&i, c->dc))
		return WRONG_DC;
	memcpy(h->new_nonce, i.new_nonce, 32);
	h->temp = i.temp;
	h->expires_in = i.expires_in;
	h->params_told = true;
	temporary_aes(h);
	if (sb_dh_draw(n, &h->dh) || server_params(c, h, answer))
		return NOT_FOUND;
	return keep(h, 0, body, len, answer);
}

/* ---- set_client_DH_params ----------------------------------------------------------------------
 */
/* Decrypts and checks client_DH_inner_data; plain holds the bytes that *ret_gb points into. */
static bool open_client(struct sb_handshake *h, struct tl_str sealed, uint8_t plain[512],
			uint64_t *ret_retry, struct tl_str *ret_gb)
{
	struct tl_cursor c;
	uint8_t iv[32], hash[20];
	const uint8_t *nonce, *server;
	size_t len;

	if (sealed.len < 32 || sealed.len > 512 || sealed.len % 16)
		return false;
	memcpy(iv, h->tmp_iv, 32);
	mt_ige_decrypt(h->tmp_key, iv, (const uint8_t *)sealed.data, plain, sealed.len);
	c = tl_cursor(plain + 20, sealed.len - 20);
	if (tl_get_u32(&c) != ID_CLIENT_INNER)
		return false;
	nonce = tl_get(&c, 16);
	server = tl_get(&c, 16);
	*ret_retry = tl_get_u64(&c);
	*ret_gb = tl_get_bytes(&c);
	if (c.err || tl_left(&c) > 15)
		return false;
	len = sealed.len - 20 - tl_left(&c);
	mt_sha1(hash, plain + 20, len, NULL, 0);
	return mt_equal(hash, plain, 20) && !memcmp(nonce, h->nonce, 16) &&
	       !memcmp(server, h->server_nonce, 16);
}

/* new_nonce_hash1, 2, 3 (B.46) */
static void tell(struct sb_handshake *h, int outcome, const uint8_t aux[8], struct tl_buf *answer)
{
	static const uint32_t ids[] = {0, ID_GEN_OK, ID_GEN_RETRY, ID_GEN_FAIL};
	uint8_t tail[9], hash[20];

	tail[0] = (uint8_t)outcome;
	memcpy(tail + 1, aux, 8);
	mt_sha1(hash, h->new_nonce, 32, tail, 9);
	tl_put_u32(answer, ids[outcome]);
	tl_put(answer, h->nonce, 16);
	tl_put(answer, h->server_nonce, 16);
	tl_put(answer, hash + 4, 16);
}

static int set_client_dh(struct sb_conn *c, struct tl_cursor *in, const uint8_t *body, size_t len,
			 struct tl_buf *answer)
{
	struct sb_net *n = c->net;
	struct sb_handshake *h = nonces(n, in);
	struct tl_str sealed = tl_get_bytes(in), gb;
	uint8_t plain[512], key[256], hash[20], salt[8];
	uint64_t retry, want, first;
	int64_t now = sb_now(n->s) / NS;
	int err;

	if (in->err || !h || !h->params_told || h->dc != c->dc)
		return NOT_FOUND;
	if (repeated(h, 1, body, len, answer))
		return 0;
	if (h->told[1].len)
		return NOT_FOUND;
	memcpy(&want, h->aux, 8);
	if (!open_client(h, sealed, plain, &retry, &gb) || (retry && retry != want))
		return NOT_FOUND;
	if (sb_dh_key(&h->dh, (const uint8_t *)gb.data, gb.len, key))
		return NOT_FOUND;
	for (int i = 0; i < 8; i++)
		salt[i] = h->new_nonce[i] ^ h->server_nonce[i]; /* B.48 */
	memcpy(&first, salt, 8);
	mt_sha1(hash, key, 256, NULL, 0);
	memcpy(h->aux, hash, 8);
	if (sb_bent(c, "retry") || sb_bent(c, "fail")) {
		tell(h, sb_bent(c, "retry") ? 2 : 3, hash, answer);
		return 0;
	}
	err = sb_key_add(n, key, c->dc, h->temp, h->temp ? now + h->expires_in : 0, first, c->ip);
	mt_wipe(key, sizeof key);
	if (err == -TG_E_AGAIN && ++h->retries <= MAX_RETRIES) {
		tell(h, 2, hash, answer);
		return 0;
	}
	hash[0] ^= sb_bent(c, "hash");
	tell(h, err ? 3 : 1, hash, answer);
	n->count.handshakes += !err;
	return keep(h, 1, body, len, answer);
}

int sb_handshake_feed(struct sb_conn *c, const uint8_t *body, size_t n, struct tl_buf *answer)
{
	struct tl_cursor in = tl_cursor(body, n);
	int code;

	switch (tl_get_u32(&in)) {
	case ID_REQ_PQ:
	case ID_REQ_PQ_MULTI:
		code = req_pq(c, &in, answer);
		break;
	case ID_REQ_DH_PARAMS:
		code = req_dh_params(c, &in, body, n, answer);
		break;
	case ID_SET_CLIENT_DH:
		code = set_client_dh(c, &in, body, n, answer);
		break;
	case ID_MSGS_ACK: /* some clients ack in the plain, too */
		code = 0;
		break;
	default:
		code = NOT_FOUND;
	}
	if (!code && answer->len > 36) {
		answer->data[4] ^= sb_bent(c, "nonce");
		answer->data[20] ^= sb_bent(c, "server_nonce");
		if (sb_bent(c, "garbage"))
			c->net->env.random(c->net->env.ctx, answer->data + 4, answer->len - 4);
	}
	return code ? code : answer->err ? NOT_FOUND : 0;
}
